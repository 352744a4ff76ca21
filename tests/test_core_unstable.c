/* SPDX-License-Identifier: MIT */
/*
 * Snapshot 0, which guests import from "wasi_unstable": its functions, and the three that differ from preview 1's.
 *
 * Source: WebAssembly/WASI, branch wasi-0.1 (fae981bae148), preview0/witx/wasi_unstable.witx, typenames.witx. The
 * signatures were lowered from it mechanically, as those of test_core_table.c from preview 1's.
 */
#include "core_guest.h"
#include "p1_abi.h"

/* ---- The 45 functions -------------------------------------------------------------------------------------------- */

static const struct {
  const char *name, *signature;
} specification[] = {
    {"args_get", "(ii)i"},
    {"args_sizes_get", "(ii)i"},
    {"environ_get", "(ii)i"},
    {"environ_sizes_get", "(ii)i"},
    {"clock_res_get", "(ii)i"},
    {"clock_time_get", "(iIi)i"},
    {"fd_advise", "(iIIi)i"},
    {"fd_allocate", "(iII)i"},
    {"fd_close", "(i)i"},
    {"fd_datasync", "(i)i"},
    {"fd_fdstat_get", "(ii)i"},
    {"fd_fdstat_set_flags", "(ii)i"},
    {"fd_fdstat_set_rights", "(iII)i"},
    {"fd_filestat_get", "(ii)i"},
    {"fd_filestat_set_size", "(iI)i"},
    {"fd_filestat_set_times", "(iIIi)i"},
    {"fd_pread", "(iiiIi)i"},
    {"fd_prestat_get", "(ii)i"},
    {"fd_prestat_dir_name", "(iii)i"},
    {"fd_pwrite", "(iiiIi)i"},
    {"fd_read", "(iiii)i"},
    {"fd_readdir", "(iiiIi)i"},
    {"fd_renumber", "(ii)i"},
    {"fd_seek", "(iIii)i"},
    {"fd_sync", "(i)i"},
    {"fd_tell", "(ii)i"},
    {"fd_write", "(iiii)i"},
    {"path_create_directory", "(iii)i"},
    {"path_filestat_get", "(iiiii)i"},
    {"path_filestat_set_times", "(iiiiIIi)i"},
    {"path_link", "(iiiiiii)i"},
    {"path_open", "(iiiiiIIii)i"},
    {"path_readlink", "(iiiiii)i"},
    {"path_remove_directory", "(iii)i"},
    {"path_rename", "(iiiiii)i"},
    {"path_symlink", "(iiiii)i"},
    {"path_unlink_file", "(iii)i"},
    {"poll_oneoff", "(iiii)i"},
    {"proc_exit", "(i)"},
    {"proc_raise", "(i)i"},
    {"sched_yield", "()i"},
    {"random_get", "(ii)i"},
    {"sock_recv", "(iiiiii)i"},
    {"sock_send", "(iiiii)i"},
    {"sock_shutdown", "(ii)i"},
};
enum { FUNCTIONS = sizeof specification / sizeof *specification };

static void test_names_and_signatures(void **state) {
  assert_int_equal(FUNCTIONS, 45);
  for (size_t i = 0; i < FUNCTIONS; i++) {
    const wasi_light_function_t *function = wasi_light_function("wasi_unstable", specification[i].name);
    assert_non_null(function);
    assert_string_equal(function->name, specification[i].name);
    if (strcmp(function->signature, specification[i].signature) != 0) {
      fail_msg("%s is %s, in the specification %s", function->name, function->signature, specification[i].signature);
    }
    assert_true(strlen(function->doc) > 10);
  }
}

/* Every other function of preview 1 has the same types in both, so that it can be the same function. */
static void test_which_functions_differ(void **state) {
  size_t count, shared = 0;
  const wasi_light_function_t *functions = wasi_light_functions(&count);
  for (size_t i = 0; i < count; i++) {
    const char *name = functions[i].name;
    const wasi_light_function_t *unstable = wasi_light_function("wasi_unstable", name);
    bool differs = strcmp(name, "path_filestat_get") == 0 || strcmp(name, "fd_seek") == 0 ||
                   strcmp(name, "fd_filestat_get") == 0 || strcmp(name, "poll_oneoff") == 0;
    assert_ptr_equal(wasi_light_function("wasi_snapshot_preview1", name), &functions[i]);
    if (strcmp(name, "sock_accept") == 0) {
      assert_null(unstable);
    } else if (differs) {
      assert_non_null(unstable);
      assert_ptr_not_equal(unstable->call, functions[i].call);
    } else {
      assert_ptr_equal(unstable, &functions[i]);
      shared++;
    }
  }
  assert_int_equal(shared, 41);
}

