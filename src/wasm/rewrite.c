/* SPDX-License-Identifier: MIT */
/*
 * The rewriter: see rewrite.h. It goes through the sections once and copies each as it is, but for the ones
 * that it changes. Custom sections stay where they are; of the name section, names of data segments are
 * dropped when segments were merged, since they are given by number.
 */
#include "rewrite.h"

#include <stdlib.h>
#include <string.h>

#include "code.h"
#include "writer.h"

/* Zeros written between two merged segments: at most this many in a row, and this many in all. */
enum { GAP_MAX = 4096, GAPS_TOTAL = 4 << 20 };

typedef struct rewrite_t {
  const wasi_light__scan_t *scan;
  const wasi_light_limits_t *limits;
  wasi_light__rewritten_t *out;
  wasi_light__writer_t w;
  bool merge;             /* data segments may be merged */
  uint32_t segment_count; /* after merging */
  wasi_light__writer_t data;
} rewrite_t;

/* A section with its header. */
static void write_section(wasi_light__writer_t *w, uint8_t id, const wasi_light__writer_t *payload) {
  wasi_light__write_u8(w, id);
  wasi_light__write_u32(w, (uint32_t)payload->size);
  wasi_light__write(w, payload->bytes, payload->size);
  if (payload->failed || payload->size > UINT32_MAX) w->failed = true;
}

static void copy_range(const rewrite_t *rw, wasi_light__writer_t *w, size_t start, size_t end) {
  wasi_light__write(w, rw->scan->r.bytes + start, end - start);
}

/* ---- Limits ---- */

static void write_limits(wasi_light__writer_t *w, const wasi_light__scan_limits_t *limits, uint32_t max) {
  wasi_light__write_u8(w, limits->flags | 1);
  wasi_light__write_u32(w, limits->min);
  wasi_light__write_u32(w, max);
}

/* Copies [*at, end) with the limits in it lowered to `max`; an absent maximum counts as `unlimited`. */
static void lower_limits(const rewrite_t *rw, const wasi_light__list_t *list, uint32_t max, uint32_t unlimited,
                         wasi_light__writer_t *w, size_t *at, size_t end) {
  const wasi_light__scan_limits_t *all = list->items;
  for (size_t i = 0; i < list->count; i++) {
    uint32_t declared = all[i].flags & 1 ? all[i].max : unlimited;
    if (all[i].at < *at || all[i].end > end || declared <= max) continue;
    copy_range(rw, w, *at, all[i].at);
    write_limits(w, &all[i], max);
    *at = all[i].end;
  }
}

/* Memories may be imported: the linker makes them as declared. An imported table is never given. */
static void rewrite_limits(rewrite_t *rw, const wasi_light__section_t *section) {
  wasi_light__writer_t payload = {NULL, 0, 0, false};
  size_t at = section->payload;
  const wasi_light__scan_t *scan = rw->scan;
  if (section->id == WASI_LIGHT__TABLES) {
    lower_limits(rw, &scan->tables, rw->limits->table_elements, UINT32_MAX, &payload, &at, section->end);
  } else {
    lower_limits(rw, &scan->memories, rw->limits->memory_pages, WASI_LIGHT__PAGES_ALL, &payload, &at, section->end);
  }
  if (at == section->payload) {
    copy_range(rw, &rw->w, section->header, section->end);
  } else {
    copy_range(rw, &payload, at, section->end);
    write_section(&rw->w, section->id, &payload);
  }
  free(payload.bytes);
}

/* ---- Exports ---- */

/* "wasi-light:" with as many more colons as it takes not to begin the name of an export of the module. */
static bool choose_prefix(rewrite_t *rw, wasi_light_error_t *error) {
  static const char start[] = "wasi-light";
  const wasi_light__scan_export_t *exports = wasi_light__exports(rw->scan);
  size_t colons = 1;
  for (size_t i = 0; i < rw->scan->exports.count; i++) {
    wasi_light__slice_t name = exports[i].name;
    size_t at = sizeof start - 1;
    if (name.size < at || memcmp(name.bytes, start, at) != 0) continue;
    while (at < name.size && name.bytes[at] == ':') at++;
    if (at - (sizeof start - 1) >= colons) colons = at - (sizeof start - 1) + 1;
  }
  if (sizeof start + colons > WASI_LIGHT__PREFIX) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_MODULE, "the module's exports take all reserved names (wasi-light:...)");
    return false;
  }
  memcpy(rw->out->prefix, start, sizeof start);
  memset(rw->out->prefix + sizeof start - 1, ':', colons);
  rw->out->prefix[sizeof start - 1 + colons] = '\0';
  return true;
}

