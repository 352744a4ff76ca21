// SPDX-License-Identifier: MIT
//
// What the probe's files share. probe.c makes the calls and prints what came of them; probe_matrix.h has the cases that
// are made from the parameters' kinds, probe_special.h those that are made by hand.
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe_functions.h"

// Watched is the memory's head, its tail, and an arena of a slot for each argument and one for data.
enum { SLOT_SIZE = 512, DATA = 9, SLOTS = 10, ARENA_SIZE = SLOT_SIZE * SLOTS, HEAD_SIZE = 512, TAIL_SIZE = 512 };
enum { PATTERN = 0xa5, BYTES = 16, EVENTS = 4, ARGUMENTS = 9 };

typedef struct function_t {
  const char *name;
  uint32_t (*call)(const uint64_t *arguments);
  const char *parameters;
} function_t;

typedef struct parameter_t {
  const char *name;
  size_t name_size;
  char kind;
  int index;
} parameter_t;

extern uint32_t probe_end; // the size of memory

uint32_t slot(uint32_t index);
uint8_t *at(uint32_t address);
uint32_t size_of(char kind);
bool is_output(char kind);
void put_part(const char *text, size_t size);

// The next of a function's parameters; begin with index -1.
bool next_parameter(const char **text, parameter_t *parameter);

// Whether this case shall be made. If so, watched memory is full of the pattern.
bool begin_case(const char *name);
bool begin_variant(parameter_t parameter, const char *variant);

// make_call ends a case: it calls the current function and prints. `call` only calls, and `say` only prints.
void make_call(const uint64_t *arguments);
uint32_t call(const uint64_t *arguments);
void say(const char *result);
const function_t *find_function(const char *name);

void matrix(const function_t *function);
void special(const char *name);

#endif
