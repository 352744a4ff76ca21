/* SPDX-License-Identifier: MIT */
/*
 * Contracts of static functions: what stands for them where they are called, see mark-loops.py. Each asserts what its function
 * needs and gives all that it may give; harness.c proves of the function itself that it gives no more than that.
 */
#ifndef WASI_LIGHT_PROOF_CONTRACTS_H
#define WASI_LIGHT_PROOF_CONTRACTS_H

static uint32_t any_errno(void) {
  uint32_t error = nondet_u32();
  ASSUME(error <= WASI_LIGHT_ENOTCAPABLE);
  return error;
}

#ifdef PROVE_stdio
static uint32_t contract_take_iovecs(p1_mem_t mem, uint32_t iovs, uint32_t iovs_len, host_slice_t slices[P1_IOVECS_MAX],
                                     uint32_t *count) {
  (void)iovs;
  (void)iovs_len;
  check_view(mem, 0, 0);
  *count = nondet_u32();
  change_slices();
  if (nondet_bool()) return WASI_LIGHT_EFAULT;
  ASSUME(slices_ok(slices, *count));
  return WASI_LIGHT_ESUCCESS;
}

static uint32_t contract_read_stream(wasi_light_env_t *e, p1_mem_t mem, const host_slice_t *slices, uint32_t count,
                                     uint32_t *done) {
  CHECK(e == &the_env && env_ok() && !the_env.in_callback, "read_stream: an environment in order");
  CHECK(slices_ok(slices, count), "read_stream: slices that lie in memory");
  check_view(mem, 0, 0);
  *done = nondet_u32();
  any_state();
  return any_errno();
}

static uint32_t contract_write_stream(wasi_light_env_t *e, p1_mem_t mem, uint32_t stream, const host_slice_t *slices,
                                      uint32_t count, uint32_t *done) {
  CHECK(e == &the_env && env_ok() && !the_env.in_callback, "write_stream: an environment in order");
  CHECK(stream == P1_STDOUT || stream == P1_STDERR, "write_stream: stdout or stderr");
  CHECK(slices_ok(slices, count), "write_stream: slices that lie in memory");
  CHECK(*done == 0, "write_stream: nothing is done yet");
  check_view(mem, 0, 0);
  *done = nondet_u32();
  ASSUME(count != 1 || *done <= slice_at(slices, 0)->len);
  any_state();
  return any_errno();
}
#endif

#ifdef PROVE_stdio
static void contract_capture_bytes(p1_capture_t *capture, size_t limit, const uint8_t *bytes, uint32_t len) {
  uint32_t i = capture == &the_env.capture[0] ? 0 : 1;
  CHECK(capture == &the_env.capture[i], "capture_bytes: the capture of stdout or stderr");
  CHECK(the_config.out[i].mode == WASI_LIGHT_OUTPUT_CAPTURE && limit == the_config.out[i].capture_size,
        "capture_bytes: the limit of that stream");
  CHECK(the_env.capture[i].size <= limit, "capture_bytes: no more than that is captured yet");
  touch_read(bytes, len);
  the_env.capture[i].size = nondet_size();
  the_env.capture[i].dropped = nondet_u64();
  ASSUME(the_env.capture[i].size <= limit);
}
#endif

#ifdef PROVE_poll
typedef struct wait_t wait_t;
typedef struct layout_t layout_t;
static bool contract_take_subscriptions(wasi_light_env_t *e, p1_mem_t mem, layout_t layout, uint32_t in, wait_t *w);
static uint64_t contract_time_left(const wasi_light_env_t *e, wait_t *w);
static bool contract_decide(const wasi_light_env_t *e, wait_t *w);
static bool contract_wait_once(wasi_light_env_t *e, wait_t *w);
static uint32_t contract_wait(wasi_light_env_t *e, wait_t *w);
static uint32_t contract_wait_for_events(wasi_light_env_t *e, p1_mem_t mem, layout_t layout, uint32_t in, uint32_t out,
                                         uint32_t nevents, wait_t *w);
#endif

#endif
