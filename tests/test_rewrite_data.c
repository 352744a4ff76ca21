/* SPDX-License-Identifier: MIT */
/*
 * Which data segments are merged, rule by rule: the segments that come out are written down here, and memory is the
 * same as in an instance of the module as it was.
 */
#include "pool_bytes.h"

/* The segments of the rewritten module; where the engine takes both, their memories must be equal. */
static void expect_bytes(const rig_bytes_t *bytes, const char *expected, const char *what) {
  char text[POOL_TEXT];
  pool_rewritten_t out = pool_rewrite(bytes, NULL);
  if (strcmp(pool_segments(&out.bytes, text), expected) != 0) fail_msg("%s\nexpected %s\n%s", text, expected, what);
  pool_part_t count = pool_section(&out.bytes, 12);
  pool_part_t data = pool_section(&out.bytes, 11);
  if (count.data) assert_int_equal(pool_read_u32(&count.data), data.data ? pool_read_u32(&data.data) : 0);
  assert_int_equal(pool_valid(bytes), pool_valid(&out.bytes));
  assert_true(!pool_wabt_valid(bytes) || pool_wabt_valid(&out.bytes));
  if (!strstr(what, "(import")) pool_assert_equal_memories(bytes, &out.bytes);
  rig_bytes_end(&out.bytes);
}

static void expect(const char *wat, const char *expected) {
  rig_bytes_t bytes = rig_assemble(wat);
  expect_bytes(&bytes, expected, wat);
  rig_bytes_end(&bytes);
}

#define MEMORY "(module (memory (export \"memory\") 1) "
#define AT(offset, text) "(data (i32.const " #offset ") \"" text "\")"
#define COMPUTED(offset, text) "(data (offset (i32.add (i32.const 0) (i32.const " #offset "))) \"" text "\")"

/* ---- One run ---- */

static void test_adjacent_segments(void **state) {
  expect(MEMORY AT(8, "ab") AT(10, "cd") ")", "8+4");
  expect(MEMORY AT(8, "ab") AT(10, "c") AT(11, "d") AT(12, "e") ")", "8+5");
  expect(MEMORY AT(0, "ab") AT(2, "cd") ")", "0+4");
  expect(MEMORY AT(65532, "ab") AT(65534, "cd") ")", "65532+4");
}

static void test_gaps(void **state) {
  expect(MEMORY AT(8, "ab") AT(12, "cd") ")", "8+6");
  expect(MEMORY AT(8, "ab") AT(4106, "cd") ")", "8+4100");     /* a gap of 4,096 */
  expect(MEMORY AT(8, "ab") AT(4107, "cd") ")", "8+2 4107+2"); /* of one more */
  expect(MEMORY AT(8, "ab") AT(12, "cd") AT(20, "ef") AT(9000, "gh") AT(9003, "i") ")", "8+14 9000+4");
}

static void test_segments_in_no_order(void **state) {
  expect(MEMORY AT(20, "ab") AT(8, "cd") ")", "20+2 8+2");
  expect(MEMORY AT(20, "ab") AT(18, "cd") ")", "20+2 18+2");                 /* adjacent, but before */
  expect(MEMORY AT(20, "ab") AT(8, "cd") AT(22, "ef") ")", "20+2 8+2 22+2"); /* the gap from 10 is written: no */
  expect(MEMORY AT(40, "ab") AT(8, "cd") AT(12, "ef") ")", "40+2 8+6");
}

static void test_overlaps(void **state) {
  expect(MEMORY AT(8, "abcd") AT(10, "xy") ")", "8+4 10+2");
  expect(MEMORY AT(8, "abcd") AT(8, "xy") ")", "8+4 8+2");
  expect(MEMORY AT(8, "abcd") AT(11, "xyz") AT(14, "w") ")", "8+4 11+4");
  expect(MEMORY AT(8, "abcd") AT(6, "xyz") ")", "8+4 6+3");
}

/* ---- A gap that is not zeros ---- */

