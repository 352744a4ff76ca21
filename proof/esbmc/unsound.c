/* SPDX-License-Identifier: MIT */
/*
 * Why esbmc.sh does not use --k-induction: `esbmc --k-induction --function fill proof/esbmc/unsound.c` says SUCCESSFUL with
 * ESBMC 7.7.0, though the 65th byte is written past the end. The loop's changes through the pointer are not forgotten.
 */
typedef struct buffer_t {
  unsigned size;
  unsigned char bytes[64];
} buffer_t;

unsigned nondet_uint(void);
static buffer_t buffer;

static void append(buffer_t *to, unsigned count) {
  for (unsigned i = 0; i < count; i++) to->bytes[to->size++] = 1;
}

void fill(void) {
  buffer.size = 0;
  append(&buffer, nondet_uint());
}
