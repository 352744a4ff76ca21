/* SPDX-License-Identifier: MIT */
/*
 * Pools, by random sequences of take, call, write, grow, trap, exit, give and fork on the engine. Each instance that is
 * taken has a fresh one beside it that is treated alike: the two must begin with the same memory, globals and output,
 * every call must end alike in both, and they must be alike when the one is given back. Whatever is kept must equal its
 * snapshot. Without a seed, instances differ from the start, as they may, and only the snapshot is compared with.
 */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter.h"
#include "fuzz.h"
#include "pool_guests.h"

enum { SLOTS = 3, TAKES_MAX = 10, OPERATIONS_MAX = 60, PARAMS_MAX = 4 };

#define CHECK(condition) FUZZ_CHECK(condition, "%s", "it does not hold")

/*
 * The engine and AddressSanitizer both give threads a signal stack, and the engine makes traps of signals. A small
 * quarantine keeps the process small, since it forks.
 */
/* NOLINTBEGIN(bugprone-reserved-identifier): the sanitizer's name */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
  return "use_sigaltstack=0:quarantine_size_mb=8:malloc_context_size=8";
}
/* NOLINTEND(bugprone-reserved-identifier) */

typedef struct lease_t {
  wasi_light_instance_t *instance; /* NULL: nothing is taken */
  wasi_light_instance_t *fresh;    /* NULL: there is no seed */
  uint64_t size;                   /* of memory at first */
} lease_t;

typedef struct run_t {
  fuzz_input_t in;
  unsigned guest;
  bool seeded;
  wasi_light_module_t *module;
  wasi_light_config_t *config;
  wasi_light_pool_options_t options;
  wasi_light_pool_t *pool;
  lease_t leases[SLOTS];
  unsigned takes;
  bool forked;
} run_t;

/* ---- Instances compared ---- */

static wasi_light_view_t memory_of(const wasi_light_instance_t *instance) {
  const wasi_light_env_t *env = wasi_light_instance_env(instance);
  return env->view_of(env->memory);
}

static uint64_t global_bits(const wasm_global_t *global) {
  wasm_val_t value;
  uint64_t bits = 0;
  wasm_global_get(global, &value);
  memcpy(&bits, &value.of, value.kind == WASM_I32 || value.kind == WASM_F32 ? 4 : 8);
  return bits;
}

/* What was given is not looked at: it is the same object in all instances. */
static void compare(const run_t *run, const lease_t *lease) {
  if (!run->seeded) return;
  wasi_light_view_t a = memory_of(lease->instance);
  wasi_light_view_t b = memory_of(lease->fresh);
  CHECK(a.size == b.size);
  CHECK(memcmp(a.base, b.base, a.size) == 0);
  CHECK(lease->instance->exports.size == lease->fresh->exports.size);
  for (size_t i = 0; i < lease->instance->exports.size; i++) {
    const wasm_global_t *global = wasm_extern_as_global(lease->instance->exports.data[i]);
    if (global) CHECK(global_bits(global) == global_bits(wasm_extern_as_global(lease->fresh->exports.data[i])));
  }
  for (uint32_t fd = 1; fd <= 2; fd++) {
    size_t sizes[2];
    uint64_t dropped[2];
    const uint8_t *bytes = wasi_light_env_captured(lease->instance->env, fd, &sizes[0], &dropped[0]);
    const uint8_t *others = wasi_light_env_captured(lease->fresh->env, fd, &sizes[1], &dropped[1]);
    CHECK(sizes[0] == sizes[1] && dropped[0] == dropped[1]);
    CHECK(sizes[0] == 0 || memcmp(bytes, others, sizes[0]) == 0);
  }
}

/* ---- Operations ---- */

static wasi_light_pool_stats_t stats_of(const run_t *run) {
  wasi_light_pool_stats_t stats;
  wasi_light_pool_stats(run->pool, &stats);
  return stats;
}

/* An instance as the pool would make it and hand it out. */
static wasi_light_instance_t *make_fresh(const run_t *run) {
  wasi_light_error_t error;
  wasi_light_instance_t *fresh = wasi_light_instance_new(run->module, run->config, NULL, &error);
  FUZZ_CHECK(fresh, "%s", error.message);
  const char *name = run->options.warm_up;
  if (name) CHECK(wasi_light_call_name(fresh, name, NULL, 0, NULL, 0).kind == WASI_LIGHT_RETURNED);
  if (run->options.next_random_stream) wasi_light_env_set_random_stream(fresh->env, stats_of(run).taken);
  name = run->options.after_reset;
  if (name) CHECK(wasi_light_call_name(fresh, name, NULL, 0, NULL, 0).kind == WASI_LIGHT_RETURNED);
  return fresh;
}