static void write_export(const rewrite_t *rw, wasi_light__writer_t *w, const char *name, uint8_t kind, uint32_t index) {
  size_t prefix_size = strlen(rw->out->prefix);
  size_t name_size = strlen(name);
  wasi_light__write_u32(w, (uint32_t)(prefix_size + name_size));
  wasi_light__write(w, rw->out->prefix, prefix_size);
  wasi_light__write(w, name, name_size);
  wasi_light__write_u8(w, kind);
  wasi_light__write_u32(w, index);
}

/* Marks the globals that an export names; NULL if memory runs out. */
static bool *exported_globals(const wasi_light__scan_t *scan) {
  bool *exported = calloc(scan->globals.count + 1, sizeof *exported);
  const wasi_light__scan_export_t *exports = wasi_light__exports(scan);
  for (size_t i = 0; exported && i < scan->exports.count; i++) {
    if (exports[i].kind == WASI_LIGHT__GLOBAL && exports[i].index < scan->globals.count) {
      exported[exports[i].index] = true;
    }
  }
  return exported;
}

static uint32_t write_added_exports(rewrite_t *rw, wasi_light__writer_t *w) {
  const wasi_light__scan_global_t *globals = wasi_light__globals(rw->scan);
  bool *exported = exported_globals(rw->scan);
  uint32_t added = 0;
  if (!exported) w->failed = true;
  for (uint32_t i = 0; exported && i < rw->scan->globals.count; i++) {
    char name[24];
    if (!globals[i].is_mutable || exported[i] || !wasi_light__is_number(globals[i].type)) continue;
    wasi_light__format(name, sizeof name, "global.%u", i);
    write_export(rw, w, name, WASI_LIGHT__GLOBAL, i);
    added++;
  }
  free(exported);
  if (rw->scan->has_start) {
    write_export(rw, w, "start", WASI_LIGHT__FUNC, rw->scan->start);
    added++;
  }
  return added;
}

/* `section` may be NULL: then the module has no exports of its own. */
static void rewrite_exports(rewrite_t *rw, const wasi_light__section_t *section) {
  wasi_light__writer_t added = {NULL, 0, 0, false};
  wasi_light__writer_t payload = {NULL, 0, 0, false};
  uint32_t count = write_added_exports(rw, &added);
  if (section && count == 0 && !added.failed) {
    copy_range(rw, &rw->w, section->header, section->end);
  } else if (count > 0 || added.failed) {
    wasi_light__write_u32(&payload, (uint32_t)rw->scan->exports.count + count);
    if (section) {
      wasi_light__reader_t r = wasi_light__section(rw->scan, WASI_LIGHT__EXPORTS);
      wasi_light__read_u32(&r);
      copy_range(rw, &payload, r.at, r.end);
    }
    wasi_light__write(&payload, added.bytes, added.size);
    payload.failed = payload.failed || added.failed;
    write_section(&rw->w, WASI_LIGHT__EXPORTS, &payload);
  }
  free(added.bytes);
  free(payload.bytes);
}

/* ---- Data ---- */

static void note_data_use(void *context, uint32_t func, wasi_light__effect_t effect, uint32_t operand) {
  bool *used = context;
  (void)func;
  (void)operand;
  if (effect == WASI_LIGHT__USES_DATA || effect == WASI_LIGHT__DROPS_DATA || effect == WASI_LIGHT__UNKNOWN)
    *used = true;
}

/* Whether numbers of data segments may change, and memory 0 starts as zeros that nobody else has seen. */
static bool may_merge(const wasi_light__scan_t *scan) {
  bool used = false;
  wasi_light__reader_t code;
  if (scan->memories.count == 0 || wasi_light__memories(scan)[0].imported) return false;
  if (!wasi_light__section_is_there(scan, WASI_LIGHT__DATA_COUNT)) return true;
  return wasi_light__walk_code(scan, &code, note_data_use, &used) && !used;
}

enum { RANGES_MAX = 64 };

typedef struct range_t {
  uint64_t start, end;
} range_t;

/* The segments that are being joined, and what was written to memory before them. */
typedef struct run_t {
  uint64_t start, end; /* in memory; empty when equal */
  wasi_light__writer_t bytes;
  range_t touched[RANGES_MAX]; /* covers all runs before it; the last may cover more */
  size_t ranges;
  bool anywhere;  /* a segment with a computed offset came before */
  uint32_t zeros; /* written into gaps so far, in all runs */
} run_t;

