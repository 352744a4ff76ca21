/* SPDX-License-Identifier: MIT */
/*
 * Eight threads share all that may be shared: engine, configuration, linker and modules (plain, cached, metered), each with
 * a pool and fresh instances of its own. They begin at one moment, so that whatever is made at its first use is raced for.
 * Under ThreadSanitizer (`make test-threads`) this shows that nothing of it is written without order.
 */
#include <pthread.h>
#include <unistd.h>

#include "cache_rig.h"

enum { THREADS = 8, ROUNDS = 40, FRESH = 8, DRAWS = ROUNDS + FRESH, POINTS = 20000 };

#define WASI(name, type) "(import \"wasi_snapshot_preview1\" \"" name "\" (func $" name " " type "))"
#define GUEST                                                                                                          \
  "(module " WASI("random_get", "(param i32 i32) (result i32)") WASI("fd_read",                                        \
                                                                     "(param i32 i32 i32 i32) (result i32)")           \
      WASI("fd_write", "(param i32 i32 i32 i32) (result i32)") WASI("proc_exit", "(param i32)")                        \
          WASI("args_get",                                                                                             \
               "(param i32 i32) (result i32)") "(import \"env\" \"host\" (func $host (param i32) (result i32)))"       \
                                               "(memory (export \"memory\") 5) (global $n (mut i32) (i32.const 0)) "   \
                                               "(data (i32.const 0) \"\\40\\00\\00\\00\\05\")"                         \
                                               "(func (export \"random\") (result i64)"                                \
                                               "  (drop (call $random_get (i32.const 32) (i32.const 8))) (i64.load "   \
                                               "(i32.const 32)))"                                                      \
                                               "(func (export \"echo\") (result i32)" /* 5 bytes of stdin to stdout */ \
                                               "  (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) "     \
                                               "(i32.const 48)))"                                                      \
                                               "  (drop (call $args_get (i32.const 128) (i32.const 256)))"             \
                                               "  (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) "          \
                                               "(i32.const 48)))"                                                      \
                                               "(func (export \"add\") (param i32) (result i32)"                       \
                                               "  (global.set $n (i32.add (global.get $n) (call $host (local.get "     \
                                               "0)))) (global.get $n))"                                                \
                                               "(func (export \"crash\") unreachable) (func (export \"fault\") (drop " \
                                               "(i32.load (i32.const -1))))"                                           \
                                               "(func $deep (export \"deep\") (call $deep)) (func (export \"grow\") "  \
                                               "(drop (memory.grow (i32.const 1))))"                                   \
                                               "(func (export \"loop\") (local $i i32) (loop (br_if 0 (i32.lt_u"       \
                                               "  (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const "   \
                                               "100000)))))"                                                           \
                                               "(func (export \"quit\") (param i32) (call $proc_exit (local.get 0))))"

enum { PLAIN, CACHED, METERED, KINDS };

/* Made once, and then only used. */
typedef struct shared_t {
  wasm_engine_t *engine;
  wasi_light_linker_t *linker;
  wasi_light_config_t *config;
  wasi_light_module_t *modules[KINDS];
  rig_bytes_t bytes, bad;
  const char *folder; /* of a cache */
  pthread_barrier_t start;
} shared_t;

typedef struct worker_t {
  pthread_t thread;
  shared_t *shared;
  int number; /* of the thread, from 1 */
  int64_t drawn[KINDS][DRAWS];
  const char *failure; /* NULL: none. cmocka's assertions are for the main thread */
} worker_t;

/* The argument times the number of the thread whose instance calls. */
static wasm_trap_t *on_host(wasi_light_instance_t *instance, void *data, const wasm_val_t *args, wasm_val_t *results) {
  const worker_t *worker = wasi_light_instance_host(instance);
  if (args[0].of.i32 < 0) return wasi_light_trap(instance, "thread %d wants it so", worker->number);
  results[0].of.i32 = args[0].of.i32 * worker->number;
  return NULL;
}

/* ---- An instance ------------------------------------------------------------------------------------- */

