/* SPDX-License-Identifier: MIT */
/* See cache_rig.h. */
#include "cache_rig.h"

#include <ftw.h>
#include <unistd.h>

const size_t cache_parts[CACHE_PARTS] = {MAGIC_AT,   FORMAT_AT - 1,  FORMAT_AT,   ZERO_AT - 1,    ZERO_AT,
                                         KEY_AT - 1, KEY_AT,         SIZE_AT - 1, SIZE_AT,        DIGEST_AT - 1,
                                         DIGEST_AT,  PAYLOAD_AT - 1, PAYLOAD_AT,  PAYLOAD_AT + 1, PAYLOAD_AT + 300};

cache_block_t cache_compile(const rig_bytes_t *bytes, const wasi_light_limits_t *limits, const char *tag) {
  wasm_byte_vec_t vec;
  wasi_light_error_t error;
  if (!wasi_light_compile(rig_engine(), bytes->data, bytes->size, limits, tag, &vec, &error)) {
    fail_msg("%s", error.message);
  }
  cache_block_t block = {malloc(vec.size), vec.size}; /* of exactly its size, for AddressSanitizer */
  assert_non_null(block.data);
  memcpy(block.data, vec.data, vec.size);
  wasm_byte_vec_delete(&vec);
  return block;
}

cache_block_t cache_compile_text(const char *wat, const wasi_light_limits_t *limits, const char *tag) {
  rig_bytes_t bytes = rig_assemble(wat);
  cache_block_t block = cache_compile(&bytes, limits, tag);
  rig_bytes_end(&bytes);
  return block;
}

cache_block_t cache_copy(const cache_block_t *block, size_t size) {
  cache_block_t copy = {calloc(size ? size : 1, 1), size};
  assert_non_null(copy.data);
  memcpy(copy.data, block->data, size < block->size ? size : block->size);
  return copy;
}

bool cache_is_sound(const cache_block_t *artifact, const uint8_t *key) {
  size_t size;
  const uint8_t *payload = wasi_light__artifact_open(artifact->data, artifact->size, key, &size);
  if (payload) assert_ptr_equal(payload, artifact->data + PAYLOAD_AT);
  if (payload) assert_int_equal(size, artifact->size - PAYLOAD_AT);
  return payload;
}

int32_t cache_f_of(wasi_light_module_t *module) {
  rig_t rig;
  rig_start_module(&rig, module, NULL, NULL);
  int32_t number = rig_call(&rig, "f", NO_ARGS).of.i32;
  rig_end(&rig);
  return number;
}

/* ---- Set-up ------------------------------------------------------------------------------------------ */

int cache_set_up(void **state) {
  static cache_rig_t rig;
  char name[2 * WASI_LIGHT__DIGEST + 16];
  size_t payload_size;
  snprintf(rig.root, sizeof rig.root, "/tmp/wasi-light-cache-XXXXXX");
  if (!mkdtemp(rig.root)) return -1;
  rig.seven = rig_assemble(SEVEN);
  rig.artifact = cache_compile(&rig.seven, NULL, NULL);
  memcpy(rig.key, rig.artifact.data + KEY_AT, sizeof rig.key);
  wasi_light__artifact_name(rig.key, name);
  snprintf(rig.folder, sizeof rig.folder, "%s/folder", rig.root);
  snprintf(rig.entry, sizeof rig.entry, "%s/%s", rig.folder, name);
  cache_block_t eight = cache_compile_text(EIGHT, NULL, NULL);
  const uint8_t *payload = wasi_light__artifact_open(eight.data, eight.size, eight.data + KEY_AT, &payload_size);
  rig.forged.data = payload ? wasi_light__artifact_new(payload, payload_size, rig.key, &rig.forged.size) : NULL;
  free(eight.data);
  *state = &rig;
  return rig.forged.data ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk) {
  return remove(path);
}

int cache_tear_down(void **state) {
  cache_rig_t *rig = *state;
  free(rig->artifact.data);
  free(rig->forged.data);
  rig_bytes_end(&rig->seven);
  return nftw(rig->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
