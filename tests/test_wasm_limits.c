/* SPDX-License-Identifier: MIT */
/*
 * Hostile guests: each thing that a plug-in could do to hold on to its host or to fill it up, done in a lease, in a plain
 * instance, inside a host function that calls back, while _initialize runs and in the start section. The host must get the
 * outcome that its limits promise, and the next lease must be equal to a fresh instance. WASI_LIGHT_TEST_ROUNDS sets how
 * often each is done; nothing may add up.
 */
#include "pool_rig.h"

#include <pthread.h>

enum { PAGES = 16, ELEMENTS = 1001, POINTS = 400000, CALLS = 40000, OUT_BYTES = 20000, NESTED = 64, RESULT = 77 };
#define HOUR_NS UINT64_C(3600000000000)

#define WASI(name, type) "(import \"wasi_snapshot_preview1\" \"" name "\" (func $" name " " type "))"
#define FOR_EVER(...) "(loop " __VA_ARGS__ " (br 0)) (unreachable)"

/* ---- Acts -------------------------------------------------------------------------------------------- */

typedef struct act_t {
  const char *name, *body; /* of a function () -> i32 */
  wasi_light_outcome_kind_t kind;
  const char *message;
  uint32_t number;  /* its result, exit code or signal */
  bool needs_table; /* which makes a module that is not recyclable */
  bool for_good;    /* it ends the call around it too: the points of a call are shared, and an exit is an exit */
  size_t share;     /* one in so many rounds does it: it takes long */
} act_t;

/* clang-format off: a line for each */
static const act_t acts[] = {
    {"loops", FOR_EVER(), WASI_LIGHT_LIMIT, "400000 points", 0, false, true, 1},
    {"loops over memory.fill", FOR_EVER("(memory.fill (i32.const 0) (i32.const 1) (i32.const 65536))"),
     WASI_LIGHT_LIMIT, "400000 points", 0, false, true, 10},
    {"recurses", "(call $recurse (i32.const 1))", WASI_LIGHT_TRAPPED, "stack", 0, false, false, 1},
    {"recurses with wide frames", "(call $wide (f64.const 1))", WASI_LIGHT_TRAPPED, "stack", 0, false, false, 1},
    {"recurses and calls WASI at each level", "(call $recurse_calling)", WASI_LIGHT_TRAPPED, "stack", 0, false, false,
     10},
    {"recurses through the host", "(drop (call $again (i32.const 5))) (i32.const 77)", WASI_LIGHT_RETURNED, "", RESULT,
     false, false, 5},
    {"recurses through the host for ever", FOR_EVER("(drop (call $again (i32.const 6)))"), WASI_LIGHT_LIMIT,
     "400000 points", 0, false, true, 50},
    {"calls for ever", FOR_EVER("(drop (call $fd_close (i32.const 99)))"), WASI_LIGHT_LIMIT, "calls", 0, false, false,
     5},
    {"writes for ever", FOR_EVER("(drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 128)))"),
     WASI_LIGHT_LIMIT, "fd_write", 0, false, false, 1},
    {"draws for ever", FOR_EVER("(drop (call $random_get (i32.const 256) (i32.const 4096)))"), WASI_LIGHT_LIMIT,
     "random_get", 0, false, false, 1},
    {"sleeps for ever",
     FOR_EVER("(drop (call $poll_oneoff (i32.const 32) (i32.const 256) (i32.const 1) (i32.const 128)))"),
     WASI_LIGHT_LIMIT, "poll_oneoff", 0, false, false, 5},
    {"sleeps to the end of time",
     "(i64.store (i32.const 56) (i64.const -1)) (call $poll_oneoff (i32.const 32) (i32.const 256) (i32.const 1) "
     "(i32.const 128))",
     WASI_LIGHT_LIMIT, "poll_oneoff", 0, false, false, 1},
    {"grows memory to its end",
     "(loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (drop (memory.grow (i32.const -1))) "
     "(memory.size)",
     WASI_LIGHT_RETURNED, "", PAGES, false, false, 1},
    {"grows a table to its end",
     "(loop (br_if 0 (i32.ne (table.grow $t (ref.func $recurse_calling) (i32.const 100)) (i32.const -1)))) (drop "
     "(table.grow $t (ref.null func) (i32.const -1))) (table.size $t)",
     WASI_LIGHT_RETURNED, "", ELEMENTS, true, false, 1},
    {"writes 2^32-1 buffers", "(call $fd_write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 128))",
     WASI_LIGHT_RETURNED, "", WASI_LIGHT_EFAULT, false, false, 1},
    {"reads into 2^32-1 buffers", "(call $fd_read (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 128))",
     WASI_LIGHT_RETURNED, "", WASI_LIGHT_EFAULT, false, false, 1},
    {"has 2^32-1 subscriptions", "(call $poll_oneoff (i32.const 32) (i32.const 256) (i32.const -1) (i32.const 128))",
     WASI_LIGHT_RETURNED, "", WASI_LIGHT_EINVAL, false, false, 1},
    {"draws 4 GiB", "(call $random_get (i32.const 0) (i32.const -1))", WASI_LIGHT_RETURNED, "", WASI_LIGHT_EFAULT,
     false, false, 1},
    {"writes 4 GiB",
     "(i32.store (i32.const 4) (i32.const -1)) (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const "
     "128))",
     WASI_LIGHT_RETURNED, "", WASI_LIGHT_EFAULT, false, false, 1},
    {"raises", "(call $proc_raise (i32.const 6))", WASI_LIGHT_RAISED, "signal 6", 6, false, false, 1},
    {"exits", "(call $proc_exit (i32.const 9)) (unreachable)", WASI_LIGHT_EXITED, "9", 9, false, true, 1},
    {"traps", "(unreachable)", WASI_LIGHT_TRAPPED, "unreachable", 0, false, false, 1},
    {"reads behind its memory", "(i32.load (i32.const -1))", WASI_LIGHT_TRAPPED, "out of bounds", 0, false, false, 1},
    {"closes its streams", "(drop (call $fd_close (i32.const 1))) (call $fd_close (i32.const 1))", WASI_LIGHT_RETURNED,
     "", WASI_LIGHT_EBADF, false, false, 1},
};
/* clang-format on */
enum { ACTS = sizeof acts / sizeof acts[0], RECURSES = 2, THROUGH_HOST = 5, FOR_EVER_THROUGH_HOST = 6, NO_ACT = -1 };

