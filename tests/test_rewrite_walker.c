/* SPDX-License-Identifier: MIT */
/*
 * The instruction walker stays in step: each instruction of WebAssembly as the assembler writes it, with immediates that
 * look like other instructions, stands before a table.set, which must be seen, and nothing else.
 */
#include "code.h"
#include "pool_bytes.h"

/* Whose bytes, taken for instructions, are two that are unknown (ff) and an end (0b). */
#define OFFSET " offset=0x2ffff"

static const char *const plain[] = {
    "unreachable",
    "nop",
    "return",
    "drop",
    "select",
    "block end",
    "loop end",
    "if end",
    "if else end",
    "br 0",
    "br_if 0",
    "br_table 0 0 0 0",
    "br_table 0",
    "call 0",
    "call_indirect 38 (type 0)",
    "block (result i32) i32.const 1 end",
    "block (type 11) end",
    "loop (type 38) end",
    "if (type 0) end",
    "block (param i32 i64) (result f32 f64) end",
    "block (result v128) end",
    "block (result funcref) end",
    "block (result externref) end",
    "select (result i32)",
    "select (result funcref)",
    "select (result externref)",
    "select (result v128)",
    "local.get 0",
    "local.set 0",
    "local.tee 0",
    "local.get 38",
    "local.set 11",
    "local.tee 2",
    "local.get 300",
    "global.get 0",
    "global.set 38",
    "global.get 1000",
    "i32.const 0",
    "i32.const 11",
    "i32.const -1",
    "i32.const 0x7fffffff",
    "i32.const 0x80000000",
    "i32.const 38",
    "i32.const -38",
    "i64.const 0",
    "i64.const 38",
    "i64.const -1",
    "i64.const 0x7fffffffffffffff",
    "i64.const 0x8000000000000000",
    "f32.const 0",
    "f32.const nan:0x26260b",
    "f32.const -1.5",
    "f64.const 0",
    "f64.const nan:0x260b260b260b2",
    "f64.const 1e300",
    "ref.null func",
    "ref.null extern",
    "ref.is_null",
    "table.get 0",
    "table.get 38",
    "memory.size",
    "memory.grow",
    "memory.size 1",
    "memory.grow 38",
    "memory.copy",
    "memory.fill",
    "memory.copy 38 11",
    "memory.fill 38",
    "table.size 0",
    "table.size 38",
    "i32.eqz",
    "i32.eq",
    "i32.ne",
    "i32.lt_s",
    "i32.lt_u",
    "i32.gt_s",
    "i32.gt_u",
    "i32.le_s",
    "i32.le_u",
    "i32.ge_s",
    "i32.ge_u",
    "i64.eqz",
    "i64.eq",
    "i64.ne",
    "i64.lt_s",
    "i64.lt_u",
    "i64.gt_s",
    "i64.gt_u",
    "i64.le_s",
    "i64.le_u",
    "i64.ge_s",
    "i64.ge_u",
    "f32.eq",
    "f32.ne",
    "f32.lt",
    "f32.gt",
    "f32.le",
    "f32.ge",
    "f64.eq",
    "f64.ne",
    "f64.lt",
    "f64.gt",
    "f64.le",
    "f64.ge",
    "i32.clz",
    "i32.ctz",
    "i32.popcnt",
    "i32.add",
    "i32.sub",
    "i32.mul",
    "i32.div_s",
    "i32.div_u",
    "i32.rem_s",
    "i32.rem_u",
    "i32.and",
    "i32.or",
    "i32.xor",
    "i32.shl",
    "i32.shr_s",
    "i32.shr_u",
    "i32.rotl",
    "i32.rotr",
    "i64.clz",
    "i64.ctz",
    "i64.popcnt",
    "i64.add",
    "i64.sub",
    "i64.mul",
    "i64.div_s",
    "i64.div_u",
    "i64.rem_s",
    "i64.rem_u",
    "i64.and",
    "i64.or",
    "i64.xor",
    "i64.shl",
    "i64.shr_s",
    "i64.shr_u",
    "i64.rotl",
    "i64.rotr",
    "f32.abs",
    "f32.neg",
    "f32.ceil",
    "f32.floor",
    "f32.trunc",
    "f32.nearest",
    "f32.sqrt",
    "f32.add",
    "f32.sub",
    "f32.mul",
    "f32.div",
    "f32.min",
    "f32.max",
    "f32.copysign",
    "f64.abs",
    "f64.neg",
    "f64.ceil",
    "f64.floor",
    "f64.trunc",
    "f64.nearest",
    "f64.sqrt",
    "f64.add",
    "f64.sub",
    "f64.mul",
    "f64.div",
    "f64.min",
    "f64.max",
    "f64.copysign",
    "i32.wrap_i64",
    "i32.trunc_f32_s",
    "i32.trunc_f32_u",
    "i32.trunc_f64_s",
    "i32.trunc_f64_u",
    "i64.extend_i32_s",
    "i64.extend_i32_u",
    "i64.trunc_f32_s",
    "i64.trunc_f32_u",
    "i64.trunc_f64_s",
    "i64.trunc_f64_u",
    "f32.convert_i32_s",
    "f32.convert_i32_u",
    "f32.convert_i64_s",
    "f32.convert_i64_u",
    "f32.demote_f64",
    "f64.convert_i32_s",
    "f64.convert_i32_u",
    "f64.convert_i64_s",
    "f64.convert_i64_u",
    "f64.promote_f32",
    "i32.reinterpret_f32",
    "i64.reinterpret_f64",
    "f32.reinterpret_i32",
    "f64.reinterpret_i64",
    "i32.extend8_s",
    "i32.extend16_s",
    "i64.extend8_s",
    "i64.extend16_s",
    "i64.extend32_s",
    "i32.trunc_sat_f32_s",
    "i32.trunc_sat_f32_u",
    "i32.trunc_sat_f64_s",
    "i32.trunc_sat_f64_u",
    "i64.trunc_sat_f32_s",
    "i64.trunc_sat_f32_u",
    "i64.trunc_sat_f64_s",
    "i64.trunc_sat_f64_u",
    "return_call 0",
    "return_call_indirect 38 (type 0)",
};