static void touch(run_t *run) {
  if (run->ranges < RANGES_MAX) {
    run->touched[run->ranges++] = (range_t){run->start, run->end};
    return;
  }
  range_t *last = &run->touched[RANGES_MAX - 1];
  if (run->start < last->start) last->start = run->start;
  if (run->end > last->end) last->end = run->end;
}

static bool is_untouched(const run_t *run, uint64_t start, uint64_t end) {
  for (size_t i = 0; i < run->ranges; i++) {
    if (run->touched[i].start < end && start < run->touched[i].end) return false;
  }
  return true;
}

static void end_run(rewrite_t *rw, run_t *run) {
  if (run->start == run->end) return;
  wasi_light__write_u8(&rw->data, 0);
  wasi_light__write_u8(&rw->data, 0x41); /* i32.const */
  wasi_light__write_s32(&rw->data, (uint32_t)run->start);
  wasi_light__write_u8(&rw->data, 0x0b);
  wasi_light__write_u32(&rw->data, (uint32_t)run->bytes.size);
  wasi_light__write(&rw->data, run->bytes.bytes, run->bytes.size);
  rw->segment_count++;
  touch(run);
  if (run->bytes.failed) rw->data.failed = true;
  run->bytes.size = 0;
  run->start = run->end = 0;
}

static bool joins(const run_t *run, uint64_t offset) {
  if (run->start == run->end || offset < run->end || offset - run->end > GAP_MAX) return false;
  if (offset == run->end) return true;
  return !run->anywhere && run->zeros + (offset - run->end) <= GAPS_TOTAL && is_untouched(run, run->end, offset);
}

static void add_segment(rewrite_t *rw, run_t *run, uint64_t offset, wasi_light__slice_t bytes) {
  if (joins(run, offset)) {
    uint64_t gap = offset - run->end;
    wasi_light__write(&run->bytes, NULL, (size_t)gap);
    run->zeros += (uint32_t)gap;
  } else {
    end_run(rw, run);
    run->start = offset;
  }
  wasi_light__write(&run->bytes, bytes.bytes, bytes.size);
  run->end = offset + bytes.size;
}

/* Reads one segment and joins it to the run, or ends the run and copies it as it is. */
static void merge_segment(rewrite_t *rw, wasi_light__reader_t *r, run_t *run) {
  size_t start = r->at;
  uint32_t flags = wasi_light__read_u32(r);
  uint32_t offset = 0;
  bool constant = false;
  if (flags > 2) wasi_light__reader_fail(r, start, "a data segment of an unknown form");
  uint32_t memory = flags == 2 ? wasi_light__read_u32(r) : 0;
  if (flags != 1) constant = wasi_light__skip_expression(r, &offset);
  wasi_light__slice_t bytes = wasi_light__read_slice(r);
  if (r->problem) return;
  if (constant && memory == 0 && bytes.size > 0) {
    add_segment(rw, run, offset, bytes);
    return;
  }
  end_run(rw, run);
  if (flags != 1 && !constant && memory == 0) run->anywhere = true;
  copy_range(rw, &rw->data, start, r->at);
  rw->segment_count++;
}

/* The data count must be that of the segments: a wrong one must not become right by being written anew. */
static void check_data_count(const rewrite_t *rw, uint32_t segments, wasi_light__reader_t *data) {
  wasi_light__reader_t r = wasi_light__section(rw->scan, WASI_LIGHT__DATA_COUNT);
  if (!wasi_light__section_is_there(rw->scan, WASI_LIGHT__DATA_COUNT)) return;
  size_t at = r.at;
  if (wasi_light__read_u32(&r) != segments || wasi_light__more(&r) || r.problem) {
    wasi_light__reader_fail(data, at, "the data count is not the number of data segments");
  }
}

static bool merge_data(rewrite_t *rw, wasi_light_error_t *error) {
  wasi_light__reader_t r = wasi_light__section(rw->scan, WASI_LIGHT__DATA);
  run_t run = {0};
  rw->merge = wasi_light__more(&r) && may_merge(rw->scan);
  if (!rw->merge) return true;
  uint32_t count = wasi_light__read_count(&r);
  check_data_count(rw, count, &r);
  for (uint32_t i = 0; i < count && !r.problem; i++) merge_segment(rw, &r, &run);
  end_run(rw, &run);
  free(run.bytes.bytes);
  if (wasi_light__more(&r)) wasi_light__reader_fail(&r, r.at, "bytes left over in a section");
  if (r.problem) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_MODULE, "malformed module at byte %zu: %s", r.problem_at, r.problem);
    return false;
  }
  if (rw->segment_count == count) rw->merge = false; /* as it was: keep the bytes */
  return true;
}

