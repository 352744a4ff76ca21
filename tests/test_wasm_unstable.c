/* SPDX-License-Identifier: MIT */
/* Guests that import from wasi_unstable, alone and together with wasi_snapshot_preview1. */
#include "wasm_rig.h"

#define P0 "(import \"wasi_unstable\" "
#define P1 "(import \"wasi_snapshot_preview1\" "

/*
 * Both namespaces in one module. Two subscriptions of snapshot 0, of 56 bytes, lie at 1024: a clock (identifier 1,
 * monotonic, 70 ms) and stdout. An iovec of 3 bytes at 16 lies at 0.
 */
#define GUEST                                                                                                         \
  "(module " P0 "\"fd_write\" (func $write (param i32 i32 i32 i32) (result i32)))" P0                                 \
  "\"fd_seek\" (func $seek0 (param i32 i64 i32 i32) (result i32)))" P0                                                \
  "\"fd_filestat_get\" (func $stat0 (param i32 i32) (result i32)))" P0                                                \
  "\"poll_oneoff\" (func $poll0 (param i32 i32 i32 i32) (result i32)))" P0                                            \
  "\"clock_time_get\" (func $time (param i32 i64 i32) (result i32)))" P0 "\"proc_exit\" (func $exit (param i32)))" P1 \
  "\"fd_filestat_get\" (func $stat1 (param i32 i32) (result i32)))" P1                                                \
  "\"poll_oneoff\" (func $poll1 (param i32 i32 i32 i32) (result i32)))" P1                                            \
  "\"fd_write\" (func $write1 (param i32 i32 i32 i32) (result i32)))"                                                 \
  "(memory (export \"memory\") 1)"                                                                                    \
  "(data (i32.const 0) \"\\10\\00\\00\\00\\03\\00\\00\\00\") (data (i32.const 16) \"hi\\0a\")"                        \
  "(data (i32.const 1024) \"\\2a\") (data (i32.const 1040) \"\\01\") (data (i32.const 1048) \"\\01\")"                \
  "(data (i32.const 1056) \"\\80\\1d\\2c\\04\")" /* 70,000,000 */                                                     \
  "(data (i32.const 1080) \"\\2b\") (data (i32.const 1088) \"\\02\") (data (i32.const 1096) \"\\01\")"                \
  "(func (export \"write\") (result i32) (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))"      \
  "(func (export \"write1\") (result i32) (call $write1 (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))"    \
  "(func (export \"seek\") (result i32) (call $seek0 (i32.const 1) (i64.const 0) (i32.const 0) (i32.const 8)))"       \
  "(func (export \"stat0\") (param i32) (result i32) (call $stat0 (i32.const 1) (local.get 0)))"                      \
  "(func (export \"stat1\") (param i32) (result i32) (call $stat1 (i32.const 1) (local.get 0)))"                      \
  "(func (export \"poll0\") (param i32 i32) (result i32)"                                                             \
  "  (call $poll0 (local.get 0) (i32.const 2048) (local.get 1) (i32.const 8)))"                                       \
  "(func (export \"poll1\") (param i32 i32) (result i32)"                                                             \
  "  (call $poll1 (local.get 0) (i32.const 2048) (local.get 1) (i32.const 8)))"                                       \
  "(func (export \"now\") (result i64)"                                                                               \
  "  (drop (call $time (i32.const 1) (i64.const 0) (i32.const 256))) (i64.load (i32.const 256)))"                     \
  "(func (export \"load\") (param i32) (result i32) (i32.load (local.get 0)))"                                        \
  "(func (export \"quit\") (call $exit (i32.const 7)))"                                                               \
  "(func (export \"_start\") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))"            \
  "  (call $exit (i32.const 5))))"

static wasi_light_options_t guest_options(void) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 64};
  options.clock.mode = WASI_LIGHT_CLOCK_VIRTUAL;
  options.sleep.mode = WASI_LIGHT_SLEEP_VIRTUAL;
  return options;
}

static void start(rig_t *rig) {
  wasi_light_options_t options = guest_options();
  rig_start_module(rig, rig_module(GUEST, NULL), &options, NULL);
}

static int32_t call(rig_t *rig, const char *name, int32_t arg) {
  return rig_call(rig, name, ARGS(I32(arg))).of.i32;
}

static void assert_captured(rig_t *rig, const char *text) {
  size_t size;
  const uint8_t *bytes = wasi_light_env_captured(wasi_light_instance_env(rig->instance), 1, &size, NULL);
  assert_int_equal(size, strlen(text));
  assert_memory_equal(bytes, text, size);
}

