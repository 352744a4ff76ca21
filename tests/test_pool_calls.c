/* SPDX-License-Identifier: MIT */
/* The pool's calls: options and what is wrong with them, taking and giving back, hooks, host pointers, statistics. */
#include "pool_rig.h"

/* Counts in memory; `setup`, `reseed` and `_initialize` each leave a mark; all of them tell the host. */
#define GUEST                                                                                               \
  "(module (import \"env\" \"tell\" (func $tell (param i32))) (memory (export \"memory\") 1)"               \
  "(func (export \"_initialize\") (call $tell (i32.const 1)) (i32.store8 (i32.const 1) (i32.const 1)))"     \
  "(func (export \"setup\") (call $tell (i32.const 2)) (i32.store8 (i32.const 2) (i32.const 1)))"           \
  "(func (export \"reseed\") (call $tell (i32.const 3)) (i32.store8 (i32.const 3) (i32.const 1)))"          \
  "(func (export \"use\") (result i32) (call $tell (i32.const 4)) (i32.store8 (i32.const 4) (i32.const 1))" \
  "(i32.load (i32.const 1)))"                                                                               \
  "(func (export \"grow\") (drop (memory.grow (i32.const 1)))) (func (export \"crash\") unreachable)"       \
  "(func (export \"wrong\") (param i32)) (func (export \"answer\") (result i32) (i32.const 42))"            \
  "(global (export \"number\") i32 (i32.const 1)))"

/* What the guest told: its number and the host pointer that was in force, as letters. */
typedef struct log_t {
  char text[256];
  wasi_light_pool_t *pool;       /* to try to give back from inside */
  wasi_light_error_t last_error; /* of that */
  bool gave;
} log_t;

static char hosts[4]; /* pointers that mean something here */

static void add(log_t *log, const wasi_light_instance_t *instance, int number) {
  const char *host = wasi_light_instance_host(instance);
  size_t used = strlen(log->text);
  assert_true(used + 4 < sizeof log->text);
  char letter = host >= hosts && host < hosts + sizeof hosts ? (char)('A' + (host - hosts)) : '-';
  snprintf(log->text + used, sizeof log->text - used, "%d%c ", number, letter);
}

static wasm_trap_t *on_tell(wasi_light_instance_t *instance, void *data, const wasm_val_t *args, wasm_val_t *results) {
  log_t *log = data;
  add(log, instance, args[0].of.i32);
  if (log->pool) log->gave = wasi_light_pool_give(log->pool, instance, &log->last_error);
  return NULL;
}

static void on_take(void *data, wasi_light_instance_t *instance) {
  add(data, instance, 5);
}

static void start(pool_rig_t *rig, log_t *log, const wasi_light_pool_options_t *options) {
  memset(log, 0, sizeof *log);
  const rig_func_t funcs[] = {{"tell", "(i)", on_tell, log}};
  pool_start_funcs(rig, GUEST, funcs, 1, options);
}

static void expect_log(log_t *log, const char *text) {
  assert_string_equal(log->text, text);
  log->text[0] = '\0';
}

/* ---- Options ---- */

static void expect_refused(wasi_light_module_t *module, wasi_light_config_t *config,
                           const wasi_light_pool_options_t *options, const char *part) {
  wasi_light_error_t error = {.code = WASI_LIGHT_ERROR_OK};
  assert_null(wasi_light_pool_new(module, config, options, &error));
  ASSERT_ERROR(error, ARGUMENT, part);
  assert_null(wasi_light_pool_new(module, config, options, NULL));
}

