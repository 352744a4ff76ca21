/* SPDX-License-Identifier: MIT */
/*
 * Runs that are recorded and replayed: with anything else in the configuration the guest sees the same, and the first
 * call that is another one stops it. What a damaged log does is in test_core_log_damage.c.
 */
#include <fcntl.h>
#include <unistd.h>

#include "core_host_fd.h"
#include "core_poll.h"
#include "core_trail.h"
#include "env.h"

enum { MEMORY = 16384, AT = 512, ARRAY = 1024, TEXT = 4096, HEADER = 8 };

/* Real clocks, the system's randomness, arguments, stdin: nothing that a second run would have again. */
static wasi_light_options_t recorded(void) {
  wasi_light_options_t options = core_row_options();
  options.random_seed = NULL;
  options.raise = WASI_LIGHT_RAISE_OUTCOME;
  options.trace = core_on_trace;
  options.record = core_on_record;
  return options;
}

static wasi_light_errno_t no_read(void *host, uint8_t *buffer, size_t size, size_t *got) {
  fail_msg("stdin is asked in a replay");
  return WASI_LIGHT_EIO;
}

static uint64_t no_now(void *host, uint32_t clock) {
  fail_msg("the clock is asked in a replay");
  return 0;
}

static wasi_light_errno_t no_sleep(void *host, uint64_t ns) {
  fail_msg("a replay sleeps");
  return WASI_LIGHT_EIO;
}

static void no_yield(void *host) {
  fail_msg("a replay yields");
}

/* All else than above: asked for anything, it fails the test. */
static wasi_light_options_t replayed(const core_bytes_t *log) {
  static const uint64_t seed = 7;
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.random_seed = &seed;
  options.in = (wasi_light_input_t){.mode = WASI_LIGHT_INPUT_CALLBACK, .read = no_read};
  options.clock = (wasi_light_clock_t){.mode = WASI_LIGHT_CLOCK_CALLBACK, .now = no_now};
  options.sleep = (wasi_light_sleep_options_t){.mode = WASI_LIGHT_SLEEP_CALLBACK, .sleep = no_sleep};
  options.yield = no_yield;
  options.quota = (wasi_light_quota_t){1, 1, 1};
  options.out = options.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = MEMORY};
  options.trace = core_on_trace;
  options.replay = log->bytes;
  options.replay_size = log->size;
  return options;
}

static void start_replay(core_trail_t *replay, const core_trail_t *record) {
  wasi_light_options_t options = replayed(&record->log);
  core_trail_start(replay, &options, record->guest.size);
}

static void assert_same_output(const core_trail_t *a, const core_trail_t *b) {
  for (uint32_t fd = 1; fd <= 2; fd++) {
    size_t sizes[2];
    uint64_t dropped[2];
    const uint8_t *one = wasi_light_env_captured(a->guest.env, fd, &sizes[0], &dropped[0]);
    const uint8_t *two = wasi_light_env_captured(b->guest.env, fd, &sizes[1], &dropped[1]);
    assert_true(sizes[0] + dropped[0] == sizes[1] + dropped[1]);
    assert_memory_equal(one, two, sizes[0]);
  }
}

/* All that the guest and the host see of the two runs is the same, and so are the descriptors. */
static void assert_same_run(const core_trail_t *record, const core_trail_t *replay) {
  const p1_state_t *states[2] = {&record->guest.env->state, &replay->guest.env->state};
  core_assert_same("trace", &record->lines, &replay->lines);
  core_assert_same("status, outcome and memory", &record->steps, &replay->steps);
  assert_int_equal(wasi_light_env_replay_left(replay->guest.env), 0);
  assert_memory_equal(states[0]->stream, states[1]->stream, sizeof states[0]->stream);
  assert_memory_equal(states[0]->fdflags, states[1]->fdflags, sizeof states[0]->fdflags);
  assert_memory_equal(states[0]->rights, states[1]->rights, sizeof states[0]->rights);
  assert_int_equal(wasi_light_env_usage(record->guest.env).calls, wasi_light_env_usage(replay->guest.env).calls);
  assert_int_equal(wasi_light_env_usage(record->guest.env).out_bytes,
                   wasi_light_env_usage(replay->guest.env).out_bytes);
}

