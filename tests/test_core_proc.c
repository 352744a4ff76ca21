/* SPDX-License-Identifier: MIT */
/* proc_exit, after which nothing goes through; proc_raise, sched_yield. */
#include "core_rows.h"

static void test_exit_codes(void **state) {
  static const uint32_t codes[] = {0, 1, 2, 127, 255, 256, 0x7fffffff, 0x80000000, 0xffffffff};
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    core_guest_t g;
    core_start(&g, NULL, 64);
    core_assert_stopped(&g, WASI_LIGHT_RETURNED, 0);
    core_save(&g);
    EXPECT_STOP(&g, proc_exit, codes[i]);
    core_assert_stopped(&g, WASI_LIGHT_EXITED, codes[i]);
    core_assert_unchanged(&g);
    assert_int_equal(g.views, 0);
    core_end(&g);
  }
}

static void test_exit_without_memory(void **state) {
  core_guest_t g;
  core_start(&g, NULL, 0);
  wasi_light_env_set_memory(g.env, NULL, NULL, NULL);
  EXPECT_STOP(&g, proc_exit, 3);
  core_assert_stopped(&g, WASI_LIGHT_EXITED, 3);
  core_end(&g);
}

/* So that an exit whose trap got lost cannot let the guest run on. */
static void test_nothing_goes_through_after_exit(void **state) {
  const wasi_light_options_t options = core_row_options();
  core_guest_t g;
  core_start(&g, &options, CORE_MEMORY);
  EXPECT_STOP(&g, proc_exit, 42);
  for (size_t i = 0; i < CORE_ROWS; i++) {
    uint64_t args[CORE_ARGS_MAX];
    core_good_args(&core_rows[i], args);
    core_put_input(&g, &core_rows[i], args);
    core_save(&g);
    if (core_call(&g, core_rows[i].name, args) < WASI_LIGHT_STOP) fail_msg("%s went through", core_rows[i].name);
    core_assert_unchanged(&g);
  }
  assert_int_equal(g.views, 0);
  core_assert_captured(&g, 1, "");
  core_assert_stopped(&g, WASI_LIGHT_EXITED, 42); /* the first code: a second proc_exit is not heard */
  core_assert_stopped(&g, WASI_LIGHT_EXITED, 42);
  core_end(&g);
}

static void test_everything_goes_through_after_reset(void **state) {
  const wasi_light_options_t options = core_row_options();
  core_guest_t used;
  core_guest_t fresh;
  for (size_t i = 0; i < CORE_ROWS; i++) {
    uint64_t args[CORE_ARGS_MAX];
    core_start(&used, &options, CORE_MEMORY);
    core_start(&fresh, &options, CORE_MEMORY);
    EXPECT_STOP(&used, proc_exit, 42);
    wasi_light_env_reset(used.env);
    core_assert_stopped(&used, WASI_LIGHT_RETURNED, 0);
    core_good_args(&core_rows[i], args);
    core_put_input(&used, &core_rows[i], args);
    core_put_input(&fresh, &core_rows[i], args);
    assert_int_equal(core_call(&used, core_rows[i].name, args), core_call(&fresh, core_rows[i].name, args));
    core_end(&used);
    core_end(&fresh);
  }
}

static void test_raise_is_not_supported(void **state) {
  static const uint32_t signals[] = {0, 1, 2, 6, 9, 11, 15, 30, 31, 255, 0xffffffff};
  core_guest_t g;
  core_start(&g, NULL, 64);
  core_save(&g);
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) EXPECT(NOTSUP, &g, proc_raise, signals[i]);
  core_assert_stopped(&g, WASI_LIGHT_RETURNED, 0);
  core_assert_unchanged(&g);
  assert_int_equal(g.views, 0);
  core_end(&g);
}

static void test_yield_succeeds(void **state) {
  core_guest_t g;
  core_start(&g, NULL, 0);
  wasi_light_env_set_memory(g.env, NULL, NULL, NULL);
  for (int i = 0; i < 10; i++) EXPECT(SUCCESS, &g, sched_yield, 0);
  core_assert_stopped(&g, WASI_LIGHT_RETURNED, 0);
  core_end(&g);
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_exit_codes),
      cmocka_unit_test(test_exit_without_memory),
      cmocka_unit_test(test_nothing_goes_through_after_exit),
      cmocka_unit_test(test_everything_goes_through_after_reset),
      cmocka_unit_test(test_raise_is_not_supported),
      cmocka_unit_test(test_yield_succeeds),
  };
  return CORE_RUN(tests, argc, argv);
}