/* ---- The guest --------------------------------------------------------------------------------------- */

/* What it does at first is what env.act says: nothing, if that is NO_ACT. */
static const char guest_head[] =
    WASI("fd_write", "(param i32 i32 i32 i32) (result i32)") WASI("fd_read", "(param i32 i32 i32 i32) (result i32)")
        WASI("poll_oneoff", "(param i32 i32 i32 i32) (result i32)") WASI("random_get", "(param i32 i32) (result i32)")
            WASI("proc_raise", "(param i32) (result i32)") WASI("proc_exit", "(param i32)") WASI(
                "fd_close", "(param i32) (result i32)") "(import \"env\" \"act\" (func $act (result i32))) "
                                                        "(import \"env\" \"again\" (func $again (param i32) "
                                                        "(result i32)))"
                                                        "(memory (export \"memory\") 5) (global $n (mut i32) "
                                                        "(i32.const 0))"
                                                        "(data (i32.const 0) "
                                                        "\"\\00\\10\\00\\00\\10\\00\\00\\00\")" /* 16 bytes at 4096 */
                                                        "(data (i32.const 48) \"\\01\") (data (i32.const 56) "
                                                        "\"\\00\\ca\\9a\\3b\")" /* the monotonic clock, a second */
                                                        "(func $recurse (param i32) (result i32) (i32.add "
                                                        "(call $recurse (local.get 0)) (i32.const 1)))"
                                                        "(func $wide (param f64) (result i32) (local v128 v128 "
                                                        "v128 v128 i64 i64 i64 i64)"
                                                        "  (local.set 5 (i64.trunc_sat_f64_s (local.get 0)))"
                                                        "  (i32.add (call $wide (f64.add (local.get 0) "
                                                        "(f64.const 1))) (i32.wrap_i64 (local.get 5))))"
                                                        "(func $recurse_calling (result i32) (drop (call "
                                                        "$fd_write (i32.const 1) (i32.const 0) (i32.const 0) "
                                                        "(i32.const 128)))"
                                                        "  (i32.add (call $recurse_calling) (i32.const 1)))"
                                                        "(func (export \"count\") (result i32)"
                                                        "  (global.set $n (i32.add (global.get $n) (i32.const "
                                                        "1))) (global.get $n))"
                                                        "(func (export \"nest\") (param i32) (result i32) "
                                                        "(drop (call $again (local.get 0))) (i32.const 77))"
                                                        /* what it did must be seen if it is not put back */
                                                        "(func $do (export \"do\") (param i32) (result i32)"
                                                        "  (memory.fill (i32.const 8192) (i32.const 0x5e) "
                                                        "(i32.const 70000)) (global.set $n (i32.const 1000))";

