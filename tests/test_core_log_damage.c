/* SPDX-License-Identifier: MIT */
/*
 * Logs that do not fit the run: of another guest, or damaged in any way. The first difference stops the guest, before
 * its memory is touched; and no byte of a log, whoever wrote it, makes a replay reach outside it or outside memory.
 */
#include "core_trail.h"

enum { AT = 512, HEADER = 8, UNKNOWN_MAX = 76 };

static wasi_light_options_t recorded(void) {
  wasi_light_options_t options = core_row_options();
  options.clock = (wasi_light_clock_t){.mode = WASI_LIGHT_CLOCK_STEPPING, .start_ns = 5, .step_ns = 1000000};
  options.record = core_on_record;
  return options;
}

/* The buffer is read to its end, and is bounded. */
static void on_line(void *host, const char *line) {
  assert_in_range(strlen(line), 3, 1023);
}

static wasi_light_options_t replayed(const uint8_t *log, size_t size) {
  wasi_light_options_t options = core_row_options();
  options.trace = on_line;
  options.replay = log;
  options.replay_size = size;
  return options;
}

static void start_replay(core_trail_t *t, const uint8_t *log, size_t size) {
  wasi_light_options_t options = replayed(log, size);
  core_trail_start(t, &options, CORE_MEMORY);
}

/* Records one call. */
static void record_call(core_trail_t *t, unsigned call, const uint64_t args[CORE_ARGS_MAX]) {
  wasi_light_options_t options = recorded();
  core_trail_start(t, &options, CORE_MEMORY);
  core_step(t, call, args);
}

/* The call must diverge with these words in the message, and change nothing in memory. */
static void expect_diverged(core_trail_t *t, unsigned call, const uint64_t args[CORE_ARGS_MAX], const char *message) {
  wasi_light_outcome_t outcome;
  core_save(&t->guest);
  uint32_t status = core_do(&t->guest, call, args);
  core_assert_unchanged(&t->guest);
  assert_true(status >= WASI_LIGHT_STOP);
  assert_true(wasi_light_env_stopped(t->guest.env, &outcome));
  assert_int_equal(outcome.kind, WASI_LIGHT_DIVERGED);
  if (strcmp(outcome.message, message) != 0) fail_msg("\"%s\", expected \"%s\"", outcome.message, message);
  assert_false(wasi_light_env_stopped(t->guest.env, &outcome)); /* it is reported once */
}

/* "fd_close(1)", without the upper bits of what is an i32 */
static void call_text(char text[256], unsigned call, const uint64_t args[CORE_ARGS_MAX]) {
  const core_row_t *row = core_row(call);
  sprintf(text, "%s%s(", call < CORE_ROWS ? "" : "wasi_unstable.", row->name);
  for (unsigned i = 0; i < row->params; i++) {
    int kind = row->kind[i];
    bool wide = kind >= CORE_TIME && kind <= CORE_RIGHTS;
    sprintf(text + strlen(text), "%s%llu", i > 0 ? ", " : "",
            (unsigned long long)(wide ? args[i] : args[i] & UINT32_MAX));
  }
  sprintf(text + strlen(text), ")");
}

/* ---- Another call ------------------------------------------------------------------------------------------------ */

static void test_another_function(void **state) {
  for (unsigned call = 0; call < CORE_CALLS; call++) {
    unsigned other = (call + 1) % CORE_CALLS;
    uint64_t args[CORE_ARGS_MAX], other_args[CORE_ARGS_MAX];
    char text[2][256], message[600];
    core_trail_t record, replay;
    core_args(call, args);
    core_args(other, other_args);
    record_call(&record, call, args);
    start_replay(&replay, record.log.bytes, record.log.size);
    call_text(text[0], other, other_args);
    call_text(text[1], call, args);
    snprintf(message, sizeof message, "call 1 is %s, the log has %s", text[0], text[1]);
    core_input(&replay.guest, other, other_args);
    expect_diverged(&replay, other, other_args, message);
    core_trail_end(&record);
    core_trail_end(&replay);
  }
}

