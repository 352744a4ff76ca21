/* SPDX-License-Identifier: MIT */
/*
 * The same guests and calls on Wasmtime with its own WASI, for bench/run.py (bench.h says what it reads and writes).
 *
 * Measured is what Wasmtime's documentation gives as the fast way to a clean instance for each request: a store, its WASI, an
 * instance from an InstancePre, `_initialize`, the call without checks, and the store deleted. The pooling allocator keeps slots
 * whose memory is a copy-on-write image (memory_init_cow, on by default) and puts them back when the store goes.
 */
#include <wasi.h>
#include <wasmtime.h>

#include "../bench.h"

typedef struct variant_t {
  const char *name;
  bool pooling;
  bool lean; /* without what these guests do not use */
  size_t keep_resident;
} variant_t;

static const variant_t variants[] = {
    {"wasmtime on demand", false, false, 0},        {"wasmtime pool", true, false, 0},
    {"wasmtime pool lean", true, true, 0},          {"wasmtime pool lean 64K", true, true, 64 << 10},
    {"wasmtime pool lean 1M", true, true, 1 << 20}, {"wasmtime pool lean 16M", true, true, 16 << 20},
};
enum { VARIANTS = sizeof variants / sizeof variants[0], GUESTS = 8 };

static wasm_engine_t *engines[VARIANTS];

typedef struct guest_t {
  char name[32];
  bool has_initialize;
  wasmtime_instance_pre_t *pre[VARIANTS];
} guest_t;

typedef struct job_t {
  const guest_t *guest;
  const bench_call_t *call;
  size_t variant;
  size_t captured;
  uint8_t output[BENCH_CAPTURE];
} job_t;

/* ---- Errors ---- */

static void check(const char *what, wasmtime_error_t *error, wasm_trap_t *trap) {
  if (!error && !trap) return;
  wasm_byte_vec_t message;
  if (error) wasmtime_error_message(error, &message);
  else wasm_trap_message(trap, &message);
  fprintf(stderr, "bench: Wasmtime: %s: %.*s\n", what, (int)message.size, message.data);
  exit(EXIT_FAILURE);
}

/* ---- Engines and modules ---- */

static wasm_engine_t *new_engine(const variant_t *variant) {
  enum { SLOTS = 32 };
  wasm_config_t *config = wasm_config_new();
  if (variant->lean) wasmtime_config_concurrency_support_set(config, false);
  if (variant->pooling) {
    wasmtime_pooling_allocation_config_t *pool = wasmtime_pooling_allocation_config_new();
    wasmtime_pooling_allocation_config_total_core_instances_set(pool, SLOTS);
    wasmtime_pooling_allocation_config_total_memories_set(pool, SLOTS);
    wasmtime_pooling_allocation_config_total_tables_set(pool, SLOTS);
    wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(pool, variant->keep_resident);
    wasmtime_pooling_allocation_config_table_keep_resident_set(pool, variant->keep_resident);
    wasmtime_pooling_allocation_strategy_set(config, pool);
    wasmtime_pooling_allocation_config_delete(pool);
  }
  return wasm_engine_new_with_config(config);
}

static wasmtime_instance_pre_t *new_pre(wasm_engine_t *engine, const uint8_t *bytes, size_t size, guest_t *guest) {
  wasmtime_module_t *module = NULL;
  wasmtime_instance_pre_t *pre = NULL;
  check("module", wasmtime_module_new(engine, bytes, size, &module), NULL);
  wasm_exporttype_vec_t exports;
  wasmtime_module_exports(module, &exports);
  for (size_t i = 0; i < exports.size; i++) {
    const wasm_name_t *name = wasm_exporttype_name(exports.data[i]);
    if (name->size == 11 && memcmp(name->data, "_initialize", 11) == 0) guest->has_initialize = true;
  }
  wasm_exporttype_vec_delete(&exports);
  wasmtime_linker_t *linker = wasmtime_linker_new(engine);
  check("WASI", wasmtime_linker_define_wasi(linker), NULL);
  check("imports", wasmtime_linker_instantiate_pre(linker, module, &pre), NULL);
  wasmtime_linker_delete(linker);
  wasmtime_module_delete(module);
  return pre;
}

