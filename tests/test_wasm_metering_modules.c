/* SPDX-License-Identifier: MIT */
/* Metered modules: what they may contain, their compiled code, pools of them, and what they leave behind. */
#include "cache_rig.h"
#include "files.h"
#include "pool_rig.h"

static wasi_light_limits_t points(uint64_t number) {
  wasi_light_limits_t limits = WASI_LIGHT_LIMITS_INIT;
  limits.points_per_call = number;
  return limits;
}

static wasi_light_module_t *metered_bytes(const rig_bytes_t *bytes, uint64_t number,
                                          const wasi_light_linker_t *linker) {
  wasi_light_error_t error;
  wasi_light_limits_t limits = points(number);
  wasi_light_module_t *module = wasi_light_module_new(rig_engine(), bytes->data, bytes->size, linker, &limits, &error);
  if (!module) fail_msg("%s", error.message);
  return module;
}

static wasi_light_module_t *metered(const char *wat, uint64_t number) {
  rig_bytes_t bytes = rig_assemble(wat);
  wasi_light_module_t *module = metered_bytes(&bytes, number, NULL);
  rig_bytes_end(&bytes);
  return module;
}

/* ---- Exports ----------------------------------------------------------------------------------------- */

static void test_reserved_names(void **state) {
  static const struct {
    const char *wat;
    bool good;
  } rows[] = {
      {"(module (func (export \"wasmer_metering_remaining_points\")))", false},
      {"(module (global (export \"wasmer_metering_remaining_points\") (mut i64) (i64.const 0)))", false},
      {"(module (global (export \"wasmer_metering_points_exhausted\") (mut i32) (i32.const 0)))", false},
      {"(module (memory (export \"wasmer_metering_\") 1))", false},
      {"(module (table (export \"wasmer_metering_x\") 1 funcref))", false},
      {"(module (func (export \"wasmer_metering\")))", true},
      {"(module (func (export \"Wasmer_metering_x\")))", true},
      {"(module (func (export \" wasmer_metering_x\")))", true},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    wasi_light_error_t error;
    wasi_light_limits_t limits = points(i % 2); /* always, not only in metered modules */
    rig_bytes_t bytes = rig_assemble(rows[i].wat);
    assert_int_equal(wasi_light_check_module(bytes.data, bytes.size, &limits, &error), rows[i].good);
    wasi_light_module_t *module = wasi_light_module_new(rig_engine(), bytes.data, bytes.size, NULL, &limits, &error);
    assert_int_equal(module != NULL, rows[i].good);
    if (!module) ASSERT_ERROR(error, MODULE, "wasmer_metering_");
    wasi_light_module_delete(module);
    rig_bytes_end(&bytes);
  }
}

/* What metering adds is neither among the functions nor among the globals that a pool puts back. */
static void test_what_is_added_is_hidden(void **state) {
  rig_t rig;
  rig_start_module(
      &rig,
      metered("(module (memory (export \"m\") 1) (global $g (mut i32) (i32.const 5)) (func $s nop) (start $s)"
              "(func (export \"f\") (result i32) (global.get $g)) (global (export \"g\") i32 (i32.const 1)))",
              10),
      NULL, NULL);
  assert_ptr_equal(wasi_light_module_func_at(rig.module, 0), wasi_light_module_func(rig.module, "f"));
  assert_null(wasi_light_module_func_at(rig.module, 1));
  assert_null(wasi_light_module_func(rig.module, "wasmer_metering_remaining_points"));
  assert_int_equal(rig.module->global_count, 1);
  assert_non_null(wasi_light_memory(rig.instance, 0, 65536));
  assert_int_equal(rig_call(&rig, "f", NO_ARGS).of.i32, 5);
  rig_end(&rig);
}

/* ---- Instructions ------------------------------------------------------------------------------------ */