/* What takes a memory argument. */
static const char *const accesses[] = {
    "i32.load",
    "i64.load",
    "f32.load",
    "f64.load",
    "i32.load8_s",
    "i32.load8_u",
    "i32.load16_s",
    "i32.load16_u",
    "i64.load8_s",
    "i64.load8_u",
    "i64.load16_s",
    "i64.load16_u",
    "i64.load32_s",
    "i64.load32_u",
    "i32.store",
    "i64.store",
    "f32.store",
    "f64.store",
    "i32.store8",
    "i32.store16",
    "i64.store8",
    "i64.store16",
    "i64.store32",
    "v128.load",
    "v128.load8x8_s",
    "v128.load8x8_u",
    "v128.load16x4_s",
    "v128.load16x4_u",
    "v128.load32x2_s",
    "v128.load32x2_u",
    "v128.load8_splat",
    "v128.load16_splat",
    "v128.load32_splat",
    "v128.load64_splat",
    "v128.store",
    "v128.load32_zero",
    "v128.load64_zero",
    "memory.atomic.notify",
    "memory.atomic.wait32",
    "memory.atomic.wait64",
};

/* Atomic ones, each with these widths. */
static const char *const atomic_verbs[] = {"add", "sub", "and", "or", "xor", "xchg", "cmpxchg"};
static const char *const atomic_rmw[] = {"i32.atomic.rmw.%s",     "i64.atomic.rmw.%s",    "i32.atomic.rmw8.%s_u",
                                         "i32.atomic.rmw16.%s_u", "i64.atomic.rmw8.%s_u", "i64.atomic.rmw16.%s_u",
                                         "i64.atomic.rmw32.%s_u"};
static const char *const atomics[] = {
    "i32.atomic.load",     "i64.atomic.load",     "i32.atomic.load8_u", "i32.atomic.load16_u", "i64.atomic.load8_u",
    "i64.atomic.load16_u", "i64.atomic.load32_u", "i32.atomic.store",   "i64.atomic.store",    "i32.atomic.store8",
    "i32.atomic.store16",  "i64.atomic.store8",   "i64.atomic.store16", "i64.atomic.store32",
};

/* Lanes that are also opcodes with something behind: 2 block, 3 loop, 12 br. Of two lanes neither is. */
static const struct {
  const char *name, *lane;
} lanes[] = {
    {"v128.load8_lane", " 12"},  {"v128.load16_lane", " 2"},  {"v128.load32_lane", " 3"},  {"v128.load64_lane", " 1"},
    {"v128.store8_lane", " 12"}, {"v128.store16_lane", " 2"}, {"v128.store32_lane", " 3"}, {"v128.store64_lane", " 1"},
};