static const guest_t *guest_of(const char *name) {
  static guest_t guests[GUESTS];
  size_t i = 0, size = 0;
  for (; guests[i].name[0]; i++) {
    if (strcmp(guests[i].name, name) == 0) return &guests[i];
  }
  if (i + 1 == GUESTS) fail(name, "too many guests");
  uint8_t *bytes = bench_guest(name, &size);
  snprintf(guests[i].name, sizeof guests[i].name, "%s", name);
  for (size_t v = 0; v < VARIANTS; v++) guests[i].pre[v] = new_pre(engines[v], bytes, size, &guests[i]);
  free(bytes);
  return &guests[i];
}

/* ---- One instance ---- */

static ptrdiff_t capture(void *data, const unsigned char *bytes, size_t size) {
  job_t *job = data;
  size_t room = sizeof job->output - job->captured;
  memcpy(job->output + job->captured, bytes, size < room ? size : room);
  job->captured += size < room ? size : room;
  return (ptrdiff_t)size;
}

static void call(wasmtime_context_t *context, const wasmtime_instance_t *instance, const char *name,
                 wasmtime_val_raw_t *value) {
  wasmtime_extern_t item;
  wasm_trap_t *trap = NULL;
  if (!wasmtime_instance_export_get(context, instance, name, strlen(name), &item)) fail(name, "is not exported");
  wasmtime_error_t *error = wasmtime_func_call_unchecked(context, &item.of.func, value, 1, &trap);
  check(name, error, trap);
}

static void run(void *data) {
  job_t *job = data;
  const bench_call_t *wanted = job->call;
  wasmtime_store_t *store = wasmtime_store_new(engines[job->variant], NULL, NULL);
  wasmtime_context_t *context = wasmtime_store_context(store);
  wasi_config_t *wasi = wasi_config_new();
  wasmtime_instance_t instance;
  wasm_trap_t *trap = NULL;
  job->captured = 0;
  if (wanted->captured) wasi_config_set_stdout_custom(wasi, capture, job, NULL);
  check("WASI", wasmtime_context_set_wasi(context, wasi), NULL);
  wasmtime_error_t *error = wasmtime_instance_pre_instantiate(job->guest->pre[job->variant], context, &instance, &trap);
  check("instance", error, trap);
  wasmtime_val_raw_t value = {.i64 = 0};
  if (job->guest->has_initialize) call(context, &instance, "_initialize", &value);
  value.i32 = wanted->argument;
  call(context, &instance, wanted->export_name, &value);
  wasmtime_store_delete(store);
  bench_expect(job->guest->name, wanted, wanted->narrow ? value.i32 : value.i64);
  if (wanted->captured && (job->captured < 10 || memcmp(job->output, "language: ", 10) != 0)) {
    fail(job->guest->name, "was not captured");
  }
}

static void measure_group(const char *group) {
  if (!bench_is_guest(group)) return;
  job_t job = {.guest = guest_of(group)};
  for (size_t i = 0; i < BENCH_CALLS; i++) {
    job.call = &bench_calls[i];
    if (!bench_has_call(group, job.call)) continue;
    for (job.variant = 0; job.variant < VARIANTS; job.variant++) {
      bench_print(group, job.call->name, variants[job.variant].name, bench_measure(run, &job));
    }
  }
}

int main(void) {
  for (size_t v = 0; v < VARIANTS; v++) {
    engines[v] = new_engine(&variants[v]);
    if (!engines[v]) fail("Wasmtime", variants[v].name);
  }
  printf("# Wasmtime %s, C API\n", WASMTIME_VERSION);
  bench_serve(measure_group);
  return EXIT_SUCCESS;
}