/* A function () -> () with this instruction, where any operands are on the stack. */
static rig_bytes_t with_instruction(const uint8_t *code, size_t size) {
  pool_writer_t w = {NULL, 0, 0};
  pool_writer_t body = {NULL, 0, 0};
  pool_write_header(&w);
  pool_write(&w, "\1\4\1\x60\0\0\3\2\1\0\4\4\1\x70\0\1\5\3\1\0\1\6\6\1\x7f\1\x41\0\xb", 29);
  pool_write(&w, "\x9\5\1\1\0\1\0\xc\1\1", 10); /* a passive segment of elements, one of data */
  pool_write_u8(&body, 1);
  pool_write_u32(&body, (uint32_t)size + 4);
  pool_write(&body, "\0\0", 2); /* no locals; unreachable */
  pool_write(&body, code, size);
  pool_write(&body, "\0\xb", 2);
  pool_write_section(&w, 10, &body);
  pool_write(&w, "\xb\3\1\1\0", 5);
  return pool_written(&w);
}

/* What may follow an opcode; the first that the engine takes does. */
static const struct {
  size_t size;
  uint8_t bytes[16];
} immediates[] = {
    {0, {0}}, {1, {0}}, {2, {0, 0}}, {2, {1, 0}}, {2, {2, 0}},    {2, {3, 0}},       {3, {0, 0, 0}},
    {4, {0}}, {8, {0}}, {16, {0}},   {1, {0x70}}, {2, {1, 0x7f}}, {2, {0x40, 0x0b}}, {3, {0x40, 0, 0x0b}},
};

/* Whether the engine knows the instruction; and whether it may stand in a metered module, which must not abort. */
static bool is_known(const uint8_t *opcode, size_t size, bool *allowed) {
  for (size_t i = 0; i < COUNT(immediates); i++) {
    uint8_t code[24];
    wasi_light_error_t error;
    wasi_light_limits_t limits = points(1000);
    memcpy(code, opcode, size);
    memcpy(code + size, immediates[i].bytes, immediates[i].size);
    rig_bytes_t bytes = with_instruction(code, size + immediates[i].size);
    wasi_light_module_t *plain = wasi_light_module_new(rig_engine(), bytes.data, bytes.size, NULL, NULL, NULL);
    wasi_light_module_t *module = wasi_light_module_new(rig_engine(), bytes.data, bytes.size, NULL, &limits, &error);
    rig_bytes_end(&bytes);
    if (plain && !module) ASSERT_ERROR(error, MODULE, "function 0 has instruction 0x");
    if (!plain) assert_null(module);
    *allowed = module;
    wasi_light_module_delete(module);
    wasi_light_module_delete(plain);
    if (plain) return true;
  }
  return false;
}

/* All opcodes, by prefix; 0 is none. */
static void expect_refused(uint8_t prefix, uint32_t count, uint32_t least_known, const uint32_t *refused) {
  uint32_t known = 0;
  for (uint32_t code = 0; code < count; code++) {
    uint8_t opcode[3] = {prefix, (uint8_t)(code < 128 ? code : (code & 127) | 128), (uint8_t)(code >> 7)};
    bool allowed, expected = true;
    if (prefix == 0) opcode[0] = (uint8_t)code;
    if (!is_known(opcode, prefix == 0 ? 1 : code < 128 ? 2 : 3, &allowed)) continue;
    known++;
    for (size_t i = 0; refused[i] != UINT32_MAX; i++) {
      if (refused[i] == code) expected = false;
    }
    if (allowed != expected) fail_msg("0x%x 0x%x is %s", prefix, code, allowed ? "taken" : "refused");
  }
  assert_in_range(known, least_known, count);
}

static void test_every_instruction(void **state) {
  static const uint32_t plain[] = {0x0a, 0x1f, UINT32_MAX};                     /* throw_ref, try_table */
  static const uint32_t fc[] = {0x13, 0x14, 0x15, 0x16, UINT32_MAX};            /* wide arithmetic */
  static const uint32_t fd[] = {0x106, 0x107, 0x108, 0x112, 0x113, UINT32_MAX}; /* relaxed SIMD */
  static const uint32_t fe[] = {1, 2, UINT32_MAX};                              /* memory.atomic.wait */
  expect_refused(0, 256, 180, plain);
  expect_refused(0xfc, 32, 18, fc);
  expect_refused(0xfd, 300, 250, fd);
  expect_refused(0xfe, 128, 65, fe);
}

