/* SPDX-License-Identifier: MIT */
/* The raw interface: what fills a module's imports, which memory is bound, and the one error that lists what is missing. */
#include "wasm_rig.h"

#define WASI "\"wasi_snapshot_preview1\""
#define IMPORT_SIZES "(import " WASI " \"args_sizes_get\" (func $sizes (param i32 i32) (result i32)))"
#define IMPORT_RES "(import " WASI " \"clock_res_get\" (func $res (param i32 i32) (result i32)))"
#define IMPORT_WRITE "(import " WASI " \"fd_write\" (func $write (param i32 i32 i32 i32) (result i32)))"
/* Puts the number of arguments at 16 of the memory that is bound. */
#define CALL_SIZES "(func (export \"sizes\") (result i32) (call $sizes (i32.const 16) (i32.const 20)))"

static const char *const three[] = {"program", "a", "b", NULL};

static void start_with_args(raw_t *raw, const char *wat) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.args = three;
  raw_start_with(raw, wat, &options);
}

static int32_t number_at(const wasm_memory_t *memory, size_t at) {
  int32_t number;
  memcpy(&number, wasm_memory_data((wasm_memory_t *)memory) + at, sizeof number);
  return number;
}

static wasm_memory_t *exported_memory(const raw_t *raw, const char *name) {
  return wasm_extern_as_memory(raw_export(raw, name));
}

/* ---- Where imports come from ---- */

static void test_host_and_wasi_are_merged_by_position(void **state) {
  static const int32_t numbers[] = {101, 102, 103, 104};
  raw_t raw;
  wasm_extern_vec_t imports;
  start_with_args(&raw, "(module (import \"env\" \"two\" (func $two (result i32)))" IMPORT_SIZES
                        "(import \"env\" \"one\" (func $one (result i32)))"
                        "(import \"other\" \"one\" (func $other (result i32)))"
                        "(memory (export \"memory\") 1)" CALL_SIZES "(func (export \"one\") (result i32) (call $one))"
                        "(func (export \"two\") (result i32) (call $two))"
                        "(func (export \"other\") (result i32) (call $other)))");
  wasm_func_t *funcs[4];
  for (size_t i = 0; i < 4; i++) funcs[i] = raw_number(&raw, &numbers[i]);
  const wasi_light_extern_t externs[] = {{"env", "one", wasm_func_as_extern(funcs[0])},
                                         {"env", "not imported", wasm_func_as_extern(funcs[3])},
                                         {"env", "two", wasm_func_as_extern(funcs[1])},
                                         {"other", "one", wasm_func_as_extern(funcs[2])}};
  assert_true(wasi_light_generate_import_object(raw.env, raw.store, raw.module, externs, 4, &imports, NULL));
  assert_int_equal(imports.size, 4);
  for (size_t i = 0; i < 4; i++) assert_int_equal(wasm_extern_kind(imports.data[i]), WASM_EXTERN_FUNC);
  assert_int_equal(wasm_func_param_arity(wasm_extern_as_func(imports.data[1])), 2);
  wasm_extern_vec_delete(&imports);

  ASSERT_OUTCOME(raw_link(&raw, externs, 4), RETURNED, "");
  assert_int_equal(raw_call(&raw, "one", NO_ARGS).of.i32, 101);
  assert_int_equal(raw_call(&raw, "two", NO_ARGS).of.i32, 102);
  assert_int_equal(raw_call(&raw, "other", NO_ARGS).of.i32, 103);
  assert_int_equal(raw_call(&raw, "sizes", NO_ARGS).of.i32, WASI_LIGHT_ESUCCESS);
  assert_int_equal(number_at(exported_memory(&raw, "memory"), 16), 3);
  for (size_t i = 0; i < 4; i++) wasm_func_delete(funcs[i]);
  raw_end(&raw);
}