static const char *const simd[] = {
    "v128.const i8x16 38 0 11 38 0 11 2 64 38 0 11 11 11 38 0 11",
    "v128.const f64x2 0.1 -7",
    "i8x16.shuffle 0 11 2 31 26 11 11 11 0 0 0 11 2 2 11 31",
    "i8x16.swizzle",
    "i8x16.extract_lane_s 12",
    "i8x16.extract_lane_u 13",
    "i8x16.replace_lane 12",
    "i16x8.extract_lane_s 2",
    "i16x8.extract_lane_u 3",
    "i16x8.replace_lane 2",
    "i32x4.extract_lane 2",
    "i32x4.replace_lane 3",
    "i64x2.extract_lane 1",
    "i64x2.replace_lane 1",
    "f32x4.extract_lane 2",
    "f32x4.replace_lane 2",
    "f64x2.extract_lane 1",
    "f64x2.replace_lane 1",
    "v128.not",
    "v128.and",
    "v128.andnot",
    "v128.or",
    "v128.xor",
    "v128.bitselect",
    "v128.any_true",
    "f32x4.demote_f64x2_zero",
    "f64x2.promote_low_f32x4",
    "i8x16.popcnt",
    "i8x16.narrow_i16x8_s",
    "i8x16.narrow_i16x8_u",
    "i16x8.narrow_i32x4_s",
    "i16x8.narrow_i32x4_u",
    "i8x16.avgr_u",
    "i16x8.avgr_u",
    "i16x8.q15mulr_sat_s",
    "i32x4.dot_i16x8_s",
    "i16x8.extadd_pairwise_i8x16_s",
    "i16x8.extadd_pairwise_i8x16_u",
    "i32x4.extadd_pairwise_i16x8_s",
    "i32x4.extadd_pairwise_i16x8_u",
    "i32x4.trunc_sat_f32x4_s",
    "i32x4.trunc_sat_f32x4_u",
    "f32x4.convert_i32x4_s",
    "f32x4.convert_i32x4_u",
    "i32x4.trunc_sat_f64x2_s_zero",
    "i32x4.trunc_sat_f64x2_u_zero",
    "f64x2.convert_low_i32x4_s",
    "f64x2.convert_low_i32x4_u",
    "i8x16.relaxed_swizzle",
    "i32x4.relaxed_trunc_f32x4_s",
    "i32x4.relaxed_trunc_f32x4_u",
    "i32x4.relaxed_trunc_f64x2_s_zero",
    "i32x4.relaxed_trunc_f64x2_u_zero",
    "f32x4.relaxed_madd",
    "f32x4.relaxed_nmadd",
    "f64x2.relaxed_madd",
    "f64x2.relaxed_nmadd",
    "i8x16.relaxed_laneselect",
    "i16x8.relaxed_laneselect",
    "i32x4.relaxed_laneselect",
    "i64x2.relaxed_laneselect",
    "f32x4.relaxed_min",
    "f32x4.relaxed_max",
    "f64x2.relaxed_min",
    "f64x2.relaxed_max",
    "i16x8.relaxed_q15mulr_s",
    "i16x8.relaxed_dot_i8x16_i7x16_s",
    "i32x4.relaxed_dot_i8x16_i7x16_add_s",
    "atomic.fence",
};

static const char *const simd_all[] = {"splat", "eq", "ne", "add", "sub", "abs", "neg"};
static const char *const simd_small[] = {"add_sat_s", "add_sat_u", "sub_sat_s", "sub_sat_u"};
static const char *const simd_integer[] = {"all_true", "bitmask", "shl",  "shr_s", "shr_u",
                                           "lt_s",     "gt_s",    "le_s", "ge_s"};
static const char *const simd_unsigned[] = {"lt_u", "gt_u", "le_u", "ge_u", "min_s", "min_u", "max_s", "max_u"};
static const char *const simd_wide[] = {"extend_low_%s_s", "extend_high_%s_s", "extend_low_%s_u", "extend_high_%s_u",
                                        "extmul_low_%s_s", "extmul_high_%s_s", "extmul_low_%s_u", "extmul_high_%s_u"};
static const char *const simd_float[] = {"lt",   "gt",  "le",  "ge",  "ceil", "floor", "trunc", "nearest",
                                         "sqrt", "mul", "div", "min", "max",  "pmin",  "pmax"};
static const char *const shapes[] = {"i8x16", "i16x8", "i32x4", "i64x2", "f32x4", "f64x2"};

