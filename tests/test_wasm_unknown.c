/* SPDX-License-Identifier: MIT */
/* Imports that nobody gives: refused at once, or traps when they are called. And WASI functions that the host replaced. */
#include "wasm_rig.h"

static wasi_light_linker_t *new_linker(wasi_light_unknown_t policy) {
  wasi_light_linker_t *linker = wasi_light_linker_new();
  assert_non_null(linker);
  wasi_light_linker_unknown(linker, policy);
  return linker;
}

static wasm_trap_t *give_nine(wasi_light_instance_t *instance, void *data, const wasm_val_t *args,
                              wasm_val_t *results) {
  int *calls = data;
  if (calls) ++*calls;
  results[0].of.i32 = 9;
  return NULL;
}

/* An instance of a module whose unknown functions trap. */
static void start(rig_t *rig, const char *wat) {
  wasi_light_linker_t *linker = new_linker(WASI_LIGHT_UNKNOWN_TRAPS);
  assert_true(wasi_light_linker_func(linker, "env", "given", "()i", give_nine, NULL, NULL));
  assert_true(wasi_light_linker_memory(linker, "env", "memory", NULL));
  wasi_light_module_t *module = rig_module(wat, linker);
  wasi_light_linker_delete(linker);
  rig_start_module(rig, module, NULL, NULL);
}

/* `import` is a function that `call` calls. */
#define MODULE(import, call)                                                \
  "(module " import "(import \"env\" \"given\" (func $given (result i32)))" \
  "(global (export \"after\") (mut i32) (i32.const 0))"                     \
  "(func (export \"call\") " call " (global.set 0 (i32.const 1)))"          \
  "(func (export \"given\") (result i32) (call $given)) (func (export \"five\") (result i32) (i32.const 5)))"

static void check_unknown(const char *wat, const char *name) {
  rig_t rig;
  start(&rig, wat);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(rig_call(&rig, "given", NO_ARGS).of.i32, 9);
    assert_int_equal(rig_call(&rig, "five", NO_ARGS).of.i32, 5);
    wasi_light_outcome_t outcome = rig_try(&rig, "call", NO_ARGS);
    ASSERT_OUTCOME(outcome, TRAPPED, name);
    ASSERT_OUTCOME(outcome, TRAPPED, "was called, and the host does not give it");
    assert_int_equal(rig_global(&rig, "after").of.i32, 0);
  }
  rig_end(&rig);
  wasi_light_error_t error = rig_no_module(wat, NULL); /* where they are not to trap */
  ASSERT_ERROR(error, LINK, name);
}

static void test_unknown_functions_trap(void **state) {
  check_unknown(MODULE("(import \"env\" \"missing\" (func $f))", "(call $f)"), "env.missing");
  check_unknown(MODULE("(import \"\" \"lonely\" (func $f))", "(call $f)"), "lonely");
  check_unknown(MODULE("(import \"env\" \"f\" (func $f (param i32 i64 f32 f64) (result f64 i32 i64)))",
                       "(call $f (i32.const 1) (i64.const 2) (f32.const 3) (f64.const 4)) (drop) (drop) (drop)"),
                "env.f");
  check_unknown(MODULE("(import \"wasi_snapshot_preview1\" \"fd_fly\" (func $f (result i32)))", "(drop (call $f))"),
                "wasi_snapshot_preview1.fd_fly");
  check_unknown(
      MODULE("(import \"wasi_snapshot_preview2\" \"proc_exit\" (func $f (param i32)))", "(call $f (i32.const 0))"),
      "wasi_snapshot_preview2.proc_exit");
  check_unknown(MODULE("(import \"a\\07b\" \"c\\0ad\" (func $f))", "(call $f)"), "a?b.c?d");
}

