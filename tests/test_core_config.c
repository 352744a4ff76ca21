/* SPDX-License-Identifier: MIT */
/* wasi_light_config_t and the environment's life. What a configuration does is in the files of the functions. */
#include <pthread.h>

#include "core_guest.h"

/* ---- What is refused --------------------------------------------------------------------------------------------- */

/* config_new must fail with ARGUMENT and a message that begins with `prefix`. */
static void check_refused(const wasi_light_options_t *options, const char *prefix) {
  wasi_light_error_t error;
  memset(&error, 0x55, sizeof error);
  assert_null(wasi_light_config_new(options, &error));
  assert_int_equal(error.code, WASI_LIGHT_ERROR_ARGUMENT);
  assert_non_null(memchr(error.message, '\0', sizeof error.message));
  if (strncmp(error.message, prefix, strlen(prefix)) != 0) fail_msg("\"%s\" does not name %s", error.message, prefix);
  assert_null(wasi_light_config_new(options, NULL)); /* who does not ask is not told */
}

static void test_no_options(void **state) {
  check_refused(NULL, "options is NULL");
}

static void test_struct_size(void **state) {
  static const size_t sizes[] = {0, 1, sizeof(wasi_light_options_t) - 1, sizeof(wasi_light_options_t) + 1, SIZE_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
    options.struct_size = sizes[i];
    check_refused(&options, "options.struct_size");
  }
}

static void check_env_refused(const char *entry) {
  const char *const env[] = {"GOOD=1", entry, NULL};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  char prefix[64];
  options.env = env;
  snprintf(prefix, sizeof prefix, "options.env[1] is \"%s\"", entry);
  check_refused(&options, prefix);
}

static void test_env_without_key(void **state) {
  check_env_refused("NOVALUE");
  check_env_refused("=value");
  check_env_refused("=");
  check_env_refused("");
}

static void test_input_modes(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.in.mode = WASI_LIGHT_INPUT_CALLBACK;
  check_refused(&options, "options.in.read");
  options.in.mode = WASI_LIGHT_INPUT_BYTES;
  options.in.size = 1;
  check_refused(&options, "options.in.bytes");
  options.in.mode = (wasi_light_input_mode_t)4;
  check_refused(&options, "options.in.mode");
}

static void check_output_refused(wasi_light_output_t output, const char *field) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  char prefix[64];
  options.out = output;
  snprintf(prefix, sizeof prefix, "options.out.%s", field);
  check_refused(&options, prefix);
  options.err = output;
  options.out.mode = WASI_LIGHT_OUTPUT_DISCARD;
  snprintf(prefix, sizeof prefix, "options.err.%s", field);
  check_refused(&options, prefix);
}

static void test_output_modes(void **state) {
  check_output_refused((wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CALLBACK}, "write");
  check_output_refused((wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE}, "capture_size");
  check_output_refused((wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = SIZE_MAX},
                       "capture_size");
  check_output_refused((wasi_light_output_t){.mode = (wasi_light_output_mode_t)5}, "mode");
}

/* 4 GiB of arguments, from one string of 16 MiB that is given 256 times: one byte more than the ABI's 32 bits. */
static void test_4_gib_of_arguments(void **state) {
  enum { TIMES = 256, SIZE = 1 << 24 };
  const char *list[TIMES + 1];
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  if (core_under_valgrind()) skip(); /* 16 GiB of strlen: 40 seconds, for nothing that valgrind could see */
  char *text = malloc(SIZE);
  assert_non_null(text);
  memset(text, 'x', SIZE - 1);
  text[1] = '=';
  text[SIZE - 1] = '\0';
  for (int i = 0; i < TIMES; i++) list[i] = text;
  list[TIMES] = NULL;
  options.args = list;
  check_refused(&options, "options.args or options.env");
  options.args = NULL;
  options.env = list;
  check_refused(&options, "options.args or options.env");
  free(text);
}

static void test_long_message_is_cut(void **state) {
  char entry[8000];
  const char *const env[] = {entry, NULL};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_error_t error;
  memset(entry, 'k', sizeof entry - 1);
  entry[sizeof entry - 1] = '\0';
  options.env = env;
  assert_null(wasi_light_config_new(&options, &error));
  assert_int_equal(strlen(error.message), sizeof error.message - 1);
  assert_string_equal(error.message + sizeof error.message - 5, "k...");
}

