/* SPDX-License-Identifier: MIT */
/*
 * Pools and the process around them: forks, threads, memory that runs out, and that nothing adds up over many leases.
 * WASI_LIGHT_TEST_CYCLES sets how many leases the long ones take.
 */
#include "pool_rig.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPOT "\xe7\xc2\x5e"

/* 6 pages of 64 KiB, so that the best method is to scan. */
#define GUEST                                                                                                         \
  "(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32))) (memory (export \"memory\") 6)" \
  "(data (i32.const 100000) \"as it was\") (global $n (mut i32) (i32.const 0))"                                       \
  "(func (export \"dirty\") (param $step i32) (result i32) (local $at i32)"                                           \
  "(loop $next (i32.store (local.get $at) (i32.const 0x5ec2e7)) (local.set $at (i32.add (local.get $at) (local.get "  \
  "$step)))"                                                                                                          \
  "(br_if $next (i32.lt_u (local.get $at) (i32.const 393200))))"                                                      \
  "(global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))"                                          \
  "(func (export \"grow\") (drop (memory.grow (i32.const 4)))) (func (export \"crash\") unreachable)"                 \
  "(func (export \"quit\") (call $exit (i32.const 1))) (func $deep (export \"deep\") (call $deep)))"

static bool is_new(wasi_light_instance_t *instance) {
  return wasi_light__pool_is_pristine(instance) && !pool_finds(instance, SPOT, 3) &&
         memcmp(pool_memory(instance).base + 100000, "as it was", 9) == 0;
}

/* ---- Fork ---- */

/* Gives back what the parent had taken, and goes on by itself. No cmocka: it is another process. */
static int run_child(pool_rig_t *rig, wasi_light_instance_t *taken) {
  wasi_light_error_t error;
  wasm_val_t result = I32(0);
  if (!wasi_light_pool_give(rig->pool, taken, &error)) return 1;
  if (!is_new(taken)) return 2;
  for (int lease = 0; lease < 5; lease++) {
    wasi_light_instance_t *instance = wasi_light_pool_take(rig->pool, NULL, &error);
    if (!instance) return 3;
    if (wasi_light_call_name(instance, "dirty", ARGS(I32(4000)), &result, 1).kind != WASI_LIGHT_RETURNED) return 4;
    if (result.of.i32 != 1) return 5;
    if (wasi_light_call_name(instance, "crash", NULL, 0, NULL, 0).kind != WASI_LIGHT_TRAPPED) return 6;
    if (!wasi_light_pool_give(rig->pool, instance, &error)) return 7;
    if (!is_new(instance)) return 8;
  }
  wasi_light_pool_delete(rig->pool);
  return 0;
}

static void test_fork_between_take_and_give(void **state) {
  for (size_t m = 0; m < POOL_METHODS; m++) {
    wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
    pool_rig_t rig;
    int status = -1;
    if (!pool_can(pool_methods[m], &options)) continue;
    pool_start_wat(&rig, GUEST, &options);
    wasi_light_instance_t *instance = pool_take(&rig);
    wasi_light_instance_t *other = pool_take(&rig);
    pool_call(instance, "dirty", ARGS(I32(4000)));
    pool_call(other, "dirty", ARGS(I32(8000)));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(run_child(&rig, instance));
    pool_return(&rig, other); /* while the child lives, most likely */
    assert_true(is_new(other));
    assert_true(pool_finds(instance, SPOT, 3));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(pool_finds(instance, SPOT, 3)); /* the child's reset was the child's */
    pool_call(instance, "dirty", ARGS(I32(3000)));
    pool_return(&rig, instance);
    assert_true(is_new(instance));
    for (int lease = 0; lease < 5; lease++) {
      instance = pool_take(&rig);
      assert_int_equal(pool_i32(instance, "dirty", ARGS(I32(4000))), 1);
      pool_return(&rig, instance);
      assert_true(is_new(instance));
    }
    pool_end(&rig);
  }
}

/* A grandchild, with a pool that has been used in each generation. */
static void test_fork_of_a_fork(void **state) {
  pool_rig_t rig;
  int status = -1;
  pool_start_wat(&rig, GUEST, NULL);
  wasi_light_instance_t *instance = pool_take(&rig);
  pool_call(instance, "dirty", ARGS(I32(4000)));
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    if (!wasi_light_pool_give(rig.pool, instance, NULL) || !is_new(instance)) _exit(20);
    instance = wasi_light_pool_take(rig.pool, NULL, NULL);
    if (!instance) _exit(21);
    memset(pool_memory(instance).base, 0x5e, 65536);
    pid_t grandchild = fork();
    if (grandchild == 0) _exit(run_child(&rig, instance));
    if (waitpid(grandchild, &status, 0) != grandchild || status != 0) _exit(22);
    _exit(wasi_light_pool_give(rig.pool, instance, NULL) && is_new(instance) ? 0 : 23);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  pool_return(&rig, instance);
  pool_end(&rig);
}

