/* SPDX-License-Identifier: MIT */
/*
 * What the core makes of the operating system's answers. The functions of host.h are these here, and the linker takes
 * none from the library: clocks stand still until something waits, waits are written down, and everything can fail.
 */
#include "chacha20.h"
#include "core_poll.h"
#include "env.h"
#include "host.h"

/* ---- The host ---------------------------------------------------------------------------------------------------- */

enum { WAITS = 16 };

static struct {
  uint64_t time[4]; /* of each clock */
  uint64_t tick;    /* what each look at a clock adds to clocks 0 and 1 */
  uint64_t resolution;
  uint32_t error; /* of entropy, read and write */
  unsigned entropies;
  unsigned generation;
  unsigned yields;
  unsigned looks; /* at a clock */
  unsigned waits; /* calls of host_poll, and the first of their timeouts */
  uint64_t timeout[WAITS];
  uint64_t most;     /* a wait ends after so long at the latest, as if by a signal; 0: it does not */
  unsigned ready_at; /* the number of the wait after which `ready` is; 0: never */
  host_poll_t ready[3];
  host_slice_t slice[4]; /* what host_read or host_write was given */
  uint32_t count;
  int fd;
  bool nonblock;
  uint32_t done; /* what it says */
} host;

static void advance(uint64_t time) {
  for (int i = 0; i < 2; i++) host.time[i] = time > UINT64_MAX - host.time[i] ? UINT64_MAX : host.time[i] + time;
}

uint64_t host_clock_time(uint32_t clock) {
  uint64_t time = host.time[clock];
  host.looks++;
  advance(host.tick);
  return time;
}

uint64_t host_clock_resolution(uint32_t clock) {
  return host.resolution + clock;
}

uint32_t host_entropy(uint8_t *bytes, uint64_t len) {
  host.entropies++;
  if (host.error == WASI_LIGHT_ESUCCESS) memset(bytes, (int)(0x10 + host.entropies), (size_t)len);
  return host.error;
}

uint32_t host_generation(void) {
  return host.generation + 1;
}

void host_yield(void) {
  host.yields++;
}

bool host_is_terminal(int fd) {
  return fd == 1;
}

static uint32_t move(int fd, const host_slice_t *slices, uint32_t count, bool nonblock, uint32_t *done) {
  host.fd = fd;
  host.count = count;
  host.nonblock = nonblock;
  for (uint32_t i = 0; i < count && i < 4; i++) host.slice[i] = slices[i];
  *done = host.done;
  return host.error;
}

/* NOLINTBEGIN(readability-non-const-parameter): the prototypes are those of host.h */
uint32_t host_read(int fd, uint8_t *base, const host_slice_t *slices, uint32_t count, bool nonblock, uint32_t *done) {
  (void)base;
  return move(fd, slices, count, nonblock, done);
}

uint32_t host_write(int fd, uint8_t *base, const host_slice_t *slices, uint32_t count, bool nonblock, uint32_t *done) {
  (void)base;
  return move(fd, slices, count, nonblock, done);
}
/* NOLINTEND(readability-non-const-parameter) */

void host_poll(host_poll_t *polls, uint32_t count, uint64_t timeout_ns) {
  if (host.waits < WAITS) host.timeout[host.waits] = timeout_ns;
  host.waits++;
  if (host.waits > 1000) { /* whoever waits for ever would never come back */
    print_error("poll_oneoff waits for ever, now for %llu ns\n", (unsigned long long)timeout_ns);
    abort();
  }
  advance(host.most > 0 && host.most < timeout_ns ? host.most : timeout_ns);
  for (uint32_t i = 0; i < count; i++) {
    bool now = host.ready_at > 0 && host.waits >= host.ready_at && polls[i].fd >= 0;
    polls[i].ready = now && host.ready[i].ready;
    polls[i].hangup = now && host.ready[i].hangup;
    polls[i].available = now ? host.ready[i].available : 0;
  }
}

