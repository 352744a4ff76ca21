/* SPDX-License-Identifier: MIT */
/*
 * Secrets: a guest that writes one wherever it can, and leaves in every way there is, is searched for it after the reset.
 * With each method.
 */
#include "pool_rig.h"

/* 16 bytes that are nowhere else. In globals it is the first half. */
#define SECRET "\x5e\xc2\xe7\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc"
#define FIRST_HALF "0x4433221100e7c25e"
#define LAST_HALF "0xccbbaa9988776655"

#define WASI(name, type) "(import \"wasi_snapshot_preview1\" \"" name "\" (func $" name " " type "))"

/* `fill` writes the secret into each 64 bytes of memory, each global, and prints it; `leave` ends in this or that way. */
#define GUEST                                                                                                          \
  "(module " WASI("proc_exit", "(param i32)") WASI("fd_write", "(param i32 i32 i32 i32) (result i32)") WASI(           \
      "fd_close",                                                                                                      \
      "(param i32) (result i32)") "(memory (export \"memory\") 5) (data (i32.const 70000) \"as it was\")"              \
                                  "(global $a (mut i32) (i32.const 7)) (global $b (mut i64) (i64.const 8)) (global "   \
                                  "$c (mut f32) (f32.const 9))"                                                        \
                                  "(global $d (mut f64) (f64.const 10)) (global $e (export \"e\") (mut i64) "          \
                                  "(i64.const 11))"                                                                    \
                                  "(table 1 funcref)"                                                                  \
                                  "(func (export \"_initialize\") (i64.store (i32.const 131072) (i64.const 12345)) "   \
                                  "(global.set $a (i32.const 77)))"                                                    \
                                  "(func $fill (export \"fill\") (local $at i32)"                                      \
                                  "(loop $next (i64.store (local.get $at) (i64.const " FIRST_HALF "))"                 \
                                  "(i64.store offset=8 (local.get $at) (i64.const " LAST_HALF "))"                     \
                                  "(local.set $at (i32.add (local.get $at) (i32.const 64)))"                           \
                                  "(br_if $next (i32.lt_u (local.get $at) (i32.mul (memory.size) (i32.const "          \
                                  "65536)))))"                                                                         \
                                  "(global.set $a (i32.const 0x00e7c25e)) (global.set $b (i64.const " FIRST_HALF "))"  \
                                  "(global.set $c (f32.reinterpret_i32 (i32.const 0x00e7c25e)))"                       \
                                  "(global.set $d (f64.reinterpret_i64 (i64.const " FIRST_HALF                         \
                                  "))) (global.set $e (i64.const " FIRST_HALF "))"                                     \
                                  "(i32.store (i32.const 32) (i32.const 64)) (i32.store (i32.const 36) (i32.const "    \
                                  "16))"                                                                               \
                                  "(drop (call $fd_write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 40)))"  \
                                  "(drop (call $fd_write (i32.const 2) (i32.const 32) (i32.const 1) (i32.const 40))))" \
                                  "(func (export \"leave\") (param $how i32) (call $fill)"                             \
                                  "(if (i32.eq (local.get $how) (i32.const 1)) (then unreachable))"                    \
                                  "(if (i32.eq (local.get $how) (i32.const 2)) (then (call $proc_exit (i32.const "     \
                                  "3))))"                                                                              \
                                  "(if (i32.eq (local.get $how) (i32.const 3)) (then (call $deep)))"                   \
                                  "(if (i32.eq (local.get $how) (i32.const 4)) (then (drop (i32.load (i32.const "      \
                                  "-4)))))"                                                                            \
                                  "(if (i32.eq (local.get $how) (i32.const 5)) (then (call_indirect (i32.const 0))))"  \
                                  "(if (i32.eq (local.get $how) (i32.const 6)) (then (drop (i32.div_u (i32.const 1) "  \
                                  "(i32.const 0)))))"                                                                  \
                                  "(if (i32.eq (local.get $how) (i32.const 7)) (then (drop (call $fd_close "           \
                                  "(i32.const 1)))))"                                                                  \
                                  "(if (i32.eq (local.get $how) (i32.const 8)) (then (drop (memory.grow (i32.const "   \
                                  "2))) (call $fill) unreachable)))"                                                   \
                                  "(func $deep (local $x i64) (i64.store (i32.const 8) (local.get $x)) (call $deep) "  \
                                  "(call $deep))"                                                                      \
                                  "(func (export \"size\") (result i32) (memory.size)))"