static void test_wrong_options(void **state) {
  static const char *const names[] = {"nothing", "wrong", "answer", "number", "memory", "", "wasi-light:global.0"};
  const wasi_light_pool_options_t good = WASI_LIGHT_POOL_OPTIONS_INIT;
  wasi_light_pool_options_t options = good;
  log_t log;
  pool_rig_t rig;
  start(&rig, &log, NULL);
  size_t descriptors = pool_descriptors();
  expect_refused(NULL, rig.config, NULL, "module");
  expect_refused(rig.module, NULL, NULL, "config");
  options.struct_size--;
  expect_refused(rig.module, rig.config, &options, "struct_size");
  options = good;
  options.reset = (wasi_light_reset_t)4;
  expect_refused(rig.module, rig.config, &options, "options.reset");
  options.reset = (wasi_light_reset_t)-1;
  expect_refused(rig.module, rig.config, &options, "options.reset");
  options = good;
  options.max_live = 3;
  options.warm = 4;
  expect_refused(rig.module, rig.config, &options, "options.warm");
  for (size_t i = 0; i < COUNT(names); i++) {
    options = good;
    options.warm_up = names[i];
    expect_refused(rig.module, rig.config, &options, "options.warm_up");
    options = good;
    options.after_reset = names[i];
    expect_refused(rig.module, rig.config, &options, "options.after_reset");
    if (names[i][0]) expect_refused(rig.module, rig.config, &options, names[i]);
  }
  assert_int_equal(pool_descriptors(), descriptors);
  expect_log(&log, "");
  pool_end(&rig);
  wasi_light_pool_delete(NULL);
}

static void test_methods_by_option(void **state) {
  static const wasi_light_reset_t all[] = {WASI_LIGHT_RESET_BEST, WASI_LIGHT_RESET_COPY, WASI_LIGHT_RESET_COPY_ON_WRITE,
                                           WASI_LIGHT_RESET_SCAN};
  for (size_t i = 0; i < COUNT(all); i++) {
    wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
    pool_rig_t rig;
    if (!pool_can(all[i], &options)) continue;
    pool_start_wat(&rig, "(module (memory (export \"memory\") 1))", &options);
    pool_return(&rig, pool_take(&rig));
    if (all[i] != WASI_LIGHT_RESET_BEST) assert_int_equal(pool_stats(&rig).method, all[i]);
    assert_int_not_equal(pool_stats(&rig).method, WASI_LIGHT_RESET_BEST);
    pool_end(&rig);
  }
}

/* The best is to copy a small memory, and to scan a large one; or one of which not so much shall stay resident. */
static void test_the_best_method(void **state) {
  static const struct {
    int pages;
    size_t keep_resident;
    wasi_light_reset_t method;
  } rows[] = {{0, 1 << 20, WASI_LIGHT_RESET_COPY},  {1, 1 << 20, WASI_LIGHT_RESET_COPY},
              {3, 1 << 20, WASI_LIGHT_RESET_COPY},  {4, 1 << 20, WASI_LIGHT_RESET_SCAN},
              {40, 1 << 20, WASI_LIGHT_RESET_SCAN}, {2, 2 * 65536 - 1, WASI_LIGHT_RESET_SCAN},
              {2, 2 * 65536, WASI_LIGHT_RESET_COPY}};
  for (size_t i = 0; i < COUNT(rows); i++) {
    wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
    char wat[128];
    pool_rig_t rig;
    if (!pool_can(WASI_LIGHT_RESET_BEST, &options)) skip();
    options.keep_resident = rows[i].keep_resident;
    snprintf(wat, sizeof wat,
             "(module (memory (export \"memory\") %d) (func (export \"f\") (i32.store (i32.const 0)"
             "(i32.const 1))))",
             rows[i].pages);
    pool_start_wat(&rig, wat, &options);
    for (int lease = 0; lease < 3; lease++) {
      wasi_light_instance_t *instance = pool_take(&rig);
      pool_try(instance, "f", NO_ARGS);
      pool_return(&rig, instance);
      assert_int_equal(pool_stats(&rig).method, rows[i].method);
    }
    pool_end(&rig);
  }
}

/* ---- Taking and giving back ---- */

static void test_max_live(void **state) {
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  wasi_light_error_t error;
  wasi_light_instance_t *taken[3];
  log_t log;
  pool_rig_t rig;
  options.max_live = 3;
  options.warm = 1;
  start(&rig, &log, &options);
  for (int round = 0; round < 3; round++) {
    for (size_t i = 0; i < 3; i++) taken[i] = pool_take(&rig);
    assert_null(wasi_light_pool_take(rig.pool, NULL, &error));
    ASSERT_ERROR(error, BUSY, "3 instances");
    assert_null(wasi_light_pool_take(rig.pool, NULL, NULL));
    assert_int_equal(pool_stats(&rig).live, 3);
    assert_int_equal(pool_stats(&rig).taken, 3 * (round + 1) + round); /* a take that failed is none */
    if (round > 0) pool_call(taken[0], "grow", NO_ARGS);
    assert_int_equal(pool_give(&rig, taken[0]), round == 0);
    taken[0] = pool_take(&rig); /* in the place of the one that came back, kept or not */
    assert_int_equal(pool_stats(&rig).live, 3);
    for (size_t i = 0; i < 3; i++) pool_return(&rig, taken[i]);
    assert_int_equal(pool_stats(&rig).idle, 3);
  }
  pool_end(&rig);
}

