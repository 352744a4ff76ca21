/* SPDX-License-Identifier: MIT */
/*
 * Entries of the cache of compiled modules, damaged in every way: flipped, cut, grown, spliced, with fields of the
 * header changed and sealed again, as files and in memory. What is handed on must be what was put in, under the key
 * that it was put in with; the engine must not be asked about anything else. The layout is written down here a second
 * time.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache.h"
#include "files.h"
#include "fuzz.h"
#include "sha256.h"
#include "wasmer.h"

enum { HEADER = 88, KEY_AT = 16, SIZE_AT = 48, DIGEST_AT = 56, ROOM = 65536 };

#define CHECK(condition) FUZZ_CHECK(condition, "%s", "it does not hold")

/* ---- Entries ---- */

/* In a block of ROOM bytes; to be looked at in one of exactly its size. */
typedef struct entry_t {
  uint8_t *bytes;
  size_t size;
} entry_t;

static void put(uint8_t *at, uint64_t value, int size) {
  for (int i = 0; i < size; i++) at[i] = (uint8_t)(value >> 8 * i);
}

static void seal(entry_t *entry) {
  wasi_light__sha256_t hash;
  if (entry->size < HEADER) return;
  wasi_light__sha256_begin(&hash);
  wasi_light__sha256_add(&hash, entry->bytes, DIGEST_AT);
  wasi_light__sha256_add(&hash, entry->bytes + HEADER, entry->size - HEADER);
  wasi_light__sha256_end(&hash, entry->bytes + DIGEST_AT);
}

/* What an entry of this payload and key has to be. The payload may be in it already. */
static entry_t wrapped(uint8_t *room, const uint8_t *payload, size_t size, const uint8_t *key) {
  entry_t entry = {room, HEADER + size};
  memmove(room + HEADER, payload, size);
  static const uint8_t magic[] = {'w', 'a', 's', 'i', 'l', 'g', 'h', 't', 1, 0, 0, 0, 0, 0, 0, 0};
  memcpy(room, magic, sizeof magic);
  memcpy(room + KEY_AT, key, WASI_LIGHT__DIGEST);
  put(room + SIZE_AT, size, 8);
  seal(&entry);
  return entry;
}

