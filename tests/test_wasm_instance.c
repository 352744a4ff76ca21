/* SPDX-License-Identifier: MIT */
/* Instances: what runs while one is made, what makes that fail, and that each has a state of its own. */
#include "wasm_rig.h"

#define IMPORT_EXIT "(import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))"
#define IMPORT_SIZES "(import \"wasi_snapshot_preview1\" \"args_sizes_get\" (func $sizes (param i32 i32) (result i32)))"

/* A log in a global: each step appends a digit. */
#define LOG                                                                                                       \
  "(global $log (mut i32) (i32.const 0))"                                                                         \
  "(func $step (param i32) (global.set $log (i32.add (i32.mul (global.get $log) (i32.const 10)) (local.get 0))))" \
  "(func (export \"log\") (result i32) (global.get $log))"                                                        \
  "(func (export \"step\") (param i32) (call $step (local.get 0)))"
#define LOG_START "(func $start (call $step (i32.const 1))) (start $start)"

/* ---- What runs, and when ---- */

static int32_t log_of(rig_t *rig) {
  return rig_call(rig, "log", NO_ARGS).of.i32;
}

static void test_a_reactor_is_initialised_once(void **state) {
  rig_t rig;
  rig_start(&rig, "(module " LOG LOG_START "(func (export \"_initialize\") (call $step (i32.const 2))))", NULL, 0);
  assert_int_equal(log_of(&rig), 12); /* the start section, then _initialize */
  rig_call(&rig, "step", ARGS(I32(3)));
  rig_call(&rig, "step", ARGS(I32(4)));
  assert_int_equal(log_of(&rig), 1234);
  ASSERT_OUTCOME(rig_try(&rig, "_initialize", NO_ARGS), REFUSED, "_initialize");
  assert_int_equal(log_of(&rig), 1234);
  rig_end(&rig);
}

static void test_a_library_runs_nothing(void **state) {
  rig_t rig;
  rig_start(&rig,
            "(module " LOG "(func (export \"initialize\") (call $step (i32.const 7)))"
            "(func (export \"main\") (call $step (i32.const 8))))",
            NULL, 0);
  assert_int_equal(log_of(&rig), 0);
  rig_call(&rig, "step", ARGS(I32(3)));
  assert_int_equal(log_of(&rig), 3);
  rig_end(&rig);
}

static void test_a_command_runs_when_it_is_called(void **state) {
  rig_t rig;
  rig_start(&rig, "(module " LOG LOG_START "(func (export \"_start\") (call $step (i32.const 5))))", NULL, 0);
  assert_int_equal(log_of(&rig), 1);
  rig_call(&rig, "step", ARGS(I32(3))); /* as a library */
  assert_int_equal(log_of(&rig), 13);
  ASSERT_OUTCOME(rig_try(&rig, "_start", NO_ARGS), RETURNED, "");
  assert_int_equal(log_of(&rig), 135);
  ASSERT_OUTCOME(rig_try(&rig, "_start", NO_ARGS), RETURNED, "");
  assert_int_equal(log_of(&rig), 1355);
  rig_end(&rig);
}

static void test_a_command_that_exits(void **state) {
  static const uint32_t codes[] = {0, 1, 77, 256, UINT32_MAX};
  for (size_t i = 0; i < COUNT(codes); i++) {
    char wat[512];
    rig_t rig;
    snprintf(wat, sizeof wat,
             "(module " IMPORT_EXIT "(func (export \"_start\") (call $exit (i32.const %d)) unreachable))",
             (int)codes[i]);
    rig_start(&rig, wat, NULL, 0);
    ASSERT_EXITED(rig_try(&rig, "_start", NO_ARGS), codes[i]);
    rig_end(&rig);
  }
}

/* WASI has its memory while an instance is made: in the start section and in _initialize. */
static void test_memory_from_the_beginning(void **state) {
  static const char *const ends[] = {"(start $go)", "(export \"_initialize\" (func $go))",
                                     "(func (export \"_initialize\")) (start $go)",
                                     "(start $go) (func (export \"_start\"))"};
  static const char *const memories[] = {"(memory (export \"memory\") 1)", "(memory (export \"heap\") 1)"};
  static const char *const args[] = {"a", "b", "c", NULL};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.args = args;
  for (size_t i = 0; i < COUNT(ends) * COUNT(memories); i++) {
    char wat[512];
    rig_t rig;
    snprintf(wat, sizeof wat,
             "(module " IMPORT_SIZES "%s (func $go (drop (call $sizes (i32.const 0) (i32.const 4))))"
             "(func (export \"argc\") (result i32) (i32.load (i32.const 0))) %s)",
             memories[i % COUNT(memories)], ends[i / COUNT(memories)]);
    rig_start_module(&rig, rig_module(wat, NULL), &options, NULL);
    assert_int_equal(rig_call(&rig, "argc", NO_ARGS).of.i32, 3);
    rig_end(&rig);
  }
}

/* ---- What makes it fail ---- */

