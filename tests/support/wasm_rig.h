/* SPDX-License-Identifier: MIT */
/*
 * Guests on the engine: WebAssembly text to a module, an instance and a call in a line each, by way of modules and
 * instances (rig_*) or of the raw import object (raw_*). What a test does not expect to fail fails the test.
 */
#ifndef WASM_RIG_H
#define WASM_RIG_H

#include "core_guest.h" /* cmocka, and CORE_RUN */
#include "wasi_light_wasm.h"

/* Whether this is built with AddressSanitizer. */
#if defined(__SANITIZE_ADDRESS__)
#define RIG_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RIG_ASAN 1
#endif
#endif
#ifndef RIG_ASAN
#define RIG_ASAN 0
#endif

/* ---- Values and texts ---- */

#define I32(value) ((wasm_val_t)WASM_I32_VAL(value))
#define I64(value) ((wasm_val_t)WASM_I64_VAL(value))
#define F32(value) ((wasm_val_t)WASM_F32_VAL(value))
#define F64(value) ((wasm_val_t)WASM_F64_VAL(value))

/* The arguments of a call, or several results: an array and its length. */
#define ARGS(...) (const wasm_val_t[]){__VA_ARGS__}, sizeof((const wasm_val_t[]){__VA_ARGS__}) / sizeof(wasm_val_t)
#define NO_ARGS NULL, 0
#define COUNT(array) (sizeof(array) / sizeof *(array))

#define ASSERT_CONTAINS(text, part) rig_assert_contains(text, part, true, __FILE__, __LINE__)
#define ASSERT_CONTAINS_NOT(text, part) rig_assert_contains(text, part, false, __FILE__, __LINE__)
void rig_assert_contains(const char *text, const char *part, bool contains, const char *file, int line);

/* An error of this code, with this in its message. */
#define ASSERT_ERROR(error, name, part) rig_assert_error(&(error), WASI_LIGHT_ERROR_##name, part, __FILE__, __LINE__)
void rig_assert_error(const wasi_light_error_t *error, int code, const char *part, const char *file, int line);

/* An outcome of this kind, with this in its message; EXITED and its code. */
#define ASSERT_OUTCOME(outcome, name, part) \
  rig_assert_outcome((const wasi_light_outcome_t[]){outcome}, WASI_LIGHT_##name, 0, part, __FILE__, __LINE__)
#define ASSERT_EXITED(outcome, code) \
  rig_assert_outcome((const wasi_light_outcome_t[]){outcome}, WASI_LIGHT_EXITED, code, "", __FILE__, __LINE__)
void rig_assert_outcome(const wasi_light_outcome_t *outcome, wasi_light_outcome_kind_t kind, uint32_t code,
                        const char *part, const char *file, int line);

/* A module's bytes in a block of exactly their size, so that AddressSanitizer sees what reads past them. */
typedef struct rig_bytes_t {
  uint8_t *data;
  size_t size;
} rig_bytes_t;
rig_bytes_t rig_assemble(const char *wat);
/* A file of guests/built; one that is not there has no data. */
rig_bytes_t rig_guest(const char *name);
void rig_bytes_end(rig_bytes_t *bytes);

/* ---- Modules and instances ---- */

/* One for the whole program. To be asked for in each test that runs guests: it also puts signal handlers in order. */
wasm_engine_t *rig_engine(void);

/* NULL options: WASI_LIGHT_OPTIONS_INIT. */
wasi_light_config_t *rig_config(const wasi_light_options_t *options);
wasi_light_module_t *rig_module(const char *wat, const wasi_light_linker_t *linker);
/* One that must not be made. */
wasi_light_error_t rig_no_module(const char *wat, const wasi_light_linker_t *linker);
/* A linker with functions of `env`, each row with its callback and data. */
typedef struct rig_func_t {
  const char *name, *signature;
  wasi_light_callback_t callback;
  void *data;
} rig_func_t;
wasi_light_linker_t *rig_linker(const rig_func_t *funcs, size_t count);

typedef struct rig_t {
  wasi_light_config_t *config;
  wasi_light_module_t *module;
  wasi_light_instance_t *instance;
} rig_t;

/* An instance of its own module, which has the host functions. */
void rig_start(rig_t *rig, const char *wat, const rig_func_t *funcs, size_t count);
/* The same of a module that is taken over. */
void rig_start_module(rig_t *rig, wasi_light_module_t *module, const wasi_light_options_t *options, void *host);
void rig_end(rig_t *rig);

/* Calls an export that must return; its one result, if it has any. */
wasm_val_t rig_call(rig_t *rig, const char *name, const wasm_val_t *args, size_t count);
/* Calls an export with at most one result, whatever the outcome. */
wasi_light_outcome_t rig_try(rig_t *rig, const char *name, const wasm_val_t *args, size_t count);
/* The value of an exported global, which can be read whatever has become of the guest. */
wasm_val_t rig_global(const rig_t *rig, const char *name);
/* An instance that must not be made. */
wasi_light_error_t rig_no_instance(const char *wat, const rig_func_t *funcs, size_t count);

/* ---- The raw import object ---- */

typedef struct raw_t {
  wasm_store_t *store;
  wasm_module_t *module;
  wasi_light_config_t *config;
  wasi_light_env_t *env;
  wasm_instance_t *instance;
  wasm_extern_vec_t exports;
} raw_t;

/* All but the instance. */
void raw_start(raw_t *raw, const char *wat);
void raw_start_with(raw_t *raw, const char *wat, const wasi_light_options_t *options);
void raw_end(raw_t *raw);

/* Generates the imports, instantiates, binds the instance. An outcome other than RETURNED is the start section's. */
wasi_light_outcome_t raw_link(raw_t *raw, const wasi_light_extern_t *externs, size_t count);
/* Generates imports, which must fail, leave `imports` empty and say LINK. */
wasi_light_error_t raw_no_link(raw_t *raw, const wasi_light_extern_t *externs, size_t count);

wasm_extern_t *raw_export(const raw_t *raw, const char *name);
wasi_light_outcome_t raw_try(raw_t *raw, const char *name, const wasm_val_t *args, size_t count);
wasm_val_t raw_call(raw_t *raw, const char *name, const wasm_val_t *args, size_t count);

/* A function () -> (i32) of the raw's store that returns a number: what `env` points to. */
wasm_func_t *raw_number(raw_t *raw, const int32_t *number);
wasm_memory_t *raw_memory(raw_t *raw, uint32_t min, uint32_t max);

#endif
