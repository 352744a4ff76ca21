/* SPDX-License-Identifier: MIT */
/*
 * Looks at a module's bytes before the engine does.
 *
 * It reads the sections that say what crosses the module's border (types, imports, functions, tables,
 * memories, globals, exports) and refuses what Wasmer's C API answers with an abort of the process. It is no
 * validator: code and data are the engine's to check.
 */
#include <stdlib.h>
#include <string.h>

#include "adapter.h"
#include "reader.h"

enum { SECTION_TYPE = 1, SECTION_IMPORT, SECTION_FUNCTION, SECTION_TABLE, SECTION_MEMORY, SECTION_GLOBAL, SECTION_EXPORT };
enum { KIND_FUNC, KIND_TABLE, KIND_MEMORY, KIND_GLOBAL, KIND_TAG };

/* For each type, function and global: the first value type in it that wasm.h cannot express, or 0. */
typedef struct foreign_t {
  uint8_t *of;
  uint32_t count;
  uint32_t room;
} foreign_t;

typedef struct check_t {
  wasi_light__reader_t r;
  const wasi_light_limits_t *limits;
  wasi_light_error_t *error;
  foreign_t types, funcs, globals;
  uint64_t table_elements;
  bool has_start, has_initialize;
  bool failed; /* with `error` filled; a problem of the reader is reported at the end */
} check_t;

static void refuse(check_t *c, const char *what, wasi_light__slice_t module, wasi_light__slice_t name) {
  char text[WASI_LIGHT__NAME_TEXT];
  if (c->failed) return;
  c->failed = true;
  c->r.at = c->r.end;
  wasi_light__name_text(text, sizeof text, module, name);
  wasi_light__fail(c->error, WASI_LIGHT_ERROR_MODULE, "%s %s", name.bytes ? text : "the module", what);
}

static bool add_foreign(check_t *c, foreign_t *list, uint8_t value_type) {
  if (list->count == list->room) {
    uint32_t room = list->room < 64 ? 64 : list->room * 2;
    uint8_t *of = realloc(list->of, room);
    if (!of) {
      if (!c->failed) wasi_light__fail(c->error, WASI_LIGHT_ERROR_OUT_OF_MEMORY, "no memory to check the module");
      c->failed = true;
      c->r.at = c->r.end;
      return false;
    }
    list->of = of;
    list->room = room;
  }
  list->of[list->count++] = value_type;
  return true;
}

static uint8_t foreign_at(const foreign_t *list, uint32_t index) {
  return index < list->count ? list->of[index] : 0; /* a wrong index is the engine's to refuse */
}

/* i32, i64, f32, f64, funcref and externref have a kind in wasm.h. */
static bool is_expressible(uint8_t value_type) {
  return (value_type >= 0x7c && value_type <= 0x7f) || value_type == 0x70 || value_type == 0x6f;
}

static uint8_t read_value_type(check_t *c) {
  uint8_t type = wasi_light__read_u8(&c->r);
  if (type == 0x63 || type == 0x64) wasi_light__skip_leb(&c->r, 33); /* (ref null ht), (ref ht) */
  return is_expressible(type) ? 0 : type;
}

static const char *foreign_text(uint8_t value_type, const char *v128_text, const char *other_text) {
  return value_type == 0x7b ? v128_text : other_text;
}

static void check_border_type(check_t *c, uint8_t value_type, wasi_light__slice_t module, wasi_light__slice_t name) {
  if (!value_type) return;
  refuse(c,
         foreign_text(value_type, "has v128 in its type, on which the engine's C API aborts",
                      "has a value type in its type that the C API cannot express"),
         module, name);
}

static void read_types(check_t *c) {
  uint32_t count = wasi_light__read_count(&c->r);
  for (uint32_t i = 0; i < count && !c->r.problem && !c->failed; i++) {
    uint8_t foreign = 0;
    size_t at = c->r.at;
    if (wasi_light__read_u8(&c->r) != 0x60) {
      wasi_light__reader_fail(&c->r, at, "a type that is not a function type");
      return;
    }
    for (int part = 0; part < 2; part++) { /* parameters, results */
      uint32_t values = wasi_light__read_count(&c->r);
      for (uint32_t k = 0; k < values && !c->r.problem; k++) {
        uint8_t type = read_value_type(c);
        if (type && !foreign) foreign = type;
      }
    }
    add_foreign(c, &c->types, foreign);
  }
}

