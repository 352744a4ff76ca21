/* SPDX-License-Identifier: MIT */
/* The host's access to guest memory: bounds at every edge, strings out, and strings in by the guest's allocator. */
#include "wasm_rig.h"

enum { PAGE = 65536, SIZE = 2 * PAGE };

#define GUEST                                                                          \
  "(module (memory (export \"memory\") 2 4)"                                           \
  "(func (export \"grow\") (result i32) (memory.grow (i32.const 1)))"                  \
  "(func (export \"store\") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))" \
  "(func (export \"load\") (param i32) (result i32) (i32.load8_u (local.get 0))))"

/* ---- Ranges ---- */

static void test_ranges(void **state) {
  static const struct {
    uint32_t offset;
    uint64_t length;
    bool inside;
  } cases[] = {
      {0, 0, true},
      {0, 1, true},
      {0, SIZE, true},
      {0, SIZE + 1, false},
      {1, SIZE - 1, true},
      {1, SIZE, false},
      {SIZE - 1, 1, true},
      {SIZE - 1, 2, false},
      {SIZE, 0, true},
      {SIZE, 1, false},
      {SIZE + 1, 0, false},
      {UINT32_MAX, 0, false},
      {UINT32_MAX, 1, false},
      {0, UINT32_MAX, false},
      {0, UINT64_MAX, false},
      {1, UINT64_MAX, false},
      {SIZE, UINT64_MAX - SIZE + 1, false},
      {UINT32_MAX, UINT64_MAX, false},
      {8, (uint64_t)1 << 32, false},
  };
  rig_t rig;
  rig_start(&rig, GUEST, NULL, 0);
  uint8_t *base = wasi_light_memory(rig.instance, 0, 0);
  for (size_t i = 0; i < COUNT(cases); i++) {
    uint8_t *at = wasi_light_memory(rig.instance, cases[i].offset, cases[i].length);
    if (at != (cases[i].inside ? base + cases[i].offset : NULL)) {
      fail_msg("[%u, +%llu)", cases[i].offset, (unsigned long long)cases[i].length);
    }
  }
  rig_end(&rig);
}

/* It is the guest's memory, and not a copy. */
static void test_reading_and_writing(void **state) {
  static const uint32_t offsets[] = {0, 1, PAGE - 1, PAGE, SIZE - 1};
  rig_t rig;
  rig_start(&rig, GUEST, NULL, 0);
  for (size_t i = 0; i < COUNT(offsets); i++) {
    rig_call(&rig, "store", ARGS(I32((int32_t)offsets[i]), I32(200 + (int32_t)i)));
    uint8_t *at = wasi_light_memory(rig.instance, offsets[i], 1);
    assert_int_equal(*at, 200 + i);
    *at = (uint8_t)(100 + i);
    assert_int_equal(rig_call(&rig, "load", ARGS(I32((int32_t)offsets[i]))).of.i32, 100 + i);
  }
  rig_end(&rig);
}

static void test_memory_that_grew(void **state) {
  rig_t rig;
  rig_start(&rig, GUEST, NULL, 0);
  for (int32_t pages = 2; pages < 4; pages++) {
    uint32_t size = (uint32_t)pages * PAGE;
    assert_null(wasi_light_memory(rig.instance, 0, size + 1));
    assert_int_equal(rig_call(&rig, "grow", NO_ARGS).of.i32, pages);
    uint8_t *end = wasi_light_memory(rig.instance, size, PAGE);
    assert_non_null(end);
    end[PAGE - 1] = 9;
    assert_int_equal(rig_call(&rig, "load", ARGS(I32((int32_t)size + PAGE - 1))).of.i32, 9);
  }
  rig_end(&rig);
}

static void test_without_memory(void **state) {
  static const char *const wats[] = {"(module)", "(module (memory 1))",
                                     "(module (memory (export \"a\") 1) (memory (export \"b\") 1))"};
  char text[] = "old";
  for (size_t i = 0; i < COUNT(wats); i++) {
    rig_t rig;
    rig_start(&rig, wats[i], NULL, 0);
    assert_null(wasi_light_memory(rig.instance, 0, 0));
    assert_null(wasi_light_memory(rig.instance, 0, 1));
    assert_true(wasi_light_string_out(rig.instance, 0, text, sizeof text) == SIZE_MAX);
    rig_end(&rig);
  }
}

static void test_an_empty_memory(void **state) {
  rig_t rig;
  rig_start(&rig, "(module (memory (export \"memory\") 0))", NULL, 0);
  assert_null(wasi_light_memory(rig.instance, 0, 1));
  assert_null(wasi_light_memory(rig.instance, 1, 0));
  assert_true(wasi_light_string_out(rig.instance, 0, NULL, 0) == SIZE_MAX);
  rig_end(&rig);
}

/* ---- Strings out ---- */

static void put(rig_t *rig, uint32_t offset, const void *bytes, size_t size) {
  uint8_t *at = wasi_light_memory(rig->instance, offset, size);
  assert_non_null(at);
  memcpy(at, bytes, size);
}

