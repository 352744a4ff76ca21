/* SPDX-License-Identifier: MIT */
/* Rules, limits and raised signals on the engine: their outcomes in calls and at the start, and in leases of a pool. */
#include "chacha20.h"
#include "pool_rig.h"

#define WASI(name, type) "(import \"wasi_snapshot_preview1\" \"" name "\" (func $" name " " type "))"

/*
 * Each export calls WASI and sets `after` when it is let go on. `print` writes bytes of "0123456789..." to a descriptor,
 * `draw` is 8 random bytes, `nap` sleeps nanoseconds.
 */
#define PARTS                                                                                            \
  WASI("fd_write", "(param i32 i32 i32 i32) (result i32)")                                               \
  WASI("random_get", "(param i32 i32) (result i32)")                                                     \
  WASI("sched_yield", "(result i32)")                                                                    \
  WASI("proc_raise", "(param i32) (result i32)")                                                         \
  WASI("proc_exit", "(param i32)")                                                                       \
  WASI("poll_oneoff", "(param i32 i32 i32 i32) (result i32)")                                            \
  "(import \"env\" \"host\" (func $host))"                                                               \
  "(memory (export \"memory\") 1) (data (i32.const 64) \"0123456789\\0aABCDEFGHI\")"                     \
  "(data (i32.const 272) \"\\01\")"                                                                      \
  "(global $after (export \"after\") (mut i32) (i32.const 0))"                                           \
  "(func $done (param i32) (result i32) (global.set $after (i32.add (global.get $after) (i32.const 1)))" \
  "  (local.get 0))"                                                                                     \
  "(func $print (export \"print\") (param i32 i32) (result i32)"                                         \
  "  (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (local.get 1))"                   \
  "  (call $done (call $fd_write (local.get 0) (i32.const 0) (i32.const 1) (i32.const 8))))"             \
  "(func $draw (export \"draw\") (result i64)"                                                           \
  "  (drop (call $done (call $random_get (i32.const 128) (i32.const 8)))) (i64.load (i32.const 128)))"   \
  "(func (export \"yield\") (result i32) (call $done (call $sched_yield)))"                              \
  "(func (export \"raise\") (param i32) (result i32) (call $done (call $proc_raise (local.get 0))))"     \
  "(func (export \"exit\") (call $proc_exit (i32.const 3)))"                                             \
  "(func (export \"nap\") (param i64) (result i32) (i64.store (i32.const 280) (local.get 0))"            \
  "  (call $done (call $poll_oneoff (i32.const 256) (i32.const 320) (i32.const 1) (i32.const 16))))"     \
  "(func (export \"to_host\") (call $host) (drop (call $done (i32.const 0))))"                           \
  "(func (export \"grow\") (result i32) (memory.grow (i32.const 1)))"                                    \
  "(func (export \"five\") (result i32) (i32.const 5))"
#define GUEST "(module " PARTS ")"

static wasm_trap_t *on_host(wasi_light_instance_t *instance, void *data, const wasm_val_t *args, wasm_val_t *results) {
  wasi_light_outcome_t *outcome = data;
  wasm_val_t arg = I32(6);
  wasm_val_t result = I32(0);
  if (outcome) *outcome = wasi_light_call_name(instance, "raise", &arg, 1, &result, 1);
  return NULL;
}

static wasi_light_module_t *new_module(const char *wat, wasi_light_outcome_t *inner) {
  const rig_func_t func = {"host", "()", on_host, inner};
  wasi_light_linker_t *linker = rig_linker(&func, 1);
  wasi_light_module_t *module = rig_module(wat, linker);
  wasi_light_linker_delete(linker);
  return module;
}

static void start(rig_t *rig, const wasi_light_options_t *options) {
  rig_start_module(rig, new_module(GUEST, NULL), options, NULL);
}

static int32_t after(const rig_t *rig) {
  return rig_global(rig, "after").of.i32;
}

/* ---- Outcomes of calls ------------------------------------------------------------------------------------------- */

