/* SPDX-License-Identifier: MIT */
/*
 * Inherited streams: the host process's own descriptors 0, 1 and 2, which stand for pipes, files and a terminal here.
 * A call that could wait for ever is freed by a timer and then fails.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core_guest.h"
#include "core_host_fd.h"

enum { SIZE = 8192, RESULT = 16, DATA = 4096, ARRAY = 32 };

static void start(core_guest_t *g) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.in.mode = WASI_LIGHT_INPUT_INHERIT;
  options.out.mode = options.err.mode = WASI_LIGHT_OUTPUT_INHERIT;
  core_start(g, &options, SIZE);
}

static void make_pipe(int ends[2]) {
  assert_int_equal(pipe(ends), 0);
}

static void close_pipe(int ends[2]) {
  if (ends[0] >= 0) close(ends[0]);
  if (ends[1] >= 0) close(ends[1]);
}

static void put_text(int fd, const char *text) {
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void assert_comes(int fd, const char *text) {
  char bytes[256];
  ssize_t size = read(fd, bytes, sizeof bytes);
  assert_int_equal(size, (ssize_t)strlen(text));
  assert_memory_equal(bytes, text, strlen(text));
}

/* One iovec of `len` bytes at DATA. The descriptor is the host's own again when these return. */
static uint32_t read_from(core_guest_t *g, int by, uint32_t len, uint32_t *got) {
  core_put_iovec(g, ARRAY, DATA, len);
  core_fd_replace(0, by);
  uint32_t status = CALL(g, fd_read, 0, ARRAY, 1, RESULT);
  core_fd_restore();
  *got = (uint32_t)core_get(g, RESULT, 4);
  return status;
}

static uint32_t write_to(core_guest_t *g, uint32_t fd, int by, uint32_t len, uint32_t *written) {
  core_put_iovec(g, ARRAY, DATA, len);
  core_fd_replace((int)fd, by);
  uint32_t status = CALL(g, fd_write, fd, ARRAY, 1, RESULT);
  core_fd_restore();
  *written = (uint32_t)core_get(g, RESULT, 4);
  return status;
}

/* `count` iovecs of one byte each. */
static void put_single_bytes(core_guest_t *g, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) core_put_iovec(g, ARRAY + (size_t)i * 8, DATA + i, 1);
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

static void test_read_pipe(void **state) {
  int ends[2];
  uint32_t got;
  core_guest_t g;
  start(&g);
  make_pipe(ends);
  put_text(ends[1], "hello");
  assert_int_equal(read_from(&g, ends[0], 3, &got), WASI_LIGHT_ESUCCESS);
  assert_int_equal(got, 3);
  core_assert_text(&g, DATA, "hel");
  assert_int_equal(read_from(&g, ends[0], 100, &got), WASI_LIGHT_ESUCCESS); /* short: does not wait for 100 */
  assert_int_equal(got, 2);
  core_assert_text(&g, DATA, "lo");
  close(ends[1]);
  ends[1] = -1;
  assert_int_equal(read_from(&g, ends[0], 100, &got), WASI_LIGHT_ESUCCESS);
  assert_int_equal(got, 0);
  close_pipe(ends);
  core_end(&g);
}

/* More iovecs than are given to the system at once. A read may be short, but what comes is in order and complete. */
static void check_read_many(uint32_t count) {
  char input[512] = {0};
  char output[512] = {0};
  size_t total = 0;
  int ends[2];
  core_guest_t g;
  start(&g);
  make_pipe(ends);
  for (uint32_t i = 0; i < count; i++) input[i] = (char)('a' + i % 26);
  put_text(ends[1], input);
  close(ends[1]);
  ends[1] = -1;
  put_single_bytes(&g, count + 3);
  for (uint32_t got = 1; got > 0;) {
    core_fd_replace(0, ends[0]);
    uint32_t status = CALL(&g, fd_read, 0, ARRAY, count + 3, RESULT);
    core_fd_restore();
    assert_int_equal(status, WASI_LIGHT_ESUCCESS);
    got = (uint32_t)core_get(&g, RESULT, 4);
    assert_true(total + got <= count);
    memcpy(output + total, g.memory + DATA, got);
    total += got;
  }
  assert_string_equal(output, input);
  close_pipe(ends);
  core_end(&g);
}

static void test_read_many_iovecs(void **state) {
  static const uint32_t counts[] = {1, 2, 63, 64, 65, 127, 128, 129, 400};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) check_read_many(counts[i]);
}

