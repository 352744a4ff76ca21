/* SPDX-License-Identifier: MIT */
/* Limits of an environment: calls, bytes written, random bytes; its counters; proc_raise and sched_yield as the host likes. */
#include <unistd.h>

#include "chacha20.h"
#include "core_host_fd.h"
#include "core_lines.h"
#include "core_poll.h"
#include "core_rows.h"
#include "env.h"

#define TOO_MANY_CALLS ": the guest made more calls than options.rules or options.quota allow"
#define TOO_MUCH_OUTPUT "fd_write: the guest would write more than options.quota allows"
#define TOO_MUCH_RANDOM "random_get: the guest would take more random bytes than options.quota allows"

static void assert_limit(const core_guest_t *g, const char *message) {
  wasi_light_outcome_t outcome;
  assert_true(wasi_light_env_stopped(g->env, &outcome));
  assert_int_equal(outcome.kind, WASI_LIGHT_LIMIT);
  assert_string_equal(outcome.message, message);
  assert_int_equal(outcome.exit_code, 0);
  assert_int_equal(outcome.signal, 0);
  core_assert_stopped(g, WASI_LIGHT_RETURNED, 0); /* it is reported once */
}

/* ---- Calls ------------------------------------------------------------------------------------------------------- */

/* Whichever function it is that crosses the limit: it is not called. */
static void test_quota_of_calls(void **state) {
  for (size_t i = 0; i < CORE_ROWS; i++) {
    for (uint64_t quota = 1; quota < 5; quota++) {
      wasi_light_options_t options = core_row_options();
      char message[200];
      core_guest_t g;
      options.quota.calls = quota;
      snprintf(message, sizeof message, "%s" TOO_MANY_CALLS, core_rows[i].name);
      core_start(&g, &options, CORE_MEMORY);
      for (int round = 0; round < 2; round++) {
        unsigned views = g.views;
        for (uint64_t k = 0; k < quota; k++) EXPECT(SUCCESS, &g, sched_yield, 0);
        for (uint64_t k = 1; k < 3; k++) {
          if (core_good_call(&g, &core_rows[i]) < WASI_LIGHT_STOP) fail_msg("%s went through", core_rows[i].name);
          assert_limit(&g, message);
          core_assert_unchanged(&g);
          core_assert_captured(&g, 1, "");
          assert_int_equal(wasi_light_env_usage(g.env).calls, quota + k); /* refused ones are counted */
        }
        assert_int_equal(g.views, views);
        wasi_light_env_reset(g.env);
        assert_int_equal(wasi_light_env_usage(g.env).calls, 0);
      }
      core_end(&g);
    }
  }
}

/* A denied function is no way to call for ever: its calls are counted, and the one that crosses the limit stops. */
static void test_denied_calls_cross_the_quota(void **state) {
  static const wasi_light_rule_t rule = {"fd_tell", WASI_LIGHT_DENY_ERRNO, WASI_LIGHT_EPERM, NULL, 0};
  wasi_light_options_t options = core_row_options();
  core_guest_t g;
  options.quota.calls = 3;
  options.rules = &rule;
  options.rule_count = 1;
  core_start(&g, &options, CORE_MEMORY);
  for (int i = 0; i < 3; i++) EXPECT(PERM, &g, fd_tell, 1, 0);
  EXPECT_STOP(&g, fd_tell, 1, 0);
  assert_limit(&g, "fd_tell" TOO_MANY_CALLS);
  core_end(&g);
}

/* ---- Bytes written ----------------------------------------------------------------------------------------------- */

static char given[64];
static wasi_light_errno_t answer;

static wasi_light_errno_t on_write(void *host, uint32_t fd, const uint8_t *bytes, size_t size) {
  size_t used = strlen(given);
  if (answer == 0) snprintf(given + used, sizeof given - used, "%.*s", (int)size, (const char *)bytes);
  return answer;
}

enum { DISCARDED, INHERITED, CAPTURED, CALLED, BY_LINES, MODES };