typedef enum start_t { NOTHING, INITIALIZE, START_SECTION } start_t;

static rig_bytes_t assemble(start_t start, bool with_table) {
  static const char *const starts[] = {"", "(func (export \"_initialize\") (call $first))", "(start $first)"};
  static char wat[32768];
  size_t at = (size_t)snprintf(wat, sizeof wat, "(module %s", guest_head);
  for (int i = 0; i < ACTS; i++) {
    if (acts[i].needs_table && !with_table) continue;
    at += (size_t)snprintf(wat + at, sizeof wat - at,
                           "(if (i32.eq (local.get 0) (i32.const %d)) (then (return (call $a%d))))", i, i);
  }
  at += (size_t)snprintf(wat + at, sizeof wat - at, "(unreachable))");
  for (int i = 0; i < ACTS; i++) {
    if (acts[i].needs_table && !with_table) continue;
    at += (size_t)snprintf(wat + at, sizeof wat - at, "(func $a%d (result i32) %s)", i, acts[i].body);
  }
  snprintf(wat + at, sizeof wat - at,
           "(func $first (local i32) (local.set 0 (call $act))"
           "  (if (i32.ge_s (local.get 0) (i32.const 0)) (then (drop (call $do (local.get 0))))))%s%s)",
           with_table ? "(table $t 1 funcref) (elem declare func $recurse_calling)" : "", starts[start]);
  return rig_assemble(wat);
}

/* ---- The host ---------------------------------------------------------------------------------------- */

static _Thread_local int act_at_first = NO_ACT;
static _Thread_local uint32_t deepest, level;
static _Thread_local wasi_light_outcome_t innermost; /* of the calls back, the first that ended */
static _Thread_local bool has_innermost;

static wasm_trap_t *on_act(wasi_light_instance_t *instance, void *data, const wasm_val_t *args, wasm_val_t *results) {
  results[0].of.i32 = act_at_first;
  return NULL;
}

/* Calls the guest again, and swallows whatever comes of it. */
static wasm_trap_t *on_again(wasi_light_instance_t *instance, void *data, const wasm_val_t *args, wasm_val_t *results) {
  wasm_val_t result = I32(-1);
  if (++level > deepest) deepest = level;
  wasi_light_outcome_t outcome = wasi_light_call_name(instance, "do", args, 1, &result, 1);
  if (!has_innermost) innermost = outcome;
  has_innermost = true;
  level--;
  results[0].of.i32 = outcome.kind == WASI_LIGHT_RETURNED ? result.of.i32 : -1;
  return NULL;
}

typedef struct host_t {
  wasi_light_config_t *config;
  wasi_light_module_t *module;
  wasi_light_pool_t *pool;
  wasi_light_instance_t *model; /* a fresh one, which is never called */
} host_t;

static wasi_light_config_t *configure(void) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.clock.mode = WASI_LIGHT_CLOCK_VIRTUAL;
  options.sleep = (wasi_light_sleep_options_t){.mode = WASI_LIGHT_SLEEP_VIRTUAL, .max_total_ns = HOUR_NS};
  options.quota = (wasi_light_quota_t){.calls = CALLS, .out_bytes = OUT_BYTES, .random_bytes = 65536};
  options.raise = WASI_LIGHT_RAISE_OUTCOME;
  options.out = options.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 256};
  return rig_config(&options);
}

static wasi_light_instance_t *fresh(const host_t *host) {
  wasi_light_error_t error;
  wasi_light_instance_t *instance = wasi_light_instance_new(host->module, host->config, NULL, &error);
  if (!instance) fail_msg("%s", error.message);
  return instance;
}