static void test_another_argument(void **state) {
  for (unsigned call = 0; call < CORE_CALLS; call++) {
    uint64_t args[CORE_ARGS_MAX];
    core_trail_t record;
    core_args(call, args);
    record_call(&record, call, args);
    for (unsigned i = 0; i < core_row(call)->params; i++) {
      for (unsigned bit = 0; bit < 64; bit += 31) {
        uint64_t others[CORE_ARGS_MAX];
        char text[2][256], message[600];
        core_trail_t replay;
        memcpy(others, args, sizeof others);
        others[i] ^= UINT64_C(1) << bit;
        call_text(text[0], call, others);
        call_text(text[1], call, args);
        if (strcmp(text[0], text[1]) == 0) continue; /* an upper bit of an i32: no difference */
        start_replay(&replay, record.log.bytes, record.log.size);
        core_input(&replay.guest, call, args);
        snprintf(message, sizeof message, "call 1 is %s, the log has %s", text[0], text[1]);
        expect_diverged(&replay, call, others, message);
        core_trail_end(&replay);
      }
    }
    core_trail_end(&record);
  }
}

/* Whether the byte is one that the good call reads and the log must know. */
static bool is_read(unsigned call, const uint64_t args[CORE_ARGS_MAX], uint64_t at) {
  const core_row_t *row = core_row(call);
  bool any = false;
  for (unsigned i = 0; i < row->params; i++) {
    int kind = row->kind[i];
    bool reads = kind == CORE_PATH || kind == CORE_IOVECS || kind == CORE_CIOVECS || kind == CORE_SUBSCRIPTIONS ||
                 kind == CORE_SUBSCRIPTIONS0;
    any = any || (reads && at >= args[i] && at - args[i] < core_behind(call, i));
    any = any || (kind == CORE_CIOVECS && at >= CORE_BUFFER && at - CORE_BUFFER < CORE_BUFFER_SIZE);
  }
  return any;
}

/* Every byte of memory changed, one after another: the call diverges if it reads that byte, and else does not. */
static void test_other_bytes_in_memory(void **state) {
  for (unsigned call = 0; call < CORE_CALLS; call++) {
    uint64_t args[CORE_ARGS_MAX];
    char text[256], message[600];
    unsigned read = 0;
    core_trail_t record, replay;
    core_args(call, args);
    record_call(&record, call, args);
    call_text(text, call, args);
    snprintf(message, sizeof message, "call 1, %s, has other bytes in memory than the log", text);
    start_replay(&replay, record.log.bytes, record.log.size);
    for (size_t at = CORE_PLACE(0); at < CORE_MEMORY; at++) {
      wasi_light_env_reset(replay.guest.env);
      core_fill(&replay.guest);
      core_input(&replay.guest, call, args);
      replay.guest.memory[at] ^= 0x10;
      if (is_read(call, args, at)) {
        expect_diverged(&replay, call, args, message);
        read++;
      } else if (core_do(&replay.guest, call, args) > WASI_LIGHT_STOP) {
        fail_msg("%s diverges by byte %zu", text, at);
      }
    }
    bool reads = strstr("fd_pread fd_pwrite fd_read fd_write poll_oneoff sock_recv sock_send", core_row(call)->name) ||
                 strncmp(core_row(call)->name, "path_", 5) == 0;
    assert_int_equal(read > 0, reads);
    core_trail_end(&record);
    core_trail_end(&replay);
  }
}

static void test_the_log_ends(void **state) {
  static const uint64_t args[CORE_ARGS_MAX] = {1};
  core_trail_t record, replay;
  wasi_light_options_t options = recorded();
  core_trail_start(&record, &options, CORE_MEMORY);
  start_replay(&replay, record.log.bytes, HEADER);
  expect_diverged(&replay, core_find("fd_sync"), args, "the log ends before call 1, fd_sync(1)");
  core_trail_end(&replay);
  CALL(&record.guest, fd_sync, 1);
  start_replay(&replay, record.log.bytes, record.log.size);
  EXPECT(INVAL, &replay.guest, fd_sync, 1);
  assert_int_equal(wasi_light_env_replay_left(replay.guest.env), 0);
  expect_diverged(&replay, core_find("sched_yield"), args, "the log ends before call 2, sched_yield()");
  core_trail_end(&replay);
  core_trail_end(&record);
}

