/* SPDX-License-Identifier: MIT */
/*
 * The WASI state of a lease: streams, their flags, what was printed before the snapshot and after, stdin, exits, random
 * bytes; and what is called when an instance is taken.
 */
#include "chacha20.h"
#include "pool_rig.h"

#define WASI(name, type) "(import \"wasi_snapshot_preview1\" \"" name "\" (func $" name " " type "))"

/* Each WASI function by a short name; its errno is the result. Iovec at 0, bytes at 64, numbers at 32. */
#define GUEST                                                                              \
  WASI("fd_write", "(param i32 i32 i32 i32) (result i32)")                                 \
  WASI("fd_read", "(param i32 i32 i32 i32) (result i32)")                                  \
  WASI("fd_close", "(param i32) (result i32)")                                             \
  WASI("fd_renumber", "(param i32 i32) (result i32)")                                      \
  WASI("fd_fdstat_set_flags", "(param i32 i32) (result i32)")                              \
  WASI("fd_fdstat_get", "(param i32 i32) (result i32)")                                    \
  WASI("random_get", "(param i32 i32) (result i32)")                                       \
  WASI("proc_exit", "(param i32)")                                                         \
  "(memory (export \"memory\") 1) (data (i32.const 64) \"init setup later\")"              \
  "(func $print (export \"print\") (param $fd i32) (param $at i32) (param $size i32) "     \
  "(result i32)"                                                                           \
  "(i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (local.get $size))"  \
  "(call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 32)))"           \
  "(func (export \"read\") (result i32) (i32.store (i32.const 0) (i32.const 128)) "        \
  "(i32.store (i32.const 4) (i32.const 1))"                                                \
  "(drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 32)))"        \
  "(if (result i32) (i32.load (i32.const 32)) (then (i32.load8_u (i32.const 128))) (else " \
  "(i32.const -1))))"                                                                      \
  "(func (export \"close\") (param i32) (result i32) (call $fd_close (local.get 0)))"      \
  "(func (export \"renumber\") (param i32 i32) (result i32) (call $fd_renumber "           \
  "(local.get 0) (local.get 1)))"                                                          \
  "(func (export \"set_flags\") (param i32 i32) (result i32) (call $fd_fdstat_set_flags "  \
  "(local.get 0) (local.get 1)))"                                                          \
  "(func (export \"flags\") (param i32) (result i32) (drop (call $fd_fdstat_get "          \
  "(local.get 0) (i32.const 192)))"                                                        \
  "(i32.load16_u (i32.const 194)))"                                                        \
  "(func $random (export \"random\") (result i64) (drop (call $random_get (i32.const "     \
  "256) (i32.const 8)))"                                                                   \
  "(i64.load (i32.const 256)))"                                                            \
  "(func (export \"exit\") (param i32) (call $proc_exit (local.get 0)))"                   \
  "(func (export \"crash\") unreachable)"

#define PLAIN "(module " GUEST ")"

static wasi_light_options_t wasi_options(void) {
  wasi_light_options_t wasi = WASI_LIGHT_OPTIONS_INIT;
  wasi.in = (wasi_light_input_t){WASI_LIGHT_INPUT_BYTES, "abcdef", 6, NULL};
  wasi.out = wasi.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 24};
  return wasi;
}

static void start(pool_rig_t *rig, const char *wat, const wasi_light_pool_options_t *options) {
  wasi_light_options_t wasi = wasi_options();
  pool_start(rig, rig_module(wat, NULL), &wasi, options);
}

static int32_t print(wasi_light_instance_t *instance, int32_t fd, int32_t at, int32_t size) {
  return pool_i32(instance, "print", ARGS(I32(fd), I32(at), I32(size)));
}

static int64_t draw(wasi_light_instance_t *instance) {
  return pool_call(instance, "random", NO_ARGS).of.i64;
}

/* ---- Streams ---- */

