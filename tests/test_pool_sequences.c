/* SPDX-License-Identifier: MIT */
/*
 * The plug-in in six languages, by random sequences of calls: an instance that was recycled again and again does, call by
 * call, what a fresh one does, and leaves the same output, memory and globals. Randomness has a seed, and each read of a
 * clock lets a microsecond pass, so that there is nothing which may differ.
 * WASI_LIGHT_TEST_SEQUENCES sets how many there are in all; the seed is fixed.
 */
#include "pool_rig.h"

#include <time.h>

/* What is done; a row of weights below says how often. */
enum { REPORT, ADD, COUNT_UP, SUM, NOW, RANDOM, ALLOC, GREET, OPEN_FILE, SLEEP, QUIT, CRASH, GREET_NOBODY, ACTIONS };
static const uint8_t weights[ACTIONS] = {3, 8, 8, 8, 3, 6, 5, 8, 3, 2, 1, 1, 2};

typedef struct guest_t {
  const char *name;
  unsigned share; /* of the sequences, in percent */
} guest_t;

static const guest_t guests[] = {
    {"c_reactor", 34},   {"cpp_reactor", 18}, {"rust_reactor", 16},
    {"zig_reactor", 14}, {"as_reactor", 12},  {"go_reactor", 6},
};

/* One instance's half of a sequence. */
typedef struct half_t {
  wasi_light_instance_t *instance;
  wasi_light_outcome_t outcome; /* of the last call */
  wasm_val_t result;
} half_t;

typedef struct run_t {
  const guest_t *guest;
  pool_rig_t rig;
  pool_random_t random;
  half_t halves[2]; /* recycled, fresh */
  size_t number;    /* of the sequence */
  size_t calls;
} run_t;

/* ---- One call, in both ---- */

static void call(half_t *half, const char *name, const wasm_val_t *args, size_t count) {
  half->result = I32(0);
  const wasi_light_func_t *func = wasi_light_module_func(wasi_light_instance_module(half->instance), name);
  size_t results = wasm_functype_results(wasi_light_func_type(func))->size;
  half->outcome = wasi_light_call(half->instance, func, args, count, &half->result, results);
}

static void call_both(run_t *run, const char *name, const wasm_val_t *args, size_t count) {
  half_t *a = &run->halves[0];
  half_t *b = &run->halves[1];
  call(a, name, args, count);
  call(b, name, args, count);
  run->calls++;
  if (a->outcome.kind != b->outcome.kind || a->outcome.exit_code != b->outcome.exit_code ||
      strcmp(a->outcome.message, b->outcome.message) != 0) {
    fail_msg("%s, sequence %zu, %s: %d %u %s; fresh: %d %u %s", run->guest->name, run->number, name,
             (int)a->outcome.kind, a->outcome.exit_code, a->outcome.message, (int)b->outcome.kind, b->outcome.exit_code,
             b->outcome.message);
  }
  if (a->outcome.kind == WASI_LIGHT_RETURNED && a->result.of.i64 != b->result.of.i64) {
    fail_msg("%s, sequence %zu, %s: %lld, fresh: %lld", run->guest->name, run->number, name,
             (long long)a->result.of.i64, (long long)b->result.of.i64);
  }
}

/* Writes the name into both, has both greet it, and compares what they say. */
static void greet_both(run_t *run) {
  char name[64];
  char texts[2][80];
  int32_t length = (int32_t)(1 + pool_below(&run->random, 40));
  for (int32_t i = 0; i < length; i++) name[i] = (char)('a' + pool_below(&run->random, 26));
  call_both(run, "alloc", ARGS(I32(length)));
  if (run->halves[0].outcome.kind != WASI_LIGHT_RETURNED) return;
  int32_t at = run->halves[0].result.of.i32;
  for (size_t i = 0; i < 2; i++) {
    uint8_t *room = wasi_light_memory(run->halves[i].instance, (uint32_t)at, (uint64_t)length);
    assert_non_null(room);
    memcpy(room, name, (size_t)length);
  }
  call_both(run, "greet", ARGS(I32(at), I32(length)));
  if (run->halves[0].outcome.kind != WASI_LIGHT_RETURNED) return;
  for (size_t i = 0; i < 2; i++) {
    size_t size = wasi_light_string_out(run->halves[i].instance, (uint32_t)run->halves[i].result.of.i32, texts[i],
                                        sizeof texts[i]);
    assert_int_equal(size, (size_t)length + 8);
  }
  assert_string_equal(texts[0], texts[1]);
  assert_memory_equal(texts[0] + 7, name, (size_t)length);
}