static void test_gaps_that_were_written(void **state) {
  expect(MEMORY AT(12, "x") AT(8, "ab") AT(14, "cd") ")", "12+1 8+2 14+2");   /* in it */
  expect(MEMORY AT(10, "x") AT(8, "ab") AT(14, "cd") ")", "10+1 8+2 14+2");   /* at its start */
  expect(MEMORY AT(13, "x") AT(8, "ab") AT(14, "cd") ")", "13+1 8+2 14+2");   /* at its end */
  expect(MEMORY AT(13, "xyz") AT(8, "ab") AT(14, "cd") ")", "13+3 8+2 14+2"); /* over its end */
  expect(MEMORY AT(4, "stuvwxyz") AT(8, "ab") AT(14, "cd") ")", "4+8 8+2 14+2");
  expect(MEMORY AT(14, "x") AT(8, "ab") AT(14, "cd") ")", "14+1 8+8"); /* beyond it */
  expect(MEMORY AT(9, "x") AT(8, "ab") AT(14, "cd") ")", "9+1 8+8");   /* before it */
  expect(MEMORY AT(0, "x") AT(8, "ab") AT(14, "cd") ")", "0+16");      /* all one run */
}

/* What a merged run covers counts as written, also its zeros: a later gap over them is not filled a second time. */
static void test_gaps_over_an_earlier_runs_zeros(void **state) {
  expect(MEMORY AT(8, "a") AT(16, "b") AT(2, "c") AT(14, "d") ")", "8+9 2+1 14+1");
  expect(MEMORY AT(8, "a") AT(16, "b") AT(2, "c") AT(7, "d") ")", "8+9 2+6");
}

/* A segment that only starts a gap may be written later: the run came first in both. */
static void test_gaps_that_are_written_afterwards(void **state) {
  expect(MEMORY AT(8, "ab") AT(14, "cd") AT(11, "x") ")", "8+8 11+1");
}

/* Far more than 64 runs: the last range covers what there is no room for. */
static void test_many_runs(void **state) {
  enum { RUNS = 100, STEP = 400 };
  char *wat = malloc(RUNS * 64 + 1024);
  char expected[POOL_TEXT] = "";
  assert_non_null(wat);
  size_t used = (size_t)sprintf(wat, MEMORY);
  for (int i = RUNS; i > 0; i--) { /* downwards, so that each is a run of its own */
    used += (size_t)sprintf(wat + used, "(data (i32.const %d) \"x\")", i * STEP);
    sprintf(expected + strlen(expected), "%s%d+1", i == RUNS ? "" : " ", i * STEP);
  }
  /* a gap over the last run, which has no range to itself; and one that no run touches, but the last range covers */
  used += (size_t)sprintf(wat + used, "(data (i32.const 100) \"ab\") (data (i32.const 510) \"cd\")");
  used += (size_t)sprintf(wat + used, "(data (i32.const 520) \"ef\")");
  sprintf(expected + strlen(expected), " 100+2 510+2 520+2");
  /* and one above all of them is merged */
  sprintf(wat + used, "(data (i32.const 50000) \"ij\") (data (i32.const 50010) \"kl\"))");
  sprintf(expected + strlen(expected), " 50000+12");
  expect(wat, expected);
  free(wat);
}

