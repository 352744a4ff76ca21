/* SPDX-License-Identifier: MIT */
/*
 * The real guests of guests/built: plug-ins in six languages with one set of exports (guests/README.md), all held
 * against one table, and a command with its verbs. Each plug-in is compiled once and has a test of its own name.
 */
#include <inttypes.h>
#include <time.h>

#include "wasm_rig.h"

enum { OUTPUT = 16384, STILL = 10000 };

/* What differs from language to language. */
typedef struct guest_t {
  const char *file;
  const char *language;
  wasi_light_module_kind_t kind;
  const char *random;  /* the first 8 bytes of seed 42; NULL: the guest has drawn some before */
  int64_t granularity; /* of now(), in nanoseconds */
  int32_t open_file;   /* what it returns */
  const char *crash;   /* what crash() prints on stderr */
  bool crash_exits;    /* with 255; else it traps */
  uint32_t quit_300;   /* the exit code of quit(300) */
} guest_t;

/* ChaCha20, key 42 and 24 zero bytes, nonce 0, counter 0: computed with another implementation. */
#define RANDOM_42 "1f76e526510ae36a"
#define NEXT_RANDOM_42 0xb4eb7f595c8b5c62

static const guest_t c_reactor = {"c_reactor", "C", WASI_LIGHT_REACTOR, RANDOM_42, 1, 76, "", false, 300};
static const guest_t cpp_reactor = {"cpp_reactor", "C++", WASI_LIGHT_REACTOR, RANDOM_42, 1000, 76, "", false, 300};
static const guest_t rust_reactor = {"rust_reactor", "Rust", WASI_LIGHT_LIBRARY, RANDOM_42, 1, 2, "panicked at 'crash'",
                                     false,          300};
static const guest_t zig_reactor = {"zig_reactor",  "Zig", WASI_LIGHT_REACTOR, RANDOM_42, 1, 2,
                                    "panic: crash", false, 300 & 0xff};
static const guest_t go_reactor = {"go_reactor", "Go", WASI_LIGHT_REACTOR, NULL, 1, 8, "panic: crash", false, 300};
static const guest_t as_reactor = {
    "as_reactor", "AssemblyScript", WASI_LIGHT_REACTOR, RANDOM_42, 1000000, 8, "crash", true, 300};
/* The same with a start section, which runs the shim's set-up. */
static const guest_t as_start = {"as_start", "AssemblyScript", WASI_LIGHT_LIBRARY, RANDOM_42, 1000000, 8, "crash", true,
                                 300};

/* ---- A guest at work ---- */

static wasi_light_module_t *load(const char *name) {
  wasi_light_error_t error;
  rig_bytes_t bytes = rig_guest(name);
  if (!bytes.data) {
    print_message("skipped: guests/built/%s.wasm is not there; guests/build.sh %s makes it\n", name, name);
    skip();
  }
  wasi_light_module_t *module = wasi_light_module_new(rig_engine(), bytes.data, bytes.size, NULL, NULL, &error);
  if (!module) fail_msg("%s: %s", name, error.message);
  rig_bytes_end(&bytes);
  return module;
}

/* The output to `fd` so far, as a string that the next call overwrites. */
static const char *output(const rig_t *rig, uint32_t fd) {
  static char text[OUTPUT + 1];
  size_t size = 0;
  uint64_t dropped = 1;
  const uint8_t *bytes = wasi_light_env_captured(wasi_light_instance_env(rig->instance), fd, &size, &dropped);
  assert_non_null(bytes);
  assert_int_equal(dropped, 0);
  memcpy(text, bytes, size);
  text[size] = '\0';
  return text;
}

static void start(rig_t *rig, wasi_light_module_t *module, wasi_light_options_t options) {
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = OUTPUT};
  options.err = options.out;
  rig_start_module(rig, wasi_light_module_copy(module), &options, NULL);
}