static void test_check_says_which_instruction(void **state) {
  static const char wat[] =
      "(module (import \"wasi_snapshot_preview1\" \"sched_yield\" (func (result i32)))"
      "(func nop) (func (block (try_table (catch_all 0)))) (func (block (try_table (catch_all 0)))))";
  wasi_light_error_t error;
  wasi_light_limits_t limits = points(1);
  rig_bytes_t bytes = rig_assemble(wat);
  assert_false(wasi_light_check_module(bytes.data, bytes.size, &limits, &error));
  ASSERT_ERROR(error, MODULE, "function 2 has instruction 0x1f, which a module with the limit points_per_call");
  limits = points(0);
  assert_true(wasi_light_check_module(bytes.data, bytes.size, &limits, &error));
  rig_bytes_end(&bytes);
}

/* Whether a module may have the piece of code, `count` times. */
static bool may_repeat(const char *code, int count, bool again, wasi_light_error_t *error) {
  static char wat[1 << 16];
  size_t used =
      (size_t)snprintf(wat, sizeof wat, "(module (memory 1) (table 2 funcref) (data \"x\") (elem func 0) (func) (func");
  for (int i = 0; i < count; i++) used += (size_t)snprintf(wat + used, sizeof wat - used, " %s", code);
  if (again) used += (size_t)snprintf(wat + used, sizeof wat - used, ") (func %s", code);
  snprintf(wat + used, sizeof wat - used, "))");
  wasi_light_limits_t limits = points(1);
  rig_bytes_t bytes = rig_assemble(wat);
  bool may = wasi_light_check_module(bytes.data, bytes.size, &limits, error);
  rig_bytes_end(&bytes);
  return may;
}

/* What takes long is paid for after at most 100 of it. */
static void test_bulk_is_paid_for(void **state) {
  static const char *const bulk[] = {"(memory.fill (i32.const 0) (i32.const 0) (i32.const 1))",
                                     "(memory.copy (i32.const 0) (i32.const 0) (i32.const 1))",
                                     "(memory.init 0 (i32.const 0) (i32.const 0) (i32.const 1))",
                                     "(drop (memory.grow (i32.const 0)))",
                                     "(table.fill 0 (i32.const 0) (ref.null func) (i32.const 1))",
                                     "(table.copy (i32.const 0) (i32.const 0) (i32.const 1))",
                                     "(table.init 0 (i32.const 0) (i32.const 0) (i32.const 1))",
                                     "(drop (table.grow (ref.null func) (i32.const 0)))"};
  static const char *const divided[] = {"(block)", "(loop)", "(call 0)", "(if (i32.const 0) (then))",
                                        "(if (i32.const 0) (then (return)))"};
  wasi_light_error_t error;
  for (size_t i = 0; i < COUNT(bulk); i++) {
    assert_true(may_repeat(bulk[i], 100, true, &error));
    assert_false(may_repeat(bulk[i], 101, false, &error));
    ASSERT_ERROR(error, MODULE, "function 1 has more than 100 bulk instructions");
  }
  for (size_t i = 0; i < COUNT(divided); i++) {
    char code[256];
    snprintf(code, sizeof code, "%s %s", bulk[0], divided[i]);
    assert_true(may_repeat(code, 300, false, &error));
  }
  assert_false(
      may_repeat("(memory.fill (i32.const 0) (i32.const 0) (i32.const 1)) (i32.store (i32.const 0) (i32.const 1))", 101,
                 false, &error));
}

/* ---- Compiled code ----------------------------------------------------------------------------------- */

#define LOOP "(module (func (export \"f\") (result i32) (i32.const 7)) (func (export \"loop\") (loop br 0)))"

/* That it is metered, with this number of points. Takes the module. */
static void expect_metered(wasi_light_module_t *module, uint64_t number) {
  char message[64];
  rig_t rig;
  snprintf(message, sizeof message, "used up its %llu points", (unsigned long long)number);
  rig_start_module(&rig, module, NULL, NULL);
  ASSERT_OUTCOME(rig_try(&rig, "loop", NO_ARGS), LIMIT, message);
  assert_int_equal(rig_call(&rig, "f", NO_ARGS).of.i32, 7);
  assert_int_equal(wasi_light_instance_points_used(rig.instance), number + 2);
  rig_end(&rig);
}

