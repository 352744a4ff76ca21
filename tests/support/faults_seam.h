/* SPDX-License-Identifier: MIT */
/* What the two halves of the seam share: the rows of faults.def, and functions that stand before others. */
#ifndef FAULTS_SEAM_H
#define FAULTS_SEAM_H

typedef enum fault_t {
#define FAULT(name, ...) FAULT_##name,
#define ENGINE_FAULT(name) FAULT_##name,
#define ALIAS(name)
#define COUNTED(name)
#define ENGINE_COUNTED(name)
#define NEVER(reason, names)
#include "faults.def"
#undef FAULT
#undef ENGINE_FAULT
#undef ALIAS
#undef COUNTED
#undef ENGINE_COUNTED
#undef NEVER
  FAULT_ROWS
} fault_t;

/* 0: the call is to be made; else how it fails: an errno, which is set, or FAULT_SHORT. */
int faults_way(fault_t fault);

/* The linker's names: calls of X arrive at __wrap_X, and __real_X is X. */
#define REAL(type, name, params) \
  type __real_##name params;     \
  type __wrap_##name params;

/* One that is called, or fails with a result. */
#define WRAP(type, failed, name, params, args)                       \
  REAL(type, name, params)                                           \
  type __wrap_##name params {                                        \
    return faults_way(FAULT_##name) ? (failed) : __real_##name args; \
  }

#endif
