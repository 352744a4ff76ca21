/* SPDX-License-Identifier: MIT */
/* The public list of the 46 functions, made from the table, for engines that bind it themselves. */
#include "env.h"

#define P1_RESULT_ERRNO 'i',
#define P1_RESULT_NORETURN

#define P(index, kind, name) , (p1_##kind##_t)args[index]
#define P1_FUNCTION(name, result, doc, ...)                                  \
  static uint32_t call_##name(wasi_light_env_t *env, const uint64_t *args) { \
    (void)args;                                                              \
    if (!wasi_light__may_call(env)) return P1_STOP_EXIT;                     \
    return wasi_light__called(env, #name, p1_##name(env __VA_ARGS__));       \
  }
#include "p1_functions.def"

#define P(index, kind, name) P1_WASM_##kind,
#define P1_FUNCTION(name, result, doc, ...) \
  static const char signature_##name[] = {'(', __VA_ARGS__ ')', P1_RESULT_##result '\0'};
#include "p1_functions.def"

static const wasi_light_function_t functions[] = {
#define P1_FUNCTION(name, result, doc, ...) {#name, signature_##name, call_##name, doc},
#include "p1_functions.def"
};

const wasi_light_function_t *wasi_light_functions(size_t *count) {
  *count = sizeof functions / sizeof *functions;
  return functions;
}
