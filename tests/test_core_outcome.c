/* SPDX-License-Identifier: MIT */
/* wasi_light_env_stopped: what a host learns, as a value, of why a guest was stopped. And texts that are cut. */
#include "core_guest.h"
#include "env.h"

/* Every field is written, whatever was there. */
static bool stopped(core_guest_t *g, wasi_light_outcome_t *outcome) {
  memset(outcome, 0x55, sizeof *outcome);
  return wasi_light_env_stopped(g->env, outcome);
}

static void test_not_stopped(void **state) {
  wasi_light_outcome_t outcome;
  core_guest_t g;
  core_start(&g, NULL, 64);
  assert_false(stopped(&g, &outcome));
  assert_int_equal(outcome.kind, WASI_LIGHT_RETURNED);
  assert_int_equal(outcome.exit_code, 0);
  assert_string_equal(outcome.message, "");
  EXPECT(SUCCESS, &g, clock_res_get, 0, 0);
  EXPECT(BADF, &g, fd_close, 9);
  EXPECT(FAULT, &g, clock_res_get, 0, 60);
  assert_false(stopped(&g, &outcome)); /* an errno is the guest's business */
  core_end(&g);
}

static void test_exited(void **state) {
  wasi_light_outcome_t outcome;
  core_guest_t g;
  core_start(&g, NULL, 64);
  EXPECT_STOP(&g, proc_exit, 4000000000);
  for (int i = 0; i < 3; i++) { /* reported until the environment is reset */
    assert_true(stopped(&g, &outcome));
    assert_int_equal(outcome.kind, WASI_LIGHT_EXITED);
    assert_int_equal(outcome.exit_code, 4000000000);
    assert_string_equal(outcome.message, "the guest exited with code 4000000000");
  }
  wasi_light_env_reset(g.env);
  assert_false(stopped(&g, &outcome));
  assert_int_equal(outcome.exit_code, 0);
  core_end(&g);
}

static void test_no_memory_is_reported_once(void **state) {
  wasi_light_outcome_t outcome;
  core_guest_t g;
  core_start(&g, NULL, 0);
  wasi_light_env_set_memory(g.env, NULL, NULL, NULL);
  EXPECT_STOP(&g, environ_sizes_get, 0, 4);
  assert_true(stopped(&g, &outcome));
  assert_int_equal(outcome.kind, WASI_LIGHT_NO_MEMORY);
  assert_int_equal(outcome.exit_code, 0);
  assert_non_null(strstr(outcome.message, "environ_sizes_get needs the guest's memory"));
  assert_true(strlen(outcome.message) < sizeof outcome.message - 4); /* not cut */
  assert_false(stopped(&g, &outcome));
  EXPECT(SUCCESS, &g, sched_yield, 0); /* and the environment goes on */
  core_end(&g);
}

/* A reset forgets it unreported. */
static void test_no_memory_and_reset(void **state) {
  wasi_light_outcome_t outcome;
  core_guest_t g;
  core_start(&g, NULL, 0);
  wasi_light_env_set_memory(g.env, NULL, NULL, NULL);
  EXPECT_STOP(&g, args_get, 0, 0);
  wasi_light_env_reset(g.env);
  assert_false(stopped(&g, &outcome));
  core_end(&g);
}

/* An exit outweighs a missing memory, in either order. */
static void test_exit_outweighs_no_memory(void **state) {
  wasi_light_outcome_t outcome;
  core_guest_t g;
  core_start(&g, NULL, 0);
  wasi_light_env_set_memory(g.env, NULL, NULL, NULL);
  EXPECT_STOP(&g, args_get, 0, 0);
  EXPECT_STOP(&g, proc_exit, 9);
  EXPECT_STOP(&g, args_get, 0, 0);
  for (int i = 0; i < 2; i++) {
    assert_true(stopped(&g, &outcome));
    assert_int_equal(outcome.kind, WASI_LIGHT_EXITED);
    assert_int_equal(outcome.exit_code, 9);
  }
  core_end(&g);
}

/* The two stops differ, and are what the public header says stops are. */
static void test_stop_statuses(void **state) {
  core_guest_t g;
  core_start(&g, NULL, 0);
  wasi_light_env_set_memory(g.env, NULL, NULL, NULL);
  assert_int_equal(CALL(&g, args_get, 0, 0), P1_STOP_NO_MEMORY);
  assert_int_equal(CALL(&g, proc_exit, 0), P1_STOP_EXIT);
  assert_int_equal(CALL(&g, args_get, 0, 0), P1_STOP_EXIT);
  assert_true(P1_STOP_EXIT >= WASI_LIGHT_STOP && P1_STOP_NO_MEMORY >= WASI_LIGHT_STOP);
  assert_int_not_equal(P1_STOP_EXIT, P1_STOP_NO_MEMORY);
  assert_true(WASI_LIGHT_STOP > UINT16_MAX); /* no errno can be one: it has 16 bits */
  core_end(&g);
}

/* ---- Texts ------------------------------------------------------------------------------------------------------- */

static void check_format(size_t size, const char *text, const char *expected) {
  char *buffer = malloc(size); /* exactly: AddressSanitizer sees a byte too many */
  assert_non_null(buffer);
  wasi_light__format(buffer, size, "%s", text);
  assert_string_equal(buffer, expected);
  free(buffer);
}

static void test_texts_are_cut_with_dots(void **state) {
  check_format(8, "", "");
  check_format(8, "123456", "123456");
  check_format(8, "1234567", "1234567");
  check_format(8, "12345678", "1234...");
  check_format(8, "123456789", "1234...");
  check_format(4, "1234", "...");
  check_format(4, "123", "123");
}

static void test_fail(void **state) {
  wasi_light_error_t error;
  memset(&error, 0x55, sizeof error);
  wasi_light__fail(&error, WASI_LIGHT_ERROR_LINK, "%s %d", "import", 3);
  assert_int_equal(error.code, WASI_LIGHT_ERROR_LINK);
  assert_int_equal(error.exit_code, 0);
  assert_string_equal(error.message, "import 3");
  wasi_light__fail(&error, WASI_LIGHT_ERROR_TRAP, "%*s", 5000, "x");
  assert_int_equal(error.code, WASI_LIGHT_ERROR_TRAP);
  assert_int_equal(strlen(error.message), sizeof error.message - 1);
  assert_string_equal(error.message + sizeof error.message - 5, " ...");
  wasi_light__fail(NULL, WASI_LIGHT_ERROR_TRAP, "%s", "nobody asked");
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_not_stopped),
      cmocka_unit_test(test_exited),
      cmocka_unit_test(test_no_memory_is_reported_once),
      cmocka_unit_test(test_no_memory_and_reset),
      cmocka_unit_test(test_exit_outweighs_no_memory),
      cmocka_unit_test(test_stop_statuses),
      cmocka_unit_test(test_texts_are_cut_with_dots),
      cmocka_unit_test(test_fail),
  };
  return CORE_RUN(tests, argc, argv);
}
