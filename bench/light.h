/* SPDX-License-Identifier: MIT */
/* Instances of wasi-light made, called and gone, afresh and from a pool, for the programs that measure that. */
#ifndef BENCH_LIGHT_H
#define BENCH_LIGHT_H

#include <dirent.h>
#include <wasi_light_wasm.h>

#include "bench.h"

/* Such as /proc/self/fd: what is open, and a constant. */
static inline uint64_t count_entries(const char *folder) {
  uint64_t count = 0;
  DIR *directory = opendir(folder);
  if (!directory) fail(folder, "cannot be read");
  while (readdir(directory)) count++;
  closedir(directory);
  return count;
}

/* ---- Calls ---- */

typedef struct guest_t {
  char name[32];
  wasi_light_module_t *module;
} guest_t;

/* One call in instances of a guest, afresh or from a pool. */
typedef struct job_t {
  const guest_t *guest;
  const bench_call_t *call;
  const wasi_light_func_t *func;
  wasi_light_config_t *config;
  wasi_light_pool_t *pool;
} job_t;

static inline wasm_val_t call(wasi_light_instance_t *instance, const wasi_light_func_t *func, const wasm_val_t *args,
                              size_t count) {
  wasm_val_t result;
  wasi_light_outcome_t outcome = wasi_light_call(instance, func, args, count, &result, 1);
  if (outcome.kind != WASI_LIGHT_RETURNED) fail("a call", outcome.message);
  return result;
}

/* Only an instance that is as new gives what is expected. */
static inline void call_and_check(wasi_light_instance_t *instance, const job_t *job) {
  const wasm_val_t arg = WASM_I32_VAL(job->call->argument);
  wasm_val_t result = call(instance, job->func, &arg, job->call->argument < 0 ? 0 : 1);
  bench_expect(job->guest->name, job->call, job->call->narrow ? result.of.i32 : result.of.i64);
  if (!job->call->captured) return;
  size_t size = 0;
  const uint8_t *bytes = wasi_light_env_captured(wasi_light_instance_env(instance), 1, &size, NULL);
  if (size < 10 || memcmp(bytes, "language: ", 10) != 0) fail(job->guest->name, "was not captured");
}

static inline void run_fresh(void *data) {
  const job_t *job = data;
  wasi_light_error_t error;
  wasi_light_instance_t *instance = wasi_light_instance_new(job->guest->module, job->config, NULL, &error);
  if (!instance) fail(job->guest->name, error.message);
  call_and_check(instance, job);
  wasi_light_instance_delete(instance);
}

static inline void run_pooled(void *data) {
  const job_t *job = data;
  wasi_light_error_t error;
  wasi_light_instance_t *instance = wasi_light_pool_take(job->pool, NULL, &error);
  if (!instance) fail(job->guest->name, error.message);
  call_and_check(instance, job);
  if (!wasi_light_pool_give(job->pool, instance, &error)) fail(job->guest->name, error.message);
}

/* ---- Pools ---- */

typedef struct way_t {
  const char *name;
  wasi_light_reset_t reset;
  size_t keep_resident; /* 0: the default */
  int32_t wrote;        /* pages that an earlier lease wrote; see measure_reset */
  bool read_all;        /* an earlier lease read all pages */
} way_t;

/* NULL if the system does not have that method. */
static inline wasi_light_pool_t *new_pool(wasi_light_module_t *module, wasi_light_config_t *config, const way_t *way) {
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  wasi_light_pool_stats_t stats;
  wasi_light_error_t error;
  options.reset = way->reset;
  options.warm = 1;
  if (way->keep_resident > 0) options.keep_resident = way->keep_resident;
  wasi_light_pool_t *pool = wasi_light_pool_new(module, config, &options, &error);
  if (!pool) fail("a pool", error.message);
  wasi_light_pool_stats(pool, &stats);
  if (way->reset == WASI_LIGHT_RESET_BEST || stats.method == way->reset) return pool;
  wasi_light_pool_delete(pool);
  return NULL;
}

/* A pool must have put every instance back, or it was not what was measured. */
static inline void delete_pool(wasi_light_pool_t *pool, const char *name) {
  wasi_light_pool_stats_t stats;
  wasi_light_pool_stats(pool, &stats);
  if (stats.made != 1 || stats.reset != stats.taken) fail(name, "instances were not recycled");
  wasi_light_pool_delete(pool);
}

/* ---- Guests and configurations ---- */

static inline guest_t new_guest(wasm_engine_t *engine, const char *name) {
  guest_t guest;
  size_t size = 0;
  wasi_light_error_t error;
  uint8_t *bytes = bench_guest(name, &size);
  snprintf(guest.name, sizeof guest.name, "%s", name);
  guest.module = wasi_light_module_new(engine, bytes, size, NULL, NULL, &error);
  if (!guest.module) fail(name, error.message);
  free(bytes);
  return guest;
}

static inline wasi_light_config_t *new_config(const wasi_light_options_t *options) {
  wasi_light_error_t error;
  wasi_light_config_t *config = wasi_light_config_new(options, &error);
  if (!config) fail("configuration", error.message);
  return config;
}

/* Nothing is given. */
static inline wasi_light_config_t *new_quiet_config(void) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  return new_config(&options);
}

#endif
