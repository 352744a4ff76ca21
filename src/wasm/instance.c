/* SPDX-License-Identifier: MIT */
/* An instance: a store, an environment and the engine's instance, made after the module's plan; and calls into it. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "adapter.h"

/* What a host function's callback is given: whose import it is. */
typedef struct wasi_light__slot_t {
  wasi_light_instance_t *instance;
  const wasi_light__import_t *import;
} slot_t;

/* ---- Host functions ---- */

enum { RAW_PARAMS_MAX = 9 };

/* An exited guest gets nowhere, also if a call that the host's function made has exited. */
static own wasm_trap_t *call_host(const slot_t *slot, const wasm_val_t *args, wasm_val_t *results) {
  wasi_light_env_t *env = slot->instance->env;
  if (env->state.exited) return wasi_light__exit_trap(env);
  wasm_trap_t *trap = slot->import->host(slot->instance, slot->import->data, args, results);
  return !trap && env->state.exited ? wasi_light__exit_trap(env) : trap;
}

static own wasm_trap_t *on_host_function(void *data, const wasm_val_vec_t *args, wasm_val_vec_t *results) {
  const slot_t *slot = data;
  const wasm_valtype_vec_t *types = wasm_functype_results(slot->import->type);
  for (size_t i = 0; i < results->size; i++) {
    results->data[i].kind = wasm_valtype_kind(types->data[i]);
    results->data[i].of.i64 = 0;
  }
  return call_host(slot, args->data, results->data);
}

/* The same, from an engine that does not convert arguments: they are words here, and made into values. */
static own wasm_trap_t *on_raw_host_function(void *data, const uint64_t *args, uint64_t *result) {
  const slot_t *slot = data;
  const wasm_valtype_vec_t *params = wasm_functype_params(slot->import->type);
  wasm_val_t vals[RAW_PARAMS_MAX];
  wasm_val_t results[1] = {{.kind = WASM_I32, .of = {.i64 = 0}}};
  for (size_t i = 0; i < params->size; i++) {
    vals[i] = (wasm_val_t){.kind = wasm_valtype_kind(params->data[i])};
    if (vals[i].kind == WASM_I32) vals[i].of.i32 = (int32_t)args[i];
    else vals[i].of.i64 = (int64_t)args[i];
  }
  wasm_trap_t *trap = call_host(slot, vals, results);
  *result = (uint32_t)results[0].of.i32;
  return trap;
}

own wasm_trap_t *wasi_light_trap(wasi_light_instance_t *instance, const char *format, ...) {
  char text[1024];
  va_list list;
  va_start(list, format);
  wasi_light__format_list(text, sizeof text, format, list);
  va_end(list);
  return wasi_light__text_trap(instance->store, text);
}

/* ---- Making one ---- */

/* What is made for the imports, until the engine has taken it. */
typedef struct import_list_t {
  size_t count;
  wasm_func_t **funcs;      /* own; NULL where the import is a memory */
  wasm_memory_t **memories; /* own; NULL where it is a function */
  wasm_extern_t **externs;  /* borrowed from the above */
} import_list_t;

static bool new_import_list(import_list_t *list, size_t count) {
  void **block = calloc(3 * count + 1, sizeof *block);
  if (!block) return false;
  *list = (import_list_t){count, (wasm_func_t **)block, (wasm_memory_t **)(block + count),
                          (wasm_extern_t **)(block + 2 * count)};
  /* cppcheck-suppress memleak ; it is list->funcs */
  return true;
}

static void delete_import_list(import_list_t *list) {
  for (size_t i = 0; i < list->count; i++) {
    if (list->funcs[i]) wasm_func_delete(list->funcs[i]);
    if (list->memories[i]) wasm_memory_delete(list->memories[i]);
  }
  free((void *)list->funcs);
}

