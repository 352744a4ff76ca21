/* SPDX-License-Identifier: MIT */
/* Any environment that there can be, and what has to hold of it before and after each call. */
#ifndef WASI_LIGHT_PROOF_ENVIRONMENT_H
#define WASI_LIGHT_PROOF_ENVIRONMENT_H

#include "core/env.h"
#include "platform/host.h"

static wasi_light_config_t the_config;
static wasi_light_env_t the_env;
static char host_object;

host_slice_t nondet_slice(void);

/* Any index below 1024: see loops.h. */
static uint32_t watch;

static bool slice_ok(host_slice_t slice) {
  return in_guest(slice.ptr, slice.len);
}

/*
 * An array of P1_IOVECS_MAX slices, of which the one at `watch`, the first and the one that was last asked for are kept; any
 * other is anything each time. One of the three may stand for itself, as an array of one.
 */
static host_slice_t watched_slice, first_slice, other_slice;
static uint32_t other_slice_at;

static host_slice_t *slice_at(const host_slice_t *slices, uint32_t index) {
  static volatile uint32_t last;
  if (slices == &watched_slice || slices == &first_slice || slices == &other_slice) {
    CHECK(index == 0, "an index of one slice");
    return (host_slice_t *)slices;
  }
  CHECK(__ESBMC_POINTER_OFFSET(slices) == 0 && index < P1_IOVECS_MAX, "an index of all slices");
  last = slices[P1_IOVECS_MAX - 1].len; /* the array is there */
  if (index == watch) return &watched_slice;
  if (index == 0) return &first_slice;
  if (index != other_slice_at) other_slice = nondet_slice();
  other_slice_at = index;
  return &other_slice;
}

static void change_slices(void) {
  watched_slice = nondet_slice();
  first_slice = nondet_slice();
  other_slice = nondet_slice();
  other_slice_at = nondet_u32();
}

static bool slices_ok(const host_slice_t *slices, uint32_t count) {
  if (count > P1_IOVECS_MAX) return false;
  if (watch < count && !slice_ok(*slice_at(slices, watch))) return false;
  return count == 0 || slice_ok(*slice_at(slices, 0));
}

/* ---- The callbacks of a configuration ---- */

/* A callback may flush, set the prefix and clear or reset what is captured: all of capture but what is at work. */
static uint32_t busy_stream; /* whose line is being given; 0: none */

static bool capture_ok(p1_capture_t capture, wasi_light_output_t out) {
  if (out.mode == WASI_LIGHT_OUTPUT_CAPTURE) return capture.size <= out.capture_size;
  if (out.mode != WASI_LIGHT_OUTPUT_LINES) return true;
  return capture.size <= out.line_size && capture.prefix <= WASI_LIGHT_PREFIX_MAX &&
         (capture.utf8_due == 0) == (capture.utf8_had == 0) && capture.utf8_had + capture.utf8_due <= 4 &&
         capture.utf8_had <= capture.size;
}

/* Any content of a buffer. */
static p1_capture_t any_capture(uint8_t *bytes, wasi_light_output_t out) {
  p1_capture_t capture = {bytes, nondet_size(), nondet_u64(), nondet_u8(), nondet_u8(), nondet_u8()};
  ASSUME(capture_ok(capture, out));
  return capture;
}

static void any_captures(void) {
  if (busy_stream != P1_STDOUT) the_env.capture[0] = any_capture(the_env.capture[0].bytes, the_config.out[0]);
  if (busy_stream != P1_STDERR) the_env.capture[1] = any_capture(the_env.capture[1].bytes, the_config.out[1]);
}

static uint8_t any_prefix(void) {
  uint8_t size = nondet_u8();
  ASSUME(size <= WASI_LIGHT_PREFIX_MAX);
  return size;
}

static void in_any_callback(void) {
  CHECK(the_env.in_callback, "the guest cannot be entered from a callback");
  any_captures();
  if (busy_stream == P1_STDOUT) the_env.capture[0].prefix = any_prefix();
  if (busy_stream == P1_STDERR) the_env.capture[1].prefix = any_prefix();
}

static wasi_light_errno_t on_write(void *host, uint32_t fd, const uint8_t *bytes, size_t size) {
  CHECK(host == the_env.host && (fd == P1_STDOUT || fd == P1_STDERR), "the callback write gets host and stream");
  touch_read(bytes, size);
  in_any_callback();
  return nondet_u32();
}

