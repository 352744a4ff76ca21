/* SPDX-License-Identifier: MIT */
/*
 * The trace: a line for each call, in the manner of strace, from the kinds of the table.
 *
 * Whatever a guest passes, a line is text of bounded length without control characters: what does not fit is cut with
 * "...". What is printed is read before the call where the call may overwrite it.
 */
#include <ctype.h>
#include <string.h>

#include "effects.h"

enum { STRING_SHOWN = 32, ELEMENTS_SHOWN = 8 };

/* ---- Text ---- */

static void add(p1_trace_t *trace, const char *format, ...) __attribute__((cold, format(printf, 2, 3)));
static void add(p1_trace_t *trace, const char *format, ...) {
  va_list list;
  size_t room = sizeof trace->text - trace->used;
  if (room < 8) { /* nothing more comes into it */
    size_t end = trace->used < sizeof trace->text - 4 ? trace->used : sizeof trace->text - 4;
    memcpy(trace->text + end, "...", 4);
    return;
  }
  va_start(list, format);
  wasi_light__format_list(trace->text + trace->used, room, format, list);
  va_end(list);
  trace->used += strlen(trace->text + trace->used);
}

static void add_bad(p1_trace_t *trace, uint32_t ptr) {
  add(trace, "<bad 0x%x>", ptr);
}

static void add_string(p1_trace_t *trace, p1_mem_t mem, uint32_t ptr, uint64_t len) {
  if (!p1_mem_has(mem, ptr, len)) {
    add_bad(trace, ptr);
    return;
  }
  add(trace, "\"");
  for (uint64_t i = 0; i < len && i < STRING_SHOWN; i++) {
    uint8_t byte = p1_load_u8(mem, ptr + i);
    if (byte == '\n') add(trace, "\\n");
    else if (byte == '"' || byte == '\\') add(trace, "\\%c", byte);
    else if (byte < ' ' || byte >= 0x7f) add(trace, "\\x%02x", byte);
    else add(trace, "%c", byte);
  }
  add(trace, "\"%s", len > STRING_SHOWN ? "..." : "");
}

/* "success", "badf" */
static void add_errno(p1_trace_t *trace, uint32_t error) {
  const char *name = wasi_light_errno_name(error);
  for (size_t i = 0; name[i]; i++) add(trace, "%c", tolower((unsigned char)name[i]));
}

/* ---- Names of values: one after another from 0 on, or from bit 0 on ---- */

static const char *const names_of_values[P1_KIND_NONE] = {
    [P1_KIND_CLOCK] = "realtime monotonic process_cputime_id thread_cputime_id",
    [P1_KIND_WHENCE] = "set cur end",
    [P1_KIND_WHENCE0] = "cur end set",
    [P1_KIND_ADVICE] = "normal sequential random willneed dontneed noreuse",
};
static const char *const names_of_flags[P1_KIND_NONE] = {
    [P1_KIND_FDFLAGS] = "append dsync nonblock rsync sync",
    [P1_KIND_FSTFLAGS] = "atim atim_now mtim mtim_now",
    [P1_KIND_LOOKUPFLAGS] = "symlink_follow",
    [P1_KIND_OFLAGS] = "creat directory excl trunc",
    [P1_KIND_RIFLAGS] = "recv_peek recv_waitall",
    [P1_KIND_SDFLAGS] = "rd wr",
};
static const char filetypes[] = "unknown block_device character_device";
static const char eventtypes[] = "clock fd_read fd_write";

/* The n-th word, or the number if there are not so many. */
static void add_name(p1_trace_t *trace, const char *names, uint64_t n) {
  uint64_t i = 0;
  while (*names && i < n) {
    if (*names++ == ' ') i++;
  }
  if (*names) add(trace, "%.*s", (int)strcspn(names, " "), names);
  else add(trace, "%llu", (unsigned long long)n);
}