/* A name of ours or of the linker's, but another type. */
static void test_functions_of_another_type_trap(void **state) {
  check_unknown(MODULE("(import \"wasi_snapshot_preview1\" \"sock_accept\" (func $f (param i32 i32) (result i32)))",
                       "(drop (call $f (i32.const 0) (i32.const 0)))"),
                "wasi_snapshot_preview1.sock_accept");
  check_unknown(MODULE("(import \"wasi_unstable\" \"sock_accept\" (func $f (param i32 i32 i32) (result i32)))",
                       "(drop (call $f (i32.const 0) (i32.const 0) (i32.const 0)))"),
                "wasi_unstable.sock_accept");
  check_unknown(
      MODULE("(import \"wasi_snapshot_preview1\" \"proc_exit\" (func $f (param i64)))", "(call $f (i64.const 0))"),
      "wasi_snapshot_preview1.proc_exit");
  check_unknown(MODULE("(import \"env\" \"given\" (func $f (result i64)))", "(drop (call $f))"), "env.given");
  check_unknown(MODULE("(import \"env\" \"memory\" (func $f))", "(call $f)"), "env.memory");
}

/* Those that are given are given, in whatever order they stand among the others. */
static void test_several_functions(void **state) {
  rig_t rig;
  start(&rig, "(module (import \"env\" \"u0\" (func $u0)) (import \"env\" \"given\" (func $given (result i32)))"
              "(import \"env\" \"u1\" (func $u1 (param i32)))"
              "(import \"wasi_snapshot_preview1\" \"sched_yield\" (func $yield (result i32)))"
              "(import \"env\" \"u2\" (func $u2)) (import \"env\" \"memory\" (memory 1))"
              "(import \"env\" \"u2\" (func $u2b (result i64)))"
              "(func (export \"u0\") (call $u0)) (func (export \"u1\") (call $u1 (i32.const 0)))"
              "(func (export \"u2\") (call $u2)) (func (export \"u2b\") (result i64) (call $u2b))"
              "(func (export \"given\") (result i32) (call $given))"
              "(func (export \"yield\") (result i32) (call $yield)))");
  assert_int_equal(rig_call(&rig, "given", NO_ARGS).of.i32, 9);
  assert_int_equal(rig_call(&rig, "yield", NO_ARGS).of.i32, 0);
  ASSERT_OUTCOME(rig_try(&rig, "u0", NO_ARGS), TRAPPED, "env.u0 was called");
  ASSERT_OUTCOME(rig_try(&rig, "u1", NO_ARGS), TRAPPED, "env.u1 was called");
  ASSERT_OUTCOME(rig_try(&rig, "u2", NO_ARGS), TRAPPED, "env.u2 was called");
  ASSERT_OUTCOME(rig_try(&rig, "u2b", NO_ARGS), TRAPPED, "env.u2 was called");
  assert_int_equal(rig_call(&rig, "given", NO_ARGS).of.i32, 9);
  rig_end(&rig);
}

