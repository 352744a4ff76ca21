/* SPDX-License-Identifier: MIT */
/*
 * Target logs: replays of logs that may be anything. Either the input has the log; or a run is recorded, the log is damaged
 * as the input says, and the same run is replayed with it. What must hold is in guest.c. If nothing is damaged, the replay
 * must be the run again: every status, all memory, all that is captured.
 */
#include <string.h>

#include "guest.h"
#include "seeds.h"

enum { HEADER = 8, STATUSES_MAX = 256, DAMAGES_MAX = 15, ADDED_MAX = 64 };
enum {
  FROM_INPUT = 0x80,
  WITH_HEADER = 0x40
}; /* the first byte; else its lower bits are how often the log is damaged */

static uint8_t damaged[FUZZ_LOG_MAX + DAMAGES_MAX * ADDED_MAX];
static uint8_t recorded_memory[FUZZ_MEMORY_MAX];

/* Some place in the log: more often near its end, which a replay seldom reaches. */
static size_t take_place(fuzz_input_t *in, size_t size) {
  uint8_t byte = fuzz_u8(in);
  if (byte >= 0xc0) return size > byte - 0xbfu ? size - (byte - 0xbfu) : 0;
  size_t place = byte < 0xb0 ? HEADER + byte : fuzz_u16(in);
  return place < size ? place : size;
}

static size_t replace(size_t size, size_t at, size_t old, const uint8_t *bytes, size_t count) {
  if (old > size - at) old = size - at;
  memmove(damaged + at + count, damaged + at + old, size - at - old);
  memcpy(damaged + at, bytes, count);
  return size - old + count;
}

/* Changes the log in one way; its new size. */
static size_t damage(fuzz_input_t *in, size_t size) {
  static const uint8_t large[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0xff, 0xff};
  uint8_t how = fuzz_u8(in);
  size_t count = how >> 3;
  size_t at = take_place(in, size);
  const uint8_t *bytes;
  if (at == size) return size;
  switch (how & 7) {
    case 0: damaged[at] = fuzz_u8(in); return size;
    case 1: damaged[at] ^= (uint8_t)(1u << (count & 7)); return size;
    case 2: return at;
    case 3: return replace(size, at, 1 + count, large, 0);
    case 4: bytes = fuzz_bytes(in, &count); return replace(size, at, 0, bytes, count);
    case 5: bytes = fuzz_bytes(in, &count); return replace(size, at, count, bytes, count);
    case 6: return replace(size, at, 1, large + count % 10, sizeof large - count % 10 - (size_t)(how >> 7) * 2);
    default: damaged[at] = (uint8_t)(damaged[at] + (count < 16 ? count : count - 32)); return size;
  }
}

/* What a run came to. */
typedef struct result_t {
  p1_state_t state;
  uint64_t statuses;
  uint32_t memory_size;
  size_t captured[2];
  bool comparable; /* its log has all of it, and it is not for a callback to say what comes next */
} result_t;

static void finish(fuzz_guest_t *guest, result_t *result) {
  result->state = guest->env->state;
  result->statuses = guest->statuses;
  result->memory_size = guest->size;
  for (int i = 0; i < 2; i++) result->captured[i] = guest->env->capture[i].size;
  result->comparable = !guest->has_jumped && guest->setup->answers == 0 && guest->log_size < FUZZ_LOG_MAX;
}

/* Records a run: the size of its log, which is in `damaged`. 0 if the options are refused. */
static size_t record(fuzz_setup_t *setup, fuzz_input_t in, result_t *result) {
  fuzz_guest_t guest;
  setup->options.replay = NULL;
  setup->options.record = fuzz_callbacks.record;
  if (!fuzz_start(&guest, setup)) return 0;
  fuzz_steps(&guest, &in);
  finish(&guest, result);
  size_t size = guest.log_size;
  memcpy(damaged, guest.log, size);
  memcpy(recorded_memory, guest.base, guest.size);
  fuzz_end(&guest);
  return size;
}

static void check_equal(const fuzz_guest_t *guest, const result_t *was) {
  result_t now;
  finish((fuzz_guest_t *)guest, &now);
  FUZZ_CHECK(now.statuses == was->statuses, "other statuses than when it was recorded");
  FUZZ_CHECK(memcmp(guest->base, recorded_memory, was->memory_size) == 0, "other memory than when it was recorded");
  FUZZ_CHECK(wasi_light_env_replay_left(guest->env) == 0, "%zu bytes are left", wasi_light_env_replay_left(guest->env));
  FUZZ_CHECK(now.state.exited == was->state.exited && now.state.exit_code == was->state.exit_code, "another exit");
  FUZZ_CHECK(now.state.usage.out_bytes == was->state.usage.out_bytes, "%llu bytes written",
             (unsigned long long)now.state.usage.out_bytes);
  FUZZ_CHECK(memcmp(now.state.stream, was->state.stream, sizeof now.state.stream) == 0 &&
                 memcmp(now.state.fdflags, was->state.fdflags, sizeof now.state.fdflags) == 0 &&
                 memcmp(now.state.rights, was->state.rights, sizeof now.state.rights) == 0,
             "other streams than when it was recorded");
  FUZZ_CHECK(memcmp(now.captured, was->captured, sizeof now.captured) == 0, "other output than when it was recorded");
}

