/* SPDX-License-Identifier: MIT */
/*
 * Guests made for one purpose each: memories of every kind, tables, globals by the hundred, start sections, and modules
 * that cannot be recycled, which go through the same calls.
 */
#include "pool_rig.h"

typedef void (*body_t)(const wasi_light_pool_options_t *options);

/* Runs the body with each method that works here. */
static void each_method(body_t body, const wasi_light_pool_options_t *base) {
  for (size_t m = 0; m < POOL_METHODS; m++) {
    wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
    if (base) options = *base;
    if (pool_can(pool_methods[m], &options)) body(&options);
  }
}

/* `bump` counts in memory, in a global and returns the sum: 2 in a new instance, 4 the next time. */
#define BUMP                                                                     \
  "(global $n (mut i32) (i32.const 0)) (func (export \"bump\") (result i32)"     \
  "(global.set $n (i32.add (global.get $n) (i32.const 1)))"                      \
  "(i32.store (i32.const 16) (i32.add (i32.load (i32.const 16)) (i32.const 1)))" \
  "(i32.add (global.get $n) (i32.load (i32.const 16))))"

static int32_t bump(wasi_light_instance_t *instance) {
  return pool_i32(instance, "bump", NO_ARGS);
}

/* Takes and gives back several times: each lease begins anew, in the same instance or not. */
static void expect_leases(pool_rig_t *rig, bool recycled) {
  wasi_light_instance_t *first = NULL;
  for (int lease = 0; lease < 4; lease++) {
    wasi_light_instance_t *instance = pool_take(rig);
    if (!first) first = instance;
    if (recycled) assert_ptr_equal(instance, first);
    assert_int_equal(bump(instance), 2);
    assert_int_equal(bump(instance), 4);
    assert_int_equal(pool_give(rig, instance), recycled);
  }
  assert_int_equal(wasi_light_module_recyclable(rig->module), recycled);
  assert_int_equal(pool_stats(rig).made, recycled ? 1 : 4);
}

static void expect_recycled(const char *wat, const wasi_light_pool_options_t *options) {
  pool_rig_t rig;
  pool_start_wat(&rig, wat, options);
  expect_leases(&rig, true);
  pool_end(&rig);
}

/* ---- Memories ---- */

static void names_of_memory(const wasi_light_pool_options_t *options) {
  expect_recycled("(module (memory (export \"memory\") 1)" BUMP ")", options);
  expect_recycled("(module (memory (export \"mem\") 1)" BUMP ")", options);
  expect_recycled("(module (memory (export \"memory\") (export \"other\") 1)" BUMP ")", options);
  expect_recycled("(module (memory (export \"other\") (export \"memory\") 1)" BUMP ")", options);
  expect_recycled("(module (func (export \"memory\")) (memory (export \"mem\") 1)" BUMP ")", options);
}

static void test_names_of_memory(void **state) {
  each_method(names_of_memory, NULL);
}

/* Two names, and neither is "memory": which of them is bound is open, but the memory must be put back. */
static void test_a_memory_with_two_other_names(void **state) {
  static const char *const wats[] = {
      "(module (memory (export \"a\") (export \"b\") 1)" BUMP ")",
      "(module (func (export \"memory\")) (memory (export \"a\") (export \"b\") 1)" BUMP ")",
  };
  for (size_t i = 0; i < COUNT(wats); i++) {
    pool_rig_t rig;
    pool_start_wat(&rig, wats[i], NULL);
    expect_leases(&rig, wasi_light_module_recyclable(rig.module));
    pool_end(&rig);
  }
}