/* ---- Locked memory ---- */

static void test_locked_memory(void **state) {
  static const size_t keep[] = {0, 1 << 20};
  for (size_t m = 0; m < POOL_METHODS; m++) {
    for (size_t k = 0; k < COUNT(keep); k++) {
      wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
      pool_rig_t rig;
      options.keep_resident = keep[k];
      if (!pool_can(pool_methods[m], &options)) continue;
      pool_start_wat(&rig, GUEST, &options);
      for (int lease = 0; lease < 3; lease++) {
        wasi_light_instance_t *instance = pool_take(&rig);
        wasi_light_view_t memory = pool_memory(instance);
        if (lease == 0 && mlock(memory.base, memory.size) != 0) {
          print_message("mlock is not permitted: left out\n");
          break;
        }
        pool_call(instance, "dirty", ARGS(I32(4000)));
        pool_return(&rig, instance);
        assert_true(is_new(instance));
      }
      pool_end(&rig);
    }
  }
}

/* ---- Memory that runs out: in a child, whose address space is then full but for what malloc has in reserve (64 MiB) ---- */

static wasm_trap_t *on_fill_up(wasi_light_instance_t *instance, void *data, const wasm_val_t *args,
                               wasm_val_t *results) {
  struct rlimit limit = {pool_address_space(), RLIM_INFINITY};
  if (limit.rlim_cur == 0) _exit(3);
  setrlimit(RLIMIT_AS, &limit);
  return NULL;
}

/* Several attempts: they fail in an orderly way, and leave no descriptor. */
static int take_without_memory(pool_rig_t *rig) {
  const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
  size_t descriptors[3];
  for (int attempt = 0; attempt < 3; attempt++) {
    wasi_light_error_t error = {.code = WASI_LIGHT_ERROR_OK};
    wasi_light_instance_t *instance = wasi_light_pool_take(rig->pool, NULL, &error);
    setrlimit(RLIMIT_AS, &none);
    if (instance) return 1;
    if (error.code != WASI_LIGHT_ERROR_OUT_OF_MEMORY) return 2;
    descriptors[attempt] = pool_descriptors();
  }
  if (descriptors[2] != descriptors[0]) return 4;
  wasi_light_pool_delete(rig->pool);
  return 0;
}

static void expect_orderly_failure(const char *wat, const wasi_light_options_t *wasi) {
  static const rig_func_t funcs[] = {{"fill_up", "()", on_fill_up, NULL}};
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  int status = -1;
  pool_rig_t rig;
  options.warm_up = "fill_up";
  wasi_light_linker_t *linker = rig_linker(funcs, 1);
  pool_start(&rig, rig_module(wat, linker), wasi, &options);
  wasi_light_linker_delete(linker);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) _exit(take_without_memory(&rig));
  assert_int_equal(waitpid(child, &status, 0), child);
  if (WIFSIGNALED(status)) fail_msg("the process died of signal %d", WTERMSIG(status));
  if (WEXITSTATUS(status) == 1) fail_msg("an instance was made, though there is no memory for its snapshot");
  if (WEXITSTATUS(status) == 4) fail_msg("attempts that failed left descriptors");
  assert_int_equal(status, 0);
  pool_end(&rig);
}

#define FILL_UP "(import \"env\" \"fill_up\" (func $f)) (export \"fill_up\" (func $f))"

static void test_no_memory_for_the_image(void **state) {
  if (pool_sanitized()) skip(); /* its allocator stops the process instead */
  expect_orderly_failure("(module " FILL_UP "(memory (export \"memory\") 1200))", NULL);
}

/* The first of two captured streams can be saved, the second cannot. */
static void test_no_memory_for_the_streams(void **state) {
  wasi_light_options_t wasi = WASI_LIGHT_OPTIONS_INIT;
  if (pool_sanitized()) skip();
  wasi.out = wasi.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 72 << 20};
  expect_orderly_failure(
      "(module (import \"wasi_snapshot_preview1\" \"fd_write\" (func $w (param i32 i32 i32 i32) (result i32)))" FILL_UP
      "(memory (export \"memory\") 1200)"
      "(func (export \"_initialize\") (i32.store (i32.const 4) (i32.const 8))"
      "(drop (call $w (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))"
      "(i32.store (i32.const 4) (i32.const 75497472))"
      "(drop (call $w (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 16)))))",
      &wasi);
}

/* ---- Descriptors that run out, between the making of the pool and its first instance ---- */

