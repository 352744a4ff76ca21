/* SPDX-License-Identifier: MIT */
/* The host's own streams, clocks and entropy when the system interrupts, does less than it was asked for, or refuses. */
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "core_host_fd.h"
#include "core_poll.h"
#include "faults.h"

enum { TIMES = 1000, TEXT = 3000, LINE = 1000, AT = 4096, MEMORY = 16384 };

static int ends[2];

/* Stream `fd` is an end of a pipe, which the test has the other end of. */
static void start(core_guest_t *g, int fd, wasi_light_output_mode_t mode) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.in.mode = WASI_LIGHT_INPUT_INHERIT;
  options.out.mode = options.err.mode = mode;
  options.out.line_size = options.err.line_size = TEXT;
  core_start(g, &options, MEMORY);
  assert_int_equal(pipe(ends), 0);
  core_fd_replace(fd, ends[fd == 0 ? 0 : 1]);
  alarm(60);
}

static void end(core_guest_t *g) {
  alarm(0);
  faults_open = false;
  faults_storm("read", EINTR, 0);
  core_fd_restore();
  close(ends[0]);
  close(ends[1]);
  core_end(g);
}

/* A call with the faults let in. */
static uint32_t open_call(core_guest_t *g, const char *name, const uint64_t args[CORE_ARGS_MAX]) {
  uint32_t status;
  LIB(status = core_call(g, name, args));
  return status;
}
#define OPEN(g, name, ...) open_call(g, #name, (const uint64_t[CORE_ARGS_MAX]){__VA_ARGS__})

/* All of the text but one. */
static char letter(size_t i) {
  return (char)('a' + i % 23);
}

static void put_text(core_guest_t *g) {
  for (size_t i = 0; i < TEXT; i++) core_put(g, AT + i, 1, (uint8_t)(i == LINE ? '\n' : letter(i)));
}

static void assert_pipe_has_text(size_t size) {
  char found[TEXT + 1];
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  assert_int_equal(read(ends[0], found, sizeof found), size);
  for (size_t i = 0; i < size; i++) assert_int_equal(found[i], i == LINE ? '\n' : letter(i));
}

/* ---- Interruptions --------------------------------------------------------------------------------- */

static void test_reads_that_are_interrupted(void **state) {
  static const int ways[] = {EINTR, EAGAIN};
  for (int i = 0; i < 2; i++) {
    core_guest_t g;
    start(&g, 0, WASI_LIGHT_OUTPUT_DISCARD);
    assert_int_equal(write(ends[1], "abc", 3), 3);
    core_put_iovec(&g, 8, AT, 100);
    faults_storm("readv", ways[i], TIMES);
    assert_int_equal(OPEN(&g, fd_read, 0, 8, 1, 0), WASI_LIGHT_ESUCCESS);
    assert_int_equal(faults_storm_left(), 0);
    assert_int_equal(core_get(&g, 0, 4), 3);
    core_assert_text(&g, AT, "abc");
    end(&g);
  }
}

static void test_writes_that_are_interrupted(void **state) {
  static const int ways[] = {EINTR, EAGAIN};
  for (int i = 0; i < 2; i++) {
    core_guest_t g;
    start(&g, 1, WASI_LIGHT_OUTPUT_INHERIT);
    put_text(&g);
    core_put_iovec(&g, 8, AT, TEXT);
    faults_storm("writev", ways[i], TIMES);
    assert_int_equal(OPEN(&g, fd_write, 1, 8, 1, 0), WASI_LIGHT_ESUCCESS);
    assert_int_equal(faults_storm_left(), 0);
    assert_int_equal(core_get(&g, 0, 4), TEXT);
    assert_pipe_has_text(TEXT);
    end(&g);
  }
}

