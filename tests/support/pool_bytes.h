/* SPDX-License-Identifier: MIT */
/*
 * Modules as bytes: written by hand, rewritten, taken apart without the library's own reader, and instantiated as they
 * are. And random numbers with a seed.
 */
#ifndef POOL_BYTES_H
#define POOL_BYTES_H

#include "rewrite.h"
#include "wasm_rig.h"

/* ---- Random numbers ---- */

typedef struct pool_random_t {
  uint64_t state; /* the seed at first */
} pool_random_t;
uint64_t pool_random(pool_random_t *random);
/* Less than `limit`, which is not 0. */
uint32_t pool_below(pool_random_t *random, uint32_t limit);

/* How often to do something: the variable's value if it is set, else `usual`. */
size_t pool_times(const char *variable, size_t usual);

/* ---- Writing modules ---- */

typedef struct pool_writer_t {
  uint8_t *data; /* own: free() */
  size_t size, room;
} pool_writer_t;
void pool_write(pool_writer_t *w, const void *bytes, size_t size);
void pool_write_u8(pool_writer_t *w, uint8_t byte);
void pool_write_u32(pool_writer_t *w, uint32_t value); /* LEB128 */
void pool_write_s32(pool_writer_t *w, int32_t value);  /* LEB128, signed */
void pool_write_header(pool_writer_t *w);
/* Takes the payload over. */
void pool_write_section(pool_writer_t *w, uint8_t id, pool_writer_t *payload);
/* The bytes in a block of exactly their size; the writer is empty then. */
rig_bytes_t pool_written(pool_writer_t *w);

/* A copy with the bytes at `at` replaced: `size` of them by `count` others. */
rig_bytes_t pool_spliced(const rig_bytes_t *bytes, size_t at, size_t size, const void *others, size_t count);
/* A copy without the sections of that kind. */
rig_bytes_t pool_without(const rig_bytes_t *bytes, uint8_t id);

/* ---- Taking them apart ---- */

/* Payload of the first section of that kind; no data if there is none. */
typedef struct pool_part_t {
  const uint8_t *data;
  size_t size;
} pool_part_t;
pool_part_t pool_section(const rig_bytes_t *bytes, uint8_t id);
uint32_t pool_read_u32(const uint8_t **at);
int32_t pool_read_s32(const uint8_t **at);

enum { POOL_TEXT = 16384 };
/* Data segments: "0+5 16+4 passive+3 computed+2", with "memory 1: " before those of a memory other than 0. */
const char *pool_segments(const rig_bytes_t *bytes, char text[POOL_TEXT]);
/* Exports: "name=func:3 name=global:0". */
const char *pool_exports(const rig_bytes_t *bytes, char text[POOL_TEXT]);
/* Sections: "1 2 3 custom:name". */
const char *pool_sections(const rig_bytes_t *bytes, char text[POOL_TEXT]);

/* ---- Rewriting ---- */

typedef struct pool_rewritten_t {
  rig_bytes_t bytes;
  char prefix[WASI_LIGHT__PREFIX];
  bool has_start;
} pool_rewritten_t;

/* Checks and rewrites; `limits` NULL: the defaults. False: see the error. */
bool pool_try_rewrite(const rig_bytes_t *bytes, const wasi_light_limits_t *limits, pool_rewritten_t *out,
                      wasi_light_error_t *error);
/* Must succeed, and again with the same bytes; its output rewritten must be itself. */
pool_rewritten_t pool_rewrite(const rig_bytes_t *bytes, const wasi_light_limits_t *limits);
pool_rewritten_t pool_rewrite_wat(const char *wat);

/* Whether the engine takes the bytes, without compiling them. */
bool pool_valid(const rig_bytes_t *bytes);
/* Whether `wasm-validate` takes them; all is well where it is not installed. */
bool pool_has_validator(void);
bool pool_wabt_valid(const rig_bytes_t *bytes);

/* ---- Instances of the bytes as they are, with WASI ---- */

/* All but the instance: see raw_link. False if the engine does not take the bytes: then nothing is to be ended. */
bool pool_raw_start(raw_t *raw, const rig_bytes_t *bytes);
/* The first exported memory, or NULL. */
wasm_memory_t *pool_raw_memory(const raw_t *raw);
/* Instantiates both: both must trap, or have equal memories. */
void pool_assert_equal_memories(const rig_bytes_t *a, const rig_bytes_t *b);

#endif