static void test_closed_streams(void **state) {
  pool_rig_t rig;
  start(&rig, PLAIN, NULL);
  for (int32_t fd = 0; fd < 3; fd++) {
    wasi_light_instance_t *instance = pool_take(&rig);
    for (int32_t i = 0; i < 3; i++) assert_int_equal(pool_i32(instance, "flags", ARGS(I32(i))), 0);
    assert_int_equal(pool_i32(instance, "close", ARGS(I32(fd))), 0);
    assert_int_equal(pool_i32(instance, "close", ARGS(I32(fd))), WASI_LIGHT_EBADF);
    pool_return(&rig, instance);
    instance = pool_take(&rig);
    assert_int_equal(print(instance, 1, 64, 4), 0);
    assert_int_equal(print(instance, 2, 64, 4), 0);
    assert_int_equal(pool_i32(instance, "read", NO_ARGS), 'a');
    pool_return(&rig, instance);
  }
  pool_end(&rig);
}

static void test_renumbered_streams(void **state) {
  pool_rig_t rig;
  start(&rig, PLAIN, NULL);
  wasi_light_instance_t *instance = pool_take(&rig);
  assert_int_equal(pool_i32(instance, "renumber", ARGS(I32(2), I32(1))), 0);
  assert_int_equal(print(instance, 1, 64, 4), 0);
  pool_assert_captured(instance, 2, "init");
  pool_return(&rig, instance);
  instance = pool_take(&rig);
  assert_int_equal(print(instance, 1, 69, 5), 0);
  pool_assert_captured(instance, 1, "setup");
  pool_assert_captured(instance, 2, "");
  pool_end(&rig);
}

static void test_flags_of_streams(void **state) {
  pool_rig_t rig;
  start(&rig, PLAIN, NULL);
  for (int round = 0; round < 2; round++) {
    wasi_light_instance_t *instance = pool_take(&rig);
    for (int32_t fd = 0; fd < 3; fd++) {
      assert_int_equal(pool_i32(instance, "flags", ARGS(I32(fd))), 0);
      assert_int_equal(pool_i32(instance, "set_flags", ARGS(I32(fd), I32(4 + fd))), 0);
      assert_int_equal(pool_i32(instance, "flags", ARGS(I32(fd))), 4 + fd);
    }
    pool_return(&rig, instance);
  }
  pool_end(&rig);
}

/* What it did to its streams before the snapshot is part of it. */
static void test_streams_of_the_snapshot(void **state) {
  pool_rig_t rig;
  start(&rig,
        "(module " GUEST "(func (export \"_initialize\") (drop (call $fd_close (i32.const 2)))"
        "(drop (call $fd_fdstat_set_flags (i32.const 1) (i32.const 1)))"
        "(i32.store (i32.const 0) (i32.const 128)) (i32.store (i32.const 4) (i32.const 2))"
        "(drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 32)))))",
        NULL);
  for (int round = 0; round < 3; round++) {
    wasi_light_instance_t *instance = pool_take(&rig);
    assert_int_equal(print(instance, 2, 64, 4), WASI_LIGHT_EBADF);
    assert_int_equal(pool_i32(instance, "flags", ARGS(I32(1))), 1);
    assert_int_equal(pool_i32(instance, "read", NO_ARGS), 'c'); /* two bytes were read before */
    assert_int_equal(pool_i32(instance, "read", NO_ARGS), 'd');
    assert_int_equal(pool_i32(instance, "set_flags", ARGS(I32(1), I32(0))), 0);
    assert_int_equal(pool_i32(instance, "renumber", ARGS(I32(1), I32(0))), 0);
    pool_return(&rig, instance);
  }
  pool_end(&rig);
}

/* ---- What was printed ---- */

static void test_output_is_forgotten(void **state) {
  pool_rig_t rig;
  start(&rig, PLAIN, NULL);
  for (int round = 0; round < 3; round++) {
    wasi_light_instance_t *instance = pool_take(&rig);
    pool_assert_captured(instance, 1, "");
    assert_int_equal(print(instance, 1, 64, 4), 0);
    assert_int_equal(print(instance, 2, 69, 5), 0);
    pool_assert_captured(instance, 1, "init");
    pool_assert_captured(instance, 2, "setup");
    pool_return(&rig, instance);
    pool_assert_captured(instance, 1, "");
    pool_assert_captured(instance, 2, "");
  }
  pool_end(&rig);
}

#define PRINT_INIT                                                                                 \
  "(func (export \"_initialize\") (drop (call $print (i32.const 1) (i32.const 64) (i32.const 5)))" \
  "(drop (call $print (i32.const 2) (i32.const 69) (i32.const 2))))"                               \
  "(func (export \"setup\") (drop (call $print (i32.const 1) (i32.const 69) (i32.const 6))))"      \
  "(func (export \"again\") (drop (call $print (i32.const 1) (i32.const 75) (i32.const 5))))"