static void start_host(host_t *host, start_t start, bool with_table) {
  static const rig_func_t funcs[] = {{"act", "()i", on_act, NULL}, {"again", "(i)i", on_again, NULL}};
  wasi_light_limits_t limits = WASI_LIGHT_LIMITS_INIT;
  wasi_light_error_t error;
  rig_bytes_t bytes = assemble(start, with_table);
  wasi_light_linker_t *linker = rig_linker(funcs, COUNT(funcs));
  limits.memory_pages = PAGES;
  limits.table_elements = ELEMENTS;
  limits.points_per_call = POINTS;
  assert_int_equal(limits.nested_calls, NESTED);
  host->config = configure();
  host->module = wasi_light_module_new(rig_engine(), bytes.data, bytes.size, linker, &limits, &error);
  if (!host->module) fail_msg("%s", error.message);
  assert_int_equal(wasi_light_module_recyclable(host->module), !with_table);
  host->pool = wasi_light_pool_new(host->module, host->config, NULL, &error);
  assert_non_null(host->pool);
  host->model = fresh(host);
  wasi_light_linker_delete(linker);
  rig_bytes_end(&bytes);
}

static void end_host(host_t *host) {
  wasi_light_instance_delete(host->model);
  wasi_light_pool_delete(host->pool);
  wasi_light_module_delete(host->module);
  wasi_light_config_delete(host->config);
}

static wasi_light_instance_t *take(const host_t *host) {
  wasi_light_error_t error;
  wasi_light_instance_t *instance = wasi_light_pool_take(host->pool, NULL, &error);
  if (!instance) fail_msg("%s", error.message);
  return instance;
}

static void give(const host_t *host, wasi_light_instance_t *instance) {
  wasi_light_error_t error;
  if (!wasi_light_pool_give(host->pool, instance, &error)) fail_msg("%s", error.message);
}

/* Memory, what is used up, output and behaviour are those of a fresh instance. */
static void assert_as_new(const host_t *host, wasi_light_instance_t *instance) {
  size_t size = 1;
  uint64_t dropped = 1;
  wasi_light_view_t memory = pool_memory(instance);
  wasi_light_view_t model = pool_memory(host->model);
  wasi_light_usage_t usage = wasi_light_env_usage(wasi_light_instance_env(instance));
  wasi_light_usage_t model_usage = wasi_light_env_usage(wasi_light_instance_env(host->model));
  assert_int_equal(memory.size, model.size);
  assert_memory_equal(memory.base, model.base, memory.size);
  assert_memory_equal(&usage, &model_usage, sizeof usage);
  assert_int_equal(wasi_light_instance_points_used(instance), wasi_light_instance_points_used(host->model));
  wasi_light_env_captured(wasi_light_instance_env(instance), 1, &size, &dropped);
  assert_int_equal(size + dropped, 0);
  assert_int_equal(pool_i32(instance, "count", NO_ARGS), 1);
}

/* ---- One act ----------------------------------------------------------------------------------------- */

static void assert_outcome(const act_t *act, const wasi_light_outcome_t *outcome, const wasm_val_t *result) {
  bool good = outcome->kind == act->kind && strstr(outcome->message, act->message);
  if (good && act->kind == WASI_LIGHT_RETURNED && result) good = (uint32_t)result->of.i32 == act->number;
  if (good && act->kind == WASI_LIGHT_EXITED) good = outcome->exit_code == act->number;
  if (good && act->kind == WASI_LIGHT_RAISED) good = outcome->signal == act->number;
  if (!good) {
    fail_msg("a guest that %s: outcome %d, \"%s\", result %d", act->name, (int)outcome->kind, outcome->message,
             result ? result->of.i32 : 0);
  }
}

static void forget(void) {
  deepest = level = 0;
  has_innermost = false;
}

static void do_act(wasi_light_instance_t *instance, int i) {
  wasm_val_t result = I32(-2);
  forget();
  wasi_light_outcome_t outcome = wasi_light_call_name(instance, "do", ARGS(I32(i)), &result, 1);
  assert_outcome(&acts[i], &outcome, &result);
  if (i != THROUGH_HOST && i != FOR_EVER_THROUGH_HOST) return;
  assert_int_equal(deepest, NESTED);
  assert_int_equal(innermost.kind, WASI_LIGHT_LIMIT);
  ASSERT_CONTAINS(innermost.message, "64 calls are in the instance");
}

