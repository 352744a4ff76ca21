/* SPDX-License-Identifier: MIT */
/*
 * A host for plug-ins: loads one, makes instance after instance of it and calls their exports.
 *
 *   plugin_host [--live N] [PLUGIN.wasm]
 *
 * The plug-in is one of the reactors in guests/. Each of 1,000 instances is made, called, checked and thrown away; then
 * the same is done 1,000 times with instances from a pool, which are put back to their first state in between.
 * With --live N, N instances are alive at once: they take no descriptor and no thread, so N may be 2,000 under
 * `ulimit -n 64`.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wasi_light_wasm.h>

enum { INSTANCES = 1000, OFFSET_S = 3600 };

/* A plug-in is compiled once, and its exports are looked up once. */
typedef struct plugin_t {
  wasi_light_config_t *config;
  wasi_light_module_t *module;
  const wasi_light_func_t *report, *add, *count, *sum, *now, *random, *alloc, *greet;
} plugin_t;

static _Noreturn void fail(const char *what, const char *why) {
  fprintf(stderr, "plugin_host: %s: %s\n", what, why);
  exit(EXIT_FAILURE);
}

/* ---- Loading ----------------------------------------------------------------------------------------- */

static const wasi_light_func_t *export_of(const wasi_light_module_t *module, const char *name) {
  const wasi_light_func_t *func = wasi_light_module_func(module, name);
  if (!func) fail(name, "the plug-in does not export it");
  return func;
}

static wasi_light_module_t *compile(wasm_engine_t *engine, const char *path) {
  wasi_light_error_t error;
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) fail(path, "cannot be read");
  long size = ftell(file);
  void *bytes = size > 0 ? malloc((size_t)size) : NULL;
  if (!bytes || fseek(file, 0, SEEK_SET) != 0 || fread(bytes, 1, (size_t)size, file) != (size_t)size) {
    fail(path, "cannot be read, or is empty");
  }
  fclose(file);
  wasi_light_module_t *module = wasi_light_module_new(engine, bytes, (size_t)size, NULL, NULL, &error);
  if (!module) fail(path, error.message);
  free(bytes);
  return module;
}

/* What the plug-in is given, and nothing else: it sees no file, no network and not this process's environment. */
static wasi_light_config_t *configure(void) {
  const char *const args[] = {"arg1", "arg2", NULL};
  const char *const env[] = {"KEY1=VALUE1", NULL};
  const uint64_t seed = 42;
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_error_t error;
  options.args = args;
  options.env = env;
  options.clock_offset_ns = (int64_t)OFFSET_S * 1000000000;
  options.random_seed = &seed; /* the same bytes for each instance; leave it NULL for real randomness */
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 1024};
  options.err.mode = WASI_LIGHT_OUTPUT_INHERIT;
  wasi_light_config_t *config = wasi_light_config_new(&options, &error);
  if (!config) fail("configuration", error.message);
  return config;
}

static plugin_t load(wasm_engine_t *engine, const char *path) {
  wasi_light_module_t *module = compile(engine, path);
  return (plugin_t){
      .config = configure(),
      .module = module,
      .report = export_of(module, "report"),
      .add = export_of(module, "add"),
      .count = export_of(module, "count"),
      .sum = export_of(module, "sum"),
      .now = export_of(module, "now"),
      .random = export_of(module, "random"),
      .alloc = export_of(module, "alloc"),
      .greet = export_of(module, "greet"),
  };
}

/* ---- Calling ----------------------------------------------------------------------------------------- */

static wasi_light_instance_t *instantiate(const plugin_t *plugin) {
  wasi_light_error_t error;
  wasi_light_instance_t *instance = wasi_light_instance_new(plugin->module, plugin->config, NULL, &error);
  if (!instance) fail("instance", error.message);
  return instance;
}

/* Calls an export that takes i32s and returns one value. */
static wasm_val_t call(wasi_light_instance_t *instance, const wasi_light_func_t *func, size_t count, int32_t a,
                       int32_t b) {
  const wasm_val_t args[] = {WASM_I32_VAL(a), WASM_I32_VAL(b)};
  wasm_val_t result = WASM_I32_VAL(0);
  wasi_light_outcome_t outcome = wasi_light_call(instance, func, args, count, &result, 1);
  if (outcome.kind == WASI_LIGHT_EXITED) fail("the plug-in", "called exit"); /* which did not end this process */
  if (outcome.kind != WASI_LIGHT_RETURNED) fail("the plug-in", outcome.message);
  return result;
}

static void check(const char *what, int64_t got, int64_t expected) {
  if (got == expected) return;
  fprintf(stderr, "plugin_host: %s is %" PRId64 ", expected %" PRId64 "\n", what, got, expected);
  exit(EXIT_FAILURE);
}

/* Every instance is new, so its counter is at 0; and all have the same seed, so they first draw the same number. */
static void call_several(const plugin_t *plugin, wasi_light_instance_t *instance, int64_t random) {
  check("random()", call(instance, plugin->random, 0, 0, 0).of.i64, random);
  check("add(2, 40)", call(instance, plugin->add, 2, 2, 40).of.i32, 42);
  check("count()", call(instance, plugin->count, 0, 0, 0).of.i32, 1);
  check("count() again", call(instance, plugin->count, 0, 0, 0).of.i32, 2);
  check("sum(100)", call(instance, plugin->sum, 1, 100, 0).of.i64, 5050);
}