static void test_what_is_not_there(void **state) {
  static const char *const modules[] = {"",      "wasi_unstabl",           "wasi_unstable ",           "wasi_unstable1",
                                        "env",   "wasi_snapshot_preview0", "wasi_snapshot_preview2",   "WASI_UNSTABLE",
                                        "wasi_", "wasi_snapshot_preview",  "wasi_snapshot_preview1\n", "wasi"};
  static const char *const names[] = {"",     "fd_see",      "fd_seek ",   "FD_SEEK",
                                      "seek", "sock_accept", "p0_fd_seek", "sock_"};
  for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
    for (size_t k = 0; k < FUNCTIONS; k++) assert_null(wasi_light_function(modules[i], specification[k].name));
  }
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) assert_null(wasi_light_function("wasi_unstable", names[i]));
}

/* ---- Layouts ----------------------------------------------------------------------------------------------------- */

/* The two records that differ, field by field; see test_core_table.c. */
typedef struct u64_t {
  _Alignas(8) uint64_t value;
} u64_t;

typedef struct filestat_t {
  u64_t dev, ino;
  uint8_t filetype;
  uint32_t nlink;
  u64_t size, atim, mtim, ctim;
} filestat_t;

typedef struct subscription_clock_t {
  u64_t identifier;
  uint32_t id;
  u64_t timeout, precision;
  uint16_t flags;
} subscription_clock_t;

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

enum {
  FILESTAT = sizeof(filestat_t),
  SUBSCRIPTION = sizeof(subscription_t),
  EVENT = 32 /* as preview 1's */
};

static void test_layouts(void **state) {
  assert_int_equal(FILESTAT, 56);
  assert_int_equal(SUBSCRIPTION, 56);
  assert_int_equal(P0_FILESTAT_SIZE, FILESTAT);
  assert_int_equal(P0_FILESTAT_NLINK, offsetof(filestat_t, nlink));
  assert_int_equal(P1_FILESTAT_INO, offsetof(filestat_t, ino));
  assert_int_equal(P1_FILESTAT_FILETYPE, offsetof(filestat_t, filetype));
  assert_int_equal(P0_SUBSCRIPTION_SIZE, SUBSCRIPTION);
  assert_int_equal(P1_SUBSCRIPTION_TAG, offsetof(subscription_t, u));
  assert_int_equal(P1_SUBSCRIPTION_FD, offsetof(subscription_t, u.u.file_descriptor));
  assert_int_equal(P1_SUBSCRIPTION_CLOCK_ID + P0_SUBSCRIPTION_CLOCK_SHIFT, offsetof(subscription_t, u.u.clock.id));
  assert_int_equal(P1_SUBSCRIPTION_CLOCK_TIMEOUT + P0_SUBSCRIPTION_CLOCK_SHIFT,
                   offsetof(subscription_t, u.u.clock.timeout));
  assert_int_equal(P1_SUBSCRIPTION_CLOCK_FLAGS + P0_SUBSCRIPTION_CLOCK_SHIFT,
                   offsetof(subscription_t, u.u.clock.flags));
}

/* ---- A guest ----------------------------------------------------------------------------------------------------- */

static const uint64_t ms = 1000000;
enum { LINES = 16, LINE = 256 };
static char lines[LINES][LINE]; /* of the trace */
static size_t line_count, recorded_size;
static uint8_t recorded[4096];

static void on_trace(void *host, const char *line) {
  assert_true(line_count < LINES);
  snprintf(lines[line_count++], LINE, "%s", line);
}

static void on_record(void *host, const uint8_t *bytes, size_t size) {
  assert_true(size <= sizeof recorded - recorded_size);
  memcpy(recorded + recorded_size, bytes, size);
  recorded_size += size;
}