/* ---- Calls ---- */

static void test_shared_functions(void **state) {
  rig_t rig;
  start(&rig);
  assert_int_equal(rig_call(&rig, "write", NO_ARGS).of.i32, WASI_LIGHT_ESUCCESS);
  assert_captured(&rig, "hi\n");
  assert_int_equal(rig_call(&rig, "write1", NO_ARGS).of.i32, WASI_LIGHT_ESUCCESS);
  assert_captured(&rig, "hi\nhi\n");
  assert_int_equal(rig_call(&rig, "seek", NO_ARGS).of.i32, WASI_LIGHT_ESPIPE);
  rig_end(&rig);
}

/* Each namespace has its own layout, whatever else the module imports. */
static void test_filestat(void **state) {
  enum { AT = 4096, FAR = 65536 - 56 };
  rig_t rig;
  start(&rig);
  assert_int_equal(call(&rig, "stat0", AT), WASI_LIGHT_ESUCCESS);
  assert_int_equal(call(&rig, "load", AT + 20), 1);
  assert_int_equal(call(&rig, "load", AT + 24), 0);
  assert_int_equal(call(&rig, "stat1", AT), WASI_LIGHT_ESUCCESS);
  assert_int_equal(call(&rig, "load", AT + 20), 0);
  assert_int_equal(call(&rig, "load", AT + 24), 1);
  assert_int_equal(call(&rig, "stat0", FAR), WASI_LIGHT_ESUCCESS);
  assert_int_equal(call(&rig, "stat0", FAR + 1), WASI_LIGHT_EFAULT);
  assert_int_equal(call(&rig, "stat1", FAR), WASI_LIGHT_EFAULT);
  rig_end(&rig);
}

static int32_t poll(rig_t *rig, const char *name, int32_t in, int32_t count) {
  return rig_call(rig, name, ARGS(I32(in), I32(count))).of.i32;
}

static void test_poll(void **state) {
  rig_t rig;
  start(&rig);
  assert_int_equal(poll(&rig, "poll0", 1024, 1), WASI_LIGHT_ESUCCESS);
  assert_int_equal(call(&rig, "load", 8), 1);
  assert_int_equal(call(&rig, "load", 2048), 0x2a);
  assert_int_equal(rig_call(&rig, "now", NO_ARGS).of.i64, 70000001);
  assert_int_equal(poll(&rig, "poll0", 1024, 2), WASI_LIGHT_ESUCCESS); /* stdout is ready, the clock is not */
  assert_int_equal(call(&rig, "load", 8), 1);
  assert_int_equal(call(&rig, "load", 2048), 0x2b);
  assert_int_equal(rig_call(&rig, "now", NO_ARGS).of.i64, 70000001);
  /* In preview 1 the same bytes say: monotonic, no timeout to speak of. */
  assert_int_equal(poll(&rig, "poll1", 1024, 1), WASI_LIGHT_ESUCCESS);
  assert_int_equal(rig_call(&rig, "now", NO_ARGS).of.i64, 70000002);
  assert_int_equal(poll(&rig, "poll0", 65536 - 48, 1), WASI_LIGHT_EFAULT);
  assert_int_equal(poll(&rig, "poll1", 65536 - 48, 1), WASI_LIGHT_ESUCCESS);
  rig_end(&rig);
}

static void test_exit(void **state) {
  rig_t rig;
  start(&rig);
  ASSERT_EXITED(rig_try(&rig, "quit", NO_ARGS), 7);
  ASSERT_EXITED(rig_try(&rig, "write", NO_ARGS), 7);
  assert_captured(&rig, "");
  rig_end(&rig);
  start(&rig);
  assert_int_equal(wasi_light_module_kind(rig.module), WASI_LIGHT_COMMAND);
  ASSERT_EXITED(rig_try(&rig, "_start", NO_ARGS), 5);
  assert_captured(&rig, "hi\n");
  rig_end(&rig);
}

/* The same by way of the import object. */
static void test_import_object(void **state) {
  wasi_light_options_t options = guest_options();
  raw_t raw;
  raw_start_with(&raw, GUEST, &options);
  ASSERT_OUTCOME(raw_link(&raw, NULL, 0), RETURNED, "");
  assert_int_equal(raw_call(&raw, "stat0", ARGS(I32(4096))).of.i32, WASI_LIGHT_ESUCCESS);
  assert_int_equal(raw_call(&raw, "load", ARGS(I32(4096 + 20))).of.i32, 1);
  assert_int_equal(raw_call(&raw, "poll0", ARGS(I32(1024), I32(1))).of.i32, WASI_LIGHT_ESUCCESS);
  assert_int_equal(raw_call(&raw, "now", NO_ARGS).of.i64, 70000001);
  ASSERT_EXITED(raw_try(&raw, "quit", NO_ARGS), 7);
  raw_end(&raw);
}