static void test_entropy_that_is_interrupted(void **state) {
  static const int ways[] = {EINTR, FAULT_SHORT};
  for (int i = 0; i < 2; i++) {
    core_guest_t g;
    start(&g, 0, WASI_LIGHT_OUTPUT_DISCARD);
    core_fill(&g);
    core_save(&g);
    faults_storm("getrandom", ways[i], i == 0 ? TIMES : 4);
    assert_int_equal(OPEN(&g, random_get, AT, TEXT), WASI_LIGHT_ESUCCESS);
    assert_int_equal(faults_storm_left(), 0);
    size_t same = 0;
    for (size_t at = AT; at < AT + TEXT; at++) same += g.memory[at] == g.before[at];
    assert_true(same < TEXT / 16);
    core_assert_unchanged_but(&g, &(core_range_t){AT, TEXT}, 1);
    end(&g);
  }
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* A wait is as long as it was to be, however often it is broken off. */
static void test_waits_that_are_interrupted(void **state) {
  static const int ways[] = {EINTR, ENOMEM};
  enum { WAIT = 5000000 };
  for (int i = 0; i < 2; i++) {
    core_guest_t g;
    start(&g, 0, WASI_LIGHT_OUTPUT_DISCARD);
    core_put_clock(&g, 0, MONOTONIC, WAIT, RELATIVE);
    faults_storm("ppoll", ways[i], TIMES);
    uint64_t before = now();
    assert_int_equal(OPEN(&g, poll_oneoff, IN, OUT, 1, NEVENTS), WASI_LIGHT_ESUCCESS);
    assert_true(now() - before >= WAIT);
    assert_int_equal(core_get(&g, NEVENTS, 4), 1);
    core_assert_event(&g, 0, 0, 0, 0);
    uint64_t slept = wasi_light_env_usage(g.env).slept_ns;
    assert_true(slept < UINT64_C(10000000000));
    end(&g);
  }
}

/* Where the system cannot wait at all, a stream is as ready as can be: the guest finds out by using it. */
static void test_a_wait_that_is_refused(void **state) {
  core_guest_t g;
  start(&g, 0, WASI_LIGHT_OUTPUT_DISCARD);
  close(ends[1]); /* or a wait after the storm would not end */
  core_put_stream(&g, 0, FD_READ, 0);
  faults_storm("ppoll", EINVAL, TIMES);
  assert_int_equal(OPEN(&g, poll_oneoff, IN, OUT, 1, NEVENTS), WASI_LIGHT_ESUCCESS);
  assert_int_equal(core_get(&g, NEVENTS, 4), 1);
  assert_int_equal(faults_storm_left(), TIMES - 1);
  end(&g);
}

/* ---- Less than was asked for ----------------------------------------------------------------------- */

/* The guest is told how much it was, and the rest is its own to write. */
static void test_short_writes(void **state) {
  core_guest_t g;
  start(&g, 1, WASI_LIGHT_OUTPUT_INHERIT);
  put_text(&g);
  size_t done = 0;
  unsigned calls = 0;
  for (; done < TEXT && calls < 100; calls++) {
    core_put_iovec(&g, 8, (uint32_t)(AT + done), 1);
    core_put_iovec(&g, 16, (uint32_t)(AT + done + 1), (uint32_t)(TEXT - done - 1));
    faults_storm("writev", FAULT_SHORT, calls < 50 ? 1 : 0);
    assert_int_equal(OPEN(&g, fd_write, 1, 8, 2, 0), WASI_LIGHT_ESUCCESS);
    if (calls < 50) assert_int_equal(core_get(&g, 0, 4), 1);
    done += core_get(&g, 0, 4);
  }
  assert_int_equal(calls, 51);
  assert_pipe_has_text(TEXT);
  end(&g);
}

static void test_short_reads(void **state) {
  core_guest_t g;
  start(&g, 0, WASI_LIGHT_OUTPUT_DISCARD);
  assert_int_equal(write(ends[1], "abcdef", 6), 6);
  core_put_iovec(&g, 8, AT, 6);
  faults_storm("readv", FAULT_SHORT, 1);
  assert_int_equal(OPEN(&g, fd_read, 0, 8, 1, 0), WASI_LIGHT_ESUCCESS);
  assert_int_equal(core_get(&g, 0, 4), 3);
  core_put_iovec(&g, 8, AT + 3, 97);
  assert_int_equal(OPEN(&g, fd_read, 0, 8, 1, 0), WASI_LIGHT_ESUCCESS);
  assert_int_equal(core_get(&g, 0, 4), 3);
  core_assert_text(&g, AT, "abcdef");
  end(&g);
}

/* What is given to the system in parts: an error behind the first is for the next call to find. */
static void test_an_error_behind_a_first_part(void **state) {
  enum { COUNT = 100, FIRST = 64 };
  core_guest_t g;
  start(&g, 1, WASI_LIGHT_OUTPUT_INHERIT);
  put_text(&g);
  for (uint32_t i = 0; i < COUNT; i++) core_put_iovec(&g, 8 + 8 * (size_t)i, AT + i, 1);
  faults_begin(2, 0); /* the second call, and its first way is EIO */
  assert_int_equal(OPEN(&g, fd_write, 1, 8, COUNT, 0), WASI_LIGHT_ESUCCESS);
  assert_true(faults_end());
  assert_string_equal(faults_name(), "writev");
  assert_int_equal(core_get(&g, 0, 4), FIRST);
  assert_pipe_has_text(FIRST);
  end(&g);
}

/* Whole lines are written by the library: it goes on until all of a line is there. */
static void test_lines_in_parts(void **state) {
  static const int ways[] = {FAULT_SHORT, EINTR, EAGAIN};
  for (int i = 0; i < 3; i++) {
    core_guest_t g;
    start(&g, 1, WASI_LIGHT_OUTPUT_LINES);
    put_text(&g);
    core_put_iovec(&g, 8, AT, LINE + 1);
    faults_storm("writev", ways[i], 6);
    assert_int_equal(OPEN(&g, fd_write, 1, 8, 1, 0), WASI_LIGHT_ESUCCESS);
    assert_int_equal(faults_storm_left(), 0);
    assert_int_equal(core_get(&g, 0, 4), LINE + 1);
    assert_pipe_has_text(LINE + 1);
    end(&g);
  }
}

/* A stream that takes nothing is no reason to try for ever. */
static void test_lines_that_nobody_takes(void **state) {
  core_guest_t g;
  start(&g, 1, WASI_LIGHT_OUTPUT_LINES);
  core_put_text(&g, AT, "a line\n");
  core_put_iovec(&g, 8, AT, 7);
  faults_storm("writev", FAULT_NOTHING, UINT32_MAX);
  assert_int_equal(OPEN(&g, fd_write, 1, 8, 1, 0), WASI_LIGHT_EIO);
  end(&g);
}

/* ---- Refusals -------------------------------------------------------------------------------------- */

static void test_errors_of_streams(void **state) {
  static const struct {
    int error;
    uint32_t seen;
  } rows[] = {{EBADF, WASI_LIGHT_EBADF},   {EFBIG, WASI_LIGHT_EFBIG}, {EISDIR, WASI_LIGHT_EISDIR},
              {ENOSPC, WASI_LIGHT_ENOSPC}, {EPIPE, WASI_LIGHT_EPIPE}, {EIO, WASI_LIGHT_EIO},
              {ENOMEM, WASI_LIGHT_EIO},    {EINVAL, WASI_LIGHT_EIO},  {EDQUOT, WASI_LIGHT_EIO}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    core_guest_t g;
    start(&g, 1, WASI_LIGHT_OUTPUT_INHERIT);
    core_put_text(&g, AT, "text");
    core_put_iovec(&g, 8, AT, 4);
    core_save(&g);
    faults_storm("writev", rows[i].error, 1);
    core_expect(rows[i].seen, OPEN(&g, fd_write, 1, 8, 1, 0), "fd_write", __FILE__, __LINE__);
    faults_storm("readv", rows[i].error, 1);
    core_expect(rows[i].seen, OPEN(&g, fd_read, 0, 8, 1, 0), "fd_read", __FILE__, __LINE__);
    core_assert_unchanged(&g);
    assert_int_equal(wasi_light_env_usage(g.env).out_bytes, 0);
    assert_int_equal(OPEN(&g, fd_write, 1, 8, 1, 0), WASI_LIGHT_ESUCCESS);
    end(&g);
  }
}

/* A guest that must not wait does not, even if the system cannot say whether it would have to. */
static void test_nonblocking_when_poll_fails(void **state) {
  static const int errors[] = {ENOMEM, EINVAL, EFAULT};
  for (int i = 0; i < 3; i++) {
    core_guest_t g;
    start(&g, 0, WASI_LIGHT_OUTPUT_DISCARD);
    EXPECT(SUCCESS, &g, fd_fdstat_set_flags, 0, 4);
    core_put_iovec(&g, 8, AT, 4);
    faults_storm("poll", errors[i], 1);
    assert_int_equal(OPEN(&g, fd_read, 0, 8, 1, 0), WASI_LIGHT_EAGAIN);
    assert_int_equal(faults_storm_left(), 0);
    assert_int_equal(write(ends[1], "abcd", 4), 4);
    faults_storm("poll", EINTR, TIMES);
    assert_int_equal(OPEN(&g, fd_read, 0, 8, 1, 0), WASI_LIGHT_ESUCCESS);
    assert_int_equal(faults_storm_left(), 0);
    end(&g);
  }
}

static void test_clocks_that_cannot_be_read(void **state) {
  core_guest_t g;
  start(&g, 0, WASI_LIGHT_OUTPUT_DISCARD);
  core_fill(&g);
  core_put_clock(&g, 0, MONOTONIC, 1000, RELATIVE);
  core_save(&g);
  faults_storm("clock_gettime", EINVAL, UINT32_MAX);
  for (uint32_t clock = 0; clock < 4; clock++) assert_int_equal(OPEN(&g, clock_time_get, clock, 1, 0), WASI_LIGHT_EIO);
  assert_int_equal(OPEN(&g, poll_oneoff, IN, OUT, 1, NEVENTS), WASI_LIGHT_EIO);
  core_assert_unchanged(&g);
  faults_storm("clock_getres", EINVAL, 1);
  assert_int_equal(OPEN(&g, clock_res_get, 0, 0), WASI_LIGHT_ESUCCESS);
  assert_int_equal(core_get(&g, 0, 8), 1); /* no promise is kept by saying that it is coarser */
  end(&g);
}

#define STREAM_TEST(name) cmocka_unit_test_teardown(name, core_fd_teardown)

static const struct CMUnitTest tests[] = {
    STREAM_TEST(test_reads_that_are_interrupted),
    STREAM_TEST(test_writes_that_are_interrupted),
    STREAM_TEST(test_entropy_that_is_interrupted),
    STREAM_TEST(test_waits_that_are_interrupted),
    STREAM_TEST(test_a_wait_that_is_refused),
    STREAM_TEST(test_short_writes),
    STREAM_TEST(test_short_reads),
    STREAM_TEST(test_an_error_behind_a_first_part),
    STREAM_TEST(test_lines_in_parts),
    STREAM_TEST(test_lines_that_nobody_takes),
    STREAM_TEST(test_errors_of_streams),
    STREAM_TEST(test_nonblocking_when_poll_fails),
    STREAM_TEST(test_clocks_that_cannot_be_read),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