/* The host function has the act's outcome in hand; what it swallows is over, but for what is for good. */
static void do_nested(wasi_light_instance_t *instance, int i) {
  const act_t *act = &acts[i];
  wasm_val_t result = I32(-2);
  forget();
  wasi_light_outcome_t outcome = wasi_light_call_name(instance, "nest", ARGS(I32(i)), &result, 1);
  if (i != THROUGH_HOST && i != FOR_EVER_THROUGH_HOST) assert_outcome(act, &innermost, NULL);
  if (act->for_good) {
    assert_outcome(act, &outcome, NULL);
  } else {
    ASSERT_OUTCOME(outcome, RETURNED, "");
    assert_int_equal(result.of.i32, RESULT);
  }
}

typedef void (*do_t)(wasi_light_instance_t *instance, int i);

static void in_a_lease(const host_t *host, int i, do_t does) {
  wasi_light_instance_t *instance = take(host);
  does(instance, i);
  give(host, instance);
  instance = take(host);
  assert_as_new(host, instance);
  give(host, instance);
}

static void in_an_instance(const host_t *host, int i, do_t does) {
  wasi_light_instance_t *instance = fresh(host);
  does(instance, i);
  wasi_light_instance_delete(instance);
  instance = fresh(host);
  assert_as_new(host, instance);
  wasi_light_instance_delete(instance);
}

static wasi_light_error_code_t error_of(wasi_light_outcome_kind_t kind) {
  return kind == WASI_LIGHT_LIMIT    ? WASI_LIGHT_ERROR_LIMIT
         : kind == WASI_LIGHT_EXITED ? WASI_LIGHT_ERROR_EXIT
         : kind == WASI_LIGHT_RAISED ? WASI_LIGHT_ERROR_RAISED
                                     : WASI_LIGHT_ERROR_TRAP;
}

/* While an instance is made: there is none, or it is one that did the act and works. */
static void at_first(const host_t *host, int i, bool pooled) {
  wasi_light_error_t error = {.code = WASI_LIGHT_ERROR_OK};
  const act_t *act = &acts[i];
  bool ends = act->kind != WASI_LIGHT_RETURNED;
  if (pooled && !ends) return; /* what it did would be in the pool's snapshot, as it should */
  wasi_light_instance_t *other = pooled ? take(host) : NULL; /* the only one: the next must be made */
  forget();
  act_at_first = i;
  wasi_light_instance_t *instance = pooled ? wasi_light_pool_take(host->pool, NULL, &error)
                                           : wasi_light_instance_new(host->module, host->config, NULL, &error);
  act_at_first = NO_ACT;
  if (ends && (instance || error.code != error_of(act->kind) || !strstr(error.message, act->message))) {
    fail_msg("a guest that %s at first: error %d, %s", act->name, (int)error.code, error.message);
  }
  if (!ends && !instance) fail_msg("a guest that %s at first: %s", act->name, error.message);
  if (instance) pool_i32(instance, "count", NO_ARGS);
  wasi_light_instance_delete(instance);
  if (pooled) give(host, other);
  instance = pooled ? take(host) : fresh(host);
  assert_as_new(host, instance);
  if (pooled) give(host, instance);
  else wasi_light_instance_delete(instance);
}

/* ---- All of them, everywhere, again and again ---------------------------------------------------------- */

typedef enum place_t {
  LEASE,
  INSTANCE,
  NESTED_IN_LEASE,
  NESTED_IN_INSTANCE,
  FIRST_IN_LEASE,
  FIRST_IN_INSTANCE
} place_t;

static void act_in(const host_t *host, int i, place_t place) {
  switch (place) {
    case LEASE: in_a_lease(host, i, do_act); break;
    case INSTANCE: in_an_instance(host, i, do_act); break;
    case NESTED_IN_LEASE: in_a_lease(host, i, do_nested); break;
    case NESTED_IN_INSTANCE: in_an_instance(host, i, do_nested); break;
    default: at_first(host, i, place == FIRST_IN_LEASE); break;
  }
}

