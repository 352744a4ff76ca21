/* SPDX-License-Identifier: MIT */
/* Calls of metered modules: what they cost, that they end, and what an instance is afterwards. */
#include <pthread.h>

#include "wasm_rig.h"

static wasi_light_module_t *metered(const char *wat, uint64_t points, const wasi_light_linker_t *linker) {
  wasi_light_limits_t limits = WASI_LIGHT_LIMITS_INIT;
  wasi_light_error_t error;
  rig_bytes_t bytes = rig_assemble(wat);
  limits.points_per_call = points;
  wasi_light_module_t *module = wasi_light_module_new(rig_engine(), bytes.data, bytes.size, linker, &limits, &error);
  if (!module) fail_msg("%s: %s", wat, error.message);
  rig_bytes_end(&bytes);
  return module;
}

static void start(rig_t *rig, const char *wat, uint64_t points) {
  rig_start_module(rig, metered(wat, points, NULL), NULL, NULL);
}

static void start_funcs(rig_t *rig, const char *wat, uint64_t points, const rig_func_t *funcs, size_t count,
                        void *host) {
  wasi_light_linker_t *linker = rig_linker(funcs, count);
  rig_start_module(rig, metered(wat, points, linker), NULL, host);
  wasi_light_linker_delete(linker);
}

static uint64_t used(const rig_t *rig) {
  return wasi_light_instance_points_used(rig->instance);
}

/* ---- Loops ------------------------------------------------------------------------------------------- */

static void test_loops_come_back(void **state) {
  static const char *const bodies[] = {
      "loop br 0 end",
      "loop i32.const 1 br_if 0 end",
      "loop i32.const 1 br_table 0 0 end",
      "loop block br 1 end end",
      "loop i32.const 1 if br 1 end end",
      "loop i32.const 0 if else br 1 end end",
      "loop nop nop block end call 1 br 0 end",
      "loop i32.const 0 call_indirect br 0 end",
      "loop loop i32.const 0 br_if 0 end br 0 end",
      "call 2",
      "loop i32.const 0 i32.const 0 i32.const 65536 memory.fill br 0 end",
      "loop i32.const 0 memory.grow drop br 0 end",
  };
  for (size_t i = 0; i < COUNT(bodies); i++) {
    char wat[512];
    rig_t rig;
    snprintf(wat, sizeof wat,
             "(module (memory 1) (table funcref (elem 1)) (func (export \"f\") %s) (func)"
             "(func (loop (br_if 0 (i32.const 1))) call 0))",
             bodies[i]);
    start(&rig, wat, 100000);
    for (uint64_t calls = 1; calls <= 2; calls++) {
      ASSERT_OUTCOME(rig_try(&rig, "f", NO_ARGS), LIMIT, "the guest used up its 100000 points of a call");
      assert_int_equal(used(&rig), calls * 100000);
    }
    rig_end(&rig);
  }
}

/* Recursion ends at one of the two: with many points the stack is full first. */
static void test_recursion_comes_back(void **state) {
  rig_t rig;
  start(&rig, "(module (func $f (export \"f\") call $f))", 1000);
  ASSERT_OUTCOME(rig_try(&rig, "f", NO_ARGS), LIMIT, "1000 points");
  assert_true(wasi_light_instance_set_points(rig.instance, UINT64_MAX));
  ASSERT_OUTCOME(rig_try(&rig, "f", NO_ARGS), TRAPPED, "stack");
  rig_end(&rig);
}

/* ---- Costs ------------------------------------------------------------------------------------------- */