static wasi_light_module_t *from_artifact(const rig_bytes_t *bytes, const cache_block_t *artifact, uint64_t number) {
  wasi_light_error_t error;
  wasi_light_limits_t limits = points(number);
  wasi_light_module_t *module = wasi_light_module_new_compiled(rig_engine(), bytes->data, bytes->size, NULL, &limits,
                                                               NULL, artifact->data, artifact->size, &error);
  if (!module) ASSERT_ERROR(error, COMPILE, "made for another module");
  return module;
}

static void test_artifacts(void **state) {
  wasi_light_limits_t limits = points(5);
  rig_bytes_t bytes = rig_assemble(LOOP);
  cache_block_t artifact = cache_compile(&bytes, &limits, NULL);
  cache_block_t plain = cache_compile(&bytes, NULL, NULL);
  for (uint64_t number = 10; number < 1000000; number *= 10)
    expect_metered(from_artifact(&bytes, &artifact, number), number);
  wasi_light_module_t *first = from_artifact(&bytes, &artifact, 50); /* both at once */
  wasi_light_module_t *second = from_artifact(&bytes, &artifact, 60);
  expect_metered(first, 50);
  expect_metered(second, 60);
  assert_null(from_artifact(&bytes, &artifact, 0));
  assert_null(from_artifact(&bytes, &plain, 1));
  assert_int_equal(cache_f_of(from_artifact(&bytes, &plain, 0)), 7);
  free(artifact.data);
  free(plain.data);
  rig_bytes_end(&bytes);
}

static wasi_light_module_t *from_folder(const char *folder, const rig_bytes_t *bytes, uint64_t number) {
  wasi_light_error_t error;
  wasi_light_limits_t limits = points(number);
  wasi_light_cache_t cache = WASI_LIGHT_CACHE_INIT;
  cache.folder = folder;
  wasi_light_module_t *module =
      wasi_light_module_new_cached(rig_engine(), bytes->data, bytes->size, NULL, &limits, &cache, &error);
  if (!module) fail_msg("%s", error.message);
  return module;
}

/* Where the entry of a module with these points goes. */
static void entry_name(const rig_bytes_t *bytes, uint64_t number, char name[2 * WASI_LIGHT__DIGEST + 16]) {
  wasi_light_limits_t limits = points(number);
  pool_rewritten_t out = pool_rewrite(bytes, &limits);
  wasi_light__rewritten_t rewritten = {.bytes = out.bytes.data, .size = out.bytes.size};
  uint8_t key[WASI_LIGHT__DIGEST];
  wasi_light__artifact_key(&rewritten, &limits, NULL, key);
  wasi_light__artifact_name(key, name);
  rig_bytes_end(&out.bytes);
}

/* One entry for all numbers of points, another for none. */
static void test_a_cache(void **state) {
  const cache_rig_t *rig = *state;
  rig_bytes_t bytes = rig_assemble(LOOP);
  char name[2 * WASI_LIGHT__DIGEST + 16], other[sizeof name];
  size_t size;
  entry_name(&bytes, 100, name);
  entry_name(&bytes, UINT64_MAX, other);
  assert_string_equal(name, other);
  entry_name(&bytes, 0, other);
  assert_string_not_equal(name, other);
  expect_metered(from_folder(rig->folder, &bytes, 100), 100);
  uint8_t *entry = host_read_private(rig->folder, name, &size);
  assert_non_null(entry);
  expect_metered(from_folder(rig->folder, &bytes, 300), 300); /* from the entry */
  assert_int_equal(cache_f_of(from_folder(rig->folder, &bytes, 0)), 7);
  expect_metered(from_folder(rig->folder, &bytes, 200), 200);
  entry[size - 1] ^= 1; /* compiled anew, in the store where the entry was not taken */
  host_write_private(rig->folder, name, entry, size);
  expect_metered(from_folder(rig->folder, &bytes, 400), 400);
  free(entry);
  rig_bytes_end(&bytes);
}

/* ---- Pools ------------------------------------------------------------------------------------------- */

#define PLUGIN                                                                                         \
  "(module (memory (export \"memory\") 1) (global $n (export \"n\") (mut i32) (i32.const 0))"          \
  "(func (export \"_initialize\") nop) (func (export \"warm\") nop nop) (func (export \"after\") nop)" \
  "(func $bump (export \"bump\") (result i32) (global.set $n (i32.add (global.get $n) (i32.const 1)))" \
  "(i32.store (i32.const 0) (global.get $n)) (global.get $n))"                                         \
  "(func (export \"loop\") (loop (drop (call $bump)) br 0)))"
