/* SPDX-License-Identifier: MIT */
/*
 * Declared maxima are lowered to the host's limits: in the bytes, and as the guest sees it, whose memory.grow and
 * table.grow give -1 where the limit is.
 */
#include "pool_bytes.h"

static wasi_light_limits_t limits_of(uint32_t pages, uint32_t elements) {
  wasi_light_limits_t limits = WASI_LIGHT_LIMITS_INIT;
  limits.memory_pages = pages;
  limits.table_elements = elements;
  return limits;
}

/* Rewritten with these limits, the one module must be the other. */
static void expect_same(const char *before, uint32_t pages, uint32_t elements, const char *after) {
  wasi_light_limits_t limits = limits_of(pages, elements);
  rig_bytes_t bytes = rig_assemble(before);
  rig_bytes_t expected = rig_assemble(after);
  pool_rewritten_t out = pool_rewrite(&bytes, &limits);
  if (out.bytes.size != expected.size || memcmp(out.bytes.data, expected.data, expected.size) != 0) {
    fail_msg("%s with %u pages, %u elements is not %s", before, pages, elements, after);
  }
  rig_bytes_end(&bytes);
  rig_bytes_end(&expected);
  rig_bytes_end(&out.bytes);
}

static void test_maxima_of_memories(void **state) {
  expect_same("(module (memory 1))", 10, 0, "(module (memory 1 10))");
  expect_same("(module (memory 1 65536))", 10, 0, "(module (memory 1 10))");
  expect_same("(module (memory 1 11))", 10, 0, "(module (memory 1 10))");
  expect_same("(module (memory 1 10))", 10, 0, "(module (memory 1 10))");
  expect_same("(module (memory 1 9))", 10, 0, "(module (memory 1 9))");
  expect_same("(module (memory 10))", 10, 0, "(module (memory 10 10))");
  expect_same("(module (memory 0))", 0, 0, "(module (memory 0 0))");
  expect_same("(module (memory 1))", 65536, 0, "(module (memory 1))");
  expect_same("(module (memory 1))", 65535, 0, "(module (memory 1 65535))");
  expect_same("(module (memory 1 2 shared))", 10, 0, "(module (memory 1 2 shared))");
  expect_same("(module (memory 1 200 shared))", 10, 0, "(module (memory 1 10 shared))");
  expect_same("(module (memory 1) (memory 2 3) (memory 4 5000))", 10, 0,
              "(module (memory 1 10) (memory 2 3) (memory 4 10))");
  expect_same("(module (memory 0 300) (data (i32.const 4) \"x\"))", 200, 0,
              "(module (memory 0 200) (data (i32.const 4) \"x\"))");
}

static void test_maxima_of_tables(void **state) {
  expect_same("(module (table 1 funcref))", 0, 10, "(module (table 1 10 funcref))");
  expect_same("(module (table 1 4294967295 funcref))", 0, 10, "(module (table 1 10 funcref))");
  expect_same("(module (table 1 10 externref))", 0, 10, "(module (table 1 10 externref))");
  expect_same("(module (table 1 11 externref))", 0, 10, "(module (table 1 10 externref))");
  expect_same("(module (table 1 9 funcref))", 0, 10, "(module (table 1 9 funcref))");
  expect_same("(module (table 0 funcref))", 0, 0, "(module (table 0 0 funcref))");
  expect_same("(module (table 3 funcref) (table 1 5 externref) (table 2 70000 funcref))", 0, 128,
              "(module (table 3 128 funcref) (table 1 5 externref) (table 2 128 funcref))");
  expect_same("(module (table 1 funcref))", 0, UINT32_MAX, "(module (table 1 funcref))");
}

/* Imported ones lie among other imports, and before what is defined. A table that is imported is left: it is never given. */
static void test_maxima_of_imports(void **state) {
  expect_same(
      "(module (import \"e\" \"f\" (func)) (import \"e\" \"m\" (memory 1)) (import \"e\" \"g\" (global i32)))", 10, 0,
      "(module (import \"e\" \"f\" (func)) (import \"e\" \"m\" (memory 1 10)) (import \"e\" \"g\" (global i32)))");
  expect_same("(module (import \"e\" \"m\" (memory 1 20)) (import \"e\" \"n\" (memory 2)) (memory 3 30))", 10, 0,
              "(module (import \"e\" \"m\" (memory 1 10)) (import \"e\" \"n\" (memory 2 10)) (memory 3 10))");
  expect_same("(module (import \"e\" \"t\" (table 1 funcref)) (table 2 funcref))", 10, 20,
              "(module (import \"e\" \"t\" (table 1 funcref)) (table 2 20 funcref))");
  expect_same("(module (import \"e\" \"t\" (table 1 funcref)) (import \"e\" \"m\" (memory 1)))", 10, 20,
              "(module (import \"e\" \"t\" (table 1 funcref)) (import \"e\" \"m\" (memory 1 10)))");
}

