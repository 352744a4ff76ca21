/* SPDX-License-Identifier: MIT */
/*
 * What one WASI call costs, in a tight loop of the guest: wasi-light's functions, and host functions that do nothing, on the
 * same engine and through both of its interfaces.
 */
#include <wasi_light_wasm.h>
#include <wasmer.h>

#include "bench.h"

typedef wasm_trap_t *(*raw_callback_t)(void *env, const uint64_t *args, uint64_t *result);

/* NULL where the engine is as published. */
__attribute__((weak)) wasm_func_t *wasmer_func_new_raw_with_env(wasm_store_t *store, const wasm_functype_t *type,
                                                                raw_callback_t callback, void *env,
                                                                void (*finalizer)(void *));

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

static wasm_trap_t *do_nothing(void *env, const wasm_val_vec_t *args, wasm_val_vec_t *results) {
  (void)env, (void)args;
  results->data[0] = (wasm_val_t)WASM_I32_VAL(0);
  return NULL;
}

static wasm_trap_t *do_nothing_raw(void *env, const uint64_t *args, uint64_t *result) {
  (void)env, (void)args;
  *result = 0;
  return NULL;
}

static wasm_func_t *new_empty_func(wasm_store_t *store, const wasm_functype_t *type, bool raw) {
  wasm_func_t *func = raw ? wasmer_func_new_raw_with_env(store, type, do_nothing_raw, NULL, NULL)
                          : wasm_func_new_with_env(store, type, do_nothing, &engine, NULL);
  if (!func) fail("the engine", "made no host function");
  return func;
}

/* The exports of an instance that lives as long as the program. */
static wasm_extern_vec_t new_empty(wasm_exporttype_vec_t *names, bool raw) {
  size_t size = 0;
  wasm_byte_vec_t binary;
  wasm_importtype_vec_t types;
  wasm_extern_vec_t imports, exports;
  wasm_trap_t *trap = NULL;
  wasm_store_t *store = wasm_store_new(engine);
  uint8_t *bytes = bench_guest("loop", &size);
  wasm_byte_vec_new(&binary, size, (const wasm_byte_t *)bytes);
  free(bytes);
  wasm_module_t *module = wasm_module_new(store, &binary);
  wasm_byte_vec_delete(&binary);
  if (!module) fail("the engine", "did not compile the module");
  wasm_module_imports(module, &types);
  wasm_extern_vec_new_uninitialized(&imports, types.size);
  for (size_t i = 0; i < types.size; i++) {
    const wasm_functype_t *type = wasm_externtype_as_functype_const(wasm_importtype_type(types.data[i]));
    imports.data[i] = wasm_func_as_extern(new_empty_func(store, type, raw));
  }
  wasm_importtype_vec_delete(&types);
  wasm_instance_t *instance = wasm_instance_new(store, module, &imports, &trap);
  if (!instance) fail("the engine", "made no instance");
  wasm_instance_exports(instance, &exports);
  wasm_module_exports(module, names);
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

/* ---- */

static void measure_group(const char *group) {
  if (strcmp(group, "calls") != 0) return;
  measure_light();
  measure_empty("empty", false);
  if (wasmer_func_new_raw_with_env) measure_empty("empty raw", true);
}

int main(void) {
  engine = wasm_engine_new();
  if (!engine) fail("engine", "cannot be started");
  bench_serve(measure_group);
  return EXIT_SUCCESS;
}
