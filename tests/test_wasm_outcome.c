/* SPDX-License-Identifier: MIT */
/*
 * How calls end: traps of the guest and of host functions, exits at any depth and after whatever host functions make of
 * them, a missing memory; and what is possible afterwards.
 */
#include "wasm_rig.h"

/* What the host function `host` does, by its argument. */
enum {
  DO_NOTHING,
  TRAP,              /* of its own */
  QUIT_SWALLOW,      /* calls `quit`, which exits, and says nothing of it */
  QUIT_TRAP,         /* calls `quit` and traps on its own account */
  CRASH_SWALLOW,     /* calls `crash`, which traps, and says nothing of it */
  NO_MEMORY_SWALLOW, /* the same of `sizes`, for which there is no memory */
  DEEPER_SWALLOW,    /* calls `outer`(QUIT_SWALLOW), so that two host functions swallow one exit */
  START_SWALLOW,     /* calls `_start`, which exits with 0 */
};

/*
 * `outer` calls `host` and then runs on: `$on` adds 1 to `ran`, and then calls `tick`. What a guest does on its own after an
 * exit shows in `ran`; in `tick` it would be stopped once more.
 */
#define GUEST                                                                                         \
  "(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))"                \
  "(import \"wasi_snapshot_preview1\" \"args_sizes_get\" (func $sizes (param i32 i32) (result i32)))" \
  "(import \"wasi_snapshot_preview1\" \"sched_yield\" (func $yield (result i32)))"                    \
  "(import \"env\" \"host\" (func $host (param i32) (result i32)))"                                   \
  "(import \"env\" \"tick\" (func $tick))"                                                            \
  "(global $ran (export \"ran\") (mut i32) (i32.const 0))"                                            \
  "(func $on (global.set $ran (i32.add (global.get $ran) (i32.const 1))) (call $tick))"               \
  "(func (export \"_start\") (call $exit (i32.const 0)) (call $on))"                                  \
  "(func (export \"quit\") (param i32) (call $exit (local.get 0)) (call $on))"                        \
  "(func (export \"crash\") unreachable)"                                                             \
  "(func (export \"tick\") (call $on))"                                                               \
  "(func (export \"yield\") (result i32) (call $yield) (call $on))"                                   \
  "(func (export \"sizes\") (result i32) (call $sizes (i32.const 0) (i32.const 0)) (call $on))"       \
  "(func (export \"outer\") (param i32) (result i32) (call $host (local.get 0)) (call $on))"          \
  "(func $deep (export \"deep\") (call $deep))"                                                       \
  "(func (export \"divide\") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))"   \
  "(func (export \"convert\") (param f64) (result i32) (i32.trunc_f64_s (local.get 0)))"              \
  "(memory 1) (func (export \"load\") (param i32) (result i32) (i32.load (local.get 0)))"             \
  "(table 1 funcref) (func (export \"indirect\") (param i32) (call_indirect (local.get 0))))"

typedef struct host_t {
  int ticks;
  wasi_light_outcome_t inner; /* of the call that the host function made */
} host_t;

static wasm_trap_t *on_tick(wasi_light_instance_t *instance, void *data, const wasm_val_t *args, wasm_val_t *results) {
  host_t *host = data;
  host->ticks++;
  return NULL;
}

static wasm_trap_t *on_host(wasi_light_instance_t *instance, void *data, const wasm_val_t *args, wasm_val_t *results) {
  host_t *host = data;
  wasm_val_t result = I32(0);
  results[0].of.i32 = 5;
  switch (args[0].of.i32) {
    case TRAP: return wasi_light_trap(instance, "%d green %s", 10, "bottles");
    case QUIT_SWALLOW:
    case QUIT_TRAP: host->inner = wasi_light_call_name(instance, "quit", ARGS(I32(33)), NULL, 0); break;
    case CRASH_SWALLOW: host->inner = wasi_light_call_name(instance, "crash", NO_ARGS, NULL, 0); break;
    case NO_MEMORY_SWALLOW: host->inner = wasi_light_call_name(instance, "sizes", NO_ARGS, &result, 1); break;
    case DEEPER_SWALLOW:
      host->inner = wasi_light_call_name(instance, "outer", ARGS(I32(QUIT_SWALLOW)), &result, 1);
      break;
    case START_SWALLOW: host->inner = wasi_light_call_name(instance, "_start", NO_ARGS, NULL, 0); break;
    default: break;
  }
  return args[0].of.i32 == QUIT_TRAP ? wasi_light_trap(instance, "a trap after an exit") : NULL;
}