/* What a call of a function with this body uses: all of its instructions, the last `end` included. */
static const struct {
  const char *body;
  uint64_t points;
} costs[] = {
    {"", 1},
    {"nop", 2},
    {"nop nop nop nop nop nop nop nop nop nop", 11},
    {"i32.const 1 i32.const 2 i32.add drop", 5},
    {"return", 1},
    {"block end", 3},
    {"block br 0 nop nop end", 3}, /* what is jumped over costs nothing */
    {"i32.const 1 if nop nop end", 6},
    {"i32.const 0 if nop nop end", 3},
    {"i32.const 1 if nop else nop nop nop end", 5},
    {"i32.const 0 if nop else nop nop nop end", 7},
    {"(local i32) loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 10))) end",
     1 + 10 * 7 + 2},
    {"call 1", 1 + 3 + 1},
    {"i32.const 0 call_indirect", 2 + 3 + 1},
    {"i32.const 0 i32.load drop i32.const 0 i32.const 1 i32.store", 7},
    {"i32.const 0 memory.grow drop", 1 + 100 + 2},
    {"i32.const 0 i32.const 0 i32.const 65536 memory.fill", 3 + 100 + 1},
    {"i32.const 0 i32.const 0 i32.const 0 memory.copy", 3 + 100 + 1},
    {"i32.const 0 i32.const 0 i32.const 0 memory.init 0", 3 + 100 + 1},
    {"i32.const 0 i32.const 0 i32.const 0 table.init 0", 3 + 100 + 1},
    {"i32.const 0 i32.const 0 i32.const 0 table.copy", 3 + 100 + 1},
    {"i32.const 0 ref.null func i32.const 0 table.fill 0", 3 + 100 + 1},
    {"ref.null func i32.const 0 table.grow 0 drop", 2 + 100 + 2},
    {"memory.size table.size 0 drop drop data.drop 0 elem.drop 0", 7},
};

static void test_costs(void **state) {
  for (size_t i = 0; i < COUNT(costs); i++) {
    char wat[512];
    rig_t rig;
    snprintf(wat, sizeof wat,
             "(module (memory 1) (table funcref (elem 1)) (elem func 1) (data \"x\") (func (export \"f\") %s)"
             "(func nop nop))",
             costs[i].body);
    start(&rig, wat, costs[i].points);
    assert_int_equal(used(&rig), 0);
    ASSERT_OUTCOME(rig_try(&rig, "f", NO_ARGS), RETURNED, "");
    if (used(&rig) != costs[i].points) fail_msg("%s used %u", costs[i].body, (unsigned)used(&rig));
    if (costs[i].points > 1) {
      assert_true(wasi_light_instance_set_points(rig.instance, costs[i].points - 1));
      ASSERT_OUTCOME(rig_try(&rig, "f", NO_ARGS), LIMIT, "points of a call");
      assert_int_equal(used(&rig), 2 * costs[i].points - 1);
    }
    rig_end(&rig);
  }
}

/* Points are there anew for each call, and calls are added up. */
static void test_each_call_begins_anew(void **state) {
  rig_t rig;
  start(&rig, "(module (func (export \"f\") (param i32) (result i32) local.get 0))", 2);
  for (int32_t i = 1; i <= 100; i++) {
    assert_int_equal(rig_call(&rig, "f", ARGS(I32(i))).of.i32, i);
    assert_int_equal(used(&rig), 2 * i);
  }
  assert_int_equal(rig_try(&rig, "f", NO_ARGS).kind, WASI_LIGHT_REFUSED);
  assert_int_equal(used(&rig), 200);
  rig_end(&rig);
}

/* ---- Other ends -------------------------------------------------------------------------------------- */

#define ENDS                                                                             \
  "(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))"   \
  "(memory (export \"memory\") 1) (global $n (export \"n\") (mut i32) (i32.const 0))"    \
  "(func (export \"trap\") unreachable) (func (export \"quit\") i32.const 7 call $exit)" \
  "(func (export \"fault\") i32.const -1 i32.load drop)"                                 \
  "(func (export \"count\") (global.set $n (i32.add (global.get $n) (i32.const 1))))"    \
  "(func (export \"loop\") (loop (global.set $n (i32.add (global.get $n) (i32.const 1))) br 0)))"

