/* SPDX-License-Identifier: MIT */
/* The table as data: the public list of the 46 functions, for engines that bind it themselves, and rows.h. */
#include <string.h>

#include "rows.h"

#define P1_RESULT_ERRNO 'i',
#define P1_RESULT_NORETURN

#define P(index, kind, name) , (p1_##kind##_t)args[index]
#define P1_FUNCTION(name, result, doc, ...)                                  \
  static uint32_t body_##name(wasi_light_env_t *env, const uint64_t *args) { \
    (void)args;                                                              \
    return p1_##name(env __VA_ARGS__);                                       \
  }                                                                          \
  static uint32_t call_##name(wasi_light_env_t *env, const uint64_t *args) { \
    return wasi_light__call(env, P1_ROW_##name, args);                       \
  }
#include "p1_functions.def"

#define P(index, kind, name) , (p1_##kind##_t)args[index]
#define P0_FUNCTION(name, body, result, ...)                                  \
  static uint32_t body0_##name(wasi_light_env_t *env, const uint64_t *args) { \
    return body(env __VA_ARGS__);                                             \
  }                                                                           \
  static uint32_t call0_##name(wasi_light_env_t *env, const uint64_t *args) { \
    return wasi_light__call(env, P0_ROW_##name, args);                        \
  }
#include "p0_functions.def"

#define P(index, kind, name) P1_WASM_##kind,
#define P1_FUNCTION(name, result, doc, ...) \
  static const char signature_##name[] = {'(', __VA_ARGS__ ')', P1_RESULT_##result '\0'};
#include "p1_functions.def"

static const wasi_light_function_t functions[P1_ALL_ROWS] = {
#define P(index, kind, name)
#define P1_FUNCTION(name, result, doc, ...) {#name, signature_##name, call_##name, doc},
#include "p1_functions.def"
#define P(index, kind, name)
#define P0_FUNCTION(name, body, result, ...) \
  {#name, signature_##name, call0_##name, "As preview 1 has it, in the layout of snapshot 0."},
#include "p0_functions.def"
};

const p1_row_t wasi_light__rows[P1_ALL_ROWS] = {
#define P(index, kind, name) P1_KIND_##kind,
#define P1_FUNCTION(name, result, doc, ...) {#name, body_##name, P1_ROW_##name, {__VA_ARGS__ P1_KIND_NONE}},
#include "p1_functions.def"
#define P(index, kind, name) P1_KIND_##kind,
#define P0_FUNCTION(name, body, result, ...) {#name, body0_##name, P1_ROW_##name, {__VA_ARGS__ P1_KIND_NONE}},
#include "p0_functions.def"
};

const wasi_light_function_t *wasi_light_functions(size_t *count) {
  *count = P1_ROWS;
  return functions;
}

const wasi_light_function_t *wasi_light__function(uint32_t row) {
  return &functions[row];
}

static bool is_text(const char *bytes, size_t size, const char *text) {
  return strlen(text) == size && memcmp(bytes, text, size) == 0;
}

uint32_t wasi_light__find_row(const char *module, size_t module_size, const char *name, size_t name_size) {
  bool unstable = is_text(module, module_size, "wasi_unstable");
  if (!unstable && !is_text(module, module_size, "wasi_snapshot_preview1")) return P1_ALL_ROWS;
  for (uint32_t row = P1_ROWS; unstable && row < P1_ALL_ROWS; row++) {
    if (is_text(name, name_size, functions[row].name)) return row;
  }
  for (uint32_t row = 0; row < P1_ROWS; row++) {
    bool exists = !unstable || row != P1_ROW_sock_accept;
    if (exists && is_text(name, name_size, functions[row].name)) return row;
  }
  return P1_ALL_ROWS;
}

uint32_t wasi_light__row_named(const char *function) {
  static const char module[] = "wasi_snapshot_preview1";
  return wasi_light__find_row(module, sizeof module - 1, function, strlen(function));
}

const wasi_light_function_t *wasi_light_function(const char *module, const char *name) {
  uint32_t row = wasi_light__find_row(module, strlen(module), name, strlen(name));
  return row < P1_ALL_ROWS ? &functions[row] : NULL;
}
