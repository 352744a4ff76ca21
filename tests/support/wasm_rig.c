/* SPDX-License-Identifier: MIT */
/* See wasm_rig.h. */
#include "wasm_rig.h"

#include <signal.h>

/* ---- Values and texts ---- */

static void fail_at(const char *file, int line, const char *what, const char *text, const char *part) {
  print_error("%s: \"%s\", expected %s\"%s\"\n", what, text, part[0] ? "... " : "", part);
  _fail(file, line);
}

void rig_assert_contains(const char *text, const char *part, bool contains, const char *file, int line) {
  if ((strstr(text, part) != NULL) == contains) return;
  fail_at(file, line, contains ? "text" : "text with what it must not have", text, part);
}

void rig_assert_error(const wasi_light_error_t *error, int code, const char *part, const char *file, int line) {
  if (error->code != (wasi_light_error_code_t)code) {
    fail_at(file, line, wasi_light_error_name((int)error->code), error->message, wasi_light_error_name(code));
  }
  rig_assert_contains(error->message, part, true, file, line);
}

void rig_assert_outcome(const wasi_light_outcome_t *outcome, wasi_light_outcome_kind_t kind, uint32_t code,
                        const char *part, const char *file, int line) {
  static const char *const names[] = {"RETURNED", "EXITED", "TRAPPED", "NO_MEMORY", "REFUSED"};
  if (outcome->kind != kind) fail_at(file, line, names[outcome->kind], outcome->message, names[kind]);
  if (outcome->exit_code != code) {
    print_error("exit code %u, expected %u\n", outcome->exit_code, code);
    _fail(file, line);
  }
  if ((outcome->message[0] == '\0') != (kind == WASI_LIGHT_RETURNED)) {
    fail_at(file, line, names[outcome->kind], outcome->message, "(a message, but for RETURNED)");
  }
  rig_assert_contains(outcome->message, part, true, file, line);
}

rig_bytes_t rig_assemble(const char *wat) {
  wasm_byte_vec_t binary;
  wasi_light_error_t error;
  if (!wasi_light_wat2wasm(wat, strlen(wat), &binary, &error)) fail_msg("%s\n%s", error.message, wat);
  rig_bytes_t bytes = {malloc(binary.size), binary.size};
  assert_non_null(bytes.data);
  memcpy(bytes.data, binary.data, binary.size);
  wasm_byte_vec_delete(&binary);
  return bytes;
}

rig_bytes_t rig_guest(const char *name) {
  char path[1024];
  rig_bytes_t bytes = {NULL, 0};
  snprintf(path, sizeof path, "%s/%s.wasm", GUESTS_DIR, name);
  FILE *file = fopen(path, "rb");
  if (!file) return bytes;
  long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
  if (size <= 0 || fseek(file, 0, SEEK_SET) != 0) {
    fclose(file);
    fail_msg("cannot read %s", path);
    return bytes;
  }
  bytes.size = (size_t)size;
  bytes.data = malloc(bytes.size);
  assert_non_null(bytes.data);
  assert_int_equal(fread(bytes.data, 1, bytes.size, file), bytes.size);
  fclose(file);
  return bytes;
}

void rig_bytes_end(rig_bytes_t *bytes) {
  free(bytes->data);
}

/* ---- Modules and instances ---- */

/*
 * The engine makes traps of these signals and installs its handlers once in a process, with the first store. cmocka
 * puts its own in their place for each test: the engine's are put back.
 */
static void install_handlers(wasm_engine_t *engine) {
  static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
  static struct sigaction actions[COUNT(signals)];
  static bool saved;
  if (!saved) wasm_store_delete(wasm_store_new(engine));
  for (size_t i = 0; i < COUNT(signals); i++)
    sigaction(signals[i], saved ? &actions[i] : NULL, saved ? NULL : &actions[i]);
  saved = true;
}

wasm_engine_t *rig_engine(void) {
  static wasm_engine_t *engine;
  if (!engine) engine = wasm_engine_new();
  assert_non_null(engine);
  install_handlers(engine);
  return engine;
}

wasi_light_config_t *rig_config(const wasi_light_options_t *options) {
  static const wasi_light_options_t defaults = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_error_t error;
  wasi_light_config_t *config = wasi_light_config_new(options ? options : &defaults, &error);
  if (!config) fail_msg("%s", error.message);
  return config;
}

static wasi_light_module_t *make_module(const char *wat, const wasi_light_linker_t *linker, wasi_light_error_t *error) {
  rig_bytes_t bytes = rig_assemble(wat);
  wasi_light_module_t *module = wasi_light_module_new(rig_engine(), bytes.data, bytes.size, linker, NULL, error);
  rig_bytes_end(&bytes); /* a module keeps nothing of them */
  return module;
}

