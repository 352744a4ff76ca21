/* SPDX-License-Identifier: MIT */
/*
 * wasi_light_check_module: what it refuses and what it lets through to the engine, on modules in text, on bytes made by
 * hand, and on every beginning of every built guest.
 */
#include "wasm_rig.h"

#if RIG_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

/* ---- Modules in text ---- */

static bool check(const char *wat, const wasi_light_limits_t *limits, wasi_light_error_t *error) {
  rig_bytes_t bytes = rig_assemble(wat);
  bool good = wasi_light_check_module(bytes.data, bytes.size, limits, error);
  rig_bytes_end(&bytes);
  return good;
}

static void expect_good(const char *wat, const wasi_light_limits_t *limits) {
  wasi_light_error_t error = {.code = WASI_LIGHT_ERROR_OK, .message = "untouched"};
  if (!check(wat, limits, &error)) fail_msg("%s: %s", wat, error.message);
  assert_int_equal(error.code, WASI_LIGHT_ERROR_OK);
  assert_string_equal(error.message, "untouched");
}

static void expect_refused(const char *wat, const wasi_light_limits_t *limits, const char *part) {
  wasi_light_error_t error;
  if (check(wat, limits, &error)) fail_msg("accepted: %s", wat);
  ASSERT_ERROR(error, MODULE, part);
  assert_false(check(wat, limits, NULL));
}

