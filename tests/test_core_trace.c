/* SPDX-License-Identifier: MIT */
/* The trace: what the line of each call says, whatever the guest passes; and that it changes nothing. */
#include "core_poll.h"
#include "core_trail.h"

enum { MEMORY = 8192, LINE_MAX_SIZE = 1023, TEXT = 4096, ARRAY = 2048, AT = 512, AT2 = 640, LAST = MEMORY - 1 };
#define BAD UINT32_C(0xfffffff0)

static uint64_t now(void *host, uint32_t clock) {
  return clock == MONOTONIC ? 123456789 : 1700000000000000000;
}

static wasi_light_options_t traced(void) {
  wasi_light_options_t options = core_row_options();
  options.trace = core_on_trace;
  options.clock = (wasi_light_clock_t){.mode = WASI_LIGHT_CLOCK_CALLBACK, .now = now};
  return options;
}

static void start(core_trail_t *t) {
  wasi_light_options_t options = traced();
  core_trail_start(t, &options, MEMORY);
}

/* "abc" and "de" are named by the iovecs at ARRAY, "a/b" is at TEXT. */
static void put_input(core_trail_t *t) {
  core_put_text(&t->guest, TEXT, "a/bcde");
  core_put_iovec(&t->guest, ARRAY, TEXT, 3);
  core_put_iovec(&t->guest, ARRAY + 8, TEXT + 3, 2);
}

/* ---- Every function ---------------------------------------------------------------------------------------------- */