static void start_output(core_guest_t *g, int mode, uint64_t quota) {
  static const wasi_light_output_mode_t modes[MODES] = {WASI_LIGHT_OUTPUT_DISCARD, WASI_LIGHT_OUTPUT_INHERIT,
                                                        WASI_LIGHT_OUTPUT_CAPTURE, WASI_LIGHT_OUTPUT_CALLBACK,
                                                        WASI_LIGHT_OUTPUT_LINES};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.out = (wasi_light_output_t){modes[mode], 16, on_write, 16, false, core_take_line};
  options.err = options.out;
  options.quota.out_bytes = quota;
  given[0] = '\0';
  answer = 0;
  core_lines_clear();
  core_start(g, &options, 256);
}

/* What came of stream 1 since it began, if that can be known. */
static void expect_output(const core_guest_t *g, int mode, int pipe_end, const char *text) {
  char bytes[64] = "";
  if (mode == CAPTURED) core_assert_captured(g, 1, text);
  if (mode == CALLED) assert_string_equal(given, text);
  if (mode == BY_LINES) {
    wasi_light_env_flush(g->env);
    snprintf(bytes, sizeof bytes, "1:%s", text);
    EXPECT_LINES(bytes);
  }
  if (mode == INHERITED) {
    ssize_t size = read(pipe_end, bytes, sizeof bytes - 1);
    bytes[size < 0 ? 0 : size] = '\0';
    assert_string_equal(bytes, text);
  }
}

/* fd_write of two iovecs, which begin at 64; what it returned. */
static uint32_t write_two(core_guest_t *g, uint32_t fd, uint32_t first, uint32_t second) {
  core_put_text(g, 64, "0123456789abcdefghijklmnopqrstuvwxyz");
  core_put_iovec(g, 8, 64, first);
  core_put_iovec(g, 16, 64 + first, second);
  core_save(g);
  return CALL(g, fd_write, fd, 8, 2, 0);
}

static void expect_over(core_guest_t *g, uint32_t first, uint32_t second) {
  wasi_light_usage_t before = wasi_light_env_usage(g->env);
  assert_true(write_two(g, 1, first, second) >= WASI_LIGHT_STOP);
  assert_limit(g, TOO_MUCH_OUTPUT);
  core_assert_unchanged(g);
  assert_int_equal(wasi_light_env_usage(g->env).out_bytes, before.out_bytes);
}

/* At the limit, one below, one over: a write that crosses it writes nothing, and a smaller one still may. */
static void check_output(int mode) {
  int ends[2];
  core_guest_t g;
  assert_int_equal(pipe(ends), 0);
  core_fd_replace(1, ends[1]);
  start_output(&g, mode, 10);
  expect_over(&g, 5, 6);
  expect_over(&g, 11, 0);
  expect_over(&g, 0, 11);
  assert_int_equal(write_two(&g, 1, 4, 5), WASI_LIGHT_ESUCCESS);
  assert_int_equal(wasi_light_env_usage(g.env).out_bytes, 9);
  expect_over(&g, 1, 1);
  assert_int_equal(write_two(&g, 1, 1, 0), WASI_LIGHT_ESUCCESS);
  assert_int_equal(wasi_light_env_usage(g.env).out_bytes, 10);
  expect_over(&g, 0, 1);
  assert_int_equal(write_two(&g, 1, 0, 0), WASI_LIGHT_ESUCCESS); /* nothing is always possible */
  assert_true(write_two(&g, 2, 0, 1) >= WASI_LIGHT_STOP);        /* both streams together */
  expect_output(&g, mode, ends[0], "0123456780");
  wasi_light_env_reset(g.env);
  assert_int_equal(write_two(&g, 1, 10, 0), WASI_LIGHT_ESUCCESS); /* exactly, at once */
  expect_over(&g, 1, 0);
  core_end(&g);
  core_fd_restore();
  close(ends[0]);
  close(ends[1]);
}

static void test_quota_of_output(void **state) {
  for (int mode = 0; mode < MODES; mode++) check_output(mode);
}

