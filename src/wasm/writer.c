/* SPDX-License-Identifier: MIT */
/* See writer.h. */
#include "writer.h"

#include <stdlib.h>
#include <string.h>

static bool make_room(wasi_light__writer_t *w, size_t size) {
  if (w->failed || size > SIZE_MAX / 2 - w->size) return false;
  if (w->size + size <= w->room) return true;
  size_t room = w->room < 256 ? 256 : w->room;
  while (room < w->size + size) room *= 2;
  uint8_t *bytes = realloc(w->bytes, room);
  if (!bytes) return false;
  w->bytes = bytes;
  w->room = room;
  return true;
}

void wasi_light__write(wasi_light__writer_t *w, const void *bytes, size_t size) {
  if (size == 0) return;
  if (!make_room(w, size)) {
    w->failed = true;
    return;
  }
  if (bytes) memcpy(w->bytes + w->size, bytes, size);
  else memset(w->bytes + w->size, 0, size);
  w->size += size;
}

void wasi_light__write_u8(wasi_light__writer_t *w, uint8_t byte) {
  wasi_light__write(w, &byte, 1);
}

void wasi_light__write_u32(wasi_light__writer_t *w, uint32_t value) {
  for (; value >= 0x80; value >>= 7) wasi_light__write_u8(w, (uint8_t)(value | 0x80));
  wasi_light__write_u8(w, (uint8_t)value);
}

void wasi_light__write_s32(wasi_light__writer_t *w, uint32_t value) {
  uint32_t sign = value >> 31 ? UINT32_MAX : 0;
  for (;;) {
    uint8_t low = value & 0x7f;
    value = value >> 7 | sign << 25;
    bool last = value == sign && (low & 0x40) == (sign & 0x40);
    wasi_light__write_u8(w, last ? low : low | 0x80);
    if (last) return;
  }
}