/* Prints what the plug-in says, and passes strings in and out. Returns its first random number. */
static int64_t show(const plugin_t *plugin) {
  static const char name[] = "plug-in host";
  wasi_light_instance_t *instance = instantiate(plugin);
  wasi_light_error_t error;
  char greeting[64];
  size_t size = 0;
  int64_t random = call(instance, plugin->random, 0, 0, 0).of.i64;

  call(instance, plugin->report, 0, 0, 0);
  const uint8_t *output = wasi_light_env_captured(wasi_light_instance_env(instance), 1, &size, NULL);
  printf("what the plug-in saw:\n%.*s", (int)size, (const char *)output);

  uint32_t text = wasi_light_string_in(instance, plugin->alloc, name, sizeof name - 1, &error);
  if (text == 0) fail("alloc", error.message);
  uint32_t answer = (uint32_t)call(instance, plugin->greet, 2, (int32_t)text, sizeof name - 1).of.i32;
  if (wasi_light_string_out(instance, answer, greeting, sizeof greeting) >= sizeof greeting) fail("greet", "too long");
  printf("what it says: %s\n", greeting);

  int64_t ahead_s = call(instance, plugin->now, 0, 0, 0).of.i64 / 1000000000 - (int64_t)time(NULL);
  if (ahead_s < OFFSET_S - 1 || ahead_s > OFFSET_S + 1) fail("now()", "is not an hour ahead");
  wasi_light_instance_delete(instance);
  return random;
}

/* ---- One after another, or all at once --------------------------------------------------------------- */

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double print_rate(const char *what, double start) {
  double took = seconds() - start;
  printf("%d %s, one after another, 5 calls each: %.3f s, %.0f instances/s\n", INSTANCES, what, took,
         (double)INSTANCES / took);
  return took;
}

static double one_after_another(const plugin_t *plugin, int64_t random) {
  double start = seconds();
  for (int i = 0; i < INSTANCES; i++) {
    wasi_light_instance_t *instance = instantiate(plugin);
    call_several(plugin, instance, random);
    wasi_light_instance_delete(instance);
  }
  return print_rate("fresh instances", start);
}

/* The same checks pass: what one lease did, the next does not see. */
static double from_a_pool(const plugin_t *plugin, int64_t random) {
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  wasi_light_error_t error;
  options.warm = 1;
  wasi_light_pool_t *pool = wasi_light_pool_new(plugin->module, plugin->config, &options, &error);
  if (!pool) fail("pool", error.message);
  double start = seconds();
  for (int i = 0; i < INSTANCES; i++) {
    wasi_light_instance_t *instance = wasi_light_pool_take(pool, NULL, &error);
    if (!instance) fail("pool", error.message);
    call_several(plugin, instance, random);
    if (!wasi_light_pool_give(pool, instance, &error)) fail("pool", error.message);
  }
  double took = print_rate("recycled instances", start);
  wasi_light_pool_delete(pool);
  return took;
}

/* What Linux lists in such a folder: this process's descriptors (one more, for the folder) or threads. */
static int count_entries(const char *folder) {
  int count = 0;
  DIR *directory = opendir(folder);
  if (!directory) return -1;
  for (struct dirent *entry; (entry = readdir(directory));) count += entry->d_name[0] != '.';
  closedir(directory);
  return count;
}

/* The threads are the engine's: it compiles with several, which may still be about to end. */
static void print_resources(const char *when) {
  printf("%s: %d descriptors, %d threads\n", when, count_entries("/proc/self/fd") - 1,
         count_entries("/proc/self/task"));
}

static void all_at_once(const plugin_t *plugin, int64_t random, size_t count) {
  wasi_light_instance_t **instances = calloc(count, sizeof(wasi_light_instance_t *));
  if (!instances) fail("--live", "out of memory");
  print_resources("before");
  for (size_t i = 0; i < count; i++) instances[i] = instantiate(plugin);
  for (size_t i = 0; i < count; i++) call_several(plugin, instances[i], random);
  printf("%zu instances alive at once, 5 calls each\n", count);
  print_resources("with them");
  for (size_t i = 0; i < count; i++) wasi_light_instance_delete(instances[i]);
  print_resources("after");
  free(instances);
}

int main(int argc, char **argv) {
  const char *path = "guests/built/c_reactor.wasm";
  size_t live = 0;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--live") == 0) {
      live = i + 1 < argc ? strtoul(argv[++i], NULL, 10) : 0;
      if (live == 0) fail("--live", "how many?");
    } else {
      path = argv[i];
    }
  }

  wasm_engine_t *engine = wasm_engine_new();
  if (!engine) fail("engine", "cannot be started");
  plugin_t plugin = load(engine, path);
  printf("%s\n", path);
  int64_t random = show(&plugin);
  if (live > 0) all_at_once(&plugin, random, live);
  else {
    double fresh = one_after_another(&plugin, random);
    printf("recycled is %.1f times as fast as fresh\n", fresh / from_a_pool(&plugin, random));
  }

  wasi_light_module_delete(plugin.module);
  wasi_light_config_delete(plugin.config);
  wasm_engine_delete(engine);
  return EXIT_SUCCESS;
}