static void add_flags(p1_trace_t *trace, const char *names, uint32_t flags) {
  bool any = false;
  uint32_t bit = 1;
  for (; *names && flags > 0; bit <<= 1) {
    size_t length = strcspn(names, " ");
    if (flags & bit) add(trace, "%s%.*s", any ? "|" : "", (int)length, names);
    any = any || flags & bit;
    flags &= ~bit;
    names += length + (names[length] == ' ');
  }
  if (flags > 0 || !any) add(trace, "%s0x%x", any ? "|" : "", flags);
}

/* ---- Arguments ---- */

static void add_iovecs(p1_trace_t *trace, p1_mem_t mem, uint32_t iovs, uint32_t count, bool contents) {
  if (!p1_mem_has(mem, iovs, (uint64_t)count * P1_IOVEC_SIZE)) {
    add_bad(trace, iovs);
    return;
  }
  add(trace, "[");
  for (uint32_t i = 0; i < count && i < ELEMENTS_SHOWN; i++) {
    uint64_t at = iovs + (uint64_t)i * P1_IOVEC_SIZE;
    uint32_t ptr = p1_load_u32(mem, at);
    uint32_t len = p1_load_u32(mem, at + P1_IOVEC_LEN);
    if (i > 0) add(trace, ", ");
    if (contents) add_string(trace, mem, ptr, len);
    else if (p1_mem_has(mem, ptr, len)) add(trace, "%u", len);
    else add_bad(trace, ptr);
  }
  add(trace, "%s]", count > ELEMENTS_SHOWN ? ", ..." : "");
}

static void add_subscription(p1_trace_t *trace, p1_mem_t mem, uint64_t at, uint32_t clock_shift) {
  uint8_t tag = p1_load_u8(mem, at + P1_SUBSCRIPTION_TAG);
  add_name(trace, eventtypes, tag);
  if (tag != P1_EVENTTYPE_CLOCK) {
    add(trace, "(%d)", (int)p1_load_u32(mem, at + P1_SUBSCRIPTION_FD));
    return;
  }
  at += clock_shift;
  add(trace, "(");
  add_name(trace, names_of_values[P1_KIND_CLOCK], p1_load_u32(mem, at + P1_SUBSCRIPTION_CLOCK_ID));
  add(trace, ", %llu, ", (unsigned long long)p1_load_u64(mem, at + P1_SUBSCRIPTION_CLOCK_TIMEOUT));
  add_flags(trace, "abstime", p1_load_u16(mem, at + P1_SUBSCRIPTION_CLOCK_FLAGS));
  add(trace, ")");
}

static void add_subscriptions(p1_trace_t *trace, p1_mem_t mem, uint32_t in, uint32_t count, bool snapshot_0) {
  uint32_t size = snapshot_0 ? P0_SUBSCRIPTION_SIZE : P1_SUBSCRIPTION_SIZE;
  if (!p1_mem_has(mem, in, (uint64_t)count * size)) {
    add_bad(trace, in);
    return;
  }
  add(trace, "[");
  for (uint32_t i = 0; i < count && i < ELEMENTS_SHOWN; i++) {
    if (i > 0) add(trace, ", ");
    add_subscription(trace, mem, in + (uint64_t)i * size, snapshot_0 ? P0_SUBSCRIPTION_CLOCK_SHIFT : 0);
  }
  add(trace, "%s]", count > ELEMENTS_SHOWN ? ", ..." : "");
}

