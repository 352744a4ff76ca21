/* SPDX-License-Identifier: MIT */
/* Bytes that are appended to. A failed allocation sticks; what is written after it is lost. */
#ifndef WASI_LIGHT_WRITER_H
#define WASI_LIGHT_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct wasi_light__writer_t {
  uint8_t *bytes; /* own: free() */
  size_t size;
  size_t room;
  bool failed;
} wasi_light__writer_t;

/* Appends `size` bytes, or zeros where `bytes` is NULL. */
void wasi_light__write(wasi_light__writer_t *w, const void *bytes, size_t size);
void wasi_light__write_u8(wasi_light__writer_t *w, uint8_t byte);
void wasi_light__write_u32(wasi_light__writer_t *w, uint32_t value); /* LEB128 */
void wasi_light__write_s32(wasi_light__writer_t *w, uint32_t value); /* LEB128, signed */

#endif
