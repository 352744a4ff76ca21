/* SPDX-License-Identifier: MIT */
/*
 * Saving what a guest's calls have changed in an environment and going back to it, which recycled instances do: after
 * wasi_light__env_restore it cannot be told from the moment of wasi_light__env_save.
 */
#include "core_guest.h"
#include "env.h"

enum { SIZE = 256, DATA = 64 };

static void start(core_guest_t *g) {
  static const uint64_t seed = 42;
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.random_seed = &seed;
  options.in = (wasi_light_input_t){WASI_LIGHT_INPUT_BYTES, "0123456789", 10, NULL};
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 8};
  options.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 4};
  core_start(g, &options, SIZE);
}

static void write_text(core_guest_t *g, uint32_t fd, const char *text) {
  core_put_text(g, DATA, text);
  core_put_iovec(g, 0, DATA, (uint32_t)strlen(text));
  EXPECT(SUCCESS, g, fd_write, fd, 0, 1, 16);
}

static void read_some(core_guest_t *g, uint32_t fd, uint32_t len) {
  core_put_iovec(g, 0, DATA, len);
  EXPECT(SUCCESS, g, fd_read, fd, 0, 1, 16);
}

/* Some of everything: 3 bytes read, "hello" on stdout, "error" on stderr (one dropped), 8 random bytes, flags, fds. */
static void use(core_guest_t *g) {
  read_some(g, 0, 3);
  write_text(g, 1, "hello");
  write_text(g, 2, "error");
  EXPECT(SUCCESS, g, random_get, 32, 8);
  EXPECT(SUCCESS, g, fd_fdstat_set_flags, 1, 4);
  EXPECT(SUCCESS, g, fd_renumber, 0, 2);
}

/* The state after `use`, seen from the guest and from the host. It is used up by the look. */
static void check_used(core_guest_t *g) {
  uint64_t dropped = 99;
  core_assert_stopped(g, WASI_LIGHT_RETURNED, 0);
  core_assert_captured(g, 1, "hello");
  core_assert_captured(g, 2, "erro");
  assert_non_null(wasi_light_env_captured(g->env, 2, NULL, &dropped));
  assert_int_equal(dropped, 1);
  EXPECT(BADF, g, fd_fdstat_get, 0, DATA);
  EXPECT(SUCCESS, g, fd_fdstat_get, 1, DATA);
  assert_int_equal(core_get(g, DATA + 2, 2), 4);
  read_some(g, 2, 4);
  core_assert_text(g, DATA, "3456");
  EXPECT(SUCCESS, g, random_get, 40, 8);
  wasi_light_env_reset(g->env);
  EXPECT(SUCCESS, g, random_get, 0, 16);
  assert_memory_equal(g->memory + 40, g->memory + 8, 8);
}

static void test_restore(void **state) {
  wasi_light__env_state_t saved;
  core_guest_t g;
  start(&g);
  use(&g);
  assert_true(wasi_light__env_save(g.env, &saved));
  for (int round = 0; round < 3; round++) {
    write_text(&g, 1, " and more");
    write_text(&g, 1, "");
    read_some(&g, 2, 6);
    EXPECT(SUCCESS, &g, random_get, 32, 100);
    EXPECT(SUCCESS, &g, fd_fdstat_set_flags, 1, 16);
    EXPECT(SUCCESS, &g, fd_close, 1);
    EXPECT_STOP(&g, proc_exit, 3);
    wasi_light__env_restore(g.env, &saved);
    check_used(&g);
    wasi_light__env_restore(g.env, &saved);
  }
  wasi_light__env_state_free(&saved);
  core_end(&g);
}

/* The saved bytes are a copy: what is captured later does not reach them. */
static void test_saved_captures_are_copies(void **state) {
  wasi_light__env_state_t saved;
  core_guest_t g;
  start(&g);
  write_text(&g, 1, "first");
  assert_true(wasi_light__env_save(g.env, &saved));
  wasi_light_env_clear_captured(g.env, 1);
  write_text(&g, 1, "other");
  core_assert_captured(&g, 1, "other");
  wasi_light__env_restore(g.env, &saved);
  core_assert_captured(&g, 1, "first");
  wasi_light__env_state_free(&saved);
  core_end(&g);
}