/* ---- The module ---- */

typedef struct list_t {
  char *text;
  size_t used, room;
  uint32_t count; /* of functions */
} list_t;

/* One function: the instruction, and a table.set at its end. */
static void add(list_t *list, const char *instruction) {
  size_t size = strlen(instruction) + 64;
  if (list->used + size > list->room) {
    list->room = 2 * (list->room + size);
    char *text = realloc(list->text, list->room);
    if (!text) fail_msg("no memory for the module's text");
    list->text = text;
  }
  list->used += (size_t)sprintf(list->text + list->used, "(func %s table.set 38)\n", instruction);
  list->count++;
}

static void add_with(list_t *list, const char *shape, const char *const *verbs, size_t count, const char *other) {
  char verb[64];
  char text[128];
  for (size_t i = 0; i < count; i++) {
    snprintf(verb, sizeof verb, "%s", verbs[i]);
    char *hole = strstr(verb, "%s");
    if (hole) snprintf(hole, sizeof verb - (size_t)(hole - verb), "%s%s", other, verbs[i] + (hole - verb) + 2);
    snprintf(text, sizeof text, "%s.%s", shape, verb);
    add(list, text);
  }
}

static void add_access(list_t *list, const char *name, const char *lane) {
  static const char *const forms[] = {"", " offset=38", OFFSET, " offset=0xffffffff", " align=1", " offset=11 align=1"};
  char text[128];
  bool atomic = strstr(name, "atomic");
  for (size_t i = 0; i < (atomic ? 4u : COUNT(forms)); i++) { /* alignment of atomics is fixed */
    snprintf(text, sizeof text, "%s%s%s", name, forms[i], lane);
    add(list, text);
  }
  snprintf(text, sizeof text, "%s 38%s%s", name, OFFSET, lane); /* memory 38 */
  add(list, text);
}

static void add_simd(list_t *list) {
  for (size_t i = 0; i < COUNT(simd); i++) add(list, simd[i]);
  for (size_t i = 0; i < COUNT(shapes); i++) {
    add_with(list, shapes[i], simd_all, COUNT(simd_all), "");
    if (i < 2) add_with(list, shapes[i], simd_small, COUNT(simd_small), "");
    if (i < 4) add_with(list, shapes[i], simd_integer, COUNT(simd_integer), "");
    if (i < 3) add_with(list, shapes[i], simd_unsigned, COUNT(simd_unsigned), "");
    if (i > 0 && i < 4) add_with(list, shapes[i], simd_wide, COUNT(simd_wide), shapes[i - 1]);
    if (i > 0 && i < 4) add_with(list, shapes[i], (const char *const[]){"mul"}, 1, "");
    if (i > 3) add_with(list, shapes[i], simd_float, COUNT(simd_float), "");
  }
}

static void add_atomics(list_t *list) {
  char text[64];
  for (size_t i = 0; i < COUNT(atomics); i++) add_access(list, atomics[i], "");
  for (size_t i = 0; i < COUNT(atomic_rmw); i++) {
    for (size_t k = 0; k < COUNT(atomic_verbs); k++) {
      const char *hole = strstr(atomic_rmw[i], "%s");
      snprintf(text, sizeof text, "%.*s%s%s", (int)(hole - atomic_rmw[i]), atomic_rmw[i], atomic_verbs[k], hole + 2);
      add_access(list, text, "");
    }
  }
}

static rig_bytes_t all_instructions(uint32_t *count) {
  list_t list = {NULL, 0, 0, 0};
  for (size_t i = 0; i < COUNT(plain); i++) add(&list, plain[i]);
  for (size_t i = 0; i < COUNT(accesses); i++) add_access(&list, accesses[i], "");
  for (size_t i = 0; i < COUNT(lanes); i++) add_access(&list, lanes[i].name, lanes[i].lane);
  add_simd(&list);
  add_atomics(&list);
  char *wat = malloc(list.used + 4096);
  assert_non_null(wat);
  size_t used = (size_t)sprintf(wat, "(module ");
  for (int i = 0; i < 40; i++) used += (size_t)sprintf(wat + used, "(type (func (param%s)))", i % 2 ? " i32" : "");
  sprintf(wat + used, "%s)", list.text);
  rig_bytes_t bytes = rig_assemble(wat);
  *count = list.count;
  free(wat);
  free(list.text);
  return bytes;
}

/* ---- The walk ---- */

