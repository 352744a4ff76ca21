/* SPDX-License-Identifier: MIT */
#ifndef WASI_LIGHT_SHA256_H
#define WASI_LIGHT_SHA256_H

#include <stddef.h>
#include <stdint.h>

/* SHA-256 (FIPS 180-4), fed in pieces. */
typedef struct wasi_light__sha256_t {
  uint32_t state[8];
  uint64_t size;
  uint8_t block[64];
} wasi_light__sha256_t;

void wasi_light__sha256_begin(wasi_light__sha256_t *hash);
void wasi_light__sha256_add(wasi_light__sha256_t *hash, const void *bytes, size_t size);
void wasi_light__sha256_end(wasi_light__sha256_t *hash, uint8_t digest[32]);

#endif