static void test_pool(void **state) {
  wasi_light_options_t options = guest_options();
  wasi_light_config_t *config = rig_config(&options);
  wasi_light_module_t *module = rig_module(GUEST, NULL);
  wasi_light_error_t error;
  assert_true(wasi_light_module_recyclable(module));
  wasi_light_pool_t *pool = wasi_light_pool_new(module, config, NULL, &error);
  assert_non_null(pool);
  for (int i = 0; i < 3; i++) {
    rig_t rig = {NULL, module, wasi_light_pool_take(pool, NULL, &error)};
    assert_non_null(rig.instance);
    assert_int_equal(rig_call(&rig, "now", NO_ARGS).of.i64, 1);
    assert_int_equal(poll(&rig, "poll0", 1024, 1), WASI_LIGHT_ESUCCESS);
    assert_int_equal(rig_call(&rig, "now", NO_ARGS).of.i64, 70000001);
    assert_int_equal(call(&rig, "load", 4096 + 20), 0);
    assert_int_equal(call(&rig, "stat0", 4096), WASI_LIGHT_ESUCCESS);
    assert_int_equal(call(&rig, "load", 4096 + 20), 1);
    assert_true(wasi_light_pool_give(pool, rig.instance, &error));
  }
  wasi_light_pool_delete(pool);
  wasi_light_module_delete(module);
  wasi_light_config_delete(config);
}

/* ---- Linking ---- */

/* An import of each function of a namespace, with its type; proc_exit has no result. */
static void add_imports(char *wat, size_t size, const char *module, size_t *imports) {
  size_t count;
  const wasi_light_function_t *functions = wasi_light_functions(&count);
  for (size_t i = 0; i < count; i++) {
    const wasi_light_function_t *function = wasi_light_function(module, functions[i].name);
    if (!function) continue;
    size_t used = strlen(wat);
    used += (size_t)snprintf(wat + used, size - used, "(import \"%s\" \"%s\" (func (param", module, function->name);
    for (const char *type = function->signature + 1; *type != ')'; type++)
      used += (size_t)snprintf(wat + used, size - used, " %s", *type == 'i' ? "i32" : "i64");
    bool returns = strchr(function->signature, ')')[1] == 'i';
    snprintf(wat + used, size - used, ")%s))", returns ? " (result i32)" : "");
    ++*imports;
  }
}

static void test_all_functions_link(void **state) {
  static char wat[32768] = "(module ";
  size_t imports = 0;
  rig_t rig;
  add_imports(wat, sizeof wat, "wasi_unstable", &imports);
  assert_int_equal(imports, 45);
  add_imports(wat, sizeof wat, "wasi_snapshot_preview1", &imports);
  assert_int_equal(imports, 45 + 46);
  snprintf(wat + strlen(wat), sizeof wat - strlen(wat), "(func (export \"f\") (result i32) (i32.const 4)))");
  rig_start(&rig, wat, NULL, 0);
  assert_int_equal(rig_call(&rig, "f", NO_ARGS).of.i32, 4);
  rig_end(&rig);
}

static void test_what_is_not_there(void **state) {
  wasi_light_error_t error =
      rig_no_module("(module " P0 "\"sock_accept\" (func (param i32 i32 i32) (result i32)))" P0
                    "\"fd_seek\" (func (param i32 i32 i32 i32) (result i32)))" P0 "\"fd_nothing\" (func)))",
                    NULL);
  ASSERT_ERROR(error, LINK, "wasi_unstable.sock_accept: wanted function (i32, i32, i32) -> (i32), given nothing");
  ASSERT_ERROR(error, LINK,
               "wasi_unstable.fd_seek: wanted function (i32, i32, i32, i32) -> (i32), "
               "given function (i32, i64, i32, i32) -> (i32)");
  ASSERT_ERROR(error, LINK, "wasi_unstable.fd_nothing: wanted function () -> (), given nothing");
}

static wasm_trap_t *on_seek(wasi_light_instance_t *instance, void *data, const wasm_val_t *args, wasm_val_t *results) {
  results[0].of.i32 = 77;
  return NULL;
}