static const char *const args[] = {"plug-in", "one two", "drei", NULL};
static const char *const env[] = {"KEY=wrong", "KEY1=VALUE1", "KEY2=", NULL};
static const uint64_t seed = 42;
static const int64_t second = 1000000000;

/* The proposal's usage example: arguments, an environment, an hour ahead, a seed. */
static wasi_light_options_t usual(void) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.args = args;
  options.env = env;
  options.clock_offset_ns = 3600 * second;
  options.random_seed = &seed;
  return options;
}

static int64_t host_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * second + now.tv_nsec;
}

static int32_t call_i32(rig_t *rig, const char *name) {
  return rig_call(rig, name, NO_ARGS).of.i32;
}

/* ---- What every plug-in does ---- */

/* Takes the line off `text` that begins with `key`; what follows the key. */
static const char *line_of(const char **text, const char *key) {
  static char line[256];
  size_t size = strcspn(*text, "\n");
  if ((*text)[size] != '\n' || size >= sizeof line || strncmp(*text, key, strlen(key)) != 0) {
    fail_msg("expected a line \"%s...\": %s", key, *text);
  }
  memcpy(line, *text, size);
  line[size] = '\0';
  *text += size + 1;
  return line + strlen(key);
}

/* The six lines of report(); the random bytes are put into `random`. */
static void check_report(rig_t *rig, const guest_t *guest, const char *argv, const char *key1, int64_t offset,
                         char random[17]) {
  int64_t earliest = (host_time() + offset) / second;
  wasi_light_env_clear_captured(wasi_light_instance_env(rig->instance), 1);
  assert_int_equal(call_i32(rig, "report"), 6);
  int64_t latest = (host_time() + offset) / second;
  const char *text = output(rig, 1);
  assert_string_equal(line_of(&text, "language: "), guest->language);
  assert_string_equal(line_of(&text, "args:"), argv);
  assert_string_equal(line_of(&text, "env: "), key1);
  int64_t realtime = strtoll(line_of(&text, "realtime: "), NULL, 10);
  if (offset > INT64_MIN) assert_true(realtime >= earliest && realtime <= latest);
  else assert_int_equal(realtime, 0); /* as far back as the clock goes */
  assert_string_equal(line_of(&text, "monotonic: "), "ok");
  const char *bytes = line_of(&text, "random: ");
  assert_int_equal(strspn(bytes, "0123456789abcdef"), 16);
  assert_int_equal(strlen(bytes), 16);
  memcpy(random, bytes, 17);
  assert_string_equal(text, "");
  assert_string_equal(output(rig, 2), "");
}

static void check_what_it_is_given(wasi_light_module_t *module, const guest_t *guest) {
  char random[17];
  rig_t rig;
  start(&rig, module, usual());
  check_report(&rig, guest, " plug-in one two drei", "VALUE1", 3600 * second, random);
  if (guest->random) assert_string_equal(random, guest->random);
  rig_end(&rig);
}

/* Nothing was given: no arguments, no environment, real clocks, other bytes each time. */
static void check_nothing_given(wasi_light_module_t *module, const guest_t *guest) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  char random[2][17];
  for (int i = 0; i < 2; i++) {
    rig_t rig;
    start(&rig, module, options);
    check_report(&rig, guest, " ", "(unset)", 0, random[i]);
    rig_end(&rig);
  }
  assert_string_not_equal(random[0], random[1]);
}

/* The clock's beginning: no guest dies of it. */
static void check_the_farthest_offset(wasi_light_module_t *module, const guest_t *guest) {
  char random[17];
  wasi_light_options_t options = usual();
  options.clock_offset_ns = INT64_MIN;
  rig_t rig;
  start(&rig, module, options);
  check_report(&rig, guest, " plug-in one two drei", "VALUE1", INT64_MIN, random);
  rig_end(&rig);
}

