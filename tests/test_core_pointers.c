/* SPDX-License-Identifier: MIT */
/*
 * Every pointer of every function: at 0, unaligned, with its last byte at the end of the memory, one past that, at the
 * end, at 0xffffffff and where a sum in 32 bits would wrap. What faults leaves the memory as it was.
 */
#include "core_rows.h"

/* ---- Each pointer parameter -------------------------------------------------------------------------------------- */

/* The bytes that the good call may write. */
static size_t written_ranges(const core_row_t *row, const uint64_t *args, core_range_t *ranges) {
  size_t count = 0;
  for (unsigned i = 0; i < row->params; i++) {
    int kind = row->kind[i];
    if (!core_is_pointer(kind) || kind == CORE_CIOVECS || kind == CORE_SUBSCRIPTIONS) continue;
    if (kind == CORE_IOVECS) ranges[count++] = (core_range_t){CORE_BUFFER, CORE_BUFFER_SIZE};
    else ranges[count++] = (core_range_t){args[i], core_bytes_behind(row, i)};
  }
  return count;
}

/* A good call but for `param`, which points to `at`. */
static void check_place(const core_row_t *row, unsigned param, uint64_t at, bool fits) {
  const wasi_light_options_t options = core_row_options();
  uint64_t args[CORE_ARGS_MAX];
  core_range_t ranges[CORE_ARGS_MAX];
  core_guest_t g;
  core_start(&g, &options, CORE_MEMORY);
  core_good_args(row, args);
  args[param] = at;
  core_put_input(&g, row, args);
  core_save(&g);
  uint32_t status = core_call(&g, row->name, args);
  if (status != (fits ? WASI_LIGHT_ESUCCESS : WASI_LIGHT_EFAULT)) {
    fail_msg("%s with parameter %u at 0x%llx gave %s", row->name, param, (unsigned long long)at,
             wasi_light_errno_name(status));
  }
  if (!fits) {
    core_assert_unchanged(&g);
  } else {
    core_assert_unchanged_but(&g, ranges, written_ranges(row, args, ranges));
    if (row->kind[param] >= CORE_OUT_STRINGS) {
      assert_memory_not_equal(g.memory + at, g.before + at, core_bytes_behind(row, param));
    }
  }
  core_end(&g);
}

static void test_every_pointer_at_every_edge(void **state) {
  unsigned pointers = 0;
  for (size_t i = 0; i < CORE_ROWS; i++) {
    const core_row_t *row = &core_rows[i];
    for (unsigned p = 0; p < row->params && !row->stream_errno; p++) {
      if (!core_is_pointer(row->kind[p])) continue;
      uint32_t bytes = core_bytes_behind(row, p);
      pointers++;
      check_place(row, p, CORE_PLACE(p), true);
      check_place(row, p, 0, true);
      check_place(row, p, 3, true);
      check_place(row, p, CORE_MEMORY - bytes, true);
      check_place(row, p, CORE_MEMORY - bytes + 1, false);
      check_place(row, p, CORE_MEMORY - 1, false);
      check_place(row, p, CORE_MEMORY, false);
      check_place(row, p, CORE_MEMORY + 1, false);
      check_place(row, p, 0x7fffffff, false);
      check_place(row, p, 0x80000000, false);
      check_place(row, p, 0x100000000 - bytes, false); /* ends at 2^32, which is 0 in 32 bits */
      check_place(row, p, 0x100000000 - bytes + 1, false);
      check_place(row, p, 0xffffffff, false);
    }
  }
  assert_int_equal(pointers, 20); /* of the 12 functions that need memory: none was passed over */
}

/* Where two pointers are bad, or one of two, nothing is written through the other. */
static void test_no_half_result(void **state) {
  core_guest_t g;
  core_start(&g, NULL, 64);
  core_save(&g);
  EXPECT(FAULT, &g, args_sizes_get, 0, 61);
  EXPECT(FAULT, &g, args_sizes_get, 61, 0);
  EXPECT(FAULT, &g, environ_sizes_get, 0, 64);
  EXPECT(FAULT, &g, environ_sizes_get, 64, 0);
  EXPECT(FAULT, &g, args_sizes_get, 0xffffffff, 0xffffffff);
  core_assert_unchanged(&g);
  core_end(&g);
}

/* ---- Lengths ----------------------------------------------------------------------------------------------------- */

typedef struct range_row_t {
  uint32_t ptr, len;
  bool fits;
} range_row_t;

