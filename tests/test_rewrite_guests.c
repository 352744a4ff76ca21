/* SPDX-License-Identifier: MIT */
/*
 * The rewriter on modules as compilers make them: what comes out is valid, the same each time, exports what it should,
 * and begins with the same memory.
 */
#include "pool_bytes.h"

static const char *const guests[] = {
    "as_reactor",  "as_start",   "as_start_log", "c_command",   "c_reactor",
    "cpp_reactor", "go_reactor", "rust_reactor", "zig_reactor",
};

static unsigned count_words(const char *text, const char *part) {
  unsigned count = 0;
  for (const char *at = text; (at = strstr(at, part)); at += strlen(part)) count++;
  return count;
}

/* How many segments a module has. */
static uint32_t segment_count(const rig_bytes_t *bytes) {
  pool_part_t part = pool_section(bytes, 11);
  return part.size > 0 ? pool_read_u32(&part.data) : 0;
}

enum { GLOBALS_MAX = 64 };

/* Marks the mutable globals of number types. Their initialisers are plain constants. */
static void mark_mutable_numbers(const rig_bytes_t *bytes, bool marks[GLOBALS_MAX]) {
  pool_part_t part = pool_section(bytes, 6);
  const uint8_t *at = part.data;
  uint32_t count = part.size > 0 ? pool_read_u32(&at) : 0;
  assert_in_range(count, 0, GLOBALS_MAX);
  for (uint32_t i = 0; i < count; i++) {
    uint8_t type = *at++;
    marks[i] = *at++ == 1 && type >= 0x7c && type <= 0x7f;
    uint8_t opcode = *at++;
    if (opcode == 0x43) at += 4;
    else if (opcode == 0x44) at += 8;
    else pool_read_u32(&at); /* i32.const, i64.const (short ones) */
    assert_int_equal(*at++, 0x0b);
  }
}

/* How many globals should get an export. */
static unsigned unreachable_globals(const rig_bytes_t *bytes, const char *exports) {
  bool marks[GLOBALS_MAX] = {false};
  unsigned left = 0;
  mark_mutable_numbers(bytes, marks);
  for (const char *at = exports; (at = strstr(at, "=global:")); at++) marks[strtoul(at + 8, NULL, 10)] = false;
  for (size_t i = 0; i < GLOBALS_MAX; i++) left += marks[i];
  return left;
}

/* The original's exports come first and unchanged; then those that were added, all under the prefix. */
static void check_exports(const rig_bytes_t *before, const pool_rewritten_t *after) {
  static char old_text[POOL_TEXT];
  static char new_text[POOL_TEXT];
  pool_exports(before, old_text);
  pool_exports(&after->bytes, new_text);
  if (strncmp(old_text, new_text, strlen(old_text)) != 0) fail_msg("%s\nwas %s", new_text, old_text);
  const char *added = new_text + strlen(old_text);
  unsigned globals = unreachable_globals(before, old_text);
  assert_int_equal(count_words(added, "=global:"), globals);
  assert_int_equal(count_words(added, "=func:"), after->has_start ? 1 : 0);
  assert_int_equal(count_words(added, after->prefix), globals + (after->has_start ? 1 : 0));
  assert_string_equal(after->prefix, "wasi-light:");
}

static void check_guest(const char *name, bool has_validator) {
  rig_bytes_t bytes = rig_guest(name);
  if (!bytes.data) {
    print_message("%s is not built: left out\n", name);
    return;
  }
  pool_rewritten_t out = pool_rewrite(&bytes, NULL);
  assert_true(pool_valid(&bytes));
  if (!pool_valid(&out.bytes)) fail_msg("the engine does not take %s rewritten", name);
  if (has_validator && pool_wabt_valid(&bytes) && !pool_wabt_valid(&out.bytes)) {
    fail_msg("wasm-validate does not take %s rewritten", name);
  }
  assert_int_equal(pool_section(&bytes, 8).data != NULL, out.has_start);
  assert_null(pool_section(&out.bytes, 8).data);
  check_exports(&bytes, &out);
  print_message("%-12s %8zu -> %8zu bytes, %5u -> %3u data segments\n", name, bytes.size, out.bytes.size,
                segment_count(&bytes), segment_count(&out.bytes));
  rig_bytes_end(&bytes);
  rig_bytes_end(&out.bytes);
}

static void test_guests_stay_valid(void **state) {
  bool has_validator = pool_has_validator();
  if (!has_validator) print_message("wasm-validate is not installed: that check is left out\n");
  for (size_t i = 0; i < COUNT(guests); i++) check_guest(guests[i], has_validator);
}