/* The same seed gives the same bytes, and another others. */
static void check_seeds(wasi_light_module_t *module, const guest_t *guest) {
  static const uint64_t seeds[] = {42, 42, 43};
  int64_t first[3];
  for (int i = 0; i < 3; i++) {
    wasi_light_options_t options = usual();
    options.random_seed = &seeds[i];
    rig_t rig;
    start(&rig, module, options);
    first[i] = rig_call(&rig, "random", NO_ARGS).of.i64;
    int64_t next = rig_call(&rig, "random", NO_ARGS).of.i64;
    assert_true(next != first[i]);
    if (guest->random && i == 0) assert_true((uint64_t)next == NEXT_RANDOM_42);
    rig_end(&rig);
  }
  assert_true(first[0] == first[1]);
  assert_true(first[0] != first[2]);
}

static void check_arithmetic(wasi_light_module_t *module, const guest_t *guest) {
  rig_t rigs[2];
  for (int i = 0; i < 2; i++) start(&rigs[i], module, usual());
  assert_int_equal(wasi_light_module_kind(module), guest->kind);
  assert_int_equal(rig_call(&rigs[0], "add", ARGS(I32(40), I32(2))).of.i32, 42);
  assert_int_equal(rig_call(&rigs[0], "add", ARGS(I32(-40), I32(2))).of.i32, -38);
  assert_int_equal(rig_call(&rigs[0], "add", ARGS(I32(INT32_MAX), I32(1))).of.i32, INT32_MIN);
  for (int i = 1; i <= 3; i++) assert_int_equal(call_i32(&rigs[0], "count"), i);
  assert_int_equal(call_i32(&rigs[1], "count"), 1); /* each has its own */
  assert_int_equal(call_i32(&rigs[0], "count"), 4);
  assert_int_equal(rig_call(&rigs[0], "sum", ARGS(I32(100))).of.i64, 5050);
  assert_int_equal(rig_call(&rigs[0], "sum", ARGS(I32(0))).of.i64, 0);
  for (int i = 0; i < 2; i++) rig_end(&rigs[i]);
}

static void check_now(wasi_light_module_t *module, const guest_t *guest) {
  static const int64_t offsets[] = {3600, 0, -86400};
  for (size_t i = 0; i < COUNT(offsets); i++) {
    rig_t rig;
    wasi_light_options_t options = usual();
    options.clock_offset_ns = offsets[i] * second;
    start(&rig, module, options);
    int64_t earliest = host_time() + offsets[i] * second;
    int64_t now = rig_call(&rig, "now", NO_ARGS).of.i64;
    int64_t latest = host_time() + offsets[i] * second;
    if (now < earliest - guest->granularity || now > latest) {
      fail_msg("now %" PRId64 ", not within %" PRId64 " and %" PRId64, now, earliest, latest);
    }
    assert_int_equal(now % guest->granularity, 0);
    rig_end(&rig);
  }
}

static uint32_t greet(rig_t *rig, const char *name, const char *greeting) {
  char text[64];
  wasi_light_error_t error;
  uint32_t at =
      wasi_light_string_in(rig->instance, wasi_light_module_func(rig->module, "alloc"), name, strlen(name), &error);
  if (at == 0) fail_msg("%s", error.message);
  uint32_t answer = (uint32_t)rig_call(rig, "greet", ARGS(I32((int32_t)at), I32((int32_t)strlen(name)))).of.i32;
  assert_int_equal(wasi_light_string_out(rig->instance, answer, text, sizeof text), strlen(greeting));
  assert_string_equal(text, greeting);
  return at;
}

static void check_strings(wasi_light_module_t *module, const guest_t *guest) {
  rig_t rig;
  start(&rig, module, usual());
  assert_int_equal(rig_call(&rig, "alloc", ARGS(I32(0))).of.i32, 0);
  assert_int_equal(rig_call(&rig, "alloc", ARGS(I32(-1))).of.i32, 0);
  uint32_t first = greet(&rig, "World", "Hello, World!");
  greet(&rig, "", "Hello, !");
  greet(&rig, "W\xc3\xb6rld \xe2\x82\xac", "Hello, W\xc3\xb6rld \xe2\x82\xac!");
  assert_memory_equal(wasi_light_memory(rig.instance, first, 6), "World", 6); /* what was allocated stays */
  rig_end(&rig);
}

