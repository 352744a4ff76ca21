/* SPDX-License-Identifier: MIT */
/*
 * wasix, which Wasmer's C API has if it is built with the feature `wasi`: what a WASI call costs, and an instance that is made,
 * initialised, called once and dropped. For bench/run.py; bench/README.md says what it reads and writes.
 *
 * wasix writes stdout either to a pipe of its own or to the process's. This program's own lines go elsewhere.
 */
#include <fcntl.h>
#include <unistd.h>
#include <wasmer.h>

#include "../bench.h"

typedef struct guest_t {
  char name[32];
  wasm_module_t *module;
  size_t initialize; /* the export's index, or SIZE_MAX */
} guest_t;

typedef struct instance_t {
  wasm_store_t *store;
  wasi_env_t *env;
  wasm_extern_vec_t imports, exports;
  wasm_instance_t *instance;
} instance_t;

typedef struct job_t {
  const guest_t *guest;
  const bench_call_t *call;
  size_t func; /* the export's index */
} job_t;

static wasm_engine_t *engine;

static _Noreturn void die(const char *what) {
  char text[1024] = "";
  if (wasmer_last_error_length() > 0) wasmer_last_error_message(text, sizeof text);
  fail(what, text);
}

/* ---- Modules ---- */

static size_t find_export(const guest_t *guest, const char *name) {
  wasm_exporttype_vec_t exports;
  size_t found = SIZE_MAX;
  wasm_module_exports(guest->module, &exports);
  for (size_t i = 0; i < exports.size; i++) {
    const wasm_name_t *candidate = wasm_exporttype_name(exports.data[i]);
    if (candidate->size == strlen(name) && memcmp(candidate->data, name, candidate->size) == 0) found = i;
  }
  wasm_exporttype_vec_delete(&exports);
  return found;
}

static const guest_t *guest_of(const char *name) {
  static guest_t guests[8];
  size_t i = 0, size = 0;
  for (; guests[i].module; i++) {
    if (strcmp(guests[i].name, name) == 0) return &guests[i];
  }
  if (i + 1 == sizeof guests / sizeof guests[0]) fail(name, "too many guests");
  uint8_t *bytes = bench_guest(name, &size);
  wasm_byte_vec_t binary;
  wasm_byte_vec_new(&binary, size, (const wasm_byte_t *)bytes);
  free(bytes);
  wasm_store_t *store = wasm_store_new(engine);
  guests[i].module = wasm_module_new(store, &binary);
  wasm_store_delete(store);
  wasm_byte_vec_delete(&binary);
  if (!guests[i].module) die(name);
  snprintf(guests[i].name, sizeof guests[i].name, "%s", name);
  guests[i].initialize = find_export(&guests[i], "_initialize");
  return &guests[i];
}

/* ---- Instances ---- */

static wasm_val_t call(const instance_t *instance, size_t func, const wasm_val_t *arg, size_t args, size_t results) {
  wasm_val_t value = WASM_INIT_VAL, result = WASM_INIT_VAL;
  if (arg) value = *arg;
  wasm_val_vec_t arg_vec = {args, &value}, result_vec = {results, &result};
  if (func >= instance->exports.size) fail("an export", "is not there");
  wasm_trap_t *trap = wasm_func_call(wasm_extern_as_func(instance->exports.data[func]), &arg_vec, &result_vec);
  if (trap) fail("a call", "trapped");
  return result;
}

static instance_t make(const guest_t *guest, bool strings, bool inherit) {
  instance_t made;
  wasm_trap_t *trap = NULL;
  made.store = wasm_store_new(engine);
  wasi_config_t *config = wasi_config_new(bench_args[0]);
  if (strings) {
    wasi_config_arg(config, bench_args[1]);
    wasi_config_env(config, "LANG", "C");
    wasi_config_env(config, "HOME", "/");
  }
  if (inherit) wasi_config_inherit_stdout(config);
  made.env = wasi_env_new(made.store, config);
  if (!made.env) die("environment");
  if (!wasi_get_imports(made.store, made.env, guest->module, &made.imports)) die("imports");
  made.instance = wasm_instance_new(made.store, guest->module, &made.imports, &trap);
  if (!made.instance) die("instance");
  if (!wasi_env_initialize_instance(made.env, made.store, made.instance)) die("memory");
  wasm_instance_exports(made.instance, &made.exports);
  if (guest->initialize != SIZE_MAX) call(&made, guest->initialize, NULL, 0, 0);
  return made;
}

static void drop(instance_t *instance) {
  wasm_extern_vec_delete(&instance->exports);
  wasm_instance_delete(instance->instance);
  wasm_extern_vec_delete(&instance->imports);
  wasi_env_delete(instance->env);
  wasm_store_delete(instance->store);
}

static void run(void *data) {
  const job_t *job = data;
  instance_t instance = make(job->guest, false, true);
  const wasm_val_t arg = WASM_I32_VAL(job->call->argument);
  wasm_val_t result = call(&instance, job->func, &arg, job->call->argument < 0 ? 0 : 1, 1);
  bench_expect(job->guest->name, job->call, job->call->narrow ? result.of.i32 : result.of.i64);
  drop(&instance);
}

static void measure_guest(const char *name) {
  job_t job = {.guest = guest_of(name)};
  for (size_t i = 0; i < BENCH_CALLS; i++) {
    job.call = &bench_calls[i];
    if (!bench_has_call(name, job.call) || job.call->captured) continue;
    job.func = find_export(job.guest, job.call->export_name);
    bench_print(name, job.call->name, "wasix", bench_measure(run, &job));
  }
}

/* ---- Loops ---- */

typedef struct loop_t {
  const instance_t *instance;
  size_t func;
} loop_t;

static int32_t run_loop(void *data, int32_t count) {
  const loop_t *loop = data;
  const wasm_val_t arg = WASM_I32_VAL(count);
  return call(loop->instance, loop->func, &arg, 1, 1).of.i32;
}

static void measure_loops(void) {
  static instance_t instance;
  const guest_t *guest = guest_of("loop");
  if (!instance.store) instance = make(guest, true, true);
  for (size_t i = 0; i < BENCH_LOOPS; i++) {
    loop_t loop = {&instance, find_export(guest, bench_loops[i])};
    bench_print("calls", bench_loops[i], "wasix", bench_measure_loop(run_loop, &loop, bench_loops[i]));
  }
}

/* ---- */

static void measure_group(const char *group) {
  if (bench_is_guest(group)) measure_guest(group);
  if (strcmp(group, "calls") == 0) measure_loops();
}

/* The process's standard output becomes /dev/null, and `stdout` what it was before. */
static void move_stdout(void) {
  int out = dup(STDOUT_FILENO), null = open("/dev/null", O_WRONLY);
  FILE *file = out >= 0 && null >= 0 && dup2(null, STDOUT_FILENO) >= 0 ? fdopen(out, "w") : NULL;
  if (!file) fail("stdout", "cannot be moved");
  stdout = file;
}

int main(void) {
  move_stdout();
  engine = wasm_engine_new();
  if (!engine) die("engine");
  printf("# wasix in Wasmer %s, C API: stdout inherited, which is /dev/null\n", wasmer_version());
  bench_serve(measure_group);
  return EXIT_SUCCESS;
}