/* The zeros of all gaps together are at most 4 MiB; then only what touches is merged. */
static void test_the_zeros_have_a_budget(void **state) {
  enum { SEGMENTS = 1100, STEP = 4097 }; /* a byte and a gap of 4,096 */
  char text[POOL_TEXT];
  wasi_light_error_t error;
  pool_rewritten_t out;
  char *wat = malloc(SEGMENTS * 64 + 1024);
  assert_non_null(wat);
  size_t used = (size_t)sprintf(wat, "(module (memory (export \"memory\") 100) ");
  for (int i = 0; i < SEGMENTS; i++) used += (size_t)sprintf(wat + used, "(data (i32.const %d) \"x\")", i * STEP);
  sprintf(wat + used, "(data (i32.const %d) \"yz\"))", (SEGMENTS - 1) * STEP + 1);
  rig_bytes_t bytes = rig_assemble(wat);
  assert_true(pool_try_rewrite(&bytes, NULL, &out, &error));
  pool_segments(&out.bytes, text);
  char first[64];
  snprintf(first, sizeof first, "0+%d %d+1 ", 1024 * STEP + 1, 1025 * STEP);
  if (strncmp(text, first, strlen(first)) != 0) fail_msg("%.60s, expected %s", text, first);
  snprintf(first, sizeof first, " %d+3", (SEGMENTS - 1) * STEP);
  assert_string_equal(text + strlen(text) - strlen(first), first);
  pool_assert_equal_memories(&bytes, &out.bytes);
  rig_bytes_end(&bytes);
  rig_bytes_end(&out.bytes);
  free(wat);
}

/* ---- Segments that are not plain ---- */

static void test_computed_offsets(void **state) {
  expect(MEMORY COMPUTED(20, "xy") ")", "computed+2");
  expect(MEMORY AT(8, "ab") COMPUTED(20, "xy") AT(10, "cd") ")", "8+2 computed+2 10+2");
  expect(MEMORY COMPUTED(11, "xy") AT(8, "ab") AT(10, "cd") ")", "computed+2 8+4"); /* what touches is still merged */
  expect(MEMORY COMPUTED(11, "xy") AT(8, "ab") AT(14, "cd") ")",
         "computed+2 8+2 14+2"); /* a gap is not: it may be there */
  expect(MEMORY AT(8, "ab") AT(14, "cd") COMPUTED(11, "xy") AT(20, "ef") AT(30, "gh") ")", "8+8 computed+2 20+2 30+2");
  expect("(module (import \"e\" \"g\" (global i32)) (memory 1) (data (global.get 0) \"xy\")" AT(8, "ab") AT(10, "c")
             AT(14, "cd") ")",
         "computed+2 8+3 14+2");
}

/* An offset that is a constant, but not of the plain form, is none. */
static void test_offsets_of_several_instructions(void **state) {
  expect(MEMORY "(data (offset (i32.sub (i32.const 20) (i32.const 5))) \"xy\") (data (offset (i32.mul (i32.const 2) "
                "(i32.const 9))) \"zw\")" AT(20, "ab") ")",
         "computed+2 computed+2 20+2");
}

static void test_passive_segments(void **state) {
  expect(MEMORY AT(8, "ab") "(data \"xyz\")" AT(10, "cd") ")", "8+2 passive+3 10+2");
  expect(MEMORY "(data \"xyz\")" AT(8, "ab") AT(10, "cd") "(data \"w\") (data \"v\"))",
         "passive+3 8+4 passive+1 passive+1");
}

/* An empty one out of bounds is a trap, so it stays; and where it was, since it is one of those that may trap. */
static void test_empty_segments(void **state) {
  expect(MEMORY AT(8, "ab") AT(10, "") AT(10, "cd") ")", "8+2 10+0 10+2");
  expect(MEMORY AT(8, "") AT(9, "") ")", "8+0 9+0");
  expect(MEMORY AT(8, "ab") AT(65536, "") AT(10, "cd") ")", "8+2 65536+0 10+2");
  expect(MEMORY AT(8, "ab") AT(65537, "") AT(10, "cd") ")", "8+2 65537+0 10+2");
  expect(MEMORY AT(0, "") AT(0, "ab") AT(2, "cd") ")", "0+0 0+4");
}

