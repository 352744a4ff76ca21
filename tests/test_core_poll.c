/* SPDX-License-Identifier: MIT */
/*
 * poll_oneoff with clocks, its errors and its arrays. Time on a busy machine has no upper bound: what is checked here
 * is that nothing happens too early. Deadlines to the nanosecond are in test_core_fake_host.c, streams in
 * test_core_poll_streams.c.
 */
#include <time.h>

#include "core_poll.h"

static const uint64_t ms = 1000000;
static const uint64_t hour = 3600000 * (uint64_t)1000000;

static uint64_t now(clockid_t clock) {
  struct timespec t;
  assert_int_equal(clock_gettime(clock, &t), 0);
  return (uint64_t)t.tv_sec * 1000 * ms + (uint64_t)t.tv_nsec;
}

static void start(core_guest_t *g, int64_t offset) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.clock_offset_ns = offset;
  core_start(g, &options, POLL_MEMORY);
}

/* ---- One clock --------------------------------------------------------------------------------------------------- */

static void test_relative(void **state) {
  for (uint32_t clock = REALTIME; clock <= MONOTONIC; clock++) {
    const core_range_t written[] = {{NEVENTS, 4}, {OUT, EVENT}};
    core_guest_t g;
    start(&g, 0);
    core_put_clock(&g, 0, clock, 20 * ms, RELATIVE);
    core_save(&g);
    uint64_t before = now(CLOCK_MONOTONIC);
    assert_int_equal(core_poll(&g, 1), 1);
    assert_true(now(CLOCK_MONOTONIC) - before >= 20 * ms);
    core_assert_unchanged_but(&g, written, 2);
    core_assert_event(&g, 0, 0, CLOCK, WASI_LIGHT_ESUCCESS);
    core_end(&g);
  }
}

static void test_zero_timeout(void **state) {
  core_guest_t g;
  start(&g, 0);
  for (uint32_t clock = REALTIME; clock <= MONOTONIC; clock++) {
    core_put_clock(&g, 0, clock, 0, RELATIVE);
    assert_int_equal(core_poll(&g, 1), 1);
    core_put_clock(&g, 0, clock, 0, ABSTIME);
    assert_int_equal(core_poll(&g, 1), 1);
    core_put_clock(&g, 0, clock, 1, ABSTIME);
    assert_int_equal(core_poll(&g, 1), 1);
    core_assert_event(&g, 0, 0, CLOCK, WASI_LIGHT_ESUCCESS);
  }
  core_end(&g);
}

static void test_absolute(void **state) {
  static const clockid_t system_clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};
  for (uint32_t clock = REALTIME; clock <= MONOTONIC; clock++) {
    core_guest_t g;
    start(&g, 0);
    uint64_t deadline = now(system_clocks[clock]) + 20 * ms;
    core_put_clock(&g, 0, clock, deadline, ABSTIME);
    assert_int_equal(core_poll(&g, 1), 1);
    assert_true(now(system_clocks[clock]) >= deadline);
    core_assert_event(&g, 0, 0, CLOCK, WASI_LIGHT_ESUCCESS);
    core_end(&g);
  }
}

/* The deadline is what the guest's own clock_time_get shows, an hour before or after the host's. */
static void test_absolute_is_in_guest_time(void **state) {
  static const int64_t offsets[] = {3600000 * (int64_t)1000000, -1000000, 1};
  for (size_t i = 0; i < 3; i++) {
    for (uint32_t clock = REALTIME; clock <= MONOTONIC; clock++) {
      core_guest_t g;
      start(&g, offsets[i]);
      EXPECT(SUCCESS, &g, clock_time_get, clock, 0, 0);
      uint64_t deadline = core_get(&g, 0, 8) + 20 * ms;
      core_put_clock(&g, 0, clock, deadline, ABSTIME);
      uint64_t before = now(CLOCK_MONOTONIC);
      assert_int_equal(core_poll(&g, 1), 1);
      assert_in_range(now(CLOCK_MONOTONIC) - before, 15 * ms, hour / 2);
      EXPECT(SUCCESS, &g, clock_time_get, clock, 0, 0);
      assert_true(core_get(&g, 0, 8) >= deadline);
      core_end(&g);
    }
  }
}

