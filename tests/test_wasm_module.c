/* SPDX-License-Identifier: MIT */
/* Modules: what is not one, their kinds and exported functions, references, and WebAssembly text. */
#include "wasm_rig.h"

/* ---- What is not a module ---- */

static wasi_light_error_t no_module_of(const void *bytes, size_t size, const wasi_light_limits_t *limits) {
  wasi_light_error_t error = {.code = WASI_LIGHT_ERROR_OK};
  assert_null(wasi_light_module_new(rig_engine(), bytes, size, NULL, limits, &error));
  assert_null(wasi_light_module_new(rig_engine(), bytes, size, NULL, limits, NULL));
  return error;
}

static void test_arguments(void **state) {
  static const uint8_t empty[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
  wasi_light_limits_t limits = WASI_LIGHT_LIMITS_INIT;
  wasi_light_error_t error;
  assert_null(wasi_light_module_new(NULL, empty, sizeof empty, NULL, NULL, &error));
  ASSERT_ERROR(error, ARGUMENT, "engine");
  assert_null(wasi_light_module_new(NULL, empty, sizeof empty, NULL, NULL, NULL));
  error = no_module_of(NULL, 0, NULL);
  ASSERT_ERROR(error, ARGUMENT, "bytes");
  limits.struct_size = 1;
  error = no_module_of(empty, sizeof empty, &limits);
  ASSERT_ERROR(error, ARGUMENT, "struct_size");
  wasi_light_module_delete(NULL);
}

/* The check comes before the engine, with the host's limits. */
static void test_bytes_are_checked(void **state) {
  wasi_light_limits_t limits = WASI_LIGHT_LIMITS_INIT;
  wasi_light_error_t error = no_module_of("(module)", 8, NULL);
  ASSERT_ERROR(error, MODULE, "not a WebAssembly module");
  error = rig_no_module("(module (func (export \"f\") (param v128)))", NULL);
  ASSERT_ERROR(error, MODULE, "f has v128 in its type");
  error = rig_no_module("(module (func (export \"_start\")) (func (export \"_initialize\")))", NULL);
  ASSERT_ERROR(error, MODULE, "_initialize");
  limits.memory_pages = 1;
  rig_bytes_t bytes = rig_assemble("(module (memory 2))");
  error = no_module_of(bytes.data, bytes.size, &limits);
  ASSERT_ERROR(error, MODULE, "memory_pages");
  rig_bytes_end(&bytes);
}

/* What only the engine finds. */
static void test_engine_errors(void **state) {
  static const uint8_t bad_body[] = "\0asm\1\0\0\0"
                                    "\1\5\1\x60\0\1\x7f"
                                    "\3\2\1\0"
                                    "\x0a\4\1\2\0\x0b";
  static const uint8_t bad_order[] = "\0asm\1\0\0\0"
                                     "\3\2\1\0"
                                     "\1\4\1\x60\0\0"
                                     "\x0a\4\1\2\0\x0b";
  wasi_light_error_t error = no_module_of(bad_body, sizeof bad_body - 1, NULL);
  ASSERT_ERROR(error, COMPILE, "type mismatch");
  error = no_module_of(bad_order, sizeof bad_order - 1, NULL);
  assert_true(error.code == WASI_LIGHT_ERROR_COMPILE || error.code == WASI_LIGHT_ERROR_MODULE);
  ASSERT_CONTAINS_NOT(error.message, "no reason");
  error = rig_no_module("(module (func (export \"f\") (result i32) (i32.const 1)) (func (export \"f\")))", NULL);
  ASSERT_ERROR(error, COMPILE, "duplicate export");
}

/* However long it is, the engine's reason is given, cut at its end. */
static void test_long_engine_errors(void **state) {
  enum { LENGTH = 3000 };
  static char wat[2 * LENGTH + 200];
  static char name[LENGTH + 1];
  memset(name, 'n', LENGTH);
  snprintf(wat, sizeof wat, "(module (func (export \"%s\")) (func (export \"%s\")))", name, name);
  wasi_light_error_t error = rig_no_module(wat, NULL);
  ASSERT_ERROR(error, COMPILE, "duplicate export");
  ASSERT_CONTAINS_NOT(error.message, "no reason");
  snprintf(wat, sizeof wat, "(module (func $%s (result i33)))", name);
  wasm_byte_vec_t bytes;
  assert_false(wasi_light_wat2wasm(wat, strlen(wat), &bytes, &error));
  ASSERT_ERROR(error, MODULE, "does not parse: ");
  ASSERT_CONTAINS_NOT(error.message, "no reason");
}

static void test_entry_points_take_and_give_nothing(void **state) {
  wasi_light_error_t error = rig_no_module("(module (func (export \"_start\") (param i32)))", NULL);
  ASSERT_ERROR(error, MODULE, "_start is a function (i32) -> (): expected function () -> ()");
  error = rig_no_module("(module (func (export \"_start\") (result i64) (i64.const 1)))", NULL);
  ASSERT_ERROR(error, MODULE, "_start is a function () -> (i64): expected function () -> ()");
  error = rig_no_module("(module (func (export \"_initialize\") (result i32) (i32.const 1)))", NULL);
  ASSERT_ERROR(error, MODULE, "_initialize is a function () -> (i32): expected function () -> ()");
}

static void test_unresolved_imports(void **state) {
  wasi_light_error_t error = rig_no_module("(module (import \"env\" \"f\" (func)) (import \"env\" \"m\" (memory 2 3))"
                                           "(func (export \"_start\") (param i32)))",
                                           NULL);
  ASSERT_ERROR(error, LINK,
               "2 of the module's imports cannot be satisfied:"
               "\n  env.f: wanted function () -> (), given nothing"
               "\n  env.m: wanted memory {min 2, max 3}, given nothing");
}

/* ---- What a module says of itself ---- */

static void test_kinds(void **state) {
  static const struct {
    const char *wat;
    wasi_light_module_kind_t kind;
  } cases[] = {
      {"(module)", WASI_LIGHT_LIBRARY},
      {"(module (func (export \"start\")) (func (export \"_initialize_\")) (func (export \"main\")))",
       WASI_LIGHT_LIBRARY},
      {"(module (func (export \"f\")) (func (export \"_initialize\")))", WASI_LIGHT_REACTOR},
      {"(module (func (export \"_start\")) (func (export \"f\")))", WASI_LIGHT_COMMAND},
      {"(module (memory (export \"_start\") 1) (func (export \"_initialize\")))", WASI_LIGHT_REACTOR},
      {"(module (func $f) (start $f) (memory (export \"_initialize\") 1))", WASI_LIGHT_LIBRARY},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    wasi_light_module_t *module = rig_module(cases[i].wat, NULL);
    if (wasi_light_module_kind(module) != cases[i].kind) fail_msg("%s", cases[i].wat);
    wasi_light_module_delete(module);
  }
}

static void assert_name(const wasi_light_func_t *func, const char *name, size_t size) {
  assert_non_null(func);
  assert_int_equal(wasi_light_func_name(func)->size, size);
  assert_memory_equal(wasi_light_func_name(func)->data, name, size);
}

static void test_functions(void **state) {
  wasi_light_module_t *module = rig_module(
      "(module (memory (export \"memory\") 1) (func $a (export \"add\") (param i32 i64) (result f32 f64)"
      " (f32.const 1) (f64.const 2))"
      "(global (export \"ad\") i32 (i32.const 1)) (func (export \"nul\\00tail\")) (table (export \"t\") 1 funcref)"
      "(export \"\" (func $a)) (global (mut i32) (i32.const 0)) (func (export \"\\e2\\82\\ac\")) (export \"again\" "
      "(func $a)))",
      NULL);
  const wasi_light_func_t *add = wasi_light_module_func(module, "add");
  assert_name(add, "add", 3);
  const wasm_functype_t *type = wasi_light_func_type(add);
  assert_int_equal(wasm_functype_params(type)->size, 2);
  assert_int_equal(wasm_valtype_kind(wasm_functype_params(type)->data[1]), WASM_I64);
  assert_int_equal(wasm_functype_results(type)->size, 2);
  assert_int_equal(wasm_valtype_kind(wasm_functype_results(type)->data[1]), WASM_F64);

  assert_name(wasi_light_module_func(module, ""), "", 0);
  assert_name(wasi_light_module_func(module, "\xe2\x82\xac"), "\xe2\x82\xac", 3);
  assert_name(wasi_light_module_func(module, "again"), "again", 5);
  static const char *const others[] = {"ad", "addd", "Add", "memory", "t", "nul", "nul\\00tail", " add"};
  for (size_t i = 0; i < COUNT(others); i++) assert_null(wasi_light_module_func(module, others[i]));

  assert_ptr_equal(wasi_light_module_func_at(module, 0), add);
  assert_name(wasi_light_module_func_at(module, 1), "nul\0tail", 8);
  assert_name(wasi_light_module_func_at(module, 2), "", 0);
  assert_name(wasi_light_module_func_at(module, 3), "\xe2\x82\xac", 3);
  assert_name(wasi_light_module_func_at(module, 4), "again", 5);
  assert_null(wasi_light_module_func_at(module, 5));
  assert_null(wasi_light_module_func_at(module, SIZE_MAX));
  wasi_light_module_delete(module);
}

static void test_the_engine_s_module(void **state) {
  wasi_light_module_t *module = rig_module("(module (func (export \"a\")) (memory (export \"m\") 1))", NULL);
  wasm_exporttype_vec_t exports;
  wasm_module_exports(wasi_light_module_wasm(module), &exports);
  assert_int_equal(exports.size, 2);
  assert_int_equal(wasm_externtype_kind(wasm_exporttype_type(exports.data[1])), WASM_EXTERN_MEMORY);
  wasm_exporttype_vec_delete(&exports);
  wasi_light_module_delete(module);
}

/* ---- References ---- */

static void test_references(void **state) {
  rig_t rig;
  wasi_light_module_t *module = rig_module("(module (func (export \"f\") (result i32) (i32.const 5)))", NULL);
  wasi_light_module_t *copy = wasi_light_module_copy(module);
  assert_ptr_equal(copy, module);
  wasi_light_module_delete(module);
  assert_non_null(wasi_light_module_func(copy, "f"));
  rig_start_module(&rig, copy, NULL, NULL);
  assert_ptr_equal(wasi_light_instance_module(rig.instance), copy);
  wasi_light_module_delete(copy); /* the instance holds it */
  wasi_light_config_delete(rig.config);
  assert_int_equal(rig_call(&rig, "f", NO_ARGS).of.i32, 5);
  wasi_light_instance_delete(rig.instance);
}

/* A module outlives the bytes that it was made from, whatever becomes of them. */
static void test_bytes_are_not_kept(void **state) {
  rig_t rig;
  rig_bytes_t bytes = rig_assemble("(module (memory 1) (data (i32.const 0) \"A\")"
                                   "(func (export \"f\") (result i32) (i32.load (i32.const 0))))");
  wasi_light_module_t *module = wasi_light_module_new(rig_engine(), bytes.data, bytes.size, NULL, NULL, NULL);
  assert_non_null(module);
  memset(bytes.data, 0xff, bytes.size);
  rig_bytes_end(&bytes);
  rig_start_module(&rig, module, NULL, NULL);
  assert_int_equal(rig_call(&rig, "f", NO_ARGS).of.i32, 'A');
  rig_end(&rig);
}

/* ---- Text ---- */

static void test_text(void **state) {
  static const char good[] = "(module (func (export \"f\")))garbage that is not counted";
  wasm_byte_vec_t bytes;
  wasi_light_error_t error = {.code = WASI_LIGHT_ERROR_OK};
  assert_true(wasi_light_wat2wasm(good, strlen(good) - strlen("garbage that is not counted"), &bytes, &error));
  assert_memory_equal(bytes.data, "\0asm\1\0\0\0", 8);
  wasm_byte_vec_delete(&bytes);
  static const char *const bad[] = {"(module (func (export \"f\"))", "(modul)",
                                    "(module (func (result i32) (i32.cons 1)))", "\xff\xfe"};
  for (size_t i = 0; i < COUNT(bad); i++) {
    assert_false(wasi_light_wat2wasm(bad[i], strlen(bad[i]), &bytes, &error));
    ASSERT_ERROR(error, MODULE, "does not parse: ");
    ASSERT_CONTAINS_NOT(error.message, "no reason");
    assert_false(wasi_light_wat2wasm(bad[i], strlen(bad[i]), &bytes, NULL));
  }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_arguments),
    cmocka_unit_test(test_bytes_are_checked),
    cmocka_unit_test(test_engine_errors),
    cmocka_unit_test(test_long_engine_errors),
    cmocka_unit_test(test_entry_points_take_and_give_nothing),
    cmocka_unit_test(test_unresolved_imports),
    cmocka_unit_test(test_kinds),
    cmocka_unit_test(test_functions),
    cmocka_unit_test(test_the_engine_s_module),
    cmocka_unit_test(test_references),
    cmocka_unit_test(test_bytes_are_not_kept),
    cmocka_unit_test(test_text),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