wasi_light_module_t *rig_module(const char *wat, const wasi_light_linker_t *linker) {
  wasi_light_error_t error;
  wasi_light_module_t *module = make_module(wat, linker, &error);
  if (!module) fail_msg("%s\n%s", error.message, wat);
  return module;
}

wasi_light_error_t rig_no_module(const char *wat, const wasi_light_linker_t *linker) {
  wasi_light_error_t error = {.code = WASI_LIGHT_ERROR_OK};
  assert_null(make_module(wat, linker, &error));
  return error;
}

wasi_light_linker_t *rig_linker(const rig_func_t *funcs, size_t count) {
  wasi_light_error_t error;
  wasi_light_linker_t *linker = wasi_light_linker_new();
  assert_non_null(linker);
  for (size_t i = 0; i < count; i++) {
    if (!wasi_light_linker_func(linker, "env", funcs[i].name, funcs[i].signature, funcs[i].callback, funcs[i].data,
                                &error)) {
      fail_msg("%s", error.message);
    }
  }
  return linker;
}

void rig_start(rig_t *rig, const char *wat, const rig_func_t *funcs, size_t count) {
  wasi_light_linker_t *linker = rig_linker(funcs, count);
  wasi_light_module_t *module = rig_module(wat, linker);
  wasi_light_linker_delete(linker); /* a module keeps what it needs */
  rig_start_module(rig, module, NULL, NULL);
}

void rig_start_module(rig_t *rig, wasi_light_module_t *module, const wasi_light_options_t *options, void *host) {
  wasi_light_error_t error;
  rig->module = module;
  rig->config = rig_config(options);
  rig->instance = wasi_light_instance_new(module, rig->config, host, &error);
  if (!rig->instance) fail_msg("%s", error.message);
}

void rig_end(rig_t *rig) {
  wasi_light_instance_delete(rig->instance);
  wasi_light_module_delete(rig->module);
  wasi_light_config_delete(rig->config);
}

static const wasi_light_func_t *func_of(const rig_t *rig, const char *name) {
  const wasi_light_func_t *func = wasi_light_module_func(rig->module, name);
  if (!func) fail_msg("the module has no export %s", name);
  return func;
}

static wasi_light_outcome_t call(rig_t *rig, const char *name, const wasm_val_t *args, size_t count,
                                 wasm_val_t *result) {
  const wasi_light_func_t *func = func_of(rig, name);
  return wasi_light_call(rig->instance, func, args, count, result,
                         wasm_functype_results(wasi_light_func_type(func))->size);
}

wasm_val_t rig_call(rig_t *rig, const char *name, const wasm_val_t *args, size_t count) {
  wasm_val_t result = I32(0);
  wasi_light_outcome_t outcome = call(rig, name, args, count, &result);
  if (outcome.kind != WASI_LIGHT_RETURNED) fail_msg("%s: %s", name, outcome.message);
  return result;
}

wasi_light_outcome_t rig_try(rig_t *rig, const char *name, const wasm_val_t *args, size_t count) {
  wasm_val_t result = I32(0);
  return call(rig, name, args, count, &result);
}

/* The export of that name among the instance's. */
static wasm_extern_t *find_export(const wasm_module_t *module, const wasm_extern_vec_t *exports, const char *name) {
  wasm_exporttype_vec_t types;
  wasm_extern_t *found = NULL;
  wasm_module_exports(module, &types);
  for (size_t i = 0; i < types.size; i++) {
    const wasm_name_t *other = wasm_exporttype_name(types.data[i]);
    if (other->size == strlen(name) && memcmp(other->data, name, other->size) == 0) found = exports->data[i];
  }
  wasm_exporttype_vec_delete(&types);
  if (!found) fail_msg("the module has no export %s", name);
  return found;
}

wasm_val_t rig_global(const rig_t *rig, const char *name) {
  wasm_extern_vec_t exports;
  wasm_val_t value;
  wasm_instance_exports(wasi_light_instance_wasm(rig->instance), &exports);
  wasm_extern_t *export_ = find_export(wasi_light_module_wasm(rig->module), &exports, name);
  wasm_global_get(wasm_extern_as_global(export_), &value);
  wasm_extern_vec_delete(&exports);
  return value;
}

wasi_light_error_t rig_no_instance(const char *wat, const rig_func_t *funcs, size_t count) {
  wasi_light_error_t error = {.code = WASI_LIGHT_ERROR_OK};
  wasi_light_linker_t *linker = rig_linker(funcs, count);
  wasi_light_module_t *module = rig_module(wat, linker);
  wasi_light_config_t *config = rig_config(NULL);
  wasi_light_instance_t *instance = wasi_light_instance_new(module, config, NULL, &error);
  wasi_light_linker_delete(linker);
  wasi_light_module_delete(module);
  wasi_light_config_delete(config);
  assert_null(instance);
  return error;
}

