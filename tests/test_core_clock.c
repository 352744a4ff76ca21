/* SPDX-License-Identifier: MIT */
/*
 * clock_* on the system's clocks. What needs a clock at a certain value (the clamps, to the nanosecond) is in
 * test_core_fake_host.c.
 */
#include <time.h>

#include "core_guest.h"

enum { REALTIME, MONOTONIC, PROCESS_CPU, THREAD_CPU };

static const clockid_t system_clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID,
                                          CLOCK_THREAD_CPUTIME_ID};
static const int64_t second = 1000000000;
static const int64_t hour = 3600 * second;

static uint64_t system_time(uint32_t clock) {
  struct timespec t;
  assert_int_equal(clock_gettime(system_clocks[clock], &t), 0);
  return (uint64_t)t.tv_sec * (uint64_t)second + (uint64_t)t.tv_nsec;
}

static uint64_t guest_time(core_guest_t *g, uint32_t clock) {
  EXPECT(SUCCESS, g, clock_time_get, clock, 0, 8);
  return core_get(g, 8, 8);
}

static void start(core_guest_t *g, int64_t offset) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.clock_offset_ns = offset;
  core_start(g, &options, 64);
}

static void test_clock_res_get(void **state) {
  core_guest_t g;
  start(&g, 0);
  for (uint32_t clock = REALTIME; clock <= THREAD_CPU; clock++) {
    const core_range_t result = {16, 8};
    struct timespec t;
    core_save(&g);
    EXPECT(SUCCESS, &g, clock_res_get, clock, 16);
    core_assert_unchanged_but(&g, &result, 1);
    assert_int_equal(clock_getres(system_clocks[clock], &t), 0);
    assert_int_equal(core_get(&g, 16, 8), (uint64_t)t.tv_sec * (uint64_t)second + (uint64_t)t.tv_nsec);
    assert_int_not_equal(core_get(&g, 16, 8), 0); /* the specification wants it non-zero */
  }
  core_end(&g);
}

/* The offset moves time, not its grain. */
static void test_clock_res_get_with_offset(void **state) {
  core_guest_t plain;
  core_guest_t shifted;
  start(&plain, 0);
  start(&shifted, INT64_MIN);
  for (uint32_t clock = REALTIME; clock <= THREAD_CPU; clock++) {
    EXPECT(SUCCESS, &plain, clock_res_get, clock, 0);
    EXPECT(SUCCESS, &shifted, clock_res_get, clock, 0);
    assert_int_equal(core_get(&plain, 0, 8), core_get(&shifted, 0, 8));
  }
  core_end(&plain);
  core_end(&shifted);
}

static void test_clock_time_get(void **state) {
  core_guest_t g;
  start(&g, 0);
  for (uint32_t clock = REALTIME; clock <= THREAD_CPU; clock++) {
    const core_range_t result = {8, 8};
    core_save(&g);
    uint64_t before = system_time(clock);
    uint64_t now = guest_time(&g, clock);
    uint64_t after = system_time(clock);
    core_assert_unchanged_but(&g, &result, 1);
    assert_true(before <= now && now <= after);
  }
  core_end(&g);
}

static void test_precision_makes_no_difference(void **state) {
  static const uint64_t precisions[] = {0, 1, 1000000, UINT64_MAX};
  core_guest_t g;
  start(&g, 0);
  for (size_t i = 0; i < sizeof precisions / sizeof *precisions; i++) {
    uint64_t before = system_time(MONOTONIC);
    EXPECT(SUCCESS, &g, clock_time_get, MONOTONIC, precisions[i], 0);
    assert_in_range(core_get(&g, 0, 8), before, system_time(MONOTONIC));
  }
  core_end(&g);
}

