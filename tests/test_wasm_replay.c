/* SPDX-License-Identifier: MIT */
/*
 * Real guests traced, recorded and replayed: two runs with nothing from outside are the same to the byte, and so are a
 * run with all that there is outside and its replay, also when the run was a pool's lease.
 */
#include "core_trail.h"
#include "pool_rig.h"

enum { OUTPUT = 16384 };

static const char *const args[] = {"plug-in", "one two", NULL};
static const char *const env[] = {"KEY1=VALUE1", NULL};
static const uint64_t seed = 42;

static void capture(wasi_light_options_t *options) {
  options->out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = OUTPUT};
  options->err = options->out;
  options->trace = core_on_trace;
}

/* Nothing comes from outside. */
static wasi_light_options_t closed(void) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.args = args;
  options.env = env;
  options.random_seed = &seed;
  options.clock = (wasi_light_clock_t){.mode = WASI_LIGHT_CLOCK_VIRTUAL, .start_ns = 1700000000000000000};
  options.sleep.mode = WASI_LIGHT_SLEEP_VIRTUAL;
  capture(&options);
  return options;
}

/* Real clocks, real sleep, the system's entropy. */
static wasi_light_options_t recorded(void) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.args = args;
  options.env = env;
  options.record = core_on_record;
  capture(&options);
  return options;
}

/* Other arguments, another seed, clocks that stand still. */
static wasi_light_options_t replayed(const core_bytes_t *log) {
  static const char *const others[] = {"other", "arguments", "than those", NULL};
  static const uint64_t other_seed = 4711;
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.args = others;
  options.random_seed = &other_seed;
  options.clock.mode = WASI_LIGHT_CLOCK_FROZEN;
  options.sleep.mode = WASI_LIGHT_SLEEP_REFUSED;
  options.replay = log->bytes;
  options.replay_size = log->size;
  capture(&options);
  return options;
}

/* ---- What is called ---------------------------------------------------------------------------------------------- */

/* Calls, and keeps what the host sees of it. */
static wasm_val_t do_call(core_trail_t *t, wasi_light_instance_t *instance, const char *name, const wasm_val_t *values,
                          size_t count) {
  const wasi_light_func_t *func = wasi_light_module_func(wasi_light_instance_module(instance), name);
  wasm_val_t result = WASM_I64_VAL(0);
  if (!func) fail_msg("there is no export %s", name);
  size_t results = wasm_functype_results(wasi_light_func_type(func))->size;
  wasi_light_outcome_t outcome = wasi_light_call(instance, func, values, count, &result, results);
  if (results == 0 || outcome.kind != WASI_LIGHT_RETURNED) result = (wasm_val_t)WASM_I64_VAL(0);
  uint64_t bits = result.kind == WASM_I32 ? (uint32_t)result.of.i32 : (uint64_t)result.of.i64;
  core_append(&t->steps, name, strlen(name));
  core_append(&t->steps, &bits, sizeof bits);
  core_append(&t->steps, &outcome.kind, sizeof outcome.kind);
  core_append(&t->steps, &outcome.exit_code, sizeof outcome.exit_code);
  core_append(&t->steps, outcome.message, strlen(outcome.message) + 1);
  return result;
}

static void greet(core_trail_t *t, wasi_light_instance_t *instance) {
  static const char name[8] = {'r', 'e', 'p', 'l', 'a', 'y', 'e', 'r'};
  char text[64];
  uint32_t at = (uint32_t)do_call(t, instance, "alloc", ARGS(I32(8))).of.i32;
  uint8_t *bytes = wasi_light_memory(instance, at, 8);
  assert_non_null(bytes);
  memcpy(bytes, name, sizeof name);
  uint32_t answer = (uint32_t)do_call(t, instance, "greet", ARGS(I32((int32_t)at), I32(8))).of.i32;
  wasi_light_string_out(instance, answer, text, sizeof text);
  assert_string_equal(text, "Hello, replayer!");
  core_append(&t->steps, &at, sizeof at);
  core_append(&t->steps, &answer, sizeof answer);
}

