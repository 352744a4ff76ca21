/* SPDX-License-Identifier: MIT */
/*
 * What the provers' runs have in the place of p1_mem.h: the same functions, which assert that what they are asked for
 * lies in the guest's memory as it is now. p1_mem_has, on which everything rests, is the real one.
 *
 * A load gives any value, each time anew: so a body that reads a thing twice and trusts the first is seen. A store keeps
 * nothing. That the real helpers touch just the bytes asserted here is proved apart (prove_helpers in harness.c).
 * What is in bytes never matters to safety, so the copies of the C library are checked for their ends and move nothing.
 */
#ifndef WASI_LIGHT_PROOF_MODEL_H
#define WASI_LIGHT_PROOF_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

_Bool nondet_bool(); /* as ESBMC declares it */
uint8_t nondet_u8(void);
uint16_t nondet_u16(void);
uint32_t nondet_u32(void);
uint64_t nondet_u64(void);
size_t nondet_size(void);

/*
 * REACHED stands at the end of each proof and of each loop's arbitrary iteration. With -DVACUITY nothing is asserted but
 * that it is not reached, which has to fail everywhere: so no proof rests on assumptions that contradict each other.
 */
#ifdef VACUITY
#define CHECK(condition, text) ((void)0)
#define REACHED(where) __ESBMC_assert(0, "reached " where)
#else
#define CHECK(condition, text) __ESBMC_assert(condition, text)
#define REACHED(where) ((void)0)
#endif
#define ASSUME(condition) __ESBMC_assume(condition)
#define THE_ENV(e) CHECK((e) == &the_env, "there is one environment")
#define THE_WAIT(w) CHECK((w) == &the_wait, "there is one wait")

/* The largest object there can be. */
#define OBJECT_MAX ((uint64_t)PTRDIFF_MAX)

/*
 * Objects that only the copies and contracts below touch stand for themselves by an address and a size, which is much
 * cheaper to prove than a real object of any size. To read or write such an address directly is an error, as it has one byte.
 */
typedef struct region_t {
  const uint8_t *base;
  uint64_t size;
} region_t;
enum { GUEST, INPUT, CAPTURE_1, CAPTURE_2, ARGS, ENVIRON, REGIONS };
static region_t regions[REGIONS];

/* All `len` bytes lie in one object: in a region by its size, in a real object since its first and last do. */
static void touch(const uint8_t *bytes, uint64_t len) {
  static volatile uint8_t seen;
  CHECK(bytes != NULL, "an address of bytes is not NULL");
  CHECK(len <= OBJECT_MAX, "a length fits an object");
  if (len == 0) return;
#define TOUCH_REGION(i)                                                                  \
  if (__ESBMC_POINTER_OBJECT(bytes) == __ESBMC_POINTER_OBJECT(regions[i].base)) {        \
    uint64_t at = (uint64_t)__ESBMC_POINTER_OFFSET(bytes);                               \
    CHECK(at <= regions[i].size && len <= regions[i].size - at, "the bytes lie in " #i); \
    return;                                                                              \
  }
  TOUCH_REGION(GUEST)
  TOUCH_REGION(INPUT)
  TOUCH_REGION(CAPTURE_1)
  TOUCH_REGION(CAPTURE_2)
  TOUCH_REGION(ARGS)
  TOUCH_REGION(ENVIRON)
  seen = bytes[0];
  seen = bytes[len - 1];
}

static void touch_read(const void *bytes, uint64_t len) {
  touch(bytes, len);
}

static void touch_write(void *bytes, uint64_t len) {
  touch(bytes, len);
}

static void *proof_memcpy(void *to, const void *from, size_t len) {
  touch_read(from, len);
  touch_write(to, len);
  return to;
}

static void *proof_memset(void *to, int value, size_t len) {
  (void)value;
  touch_write(to, len);
  return to;
}

#define memcpy proof_memcpy
#define memmove proof_memcpy
#define memset proof_memset

/* p1_mem.h: p1_mem_has as it is, the others under other names. */
#define p1_load_u8 real_load_u8
#define p1_load_u16 real_load_u16
#define p1_load_u32 real_load_u32
#define p1_load_u64 real_load_u64
#define p1_store_u8 real_store_u8
#define p1_store_u16 real_store_u16
#define p1_store_u32 real_store_u32
#define p1_store_u64 real_store_u64
#define p1_zero real_zero
#define p1_copy_out real_copy_out
#define p1_at real_at
#include "core/p1_mem.h"
#undef p1_load_u8
#undef p1_load_u16
#undef p1_load_u32
#undef p1_load_u64
#undef p1_store_u8
#undef p1_store_u16
#undef p1_store_u32
#undef p1_store_u64
#undef p1_zero
#undef p1_copy_out
#undef p1_at

/* The guest's memory as it is: an object of any size up to 4 GiB. */
static p1_mem_t guest;

static bool in_guest(uint64_t ptr, uint64_t len) {
  return ptr <= guest.size && len <= guest.size - ptr;
}

static void check_view(p1_mem_t mem, uint64_t ptr, uint64_t len) {
  CHECK(mem.base == guest.base && mem.size == guest.size, "the view is the memory as it is now");
  CHECK(in_guest(ptr, len), "the range lies in the guest's memory");
}

#define MODEL_ACCESS(bits, bytes)                                                         \
  static inline uint##bits##_t p1_load_u##bits(p1_mem_t mem, uint64_t ptr) {              \
    check_view(mem, ptr, bytes);                                                          \
    return nondet_u##bits();                                                              \
  }                                                                                       \
  static inline void p1_store_u##bits(p1_mem_t mem, uint64_t ptr, uint##bits##_t value) { \
    (void)value;                                                                          \
    check_view(mem, ptr, bytes);                                                          \
  }
MODEL_ACCESS(8, 1)
MODEL_ACCESS(16, 2)
MODEL_ACCESS(32, 4)
MODEL_ACCESS(64, 8)

static inline void p1_zero(p1_mem_t mem, uint64_t ptr, uint64_t len) {
  check_view(mem, ptr, len);
}

static inline void p1_copy_out(p1_mem_t mem, uint64_t ptr, const uint8_t *bytes, uint64_t len) {
  if (len == 0) return;
  check_view(mem, ptr, len);
  touch_read(bytes, len);
}

/* The bytes are the guest's memory itself: whoever uses the address is checked by its object's size. */
static inline uint8_t *p1_at(p1_mem_t mem, uint64_t ptr) {
  check_view(mem, ptr, 0);
  return mem.base + ptr;
}

#endif
