/* SPDX-License-Identifier: MIT */
/*
 * The benchmark's peer WAMR (WebAssembly Micro Runtime), by its embedding interface: ../../README.md has the protocol,
 * ../README.md what is compared. WAY says what this WAMR was built to run with: interpreter or JIT.
 */
#include <fcntl.h>
#include <unistd.h>
#include <wasm_export.h>

#include "bench.h"

enum { STACK = 256 * 1024, ERROR = 128 };

static const char *const guest_names[] = {
    "tiny",       "c_reactor", "cpp_reactor", "rust_reactor", "zig_reactor",
#ifndef JIT /* compiling it takes the JIT minutes */
    "go_reactor",
#endif
};
enum { GUESTS = sizeof guest_names / sizeof guest_names[0] };

static wasm_module_t guests[GUESTS];
static int dev_null;

/* WAMR keeps and changes the bytes, so they are not freed. */
static wasm_module_t load(const char *guest) {
  char error[ERROR];
  size_t size;
  uint8_t *bytes = bench_guest(guest, &size);
  wasm_module_t module = wasm_runtime_load(bytes, (uint32_t)size, error, sizeof error);
  if (!module) fail(guest, error);
  return module;
}

/* WAMR calls _initialize. Arguments and environment are lists that end with NULL. */
static wasm_module_inst_t instantiate(wasm_module_t module, const char *const args[], const char *const env[]) {
  char error[ERROR];
  uint32_t arg_count = 0, env_count = 0;
  struct InstantiationArgs2 *options;
  while (args[arg_count]) arg_count++;
  while (env[env_count]) env_count++;
  if (!wasm_runtime_instantiation_args_create(&options)) fail("memory", "exhausted");
  wasm_runtime_instantiation_args_set_default_stack_size(options, STACK);
  wasm_runtime_instantiation_args_set_wasi_arg(options, (char **)args, (int)arg_count);
  wasm_runtime_instantiation_args_set_wasi_env(options, (const char **)env, env_count);
  wasm_runtime_instantiation_args_set_wasi_stdio(options, dev_null, dev_null, dev_null);
  wasm_module_inst_t instance = wasm_runtime_instantiate_ex2(module, options, error, sizeof error);
  if (!instance) fail("an instance", error);
  wasm_runtime_instantiation_args_destroy(options);
  return instance;
}

/* `cells` has the arguments, and then the result. */
static void call(wasm_module_inst_t instance, const char *name, uint32_t count, uint32_t cells[2]) {
  wasm_exec_env_t env = wasm_runtime_get_exec_env_singleton(instance);
  wasm_function_inst_t function = wasm_runtime_lookup_function(instance, name);
  if (!env || !function) fail(name, "cannot be called");
  if (!wasm_runtime_call_wasm(env, function, count, cells)) fail(name, wasm_runtime_get_exception(instance));
}

/* ---- Instances ---- */

typedef struct job_t {
  wasm_module_t module;
  const char *guest;
  const bench_call_t *call;
} job_t;

static void run_instance(void *data) {
  static const char *const nothing[] = {NULL};
  const job_t *job = data;
  uint32_t cells[2] = {(uint32_t)job->call->argument, 0};
  wasm_module_inst_t instance = instantiate(job->module, nothing, nothing);
  call(instance, job->call->export_name, job->call->argument < 0 ? 0 : 1, cells);
  int64_t wide = (int64_t)((uint64_t)cells[1] << 32 | cells[0]);
  bench_expect(job->guest, job->call, job->call->narrow ? (int32_t)cells[0] : wide);
  wasm_runtime_deinstantiate(instance);
}

/* ---- Loops ---- */

static int32_t do_nothing(wasm_exec_env_t env) {
  (void)env;
  return 0;
}

/* Takes any arguments, in cells, and leaves the result there. */
static void do_nothing_raw(wasm_exec_env_t env, uint64_t *cells) {
  (void)env;
  cells[0] = 0;
}