static const uint64_t now = 1000000000000; /* of both clocks at first, and of the CPU clocks */

static void start(core_guest_t *g, int64_t offset) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.clock_offset_ns = offset;
  options.in.mode = WASI_LIGHT_INPUT_INHERIT;
  options.out.mode = options.err.mode = WASI_LIGHT_OUTPUT_INHERIT;
  memset(&host, 0, sizeof host);
  for (int i = 0; i < 4; i++) host.time[i] = now;
  core_start(g, &options, POLL_MEMORY);
}

/* ---- Clocks ------------------------------------------------------------------------------------------------------ */

static uint64_t guest_time(core_guest_t *g, uint32_t clock) {
  EXPECT(SUCCESS, g, clock_time_get, clock, 0, 0);
  return core_get(g, 0, 8);
}

static void test_offset_to_the_nanosecond(void **state) {
  static const struct {
    uint64_t time;
    int64_t offset;
    uint64_t seen;
  } rows[] = {
      {1000, 0, 1000},
      {1000, 1, 1001},
      {1000, -1, 999},
      {1000, -998, 2},
      {1000, -999, 1},
      {1000, -1000, 1}, /* never 0 */
      {1000, -1001, 1}, /* never before */
      {1000, INT64_MIN, 1},
      {0, 0, 1}, /* not even where the host's clock is */
      {0, 1, 1},
      {0, 2, 2},
      {0, -1, 1},
      {1, 0, 1},
      {0, INT64_MAX, INT64_MAX},
      {0, INT64_MIN, 1},
      {(uint64_t)1 << 63, INT64_MIN, 1},
      {((uint64_t)1 << 63) + 1, INT64_MIN, 1},
      {((uint64_t)1 << 63) + 2, INT64_MIN, 2},
      {(uint64_t)1 << 63, INT64_MAX, UINT64_MAX},
      {((uint64_t)1 << 63) + 1, INT64_MAX, UINT64_MAX}, /* never past the end */
      {UINT64_MAX, 0, UINT64_MAX},
      {UINT64_MAX, 1, UINT64_MAX},
      {UINT64_MAX, INT64_MAX, UINT64_MAX},
      {UINT64_MAX, -1, UINT64_MAX - 1},
      {UINT64_MAX, INT64_MIN, ((uint64_t)1 << 63) - 1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    core_guest_t g;
    start(&g, rows[i].offset);
    for (uint32_t clock = 0; clock < 4; clock++) {
      host.time[clock] = rows[i].time;
      assert_int_equal(guest_time(&g, clock), clock <= MONOTONIC ? rows[i].seen : rows[i].time);
    }
    core_end(&g);
  }
}

static void test_each_clock_is_its_own(void **state) {
  core_guest_t g;
  start(&g, 7);
  host.resolution = 100;
  for (uint32_t clock = 0; clock < 4; clock++) {
    host.time[clock] = UINT64_C(1000) * (clock + 1);
    EXPECT(SUCCESS, &g, clock_res_get, clock, 16);
    assert_int_equal(core_get(&g, 16, 8), 100 + clock);
  }
  for (uint32_t clock = 0; clock < 4; clock++) {
    assert_int_equal(guest_time(&g, clock), 1000 * (clock + 1) + (clock <= MONOTONIC ? 7 : 0));
  }
  core_end(&g);
}

/* ---- poll_oneoff: how long it waits ------------------------------------------------------------------------------ */

/* One subscription: how long the first wait is. */
static void check_wait(core_guest_t *g, uint32_t clock, uint64_t timeout, uint16_t flags, uint64_t expected) {
  host.waits = 0;
  host.time[REALTIME] = host.time[MONOTONIC] = now;
  core_put_clock(g, 0, clock, timeout, flags);
  assert_int_equal(core_poll(g, 1), 1);
  assert_true(host.waits >= 1);
  if (host.timeout[0] != expected) {
    fail_msg("waited for %llu ns, expected %llu", (unsigned long long)host.timeout[0], (unsigned long long)expected);
  }
}

static void test_waits_to_the_nanosecond(void **state) {
  core_guest_t g;
  start(&g, 0);
  for (uint32_t clock = REALTIME; clock <= MONOTONIC; clock++) {
    check_wait(&g, clock, 12345, RELATIVE, 12345);
    check_wait(&g, clock, 0, RELATIVE, 0);
    check_wait(&g, clock, 1, RELATIVE, 1);
    check_wait(&g, clock, now + 777, ABSTIME, 777);
    check_wait(&g, clock, now, ABSTIME, 0);
    check_wait(&g, clock, now - 1, ABSTIME, 0);
    check_wait(&g, clock, 0, ABSTIME, 0);
  }
  core_end(&g);
}

static void test_waits_with_offset(void **state) {
  static const int64_t offsets[] = {1, -1, 500000, -500000, 3600000000000, -999999999999};
  for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
    core_guest_t g;
    start(&g, offsets[i]);
    for (uint32_t clock = REALTIME; clock <= MONOTONIC; clock++) {
      uint64_t shown = now + (uint64_t)offsets[i];
      check_wait(&g, clock, shown + 777, ABSTIME, 777);
      check_wait(&g, clock, shown, ABSTIME, 0);
      check_wait(&g, clock, shown - 1, ABSTIME, 0);
      check_wait(&g, clock, 777, RELATIVE, 777);
    }
    core_end(&g);
  }
}

