/* SPDX-License-Identifier: MIT */
/*
 * The functions that have nothing to act on: no files, no directories, no sockets. Each answers with one errno where
 * its fd is an open stream, and with BADF where it is not. The list is written down here a second time, from design and
 * POSIX: what the C function of that name gives for a pipe.
 */
#include "core_rows.h"

static const struct {
  const char *name;
  unsigned fd; /* which parameter is the fd */
  wasi_light_errno_t on_stream;
} list[] = {
    {"fd_advise", 0, WASI_LIGHT_ESPIPE},              /* posix_fadvise on a pipe */
    {"fd_allocate", 0, WASI_LIGHT_ESPIPE},            /* posix_fallocate on a pipe */
    {"fd_datasync", 0, WASI_LIGHT_EINVAL},            /* fdatasync on a pipe */
    {"fd_filestat_set_size", 0, WASI_LIGHT_EINVAL},   /* ftruncate on a pipe */
    {"fd_filestat_set_times", 0, WASI_LIGHT_ENOTSUP}, /* a stream has none */
    {"fd_pread", 0, WASI_LIGHT_ESPIPE},               /* pread on a pipe */
    {"fd_prestat_get", 0, WASI_LIGHT_EBADF},          /* the end of the preopens, for wasi-libc, Go and Rust */
    {"fd_prestat_dir_name", 0, WASI_LIGHT_EBADF},     /* the same */
    {"fd_pwrite", 0, WASI_LIGHT_ESPIPE},              /* pwrite on a pipe */
    {"fd_readdir", 0, WASI_LIGHT_ENOTDIR},            /* getdents on a pipe */
    {"fd_seek", 0, WASI_LIGHT_ESPIPE},                /* lseek on a pipe */
    {"fd_sync", 0, WASI_LIGHT_EINVAL},                /* fsync on a pipe */
    {"fd_tell", 0, WASI_LIGHT_ESPIPE},                /* lseek on a pipe */
    {"path_create_directory", 0, WASI_LIGHT_ENOTDIR}, /* ...at with a descriptor that is no directory */
    {"path_filestat_get", 0, WASI_LIGHT_ENOTDIR},
    {"path_filestat_set_times", 0, WASI_LIGHT_ENOTDIR},
    {"path_link", 0, WASI_LIGHT_ENOTDIR},
    {"path_open", 0, WASI_LIGHT_ENOTDIR},
    {"path_readlink", 0, WASI_LIGHT_ENOTDIR},
    {"path_remove_directory", 0, WASI_LIGHT_ENOTDIR},
    {"path_rename", 0, WASI_LIGHT_ENOTDIR},
    {"path_symlink", 2, WASI_LIGHT_ENOTDIR},
    {"path_unlink_file", 0, WASI_LIGHT_ENOTDIR},
    {"sock_accept", 0, WASI_LIGHT_ENOTSOCK}, /* accept on a pipe */
    {"sock_recv", 0, WASI_LIGHT_ENOTSOCK},
    {"sock_send", 0, WASI_LIGHT_ENOTSOCK},
    {"sock_shutdown", 0, WASI_LIGHT_ENOTSOCK},
};
enum { LISTED = sizeof list / sizeof *list };

static void test_the_list_is_complete(void **state) {
  size_t rows = 0;
  for (size_t i = 0; i < CORE_ROWS; i++) {
    bool listed = false;
    for (size_t k = 0; k < LISTED; k++) listed = listed || strcmp(list[k].name, core_rows[i].name) == 0;
    assert_int_equal(listed, core_rows[i].stream_errno);
    rows += core_rows[i].stream_errno;
  }
  assert_int_equal(LISTED, 27);
  assert_int_equal(rows, LISTED);
}

