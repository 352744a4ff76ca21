/* SPDX-License-Identifier: MIT */
/* Compiled code in the host's own hands: wasi_light_compile and wasi_light_module_new_compiled. */
#include "cache_rig.h"

static wasi_light_module_t *from_artifact(const cache_rig_t *rig, const cache_block_t *artifact,
                                          wasi_light_error_t *error) {
  return wasi_light_module_new_compiled(rig_engine(), rig->seven.data, rig->seven.size, NULL, NULL, NULL,
                                        artifact->data, artifact->size, error);
}

static void assert_refused(const cache_rig_t *rig, const cache_block_t *artifact) {
  wasi_light_error_t error;
  assert_false(cache_is_sound(artifact, rig->key));
  assert_null(from_artifact(rig, artifact, &error));
  ASSERT_ERROR(error, COMPILE, "the artifact is damaged, or was made for another module");
}

static void test_arguments(void **state) {
  const cache_rig_t *rig = *state;
  wasi_light_error_t error;
  assert_null(wasi_light_module_new_compiled(rig_engine(), rig->seven.data, rig->seven.size, NULL, NULL, NULL, NULL, 9,
                                             &error));
  ASSERT_ERROR(error, ARGUMENT, "artifact is NULL");
  wasm_byte_vec_t artifact;
  assert_false(wasi_light_compile(rig_engine(), NULL, 0, NULL, NULL, &artifact, &error));
  ASSERT_ERROR(error, ARGUMENT, "bytes is NULL");
  assert_false(wasi_light_compile(NULL, rig->seven.data, rig->seven.size, NULL, NULL, &artifact, &error));
  ASSERT_ERROR(error, ARGUMENT, "engine is NULL");
  assert_false(wasi_light_compile(rig_engine(), "(module)", 8, NULL, NULL, &artifact, &error));
  ASSERT_ERROR(error, MODULE, "not a WebAssembly module");
}

/* ---- Keys -------------------------------------------------------------------------------------------- */

static void test_artifacts_are_for_what_they_were_made_for(void **state) {
  const cache_rig_t *rig = *state;
  wasi_light_limits_t pages = WASI_LIGHT_LIMITS_INIT;
  wasi_light_limits_t elements = WASI_LIGHT_LIMITS_INIT;
  pages.memory_pages--;
  elements.table_elements--;
  const cache_block_t others[] = {
      cache_compile_text(EIGHT, NULL, NULL),         cache_compile(&rig->seven, &pages, NULL),
      cache_compile(&rig->seven, &elements, NULL),   cache_compile(&rig->seven, NULL, "llvm"),
      cache_compile(&rig->seven, NULL, "cranelift"),
  };
  for (size_t i = 0; i < COUNT(others); i++) {
    for (size_t k = 0; k < i; k++) assert_memory_not_equal(others[i].data + KEY_AT, others[k].data + KEY_AT, 32);
    assert_true(cache_is_sound(&others[i], others[i].data + KEY_AT));
    assert_refused(rig, &others[i]);
  }
  for (size_t i = 0; i < COUNT(others); i++) free(others[i].data);
}

static void test_keys_that_are_the_same(void **state) {
  const cache_rig_t *rig = *state;
  const wasi_light_limits_t defaults = WASI_LIGHT_LIMITS_INIT;
  const cache_block_t same[] = {
      cache_compile(&rig->seven, NULL, NULL),
      cache_compile(&rig->seven, &defaults, NULL),
      cache_compile(&rig->seven, NULL, ""),
  };
  for (size_t i = 0; i < COUNT(same); i++) {
    assert_true(cache_is_sound(&same[i], rig->key));
    assert_int_equal(cache_f_of(from_artifact(rig, &same[i], NULL)), 7);
    free(same[i].data);
  }
}

static void test_entries_are_named_after_their_keys(void **state) {
  char name[2 * WASI_LIGHT__DIGEST + 16];
  uint8_t key[WASI_LIGHT__DIGEST];
  for (size_t i = 0; i < sizeof key; i++) key[i] = (uint8_t)(i * 8 + 7);
  wasi_light__artifact_name(key, name);
  assert_string_equal(name, "070f171f272f373f474f575f676f777f878f979fa7afb7bfc7cfd7dfe7eff7ff.compiled");
}

/* ---- Damage ------------------------------------------------------------------------------------------ */

/* Wherever one bit is wrong, nothing of the artifact gets further. */
static void test_every_flipped_bit_is_seen(void **state) {
  const cache_rig_t *rig = *state;
  cache_block_t hurt = cache_copy(&rig->forged, rig->forged.size);
  for (size_t bit = 0; bit < 8 * hurt.size; bit += bit < 8 * PAYLOAD_AT ? 1 : 7) {
    hurt.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    if (cache_is_sound(&hurt, rig->key)) fail_msg("bit %zu", bit);
    hurt.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
  }
  assert_true(cache_is_sound(&hurt, rig->key));
  free(hurt.data);
}

