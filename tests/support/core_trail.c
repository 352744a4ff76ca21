/* SPDX-License-Identifier: MIT */
#include "core_trail.h"

/* ---- What is kept ---- */

void core_append(core_bytes_t *to, const void *bytes, size_t size) {
  if (to->room < to->size + size + 1) {
    to->room = 2 * (to->size + size) + 64;
    uint8_t *grown = realloc(to->bytes, to->room);
    assert_non_null(grown);
    to->bytes = grown;
  }
  if (size > 0) memcpy(to->bytes + to->size, bytes, size);
  to->size += size;
  to->bytes[to->size] = 0;
}

void core_assert_same(const char *what, const core_bytes_t *a, const core_bytes_t *b) {
  size_t size = a->size < b->size ? a->size : b->size;
  for (size_t i = 0; i < size; i++) {
    if (a->bytes[i] == b->bytes[i]) continue;
    size_t from = i < 60 ? 0 : i - 60;
    fail_msg("%s: byte %zu is 0x%02x, was 0x%02x; as texts:\n  %.120s\n  %.120s", what, i, b->bytes[i], a->bytes[i],
             (const char *)a->bytes + from, (const char *)b->bytes + from);
  }
  if (a->size != b->size) fail_msg("%s: %zu bytes, were %zu", what, b->size, a->size);
}

void core_on_trace(void *host, const char *line) {
  core_trail_t *trail = host;
  core_append(&trail->lines, line, strlen(line));
  core_append(&trail->lines, "\n", 1);
}

void core_on_record(void *host, const uint8_t *bytes, size_t size) {
  core_trail_t *trail = host;
  core_append(&trail->log, bytes, size);
}

void core_trail_start(core_trail_t *trail, const wasi_light_options_t *options, size_t memory_size) {
  memset(trail, 0, sizeof *trail);
  core_start(&trail->guest, options, memory_size);
}

void core_trail_end(core_trail_t *trail) {
  core_end(&trail->guest);
  free(trail->log.bytes);
  free(trail->lines.bytes);
  free(trail->steps.bytes);
}

const char *core_line(core_trail_t *trail) {
  static char line[2048];
  size_t size = trail->lines.size;
  if (size == 0) return "";
  char *newline = strchr((char *)trail->lines.bytes, '\n');
  if (newline != (char *)trail->lines.bytes + size - 1) fail_msg("not one line: %s", (char *)trail->lines.bytes);
  assert_true(size <= sizeof line);
  memcpy(line, trail->lines.bytes, size);
  line[size - 1] = '\0';
  trail->lines.size = 0;
  return line;
}

/* ---- Calls ---- */

#define P(index, kind, name) CORE_##kind,
#define COUNT_OF(...) (sizeof((const uint8_t[]){__VA_ARGS__ 0}) - 1)
#define P0_FUNCTION(name, body, result, ...) {#name, false, COUNT_OF(__VA_ARGS__), {__VA_ARGS__ 0}},
static const core_row_t snapshot_0[CORE_CALLS - CORE_ROWS] = {
#include "p0_functions.def"
};

enum { SUBSCRIPTIONS = 2 };

const core_row_t *core_row(unsigned call) {
  return call < CORE_ROWS ? &core_rows[call] : &snapshot_0[call - CORE_ROWS];
}

unsigned core_find(const char *name) {
  for (unsigned i = 0; i < CORE_ROWS; i++) {
    if (strcmp(core_rows[i].name, name) == 0) return i;
  }
  fail_msg("there is no function %s", name);
  return 0;
}

bool core_is_address(int kind) {
  return core_is_pointer(kind) || kind == CORE_SUBSCRIPTIONS0 || kind == CORE_OUT_FILESTAT0;
}

uint32_t core_behind(unsigned call, unsigned param) {
  const core_row_t *row = core_row(call);
  switch (row->kind[param]) {
    case CORE_PATH: return 16; /* what core_good_args gives as a length */
    case CORE_SUBSCRIPTIONS0: return SUBSCRIPTIONS * 56;
    case CORE_OUT_FILESTAT0: return 56;
    default: return core_bytes_behind(row, param);
  }
}

void core_args(unsigned call, uint64_t args[CORE_ARGS_MAX]) {
  const core_row_t *row = core_row(call);
  core_good_args(row, args);
  for (unsigned i = 0; i < row->params; i++) {
    if (core_is_address(row->kind[i])) args[i] = CORE_PLACE(i);
  }
}

void core_input(core_guest_t *guest, unsigned call, const uint64_t args[CORE_ARGS_MAX]) {
  core_put_input(guest, core_row(call), args);
  if (call != CORE_P0_POLL) return;
  for (unsigned k = 0; k < SUBSCRIPTIONS; k++) { /* sleep 0 on the monotonic clock */
    uint64_t at = args[0] + UINT64_C(56) * k;
    for (uint64_t i = at; i < at + 56 && i < guest->size; i++) guest->memory[i] = i == at + 24;
  }
}

uint32_t core_do(core_guest_t *guest, unsigned call, const uint64_t args[CORE_ARGS_MAX]) {
  size_t count;
  const wasi_light_function_t *function = call < CORE_ROWS ? &wasi_light_functions(&count)[call]
                                                           : wasi_light_function("wasi_unstable", core_row(call)->name);
  assert_non_null(function);
  return function->call(guest->env, args);
}

uint32_t core_step(core_trail_t *trail, unsigned call, const uint64_t args[CORE_ARGS_MAX]) {
  core_guest_t *guest = &trail->guest;
  wasi_light_outcome_t outcome;
  core_fill(guest);
  core_input(guest, call, args);
  uint32_t status = core_do(guest, call, args);
  wasi_light_env_stopped(guest->env, &outcome);
  core_append(&trail->steps, &status, sizeof status);
  core_append(&trail->steps, &outcome.kind, sizeof outcome.kind);
  core_append(&trail->steps, &outcome.exit_code, sizeof outcome.exit_code);
  core_append(&trail->steps, &outcome.signal, sizeof outcome.signal);
  core_append(&trail->steps, outcome.message, strlen(outcome.message) + 1);
  core_append(&trail->steps, guest->memory, guest->size);
  return status;
}

/* ---- Hostile arguments ---- */

static const uint32_t places[] = {UINT32_MAX, 0x80000000, 0xfffffff0};
enum { PLACES = sizeof places / sizeof *places, EDGES = 3, FOR_EACH = PLACES + EDGES };

bool core_variant(unsigned call, unsigned variant, size_t memory_size, uint64_t args[CORE_ARGS_MAX]) {
  const core_row_t *row = core_row(call);
  unsigned addresses[CORE_ARGS_MAX];
  unsigned count = 0;
  core_args(call, args);
  if (variant == 0) return true;
  for (unsigned i = 0; i < row->params; i++) {
    if (core_is_address(row->kind[i])) addresses[count++] = i;
  }
  if (--variant < count * FOR_EACH) { /* one pointer is bad, or at the end of memory */
    unsigned param = addresses[variant / FOR_EACH];
    unsigned which = variant % FOR_EACH;
    uint64_t last = memory_size - core_behind(call, param);
    args[param] = which < PLACES ? places[which] : last + which - PLACES;
    return true;
  }
  variant -= count * FOR_EACH;
  if (variant < 3) { /* all are the same, or overlap */
    for (unsigned k = 0; k < count; k++) args[addresses[k]] = 1024 + variant * 4 * k;
    return true;
  }
  variant -= 3;
  if (variant < row->params) { /* one argument has all bits set, also those that an i32 does not have */
    args[variant] = UINT64_MAX;
    return true;
  }
  return false;
}
