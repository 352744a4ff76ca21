/* SPDX-License-Identifier: MIT */
/* How fd_read and fd_write serve iovecs: order, empty ones, the limit of 1,024, overlaps, and sums past 32 bits. */
#include "core_guest.h"

enum { LIMIT = 1024 };

static void start(core_guest_t *g, const char *input, size_t capture, size_t memory_size) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.in = (wasi_light_input_t){WASI_LIGHT_INPUT_BYTES, input, strlen(input), NULL};
  if (capture > 0) options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = capture};
  core_start(g, &options, memory_size);
}

static void test_gather(void **state) {
  core_guest_t g;
  start(&g, "", 64, 256);
  core_put_text(&g, 100, "world");
  core_put_text(&g, 200, "hello ");
  core_put_iovec(&g, 8, 200, 6);
  core_put_iovec(&g, 16, 100, 5);
  core_put_iovec(&g, 24, 200, 6);
  EXPECT(SUCCESS, &g, fd_write, 1, 8, 3, 0);
  assert_int_equal(core_get(&g, 0, 4), 17);
  core_assert_captured(&g, 1, "hello worldhello ");
  core_end(&g);
}

static void test_scatter(void **state) {
  const core_range_t written[] = {{0, 4}, {200, 3}, {100, 4}, {50, 2}};
  core_guest_t g;
  start(&g, "abcdefghi", 0, 256);
  core_put_iovec(&g, 8, 200, 3);
  core_put_iovec(&g, 16, 100, 4);
  core_put_iovec(&g, 24, 50, 20); /* only 2 are left */
  core_put_iovec(&g, 32, 150, 20);
  core_save(&g);
  EXPECT(SUCCESS, &g, fd_read, 0, 8, 4, 0);
  assert_int_equal(core_get(&g, 0, 4), 9);
  core_assert_unchanged_but(&g, written, 4);
  core_assert_text(&g, 200, "abc");
  core_assert_text(&g, 100, "defg");
  core_assert_text(&g, 50, "hi");
  core_end(&g);
}

static void test_no_iovecs(void **state) {
  core_guest_t g;
  start(&g, "abc", 8, 64);
  EXPECT(SUCCESS, &g, fd_write, 1, 0, 0, 16);
  assert_int_equal(core_get(&g, 16, 4), 0);
  EXPECT(SUCCESS, &g, fd_read, 0, 64, 0, 32); /* an empty array may lie at the end */
  assert_int_equal(core_get(&g, 32, 4), 0);
  core_assert_captured(&g, 1, "");
  core_end(&g);
}

static void test_empty_iovecs(void **state) {
  core_guest_t g;
  start(&g, "abcd", 8, 256);
  core_put_iovec(&g, 0, 100, 0);
  core_put_iovec(&g, 8, 256, 0); /* at the end */
  core_put_iovec(&g, 16, 100, 2);
  core_put_iovec(&g, 24, 0, 0);
  core_put_iovec(&g, 32, 102, 2);
  core_put_iovec(&g, 40, 256, 0);
  EXPECT(SUCCESS, &g, fd_read, 0, 0, 6, 200);
  assert_int_equal(core_get(&g, 200, 4), 4);
  core_assert_text(&g, 100, "abcd");
  EXPECT(SUCCESS, &g, fd_write, 1, 0, 6, 200);
  assert_int_equal(core_get(&g, 200, 4), 4);
  core_assert_captured(&g, 1, "abcd");
  core_end(&g);
}

/* An empty buffer has no bytes that could lie outside. */
static void test_empty_iovec_outside(void **state) {
  core_guest_t g;
  start(&g, "abcd", 8, 256);
  core_put_iovec(&g, 0, 100, 2);
  core_put_iovec(&g, 8, 257, 0);
  core_put_iovec(&g, 16, 0xffffffff, 0);
  EXPECT(SUCCESS, &g, fd_read, 0, 0, 3, 200);
  assert_int_equal(core_get(&g, 200, 4), 2);
  EXPECT(SUCCESS, &g, fd_write, 1, 0, 3, 204);
  assert_int_equal(core_get(&g, 204, 4), 2);
  core_assert_captured(&g, 1, "ab");
  core_end(&g);
}

/* ---- The limit --------------------------------------------------------------------------------------------------- */