static void test_a_module_without_imports(void **state) {
  raw_t raw;
  wasm_extern_vec_t imports;
  raw_start(&raw, "(module (func (export \"f\") (result i32) (i32.const 7)))");
  assert_true(wasi_light_generate_import_object(raw.env, raw.store, raw.module, NULL, 0, &imports, NULL));
  assert_int_equal(imports.size, 0);
  wasm_extern_vec_delete(&imports);
  ASSERT_OUTCOME(raw_link(&raw, NULL, 0), RETURNED, "");
  assert_int_equal(raw_call(&raw, "f", NO_ARGS).of.i32, 7);
  raw_end(&raw);
}

static void test_a_host_extern_replaces_a_wasi_function(void **state) {
  static const int32_t number = 52;
  raw_t raw;
  raw_start(&raw, "(module (import " WASI " \"sched_yield\" (func $yield (result i32)))"
                  "(func (export \"yield\") (result i32) (call $yield)))");
  wasm_func_t *func = raw_number(&raw, &number);
  const wasi_light_extern_t externs[] = {
      {"wasi_snapshot_preview1", "sched_yield", wasm_func_as_extern(func)},
  };
  ASSERT_OUTCOME(raw_link(&raw, externs, 1), RETURNED, "");
  assert_int_equal(raw_call(&raw, "yield", NO_ARGS).of.i32, 52);
  wasm_func_delete(func);
  raw_end(&raw);
}

static void test_an_extern_of_the_same_name_in_another_module_replaces_nothing(void **state) {
  static const int32_t number = 52;
  raw_t raw;
  raw_start(&raw, "(module (import " WASI " \"sched_yield\" (func $yield (result i32)))"
                  "(func (export \"yield\") (result i32) (call $yield)))");
  wasm_func_t *func = raw_number(&raw, &number);
  const wasi_light_extern_t externs[] = {{"env", "sched_yield", wasm_func_as_extern(func)},
                                         {"wasi_snapshot_preview", "sched_yield", wasm_func_as_extern(func)},
                                         {"wasi_snapshot_preview1", "sched_yiel", wasm_func_as_extern(func)},
                                         {"wasi_snapshot_preview1", "sched_yield2", wasm_func_as_extern(func)}};
  ASSERT_OUTCOME(raw_link(&raw, externs, 4), RETURNED, "");
  assert_int_equal(raw_call(&raw, "yield", NO_ARGS).of.i32, WASI_LIGHT_ESUCCESS);
  wasm_func_delete(func);
  raw_end(&raw);
}

static void test_one_function_imported_twice(void **state) {
  static const int32_t number = 9;
  raw_t raw;
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  size_t size;
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 16};
  raw_start_with(&raw,
                 "(module " IMPORT_WRITE "(import \"env\" \"n\" (func $n1 (result i32)))"
                 "(import " WASI " \"fd_write\" (func $again (param i32 i32 i32 i32) (result i32)))"
                 "(import \"env\" \"n\" (func $n2 (result i32)))"
                 "(memory (export \"memory\") 1) (data (i32.const 0) \"\\08\\00\\00\\00\\02\\00\\00\\00ab\")"
                 "(func (export \"write\") (result i32) (i32.add"
                 "  (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))"
                 "  (call $again (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))"
                 "(func (export \"n\") (result i32) (i32.mul (call $n1) (call $n2))))",
                 &options);
  wasm_func_t *func = raw_number(&raw, &number);
  const wasi_light_extern_t externs[] = {{"env", "n", wasm_func_as_extern(func)}};
  ASSERT_OUTCOME(raw_link(&raw, externs, 1), RETURNED, "");
  assert_int_equal(raw_call(&raw, "n", NO_ARGS).of.i32, 81);
  assert_int_equal(raw_call(&raw, "write", NO_ARGS).of.i32, 0);
  const uint8_t *captured = wasi_light_env_captured(raw.env, 1, &size, NULL);
  assert_int_equal(size, 4);
  assert_memory_equal(captured, "abab", 4);
  wasm_func_delete(func);
  raw_end(&raw);
}

/* ---- Which memory is bound ---- */

/* Guests with two memories, each of which may get the number of arguments. */
typedef struct binding_case_t {
  const char *wat;
  int expected; /* the memory that is bound: 0, 1, or -1 for none */
} binding_case_t;