static void take(run_t *run, lease_t *lease) {
  wasi_light_error_t error;
  wasi_light_pool_stats_t before = stats_of(run);
  if (lease->instance || run->takes == TAKES_MAX) return;
  lease->instance = wasi_light_pool_take(run->pool, run, &error);
  if (!lease->instance) {
    CHECK(error.code == WASI_LIGHT_ERROR_BUSY && before.live == run->options.max_live && before.idle == 0);
    return;
  }
  run->takes++;
  CHECK(before.idle > 0 || stats_of(run).made == before.made + 1);
  CHECK(wasi_light_instance_host(lease->instance) == run);
  lease->size = memory_of(lease->instance).size;
  if (run->seeded) lease->fresh = make_fresh(run);
  else if (run->module->recyclable && !run->options.after_reset) CHECK(wasi_light__pool_is_pristine(lease->instance));
  compare(run, lease);
}

/* Kept, unless the module or growth forbids it; then it is as its snapshot. */
static void give(run_t *run, lease_t *lease) {
  wasi_light_error_t error;
  wasi_light_instance_t *instance = lease->instance;
  wasi_light_pool_stats_t before = stats_of(run);
  if (!instance) return;
  compare(run, lease);
  bool grown = memory_of(instance).size > lease->size;
  FUZZ_CHECK(wasi_light_pool_give(run->pool, instance, &error), "%s", error.message);
  wasi_light_pool_stats_t after = stats_of(run);
  bool kept = run->module->recyclable && !grown;
  CHECK(after.reset == before.reset + kept && after.idle == before.idle + kept && after.live == before.live - !kept);
  CHECK(after.replaced_unrecyclable == before.replaced_unrecyclable + !run->module->recyclable);
  CHECK(after.replaced_grown == before.replaced_grown + (run->module->recyclable && grown));
  CHECK(after.replaced_other == 0);
  if (kept) CHECK(wasi_light__pool_is_pristine(instance));
  if (kept) CHECK(!wasi_light_pool_give(run->pool, instance, &error) && error.code == WASI_LIGHT_ERROR_ARGUMENT);
  if (lease->fresh) wasi_light_instance_delete(lease->fresh);
  *lease = (lease_t){.instance = NULL};
}

/* Small numbers, addresses all over memory, now and then anything. Plug-ins loop as often as they are told. */
static uint32_t argument(run_t *run) {
  uint8_t kind = fuzz_u8(&run->in);
  if (kind < 128) return kind;
  if (kind < 240 || run->guest >= POOL_GENERATED)
    return (uint32_t)fuzz_u16(&run->in) * (run->guest >= POOL_GENERATED ? 1 : 6);
  return fuzz_u32(&run->in);
}

static wasm_val_t value_of(run_t *run, wasm_valkind_t kind) {
  wasm_val_t value = {.kind = kind};
  value.of.i64 = 0;
  switch (kind) {
    case WASM_F32: value.of.f32 = (float)argument(run); break;
    case WASM_F64: value.of.f64 = (double)argument(run) / 3; break;
    default: value.of.i64 = (int64_t)argument(run); break;
  }
  return value;
}

static void call(run_t *run, lease_t *lease) {
  wasm_val_t args[PARAMS_MAX];
  wasm_val_t results[2] = {WASM_INIT_VAL, WASM_INIT_VAL};
  unsigned index = fuzz_u8(&run->in);
  size_t count = 0;
  while (wasi_light_module_func_at(run->module, count)) count++;
  CHECK(count > 0);
  const wasi_light_func_t *func = wasi_light_module_func_at(run->module, index % count);
  const wasm_valtype_vec_t *params = wasm_functype_params(wasi_light_func_type(func));
  size_t result_count = wasm_functype_results(wasi_light_func_type(func))->size;
  CHECK(params->size <= PARAMS_MAX && result_count <= 1);
  for (size_t i = 0; i < params->size; i++) args[i] = value_of(run, wasm_valtype_kind(params->data[i]));
  if (!lease->instance) return;
  wasi_light_outcome_t outcome = wasi_light_call(lease->instance, func, args, params->size, &results[0], result_count);
  if (!lease->fresh) return;
  wasi_light_outcome_t other = wasi_light_call(lease->fresh, func, args, params->size, &results[1], result_count);
  FUZZ_CHECK(outcome.kind == other.kind && outcome.exit_code == other.exit_code, "%.*s: %s; fresh: %s",
             (int)wasi_light_func_name(func)->size, wasi_light_func_name(func)->data, outcome.message, other.message);
  CHECK(strcmp(outcome.message, other.message) == 0);
  CHECK(result_count == 0 || outcome.kind != WASI_LIGHT_RETURNED || results[0].of.i64 == results[1].of.i64);
}

