/* SPDX-License-Identifier: MIT */
/*
 * All 46 functions with the kinds of their parameters, from the library's own table, and for each a call that succeeds
 * (or gives its one errno). For tests that say something about every function or every pointer.
 */
#ifndef CORE_ROWS_H
#define CORE_ROWS_H

#include "core_guest.h"
#include "p1_abi.h"

enum {
#define P1_KIND_INDEX(kind, ctype, letter) CORE_##kind,
  P1_KIND_MAP(P1_KIND_INDEX)
#undef P1_KIND_INDEX
};

enum { CORE_ROWS = 46, CORE_MEMORY = 4096 };

typedef struct core_row_t {
  const char *name;
  bool stream_errno; /* a P1_STREAM_ERRNO row: it never looks at the memory */
  unsigned params;
  uint8_t kind[CORE_ARGS_MAX + 1]; /* one more for the end */
} core_row_t;

extern const core_row_t core_rows[CORE_ROWS];

/* Two arguments of 7 bytes, one variable of 4, 32 bytes on stdin, both outputs captured, a seed. */
wasi_light_options_t core_row_options(void);

bool core_is_pointer(int kind);

/* How many bytes lie behind that pointer in the call below. */
uint32_t core_bytes_behind(const core_row_t *row, unsigned param);

/*
 * The arguments of the good call. Every pointer has a place of its own, from CORE_PLACE(0) on, and iovecs name the
 * 2 x 8 bytes at CORE_BUFFER. core_put_input writes what the function reads, wherever the arguments say that it is;
 * what does not fit into the memory is left out.
 */
#define CORE_PLACE(param) (1024u + 256u * (param))
enum { CORE_BUFFER = 3584, CORE_BUFFER_SIZE = 16 };
void core_good_args(const core_row_t *row, uint64_t args[CORE_ARGS_MAX]);
void core_put_input(core_guest_t *guest, const core_row_t *row, const uint64_t args[CORE_ARGS_MAX]);

/* The good call, with its input in memory, which is then saved. */
uint32_t core_good_call(core_guest_t *guest, const core_row_t *row);

/* Functions whose good call writes the guest's memory, and therefore needs one: 12. */
bool core_needs_memory(const core_row_t *row);

#endif
