/* SPDX-License-Identifier: MIT */
#include "core_rows.h"

#define P(index, kind, name) CORE_##kind,
#define COUNT_OF(...) (sizeof((const uint8_t[]){__VA_ARGS__ 0}) - 1)
#define P1_FUNCTION(name, result, doc, ...) {#name, false, COUNT_OF(__VA_ARGS__), {__VA_ARGS__ 0}},
#define P1_STREAM_ERRNO(name, fd, errno_name, doc, ...) {#name, true, COUNT_OF(__VA_ARGS__), {__VA_ARGS__ 0}},
const core_row_t core_rows[CORE_ROWS] = {
#include "p1_functions.def"
};

enum { IOVECS = 2, SUBSCRIPTIONS = 2, RANDOM_BYTES = 16 };

wasi_light_options_t core_row_options(void) {
  static const char *const args[] = {"prog", "a", NULL};
  static const char *const env[] = {"K=V", NULL};
  static const uint64_t seed = 42;
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.args = args;
  options.env = env;
  options.random_seed = &seed;
  options.in = (wasi_light_input_t){WASI_LIGHT_INPUT_BYTES, "0123456789abcdef0123456789ABCDEF", 32, NULL};
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 64};
  options.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 64};
  return options;
}

bool core_is_pointer(int kind) {
  switch (kind) {
    case CORE_PATH:
    case CORE_IOVECS:
    case CORE_CIOVECS:
    case CORE_SUBSCRIPTIONS:
    case CORE_OUT_STRINGS:
    case CORE_OUT_BYTES:
    case CORE_OUT_U16:
    case CORE_OUT_U32:
    case CORE_OUT_U64:
    case CORE_OUT_FDSTAT:
    case CORE_OUT_FILESTAT:
    case CORE_OUT_PRESTAT:
    case CORE_OUT_EVENTS: return true;
    default: return false;
  }
}

uint32_t core_bytes_behind(const core_row_t *row, unsigned param) {
  bool is_environ = strcmp(row->name, "environ_get") == 0;
  switch (row->kind[param]) {
    case CORE_IOVECS:
    case CORE_CIOVECS: return IOVECS * 8;
    case CORE_SUBSCRIPTIONS: return SUBSCRIPTIONS * 48;
    case CORE_OUT_EVENTS: return SUBSCRIPTIONS * 32;
    case CORE_OUT_STRINGS: return is_environ ? 1 * 4 : 2 * 4;
    case CORE_OUT_BYTES:
      if (strcmp(row->name, "args_get") == 0) return sizeof "prog" + sizeof "a";
      return is_environ ? sizeof "K=V" : RANDOM_BYTES;
    case CORE_OUT_U16: return 2;
    case CORE_OUT_U32: return 4;
    case CORE_OUT_U64: return 8;
    case CORE_OUT_FDSTAT: return 24;
    case CORE_OUT_FILESTAT: return 64;
    case CORE_OUT_PRESTAT: return 8;
    default: return 1;
  }
}

void core_good_args(const core_row_t *row, uint64_t args[CORE_ARGS_MAX]) {
  bool reads = strcmp(row->name, "fd_read") == 0;
  for (unsigned i = 0; i < CORE_ARGS_MAX; i++) args[i] = 0;
  for (unsigned i = 0; i < row->params; i++) {
    switch (row->kind[i]) {
      case CORE_FD: args[i] = reads ? 0 : 1; break;
      case CORE_CLOCK: args[i] = 1; break;
      case CORE_EXITCODE: args[i] = 7; break;
      case CORE_COUNT: args[i] = 2; break;
      case CORE_LENGTH: args[i] = RANDOM_BYTES; break;
      default: args[i] = core_is_pointer(row->kind[i]) ? CORE_PLACE(i) : 0;
    }
  }
}

/* core_put for the part that lies in the memory. */
static void put(core_guest_t *guest, uint64_t at, size_t bytes, uint64_t value) {
  for (size_t i = 0; i < bytes; i++) {
    if (at + i < guest->size) guest->memory[at + i] = (uint8_t)(value >> 8 * i);
  }
}

void core_put_input(core_guest_t *guest, const core_row_t *row, const uint64_t args[CORE_ARGS_MAX]) {
  for (unsigned i = 0; i < row->params; i++) {
    int kind = row->kind[i];
    if (kind == CORE_IOVECS || kind == CORE_CIOVECS) {
      for (unsigned k = 0; k < IOVECS; k++) {
        uint64_t at = args[i] + UINT64_C(8) * k;
        put(guest, at, 4, CORE_BUFFER + 8 * k);
        put(guest, at + 4, 4, 8);
      }
    }
    if (kind == CORE_SUBSCRIPTIONS) { /* sleep 0 on the monotonic clock */
      for (unsigned k = 0; k < SUBSCRIPTIONS; k++) {
        uint64_t at = args[i] + UINT64_C(48) * k;
        for (unsigned zero = 0; zero < 48; zero++) put(guest, at + zero, 1, 0);
        put(guest, at, 8, 1000 + k);
        put(guest, at + 16, 4, 1);
      }
    }
  }
}

bool core_needs_memory(const core_row_t *row) {
  static const char *const names[] = {
      "args_get",      "args_sizes_get",  "environ_get", "environ_sizes_get", "clock_res_get", "clock_time_get",
      "fd_fdstat_get", "fd_filestat_get", "fd_read",     "fd_write",          "poll_oneoff",   "random_get",
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(names[i], row->name) == 0) return true;
  }
  return false;
}

uint32_t core_good_call(core_guest_t *guest, const core_row_t *row) {
  uint64_t args[CORE_ARGS_MAX];
  core_good_args(row, args);
  core_put_input(guest, row, args);
  core_save(guest);
  return core_call(guest, row->name, args);
}
