/* SPDX-License-Identifier: MIT */
/*
 * Instances made, called and gone: by the bare engine, afresh, and from the pool with each of its methods; and what putting
 * an instance back takes, by memory and pages written. For bench/run.py, which says what it reads and writes (bench.h).
 *
 * `bare` is the engine's own cost: a store, an instance of the module as it was built, with host functions that do nothing, and
 * both deleted. It is not initialised and not called, so nothing that makes an instance with this engine can be faster.
 */
#include <wasi_light_wasm.h>
#include <wasmer.h>

#include "bench.h"

static wasm_engine_t *engine;
static wasi_light_config_t *quiet, *capturing; /* nothing given; the same, with stdout captured */

/* ---- The bare engine ---- */

typedef struct bare_t {
  wasm_module_t *module;
  wasm_importtype_vec_t imports;
  wasm_extern_t **externs;
  wasm_func_t **funcs;
} bare_t;

static wasm_trap_t *do_nothing(const wasm_val_vec_t *args, wasm_val_vec_t *results) {
  (void)args;
  if (results->size > 0) results->data[0] = (wasm_val_t)WASM_I32_VAL(0);
  return NULL;
}

static bare_t new_bare(const uint8_t *bytes, size_t size) {
  bare_t bare = {0};
  wasm_store_t *store = wasm_store_new(engine);
  wasm_byte_vec_t binary;
  wasm_byte_vec_new(&binary, size, (const wasm_byte_t *)bytes);
  bare.module = wasm_module_new(store, &binary);
  wasm_byte_vec_delete(&binary);
  wasm_store_delete(store);
  if (!bare.module) fail("the engine", "did not compile the module");
  wasm_module_imports(bare.module, &bare.imports);
  bare.externs = calloc(bare.imports.size + 1, sizeof *bare.externs);
  bare.funcs = calloc(bare.imports.size + 1, sizeof *bare.funcs);
  if (!bare.externs || !bare.funcs) fail("memory", "exhausted");
  return bare;
}

static void run_bare(void *data) {
  const bare_t *bare = data;
  size_t count = bare->imports.size;
  wasm_store_t *store = wasm_store_new(engine);
  wasm_trap_t *trap = NULL;
  for (size_t i = 0; i < count; i++) {
    const wasm_externtype_t *type = wasm_importtype_type(bare->imports.data[i]);
    bare->funcs[i] = wasm_func_new(store, wasm_externtype_as_functype_const(type), do_nothing);
    bare->externs[i] = wasm_func_as_extern(bare->funcs[i]);
  }
  wasm_extern_vec_t imports = {count, bare->externs};
  wasm_instance_t *instance = wasm_instance_new(store, bare->module, &imports, &trap);
  if (!instance) fail("the engine", "made no bare instance");
  wasm_instance_delete(instance);
  for (size_t i = 0; i < count; i++) wasm_func_delete(bare->funcs[i]);
  wasm_store_delete(store);
}

/* ---- Calls ---- */