static void test_what_may_be_given_back(void **state) {
  wasi_light_error_t error;
  log_t log;
  pool_rig_t rig;
  start(&rig, &log, NULL);
  wasi_light_pool_t *other = wasi_light_pool_new(rig.module, rig.config, NULL, &error);
  wasi_light_instance_t *alone = wasi_light_instance_new(rig.module, rig.config, NULL, &error);
  wasi_light_instance_t *foreign = wasi_light_pool_take(other, NULL, &error);
  wasi_light_instance_t *instance = pool_take(&rig);
  wasi_light_instance_t *const wrong[] = {NULL, alone, foreign};
  for (size_t i = 0; i < COUNT(wrong); i++) {
    assert_false(wasi_light_pool_give(rig.pool, wrong[i], &error));
    ASSERT_ERROR(error, ARGUMENT, "not one that is taken from this pool");
    assert_false(wasi_light_pool_give(rig.pool, wrong[i], NULL));
  }
  pool_return(&rig, instance);
  assert_false(wasi_light_pool_give(rig.pool, instance, &error)); /* once more */
  ASSERT_ERROR(error, ARGUMENT, "not one that is taken from this pool");
  assert_int_equal(pool_stats(&rig).reset, 1);
  assert_int_equal(pool_stats(&rig).idle, 1);
  assert_ptr_equal(pool_take(&rig), instance);
  assert_ptr_not_equal(pool_take(&rig), instance);
  wasi_light_instance_delete(alone);
  wasi_light_pool_delete(other);
  pool_end(&rig);
}

/* From a host function: the call is in the instance, so nothing is changed. Later it may be given back. */
static void test_giving_back_during_a_call(void **state) {
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  log_t log;
  pool_rig_t rig;
  options.after_reset = "reseed";
  start(&rig, &log, &options);
  log.pool = rig.pool;
  wasi_light_instance_t *instance = pool_take(&rig); /* `reseed` tells, too */
  assert_false(log.gave);
  ASSERT_ERROR(log.last_error, BUSY, "a call is in the instance");
  wasi_light_pool_stats_t before = pool_stats(&rig);
  pool_call(instance, "use", NO_ARGS);
  assert_false(log.gave);
  ASSERT_ERROR(log.last_error, BUSY, "a call is in the instance");
  wasi_light_pool_stats_t after = pool_stats(&rig);
  assert_memory_equal(&before, &after, sizeof before);
  assert_int_equal(pool_memory(instance).base[4], 1);
  log.pool = NULL;
  pool_return(&rig, instance);
  pool_end(&rig);
}

/* The same from a stream callback. */
typedef struct stream_t {
  wasi_light_pool_t *pool;
  wasi_light_instance_t *instance;
  wasi_light_error_t error;
} stream_t;

static wasi_light_errno_t on_write(void *host, uint32_t fd, const uint8_t *bytes, size_t size) {
  stream_t *stream = host;
  return wasi_light_pool_give(stream->pool, stream->instance, &stream->error) ? WASI_LIGHT_EIO : 0;
}

/* Also when the host calls the engine's function by itself, of which the library knows nothing until then. */
static void test_giving_back_in_a_stream_callback(void **state) {
  wasi_light_options_t wasi = WASI_LIGHT_OPTIONS_INIT;
  stream_t stream = {NULL, NULL, {.code = WASI_LIGHT_ERROR_OK}};
  pool_rig_t rig;
  wasi.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CALLBACK, .write = on_write};
  pool_start(
      &rig,
      rig_module(
          "(module (import \"wasi_snapshot_preview1\" \"fd_write\" (func $w (param i32 i32 i32 i32) (result i32)))"
          "(memory (export \"memory\") 1) (data (i32.const 4) \"\\03\") (func (export \"f\") (result i32)"
          "(call $w (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))",
          NULL),
      &wasi, NULL);
  stream.pool = rig.pool;
  stream.instance = pool_take_for(&rig, &stream);
  assert_int_equal(pool_i32(stream.instance, "f", NO_ARGS), 0);
  ASSERT_ERROR(stream.error, BUSY, "a call is in the instance");
  stream.error.code = WASI_LIGHT_ERROR_OK;
  wasm_val_t result = I32(0);
  wasm_val_vec_t no_args = WASM_EMPTY_VEC;
  wasm_val_vec_t results = {1, &result};
  wasm_func_t *func = wasm_extern_as_func(stream.instance->exports.data[1]);
  assert_null(wasm_func_call(func, &no_args, &results));
  assert_int_equal(result.of.i32, 0);
  ASSERT_ERROR(stream.error, BUSY, "a call is in the instance");
  pool_return(&rig, stream.instance);
  pool_end(&rig);
}