/* An offset has no part in a duration. */
static void test_relative_with_offset(void **state) {
  static const int64_t offsets[] = {INT64_MAX, 3600000 * (int64_t)1000000, INT64_MIN};
  for (size_t i = 0; i < 3; i++) {
    core_guest_t g;
    start(&g, offsets[i]);
    core_put_clock(&g, 0, (uint32_t)i % 2, 5 * ms, RELATIVE);
    uint64_t before = now(CLOCK_MONOTONIC);
    assert_int_equal(core_poll(&g, 1), 1);
    assert_in_range(now(CLOCK_MONOTONIC) - before, 5 * ms, hour);
    core_end(&g);
  }
}

/* ---- Several ----------------------------------------------------------------------------------------------------- */

/* The earliest wins, wherever it stands; the others have no event. */
static void test_earliest_wins(void **state) {
  for (uint32_t first = 0; first < 4; first++) {
    core_guest_t g;
    start(&g, 0);
    for (uint32_t i = 0; i < 4; i++) core_put_clock(&g, i, i % 2, i == first ? 10 * ms : hour + i, RELATIVE);
    uint64_t before = now(CLOCK_MONOTONIC);
    assert_int_equal(core_poll(&g, 4), 1);
    assert_true(now(CLOCK_MONOTONIC) - before >= 10 * ms);
    core_assert_event(&g, 0, first, CLOCK, WASI_LIGHT_ESUCCESS);
    core_end(&g);
  }
}

/* Absolute and relative ones, of both clocks, are compared in the same time. */
static void test_earliest_of_different_kinds(void **state) {
  core_guest_t g;
  start(&g, (int64_t)hour);
  EXPECT(SUCCESS, &g, clock_time_get, REALTIME, 0, 0);
  uint64_t realtime = core_get(&g, 0, 8);
  EXPECT(SUCCESS, &g, clock_time_get, MONOTONIC, 0, 0);
  uint64_t monotonic = core_get(&g, 0, 8);
  core_put_clock(&g, 0, REALTIME, realtime + hour, ABSTIME);
  core_put_clock(&g, 1, MONOTONIC, monotonic + 10 * ms, ABSTIME);
  core_put_clock(&g, 2, MONOTONIC, hour, RELATIVE);
  assert_int_equal(core_poll(&g, 3), 1);
  core_assert_event(&g, 0, 1, CLOCK, WASI_LIGHT_ESUCCESS);
  EXPECT(SUCCESS, &g, clock_time_get, REALTIME, 0, 0);
  core_put_clock(&g, 0, REALTIME, core_get(&g, 0, 8) + 10 * ms, ABSTIME);
  core_put_clock(&g, 1, MONOTONIC, monotonic + hour, ABSTIME);
  assert_int_equal(core_poll(&g, 3), 1);
  core_assert_event(&g, 0, 0, CLOCK, WASI_LIGHT_ESUCCESS);
  core_end(&g);
}

static void test_equal_deadlines(void **state) {
  core_guest_t g;
  start(&g, 0);
  uint64_t deadline = now(CLOCK_MONOTONIC) + 5 * ms;
  core_put_clock(&g, 0, MONOTONIC, deadline, ABSTIME);
  core_put_clock(&g, 1, MONOTONIC, hour, RELATIVE);
  core_put_clock(&g, 2, MONOTONIC, deadline, ABSTIME);
  assert_int_equal(core_poll(&g, 3), 2);
  core_assert_event(&g, 0, 0, CLOCK, WASI_LIGHT_ESUCCESS);
  core_assert_event(&g, 1, 2, CLOCK, WASI_LIGHT_ESUCCESS);
  core_end(&g);
}

static void test_several_that_are_past(void **state) {
  core_guest_t g;
  start(&g, 0);
  for (uint32_t i = 0; i < 64; i++) core_put_clock(&g, i, i % 2, i % 3 == 0 ? hour : 0, RELATIVE);
  assert_int_equal(core_poll(&g, 64), 42);
  uint32_t e = 0;
  for (uint32_t i = 0; i < 64; i++) { /* in the order of the subscriptions */
    if (i % 3 != 0) core_assert_event(&g, e++, i, CLOCK, WASI_LIGHT_ESUCCESS);
  }
  core_end(&g);
}