/* ---- Every function ---------------------------------------------------------------------------------------------- */

static bool changes_descriptors(unsigned call) {
  return call == core_find("fd_close") || call == core_find("fd_renumber") || call == core_find("proc_exit");
}

/* Where the arguments fit is not the same if the host gives others: the trace shows other pointers as bad. */
static bool depends_on_arguments(unsigned call, const uint64_t args[CORE_ARGS_MAX]) {
  const char *name = core_row(call)->name;
  bool gets = strcmp(name, "args_get") == 0 || strcmp(name, "environ_get") == 0;
  return gets && (args[0] > CORE_MEMORY - 64 || args[1] > CORE_MEMORY - 64);
}

/* All functions with good and hostile arguments, then those that change descriptors, then all again. */
static void run_everything(core_trail_t *trail, bool same_arguments) {
  for (int pass = 0; pass < 3; pass++) {
    for (unsigned call = 0; call < CORE_CALLS; call++) {
      uint64_t args[CORE_ARGS_MAX];
      if (changes_descriptors(call) != (pass == 1) || call == core_find("proc_exit")) continue;
      for (unsigned variant = 0; core_variant(call, variant, CORE_MEMORY, args); variant++) {
        if (same_arguments || !depends_on_arguments(call, args)) core_step(trail, call, args);
      }
    }
  }
  core_step(trail, core_find("proc_exit"), (const uint64_t[CORE_ARGS_MAX]){42});
  core_step(trail, core_find("sched_yield"), (const uint64_t[CORE_ARGS_MAX]){0});
}

static void check_everything(const wasi_light_options_t *options, bool same_arguments) {
  core_trail_t record, replay;
  core_trail_start(&record, options, CORE_MEMORY);
  run_everything(&record, same_arguments);
  core_assert_stopped(&record.guest, WASI_LIGHT_EXITED, 42);
  wasi_light_options_t other = replayed(&record.log);
  if (same_arguments) {
    other.args = options->args;
    other.env = options->env;
  }
  core_trail_start(&replay, &other, CORE_MEMORY);
  run_everything(&replay, same_arguments);
  assert_same_run(&record, &replay);
  assert_same_output(&record, &replay);
  core_trail_end(&record);
  core_trail_end(&replay);
}

static void test_everything(void **state) {
  static const uint64_t seed = 42;
  wasi_light_options_t options = recorded();
  check_everything(&options, false);
  check_everything(&options, true);
  options.random_seed = &seed;
  options.in.mode = WASI_LIGHT_INPUT_EMPTY;
  options.raise = WASI_LIGHT_RAISE_REFUSED;
  check_everything(&options, false);
}

/* Each function alone: its record begins with its number, which is that of the table. */
static void test_the_number_of_each_function(void **state) {
  for (unsigned call = 0; call < CORE_CALLS; call++) {
    uint64_t args[CORE_ARGS_MAX];
    wasi_light_options_t options = recorded();
    core_trail_t record;
    core_trail_start(&record, &options, CORE_MEMORY);
    core_args(call, args);
    core_step(&record, call, args);
    assert_int_equal(record.log.bytes[HEADER], call);
    core_trail_end(&record);
  }
}

/* What rules and limits did is in the log, and the replay's own do nothing. */
static void run_stops(core_trail_t *t) {
  uint64_t args[CORE_ARGS_MAX];
  static const char *const names[] = {"sched_yield", "fd_sync",    "fd_sync", "fd_write", "fd_write",
                                      "random_get",  "random_get", "fd_tell", "args_get"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    core_args(core_find(names[i]), args);
    core_step(t, core_find(names[i]), args);
  }
  core_step(t, core_find("proc_raise"), (const uint64_t[CORE_ARGS_MAX]){6});
  wasi_light_env_set_memory(t->guest.env, NULL, NULL, NULL);
  core_args(core_find("args_get"), args);
  core_step(t, core_find("args_get"), args);
  core_step(t, core_find("proc_exit"), (const uint64_t[CORE_ARGS_MAX]){3});
}