static void imported_memory(const wasi_light_pool_options_t *options) {
  static const char *const wats[] = {
      "(module (import \"env\" \"memory\" (memory 1))" BUMP ")",
      "(module (import \"env\" \"memory\" (memory 1 1))" BUMP ")",
      "(module (import \"env\" \"memory\" (memory 1)) (export \"memory\" (memory 0))" BUMP ")",
      "(module (import \"env\" \"memory\" (memory 1)) (export \"a\" (memory 0)) (export \"b\" (memory 0))" BUMP ")",
      "(module (import \"env\" \"memory\" (memory 2)) (data (i32.const 16) \"\\01\") (func $s (i32.store (i32.const 16)"
      "(i32.const 0)) (i32.store (i32.const 70000) (i32.const 1))) (start $s)" BUMP ")",
  };
  wasi_light_error_t error;
  wasi_light_linker_t *linker = wasi_light_linker_new();
  assert_true(wasi_light_linker_memory(linker, "env", "memory", &error));
  for (size_t i = 0; i < COUNT(wats); i++) {
    pool_rig_t rig;
    pool_start(&rig, rig_module(wats[i], linker), NULL, options);
    expect_leases(&rig, true);
    wasi_light_instance_t *a = pool_take(&rig);
    wasi_light_instance_t *b = pool_take(&rig); /* each has a memory of its own */
    assert_int_equal(bump(a), 2);
    assert_int_equal(bump(a), 4);
    assert_int_equal(bump(b), 2);
    pool_end(&rig);
  }
  wasi_light_linker_delete(linker);
}

static void test_an_imported_memory(void **state) {
  each_method(imported_memory, NULL);
}

#define GROW                                                                         \
  "(func (export \"grow\") (param i32) (result i32) (memory.grow (local.get 0)))"    \
  "(func (export \"size\") (result i32) (memory.size))"                              \
  "(func (export \"poke\") (param i32 i32) (i32.store (local.get 0) (local.get 1)))" \
  "(func (export \"peek\") (param i32) (result i32) (i32.load (local.get 0)))"

static int32_t grow(wasi_light_instance_t *instance, int32_t pages) {
  return pool_i32(instance, "grow", ARGS(I32(pages)));
}

static int32_t size_of(wasi_light_instance_t *instance) {
  return pool_i32(instance, "size", NO_ARGS);
}

static void grown_memory(const wasi_light_pool_options_t *options) {
  pool_rig_t rig;
  pool_start_wat(&rig, "(module (memory (export \"memory\") 2)" GROW BUMP ")", options);
  for (int round = 1; round <= 3; round++) {
    wasi_light_instance_t *instance = pool_take(&rig);
    assert_int_equal(size_of(instance), 2);
    assert_int_equal(bump(instance), 2);
    assert_int_equal(grow(instance, 0), 2); /* by nothing is no growth */
    pool_return(&rig, instance);
    instance = pool_take(&rig);
    assert_int_equal(grow(instance, round * 10), 2);
    assert_false(pool_give(&rig, instance));
    assert_int_equal(pool_stats(&rig).replaced_grown, round);
    assert_int_equal(pool_stats(&rig).live, 0);
  }
  assert_int_equal(pool_stats(&rig).made, 3);
  pool_end(&rig);
}

static void test_grown_memory_is_replaced(void **state) {
  each_method(grown_memory, NULL);
}

static void grown_and_kept(const wasi_light_pool_options_t *options) {
  pool_rig_t rig;
  pool_start_wat(&rig, "(module (memory (export \"memory\") 2 40)" GROW BUMP ")", options);
  wasi_light_instance_t *first = pool_take(&rig);
  assert_int_equal(grow(first, 3), 2);
  pool_call(first, "poke", ARGS(I32(4 * 65536), I32(77)));
  pool_return(&rig, first);
  for (int32_t pages = 5; pages < 40; pages += 7) {
    wasi_light_instance_t *instance = pool_take(&rig);
    assert_ptr_equal(instance, first);
    assert_int_equal(size_of(instance), pages);
    assert_int_equal(pool_i32(instance, "peek", ARGS(I32(4 * 65536))), 0);
    assert_int_equal(bump(instance), 2);
    assert_int_equal(grow(instance, 7), pages);
    pool_call(instance, "poke", ARGS(I32((pages + 6) * 65536), I32(77)));
    pool_call(instance, "poke", ARGS(I32(4 * 65536), I32(77)));
    pool_return(&rig, instance);
    assert_int_equal(pool_memory(instance).base[(size_t)(pages + 6) * 65536], 0);
  }
  assert_int_equal(grow(first = pool_take(&rig), 1), -1); /* the maximum is reached for good */
  pool_end(&rig);
}

static void test_grown_memory_is_kept(void **state) {
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  options.allow_grown = true;
  each_method(grown_and_kept, &options);
}

