/* SPDX-License-Identifier: MIT */
/* Calls: what is refused and why, values of every kind bit by bit, handles and names, instances within each other. */
#include "wasm_rig.h"

#define GUEST                                                                                            \
  "(module (global $calls (mut i32) (i32.const 0))"                                                      \
  "(func $count (global.set $calls (i32.add (global.get $calls) (i32.const 1))))"                        \
  "(func (export \"calls\") (result i32) (global.get $calls))"                                           \
  "(func (export \"none\") (call $count))"                                                               \
  "(func (export \"one\") (param i32) (result i32) (call $count) (i32.add (local.get 0) (i32.const 1)))" \
  "(func (export \"mix\") (param i32 i64 f32 f64) (result f64 f32 i64 i32) (call $count)"                \
  "  (local.get 3) (local.get 2) (local.get 1) (local.get 0))"                                           \
  "(global (export \"global\") i32 (i32.const 3)) (memory (export \"memory\") 1))"

/* ---- What is refused ---- */

typedef struct refusal_case_t {
  const char *name;
  wasm_val_t args[6];
  size_t arg_count, result_count;
  const char *parts[3]; /* of the message */
} refusal_case_t;

static const refusal_case_t refusals[] = {
    {"none", {WASM_I32_VAL(1)}, 1, 0, {"none", "takes 0 arguments", "given 1"}},
    {"none", {WASM_I32_VAL(1)}, 0, 1, {"none", "gives 0 results", "room for 1"}},
    {"one", {WASM_I32_VAL(1)}, 0, 1, {"one", "takes 1 arguments", "given 0"}},
    {"one", {WASM_I32_VAL(1)}, 2, 1, {"one", "takes 1 arguments", "given 2"}},
    {"one", {WASM_I32_VAL(1)}, SIZE_MAX, 1, {"one", "takes 1 arguments", "given 18446744073709551615"}},
    {"one", {WASM_I32_VAL(1)}, 1, 0, {"one", "gives 1 results", "room for 0"}},
    {"one", {WASM_I32_VAL(1)}, 1, 2, {"one", "gives 1 results", "room for 2"}},
    {"one", {WASM_I64_VAL(1)}, 1, 1, {"one", "argument 1", "i32, given i64"}},
    {"one", {WASM_F32_VAL(1)}, 1, 1, {"one", "argument 1", "i32, given f32"}},
    {"one", {WASM_F64_VAL(1)}, 1, 1, {"one", "argument 1", "i32, given f64"}},
    {"one", {{.kind = WASM_EXTERNREF, .of = {.ref = NULL}}}, 1, 1, {"one", "argument 1", "i32, given externref"}},
    {"one", {{.kind = 77, .of = {.i64 = 0}}}, 1, 1, {"one", "argument 1", "i32, given unknown"}},
    {"mix",
     {WASM_I32_VAL(1), WASM_I32_VAL(1), WASM_F32_VAL(1), WASM_F64_VAL(1)},
     4,
     4,
     {"mix", "argument 2", "i64, given i32"}},
    {"mix",
     {WASM_I32_VAL(1), WASM_I64_VAL(1), WASM_F64_VAL(1), WASM_F32_VAL(1)},
     4,
     4,
     {"mix", "argument 3", "f32, given f64"}},
    {"mix",
     {WASM_I32_VAL(1), WASM_I64_VAL(1), WASM_F32_VAL(1), WASM_F32_VAL(1)},
     4,
     4,
     {"mix", "argument 4", "f64, given f32"}},
};

static void test_wrong_calls_are_refused(void **state) {
  rig_t rig;
  rig_start(&rig, GUEST, NULL, 0);
  for (size_t i = 0; i < COUNT(refusals); i++) {
    const refusal_case_t *row = &refusals[i];
    wasm_val_t results[4];
    wasm_val_t before[4];
    memset(results, 0xa5, sizeof results);
    memset(before, 0xa5, sizeof before);
    wasi_light_outcome_t outcome = wasi_light_call(rig.instance, wasi_light_module_func(rig.module, row->name),
                                                   row->args, row->arg_count, results, row->result_count);
    for (size_t k = 0; k < COUNT(row->parts); k++) ASSERT_OUTCOME(outcome, REFUSED, row->parts[k]);
    outcome = wasi_light_call_name(rig.instance, row->name, row->args, row->arg_count, results, row->result_count);
    for (size_t k = 0; k < COUNT(row->parts); k++) ASSERT_OUTCOME(outcome, REFUSED, row->parts[k]);
    assert_memory_equal(results, before, sizeof results);
  }
  assert_int_equal(rig_call(&rig, "calls", NO_ARGS).of.i32, 0); /* the guest was not entered */
  rig_end(&rig);
}

