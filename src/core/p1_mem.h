/* SPDX-License-Identifier: MIT */
/*
 * The only code that turns a guest pointer into a host pointer.
 *
 * A syscall takes the view of the guest's memory once, asks p1_mem_has for every range it is going to
 * touch, and then passes the view to each load, store and copy. Sums are made in 64 bits, so nothing
 * wraps. Loads and stores go byte by byte, little-endian as wasm is, at any alignment.
 */
#ifndef WASI_LIGHT_P1_MEM_H
#define WASI_LIGHT_P1_MEM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "wasi_light.h"

typedef wasi_light_view_t p1_mem_t;

/*@ // [ptr, ptr + len) lies in the memory, and the memory is there. A load promises nothing about what it finds: whoever
    // looks twice may see two values.
  predicate p1_in(p1_mem_t mem, integer ptr, integer len) =
    0 <= ptr && ptr + len <= mem.size && \valid(mem.base + (ptr .. ptr + len - 1));
*/

/* Whether [ptr, ptr + len) lies in the memory. No bytes do, wherever they are: they are not looked at. */
/*@ assigns \nothing;
  ensures \result != 0 <==> len == 0 || ptr + len <= mem.size; */
static inline bool p1_mem_has(p1_mem_t mem, uint32_t ptr, uint64_t len) {
  return len == 0 || (ptr <= mem.size && len <= mem.size - ptr);
}

/* All below: the range lies in the memory, and has bytes. */

/*@ requires p1_in(mem, ptr, 1); assigns \nothing; */
static inline uint8_t p1_load_u8(p1_mem_t mem, uint64_t ptr) {
  return mem.base[ptr];
}

/*@ requires p1_in(mem, ptr, 2); assigns \nothing; */
static inline uint16_t p1_load_u16(p1_mem_t mem, uint64_t ptr) {
  return (uint16_t)(p1_load_u8(mem, ptr) | (uint32_t)p1_load_u8(mem, ptr + 1) << 8);
}

/*@ requires p1_in(mem, ptr, 4); assigns \nothing; */
static inline uint32_t p1_load_u32(p1_mem_t mem, uint64_t ptr) {
  return p1_load_u16(mem, ptr) | (uint32_t)p1_load_u16(mem, ptr + 2) << 16;
}

/*@ requires p1_in(mem, ptr, 8); assigns \nothing; */
static inline uint64_t p1_load_u64(p1_mem_t mem, uint64_t ptr) {
  return p1_load_u32(mem, ptr) | (uint64_t)p1_load_u32(mem, ptr + 4) << 32;
}

/*@ requires p1_in(mem, ptr, 1); assigns mem.base[ptr]; */
static inline void p1_store_u8(p1_mem_t mem, uint64_t ptr, uint8_t value) {
  mem.base[ptr] = value;
}

/*@ requires p1_in(mem, ptr, 2); assigns mem.base[ptr .. ptr + 1]; */
static inline void p1_store_u16(p1_mem_t mem, uint64_t ptr, uint16_t value) {
  p1_store_u8(mem, ptr, (uint8_t)value);
  p1_store_u8(mem, ptr + 1, (uint8_t)(value >> 8));
}

/*@ requires p1_in(mem, ptr, 4); assigns mem.base[ptr .. ptr + 3]; */
static inline void p1_store_u32(p1_mem_t mem, uint64_t ptr, uint32_t value) {
  p1_store_u16(mem, ptr, (uint16_t)value);
  p1_store_u16(mem, ptr + 2, (uint16_t)(value >> 16));
}

/*@ requires p1_in(mem, ptr, 8); assigns mem.base[ptr .. ptr + 7]; */
static inline void p1_store_u64(p1_mem_t mem, uint64_t ptr, uint64_t value) {
  p1_store_u32(mem, ptr, (uint32_t)value);
  p1_store_u32(mem, ptr + 4, (uint32_t)(value >> 32));
}

/*@ requires len > 0 && p1_in(mem, ptr, len); assigns mem.base[ptr .. ptr + len - 1]; */
static inline void p1_zero(p1_mem_t mem, uint64_t ptr, uint64_t len) {
  memset(mem.base + ptr, 0, (size_t)len);
}

/* Of no bytes too. */
/*@ requires len > 0 ==> p1_in(mem, ptr, len) && \valid_read(bytes + (0 .. len - 1)) &&
                         \separated(mem.base + (ptr .. ptr + len - 1), bytes + (0 .. len - 1));
  assigns mem.base[ptr .. ptr + len - 1]; */
static inline void p1_copy_out(p1_mem_t mem, uint64_t ptr, const uint8_t *bytes, uint64_t len) {
  if (len > 0) memcpy(mem.base + ptr, bytes, (size_t)len);
}

/* The host's address of a guest range, for the one call that moves its bytes. It is never kept. */
/*@ requires p1_in(mem, ptr, 1); assigns \nothing; ensures \result == mem.base + ptr; */
static inline uint8_t *p1_at(p1_mem_t mem, uint64_t ptr) {
  return mem.base + ptr;
}

#endif