/* Time that only waiting advances, "abc" on stdin, output that is kept, calls counted. */
static wasi_light_options_t unstable_options(void) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.in = (wasi_light_input_t){WASI_LIGHT_INPUT_BYTES, "abc", 3, NULL};
  options.out = options.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 32};
  options.clock.mode = WASI_LIGHT_CLOCK_VIRTUAL;
  options.clock.start_ns = 1000000 * ms;
  options.sleep.mode = WASI_LIGHT_SLEEP_VIRTUAL;
  options.count_calls = true;
  return options;
}

static void start(core_guest_t *g, size_t size) {
  wasi_light_options_t options = unstable_options();
  core_start(g, &options, size);
}

static uint32_t call0(core_guest_t *g, const char *name, const uint64_t *args) {
  const wasi_light_function_t *function = wasi_light_function("wasi_unstable", name);
  assert_non_null(function);
  return function->call(g->env, args);
}

#define EXPECT0(errno_name, guest, name, ...)                                                              \
  core_expect(WASI_LIGHT_E##errno_name, call0(guest, #name, (const uint64_t[CORE_ARGS_MAX]){__VA_ARGS__}), \
              #name "(" #__VA_ARGS__ ")", __FILE__, __LINE__)

/* ---- fd_filestat_get --------------------------------------------------------------------------------------------- */

/* All 56 bytes, at an odd address, and none beside them. */
static void test_filestat(void **state) {
  enum { AT = 65 };
  const core_range_t written = {AT, FILESTAT};
  core_guest_t g;
  start(&g, 256);
  for (uint32_t fd = 0; fd < 3; fd++) {
    core_fill(&g);
    core_save(&g);
    EXPECT0(SUCCESS, &g, fd_filestat_get, fd, AT);
    core_assert_unchanged_but(&g, &written, 1);
    assert_int_equal(core_get(&g, AT + offsetof(filestat_t, dev), 8), 0);
    assert_int_equal(core_get(&g, AT + offsetof(filestat_t, ino), 8), fd + 1);
    assert_int_equal(core_get(&g, AT + offsetof(filestat_t, filetype), 1), 0);
    assert_int_equal(core_get(&g, AT + offsetof(filestat_t, filetype) + 1, 3), 0);
    assert_int_equal(core_get(&g, AT + offsetof(filestat_t, nlink), 4), 1);
    for (size_t i = offsetof(filestat_t, size); i < FILESTAT; i += 8) assert_int_equal(core_get(&g, AT + i, 8), 0);
  }
  /* Preview 1's writes more, and its link elsewhere. */
  EXPECT(SUCCESS, &g, fd_filestat_get, 1, AT);
  assert_int_equal(core_get(&g, AT + offsetof(filestat_t, nlink), 4), 0);
  core_end(&g);
}

static void test_filestat_of_no_stream(void **state) {
  core_guest_t g;
  start(&g, 256);
  core_save(&g);
  EXPECT0(BADF, &g, fd_filestat_get, 3, 0);
  EXPECT0(BADF, &g, fd_filestat_get, UINT32_MAX, 0);
  EXPECT0(SUCCESS, &g, fd_close, 1);
  EXPECT0(BADF, &g, fd_filestat_get, 1, 0);
  EXPECT0(BADF, &g, fd_filestat_get, 1, UINT32_MAX); /* the descriptor is looked at first */
  core_assert_unchanged(&g);
  core_end(&g);
}

static void test_filestat_at_the_end(void **state) {
  for (size_t size = FILESTAT - 1; size <= FILESTAT + 8; size++) {
    core_guest_t g;
    start(&g, size);
    core_save(&g);
    EXPECT0(FAULT, &g, fd_filestat_get, 0, size - FILESTAT + 1);
    EXPECT0(FAULT, &g, fd_filestat_get, 0, size);
    EXPECT0(FAULT, &g, fd_filestat_get, 0, UINT32_MAX);
    EXPECT0(FAULT, &g, fd_filestat_get, 0, UINT32_MAX - FILESTAT + 1);
    core_assert_unchanged(&g);
    if (size >= FILESTAT) {
      EXPECT0(SUCCESS, &g, fd_filestat_get, 0, size - FILESTAT);
      assert_int_equal(core_get(&g, size - FILESTAT + offsetof(filestat_t, nlink), 4), 1);
      assert_int_equal(core_get(&g, size - 8, 8), 0);
    }
    core_end(&g);
  }
}

/* ---- fd_seek ----------------------------------------------------------------------------------------------------- */

static void test_seek(void **state) {
  core_guest_t g;
  start(&g, 64);
  core_save(&g);
  for (uint32_t whence = 0; whence < 4; whence++) {
    for (uint32_t fd = 0; fd < 3; fd++) EXPECT0(SPIPE, &g, fd_seek, fd, 0, whence, 8);
    EXPECT0(SPIPE, &g, fd_seek, 1, (uint64_t)-5, whence, UINT32_MAX);
    EXPECT0(BADF, &g, fd_seek, 3, 0, whence, 8);
  }
  EXPECT0(SUCCESS, &g, fd_close, 2);
  EXPECT0(BADF, &g, fd_seek, 2, 0, 0, 8);
  core_assert_unchanged(&g);
  core_end(&g);
}

/* ---- poll_oneoff ------------------------------------------------------------------------------------------------- */

enum { CLOCK, FD_READ, FD_WRITE };
enum { REALTIME, MONOTONIC, PROCESS_CPU, THREAD_CPU };
enum { RELATIVE, ABSTIME };
enum { NEVENTS = 8, IN = 64, ROOM = 8, OUT = IN + ROOM * SUBSCRIPTION, MEMORY = OUT + ROOM * EVENT };

#define USERDATA(i) (0xa0b0c0d000000000 + (i))

/* Subscription `i`; what its type does not use is not zero. */
static size_t put_subscription(core_guest_t *g, uint32_t i, uint8_t type) {
  size_t at = IN + (size_t)i * SUBSCRIPTION;
  memset(g->memory + at, 0xee, SUBSCRIPTION);
  core_put(g, at, 8, USERDATA(i));
  core_put(g, at + offsetof(subscription_t, u), 1, type);
  return at;
}

/* The identifier is a number that would do as a clock, so that a wrong offset shows. */
static void put_clock(core_guest_t *g, uint32_t i, uint32_t clock, uint64_t timeout, uint16_t flags) {
  size_t at = put_subscription(g, i, CLOCK);
  core_put(g, at + offsetof(subscription_t, u.u.clock.identifier), 8, 1);
  core_put(g, at + offsetof(subscription_t, u.u.clock.id), 4, clock);
  core_put(g, at + offsetof(subscription_t, u.u.clock.timeout), 8, timeout);
  core_put(g, at + offsetof(subscription_t, u.u.clock.precision), 8, 3 * ms);
  core_put(g, at + offsetof(subscription_t, u.u.clock.flags), 2, flags);
}

static void put_stream(core_guest_t *g, uint32_t i, uint8_t type, uint32_t fd) {
  core_put(g, put_subscription(g, i, type) + offsetof(subscription_t, u.u.file_descriptor), 4, fd);
}

/* Must succeed with so many events, and write nothing else. */
static void poll(core_guest_t *g, uint32_t count, uint32_t events) {
  const core_range_t written[] = {{NEVENTS, 4}, {OUT, (uint64_t)events * EVENT}};
  core_save(g);
  EXPECT0(SUCCESS, g, poll_oneoff, IN, OUT, count, NEVENTS);
  assert_int_equal(core_get(g, NEVENTS, 4), events);
  core_assert_unchanged_but(g, written, 2);
}

/* All of event `e`, which is of subscription `i`. */
static void check_event(const core_guest_t *g, uint32_t e, uint32_t i, uint8_t type, uint16_t error, uint64_t nbytes) {
  size_t at = OUT + (size_t)e * EVENT;
  assert_int_equal(core_get(g, at, 8), USERDATA(i));
  assert_int_equal(core_get(g, at + 8, 2), error);
  assert_int_equal(core_get(g, at + 10, 1), type);
  assert_int_equal(core_get(g, at + 11, 5), 0);
  assert_int_equal(core_get(g, at + 16, 8), nbytes);
  assert_int_equal(core_get(g, at + 24, 8), 0);
}

static uint64_t slept(const core_guest_t *g) {
  return wasi_light_env_usage(g->env).slept_ns;
}

static void test_poll_relative(void **state) {
  for (uint32_t clock = REALTIME; clock <= MONOTONIC; clock++) {
    core_guest_t g;
    start(&g, MEMORY);
    put_clock(&g, 0, clock, 70 * ms, RELATIVE);
    poll(&g, 1, 1);
    check_event(&g, 0, 0, CLOCK, WASI_LIGHT_ESUCCESS, 0);
    assert_int_equal(slept(&g), 70 * ms);
    core_end(&g);
  }
}

static void test_poll_absolute(void **state) {
  core_guest_t g;
  start(&g, MEMORY);
  put_clock(&g, 0, REALTIME, 1000007 * ms, ABSTIME);
  poll(&g, 1, 1);
  assert_int_equal(slept(&g), 7 * ms);
  put_clock(&g, 0, MONOTONIC, 20 * ms + 1, ABSTIME); /* it shows 7 ms and the 1 ns that it began with */
  poll(&g, 1, 1);
  assert_int_equal(slept(&g), 20 * ms);
  put_clock(&g, 0, MONOTONIC, 20 * ms, ABSTIME);
  poll(&g, 1, 1);
  assert_int_equal(slept(&g), 20 * ms);
  check_event(&g, 0, 0, CLOCK, WASI_LIGHT_ESUCCESS, 0);
  core_end(&g);
}

/* The earliest of several has its event, and those that end with it, in their order. */
static void test_poll_several_clocks(void **state) {
  core_guest_t g;
  start(&g, MEMORY);
  put_clock(&g, 0, MONOTONIC, 90 * ms, RELATIVE);
  put_clock(&g, 1, REALTIME, 30 * ms, RELATIVE);
  put_clock(&g, 2, MONOTONIC, 31 * ms, RELATIVE);
  put_clock(&g, 3, REALTIME, 1000030 * ms, ABSTIME);
  poll(&g, 4, 2);
  check_event(&g, 0, 1, CLOCK, WASI_LIGHT_ESUCCESS, 0);
  check_event(&g, 1, 3, CLOCK, WASI_LIGHT_ESUCCESS, 0);
  assert_int_equal(slept(&g), 30 * ms);
  core_end(&g);
}

/* A stream is ready at once, so that a clock beside it has no event. */
static void test_poll_streams(void **state) {
  core_guest_t g;
  start(&g, MEMORY);
  put_stream(&g, 0, FD_WRITE, 2);
  put_clock(&g, 1, MONOTONIC, 30 * ms, RELATIVE);
  put_stream(&g, 2, FD_READ, 0);
  put_stream(&g, 3, FD_WRITE, 1);
  poll(&g, 4, 3);
  check_event(&g, 0, 0, FD_WRITE, WASI_LIGHT_ESUCCESS, 1);
  check_event(&g, 1, 2, FD_READ, WASI_LIGHT_ESUCCESS, 3); /* "abc" */
  check_event(&g, 2, 3, FD_WRITE, WASI_LIGHT_ESUCCESS, 1);
  assert_int_equal(slept(&g), 0);
  core_end(&g);
}

static void test_poll_errors_of_events(void **state) {
  core_guest_t g;
  start(&g, MEMORY);
  EXPECT0(SUCCESS, &g, fd_close, 2);
  put_clock(&g, 0, PROCESS_CPU, 0, RELATIVE);
  put_clock(&g, 1, THREAD_CPU, 0, ABSTIME);
  put_clock(&g, 2, THREAD_CPU + 1, 0, RELATIVE);
  put_clock(&g, 3, MONOTONIC, 0, 2);
  put_stream(&g, 4, FD_READ, 1);
  put_stream(&g, 5, FD_WRITE, 0);
  put_stream(&g, 6, FD_WRITE, 2);
  put_stream(&g, 7, FD_READ, UINT32_MAX);
  poll(&g, 8, 8);
  check_event(&g, 0, 0, CLOCK, WASI_LIGHT_ENOTSUP, 0);
  check_event(&g, 1, 1, CLOCK, WASI_LIGHT_ENOTSUP, 0);
  check_event(&g, 2, 2, CLOCK, WASI_LIGHT_EINVAL, 0);
  check_event(&g, 3, 3, CLOCK, WASI_LIGHT_EINVAL, 0);
  check_event(&g, 4, 4, FD_READ, WASI_LIGHT_EBADF, 0);
  check_event(&g, 5, 5, FD_WRITE, WASI_LIGHT_EBADF, 0);
  check_event(&g, 6, 6, FD_WRITE, WASI_LIGHT_EBADF, 0);
  check_event(&g, 7, 7, FD_READ, WASI_LIGHT_EBADF, 0);
  core_end(&g);
}

static void test_poll_errors_of_the_call(void **state) {
  core_guest_t g;
  start(&g, MEMORY);
  put_clock(&g, 0, MONOTONIC, 0, RELATIVE);
  put_subscription(&g, 1, FD_WRITE + 1);
  core_save(&g);
  EXPECT0(INVAL, &g, poll_oneoff, IN, OUT, 0, NEVENTS);
  EXPECT0(INVAL, &g, poll_oneoff, IN, OUT, 1025, NEVENTS);
  EXPECT0(INVAL, &g, poll_oneoff, IN, OUT, 2, NEVENTS);
  EXPECT0(INVAL, &g, poll_oneoff, IN + SUBSCRIPTION, OUT, 1, NEVENTS);
  core_assert_unchanged(&g);
  core_end(&g);
}

/* Every pointer up to the last byte of memory, and one byte further, with 1 and with 1,024 subscriptions. */
static void test_poll_at_the_end(void **state) {
  static const uint32_t counts[] = {1, 2, 1024};
  enum { SIZE = 1024 * SUBSCRIPTION + 1024 * EVENT + 16 };
  for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
    uint32_t count = counts[c];
    uint32_t in = SIZE - count * SUBSCRIPTION;
    uint32_t out = SIZE - count * EVENT;
    core_guest_t g;
    start(&g, SIZE);
    memset(g.memory, 0, SIZE); /* clocks that are due */
    core_save(&g);
    EXPECT0(FAULT, &g, poll_oneoff, in + 1, 0, count, 0);
    EXPECT0(FAULT, &g, poll_oneoff, in + 8, 0, count, 0);
    EXPECT0(FAULT, &g, poll_oneoff, UINT32_MAX, 0, count, 0);
    EXPECT0(FAULT, &g, poll_oneoff, 0, out + 1, count, 0);
    EXPECT0(FAULT, &g, poll_oneoff, 0, UINT32_MAX, count, 0);
    EXPECT0(FAULT, &g, poll_oneoff, 0, 0, count, SIZE - 3);
    EXPECT0(FAULT, &g, poll_oneoff, 0, 0, count, UINT32_MAX);
    core_assert_unchanged(&g);
    EXPECT0(SUCCESS, &g, poll_oneoff, in, 8, count, 0);
    assert_int_equal(core_get(&g, 0, 4), count);
    memset(g.memory, 0, SIZE);
    EXPECT0(SUCCESS, &g, poll_oneoff, 0, out, count, SIZE - 4);
    assert_int_equal(core_get(&g, SIZE - 4, 4), count);
    core_end(&g);
  }
}