static const struct {
  const char *name;
  uint64_t args[CORE_ARGS_MAX];
  const char *line;
} lines[] = {
    {"args_get", {AT, AT2}, "args_get() = success -> [\"prog\", \"a\"]"},
    {"args_sizes_get", {AT, AT2}, "args_sizes_get() = success -> 2, 7"},
    {"environ_get", {AT, AT2}, "environ_get() = success -> [\"K=V\"]"},
    {"environ_sizes_get", {AT, AT2}, "environ_sizes_get() = success -> 1, 4"},
    {"clock_res_get", {0, AT}, "clock_res_get(realtime) = success -> 1"},
    {"clock_res_get", {2, AT}, "clock_res_get(process_cputime_id) = notsup"},
    {"clock_time_get", {1, 1, AT}, "clock_time_get(monotonic, 1) = success -> 123456789"},
    {"clock_time_get", {0, 0, AT}, "clock_time_get(realtime, 0) = success -> 1700000000000000000"},
    {"clock_time_get", {3, UINT64_MAX, AT}, "clock_time_get(thread_cputime_id, 18446744073709551615) = notsup"},
    {"clock_time_get", {4, 0, AT}, "clock_time_get(4, 0) = inval"},
    {"fd_advise", {1, 10, 20, 3}, "fd_advise(1, 10, 20, willneed) = spipe"},
    {"fd_allocate", {2, 0, UINT64_MAX}, "fd_allocate(2, 0, 18446744073709551615) = spipe"},
    {"fd_close", {2}, "fd_close(2) = success"},
    {"fd_close", {UINT32_MAX}, "fd_close(-1) = badf"},
    {"fd_datasync", {7}, "fd_datasync(7) = badf"},
    {"fd_fdstat_get", {1, AT}, "fd_fdstat_get(1) = success -> {unknown, 0x0, 0x8200048}"},
    {"fd_fdstat_set_flags", {0, 5}, "fd_fdstat_set_flags(0, append|nonblock) = success"},
    {"fd_fdstat_set_flags", {0, 64}, "fd_fdstat_set_flags(0, 0x40) = inval"},
    {"fd_fdstat_set_rights", {1, 66, UINT64_MAX}, "fd_fdstat_set_rights(1, 0x42, 0xffffffffffffffff) = notcapable"},
    {"fd_fdstat_set_rights", {1, 64, 0}, "fd_fdstat_set_rights(1, 0x40, 0x0) = success"},
    {"fd_filestat_get", {1, AT}, "fd_filestat_get(1) = success -> {unknown}"},
    {"fd_filestat_set_size", {1, 5}, "fd_filestat_set_size(1, 5) = inval"},
    {"fd_filestat_set_times", {0, 1, 2, 9}, "fd_filestat_set_times(0, 1, 2, atim|mtim_now) = notsup"},
    {"fd_pread", {0, ARRAY, 2, 4, AT}, "fd_pread(0, [3, 2], 2, 4) = spipe"},
    {"fd_prestat_get", {3, AT}, "fd_prestat_get(3) = badf"},
    {"fd_prestat_dir_name", {3, AT, 8}, "fd_prestat_dir_name(3, 8) = badf"},
    {"fd_pwrite", {1, ARRAY, 2, 4, AT}, "fd_pwrite(1, [\"a/b\", \"cd\"], 2, 4) = spipe"},
    {"fd_read", {0, ARRAY, 2, AT}, "fd_read(0, [3, 2], 2) = success -> \"012\" \"34\", 5"},
    {"fd_read", {1, ARRAY, 2, AT}, "fd_read(1, [3, 2], 2) = badf"},
    {"fd_read", {0, ARRAY, 0, AT}, "fd_read(0, [], 0) = success -> \"\", 0"},
    {"fd_readdir", {1, AT, 16, 3, AT2}, "fd_readdir(1, 16, 3) = notdir"},
    {"fd_renumber", {1, 2}, "fd_renumber(1, 2) = success"},
    {"fd_seek", {1, (uint64_t)-5, 0, AT}, "fd_seek(1, -5, set) = spipe"},
    {"fd_sync", {1}, "fd_sync(1) = inval"},
    {"fd_tell", {1, AT}, "fd_tell(1) = spipe"},
    {"fd_write", {2, ARRAY, 2, AT}, "fd_write(2, [\"a/b\", \"cd\"], 2) = success -> 5"},
    {"path_create_directory", {3, TEXT, 3}, "path_create_directory(3, \"a/b\", 3) = badf"},
    {"path_filestat_get", {0, 1, TEXT, 3, AT}, "path_filestat_get(0, symlink_follow, \"a/b\", 3) = notdir"},
    {"path_filestat_set_times",
     {0, 0, TEXT, 3, 5, 6, 6},
     "path_filestat_set_times(0, 0x0, \"a/b\", 3, 5, 6, atim_now|mtim) = notdir"},
    {"path_link",
     {0, 3, TEXT, 3, 1, TEXT + 3, 2},
     "path_link(0, symlink_follow|0x2, \"a/b\", 3, 1, \"cd\", 2) = notdir"},
    {"path_open",
     {1, 0, TEXT, 3, 9, 2, 64, 2, AT},
     "path_open(1, 0x0, \"a/b\", 3, creat|trunc, 0x2, 0x40, dsync) = notdir"},
    {"path_readlink", {1, TEXT, 3, AT, 16, AT2}, "path_readlink(1, \"a/b\", 3, 16) = notdir"},
    {"path_remove_directory", {1, TEXT, 0}, "path_remove_directory(1, \"\", 0) = notdir"},
    {"path_rename", {1, TEXT, 3, 2, TEXT + 3, 3}, "path_rename(1, \"a/b\", 3, 2, \"cde\", 3) = notdir"},
    {"path_symlink", {TEXT, 3, 2, TEXT + 3, 3}, "path_symlink(\"a/b\", 3, 2, \"cde\", 3) = notdir"},
    {"path_unlink_file", {1, TEXT, 1}, "path_unlink_file(1, \"a\", 1) = notdir"},
    {"poll_oneoff",
     {IN, OUT, 3, NEVENTS},
     "poll_oneoff([clock(monotonic, 0, 0x0), fd_read(0), fd_write(9)], 3) = success -> [clock, fd_read, fd_write "
     "badf], "
     "3"},
    {"poll_oneoff", {IN, OUT, 0, NEVENTS}, "poll_oneoff([], 0) = inval"},
    {"proc_exit", {7}, "proc_exit(7) = stopped: exit"},
    {"proc_raise", {6}, "proc_raise(6) = notsup"},
    {"sched_yield", {0}, "sched_yield() = success"},
    {"random_get", {AT, 5}, "random_get(5) = success -> \"\\x1fv\\xe5&Q\""},
    {"random_get", {AT, 0}, "random_get(0) = success -> \"\""},
    {"sock_accept", {1, 4, AT}, "sock_accept(1, nonblock) = notsock"},
    {"sock_recv", {1, ARRAY, 2, 3, AT, AT2}, "sock_recv(1, [3, 2], 2, recv_peek|recv_waitall) = notsock"},
    {"sock_send", {1, ARRAY, 1, 0, AT}, "sock_send(1, [\"a/b\"], 1, 0) = notsock"},
    {"sock_shutdown", {1, 3}, "sock_shutdown(1, rd|wr) = notsock"},
};

static void put_subscriptions(core_trail_t *t) {
  core_put_clock(&t->guest, 0, MONOTONIC, 0, RELATIVE);
  core_put_stream(&t->guest, 1, FD_READ, 0);
  core_put_stream(&t->guest, 2, FD_WRITE, 9);
}

static void test_a_line_for_every_function(void **state) {
  bool seen[CORE_ROWS] = {false};
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    unsigned call = core_find(lines[i].name);
    core_trail_t t;
    start(&t);
    put_input(&t);
    if (strcmp(lines[i].name, "poll_oneoff") == 0) put_subscriptions(&t);
    core_do(&t.guest, call, lines[i].args);
    ASSERT_LINE(&t, lines[i].line);
    seen[call] = true;
    core_trail_end(&t);
  }
  for (unsigned i = 0; i < CORE_ROWS; i++) {
    if (!seen[i]) fail_msg("%s has no line", core_rows[i].name);
  }
}