static void test_other_memories(void **state) {
  expect("(module (memory (export \"memory\") 1) (memory 1)" AT(8, "ab") "(data (memory 1) (i32.const 10) \"xy\")" AT(
             10, "cd") AT(12, "e") ")",
         "8+2 memory 1: 10+2 10+3");
  expect("(module (memory (export \"memory\") 1) (memory 1) (data (memory 1) (i32.const 8) \"ab\")"
         "(data (memory 1) (i32.const 10) \"cd\"))",
         "memory 1: 8+2 memory 1: 10+2");
  /* what is written to another memory is no matter to a gap of this one */
  expect("(module (memory (export \"memory\") 1) (memory 1) (data (memory 1) (i32.const 10) \"x\")" AT(8, "ab")
             AT(12, "cd") ")",
         "memory 1: 10+1 8+6");
}

/* Memory 0 by its number: the longer form of the same thing. */
static void test_memory_0_by_its_number(void **state) {
  rig_bytes_t bytes = rig_assemble(MEMORY AT(8, "ab") AT(10, "cd") ")");
  pool_part_t data = pool_section(&bytes, 11);
  pool_writer_t w = {NULL, 0, 0};
  pool_writer_t payload = {NULL, 0, 0};
  size_t header = (size_t)(data.data - bytes.data) - 2;
  pool_write(&w, bytes.data, header);
  pool_write(&payload, "\2\2\0\x41\x8\xb\2ab\0\x41\xa\xb\2cd", 16);
  pool_write_section(&w, 11, &payload);
  rig_bytes_t other = pool_written(&w);
  expect_bytes(&other, "8+4", "flags 2");
  rig_bytes_end(&bytes);
  rig_bytes_end(&other);
}

/* ---- Modules whose segments are left ---- */

static void test_an_imported_memory(void **state) {
  expect("(module (import \"e\" \"m\" (memory 1))" AT(8, "ab") AT(10, "cd") ")", "8+2 10+2");
  expect("(module (import \"e\" \"m\" (memory 1)) (memory 1) (data (memory 1) (i32.const 8) \"ab\")"
         "(data (memory 1) (i32.const 10) \"cd\"))",
         "memory 1: 8+2 memory 1: 10+2");
}

static void test_no_memory(void **state) {
  expect_bytes((const rig_bytes_t[]){{(uint8_t *)"\0asm\1\0\0\0\xb\7\2\1\1x\1\1y", 17}}, "passive+1 passive+1",
               "(import: it has no memory to compare)");
}

#define FUNC "(func (export \"f\") "

static void test_data_counts(void **state) {
  /* no use of it: merged, and counted anew */
  expect(MEMORY AT(8, "ab") AT(10, "cd") "(data \"x\") (func (memory.copy (i32.const 0) (i32.const 0) (i32.const 0))))",
         "8+4 passive+1");
  /* a use in any function, also after others and in unreachable code: left */
  expect(MEMORY AT(8, "ab") AT(10, "cd") "(data \"x\") (func) (func) " FUNC
                                         "(memory.init 2 (i32.const 0) (i32.const 0) (i32.const 1))))",
         "8+2 10+2 passive+1");
  expect(MEMORY AT(8, "ab") AT(10, "cd") "(data \"x\") (func) " FUNC "(data.drop 2)))", "8+2 10+2 passive+1");
  expect(MEMORY AT(8, "ab") AT(10, "cd") FUNC "(data.drop 0)) (func nop))", "8+2 10+2");
  expect(MEMORY AT(8, "ab") AT(10, "cd") FUNC "unreachable (data.drop 1)))", "8+2 10+2");
  expect(MEMORY AT(8, "ab") AT(10, "cd") FUNC "(i64.const 0x0908fc0908fc) drop (data.drop 1)))", "8+2 10+2");
}

/* The count is there for memory.init and data.drop alone; the engine wants it right. */
static void test_a_data_count_without_use(void **state) {
  rig_bytes_t bytes = rig_assemble(MEMORY AT(8, "ab") AT(10, "cd") AT(30, "e") "(data \"x\") (func))");
  pool_part_t func = pool_section(&bytes, 10);
  pool_part_t count = pool_section(&bytes, 12);
  if (!count.data) { /* the assembler leaves it out: put it before the code */
    rig_bytes_t with = pool_spliced(&bytes, (size_t)(func.data - bytes.data) - 2, 0, "\xc\1\4", 3);
    rig_bytes_end(&bytes);
    bytes = with;
  }
  expect_bytes(&bytes, "8+23 passive+1", "a count");
  rig_bytes_end(&bytes);
}