static void test_limits(void **state) {
  static const wasi_light_rule_t rule = {"sched_yield", WASI_LIGHT_ALLOW, 0, NULL, 2};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  rig_t rig;
  options.quota = (wasi_light_quota_t){.calls = 12, .out_bytes = 10, .random_bytes = 16};
  options.rules = &rule;
  options.rule_count = 1;
  start(&rig, &options);
  assert_int_equal(rig_call(&rig, "print", ARGS(I32(1), I32(10))).of.i32, 0);
  for (int i = 0; i < 2; i++) rig_call(&rig, "draw", NO_ARGS);
  for (int i = 0; i < 2; i++) rig_call(&rig, "yield", NO_ARGS);
  assert_int_equal(after(&rig), 5);
  for (int i = 0; i < 2; i++) {
    ASSERT_OUTCOME(rig_try(&rig, "print", ARGS(I32(2), I32(1))), LIMIT, "fd_write: ");
    ASSERT_OUTCOME(rig_try(&rig, "draw", NO_ARGS), LIMIT, "random_get: ");
    ASSERT_OUTCOME(rig_try(&rig, "yield", NO_ARGS), LIMIT, "sched_yield: ");
    assert_int_equal(rig_call(&rig, "five", NO_ARGS).of.i32, 5); /* what needs no WASI */
    assert_int_equal(after(&rig), 5);                            /* a stopped guest does not run on */
  }
  assert_int_equal(rig_call(&rig, "raise", ARGS(I32(6))).of.i32, WASI_LIGHT_ENOTSUP); /* call number 12 */
  ASSERT_OUTCOME(rig_try(&rig, "raise", ARGS(I32(6))), LIMIT, "proc_raise: ");
  ASSERT_OUTCOME(rig_try(&rig, "exit", NO_ARGS), LIMIT, "proc_exit: ");
  assert_int_equal(rig_call(&rig, "five", NO_ARGS).of.i32, 5);
  assert_int_equal(wasi_light_env_usage(wasi_light_instance_env(rig.instance)).calls, 14);
  rig_end(&rig);
}

static void test_denied(void **state) {
  static const wasi_light_rule_t rules[] = {{"sched_yield", WASI_LIGHT_DENY_TRAP, 0, "no yielding here", 0},
                                            {"proc_exit", WASI_LIGHT_DENY_TRAP, 0, NULL, 0},
                                            {"proc_raise", WASI_LIGHT_DENY_ERRNO, WASI_LIGHT_EPERM, NULL, 0}};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  rig_t rig;
  options.rules = rules;
  options.rule_count = COUNT(rules);
  start(&rig, &options);
  for (int i = 1; i < 4; i++) {
    ASSERT_OUTCOME(rig_try(&rig, "yield", NO_ARGS), TRAPPED, "sched_yield is denied by the host: no yielding here");
    ASSERT_OUTCOME(rig_try(&rig, "exit", NO_ARGS), TRAPPED, "proc_exit is denied by the host");
    assert_int_equal(rig_call(&rig, "raise", ARGS(I32(6))).of.i32, WASI_LIGHT_EPERM);
    assert_int_equal(after(&rig), i);
  }
  rig_end(&rig);
}

static void test_raised(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  rig_t rig;
  options.raise = WASI_LIGHT_RAISE_OUTCOME;
  start(&rig, &options);
  for (int32_t signal = 1; signal < 31; signal++) {
    char text[64];
    wasi_light_outcome_t outcome = rig_try(&rig, "raise", ARGS(I32(signal)));
    snprintf(text, sizeof text, "the guest raised signal %d", signal);
    ASSERT_OUTCOME(outcome, RAISED, text);
    assert_int_equal(outcome.signal, signal);
    assert_int_equal(after(&rig), 0);
    assert_int_equal(rig_call(&rig, "five", NO_ARGS).of.i32, 5);
  }
  assert_int_equal(rig_call(&rig, "raise", ARGS(I32(31))).of.i32, WASI_LIGHT_EINVAL);
  assert_int_equal(rig_call(&rig, "raise", ARGS(I32(0))).of.i32, WASI_LIGHT_EINVAL);
  wasi_light_outcome_t outcome = rig_try(&rig, "exit", NO_ARGS);
  ASSERT_EXITED(outcome, 3);
  assert_int_equal(outcome.signal, 0);
  rig_end(&rig);
}

/* Of a call within a call: the inner one ends, and the host function has it in hand. */
static void test_raised_within(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_outcome_t inner;
  rig_t rig;
  options.raise = WASI_LIGHT_RAISE_OUTCOME;
  rig_start_module(&rig, new_module(GUEST, &inner), &options, NULL);
  wasi_light_outcome_t outcome = rig_try(&rig, "to_host", NO_ARGS);
  ASSERT_OUTCOME(inner, RAISED, "signal 6");
  assert_int_equal(inner.signal, 6);
  ASSERT_OUTCOME(outcome, RETURNED, "");
  assert_int_equal(after(&rig), 1); /* the outer one's */
  rig_end(&rig);
}