/* All exports; the output, the memory in the end. */
static void run(core_trail_t *t, wasi_light_instance_t *instance, const char *last) {
  do_call(t, instance, "report", NO_ARGS);
  do_call(t, instance, "random", NO_ARGS);
  do_call(t, instance, "now", NO_ARGS);
  do_call(t, instance, "sum", ARGS(I32(1000)));
  do_call(t, instance, "sleep_ms", ARGS(I32(3)));
  do_call(t, instance, "open_file", NO_ARGS);
  greet(t, instance);
  do_call(t, instance, "report", NO_ARGS);
  do_call(t, instance, "random", NO_ARGS);
  if (strcmp(last, "quit") == 0) do_call(t, instance, last, ARGS(I32(7)));
  else do_call(t, instance, last, NO_ARGS);
  for (uint32_t fd = 1; fd <= 2; fd++) {
    size_t size;
    const uint8_t *bytes = wasi_light_env_captured(wasi_light_instance_env(instance), fd, &size, NULL);
    core_append(&t->steps, bytes, size);
  }
  wasi_light_view_t memory = pool_memory(instance);
  core_append(&t->steps, memory.base, (size_t)memory.size);
}

static void run_alone(core_trail_t *t, wasi_light_module_t *module, const wasi_light_options_t *options,
                      const char *last) {
  rig_t rig;
  memset(t, 0, sizeof *t);
  rig_start_module(&rig, wasi_light_module_copy(module), options, t);
  run(t, rig.instance, last);
  if (options->replay) assert_int_equal(wasi_light_env_replay_left(wasi_light_instance_env(rig.instance)), 0);
  rig_end(&rig);
}

static void free_trail(core_trail_t *t) {
  free(t->log.bytes);
  free(t->lines.bytes);
  free(t->steps.bytes);
}

/* ---- Alone ------------------------------------------------------------------------------------------------------- */

static void check_two_runs(wasi_light_module_t *module) {
  wasi_light_options_t options = closed();
  core_trail_t one, two;
  run_alone(&one, module, &options, "crash");
  run_alone(&two, module, &options, "crash");
  assert_true(one.lines.size > 500);
  core_assert_same("trace", &one.lines, &two.lines);
  core_assert_same("results, output and memory", &one.steps, &two.steps);
  free_trail(&one);
  free_trail(&two);
}

static void check_replay(wasi_light_module_t *module, const char *last) {
  wasi_light_options_t options = recorded();
  core_trail_t record, again, replay;
  run_alone(&record, module, &options, last);
  run_alone(&again, module, &options, last); /* or there would be nothing to replay */
  assert_true(record.steps.size != again.steps.size ||
              memcmp(record.steps.bytes, again.steps.bytes, record.steps.size) != 0);
  for (int round = 0; round < 2; round++) { /* a log can be replayed again */
    options = replayed(&record.log);
    run_alone(&replay, module, &options, last);
    core_assert_same("trace", &record.lines, &replay.lines);
    core_assert_same("results, output and memory", &record.steps, &replay.steps);
    assert_int_equal(replay.log.size, 0);
    free_trail(&replay);
  }
  free_trail(&record);
  free_trail(&again);
}

/* ---- In a pool --------------------------------------------------------------------------------------------------- */

/* One behind the other. */
static core_bytes_t joined(const core_bytes_t *a, const core_bytes_t *b) {
  core_bytes_t both = {.bytes = NULL};
  core_append(&both, a->bytes, a->size);
  core_append(&both, b->bytes, b->size);
  return both;
}

/* The leases replay each by itself in an instance of its own; made is what the pool's host pointer got. */
static void check_lease(wasi_light_module_t *module, const core_trail_t *made, const core_trail_t *lease) {
  core_trail_t replay;
  core_bytes_t log = joined(&made->log, &lease->log);
  core_bytes_t lines = joined(&made->lines, &lease->lines);
  wasi_light_options_t options = replayed(&log);
  run_alone(&replay, module, &options, "crash");
  core_assert_same("trace", &lines, &replay.lines);
  core_assert_same("results, output and memory", &lease->steps, &replay.steps);
  free_trail(&replay);
  free(log.bytes);
  free(lines.bytes);
}

