/* SPDX-License-Identifier: MIT */
/* What the adapter's files share. Of the library, only files of this folder know wasm.h, and only
 * wasmer.c knows wasmer.h. */
#ifndef WASI_LIGHT_ADAPTER_H
#define WASI_LIGHT_ADAPTER_H

#include "../core/env.h"
#include "scan.h"
#include "wasi_light_wasm.h"

#define own /* the notation of wasm.h */

/* ---- types.c: value kinds, types as text, import matching ---- */

enum { WASI_LIGHT__TYPE_TEXT = 160, WASI_LIGHT__NAME_TEXT = 160 };

const char *wasi_light__kind_name(wasm_valkind_t kind);

/* "module.name", with control characters masked and long names cut; `module` may be empty. */
void wasi_light__name_text(char *bytes, size_t size, wasi_light__slice_t module, wasi_light__slice_t name);
wasi_light__slice_t wasi_light__slice_of(const wasm_name_t *name);
wasi_light__slice_t wasi_light__slice_of_text(const char *text);
bool wasi_light__same(wasi_light__slice_t a, wasi_light__slice_t b);
bool wasi_light__begins_with(wasi_light__slice_t name, const char *prefix);

/* "function (i32, i64) -> (i32)", "memory {min 1, max 2}" ... */
void wasi_light__type_text(char *bytes, size_t size, const wasm_externtype_t *type);
/* The same for a signature like "(iI)i". */
void wasi_light__signature_text(char *bytes, size_t size, const char *signature);
/* Whether a function type is the one of a signature. */
bool wasi_light__has_signature(const wasm_functype_t *type, const char *signature);
/* Whether what is given can be imported as what is wanted (core specification, section 4.5.3). */
bool wasi_light__matches(const wasm_externtype_t *given, const wasm_externtype_t *wanted);
bool wasi_light__is_signature(const char *signature);

/* ---- callbacks.c: the 46 functions as wasm.h callbacks ---- */

/* Arguments as 64-bit words, an i32 in the lower half of one. */
typedef own wasm_trap_t *(*wasi_light__raw_callback_t)(void *env, const uint64_t *args, uint64_t *result);

/* One function; its env is the wasi_light_env_t. */
typedef struct wasi_light__callbacks_t {
  wasm_func_callback_with_env_t with_vals;
  wasi_light__raw_callback_t raw;
} wasi_light__callbacks_t;

typedef struct wasi_light__binding_t {
  const char *signature;
  const wasi_light__callbacks_t *callbacks;
} wasi_light__binding_t;

/* The function in a store, by the fastest way that the engine has. */
own wasm_func_t *wasi_light__wasi_function(wasi_light_env_t *env, wasm_store_t *store, const wasm_functype_t *type,
                                           const wasi_light__callbacks_t *functions);

/* The WASI function of that name; false if there is none. */
bool wasi_light__binding(wasi_light__slice_t module, wasi_light__slice_t name, wasi_light__binding_t *binding);

/* Traps in the env's store. The first says that the guest has exited. */
own wasm_trap_t *wasi_light__exit_trap(wasi_light_env_t *env);
own wasm_trap_t *wasi_light__text_trap(wasm_store_t *store, const char *text);

/* ---- problems.c: one error that lists every import that cannot be satisfied ---- */

typedef struct wasi_light__problems_t {
  char text[sizeof(((wasi_light_error_t *)0)->message)];
  size_t used;
  uint32_t count;
  uint32_t hidden; /* did not fit */
} wasi_light__problems_t;

void wasi_light__problem(wasi_light__problems_t *problems, const wasm_importtype_t *import, const char *given);
/* True if there are none; else fills the error. */
bool wasi_light__no_problems(wasi_light__problems_t *problems, wasi_light_error_t *error);

/* What is said of an import for which the engine makes nothing. */
void wasi_light__fail_import(wasi_light_error_t *error, const wasm_importtype_t *import);

/* Whether the import is a WASI function of the right type; else notes the problem. */
bool wasi_light__wasi_binding(const wasm_importtype_t *import, wasi_light__binding_t *binding,
                              wasi_light__problems_t *problems);

/* ---- check.c ---- */

/* The limits, or the defaults for NULL; false for a struct of another version. */
bool wasi_light__take_limits(const wasi_light_limits_t **limits, wasi_light_error_t *error);
/* Scans and checks: see wasi_light_check_module. The scan is to be freed in either case. */
bool wasi_light__scan_checked(wasi_light__scan_t *scan, const void *bytes, size_t size,
                              const wasi_light_limits_t *limits, wasi_light_error_t *error);

/* ---- linker.c ---- */

typedef struct wasi_light__definition_t {
  char *module; /* one allocation: module, name and signature, each with its NUL */
  char *name;
  char *signature; /* NULL: a memory */
  wasi_light_callback_t callback;
  void *data;
} wasi_light__definition_t;

struct wasi_light_linker_t {
  wasi_light_unknown_t unknown;
  wasi_light__definition_t *definitions;
  size_t count;
  size_t room;
};