static void test_the_import_object(void **state) {
  static const wasi_light_rule_t rules[] = {{"random_get", WASI_LIGHT_DENY_TRAP, 0, "text", 0},
                                            {"sched_yield", WASI_LIGHT_ALLOW, 0, NULL, 1}};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  raw_t raw;
  options.rules = rules;
  options.rule_count = COUNT(rules);
  options.raise = WASI_LIGHT_RAISE_OUTCOME;
  raw_start_with(
      &raw,
      "(module " WASI("random_get", "(param i32 i32) (result i32)") WASI("sched_yield", "(result i32)")
          WASI("proc_raise",
               "(param i32) (result i32)") "(func (export \"draw\") (result i32) (call $random_get (i32.const 0) "
                                           "(i32.const 0)))"
                                           "(func (export \"yield\") (result i32) (call $sched_yield))"
                                           "(func (export \"raise\") (result i32) (call $proc_raise (i32.const 11))))",
      &options);
  ASSERT_OUTCOME(raw_link(&raw, NULL, 0), RETURNED, "");
  ASSERT_OUTCOME(raw_try(&raw, "draw", NO_ARGS), TRAPPED, "random_get is denied by the host: text");
  assert_int_equal(raw_call(&raw, "yield", NO_ARGS).of.i32, 0);
  ASSERT_OUTCOME(raw_try(&raw, "yield", NO_ARGS), LIMIT, "sched_yield: ");
  wasi_light_outcome_t outcome = raw_try(&raw, "raise", NO_ARGS);
  ASSERT_OUTCOME(outcome, RAISED, "signal 11");
  assert_int_equal(outcome.signal, 11);
  raw_end(&raw);
}

/* ---- At the start ------------------------------------------------------------------------------------------------ */

static wasi_light_error_t no_instance(const char *start, const wasi_light_options_t *options) {
  wasi_light_error_t error = {.code = WASI_LIGHT_ERROR_OK, .exit_code = 77};
  char wat[6000];
  snprintf(wat, sizeof wat, "(module " PARTS "%s)", start);
  wasi_light_module_t *module = new_module(wat, NULL);
  wasi_light_config_t *config = rig_config(options);
  assert_null(wasi_light_instance_new(module, config, NULL, &error));
  assert_int_equal(error.exit_code, 0);
  wasi_light_config_delete(config);
  wasi_light_module_delete(module);
  return error;
}

static void test_errors_at_the_start(void **state) {
  static const char *const forms[] = {"(func $s %s) (start $s)", "(func (export \"_initialize\") %s)"};
  static const char *const where[] = {"the start section: ", "_initialize: "};
  static const wasi_light_rule_t rules[] = {{"sched_yield", WASI_LIGHT_DENY_TRAP, 0, "text", 0},
                                            {"proc_exit", WASI_LIGHT_ALLOW, 0, NULL, 1}};
  static const struct {
    const char *code, *message;
    int error;
  } cases[] = {
      {"(drop (call $sched_yield))", "sched_yield is denied by the host: text", WASI_LIGHT_ERROR_TRAP},
      {"(drop (call $proc_raise (i32.const 6)))", "the guest raised signal 6", WASI_LIGHT_ERROR_RAISED},
      {"(drop (call $print (i32.const 1) (i32.const 3)))", "fd_write: ", WASI_LIGHT_ERROR_LIMIT},
      {"(drop (call $draw))", "random_get: ", WASI_LIGHT_ERROR_LIMIT},
      {"(drop (call $random_get (i32.const 0) (i32.const 0)))"
       "(drop (call $random_get (i32.const 0) (i32.const 0)))"
       "(drop (call $random_get (i32.const 0) (i32.const 0)))",
       "random_get: ", WASI_LIGHT_ERROR_LIMIT},
  };
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.rules = rules;
  options.rule_count = COUNT(rules);
  options.raise = WASI_LIGHT_RAISE_OUTCOME;
  options.quota = (wasi_light_quota_t){.calls = 2, .out_bytes = 2, .random_bytes = 7};
  for (size_t i = 0; i < COUNT(cases); i++) {
    for (int form = 0; form < 2; form++) {
      char start[500];
      snprintf(start, sizeof start, forms[form], cases[i].code);
      wasi_light_error_t error = no_instance(start, &options);
      rig_assert_error(&error, cases[i].error, cases[i].message, __FILE__, __LINE__);
      ASSERT_CONTAINS(error.message, where[form]);
    }
  }
}

