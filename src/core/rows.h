/* SPDX-License-Identifier: MIT */
/* The table as data: what the code around every call knows about a function. */
#ifndef WASI_LIGHT_ROWS_H
#define WASI_LIGHT_ROWS_H

#include "env.h"

enum {
#define P1_KIND_INDEX(kind, ctype, letter) P1_KIND_##kind,
  P1_KIND_MAP(P1_KIND_INDEX)
#undef P1_KIND_INDEX
      P1_KIND_NONE /* past the last parameter */
};

enum { P1_PARAMS_MAX = 9 };

typedef struct p1_row_t {
  const char *name;
  uint32_t (*body)(wasi_light_env_t *env, const uint64_t *args);
  uint8_t like; /* the row of preview 1 with this name, for which there are rules and counters */
  uint8_t kinds[P1_PARAMS_MAX + 1];
} p1_row_t;

extern const p1_row_t wasi_light__rows[P1_ALL_ROWS];

/* The row that a module imports, or P1_ALL_ROWS if it is none of WASI's. */
uint32_t wasi_light__find_row(const char *module, size_t module_size, const char *name, size_t name_size);

/* The row of preview 1 with this name, or P1_ALL_ROWS. */
uint32_t wasi_light__row_named(const char *function);

/* What a guest imports the function as. */
const wasi_light_function_t *wasi_light__function(uint32_t row);

#endif