static void test_what_begins_with_more_is_refused(void **state) {
  static const struct {
    const char *wat;
    uint32_t pages, elements;
    bool good;
  } rows[] = {
      {"(module (memory 10 20))", 10, 0, true},
      {"(module (memory 11 20))", 10, 0, false},
      {"(module (memory 1))", 0, 0, false},
      {"(module (memory 1) (memory 11))", 10, 0, false},
      {"(module (import \"e\" \"m\" (memory 11)))", 10, 0, false},
      {"(module (table 10 funcref))", 0, 10, true},
      {"(module (table 11 funcref))", 0, 10, false},
      {"(module (table 5 funcref) (table 5 funcref))", 0, 10, true},
      {"(module (table 5 funcref) (table 6 funcref))", 0, 10, false}, /* all tables together */
      {"(module (table 4294967295 funcref) (table 4294967295 funcref))", 0, 10, false},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    wasi_light_limits_t limits = limits_of(rows[i].pages, rows[i].elements);
    wasi_light_error_t error;
    pool_rewritten_t out;
    rig_bytes_t bytes = rig_assemble(rows[i].wat);
    bool good = pool_try_rewrite(&bytes, &limits, &out, &error);
    if (good != rows[i].good) fail_msg("%s", rows[i].wat);
    if (good) rig_bytes_end(&out.bytes);
    else ASSERT_ERROR(error, MODULE, strstr(rows[i].wat, "table") ? "table_elements" : "memory_pages");
    rig_bytes_end(&bytes);
  }
}

/* ---- As the guest sees it ---- */

static void start(rig_t *rig, const char *wat, const wasi_light_linker_t *linker, const wasi_light_limits_t *limits) {
  wasi_light_error_t error;
  rig_bytes_t bytes = rig_assemble(wat);
  wasi_light_module_t *module = wasi_light_module_new(rig_engine(), bytes.data, bytes.size, linker, limits, &error);
  if (!module) fail_msg("%s", error.message);
  rig_bytes_end(&bytes);
  rig_start_module(rig, module, NULL, NULL);
}

static int32_t call(rig_t *rig, const char *name, uint32_t argument) {
  return rig_call(rig, name, ARGS(I32((int32_t)argument))).of.i32;
}

#define GROW_MEMORY "(func (export \"grow\") (param i32) (result i32) (memory.grow (local.get 0)))"

static void expect_growth(rig_t *rig, uint32_t size, uint32_t max) {
  assert_int_equal(call(rig, "grow", max - size + 1), -1);
  assert_int_equal(call(rig, "grow", UINT32_MAX), -1);
  assert_int_equal(call(rig, "grow", 4000000000), -1);
  assert_int_equal(call(rig, "grow", 0), size);
  assert_int_equal(call(rig, "grow", max - size), size);
  assert_int_equal(call(rig, "grow", 1), -1);
  assert_int_equal(call(rig, "grow", 0), max);
}

static void test_a_guest_cannot_grow_its_memory_past_the_limit(void **state) {
  wasi_light_limits_t limits = limits_of(7, 0);
  rig_t rig;
  start(&rig, "(module (memory (export \"memory\") 2)" GROW_MEMORY ")", NULL, &limits);
  expect_growth(&rig, 2, 7);
  assert_non_null(wasi_light_memory(rig.instance, 0, 7 * 65536));
  assert_null(wasi_light_memory(rig.instance, 0, 7 * 65536 + 1));
  rig_end(&rig);
  start(&rig, "(module (memory (export \"memory\") 2 5)" GROW_MEMORY ")", NULL, &limits); /* its own is the lower */
  expect_growth(&rig, 2, 5);
  rig_end(&rig);
}

static void test_an_imported_memory_has_the_limit_too(void **state) {
  wasi_light_limits_t limits = limits_of(4, 0);
  wasi_light_error_t error;
  wasi_light_linker_t *linker = wasi_light_linker_new();
  rig_t rig;
  assert_true(wasi_light_linker_memory(linker, "env", "memory", &error));
  start(&rig, "(module (import \"env\" \"memory\" (memory 1))" GROW_MEMORY ")", linker, &limits);
  expect_growth(&rig, 1, 4);
  rig_end(&rig);
  start(&rig, "(module (import \"env\" \"memory\" (memory 1 3))" GROW_MEMORY ")", linker, &limits);
  expect_growth(&rig, 1, 3);
  rig_end(&rig);
  wasi_light_linker_delete(linker);
}

#define GROW_TABLE                                                                                  \
  "(func (export \"grow\") (param i32) (result i32) (table.grow $t (ref.null func) (local.get 0)))" \
  "(func (export \"grow_other\") (param i32) (result i32) (table.grow $u (ref.null extern) (local.get 0)))"

/* With no limits given it is 1 Mi; without one, the engine aborts the process near 4e9. */
static void test_a_guest_cannot_grow_its_tables_past_the_limit(void **state) {
  wasi_light_limits_t limits = limits_of(0, 300);
  rig_t rig;
  start(&rig, "(module (table $u 0 20 externref) (table $t 2 funcref)" GROW_TABLE ")", NULL, &limits);
  expect_growth(&rig, 2, 300);
  assert_int_equal(call(&rig, "grow_other", 21), -1);
  assert_int_equal(call(&rig, "grow_other", 20), 0);
  rig_end(&rig);
  start(&rig, "(module (table $u 0 externref) (table $t 2 4294967295 funcref)" GROW_TABLE ")", NULL, NULL);
  expect_growth(&rig, 2, 1048576);
  assert_int_equal(call(&rig, "grow_other", 4000000000), -1);
  assert_int_equal(call(&rig, "grow_other", 1048577), -1);
  rig_end(&rig);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_maxima_of_memories),
    cmocka_unit_test(test_maxima_of_tables),
    cmocka_unit_test(test_maxima_of_imports),
    cmocka_unit_test(test_what_begins_with_more_is_refused),
    cmocka_unit_test(test_a_guest_cannot_grow_its_memory_past_the_limit),
    cmocka_unit_test(test_an_imported_memory_has_the_limit_too),
    cmocka_unit_test(test_a_guest_cannot_grow_its_tables_past_the_limit),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