/* Behind an opcode that the walker does not know could be such a use. This one is wide arithmetic, which the engine takes. */
static void test_a_data_count_and_unknown_code(void **state) {
  static const char wat[] = MEMORY AT(8, "ab") AT(10, "cd") FUNC
      "(i64.add128 (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4)) drop drop (data.drop 0)))";
  rig_bytes_t bytes = rig_assemble(wat);
  char text[POOL_TEXT];
  pool_rewritten_t out = pool_rewrite(&bytes, NULL);
  assert_string_equal(pool_segments(&out.bytes, text), "8+2 10+2");
  rig_bytes_end(&bytes);
  rig_bytes_end(&out.bytes);
}

/* ---- Offsets are unsigned ---- */

static void expect_segments(const char *wat, const char *expected) {
  char text[POOL_TEXT];
  pool_rewritten_t out = pool_rewrite_wat(wat);
  assert_string_equal(pool_segments(&out.bytes, text), expected);
  assert_true(pool_valid(&out.bytes));
  rig_bytes_end(&out.bytes);
}

/* Without instances: Wasmer 7.4.2 takes offsets as signed, so that segments from 2 GiB on trap in it. */
static void test_high_offsets(void **state) {
  expect_segments("(module (memory 32770)" AT(0x7ffffffe, "ab") AT(0x80000000, "cd") ")", "2147483646+4");
  expect_segments("(module (memory 32770)" AT(0x80000000, "ab") AT(0x80000002, "cd") ")", "2147483648+4");
  expect_segments("(module (memory 32770)" AT(0x7ffffff0, "ab") AT(0x80000010, "cd") ")", "2147483632+34");
  expect_segments("(module (memory 65536)" AT(0xfffffff0, "ab") AT(0xfffffff4, "cd") AT(5, "x") ")",
                  "4294967280+6 5+1");
  /* from the end of memory to its start is no gap */
  expect_segments("(module (memory 65536)" AT(0xfffffffe, "ab") AT(0, "cd") ")", "4294967294+2 0+2");
  expect_segments("(module (memory 65536)" AT(0xffffffff, "abc") AT(1, "cd") AT(2, "e") ")", "4294967295+3 1+2 2+1");
}

/* What does not fit traps in both, whatever it was merged with. */
static void test_segments_out_of_bounds(void **state) {
  expect(MEMORY AT(65534, "ab") AT(65536, "c") ")", "65534+3");
  expect(MEMORY AT(65534, "abc") AT(65537, "c") ")", "65534+4");
  expect(MEMORY AT(8, "ab") AT(70000, "c") AT(10, "cd") ")", "8+2 70000+1 10+2");
  expect("(module (memory (export \"memory\") 0)" AT(0, "ab") AT(2, "cd") ")", "0+4");
}

/* ---- Names ---- */

/* The numbers of the subsections of the name section, and the text in all of them. */
static void name_section(const rig_bytes_t *bytes, char numbers[64], char text[256]) {
  pool_part_t part = pool_section(bytes, 0);
  numbers[0] = text[0] = '\0';
  assert_non_null(part.data);
  assert_memory_equal(part.data, "\4name", 5);
  for (const uint8_t *at = part.data + 5; at < part.data + part.size;) {
    sprintf(numbers + strlen(numbers), "%u ", *at++);
    uint32_t size = pool_read_u32(&at);
    for (uint32_t i = 0; i < size; i++) {
      if (at[i] > ' ' && at[i] < 0x7f) sprintf(text + strlen(text), "%c", at[i]);
    }
    at += size;
  }
}

#define NAMED(second)                                                                                               \
  "(module $whole (memory $mem (export \"memory\") 1) (global $glob i32 (i32.const 0)) (data $first (i32.const 8) " \
  "\"ab\") (data $second (i32.const " #second ") \"cd\") (func $fun (param $par i32) (local $loc i64)))"