/* A difference does not move the log on. */
static void test_after_a_difference(void **state) {
  static const uint64_t args[CORE_ARGS_MAX] = {1};
  core_trail_t record, replay;
  record_call(&record, core_find("fd_sync"), args);
  start_replay(&replay, record.log.bytes, record.log.size);
  expect_diverged(&replay, core_find("fd_tell"), args, "call 1 is fd_tell(1, 0), the log has fd_sync(1)");
  expect_diverged(&replay, core_find("fd_close"), args, "call 2 is fd_close(1), the log has fd_sync(1)");
  assert_int_equal(wasi_light_env_replay_left(replay.guest.env), record.log.size - HEADER);
  core_trail_end(&record);
  core_trail_end(&replay);
}

/* ---- The header -------------------------------------------------------------------------------------------------- */

static void expect_no_config(const void *log, size_t size, wasi_light_record_t record) {
  wasi_light_error_t error;
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.replay = log;
  options.replay_size = size;
  options.record = record;
  assert_null(wasi_light_config_new(&options, &error));
  assert_int_equal(error.code, WASI_LIGHT_ERROR_ARGUMENT);
  assert_non_null(strstr(error.message, record ? "record" : "replay"));
}

static void test_headers(void **state) {
  static const uint8_t good[HEADER] = {'W', 'L', 'O', 'G', 1, 0, 0, 0};
  wasi_light_options_t options = replayed(good, HEADER);
  wasi_light_config_t *config = wasi_light_config_new(&options, NULL);
  assert_non_null(config);
  wasi_light_config_delete(config);
  for (size_t size = 0; size < HEADER; size++) {
    uint8_t *exact = malloc(size + (size == 0));
    memcpy(exact, good, size);
    expect_no_config(exact, size, NULL);
    free(exact);
  }
  for (size_t at = 0; at < HEADER; at++) {
    for (unsigned value = 1; value < 256; value++) {
      uint8_t bytes[HEADER];
      memcpy(bytes, good, HEADER);
      bytes[at] ^= (uint8_t)value;
      expect_no_config(bytes, HEADER, NULL);
    }
  }
  expect_no_config(good, HEADER, core_on_record);
}

/* ---- Damage ------------------------------------------------------------------------------------------------------ */

/* Some calls of everything that answers with bytes, and of what acts in a replay. */
static const char *const names[] = {
    "args_sizes_get",  "args_get",       "environ_sizes_get",
    "environ_get",     "clock_res_get",  "clock_time_get",
    "random_get",      "fd_fdstat_get",  "fd_fdstat_set_flags",
    "fd_filestat_get", "fd_read",        "fd_write",
    "poll_oneoff",     "fd_prestat_get", "path_open",
    "sock_recv",       "sched_yield",    "fd_renumber",
    "fd_write",        "fd_close",       "fd_write",
    "proc_exit",
};
enum { NAMES = sizeof names / sizeof *names };

static void record_run(core_trail_t *t) {
  wasi_light_options_t options = recorded();
  core_trail_start(t, &options, CORE_MEMORY);
  for (size_t i = 0; i < NAMES; i++) {
    uint64_t args[CORE_ARGS_MAX];
    core_args(core_find(names[i]), args);
    if (strcmp(names[i], "fd_renumber") == 0) args[1] = 2;
    core_step(t, core_find(names[i]), args);
  }
}

