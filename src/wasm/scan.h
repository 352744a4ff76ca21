/* SPDX-License-Identifier: MIT */
/*
 * A module's sections, read once: what crosses its border, and where in the bytes things lie. It is what the
 * check, the rewriter and the audit work on. It copies nothing: the bytes must stay.
 */
#ifndef WASI_LIGHT_SCAN_H
#define WASI_LIGHT_SCAN_H

#include "reader.h"

enum {
  WASI_LIGHT__CUSTOM,
  WASI_LIGHT__TYPES,
  WASI_LIGHT__IMPORTS,
  WASI_LIGHT__FUNCTIONS,
  WASI_LIGHT__TABLES,
  WASI_LIGHT__MEMORIES,
  WASI_LIGHT__GLOBALS,
  WASI_LIGHT__EXPORTS,
  WASI_LIGHT__START,
  WASI_LIGHT__ELEMENTS,
  WASI_LIGHT__CODE,
  WASI_LIGHT__DATA,
  WASI_LIGHT__DATA_COUNT,
  WASI_LIGHT__TAGS
};

enum {
  WASI_LIGHT__FUNC,
  WASI_LIGHT__TABLE,
  WASI_LIGHT__MEMORY,
  WASI_LIGHT__GLOBAL,
  WASI_LIGHT__TAG
}; /* kinds of imports and exports */

/* Value types as they are encoded. */
enum {
  WASI_LIGHT__I32 = 0x7f,
  WASI_LIGHT__I64 = 0x7e,
  WASI_LIGHT__F32 = 0x7d,
  WASI_LIGHT__F64 = 0x7c,
  WASI_LIGHT__V128 = 0x7b,
  WASI_LIGHT__FUNCREF = 0x70,
  WASI_LIGHT__EXTERNREF = 0x6f
};

enum { WASI_LIGHT__PAGES_ALL = 65536 }; /* all that a memory of 32 bits can have */

static inline bool wasi_light__is_number(uint8_t type) {
  return type >= WASI_LIGHT__F64 && type <= WASI_LIGHT__I32;
}

/* Whether wasm.h has a kind for it. */
static inline bool wasi_light__is_expressible(uint8_t type) {
  return wasi_light__is_number(type) || type == WASI_LIGHT__FUNCREF || type == WASI_LIGHT__EXTERNREF;
}

typedef struct wasi_light__section_t {
  uint8_t id;
  size_t header;  /* where its id stands */
  size_t payload; /* where its contents begin */
  size_t end;
} wasi_light__section_t;

/* A list that grows; `items` is an array of the type that the comment at each use names. */
typedef struct wasi_light__list_t {
  void *items;
  size_t count;
  size_t room;
} wasi_light__list_t;

typedef struct wasi_light__scan_type_t {
  uint8_t foreign; /* the first value type in it that wasm.h cannot express, or 0 */
  size_t at, end;  /* where its parameters and results stand */
} wasi_light__scan_type_t;

typedef struct wasi_light__scan_import_t {
  wasi_light__slice_t module, name;
  uint8_t kind;
  uint32_t index; /* among the things of its kind */
} wasi_light__scan_import_t;

typedef struct wasi_light__scan_export_t {
  wasi_light__slice_t name;
  uint8_t kind;
  uint32_t index;
} wasi_light__scan_export_t;

typedef struct wasi_light__scan_global_t {
  uint8_t type;
  bool is_mutable;
  bool imported;
} wasi_light__scan_global_t;

/* A table or a memory. */
typedef struct wasi_light__scan_limits_t {
  uint8_t flags; /* 1: has a maximum, 2: shared */
  uint32_t min, max;
  size_t at, end; /* where the limits stand */
  bool imported;
} wasi_light__scan_limits_t;

typedef struct wasi_light__scan_t {
  wasi_light__reader_t r;
  bool out_of_memory;
  wasi_light__list_t sections; /* wasi_light__section_t */
  wasi_light__list_t types;    /* wasi_light__scan_type_t */
  wasi_light__list_t imports;  /* wasi_light__scan_import_t */
  wasi_light__list_t funcs;    /* uint32_t: type index */
  wasi_light__list_t tables;   /* wasi_light__scan_limits_t */
  wasi_light__list_t memories; /* wasi_light__scan_limits_t */
  wasi_light__list_t globals;  /* wasi_light__scan_global_t */
  wasi_light__list_t exports;  /* wasi_light__scan_export_t */
  uint32_t imported_funcs;
  uint32_t imported_tags;
  bool has_table_values; /* a table begins with something other than nulls */
  bool has_start;
  uint32_t start; /* function index */
} wasi_light__scan_t;

/* Reads the sections. False: see `r.problem` and `out_of_memory`. To be freed in either case. */
bool wasi_light__scan(wasi_light__scan_t *scan, const void *bytes, size_t size);
void wasi_light__scan_free(wasi_light__scan_t *scan);

bool wasi_light__section_is_there(const wasi_light__scan_t *scan, uint8_t id);
/* A reader of the payload of the section, or of nothing if the module has none. */
wasi_light__reader_t wasi_light__section(const wasi_light__scan_t *scan, uint8_t id);

/* The type of a function as a signature, "(iI)f", with '?' for what is no number. False if it has none or does not fit. */
bool wasi_light__scan_signature(const wasi_light__scan_t *scan, uint32_t func, char *text, size_t size);

/* Whether sections of kind `a` stand before those of kind `b`. */
bool wasi_light__section_before(uint8_t a, uint8_t b);

/* Room for one more item, or NULL. */
void *wasi_light__list_add(wasi_light__list_t *list, size_t item_size);

/* Passes over a constant expression; true if it is a plain i32.const, whose value is then in `*constant`. */
bool wasi_light__skip_expression(wasi_light__reader_t *r, uint32_t *constant);
/* Passes over a value type and returns its first byte. */
uint8_t wasi_light__read_value_type(wasi_light__reader_t *r);

static inline const wasi_light__section_t *wasi_light__sections(const wasi_light__scan_t *scan) {
  return scan->sections.items;
}
static inline const wasi_light__scan_type_t *wasi_light__types(const wasi_light__scan_t *scan) {
  return scan->types.items;
}
static inline const wasi_light__scan_import_t *wasi_light__imports(const wasi_light__scan_t *scan) {
  return scan->imports.items;
}
static inline const wasi_light__scan_export_t *wasi_light__exports(const wasi_light__scan_t *scan) {
  return scan->exports.items;
}
static inline const wasi_light__scan_global_t *wasi_light__globals(const wasi_light__scan_t *scan) {
  return scan->globals.items;
}
static inline const wasi_light__scan_limits_t *wasi_light__tables(const wasi_light__scan_t *scan) {
  return scan->tables.items;
}
static inline const wasi_light__scan_limits_t *wasi_light__memories(const wasi_light__scan_t *scan) {
  return scan->memories.items;
}

#endif