enum { BUMP = 9, START_UP = 2 + 3, AFTER = 2 };

static void on_take(void *data, wasi_light_instance_t *instance) {
  for (int i = 0; i < 3; i++) { /* each has all points, though none can be given back now */
    assert_int_equal(pool_i32(instance, "bump", NO_ARGS), i + 1);
  }
}

/* After whatever a lease did, the next one has all points, and has used what a new instance has. */
static void test_leases(void **state) {
  for (size_t m = 0; m < POOL_METHODS; m++) {
    wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
    pool_rig_t rig;
    if (!pool_can(pool_methods[m], &options)) continue;
    options.warm_up = "warm";
    options.after_reset = "after";
    options.on_take = on_take;
    pool_start(&rig, metered(PLUGIN, BUMP + 1), NULL, &options);
    for (int lease = 0; lease < 6; lease++) {
      uint64_t used = START_UP + AFTER + 3 * BUMP;
      wasi_light_instance_t *instance = pool_take(&rig);
      assert_int_equal(wasi_light_instance_points_used(instance), used);
      assert_int_equal(pool_i32(instance, "bump", NO_ARGS), 4);
      ASSERT_OUTCOME(pool_try(instance, "loop", NO_ARGS), LIMIT, "its 10 points");
      used += BUMP + 10;
      assert_int_equal(wasi_light_instance_points_used(instance), used);
      if (lease % 2) {
        assert_true(wasi_light_instance_set_points(instance, 5 + (uint64_t)lease * 1000));
        assert_int_equal(pool_try(instance, "loop", NO_ARGS).kind, WASI_LIGHT_LIMIT);
      }
      pool_return(&rig, instance); /* which must be equal to the snapshot */
    }
    assert_int_equal(pool_stats(&rig).made, 1);
    pool_end(&rig);
  }
}

static void expect_no_pool(const char *wat, const char *warm_up, const char *message) {
  wasi_light_error_t error;
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  wasi_light_module_t *module = metered(wat, 100);
  wasi_light_config_t *config = rig_config(NULL);
  options.warm = 1;
  options.warm_up = warm_up;
  assert_null(wasi_light_pool_new(module, config, &options, &error));
  ASSERT_ERROR(error, LIMIT, message);
  wasi_light_config_delete(config);
  wasi_light_module_delete(module);
}

static void test_start_up_of_leases(void **state) {
  static const char after[] = "(module (func (export \"after\") (loop br 0)))";
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  wasi_light_error_t error;
  pool_rig_t rig;
  expect_no_pool("(module (func (export \"_initialize\") (loop br 0)))", NULL, "_initialize: the guest used up");
  expect_no_pool("(module (func (export \"warm\") (loop br 0)))", "warm", "warm: the guest used up its 100 points");
  options.after_reset = "after";
  pool_start(&rig, metered(after, 100), NULL, &options);
  assert_null(wasi_light_pool_take(rig.pool, NULL, &error));
  ASSERT_ERROR(error, LIMIT, "after: the guest used up its 100 points");
  pool_end(&rig);
}

/* ---- Guests ------------------------------------------------------------------------------------------ */

/* A guest of a real compiler, whose calls need what they need: with that it works, without it ends. */
static void expect_guest(const char *name) {
  rig_bytes_t bytes = rig_guest(name);
  if (!bytes.data) {
    print_message("%s is not built\n", name);
    return;
  }
  pool_rig_t rig;
  pool_start(&rig, metered_bytes(&bytes, 1000000000, NULL), NULL, NULL);
  for (int lease = 0; lease < 3; lease++) {
    wasi_light_instance_t *instance = pool_take(&rig);
    uint64_t before = wasi_light_instance_points_used(instance);
    assert_int_equal(pool_i32(instance, "add", ARGS(I32(2), I32(40))), 42);
    uint64_t add = wasi_light_instance_points_used(instance) - before;
    assert_int_equal(pool_call(instance, "sum", ARGS(I32(1000))).of.i64, 500500);
    uint64_t sum = wasi_light_instance_points_used(instance) - before - add;
    assert_in_range(add, 4, 100000);
    assert_in_range(sum, add + 1, 1000000);
    print_message("%s: start-up %llu points, add %llu, sum(1000) %llu\n", name, (unsigned long long)before,
                  (unsigned long long)add, (unsigned long long)sum);
    assert_true(wasi_light_instance_set_points(instance, 3));
    ASSERT_OUTCOME(wasi_light_call_name(instance, "sum", ARGS(I32(1000)), (wasm_val_t[1]){I32(0)}, 1), LIMIT, "its 3");
    pool_return(&rig, instance);
  }
  pool_end(&rig);
  rig_bytes_end(&bytes);
}

