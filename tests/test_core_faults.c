/* SPDX-License-Identifier: MIT */
/*
 * All that the core and the platform ask of the system fails once, in each way that it can, in a script that uses all of
 * wasi_light.h: each run is a process of its own, since some of it is asked for once in a process.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "core_host_fd.h"
#include "env.h"
#include "faults.h"
#include "image.h"

/* ---- A guest without an engine --------------------------------------------------------------------- */

enum { MEMORY = 65536, PAGE = 4096 };

/* Where things lie in it. */
enum { RESULT = 0, IOVEC = 16, SUBSCRIPTIONS = 64, EVENTS = 512, BYTES = 1024, ROOM = 8192 };

static uint8_t memory[MEMORY];
static unsigned released;

static wasi_light_view_t view_of(void *bytes) {
  return (wasi_light_view_t){bytes, MEMORY};
}

static void release(void *bytes) {
  released += bytes == memory;
}

static void put(size_t at, size_t size, uint64_t value) {
  for (size_t i = 0; i < size; i++) memory[at + i] = (uint8_t)(value >> 8 * i);
}

static uint32_t get32(size_t at) {
  return memory[at] | (uint32_t)memory[at + 1] << 8 | (uint32_t)memory[at + 2] << 16 | (uint32_t)memory[at + 3] << 24;
}

static uint64_t get64(size_t at) {
  return get32(at) | (uint64_t)get32(at + 4) << 32;
}

#define ARGS(...) ((const uint64_t[CORE_ARGS_MAX]){__VA_ARGS__})

static uint32_t wasi(wasi_light_env_t *env, const char *name, const uint64_t *args) {
  uint32_t status = 0;
  const wasi_light_function_t *function = NULL;
  LIB(function = wasi_light_function("wasi_snapshot_preview1", name));
  FAULTS_REQUIRE(function, name);
  LIB(status = function->call(env, args));
  return status;
}

/* It succeeds; or it says IO or AGAIN because of the fault, and succeeds the next time. */
static void must(wasi_light_env_t *env, const char *name, const uint64_t *args) {
  faults_expect();
  uint32_t status = wasi(env, name, args);
  if (status != WASI_LIGHT_ESUCCESS) {
    FAULTS_REQUIRE(faults_was_met(), name);
    FAULTS_REQUIRE(status == WASI_LIGHT_EIO || status == WASI_LIGHT_EAGAIN || status == WASI_LIGHT_ENOSPC ||
                       status == WASI_LIGHT_EPIPE,
                   wasi_light_errno_name(status));
    status = wasi(env, name, args);
  }
  FAULTS_REQUIRE(status == WASI_LIGHT_ESUCCESS, name);
}

/* Without its NUL. */
static void put_text(const char *text) {
  for (size_t i = 0; text[i]; i++) memory[BYTES + i] = (uint8_t)text[i];
}

/* All of the text, which may take several writes. */
static void write_text(wasi_light_env_t *env, uint32_t fd, const char *text) {
  size_t size = strlen(text);
  put_text(text);
  for (size_t at = 0; at < size;) {
    put(IOVEC, 4, BYTES + at);
    put(IOVEC + 4, 4, size - at);
    must(env, "fd_write", ARGS(fd, IOVEC, 1, RESULT));
    FAULTS_REQUIRE(get32(RESULT) > 0 && get32(RESULT) <= size - at, "the number of bytes written");
    at += get32(RESULT);
  }
}

static void read_text(wasi_light_env_t *env, const char *text) {
  size_t size = strlen(text);
  for (size_t at = 0; at < size;) {
    put(IOVEC, 4, BYTES + at);
    put(IOVEC + 4, 4, size - at);
    must(env, "fd_read", ARGS(0, IOVEC, 1, RESULT));
    FAULTS_REQUIRE(get32(RESULT) > 0 && get32(RESULT) <= size - at, "the number of bytes read");
    at += get32(RESULT);
  }
  FAULTS_REQUIRE(memcmp(memory + BYTES, text, size) == 0, "what was read");
}

