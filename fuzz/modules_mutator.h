/* SPDX-License-Identifier: MIT */
/*
 * How fuzz_modules.c changes a module: mostly within one section or function body, whose lengths and counts are put
 * right afterwards, so that the change gets past the section reader. Included by that file alone.
 */
#ifndef WASI_LIGHT_MODULES_MUTATOR_H
#define WASI_LIGHT_MODULES_MUTATOR_H

#include <string.h>

#include "fuzz.h"
#include "scan.h"
#include "writer.h"

typedef struct mutation_t {
  const uint8_t *bytes;
  wasi_light__section_t sections[64];
  size_t count;
  uint64_t random;
} mutation_t;

static uint32_t below(mutation_t *m, uint32_t limit) {
  m->random = m->random * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(m->random >> 33) % limit;
}

/* Where the sections are, as far as they can be told. */
static void find_sections(mutation_t *m, const uint8_t *bytes, size_t size) {
  wasi_light__reader_t r = {.bytes = bytes, .at = 8, .end = size};
  m->bytes = bytes;
  while (size > 8 && wasi_light__more(&r) && m->count < 64) {
    size_t header = r.at;
    uint8_t id = wasi_light__read_u8(&r);
    wasi_light__slice_t payload = wasi_light__read_slice(&r);
    if (!r.problem) m->sections[m->count++] = (wasi_light__section_t){id, header, r.at - payload.size, r.at};
  }
}

static void write_block(wasi_light__writer_t *w, const wasi_light__writer_t *block) {
  wasi_light__write_u32(w, (uint32_t)block->size);
  wasi_light__write(w, block->bytes, block->size);
}

/* Appends the bytes as libFuzzer changes them: 64 more at most. */
static void mutate_into(wasi_light__writer_t *w, const uint8_t *bytes, size_t size) {
  size_t before = w->size;
  wasi_light__write(w, bytes, size);
  wasi_light__write(w, NULL, 64);
  w->size = w->failed ? w->size : before + LLVMFuzzerMutate(w->bytes + before, size, size + 64);
}

/* A vector with one of its items, that are given with their lengths, changed: function bodies. */
static void mutate_body(mutation_t *m, wasi_light__writer_t *w, wasi_light__reader_t r) {
  uint32_t count = wasi_light__read_count(&r);
  uint32_t chosen = count > 0 ? below(m, count) : 0;
  wasi_light__write_u32(w, count);
  for (uint32_t i = 0; i < count; i++) {
    wasi_light__writer_t body = {NULL, 0, 0, false};
    wasi_light__slice_t old = wasi_light__read_slice(&r);
    if (i == chosen) mutate_into(&body, old.bytes, old.size);
    else wasi_light__write(&body, old.bytes, old.size);
    write_block(w, &body);
    free(body.bytes);
  }
}

/* Items that can be put in front of those of a section. */
static void new_item(mutation_t *m, wasi_light__writer_t *w, uint8_t id) {
  static const uint32_t places[8] = {64, 64, 64, 64, 64, 9000, 65536 * 3, 0}; /* 0: anywhere */
  uint32_t place = places[below(m, 8)];
  uint32_t size = below(m, 8);
  uint8_t wide;
  switch (id) {
    case WASI_LIGHT__DATA: /* near others, so that they touch, overlap or leave a gap */
      if (below(m, 6) == 0) wasi_light__write(w, "\2\0\x41", 3);
      else wasi_light__write(w, "\0\x41", 2);
      wasi_light__write_s32(w, place == 0 ? (uint32_t)((int32_t)(m->random >> 20) >> below(m, 32)) : below(m, place));
      if (below(m, 8) == 0) wasi_light__write(w, "\x41\1\x6a", 3); /* computed */
      wasi_light__write_u8(w, 0x0b);
      wasi_light__write_u32(w, size);
      for (uint32_t i = 0; i < size; i++) wasi_light__write_u8(w, (uint8_t)below(m, 256));
      return;
    case WASI_LIGHT__GLOBALS:
      wide = (uint8_t)below(m, 2);
      wasi_light__write_u8(w, (uint8_t)(WASI_LIGHT__I32 - wide));
      wasi_light__write_u8(w, (uint8_t)below(m, 2));
      wasi_light__write_u8(w, (uint8_t)(0x41 + wide));
      wasi_light__write(w, "\0\x0b", 2);
      return;
    case WASI_LIGHT__EXPORTS:
      wasi_light__write_u32(w, 3 + size);
      wasi_light__write(w, "new", 3);
      for (uint32_t i = 0; i < size; i++) wasi_light__write_u8(w, (uint8_t)('a' + below(m, 26)));
      wasi_light__write_u8(w, (uint8_t)below(m, 4));
      wasi_light__write_u32(w, below(m, 4));
      return;
    case WASI_LIGHT__TABLES: wasi_light__write(w, "\x70", 1); /* fallthrough */
    case WASI_LIGHT__MEMORIES:
      if (below(m, 4) == 0) size = below(m, 80);
      wasi_light__write_u8(w, 1);
      wasi_light__write_u32(w, size);
      wasi_light__write_u32(w, size + below(m, 20));
      return;
    case WASI_LIGHT__FUNCTIONS: wasi_light__write_u32(w, below(m, 3)); return;
    default: /* a type, at times as long as signatures may be at most, or longer */
      if (below(m, 64) == 0) size = below(m, 1100);
      else size = below(m, 3) ? below(m, 10) : 0;
      wasi_light__write_u8(w, 0x60);
      wasi_light__write_u32(w, size);
      for (uint32_t i = 0; i < size; i++) wasi_light__write_u8(w, (uint8_t)(WASI_LIGHT__I32 - below(m, 4)));
      wasi_light__write_u8(w, 0);
  }
}

