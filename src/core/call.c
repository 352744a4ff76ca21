/* SPDX-License-Identifier: MIT */
/* What stands around every syscall: the exit that lets nothing through, rules, limits and counters. */
#include "rows.h"

static uint32_t allowed_call(wasi_light_env_t *env, uint32_t row, const uint64_t *args) {
  const wasi_light_config_t *config = env->config;
  uint32_t like = wasi_light__rows[row].like;
  if (env->calls) env->calls[like]++;
  if (config->rules) {
    const p1_rule_t *rule = &config->rules[like];
    if (rule->action == WASI_LIGHT_DENY_ERRNO) return rule->error;
    if (rule->action == WASI_LIGHT_DENY_TRAP) return P1_STOP_DENIED;
    if (rule->max_calls > 0 && env->calls[like] > rule->max_calls) return P1_STOP_CALLS;
  }
  if (config->quota.calls > 0 && env->state.usage.calls > config->quota.calls) return P1_STOP_CALLS;
  return wasi_light__rows[row].body(env, args);
}

uint32_t wasi_light__call(wasi_light_env_t *env, uint32_t row, const uint64_t *args) {
  if (env->state.exited) return P1_STOP_EXIT;
  env->state.usage.calls++;
  uint32_t status = env->config->watched ? allowed_call(env, row, args) : wasi_light__rows[row].body(env, args);
  if (status > P1_STOP_EXIT) {
    env->state.stopped_by = row;
    env->state.stop = status;
  }
  return status;
}
