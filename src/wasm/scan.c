/* SPDX-License-Identifier: MIT */
/*
 * Reads a module's sections. It is no validator: it refuses what it cannot read (and so cannot vouch for), and
 * leaves code, data and the meaning of indices to the engine.
 */
#include "scan.h"

#include <stdlib.h>
#include <string.h>

void *wasi_light__list_add(wasi_light__list_t *list, size_t item_size) {
  if (list->count == list->room) {
    size_t room = list->room == 0 ? 16 : list->room * 2;
    void *items = realloc(list->items, room * item_size);
    if (!items) return NULL;
    list->items = items;
    list->room = room;
  }
  return (char *)list->items + item_size * list->count++;
}

static void add(wasi_light__scan_t *scan, wasi_light__list_t *list, const void *item, size_t item_size) {
  void *place = wasi_light__list_add(list, item_size);
  if (place) memcpy(place, item, item_size);
  else {
    scan->out_of_memory = true;
    wasi_light__reader_fail(&scan->r, scan->r.at, "the host ran out of memory");
  }
}

uint8_t wasi_light__read_value_type(wasi_light__reader_t *r) {
  uint8_t type = wasi_light__read_u8(r);
  if (type == 0x63 || type == 0x64) wasi_light__skip_leb(r, 33); /* (ref null ht), (ref ht) */
  return type;
}

static void read_type(wasi_light__scan_t *scan) {
  wasi_light__reader_t *r = &scan->r;
  size_t at = r->at;
  if (wasi_light__read_u8(r) != 0x60) wasi_light__reader_fail(r, at, "a type that is not a function type");
  wasi_light__scan_type_t type = {.at = r->at};
  for (int part = 0; part < 2; part++) { /* parameters, results */
    uint32_t values = wasi_light__read_count(r);
    for (uint32_t k = 0; k < values && !r->problem; k++) {
      uint8_t value = wasi_light__read_value_type(r);
      if (!type.foreign && !wasi_light__is_expressible(value)) type.foreign = value;
    }
  }
  type.end = r->at;
  add(scan, &scan->types, &type, sizeof type);
}

static void read_limits(wasi_light__scan_t *scan, wasi_light__list_t *list, bool imported) {
  wasi_light__reader_t *r = &scan->r;
  wasi_light__scan_limits_t limits = {.at = r->at, .imported = imported};
  limits.flags = wasi_light__read_u8(r);
  if (limits.flags > 3) {
    wasi_light__reader_fail(r, limits.at, "a 64-bit memory or table, or limits of an unknown form");
    return;
  }
  /* refused here, since lowering it would make it valid */
  if (limits.flags == 2) wasi_light__reader_fail(r, limits.at, "a shared memory without a maximum");
  limits.min = wasi_light__read_u32(r);
  limits.max = limits.flags & 1 ? wasi_light__read_u32(r) : UINT32_MAX;
  limits.end = r->at;
  add(scan, list, &limits, sizeof limits);
}

static void read_global_type(wasi_light__scan_t *scan, bool imported) {
  wasi_light__scan_global_t global = {.type = wasi_light__read_value_type(&scan->r), .imported = imported};
  size_t at = scan->r.at;
  uint8_t mutability = wasi_light__read_u8(&scan->r);
  if (mutability > 1) wasi_light__reader_fail(&scan->r, at, "a global of unknown mutability");
  global.is_mutable = mutability == 1;
  add(scan, &scan->globals, &global, sizeof global);
}

static void read_import(wasi_light__scan_t *scan) {
  wasi_light__reader_t *r = &scan->r;
  wasi_light__scan_import_t import = {0};
  uint32_t type;
  import.module = wasi_light__read_slice(r);
  import.name = wasi_light__read_slice(r);
  size_t at = r->at;
  import.kind = wasi_light__read_u8(r);
  switch (import.kind) {
    case WASI_LIGHT__FUNC:
      import.index = scan->imported_funcs++;
      type = wasi_light__read_u32(r);
      add(scan, &scan->funcs, &type, sizeof type);
      break;
    case WASI_LIGHT__TABLE:
      import.index = (uint32_t)scan->tables.count;
      wasi_light__read_value_type(r);
      read_limits(scan, &scan->tables, true);
      break;
    case WASI_LIGHT__MEMORY:
      import.index = (uint32_t)scan->memories.count;
      read_limits(scan, &scan->memories, true);
      break;
    case WASI_LIGHT__GLOBAL:
      import.index = (uint32_t)scan->globals.count;
      read_global_type(scan, true);
      break;
    case WASI_LIGHT__TAG:
      import.index = scan->imported_tags++;
      wasi_light__read_u8(r);
      wasi_light__read_u32(r);
      break;
    default: wasi_light__reader_fail(r, at, "an import of an unknown kind");
  }
  add(scan, &scan->imports, &import, sizeof import);
}