static void test_stops(void **state) {
  static const wasi_light_rule_t rules[] = {
      {"sched_yield", WASI_LIGHT_DENY_TRAP, 0, NULL, 0},
      {"fd_tell", WASI_LIGHT_DENY_ERRNO, WASI_LIGHT_EPERM, NULL, 0},
      {"fd_sync", WASI_LIGHT_ALLOW, 0, NULL, 1},
  };
  static const wasi_light_rule_t other_rules[] = {{"fd_write", WASI_LIGHT_DENY_TRAP, 0, NULL, 0}};
  wasi_light_options_t options = recorded();
  core_trail_t record, replay;
  options.rules = rules;
  options.rule_count = 3;
  options.quota = (wasi_light_quota_t){0, 20, 20};
  core_trail_start(&record, &options, CORE_MEMORY);
  run_stops(&record);
  const wasi_light_options_t was = recorded();
  options = replayed(&record.log);
  options.args = was.args; /* without memory a range of no bytes is good, and one of some is not */
  options.env = was.env;
  options.rules = other_rules;
  options.rule_count = 1;
  core_trail_start(&replay, &options, CORE_MEMORY);
  run_stops(&replay);
  assert_same_run(&record, &replay);
  assert_same_output(&record, &replay);
  core_trail_end(&record);
  core_trail_end(&replay);
}

/* ---- Sources ----------------------------------------------------------------------------------------------------- */

static wasi_light_errno_t read_some(void *host, uint8_t *buffer, size_t size, size_t *got) {
  static unsigned calls;
  if (++calls % 3 == 0) return WASI_LIGHT_EAGAIN;
  *got = calls % 3 == 1 ? size / 2 : 0;
  memset(buffer, 'a' + (int)(calls % 26), *got);
  return WASI_LIGHT_ESUCCESS;
}

static uint64_t some_time(void *host, uint32_t clock) {
  static uint64_t time;
  return time += 1000003;
}

static wasi_light_errno_t some_sleep(void *host, uint64_t ns) {
  return ns % 2 ? WASI_LIGHT_EINTR : WASI_LIGHT_ESUCCESS;
}

static void run_sources(core_trail_t *t) {
  static const uint64_t poll[CORE_ARGS_MAX] = {IN, OUT, 3, NEVENTS};
  for (unsigned i = 0; i < 7; i++) {
    uint64_t args[CORE_ARGS_MAX];
    core_args(core_find("fd_read"), args);
    core_step(t, core_find("fd_read"), args);
    core_step(t, core_find("clock_time_get"), (const uint64_t[CORE_ARGS_MAX]){i % 2, 0, AT});
    core_step(t, core_find("clock_res_get"), (const uint64_t[CORE_ARGS_MAX]){i % 2, AT});
    core_step(t, core_find("random_get"), (const uint64_t[CORE_ARGS_MAX]){AT, UINT64_C(100) * i});
    core_fill(&t->guest);
    core_put_clock(&t->guest, 0, MONOTONIC, 1000 + i, RELATIVE);
    core_put_stream(&t->guest, 1, FD_WRITE, i % 4);
    core_put_clock(&t->guest, 2, 3, 1000, RELATIVE);
    core_do(&t->guest, core_find("poll_oneoff"), poll);
    core_append(&t->steps, t->guest.memory, t->guest.size);
  }
}

static void test_callbacks_are_not_asked_again(void **state) {
  wasi_light_options_t options = recorded();
  core_trail_t record, replay;
  options.in = (wasi_light_input_t){.mode = WASI_LIGHT_INPUT_CALLBACK, .read = read_some};
  options.clock = (wasi_light_clock_t){.mode = WASI_LIGHT_CLOCK_CALLBACK, .now = some_time};
  options.sleep = (wasi_light_sleep_options_t){.mode = WASI_LIGHT_SLEEP_CALLBACK, .sleep = some_sleep};
  core_trail_start(&record, &options, MEMORY);
  run_sources(&record);
  start_replay(&replay, &record);
  run_sources(&replay);
  assert_same_run(&record, &replay);
  core_trail_end(&record);
  core_trail_end(&replay);
}

/* ---- Output ------------------------------------------------------------------------------------------------------ */

static void put_text(core_trail_t *t) {
  core_put_text(&t->guest, TEXT, "one two three");
  core_put_iovec(&t->guest, ARRAY, TEXT, 4);
  core_put_iovec(&t->guest, ARRAY + 8, TEXT + 4, 4);
  core_put_iovec(&t->guest, ARRAY + 16, TEXT + 8, 5);
}

