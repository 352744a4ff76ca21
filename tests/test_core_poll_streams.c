/* SPDX-License-Identifier: MIT */
/* poll_oneoff with the streams, in every mode: ready or not, how many bytes, and the end. */
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "core_host_fd.h"
#include "core_poll.h"

static const uint64_t ms = 1000000;
static const uint64_t hour = 3600000 * (uint64_t)1000000;

/* ---- Streams that are not inherited: always ready ---------------------------------------------------------------- */

/* The one event of fd_read on fd 0, beside a clock that is far off. */
static void check_input(core_guest_t *g, uint64_t nbytes, bool hangup) {
  core_put_clock(g, 0, MONOTONIC, hour, RELATIVE);
  core_put_stream(g, 1, FD_READ, 0);
  assert_int_equal(core_poll(g, 2), 1);
  core_assert_stream_event(g, 0, 1, FD_READ, nbytes, hangup);
}

static void test_empty_input(void **state) {
  core_guest_t g;
  core_start(&g, NULL, POLL_MEMORY);
  check_input(&g, 0, true);
  core_end(&g);
}

static void test_input_bytes(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  core_guest_t g;
  options.in = (wasi_light_input_t){WASI_LIGHT_INPUT_BYTES, "0123456789", 10, NULL};
  core_start(&g, &options, POLL_MEMORY);
  check_input(&g, 10, false);
  core_put_iovec(&g, 16, 32, 7);
  EXPECT(SUCCESS, &g, fd_read, 0, 16, 1, 0);
  check_input(&g, 3, false);
  EXPECT(SUCCESS, &g, fd_read, 0, 16, 1, 0);
  check_input(&g, 0, true);
  wasi_light_env_reset(g.env);
  check_input(&g, 10, false);
  core_end(&g);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the type is wasi_light_read_t */
static wasi_light_errno_t no_read(void *host, uint8_t *buffer, size_t size, size_t *got) {
  (void)host, (void)buffer, (void)size, (void)got;
  fail_msg("%s", "poll_oneoff read from the callback");
  return WASI_LIGHT_EIO;
}

static wasi_light_errno_t no_write(void *host, uint32_t fd, const uint8_t *bytes, size_t size) {
  (void)host, (void)fd, (void)bytes, (void)size;
  fail_msg("%s", "poll_oneoff wrote to the callback");
  return WASI_LIGHT_EIO;
}

/* Whether a callback has bytes is known when it is called: it is said to have one, and is not called for it. */
static void test_input_callback(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  core_guest_t g;
  options.in = (wasi_light_input_t){WASI_LIGHT_INPUT_CALLBACK, NULL, 0, no_read};
  core_start(&g, &options, POLL_MEMORY);
  check_input(&g, 1, false);
  core_end(&g);
}

static void test_outputs(void **state) {
  static const wasi_light_output_t outputs[] = {
      {.mode = WASI_LIGHT_OUTPUT_DISCARD},
      {.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 1},
      {.mode = WASI_LIGHT_OUTPUT_CALLBACK, .write = no_write},
  };
  for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
    wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
    core_guest_t g;
    options.out = options.err = outputs[i];
    core_start(&g, &options, POLL_MEMORY);
    core_put_clock(&g, 0, REALTIME, hour, RELATIVE);
    core_put_stream(&g, 1, FD_WRITE, 1);
    core_put_stream(&g, 2, FD_WRITE, 2);
    assert_int_equal(core_poll(&g, 3), 2);
    core_assert_stream_event(&g, 0, 1, FD_WRITE, 1, false);
    core_assert_stream_event(&g, 1, 2, FD_WRITE, 1, false);
    core_end(&g);
  }
}