/* A pool that replays a lease: each of its leases is that one. */
static void check_pool_that_replays(wasi_light_module_t *module, const core_trail_t *made, const core_trail_t *lease) {
  core_bytes_t log = joined(&made->log, &lease->log);
  wasi_light_options_t options = replayed(&log);
  wasi_light_pool_options_t pool_options = WASI_LIGHT_POOL_OPTIONS_INIT;
  core_trail_t ignored = {.log = {.bytes = NULL}};
  pool_rig_t rig;
  pool_options.host = &ignored;
  pool_start(&rig, wasi_light_module_copy(module), &options, &pool_options);
  for (int i = 0; i < 3; i++) {
    core_trail_t replay = {.log = {.bytes = NULL}};
    wasi_light_instance_t *instance = pool_take_for(&rig, &replay);
    run(&replay, instance, "crash");
    assert_int_equal(wasi_light_env_replay_left(wasi_light_instance_env(instance)), 0);
    core_assert_same("trace of the lease", &lease->lines, &replay.lines);
    core_assert_same("results, output and memory", &lease->steps, &replay.steps);
    pool_give(&rig, instance);
    free_trail(&replay);
  }
  pool_end(&rig);
  free_trail(&ignored);
  free(log.bytes);
}

static void check_pool(wasi_light_module_t *module) {
  wasi_light_options_t options = recorded();
  wasi_light_pool_options_t pool_options = WASI_LIGHT_POOL_OPTIONS_INIT;
  core_trail_t made = {.log = {.bytes = NULL}};
  pool_rig_t rig;
  pool_options.host = &made;
  pool_start(&rig, wasi_light_module_copy(module), &options, &pool_options);
  for (int i = 0; i < 3; i++) {
    core_trail_t lease = {.log = {.bytes = NULL}};
    if (pool_stats(&rig).idle == 0) made.log.size = made.lines.size = 0; /* another instance is made */
    wasi_light_instance_t *instance = pool_take_for(&rig, &lease);
    run(&lease, instance, "crash");
    pool_give(&rig, instance);
    check_lease(module, &made, &lease);
    if (i == 2) check_pool_that_replays(module, &made, &lease);
    free_trail(&lease);
  }
  assert_int_equal(pool_stats(&rig).reset + pool_stats(&rig).replaced_grown, 3);
  pool_end(&rig);
  free_trail(&made);
}

static void check_guest(const char *name) {
  wasi_light_module_t *module = pool_guest(name);
  if (!module) skip();
  check_two_runs(module);
  check_replay(module, "crash");
  check_replay(module, "quit");
  check_pool(module);
  wasi_light_module_delete(module);
}

static void test_c(void **state) {
  check_guest("c_reactor");
}
static void test_cpp(void **state) {
  check_guest("cpp_reactor");
}
static void test_rust(void **state) {
  check_guest("rust_reactor");
}
static void test_zig(void **state) {
  check_guest("zig_reactor");
}
static void test_as(void **state) {
  check_guest("as_reactor");
}
static void test_go(void **state) {
  check_guest("go_reactor");
}

/* ---- Differences ------------------------------------------------------------------------------------------------- */

/* Other calls of the host's than were recorded. */
static void test_another_call(void **state) {
  wasi_light_module_t *module = pool_guest("c_reactor");
  wasi_light_options_t options = recorded();
  core_trail_t record = {.log = {.bytes = NULL}}, replay = {.log = {.bytes = NULL}};
  rig_t rig;
  if (!module) skip();
  rig_start_module(&rig, wasi_light_module_copy(module), &options, &record);
  rig_call(&rig, "now", NO_ARGS);
  rig_call(&rig, "random", NO_ARGS);
  rig_end(&rig);
  options = replayed(&record.log);
  rig_start_module(&rig, wasi_light_module_copy(module), &options, &replay);
  rig_call(&rig, "now", NO_ARGS);
  wasi_light_outcome_t outcome = rig_try(&rig, "now", NO_ARGS);
  ASSERT_OUTCOME(outcome, DIVERGED, " is clock_time_get(0, ");
  ASSERT_OUTCOME(outcome, DIVERGED, ", the log has random_get(");
  assert_non_null(strstr((char *)replay.lines.bytes, " = stopped: diverged\n"));
  rig_end(&rig);
  rig_start_module(&rig, wasi_light_module_copy(module), &options, &replay);
  rig_call(&rig, "now", NO_ARGS);
  rig_call(&rig, "random", NO_ARGS);
  ASSERT_OUTCOME(rig_try(&rig, "now", NO_ARGS), DIVERGED, "the log ends before call ");
  rig_end(&rig);
  free_trail(&record);
  free_trail(&replay);
  wasi_light_module_delete(module);
}