/* The result lies over the iovecs, or over the bytes to be written. */
static void run_overlaps(core_trail_t *t) {
  static const uint64_t places[] = {ARRAY, ARRAY + 4, ARRAY + 6, ARRAY + 22, TEXT, TEXT + 2, TEXT + 11, AT};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    put_text(t);
    EXPECT(SUCCESS, &t->guest, fd_write, 1 + i % 2, ARRAY, 3, places[i]);
  }
}

static void test_a_result_over_what_is_written(void **state) {
  wasi_light_options_t options = recorded();
  core_trail_t record, replay;
  options.out.capture_size = options.err.capture_size = MEMORY;
  core_trail_start(&record, &options, MEMORY);
  run_overlaps(&record);
  core_assert_captured(&record.guest, 1, "one two threeone two threeone two threeone two three");
  start_replay(&replay, &record);
  run_overlaps(&replay);
  assert_same_run(&record, &replay);
  assert_same_output(&record, &replay);
  core_trail_end(&record);
  core_trail_end(&replay);
}

/* What is written goes where the descriptors point by then. */
static void run_renumbered(core_trail_t *t) {
  put_text(t);
  EXPECT(SUCCESS, &t->guest, fd_fdstat_set_flags, 2, 13);
  EXPECT(INVAL, &t->guest, fd_fdstat_set_flags, 1, 77);
  EXPECT(SUCCESS, &t->guest, fd_renumber, 2, 1);
  EXPECT(SUCCESS, &t->guest, fd_write, 1, ARRAY, 3, AT);
  EXPECT(BADF, &t->guest, fd_write, 2, ARRAY, 3, AT);
  EXPECT(SUCCESS, &t->guest, fd_fdstat_set_rights, 1, P1_RIGHTS_POLL_FD_READWRITE, 0);
  EXPECT(NOTCAPABLE, &t->guest, fd_write, 1, ARRAY, 3, AT);
  EXPECT(SUCCESS, &t->guest, fd_fdstat_get, 1, AT);
  EXPECT(SUCCESS, &t->guest, fd_close, 0);
  EXPECT(BADF, &t->guest, fd_close, 0);
}

static void test_descriptors_carry_over(void **state) {
  wasi_light_options_t options = recorded();
  core_trail_t record, replay;
  core_trail_start(&record, &options, MEMORY);
  run_renumbered(&record);
  start_replay(&replay, &record);
  run_renumbered(&replay);
  assert_same_run(&record, &replay);
  core_assert_captured(&replay.guest, 1, "");
  core_assert_captured(&replay.guest, 2, "one two three");
  assert_int_equal(replay.guest.env->state.fdflags[2], 13);
  core_trail_end(&record);
  core_trail_end(&replay);
}

/* Stops taking in the second buffer, in the first, in the third, not at all. */
static wasi_light_errno_t write_some(void *host, uint32_t fd, const uint8_t *bytes, size_t size) {
  static const char takes[] = "yn" /* 4 bytes */
                              "n"  /* an error */
                              "yyn"
                              "yyy";
  static unsigned calls;
  return takes[calls++] == 'y' ? WASI_LIGHT_ESUCCESS : WASI_LIGHT_EPIPE;
}

static void run_writes(core_trail_t *t, uint32_t expected[4]) {
  for (unsigned i = 0; i < 4; i++) {
    put_text(t);
    uint32_t status = CALL(&t->guest, fd_write, 1, ARRAY, 3, AT);
    uint32_t written = (uint32_t)core_get(&t->guest, AT, 4);
    expected[i] = status == WASI_LIGHT_ESUCCESS ? written : 1000 + status;
  }
}

/* A host that took a part of it: the replay gives that part to a host that would take all. */
static void test_short_writes(void **state) {
  wasi_light_options_t options = recorded();
  uint32_t was[4], is[4];
  core_trail_t record, replay;
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CALLBACK, .write = write_some};
  core_trail_start(&record, &options, MEMORY);
  run_writes(&record, was);
  assert_memory_equal(was, ((const uint32_t[]){4, 1000 + WASI_LIGHT_EPIPE, 8, 13}), sizeof was);
  start_replay(&replay, &record);
  run_writes(&replay, is);
  assert_memory_equal(was, is, sizeof was);
  assert_same_run(&record, &replay);
  size_t size;
  wasi_light_env_captured(replay.guest.env, 1, &size, NULL);
  assert_int_equal(size, 4 + 8 + 13);
  core_trail_end(&record);
  core_trail_end(&replay);
}