static wasi_light_errno_t on_read(void *host, uint8_t *buffer, size_t size, size_t *got) {
  CHECK(host == the_env.host, "the callback read gets the host pointer");
  touch_write(buffer, size);
  *got = nondet_size();
  in_any_callback();
  return nondet_u32();
}

static void on_line(void *host, uint32_t fd, const char *line, size_t size, bool continues) {
  (void)continues;
  CHECK(host == the_env.host && (fd == P1_STDOUT || fd == P1_STDERR), "the callback line gets host and stream");
  CHECK(the_env.capture[fd - P1_STDOUT].size == 0, "to the callback the line is empty");
  touch_read(line, (uint64_t)size + 1);
  busy_stream = fd;
  in_any_callback();
  busy_stream = 0;
}

static uint64_t on_now(void *host, uint32_t clock) {
  CHECK(host == the_env.host && clock <= P1_CLOCK_MONOTONIC, "the callback now gets host and clock");
  in_any_callback();
  return nondet_u64();
}

static wasi_light_errno_t on_sleep(void *host, uint64_t ns) {
  (void)ns;
  CHECK(host == the_env.host, "the callback sleep gets the host pointer");
  in_any_callback();
  return nondet_u32();
}

static void on_yield(void *host) {
  CHECK(host == the_env.host, "the callback yield gets the host pointer");
  in_any_callback();
}

static wasi_light_view_t view_of(void *memory) {
  CHECK(memory == the_env.memory, "the memory is that which was bound");
  return guest;
}

/* ---- The environment ---- */

static bool env_ok(void) {
  return the_env.config == &the_config && the_env.state.in_position <= the_config.in.size &&
         the_env.entropy.left <= 32 && the_env.state.stream[0] <= P1_CLOSED && the_env.state.stream[1] <= P1_CLOSED &&
         the_env.state.stream[2] <= P1_CLOSED && the_env.state.fdflags[0] <= P1_FDFLAGS_ALL &&
         the_env.state.fdflags[1] <= P1_FDFLAGS_ALL && the_env.state.fdflags[2] <= P1_FDFLAGS_ALL &&
         capture_ok(the_env.capture[0], the_config.out[0]) && capture_ok(the_env.capture[1], the_config.out[1]);
}

static uint8_t up_to(uint8_t most) {
  uint8_t value = nondet_u8();
  ASSUME(value <= most);
  return value;
}

static p1_state_t any_state_value(void) {
  p1_state_t state = {
      .random_stream = nondet_u64(),
      .random_position = nondet_u64(),
      .in_position = nondet_size(),
      .elapsed_ns = nondet_u64(),
      .usage = {nondet_u64(), nondet_u64(), nondet_u64(), nondet_u64()},
      .stop = nondet_u32(),
      .stopped_by = nondet_u32(),
      .exit_code = nondet_u32(),
      .signal = nondet_u32(),
      .exited = nondet_bool(),
      .replay_position = nondet_size(),
      .stream = {up_to(P1_CLOSED), up_to(P1_CLOSED), up_to(P1_CLOSED)},
      .fdflags = {up_to(P1_FDFLAGS_ALL), up_to(P1_FDFLAGS_ALL), up_to(P1_FDFLAGS_ALL)},
      .rights = {nondet_u32(), nondet_u32(), nondet_u32()},
  };
  ASSUME(state.in_position <= the_config.in.size);
  return state;
}

/* Any other state of the same environment. Of the entropy only what is left matters. */
static void any_state(void) {
  the_env.state = any_state_value();
  the_env.entropy.left = up_to(32);
  any_captures();
}

static void *any_object(uint64_t size) {
  ASSUME(size <= OBJECT_MAX);
  return malloc(size);
}

/* An object that stands for itself as a region, or with -DOBJECTS a real one. */
static uint8_t *any_bytes(uint32_t region, uint8_t *place, uint64_t size) {
#ifdef OBJECTS
  (void)region;
  (void)place;
  return any_object(size);
#else
  ASSUME(size <= OBJECT_MAX);
  regions[region] = (region_t){place, size};
  return place;
#endif
}