/* ---- The host's streams, clocks and entropy -------------------------------------------------------- */

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void subscribe_clock(uint32_t number, uint64_t timeout) {
  size_t at = SUBSCRIPTIONS + 48 * (size_t)number;
  memset(memory + at, 0, 48);
  put(at + 16, 4, 1);
  put(at + 24, 8, timeout);
}

static void subscribe_stream(uint32_t number, uint32_t fd) {
  size_t at = SUBSCRIPTIONS + 48 * (size_t)number;
  memset(memory + at, 0, 48);
  put(at + 8, 1, fd == 0 ? 1 : 2);
  put(at + 16, 4, fd);
}

static void wait(wasi_light_env_t *env) {
  enum { WAIT = 1000000 };
  uint64_t before = now();
  subscribe_clock(0, WAIT);
  must(env, "poll_oneoff", ARGS(SUBSCRIPTIONS, EVENTS, 1, RESULT));
  FAULTS_REQUIRE(get32(RESULT) == 1 && memory[EVENTS + 8] == 0, "one event, without an error");
  FAULTS_REQUIRE(now() - before >= WAIT, "it came too early");
  FAULTS_REQUIRE(wasi_light_env_usage(env).slept_ns < 1000000000, "what is counted as sleep");
  subscribe_clock(0, UINT64_C(60000000000));
  subscribe_stream(1, 0);
  subscribe_stream(2, 1);
  must(env, "poll_oneoff", ARGS(SUBSCRIPTIONS, EVENTS, 3, RESULT));
  FAULTS_REQUIRE(get32(RESULT) > 0, "an event of a stream");
}

static void read_clocks(wasi_light_env_t *env) {
  for (uint32_t clock = 0; clock < 4; clock++) {
    must(env, "clock_res_get", ARGS(clock, RESULT));
    FAULTS_REQUIRE(get64(RESULT) > 0, "a resolution");
    must(env, "clock_time_get", ARGS(clock, 1, RESULT));
    FAULTS_REQUIRE(clock > 1 || get64(RESULT) > 1000000, "a time");
  }
}

static void draw(wasi_light_env_t *env) {
  static const uint8_t zeros[8];
  memset(memory + BYTES, 0, 320);
  must(env, "random_get", ARGS(BYTES, 8));
  FAULTS_REQUIRE(memcmp(memory + BYTES, zeros, 8) != 0, "random bytes");
  must(env, "random_get", ARGS(BYTES, 320));
  FAULTS_REQUIRE(memcmp(memory + BYTES + 312, zeros, 8) != 0, "random bytes");
}

/* The descriptor is the host's stream from now on; its file is read back with lseek. */
static int replace(int fd, const char *text) {
  int file = memfd_create("stream", 0);
  bool good = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text) && lseek(file, 0, SEEK_SET) == 0;
  FAULTS_REQUIRE(good, "a file");
  core_fd_replace(fd, file);
  return file;
}

static void check_file(int file, const char *text) {
  char found[256] = "";
  ssize_t size = pread(file, found, sizeof found - 1, 0);
  FAULTS_REQUIRE(size == (ssize_t)strlen(text) && strcmp(found, text) == 0, found);
  close(file);
}

static wasi_light_config_t *new_config(const wasi_light_options_t *options) {
  wasi_light_config_t *config = NULL;
  MUST(config = wasi_light_config_new(options, &faults_error));
  return config;
}

static wasi_light_env_t *new_env(wasi_light_config_t *config, void *host) {
  wasi_light_env_t *env = NULL;
  MUST(env = wasi_light_env_new(config, host, &faults_error));
  LIB(wasi_light_env_set_memory(env, memory, view_of, release));
  return env;
}

