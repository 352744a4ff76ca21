/* SPDX-License-Identifier: MIT */
/* See pool_bytes.h. */
#include "pool_bytes.h"

#include <sys/wait.h>
#include <unistd.h>

/* ---- Random numbers ---- */

uint64_t pool_random(pool_random_t *random) { /* splitmix64 */
  uint64_t z = random->state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

uint32_t pool_below(pool_random_t *random, uint32_t limit) {
  return (uint32_t)(pool_random(random) >> 33) % limit;
}

size_t pool_times(const char *variable, size_t usual) {
  const char *value = getenv(variable);
  return value && *value ? (size_t)strtoull(value, NULL, 10) : usual;
}

/* ---- Writing modules ---- */

void pool_write(pool_writer_t *w, const void *bytes, size_t size) {
  if (w->size + size > w->room) {
    w->room = 2 * (w->size + size);
    uint8_t *data = realloc(w->data, w->room);
    if (!data) abort();
    w->data = data;
  }
  if (size > 0) memcpy(w->data + w->size, bytes, size);
  w->size += size;
}

void pool_write_u8(pool_writer_t *w, uint8_t byte) {
  pool_write(w, &byte, 1);
}

void pool_write_u32(pool_writer_t *w, uint32_t value) {
  for (; value > 0x7f; value >>= 7) pool_write_u8(w, (uint8_t)(0x80 | (value & 0x7f)));
  pool_write_u8(w, (uint8_t)value);
}

void pool_write_s32(pool_writer_t *w, int32_t value) {
  int64_t rest = value;
  while (rest < -64 || rest > 63) {
    pool_write_u8(w, (uint8_t)(0x80 | (rest & 0x7f)));
    rest = (rest - (rest & 0x7f)) / 128;
  }
  pool_write_u8(w, (uint8_t)(rest & 0x7f));
}

void pool_write_header(pool_writer_t *w) {
  pool_write(w, "\0asm\1\0\0\0", 8);
}

void pool_write_section(pool_writer_t *w, uint8_t id, pool_writer_t *payload) {
  pool_write_u8(w, id);
  pool_write_u32(w, (uint32_t)payload->size);
  pool_write(w, payload->data, payload->size);
  free(payload->data);
  *payload = (pool_writer_t){NULL, 0, 0};
}

rig_bytes_t pool_written(pool_writer_t *w) {
  rig_bytes_t bytes = {malloc(w->size + (w->size == 0)), w->size};
  assert_non_null(bytes.data);
  if (w->size > 0) memcpy(bytes.data, w->data, w->size);
  free(w->data);
  *w = (pool_writer_t){NULL, 0, 0};
  return bytes;
}

rig_bytes_t pool_spliced(const rig_bytes_t *bytes, size_t at, size_t size, const void *others, size_t count) {
  pool_writer_t w = {NULL, 0, 0};
  pool_write(&w, bytes->data, at);
  pool_write(&w, others, count);
  pool_write(&w, bytes->data + at + size, bytes->size - at - size);
  return pool_written(&w);
}

/* ---- Taking them apart: of modules that are known to be whole ---- */

uint32_t pool_read_u32(const uint8_t **at) {
  uint32_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    uint8_t byte = *(*at)++;
    value |= (uint32_t)(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

int32_t pool_read_s32(const uint8_t **at) {
  int64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    uint8_t byte = *(*at)++;
    value += (int64_t)(byte & 0x7f) << shift;
    if (byte >= 0x80) continue;
    if (byte & 0x40) value -= (int64_t)1 << (shift + 7);
    return (int32_t)value;
  }
}

/* Steps over one section: its id and payload. False at the end. */
static bool next_section(const rig_bytes_t *bytes, const uint8_t **at, uint8_t *id, pool_part_t *part) {
  if (*at >= bytes->data + bytes->size) return false;
  *id = *(*at)++;
  part->size = pool_read_u32(at);
  part->data = *at;
  *at += part->size;
  return true;
}

pool_part_t pool_section(const rig_bytes_t *bytes, uint8_t id) {
  const uint8_t *at = bytes->data + 8;
  uint8_t other;
  pool_part_t part;
  while (next_section(bytes, &at, &other, &part)) {
    if (other == id) return part;
  }
  return (pool_part_t){NULL, 0};
}

rig_bytes_t pool_without(const rig_bytes_t *bytes, uint8_t id) {
  const uint8_t *at = bytes->data + 8;
  const uint8_t *start = at;
  uint8_t other;
  pool_part_t part;
  pool_writer_t w = {NULL, 0, 0};
  pool_write_header(&w);
  for (; next_section(bytes, &at, &other, &part); start = at) {
    if (other != id) pool_write(&w, start, (size_t)(at - start));
  }
  return pool_written(&w);
}

static void add_text(char text[POOL_TEXT], const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add_text(char text[POOL_TEXT], const char *format, ...) {
  size_t used = strlen(text);
  va_list list;
  if (used > 0) text[used++] = ' ';
  va_start(list, format);
  int length = vsnprintf(text + used, POOL_TEXT - used, format, list);
  va_end(list);
  assert_true(length >= 0 && used + (size_t)length < POOL_TEXT);
}

/* The offset of an active segment: "16" if it is a plain constant, else "computed". */
static void read_offset(const uint8_t **at, char *text, size_t size) {
  const uint8_t *start = *at;
  unsigned instructions = 0;
  int32_t value = 0;
  while (**at != 0x0b) {
    uint8_t opcode = *(*at)++;
    instructions++;
    if (opcode == 0x41) value = pool_read_s32(at);
    else if (opcode == 0x23) pool_read_u32(at);
    else if (opcode != 0x6a && opcode != 0x6b && opcode != 0x6c) fail_msg("opcode 0x%x in an offset", opcode);
  }
  (*at)++;
  if (instructions == 1 && *start == 0x41) snprintf(text, size, "%u", (uint32_t)value);
  else snprintf(text, size, "computed");
}

const char *pool_segments(const rig_bytes_t *bytes, char text[POOL_TEXT]) {
  pool_part_t part = pool_section(bytes, 11);
  const uint8_t *at = part.data;
  text[0] = '\0';
  if (!at) return text;
  uint32_t count = pool_read_u32(&at);
  for (uint32_t i = 0; i < count; i++) {
    char offset[32] = "passive";
    char memory[32] = "";
    uint32_t flags = pool_read_u32(&at);
    uint32_t index = flags == 2 ? pool_read_u32(&at) : 0;
    if (index > 0) snprintf(memory, sizeof memory, "memory %u: ", index);
    if (flags != 1) read_offset(&at, offset, sizeof offset);
    uint32_t size = pool_read_u32(&at);
    at += size;
    add_text(text, "%s%s+%u", memory, offset, size);
  }
  assert_ptr_equal(at, part.data + part.size);
  return text;
}

const char *pool_exports(const rig_bytes_t *bytes, char text[POOL_TEXT]) {
  static const char *const kinds[] = {"func", "table", "memory", "global", "tag"};
  pool_part_t part = pool_section(bytes, 7);
  const uint8_t *at = part.data;
  text[0] = '\0';
  if (!at) return text;
  uint32_t count = pool_read_u32(&at);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t size = pool_read_u32(&at);
    const char *name = (const char *)at;
    at += size;
    uint8_t kind = *at++;
    add_text(text, "%.*s=%s:%u", (int)size, name, kinds[kind], pool_read_u32(&at));
  }
  assert_ptr_equal(at, part.data + part.size);
  return text;
}

const char *pool_sections(const rig_bytes_t *bytes, char text[POOL_TEXT]) {
  const uint8_t *at = bytes->data + 8;
  uint8_t id;
  pool_part_t part;
  text[0] = '\0';
  while (next_section(bytes, &at, &id, &part)) {
    const uint8_t *name = part.data;
    if (id > 0) {
      add_text(text, "%u", id);
      continue;
    }
    uint32_t size = pool_read_u32(&name);
    add_text(text, "custom:%.*s", (int)size, (const char *)name);
  }
  return text;
}

/* ---- Rewriting ---- */

bool pool_try_rewrite(const rig_bytes_t *bytes, const wasi_light_limits_t *limits, pool_rewritten_t *out,
                      wasi_light_error_t *error) {
  static const wasi_light_limits_t defaults = WASI_LIGHT_LIMITS_INIT;
  wasi_light__scan_t scan;
  wasi_light__rewritten_t rewritten;
  if (!limits) limits = &defaults;
  bool good = wasi_light__scan_checked(&scan, bytes->data, bytes->size, limits, error) &&
              wasi_light__rewrite(&scan, limits, &rewritten, error);
  wasi_light__scan_free(&scan);
  if (!good) return false;
  *out = (pool_rewritten_t){.bytes = {rewritten.bytes, rewritten.size}, .has_start = rewritten.has_start};
  memcpy(out->prefix, rewritten.prefix, sizeof out->prefix);
  return true;
}

static void assert_same_bytes(const rig_bytes_t *a, const rig_bytes_t *b, const char *what) {
  if (a->size != b->size || memcmp(a->data, b->data, a->size) != 0) {
    fail_msg("%s: %zu bytes, and others than the %zu before", what, b->size, a->size);
  }
}

pool_rewritten_t pool_rewrite(const rig_bytes_t *bytes, const wasi_light_limits_t *limits) {
  wasi_light_error_t error;
  pool_rewritten_t out = {.has_start = false};
  pool_rewritten_t again = out;
  if (!pool_try_rewrite(bytes, limits, &out, &error)) fail_msg("%s", error.message);
  if (!out.bytes.data || !pool_try_rewrite(bytes, limits, &again, &error)) {
    fail_msg("a second time: %s", error.message);
    return out;
  }
  assert_same_bytes(&out.bytes, &again.bytes, "rewritten a second time");
  assert_string_equal(out.prefix, again.prefix);
  rig_bytes_end(&again.bytes);
  if (!pool_try_rewrite(&out.bytes, limits, &again, &error)) fail_msg("its own output: %s", error.message);
  assert_same_bytes(&out.bytes, &again.bytes, "the output rewritten");
  assert_false(again.has_start);
  rig_bytes_end(&again.bytes);
  return out;
}

pool_rewritten_t pool_rewrite_wat(const char *wat) {
  rig_bytes_t bytes = rig_assemble(wat);
  pool_rewritten_t out = pool_rewrite(&bytes, NULL);
  rig_bytes_end(&bytes);
  return out;
}

bool pool_valid(const rig_bytes_t *bytes) {
  wasm_byte_vec_t binary = {bytes->size, (wasm_byte_t *)bytes->data};
  wasm_store_t *store = wasm_store_new(rig_engine());
  assert_non_null(store);
  bool valid = wasm_module_validate(store, &binary);
  wasm_store_delete(store);
  return valid;
}

/* Exit status of wasm-validate with these arguments; 127: it is not there. */
static int run_validator(const char *option, const char *path) {
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr)) _exit(126);
    execlp("wasm-validate", "wasm-validate", option, path, (char *)NULL);
    _exit(127);
  }
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