/* Ranges against a memory of CORE_MEMORY bytes. */
static const range_row_t ranges[] = {
    {0, 0, true},
    {0, 1, true},
    {0, CORE_MEMORY, true},
    {0, CORE_MEMORY + 1, false},
    {1, CORE_MEMORY - 1, true},
    {1, CORE_MEMORY, false},
    {CORE_MEMORY - 1, 1, true},
    {CORE_MEMORY - 1, 2, false},
    {CORE_MEMORY, 0, true}, /* no bytes lie nowhere */
    {CORE_MEMORY, 1, false},
    {CORE_MEMORY + 1, 0, true},
    {CORE_MEMORY + 1, 0xffffffff, false},
    {8, 0xfffffff8, false}, /* ends at 2^32 */
    {8, 0xffffffff, false}, /* ends at 7 in 32 bits */
    {0, 0xffffffff, false},
    {0x80000000, 0x80000000, false},
    {0xfffffff8, 8, false},
    {0xfffffff8, 16, false},
    {0xffffffff, 0, true},
    {0xffffffff, 1, false},
    {0xffffffff, 0xffffffff, false},
};
enum { RANGES = sizeof ranges / sizeof *ranges };

static void test_random_get_lengths(void **state) {
  const wasi_light_options_t options = core_row_options();
  for (size_t i = 0; i < RANGES; i++) {
    core_guest_t g;
    core_start(&g, &options, CORE_MEMORY);
    core_save(&g);
    if (ranges[i].fits) {
      const core_range_t filled = {ranges[i].ptr, ranges[i].len};
      EXPECT(SUCCESS, &g, random_get, ranges[i].ptr, ranges[i].len);
      core_assert_unchanged_but(&g, &filled, 1);
    } else {
      uint64_t first;
      EXPECT(FAULT, &g, random_get, ranges[i].ptr, ranges[i].len);
      core_assert_unchanged(&g);
      EXPECT(SUCCESS, &g, random_get, 0, 8); /* nor was anything taken from the seed's stream */
      first = core_get(&g, 0, 8);
      wasi_light_env_reset(g.env);
      EXPECT(SUCCESS, &g, random_get, 8, 8);
      assert_int_equal(core_get(&g, 8, 8), first);
    }
    core_end(&g);
  }
}

/* A good iovec, then the one in question, or the other way round. */
static void put_pair(core_guest_t *g, bool bad_first, const range_row_t *row) {
  core_put_iovec(g, bad_first ? 1024 : 1032, row->ptr, row->len);
  core_put_iovec(g, bad_first ? 1032 : 1024, 2048, 4);
}

static void check_write(const range_row_t *row, bool first) {
  const wasi_light_options_t options = core_row_options();
  const core_range_t result = {1280, 4};
  core_guest_t g;
  core_start(&g, &options, CORE_MEMORY);
  put_pair(&g, first, row);
  core_save(&g);
  if (row->fits) {
    EXPECT(SUCCESS, &g, fd_write, 1, 1024, 2, 1280);
    assert_int_equal(core_get(&g, 1280, 4), row->len + 4);
    core_assert_unchanged_but(&g, &result, 1);
  } else {
    EXPECT(FAULT, &g, fd_write, 1, 1024, 2, 1280);
    core_assert_unchanged(&g);
    core_assert_captured(&g, 1, ""); /* not even the good one */
  }
  core_end(&g);
}

static void check_read(const range_row_t *row, bool first) {
  const wasi_light_options_t options = core_row_options();
  const core_range_t written[] = {{1280, 4}, {2048, 4}, {row->ptr, row->len}};
  core_guest_t g;
  core_start(&g, &options, CORE_MEMORY);
  put_pair(&g, first, row);
  core_save(&g);
  if (row->fits) {
    EXPECT(SUCCESS, &g, fd_read, 0, 1024, 2, 1280);
    assert_int_equal(core_get(&g, 1280, 4), row->len + 4 < 32 ? row->len + 4 : 32);
    core_assert_unchanged_but(&g, written, 3);
  } else {
    EXPECT(FAULT, &g, fd_read, 0, 1024, 2, 1280);
    core_assert_unchanged(&g);
    put_pair(&g, false, &(range_row_t){2052, 4, true});
    EXPECT(SUCCESS, &g, fd_read, 0, 1024, 2, 1280);
    core_assert_text(&g, 2048, "01234567"); /* no byte of the input is lost */
  }
  core_end(&g);
}

static void test_iovec_buffers(void **state) {
  for (size_t i = 0; i < RANGES; i++) {
    check_write(&ranges[i], true);
    check_write(&ranges[i], false);
    check_read(&ranges[i], true);
    check_read(&ranges[i], false);
  }
}

/*
 * The array itself: iovs_len elements of 8 bytes, all of which must lie in the memory. It has room for more than are
 * served, so that a length that wrapped would be served from inside.
 */
