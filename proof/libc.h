/* SPDX-License-Identifier: MIT */
/*
 * What the core uses of <string.h> and <stdatomic.h>, for the proof, in the place of Frama-C's own. Parameters are bytes
 * instead of void: guest memory and buffers are arrays of bytes, and WP tells arrays of different types apart. The bodies
 * use no atomic variable.
 */
#ifndef PROOF_LIBC_H
#define PROOF_LIBC_H

#define __FC_STRING_H_
#define __FC_STDATOMIC

#include <stddef.h>
#include <stdint.h>

typedef size_t atomic_size_t;
typedef uint64_t atomic_uint_least64_t;

/*@ requires \valid(to + (0 .. size - 1)) && \valid_read(from + (0 .. size - 1));
  requires \separated(to + (0 .. size - 1), from + (0 .. size - 1));
  assigns to[0 .. size - 1]; */
void memcpy(uint8_t *to, const uint8_t *from, size_t size);

/*@ requires \valid(to + (0 .. size - 1)) && \valid_read(from + (0 .. size - 1));
  assigns to[0 .. size - 1]; */
void memmove(uint8_t *to, const uint8_t *from, size_t size);

/*@ requires \valid(to + (0 .. size - 1));
  assigns to[0 .. size - 1]; */
void memset(uint8_t *to, int value, size_t size);

/*@ axiomatic text { logic integer text_size{L}(char *text) reads text[0 ..]; }
  predicate is_text(char *text) = 0 <= text_size(text) < SIZE_MAX && \valid_read(text + (0 .. text_size(text)));
*/
/*@ requires is_text(text); assigns \nothing; ensures \result == text_size(text); */
size_t strlen(const char *text);

#endif
