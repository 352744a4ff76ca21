/* SPDX-License-Identifier: MIT */
/* The linker: a list of what the host gives to modules, without a store. */
#include <stdlib.h>
#include <string.h>

#include "adapter.h"

own wasi_light_linker_t *wasi_light_linker_new(void) {
  return calloc(1, sizeof(wasi_light_linker_t));
}

void wasi_light_linker_delete(own wasi_light_linker_t *linker) {
  if (!linker) return;
  for (size_t i = 0; i < linker->count; i++) free(linker->definitions[i].module);
  free(linker->definitions);
  free(linker);
}

void wasi_light_linker_unknown(wasi_light_linker_t *linker, wasi_light_unknown_t policy) {
  linker->unknown = policy;
}

const wasi_light__definition_t *wasi_light__definition(const wasi_light_linker_t *linker, wasi_light__slice_t module,
                                                       wasi_light__slice_t name) {
  for (size_t i = 0; linker && i < linker->count; i++) {
    const wasi_light__definition_t *definition = &linker->definitions[i];
    if (wasi_light__same(module, wasi_light__slice_of_text(definition->module)) &&
        wasi_light__same(name, wasi_light__slice_of_text(definition->name))) {
      return definition;
    }
  }
  return NULL;
}

static bool make_room(wasi_light_linker_t *linker) {
  if (linker->count < linker->room) return true;
  size_t room = linker->room == 0 ? 16 : linker->room * 2;
  wasi_light__definition_t *definitions = realloc(linker->definitions, room * sizeof *definitions);
  if (!definitions) return false;
  linker->definitions = definitions;
  linker->room = room;
  return true;
}

/* One block with the strings that are not NULL; the first is its start. */
static bool copy_strings(wasi_light__definition_t *definition, const char *module, const char *name,
                         const char *signature) {
  size_t module_size = strlen(module) + 1;
  size_t name_size = strlen(name) + 1;
  size_t signature_size = signature ? strlen(signature) + 1 : 0;
  definition->module = malloc(module_size + name_size + signature_size);
  if (!definition->module) return false;
  definition->name = definition->module + module_size;
  definition->signature = signature ? definition->name + name_size : NULL;
  memcpy(definition->module, module, module_size);
  memcpy(definition->name, name, name_size);
  if (signature) memcpy(definition->signature, signature, signature_size);
  return true;
}

static bool define(wasi_light_linker_t *linker, const char *module, const char *name, const char *signature,
                   wasi_light_callback_t callback, void *data, wasi_light_error_t *error) {
  wasi_light__definition_t definition = {.callback = callback, .data = data};
  if (wasi_light__definition(linker, wasi_light__slice_of_text(module), wasi_light__slice_of_text(name))) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT, "%s.%s is registered already", module, name);
    return false;
  }
  if (!make_room(linker) || !copy_strings(&definition, module, name, signature)) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_OUT_OF_MEMORY, "no memory to register %s.%s", module, name);
    return false;
  }
  linker->definitions[linker->count++] = definition;
  return true;
}

static bool has_names(const wasi_light_linker_t *linker, const char *module, const char *name,
                      wasi_light_error_t *error) {
  if (linker && module && name) return true;
  wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT, "%s is NULL", !linker ? "linker" : !module ? "module" : "name");
  return false;
}

bool wasi_light_linker_func(wasi_light_linker_t *linker, const char *module, const char *name, const char *signature,
                            wasi_light_callback_t callback, void *data, wasi_light_error_t *error) {
  if (!has_names(linker, module, name, error)) return false;
  if (!callback) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT, "%s.%s: callback is NULL", module, name);
    return false;
  }
  if (!signature || !wasi_light__is_signature(signature)) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT,
                     "%s.%s: the signature \"%s\" does not read like \"(iI)f\" with i, I, f, F for i32, i64, f32, f64",
                     module, name, signature ? signature : "NULL");
    return false;
  }
  return define(linker, module, name, signature, callback, data, error);
}

bool wasi_light_linker_memory(wasi_light_linker_t *linker, const char *module, const char *name,
                              wasi_light_error_t *error) {
  return has_names(linker, module, name, error) && define(linker, module, name, NULL, NULL, NULL, error);
}
