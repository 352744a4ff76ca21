/* SPDX-License-Identifier: MIT */
/*
 * A start section becomes an export that is called once memory is bound: whose function it is, what it may call, how it
 * may fail, and that a start section which is none is still refused.
 */
#include "pool_bytes.h"

#include <sys/wait.h>
#include <unistd.h>

#define WASI(name, type) "(import \"wasi_snapshot_preview1\" \"" name "\" (func $" name " " type "))"
#define FD_WRITE WASI("fd_write", "(param i32 i32 i32 i32) (result i32)")
#define SIZES WASI("args_sizes_get", "(param i32 i32) (result i32)")
#define EXIT WASI("proc_exit", "(param i32)")
#define LOG                                                                                                       \
  "(global $log (mut i32) (i32.const 0))"                                                                         \
  "(func $step (param i32) (global.set $log (i32.add (i32.mul (global.get $log) (i32.const 10)) (local.get 0))))" \
  "(func (export \"log\") (result i32) (global.get $log))"

static void expect_log(const char *wat, const rig_func_t *funcs, size_t count, int32_t log) {
  rig_t rig;
  rig_start(&rig, wat, funcs, count);
  assert_int_equal(rig_call(&rig, "log", NO_ARGS).of.i32, log);
  rig_end(&rig);
}

static wasm_trap_t *on_host(wasi_light_instance_t *instance, void *data, const wasm_val_t *args, wasm_val_t *results) {
  int *calls = data;
  (*calls)++;
  return NULL;
}

/* ---- Whose function it is ---- */

static void test_a_function_of_its_own(void **state) {
  expect_log("(module " LOG "(func $s (call $step (i32.const 3))) (start $s))", NULL, 0, 3);
}

static void test_a_function_that_is_exported_too(void **state) {
  rig_t rig;
  rig_start(&rig, "(module " LOG "(func $s (export \"s\") (call $step (i32.const 3))) (start $s))", NULL, 0);
  assert_int_equal(rig_call(&rig, "log", NO_ARGS).of.i32, 3);
  rig_call(&rig, "s", NO_ARGS);
  assert_int_equal(rig_call(&rig, "log", NO_ARGS).of.i32, 33);
  rig_end(&rig);
}

static void test_an_imported_function(void **state) {
  int calls = 0;
  const rig_func_t funcs[] = {{"s", "()", on_host, &calls}};
  expect_log("(module (import \"env\" \"s\" (func $s)) " LOG " (start $s))", funcs, 1, 0);
  assert_int_equal(calls, 1);
}

static void test_an_imported_function_that_is_exported_too(void **state) {
  int calls = 0;
  const rig_func_t funcs[] = {{"s", "()", on_host, &calls}};
  rig_t rig;
  rig_start(&rig,
            "(module (import \"env\" \"s\" (func $s)) (export \"s\" (func $s)) (export \"t\" (func $s)) (start $s))",
            funcs, 1);
  assert_int_equal(calls, 1);
  rig_call(&rig, "s", NO_ARGS);
  rig_call(&rig, "t", NO_ARGS);
  assert_int_equal(calls, 3);
  rig_end(&rig);
}

/* `_initialize` itself: it runs as the one and as the other, as it would in a host that knows both. */
static void test_the_function_that_is_initialize(void **state) {
  expect_log("(module " LOG "(func $s (export \"_initialize\") (call $step (i32.const 3))) (start $s))", NULL, 0, 33);
}

static void test_start_goes_before_initialize(void **state) {
  expect_log("(module " LOG "(func $s (call $step (i32.const 1))) (start $s)"
             "(func (export \"_initialize\") (call $step (i32.const 2))))",
             NULL, 0, 12);
  expect_log("(module " LOG "(func (export \"_initialize\") (call $step (i32.const 2)))"
             "(func $s (call $step (i32.const 1))) (start $s))",
             NULL, 0, 12);
}

static void test_start_goes_before_the_call_of_start(void **state) {
  rig_t rig;
  rig_start(&rig,
            "(module " LOG "(func $s (call $step (i32.const 1))) (start $s)"
            "(func (export \"_start\") (call $step (i32.const 2))))",
            NULL, 0);
  assert_int_equal(rig_call(&rig, "log", NO_ARGS).of.i32, 1);
  rig_call(&rig, "_start", NO_ARGS);
  assert_int_equal(rig_call(&rig, "log", NO_ARGS).of.i32, 12);
  rig_end(&rig);
}

