/* SPDX-License-Identifier: MIT */
/* Programs of a few steps, each under several setups; and one call of each row. */
#include "seeds.h"

#include <string.h>

#include "guest.h"

enum { /* steps, as steps.c has them */
       POKE_IOVECS = 0xa0,
       POKE_SUBSCRIPTIONS = 0xb8,
       POKE_BYTES = 0xd0,
       RESET = 0xe8,
       SAVE,
       RESTORE,
       BIND,
       UNBIND,
       GROW,
       RANDOM_STREAM,
       PREFIX,
       FLUSH,
       CLEAR,
       ASK
};
enum { FAR_1024 = 0xeb, FAR_1025 = 0xec, BEYOND = 0xe0, BELOW_END = 0x80, LENGTH_RAW = 0xf0 };
enum { SETUP_MAX = 12, SEED_MAX = 256 };

typedef struct seed_t {
  uint8_t bytes[SEED_MAX];
  size_t size;
} seed_t;

static void put(seed_t *seed, const void *bytes, size_t size) {
  FUZZ_CHECK(size <= SEED_MAX - seed->size, "a seed is too long");
  memcpy(seed->bytes + seed->size, bytes, size);
  seed->size += size;
}

/* Memory of 256 bytes: 5. */
static const uint8_t setups[][SETUP_MAX] = {
    /* memory, time, streams, extras, strings, then what these ask for */
    {5 | 1 << 6, 1, 0, 3, 0x0b},                                 /* text in memory; all discarded, seeded, frozen */
    {5 | 1 << 6, 2, 0x96, 3, 0x08, 64, 40, 40},                  /* captured, input of bytes, twice */
    {5 | 1 << 6, 3, 0x3c, 0x0f, 0x48, 0x80, 0x80},               /* lines with escape, traced */
    {5 | 1 << 6, 4, 0x68, 0x0b, 0x48, 16, 6},                    /* callbacks that fail and write, recorded */
    {5 | 2 << 6, 9, 0x3f, 1, 0, 0, 7, 31},                       /* lines; sleep refused */
    {5 | 2 << 6, 12, 0x29, 0x50, 0, 9, 20, 20, 3, 9},            /* quotas */
    {5, 14, 0x2b, 0x31, 0, 0x02, 0, 0, 0, 40, 2, 0},             /* rules */
    {15 | 1 << 6, 0x80 | 3, 0x16, 0x0f, 0x0b, 3, 4, 5, 2, 6, 3}, /* a large memory, an offset, entropy */
    {0, 1, 0, 0, 0},                                             /* no bytes */
    {2, 1, 0, 0, 0},
    {5 | 3 << 6, 135, 0, 0x0f, 0x0c, 6},            /* ones in memory; a real clock, far back; nine arguments */
    {5, 137, 0, 3, 8, 0, 0, 0, 0, 0, 100},          /* 100 ns of sleep in all */
    {5, 1, 0, 0x2f, 0, 0, P1_ROW_random_get, 2, 0}, /* random_get denied, traced */
    {5, 1, 0, 0x80, 0x80, 1, 1},                    /* a mistake */
};

/* One call of each row, of plain arguments: pointers one after another, lengths 8. */
static void put_call(seed_t *seed, uint8_t row, uint8_t fd) {
  const uint8_t *kinds = wasi_light__rows[row].kinds;
  put(seed, &row, 1);
  for (uint8_t i = 0; kinds[i] != P1_KIND_NONE; i++) {
    uint8_t byte = kinds[i] == P1_KIND_FD ? fd : kinds[i] == P1_KIND_LENGTH ? 8 : kinds[i] == P1_KIND_COUNT ? 2 : 0;
    if (kinds[i] >= P1_KIND_PATH) byte = (uint8_t)(4 * i);
    put(seed, &byte, 1);
  }
}