static void test_snapshot_0(void **state) {
  static const uint64_t filestat[CORE_ARGS_MAX] = {1, AT};
  static const uint64_t seeks[3][CORE_ARGS_MAX] = {{1, 5, 0, AT}, {1, 5, 1, AT}, {1, 5, 2, AT}};
  static const uint64_t poll[CORE_ARGS_MAX] = {IN, OUT, 2, NEVENTS};
  core_trail_t t;
  start(&t);
  core_do(&t.guest, CORE_P0_FILESTAT, filestat);
  ASSERT_LINE(&t, "fd_filestat_get(1) = success -> {unknown}");
  core_do(&t.guest, CORE_P0_SEEK, seeks[0]);
  ASSERT_LINE(&t, "fd_seek(1, 5, cur) = spipe");
  core_do(&t.guest, CORE_P0_SEEK, seeks[1]);
  ASSERT_LINE(&t, "fd_seek(1, 5, end) = spipe");
  core_do(&t.guest, CORE_P0_SEEK, seeks[2]);
  ASSERT_LINE(&t, "fd_seek(1, 5, set) = spipe");
  memset(t.guest.memory + IN, 0, 112);
  core_put(&t.guest, IN + 24, 4, MONOTONIC);
  core_put(&t.guest, IN + 32, 8, 77); /* timeout */
  core_put(&t.guest, IN + 48, 2, ABSTIME);
  core_put(&t.guest, IN + 56 + 8, 1, FD_WRITE);
  core_put(&t.guest, IN + 56 + 16, 4, 1);
  core_do(&t.guest, CORE_P0_POLL, poll);
  ASSERT_LINE(&t, "poll_oneoff([clock(monotonic, 77, abstime), fd_write(1)], 2) = success -> [clock, fd_write], 2");
  core_trail_end(&t);
}

/* ---- Names ------------------------------------------------------------------------------------------------------- */

/* The line of each value from 0 on, of which the names are given, and of one more. */
static void check_names(unsigned call, unsigned param, const char *before, const char *const *names, unsigned count,
                        unsigned past) {
  core_trail_t t;
  start(&t);
  for (unsigned i = 0; i <= count; i++) {
    char expected[64];
    uint64_t args[CORE_ARGS_MAX] = {9};
    args[param] = i < count ? i : past;
    if (param == 0) args[1] = BAD; /* a clock: nothing is written */
    if (i < count) snprintf(expected, sizeof expected, "%s%s", before, names[i]);
    else snprintf(expected, sizeof expected, "%s%u", before, past);
    core_do(&t.guest, call, args);
    const char *line = core_line(&t);
    size_t size = strlen(expected);
    if (strncmp(line, expected, size) != 0 || !strchr(",)", line[size])) fail_msg("%s: expected %s", line, expected);
  }
  core_trail_end(&t);
}

static void test_names_of_values(void **state) {
  static const char *const clocks[] = {"realtime", "monotonic", "process_cputime_id", "thread_cputime_id"};
  static const char *const whence[] = {"set", "cur", "end"};
  static const char *const whence_0[] = {"cur", "end", "set"};
  static const char *const advice[] = {"normal", "sequential", "random", "willneed", "dontneed", "noreuse"};
  check_names(core_find("clock_res_get"), 0, "clock_res_get(", clocks, 4, 4);
  check_names(core_find("clock_res_get"), 0, "clock_res_get(", clocks, 4, UINT32_MAX);
  check_names(core_find("fd_seek"), 2, "fd_seek(9, 0, ", whence, 3, 3);
  check_names(CORE_P0_SEEK, 2, "fd_seek(9, 0, ", whence_0, 3, 3);
  check_names(core_find("fd_advise"), 3, "fd_advise(9, 0, 0, ", advice, 6, UINT32_MAX);
}

/* Each bit alone, all of them, and one that has no name. */
static void check_flags(const char *name, unsigned param, const char *const *names, unsigned count) {
  unsigned call = core_find(name);
  core_trail_t t;
  start(&t);
  for (unsigned i = 0; i < count + 2; i++) {
    char expected[128] = ", ";
    uint64_t args[CORE_ARGS_MAX] = {9};
    args[param] = i < count ? UINT64_C(1) << i : i == count ? (UINT64_C(1) << count) - 1 : UINT64_C(1) << 31 | 1;
    for (unsigned k = 0; k < count; k++) {
      if (args[param] >> k & 1) sprintf(expected + strlen(expected), "%s%s", expected[2] ? "|" : "", names[k]);
    }
    if (i == count + 1) sprintf(expected + strlen(expected), "|0x80000000");
    core_do(&t.guest, call, args);
    const char *line = core_line(&t);
    const char *found = strstr(line, expected);
    if (!found || !strchr(",)", found[strlen(expected)])) fail_msg("%s: expected %s", line, expected);
  }
  core_trail_end(&t);
}