static int late_end;
static volatile sig_atomic_t came_late;

static void write_late(void) {
  came_late = write(late_end, "late", 4) == 4;
}

static void close_late(void) {
  came_late = close(late_end) == 0;
}

/* Bytes in hand are not held back for more: there are as many as the first iovecs take, and the writer sleeps. */
static void test_read_does_not_wait_with_bytes_in_hand(void **state) {
  static const uint32_t counts[] = {1, 2, 64, 65, 66, 128, 200};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    int ends[2];
    core_guest_t g;
    start(&g);
    make_pipe(ends);
    for (uint32_t k = 0; k < counts[i]; k++) put_text(ends[1], "x");
    put_single_bytes(&g, counts[i] + 1);
    late_end = ends[1];
    came_late = 0;
    core_fd_replace(0, ends[0]);
    core_after(500, close_late);
    uint32_t status = CALL(&g, fd_read, 0, ARRAY, counts[i] + 1, RESULT);
    core_cancel();
    core_fd_restore();
    assert_int_equal(status, WASI_LIGHT_ESUCCESS);
    if (came_late)
      fail_msg("with %u bytes there, fd_read of %u iovecs of 1 byte waited for more", counts[i], counts[i] + 1);
    assert_in_range(core_get(&g, RESULT, 4), 1, counts[i]);
    close_pipe(ends);
    core_end(&g);
  }
}

/* Nothing there: it is waited for, also on a descriptor that the host made non-blocking, and across a signal. */
static void test_read_waits(void **state) {
  for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
    int ends[2];
    uint32_t got;
    core_guest_t g;
    start(&g);
    make_pipe(ends);
    if (nonblocking) assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    late_end = ends[1];
    came_late = 0;
    core_after(30, write_late);
    assert_int_equal(read_from(&g, ends[0], 100, &got), WASI_LIGHT_ESUCCESS);
    core_cancel();
    assert_true(came_late);
    assert_int_equal(got, 4);
    core_assert_text(&g, DATA, "late");
    close_pipe(ends);
    core_end(&g);
  }
}

static void test_read_nonblock(void **state) {
  int ends[2];
  uint32_t got;
  core_guest_t g;
  start(&g);
  make_pipe(ends);
  EXPECT(SUCCESS, &g, fd_fdstat_set_flags, 0, 4);
  late_end = dup(ends[1]);
  came_late = 0;
  core_after(500, write_late);
  core_put(&g, RESULT, 4, 0x11111111);
  assert_int_equal(read_from(&g, ends[0], 100, &got), WASI_LIGHT_EAGAIN);
  assert_int_equal(got, 0x11111111);
  core_cancel();
  assert_false(came_late);
  put_text(ends[1], "abc");
  assert_int_equal(read_from(&g, ends[0], 100, &got), WASI_LIGHT_ESUCCESS);
  assert_int_equal(got, 3);
  assert_int_equal(read_from(&g, ends[0], 100, &got), WASI_LIGHT_EAGAIN);
  close(ends[1]);
  close(late_end);
  ends[1] = -1;
  assert_int_equal(read_from(&g, ends[0], 100, &got), WASI_LIGHT_ESUCCESS); /* the end is not "try again" */
  assert_int_equal(got, 0);
  close_pipe(ends);
  core_end(&g);
}

static void test_read_nothing(void **state) {
  int ends[2];
  uint32_t got;
  core_guest_t g;
  start(&g);
  make_pipe(ends);
  late_end = ends[1];
  came_late = 0;
  core_after(500, close_late);
  assert_int_equal(read_from(&g, ends[0], 0, &got), WASI_LIGHT_ESUCCESS);
  core_cancel();
  assert_false(came_late);
  assert_int_equal(got, 0);
  close_pipe(ends);
  core_end(&g);
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

static void test_write_pipe(void **state) {
  for (uint32_t fd = 1; fd <= 2; fd++) {
    int ends[2];
    uint32_t written;
    core_guest_t g;
    start(&g);
    make_pipe(ends);
    core_put_text(&g, DATA, "hello");
    assert_int_equal(write_to(&g, fd, ends[1], 5, &written), WASI_LIGHT_ESUCCESS);
    assert_int_equal(written, 5);
    assert_comes(ends[0], "hello");
    assert_int_equal(write_to(&g, fd, ends[1], 0, &written), WASI_LIGHT_ESUCCESS);
    assert_int_equal(written, 0);
    assert_null(wasi_light_env_captured(g.env, fd, NULL, NULL));
    close_pipe(ends);
    core_end(&g);
  }
}

static void test_write_many_iovecs(void **state) {
  static const uint32_t counts[] = {1, 2, 63, 64, 65, 127, 128, 129, 250};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    int ends[2];
    char text[256] = {0};
    core_guest_t g;
    start(&g);
    make_pipe(ends);
    put_single_bytes(&g, counts[i]);
    for (uint32_t k = 0; k < counts[i]; k++) g.memory[DATA + k] = (uint8_t)(text[k] = (char)('a' + k % 26));
    core_fd_replace(1, ends[1]);
    uint32_t status = CALL(&g, fd_write, 1, ARRAY, counts[i], RESULT);
    core_fd_restore();
    assert_int_equal(status, WASI_LIGHT_ESUCCESS);
    assert_int_equal(core_get(&g, RESULT, 4), counts[i]);
    assert_comes(ends[0], text);
    close_pipe(ends);
    core_end(&g);
  }
}

