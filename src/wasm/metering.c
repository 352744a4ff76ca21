/* SPDX-License-Identifier: MIT */
/*
 * Points: how much a call may run. Compiled code counts them down, in globals of the instance that the guest cannot
 * name; here they are dealt out at each outermost call and taken away after it.
 */
#include "adapter.h"

void wasi_light__points_begin(wasi_light_instance_t *instance) {
  wasi_light__points_t *points = &instance->points;
  if (points->entered++ > 0) return; /* it has what the outermost call has left */
  points->of_call = points->per_call < UINT64_MAX ? points->per_call : UINT64_MAX - 1; /* UINT64_MAX is: ran out */
  points->ran_out = false;
  wasi_light__set_points_left(instance->wasm, points->of_call);
}

/* `left` is UINT64_MAX if they ran out just now. */
static uint64_t used_in_call(const wasi_light__points_t *points, uint64_t left) {
  return left > points->of_call ? points->of_call : points->of_call - left;
}

wasi_light_outcome_t wasi_light__points_end(wasi_light_instance_t *instance, own wasm_trap_t *trap) {
  wasi_light__points_t *points = &instance->points;
  uint64_t left = wasi_light__points_left(instance->wasm);
  bool ran_out = left == UINT64_MAX;
  bool outermost = --points->entered == 0;
  if (ran_out) points->ran_out = true;
  /* What is left when they run out is less than a block needs: a smaller block must not have it. */
  if (ran_out || outermost) wasi_light__set_points_left(instance->wasm, 0);
  if (outermost) points->used = p1_sum(points->used, used_in_call(points, left));
  wasi_light_outcome_t outcome = wasi_light_env_outcome(instance->env, trap);
  if (points->ran_out && outcome.kind == WASI_LIGHT_TRAPPED) {
    outcome.kind = WASI_LIGHT_LIMIT;
    wasi_light__format(outcome.message, sizeof outcome.message, "the guest used up its %llu points of a call",
                       (unsigned long long)points->of_call);
  }
  return outcome;
}

bool wasi_light_instance_set_points(wasi_light_instance_t *instance, uint64_t points_per_call) {
  if (instance->points.per_call == 0 || points_per_call == 0) return false;
  instance->points.per_call = points_per_call;
  return true;
}

uint64_t wasi_light_instance_points_used(const wasi_light_instance_t *instance) {
  const wasi_light__points_t *points = &instance->points;
  if (points->entered == 0) return points->used;
  return p1_sum(points->used, used_in_call(points, wasi_light__points_left(instance->wasm)));
}