static bool same(const entry_t *a, const entry_t *b) {
  return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* ---- Damage ---- */

static void replace(entry_t *entry, size_t at, size_t size, const uint8_t *bytes, size_t count) {
  if (entry->size - size + count > ROOM) return;
  memmove(entry->bytes + at + count, entry->bytes + at + size, entry->size - at - size);
  memcpy(entry->bytes + at, bytes, count);
  entry->size += count - size;
}

/* One change. Places are in the header as often as behind it. */
static void damage(fuzz_input_t *in, entry_t *entry, bool may_seal) {
  enum { FLIP, SET, CUT, REMOVE, INSERT, COPY, FORMAT, KEY, SIZE, SEAL, KINDS };
  static const uint8_t zeros[16];
  uint32_t kind = fuzz_u8(in) % KINDS;
  uint32_t place = fuzz_u16(in);
  size_t size = fuzz_u8(in) % 17;
  if (entry->size == 0) return;
  size_t at = place & 1 ? place / 2 % entry->size : place / 2 % (entry->size < HEADER ? entry->size : HEADER);
  if (size > entry->size - at) size = entry->size - at;
  switch (kind) {
    case FLIP: entry->bytes[at] ^= (uint8_t)(1 << size % 8); return;
    case SET: entry->bytes[at] = fuzz_u8(in); return;
    case CUT: entry->size = at; return;
    case REMOVE: replace(entry, at, size, zeros, 0); return;
    case INSERT: replace(entry, at, 0, zeros, size); return;
    case COPY: memmove(entry->bytes + at, entry->bytes + fuzz_u8(in) % (entry->size - size + 1), size); return;
    case SEAL:
      if (may_seal) seal(entry);
      return;
    default: break;
  }
  if (entry->size < HEADER) return;
  if (kind == FORMAT) put(entry->bytes + 8, fuzz_u64(in), 8);
  else if (kind == KEY) entry->bytes[KEY_AT + at % WASI_LIGHT__DIGEST] ^= (uint8_t)(1 + size);
  else put(entry->bytes + SIZE_AT, entry->size - HEADER + fuzz_u8(in) - 128u, 8);
}

/* Whether anything changed. */
static void damage_all(fuzz_input_t *in, entry_t *entry, bool may_seal) {
  for (unsigned i = 0; i < 8 && in->left > 0; i++) damage(in, entry, may_seal);
}

/* ---- As files ---- */

static char folder[64];

static void remove_folder(void) {
  rmdir(folder);
}

static void make_folder(void) {
  if (folder[0]) return;
  snprintf(folder, sizeof folder, "%s/wasi-light-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  CHECK(mkdtemp(folder) && !host_private_folder(folder));
  atexit(remove_folder);
}

/* Writes it, does to the file what others may have done, and reads it again. */
static void check_file(fuzz_input_t *in, const entry_t *entry, const uint8_t key[WASI_LIGHT__DIGEST]) {
  enum { AS_IT_IS, WRITABLE, LINKED, EMPTY, KINDS };
  char name[2 * WASI_LIGHT__DIGEST + 16];
  char path[256];
  char target[256];
  size_t size = 0;
  unsigned kind = fuzz_u8(in) % KINDS;
  make_folder();
  wasi_light__artifact_name(key, name);
  snprintf(path, sizeof path, "%s/%s", folder, name);
  snprintf(target, sizeof target, "%s/target", folder);
  CHECK(host_write_private(folder, name, entry->bytes, entry->size));
  if (kind == WRITABLE) CHECK(chmod(path, fuzz_u8(in) & 1 ? 0620 : 0602) == 0);
  if (kind == LINKED) CHECK(rename(path, target) == 0 && symlink(target, path) == 0);
  if (kind == EMPTY) CHECK(truncate(path, 0) == 0);
  uint8_t *bytes = host_read_private(folder, name, &size);
  CHECK((bytes != NULL) == (kind == AS_IT_IS && entry->size > 0));
  if (bytes) CHECK(size == entry->size && memcmp(bytes, entry->bytes, size) == 0);
  free(bytes);
  unlink(target);
  CHECK(unlink(path) == 0);
}

/* ---- Keys ---- */

/* All that a key is made of but the engine and the processor. */
typedef struct origin_t {
  uint8_t module[4];
  size_t size;
  wasi_light_limits_t limits;
  char tag[3];
} origin_t;

static origin_t take_origin(fuzz_input_t *in) {
  origin_t origin = {.limits = WASI_LIGHT_LIMITS_INIT};
  uint8_t bits = fuzz_u8(in);
  origin.size = bits & 3;
  for (size_t i = 0; i < origin.size; i++) origin.module[i] = fuzz_u8(in) & 1;
  if (bits & 4) origin.limits.memory_pages = fuzz_u8(in);
  if (bits & 8) origin.limits.table_elements = fuzz_u8(in);
  if (bits & 16) origin.limits.points_per_call = fuzz_u8(in) & 3;
  for (size_t i = 0; i < (bits >> 5 & 3) && i < 2; i++) origin.tag[i] = (char)(1 + (fuzz_u8(in) & 1));
  return origin;
}

static void make_key(const origin_t *origin, uint8_t key[WASI_LIGHT__DIGEST]) {
  wasi_light__rewritten_t rewritten = {.bytes = (uint8_t *)origin->module, .size = origin->size};
  wasi_light__artifact_key(&rewritten, &origin->limits, origin->tag, key);
}

/* How many points there are makes no difference to compiled code, but whether there are any. */
static bool is_for_the_same(const origin_t *a, const origin_t *b) {
  return a->size == b->size && memcmp(a->module, b->module, a->size) == 0 && strcmp(a->tag, b->tag) == 0 &&
         a->limits.memory_pages == b->limits.memory_pages && a->limits.table_elements == b->limits.table_elements &&
         (a->limits.points_per_call > 0) == (b->limits.points_per_call > 0);
}

static void check_keys(fuzz_input_t *in) {
  uint8_t keys[2][WASI_LIGHT__DIGEST];
  origin_t origins[2] = {take_origin(in), take_origin(in)};
  for (int i = 0; i < 2; i++) make_key(&origins[i], keys[i]);
  CHECK(is_for_the_same(&origins[0], &origins[1]) == (memcmp(keys[0], keys[1], sizeof keys[0]) == 0));
}

/* ---- Entries of any bytes ---- */

static void check_any(fuzz_input_t *in, bool files) {
  static uint8_t rooms[2][HEADER + ROOM];
  uint8_t keys[2][WASI_LIGHT__DIGEST];
  size_t payload_size = 0;
  memset(keys, 0x5a, sizeof keys);
  for (int i = 0; i < 2; i++) keys[i][fuzz_u8(in) % WASI_LIGHT__DIGEST] = fuzz_u8(in);

  size_t size = fuzz_u8(in);
  const uint8_t *payload = fuzz_bytes(in, &size);
  entry_t entry = wrapped(rooms[0], payload, size, keys[0]);
  size_t made_size = 0;
  uint8_t *made = wasi_light__artifact_new(payload, size, keys[0], &made_size);
  CHECK(made && made_size == entry.size && memcmp(made, entry.bytes, made_size) == 0);
  free(made);

  damage_all(in, &entry, true);
  if (files) check_file(in, &entry, keys[0]);
  for (int i = 0; i < 2; i++) {
    uint8_t *exact = malloc(entry.size > 0 ? entry.size : 1);
    CHECK(exact);
    memcpy(exact, entry.bytes, entry.size);
    const uint8_t *opened = wasi_light__artifact_open(exact, entry.size, keys[i], &payload_size);
    bool good = entry.size >= HEADER;
    if (good) {
      entry_t expected = wrapped(rooms[1], entry.bytes + HEADER, entry.size - HEADER, keys[i]);
      good = same(&entry, &expected);
    }
    CHECK((opened != NULL) == good);
    if (good) CHECK(opened == exact + HEADER && payload_size == entry.size - HEADER);
    free(exact);
  }
}

/* ---- An entry of the engine ---- */

static const char module_bytes[] = "\0asm\1\0\0\0\1\4\1\x60\0\0\3\2\1\0\7\5\1\1f\0\0\xa\4\1\2\0\xb";
enum { MODULE_SIZE = sizeof module_bytes - 1 };

/* Whether the engine said nothing since this was asked last. It complains of all that is not compiled code. */
static bool engine_is_silent(void) {
  char text[2048];
  int size = wasmer_last_error_length();
  if (size > 0) wasmer_last_error_message(text, (int)sizeof text);
  return size == 0;
}

static void check_engine(fuzz_input_t *in) {
  static wasm_engine_t *engine;
  static wasm_byte_vec_t honest;
  static uint8_t room[HEADER + ROOM];
  static bool taken; /* the honest one, which takes 20 ms under AddressSanitizer: once is enough */
  wasi_light_error_t error;
  if (!engine) engine = wasm_engine_new();
  if (honest.size == 0) CHECK(wasi_light_compile(engine, module_bytes, MODULE_SIZE, NULL, NULL, &honest, &error));
  CHECK(honest.size < ROOM && engine_is_silent());
  entry_t entry = {room, honest.size};
  memcpy(room, honest.data, honest.size);
  damage_all(in, &entry, false);
  bool good = entry.size == honest.size && memcmp(entry.bytes, honest.data, honest.size) == 0;
  if (good && taken) return;
  taken = taken || good;
  wasi_light_module_t *module = wasi_light_module_new_compiled(engine, module_bytes, MODULE_SIZE, NULL, NULL, NULL,
                                                               entry.bytes, entry.size, &error);
  CHECK(engine_is_silent());
  CHECK((module != NULL) == good);
  if (!module) CHECK(error.code == WASI_LIGHT_ERROR_COMPILE);
  wasi_light_module_delete(module);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  fuzz_input_t in = {bytes, size};
  uint8_t mode = fuzz_u8(&in) % 64; /* the first three are slow */
  if (mode == 0) check_engine(&in);
  else if (mode == 1) check_keys(&in); /* what the processor can do is asked anew for each */
  else check_any(&in, mode == 2);
  return 0;
}

void fuzz_seeds(fuzz_seed_t give) {
  give("engine", "\0", 1);
  give("engine_flip", "\0\0\1\0\1", 5);
  give("engine_two", "\0\0\1\0\1\2\1\1\0", 9);
  give("key_of_module", "\1\2\1\1\2\1\0", 7);
  give("key_of_limits", "\1\x1c\7\7\1\x1c\7\7\2", 9);
  give("key_of_tag", "\1\x20\1\x40\1\1", 6);
  give("file", "\2\0\0\0\0\3abc\0\1\0\1\0", 14);
  give("file_linked", "\2\0\0\0\0\0\2", 7);
  give("plain", "\3\1\1\1\1\4body", 10);
  give("other_key", "\3\1\1\1\2\4body", 10);
  give("cut", "\3\1\1\1\1\4body\2\xb1\0\0", 14);
  give("sealed_format", "\3\0\0\0\0\4body\6\0\0\0\2\0\0\0\0\0\0\0\x9\0\0\0", 26);
  give("sealed_size", "\3\0\0\0\0\4body\x8\0\0\0\x81\x9\0\0\0", 19);
  give("sealed_payload", "\3\0\0\0\0\4body\0\xb1\0\1\x9\0\0\0", 18);
}
