/* SPDX-License-Identifier: MIT */
/*
 * The engine alone: a store, an instance with host functions that do nothing, and both deleted. It is not initialised and not
 * called, so nothing that makes an instance with this engine can be faster. The host functions are made by the standard's
 * wasm_func_new, or raw, by what engine/ adds to Wasmer.
 */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <wasmer.h>

#include "bench.h"

typedef wasm_trap_t *(*bare_raw_callback_t)(void *env, const uint64_t *args, uint64_t *result);

/* NULL where the engine is as published. */
/* NOLINTNEXTLINE(readability-redundant-declaration): only the header of an engine that has it declares it too */
__attribute__((weak)) wasm_func_t *wasmer_func_new_raw_with_env(wasm_store_t *store, const wasm_functype_t *type,
                                                                bare_raw_callback_t callback, void *env,
                                                                void (*finalizer)(void *));

typedef struct bare_t {
  wasm_engine_t *engine;
  wasm_module_t *module;
  bool raw;
  wasm_importtype_vec_t imports;
  wasm_extern_t **externs; /* of the instance that was made last */
  wasm_func_t **funcs;
} bare_t;

typedef struct bare_instance_t {
  wasm_store_t *store;
  wasm_instance_t *instance;
} bare_instance_t;

static inline wasm_trap_t *bare_do_nothing(const wasm_val_vec_t *args, wasm_val_vec_t *results) {
  (void)args;
  if (results->size > 0) results->data[0] = (wasm_val_t)WASM_I32_VAL(0);
  return NULL;
}

static inline wasm_trap_t *bare_do_nothing_raw(void *env, const uint64_t *args, uint64_t *result) {
  (void)env, (void)args;
  *result = 0;
  return NULL;
}

static inline bool bare_has_raw(void) {
  return wasmer_func_new_raw_with_env != NULL;
}

/* The guest as it was built. */
static inline wasm_module_t *bare_compile(wasm_engine_t *engine, const char *guest) {
  wasm_store_t *store = wasm_store_new(engine);
  wasm_byte_vec_t binary;
  size_t size = 0;
  uint8_t *bytes = bench_guest(guest, &size);
  wasm_byte_vec_new(&binary, size, (const wasm_byte_t *)bytes);
  free(bytes);
  wasm_module_t *module = wasm_module_new(store, &binary);
  wasm_byte_vec_delete(&binary);
  wasm_store_delete(store);
  if (!module) fail("the engine", "did not compile the module");
  return module;
}

/* For one thread; a module may be shared. */
static inline bare_t bare_of(wasm_engine_t *engine, wasm_module_t *module, bool raw) {
  bare_t bare = {.engine = engine, .module = module, .raw = raw};
  wasm_module_imports(bare.module, &bare.imports);
  bare.externs = calloc(bare.imports.size + 1, sizeof *bare.externs);
  bare.funcs = calloc(bare.imports.size + 1, sizeof *bare.funcs);
  if (!bare.externs || !bare.funcs) fail("memory", "exhausted");
  return bare;
}

static inline bare_t bare_new(wasm_engine_t *engine, const char *guest, bool raw) {
  return bare_of(engine, bare_compile(engine, guest), raw);
}

/* Not the module. */
static inline void bare_free(bare_t *bare) {
  wasm_importtype_vec_delete(&bare->imports);
  free(bare->externs);
  free(bare->funcs);
}

static inline bare_instance_t bare_make(const bare_t *bare) {
  bare_instance_t made = {.store = wasm_store_new(bare->engine)};
  wasm_trap_t *trap = NULL;
  for (size_t i = 0; i < bare->imports.size; i++) {
    const wasm_externtype_t *extern_type = wasm_importtype_type(bare->imports.data[i]);
    const wasm_functype_t *type = wasm_externtype_as_functype_const(extern_type);
    bare->funcs[i] = bare->raw && wasmer_func_new_raw_with_env
                         ? wasmer_func_new_raw_with_env(made.store, type, bare_do_nothing_raw, NULL, NULL)
                         : wasm_func_new(made.store, type, bare_do_nothing);
    if (!bare->funcs[i]) fail("the engine", "made no host function");
    bare->externs[i] = wasm_func_as_extern(bare->funcs[i]);
  }
  wasm_extern_vec_t imports = {bare->imports.size, bare->externs};
  made.instance = wasm_instance_new(made.store, bare->module, &imports, &trap);
  if (!made.instance) fail("the engine", "made no bare instance");
  for (size_t i = 0; i < bare->imports.size; i++) wasm_func_delete(bare->funcs[i]);
  return made;
}

static inline void bare_drop(bare_instance_t made) {
  wasm_instance_delete(made.instance);
  wasm_store_delete(made.store);
}

static inline void bare_run(void *data) {
  bare_drop(bare_make(data));
}

#endif