/* A new instance has what was printed while it was made; so has a lease, whatever the one before did with it. */
static void test_output_of_initialize_is_kept(void **state) {
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  pool_rig_t rig;
  options.warm_up = "setup";
  start(&rig, "(module " GUEST PRINT_INIT ")", &options);
  for (int round = 0; round < 4; round++) {
    wasi_light_instance_t *instance = pool_take(&rig);
    wasi_light_env_t *env = wasi_light_instance_env(instance);
    pool_assert_captured(instance, 1, "init setup ");
    pool_assert_captured(instance, 2, "se");
    if (round == 1) wasi_light_env_clear_captured(env, 1);
    if (round == 1) wasi_light_env_clear_captured(env, 2);
    if (round == 2) wasi_light_env_reset(env);
    pool_call(instance, "again", NO_ARGS);
    pool_assert_captured(instance, 1, round == 0 || round == 3 ? "init setup later" : "later");
    pool_return(&rig, instance);
    pool_assert_captured(instance, 1, "init setup ");
  }
  pool_end(&rig);
}

static void test_dropped_output(void **state) {
  pool_rig_t rig;
  start(&rig,
        "(module " GUEST
        "(func (export \"_initialize\") (drop (call $print (i32.const 1) (i32.const 64) (i32.const 30)))))",
        NULL);
  for (int round = 0; round < 2; round++) {
    uint64_t dropped = 0;
    size_t size = 0;
    wasi_light_instance_t *instance = pool_take(&rig);
    assert_non_null(wasi_light_env_captured(wasi_light_instance_env(instance), 1, &size, &dropped));
    assert_int_equal(size, 24);
    assert_int_equal(dropped, 6);
    print(instance, 1, 64, 10);
    print(instance, 2, 64, 28);
    wasi_light_env_captured(wasi_light_instance_env(instance), 1, NULL, &dropped);
    assert_int_equal(dropped, 16);
    wasi_light_env_captured(wasi_light_instance_env(instance), 2, NULL, &dropped);
    assert_int_equal(dropped, 4);
    pool_return(&rig, instance);
    wasi_light_env_captured(wasi_light_instance_env(instance), 2, &size, &dropped);
    assert_int_equal(size + dropped, 0);
  }
  pool_end(&rig);
}

static void test_input_begins_anew(void **state) {
  pool_rig_t rig;
  start(&rig, PLAIN, NULL);
  for (int round = 0; round < 8; round++) {
    wasi_light_instance_t *instance = pool_take(&rig);
    for (int i = 0; i < round; i++) assert_int_equal(pool_i32(instance, "read", NO_ARGS), i < 6 ? "abcdef"[i] : -1);
    pool_return(&rig, instance);
  }
  pool_end(&rig);
}

/* ---- Exits and traps ---- */

static void test_an_exit_is_forgotten(void **state) {
  pool_rig_t rig;
  start(&rig, PLAIN, NULL);
  for (int32_t code = 0; code < 3; code++) {
    wasi_light_instance_t *instance = pool_take(&rig);
    ASSERT_EXITED(pool_try(instance, "exit", ARGS(I32(code))), (uint32_t)code);
    ASSERT_EXITED(pool_try(instance, "flags", ARGS(I32(1))), (uint32_t)code);
    pool_return(&rig, instance);
    instance = pool_take(&rig);
    ASSERT_OUTCOME(pool_try(instance, "flags", ARGS(I32(1))), RETURNED, "");
    ASSERT_OUTCOME(pool_try(instance, "crash", NO_ARGS), TRAPPED, "unreachable");
    pool_return(&rig, instance);
  }
  assert_int_equal(pool_stats(&rig).made, 1);
  pool_end(&rig);
}

/* ---- Time that the host makes ---- */

#define CLOCK                                                \
  WASI("clock_time_get", "(param i32 i64 i32) (result i32)") \
  WASI("poll_oneoff", "(param i32 i32 i32 i32) (result i32)")

