/* SPDX-License-Identifier: MIT */
/*
 * The audit: what a module is, what it imports, and whether its instances can be recycled.
 *
 * Recyclable means that all state which a call can change is memory 0 and mutable globals of number types.
 * Whatever else it could change (tables, dropped segments, thrown exceptions, things shared through imports)
 * is a reason against it, and so is any instruction that is not known.
 */
#include "audit.h"

#include <stdarg.h>
#include <string.h>

#include "code.h"

typedef struct report_t {
  wasi_light_line_t line;
  void *context;
  uint32_t reasons;
} report_t;

static void say(report_t *report, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(report_t *report, const char *format, ...) {
  char text[512];
  va_list list;
  report->reasons++;
  if (!report->line) return;
  va_start(list, format);
  wasi_light__format_list(text, sizeof text, format, list);
  va_end(list);
  report->line(report->context, text);
}

/* ---- Imports, globals, memories ---- */

static void audit_imports(const wasi_light__scan_t *scan, report_t *report) {
  const wasi_light__scan_import_t *imports = wasi_light__imports(scan);
  for (size_t i = 0; i < scan->imports.count; i++) {
    const wasi_light__scan_import_t *import = &imports[i];
    char name[WASI_LIGHT__NAME_TEXT];
    wasi_light__name_text(name, sizeof name, import->module, import->name);
    if (import->kind == WASI_LIGHT__TABLE) say(report, "imports the table %s", name);
    if (import->kind == WASI_LIGHT__GLOBAL && wasi_light__globals(scan)[import->index].is_mutable) {
      say(report, "imports the mutable global %s", name);
    }
  }
}

static void audit_globals(const wasi_light__scan_t *scan, report_t *report) {
  const wasi_light__scan_global_t *globals = wasi_light__globals(scan);
  for (size_t i = 0; i < scan->globals.count; i++) {
    if (globals[i].is_mutable && !globals[i].imported && !wasi_light__is_number(globals[i].type)) {
      say(report, "global %zu is mutable and of %s", i,
          globals[i].type == WASI_LIGHT__V128 ? "v128" : "a reference type");
    }
  }
}

static bool is_exported(const wasi_light__scan_t *scan, uint8_t kind, uint32_t index) {
  const wasi_light__scan_export_t *exports = wasi_light__exports(scan);
  for (size_t i = 0; i < scan->exports.count; i++) {
    if (exports[i].kind == kind && exports[i].index == index) return true;
  }
  return false;
}

static void audit_memories(const wasi_light__scan_t *scan, report_t *report) {
  const wasi_light__scan_limits_t *memories = wasi_light__memories(scan);
  if (scan->memories.count > 1) say(report, "has %zu memories", scan->memories.count);
  for (size_t i = 0; i < scan->memories.count; i++) {
    if (memories[i].flags & 2) say(report, "memory %zu is shared", i);
    if (!memories[i].imported && !is_exported(scan, WASI_LIGHT__MEMORY, (uint32_t)i)) {
      say(report, "memory %zu is not exported", i);
    }
  }
}

/* ---- Code ---- */

static const char *effect_text(wasi_light__effect_t effect) {
  switch (effect) {
    case WASI_LIGHT__DROPS_DATA: return "drops a data segment";
    case WASI_LIGHT__DROPS_ELEMENTS: return "drops an element segment";
    case WASI_LIGHT__WRITES_TABLE: return "writes a table";
    case WASI_LIGHT__GROWS_TABLE: return "grows a table";
    case WASI_LIGHT__THROWS: return "throws or catches exceptions";
    default: return NULL; /* nothing that a reset does not undo */
  }
}

typedef struct code_audit_t {
  report_t *report;
  bool start_is_reached; /* the start function can run again */
  bool has_start;
  uint32_t start;
  uint32_t last_func; /* of the reason said last: each is said once for a function */
  uint32_t said;      /* a bit for each effect said of it */
} code_audit_t;

static void note_reference(void *context, uint32_t func, wasi_light__effect_t effect, uint32_t operand) {
  code_audit_t *audit = context;
  (void)func;
  if (effect == WASI_LIGHT__REFERS && operand == audit->start) audit->start_is_reached = true;
}

static void note_effect(void *context, uint32_t func, wasi_light__effect_t effect, uint32_t operand) {
  code_audit_t *audit = context;
  const char *text = effect_text(effect);
  if (audit->has_start && !audit->start_is_reached && func == audit->start) return; /* ran before the snapshot */
  if (effect == WASI_LIGHT__UNKNOWN) say(audit->report, "function %u: unknown instruction 0x%x", func, operand);
  if (!text || (func == audit->last_func && audit->said & 1u << effect)) return;
  if (func != audit->last_func) audit->said = 0;
  audit->last_func = func;
  audit->said |= 1u << effect;
  say(audit->report, "function %u: %s", func, text);
}

/* Whether an element segment may hold the function. Segments of expressions are taken to hold it. */
static bool elements_hold(const wasi_light__scan_t *scan, uint32_t func) {
  wasi_light__reader_t r = wasi_light__section(scan, WASI_LIGHT__ELEMENTS);
  uint32_t ignored;
  uint32_t segments = wasi_light__more(&r) ? wasi_light__read_count(&r) : 0;
  for (uint32_t i = 0; i < segments && !r.problem; i++) {
    uint32_t flags = wasi_light__read_u32(&r);
    if (flags > 3) return true;
    if (flags == 2) wasi_light__read_u32(&r); /* table */
    if (!(flags & 1)) wasi_light__skip_expression(&r, &ignored);
    if (flags != 0) wasi_light__read_u8(&r); /* kind */
    uint32_t count = wasi_light__read_count(&r);
    for (uint32_t k = 0; k < count && !r.problem; k++) {
      if (wasi_light__read_u32(&r) == func) return true;
    }
  }
  return r.problem != NULL;
}

/* Whether anything but the start section and code may name the function: values of tables and of globals are taken to. */
static bool is_held(const wasi_light__scan_t *scan, uint32_t func) {
  if (scan->has_table_values) return true;
  const wasi_light__scan_global_t *globals = wasi_light__globals(scan);
  for (size_t i = 0; i < scan->globals.count; i++) {
    if (!globals[i].imported && globals[i].type < WASI_LIGHT__V128) return true;
  }
  return is_exported(scan, WASI_LIGHT__FUNC, func) || elements_hold(scan, func);
}

static void audit_code(const wasi_light__scan_t *scan, report_t *report) {
  wasi_light__reader_t r;
  code_audit_t audit = {.report = report, .has_start = scan->has_start, .start = scan->start, .last_func = UINT32_MAX};
  if (scan->has_start) {
    audit.start_is_reached = is_held(scan, scan->start);
    wasi_light__walk_code(scan, &r, note_reference, &audit);
  }
  if (!wasi_light__walk_code(scan, &r, note_effect, &audit)) {
    say(report, "the code cannot be read at byte %zu: %s", r.problem_at, r.problem);
  }
}

bool wasi_light__is_recyclable(const wasi_light__scan_t *scan, wasi_light_line_t line, void *context) {
  report_t report = {line, context, 0};
  audit_imports(scan, &report);
  audit_globals(scan, &report);
  audit_memories(scan, &report);
  audit_code(scan, &report);
  return report.reasons == 0;
}

/* ---- The report ---- */

/* "host", "WASI", or why the import would be refused. */
static void describe_function(const wasi_light__scan_t *scan, const wasi_light__scan_import_t *import,
                              const wasi_light_linker_t *linker, const wasi_light__definition_t *definition, char *text,
                              size_t size) {
  char wanted[WASI_LIGHT__TYPE_TEXT];
  char given[WASI_LIGHT__TYPE_TEXT];
  char signature[1024];
  wasi_light__binding_t binding;
  bool wasi = wasi_light__binding(import->module, import->name, &binding);
  bool in_namespace = wasi_light__same(import->module, wasi_light__slice_of_text("wasi_snapshot_preview1")) ||
                      wasi_light__same(import->module, wasi_light__slice_of_text("wasi_unstable"));
  const char *refused = linker && linker->unknown == WASI_LIGHT_UNKNOWN_TRAPS ? "traps when called" : "refused";
  if (!wasi_light__scan_signature(scan, import->index, signature, sizeof signature)) {
    wasi_light__format(text, size, "function, refused: its type cannot be read");
    return;
  }
  wasi_light__signature_text(wanted, sizeof wanted, signature);
  const char *known = definition ? definition->signature : wasi ? binding.signature : NULL;
  if (!known) {
    if (in_namespace) wasi_light__format(text, size, "%s, %s: WASI has no such function", wanted, refused);
    else wasi_light__format(text, size, "%s, for the host to give", wanted);
  } else if (strcmp(known, signature) != 0) {
    wasi_light__signature_text(given, sizeof given, known);
    wasi_light__format(text, size, "%s, %s: given %s", wanted, refused, given);
  } else {
    wasi_light__format(text, size, "%s, %s", wanted, definition ? "given by the host" : "WASI");
  }
}

static void report_import(const wasi_light__scan_t *scan, const wasi_light__scan_import_t *import,
                          const wasi_light_linker_t *linker, report_t *report) {
  static const char *const kinds[] = {"function", "table", "memory", "global", "tag"};
  char name[WASI_LIGHT__NAME_TEXT];
  char text[3 * WASI_LIGHT__TYPE_TEXT];
  const wasi_light__definition_t *definition = wasi_light__definition(linker, import->module, import->name);
  wasi_light__name_text(name, sizeof name, import->module, import->name);
  if (import->kind == WASI_LIGHT__FUNC) {
    describe_function(scan, import, linker, definition, text, sizeof text);
  } else {
    bool given = import->kind == WASI_LIGHT__MEMORY && definition && !definition->signature;
    wasi_light__format(text, sizeof text, "%s, %s", kinds[import->kind],
                       given ? "given by the host" : "for the host to give");
  }
  say(report, "import %s: %s", name, text);
}

static void report_limits(const char *what, const wasi_light__list_t *list, report_t *report) {
  const wasi_light__scan_limits_t *all = list->items;
  for (size_t i = 0; i < list->count; i++) {
    char max[32] = "no maximum";
    if (all[i].flags & 1) wasi_light__format(max, sizeof max, "at most %u", all[i].max);
    say(report, "%s %zu: %sbegins with %u, %s", what, i, all[i].imported ? "imported, " : "", all[i].min, max);
  }
}

static void report_all(const wasi_light__scan_t *scan, const wasi_light_linker_t *linker, report_t *report) {
  const wasi_light__scan_export_t *exports = wasi_light__exports(scan);
  const char *kind = "library";
  for (size_t i = 0; i < scan->exports.count; i++) {
    if (exports[i].kind != WASI_LIGHT__FUNC) continue;
    if (wasi_light__same(exports[i].name, wasi_light__slice_of_text("_start"))) kind = "command";
    if (wasi_light__same(exports[i].name, wasi_light__slice_of_text("_initialize"))) kind = "reactor";
  }
  say(report, "kind: %s", kind);
  if (scan->has_start) say(report, "start: function %u, called as soon as memory is bound", scan->start);
  else say(report, "start: none");
  report_limits("memory", &scan->memories, report);
  report_limits("table", &scan->tables, report);
  for (size_t i = 0; i < scan->imports.count; i++) report_import(scan, &wasi_light__imports(scan)[i], linker, report);
}

typedef struct indent_t {
  wasi_light_line_t line;
  void *context;
} indent_t;

static void indented(void *context, const char *text) {
  const indent_t *indent = context;
  char line[520];
  wasi_light__format(line, sizeof line, "  %s", text);
  indent->line(indent->context, line);
}

bool wasi_light_audit(const void *bytes, size_t size, const wasi_light_linker_t *linker,
                      const wasi_light_limits_t *limits, wasi_light_line_t line, void *context,
                      wasi_light_error_t *error) {
  wasi_light__scan_t scan;
  report_t report = {line, context, 0};
  indent_t indent = {line, context};
  if (!wasi_light__take_limits(&limits, error)) return false;
  bool good = wasi_light__scan_checked(&scan, bytes, size, limits, error);
  if (good) {
    report_all(&scan, linker, &report);
    bool recyclable = wasi_light__is_recyclable(&scan, NULL, NULL);
    say(&report, "recyclable: %s", recyclable ? "yes" : "no");
    if (!recyclable) wasi_light__is_recyclable(&scan, indented, &indent);
  }
  wasi_light__scan_free(&scan);
  return good;
}
