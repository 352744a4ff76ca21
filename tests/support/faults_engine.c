/* SPDX-License-Identifier: MIT */
/* The engine's half of the seam: what gives nothing, as it may, and how many objects the library holds. */
#include <wasmer.h>

#include "faults.h"
#include "faults_seam.h"

/* What gives an object. */
#define WRAP_NEW(type, name, params, args)                               \
  REAL(type *, name, params)                                             \
  type *__wrap_##name params {                                           \
    type *object = faults_way(FAULT_##name) ? NULL : __real_##name args; \
    if (object && faults_open) faults_held.objects++;                    \
    return object;                                                       \
  }
#define WRAP_DELETE(type, name)                       \
  REAL(void, name, (type *))                          \
  void __wrap_##name(type *object) {                  \
    if (object && faults_open) faults_held.objects--; \
    __real_##name(object);                            \
  }

WRAP_NEW(wasm_store_t, wasm_store_new, (wasm_engine_t * engine), (engine))
WRAP_NEW(wasm_module_t, wasm_module_new, (wasm_store_t * store, const wasm_byte_vec_t *bytes), (store, bytes))
WRAP_NEW(wasm_module_t, wasm_module_deserialize, (wasm_store_t * store, const wasm_byte_vec_t *bytes), (store, bytes))
WRAP_NEW(wasm_instance_t, wasm_instance_new,
         (wasm_store_t * store, const wasm_module_t *module, const wasm_extern_vec_t *imports, wasm_trap_t **trap),
         (store, module, imports, trap))
WRAP_NEW(wasm_func_t, wasm_func_new_with_env,
         (wasm_store_t * store, const wasm_functype_t *type, wasm_func_callback_with_env_t callback, void *env,
          void (*finalizer)(void *)),
         (store, type, callback, env, finalizer))
WRAP_NEW(wasm_memory_t, wasm_memory_new, (wasm_store_t * store, const wasm_memorytype_t *type), (store, type))
WRAP_DELETE(wasm_store_t, wasm_store_delete)
WRAP_DELETE(wasm_module_t, wasm_module_delete)
WRAP_DELETE(wasm_instance_t, wasm_instance_delete)
WRAP_DELETE(wasm_func_t, wasm_func_delete)
WRAP_DELETE(wasm_memory_t, wasm_memory_delete)
WRAP_DELETE(wasm_engine_t, wasm_engine_delete)

REAL(wasm_memory_t *, wasm_memory_copy, (const wasm_memory_t *memory))
wasm_memory_t *__wrap_wasm_memory_copy(const wasm_memory_t *memory) {
  if (faults_open) faults_held.objects++;
  return __real_wasm_memory_copy(memory);
}

/* It takes the configuration in either case. */
REAL(wasm_engine_t *, wasm_engine_new_with_config, (wasm_config_t * config))
wasm_engine_t *__wrap_wasm_engine_new_with_config(wasm_config_t *config) {
  if (faults_way(FAULT_wasm_engine_new_with_config)) {
    wasm_config_delete(config);
    return NULL;
  }
  wasm_engine_t *engine = __real_wasm_engine_new_with_config(config);
  if (engine && faults_open) faults_held.objects++;
  return engine;
}

typedef wasm_trap_t *(*raw_callback_t)(void *env, const uint64_t *args, uint64_t *result);
REAL(wasm_func_t *, wasmer_func_new_raw_with_env,
     (wasm_store_t * store, const wasm_functype_t *type, raw_callback_t callback, void *env, void (*finalizer)(void *)))
__attribute__((weak)) wasm_func_t *__real_wasmer_func_new_raw_with_env(wasm_store_t *store, const wasm_functype_t *type,
                                                                       raw_callback_t callback, void *env,
                                                                       void (*finalizer)(void *));

/* Not every engine has it. */
wasm_func_t *__wrap_wasmer_func_new_raw_with_env(wasm_store_t *store, const wasm_functype_t *type,
                                                 raw_callback_t callback, void *env, void (*finalizer)(void *)) {
  if (!__real_wasmer_func_new_raw_with_env || faults_way(FAULT_wasmer_func_new_raw_with_env)) return NULL;
  wasm_func_t *func = __real_wasmer_func_new_raw_with_env(store, type, callback, env, finalizer);
  if (func && faults_open) faults_held.objects++;
  return func;
}

/* Traps are not counted: a callback's goes to the engine. */
WRAP(wasm_trap_t *, NULL, wasm_trap_new, (wasm_store_t * store, const wasm_message_t *message), (store, message))
WRAP(int, -1, wasmer_last_error_message, (char *text, int size), (text, size))

REAL(void, wasm_module_serialize, (const wasm_module_t *module, wasm_byte_vec_t *bytes))
void __wrap_wasm_module_serialize(const wasm_module_t *module, wasm_byte_vec_t *bytes) {
  if (faults_way(FAULT_wasm_module_serialize)) *bytes = (wasm_byte_vec_t){0, NULL};
  else __real_wasm_module_serialize(module, bytes);
}
