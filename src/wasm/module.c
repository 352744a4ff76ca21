/* SPDX-License-Identifier: MIT */
/* A module: its imports and exports resolved once, so that an instance looks nothing up. */
#include <stdlib.h>
#include <string.h>

#include "rewrite.h"

/* Whether the host's definition is of the type that the import wants; else notes the problem. */
static bool plan_definition(wasi_light__import_t *plan, const wasm_importtype_t *import,
                            const wasi_light__definition_t *definition, wasi_light__problems_t *problems) {
  char given[WASI_LIGHT__TYPE_TEXT] = "memory";
  const wasm_externtype_t *type = wasm_importtype_type(import);
  wasm_externkind_t kind = wasm_externtype_kind(type);
  if (!definition->signature && kind == WASM_EXTERN_MEMORY) {
    plan->memory_type = wasm_externtype_as_memorytype_const(type);
    return true;
  }
  if (definition->signature && kind == WASM_EXTERN_FUNC &&
      wasi_light__has_signature(wasm_externtype_as_functype_const(type), definition->signature)) {
    plan->type = wasm_externtype_as_functype_const(type);
    plan->host = definition->callback;
    plan->data = definition->data;
    return true;
  }
  if (definition->signature) wasi_light__signature_text(given, sizeof given, definition->signature);
  wasi_light__problem(problems, import, given);
  return false;
}

static own wasm_trap_t *call_unknown(wasi_light_instance_t *instance, void *data, const wasm_val_t *args,
                                     wasm_val_t *results) {
  char name[WASI_LIGHT__NAME_TEXT];
  const wasm_importtype_t *import = data;
  (void)args;
  (void)results;
  wasi_light__name_text(name, sizeof name, wasi_light__slice_of(wasm_importtype_module(import)),
                        wasi_light__slice_of(wasm_importtype_name(import)));
  return wasi_light_trap(instance, "%s was called, and the host does not give it", name);
}

static void plan_import(wasi_light__import_t *plan, wasm_importtype_t *import, const wasi_light_linker_t *linker,
                        wasi_light__problems_t *problems) {
  wasi_light__problems_t unknown = {.count = 0};
  const wasm_externtype_t *type = wasm_importtype_type(import);
  bool may_trap =
      linker && linker->unknown == WASI_LIGHT_UNKNOWN_TRAPS && wasm_externtype_kind(type) == WASM_EXTERN_FUNC;
  wasi_light__binding_t binding;
  const wasi_light__definition_t *definition = wasi_light__definition(
      linker, wasi_light__slice_of(wasm_importtype_module(import)), wasi_light__slice_of(wasm_importtype_name(import)));
  if (definition) {
    plan_definition(plan, import, definition, may_trap ? &unknown : problems);
  } else if (wasi_light__wasi_binding(import, &binding, may_trap ? &unknown : problems)) {
    plan->type = wasm_externtype_as_functype_const(type);
    plan->callbacks = binding.callbacks;
  }
  if (unknown.count > 0) {
    plan->type = wasm_externtype_as_functype_const(type);
    plan->host = call_unknown;
    plan->data = import;
  }
}

/* An import before `i` of the same names, or SIZE_MAX. */
static size_t find_same(const wasm_importtype_vec_t *types, size_t i) {
  wasi_light__slice_t module = wasi_light__slice_of(wasm_importtype_module(types->data[i]));
  wasi_light__slice_t name = wasi_light__slice_of(wasm_importtype_name(types->data[i]));
  for (size_t k = 0; k < i; k++) {
    if (wasi_light__same(wasi_light__slice_of(wasm_importtype_module(types->data[k])), module) &&
        wasi_light__same(wasi_light__slice_of(wasm_importtype_name(types->data[k])), name)) {
      return k;
    }
  }
  return SIZE_MAX;
}

static bool plan_imports(wasi_light_module_t *module, const wasi_light_linker_t *linker, wasi_light_error_t *error) {
  wasi_light__problems_t problems = {.count = 0};
  module->imports = calloc(module->import_types.size + 1, sizeof *module->imports);
  if (!module->imports) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_OUT_OF_MEMORY, "no memory for the link plan of a module");
    return false;
  }
  for (size_t i = 0; i < module->import_types.size; i++) {
    plan_import(&module->imports[i], module->import_types.data[i], linker, &problems);
    module->imports[i].same_as = module->imports[i].memory_type ? find_same(&module->import_types, i) : SIZE_MAX;
    if (module->imports[i].host) module->host_count++;
  }
  return wasi_light__no_problems(&problems, error);
}