static void test_other_ends_stay_what_they_are(void **state) {
  rig_t rig;
  start(&rig, ENDS, 1000);
  ASSERT_OUTCOME(rig_try(&rig, "trap", NO_ARGS), TRAPPED, "unreachable");
  ASSERT_OUTCOME(rig_try(&rig, "fault", NO_ARGS), TRAPPED, "out of bounds");
  ASSERT_OUTCOME(rig_try(&rig, "loop", NO_ARGS), LIMIT, "1000 points");
  ASSERT_OUTCOME(rig_try(&rig, "trap", NO_ARGS), TRAPPED, "unreachable");
  assert_true(wasi_light_instance_set_points(rig.instance, 1));
  ASSERT_OUTCOME(rig_try(&rig, "trap", NO_ARGS), TRAPPED, "unreachable"); /* nothing was to be paid before it */
  ASSERT_OUTCOME(rig_try(&rig, "quit", NO_ARGS), LIMIT, "");
  assert_true(wasi_light_instance_set_points(rig.instance, 3));
  ASSERT_EXITED(rig_try(&rig, "quit", NO_ARGS), 7);
  ASSERT_EXITED(rig_try(&rig, "loop", NO_ARGS), 7);
  rig_end(&rig);
}

static void test_calls_after_running_out(void **state) {
  rig_t rig;
  start(&rig, ENDS, 6005);
  ASSERT_OUTCOME(rig_try(&rig, "loop", NO_ARGS), LIMIT, "6005 points");
  int32_t n = rig_global(&rig, "n").of.i32;
  assert_in_range(n, 6005 / 5 - 2, 6005 / 5); /* what it did is there */
  ASSERT_OUTCOME(rig_try(&rig, "count", NO_ARGS), RETURNED, "");
  assert_int_equal(rig_global(&rig, "n").of.i32, n + 1);
  assert_int_equal(used(&rig), 6005 + 5);
  rig_end(&rig);
}

/* ---- Start-up ---------------------------------------------------------------------------------------- */

static void expect_limit(const char *wat, uint64_t points, const char *message) {
  wasi_light_error_t error;
  wasi_light_module_t *module = metered(wat, points, NULL);
  wasi_light_config_t *config = rig_config(NULL);
  assert_null(wasi_light_instance_new(module, config, NULL, &error));
  wasi_light_config_delete(config);
  wasi_light_module_delete(module);
  ASSERT_ERROR(error, LIMIT, message);
}

static void test_start_up(void **state) {
  static const char loop[] = "(module (func (export \"_initialize\") (loop br 0)))";
  static const char both[] =
      "(module (func $s nop nop nop) (start $s) (func (export \"_initialize\") nop) (func (export \"f\") nop nop))";
  rig_t rig;
  expect_limit(loop, 5000, "_initialize: the guest used up its 5000 points of a call");
  expect_limit("(module (func $s (loop br 0)) (start $s))", 5000,
               "the start section: the guest used up its 5000 points of a call");
  expect_limit(both, 3, "the start section");
  start(&rig, both, 4); /* each has as many */
  assert_int_equal(used(&rig), 4 + 2);
  ASSERT_OUTCOME(rig_try(&rig, "f", NO_ARGS), RETURNED, "");
  assert_int_equal(used(&rig), 4 + 2 + 3);
  rig_end(&rig);
}

/* ---- Calls inside calls ------------------------------------------------------------------------------ */

/* outer: 8 points and what the host function uses; n says how far it came. inner: 2 points, long: 21. */
#define NESTED                                                                                                 \
  "(module (import \"env\" \"host\" (func $host)) (export \"host\" (func $host))"                              \
  "(global $n (export \"n\") (mut i32) (i32.const 0))"                                                         \
  "(func (export \"outer\") call $host (global.set $n (i32.const 1)) block end (global.set $n (i32.const 2)))" \
  "(func (export \"twice\") call $host call $host)"                                                            \
  "(func (export \"inner\") nop) (func (export \"trap\") unreachable)"                                         \
  "(func (export \"long\") nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop nop))"

