/* SPDX-License-Identifier: MIT */
/*
 * A guest whose trace and log are kept, with all that the guest and the host see of its calls; and every call that there
 * is: the 46 functions and the three that snapshot 0 has otherwise. For tests of the trace and of the log.
 */
#ifndef CORE_TRAIL_H
#define CORE_TRAIL_H

#include "core_rows.h"

typedef struct core_bytes_t {
  uint8_t *bytes; /* a NUL follows the last one */
  size_t size, room;
} core_bytes_t;

void core_append(core_bytes_t *to, const void *bytes, size_t size);
/* Fails the test, with the first difference, if they are not equal. */
void core_assert_same(const char *what, const core_bytes_t *a, const core_bytes_t *b);

typedef struct core_trail_t {
  core_guest_t guest; /* the first: it is the callbacks' host pointer */
  core_bytes_t log;
  core_bytes_t lines; /* of the trace, with a newline each */
  core_bytes_t steps; /* of each core_step: status, outcome, memory */
} core_trail_t;

void core_trail_start(core_trail_t *trail, const wasi_light_options_t *options, size_t memory_size);
void core_trail_end(core_trail_t *trail);
/* For options.trace and options.record. */
void core_on_trace(void *host, const char *line);
void core_on_record(void *host, const uint8_t *bytes, size_t size);

/* The line of the last call, which must be the only one since the last time this was asked. */
const char *core_line(core_trail_t *trail);
#define ASSERT_LINE(trail, expected) assert_string_equal(core_line(trail), expected)

/* Call number 0 to 45 is that of core_rows, those behind are snapshot 0's. */
enum { CORE_CALLS = CORE_ROWS + 4, CORE_P0_FILESTAT = CORE_ROWS, CORE_P0_SEEK, CORE_P0_POLL, CORE_P0_PATH };
const core_row_t *core_row(unsigned call);
unsigned core_find(const char *name); /* of preview 1 */
bool core_is_address(int kind);
/* How many bytes the good call has behind that pointer. */
uint32_t core_behind(unsigned call, unsigned param);

/* The good call's arguments, and what it reads in memory. */
void core_args(unsigned call, uint64_t args[CORE_ARGS_MAX]);
void core_input(core_guest_t *guest, unsigned call, const uint64_t args[CORE_ARGS_MAX]);

uint32_t core_do(core_guest_t *guest, unsigned call, const uint64_t args[CORE_ARGS_MAX]);
/* Fills the memory anew, with the call's input, makes the call and keeps what came of it. */
uint32_t core_step(core_trail_t *trail, unsigned call, const uint64_t args[CORE_ARGS_MAX]);

/* Hostile arguments: variant 0 is the good call; false if there are no more. */
bool core_variant(unsigned call, unsigned variant, size_t memory_size, uint64_t args[CORE_ARGS_MAX]);

#endif