/* Raw functions are for the types of preview 1, whose only result is an i32. */
static own wasm_func_t *new_host_function(slot_t *slot) {
  wasm_store_t *store = slot->instance->store;
  const wasm_functype_t *type = slot->import->type;
  bool may_be_raw = wasm_functype_params(type)->size <= RAW_PARAMS_MAX;
  wasm_func_t *func = may_be_raw ? wasi_light__new_raw_func(store, type, on_raw_host_function, slot) : NULL;
  return func ? func : wasm_func_new_with_env(store, type, on_host_function, slot, NULL);
}

/* How many of them were made: all, or the one behind could not be. */
static size_t make_imports(wasi_light_instance_t *instance, import_list_t *list) {
  slot_t *slot = instance->slots;
  for (size_t i = 0; i < list->count; i++) {
    const wasi_light__import_t *import = &instance->module->imports[i];
    if (import->same_as != SIZE_MAX) {
      list->externs[i] = list->externs[import->same_as];
      continue;
    }
    if (import->memory_type) {
      list->memories[i] = wasm_memory_new(instance->store, import->memory_type);
      if (!list->memories[i]) return i;
      list->externs[i] = wasm_memory_as_extern(list->memories[i]);
      if (!instance->env->view_of) wasi_light_env_bind_memory(instance->env, list->memories[i]);
      continue;
    }
    if (import->host) {
      *slot = (slot_t){instance, import};
      list->funcs[i] = new_host_function(slot++);
    } else {
      list->funcs[i] = wasi_light__wasi_function(instance->env, instance->store, import->type, import->callbacks);
    }
    if (!list->funcs[i]) return i;
    list->externs[i] = wasm_func_as_extern(list->funcs[i]);
  }
  return list->count;
}

void wasi_light__fail_outcome(wasi_light_error_t *error, const char *where, const wasi_light_outcome_t *outcome) {
  wasi_light_error_code_t code = outcome->kind == WASI_LIGHT_EXITED      ? WASI_LIGHT_ERROR_EXIT
                                 : outcome->kind == WASI_LIGHT_NO_MEMORY ? WASI_LIGHT_ERROR_NO_MEMORY
                                 : outcome->kind == WASI_LIGHT_LIMIT     ? WASI_LIGHT_ERROR_LIMIT
                                 : outcome->kind == WASI_LIGHT_DIVERGED  ? WASI_LIGHT_ERROR_DIVERGED
                                 : outcome->kind == WASI_LIGHT_RAISED    ? WASI_LIGHT_ERROR_RAISED
                                                                         : WASI_LIGHT_ERROR_TRAP;
  wasi_light__fail(error, code, "%s: %s", where, outcome->message);
  if (!error) return;
  error->exit_code = outcome->exit_code;
  error->signal = outcome->signal;
}

static bool instantiate(wasi_light_instance_t *instance, wasi_light_error_t *error) {
  import_list_t list;
  wasm_trap_t *trap = NULL;
  char message[2048];
  size_t count = instance->module->import_types.size;
  if (!new_import_list(&list, count)) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_OUT_OF_MEMORY, "no memory for the imports of an instance");
    return false;
  }
  size_t made = make_imports(instance, &list);
  if (made == count) {
    wasm_extern_vec_t imports = {count, list.externs};
    instance->wasm = wasm_instance_new(instance->store, instance->module->wasm, &imports, &trap);
  }
  delete_import_list(&list);
  if (made < count) {
    wasi_light__fail_import(error, instance->module->import_types.data[made]);
    return false;
  }
  if (trap) { /* a segment that does not fit: the start section has become an export */
    wasi_light_outcome_t outcome = wasi_light_env_outcome(instance->env, trap);
    wasi_light__fail_outcome(error, "instantiation", &outcome);
    return false;
  }
  if (!instance->wasm) {
    wasi_light__engine_message(message, sizeof message, "the engine gave no instance and no reason");
    wasi_light__fail(error, WASI_LIGHT_ERROR_INSTANTIATE, "%s", message);
    return false;
  }
  return true;
}