enum { RETURN, TRAP, EXIT, STACK, BOUNDS, NULL_CALL, DIVIDE, CLOSE, GROW, WAYS };
static const wasi_light_outcome_kind_t outcomes[WAYS] = {
    WASI_LIGHT_RETURNED, WASI_LIGHT_TRAPPED, WASI_LIGHT_EXITED,   WASI_LIGHT_TRAPPED, WASI_LIGHT_TRAPPED,
    WASI_LIGHT_TRAPPED,  WASI_LIGHT_TRAPPED, WASI_LIGHT_RETURNED, WASI_LIGHT_TRAPPED,
};

/* In the state in which every lease must begin. */
static void expect_new(const wasi_light_instance_t *instance, const char *what) {
  static const char *const parts[] = {"\x5e\xc2\xe7", "\x55\x66\x77\x88"};
  wasi_light_view_t memory = pool_memory(instance);
  uint64_t number = 0;
  for (size_t i = 0; i < COUNT(parts); i++) {
    if (pool_finds(instance, parts[i], strlen(parts[i]))) fail_msg("%s: the secret is still there", what);
  }
  assert_int_equal(memory.size, 5 * 65536);
  assert_memory_equal(memory.base + 70000, "as it was", 9);
  memcpy(&number, memory.base + 131072, 8);
  assert_int_equal(number, 12345);
  memory.base[70000] = memory.base[131072] = memory.base[131073] = 0; /* all that is not zero in it */
  for (size_t i = 0; i < memory.size; i++) {
    bool text = i >= 70000 && i < 70009;
    if (!text && memory.base[i] != 0) fail_msg("%s: byte %zu is %u", what, i, memory.base[i]);
  }
  pool_assert_captured(instance, 1, "");
  pool_assert_captured(instance, 2, "");
}

static void start(pool_rig_t *rig, const wasi_light_pool_options_t *options) {
  wasi_light_options_t wasi = WASI_LIGHT_OPTIONS_INIT;
  wasi.out = wasi.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 100};
  pool_start(rig, rig_module(GUEST, NULL), &wasi, options);
}

static void lease(pool_rig_t *rig, int way, const char *what) {
  wasi_light_instance_t *instance = pool_take(rig);
  expect_new(instance, what);
  pool_return(rig, instance);
  instance = pool_take(rig);
  wasi_light_outcome_t outcome = pool_try(instance, "leave", ARGS(I32(way)));
  assert_int_equal(outcome.kind, outcomes[way]);
  assert_true(pool_finds(instance, SECRET, 16));
  bool kept = pool_give(rig, instance);
  assert_int_equal(kept, way != GROW);
  if (kept) {
    assert_false(pool_finds(instance, "\x5e\xc2\xe7", 3)); /* also while it is idle */
    assert_false(pool_finds(instance, "\x55\x66\x77\x88", 4));
  }
}

static void test_secrets(void **state) {
  static const size_t keep[] = {0, 4096, 1048576};
  for (size_t m = 0; m < POOL_METHODS; m++) {
    for (size_t k = 0; k < COUNT(keep); k++) {
      wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
      pool_rig_t rig;
      options.keep_resident = keep[k];
      if (!pool_can(pool_methods[m], &options)) continue;
      start(&rig, &options);
      assert_int_equal(pool_stats(&rig).method, pool_methods[m]);
      for (int round = 0; round < 3; round++) {
        for (int way = 0; way < WAYS; way++) lease(&rig, way, pool_method_name(pool_methods[m]));
      }
      pool_end(&rig);
    }
  }
}