/* A pipe that is full after a part of it, and then takes nothing. */
static void test_a_full_pipe(void **state) {
  enum { CAPACITY = 4096, SIZE = 10000 };
  static char content[SIZE];
  int ends[2];
  wasi_light_options_t options = recorded();
  core_trail_t record, replay;
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(fcntl(ends[1], F_SETPIPE_SZ, CAPACITY), CAPACITY);
  assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
  options.out.mode = WASI_LIGHT_OUTPUT_INHERIT;
  core_trail_start(&record, &options, MEMORY);
  core_put_iovec(&record.guest, ARRAY, TEXT, SIZE);
  core_fd_replace(1, ends[1]);
  uint32_t first = CALL(&record.guest, fd_write, 1, ARRAY, 1, AT);
  CALL(&record.guest, fd_fdstat_set_flags, 1, P1_FDFLAGS_NONBLOCK);
  uint32_t second = CALL(&record.guest, fd_write, 1, ARRAY, 1, AT);
  core_fd_restore();
  assert_int_equal(first, WASI_LIGHT_ESUCCESS);
  assert_int_equal(second, WASI_LIGHT_EAGAIN);
  uint32_t written = (uint32_t)core_get(&record.guest, AT, 4);
  assert_int_equal(written, CAPACITY);
  assert_int_equal(read(ends[0], content, SIZE), CAPACITY);
  start_replay(&replay, &record);
  core_put_iovec(&replay.guest, ARRAY, TEXT, SIZE);
  EXPECT(SUCCESS, &replay.guest, fd_write, 1, ARRAY, 1, AT);
  EXPECT(SUCCESS, &replay.guest, fd_fdstat_set_flags, 1, P1_FDFLAGS_NONBLOCK);
  EXPECT(AGAIN, &replay.guest, fd_write, 1, ARRAY, 1, AT);
  assert_same_run(&record, &replay);
  size_t size;
  const uint8_t *bytes = wasi_light_env_captured(replay.guest.env, 1, &size, NULL);
  assert_int_equal(size, CAPACITY);
  assert_memory_equal(bytes, content, CAPACITY);
  close(ends[0]);
  close(ends[1]);
  core_trail_end(&record);
  core_trail_end(&replay);
}

typedef struct line_trail_t {
  core_trail_t trail; /* the first: it is the callbacks' host pointer */
  core_bytes_t printed;
} line_trail_t;

static void on_line(void *host, uint32_t fd, const char *line, size_t size, bool continues) {
  line_trail_t *t = host;
  core_append(&t->printed, fd == 1 ? "1 " : "2 ", 2);
  core_append(&t->printed, line, size);
  core_append(&t->printed, continues ? "\\\n" : "\n", continues ? 2 : 1);
}

static void run_lines(core_trail_t *t) {
  core_put_text(&t->guest, TEXT, "one\ntwo \x1b more than fits into one line\nthree");
  core_put_iovec(&t->guest, ARRAY, TEXT, 45);
  EXPECT(SUCCESS, &t->guest, fd_write, 1, ARRAY, 1, AT);
  EXPECT(SUCCESS, &t->guest, fd_write, 2, ARRAY, 1, AT);
  wasi_light_env_flush(t->guest.env);
}

static void test_output_by_lines(void **state) {
  wasi_light_options_t options = recorded();
  line_trail_t record = {.printed = {.bytes = NULL}}, replay = {.printed = {.bytes = NULL}};
  options.out =
      (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_LINES, .line_size = 16, .escape = true, .line = on_line};
  options.err = options.out;
  core_trail_start(&record.trail, &options, MEMORY);
  run_lines(&record.trail);
  wasi_light_options_t again = replayed(&record.trail.log);
  again.out = again.err = options.out;
  core_trail_start(&replay.trail, &again, MEMORY);
  run_lines(&replay.trail);
  assert_true(record.printed.size > 80);
  core_assert_same("lines", &record.printed, &replay.printed);
  assert_same_run(&record.trail, &replay.trail);
  core_trail_end(&record.trail);
  core_trail_end(&replay.trail);
  free(record.printed.bytes);
  free(replay.printed.bytes);
}