static void replay(fuzz_setup_t *setup, fuzz_input_t in, const uint8_t *log, size_t size, const result_t *equal) {
  fuzz_guest_t guest;
  uint8_t *copy = malloc(size > 0 ? size : 1); /* of its size, so that reading behind it is seen */
  FUZZ_CHECK(copy, "no memory");
  if (size > 0) memcpy(copy, log, size);
  setup->options.record = NULL;
  setup->options.replay = copy;
  setup->options.replay_size = size;
  bool started = fuzz_start(&guest, setup);
  free(copy);
  FUZZ_CHECK(!started || wasi_light__is_log(log, size), "what is no log was taken");
  if (!started) return;
  fuzz_steps(&guest, &in);
  if (equal) check_equal(&guest, equal);
  fuzz_end(&guest);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  fuzz_input_t in = {bytes, size};
  fuzz_setup_t setup;
  result_t result = {.comparable = false};
  uint8_t how = fuzz_u8(&in);
  if (how & FROM_INPUT) {
    size_t log_size = fuzz_u8(&in);
    size_t at = how & WITH_HEADER ? HEADER : 0;
    const uint8_t *log = fuzz_bytes(&in, &log_size);
    memcpy(damaged, "WLOG\1\0\0", HEADER);
    memcpy(damaged + at, log, log_size);
    fuzz_take_setup(&in, &setup);
    replay(&setup, in, damaged, at + log_size, NULL);
    return 0;
  }
  uint32_t count = how % (DAMAGES_MAX + 1);
  size_t damages_size = count > 0 ? fuzz_u8(&in) % 64 : 0;
  const uint8_t *damages_bytes = fuzz_bytes(&in, &damages_size);
  fuzz_input_t damages = {damages_bytes, damages_size};
  fuzz_take_setup(&in, &setup);
  size_t log_size = record(&setup, in, &result);
  for (uint32_t i = 0; i < count; i++) log_size = damage(&damages, log_size);
  replay(&setup, in, damaged, log_size, result.comparable && count == 0 ? &result : NULL);
  return 0;
}

void fuzz_seeds(fuzz_seed_t give) {
  static const uint8_t from_input[] = {FROM_INPUT | WITH_HEADER,
                                       18,
                                       P1_ROW_random_get,
                                       0,
                                       3,
                                       0,
                                       3,
                                       1,
                                       2,
                                       3,
                                       P1_ROW_sched_yield,
                                       0,
                                       P1_ROW_fd_close,
                                       1,
                                       0,
                                       P1_ROW_proc_exit,
                                       3,
                                       0x80,
                                       0x80,
                                       4};
  /* The status of the first call, behind six arguments and a hash, becomes success. */
  static const uint8_t success[] = {1,    11, 9 << 3 | 5,       15, 0, 4, 0, 0, 0, 0, 2, 0, 0, 5, 3, 0,
                                    0x0c, 8,  P1_ROW_sock_recv, 0,  0, 0, 0, 0, 8};
  static const uint8_t closed[] = {
      1, 8, 6 << 3 | 5, 16, 0, 4, 3, 0, 0, 0, 5, 1, 0, 0, 8, P1_ROW_fd_close, 1, P1_ROW_fd_write, 1, 0, 1, 4};
  static const uint8_t outside[] = {1, 8, 6 << 3 | 5,      14, 0,   4, 3, 0, 0, 0, 5, 1, 0,
                                    0, 8, P1_ROW_fd_write, 1,  100, 1, 4};
  static const uint8_t endless[] = {FROM_INPUT | WITH_HEADER,
                                    12,
                                    P1_ROW_random_get,
                                    0xff,
                                    0xff,
                                    0xff,
                                    0xff,
                                    0xff,
                                    0xff,
                                    0xff,
                                    0xff,
                                    0xff,
                                    0xff,
                                    0xff,
                                    5,
                                    1,
                                    0,
                                    0,
                                    0,
                                    P1_ROW_random_get,
                                    0,
                                    3};
  static const uint8_t end_changed[] = {2, 4, 1, 0xc8, 0x0e, 0xc3};
  fuzz_guest_seeds(give, "", 1);
  give("from_input", from_input, sizeof from_input);
  give("success", success, sizeof success);
  give("closed", closed, sizeof closed);
  give("outside", outside, sizeof outside);
  give("endless", endless, sizeof endless);
  give("end_changed", end_changed, sizeof end_changed);
}
