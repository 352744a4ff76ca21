/* SPDX-License-Identifier: MIT */
/* fd_close and fd_renumber, and what is said about the streams: fd_fdstat_get, fd_fdstat_set_flags, fd_filestat_get. */
#include "core_guest.h"

enum { SIZE = 256, DATA = 64 };

static void start(core_guest_t *g) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.in = (wasi_light_input_t){WASI_LIGHT_INPUT_BYTES, "abc", 3, NULL};
  options.out = options.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 32};
  core_start(g, &options, SIZE);
}

static uint32_t write_text(core_guest_t *g, uint32_t fd, const char *text) {
  core_put_text(g, DATA, text);
  core_put_iovec(g, 0, DATA, (uint32_t)strlen(text));
  return CALL(g, fd_write, fd, 0, 1, 16);
}

static uint32_t read_some(core_guest_t *g, uint32_t fd) {
  core_put_iovec(g, 0, DATA, 8);
  return CALL(g, fd_read, fd, 0, 1, 16);
}

/* ---- fd_close ---------------------------------------------------------------------------------------------------- */

static void test_close(void **state) {
  for (uint32_t fd = 0; fd < 3; fd++) {
    core_guest_t g;
    start(&g);
    core_save(&g);
    EXPECT(SUCCESS, &g, fd_close, fd);
    core_assert_unchanged(&g);
    assert_int_equal(g.views, 0);
    EXPECT(BADF, &g, fd_close, fd);
    EXPECT(BADF, &g, fd_fdstat_get, fd, DATA);
    EXPECT(BADF, &g, fd_fdstat_set_flags, fd, 0);
    EXPECT(BADF, &g, fd_filestat_get, fd, DATA);
    EXPECT(BADF, &g, fd_renumber, fd, (fd + 1) % 3);
    EXPECT(BADF, &g, fd_renumber, (fd + 1) % 3, fd); /* a number that nothing has cannot be taken */
    EXPECT(BADF, &g, fd_renumber, fd, fd);
    assert_int_equal(read_some(&g, fd), WASI_LIGHT_EBADF);
    assert_int_equal(write_text(&g, fd, "x"), WASI_LIGHT_EBADF);
    /* the others are as before */
    assert_int_equal(read_some(&g, 0), fd == 0 ? WASI_LIGHT_EBADF : WASI_LIGHT_ESUCCESS);
    assert_int_equal(write_text(&g, 1, "x"), fd == 1 ? WASI_LIGHT_EBADF : WASI_LIGHT_ESUCCESS);
    assert_int_equal(write_text(&g, 2, "x"), fd == 2 ? WASI_LIGHT_EBADF : WASI_LIGHT_ESUCCESS);
    core_end(&g);
  }
}

static void test_captured_after_close(void **state) {
  core_guest_t g;
  start(&g);
  assert_int_equal(write_text(&g, 1, "last words"), WASI_LIGHT_ESUCCESS);
  EXPECT(SUCCESS, &g, fd_close, 1);
  core_assert_captured(&g, 1, "last words");
  core_end(&g);
}

/* ---- fd_renumber ------------------------------------------------------------------------------------------------- */

/* 2>&1, as a guest would do it that has no dup2: stdout's stream is now fd 2, and fd 1 is closed. */
static void test_renumber(void **state) {
  core_guest_t g;
  start(&g);
  core_save(&g);
  EXPECT(SUCCESS, &g, fd_renumber, 1, 2);
  core_assert_unchanged(&g);
  assert_int_equal(g.views, 0);
  assert_int_equal(write_text(&g, 1, "gone"), WASI_LIGHT_EBADF);
  EXPECT(BADF, &g, fd_close, 1);
  assert_int_equal(write_text(&g, 2, "moved"), WASI_LIGHT_ESUCCESS);
  core_assert_captured(&g, 1, "moved"); /* the host sees the stream, whatever its number */
  core_assert_captured(&g, 2, "");
  EXPECT(BADF, &g, fd_renumber, 2, 1);
  EXPECT(SUCCESS, &g, fd_close, 2);
  EXPECT(BADF, &g, fd_close, 2);
  core_end(&g);
}