/* ---- What is accepted -------------------------------------------------------------------------------------------- */

static void test_options_init_gives_nothing(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  assert_int_equal(options.struct_size, sizeof options);
  assert_null(options.args);
  assert_null(options.env);
  assert_int_equal(options.clock_offset_ns, 0);
  assert_null(options.random_seed);
  assert_int_equal(options.in.mode, WASI_LIGHT_INPUT_EMPTY);
  assert_int_equal(options.out.mode, WASI_LIGHT_OUTPUT_DISCARD);
  assert_int_equal(options.err.mode, WASI_LIGHT_OUTPUT_DISCARD);
}

static void test_error_is_left_alone_on_success(void **state) {
  const wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_error_t error;
  wasi_light_error_t before;
  memset(&error, 0x55, sizeof error);
  before = error;
  wasi_light_config_t *config = wasi_light_config_new(&options, &error);
  wasi_light_env_t *env = wasi_light_env_new(config, NULL, &error);
  assert_non_null(env);
  assert_memory_equal(&error, &before, sizeof error);
  wasi_light_env_delete(env);
  wasi_light_config_delete(config);
}

/* Fields that a mode does not use are not looked at. */
static void test_fields_of_other_modes(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  core_guest_t g;
  options.in = (wasi_light_input_t){WASI_LIGHT_INPUT_EMPTY, NULL, 1000, NULL};
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_DISCARD, .capture_size = SIZE_MAX};
  core_start(&g, &options, 64);
  core_put_iovec(&g, 0, 16, 8);
  EXPECT(SUCCESS, &g, fd_read, 0, 0, 1, 8);
  assert_int_equal(core_get(&g, 8, 4), 0);
  core_end(&g);
}

static void test_bytes_of_no_size(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  core_guest_t g;
  options.in.mode = WASI_LIGHT_INPUT_BYTES;
  core_start(&g, &options, 64);
  core_put_iovec(&g, 0, 16, 8);
  EXPECT(SUCCESS, &g, fd_read, 0, 0, 1, 8);
  assert_int_equal(core_get(&g, 8, 4), 0);
  core_end(&g);
}

/* Everything is copied: the host may reuse its own before the first call. */
static void test_options_are_copied(void **state) {
  char arg[] = "arg";
  char entry[] = "K=V";
  char input[] = "input";
  uint64_t seed = 0;
  const char *args[] = {arg, NULL};
  const char *env[] = {entry, NULL};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  core_guest_t g;
  options.args = args;
  options.env = env;
  options.random_seed = &seed;
  options.in = (wasi_light_input_t){WASI_LIGHT_INPUT_BYTES, input, 5, NULL};
  core_start(&g, &options, 64);
  arg[0] = entry[0] = input[0] = '!';
  args[0] = env[0] = NULL;
  seed = 1;
  EXPECT(SUCCESS, &g, args_get, 0, 4);
  assert_memory_equal(g.memory + 4, "arg", 4);
  EXPECT(SUCCESS, &g, environ_get, 8, 12);
  assert_memory_equal(g.memory + 12, "K=V", 4);
  core_put_iovec(&g, 16, 32, 5);
  EXPECT(SUCCESS, &g, fd_read, 0, 16, 1, 24);
  core_assert_text(&g, 32, "input");
  EXPECT(SUCCESS, &g, random_get, 40, 4);
  assert_int_equal(core_get(&g, 40, 4), 0xade0b876); /* of seed 0: 76 b8 e0 ad */
  core_end(&g);
}

/* ---- References -------------------------------------------------------------------------------------------------- */

static void test_config_lives_as_long_as_its_last_user(void **state) {
  const char *const args[] = {"prog", NULL};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  core_guest_t g;
  options.args = args;
  core_start(&g, &options, 64);
  wasi_light_config_t *copy = wasi_light_config_copy(g.config);
  assert_ptr_equal(copy, g.config);
  wasi_light_config_delete(g.config);
  wasi_light_config_delete(copy);
  EXPECT(SUCCESS, &g, args_get, 0, 8); /* the environment holds the last reference */
  core_assert_text(&g, 8, "prog");
  g.config = NULL;
  core_end(&g);
}