static const binding_case_t binding_cases[] = {
    {"(memory (export \"memory\") 1) (memory 1)", 0},
    {"(memory (export \"heap\") 1) (memory 1)", 0},
    {"(memory 1) (memory (export \"heap\") 1)", 1},
    {"(memory (export \"memory\") 1) (memory (export \"other\") 1)", 0},
    {"(memory (export \"other\") 1) (memory (export \"memory\") 1)", 1},
    {"(memory (export \"memory2\") 1) (memory (export \"memor\") 1)", -1},
    {"(memory 1) (memory 1)", -1},
    {"(import \"env\" \"m\" (memory 1)) (memory 1)", 0},
    {"(import \"env\" \"m\" (memory 1)) (memory (export \"heap\") 1)", 1},
    {"(import \"env\" \"m\" (memory 1)) (memory (export \"memory\") 1)", 1},
    {"(import \"env\" \"m\" (memory 1)) (memory (export \"a\") 1) (export \"b\" (memory 0))", 0},
    {"(import \"env\" \"m\" (memory 1)) (memory (export \"a\") 1) (memory (export \"b\") 1)", 0},
    {"(import \"env\" \"m\" (memory 1)) (import \"env\" \"m2\" (memory 1))", 0},
    {"(import \"env\" \"m\" (memory 1)) (import \"env\" \"m2\" (memory 1)) (export \"memory\" (memory 1))", 1},
};

static void check_binding(const binding_case_t *row) {
  char wat[1024];
  raw_t raw;
  snprintf(wat, sizeof wat,
           "(module " IMPORT_SIZES "%s" CALL_SIZES "(func (export \"first\") (result i32) (i32.load 0 (i32.const 16)))"
           "(func (export \"second\") (result i32) (i32.load 1 (i32.const 16))))",
           row->wat);
  start_with_args(&raw, wat);
  wasm_memory_t *memories[] = {raw_memory(&raw, 1, 1), raw_memory(&raw, 1, 1)};
  const wasi_light_extern_t externs[] = {{"env", "m2", wasm_memory_as_extern(memories[1])},
                                         {"env", "m", wasm_memory_as_extern(memories[0])}};
  ASSERT_OUTCOME(raw_link(&raw, externs, 2), RETURNED, "");
  if (row->expected < 0) {
    ASSERT_OUTCOME(raw_try(&raw, "sizes", NO_ARGS), NO_MEMORY, "args_sizes_get");
  } else {
    assert_int_equal(raw_call(&raw, "sizes", NO_ARGS).of.i32, WASI_LIGHT_ESUCCESS);
  }
  int32_t first = raw_call(&raw, "first", NO_ARGS).of.i32;
  int32_t second = raw_call(&raw, "second", NO_ARGS).of.i32;
  if (first != (row->expected == 0 ? 3 : 0) || second != (row->expected == 1 ? 3 : 0)) {
    fail_msg("%s: the first memory got %d, the second %d", row->wat, first, second);
  }
  wasm_memory_delete(memories[0]);
  wasm_memory_delete(memories[1]);
  raw_end(&raw);
}

static void test_which_memory_is_bound(void **state) {
  for (size_t i = 0; i < COUNT(binding_cases); i++) check_binding(&binding_cases[i]);
}

static void test_an_imported_memory_is_bound_before_the_start_section(void **state) {
  raw_t raw;
  start_with_args(&raw, "(module " IMPORT_SIZES "(import \"env\" \"m\" (memory 1))"
                        "(func $start (drop (call $sizes (i32.const 16) (i32.const 20)))) (start $start))");
  wasm_memory_t *memory = raw_memory(&raw, 1, 1);
  const wasi_light_extern_t externs[] = {{"env", "m", wasm_memory_as_extern(memory)}};
  ASSERT_OUTCOME(raw_link(&raw, externs, 1), RETURNED, "");
  assert_int_equal(number_at(memory, 16), 3);
  assert_int_equal(number_at(memory, 20), sizeof "program\0a\0b");
  wasm_memory_delete(memory);
  raw_end(&raw);
}

