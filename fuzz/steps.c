/* SPDX-License-Identifier: MIT */
/* Steps from bytes. Most addresses and lengths lie at the memory's edges or where sums overflow. */
#include <string.h>

#include "guest.h"

/* Rows that do more than answer with an errno, and are to be called more often. */
static const uint8_t busy_rows[] = {
    P1_ROW_fd_write,
    P1_ROW_fd_read,
    P1_ROW_poll_oneoff,
    P1_ROW_random_get,
    P1_ROW_clock_time_get,
    P1_ROW_args_get,
    P1_ROW_environ_get,
    P1_ROW_args_sizes_get,
    P1_ROW_fd_fdstat_get,
    P1_ROW_fd_filestat_get,
    P1_ROW_fd_close,
    P1_ROW_fd_renumber,
    P1_ROW_fd_fdstat_set_flags,
    P1_ROW_fd_fdstat_set_rights,
    P0_ROW_poll_oneoff,
    P0_ROW_fd_filestat_get,
    P1_ROW_clock_res_get,
    P1_ROW_proc_raise,
    P1_ROW_sched_yield,
};

static uint32_t take_pointer(const fuzz_guest_t *guest, fuzz_input_t *in) {
  static const uint32_t far[16] = {UINT32_MAX,
                                   UINT32_MAX - 1,
                                   UINT32_MAX - 3,
                                   UINT32_MAX - 7,
                                   UINT32_MAX - 23,
                                   UINT32_MAX - 63,
                                   0x80000000,
                                   0x7fffffff,
                                   0x7ffffffc,
                                   0xfffff000,
                                   0x10000,
                                   0xfffc,
                                   0x1000,
                                   0xffc,
                                   3,
                                   1};
  uint8_t byte = fuzz_u8(in);
  if (byte < 0x80) return 8u * byte;
  if (byte < 0xe0) return guest->size - (byte - 0x80u);
  return byte < 0xf0 ? far[byte - 0xe0] : fuzz_u32(in);
}

static uint32_t take_length(const fuzz_guest_t *guest, fuzz_input_t *in) {
  static const uint32_t far[16] = {UINT32_MAX, UINT32_MAX - 7, 0x80000000, 0x7fffffff, 0x20000000, 0x1fffffff,
                                   0x10000000, 0x08000000,     0x05555556, 0x04924925, 1023,       1024,
                                   1025,       0x10000,        300,        64};
  uint8_t byte = fuzz_u8(in);
  if (byte < 0xc0) return byte;
  if (byte < 0xe0) return guest->size - (byte - 0xc0u);
  return byte < 0xf0 ? far[byte - 0xe0] : fuzz_u32(in);
}

static uint64_t take_number(fuzz_input_t *in) {
  uint8_t byte = fuzz_u8(in);
  if (byte < 0xe0) return byte;
  if (byte < 0xf0) return UINT64_MAX >> (byte - 0xe0);
  return byte < 0xf8 ? 1000000ull * fuzz_u8(in) : fuzz_u64(in);
}

static uint64_t take_argument(const fuzz_guest_t *guest, fuzz_input_t *in, uint8_t kind) {
  if (kind == P1_KIND_LENGTH || kind == P1_KIND_COUNT) return take_length(guest, in);
  if (kind >= P1_KIND_PATH) return take_pointer(guest, in);
  if (kind >= P1_KIND_TIME) return take_number(in);
  uint8_t byte = fuzz_u8(in); /* fd, clock, flags */
  return byte < 0xf8 ? byte & 0x3f : fuzz_u32(in);
}

static bool is_wide(uint8_t kind) {
  return kind >= P1_KIND_TIME && kind <= P1_KIND_RIGHTS;
}

static void step_call(fuzz_guest_t *guest, fuzz_input_t *in, uint32_t row) {
  const uint8_t *kinds = wasi_light__rows[row].kinds;
  uint64_t args[P1_PARAMS_MAX + 1] = {0};
  for (uint32_t i = 0; kinds[i] != P1_KIND_NONE; i++) {
    args[i] = take_argument(guest, in, kinds[i]);
    if (guest->high_bits && !is_wide(kinds[i])) args[i] |= 0xa5a5a5a500000000;
  }
  fuzz_call(guest, row, args);
}

static void poke_u32(fuzz_guest_t *guest, uint32_t ptr, uint32_t value) {
  const uint8_t bytes[] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
  fuzz_poke(guest, ptr, bytes, sizeof bytes);
}

static void poke_iovecs(fuzz_guest_t *guest, fuzz_input_t *in) {
  uint32_t at = take_pointer(guest, in);
  uint32_t count = fuzz_u8(in) % 16;
  for (uint32_t i = 0; i < count; i++, at += P1_IOVEC_SIZE) {
    poke_u32(guest, at, take_pointer(guest, in));
    poke_u32(guest, at + P1_IOVEC_LEN, take_length(guest, in));
  }
}