/* Segments of memory and of tables are there when it runs. */
static void test_segments_go_before_start(void **state) {
  expect_log("(module " LOG "(memory (export \"memory\") 1) (data (i32.const 8) \"\\05\") (type $v (func (result i32)))"
             "(table 1 funcref) (func $two (result i32) (i32.const 2)) (elem (i32.const 0) $two)"
             "(func $s (call $step (i32.load8_u (i32.const 8))) (call $step (call_indirect (type $v) (i32.const 0))))"
             "(start $s))",
             NULL, 0, 52);
}

/* ---- WASI in it ---- */

static void test_start_writes(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  size_t size = 0;
  rig_t rig;
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 64};
  rig_start_module(
      &rig,
      rig_module("(module " FD_WRITE "(memory (export \"memory\") 1)"
                 "(data (i32.const 0) \"\\08\\00\\00\\00\\06\\00\\00\\00hello\\0a\")"
                 "(func $s (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20))))"
                 "(start $s))",
                 NULL),
      &options, NULL);
  const uint8_t *bytes = wasi_light_env_captured(wasi_light_instance_env(rig.instance), 1, &size, NULL);
  assert_int_equal(size, 6);
  assert_memory_equal(bytes, "hello\n", 6);
  rig_end(&rig);
}

static void test_start_asks_for_arguments(void **state) {
  static const char *const args[] = {"one", "two", NULL};
  static const char *const memories[] = {"(memory (export \"memory\") 1)", "(memory (export \"mem\") 1)",
                                         "(memory (export \"x\") (export \"memory\") 1)"};
  for (size_t i = 0; i < COUNT(memories); i++) {
    char wat[512];
    wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
    rig_t rig;
    options.args = args;
    snprintf(wat, sizeof wat,
             "(module " SIZES "%s (func $s (drop (call $args_sizes_get (i32.const 0) (i32.const 4)))) (start $s)"
             "(func (export \"n\") (result i32) (i32.add (i32.load (i32.const 0)) (i32.load (i32.const 4)))))",
             memories[i]);
    rig_start_module(&rig, rig_module(wat, NULL), &options, NULL);
    assert_int_equal(rig_call(&rig, "n", NO_ARGS).of.i32, 2 + 8);
    rig_end(&rig);
  }
}

static void test_start_has_an_imported_memory(void **state) {
  wasi_light_linker_t *linker = wasi_light_linker_new();
  wasi_light_error_t error;
  rig_t rig;
  assert_true(wasi_light_linker_memory(linker, "env", "memory", &error));
  rig_start_module(
      &rig,
      rig_module("(module " SIZES "(import \"env\" \"memory\" (memory 1))"
                 "(func $s (drop (call $args_sizes_get (i32.const 0) (i32.const 4))) (i32.store (i32.const 0)"
                 "(i32.const 9))) (start $s) (func (export \"n\") (result i32) (i32.load (i32.const 0))))",
                 linker),
      NULL, NULL);
  assert_int_equal(rig_call(&rig, "n", NO_ARGS).of.i32, 9);
  wasi_light_linker_delete(linker);
  rig_end(&rig);
}

/* The compiler's own: it prints in its start section. */
static void test_start_of_assemblyscript(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  rig_bytes_t bytes = rig_guest("as_start_log");
  size_t size = 0;
  rig_t rig;
  if (!bytes.data) skip();
  options.out = options.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 256};
  rig_start_module(&rig, wasi_light_module_new(rig_engine(), bytes.data, bytes.size, NULL, NULL, NULL), &options, NULL);
  const uint8_t *text = wasi_light_env_captured(wasi_light_instance_env(rig.instance), 1, &size, NULL);
  assert_int_equal(size, strlen("hello from the start section\n"));
  assert_memory_equal(text, "hello from the start section\n", size);
  assert_int_equal(rig_call(&rig, "add", ARGS(I32(2), I32(3))).of.i32, 5);
  rig_bytes_end(&bytes);
  rig_end(&rig);
}

/* ---- When it fails ---- */

