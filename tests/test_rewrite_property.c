/* SPDX-License-Identifier: MIT */
/*
 * Random lists of data segments: what they make of a memory of zeros must be the same before and after rewriting. A
 * model, which reads segments by itself, tells for all lists; the engine, for some of them, that the model is right.
 * WASI_LIGHT_TEST_LISTS sets how many lists there are; the seed is fixed.
 */
#include "pool_bytes.h"

enum { PAGES_MAX = 3, SEGMENTS_MAX = 120, PAGE = 65536 };

/* ---- The model: segments are written in order; the first that does not fit is a trap ---- */

typedef struct memory_t {
  uint8_t bytes[PAGES_MAX * PAGE];
  uint32_t size;
  bool trapped;
} memory_t;

/* An offset: i32.const, or the sum of two. */
static uint32_t evaluate(const uint8_t **at) {
  uint32_t values[2] = {0, 0};
  unsigned count = 0;
  while (**at != 0x0b) {
    if (*(*at)++ == 0x41) values[count++ & 1] = (uint32_t)pool_read_s32(at);
  }
  (*at)++;
  return values[0] + values[1];
}

static void run_model(const rig_bytes_t *bytes, memory_t *memory) {
  pool_part_t limits = pool_section(bytes, 5);
  pool_part_t part = pool_section(bytes, 11);
  limits.data += 2; /* their number and the flags of the first */
  memset(memory, 0, sizeof *memory);
  memory->size = pool_read_u32(&limits.data) * PAGE;
  const uint8_t *at = part.data;
  uint32_t count = part.size > 0 ? pool_read_u32(&at) : 0;
  for (uint32_t i = 0; i < count && !memory->trapped; i++) {
    uint32_t flags = pool_read_u32(&at);
    uint32_t index = flags == 2 ? pool_read_u32(&at) : 0;
    uint32_t offset = flags == 1 ? 0 : evaluate(&at);
    uint32_t size = pool_read_u32(&at);
    if (flags != 1 && index == 0) {
      memory->trapped = offset > memory->size || size > memory->size - offset;
      if (!memory->trapped) memcpy(memory->bytes + offset, at, size);
    }
    at += size;
  }
}

/* ---- Random lists ---- */

/* What a list is made of, so that each kind of trouble is the main one in some lists. */
typedef struct taste_t {
  uint32_t spread;     /* offsets lie in the first so many bytes */
  uint32_t longest;    /* segment */
  uint32_t gap;        /* widest from the end of the one before */
  unsigned onward;     /* percent that follow the one before */
  unsigned special;    /* percent that are passive, empty, computed or of another memory */
  unsigned outside;    /* percent of those anywhere that may lie out of bounds */
  unsigned uses_count; /* percent of lists whose code drops a segment */
} taste_t;

static const taste_t tastes[] = {
    {256, 12, 6, 60, 10, 0, 5},      {2000, 40, 30, 70, 2, 0, 0},
    {65536, 600, 5000, 90, 1, 0, 0}, {3 * 65536, 2000, 9000, 60, 4, 20, 2},
    {64, 9, 3, 30, 20, 0, 0},        {400, 3, 40, 85, 0, 0, 0},
    {131072, 1, 4200, 97, 1, 0, 0},  {100, 2, 5, 5, 0, 0, 0},
};

static void write_constant(pool_writer_t *w, uint32_t value) {
  pool_write_u8(w, 0x41);
  pool_write_s32(w, (int32_t)value);
}

static void write_offset(pool_writer_t *w, pool_random_t *random, uint32_t offset, bool computed) {
  if (computed) {
    uint32_t part = pool_below(random, offset + 1);
    write_constant(w, part);
    write_constant(w, offset - part);
    pool_write_u8(w, 0x6a);
  } else {
    write_constant(w, offset);
  }
  pool_write_u8(w, 0x0b);
}

static bool percent(pool_random_t *random, unsigned chance) {
  return pool_below(random, 100) < chance;
}

/* One segment; `*end` is where the one before ended. */
static void write_segment(pool_writer_t *w, pool_random_t *random, const taste_t *taste, bool two_memories,
                          uint32_t *end) {
  enum { PLAIN, PASSIVE, EMPTY, COMPUTED, NUMBERED, OTHER_MEMORY, KINDS };
  uint32_t kind = percent(random, taste->special) ? 1 + pool_below(random, KINDS - 1) : PLAIN;
  uint32_t size = kind == EMPTY ? 0 : 1 + pool_below(random, taste->longest);
  uint32_t offset = pool_below(random, taste->spread);
  if (percent(random, taste->onward)) offset = *end + (percent(random, 40) ? 0 : pool_below(random, taste->gap));
  if (offset + size > taste->spread && !percent(random, taste->outside)) offset = 0;
  if (kind == OTHER_MEMORY && !two_memories) kind = NUMBERED;
  *end = offset + size;
  if (kind == PASSIVE) {
    pool_write_u8(w, 1);
  } else if (kind == NUMBERED || kind == OTHER_MEMORY) {
    pool_write_u8(w, 2);
    pool_write_u8(w, kind == OTHER_MEMORY);
    write_offset(w, random, offset, false);
  } else {
    pool_write_u8(w, 0);
    write_offset(w, random, offset, kind == COMPUTED);
  }
  pool_write_u32(w, size);
  for (uint32_t i = 0; i < size; i++) pool_write_u8(w, (uint8_t)(1 + pool_below(random, 255)));
}

