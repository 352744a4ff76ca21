/* SPDX-License-Identifier: MIT */
/* See pool_rig.h. */
#include "pool_rig.h"

#include <dirent.h>
#include <unistd.h>

#include "image.h"

const wasi_light_reset_t pool_methods[POOL_METHODS] = {WASI_LIGHT_RESET_COPY, WASI_LIGHT_RESET_COPY_ON_WRITE,
                                                       WASI_LIGHT_RESET_SCAN};

const char *pool_method_name(wasi_light_reset_t method) {
  static const char *const names[] = {"BEST", "COPY", "COPY_ON_WRITE", "SCAN"};
  return names[method];
}

/* ---- Pools ---- */

void pool_start(pool_rig_t *rig, wasi_light_module_t *module, const wasi_light_options_t *wasi,
                const wasi_light_pool_options_t *options) {
  wasi_light_error_t error;
  rig_engine();
  rig->module = module;
  rig->config = rig_config(wasi);
  rig->allow_grown = options && options->allow_grown;
  rig->pool = wasi_light_pool_new(module, rig->config, options, &error);
  if (!rig->pool) fail_msg("%s", error.message);
}

void pool_start_wat(pool_rig_t *rig, const char *wat, const wasi_light_pool_options_t *options) {
  pool_start(rig, rig_module(wat, NULL), NULL, options);
}

void pool_start_funcs(pool_rig_t *rig, const char *wat, const rig_func_t *funcs, size_t count,
                      const wasi_light_pool_options_t *options) {
  wasi_light_linker_t *linker = rig_linker(funcs, count);
  wasi_light_module_t *module = rig_module(wat, linker);
  wasi_light_linker_delete(linker);
  pool_start(rig, module, NULL, options);
}

void pool_end(pool_rig_t *rig) {
  wasi_light_pool_delete(rig->pool);
  wasi_light_module_delete(rig->module);
  wasi_light_config_delete(rig->config);
}

bool pool_can(wasi_light_reset_t method, wasi_light_pool_options_t *options) {
  static const host_method_t methods[] = {HOST_SCAN, HOST_COPY, HOST_COW, HOST_SCAN};
  options->reset = method;
  if (host_method(methods[method]) == methods[method]) return true;
  print_message("%s does not work here: left out\n", pool_method_name(method));
  return false;
}

wasi_light_module_t *pool_guest(const char *name) {
  wasi_light_error_t error;
  rig_bytes_t bytes = rig_guest(name);
  if (!bytes.data) {
    print_message("%s is not built: left out\n", name);
    return NULL;
  }
  wasi_light_module_t *module = wasi_light_module_new(rig_engine(), bytes.data, bytes.size, NULL, NULL, &error);
  if (!module) fail_msg("%s: %s", name, error.message);
  rig_bytes_end(&bytes);
  return module;
}

wasi_light_pool_stats_t pool_stats(const pool_rig_t *rig) {
  wasi_light_pool_stats_t stats;
  wasi_light_pool_stats(rig->pool, &stats);
  return stats;
}

/* ---- Leases ---- */

wasi_light_instance_t *pool_take(pool_rig_t *rig) {
  return pool_take_for(rig, NULL);
}

wasi_light_instance_t *pool_take_for(pool_rig_t *rig, void *host) {
  wasi_light_error_t error;
  uint64_t taken = pool_stats(rig).taken;
  wasi_light_instance_t *instance = wasi_light_pool_take(rig->pool, host, &error);
  if (!instance) fail_msg("%s", error.message);
  assert_ptr_equal(wasi_light_instance_host(instance), host);
  assert_ptr_equal(wasi_light_instance_module(instance), rig->module);
  assert_int_equal(pool_stats(rig).taken, taken + 1);
  return instance;
}

static uint64_t replaced(const wasi_light_pool_stats_t *stats) {
  return stats->replaced_grown + stats->replaced_unrecyclable + stats->replaced_other;
}

bool pool_give(pool_rig_t *rig, wasi_light_instance_t *instance) {
  wasi_light_error_t error;
  wasi_light_pool_stats_t before = pool_stats(rig);
  if (!wasi_light_pool_give(rig->pool, instance, &error)) fail_msg("%s", error.message);
  wasi_light_pool_stats_t after = pool_stats(rig);
  bool kept = after.reset > before.reset;
  assert_int_equal(after.reset, before.reset + kept);
  assert_int_equal(replaced(&after), replaced(&before) + !kept);
  assert_int_equal(after.live, before.live - !kept);
  assert_int_equal(after.idle, before.idle + kept);
  if (kept && !rig->allow_grown) assert_true(wasi_light__pool_is_pristine(instance));
  return kept;
}

void pool_return(pool_rig_t *rig, wasi_light_instance_t *instance) {
  if (!pool_give(rig, instance)) fail_msg("the instance was not kept");
}