/* A host's function is for the namespace that it was registered for, and no other. */
static void test_replaced_functions(void **state) {
  static const char wat[] = "(module " P0 "\"fd_seek\" (func $seek0 (param i32 i64 i32 i32) (result i32)))" P1
                            "\"fd_seek\" (func $seek1 (param i32 i64 i32 i32) (result i32)))"
                            "(func (export \"seek0\") (result i32)"
                            "  (call $seek0 (i32.const 1) (i64.const 0) (i32.const 0) (i32.const 8)))"
                            "(func (export \"seek1\") (result i32)"
                            "  (call $seek1 (i32.const 1) (i64.const 0) (i32.const 0) (i32.const 8))))";
  static const char *const modules[] = {"wasi_unstable", "wasi_snapshot_preview1"};
  for (int replaced = 0; replaced < 2; replaced++) {
    wasi_light_linker_t *linker = rig_linker(NULL, 0);
    rig_t rig;
    assert_true(wasi_light_linker_func(linker, modules[replaced], "fd_seek", "(iIii)i", on_seek, NULL, NULL));
    rig_start_module(&rig, rig_module(wat, linker), NULL, NULL);
    assert_int_equal(rig_call(&rig, "seek0", NO_ARGS).of.i32, replaced == 0 ? 77 : WASI_LIGHT_ESPIPE);
    assert_int_equal(rig_call(&rig, "seek1", NO_ARGS).of.i32, replaced == 1 ? 77 : WASI_LIGHT_ESPIPE);
    rig_end(&rig);
    wasi_light_linker_delete(linker);
  }
}

static void test_unknown_traps(void **state) {
  wasi_light_linker_t *linker = rig_linker(NULL, 0);
  rig_t rig;
  wasi_light_linker_unknown(linker, WASI_LIGHT_UNKNOWN_TRAPS);
  rig_start_module(&rig,
                   rig_module("(module " P0 "\"sock_accept\" (func $f (param i32 i32 i32) (result i32)))"
                              "(func (export \"f\") (result i32) (call $f (i32.const 1) (i32.const 0) (i32.const 0))))",
                              linker),
                   NULL, NULL);
  ASSERT_OUTCOME(rig_try(&rig, "f", NO_ARGS), TRAPPED, "wasi_unstable.sock_accept");
  rig_end(&rig);
  wasi_light_linker_delete(linker);
}

/* ---- audit ---- */

static void add_line(void *context, const char *line) {
  char *text = context;
  snprintf(text + strlen(text), 4096 - strlen(text), "%s|", line);
}

static void test_audit(void **state) {
  char text[4096] = "";
  wasi_light_error_t error;
  rig_bytes_t bytes = rig_assemble("(module " P0 "\"poll_oneoff\" (func (param i32 i32 i32 i32) (result i32)))" P1
                                   "\"poll_oneoff\" (func (param i32 i32 i32 i32) (result i32)))" P0
                                   "\"fd_seek\" (func (param i32 i32 i32 i32) (result i32)))" P0
                                   "\"sock_accept\" (func (param i32 i32 i32) (result i32)))"
                                   "(import \"wasi_unstable2\" \"fd_seek\" (func)) (memory (export \"memory\") 1))");
  assert_true(wasi_light_audit(bytes.data, bytes.size, NULL, NULL, add_line, text, &error));
  ASSERT_CONTAINS(text, "import wasi_unstable.poll_oneoff: function (i32, i32, i32, i32) -> (i32), WASI|");
  ASSERT_CONTAINS(text, "import wasi_snapshot_preview1.poll_oneoff: function (i32, i32, i32, i32) -> (i32), WASI|");
  ASSERT_CONTAINS(text, "import wasi_unstable.fd_seek: function (i32, i32, i32, i32) -> (i32), refused: given function "
                        "(i32, i64, i32, i32) -> (i32)|");
  ASSERT_CONTAINS(text, "import wasi_unstable.sock_accept: function (i32, i32, i32) -> (i32), refused: ");
  ASSERT_CONTAINS(text, "import wasi_unstable2.fd_seek: function () -> (), for the host to give|");
  ASSERT_CONTAINS(text, "recyclable: yes|");
  rig_bytes_end(&bytes);
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shared_functions),
      cmocka_unit_test(test_filestat),
      cmocka_unit_test(test_poll),
      cmocka_unit_test(test_exit),
      cmocka_unit_test(test_import_object),
      cmocka_unit_test(test_pool),
      cmocka_unit_test(test_all_functions_link),
      cmocka_unit_test(test_what_is_not_there),
      cmocka_unit_test(test_replaced_functions),
      cmocka_unit_test(test_unknown_traps),
      cmocka_unit_test(test_audit),
  };
  return CORE_RUN(tests, argc, argv);
}
