/* SPDX-License-Identifier: MIT */
#ifndef WASI_LIGHT_AUDIT_H
#define WASI_LIGHT_AUDIT_H

#include "adapter.h"

/*
 * Whether an instance of the module can be put back to an earlier state by restoring its memory and mutable
 * globals. Every reason against it goes to `line` (may be NULL), one text each. `scan` has been checked.
 */
bool wasi_light__is_recyclable(const wasi_light__scan_t *scan, wasi_light_line_t line, void *context);

#endif
