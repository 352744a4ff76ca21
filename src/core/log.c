/* SPDX-License-Identifier: MIT */
/*
 * The log of a run: what the guest asked, and what it was answered.
 *
 * It begins with 8 bytes: "WLOG", the version, three zeros. A record follows for each call: the row of the function;
 * each argument as LEB128; for functions that read guest memory 8 bytes of a hash of what they read; the status as LEB128;
 * on success, for each range that the call wrote, the number of bytes as LEB128 and the bytes. Where the ranges are
 * follows from the arguments and is not written down. A log that is read may be anything.
 */
#include <string.h>

#include "effects.h"

enum { HEADER_SIZE = 8, LEB_MAX = 10, CALL_TEXT_SIZE = 256 /* of any call, whatever numbers the log has */ };
static const uint8_t header[HEADER_SIZE] = {'W', 'L', 'O', 'G', 1};

bool wasi_light__is_log(const uint8_t *bytes, size_t size) {
  return size >= HEADER_SIZE && memcmp(bytes, header, HEADER_SIZE) == 0;
}

/* ---- Recording ---- */

static void give(wasi_light_env_t *env, const uint8_t *bytes, size_t size) {
  env->in_callback = true;
  env->config->record(env->host, bytes, size);
  env->in_callback = false;
}

void wasi_light__begin_log(wasi_light_env_t *env) {
  if (env->config->record) give(env, header, HEADER_SIZE);
  env->state.replay_position = env->config->replay ? HEADER_SIZE : 0;
}

static size_t put_leb(uint8_t *bytes, uint64_t value) {
  size_t size = 0;
  for (; value >= 0x80; value >>= 7) bytes[size++] = (uint8_t)(value | 0x80);
  bytes[size++] = (uint8_t)value;
  return size;
}

void wasi_light__record(wasi_light_env_t *env, uint32_t row, const uint64_t *args, const uint64_t *hash,
                        uint32_t status, const p1_effects_t *effects) {
  const uint8_t *kinds = wasi_light__rows[row].kinds;
  uint8_t bytes[1 + (P1_PARAMS_MAX + 1) * LEB_MAX + 8];
  p1_mem_t mem = {NULL, 0};
  size_t size = 0;
  bytes[size++] = (uint8_t)row;
  for (uint32_t i = 0; kinds[i] != P1_KIND_NONE; i++) size += put_leb(bytes + size, args[i]);
  for (uint32_t i = 0; hash && i < 8; i++) bytes[size++] = (uint8_t)(*hash >> 8 * i);
  size += put_leb(bytes + size, status);
  give(env, bytes, size);
  wasi_light__memory(env, &mem);
  for (uint32_t i = 0; status == WASI_LIGHT_ESUCCESS && i < effects->count; i++) {
    give(env, bytes, put_leb(bytes, effects->ranges[i].len));
    if (effects->ranges[i].len > 0) give(env, p1_at(mem, effects->ranges[i].ptr), effects->ranges[i].len);
  }
}

/* ---- Replaying ---- */

typedef struct cursor_t {
  const uint8_t *bytes;
  size_t left;
  bool damaged;
} cursor_t;

static uint8_t take_byte(cursor_t *cursor) {
  if (cursor->left == 0) {
    cursor->damaged = true;
    return 0;
  }
  cursor->left--;
  return *cursor->bytes++;
}