/* Events may be written over the subscriptions, which have been read by then. */
static void test_poll_in_place(void **state) {
  core_guest_t g;
  start(&g, MEMORY);
  put_stream(&g, 0, FD_WRITE, 1);
  put_stream(&g, 1, FD_WRITE, 2);
  put_stream(&g, 2, FD_READ, 0);
  EXPECT0(SUCCESS, &g, poll_oneoff, IN, IN, 3, NEVENTS);
  assert_int_equal(core_get(&g, NEVENTS, 4), 3);
  for (uint32_t i = 0; i < 3; i++) assert_int_equal(core_get(&g, IN + (size_t)i * EVENT, 8), USERDATA(i));
  core_end(&g);
}

static void test_no_memory(void **state) {
  static const char *const names[] = {"poll_oneoff", "fd_filestat_get"};
  wasi_light_outcome_t outcome;
  core_guest_t g;
  start(&g, 64);
  wasi_light_env_set_memory(g.env, NULL, NULL, NULL);
  for (size_t i = 0; i < 2; i++) {
    assert_true(call0(&g, names[i], (const uint64_t[]){1, 0, 1, 0}) >= WASI_LIGHT_STOP);
    assert_true(wasi_light_env_stopped(g.env, &outcome));
    assert_int_equal(outcome.kind, WASI_LIGHT_NO_MEMORY);
    assert_non_null(strstr(outcome.message, names[i]));
  }
  core_end(&g);
}