/* Memory that has grown is used by the guest, the host and WASI alike. */
static void check_growth(wasi_light_module_t *module, const guest_t *guest) {
  enum { BIG = 6000000 };
  char random[17];
  rig_t rig;
  start(&rig, module, usual());
  assert_null(wasi_light_memory(rig.instance, 0, BIG)); /* not yet */
  uint32_t at = (uint32_t)rig_call(&rig, "alloc", ARGS(I32(BIG))).of.i32;
  assert_int_not_equal(at, 0);
  uint8_t *bytes = wasi_light_memory(rig.instance, at, BIG);
  assert_non_null(bytes);
  memset(bytes, 0x5a, BIG);
  assert_int_equal(rig_call(&rig, "sum", ARGS(I32(200000))).of.i64, 20000100000);
  greet(&rig, "Gro\xc3\x9f", "Hello, Gro\xc3\x9f!");
  check_report(&rig, guest, " plug-in one two drei", "VALUE1", 3600 * second, random);
  bytes = wasi_light_memory(rig.instance, at, BIG);
  for (size_t i = 0; i < BIG; i += 4093) assert_int_equal(bytes[i], 0x5a);
  rig_end(&rig);
}

static void check_sleep(wasi_light_module_t *module, const guest_t *guest) {
  enum { MILLISECONDS = 30 };
  struct timespec before, after;
  rig_t rig;
  start(&rig, module, usual());
  clock_gettime(CLOCK_MONOTONIC, &before);
  int32_t slept = rig_call(&rig, "sleep_ms", ARGS(I32(MILLISECONDS))).of.i32;
  clock_gettime(CLOCK_MONOTONIC, &after);
  int64_t went_by = (after.tv_sec - before.tv_sec) * second + after.tv_nsec - before.tv_nsec;
  assert_true(went_by >= MILLISECONDS * second / 1000);
  assert_in_range(slept, MILLISECONDS, STILL);
  assert_true(went_by < STILL * (second / 1000));
  assert_in_range(rig_call(&rig, "sleep_ms", ARGS(I32(0))).of.i32, 0, STILL);
  rig_end(&rig);
}

static void check_the_end(wasi_light_module_t *module, const guest_t *guest) {
  static const uint32_t codes[] = {0, 7, 300};
  rig_t rig;
  for (size_t i = 0; i < COUNT(codes); i++) {
    start(&rig, module, usual());
    uint32_t code = codes[i] == 300 ? guest->quit_300 : codes[i];
    ASSERT_EXITED(rig_try(&rig, "quit", ARGS(I32((int32_t)codes[i]))), code);
    ASSERT_EXITED(rig_try(&rig, "count", NO_ARGS), code);
    ASSERT_EXITED(rig_try(&rig, "quit", ARGS(I32(1))), code);
    rig_end(&rig);
  }
  start(&rig, module, usual());
  assert_int_equal(call_i32(&rig, "open_file"), guest->open_file);
  wasi_light_outcome_t outcome = rig_try(&rig, "crash", NO_ARGS);
  if (guest->crash_exits) ASSERT_EXITED(outcome, 255);
  else ASSERT_OUTCOME(outcome, TRAPPED, "unreachable");
  ASSERT_CONTAINS(output(&rig, 2), guest->crash);
  if (guest->crash[0] == '\0') assert_string_equal(output(&rig, 2), "");
  rig_end(&rig);
}

static void check_guest(const guest_t *guest) {
  wasi_light_module_t *module = load(guest->file);
  check_what_it_is_given(module, guest);
  check_nothing_given(module, guest);
  check_the_farthest_offset(module, guest);
  check_seeds(module, guest);
  check_arithmetic(module, guest);
  check_now(module, guest);
  check_strings(module, guest);
  check_growth(module, guest);
  check_sleep(module, guest);
  check_the_end(module, guest);
  wasi_light_module_delete(module);
}