/* `now` of a clock; `nap` sleeps for 60 ms and gives the errno of its event. */
#define TIME                                                                                              \
  "(func $now (export \"now\") (param i32) (result i64)"                                                  \
  "(drop (call $clock_time_get (local.get 0) (i64.const 0) (i32.const 256))) (i64.load (i32.const 256)))" \
  "(func $nap (export \"nap\") (result i32) (i64.store (i32.const 320) (i64.const 0))"                    \
  "(i64.store (i32.const 328) (i64.const 0)) (i32.store (i32.const 336) (i32.const 1))"                   \
  "(i64.store (i32.const 344) (i64.const 60000000)) (i64.store (i32.const 352) (i64.const 0))"            \
  "(i64.store (i32.const 360) (i64.const 0))"                                                             \
  "(drop (call $poll_oneoff (i32.const 320) (i32.const 384) (i32.const 1) (i32.const 32)))"               \
  "(i32.load16_u (i32.const 392)))"

/* Each lease begins at the time of the snapshot, and may wait as long as the first. */
static void test_time_begins_anew(void **state) {
  enum { MS = 1000000, START = 5 };
  wasi_light_options_t wasi = wasi_options();
  pool_rig_t rig;
  wasi.clock = (wasi_light_clock_t){WASI_LIGHT_CLOCK_VIRTUAL, (uint64_t)START * 1000 * MS, 0, 0, NULL};
  wasi.sleep = (wasi_light_sleep_options_t){WASI_LIGHT_SLEEP_VIRTUAL, 0, 200 * MS, NULL};
  pool_start(&rig, rig_module("(module " CLOCK GUEST TIME "(func (export \"_initialize\") (drop (call $nap))))", NULL),
             &wasi, NULL);
  for (int lease = 0; lease < 3; lease++) {
    wasi_light_instance_t *instance = pool_take(&rig);
    int64_t real = pool_call(instance, "now", ARGS(I32(0))).of.i64;
    int64_t monotonic = pool_call(instance, "now", ARGS(I32(1))).of.i64;
    assert_int_equal(real, (int64_t)START * 1000 * MS + 60 * MS); /* after the nap of _initialize */
    assert_int_equal(monotonic, 60 * MS + 1);
    for (int nap = 1; nap <= 2; nap++) {
      assert_int_equal(pool_i32(instance, "nap", NO_ARGS), 0);
      assert_int_equal(pool_call(instance, "now", ARGS(I32(1))).of.i64, monotonic + (int64_t)nap * 60 * MS);
    }
    assert_int_equal(pool_try(instance, "nap", NO_ARGS).kind, WASI_LIGHT_LIMIT); /* 240 ms in all */
    pool_return(&rig, instance);
  }
  assert_int_equal(pool_stats(&rig).made, 1);
  pool_end(&rig);
}

static void test_steps_of_time_begin_anew(void **state) {
  wasi_light_options_t wasi = wasi_options();
  pool_rig_t rig;
  wasi.clock = (wasi_light_clock_t){WASI_LIGHT_CLOCK_STEPPING, 1000, 7, 0, NULL};
  wasi.sleep.mode = WASI_LIGHT_SLEEP_VIRTUAL;
  pool_start(
      &rig,
      rig_module("(module " CLOCK GUEST TIME "(func (export \"_initialize\") (drop (call $now (i32.const 0)))))", NULL),
      &wasi, NULL);
  for (int lease = 0; lease < 3; lease++) {
    wasi_light_instance_t *instance = pool_take(&rig);
    for (int read = 2; read < 6; read++)
      assert_int_equal(pool_call(instance, "now", ARGS(I32(0))).of.i64, 1000 + 7 * read);
    pool_return(&rig, instance);
  }
  pool_end(&rig);
}

/* ---- Random bytes ---- */

#define DRAW_INIT "(func (export \"_initialize\") (i64.store (i32.const 512) (call $random)))"

/* Number n of 8 bytes from the seed's stream, as an instance of its own draws them after `_initialize`. */
static void expected_draws(int64_t draws[4]) {
  static const uint64_t seed = 31;
  wasi_light_options_t wasi = WASI_LIGHT_OPTIONS_INIT;
  rig_t rig;
  wasi.random_seed = &seed;
  rig_start_module(&rig, rig_module("(module " GUEST DRAW_INIT ")", NULL), &wasi, NULL);
  for (int i = 0; i < 4; i++) draws[i] = rig_call(&rig, "random", NO_ARGS).of.i64;
  rig_end(&rig);
}