static void test_v128_at_the_border(void **state) {
  static const struct {
    const char *wat, *name;
  } cases[] = {
      {"(module (import \"env\" \"f\" (func (param i32 v128 i32))))", "env.f has v128"},
      {"(module (import \"env\" \"f\" (func (result i64 v128))))", "env.f has v128"},
      {"(module (import \"env\" \"g\" (global v128)))", "env.g has v128"},
      {"(module (import \"env\" \"g\" (global (mut v128))))", "env.g has v128"},
      {"(module (func (export \"f\") (param v128)))", "f has v128"},
      {"(module (func (export \"f\") (param externref (ref func) f32 v128)))", "f has "},
      {"(module (func (export \"f\") (result v128) (v128.const i64x2 0 0)))", "f has v128"},
      {"(module (import \"env\" \"h\" (func)) (func) (func $f (param v128)) (func) (export \"f\" (func $f)))",
       "f has v128"},
      {"(module (global (export \"g\") v128 (v128.const i64x2 1 2)))", "g has v128"},
      {"(module (import \"env\" \"a\" (global i32)) (global i64 (i64.const 1)) (global $g (mut v128)"
       " (v128.const i64x2 1 2)) (global f64 (f64.const 1)) (export \"g\" (global $g)))",
       "g has v128"},
      {"(module (type (func)) (type $t (func (param v128))) (type (func (param i32)))"
       " (import \"env\" \"f\" (func (type 0))) (import \"env\" \"v\" (func (type $t))))",
       "env.v has v128"},
      {"(module (import \"e\\0av\" \"f\\1b\" (func (param v128))))", "e?v.f? has v128"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) expect_refused(cases[i].wat, NULL, cases[i].name);
}

static void test_v128_inside_is_fine(void **state) {
  expect_good("(module (func $f (param v128) (result v128) (local.get 0)) (global $g (mut v128) (v128.const i64x2 1 2))"
              "(global i32 (i32.const 1)) (memory (export \"memory\") 1)"
              "(func (export \"go\") (result i32) (i8x16.extract_lane_s 0 (call $f (global.get $g))))"
              "(export \"g\" (global 1)))",
              NULL);
  expect_good("(module (type (func (param v128))) (func (export \"f\")))", NULL);
}

static void test_types_without_a_kind_in_the_c_api(void **state) {
  static const char what[] = " has a value type in its type that the C API cannot express";
  expect_refused("(module (func (export \"f\") (param (ref func))))", NULL, what);
  expect_refused("(module (func (export \"f\") (param (ref null 0))))", NULL, what);
  expect_refused("(module (import \"env\" \"f\" (func (param (ref extern)))))", NULL, what);
  expect_refused("(module (import \"env\" \"g\" (global exnref)))", NULL, what);
  expect_refused("(module (tag (import \"env\" \"t\")))", NULL, "env.t is an imported tag");
  expect_good("(module (import \"env\" \"f\" (func (param funcref externref) (result externref)))"
              "(import \"env\" \"g\" (global funcref)) (table (export \"t\") 1 externref)"
              "(global (export \"e\") (mut externref) (ref.null extern)))",
              NULL);
}

static wasi_light_limits_t limits_of(uint32_t memory_pages, uint32_t table_elements) {
  wasi_light_limits_t limits = WASI_LIGHT_LIMITS_INIT;
  limits.memory_pages = memory_pages;
  limits.table_elements = table_elements;
  return limits;
}

static void test_memory_limits(void **state) {
  static const char *const wats[] = {"(module (memory 5))", "(module (memory 5 9))",
                                     "(module (memory 1) (memory (export \"m\") 5))",
                                     "(module (import \"env\" \"m\" (memory 5)))"};
  wasi_light_limits_t four = limits_of(4, 0), five = limits_of(5, 0), all = WASI_LIGHT_LIMITS_INIT;
  for (size_t i = 0; i < COUNT(wats); i++) {
    expect_refused(wats[i], &four, "memory_pages");
    expect_good(wats[i], &five);
    expect_good(wats[i], NULL);
  }
  assert_int_equal(all.memory_pages, 65536);
  expect_good("(module (memory 65536))", NULL);
  expect_good("(module (memory 0 65536))", &four); /* it is the beginning that counts */
}

static void test_table_limits(void **state) {
  static const char *const wats[] = {"(module (table 10 funcref))", "(module (table 10 4294967295 externref))",
                                     "(module (table 5 funcref) (table 0 funcref) (table (export \"t\") 5 externref))",
                                     "(module (import \"env\" \"t\" (table 6 funcref)) (table 4 funcref))"};
  wasi_light_limits_t nine = limits_of(0, 9), ten = limits_of(0, 10), most = limits_of(0, UINT32_MAX);
  for (size_t i = 0; i < COUNT(wats); i++) {
    expect_refused(wats[i], &nine, "table_elements");
    expect_good(wats[i], &ten);
    expect_good(wats[i], NULL);
  }
  expect_good("(module (table 1048576 funcref))", NULL);
  expect_refused("(module (table 1048577 funcref))", NULL, "table_elements");
  expect_refused("(module (table 4294967295 funcref))", NULL, "table_elements");
  expect_refused("(module (table 4294967295 funcref) (table 1 funcref))", &most, "table_elements"); /* no wrap */
}

static void test_entry_points(void **state) {
  static const char what[] = "_start and _initialize";
  expect_refused("(module (func (export \"_start\")) (func (export \"_initialize\")))", NULL, what);
  expect_refused("(module (func $f (export \"_initialize\")) (func) (export \"_start\" (func $f)))", NULL, what);
  expect_good("(module (func (export \"_start\")))", NULL);
  expect_good("(module (func (export \"_initialize\")))", NULL);
  expect_good("(module (func (export \"_start\")) (func (export \"_initialize2\")) (func (export \"_initializ\")))",
              NULL);
  expect_good("(module (func (export \"_start\")) (global (export \"_initialize\") i32 (i32.const 0)))", NULL);
}

/* Every form of a constant expression, and what else the cursor has to pass over on its way to the exports. */
static void test_what_it_passes_over(void **state) {
  static const char tail[] = "(func $v (param v128)) (export \"v\" (func $v)))";
  static const char *const heads[] = {
      "(module (global i32 (i32.const -1)) (global i64 (i64.const 0x7fffffffffffffff)) (global i64 (i64.const -1))",
      "(module (global f32 (f32.const -0x1p-149)) (global f64 (f64.const nan)) (global v128 (v128.const i64x2 -1 -1))",
      "(module (import \"env\" \"g\" (global $g i32)) (global i32 (global.get $g))"
      " (global i32 (i32.add (i32.const 70000) (i32.mul (global.get $g) (i32.sub (i32.const 1) (i32.const 2)))))"
      " (global i64 (i64.add (i64.const 1) (i64.mul (i64.const 1) (i64.sub (i64.const 1) (i64.const 2)))))",
      "(module (global funcref (ref.null func)) (global externref (ref.null extern)) (global funcref (ref.func $v))"
      " (elem declare func $v)",
      "(module (table 3 funcref (ref.func $v)) (table 3 (ref null func) (ref.null func)) (table 1 2 externref)",
      "(module (memory 1) (data (i32.const 0) \"abc\") (data \"def\") (table 4 funcref) (elem (i32.const 0) $v)"
      " (elem func $v) (start $s) (func $s) (tag) (func (local i32 v128) (block (result i32) (i32.const 1)) (drop))",
      "(module (import \"env\" \"m\" (memory 1 2 shared)) (import \"env\" \"t\" (table 1 2 funcref))"
      " (import \"env\" \"f\" (func (param i32)))",
      "(module (@custom \"name\" \"garbage\") (@custom \"\" \"\") (func)",
  };
  for (size_t i = 0; i < COUNT(heads); i++) {
    char wat[1024];
    snprintf(wat, sizeof wat, "%s%s", heads[i], tail);
    expect_refused(wat, NULL, "v has v128 in its type"); /* it came to the last export, and counted right */
  }
}

static void test_arguments_of_the_check(void **state) {
  static const uint8_t empty[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
  wasi_light_limits_t limits = WASI_LIGHT_LIMITS_INIT;
  wasi_light_error_t error;
  assert_true(wasi_light_check_module(empty, sizeof empty, &limits, &error));
  assert_false(wasi_light_check_module(NULL, 0, NULL, &error));
  ASSERT_ERROR(error, ARGUMENT, "bytes");
  assert_false(wasi_light_check_module(NULL, 8, NULL, NULL));
  limits.struct_size--;
  assert_false(wasi_light_check_module(empty, sizeof empty, &limits, &error));
  ASSERT_ERROR(error, ARGUMENT, "struct_size");
  limits.struct_size = 0;
  assert_false(wasi_light_check_module(empty, sizeof empty, &limits, &error));
  ASSERT_ERROR(error, ARGUMENT, "struct_size");
}

/* ---- Bytes ---- */

#define MAGIC "\0asm\1\0\0\0"

typedef struct bytes_case_t {
  const char *bytes;
  size_t size;
  const char *part; /* of the message */
} bytes_case_t;
#define BYTES(text, part) {text, sizeof(text) - 1, part}

static const bytes_case_t bytes_cases[] = {
    BYTES("", "at byte 0: not a WebAssembly module"),
    BYTES("\0", "not a WebAssembly module"),
    BYTES("\0asm\1\0\0", "not a WebAssembly module"),
    BYTES("\0ASM\1\0\0\0", "not a WebAssembly module"),
    BYTES("(module)", "not a WebAssembly module"),
    BYTES("\x7f"
          "ELF\2\1\1\0\0\0\0\0",
          "not a WebAssembly module"),
    BYTES("\0asm\2\0\0\0", "at byte 4: unknown version"),
    BYTES("\0asm\1\0\0\1", "at byte 4: unknown version"),
    BYTES("\0asm\x0d\0\1\0", "at byte 4: a component"),
    BYTES(MAGIC "\1", "at byte 9: unexpected end"),
    BYTES(MAGIC "\1\1", "at byte 10: length reaches past the end"),
    BYTES(MAGIC "\0\xff\xff\xff\xff\x0f", "at byte 14: length reaches past the end"),
    BYTES(MAGIC "\0\xff\xff\xff\xff\x1f", "at byte 9: integer is too long or too large"),
    BYTES(MAGIC "\0\x80\x80\x80\x80\x80\0", "at byte 9: integer is too long or too large"),
    BYTES(MAGIC "\1\1\1", "at byte 10: count is larger than what follows"),
    BYTES(MAGIC "\1\5\xff\xff\xff\xff\x0f", "at byte 10: count is larger than what follows"),
    BYTES(MAGIC "\1\2\1\x5f", "at byte 11: a type that is not a function type"),
    BYTES(MAGIC "\1\4\1\x60\1\x7f", "at byte 14: unexpected end"),
    BYTES(MAGIC "\1\4\1\x60\3\x7f", "at byte 12: count is larger than what follows"),
    BYTES(MAGIC "\1\5\1\x60\0\0\0", "at byte 14: bytes left over in a section"),
    BYTES(MAGIC "\2\6\1\0\0\5\0\0", "an import of an unknown kind"),
    BYTES(MAGIC "\2\3\1\5x", "length reaches past the end"),
    BYTES(MAGIC "\4\4\1\x70\4\1", "at byte 12: a 64-bit memory or table"),
    BYTES(MAGIC "\5\3\1\4\1", "at byte 11: a 64-bit memory or table"),
    BYTES(MAGIC "\5\3\1\5\1", "at byte 11: a 64-bit memory or table"),
    BYTES(MAGIC "\5\3\1\xff\1", "limits of an unknown form"),
    BYTES(MAGIC "\5\3\1\1\1", "unexpected end"),
    BYTES(MAGIC "\6\5\1\x7f\0\xff\x0b", "at byte 13: an unknown constant expression"),
    BYTES(MAGIC "\6\6\1\x7b\0\xfd\x0d\x0b", "an unknown constant expression"),
    BYTES(MAGIC "\6\7\1\x7f\0\x41\x80\x80\x80", "unexpected end"),
    BYTES(MAGIC "\6\x0a\1\x7f\0\x41\x80\x80\x80\x80\x80\0\x0b", "at byte 14: integer is too long"),
    BYTES(MAGIC "\7\3\1\1x", "unexpected end"),
};

static void test_malformed_bytes(void **state) {
  for (size_t i = 0; i < COUNT(bytes_cases); i++) {
    const bytes_case_t *row = &bytes_cases[i];
    wasi_light_error_t error;
    uint8_t *bytes = calloc(row->size > 0 ? row->size : 1, 1); /* of exactly this size */
    assert_non_null(bytes);
    memcpy(bytes, row->bytes, row->size);
    if (wasi_light_check_module(bytes, row->size, NULL, &error)) fail_msg("accepted: row %zu, %s", i, row->part);
    ASSERT_ERROR(error, MODULE, row->part);
    free(bytes);
  }
}

/* Indices that name nothing: refused here or by the engine, but nothing is read for them. */
static void test_indices_out_of_range(void **state) {
  static const bytes_case_t cases[] = {
      BYTES(MAGIC "\7\5\1\1x\0\x63", "export of function 99"),
      BYTES(MAGIC "\7\5\1\1x\1\x63", "export of table 99"),
      BYTES(MAGIC "\7\5\1\1x\2\x63", "export of memory 99"),
      BYTES(MAGIC "\7\5\1\1x\3\x63", "export of global 99"),
      BYTES(MAGIC "\7\5\1\1x\4\x63", "export of tag 99"),
      BYTES(MAGIC "\7\5\1\1x\5\x63", "export of an unknown kind"),
      BYTES(MAGIC "\7\x09\1\1x\0\xff\xff\xff\xff\x0f", "export of function 2^32 - 1"),
      BYTES(MAGIC "\3\2\1\x63\x0a\4\1\2\0\x0b", "function of type 99"),
      BYTES(MAGIC "\2\6\1\0\0\0\xff\1", "import of a function of type 255"),
      BYTES(MAGIC "\6\6\1\x7f\0\x23\x63\x0b", "global from global 99"),
      BYTES(MAGIC "\6\6\1\x70\0\xd2\x63\x0b", "global from function 99"),
      BYTES(MAGIC "\x08\1\x63", "start section with function 99"),
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    wasi_light_error_t error;
    const bytes_case_t *row = &cases[i];
    if (wasi_light_module_new(rig_engine(), row->bytes, row->size, NULL, NULL, &error)) fail_msg("%s", row->part);
    if (error.code != WASI_LIGHT_ERROR_MODULE && error.code != WASI_LIGHT_ERROR_COMPILE) {
      fail_msg("%s: %s", row->part, error.message);
    }
  }
}

/* ---- Guests ---- */

static const char *const guests[] = {"c_reactor", "cpp_reactor",  "rust_reactor", "zig_reactor", "as_reactor",
                                     "as_start",  "as_start_log", "c_command",    "go_reactor"};

static size_t section_end(const rig_bytes_t *bytes, size_t at) {
  size_t size = 0;
  unsigned shift = 0;
  for (at++; bytes->data[at] >= 0x80; at++, shift += 7) size |= (size_t)(bytes->data[at] & 0x7f) << shift;
  return at + 1 + (size | (size_t)bytes->data[at] << shift);
}

/* The beginning of a module can be a module where a section ends, and nowhere else. */
static void check_beginnings(rig_bytes_t *bytes, size_t step) {
  wasi_light_error_t error;
  size_t *ends = calloc(bytes->size, sizeof *ends); /* of the sections */
  size_t end_count = 0;
  size_t accepted = 0;
  ends[end_count++] = 8;
  while (ends[end_count - 1] < bytes->size) {
    ends[end_count] = section_end(bytes, ends[end_count - 1]);
    end_count++;
  }
  assert_int_equal(ends[end_count - 1], bytes->size);
  for (size_t size = bytes->size; size-- > 0;) {
    ASAN_POISON_MEMORY_REGION(bytes->data + size, 1);
    while (end_count > 0 && ends[end_count - 1] > size) end_count--;
    bool at_end = end_count > 0 && ends[end_count - 1] == size;
    if (size % step != 0 && !at_end && size > 4096) continue;
    bool good = wasi_light_check_module(bytes->data, size, NULL, &error);
    if (good && !at_end) fail_msg("the first %zu bytes are accepted", size);
    accepted += good;
    if (!good) ASSERT_ERROR(error, MODULE, "");
  }
  ASAN_UNPOISON_MEMORY_REGION(bytes->data, bytes->size);
  assert_true(accepted > 0); /* the first 8 bytes, for one */
  free(ends);
}

static void test_every_beginning_of_every_guest(void **state) {
  for (size_t i = 0; i < COUNT(guests); i++) {
    wasi_light_error_t error;
    rig_bytes_t bytes = rig_guest(guests[i]);
    if (!bytes.data) {
      print_message("skipped: guests/built/%s.wasm is not built\n", guests[i]);
      continue;
    }
    if (!wasi_light_check_module(bytes.data, bytes.size, NULL, &error)) fail_msg("%s: %s", guests[i], error.message);
    check_beginnings(&bytes, bytes.size > 1000000 ? 997 : 1);
    rig_bytes_end(&bytes);
  }
}

/* Any byte of the sections that are read may be anything: the check answers, and reads nothing past the end. */
static void test_changed_bytes(void **state) {
  static const uint8_t changes[] = {0x01, 0x02, 0x03, 0x04, 0x08, 0x10, 0x20, 0x40, 0x7f, 0x80, 0xff};
  rig_bytes_t bytes = rig_guest("c_reactor");
  size_t accepted = 0;
  size_t refused = 0;
  assert_non_null(bytes.data);
  for (size_t at = 0; at < 1500; at++) {
    for (size_t i = 0; i < COUNT(changes); i++) {
      wasi_light_error_t error = {.code = WASI_LIGHT_ERROR_OK};
      bytes.data[at] ^= changes[i];
      if (wasi_light_check_module(bytes.data, bytes.size, NULL, &error)) accepted++;
      else refused++;
      assert_int_equal(error.message[0] == '\0', error.code == WASI_LIGHT_ERROR_OK);
      bytes.data[at] ^= changes[i];
    }
  }
  assert_true(accepted > 0);
  assert_true(refused > 0);
  assert_true(wasi_light_check_module(bytes.data, bytes.size, NULL, NULL));
  rig_bytes_end(&bytes);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_v128_at_the_border),
    cmocka_unit_test(test_v128_inside_is_fine),
    cmocka_unit_test(test_types_without_a_kind_in_the_c_api),
    cmocka_unit_test(test_memory_limits),
    cmocka_unit_test(test_table_limits),
    cmocka_unit_test(test_entry_points),
    cmocka_unit_test(test_what_it_passes_over),
    cmocka_unit_test(test_arguments_of_the_check),
    cmocka_unit_test(test_malformed_bytes),
    cmocka_unit_test(test_indices_out_of_range),
    cmocka_unit_test(test_every_beginning_of_every_guest),
    cmocka_unit_test(test_changed_bytes),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
