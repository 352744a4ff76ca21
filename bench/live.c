/* SPDX-License-Identifier: MIT */
/*
 * 10,000 live instances of the tiny guest: what each takes. By the bare engine, and by this library, which also initialises and
 * calls each. A child process does it, so that nothing is left over from another.
 *
 * Rows: `live,WHAT,WAY,FIGURE`, for each instance: bytes resident, descriptors, threads.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "bare.h"
#include "light.h"

enum { LIVE = 10000 };

typedef struct taken_t {
  uint64_t resident, descriptors, threads;
} taken_t;

/* The kernel counts the resident pages of smaps_rollup exactly, those of statm not. */
static uint64_t resident_bytes(void) {
  char line[128];
  uint64_t kib = 0;
  FILE *file = fopen("/proc/self/smaps_rollup", "r");
  if (!file) fail("/proc/self/smaps_rollup", "cannot be read");
  while (kib == 0 && fgets(line, sizeof line, file)) {
    if (strncmp(line, "Rss:", 4) == 0) kib = strtoull(line + 4, NULL, 10);
  }
  fclose(file);
  return kib * 1024;
}

static taken_t take_stock(void) {
  return (taken_t){resident_bytes(), count_entries("/proc/self/fd"), count_entries("/proc/self/task")};
}

typedef struct maker_t {
  const char *way;
  void (*make)(bool raw);
  bool raw;
} maker_t;

static wasm_engine_t *engine;
static const maker_t *making;

static void print(const char *what, uint64_t before, uint64_t after) {
  /* Threads that the engine compiled with may end meanwhile. */
  bench_print("live", what, making->way, after > before ? (double)(after - before) / (double)LIVE : 0);
}

static void print_taken(taken_t before) {
  taken_t after = take_stock();
  print("resident", before.resident, after.resident);
  print("descriptors", before.descriptors, after.descriptors);
  print("threads", before.threads, after.threads);
}

/* One instance first, so that what is made once is not counted; then the others. */
static void make_bare(bool raw) {
  bare_t bare = bare_new(engine, "tiny", raw);
  bare_make(&bare);
  taken_t before = take_stock();
  for (size_t i = 0; i < LIVE; i++) bare_make(&bare);
  print_taken(before);
}

static void make_light(bool pooled) {
  static wasi_light_instance_t *instances[LIVE + 1];
  guest_t guest = new_guest(engine, "tiny");
  job_t job = {.guest = &guest, .call = &bench_calls[0], .config = new_quiet_config()};
  wasi_light_error_t error;
  taken_t before = {0, 0, 0};
  job.func = wasi_light_module_func(guest.module, job.call->export_name);
  if (pooled) job.pool = wasi_light_pool_new(guest.module, job.config, NULL, NULL);
  for (size_t i = 0; i <= LIVE; i++) {
    if (i == 1) before = take_stock();
    instances[i] = pooled ? wasi_light_pool_take(job.pool, NULL, &error)
                          : wasi_light_instance_new(guest.module, job.config, NULL, &error);
    if (!instances[i]) fail("an instance", error.message);
    call_and_check(instances[i], &job);
  }
  print_taken(before);
}

/* ---- */

static void measure(const maker_t *maker) {
  fflush(stdout);
  pid_t child = fork();
  int status = 0;
  if (child < 0) fail("fork", "failed");
  if (child == 0) {
    engine = wasm_engine_new();
    if (!engine) fail("engine", "cannot be started");
    making = maker;
    maker->make(maker->raw);
    fflush(stdout);
    _exit(EXIT_SUCCESS); /* the kernel is faster at taking all of it away */
  }
  if (waitpid(child, &status, 0) != child || status != 0) fail(maker->way, "ended early");
}

static void measure_group(const char *group) {
  static const maker_t makers[] = {{"bare", make_bare, false},
                                   {"bare raw", make_bare, true},
                                   {"fresh", make_light, false},
                                   {"pool", make_light, true}};
  if (strcmp(group, "live") != 0) return;
  for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++) {
    if (makers[i].make == make_bare && makers[i].raw && !bare_has_raw()) continue;
    measure(&makers[i]);
  }
}

int main(void) {
  bench_serve(measure_group);
  return EXIT_SUCCESS;
}