static void start_seeded(pool_rig_t *rig, bool next_stream, size_t warm) {
  static const uint64_t seed = 31;
  wasi_light_options_t wasi = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  wasi.random_seed = &seed;
  options.next_random_stream = next_stream;
  options.warm = warm;
  pool_start(rig, rig_module("(module " GUEST DRAW_INIT ")", NULL), &wasi, &options);
}

static void test_random_bytes_start_over(void **state) {
  int64_t expected[4];
  pool_rig_t rig;
  expected_draws(expected);
  start_seeded(&rig, false, 0);
  for (int lease = 0; lease < 4; lease++) {
    wasi_light_instance_t *instance = pool_take(&rig);
    for (int i = 0; i <= lease; i++) assert_int_equal(draw(instance), expected[i]);
    pool_return(&rig, instance);
  }
  wasi_light_instance_t *other[2] = {pool_take(&rig), pool_take(&rig)}; /* the second is another instance */
  assert_int_equal(draw(other[0]), expected[0]);
  assert_int_equal(draw(other[1]), expected[0]);
  pool_end(&rig);
}

/* Lease number n has stream n, from its start, in whichever instance; and what `_initialize` drew is of stream 0. */
static void test_random_streams_of_leases(void **state) {
  static const uint64_t seed = 31;
  for (size_t warm = 0; warm < 3; warm++) {
    int64_t drawn[6];
    uint64_t first = 0;
    pool_rig_t rig;
    start_seeded(&rig, true, warm);
    for (int lease = 0; lease < 6; lease++) {
      uint8_t expected[16];
      int64_t numbers[2];
      wasi_light_instance_t *instance = pool_take(&rig);
      wasi_light_instance_t *second = lease == 3 ? pool_take(&rig) : NULL; /* counts too */
      wasi_light__seeded_bytes(seed, (uint64_t)lease + 1 + (lease > 3), 0, expected, 16);
      memcpy(numbers, expected, 16);
      drawn[lease] = draw(instance);
      assert_int_equal(drawn[lease], numbers[0]);
      assert_int_equal(draw(instance), numbers[1]);
      for (int i = 0; i < lease; i++) assert_int_not_equal(drawn[i], drawn[lease]);
      if (lease == 0) memcpy(&first, pool_memory(instance).base + 512, 8);
      assert_memory_equal(&first, pool_memory(instance).base + 512, 8); /* as in every other */
      if (second) pool_return(&rig, second);
      pool_return(&rig, instance);
    }
    pool_end(&rig);
  }
}

/* Without a seed they are the system's, and differ; what was drawn before the snapshot does not. */
static void test_random_bytes_of_the_system(void **state) {
  pool_rig_t rig;
  int64_t drawn[4];
  uint64_t first[4];
  start(&rig, "(module " GUEST DRAW_INIT ")", NULL);
  for (int lease = 0; lease < 4; lease++) {
    wasi_light_instance_t *instance = pool_take(&rig);
    drawn[lease] = draw(instance);
    memcpy(&first[lease], pool_memory(instance).base + 512, 8);
    for (int i = 0; i < lease; i++) assert_int_not_equal(drawn[i], drawn[lease]);
    assert_int_equal(first[lease], first[0]);
    pool_return(&rig, instance);
  }
  pool_end(&rig);
}

/* Members that come out differently have snapshots of their own, and go back each to its own. */
static void test_members_that_differ(void **state) {
  enum { MEMBERS = 5 };
  for (size_t m = 0; m < POOL_METHODS; m++) {
    wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
    wasi_light_instance_t *members[MEMBERS];
    uint64_t keys[MEMBERS];
    pool_rig_t rig;
    options.warm = 2;
    if (!pool_can(pool_methods[m], &options)) continue;
    start(&rig, "(module " GUEST DRAW_INIT ")", &options);
    for (int round = 0; round < 3; round++) {
      size_t descriptors = pool_descriptors();
      wasi_light_instance_t *taken[MEMBERS];
      for (size_t i = 0; i < MEMBERS; i++) taken[i] = pool_take(&rig);
      if (round == 0) memcpy(members, taken, sizeof taken);
      for (size_t i = 0; i < MEMBERS; i++) {
        uint64_t key;
        memcpy(&key, pool_memory(members[i]).base + 512, 8);
        if (round == 0) keys[i] = key;
        assert_int_equal(key, keys[i]);
        for (size_t k = 0; k < i; k++) assert_int_not_equal(keys[k], keys[i]);
        memset(pool_memory(members[i]).base, 0xee, 65536);
      }
      for (size_t i = 0; i < MEMBERS; i++) pool_return(&rig, taken[i]);
      assert_int_equal(pool_descriptors(), descriptors);
    }
    assert_int_equal(pool_stats(&rig).made, MEMBERS);
    pool_end(&rig);
  }
}

