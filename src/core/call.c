/* SPDX-License-Identifier: MIT */
/*
 * What stands around every syscall: the exit that lets nothing through, rules, limits, counters, the trace, the log.
 * An environment with none of the latter pays one branch for all of them.
 */
#include "effects.h"

static uint32_t allowed_call(wasi_light_env_t *env, uint32_t row, const uint64_t *args) {
  const wasi_light_config_t *config = env->config;
  uint32_t like = wasi_light__rows[row].like;
  if (config->quota.calls > 0 && env->state.usage.calls > config->quota.calls) return P1_STOP_CALLS;
  if (config->rules) {
    const p1_rule_t *rule = &config->rules[like];
    if (rule->action == WASI_LIGHT_DENY_ERRNO) return rule->error;
    if (rule->action == WASI_LIGHT_DENY_TRAP) return P1_STOP_DENIED;
    if (rule->max_calls > 0 && env->calls && env->calls[like] > rule->max_calls) return P1_STOP_CALLS;
  }
  return wasi_light__rows[row].body(env, args);
}

/* The call itself, and what it wrote if it succeeded. */
static uint32_t live_call(wasi_light_env_t *env, uint32_t row, const uint64_t *args, p1_effects_t *effects) {
  uint64_t hash = 0;
  bool hashed = env->config->record && wasi_light__hash_input(env, row, args, &hash);
  uint32_t status = allowed_call(env, row, args);
  if (status == WASI_LIGHT_ESUCCESS) wasi_light__settle_effects(env, row, effects);
  if (env->config->record) wasi_light__record(env, row, args, hashed ? &hash : NULL, status, effects);
  return status;
}

/* The arguments without the upper bits of those that are i32, which mean nothing. */
static void take_values(uint32_t row, const uint64_t *args, uint64_t *values) {
  static const char letters[] = {
#define P1_KIND_LETTER(kind, ctype, letter) letter,
      P1_KIND_MAP(P1_KIND_LETTER)
#undef P1_KIND_LETTER
  };
  const uint8_t *kinds = wasi_light__rows[row].kinds;
  for (uint32_t i = 0; kinds[i] != P1_KIND_NONE; i++) {
    values[i] = letters[kinds[i]] == 'i' ? (uint32_t)args[i] : args[i];
  }
}

static uint32_t observed_call(wasi_light_env_t *env, uint32_t row, const uint64_t *args) {
  const wasi_light_config_t *config = env->config;
  uint64_t values[P1_PARAMS_MAX + 1] = {0};
  p1_effects_t effects;
  p1_trace_t trace;
  take_values(row, args, values);
  args = values;
  wasi_light__expect_effects(env, row, args, &effects);
  if (config->trace) wasi_light__trace_call(env, row, args, &effects, &trace);
  uint32_t status = config->replay ? wasi_light__replay(env, row, args, &effects) : live_call(env, row, args, &effects);
  if (config->trace) wasi_light__trace_result(env, row, status, &effects, &trace);
  return status;
}

static uint32_t watched_call(wasi_light_env_t *env, uint32_t row, const uint64_t *args) {
  const wasi_light_config_t *config = env->config;
  if (env->calls) env->calls[wasi_light__rows[row].like]++;
  if (config->trace || config->record || config->replay) return observed_call(env, row, args);
  return allowed_call(env, row, args);
}

uint32_t wasi_light__call(wasi_light_env_t *env, uint32_t row, const uint64_t *args) {
  if (env->state.exited) return P1_STOP_EXIT;
  env->state.usage.calls++;
  uint32_t status = env->config->watched ? watched_call(env, row, args) : wasi_light__rows[row].body(env, args);
  if (status > P1_STOP_EXIT) {
    env->state.stopped_by = row;
    env->state.stop = status;
  }
  return status;
}
