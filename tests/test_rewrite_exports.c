/* SPDX-License-Identifier: MIT */
/*
 * The exports that the rewriter adds: which globals get one, under which names, and where they go in a module that has
 * few sections or many. And that the host sees nothing of them.
 */
#include "pool_bytes.h"

/* The exports of the module rewritten; it is valid if it was. */
static void expect_exports(const char *wat, const char *expected) {
  char text[POOL_TEXT];
  rig_bytes_t bytes = rig_assemble(wat);
  pool_rewritten_t out = pool_rewrite(&bytes, NULL);
  if (strcmp(pool_exports(&out.bytes, text), expected) != 0) fail_msg("%s\nexpected %s\n%s", text, expected, wat);
  assert_int_equal(pool_valid(&bytes), pool_valid(&out.bytes));
  assert_true(!pool_wabt_valid(&bytes) || pool_wabt_valid(&out.bytes));
  rig_bytes_end(&bytes);
  rig_bytes_end(&out.bytes);
}

#define MUT(type) "(global (mut " #type ") (" #type ".const 0))"
#define CONST(type) "(global " #type " (" #type ".const 0))"

static void test_mutable_numbers_get_an_export(void **state) {
  expect_exports("(module " MUT(i32) MUT(i64) MUT(f32) MUT(f64) ")",
                 "wasi-light:global.0=global:0 wasi-light:global.1=global:1 wasi-light:global.2=global:2 "
                 "wasi-light:global.3=global:3");
  expect_exports("(module " CONST(i32) MUT(i64) CONST(f32) MUT(f64) CONST(f64) ")",
                 "wasi-light:global.1=global:1 wasi-light:global.3=global:3");
}

static void test_other_globals_get_none(void **state) {
  expect_exports("(module " CONST(i32) CONST(i64) CONST(f32) CONST(f64) ")", "");
  expect_exports("(module (global (mut v128) (v128.const i64x2 1 2)) (global v128 (v128.const i64x2 1 2)))", "");
  expect_exports("(module (func $f) (elem declare func $f) (global (mut funcref) (ref.func $f))"
                 "(global (mut externref) (ref.null extern)) (global funcref (ref.null func)))",
                 "");
  expect_exports("(module (global (mut v128) (v128.const i64x2 1 2))" MUT(
                     i32) "(global (mut funcref) (ref.null func))" MUT(i64) ")",
                 "wasi-light:global.1=global:1 wasi-light:global.3=global:3");
}

static void test_exported_globals_get_no_other(void **state) {
  expect_exports("(module (global (export \"g\") (mut i32) (i32.const 0)))", "g=global:0");
  expect_exports("(module (global (export \"g\") (export \"h\") (mut i32) (i32.const 0))" MUT(i64) ")",
                 "g=global:0 h=global:0 wasi-light:global.1=global:1");
  /* what is exported under the same index but is another thing */
  expect_exports(
      "(module (func (export \"f\")) (memory (export \"m\") 1) (table (export \"t\") 1 2 funcref)" MUT(i32) ")",
      "f=func:0 m=memory:0 t=table:0 wasi-light:global.0=global:0");
}

/* Imported globals come first in the numbering. One that is mutable is exported too, though no host can give it. */
static void test_imported_globals_count(void **state) {
  expect_exports("(module (import \"e\" \"g\" (global i32)) (import \"e\" \"h\" (global f64))" MUT(i32) ")",
                 "wasi-light:global.2=global:2");
  expect_exports("(module (import \"e\" \"g\" (global i32)) (export \"g\" (global 0)))", "g=global:0");
  expect_exports("(module (import \"e\" \"g\" (global (mut i32))))", "wasi-light:global.0=global:0");
}

/* ---- Names ---- */