static void rewrite_data(rewrite_t *rw) {
  wasi_light__writer_t payload = {NULL, 0, 0, false};
  wasi_light__write_u32(&payload, rw->segment_count);
  wasi_light__write(&payload, rw->data.bytes, rw->data.size);
  payload.failed = payload.failed || rw->data.failed;
  write_section(&rw->w, WASI_LIGHT__DATA, &payload);
  free(payload.bytes);
}

static void rewrite_data_count(rewrite_t *rw) {
  wasi_light__writer_t payload = {NULL, 0, 0, false};
  wasi_light__write_u32(&payload, rw->segment_count);
  write_section(&rw->w, WASI_LIGHT__DATA_COUNT, &payload);
  free(payload.bytes);
}

/* The name section without the names of data segments; any other custom section as it is. */
static void rewrite_custom(rewrite_t *rw, const wasi_light__section_t *section) {
  enum { DATA_NAMES = 9 };
  wasi_light__reader_t r = {.bytes = rw->scan->r.bytes, .at = section->payload, .end = section->end};
  wasi_light__writer_t payload = {NULL, 0, 0, false};
  wasi_light__slice_t name = wasi_light__read_slice(&r);
  bool changed = false;
  copy_range(rw, &payload, section->payload, r.at);
  if (wasi_light__same(name, wasi_light__slice_of_text("name"))) {
    while (wasi_light__more(&r)) {
      size_t start = r.at;
      uint8_t id = wasi_light__read_u8(&r);
      wasi_light__read_slice(&r);
      if (r.problem) break;
      if (id == DATA_NAMES) changed = true;
      else copy_range(rw, &payload, start, r.at);
    }
  }
  if (changed && !r.problem) write_section(&rw->w, WASI_LIGHT__CUSTOM, &payload);
  else copy_range(rw, &rw->w, section->header, section->end);
  free(payload.bytes);
}

/* ---- The whole ---- */

static void rewrite_section(rewrite_t *rw, const wasi_light__section_t *section) {
  switch (section->id) {
    case WASI_LIGHT__IMPORTS:
    case WASI_LIGHT__TABLES:
    case WASI_LIGHT__MEMORIES: rewrite_limits(rw, section); return;
    case WASI_LIGHT__EXPORTS: rewrite_exports(rw, section); return;
    case WASI_LIGHT__START: return;
    case WASI_LIGHT__DATA_COUNT:
      if (rw->merge) {
        rewrite_data_count(rw);
        return;
      }
      break;
    case WASI_LIGHT__DATA:
      if (rw->merge) {
        rewrite_data(rw);
        return;
      }
      break;
    case WASI_LIGHT__CUSTOM:
      if (rw->merge) {
        rewrite_custom(rw, section);
        return;
      }
      break;
    default: break;
  }
  copy_range(rw, &rw->w, section->header, section->end);
}

static void rewrite_sections(rewrite_t *rw) {
  const wasi_light__section_t *sections = wasi_light__sections(rw->scan);
  bool exported = false;
  copy_range(rw, &rw->w, 0, 8); /* magic and version */
  for (size_t i = 0; i < rw->scan->sections.count; i++) {
    uint8_t id = sections[i].id;
    if (!exported && id != WASI_LIGHT__CUSTOM && !wasi_light__section_before(id, WASI_LIGHT__EXPORTS)) {
      if (id != WASI_LIGHT__EXPORTS) rewrite_exports(rw, NULL);
      exported = true;
    }
    rewrite_section(rw, &sections[i]);
  }
  if (!exported) rewrite_exports(rw, NULL);
}

bool wasi_light__rewrite(const wasi_light__scan_t *scan, const wasi_light_limits_t *limits,
                         wasi_light__rewritten_t *out, wasi_light_error_t *error) {
  rewrite_t rw = {.scan = scan, .limits = limits, .out = out};
  *out = (wasi_light__rewritten_t){.has_start = scan->has_start};
  bool good = choose_prefix(&rw, error) && merge_data(&rw, error);
  if (good) {
    rewrite_sections(&rw);
    if (rw.w.failed) {
      wasi_light__fail(error, WASI_LIGHT_ERROR_OUT_OF_MEMORY, "no memory to rewrite a module of %zu bytes",
                       scan->r.end);
      good = false;
    }
  }
  free(rw.data.bytes);
  if (!good) {
    free(rw.w.bytes);
    return false;
  }
  out->bytes = rw.w.bytes;
  out->size = rw.w.size;
  return true;
}