/* The same of many leases in a random order, some of which only look. */
static void test_secrets_in_any_order(void **state) {
  for (size_t m = 0; m < POOL_METHODS; m++) {
    wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
    pool_random_t random = {m};
    wasi_light_instance_t *instances[4];
    pool_rig_t rig;
    options.keep_resident = 200000;
    if (!pool_can(pool_methods[m], &options)) continue;
    start(&rig, &options);
    for (int round = 0; round < 30; round++) {
      for (size_t i = 0; i < 4; i++) instances[i] = pool_take(&rig);
      for (size_t i = 0; i < 4; i++) {
        int way = (int)pool_below(&random, WAYS + 1);
        if (way < WAYS) pool_try(instances[i], "leave", ARGS(I32(way)));
        else expect_new(instances[i], "random order");
      }
      for (size_t i = 0; i < 4; i++) pool_give(&rig, instances[i]);
    }
    pool_end(&rig);
  }
}

/* What a guest printed is no more to be had than what it had in memory. */
static void test_captured_secrets(void **state) {
  pool_rig_t rig;
  start(&rig, NULL);
  for (int way = 0; way < WAYS; way++) {
    wasi_light_instance_t *instance = pool_take(&rig);
    pool_try(instance, "leave", ARGS(I32(way)));
    assert_true(pool_buffers_have(instance, SECRET, 16));
    if (!pool_give(&rig, instance)) instance = pool_take(&rig); /* most likely in the memory of the one that went */
    assert_false(pool_buffers_have(instance, "\x5e\xc2\xe7", 3));
    if (way == GROW) pool_return(&rig, instance);
  }
  pool_end(&rig);
}

/* ---- Grown memory that is kept ---- */

static void test_grown_memory_is_zeroed(void **state) {
  for (size_t m = 0; m < POOL_METHODS; m++) {
    wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
    pool_rig_t rig;
    options.allow_grown = true;
    if (!pool_can(pool_methods[m], &options)) continue;
    start(&rig, &options);
    wasi_light_instance_t *first = pool_take(&rig);
    for (int round = 1; round <= 5; round++) {
      wasi_light_instance_t *instance = round == 1 ? first : pool_take(&rig);
      assert_ptr_equal(instance, first); /* kept */
      assert_int_equal(pool_i32(instance, "size", NO_ARGS), 5 + 2 * (round - 1));
      assert_false(pool_finds(instance, "\x5e\xc2\xe7", 3));
      assert_int_equal(pool_try(instance, "leave", ARGS(I32(GROW))).kind, WASI_LIGHT_TRAPPED);
      assert_int_equal(pool_i32(instance, "size", NO_ARGS), 5 + 2 * round);
      assert_true(pool_finds(instance, SECRET, 16));
      pool_return(&rig, instance);
      wasi_light_view_t memory = pool_memory(instance);
      assert_int_equal(memory.size, (5 + 2 * round) * 65536);
      assert_false(pool_finds(instance, "\x5e\xc2\xe7", 3));
      assert_memory_equal(memory.base + 70000, "as it was", 9);
      for (size_t i = 5 * 65536; i < memory.size; i++) assert_int_equal(memory.base[i], 0);
    }
    assert_int_equal(pool_stats(&rig).reset, 5);
    assert_int_equal(pool_stats(&rig).replaced_grown, 0);
    pool_end(&rig);
  }
}

/* ---- The host may write too ---- */

/* Globals that the module exports, and memory, can be set from outside. */
static void test_what_the_host_wrote(void **state) {
  pool_rig_t rig;
  start(&rig, NULL);
  wasi_light_instance_t *instance = pool_take(&rig);
  wasm_exporttype_vec_t types;
  wasm_module_exports(wasi_light_module_wasm(rig.module), &types);
  for (size_t i = 0; i < types.size; i++) {
    wasm_global_t *global = wasm_extern_as_global(instance->exports.data[i]);
    if (global && wasm_exporttype_name(types.data[i])->size == 1) wasm_global_set(global, &I64(0x4433221100e7c25e));
  }
  wasm_exporttype_vec_delete(&types);
  memcpy(wasi_light_memory(instance, 300000, 16), SECRET, 16);
  assert_true(pool_finds(instance, SECRET, 8));
  pool_return(&rig, instance);
  expect_new(pool_take(&rig), "written by the host");
  pool_end(&rig);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_secrets),
    cmocka_unit_test(test_secrets_in_any_order),
    cmocka_unit_test(test_captured_secrets),
    cmocka_unit_test(test_grown_memory_is_zeroed),
    cmocka_unit_test(test_what_the_host_wrote),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