/* A stream can only be polled for what it is for, while it is open. */
static void test_wrong_direction_or_closed(void **state) {
  core_guest_t g;
  core_start(&g, NULL, POLL_MEMORY);
  EXPECT(SUCCESS, &g, fd_close, 2);
  core_put_stream(&g, 0, FD_READ, 1);
  core_put_stream(&g, 1, FD_WRITE, 0);
  core_put_stream(&g, 2, FD_WRITE, 2);
  core_put_stream(&g, 3, FD_READ, 2);
  core_put_stream(&g, 4, FD_WRITE, 1);
  assert_int_equal(core_poll(&g, 5), 5);
  core_assert_event(&g, 0, 0, FD_READ, WASI_LIGHT_EBADF);
  core_assert_event(&g, 1, 1, FD_WRITE, WASI_LIGHT_EBADF);
  core_assert_event(&g, 2, 2, FD_WRITE, WASI_LIGHT_EBADF);
  core_assert_event(&g, 3, 3, FD_READ, WASI_LIGHT_EBADF);
  core_assert_stream_event(&g, 4, 4, FD_WRITE, 1, false);
  core_end(&g);
}

/* All that is so at that moment is said: a clock that is past, a stream that is ready, an error. */
static void test_everything_at_once(void **state) {
  core_guest_t g;
  core_start(&g, NULL, POLL_MEMORY);
  core_put_clock(&g, 0, MONOTONIC, 0, RELATIVE);
  core_put_stream(&g, 1, FD_READ, 0);
  core_put_clock(&g, 2, MONOTONIC, hour, RELATIVE);
  core_put_stream(&g, 3, FD_WRITE, 1);
  core_put_stream(&g, 4, FD_WRITE, 9);
  core_put_stream(&g, 5, FD_READ, 0);
  assert_int_equal(core_poll(&g, 6), 5);
  core_assert_event(&g, 0, 0, CLOCK, WASI_LIGHT_ESUCCESS);
  core_assert_stream_event(&g, 1, 1, FD_READ, 0, true);
  core_assert_stream_event(&g, 2, 3, FD_WRITE, 1, false);
  core_assert_event(&g, 3, 4, FD_WRITE, WASI_LIGHT_EBADF);
  core_assert_stream_event(&g, 4, 5, FD_READ, 0, true);
  core_end(&g);
}

static void test_renumbered(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  core_guest_t g;
  options.in = (wasi_light_input_t){WASI_LIGHT_INPUT_BYTES, "abc", 3, NULL};
  core_start(&g, &options, POLL_MEMORY);
  EXPECT(SUCCESS, &g, fd_renumber, 0, 2);
  core_put_stream(&g, 0, FD_READ, 2);
  core_put_stream(&g, 1, FD_READ, 0);
  core_put_stream(&g, 2, FD_WRITE, 2);
  assert_int_equal(core_poll(&g, 3), 3);
  core_assert_stream_event(&g, 0, 0, FD_READ, 3, false);
  core_assert_event(&g, 1, 1, FD_READ, WASI_LIGHT_EBADF);
  core_assert_event(&g, 2, 2, FD_WRITE, WASI_LIGHT_EBADF);
  core_end(&g);
}

/* ---- Inherited streams ------------------------------------------------------------------------------------------- */

typedef struct pipe_guest_t {
  core_guest_t g;
  int ends[2];
} pipe_guest_t;

static void start(pipe_guest_t *p) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.in.mode = WASI_LIGHT_INPUT_INHERIT;
  options.out.mode = options.err.mode = WASI_LIGHT_OUTPUT_INHERIT;
  core_start(&p->g, &options, POLL_MEMORY);
  assert_int_equal(pipe(p->ends), 0);
}

static void close_end(pipe_guest_t *p, int end) {
  if (p->ends[end] >= 0) close(p->ends[end]);
  p->ends[end] = -1;
}

static void end(pipe_guest_t *p) {
  close_end(p, 0);
  close_end(p, 1);
  core_end(&p->g);
}

/* core_poll with `by` as the host's descriptor `fd`. */
static uint32_t poll_on(core_guest_t *g, int fd, int by, uint32_t count) {
  core_fd_replace(fd, by);
  uint32_t events = core_poll(g, count);
  core_fd_restore();
  return events;
}

static void test_pipe_with_data(void **state) {
  pipe_guest_t p;
  start(&p);
  assert_int_equal(write(p.ends[1], "hello", 5), 5);
  core_put_clock(&p.g, 0, MONOTONIC, hour, RELATIVE);
  core_put_stream(&p.g, 1, FD_READ, 0);
  assert_int_equal(poll_on(&p.g, 0, p.ends[0], 2), 1);
  core_assert_stream_event(&p.g, 0, 1, FD_READ, 5, false);
  assert_int_equal(poll_on(&p.g, 0, p.ends[0], 2), 1); /* looking takes nothing */
  core_assert_stream_event(&p.g, 0, 1, FD_READ, 5, false);
  end(&p);
}