static bool says(const wasi_light_outcome_t *outcome, wasi_light_outcome_kind_t kind, const char *format, int number) {
  char text[64];
  /* cppcheck-suppress wrongPrintfScanfArgNum ; the format is a literal of the caller */
  snprintf(text, sizeof text, format, number);
  return outcome->kind == kind && strstr(outcome->message, text);
}

static const char *do_well(worker_t *worker, wasi_light_instance_t *instance, int64_t *drawn) {
  wasm_val_t result = I32(0);
  size_t size = 0;
  for (int i = 1; i <= 5; i++) {
    if (wasi_light_call_name(instance, "add", ARGS(I32(i)), &result, 1).kind != WASI_LIGHT_RETURNED) return "add";
    if (result.of.i32 != worker->number * i * (i + 1) / 2) return "a sum is wrong";
  }
  if (wasi_light_call_name(instance, "echo", NO_ARGS, &result, 1).kind != WASI_LIGHT_RETURNED) return "echo";
  const uint8_t *bytes = wasi_light_env_captured(wasi_light_instance_env(instance), 1, &size, NULL);
  if (size != 5 || memcmp(bytes, "input", 5) != 0) return "another output";
  if (wasi_light_call_name(instance, "random", NO_ARGS, &result, 1).kind != WASI_LIGHT_RETURNED) return "random";
  *drawn = result.of.i64;
  return NULL;
}

/* Ends of all kinds, each with a message of its own. */
static const char *do_badly(worker_t *worker, wasi_light_instance_t *instance, int round, bool metered) {
  wasm_val_t result = I32(0);
  wasi_light_outcome_t outcome;
  switch (round % 8) {
    case 0: outcome = wasi_light_call_name(instance, "crash", NO_ARGS, NULL, 0); break;
    case 1: outcome = wasi_light_call_name(instance, "fault", NO_ARGS, NULL, 0); break;
    case 2:
      if (metered) return NULL; /* points end before the stack does */
      outcome = wasi_light_call_name(instance, "deep", NO_ARGS, NULL, 0);
      return says(&outcome, WASI_LIGHT_TRAPPED, "stack", 0) ? NULL : "no stack overflow";
    case 3:
      outcome = wasi_light_call_name(instance, "add", ARGS(I32(-1)), &result, 1);
      return says(&outcome, WASI_LIGHT_TRAPPED, "thread %d wants it so", worker->number) ? NULL : "another trap";
    case 4:
      outcome = wasi_light_call_name(instance, "loop", NO_ARGS, NULL, 0);
      return outcome.kind == (metered ? WASI_LIGHT_LIMIT : WASI_LIGHT_RETURNED) ? NULL : "another end of a loop";
    case 5:
      outcome = wasi_light_call_name(instance, "quit", ARGS(I32(worker->number)), NULL, 0);
      return says(&outcome, WASI_LIGHT_EXITED, "%d", worker->number) ? NULL : "another exit";
    case 6:
      outcome = wasi_light_call_name(instance, "add", NO_ARGS, &result, 1);
      return outcome.kind == WASI_LIGHT_REFUSED ? NULL : "not refused";
    default:
      outcome = wasi_light_call_name(instance, "grow", NO_ARGS, NULL, 0);
      return outcome.kind == WASI_LIGHT_RETURNED ? NULL : "grow";
  }
  return outcome.kind == WASI_LIGHT_TRAPPED ? NULL : "no trap";
}

static const char *use_pool(worker_t *worker, int kind) {
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  const char *failure = NULL;
  options.reset = (wasi_light_reset_t)(worker->number % 4);
  wasi_light_pool_t *pool = wasi_light_pool_new(worker->shared->modules[kind], worker->shared->config, &options, NULL);
  if (!pool) return "no pool";
  for (int round = 0; round < ROUNDS && !failure; round++) {
    wasi_light_instance_t *instance = wasi_light_pool_take(pool, worker, NULL);
    failure = instance ? do_well(worker, instance, &worker->drawn[kind][round]) : "no instance";
    if (!failure) failure = do_badly(worker, instance, round, kind == METERED);
    if (instance && !wasi_light_pool_give(pool, instance, NULL)) failure = "not taken back";
  }
  wasi_light_pool_delete(pool);
  return failure;
}

