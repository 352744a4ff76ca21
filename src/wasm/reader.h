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

/*@ // The bytes up to `end` are there, and the cursor is among them or behind the last.
  predicate valid_reader(wasi_light__reader_t *r) =
    \valid(r) && r->at <= r->end && (r->problem != \null ==> r->at == r->end) &&
    \valid_read(r->bytes + (0 .. r->end - 1));
*/

typedef struct wasi_light__slice_t {
  const uint8_t *bytes;
  size_t size;
} wasi_light__slice_t;

/*@ requires \valid_read(r); assigns \nothing; ensures \result != 0 <==> r->at < r->end; */
static inline bool wasi_light__more(const wasi_light__reader_t *r) {
  return r->at < r->end;
}

/* Marks the reader as failed at `at`, if it has not failed before. */
/*@ requires valid_reader(r) && problem != \null; assigns r->at, r->problem, r->problem_at;
  ensures valid_reader(r) && r->problem != \null; */
void wasi_light__reader_fail(wasi_light__reader_t *r, size_t at, const char *problem);

/*@ requires valid_reader(r); assigns r->at, r->problem, r->problem_at; ensures valid_reader(r); */
uint8_t wasi_light__read_u8(wasi_light__reader_t *r);
/* LEB128, unsigned, at most 32 or 64 bits; signed ones are passed over with skip_leb. */
/*@ requires valid_reader(r); assigns r->at, r->problem, r->problem_at; ensures valid_reader(r); */
uint32_t wasi_light__read_u32(wasi_light__reader_t *r);
/*@ requires valid_reader(r); assigns r->at, r->problem, r->problem_at; ensures valid_reader(r); */
uint64_t wasi_light__read_u64(wasi_light__reader_t *r);
/* A signed one, as its 32 bits. */
/*@ requires valid_reader(r); assigns r->at, r->problem, r->problem_at; ensures valid_reader(r); */
uint32_t wasi_light__read_s32(wasi_light__reader_t *r);
/*@ requires valid_reader(r) && bits <= 64; assigns r->at, r->problem, r->problem_at; ensures valid_reader(r); */
void wasi_light__skip_leb(wasi_light__reader_t *r, unsigned bits);
/* A 32-bit length and that many bytes. */
/*@ requires valid_reader(r); assigns r->at, r->problem, r->problem_at;
  ensures valid_reader(r);
  ensures \valid_read(\result.bytes + (0 .. \result.size - 1)); */
wasi_light__slice_t wasi_light__read_slice(wasi_light__reader_t *r);
/*@ requires valid_reader(r); assigns r->at, r->problem, r->problem_at; ensures valid_reader(r);
  ensures r->problem == \null ==> r->at == \old(r->at) + size; */
void wasi_light__skip(wasi_light__reader_t *r, size_t size);
/* A count of things that take at least one byte each, so that it bounds what may be allocated for them. */
/*@ requires valid_reader(r); assigns r->at, r->problem, r->problem_at; ensures valid_reader(r) && \result <= r->end - r->at; */
uint32_t wasi_light__read_count(wasi_light__reader_t *r);

#endif
