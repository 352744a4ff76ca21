/* SPDX-License-Identifier: MIT */
/*
 * The table and the ABI against the specification, which stands here a second time, as data.
 *
 * Source: WebAssembly/WASI, branch wasi-0.1 (fae981bae148), preview1/witx/wasi_snapshot_preview1.witx, typenames.witx.
 * The rows were lowered from it mechanically, without this library: a u64, s64 or 64-bit flags parameter is I, any
 * other number, enum, flags, handle or pointer is i; a string or a list is two i (pointer, length); each value of the
 * result's `expected` is one more i at the end, an out pointer; the result is i, or nothing where it is noreturn.
 */
#include "core_guest.h"
#include "p1_abi.h"

/* ---- The 46 functions -------------------------------------------------------------------------------------------- */

/*
 * The role of each parameter: v a value, r a pointer that is read (const_pointer, string, or a list, whose elements may
 * name memory to write), l the length of that string or list, w a pointer that is written, o the pointer of a result.
 */
static const struct {
  const char *name, *signature, *roles;
} specification[] = {
    {"args_get", "(ii)i", "ww"},
    {"args_sizes_get", "(ii)i", "oo"},
    {"environ_get", "(ii)i", "ww"},
    {"environ_sizes_get", "(ii)i", "oo"},
    {"clock_res_get", "(ii)i", "vo"},
    {"clock_time_get", "(iIi)i", "vvo"},
    {"fd_advise", "(iIIi)i", "vvvv"},
    {"fd_allocate", "(iII)i", "vvv"},
    {"fd_close", "(i)i", "v"},
    {"fd_datasync", "(i)i", "v"},
    {"fd_fdstat_get", "(ii)i", "vo"},
    {"fd_fdstat_set_flags", "(ii)i", "vv"},
    {"fd_fdstat_set_rights", "(iII)i", "vvv"},
    {"fd_filestat_get", "(ii)i", "vo"},
    {"fd_filestat_set_size", "(iI)i", "vv"},
    {"fd_filestat_set_times", "(iIIi)i", "vvvv"},
    {"fd_pread", "(iiiIi)i", "vrlvo"},
    {"fd_prestat_get", "(ii)i", "vo"},
    {"fd_prestat_dir_name", "(iii)i", "vwv"},
    {"fd_pwrite", "(iiiIi)i", "vrlvo"},
    {"fd_read", "(iiii)i", "vrlo"},
    {"fd_readdir", "(iiiIi)i", "vwvvo"},
    {"fd_renumber", "(ii)i", "vv"},
    {"fd_seek", "(iIii)i", "vvvo"},
    {"fd_sync", "(i)i", "v"},
    {"fd_tell", "(ii)i", "vo"},
    {"fd_write", "(iiii)i", "vrlo"},
    {"path_create_directory", "(iii)i", "vrl"},
    {"path_filestat_get", "(iiiii)i", "vvrlo"},
    {"path_filestat_set_times", "(iiiiIIi)i", "vvrlvvv"},
    {"path_link", "(iiiiiii)i", "vvrlvrl"},
    {"path_open", "(iiiiiIIii)i", "vvrlvvvvo"},
    {"path_readlink", "(iiiiii)i", "vrlwvo"},
    {"path_remove_directory", "(iii)i", "vrl"},
    {"path_rename", "(iiiiii)i", "vrlvrl"},
    {"path_symlink", "(iiiii)i", "rlvrl"},
    {"path_unlink_file", "(iii)i", "vrl"},
    {"poll_oneoff", "(iiii)i", "rwvo"},
    {"proc_exit", "(i)", "v"},
    {"proc_raise", "(i)i", "v"},
    {"sched_yield", "()i", ""},
    {"random_get", "(ii)i", "wv"},
    {"sock_accept", "(iii)i", "vvo"},
    {"sock_recv", "(iiiiii)i", "vrlvoo"},
    {"sock_send", "(iiiii)i", "vrlvo"},
    {"sock_shutdown", "(ii)i", "vv"},
};
enum { FUNCTIONS = sizeof specification / sizeof *specification };

