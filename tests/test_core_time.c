/* SPDX-License-Identifier: MIT */
/* Clocks that are not the system's, and waiting that the host limits, refuses or does itself. */
#include "core_poll.h"

static const uint64_t ms = 1000000;
static const uint64_t hour = 3600000 * (uint64_t)1000000;
static const uint64_t epoch = 1700000000 * (uint64_t)1000000000;

static wasi_light_options_t with(wasi_light_clock_mode_t clock, wasi_light_sleep_mode_t sleep) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.clock.mode = clock;
  options.clock.start_ns = epoch;
  options.sleep.mode = sleep;
  return options;
}

static uint64_t guest_time(core_guest_t *g, uint32_t clock) {
  EXPECT(SUCCESS, g, clock_time_get, clock, 0, 0);
  return core_get(g, 0, 8);
}

static void sleep_for(core_guest_t *g, uint64_t ns) {
  core_put_clock(g, 0, MONOTONIC, ns, RELATIVE);
  assert_int_equal(core_poll(g, 1), 1);
  core_assert_event(g, 0, 0, CLOCK, WASI_LIGHT_ESUCCESS);
}

/* ---- Clocks ---- */

static void test_frozen(void **state) {
  wasi_light_options_t options = with(WASI_LIGHT_CLOCK_FROZEN, WASI_LIGHT_SLEEP_VIRTUAL);
  core_guest_t g;
  core_start(&g, &options, POLL_MEMORY);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(guest_time(&g, REALTIME), epoch);
    assert_int_equal(guest_time(&g, MONOTONIC), 1); /* never 0 */
    sleep_for(&g, hour);
  }
  core_end(&g);
}

static void test_virtual(void **state) {
  wasi_light_options_t options = with(WASI_LIGHT_CLOCK_VIRTUAL, WASI_LIGHT_SLEEP_VIRTUAL);
  core_guest_t g;
  core_start(&g, &options, POLL_MEMORY);
  assert_int_equal(guest_time(&g, REALTIME), epoch);
  sleep_for(&g, hour);
  assert_int_equal(guest_time(&g, REALTIME), epoch + hour);
  assert_int_equal(guest_time(&g, MONOTONIC), hour + 1);      /* which began at 1 */
  core_put_clock(&g, 0, REALTIME, epoch + 3 * hour, ABSTIME); /* the earliest of two, and only it */
  core_put_clock(&g, 1, MONOTONIC, hour / 2, RELATIVE);
  assert_int_equal(core_poll(&g, 2), 1);
  core_assert_event(&g, 0, 1, CLOCK, WASI_LIGHT_ESUCCESS);
  assert_int_equal(guest_time(&g, MONOTONIC), hour + hour / 2 + 1);
  assert_int_equal(core_poll(&g, 1), 1);
  assert_int_equal(guest_time(&g, REALTIME), epoch + 3 * hour);
  wasi_light_env_reset(g.env);
  assert_int_equal(guest_time(&g, REALTIME), epoch);
  core_end(&g);
}

static void test_virtual_with_an_offset(void **state) {
  wasi_light_options_t options = with(WASI_LIGHT_CLOCK_VIRTUAL, WASI_LIGHT_SLEEP_VIRTUAL);
  core_guest_t g;
  options.clock_offset_ns = (int64_t)hour;
  core_start(&g, &options, POLL_MEMORY);
  assert_int_equal(guest_time(&g, REALTIME), epoch + hour);
  assert_int_equal(guest_time(&g, MONOTONIC), hour + 1);
  core_put_clock(&g, 0, MONOTONIC, 2 * hour, ABSTIME);
  assert_int_equal(core_poll(&g, 1), 1);
  assert_int_equal(guest_time(&g, MONOTONIC), 2 * hour);
  core_end(&g);
}

static void test_stepping(void **state) {
  wasi_light_options_t options = with(WASI_LIGHT_CLOCK_STEPPING, WASI_LIGHT_SLEEP_VIRTUAL);
  core_guest_t g;
  options.clock.step_ns = 10;
  core_start(&g, &options, POLL_MEMORY);
  assert_int_equal(guest_time(&g, MONOTONIC), 11);
  assert_int_equal(guest_time(&g, MONOTONIC), 21);
  assert_int_equal(guest_time(&g, REALTIME), epoch + 30);
  sleep_for(&g, 1000);
  assert_int_equal(guest_time(&g, MONOTONIC), 1041);
  core_end(&g);
}

