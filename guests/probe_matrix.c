// SPDX-License-Identifier: MIT
//
// The probe's cases that follow from the kinds of a function's parameters: one call with good arguments, then each
// parameter in turn with every value that its kind has here, the others being good.

#include "probe.h"

#define MAX32 0xffffffffu
#define MAX64 0xffffffffffffffffull

typedef struct value_t {
  char kind;
  const char *name;
  uint64_t value;
} value_t;

// Of flags: all of them, the first bit beyond, all bits of the type, and a bit beyond the type.
static const value_t values[] = {
    {'f', "0", 0},
    {'f', "1", 1},
    {'f', "2", 2},
    {'f', "3", 3},
    {'f', "4", 4},
    {'f', "-1", MAX32},
    {'f', "2^31", 1u << 31},
    {'k', "0", 0},
    {'k', "2", 2},
    {'k', "3", 3},
    {'k', "4", 4},
    {'k', "2^32-1", MAX32},
    {'x', "1", 1},
    {'x', "125", 125},
    {'x', "126", 126},
    {'x', "255", 255},
    {'x', "256", 256},
    {'x', "2^32-1", MAX32},
    {'g', "1", 1},
    {'g', "6", 6},
    {'g', "9", 9},
    {'g', "17", 17},
    {'g', "31", 31},
    {'g', "255", 255},
    {'g', "256", 256},
    {'a', "5", 5},
    {'a', "6", 6},
    {'a', "255", 255},
    {'a', "256", 256},
    {'w', "1", 1},
    {'w', "2", 2},
    {'w', "3", 3},
    {'w', "255", 255},
    {'w', "256", 256},
    {'F', "31", 31},
    {'F', "4", 4},
    {'F', "32", 32},
    {'F', "65535", 65535},
    {'F', "65536", 65536},
    {'T', "5", 5},
    {'T', "15", 15},
    {'T', "16", 16},
    {'T', "65535", 65535},
    {'T', "65536", 65536},
    {'L', "1", 1},
    {'L', "2", 2},
    {'L', "2^32-1", MAX32},
    {'O', "1", 1},
    {'O', "15", 15},
    {'O', "16", 16},
    {'O', "65535", 65535},
    {'O', "65536", 65536},
    {'R', "3", 3},
    {'R', "4", 4},
    {'R', "65535", 65535},
    {'R', "65536", 65536},
    {'S', "1", 1},
    {'S', "65535", 65535},
    {'S', "65536", 65536},
    {'D', "0", 0},
    {'D', "2", 2},
    {'D', "3", 3},
    {'D', "4", 4},
    {'D', "255", 255},
    {'D', "256", 256},
    {'t', "1", 1},
    {'t', "2^64-1", MAX64},
    {'z', "1", 1},
    {'z', "2^63", 1ull << 63},
    {'z', "2^64-1", MAX64},
    {'o', "1", 1},
    {'o', "-1", MAX64},
    {'o', "2^63-1", MAX64 >> 1},
    {'q', "1", 1},
    {'q', "2^64-1", MAX64},
    {'r', "2", 2},
    {'r', "2^30-1", (1u << 30) - 1},
    {'r', "2^30", 1u << 30},
    {'r', "2^64-1", MAX64},
};

// Counts and lengths, with another value of the pointer before them where `moved`.
typedef struct length_t {
  const char *kinds, *name;
  uint32_t value;
  enum { STAYS, TO_END, TO_MAX } pointer;
} length_t;

static const length_t lengths[] = {
    {"clmn", "0", 0, STAYS},
    {"clm", "0, pointer at the end", 0, TO_END},
    {"clmn", "0, pointer 2^32-1", 0, TO_MAX},
    {"c", "2^29, bytes wrap to 0", 1u << 29, STAYS},
    {"n", "89478486, bytes wrap to 32", 89478486, STAYS},
    {"clmn", "2^32-1", MAX32, STAYS},
};

// A buffer that the iovec names.
typedef struct buffer_t {
  const char *name;
  bool from_end;
  uint32_t address, size;
} buffer_t;

static const buffer_t buffers[] = {
    {"buffer fits the end", true, -3u, 3}, {"buffer one byte over the end", true, -2u, 3},
    {"buffer at the end", true, 0, 1},     {"empty buffer at the end", true, 0, 0},
    {"buffer 2^32-1", false, MAX32, 1},    {"empty buffer 2^32-1", false, MAX32, 0},
    {"buffer wraps to 0", false, -3u, 3},  {"buffer size 2^32-1", true, -8u, MAX32},
};

static bool contains(const char *kinds, char kind) {
  while (*kinds && *kinds != kind) kinds++;
  return *kinds == kind;
}

