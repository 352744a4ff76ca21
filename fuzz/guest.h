/* SPDX-License-Identifier: MIT */
/*
 * A guest made of bytes, for the targets that need no engine: a configuration, a memory between inaccessible pages, and
 * steps: WASI calls with any arguments, and what guest and host do in between. After each step everything that must hold
 * is checked.
 */
#ifndef WASI_LIGHT_FUZZ_GUEST_H
#define WASI_LIGHT_FUZZ_GUEST_H

#include "effects.h"
#include "fuzz.h"

enum {
  FUZZ_MEMORY_MAX = 65536, /* room for all the iovecs and subscriptions that a call serves */
  FUZZ_CAPTURE_MAX = 96,
  FUZZ_LOG_MAX = 1 << 18,

  FUZZ_LAST_STATUS = P1_STOP_DIVERGED
};

/* What a guest is given. The options' pointers point into it: it is not to be copied. */
typedef struct fuzz_setup_t {
  wasi_light_options_t options;
  wasi_light_rule_t rules[3];
  uint64_t seed;
  uint32_t memory_size;
  uint8_t fill;         /* what memory is at first: see fuzz_start */
  uint8_t answers;      /* what callbacks do; 0: nothing unusual */
  bool twice;           /* nothing comes from the system, and the same steps are to be seen to have the same results */
  bool without_address; /* a memory of no bytes has no address */
} fuzz_setup_t;

typedef struct fuzz_guest_t {
  fuzz_setup_t *setup;
  wasi_light_config_t *config;
  wasi_light_env_t *env;
  uint8_t *base;
  uint32_t size;
  bool written;             /* by a callback: memory may be anything */
  bool high_bits;           /* of arguments that are i32 are set */
  uint32_t binds, releases; /* of memory */
  uint32_t asked;           /* callbacks so far */
  uint32_t records;         /* calls of the record callback since the last reset */
  uint64_t statuses;        /* a digest of all statuses */
  uint64_t digest;          /* of all answers and of all that callbacks saw */
  wasi_light__env_state_t saved;
  uint8_t saved_captured[2][FUZZ_CAPTURE_MAX];
  bool has_saved;
  bool has_jumped;                       /* the log does not go on: after a reset, or back to what was saved */
  uint8_t captured[2][FUZZ_CAPTURE_MAX]; /* what must be captured */
  uint8_t *log;                          /* what was recorded since the last reset; FUZZ_LOG_MAX bytes */
  size_t log_size;
} fuzz_guest_t;

/* options.c: what a guest is given, from the input's first bytes. Sleep is never real, and no stream is the process's. */
void fuzz_take_setup(fuzz_input_t *in, fuzz_setup_t *setup);

/* guest.c: false if the options are refused, with a proper error. */
bool fuzz_start(fuzz_guest_t *guest, fuzz_setup_t *setup);
void fuzz_end(fuzz_guest_t *guest);
void fuzz_digest(fuzz_guest_t *guest, const void *bytes, size_t size);
/* One WASI call, checked. `args` are as many as the row has parameters. */
uint32_t fuzz_call(fuzz_guest_t *guest, uint32_t row, const uint64_t *args);
/* The guest writes to its memory: as much as fits. */
void fuzz_poke(fuzz_guest_t *guest, uint32_t ptr, const void *bytes, size_t size);
void fuzz_bind(fuzz_guest_t *guest, bool bound);
void fuzz_grow(fuzz_guest_t *guest, uint32_t size);
void fuzz_reset(fuzz_guest_t *guest);
void fuzz_save(fuzz_guest_t *guest);
void fuzz_restore(fuzz_guest_t *guest);
void fuzz_check_env(fuzz_guest_t *guest);

/* steps.c: what the input's bytes say, and one step of it. In a large memory there are fewer. */
void fuzz_steps(fuzz_guest_t *guest, fuzz_input_t *in);
void fuzz_step(fuzz_guest_t *guest, fuzz_input_t *in);

/* callbacks.c: of all kinds. */
extern const wasi_light_options_t fuzz_callbacks;

#endif
