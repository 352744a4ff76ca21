/* SPDX-License-Identifier: MIT */
/* clock_*: the system's clocks or the host's own, realtime and monotonic moved by the configured offset. */
#include "../platform/host.h"
#include "env.h"

/* The sum in [1, 2^64 - 1]. */
/*@ assigns \nothing; ensures \result > 0; */
static uint64_t shifted(uint64_t time, int64_t offset) {
  uint64_t distance = offset < 0 ? 0 - (uint64_t)offset : (uint64_t)offset;
  if (offset < 0) return time > distance ? time - distance : 1;
  if (time > UINT64_MAX - distance) return UINT64_MAX;
  return time + distance > 0 ? time + distance : 1;
}

/*@ requires valid_env(env); assigns \nothing; ensures \result <= time; */
static uint64_t rounded(const wasi_light_env_t *env, uint64_t time) {
  uint64_t resolution = env->config->clock.resolution_ns;
  return resolution > 0 ? time - time % resolution : time;
}

/*@ requires valid_env(env); assigns P1_WRITABLE(env); ensures valid_env(env); */
static uint64_t ask_now(wasi_light_env_t *env, uint32_t clock) {
  env->in_callback = true;
  uint64_t time = env->config->clock.now(env->host, clock);
  env->in_callback = false;
  return time;
}

/*@ requires valid_env(env) && clock <= P1_CLOCK_MONOTONIC; assigns P1_WRITABLE(env); ensures valid_env(env); */
static uint64_t source_time(wasi_light_env_t *env, uint32_t clock) {
  const wasi_light_clock_t *source = &env->config->clock;
  if (source->mode == WASI_LIGHT_CLOCK_REAL) return host_clock_time(clock);
  if (source->mode == WASI_LIGHT_CLOCK_CALLBACK) return ask_now(env, clock);
  return p1_sum(clock == P1_CLOCK_REALTIME ? source->start_ns : 1, env->state.elapsed_ns);
}

/* What the guest sees where the source of clock 0 or 1 shows `time`. */
/*@ requires valid_env(env); assigns \nothing; ensures \result > 0; */
static uint64_t seen(const wasi_light_env_t *env, uint64_t time) {
  uint64_t guest = rounded(env, shifted(time, env->config->clock_offset_ns));
  return guest > 0 ? guest : 1;
}

uint64_t wasi_light__guest_time(wasi_light_env_t *env, uint32_t clock) {
  return seen(env, source_time(env, clock));
}

void wasi_light__advance(wasi_light_env_t *env, uint64_t ns) {
  wasi_light_clock_mode_t mode = env->config->clock.mode;
  if (mode == WASI_LIGHT_CLOCK_STEPPING || mode == WASI_LIGHT_CLOCK_VIRTUAL)
    env->state.elapsed_ns = p1_sum(env->state.elapsed_ns, ns);
}

/* INVAL for a clock that preview 1 does not have, NOTSUP for CPU time where time is not real. */
/*@ requires valid_env(env); assigns \nothing; ensures is_errno(\result) && (\result == 0 ==> id <= P1_CLOCK_THREAD_CPU); */
static uint32_t check_clock(const wasi_light_env_t *env, uint32_t id) {
  if (id > P1_CLOCK_THREAD_CPU) return WASI_LIGHT_EINVAL;
  if (id > P1_CLOCK_MONOTONIC && env->config->clock.mode != WASI_LIGHT_CLOCK_REAL) return WASI_LIGHT_ENOTSUP;
  return WASI_LIGHT_ESUCCESS;
}

/*@ requires valid_env(env) && id <= P1_CLOCK_THREAD_CPU; assigns \nothing; */
static uint64_t resolution_of(const wasi_light_env_t *env, uint32_t id) {
  const wasi_light_clock_t *source = &env->config->clock;
  if (source->resolution_ns > 0) return source->resolution_ns;
  return source->mode == WASI_LIGHT_CLOCK_REAL ? host_clock_resolution(id) : 1;
}

uint32_t p1_clock_res_get(wasi_light_env_t *env, uint32_t id, uint32_t resolution) {
  p1_mem_t mem;
  uint32_t error = check_clock(env, id);
  if (error != WASI_LIGHT_ESUCCESS) return error;
  if (wasi_light__memory(env, &mem)) return P1_STOP_NO_MEMORY;
  if (!p1_mem_has(mem, resolution, 8)) return WASI_LIGHT_EFAULT;
  p1_store_u64(mem, resolution, resolution_of(env, id));
  return WASI_LIGHT_ESUCCESS;
}

uint32_t p1_clock_time_get(wasi_light_env_t *env, uint32_t id, uint64_t precision, uint32_t time) {
  p1_mem_t mem;
  (void)precision; /* how late the answer may be: it never is */
  uint32_t error = check_clock(env, id);
  if (error != WASI_LIGHT_ESUCCESS) return error;
  if (wasi_light__memory(env, &mem)) return P1_STOP_NO_MEMORY;
  if (!p1_mem_has(mem, time, 8)) return WASI_LIGHT_EFAULT;
  if (env->config->clock.mode == WASI_LIGHT_CLOCK_STEPPING) wasi_light__advance(env, env->config->clock.step_ns);
  uint64_t now = id <= P1_CLOCK_MONOTONIC ? source_time(env, id) : host_clock_time(id);
  if (env->config->clock.mode == WASI_LIGHT_CLOCK_REAL && now == HOST_NO_TIME) return WASI_LIGHT_EIO;
  p1_store_u64(mem, time, id <= P1_CLOCK_MONOTONIC ? seen(env, now) : rounded(env, now));
  return WASI_LIGHT_ESUCCESS;
}