bool wasi_light__skip_expression(wasi_light__reader_t *r, uint32_t *constant) {
  wasi_light__reader_t start = *r;
  size_t instructions = 0;
  for (bool end = false; !end && !r->problem; instructions++) {
    size_t at = r->at;
    switch (wasi_light__read_u8(r)) {
      case 0x0b: end = true; break;
      case 0x41: wasi_light__skip_leb(r, 32); break; /* i32.const */
      case 0x42: wasi_light__skip_leb(r, 64); break; /* i64.const */
      case 0x43: wasi_light__skip(r, 4); break;      /* f32.const */
      case 0x44: wasi_light__skip(r, 8); break;      /* f64.const */
      case 0x23:                                     /* global.get */
      case 0xd2: wasi_light__read_u32(r); break;     /* ref.func */
      case 0xd0: wasi_light__skip_leb(r, 33); break; /* ref.null */
      case 0x6a:
      case 0x6b:
      case 0x6c: /* i32.add, sub, mul */
      case 0x7c:
      case 0x7d:
      case 0x7e: break; /* i64.add, sub, mul */
      case 0xfd:
        if (wasi_light__read_u32(r) == 12) wasi_light__skip(r, 16); /* v128.const */
        else wasi_light__reader_fail(r, at, "an unknown constant expression");
        break;
      default: wasi_light__reader_fail(r, at, "an unknown constant expression");
    }
  }
  if (r->problem || instructions != 2 || start.bytes[start.at] != 0x41) return false;
  start.at++;
  *constant = wasi_light__read_s32(&start);
  if (start.problem) wasi_light__reader_fail(r, start.problem_at, start.problem);
  return !r->problem;
}

static void read_table(wasi_light__scan_t *scan) {
  wasi_light__reader_t *r = &scan->r;
  uint32_t ignored;
  bool initialised = r->end - r->at >= 2 && r->bytes[r->at] == 0x40 && r->bytes[r->at + 1] == 0x00;
  if (initialised) scan->has_table_values = true;
  if (initialised) wasi_light__skip(r, 2);
  wasi_light__read_value_type(r);
  read_limits(scan, &scan->tables, false);
  if (initialised) wasi_light__skip_expression(r, &ignored);
}

static void read_memory(wasi_light__scan_t *scan) {
  read_limits(scan, &scan->memories, false);
}

static void read_global(wasi_light__scan_t *scan) {
  uint32_t ignored;
  read_global_type(scan, false);
  wasi_light__skip_expression(&scan->r, &ignored);
}

static void read_function(wasi_light__scan_t *scan) {
  uint32_t type = wasi_light__read_u32(&scan->r);
  add(scan, &scan->funcs, &type, sizeof type);
}

static void read_export(wasi_light__scan_t *scan) {
  wasi_light__scan_export_t item = {0};
  item.name = wasi_light__read_slice(&scan->r);
  item.kind = wasi_light__read_u8(&scan->r);
  item.index = wasi_light__read_u32(&scan->r);
  add(scan, &scan->exports, &item, sizeof item);
}

static void each(wasi_light__scan_t *scan, void (*read_one)(wasi_light__scan_t *)) {
  uint32_t count = wasi_light__read_count(&scan->r);
  for (uint32_t i = 0; i < count && !scan->r.problem; i++) read_one(scan);
}

static void read_contents(wasi_light__scan_t *scan, uint8_t id) {
  wasi_light__reader_t *r = &scan->r;
  switch (id) {
    case WASI_LIGHT__TYPES: each(scan, read_type); break;
    case WASI_LIGHT__IMPORTS: each(scan, read_import); break;
    case WASI_LIGHT__FUNCTIONS: each(scan, read_function); break;
    case WASI_LIGHT__TABLES: each(scan, read_table); break;
    case WASI_LIGHT__MEMORIES: each(scan, read_memory); break;
    case WASI_LIGHT__GLOBALS: each(scan, read_global); break;
    case WASI_LIGHT__EXPORTS: each(scan, read_export); break;
    case WASI_LIGHT__START:
      scan->has_start = true;
      scan->start = wasi_light__read_u32(r);
      break;
    default: r->at = r->end; /* code, data and the rest have readers of their own */
  }
  if (wasi_light__more(r)) wasi_light__reader_fail(r, r->at, "bytes left over in a section");
}

/* Where a section's place is among the others; sections come in this order, custom ones anywhere. */
static unsigned rank(uint8_t id) {
  static const uint8_t order[] = {
      WASI_LIGHT__TYPES,      WASI_LIGHT__IMPORTS, WASI_LIGHT__FUNCTIONS, WASI_LIGHT__TABLES, WASI_LIGHT__MEMORIES,
      WASI_LIGHT__TAGS,       WASI_LIGHT__GLOBALS, WASI_LIGHT__EXPORTS,   WASI_LIGHT__START,  WASI_LIGHT__ELEMENTS,
      WASI_LIGHT__DATA_COUNT, WASI_LIGHT__CODE,    WASI_LIGHT__DATA};
  unsigned i = 0;
  while (i < sizeof order && order[i] != id) i++;
  return i + 1;
}

