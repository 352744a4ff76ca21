/* SPDX-License-Identifier: MIT */
/*
 * What the library costs, in counts and not in time, so that a test can hold it. Of the pool: allocations and system calls of
 * take, call and give; descriptors and threads of 100 instances; allocations that stay behind after 10,000 leases. Of WASI
 * calls: allocations, those of the engine included, and system calls. Of an instance: the bytes of its environment, and the
 * descriptors and threads of 1,000 that are not pooled.
 *
 * Allocations are counted by defining malloc and its family here, which the engine's library then uses too. System calls
 * are counted by a parent that traces the child which does the work; where that is not allowed they are left out. For Linux
 * with glibc, and no sanitizer.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wasi_light_wasm.h>

#include "bare.h"
#include "light.h"

/* ---- Allocations ---- */

/* Of this thread: those that the engine compiles with may still be about to end. */
static _Thread_local volatile uint64_t allocated, freed;

/* NOLINTBEGIN(bugprone-reserved-identifier,readability-inconsistent-declaration-parameter-name): they are glibc's */
#pragma GCC visibility push(default) /* or the engine's library would not find them */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *old);

void *malloc(size_t size) {
  allocated++;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  allocated++;
  return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
  if (!old) allocated++;
  return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  allocated++;
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
  allocated++;
  *memory = __libc_memalign(alignment, size);
  return *memory ? 0 : ENOMEM;
}

void free(void *old) {
  if (old) freed++;
  __libc_free(old);
}
#pragma GCC visibility pop
/* NOLINTEND(bugprone-reserved-identifier,readability-inconsistent-declaration-parameter-name) */

static wasm_engine_t *engine;
static wasi_light_config_t *config;
static unsigned passed, failed;

/* ---- System calls: the parent counts those of the child's main thread, where the child can see it ---- */

typedef struct shared_t {
  bool traced;
  uint64_t calls;
} shared_t;

static volatile shared_t *shared;

