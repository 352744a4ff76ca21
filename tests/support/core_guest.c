/* SPDX-License-Identifier: MIT */
#include "core_guest.h"

#include <fnmatch.h>

#include "core_host_fd.h"

static wasi_light_view_t view_of(void *memory) {
  core_guest_t *guest = memory;
  guest->views++;
  return (wasi_light_view_t){guest->memory, guest->size};
}

void core_start(core_guest_t *guest, const wasi_light_options_t *options, size_t memory_size) {
  const wasi_light_options_t plain = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_error_t error;
  memset(guest, 0, sizeof *guest);
  guest->config = wasi_light_config_new(options ? options : &plain, &error);
  if (!guest->config) fail_msg("wasi_light_config_new: %s", error.message);
  guest->env = wasi_light_env_new(guest->config, guest, &error);
  if (!guest->env) fail_msg("wasi_light_env_new: %s", error.message);
  guest->memory = malloc(memory_size);
  guest->before = malloc(memory_size);
  guest->size = memory_size;
  core_fill(guest);
  wasi_light_env_set_memory(guest->env, guest, view_of, NULL);
}

void core_end(core_guest_t *guest) {
  wasi_light_env_delete(guest->env);
  wasi_light_config_delete(guest->config);
  free(guest->memory);
  free(guest->before);
}

uint32_t core_call(core_guest_t *guest, const char *name, const uint64_t args[CORE_ARGS_MAX]) {
  size_t count;
  const wasi_light_function_t *functions = wasi_light_functions(&count);
  for (size_t i = 0; i < count; i++) {
    if (strcmp(functions[i].name, name) == 0) return functions[i].call(guest->env, args);
  }
  fail_msg("there is no function %s", name);
  return UINT32_MAX;
}

static const char *status_name(uint32_t status) {
  return status >= WASI_LIGHT_STOP ? "a status that stops the guest" : wasi_light_errno_name(status);
}

void core_expect(uint32_t expected, uint32_t status, const char *call, const char *file, int line) {
  if (status >= WASI_LIGHT_STOP ? expected == WASI_LIGHT_STOP : status == expected) return;
  core_fd_restore(); /* the message is for the real stderr */
  print_error("%s gave %s (%u), expected %s\n", call, status_name(status), status, status_name(expected));
  _fail(file, line);
}

static void check_range(const core_guest_t *guest, size_t at, size_t bytes) {
  if (at > guest->size || bytes > guest->size - at) fail_msg("the test leaves its memory: %zu bytes at %zu", bytes, at);
}

void core_put(core_guest_t *guest, size_t at, size_t bytes, uint64_t value) {
  check_range(guest, at, bytes);
  for (size_t i = 0; i < bytes; i++) guest->memory[at + i] = (uint8_t)(value >> 8 * i);
}

uint64_t core_get(const core_guest_t *guest, size_t at, size_t bytes) {
  uint64_t value = 0;
  check_range(guest, at, bytes);
  for (size_t i = 0; i < bytes; i++) value |= (uint64_t)guest->memory[at + i] << 8 * i;
  return value;
}

void core_put_iovec(core_guest_t *guest, size_t at, uint32_t ptr, uint32_t len) {
  core_put(guest, at, 4, ptr);
  core_put(guest, at + 4, 4, len);
}

void core_put_text(core_guest_t *guest, size_t at, const char *text) {
  check_range(guest, at, strlen(text));
  memcpy(guest->memory + at, text, strlen(text));
}

void core_assert_text(const core_guest_t *guest, size_t at, const char *text) {
  check_range(guest, at, strlen(text));
  assert_memory_equal(guest->memory + at, text, strlen(text));
}

void core_fill(core_guest_t *guest) {
  for (size_t i = 0; i < guest->size; i++) guest->memory[i] = (uint8_t)(0x80 | (i * 7 + 1));
}

void core_save(core_guest_t *guest) {
  if (guest->size > 0) memcpy(guest->before, guest->memory, guest->size);
}

void core_assert_unchanged(const core_guest_t *guest) {
  core_assert_unchanged_but(guest, NULL, 0);
}

void core_assert_unchanged_but(const core_guest_t *guest, const core_range_t *ranges, size_t count) {
  for (size_t i = 0; i < guest->size; i++) {
    bool may = false;
    if (guest->memory[i] == guest->before[i]) continue;
    for (size_t k = 0; k < count; k++) may = may || (i >= ranges[k].at && i - ranges[k].at < ranges[k].bytes);
    if (!may) fail_msg("byte %zu of the memory has changed: 0x%02x, was 0x%02x", i, guest->memory[i], guest->before[i]);
  }
}

void core_assert_captured(const core_guest_t *guest, uint32_t fd, const char *text) {
  size_t size = 0;
  const uint8_t *bytes = wasi_light_env_captured(guest->env, fd, &size, NULL);
  assert_non_null(bytes);
  if (size != strlen(text) || memcmp(bytes, text, size) != 0) {
    fail_msg("captured of %u: \"%.*s\", expected \"%s\"", fd, (int)size, (const char *)bytes, text);
  }
}

void core_assert_stopped(const core_guest_t *guest, wasi_light_outcome_kind_t kind, uint32_t exit_code) {
  wasi_light_outcome_t outcome;
  bool stopped = wasi_light_env_stopped(guest->env, &outcome);
  assert_int_equal(stopped, kind != WASI_LIGHT_RETURNED);
  assert_int_equal(outcome.kind, kind);
  assert_int_equal(outcome.exit_code, exit_code);
}

#if defined(__SANITIZE_THREAD__)
#define TSAN true
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TSAN true
#endif
#endif
#ifndef TSAN
#define TSAN false
#endif

/* ThreadSanitizer is the same to the tests: slow, and with system calls and a thread of its own. */
bool core_under_valgrind(void) {
  if (TSAN) return true;
  const char *preload = getenv("LD_PRELOAD");
  return preload && strstr(preload, "vgpreload");
}

int core_run(const char *file, const struct CMUnitTest *tests, size_t count, int argc, char **argv) {
  const char *pattern = argc > 1 ? argv[1] : "*";
  size_t matching = 0;
  for (size_t i = 0; i < count; i++) matching += fnmatch(pattern, tests[i].name, 0) == 0;
  if (matching == 0) {
    fprintf(stderr, "%s: no test is named %s\n", file, pattern);
    return 2;
  }
  cmocka_set_test_filter(pattern);
  return _cmocka_run_group_tests(file, tests, count, NULL, NULL);
}