#define WASI_FUNCTIONS(F)       \
  F("args_get", "(ii)i")        \
  F("args_sizes_get", "(ii)i")  \
  F("environ_get", "(ii)i")     \
  F("random_get", "(ii)i")      \
  F("clock_time_get", "(iIi)i") \
  F("fd_write", "(iiii)i")      \
  F("sched_yield", "()i")
#define ORDINARY(name, type) {name, (void *)do_nothing, type, NULL},
#define RAW(name, type) {name, (void *)do_nothing_raw, type, NULL},

static NativeSymbol ordinary[] = {WASI_FUNCTIONS(ORDINARY)};
static NativeSymbol raw[] = {WASI_FUNCTIONS(RAW)};
enum { FUNCTIONS = sizeof raw / sizeof raw[0] };

typedef struct loop_t {
  wasm_module_inst_t instance;
  const char *way, *name;
} loop_t;

static loop_t loops[] = {
    {NULL, WAY, NULL},
    {NULL, WAY " empty", NULL},
#ifndef JIT /* whose code does not return from raw host functions here */
    {NULL, WAY " empty raw", NULL},
#endif
};
enum { LOOPS = sizeof loops / sizeof loops[0] };

static int32_t run_loop(void *data, int32_t count) {
  const loop_t *loop = data;
  uint32_t cells[2] = {(uint32_t)count, 0};
  call(loop->instance, loop->name, 1, cells);
  return (int32_t)cells[0];
}

/* Imports are resolved when a module is loaded, to what was registered last. */
static void load_loops(void) {
  static const char wasi[] = "wasi_snapshot_preview1";
  loops[0].instance = instantiate(load("loop"), bench_args, bench_env);
  if (!wasm_runtime_register_natives(wasi, ordinary, FUNCTIONS)) fail("the empty functions", "were not registered");
  loops[1].instance = instantiate(load("loop"), bench_args, bench_env);
  if (LOOPS < 3) return;
  if (!wasm_runtime_register_natives_raw(wasi, raw, FUNCTIONS)) fail("the raw functions", "were not registered");
  loops[LOOPS - 1].instance = instantiate(load("loop"), bench_args, bench_env);
}

/* ---- Talking to run.py ---- */

static void measure_group(const char *group) {
  for (size_t i = 0; i < GUESTS; i++) {
    if (strcmp(group, guest_names[i]) != 0) continue;
    for (size_t c = 0; c < BENCH_CALLS; c++) {
      job_t job = {guests[i], group, &bench_calls[c]};
      if (!bench_has_call(group, job.call) || job.call->captured) continue;
      bench_print(group, job.call->name, WAY, bench_measure(run_instance, &job));
    }
  }
  if (strcmp(group, "calls") != 0) return;
  for (size_t way = 0; way < LOOPS; way++) {
    for (size_t i = 0; i < BENCH_LOOPS; i++) {
      loops[way].name = bench_loops[i];
      bench_print(group, bench_loops[i], loops[way].way, bench_measure_loop(run_loop, &loops[way], bench_loops[i]));
    }
  }
}

int main(void) {
  uint32_t major, minor, patch;
  RuntimeInitArgs options = {.mem_alloc_type = Alloc_With_System_Allocator};
  dev_null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (dev_null < 0 || !wasm_runtime_full_init(&options)) fail("WAMR", "does not start");
  wasm_runtime_set_log_level(WASM_LOG_LEVEL_ERROR); /* what it says goes to stdout */
  for (size_t i = 0; i < GUESTS; i++) guests[i] = load(guest_names[i]);
  load_loops();
  wasm_runtime_get_version(&major, &minor, &patch);
  printf("# WAMR %u.%u.%u, " DESCRIPTION ", wasm_export.h with stdio on /dev/null; host functions ordinary and raw\n",
         major, minor, patch);
  bench_serve(measure_group);
  return EXIT_SUCCESS;
}