static void test_every_length_is_seen(void **state) {
  const cache_rig_t *rig = *state;
  for (size_t size = 0; size <= rig->forged.size + 8; size++) {
    if (size == rig->forged.size) continue;
    cache_block_t hurt = cache_copy(&rig->forged, size);
    if (cache_is_sound(&hurt, rig->key)) fail_msg("%zu bytes", size);
    free(hurt.data);
  }
}

static void test_damaged_artifacts_are_refused(void **state) {
  const cache_rig_t *rig = *state;
  assert_int_equal(cache_f_of(from_artifact(rig, &rig->artifact, NULL)), 7);
  assert_int_equal(cache_f_of(from_artifact(rig, &rig->forged, NULL)), 8); /* as good as the host's own code */
  for (size_t i = 0; i < CACHE_PARTS + 1; i++) {
    cache_block_t hurt = cache_copy(&rig->artifact, rig->artifact.size);
    hurt.data[i < CACHE_PARTS ? cache_parts[i] : hurt.size - 1] ^= 0x10;
    assert_refused(rig, &hurt);
    free(hurt.data);
  }
  static const size_t sizes[] = {0, 1, KEY_AT, PAYLOAD_AT - 1, PAYLOAD_AT, PAYLOAD_AT + 1};
  for (size_t i = 0; i < COUNT(sizes) + 1; i++) {
    cache_block_t hurt = cache_copy(&rig->artifact, i < COUNT(sizes) ? sizes[i] : rig->artifact.size - 1);
    assert_refused(rig, &hurt);
    free(hurt.data);
  }
}

/* A sound wrapping of what is not the engine's. */
static void test_what_the_engine_does_not_take(void **state) {
  static const char payload[] = "this is not compiled code, but it is long enough to look like a header of one";
  const cache_rig_t *rig = *state;
  wasi_light_error_t error;
  cache_block_t odd;
  odd.data = wasi_light__artifact_new(payload, sizeof payload, rig->key, &odd.size);
  assert_true(cache_is_sound(&odd, rig->key));
  assert_null(from_artifact(rig, &odd, &error));
  ASSERT_ERROR(error, COMPILE, "");
  free(odd.data);
}

/* ---- What is loaded is a module like any other ------------------------------------------------------- */

/* Has all that is rewritten: a mutable global, neighbouring segments, a start section, a table without a maximum. */
#define PLUGIN                                                                                     \
  "(module (import \"env\" \"add\" (func $add (param i32 i32) (result i32)))"                      \
  "(import \"wasi_snapshot_preview1\" \"random_get\" (func $random (param i32 i32) (result i32)))" \
  "(memory (export \"memory\") 1) (table 4 funcref) (global $n (mut i32) (i32.const 5))"           \
  "(data (i32.const 16) \"abcd\") (data (i32.const 20) \"efgh\")"                                  \
  "(func $begin (i32.store (i32.const 0) (i32.const 100))) (start $begin)"                         \
  "(func (export \"next\") (result i32) (i32.store8 (i32.const 20) (i32.const 0))"                 \
  "  (global.set $n (call $add (global.get $n) (i32.const 1)))"                                    \
  "  (i32.add (global.get $n) (i32.load (i32.const 0))))"                                          \
  "(func (export \"text\") (result i64) (i64.load (i32.const 16))))"

static wasm_trap_t *on_add(wasi_light_instance_t *instance, void *data, const wasm_val_t *args, wasm_val_t *results) {
  results[0].of.i32 = args[0].of.i32 + args[1].of.i32;
  return NULL;
}

static void check_lease(wasi_light_pool_t *pool) {
  static const uint64_t abcdefgh = UINT64_C(0x6867666564636261);
  wasi_light_error_t error;
  wasm_val_t result = I32(0);
  wasi_light_instance_t *instance = wasi_light_pool_take(pool, NULL, &error);
  if (!instance) fail_msg("%s", error.message);
  ASSERT_OUTCOME(wasi_light_call_name(instance, "text", NO_ARGS, &result, 1), RETURNED, "");
  assert_int_equal(result.of.i64, abcdefgh);
  for (int i = 1; i <= 3; i++) {
    ASSERT_OUTCOME(wasi_light_call_name(instance, "next", NO_ARGS, &result, 1), RETURNED, "");
    assert_int_equal(result.of.i32, 105 + i);
  }
  assert_true(wasi_light_pool_give(pool, instance, &error));
}

