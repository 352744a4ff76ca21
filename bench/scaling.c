/* SPDX-License-Identifier: MIT */
/*
 * How instances scale from one thread to two: stores and pools apart, the module shared. Rows: `scaling,WHAT,N threads,FIGURE`,
 * with the wall time per instance of all threads together, so that twice as fast is half the figure.
 *
 * `mappings` is what the kernel does for a fresh instance, and nothing else: its memory is reserved, made accessible and given
 * back. All threads of a process take turns at that. `arithmetic` is what the machine gives two threads at best.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "bare.h"
#include "light.h"

enum { THREADS = 2, WINDOW_NS = 10000000, WINDOWS = 5, BATCH = 8 };

static wasm_engine_t *engine;
static wasi_light_config_t *quiet;
static guest_t guest;
static wasm_module_t *bare_module;

/* Of one thread. */
typedef struct worker_t {
  const struct way_of_work_t *way;
  job_t job;
  bare_t bare;
  atomic_bool *start;
  double per_second;
} worker_t;

typedef struct way_of_work_t {
  const char *name;
  void (*begin)(worker_t *worker);
  void (*run)(void *worker);
  void (*end)(worker_t *worker);
} way_of_work_t;

/* ---- Ways ---- */

static void begin_light(worker_t *worker) {
  worker->job = (job_t){.guest = &guest, .call = &bench_calls[0], .config = quiet};
  worker->job.func = wasi_light_module_func(guest.module, worker->job.call->export_name);
}

static void begin_pool(worker_t *worker) {
  static const way_t best = {.reset = WASI_LIGHT_RESET_BEST};
  begin_light(worker);
  worker->job.pool = new_pool(guest.module, quiet, &best);
}

static void end_pool(worker_t *worker) {
  delete_pool(worker->job.pool, "scaling");
}

static void do_fresh(void *data) {
  run_fresh(&((worker_t *)data)->job);
}

static void do_pooled(void *data) {
  run_pooled(&((worker_t *)data)->job);
}

static void begin_bare(worker_t *worker) {
  worker->bare = bare_of(engine, bare_module, bare_has_raw());
}

static void do_bare(void *data) {
  bare_run(&((worker_t *)data)->bare);
}

static void end_bare(worker_t *worker) {
  bare_free(&worker->bare);
}

/* Two pages are written: the data and the stack of the guest. */
static void do_mappings(void *data) {
  const size_t reserved = 8590000128, pages = 128 << 10; /* as strace shows of Wasmer 7.4 with c_reactor */
  (void)data;
  char *base = mmap(NULL, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if ((const void *)base == MAP_FAILED || mprotect(base, pages, PROT_READ | PROT_WRITE)) fail("mmap", "failed");
  base[0] = base[pages - 1] = 1;
  munmap(base, reserved);
}

/* About a microsecond of it, that nothing can slow down but others on the machine. */
static void do_arithmetic(void *data) {
  volatile uint64_t result = (uint64_t)(uintptr_t)data;
  uint64_t x = result;
  for (int i = 0; i < 1000; i++) x = x * 6364136223846793005u + 1442695040888963407u;
  result = x;
}

static void nothing(worker_t *worker) {
  (void)worker;
}

/* ---- Threads ---- */

static void *work(void *data) {
  worker_t *worker = data;
  worker->way->begin(worker);
  worker->way->run(worker);
  while (!atomic_load(worker->start)) {
  }
  uint64_t count = 0, start = bench_now(), now = start;
  for (; now - start < WINDOW_NS; now = bench_now()) {
    for (int i = 0; i < BATCH; i++) worker->way->run(worker);
    count += BATCH;
  }
  worker->per_second = (double)count / (double)(now - start) * 1e9;
  worker->way->end(worker);
  return NULL;
}

/* Nanoseconds for each instance in one window. */
static double time_window(const way_of_work_t *way, size_t threads) {
  worker_t workers[THREADS] = {0};
  pthread_t ids[THREADS];
  atomic_bool start = false;
  double per_second = 0;
  for (size_t i = 0; i < threads; i++) {
    workers[i].way = way;
    workers[i].start = &start;
    if (pthread_create(&ids[i], NULL, work, &workers[i]) != 0) fail("a thread", "cannot be started");
  }
  const struct timespec while_they_begin = {.tv_nsec = 5000000};
  nanosleep(&while_they_begin, NULL);
  atomic_store(&start, true);
  for (size_t i = 0; i < threads; i++) {
    pthread_join(ids[i], NULL);
    per_second += workers[i].per_second;
  }
  return 1e9 / per_second;
}

/* The medians of some windows, in which one thread and two take turns. */
static void measure(const way_of_work_t *way) {
  uint64_t took[THREADS][WINDOWS];
  for (size_t i = 0; i < WINDOWS; i++) {
    for (size_t threads = 1; threads <= THREADS; threads++)
      took[threads - 1][i] = (uint64_t)(time_window(way, threads) * 100);
  }
  bench_print("scaling", way->name, "1 thread", bench_median(took[0], WINDOWS) / 100);
  bench_print("scaling", way->name, "2 threads", bench_median(took[1], WINDOWS) / 100);
}

static void measure_group(const char *group) {
  static const way_of_work_t ways[] = {{"pool", begin_pool, do_pooled, end_pool},
                                       {"fresh", begin_light, do_fresh, nothing},
                                       {"bare", begin_bare, do_bare, end_bare},
                                       {"mappings", nothing, do_mappings, nothing},
                                       {"arithmetic", nothing, do_arithmetic, nothing}};
  if (strcmp(group, "scaling") != 0) return;
  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) measure(&ways[i]);
}

int main(void) {
  engine = wasm_engine_new();
  if (!engine) fail("engine", "cannot be started");
  quiet = new_quiet_config();
  guest = new_guest(engine, "c_reactor");
  bare_module = bare_compile(engine, "c_reactor");
  bench_serve(measure_group);
  return EXIT_SUCCESS;
}