static void test_an_exported_memory_is_not_bound_in_the_start_section(void **state) {
  raw_t raw;
  start_with_args(&raw, "(module " IMPORT_SIZES "(memory (export \"memory\") 1)"
                        "(func $start (drop (call $sizes (i32.const 16) (i32.const 20)))) (start $start))");
  ASSERT_OUTCOME(raw_link(&raw, NULL, 0), NO_MEMORY, "args_sizes_get");
  assert_null(raw.instance);
  raw_end(&raw);
}

/* Memory is looked at only when a call needs it. */
static void test_clock_res_get_without_memory(void **state) {
  raw_t raw;
  raw_start(&raw, "(module " IMPORT_RES
                  "(func (export \"res\") (param i32) (result i32) (call $res (local.get 0) (i32.const 0))))");
  ASSERT_OUTCOME(raw_link(&raw, NULL, 0), RETURNED, "");
  assert_int_equal(raw_call(&raw, "res", ARGS(I32(4))).of.i32, WASI_LIGHT_EINVAL);
  assert_int_equal(raw_call(&raw, "res", ARGS(I32(-1))).of.i32, WASI_LIGHT_EINVAL);
  for (int32_t clock = 0; clock < 4; clock++) {
    wasi_light_outcome_t outcome = raw_try(&raw, "res", ARGS(I32(clock)));
    ASSERT_OUTCOME(outcome, NO_MEMORY, "clock_res_get");
    ASSERT_CONTAINS(outcome.message, "wasi_light_env_bind_memory"); /* the remedy */
  }
  assert_int_equal(raw_call(&raw, "res", ARGS(I32(4))).of.i32, WASI_LIGHT_EINVAL); /* nothing sticks */
  raw_end(&raw);
}

/* ---- Types ---- */

enum { ANY = -1, NO_MAX = -1 };

/* What is given for the import env.x, and what the error says of it; NULL: it can be imported. */
typedef struct type_case_t {
  const char *import;
  wasm_externkind_t kind;
  int type; /* a value kind, of the global or of the table's elements */
  bool variable;
  int64_t min, max;
  uint32_t grow; /* by how much the memory has grown */
  const char *given;
} type_case_t;

static const type_case_t type_cases[] = {
    {"global i32", WASM_EXTERN_GLOBAL, WASM_I32, false, ANY, ANY, 0, NULL},
    {"global (mut f64)", WASM_EXTERN_GLOBAL, WASM_F64, true, ANY, ANY, 0, NULL},
    {"global (mut i32)", WASM_EXTERN_GLOBAL, WASM_I32, false, ANY, ANY, 0, "wanted global mut i32, given global i32"},
    {"global i32", WASM_EXTERN_GLOBAL, WASM_I32, true, ANY, ANY, 0, "wanted global i32, given global mut i32"},
    {"global i64", WASM_EXTERN_GLOBAL, WASM_I32, false, ANY, ANY, 0, "wanted global i64, given global i32"},
    {"global f32", WASM_EXTERN_GLOBAL, WASM_F64, false, ANY, ANY, 0, "wanted global f32, given global f64"},
    {"func", WASM_EXTERN_GLOBAL, WASM_I32, false, ANY, ANY, 0, "wanted function () -> (), given global i32"},
    {"global i32", WASM_EXTERN_MEMORY, ANY, false, 1, 2, 0, "wanted global i32, given memory {min 1, max 2}"},
    {"memory 1", WASM_EXTERN_TABLE, WASM_FUNCREF, false, 1, 2, 0,
     "wanted memory {min 1}, given table funcref {min 1, max 2}"},

    {"table 1 funcref", WASM_EXTERN_TABLE, WASM_FUNCREF, false, 1, NO_MAX, 0, NULL},
    {"table 1 4 funcref", WASM_EXTERN_TABLE, WASM_FUNCREF, false, 2, 3, 0, NULL},
    {"table 1 4 funcref", WASM_EXTERN_TABLE, WASM_FUNCREF, false, 1, 4, 0, NULL},
    {"table 2 funcref", WASM_EXTERN_TABLE, WASM_FUNCREF, false, 1, NO_MAX, 0,
     "wanted table funcref {min 2}, given table funcref {min 1}"},
    {"table 1 4 funcref", WASM_EXTERN_TABLE, WASM_FUNCREF, false, 1, 5, 0,
     "wanted table funcref {min 1, max 4}, given table funcref {min 1, max 5}"},
    {"table 1 4 funcref", WASM_EXTERN_TABLE, WASM_FUNCREF, false, 1, NO_MAX, 0,
     "wanted table funcref {min 1, max 4}, given table funcref {min 1}"},
    {"table 1 4 externref", WASM_EXTERN_TABLE, WASM_FUNCREF, false, 1, 4, 0,
     "wanted table externref {min 1, max 4}, given table funcref {min 1, max 4}"},

    {"memory 0", WASM_EXTERN_MEMORY, ANY, false, 0, NO_MAX, 0, NULL},
    {"memory 1 3", WASM_EXTERN_MEMORY, ANY, false, 2, 3, 0, NULL},
    {"memory 3", WASM_EXTERN_MEMORY, ANY, false, 1, 5, 2, NULL}, /* what counts is its size now */
    {"memory 3", WASM_EXTERN_MEMORY, ANY, false, 1, 5, 1, "wanted memory {min 3}, given memory {min 2, max 5}"},
    {"memory 2", WASM_EXTERN_MEMORY, ANY, false, 1, 2, 0, "wanted memory {min 2}, given memory {min 1, max 2}"},
    {"memory 1 2", WASM_EXTERN_MEMORY, ANY, false, 1, 3, 0,
     "wanted memory {min 1, max 2}, given memory {min 1, max 3}"},
    {"memory 1 2", WASM_EXTERN_MEMORY, ANY, false, 1, NO_MAX, 0, "wanted memory {min 1, max 2}, given memory {min 1}"},
};