/* The host writes some of memory. */
static void poke(run_t *run, lease_t *lease) {
  uint64_t offset = (uint64_t)fuzz_u16(&run->in) * 64;
  size_t length = 1 + fuzz_u8(&run->in) % 32;
  const uint8_t *bytes = fuzz_bytes(&run->in, &length);
  wasi_light_instance_t *both[] = {lease->instance, lease->fresh};
  for (size_t i = 0; i < 2; i++) {
    if (!both[i]) continue;
    offset %= memory_of(both[i]).size;
    uint8_t *place = wasi_light_memory(both[i], (uint32_t)offset, length);
    if (place) memcpy(place, bytes, length);
  }
}

/* A fork takes longer than all the rest: with WASI_LIGHT_FUZZ_FORKS=N in the environment one in N is done. */
static bool is_forking(void) {
  static unsigned long possible;
  const char *one_in = getenv("WASI_LIGHT_FUZZ_FORKS");
  unsigned long number = one_in ? strtoul(one_in, NULL, 10) : 1;
  return number > 0 && possible++ % number == 0;
}

/* The child gives all back, takes once more and goes; what it does must not be seen here. */
static void fork_once(run_t *run) {
  int status = -1;
  if (run->forked || !is_forking()) return;
  run->forked = true;
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    for (size_t i = 0; i < SLOTS; i++) give(run, &run->leases[i]);
    run->takes = 0;
    for (size_t i = 0; i < SLOTS; i++) take(run, &run->leases[i]);
    call(run, &run->leases[0]);
    for (size_t i = 0; i < SLOTS; i++) give(run, &run->leases[i]);
    wasi_light_pool_delete(run->pool);
    _exit(0);
  }
  pid_t ended;
  do ended = waitpid(child, &status, 0);
  while (ended < 0 && errno == EINTR); /* libFuzzer has an alarm */
  CHECK(ended == child);
  FUZZ_CHECK(status == 0, "the child ended with status 0x%x", (unsigned)status);
  for (size_t i = 0; i < SLOTS; i++) {
    if (run->leases[i].instance) compare(run, &run->leases[i]);
  }
}

static void operate(run_t *run) {
  uint8_t byte = fuzz_u8(&run->in);
  lease_t *lease = &run->leases[byte % SLOTS];
  switch (byte / SLOTS % 16) {
    case 0:
    case 1: give(run, lease); return;
    case 2:
      give(run, lease);
      take(run, lease);
      return;
    case 3:
    case 4: take(run, lease); return;
    case 5: poke(run, lease); return;
    case 6:
      if (byte / SLOTS == 6) fork_once(run);
      return;
    default: call(run, lease);
  }
}

/* ---- A run ---- */

static wasi_light_config_t *make_config(bool seeded) {
  static const uint64_t seed = 31415926;
  static const char *const args[] = {"plug-in", "one", NULL};
  wasi_light_options_t wasi = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_error_t error;
  wasi.args = args;
  wasi.random_seed = seeded ? &seed : NULL;
  wasi.in = (wasi_light_input_t){WASI_LIGHT_INPUT_BYTES, "some input that is read", 23, NULL};
  wasi.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 100};
  wasi.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 3000};
  wasi.clock = (wasi_light_clock_t){WASI_LIGHT_CLOCK_STEPPING, 1700000000000000000, 1000, 0, NULL};
  wasi.sleep.mode = WASI_LIGHT_SLEEP_VIRTUAL;
  wasi_light_config_t *config = wasi_light_config_new(&wasi, &error);
  FUZZ_CHECK(config, "%s", error.message);
  return config;
}

static void start(run_t *run) {
  static const size_t keep[] = {1 << 20, 0, 8192, 65536};
  static const size_t most[] = {0, 0, 0, 2};
  static const wasi_light_pool_options_t defaults = WASI_LIGHT_POOL_OPTIONS_INIT;
  static wasi_light_config_t *configs[2];
  wasi_light_error_t error;
  uint8_t bits = fuzz_u8(&run->in);
  uint8_t more = fuzz_u8(&run->in);
  run->guest = fuzz_u8(&run->in) % POOL_GUESTS;
  run->module = guest_module(run->guest);
  run->seeded = more % 4 != 0;
  if (!configs[run->seeded]) configs[run->seeded] = make_config(run->seeded);
  run->config = configs[run->seeded];
  run->options = defaults;
  run->options.reset = bits & 3;
  run->options.keep_resident = keep[bits >> 2 & 3];
  run->options.max_live = most[bits >> 4 & 3];
  run->options.warm = bits >> 6 & 1;
  run->options.next_random_stream = run->seeded && bits >> 7;
  if (run->guest < POOL_GENERATED && more & 16) run->options.warm_up = "warm";
  if (run->guest < POOL_GENERATED && more & 32) run->options.after_reset = "after";
  run->pool = wasi_light_pool_new(run->module, run->config, &run->options, &error);
  FUZZ_CHECK(run->pool, "%s", error.message);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  run_t run = {.in = {bytes, size}};
  start(&run);
  for (unsigned i = 0; i < OPERATIONS_MAX && run.in.left > 0; i++) operate(&run);
  for (size_t i = 0; i < SLOTS; i++) {
    if (size % 5 > 0) give(&run, &run.leases[i]); /* else the pool is deleted with what is taken */
    else if (run.leases[i].fresh) wasi_light_instance_delete(run.leases[i].fresh);
  }
  wasi_light_pool_delete(run.pool);
  return 0;
}

