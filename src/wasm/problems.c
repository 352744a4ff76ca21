/* SPDX-License-Identifier: MIT */
/* One LINK error with a line for each import that cannot be satisfied. */
#include <string.h>

#include "adapter.h"

enum { LAST_LINE = 64 }; /* room kept for "... and N more" */

void wasi_light__problem(wasi_light__problems_t *problems, const wasm_importtype_t *import, const char *given) {
  char name[WASI_LIGHT__NAME_TEXT];
  char wanted[WASI_LIGHT__TYPE_TEXT];
  char line[2 * WASI_LIGHT__TYPE_TEXT + WASI_LIGHT__NAME_TEXT + 32];
  wasi_light__name_text(name, sizeof name, wasi_light__slice_of(wasm_importtype_module(import)),
                        wasi_light__slice_of(wasm_importtype_name(import)));
  wasi_light__type_text(wanted, sizeof wanted, wasm_importtype_type(import));
  wasi_light__format(line, sizeof line, "\n  %s: wanted %s, given %s", name, wanted, given ? given : "nothing");
  size_t size = strlen(line);
  problems->count++;
  if (problems->hidden > 0 || size > sizeof problems->text - LAST_LINE * 2 - problems->used) {
    problems->hidden++;
    return;
  }
  memcpy(problems->text + problems->used, line, size + 1);
  problems->used += size;
}

void wasi_light__fail_import(wasi_light_error_t *error, const wasm_importtype_t *import) {
  char name[WASI_LIGHT__NAME_TEXT];
  wasi_light__name_text(name, sizeof name, wasi_light__slice_of(wasm_importtype_module(import)),
                        wasi_light__slice_of(wasm_importtype_name(import)));
  wasi_light__fail(error, WASI_LIGHT_ERROR_OUT_OF_MEMORY, "the engine made nothing for the import %s", name);
}

bool wasi_light__no_problems(wasi_light__problems_t *problems, wasi_light_error_t *error) {
  char more[LAST_LINE] = "";
  if (problems->count == 0) return true;
  if (problems->hidden > 0) wasi_light__format(more, sizeof more, "\n  ... and %u more", problems->hidden);
  wasi_light__fail(error, WASI_LIGHT_ERROR_LINK, "%u of the module's imports cannot be satisfied:%s%s", problems->count,
                   problems->text, more);
  return false;
}

bool wasi_light__wasi_binding(const wasm_importtype_t *import, wasi_light__binding_t *binding,
                              wasi_light__problems_t *problems) {
  char given[WASI_LIGHT__TYPE_TEXT];
  const wasm_externtype_t *type = wasm_importtype_type(import);
  bool known = wasi_light__binding(wasi_light__slice_of(wasm_importtype_module(import)),
                                   wasi_light__slice_of(wasm_importtype_name(import)), binding);
  if (!known) {
    wasi_light__problem(problems, import, NULL);
    return false;
  }
  if (wasm_externtype_kind(type) == WASM_EXTERN_FUNC &&
      wasi_light__has_signature(wasm_externtype_as_functype_const(type), binding->signature)) {
    return true;
  }
  wasi_light__signature_text(given, sizeof given, binding->signature);
  wasi_light__problem(problems, import, given);
  return false;
}