static void test_start_that_does_not_return(void **state) {
  wasi_light_error_t error = rig_no_instance("(module (func $s unreachable) (start $s))", NULL, 0);
  ASSERT_ERROR(error, TRAP, "the start section");
  ASSERT_ERROR(error, TRAP, "unreachable");
  error = rig_no_instance("(module " EXIT "(func $s (call $proc_exit (i32.const 7))) (start $s))", NULL, 0);
  ASSERT_ERROR(error, EXIT, "the start section");
  assert_int_equal(error.exit_code, 7);
  error = rig_no_instance(
      "(module " SIZES "(func $s (drop (call $args_sizes_get (i32.const 0) (i32.const 4)))) (start $s))", NULL, 0);
  ASSERT_ERROR(error, NO_MEMORY, "the start section");
  error = rig_no_instance("(module (func $s (call $s)) (start $s))", NULL, 0);
  ASSERT_ERROR(error, TRAP, "the start section");
}

/* What comes after it is not run. */
static void test_initialize_after_a_start_that_traps(void **state) {
  int calls = 0;
  const rig_func_t funcs[] = {{"f", "()", on_host, &calls}};
  wasi_light_error_t error = rig_no_instance("(module (import \"env\" \"f\" (func $f)) (func $s unreachable) (start $s)"
                                             "(func (export \"_initialize\") (call $f)))",
                                             funcs, 1);
  ASSERT_ERROR(error, TRAP, "the start section");
  assert_int_equal(calls, 0);
}

/* ---- Start sections that are none ---- */

/* In a child, since the engine may abort: 0 no module, 1 a module, else the signal. */
static int make_in_child(const rig_bytes_t *bytes) {
  wasm_engine_t *engine = rig_engine();
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    alarm(20);
    if (!freopen("/dev/null", "w", stderr)) _exit(2);
    wasi_light_module_t *module = wasi_light_module_new(engine, bytes->data, bytes->size, NULL, NULL, NULL);
    _exit(module ? 1 : 0);
  }
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
}

/*
 * The specification wants a start function of type () -> (). As an export it would pass with any type, so somebody else
 * has to look at it; and v128 in the type of an export makes the engine abort the process.
 */
static void test_start_functions_of_a_wrong_type(void **state) {
  static const char *const wats[] = {
      "(module (func $s (param i32)) (start $s))",
      "(module (func $s (result i32) (i32.const 1)) (start $s))",
      "(module (func $s (param i64 f32) (result f64) (f64.const 1)) (start $s))",
      "(module (func $s (param externref)) (start $s))",
      "(module " WASI("sched_yield", "(result i32)") "(start $sched_yield))",
      "(module (func $s (param v128)) (start $s))",
      "(module (func $s (result v128) (v128.const i64x2 1 2)) (start $s))",
      "(module (start 0))",
      "(module (func) (start 1))",
  };
  unsigned wrong = 0;
  for (size_t i = 0; i < COUNT(wats); i++) {
    rig_bytes_t bytes = rig_assemble(wats[i]);
    assert_false(pool_valid(&bytes));
    int result = make_in_child(&bytes);
    if (result != 0) {
      print_error("%s: %s, expected an error\n", wats[i], result == 1 ? "a module" : "the process died");
      wrong++;
    }
    rig_bytes_end(&bytes);
  }
  assert_int_equal(wrong, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_a_function_of_its_own),
    cmocka_unit_test(test_a_function_that_is_exported_too),
    cmocka_unit_test(test_an_imported_function),
    cmocka_unit_test(test_an_imported_function_that_is_exported_too),
    cmocka_unit_test(test_the_function_that_is_initialize),
    cmocka_unit_test(test_start_goes_before_initialize),
    cmocka_unit_test(test_start_goes_before_the_call_of_start),
    cmocka_unit_test(test_segments_go_before_start),
    cmocka_unit_test(test_start_writes),
    cmocka_unit_test(test_start_asks_for_arguments),
    cmocka_unit_test(test_start_has_an_imported_memory),
    cmocka_unit_test(test_start_of_assemblyscript),
    cmocka_unit_test(test_start_that_does_not_return),
    cmocka_unit_test(test_initialize_after_a_start_that_traps),
    cmocka_unit_test(test_start_functions_of_a_wrong_type),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