static void start(rig_t *rig, host_t *host) {
  *host = (host_t){.ticks = 0};
  const rig_func_t funcs[] = {{"host", "(i)i", on_host, host}, {"tick", "()", on_tick, host}};
  rig_start(rig, GUEST, funcs, 2);
}

/* How often the guest ran on, which must be as often as it ticked. */
static int32_t runs_of(const rig_t *rig, const host_t *host) {
  assert_int_equal(rig_global(rig, "ran").of.i32, host->ticks);
  return host->ticks;
}

/* The guest still works, and runs on once. */
static void assert_alive(rig_t *rig, host_t *host) {
  int32_t runs = runs_of(rig, host);
  assert_int_equal(rig_call(rig, "outer", ARGS(I32(DO_NOTHING))).of.i32, 5);
  assert_int_equal(runs_of(rig, host), runs + 1);
}

/* No call enters the guest any more, and each says so. */
static void assert_exited(rig_t *rig, host_t *host, uint32_t code) {
  int32_t runs = runs_of(rig, host);
  for (int i = 0; i < 2; i++) {
    wasm_val_t result = I32(77);
    ASSERT_EXITED(rig_try(rig, "tick", NO_ARGS), code);
    ASSERT_EXITED(rig_try(rig, "crash", NO_ARGS), code);
    ASSERT_EXITED(rig_try(rig, "quit", ARGS(I32(1))), code);
    ASSERT_EXITED(rig_try(rig, "_start", NO_ARGS), code);
    ASSERT_EXITED(wasi_light_call_name(rig->instance, "outer", ARGS(I32(DO_NOTHING)), &result, 1), code);
    assert_int_equal(result.of.i32, 77);
  }
  assert_int_equal(runs_of(rig, host), runs);
}

/* ---- Traps ---- */

static void test_traps_of_the_guest(void **state) {
  rig_t rig;
  host_t host;
  start(&rig, &host);
  ASSERT_OUTCOME(rig_try(&rig, "crash", NO_ARGS), TRAPPED, "unreachable");
  assert_alive(&rig, &host);
  ASSERT_OUTCOME(rig_try(&rig, "divide", ARGS(I32(1), I32(0))), TRAPPED, "divide by zero");
  ASSERT_OUTCOME(rig_try(&rig, "divide", ARGS(I32(INT32_MIN), I32(-1))), TRAPPED, "overflow");
  assert_int_equal(rig_call(&rig, "divide", ARGS(I32(7), I32(2))).of.i32, 3);
  ASSERT_OUTCOME(rig_try(&rig, "convert", ARGS(F64(1e10))), TRAPPED, "overflow");
  ASSERT_OUTCOME(rig_try(&rig, "load", ARGS(I32(65533))), TRAPPED, "out of bounds memory access");
  ASSERT_OUTCOME(rig_try(&rig, "load", ARGS(I32(-1))), TRAPPED, "out of bounds memory access");
  ASSERT_OUTCOME(rig_try(&rig, "indirect", ARGS(I32(0))), TRAPPED, "uninitialized element");
  ASSERT_OUTCOME(rig_try(&rig, "indirect", ARGS(I32(1))), TRAPPED, "out of bounds table access");
  assert_alive(&rig, &host);
  rig_end(&rig);
}

/* Endless recursion is a trap like another, as often as it happens. */
static void test_stack_overflow(void **state) {
  rig_t rig;
  host_t host;
  start(&rig, &host);
  for (int i = 0; i < 10; i++) ASSERT_OUTCOME(rig_try(&rig, "deep", NO_ARGS), TRAPPED, "stack");
  assert_alive(&rig, &host);
  rig_end(&rig);
}