/* Exports that the rewriter added are not shown. */
static bool list_functions(wasi_light_module_t *module, const char *prefix, wasi_light_error_t *error) {
  const wasm_exporttype_vec_t *exports = &module->export_types;
  module->funcs = calloc(exports->size + 1, sizeof *module->funcs);
  if (!module->funcs) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_OUT_OF_MEMORY, "no memory for the exports of a module");
    return false;
  }
  for (size_t i = 0; i < exports->size; i++) {
    const wasm_externtype_t *type = wasm_exporttype_type(exports->data[i]);
    if (wasm_externtype_kind(type) != WASM_EXTERN_FUNC) continue;
    wasi_light_func_t func = {wasm_exporttype_name(exports->data[i]), wasm_externtype_as_functype_const(type), i};
    if (wasi_light__begins_with(wasi_light__slice_of(func.name), prefix))
      module->start_section = func; /* the only one */
    else module->funcs[module->func_count++] = func;
  }
  module->start = wasi_light_module_func(module, "_start");
  module->initialize = wasi_light_module_func(module, "_initialize");
  return true;
}

/* The engine's position of an export of that name: most likely the one it is declared at. */
static size_t export_position(const wasi_light_module_t *module, wasi_light__slice_t name, size_t declared) {
  const wasm_exporttype_vec_t *exports = &module->export_types;
  for (size_t i = 0; i < exports->size; i++) {
    size_t at = (declared + i) % exports->size;
    if (wasi_light__same(wasi_light__slice_of(wasm_exporttype_name(exports->data[at])), name)) return at;
  }
  return SIZE_MAX;
}

/* Finds the exported memory to bind: the one named "memory", else the only one, under however many names. */
static void find_memory(wasi_light_module_t *module, const wasi_light__scan_t *rewritten) {
  const wasi_light__scan_export_t *exports = wasi_light__exports(rewritten);
  const wasi_light__scan_export_t *found = NULL;
  bool several = false;
  for (size_t i = 0; i < rewritten->exports.count; i++) {
    if (exports[i].kind != WASI_LIGHT__MEMORY) continue;
    bool named = wasi_light__same(exports[i].name, wasi_light__slice_of_text("memory"));
    if (!named && found && found->index != exports[i].index) several = true;
    if (named || !found) found = &exports[i];
    if (named) {
      several = false;
      break;
    }
  }
  module->memory_export =
      found && !several ? export_position(module, found->name, (size_t)(found - exports)) : SIZE_MAX;
}

/* Finds the export of each mutable global of a number type. A global may have several: one is enough. */
static bool list_globals(wasi_light_module_t *module, const wasi_light__scan_t *rewritten, wasi_light_error_t *error) {
  const wasi_light__scan_export_t *exports = wasi_light__exports(rewritten);
  const wasi_light__scan_global_t *globals = wasi_light__globals(rewritten);
  bool *listed = calloc(rewritten->globals.count + 1, sizeof *listed);
  module->globals = calloc(rewritten->globals.count + 1, sizeof *module->globals);
  if (!listed || !module->globals) {
    free(listed);
    wasi_light__fail(error, WASI_LIGHT_ERROR_OUT_OF_MEMORY, "no memory for the globals of a module");
    return false;
  }
  for (size_t i = 0; i < rewritten->exports.count; i++) {
    uint32_t global = exports[i].index;
    if (exports[i].kind != WASI_LIGHT__GLOBAL || global >= rewritten->globals.count) continue;
    if (!globals[global].is_mutable || globals[global].imported || listed[global]) continue;
    size_t at = export_position(module, exports[i].name, i);
    if (at == SIZE_MAX) continue;
    const wasm_externtype_t *type = wasm_exporttype_type(module->export_types.data[at]);
    wasm_valkind_t kind = wasm_valtype_kind(wasm_globaltype_content(wasm_externtype_as_globaltype_const(type)));
    module->globals[module->global_count++] = (wasi_light__global_t){at, kind};
    listed[global] = true;
  }
  free(listed);
  return true;
}