static void test_c_reactor(void **state) {
  check_guest(&c_reactor);
}

static void test_cpp_reactor(void **state) {
  check_guest(&cpp_reactor);
}

static void test_rust_reactor(void **state) {
  check_guest(&rust_reactor);
}

static void test_zig_reactor(void **state) {
  check_guest(&zig_reactor);
}

static void test_go_reactor(void **state) {
  check_guest(&go_reactor);
}

static void test_as_reactor(void **state) {
  check_guest(&as_reactor);
}

/* ---- Start sections ---- */

/* It asks for its arguments while it is made, which takes memory. */
static void test_as_start(void **state) {
  check_guest(&as_start);
  rig_t rig;
  wasi_light_module_t *module = load("as_start");
  start(&rig, module, usual());
  assert_int_equal(call_i32(&rig, "started"), 385);
  rig_end(&rig);
  wasi_light_module_delete(module);
}

/* It prints while it is made. */
static void test_as_start_log(void **state) {
  rig_t rig;
  wasi_light_module_t *module = load("as_start_log");
  start(&rig, module, usual());
  assert_string_equal(output(&rig, 1), "hello from the start section\n");
  assert_int_equal(rig_call(&rig, "add", ARGS(I32(1), I32(2))).of.i32, 3);
  rig_end(&rig);
  wasi_light_module_delete(module);
}

/* ---- The command ---- */

typedef struct command_case_t {
  const char *args[5];
  const char *in;
  const char *out, *err;
  int code; /* of the exit; RETURNS: main returned 0; TRAPS */
} command_case_t;
enum { RETURNS = -1, TRAPS = -2 };

static const command_case_t commands[] = {
    {{"c"}, "", "hello from a WASI command\n", "", RETURNS},
    {{"c", "echo", "a b", "", "c"}, "", "a b  c\n", "", RETURNS},
    {{"c", "cat"}, "", "", "", RETURNS},
    {{"c", "cat"}, "one\ntwo\nno newline", "one\ntwo\nno newline", "", RETURNS},
    {{"c", "stderr", "oh dear"}, "", "", "oh dear\n", RETURNS},
    {{"c", "env", "KEY1"}, "", "VALUE1\n", "", RETURNS},
    {{"c", "env", "KEY2"}, "", "\n", "", RETURNS},
    {{"c", "env", "KEY3"}, "", "(unset)\n", "", RETURNS},
    {{"c", "errno"}, "", "fopen: Capabilities insufficient\nerrno: 76\n", "", RETURNS},
    {{"c", "isatty"}, "", "isatty: 0 0 0\n", "", RETURNS},
    {{"c", "exit", "0"}, "", "", "", 0},
    {{"c", "exit", "42"}, "", "", "", 42},
    {{"c", "exit", "256"}, "", "", "", 256},
    {{"c", "return", "0"}, "", "", "", RETURNS},
    {{"c", "return", "9"}, "", "", "", 9},
    {{"c", "abort"}, "", "", "", TRAPS},
    {{"c", "dance"}, "", "", "c: I do not know how to dance (see the comment in c_command.c)\n", 64},
};

static void check_end_of_command(const command_case_t *row, wasi_light_outcome_t outcome) {
  if (row->code == RETURNS) ASSERT_OUTCOME(outcome, RETURNED, "");
  else if (row->code == TRAPS) ASSERT_OUTCOME(outcome, TRAPPED, "unreachable");
  else ASSERT_EXITED(outcome, (uint32_t)row->code);
}

