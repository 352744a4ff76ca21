/* SPDX-License-Identifier: MIT */
/* What instances cost the process: no descriptor and no thread each, and memory that comes back. */
#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include "wasm_rig.h"

enum { ONE_AFTER_ANOTHER = 10000, ALIVE = 500, CAPTURED = 256 };

/* The process as the system sees it: /proc/self/fd, /proc/self/task, /proc/self/statm. */
typedef struct process_t {
  size_t descriptors, threads;
  size_t addresses, resident; /* bytes */
} process_t;

static size_t entries_of(const char *folder) {
  size_t count = 0;
  DIR *dir = opendir(folder);
  if (!dir) {
    skip(); /* no /proc here */
    return 0;
  }
  while (readdir(dir)) count++;
  closedir(dir);
  return count;
}

static process_t look(void) {
  process_t process = {.descriptors = entries_of("/proc/self/fd"), .threads = entries_of("/proc/self/task")};
  char line[256] = "";
  char *next;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file || !fgets(line, sizeof line, file)) fail_msg("cannot read /proc/self/statm");
  if (file) fclose(file);
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  process.addresses = strtoul(line, &next, 10) * page;
  process.resident = strtoul(next, NULL, 10) * page;
  return process;
}

/* The engine's threads for compiling end a little later: looks again until that is over. */
static process_t look_when_settled(void) {
  process_t process = look();
  for (int quiet = 0, i = 0; quiet < 10 && i < 250; i++) {
    usleep(20000);
    process_t now = look();
    quiet = now.threads == process.threads ? quiet + 1 : 0;
    process = now;
  }
  return process;
}

static void assert_same(const process_t *now, const process_t *before) {
  assert_int_equal(now->descriptors, before->descriptors);
  assert_int_equal(now->threads, before->threads);
}

/* 1,000 bytes kept of each of 10,000 would be 10 MB. AddressSanitizer keeps all for a while, on purpose. */
static void assert_flat(const process_t *now, const process_t *before) {
  if (RIG_ASAN || now->resident <= before->resident + ((size_t)8 << 20)) return;
  fail_msg("resident memory went from %zu to %zu", before->resident, now->resident);
}

static wasi_light_module_t *load(const char *name) {
  wasi_light_error_t error;
  rig_bytes_t bytes = rig_guest(name);
  assert_non_null(bytes.data);
  wasi_light_module_t *module = wasi_light_module_new(rig_engine(), bytes.data, bytes.size, NULL, NULL, &error);
  if (!module) fail_msg("%s", error.message);
  rig_bytes_end(&bytes);
  return module;
}

static wasi_light_config_t *configure(void) {
  static const char *const args[] = {"plug-in", "one", NULL};
  static const char *const env[] = {"KEY1=VALUE1", NULL};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.args = args;
  options.env = env;
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = CAPTURED};
  options.err = options.out;
  return rig_config(&options);
}

/* Makes an instance, and has it use memory, streams, clocks and randomness. */
static wasi_light_instance_t *make(wasi_light_module_t *module, wasi_light_config_t *config) {
  wasm_val_t result = I32(0);
  wasi_light_error_t error;
  size_t size = 0;
  wasi_light_instance_t *instance = wasi_light_instance_new(module, config, NULL, &error);
  if (!instance) fail_msg("%s", error.message);
  ASSERT_OUTCOME(wasi_light_call_name(instance, "report", NO_ARGS, &result, 1), RETURNED, "");
  assert_int_equal(result.of.i32, 6);
  assert_non_null(wasi_light_env_captured(wasi_light_instance_env(instance), 1, &size, NULL));
  assert_in_range(size, 50, CAPTURED);
  return instance;
}

static void test_one_after_another(void **state) {
  wasi_light_config_t *config = configure();
  wasi_light_module_t *module = load("c_reactor");
  for (int i = 0; i < 100; i++) wasi_light_instance_delete(make(module, config)); /* what is made once, is made */
  process_t before = look_when_settled();
  for (int i = 0; i < ONE_AFTER_ANOTHER; i++) {
    wasi_light_instance_t *instance = make(module, config);
    if (i % 1000 == 0) {
      process_t now = look();
      assert_same(&now, &before);
    }
    wasi_light_instance_delete(instance);
  }
  process_t after = look();
  assert_same(&after, &before);
  assert_flat(&after, &before);
  wasi_light_module_delete(module);
  wasi_light_config_delete(config);
}

