/* SPDX-License-Identifier: MIT */
/* What calls read from guest memory and write to it, by the kinds of their parameters: for the trace and the log. */
#ifndef WASI_LIGHT_EFFECTS_H
#define WASI_LIGHT_EFFECTS_H

#include "../platform/host.h"
#include "rows.h"

/* The ranges that a call writes, parameter by parameter. */
typedef struct p1_effects_t {
  uint32_t count;
  uint32_t first[P1_PARAMS_MAX + 2]; /* of each parameter: its first range; those of the next begin after its last */
  host_slice_t ranges[P1_IOVECS_MAX + P1_PARAMS_MAX];
} p1_effects_t;

/* Before a call: what it writes at most if it succeeds. Ranges may lie outside memory: then it does not succeed. */
void wasi_light__expect_effects(wasi_light_env_t *env, uint32_t row, const uint64_t *args, p1_effects_t *effects);

/* After it has succeeded: what it has written. */
void wasi_light__settle_effects(wasi_light_env_t *env, uint32_t row, p1_effects_t *effects);

/* Before a call: whether it reads guest memory, and if so, a hash of what it reads. */
bool wasi_light__hash_input(wasi_light_env_t *env, uint32_t row, const uint64_t *args, uint64_t *hash);

/* trace.c: one line for a call. The first half is written before the call, the second after it. */
typedef struct p1_trace_t {
  char text[1024];
  size_t used;
} p1_trace_t;

void wasi_light__trace_call(wasi_light_env_t *env, uint32_t row, const uint64_t *args, const p1_effects_t *effects,
                            p1_trace_t *trace);
void wasi_light__trace_result(wasi_light_env_t *env, uint32_t row, uint32_t status, const p1_effects_t *effects,
                              p1_trace_t *trace);

/* log.c: calls written to a log, and answered from one. */
void wasi_light__begin_log(wasi_light_env_t *env);
void wasi_light__record(wasi_light_env_t *env, uint32_t row, const uint64_t *args, const uint64_t *hash,
                        uint32_t status, const p1_effects_t *effects);
uint32_t wasi_light__replay(wasi_light_env_t *env, uint32_t row, const uint64_t *args, p1_effects_t *effects);
/* Whether a log begins as those of this version do. */
bool wasi_light__is_log(const uint8_t *bytes, size_t size);

#endif