static void test_names_of_flags(void **state) {
  static const char *const fdflags[] = {"append", "dsync", "nonblock", "rsync", "sync"};
  static const char *const fstflags[] = {"atim", "atim_now", "mtim", "mtim_now"};
  static const char *const lookupflags[] = {"symlink_follow"};
  static const char *const oflags[] = {"creat", "directory", "excl", "trunc"};
  static const char *const riflags[] = {"recv_peek", "recv_waitall"};
  static const char *const sdflags[] = {"rd", "wr"};
  check_flags("fd_fdstat_set_flags", 1, fdflags, 5);
  check_flags("fd_filestat_set_times", 3, fstflags, 4);
  check_flags("path_filestat_get", 1, lookupflags, 1);
  check_flags("path_open", 4, oflags, 4);
  check_flags("path_open", 7, fdflags, 5);
  check_flags("sock_recv", 3, riflags, 2);
  check_flags("sock_shutdown", 1, sdflags, 2);
}

static void test_fdstat(void **state) {
  core_trail_t t;
  start(&t);
  CALL(&t.guest, fd_fdstat_set_flags, 0, 31);
  ASSERT_LINE(&t, "fd_fdstat_set_flags(0, append|dsync|nonblock|rsync|sync) = success");
  CALL(&t.guest, fd_fdstat_get, 0, AT);
  ASSERT_LINE(&t, "fd_fdstat_get(0) = success -> {unknown, append|dsync|nonblock|rsync|sync, 0x820000a}");
  core_trail_end(&t);
}

/* The upper bits of an i32 mean nothing. */
static void test_upper_bits(void **state) {
  core_trail_t t;
  start(&t);
  put_input(&t);
  CALL(&t.guest, fd_write, UINT64_C(0xabcdef0100000001), UINT64_C(1) << 40 | ARRAY, UINT64_C(1) << 63 | 2, AT);
  ASSERT_LINE(&t, "fd_write(1, [\"a/b\", \"cd\"], 2) = success -> 5");
  core_trail_end(&t);
}

/* ---- Strings ----------------------------------------------------------------------------------------------------- */

static void expect_shown(core_trail_t *t, const char *bytes, size_t size, const char *shown) {
  char expected[512];
  snprintf(expected, sizeof expected, "path_unlink_file(9, %s, %zu) = badf", shown, size);
  memcpy(t->guest.memory + TEXT, bytes, size);
  CALL(&t->guest, path_unlink_file, 9, TEXT, size);
  ASSERT_LINE(t, expected);
}

static void test_strings(void **state) {
  core_trail_t t;
  start(&t);
  expect_shown(&t, "", 0, "\"\"");
  expect_shown(&t, "a\0b", 3, "\"a\\x00b\"");
  expect_shown(&t, "a\nb\tc\r\x1b[2J", 10, "\"a\\nb\\x09c\\x0d\\x1b[2J\"");
  expect_shown(&t, "\"\\\"", 3, "\"\\\"\\\\\\\"\"");
  expect_shown(&t, "\x7f\x80\xff \xc3\xa4~", 7, "\"\\x7f\\x80\\xff \\xc3\\xa4~\"");
  expect_shown(&t, "%s%n%100000d", 12, "\"%s%n%100000d\"");
  expect_shown(&t, "01234567890123456789012345678901", 32, "\"01234567890123456789012345678901\"");
  expect_shown(&t, "012345678901234567890123456789012", 33, "\"01234567890123456789012345678901\"...");
  core_trail_end(&t);
}

static void test_a_string_that_is_all_of_memory(void **state) {
  core_trail_t t;
  start(&t);
  memset(t.guest.memory, 'x', MEMORY);
  CALL(&t.guest, path_unlink_file, 9, 0, MEMORY);
  ASSERT_LINE(&t, "path_unlink_file(9, \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"..., 8192) = badf");
  CALL(&t.guest, path_unlink_file, 9, 1, MEMORY);
  ASSERT_LINE(&t, "path_unlink_file(9, <bad 0x1>, 8192) = badf");
  CALL(&t.guest, path_unlink_file, 9, MEMORY, 0);
  ASSERT_LINE(&t, "path_unlink_file(9, \"\", 0) = badf");
  CALL(&t.guest, path_unlink_file, 9, MEMORY + 1, 0);
  ASSERT_LINE(&t, "path_unlink_file(9, \"\", 0) = badf");
  CALL(&t.guest, path_unlink_file, 9, LAST, UINT32_MAX);
  ASSERT_LINE(&t, "path_unlink_file(9, <bad 0x1fff>, 4294967295) = badf");
  core_trail_end(&t);
}