static wasm_extern_t *make_global(raw_t *raw, const type_case_t *row) {
  wasm_globaltype_t *type =
      wasm_globaltype_new(wasm_valtype_new((wasm_valkind_t)row->type), row->variable ? WASM_VAR : WASM_CONST);
  wasm_val_t value = {.kind = (wasm_valkind_t)row->type, .of = {.i64 = 0}};
  wasm_global_t *global = wasm_global_new(raw->store, type, &value);
  wasm_globaltype_delete(type);
  assert_non_null(global);
  return wasm_global_as_extern(global);
}

static wasm_extern_t *make_table(raw_t *raw, const wasm_limits_t *limits, const type_case_t *row) {
  wasm_tabletype_t *type = wasm_tabletype_new(wasm_valtype_new((wasm_valkind_t)row->type), limits);
  wasm_table_t *table = wasm_table_new(raw->store, type, NULL);
  wasm_tabletype_delete(type);
  assert_non_null(table);
  return wasm_table_as_extern(table);
}

static wasm_extern_t *make_extern(raw_t *raw, const type_case_t *row) {
  wasm_limits_t limits = {(uint32_t)row->min, row->max == NO_MAX ? wasm_limits_max_default : (uint32_t)row->max};
  if (row->kind == WASM_EXTERN_GLOBAL) return make_global(raw, row);
  if (row->kind == WASM_EXTERN_TABLE) return make_table(raw, &limits, row);
  wasm_memory_t *memory = raw_memory(raw, limits.min, limits.max);
  if (row->grow > 0) assert_true(wasm_memory_grow(memory, row->grow));
  return wasm_memory_as_extern(memory);
}

static void test_types_of_externs(void **state) {
  for (size_t i = 0; i < COUNT(type_cases); i++) {
    const type_case_t *row = &type_cases[i];
    char wat[256];
    raw_t raw;
    snprintf(wat, sizeof wat, "(module (import \"env\" \"x\" (%s)) (func (export \"f\") (result i32) (i32.const 1)))",
             row->import);
    raw_start(&raw, wat);
    const wasi_light_extern_t externs[] = {{"env", "x", make_extern(&raw, row)}};
    if (row->given) {
      wasi_light_error_t error = raw_no_link(&raw, externs, 1);
      ASSERT_CONTAINS(error.message, "1 of the module's imports cannot be satisfied:\n  env.x: ");
      assert_string_equal(strchr(error.message, '\n') + strlen("\n  env.x: "), row->given);
    } else {
      ASSERT_OUTCOME(raw_link(&raw, externs, 1), RETURNED, "");
      assert_int_equal(raw_call(&raw, "f", NO_ARGS).of.i32, 1);
    }
    wasm_extern_delete(externs[0].extern_);
    raw_end(&raw);
  }
}