typedef struct nested_t {
  const char *name; /* what the host function calls */
  const char *trap; /* what it makes of an outcome that is not RETURNED; NULL: nothing */
  wasi_light_outcome_t outcome;
  uint64_t used[2]; /* before and after */
  uint64_t set;     /* not 0: points to set */
} nested_t;

static wasm_trap_t *on_nested(wasi_light_instance_t *instance, void *data, const wasm_val_t *args,
                              wasm_val_t *results) {
  nested_t *nested = wasi_light_instance_host(instance);
  nested->used[0] = wasi_light_instance_points_used(instance);
  if (nested->set) assert_true(wasi_light_instance_set_points(instance, nested->set));
  nested->outcome = wasi_light_call_name(instance, nested->name, NULL, 0, NULL, 0);
  nested->used[1] = wasi_light_instance_points_used(instance);
  if (nested->outcome.kind == WASI_LIGHT_RETURNED || !nested->trap) return NULL;
  return wasi_light_trap(instance, "%s", nested->trap);
}

static const rig_func_t nested_funcs[] = {{"host", "()", on_nested, NULL}};

static void start_nested(rig_t *rig, nested_t *nested, uint64_t points) {
  start_funcs(rig, NESTED, points, nested_funcs, 1, nested);
}

static void test_calls_inside_share_points(void **state) {
  nested_t nested = {.name = "inner"};
  rig_t rig;
  start_nested(&rig, &nested, 10);
  ASSERT_OUTCOME(rig_try(&rig, "outer", NO_ARGS), RETURNED, "");
  ASSERT_OUTCOME(nested.outcome, RETURNED, "");
  assert_int_equal(nested.used[0], 1);
  assert_int_equal(nested.used[1], 3);
  assert_int_equal(used(&rig), 10);
  assert_true(wasi_light_instance_set_points(rig.instance, 9)); /* the inner call is paid, then there are too few */
  ASSERT_OUTCOME(rig_try(&rig, "outer", NO_ARGS), LIMIT, "9 points");
  ASSERT_OUTCOME(nested.outcome, RETURNED, "");
  assert_int_equal(used(&rig), 19);
  rig_end(&rig);
}

/* 10 points, of which 9 are left after the inner call did not get its 21: it is stopped all the same, at the end of the block. */
static void test_a_swallowed_end_buys_nothing(void **state) {
  nested_t nested = {.name = "long"};
  rig_t rig;
  start_nested(&rig, &nested, 10);
  ASSERT_OUTCOME(rig_try(&rig, "outer", NO_ARGS), LIMIT, "10 points");
  ASSERT_OUTCOME(nested.outcome, LIMIT, "10 points");
  assert_int_equal(rig_global(&rig, "n").of.i32, 1);
  assert_int_equal(nested.used[1], 10);
  assert_int_equal(used(&rig), 10);
  ASSERT_OUTCOME(rig_try(&rig, "twice", NO_ARGS), LIMIT, "10 points");
  assert_int_equal(nested.used[0], 11); /* the host function was not called a second time */
  ASSERT_OUTCOME(rig_try(&rig, "inner", NO_ARGS), RETURNED, "");
  assert_int_equal(used(&rig), 22);
  rig_end(&rig);
}

/* LIMIT is told also if the host function made a trap of its own; a trap without that is a trap. */
static void test_traps_of_host_functions(void **state) {
  nested_t nested = {.name = "long", .trap = "the host is not pleased"};
  rig_t rig;
  start_nested(&rig, &nested, 10);
  ASSERT_OUTCOME(rig_try(&rig, "outer", NO_ARGS), LIMIT, "10 points");
  nested.name = "trap";
  ASSERT_OUTCOME(rig_try(&rig, "outer", NO_ARGS), TRAPPED, "the host is not pleased");
  ASSERT_OUTCOME(nested.outcome, TRAPPED, "unreachable");
  nested.trap = NULL;
  ASSERT_OUTCOME(rig_try(&rig, "outer", NO_ARGS), RETURNED, "");
  rig_end(&rig);
}