static void test_names_that_are_no_function(void **state) {
  static const char *const names[] = {"", "non", "none ", "NONE", "global", "memory", "_start", "_initialize"};
  rig_t rig;
  rig_start(&rig, GUEST, NULL, 0);
  for (size_t i = 0; i < COUNT(names); i++) {
    wasi_light_outcome_t outcome = wasi_light_call_name(rig.instance, names[i], NO_ARGS, NULL, 0);
    ASSERT_OUTCOME(outcome, REFUSED, names[i]);
  }
  rig_end(&rig);
}

/* A text that does not fit ends with "...". */
static void test_a_very_long_name(void **state) {
  static char name[3000];
  rig_t rig;
  memset(name, 'n', sizeof name - 1);
  rig_start(&rig, GUEST, NULL, 0);
  wasi_light_outcome_t outcome = wasi_light_call_name(rig.instance, name, NO_ARGS, NULL, 0);
  ASSERT_OUTCOME(outcome, REFUSED, "nnn");
  ASSERT_CONTAINS(outcome.message, "...");
  rig_end(&rig);
}

static void test_a_function_of_another_module(void **state) {
  rig_t rig, other;
  wasm_val_t result;
  rig_start(&rig, GUEST, NULL, 0);
  rig_start(&other, GUEST, NULL, 0);
  const wasi_light_func_t *func = wasi_light_module_func(other.module, "one");
  ASSERT_OUTCOME(wasi_light_call(rig.instance, func, ARGS(I32(1)), &result, 1), REFUSED, "module");
  ASSERT_OUTCOME(wasi_light_call(rig.instance, NULL, ARGS(I32(1)), &result, 1), REFUSED, "func");
  ASSERT_OUTCOME(wasi_light_call(other.instance, func, ARGS(I32(1)), &result, 1), RETURNED, "");
  assert_int_equal(result.of.i32, 2);
  rig_end(&rig);
  rig_end(&other);
}

/* A handle is good for every instance of the module. */
static void test_a_handle_serves_all_instances(void **state) {
  wasi_light_module_t *module = rig_module(GUEST, NULL);
  const wasi_light_func_t *none = wasi_light_module_func(module, "none");
  rig_t rigs[3];
  for (int i = 0; i < 3; i++) rig_start_module(&rigs[i], wasi_light_module_copy(module), NULL, NULL);
  for (int i = 0; i < 3; i++) {
    for (int k = 0; k <= i; k++)
      ASSERT_OUTCOME(wasi_light_call(rigs[i].instance, none, NO_ARGS, NULL, 0), RETURNED, "");
  }
  for (int i = 0; i < 3; i++) assert_int_equal(rig_call(&rigs[i], "calls", NO_ARGS).of.i32, i + 1);
  for (int i = 0; i < 3; i++) rig_end(&rigs[i]);
  wasi_light_module_delete(module);
}

/* ---- Values ---- */

typedef union bits_t {
  uint32_t u32;
  uint64_t u64;
  float f32;
  double f64;
} bits_t;

static wasm_trap_t *echo(wasi_light_instance_t *instance, void *data, const wasm_val_t *args, wasm_val_t *results) {
  memcpy(&results[0].of, &args[0].of, sizeof args[0].of);
  return NULL;
}

/* Through the guest, and through the guest and a host function. */
#define VALUES_GUEST                                                                        \
  "(module (import \"env\" \"i\" (func $i (param i32) (result i32)))"                       \
  "(import \"env\" \"I\" (func $I (param i64) (result i64)))"                               \
  "(import \"env\" \"f\" (func $f (param f32) (result f32)))"                               \
  "(import \"env\" \"F\" (func $F (param f64) (result f64)))"                               \
  "(func (export \"i\") (param i32) (result i32) (local.get 0))"                            \
  "(func (export \"I\") (param i64) (result i64) (local.get 0))"                            \
  "(func (export \"f\") (param f32) (result f32) (local.get 0))"                            \
  "(func (export \"F\") (param f64) (result f64) (local.get 0))"                            \
  "(func (export \"i2\") (param i32) (result i32) (call $i (local.get 0)))"                 \
  "(func (export \"I2\") (param i64) (result i64) (call $I (local.get 0)))"                 \
  "(func (export \"f2\") (param f32) (result f32) (call $f (local.get 0)))"                 \
  "(func (export \"F2\") (param f64) (result f64) (call $F (local.get 0)))"                 \
  "(func (export \"f_bits\") (param f32) (result i32) (i32.reinterpret_f32 (local.get 0)))" \
  "(func (export \"F_bits\") (param f64) (result i64) (i64.reinterpret_f64 (local.get 0))))"