/* `args` begins at this argument: lengths and counts are in those after it. */
static void add_argument(p1_trace_t *trace, p1_mem_t mem, uint8_t kind, const uint64_t *args) {
  uint32_t value = (uint32_t)args[0];
  if (names_of_values[kind]) {
    add_name(trace, names_of_values[kind], value);
    return;
  }
  if (names_of_flags[kind]) {
    add_flags(trace, names_of_flags[kind], value);
    return;
  }
  switch (kind) {
    case P1_KIND_FD: add(trace, "%d", (int)value); break;
    case P1_KIND_DELTA: add(trace, "%lld", (long long)args[0]); break;
    case P1_KIND_RIGHTS: add(trace, "0x%llx", (unsigned long long)args[0]); break;
    case P1_KIND_PATH: add_string(trace, mem, value, (uint32_t)args[1]); break;
    case P1_KIND_IOVECS: add_iovecs(trace, mem, value, (uint32_t)args[1], false); break;
    case P1_KIND_CIOVECS: add_iovecs(trace, mem, value, (uint32_t)args[1], true); break;
    case P1_KIND_SUBSCRIPTIONS: add_subscriptions(trace, mem, value, (uint32_t)args[2], false); break;
    case P1_KIND_SUBSCRIPTIONS0: add_subscriptions(trace, mem, value, (uint32_t)args[2], true); break;
    default: add(trace, "%llu", (unsigned long long)args[0]);
  }
}

void wasi_light__trace_call(wasi_light_env_t *env, uint32_t row, const uint64_t *args, const p1_effects_t *effects,
                            p1_trace_t *trace) {
  const p1_row_t *call = &wasi_light__rows[row];
  p1_mem_t mem = {NULL, 0};
  bool first = true;
  wasi_light__memory(env, &mem);
  trace->used = 0;
  add(trace, "%s(", call->name);
  for (uint32_t i = 0; call->kinds[i] != P1_KIND_NONE; i++) {
    bool is_out = call->kinds[i] >= P1_KIND_OUT_STRINGS;
    host_slice_t range = is_out ? effects->ranges[effects->first[i]] : (host_slice_t){0, 0};
    if (is_out && p1_mem_has(mem, range.ptr, range.len > 0 ? range.len : 1)) continue;
    if (!first) add(trace, ", ");
    first = false;
    if (is_out) add_bad(trace, range.ptr);
    else add_argument(trace, mem, call->kinds[i], args + i);
  }
  add(trace, ")");
}

/* ---- Results ---- */

static void add_strings(p1_trace_t *trace, p1_mem_t mem, host_slice_t pointers) {
  uint32_t count = pointers.len / 4;
  add(trace, "[");
  for (uint32_t i = 0; i < count && i < ELEMENTS_SHOWN; i++) {
    uint32_t ptr = p1_load_u32(mem, pointers.ptr + (uint64_t)i * 4);
    const uint8_t *nul = p1_mem_has(mem, ptr, 1) ? memchr(p1_at(mem, ptr), 0, (size_t)(mem.size - ptr)) : NULL;
    if (i > 0) add(trace, ", ");
    if (nul) add_string(trace, mem, ptr, (uint64_t)(nul - p1_at(mem, ptr)));
    else add_bad(trace, ptr);
  }
  add(trace, "%s]", count > ELEMENTS_SHOWN ? ", ..." : "");
}

static void add_events(p1_trace_t *trace, p1_mem_t mem, host_slice_t events) {
  uint32_t count = events.len / P1_EVENT_SIZE;
  add(trace, "[");
  for (uint32_t i = 0; i < count && i < ELEMENTS_SHOWN; i++) {
    uint64_t at = events.ptr + (uint64_t)i * P1_EVENT_SIZE;
    uint16_t error = p1_load_u16(mem, at + P1_EVENT_ERROR);
    if (i > 0) add(trace, ", ");
    add_name(trace, eventtypes, p1_load_u8(mem, at + P1_EVENT_TYPE));
    if (error != WASI_LIGHT_ESUCCESS) {
      add(trace, " ");
      add_errno(trace, error);
    }
  }
  add(trace, "%s]", count > ELEMENTS_SHOWN ? ", ..." : "");
}

static void add_fdstat(p1_trace_t *trace, p1_mem_t mem, uint32_t at) {
  add(trace, "{");
  add_name(trace, filetypes, p1_load_u8(mem, at));
  add(trace, ", ");
  add_flags(trace, names_of_flags[P1_KIND_FDFLAGS], p1_load_u16(mem, at + P1_FDSTAT_FLAGS));
  add(trace, ", 0x%llx}", (unsigned long long)p1_load_u64(mem, at + P1_FDSTAT_RIGHTS_BASE));
}