/* A timeout that cannot be reached is waited for as long as can be said: it does not wrap to a short one. */
static void test_longest_waits(void **state) {
  core_guest_t g;
  start(&g, 0);
  check_wait(&g, MONOTONIC, UINT64_MAX, RELATIVE, UINT64_MAX - now);
  check_wait(&g, MONOTONIC, UINT64_MAX - now, RELATIVE, UINT64_MAX - now);
  check_wait(&g, MONOTONIC, UINT64_MAX - now - 1, RELATIVE, UINT64_MAX - now - 1);
  check_wait(&g, MONOTONIC, UINT64_MAX, ABSTIME, UINT64_MAX - now);
  core_end(&g);
  start(&g, INT64_MIN); /* the guest is so far behind that the host will not live to see it */
  check_wait(&g, MONOTONIC, UINT64_MAX, ABSTIME, UINT64_MAX - now);
  core_end(&g);
}

/*
 * Where the clamp holds the guest's clock at 1, that is the time it is: a deadline of 1 or 0 has come, since the
 * guest's own clock shows that it has. (Not waiting for the host's clock to come out of the clamp: it may take years.)
 */
static void test_deadline_that_a_clamped_clock_shows(void **state) {
  static const int64_t offsets[] = {-(int64_t)1000000000001, -3600000000000, INT64_MIN};
  for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
    core_guest_t g;
    start(&g, offsets[i]);
    for (uint32_t clock = REALTIME; clock <= MONOTONIC; clock++) {
      assert_int_equal(guest_time(&g, clock), 1);
      check_wait(&g, clock, 0, ABSTIME, 0);
      check_wait(&g, clock, 1, ABSTIME, 0);
    }
    core_end(&g);
  }
}

/* A wait that ends early goes on: with the time that is left, and not a nanosecond before it is due. */
static void test_early_wakes(void **state) {
  core_guest_t g;
  start(&g, 0);
  host.most = 400;
  core_put_clock(&g, 0, MONOTONIC, 1000, RELATIVE);
  assert_int_equal(core_poll(&g, 1), 1);
  assert_int_equal(host.waits, 3);
  assert_int_equal(host.timeout[0], 1000);
  assert_int_equal(host.timeout[1], 600);
  assert_int_equal(host.timeout[2], 200);
  assert_int_equal(host.time[MONOTONIC], now + 1000);
  core_end(&g);
}

