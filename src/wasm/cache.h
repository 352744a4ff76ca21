/* SPDX-License-Identifier: MIT */
#ifndef WASI_LIGHT_CACHE_H
#define WASI_LIGHT_CACHE_H

#include "rewrite.h"

enum { WASI_LIGHT__DIGEST = 32 };

/* What compiled code depends on: the rewritten bytes, engine, rewriter, limits (of points, whether there are any),
 * processor and the host's tag. */
void wasi_light__artifact_key(const wasi_light__rewritten_t *rewritten, const wasi_light_limits_t *limits,
                              const char *tag, uint8_t key[WASI_LIGHT__DIGEST]);

/* The engine's bytes inside an artifact, or NULL if it is damaged or made for another key. */
const uint8_t *wasi_light__artifact_open(const void *artifact, size_t size, const uint8_t key[WASI_LIGHT__DIGEST],
                                         size_t *payload_size);

/* Wraps the engine's bytes. own: free(). NULL if memory runs out. */
uint8_t *wasi_light__artifact_new(const void *payload, size_t payload_size, const uint8_t key[WASI_LIGHT__DIGEST],
                                  size_t *size);

/* The file name of a key in a cache folder. */
void wasi_light__artifact_name(const uint8_t key[WASI_LIGHT__DIGEST], char name[2 * WASI_LIGHT__DIGEST + 16]);

#endif