/* `count` iovecs of one byte each, all of the array in the memory. */
static void check_limit(uint32_t count, uint32_t served) {
  enum { BYTES = 16, ARRAY = 4096 };
  char input[2 * LIMIT + 1];
  core_guest_t g;
  memset(input, 'i', sizeof input - 1);
  input[sizeof input - 1] = '\0';
  start(&g, input, 2 * LIMIT, ARRAY + (size_t)count * 8);
  for (uint32_t i = 0; i < count; i++) {
    g.memory[BYTES + i] = (uint8_t)('a' + i % 26);
    core_put_iovec(&g, ARRAY + (size_t)i * 8, BYTES + i, 1);
  }
  EXPECT(SUCCESS, &g, fd_write, 1, ARRAY, count, 0);
  assert_int_equal(core_get(&g, 0, 4), served);
  size_t size = 0;
  const uint8_t *bytes = wasi_light_env_captured(g.env, 1, &size, NULL);
  assert_int_equal(size, served);
  for (uint32_t i = 0; i < served; i++) assert_int_equal(bytes[i], 'a' + i % 26);
  EXPECT(SUCCESS, &g, fd_read, 0, ARRAY, count, 0);
  assert_int_equal(core_get(&g, 0, 4), served);
  for (uint32_t i = 0; i < count; i++) assert_int_equal(g.memory[BYTES + i], i < served ? 'i' : 'a' + (int)i % 26);
  core_end(&g);
}

static void test_1024_are_served(void **state) {
  check_limit(1, 1);
  check_limit(64, 64);
  check_limit(65, 65);
  check_limit(LIMIT - 1, LIMIT - 1);
  check_limit(LIMIT, LIMIT);
  check_limit(LIMIT + 1, LIMIT);
  check_limit(2 * LIMIT, LIMIT);
}

/* Empty ones count: what is served is the first 1,024 of the array. */
static void test_1024_with_empty_ones(void **state) {
  enum { ARRAY = 64, COUNT = LIMIT + 1 };
  core_guest_t g;
  start(&g, "abc", 8, ARRAY + COUNT * 8);
  memset(g.memory + ARRAY, 0, COUNT * 8);
  core_put_iovec(&g, ARRAY + (LIMIT - 1) * 8, 16, 1);
  core_put_iovec(&g, ARRAY + LIMIT * 8, 17, 1);
  EXPECT(SUCCESS, &g, fd_write, 1, ARRAY, COUNT, 0);
  assert_int_equal(core_get(&g, 0, 4), 1);
  EXPECT(SUCCESS, &g, fd_read, 0, ARRAY, COUNT, 0);
  assert_int_equal(core_get(&g, 0, 4), 1);
  core_assert_text(&g, 16, "a");
  core_end(&g);
}

/* What is past the limit is not looked at, but the array must lie in the memory as a whole. */
static void test_past_the_limit(void **state) {
  enum { ARRAY = 64, COUNT = LIMIT + 1 };
  core_guest_t g;
  start(&g, "abc", 8, ARRAY + COUNT * 8);
  memset(g.memory + ARRAY, 0, COUNT * 8);
  core_put_iovec(&g, ARRAY + LIMIT * 8, 0xffffffff, 0xffffffff);
  EXPECT(SUCCESS, &g, fd_write, 1, ARRAY, COUNT, 0);
  assert_int_equal(core_get(&g, 0, 4), 0);
  EXPECT(FAULT, &g, fd_write, 1, ARRAY, COUNT + 1, 0);
  EXPECT(FAULT, &g, fd_read, 0, ARRAY, COUNT + 1, 0);
  core_put_iovec(&g, ARRAY + (LIMIT - 1) * 8, 0xffffffff, 0xffffffff); /* the last that is served */
  EXPECT(FAULT, &g, fd_write, 1, ARRAY, COUNT, 0);
  core_end(&g);
}

/* ---- Overlaps ---------------------------------------------------------------------------------------------------- */

/* Buffers over each other: the later one is on top, as readv does it. */
static void test_overlapping_buffers(void **state) {
  core_guest_t g;
  start(&g, "abcdefgh", 16, 64);
  core_put_iovec(&g, 0, 32, 4);
  core_put_iovec(&g, 8, 34, 4);
  EXPECT(SUCCESS, &g, fd_read, 0, 0, 2, 16);
  assert_int_equal(core_get(&g, 16, 4), 8);
  core_assert_text(&g, 32, "abefgh");
  EXPECT(SUCCESS, &g, fd_write, 1, 0, 2, 16);
  core_assert_captured(&g, 1, "abefefgh");
  core_end(&g);
}