/*
 * Operations on slot 0: 0 gives back, 9 takes, 15 writes, 18 forks; 21 calls the function of the number that follows.
 * Of the generated guests: 0 mix, 2 set, 3 store, 5 fill, 7 init, 8 grow, 10 print, 11 read, 12 close, 14 random, 15
 * now, 16 exit, 18 crash, 19 deep, 20 call, 23 lasting (of guests from 32).
 */
void fuzz_seeds(fuzz_seed_t give_seed) {
  static const struct {
    const char *name;
    uint8_t guest;
    char operations[48];
  } seeds[] = {
      {"globals", 4, "\11\25\0\7\25\2\1\2\3\4\0\11\25\1\0"},
      {"memory", 3, "\11\25\3\100\1\25\5\200\0\60\11\200\0\1\25\7\100\0\7\0\11\25\4\100\0"},
      {"host_writes", 2, "\11\17\100\0\5abcdef\0\11\25\4\100\0"},
      {"grown", 1, "\11\25\10\2\25\11\0\11\25\11\0"},
      {"output", 8, "\11\25\12\1\40\11\25\12\2\40\11\0\11\25\12\1\40\4\0"},
      {"input", 0, "\11\25\13\100\0\11\25\13\100\25\14\0\0\11\25\13\100\0"},
      {"random", 24, "\11\25\16\100\10\25\17\1\0\11\25\16\100\10\25\17\1\0"},
      {"exits", 16, "\11\25\20\3\25\1\0\11\25\1\0"},
      {"traps", 17, "\11\25\22\25\23\1\25\21\1\0\25\24\2\0\11\25\22\0"},
      {"lasting_32", 32, "\11\25\27\1\25\24\1\25\7\100\0\7\0\11\25\24\1\25\24\3\25\7\100\0\7\0"},
      {"lasting_33", 33, "\11\25\27\1\25\24\1\25\7\100\0\7\0\11\25\24\1\25\24\3\25\7\100\0\7\0"},
      {"lasting_34", 34, "\11\25\27\1\25\24\1\25\7\100\0\7\0\11\25\24\1\25\24\3\25\7\100\0\7\0"},
      {"lasting_35", 35, "\11\25\27\1\25\24\1\25\7\100\0\7\0\11\25\24\1\25\24\3\25\7\100\0\7\0"},
      {"lasting_36", 36, "\11\25\27\1\25\24\1\25\7\100\0\7\0\11\25\24\1\25\24\3\25\7\100\0\7\0"},
      {"lasting_37", 37, "\11\25\27\1\25\24\1\25\7\100\0\7\0\11\25\24\1\25\24\3\25\7\100\0\7\0"},
      {"fork", 6, "\11\12\25\0\7\26\3\100\1\22\0\1\11\25\1\0"},
      {"three", 31, "\11\12\13\25\0\1\26\0\2\27\0\3\1\0\2\13\12\11\25\1\26\1\27\1\1\2"},
      {"c_reactor", 64, "\11\25\0\1\25\1\1\25\2\1\25\3\1\25\4\1\25\5\1\25\6\1\0\11\25\7\1\25\10\1\25\11\1\0"},
      {"as_reactor", 65, "\11\25\0\1\25\1\1\25\2\1\25\3\1\25\4\1\25\5\1\25\6\1\0\11\25\7\1\25\10\1\25\11\1\0"},
  };
  for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
    for (unsigned method = 0; method < 4; method++) {
      char name[64];
      uint8_t bytes[3 + sizeof seeds[i].operations] = {(uint8_t)(method + i * 12), (uint8_t)((method + i) % 4 + i * 16),
                                                       seeds[i].guest};
      memcpy(bytes + 3, seeds[i].operations, sizeof seeds[i].operations);
      snprintf(name, sizeof name, "%s_%u", seeds[i].name, method);
      give_seed(name, bytes, sizeof bytes);
    }
  }
}