static void write_memories(pool_writer_t *w, uint32_t pages, bool two_memories) {
  pool_writer_t payload = {NULL, 0, 0};
  pool_write_u8(&payload, two_memories ? 2 : 1);
  pool_write_u8(&payload, 0);
  pool_write_u32(&payload, pages);
  if (two_memories) pool_write(&payload, "\0\4", 2);
  pool_write_section(w, 5, &payload);
  pool_write(&payload, "\1\6memory\2\0", 10);
  pool_write_section(w, 7, &payload);
}

/* A module of one function, which drops the last segment or does nothing. */
static rig_bytes_t write_list(pool_random_t *random) {
  const taste_t *taste = &tastes[pool_below(random, COUNT(tastes))];
  pool_writer_t w = {NULL, 0, 0};
  pool_writer_t payload = {NULL, 0, 0};
  bool two_memories = percent(random, 10);
  bool drops = percent(random, taste->uses_count);
  uint32_t count = 1 + pool_below(random, SEGMENTS_MAX);
  uint32_t end = 0;
  pool_write_header(&w);
  pool_write(&payload, "\1\x60\0\0", 4);
  pool_write_section(&w, 1, &payload);
  pool_write(&payload, "\1\0", 2);
  pool_write_section(&w, 3, &payload);
  write_memories(&w, (taste->spread + PAGE - 1) / PAGE, two_memories);
  if (drops || percent(random, 50)) {
    pool_write_u32(&payload, count);
    pool_write_section(&w, 12, &payload);
  }
  if (drops) pool_write(&payload, "\1\5\0\xfc\x9\0\xb", 7);
  else pool_write(&payload, "\1\2\0\xb", 4);
  pool_write_section(&w, 10, &payload);
  pool_write_u32(&payload, count);
  for (uint32_t i = 0; i < count; i++) write_segment(&payload, random, taste, two_memories, &end);
  pool_write_section(&w, 11, &payload);
  return pool_written(&w);
}

/* ---- The property ---- */

static void check_engine(const rig_bytes_t *bytes, const memory_t *expected, size_t number) {
  raw_t raw;
  if (!pool_raw_start(&raw, bytes)) fail_msg("the engine does not take list %zu", number);
  raw_link(&raw, NULL, 0);
  assert_int_equal(raw.instance == NULL, expected->trapped);
  if (raw.instance) {
    const wasm_memory_t *memory = pool_raw_memory(&raw);
    assert_int_equal(wasm_memory_data_size(memory), expected->size);
    assert_memory_equal(wasm_memory_data((wasm_memory_t *)memory), expected->bytes, expected->size);
  }
  raw_end(&raw);
}

static uint32_t segment_count(const rig_bytes_t *bytes) {
  pool_part_t part = pool_section(bytes, 11);
  return pool_read_u32(&part.data);
}

static void test_random_lists(void **state) {
  static memory_t before;
  static memory_t after;
  pool_random_t random = {20240607};
  size_t lists = pool_times("WASI_LIGHT_TEST_LISTS", 20000);
  size_t trapped = 0;
  size_t segments[2] = {0, 0};
  rig_engine();
  for (size_t i = 0; i < lists; i++) {
    rig_bytes_t bytes = write_list(&random);
    pool_rewritten_t out = pool_rewrite(&bytes, NULL);
    run_model(&bytes, &before);
    run_model(&out.bytes, &after);
    if (before.trapped != after.trapped || before.size != after.size) fail_msg("list %zu", i);
    /* memory that no instance came to own is nobody's */
    if (!before.trapped && memcmp(before.bytes, after.bytes, before.size) != 0) fail_msg("list %zu", i);
    trapped += before.trapped;
    segments[0] += segment_count(&bytes);
    segments[1] += segment_count(&out.bytes);
    if (i % 25 == 0) {
      check_engine(&bytes, &before, i);
      check_engine(&out.bytes, &before, i);
    }
    rig_bytes_end(&bytes);
    rig_bytes_end(&out.bytes);
  }
  print_message("%zu lists, %zu of them out of bounds; %zu segments became %zu\n", lists, trapped, segments[0],
                segments[1]);
  assert_true(lists < 1000 || (trapped > lists / 100 && trapped < lists / 3)); /* the lists are worth something */
  assert_true(segments[1] < segments[0] / 4 * 3);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_random_lists),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