static void store(uint32_t address, uint64_t value, uint32_t size) {
  for (uint32_t i = 0; i < size; i++) at(address)[i] = (uint8_t)(value >> 8 * i);
}

// What a good pointer of this kind points to, if it fits there.
static void place(char kind, uint32_t address) {
  uint32_t size = size_of(kind);
  if ((uint64_t)address + size > probe_end) return;
  switch (kind) {
    case 'p':
      for (uint32_t i = 0; i < size; i++) at(address)[i] = (uint8_t)"file"[i];
      break;
    case 'v':
      store(address, slot(DATA), 4);
      store(address + 4, 3, 4);
      break;
    case 's': // the monotonic clock, at once
      for (uint32_t i = 0; i < size; i++) at(address)[i] = 0;
      store(address, 77, 8);
      store(address + 16, 1, 4);
      break;
    default: break;
  }
}

// Streams that a function reads are 0 and those that it writes 2, so that 1 is left alone for the report.
static uint32_t good_fd(const char *function, int index) {
  bool writes = contains("ps", function[0]) ? function[3] == 's' : function[3] == 'w' || function[4] == 'w';
  return writes || index > 0 ? 2 : 0;
}

static void good_arguments(const function_t *function, uint64_t *a) {
  parameter_t p = {.index = -1};
  for (uint32_t i = 0; i < 3; i++) at(slot(DATA))[i] = (uint8_t)"abc"[i];
  for (const char *text = function->parameters; next_parameter(&text, &p);) {
    uint64_t *argument = &a[p.index];
    *argument = 0;
    if (p.kind == 'f') *argument = good_fd(function->name, p.index);
    else if (contains("kcnD", p.kind)) *argument = 1;
    else if (p.kind == 'l') *argument = 4;
    else if (p.kind == 'm') *argument = BYTES;
    else if (is_output(p.kind) || contains("pvs", p.kind))
      place(p.kind, (uint32_t)(*argument = slot((uint32_t)p.index)));
  }
}

static void vary_value(const function_t *function, parameter_t p) {
  uint64_t a[ARGUMENTS];
  for (uint32_t i = 0; i < sizeof values / sizeof values[0]; i++) {
    if (values[i].kind != p.kind || !begin_variant(p, values[i].name)) continue;
    good_arguments(function, a);
    a[p.index] = values[i].value;
    make_call(a);
  }
}

static void vary_pointer(const function_t *function, parameter_t p) {
  uint32_t size = size_of(p.kind);
  const struct {
    const char *name;
    uint32_t address;
  } pointers[] = {{"fits the end", probe_end - size},
                  {"one byte over the end", probe_end - size + 1},
                  {"at the end", probe_end},
                  {"2^32-1", MAX32},
                  {"wraps to 0", 0 - size},
                  {"null", 0},
                  {"unaligned", slot((uint32_t)p.index) + 1}};
  uint64_t a[ARGUMENTS];
  for (uint32_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
    if (!begin_variant(p, pointers[i].name)) continue;
    good_arguments(function, a);
    a[p.index] = pointers[i].address;
    place(p.kind, pointers[i].address);
    make_call(a);
  }
}

static void vary_length(const function_t *function, parameter_t p) {
  uint64_t a[ARGUMENTS];
  for (uint32_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    if (!contains(lengths[i].kinds, p.kind) || !begin_variant(p, lengths[i].name)) continue;
    good_arguments(function, a);
    a[p.index] = lengths[i].value;
    if (lengths[i].pointer != STAYS) a[p.index - 1] = lengths[i].pointer == TO_END ? probe_end : MAX32;
    make_call(a);
  }
}

static void vary_buffer(const function_t *function, parameter_t p) {
  uint64_t a[ARGUMENTS];
  for (uint32_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
    if (!begin_variant(p, buffers[i].name)) continue;
    good_arguments(function, a);
    store((uint32_t)a[p.index], buffers[i].address + (buffers[i].from_end ? probe_end : 0), 4);
    store((uint32_t)a[p.index] + 4, buffers[i].size, 4);
    make_call(a);
  }
}

void matrix(const function_t *function) {
  uint64_t a[ARGUMENTS];
  parameter_t p = {.index = -1};
  if (begin_case("good arguments")) {
    good_arguments(function, a);
    make_call(a);
  }
  for (const char *text = function->parameters; next_parameter(&text, &p);) {
    vary_value(function, p);
    vary_length(function, p);
    if (is_output(p.kind) || contains("pvs", p.kind)) vary_pointer(function, p);
    if (p.kind == 'v') vary_buffer(function, p);
  }
}
