/* SPDX-License-Identifier: MIT */
/* What putting an instance of a pool back takes, by memory and pages written. For bench/run.py. */
#include "light.h"

static wasm_engine_t *engine;
static wasi_light_config_t *quiet;

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

/* What give alone takes, from the clock before it to the clock after it: the median of as many as fit in 10 ms. */
static double time_giving(const touch_t *touch) {
  enum { SAMPLES = 101, FEWEST = 5, ENOUGH_NS = 10000000 };
  uint64_t took[SAMPLES], first = bench_now();
  size_t count = 0;
  while (count < FEWEST || (count < SAMPLES && bench_now() - first < ENOUGH_NS)) {
    wasi_light_instance_t *instance = take(touch);
    call(instance, touch->func, touch->args, 2);
    uint64_t start = bench_now();
    give(touch, instance);
    took[count++] = bench_now() - start;
  }
  return bench_median(took, count);
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
}

int main(void) {
  quiet = new_quiet_config();
  engine = wasm_engine_new();
  if (!engine) fail("engine", "cannot be started");
  bench_serve(measure_group);
  return EXIT_SUCCESS;
}