/* What links is also the extern that was given, and no copy of its contents. */
static void test_a_global_is_shared_with_the_host(void **state) {
  static const type_case_t row = {"", WASM_EXTERN_GLOBAL, WASM_I64, true, ANY, ANY, 0, NULL};
  raw_t raw;
  wasm_val_t value;
  raw_start(&raw, "(module (import \"env\" \"g\" (global $g (mut i64)))"
                  "(func (export \"f\") (result i64) (global.set $g (i64.add (global.get $g) (i64.const 1)))"
                  " (global.get $g)))");
  const wasi_light_extern_t externs[] = {{"env", "g", make_extern(&raw, &row)}};
  ASSERT_OUTCOME(raw_link(&raw, externs, 1), RETURNED, "");
  wasm_global_set(wasm_extern_as_global(externs[0].extern_), (const wasm_val_t[]){I64(41)});
  assert_int_equal(raw_call(&raw, "f", NO_ARGS).of.i64, 42);
  wasm_global_get(wasm_extern_as_global(externs[0].extern_), &value);
  assert_int_equal(value.of.i64, 42);
  wasm_extern_delete(externs[0].extern_);
  raw_end(&raw);
}

/* ---- The one error ---- */

static void test_all_problems_are_one_error(void **state) {
  static const int32_t number = 1;
  raw_t raw;
  raw_start(&raw, "(module (import \"env\" \"missing\" (func (param i32 i64) (result f64)))"
                  "(import \"env\" \"good\" (func (result i32)))"
                  "(import \"env\" \"number\" (func (result i64)))"
                  "(import " WASI " \"random_get\" (func (param i32 i32) (result i32)))"
                  "(import " WASI " \"proc_exit\" (func (param i32) (result i32)))"
                  "(import " WASI " \"clock_time_get\" (func (param i32 i32 i32) (result i32)))"
                  "(import " WASI " \"sched_yield\" (func))"
                  "(import " WASI " \"sock_open\" (func (param i32) (result i32)))"
                  "(import " WASI " \"fd_close\" (global i32))"
                  "(import \"wasi_unstable\" \"sock_accept\" (func (param i32 i32 i32) (result i32)))"
                  "(import \"env\" \"memory\" (memory 1 2))"
                  "(import \"env\" \"table\" (table 3 externref))"
                  "(import \"env\" \"global\" (global (mut f32))))");
  wasm_func_t *func = raw_number(&raw, &number);
  const wasi_light_extern_t externs[] = {{"env", "number", wasm_func_as_extern(func)},
                                         {"env", "good", wasm_func_as_extern(func)}};
  wasi_light_error_t error = raw_no_link(&raw, externs, 2);
  assert_string_equal(error.message,
                      "11 of the module's imports cannot be satisfied:"
                      "\n  env.missing: wanted function (i32, i64) -> (f64), given nothing"
                      "\n  env.number: wanted function () -> (i64), given function () -> (i32)"
                      "\n  wasi_snapshot_preview1.proc_exit: wanted function (i32) -> (i32), given function (i32) -> ()"
                      "\n  wasi_snapshot_preview1.clock_time_get: wanted function (i32, i32, i32) -> (i32), "
                      "given function (i32, i64, i32) -> (i32)"
                      "\n  wasi_snapshot_preview1.sched_yield: wanted function () -> (), given function () -> (i32)"
                      "\n  wasi_snapshot_preview1.sock_open: wanted function (i32) -> (i32), given nothing"
                      "\n  wasi_snapshot_preview1.fd_close: wanted global i32, given function (i32) -> (i32)"
                      "\n  wasi_unstable.sock_accept: wanted function (i32, i32, i32) -> (i32), given nothing"
                      "\n  env.memory: wanted memory {min 1, max 2}, given nothing"
                      "\n  env.table: wanted table externref {min 3}, given nothing"
                      "\n  env.global: wanted global mut f32, given nothing");
  wasm_extern_vec_t imports;
  assert_false(wasi_light_generate_import_object(raw.env, raw.store, raw.module, externs, 2, &imports, NULL));
  assert_int_equal(imports.size, 0);
  wasm_extern_vec_delete(&imports);
  wasm_func_delete(func);
  raw_end(&raw);
}

