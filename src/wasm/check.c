/* SPDX-License-Identifier: MIT */
/*
 * Refuses, before the engine sees a module's bytes, what Wasmer's C API answers with an abort of the process,
 * what is beyond the host's limits, and forms that preview 1 modules do not have.
 */
#include <string.h>

#include "adapter.h"
#include "code.h"

static const wasi_light__slice_t none = {NULL, 0};

static bool refuse(wasi_light_error_t *error, wasi_light__slice_t module, wasi_light__slice_t name, const char *what) {
  char text[WASI_LIGHT__NAME_TEXT];
  wasi_light__name_text(text, sizeof text, module, name);
  wasi_light__fail(error, WASI_LIGHT_ERROR_MODULE, "%s %s", name.bytes ? text : "the module", what);
  return false;
}

/* The first value type that wasm.h cannot express in what an import or export names, or 0. */
static uint8_t foreign_type(const wasi_light__scan_t *scan, uint8_t kind, uint32_t index) {
  if (kind == WASI_LIGHT__FUNC && index < scan->funcs.count) {
    uint32_t type = ((const uint32_t *)scan->funcs.items)[index];
    return type < scan->types.count ? wasi_light__types(scan)[type].foreign : 0; /* else the engine refuses */
  }
  if (kind == WASI_LIGHT__GLOBAL && index < scan->globals.count) {
    uint8_t type = wasi_light__globals(scan)[index].type;
    return wasi_light__is_expressible(type) ? 0 : type;
  }
  return 0;
}

static bool check_border(const wasi_light__scan_t *scan, uint8_t kind, uint32_t index, wasi_light__slice_t module,
                         wasi_light__slice_t name, wasi_light_error_t *error) {
  uint8_t type = foreign_type(scan, kind, index);
  if (type == 0) return true;
  return refuse(error, module, name,
                type == WASI_LIGHT__V128 ? "has v128 in its type, on which the engine's C API aborts"
                                         : "has a value type in its type that the C API cannot express");
}

static bool check_imports(const wasi_light__scan_t *scan, wasi_light_error_t *error) {
  const wasi_light__scan_import_t *imports = wasi_light__imports(scan);
  for (size_t i = 0; i < scan->imports.count; i++) {
    const wasi_light__scan_import_t *import = &imports[i];
    if (import->kind == WASI_LIGHT__TAG) {
      return refuse(error, import->module, import->name, "is an imported tag, which the C API cannot express");
    }
    if (!check_border(scan, import->kind, import->index, import->module, import->name, error)) return false;
  }
  return true;
}

static bool check_exports(const wasi_light__scan_t *scan, wasi_light_error_t *error) {
  const wasi_light__scan_export_t *exports = wasi_light__exports(scan);
  bool has_start = false;
  bool has_initialize = false;
  for (size_t i = 0; i < scan->exports.count; i++) {
    const wasi_light__scan_export_t *item = &exports[i];
    if (!check_border(scan, item->kind, item->index, none, item->name, error)) return false;
    if (wasi_light__begins_with(item->name, WASI_LIGHT__METERING_PREFIX)) {
      return refuse(error, none, item->name, "is an export with a name that the engine's metering uses");
    }
    if (item->kind != WASI_LIGHT__FUNC) continue;
    if (wasi_light__same(item->name, wasi_light__slice_of_text("_start"))) has_start = true;
    if (wasi_light__same(item->name, wasi_light__slice_of_text("_initialize"))) has_initialize = true;
  }
  if (has_start && has_initialize) {
    return refuse(error, none, none, "exports both _start and _initialize: a command has the one, a reactor the other");
  }
  return true;
}

/* The engine would check it, but the rewriter makes an export of it. */
static bool check_start(const wasi_light__scan_t *scan, wasi_light_error_t *error) {
  char signature[8];
  if (!scan->has_start) return true;
  if (wasi_light__scan_signature(scan, scan->start, signature, sizeof signature) && strcmp(signature, "()") == 0) {
    return true;
  }
  return refuse(error, none, none, "has a start function that is not of type () -> ()");
}