/* More strings than are shown, and one that is cut. */
static void test_arguments(void **state) {
  static const char *const args[] = {
      "0", "", "two\n", "333333333333333333333333333333333", "4", "5", "6", "7", "eight is left out", NULL};
  wasi_light_options_t options = traced();
  options.args = args;
  core_trail_t t;
  core_trail_start(&t, &options, MEMORY);
  CALL(&t.guest, args_get, AT, TEXT);
  ASSERT_LINE(&t, "args_get() = success -> [\"0\", \"\", \"two\\n\", \"33333333333333333333333333333333\"..., \"4\", "
                  "\"5\", \"6\", \"7\", ...]");
  CALL(&t.guest, args_get, TEXT, TEXT); /* the pointers lie over the strings */
  const char *line = core_line(&t);
  assert_int_equal(strncmp(line, "args_get() = success -> [", 25), 0);
  core_trail_end(&t);
  options = traced();
  options.args = NULL;
  core_trail_start(&t, &options, MEMORY);
  CALL(&t.guest, args_get, AT, TEXT);
  ASSERT_LINE(&t, "args_get() = success -> []");
  core_trail_end(&t);
}

/* ---- Iovecs and subscriptions ------------------------------------------------------------------------------------ */

static void test_iovecs(void **state) {
  core_trail_t t;
  start(&t);
  put_input(&t);
  core_put_iovec(&t.guest, ARRAY + 8, BAD, 3);
  core_put_iovec(&t.guest, ARRAY + 16, MEMORY - 1, 2);
  core_put_iovec(&t.guest, ARRAY + 24, BAD, 0);
  core_put_iovec(&t.guest, ARRAY + 32, MEMORY, 0);
  CALL(&t.guest, fd_write, 1, ARRAY, 5, AT);
  ASSERT_LINE(&t, "fd_write(1, [\"a/b\", <bad 0xfffffff0>, <bad 0x1fff>, \"\", \"\"], 5) = fault");
  CALL(&t.guest, fd_read, 0, ARRAY, 5, AT);
  ASSERT_LINE(&t, "fd_read(0, [3, <bad 0xfffffff0>, <bad 0x1fff>, 0, 0], 5) = fault");
  CALL(&t.guest, fd_read, 0, MEMORY - 8, 2, AT);
  ASSERT_LINE(&t, "fd_read(0, <bad 0x1ff8>, 2) = fault");
  CALL(&t.guest, fd_write, 1, ARRAY, UINT32_MAX, BAD);
  ASSERT_LINE(&t, "fd_write(1, <bad 0x800>, 4294967295, <bad 0xfffffff0>) = fault");
  core_trail_end(&t);
}

static void test_many_iovecs(void **state) {
  core_trail_t t;
  start(&t);
  for (uint32_t i = 0; i < 10; i++) core_put_iovec(&t.guest, ARRAY + i * 8, TEXT + i, i == 4 ? 0 : 1);
  core_put_text(&t.guest, TEXT, "0123456789");
  CALL(&t.guest, fd_write, 1, ARRAY, 8, AT);
  ASSERT_LINE(&t, "fd_write(1, [\"0\", \"1\", \"2\", \"3\", \"\", \"5\", \"6\", \"7\"], 8) = success -> 7");
  CALL(&t.guest, fd_write, 1, ARRAY, 9, AT);
  ASSERT_LINE(&t, "fd_write(1, [\"0\", \"1\", \"2\", \"3\", \"\", \"5\", \"6\", \"7\", ...], 9) = success -> 8");
  CALL(&t.guest, fd_read, 0, ARRAY, 10, AT);
  ASSERT_LINE(&t, "fd_read(0, [1, 1, 1, 1, 0, 1, 1, 1, ...], 10) = success -> \"0\" \"1\" \"2\" \"3\" \"4\" \"5\" "
                  "\"6\" \"7\" \"8\", 9");
  core_trail_end(&t);
}

/* What was read is shown as far as it goes, of each buffer. */
static void test_short_reads(void **state) {
  core_trail_t t;
  start(&t);
  core_put_iovec(&t.guest, ARRAY, TEXT, 20);
  core_put_iovec(&t.guest, ARRAY + 8, TEXT + 100, 20);
  core_put_iovec(&t.guest, ARRAY + 16, TEXT + 200, 20);
  CALL(&t.guest, fd_read, 0, ARRAY, 3, AT);
  ASSERT_LINE(&t, "fd_read(0, [20, 20, 20], 3) = success -> \"0123456789abcdef0123\" \"456789ABCDEF\", 32");
  CALL(&t.guest, fd_read, 0, ARRAY, 3, AT);
  ASSERT_LINE(&t, "fd_read(0, [20, 20, 20], 3) = success -> \"\", 0");
  core_trail_end(&t);
}