bool pool_has_validator(void) {
  return run_validator("--version", NULL) == 0;
}

bool pool_wabt_valid(const rig_bytes_t *bytes) {
  char path[] = "/tmp/wasi-light-test-XXXXXX";
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, bytes->data, bytes->size), bytes->size);
  close(fd);
  int status = run_validator("--enable-all", path);
  unlink(path);
  return status == 0 || status == 127;
}

/* ---- Instances ---- */

bool pool_raw_start(raw_t *raw, const rig_bytes_t *bytes) {
  wasm_byte_vec_t binary = {bytes->size, (wasm_byte_t *)bytes->data};
  *raw = (raw_t){.store = wasm_store_new(rig_engine())};
  assert_non_null(raw->store);
  raw->module = wasm_module_new(raw->store, &binary);
  if (!raw->module) {
    wasm_store_delete(raw->store);
    return false;
  }
  raw->config = rig_config(NULL);
  raw->env = wasi_light_env_new(raw->config, NULL, NULL);
  assert_non_null(raw->env);
  return true;
}

wasm_memory_t *pool_raw_memory(const raw_t *raw) {
  for (size_t i = 0; i < raw->exports.size; i++) {
    wasm_memory_t *memory = wasm_extern_as_memory(raw->exports.data[i]);
    if (memory) return memory;
  }
  return NULL;
}

void pool_assert_equal_memories(const rig_bytes_t *a, const rig_bytes_t *b) {
  raw_t first;
  raw_t second;
  assert_true(pool_raw_start(&first, a));
  assert_true(pool_raw_start(&second, b));
  wasi_light_outcome_t outcome = raw_link(&first, NULL, 0);
  wasi_light_outcome_t other = raw_link(&second, NULL, 0);
  assert_int_equal(outcome.kind, other.kind);
  assert_int_equal(first.instance != NULL, second.instance != NULL);
  if (first.instance) {
    wasm_memory_t *memory = pool_raw_memory(&first);
    wasm_memory_t *same = pool_raw_memory(&second);
    assert_non_null(memory);
    assert_non_null(same);
    assert_int_equal(wasm_memory_data_size(memory), wasm_memory_data_size(same));
    if (wasm_memory_data_size(memory) > 0) {
      assert_memory_equal(wasm_memory_data(memory), wasm_memory_data(same), wasm_memory_data_size(memory));
    }
  }
  raw_end(&first);
  raw_end(&second);
}
