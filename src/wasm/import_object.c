/* SPDX-License-Identifier: MIT */
/* The raw interface: imports by position, the memory's binding, outcomes of traps. */
#include <string.h>

#include "adapter.h"

/* ---- Memory ---- */

static wasi_light_view_t view_of(void *memory) {
  return wasi_light__memory_view(memory);
}

static void release(void *memory) {
  wasm_memory_delete(memory);
}

void wasi_light_env_bind_memory(wasi_light_env_t *env, const wasm_memory_t *memory) {
  wasm_memory_t *handle = memory ? wasm_memory_copy(memory) : NULL;
  if (handle) wasi_light_env_set_memory(env, handle, view_of, release);
  else wasi_light_env_set_memory(env, NULL, NULL, NULL);
}

/* The exported memory to bind: the one named "memory", else the only one, under however many names. Or SIZE_MAX. */
static size_t find_memory(const wasm_exporttype_vec_t *types, const wasm_extern_vec_t *exports) {
  size_t first = SIZE_MAX;
  bool several = false;
  for (size_t i = 0; i < types->size && i < exports->size; i++) {
    const wasm_memory_t *memory = wasm_extern_as_memory(exports->data[i]);
    if (!memory) continue;
    wasi_light__slice_t name = wasi_light__slice_of(wasm_exporttype_name(types->data[i]));
    if (wasi_light__same(name, wasi_light__slice_of_text("memory"))) return i;
    if (first == SIZE_MAX) first = i;
    else if (!wasm_memory_same(memory, wasm_extern_as_memory(exports->data[first]))) several = true;
  }
  return several ? SIZE_MAX : first;
}

void wasi_light_env_bind_instance(wasi_light_env_t *env, const wasm_module_t *module, const wasm_instance_t *instance) {
  wasm_exporttype_vec_t types;
  wasm_extern_vec_t exports;
  wasm_module_exports(module, &types);
  wasm_instance_exports(instance, &exports);
  size_t index = find_memory(&types, &exports);
  if (index != SIZE_MAX) wasi_light_env_bind_memory(env, wasm_extern_as_memory(exports.data[index]));
  wasm_extern_vec_delete(&exports);
  wasm_exporttype_vec_delete(&types);
}

/* ---- Imports ---- */

typedef struct generation_t {
  wasi_light_env_t *env;
  wasm_store_t *store;
  const wasi_light_extern_t *externs;
  size_t extern_count;
  wasm_memory_t *memory; /* the first that was imported */
  wasi_light__problems_t problems;
} generation_t;

static const wasi_light_extern_t *find_extern(const generation_t *g, wasi_light__slice_t module,
                                              wasi_light__slice_t name) {
  for (size_t i = 0; i < g->extern_count; i++) {
    if (wasi_light__same(module, wasi_light__slice_of_text(g->externs[i].module)) &&
        wasi_light__same(name, wasi_light__slice_of_text(g->externs[i].name))) {
      return &g->externs[i];
    }
  }
  return NULL;
}

static own wasm_extern_t *use_extern(generation_t *g, const wasm_importtype_t *import, wasm_extern_t *given) {
  wasm_externtype_t *type = wasm_extern_type(given);
  bool matches = wasi_light__matches(type, wasm_importtype_type(import));
  if (!matches) {
    char text[WASI_LIGHT__TYPE_TEXT];
    wasi_light__type_text(text, sizeof text, type);
    wasi_light__problem(&g->problems, import, text);
  }
  wasm_externtype_delete(type);
  if (!matches) return NULL;
  if (!g->memory) g->memory = wasm_extern_as_memory(given);
  return wasm_extern_copy(given);
}

static own wasm_extern_t *make_wasi_function(generation_t *g, const wasm_importtype_t *import) {
  wasi_light__binding_t binding;
  const wasm_functype_t *type = wasm_externtype_as_functype_const(wasm_importtype_type(import));
  if (!wasi_light__wasi_binding(import, &binding, &g->problems)) return NULL;
  wasm_func_t *func = wasi_light__wasi_function(g->env, g->store, type, binding.callbacks);
  if (!func) return NULL;
  wasm_extern_t *copy = wasm_extern_copy(wasm_func_as_extern(func));
  wasm_func_delete(func);
  return copy;
}

static own wasm_extern_t *resolve(generation_t *g, const wasm_importtype_t *import) {
  const wasi_light_extern_t *given = find_extern(g, wasi_light__slice_of(wasm_importtype_module(import)),
                                                 wasi_light__slice_of(wasm_importtype_name(import)));
  return given && given->extern_ ? use_extern(g, import, given->extern_) : make_wasi_function(g, import);
}

bool wasi_light_generate_import_object(wasi_light_env_t *env, wasm_store_t *store, const wasm_module_t *module,
                                       const wasi_light_extern_t *externs, size_t extern_count,
                                       own wasm_extern_vec_t *imports, wasi_light_error_t *error) {
  generation_t g = {.env = env, .store = store, .externs = externs, .extern_count = extern_count};
  wasm_importtype_vec_t types;
  env->store = store;
  wasm_module_imports(module, &types);
  wasm_extern_vec_new_uninitialized(imports, types.size);
  size_t missing = SIZE_MAX;
  for (size_t i = 0; i < types.size; i++) {
    imports->data[i] = resolve(&g, types.data[i]);
    if (!imports->data[i]) missing = i;
  }
  if (missing == SIZE_MAX) {
    if (g.memory) wasi_light_env_bind_memory(env, g.memory);
  } else {
    wasm_extern_vec_delete(imports);
    wasm_extern_vec_new_empty(imports);
    if (wasi_light__no_problems(&g.problems, error)) wasi_light__fail_import(error, types.data[missing]);
  }
  wasm_importtype_vec_delete(&types);
  return missing == SIZE_MAX;
}

/* ---- Outcomes ---- */

wasi_light_outcome_t wasi_light_env_outcome(wasi_light_env_t *env, own wasm_trap_t *trap) {
  wasi_light_outcome_t outcome;
  bool stopped = wasi_light_env_stopped(env, &outcome);
  if (trap && !stopped) {
    wasm_message_t message;
    wasm_trap_message(trap, &message);
    outcome.kind = WASI_LIGHT_TRAPPED;
    wasi_light__format(outcome.message, sizeof outcome.message, "%.*s", (int)message.size, message.data);
    wasm_name_delete(&message);
  }
  if (trap) wasm_trap_delete(trap);
  return outcome;
}