static void test_many_at_once(void **state) {
  static wasi_light_instance_t *instances[ALIVE];
  wasi_light_config_t *config = configure();
  wasi_light_module_t *module = load("c_reactor");
  for (int i = 0; i < ALIVE; i++) instances[i] = make(module, config);
  for (int i = 0; i < ALIVE; i++) wasi_light_instance_delete(instances[i]);
  process_t before = look_when_settled();
  for (int i = 0; i < ALIVE; i++) instances[i] = make(module, config);
  process_t now = look();
  assert_same(&now, &before);
  for (int i = 0; i < ALIVE; i++) { /* all of them work */
    wasm_val_t result = I32(0);
    ASSERT_OUTCOME(wasi_light_call_name(instances[i], "add", ARGS(I32(i), I32(1)), &result, 1), RETURNED, "");
    assert_int_equal(result.of.i32, i + 1);
  }
  for (int i = 0; i < ALIVE; i++) wasi_light_instance_delete(instances[i]);
  process_t after = look();
  assert_same(&after, &before);
  wasi_light_module_delete(module);
  wasi_light_config_delete(config);
}

/* Instances that trap, exit or are not made at all leave as little behind. */
static void test_those_that_end_badly(void **state) {
  wasi_light_config_t *config = configure();
  wasi_light_module_t *module = load("c_reactor");
  wasi_light_module_t *broken = rig_module("(module (memory 1) (data (i32.const 65536) \"x\"))", NULL);
  process_t before = {.descriptors = 0};
  for (int i = 0; i < 1100; i++) {
    if (i == 100) before = look_when_settled();
    wasi_light_instance_t *instance = make(module, config);
    ASSERT_OUTCOME(wasi_light_call_name(instance, "crash", NO_ARGS, NULL, 0), TRAPPED, "unreachable");
    ASSERT_EXITED(wasi_light_call_name(instance, "quit", ARGS(I32(3)), NULL, 0), 3);
    wasi_light_instance_delete(instance);
    assert_null(wasi_light_instance_new(broken, config, NULL, NULL));
  }
  process_t after = look();
  assert_same(&after, &before);
  assert_flat(&after, &before);
  wasi_light_module_delete(broken);
  wasi_light_module_delete(module);
  wasi_light_config_delete(config);
}

/* The engine reserves addresses for each memory. Where there are none left, the host gets an error. */
static void test_no_addresses_left(void **state) {
  struct rlimit limit, little;
  wasi_light_error_t error;
  if (RIG_ASAN) skip(); /* it has reserved more than any limit */
  wasi_light_config_t *config = configure();
  wasi_light_module_t *module = load("c_reactor");
  process_t before = look_when_settled();
  assert_int_equal(getrlimit(RLIMIT_AS, &limit), 0);
  little = limit;
  little.rlim_cur = before.addresses + ((rlim_t)64 << 20);
  assert_int_equal(setrlimit(RLIMIT_AS, &little), 0);
  wasi_light_instance_t *instance = wasi_light_instance_new(module, config, NULL, &error);
  assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
  assert_null(instance);
  ASSERT_ERROR(error, INSTANTIATE, "memory");
  process_t after = look();
  assert_same(&after, &before);
  wasi_light_instance_delete(make(module, config)); /* the next can be made again */
  wasi_light_module_delete(module);
  wasi_light_config_delete(config);
}

/* What the environment says it takes: its own part is small, the rest is what was asked for. */
static void test_the_size_of_an_environment(void **state) {
  wasi_light_config_t *none = rig_config(NULL);
  wasi_light_config_t *captured = configure();
  assert_in_range(wasi_light_env_bytes(none), 1, 512);
  assert_int_equal(wasi_light_env_bytes(captured), wasi_light_env_bytes(none) + (size_t)2 * CAPTURED);
  wasi_light_config_delete(none);
  wasi_light_config_delete(captured);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_one_after_another),          cmocka_unit_test(test_many_at_once),
    cmocka_unit_test(test_those_that_end_badly),       cmocka_unit_test(test_no_addresses_left),
    cmocka_unit_test(test_the_size_of_an_environment),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