/* The bytes that were read, whichever buffers they are in. */
static void add_read(p1_trace_t *trace, p1_mem_t mem, const host_slice_t *ranges, uint32_t count) {
  bool any = false;
  for (uint32_t i = 0; i < count; i++) {
    if (ranges[i].len == 0) continue;
    if (any) add(trace, " ");
    add_string(trace, mem, ranges[i].ptr, ranges[i].len);
    any = true;
  }
  if (!any) add(trace, "\"\"");
}

static void add_result(p1_trace_t *trace, p1_mem_t mem, const uint8_t *kind, const host_slice_t *ranges,
                       uint32_t count) {
  switch (kind[0]) {
    case P1_KIND_OUT_U16: add(trace, "%u", p1_load_u16(mem, ranges->ptr)); break;
    case P1_KIND_OUT_U32: add(trace, "%u", p1_load_u32(mem, ranges->ptr)); break;
    case P1_KIND_OUT_U64: add(trace, "%llu", (unsigned long long)p1_load_u64(mem, ranges->ptr)); break;
    case P1_KIND_OUT_STRINGS: add_strings(trace, mem, *ranges); break;
    case P1_KIND_OUT_BYTES: add_string(trace, mem, ranges->ptr, ranges->len); break;
    case P1_KIND_OUT_EVENTS: add_events(trace, mem, *ranges); break;
    case P1_KIND_OUT_FDSTAT: add_fdstat(trace, mem, ranges->ptr); break;
    case P1_KIND_OUT_FILESTAT:
    case P1_KIND_OUT_FILESTAT0:
      add(trace, "{");
      add_name(trace, filetypes, p1_load_u8(mem, (uint64_t)ranges->ptr + P1_FILESTAT_FILETYPE));
      add(trace, "}");
      break;
    default: add_read(trace, mem, ranges, count);
  }
}

/* The bytes of args and environ are shown with the pointers to them. */
static bool has_result(const uint8_t *kinds, uint32_t i) {
  if (kinds[i] == P1_KIND_OUT_BYTES && i > 0 && kinds[i - 1] == P1_KIND_OUT_STRINGS) return false;
  return kinds[i] == P1_KIND_IOVECS || kinds[i] >= P1_KIND_OUT_STRINGS;
}

static const char *stop_name(uint32_t status) {
  switch (status) {
    case P1_STOP_EXIT: return "exit";
    case P1_STOP_NO_MEMORY: return "no memory";
    case P1_STOP_DENIED: return "denied";
    case P1_STOP_RAISED: return "raised";
    case P1_STOP_DIVERGED: return "diverged";
    default: return "limit";
  }
}

void wasi_light__trace_result(wasi_light_env_t *env, uint32_t row, uint32_t status, const p1_effects_t *effects,
                              p1_trace_t *trace) {
  const uint8_t *kinds = wasi_light__rows[row].kinds;
  p1_mem_t mem = {NULL, 0};
  bool first = true;
  wasi_light__memory(env, &mem);
  add(trace, " = ");
  if (status >= WASI_LIGHT_STOP) add(trace, "stopped: %s", stop_name(status));
  else add_errno(trace, status);
  for (uint32_t i = 0; status == WASI_LIGHT_ESUCCESS && kinds[i] != P1_KIND_NONE; i++) {
    uint32_t at = effects->first[i];
    if (!has_result(kinds, i)) continue;
    add(trace, first ? " -> " : ", ");
    add_result(trace, mem, &kinds[i], &effects->ranges[at], effects->first[i + 1] - at);
    first = false;
  }
  env->in_callback = true;
  env->config->trace(env->host, trace->text);
  env->in_callback = false;
}