/* The stream keeps the host's descriptor, whatever number the guest gives it. */
static void test_write_renumbered(void **state) {
  int out[2];
  int err[2];
  core_guest_t g;
  start(&g);
  make_pipe(out);
  make_pipe(err);
  core_put_text(&g, DATA, "moved");
  core_put_iovec(&g, ARRAY, DATA, 5);
  core_fd_replace(1, out[1]);
  core_fd_replace(2, err[1]);
  EXPECT(SUCCESS, &g, fd_renumber, 1, 2);
  EXPECT(SUCCESS, &g, fd_write, 2, ARRAY, 1, RESULT);
  core_fd_restore();
  close(err[1]);
  err[1] = -1;
  assert_comes(err[0], "");
  assert_comes(out[0], "moved");
  close_pipe(out);
  close_pipe(err);
  core_end(&g);
}

/* A guest closes its own numbers, never the host's descriptors. */
static void test_close_leaves_the_hosts_open(void **state) {
  core_guest_t g;
  start(&g);
  for (uint32_t fd = 0; fd < 3; fd++) {
    EXPECT(SUCCESS, &g, fd_close, fd);
    assert_true(fcntl((int)fd, F_GETFD) >= 0);
  }
  core_end(&g);
}

/* Writes until there is no room: returns how much went in. */
static size_t fill(int fd) {
  static const char bytes[4096];
  size_t total = 0;
  assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
  for (ssize_t n = write(fd, bytes, sizeof bytes); n > 0; n = write(fd, bytes, sizeof bytes)) total += (size_t)n;
  return total;
}

static void drain_late(void) {
  char bytes[65536];
  came_late = read(late_end, bytes, sizeof bytes) > 0;
}

static void test_write_waits_for_room(void **state) {
  for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
    int ends[2];
    uint32_t written;
    core_guest_t g;
    start(&g);
    make_pipe(ends);
    fill(ends[1]);
    if (!nonblocking) assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
    late_end = ends[0];
    came_late = 0;
    core_after(30, drain_late);
    assert_int_equal(write_to(&g, 1, ends[1], 10, &written), WASI_LIGHT_ESUCCESS);
    core_cancel();
    assert_true(came_late);
    assert_int_equal(written, 10);
    close_pipe(ends);
    core_end(&g);
  }
}

/* With the flag set, a write never waits, though the descriptor itself may be a blocking one. */
static void test_write_nonblock(void **state) {
  int ends[2];
  uint32_t written;
  core_guest_t g;
  start(&g);
  make_pipe(ends);
  EXPECT(SUCCESS, &g, fd_fdstat_set_flags, 1, 4);
  EXPECT(SUCCESS, &g, fd_fdstat_set_flags, 2, 0);
  size_t room = fill(ends[1]);
  assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
  late_end = ends[0];
  came_late = 0;
  core_after(1000, drain_late);
  core_put(&g, RESULT, 4, 0x11111111);
  assert_int_equal(write_to(&g, 1, ends[1], 10, &written), WASI_LIGHT_EAGAIN);
  assert_int_equal(written, 0x11111111);
  assert_false(came_late);
  drain_late();
  came_late = 0;
  size_t total = 0;
  while (write_to(&g, 1, ends[1], 4000, &written) == WASI_LIGHT_ESUCCESS) { /* short, until it is full again */
    assert_in_range(written, 1, 4000);
    total += written;
  }
  core_cancel();
  assert_false(came_late);
  assert_in_range(total, room / 16, room);
  close_pipe(ends);
  core_end(&g);
}