static void test_a_host_function_traps(void **state) {
  rig_t rig;
  host_t host;
  start(&rig, &host);
  wasi_light_outcome_t outcome = rig_try(&rig, "outer", ARGS(I32(TRAP)));
  ASSERT_OUTCOME(outcome, TRAPPED, "");
  assert_string_equal(outcome.message, "10 green bottles");
  assert_int_equal(runs_of(&rig, &host), 0);
  assert_alive(&rig, &host);
  rig_end(&rig);
}

static wasm_trap_t *say(wasi_light_instance_t *instance, void *data, const wasm_val_t *args, wasm_val_t *results) {
  return wasi_light_trap(instance, "%s", (const char *)data);
}

/* The outcome of a call whose host function traps with this text. */
static wasi_light_outcome_t outcome_of(const char *text) {
  const rig_func_t funcs[] = {{"say", "()", say, (void *)text}};
  rig_t rig;
  rig_start(&rig, "(module (import \"env\" \"say\" (func $say)) (func (export \"f\") (call $say)))", funcs, 1);
  wasi_light_outcome_t outcome = rig_try(&rig, "f", NO_ARGS);
  rig_end(&rig);
  return outcome;
}

static void test_texts_of_traps(void **state) {
  static const char *const same[] = {"x", "100%s %n", "caf\xc3\xa9 \xe2\x82\xac", "two\nlines", " "};
  for (size_t i = 0; i < COUNT(same); i++) {
    wasi_light_outcome_t outcome = outcome_of(same[i]);
    ASSERT_OUTCOME(outcome, TRAPPED, "");
    assert_string_equal(outcome.message, same[i]);
  }
  assert_int_equal(outcome_of("").kind, WASI_LIGHT_TRAPPED);
}

/* The engine makes no trap of a text that is not UTF-8, and without one the guest would run on. */
static void test_a_text_that_is_not_utf8(void **state) {
  static const char *const bad[] = {"\xff", "caf\xe9", "cut \xe2\x82", "\xc0\x80", "\xed\xa0\x80"};
  for (size_t i = 0; i < COUNT(bad); i++) ASSERT_OUTCOME(outcome_of(bad[i]), TRAPPED, "UTF-8");
}

static void test_a_very_long_text(void **state) {
  static char text[3000];
  memset(text, 't', sizeof text - 1);
  wasi_light_outcome_t outcome = outcome_of(text);
  ASSERT_OUTCOME(outcome, TRAPPED, "ttt");
  assert_int_equal(strlen(outcome.message), sizeof outcome.message - 1);
  assert_string_equal(outcome.message + strlen(outcome.message) - 3, "...");
}

/* Wherever a long text is cut, it stays the text that it was. */
static void test_a_very_long_text_in_utf8(void **state) {
  static char text[3000];
  for (size_t start = 0; start < 3; start++) {
    memset(text, 't', sizeof text - 1);
    for (size_t i = start; i + 3 < sizeof text; i += 3) snprintf(text + i, 4, "\xe2\x82\xac");
    ASSERT_OUTCOME(outcome_of(text), TRAPPED, "\xe2\x82\xac\xe2\x82\xac");
  }
}

/* ---- Exits ---- */

static void test_an_exit_is_final(void **state) {
  static const uint32_t codes[] = {0, 1, 42, 255, 256, 0x7fffffff, UINT32_MAX};
  for (size_t i = 0; i < COUNT(codes); i++) {
    rig_t rig;
    host_t host;
    start(&rig, &host);
    ASSERT_EXITED(rig_try(&rig, "quit", ARGS(I32((int32_t)codes[i]))), codes[i]);
    assert_int_equal(runs_of(&rig, &host), 0); /* the guest did not run on */
    assert_exited(&rig, &host, codes[i]);
    wasi_light_env_reset(wasi_light_instance_env(rig.instance)); /* but for a host that wants it so */
    assert_alive(&rig, &host);
    rig_end(&rig);
  }
}

/* A call that is wrong and late is refused or reported as late, and does not enter the guest. */
static void test_a_wrong_call_after_an_exit(void **state) {
  rig_t rig;
  host_t host;
  start(&rig, &host);
  ASSERT_EXITED(rig_try(&rig, "quit", ARGS(I32(3))), 3);
  ASSERT_OUTCOME(wasi_light_call_name(rig.instance, "tick", ARGS(I32(3)), NULL, 0), REFUSED, "tick");
  ASSERT_OUTCOME(wasi_light_call_name(rig.instance, "nothing", NO_ARGS, NULL, 0), REFUSED, "nothing");
  assert_int_equal(runs_of(&rig, &host), 0);
  rig_end(&rig);
}