const wasi_light__definition_t *wasi_light__definition(const wasi_light_linker_t *linker, wasi_light__slice_t module,
                                                       wasi_light__slice_t name);

/* ---- module.c: the link plan ---- */

/* One import: a WASI function (callbacks set), a host function (host set) or a memory (neither). */
typedef struct wasi_light__import_t {
  const wasm_functype_t *type; /* NULL: a memory */
  const wasm_memorytype_t *memory_type;
  size_t same_as; /* a memory that an earlier import names too; SIZE_MAX: none */
  const wasi_light__callbacks_t *callbacks;
  wasi_light_callback_t host;
  void *data;
} wasi_light__import_t;

struct wasi_light_func_t {
  const wasm_name_t *name;
  const wasm_functype_t *type;
  size_t index; /* among all exports */
};

/* A mutable global that the rewriter made reachable. */
typedef struct wasi_light__global_t {
  size_t index; /* among all exports */
  wasm_valkind_t kind;
} wasi_light__global_t;

struct wasi_light_module_t {
  atomic_size_t references;
  wasm_engine_t *engine;
  wasm_engine_t *own_engine; /* the same if the module is metered, else NULL */
  uint64_t points_per_call;  /* 0: it is not metered */
  uint32_t nested_calls;     /* most that may be in an instance; 0: no limit */
  wasm_module_t *wasm;
  wasm_importtype_vec_t import_types;
  wasm_exporttype_vec_t export_types;
  wasi_light__import_t *imports; /* one for each of import_types */
  size_t host_count;             /* how many of them are host functions */
  wasi_light_func_t *funcs;      /* the exported functions */
  size_t func_count;
  size_t memory_export; /* SIZE_MAX: none */
  const wasi_light_func_t *start, *initialize;
  wasi_light_func_t start_section; /* what the rewriter made of it; name NULL: none */
  wasi_light__global_t *globals;   /* all that a call can change, if recyclable */
  size_t global_count;
  bool recyclable;
};

/* ---- metering.c: points, which are what a call may run ---- */

typedef struct wasi_light__points_t {
  uint64_t per_call; /* 0: the module is not metered */
  uint64_t used;     /* by the calls that have ended */
  uint64_t of_call;  /* what the outermost call began with */
  uint32_t entered;  /* calls that are in the instance */
  bool ran_out;      /* in the outermost call, or in one inside it */
} wasi_light__points_t;

/* Around each call into an instance of a metered module. The second makes the outcome: LIMIT if points ran out. */
void wasi_light__points_begin(wasi_light_instance_t *instance);
wasi_light_outcome_t wasi_light__points_end(wasi_light_instance_t *instance, own wasm_trap_t *trap);

/* ---- instance.c ---- */

struct wasi_light_instance_t {
  wasi_light_module_t *module;
  wasi_light_env_t *env;
  wasm_store_t *store;
  wasm_instance_t *wasm;
  wasm_extern_vec_t exports; /* as module->export_types */
  uint32_t depth;            /* of calls that are in it */
  wasi_light__points_t points;
  struct wasi_light__member_t *member; /* what its pool knows of it; NULL: it is of no pool */
  struct wasi_light__slot_t *slots;    /* one for each host function that the module imports */
};

/* The error for a guest that did not get through what the library ran in it; `where` says what that was. */
void wasi_light__fail_outcome(wasi_light_error_t *error, const char *where, const wasi_light_outcome_t *outcome);

/* ---- pool.c ---- */

/* For tests: whether the memory, its size and the globals of a pool's instance are those of its snapshot. */
bool wasi_light__pool_is_pristine(const wasi_light_instance_t *instance);

/* ---- wasmer.c: what wasm.h does not have ---- */

const char *wasi_light__engine_version(void);

/* A memory's base and size as they are now. */
wasi_light_view_t wasi_light__memory_view(const wasm_memory_t *memory);

/* A function that is called without converting arguments; NULL if the engine has no such functions. */
own wasm_func_t *wasi_light__new_raw_func(wasm_store_t *store, const wasm_functype_t *type,
                                          wasi_light__raw_callback_t callback, void *env);

/* The engine's message for the call that just failed on this thread, or `otherwise` if there is none. */
void wasi_light__engine_message(char *text, size_t size, const char *otherwise);

/* What metering exports from a module begins with this. */
#define WASI_LIGHT__METERING_PREFIX "wasmer_metering_"
/* Changes when the cost of an instruction changes: part of the key of compiled modules. */
enum { WASI_LIGHT__METERING_VERSION = 1 };

/* An engine that compiles one module, whose instances begin with no points; a second module would abort the process. */
own wasm_engine_t *wasi_light__metering_engine(void);
/* Of an instance of such a module. What is left is UINT64_MAX if points ran out since they were set. */
void wasi_light__set_points_left(wasm_instance_t *instance, uint64_t points);
uint64_t wasi_light__points_left(wasm_instance_t *instance);

#endif