typedef struct host_t {
  core_guest_t g;
  uint64_t now;
  uint64_t slept;
  wasi_light_errno_t error;
} host_t;

static uint64_t on_now(void *host, uint32_t clock) {
  return ((host_t *)host)->now + clock;
}

static wasi_light_errno_t on_sleep(void *host, uint64_t ns) {
  host_t *h = host;
  h->slept += ns;
  h->now += ns;
  return h->error;
}

static void test_callbacks(void **state) {
  wasi_light_options_t options = with(WASI_LIGHT_CLOCK_CALLBACK, WASI_LIGHT_SLEEP_CALLBACK);
  host_t h = {.now = 1000};
  options.clock.now = on_now;
  options.sleep.sleep = on_sleep;
  core_start(&h.g, &options, POLL_MEMORY);
  wasi_light_env_set_host(h.g.env, &h);
  assert_int_equal(guest_time(&h.g, REALTIME), 1000);
  assert_int_equal(guest_time(&h.g, MONOTONIC), 1001);
  core_put_clock(&h.g, 0, MONOTONIC, 1501, ABSTIME);
  assert_int_equal(core_poll(&h.g, 1), 1);
  assert_int_equal(h.slept, 500);
  h.error = WASI_LIGHT_EINTR;
  core_put_clock(&h.g, 0, MONOTONIC, hour, RELATIVE);
  core_put_clock(&h.g, 1, REALTIME, 2 * hour, RELATIVE);
  assert_int_equal(core_poll(&h.g, 2), 2);
  core_assert_event(&h.g, 0, 0, CLOCK, WASI_LIGHT_EINTR);
  core_assert_event(&h.g, 1, 1, CLOCK, WASI_LIGHT_EINTR);
  core_end(&h.g);
}

static void test_coarse(void **state) {
  static const wasi_light_clock_mode_t modes[] = {WASI_LIGHT_CLOCK_REAL, WASI_LIGHT_CLOCK_STEPPING};
  for (size_t i = 0; i < 2; i++) {
    wasi_light_options_t options = with(modes[i], WASI_LIGHT_SLEEP_VIRTUAL);
    core_guest_t g;
    options.clock.resolution_ns = ms;
    options.clock.step_ns = ms + 1;
    options.clock_offset_ns = 123;
    core_start(&g, &options, POLL_MEMORY);
    for (uint32_t clock = REALTIME; clock <= (i == 0 ? THREAD_CPU : MONOTONIC); clock++) {
      EXPECT(SUCCESS, &g, clock_res_get, clock, 8);
      assert_int_equal(core_get(&g, 8, 8), ms);
      assert_int_equal(guest_time(&g, clock) % ms, 0);
    }
    core_end(&g);
  }
}

static void test_cpu_time_is_not_shown(void **state) {
  wasi_light_options_t options = with(WASI_LIGHT_CLOCK_STEPPING, WASI_LIGHT_SLEEP_REAL);
  core_guest_t g;
  core_start(&g, &options, POLL_MEMORY);
  for (uint32_t clock = PROCESS_CPU; clock <= THREAD_CPU; clock++) {
    core_save(&g);
    EXPECT(NOTSUP, &g, clock_time_get, clock, 0, 0);
    EXPECT(NOTSUP, &g, clock_res_get, clock, 0);
    core_assert_unchanged(&g);
  }
  EXPECT(SUCCESS, &g, clock_res_get, MONOTONIC, 0);
  assert_int_equal(core_get(&g, 0, 8), 1);
  core_end(&g);
}

/* ---- Sleep ---- */

static void test_refused(void **state) {
  wasi_light_options_t options = with(WASI_LIGHT_CLOCK_REAL, WASI_LIGHT_SLEEP_REFUSED);
  core_guest_t g;
  core_start(&g, &options, POLL_MEMORY);
  core_put_clock(&g, 0, MONOTONIC, hour, RELATIVE);
  core_put_clock(&g, 1, REALTIME, 1, ABSTIME); /* due */
  assert_int_equal(core_poll(&g, 1), 1);
  core_assert_event(&g, 0, 0, CLOCK, WASI_LIGHT_ENOTSUP);
  assert_int_equal(core_poll(&g, 2), 1);
  core_assert_event(&g, 0, 1, CLOCK, WASI_LIGHT_ESUCCESS);
  core_put_stream(&g, 1, FD_READ, 0); /* an empty stdin is ready */
  assert_int_equal(core_poll(&g, 2), 1);
  core_assert_stream_event(&g, 0, 1, FD_READ, 0, true);
  core_end(&g);
}