static bool bind_exports(wasi_light_instance_t *instance, wasi_light_error_t *error) {
  const wasi_light_module_t *module = instance->module;
  wasm_instance_exports(instance->wasm, &instance->exports);
  if (instance->exports.size != module->export_types.size) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_INSTANTIATE, "the engine gave %zu exports for a module that has %zu",
                     instance->exports.size, module->export_types.size);
    return false;
  }
  if (module->memory_export != SIZE_MAX) {
    wasi_light_env_bind_memory(instance->env, wasm_extern_as_memory(instance->exports.data[module->memory_export]));
  }
  return true;
}

static wasi_light_outcome_t enter(wasi_light_instance_t *instance, const wasi_light_func_t *func,
                                  const wasm_val_vec_t *args, wasm_val_vec_t *results) {
  bool metered = instance->points.per_call > 0;
  instance->depth++;
  if (metered) wasi_light__points_begin(instance);
  wasm_trap_t *trap = wasm_func_call(wasm_extern_as_func(instance->exports.data[func->index]), args, results);
  instance->depth--;
  return metered ? wasi_light__points_end(instance, trap) : wasi_light_env_outcome(instance->env, trap);
}

/* Runs a function () -> () that belongs to the start-up. */
static bool start_up(wasi_light_instance_t *instance, const wasi_light_func_t *func, const char *where,
                     wasi_light_error_t *error) {
  static const wasm_val_vec_t no_args = WASM_EMPTY_VEC;
  wasm_val_vec_t no_results = WASM_EMPTY_VEC;
  wasi_light_outcome_t outcome = enter(instance, func, &no_args, &no_results);
  if (outcome.kind != WASI_LIGHT_RETURNED) wasi_light__fail_outcome(error, where, &outcome);
  return outcome.kind == WASI_LIGHT_RETURNED;
}

static bool initialize(wasi_light_instance_t *instance, wasi_light_error_t *error) {
  const wasi_light_module_t *module = instance->module;
  return (!module->start_section.name || start_up(instance, &module->start_section, "the start section", error)) &&
         (!module->initialize || start_up(instance, module->initialize, "_initialize", error));
}

static bool fill(wasi_light_instance_t *instance, wasi_light_config_t *config, void *host, wasi_light_error_t *error) {
  instance->env = wasi_light_env_new(config, host, error);
  if (!instance->env) return false;
  instance->store = wasm_store_new(instance->module->engine);
  if (!instance->store) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_OUT_OF_MEMORY, "the engine made no store");
    return false;
  }
  instance->env->store = instance->store;
  return instantiate(instance, error) && bind_exports(instance, error) && initialize(instance, error);
}

own wasi_light_instance_t *wasi_light_instance_new(wasi_light_module_t *module, wasi_light_config_t *config, void *host,
                                                   wasi_light_error_t *error) {
  if (!module) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT, "module is NULL");
    return NULL;
  }
  wasi_light_instance_t *instance = calloc(1, sizeof *instance + module->host_count * sizeof(slot_t));
  if (instance) instance->slots = (slot_t *)(instance + 1);
  if (!instance) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_OUT_OF_MEMORY, "no memory for an instance");
    return NULL;
  }
  instance->module = wasi_light_module_copy(module);
  instance->points.per_call = module->points_per_call;
  if (fill(instance, config, host, error)) return instance;
  wasi_light_instance_delete(instance);
  return NULL;
}

void wasi_light_instance_delete(own wasi_light_instance_t *instance) {
  if (!instance) return;
  if (instance->wasm) {
    wasm_extern_vec_delete(&instance->exports);
    wasm_instance_delete(instance->wasm);
  }
  wasi_light_env_delete(instance->env);
  if (instance->store) wasm_store_delete(instance->store);
  wasi_light_module_delete(instance->module);
  free(instance);
}

/* ---- Calls ---- */

static wasi_light_outcome_t refused(const char *format, ...) __attribute__((format(printf, 1, 2)));
static wasi_light_outcome_t refused(const char *format, ...) {
  wasi_light_outcome_t outcome;
  va_list list;
  outcome.kind = WASI_LIGHT_REFUSED;
  outcome.exit_code = 0;
  outcome.signal = 0;
  va_start(list, format);
  wasi_light__format_list(outcome.message, sizeof outcome.message, format, list);
  va_end(list);
  return outcome;
}