/* The array is overwritten by what is read: the line is of what it was, and of what came. */
static void test_a_buffer_over_its_own_array(void **state) {
  core_trail_t t;
  start(&t);
  core_put_iovec(&t.guest, ARRAY, ARRAY, 16);
  core_put_iovec(&t.guest, ARRAY + 8, TEXT, 4);
  CALL(&t.guest, fd_read, 0, ARRAY, 2, AT);
  ASSERT_LINE(&t, "fd_read(0, [16, 4], 2) = success -> \"0123456789abcdef\" \"0123\", 20");
  put_input(&t); /* the result lies over the array, and over the text */
  CALL(&t.guest, fd_write, 1, ARRAY, 2, ARRAY);
  ASSERT_LINE(&t, "fd_write(1, [\"a/b\", \"cd\"], 2) = success -> 5");
  put_input(&t);
  CALL(&t.guest, fd_write, 1, ARRAY, 2, TEXT);
  ASSERT_LINE(&t, "fd_write(1, [\"a/b\", \"cd\"], 2) = success -> 5");
  put_input(&t);
  CALL(&t.guest, fd_read, 0, ARRAY, 2, TEXT); /* the result lies over the first buffer */
  ASSERT_LINE(&t, "fd_read(0, [3, 2], 2) = success -> \"\\x05\\x00\\x00\" \"\\x008\", 5");
  core_trail_end(&t);
}

static void test_subscriptions(void **state) {
  core_trail_t t;
  start(&t);
  core_put_clock(&t.guest, 0, REALTIME, 5, 3);
  core_put_clock(&t.guest, 1, 77, UINT64_MAX, 0x8000);
  core_put_stream(&t.guest, 2, FD_READ, UINT32_MAX);
  core_put_stream(&t.guest, 3, 9, 1);
  CALL(&t.guest, poll_oneoff, IN, OUT, 4, NEVENTS);
  ASSERT_LINE(&t, "poll_oneoff([clock(realtime, 5, abstime|0x2), clock(77, 18446744073709551615, 0x8000), fd_read(-1), "
                  "9(1)], 4) = inval");
  for (uint32_t i = 0; i < 10; i++) core_put_stream(&t.guest, i, FD_WRITE, 1 + i % 2);
  CALL(&t.guest, poll_oneoff, IN, OUT, 10, NEVENTS);
  ASSERT_LINE(&t, "poll_oneoff([fd_write(1), fd_write(2), fd_write(1), fd_write(2), fd_write(1), fd_write(2), "
                  "fd_write(1), fd_write(2), ...], 10) = success -> [fd_write, fd_write, fd_write, fd_write, "
                  "fd_write, fd_write, fd_write, fd_write, ...], 10");
  core_put_clock(&t.guest, 0, MONOTONIC, 0, RELATIVE);
  CALL(&t.guest, poll_oneoff, IN, IN, 1, IN); /* events over subscriptions, and their number over both */
  ASSERT_LINE(&t, "poll_oneoff([clock(monotonic, 0, 0x0)], 1) = success -> [clock], 1");
  core_put_clock(&t.guest, 0, MONOTONIC, UINT64_MAX, RELATIVE); /* fewer events than subscriptions */
  CALL(&t.guest, poll_oneoff, IN, OUT, 2, NEVENTS);
  ASSERT_LINE(&t, "poll_oneoff([clock(monotonic, 18446744073709551615, 0x0), fd_write(2)], 2) = success -> [fd_write], "
                  "1");
  core_put_clock(&t.guest, 0, REALTIME, 0, RELATIVE);
  CALL(&t.guest, poll_oneoff, MEMORY - 47, OUT, 1, NEVENTS);
  ASSERT_LINE(&t, "poll_oneoff(<bad 0x1fd1>, 1) = fault");
  CALL(&t.guest, poll_oneoff, IN, MEMORY - 31, 1, NEVENTS);
  ASSERT_LINE(&t, "poll_oneoff([clock(realtime, 0, 0x0)], <bad 0x1fe1>, 1) = fault");
  core_trail_end(&t);
}

/* ---- Bad pointers ------------------------------------------------------------------------------------------------ */

static unsigned occurrences(const char *text, const char *part) {
  unsigned count = 0;
  for (const char *at = strstr(text, part); at; at = strstr(at + 1, part)) count++;
  return count;
}

/* Each pointer of each function, to the last byte where it is good, one past it, and far away. */
static void test_every_bad_pointer(void **state) {
  for (unsigned call = 0; call < CORE_CALLS; call++) {
    for (unsigned param = 0; param < core_row(call)->params; param++) {
      if (!core_is_address(core_row(call)->kind[param])) continue;
      uint32_t good = CORE_MEMORY - core_behind(call, param);
      const uint32_t places[] = {good, good + 1, CORE_MEMORY, CORE_MEMORY + 1, 0x80000000, BAD, UINT32_MAX};
      for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char bad[32];
        uint64_t args[CORE_ARGS_MAX];
        wasi_light_options_t options = traced();
        core_trail_t t;
        core_trail_start(&t, &options, CORE_MEMORY);
        core_args(call, args);
        args[param] = places[i];
        core_step(&t, call, args);
        const char *line = core_line(&t);
        snprintf(bad, sizeof bad, "<bad 0x%x>", places[i]);
        if (occurrences(line, "<bad") != (i > 0) || occurrences(line, bad) != (i > 0)) fail_msg("%s", line);
        core_trail_end(&t);
      }
    }
  }
}