/* Setting the wall clock moves what is absolute on it, not a duration. */
static void test_realtime_that_is_set(void **state) {
  core_guest_t g;
  start(&g, 0);
  core_put_clock(&g, 0, REALTIME, 1000, RELATIVE);
  host.time[REALTIME] = 5; /* and monotonic is `now`: a relative deadline is on that */
  assert_int_equal(core_poll(&g, 1), 1);
  assert_int_equal(host.timeout[0], 1000);
  assert_int_equal(host.time[MONOTONIC], now + 1000);
  core_end(&g);
}

/* ---- poll_oneoff: which events ----------------------------------------------------------------------------------- */

static void test_only_what_is_due(void **state) {
  core_guest_t g;
  start(&g, 0);
  core_put_clock(&g, 0, MONOTONIC, 1001, RELATIVE);
  core_put_clock(&g, 1, REALTIME, now + 1000, ABSTIME);
  core_put_clock(&g, 2, MONOTONIC, 1000, RELATIVE);
  core_put_clock(&g, 3, MONOTONIC, now + 1001, ABSTIME);
  core_put_clock(&g, 4, REALTIME, 1000, RELATIVE);
  assert_int_equal(core_poll(&g, 5), 3);
  core_assert_event(&g, 0, 1, CLOCK, WASI_LIGHT_ESUCCESS);
  core_assert_event(&g, 1, 2, CLOCK, WASI_LIGHT_ESUCCESS);
  core_assert_event(&g, 2, 4, CLOCK, WASI_LIGHT_ESUCCESS);
  assert_int_equal(host.timeout[0], 1000);
  core_end(&g);
}

/* Equal durations end together, though time passes while they are read: one call is one moment. */
static void test_equal_durations(void **state) {
  enum { COUNT = 64 };
  core_guest_t g;
  start(&g, 0);
  host.tick = 10;
  for (uint32_t i = 0; i < COUNT; i++) core_put_clock(&g, i, i % 2, 1000000, RELATIVE);
  assert_int_equal(core_poll(&g, COUNT), COUNT);
  core_end(&g);
}

/* A stream that gets ready while a clock is waited for: its event, and no other. */
static void test_stream_before_the_clock(void **state) {
  core_guest_t g;
  start(&g, 0);
  host.most = 100;
  host.ready_at = 3;
  host.ready[0] = (host_poll_t){.ready = true, .available = 1234567890123};
  core_put_clock(&g, 0, MONOTONIC, 1000, RELATIVE);
  core_put_stream(&g, 1, FD_READ, 0);
  core_put_stream(&g, 2, FD_WRITE, 1);
  assert_int_equal(core_poll(&g, 3), 1);
  core_assert_stream_event(&g, 0, 1, FD_READ, 1234567890123, false);
  assert_int_equal(host.waits, 3);
  core_end(&g);
}

static void test_stream_without_a_clock(void **state) {
  core_guest_t g;
  start(&g, 0);
  host.ready_at = 2;
  host.ready[2] = (host_poll_t){.ready = true, .hangup = true};
  core_put_stream(&g, 0, FD_WRITE, 2);
  assert_int_equal(core_poll(&g, 1), 1);
  assert_int_equal(host.timeout[0], UINT64_MAX);
  core_assert_stream_event(&g, 0, 0, FD_WRITE, 1, true);
  core_end(&g);
}

/* With an event at hand the streams are still looked at, without waiting. */
static void test_ready_streams_beside_an_error(void **state) {
  core_guest_t g;
  start(&g, 0);
  host.ready_at = 1;
  host.ready[1] = (host_poll_t){.ready = true};
  core_put_clock(&g, 0, 99, 0, RELATIVE);
  core_put_stream(&g, 1, FD_WRITE, 1);
  core_put_stream(&g, 2, FD_WRITE, 2);
  assert_int_equal(core_poll(&g, 3), 2);
  assert_int_equal(host.waits, 1);
  assert_int_equal(host.timeout[0], 0);
  core_assert_event(&g, 0, 0, CLOCK, WASI_LIGHT_EINVAL);
  core_assert_stream_event(&g, 1, 1, FD_WRITE, 1, false);
  core_end(&g);
}

