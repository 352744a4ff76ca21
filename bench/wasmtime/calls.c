/* SPDX-License-Identifier: MIT */
/* What one WASI call costs in Wasmtime with its own WASI, and a host function that does nothing there. */
#include <wasi.h>
#include <wasmtime.h>

#include "../bench.h"

/* An instance that lives as long as the program. */
typedef struct loop_t {
  wasmtime_context_t *context;
  wasmtime_instance_t instance;
} loop_t;

typedef struct job_t {
  wasmtime_context_t *context;
  wasmtime_func_t func;
} job_t;

static wasm_engine_t *engine;
static wasmtime_module_t *module;

static void check(const char *what, wasmtime_error_t *error, wasm_trap_t *trap) {
  if (!error && !trap) return;
  wasm_byte_vec_t message;
  if (error) wasmtime_error_message(error, &message);
  else wasm_trap_message(trap, &message);
  fprintf(stderr, "bench: Wasmtime: %s: %.*s\n", what, (int)message.size, message.data);
  exit(EXIT_FAILURE);
}

static wasm_trap_t *do_nothing(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t count) {
  (void)env, (void)caller, (void)count;
  values[0].i32 = 0;
  return NULL;
}

static void define_empty(wasmtime_linker_t *linker) {
  wasm_importtype_vec_t types;
  wasmtime_module_imports(module, &types);
  for (size_t i = 0; i < types.size; i++) {
    const wasm_name_t *space = wasm_importtype_module(types.data[i]), *name = wasm_importtype_name(types.data[i]);
    const wasm_functype_t *type = wasm_externtype_as_functype_const(wasm_importtype_type(types.data[i]));
    check("empty",
          wasmtime_linker_define_func_unchecked(linker, space->data, space->size, name->data, name->size, type,
                                                do_nothing, NULL, NULL),
          NULL);
  }
  wasm_importtype_vec_delete(&types);
}

static loop_t new_loop(bool empty) {
  loop_t loop;
  wasm_trap_t *trap = NULL;
  wasmtime_store_t *store = wasmtime_store_new(engine, NULL, NULL);
  loop.context = wasmtime_store_context(store);
  wasmtime_linker_t *linker = wasmtime_linker_new(engine);
  if (empty) {
    define_empty(linker);
  } else {
    const char *args[] = {bench_args[0], bench_args[1]}, *names[] = {"LANG", "HOME"}, *values[] = {"C", "/"};
    wasi_config_t *wasi = wasi_config_new(); /* stdout is discarded: that is the default */
    if (!wasi_config_set_argv(wasi, 2, args) || !wasi_config_set_env(wasi, 2, names, values)) fail("Wasmtime", "wasi");
    check("WASI", wasmtime_context_set_wasi(loop.context, wasi), NULL);
    check("WASI", wasmtime_linker_define_wasi(linker), NULL);
  }
  check("instance", wasmtime_linker_instantiate(linker, loop.context, module, &loop.instance, &trap), trap);
  wasmtime_linker_delete(linker);
  return loop;
}

static int32_t run(void *data, int32_t count) {
  const job_t *job = data;
  wasm_trap_t *trap = NULL;
  wasmtime_val_raw_t value = {.i32 = count};
  wasmtime_error_t *error = wasmtime_func_call_unchecked(job->context, &job->func, &value, 1, &trap);
  check("a loop", error, trap);
  return value.i32;
}

static void measure(const loop_t *loop, const char *way) {
  for (size_t i = 0; i < BENCH_LOOPS; i++) {
    wasmtime_extern_t item;
    const char *name = bench_loops[i];
    if (!wasmtime_instance_export_get(loop->context, &loop->instance, name, strlen(name), &item))
      fail(name, "is not exported");
    job_t job = {loop->context, item.of.func};
    bench_print("calls", name, way, bench_measure_loop(run, &job, name));
  }
}

static void measure_group(const char *group) {
  static loop_t loops[2];
  if (strcmp(group, "calls") != 0) return;
  for (int empty = 0; empty <= 1; empty++) {
    if (!loops[empty].context) loops[empty] = new_loop(empty);
    measure(&loops[empty], empty ? "wasmtime empty" : "wasmtime");
  }
}

int main(void) {
  size_t size = 0;
  wasm_config_t *config = wasm_config_new();
  wasmtime_config_concurrency_support_set(config, false); /* without what this guest does not use */
  engine = wasm_engine_new_with_config(config);
  uint8_t *bytes = bench_guest("loop", &size);
  check("module", wasmtime_module_new(engine, bytes, size, &module), NULL);
  free(bytes);
  printf("# Wasmtime %s, C API: stdout not configured, so discarded; unchecked calls\n", WASMTIME_VERSION);
  bench_serve(measure_group);
  return EXIT_SUCCESS;
}