static void test_renumber_stdin(void **state) {
  core_guest_t g;
  start(&g);
  EXPECT(SUCCESS, &g, fd_renumber, 0, 2);
  assert_int_equal(read_some(&g, 0), WASI_LIGHT_EBADF);
  assert_int_equal(write_text(&g, 2, "x"), WASI_LIGHT_EBADF); /* stdin is not for writing */
  assert_int_equal(read_some(&g, 2), WASI_LIGHT_ESUCCESS);
  core_assert_text(&g, DATA, "abc");
  assert_int_equal(write_text(&g, 1, "y"), WASI_LIGHT_ESUCCESS);
  core_end(&g);
}

static void test_renumber_to_itself(void **state) {
  core_guest_t g;
  start(&g);
  for (uint32_t fd = 0; fd < 3; fd++) EXPECT(SUCCESS, &g, fd_renumber, fd, fd);
  assert_int_equal(read_some(&g, 0), WASI_LIGHT_ESUCCESS);
  assert_int_equal(write_text(&g, 1, "a"), WASI_LIGHT_ESUCCESS);
  assert_int_equal(write_text(&g, 2, "b"), WASI_LIGHT_ESUCCESS);
  core_assert_captured(&g, 1, "a");
  core_assert_captured(&g, 2, "b");
  core_end(&g);
}

/* Flags and rights belong to the stream and move with it. */
static void test_renumber_moves_what_is_said(void **state) {
  core_guest_t g;
  start(&g);
  EXPECT(SUCCESS, &g, fd_fdstat_set_flags, 0, 4);
  EXPECT(SUCCESS, &g, fd_fdstat_set_flags, 1, 1);
  EXPECT(SUCCESS, &g, fd_renumber, 0, 1);
  EXPECT(SUCCESS, &g, fd_fdstat_get, 1, DATA);
  assert_int_equal(core_get(&g, DATA + 2, 2), 4);
  assert_int_equal(core_get(&g, DATA + 8, 8) & (1u << 1), 1u << 1); /* may be read */
  assert_int_equal(core_get(&g, DATA + 8, 8) & (1u << 6), 0);       /* may not be written */
  EXPECT(SUCCESS, &g, fd_filestat_get, 1, DATA);
  assert_int_equal(core_get(&g, DATA + 8, 8), 1); /* stdin's inode */
  core_end(&g);
}

/* ---- fd_fdstat_get ----------------------------------------------------------------------------------------------- */

/* $rights of typenames.witx: fd_fdstat_set_flags 3, fd_filestat_get 21, poll_fd_readwrite 27; fd_read 1, fd_write 6. */
static const uint64_t common_rights = 1u << 3 | 1u << 21 | 1u << 27;

static void check_fdstat(core_guest_t *g, uint32_t fd, uint16_t flags) {
  const core_range_t stat = {DATA + 1, 24};
  core_fill(g);
  core_save(g);
  EXPECT(SUCCESS, g, fd_fdstat_get, fd, DATA + 1);
  core_assert_unchanged_but(g, &stat, 1);
  assert_int_equal(core_get(g, DATA + 1, 1), 0); /* fs_filetype: unknown */
  assert_int_equal(core_get(g, DATA + 2, 1), 0); /* padding */
  assert_int_equal(core_get(g, DATA + 3, 2), flags);
  assert_int_equal(core_get(g, DATA + 5, 4), 0); /* padding */
  assert_int_equal(core_get(g, DATA + 9, 8), common_rights | (fd == 0 ? 1u << 1 : 1u << 6));
  assert_int_equal(core_get(g, DATA + 17, 8), 0); /* fs_rights_inheriting */
}

static void test_fdstat(void **state) {
  core_guest_t g;
  start(&g);
  for (uint32_t fd = 0; fd < 3; fd++) check_fdstat(&g, fd, 0);
  core_end(&g);
}

