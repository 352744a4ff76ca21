/* SPDX-License-Identifier: MIT */
/*
 * Modules: any bytes through the section reader, the check, the walker, the audit and the rewriter, under two rows of
 * limits. What comes out is taken apart here without the library's rewriter and, for data, without its reader:
 * imports, exports and untouched sections must be what they were, memory must begin with the same bytes, equal input
 * must give equal output, and rewriting the output must change nothing. What is allocated is bounded by the input's
 * size. The engine must take both input and output, or neither; and the walker must know each instruction of what the
 * engine takes.
 */
#include <string.h>

#include "audit.h"
#include "code.h"
#include "fuzz.h"
#include "modules_mutator.h"
#include "modules_seeds.h"
#include "rewrite.h"

/* Zeros that the rewriter writes between segments, at most: larger output may merge more when it is rewritten again. */
enum { GAPS_TOTAL = 4 << 20 };

#define CHECK(condition) FUZZ_CHECK(condition, "%s", "it does not hold")

/* ---- What is allocated, where AddressSanitizer counts it ---- */

/* NOLINTNEXTLINE(bugprone-reserved-identifier): the sanitizer's name */
extern int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                                     void (*on_free)(const volatile void *)) __attribute__((weak));

static size_t allocated; /* since it was last set to 0, whether or not it has been freed */

static void on_malloc(const volatile void *block, size_t size) {
  (void)block;
  allocated += size;
}

static void on_free(const volatile void *block) {
  (void)block;
}

/* ---- A model of data segments, which knows nothing of reader.c ---- */

static uint64_t leb(const uint8_t **at, bool is_signed) {
  uint64_t value = 0;
  unsigned shift = 0;
  uint8_t byte;
  do {
    byte = *(*at)++;
    value |= (uint64_t)(byte & 0x7f) << shift;
    shift += 7;
  } while (byte & 0x80);
  if (is_signed && byte & 0x40) value |= UINT64_MAX << shift;
  return value;
}

enum { MODEL_SIZE = 8 << 20 };

typedef struct model_t {
  uint8_t *bytes; /* MODEL_SIZE; zeros before and after each use */
  uint64_t size;  /* of the guest's memory, at most MODEL_SIZE */
  bool trapped;
  uint64_t from, to; /* all that is not zero lies here */
} model_t;

static void store(model_t *model, uint64_t offset, const uint8_t *bytes, uint64_t size) {
  if (model->trapped) return;
  model->trapped = offset > model->size || size > model->size - offset;
  if (model->trapped || size == 0) return;
  memcpy(model->bytes + offset, bytes, size);
  if (offset < model->from) model->from = offset;
  if (offset + size > model->to) model->to = offset + size;
}

/* An offset that is computed can be anything: it is taken to be what its bytes happen to say. */
static uint32_t offset_of(const wasi_light__slice_t expression, uint64_t memory_size) {
  const uint8_t *at = expression.bytes;
  uint64_t sum = 0;
  if (*at == 0x41) {
    at++;
    uint32_t value = (uint32_t)leb(&at, true);
    if (at + 1 == expression.bytes + expression.size) return value;
  }
  for (size_t i = 0; i < expression.size; i++) sum = sum * 31 + expression.bytes[i];
  if (sum & 3) return (uint32_t)(sum / 4 % 96); /* mostly where other segments are */
  return (uint32_t)(sum / 4 % (memory_size + memory_size / 8 + 1));
}

/* Runs the segments of a data section that is known to be whole. */
static void run_model(model_t *model, wasi_light__reader_t section) {
  const uint8_t *at = section.bytes + section.at;
  uint64_t count = leb(&at, false);
  for (uint64_t i = 0; i < count; i++) {
    uint64_t flags = leb(&at, false);
    uint64_t memory = flags == 2 ? leb(&at, false) : 0;
    wasi_light__reader_t r = section;
    uint32_t ignored;
    uint32_t offset = 0;
    if (flags != 1) {
      r.at = (size_t)(at - section.bytes);
      wasi_light__skip_expression(&r, &ignored); /* only its end is taken from it */
      CHECK(!r.problem);
      offset = offset_of((wasi_light__slice_t){at, r.at - (size_t)(at - section.bytes)}, model->size);
      at = section.bytes + r.at;
    }
    uint64_t size = leb(&at, false);
    if (flags != 1 && memory == 0) store(model, offset, at, size);
    at += size;
  }
  CHECK(at == section.bytes + section.end);
}