/* The log of another guest stops a guest while it is made. */
static void test_another_guest(void **state) {
  static const char wat[] =
      "(module (import \"wasi_snapshot_preview1\" \"random_get\" (func $r (param i32 i32) (result i32)))"
      "(import \"wasi_snapshot_preview1\" \"sched_yield\" (func $y (result i32)))"
      "(memory (export \"memory\") 1) (func (export \"_initialize\") (drop (call $%c %s))))";
  wasi_light_options_t options = recorded();
  core_trail_t record = {.log = {.bytes = NULL}}, replay = {.log = {.bytes = NULL}};
  char text[600];
  wasi_light_error_t error;
  rig_t rig;
  snprintf(text, sizeof text, wat, 'r', "(i32.const 64) (i32.const 4)");
  rig_start_module(&rig, rig_module(text, NULL), &options, &record);
  rig_end(&rig);
  snprintf(text, sizeof text, wat, 'y', "");
  options = replayed(&record.log);
  wasi_light_module_t *module = rig_module(text, NULL);
  wasi_light_config_t *config = rig_config(&options);
  assert_null(wasi_light_instance_new(module, config, &replay, &error));
  ASSERT_ERROR(error, DIVERGED, "call 1 is sched_yield(), the log has random_get(64, 4)");
  wasi_light_config_delete(config);
  wasi_light_module_delete(module);
  free_trail(&record);
  free_trail(&replay);
}

/* The warm-up belongs to the instance, what runs after a reset to the lease. */
static void test_calls_of_the_pool(void **state) {
  static const char wat[] =
      "(module (import \"wasi_snapshot_preview1\" \"random_get\" (func $r (param i32 i32) (result i32)))"
      "(memory (export \"memory\") 1) (func $at (param i32) (drop (call $r (local.get 0) (i32.const 8))))"
      "(func (export \"_initialize\") (call $at (i32.const 64))) (func (export \"warm\") (call $at (i32.const 72)))"
      "(func (export \"again\") (call $at (i32.const 80))) (func (export \"work\") (call $at (i32.const 88))))";
  static const char *const calls[] = {"warm", "again", "work"};
  wasi_light_options_t options = recorded();
  wasi_light_pool_options_t pool_options = WASI_LIGHT_POOL_OPTIONS_INIT;
  core_trail_t made = {.log = {.bytes = NULL}};
  pool_rig_t pool;
  pool_options.host = &made;
  pool_options.warm_up = "warm";
  pool_options.after_reset = "again";
  pool_start(&pool, rig_module(wat, NULL), &options, &pool_options);
  for (int i = 0; i < 3; i++) {
    core_trail_t lease = {.log = {.bytes = NULL}}, replay = {.log = {.bytes = NULL}};
    uint8_t drawn[32];
    rig_t rig;
    wasi_light_instance_t *instance = pool_take_for(&pool, &lease);
    pool_call(instance, "work", NO_ARGS);
    memcpy(drawn, pool_memory(instance).base + 64, sizeof drawn);
    pool_return(&pool, instance);
    core_bytes_t log = joined(&made.log, &lease.log);
    options = replayed(&log);
    rig_start_module(&rig, rig_module(wat, NULL), &options, &replay);
    for (size_t k = 0; k < COUNT(calls); k++) rig_call(&rig, calls[k], NO_ARGS);
    assert_memory_equal(wasi_light_memory(rig.instance, 64, sizeof drawn), drawn, sizeof drawn);
    assert_int_equal(wasi_light_env_replay_left(wasi_light_instance_env(rig.instance)), 0);
    rig_end(&rig);
    free(log.bytes);
    free_trail(&lease);
    free_trail(&replay);
  }
  pool_end(&pool);
  free_trail(&made);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_c),
      cmocka_unit_test(test_cpp),
      cmocka_unit_test(test_rust),
      cmocka_unit_test(test_zig),
      cmocka_unit_test(test_as),
      cmocka_unit_test(test_go),
      cmocka_unit_test(test_another_call),
      cmocka_unit_test(test_another_guest),
      cmocka_unit_test(test_calls_of_the_pool),
  };
  return CORE_RUN(tests, argc, argv);
}