static void inherited_streams(void) {
  static const char *const args[] = {"guest", "one", NULL};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.args = args;
  options.env = args + 2;
  options.in.mode = WASI_LIGHT_INPUT_INHERIT;
  options.out.mode = WASI_LIGHT_OUTPUT_INHERIT;
  options.err.mode = WASI_LIGHT_OUTPUT_LINES;
  options.err.line_size = 64;
  int in = replace(0, "what the guest reads");
  int out = replace(1, "");
  wasi_light_config_t *config = new_config(&options);
  wasi_light_env_t *env = new_env(config, NULL);
  must(env, "args_get", ARGS(ROOM, BYTES));
  read_clocks(env);
  draw(env);
  wait(env);
  read_text(env, "what the guest reads");
  write_text(env, 1, "what the guest ");
  must(env, "fd_fdstat_get", ARGS(1, BYTES));
  must(env, "fd_fdstat_set_flags", ARGS(1, 4));
  write_text(env, 1, "writes\n");
  must(env, "sched_yield", ARGS(0));
  LIB(wasi_light_env_delete(env));
  LIB(wasi_light_config_delete(config));
  check_file(out, "what the guest writes\n");
  close(in);
}

/* A line that cannot be written is lost, as a printed one is; what the guest is told is not that it went well. */
static void lines(void) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.err.mode = WASI_LIGHT_OUTPUT_LINES;
  options.err.line_size = 64;
  int file = replace(2, "");
  wasi_light_config_t *config = new_config(&options);
  wasi_light_env_t *env = new_env(config, NULL);
  LIB(wasi_light_env_set_prefix(env, "p: "));
  faults_expect();
  put_text("one\n");
  put(IOVEC, 4, BYTES);
  put(IOVEC + 4, 4, 4);
  uint32_t status = wasi(env, "fd_write", ARGS(2, IOVEC, 1, RESULT));
  FAULTS_REQUIRE(status == WASI_LIGHT_ESUCCESS || faults_was_met(), wasi_light_errno_name(status));
  bool lost = status != WASI_LIGHT_ESUCCESS;
  write_text(env, 2, "two\n");
  write_text(env, 2, "three");
  LIB(wasi_light_env_flush(env));
  LIB(wasi_light_env_delete(env));
  LIB(wasi_light_config_delete(config));
  lseek(file, 0, SEEK_SET);
  char found[64] = "";
  FAULTS_REQUIRE(read(file, found, sizeof found - 1) >= 0, "the file");
  if (!faults_met()) FAULTS_REQUIRE(strcmp(found, "p: one\np: two\np: three\n") == 0, found);
  FAULTS_REQUIRE((strstr(found, "p: one\n") == NULL) == lost, found);
  close(file);
}

/* ---- Everything else of the interface -------------------------------------------------------------- */

typedef struct host_t {
  uint8_t log[4096];
  size_t size;
  unsigned lines, bytes, waits, yields;
} host_t;

static void on_record(void *data, const uint8_t *bytes, size_t size) {
  host_t *host = data;
  FAULTS_REQUIRE(size <= sizeof host->log - host->size, "the log");
  memcpy(host->log + host->size, bytes, size);
  host->size += size;
}

static void on_trace(void *data, const char *line) {
  ((host_t *)data)->lines += strlen(line) > 0;
}

static void on_line(void *data, uint32_t fd, const char *line, size_t size, bool continues) {
  ((host_t *)data)->lines += fd == 2 && line[size] == '\0' && !continues;
}

static wasi_light_errno_t on_read(void *data, uint8_t *buffer, size_t size, size_t *got) {
  *got = size < 3 ? size : 3;
  memcpy(buffer, "abc", *got);
  ((host_t *)data)->bytes += (unsigned)*got;
  return WASI_LIGHT_ESUCCESS;
}

static wasi_light_errno_t on_write(void *data, uint32_t fd, const uint8_t *bytes, size_t size) {
  ((host_t *)data)->bytes += (unsigned)size;
  return fd == 1 && bytes ? WASI_LIGHT_ESUCCESS : WASI_LIGHT_EIO;
}

static uint64_t on_now(void *data, uint32_t clock) {
  return ((host_t *)data)->bytes + clock + 5000000;
}

static wasi_light_errno_t on_sleep(void *data, uint64_t ns) {
  ((host_t *)data)->waits += ns > 0;
  return WASI_LIGHT_ESUCCESS;
}

static void on_yield(void *data) {
  ((host_t *)data)->yields++;
}