static void poke_subscriptions(fuzz_guest_t *guest, fuzz_input_t *in) {
  uint32_t at = take_pointer(guest, in);
  uint8_t how = fuzz_u8(in);
  uint32_t shift = how & 0x80 ? P0_SUBSCRIPTION_CLOCK_SHIFT : 0;
  for (uint32_t i = 0; i < how % 4u; i++, at += P1_SUBSCRIPTION_SIZE + shift) {
    uint8_t tag = fuzz_u8(in);
    uint32_t number = fuzz_u8(in);
    const uint8_t type = tag & 0x0f;
    fuzz_poke(guest, at + P1_SUBSCRIPTION_TAG, &type, 1);
    poke_u32(guest, at, number | i << 8);
    if (type != P1_EVENTTYPE_CLOCK) {
      poke_u32(guest, at + P1_SUBSCRIPTION_FD, number);
      continue;
    }
    uint64_t timeout = take_number(in);
    poke_u32(guest, at + shift + P1_SUBSCRIPTION_CLOCK_ID, number & 7);
    poke_u32(guest, at + shift + P1_SUBSCRIPTION_CLOCK_TIMEOUT, (uint32_t)timeout);
    poke_u32(guest, at + shift + P1_SUBSCRIPTION_CLOCK_TIMEOUT + 4, (uint32_t)(timeout >> 32));
    poke_u32(guest, at + shift + P1_SUBSCRIPTION_CLOCK_FLAGS, tag >> 4 & 3);
  }
}

static void poke_bytes(fuzz_guest_t *guest, fuzz_input_t *in) {
  uint32_t at = take_pointer(guest, in);
  size_t size = fuzz_u8(in) % 32;
  const uint8_t *bytes = fuzz_bytes(in, &size);
  fuzz_poke(guest, at, bytes, size);
}

/* A prefix of UTF-8, up to one that is cut. */
static void set_prefix(fuzz_guest_t *guest, fuzz_input_t *in) {
  static const char prefix[] =
      "[plug-in 1234567890 1234567890 1234567890 1234567890 12345678 \xe2\x82\xac\xe2\x82\xac\xe2\x82\xac] ";
  wasi_light_env_set_prefix(guest->env, prefix + fuzz_u8(in) % 62);
}

static void clear_captured(fuzz_guest_t *guest, fuzz_input_t *in) {
  size_t size;
  uint32_t fd = fuzz_u8(in) % 4;
  uint64_t dropped;
  wasi_light_env_clear_captured(guest->env, fd);
  wasi_light_env_captured(guest->env, fd, &size, &dropped);
  FUZZ_CHECK(size == 0 && dropped == 0, "%zu bytes of nothing", size);
}

static void ask(fuzz_guest_t *guest, fuzz_input_t *in) {
  wasi_light_outcome_t outcome;
  const wasi_light_usage_t usage = wasi_light_env_usage(guest->env);
  uint64_t calls = 0;
  bool stopped = wasi_light_env_stopped(guest->env, &outcome);
  FUZZ_CHECK(stopped == guest->env->state.exited && stopped == (outcome.kind == WASI_LIGHT_EXITED), "%d", outcome.kind);
  for (uint32_t row = 0; row < P1_ROWS; row++) calls += guest->env->calls ? guest->env->calls[row] : 0;
  FUZZ_CHECK(!guest->env->calls || calls == usage.calls, "%llu calls", (unsigned long long)calls);
  const char *name = wasi_light__rows[fuzz_u8(in) % P1_ROWS].name;
  FUZZ_CHECK(wasi_light_env_calls(guest->env, name) <= usage.calls, "calls");
  FUZZ_CHECK(!wasi_light_function("wasi_unstable", name) == (strcmp(name, "sock_accept") == 0), "%s", name);
  FUZZ_CHECK(!wasi_light_function("env", name) && wasi_light_env_host(guest->env) == guest, "%s", name);
  fuzz_digest(guest, &usage, sizeof usage);
}

void fuzz_step(fuzz_guest_t *guest, fuzz_input_t *in) {
  uint8_t step = fuzz_u8(in);
  if (step < P1_ALL_ROWS) step_call(guest, in, step);
  else if (step < 0xa0) step_call(guest, in, busy_rows[(step - P1_ALL_ROWS) % sizeof busy_rows]);
  else if (step < 0xb8) poke_iovecs(guest, in);
  else if (step < 0xd0) poke_subscriptions(guest, in);
  else if (step < 0xe8) poke_bytes(guest, in);
  else {
    switch (step - 0xe8) {
      case 0: fuzz_reset(guest); break;
      case 1: fuzz_save(guest); break;
      case 2: fuzz_restore(guest); break;
      case 3: fuzz_bind(guest, true); break;
      case 4: fuzz_bind(guest, false); break;
      case 5: fuzz_grow(guest, 8u * fuzz_u8(in)); break;
      case 6: wasi_light_env_set_random_stream(guest->env, fuzz_u8(in)); break;
      case 7: set_prefix(guest, in); break;
      case 8: wasi_light_env_flush(guest->env); break;
      case 9: clear_captured(guest, in); break;
      default: ask(guest, in); break;
    }
    fuzz_check_env(guest);
  }
}

void fuzz_steps(fuzz_guest_t *guest, fuzz_input_t *in) {
  for (uint32_t i = 0; in->left > 0 && i < (guest->size > 4096 ? 12 : 64); i++) fuzz_step(guest, in);
}
