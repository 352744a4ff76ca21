/* SPDX-License-Identifier: MIT */
/*
 * Compiled code under test: a small module, its artifact, and a cache folder.
 *
 * Where it matters whether an artifact was used, it is forged: EIGHT's code under SEVEN's key, and sound otherwise. So
 * f is 8 if the artifact was run, and 7 if SEVEN was compiled.
 */
#ifndef CACHE_RIG_H
#define CACHE_RIG_H

#include "cache.h"
#include "wasm_rig.h"

#define SEVEN "(module (func (export \"f\") (result i32) (i32.const 7)))"
#define EIGHT "(module (func (export \"f\") (result i32) (i32.const 8)))"

/* Where the parts of an artifact lie. */
enum { MAGIC_AT = 0, FORMAT_AT = 8, ZERO_AT = 12, KEY_AT = 16, SIZE_AT = 48, DIGEST_AT = 56, PAYLOAD_AT = 88 };

/* The first and the last byte of each part, and some of the payload. */
enum { CACHE_PARTS = 15 };
extern const size_t cache_parts[CACHE_PARTS];

/* An artifact, in a block of exactly its size, so that AddressSanitizer sees what reads past it. */
typedef struct cache_block_t {
  uint8_t *data;
  size_t size;
} cache_block_t;

typedef struct cache_rig_t {
  char root[40];   /* a temporary folder */
  char folder[60]; /* in it, for a cache; not there yet */
  char entry[200]; /* where SEVEN's artifact goes in it */
  rig_bytes_t seven;
  uint8_t key[WASI_LIGHT__DIGEST]; /* SEVEN's */
  cache_block_t artifact;          /* SEVEN's */
  cache_block_t forged;
} cache_rig_t;

/* A test whose state is a cache_rig_t. */
#define CACHE_TEST(name) cmocka_unit_test_setup_teardown(name, cache_set_up, cache_tear_down)
int cache_set_up(void **state);
int cache_tear_down(void **state);

cache_block_t cache_compile(const rig_bytes_t *bytes, const wasi_light_limits_t *limits, const char *tag);
cache_block_t cache_compile_text(const char *wat, const wasi_light_limits_t *limits, const char *tag);
/* The first `size` bytes, with zeros after its end. */
cache_block_t cache_copy(const cache_block_t *block, size_t size);
bool cache_is_sound(const cache_block_t *artifact, const uint8_t *key);

/* What f of the module returns; takes the module. */
int32_t cache_f_of(wasi_light_module_t *module);

#endif