/* The first argument that is not of its parameter's kind, or `count`. */
static size_t wrong_argument(const wasm_valtype_vec_t *params, const wasm_val_t *args, size_t count) {
  size_t i = 0;
  while (i < count && args[i].kind == wasm_valtype_kind(params->data[i])) i++;
  return i;
}

static bool belongs(const wasi_light_instance_t *instance, const wasi_light_func_t *func) {
  const wasi_light_module_t *module = instance->module;
  for (size_t i = 0; i < module->func_count; i++) {
    if (func == &module->funcs[i]) return true;
  }
  return false;
}

/* Why the call cannot be made; only called when it cannot. */
static wasi_light_outcome_t refusal(const wasi_light_instance_t *instance, const wasi_light_func_t *func,
                                    const wasm_val_t *args, size_t arg_count, size_t result_count) {
  char name[WASI_LIGHT__NAME_TEXT];
  if (instance->env->in_callback) return refused("a stream callback must not call into its instance");
  if (!func || !belongs(instance, func)) return refused("func is not a function of this instance's module");
  if (func == instance->module->initialize) return refused("_initialize ran when the instance was made, and runs once");
  const wasm_valtype_vec_t *params = wasm_functype_params(func->type);
  size_t results = wasm_functype_results(func->type)->size;
  wasi_light__name_text(name, sizeof name, (wasi_light__slice_t){NULL, 0}, wasi_light__slice_of(func->name));
  if (arg_count != params->size) return refused("%s takes %zu arguments, given %zu", name, params->size, arg_count);
  if (result_count != results) return refused("%s gives %zu results, room for %zu", name, results, result_count);
  size_t wrong = wrong_argument(params, args, arg_count);
  if (wrong == arg_count) return refused("%s cannot be called", name);
  return refused("%s: argument %zu is of type %s, given %s", name, wrong + 1,
                 wasi_light__kind_name(wasm_valtype_kind(params->data[wrong])),
                 wasi_light__kind_name(args[wrong].kind));
}

static bool may_call(const wasi_light_instance_t *instance, const wasi_light_func_t *func, const wasm_val_t *args,
                     size_t arg_count, size_t result_count) {
  const wasi_light_module_t *module = instance->module;
  if (instance->env->in_callback || !func || func == module->initialize || func < module->funcs ||
      func >= module->funcs + module->func_count) {
    return false;
  }
  const wasm_valtype_vec_t *params = wasm_functype_params(func->type);
  return arg_count == params->size && result_count == wasm_functype_results(func->type)->size &&
         wrong_argument(params, args, arg_count) == arg_count;
}

/* Each call within another takes some of the host's stack. */
static bool is_full(const wasi_light_instance_t *instance) {
  uint32_t most = instance->module->nested_calls;
  return most > 0 && instance->depth >= most;
}

static wasi_light_outcome_t too_many_calls(const wasi_light_instance_t *instance) {
  wasi_light_outcome_t outcome =
      refused("%u calls are in the instance already, one within the other", (unsigned)instance->depth);
  outcome.kind = WASI_LIGHT_LIMIT;
  return outcome;
}

wasi_light_outcome_t wasi_light_call(wasi_light_instance_t *instance, const wasi_light_func_t *func,
                                     const wasm_val_t *args, size_t arg_count, wasm_val_t *results,
                                     size_t result_count) {
  wasm_val_vec_t arg_vec = {arg_count, (wasm_val_t *)args}; /* borrowed, and not written */
  wasm_val_vec_t result_vec = {result_count, results};
  if (!may_call(instance, func, args, arg_count, result_count)) {
    return refusal(instance, func, args, arg_count, result_count);
  }
  if (instance->env->state.exited) return wasi_light_env_outcome(instance->env, NULL);
  if (is_full(instance)) return too_many_calls(instance);
  return enter(instance, func, &arg_vec, &result_vec);
}