static void expect_flat(const char *what, int place, const size_t before[3]) {
  size_t after[3] = {pool_descriptors(), pool_mappings(), pool_resident()};
  bool flat =
      after[0] == before[0] && (pool_sanitized() || (after[1] <= before[1] + 8 && after[2] <= before[2] + (2 << 20)));
  if (flat) return;
  fail_msg("a guest that %s, place %d: %zu -> %zu descriptors, %zu -> %zu mappings, %zu -> %zu bytes resident", what,
           place, before[0], after[0], before[1], after[1], before[2], after[2]);
}

static void act_everywhere(const host_t *host, place_t first, place_t last, bool only_table, size_t rounds) {
  for (int i = 0; i < ACTS; i++) {
    if (acts[i].needs_table != only_table) continue;
    for (int place = (int)first; place <= (int)last; place++) {
      size_t before[3] = {pool_descriptors(), pool_mappings(), pool_resident()};
      for (size_t round = 0; round < rounds; round++) {
        if (round % acts[i].share == 0) act_in(host, i, (place_t)place);
        if (round == rounds / 10) { /* what is made once, is made */
          before[0] = pool_descriptors(), before[1] = pool_mappings(), before[2] = pool_resident();
        }
      }
      expect_flat(acts[i].name, place, before);
    }
  }
}

/* In each place: there are eight. */
static size_t rounds(void) {
  return pool_times("WASI_LIGHT_TEST_ROUNDS", 125);
}

static void test_calls(void **state) {
  host_t host;
  start_host(&host, NOTHING, false);
  act_everywhere(&host, LEASE, NESTED_IN_INSTANCE, false, rounds());
  end_host(&host);
}

static void test_initialize(void **state) {
  host_t host;
  start_host(&host, INITIALIZE, false);
  act_everywhere(&host, FIRST_IN_LEASE, FIRST_IN_INSTANCE, false, rounds());
  end_host(&host);
}

static void test_start_section(void **state) {
  host_t host;
  start_host(&host, START_SECTION, false);
  act_everywhere(&host, FIRST_IN_LEASE, FIRST_IN_INSTANCE, false, rounds());
  end_host(&host);
}

/* A table that can grow makes instances that are replaced. */
static void test_tables(void **state) {
  for (int start = NOTHING; start <= START_SECTION; start++) {
    host_t host;
    start_host(&host, (start_t)start, true);
    if (start == NOTHING) act_everywhere(&host, LEASE, NESTED_IN_INSTANCE, true, rounds());
    else act_everywhere(&host, FIRST_IN_LEASE, FIRST_IN_INSTANCE, true, rounds());
    end_host(&host);
  }
}

/* ---- A thread with a small stack: guests have stacks of their own, and calls within each other are counted ------ */

/* An assertion that fails ends the process here, which is a failure too. */
static void *act_in_a_small_stack(void *data) {
  const host_t *host = data;
  for (size_t round = 0; round < rounds(); round++) {
    for (int i = 0; i < ACTS; i++) {
      if (acts[i].needs_table || round % (10 * acts[i].share) != 0) continue;
      act_in(host, i, round % 20 ? LEASE : INSTANCE);
      act_in(host, i, round % 20 ? NESTED_IN_LEASE : NESTED_IN_INSTANCE);
    }
    for (int i = RECURSES; i <= THROUGH_HOST; i++) in_a_lease(host, i, do_act);
  }
  return NULL;
}

static void test_a_small_stack(void **state) {
  enum { STACK = 256 << 10 };
  pthread_attr_t attributes;
  pthread_t thread;
  host_t host;
  start_host(&host, NOTHING, false);
  assert_int_equal(pthread_attr_init(&attributes), 0);
  assert_int_equal(pthread_attr_setstacksize(&attributes, pool_sanitized() ? 4 * STACK : STACK), 0);
  assert_int_equal(pthread_create(&thread, &attributes, act_in_a_small_stack, &host), 0);
  assert_int_equal(pthread_join(thread, NULL), 0);
  pthread_attr_destroy(&attributes);
  end_host(&host);
}

static const struct CMUnitTest
    tests
        [] =
            {
                cmocka_unit_test(test_calls),         cmocka_unit_test(test_initialize),
                cmocka_unit_test(test_start_section), cmocka_unit_test(test_tables),
                cmocka_unit_test(test_a_small_stack), /* last: the engine keeps the 64 stacks that it needs */
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