static const char *use_fresh(worker_t *worker, int kind) {
  const char *failure = NULL;
  for (int round = 0; round < FRESH && !failure; round++) {
    wasi_light_module_t *module = wasi_light_module_copy(worker->shared->modules[kind]);
    wasi_light_config_t *config = wasi_light_config_copy(worker->shared->config);
    wasi_light_instance_t *instance = wasi_light_instance_new(module, config, worker, NULL);
    wasi_light_module_delete(module);
    wasi_light_config_delete(config);
    failure = instance ? do_well(worker, instance, &worker->drawn[kind][ROUNDS + round]) : "no instance";
    if (!failure) failure = do_badly(worker, instance, round, kind == METERED);
    wasi_light_instance_delete(instance);
  }
  return failure;
}

/* ---- Threads ----------------------------------------------------------------------------------------- */

static wasi_light_module_t *load(const shared_t *shared, int kind, const char *tag, wasi_light_error_t *error) {
  wasi_light_limits_t limits = WASI_LIGHT_LIMITS_INIT;
  wasi_light_cache_t cache = WASI_LIGHT_CACHE_INIT;
  limits.points_per_call = kind == METERED ? POINTS : 0;
  cache.folder = shared->folder;
  cache.tag = tag;
  if (kind == CACHED) {
    return wasi_light_module_new_cached(shared->engine, shared->bytes.data, shared->bytes.size, shared->linker, &limits,
                                        &cache, error);
  }
  return wasi_light_module_new(shared->engine, shared->bytes.data, shared->bytes.size, shared->linker, &limits, error);
}

static void start_shared(shared_t *shared, const wasi_light_options_t *options, const char *folder) {
  static const rig_func_t funcs[] = {{"host", "(i)i", on_host, NULL}};
  *shared = (shared_t){.engine = rig_engine(), .linker = rig_linker(funcs, 1), .folder = folder};
  shared->config = rig_config(options);
  shared->bytes = rig_assemble(GUEST);
  shared->bad = rig_assemble("(module (import \"nowhere\" \"nothing\" (func)) (import \"env\" \"host\" (func)))");
  for (int kind = 0; kind < KINDS; kind++) {
    wasi_light_error_t error;
    shared->modules[kind] = load(shared, kind, NULL, &error);
    if (!shared->modules[kind]) fail_msg("%s", error.message);
  }
  assert_int_equal(pthread_barrier_init(&shared->start, NULL, THREADS), 0);
}

static void end_shared(shared_t *shared) {
  for (int kind = 0; kind < KINDS; kind++) wasi_light_module_delete(shared->modules[kind]);
  wasi_light_config_delete(shared->config);
  wasi_light_linker_delete(shared->linker);
  rig_bytes_end(&shared->bytes);
  rig_bytes_end(&shared->bad);
  pthread_barrier_destroy(&shared->start);
}

static void run_threads(shared_t *shared, worker_t workers[THREADS], void *(*work)(void *)) {
  for (int i = 0; i < THREADS; i++) {
    workers[i] = (worker_t){.shared = shared, .number = i + 1};
    assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) pthread_join(workers[i].thread, NULL);
  for (int i = 0; i < THREADS; i++) {
    if (workers[i].failure) fail_msg("thread %d: %s", i + 1, workers[i].failure);
  }
}

static void *use_modules(void *data) {
  worker_t *worker = data;
  pthread_barrier_wait(&worker->shared->start);
  for (int i = 0; i < KINDS && !worker->failure; i++) {
    int kind = (worker->number + i) % KINDS;
    worker->failure = use_pool(worker, kind);
    if (!worker->failure) worker->failure = use_fresh(worker, kind);
  }
  return NULL;
}