/* ---- Policy, trace and log --------------------------------------------------------------------------------------- */

/* Rules, limits and counters are for a function's name, wherever it was imported from. */
static void test_rules_and_counters(void **state) {
  const wasi_light_rule_t rules[] = {{"poll_oneoff", WASI_LIGHT_DENY_ERRNO, WASI_LIGHT_ENOSYS, NULL, 0},
                                     {"fd_filestat_get", WASI_LIGHT_ALLOW, 0, NULL, 2}};
  wasi_light_options_t options = unstable_options();
  wasi_light_outcome_t outcome;
  core_guest_t g;
  options.rules = rules;
  options.rule_count = 2;
  core_start(&g, &options, MEMORY);
  core_save(&g);
  EXPECT0(NOSYS, &g, poll_oneoff, IN, OUT, 1, NEVENTS);
  core_assert_unchanged(&g);
  EXPECT0(SPIPE, &g, fd_seek, 1, 0, 0, 0);
  EXPECT(SPIPE, &g, fd_seek, 1, 0, 0, 0);
  EXPECT0(SUCCESS, &g, fd_filestat_get, 1, 0);
  EXPECT(SUCCESS, &g, fd_filestat_get, 1, 0);
  core_expect(WASI_LIGHT_STOP, call0(&g, "fd_filestat_get", (const uint64_t[]){1, 0}), "third", __FILE__, __LINE__);
  assert_true(wasi_light_env_stopped(g.env, &outcome));
  assert_int_equal(outcome.kind, WASI_LIGHT_LIMIT);
  assert_non_null(strstr(outcome.message, "fd_filestat_get"));
  assert_int_equal(wasi_light_env_calls(g.env, "poll_oneoff"), 1);
  assert_int_equal(wasi_light_env_calls(g.env, "fd_seek"), 2);
  assert_int_equal(wasi_light_env_calls(g.env, "fd_filestat_get"), 3);
  assert_int_equal(wasi_light_env_usage(g.env).calls, 6);
  core_end(&g);
}