/* ---- What is called when, and with which host pointer ---- */

static void test_hooks(void **state) {
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  log_t log;
  pool_rig_t rig;
  options.host = &hosts[0];
  options.warm_up = "setup";
  options.after_reset = "reseed";
  options.on_take = on_take;
  options.data = &log;
  start(&rig, &log, &options);
  expect_log(&log, "");
  wasi_light_instance_t *instance = pool_take_for(&rig, &hosts[1]);
  expect_log(&log, "1A 2A 3B 5B "); /* also the first time */
  assert_int_equal(pool_i32(instance, "use", NO_ARGS), 0x01010101);
  expect_log(&log, "4B ");
  pool_return(&rig, instance);
  expect_log(&log, "");
  assert_ptr_equal(wasi_light_instance_host(instance), &hosts[0]); /* while it is idle */
  assert_int_equal(pool_memory(instance).base[1], 1);
  assert_int_equal(pool_memory(instance).base[2], 1);
  assert_int_equal(pool_memory(instance).base[3], 0); /* came after the snapshot */
  assert_int_equal(pool_memory(instance).base[4], 0);
  instance = pool_take_for(&rig, &hosts[2]);
  expect_log(&log, "3C 5C ");
  pool_return(&rig, instance);
  pool_take(&rig);
  expect_log(&log, "3- 5- ");
  pool_end(&rig);
}

/* The same calls for modules that are made anew each time. */
static void test_hooks_without_recycling(void **state) {
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  log_t log = {.gave = false};
  const rig_func_t funcs[] = {{"tell", "(i)", on_tell, &log}};
  pool_rig_t rig;
  options.host = &hosts[0];
  options.warm = 2;
  options.warm_up = "setup";
  options.after_reset = "reseed";
  options.on_take = on_take;
  options.data = &log;
  char wat[2048];
  snprintf(wat, sizeof wat, "%.*s (table 1 funcref) (func (table.set 0 (i32.const 0) (ref.null func))))",
           (int)(strlen(GUEST) - 1), GUEST);
  pool_start_funcs(&rig, wat, funcs, 1, &options);
  expect_log(&log, "1A 2A 1A 2A ");
  pool_give(&rig, pool_take_for(&rig, &hosts[1]));
  expect_log(&log, "3B 5B ");
  pool_give(&rig, pool_take_for(&rig, &hosts[2]));
  expect_log(&log, "3C 5C ");
  pool_give(&rig, pool_take_for(&rig, &hosts[3]));
  expect_log(&log, "1A 2A 3D 5D ");
  wasi_light_pool_stats_t stats = pool_stats(&rig);
  assert_int_equal(stats.made, 3);
  assert_int_equal(stats.replaced_unrecyclable, 3);
  assert_int_equal(stats.method, WASI_LIGHT_RESET_COPY);
  pool_end(&rig);
}

/* A host function may take another instance of the same pool, use it and give it back, to any depth. */
typedef struct nested_t {
  wasi_light_pool_t *pool;
  int depth;
  wasi_light_instance_t *seen[4];
} nested_t;