/* ---- Wrong subscriptions ----------------------------------------------------------------------------------------- */

/* What is wrong with one is the error of its event, at once; the others wait for another call. */
static void test_errors_of_events(void **state) {
  static const struct {
    uint32_t clock;
    uint16_t flags;
    uint16_t error;
  } rows[] = {
      {4, RELATIVE, WASI_LIGHT_EINVAL},           {0xffffffff, RELATIVE, WASI_LIGHT_EINVAL},
      {0x100, ABSTIME, WASI_LIGHT_EINVAL},        {MONOTONIC, 2, WASI_LIGHT_EINVAL},
      {MONOTONIC, 3, WASI_LIGHT_EINVAL},          {REALTIME, 0x100, WASI_LIGHT_EINVAL},
      {REALTIME, 0xffff, WASI_LIGHT_EINVAL},      {PROCESS_CPU, RELATIVE, WASI_LIGHT_ENOTSUP},
      {THREAD_CPU, RELATIVE, WASI_LIGHT_ENOTSUP}, {PROCESS_CPU, ABSTIME, WASI_LIGHT_ENOTSUP},
  };
  for (uint32_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    core_guest_t g;
    start(&g, 0);
    core_put_clock(&g, 0, MONOTONIC, hour, RELATIVE);
    core_put_clock(&g, 1, rows[i].clock, 0, rows[i].flags);
    assert_int_equal(core_poll(&g, 2), 1);
    core_assert_event(&g, 0, 1, CLOCK, rows[i].error);
    core_end(&g);
  }
}

static void test_bad_fds(void **state) {
  static const uint32_t fds[] = {3, 4, 256, 0x80000000, 0xffffffff};
  for (uint32_t i = 0; i < sizeof fds / sizeof *fds; i++) {
    core_guest_t g;
    start(&g, 0);
    core_put_stream(&g, 0, FD_READ, fds[i]);
    core_put_clock(&g, 1, MONOTONIC, hour, RELATIVE);
    core_put_stream(&g, 2, FD_WRITE, fds[i]);
    assert_int_equal(core_poll(&g, 3), 2);
    core_assert_event(&g, 0, 0, FD_READ, WASI_LIGHT_EBADF);
    core_assert_event(&g, 1, 2, FD_WRITE, WASI_LIGHT_EBADF);
    core_end(&g);
  }
}

/* Of a type that preview 1 does not have: the call fails, whatever stands beside it. */
static void test_unknown_type(void **state) {
  static const uint8_t types[] = {3, 4, 127, 128, 255};
  for (uint32_t i = 0; i < sizeof types; i++) {
    core_guest_t g;
    start(&g, 0);
    core_put_clock(&g, 0, MONOTONIC, 0, RELATIVE);
    core_put_stream(&g, 1, types[i], 0);
    core_save(&g);
    EXPECT(INVAL, &g, poll_oneoff, IN, OUT, 2, NEVENTS);
    core_assert_unchanged(&g);
    core_end(&g);
  }
}

static void test_counts(void **state) {
  static const uint32_t counts[] = {0, 1025, 0x10000, 0x05555556, 0x80000000, 0xffffffff};
  core_guest_t g;
  start(&g, 0);
  core_put_clock(&g, 0, MONOTONIC, 0, RELATIVE);
  core_save(&g);
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    EXPECT(INVAL, &g, poll_oneoff, IN, OUT, counts[i], NEVENTS);
  }
  core_assert_unchanged(&g);
  assert_int_equal(g.views, 0);
  EXPECT(FAULT, &g, poll_oneoff, IN, OUT, 1024, NEVENTS); /* which do not lie in this memory */
  EXPECT(FAULT, &g, poll_oneoff, POLL_MEMORY - SUBSCRIPTION + 1, OUT, 1, NEVENTS);
  EXPECT(FAULT, &g, poll_oneoff, IN, POLL_MEMORY - EVENT + 1, 1, NEVENTS);
  EXPECT(FAULT, &g, poll_oneoff, IN, OUT, 1, POLL_MEMORY - 3);
  core_assert_unchanged(&g);
  core_end(&g);
}

