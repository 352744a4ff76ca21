/* SPDX-License-Identifier: MIT */
/*
 * A guest without an engine: a configuration, an environment, and a memory that malloc gave at exactly the size asked
 * for, so that AddressSanitizer and valgrind see every stray byte. Also brings in cmocka and what it wants before it.
 *
 * Nothing here uses the library's own loads, stores and layouts: they are what is tested.
 */
#ifndef CORE_GUEST_H
#define CORE_GUEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wasi_light.h"

enum { CORE_ARGS_MAX = 9 }; /* path_open has the most */

typedef struct core_guest_t {
  wasi_light_config_t *config;
  wasi_light_env_t *env;
  uint8_t *memory;
  size_t size;
  uint8_t *before; /* the memory as core_save found it */
  unsigned views;  /* how often a call asked for the memory */
} core_guest_t;

/* `options` NULL: WASI_LIGHT_OPTIONS_INIT. The memory is filled with bytes that are not zero. */
void core_start(core_guest_t *guest, const wasi_light_options_t *options, size_t memory_size);
void core_end(core_guest_t *guest);

/* Calls one of the 46 by name through the public list. A call without arguments is CALL(&guest, name, 0). */
#define CALL(guest, name, ...) core_call(guest, #name, (const uint64_t[CORE_ARGS_MAX]){__VA_ARGS__})
uint32_t core_call(core_guest_t *guest, const char *name, const uint64_t args[CORE_ARGS_MAX]);

/* The call must return the errno, or a status that stops the guest. */
#define EXPECT(errno_name, guest, name, ...) \
  core_expect(WASI_LIGHT_E##errno_name, CALL(guest, name, __VA_ARGS__), #name "(" #__VA_ARGS__ ")", __FILE__, __LINE__)
#define EXPECT_STOP(guest, name, ...) \
  core_expect(WASI_LIGHT_STOP, CALL(guest, name, __VA_ARGS__), #name "(" #__VA_ARGS__ ")", __FILE__, __LINE__)
void core_expect(uint32_t expected, uint32_t status, const char *call, const char *file, int line);

/* Little-endian, at any alignment. A test that leaves the memory fails. */
void core_put(core_guest_t *guest, size_t at, size_t bytes, uint64_t value);
uint64_t core_get(const core_guest_t *guest, size_t at, size_t bytes);
void core_put_iovec(core_guest_t *guest, size_t at, uint32_t ptr, uint32_t len);
void core_put_text(core_guest_t *guest, size_t at, const char *text); /* without its NUL */
void core_assert_text(const core_guest_t *guest, size_t at, const char *text);

/* What may have changed since core_save: `bytes` at `at`. */
typedef struct core_range_t {
  uint64_t at, bytes;
} core_range_t;
void core_fill(core_guest_t *guest);
void core_save(core_guest_t *guest);
void core_assert_unchanged(const core_guest_t *guest);
void core_assert_unchanged_but(const core_guest_t *guest, const core_range_t *ranges, size_t count);

/* What is captured of stream 1 or 2 must be `text`. */
void core_assert_captured(const core_guest_t *guest, uint32_t fd, const char *text);

/* wasi_light_env_stopped must report this. */
void core_assert_stopped(const core_guest_t *guest, wasi_light_outcome_kind_t kind, uint32_t exit_code);

bool core_under_valgrind(void);

/* main: all tests, or those whose name matches the pattern in argv[1]; no match is a failure. */
#define CORE_RUN(tests, argc, argv) core_run(__FILE__, tests, sizeof(tests) / sizeof *(tests), argc, argv)
int core_run(const char *file, const struct CMUnitTest *tests, size_t count, int argc, char **argv);

#endif
