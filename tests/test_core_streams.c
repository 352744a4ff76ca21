/* SPDX-License-Identifier: MIT */
/* Which of a seed's streams an environment draws from: its number among those of its configuration, or the host's choice. */
#include <pthread.h>

#include "chacha20.h"
#include "core_guest.h"
#include "env.h"

static const uint64_t seed = UINT64_C(0x0123456789abcdef);

static wasi_light_config_t *new_config(bool next) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.random_seed = &seed;
  options.next_random_stream = next;
  wasi_light_config_t *config = wasi_light_config_new(&options, NULL);
  assert_non_null(config);
  return config;
}

static wasi_light_view_t view_of(void *memory) {
  return (wasi_light_view_t){memory, 64};
}

static bool draws(wasi_light_env_t *env, uint64_t stream, uint64_t position) {
  const uint64_t args[] = {0, 16};
  uint8_t memory[64] = {0};
  uint8_t expected[16];
  wasi_light__seeded_bytes(seed, stream, position, expected, sizeof expected);
  wasi_light_env_set_memory(env, memory, view_of, NULL);
  uint32_t status = wasi_light_function("wasi_snapshot_preview1", "random_get")->call(env, args);
  wasi_light_env_set_memory(env, NULL, NULL, NULL);
  return status == WASI_LIGHT_ESUCCESS && memcmp(memory, expected, sizeof expected) == 0;
}

/* Number n, from 1, has stream n; those that are deleted leave their number to nobody; each configuration has its own. */
static void test_number_of_the_environment(void **state) {
  wasi_light_config_t *config = new_config(true);
  wasi_light_config_t *other = new_config(true);
  wasi_light_env_t *first = wasi_light_env_new(config, NULL, NULL);
  for (uint64_t n = 2; n < 20; n++) {
    wasi_light_env_t *env = wasi_light_env_new(config, NULL, NULL);
    assert_true(draws(env, n, 0));
    assert_true(draws(env, n, 16));
    wasi_light_env_reset(env);
    assert_true(draws(env, n, 0));
    wasi_light_env_delete(env);
  }
  assert_true(draws(first, 1, 0));
  wasi_light_env_t *env = wasi_light_env_new(other, NULL, NULL);
  assert_true(draws(env, 1, 0));
  wasi_light_env_delete(env);
  wasi_light_env_delete(first);
  wasi_light_config_delete(other);
  wasi_light_config_delete(config);
}

static void test_all_have_stream_0(void **state) {
  wasi_light_config_t *config = new_config(false);
  for (int i = 0; i < 5; i++) {
    wasi_light_env_t *env = wasi_light_env_new(config, NULL, NULL);
    assert_true(draws(env, 0, 0));
    wasi_light_env_delete(env);
  }
  wasi_light_config_delete(config);
}

/* From its start, until a reset. */
static void test_the_hosts_choice(void **state) {
  static const uint64_t numbers[] = {0, 1, 7, UINT64_C(1) << 32, UINT64_MAX};
  for (int next = 0; next < 2; next++) {
    wasi_light_config_t *config = new_config(next);
    wasi_light_env_t *env = wasi_light_env_new(config, NULL, NULL);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
      wasi_light_env_set_random_stream(env, numbers[i]);
      assert_true(draws(env, numbers[i], 0));
      assert_true(draws(env, numbers[i], 16));
      wasi_light_env_set_random_stream(env, numbers[i]); /* the same again */
      assert_true(draws(env, numbers[i], 0));
    }
    wasi_light_env_reset(env);
    assert_true(draws(env, (uint64_t)next, 0));
    wasi_light_env_delete(env);
    wasi_light_config_delete(config);
  }
}

static void test_streams_need_a_seed(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_error_t error = {.code = WASI_LIGHT_ERROR_OK};
  options.next_random_stream = true;
  assert_null(wasi_light_config_new(&options, &error));
  assert_int_equal(error.code, WASI_LIGHT_ERROR_ARGUMENT);
  assert_non_null(strstr(error.message, "options.next_random_stream"));
}

enum { THREADS = 4, EACH = 500 };

static wasi_light_env_t *made[THREADS][EACH];
static wasi_light_config_t *shared;

static void *make(void *list) {
  for (int i = 0; i < EACH; i++) ((wasi_light_env_t **)list)[i] = wasi_light_env_new(shared, NULL, NULL);
  return NULL;
}

/* Made by several threads at once, all numbers are there, each once. */
static void test_numbers_from_threads(void **state) {
  bool seen[THREADS * EACH + 1] = {false};
  pthread_t threads[THREADS];
  shared = new_config(true);
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, make, made[i]), 0);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < THREADS * EACH; i++) {
    wasi_light_env_t *env = made[i / EACH][i % EACH];
    assert_in_range(env->state.random_stream, 1, THREADS * EACH);
    assert_false(seen[env->state.random_stream]);
    seen[env->state.random_stream] = true;
    assert_true(draws(env, env->state.random_stream, 0));
    wasi_light_env_delete(env);
  }
  wasi_light_config_delete(shared);
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_number_of_the_environment), cmocka_unit_test(test_all_have_stream_0),
      cmocka_unit_test(test_the_hosts_choice),          cmocka_unit_test(test_streams_need_a_seed),
      cmocka_unit_test(test_numbers_from_threads),
  };
  return CORE_RUN(tests, argc, argv);
}