/* In every mode: what is within the limits goes through, what is not stops the guest, and nothing is written. */
static void expect_limits(wasi_light_options_t options, uint64_t within, uint64_t beyond) {
  core_guest_t g;
  core_start(&g, &options, POLL_MEMORY);
  sleep_for(&g, within);
  core_put_clock(&g, 0, MONOTONIC, beyond, RELATIVE);
  core_save(&g);
  EXPECT_STOP(&g, poll_oneoff, IN, OUT, 1, NEVENTS);
  core_assert_unchanged(&g);
  core_assert_stopped(&g, WASI_LIGHT_LIMIT, 0);
  wasi_light_outcome_t outcome;
  assert_false(wasi_light_env_stopped(g.env, &outcome)); /* once */
  core_end(&g);
}

static void test_longest_call(void **state) {
  wasi_light_options_t options = with(WASI_LIGHT_CLOCK_REAL, WASI_LIGHT_SLEEP_REAL);
  options.sleep.max_call_ns = 30 * ms;
  expect_limits(options, ms, hour);
  options.sleep.mode = WASI_LIGHT_SLEEP_VIRTUAL;
  expect_limits(options, 30 * ms, 30 * ms + ms);
}

static void test_longest_in_all(void **state) {
  wasi_light_options_t options = with(WASI_LIGHT_CLOCK_VIRTUAL, WASI_LIGHT_SLEEP_VIRTUAL);
  options.sleep.max_total_ns = hour;
  expect_limits(options, hour / 2, hour / 2 + ms);
  options = with(WASI_LIGHT_CLOCK_REAL, WASI_LIGHT_SLEEP_REAL);
  options.sleep.max_total_ns = 20 * ms;
  expect_limits(options, ms, hour);
}

static void test_limit_and_a_clock_that_is_due(void **state) {
  wasi_light_options_t options = with(WASI_LIGHT_CLOCK_REAL, WASI_LIGHT_SLEEP_REAL);
  core_guest_t g;
  options.sleep.max_total_ns = 1;
  core_start(&g, &options, POLL_MEMORY);
  core_put_clock(&g, 0, MONOTONIC, hour, RELATIVE);
  EXPECT_STOP(&g, poll_oneoff, IN, OUT, 1, NEVENTS);
  core_assert_stopped(&g, WASI_LIGHT_LIMIT, 0);
  for (int i = 0; i < 3; i++) sleep_for(&g, 0); /* nothing is waited for */
  wasi_light_env_reset(g.env);
  core_end(&g);
}

/* ---- Configuration ---- */

static void test_options_that_do_not_fit(void **state) {
  static const struct {
    int clock, sleep;
    const char *message;
  } rows[] = {
      {WASI_LIGHT_CLOCK_FROZEN, WASI_LIGHT_SLEEP_REAL, "spin for ever"},
      {WASI_LIGHT_CLOCK_VIRTUAL, WASI_LIGHT_SLEEP_REAL, "spin for ever"},
      {WASI_LIGHT_CLOCK_CALLBACK, WASI_LIGHT_SLEEP_REAL, "options.clock.now is NULL"},
      {WASI_LIGHT_CLOCK_REAL, WASI_LIGHT_SLEEP_CALLBACK, "options.sleep.sleep is NULL"},
      {5, WASI_LIGHT_SLEEP_REAL, "options.clock.mode"},
      {WASI_LIGHT_CLOCK_REAL, 4, "options.sleep.mode"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    wasi_light_error_t error;
    wasi_light_options_t options = with((wasi_light_clock_mode_t)rows[i].clock, (wasi_light_sleep_mode_t)rows[i].sleep);
    assert_null(wasi_light_config_new(&options, &error));
    assert_int_equal(error.code, WASI_LIGHT_ERROR_ARGUMENT);
    if (!strstr(error.message, rows[i].message)) fail_msg("%s, expected %s", error.message, rows[i].message);
  }
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_frozen),
      cmocka_unit_test(test_virtual),
      cmocka_unit_test(test_virtual_with_an_offset),
      cmocka_unit_test(test_stepping),
      cmocka_unit_test(test_callbacks),
      cmocka_unit_test(test_coarse),
      cmocka_unit_test(test_cpu_time_is_not_shown),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_longest_call),
      cmocka_unit_test(test_longest_in_all),
      cmocka_unit_test(test_limit_and_a_clock_that_is_due),
      cmocka_unit_test(test_options_that_do_not_fit),
  };
  return CORE_RUN(tests, argc, argv);
}