/* Names of data segments are given by number: when numbers change they go, and no others. */
static void test_names_of_segments(void **state) {
  char before[64];
  char after[64];
  char text[256];
  for (int merged = 0; merged < 2; merged++) {
    rig_bytes_t bytes = rig_assemble(merged ? NAMED(10) : NAMED(8));
    pool_rewritten_t out = pool_rewrite(&bytes, NULL);
    name_section(&bytes, before, text);
    assert_non_null(strstr(before, "9 "));
    assert_non_null(strstr(text, "first"));
    name_section(&out.bytes, after, text);
    if (merged) assert_null(strstr(after, "9 "));
    else assert_string_equal(after, before);
    static const char *const kept[] = {"whole", "mem", "glob", "fun", "par", "loc"};
    for (size_t i = 0; i < COUNT(kept); i++) assert_non_null(strstr(text, kept[i]));
    assert_int_equal(strstr(text, "first") != NULL, !merged);
    assert_int_equal(strstr(text, "second") != NULL, !merged);
    assert_true(pool_valid(&out.bytes));
    rig_bytes_end(&bytes);
    rig_bytes_end(&out.bytes);
  }
}

/* A name section that does not read as one is no error, and is left; so is any other custom section. */
static void test_name_sections_that_are_none(void **state) {
  static const char *const customs[] = {
      "(@custom \"name\" \"\\09\\7f\\01\")", "(@custom \"name\" \"\\09\\01\\00\\01\\ff\")",
      "(@custom \"name\" \"\\09\")",         "(@custom \"names\" \"\\09\\01\\00\")",
      "(@custom \"nam\" \"\\09\\01\\00\")",  "(@custom \"\" \"\\09\\01\\00\")",
  };
  for (size_t i = 0; i < COUNT(customs); i++) {
    char wat[256];
    snprintf(wat, sizeof wat, MEMORY AT(8, "ab") AT(10, "cd") "%s)", customs[i]);
    rig_bytes_t bytes = rig_assemble(wat);
    pool_rewritten_t out = pool_rewrite(&bytes, NULL);
    pool_part_t old_part = pool_section(&bytes, 0);
    pool_part_t new_part = pool_section(&out.bytes, 0);
    assert_int_equal(new_part.size, old_part.size);
    assert_memory_equal(new_part.data, old_part.data, old_part.size);
    expect_bytes(&bytes, "8+4", wat);
    rig_bytes_end(&bytes);
    rig_bytes_end(&out.bytes);
  }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_adjacent_segments),
    cmocka_unit_test(test_gaps),
    cmocka_unit_test(test_segments_in_no_order),
    cmocka_unit_test(test_overlaps),
    cmocka_unit_test(test_gaps_that_were_written),
    cmocka_unit_test(test_gaps_over_an_earlier_runs_zeros),
    cmocka_unit_test(test_gaps_that_are_written_afterwards),
    cmocka_unit_test(test_many_runs),
    cmocka_unit_test(test_the_zeros_have_a_budget),
    cmocka_unit_test(test_computed_offsets),
    cmocka_unit_test(test_offsets_of_several_instructions),
    cmocka_unit_test(test_passive_segments),
    cmocka_unit_test(test_empty_segments),
    cmocka_unit_test(test_other_memories),
    cmocka_unit_test(test_memory_0_by_its_number),
    cmocka_unit_test(test_an_imported_memory),
    cmocka_unit_test(test_no_memory),
    cmocka_unit_test(test_data_counts),
    cmocka_unit_test(test_a_data_count_without_use),
    cmocka_unit_test(test_a_data_count_and_unknown_code),
    cmocka_unit_test(test_high_offsets),
    cmocka_unit_test(test_segments_out_of_bounds),
    cmocka_unit_test(test_names_of_segments),
    cmocka_unit_test(test_name_sections_that_are_none),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