/* NaNs with payloads, quiet and signalling, of both signs; subnormals; infinities; extremes. */
static const uint32_t values32[] = {0,          1,          0x80000000, 0x7fffffff, 0xffffffff, 0x3f800000, 0x7f800000,
                                    0xff800000, 0x7fc00000, 0xffc00000, 0x7fc12345, 0x7f812345, 0xff800001, 0x00000001};
static const uint64_t values64[] = {0,
                                    1,
                                    0x8000000000000000,
                                    0x7fffffffffffffff,
                                    0xffffffffffffffff,
                                    0x3ff0000000000000,
                                    0x7ff0000000000000,
                                    0xfff0000000000000,
                                    0x7ff8000000000000,
                                    0xfff8000000000000,
                                    0x7ff8000123456789,
                                    0x7ff0000123456789,
                                    0xfff0000000000001,
                                    0x00000000ffffffff};

static void check_value(rig_t *rig, const char *name, wasm_valkind_t kind, bits_t bits) {
  wasm_val_t arg = {.kind = kind, .of = {.i64 = 0}};
  wasm_val_t result = {.kind = 0, .of = {.i64 = -1}};
  size_t size = kind == WASM_I32 || kind == WASM_F32 ? 4 : 8;
  memcpy(&arg.of, &bits, size);
  ASSERT_OUTCOME(wasi_light_call_name(rig->instance, name, &arg, 1, &result, 1), RETURNED, "");
  assert_int_equal(result.kind, kind);
  if (memcmp(&result.of, &bits, size) != 0) fail_msg("%s of 0x%llx", name, (unsigned long long)bits.u64);
}

static void test_values_bit_by_bit(void **state) {
  const rig_func_t funcs[] = {
      {"i", "(i)i", echo, NULL}, {"I", "(I)I", echo, NULL}, {"f", "(f)f", echo, NULL}, {"F", "(F)F", echo, NULL}};
  rig_t rig;
  rig_start(&rig, VALUES_GUEST, funcs, 4);
  for (size_t i = 0; i < COUNT(values32); i++) {
    bits_t bits = {.u64 = values32[i]};
    check_value(&rig, "i", WASM_I32, bits);
    check_value(&rig, "i2", WASM_I32, bits);
    check_value(&rig, "f", WASM_F32, bits);
    check_value(&rig, "f2", WASM_F32, bits);
    assert_int_equal((uint32_t)rig_call(&rig, "f_bits", ARGS(F32(bits.f32))).of.i32, bits.u32);
  }
  for (size_t i = 0; i < COUNT(values64); i++) {
    bits_t bits = {.u64 = values64[i]};
    check_value(&rig, "I", WASM_I64, bits);
    check_value(&rig, "I2", WASM_I64, bits);
    check_value(&rig, "F", WASM_F64, bits);
    check_value(&rig, "F2", WASM_F64, bits);
    assert_int_equal((uint64_t)rig_call(&rig, "F_bits", ARGS(F64(bits.f64))).of.i64, bits.u64);
  }
  rig_end(&rig);
}

static void test_several_results(void **state) {
  wasm_val_t results[4];
  rig_t rig;
  rig_start(&rig, GUEST, NULL, 0);
  ASSERT_OUTCOME(wasi_light_call(rig.instance, wasi_light_module_func(rig.module, "mix"),
                                 ARGS(I32(INT32_MIN), I64(INT64_MAX), F32(-0.25F), F64(1e-300)), results, 4),
                 RETURNED, "");
  assert_int_equal(results[0].kind, WASM_F64);
  assert_true(results[0].of.f64 == 1e-300);
  assert_int_equal(results[1].kind, WASM_F32);
  assert_true(results[1].of.f32 == -0.25F);
  assert_int_equal(results[2].kind, WASM_I64);
  assert_int_equal(results[2].of.i64, INT64_MAX);
  assert_int_equal(results[3].kind, WASM_I32);
  assert_int_equal(results[3].of.i32, INT32_MIN);
  rig_end(&rig);
}