/* None, of no pages (which may grow), and at its maximum. */
static void sizes_of_memory(const wasi_light_pool_options_t *options) {
  pool_rig_t rig;
  pool_start_wat(&rig,
                 "(module (global $n (mut i32) (i32.const 0)) (func (export \"bump\") (result i32)"
                 "(global.set $n (i32.add (global.get $n) (i32.const 2))) (global.get $n)))",
                 options);
  expect_leases(&rig, true);
  pool_end(&rig);
  pool_start_wat(&rig, "(module (memory (export \"memory\") 0 3)" GROW ")", options);
  for (int round = 0; round < 3; round++) {
    wasi_light_instance_t *instance = pool_take(&rig);
    assert_int_equal(size_of(instance), 0);
    pool_return(&rig, instance);
    instance = pool_take(&rig);
    assert_int_equal(grow(instance, 2), 0);
    pool_call(instance, "poke", ARGS(I32(65536), I32(1)));
    assert_false(pool_give(&rig, instance));
  }
  pool_end(&rig);
  pool_start_wat(&rig, "(module (memory (export \"memory\") 3 3)" GROW BUMP ")", options);
  wasi_light_instance_t *instance = pool_take(&rig);
  assert_int_equal(grow(instance, 1), -1);
  pool_return(&rig, instance);
  expect_leases(&rig, true);
  pool_end(&rig);
}

static void test_sizes_of_memory(void **state) {
  each_method(sizes_of_memory, NULL);
}

/* It grows while it is initialised, as most allocators do: that is part of the snapshot. */
static void grown_before(const wasi_light_pool_options_t *options) {
  pool_rig_t rig;
  pool_start_wat(&rig,
                 "(module (memory (export \"memory\") 1)" GROW BUMP
                 "(func (export \"_initialize\") (drop (memory.grow (i32.const 3)))"
                 "(i32.store (i32.const 200000) (i32.const 5))))",
                 options);
  expect_leases(&rig, true);
  wasi_light_instance_t *instance = pool_take(&rig);
  assert_int_equal(size_of(instance), 4);
  assert_int_equal(pool_i32(instance, "peek", ARGS(I32(200000))), 5);
  pool_call(instance, "poke", ARGS(I32(200000), I32(6)));
  pool_return(&rig, instance);
  assert_int_equal(pool_i32(pool_take(&rig), "peek", ARGS(I32(200000))), 5);
  pool_end(&rig);
}

static void test_memory_that_grew_before_the_snapshot(void **state) {
  each_method(grown_before, NULL);
}

/* 640 pages of the system's, every other one of them written: more regions than a scan gives at once, 320 of them. */
static void separate_pages(const wasi_light_pool_options_t *options) {
  pool_rig_t rig;
  pool_start_wat(&rig,
                 "(module (memory (export \"memory\") 40) (data (i32.const 8192) \"kept\")"
                 "(func (export \"dirty\") (param $at i32) (loop $next"
                 "(i32.store (local.get $at) (i32.const 0x01010101))"
                 "(local.set $at (i32.add (local.get $at) (i32.const 8192)))"
                 "(br_if $next (i32.lt_u (local.get $at) (i32.const 2621440))))))",
                 options);
  for (int round = 0; round < 6; round++) {
    wasi_light_instance_t *instance = pool_take(&rig);
    assert_false(pool_finds(instance, "\1\1\1\1", 4));
    assert_memory_equal(pool_memory(instance).base + 8192, "kept", 4);
    pool_call(instance, "dirty", ARGS(I32(round % 2 ? 4096 : 0)));
    pool_return(&rig, instance);
  }
  pool_end(&rig);
}

static void test_many_separate_pages(void **state) {
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  options.keep_resident = SIZE_MAX;
  each_method(separate_pages, &options);
  options.keep_resident = 320 * 4096;
  each_method(separate_pages, &options);
  options.keep_resident = 319 * 4096;
  each_method(separate_pages, &options);
}

/* ---- Globals ---- */