static void test_1024_subscriptions(void **state) {
  enum { MANY = 1024 };
  core_guest_t g;
  core_start(&g, NULL, IN + MANY * SUBSCRIPTION);
  for (uint32_t i = 0; i < MANY; i++) core_put_clock(&g, i, MONOTONIC, i % 2 ? 0 : hour, RELATIVE);
  EXPECT(SUCCESS, &g, poll_oneoff, IN, IN, MANY, NEVENTS); /* events over the subscriptions */
  assert_int_equal(core_get(&g, NEVENTS, 4), MANY / 2);
  for (uint32_t e = 0; e < MANY / 2; e++)
    assert_int_equal(core_get(&g, IN + (size_t)e * EVENT, 8), USERDATA(2 * e + 1));
  core_end(&g);
}

/* ---- Where things lie -------------------------------------------------------------------------------------------- */

/* Events over the subscriptions, shifted by any amount: all of them are read before the first is written. */
static void test_events_over_subscriptions(void **state) {
  for (uint32_t out = IN - 32; out <= IN + 64; out++) {
    core_guest_t g;
    start(&g, 0);
    core_put_stream(&g, 0, FD_WRITE, 1);
    core_put_clock(&g, 1, 77, 0, RELATIVE);
    core_put_stream(&g, 2, FD_READ, 77);
    core_put_clock(&g, 3, MONOTONIC, 0, RELATIVE);
    EXPECT(SUCCESS, &g, poll_oneoff, IN, out, 4, NEVENTS);
    assert_int_equal(core_get(&g, NEVENTS, 4), 4);
    memmove(g.memory + OUT, g.memory + out, (size_t)4 * EVENT);
    core_assert_stream_event(&g, 0, 0, FD_WRITE, 1, false);
    core_assert_event(&g, 1, 1, CLOCK, WASI_LIGHT_EINVAL);
    core_assert_event(&g, 2, 2, FD_READ, WASI_LIGHT_EBADF);
    core_assert_event(&g, 3, 3, CLOCK, WASI_LIGHT_ESUCCESS);
    core_end(&g);
  }
}

/* The number of events is stored last. */
static void test_number_over_the_events(void **state) {
  core_guest_t g;
  start(&g, 0);
  core_put_clock(&g, 0, MONOTONIC, 0, RELATIVE);
  EXPECT(SUCCESS, &g, poll_oneoff, IN, OUT, 1, OUT + 4);
  assert_int_equal(core_get(&g, OUT + 4, 4), 1);
  assert_int_equal(core_get(&g, OUT, 4), USERDATA(0) & 0xffffffff);
  core_end(&g);
}

/* Room for as many events as subscriptions must be there, though fewer come; what is not an event is left alone. */
static void test_only_events_are_written(void **state) {
  const core_range_t written[] = {{NEVENTS, 4}, {OUT, 2 * EVENT}};
  core_guest_t g;
  start(&g, 0);
  for (uint32_t i = 0; i < 8; i++) core_put_clock(&g, i, MONOTONIC, i % 4 == 1 ? 0 : hour, RELATIVE);
  core_save(&g);
  assert_int_equal(core_poll(&g, 8), 2);
  core_assert_unchanged_but(&g, written, 2);
  core_end(&g);
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_relative),
      cmocka_unit_test(test_zero_timeout),
      cmocka_unit_test(test_absolute),
      cmocka_unit_test(test_absolute_is_in_guest_time),
      cmocka_unit_test(test_relative_with_offset),
      cmocka_unit_test(test_earliest_wins),
      cmocka_unit_test(test_earliest_of_different_kinds),
      cmocka_unit_test(test_equal_deadlines),
      cmocka_unit_test(test_several_that_are_past),
      cmocka_unit_test(test_errors_of_events),
      cmocka_unit_test(test_bad_fds),
      cmocka_unit_test(test_unknown_type),
      cmocka_unit_test(test_counts),
      cmocka_unit_test(test_1024_subscriptions),
      cmocka_unit_test(test_events_over_subscriptions),
      cmocka_unit_test(test_number_over_the_events),
      cmocka_unit_test(test_only_events_are_written),
  };
  return CORE_RUN(tests, argc, argv);
}