/* ---- Hooks ------------------------------------------------------------------------------------------------------- */

typedef struct hook_t {
  rig_t *rig, *other;
  int calls;
  wasi_light_outcome_t mine;
  int32_t others;
} hook_t;

static void on_yield(void *host) {
  hook_t *hook = host;
  wasm_val_t result = I32(0);
  hook->calls++;
  wasi_light_env_flush(wasi_light_instance_env(hook->rig->instance)); /* has a callback of its own */
  hook->mine = wasi_light_call_name(hook->rig->instance, "five", NO_ARGS, &result, 1);
  wasi_light_call_name(hook->other->instance, "five", NO_ARGS, &result, 1);
  hook->others = result.of.i32;
}

static void on_line(void *host, uint32_t fd, const char *line, size_t size, bool continues) {
  hook_t *hook = host;
  wasm_val_t result = I32(0);
  if (hook) hook->mine = wasi_light_call_name(hook->rig->instance, "five", NO_ARGS, &result, 1);
}

/* They cannot enter the instance whose call they are in, and can enter another. */
static void test_hooks_do_not_enter(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  hook_t hook = {.calls = 0};
  rig_t rig;
  rig_t other;
  options.yield = on_yield;
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_LINES, .line_size = 16, .line = on_line};
  start(&other, NULL);
  rig_start_module(&rig, new_module(GUEST, NULL), &options, &hook);
  hook.rig = &rig;
  hook.other = &other;
  rig_call(&rig, "print", ARGS(I32(1), I32(3)));
  assert_int_equal(rig_call(&rig, "yield", NO_ARGS).of.i32, 0);
  assert_int_equal(hook.calls, 1);
  ASSERT_OUTCOME(hook.mine, REFUSED, "callback");
  assert_int_equal(hook.others, 5);
  hook.mine.kind = WASI_LIGHT_RETURNED;
  rig_call(&rig, "print", ARGS(I32(1), I32(11)));
  ASSERT_OUTCOME(hook.mine, REFUSED, "callback");
  assert_int_equal(rig_call(&rig, "five", NO_ARGS).of.i32, 5);
  rig_end(&rig);
  rig_end(&other);
}

/* ---- Leases ------------------------------------------------------------------------------------------------------ */

#define INIT                                                                                            \
  "(func (export \"_initialize\") (drop (call $print (i32.const 1) (i32.const 3))) (drop (call $draw))" \
  "  (drop (call $print (i32.const 2) (i32.const 2))) (drop (call $sched_yield)))"

/* How often a guest comes through until it is stopped, by this or that. */
typedef struct spent_t {
  int prints, draws, yields, naps;
  wasi_light_usage_t at_first;
  uint64_t writes_at_first, writes;
} spent_t;

static int count(wasi_light_instance_t *instance, const char *name, const wasm_val_t *args, size_t arg_count) {
  int times = 0;
  for (;; times++) {
    wasi_light_outcome_t outcome = pool_try(instance, name, args, arg_count);
    if (outcome.kind == WASI_LIGHT_LIMIT) return times;
    ASSERT_OUTCOME(outcome, RETURNED, "");
    if (times > 1000) fail_msg("%s has no limit", name);
  }
}

static spent_t spend(wasi_light_instance_t *instance) {
  const wasi_light_env_t *env = wasi_light_instance_env(instance);
  spent_t spent;
  memset(&spent, 0, sizeof spent);
  spent.at_first = wasi_light_env_usage(env);
  spent.writes_at_first = wasi_light_env_calls(env, "fd_write");
  spent.prints = count(instance, "print", ARGS(I32(1), I32(7)));
  spent.draws = count(instance, "draw", NO_ARGS);
  spent.naps = count(instance, "nap", ARGS(I64(1000)));
  spent.yields = count(instance, "yield", NO_ARGS);
  spent.writes = wasi_light_env_calls(env, "fd_write");
  return spent;
}