/* Whatever becomes of them: bytes that no longer fit a capture are counted, those that the host refused are not. */
static void test_what_is_output(void **state) {
  core_guest_t g;
  start_output(&g, CAPTURED, 20);
  assert_int_equal(write_two(&g, 1, 10, 8), WASI_LIGHT_ESUCCESS); /* 16 are kept */
  assert_int_equal(wasi_light_env_usage(g.env).out_bytes, 18);
  wasi_light_env_clear_captured(g.env, 1);
  expect_over(&g, 3, 0);
  core_end(&g);
  start_output(&g, CALLED, 20);
  answer = WASI_LIGHT_EIO;
  for (int i = 0; i < 3; i++) assert_int_equal(write_two(&g, 1, 10, 10), WASI_LIGHT_EIO);
  assert_int_equal(wasi_light_env_usage(g.env).out_bytes, 0);
  assert_int_equal(CALL(&g, fd_write, 7, 8, 2, 0), WASI_LIGHT_EBADF);
  core_put_iovec(&g, 8, 250, 100);
  assert_int_equal(CALL(&g, fd_write, 1, 8, 1, 0), WASI_LIGHT_EFAULT); /* and not over the limit */
  core_end(&g);
}

/* Sums beyond 64 bits are no way round. */
static void test_quota_near_the_end_of_numbers(void **state) {
  core_guest_t g;
  start_output(&g, DISCARDED, UINT64_MAX - 1);
  g.env->state.usage.out_bytes = UINT64_MAX - 3;
  expect_over(&g, 2, 2);
  expect_over(&g, 3, 0);
  assert_int_equal(write_two(&g, 1, 1, 1), WASI_LIGHT_ESUCCESS);
  core_end(&g);
}

/* ---- Random bytes ------------------------------------------------------------------------------------------------ */

static void expect_random_over(core_guest_t *g, uint32_t len) {
  wasi_light_usage_t before = wasi_light_env_usage(g->env);
  core_save(g);
  EXPECT_STOP(g, random_get, 0, len);
  assert_limit(g, TOO_MUCH_RANDOM);
  core_assert_unchanged(g);
  assert_int_equal(wasi_light_env_usage(g->env).random_bytes, before.random_bytes);
}

static void check_random(const uint64_t *seed, uint32_t quota) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  uint8_t stream[1024];
  core_guest_t g;
  options.random_seed = seed;
  options.quota.random_bytes = quota;
  core_start(&g, &options, sizeof stream);
  for (int round = 0; round < 2; round++) {
    expect_random_over(&g, quota + 1);
    EXPECT(SUCCESS, &g, random_get, 0, quota - 1);
    assert_int_equal(wasi_light_env_usage(g.env).random_bytes, quota - 1);
    expect_random_over(&g, 2);
    EXPECT(FAULT, &g, random_get, 1024, 2);
    EXPECT(SUCCESS, &g, random_get, quota - 1, 1); /* what was refused took nothing from the stream */
    if (seed) wasi_light__seeded_bytes(*seed, 0, 0, stream, quota);
    if (seed) assert_memory_equal(g.memory, stream, quota);
    expect_random_over(&g, 1);
    EXPECT(SUCCESS, &g, random_get, 0, 0);
    wasi_light_env_reset(g.env);
    EXPECT(SUCCESS, &g, random_get, 0, quota);
    expect_random_over(&g, 1);
    wasi_light_env_reset(g.env);
  }
  core_end(&g);
}

static void test_quota_of_random_bytes(void **state) {
  static const uint64_t seed = 5;
  for (uint32_t quota = 2; quota < 700; quota += 1 + quota / 3) {
    check_random(NULL, quota);
    check_random(&seed, quota);
  }
}

/* ---- Counters ---------------------------------------------------------------------------------------------------- */