static wasm_trap_t *on_nest(wasi_light_instance_t *instance, void *data, const wasm_val_t *args, wasm_val_t *results) {
  nested_t *nested = data;
  wasi_light_error_t error;
  int depth = nested->depth++;
  nested->seen[depth] = instance;
  if (depth < 3) {
    wasi_light_instance_t *inner = wasi_light_pool_take(nested->pool, NULL, &error);
    if (!inner) return wasi_light_trap(instance, "%s", error.message);
    wasi_light_outcome_t outcome = wasi_light_call_name(inner, "nest", NULL, 0, NULL, 0);
    if (outcome.kind != WASI_LIGHT_RETURNED || !wasi_light_pool_give(nested->pool, inner, &error)) {
      return wasi_light_trap(instance, "%s%s", outcome.message, error.message);
    }
    if (!wasi_light__pool_is_pristine(inner)) return wasi_light_trap(instance, "not as new");
  }
  return NULL;
}

static void test_leases_within_leases(void **state) {
  nested_t nested = {.depth = 0};
  const rig_func_t funcs[] = {{"nest", "()", on_nest, &nested}};
  pool_rig_t rig;
  pool_start_funcs(&rig,
                   "(module (import \"env\" \"nest\" (func $nest)) (memory (export \"memory\") 1)"
                   "(func (export \"nest\") (i32.store (i32.const 0) (i32.const 7)) (call $nest)"
                   "(if (i32.ne (i32.load (i32.const 0)) (i32.const 7)) (then unreachable))))",
                   funcs, 1, NULL);
  nested.pool = rig.pool;
  for (int round = 0; round < 3; round++) {
    nested.depth = 0;
    wasi_light_instance_t *outer = pool_take(&rig);
    ASSERT_OUTCOME(pool_try(outer, "nest", NO_ARGS), RETURNED, "");
    pool_return(&rig, outer);
    for (size_t i = 0; i < 4; i++) {
      for (size_t k = 0; k < i; k++) assert_ptr_not_equal(nested.seen[i], nested.seen[k]);
    }
  }
  assert_int_equal(pool_stats(&rig).made, 4);
  assert_int_equal(pool_stats(&rig).idle, 4);
  pool_end(&rig);
}

/* ---- When the guest fails ---- */

static void test_a_warm_up_that_fails(void **state) {
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  wasi_light_error_t error;
  log_t log;
  pool_rig_t rig;
  options.warm_up = "crash";
  start(&rig, &log, &options);
  size_t descriptors = pool_descriptors();
  for (int i = 0; i < 3; i++) {
    assert_null(wasi_light_pool_take(rig.pool, NULL, &error));
    ASSERT_ERROR(error, TRAP, "crash: ");
    assert_null(wasi_light_pool_take(rig.pool, NULL, NULL));
  }
  wasi_light_pool_stats_t stats = pool_stats(&rig);
  assert_int_equal(stats.made + stats.taken + stats.live + stats.idle, 0);
  options.warm = 1;
  assert_null(
      wasi_light_pool_new(rig.module, rig.config, &options, &error)); /* at once, if some shall be made at once */
  ASSERT_ERROR(error, TRAP, "crash: ");
  assert_int_equal(pool_descriptors(), descriptors);
  pool_end(&rig);
}

static void test_an_after_reset_that_fails(void **state) {
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  wasi_light_error_t error;
  pool_rig_t rig;
  options.after_reset = "odd";
  /* each time that `odd` runs the host says whether it exits */
  pool_start_wat(
      &rig,
      "(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))"
      "(import \"wasi_snapshot_preview1\" \"random_get\" (func $random (param i32 i32) (result i32)))"
      "(memory (export \"memory\") 1) (func (export \"odd\") (drop (call $random (i32.const 0) (i32.const 1)))"
      "(if (i32.and (i32.load8_u (i32.const 0)) (i32.const 1)) (then (call $exit (i32.const 9))))))",
      &options);
  unsigned failed = 0;
  for (int i = 0; i < 100; i++) {
    wasi_light_instance_t *instance = wasi_light_pool_take(rig.pool, NULL, &error);
    failed += !instance;
    if (!instance) {
      ASSERT_ERROR(error, EXIT, "odd: ");
      assert_int_equal(error.exit_code, 9);
      assert_int_equal(pool_stats(&rig).live, 0);
    } else {
      pool_return(&rig, instance);
    }
  }
  wasi_light_pool_stats_t stats = pool_stats(&rig);
  assert_in_range(failed, 20, 80);
  assert_int_equal(stats.replaced_other, failed);
  assert_int_equal(stats.reset, 100 - failed);
  assert_int_equal(stats.made, failed + stats.live);
  pool_end(&rig);
}

