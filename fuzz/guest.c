/* SPDX-License-Identifier: MIT */
/*
 * A guest's life and its calls. What must hold after each:
 *   - no byte outside its memory is touched: inaccessible pages follow it for as far as a guest pointer and a length reach,
 *     and under AddressSanitizer what is before it is poisoned;
 *   - memory is as it was, but for what the call may write on success: by an errno or a stop nothing changes, neither in
 *     memory nor in the environment;
 *   - what is captured is what was written, numbers in the environment are within their limits, quotas hold.
 */
#include "guest.h"

#include <string.h>
#include <sys/mman.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

enum { BEFORE = 65536, FILLS = 4 };
static const size_t BEHIND = (size_t)2 << 32; /* any pointer plus any length */

static uint8_t *memory;                       /* FUZZ_MEMORY_MAX bytes; a guest has the last of them */
static uint8_t expected[FUZZ_MEMORY_MAX];     /* the guest's memory as it must be, from the front */
static uint8_t fills[FILLS][FUZZ_MEMORY_MAX]; /* what memory is at first */
static uint8_t log_bytes[FUZZ_LOG_MAX];

/* What memory is at first: zeros, text with all kinds of bytes, iovecs or subscriptions, ones. */
static void make_fills(void) {
  static const char text[] =
      "text \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n\xc2\x85\xed\xa0\x80\xf4\x90\xc0\x80\x1b[0m\x7f\t\\ \xe2\x82";
  for (size_t i = 0; i < FUZZ_MEMORY_MAX; i++) {
    fills[1][i] = (uint8_t)text[i % sizeof text];
    fills[2][i] = (uint8_t)(i % 8 == 0 ? i / 8 : i % 8 == 4 ? 3 : 0);
    fills[3][i] = 0xff;
  }
}