static uint32_t choose_action(pool_random_t *random) {
  uint32_t sum = 0;
  for (size_t i = 0; i < ACTIONS; i++) sum += weights[i];
  uint32_t at = pool_below(random, sum);
  uint32_t action = 0;
  for (; at >= weights[action]; action++) at -= weights[action];
  return action;
}

/* How long a list to sum: now and then one for which memory grows. */
static int32_t choose_length(pool_random_t *random) {
  if (pool_below(random, 30) == 0) return (int32_t)pool_below(random, 40000);
  return (int32_t)pool_below(random, 300);
}

static void act(run_t *run, uint32_t action) {
  pool_random_t *random = &run->random;
  switch (action) {
    case REPORT: call_both(run, "report", NO_ARGS); break;
    case ADD: call_both(run, "add", ARGS(I32((int32_t)pool_random(random)), I32((int32_t)pool_random(random)))); break;
    case COUNT_UP: call_both(run, "count", NO_ARGS); break;
    case SUM: call_both(run, "sum", ARGS(I32(choose_length(random)))); break;
    case NOW: call_both(run, "now", NO_ARGS); break;
    case RANDOM: call_both(run, "random", NO_ARGS); break;
    case ALLOC: call_both(run, "alloc", ARGS(I32((int32_t)pool_below(random, 5000)))); break;
    case GREET: greet_both(run); break;
    case OPEN_FILE: call_both(run, "open_file", NO_ARGS); break;
    case SLEEP: call_both(run, "sleep_ms", ARGS(I32((int32_t)pool_below(random, 100)))); break;
    case QUIT: call_both(run, "quit", ARGS(I32((int32_t)pool_below(random, 256)))); break;
    case CRASH: call_both(run, "crash", NO_ARGS); break;
    default: call_both(run, "greet", ARGS(I32(0), I32(0)));
  }
}

/* ---- What is left behind ---- */

static void compare_outputs(const run_t *run) {
  for (uint32_t fd = 1; fd <= 2; fd++) {
    const uint8_t *bytes[2];
    size_t sizes[2];
    for (size_t i = 0; i < 2; i++) {
      bytes[i] = wasi_light_env_captured(wasi_light_instance_env(run->halves[i].instance), fd, &sizes[i], NULL);
    }
    if (sizes[0] != sizes[1] || memcmp(bytes[0], bytes[1], sizes[0]) != 0) {
      fail_msg("%s, sequence %zu: %.*s\nfresh: %.*s", run->guest->name, run->number, (int)sizes[0],
               (const char *)bytes[0], (int)sizes[1], (const char *)bytes[1]);
    }
  }
}

/* All of memory and all globals. */
static void compare_state(const run_t *run) {
  wasi_light_instance_t *a = run->halves[0].instance;
  wasi_light_instance_t *b = run->halves[1].instance;
  wasi_light_view_t memory = pool_memory(a);
  wasi_light_view_t fresh = pool_memory(b);
  assert_int_equal(memory.size, fresh.size);
  if (memcmp(memory.base, fresh.base, memory.size) != 0)
    fail_msg("%s, sequence %zu: memories differ", run->guest->name, run->number);
  assert_int_equal(a->exports.size, b->exports.size);
  for (size_t i = 0; i < a->exports.size; i++) {
    wasm_val_t value = {.kind = WASM_I64, .of = {.i64 = 0}};
    wasm_val_t other = value;
    const wasm_global_t *global = wasm_extern_as_global(a->exports.data[i]);
    if (!global) continue;
    wasm_global_get(global, &value);
    wasm_global_get(wasm_extern_as_global(b->exports.data[i]), &other);
    assert_memory_equal(&value.of, &other.of, value.kind == WASM_I32 || value.kind == WASM_F32 ? 4 : 8);
  }
}

/* ---- Sequences ---- */