static void test_trace(void **state) {
  wasi_light_options_t options = unstable_options();
  core_guest_t g;
  options.trace = on_trace;
  line_count = 0;
  core_start(&g, &options, MEMORY);
  EXPECT0(SPIPE, &g, fd_seek, 1, (uint64_t)-5, 0, 8);
  EXPECT0(SPIPE, &g, fd_seek, 1, 5, 2, 8);
  EXPECT0(SUCCESS, &g, fd_filestat_get, 1, MEMORY - FILESTAT);
  EXPECT0(FAULT, &g, fd_filestat_get, 1, MEMORY - FILESTAT + 1);
  put_clock(&g, 0, MONOTONIC, 70 * ms, RELATIVE);
  put_clock(&g, 1, THREAD_CPU, 9, ABSTIME);
  put_stream(&g, 2, FD_READ, 3);
  EXPECT0(SUCCESS, &g, poll_oneoff, IN, OUT, 3, NEVENTS);
  EXPECT0(FAULT, &g, poll_oneoff, MEMORY - SUBSCRIPTION + 1, OUT, 1, NEVENTS);
  assert_int_equal(line_count, 6);
  assert_string_equal(lines[0], "fd_seek(1, -5, cur) = spipe");
  assert_string_equal(lines[1], "fd_seek(1, 5, set) = spipe");
  assert_string_equal(lines[2], "fd_filestat_get(1) = success -> {unknown}");
  assert_string_equal(lines[3], "fd_filestat_get(1, <bad 0x2c9>) = fault");
  assert_string_equal(lines[4],
                      "poll_oneoff([clock(monotonic, 70000000, 0x0), clock(thread_cputime_id, 9, abstime), fd_read(3)],"
                      " 3) = success -> [clock notsup, fd_read badf], 2");
  assert_string_equal(lines[5], "poll_oneoff(<bad 0x2c9>, 1) = fault");
  core_end(&g);
}