/* An import that is an export: the host calls itself, and what runs out in it is its own affair. */
static void test_a_host_function_called_by_its_host(void **state) {
  nested_t nested = {.name = "long"};
  rig_t rig;
  start_nested(&rig, &nested, 10);
  ASSERT_OUTCOME(rig_try(&rig, "host", NO_ARGS), RETURNED, "");
  ASSERT_OUTCOME(nested.outcome, LIMIT, "10 points");
  assert_int_equal(used(&rig), 10);
  assert_true(wasi_light_instance_set_points(rig.instance, UINT64_MAX)); /* no number of them means something else */
  nested.name = "missing";
  nested.trap = "it is not there";
  ASSERT_OUTCOME(rig_try(&rig, "host", NO_ARGS), TRAPPED, "it is not there");
  assert_int_equal(used(&rig), 10);
  nested.name = "inner";
  ASSERT_OUTCOME(rig_try(&rig, "host", NO_ARGS), RETURNED, "");
  ASSERT_OUTCOME(nested.outcome, RETURNED, "");
  assert_int_equal(nested.used[0], 10);
  assert_int_equal(used(&rig), 12);
  rig_end(&rig);
}

/* ---- Setting points ---------------------------------------------------------------------------------- */

static void test_set_points(void **state) {
  rig_t rig;
  start(&rig, ENDS, 100);
  assert_false(wasi_light_instance_set_points(rig.instance, 0));
  ASSERT_OUTCOME(rig_try(&rig, "loop", NO_ARGS), LIMIT, "its 100 points");
  assert_true(wasi_light_instance_set_points(rig.instance, 5));
  ASSERT_OUTCOME(rig_try(&rig, "count", NO_ARGS), RETURNED, "");
  ASSERT_OUTCOME(rig_try(&rig, "loop", NO_ARGS), LIMIT, "its 5 points");
  assert_true(wasi_light_instance_set_points(rig.instance, UINT64_MAX));
  ASSERT_OUTCOME(rig_try(&rig, "count", NO_ARGS), RETURNED, "");
  assert_int_equal(used(&rig), 100 + 5 + 5 + 5);
  rig_end(&rig);
}

static void test_set_points_in_a_call(void **state) {
  nested_t nested = {.name = "long", .set = 1000};
  rig_t rig;
  start_nested(&rig, &nested, 10);
  ASSERT_OUTCOME(rig_try(&rig, "outer", NO_ARGS), LIMIT, "its 10 points"); /* that call keeps its own */
  assert_int_equal(used(&rig), 10);
  ASSERT_OUTCOME(rig_try(&rig, "outer", NO_ARGS), RETURNED, "");
  assert_int_equal(used(&rig), 10 + 29);
  rig_end(&rig);
}

static void test_a_module_that_is_not_metered(void **state) {
  rig_t rig;
  rig_start(&rig, ENDS, NULL, 0);
  assert_false(wasi_light_instance_set_points(rig.instance, 1));
  ASSERT_OUTCOME(rig_try(&rig, "count", NO_ARGS), RETURNED, "");
  assert_int_equal(used(&rig), 0);
  rig_end(&rig);
}

/* Calls past this library have no points, before the first call as after others. */
static void test_calls_past_the_library(void **state) {
  wasm_extern_vec_t exports;
  wasm_val_vec_t none = WASM_EMPTY_VEC;
  rig_t rig;
  start(&rig, "(module (func (export \"f\") nop))", 100);
  wasm_instance_exports(wasi_light_instance_wasm(rig.instance), &exports);
  for (int i = 0; i < 3; i++) {
    wasm_trap_t *trap = wasm_func_call(wasm_extern_as_func(exports.data[0]), &none, &none);
    assert_non_null(trap);
    wasm_trap_delete(trap);
    ASSERT_OUTCOME(rig_try(&rig, "f", NO_ARGS), RETURNED, "");
  }
  assert_int_equal(used(&rig), 6);
  wasm_extern_vec_delete(&exports);
  rig_end(&rig);
}

