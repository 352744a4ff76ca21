/* SPDX-License-Identifier: MIT */
/*
 * Compiled modules as files.
 *
 * The engine runs what it is given here as machine code and does not check it, so an artifact carries what it was
 * made for and a digest over all of it, and the engine sees only what has passed. The digest guards against damage, not
 * against an attacker: who can write the file can write a digest too. Against that stands the folder's owner and mode.
 *
 * Layout, numbers little-endian: magic 8 bytes, format u32, zero u32, key 32 bytes, payload size u64, SHA-256 32
 * bytes over what stands before it and the payload, payload.
 */
#include "cache.h"

#include <stdlib.h>
#include <string.h>

#include "../platform/files.h"
#include "sha256.h"

enum { FORMAT = 1, KEY_AT = 16, SIZE_AT = 48, DIGEST_AT = 56, HEADER = 88 };

static const uint8_t magic[8] = {'w', 'a', 's', 'i', 'l', 'g', 'h', 't'};

static void put(uint8_t *at, uint64_t value, int size) {
  for (int i = 0; i < size; i++) at[i] = (uint8_t)(value >> 8 * i);
}

static void add_number(wasi_light__sha256_t *hash, uint64_t value) {
  uint8_t bytes[8];
  put(bytes, value, 8);
  wasi_light__sha256_add(hash, bytes, sizeof bytes);
}

/* With its length, so that neighbours cannot be mistaken for each other. */
static void add_text(wasi_light__sha256_t *hash, const char *text) {
  add_number(hash, strlen(text));
  wasi_light__sha256_add(hash, text, strlen(text));
}

void wasi_light__artifact_key(const wasi_light__rewritten_t *rewritten, const wasi_light_limits_t *limits,
                              const char *tag, uint8_t key[WASI_LIGHT__DIGEST]) {
  wasi_light__sha256_t hash;
  uint32_t features[8];
  host_cpu_features(features);
  wasi_light__sha256_begin(&hash);
  add_text(&hash, wasi_light__engine_version());
  add_text(&hash, tag ? tag : "");
  add_number(&hash, WASI_LIGHT__REWRITER_VERSION);
  add_number(&hash, limits->memory_pages);
  add_number(&hash, limits->table_elements);
  add_number(&hash, limits->points_per_call > 0 ? WASI_LIGHT__METERING_VERSION : 0); /* how many are left to the host */
  for (int i = 0; i < 8; i++) add_number(&hash, features[i]);
  add_number(&hash, rewritten->size);
  wasi_light__sha256_add(&hash, rewritten->bytes, rewritten->size);
  wasi_light__sha256_end(&hash, key);
}

static void seal(const uint8_t *artifact, size_t payload_size, uint8_t digest[WASI_LIGHT__DIGEST]) {
  wasi_light__sha256_t hash;
  wasi_light__sha256_begin(&hash);
  wasi_light__sha256_add(&hash, artifact, DIGEST_AT);
  wasi_light__sha256_add(&hash, artifact + HEADER, payload_size);
  wasi_light__sha256_end(&hash, digest);
}

static void write_header(uint8_t header[DIGEST_AT], size_t payload_size, const uint8_t key[WASI_LIGHT__DIGEST]) {
  memset(header, 0, DIGEST_AT);
  memcpy(header, magic, sizeof magic);
  put(header + sizeof magic, FORMAT, 4);
  memcpy(header + KEY_AT, key, WASI_LIGHT__DIGEST);
  put(header + SIZE_AT, payload_size, 8);
}

const uint8_t *wasi_light__artifact_open(const void *artifact, size_t size, const uint8_t key[WASI_LIGHT__DIGEST],
                                         size_t *payload_size) {
  const uint8_t *bytes = artifact;
  uint8_t header[DIGEST_AT];
  uint8_t digest[WASI_LIGHT__DIGEST];
  if (size < HEADER) return NULL;
  write_header(header, size - HEADER, key);
  if (memcmp(bytes, header, sizeof header) != 0) return NULL;
  seal(bytes, size - HEADER, digest);
  if (memcmp(bytes + DIGEST_AT, digest, sizeof digest) != 0) return NULL;
  *payload_size = size - HEADER;
  return bytes + HEADER;
}

uint8_t *wasi_light__artifact_new(const void *payload, size_t payload_size, const uint8_t key[WASI_LIGHT__DIGEST],
                                  size_t *size) {
  uint8_t *artifact = payload_size > SIZE_MAX - HEADER ? NULL : malloc(HEADER + payload_size);
  if (!artifact) return NULL;
  write_header(artifact, payload_size, key);
  memcpy(artifact + HEADER, payload, payload_size);
  seal(artifact, payload_size, artifact + DIGEST_AT);
  *size = HEADER + payload_size;
  return artifact;
}

void wasi_light__artifact_name(const uint8_t key[WASI_LIGHT__DIGEST], char name[2 * WASI_LIGHT__DIGEST + 16]) {
  static const char digits[] = "0123456789abcdef";
  size_t used = 0;
  for (int i = 0; i < WASI_LIGHT__DIGEST; i++) {
    name[used++] = digits[key[i] >> 4];
    name[used++] = digits[key[i] & 15];
  }
  memcpy(name + used, ".compiled", sizeof ".compiled");
}