static void test_names_and_signatures(void **state) {
  size_t count = 0;
  const wasi_light_function_t *functions = wasi_light_functions(&count);
  assert_int_equal(FUNCTIONS, 46);
  assert_int_equal(count, FUNCTIONS);
  for (size_t i = 0; i < count; i++) {
    assert_string_equal(functions[i].name, specification[i].name);
    if (strcmp(functions[i].signature, specification[i].signature) != 0) {
      fail_msg("%s is %s, in the specification %s", functions[i].name, functions[i].signature,
               specification[i].signature);
    }
  }
}

static void test_every_function_has_a_body_and_a_description(void **state) {
  size_t count = 0;
  const wasi_light_function_t *functions = wasi_light_functions(&count);
  for (size_t i = 0; i < count; i++) {
    assert_non_null(functions[i].call);
    assert_true(strlen(functions[i].doc) > 10);
    assert_int_equal(functions[i].doc[strlen(functions[i].doc) - 1], '.');
    for (size_t k = 0; k < i; k++) assert_ptr_not_equal(functions[i].call, functions[k].call);
  }
}

enum {
#define P1_KIND_INDEX(kind, ctype, letter) KIND_##kind,
  P1_KIND_MAP(P1_KIND_INDEX)
#undef P1_KIND_INDEX
      KINDS
};

/* What each kind must be in the specification. A COUNT or LENGTH may be a list's own, or a parameter of type size. */
static const char *const roles_of_kind[KINDS] = {
    [KIND_FD] = "v",          [KIND_CLOCK] = "v",      [KIND_EXITCODE] = "v",     [KIND_SIGNAL] = "v",
    [KIND_ADVICE] = "v",      [KIND_WHENCE] = "v",     [KIND_FDFLAGS] = "v",      [KIND_FSTFLAGS] = "v",
    [KIND_LOOKUPFLAGS] = "v", [KIND_OFLAGS] = "v",     [KIND_RIFLAGS] = "v",      [KIND_SIFLAGS] = "v",
    [KIND_SDFLAGS] = "v",     [KIND_LENGTH] = "vl",    [KIND_COUNT] = "vl",       [KIND_TIME] = "v",
    [KIND_SIZE64] = "v",      [KIND_DELTA] = "v",      [KIND_COOKIE] = "v",       [KIND_RIGHTS] = "v",
    [KIND_PATH] = "r",        [KIND_IOVECS] = "r",     [KIND_CIOVECS] = "r",      [KIND_SUBSCRIPTIONS] = "r",
    [KIND_OUT_STRINGS] = "w", [KIND_OUT_BYTES] = "w",  [KIND_OUT_U16] = "o",      [KIND_OUT_U32] = "o",
    [KIND_OUT_U64] = "o",     [KIND_OUT_FDSTAT] = "o", [KIND_OUT_FILESTAT] = "o", [KIND_OUT_PRESTAT] = "o",
    [KIND_OUT_EVENTS] = "w",
};

/* One more than the kind, so that 0 is the end; `P1_WASM_...` is the kind's letter. */
static const int kinds[][CORE_ARGS_MAX + 1] = {
#define P(index, kind, name) KIND_##kind + 1,
#define P1_FUNCTION(name, result, doc, ...) {__VA_ARGS__ 0},
#include "p1_functions.def"
};
static const char *const kind_letters[][CORE_ARGS_MAX + 1] = {
#define P(index, kind, name) (const char[]){P1_WASM_##kind, '\0'},
#define P1_FUNCTION(name, result, doc, ...) {__VA_ARGS__ NULL},
#include "p1_functions.def"
};

static void test_parameter_kinds(void **state) {
  for (size_t i = 0; i < FUNCTIONS; i++) {
    const char *roles = specification[i].roles;
    size_t n = 0;
    for (; kinds[i][n] != 0; n++) {
      const char *allowed = roles_of_kind[kinds[i][n] - 1];
      assert_non_null(allowed);
      if (roles[n] == '\0' || !strchr(allowed, roles[n]))
        fail_msg("%s: kind of parameter %zu", specification[i].name, n);
      assert_int_equal(kind_letters[i][n][0], specification[i].signature[1 + n]);
    }
    assert_int_equal(n, strlen(roles));
  }
}