static void test_no_descriptors(void **state) {
  struct rlimit limit;
  pool_rig_t rig;
  pool_start_wat(&rig, GUEST, NULL);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  struct rlimit none = {0, limit.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  wasi_light_instance_t *instances[2] = {wasi_light_pool_take(rig.pool, NULL, NULL),
                                         wasi_light_pool_take(rig.pool, NULL, NULL)};
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
  for (int lease = 0; lease < 3; lease++) {
    for (size_t i = 0; i < 2; i++) {
      if (lease > 0) instances[i] = pool_take(&rig);
      assert_non_null(instances[i]);
      assert_int_equal(pool_i32(instances[i], "dirty", ARGS(I32(4000))), 1);
    }
    for (size_t i = 0; i < 2; i++) {
      pool_return(&rig, instances[i]);
      assert_true(is_new(instances[i]));
    }
  }
  assert_int_equal(pool_stats(&rig).method, WASI_LIGHT_RESET_COPY); /* what is in use, not what would have been */
  pool_end(&rig);
}

/* ---- Threads ---- */

typedef struct worker_t {
  pool_rig_t *rig; /* of the module */
  pthread_t thread;
  uint64_t seed;
  int leases;
  int failed; /* what went wrong; no cmocka in a thread */
} worker_t;

static int work(worker_t *worker, wasi_light_pool_t *pool, pool_random_t *random) {
  static const char *const ends[] = {"crash", "quit", "deep", "grow"};
  wasi_light_instance_t *taken[3] = {NULL, NULL, NULL};
  for (int lease = 0; lease < worker->leases; lease++) {
    wasi_light_instance_t **place = &taken[pool_below(random, 3)];
    wasm_val_t result = I32(0);
    if (*place) {
      if (!wasi_light_pool_give(pool, *place, NULL)) return 1;
      *place = NULL;
      continue;
    }
    *place = wasi_light_pool_take(pool, NULL, NULL);
    if (!*place) return 2;
    if (!is_new(*place)) return 3;
    wasm_val_t step = I32((int32_t)(4 + 4 * pool_below(random, 4000)));
    if (wasi_light_call_name(*place, "dirty", &step, 1, &result, 1).kind != WASI_LIGHT_RETURNED || result.of.i32 != 1)
      return 4;
    if (pool_below(random, 3) == 0) wasi_light_call_name(*place, ends[pool_below(random, 4)], NULL, 0, NULL, 0);
  }
  return 0;
}

static void *run_worker(void *data) {
  worker_t *worker = data;
  pool_random_t random = {worker->seed};
  wasi_light_pool_t *pool = wasi_light_pool_new(worker->rig->module, worker->rig->config, NULL, NULL);
  worker->failed = pool ? work(worker, pool, &random) : 9;
  wasi_light_pool_delete(pool);
  return NULL;
}

static void test_a_pool_for_each_thread(void **state) {
  enum { THREADS = 3 };
  worker_t workers[THREADS];
  pool_rig_t rig;
  pool_start_wat(&rig, GUEST, NULL);
  for (size_t i = 0; i < THREADS; i++) {
    workers[i] = (worker_t){.rig = &rig, .seed = i, .leases = 3000, .failed = -1};
    assert_int_equal(pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]), 0);
  }
  for (size_t i = 0; i < THREADS; i++) pthread_join(workers[i].thread, NULL);
  for (size_t i = 0; i < THREADS; i++) assert_int_equal(workers[i].failed, 0);
  pool_end(&rig);
}

/* ---- Nothing adds up ---- */

typedef struct process_t {
  size_t descriptors, mappings, resident;
} process_t;

static process_t look(void) {
  return (process_t){pool_descriptors(), pool_mappings(), pool_resident()};
}

static void expect_flat(process_t before, const char *what) {
  process_t after = look();
  print_message("%s: %zu -> %zu descriptors, %zu -> %zu mappings, %zu -> %zu KiB resident\n", what, before.descriptors,
                after.descriptors, before.mappings, after.mappings, before.resident / 1024, after.resident / 1024);
  assert_int_equal(after.descriptors, before.descriptors);
  if (pool_sanitized()) return;
  assert_in_range(after.mappings, 0, before.mappings + 8);
  assert_in_range(after.resident, 0, before.resident + (2 << 20));
}