/* Reads limits; returns the minimum. */
static uint64_t read_limits(check_t *c) {
  size_t at = c->r.at;
  uint8_t flags = wasi_light__read_u8(&c->r);
  if (flags > 3) {
    wasi_light__reader_fail(&c->r, at, "a 64-bit memory or table, or limits of an unknown form");
    return 0;
  }
  uint64_t min = wasi_light__read_u32(&c->r);
  if (flags & 1) wasi_light__read_u32(&c->r);
  return min;
}

static void read_table(check_t *c) {
  static const wasi_light__slice_t none = {NULL, 0};
  uint8_t type = wasi_light__read_u8(&c->r);
  if (type == 0x63 || type == 0x64) wasi_light__skip_leb(&c->r, 33);
  c->table_elements += read_limits(c);
  if (!c->r.problem && c->table_elements > c->limits->table_elements) {
    refuse(c, "has tables that begin with more elements than the limit table_elements allows", none, none);
  }
}

static void read_memory(check_t *c) {
  static const wasi_light__slice_t none = {NULL, 0};
  uint64_t min = read_limits(c);
  if (!c->r.problem && min > c->limits->memory_pages) {
    refuse(c, "has a memory that begins with more pages than the limit memory_pages allows", none, none);
  }
}

static void read_import(check_t *c) {
  wasi_light__slice_t module = wasi_light__read_slice(&c->r);
  wasi_light__slice_t name = wasi_light__read_slice(&c->r);
  size_t at = c->r.at;
  uint8_t foreign = 0;
  switch (wasi_light__read_u8(&c->r)) {
    case KIND_FUNC:
      foreign = foreign_at(&c->types, wasi_light__read_u32(&c->r));
      add_foreign(c, &c->funcs, foreign);
      break;
    case KIND_TABLE: read_table(c); break;
    case KIND_MEMORY: read_memory(c); break;
    case KIND_GLOBAL:
      foreign = read_value_type(c);
      wasi_light__read_u8(&c->r); /* mutability */
      add_foreign(c, &c->globals, foreign);
      break;
    case KIND_TAG: refuse(c, "is an imported tag, which the C API cannot express", module, name); break;
    default: wasi_light__reader_fail(&c->r, at, "an import of an unknown kind");
  }
  if (!c->r.problem) check_border_type(c, foreign, module, name);
}

/* Passes over a constant expression. */
static void skip_expression(wasi_light__reader_t *r) {
  while (!r->problem) {
    size_t at = r->at;
    switch (wasi_light__read_u8(r)) {
      case 0x0b: return;                                /* end */
      case 0x41: wasi_light__skip_leb(r, 32); break;    /* i32.const */
      case 0x42: wasi_light__skip_leb(r, 64); break;    /* i64.const */
      case 0x43: wasi_light__skip(r, 4); break;         /* f32.const */
      case 0x44: wasi_light__skip(r, 8); break;         /* f64.const */
      case 0x23:                                        /* global.get */
      case 0xd2: wasi_light__read_u32(r); break;        /* ref.func */
      case 0xd0: wasi_light__skip_leb(r, 33); break;    /* ref.null */
      case 0x6a: case 0x6b: case 0x6c:                  /* i32.add, sub, mul */
      case 0x7c: case 0x7d: case 0x7e: break;           /* i64.add, sub, mul */
      case 0xfd:
        if (wasi_light__read_u32(r) == 12) wasi_light__skip(r, 16); /* v128.const */
        else wasi_light__reader_fail(r, at, "an unknown constant expression");
        break;
      default: wasi_light__reader_fail(r, at, "an unknown constant expression");
    }
  }
}

static void read_table_definition(check_t *c) {
  bool initialised = c->r.at + 1 < c->r.end && c->r.bytes[c->r.at] == 0x40 && c->r.bytes[c->r.at + 1] == 0x00;
  if (initialised) wasi_light__skip(&c->r, 2);
  read_table(c);
  if (initialised) skip_expression(&c->r);
}

static void read_global(check_t *c) {
  uint8_t foreign = read_value_type(c);
  wasi_light__read_u8(&c->r); /* mutability */
  skip_expression(&c->r);
  add_foreign(c, &c->globals, foreign);
}