static wasm_trap_t *trap_host(wasi_light_instance_t *instance, void *data, const wasm_val_t *args,
                              wasm_val_t *results) {
  return wasi_light_trap(instance, "the host has a reason: %d", 42);
}

typedef struct failure_case_t {
  const char *body;
  wasi_light_error_code_t code;
  const char *message;
  uint32_t exit_code;
} failure_case_t;

static const failure_case_t failures[] = {
    {"unreachable", WASI_LIGHT_ERROR_TRAP, "unreachable", 0},
    {"(drop (i32.div_s (i32.const 1) (i32.const 0)))", WASI_LIGHT_ERROR_TRAP, "divide by zero", 0},
    {"(call $recurse)", WASI_LIGHT_ERROR_TRAP, "call stack exhausted", 0},
    {"(call $host)", WASI_LIGHT_ERROR_TRAP, "the host has a reason: 42", 0},
    {"(drop (call $sizes (i32.const 0) (i32.const 4)))", WASI_LIGHT_ERROR_NO_MEMORY, "args_sizes_get", 0},
    {"(call $exit (i32.const 0))", WASI_LIGHT_ERROR_EXIT, "exited with code 0", 0},
    {"(call $exit (i32.const 31)) unreachable", WASI_LIGHT_ERROR_EXIT, "exited with code 31", 31},
    {"(call $exit (i32.const -1))", WASI_LIGHT_ERROR_EXIT, "exited with code 4294967295", UINT32_MAX},
};

static void check_failure(const failure_case_t *row, const char *end, const char *where) {
  static const rig_func_t funcs[] = {{"host", "()", trap_host, NULL}};
  char wat[1024];
  snprintf(wat, sizeof wat,
           "(module " IMPORT_EXIT IMPORT_SIZES "(import \"env\" \"host\" (func $host))"
           "(func $recurse (call $recurse)) (func $go %s) %s)",
           row->body, end);
  wasi_light_error_t error = rig_no_instance(wat, funcs, 1);
  rig_assert_error(&error, (int)row->code, row->message, __FILE__, __LINE__);
  if (row->code == WASI_LIGHT_ERROR_EXIT) assert_int_equal(error.exit_code, row->exit_code);
  ASSERT_CONTAINS(error.message, where);
}

static void test_a_start_section_that_does_not_return(void **state) {
  for (size_t i = 0; i < COUNT(failures); i++) check_failure(&failures[i], "(start $go)", "start section");
}

static void test_an_initialize_that_does_not_return(void **state) {
  for (size_t i = 0; i < COUNT(failures); i++) {
    check_failure(&failures[i], "(export \"_initialize\" (func $go))", "_initialize");
  }
}

/* Active segments that do not fit. */
static void test_segments_out_of_bounds(void **state) {
  wasi_light_error_t error =
      rig_no_instance("(module (memory (export \"memory\") 1) (data (i32.const 65535) \"ab\"))", NULL, 0);
  ASSERT_ERROR(error, TRAP, "instantiation");
  ASSERT_CONTAINS(error.message, "out of bounds memory access");
  error = rig_no_instance("(module (table 1 funcref) (func $f) (elem (i32.const 1) func $f))", NULL, 0);
  ASSERT_ERROR(error, TRAP, "instantiation");
  ASSERT_CONTAINS(error.message, "out of bounds table access");
}

static void test_arguments(void **state) {
  wasi_light_error_t error;
  wasi_light_config_t *config = rig_config(NULL);
  wasi_light_module_t *module = rig_module("(module)", NULL);
  assert_null(wasi_light_instance_new(NULL, config, NULL, &error));
  ASSERT_ERROR(error, ARGUMENT, "module");
  assert_null(wasi_light_instance_new(module, NULL, NULL, &error));
  ASSERT_ERROR(error, ARGUMENT, "config");
  assert_null(wasi_light_instance_new(NULL, NULL, NULL, NULL));
  assert_null(wasi_light_instance_new(module, NULL, NULL, NULL));
  wasi_light_instance_delete(NULL);
  wasi_light_module_delete(module);
  wasi_light_config_delete(config);
}

/* ---- State ---- */

static void test_parts_of_an_instance(void **state) {
  int host = 0;
  int other = 0;
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 10};
  wasm_extern_vec_t exports;
  size_t size = 1;
  rig_t rig;
  rig_start_module(&rig, rig_module("(module (func (export \"f\")) (memory (export \"m\") 2))", NULL), &options, &host);
  assert_ptr_equal(wasi_light_instance_host(rig.instance), &host);
  assert_ptr_equal(wasi_light_env_host(wasi_light_instance_env(rig.instance)), &host);
  wasi_light_env_set_host(wasi_light_instance_env(rig.instance), &other);
  assert_ptr_equal(wasi_light_instance_host(rig.instance), &other);
  assert_ptr_equal(wasi_light_instance_module(rig.instance), rig.module);
  assert_non_null(wasi_light_env_captured(wasi_light_instance_env(rig.instance), 1, &size, NULL));
  assert_int_equal(size, 0);
  wasm_instance_exports(wasi_light_instance_wasm(rig.instance), &exports);
  assert_true(exports.size >= 2); /* the rewriter may add some at the end */
  assert_int_equal(wasm_memory_size(wasm_extern_as_memory(exports.data[1])), 2);
  wasm_extern_vec_delete(&exports);
  wasm_trap_t *trap = wasm_trap_new(wasi_light_instance_store(rig.instance), (wasm_message_t[]){{2, (char[]){"x"}}});
  assert_non_null(trap);
  wasm_trap_delete(trap);
  rig_end(&rig);
}