/* ---- The rest ---------------------------------------------------------------------------------------------------- */

/* The bytes for the guest, when the system gave `byte` for all bytes of the key. */
static void expect_block(const core_guest_t *g, uint8_t byte, uint32_t number) {
  static const uint32_t counter[4] = {0};
  uint32_t key[8];
  uint8_t block[64];
  memset(key, byte, sizeof key);
  for (uint32_t i = 0; i <= number; i++) {
    wasi_light__chacha20_block(key, counter, block);
    for (size_t k = 0; k < 8; k++) memcpy(&key[k], block + 4 * k, 4);
  }
  for (uint32_t i = 0; i < 32; i++) assert_int_equal(core_get(g, i, 1), block[32 + i]);
}

/* Small requests use up blocks of the generator: half of each is for the guest, the other half is the next key. */
static void test_entropy_is_drawn_ahead(void **state) {
  core_guest_t g;
  start(&g, 0);
  for (uint64_t i = 0; i < 4; i++) EXPECT(SUCCESS, &g, random_get, 8 * i, 8);
  expect_block(&g, 0x11, 0);
  EXPECT(SUCCESS, &g, random_get, 0, 5);
  EXPECT(SUCCESS, &g, random_get, 5, 27);
  expect_block(&g, 0x11, 1);
  assert_int_equal(host.entropies, 1);
  for (uint32_t i = 0; i < 64; i++) { /* what was given out is nowhere any more */
    if (i >= 32) assert_int_equal(g.env->entropy.bytes[i], 0);
  }
  wasi_light_env_reset(g.env);
  EXPECT(SUCCESS, &g, random_get, 0, 32);
  expect_block(&g, 0x11, 2); /* never twice, not even after a reset */
  core_end(&g);
}

static void test_entropy_after_a_fork(void **state) {
  core_guest_t g;
  start(&g, 0);
  EXPECT(SUCCESS, &g, random_get, 0, 20);
  host.generation++;
  EXPECT(SUCCESS, &g, random_get, 0, 32);
  assert_int_equal(host.entropies, 2);
  expect_block(&g, 0x12, 0);
  core_end(&g);
}

static void test_entropy(void **state) {
  core_guest_t g;
  start(&g, 0);
  EXPECT(SUCCESS, &g, random_get, 0, 257); /* large requests go to the system */
  EXPECT(SUCCESS, &g, random_get, 0, 257);
  assert_int_equal(core_get(&g, 0, 4), 0x12121212);
  assert_int_equal(core_get(&g, 253, 4), 0x12121212);
  host.error = WASI_LIGHT_EIO;
  core_save(&g);
  EXPECT(IO, &g, random_get, 0, 4); /* never something else instead */
  EXPECT(IO, &g, random_get, 0, 257);
  core_assert_unchanged(&g);
  assert_int_equal(wasi_light_env_usage(g.env).random_bytes, 514);
  core_end(&g);
}

static void test_yield(void **state) {
  core_guest_t g;
  start(&g, 0);
  EXPECT(SUCCESS, &g, sched_yield, 0);
  assert_int_equal(host.yields, 1);
  core_end(&g);
}