/* 300 in four types, each set to something else by `spoil`; the snapshot has NaNs, quiet and signalling, and zeros below zero. */
static char *globals_wat(void) {
  static const char *const values[] = {"i32.const 0x80000000",
                                       "i64.const 0x8000000000000001",
                                       "f32.const nan:0x200001",
                                       "f64.const nan:0x4000000000001",
                                       "i32.const -1",
                                       "i64.const -1",
                                       "f32.const -nan:0x7fffff",
                                       "f64.const -nan:0xfffffffffffff",
                                       "i32.const 5",
                                       "i64.const 0x123456789abcdef",
                                       "f32.const -0",
                                       "f64.const -0",
                                       "i32.const 0",
                                       "i64.const 0",
                                       "f32.const nan",
                                       "f64.const 0x1p-1074"};
  static const char *const types[] = {"i32", "i64", "f32", "f64"};
  char *wat = malloc(200000);
  assert_non_null(wat);
  size_t used = (size_t)sprintf(wat, "(module ");
  for (int i = 0; i < 300; i++) {
    used += (size_t)sprintf(wat + used, "(global (export \"g%d\") (mut %s) (%s))", i, types[i % 4], values[i % 16]);
  }
  used += (size_t)sprintf(wat + used, "(func (export \"spoil\")");
  for (int i = 0; i < 300; i++) {
    used += (size_t)sprintf(wat + used, "(global.set %d (%s.const %d))", i, types[i % 4], i + 1000);
  }
  sprintf(wat + used, "))");
  return wat;
}

static void read_globals(const wasi_light_instance_t *instance, uint64_t bits[300]) {
  assert_true(instance->exports.size >= 300);
  for (size_t i = 0; i < 300; i++) {
    wasm_val_t value = {.kind = WASM_I64, .of = {.i64 = 0}};
    wasm_global_get(wasm_extern_as_global(instance->exports.data[i]), &value);
    bits[i] = 0;
    memcpy(&bits[i], &value.of, i % 2 ? 8 : 4);
  }
}

static void many_globals(const wasi_light_pool_options_t *options) {
  static const uint64_t expected[16] = {
      0x80000000, 0x8000000000000001, 0x7fa00001, 0x7ff4000000000001, 0xffffffff, UINT64_MAX, 0xffffffff, UINT64_MAX,
      5,          0x123456789abcdef,  0x80000000, 0x8000000000000000, 0,          0,          0x7fc00000, 1};
  uint64_t before[300];
  uint64_t spoilt[300];
  uint64_t after[300];
  char *wat = globals_wat();
  pool_rig_t rig;
  pool_start_wat(&rig, wat, options);
  for (int round = 0; round < 3; round++) {
    wasi_light_instance_t *instance = pool_take(&rig);
    read_globals(instance, before);
    for (size_t i = 0; i < 300; i++) assert_int_equal(before[i], expected[i % 16]);
    pool_call(instance, "spoil", NO_ARGS);
    read_globals(instance, spoilt);
    for (size_t i = 0; i < 300; i++) assert_int_not_equal(spoilt[i], before[i]);
    pool_return(&rig, instance);
    read_globals(instance, after);
    assert_memory_equal(before, after, sizeof before);
  }
  pool_end(&rig);
  free(wat);
}

static void test_many_globals(void **state) {
  each_method(many_globals, NULL);
}

/* A global of all bits that differs in one of them, at either end. */
static void test_every_bit_of_a_global(void **state) {
  pool_rig_t rig;
  pool_start_wat(
      &rig,
      "(module (global $a (mut i64) (i64.const 0x5555aaaa5555aaaa)) (global $b (mut f64) (f64.const 0))"
      "(func (export \"flip\") (param i64) (global.set $a (i64.xor (global.get $a) (local.get 0)))"
      "(global.set $b (f64.reinterpret_i64 (local.get 0))))"
      "(func (export \"get\") (result i64) (i64.xor (global.get $a) (i64.reinterpret_f64 (global.get $b)))))",
      NULL);
  for (unsigned bit = 0; bit < 64; bit++) {
    wasi_light_instance_t *instance = pool_take(&rig);
    assert_int_equal(pool_call(instance, "get", NO_ARGS).of.i64, 0x5555aaaa5555aaaa);
    pool_call(instance, "flip", ARGS(I64((int64_t)(UINT64_C(1) << bit))));
    pool_return(&rig, instance);
  }
  pool_end(&rig);
}