/* A buffer over the array: the iovecs are read once, before the first byte moves. */
static void test_buffer_over_the_array(void **state) {
  static const char input[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
                              "0123456789";
  core_guest_t g;
  start(&g, input, 0, 64);
  core_put_iovec(&g, 0, 0, 16); /* the array itself, all of it */
  core_put_iovec(&g, 8, 32, 10);
  EXPECT(SUCCESS, &g, fd_read, 0, 0, 2, 16);
  assert_int_equal(core_get(&g, 16, 4), 26);
  assert_int_equal(core_get(&g, 0, 8), UINT64_MAX);
  core_assert_text(&g, 32, "0123456789");
  core_end(&g);
}

/* The result over a buffer and over the array: it is stored last. */
static void test_result_over_the_rest(void **state) {
  core_guest_t g;
  start(&g, "abcdefgh", 16, 64);
  core_put_iovec(&g, 0, 32, 8);
  EXPECT(SUCCESS, &g, fd_read, 0, 0, 1, 34);
  core_assert_text(&g, 32, "ab");
  assert_int_equal(core_get(&g, 34, 4), 8);
  core_assert_text(&g, 38, "gh");
  EXPECT(SUCCESS, &g, fd_write, 1, 0, 1, 4); /* over the length */
  assert_int_equal(core_get(&g, 4, 4), 8);
  size_t size = 0;
  assert_memory_equal(wasi_light_env_captured(g.env, 1, &size, NULL), "ab\x08\0\0\0gh", 8);
  assert_int_equal(size, 8);
  core_end(&g);
}

/* ---- Sums past 32 bits ------------------------------------------------------------------------------------------- */

enum { PART = 1 << 22 }; /* 1,024 of these are 2^32 bytes: one more than a result can say */

static void put_parts(core_guest_t *g, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) core_put_iovec(g, 16 + (size_t)i * 8, 0, PART);
}

static void test_sum_is_cut_at_32_bits(void **state) {
  core_guest_t g;
  start(&g, "", 0, PART);
  put_parts(&g, LIMIT - 1);
  EXPECT(SUCCESS, &g, fd_write, 1, 16, LIMIT - 1, 0);
  assert_int_equal(core_get(&g, 0, 4), 0xffffffffu - PART + 1);
  put_parts(&g, LIMIT);
  EXPECT(SUCCESS, &g, fd_write, 1, 16, LIMIT, 0);
  assert_int_equal(core_get(&g, 0, 4), 0xffffffff);
  core_end(&g);
}

static uint64_t counted;
static size_t last;
static wasi_light_errno_t count_bytes(void *host, uint32_t fd, const uint8_t *bytes, size_t size) {
  (void)host, (void)fd, (void)bytes;
  counted += size;
  last = size;
  return WASI_LIGHT_ESUCCESS;
}

/* What the result says is what the host was given. */
static void test_cut_sum_is_what_the_host_gets(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  core_guest_t g;
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CALLBACK, .write = count_bytes};
  options.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 1};
  core_start(&g, &options, PART);
  put_parts(&g, LIMIT);
  counted = 0;
  EXPECT(SUCCESS, &g, fd_write, 1, 16, LIMIT, 0);
  assert_int_equal(counted, 0xffffffff);
  assert_int_equal(last, PART - 1);
  EXPECT(SUCCESS, &g, fd_write, 2, 16, LIMIT, 0);
  uint64_t dropped = 0;
  assert_non_null(wasi_light_env_captured(g.env, 2, NULL, &dropped));
  assert_int_equal(dropped, 0xfffffffe);
  EXPECT(SUCCESS, &g, fd_write, 2, 16, LIMIT, 0);
  assert_non_null(wasi_light_env_captured(g.env, 2, NULL, &dropped));
  assert_int_equal(dropped, 0x1fffffffd); /* the count itself has 64 bits */
  core_end(&g);
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_gather),
      cmocka_unit_test(test_scatter),
      cmocka_unit_test(test_no_iovecs),
      cmocka_unit_test(test_empty_iovecs),
      cmocka_unit_test(test_empty_iovec_outside),
      cmocka_unit_test(test_1024_are_served),
      cmocka_unit_test(test_1024_with_empty_ones),
      cmocka_unit_test(test_past_the_limit),
      cmocka_unit_test(test_overlapping_buffers),
      cmocka_unit_test(test_buffer_over_the_array),
      cmocka_unit_test(test_result_over_the_rest),
      cmocka_unit_test(test_sum_is_cut_at_32_bits),
      cmocka_unit_test(test_cut_sum_is_what_the_host_gets),
  };
  return CORE_RUN(tests, argc, argv);
}