static void read_function(check_t *c) {
  add_foreign(c, &c->funcs, foreign_at(&c->types, wasi_light__read_u32(&c->r)));
}

static bool is_named(wasi_light__slice_t name, const char *text) {
  return name.size == strlen(text) && memcmp(name.bytes, text, name.size) == 0;
}

static void read_export(check_t *c) {
  static const wasi_light__slice_t none = {NULL, 0};
  wasi_light__slice_t name = wasi_light__read_slice(&c->r);
  uint8_t kind = wasi_light__read_u8(&c->r);
  uint32_t index = wasi_light__read_u32(&c->r);
  if (c->r.problem) return;
  if (kind == KIND_FUNC) {
    check_border_type(c, foreign_at(&c->funcs, index), none, name);
    if (is_named(name, "_start")) c->has_start = true;
    if (is_named(name, "_initialize")) c->has_initialize = true;
  }
  if (kind == KIND_GLOBAL) check_border_type(c, foreign_at(&c->globals, index), none, name);
}

static void each(check_t *c, void (*read_one)(check_t *)) {
  uint32_t count = wasi_light__read_count(&c->r);
  for (uint32_t i = 0; i < count && !c->r.problem && !c->failed; i++) read_one(c);
}

static void read_section(check_t *c, uint8_t id) {
  switch (id) {
    case SECTION_TYPE: read_types(c); break;
    case SECTION_IMPORT: each(c, read_import); break;
    case SECTION_FUNCTION: each(c, read_function); break;
    case SECTION_TABLE: each(c, read_table_definition); break;
    case SECTION_MEMORY: each(c, read_memory); break;
    case SECTION_GLOBAL: each(c, read_global); break;
    case SECTION_EXPORT: each(c, read_export); break;
    default: c->r.at = c->r.end;
  }
  if (!c->failed && wasi_light__more(&c->r)) wasi_light__reader_fail(&c->r, c->r.at, "bytes left over in a section");
}

static void read_sections(check_t *c) {
  size_t end = c->r.end;
  while (wasi_light__more(&c->r) && !c->r.problem && !c->failed) {
    uint8_t id = wasi_light__read_u8(&c->r);
    uint32_t size = wasi_light__read_u32(&c->r);
    size_t start = c->r.at;
    wasi_light__skip(&c->r, size);
    if (c->r.problem) return;
    c->r.at = start;
    c->r.end = start + size;
    read_section(c, id);
    c->r.end = end;
    if (!c->r.problem && !c->failed) c->r.at = start + size;
  }
}

static void read_module(check_t *c) {
  static const uint8_t magic[4] = {0, 'a', 's', 'm'};
  static const uint8_t version[4] = {1, 0, 0, 0};
  const uint8_t *bytes = c->r.bytes;
  if (c->r.end < 8 || memcmp(bytes, magic, 4) != 0) wasi_light__reader_fail(&c->r, 0, "not a WebAssembly module");
  else if (memcmp(bytes + 4, version, 4) != 0) {
    wasi_light__reader_fail(&c->r, 4, bytes[6] == 1 ? "a component, where a core module is expected" : "unknown version");
  }
  wasi_light__skip(&c->r, 8);
  read_sections(c);
}

bool wasi_light_check_module(const void *bytes, size_t size, const wasi_light_limits_t *limits,
                             wasi_light_error_t *error) {
  static const wasi_light_limits_t defaults = WASI_LIGHT_LIMITS_INIT;
  check_t c = {.r = {.bytes = bytes, .end = size}, .limits = limits ? limits : &defaults, .error = error};
  if (!bytes || c.limits->struct_size != sizeof defaults) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT, "%s",
                     !bytes ? "bytes is NULL: expected a module"
                            : "limits.struct_size is not that of this version: use WASI_LIGHT_LIMITS_INIT");
    return false;
  }
  read_module(&c);
  if (!c.failed && c.r.problem) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_MODULE, "malformed module at byte %zu: %s", c.r.problem_at, c.r.problem);
  } else if (!c.failed && c.has_start && c.has_initialize) {
    c.failed = true;
    wasi_light__fail(error, WASI_LIGHT_ERROR_MODULE,
                     "the module exports both _start and _initialize: a command has the one, a reactor the other");
  }
  free(c.types.of);
  free(c.funcs.of);
  free(c.globals.of);
  return !c.failed && !c.r.problem;
}
