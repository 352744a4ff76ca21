/* SPDX-License-Identifier: MIT */
/* The environment's life: one allocation that holds the state and the capture buffers. */
#include <stdlib.h>
#include <string.h>

#include "effects.h"

/* Guests' output may hold secrets. The compiler must not see that nobody reads what is wiped before it is freed. */
static void *(*const volatile wipe)(void *bytes, int value, size_t size) = memset;

static size_t capture_size(const wasi_light_config_t *config, int i) {
  const wasi_light_output_t *out = &config->out[i];
  if (out->mode == WASI_LIGHT_OUTPUT_LINES)
    return WASI_LIGHT_PREFIX_MAX + out->line_size + 1; /* and a NUL or newline */
  return out->mode == WASI_LIGHT_OUTPUT_CAPTURE ? out->capture_size : 0;
}

/* The counters, which are behind the environment, and the capture buffers, which are behind them. */
static size_t calls_size(const wasi_light_config_t *config) {
  return config->count_calls ? P1_ROWS * sizeof(uint64_t) : 0;
}

size_t wasi_light_env_bytes(const wasi_light_config_t *config) {
  size_t buffers = capture_size(config, 0) + capture_size(config, 1);
  return sizeof(wasi_light_env_t) + calls_size(config) + buffers + (config->replay ? P1_DIFFERENCE_SIZE : 0);
}

/* Where a buffer's bytes begin. */
static uint8_t *content(const wasi_light_env_t *env, int i) {
  uint8_t *bytes = env->capture[i].bytes;
  return bytes && env->config->out[i].mode == WASI_LIGHT_OUTPUT_LINES ? bytes + WASI_LIGHT_PREFIX_MAX : bytes;
}

/* Empties a buffer. What was written to it is wiped. */
static void clear(wasi_light_env_t *env, int i) {
  p1_capture_t *capture = &env->capture[i];
  if (capture->size > 0) wipe(content(env, i), 0, capture->size);
  *capture = (p1_capture_t){.bytes = capture->bytes};
}

/* What a line has without its newline is given first. */
static void clear_both(wasi_light_env_t *env) {
  wasi_light_env_flush(env);
  for (int i = 0; i < 2; i++) clear(env, i);
}

wasi_light_env_t *wasi_light_env_new(wasi_light_config_t *config, void *host, wasi_light_error_t *error) {
  if (!config) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT, "config is NULL: expected one from wasi_light_config_new");
    return NULL;
  }
  wasi_light_env_t *env = malloc(wasi_light_env_bytes(config));
  if (!env) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_OUT_OF_MEMORY, "no memory for an environment of %zu bytes",
                     wasi_light_env_bytes(config));
    return NULL;
  }
  uint64_t *calls = (uint64_t *)(env + 1);
  uint8_t *buffers = (uint8_t *)calls + calls_size(config);
  *env = (wasi_light_env_t){.config = wasi_light_config_copy(config), .host = host};
  if (config->count_calls) env->calls = calls;
  if (capture_size(config, 0) > 0) env->capture[0].bytes = buffers;
  if (capture_size(config, 1) > 0) env->capture[1].bytes = buffers + capture_size(config, 0);
  if (config->replay) env->difference = (char *)buffers + capture_size(config, 0) + capture_size(config, 1);
  if (config->next_random_stream)
    env->first_stream = atomic_fetch_add_explicit(&config->environments, 1, memory_order_relaxed) + 1;
  wasi_light_env_reset(env);
  return env;
}

void wasi_light_env_delete(wasi_light_env_t *env) {
  if (!env) return;
  clear_both(env);
  wasi_light_env_set_memory(env, NULL, NULL, NULL);
  wipe(&env->entropy, 0, sizeof env->entropy);
  wasi_light_config_delete(env->config);
  free(env);
}