/* Three calls of snapshot 0, of which the last two read subscriptions. */
static void play(core_guest_t *g, uint32_t statuses[3]) {
  put_clock(g, 0, MONOTONIC, 70 * ms, RELATIVE);
  statuses[0] = call0(g, "fd_filestat_get", (const uint64_t[]){1, 0});
  statuses[1] = call0(g, "poll_oneoff", (const uint64_t[]){IN, OUT, 1, NEVENTS});
  put_clock(g, 0, MONOTONIC, 71 * ms, RELATIVE);
  statuses[2] = call0(g, "poll_oneoff", (const uint64_t[]){IN, OUT, 1, NEVENTS});
}

static void record(void) {
  wasi_light_options_t options = unstable_options();
  uint32_t statuses[3];
  core_guest_t g;
  options.record = on_record;
  recorded_size = 0;
  core_start(&g, &options, MEMORY);
  play(&g, statuses);
  for (size_t i = 0; i < 3; i++) assert_int_equal(statuses[i], WASI_LIGHT_ESUCCESS);
  core_end(&g);
}

static void replay(core_guest_t *g) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.replay = recorded;
  options.replay_size = recorded_size;
  core_start(g, &options, MEMORY);
}

static void test_replay(void **state) {
  uint32_t statuses[3];
  core_guest_t g;
  record();
  replay(&g);
  play(&g, statuses);
  for (size_t i = 0; i < 3; i++) assert_int_equal(statuses[i], WASI_LIGHT_ESUCCESS);
  assert_int_equal(wasi_light_env_replay_left(g.env), 0);
  assert_int_equal(core_get(&g, offsetof(filestat_t, nlink), 4), 1);
  assert_int_equal(core_get(&g, NEVENTS, 4), 1);
  check_event(&g, 0, 0, CLOCK, WASI_LIGHT_ESUCCESS, 0);
  core_end(&g);
}

