/* SPDX-License-Identifier: MIT */
/* args_* and environ_*: the strings, their order and the ABI's layout, which has no NULL behind the last pointer. */
#include "core_guest.h"

/* The four functions, as the two pairs that they are. */
typedef struct pair_t {
  const char *sizes_get, *get;
} pair_t;
static const pair_t args_pair = {"args_sizes_get", "args_get"};
static const pair_t environ_pair = {"environ_sizes_get", "environ_get"};

static void options_of(wasi_light_options_t *options, const pair_t *pair, const char *const *strings) {
  *options = (wasi_light_options_t)WASI_LIGHT_OPTIONS_INIT;
  if (pair == &args_pair) options->args = strings;
  else options->env = strings;
}

/* The sizes must be these, with the results at 0 and 4. */
static void check_sizes(core_guest_t *g, const pair_t *pair, uint32_t count, uint32_t size) {
  const core_range_t results = {0, 8};
  core_save(g);
  assert_int_equal(core_call(g, pair->sizes_get, (const uint64_t[CORE_ARGS_MAX]){0, 4}), WASI_LIGHT_ESUCCESS);
  core_assert_unchanged_but(g, &results, 1);
  assert_int_equal(core_get(g, 0, 4), count);
  assert_int_equal(core_get(g, 4, 4), size);
}

/*
 * Pointers at `pointers`, bytes at `bytes`: each pointer is where its string starts, the strings stand in the order
 * given with their NULs and nothing between them, and no byte besides them changes.
 */
static void check_strings(core_guest_t *g, const pair_t *pair, const char *const *strings, uint32_t pointers,
                          uint32_t bytes) {
  uint32_t at = bytes;
  uint32_t i = 0;
  core_save(g);
  assert_int_equal(core_call(g, pair->get, (const uint64_t[CORE_ARGS_MAX]){pointers, bytes}), WASI_LIGHT_ESUCCESS);
  for (; strings[i]; i++) {
    size_t size = strlen(strings[i]) + 1;
    assert_int_equal(core_get(g, pointers + (size_t)4 * i, 4), at);
    assert_true(at + size <= g->size);
    assert_memory_equal(g->memory + at, strings[i], size);
    at += (uint32_t)size;
  }
  const core_range_t written[] = {{pointers, (uint64_t)4 * i}, {bytes, at - bytes}};
  core_assert_unchanged_but(g, written, 2); /* so no NULL pointer at the end */
}

static void check_both(const char *const *strings, uint32_t count, uint32_t size) {
  const pair_t *const pairs[] = {&args_pair, &environ_pair};
  for (int i = 0; i < 2; i++) {
    wasi_light_options_t options;
    core_guest_t g;
    options_of(&options, pairs[i], strings);
    core_start(&g, &options, 4096);
    check_sizes(&g, pairs[i], count, size);
    check_strings(&g, pairs[i], strings, 64, 2048);
    check_strings(&g, pairs[i], strings, 2048, 64);           /* bytes first */
    check_strings(&g, pairs[i], strings, 65, 2051);           /* any alignment */
    check_strings(&g, pairs[i], strings, 64, 64 + 4 * count); /* one behind the other, as libc does */
    check_sizes(&g, pairs[1 - i], 0, 0);                      /* one is not the other */
    core_end(&g);
  }
}

static void test_one_string(void **state) {
  check_both((const char *const[]){"K=V", NULL}, 1, 4);
}

static void test_order_is_kept(void **state) {
  check_both((const char *const[]){"zeta=1", "alpha=2", "mid=3", "alpha=4", "beta=", NULL}, 5, 35);
}

static void test_strings_are_bytes(void **state) {
  check_both((const char *const[]){"a=\xff\xfe\x80", "b=\xe2\x82\xac", "c= \t\n=\"'", "d==", NULL}, 4, 6 + 6 + 9 + 4);
}

/* An empty argument is one; an empty variable could not be configured. */
static void test_empty_arguments(void **state) {
  static const char *const strings[] = {"", "", "x", "", NULL};
  wasi_light_options_t options;
  core_guest_t g;
  options_of(&options, &args_pair, strings);
  core_start(&g, &options, 256);
  check_sizes(&g, &args_pair, 4, 5);
  check_strings(&g, &args_pair, strings, 16, 64);
  core_end(&g);
}