bool wasi_light__section_before(uint8_t a, uint8_t b) {
  return rank(a) < rank(b);
}

static void read_sections(wasi_light__scan_t *scan) {
  wasi_light__reader_t *r = &scan->r;
  size_t end = r->end;
  uint8_t last = WASI_LIGHT__CUSTOM;
  while (wasi_light__more(r)) {
    wasi_light__section_t section = {.header = r->at};
    section.id = wasi_light__read_u8(r);
    if (section.id > WASI_LIGHT__TAGS) wasi_light__reader_fail(r, section.header, "a section of an unknown kind");
    if (section.id != WASI_LIGHT__CUSTOM) {
      if (last != WASI_LIGHT__CUSTOM && !wasi_light__section_before(last, section.id)) {
        wasi_light__reader_fail(r, section.header, "a section that is not in its place");
      }
      last = section.id;
    }
    uint32_t size = wasi_light__read_u32(r);
    section.payload = r->at;
    wasi_light__skip(r, size);
    section.end = r->at;
    add(scan, &scan->sections, &section, sizeof section);
    if (r->problem) return;
    r->at = section.payload;
    r->end = section.end;
    read_contents(scan, section.id);
    r->end = end;
    if (r->problem) r->at = end;
  }
}

bool wasi_light__scan(wasi_light__scan_t *scan, const void *bytes, size_t size) {
  static const uint8_t magic[4] = {0, 'a', 's', 'm'};
  static const uint8_t version[4] = {1, 0, 0, 0};
  const uint8_t *start = bytes;
  *scan = (wasi_light__scan_t){.r = {.bytes = start, .end = size}};
  if (size < 8 || memcmp(start, magic, 4) != 0) {
    wasi_light__reader_fail(&scan->r, 0, "not a WebAssembly module");
  } else if (memcmp(start + 4, version, 4) != 0) {
    wasi_light__reader_fail(&scan->r, 4,
                            start[6] == 1 ? "a component, where a core module is expected" : "unknown version");
  }
  wasi_light__skip(&scan->r, 8);
  read_sections(scan);
  return !scan->r.problem;
}

static char letter_of(uint8_t type) {
  switch (type) {
    case WASI_LIGHT__I32: return 'i';
    case WASI_LIGHT__I64: return 'I';
    case WASI_LIGHT__F32: return 'f';
    case WASI_LIGHT__F64: return 'F';
    default: return '?';
  }
}

bool wasi_light__scan_signature(const wasi_light__scan_t *scan, uint32_t func, char *text, size_t size) {
  if (func >= scan->funcs.count) return false;
  uint32_t index = ((const uint32_t *)scan->funcs.items)[func];
  if (index >= scan->types.count) return false;
  const wasi_light__scan_type_t *type = &wasi_light__types(scan)[index];
  wasi_light__reader_t r = {.bytes = scan->r.bytes, .at = type->at, .end = type->end};
  size_t used = 0;
  if (type->end - type->at + 2 > size) return false; /* each value takes a byte or more, as each count does */
  text[used++] = '(';
  for (int part = 0; part < 2; part++) {
    uint32_t values = wasi_light__read_count(&r);
    for (uint32_t i = 0; i < values; i++) text[used++] = letter_of(wasi_light__read_value_type(&r));
    if (part == 0) text[used++] = ')';
  }
  text[used] = '\0';
  return true;
}

void wasi_light__scan_free(wasi_light__scan_t *scan) {
  free(scan->sections.items);
  free(scan->types.items);
  free(scan->imports.items);
  free(scan->funcs.items);
  free(scan->tables.items);
  free(scan->memories.items);
  free(scan->globals.items);
  free(scan->exports.items);
}

bool wasi_light__section_is_there(const wasi_light__scan_t *scan, uint8_t id) {
  const wasi_light__section_t *sections = wasi_light__sections(scan);
  for (size_t i = 0; i < scan->sections.count; i++) {
    if (sections[i].id == id) return true;
  }
  return false;
}

wasi_light__reader_t wasi_light__section(const wasi_light__scan_t *scan, uint8_t id) {
  const wasi_light__section_t *sections = wasi_light__sections(scan);
  for (size_t i = 0; i < scan->sections.count; i++) {
    if (sections[i].id != id) continue;
    return (wasi_light__reader_t){.bytes = scan->r.bytes, .at = sections[i].payload, .end = sections[i].end};
  }
  return (wasi_light__reader_t){.bytes = scan->r.bytes};
}
