/* SPDX-License-Identifier: MIT */
/*
 * The contracts of what a proved source calls: host_*, and functions of the other sources, which are proved apart. Each
 * asserts what the caller has to see to, and gives anything that it may give.
 */
#ifndef WASI_LIGHT_PROOF_STUBS_H
#define WASI_LIGHT_PROOF_STUBS_H

/* ---- src/platform/host.h ---- */

uint64_t host_clock_time(uint32_t clock) {
  CHECK(clock <= P1_CLOCK_THREAD_CPU, "host_clock_time: there is such a clock");
  return nondet_u64();
}

uint64_t host_clock_resolution(uint32_t clock) {
  CHECK(clock <= P1_CLOCK_THREAD_CPU, "host_clock_resolution: there is such a clock");
  return nondet_u64();
}

uint32_t host_entropy(uint8_t *bytes, uint64_t len) {
  touch_write(bytes, len);
  return any_errno();
}

void host_yield(void) {}

uint32_t host_generation(void) {
  uint32_t generation = nondet_u32();
  ASSUME(generation != 0);
  return generation;
}

bool host_is_terminal(int fd) {
  CHECK(0 <= fd && fd < P1_STREAMS, "host_is_terminal: a stream");
  return nondet_bool();
}

#ifdef PROVE_stdio
#define SLICE(slices, i) (*slice_at(slices, i))
#else
#define SLICE(slices, i) ((slices)[i])
#endif

/* All slices lie in the object at `base`: the one that is watched, and the first. */
static uint32_t move(uint8_t *base, const host_slice_t *slices, uint32_t count, uint32_t *done) {
  CHECK(count <= P1_IOVECS_MAX, "host_read, host_write: at most 1,024 slices");
  for (uint32_t i = 0; i < 2; i++) {
    uint32_t index = i == 0 ? watch : 0;
    if (index >= count) continue;
    host_slice_t slice = SLICE(slices, index);
    if (slice.len > 0) touch(base + slice.ptr, slice.len);
  }
  *done = nondet_u32();
  ASSUME(count != 1 || *done <= SLICE(slices, 0).len); /* no more than the slices have */
  return any_errno();
}

uint32_t host_read(int fd, uint8_t *base, const host_slice_t *slices, uint32_t count, bool nonblock, uint32_t *done) {
  (void)nonblock;
  CHECK(fd == P1_STDIN, "host_read: stdin");
  return move(base, slices, count, done);
}

uint32_t host_write(int fd, uint8_t *base, const host_slice_t *slices, uint32_t count, bool nonblock, uint32_t *done) {
  (void)nonblock;
  CHECK(fd == P1_STDOUT || fd == P1_STDERR, "host_write: stdout or stderr");
  return move(base, slices, count, done);
}

void host_poll(host_poll_t *polls, uint32_t count, uint64_t timeout_ns) {
  (void)timeout_ns;
  CHECK(count == P1_STREAMS && count <= HOST_POLL_MAX, "host_poll: one for each stream");
  for (uint32_t i = 0; i < P1_STREAMS; i++) {
    CHECK(-1 <= polls[i].fd && polls[i].fd < P1_STREAMS, "host_poll: a stream or none");
    polls[i].ready = nondet_bool();
    polls[i].hangup = nondet_bool();
    polls[i].available = nondet_u64();
  }
}

/* ---- src/core ---- */

#ifndef PROVE_env
uint32_t wasi_light__memory(wasi_light_env_t *e, p1_mem_t *mem) {
  CHECK(e == &the_env, "wasi_light__memory: the environment of the call");
  if (nondet_bool()) return P1_STOP_NO_MEMORY;
  *mem = guest;
  return WASI_LIGHT_ESUCCESS;
}
#endif

#ifndef PROVE_clock
uint64_t wasi_light__guest_time(wasi_light_env_t *e, uint32_t clock) {
  CHECK(e == &the_env && clock <= P1_CLOCK_MONOTONIC, "wasi_light__guest_time: clock 0 or 1");
  the_env.in_callback = true; /* it may ask the host's clock */
  in_any_callback();
  the_env.in_callback = false;
  uint64_t time = nondet_u64();
  ASSUME(time > 0);
  return time;
}

void wasi_light__advance(wasi_light_env_t *e, uint64_t ns) {
  (void)ns;
  CHECK(e == &the_env, "wasi_light__advance: the environment of the call");
  the_env.state.elapsed_ns = nondet_u64();
}
#endif

#ifndef PROVE_chacha20
void wasi_light__chacha20_block(const uint32_t key[8], const uint32_t counter_and_nonce[4], uint8_t block[64]) {
  touch_read(key, 32);
  touch_read(counter_and_nonce, 16);
  touch_write(block, 64);
}

void wasi_light__seeded_bytes(uint64_t seed, uint64_t stream, uint64_t position, uint8_t *bytes, uint64_t len) {
  (void)seed;
  (void)stream;
  (void)position;
  touch_write(bytes, len);
}
#endif

uint32_t wasi_light__write_lines(wasi_light_env_t *e, uint32_t stream, const uint8_t *bytes, uint32_t len) {
  CHECK(e == &the_env && (stream == P1_STDOUT || stream == P1_STDERR), "wasi_light__write_lines: stdout or stderr");
  CHECK(the_config.out[stream - P1_STDOUT].mode == WASI_LIGHT_OUTPUT_LINES,
        "wasi_light__write_lines: a stream by lines");
  CHECK(env_ok() && !the_env.in_callback, "wasi_light__write_lines: an environment in order");
  touch_read(bytes, len);
  any_captures();
  return any_errno();
}

void wasi_light_env_flush(wasi_light_env_t *e) {
  CHECK(e == &the_env && env_ok(), "wasi_light_env_flush: an environment in order");
  any_captures();
}

#endif