typedef struct nested_case_t {
  int does;
  uint32_t code;
} nested_case_t;

static const nested_case_t nested_cases[] = {
    {QUIT_SWALLOW, 33}, {QUIT_TRAP, 33}, {DEEPER_SWALLOW, 33}, {START_SWALLOW, 0}};

/* A host function calls an export that exits. Whatever it makes of that, the guest does not run on. */
static void test_an_exit_inside_nested_calls(void **state) {
  for (size_t i = 0; i < COUNT(nested_cases); i++) {
    rig_t rig;
    host_t host;
    start(&rig, &host);
    assert_alive(&rig, &host);
    ASSERT_EXITED(rig_try(&rig, "outer", ARGS(I32(nested_cases[i].does))), nested_cases[i].code);
    ASSERT_EXITED(host.inner, nested_cases[i].code);
    assert_int_equal(runs_of(&rig, &host), 1); /* from before */
    assert_exited(&rig, &host, nested_cases[i].code);
    rig_end(&rig);
  }
}

/* Traps and a missing memory are of the inner call alone, if the host function says nothing of them. */
static void test_a_trap_inside_nested_calls(void **state) {
  rig_t rig;
  host_t host;
  start(&rig, &host);
  assert_int_equal(rig_call(&rig, "outer", ARGS(I32(CRASH_SWALLOW))).of.i32, 5);
  ASSERT_OUTCOME(host.inner, TRAPPED, "unreachable");
  assert_int_equal(runs_of(&rig, &host), 1);
  assert_int_equal(rig_call(&rig, "outer", ARGS(I32(NO_MEMORY_SWALLOW))).of.i32, 5);
  ASSERT_OUTCOME(host.inner, NO_MEMORY, "args_sizes_get");
  assert_int_equal(runs_of(&rig, &host), 2);
  assert_alive(&rig, &host);
  rig_end(&rig);
}

/* One instance's exit is not another's. */
static void test_an_exit_is_of_one_instance(void **state) {
  rig_t rig, other;
  host_t host, other_host;
  start(&rig, &host);
  start(&other, &other_host);
  ASSERT_EXITED(rig_try(&rig, "quit", ARGS(I32(9))), 9);
  assert_alive(&other, &other_host);
  assert_exited(&rig, &host, 9);
  assert_alive(&other, &other_host);
  rig_end(&rig);
  rig_end(&other);
}

/* ---- No memory ---- */

static void test_no_memory(void **state) {
  rig_t rig;
  host_t host;
  start(&rig, &host);
  for (int i = 0; i < 2; i++) {
    wasi_light_outcome_t outcome = rig_try(&rig, "sizes", NO_ARGS);
    ASSERT_OUTCOME(outcome, NO_MEMORY, "args_sizes_get");
    ASSERT_CONTAINS(outcome.message, "\"memory\""); /* the remedy */
    assert_int_equal(runs_of(&rig, &host), i);
    assert_alive(&rig, &host);
  }
  assert_int_equal(rig_call(&rig, "yield", NO_ARGS).of.i32, 0); /* what needs none works */
  rig_end(&rig);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_traps_of_the_guest),
    cmocka_unit_test(test_stack_overflow),
    cmocka_unit_test(test_a_host_function_traps),
    cmocka_unit_test(test_texts_of_traps),
    cmocka_unit_test(test_a_text_that_is_not_utf8),
    cmocka_unit_test(test_a_very_long_text),
    cmocka_unit_test(test_a_very_long_text_in_utf8),
    cmocka_unit_test(test_an_exit_is_final),
    cmocka_unit_test(test_a_wrong_call_after_an_exit),
    cmocka_unit_test(test_an_exit_inside_nested_calls),
    cmocka_unit_test(test_a_trap_inside_nested_calls),
    cmocka_unit_test(test_an_exit_is_of_one_instance),
    cmocka_unit_test(test_no_memory),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
