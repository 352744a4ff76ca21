/* SPDX-License-Identifier: MIT */
/* Types and names: compared, matched and made into text. Names come from the guest: text of them is masked. */
#include <stdio.h>
#include <string.h>

#include "adapter.h"

const char *wasi_light__kind_name(wasm_valkind_t kind) {
  switch (kind) {
    case WASM_I32: return "i32";
    case WASM_I64: return "i64";
    case WASM_F32: return "f32";
    case WASM_F64: return "f64";
    case WASM_EXTERNREF: return "externref";
    case WASM_FUNCREF: return "funcref";
    default: return "unknown";
  }
}

wasi_light__slice_t wasi_light__slice_of(const wasm_name_t *name) {
  return (wasi_light__slice_t){(const uint8_t *)name->data, name->size};
}

wasi_light__slice_t wasi_light__slice_of_text(const char *text) {
  return (wasi_light__slice_t){(const uint8_t *)text, strlen(text)};
}

bool wasi_light__same(wasi_light__slice_t a, wasi_light__slice_t b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

bool wasi_light__begins_with(wasi_light__slice_t name, const char *prefix) {
  size_t size = strlen(prefix);
  return name.size >= size && memcmp(name.bytes, prefix, size) == 0;
}

/* A text that is appended to and cut with "..." at its end. */
typedef struct text_t {
  char *bytes;
  size_t size;
  size_t used;
} text_t;

static void append(text_t *text, const char *bytes, size_t size) {
  size_t room = text->size - 1 - text->used;
  size_t kept = size < room ? size : room;
  memcpy(text->bytes + text->used, bytes, kept);
  text->used += kept;
  text->bytes[text->used] = '\0';
  if (kept < size) memcpy(text->bytes + text->size - 4, "...", 4);
}

static void append_text(text_t *text, const char *more) {
  append(text, more, strlen(more));
}

static void append_name(text_t *text, wasi_light__slice_t name) {
  enum { LONGEST = 64 };
  size_t size = name.size < LONGEST ? name.size : (size_t)LONGEST;
  if (size < name.size) {
    while (size > 0 && (name.bytes[size] & 0xc0) == 0x80) size--; /* not in the middle of a character */
  }
  for (size_t i = 0; i < size; i++) {
    char byte = (char)name.bytes[i];
    bool c1 = name.bytes[i] == 0xc2 && i + 1 < size && name.bytes[i + 1] < 0xa0; /* U+0080 to U+009F */
    bool control = name.bytes[i] < 0x20 || name.bytes[i] == 0x7f || c1;
    append(text, control ? "?" : &byte, 1);
    if (c1) i++;
  }
  if (size < name.size) append_text(text, "...");
}

void wasi_light__name_text(char *bytes, size_t size, wasi_light__slice_t module, wasi_light__slice_t name) {
  text_t text = {bytes, size, 0};
  bytes[0] = '\0';
  append_name(&text, module);
  if (module.size > 0) append_text(&text, ".");
  append_name(&text, name);
}

static void append_kinds(text_t *text, const wasm_valtype_vec_t *types) {
  append_text(text, "(");
  for (size_t i = 0; i < types->size; i++) {
    if (i > 0) append_text(text, ", ");
    append_text(text, wasi_light__kind_name(wasm_valtype_kind(types->data[i])));
  }
  append_text(text, ")");
}

static void append_limits(text_t *text, const wasm_limits_t *limits) {
  char numbers[64];
  if (limits->max == wasm_limits_max_default) wasi_light__format(numbers, sizeof numbers, " {min %u}", limits->min);
  else wasi_light__format(numbers, sizeof numbers, " {min %u, max %u}", limits->min, limits->max);
  append_text(text, numbers);
}

void wasi_light__type_text(char *bytes, size_t size, const wasm_externtype_t *type) {
  text_t text = {bytes, size, 0};
  bytes[0] = '\0';
  switch (wasm_externtype_kind(type)) {
    case WASM_EXTERN_FUNC: {
      const wasm_functype_t *func = wasm_externtype_as_functype_const(type);
      append_text(&text, "function ");
      append_kinds(&text, wasm_functype_params(func));
      append_text(&text, " -> ");
      append_kinds(&text, wasm_functype_results(func));
      break;
    }
    case WASM_EXTERN_GLOBAL: {
      const wasm_globaltype_t *global = wasm_externtype_as_globaltype_const(type);
      append_text(&text, wasm_globaltype_mutability(global) == WASM_VAR ? "global mut " : "global ");
      append_text(&text, wasi_light__kind_name(wasm_valtype_kind(wasm_globaltype_content(global))));
      break;
    }
    case WASM_EXTERN_TABLE: {
      const wasm_tabletype_t *table = wasm_externtype_as_tabletype_const(type);
      append_text(&text, "table ");
      append_text(&text, wasi_light__kind_name(wasm_valtype_kind(wasm_tabletype_element(table))));
      append_limits(&text, wasm_tabletype_limits(table));
      break;
    }
    case WASM_EXTERN_MEMORY:
      append_text(&text, "memory");
      append_limits(&text, wasm_memorytype_limits(wasm_externtype_as_memorytype_const(type)));
      break;
    default: append_text(&text, "of an unknown kind");
  }
}

/* ---- Signatures: "(iI)f" ---- */

static bool kind_of_letter(char letter, wasm_valkind_t *kind) {
  switch (letter) {
    case 'i': *kind = WASM_I32; return true;
    case 'I': *kind = WASM_I64; return true;
    case 'f': *kind = WASM_F32; return true;
    case 'F': *kind = WASM_F64; return true;
    default: return false;
  }
}

bool wasi_light__is_signature(const char *signature) {
  wasm_valkind_t kind;
  if (*signature++ != '(') return false;
  while (kind_of_letter(*signature, &kind)) signature++;
  if (*signature++ != ')') return false;
  while (kind_of_letter(*signature, &kind)) signature++;
  return *signature == '\0';
}

static void append_letters(text_t *text, const char **letters) {
  wasm_valkind_t kind;
  append_text(text, "(");
  for (bool first = true; kind_of_letter(**letters, &kind); first = false, (*letters)++) {
    if (!first) append_text(text, ", ");
    append_text(text, wasi_light__kind_name(kind));
  }
  append_text(text, ")");
}

void wasi_light__signature_text(char *bytes, size_t size, const char *signature) {
  text_t text = {bytes, size, 0};
  const char *letters = signature + 1;
  bytes[0] = '\0';
  append_text(&text, "function ");
  append_letters(&text, &letters);
  letters++;
  append_text(&text, " -> ");
  append_letters(&text, &letters);
}

static bool has_kinds(const wasm_valtype_vec_t *types, const char **letters) {
  wasm_valkind_t kind;
  for (size_t i = 0; i < types->size; i++, (*letters)++) {
    if (!kind_of_letter(**letters, &kind) || kind != wasm_valtype_kind(types->data[i])) return false;
  }
  return !kind_of_letter(**letters, &kind);
}

bool wasi_light__has_signature(const wasm_functype_t *type, const char *signature) {
  const char *letters = signature + 1; /* past "(" */
  if (!has_kinds(wasm_functype_params(type), &letters)) return false;
  letters++; /* past ")" */
  return has_kinds(wasm_functype_results(type), &letters);
}

/* ---- Import matching ---- */

static bool same_kinds(const wasm_valtype_vec_t *a, const wasm_valtype_vec_t *b) {
  if (a->size != b->size) return false;
  for (size_t i = 0; i < a->size; i++) {
    if (wasm_valtype_kind(a->data[i]) != wasm_valtype_kind(b->data[i])) return false;
  }
  return true;
}

/* An absent maximum is the largest number. */
static bool limits_match(const wasm_limits_t *given, const wasm_limits_t *wanted) {
  return given->min >= wanted->min && given->max <= wanted->max;
}

static bool functions_match(const wasm_functype_t *given, const wasm_functype_t *wanted) {
  return same_kinds(wasm_functype_params(given), wasm_functype_params(wanted)) &&
         same_kinds(wasm_functype_results(given), wasm_functype_results(wanted));
}

static bool globals_match(const wasm_globaltype_t *given, const wasm_globaltype_t *wanted) {
  return wasm_globaltype_mutability(given) == wasm_globaltype_mutability(wanted) &&
         wasm_valtype_kind(wasm_globaltype_content(given)) == wasm_valtype_kind(wasm_globaltype_content(wanted));
}

static bool tables_match(const wasm_tabletype_t *given, const wasm_tabletype_t *wanted) {
  return wasm_valtype_kind(wasm_tabletype_element(given)) == wasm_valtype_kind(wasm_tabletype_element(wanted)) &&
         limits_match(wasm_tabletype_limits(given), wasm_tabletype_limits(wanted));
}

bool wasi_light__matches(const wasm_externtype_t *given, const wasm_externtype_t *wanted) {
  if (wasm_externtype_kind(given) != wasm_externtype_kind(wanted)) return false;
  switch (wasm_externtype_kind(wanted)) {
    case WASM_EXTERN_FUNC:
      return functions_match(wasm_externtype_as_functype_const(given), wasm_externtype_as_functype_const(wanted));
    case WASM_EXTERN_GLOBAL:
      return globals_match(wasm_externtype_as_globaltype_const(given), wasm_externtype_as_globaltype_const(wanted));
    case WASM_EXTERN_TABLE:
      return tables_match(wasm_externtype_as_tabletype_const(given), wasm_externtype_as_tabletype_const(wanted));
    case WASM_EXTERN_MEMORY:
      return limits_match(wasm_memorytype_limits(wasm_externtype_as_memorytype_const(given)),
                          wasm_memorytype_limits(wasm_externtype_as_memorytype_const(wanted)));
    default: return false;
  }
}
