/* SPDX-License-Identifier: MIT */
#include "core_poll.h"

static size_t start_subscription(core_guest_t *guest, uint32_t i, uint8_t type) {
  size_t at = IN + (size_t)i * SUBSCRIPTION;
  for (size_t k = 0; k < SUBSCRIPTION; k++) core_put(guest, at + k, 1, 0xee);
  core_put(guest, at, 8, USERDATA(i));
  core_put(guest, at + 8, 1, type);
  return at;
}

void core_put_clock(core_guest_t *guest, uint32_t i, uint32_t clock, uint64_t timeout, uint16_t flags) {
  size_t at = start_subscription(guest, i, CLOCK);
  core_put(guest, at + 16, 4, clock);
  core_put(guest, at + 24, 8, timeout);
  core_put(guest, at + 32, 8, 0); /* precision */
  core_put(guest, at + 40, 2, flags);
}

void core_put_stream(core_guest_t *guest, uint32_t i, uint8_t type, uint32_t fd) {
  core_put(guest, start_subscription(guest, i, type) + 16, 4, fd);
}

uint32_t core_poll(core_guest_t *guest, uint32_t count) {
  EXPECT(SUCCESS, guest, poll_oneoff, IN, OUT, count, NEVENTS);
  return (uint32_t)core_get(guest, NEVENTS, 4);
}

/* What all events have; and the padding is 0. */
static size_t check_event(const core_guest_t *guest, uint32_t e, uint32_t i, uint8_t type, uint16_t error) {
  size_t at = OUT + (size_t)e * EVENT;
  assert_int_equal(core_get(guest, at, 8), USERDATA(i));
  if (core_get(guest, at + 8, 2) != error) {
    fail_msg("event %u has the error %s, expected %s", e, wasi_light_errno_name((uint32_t)core_get(guest, at + 8, 2)),
             wasi_light_errno_name(error));
  }
  assert_int_equal(core_get(guest, at + 10, 1), type);
  assert_int_equal(core_get(guest, at + 11, 5), 0);
  assert_int_equal(core_get(guest, at + 26, 6), 0);
  return at;
}

void core_assert_event(const core_guest_t *guest, uint32_t e, uint32_t i, uint8_t type, uint16_t error) {
  size_t at = check_event(guest, e, i, type, error);
  assert_int_equal(core_get(guest, at + 16, 8), 0);
  assert_int_equal(core_get(guest, at + 24, 2), 0);
}

void core_assert_stream_event(const core_guest_t *guest, uint32_t e, uint32_t i, uint8_t type, uint64_t nbytes,
                              bool hangup) {
  size_t at = check_event(guest, e, i, type, WASI_LIGHT_ESUCCESS);
  assert_int_equal(core_get(guest, at + 16, 8), nbytes);
  assert_int_equal(core_get(guest, at + 24, 2), hangup);
}