/* ---- Logs one after another -------------------------------------------------------------------------------------- */

static void run_random(core_trail_t *t, uint32_t size) {
  core_step(t, core_find("random_get"), (const uint64_t[CORE_ARGS_MAX]){AT, size});
}

/* A reset begins a new log, and in a replay begins with the log anew. */
static void test_reset(void **state) {
  wasi_light_options_t options = recorded();
  core_trail_t record, replay;
  core_trail_start(&record, &options, MEMORY);
  assert_int_equal(record.log.size, HEADER);
  assert_int_equal(wasi_light_env_replay_left(record.guest.env), 0);
  run_random(&record, 16);
  size_t first = record.log.size;
  wasi_light_env_reset(record.guest.env);
  run_random(&record, 16);
  assert_int_equal(record.log.size, 2 * first);
  assert_memory_equal(record.log.bytes, record.log.bytes + first, HEADER + 4);
  for (int i = 0; i < 2; i++) { /* each of the two, twice */
    core_bytes_t log = {record.log.bytes + (i == 0 ? 0 : first), first, 0};
    core_bytes_t half = {record.steps.bytes + (i == 0 ? 0 : record.steps.size / 2), record.steps.size / 2, 0};
    options = replayed(&log);
    core_trail_start(&replay, &options, MEMORY);
    for (int round = 0; round < 2; round++) {
      assert_int_equal(wasi_light_env_replay_left(replay.guest.env), first - HEADER);
      replay.steps.size = 0;
      run_random(&replay, 16);
      core_assert_same("steps", &half, &replay.steps);
      wasi_light_env_reset(replay.guest.env);
    }
    core_trail_end(&replay);
  }
  core_trail_end(&record);
}

/* What a pool does: the log of the second lease is what was recorded before the snapshot, and the lease's own. */
static void test_save_and_restore(void **state) {
  wasi_light_options_t options = recorded();
  wasi_light__env_state_t saved;
  core_bytes_t log = {.bytes = NULL};
  core_trail_t record, replay;
  core_trail_start(&record, &options, MEMORY);
  run_random(&record, 16);
  assert_true(wasi_light__env_save(record.guest.env, &saved));
  core_append(&log, record.log.bytes, record.log.size);
  run_random(&record, 3); /* the first lease */
  wasi_light__env_restore(record.guest.env, &saved);
  size_t second = record.log.size;
  size_t steps = record.steps.size;
  run_random(&record, 5);
  core_append(&log, record.log.bytes + second, record.log.size - second);
  wasi_light__env_state_free(&saved);

  options = replayed(&log);
  core_trail_start(&replay, &options, MEMORY);
  run_random(&replay, 16);
  assert_true(wasi_light__env_save(replay.guest.env, &saved));
  for (int lease = 0; lease < 2; lease++) { /* a pool that replays goes back in the log */
    replay.steps.size = 0;
    run_random(&replay, 5);
    assert_int_equal(wasi_light_env_replay_left(replay.guest.env), 0);
    const core_bytes_t expected = {record.steps.bytes + steps, record.steps.size - steps, 0};
    core_assert_same("steps", &expected, &replay.steps);
    wasi_light__env_restore(replay.guest.env, &saved);
  }
  wasi_light__env_state_free(&saved);
  free(log.bytes);
  core_trail_end(&record);
  core_trail_end(&replay);
}

/* ---- The format -------------------------------------------------------------------------------------------------- */