/* The run is either as good as any, or diverges with its memory untouched; never anything else. */
static void check_run(core_trail_t *t) {
  for (size_t i = 0; i < NAMES; i++) {
    unsigned call = core_find(names[i]);
    wasi_light_outcome_t outcome;
    uint64_t args[CORE_ARGS_MAX];
    core_args(call, args);
    if (strcmp(names[i], "fd_renumber") == 0) args[1] = 2;
    core_input(&t->guest, call, args);
    core_save(&t->guest);
    uint32_t status = core_do(&t->guest, call, args);
    bool stopped = wasi_light_env_stopped(t->guest.env, &outcome);
    assert_int_equal(stopped, status >= WASI_LIGHT_STOP);
    if (!stopped) {
      assert_in_range(status, 0, UNKNOWN_MAX);
      continue;
    }
    if (outcome.kind == WASI_LIGHT_DIVERGED) {
      assert_non_null(strstr(outcome.message, "the log"));
      core_assert_unchanged(&t->guest);
    }
    return;
  }
}

static void check_log(const uint8_t *log, size_t size) {
  core_trail_t t;
  start_replay(&t, log, size);
  check_run(&t);
  core_trail_end(&t);
}

static void test_logs_that_are_cut(void **state) {
  core_trail_t record;
  record_run(&record);
  assert_true(record.log.size > 400);
  for (size_t size = HEADER; size < record.log.size; size++) {
    core_trail_t t;
    start_replay(&t, record.log.bytes, size);
    check_run(&t);
    assert_true(wasi_light_env_replay_left(t.guest.env) <= size - HEADER);
    core_trail_end(&t);
  }
  core_trail_end(&record);
}

static void test_bytes_that_are_changed(void **state) {
  static const uint8_t masks[] = {1, 2, 4, 0x10, 0x40, 0x7f, 0x80, 0xff};
  core_trail_t record;
  record_run(&record);
  for (size_t at = HEADER; at < record.log.size; at++) {
    for (size_t i = core_under_valgrind() ? sizeof masks - 1 : 0; i < sizeof masks; i++) {
      record.log.bytes[at] ^= masks[i];
      check_log(record.log.bytes, record.log.size);
      record.log.bytes[at] ^= masks[i];
    }
  }
  core_trail_end(&record);
}

static uint32_t next_random(uint32_t *random) {
  *random = *random * 1664525 + 1013904223;
  return *random >> 16;
}

/* After the first bytes of a good log; small bytes are more likely, which are lengths and success. */
static void test_random_bytes(void **state) {
  uint32_t random = 1;
  core_trail_t record;
  record_run(&record);
  for (int round = 0; round < (core_under_valgrind() ? 200 : 4000); round++) {
    uint8_t log[512];
    size_t good = HEADER + next_random(&random) % 300;
    size_t size = good + next_random(&random) % 100;
    memcpy(log, record.log.bytes, good);
    for (size_t i = good; i < size; i++) {
      log[i] = (uint8_t)(next_random(&random) >> (next_random(&random) % 8));
    }
    check_log(log, size);
  }
  core_trail_end(&record);
}

/*
 * A call that failed, in the log a success: with empty ranges, too short ones, too long ones. Its pointers lie where
 * nothing fits.
 */
static void check_success(unsigned call, const uint64_t args[CORE_ARGS_MAX], const core_bytes_t *log, bool memory) {
  static const struct {
    uint8_t bytes[64];
    size_t size;
  } answers[] = {
      {{0}, 0},
      {{0, 0, 0, 0, 0, 0, 0, 0}, 8},
      {{0, 4, 1, 0, 0, 0}, 6},
      {{4, 0xff, 0xff, 0xff, 0xff, 4, 0xff, 0xff, 0xff, 0xff}, 10},
      {{1, 7, 1, 7, 1, 7, 1, 7, 1, 7}, 10},
      {{3, 1, 2, 3, 3, 1, 2, 3, 3, 1, 2, 3, 3, 1, 2, 3}, 16},
      {{0x80, 0x80, 0x80, 0x80, 0x10, 1}, 6},
      {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1}, 11},
      {{32, 1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18,
        19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 4,  1,  0,  0,  0},
       38},
  };
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    core_trail_t t;
    wasi_light_outcome_t outcome;
    core_bytes_t changed = {.bytes = NULL};
    core_append(&changed, log->bytes, log->size - 1);
    core_append(&changed, "", 1); /* success */
    core_append(&changed, answers[i].bytes, answers[i].size);
    start_replay(&t, changed.bytes, changed.size);
    if (!memory) wasi_light_env_set_memory(t.guest.env, NULL, NULL, NULL);
    core_fill(&t.guest);
    core_input(&t.guest, call, args);
    core_do(&t.guest, call, args);
    wasi_light_env_stopped(t.guest.env, &outcome);
    if (outcome.kind != WASI_LIGHT_DIVERGED) assert_int_equal(outcome.kind, WASI_LIGHT_RETURNED);
    core_trail_end(&t);
    free(changed.bytes);
  }
}