static void test_calls_are_counted(void **state) {
  for (int denied = 0; denied < 2; denied++) {
    wasi_light_options_t options = core_row_options();
    wasi_light_rule_t rules[CORE_ROWS];
    core_guest_t g;
    for (size_t i = 0; i < CORE_ROWS; i++) {
      rules[i] = (wasi_light_rule_t){core_rows[i].name, denied ? WASI_LIGHT_DENY_TRAP : WASI_LIGHT_ALLOW, 0, NULL, 0};
    }
    options.count_calls = true;
    options.rules = denied ? rules : NULL;
    options.rule_count = denied ? CORE_ROWS : 0;
    core_start(&g, &options, CORE_MEMORY);
    uint64_t sum = 0;
    for (size_t i = 0; i < CORE_ROWS; i++) { /* the exit is among them */
      for (size_t k = 0; k <= i; k++) core_good_call(&g, &core_rows[i]);
      bool exits = strcmp(core_rows[i].name, "proc_exit") == 0 && !denied;
      uint64_t expected = exits ? 1 : i + 1; /* after an exit there is no call */
      assert_int_equal(wasi_light_env_calls(g.env, core_rows[i].name), expected);
      for (size_t k = i + 1; k < CORE_ROWS; k++) assert_int_equal(wasi_light_env_calls(g.env, core_rows[k].name), 0);
      sum += expected;
      assert_int_equal(wasi_light_env_usage(g.env).calls, sum);
      if (exits) g.env->state.exited = false;
    }
    assert_int_equal(wasi_light_env_calls(g.env, ""), 0);
    assert_int_equal(wasi_light_env_calls(g.env, "fd_writ"), 0);
    assert_int_equal(wasi_light_env_calls(g.env, "fd_write "), 0);
    wasi_light_env_reset(g.env);
    for (size_t i = 0; i < CORE_ROWS; i++) assert_int_equal(wasi_light_env_calls(g.env, core_rows[i].name), 0);
    assert_int_equal(wasi_light_env_usage(g.env).calls, 0);
    core_end(&g);
  }
}

/* Without being asked for they cost nothing, and are 0; the sum is always there. */
static void test_calls_that_are_not_counted(void **state) {
  const wasi_light_options_t plain = core_row_options();
  wasi_light_options_t counting = plain;
  core_guest_t g;
  counting.count_calls = true;
  wasi_light_config_t *config = wasi_light_config_new(&counting, NULL);
  core_start(&g, &plain, CORE_MEMORY);
  for (size_t i = 0; i < CORE_ROWS; i++) {
    if (strcmp(core_rows[i].name, "proc_exit") == 0) continue;
    core_good_call(&g, &core_rows[i]);
    assert_int_equal(wasi_light_env_calls(g.env, core_rows[i].name), 0);
  }
  assert_int_equal(wasi_light_env_usage(g.env).calls, CORE_ROWS - 1);
  assert_int_equal(wasi_light_env_bytes(config) - wasi_light_env_bytes(g.config), CORE_ROWS * sizeof(uint64_t));
  wasi_light_config_delete(config);
  core_end(&g);
}

/* Rules count too: limits need it. Without either there is nothing to ask. */
static void test_counting_is_asked_for(void **state) {
  static const wasi_light_rule_t rule = {"fd_tell", WASI_LIGHT_ALLOW, 0, NULL, 9};
  wasi_light_options_t options = core_row_options();
  core_guest_t g;
  options.rules = &rule;
  options.rule_count = 1;
  core_start(&g, &options, CORE_MEMORY);
  EXPECT(SPIPE, &g, fd_tell, 1, 0);
  EXPECT(SUCCESS, &g, sched_yield, 0);
  assert_int_equal(wasi_light_env_calls(g.env, "fd_tell"), 1);
  assert_int_equal(wasi_light_env_calls(g.env, "sched_yield"), 1);
  core_end(&g);
  options.rule_count = 0;
  core_start(&g, &options, CORE_MEMORY);
  EXPECT(SPIPE, &g, fd_tell, 1, 0);
  assert_int_equal(wasi_light_env_calls(g.env, "fd_tell"), 0);
  core_end(&g);
}

static void assert_usage(const core_guest_t *g, uint64_t calls, uint64_t out, uint64_t random, uint64_t slept) {
  wasi_light_usage_t usage = wasi_light_env_usage(g->env);
  assert_int_equal(usage.calls, calls);
  assert_int_equal(usage.out_bytes, out);
  assert_int_equal(usage.random_bytes, random);
  assert_int_equal(usage.slept_ns, slept);
}

static void use(core_guest_t *g) {
  core_put_clock(g, 0, MONOTONIC, 1000, RELATIVE);
  assert_int_equal(core_poll(g, 1), 1);
  EXPECT(SUCCESS, g, random_get, 0, 24);
  core_put_iovec(g, 8, 64, 5);
  EXPECT(SUCCESS, g, fd_write, 1, 8, 1, 0);
  EXPECT(SUCCESS, g, fd_write, 2, 8, 1, 0);
}

