/* SPDX-License-Identifier: MIT */
/* The byte cursor: see reader.h. Binary format: WebAssembly core specification, section 5. */
#include "reader.h"

void wasi_light__reader_fail(wasi_light__reader_t *r, size_t at, const char *problem) {
  if (r->problem) return;
  r->problem = problem;
  r->problem_at = at;
  r->at = r->end;
}

uint8_t wasi_light__read_u8(wasi_light__reader_t *r) {
  if (r->at >= r->end) {
    wasi_light__reader_fail(r, r->end, "unexpected end");
    return 0;
  }
  return r->bytes[r->at++];
}

/* Bytes past the width, and bits past it in the last byte, are errors, as in the specification. */
/*@ requires valid_reader(r) && bits <= 64; assigns r->at, r->problem, r->problem_at; ensures valid_reader(r); */
static uint64_t read_leb(wasi_light__reader_t *r, unsigned bits) {
  size_t start = r->at;
  uint64_t value = 0;
  /*@ loop invariant valid_reader(r) && shift <= bits + 6;
    loop assigns shift, value, r->at, r->problem, r->problem_at;
    loop variant bits - shift + 7; */
  for (unsigned shift = 0; shift < bits; shift += 7) {
    uint8_t byte = wasi_light__read_u8(r);
    unsigned room = bits - shift;
    if (room < 7 && (byte & 0x7f) >> room != 0) break;
    value |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  wasi_light__reader_fail(r, start, "integer is too long or too large");
  return 0;
}

uint32_t wasi_light__read_u32(wasi_light__reader_t *r) {
  return (uint32_t)read_leb(r, 32);
}

uint64_t wasi_light__read_u64(wasi_light__reader_t *r) {
  return read_leb(r, 64);
}

uint32_t wasi_light__read_s32(wasi_light__reader_t *r) {
  size_t start = r->at;
  uint64_t value = 0;
  /*@ loop invariant valid_reader(r) && shift <= 35 && shift % 7 == 0;
    loop assigns shift, value, r->at, r->problem, r->problem_at;
    loop variant 35 - shift + 7; */
  for (unsigned shift = 0; shift < 35; shift += 7) {
    uint8_t byte = wasi_light__read_u8(r);
    value |= (uint64_t)(byte & 0x7f) << shift;
    if (byte >= 0x80) continue;
    if (shift == 28 && (byte & 0x78) != 0 && (byte & 0x78) != 0x78) break; /* bits past the 32nd are its copies */
    if (byte & 0x40) value |= UINT64_MAX << (shift + 7);                   /* the sign */
    return (uint32_t)value;
  }
  wasi_light__reader_fail(r, start, "integer is too long or too large");
  return 0;
}

void wasi_light__skip_leb(wasi_light__reader_t *r, unsigned bits) {
  size_t start = r->at;
  /*@ loop invariant valid_reader(r) && shift <= bits + 6;
    loop assigns shift, r->at, r->problem, r->problem_at;
    loop variant bits - shift + 7; */
  for (unsigned shift = 0; shift < bits; shift += 7) {
    if (wasi_light__read_u8(r) < 0x80) return;
  }
  wasi_light__reader_fail(r, start, "integer is too long");
}

void wasi_light__skip(wasi_light__reader_t *r, size_t size) {
  if (size > r->end - r->at) wasi_light__reader_fail(r, r->at, "length reaches past the end");
  else r->at += size;
}

wasi_light__slice_t wasi_light__read_slice(wasi_light__reader_t *r) {
  uint32_t size = wasi_light__read_u32(r);
  size_t start = r->at;
  wasi_light__skip(r, size);
  if (r->problem) return (wasi_light__slice_t){NULL, 0};
  return (wasi_light__slice_t){r->bytes + start, size};
}

uint32_t wasi_light__read_count(wasi_light__reader_t *r) {
  size_t start = r->at;
  uint32_t count = wasi_light__read_u32(r);
  if (count > r->end - r->at) wasi_light__reader_fail(r, start, "count is larger than what follows");
  return r->problem ? 0 : count;
}