static uint64_t take_leb(cursor_t *cursor) {
  uint64_t value = 0;
  for (uint32_t shift = 0; shift < 64; shift += 7) {
    uint8_t byte = take_byte(cursor);
    value |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  cursor->damaged = true;
  return 0;
}

static uint64_t take_hash(cursor_t *cursor) {
  uint64_t hash = 0;
  for (uint32_t i = 0; i < 8; i++) hash |= (uint64_t)take_byte(cursor) << 8 * i;
  return hash;
}

/* "fd_write(1, 1024, 1, 2048)" */
static void call_text(char *text, size_t size, uint32_t row, const uint64_t *args) {
  const p1_row_t *call = &wasi_light__rows[row];
  wasi_light__format(text, size, "%s%s(", row < P1_ROWS ? "" : "wasi_unstable.", call->name);
  for (uint32_t i = 0; call->kinds[i] != P1_KIND_NONE; i++) {
    size_t used = strlen(text);
    wasi_light__format(text + used, size - used, "%s%llu", i > 0 ? ", " : "", (unsigned long long)args[i]);
  }
  size_t used = strlen(text);
  wasi_light__format(text + used, size - used, ")");
}

static uint32_t diverged(wasi_light_env_t *env, const char *format, ...) __attribute__((cold, format(printf, 2, 3)));
static uint32_t diverged(wasi_light_env_t *env, const char *format, ...) {
  va_list list;
  va_start(list, format);
  wasi_light__format_list(env->difference, P1_DIFFERENCE_SIZE, format, list);
  va_end(list);
  return P1_STOP_DIVERGED;
}

/* Reads the call and compares it with the one that the guest makes. */
static uint32_t take_call(wasi_light_env_t *env, cursor_t *cursor, uint32_t row, const uint64_t *args) {
  char text[CALL_TEXT_SIZE];
  char recorded_text[CALL_TEXT_SIZE];
  uint64_t recorded[P1_PARAMS_MAX + 1];
  uint64_t hash;
  unsigned long long number = (unsigned long long)env->state.usage.calls;
  call_text(text, sizeof text, row, args);
  if (cursor->left == 0) return diverged(env, "the log ends before call %llu, %s", number, text);
  uint32_t recorded_row = take_byte(cursor);
  if (recorded_row >= P1_ALL_ROWS)
    return diverged(env, "the log is damaged at call %llu: there is no such function", number);
  const uint8_t *kinds = wasi_light__rows[recorded_row].kinds;
  bool equal = row == recorded_row;
  for (uint32_t i = 0; kinds[i] != P1_KIND_NONE; i++) {
    recorded[i] = take_leb(cursor);
    equal = equal && recorded[i] == args[i];
  }
  if (!equal && !cursor->damaged) {
    call_text(recorded_text, sizeof recorded_text, recorded_row, recorded);
    return diverged(env, "call %llu is %s, the log has %s", number, text, recorded_text);
  }
  if (wasi_light__hash_input(env, row, args, &hash) && take_hash(cursor) != hash && !cursor->damaged)
    return diverged(env, "call %llu, %s, has other bytes in memory than the log", number, text);
  return WASI_LIGHT_ESUCCESS;
}

/* Whether a call can have written so many bytes to a range that has room for `most`. `kind` is followed by the next parameter's. */
static bool can_write(const uint8_t *kind, uint64_t len, uint32_t most) {
  switch (kind[0]) {
    case P1_KIND_IOVECS:
    case P1_KIND_OUT_EVENTS: return len <= most;
    case P1_KIND_OUT_STRINGS: return len <= UINT32_MAX; /* we expect by our arguments, the log has another host's */
    case P1_KIND_OUT_BYTES: return kind[1] == P1_KIND_LENGTH ? len == most : len <= UINT32_MAX;
    default: return len == most;
  }
}

/* Passes over what the call wrote when it was recorded: false if it cannot have written that. */
static bool check_effects(wasi_light_env_t *env, cursor_t *cursor, uint32_t row, p1_effects_t *effects) {
  const uint8_t *kinds = wasi_light__rows[row].kinds;
  p1_mem_t mem = {NULL, 0};
  uint32_t param = 0;
  wasi_light__memory(env, &mem);
  for (uint32_t i = 0; i < effects->count; i++) {
    host_slice_t *range = &effects->ranges[i];
    uint64_t len = take_leb(cursor);
    while (effects->first[param + 1] <= i) param++;
    if (cursor->damaged || len > cursor->left || !can_write(&kinds[param], len, range->len) ||
        !p1_mem_has(mem, range->ptr, len))
      return false;
    range->len = (uint32_t)len;
    cursor->bytes += len;
    cursor->left -= (size_t)len;
  }
  return true;
}

/* Writes it to memory. The cursor stands where it did for the check. */
static void store_effects(wasi_light_env_t *env, cursor_t cursor, const p1_effects_t *effects) {
  p1_mem_t mem = {NULL, 0};
  wasi_light__memory(env, &mem);
  for (uint32_t i = 0; i < effects->count; i++) {
    uint64_t len = take_leb(&cursor);
    if (len > 0) p1_copy_out(mem, effects->ranges[i].ptr, cursor.bytes, len);
    cursor.bytes += len;
    cursor.left -= (size_t)len;
  }
}

/*
 * What a call does to the environment and to the host's streams, which its answer does not show. It comes before the
 * effects, which may lie over what is written.
 */
static void act(wasi_light_env_t *env, cursor_t effects, uint32_t row, const uint64_t *args, uint32_t status) {
  uint32_t written = 0;
  if (status == P1_STOP_RAISED) env->state.signal = (uint32_t)args[0];
  if (status != WASI_LIGHT_ESUCCESS && status != P1_STOP_EXIT) return;
  switch (wasi_light__rows[row].like) {
    case P1_ROW_fd_close:
    case P1_ROW_fd_renumber:
    case P1_ROW_fd_fdstat_set_flags:
    case P1_ROW_fd_fdstat_set_rights:
    case P1_ROW_proc_exit: wasi_light__rows[row].body(env, args); break;
    case P1_ROW_fd_write:
      take_leb(&effects); /* 4 bytes, its one range */
      for (uint32_t i = 0; i < 4; i++) written |= (uint32_t)take_byte(&effects) << 8 * i;
      wasi_light__write_again(env, args, written);
      break;
    default: break;
  }
}

static bool can_return(uint32_t row, uint64_t status) {
  bool stops = status >= WASI_LIGHT_STOP && status < P1_STOP_DIVERGED;
  if (row == P1_ROW_proc_exit) return stops;
  return status <= WASI_LIGHT_ENOTCAPABLE || (stops && status != P1_STOP_EXIT);
}

uint32_t wasi_light__replay(wasi_light_env_t *env, uint32_t row, const uint64_t *args, p1_effects_t *effects) {
  size_t position = env->state.replay_position;
  cursor_t cursor = {env->config->replay + position, env->config->replay_size - position, false};
  uint32_t stop = take_call(env, &cursor, row, args);
  if (stop != WASI_LIGHT_ESUCCESS) return stop;
  uint64_t status = take_leb(&cursor);
  const cursor_t answer = cursor;
  bool good = !cursor.damaged && can_return(row, status);
  if (good && status == WASI_LIGHT_ESUCCESS) good = check_effects(env, &cursor, row, effects);
  if (!good)
    return diverged(env, "the log is damaged at call %llu, %s", (unsigned long long)env->state.usage.calls,
                    wasi_light__rows[row].name);
  act(env, answer, row, args, (uint32_t)status);
  if (status == WASI_LIGHT_ESUCCESS) store_effects(env, answer, effects);
  env->state.replay_position = env->config->replay_size - cursor.left;
  return (uint32_t)status;
}