/* What a recorded guest does. */
static void act(wasi_light_env_t *env) {
  must(env, "args_sizes_get", ARGS(RESULT, RESULT + 4));
  read_text(env, "abc");
  must(env, "random_get", ARGS(BYTES, 16));
  must(env, "clock_time_get", ARGS(0, 1, RESULT));
  subscribe_clock(0, 1000);
  wasi(env, "poll_oneoff", ARGS(SUBSCRIPTIONS, EVENTS, 1, RESULT));
  must(env, "sched_yield", ARGS(0));
  write_text(env, 1, "out");
  write_text(env, 2, "a line\n");
}

static void callbacks_and_logs(void) {
  static const uint64_t seed = 7;
  static const char *const env_strings[] = {"A=1", "B=2", NULL};
  static const wasi_light_rule_t rules[] = {{"proc_raise", WASI_LIGHT_DENY_TRAP, 0, "no signals", 0},
                                            {"fd_write", WASI_LIGHT_ALLOW, 0, NULL, 100}};
  host_t host = {.size = 0};
  wasi_light_outcome_t outcome;
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.env = env_strings;
  options.clock_offset_ns = 100;
  options.random_seed = &seed;
  options.next_random_stream = true;
  options.in = (wasi_light_input_t){WASI_LIGHT_INPUT_CALLBACK, NULL, 0, on_read};
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CALLBACK, .write = on_write};
  options.err =
      (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_LINES, .line_size = 32, .escape = true, .line = on_line};
  options.clock = (wasi_light_clock_t){.mode = WASI_LIGHT_CLOCK_CALLBACK, .resolution_ns = 10, .now = on_now};
  options.sleep = (wasi_light_sleep_options_t){WASI_LIGHT_SLEEP_CALLBACK, 1000000, 5000000, on_sleep};
  options.yield = on_yield;
  options.raise = WASI_LIGHT_RAISE_OUTCOME;
  options.rules = rules;
  options.rule_count = 2;
  options.quota = (wasi_light_quota_t){1000, 1000, 1000};
  options.count_calls = true;
  options.trace = on_trace;
  options.record = on_record;
  wasi_light_config_t *config = new_config(&options);
  wasi_light_env_t *env = new_env(config, &host);
  act(env);
  FAULTS_REQUIRE(host.yields == 1 && host.lines > 8 && host.bytes == 6, "the callbacks");
  FAULTS_REQUIRE(wasi_light_env_calls(env, "random_get") == 1 && wasi_light_env_usage(env).out_bytes == 10, "usage");
  FAULTS_REQUIRE(wasi(env, "proc_raise", ARGS(6)) >= WASI_LIGHT_STOP, "a stop");
  FAULTS_REQUIRE(wasi_light_env_stopped(env, &outcome) && strstr(outcome.message, "no signals"), outcome.message);
  LIB(wasi_light_env_set_random_stream(env, 3));
  LIB(wasi_light_env_reset(env));
  LIB(wasi_light_env_delete(env));
  LIB(wasi_light_config_delete(config));
  options.record = NULL;
  options.replay = host.log;
  options.replay_size = host.size;
  config = new_config(&options);
  host_t second = {.size = 0};
  env = new_env(config, NULL);
  LIB(wasi_light_env_set_host(env, &second));
  FAULTS_REQUIRE(wasi_light_env_host(env) == &second, "the host pointer");
  act(env);
  FAULTS_REQUIRE(second.yields == 0 && second.bytes == 3, "the callbacks of a replay");
  FAULTS_REQUIRE(wasi_light_env_replay_left(env) > 0, "the rest of the log");
  LIB(wasi_light_env_delete(env));
  LIB(wasi_light_config_delete(config));
}