static int trace(pid_t child) {
  int status = 0;
  long deliver = 0;
  bool entering = true;
  while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
    deliver = WSTOPSIG(status);
    if (deliver == SIGSTOP) ptrace(PTRACE_SETOPTIONS, child, NULL, (long)PTRACE_O_TRACESYSGOOD);
    if (deliver == (SIGTRAP | 0x80)) {
      shared->calls += entering;
      entering = !entering;
    }
    if (deliver == SIGSTOP || deliver == (SIGTRAP | 0x80)) deliver = 0;
    ptrace(PTRACE_SYSCALL, child, NULL, deliver);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

/* ---- Counting ---- */

typedef struct counts_t {
  uint64_t allocations, calls;
} counts_t;

static counts_t count_now(void) {
  return (counts_t){allocated, shared->calls};
}

static counts_t count_since(counts_t before) {
  return (counts_t){allocated - before.allocations, shared->calls - before.calls};
}

/* How many more than before; the engine's compiling threads may still end meanwhile. */
static uint64_t more_entries(const char *folder, uint64_t before) {
  uint64_t count = count_entries(folder);
  return count > before ? count - before : 0;
}

/* Zeros prove nothing if nobody counts. */
static void expect_counting(counts_t before_engine) {
  if (count_since(before_engine).allocations == 0) fail("allocations", "the engine's are not counted");
  counts_t before = count_now();
  getppid();
  if (shared->traced && count_since(before).calls != 1) fail("system calls", "they are not counted");
}

static void expect_at_most(const char *guest, const char *what, uint64_t is, uint64_t most) {
  if (is <= most) {
    passed++;
    return;
  }
  failed++;
  printf("FAILED: %s: %s is %llu, at most %llu was expected\n", guest, what, (unsigned long long)is,
         (unsigned long long)most);
}

/* ---- Leases ---- */

static wasi_light_pool_t *new_checked_pool(wasi_light_module_t *module, wasi_light_reset_t reset) {
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  wasi_light_pool_stats_t stats;
  wasi_light_error_t error;
  options.reset = reset;
  wasi_light_pool_t *pool = wasi_light_pool_new(module, config, &options, &error);
  if (!pool) fail("a pool", error.message);
  wasi_light_pool_stats(pool, &stats);
  if (reset == WASI_LIGHT_RESET_BEST || stats.method == reset) return pool;
  wasi_light_pool_delete(pool);
  return NULL;
}

static wasi_light_instance_t *take(wasi_light_pool_t *pool) {
  wasi_light_error_t error;
  wasi_light_instance_t *instance = wasi_light_pool_take(pool, NULL, &error);
  if (!instance) fail("take", error.message);
  return instance;
}

static void count(wasi_light_instance_t *instance) {
  wasm_val_t result;
  wasi_light_outcome_t outcome = wasi_light_call_name(instance, "count", NULL, 0, &result, 1);
  if (outcome.kind != WASI_LIGHT_RETURNED) fail("count", outcome.message);
  if (result.of.i32 != 1) fail("count", "the instance was not as new");
}

static void give(wasi_light_pool_t *pool, wasi_light_instance_t *instance) {
  wasi_light_error_t error;
  if (!wasi_light_pool_give(pool, instance, &error)) fail("give", error.message);
}

static void lease(wasi_light_pool_t *pool) {
  wasi_light_instance_t *instance = take(pool);
  count(instance);
  give(pool, instance);
}

/* ---- What is held ---- */

typedef struct method_t {
  wasi_light_reset_t reset;
  const char *name;
  unsigned give_calls; /* the most system calls of give */
} method_t;

static void check_lease(const char *guest, wasi_light_module_t *module, const method_t *method) {
  enum { CALL_ALLOCATIONS = 16 }; /* the engine's, and Rust's is 12: it reads its environment in each call */
  wasi_light_pool_t *pool = new_checked_pool(module, method->reset);
  if (!pool) {
    printf("%s, %s: not on this system\n", guest, method->name);
    return;
  }
  for (int i = 0; i < 3; i++) lease(pool);
  counts_t start = count_now();
  wasi_light_instance_t *instance = take(pool);
  counts_t taking = count_since(start);
  start = count_now();
  count(instance);
  counts_t calling = count_since(start);
  start = count_now();
  give(pool, instance);
  counts_t giving = count_since(start);
  printf("%s, %s: allocations: take %d, call %d, give %d; system calls: take %d, call %d, give %d\n", guest,
         method->name, (int)taking.allocations, (int)calling.allocations, (int)giving.allocations, (int)taking.calls,
         (int)calling.calls, (int)giving.calls);
  expect_at_most(guest, "allocations of take", taking.allocations, 0);
  expect_at_most(guest, "allocations of call", calling.allocations, CALL_ALLOCATIONS);
  expect_at_most(guest, "allocations of give", giving.allocations, 0);
  expect_at_most(guest, "system calls of take", taking.calls, 0);
  expect_at_most(guest, "system calls of call", calling.calls, 0);
  expect_at_most(guest, "system calls of give", giving.calls, method->give_calls);
  wasi_light_pool_delete(pool);
}

/* Also that a pool leaves nothing behind. */
static void check_live(const char *guest, wasi_light_module_t *module) {
  enum { LIVE = 100, POOLS_OWN = 2 };
  wasi_light_instance_t *instances[LIVE];
  uint64_t files = count_entries("/proc/self/fd"), threads = count_entries("/proc/self/task");
  wasi_light_pool_t *pool = new_checked_pool(module, WASI_LIGHT_RESET_BEST);
  for (size_t i = 0; i < LIVE; i++) count(instances[i] = take(pool));
  uint64_t files_with = more_entries("/proc/self/fd", files);
  uint64_t threads_with = more_entries("/proc/self/task", threads);
  for (size_t i = 0; i < LIVE; i++) give(pool, instances[i]);
  wasi_light_pool_delete(pool);
  printf("%s, %d instances: %d descriptors, %d threads\n", guest, LIVE, (int)files_with, (int)threads_with);
  expect_at_most(guest, "descriptors with 100 instances", files_with, POOLS_OWN);
  expect_at_most(guest, "threads with 100 instances", threads_with, 0);
  expect_at_most(guest, "descriptors afterwards", more_entries("/proc/self/fd", files), 0);
}

static void check_many(const char *guest, wasi_light_module_t *module) {
  enum { LEASES = 10000 };
  wasi_light_pool_t *pool = new_checked_pool(module, WASI_LIGHT_RESET_BEST);
  for (int i = 0; i < 3; i++) lease(pool);
  uint64_t files = count_entries("/proc/self/fd"), blocks = allocated - freed;
  for (int i = 0; i < LEASES; i++) lease(pool);
  blocks = allocated - freed - blocks;
  printf("%s, %d leases: %d allocations stay\n", guest, LEASES, (int)blocks);
  expect_at_most(guest, "allocations that stay", blocks, 0);
  expect_at_most(guest, "descriptors that stay", more_entries("/proc/self/fd", files), 0);
  wasi_light_pool_delete(pool);
}

/* ---- WASI calls, in the loops of guests/loop.wat ---- */

typedef struct loop_t {
  const char *name;
  bool asks_system; /* one system call each */
} loop_t;

static counts_t count_loop(wasi_light_instance_t *instance, const char *name, int32_t times) {
  const wasm_val_t arg = WASM_I32_VAL(times);
  const wasi_light_func_t *func = wasi_light_module_func(wasi_light_instance_module(instance), name);
  if (!func) fail(name, "is not exported");
  counts_t start = count_now();
  wasm_val_t result = call(instance, func, &arg, 1);
  counts_t counts = count_since(start);
  if (result.of.i32 != 0) fail(name, "a call did not succeed");
  return counts;
}

/* Whether the engine has what calls without allocating, and the library was built to use it. */
static bool calls_are_raw(void) {
#ifdef WASI_LIGHT_STOCK_ENGINE
  return false;
#else
  return bare_has_raw();
#endif
}

/* Many calls against one, so that what the call into the guest allocates is not counted. */
static void check_calls(void) {
  enum { TIMES = 2000, FEW = 2 /* a key for the generator of randomness; the engine's own */ };
  static const loop_t loops[] = {{"clock_time_get", false}, {"random_get_8", false}, {"random_get_4096", true},
                                 {"args_sizes_get", false}, {"args_get", false},     {"environ_get", false},
                                 {"fd_write", false},       {"sched_yield", true}};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_error_t error;
  options.args = bench_args;
  options.env = bench_env;
  guest_t guest = new_guest(engine, "loop");
  wasi_light_config_t *given = new_config(&options);
  wasi_light_instance_t *instance = wasi_light_instance_new(guest.module, given, NULL, &error);
  if (!instance) fail("loop", error.message);
  for (size_t i = 0; i < sizeof loops / sizeof loops[0]; i++) {
    count_loop(instance, loops[i].name, 1);
    counts_t one = count_loop(instance, loops[i].name, 1), many = count_loop(instance, loops[i].name, TIMES);
    uint64_t allocations = many.allocations > one.allocations ? many.allocations - one.allocations : 0;
    printf("%s, %d calls: %d allocations, %d system calls\n", loops[i].name, TIMES, (int)allocations, (int)many.calls);
    if (calls_are_raw()) expect_at_most(loops[i].name, "allocations of WASI calls", allocations, 0);
    expect_at_most(loops[i].name, "system calls of WASI calls", many.calls, FEW + (loops[i].asks_system ? TIMES : 0));
  }
  if (!calls_are_raw()) printf("allocations of WASI calls are the engine's as published, and not held\n");
  wasi_light_instance_delete(instance);
  wasi_light_config_delete(given);
  wasi_light_module_delete(guest.module);
}

/* ---- Instances ---- */

static void check_fresh(void) {
  enum { LIVE = 1000, ENVIRONMENT = 336 };
  static wasi_light_instance_t *instances[LIVE];
  wasi_light_error_t error;
  guest_t guest = new_guest(engine, "tiny");
  uint64_t files = count_entries("/proc/self/fd"), threads = count_entries("/proc/self/task");
  for (size_t i = 0; i < LIVE; i++) {
    instances[i] = wasi_light_instance_new(guest.module, config, NULL, &error);
    if (!instances[i]) fail("tiny", error.message);
    count(instances[i]);
  }
  uint64_t more_files = more_entries("/proc/self/fd", files), more_threads = more_entries("/proc/self/task", threads);
  for (size_t i = 0; i < LIVE; i++) wasi_light_instance_delete(instances[i]);
  printf("tiny, %d instances: %d descriptors, %d threads; environments of %zu bytes\n", LIVE, (int)more_files,
         (int)more_threads, wasi_light_env_bytes(config));
  expect_at_most("tiny", "descriptors of 1,000 instances", more_files, 0);
  expect_at_most("tiny", "threads of 1,000 instances", more_threads, 0);
  expect_at_most("tiny", "bytes of an environment", wasi_light_env_bytes(config), ENVIRONMENT);
  wasi_light_module_delete(guest.module);
}

/* The bytes of the benchmark's own guests are those of their text. */
static void check_text(const char *guest) {
  char path[64];
  size_t size = 0, text_size = 0;
  wasm_byte_vec_t made;
  wasi_light_error_t error;
  snprintf(path, sizeof path, "bench/guests/%s.wat", guest);
  uint8_t *text = bench_read(path, &text_size), *bytes = bench_guest(guest, &size);
  if (!wasi_light_wat2wasm((const char *)text, text_size, &made, &error)) fail(path, error.message);
  bool same = made.size == size && memcmp(made.data, bytes, size) == 0;
  expect_at_most(guest, "number of files that are not made of their text", same ? 0 : 1, 0);
  wasm_byte_vec_delete(&made);
  free(bytes);
  free(text);
}

/* ---- */

static void check_guest(const char *guest) {
  static const method_t methods[] = {
      {WASI_LIGHT_RESET_COPY, "copy", 0},
      {WASI_LIGHT_RESET_COPY_ON_WRITE, "cow", 1}, /* madvise */
      {WASI_LIGHT_RESET_SCAN, "scan", 2},         /* the scan; getpid, to notice a fork */
  };
  size_t size = 0;
  wasi_light_error_t error;
  uint8_t *bytes = bench_guest(guest, &size);
  wasi_light_module_t *module = wasi_light_module_new(engine, bytes, size, NULL, NULL, &error);
  if (!module) fail(guest, error.message);
  free(bytes);
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) check_lease(guest, module, &methods[i]);
  check_live(guest, module);
  check_many(guest, module);
  wasi_light_module_delete(module);
}

static int work(void) {
  static const char *const guests[] = {"c_reactor", "cpp_reactor", "rust_reactor", "zig_reactor"};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_error_t error;
  shared->traced = ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
  if (shared->traced) raise(SIGSTOP);
  else printf("system calls are not counted: tracing is not allowed\n");
  config = wasi_light_config_new(&options, &error);
  if (!config) fail("configuration", error.message);
  counts_t before = count_now();
  engine = wasm_engine_new();
  if (!engine) fail("engine", "cannot be started");
  expect_counting(before);
  check_text("loop");
  check_text("tiny");
  check_calls();
  check_fresh();
  for (size_t i = 0; i < sizeof guests / sizeof guests[0]; i++) check_guest(guests[i]);
  wasm_engine_delete(engine);
  wasi_light_config_delete(config);
  printf("%u passed, %u failed\n", passed, failed);
  return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(void) {
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if ((const void *)shared == MAP_FAILED) fail("shared memory", "cannot be had");
  pid_t child = fork();
  if (child < 0) fail("fork", "failed");
  if (child == 0) return work();
  return trace(child);
}
