/* SPDX-License-Identifier: MIT */
/* Threads, each with instances of its own, that share an engine, a module and a configuration. */
#include <pthread.h>

#include "wasm_rig.h"

enum { THREADS = 4, ROUNDS = 100 };

#define GUEST                                                                                              \
  "(module (import \"wasi_snapshot_preview1\" \"random_get\" (func $random (param i32 i32) (result i32)))" \
  "(import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))"                             \
  "(import \"env\" \"host\" (func $host (param i32) (result i32)))"                                        \
  "(memory (export \"memory\") 1) (global $n (mut i32) (i32.const 0))"                                     \
  "(func (export \"_initialize\") (drop (call $random (i32.const 0) (i32.const 8))))"                      \
  "(func (export \"random\") (result i64) (i64.load (i32.const 0)))"                                       \
  "(func (export \"add\") (param i32) (result i32)"                                                        \
  "  (global.set $n (i32.add (global.get $n) (call $host (local.get 0)))) (global.get $n))"                \
  "(func (export \"crash\") unreachable)"                                                                  \
  "(func (export \"quit\") (param i32) (call $exit (local.get 0))))"

typedef struct worker_t {
  wasm_engine_t *engine;
  rig_bytes_t bytes;
  wasi_light_module_t *module;
  wasi_light_config_t *config;
  int number; /* of the thread, from 1 */
  int64_t random;
  const char *failure; /* NULL: none. cmocka's assertions are for the main thread */
} worker_t;

/* The argument times the number of the thread whose instance calls. */
static wasm_trap_t *on_host(wasi_light_instance_t *instance, void *data, const wasm_val_t *args, wasm_val_t *results) {
  const worker_t *worker = wasi_light_instance_host(instance);
  results[0].of.i32 = args[0].of.i32 * worker->number;
  return NULL;
}

static const char *use(worker_t *worker, wasi_light_instance_t *instance, int round) {
  wasm_val_t result = I32(0);
  for (int i = 1; i <= 10; i++) {
    wasi_light_outcome_t outcome = wasi_light_call_name(instance, "add", ARGS(I32(i)), &result, 1);
    if (outcome.kind != WASI_LIGHT_RETURNED) return "add did not return";
    if (result.of.i32 != worker->number * i * (i + 1) / 2) return "a sum is wrong";
  }
  if (wasi_light_call_name(instance, "crash", NO_ARGS, NULL, 0).kind != WASI_LIGHT_TRAPPED) return "no trap";
  if (wasi_light_call_name(instance, "random", NO_ARGS, &result, 1).kind != WASI_LIGHT_RETURNED) return "no number";
  if (round > 0 && worker->random != result.of.i64) return "the seeded numbers differ";
  worker->random = result.of.i64;
  uint32_t code = (uint32_t)(worker->number * 1000 + round);
  wasi_light_outcome_t outcome = wasi_light_call_name(instance, "quit", ARGS(I32((int32_t)code)), NULL, 0);
  return outcome.kind == WASI_LIGHT_EXITED && outcome.exit_code == code ? NULL : "another exit code";
}

static void *work(void *data) {
  worker_t *worker = data;
  for (int round = 0; round < ROUNDS && !worker->failure; round++) {
    wasi_light_module_t *module = wasi_light_module_copy(worker->module);
    wasi_light_config_t *config = wasi_light_config_copy(worker->config);
    wasi_light_instance_t *instance = wasi_light_instance_new(module, config, worker, NULL);
    wasi_light_module_delete(module);
    wasi_light_config_delete(config);
    worker->failure = instance ? use(worker, instance, round) : "no instance";
    wasi_light_instance_delete(instance);
  }
  wasi_light_module_delete(worker->module);
  wasi_light_config_delete(worker->config);
  return NULL;
}

static void test_a_shared_module(void **state) {
  const rig_func_t funcs[] = {{"host", "(i)i", on_host, NULL}};
  uint64_t seed = 42;
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.random_seed = &seed;
  wasi_light_linker_t *linker = rig_linker(funcs, 1);
  wasi_light_module_t *module = rig_module(GUEST, linker);
  wasi_light_config_t *config = rig_config(&options);
  wasi_light_linker_delete(linker);
  worker_t workers[THREADS];
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) {
    workers[i] =
        (worker_t){.module = wasi_light_module_copy(module), .config = wasi_light_config_copy(config), .number = i + 1};
    assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
  }
  wasi_light_module_delete(module); /* the last thread frees them */
  wasi_light_config_delete(config);
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
  for (int i = 0; i < THREADS; i++) {
    if (workers[i].failure) fail_msg("thread %d: %s", i + 1, workers[i].failure);
    assert_int_equal(workers[i].random, workers[0].random);
  }
  assert_int_not_equal(workers[0].random, 0);
}

/* Modules may be compiled at the same time as well. */
static void *compile(void *data) {
  worker_t *worker = data;
  for (int round = 0; round < ROUNDS / 10 && !worker->failure; round++) {
    wasm_val_t result = I32(0);
    wasi_light_module_t *module =
        wasi_light_module_new(worker->engine, worker->bytes.data, worker->bytes.size, NULL, NULL, NULL);
    wasi_light_instance_t *instance = module ? wasi_light_instance_new(module, worker->config, NULL, NULL) : NULL;
    if (!instance) worker->failure = "no instance";
    else if (wasi_light_call_name(instance, "f", NO_ARGS, &result, 1).kind != WASI_LIGHT_RETURNED)
      worker->failure = "f";
    else if (result.of.i32 != 6) worker->failure = "another result";
    wasi_light_instance_delete(instance);
    wasi_light_module_delete(module);
  }
  return NULL;
}

static void test_a_shared_engine(void **state) {
  worker_t workers[THREADS];
  pthread_t threads[THREADS];
  rig_bytes_t bytes = rig_assemble("(module (func (export \"f\") (result i32) (i32.const 6)))");
  wasi_light_config_t *config = rig_config(NULL);
  for (int i = 0; i < THREADS; i++) {
    workers[i] = (worker_t){.engine = rig_engine(), .bytes = bytes, .config = config};
    assert_int_equal(pthread_create(&threads[i], NULL, compile, &workers[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
  for (int i = 0; i < THREADS; i++) {
    if (workers[i].failure) fail_msg("thread %d: %s", i + 1, workers[i].failure);
  }
  wasi_light_config_delete(config);
  rig_bytes_end(&bytes);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_a_shared_module),
    cmocka_unit_test(test_a_shared_engine),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