static const struct {
  const char *name;
  uint8_t steps[40];
} programs[] = {
    {"write",
     {POKE_IOVECS, 0, 3, 8, 21, 12, 40, 31, 8, P1_ROW_fd_write, 1, 0, 3, 31, P1_ROW_fd_write, 2, 0, 3, 31, FLUSH, ASK}},
    {"write_edge",
     {POKE_IOVECS, 0, 2, 8, 1, BELOW_END + 8, 8, P1_ROW_fd_write, 1, 0, 2, BELOW_END + 4, P1_ROW_fd_write, 1, 0, 2,
      BELOW_END + 3}},
    {"write_outside",
     {POKE_IOVECS, 0, 2, 8, 1, BEYOND, 0xe0, P1_ROW_fd_write, 1, 0, 2, 31, P1_ROW_fd_write, 1, BEYOND + 3, 0xe4, 31}},
    {"write_many", {P1_ROW_fd_write, 1, 0, FAR_1024, 31, P1_ROW_fd_write, 1, 0, FAR_1025, 31}},
    {"read", {POKE_IOVECS, 0, 3, 8, 5, 16, 3, 24, 40, P1_ROW_fd_read, 0, 0, 3, 31, P1_ROW_fd_read, 0, 0, 3, 31}},
    {"read_over_iovecs", {POKE_IOVECS, 0, 3, 1, 16, 8, 8, 9, 8, P1_ROW_fd_read, 0, 0, 3, 2}},
    {"read_many", {P1_ROW_fd_read, 0, 0, FAR_1025, BELOW_END + 4}},
    {"poll", {POKE_SUBSCRIPTIONS, 0, 3, 0, 1, 100, 1, 0, 2, 1, P1_ROW_poll_oneoff, 0, 20, 3, 31}},
    {"sleep",
     {POKE_SUBSCRIPTIONS, 0, 1, 0, 1, 100, P1_ROW_poll_oneoff, 0, 20, 1, 31, P1_ROW_poll_oneoff, 0, 20, 1, 31}},
    {"poll_absolute", {POKE_SUBSCRIPTIONS, 0, 2, 0x10, 0, 0xe0, 0x10, 1, 0xe5, P1_ROW_poll_oneoff, 0, 20, 2, 31}},
    {"poll_0", {POKE_SUBSCRIPTIONS, 0, 0x82, 0, 1, 100, 2, 1, P0_ROW_poll_oneoff, 0, 20, 2, 31}},
    {"poll_wrong",
     {POKE_SUBSCRIPTIONS, 0, 2, 7, 1, 0, 9, P1_ROW_poll_oneoff, 0, 20, 2, 31, P1_ROW_poll_oneoff, 0, 20, 0, 31}},
    {"poll_many", {P1_ROW_poll_oneoff, 0, 0, FAR_1024, 31, P1_ROW_poll_oneoff, 0, 0, FAR_1025, 31}},
    {"poll_edge", {P1_ROW_poll_oneoff, BELOW_END + 48, 0, 1, 31, P1_ROW_poll_oneoff, 0, BELOW_END + 31, 1, 31}},
    {"random",
     {P1_ROW_random_get, 0, 3, P1_ROW_random_get, 8, 130, RANDOM_STREAM, 7, P1_ROW_random_get, BELOW_END + 8, 8,
      P1_ROW_random_get, BELOW_END + 8, 9}},
    {"random_much", {GROW, 255, P1_ROW_random_get, 0, LENGTH_RAW, 0x2c, 1, 0, 0}},
    {"close", {P1_ROW_fd_renumber, 1, 2, P1_ROW_fd_close, 0, P1_ROW_fd_read, 0, 0, 1, 31, P1_ROW_fd_fdstat_get, 2, 8}},
    {"rights",
     {P1_ROW_fd_fdstat_set_rights, 1, 8, 0, P1_ROW_fd_write, 1, 0, 0, 31, P1_ROW_fd_fdstat_set_flags, 1, 4,
      P1_ROW_fd_fdstat_set_flags, 1, 32}},
    {"state", {SAVE,    POKE_IOVECS,     0, 1, 8, 20, P1_ROW_fd_write, 1, 0,     1,  31,
               RESTORE, P1_ROW_fd_write, 1, 0, 1, 31, CLEAR,           1, RESET, ASK}},
    {"memory",
     {UNBIND, P1_ROW_random_get, 0, 8, BIND, P1_ROW_random_get, 0, 8, GROW, 64, P1_ROW_random_get, BELOW_END + 8, 8}},
    {"raise", {P1_ROW_proc_raise, 6, P1_ROW_proc_raise, 31, P1_ROW_proc_raise, 0, ASK}},
    {"write_long",
     {POKE_IOVECS, 0, 8, 16, 32, 16, 32, 16, 32, 16, 32, 16, 32, 16, 32, 16, 32, 16, 32, P1_ROW_fd_write, 1, 0, 8, 31}},
    {"exit", {P1_ROW_proc_exit, 3, P1_ROW_sched_yield, ASK, RESET, P1_ROW_sched_yield}},
    {"lines",
     {PREFIX,
      40,
      POKE_BYTES,
      8,
      9,
      'a',
      '\n',
      0xe2,
      0x82,
      '\n',
      0xc2,
      0x85,
      0xf0,
      0x9f,
      POKE_IOVECS,
      0,
      2,
      8,
      30,
      8,
      9,
      P1_ROW_fd_write,
      1,
      0,
      2,
      31,
      PREFIX,
      0,
      P1_ROW_fd_write,
      2,
      0,
      2,
      31,
      FLUSH}},
};

/* The steps of a program, whose last zeros need not be there: behind the end are zeros. */
static size_t steps_size(const uint8_t *steps, size_t size) {
  while (size > 0 && steps[size - 1] == 0) size--;
  return size;
}

static void give_seed(fuzz_seed_t give, const seed_t *before, size_t setup, const char *name, const seed_t *steps) {
  fuzz_setup_t ignored;
  fuzz_input_t in = {setups[setup], SETUP_MAX};
  seed_t seed = *before;
  char full[64];
  fuzz_take_setup(&in, &ignored);
  put(&seed, setups[setup], SETUP_MAX - in.left);
  put(&seed, steps->bytes, steps->size);
  snprintf(full, sizeof full, "%s_%zu", name, setup);
  give(full, seed.bytes, seed.size);
}

void fuzz_guest_seeds(fuzz_seed_t give, const void *bytes, size_t size) {
  seed_t before = {.size = 0};
  put(&before, bytes, size);
  for (size_t setup = 0; setup < sizeof setups / sizeof setups[0]; setup++) {
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
      seed_t steps = {.size = 0};
      put(&steps, programs[i].steps, steps_size(programs[i].steps, sizeof programs[i].steps));
      give_seed(give, &before, setup, programs[i].name, &steps);
    }
  }
  for (uint32_t row = 0; row < P1_ALL_ROWS; row++) {
    const char *name = wasi_light__rows[row].name;
    char text[64];
    seed_t steps = {.size = 0};
    for (uint8_t fd = 0; fd < 4; fd++) put_call(&steps, (uint8_t)row, fd);
    snprintf(text, sizeof text, "row_%u_%s", row, name);
    for (size_t setup = 0; setup < 4; setup += 2) give_seed(give, &before, setup, text, &steps);
  }
}