static void test_set_flags(void **state) {
  core_guest_t g;
  start(&g);
  for (uint16_t flags = 0; flags < 32; flags++) {
    for (uint32_t fd = 0; fd < 3; fd++) EXPECT(SUCCESS, &g, fd_fdstat_set_flags, fd, (flags + fd) % 32u);
    for (uint32_t fd = 0; fd < 3; fd++) check_fdstat(&g, fd, (uint16_t)((flags + fd) % 32));
  }
  core_end(&g);
}

static void test_set_unknown_flags(void **state) {
  static const uint32_t unknown[] = {32, 33, 64, 128, 256, 0x8000, 0x10000, 0x10004, 0x80000000, 0xffffffff};
  core_guest_t g;
  start(&g);
  EXPECT(SUCCESS, &g, fd_fdstat_set_flags, 1, 5);
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) EXPECT(INVAL, &g, fd_fdstat_set_flags, 1, unknown[i]);
  check_fdstat(&g, 1, 5); /* left as they were */
  core_end(&g);
}

static void test_set_flags_looks_at_no_memory(void **state) {
  core_guest_t g;
  start(&g);
  EXPECT(SUCCESS, &g, fd_fdstat_set_flags, 2, 4);
  assert_int_equal(g.views, 0);
  core_end(&g);
}

/* ---- fd_filestat_get --------------------------------------------------------------------------------------------- */

static void test_filestat(void **state) {
  uint64_t inodes[3];
  core_guest_t g;
  start(&g);
  for (uint32_t fd = 0; fd < 3; fd++) {
    const core_range_t stat = {DATA + 3, 64};
    core_fill(&g);
    core_save(&g);
    EXPECT(SUCCESS, &g, fd_filestat_get, fd, DATA + 3);
    core_assert_unchanged_but(&g, &stat, 1);
    inodes[fd] = core_get(&g, DATA + 3 + 8, 8);
    assert_int_equal(core_get(&g, DATA + 3, 8), 0);      /* dev */
    assert_int_equal(core_get(&g, DATA + 3 + 16, 8), 0); /* filetype: unknown, and padding */
    assert_int_equal(core_get(&g, DATA + 3 + 24, 8), 1); /* nlink */
    for (size_t at = 32; at < 64; at += 8) assert_int_equal(core_get(&g, DATA + 3 + at, 8), 0); /* size, 3 times */
  }
  assert_true(inodes[0] != inodes[1] && inodes[1] != inodes[2] && inodes[2] != inodes[0]);
  core_end(&g);
}

/* The streams of other modes than inherit are never a terminal, whatever the host's are. */
static void test_type_of_every_mode(void **state) {
  static const wasi_light_input_mode_t in[] = {WASI_LIGHT_INPUT_EMPTY, WASI_LIGHT_INPUT_BYTES};
  static const wasi_light_output_mode_t out[] = {WASI_LIGHT_OUTPUT_DISCARD, WASI_LIGHT_OUTPUT_CAPTURE};
  for (int i = 0; i < 2; i++) {
    wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
    core_guest_t g;
    options.in.mode = in[i];
    options.out = options.err = (wasi_light_output_t){.mode = out[i], .capture_size = 1};
    core_start(&g, &options, SIZE);
    for (uint32_t fd = 0; fd < 3; fd++) check_fdstat(&g, fd, 0);
    core_end(&g);
  }
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_close),
      cmocka_unit_test(test_captured_after_close),
      cmocka_unit_test(test_renumber),
      cmocka_unit_test(test_renumber_stdin),
      cmocka_unit_test(test_renumber_to_itself),
      cmocka_unit_test(test_renumber_moves_what_is_said),
      cmocka_unit_test(test_fdstat),
      cmocka_unit_test(test_set_flags),
      cmocka_unit_test(test_set_unknown_flags),
      cmocka_unit_test(test_set_flags_looks_at_no_memory),
      cmocka_unit_test(test_filestat),
      cmocka_unit_test(test_type_of_every_mode),
  };
  return CORE_RUN(tests, argc, argv);
}