typedef struct seen_t {
  uint32_t func; /* the one expected next */
  uint32_t problems;
} seen_t;

/* Each function writes a table, once, and does nothing else of note; but that some refer to function 0. */
static void on_effect(void *context, uint32_t func, wasi_light__effect_t effect, uint32_t operand) {
  seen_t *seen = context;
  if (effect == WASI_LIGHT__REFERS && operand == 0 && func == seen->func) return;
  if (effect == WASI_LIGHT__NOT_METERED && func == seen->func) return;
  if (effect == WASI_LIGHT__BULK || effect == WASI_LIGHT__PAYS)
    return; /* test_wasm_metering_modules.c looks at those */
  if (effect != WASI_LIGHT__WRITES_TABLE || operand != 38 || func != seen->func) {
    print_error("function %u: effect %u of 0x%x; expected table.set in %u\n", func, (unsigned)effect, operand,
                seen->func);
    seen->problems++;
  }
  seen->func = func + 1;
}

static void test_every_instruction(void **state) {
  uint32_t count = 0;
  seen_t seen = {0, 0};
  wasi_light__scan_t scan;
  wasi_light__reader_t reader;
  rig_bytes_t bytes = all_instructions(&count);
  assert_true(count > 900);
  print_message("%u functions, %zu bytes\n", count, bytes.size);
  assert_true(wasi_light__scan(&scan, bytes.data, bytes.size));
  assert_true(wasi_light__walk_code(&scan, &reader, on_effect, &seen));
  assert_int_equal(seen.problems, 0);
  assert_int_equal(seen.func, count);
  wasi_light__scan_free(&scan);
  rig_bytes_end(&bytes);
}

/* ---- Locals, and functions that are cut ---- */

static uint32_t effects; /* of the walk below */

static void count_effect(void *context, uint32_t func, wasi_light__effect_t effect, uint32_t operand) {
  if (effect != WASI_LIGHT__PAYS) effects++;
}

static bool walk(const char *wat) {
  wasi_light__scan_t scan;
  wasi_light__reader_t reader;
  rig_bytes_t bytes = rig_assemble(wat);
  assert_true(wasi_light__scan(&scan, bytes.data, bytes.size));
  effects = 0;
  bool good = wasi_light__walk_code(&scan, &reader, count_effect, NULL);
  wasi_light__scan_free(&scan);
  rig_bytes_end(&bytes);
  return good;
}

static void test_locals(void **state) {
  assert_true(walk("(module (func (local i32) table.set 0))"));
  assert_int_equal(effects, 1);
  assert_true(walk("(module (func (local i32 i64 f32 f64 v128 funcref externref i32) table.set 0)"
                   "(func (local i32 i32 i32 i32 i64) table.set 0) (func (local (ref null func)) table.set 0))"));
  assert_int_equal(effects, 3);
}

/* Every cut of a body: the lengths around it are put right, so that only the walker can notice. */
static void test_bodies_that_are_cut(void **state) {
  static const char body[] =
      "\0\x41\xff\xff\xff\xff\7\x42\x80\x80\x80\x80\x80\x80\x80\x80\x80\1\x1a\x28\2\x85\x93\4\xfc\x8\1\0"
      "\xe\2\0\1\2\x1c\1\x7f\xfd\xc\0\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe\xf\x44\0\1\2\3\4\5\6\7\xb";
  for (size_t size = 0; size < sizeof body; size++) {
    pool_writer_t w = {NULL, 0, 0};
    pool_writer_t code = {NULL, 0, 0};
    wasi_light__scan_t scan;
    wasi_light__reader_t reader;
    pool_write_header(&w);
    pool_write(&w, "\1\4\1\x60\0\0\3\2\1\0", 10);
    pool_write_u8(&code, 1);
    pool_write_u32(&code, (uint32_t)size);
    pool_write(&code, body, size);
    pool_write_section(&w, 10, &code);
    rig_bytes_t bytes = pool_written(&w);
    assert_true(wasi_light__scan(&scan, bytes.data, bytes.size));
    bool good = wasi_light__walk_code(&scan, &reader, count_effect, NULL);
    if (size == 0 || size == sizeof body - 1) assert_int_equal(good, size > 0);
    if (!good) assert_in_range(reader.problem_at, 21, bytes.size);
    wasi_light__scan_free(&scan);
    rig_bytes_end(&bytes);
  }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_every_instruction),
    cmocka_unit_test(test_locals),
    cmocka_unit_test(test_bodies_that_are_cut),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
