/* SPDX-License-Identifier: MIT */
/*
 * A cursor over bytes from outside. Every read is checked; the first failure sticks, keeps its offset and
 * reason, and leaves nothing to read, so that a parser may go on and look once at the end.
 */
#ifndef WASI_LIGHT_READER_H
#define WASI_LIGHT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct wasi_light__reader_t {
  const uint8_t *bytes;
  size_t at;
  size_t end;
  const char *problem; /* NULL: all is well so far */
  size_t problem_at;
} wasi_light__reader_t;

typedef struct wasi_light__slice_t {
  const uint8_t *bytes;
  size_t size;
} wasi_light__slice_t;

static inline bool wasi_light__more(const wasi_light__reader_t *r) {
  return r->at < r->end;
}

/* Marks the reader as failed at `at`, if it has not failed before. */
void wasi_light__reader_fail(wasi_light__reader_t *r, size_t at, const char *problem);

uint8_t wasi_light__read_u8(wasi_light__reader_t *r);
/* LEB128, unsigned, at most 32 or 64 bits; signed ones are passed over with skip_leb. */
uint32_t wasi_light__read_u32(wasi_light__reader_t *r);
uint64_t wasi_light__read_u64(wasi_light__reader_t *r);
/* A signed one, as its 32 bits. */
uint32_t wasi_light__read_s32(wasi_light__reader_t *r);
void wasi_light__skip_leb(wasi_light__reader_t *r, unsigned bits);
/* A 32-bit length and that many bytes. */
wasi_light__slice_t wasi_light__read_slice(wasi_light__reader_t *r);
void wasi_light__skip(wasi_light__reader_t *r, size_t size);
/* A count of things that take at least one byte each, so that it bounds what may be allocated for them. */
uint32_t wasi_light__read_count(wasi_light__reader_t *r);

#endif
