/* SPDX-License-Identifier: MIT */
/* The guest's memory as a whole: none, an empty one, one that grows, and its release. */
#include "core_rows.h"

/* ---- None -------------------------------------------------------------------------------------------------------- */

static void test_no_memory_stops_only_who_needs_it(void **state) {
  const wasi_light_options_t options = core_row_options();
  unsigned stopped = 0;
  for (size_t i = 0; i < CORE_ROWS; i++) {
    core_guest_t with;
    core_guest_t without;
    core_start(&with, &options, CORE_MEMORY);
    core_start(&without, &options, CORE_MEMORY);
    wasi_light_env_set_memory(without.env, NULL, NULL, NULL);
    uint32_t status = core_good_call(&without, &core_rows[i]);
    if (core_needs_memory(&core_rows[i])) {
      stopped++;
      assert_true(status >= WASI_LIGHT_STOP);
      core_assert_stopped(&without, WASI_LIGHT_NO_MEMORY, 0);
    } else {
      assert_int_equal(status, core_good_call(&with, &core_rows[i]));
    }
    core_end(&with);
    core_end(&without);
  }
  assert_int_equal(stopped, 12);
}

static void test_no_memory_names_the_function_and_the_remedy(void **state) {
  for (size_t i = 0; i < CORE_ROWS; i++) {
    wasi_light_outcome_t outcome;
    core_guest_t g;
    if (!core_needs_memory(&core_rows[i])) continue;
    core_start(&g, NULL, CORE_MEMORY);
    wasi_light_env_set_memory(g.env, NULL, NULL, NULL);
    assert_true(core_good_call(&g, &core_rows[i]) >= WASI_LIGHT_STOP);
    assert_true(wasi_light_env_stopped(g.env, &outcome));
    assert_ptr_equal(strstr(outcome.message, core_rows[i].name), outcome.message);
    assert_int_equal(outcome.message[strlen(core_rows[i].name)], ' ');
    assert_non_null(strstr(outcome.message, "\"memory\""));
    assert_non_null(strstr(outcome.message, "wasi_light_env_bind_instance"));
    assert_non_null(strstr(outcome.message, "wasi_light_env_bind_memory"));
    core_end(&g);
  }
}

/* What can be said without memory is said without it. */
static void test_no_memory_and_another_error(void **state) {
  core_guest_t g;
  core_start(&g, NULL, 0);
  wasi_light_env_set_memory(g.env, NULL, NULL, NULL);
  EXPECT(INVAL, &g, clock_res_get, 4, 0);
  EXPECT(INVAL, &g, clock_time_get, 0xffffffff, 0, 0);
  EXPECT(BADF, &g, fd_fdstat_get, 3, 0);
  EXPECT(BADF, &g, fd_filestat_get, 0xffffffff, 0);
  EXPECT(BADF, &g, fd_read, 1, 0, 0, 0);
  EXPECT(BADF, &g, fd_write, 0, 0, 0, 0);
  EXPECT(INVAL, &g, poll_oneoff, 0, 0, 0, 0);
  EXPECT(INVAL, &g, poll_oneoff, 0, 0, 1025, 0);
  core_assert_stopped(&g, WASI_LIGHT_RETURNED, 0);
  core_end(&g);
}

static wasi_light_view_t view_of(void *memory) {
  core_guest_t *g = memory;
  return (wasi_light_view_t){g->memory, g->size};
}

/* The missing memory is not the end: bound afterwards, the same call goes through. */
static void test_memory_bound_late(void **state) {
  core_guest_t g;
  core_start(&g, NULL, 64);
  wasi_light_env_set_memory(g.env, NULL, NULL, NULL);
  EXPECT_STOP(&g, clock_res_get, 0, 0);
  core_assert_stopped(&g, WASI_LIGHT_NO_MEMORY, 0);
  core_assert_stopped(&g, WASI_LIGHT_RETURNED, 0); /* reported once */
  wasi_light_env_set_memory(g.env, &g, view_of, NULL);
  EXPECT(SUCCESS, &g, clock_res_get, 0, 0);
  core_assert_stopped(&g, WASI_LIGHT_RETURNED, 0);
  core_end(&g);
}

/* ---- Empty ------------------------------------------------------------------------------------------------------- */

static void check_empty_memory(core_guest_t *g) {
  for (size_t i = 0; i < CORE_ROWS; i++) {
    if (!core_needs_memory(&core_rows[i]) || strcmp(core_rows[i].name, "args_get") == 0) continue;
    if (strcmp(core_rows[i].name, "environ_get") == 0) continue;
    assert_int_equal(core_good_call(g, &core_rows[i]), WASI_LIGHT_EFAULT);
  }
  EXPECT(FAULT, g, fd_write, 1, 0, 0, 0); /* the result has no place */
  EXPECT(FAULT, g, fd_read, 0, 0, 0, 0);
  EXPECT(SUCCESS, g, args_get, 0, 0); /* no arguments take no room, anywhere */
  EXPECT(SUCCESS, g, args_get, 0, 0xffffffff);
  EXPECT(SUCCESS, g, args_get, 1, 0);
  EXPECT(SUCCESS, g, environ_get, 0, 0);
  EXPECT(SUCCESS, g, random_get, 0, 0);
  EXPECT(FAULT, g, random_get, 0, 1);
  EXPECT(SUCCESS, g, random_get, 1, 0);
  core_assert_stopped(g, WASI_LIGHT_RETURNED, 0); /* an empty memory is not a missing one */
}