static p1_strings_t any_strings(uint32_t region, uint8_t *place) {
  p1_strings_t strings = {nondet_u32(), nondet_u32(), NULL, NULL};
#ifdef PROVE_args
  strings.offsets = any_object((uint64_t)strings.count * sizeof *strings.offsets);
#endif
  strings.bytes = any_bytes(region, place, strings.size);
  return strings;
}

static size_t any_buffer_size(size_t least) {
  size_t size = nondet_size();
  ASSUME(least <= size && size <= SIZE_MAX / 4);
  return size;
}

static wasi_light_output_t any_output(void) {
  return (wasi_light_output_t){(wasi_light_output_mode_t)up_to(WASI_LIGHT_OUTPUT_LINES),
                               any_buffer_size(1),
                               on_write,
                               any_buffer_size(16),
                               nondet_bool(),
                               nondet_bool() ? on_line : NULL};
}

static wasi_light_input_t any_input(void) {
  wasi_light_input_mode_t mode = (wasi_light_input_mode_t)up_to(WASI_LIGHT_INPUT_CALLBACK);
  return (wasi_light_input_t){mode, NULL, mode == WASI_LIGHT_INPUT_BYTES ? nondet_size() : 0, on_read};
}

static uint8_t *any_buffer(wasi_light_output_t out, uint32_t region, uint8_t *place) {
  if (out.mode == WASI_LIGHT_OUTPUT_CAPTURE) return any_bytes(region, place, out.capture_size);
  if (out.mode == WASI_LIGHT_OUTPUT_LINES) return any_bytes(region, place, WASI_LIGHT_PREFIX_MAX + out.line_size + 1);
  return NULL;
}

static void any_guest(void) {
  static uint8_t place;
  guest.size = nondet_u64();
  ASSUME(guest.size <= UINT64_C(1) << 32);
  guest.base = any_bytes(GUEST, &place, guest.size);
}

/* Any memory, any configuration that wasi_light_config_new accepts, any environment that guests' calls can lead to. */
static void any_env(void) {
  watch = nondet_u32();
  ASSUME(watch < P1_IOVECS_MAX);
  change_slices();
  any_guest();
  static uint8_t args, environ_, input, captures_1, captures_2;
  the_config = (wasi_light_config_t){
      .args = any_strings(ARGS, &args),
      .env = any_strings(ENVIRON, &environ_),
      .clock_offset_ns = (int64_t)nondet_u64(),
      .clock = {(wasi_light_clock_mode_t)up_to(WASI_LIGHT_CLOCK_CALLBACK), nondet_u64(), nondet_u64(), nondet_u64(),
                on_now},
      .sleep = {(wasi_light_sleep_mode_t)up_to(WASI_LIGHT_SLEEP_CALLBACK), nondet_u64(), nondet_u64(), on_sleep},
      .seeded = nondet_bool(),
      .seed = nondet_u64(),
      .quota = {nondet_u64(), nondet_u64(), nondet_u64()},
      .raise = (wasi_light_raise_mode_t)up_to(WASI_LIGHT_RAISE_OUTCOME),
      .yield = nondet_bool() ? on_yield : NULL,
      .in = any_input(),
      .out = {any_output(), any_output()},
  };
  the_config.in_bytes = any_bytes(INPUT, &input, the_config.in.size);
  busy_stream = 0;
  the_env = (wasi_light_env_t){
      .config = &the_config,
      .host = nondet_bool() ? &host_object : NULL,
      .memory = &host_object,
      .view_of = nondet_bool() ? view_of : NULL,
      .state = any_state_value(),
      .capture = {any_capture(any_buffer(the_config.out[0], CAPTURE_1, &captures_1), the_config.out[0]),
                  any_capture(any_buffer(the_config.out[1], CAPTURE_2, &captures_2), the_config.out[1])},
      .entropy = {nondet_u32(), up_to(32), {0}},
  };
}

/* After a call: it has left an environment in which the next one may be made, and a status that is one. */
static void check_env(uint32_t status) {
  CHECK(env_ok(), "the environment is in order after the call");
  CHECK(!the_env.in_callback, "no callback runs after the call");
  CHECK(status <= WASI_LIGHT_ENOTCAPABLE || (status >= P1_STOP_EXIT && status <= P1_STOP_RAISED),
        "the status is an errno or a stop");
}

#endif
