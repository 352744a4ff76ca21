/* SPDX-License-Identifier: MIT */
/* The linker: what can be registered, and how host functions and memories reach the instances that import them. */
#include "wasm_rig.h"

static wasm_trap_t *do_nothing(wasi_light_instance_t *instance, void *data, const wasm_val_t *args,
                               wasm_val_t *results) {
  return NULL;
}

/* Returns the number that `data` points to. */
static wasm_trap_t *give_number(wasi_light_instance_t *instance, void *data, const wasm_val_t *args,
                                wasm_val_t *results) {
  results[0].of.i32 = *(const int32_t *)data;
  return NULL;
}

/* ---- Registering ---- */

static void test_signatures(void **state) {
  static const char *const good[] = {"()", "(i)", "()i", "(iIfF)", "()FfIi", "(iIfFiIfF)iIfFiIfF"};
  static const char *const bad[] = {"",      "i",     "(",    ")",    "(i",  "i)i",   "(x)",   "(i)x", "((i)",
                                    "(i))i", "(i) i", "( i)", "()i ", "(v)", "(i,i)", "(i)i(", "()\n", "(*)"};
  wasi_light_linker_t *linker = wasi_light_linker_new();
  for (size_t i = 0; i < COUNT(good); i++) {
    if (!wasi_light_linker_func(linker, "good", good[i], good[i], do_nothing, NULL, NULL)) fail_msg("%s", good[i]);
  }
  for (size_t i = 0; i < COUNT(bad); i++) {
    wasi_light_error_t error;
    if (wasi_light_linker_func(linker, "bad", "name", bad[i], do_nothing, NULL, &error)) fail_msg("%s", bad[i]);
    ASSERT_ERROR(error, ARGUMENT, "bad.name");
    ASSERT_CONTAINS(error.message, bad[i]);
  }
  assert_true(wasi_light_linker_func(linker, "bad", "name", "()", do_nothing, NULL, NULL)); /* nothing was kept */
  wasi_light_linker_delete(linker);
}

static void test_what_must_not_be_null(void **state) {
  wasi_light_error_t error;
  wasi_light_linker_t *linker = wasi_light_linker_new();
  assert_false(wasi_light_linker_func(NULL, "env", "f", "()", do_nothing, NULL, &error));
  ASSERT_ERROR(error, ARGUMENT, "linker");
  assert_false(wasi_light_linker_func(linker, NULL, "f", "()", do_nothing, NULL, &error));
  ASSERT_ERROR(error, ARGUMENT, "module");
  assert_false(wasi_light_linker_func(linker, "env", NULL, "()", do_nothing, NULL, &error));
  ASSERT_ERROR(error, ARGUMENT, "name");
  assert_false(wasi_light_linker_func(linker, "env", "f", NULL, do_nothing, NULL, &error));
  ASSERT_ERROR(error, ARGUMENT, "env.f");
  assert_false(wasi_light_linker_func(linker, "env", "f", "()", NULL, NULL, &error));
  ASSERT_ERROR(error, ARGUMENT, "callback");
  assert_false(wasi_light_linker_memory(NULL, "env", "m", &error));
  ASSERT_ERROR(error, ARGUMENT, "linker");
  assert_false(wasi_light_linker_memory(linker, NULL, "m", &error));
  ASSERT_ERROR(error, ARGUMENT, "module");
  assert_false(wasi_light_linker_memory(linker, "env", NULL, &error));
  ASSERT_ERROR(error, ARGUMENT, "name");
  assert_false(wasi_light_linker_memory(linker, "env", NULL, NULL));
  wasi_light_linker_delete(linker);
  wasi_light_linker_delete(NULL);
}