/* An import that is exported again is called like any other function. */
static void test_an_exported_import(void **state) {
  const rig_func_t funcs[] = {{"echo", "(I)I", echo, NULL}};
  rig_t rig;
  rig_start(&rig,
            "(module (import \"env\" \"echo\" (func $echo (param i64) (result i64))) (export \"echo\" (func $echo))"
            "(import \"wasi_snapshot_preview1\" \"proc_raise\" (func $raise (param i32) (result i32)))"
            "(export \"raise\" (func $raise)))",
            funcs, 1);
  assert_int_equal(rig_call(&rig, "echo", ARGS(I64(-77))).of.i64, -77);
  assert_int_equal(rig_call(&rig, "raise", ARGS(I32(6))).of.i32, WASI_LIGHT_ENOTSUP);
  rig_end(&rig);
}

/* ---- Instances within each other ---- */

typedef struct pair_t {
  rig_t *other;
  int depth;
} pair_t;

/* Calls the other instance, whose host function calls this one, and so on. */
static wasm_trap_t *bounce(wasi_light_instance_t *instance, void *data, const wasm_val_t *args, wasm_val_t *results) {
  pair_t *pair = wasi_light_instance_host(instance);
  pair->depth++;
  if (args[0].of.i32 == 0) return NULL;
  wasi_light_outcome_t outcome =
      wasi_light_call_name(pair->other->instance, "go", ARGS(I32(args[0].of.i32 - 1)), results, 1);
  results[0].of.i32++;
  return outcome.kind == WASI_LIGHT_RETURNED ? NULL : wasi_light_trap(instance, "inner: %s", outcome.message);
}

static void test_instances_call_each_other(void **state) {
  const rig_func_t funcs[] = {{"bounce", "(i)i", bounce, NULL}};
  wasi_light_linker_t *linker = rig_linker(funcs, 1);
  wasi_light_module_t *module = rig_module("(module (import \"env\" \"bounce\" (func $bounce (param i32) (result i32)))"
                                           "(func (export \"go\") (param i32) (result i32)"
                                           " (i32.add (i32.const 100) (call $bounce (local.get 0)))))",
                                           linker);
  rig_t rigs[2];
  pair_t pairs[] = {{&rigs[1], 0}, {&rigs[0], 0}};
  for (int i = 0; i < 2; i++) rig_start_module(&rigs[i], wasi_light_module_copy(module), NULL, &pairs[i]);
  assert_int_equal(rig_call(&rigs[0], "go", ARGS(I32(7))).of.i32, 8 * 100 + 7);
  assert_int_equal(pairs[0].depth, 4);
  assert_int_equal(pairs[1].depth, 4);
  for (int i = 0; i < 2; i++) rig_end(&rigs[i]);
  wasi_light_module_delete(module);
  wasi_light_linker_delete(linker);
}

/* A host function may call its own instance, whose memory and state are the same. */
static wasm_trap_t *count_down(wasi_light_instance_t *instance, void *data, const wasm_val_t *args,
                               wasm_val_t *results) {
  if (args[0].of.i32 == 0) return NULL;
  wasi_light_outcome_t outcome = wasi_light_call_name(instance, "go", ARGS(I32(args[0].of.i32 - 1)), results, 1);
  return outcome.kind == WASI_LIGHT_RETURNED ? NULL : wasi_light_trap(instance, "inner: %s", outcome.message);
}

static void test_an_instance_within_itself(void **state) {
  const rig_func_t funcs[] = {{"down", "(i)i", count_down, NULL}};
  rig_t rig;
  rig_start(&rig,
            "(module (import \"env\" \"down\" (func $down (param i32) (result i32)))"
            "(global $n (mut i32) (i32.const 0)) (func (export \"go\") (param i32) (result i32)"
            "  (global.set $n (i32.add (global.get $n) (i32.const 1)))"
            "  (i32.add (call $down (local.get 0)) (global.get $n))))",
            funcs, 1);
  assert_int_equal(rig_call(&rig, "go", ARGS(I32(9))).of.i32, 10 * 10);
  rig_end(&rig);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_wrong_calls_are_refused),
    cmocka_unit_test(test_names_that_are_no_function),
    cmocka_unit_test(test_a_very_long_name),
    cmocka_unit_test(test_a_function_of_another_module),
    cmocka_unit_test(test_a_handle_serves_all_instances),
    cmocka_unit_test(test_values_bit_by_bit),
    cmocka_unit_test(test_several_results),
    cmocka_unit_test(test_an_exported_import),
    cmocka_unit_test(test_instances_call_each_other),
    cmocka_unit_test(test_an_instance_within_itself),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