static void test_unknown_clock(void **state) {
  static const uint32_t unknown[] = {4, 5, 255, 256, 0x10000, 0x80000000, 0xffffffff};
  core_guest_t g;
  start(&g, 0);
  core_save(&g);
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
    EXPECT(INVAL, &g, clock_res_get, unknown[i], 0);
    EXPECT(INVAL, &g, clock_time_get, unknown[i], 0, 0);
  }
  core_assert_unchanged(&g);
  assert_int_equal(g.views, 0);
  core_end(&g);
}

static void test_fault(void **state) {
  core_guest_t g;
  start(&g, 0);
  core_save(&g);
  for (uint32_t clock = REALTIME; clock <= THREAD_CPU; clock++) {
    EXPECT(FAULT, &g, clock_res_get, clock, 57);
    EXPECT(FAULT, &g, clock_time_get, clock, 0, 57);
  }
  core_assert_unchanged(&g);
  EXPECT(SUCCESS, &g, clock_res_get, REALTIME, 56);
  EXPECT(SUCCESS, &g, clock_time_get, REALTIME, 0, 56);
  core_end(&g);
}

/* ---- Offset ------------------------------------------------------------------------------------------------------ */

static void check_shift(uint32_t clock, int64_t offset) {
  core_guest_t g;
  start(&g, offset);
  uint64_t before = system_time(clock) + (uint64_t)offset; /* wraps as two's complement does */
  uint64_t now = guest_time(&g, clock);
  uint64_t after = system_time(clock) + (uint64_t)offset;
  assert_true(before <= now && now <= after);
  core_end(&g);
}

static void test_offset_shifts_realtime_and_monotonic(void **state) {
  check_shift(REALTIME, hour);
  check_shift(REALTIME, -hour);
  check_shift(REALTIME, 1);
  check_shift(REALTIME, -1);
  check_shift(REALTIME, INT64_MAX); /* 292 years on, as it is before the year 2262 */
  check_shift(MONOTONIC, hour);
  check_shift(MONOTONIC, INT64_MAX);
  check_shift(MONOTONIC, 1);
  check_shift(MONOTONIC, -1);
}

static void test_offset_leaves_cpu_time(void **state) {
  static const int64_t offsets[] = {hour, -hour, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
    for (uint32_t clock = PROCESS_CPU; clock <= THREAD_CPU; clock++) {
      core_guest_t g;
      start(&g, offsets[i]);
      uint64_t before = system_time(clock);
      uint64_t now = guest_time(&g, clock);
      assert_in_range(now, before, system_time(clock));
      core_end(&g);
    }
  }
}

/* A clock never shows less than 1: Go dies on a monotonic 0. */
static void test_offset_before_the_beginning(void **state) {
  core_guest_t g;
  start(&g, INT64_MIN);
  assert_int_equal(guest_time(&g, REALTIME), 1);
  assert_int_equal(guest_time(&g, MONOTONIC), 1);
  core_end(&g);
  start(&g, -(int64_t)system_time(MONOTONIC) - hour);
  assert_int_equal(guest_time(&g, MONOTONIC), 1);
  assert_true(guest_time(&g, REALTIME) > 1);
  core_end(&g);
}

static void test_monotonic_never_goes_back(void **state) {
  core_guest_t g;
  start(&g, -5);
  uint64_t last = 0;
  for (int i = 0; i < 1000; i++) {
    uint64_t now = guest_time(&g, MONOTONIC);
    assert_true(now >= last);
    last = now;
  }
  core_end(&g);
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_clock_res_get),
      cmocka_unit_test(test_clock_res_get_with_offset),
      cmocka_unit_test(test_clock_time_get),
      cmocka_unit_test(test_precision_makes_no_difference),
      cmocka_unit_test(test_unknown_clock),
      cmocka_unit_test(test_fault),
      cmocka_unit_test(test_offset_shifts_realtime_and_monotonic),
      cmocka_unit_test(test_offset_leaves_cpu_time),
      cmocka_unit_test(test_offset_before_the_beginning),
      cmocka_unit_test(test_monotonic_never_goes_back),
  };
  return CORE_RUN(tests, argc, argv);
}
