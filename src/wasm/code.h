/* SPDX-License-Identifier: MIT */
#ifndef WASI_LIGHT_CODE_H
#define WASI_LIGHT_CODE_H

#include "scan.h"

/* What matters of an instruction to the rewriter and the audit. */
typedef enum wasi_light__effect_t {
  WASI_LIGHT__NO_EFFECT,
  WASI_LIGHT__REFERS,     /* names a function: `operand` is its index */
  WASI_LIGHT__USES_DATA,  /* memory.init */
  WASI_LIGHT__DROPS_DATA, /* data.drop */
  WASI_LIGHT__USES_ELEMENTS,
  WASI_LIGHT__DROPS_ELEMENTS,
  WASI_LIGHT__WRITES_TABLE,
  WASI_LIGHT__GROWS_TABLE,
  WASI_LIGHT__THROWS,
  WASI_LIGHT__NOT_METERED, /* cannot stand in a metered module: `operand` is the opcode */
  WASI_LIGHT__BULK,        /* takes as long as it has bytes or elements to move */
  WASI_LIGHT__PAYS,        /* in a metered module: what ran since the last of these is paid for */
  WASI_LIGHT__UNKNOWN      /* the walk of this function ends here: `operand` is the opcode */
} wasi_light__effect_t;

typedef void (*wasi_light__on_effect_t)(void *context, uint32_t func, wasi_light__effect_t effect, uint32_t operand);

/*
 * Walks all functions of the code section and reports the instructions that have an effect of interest. False
 * if the section cannot be read; its `problem` and offset are then in `*r`.
 */
bool wasi_light__walk_code(const wasi_light__scan_t *scan, wasi_light__reader_t *r, wasi_light__on_effect_t on_effect,
                           void *context);

#endif