static void test_config_outlives_its_environments(void **state) {
  const wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_config_t *config = wasi_light_config_new(&options, NULL);
  for (int i = 0; i < 3; i++) wasi_light_env_delete(wasi_light_env_new(config, NULL, NULL));
  wasi_light_env_t *env = wasi_light_env_new(config, NULL, NULL);
  assert_non_null(env);
  wasi_light_env_delete(env);
  wasi_light_config_delete(config);
}

static void test_delete_accepts_null(void **state) {
  wasi_light_config_delete(NULL);
  wasi_light_env_delete(NULL);
}

static void *use_config(void *config) {
  for (int i = 0; i < 2000; i++) {
    wasi_light_config_t *copy = wasi_light_config_copy(config);
    wasi_light_env_t *env = wasi_light_env_new(copy, NULL, NULL);
    wasi_light_config_delete(copy);
    wasi_light_env_delete(env);
  }
  return NULL;
}

/* A count that loses an update frees too early or never: AddressSanitizer and valgrind see either. */
static void test_config_on_many_threads(void **state) {
  const wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_config_t *config = wasi_light_config_new(&options, NULL);
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, use_config, config), 0);
  for (int i = 0; i < 4; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
  assert_non_null(config);
  wasi_light_config_delete(config);
}

/* ---- Environment ------------------------------------------------------------------------------------------------- */

static void test_env_of_no_config(void **state) {
  wasi_light_error_t error;
  assert_null(wasi_light_env_new(NULL, NULL, &error));
  assert_int_equal(error.code, WASI_LIGHT_ERROR_ARGUMENT);
  assert_non_null(strstr(error.message, "config is NULL"));
  assert_null(wasi_light_env_new(NULL, NULL, NULL));
}

static void test_host_pointer(void **state) {
  const wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  int a = 0;
  int b = 0;
  wasi_light_config_t *config = wasi_light_config_new(&options, NULL);
  wasi_light_env_t *env = wasi_light_env_new(config, &a, NULL);
  assert_ptr_equal(wasi_light_env_host(env), &a);
  wasi_light_env_reset(env);
  assert_ptr_equal(wasi_light_env_host(env), &a);
  wasi_light_env_set_host(env, &b);
  assert_ptr_equal(wasi_light_env_host(env), &b);
  wasi_light_env_set_host(env, NULL);
  assert_null(wasi_light_env_host(env));
  wasi_light_env_delete(env);
  wasi_light_config_delete(config);
}

static size_t bytes_of(const wasi_light_options_t *options) {
  wasi_light_config_t *config = wasi_light_config_new(options, NULL);
  assert_non_null(config);
  size_t bytes = wasi_light_env_bytes(config);
  wasi_light_config_delete(config);
  return bytes;
}

static void test_env_bytes(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  size_t bare = bytes_of(&options);
  assert_in_range(bare, 1, 512); /* "small": a plain environment fits 8 cache lines */
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 1000};
  assert_int_equal(bytes_of(&options), bare + 1000);
  options.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 33};
  assert_int_equal(bytes_of(&options), bare + 1033);
  options.out.mode = WASI_LIGHT_OUTPUT_DISCARD;
  assert_int_equal(bytes_of(&options), bare + 33);
}

/* Two environments of one configuration share nothing that a guest can change. */
static void test_environments_are_independent(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  core_guest_t a;
  options.in = (wasi_light_input_t){WASI_LIGHT_INPUT_BYTES, "abc", 3, NULL};
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 8};
  core_start(&a, &options, 64);
  core_guest_t b = a;
  b.env = wasi_light_env_new(a.config, NULL, NULL);
  core_put_iovec(&a, 0, 16, 3);
  EXPECT(SUCCESS, &a, fd_read, 0, 0, 1, 8);
  EXPECT(SUCCESS, &a, fd_write, 1, 0, 1, 8);
  EXPECT(SUCCESS, &a, fd_close, 2);
  EXPECT_STOP(&a, proc_exit, 1);
  core_assert_captured(&b, 1, "");
  core_assert_stopped(&b, WASI_LIGHT_RETURNED, 0);
  EXPECT(SUCCESS, &b, fd_close, 2);
  EXPECT_STOP(&b, fd_read, 0, 0, 1, 8); /* it has no memory */
  core_assert_stopped(&a, WASI_LIGHT_EXITED, 1);
  core_assert_captured(&a, 1, "abc");
  wasi_light_env_delete(b.env);
  core_end(&a);
}