/* Not even a write that is larger than the room there is. */
static void test_write_nonblock_of_more_than_fits(void **state) {
  char bytes[4096];
  int ends[2];
  core_guest_t g;
  start(&g);
  make_pipe(ends);
  EXPECT(SUCCESS, &g, fd_fdstat_set_flags, 1, 4);
  fill(ends[1]);
  assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
  assert_int_equal(read(ends[0], bytes, sizeof bytes), sizeof bytes); /* so much is free */
  core_put_iovec(&g, ARRAY, 0, SIZE);
  late_end = ends[0];
  came_late = 0;
  core_fd_replace(1, ends[1]);
  core_after(500, drain_late);
  uint32_t status = CALL(&g, fd_write, 1, ARRAY, 1, RESULT);
  core_cancel();
  core_fd_restore();
  assert_int_equal(status, WASI_LIGHT_ESUCCESS);
  assert_false(came_late);
  assert_in_range(core_get(&g, RESULT, 4), 1, sizeof bytes);
  close_pipe(ends);
  core_end(&g);
}

/* ---- Errors ------------------------------------------------------------------------------------------------------ */

static void test_broken_pipe(void **state) {
  int ends[2];
  uint32_t written;
  core_guest_t g;
  void (*before)(int) = signal(SIGPIPE, SIG_IGN); /* which is the host's to decide */
  start(&g);
  make_pipe(ends);
  close(ends[0]);
  ends[0] = -1;
  core_put(&g, RESULT, 4, 0x11111111);
  assert_int_equal(write_to(&g, 1, ends[1], 5, &written), WASI_LIGHT_EPIPE);
  assert_int_equal(written, 0x11111111);
  EXPECT(SUCCESS, &g, fd_fdstat_set_flags, 2, 4);
  assert_int_equal(write_to(&g, 2, ends[1], 5, &written), WASI_LIGHT_EPIPE);
  close_pipe(ends);
  core_end(&g);
  signal(SIGPIPE, before);
}

static void check_read_error(const char *path, int flags, wasi_light_errno_t expected) {
  uint32_t got;
  core_guest_t g;
  start(&g);
  int fd = open(path, flags);
  assert_true(fd >= 0);
  core_put_iovec(&g, ARRAY, DATA, 10);
  core_put(&g, RESULT, 4, 0x11111111);
  assert_int_equal(read_from(&g, fd, 10, &got), expected);
  assert_int_equal(got, 0x11111111);
  close(fd);
  core_end(&g);
}

static void test_read_errors(void **state) {
  check_read_error("/", O_RDONLY, WASI_LIGHT_EISDIR);
  check_read_error("/dev/null", O_WRONLY, WASI_LIGHT_EBADF);
}

/* An errno that preview 1 has a name for, but that says nothing to a guest: nothing is mapped at 0. */
static void test_read_other_error(void **state) {
  if (core_under_valgrind()) skip(); /* /proc/self/mem is valgrind's own there */
  check_read_error("/proc/self/mem", O_RDONLY, WASI_LIGHT_EIO);
}

static void test_write_errors(void **state) {
  uint32_t written;
  core_guest_t g;
  start(&g);
  int full = open("/dev/full", O_WRONLY);
  int read_only = open("/dev/null", O_RDONLY);
  assert_true(full >= 0 && read_only >= 0);
  for (uint32_t fd = 1; fd <= 2; fd++) {
    assert_int_equal(write_to(&g, fd, full, 10, &written), WASI_LIGHT_ENOSPC);
    assert_int_equal(write_to(&g, fd, read_only, 10, &written), WASI_LIGHT_EBADF);
  }
  close(full);
  close(read_only);
  core_end(&g);
}

/* A host that closed its own. */
static void test_closed_by_the_host(void **state) {
  uint32_t count;
  core_guest_t g;
  start(&g);
  assert_int_equal(read_from(&g, -1, 10, &count), WASI_LIGHT_EBADF);
  assert_int_equal(write_to(&g, 1, -1, 10, &count), WASI_LIGHT_EBADF);
  EXPECT(SUCCESS, &g, fd_fdstat_set_flags, 1, 4);
  assert_int_equal(write_to(&g, 1, -1, 10, &count), WASI_LIGHT_EBADF);
  core_end(&g);
}

