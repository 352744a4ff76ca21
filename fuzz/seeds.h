/* SPDX-License-Identifier: MIT */
/* seeds.c: inputs in the encoding of options.c and steps.c, for the seed corpora of calls and logs. */
#ifndef WASI_LIGHT_FUZZ_SEEDS_H
#define WASI_LIGHT_FUZZ_SEEDS_H

#include "fuzz.h"

/* Gives each with these bytes before it. */
void fuzz_guest_seeds(fuzz_seed_t give, const void *bytes, size_t size);

#endif