static void test_failures_made_successes(void **state) {
  unsigned count = 0;
  for (unsigned call = 0; call < CORE_CALLS; call++) {
    uint64_t args[CORE_ARGS_MAX];
    for (unsigned variant = 0; core_variant(call, variant, CORE_MEMORY, args); variant++) {
      core_trail_t record;
      wasi_light_options_t options = recorded();
      core_trail_start(&record, &options, CORE_MEMORY);
      uint32_t status = core_step(&record, call, args);
      if (status > 0 && status <= UNKNOWN_MAX) {
        check_success(call, args, &record.log, true);
        count++;
      }
      core_trail_end(&record);
    }
  }
  assert_true(count > 300);
}

/* More events than were asked for, more bytes than the buffer has: memory behind is not for this call to write. */
static void test_more_than_there_is_room_for(void **state) {
  static const struct {
    const char *name;
    uint8_t most; /* of the first range */
  } calls[] = {{"poll_oneoff", 64}, {"fd_read", 8}};
  for (size_t i = 0; i < 2; i++) {
    for (uint8_t more = 0; more < 2; more++) {
      static const uint8_t bytes[80];
      uint64_t args[CORE_ARGS_MAX];
      core_trail_t record, t;
      wasi_light_outcome_t outcome;
      wasi_light_rule_t rule = {calls[i].name, WASI_LIGHT_DENY_ERRNO, 1, NULL, 0};
      wasi_light_options_t options = recorded();
      uint8_t size = (uint8_t)(calls[i].most + more);
      unsigned call = core_find(calls[i].name);
      options.rules = &rule;
      options.rule_count = 1;
      core_trail_start(&record, &options, CORE_MEMORY);
      core_args(call, args);
      core_step(&record, call, args);
      record.log.size--; /* its errno */
      core_append(&record.log, "", 1);
      core_append(&record.log, &size, 1);
      core_append(&record.log, bytes, size);
      if (i == 1) core_append(&record.log, "", 1); /* the second buffer */
      core_append(&record.log, "\x04\x01\x00\x00\x00", 5);
      start_replay(&t, record.log.bytes, record.log.size);
      core_input(&t.guest, call, args);
      uint32_t status = core_do(&t.guest, call, args);
      wasi_light_env_stopped(t.guest.env, &outcome);
      assert_int_equal(outcome.kind, more ? WASI_LIGHT_DIVERGED : WASI_LIGHT_RETURNED);
      assert_int_equal(status == WASI_LIGHT_ESUCCESS, !more);
      core_trail_end(&record);
      core_trail_end(&t);
    }
  }
}

/* A stop for want of memory, whose number takes three bytes, or an errno, made a success: there is none to write to. */
static void test_successes_without_memory(void **state) {
  for (unsigned call = 0; call < CORE_CALLS; call++) {
    for (unsigned zero = 0; zero < 2; zero++) {
      uint64_t args[CORE_ARGS_MAX] = {0};
      core_trail_t record;
      wasi_light_options_t options = recorded();
      if (!zero) core_args(call, args);
      core_trail_start(&record, &options, CORE_MEMORY);
      wasi_light_env_set_memory(record.guest.env, NULL, NULL, NULL);
      uint32_t status = core_do(&record.guest, call, args);
      record.log.size -= status >= WASI_LIGHT_STOP ? 2 : 0;
      if (status > 0) check_success(call, args, &record.log, false);
      core_trail_end(&record);
    }
  }
}

