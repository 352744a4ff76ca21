/* SPDX-License-Identifier: MIT */
/* The 46 functions as callbacks of wasm.h, made from the table. A stop of the core becomes a trap here. */
#include <string.h>

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

/* Passes the errno on, or stops the guest. wasm_func_callback results come with a wrong kind: it is set here. */
static own wasm_trap_t *finish(wasi_light_env_t *env, const char *name, uint32_t status, wasm_val_vec_t *results) {
  status = wasi_light__called(env, name, status);
  if (status == P1_STOP_EXIT) return wasi_light__exit_trap(env);
  if (status >= WASI_LIGHT_STOP) return wasi_light__text_trap(env->store, "a WASI function stopped the guest");
  if (results->size > 0) {
    results->data[0].kind = WASM_I32;
    results->data[0].of.i32 = (int32_t)status;
  }
  return NULL;
}

static uint64_t value(wasm_val_t val, char letter) {
  return letter == 'i' ? (uint32_t)val.of.i32 : (uint64_t)val.of.i64;
}

#define P(index, kind, name) , (p1_##kind##_t)value(args->data[index], P1_WASM_##kind)
#define P1_FUNCTION(name, result, doc, ...)                                                            \
  static own wasm_trap_t *on_##name(void *data, const wasm_val_vec_t *args, wasm_val_vec_t *results) { \
    wasi_light_env_t *env = data;                                                                      \
    (void)args;                                                                                        \
    if (!wasi_light__may_call(env)) return wasi_light__exit_trap(env);                                 \
    return finish(env, #name, p1_##name(env __VA_ARGS__), results);                                    \
  }
#include "../core/p1_functions.def"

static const wasm_func_callback_with_env_t callbacks[] = {
#define P1_FUNCTION(name, result, doc, ...) on_##name,
#include "../core/p1_functions.def"
};

bool wasi_light__binding(wasi_light__slice_t module, wasi_light__slice_t name, wasi_light__binding_t *binding) {
  size_t count;
  const wasi_light_function_t *functions = wasi_light_functions(&count);
  if (!wasi_light__same(module, wasi_light__slice_of_text("wasi_snapshot_preview1"))) return false;
  for (size_t i = 0; i < count; i++) {
    if (!wasi_light__same(name, wasi_light__slice_of_text(functions[i].name))) continue;
    *binding = (wasi_light__binding_t){functions[i].signature, callbacks[i]};
    return true;
  }
  return false;
}