static wasi_light_options_t options_with(const uint64_t *seed) {
  static const char *const args[] = {"plug-in", "one", NULL};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.args = args;
  options.random_seed = seed;
  options.next_random_stream = seed != NULL;
  options.count_calls = true;
  options.in = (wasi_light_input_t){.mode = WASI_LIGHT_INPUT_BYTES, .bytes = "input", .size = 5};
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 64};
  return options;
}

static int by_value(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

/* Fresh instances have a stream each; in a pool, leases begin where the snapshot stood, but no two instances alike. */
static void assert_distinct(const worker_t workers[THREADS], int from, int to) {
  static int64_t all[THREADS * KINDS * DRAWS];
  size_t count = 0;
  for (int i = 0; i < THREADS; i++) {
    for (int kind = 0; kind < KINDS; kind++) {
      for (int k = from; k < to; k++) all[count++] = workers[i].drawn[kind][k];
    }
  }
  qsort(all, count, sizeof all[0], by_value);
  for (size_t i = 1; i < count; i++) {
    if (all[i] == all[i - 1]) fail_msg("two instances drew the same number");
  }
}

/* First of all, so that this is the process's first use of entropy. */
static void test_entropy(void **state) {
  static worker_t workers[THREADS];
  const cache_rig_t *rig = *state;
  shared_t shared;
  wasi_light_options_t options = options_with(NULL);
  start_shared(&shared, &options, rig->folder);
  run_threads(&shared, workers, use_modules);
  assert_distinct(workers, 0, DRAWS);
  end_shared(&shared);
}

static void test_seeded_streams(void **state) {
  static worker_t workers[THREADS];
  static const uint64_t seed = 7;
  const cache_rig_t *rig = *state;
  shared_t shared;
  wasi_light_options_t options = options_with(&seed);
  start_shared(&shared, &options, rig->folder);
  run_threads(&shared, workers, use_modules);
  assert_distinct(workers, ROUNDS, DRAWS);
  end_shared(&shared);
}

/* ---- Modules are made at one moment, cached ones in one folder, and bad ones are refused --------------------- */

/* All threads look for the same entry in the cache, and write it. */
static const char *make_module(worker_t *worker, int kind, int round) {
  char tag[16];
  int64_t drawn = 0;
  snprintf(tag, sizeof tag, "%d", round);
  wasi_light_module_t *module = load(worker->shared, kind, tag, NULL);
  wasi_light_instance_t *instance =
      module ? wasi_light_instance_new(module, worker->shared->config, worker, NULL) : NULL;
  const char *failure = instance ? do_well(worker, instance, &drawn) : "no instance";
  wasi_light_instance_delete(instance);
  wasi_light_module_delete(module);
  return failure;
}

static void take_line(void *context, const char *line) {
  *(size_t *)context += strlen(line);
}

/* Errors and reports are the caller's own: each thread gets its text. */
static const char *make_errors(worker_t *worker) {
  shared_t *shared = worker->shared;
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_error_t error;
  char key[32], text[64];
  wasm_byte_vec_t binary;
  const char *const env[] = {key, NULL};
  size_t reported = 0;
  snprintf(key, sizeof key, "NO_VALUE_%d", worker->number);
  options.env = env;
  if (wasi_light_config_new(&options, &error) || !strstr(error.message, key)) return "another configuration error";
  if (wasi_light_module_new(shared->engine, shared->bad.data, shared->bad.size, shared->linker, NULL, &error) ||
      error.code != WASI_LIGHT_ERROR_LINK || !strstr(error.message, "nowhere")) {
    return "another link error";
  }
  if (wasi_light_check_module(shared->bytes.data, shared->bytes.size - (size_t)worker->number, NULL, &error) ||
      !strstr(error.message, "malformed")) {
    return "another error of a module cut short";
  }
  snprintf(text, sizeof text, "(module (nonsense_%d))", worker->number);
  if (wasi_light_wat2wasm(text, strlen(text), &binary, &error) || !strstr(error.message, text)) {
    return "another error of a text";
  }
  if (!wasi_light_audit(shared->bytes.data, shared->bytes.size, shared->linker, NULL, take_line, &reported, NULL) ||
      reported < 100) {
    return "no report";
  }
  return wasi_light_function("wasi_unstable", "fd_seek") ? NULL : "no function";
}

static void *make_modules(void *data) {
  worker_t *worker = data;
  pthread_barrier_wait(&worker->shared->start);
  for (int round = 0; round < 4 && !worker->failure; round++) {
    worker->failure = make_module(worker, round % 2 ? CACHED : worker->number % KINDS, round);
    if (!worker->failure) worker->failure = make_errors(worker);
  }
  return NULL;
}

static void test_modules_made_at_once(void **state) {
  static worker_t workers[THREADS];
  cache_rig_t *rig = *state;
  shared_t shared;
  wasi_light_options_t options = options_with(NULL);
  start_shared(&shared, &options, rig->folder);
  run_threads(&shared, workers, make_modules);
  end_shared(&shared);
}

/* ---- An instance goes from thread to thread ------------------------------------------------------------------ */

static wasi_light_instance_t *passed;
static pthread_mutex_t passing = PTHREAD_MUTEX_INITIALIZER;

/* Whoever has the lock uses the instance; every fourth time it is deleted, and the next thread makes another. */
static void *pass_on(void *data) {
  worker_t *worker = data;
  pthread_barrier_wait(&worker->shared->start);
  for (int round = 0; round < ROUNDS && !worker->failure; round++) {
    pthread_mutex_lock(&passing);
    if (!passed) passed = wasi_light_instance_new(worker->shared->modules[PLAIN], worker->shared->config, worker, NULL);
    if (passed) wasi_light_env_set_host(wasi_light_instance_env(passed), worker);
    worker->failure = passed ? do_badly(worker, passed, round % 5, false) : "no instance";
    if (round % 4 == 3) {
      wasi_light_instance_delete(passed);
      passed = NULL;
    }
    pthread_mutex_unlock(&passing);
  }
  return NULL;
}

static void test_passed_on(void **state) {
  static worker_t workers[THREADS];
  const cache_rig_t *rig = *state;
  shared_t shared;
  wasi_light_options_t options = options_with(NULL);
  start_shared(&shared, &options, rig->folder);
  run_threads(&shared, workers, pass_on);
  wasi_light_instance_delete(passed);
  passed = NULL;
  end_shared(&shared);
}

/* ---- References are dropped by whoever comes last ------------------------------------------------------------- */

static void *drop_references(void *data) {
  worker_t *worker = data;
  wasi_light_module_t *module = worker->shared->modules[PLAIN];
  wasi_light_config_t *config = worker->shared->config;
  wasi_light_instance_t *instance = wasi_light_instance_new(module, config, worker, NULL);
  int64_t drawn = 0;
  pthread_barrier_wait(&worker->shared->start);
  wasi_light_module_delete(module); /* each thread has one reference of its own */
  wasi_light_config_delete(config);
  worker->failure = instance ? do_well(worker, instance, &drawn) : "no instance";
  wasi_light_instance_delete(instance);
  return NULL;
}

static void test_references(void **state) {
  static worker_t workers[THREADS];
  const cache_rig_t *rig = *state;
  for (int round = 0; round < 10; round++) {
    shared_t shared;
    wasi_light_options_t options = options_with(NULL);
    start_shared(&shared, &options, rig->folder);
    for (int i = 1; i < THREADS; i++) {
      wasi_light_module_copy(shared.modules[PLAIN]);
      wasi_light_config_copy(shared.config);
    }
    run_threads(&shared, workers, drop_references);
    shared.modules[PLAIN] = NULL;
    shared.config = NULL;
    end_shared(&shared);
  }
}

static const struct CMUnitTest tests[] = {
    CACHE_TEST(test_entropy),   CACHE_TEST(test_seeded_streams), CACHE_TEST(test_modules_made_at_once),
    CACHE_TEST(test_passed_on), CACHE_TEST(test_references),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
