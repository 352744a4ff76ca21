/* SPDX-License-Identifier: MIT */
#ifndef WASI_LIGHT_REWRITE_H
#define WASI_LIGHT_REWRITE_H

#include "adapter.h"

enum { WASI_LIGHT__PREFIX = 48 };

/* A module as the engine is given it. */
typedef struct wasi_light__rewritten_t {
  uint8_t *bytes; /* own: free() */
  size_t size;
  char prefix[WASI_LIGHT__PREFIX]; /* of the names of the added exports, and of no other */
  bool has_start;                  /* the start function is exported as prefix + "start" */
} wasi_light__rewritten_t;

/*
 * Rewrites a module whose scan has been checked. The same bytes and limits give the same bytes.
 *
 * - Each mutable global of a number type gets an export, unless it has one.
 * - Neighbouring active data segments become one where memory is the same afterwards.
 * - A start section becomes an export, to be called once memory is bound.
 * - Declared maxima of tables and memories are lowered to the limits.
 */
bool wasi_light__rewrite(const wasi_light__scan_t *scan, const wasi_light_limits_t *limits,
                         wasi_light__rewritten_t *out, wasi_light_error_t *error);

/* module.c: the module for the engine's `wasm`, which was made from the rewritten bytes. */
own wasi_light_module_t *wasi_light__module_from(wasm_engine_t *engine, own wasm_module_t *wasm,
                                                 const wasi_light__rewritten_t *rewritten, bool recyclable,
                                                 const wasi_light_linker_t *linker, wasi_light_error_t *error);

/* Changes when the output for some input changes: part of the key of compiled modules. */
#define WASI_LIGHT__REWRITER_VERSION 1

#endif