void wasi_light_env_reset(wasi_light_env_t *env) {
  clear_both(env);
  env->state = (p1_state_t){.exited = false};
  env->state.random_stream = env->first_stream;
  for (unsigned i = 0; i < P1_STREAMS; i++) {
    env->state.stream[i] = (uint16_t)i;
    env->state.rights[i] = i == P1_STDIN ? P1_RIGHTS_STDIN : P1_RIGHTS_OUTPUT;
  }
  if (env->calls) memset(env->calls, 0, calls_size(env->config));
  wasi_light__begin_log(env);
}

/* A copy of `size` bytes into `*to`, or NULL if there are none; false if memory runs out. */
static bool copy_bytes(void **to, const void *from, size_t size) {
  *to = size > 0 ? malloc(size) : NULL;
  if (*to) memcpy(*to, from, size);
  return *to || size == 0;
}

bool wasi_light__env_save(const wasi_light_env_t *env, wasi_light__env_state_t *saved) {
  void *copies[3] = {NULL, NULL, NULL};
  bool good = copy_bytes(&copies[0], content(env, 0), env->capture[0].size) &&
              copy_bytes(&copies[1], content(env, 1), env->capture[1].size) &&
              copy_bytes(&copies[2], env->calls, env->calls ? calls_size(env->config) : 0);
  saved->state = env->state;
  for (int i = 0; i < 2; i++) {
    saved->capture[i] = env->capture[i];
    saved->capture[i].bytes = copies[i];
  }
  saved->calls = copies[2];
  if (!good) wasi_light__env_state_free(saved);
  return good;
}

void wasi_light__env_restore(wasi_light_env_t *env, const wasi_light__env_state_t *saved) {
  clear_both(env);
  env->state = saved->state;
  env->state.exited = false;
  env->state.stop = 0;
  if (env->calls) memcpy(env->calls, saved->calls, calls_size(env->config));
  for (int i = 0; i < 2; i++) {
    uint8_t *bytes = env->capture[i].bytes;
    env->capture[i] = saved->capture[i];
    env->capture[i].bytes = bytes;
    env->capture[i].prefix = 0;
    if (saved->capture[i].size > 0) memcpy(content(env, i), saved->capture[i].bytes, saved->capture[i].size);
  }
}

void wasi_light__env_state_free(wasi_light__env_state_t *saved) {
  for (int i = 0; i < 2; i++) {
    free(saved->capture[i].bytes);
    saved->capture[i].bytes = NULL;
  }
  free(saved->calls);
  saved->calls = NULL;
}

size_t wasi_light_env_replay_left(const wasi_light_env_t *env) {
  return env->config->replay_size - env->state.replay_position;
}

wasi_light_usage_t wasi_light_env_usage(const wasi_light_env_t *env) {
  return env->state.usage;
}

uint64_t wasi_light_env_calls(const wasi_light_env_t *env, const char *function) {
  uint32_t row = wasi_light__row_named(function);
  return env->calls && row < P1_ROWS ? env->calls[row] : 0;
}

void wasi_light_env_set_random_stream(wasi_light_env_t *env, uint64_t number) {
  env->state.random_stream = number;
  env->state.random_position = 0;
}

void *wasi_light_env_host(const wasi_light_env_t *env) {
  return env->host;
}

void wasi_light_env_set_host(wasi_light_env_t *env, void *host) {
  env->host = host;
}

static bool is_captured(const wasi_light_env_t *env, uint32_t fd) {
  return (fd == P1_STDOUT || fd == P1_STDERR) && env->config->out[fd - P1_STDOUT].mode == WASI_LIGHT_OUTPUT_CAPTURE;
}

const uint8_t *wasi_light_env_captured(const wasi_light_env_t *env, uint32_t fd, size_t *size, uint64_t *dropped) {
  static const p1_capture_t nothing = {.bytes = NULL};
  const p1_capture_t *capture = is_captured(env, fd) ? &env->capture[fd - P1_STDOUT] : &nothing;
  if (size) *size = capture->size;
  if (dropped) *dropped = capture->dropped;
  return capture->bytes;
}