static void test_no_memory(void **state) {
  for (unsigned call = 0; call < CORE_CALLS; call++) {
    uint64_t args[CORE_ARGS_MAX];
    core_trail_t t;
    start(&t);
    wasi_light_env_set_memory(t.guest.env, NULL, NULL, NULL);
    core_args(call, args);
    unsigned pointers = 0;
    for (unsigned i = 0; i < core_row(call)->params; i++) pointers += core_is_address(core_row(call)->kind[i]);
    core_do(&t.guest, call, args);
    const char *line = core_line(&t);
    bool needs = call < CORE_ROWS ? core_needs_memory(core_row(call)) : call != CORE_P0_SEEK && call != CORE_P0_PATH;
    const char *stop = strstr(line, " = stopped: no memory");
    if (!!stop != needs || (stop && strcmp(stop, " = stopped: no memory") != 0)) fail_msg("%s", line);
    if (occurrences(line, "<bad 0x") != pointers) fail_msg("%s", line);
    core_trail_end(&t);
  }
}

/* ---- Stops ------------------------------------------------------------------------------------------------------- */

static void test_stops(void **state) {
  static const wasi_light_rule_t rules[] = {
      {"sched_yield", WASI_LIGHT_DENY_TRAP, 0, "no", 0},
      {"fd_close", WASI_LIGHT_DENY_ERRNO, WASI_LIGHT_EPERM, NULL, 0},
      {"fd_sync", WASI_LIGHT_ALLOW, 0, NULL, 1},
  };
  wasi_light_options_t options = traced();
  options.rules = rules;
  options.rule_count = 3;
  options.raise = WASI_LIGHT_RAISE_OUTCOME;
  options.quota = (wasi_light_quota_t){0, 4, 4};
  options.sleep = (wasi_light_sleep_options_t){.mode = WASI_LIGHT_SLEEP_VIRTUAL, .max_call_ns = 5};
  core_trail_t t;
  core_trail_start(&t, &options, MEMORY);
  put_input(&t);
  core_put_clock(&t.guest, 0, MONOTONIC, 6, RELATIVE);
  EXPECT_STOP(&t.guest, sched_yield, 0);
  ASSERT_LINE(&t, "sched_yield() = stopped: denied");
  EXPECT(PERM, &t.guest, fd_close, 1);
  ASSERT_LINE(&t, "fd_close(1) = perm");
  EXPECT(INVAL, &t.guest, fd_sync, 1);
  ASSERT_LINE(&t, "fd_sync(1) = inval");
  EXPECT_STOP(&t.guest, fd_sync, 1);
  ASSERT_LINE(&t, "fd_sync(1) = stopped: limit");
  EXPECT_STOP(&t.guest, fd_write, 1, ARRAY, 2, AT);
  ASSERT_LINE(&t, "fd_write(1, [\"a/b\", \"cd\"], 2) = stopped: limit");
  EXPECT_STOP(&t.guest, random_get, AT, 5);
  ASSERT_LINE(&t, "random_get(5) = stopped: limit");
  EXPECT_STOP(&t.guest, poll_oneoff, IN, OUT, 1, NEVENTS);
  ASSERT_LINE(&t, "poll_oneoff([clock(monotonic, 6, 0x0)], 1) = stopped: limit");
  EXPECT_STOP(&t.guest, proc_raise, 6);
  ASSERT_LINE(&t, "proc_raise(6) = stopped: raised");
  EXPECT_STOP(&t.guest, proc_exit, UINT32_MAX);
  ASSERT_LINE(&t, "proc_exit(4294967295) = stopped: exit");
  EXPECT_STOP(&t.guest, sched_yield, 0); /* nothing is called any more */
  assert_int_equal(t.lines.size, 0);
  core_trail_end(&t);
}

/* ---- Long lines -------------------------------------------------------------------------------------------------- */