static void test_recycling_adds_nothing_up(void **state) {
  size_t cycles = pool_times("WASI_LIGHT_TEST_CYCLES", 100000);
  for (size_t m = 0; m < POOL_METHODS; m++) {
    wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
    pool_rig_t rig;
    if (!pool_can(pool_methods[m], &options)) continue;
    pool_start(&rig, pool_guest("c_reactor"), NULL, &options);
    const wasi_light_func_t *count = wasi_light_module_func(rig.module, "count");
    const wasi_light_func_t *sum = wasi_light_module_func(rig.module, "sum");
    process_t before = {0, 0, 0};
    for (size_t i = 0; i < cycles + 1000; i++) {
      wasm_val_t result = I32(0);
      wasi_light_instance_t *instance = wasi_light_pool_take(rig.pool, NULL, NULL);
      assert_int_equal(wasi_light_call(instance, count, NULL, 0, &result, 1).kind, WASI_LIGHT_RETURNED);
      assert_int_equal(result.of.i32, 1);
      if (i % 16 == 0) wasi_light_call(instance, sum, &I32(1000), 1, &result, 1);
      assert_true(wasi_light_pool_give(rig.pool, instance, NULL));
      if (i == 1000) before = look(); /* whatever is made once has been made */
    }
    expect_flat(before, pool_method_name(pool_methods[m]));
    pool_end(&rig);
  }
}

/* Instances that are replaced: those that grew, and all of a module that cannot be recycled. */
static void test_replacing_adds_nothing_up(void **state) {
  size_t cycles = pool_times("WASI_LIGHT_TEST_CYCLES", 100000) / 20;
  static const char *const wats[] = {
      GUEST,
      "(module (memory (export \"memory\") 6) (table 1 funcref) (func (export \"grow\") (table.set 0 (i32.const 0)"
      "(ref.null func))))"};
  for (size_t k = 0; k < COUNT(wats); k++) {
    pool_rig_t rig;
    process_t before = {0, 0, 0};
    pool_start_wat(&rig, wats[k], NULL);
    for (size_t i = 0; i < cycles + 200; i++) {
      wasi_light_instance_t *instance = wasi_light_pool_take(rig.pool, NULL, NULL);
      assert_non_null(instance);
      pool_call(instance, "grow", NO_ARGS);
      assert_true(wasi_light_pool_give(rig.pool, instance, NULL));
      if (i == 200) before = look();
    }
    expect_flat(before, k == 0 ? "grown" : "not recyclable");
    pool_end(&rig);
  }
}

/* Traps and exits: the engine keeps nothing of them. */
static void test_traps_add_nothing_up(void **state) {
  size_t cycles = pool_times("WASI_LIGHT_TEST_CYCLES", 100000) / 5;
  pool_rig_t rig;
  process_t before = {0, 0, 0};
  pool_start_wat(&rig, GUEST, NULL);
  for (size_t i = 0; i < cycles + 1000; i++) {
    static const char *const ends[] = {"crash", "quit"};
    wasi_light_instance_t *instance = wasi_light_pool_take(rig.pool, NULL, NULL);
    assert_int_not_equal(pool_try(instance, ends[i % 2], NO_ARGS).kind, WASI_LIGHT_RETURNED);
    assert_true(wasi_light_pool_give(rig.pool, instance, NULL));
    if (i == 1000) before = look();
  }
  expect_flat(before, "traps and exits");
  pool_end(&rig);
}

/* Pools that come and go. */
static void test_pools_add_nothing_up(void **state) {
  size_t cycles = pool_times("WASI_LIGHT_TEST_CYCLES", 100000) / 200;
  wasi_light_config_t *config = rig_config(NULL);
  wasi_light_module_t *module = rig_module(GUEST, NULL);
  process_t before = {0, 0, 0};
  for (size_t i = 0; i < cycles + 50; i++) {
    wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
    options.warm = 1 + i % 3;
    options.reset = pool_methods[i % POOL_METHODS];
    wasi_light_pool_t *pool = wasi_light_pool_new(module, config, &options, NULL);
    assert_non_null(pool);
    wasi_light_instance_t *instance = wasi_light_pool_take(pool, NULL, NULL);
    pool_call(instance, "dirty", ARGS(I32(4000)));
    if (i % 2) assert_true(wasi_light_pool_give(pool, instance, NULL));
    wasi_light_pool_delete(pool);
    if (i == 50) before = look();
  }
  expect_flat(before, "pools");
  wasi_light_module_delete(module);
  wasi_light_config_delete(config);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_fork_between_take_and_give),
    cmocka_unit_test(test_fork_of_a_fork),
    cmocka_unit_test(test_locked_memory),
    cmocka_unit_test(test_no_memory_for_the_image),
    cmocka_unit_test(test_no_memory_for_the_streams),
    cmocka_unit_test(test_no_descriptors),
    cmocka_unit_test(test_a_pool_for_each_thread),
    cmocka_unit_test(test_recycling_adds_nothing_up),
    cmocka_unit_test(test_replacing_adds_nothing_up),
    cmocka_unit_test(test_traps_add_nothing_up),
    cmocka_unit_test(test_pools_add_nothing_up),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
