/* SPDX-License-Identifier: MIT */
/*
 * Target calls: bytes become a configuration, a memory, and a sequence of WASI calls with arbitrary arguments. What must
 * hold is in guest.c. With a seed and a clock of its own the same bytes must have the same results a second time, where
 * the upper bits of what is an i32 are others.
 */
#include "guest.h"
#include "seeds.h"

/* The digest of all results. */
static uint64_t run(fuzz_setup_t *setup, fuzz_input_t in, bool high_bits) {
  fuzz_guest_t guest;
  if (!fuzz_start(&guest, setup)) return 0;
  guest.high_bits = high_bits;
  fuzz_steps(&guest, &in);
  fuzz_end(&guest);
  return guest.digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  fuzz_input_t in = {bytes, size};
  fuzz_setup_t setup;
  fuzz_take_setup(&in, &setup);
  uint64_t digest = run(&setup, in, false);
  if (setup.twice) FUZZ_CHECK(digest == run(&setup, in, true), "the same has other results");
  return 0;
}

void fuzz_seeds(fuzz_seed_t give) {
  fuzz_guest_seeds(give, "", 0);
}