/* ---- The raw import object ---- */

void raw_start(raw_t *raw, const char *wat) {
  raw_start_with(raw, wat, NULL);
}

void raw_start_with(raw_t *raw, const char *wat, const wasi_light_options_t *options) {
  rig_bytes_t bytes = rig_assemble(wat);
  wasm_byte_vec_t binary = {bytes.size, (wasm_byte_t *)bytes.data};
  *raw = (raw_t){.store = wasm_store_new(rig_engine()), .config = rig_config(options)};
  assert_non_null(raw->store);
  raw->module = wasm_module_new(raw->store, &binary);
  assert_non_null(raw->module);
  raw->env = wasi_light_env_new(raw->config, NULL, NULL);
  assert_non_null(raw->env);
  rig_bytes_end(&bytes);
}

void raw_end(raw_t *raw) {
  if (raw->instance) {
    wasm_extern_vec_delete(&raw->exports);
    wasm_instance_delete(raw->instance);
  }
  wasi_light_env_delete(raw->env);
  wasm_module_delete(raw->module);
  wasm_store_delete(raw->store);
  wasi_light_config_delete(raw->config);
}

wasi_light_outcome_t raw_link(raw_t *raw, const wasi_light_extern_t *externs, size_t count) {
  wasm_extern_vec_t imports;
  wasi_light_error_t error;
  wasm_trap_t *trap = NULL;
  if (!wasi_light_generate_import_object(raw->env, raw->store, raw->module, externs, count, &imports, &error)) {
    fail_msg("%s", error.message);
  }
  raw->instance = wasm_instance_new(raw->store, raw->module, &imports, &trap);
  wasm_extern_vec_delete(&imports);
  if (raw->instance) {
    wasm_instance_exports(raw->instance, &raw->exports);
    wasi_light_env_bind_instance(raw->env, raw->module, raw->instance);
  }
  return wasi_light_env_outcome(raw->env, trap);
}

wasi_light_error_t raw_no_link(raw_t *raw, const wasi_light_extern_t *externs, size_t count) {
  wasm_extern_vec_t imports = {77, NULL};
  wasi_light_error_t error = {.code = WASI_LIGHT_ERROR_OK};
  assert_false(wasi_light_generate_import_object(raw->env, raw->store, raw->module, externs, count, &imports, &error));
  assert_int_equal(imports.size, 0);
  wasm_extern_vec_delete(&imports);
  ASSERT_ERROR(error, LINK, "");
  return error;
}

wasm_extern_t *raw_export(const raw_t *raw, const char *name) {
  return find_export(raw->module, &raw->exports, name);
}

static wasi_light_outcome_t call_raw(raw_t *raw, const char *name, const wasm_val_t *args, size_t count,
                                     wasm_val_t *result) {
  wasm_func_t *func = wasm_extern_as_func(raw_export(raw, name));
  wasm_val_vec_t arg_vec = {count, (wasm_val_t *)args};
  wasm_val_vec_t result_vec = {wasm_func_result_arity(func), result};
  return wasi_light_env_outcome(raw->env, wasm_func_call(func, &arg_vec, &result_vec));
}

wasi_light_outcome_t raw_try(raw_t *raw, const char *name, const wasm_val_t *args, size_t count) {
  wasm_val_t result = I32(0);
  return call_raw(raw, name, args, count, &result);
}

wasm_val_t raw_call(raw_t *raw, const char *name, const wasm_val_t *args, size_t count) {
  wasm_val_t result = I32(0);
  wasi_light_outcome_t outcome = call_raw(raw, name, args, count, &result);
  if (outcome.kind != WASI_LIGHT_RETURNED) fail_msg("%s: %s", name, outcome.message);
  return result;
}

static wasm_trap_t *on_number(void *env, const wasm_val_vec_t *args, wasm_val_vec_t *results) {
  (void)args;
  results->data[0] = I32(*(const int32_t *)env);
  return NULL;
}

wasm_func_t *raw_number(raw_t *raw, const int32_t *number) {
  wasm_functype_t *type = wasm_functype_new_0_1(wasm_valtype_new_i32());
  wasm_func_t *func = wasm_func_new_with_env(raw->store, type, on_number, (void *)number, NULL);
  assert_non_null(func);
  wasm_functype_delete(type);
  return func;
}

wasm_memory_t *raw_memory(raw_t *raw, uint32_t min, uint32_t max) {
  wasm_memorytype_t *type = wasm_memorytype_new((const wasm_limits_t[]){{min, max}});
  wasm_memory_t *memory = wasm_memory_new(raw->store, type);
  assert_non_null(memory);
  wasm_memorytype_delete(type);
  return memory;
}