/* ---- Tables ---- */

/* It exports its table, so that the host can look: a reset leaves it as it is, since nothing can change it. */
static void table_guest(const wasi_light_pool_options_t *options) {
  pool_rig_t rig;
  pool_start_wat(
      &rig,
      "(module (table $t (export \"t\") 6 funcref) (type $v (func (result i32))) (memory (export \"memory\") 1)"
      "(func $a (result i32) (i32.const 10)) (func $b (result i32) (i32.const 20)) (elem (i32.const 1) $a $b $a)"
      "(elem $e func $b) (func $s (table.init $t $e (i32.const 4) (i32.const 0) (i32.const 1)) (elem.drop $e)"
      "(table.set $t (i32.const 1) (ref.null func))) (start $s)"
      "(func (export \"at\") (param i32) (result i32) (call_indirect $t (type $v) (local.get 0)))" BUMP ")",
      options);
  assert_true(wasi_light_module_recyclable(rig.module)); /* what changes the table is the start function alone */
  for (int round = 0; round < 3; round++) {
    static const int32_t expected[6] = {-1, -1, 20, 10, 20, -1};
    wasi_light_instance_t *instance = pool_take(&rig);
    wasm_table_t *table = wasm_extern_as_table(instance->exports.data[0]);
    assert_int_equal(wasm_table_size(table), 6);
    for (int32_t i = 0; i < 6; i++) {
      if (expected[i] > 0) assert_int_equal(pool_i32(instance, "at", ARGS(I32(i))), expected[i]);
      else assert_int_equal(pool_try(instance, "at", ARGS(I32(i))).kind, WASI_LIGHT_TRAPPED);
    }
    assert_int_equal(bump(instance), 2);
    pool_return(&rig, instance);
  }
  assert_int_equal(pool_stats(&rig).made, 1);
  pool_end(&rig);
}

static void test_a_table_that_only_start_changes(void **state) {
  each_method(table_guest, NULL);
}

/* ---- Start sections ---- */

static wasm_trap_t *on_host(wasi_light_instance_t *instance, void *data, const wasm_val_t *args, wasm_val_t *results) {
  int *calls = data;
  (*calls)++;
  return NULL;
}

static void start_sections(const wasi_light_pool_options_t *options) {
  int calls = 0;
  const rig_func_t funcs[] = {{"s", "()", on_host, &calls}};
  pool_rig_t rig;
  expect_recycled(
      "(module (memory (export \"memory\") 1) (func $s (i32.store (i32.const 40) (i32.const 9))) (start $s)" BUMP ")",
      options);
  expect_recycled(
      "(module (memory (export \"memory\") 1) (func $s (export \"s\") (i32.store (i32.const 40) (i32.const 9)))"
      "(start $s)" BUMP ")",
      options);
  pool_start_funcs(&rig,
                   "(module (import \"env\" \"s\" (func $s)) (export \"s\" (func $s)) (memory (export \"memory\") 1)"
                   "(start $s)" BUMP ")",
                   funcs, 1, options);
  expect_leases(&rig, true);
  assert_int_equal(calls, 1); /* it is not run again */
  pool_end(&rig);
}

static void test_start_sections(void **state) {
  each_method(start_sections, NULL);
}

/* ---- Modules that cannot be recycled ---- */

#define TABLE "(table $t 4 funcref) (memory (export \"memory\") 1)"

static void test_what_cannot_be_recycled_is_made_anew(void **state) {
  static const char *const wats[] = {
      "(module " TABLE BUMP "(func (table.set $t (i32.const 0) (ref.null func))))",
      "(module " TABLE BUMP "(elem $e func 0) (func (elem.drop $e)))",
      "(module " TABLE BUMP "(data $d \"x\") (func (data.drop $d)))",
      "(module " TABLE BUMP "(tag $e) (func (throw $e)))",
      "(module " TABLE BUMP "(global (mut v128) (v128.const i64x2 1 2)))",
      "(module " TABLE BUMP "(global (mut externref) (ref.null extern)))",
      "(module (memory 1)" BUMP ")",
      "(module (memory (export \"memory\") 1 2 shared)" BUMP ")",
      "(module (memory (export \"memory\") 1) (memory (export \"other\") 1)" BUMP ")",
  };
  for (size_t i = 0; i < COUNT(wats); i++) {
    pool_rig_t rig;
    pool_start_wat(&rig, wats[i], NULL);
    expect_leases(&rig, false);
    wasi_light_pool_stats_t stats = pool_stats(&rig);
    assert_int_equal(stats.replaced_unrecyclable, 4);
    assert_int_equal(stats.reset, 0);
    pool_end(&rig);
  }
}

