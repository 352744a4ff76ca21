/* SPDX-License-Identifier: MIT */
/* ChaCha20 (RFC 8439) as a random stream that can be entered anywhere: no state is kept but the position. */
#include "chacha20.h"

/*@ requires 0 < n < 32; assigns \nothing; */
static uint32_t rotate(uint32_t x, int n) {
  return x << n | x >> (32 - n);
}

/*@ requires \valid(s + (0 .. 15)) && 0 <= a < 16 && 0 <= b < 16 && 0 <= c < 16 && 0 <= d < 16; assigns s[0 .. 15]; */
static void quarter_round(uint32_t s[16], int a, int b, int c, int d) {
  s[a] += s[b];
  s[d] = rotate(s[d] ^ s[a], 16);
  s[c] += s[d];
  s[b] = rotate(s[b] ^ s[c], 12);
  s[a] += s[b];
  s[d] = rotate(s[d] ^ s[a], 8);
  s[c] += s[d];
  s[b] = rotate(s[b] ^ s[c], 7);
}

void wasi_light__chacha20_block(const uint32_t key[8], const uint32_t counter_and_nonce[4], uint8_t block[64]) {
  uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}; /* "expand 32-byte k" */
  uint32_t s[16];
  /*@ loop invariant 0 <= i <= 8; loop assigns i, start[4 .. 11]; loop variant 8 - i; */
  for (int i = 0; i < 8; i++) start[4 + i] = key[i];
  /*@ loop invariant 0 <= i <= 4; loop assigns i, start[12 .. 15]; loop variant 4 - i; */
  for (int i = 0; i < 4; i++) start[12 + i] = counter_and_nonce[i];
  /*@ loop invariant 0 <= i <= 16; loop assigns i, s[0 .. 15]; loop variant 16 - i; */
  for (int i = 0; i < 16; i++) s[i] = start[i];
  /*@ loop invariant 0 <= i <= 10; loop assigns i, s[0 .. 15]; loop variant 10 - i; */
  for (int i = 0; i < 10; i++) {
    quarter_round(s, 0, 4, 8, 12);
    quarter_round(s, 1, 5, 9, 13);
    quarter_round(s, 2, 6, 10, 14);
    quarter_round(s, 3, 7, 11, 15);
    quarter_round(s, 0, 5, 10, 15);
    quarter_round(s, 1, 6, 11, 12);
    quarter_round(s, 2, 7, 8, 13);
    quarter_round(s, 3, 4, 9, 14);
  }
  /*@ loop invariant 0 <= i <= 16; loop assigns i, block[0 .. 63]; loop variant 16 - i; */
  for (int i = 0; i < 16; i++) {
    uint32_t word = s[i] + start[i];
    /*@ loop invariant 0 <= k <= 4; loop assigns k, block[4 * i .. 4 * i + 3]; loop variant 4 - k; */
    for (int k = 0; k < 4; k++) block[4 * i + k] = (uint8_t)(word >> 8 * k);
  }
}

void wasi_light__seeded_bytes(uint64_t seed, uint64_t stream, uint64_t position, uint8_t *bytes, uint64_t len) {
  const uint32_t key[8] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
  uint8_t block[64];
  uint64_t done = 0;
  /*@ loop invariant done <= len; loop assigns done, block[0 .. 63], bytes[0 .. len - 1]; loop variant len - done; */
  while (done < len) {
    uint64_t number = (position + done) / 64;
    const uint32_t counter[4] = {(uint32_t)number, (uint32_t)(number >> 32), (uint32_t)stream,
                                 (uint32_t)(stream >> 32)};
    wasi_light__chacha20_block(key, counter, block);
    /*@ loop invariant \at(done, LoopEntry) <= done <= len && (done > \at(done, LoopEntry) || i < 64);
      loop assigns i, done, bytes[0 .. len - 1];
      loop variant 64 - i; */
    for (uint64_t i = (position + done) % 64; i < 64 && done < len; i++) bytes[done++] = block[i];
  }
}