/* Several instances of two modules, calls interleaved, deleted in another order. */
static void test_instances_are_apart(void **state) {
  enum { INSTANCES = 8 };
  wasi_light_module_t *modules[] = {
      rig_module("(module " LOG "(func (export \"_initialize\") (call $step (i32.const 1))))", NULL),
      rig_module("(module " LOG "(func (export \"_initialize\") (call $step (i32.const 2))))", NULL),
  };
  rig_t rigs[INSTANCES];
  int32_t expected[INSTANCES];
  for (int i = 0; i < INSTANCES; i++) {
    rig_start_module(&rigs[i], wasi_light_module_copy(modules[i % 2]), NULL, NULL);
    expected[i] = 1 + i % 2;
  }
  for (int round = 0; round < 3; round++) {
    for (int i = INSTANCES - 1; i >= 0; i--) {
      rig_call(&rigs[i], "step", ARGS(I32(i)));
      expected[i] = expected[i] * 10 + i;
    }
    for (int i = 0; i < INSTANCES; i++) assert_int_equal(log_of(&rigs[i]), expected[i]);
  }
  for (int i = 0; i < INSTANCES; i += 2) rig_end(&rigs[i]);
  for (int i = 1; i < INSTANCES; i += 2) assert_int_equal(log_of(&rigs[i]), expected[i]);
  for (int i = INSTANCES - 1; i > 0; i -= 2) rig_end(&rigs[i]);
  for (int i = 0; i < 2; i++) wasi_light_module_delete(modules[i]);
}

/* A failed start leaves nothing behind that would hinder the next. */
static void test_failures_do_not_add_up(void **state) {
  wasi_light_config_t *config = rig_config(NULL);
  wasi_light_module_t *module = rig_module("(module (memory 1) (func $go unreachable) (start $go))", NULL);
  for (int i = 0; i < 200; i++) {
    wasi_light_error_t error;
    assert_null(wasi_light_instance_new(module, config, NULL, &error));
    ASSERT_ERROR(error, TRAP, "unreachable");
  }
  wasi_light_module_delete(module);
  wasi_light_config_delete(config);
}

/* Host functions can call back while an instance is made. */
static wasm_trap_t *call_back(wasi_light_instance_t *instance, void *data, const wasm_val_t *args,
                              wasm_val_t *results) {
  wasm_val_t result = I32(0);
  wasi_light_outcome_t *outcomes = data;
  outcomes[0] = wasi_light_call_name(instance, "f", NO_ARGS, &result, 1);
  outcomes[1] = wasi_light_call_name(instance, "_initialize", NO_ARGS, NULL, 0);
  return result.of.i32 == 9 ? NULL : wasi_light_trap(instance, "f gave %d", result.of.i32);
}

static void test_calls_from_the_start(void **state) {
  static const char *const ends[] = {"(start $go) (func (export \"_initialize\"))",
                                     "(export \"_initialize\" (func $go))"};
  for (size_t i = 0; i < COUNT(ends); i++) {
    char wat[512];
    rig_t rig;
    wasi_light_outcome_t outcomes[2] = {{.kind = WASI_LIGHT_EXITED}, {.kind = WASI_LIGHT_EXITED}};
    const rig_func_t funcs[] = {{"back", "()", call_back, outcomes}};
    snprintf(wat, sizeof wat,
             "(module (import \"env\" \"back\" (func $back)) (func $go (call $back)) %s"
             "(func (export \"f\") (result i32) (i32.const 9)))",
             ends[i]);
    rig_start(&rig, wat, funcs, 1);
    ASSERT_OUTCOME(outcomes[0], RETURNED, "");
    ASSERT_OUTCOME(outcomes[1], REFUSED, "_initialize");
    rig_end(&rig);
  }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_a_reactor_is_initialised_once),
    cmocka_unit_test(test_a_library_runs_nothing),
    cmocka_unit_test(test_a_command_runs_when_it_is_called),
    cmocka_unit_test(test_a_command_that_exits),
    cmocka_unit_test(test_memory_from_the_beginning),
    cmocka_unit_test(test_a_start_section_that_does_not_return),
    cmocka_unit_test(test_an_initialize_that_does_not_return),
    cmocka_unit_test(test_segments_out_of_bounds),
    cmocka_unit_test(test_arguments),
    cmocka_unit_test(test_parts_of_an_instance),
    cmocka_unit_test(test_instances_are_apart),
    cmocka_unit_test(test_failures_do_not_add_up),
    cmocka_unit_test(test_calls_from_the_start),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