static bool check_limits(const wasi_light__scan_t *scan, const wasi_light_limits_t *limits, wasi_light_error_t *error) {
  uint64_t elements = 0;
  for (size_t i = 0; i < scan->tables.count; i++) elements += wasi_light__tables(scan)[i].min;
  if (elements > limits->table_elements) {
    return refuse(error, none, none, "has tables that begin with more elements than the limit table_elements allows");
  }
  for (size_t i = 0; i < scan->memories.count; i++) {
    const wasi_light__scan_limits_t *memory = &wasi_light__memories(scan)[i];
    if (memory->flags & 1 && memory->max > WASI_LIGHT__PAGES_ALL) {
      return refuse(error, none, none, "has a memory of more than 65536 pages");
    }
    if (memory->min > limits->memory_pages) {
      return refuse(error, none, none, "has a memory that begins with more pages than the limit memory_pages allows");
    }
  }
  return true;
}

/* Bulk instructions that may run before they are paid for: each can take as long as filling all of memory. */
enum { UNPAID_MAX = 100 };

typedef struct metering_check_t {
  uint32_t unpaid; /* bulk instructions since something was paid for */
  bool found;
  bool too_many;       /* bulk instructions; else the instruction itself */
  uint32_t func, code; /* of the first that must not be there */
} metering_check_t;

static void note_metering(void *context, uint32_t func, wasi_light__effect_t effect, uint32_t operand) {
  metering_check_t *check = context;
  if (effect == WASI_LIGHT__PAYS) check->unpaid = 0;
  if (effect == WASI_LIGHT__BULK) check->unpaid++;
  bool too_many = check->unpaid > UNPAID_MAX;
  bool unknown = effect == WASI_LIGHT__NOT_METERED || effect == WASI_LIGHT__UNKNOWN;
  if (check->found || !(too_many || unknown)) return;
  check->found = true;
  check->too_many = too_many;
  check->func = func;
  check->code = operand;
}

/* The engine's C API aborts when its metering sees an instruction that it does not know. */
static bool check_metering(const wasi_light__scan_t *scan, const wasi_light_limits_t *limits,
                           wasi_light_error_t *error) {
  wasi_light__reader_t r;
  metering_check_t check = {.found = false};
  if (limits->points_per_call == 0) return true;
  bool readable = wasi_light__walk_code(scan, &r, note_metering, &check);
  if (check.found && check.too_many) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_MODULE,
                     "function %u has more than %d bulk instructions without a branch, call or block end between them, "
                     "which a module with the limit points_per_call must not have",
                     check.func, UNPAID_MAX);
  } else if (check.found) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_MODULE,
                     "function %u has instruction 0x%x, which a module with the limit points_per_call must not have",
                     check.func, check.code);
  } else if (!readable) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_MODULE, "malformed module at byte %zu: %s", r.problem_at, r.problem);
  }
  return readable && !check.found;
}

bool wasi_light__scan_checked(wasi_light__scan_t *scan, const void *bytes, size_t size,
                              const wasi_light_limits_t *limits, wasi_light_error_t *error) {
  bool readable = wasi_light__scan(scan, bytes, size);
  if (scan->out_of_memory) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_OUT_OF_MEMORY, "no memory to check a module of %zu bytes", size);
  } else if (!readable) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_MODULE, "malformed module at byte %zu: %s", scan->r.problem_at,
                     scan->r.problem);
  }
  return readable && check_imports(scan, error) && check_exports(scan, error) && check_start(scan, error) &&
         check_limits(scan, limits, error) && check_metering(scan, limits, error);
}

bool wasi_light__take_limits(const wasi_light_limits_t **limits, wasi_light_error_t *error) {
  static const wasi_light_limits_t defaults = WASI_LIGHT_LIMITS_INIT;
  if (!*limits) *limits = &defaults;
  if ((*limits)->struct_size == sizeof defaults) return true;
  wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT,
                   "limits.struct_size is not that of this version: make it with WASI_LIGHT_LIMITS_INIT");
  return false;
}

bool wasi_light_check_module(const void *bytes, size_t size, const wasi_light_limits_t *limits,
                             wasi_light_error_t *error) {
  wasi_light__scan_t scan;
  if (!wasi_light__take_limits(&limits, error)) return false;
  if (!bytes) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT, "bytes is NULL: expected a module");
    return false;
  }
  bool good = wasi_light__scan_checked(&scan, bytes, size, limits, error);
  wasi_light__scan_free(&scan);
  return good;
}
