/* SPDX-License-Identifier: MIT */
/*
 * What the benchmark's programs share: a clock, the guests, and how they talk to run.py. README.md has the protocol.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline _Noreturn void fail(const char *what, const char *why) {
  fprintf(stderr, "bench: %s: %s\n", what, why);
  exit(EXIT_FAILURE);
}

/* ---- Guests and what is called in them ---- */

typedef struct bench_call_t {
  const char *name;
  int32_t argument; /* negative: it takes none */
  int64_t expected; /* of an instance that is as new */
  bool narrow;      /* an i32 */
  bool captured;    /* what it writes to stdout; else that is discarded */
  bool only_go;
  const char *export_name;
} bench_call_t;

static const bench_call_t bench_calls[] = {
    {"count", -1, 1, true, false, false, "count"},
    {"report", -1, 6, true, false, false, "report"},
    {"sum", 100, 5050, false, false, true, "sum"},
    {"report captured", -1, 6, true, true, true, "report"},
};
enum { BENCH_CALLS = sizeof bench_calls / sizeof bench_calls[0], BENCH_CAPTURE = 1024 };

static inline bool bench_has_call(const char *guest, const bench_call_t *call) {
  if (strcmp(guest, "tiny") == 0) return call == bench_calls; /* count */
  return !call->only_go || strcmp(guest, "go_reactor") == 0;
}

static inline bool bench_is_guest(const char *group) {
  static const char *const guests[] = {"tiny", "c_reactor", "cpp_reactor", "rust_reactor", "zig_reactor", "go_reactor"};
  for (size_t i = 0; i < sizeof guests / sizeof guests[0]; i++) {
    if (strcmp(group, guests[i]) == 0) return true;
  }
  return false;
}

static inline void bench_expect(const char *guest, const bench_call_t *call, int64_t got) {
  if (got == call->expected) return;
  fprintf(stderr, "bench: %s: %s is %lld, expected %lld\n", guest, call->name, (long long)got,
          (long long)call->expected);
  exit(EXIT_FAILURE);
}

/* The whole file, for free(). */
static inline uint8_t *bench_read(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) fail(path, "cannot be read");
  long length = ftell(file);
  uint8_t *bytes = length > 0 ? malloc((size_t)length) : NULL;
  *size = length > 0 ? (size_t)length : 0;
  if (!bytes || fseek(file, 0, SEEK_SET) != 0 || fread(bytes, 1, *size, file) != *size) fail(path, "cannot be read");
  fclose(file);
  return bytes;
}

/* `make bench` runs in the project's folder. */
static inline uint8_t *bench_guest(const char *guest, size_t *size) {
  bool own = strcmp(guest, "tiny") == 0 || strcmp(guest, "loop") == 0;
  char path[128];
  snprintf(path, sizeof path, "%s/%s.wasm", own ? "bench/guests" : "guests/built", guest);
  return bench_read(path, size);
}

/* ---- The loops of guests/loop.wat ---- */

static const char *const bench_loops[] = {"loop",           "clock_time_get", "random_get_8", "random_get_4096",
                                          "args_sizes_get", "args_get",       "environ_get",  "fd_write",
                                          "sched_yield"};
enum { BENCH_LOOPS = sizeof bench_loops / sizeof bench_loops[0] };

static const char *const bench_args[] = {"plugin", "--verbose", NULL};
static const char *const bench_env[] = {"LANG=C", "HOME=/", NULL};

/* ---- Measuring ---- */

enum { BENCH_SLICE_NS = 1000000, BENCH_SLICES = 7 };

static inline uint64_t bench_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static inline uint64_t bench_time(void (*body)(void *data), void *data, uint64_t count) {
  uint64_t start = bench_now();
  for (uint64_t i = 0; i < count; i++) body(data);
  return bench_now() - start;
}

static inline int bench_by_size(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

/* Sorts them too. */
static inline double bench_median(uint64_t *values, size_t count) {
  size_t middle = count / 2;
  qsort(values, count, sizeof values[0], bench_by_size);
  return (double)values[middle];
}

/*
 * Nanoseconds that one call of `body` takes: the median of some slices, each of as many calls as fill a millisecond. A
 * slice is that short so that most are over before the system gives the processor to somebody else.
 */
static inline double bench_measure(void (*body)(void *data), void *data) {
  uint64_t took[BENCH_SLICES], count = 1;
  body(data);
  while (bench_time(body, data, count) < BENCH_SLICE_NS / 2) count *= 2;
  for (size_t i = 0; i < BENCH_SLICES; i++) took[i] = bench_time(body, data, count);
  return bench_median(took, BENCH_SLICES) / (double)count;
}

/*
 * Nanoseconds of one iteration of a loop: `body` makes `count` of them and returns the errnos or-ed together. So that the
 * entry into the guest does not count, a slice is one call.
 */
static inline double bench_measure_loop(int32_t (*body)(void *data, int32_t count), void *data, const char *name) {
  uint64_t took[BENCH_SLICES], start = 0;
  int32_t count = 16;
  do {
    count *= 2;
    start = bench_now();
    if (body(data, count) != 0) fail(name, "a call did not succeed");
  } while (bench_now() - start < BENCH_SLICE_NS / 2);
  for (size_t i = 0; i < BENCH_SLICES; i++) {
    start = bench_now();
    body(data, count);
    took[i] = bench_now() - start;
  }
  return bench_median(took, BENCH_SLICES) / count;
}

static inline void bench_print(const char *group, const char *call, const char *way, double ns) {
  printf("%s,%s,%s,%.2f\n", group, call, way, ns);
}

/* ---- Talking to run.py ---- */

static inline void bench_serve(void (*measure_group)(const char *group)) {
  char line[64];
  puts("end");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    measure_group(line);
    puts("end");
    fflush(stdout);
  }
}

#endif
