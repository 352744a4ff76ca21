/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share. A target is one file, fuzz_X.c, with LLVMFuzzerTestOneInput and fuzz_seeds. With libFuzzer
 * it becomes the program fuzz_X, and in every build, with replay.c, the program replay_X, which runs inputs from files.
 */
#ifndef WASI_LIGHT_FUZZ_H
#define WASI_LIGHT_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The target's: runs one input. Always 0. What is wrong ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The target's: gives its seed corpus, the same in each run. Names are for files. */
typedef void (*fuzz_seed_t)(const char *name, const void *bytes, size_t size);
void fuzz_seeds(fuzz_seed_t give);

/* The target's, if it wants to change inputs by itself; and libFuzzer's own change, which replay.c has without any. */
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t max_size);

/* Says what does not hold, and ends the process so that libFuzzer keeps the input. */
#define FUZZ_CHECK(condition, ...)                                    \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
      fprintf(stderr, __VA_ARGS__);                                   \
      fputc('\n', stderr);                                            \
      abort();                                                        \
    }                                                                 \
  } while (false)

/* The input, taken from the front. Behind its end are zeros. */
typedef struct fuzz_input_t {
  const uint8_t *bytes;
  size_t left;
} fuzz_input_t;

static inline uint8_t fuzz_u8(fuzz_input_t *in) {
  if (in->left == 0) return 0;
  in->left--;
  return *in->bytes++;
}

static inline uint16_t fuzz_u16(fuzz_input_t *in) {
  uint16_t low = fuzz_u8(in);
  return (uint16_t)(low | fuzz_u8(in) << 8);
}

static inline uint32_t fuzz_u32(fuzz_input_t *in) {
  uint32_t low = fuzz_u16(in);
  return low | (uint32_t)fuzz_u16(in) << 16;
}

static inline uint64_t fuzz_u64(fuzz_input_t *in) {
  uint64_t low = fuzz_u32(in);
  return low | (uint64_t)fuzz_u32(in) << 32;
}

/* Up to `size` bytes, fewer at the end of the input. */
static inline const uint8_t *fuzz_bytes(fuzz_input_t *in, size_t *size) {
  const uint8_t *bytes = in->bytes;
  if (*size > in->left) *size = in->left;
  in->bytes += *size;
  in->left -= *size;
  return bytes;
}

#endif