/* They differ in a global alone. */
static void test_members_whose_globals_differ(void **state) {
  wasi_light_instance_t *members[4];
  int64_t keys[4];
  pool_rig_t rig;
  start(&rig,
        "(module " GUEST "(global $key (mut i64) (i64.const 0)) (func (export \"_initialize\")"
        "(global.set $key (call $random)) (i64.store (i32.const 256) (i64.const 0)))"
        "(func (export \"key\") (result i64) (global.get $key))"
        "(func (export \"forget\") (global.set $key (i64.const 0))))",
        NULL);
  for (int round = 0; round < 3; round++) {
    for (size_t i = 0; i < 4; i++) members[i] = pool_take(&rig);
    for (size_t i = 0; i < 4; i++) {
      int64_t key = pool_call(members[i], "key", NO_ARGS).of.i64;
      if (round == 0) keys[i] = key;
      assert_int_equal(key, keys[i]);
      for (size_t k = 0; k < i; k++) assert_int_not_equal(keys[k], keys[i]);
      pool_call(members[i], "forget", NO_ARGS);
    }
    for (size_t i = 4; i > 0; i--) pool_return(&rig, members[i - 1]); /* to be taken in the same order again */
  }
  assert_int_equal(pool_stats(&rig).made, 4);
  pool_end(&rig);
}

/* They differ in what is no memory and no global: each still has its own. */
static int inits;

static wasi_light_errno_t read_other(void *host, uint8_t *buffer, size_t size, size_t *got) {
  buffer[0] = (uint8_t)('A' + inits++);
  *got = 1;
  return 0;
}

static void test_members_that_printed_differently(void **state) {
  wasi_light_options_t wasi = wasi_options();
  pool_rig_t rig;
  inits = 0;
  wasi.in = (wasi_light_input_t){WASI_LIGHT_INPUT_CALLBACK, NULL, 0, read_other};
  pool_start(
      &rig,
      rig_module("(module " GUEST "(func (export \"_initialize\") (i32.store (i32.const 0) (i32.const 128))"
                 "(i32.store (i32.const 4) (i32.const 1)) (drop (call $fd_read (i32.const 0) (i32.const 0)"
                 "(i32.const 1) (i32.const 32))) (drop (call $print (i32.const 1) (i32.const 128) (i32.const 1)))"
                 "(i32.store8 (i32.const 128) (i32.const 0))))",
                 NULL),
      &wasi, NULL);
  wasi_light_instance_t *a = pool_take(&rig);
  wasi_light_instance_t *b = pool_take(&rig);
  for (int round = 0; round < 3; round++) {
    pool_assert_captured(a, 1, "A");
    pool_assert_captured(b, 1, "B");
    print(a, 1, 64, 4);
    print(b, 1, 64, 4);
    pool_return(&rig, b);
    pool_return(&rig, a);
    assert_ptr_equal(pool_take(&rig), a);
    assert_ptr_equal(pool_take(&rig), b);
  }
  pool_end(&rig);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_closed_streams),
    cmocka_unit_test(test_renumbered_streams),
    cmocka_unit_test(test_flags_of_streams),
    cmocka_unit_test(test_streams_of_the_snapshot),
    cmocka_unit_test(test_output_is_forgotten),
    cmocka_unit_test(test_output_of_initialize_is_kept),
    cmocka_unit_test(test_dropped_output),
    cmocka_unit_test(test_input_begins_anew),
    cmocka_unit_test(test_an_exit_is_forgotten),
    cmocka_unit_test(test_time_begins_anew),
    cmocka_unit_test(test_steps_of_time_begin_anew),
    cmocka_unit_test(test_random_bytes_start_over),
    cmocka_unit_test(test_random_streams_of_leases),
    cmocka_unit_test(test_random_bytes_of_the_system),
    cmocka_unit_test(test_members_that_differ),
    cmocka_unit_test(test_members_whose_globals_differ),
    cmocka_unit_test(test_members_that_printed_differently),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