/* A failure binds nothing, and the same environment can be linked with what was missing. */
static void test_after_a_failure_one_can_try_again(void **state) {
  static const int32_t number = 5;
  raw_t raw;
  start_with_args(&raw, "(module " IMPORT_SIZES "(import \"env\" \"m\" (memory 1))"
                        "(import \"env\" \"n\" (func $n (result i32)))" CALL_SIZES
                        "(func (export \"n\") (result i32) (call $n)))");
  wasm_memory_t *memory = raw_memory(&raw, 1, 1);
  wasm_func_t *func = raw_number(&raw, &number);
  const wasi_light_extern_t externs[] = {{"env", "m", wasm_memory_as_extern(memory)},
                                         {"env", "n", wasm_func_as_extern(func)}};
  wasi_light_error_t error = raw_no_link(&raw, externs, 1);
  assert_string_equal(error.message, "1 of the module's imports cannot be satisfied:"
                                     "\n  env.n: wanted function () -> (i32), given nothing");
  ASSERT_OUTCOME(raw_link(&raw, externs, 2), RETURNED, "");
  assert_int_equal(raw_call(&raw, "n", NO_ARGS).of.i32, 5);
  assert_int_equal(raw_call(&raw, "sizes", NO_ARGS).of.i32, WASI_LIGHT_ESUCCESS);
  assert_int_equal(number_at(memory, 16), 3);
  wasm_func_delete(func);
  wasm_memory_delete(memory);
  raw_end(&raw);
}

static char *many_imports(unsigned count) {
  size_t size = 128 * (size_t)count + 64;
  char *wat = malloc(size);
  assert_non_null(wat);
  size_t used = (size_t)snprintf(wat, size, "(module");
  for (unsigned i = 0; i < count; i++) {
    used += (size_t)snprintf(wat + used, size - used, "(import \"env\" \"f%u\" (func (param%s)))", i,
                             i % 2 ? " i64 i64 i64 i64 i64 i64 i64 i64 i64 i64" : " i32");
  }
  snprintf(wat + used, size - used, ")");
  return wat;
}

/* As many as fit are shown, in order and whole; the rest is counted. A short line does not overtake a long one. */
static void test_hundreds_of_problems(void **state) {
  static const unsigned counts[] = {1, 30, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 80, 100, 700};
  bool cut = false;
  for (size_t i = 0; i < COUNT(counts); i++) {
    char line[128];
    raw_t raw;
    unsigned shown = 0;
    unsigned hidden = 0;
    char *wat = many_imports(counts[i]);
    raw_start(&raw, wat);
    wasi_light_error_t error = raw_no_link(&raw, NULL, 0);
    snprintf(line, sizeof line, "%u of the module's imports cannot be satisfied:", counts[i]);
    const char *at = error.message;
    assert_memory_equal(at, line, strlen(line));
    at += strlen(line);
    for (;; shown++) {
      snprintf(line, sizeof line, "\n  env.f%u: wanted function (%s) -> (), given nothing", shown,
               shown % 2 ? "i64, i64, i64, i64, i64, i64, i64, i64, i64, i64" : "i32");
      if (strncmp(at, line, strlen(line)) != 0) break;
      at += strlen(line);
    }
    const char *and_more = "\n  ... and ";
    if (strncmp(at, and_more, strlen(and_more)) == 0) hidden = (unsigned)strtoul(at + strlen(and_more), NULL, 10);
    assert_int_equal(shown + hidden, counts[i]);
    snprintf(line, sizeof line, "\n  ... and %u more", hidden);
    assert_string_equal(at, hidden > 0 ? line : "");
    if (hidden > 0) assert_in_range(shown, 45, 57); /* some 4,000 bytes of 54 and 99 each */
    cut = cut || hidden > 0;
    raw_end(&raw);
    free(wat);
  }
  assert_true(cut);
}