static void test_an_initialize_that_fails(void **state) {
  wasi_light_error_t error;
  pool_rig_t rig;
  pool_start_wat(&rig, "(module (func (export \"_initialize\") unreachable))", NULL);
  assert_null(wasi_light_pool_take(rig.pool, NULL, &error));
  ASSERT_ERROR(error, TRAP, "_initialize: ");
  assert_int_equal(pool_stats(&rig).live, 0);
  pool_end(&rig);
}

/* ---- Lives ---- */

static void test_a_pool_with_taken_instances_is_deleted(void **state) {
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  log_t log;
  pool_rig_t rig;
  size_t before = pool_descriptors();
  options.warm = 3;
  start(&rig, &log, &options);
  wasi_light_module_delete(rig.module); /* the pool has references of its own */
  wasi_light_config_delete(rig.config);
  rig.module = NULL;
  rig.config = NULL;
  wasi_light_instance_t *instance = wasi_light_pool_take(rig.pool, NULL, NULL);
  assert_int_equal(pool_i32(instance, "use", NO_ARGS), 0x01000001);
  assert_non_null(wasi_light_pool_take(rig.pool, NULL, NULL));
  pool_end(&rig);
  assert_int_equal(pool_descriptors(), before);
}

static void test_descriptors(void **state) {
  wasi_light_instance_t *taken[20];
  for (size_t m = 0; m < POOL_METHODS; m++) {
    wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
    log_t log;
    pool_rig_t rig;
    if (!pool_can(pool_methods[m], &options)) continue;
    size_t before = pool_descriptors();
    start(&rig, &log, &options);
    for (size_t i = 0; i < COUNT(taken); i++) taken[i] = pool_take(&rig);
    assert_in_range(pool_descriptors(), before, before + 2);
    if (pool_methods[m] == WASI_LIGHT_RESET_COPY) assert_int_equal(pool_descriptors(), before);
    for (size_t i = 0; i < COUNT(taken); i++) pool_return(&rig, taken[i]);
    assert_in_range(pool_descriptors(), before, before + 2);
    pool_end(&rig);
    assert_int_equal(pool_descriptors(), before);
  }
}

static void test_statistics(void **state) {
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  log_t log;
  pool_rig_t rig;
  options.warm = 2;
  start(&rig, &log, &options);
  wasi_light_pool_stats_t stats = pool_stats(&rig);
  assert_int_equal(stats.made, 2);
  assert_int_equal(stats.live, 2);
  assert_int_equal(stats.idle, 2);
  assert_int_equal(stats.taken, 0);
  wasi_light_instance_t *a = pool_take(&rig);
  wasi_light_instance_t *b = pool_take(&rig);
  wasi_light_instance_t *c = pool_take(&rig);
  pool_call(b, "grow", NO_ARGS);
  pool_try(c, "crash", NO_ARGS);
  assert_true(pool_give(&rig, a));
  assert_false(pool_give(&rig, b));
  assert_true(pool_give(&rig, c));
  stats = pool_stats(&rig);
  assert_int_equal(stats.made, 3);
  assert_int_equal(stats.taken, 3);
  assert_int_equal(stats.reset, 2);
  assert_int_equal(stats.replaced_grown, 1);
  assert_int_equal(stats.replaced_other + stats.replaced_unrecyclable, 0);
  assert_int_equal(stats.live, 2);
  assert_int_equal(stats.idle, 2);
  pool_end(&rig);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_wrong_options),
    cmocka_unit_test(test_methods_by_option),
    cmocka_unit_test(test_the_best_method),
    cmocka_unit_test(test_max_live),
    cmocka_unit_test(test_what_may_be_given_back),
    cmocka_unit_test(test_giving_back_during_a_call),
    cmocka_unit_test(test_giving_back_in_a_stream_callback),
    cmocka_unit_test(test_hooks),
    cmocka_unit_test(test_hooks_without_recycling),
    cmocka_unit_test(test_leases_within_leases),
    cmocka_unit_test(test_a_warm_up_that_fails),
    cmocka_unit_test(test_an_after_reset_that_fails),
    cmocka_unit_test(test_an_initialize_that_fails),
    cmocka_unit_test(test_a_pool_with_taken_instances_is_deleted),
    cmocka_unit_test(test_descriptors),
    cmocka_unit_test(test_statistics),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