wasi_light_outcome_t wasi_light_call_name(wasi_light_instance_t *instance, const char *name, const wasm_val_t *args,
                                          size_t arg_count, wasm_val_t *results, size_t result_count) {
  const wasi_light_func_t *func = wasi_light_module_func(instance->module, name);
  if (!func) return refused("the module exports no function \"%s\"", name);
  return wasi_light_call(instance, func, args, arg_count, results, result_count);
}

/* ---- Memory ---- */

uint8_t *wasi_light_memory(wasi_light_instance_t *instance, uint32_t offset, uint64_t length) {
  p1_mem_t mem;
  if (wasi_light__memory(instance->env, &mem) || offset > mem.size || !p1_mem_has(mem, offset, length)) return NULL;
  return p1_at(mem, offset);
}

size_t wasi_light_string_out(wasi_light_instance_t *instance, uint32_t offset, char *text, size_t size) {
  p1_mem_t mem;
  if (size > 0) text[0] = '\0';
  if (wasi_light__memory(instance->env, &mem) || !p1_mem_has(mem, offset, 1)) return SIZE_MAX;
  const uint8_t *start = p1_at(mem, offset);
  const uint8_t *nul = memchr(start, 0, (size_t)(mem.size - offset));
  if (!nul) return SIZE_MAX;
  size_t length = (size_t)(nul - start);
  if (size > 0) {
    size_t kept = length < size ? length : size - 1;
    memcpy(text, start, kept);
    text[kept] = '\0';
  }
  return length;
}

static uint32_t fail_string(wasi_light_error_t *error, wasi_light_error_code_t code, const char *message) {
  wasi_light__fail(error, code, "%s", message);
  return 0;
}

static uint32_t fail_allocation(wasi_light_error_t *error, const wasi_light_outcome_t *outcome) {
  if (outcome->kind == WASI_LIGHT_REFUSED) return fail_string(error, WASI_LIGHT_ERROR_ARGUMENT, outcome->message);
  wasi_light__fail_outcome(error, "the guest's allocator", outcome);
  return 0;
}

uint32_t wasi_light_string_in(wasi_light_instance_t *instance, const wasi_light_func_t *allocate, const char *bytes,
                              size_t length, wasi_light_error_t *error) {
  wasm_val_t result = {.kind = WASM_I32, .of = {.i32 = 0}};
  if (length >= INT32_MAX) return fail_string(error, WASI_LIGHT_ERROR_ARGUMENT, "the string is 2 GiB or more");
  wasm_val_t size = {.kind = WASM_I32, .of = {.i32 = (int32_t)length + 1}};
  if (!allocate || !wasi_light__has_signature(allocate->type, "(i)i")) {
    return fail_string(error, WASI_LIGHT_ERROR_ARGUMENT, "allocate is not a function (i32) -> (i32)");
  }
  wasi_light_outcome_t outcome = wasi_light_call(instance, allocate, &size, 1, &result, 1);
  if (outcome.kind != WASI_LIGHT_RETURNED) return fail_allocation(error, &outcome);
  uint32_t offset = (uint32_t)result.of.i32;
  uint8_t *memory = offset == 0 ? NULL : wasi_light_memory(instance, offset, (uint64_t)length + 1);
  if (!memory) {
    return fail_string(error, WASI_LIGHT_ERROR_OUT_OF_MEMORY, "the guest's allocator gave no memory for the string");
  }
  if (length > 0) memcpy(memory, bytes, length);
  memory[length] = 0;
  return offset;
}

/* ---- Parts ---- */

void *wasi_light_instance_host(const wasi_light_instance_t *instance) {
  return wasi_light_env_host(instance->env);
}

wasi_light_env_t *wasi_light_instance_env(const wasi_light_instance_t *instance) {
  return instance->env;
}

wasi_light_module_t *wasi_light_instance_module(const wasi_light_instance_t *instance) {
  return instance->module;
}

wasm_store_t *wasi_light_instance_store(const wasi_light_instance_t *instance) {
  return instance->store;
}

wasm_instance_t *wasi_light_instance_wasm(const wasi_light_instance_t *instance) {
  return instance->wasm;
}