/* _start and _initialize take and give nothing. */
static bool check_entry(const wasi_light_func_t *func, const char *name, wasi_light_error_t *error) {
  char text[WASI_LIGHT__TYPE_TEXT];
  if (!func || wasi_light__has_signature(func->type, "()")) return true;
  wasi_light__type_text(text, sizeof text, wasm_functype_as_externtype_const(func->type));
  wasi_light__fail(error, WASI_LIGHT_ERROR_MODULE, "%s is a %s: expected function () -> ()", name, text);
  return false;
}

static bool fill(wasi_light_module_t *module, const wasi_light__rewritten_t *rewritten,
                 const wasi_light_linker_t *linker, wasi_light_error_t *error) {
  wasi_light__scan_t scan;
  bool good = wasi_light__scan(&scan, rewritten->bytes, rewritten->size);
  if (!good) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_OUT_OF_MEMORY, "no memory to read a module of %zu bytes", rewritten->size);
  }
  good = good && plan_imports(module, linker, error) && list_functions(module, rewritten->prefix, error) &&
         list_globals(module, &scan, error) && check_entry(module->start, "_start", error) &&
         check_entry(module->initialize, "_initialize", error);
  if (good) find_memory(module, &scan);
  wasi_light__scan_free(&scan);
  return good;
}

own wasi_light_module_t *wasi_light__module_from(wasm_engine_t *engine, own wasm_module_t *wasm,
                                                 const wasi_light__rewritten_t *rewritten, bool recyclable,
                                                 const wasi_light_linker_t *linker, wasi_light_error_t *error) {
  wasi_light_module_t *module = calloc(1, sizeof *module);
  if (!module) {
    wasm_module_delete(wasm);
    wasi_light__fail(error, WASI_LIGHT_ERROR_OUT_OF_MEMORY, "no memory for a module");
    return NULL;
  }
  atomic_init(&module->references, 1);
  module->engine = engine;
  module->wasm = wasm;
  module->recyclable = recyclable;
  wasm_module_imports(wasm, &module->import_types);
  wasm_module_exports(wasm, &module->export_types);
  if (fill(module, rewritten, linker, error)) return module;
  wasi_light_module_delete(module);
  return NULL;
}

own wasi_light_module_t *wasi_light_module_copy(wasi_light_module_t *module) {
  atomic_fetch_add_explicit(&module->references, 1, memory_order_relaxed);
  return module;
}

void wasi_light_module_delete(own wasi_light_module_t *module) {
  if (!module || atomic_fetch_sub_explicit(&module->references, 1, memory_order_acq_rel) != 1) return;
  free(module->imports);
  free(module->funcs);
  free(module->globals);
  wasm_importtype_vec_delete(&module->import_types);
  wasm_exporttype_vec_delete(&module->export_types);
  wasm_module_delete(module->wasm);
  if (module->own_engine) wasm_engine_delete(module->own_engine);
  free(module);
}

wasi_light_module_kind_t wasi_light_module_kind(const wasi_light_module_t *module) {
  return module->start ? WASI_LIGHT_COMMAND : module->initialize ? WASI_LIGHT_REACTOR : WASI_LIGHT_LIBRARY;
}

bool wasi_light_module_recyclable(const wasi_light_module_t *module) {
  return module->recyclable;
}

const wasm_module_t *wasi_light_module_wasm(const wasi_light_module_t *module) {
  return module->wasm;
}

const wasi_light_func_t *wasi_light_module_func(const wasi_light_module_t *module, const char *name) {
  wasi_light__slice_t wanted = wasi_light__slice_of_text(name);
  for (size_t i = 0; i < module->func_count; i++) {
    if (wasi_light__same(wasi_light__slice_of(module->funcs[i].name), wanted)) return &module->funcs[i];
  }
  return NULL;
}

const wasi_light_func_t *wasi_light_module_func_at(const wasi_light_module_t *module, size_t index) {
  return index < module->func_count ? &module->funcs[index] : NULL;
}

const wasm_name_t *wasi_light_func_name(const wasi_light_func_t *func) {
  return func->name;
}

const wasm_functype_t *wasi_light_func_type(const wasi_light_func_t *func) {
  return func->type;
}