void wasi_light_env_clear_captured(wasi_light_env_t *env, uint32_t fd) {
  if (is_captured(env, fd)) clear(env, (int)(fd - P1_STDOUT));
}

void wasi_light_env_set_memory(wasi_light_env_t *env, void *memory, wasi_light_view_of_t view_of,
                               void (*release)(void *memory)) {
  if (env->release) env->release(env->memory);
  env->memory = memory;
  env->view_of = view_of;
  env->release = release;
}

uint32_t wasi_light__memory(wasi_light_env_t *env, p1_mem_t *mem) {
  static uint8_t nothing;
  if (!env->view_of) return P1_STOP_NO_MEMORY;
  *mem = env->view_of(env->memory);
  if (!mem->base) *mem = (p1_mem_t){&nothing, 0}; /* so that the address of no bytes is an address */
  return WASI_LIGHT_ESUCCESS;
}

/* What a stop that is not an exit is to the host. */
static wasi_light_outcome_kind_t stop_kind(uint32_t stop) {
  switch (stop) {
    case P1_STOP_NO_MEMORY: return WASI_LIGHT_NO_MEMORY;
    case P1_STOP_DENIED: return WASI_LIGHT_TRAPPED;
    case P1_STOP_RAISED: return WASI_LIGHT_RAISED;
    case P1_STOP_DIVERGED: return WASI_LIGHT_DIVERGED;
    default: return WASI_LIGHT_LIMIT;
  }
}

static const char *stop_text(uint32_t stop) {
  switch (stop) {
    case P1_STOP_NO_MEMORY:
      return " needs the guest's memory and none is bound: the module must export it as \"memory\", or the host bind "
             "it with wasi_light_env_bind_instance or wasi_light_env_bind_memory";
    case P1_STOP_SLEEP: return ": the guest would wait longer than options.sleep allows";
    case P1_STOP_CALLS: return ": the guest made more calls than options.rules or options.quota allow";
    case P1_STOP_OUTPUT: return ": the guest would write more than options.quota allows";
    case P1_STOP_RANDOM: return ": the guest would take more random bytes than options.quota allows";
    default: return " is denied by the host";
  }
}

static void describe_stop(const wasi_light_env_t *env, wasi_light_outcome_t *outcome) {
  const p1_row_t *row = &wasi_light__rows[env->state.stopped_by];
  const char *reason = NULL;
  outcome->kind = stop_kind(env->state.stop);
  if (env->state.stop == P1_STOP_RAISED) {
    outcome->signal = env->state.signal;
    wasi_light__format(outcome->message, sizeof outcome->message, "the guest raised signal %u", env->state.signal);
    return;
  }
  if (env->state.stop == P1_STOP_DIVERGED) {
    wasi_light__format(outcome->message, sizeof outcome->message, "%s", env->difference);
    return;
  }
  if (env->state.stop == P1_STOP_DENIED && env->config->rules) reason = env->config->rules[row->like].message;
  wasi_light__format(outcome->message, sizeof outcome->message, "%s%s%s%s", row->name, stop_text(env->state.stop),
                     reason ? ": " : "", reason ? reason : "");
}

bool wasi_light_env_stopped(wasi_light_env_t *env, wasi_light_outcome_t *outcome) {
  outcome->exit_code = 0;
  outcome->signal = 0;
  outcome->message[0] = '\0';
  outcome->kind = WASI_LIGHT_RETURNED;
  if (env->state.exited) {
    outcome->kind = WASI_LIGHT_EXITED;
    outcome->exit_code = env->state.exit_code;
    wasi_light__format(outcome->message, sizeof outcome->message, "the guest exited with code %u", outcome->exit_code);
  } else if (env->state.stop > 0) {
    describe_stop(env, outcome);
  }
  env->state.stop = 0;
  return outcome->kind != WASI_LIGHT_RETURNED;
}