/* Into another environment of the same configuration: what it was does not matter. */
static void test_restore_into_another(void **state) {
  wasi_light__env_state_t saved;
  core_guest_t a;
  core_guest_t b;
  start(&a);
  start(&b);
  use(&a);
  assert_true(wasi_light__env_save(a.env, &saved));
  write_text(&b, 2, "noise");
  EXPECT(SUCCESS, &b, fd_close, 0);
  EXPECT_STOP(&b, proc_exit, 1);
  wasi_light__env_restore(b.env, &saved);
  check_used(&b);
  wasi_light__env_state_free(&saved);
  core_end(&a);
  core_end(&b);
}

static void test_state_of_a_new_environment(void **state) {
  wasi_light__env_state_t saved;
  core_guest_t g;
  start(&g);
  assert_true(wasi_light__env_save(g.env, &saved));
  use(&g);
  wasi_light__env_restore(g.env, &saved);
  core_assert_captured(&g, 1, "");
  core_assert_captured(&g, 2, "");
  use(&g); /* as the first time */
  check_used(&g);
  wasi_light__env_state_free(&saved);
  core_end(&g);
}

/* Streams that are not captured have nothing to copy. */
static void test_without_captures(void **state) {
  wasi_light__env_state_t saved;
  core_guest_t g;
  core_start(&g, NULL, SIZE);
  write_text(&g, 1, "nowhere");
  assert_true(wasi_light__env_save(g.env, &saved));
  EXPECT(SUCCESS, &g, fd_close, 1);
  wasi_light__env_restore(g.env, &saved);
  write_text(&g, 1, "nowhere");
  assert_null(wasi_light_env_captured(g.env, 1, NULL, NULL));
  wasi_light__env_state_free(&saved);
  core_end(&g);
}

/* A missing memory that was not reported is forgotten too. */
static void test_restore_forgets_a_missing_memory(void **state) {
  wasi_light__env_state_t saved;
  core_guest_t g;
  start(&g);
  assert_true(wasi_light__env_save(g.env, &saved));
  wasi_light_env_set_memory(g.env, NULL, NULL, NULL);
  EXPECT_STOP(&g, args_get, 0, 0);
  wasi_light__env_restore(g.env, &saved);
  core_assert_stopped(&g, WASI_LIGHT_RETURNED, 0);
  wasi_light__env_state_free(&saved);
  core_end(&g);
}

/* Which of the seed's streams an environment draws from is its own: a restore goes back to what was saved, a reset to 0. */
static void test_number_of_the_random_stream(void **state) {
  wasi_light__env_state_t saved;
  uint64_t stream_0;
  uint64_t stream_5;
  core_guest_t g;
  start(&g);
  assert_true(wasi_light__env_save(g.env, &saved));
  EXPECT(SUCCESS, &g, random_get, 0, 8);
  stream_0 = core_get(&g, 0, 8);
  wasi_light__env_restore(g.env, &saved);
  g.env->state.random_stream = 5;
  EXPECT(SUCCESS, &g, random_get, 0, 8);
  stream_5 = core_get(&g, 0, 8);
  assert_int_not_equal(stream_0, stream_5);
  wasi_light__env_restore(g.env, &saved);
  EXPECT(SUCCESS, &g, random_get, 0, 8);
  assert_int_equal(core_get(&g, 0, 8), stream_0);
  wasi_light_env_reset(g.env);
  EXPECT(SUCCESS, &g, random_get, 0, 8);
  assert_int_equal(core_get(&g, 0, 8), stream_0);
  wasi_light__env_state_free(&saved);
  core_end(&g);
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_restore),
      cmocka_unit_test(test_saved_captures_are_copies),
      cmocka_unit_test(test_restore_into_another),
      cmocka_unit_test(test_state_of_a_new_environment),
      cmocka_unit_test(test_without_captures),
      cmocka_unit_test(test_restore_forgets_a_missing_memory),
      cmocka_unit_test(test_number_of_the_random_stream),
  };
  return CORE_RUN(tests, argc, argv);
}