static void test_names_that_are_taken(void **state) {
  static const struct {
    const char *taken, *prefix;
  } rows[] = {
      {"wasi-light:", "wasi-light::"},
      {"wasi-light:global.0", "wasi-light::"},
      {"wasi-light::x", "wasi-light:::"},
      {"wasi-light:::::", "wasi-light::::::"},
      {"wasi-light:x:::", "wasi-light::"},
      {"wasi-light", "wasi-light:"},
      {"wasi-lightning", "wasi-light:"},
      {"xwasi-light:global.0", "wasi-light:"},
      {"wasi-ligh:", "wasi-light:"},
      {"Wasi-light:", "wasi-light:"},
      {"", "wasi-light:"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    char wat[256];
    char expected[256];
    snprintf(wat, sizeof wat, "(module (func (export \"%s\")) " MUT(i32) ")", rows[i].taken);
    snprintf(expected, sizeof expected, "%s=func:0 %sglobal.0=global:0", rows[i].taken, rows[i].prefix);
    expect_exports(wat, expected);
  }
}

static void test_several_names_that_are_taken(void **state) {
  expect_exports("(module (func (export \"wasi-light::\") (export \"wasi-light:\") (export \"wasi-light:::::\")"
                 "(export \"wasi-light:::\")) " MUT(i32) ")",
                 "wasi-light::=func:0 wasi-light:=func:0 wasi-light:::::=func:0 wasi-light:::=func:0 "
                 "wasi-light::::::global.0=global:0");
}

/* As many colons as there is room for, and one more: an error, not a clash. */
static void test_all_names_are_taken(void **state) {
  char colons[64];
  char wat[256];
  pool_rewritten_t out = {.has_start = false};
  wasi_light_error_t error;
  unsigned accepted = 0;
  for (unsigned count = 1; count < 60; count++) {
    memset(colons, ':', count);
    colons[count] = '\0';
    snprintf(wat, sizeof wat, "(module (func (export \"wasi-light%s\")) " MUT(i32) ")", colons);
    rig_bytes_t bytes = rig_assemble(wat);
    if (pool_try_rewrite(&bytes, NULL, &out, &error)) {
      assert_int_equal(accepted, count - 1); /* none after the first that was refused */
      assert_int_equal(strlen(out.prefix), strlen("wasi-light") + count + 1);
      assert_true(pool_valid(&out.bytes));
      accepted++;
      rig_bytes_end(&out.bytes);
    } else {
      ASSERT_ERROR(error, MODULE, "reserved names");
    }
    rig_bytes_end(&bytes);
  }
  assert_in_range(accepted, 8, 58);
}

/* What is added is not shown as a function, is called as the start section, and is what a pool restores. */
static void test_a_taken_name_does_no_harm(void **state) {
  rig_t rig;
  rig_start(&rig,
            "(module (global $g (mut i32) (i32.const 1)) (global $h (mut i32) (i32.const 5))"
            "(func $start (global.set $g (i32.add (global.get $g) (i32.const 1)))) (start $start)"
            "(func (export \"wasi-light:start\") (global.set $g (i32.const 77)))"
            "(func (export \"wasi-light:global.0\") (result i32) (global.get $g))"
            "(func (export \"get\") (result i32) (global.get $g)))",
            NULL, 0);
  assert_int_equal(rig_call(&rig, "get", NO_ARGS).of.i32, 2); /* the start section ran, and the other did not */
  assert_int_equal(rig_call(&rig, "wasi-light:global.0", NO_ARGS).of.i32, 2);
  rig_call(&rig, "wasi-light:start", NO_ARGS);
  assert_int_equal(rig_call(&rig, "get", NO_ARGS).of.i32, 77);
  assert_non_null(wasi_light_module_func_at(rig.module, 2));
  assert_null(wasi_light_module_func_at(rig.module, 3));
  assert_null(wasi_light_module_func(rig.module, "wasi-light::start"));
  rig_end(&rig);
}

/* ---- Where the section goes ---- */

static void expect_sections(const char *wat, const char *before, const char *after) {
  char text[POOL_TEXT];
  rig_bytes_t bytes = rig_assemble(wat);
  pool_rewritten_t out = pool_rewrite(&bytes, NULL);
  assert_string_equal(pool_sections(&bytes, text), before);
  assert_string_equal(pool_sections(&out.bytes, text), after);
  assert_true(pool_valid(&out.bytes));
  rig_bytes_end(&bytes);
  rig_bytes_end(&out.bytes);
}

static void test_modules_without_an_export_section(void **state) {
  expect_sections("(module)", "", "");
  expect_sections("(module " MUT(i32) ")", "6", "6 7");
  expect_sections("(module " MUT(i32) "(func) (start 0))", "1 3 6 8 10", "1 3 6 7 10");
  expect_sections("(module (func) (start 0))", "1 3 8 10", "1 3 7 10");
  expect_sections("(module " MUT(i32) "(table 1 1 funcref) (func) (elem (i32.const 0) 0))", "1 3 4 6 9 10",
                  "1 3 4 6 7 9 10");
  expect_sections("(module " MUT(i32) "(memory 1) (data (i32.const 0) \"x\"))", "5 6 11", "5 6 7 11");
  expect_sections("(module " MUT(i32) "(func))", "1 3 6 10", "1 3 6 7 10");
  expect_sections("(module (tag) " MUT(i32) "(func))", "1 3 13 6 10", "1 3 13 6 7 10");
}

static void test_custom_sections_stay_where_they_are(void **state) {
  expect_sections("(module " MUT(i32) "(@custom \"a\" (before first) \"1\") (@custom \"b\" (after global) \"2\")"
                                      "(@custom \"c\" (after last) \"3\"))",
                  "custom:a 6 custom:b custom:c", "custom:a 6 custom:b custom:c 7");
  expect_sections(
      "(module " MUT(i32) "(func) (@custom \"b\" (after global) \"2\") (@custom \"c\" (before code) \"3\"))",
      "1 3 6 custom:b custom:c 10", "1 3 6 custom:b custom:c 7 10");
  expect_sections("(module (func) (start 0) (func (export \"e\")) (@custom \"b\" (before start) \"2\")"
                  "(@custom \"c\" (after start) \"3\"))",
                  "1 3 7 custom:b 8 custom:c 10", "1 3 7 custom:b custom:c 10");
}

/* One that is there, but empty: what is added goes into it. */
static void test_an_empty_export_section(void **state) {
  static const char bytes[] = "\0asm\1\0\0\0\6\6\1\x7f\1\x41\5\xb\7\1\0";
  char text[POOL_TEXT];
  rig_bytes_t module = {(uint8_t *)bytes, sizeof bytes - 1};
  assert_true(pool_valid(&module));
  pool_rewritten_t out = pool_rewrite(&module, NULL);
  assert_string_equal(pool_exports(&out.bytes, text), "wasi-light:global.0=global:0");
  assert_string_equal(pool_sections(&out.bytes, text), "6 7");
  assert_true(pool_valid(&out.bytes));
  rig_bytes_end(&out.bytes);
}

/* ---- Many ---- */

/* As many as take two bytes for a count, in all four types. */
static void test_many_globals(void **state) {
  enum { MANY = 1000 };
  static const char *const types[] = {"i32", "i64", "f32", "f64"};
  char *wat = malloc(MANY * 100);
  assert_non_null(wat);
  size_t used = (size_t)sprintf(wat, "(module");
  for (int i = 0; i < MANY; i++) {
    used += (size_t)sprintf(wat + used, "(global (mut %s) (%s.const %d))", types[i % 4], types[i % 4], i);
  }
  sprintf(wat + used, "(func (export \"last\") (result f64) (global.get %d)))", MANY - 1);
  rig_bytes_t bytes = rig_assemble(wat);
  pool_rewritten_t out = pool_rewrite(&bytes, NULL);
  pool_part_t part = pool_section(&out.bytes, 7);
  assert_int_equal(pool_read_u32(&part.data), MANY + 1);
  rig_t rig;
  rig_start(&rig, wat, NULL, 0);
  assert_true(rig_call(&rig, "last", NO_ARGS).of.f64 == MANY - 1);
  assert_null(wasi_light_module_func_at(rig.module, 1));
  rig_end(&rig);
  rig_bytes_end(&bytes);
  rig_bytes_end(&out.bytes);
  free(wat);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_mutable_numbers_get_an_export),
    cmocka_unit_test(test_other_globals_get_none),
    cmocka_unit_test(test_exported_globals_get_no_other),
    cmocka_unit_test(test_imported_globals_count),
    cmocka_unit_test(test_names_that_are_taken),
    cmocka_unit_test(test_several_names_that_are_taken),
    cmocka_unit_test(test_all_names_are_taken),
    cmocka_unit_test(test_a_taken_name_does_no_harm),
    cmocka_unit_test(test_modules_without_an_export_section),
    cmocka_unit_test(test_custom_sections_stay_where_they_are),
    cmocka_unit_test(test_an_empty_export_section),
    cmocka_unit_test(test_many_globals),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