/* NULL and an empty list are the same: the results are 0 and nothing is written. */
static void test_none(void **state) {
  static const char *const none[] = {NULL};
  check_both(none, 0, 0);
  core_guest_t g;
  core_start(&g, NULL, 64);
  check_sizes(&g, &args_pair, 0, 0);
  check_sizes(&g, &environ_pair, 0, 0);
  check_strings(&g, &args_pair, none, 16, 16);
  check_strings(&g, &environ_pair, none, 64, 64); /* even at the end of the memory */
  core_end(&g);
}

/* The two are apart, and may both be there. */
static void test_args_and_environ_together(void **state) {
  static const char *const args[] = {"prog", "arg1", NULL};
  static const char *const env[] = {"KEY1=VALUE1", NULL};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  core_guest_t g;
  options.args = args;
  options.env = env;
  core_start(&g, &options, 256);
  check_sizes(&g, &args_pair, 2, 10);
  check_sizes(&g, &environ_pair, 1, 12);
  check_strings(&g, &args_pair, args, 16, 64);
  check_strings(&g, &environ_pair, env, 96, 128);
  core_end(&g);
}

/* 5,000 strings and one of 1 MiB. */
static void test_many_and_long(void **state) {
  enum { MANY = 5000, LONG = 1 << 20, TEXT = 12 };
  char *text = malloc((size_t)MANY * TEXT + LONG);
  const char **strings = malloc((MANY + 2) * sizeof *strings);
  assert_non_null(text);
  assert_non_null(strings);
  size_t size = LONG;
  for (int i = 0; i < MANY; i++) {
    snprintf(text + (ptrdiff_t)i * TEXT, TEXT, "k%d=%d", i, i % 10);
    strings[i] = text + (ptrdiff_t)i * TEXT;
    size += strlen(strings[i]) + 1;
  }
  char *one = text + (ptrdiff_t)MANY * TEXT;
  memset(one, 'v', LONG - 1);
  one[1] = '=';
  one[LONG - 1] = '\0';
  strings[MANY] = one;
  strings[MANY + 1] = NULL;
  const pair_t *const pairs[] = {&args_pair, &environ_pair};
  for (int i = 0; i < 2; i++) {
    wasi_light_options_t options;
    core_guest_t g;
    options_of(&options, pairs[i], strings);
    core_start(&g, &options, 8 + (MANY + 1) * 4 + size);
    check_sizes(&g, pairs[i], MANY + 1, (uint32_t)size);
    check_strings(&g, pairs[i], strings, 8, 8 + (MANY + 1) * 4); /* to the last byte of the memory */
    core_end(&g);
  }
  free(strings);
  free(text);
}

/* Pointers that lie in the bytes: undefined for a guest, but no byte besides them may change. */
static void test_overlapping(void **state) {
  static const char *const args[] = {"0123456789", "abcdef", NULL};
  const core_range_t written = {32, 18};
  wasi_light_options_t options;
  core_guest_t g;
  options_of(&options, &args_pair, args);
  core_start(&g, &options, 64);
  core_save(&g);
  EXPECT(SUCCESS, &g, args_get, 36, 32);
  core_assert_unchanged_but(&g, &written, 1);
  EXPECT(SUCCESS, &g, args_sizes_get, 0, 0);
  core_end(&g);
}

static void test_faults(void **state) {
  static const char *const strings[] = {"K=V", "L=W", NULL};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  core_guest_t g;
  options.args = options.env = strings;
  core_start(&g, &options, 64);
  core_save(&g);
  EXPECT(FAULT, &g, args_sizes_get, 61, 0);
  EXPECT(FAULT, &g, args_get, 57, 0);
  EXPECT(FAULT, &g, args_get, 0, 57);
  EXPECT(FAULT, &g, environ_sizes_get, 0, 61);
  EXPECT(FAULT, &g, environ_get, 57, 0);
  EXPECT(FAULT, &g, environ_get, 0, 57);
  core_assert_unchanged(&g);
  EXPECT(SUCCESS, &g, args_get, 56, 0);
  EXPECT(SUCCESS, &g, environ_get, 0, 56);
  core_end(&g);
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_one_string),
      cmocka_unit_test(test_order_is_kept),
      cmocka_unit_test(test_strings_are_bytes),
      cmocka_unit_test(test_empty_arguments),
      cmocka_unit_test(test_none),
      cmocka_unit_test(test_args_and_environ_together),
      cmocka_unit_test(test_many_and_long),
      cmocka_unit_test(test_overlapping),
      cmocka_unit_test(test_faults),
  };
  return CORE_RUN(tests, argc, argv);
}
