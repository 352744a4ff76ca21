/* SPDX-License-Identifier: MIT */
/* The environment's life: one allocation that holds the state and the capture buffers. */
#include "env.h"

#include <stdlib.h>
#include <string.h>

#include "../platform/host.h"

/* Guests' output may hold secrets. The compiler must not see that nobody reads what is wiped before it is freed. */
static void *(*const volatile wipe)(void *bytes, int value, size_t size) = memset;

static size_t capture_size(const wasi_light_config_t *config, int i) {
  return config->out[i].mode == WASI_LIGHT_OUTPUT_CAPTURE ? config->out[i].capture_size : 0;
}

size_t wasi_light_env_bytes(const wasi_light_config_t *config) {
  return sizeof(wasi_light_env_t) + capture_size(config, 0) + capture_size(config, 1);
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
  uint8_t *buffers = (uint8_t *)(env + 1);
  *env = (wasi_light_env_t){.config = wasi_light_config_copy(config), .host = host};
  if (capture_size(config, 0) > 0) env->capture[0].bytes = buffers;
  if (capture_size(config, 1) > 0) env->capture[1].bytes = buffers + capture_size(config, 0);
  wasi_light_env_reset(env);
  return env;
}

void wasi_light_env_delete(wasi_light_env_t *env) {
  if (!env) return;
  wasi_light_env_clear_captured(env, P1_STDOUT);
  wasi_light_env_clear_captured(env, P1_STDERR);
  wasi_light_env_set_memory(env, NULL, NULL, NULL);
  wasi_light_config_delete(env->config);
  free(env);
}

void wasi_light_env_reset(wasi_light_env_t *env) {
  for (unsigned i = 0; i < P1_STREAMS; i++) {
    env->stream[i] = (uint8_t)i;
    env->fdflags[i] = 0;
  }
  env->random_position = 0;
  env->random_stream = 0;
  env->in_position = 0;
  env->elapsed_ns = 0;
  env->slept_ns = 0;
  env->stopped_by = NULL;
  env->exit_code = 0;
  env->exited = false;
  wasi_light_env_clear_captured(env, P1_STDOUT);
  wasi_light_env_clear_captured(env, P1_STDERR);
}

bool wasi_light__env_save(const wasi_light_env_t *env, wasi_light__env_state_t *state) {
  *state = (wasi_light__env_state_t){.random_position = env->random_position,
                                     .elapsed_ns = env->elapsed_ns,
                                     .slept_ns = env->slept_ns,
                                     .in_position = env->in_position};
  memcpy(state->stream, env->stream, sizeof state->stream);
  memcpy(state->fdflags, env->fdflags, sizeof state->fdflags);
  for (int i = 0; i < 2; i++) {
    const p1_capture_t *capture = &env->capture[i];
    state->capture[i] = (p1_capture_t){NULL, capture->size, capture->dropped};
    if (capture->size == 0) continue;
    state->capture[i].bytes = malloc(capture->size);
    if (!state->capture[i].bytes) {
      wasi_light__env_state_free(state);
      return false;
    }
    memcpy(state->capture[i].bytes, capture->bytes, capture->size);
  }
  return true;
}

void wasi_light__env_restore(wasi_light_env_t *env, const wasi_light__env_state_t *state) {
  env->random_position = state->random_position;
  env->in_position = state->in_position;
  memcpy(env->stream, state->stream, sizeof env->stream);
  memcpy(env->fdflags, state->fdflags, sizeof env->fdflags);
  env->elapsed_ns = state->elapsed_ns;
  env->slept_ns = state->slept_ns;
  env->stopped_by = NULL;
  env->exit_code = 0;
  env->exited = false;
  for (int i = 0; i < 2; i++) {
    const p1_capture_t *capture = &state->capture[i];
    if (env->capture[i].size > 0) wipe(env->capture[i].bytes, 0, env->capture[i].size);
    if (capture->size > 0) memcpy(env->capture[i].bytes, capture->bytes, capture->size);
    env->capture[i].size = capture->size;
    env->capture[i].dropped = capture->dropped;
  }
}

void wasi_light__env_state_free(wasi_light__env_state_t *state) {
  for (int i = 0; i < 2; i++) {
    free(state->capture[i].bytes);
    state->capture[i].bytes = NULL;
  }
}

void *wasi_light_env_host(const wasi_light_env_t *env) {
  return env->host;
}

void wasi_light_env_set_host(wasi_light_env_t *env, void *host) {
  env->host = host;
}

static bool is_captured(const wasi_light_env_t *env, uint32_t fd) {
  return (fd == P1_STDOUT || fd == P1_STDERR) && env->capture[fd - P1_STDOUT].bytes;
}

const uint8_t *wasi_light_env_captured(const wasi_light_env_t *env, uint32_t fd, size_t *size, uint64_t *dropped) {
  static const p1_capture_t nothing = {NULL, 0, 0};
  const p1_capture_t *capture = is_captured(env, fd) ? &env->capture[fd - P1_STDOUT] : &nothing;
  if (size) *size = capture->size;
  if (dropped) *dropped = capture->dropped;
  return capture->bytes;
}

void wasi_light_env_clear_captured(wasi_light_env_t *env, uint32_t fd) {
  if (!is_captured(env, fd)) return;
  wipe(env->capture[fd - P1_STDOUT].bytes, 0, env->capture[fd - P1_STDOUT].size);
  env->capture[fd - P1_STDOUT].size = 0;
  env->capture[fd - P1_STDOUT].dropped = 0;
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

bool wasi_light_env_stopped(wasi_light_env_t *env, wasi_light_outcome_t *outcome) {
  outcome->exit_code = 0;
  outcome->message[0] = '\0';
  outcome->kind = WASI_LIGHT_RETURNED;
  if (env->exited) {
    outcome->kind = WASI_LIGHT_EXITED;
    outcome->exit_code = env->exit_code;
    wasi_light__format(outcome->message, sizeof outcome->message, "the guest exited with code %u", env->exit_code);
  } else if (env->stopped_by && env->stop == P1_STOP_SLEEP) {
    outcome->kind = WASI_LIGHT_LIMIT;
    wasi_light__format(outcome->message, sizeof outcome->message,
                       "%s: the guest would wait longer than options.sleep allows", env->stopped_by);
  } else if (env->stopped_by) {
    outcome->kind = WASI_LIGHT_NO_MEMORY;
    wasi_light__format(outcome->message, sizeof outcome->message,
                       "%s needs the guest's memory and none is bound: the module must export it as \"memory\", or the "
                       "host bind it with wasi_light_env_bind_instance or wasi_light_env_bind_memory",
                       env->stopped_by);
  }
  env->stopped_by = NULL;
  return outcome->kind != WASI_LIGHT_RETURNED;
}