static void test_iovec_counts(void **state) {
  enum { SIZE = 16384, ROOM = SIZE / 8 };
  static const range_row_t rows[] = {
      {0, 0, true},           {SIZE, 0, true},        {SIZE + 1, 0, true},
      {0, ROOM, true},        {0, ROOM + 1, false},   {8, ROOM - 1, true},
      {8, ROOM, false},       {1, ROOM, false},       {0, 0x20000000, false}, /* 2^32 bytes */
      {0, 0x20000001, false},                                                 /* 8 bytes in 32 bits */
      {8, 0x1fffffff, false},                                                 /* ends at 2^32 */
      {0, 0x40000000, false}, {0, 0x80000000, false}, {0, 0xffffffff, false},
      {0xfffffff8, 1, false}, {0xfffffff8, 2, false}, {0xffffffff, 0xffffffff, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    core_guest_t g;
    core_start(&g, NULL, SIZE);
    memset(g.memory, 0, SIZE); /* iovecs of 0 bytes at 0 */
    core_save(&g);
    uint32_t expected = rows[i].fits ? WASI_LIGHT_ESUCCESS : WASI_LIGHT_EFAULT;
    assert_int_equal(CALL(&g, fd_write, 1, rows[i].ptr, rows[i].len, 16), expected);
    assert_int_equal(CALL(&g, fd_write, 2, rows[i].ptr, rows[i].len, 16), expected);
    assert_int_equal(CALL(&g, fd_read, 0, rows[i].ptr, rows[i].len, 16), expected);
    core_assert_unchanged(&g);
    core_end(&g);
  }
}

/* 1,024 subscriptions of 48 bytes and events of 32, to the byte. */
static void test_poll_arrays(void **state) {
  enum { COUNT = 1024, IN = 8, OUT = IN + COUNT * 48, SIZE = OUT + COUNT * 32 };
  core_guest_t g;
  core_start(&g, NULL, SIZE);
  memset(g.memory + IN, 0, COUNT * 48); /* a sleep of 0 on the realtime clock */
  core_save(&g);
  EXPECT(FAULT, &g, poll_oneoff, IN, OUT + 1, COUNT, 0);
  EXPECT(FAULT, &g, poll_oneoff, SIZE - COUNT * 48 + 1, IN, COUNT, 0);
  EXPECT(FAULT, &g, poll_oneoff, 0xffffffff, OUT, COUNT, 0);
  EXPECT(FAULT, &g, poll_oneoff, IN, 0x100000000 - COUNT * 32, COUNT, 0);
  EXPECT(FAULT, &g, poll_oneoff, IN, OUT, COUNT, SIZE - 3);
  core_assert_unchanged(&g);
  EXPECT(SUCCESS, &g, poll_oneoff, IN, OUT, COUNT, 0);
  assert_int_equal(core_get(&g, 0, 4), COUNT);
  core_end(&g);
}

/* ---- Functions that never look ----------------------------------------------------------------------------------- */

static void test_no_look_at_memory_where_nothing_is_read_or_written(void **state) {
  static const uint32_t places[] = {0, CORE_MEMORY - 1, CORE_MEMORY, 0xffffffff};
  const wasi_light_options_t options = core_row_options();
  for (size_t i = 0; i < CORE_ROWS; i++) {
    const core_row_t *row = &core_rows[i];
    for (size_t k = 0; k < sizeof places / sizeof *places && !core_needs_memory(row); k++) {
      uint64_t args[CORE_ARGS_MAX];
      core_guest_t g;
      core_start(&g, &options, CORE_MEMORY);
      core_good_args(row, args);
      for (unsigned p = 0; p < row->params; p++) {
        if (core_is_pointer(row->kind[p])) args[p] = places[k];
        if (row->kind[p] == CORE_LENGTH || row->kind[p] == CORE_COUNT) args[p] = 0xffffffff;
      }
      core_save(&g);
      assert_int_not_equal(core_call(&g, row->name, args), WASI_LIGHT_EFAULT);
      assert_int_equal(g.views, 0);
      core_assert_unchanged(&g);
      core_end(&g);
    }
  }
}

/* An error that another parameter makes comes first. */
static void test_no_look_at_memory_on_other_errors(void **state) {
  core_guest_t g;
  core_start(&g, NULL, 16);
  EXPECT(INVAL, &g, clock_res_get, 4, 0xffffffff);
  EXPECT(INVAL, &g, clock_time_get, 4, 0, 0xffffffff);
  EXPECT(BADF, &g, fd_fdstat_get, 3, 0xffffffff);
  EXPECT(BADF, &g, fd_filestat_get, 3, 0xffffffff);
  EXPECT(BADF, &g, fd_read, 1, 0xffffffff, 0xffffffff, 0xffffffff);
  EXPECT(BADF, &g, fd_write, 0, 0xffffffff, 0xffffffff, 0xffffffff);
  EXPECT(INVAL, &g, poll_oneoff, 0xffffffff, 0xffffffff, 0, 0xffffffff);
  EXPECT(INVAL, &g, poll_oneoff, 0xffffffff, 0xffffffff, 1025, 0xffffffff);
  assert_int_equal(g.views, 0);
  core_end(&g);
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_pointer_at_every_edge),
      cmocka_unit_test(test_no_half_result),
      cmocka_unit_test(test_random_get_lengths),
      cmocka_unit_test(test_iovec_buffers),
      cmocka_unit_test(test_iovec_counts),
      cmocka_unit_test(test_poll_arrays),
      cmocka_unit_test(test_no_look_at_memory_where_nothing_is_read_or_written),
      cmocka_unit_test(test_no_look_at_memory_on_other_errors),
  };
  return CORE_RUN(tests, argc, argv);
}