static void test_strings_out(void **state) {
  static const struct {
    uint32_t offset;
    size_t size;
    size_t length;
    const char *text;
  } cases[] = {
      {10, 8, 5, "hello"},
      {10, 6, 5, "hello"},
      {10, 5, 5, "hell"},
      {10, 2, 5, "h"},
      {10, 1, 5, ""},
      {15, 8, 0, ""},
      {12, 8, 3, "llo"},
      {SIZE - 1, 8, SIZE_MAX, ""},
      {SIZE - 3, 8, SIZE_MAX, ""},
      {SIZE, 8, SIZE_MAX, ""},
      {SIZE + 1, 8, SIZE_MAX, ""},
      {UINT32_MAX, 8, SIZE_MAX, ""},
      {SIZE - 6, 8, 2, "ok"},
  };
  rig_t rig;
  rig_start(&rig, GUEST, NULL, 0);
  put(&rig, 10, "hello", 6);
  put(&rig, SIZE - 6, "ok\0end", 6); /* the last three have no NUL before the end */
  for (size_t i = 0; i < COUNT(cases); i++) {
    char text[9];
    memset(text, '#', sizeof text);
    size_t length = wasi_light_string_out(rig.instance, cases[i].offset, text, cases[i].size);
    if (length != cases[i].length || strncmp(text, cases[i].text, sizeof text) != 0) {
      fail_msg("row %zu: %zu, \"%.9s\"", i, length, text);
    }
    for (size_t k = cases[i].size; k < sizeof text; k++) assert_int_equal(text[k], '#');
  }
  assert_int_equal(wasi_light_string_out(rig.instance, 10, NULL, 0), 5); /* to ask for the length */
  rig_end(&rig);
}

static void test_a_string_of_all_memory(void **state) {
  static char text[SIZE];
  rig_t rig;
  rig_start(&rig, GUEST, NULL, 0);
  memset(wasi_light_memory(rig.instance, 0, SIZE), 'm', SIZE);
  assert_true(wasi_light_string_out(rig.instance, 0, text, sizeof text) == SIZE_MAX);
  *wasi_light_memory(rig.instance, SIZE - 1, 1) = 0;
  assert_int_equal(wasi_light_string_out(rig.instance, 0, text, sizeof text), SIZE - 1);
  assert_int_equal(strlen(text), SIZE - 1);
  rig_end(&rig);
}

/* ---- Strings in ---- */

/* `alloc` gives what the host stored at 0; `asked` is what it was asked for. */
#define ALLOCATOR                                                                                                 \
  "(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))"                            \
  "(memory (export \"memory\") 2) (global $asked (mut i32) (i32.const -1))"                                       \
  "(func (export \"asked\") (result i32) (global.get $asked))"                                                    \
  "(func (export \"alloc\") (param i32) (result i32) (global.set $asked (local.get 0)) (i32.load (i32.const 0)))" \
  "(func (export \"grow\") (param i32) (result i32) (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))"     \
  "(func (export \"crash\") (param i32) (result i32) unreachable)"                                                \
  "(func (export \"quit\") (param i32) (result i32) (call $exit (i32.const 12)) (i32.const 8))"                   \
  "(func (export \"two\") (param i32 i32) (result i32) (i32.const 8))"                                            \
  "(func (export \"none\") (result i32) (i32.const 8))"                                                           \
  "(func (export \"wide\") (param i64) (result i32) (i32.const 8))"                                               \
  "(func (export \"wide2\") (param i32) (result i64) (i64.const 8))"                                              \
  "(func (export \"void\") (param i32)))"

static uint32_t string_in(rig_t *rig, const char *allocate, const char *bytes, size_t length,
                          wasi_light_error_t *error) {
  *error = (wasi_light_error_t){.code = WASI_LIGHT_ERROR_OK};
  return wasi_light_string_in(rig->instance, wasi_light_module_func(rig->module, allocate), bytes, length, error);
}

static void set_next(rig_t *rig, uint32_t offset) {
  put(rig, 0, &offset, sizeof offset);
}

static void test_strings_in(void **state) {
  static const struct {
    uint32_t offset;
    size_t length;
  } cases[] = {{16, 5}, {16, 0}, {SIZE - 6, 5}, {SIZE - 1, 0}, {4, SIZE - 5}, {7, 9}};
  static char bytes[SIZE];
  wasi_light_error_t error;
  rig_t rig;
  rig_start(&rig, ALLOCATOR, NULL, 0);
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)('a' + i % 26);
  for (size_t i = 0; i < COUNT(cases); i++) {
    size_t length = cases[i].length;
    memset(wasi_light_memory(rig.instance, 0, SIZE), 0xee, SIZE);
    set_next(&rig, cases[i].offset);
    assert_int_equal(string_in(&rig, "alloc", bytes, length, &error), cases[i].offset);
    assert_int_equal(error.code, WASI_LIGHT_ERROR_OK);
    assert_int_equal(rig_call(&rig, "asked", NO_ARGS).of.i32, length + 1);
    uint8_t *at = wasi_light_memory(rig.instance, cases[i].offset, length + 1);
    assert_memory_equal(at, bytes, length);
    assert_int_equal(at[length], 0);
    if (cases[i].offset + length + 1 < SIZE) assert_int_equal(at[length + 1], 0xee);
  }
  set_next(&rig, 32);
  assert_int_equal(string_in(&rig, "alloc", "a\0b", 3, &error), 32); /* bytes, with what is in them */
  assert_memory_equal(wasi_light_memory(rig.instance, 32, 4), "a\0b", 4);
  assert_int_equal(wasi_light_string_in(rig.instance, wasi_light_module_func(rig.module, "alloc"), "quiet", 5, NULL),
                   32);
  rig_end(&rig);
}