static void test_a_name_is_registered_once(void **state) {
  wasi_light_error_t error;
  wasi_light_linker_t *linker = wasi_light_linker_new();
  assert_true(wasi_light_linker_func(linker, "env", "f", "()", do_nothing, NULL, &error));
  assert_true(wasi_light_linker_memory(linker, "env", "m", &error));
  assert_true(wasi_light_linker_func(linker, "env2", "f", "()", do_nothing, NULL, &error));
  assert_true(wasi_light_linker_func(linker, "env", "f2", "()", do_nothing, NULL, &error));
  assert_true(wasi_light_linker_func(linker, "", "", "()", do_nothing, NULL, &error));
  assert_false(wasi_light_linker_func(linker, "env", "f", "(i)i", give_number, NULL, &error));
  ASSERT_ERROR(error, ARGUMENT, "env.f");
  assert_false(wasi_light_linker_func(linker, "env", "m", "()", do_nothing, NULL, &error));
  ASSERT_ERROR(error, ARGUMENT, "env.m");
  assert_false(wasi_light_linker_memory(linker, "env", "f", &error));
  ASSERT_ERROR(error, ARGUMENT, "env.f");
  assert_false(wasi_light_linker_memory(linker, "env", "m", NULL));
  wasi_light_linker_delete(linker);
}

/* The linker copies the texts, and modules made with it need it no more. */
static void test_the_linker_may_go_before_its_modules(void **state) {
  int32_t number = 17;
  char module[] = "env", name[] = "n", signature[] = "()i";
  wasi_light_linker_t *linker = wasi_light_linker_new();
  assert_true(wasi_light_linker_func(linker, module, name, signature, give_number, &number, NULL));
  memset(module, 'x', 3);
  memset(name, 'x', 1);
  memset(signature, 'x', 3);
  wasi_light_module_t *compiled = rig_module("(module (import \"env\" \"n\" (func $n (result i32)))"
                                             "(func (export \"n\") (result i32) (call $n)))",
                                             linker);
  wasi_light_linker_delete(linker);
  rig_t rig;
  rig_start_module(&rig, compiled, NULL, NULL);
  assert_int_equal(rig_call(&rig, "n", NO_ARGS).of.i32, 17);
  rig_end(&rig);
}

static void test_many_functions(void **state) {
  enum { FUNCTIONS = 200 };
  static int32_t numbers[FUNCTIONS];
  static char wat[FUNCTIONS * 64];
  wasi_light_linker_t *linker = wasi_light_linker_new();
  size_t used = (size_t)snprintf(wat, sizeof wat, "(module");
  for (int i = 0; i < FUNCTIONS; i++) {
    char name[16];
    numbers[i] = 1000 + i;
    snprintf(name, sizeof name, "f%d", i);
    assert_true(wasi_light_linker_func(linker, "env", name, "()i", give_number, &numbers[i], NULL));
  }
  for (int i = FUNCTIONS - 1; i >= 0; i--) { /* in another order than they were registered */
    used += (size_t)snprintf(wat + used, sizeof wat - used, "(import \"env\" \"f%d\" (func $f%d (result i32)))", i, i);
  }
  snprintf(wat + used, sizeof wat - used, "%s",
           "(export \"f0\" (func $f0)) (export \"f15\" (func $f15)) (export \"f16\" (func $f16))"
           "(export \"f17\" (func $f17)) (export \"f199\" (func $f199)))");
  rig_t rig;
  rig_start_module(&rig, rig_module(wat, linker), NULL, NULL);
  assert_int_equal(rig_call(&rig, "f0", NO_ARGS).of.i32, 1000);
  assert_int_equal(rig_call(&rig, "f15", NO_ARGS).of.i32, 1015);
  assert_int_equal(rig_call(&rig, "f16", NO_ARGS).of.i32, 1016);
  assert_int_equal(rig_call(&rig, "f17", NO_ARGS).of.i32, 1017);
  assert_int_equal(rig_call(&rig, "f199", NO_ARGS).of.i32, 1199);
  rig_end(&rig);
  wasi_light_linker_delete(linker);
}

/* ---- Host functions ---- */