/* All arguments as large as a log can have them: what the message says of them is cut. */
static void test_huge_arguments(void **state) {
  static const uint64_t none[CORE_ARGS_MAX] = {0};
  for (unsigned call = 0; call < CORE_CALLS; call++) {
    static const uint8_t header[HEADER] = {'W', 'L', 'O', 'G', 1};
    wasi_light_outcome_t outcome;
    core_bytes_t log = {.bytes = NULL};
    core_trail_t t;
    uint8_t row = (uint8_t)call;
    core_append(&log, header, HEADER);
    core_append(&log, &row, 1);
    for (unsigned i = 0; i < core_row(call)->params; i++) {
      core_append(&log, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
    }
    core_append(&log, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
    start_replay(&t, log.bytes, log.size);
    unsigned other = call == core_find("fd_sync") ? core_find("fd_tell") : core_find("fd_sync");
    core_do(&t.guest, other, none);
    assert_true(wasi_light_env_stopped(t.guest.env, &outcome));
    assert_int_equal(outcome.kind, WASI_LIGHT_DIVERGED);
    core_trail_end(&t);
    free(log.bytes);
  }
}

/* Status numbers that no call of that name can have. */
static void test_every_status(void **state) {
  for (unsigned call = 0; call < CORE_CALLS; call++) {
    for (uint32_t wanted = 1; wanted < 0x10020; wanted = wanted == 255 ? 0xfff0 : wanted + 1) {
      uint64_t args[CORE_ARGS_MAX];
      core_trail_t record;
      wasi_light_outcome_t outcome;
      core_args(call, args);
      wasi_light_rule_t rule = {core_row(call)->name, WASI_LIGHT_DENY_ERRNO, 1, NULL, 0};
      wasi_light_options_t options = recorded();
      bool exits = call == core_find("proc_exit");
      options.rules = &rule;
      options.rule_count = !exits; /* so that the record ends with a status of one byte */
      core_trail_start(&record, &options, CORE_MEMORY);
      core_step(&record, call, args);
      core_bytes_t log = {.bytes = NULL};
      core_append(&log, record.log.bytes, record.log.size - (exits ? 3 : 1));
      for (uint32_t left = wanted; left > 0; left >>= 7) {
        uint8_t byte = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
        core_append(&log, &byte, 1);
      }
      core_trail_t t;
      start_replay(&t, log.bytes, log.size);
      core_fill(&t.guest);
      core_input(&t.guest, call, args);
      uint32_t status = core_do(&t.guest, call, args);
      bool stopped = wasi_light_env_stopped(t.guest.env, &outcome);
      assert_int_equal(stopped, status >= WASI_LIGHT_STOP);
      bool possible = wanted <= UNKNOWN_MAX ? !exits : wanted >= 0x10000 && wanted < 0x10008;
      if (wanted == WASI_LIGHT_STOP) possible = exits;
      if (possible) assert_int_equal(status, wanted);
      else assert_int_equal(outcome.kind, WASI_LIGHT_DIVERGED);
      core_trail_end(&t);
      core_trail_end(&record);
      free(log.bytes);
    }
  }
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_another_function),
      cmocka_unit_test(test_another_argument),
      cmocka_unit_test(test_other_bytes_in_memory),
      cmocka_unit_test(test_the_log_ends),
      cmocka_unit_test(test_after_a_difference),
      cmocka_unit_test(test_headers),
      cmocka_unit_test(test_logs_that_are_cut),
      cmocka_unit_test(test_bytes_that_are_changed),
      cmocka_unit_test(test_random_bytes),
      cmocka_unit_test(test_failures_made_successes),
      cmocka_unit_test(test_more_than_there_is_room_for),
      cmocka_unit_test(test_successes_without_memory),
      cmocka_unit_test(test_huge_arguments),
      cmocka_unit_test(test_every_status),
  };
  return CORE_RUN(tests, argc, argv);
}