static void test_names_with_control_characters(void **state) {
  raw_t raw;
  raw_start(&raw, "(module (import \"e\\0an\\1b[31m\\7fv\" \"\\00f\\09\\1f\\0d\" (func))"
                  "(import \"\\c3\\a4\" \"\\e2\\82\\ac \" (func)) (import \"\" \"\" (func)))");
  wasi_light_error_t error = raw_no_link(&raw, NULL, 0);
  assert_string_equal(error.message, "3 of the module's imports cannot be satisfied:"
                                     "\n  e?n?[31m?v.?f???: wanted function () -> (), given nothing"
                                     "\n  \xc3\xa4.\xe2\x82\xac : wanted function () -> (), given nothing"
                                     "\n  : wanted function () -> (), given nothing");
  raw_end(&raw);
}

static void test_very_long_names_and_types(void **state) {
  enum { LENGTH = 5000 };
  static char name[LENGTH + 1];
  static char wat[3 * LENGTH];
  raw_t raw;
  memset(name, 'n', LENGTH);
  size_t used = (size_t)snprintf(wat, sizeof wat, "(module (import \"%s\" \"%s\" (func (param", name, name);
  for (size_t i = 0; i < 500; i++) used += (size_t)snprintf(wat + used, sizeof wat - used, " f32");
  snprintf(wat + used, sizeof wat - used, "))) (import \"env\" \"last\" (func)))");
  raw_start(&raw, wat);
  wasi_light_error_t error = raw_no_link(&raw, NULL, 0);
  char expected[256];
  snprintf(expected, sizeof expected, ":\n  %.64s....%.64s...: wanted function (f32, f32, ", name, name);
  ASSERT_CONTAINS(error.message, expected);
  ASSERT_CONTAINS(error.message, "..., given nothing\n  env.last: wanted function () -> (), given nothing");
  assert_in_range(strlen(error.message), 1, 600);
  raw_end(&raw);
}

/* The name of a WASI function as a function of another module, or of none, is not ours. */
static void test_only_the_wasi_namespace_is_ours(void **state) {
  raw_t raw;
  raw_start(&raw, "(module (import \"wasi_snapshot_preview\" \"sched_yield\" (func (result i32)))"
                  "(import \"wasi_snapshot_preview10\" \"sched_yield\" (func (result i32)))"
                  "(import \"\" \"sched_yield\" (func (result i32)))"
                  "(import " WASI " \"sched_yiel\" (func (result i32)))"
                  "(import " WASI " \"sched_yield\\00\" (func (result i32)))"
                  "(import " WASI " \"sched_yield\" (func (result i32))))");
  wasi_light_error_t error = raw_no_link(&raw, NULL, 0);
  ASSERT_CONTAINS(error.message, "5 of the module's imports");
  ASSERT_CONTAINS_NOT(error.message, "sched_yield: wanted function () -> (i32), given function");
  raw_end(&raw);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_host_and_wasi_are_merged_by_position),
    cmocka_unit_test(test_a_module_without_imports),
    cmocka_unit_test(test_a_host_extern_replaces_a_wasi_function),
    cmocka_unit_test(test_an_extern_of_the_same_name_in_another_module_replaces_nothing),
    cmocka_unit_test(test_one_function_imported_twice),
    cmocka_unit_test(test_which_memory_is_bound),
    cmocka_unit_test(test_an_imported_memory_is_bound_before_the_start_section),
    cmocka_unit_test(test_an_exported_memory_is_not_bound_in_the_start_section),
    cmocka_unit_test(test_clock_res_get_without_memory),
    cmocka_unit_test(test_types_of_externs),
    cmocka_unit_test(test_a_global_is_shared_with_the_host),
    cmocka_unit_test(test_all_problems_are_one_error),
    cmocka_unit_test(test_after_a_failure_one_can_try_again),
    cmocka_unit_test(test_hundreds_of_problems),
    cmocka_unit_test(test_names_with_control_characters),
    cmocka_unit_test(test_very_long_names_and_types),
    cmocka_unit_test(test_only_the_wasi_namespace_is_ours),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
