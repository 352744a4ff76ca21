/* SPDX-License-Identifier: MIT */
#ifndef WASI_LIGHT_CHACHA20_H
#define WASI_LIGHT_CHACHA20_H

#include <stdint.h>

/*
 * One 64-byte block of the ChaCha20 key stream (RFC 8439, section 2.3). The words after the key are given
 * as in the RFC: block counter, then the three words of the nonce.
 */
/*@ requires \valid_read(key + (0 .. 7)) && \valid_read(counter_and_nonce + (0 .. 3)) && \valid(block + (0 .. 63));
  assigns block[0 .. 63]; */
void wasi_light__chacha20_block(const uint32_t key[8], const uint32_t counter_and_nonce[4], uint8_t block[64]);

/*
 * Bytes [position, position + len) of a seed's stream number `stream`: key LE64(seed) then zeros, blocks counted from 0,
 * nonce 0 but for its last two words, which are LE64(stream). The counter's carry goes into the first word of the nonce,
 * so nothing repeats before 2^70 bytes.
 */
/*@ requires \valid(bytes + (0 .. len - 1));
  assigns bytes[0 .. len - 1]; */
void wasi_light__seeded_bytes(uint64_t seed, uint64_t stream, uint64_t position, uint8_t *bytes, uint64_t len);

#endif