static void test_limits_of_leases(void **state) {
  static const wasi_light_rule_t rule = {"random_get", WASI_LIGHT_ALLOW, 0, NULL, 9};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_module_t *module = new_module("(module " PARTS INIT ")", NULL);
  rig_t fresh;
  pool_rig_t rig;
  options.quota = (wasi_light_quota_t){.calls = 60, .out_bytes = 64, .random_bytes = 300};
  options.rules = &rule;
  options.rule_count = 1;
  options.count_calls = true;
  options.clock.mode = WASI_LIGHT_CLOCK_VIRTUAL;
  options.sleep = (wasi_light_sleep_options_t){.mode = WASI_LIGHT_SLEEP_VIRTUAL, .max_total_ns = 5500};
  rig_start_module(&fresh, wasi_light_module_copy(module), &options, NULL);
  spent_t expected = spend(fresh.instance);
  assert_int_equal(expected.prints, 8);
  assert_int_equal(expected.draws, 8);
  assert_int_equal(expected.naps, 5);
  assert_int_equal(expected.at_first.out_bytes, 5);
  assert_int_equal(expected.at_first.random_bytes, 8);
  assert_int_equal(expected.at_first.calls, 4);
  assert_int_equal(expected.writes_at_first, 2);
  assert_int_equal(expected.writes, 2 + 8 + 1);
  assert_true(expected.yields > 0);
  pool_start(&rig, module, &options, NULL);
  for (int lease = 0; lease < 8; lease++) {
    wasi_light_instance_t *instance = pool_take(&rig);
    wasi_light_instance_t *second = lease == 4 ? pool_take(&rig) : NULL; /* new, beside those that were used */
    spent_t spent = spend(instance);
    assert_memory_equal(&spent, &expected, sizeof spent);
    if (lease % 3 == 1) ASSERT_OUTCOME(pool_try(instance, "exit", NO_ARGS), LIMIT, "proc_exit");
    if (second) spent = spend(second);
    assert_memory_equal(&spent, &expected, sizeof spent);
    pool_return(&rig, instance);
    if (second) pool_return(&rig, second);
  }
  pool_end(&rig);
  rig_end(&fresh);
}

/* A lease that was stopped in this or that way, with nobody asking for the outcome, leaves nothing of it. */
static void test_outcomes_of_leases(void **state) {
  static const wasi_light_rule_t rule = {"sched_yield", WASI_LIGHT_DENY_TRAP, 0, "text", 0};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  pool_rig_t rig;
  options.rules = &rule;
  options.rule_count = 1;
  options.raise = WASI_LIGHT_RAISE_OUTCOME;
  options.quota.out_bytes = 8;
  pool_start(&rig, new_module(GUEST, NULL), &options, NULL);
  for (int lease = 0; lease < 9; lease++) {
    wasi_light_instance_t *instance = pool_take(&rig);
    wasi_light_env_t *env = wasi_light_instance_env(instance);
    wasi_light_outcome_t outcome;
    assert_false(wasi_light_env_stopped(env, &outcome));
    assert_int_equal(wasi_light_env_usage(env).calls, 0);
    assert_int_equal(pool_call(instance, "print", ARGS(I32(1), I32(8))).of.i32, 0);
    ASSERT_OUTCOME(pool_try(instance, "print", ARGS(I32(1), I32(1))), LIMIT, "fd_write");
    if (lease % 3 == 0) ASSERT_OUTCOME(pool_try(instance, "yield", NO_ARGS), TRAPPED, "text");
    if (lease % 3 == 1) ASSERT_OUTCOME(pool_try(instance, "raise", ARGS(I32(15))), RAISED, "signal 15");
    if (lease % 3 == 2) ASSERT_EXITED(pool_try(instance, "exit", NO_ARGS), 3);
    pool_return(&rig, instance);
  }
  pool_end(&rig);
}

/* ---- Random streams ---------------------------------------------------------------------------------------------- */

static const uint64_t seed = 77;

static int64_t number_of(uint64_t stream, uint64_t position) {
  int64_t number;
  uint8_t bytes[8];
  wasi_light__seeded_bytes(seed, stream, position, bytes, sizeof bytes);
  memcpy(&number, bytes, sizeof number);
  return number;
}

static void test_streams_of_instances(void **state) {
  enum { INSTANCES = 5 };
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_instance_t *instances[INSTANCES];
  wasi_light_module_t *module = new_module(GUEST, NULL);
  options.random_seed = &seed;
  options.next_random_stream = true;
  wasi_light_config_t *config = rig_config(&options);
  for (int i = 0; i < INSTANCES; i++) instances[i] = wasi_light_instance_new(module, config, NULL, NULL);
  for (uint64_t k = 0; k < 3; k++) {
    for (uint64_t i = INSTANCES; i-- > 0;) {
      assert_int_equal(pool_call(instances[i], "draw", NO_ARGS).of.i64, number_of(i + 1, 8 * k));
    }
  }
  for (int i = 0; i < INSTANCES; i++) wasi_light_instance_delete(instances[i]);
  wasi_light_config_delete(config);
  wasi_light_module_delete(module);
}