/* Every parameter has `other`, the fd is `fd`; no memory is bound, so none is looked at. */
static uint32_t call(core_guest_t *g, size_t i, uint32_t fd, uint64_t other) {
  uint64_t args[CORE_ARGS_MAX];
  for (size_t k = 0; k < CORE_ARGS_MAX; k++) args[k] = other;
  args[list[i].fd] = fd;
  return core_call(g, list[i].name, args);
}

static void check(core_guest_t *g, size_t i, uint32_t fd, wasi_light_errno_t expected) {
  static const uint64_t others[] = {0, 1, 3, 0xffffffff, UINT64_MAX};
  for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
    uint32_t status = call(g, i, fd, others[k]);
    if (status == expected) continue;
    fail_msg("%s on fd %u gave %s, expected %s", list[i].name, fd, wasi_light_errno_name(status),
             wasi_light_errno_name(expected));
  }
}

static void start(core_guest_t *g) {
  core_start(g, NULL, 0);
  wasi_light_env_set_memory(g->env, NULL, NULL, NULL);
}

static void test_on_an_open_stream(void **state) {
  core_guest_t g;
  start(&g);
  for (size_t i = 0; i < LISTED; i++) {
    for (uint32_t fd = 0; fd < 3; fd++) check(&g, i, fd, list[i].on_stream);
  }
  core_assert_stopped(&g, WASI_LIGHT_RETURNED, 0);
  core_end(&g);
}

static void test_on_an_unknown_fd(void **state) {
  static const uint32_t unknown[] = {3, 4, 5, 100, 255, 256, 0x7fffffff, 0x80000000, 0xffffffff};
  core_guest_t g;
  start(&g);
  for (size_t i = 0; i < LISTED; i++) {
    for (size_t k = 0; k < sizeof unknown / sizeof *unknown; k++) check(&g, i, unknown[k], WASI_LIGHT_EBADF);
  }
  core_end(&g);
}

static void test_on_a_closed_stream(void **state) {
  for (uint32_t closed = 0; closed < 3; closed++) {
    core_guest_t g;
    start(&g);
    EXPECT(SUCCESS, &g, fd_close, closed);
    for (size_t i = 0; i < LISTED; i++) {
      for (uint32_t fd = 0; fd < 3; fd++) check(&g, i, fd, fd == closed ? WASI_LIGHT_EBADF : list[i].on_stream);
    }
    wasi_light_env_reset(g.env);
    for (size_t i = 0; i < LISTED; i++) check(&g, i, closed, list[i].on_stream);
    core_end(&g);
  }
}

/* What libraries do at their start: look for preopens from 3 on until BADF. */
static void test_there_are_no_preopens(void **state) {
  core_guest_t g;
  core_start(&g, NULL, 64);
  core_save(&g);
  for (uint32_t fd = 0; fd < 10; fd++) {
    EXPECT(BADF, &g, fd_prestat_get, fd, 0);
    EXPECT(BADF, &g, fd_prestat_dir_name, fd, 0, 16);
  }
  core_assert_unchanged(&g);
  core_end(&g);
}

/* Nothing that libraries need is left out: no function answers "no such system call". */
static void test_nothing_is_nosys(void **state) {
  const wasi_light_options_t options = core_row_options();
  for (size_t i = 0; i < CORE_ROWS; i++) {
    uint64_t args[CORE_ARGS_MAX];
    core_guest_t g;
    core_start(&g, &options, CORE_MEMORY);
    core_good_args(&core_rows[i], args);
    core_put_input(&g, &core_rows[i], args);
    assert_int_not_equal(core_call(&g, core_rows[i].name, args), WASI_LIGHT_ENOSYS);
    core_end(&g);
  }
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_list_is_complete),  cmocka_unit_test(test_on_an_open_stream),
      cmocka_unit_test(test_on_an_unknown_fd),      cmocka_unit_test(test_on_a_closed_stream),
      cmocka_unit_test(test_there_are_no_preopens), cmocka_unit_test(test_nothing_is_nosys),
  };
  return CORE_RUN(tests, argc, argv);
}
