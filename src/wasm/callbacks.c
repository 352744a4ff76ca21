/* SPDX-License-Identifier: MIT */
/*
 * The 46 functions as callbacks, made from the table; each as wasm.h has them, and as engines take them that call without
 * converting arguments. A stop of the core becomes a trap here.
 */
#include <string.h>

#include "../core/rows.h"
#include "adapter.h"

/* A NULL would let the guest run on, and Wasmer gives one for a text that is not UTF-8: it gets another text. */
own wasm_trap_t *wasi_light__text_trap(wasm_store_t *store, const char *text) {
  wasm_message_t message = {strlen(text) + 1, (wasm_byte_t *)text}; /* borrowed, and not written; with its NUL */
  wasm_trap_t *trap = wasm_trap_new(store, &message);
  if (trap) return trap;
  char plain[] = "a host function's trap, with a message that is not UTF-8";
  wasm_message_t other = WASM_ARRAY_VEC(plain);
  return wasm_trap_new(store, &other);
}

own wasm_trap_t *wasi_light__exit_trap(wasi_light_env_t *env) {
  return wasi_light__text_trap(env->store, "the guest has exited");
}

/* Passes the errno on, or stops the guest. */
static own wasm_trap_t *call(wasi_light_env_t *env, uint32_t row, const uint64_t *args, uint64_t *result) {
  uint32_t status = wasi_light__call(env, row, args);
  *result = status;
  if (status < WASI_LIGHT_STOP) return NULL;
  if (status == P1_STOP_EXIT) return wasi_light__exit_trap(env);
  return wasi_light__text_trap(env->store, "a WASI function stopped the guest");
}

/* A wasm_func_callback's results come with a wrong kind: it is set here. */
static own wasm_trap_t *call_with_vals(wasi_light_env_t *env, uint32_t row, const uint64_t *args,
                                       wasm_val_vec_t *results) {
  uint64_t result;
  wasm_trap_t *trap = call(env, row, args, &result);
  if (!trap && results->size > 0) {
    results->data[0].kind = WASM_I32;
    results->data[0].of.i32 = (int32_t)result;
  }
  return trap;
}

static uint64_t value(wasm_val_t val, char letter) {
  return letter == 'i' ? (uint32_t)val.of.i32 : (uint64_t)val.of.i64;
}

#define CALLBACKS(name, row, ...)                                                                      \
  static own wasm_trap_t *on_##name(void *data, const wasm_val_vec_t *args, wasm_val_vec_t *results) { \
    const uint64_t values[] = {__VA_ARGS__ 0};                                                         \
    (void)args;                                                                                        \
    return call_with_vals(data, row, values, results);                                                 \
  }                                                                                                    \
  static own wasm_trap_t *raw_##name(void *data, const uint64_t *args, uint64_t *result) {             \
    return call(data, row, args, result);                                                              \
  }
#define P(index, kind, name) value(args->data[index], P1_WASM_##kind),
#define P1_FUNCTION(name, result, doc, ...) CALLBACKS(name, P1_ROW_##name, __VA_ARGS__)
#include "../core/p1_functions.def"
#define P(index, kind, name) value(args->data[index], P1_WASM_##kind),
#define P0_FUNCTION(name, body, result, ...) CALLBACKS(name##_0, P0_ROW_##name, __VA_ARGS__)
#include "../core/p0_functions.def"

static const wasi_light__callbacks_t callbacks[P1_ALL_ROWS] = {
#define P(index, kind, name)
#define P1_FUNCTION(name, result, doc, ...) {on_##name, raw_##name},
#include "../core/p1_functions.def"
#define P(index, kind, name)
#define P0_FUNCTION(name, body, result, ...) {on_##name##_0, raw_##name##_0},
#include "../core/p0_functions.def"
};

own wasm_func_t *wasi_light__wasi_function(wasi_light_env_t *env, wasm_store_t *store, const wasm_functype_t *type,
                                           const wasi_light__callbacks_t *functions) {
  wasm_func_t *func = wasi_light__new_raw_func(store, type, functions->raw, env);
  return func ? func : wasm_func_new_with_env(store, type, functions->with_vals, env, NULL);
}

bool wasi_light__binding(wasi_light__slice_t module, wasi_light__slice_t name, wasi_light__binding_t *binding) {
  uint32_t row = wasi_light__find_row((const char *)module.bytes, module.size, (const char *)name.bytes, name.size);
  if (row == P1_ALL_ROWS) return false;
  *binding = (wasi_light__binding_t){wasi_light__function(row)->signature, &callbacks[row]};
  return true;
}
