/* SPDX-License-Identifier: MIT */
/*
 * No WASI call allocates: malloc and its family are defined here, count while a call runs, and pass on to glibc. The
 * core is a static library, so its calls would end here too.
 *
 * Skipped where malloc is somebody else's: under AddressSanitizer and the like, and without glibc.
 */
#include <fcntl.h>
#include <unistd.h>

#include "core_host_fd.h"
#include "core_poll.h"
#include "core_rows.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#define OWN_MALLOC 0
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#undef OWN_MALLOC
#define OWN_MALLOC 0
#elif !defined(OWN_MALLOC)
#define OWN_MALLOC 1
#endif

static volatile unsigned allocations;

#if OWN_MALLOC
/* NOLINTBEGIN(bugprone-reserved-identifier,readability-inconsistent-declaration-parameter-name): they are glibc's */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *old);

void *malloc(size_t size) {
  allocations++;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  allocations++;
  return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
  allocations++;
  return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  allocations++;
  return __libc_memalign(alignment, size);
}

void free(void *old) {
  allocations++;
  __libc_free(old);
}
/* NOLINTEND(bugprone-reserved-identifier,readability-inconsistent-declaration-parameter-name) */
#endif

/* Skips the test unless what is counted here is what is called. */
static void begin(void) {
  unsigned before = allocations;
  void *volatile block = malloc(1);
  free(block);
  if (allocations != before + 2) skip();
}

static void check_call(core_guest_t *g, const char *name, const uint64_t args[CORE_ARGS_MAX]) {
  unsigned before = allocations;
  core_call(g, name, args);
  unsigned during = allocations - before;
  core_fd_restore();
  if (during > 0) fail_msg("%s called malloc or one of its family %u times", name, during);
}

/* The good call of every function, the same without memory, with nothing but wild arguments, and after an exit. */
static void check_all(const wasi_light_options_t *options) {
  uint64_t args[CORE_ARGS_MAX];
  for (size_t i = 0; i < CORE_ROWS; i++) {
    core_guest_t g;
    core_start(&g, options, CORE_MEMORY);
    core_good_args(&core_rows[i], args);
    core_put_input(&g, &core_rows[i], args);
    check_call(&g, core_rows[i].name, args);
    check_call(&g, core_rows[i].name, args); /* after an exit, in the case of proc_exit */
    for (size_t k = 0; k < CORE_ARGS_MAX; k++) args[k] = UINT64_MAX;
    check_call(&g, core_rows[i].name, args);
    core_good_args(&core_rows[i], args);
    wasi_light_env_set_memory(g.env, NULL, NULL, NULL);
    check_call(&g, core_rows[i].name, args);
    core_end(&g);
  }
}

static void test_the_counter_counts(void **state) {
  begin();
  unsigned before = allocations;
  void *volatile block = malloc(10);
  void *volatile larger = realloc(block, 20);
  free(larger);
  block = calloc(1, 1);
  free(block);
  assert_int_equal(allocations - before, 5);
}

static void test_seeded_and_captured(void **state) {
  const wasi_light_options_t options = core_row_options();
  begin();
  check_all(&options);
}

static void test_defaults(void **state) {
  const wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  begin();
  check_all(&options);
}

static wasi_light_errno_t take(void *host, uint32_t fd, const uint8_t *bytes, size_t size) {
  (void)host, (void)fd, (void)bytes, (void)size;
  return WASI_LIGHT_ESUCCESS;
}

static wasi_light_errno_t give(void *host, uint8_t *buffer, size_t size, size_t *got) {
  (void)host;
  memset(buffer, 'g', size);
  *got = size;
  return WASI_LIGHT_ESUCCESS;
}

static void test_callbacks(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  begin();
  options.in = (wasi_light_input_t){WASI_LIGHT_INPUT_CALLBACK, NULL, 0, give};
  options.out = options.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CALLBACK, .write = take};
  check_all(&options);
}

/* With as many iovecs as are served, and a megabyte of randomness. */
static void test_large_calls(void **state) {
  enum { COUNT = 1024, MIB = 1 << 20 };
  const wasi_light_options_t options = core_row_options();
  begin();
  core_guest_t g;
  core_start(&g, &options, MIB);
  for (uint32_t i = 0; i < COUNT; i++) core_put_iovec(&g, 64 + (size_t)i * 8, 16384, 1000);
  check_call(&g, "fd_write", (const uint64_t[CORE_ARGS_MAX]){1, 64, COUNT, 0});
  check_call(&g, "fd_read", (const uint64_t[CORE_ARGS_MAX]){0, 64, COUNT, 0});
  check_call(&g, "random_get", (const uint64_t[CORE_ARGS_MAX]){0, MIB});
  memset(g.memory, 0, MIB); /* 1,024 sleeps of 0 */
  check_call(&g, "poll_oneoff", (const uint64_t[CORE_ARGS_MAX]){64, MIB / 2, COUNT, 0});
  core_end(&g);
}

static void test_inherited(void **state) {
  static const char *const names[] = {"fd_read", "fd_write", "fd_fdstat_get", "fd_filestat_get"};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  begin();
  core_guest_t g;
  options.in.mode = WASI_LIGHT_INPUT_INHERIT;
  options.out.mode = options.err.mode = WASI_LIGHT_OUTPUT_INHERIT;
  core_start(&g, &options, POLL_MEMORY);
  int null = open("/dev/null", O_RDWR);
  assert_true(null >= 0);
  for (uint32_t fd = 0; fd < 3; fd++) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
      core_put_iovec(&g, 64, 128, 16);
      core_put_iovec(&g, 72, 144, 16);
      core_fd_replace((int)fd, null);
      check_call(&g, names[i], (const uint64_t[CORE_ARGS_MAX]){fd, 64, 2, 32});
    }
    core_put_stream(&g, 0, fd == 0 ? FD_READ : FD_WRITE, fd);
    core_put_clock(&g, 1, MONOTONIC, 1000, RELATIVE);
    core_fd_replace((int)fd, null);
    check_call(&g, "poll_oneoff", (const uint64_t[CORE_ARGS_MAX]){IN, OUT, 2, NEVENTS});
  }
  close(null);
  core_end(&g);
}

#define TEST(name) cmocka_unit_test_teardown(name, core_fd_teardown)

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      TEST(test_the_counter_counts), TEST(test_seeded_and_captured), TEST(test_defaults),
      TEST(test_callbacks),          TEST(test_large_calls),         TEST(test_inherited),
  };
  return CORE_RUN(tests, argc, argv);
}