static wasm_trap_t *turn_round(wasi_light_instance_t *instance, void *data, const wasm_val_t *args,
                               wasm_val_t *results) {
  static const wasm_valkind_t kinds[] = {WASM_I32, WASM_I64, WASM_F32, WASM_F64};
  bool *right = data;
  *right = true;
  for (int i = 0; i < 4; i++) {
    *right = *right && args[i].kind == kinds[i] && results[i].kind == kinds[3 - i] && results[i].of.i64 == 0;
  }
  results[0].of.f64 = args[3].of.f64;
  results[1].of.f32 = args[2].of.f32;
  results[2].of.i64 = args[1].of.i64;
  results[3].of.i32 = args[0].of.i32;
  return NULL;
}

static void test_arguments_and_results_of_all_kinds(void **state) {
  bool right = false;
  const rig_func_t funcs[] = {{"turn", "(iIfF)FfIi", turn_round, &right}};
  wasm_val_t results[4];
  rig_t rig;
  rig_start(&rig,
            "(module (import \"env\" \"turn\" (func $turn (param i32 i64 f32 f64) (result f64 f32 i64 i32)))"
            "(func (export \"turn\") (param i32 i64 f32 f64) (result f64 f32 i64 i32)"
            "  (call $turn (local.get 0) (local.get 1) (local.get 2) (local.get 3))))",
            funcs, 1);
  ASSERT_OUTCOME(
      wasi_light_call_name(rig.instance, "turn", ARGS(I32(-5), I64(INT64_MIN), F32(0.5F), F64(-1e300)), results, 4),
      RETURNED, "");
  assert_true(right);
  assert_int_equal(results[0].kind, WASM_F64);
  assert_true(results[0].of.f64 == -1e300);
  assert_int_equal(results[1].kind, WASM_F32);
  assert_true(results[1].of.f32 == 0.5F);
  assert_int_equal(results[2].kind, WASM_I64);
  assert_int_equal(results[2].of.i64, INT64_MIN);
  assert_int_equal(results[3].kind, WASM_I32);
  assert_int_equal(results[3].of.i32, -5);
  rig_end(&rig);
}

/* A result that the callback does not write is zero, whatever was there. */
static void test_results_that_are_not_written(void **state) {
  const rig_func_t funcs[] = {{"lazy", "(i)IFi", do_nothing, NULL}};
  wasm_val_t results[] = {I64(7), F64(7), I32(7)};
  rig_t rig;
  rig_start(&rig,
            "(module (import \"env\" \"lazy\" (func $lazy (param i32) (result i64 f64 i32)))"
            "(func (export \"lazy\") (result i64 f64 i32) (call $lazy (i32.const 7))))",
            funcs, 1);
  ASSERT_OUTCOME(wasi_light_call_name(rig.instance, "lazy", NO_ARGS, results, 3), RETURNED, "");
  assert_int_equal(results[0].of.i64, 0);
  assert_true(results[1].of.f64 == 0);
  assert_int_equal(results[2].of.i32, 0);
  rig_end(&rig);
}

static wasm_trap_t *add_up(wasi_light_instance_t *instance, void *data, const wasm_val_t *args, wasm_val_t *results) {
  int64_t sum = 0;
  for (int i = 0; i < 20; i++) sum = sum * 3 + args[i].of.i64;
  results[0].of.i64 = sum;
  return NULL;
}

static void test_more_parameters_than_registers(void **state) {
  const rig_func_t funcs[] = {{"sum", "(IIIIIIIIIIIIIIIIIIII)I", add_up, NULL}};
  char wat[1024];
  char types[128] = "";
  char values[512] = "";
  int64_t sum = 0;
  for (int i = 0; i < 20; i++) {
    snprintf(types + strlen(types), sizeof types - strlen(types), " i64");
    snprintf(values + strlen(values), sizeof values - strlen(values), " (i64.const %d)", i * i);
    sum = sum * 3 + (int64_t)i * i;
  }
  snprintf(wat, sizeof wat,
           "(module (import \"env\" \"sum\" (func $sum (param%s) (result i64)))"
           "(func (export \"f\") (result i64) (call $sum%s)))",
           types, values);
  rig_t rig;
  rig_start(&rig, wat, funcs, 1);
  assert_int_equal(rig_call(&rig, "f", NO_ARGS).of.i64, sum);
  rig_end(&rig);
}

