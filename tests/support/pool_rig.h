/* SPDX-License-Identifier: MIT */
/*
 * Pools on guests in a line each. What a test does not expect to fail fails the test; and whenever an instance is given
 * back and kept, it must be equal to its snapshot.
 */
#ifndef POOL_RIG_H
#define POOL_RIG_H

#include "pool_bytes.h"

/* The three ways to reset, by name; BEST is one of them. */
enum { POOL_METHODS = 3 };
extern const wasi_light_reset_t pool_methods[POOL_METHODS];
const char *pool_method_name(wasi_light_reset_t method);

typedef struct pool_rig_t {
  wasi_light_config_t *config;
  wasi_light_module_t *module;
  wasi_light_pool_t *pool;
  bool allow_grown;
} pool_rig_t;

/* The module is taken over. `wasi` and `options` may be NULL. */
void pool_start(pool_rig_t *rig, wasi_light_module_t *module, const wasi_light_options_t *wasi,
                const wasi_light_pool_options_t *options);
void pool_start_wat(pool_rig_t *rig, const char *wat, const wasi_light_pool_options_t *options);
/* With host functions of `env`, each row with its callback and data. */
void pool_start_funcs(pool_rig_t *rig, const char *wat, const rig_func_t *funcs, size_t count,
                      const wasi_light_pool_options_t *options);
void pool_end(pool_rig_t *rig);
/* Options with this method; says so and gives false if it does not work here. */
bool pool_can(wasi_light_reset_t method, wasi_light_pool_options_t *options);

/* A module of guests/built, or NULL after saying that it is not built. */
wasi_light_module_t *pool_guest(const char *name);

wasi_light_pool_stats_t pool_stats(const pool_rig_t *rig);
wasi_light_instance_t *pool_take(pool_rig_t *rig);
wasi_light_instance_t *pool_take_for(pool_rig_t *rig, void *host);
/* Gives back; true if the instance was kept: only then may it be looked at. */
bool pool_give(pool_rig_t *rig, wasi_light_instance_t *instance);
/* Gives back what must be kept. */
void pool_return(pool_rig_t *rig, wasi_light_instance_t *instance);

/* Calls an export that must return; its one result, if it has any. */
wasm_val_t pool_call(wasi_light_instance_t *instance, const char *name, const wasm_val_t *args, size_t count);
/* The same of a result i32. */
int32_t pool_i32(wasi_light_instance_t *instance, const char *name, const wasm_val_t *args, size_t count);
wasi_light_outcome_t pool_try(wasi_light_instance_t *instance, const char *name, const wasm_val_t *args, size_t count);

/* The memory as it is. */
wasi_light_view_t pool_memory(const wasi_light_instance_t *instance);
/* Whether the bytes are anywhere in memory or (8 bytes or fewer) in a global. */
bool pool_finds(const wasi_light_instance_t *instance, const void *bytes, size_t size);
/* Whether they are in the buffers of captured streams, also behind what can be asked for. */
bool pool_buffers_have(const wasi_light_instance_t *instance, const void *bytes, size_t size);
/* What was captured of fd 1 or 2 must be this text. */
void pool_assert_captured(const wasi_light_instance_t *instance, uint32_t fd, const char *text);

/* ---- The process ---- */

size_t pool_descriptors(void);   /* how many are open */
size_t pool_mappings(void);      /* lines of /proc/self/maps */
size_t pool_resident(void);      /* bytes */
size_t pool_address_space(void); /* bytes that are mapped; 0 if nobody can tell. Calls no cmocka */
bool pool_sanitized(void);       /* a sanitizer keeps what was freed, and maps memory of its own */

#endif