/* A start section would run before memory is bound, so it goes first: what is compared is what the segments make. */
static void test_guests_begin_with_equal_memory(void **state) {
  for (size_t i = 0; i < COUNT(guests); i++) {
    rig_bytes_t bytes = rig_guest(guests[i]);
    if (!bytes.data || strcmp(guests[i], "go_reactor") == 0) { /* Go's, below, takes long to compile */
      rig_bytes_end(&bytes);
      continue;
    }
    rig_bytes_t plain = pool_without(&bytes, 8);
    pool_rewritten_t out = pool_rewrite(&bytes, NULL);
    pool_assert_equal_memories(&plain, &out.bytes);
    rig_bytes_end(&bytes);
    rig_bytes_end(&plain);
    rig_bytes_end(&out.bytes);
  }
}

/* Nothing but the data section counts for memory: Go's 35,000 segments in a module without code. */
static void test_gos_segments_make_equal_memory(void **state) {
  static const uint8_t kept[] = {5, 11}; /* memory, data */
  rig_bytes_t bytes = rig_guest("go_reactor");
  if (!bytes.data) skip();
  pool_writer_t w = {NULL, 0, 0};
  pool_write_header(&w);
  for (size_t i = 0; i < COUNT(kept); i++) {
    pool_part_t part = pool_section(&bytes, kept[i]);
    pool_writer_t payload = {NULL, 0, 0};
    pool_write(&payload, part.data, part.size);
    pool_write_section(&w, kept[i], &payload);
    if (kept[i] != 5) continue;
    pool_write(&payload, "\1\6memory\2\0", 10); /* an export */
    pool_write_section(&w, 7, &payload);
  }
  rig_bytes_t plain = pool_written(&w);
  pool_rewritten_t out = pool_rewrite(&plain, NULL);
  assert_true(segment_count(&plain) > 30000);
  assert_true(segment_count(&out.bytes) < 20);
  pool_assert_equal_memories(&plain, &out.bytes);
  rig_bytes_end(&bytes);
  rig_bytes_end(&plain);
  rig_bytes_end(&out.bytes);
}

/* The figures that the rewriter is there for. */
static void test_segments_become_few(void **state) {
  static const struct {
    const char *name;
    uint32_t before, after; /* at least, at most */
  } rows[] = {{"go_reactor", 30000, 20}, {"as_reactor", 200, 40}, {"c_reactor", 20, 6}, {"cpp_reactor", 60, 12}};
  for (size_t i = 0; i < COUNT(rows); i++) {
    rig_bytes_t bytes = rig_guest(rows[i].name);
    if (!bytes.data) continue;
    pool_rewritten_t out = pool_rewrite(&bytes, NULL);
    assert_true(segment_count(&bytes) >= rows[i].before);
    if (segment_count(&out.bytes) > rows[i].after) {
      fail_msg("%s: %u segments are left", rows[i].name, segment_count(&out.bytes));
    }
    assert_true(out.bytes.size < bytes.size + (1 << 20));
    rig_bytes_end(&bytes);
    rig_bytes_end(&out.bytes);
  }
}

/* What needs no change comes out byte for byte, whatever sections it has. */
static void test_what_needs_no_change_is_left(void **state) {
  static const char *const wats[] = {
      "(module)",
      "(module (memory (export \"memory\") 1 2) (data (i32.const 8) \"x\"))",
      "(module (memory 1) (data (i32.const 8) \"x\") (data (i32.const 8) \"y\"))",
      "(module (table 1 funcref) (func $f) (elem (i32.const 0) $f) (func (export \"g\") (call $f)))",
      "(module (global i32 (i32.const 4)) (global (export \"g\") (mut i64) (i64.const 4)))",
      "(module $named (func $f (param $p i32) (local $l i64)) (@custom \"x\" (before first) \"abc\"))",
      "(module (func) (@custom \"x\" (after type) \"abc\") (@custom \"y\" (after last) \"def\"))",
      "(module (type (func (param i32) (result i32 i64))) (import \"e\" \"f\" (func (type 0))) (tag) (func))",
  };
  wasi_light_limits_t limits = WASI_LIGHT_LIMITS_INIT;
  limits.table_elements = UINT32_MAX; /* so that even no maximum is none that is lowered */
  for (size_t i = 0; i < COUNT(wats); i++) {
    rig_bytes_t bytes = rig_assemble(wats[i]);
    pool_rewritten_t out = pool_rewrite(&bytes, &limits);
    assert_int_equal(out.bytes.size, bytes.size);
    assert_memory_equal(out.bytes.data, bytes.data, bytes.size);
    rig_bytes_end(&bytes);
    rig_bytes_end(&out.bytes);
  }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_guests_stay_valid),
    cmocka_unit_test(test_guests_begin_with_equal_memory),
    cmocka_unit_test(test_gos_segments_make_equal_memory),
    cmocka_unit_test(test_segments_become_few),
    cmocka_unit_test(test_what_needs_no_change_is_left),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
