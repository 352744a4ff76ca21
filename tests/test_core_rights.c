/* SPDX-License-Identifier: MIT */
/*
 * fd_fdstat_set_rights: rights can be given up and never be had back, and what needs one that is gone is NOTCAPABLE
 * (preview1/witx: "can only be used to remove rights, and returns `errno::notcapable` if called in a way that would
 * attempt to add rights").
 */
#include "core_poll.h"

enum { READ = 1 << 1, SET_FLAGS = 1 << 3, WRITE = 1 << 6, FILESTAT = 1 << 21, POLL = 1 << 27 };
enum { STAT = 512, IOVEC = 600, TEXT = 640, COUNT = 700 };
static const uint32_t all_of[] = {READ | SET_FLAGS | FILESTAT | POLL, WRITE | SET_FLAGS | FILESTAT | POLL,
                                  WRITE | SET_FLAGS | FILESTAT | POLL};

static void start(core_guest_t *g) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.in = (wasi_light_input_t){WASI_LIGHT_INPUT_BYTES, "abc", 3, NULL};
  options.out = options.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 64};
  core_start(g, &options, POLL_MEMORY);
}

static uint64_t rights_of(core_guest_t *g, uint32_t fd) {
  EXPECT(SUCCESS, g, fd_fdstat_get, fd, STAT);
  assert_int_equal(core_get(g, STAT + 16, 8), 0); /* inheriting */
  return core_get(g, STAT + 8, 8);
}

static void test_rights_only_go(void **state) {
  for (uint32_t fd = 0; fd < 3; fd++) {
    core_guest_t g;
    start(&g);
    assert_int_equal(rights_of(&g, fd), all_of[fd]);
    EXPECT(SUCCESS, &g, fd_fdstat_set_rights, fd, all_of[fd], 0);
    for (uint32_t bit = 0; bit < 64; bit++) {
      uint64_t right = (uint64_t)1 << bit;
      if (!(all_of[fd] & right)) EXPECT(NOTCAPABLE, &g, fd_fdstat_set_rights, fd, all_of[fd] | right, 0);
      EXPECT(NOTCAPABLE, &g, fd_fdstat_set_rights, fd, 0, right);
    }
    assert_int_equal(rights_of(&g, fd), all_of[fd]);
    EXPECT(SUCCESS, &g, fd_fdstat_set_rights, fd, POLL | SET_FLAGS, 0);
    EXPECT(NOTCAPABLE, &g, fd_fdstat_set_rights, fd, all_of[fd], 0);
    assert_int_equal(rights_of(&g, fd), POLL | SET_FLAGS);
    assert_int_equal(rights_of(&g, (fd + 1) % 3), all_of[(fd + 1) % 3]);
    wasi_light_env_reset(g.env);
    assert_int_equal(rights_of(&g, fd), all_of[fd]);
    EXPECT(SUCCESS, &g, fd_close, fd);
    EXPECT(BADF, &g, fd_fdstat_set_rights, fd, 0, 0);
    EXPECT(BADF, &g, fd_fdstat_set_rights, 3, 0, 0);
    core_end(&g);
  }
}

static uint32_t read_some(core_guest_t *g) {
  core_put_iovec(g, IOVEC, TEXT, 3);
  return CALL(g, fd_read, 0, IOVEC, 1, COUNT);
}

static uint32_t write_some(core_guest_t *g, uint32_t fd) {
  core_put_iovec(g, IOVEC, TEXT, 3);
  return CALL(g, fd_write, fd, IOVEC, 1, COUNT);
}

static uint32_t poll_error(core_guest_t *g, uint32_t fd) {
  core_put_stream(g, 0, fd == 0 ? FD_READ : FD_WRITE, fd);
  assert_int_equal(core_poll(g, 1), 1);
  return (uint32_t)core_get(g, OUT + 8, 2);
}

/* Without a right what needs it fails, and everything else goes on. */
static void test_what_needs_rights(void **state) {
  static const uint32_t rights[] = {READ, WRITE, SET_FLAGS, FILESTAT, POLL};
  for (uint32_t fd = 0; fd < 3; fd++) {
    for (size_t i = 0; i < sizeof rights / sizeof *rights; i++) {
      core_guest_t g;
      uint32_t gone = rights[i] & all_of[fd];
      start(&g);
      EXPECT(SUCCESS, &g, fd_fdstat_set_rights, fd, all_of[fd] & ~gone, 0);
      assert_int_equal(fd == 0 ? read_some(&g) : write_some(&g, fd),
                       gone & (READ | WRITE) ? WASI_LIGHT_ENOTCAPABLE : WASI_LIGHT_ESUCCESS);
      assert_int_equal(CALL(&g, fd_fdstat_set_flags, fd, 1),
                       gone & SET_FLAGS ? WASI_LIGHT_ENOTCAPABLE : WASI_LIGHT_ESUCCESS);
      assert_int_equal(CALL(&g, fd_filestat_get, fd, STAT),
                       gone & FILESTAT ? WASI_LIGHT_ENOTCAPABLE : WASI_LIGHT_ESUCCESS);
      assert_int_equal(poll_error(&g, fd), gone & POLL ? WASI_LIGHT_ENOTCAPABLE : WASI_LIGHT_ESUCCESS);
      if (fd > 0 && gone == WRITE) core_assert_captured(&g, fd, "");
      core_end(&g);
    }
  }
}

/* They belong to the stream and move with it. */
static void test_rights_move(void **state) {
  core_guest_t g;
  start(&g);
  EXPECT(SUCCESS, &g, fd_fdstat_set_rights, 1, POLL, 0);
  EXPECT(SUCCESS, &g, fd_renumber, 1, 2);
  assert_int_equal(rights_of(&g, 2), POLL);
  assert_int_equal(write_some(&g, 2), WASI_LIGHT_ENOTCAPABLE);
  core_end(&g);
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rights_only_go),
      cmocka_unit_test(test_what_needs_rights),
      cmocka_unit_test(test_rights_move),
  };
  return CORE_RUN(tests, argc, argv);
}