static void test_reset_is_as_new(void **state) {
  const uint64_t seed = 7;
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  core_guest_t g;
  options.random_seed = &seed;
  options.in = (wasi_light_input_t){WASI_LIGHT_INPUT_BYTES, "abc", 3, NULL};
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 2};
  options.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 2};
  core_start(&g, &options, 64);
  for (int round = 0; round < 3; round++) {
    uint64_t dropped = 99;
    EXPECT(SUCCESS, &g, random_get, 56, 8);
    static uint64_t first;
    if (round == 0) first = core_get(&g, 56, 8);
    assert_int_equal(core_get(&g, 56, 8), first);
    core_put_iovec(&g, 0, 16, 3);
    EXPECT(SUCCESS, &g, fd_read, 0, 0, 1, 8);
    assert_int_equal(core_get(&g, 8, 4), 3);
    EXPECT(SUCCESS, &g, fd_fdstat_get, 1, 24);
    assert_int_equal(core_get(&g, 26, 2), 0);
    EXPECT(SUCCESS, &g, fd_write, 1, 0, 1, 8);
    EXPECT(SUCCESS, &g, fd_write, 2, 0, 1, 8);
    core_assert_captured(&g, 1, "ab");
    core_assert_captured(&g, 2, "ab");
    assert_non_null(wasi_light_env_captured(g.env, 2, NULL, &dropped));
    assert_int_equal(dropped, 1);
    EXPECT(SUCCESS, &g, fd_fdstat_set_flags, 1, 4);
    EXPECT(SUCCESS, &g, fd_renumber, 1, 2);
    EXPECT(SUCCESS, &g, fd_close, 0);
    EXPECT_STOP(&g, proc_exit, 5);
    wasi_light_env_reset(g.env);
    core_assert_captured(&g, 1, "");
    core_assert_captured(&g, 2, "");
    core_assert_stopped(&g, WASI_LIGHT_RETURNED, 0);
  }
  core_end(&g);
}

/* ---- Names ------------------------------------------------------------------------------------------------------- */

/* Numbers that are published stay what they are; more may follow. */
static void test_names(void **state) {
  static const char *const names[] = {"OK",   "ARGUMENT",    "OUT_OF_MEMORY", "MODULE", "COMPILE",
                                      "LINK", "INSTANTIATE", "TRAP",          "EXIT",   "NO_MEMORY"};
#define COUNT_ERROR(name, value, text) +1
  const int count = 0 WASI_LIGHT_ERROR_MAP(COUNT_ERROR);
#undef COUNT_ERROR
  for (int i = 0; i < (int)(sizeof names / sizeof *names); i++) {
    assert_string_equal(wasi_light_error_name(i), names[i]);
  }
  for (int i = 0; i < count; i++) assert_string_not_equal(wasi_light_error_name(i), "unknown");
  assert_string_equal(wasi_light_error_name(count), "unknown");
  assert_string_equal(wasi_light_error_name(-1), "unknown");
  assert_string_equal(wasi_light_version(), WASI_LIGHT_VERSION);
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_no_options),
      cmocka_unit_test(test_struct_size),
      cmocka_unit_test(test_env_without_key),
      cmocka_unit_test(test_input_modes),
      cmocka_unit_test(test_output_modes),
      cmocka_unit_test(test_4_gib_of_arguments),
      cmocka_unit_test(test_long_message_is_cut),
      cmocka_unit_test(test_options_init_gives_nothing),
      cmocka_unit_test(test_error_is_left_alone_on_success),
      cmocka_unit_test(test_fields_of_other_modes),
      cmocka_unit_test(test_bytes_of_no_size),
      cmocka_unit_test(test_options_are_copied),
      cmocka_unit_test(test_config_lives_as_long_as_its_last_user),
      cmocka_unit_test(test_config_outlives_its_environments),
      cmocka_unit_test(test_delete_accepts_null),
      cmocka_unit_test(test_config_on_many_threads),
      cmocka_unit_test(test_env_of_no_config),
      cmocka_unit_test(test_host_pointer),
      cmocka_unit_test(test_env_bytes),
      cmocka_unit_test(test_environments_are_independent),
      cmocka_unit_test(test_reset_is_as_new),
      cmocka_unit_test(test_names),
  };
  return CORE_RUN(tests, argc, argv);
}