/* The memory is looked up after the allocator has run. */
static void test_an_allocator_that_grows_the_memory(void **state) {
  wasi_light_error_t error;
  rig_t rig;
  rig_start(&rig, ALLOCATOR, NULL, 0);
  assert_int_equal(string_in(&rig, "grow", "new", 3, &error), SIZE);
  assert_memory_equal(wasi_light_memory(rig.instance, SIZE, 4), "new", 4);
  rig_end(&rig);
}

static void test_allocators_that_give_nothing(void **state) {
  static const struct {
    uint32_t offset;
    size_t length;
  } cases[] = {{0, 5}, {SIZE, 0}, {SIZE - 5, 5}, {SIZE - 1, 1}, {UINT32_MAX, 5}, {0x80000000, 0}, {SIZE + 1, 0}};
  wasi_light_error_t error;
  rig_t rig;
  rig_start(&rig, ALLOCATOR, NULL, 0);
  for (size_t i = 0; i < COUNT(cases); i++) {
    memset(wasi_light_memory(rig.instance, 0, SIZE), 0xee, SIZE);
    set_next(&rig, cases[i].offset);
    assert_int_equal(string_in(&rig, "alloc", "12345", cases[i].length, &error), 0);
    ASSERT_ERROR(error, OUT_OF_MEMORY, "alloc");
    for (uint32_t k = 4; k < SIZE; k++) assert_int_equal(*wasi_light_memory(rig.instance, k, 1), 0xee);
  }
  rig_end(&rig);
}

static void test_allocators_of_another_type(void **state) {
  static const char *const names[] = {"two", "none", "wide", "wide2", "void", "no such export"};
  wasi_light_error_t error;
  rig_t rig, other;
  rig_start(&rig, ALLOCATOR, NULL, 0);
  rig_start(&other, ALLOCATOR, NULL, 0);
  for (size_t i = 0; i < COUNT(names); i++) {
    assert_int_equal(string_in(&rig, names[i], "x", 1, &error), 0);
    ASSERT_ERROR(error, ARGUMENT, "(i32) -> (i32)");
  }
  const wasi_light_func_t *foreign = wasi_light_module_func(other.module, "alloc");
  assert_int_equal(wasi_light_string_in(rig.instance, foreign, "x", 1, &error), 0);
  ASSERT_ERROR(error, ARGUMENT, "module");
  assert_int_equal(
      wasi_light_string_in(rig.instance, wasi_light_module_func(rig.module, "alloc"), "x", INT32_MAX, &error), 0);
  ASSERT_ERROR(error, ARGUMENT, "2 GiB");
  assert_int_equal(wasi_light_string_in(rig.instance, wasi_light_module_func(rig.module, "alloc"), "x", SIZE_MAX, NULL),
                   0);
  assert_int_equal(rig_call(&rig, "asked", NO_ARGS).of.i32, -1); /* it was not called */
  rig_end(&rig);
  rig_end(&other);
}

static void test_allocators_that_do_not_return(void **state) {
  wasi_light_error_t error;
  rig_t rig;
  rig_start(&rig, ALLOCATOR, NULL, 0);
  assert_int_equal(string_in(&rig, "crash", "x", 1, &error), 0);
  ASSERT_ERROR(error, TRAP, "unreachable");
  assert_int_equal(string_in(&rig, "quit", "x", 1, &error), 0);
  ASSERT_ERROR(error, EXIT, "12");
  assert_int_equal(error.exit_code, 12);
  assert_int_equal(string_in(&rig, "alloc", "x", 1, &error), 0); /* it has exited */
  ASSERT_ERROR(error, EXIT, "12");
  assert_int_equal(error.exit_code, 12);
  rig_end(&rig);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_ranges),
    cmocka_unit_test(test_reading_and_writing),
    cmocka_unit_test(test_memory_that_grew),
    cmocka_unit_test(test_without_memory),
    cmocka_unit_test(test_an_empty_memory),
    cmocka_unit_test(test_strings_out),
    cmocka_unit_test(test_a_string_of_all_memory),
    cmocka_unit_test(test_strings_in),
    cmocka_unit_test(test_an_allocator_that_grows_the_memory),
    cmocka_unit_test(test_allocators_that_give_nothing),
    cmocka_unit_test(test_allocators_of_another_type),
    cmocka_unit_test(test_allocators_that_do_not_return),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