static void mutate_payload(mutation_t *m, wasi_light__writer_t *w, const wasi_light__section_t *section) {
  wasi_light__reader_t r = {.bytes = m->bytes, .at = section->payload, .end = section->end};
  uint32_t how = below(m, 8);
  if (how < 4 && section->id == WASI_LIGHT__CODE) {
    mutate_body(m, w, r);
  } else if (how < 4 && section->id != WASI_LIGHT__CUSTOM && section->id != WASI_LIGHT__START &&
             section->id != WASI_LIGHT__CODE && section->id < WASI_LIGHT__DATA_COUNT) {
    uint32_t more = 1 + below(m, below(m, 4) ? 2 : 80);
    wasi_light__write_u32(w, wasi_light__read_count(&r) + more);
    for (uint32_t i = 0; i < more; i++) new_item(m, w, section->id);
    wasi_light__write(w, m->bytes + r.at, r.end - r.at);
  } else {
    mutate_into(w, m->bytes + section->payload, section->end - section->payload);
  }
}

/* One section changed, left out, doubled, or followed by a new one; the data count is sometimes put right. */
static void mutate_module(mutation_t *m, wasi_light__writer_t *w) {
  uint32_t chosen = below(m, (uint32_t)m->count);
  uint32_t how = below(m, 16);
  wasi_light__write(w, m->bytes, 8);
  for (size_t i = 0; i < m->count; i++) {
    const wasi_light__section_t *section = &m->sections[i];
    wasi_light__writer_t payload = {NULL, 0, 0, false};
    if (i == chosen && how == 0) continue;
    if (i == chosen && how > 2) mutate_payload(m, &payload, section);
    else wasi_light__write(&payload, m->bytes + section->payload, section->end - section->payload);
    if (i == chosen && how == 1) {
      wasi_light__write_u8(w, section->id);
      write_block(w, &payload);
    }
    if (i == chosen && how == 2) wasi_light__write(w, "\0\2\1x", 4); /* a custom section */
    if (section->id == WASI_LIGHT__DATA_COUNT && below(m, 2) && m->sections[m->count - 1].id == WASI_LIGHT__DATA) {
      const wasi_light__section_t *last = &m->sections[m->count - 1];
      wasi_light__reader_t data = {.bytes = m->bytes, .at = last->payload, .end = last->end};
      payload.size = 0;
      wasi_light__write_u32(&payload, wasi_light__read_u32(&data));
    }
    wasi_light__write_u8(w, section->id);
    write_block(w, &payload);
    free(payload.bytes);
  }
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t max_size, unsigned seed) {
  mutation_t m = {.random = seed};
  wasi_light__writer_t w = {NULL, 0, 0, false};
  find_sections(&m, bytes, size);
  if (m.count == 0 || below(&m, 8) == 0) return LLVMFuzzerMutate(bytes, size, max_size);
  mutate_module(&m, &w);
  bool fits = w.size <= max_size && !w.failed;
  if (fits) memcpy(bytes, w.bytes, size = w.size);
  free(w.bytes);
  return fits ? size : LLVMFuzzerMutate(bytes, size, max_size);
}

#endif