static void test_usage(void **state) {
  wasi_light_options_t options = core_row_options();
  wasi_light__env_state_t saved;
  core_guest_t g;
  options.clock.mode = WASI_LIGHT_CLOCK_VIRTUAL;
  options.sleep.mode = WASI_LIGHT_SLEEP_VIRTUAL;
  options.count_calls = true;
  core_start(&g, &options, POLL_MEMORY);
  assert_usage(&g, 0, 0, 0, 0);
  use(&g);
  assert_usage(&g, 4, 10, 24, 1000);
  assert_true(wasi_light__env_save(g.env, &saved));
  use(&g);
  assert_usage(&g, 8, 20, 48, 2000);
  for (int i = 0; i < 2; i++) {
    wasi_light__env_restore(g.env, &saved);
    assert_usage(&g, 4, 10, 24, 1000);
    assert_int_equal(wasi_light_env_calls(g.env, "fd_write"), 2);
    assert_int_equal(wasi_light_env_calls(g.env, "random_get"), 1);
    use(&g);
    EXPECT_STOP(&g, proc_exit, 1);
    assert_int_equal(wasi_light_env_calls(g.env, "fd_write"), 4);
    assert_int_equal(wasi_light_env_calls(g.env, "proc_exit"), 1);
  }
  wasi_light_env_reset(g.env);
  assert_usage(&g, 0, 0, 0, 0);
  assert_int_equal(wasi_light_env_calls(g.env, "fd_write"), 0);
  wasi_light__env_state_free(&saved);
  core_end(&g);
}

/* What is restored is what limits count from. */
static void test_quotas_after_a_restore(void **state) {
  wasi_light_options_t options = core_row_options();
  const wasi_light_rule_t rule = {"fd_tell", WASI_LIGHT_ALLOW, 0, NULL, 2};
  wasi_light__env_state_t saved;
  core_guest_t g;
  options.quota = (wasi_light_quota_t){.calls = 6, .random_bytes = 20};
  options.rules = &rule;
  options.rule_count = 1;
  core_start(&g, &options, CORE_MEMORY);
  EXPECT(SUCCESS, &g, random_get, 0, 10);
  EXPECT(SPIPE, &g, fd_tell, 1, 0);
  assert_true(wasi_light__env_save(g.env, &saved));
  for (int i = 0; i < 3; i++) {
    EXPECT(SUCCESS, &g, random_get, 0, 10);
    expect_random_over(&g, 1);
    EXPECT(SPIPE, &g, fd_tell, 1, 0);
    EXPECT_STOP(&g, fd_tell, 1, 0);
    assert_limit(&g, "fd_tell" TOO_MANY_CALLS);
    EXPECT_STOP(&g, sched_yield, 0);
    wasi_light__env_restore(g.env, &saved);
    core_assert_stopped(&g, WASI_LIGHT_RETURNED, 0); /* the last was not reported, and is forgotten */
  }
  wasi_light__env_state_free(&saved);
  core_end(&g);
}

/* A stop that nobody has heard of when the state is saved is of no call after the restore. */
static void test_restore_forgets_a_stop(void **state) {
  wasi_light_options_t options = core_row_options();
  wasi_light__env_state_t saved;
  core_guest_t g;
  options.raise = WASI_LIGHT_RAISE_OUTCOME;
  core_start(&g, &options, 64);
  EXPECT_STOP(&g, proc_raise, 6);
  assert_true(wasi_light__env_save(g.env, &saved));
  wasi_light__env_restore(g.env, &saved);
  core_assert_stopped(&g, WASI_LIGHT_RETURNED, 0);
  wasi_light__env_state_free(&saved);
  core_end(&g);
}

/* ---- proc_raise -------------------------------------------------------------------------------------------------- */