/* A file that may have 100 bytes takes 100 of 200: that is the result, and the error comes with the next call. */
static void test_file_too_big(void **state) {
  struct rlimit before;
  core_guest_t g;
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  start(&g);
  char name[] = "/tmp/wasi_light_XXXXXX";
  int file = mkstemp(name);
  assert_true(file >= 0);
  assert_int_equal(unlink(name), 0);
  put_single_bytes(&g, 200);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  const struct rlimit limit = {100, before.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
  core_fd_replace(1, file);
  uint32_t first = CALL(&g, fd_write, 1, ARRAY, 200, RESULT);
  uint32_t second = CALL(&g, fd_write, 1, ARRAY, 200, RESULT + 4);
  core_fd_restore();
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  assert_int_equal(first, WASI_LIGHT_ESUCCESS);
  assert_int_equal(core_get(&g, RESULT, 4), 100);
  assert_int_equal(second, WASI_LIGHT_EFBIG);
  close(file);
  core_end(&g);
  signal(SIGXFSZ, handler);
}

/* ---- What is said about them ------------------------------------------------------------------------------------- */

enum { UNKNOWN, CHARACTER_DEVICE = 2 };

static void check_type(core_guest_t *g, int by, uint8_t type) {
  for (uint32_t fd = 0; fd < 3; fd++) {
    core_fd_replace((int)fd, by);
    EXPECT(SUCCESS, g, fd_fdstat_get, fd, 0);
    EXPECT(SUCCESS, g, fd_filestat_get, fd, 64);
    core_fd_restore();
    assert_int_equal(core_get(g, 0, 1), type);
    assert_int_equal(core_get(g, 8, 8), 1u << 3 | 1u << 21 | 1u << 27 | (fd == 0 ? 1u << 1 : 1u << 6));
    assert_int_equal(core_get(g, 64 + 16, 1), type);
  }
}

static void test_terminal_is_a_character_device(void **state) {
  core_guest_t g;
  start(&g);
  int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  assert_true(terminal >= 0);
  assert_int_equal(grantpt(terminal), 0);
  assert_int_equal(unlockpt(terminal), 0);
  int side = open(ptsname(terminal), O_RDWR | O_NOCTTY);
  assert_true(side >= 0);
  check_type(&g, side, CHARACTER_DEVICE);
  close(side);
  close(terminal);
  core_end(&g);
}

/* /dev/null is a character device to POSIX, but no terminal: libc would take it for one. */
static void test_others_are_unknown(void **state) {
  int ends[2];
  core_guest_t g;
  start(&g);
  make_pipe(ends);
  int null = open("/dev/null", O_RDWR);
  assert_true(null >= 0);
  check_type(&g, ends[0], UNKNOWN);
  check_type(&g, ends[1], UNKNOWN);
  check_type(&g, null, UNKNOWN);
  check_type(&g, -1, UNKNOWN);
  close(null);
  close_pipe(ends);
  core_end(&g);
}

/* Only what is inherited is looked at: a terminal on 1 says nothing about a captured stdout. */
static void test_terminal_is_of_the_inherited_stream(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  core_guest_t g;
  core_start(&g, &options, SIZE);
  int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  assert_true(terminal >= 0);
  check_type(&g, terminal, UNKNOWN);
  close(terminal);
  core_end(&g);
}

#define TEST(name) cmocka_unit_test_teardown(name, core_fd_teardown)

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      TEST(test_read_pipe),
      TEST(test_read_many_iovecs),
      TEST(test_read_does_not_wait_with_bytes_in_hand),
      TEST(test_read_waits),
      TEST(test_read_nonblock),
      TEST(test_read_nothing),
      TEST(test_write_pipe),
      TEST(test_write_many_iovecs),
      TEST(test_write_renumbered),
      TEST(test_close_leaves_the_hosts_open),
      TEST(test_write_waits_for_room),
      TEST(test_write_nonblock),
      TEST(test_write_nonblock_of_more_than_fits),
      TEST(test_broken_pipe),
      TEST(test_read_errors),
      TEST(test_read_other_error),
      TEST(test_write_errors),
      TEST(test_closed_by_the_host),
      TEST(test_file_too_big),
      TEST(test_terminal_is_a_character_device),
      TEST(test_others_are_unknown),
      TEST(test_terminal_is_of_the_inherited_stream),
  };
  return CORE_RUN(tests, argc, argv);
}