/* What is handed to the host's streams, and what comes of it. */
static void check_move(core_guest_t *g, uint32_t fd, bool nonblock) {
  uint32_t flags = nonblock ? 4 : 27; /* NONBLOCK alone, all but NONBLOCK */
  EXPECT(SUCCESS, g, fd_fdstat_set_flags, fd, flags);
  core_put_iovec(g, 64, 128, 5);
  core_put_iovec(g, 72, 500, 0); /* left out */
  core_put_iovec(g, 80, 256, 7);
  host.done = 11;
  host.error = WASI_LIGHT_ESUCCESS;
  assert_int_equal(fd == 0 ? CALL(g, fd_read, fd, 64, 3, 32) : CALL(g, fd_write, fd, 64, 3, 32), WASI_LIGHT_ESUCCESS);
  assert_int_equal(core_get(g, 32, 4), 11);
  assert_int_equal(host.fd, fd);
  assert_int_equal(host.nonblock, nonblock);
  assert_int_equal(host.count, 2);
  assert_int_equal(host.slice[0].ptr, 128);
  assert_int_equal(host.slice[0].len, 5);
  assert_int_equal(host.slice[1].ptr, 256);
  assert_int_equal(host.slice[1].len, 7);
  host.error = WASI_LIGHT_ENOSPC;
  core_save(g);
  assert_int_equal(fd == 0 ? CALL(g, fd_read, fd, 64, 3, 32) : CALL(g, fd_write, fd, 64, 3, 32), WASI_LIGHT_ENOSPC);
  core_assert_unchanged(g);
}

static void test_streams(void **state) {
  for (uint32_t fd = 0; fd < 3; fd++) {
    core_guest_t g;
    start(&g, 0);
    check_move(&g, fd, false);
    check_move(&g, fd, true);
    core_end(&g);
  }
}

/* The flags are the stream's own: those of another one change nothing. */
static void test_flags_of_another_stream(void **state) {
  core_guest_t g;
  start(&g, 0);
  EXPECT(SUCCESS, &g, fd_fdstat_set_flags, 1, 4);
  core_put_iovec(&g, 64, 128, 5);
  EXPECT(SUCCESS, &g, fd_write, 2, 64, 1, 32);
  assert_false(host.nonblock);
  EXPECT(SUCCESS, &g, fd_read, 0, 64, 1, 32);
  assert_false(host.nonblock);
  EXPECT(SUCCESS, &g, fd_write, 1, 64, 1, 32);
  assert_true(host.nonblock);
  core_end(&g);
}

static void test_terminal(void **state) {
  core_guest_t g;
  start(&g, 0);
  for (uint32_t fd = 0; fd < 3; fd++) {
    EXPECT(SUCCESS, &g, fd_fdstat_get, fd, 0);
    assert_int_equal(core_get(&g, 0, 1), fd == 1 ? 2 : 0);
    EXPECT(SUCCESS, &g, fd_filestat_get, fd, 0);
    assert_int_equal(core_get(&g, 16, 1), fd == 1 ? 2 : 0);
  }
  core_end(&g);
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_offset_to_the_nanosecond),
      cmocka_unit_test(test_each_clock_is_its_own),
      cmocka_unit_test(test_waits_to_the_nanosecond),
      cmocka_unit_test(test_waits_with_offset),
      cmocka_unit_test(test_longest_waits),
      cmocka_unit_test(test_deadline_that_a_clamped_clock_shows),
      cmocka_unit_test(test_early_wakes),
      cmocka_unit_test(test_realtime_that_is_set),
      cmocka_unit_test(test_only_what_is_due),
      cmocka_unit_test(test_equal_durations),
      cmocka_unit_test(test_stream_before_the_clock),
      cmocka_unit_test(test_stream_without_a_clock),
      cmocka_unit_test(test_ready_streams_beside_an_error),
      cmocka_unit_test(test_entropy_is_drawn_ahead),
      cmocka_unit_test(test_entropy_after_a_fork),
      cmocka_unit_test(test_entropy),
      cmocka_unit_test(test_yield),
      cmocka_unit_test(test_streams),
      cmocka_unit_test(test_flags_of_another_stream),
      cmocka_unit_test(test_terminal),
  };
  return CORE_RUN(tests, argc, argv);
}