/* Members of a pool are instances too: each restarts in the stream of its number. */
static void test_streams_of_members(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  pool_rig_t rig;
  options.random_seed = &seed;
  options.next_random_stream = true;
  pool_start(&rig, new_module(GUEST, NULL), &options, NULL);
  for (int round = 0; round < 3; round++) {
    wasi_light_instance_t *members[2] = {pool_take(&rig), pool_take(&rig)};
    for (uint64_t i = 0; i < 2; i++) {
      assert_int_equal(pool_call(members[i], "draw", NO_ARGS).of.i64, number_of(i + 1, 0));
      assert_int_equal(pool_call(members[i], "draw", NO_ARGS).of.i64, number_of(i + 1, 8));
    }
    for (int i = 2; i-- > 0;) pool_return(&rig, members[i]);
  }
  pool_end(&rig);
}

/* What a lease's host chose is gone with the lease: the next has the stream that a new instance has. */
static void test_streams_chosen_in_a_lease(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  pool_rig_t rig;
  options.random_seed = &seed;
  pool_start(&rig, new_module(GUEST, NULL), &options, NULL);
  for (int lease = 0; lease < 3; lease++) {
    wasi_light_instance_t *instance = pool_take(&rig);
    assert_int_equal(pool_call(instance, "draw", NO_ARGS).of.i64, number_of(0, 0));
    wasi_light_env_set_random_stream(wasi_light_instance_env(instance), 9);
    assert_int_equal(pool_call(instance, "draw", NO_ARGS).of.i64, number_of(9, 0));
    pool_return(&rig, instance);
  }
  pool_end(&rig);
}

/* ---- Lines ------------------------------------------------------------------------------------------------------- */

typedef struct log_t {
  char text[200];
} log_t;

static void add_line(void *host, uint32_t fd, const char *line, size_t size, bool continues) {
  log_t *log = host;
  size_t used = strlen(log->text);
  snprintf(log->text + used, sizeof log->text - used, "%u:%.*s|", fd, (int)size, line);
}

/* A lease's unfinished line is the lease's host's, and prefix and buffers are as new, also if the member is deleted. */
static void test_lines_of_leases(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_pool_options_t pool_options = WASI_LIGHT_POOL_OPTIONS_INIT;
  log_t pools = {""};
  pool_rig_t rig;
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_LINES, .line_size = 32, .line = add_line};
  options.err = options.out;
  pool_options.host = &pools;
  pool_start(&rig, new_module(GUEST, NULL), &options, &pool_options);
  for (int lease = 0; lease < 6; lease++) {
    log_t log = {""};
    wasi_light_instance_t *instance = pool_take_for(&rig, &log);
    wasi_light_env_t *env = wasi_light_instance_env(instance);
    pool_call(instance, "print", ARGS(I32(2), I32(2)));
    if (lease % 2) wasi_light_env_set_prefix(env, "lease ");
    pool_call(instance, "print", ARGS(I32(1), I32(14)));
    assert_string_equal(log.text, lease % 2 ? "1:lease 0123456789|" : "1:0123456789|");
    if (lease % 3 == 2) pool_call(instance, "grow", NO_ARGS);
    bool kept = pool_give(&rig, instance);
    assert_int_equal(kept, lease % 3 != 2);
    assert_string_equal(log.text,
                        lease % 2 ? "1:lease 0123456789|1:lease ABC|2:lease 01|" : "1:0123456789|1:ABC|2:01|");
    for (int i = 0; kept && i < 2; i++) {
      assert_null(memmem(env->capture[i].bytes + WASI_LIGHT_PREFIX_MAX, 32, "ABC", 2));
      assert_null(memmem(env->capture[i].bytes + WASI_LIGHT_PREFIX_MAX, 32, "01", 2));
    }
  }
  pool_end(&rig);
  assert_string_equal(pools.text, "");
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_denied),
      cmocka_unit_test(test_raised),
      cmocka_unit_test(test_raised_within),
      cmocka_unit_test(test_the_import_object),
      cmocka_unit_test(test_errors_at_the_start),
      cmocka_unit_test(test_hooks_do_not_enter),
      cmocka_unit_test(test_limits_of_leases),
      cmocka_unit_test(test_outcomes_of_leases),
      cmocka_unit_test(test_streams_of_instances),
      cmocka_unit_test(test_streams_of_members),
      cmocka_unit_test(test_streams_chosen_in_a_lease),
      cmocka_unit_test(test_lines_of_leases),
  };
  return CORE_RUN(tests, argc, argv);
}