static void test_raise(void **state) {
  static const uint64_t wrong[] = {0, 31, 32, 63, 255, 256, 0x80000001, 0xffffffff, UINT64_C(1) << 32};
  wasi_light_options_t options = core_row_options();
  wasi_light_outcome_t outcome;
  core_guest_t g;
  options.raise = WASI_LIGHT_RAISE_OUTCOME;
  core_start(&g, &options, 64);
  core_save(&g);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    EXPECT(INVAL, &g, proc_raise, wrong[i]);
    core_assert_stopped(&g, WASI_LIGHT_RETURNED, 0);
  }
  for (uint32_t signal = 1; signal < 31; signal++) {
    char message[64];
    snprintf(message, sizeof message, "the guest raised signal %u", signal);
    EXPECT_STOP(&g, proc_raise, signal | UINT64_C(7) << 32);
    assert_true(wasi_light_env_stopped(g.env, &outcome));
    assert_int_equal(outcome.kind, WASI_LIGHT_RAISED);
    assert_int_equal(outcome.signal, signal);
    assert_int_equal(outcome.exit_code, 0);
    assert_string_equal(outcome.message, message);
    assert_false(wasi_light_env_stopped(g.env, &outcome)); /* once */
    assert_int_equal(outcome.signal, 0);
    EXPECT(SUCCESS, &g, sched_yield, 0); /* and it is no exit */
  }
  EXPECT_STOP(&g, proc_raise, 6);
  EXPECT_STOP(&g, proc_exit, 9);
  assert_true(wasi_light_env_stopped(g.env, &outcome));
  assert_int_equal(outcome.kind, WASI_LIGHT_EXITED);
  assert_int_equal(outcome.signal, 0);
  core_assert_unchanged(&g);
  assert_int_equal(g.views, 0);
  core_end(&g);
}

static void test_raise_and_its_modes(void **state) {
  static const wasi_light_rule_t deny = {"proc_raise", WASI_LIGHT_DENY_ERRNO, WASI_LIGHT_EPERM, NULL, 0};
  wasi_light_options_t options = core_row_options();
  wasi_light_error_t error;
  core_guest_t g;
  options.raise = WASI_LIGHT_RAISE_OUTCOME;
  options.rules = &deny;
  options.rule_count = 1;
  core_start(&g, &options, 64);
  EXPECT(PERM, &g, proc_raise, 6);
  core_assert_stopped(&g, WASI_LIGHT_RETURNED, 0);
  core_end(&g);
  for (int i = -1; i < 3; i += 3) {
    options.raise = (wasi_light_raise_mode_t)i;
    assert_null(wasi_light_config_new(&options, &error));
    assert_int_equal(error.code, WASI_LIGHT_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "options.raise"));
  }
}

/* ---- sched_yield ------------------------------------------------------------------------------------------------- */

static void *yielded[4];
static size_t yields;
static bool closed;
static wasi_light_env_t *yielding;

static void on_yield(void *host) {
  closed = yielding->in_callback;
  yielded[yields++ % 4] = host;
}

static void test_yield(void **state) {
  static const wasi_light_rule_t deny = {"sched_yield", WASI_LIGHT_DENY_ERRNO, WASI_LIGHT_EPERM, NULL, 0};
  wasi_light_options_t options = core_row_options();
  core_guest_t g;
  yields = 0;
  options.yield = on_yield;
  core_start(&g, &options, 64);
  yielding = g.env;
  EXPECT(SUCCESS, &g, sched_yield, 0);
  assert_true(closed); /* the guest, as long as the hook runs */
  assert_false(g.env->in_callback);
  wasi_light_env_set_host(g.env, &options);
  EXPECT(SUCCESS, &g, sched_yield, 0);
  assert_int_equal(yields, 2);
  assert_ptr_equal(yielded[0], &g);
  assert_ptr_equal(yielded[1], &options);
  EXPECT_STOP(&g, proc_exit, 0);
  EXPECT_STOP(&g, sched_yield, 0);
  assert_int_equal(yields, 2);
  core_end(&g);
  options.rules = &deny;
  options.rule_count = 1;
  core_start(&g, &options, 64);
  EXPECT(PERM, &g, sched_yield, 0);
  assert_int_equal(yields, 2);
  core_end(&g);
}

#define TEST(name) cmocka_unit_test_teardown(name, core_fd_teardown)

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      TEST(test_quota_of_calls),
      TEST(test_denied_calls_cross_the_quota),
      TEST(test_quota_of_output),
      TEST(test_what_is_output),
      TEST(test_quota_near_the_end_of_numbers),
      TEST(test_quota_of_random_bytes),
      TEST(test_calls_are_counted),
      TEST(test_calls_that_are_not_counted),
      TEST(test_counting_is_asked_for),
      TEST(test_usage),
      TEST(test_quotas_after_a_restore),
      TEST(test_restore_forgets_a_stop),
      TEST(test_raise),
      TEST(test_raise_and_its_modes),
      TEST(test_yield),
  };
  return CORE_RUN(tests, argc, argv);
}