/* Which instance calls, and the data of its own registration. */
static wasm_trap_t *who_calls(wasi_light_instance_t *instance, void *data, const wasm_val_t *args,
                              wasm_val_t *results) {
  results[0].of.i32 = *(const int32_t *)wasi_light_instance_host(instance) + *(const int32_t *)data;
  return NULL;
}

static void test_callbacks_get_their_instance_and_their_data(void **state) {
  static int32_t hosts[] = {1, 2, 3};
  static int32_t datas[] = {100, 200};
  const rig_func_t funcs[] = {{"a", "()i", who_calls, &datas[0]}, {"b", "()i", who_calls, &datas[1]}};
  wasi_light_linker_t *linker = rig_linker(funcs, 2);
  wasi_light_module_t *module = rig_module("(module (import \"env\" \"b\" (func $b (result i32)))"
                                           "(import \"env\" \"a\" (func $a (result i32)))"
                                           "(import \"env\" \"b\" (func $again (result i32)))"
                                           "(export \"a\" (func $a)) (export \"b\" (func $b))"
                                           "(func (export \"both\") (result i32) (i32.add (call $a) (call $again))))",
                                           linker);
  rig_t rigs[3];
  for (int i = 0; i < 3; i++) rig_start_module(&rigs[i], wasi_light_module_copy(module), NULL, &hosts[i]);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(rig_call(&rigs[i], "a", NO_ARGS).of.i32, 101 + i);
    assert_int_equal(rig_call(&rigs[i], "b", NO_ARGS).of.i32, 201 + i);
    assert_int_equal(rig_call(&rigs[i], "both", NO_ARGS).of.i32, 302 + 2 * i);
  }
  for (int i = 0; i < 3; i++) rig_end(&rigs[i]);
  wasi_light_module_delete(module);
  wasi_light_linker_delete(linker);
}

static void test_a_host_function_replaces_a_wasi_function(void **state) {
  int32_t number = 77;
  wasi_light_linker_t *linker = wasi_light_linker_new();
  assert_true(
      wasi_light_linker_func(linker, "wasi_snapshot_preview1", "sched_yield", "()i", give_number, &number, NULL));
  rig_t rig;
  rig_start_module(
      &rig,
      rig_module("(module (import \"wasi_snapshot_preview1\" \"sched_yield\" (func $yield (result i32)))"
                 "(import \"wasi_snapshot_preview1\" \"proc_raise\" (func $raise (param i32) (result i32)))"
                 "(func (export \"yield\") (result i32) (call $yield))"
                 "(func (export \"raise\") (result i32) (call $raise (i32.const 6))))",
                 linker),
      NULL, NULL);
  assert_int_equal(rig_call(&rig, "yield", NO_ARGS).of.i32, 77);
  assert_int_equal(rig_call(&rig, "raise", NO_ARGS).of.i32, WASI_LIGHT_ENOTSUP); /* the others stay ours */
  rig_end(&rig);
  wasi_light_linker_delete(linker);
}

/* ---- Memories ---- */

#define MEMORY_GUEST                                                                                                   \
  "(import \"wasi_snapshot_preview1\" \"args_sizes_get\" (func $sizes (param i32 i32) (result i32)))"                  \
  "(import \"env\" \"m\" (memory 1 3))"                                                                                \
  "(func $start (drop (call $sizes (i32.const 0) (i32.const 4)))) (start $start)"                                      \
  "(func (export \"argc\") (result i32) (i32.load (i32.const 0)))"                                                     \
  "(func (export \"swap\") (param i32) (result i32) (i32.load (i32.const 8)) (i32.store (i32.const 8) (local.get 0)))" \
  "(func (export \"grow\") (param i32) (result i32) (memory.grow (local.get 0)))"