/* Takes the module. */
static void check_plugin(wasi_light_module_t *module) {
  wasi_light_error_t error;
  wasi_light_pool_stats_t stats;
  if (!module) fail_msg("no module");
  assert_true(wasi_light_module_recyclable(module));
  wasi_light_config_t *config = rig_config(NULL);
  wasi_light_pool_t *pool = wasi_light_pool_new(module, config, NULL, &error);
  if (!pool) fail_msg("%s", error.message);
  for (int i = 0; i < 3; i++) check_lease(pool);
  wasi_light_pool_stats(pool, &stats);
  assert_int_equal(stats.made, 1);
  assert_int_equal(stats.reset, 3);
  wasi_light_pool_delete(pool);
  wasi_light_config_delete(config);
  wasi_light_module_delete(module);
}

static void test_linker_and_pool(void **state) {
  const cache_rig_t *rig = *state;
  const rig_func_t funcs[] = {{"add", "(ii)i", on_add, NULL}};
  wasi_light_error_t error;
  wasi_light_cache_t cache = WASI_LIGHT_CACHE_INIT;
  wasi_light_limits_t limits = WASI_LIGHT_LIMITS_INIT;
  rig_bytes_t bytes = rig_assemble(PLUGIN);
  wasi_light_linker_t *linker = rig_linker(funcs, 1);
  cache.folder = rig->folder;
  cache.tag = "of a test";
  limits.memory_pages = 2;
  for (int i = 0; i < 2; i++) {
    check_plugin(wasi_light_module_new_cached(rig_engine(), bytes.data, bytes.size, linker, &limits, &cache, &error));
  }
  cache_block_t artifact = cache_compile(&bytes, &limits, "of a test");
  check_plugin(wasi_light_module_new_compiled(rig_engine(), bytes.data, bytes.size, linker, &limits, "of a test",
                                              artifact.data, artifact.size, &error));
  /* The linker is not part of what was compiled. */
  assert_null(wasi_light_module_new_compiled(rig_engine(), bytes.data, bytes.size, NULL, &limits, "of a test",
                                             artifact.data, artifact.size, &error));
  ASSERT_ERROR(error, LINK, "env.add: wanted function (i32, i32) -> (i32), given nothing");
  assert_null(wasi_light_module_new_cached(rig_engine(), bytes.data, bytes.size, NULL, &limits, &cache, &error));
  ASSERT_ERROR(error, LINK, "env.add");
  free(artifact.data);
  wasi_light_linker_delete(linker);
  rig_bytes_end(&bytes);
}

/* Nothing is kept of the artifact, nor of the bytes. */
static void test_artifacts_are_not_kept(void **state) {
  const cache_rig_t *rig = *state;
  rig_bytes_t bytes = rig_assemble(SEVEN);
  cache_block_t artifact = cache_copy(&rig->artifact, rig->artifact.size);
  wasi_light_module_t *module = wasi_light_module_new_compiled(rig_engine(), bytes.data, bytes.size, NULL, NULL, NULL,
                                                               artifact.data, artifact.size, NULL);
  assert_non_null(module);
  memset(bytes.data, 0xff, bytes.size);
  memset(artifact.data, 0xff, artifact.size);
  rig_bytes_end(&bytes);
  free(artifact.data);
  assert_int_equal(cache_f_of(module), 7);
}

/* A real guest, compiled by another engine than the one that runs it. */
static void test_a_guest_on_another_engine(void **state) {
  rig_t rig;
  wasi_light_error_t error;
  rig_bytes_t bytes = rig_guest("c_reactor");
  cache_block_t artifact = cache_compile(&bytes, NULL, NULL);
  wasm_engine_t *engine = wasm_engine_new();
  wasi_light_module_t *module = wasi_light_module_new_compiled(engine, bytes.data, bytes.size, NULL, NULL, NULL,
                                                               artifact.data, artifact.size, &error);
  if (!module) fail_msg("%s", error.message);
  rig_start_module(&rig, module, NULL, NULL);
  assert_int_equal(rig_call(&rig, "add", ARGS(I32(2), I32(40))).of.i32, 42);
  rig_end(&rig);
  wasm_engine_delete(engine);
  free(artifact.data);
  rig_bytes_end(&bytes);
}

static const struct CMUnitTest tests[] = {
    CACHE_TEST(test_arguments),
    CACHE_TEST(test_artifacts_are_for_what_they_were_made_for),
    CACHE_TEST(test_keys_that_are_the_same),
    CACHE_TEST(test_entries_are_named_after_their_keys),
    CACHE_TEST(test_every_flipped_bit_is_seen),
    CACHE_TEST(test_every_length_is_seen),
    CACHE_TEST(test_damaged_artifacts_are_refused),
    CACHE_TEST(test_what_the_engine_does_not_take),
    CACHE_TEST(test_linker_and_pool),
    CACHE_TEST(test_artifacts_are_not_kept),
    CACHE_TEST(test_a_guest_on_another_engine),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
