/* SPDX-License-Identifier: MIT */
/*
 * What one WASI call costs, in a tight loop of the guest: wasi-light's functions, and host functions that do nothing, on the
 * same engine and through both of its interfaces. `system` is what the system takes for the same, without a guest.
 */
#include <sched.h>
#include <sys/random.h>
#include <wasi_light_wasm.h>

#include "bare.h"

static wasm_engine_t *engine;

/* ---- wasi-light ---- */

typedef struct light_t {
  wasi_light_instance_t *instance;
  const wasi_light_func_t *func;
} light_t;

static int32_t run_light(void *data, int32_t count) {
  const light_t *light = data;
  const wasm_val_t arg = WASM_I32_VAL(count);
  wasm_val_t result;
  wasi_light_outcome_t outcome = wasi_light_call(light->instance, light->func, &arg, 1, &result, 1);
  if (outcome.kind != WASI_LIGHT_RETURNED) fail("a loop", outcome.message);
  return result.of.i32;
}

static wasi_light_instance_t *new_light(void) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_error_t error;
  size_t size = 0;
  options.args = bench_args;
  options.env = bench_env;
  wasi_light_config_t *config = wasi_light_config_new(&options, &error);
  if (!config) fail("configuration", error.message);
  uint8_t *bytes = bench_guest("loop", &size);
  wasi_light_module_t *module = wasi_light_module_new(engine, bytes, size, NULL, NULL, &error);
  free(bytes);
  if (!module) fail("loop", error.message);
  wasi_light_instance_t *instance = wasi_light_instance_new(module, config, NULL, &error);
  if (!instance) fail("loop", error.message);
  return instance;
}

static void measure_light(void) {
  static wasi_light_instance_t *instance;
  if (!instance) instance = new_light();
  for (size_t i = 0; i < BENCH_LOOPS; i++) {
    light_t light = {instance, wasi_light_module_func(wasi_light_instance_module(instance), bench_loops[i])};
    if (!light.func) fail(bench_loops[i], "is not exported");
    bench_print("calls", bench_loops[i], "wasi-light", bench_measure_loop(run_light, &light, bench_loops[i]));
  }
}

/* ---- Host functions that do nothing ---- */

/* The exports of an instance that lives as long as the program. */
static wasm_extern_vec_t new_empty(wasm_exporttype_vec_t *names, bool raw) {
  wasm_extern_vec_t exports;
  bare_t bare = bare_new(engine, "loop", raw);
  wasm_instance_exports(bare_make(&bare).instance, &exports);
  wasm_module_exports(bare.module, names);
  return exports;
}

static int32_t run_empty(void *data, int32_t count) {
  wasm_val_t values[] = {WASM_I32_VAL(count)}, results[] = {WASM_INIT_VAL};
  wasm_val_vec_t arg_vec = WASM_ARRAY_VEC(values), result_vec = WASM_ARRAY_VEC(results);
  if (wasm_func_call(data, &arg_vec, &result_vec)) fail("a loop", "trapped");
  return results[0].of.i32;
}

static wasm_func_t *find_export(const wasm_exporttype_vec_t *names, const wasm_extern_vec_t *exports,
                                const char *name) {
  for (size_t i = 0; i < names->size; i++) {
    const wasm_name_t *candidate = wasm_exporttype_name(names->data[i]);
    if (candidate->size == strlen(name) && memcmp(candidate->data, name, candidate->size) == 0)
      return wasm_extern_as_func(exports->data[i]);
  }
  fail(name, "is not exported");
}

static void measure_empty(const char *way, bool raw) {
  static wasm_exporttype_vec_t names[2];
  static wasm_extern_vec_t exports[2];
  if (!exports[raw].data) exports[raw] = new_empty(&names[raw], raw);
  for (size_t i = 0; i < BENCH_LOOPS; i++) {
    wasm_func_t *func = find_export(&names[raw], &exports[raw], bench_loops[i]);
    bench_print("calls", bench_loops[i], way, bench_measure_loop(run_empty, func, bench_loops[i]));
  }
}

/* ---- The system's own cost of the same ---- */

static int32_t run_clock(void *data, int32_t count) {
  struct timespec *time = data;
  int32_t errors = 0;
  for (int32_t i = 0; i < count; i++) errors |= clock_gettime(CLOCK_MONOTONIC, time);
  return errors;
}

static int32_t draw(void *data, int32_t count, size_t size) {
  int32_t errors = 0;
  for (int32_t i = 0; i < count; i++) errors |= getrandom(data, size, 0) != (ssize_t)size;
  return errors;
}

static int32_t run_random_8(void *data, int32_t count) {
  return draw(data, count, 8);
}

static int32_t run_random_4096(void *data, int32_t count) {
  return draw(data, count, 4096);
}

static int32_t run_yield(void *data, int32_t count) {
  (void)data;
  int32_t errors = 0;
  for (int32_t i = 0; i < count; i++) errors |= sched_yield();
  return errors;
}

static void measure_system(void) {
  static const struct {
    const char *name;
    int32_t (*run)(void *data, int32_t count);
  } loops[] = {{"clock_time_get", run_clock},
               {"random_get_8", run_random_8},
               {"random_get_4096", run_random_4096},
               {"sched_yield", run_yield}};
  static uint64_t data[512];
  for (size_t i = 0; i < sizeof loops / sizeof loops[0]; i++)
    bench_print("calls", loops[i].name, "system", bench_measure_loop(loops[i].run, data, loops[i].name));
}

/* ---- */

static void measure_group(const char *group) {
  if (strcmp(group, "calls") != 0) return;
  measure_light();
  measure_empty("empty", false);
  if (bare_has_raw()) measure_empty("empty raw", true);
  measure_system();
}

int main(void) {
  engine = wasm_engine_new();
  if (!engine) fail("engine", "cannot be started");
  bench_serve(measure_group);
  return EXIT_SUCCESS;
}