/* Each instance gets a memory of its own, as its import declares it, bound before the start section runs. */
static void test_an_imported_memory(void **state) {
  static const char *const args[] = {"p", "q", NULL};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_linker_t *linker = wasi_light_linker_new();
  assert_true(wasi_light_linker_memory(linker, "env", "m", NULL));
  wasi_light_module_t *module = rig_module("(module " MEMORY_GUEST ")", linker);
  options.args = args;
  rig_t rigs[2];
  for (int i = 0; i < 2; i++) rig_start_module(&rigs[i], wasi_light_module_copy(module), &options, NULL);
  assert_int_equal(rig_call(&rigs[0], "swap", ARGS(I32(11))).of.i32, 0);
  assert_int_equal(rig_call(&rigs[1], "swap", ARGS(I32(12))).of.i32, 0);
  assert_int_equal(rig_call(&rigs[0], "swap", ARGS(I32(13))).of.i32, 11);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(rig_call(&rigs[i], "argc", NO_ARGS).of.i32, 2);
    assert_int_equal(*wasi_light_memory(rigs[i].instance, 0, 4), 2); /* the host sees the same memory */
    assert_non_null(wasi_light_memory(rigs[i].instance, 0, 65536));
    assert_null(wasi_light_memory(rigs[i].instance, 0, 65537));
    assert_int_equal(rig_call(&rigs[i], "grow", ARGS(I32(2))).of.i32, 1);
    assert_int_equal(rig_call(&rigs[i], "grow", ARGS(I32(1))).of.i32, -1); /* the declared maximum */
    assert_non_null(wasi_light_memory(rigs[i].instance, 0, 3 * 65536));
  }
  for (int i = 0; i < 2; i++) rig_end(&rigs[i]);
  wasi_light_module_delete(module);
  wasi_light_linker_delete(linker);
}

/* Of an imported and an exported memory the exported one is WASI's; of two imported ones the first. */
static void test_which_memory_is_bound(void **state) {
  static const struct {
    const char *wat;
    uint64_t pages;
  } cases[] = {
      {"(import \"env\" \"m\" (memory 1)) (import \"env\" \"n\" (memory 2))", 1},
      {"(import \"env\" \"n\" (memory 2)) (import \"env\" \"m\" (memory 1))", 2},
      {"(import \"env\" \"m\" (memory 1)) (memory (export \"heap\") 3)", 3},
      {"(import \"env\" \"m\" (memory 1)) (memory (export \"heap\") 3) (memory (export \"memory\") 4)", 4},
      {"(import \"env\" \"m\" (memory 1)) (memory (export \"heap\") 3) (memory (export \"other\") 4)", 1},
      {"(memory (export \"heap\") 3)", 3},
      {"(memory 3)", 0},
  };
  wasi_light_linker_t *linker = wasi_light_linker_new();
  assert_true(wasi_light_linker_memory(linker, "env", "m", NULL));
  assert_true(wasi_light_linker_memory(linker, "env", "n", NULL));
  for (size_t i = 0; i < COUNT(cases); i++) {
    char wat[256];
    rig_t rig;
    snprintf(wat, sizeof wat, "(module %s)", cases[i].wat);
    rig_start_module(&rig, rig_module(wat, linker), NULL, NULL);
    uint64_t size = cases[i].pages * 65536;
    assert_int_equal(wasi_light_memory(rig.instance, 0, size) != NULL, size > 0);
    assert_null(wasi_light_memory(rig.instance, 0, size + 1));
    rig_end(&rig);
  }
  wasi_light_linker_delete(linker);
}

/* ---- What does not fit ---- */