static void captured_output(void) {
  size_t size = 0;
  wasi_light_outcome_t outcome;
  wasi_light__env_state_t saved;
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.in = (wasi_light_input_t){WASI_LIGHT_INPUT_BYTES, "bytes", 5, NULL};
  options.out = options.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 16};
  options.count_calls = true;
  wasi_light_config_t *config = new_config(&options);
  wasi_light_config_t *copy = wasi_light_config_copy(config);
  wasi_light_env_t *env = new_env(copy, NULL);
  FAULTS_REQUIRE(wasi_light_env_bytes(config) > 32, "the size of an environment");
  read_text(env, "bytes");
  write_text(env, 1, "captured");
  write_text(env, 2, "too");
  MUST_QUIETLY(wasi_light__env_save(env, &saved), "malloc"); /* as a pool does */
  LIB(wasi_light_env_clear_captured(env, 1));
  LIB(wasi_light__env_restore(env, &saved));
  LIB(wasi_light__env_state_free(&saved));
  const uint8_t *bytes = wasi_light_env_captured(env, 1, &size, NULL);
  FAULTS_REQUIRE(size == 8 && memcmp(bytes, "captured", 8) == 0, "what is captured");
  wasi(env, "proc_exit", ARGS(3));
  FAULTS_REQUIRE(wasi_light_env_stopped(env, &outcome) && outcome.exit_code == 3, outcome.message);
  size_t count = 0;
  wasi_light_functions(&count);
  FAULTS_REQUIRE(count == 46 && strcmp(wasi_light_version(), WASI_LIGHT_VERSION) == 0, "constants");
  FAULTS_REQUIRE(strcmp(wasi_light_error_name(1), "ARGUMENT") == 0, "names");
  LIB(wasi_light_env_delete(env));
  LIB(wasi_light_config_delete(config));
  LIB(wasi_light_config_delete(copy));
}

/* ---- Images of memory ------------------------------------------------------------------------------ */

static void restore(host_image_t *image, uint8_t *base, host_scanner_t *scanner) {
  for (int round = 0; round < 2; round++) {
    base[5] = 9;
    base[(size_t)3 * PAGE] = 9;
    LIB(host_image_restore(image, base, scanner, 8 * PAGE));
    FAULTS_REQUIRE(memcmp(base, image->bytes, image->size) == 0, "what is put back");
  }
}

static void image_by(host_method_t wanted) {
  enum { SIZE = 8 * PAGE };
  host_image_t image;
  host_scanner_t scanner;
  host_method_t method = HOST_COPY;
  uint8_t *base = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  FAULTS_REQUIRE(base != MAP_FAILED, "memory");
  memset(base + PAGE, 7, 100);
  base[5 * PAGE + 1] = 3;
  LIB(method = host_method(wanted));
  FAULTS_REQUIRE(method <= wanted, "the method");
  MUST_QUIETLY(host_image_new(&image, base, SIZE, method), "malloc");
  FAULTS_REQUIRE(image.method <= method && memcmp(image.bytes, base, SIZE) == 0, "the image");
  LIB(host_scanner_open(&scanner));
  MUST_QUIETLY(host_image_map(&image, base), "mmap");
  LIB(host_image_close(&image));
  restore(&image, base, &scanner);
  LIB(host_zero(base, SIZE));
  if (image.method == HOST_COPY) FAULTS_REQUIRE(base[PAGE] == 0, "zeros");
  LIB(host_scanner_close(&scanner));
  LIB(host_image_delete(&image));
  munmap(base, SIZE);
}

static void image_by_copy(void) {
  image_by(HOST_COPY);
}

static void image_by_copy_on_write(void) {
  image_by(HOST_COW);
}

static void image_by_scan(void) {
  image_by(HOST_SCAN);
}

/* ---- Tests ----------------------------------------------------------------------------------------- */

static void test_inherited_streams(void **state) {
  assert_true(faults_try_forked("inherited streams", inherited_streams, true) > 30);
}

static void test_lines(void **state) {
  assert_true(faults_try_forked("lines", lines, true) > 8);
}

static void test_callbacks_and_logs(void **state) {
  assert_true(faults_try_forked("callbacks and logs", callbacks_and_logs, true) >= 4);
}

static void test_captured_output(void **state) {
  assert_true(faults_try_forked("captured output", captured_output, true) >= 5);
}

static void test_images(void **state) {
  assert_true(faults_try_forked("image by copy", image_by_copy, true) >= 2);
  assert_true(faults_try_forked("image by copy on write", image_by_copy_on_write, true) > 10);
  assert_true(faults_try_forked("image by scan", image_by_scan, true) > 20);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_inherited_streams), cmocka_unit_test(test_lines),  cmocka_unit_test(test_callbacks_and_logs),
    cmocka_unit_test(test_captured_output),   cmocka_unit_test(test_images),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