/* The kinds of 64 bits are those and no others; an ABI type of the C side has the same width. */
static void test_kind_types(void **state) {
#define P1_KIND_WIDTH(kind, ctype, letter)                                \
  assert_int_equal(sizeof(p1_##kind##_t), P1_WASM_##kind == 'I' ? 8 : 4); \
  assert_true(P1_WASM_##kind == 'I' || P1_WASM_##kind == 'i');
  P1_KIND_MAP(P1_KIND_WIDTH)
#undef P1_KIND_WIDTH
}

/* An engine hands over i32 in 64 bits: what is above is not for us. */
static void test_upper_bits_of_i32_are_ignored(void **state) {
  const uint64_t above = 0xdeadbeef00000000;
  core_guest_t g;
  core_start(&g, NULL, 256);
  EXPECT(SUCCESS, &g, fd_fdstat_get, above | 1, above | 8);
  EXPECT(SUCCESS, &g, clock_res_get, above | 1, above | 64);
  EXPECT(SUCCESS, &g, random_get, above | 128, above | 4);
  EXPECT(SUCCESS, &g, fd_close, above | 2);
  EXPECT(BADF, &g, fd_close, 2);
  EXPECT_STOP(&g, proc_exit, above | 3);
  core_assert_stopped(&g, WASI_LIGHT_EXITED, 3);
  core_end(&g);
}

/* ---- errno ------------------------------------------------------------------------------------------------------- */

/* $errno in the order of typenames.witx: the first is 0. */
static const char *const errnos[] = {
    "success",        "2big",       "acces",       "addrinuse",      "addrnotavail", "afnosupport", "again",
    "already",        "badf",       "badmsg",      "busy",           "canceled",     "child",       "connaborted",
    "connrefused",    "connreset",  "deadlk",      "destaddrreq",    "dom",          "dquot",       "exist",
    "fault",          "fbig",       "hostunreach", "idrm",           "ilseq",        "inprogress",  "intr",
    "inval",          "io",         "isconn",      "isdir",          "loop",         "mfile",       "mlink",
    "msgsize",        "multihop",   "nametoolong", "netdown",        "netreset",     "netunreach",  "nfile",
    "nobufs",         "nodev",      "noent",       "noexec",         "nolck",        "nolink",      "nomem",
    "nomsg",          "noprotoopt", "nospc",       "nosys",          "notconn",      "notdir",      "notempty",
    "notrecoverable", "notsock",    "notsup",      "notty",          "nxio",         "overflow",    "ownerdead",
    "perm",           "pipe",       "proto",       "protonosupport", "prototype",    "range",       "rofs",
    "spipe",          "srch",       "stale",       "timedout",       "txtbsy",       "xdev",        "notcapable"};
enum { ERRNOS = sizeof errnos / sizeof *errnos };

/* "notdir" and "NOTDIR" */
static bool same_name(const char *specified, const char *ours) {
  for (; *specified && *ours; specified++, ours++) {
    char upper = *specified >= 'a' && *specified <= 'z' ? (char)(*specified - 'a' + 'A') : *specified;
    if (upper != *ours) return false;
  }
  return *specified == *ours;
}

static void test_errno_numbers(void **state) {
  static const struct {
    const char *name;
    uint32_t value;
  } ours[] = {
#define ERRNO_ROW(name, number) {#name, WASI_LIGHT_E##name},
      WASI_LIGHT_ERRNO_MAP(ERRNO_ROW)
#undef ERRNO_ROW
  };
  assert_int_equal(ERRNOS, 77);
  assert_int_equal(sizeof ours / sizeof *ours, ERRNOS);
  for (uint32_t i = 0; i < ERRNOS; i++) {
    assert_int_equal(ours[i].value, i);
    assert_true(same_name(errnos[i], ours[i].name));
    assert_true(same_name(errnos[i], wasi_light_errno_name(i)));
  }
  assert_string_equal(wasi_light_errno_name(ERRNOS), "unknown");
  assert_string_equal(wasi_light_errno_name(UINT32_MAX), "unknown");
  assert_string_equal(wasi_light_errno_name(WASI_LIGHT_STOP), "unknown");
}

/* ---- Numbers ----------------------------------------------------------------------------------------------------- */

/* The place of `name` in a list of the specification. */
static int index_of(const char *name, const char *const *list, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(list[i], name) == 0) return (int)i;
  }
  fail_msg("the specification has no %s", name);
  return -1;
}
#define INDEX(name, list) index_of(name, list, sizeof(list) / sizeof *(list))
#define BIT(name, list) (1u << INDEX(name, list))

static void test_enums(void **state) {
  static const char *const clockid[] = {"realtime", "monotonic", "process_cputime_id", "thread_cputime_id"};
  static const char *const filetype[] = {"unknown",      "block_device", "character_device", "directory",
                                         "regular_file", "socket_dgram", "socket_stream",    "symbolic_link"};
  static const char *const eventtype[] = {"clock", "fd_read", "fd_write"};
  assert_int_equal(P1_CLOCK_REALTIME, INDEX("realtime", clockid));
  assert_int_equal(P1_CLOCK_MONOTONIC, INDEX("monotonic", clockid));
  assert_int_equal(P1_CLOCK_PROCESS_CPU, INDEX("process_cputime_id", clockid));
  assert_int_equal(P1_CLOCK_THREAD_CPU, INDEX("thread_cputime_id", clockid));
  assert_int_equal(P1_FILETYPE_UNKNOWN, INDEX("unknown", filetype));
  assert_int_equal(P1_FILETYPE_CHARACTER_DEVICE, INDEX("character_device", filetype));
  assert_int_equal(P1_EVENTTYPE_CLOCK, INDEX("clock", eventtype));
  assert_int_equal(P1_EVENTTYPE_FD_READ, INDEX("fd_read", eventtype));
  assert_int_equal(P1_EVENTTYPE_FD_WRITE, INDEX("fd_write", eventtype));
}

static void test_flags(void **state) {
  static const char *const rights[] = {"fd_datasync",
                                       "fd_read",
                                       "fd_seek",
                                       "fd_fdstat_set_flags",
                                       "fd_sync",
                                       "fd_tell",
                                       "fd_write",
                                       "fd_advise",
                                       "fd_allocate",
                                       "path_create_directory",
                                       "path_create_file",
                                       "path_link_source",
                                       "path_link_target",
                                       "path_open",
                                       "fd_readdir",
                                       "path_readlink",
                                       "path_rename_source",
                                       "path_rename_target",
                                       "path_filestat_get",
                                       "path_filestat_set_size",
                                       "path_filestat_set_times",
                                       "fd_filestat_get",
                                       "fd_filestat_set_size",
                                       "fd_filestat_set_times",
                                       "path_symlink",
                                       "path_remove_directory",
                                       "path_unlink_file",
                                       "poll_fd_readwrite",
                                       "sock_shutdown",
                                       "sock_accept"};
  static const char *const fdflags[] = {"append", "dsync", "nonblock", "rsync", "sync"};
  assert_int_equal(P1_RIGHTS_FD_READ, BIT("fd_read", rights));
  assert_int_equal(P1_RIGHTS_FD_FDSTAT_SET_FLAGS, BIT("fd_fdstat_set_flags", rights));
  assert_int_equal(P1_RIGHTS_FD_WRITE, BIT("fd_write", rights));
  assert_int_equal(P1_RIGHTS_FD_FILESTAT_GET, BIT("fd_filestat_get", rights));
  assert_int_equal(P1_RIGHTS_POLL_FD_READWRITE, BIT("poll_fd_readwrite", rights));
  assert_int_equal(P1_FDFLAGS_APPEND, BIT("append", fdflags));
  assert_int_equal(P1_FDFLAGS_DSYNC, BIT("dsync", fdflags));
  assert_int_equal(P1_FDFLAGS_NONBLOCK, BIT("nonblock", fdflags));
  assert_int_equal(P1_FDFLAGS_RSYNC, BIT("rsync", fdflags));
  assert_int_equal(P1_FDFLAGS_SYNC, BIT("sync", fdflags));
  assert_int_equal(P1_FDFLAGS_ALL, (1u << sizeof fdflags / sizeof *fdflags) - 1);
  assert_int_equal(P1_SUBCLOCKFLAGS_ABSTIME, 1u << 0); /* $subscription_clock_abstime is the only one */
  assert_int_equal(P1_EVENTRWFLAGS_HANGUP, 1u << 0);   /* $fd_readwrite_hangup is the only one */
}

/* ---- Layouts ----------------------------------------------------------------------------------------------------- */

/*
 * The records of typenames.witx, field by field. A witx record is laid out like a C struct whose fields have their
 * natural alignment; 64-bit numbers get it by force, since i386 aligns them to 4.
 */
typedef struct u64_t {
  _Alignas(8) uint64_t value;
} u64_t;

typedef struct iovec_t {
  uint32_t buf, buf_len;
} iovec_t;

typedef struct fdstat_t {
  uint8_t fs_filetype;
  uint16_t fs_flags;
  u64_t fs_rights_base, fs_rights_inheriting;
} fdstat_t;

typedef struct filestat_t {
  u64_t dev, ino;
  uint8_t filetype;
  u64_t nlink, size, atim, mtim, ctim;
} filestat_t;

typedef struct subscription_clock_t {
  uint32_t id;
  u64_t timeout, precision;
  uint16_t flags;
} subscription_clock_t;

/* A union is its tag and then, aligned for the strictest case, the case. */
typedef struct subscription_t {
  u64_t userdata;
  struct {
    uint8_t tag;
    union {
      subscription_clock_t clock;
      uint32_t file_descriptor;
    } u;
  } u;
} subscription_t;

typedef struct event_t {
  u64_t userdata;
  uint16_t error;
  uint8_t type;
  struct {
    u64_t nbytes;
    uint16_t flags;
  } fd_readwrite;
} event_t;

static void test_layouts(void **state) {
  assert_int_equal(P1_IOVEC_SIZE, sizeof(iovec_t));
  assert_int_equal(P1_IOVEC_LEN, offsetof(iovec_t, buf_len));
  assert_int_equal(P1_FDSTAT_SIZE, sizeof(fdstat_t));
  assert_int_equal(P1_FDSTAT_FLAGS, offsetof(fdstat_t, fs_flags));
  assert_int_equal(P1_FDSTAT_RIGHTS_BASE, offsetof(fdstat_t, fs_rights_base));
  assert_int_equal(P1_FDSTAT_RIGHTS_INHERITING, offsetof(fdstat_t, fs_rights_inheriting));
  assert_int_equal(P1_FILESTAT_SIZE, sizeof(filestat_t));
  assert_int_equal(P1_FILESTAT_INO, offsetof(filestat_t, ino));
  assert_int_equal(P1_FILESTAT_FILETYPE, offsetof(filestat_t, filetype));
  assert_int_equal(P1_FILESTAT_NLINK, offsetof(filestat_t, nlink));
  assert_int_equal(P1_SUBSCRIPTION_SIZE, sizeof(subscription_t));
  assert_int_equal(P1_SUBSCRIPTION_TAG, offsetof(subscription_t, u));
  assert_int_equal(P1_SUBSCRIPTION_CLOCK_ID, offsetof(subscription_t, u.u.clock.id));
  assert_int_equal(P1_SUBSCRIPTION_CLOCK_TIMEOUT, offsetof(subscription_t, u.u.clock.timeout));
  assert_int_equal(P1_SUBSCRIPTION_CLOCK_FLAGS, offsetof(subscription_t, u.u.clock.flags));
  assert_int_equal(P1_SUBSCRIPTION_FD, offsetof(subscription_t, u.u.file_descriptor));
  assert_int_equal(P1_EVENT_SIZE, sizeof(event_t));
  assert_int_equal(P1_EVENT_ERROR, offsetof(event_t, error));
  assert_int_equal(P1_EVENT_TYPE, offsetof(event_t, type));
  assert_int_equal(P1_EVENT_NBYTES, offsetof(event_t, fd_readwrite.nbytes));
  assert_int_equal(P1_EVENT_FLAGS, offsetof(event_t, fd_readwrite.flags));
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names_and_signatures),
      cmocka_unit_test(test_every_function_has_a_body_and_a_description),
      cmocka_unit_test(test_parameter_kinds),
      cmocka_unit_test(test_kind_types),
      cmocka_unit_test(test_upper_bits_of_i32_are_ignored),
      cmocka_unit_test(test_errno_numbers),
      cmocka_unit_test(test_enums),
      cmocka_unit_test(test_flags),
      cmocka_unit_test(test_layouts),
  };
  return CORE_RUN(tests, argc, argv);
}