/* ---- Threads ----------------------------------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 40 };

typedef struct worker_t {
  wasi_light_module_t *module; /* shared by all */
  wasi_light_config_t *config;
  rig_bytes_t bytes;
  wasm_engine_t *engine;
  uint64_t points;
  const char *failure; /* NULL: none. cmocka's assertions are for the main thread */
} worker_t;

static const char *use(wasi_light_module_t *module, const worker_t *worker) {
  const char *failure = NULL;
  wasi_light_instance_t *instance = wasi_light_instance_new(module, worker->config, NULL, NULL);
  if (!instance) return "no instance";
  for (int i = 1; i <= 3 && !failure; i++) {
    wasi_light_instance_set_points(instance, worker->points * (uint64_t)i);
    if (wasi_light_call_name(instance, "loop", NO_ARGS, NULL, 0).kind != WASI_LIGHT_LIMIT) failure = "no limit";
    if (wasi_light_call_name(instance, "count", NO_ARGS, NULL, 0).kind != WASI_LIGHT_RETURNED) failure = "no return";
  }
  if (wasi_light_instance_points_used(instance) != 6 * worker->points + 15) failure = "another number of points";
  wasi_light_instance_delete(instance);
  return failure;
}

static void *work(void *data) {
  worker_t *worker = data;
  wasi_light_limits_t limits = WASI_LIGHT_LIMITS_INIT;
  limits.points_per_call = worker->points;
  for (int round = 0; round < ROUNDS && !worker->failure; round++) {
    worker->failure = use(worker->module, worker);
    wasi_light_module_t *own_module =
        wasi_light_module_new(worker->engine, worker->bytes.data, worker->bytes.size, NULL, &limits, NULL);
    if (own_module && !worker->failure) worker->failure = use(own_module, worker);
    if (!own_module) worker->failure = "no module";
    wasi_light_module_delete(own_module);
  }
  return NULL;
}

/* One metered module for all, and others that each makes meanwhile. */
static void test_threads(void **state) {
  pthread_t threads[THREADS];
  worker_t workers[THREADS];
  wasm_engine_t *engine = rig_engine();
  wasi_light_module_t *module = metered(ENDS, 1, NULL);
  wasi_light_config_t *config = rig_config(NULL);
  rig_bytes_t bytes = rig_assemble(ENDS);
  for (unsigned i = 0; i < THREADS; i++) {
    workers[i] = (worker_t){module, config, bytes, engine, UINT64_C(1000) * (i + 1), NULL};
    assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    if (workers[i].failure) fail_msg("thread %d: %s", i, workers[i].failure);
  }
  rig_bytes_end(&bytes);
  wasi_light_config_delete(config);
  wasi_light_module_delete(module);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_loops_come_back),
    cmocka_unit_test(test_recursion_comes_back),
    cmocka_unit_test(test_costs),
    cmocka_unit_test(test_each_call_begins_anew),
    cmocka_unit_test(test_other_ends_stay_what_they_are),
    cmocka_unit_test(test_calls_after_running_out),
    cmocka_unit_test(test_start_up),
    cmocka_unit_test(test_calls_inside_share_points),
    cmocka_unit_test(test_a_swallowed_end_buys_nothing),
    cmocka_unit_test(test_traps_of_host_functions),
    cmocka_unit_test(test_a_host_function_called_by_its_host),
    cmocka_unit_test(test_set_points),
    cmocka_unit_test(test_set_points_in_a_call),
    cmocka_unit_test(test_a_module_that_is_not_metered),
    cmocka_unit_test(test_calls_past_the_library),
    cmocka_unit_test(test_threads),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