/* What keeps them from it is really undone, by making them anew. */
static void test_state_that_no_reset_undoes(void **state) {
  static const char *const wats[] = {
      "(module (table $t 1 funcref) (func $f) (elem declare func $f) (func (export \"use\") (result i32)"
      "(ref.is_null (table.get $t (i32.const 0))) (table.set $t (i32.const 0) (ref.func $f))))",
      "(module (table $t 1 funcref) (func (export \"use\") (result i32) (i32.eq (table.size $t) (i32.const 1))"
      "(drop (table.grow $t (ref.null func) (i32.const 1)))))",
      "(module (global $g (mut v128) (v128.const i32x4 1 0 0 0)) (func (export \"use\") (result i32)"
      "(i32x4.extract_lane 0 (global.get $g)) (global.set $g (v128.const i32x4 0 0 0 0))))",
      "(module (global $g (mut externref) (ref.null extern)) (global $n (mut i32) (i32.const 1)) (func (export \"use\")"
      "(result i32) (global.get $n) (global.set $n (i32.const 0))))",
      "(module (memory 1) (func (export \"use\") (result i32) (i32.eqz (i32.load (i32.const 0)))"
      "(i32.store (i32.const 0) (i32.const 1))))",
      "(module (tag $e) (global $n (mut i32) (i32.const 1)) (func (export \"use\") (result i32) (block $b"
      "(try_table (catch $e $b) (throw $e))) (global.get $n) (global.set $n (i32.const 0))))",
  };
  for (size_t i = 0; i < COUNT(wats); i++) {
    pool_rig_t rig;
    pool_start_wat(&rig, wats[i], NULL);
    for (int lease = 0; lease < 3; lease++) {
      wasi_light_instance_t *instance = pool_take(&rig);
      assert_int_equal(pool_i32(instance, "use", NO_ARGS), 1);
      assert_int_equal(pool_i32(instance, "use", NO_ARGS), 0);
      assert_false(pool_give(&rig, instance));
    }
    pool_end(&rig);
  }
}

/* A passive segment: after data.drop memory.init of it traps. */
static void test_a_segment_that_is_dropped(void **state) {
  pool_rig_t rig;
  pool_start_wat(&rig,
                 "(module (memory (export \"memory\") 1) (data $d \"x\") (func (export \"use\")"
                 "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)) (data.drop $d)))",
                 NULL);
  for (int lease = 0; lease < 3; lease++) {
    wasi_light_instance_t *instance = pool_take(&rig);
    assert_int_equal(pool_try(instance, "use", NO_ARGS).kind, WASI_LIGHT_RETURNED);
    assert_int_equal(pool_try(instance, "use", NO_ARGS).kind, WASI_LIGHT_TRAPPED);
    assert_false(pool_give(&rig, instance));
  }
  pool_end(&rig);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_names_of_memory),
    cmocka_unit_test(test_a_memory_with_two_other_names),
    cmocka_unit_test(test_an_imported_memory),
    cmocka_unit_test(test_grown_memory_is_replaced),
    cmocka_unit_test(test_grown_memory_is_kept),
    cmocka_unit_test(test_sizes_of_memory),
    cmocka_unit_test(test_memory_that_grew_before_the_snapshot),
    cmocka_unit_test(test_many_separate_pages),
    cmocka_unit_test(test_many_globals),
    cmocka_unit_test(test_every_bit_of_a_global),
    cmocka_unit_test(test_a_table_that_only_start_changes),
    cmocka_unit_test(test_start_sections),
    cmocka_unit_test(test_what_cannot_be_recycled_is_made_anew),
    cmocka_unit_test(test_state_that_no_reset_undoes),
    cmocka_unit_test(test_a_segment_that_is_dropped),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