static void test_all_problems_are_one_error(void **state) {
  wasi_light_linker_t *linker = wasi_light_linker_new();
  assert_true(wasi_light_linker_func(linker, "env", "f", "(iI)fF", do_nothing, NULL, NULL));
  assert_true(wasi_light_linker_func(linker, "env", "g", "()", do_nothing, NULL, NULL));
  assert_true(wasi_light_linker_memory(linker, "env", "m", NULL));
  assert_true(wasi_light_linker_func(linker, "wasi_snapshot_preview1", "sched_yield", "()", do_nothing, NULL, NULL));
  wasi_light_error_t error = rig_no_module("(module (import \"env\" \"f\" (func (param i32 i64) (result f64 f32)))"
                                           "(import \"env\" \"f\" (func (param i32 i64) (result f32 f64)))"
                                           "(import \"env\" \"f\" (func (param i32) (result f32 f64)))"
                                           "(import \"env\" \"g\" (global i32))"
                                           "(import \"env\" \"g\" (func (param i32)))"
                                           "(import \"env\" \"g\" (func (result externref)))"
                                           "(import \"env\" \"m\" (func))"
                                           "(import \"env\" \"m\" (table 1 funcref))"
                                           "(import \"env\" \"m\" (memory 1))"
                                           "(import \"env\" \"x\" (memory 1))"
                                           "(import \"wasi_snapshot_preview1\" \"sched_yield\" (func (result i32)))"
                                           "(import \"wasi_snapshot_preview1\" \"proc_exit\" (func)))",
                                           linker);
  ASSERT_ERROR(error, LINK, "");
  assert_string_equal(error.message,
                      "10 of the module's imports cannot be satisfied:"
                      "\n  env.f: wanted function (i32, i64) -> (f64, f32), given function (i32, i64) -> (f32, f64)"
                      "\n  env.f: wanted function (i32) -> (f32, f64), given function (i32, i64) -> (f32, f64)"
                      "\n  env.g: wanted global i32, given function () -> ()"
                      "\n  env.g: wanted function (i32) -> (), given function () -> ()"
                      "\n  env.g: wanted function () -> (externref), given function () -> ()"
                      "\n  env.m: wanted function () -> (), given memory"
                      "\n  env.m: wanted table funcref {min 1}, given memory"
                      "\n  env.x: wanted memory {min 1}, given nothing"
                      "\n  wasi_snapshot_preview1.sched_yield: wanted function () -> (i32), given function () -> ()"
                      "\n  wasi_snapshot_preview1.proc_exit: wanted function () -> (), given function (i32) -> ()");
  wasi_light_linker_delete(linker);
}

static void test_without_a_linker_there_is_wasi_only(void **state) {
  wasi_light_module_t *module =
      rig_module("(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func (param i32))))", NULL);
  wasi_light_module_delete(module);
  wasi_light_error_t error = rig_no_module("(module (import \"env\" \"f\" (func)))", NULL);
  ASSERT_ERROR(error, LINK, "\n  env.f: wanted function () -> (), given nothing");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_signatures),
    cmocka_unit_test(test_what_must_not_be_null),
    cmocka_unit_test(test_a_name_is_registered_once),
    cmocka_unit_test(test_the_linker_may_go_before_its_modules),
    cmocka_unit_test(test_many_functions),
    cmocka_unit_test(test_arguments_and_results_of_all_kinds),
    cmocka_unit_test(test_results_that_are_not_written),
    cmocka_unit_test(test_more_parameters_than_registers),
    cmocka_unit_test(test_callbacks_get_their_instance_and_their_data),
    cmocka_unit_test(test_a_host_function_replaces_a_wasi_function),
    cmocka_unit_test(test_an_imported_memory),
    cmocka_unit_test(test_which_memory_is_bound),
    cmocka_unit_test(test_all_problems_are_one_error),
    cmocka_unit_test(test_without_a_linker_there_is_wasi_only),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