static void map_memory(void) {
  if (memory) return;
  uint8_t *area =
      mmap(NULL, BEFORE + FUZZ_MEMORY_MAX + BEHIND, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  FUZZ_CHECK(area != MAP_FAILED, "no address space");
  memory = area + BEFORE;
  FUZZ_CHECK(mprotect(memory, FUZZ_MEMORY_MAX, PROT_READ | PROT_WRITE) == 0, "no memory");
  ASAN_POISON_MEMORY_REGION(memory, FUZZ_MEMORY_MAX);
  make_fills();
}

/* A memory of this size, which ends where all end. */
static void set_size(fuzz_guest_t *guest, uint32_t size) {
  uint8_t *base = memory + FUZZ_MEMORY_MAX - size;
  uint8_t *end = memory + FUZZ_MEMORY_MAX;
  uint8_t *before = guest->base ? guest->base : end;
  if (base < before) ASAN_UNPOISON_MEMORY_REGION(base, before - base);
  if (base > before) ASAN_POISON_MEMORY_REGION(before, base - before);
  guest->base = base;
  guest->size = size;
}

void fuzz_digest(fuzz_guest_t *guest, const void *bytes, size_t size) {
  const uint8_t *at = bytes;
  uint64_t word;
  if (!guest->setup->twice) return;
  guest->digest ^= size;
  for (; size >= sizeof word; at += sizeof word, size -= sizeof word) {
    memcpy(&word, at, sizeof word);
    guest->digest = (guest->digest ^ word) * 0x9e3779b97f4a7c15;
    guest->digest ^= guest->digest >> 29;
  }
  for (; size > 0; size--) guest->digest = (guest->digest ^ *at++) * 0x9e3779b97f4a7c15;
}

static wasi_light_view_t view_of(void *host) {
  const fuzz_guest_t *guest = host;
  bool has_address = guest->size > 0 || !guest->setup->without_address;
  return (wasi_light_view_t){has_address ? guest->base : NULL, guest->size};
}

static void release(void *host) {
  fuzz_guest_t *guest = host;
  guest->releases++;
}

void fuzz_bind(fuzz_guest_t *guest, bool bound) {
  FUZZ_CHECK(guest->binds == guest->releases + (guest->env->release != NULL), "%u memories were bound, %u released",
             guest->binds, guest->releases);
  guest->binds += bound;
  wasi_light_env_set_memory(guest->env, guest, bound ? view_of : NULL, bound ? release : NULL);
}

void fuzz_grow(fuzz_guest_t *guest, uint32_t size) {
  if (size <= guest->size) return;
  uint8_t *old = guest->base;
  uint32_t old_size = guest->size;
  set_size(guest, size);
  memmove(guest->base, old, old_size);
  memset(guest->base + old_size, 0, size - old_size);
  memcpy(expected, guest->base, size);
}

void fuzz_poke(fuzz_guest_t *guest, uint32_t ptr, const void *bytes, size_t size) {
  if (ptr >= guest->size) return;
  if (size > guest->size - ptr) size = guest->size - ptr;
  memcpy(guest->base + ptr, bytes, size);
  memcpy(expected + ptr, bytes, size);
}

static void begin_log(fuzz_guest_t *guest) {
  guest->records = 0;
  guest->log_size = 0;
}

bool fuzz_start(fuzz_guest_t *guest, fuzz_setup_t *setup) {
  wasi_light_error_t error;
  error.code = WASI_LIGHT_ERROR_OK;
  map_memory();
  *guest = (fuzz_guest_t){.setup = setup, .log = log_bytes};
  guest->config = wasi_light_config_new(&setup->options, &error);
  if (!guest->config) {
    FUZZ_CHECK(error.code == WASI_LIGHT_ERROR_ARGUMENT, "%s", wasi_light_error_name((int)error.code));
    FUZZ_CHECK(strlen(error.message) > 8, "no message: %s", error.message);
    return false;
  }
  FUZZ_CHECK(error.code == WASI_LIGHT_ERROR_OK, "an error with a configuration: %s", error.message);
  set_size(guest, setup->memory_size);
  memcpy(guest->base, fills[setup->fill % FILLS], guest->size);
  memcpy(expected, guest->base, guest->size);
  guest->env = wasi_light_env_new(guest->config, guest, &error);
  FUZZ_CHECK(guest->env, "%s", error.message);
  fuzz_bind(guest, true);
  return true;
}

void fuzz_end(fuzz_guest_t *guest) {
  if (guest->has_saved) wasi_light__env_state_free(&guest->saved);
  fuzz_digest(guest, guest->base, guest->size);
  wasi_light_env_delete(guest->env);
  FUZZ_CHECK(guest->binds == guest->releases, "%u memories were bound, %u released", guest->binds, guest->releases);
  wasi_light_config_delete(guest->config);
  set_size(guest, 0);
}

void fuzz_reset(fuzz_guest_t *guest) {
  guest->has_jumped = true;
  begin_log(guest);
  wasi_light_env_reset(guest->env);
}

void fuzz_save(fuzz_guest_t *guest) {
  if (guest->has_saved) wasi_light__env_state_free(&guest->saved);
  guest->has_saved = wasi_light__env_save(guest->env, &guest->saved);
  FUZZ_CHECK(guest->has_saved, "no memory");
  memcpy(guest->saved_captured, guest->captured, sizeof guest->captured);
}

void fuzz_restore(fuzz_guest_t *guest) {
  if (!guest->has_saved) return;
  guest->has_jumped = true;
  wasi_light__env_restore(guest->env, &guest->saved);
  memcpy(guest->captured, guest->saved_captured, sizeof guest->captured);
}

/* ---- What must hold ---- */

static void check_streams(const wasi_light_env_t *env) {
  const p1_state_t *state = &env->state;
  uint32_t seen = 0;
  for (uint32_t i = 0; i < P1_STREAMS; i++) {
    uint32_t all = i == P1_STDIN ? P1_RIGHTS_STDIN : P1_RIGHTS_OUTPUT;
    FUZZ_CHECK(state->stream[i] <= P1_CLOSED, "fd %u is stream %u", i, state->stream[i]);
    FUZZ_CHECK(state->stream[i] == P1_CLOSED || !(seen & 1u << state->stream[i]), "two fds are stream %u",
               state->stream[i]);
    FUZZ_CHECK(state->fdflags[i] <= P1_FDFLAGS_ALL && !(state->rights[i] & ~all), "flags 0x%x, rights 0x%x",
               state->fdflags[i], state->rights[i]);
    seen |= 1u << state->stream[i];
  }
}

static void check_output(const fuzz_guest_t *guest, int i) {
  const p1_capture_t *capture = &guest->env->capture[i];
  const wasi_light_output_t *out = &guest->config->out[i];
  size_t size = out->mode == WASI_LIGHT_OUTPUT_CAPTURE ? out->capture_size
                : out->mode == WASI_LIGHT_OUTPUT_LINES ? out->line_size
                                                       : 0;
  FUZZ_CHECK(capture->size <= size, "%zu bytes in a buffer of %zu", capture->size, size);
  FUZZ_CHECK(capture->prefix <= WASI_LIGHT_PREFIX_MAX, "%u", capture->prefix);
  FUZZ_CHECK(capture->utf8_had <= 3 && capture->utf8_due <= 3 && capture->utf8_had <= capture->size, "%u bytes of %u",
             capture->utf8_had, capture->utf8_due);
  if (out->mode == WASI_LIGHT_OUTPUT_CAPTURE && !guest->config->replay)
    FUZZ_CHECK(memcmp(capture->bytes, guest->captured[i], capture->size) == 0, "other bytes are captured than written");
}

void fuzz_check_env(fuzz_guest_t *guest) {
  const wasi_light_env_t *env = guest->env;
  const wasi_light_config_t *config = guest->config;
  const wasi_light_usage_t *usage = &env->state.usage;
  FUZZ_CHECK(!env->in_callback, "no callback runs");
  FUZZ_CHECK(env->state.in_position <= config->in.size, "%zu of %zu", env->state.in_position, config->in.size);
  FUZZ_CHECK(env->state.replay_position <= config->replay_size, "%zu", env->state.replay_position);
  FUZZ_CHECK(env->entropy.left <= sizeof env->entropy.bytes / 2, "%u", env->entropy.left);
  check_streams(env);
  for (int i = 0; i < 2; i++) check_output(guest, i);
  if (config->replay) return;
  FUZZ_CHECK(config->quota.out_bytes == 0 || usage->out_bytes <= config->quota.out_bytes, "quota");
  FUZZ_CHECK(config->quota.random_bytes == 0 || usage->random_bytes <= config->quota.random_bytes, "quota");
  FUZZ_CHECK(config->sleep.max_total_ns == 0 || usage->slept_ns <= config->sleep.max_total_ns, "quota");
}

/* What a call must add to what is captured, if it succeeds. */
typedef struct output_t {
  uint32_t stream; /* P1_CLOSED: nothing */
  uint64_t size;   /* all that is written */
} output_t;

static output_t expect_output(fuzz_guest_t *guest, uint32_t row, const uint64_t *args) {
  output_t output = {P1_CLOSED, 0};
  p1_mem_t mem = {expected, guest->size};
  uint32_t iovs = (uint32_t)args[1];
  uint32_t count = (uint32_t)args[2];
  if (row != P1_ROW_fd_write || !p1_mem_has(mem, iovs, (uint64_t)count * P1_IOVEC_SIZE)) return output;
  uint32_t stream = p1_stream_of(guest->env, (uint32_t)args[0]);
  if (stream == P1_STDIN || stream == P1_CLOSED) return output;
  int i = (int)stream - P1_STDOUT;
  if (guest->config->out[i].mode != WASI_LIGHT_OUTPUT_CAPTURE) return output;
  size_t had = guest->env->capture[i].size;
  output.stream = stream;
  for (uint32_t k = 0; k < count && k < P1_IOVECS_MAX; k++) {
    uint32_t ptr = p1_load_u32(mem, iovs + (uint64_t)k * P1_IOVEC_SIZE);
    uint32_t len = p1_load_u32(mem, iovs + (uint64_t)k * P1_IOVEC_SIZE + P1_IOVEC_LEN);
    if (!p1_mem_has(mem, ptr, len)) break; /* the call fails */
    size_t room = guest->config->out[i].capture_size - had;
    size_t some = len < room ? len : room;
    if (some > 0) memcpy(guest->captured[i] + had, expected + ptr, some);
    had += some;
    output.size += len;
  }
  return output;
}

static void check_captured(const fuzz_guest_t *guest, const output_t *output, const p1_capture_t before[2],
                           uint32_t status) {
  for (uint32_t i = 0; i < 2; i++) {
    const p1_capture_t *now = &guest->env->capture[i];
    if (guest->config->out[i].mode != WASI_LIGHT_OUTPUT_CAPTURE) continue;
    uint64_t added = status == WASI_LIGHT_ESUCCESS && output->stream == i + P1_STDOUT ? output->size : 0;
    FUZZ_CHECK(now->size + now->dropped == before[i].size + before[i].dropped + added, "%zu captured, %llu dropped",
               now->size, (unsigned long long)now->dropped);
  }
}

/* Whether the call writes only to these ranges. A replay gives args and environ as the log has them. */
static void check_memory(fuzz_guest_t *guest, uint32_t row, uint32_t status, const p1_effects_t *effects) {
  p1_mem_t mem = {guest->base, guest->size};
  uint64_t moved = 0;
  bool foreign = guest->config->replay && (row == P1_ROW_args_get || row == P1_ROW_environ_get);
  for (uint32_t i = 0; status == WASI_LIGHT_ESUCCESS && i < effects->count; i++) {
    host_slice_t range = effects->ranges[i];
    moved += range.len;
    if (moved > 2ull * guest->size) foreign = true; /* the check would take too long */
    else if (p1_mem_has(mem, range.ptr, range.len))
      p1_copy_out((p1_mem_t){expected, guest->size}, range.ptr, p1_at(mem, range.ptr), range.len);
  }
  if (guest->written || (foreign && status == WASI_LIGHT_ESUCCESS)) memcpy(expected, guest->base, guest->size);
  FUZZ_CHECK(memcmp(expected, guest->base, guest->size) == 0, "%s changed memory that is not its own; status %u",
             wasi_light__rows[row].name, status);
  guest->written = false;
}

static void check_status(fuzz_guest_t *guest, uint32_t row, uint32_t status) {
  const p1_state_t *state = &guest->env->state;
  wasi_light_outcome_t outcome;
  FUZZ_CHECK(status <= WASI_LIGHT_ENOTCAPABLE || (status >= WASI_LIGHT_STOP && status <= FUZZ_LAST_STATUS), "%u",
             status);
  FUZZ_CHECK((status == P1_STOP_EXIT) == state->exited, "status %u", status);
  FUZZ_CHECK(status != P1_STOP_DIVERGED || guest->config->replay, "nothing is replayed");
  bool over = guest->config->quota.calls > 0 && state->usage.calls > guest->config->quota.calls;
  if (over && !state->exited && !guest->config->replay)
    FUZZ_CHECK(status == P1_STOP_CALLS, "%u after the last call", status);
  if (status <= P1_STOP_EXIT) return;
  FUZZ_CHECK(state->stop == status && state->stopped_by == row, "%u by %u", state->stop, state->stopped_by);
  FUZZ_CHECK(wasi_light_env_stopped(guest->env, &outcome), "the stop is not reported");
  FUZZ_CHECK(outcome.kind > WASI_LIGHT_EXITED && memchr(outcome.message, '\0', sizeof outcome.message), "%d",
             outcome.kind);
  FUZZ_CHECK(outcome.message[0] && !wasi_light_env_stopped(guest->env, &outcome), "a stop is reported twice");
}

/* By an errno nothing changes but the counters of calls. */
static void check_state(const fuzz_guest_t *guest, const p1_state_t *before) {
  p1_state_t now;
  memcpy(&now, &guest->env->state, sizeof now);
  now.usage.calls = before->usage.calls;
  now.replay_position = before->replay_position;
  /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c): both are copies of one object */
  FUZZ_CHECK(memcmp(&now, before, sizeof now) == 0, "an errno, and the environment has changed");
}

uint32_t fuzz_call(fuzz_guest_t *guest, uint32_t row, const uint64_t *args) {
  static p1_effects_t effects;
  wasi_light_env_t *env = guest->env;
  p1_state_t before;
  p1_capture_t captured[2] = {env->capture[0], env->capture[1]};
  memcpy(&before, &env->state, sizeof before);
  wasi_light__expect_effects(env, row, args, &effects);
  output_t output = expect_output(guest, row, args);
  uint32_t status = guest->high_bits ? wasi_light__function(row)->call(env, args) : wasi_light__call(env, row, args);
  check_status(guest, row, status);
  check_memory(guest, row, status, &effects);
  if (status > WASI_LIGHT_ESUCCESS && status < WASI_LIGHT_STOP) check_state(guest, &before);
  if (!guest->config->replay) check_captured(guest, &output, captured, status);
  fuzz_check_env(guest);
  guest->statuses = (guest->statuses ^ status) * 0x9e3779b97f4a7c15;
  fuzz_digest(guest, &status, sizeof status);
  return status;
}