static void check_diverged(core_guest_t *g, uint32_t status, const char *message) {
  wasi_light_outcome_t outcome;
  assert_true(status >= WASI_LIGHT_STOP);
  assert_true(wasi_light_env_stopped(g->env, &outcome));
  assert_int_equal(outcome.kind, WASI_LIGHT_DIVERGED);
  if (!strstr(outcome.message, message)) fail_msg("\"%s\", expected \"%s\"", outcome.message, message);
}

/* All 56 bytes of a subscription are compared; and preview 1's function of the same name is another one. */
static void test_replay_that_diverges(void **state) {
  static const size_t fields[] = {0, offsetof(subscription_t, u.u.clock.identifier),
                                  offsetof(subscription_t, u.u.clock.flags), SUBSCRIPTION - 1};
  core_guest_t g;
  record();
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    replay(&g);
    put_clock(&g, 0, MONOTONIC, 70 * ms, RELATIVE);
    g.memory[IN + fields[i]] ^= 1;
    EXPECT0(SUCCESS, &g, fd_filestat_get, 1, 0);
    check_diverged(&g, call0(&g, "poll_oneoff", (const uint64_t[]){IN, OUT, 1, NEVENTS}),
                   "call 2, wasi_unstable.poll_oneoff(");
    core_end(&g);
  }
  replay(&g);
  check_diverged(&g, CALL(&g, fd_filestat_get, 1, 0), "call 1 is fd_filestat_get(1, 0)");
  core_end(&g);
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names_and_signatures),
      cmocka_unit_test(test_which_functions_differ),
      cmocka_unit_test(test_what_is_not_there),
      cmocka_unit_test(test_layouts),
      cmocka_unit_test(test_filestat),
      cmocka_unit_test(test_filestat_of_no_stream),
      cmocka_unit_test(test_filestat_at_the_end),
      cmocka_unit_test(test_seek),
      cmocka_unit_test(test_poll_relative),
      cmocka_unit_test(test_poll_absolute),
      cmocka_unit_test(test_poll_several_clocks),
      cmocka_unit_test(test_poll_streams),
      cmocka_unit_test(test_poll_errors_of_events),
      cmocka_unit_test(test_poll_errors_of_the_call),
      cmocka_unit_test(test_poll_at_the_end),
      cmocka_unit_test(test_poll_in_place),
      cmocka_unit_test(test_no_memory),
      cmocka_unit_test(test_rules_and_counters),
      cmocka_unit_test(test_trace),
      cmocka_unit_test(test_replay),
      cmocka_unit_test(test_replay_that_diverges),
  };
  return CORE_RUN(tests, argc, argv);
}