static void test_pipe_without_data(void **state) {
  struct timespec before;
  struct timespec after;
  pipe_guest_t p;
  start(&p);
  core_put_stream(&p.g, 0, FD_READ, 0);
  core_put_clock(&p.g, 1, MONOTONIC, 20 * ms, RELATIVE);
  clock_gettime(CLOCK_MONOTONIC, &before);
  assert_int_equal(poll_on(&p.g, 0, p.ends[0], 2), 1);
  clock_gettime(CLOCK_MONOTONIC, &after);
  core_assert_event(&p.g, 0, 1, CLOCK, WASI_LIGHT_ESUCCESS);
  assert_true((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >= (int64_t)(20 * ms));
  end(&p);
}

static int late_end;
static volatile sig_atomic_t came_late;

static void write_late(void) {
  came_late = write(late_end, "late", 4) == 4;
}

/* With a clock that is far off, and with none: the stream is waited for. */
static void test_pipe_with_data_later(void **state) {
  for (uint32_t clocks = 0; clocks < 2; clocks++) {
    pipe_guest_t p;
    start(&p);
    core_put_stream(&p.g, 0, FD_READ, 0);
    core_put_clock(&p.g, 1, MONOTONIC, hour, RELATIVE);
    late_end = p.ends[1];
    came_late = 0;
    core_after(30, write_late);
    assert_int_equal(poll_on(&p.g, 0, p.ends[0], 1 + clocks), 1);
    core_cancel();
    assert_true(came_late);
    core_assert_stream_event(&p.g, 0, 0, FD_READ, 4, false);
    end(&p);
  }
}

/* Bytes first; when they are read, the end: nothing there to read, and hung up, as at the end in other modes. */
static void test_pipe_that_ended(void **state) {
  pipe_guest_t p;
  char bytes[8];
  start(&p);
  assert_int_equal(write(p.ends[1], "bye", 3), 3);
  close_end(&p, 1);
  core_put_stream(&p.g, 0, FD_READ, 0);
  assert_int_equal(poll_on(&p.g, 0, p.ends[0], 1), 1);
  assert_int_equal(core_get(&p.g, OUT + 16, 8), 3);
  assert_int_equal(read(p.ends[0], bytes, sizeof bytes), 3);
  assert_int_equal(poll_on(&p.g, 0, p.ends[0], 1), 1);
  core_assert_stream_event(&p.g, 0, 0, FD_READ, 0, true);
  end(&p);
}

static void test_file(void **state) {
  pipe_guest_t p;
  start(&p);
  char name[] = "/tmp/wasi_light_XXXXXX";
  int file = mkstemp(name);
  assert_true(file >= 0);
  assert_int_equal(unlink(name), 0);
  assert_int_equal(pwrite(file, "12345678", 8, 0), 8);
  core_put_stream(&p.g, 0, FD_READ, 0);
  assert_int_equal(poll_on(&p.g, 0, file, 1), 1);
  core_assert_stream_event(&p.g, 0, 0, FD_READ, 8, false);
  close(file);
  end(&p);
}

static void test_pipe_to_write(void **state) {
  for (uint32_t fd = 1; fd <= 2; fd++) {
    static const char bytes[4096];
    pipe_guest_t p;
    start(&p);
    core_put_stream(&p.g, 0, FD_WRITE, fd);
    core_put_clock(&p.g, 1, MONOTONIC, 10 * ms, RELATIVE);
    assert_int_equal(poll_on(&p.g, (int)fd, p.ends[1], 2), 1);
    core_assert_stream_event(&p.g, 0, 0, FD_WRITE, 1, false);
    assert_int_equal(fcntl(p.ends[1], F_SETFL, O_NONBLOCK), 0);
    while (write(p.ends[1], bytes, sizeof bytes) > 0) continue;
    assert_int_equal(poll_on(&p.g, (int)fd, p.ends[1], 2), 1); /* full: only the clock */
    core_assert_event(&p.g, 0, 1, CLOCK, WASI_LIGHT_ESUCCESS);
    close_end(&p, 0);
    assert_int_equal(poll_on(&p.g, (int)fd, p.ends[1], 2), 1); /* nobody reads any more */
    core_assert_stream_event(&p.g, 0, 0, FD_WRITE, 1, true);
    end(&p);
  }
}

/* Each stream is looked at on its own descriptor. */
static void test_all_three(void **state) {
  pipe_guest_t p;
  start(&p);
  assert_int_equal(write(p.ends[1], "ab", 2), 2);
  core_fd_replace(0, p.ends[0]);
  core_fd_replace(1, p.ends[1]);
  core_fd_replace(2, p.ends[1]);
  core_put_stream(&p.g, 0, FD_WRITE, 2);
  core_put_stream(&p.g, 1, FD_READ, 0);
  core_put_stream(&p.g, 2, FD_WRITE, 1);
  core_put_stream(&p.g, 3, FD_READ, 0);
  uint32_t events = core_poll(&p.g, 4);
  core_fd_restore();
  assert_int_equal(events, 4);
  core_assert_stream_event(&p.g, 0, 0, FD_WRITE, 1, false);
  core_assert_stream_event(&p.g, 1, 1, FD_READ, 2, false);
  core_assert_stream_event(&p.g, 2, 2, FD_WRITE, 1, false);
  core_assert_stream_event(&p.g, 3, 3, FD_READ, 2, false);
  end(&p);
}

static void test_renumbered_pipe(void **state) {
  pipe_guest_t p;
  start(&p);
  assert_int_equal(write(p.ends[1], "abc", 3), 3);
  EXPECT(SUCCESS, &p.g, fd_renumber, 0, 1);
  core_put_stream(&p.g, 0, FD_READ, 1);
  assert_int_equal(poll_on(&p.g, 0, p.ends[0], 1), 1);
  core_assert_stream_event(&p.g, 0, 0, FD_READ, 3, false);
  end(&p);
}

/* Ready elsewhere: a pipe without data is not waited for, and has no event. */
static void test_not_ready_beside_ready(void **state) {
  pipe_guest_t p;
  start(&p);
  core_put_stream(&p.g, 0, FD_READ, 0);
  core_put_stream(&p.g, 1, FD_READ, 7);
  assert_int_equal(poll_on(&p.g, 0, p.ends[0], 2), 1);
  core_assert_event(&p.g, 0, 1, FD_READ, WASI_LIGHT_EBADF);
  core_put_clock(&p.g, 1, REALTIME, 0, RELATIVE);
  assert_int_equal(poll_on(&p.g, 0, p.ends[0], 2), 1);
  core_assert_event(&p.g, 0, 1, CLOCK, WASI_LIGHT_ESUCCESS);
  end(&p);
}

/* A descriptor that the host has closed is not waited for. */
static void test_closed_by_the_host(void **state) {
  pipe_guest_t p;
  start(&p);
  core_put_stream(&p.g, 0, FD_READ, 0);
  core_put_clock(&p.g, 1, MONOTONIC, hour, RELATIVE);
  assert_int_equal(poll_on(&p.g, 0, -1, 2), 1);
  assert_int_equal(core_get(&p.g, OUT, 8), USERDATA(0));
  end(&p);
}

#define TEST(name) cmocka_unit_test_teardown(name, core_fd_teardown)

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_empty_input),
      cmocka_unit_test(test_input_bytes),
      cmocka_unit_test(test_input_callback),
      cmocka_unit_test(test_outputs),
      cmocka_unit_test(test_wrong_direction_or_closed),
      cmocka_unit_test(test_everything_at_once),
      cmocka_unit_test(test_renumbered),
      TEST(test_pipe_with_data),
      TEST(test_pipe_without_data),
      TEST(test_pipe_with_data_later),
      TEST(test_pipe_that_ended),
      TEST(test_file),
      TEST(test_pipe_to_write),
      TEST(test_all_three),
      TEST(test_renumbered_pipe),
      TEST(test_not_ready_beside_ready),
      TEST(test_closed_by_the_host),
  };
  return CORE_RUN(tests, argc, argv);
}