static void test_c_command(void **state) {
  wasi_light_module_t *module = load("c_command");
  assert_int_equal(wasi_light_module_kind(module), WASI_LIGHT_COMMAND);
  for (size_t i = 0; i < COUNT(commands); i++) {
    const command_case_t *row = &commands[i];
    wasi_light_options_t options = usual();
    const char *words[6] = {NULL};
    memcpy(words, row->args, sizeof row->args);
    options.args = words;
    options.in = (wasi_light_input_t){.mode = WASI_LIGHT_INPUT_BYTES, .bytes = row->in, .size = strlen(row->in)};
    rig_t rig;
    start(&rig, module, options);
    check_end_of_command(row,
                         wasi_light_call(rig.instance, wasi_light_module_func(module, "_start"), NO_ARGS, NULL, 0));
    assert_string_equal(output(&rig, 1), row->out);
    assert_string_equal(output(&rig, 2), row->err);
    rig_end(&rig);
  }
  wasi_light_module_delete(module);
}

/* ---- Its standard input ---- */

/* Gives the numbers from 1, a few at a time. */
static wasi_light_errno_t count_up(void *host, uint8_t *buffer, size_t size, size_t *got) {
  unsigned *next = host;
  char line[32];
  *got = 0;
  if (++*next > 100) return WASI_LIGHT_ESUCCESS;
  *got = (size_t)snprintf(line, sizeof line, "%u\n", *next);
  if (*got > size) return WASI_LIGHT_EINVAL;
  memcpy(buffer, line, *got);
  return WASI_LIGHT_ESUCCESS;
}

static wasi_light_errno_t fail_to_read(void *host, uint8_t *buffer, size_t size, size_t *got) {
  return WASI_LIGHT_EIO;
}

static void cat(rig_t *rig, wasi_light_module_t *module, wasi_light_input_t in, void *host) {
  static const char *const words[] = {"c", "cat", NULL};
  wasi_light_options_t options = usual();
  options.args = words;
  options.in = in;
  start(rig, module, options);
  wasi_light_env_set_host(wasi_light_instance_env(rig->instance), host);
}

static void test_standard_input(void **state) {
  static char big[OUTPUT];
  char expected[512] = "";
  unsigned next = 0;
  rig_t rig;
  wasi_light_module_t *module = load("c_command");
  for (size_t i = 0; i < sizeof big; i++) big[i] = (char)(i % 251);
  cat(&rig, module, (wasi_light_input_t){.mode = WASI_LIGHT_INPUT_BYTES, .bytes = big, .size = sizeof big}, NULL);
  ASSERT_OUTCOME(rig_try(&rig, "_start", NO_ARGS), RETURNED, "");
  assert_memory_equal(output(&rig, 1), big, sizeof big); /* all of it, with its zeros */
  rig_end(&rig);

  cat(&rig, module, (wasi_light_input_t){.mode = WASI_LIGHT_INPUT_CALLBACK, .read = count_up}, &next);
  ASSERT_OUTCOME(rig_try(&rig, "_start", NO_ARGS), RETURNED, "");
  for (unsigned i = 1; i <= 100; i++)
    snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%u\n", i);
  assert_string_equal(output(&rig, 1), expected);
  rig_end(&rig);

  cat(&rig, module, (wasi_light_input_t){.mode = WASI_LIGHT_INPUT_CALLBACK, .read = fail_to_read}, NULL);
  ASSERT_EXITED(rig_try(&rig, "_start", NO_ARGS), 1);
  assert_string_equal(output(&rig, 2), "stdin: I/O error\n");
  rig_end(&rig);

  cat(&rig, module, (wasi_light_input_t){.mode = WASI_LIGHT_INPUT_EMPTY}, NULL);
  ASSERT_OUTCOME(rig_try(&rig, "_start", NO_ARGS), RETURNED, "");
  assert_string_equal(output(&rig, 1), "");
  rig_end(&rig);
  wasi_light_module_delete(module);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_c_reactor),      cmocka_unit_test(test_cpp_reactor),  cmocka_unit_test(test_rust_reactor),
    cmocka_unit_test(test_zig_reactor),    cmocka_unit_test(test_go_reactor),   cmocka_unit_test(test_as_reactor),
    cmocka_unit_test(test_as_start),       cmocka_unit_test(test_as_start_log), cmocka_unit_test(test_c_command),
    cmocka_unit_test(test_standard_input),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