typedef struct guest_t {
  char name[32];
  bare_t bare;
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

static wasm_val_t call(wasi_light_instance_t *instance, const wasi_light_func_t *func, const wasm_val_t *args,
                       size_t count) {
  wasm_val_t result;
  wasi_light_outcome_t outcome = wasi_light_call(instance, func, args, count, &result, 1);
  if (outcome.kind != WASI_LIGHT_RETURNED) fail("a call", outcome.message);
  return result;
}

/* Only an instance that is as new gives what is expected. */
static void call_and_check(wasi_light_instance_t *instance, const job_t *job) {
  const wasm_val_t arg = WASM_I32_VAL(job->call->argument);
  wasm_val_t result = call(instance, job->func, &arg, job->call->argument < 0 ? 0 : 1);
  bench_expect(job->guest->name, job->call, job->call->narrow ? result.of.i32 : result.of.i64);
  if (!job->call->captured) return;
  size_t size = 0;
  const uint8_t *bytes = wasi_light_env_captured(wasi_light_instance_env(instance), 1, &size, NULL);
  if (size < 10 || memcmp(bytes, "language: ", 10) != 0) fail(job->guest->name, "was not captured");
}

static void run_fresh(void *data) {
  const job_t *job = data;
  wasi_light_error_t error;
  wasi_light_instance_t *instance = wasi_light_instance_new(job->guest->module, job->config, NULL, &error);
  if (!instance) fail(job->guest->name, error.message);
  call_and_check(instance, job);
  wasi_light_instance_delete(instance);
}

static void run_pooled(void *data) {
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

static const way_t pooled[] = {
    {"pool", WASI_LIGHT_RESET_BEST, 0, 0, false},
    {"pool copy", WASI_LIGHT_RESET_COPY, 0, 0, false},
    {"pool cow", WASI_LIGHT_RESET_COPY_ON_WRITE, 0, 0, false},
    {"pool scan", WASI_LIGHT_RESET_SCAN, 0, 0, false},
};
enum { POOLED = sizeof pooled / sizeof pooled[0] };

/* NULL if the system does not have that method. */
static wasi_light_pool_t *new_pool(wasi_light_module_t *module, wasi_light_config_t *config, const way_t *way) {
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
static void delete_pool(wasi_light_pool_t *pool, const char *name) {
  wasi_light_pool_stats_t stats;
  wasi_light_pool_stats(pool, &stats);
  if (stats.made != 1 || stats.reset != stats.taken) fail(name, "instances were not recycled");
  wasi_light_pool_delete(pool);
}

/* ---- A guest ---- */

static guest_t *guest_of(const char *name) {
  static guest_t guests[8];
  size_t i = 0;
  for (; guests[i].module; i++) {
    if (strcmp(guests[i].name, name) == 0) return &guests[i];
  }
  if (i + 1 == sizeof guests / sizeof guests[0]) fail(name, "too many guests");
  size_t size = 0;
  wasi_light_error_t error;
  uint8_t *bytes = bench_guest(name, &size);
  snprintf(guests[i].name, sizeof guests[i].name, "%s", name);
  guests[i].bare = new_bare(bytes, size);
  guests[i].module = wasi_light_module_new(engine, bytes, size, NULL, NULL, &error);
  if (!guests[i].module) fail(name, error.message);
  free(bytes);
  return &guests[i];
}

static void measure_guest(const char *name) {
  guest_t *guest = guest_of(name);
  bench_print(name, "none", "bare", bench_measure(run_bare, &guest->bare));
  for (size_t i = 0; i < BENCH_CALLS; i++) {
    job_t job = {.guest = guest, .call = &bench_calls[i]};
    if (!bench_has_call(name, job.call)) continue;
    job.func = wasi_light_module_func(guest->module, job.call->export_name);
    if (!job.func) fail(name, "has no such export");
    job.config = job.call->captured ? capturing : quiet;
    bench_print(name, job.call->name, "fresh", bench_measure(run_fresh, &job));
    for (size_t w = 0; w < POOLED; w++) {
      job.pool = new_pool(guest->module, job.config, &pooled[w]);
      if (!job.pool) continue;
      bench_print(name, job.call->name, pooled[w].name, bench_measure(run_pooled, &job));
      delete_pool(job.pool, name);
    }
  }
}

/* ---- What putting back takes, by memory and pages written ---- */

/* touch(n, stride) writes to n places, so many bytes apart; read(n, stride) reads them. */
static const char touching[] = "(module (memory (export \"memory\") %u %u)"
                               "  (func (export \"touch\") (param $n i32) (param $stride i32) (result i32)"
                               "    (local $at i32)"
                               "    (block $done (loop $next"
                               "      (br_if $done (i32.eqz (local.get $n)))"
                               "      (i32.store (local.get $at) (i32.const 1))"
                               "      (local.set $at (i32.add (local.get $at) (local.get $stride)))"
                               "      (local.set $n (i32.sub (local.get $n) (i32.const 1)))"
                               "      (br $next)))"
                               "    (local.get $at))"
                               "  (func (export \"read\") (param $n i32) (param $stride i32) (result i32)"
                               "    (local $sum i32)"
                               "    (block $done (loop $next"
                               "      (br_if $done (i32.eqz (local.get $n)))"
                               "      (local.set $n (i32.sub (local.get $n) (i32.const 1)))"
                               "      (local.set $sum (i32.add (local.get $sum)"
                               "        (i32.load (i32.mul (local.get $n) (local.get $stride)))))"
                               "      (br $next)))"
                               "    (local.get $sum)))";

enum { KIB_PER_PAGE = 64, HOST_PAGE = 4096 };

typedef struct touch_t {
  wasi_light_pool_t *pool;
  const wasi_light_func_t *func;
  wasm_val_t args[2];
  wasi_light_instance_t *instance; /* for calls alone */
} touch_t;

static wasi_light_module_t *touching_module(uint32_t kib) {
  char text[sizeof touching + 16];
  wasm_byte_vec_t bytes;
  wasi_light_error_t error;
  uint32_t pages = kib / KIB_PER_PAGE;
  int size = snprintf(text, sizeof text, touching, pages, pages);
  if (!wasi_light_wat2wasm(text, (size_t)size, &bytes, &error)) fail("touch", error.message);
  wasi_light_module_t *module = wasi_light_module_new(engine, bytes.data, bytes.size, NULL, NULL, &error);
  if (!module) fail("touch", error.message);
  wasm_byte_vec_delete(&bytes);
  return module;
}

static void run_touch(void *data) {
  const touch_t *touch = data;
  call(touch->instance, touch->func, touch->args, 2);
}

static wasi_light_instance_t *take(const touch_t *touch) {
  wasi_light_error_t error;
  wasi_light_instance_t *instance = wasi_light_pool_take(touch->pool, NULL, &error);
  if (!instance) fail("touch", error.message);
  return instance;
}

static void give(const touch_t *touch, wasi_light_instance_t *instance) {
  wasi_light_error_t error;
  if (!wasi_light_pool_give(touch->pool, instance, &error)) fail("touch", error.message);
}

static void run_cycle(void *data) {
  const touch_t *touch = data;
  wasi_light_instance_t *instance = take(touch);
  call(instance, touch->func, touch->args, 2);
  give(touch, instance);
}

/* What give alone takes, from the clock before it to the clock after it: the median of some. */
static double time_giving(const touch_t *touch) {
  enum { SAMPLES = 101 };
  uint64_t took[SAMPLES];
  for (size_t i = 0; i < SAMPLES; i++) {
    wasi_light_instance_t *instance = take(touch);
    call(instance, touch->func, touch->args, 2);
    uint64_t start = bench_now();
    give(touch, instance);
    took[i] = bench_now() - start;
  }
  return bench_median(took, SAMPLES);
}

static void read_clock(void *data) {
  *(uint64_t *)data = bench_now();
}

/* Writes `pages` pages, spread over all of the memory. */
static void set_pages(touch_t *touch, uint32_t kib, int32_t pages) {
  int32_t stride = pages == 0 ? HOST_PAGE : (int32_t)(kib / 4) / pages * HOST_PAGE;
  touch->args[0] = (wasm_val_t)WASM_I32_VAL(pages);
  touch->args[1] = (wasm_val_t)WASM_I32_VAL(stride);
}

/*
 * One memory, one number of pages, one way. `call` is a call in an instance that is not put back, so that its pages
 * are there; `cycle` is take, call and give; `give` is that alone, less the clock. Cycle less call is what putting back
 * takes in all, faults in the next call included.
 */
static void measure_reset(wasi_light_module_t *module, uint32_t kib, int32_t pages, const way_t *way) {
  char group[32], name[32], figure[64];
  uint64_t clock = 0;
  touch_t touch = {.pool = new_pool(module, quiet, way), .func = wasi_light_module_func(module, "touch")};
  if (!touch.pool) return;
  snprintf(group, sizeof group, "%u KiB", kib);
  snprintf(name, sizeof name, "%d pages", pages);
  set_pages(&touch, kib, way->wrote);
  run_cycle(&touch);
  if (way->read_all) {
    touch_t reading = {.pool = touch.pool, .func = wasi_light_module_func(module, "read")};
    set_pages(&reading, kib, (int32_t)(kib * 1024 / HOST_PAGE));
    run_cycle(&reading);
  }
  set_pages(&touch, kib, pages);

  snprintf(figure, sizeof figure, "%s cycle", way->name);
  bench_print(group, name, figure, bench_measure(run_cycle, &touch));
  snprintf(figure, sizeof figure, "%s give", way->name);
  bench_print(group, name, figure, time_giving(&touch) - bench_measure(read_clock, &clock));
  touch.instance = take(&touch);
  snprintf(figure, sizeof figure, "%s call", way->name);
  bench_print(group, name, figure, bench_measure(run_touch, &touch));
  give(&touch, touch.instance);
  delete_pool(touch.pool, "touch");
}

static void measure_memory(wasi_light_module_t *module, uint32_t kib, const int32_t *pages, size_t count) {
  static const way_t ways[] = {
      {"copy", WASI_LIGHT_RESET_COPY, 0, 0, false},
      {"cow", WASI_LIGHT_RESET_COPY_ON_WRITE, 0, 0, false},
      {"scan", WASI_LIGHT_RESET_SCAN, 0, 0, false},
      {"scan keep all", WASI_LIGHT_RESET_SCAN, SIZE_MAX, 0, false},
      {"scan after 256", WASI_LIGHT_RESET_SCAN, 0, 256, false}, /* what a lease wrote long ago is still copied */
      {"scan all read", WASI_LIGHT_RESET_SCAN, 0, 0, true},     /* the scan looks at every page that is there */
  };
  enum { WAYS = sizeof ways / sizeof ways[0], ALWAYS = 3 };
  for (size_t p = 0; p < count; p++) {
    for (size_t w = 0; w < (count > 1 ? WAYS : ALWAYS); w++) measure_reset(module, kib, pages[p], &ways[w]);
  }
}

/* All numbers of pages in one memory, and one number of pages in all memories. */
static void measure_resets(void) {
  static const uint32_t memories[] = {64, 256, 1024, 4096, 16384, 65536}; /* KiB */
  static const int32_t touched[] = {0, 1, 4, 16, 64, 256, 1024, 4096}, few = 16;
  enum {
    MEMORIES = sizeof memories / sizeof memories[0],
    TOUCHED = sizeof touched / sizeof touched[0],
    MIDDLE = 16384
  };
  static wasi_light_module_t *modules[MEMORIES];
  for (size_t m = 0; m < MEMORIES; m++) {
    if (!modules[m]) modules[m] = touching_module(memories[m]);
    if (memories[m] == MIDDLE) measure_memory(modules[m], MIDDLE, touched, TOUCHED);
    else measure_memory(modules[m], memories[m], &few, 1);
  }
}

/* ---- */

static void measure_group(const char *group) {
  if (strcmp(group, "reset") == 0) measure_resets();
  else measure_guest(group);
}

static wasi_light_config_t *new_config(const wasi_light_options_t *options) {
  wasi_light_error_t error;
  wasi_light_config_t *config = wasi_light_config_new(options, &error);
  if (!config) fail("configuration", error.message);
  return config;
}

int main(void) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  quiet = new_config(&options);
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = BENCH_CAPTURE};
  capturing = new_config(&options);
  engine = wasm_engine_new();
  if (!engine) fail("engine", "cannot be started");
  printf("# wasi-light %s on Wasmer %s\n", wasi_light_version(), wasmer_version());
  printf("# environment of one instance: %zu bytes; with %d bytes for captured output: %zu\n",
         wasi_light_env_bytes(quiet), BENCH_CAPTURE, wasi_light_env_bytes(capturing));
  bench_serve(measure_group);
  return EXIT_SUCCESS;
}