static void test_long_names(void **state) {
  char wat[1000];
  char name[400];
  rig_t rig;
  memset(name, 'n', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  snprintf(wat, sizeof wat, MODULE("(import \"module\" \"%s\" (func $f))", "(call $f)"), name);
  start(&rig, wat);
  wasi_light_outcome_t outcome = rig_try(&rig, "call", NO_ARGS);
  ASSERT_OUTCOME(outcome, TRAPPED, "module.nnnnnn");
  ASSERT_OUTCOME(outcome, TRAPPED, "... was called");
  rig_end(&rig);
}

/* ---- What is refused all the same -------------------------------------------------------------------------------- */

static void test_what_is_no_function_is_refused(void **state) {
  static const char *const imports[] = {
      "(import \"env\" \"thing\" (memory 1))",         "(import \"env\" \"thing\" (table 1 funcref))",
      "(import \"env\" \"thing\" (global i32))",       "(import \"env\" \"thing\" (global (mut i64)))",
      "(import \"env\" \"given\" (memory 1))",         "(import \"env\" \"given\" (global i32))",
      "(import \"env\" \"memory\" (table 1 funcref))", "(import \"wasi_snapshot_preview1\" \"fd_write\" (global i32))",
  };
  static const char *const names[] = {"env.thing", "env.thing", "env.thing",  "env.thing",
                                      "env.given", "env.given", "env.memory", "wasi_snapshot_preview1.fd_write"};
  wasi_light_linker_t *linker = new_linker(WASI_LIGHT_UNKNOWN_TRAPS);
  assert_true(wasi_light_linker_func(linker, "env", "given", "()i", give_nine, NULL, NULL));
  assert_true(wasi_light_linker_memory(linker, "env", "memory", NULL));
  for (size_t i = 0; i < COUNT(imports); i++) {
    char wat[400];
    snprintf(wat, sizeof wat, "(module (import \"env\" \"unknown\" (func)) %s)", imports[i]);
    wasi_light_error_t error = rig_no_module(wat, linker);
    ASSERT_ERROR(error, LINK, names[i]);
    ASSERT_CONTAINS(error.message, "1 of the module's imports");
    ASSERT_CONTAINS_NOT(error.message, "env.unknown"); /* that one traps */
  }
  wasi_light_error_t error = rig_no_module("(module (import \"a\" \"t\" (table 1 funcref)) (import \"b\" \"f\" (func))"
                                           "(import \"c\" \"g\" (global i32)) (import \"d\" \"m\" (memory 1)))",
                                           linker);
  ASSERT_ERROR(error, LINK, "3 of the module's imports");
  ASSERT_CONTAINS(error.message, "a.t");
  ASSERT_CONTAINS(error.message, "c.g");
  ASSERT_CONTAINS(error.message, "d.m");
  ASSERT_CONTAINS_NOT(error.message, "b.f");
  wasi_light_linker_delete(linker);
}

/* Refused is the default; what counts is how the linker stands when the module is made. */
static void test_when_the_policy_counts(void **state) {
  static const char wat[] = MODULE("(import \"env\" \"missing\" (func $f))", "(call $f)");
  wasi_light_linker_t *linker = wasi_light_linker_new();
  assert_true(wasi_light_linker_func(linker, "env", "given", "()i", give_nine, NULL, NULL));
  wasi_light_error_t error = rig_no_module(wat, linker);
  ASSERT_ERROR(error, LINK, "env.missing");
  wasi_light_linker_unknown(linker, WASI_LIGHT_UNKNOWN_TRAPS);
  wasi_light_module_t *module = rig_module(wat, linker);
  wasi_light_linker_unknown(linker, WASI_LIGHT_UNKNOWN_REFUSED);
  error = rig_no_module(wat, linker);
  ASSERT_ERROR(error, LINK, "env.missing");
  wasi_light_linker_delete(linker);
  rig_t rig;
  rig_start_module(&rig, module, NULL, NULL);
  ASSERT_OUTCOME(rig_try(&rig, "call", NO_ARGS), TRAPPED, "env.missing was called");
  rig_end(&rig);
}

/* An instance whose start calls one is not made, and the error says which it was. */
static void test_unknown_functions_at_the_start(void **state) {
  static const char *const starts[] = {"(start $f)", "(func (export \"_initialize\") (call $f))"};
  static const char *const where[] = {"the start section", "_initialize"};
  for (int i = 0; i < 2; i++) {
    char wat[300];
    wasi_light_error_t error = {.code = WASI_LIGHT_ERROR_OK};
    wasi_light_linker_t *linker = new_linker(WASI_LIGHT_UNKNOWN_TRAPS);
    snprintf(wat, sizeof wat, "(module (import \"env\" \"missing\" (func $f)) %s)", starts[i]);
    wasi_light_module_t *module = rig_module(wat, linker);
    wasi_light_config_t *config = rig_config(NULL);
    assert_null(wasi_light_instance_new(module, config, NULL, &error));
    ASSERT_ERROR(error, TRAP, where[i]);
    ASSERT_CONTAINS(error.message, "env.missing was called");
    wasi_light_config_delete(config);
    wasi_light_module_delete(module);
    wasi_light_linker_delete(linker);
  }
}

static void add_line(void *context, const char *line) {
  char *text = context;
  size_t used = strlen(text);
  snprintf(text + used, 2000 - used, "%s\n", line);
}

static void test_audit(void **state) {
  rig_bytes_t bytes = rig_assemble("(module (import \"wasi_snapshot_preview1\" \"fd_fly\" (func)))");
  for (int policy = 0; policy < 2; policy++) {
    char text[2000] = "";
    wasi_light_linker_t *linker = new_linker((wasi_light_unknown_t)policy);
    assert_true(wasi_light_audit(bytes.data, bytes.size, linker, NULL, add_line, text, NULL));
    ASSERT_CONTAINS(text, policy == WASI_LIGHT_UNKNOWN_TRAPS ? "traps when called" : "refused");
    ASSERT_CONTAINS_NOT(text, policy == WASI_LIGHT_UNKNOWN_TRAPS ? "refused" : "traps when called");
    wasi_light_linker_delete(linker);
  }
  rig_bytes_end(&bytes);
}

/* ---- Replaced ---------------------------------------------------------------------------------------------------- */

/* The host's function is taken instead of ours, and rules, limits and counters, which are for ours, are not for it. */
static void test_a_replaced_function(void **state) {
  static const wasi_light_rule_t rules[] = {{"sched_yield", WASI_LIGHT_DENY_TRAP, 0, "replaced", 0},
                                            {"random_get", WASI_LIGHT_ALLOW, 0, NULL, 2}};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_linker_t *linker = wasi_light_linker_new();
  int calls = 0;
  rig_t rig;
  options.rules = rules;
  options.rule_count = COUNT(rules);
  options.count_calls = true;
  options.quota.calls = 2;
  assert_true(wasi_light_linker_func(linker, "wasi_snapshot_preview1", "sched_yield", "()i", give_nine, &calls, NULL));
  wasi_light_module_t *module = rig_module(
      "(module (import \"wasi_snapshot_preview1\" \"sched_yield\" (func $yield (result i32)))"
      "(import \"wasi_snapshot_preview1\" \"random_get\" (func $random (param i32 i32) (result i32)))"
      "(import \"wasi_unstable\" \"sched_yield\" (func $old_yield (result i32))) (memory (export \"memory\") 1)"
      "(func (export \"yield\") (result i32) (call $yield))"
      "(func (export \"old\") (result i32) (call $old_yield))"
      "(func (export \"random\") (result i32) (call $random (i32.const 0) (i32.const 8))))",
      linker);
  wasi_light_linker_delete(linker);
  rig_start_module(&rig, module, &options, NULL);
  const wasi_light_env_t *env = wasi_light_instance_env(rig.instance);
  for (int i = 1; i < 6; i++) {
    assert_int_equal(rig_call(&rig, "yield", NO_ARGS).of.i32, 9);
    assert_int_equal(calls, i);
  }
  assert_int_equal(wasi_light_env_usage(env).calls, 0);
  assert_int_equal(wasi_light_env_calls(env, "sched_yield"), 0);
  assert_int_equal(rig_call(&rig, "random", NO_ARGS).of.i32, 0);
  ASSERT_OUTCOME(rig_try(&rig, "old", NO_ARGS), TRAPPED, "sched_yield is denied by the host: replaced"); /* is ours */
  ASSERT_OUTCOME(rig_try(&rig, "random", NO_ARGS), LIMIT, "random_get");
  assert_int_equal(rig_call(&rig, "yield", NO_ARGS).of.i32, 9);
  assert_int_equal(wasi_light_env_usage(env).calls, 3);
  rig_end(&rig);
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_unknown_functions_trap),
      cmocka_unit_test(test_functions_of_another_type_trap),
      cmocka_unit_test(test_several_functions),
      cmocka_unit_test(test_long_names),
      cmocka_unit_test(test_what_is_no_function_is_refused),
      cmocka_unit_test(test_when_the_policy_counts),
      cmocka_unit_test(test_unknown_functions_at_the_start),
      cmocka_unit_test(test_audit),
      cmocka_unit_test(test_a_replaced_function),
  };
  return CORE_RUN(tests, argc, argv);
}
