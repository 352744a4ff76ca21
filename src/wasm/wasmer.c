/* SPDX-License-Identifier: MIT */
/* What Wasmer has beyond wasm.h. Another engine's port replaces this file. */
#include <stdlib.h>
#include <wasmer.h>

#include "adapter.h"

static wasi_light_view_t standard_view(const wasm_memory_t *memory) {
  wasm_memory_t *handle = (wasm_memory_t *)memory; /* wasm_memory_data wants it so */
  return (wasi_light_view_t){(uint8_t *)wasm_memory_data(handle), wasm_memory_data_size(memory)};
}

/* In engines that are built from engine/ there is more, in others the addresses of these are NULL. */
#ifdef WASI_LIGHT_STOCK_ENGINE /* so that the other way is tested too */
own wasm_func_t *wasi_light__new_raw_func(wasm_store_t *store, const wasm_functype_t *type,
                                          wasi_light__raw_callback_t callback, void *env) {
  (void)store, (void)type, (void)callback, (void)env;
  return NULL;
}

wasi_light_view_t wasi_light__memory_view(const wasm_memory_t *memory) {
  return standard_view(memory);
}
#else
/* NOLINTBEGIN(readability-redundant-declaration): only the header of an engine that has them declares them too */
__attribute__((weak)) wasm_func_t *wasmer_func_new_raw_with_env(wasm_store_t *store, const wasm_functype_t *type,
                                                                wasi_light__raw_callback_t callback, void *env,
                                                                void (*finalizer)(void *));
__attribute__((weak)) uint8_t *wasmer_memory_data_with_size(const wasm_memory_t *memory, uintptr_t *size);
/* NOLINTEND(readability-redundant-declaration) */

own wasm_func_t *wasi_light__new_raw_func(wasm_store_t *store, const wasm_functype_t *type,
                                          wasi_light__raw_callback_t callback, void *env) {
  return wasmer_func_new_raw_with_env ? wasmer_func_new_raw_with_env(store, type, callback, env, NULL) : NULL;
}

wasi_light_view_t wasi_light__memory_view(const wasm_memory_t *memory) {
  uintptr_t size;
  if (!wasmer_memory_data_with_size) return standard_view(memory);
  uint8_t *base = wasmer_memory_data_with_size(memory, &size);
  return (wasi_light_view_t){base, size};
}
#endif

const char *wasi_light__engine_version(void) {
  return wasmer_version();
}

void wasi_light__engine_message(char *text, size_t size, const char *otherwise) {
  int length = wasmer_last_error_length();
  char *message = length > 0 ? malloc((size_t)length) : NULL;
  bool known = message && wasmer_last_error_message(message, length) > 0;
  wasi_light__format(text, size, "%s", known ? message : otherwise);
  free(message);
}

bool wasi_light_wat2wasm(const char *text, size_t size, own wasm_byte_vec_t *bytes, wasi_light_error_t *error) {
  wasm_byte_vec_t wat;
  wasm_byte_vec_new(&wat, size, text);
  wat2wasm(&wat, bytes);
  wasm_byte_vec_delete(&wat);
  if (bytes->data) return true;
  char message[2048];
  wasi_light__engine_message(message, sizeof message, "the engine gave no reason");
  wasi_light__fail(error, WASI_LIGHT_ERROR_MODULE, "the WebAssembly text does not parse: %s", message);
  return false;
}

/* ---- Metering ---- */

/* What takes longer the more of it there is has no price by length: see points_per_call in the header. */
static uint64_t cost_of(enum wasmer_parser_operator_t instruction) {
  enum { BULK = 100 };
  switch (instruction) {
    case MemoryGrow:
    case MemoryInit:
    case MemoryCopy:
    case MemoryFill:
    case TableGrow:
    case TableInit:
    case TableCopy:
    case TableFill: return BULK;
    default: return 1;
  }
}

own wasm_engine_t *wasi_light__metering_engine(void) {
  wasm_config_t *config = wasm_config_new();
  wasm_config_push_middleware(config, wasmer_metering_as_middleware(wasmer_metering_new(0, cost_of)));
  return wasm_engine_new_with_config(config);
}

void wasi_light__set_points_left(wasm_instance_t *instance, uint64_t points) {
  wasmer_metering_set_remaining_points(instance, points);
}

uint64_t wasi_light__points_left(wasm_instance_t *instance) {
  return wasmer_metering_get_remaining_points(instance);
}