/* Lines of every length from below the buffer's to above: what does not fit is cut with "...", and only that. */
static void test_lines_as_long_as_the_buffer(void **state) {
  unsigned cut = 0;
  core_trail_t t;
  start(&t);
  for (uint32_t i = 0; i < 8; i++) core_put_iovec(&t.guest, ARRAY + i * 8, TEXT + i * 32, 32);
  memset(t.guest.memory + TEXT, 'x', 256);
  for (unsigned hex = 0; hex < 256; hex++) {       /* "\x00" instead of "x" makes it longer by three */
    for (unsigned quote = 0; quote < 3; quote++) { /* "\"" by one */
      char full[2048] = "fd_write(1, [";
      char *end = full + strlen(full);
      for (unsigned i = 0; i < 256; i++) {
        bool is_hex = i < hex;
        bool is_quote = !is_hex && i < hex + quote;
        t.guest.memory[TEXT + i] = is_hex ? 0 : is_quote ? '"' : 'x';
        if (i % 32 == 0) end += sprintf(end, "%s", i > 0 ? "\", \"" : "\"");
        end += sprintf(end, "%s", is_hex ? "\\x00" : is_quote ? "\\\"" : "x");
      }
      sprintf(end, "\"], 8) = success -> 256");
      CALL(&t.guest, fd_write, 1, ARRAY, 8, AT);
      const char *line = core_line(&t);
      size_t size = strlen(line);
      bool fits = strcmp(line, full) == 0;
      bool is_cut = size >= 3 && strcmp(line + size - 3, "...") == 0 && strncmp(line, full, size - 3) == 0;
      if (!fits && !is_cut) fail_msg("%zu bytes, expected %zu: ...%s", size, strlen(full), line + size - 20);
      if (is_cut && strlen(full) < LINE_MAX_SIZE - 8) fail_msg("%zu bytes are cut to %zu", strlen(full), size);
      assert_true(size <= LINE_MAX_SIZE);
      cut += is_cut;
    }
  }
  assert_true(cut > 10 && cut < 700);
  core_trail_end(&t);
}

/* ---- What it changes: nothing ------------------------------------------------------------------------------------ */

/* Memory, status and outcome of a call must be those of the plain run. */
static void check_pure(unsigned call, unsigned variant, bool trace, bool record) {
  core_trail_t plain, watched;
  uint64_t args[CORE_ARGS_MAX];
  wasi_light_options_t options = core_row_options();
  options.clock = (wasi_light_clock_t){.mode = WASI_LIGHT_CLOCK_CALLBACK, .now = now};
  core_trail_start(&plain, &options, CORE_MEMORY);
  if (trace) options.trace = core_on_trace;
  if (record) options.record = core_on_record;
  core_trail_start(&watched, &options, CORE_MEMORY);
  core_variant(call, variant, CORE_MEMORY, args);
  for (int i = 0; i < 2; i++) {
    core_step(&plain, call, args);
    core_step(&watched, call, args);
  }
  core_assert_same(core_row(call)->name, &plain.steps, &watched.steps);
  for (uint32_t fd = 1; fd <= 2; fd++) {
    size_t size;
    char text[64];
    const uint8_t *bytes = wasi_light_env_captured(plain.guest.env, fd, &size, NULL);
    memcpy(text, bytes, size);
    bytes = wasi_light_env_captured(watched.guest.env, fd, &size, NULL);
    assert_memory_equal(text, bytes, size);
  }
  assert_int_equal(watched.lines.size > 0, trace);
  assert_int_equal(watched.log.size > 8, record);
  core_trail_end(&plain);
  core_trail_end(&watched);
}

static void test_nothing_changes(void **state) {
  unsigned count = 0;
  for (unsigned call = 0; call < CORE_CALLS; call++) {
    uint64_t args[CORE_ARGS_MAX];
    for (unsigned variant = 0; core_variant(call, variant, CORE_MEMORY, args); variant++) {
      for (unsigned what = 1; what <= 3; what++) check_pure(call, variant, what & 1, what & 2);
      count++;
    }
  }
  assert_true(count > 500);
}

/* The callback gets the host pointer that the environment has by then. */
static void test_the_host_pointer(void **state) {
  core_trail_t t, other;
  start(&t);
  start(&other);
  wasi_light_env_set_host(t.guest.env, &other);
  CALL(&t.guest, sched_yield, 0);
  assert_int_equal(t.lines.size, 0);
  ASSERT_LINE(&other, "sched_yield() = success");
  core_trail_end(&t);
  core_trail_end(&other);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_line_for_every_function),
      cmocka_unit_test(test_snapshot_0),
      cmocka_unit_test(test_names_of_values),
      cmocka_unit_test(test_names_of_flags),
      cmocka_unit_test(test_fdstat),
      cmocka_unit_test(test_upper_bits),
      cmocka_unit_test(test_strings),
      cmocka_unit_test(test_a_string_that_is_all_of_memory),
      cmocka_unit_test(test_arguments),
      cmocka_unit_test(test_iovecs),
      cmocka_unit_test(test_many_iovecs),
      cmocka_unit_test(test_short_reads),
      cmocka_unit_test(test_a_buffer_over_its_own_array),
      cmocka_unit_test(test_subscriptions),
      cmocka_unit_test(test_every_bad_pointer),
      cmocka_unit_test(test_no_memory),
      cmocka_unit_test(test_stops),
      cmocka_unit_test(test_lines_as_long_as_the_buffer),
      cmocka_unit_test(test_nothing_changes),
      cmocka_unit_test(test_the_host_pointer),
  };
  return CORE_RUN(tests, argc, argv);
}