/* Computed without this library. A log that comes out otherwise needs another version. */
/* clang-format off */
static const uint8_t golden[] = {
    'W', 'L', 'O', 'G', 1, 0, 0, 0, /* the version */
    /* args_get = success, 2 pointers, 7 bytes */
    0, 0x80, 4, 0xc0, 4, 0, 8, 0x40, 2, 0, 0, 0x45, 2, 0, 0, 7, 0x70, 0x72, 0x6f, 0x67, 0, 0x61, 0,
    /* clock_time_get(1, 2^64 - 1) = success, a millisecond and 1 ns */
    5, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0x80, 4, 0, 8, 0x41, 0x42, 0x0f, 0, 0, 0, 0,
    0,
    /* clock_time_get(9, 0) = inval */
    5, 9, 0, 0x80, 4, 0x1c,
    /* fd_read(0, 2 iovecs) = success, "0123", "45", 6 */
    0x14, 0, 0x80, 8, 2, 0x80, 4, 0x83, 0xac, 0x1f, 0x7b, 0xf2, 0xcf, 0xed, 0x28, 0, 4, 0x30, 0x31, 0x32, 0x33,
    2, 0x34, 0x35, 4, 6, 0, 0, 0,
    /* fd_write(1, 2 iovecs) = success, 8 */
    0x1a, 1, 0x80, 8, 2, 0x80, 4, 0x0f, 0x5f, 0x7b, 0x10, 0x12, 0x49, 4, 0xb1, 0, 4, 8, 0, 0, 0,
    /* path_unlink_file(1, 4 bytes) = notdir */
    0x24, 1, 0x80, 0x20, 4, 0xef, 0xe2, 0x8a, 0xa1, 0xa2, 0x40, 0x4f, 0xc9, 0x36,
    /* snapshot 0's fd_filestat_get(1) = success */
    0x2e, 1, 0x80, 4, 0, 0x38, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    /* proc_raise(6) = stopped */
    0x27, 6, 0x87, 0x80, 4,
    /* proc_exit(300) = stopped */
    0x26, 0xac, 2, 0x80, 0x80, 4,
};
/* clang-format on */

static void run_golden(core_trail_t *t) {
  EXPECT(SUCCESS, &t->guest, args_get, AT, AT + 64);
  EXPECT(SUCCESS, &t->guest, clock_time_get, 1, UINT64_MAX, AT);
  EXPECT(INVAL, &t->guest, clock_time_get, 9, 0, AT);
  put_text(t);
  EXPECT(SUCCESS, &t->guest, fd_read, 0, ARRAY, 2, AT);
  EXPECT(SUCCESS, &t->guest, fd_write, 1, ARRAY, 2, AT);
  EXPECT(NOTDIR, &t->guest, path_unlink_file, 1, TEXT, 4);
  assert_int_equal(core_do(&t->guest, CORE_P0_FILESTAT, (const uint64_t[CORE_ARGS_MAX]){1, AT}), 0);
  EXPECT_STOP(&t->guest, proc_raise, 6);
  EXPECT_STOP(&t->guest, proc_exit, 300);
}

static void test_the_format(void **state) {
  const core_bytes_t expected = {(uint8_t *)golden, sizeof golden, 0};
  wasi_light_options_t options = recorded();
  core_trail_t t;
  options.in.bytes = "012345";
  options.in.size = 6;
  options.clock = (wasi_light_clock_t){.mode = WASI_LIGHT_CLOCK_STEPPING, .step_ns = 1000000};
  core_trail_start(&t, &options, MEMORY);
  run_golden(&t);
  core_assert_same("log", &expected, &t.log);
  core_trail_end(&t);
  options = replayed(&expected);
  core_trail_start(&t, &options, MEMORY);
  run_golden(&t);
  assert_int_equal(wasi_light_env_replay_left(t.guest.env), 0);
  core_assert_captured(&t.guest, 1, "012345o ");
  core_assert_stopped(&t.guest, WASI_LIGHT_EXITED, 300);
  core_trail_end(&t);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_everything),
      cmocka_unit_test(test_the_number_of_each_function),
      cmocka_unit_test(test_stops),
      cmocka_unit_test(test_callbacks_are_not_asked_again),
      cmocka_unit_test(test_a_result_over_what_is_written),
      cmocka_unit_test(test_descriptors_carry_over),
      cmocka_unit_test_teardown(test_short_writes, core_fd_teardown),
      cmocka_unit_test_teardown(test_a_full_pipe, core_fd_teardown),
      cmocka_unit_test(test_output_by_lines),
      cmocka_unit_test(test_reset),
      cmocka_unit_test(test_save_and_restore),
      cmocka_unit_test(test_the_format),
  };
  return CORE_RUN(tests, argc, argv);
}