static void run_sequence(run_t *run) {
  wasi_light_error_t error;
  run->halves[0] = (half_t){.instance = pool_take(&run->rig)};
  run->halves[1] = (half_t){.instance = wasi_light_instance_new(run->rig.module, run->rig.config, NULL, &error)};
  if (!run->halves[1].instance) {
    fail_msg("%s", error.message);
    return;
  }
  compare_state(run); /* before the first call, too */
  uint32_t length = 1 + pool_below(&run->random, 8);
  for (uint32_t i = 0; i < length; i++) act(run, choose_action(&run->random));
  compare_outputs(run);
  compare_state(run);
  pool_give(&run->rig, run->halves[0].instance);
  wasi_light_instance_delete(run->halves[1].instance);
}

static void start(run_t *run, wasi_light_module_t *module, wasi_light_reset_t method, size_t keep_resident) {
  static const char *const args[] = {"plug-in", "one", "two", NULL};
  static const char *const env[] = {"KEY1=a value", NULL};
  static const uint64_t seed = 2718281828;
  wasi_light_options_t wasi = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  wasi.args = args;
  wasi.env = env;
  wasi.random_seed = &seed;
  wasi.clock = (wasi_light_clock_t){WASI_LIGHT_CLOCK_STEPPING, 1700000000000000000, 1000, 0, NULL};
  wasi.sleep.mode = WASI_LIGHT_SLEEP_VIRTUAL;
  wasi.out = wasi.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 16000};
  options.reset = method;
  options.keep_resident = keep_resident;
  pool_start(&run->rig, wasi_light_module_copy(module), &wasi, &options);
}

/* Without a seed each member may come out differently: it goes back to its own beginning, as pool_give checks. */
static void run_unseeded(const guest_t *guest, wasi_light_module_t *module) {
  enum { MEMBERS = 3, ROUNDS = 10 };
  wasi_light_instance_t *taken[MEMBERS];
  pool_rig_t rig;
  size_t before = pool_descriptors();
  pool_start(&rig, wasi_light_module_copy(module), NULL, NULL);
  for (int32_t round = 0; round < ROUNDS; round++) {
    for (size_t i = 0; i < MEMBERS; i++) taken[i] = pool_take(&rig);
    for (size_t i = 0; i < MEMBERS; i++) {
      assert_int_equal(pool_i32(taken[i], "count", NO_ARGS), 1);
      pool_try(taken[i], round % 3 == 2 ? "crash" : "random", NO_ARGS);
    }
    assert_in_range(pool_descriptors(), before, before + 2);
    for (size_t i = 0; i < MEMBERS; i++) pool_return(&rig, taken[i]);
  }
  if (pool_stats(&rig).made != MEMBERS) fail_msg("%s: instances were replaced", guest->name);
  pool_end(&rig);
}

static void run_guest(const guest_t *guest, size_t sequences) {
  struct timespec begin;
  struct timespec end;
  wasi_light_module_t *module = pool_guest(guest->name);
  if (!module) return;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  run_t run = {.guest = guest, .random = {(uint64_t)guest->name[0]}};
  uint64_t resets = 0;
  for (size_t m = 0; m < POOL_METHODS; m++) {
    start(&run, module, pool_methods[m], m == 2 ? 1 << 20 : 65536);
    for (size_t i = 0; i < (sequences + m) / POOL_METHODS; i++, run.number++) run_sequence(&run);
    resets += pool_stats(&run.rig).reset;
    pool_end(&run.rig);
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  print_message("%-12s %5zu sequences of %zu calls, %llu of them ended with a reset; %.1f s\n", guest->name, run.number,
                run.calls, (unsigned long long)resets,
                (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
  assert_int_equal(run.number, sequences);
  assert_true(resets > run.number / 8); /* Zig grows its memory with nearly every allocation: then it is replaced */
  run_unseeded(guest, module);
  wasi_light_module_delete(module);
}

static void test_recycled_and_fresh_are_alike(void **state) {
  size_t sequences = pool_times("WASI_LIGHT_TEST_SEQUENCES", 20000);
  for (size_t i = 0; i < COUNT(guests); i++) run_guest(&guests[i], sequences * guests[i].share / 100);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_recycled_and_fresh_are_alike),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
