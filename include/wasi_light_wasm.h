/* SPDX-License-Identifier: MIT */
/*
 * wasi_light_wasm.h - wasi-light on the WebAssembly C API (`wasm.h`), as Wasmer provides it.
 *
 * Two ways in. With modules and instances (further down) a host function is a callback, registered once,
 * and everything else is done here. With the import object (first) the host does its own linking.
 *
 * Ownership: as in wasm.h, `own` marks what passes from hand to hand; the rest is borrowed.
 * Threads: an engine, a linker that is no longer changed and a module may be used by any number of
 * threads at once. A store, an environment and an instance by one thread at a time.
 */
#ifndef WASI_LIGHT_WASM_H
#define WASI_LIGHT_WASM_H

#include <wasm.h>

#include "wasi_light.h"

#ifdef __cplusplus
extern "C" {
#endif

#define own /* as in wasm.h, which takes its own back at its end, as this file does */

/* ---- The import object, for hosts that do their own linking ---------------------------------------- */

/* Something the host gives to a module: what it imports as `module`.`name`. The extern is of the same store. */
typedef struct wasi_light_extern_t {
  const char *module;
  const char *name;
  wasm_extern_t *extern_;
} wasi_light_extern_t;

/*
 * Fills `*imports`, by position, with what `module` imports: the host's externs where module and name
 * match (also in the place of a WASI function), else the functions of wasi_snapshot_preview1. Only what the
 * module imports is made. If a memory is among the host's externs that were used, it is bound at once, so
 * that a start section can call WASI functions.
 *
 * The environment must outlive every call into the instance and be deleted before the store. It serves
 * one instance. After wasm_instance_new call wasi_light_env_bind_instance.
 *
 * False and `*error` for LINK: something is unresolved or of another type (all such imports are listed),
 * OUT_OF_MEMORY. Then `*imports` is empty.
 * A module with v128 in the type of an import makes Wasmer's C API abort, before this function or in it:
 * pass bytes of unknown origin to wasi_light_check_module before wasm_module_new.
 */
WASI_LIGHT_API bool wasi_light_generate_import_object(wasi_light_env_t *env, wasm_store_t *store,
                                                      const wasm_module_t *module, const wasi_light_extern_t *externs,
                                                      size_t extern_count, own wasm_extern_vec_t *imports,
                                                      wasi_light_error_t *error);

/*
 * Binds the memory that the instance exports: the one named "memory", else the only one. If it exports
 * none, the binding stays as it is: an imported memory, or none.
 */
WASI_LIGHT_API void wasi_light_env_bind_instance(wasi_light_env_t *env, const wasm_module_t *module,
                                                 const wasm_instance_t *instance);

/* Binds this memory; NULL binds none. It is copied as a handle: the caller's own handle stays his. */
WASI_LIGHT_API void wasi_light_env_bind_memory(wasi_light_env_t *env, const wasm_memory_t *memory);

/*
 * How a wasm_func_call (or wasm_instance_new) ended, given the trap that it returned, or NULL. To be called
 * after each of them. An exit is reported even if a host function swallowed its trap.
 */
WASI_LIGHT_API wasi_light_outcome_t wasi_light_env_outcome(wasi_light_env_t *env, own wasm_trap_t *trap);

/* ---- Bytes ----------------------------------------------------------------------------------------- */

/*
 * What a host accepts of a module. Start from WASI_LIGHT_LIMITS_INIT. A module that begins with more is refused; a
 * memory or table that could grow to more is stopped there: the guest's memory.grow or table.grow gives -1. The latter
 * takes rewriting, so it holds for modules made by wasi_light_module_new; a guest that the host compiles itself can make
 * Wasmer abort by growing a table to billions of elements.
 *
 * With points_per_call the module is metered: each call by the host into an instance, the start section and _initialize
 * begins with that many points. An instruction costs one, an `end` too; memory.grow, .init, .copy, .fill and table.grow,
 * .init, .copy, .fill cost 100, whatever their length. A stretch of code without branches, calls and block ends is paid
 * for at its end, when it has run. A guest that cannot pay is stopped, and the outcome is LIMIT. After that calls are
 * allowed, as after a trap. Calls back into the instance from a host function have what the outermost call has left.
 * So a guest comes back to its host, unless it waits: for that there is options.sleep, and what it is given for stdin.
 * How long that takes at most, the points say only together with memory_pages, since to fill 4 GiB is one instruction. A
 * module in which more than 100 of these stand in one stretch is refused.
 *
 * Guests run on stacks of the engine's, and end with a trap when they fill one. Host functions run on the host's: if one
 * calls back into its instance, and the guest calls it again, that could fill the host's stack, which nobody survives. The call
 * that would be one too many is not made, and the host function gets the outcome LIMIT. A call within another takes 2.5 KiB
 * of the host's stack, and what the host function takes itself; the engine keeps a stack of 1 MiB for each.
 *
 * A metered module is compiled by an engine of its own, made as by wasm_engine_new, since Wasmer's metering takes one module:
 * the engine that is given is not used. Exceptions with try_table, memory.atomic.wait, five instructions of relaxed SIMD,
 * and instructions that this library does not know are refused in it.
 */
typedef struct wasi_light_limits_t {
  size_t struct_size;
  uint32_t memory_pages;    /* most pages of 64 KiB of a memory; default 65536, all of wasm32 */
  uint32_t table_elements;  /* most elements of a table, and of all tables at first; default 1 Mi */
  uint64_t points_per_call; /* what a call may run; default 0: not metered, so that it runs as long as it likes */
  uint32_t nested_calls; /* most calls that are in an instance at once, one within the other; default 64; 0: no limit */
} wasi_light_limits_t;

#define WASI_LIGHT_LIMITS_INIT {sizeof(wasi_light_limits_t), 65536, 1048576, 0, 64}

/*
 * Looks at a module's bytes before the engine does, for what would make the engine abort the process: v128
 * in the type of an import or export, a table or memory that begins larger than the limits (NULL: the
 * defaults), for metered modules instructions that they must not have. Also refused are forms that preview 1 modules do
 * not have: components, 64-bit memories, `_start` together with `_initialize`; and exports with names that begin with
 * "wasmer_metering_", which are the engine's. False and `*error` (MODULE) with the byte offset where there is one.
 * wasi_light_module_new does this by itself.
 */
WASI_LIGHT_API bool wasi_light_check_module(const void *bytes, size_t size, const wasi_light_limits_t *limits,
                                            wasi_light_error_t *error);

/* WebAssembly text to bytes, by the engine's assembler. False and `*error` (MODULE) if it does not parse. */
WASI_LIGHT_API bool wasi_light_wat2wasm(const char *text, size_t size, own wasm_byte_vec_t *bytes,
                                        wasi_light_error_t *error);

/* ---- Linker: host functions, registered once -------------------------------------------------------- */

typedef struct wasi_light_instance_t wasi_light_instance_t;

/*
 * A host function. `instance` is the caller; `data` was given with the function. `args` are of the types of
 * the signature; `results` come with their kinds set, so only `.of` is to be written. It returns NULL, or a
 * trap that ends the guest's call: see wasi_light_trap. It may call back into the instance.
 */
typedef own wasm_trap_t *(*wasi_light_callback_t)(wasi_light_instance_t *instance, void *data, const wasm_val_t *args,
                                                  wasm_val_t *results);

typedef struct wasi_light_linker_t wasi_light_linker_t;

/* NULL when memory runs out. */
WASI_LIGHT_API own wasi_light_linker_t *wasi_light_linker_new(void);
/* Modules made with it keep what they need: it may go before them. */
WASI_LIGHT_API void wasi_light_linker_delete(own wasi_light_linker_t *linker);

/*
 * Registers a host function for imports of `module`.`name`. The signature is parameters, then results, as in
 * "(iI)f": i is i32, I is i64, f is f32, F is f64. A function for a WASI name is taken in the place of ours.
 * False and `*error` for ARGUMENT (a signature that does not read so, a NULL, a name registered before),
 * OUT_OF_MEMORY.
 */
WASI_LIGHT_API bool wasi_light_linker_func(wasi_light_linker_t *linker, const char *module, const char *name,
                                           const char *signature, wasi_light_callback_t callback, void *data,
                                           wasi_light_error_t *error);

/* Lets modules import a memory as `module`.`name`: each instance gets one of its own, as the module declares it. */
WASI_LIGHT_API bool wasi_light_linker_memory(wasi_light_linker_t *linker, const char *module, const char *name,
                                             wasi_light_error_t *error);

typedef enum wasi_light_unknown_t {
  WASI_LIGHT_UNKNOWN_REFUSED = 0, /* the module is refused, with an error that lists all of them */
  WASI_LIGHT_UNKNOWN_TRAPS        /* a function traps when it is called, with a message that names it */
} wasi_light_unknown_t;

/* What becomes of modules that import functions which neither the linker nor WASI gives, or not with this type. */
WASI_LIGHT_API void wasi_light_linker_unknown(wasi_light_linker_t *linker, wasi_light_unknown_t policy);

/* A trap with a printf-formatted message, to be returned from a callback. */
WASI_LIGHT_API own wasm_trap_t *wasi_light_trap(wasi_light_instance_t *instance, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* Receives one line of a report, without its newline. */
typedef void (*wasi_light_line_t)(void *context, const char *line);

/*
 * Reports what a module is, without compiling it: command, reactor or library; start section, memory, tables; each
 * import with its type and whether it is WASI's, given by the linker (may be NULL), left to the host or to be
 * refused; and whether a pool can recycle its instances, or every reason why not with the function's index.
 * False and `*error` as wasi_light_check_module.
 */
WASI_LIGHT_API bool wasi_light_audit(const void *bytes, size_t size, const wasi_light_linker_t *linker,
                                     const wasi_light_limits_t *limits, wasi_light_line_t line, void *context,
                                     wasi_light_error_t *error);

/* ---- Module: compiled and linked once --------------------------------------------------------------- */

typedef enum wasi_light_module_kind_t {
  WASI_LIGHT_LIBRARY, /* neither of the below: exported functions can be called as they are */
  WASI_LIGHT_REACTOR, /* exports _initialize, which each new instance runs once */
  WASI_LIGHT_COMMAND  /* exports _start, which runs when the host calls it */
} wasi_light_module_kind_t;

/* Immutable, reference-counted, shared by any number of instances on any threads. */
typedef struct wasi_light_module_t wasi_light_module_t;

/*
 * Checks the bytes (see wasi_light_check_module), rewrites them for fast instances, compiles them and resolves imports
 * and exports. `linker` and `limits` may be NULL. The engine must outlive the module. Rewritten is this: mutable
 * globals are exported, data segments joined, maxima of memories and tables lowered to the limits; and a start section
 * is called when memory is bound, so that it can use WASI.
 * NULL and `*error` for MODULE, COMPILE (the engine's message), LINK (all unresolved imports), ARGUMENT,
 * OUT_OF_MEMORY.
 */
WASI_LIGHT_API own wasi_light_module_t *wasi_light_module_new(wasm_engine_t *engine, const void *bytes, size_t size,
                                                              const wasi_light_linker_t *linker,
                                                              const wasi_light_limits_t *limits,
                                                              wasi_light_error_t *error);

/*
 * The same with a cache: where compiled code is kept from one process to the next. Compiled code is run as it is, so it
 * must come from nobody but this user: `folder` is made with mode 0700 if it is not there, and refused (ARGUMENT) if it
 * belongs to another user or others can write it. An entry is found by the SHA-256 of the rewritten module, the engine's
 * and the rewriter's version, the limits (but not how many points there are), the processor's features and `tag`; it is written in one step, and carries a
 * SHA-256 of its own, which is verified before the engine sees it. An entry that is damaged, or that cannot be read or
 * written, is as one that is not there: the module is compiled. Nothing is ever removed from the folder.
 */
typedef struct wasi_light_cache_t {
  size_t struct_size;
  const char *folder;
  const char *tag; /* names how the engine is configured, wherever that differs from wasm_engine_new; may be NULL */
} wasi_light_cache_t;

#define WASI_LIGHT_CACHE_INIT {sizeof(wasi_light_cache_t), NULL, NULL}

WASI_LIGHT_API own wasi_light_module_t *wasi_light_module_new_cached(wasm_engine_t *engine, const void *bytes,
                                                                     size_t size, const wasi_light_linker_t *linker,
                                                                     const wasi_light_limits_t *limits,
                                                                     const wasi_light_cache_t *cache,
                                                                     wasi_light_error_t *error);

/*
 * Compiled code in the host's own hands. wasi_light_compile gives an artifact for a module, limits (may be NULL) and tag (may
 * be NULL); wasi_light_module_new_compiled takes it with the same module, limits and tag, and with `bytes` again, which say what the
 * module is. An artifact that is damaged, or was made for anything else, is a COMPILE error. Like the cache's, artifacts are
 * to be trusted as the host's own code is.
 */
WASI_LIGHT_API bool wasi_light_compile(wasm_engine_t *engine, const void *bytes, size_t size,
                                       const wasi_light_limits_t *limits, const char *tag,
                                       own wasm_byte_vec_t *artifact, wasi_light_error_t *error);
WASI_LIGHT_API own wasi_light_module_t *wasi_light_module_new_compiled(wasm_engine_t *engine, const void *bytes,
                                                                       size_t size, const wasi_light_linker_t *linker,
                                                                       const wasi_light_limits_t *limits,
                                                                       const char *tag, const void *artifact,
                                                                       size_t artifact_size, wasi_light_error_t *error);

WASI_LIGHT_API own wasi_light_module_t *wasi_light_module_copy(wasi_light_module_t *module);
WASI_LIGHT_API void wasi_light_module_delete(own wasi_light_module_t *module);

WASI_LIGHT_API wasi_light_module_kind_t wasi_light_module_kind(const wasi_light_module_t *module);
/* Whether a pool can recycle its instances: wasi_light_audit says why not. */
WASI_LIGHT_API bool wasi_light_module_recyclable(const wasi_light_module_t *module);
/* The engine's module. It has exports more than the bytes said, under names that begin with "wasi-light:" and, if it is
   metered, "wasmer_metering_". */
WASI_LIGHT_API const wasm_module_t *wasi_light_module_wasm(const wasi_light_module_t *module);

/* An exported function of a module, looked up once and used with every instance of it. Lives with the module. */
typedef struct wasi_light_func_t wasi_light_func_t;

/* NULL if the module exports no function of that name. */
WASI_LIGHT_API const wasi_light_func_t *wasi_light_module_func(const wasi_light_module_t *module, const char *name);
/* The exported functions in the module's order; NULL past the last. */
WASI_LIGHT_API const wasi_light_func_t *wasi_light_module_func_at(const wasi_light_module_t *module, size_t index);
/* The name's bytes, not NUL-terminated: a name is whatever the module says. */
WASI_LIGHT_API const wasm_name_t *wasi_light_func_name(const wasi_light_func_t *func);
WASI_LIGHT_API const wasm_functype_t *wasi_light_func_type(const wasi_light_func_t *func);

/* ---- Instance --------------------------------------------------------------------------------------- */

/*
 * A store of its own, an environment for `config`, an instance; `_initialize` is run if the module exports
 * it. `_start` is not: call it, or use the other exports of a command as those of a library. `host` reaches
 * the stream callbacks and, by wasi_light_instance_host, the host functions.
 * NULL and `*error` for INSTANTIATE (the engine's message), TRAP, EXIT, NO_MEMORY, LIMIT, RAISED, DIVERGED (from
 * the start section or _initialize, which the message names), ARGUMENT, OUT_OF_MEMORY.
 */
WASI_LIGHT_API own wasi_light_instance_t *wasi_light_instance_new(wasi_light_module_t *module,
                                                                  wasi_light_config_t *config, void *host,
                                                                  wasi_light_error_t *error);
/* Not while a call is in it. */
WASI_LIGHT_API void wasi_light_instance_delete(own wasi_light_instance_t *instance);

/*
 * Calls an export. `func` comes from the instance's module. The arguments are checked: a wrong number or kind is
 * REFUSED with a message that says which, and the results are as they were; so is _initialize, which ran when the
 * instance was made. After an exit every other call is EXITED without entering the guest; after a trap calls are allowed.
 */
WASI_LIGHT_API wasi_light_outcome_t wasi_light_call(wasi_light_instance_t *instance, const wasi_light_func_t *func,
                                                    const wasm_val_t *args, size_t arg_count, wasm_val_t *results,
                                                    size_t result_count);

/* The same by name; REFUSED if the module exports no such function. */
WASI_LIGHT_API wasi_light_outcome_t wasi_light_call_name(wasi_light_instance_t *instance, const char *name,
                                                         const wasm_val_t *args, size_t arg_count, wasm_val_t *results,
                                                         size_t result_count);

/*
 * Points for each call from now on, in the place of limits.points_per_call; a call that is in the instance keeps its own.
 * False, with nothing changed, if the module is not metered or `points_per_call` is 0. A pool's reset undoes it.
 */
WASI_LIGHT_API bool wasi_light_instance_set_points(wasi_light_instance_t *instance, uint64_t points_per_call);

/*
 * The points that calls, start-up included, have used since the instance was made; of a pool's instance, as if it was
 * new. A call that ran out has used all of its points. 0 if the module is not metered. A host function may ask, too: the
 * block from which it is called is paid for. Past this library, by wasm_func_call, a metered guest has no points.
 */
WASI_LIGHT_API uint64_t wasi_light_instance_points_used(const wasi_light_instance_t *instance);

/*
 * The guest's memory [offset, offset + length), or NULL if any of it lies outside or no memory is bound. Good until
 * the guest runs again, since it may grow its memory.
 */
WASI_LIGHT_API uint8_t *wasi_light_memory(wasi_light_instance_t *instance, uint32_t offset, uint64_t length);

/* Copies the NUL-terminated string at `offset` into `text`, cut to `size` with its NUL; its whole length, or
   SIZE_MAX and "" if there is no NUL before the memory's end. */
WASI_LIGHT_API size_t wasi_light_string_out(wasi_light_instance_t *instance, uint32_t offset, char *text, size_t size);

/*
 * Copies `length` bytes and a NUL into guest memory that the guest's own `allocate`, an export of type
 * (i32) -> (i32), gives for it: the offset, or 0 and `*error`: TRAP, EXIT, ARGUMENT with the
 * outcome's message, OUT_OF_MEMORY if the guest gave none.
 */
WASI_LIGHT_API uint32_t wasi_light_string_in(wasi_light_instance_t *instance, const wasi_light_func_t *allocate,
                                             const char *bytes, size_t length, wasi_light_error_t *error);

WASI_LIGHT_API void *wasi_light_instance_host(const wasi_light_instance_t *instance);
WASI_LIGHT_API wasi_light_env_t *wasi_light_instance_env(const wasi_light_instance_t *instance);
WASI_LIGHT_API wasi_light_module_t *wasi_light_instance_module(const wasi_light_instance_t *instance);
WASI_LIGHT_API wasm_store_t *wasi_light_instance_store(const wasi_light_instance_t *instance);
WASI_LIGHT_API wasm_instance_t *wasi_light_instance_wasm(const wasi_light_instance_t *instance);

/* ---- Pool: instances that are put back, not made anew ------------------------------------------------ */

/*
 * A pool keeps instances of one module that have been initialised once. Giving one back restores its memory, mutable
 * globals and WASI state in microseconds, so that whoever takes it next cannot tell it from a new one, whatever was
 * done with it before: it may have trapped, exited, or closed its streams. That holds for modules that are recyclable
 * (wasi_light_module_recyclable, and wasi_light_audit for the reasons); with others the pool makes and deletes instances.
 *
 * What the guest drew from random_get while it was initialised is part of the snapshot: every lease of an instance has it. A
 * guest that keeps such bytes as a key or hash seed should reseed itself in `after_reset`.
 *
 * Threads: a pool, with its instances, is for one thread at a time: make one for each worker, of one module.
 * Descriptors: at most two for a pool, none for an instance.
 */
typedef struct wasi_light_pool_t wasi_light_pool_t;

typedef enum wasi_light_reset_t {
  WASI_LIGHT_RESET_BEST = 0,      /* the best of the below that works here; COPY for a memory of at most 192 KiB */
  WASI_LIGHT_RESET_COPY,          /* all memory is copied back; any system */
  WASI_LIGHT_RESET_COPY_ON_WRITE, /* a private mapping of the snapshot, whose written pages are thrown away */
  WASI_LIGHT_RESET_SCAN           /* the same, with written pages found by PAGEMAP_SCAN (Linux 6.7) and copied back */
} wasi_light_reset_t;

/* Start from WASI_LIGHT_POOL_OPTIONS_INIT. Names and pointers are used as long as the pool lives. */
typedef struct wasi_light_pool_options_t {
  size_t struct_size;
  size_t max_live;      /* most instances at once, taken and idle; 0: no limit */
  size_t warm;          /* how many are made with the pool */
  size_t keep_resident; /* bytes of written pages that stay resident in an instance, with SCAN; default 1 MiB */
  /* Keep instances whose memory has grown. What has grown is zeroed, but memory.size stays: they are not as new. */
  bool allow_grown;
  /* With a seed: lease number n (from 1) gets the seed's stream n. Else each restarts where the snapshot stood. */
  bool next_random_stream;
  void *host;              /* the host pointer while an instance is initialised, and while it is idle */
  const char *warm_up;     /* an export () -> () that is called after _initialize, before the snapshot; or NULL */
  const char *after_reset; /* one that is called whenever an instance is taken, also the first time; or NULL */
  void (*on_take)(void *data, wasi_light_instance_t *instance); /* called after that; or NULL */
  void *data;
  wasi_light_reset_t reset;
} wasi_light_pool_options_t;

#define WASI_LIGHT_POOL_OPTIONS_INIT \
  {sizeof(wasi_light_pool_options_t), 0, 0, 1048576, false, false, NULL, NULL, NULL, NULL, NULL, WASI_LIGHT_RESET_BEST}

/*
 * `options` may be NULL. References to module and config are taken.
 * NULL and `*error` for ARGUMENT (which names the option), OUT_OF_MEMORY, and whatever keeps the first of the `warm`
 * instances from being made.
 */
WASI_LIGHT_API own wasi_light_pool_t *wasi_light_pool_new(wasi_light_module_t *module, wasi_light_config_t *config,
                                                          const wasi_light_pool_options_t *options,
                                                          wasi_light_error_t *error);
/* Deletes all its instances, also those that are taken. Not while a call is in one. */
WASI_LIGHT_API void wasi_light_pool_delete(own wasi_light_pool_t *pool);

/*
 * An instance as new, with this host pointer until it is given back. It is the pool's: not to be deleted.
 * NULL and `*error` for BUSY (max_live are taken), and for what wasi_light_instance_new, `warm_up` and `after_reset` fail with.
 */
WASI_LIGHT_API wasi_light_instance_t *wasi_light_pool_take(wasi_light_pool_t *pool, void *host,
                                                           wasi_light_error_t *error);

/*
 * Gives it back; it is reset at once, so that nothing of the lease stays in memory, captured output included. False and
 * `*error`, with nothing changed, for BUSY (a call or on_take is in it; a call by wasm_func_call, past this library, is
 * not seen) and ARGUMENT (it is not taken from this pool).
 */
WASI_LIGHT_API bool wasi_light_pool_give(wasi_light_pool_t *pool, wasi_light_instance_t *instance,
                                         wasi_light_error_t *error);

typedef struct wasi_light_pool_stats_t {
  uint64_t taken;
  uint64_t made;
  uint64_t reset;                 /* given back and kept */
  uint64_t replaced_grown;        /* given back and deleted: memory had grown */
  uint64_t replaced_unrecyclable; /* ... the module is not recyclable */
  uint64_t replaced_other;        /* ... memory had moved, or its after_reset failed */
  size_t live, idle;              /* now */
  wasi_light_reset_t method;      /* in use: COPY, COPY_ON_WRITE or SCAN */
} wasi_light_pool_stats_t;

WASI_LIGHT_API void wasi_light_pool_stats(const wasi_light_pool_t *pool, wasi_light_pool_stats_t *stats);

#undef own

#ifdef __cplusplus
}
#endif
#endif