static void test_guests(void **state) {
  expect_guest("c_reactor");
  expect_guest("go_reactor");
}

/* ---- What is left behind ----------------------------------------------------------------------------- */

/* A metered module that the engine refuses, after it has been given an engine of its own. */
static void fail_to_make(void) {
  wasi_light_error_t error;
  wasi_light_limits_t limits = points(1);
  rig_bytes_t bytes = rig_assemble("(module (func (result i32)))");
  assert_null(wasi_light_module_new(rig_engine(), bytes.data, bytes.size, NULL, &limits, &error));
  ASSERT_ERROR(error, COMPILE, "");
  rig_bytes_end(&bytes);
}

static void make_and_delete(int modules, int instances) {
  for (int i = 0; i < modules; i++) {
    fail_to_make(); /* what it would leave only AddressSanitizer sees */
    wasi_light_module_t *module = metered(PLUGIN, 1000);
    wasi_light_config_t *config = rig_config(NULL);
    for (int k = 0; k < instances; k++) {
      wasi_light_instance_t *instance = wasi_light_instance_new(module, config, NULL, NULL);
      assert_non_null(instance);
      assert_int_equal(pool_try(instance, "loop", NO_ARGS).kind, WASI_LIGHT_LIMIT);
      wasi_light_instance_delete(instance);
    }
    wasi_light_config_delete(config);
    wasi_light_module_delete(module);
  }
}

/* An instance may be the last that holds its module, and with it the engine. */
static void test_order_of_deletion(void **state) {
  wasi_light_module_t *module = metered(PLUGIN, 1000);
  wasi_light_config_t *config = rig_config(NULL);
  wasi_light_instance_t *instance = wasi_light_instance_new(module, config, NULL, NULL);
  assert_non_null(instance);
  wasi_light_module_delete(module);
  wasi_light_config_delete(config);
  assert_int_equal(pool_try(instance, "loop", NO_ARGS).kind, WASI_LIGHT_LIMIT);
  assert_int_equal(pool_i32(instance, "bump", NO_ARGS) > 0, 1);
  wasi_light_instance_delete(instance);
}

static void test_nothing_is_left(void **state) {
  make_and_delete(20, 2); /* what is made once and kept */
  size_t descriptors = pool_descriptors(), mappings = pool_mappings(), resident = pool_resident();
  make_and_delete(1, 1000);
  make_and_delete(400, 1);
  assert_int_equal(pool_descriptors(), descriptors);
  print_message("mappings: %zu, then %zu; resident: %zu KiB, then %zu KiB\n", mappings, pool_mappings(),
                resident / 1024, pool_resident() / 1024);
  /* A quarter of one for each module, and less than each takes: malloc has arenas for the engine's threads. */
  assert_in_range(pool_mappings(), 0, mappings + 100);
  if (!pool_sanitized()) assert_in_range(pool_resident(), 0, resident + ((size_t)8 << 20));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_reserved_names),
    cmocka_unit_test(test_what_is_added_is_hidden),
    cmocka_unit_test(test_every_instruction),
    cmocka_unit_test(test_check_says_which_instruction),
    cmocka_unit_test(test_bulk_is_paid_for),
    cmocka_unit_test(test_artifacts),
    CACHE_TEST(test_a_cache),
    cmocka_unit_test(test_leases),
    cmocka_unit_test(test_start_up_of_leases),
    cmocka_unit_test(test_guests),
    cmocka_unit_test(test_order_of_deletion),
    cmocka_unit_test(test_nothing_is_left),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