static void end_model(model_t *model) {
  if (model->from < model->to) memset(model->bytes + model->from, 0, model->to - model->from);
}

static void check_memory(const wasi_light__scan_t *in, const wasi_light__scan_t *out) {
  static uint8_t bytes[2][MODEL_SIZE];
  uint64_t size = (uint64_t)wasi_light__memories(in)[0].min << 16;
  if (size > MODEL_SIZE) size = MODEL_SIZE; /* what lies behind it is out of bounds then, in both */
  model_t a = {.bytes = bytes[0], .size = size, .from = MODEL_SIZE};
  model_t b = {.bytes = bytes[1], .size = size, .from = MODEL_SIZE};
  run_model(&a, wasi_light__section(in, WASI_LIGHT__DATA));
  run_model(&b, wasi_light__section(out, WASI_LIGHT__DATA));
  CHECK(a.trapped == b.trapped);
  uint64_t from = a.from < b.from ? a.from : b.from;
  uint64_t to = a.to > b.to ? a.to : b.to;
  if (!a.trapped && from < to) CHECK(memcmp(a.bytes + from, b.bytes + from, to - from) == 0);
  end_model(&a);
  end_model(&b);
}

/* ---- What must be as it was ---- */

static bool same(wasi_light__slice_t a, wasi_light__slice_t b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

static wasi_light__slice_t section_bytes(const wasi_light__scan_t *scan, const wasi_light__section_t *section) {
  return (wasi_light__slice_t){scan->r.bytes + section->header, section->end - section->header};
}

static void check_imports(const wasi_light__scan_t *in, const wasi_light__scan_t *out) {
  CHECK(in->imports.count == out->imports.count);
  for (size_t i = 0; i < in->imports.count; i++) {
    const wasi_light__scan_import_t *a = &wasi_light__imports(in)[i];
    const wasi_light__scan_import_t *b = &wasi_light__imports(out)[i];
    CHECK(same(a->module, b->module) && same(a->name, b->name) && a->kind == b->kind && a->index == b->index);
  }
  CHECK(in->globals.count == out->globals.count && in->funcs.count == out->funcs.count);
}

static bool is_added(const wasi_light__rewritten_t *rewritten, wasi_light__slice_t name, const char *what) {
  size_t prefix = strlen(rewritten->prefix);
  return name.size == prefix + strlen(what) && memcmp(name.bytes, rewritten->prefix, prefix) == 0 &&
         memcmp(name.bytes + prefix, what, strlen(what)) == 0;
}

/* First those of the input, then one for each mutable global of a number type that had none, then the start. */
static void check_exports(const wasi_light__scan_t *in, const wasi_light__scan_t *out,
                          const wasi_light__rewritten_t *rewritten) {
  const wasi_light__scan_export_t *exports = wasi_light__exports(out);
  size_t at = in->exports.count;
  CHECK(out->exports.count >= at);
  for (size_t i = 0; i < at; i++) {
    const wasi_light__scan_export_t *a = &wasi_light__exports(in)[i];
    CHECK(same(a->name, exports[i].name) && a->kind == exports[i].kind && a->index == exports[i].index);
    CHECK(!wasi_light__begins_with(a->name, rewritten->prefix));
  }
  for (uint32_t g = 0; g < in->globals.count; g++) {
    const wasi_light__scan_global_t *global = &wasi_light__globals(in)[g];
    bool has_one = false;
    char name[24];
    if (!global->is_mutable || global->type < WASI_LIGHT__F64 || global->type > WASI_LIGHT__I32) continue;
    for (size_t i = 0; i < in->exports.count && !has_one; i++) {
      has_one = exports[i].kind == WASI_LIGHT__GLOBAL && exports[i].index == g;
    }
    if (has_one) continue;
    snprintf(name, sizeof name, "global.%u", g);
    CHECK(at < out->exports.count && exports[at].kind == WASI_LIGHT__GLOBAL && exports[at].index == g);
    CHECK(is_added(rewritten, exports[at++].name, name));
  }
  CHECK(rewritten->has_start == in->has_start && !out->has_start);
  if (in->has_start) {
    CHECK(at < out->exports.count && exports[at].kind == WASI_LIGHT__FUNC && exports[at].index == in->start);
    CHECK(is_added(rewritten, exports[at++].name, "start"));
  }
  CHECK(at == out->exports.count);
}

/* `absent` is what a maximum counts as that is not there. Imported tables are as they were: nobody gives them. */
static void check_limits(const wasi_light__list_t *in, const wasi_light__list_t *out, uint32_t most, uint32_t absent,
                         bool imported_too) {
  CHECK(in->count == out->count);
  for (size_t i = 0; i < in->count; i++) {
    const wasi_light__scan_limits_t *a = (const wasi_light__scan_limits_t *)in->items + i;
    const wasi_light__scan_limits_t *b = (const wasi_light__scan_limits_t *)out->items + i;
    uint32_t declared = a->flags & 1 ? a->max : absent;
    bool lowered = declared > most && (imported_too || !a->imported);
    CHECK(a->min == b->min && a->imported == b->imported);
    CHECK(b->flags == (lowered ? a->flags | 1 : a->flags));
    CHECK(b->max == (lowered ? most : a->max));
  }
}

/* Sections that nothing is to be done to are the same bytes, and in the same order. */
static void check_sections(const wasi_light__scan_t *in, const wasi_light__scan_t *out) {
  const wasi_light__section_t *a = wasi_light__sections(in);
  const wasi_light__section_t *b = wasi_light__sections(out);
  size_t k = 0;
  bool merged = false;
  for (size_t i = 0; i < in->sections.count; i++) {
    if (a[i].id == WASI_LIGHT__START) continue;
    if (k < out->sections.count && a[i].id != WASI_LIGHT__EXPORTS && b[k].id == WASI_LIGHT__EXPORTS)
      k++; /* a new one */
    CHECK(k < out->sections.count && a[i].id == b[k].id);
    bool equal = same(section_bytes(in, &a[i]), section_bytes(out, &b[k]));
    if (a[i].id == WASI_LIGHT__DATA && !equal) merged = true;
    switch (a[i].id) {
      case WASI_LIGHT__TYPES:
      case WASI_LIGHT__FUNCTIONS:
      case WASI_LIGHT__GLOBALS:
      case WASI_LIGHT__ELEMENTS:
      case WASI_LIGHT__CODE:
      case WASI_LIGHT__TAGS: CHECK(equal); break;
      default: break;
    }
    k++;
  }
  if (k < out->sections.count && b[k].id == WASI_LIGHT__EXPORTS) k++;
  CHECK(k == out->sections.count);
  if (merged) check_memory(in, out);
}

/* ---- What the engine says ---- */

static bool is_valid(const uint8_t *bytes, size_t size) {
  static wasm_engine_t *engine;
  static wasm_store_t *store;
  wasm_byte_vec_t binary = {size, (wasm_byte_t *)bytes};
  if (!engine) engine = wasm_engine_new();
  if (!store) store = wasm_store_new(engine);
  CHECK(store);
  return wasm_module_validate(store, &binary);
}

static void note_unknown(void *context, uint32_t func, wasi_light__effect_t effect, uint32_t operand) {
  (void)func;
  (void)operand;
  if (effect == WASI_LIGHT__UNKNOWN) *(bool *)context = true;
}

static void ask_engine(const wasi_light__scan_t *scan, const wasi_light__rewritten_t *rewritten) {
  size_t size = scan->r.end;
  bool is_same = size == rewritten->size && memcmp(scan->r.bytes, rewritten->bytes, size) == 0;
  wasi_light__reader_t code;
  bool unknown = false;
  bool valid = is_valid(scan->r.bytes, size);
  if (!is_same) CHECK(is_valid(rewritten->bytes, rewritten->size) == valid);
  if (valid) CHECK(wasi_light__walk_code(scan, &code, note_unknown, &unknown) && !unknown);
}

/* ---- One module under one row of limits ---- */

static void count_line(void *context, const char *line) {
  *(size_t *)context += strlen(line);
}

static wasm_trap_t *answer(wasi_light_instance_t *instance, void *data, const wasm_val_t *args, wasm_val_t *results) {
  (void)instance, (void)data, (void)args, (void)results;
  return NULL;
}

/* What a host may have given. */
static wasi_light_linker_t *make_linker(void) {
  wasi_light_linker_t *linker = wasi_light_linker_new();
  CHECK(linker && wasi_light_linker_func(linker, "env", "log", "(iF)", answer, NULL, NULL));
  CHECK(wasi_light_linker_memory(linker, "env", "memory", NULL));
  wasi_light_linker_unknown(linker, WASI_LIGHT_UNKNOWN_TRAPS);
  return linker;
}

static bool is_module_error(const wasi_light_error_t *error) {
  return error->code == WASI_LIGHT_ERROR_MODULE && error->message[0] != '\0' &&
         memchr(error->message, '\0', sizeof error->message);
}

/* The output is as good a module as the input was; rewriting it gives it again. */
static void check_again(const wasi_light__scan_t *in, const wasi_light__rewritten_t *rewritten,
                        const wasi_light_limits_t *limits) {
  wasi_light__scan_t out;
  wasi_light__rewritten_t again;
  wasi_light_error_t error;
  CHECK(wasi_light__scan_checked(&out, rewritten->bytes, rewritten->size, limits, &error));
  check_imports(in, &out);
  check_exports(in, &out, rewritten);
  check_limits(&in->tables, &out.tables, limits->table_elements, UINT32_MAX, false);
  check_limits(&in->memories, &out.memories, limits->memory_pages, WASI_LIGHT__PAGES_ALL, true);
  check_sections(in, &out);
  /* the start function is exported now, and can be called again */
  CHECK(!wasi_light__is_recyclable(&out, NULL, NULL) || wasi_light__is_recyclable(in, NULL, NULL));
  if (wasi_light__rewrite(&out, limits, &again, &error)) {
    CHECK(!again.has_start);
    if (rewritten->size < GAPS_TOTAL) CHECK(again.size == rewritten->size);
    if (again.size == rewritten->size) CHECK(memcmp(again.bytes, rewritten->bytes, again.size) == 0);
    free(again.bytes);
  } else { /* the longest prefix there is has been used up */
    CHECK(strlen(rewritten->prefix) == WASI_LIGHT__PREFIX - 1);
  }
  wasi_light__scan_free(&out);
}

static void check_one(const uint8_t *bytes, size_t size, const wasi_light_limits_t *limits,
                      const wasi_light_linker_t *linker) {
  wasi_light__scan_t scan;
  wasi_light__rewritten_t first;
  wasi_light__rewritten_t second;
  wasi_light_error_t errors[2];
  size_t text = 0;
  allocated = 0;
  bool good = wasi_light__scan_checked(&scan, bytes, size, limits, &errors[0]);
  bool audited = wasi_light_audit(bytes, size, linker, limits, count_line, &text, &errors[1]);
  CHECK(good == audited && (!audited || text > 0));
  if (!good) {
    CHECK(is_module_error(&errors[0]) && strcmp(errors[0].message, errors[1].message) == 0);
  } else if (wasi_light__rewrite(&scan, limits, &first, &errors[0])) {
    CHECK(allocated <=
          256 * size + 3 * GAPS_TOTAL); /* lists and output grow by doubling; a zero stands in 4 KiB gaps */
    CHECK(wasi_light__rewrite(&scan, limits, &second, &errors[1]));
    CHECK(first.size == second.size && memcmp(first.bytes, second.bytes, first.size) == 0);
    check_again(&scan, &first, limits);
    ask_engine(&scan, &first);
    free(first.bytes);
    free(second.bytes);
  } else {
    CHECK(is_module_error(&errors[0]));
    CHECK(!wasi_light__rewrite(&scan, limits, &second, &errors[1]));
    CHECK(strcmp(errors[0].message, errors[1].message) == 0);
  }
  CHECK(good || allocated <= 256 * size + 4096);
  wasi_light__scan_free(&scan);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  static wasi_light_linker_t *linker;
  wasi_light_limits_t limits = WASI_LIGHT_LIMITS_INIT;
  wasi_light_error_t error;
  if (!linker) {
    linker = make_linker();
    if (__sanitizer_install_malloc_and_free_hooks) __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
  }
  check_one(bytes, size, &limits, NULL);
  limits.memory_pages = 3;
  limits.table_elements = 10;
  limits.points_per_call = 1;
  check_one(bytes, size, &limits, linker);
  wasi_light_check_module(bytes, size, NULL, &error); /* as hosts call it */
  return 0;
}
