/* SPDX-License-Identifier: MIT */
/* In the making. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  fuzz_input_t in = {bytes, size};
  FUZZ_CHECK(fuzz_u32(&in) != 0x12345678, "found");
  return 0;
}

void fuzz_seeds(fuzz_seed_t give) {
  give("empty", "", 0);
}