static void test_empty_memory(void **state) {
  const uint64_t seed = 1;
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  core_guest_t g;
  core_start(&g, &options, 0);
  check_empty_memory(&g);
  core_end(&g);
  options.random_seed = &seed;
  core_start(&g, &options, 0);
  check_empty_memory(&g);
  core_end(&g);
}

/* An engine may give NULL for the address of 0 pages. */
static void test_empty_memory_at_null(void **state) {
  core_guest_t g;
  core_start(&g, NULL, 0);
  free(g.memory);
  g.memory = NULL;
  check_empty_memory(&g);
  core_end(&g);
}

/* ---- Growing and moving ------------------------------------------------------------------------------------------ */

static void test_memory_is_asked_for_anew(void **state) {
  core_guest_t g;
  core_start(&g, NULL, 64);
  EXPECT(FAULT, &g, clock_res_get, 0, 64);
  free(g.memory); /* an address that was kept would be seen by AddressSanitizer */
  g.memory = calloc(1, 128);
  g.size = 128;
  assert_non_null(g.memory);
  EXPECT(SUCCESS, &g, clock_res_get, 0, 64);
  assert_int_not_equal(core_get(&g, 64, 8), 0);
  EXPECT(SUCCESS, &g, clock_res_get, 0, 120);
  EXPECT(FAULT, &g, clock_res_get, 0, 121);
  core_end(&g);
}

/* One look a call: a second one could see another memory. */
static void test_memory_is_looked_at_once_a_call(void **state) {
  const wasi_light_options_t options = core_row_options();
  for (size_t i = 0; i < CORE_ROWS; i++) {
    core_guest_t g;
    core_start(&g, &options, CORE_MEMORY);
    core_good_call(&g, &core_rows[i]);
    assert_int_equal(g.views, core_needs_memory(&core_rows[i]) ? 1 : 0);
    core_end(&g);
  }
}

/* More than 4 GiB is what a 64-bit size can say: all of 32 bits is inside, and no sum wraps. */
static wasi_light_view_t huge_view(void *memory) {
  core_guest_t *g = memory;
  return (wasi_light_view_t){g->memory, UINT64_MAX};
}

static void test_memory_of_64_bits(void **state) {
  core_guest_t g;
  core_start(&g, NULL, 64);
  core_put_iovec(&g, 0, 0xffffffff, 0xffffffff);
  wasi_light_env_set_memory(g.env, &g, huge_view, NULL);
  EXPECT(SUCCESS, &g, fd_write, 1, 0, 1, 8); /* discarded: the bytes are not touched */
  assert_int_equal(core_get(&g, 8, 4), 0xffffffff);
  core_end(&g);
}

/* ---- Release ----------------------------------------------------------------------------------------------------- */

static unsigned released[2];

static void release(void *memory) {
  unsigned *counter = memory;
  ++*counter;
}

static wasi_light_view_t no_view(void *memory) {
  (void)memory;
  return (wasi_light_view_t){NULL, 0};
}

static void test_memory_is_released_once(void **state) {
  core_guest_t g;
  released[0] = released[1] = 0;
  core_start(&g, NULL, 16);
  wasi_light_env_set_memory(g.env, &released[0], no_view, release);
  assert_int_equal(released[0], 0);
  wasi_light_env_set_memory(g.env, &released[1], no_view, release);
  assert_int_equal(released[0], 1);
  assert_int_equal(released[1], 0);
  wasi_light_env_set_memory(g.env, NULL, NULL, NULL);
  assert_int_equal(released[1], 1);
  wasi_light_env_set_memory(g.env, NULL, NULL, NULL);
  wasi_light_env_set_memory(g.env, &released[0], no_view, release);
  wasi_light_env_reset(g.env); /* keeps it */
  assert_int_equal(released[0], 1);
  core_end(&g); /* deletes the environment */
  assert_int_equal(released[0], 2);
  assert_int_equal(released[1], 1);
}

static void test_reset_keeps_memory(void **state) {
  core_guest_t g;
  core_start(&g, NULL, 16);
  wasi_light_env_reset(g.env);
  EXPECT(SUCCESS, &g, clock_res_get, 0, 8);
  core_end(&g);
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_no_memory_stops_only_who_needs_it),
      cmocka_unit_test(test_no_memory_names_the_function_and_the_remedy),
      cmocka_unit_test(test_no_memory_and_another_error),
      cmocka_unit_test(test_memory_bound_late),
      cmocka_unit_test(test_empty_memory),
      cmocka_unit_test(test_empty_memory_at_null),
      cmocka_unit_test(test_memory_is_asked_for_anew),
      cmocka_unit_test(test_memory_is_looked_at_once_a_call),
      cmocka_unit_test(test_memory_of_64_bits),
      cmocka_unit_test(test_memory_is_released_once),
      cmocka_unit_test(test_reset_keeps_memory),
  };
  return CORE_RUN(tests, argc, argv);
}