/* ---- Calls ---- */

static wasi_light_outcome_t call(wasi_light_instance_t *instance, const char *name, const wasm_val_t *args,
                                 size_t count, wasm_val_t *result) {
  const wasi_light_func_t *func = wasi_light_module_func(wasi_light_instance_module(instance), name);
  if (!func) fail_msg("the module has no export %s", name);
  return wasi_light_call(instance, func, args, count, result, wasm_functype_results(wasi_light_func_type(func))->size);
}

wasm_val_t pool_call(wasi_light_instance_t *instance, const char *name, const wasm_val_t *args, size_t count) {
  wasm_val_t result = I32(0);
  wasi_light_outcome_t outcome = call(instance, name, args, count, &result);
  if (outcome.kind != WASI_LIGHT_RETURNED) fail_msg("%s: %s", name, outcome.message);
  return result;
}

int32_t pool_i32(wasi_light_instance_t *instance, const char *name, const wasm_val_t *args, size_t count) {
  wasm_val_t result = pool_call(instance, name, args, count);
  assert_int_equal(result.kind, WASM_I32);
  return result.of.i32;
}

wasi_light_outcome_t pool_try(wasi_light_instance_t *instance, const char *name, const wasm_val_t *args, size_t count) {
  wasm_val_t result = I32(0);
  return call(instance, name, args, count, &result);
}

/* ---- What is in an instance ---- */

wasi_light_view_t pool_memory(const wasi_light_instance_t *instance) {
  const wasi_light_env_t *env = wasi_light_instance_env(instance);
  if (!env->view_of) return (wasi_light_view_t){NULL, 0};
  return env->view_of(env->memory);
}

static bool global_has(const wasm_global_t *global, const void *bytes, size_t size) {
  wasm_val_t value = {.kind = WASM_I64, .of = {.i64 = 0}};
  wasm_global_get(global, &value);
  if (value.kind > WASM_F64) return false;
  return memmem(&value.of, value.kind == WASM_I32 || value.kind == WASM_F32 ? 4 : 8, bytes, size);
}

bool pool_finds(const wasi_light_instance_t *instance, const void *bytes, size_t size) {
  wasi_light_view_t memory = pool_memory(instance);
  if (memory.size > 0 && memmem(memory.base, memory.size, bytes, size)) return true;
  for (size_t i = 0; i < instance->exports.size; i++) {
    const wasm_global_t *global = wasm_extern_as_global(instance->exports.data[i]);
    if (global && global_has(global, bytes, size)) return true;
  }
  return false;
}

bool pool_buffers_have(const wasi_light_instance_t *instance, const void *bytes, size_t size) {
  const wasi_light_env_t *env = wasi_light_instance_env(instance);
  for (int i = 0; i < 2; i++) {
    const uint8_t *buffer = env->capture[i].bytes;
    if (buffer && memmem(buffer, env->config->out[i].capture_size, bytes, size)) return true;
  }
  return false;
}

void pool_assert_captured(const wasi_light_instance_t *instance, uint32_t fd, const char *text) {
  size_t size = 0;
  const uint8_t *bytes = wasi_light_env_captured(wasi_light_instance_env(instance), fd, &size, NULL);
  assert_non_null(bytes);
  if (size != strlen(text) || memcmp(bytes, text, size) != 0) {
    fail_msg("captured of %u: \"%.*s\", expected \"%s\"", fd, (int)size, (const char *)bytes, text);
  }
}

/* ---- The process ---- */

size_t pool_descriptors(void) {
  DIR *folder = opendir("/proc/self/fd");
  size_t count = 0;
  if (!folder) abort();
  while (readdir(folder)) count++;
  closedir(folder);
  return count - 3; /* ".", ".." and the folder's own */
}

size_t pool_mappings(void) {
  FILE *file = fopen("/proc/self/maps", "r");
  size_t lines = 0;
  if (!file) abort();
  for (int c; (c = getc(file)) != EOF;) lines += c == '\n';
  fclose(file);
  return lines;
}

/* All of the address space that is mapped, and what is resident of it, in bytes. */
static bool read_sizes(size_t sizes[2]) {
  char text[128] = "";
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file) return false;
  bool good = fgets(text, sizeof text, file);
  fclose(file);
  char *at = text;
  for (int i = 0; i < 2; i++) sizes[i] = strtoull(at, &at, 10) * (size_t)sysconf(_SC_PAGESIZE);
  return good;
}

size_t pool_resident(void) {
  size_t sizes[2] = {0, 0};
  assert_true(read_sizes(sizes));
  return sizes[1];
}

size_t pool_address_space(void) {
  size_t sizes[2];
  return read_sizes(sizes) ? sizes[0] : 0;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

bool pool_sanitized(void) {
  return SANITIZED;
}
