/* SPDX-License-Identifier: MIT */
/*
 * The pool: each member is initialised once, and what a call can change of it is put back when it is given back.
 *
 * That is memory 0, the mutable globals and the environment: the audit has shown that there is nothing else. The
 * first member's snapshot is shared by all whose memory and globals are equal to it, which is nearly always the
 * case; a member that came out otherwise (it drew random bytes, say) has a snapshot of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "../platform/image.h"
#include "adapter.h"

/* Memory and globals. */
typedef struct snapshot_t {
  host_image_t image;
  uint64_t *globals; /* bits of each of the module's globals */
} snapshot_t;

typedef struct wasi_light__member_t {
  wasi_light_instance_t *instance;
  wasi_light_pool_t *pool;
  struct wasi_light__member_t *next_idle;
  size_t index; /* among the pool's members */
  bool taken;
  uint8_t *base;              /* where its memory was at the snapshot */
  const snapshot_t *snapshot; /* the pool's, or its own; NULL: it is not recycled */
  snapshot_t own_snapshot;
  wasi_light__env_state_t env;
  wasi_light__points_t points;
} member_t;

struct wasi_light_pool_t {
  wasi_light_module_t *module;
  wasi_light_config_t *config;
  wasi_light_pool_options_t options;
  const wasi_light_func_t *warm_up, *after_reset;
  host_method_t method;
  host_scanner_t scanner;
  bool has_snapshot;
  snapshot_t snapshot; /* the first member's */
  member_t **members;
  size_t count, room;
  member_t *idle;
  wasi_light_pool_stats_t stats;
};

/* ---- Memory and globals ---- */

static wasi_light_view_t memory_of(const wasi_light_instance_t *instance) {
  p1_mem_t mem = {NULL, 0};
  if (instance->env->view_of) wasi_light__memory(instance->env, &mem);
  return mem;
}

static wasm_global_t *global_at(const wasi_light_instance_t *instance, size_t i) {
  return wasm_extern_as_global(instance->exports.data[instance->module->globals[i].index]);
}

static uint64_t bits_of(const wasm_val_t *value) {
  uint64_t bits = 0;
  bool narrow = value->kind == WASM_I32 || value->kind == WASM_F32;
  memcpy(&bits, &value->of, narrow ? 4 : 8);
  return bits;
}

static uint64_t read_global(const wasi_light_instance_t *instance, size_t i) {
  wasm_val_t value;
  wasm_global_get(global_at(instance, i), &value);
  return bits_of(&value);
}

/* Only what changed is set: reading is the cheaper of the two. */
static void restore_globals(const wasi_light_instance_t *instance, const uint64_t *globals) {
  for (size_t i = 0; i < instance->module->global_count; i++) {
    if (read_global(instance, i) == globals[i]) continue;
    wasm_val_t value = {.kind = instance->module->globals[i].kind};
    memcpy(&value.of, &globals[i], sizeof globals[i]);
    wasm_global_set(global_at(instance, i), &value);
  }
}

static bool is_equal(const wasi_light_instance_t *instance, const snapshot_t *snapshot) {
  wasi_light_view_t mem = memory_of(instance);
  if (mem.size != snapshot->image.size) return false;
  if (mem.size > 0 && memcmp(mem.base, snapshot->image.bytes, (size_t)mem.size) != 0) return false;
  for (size_t i = 0; i < instance->module->global_count; i++) {
    if (read_global(instance, i) != snapshot->globals[i]) return false;
  }
  return true;
}

bool wasi_light__pool_is_pristine(const wasi_light_instance_t *instance) {
  return instance->member && instance->member->snapshot && is_equal(instance, instance->member->snapshot);
}

static bool new_snapshot(snapshot_t *snapshot, const wasi_light_instance_t *instance, host_method_t method) {
  enum { PAGE = 4096 };
  wasi_light_view_t mem = memory_of(instance);
  size_t count = instance->module->global_count;
  if ((uintptr_t)mem.base % PAGE != 0 || mem.size % PAGE != 0) method = HOST_COPY; /* nothing can be mapped there */
  snapshot->globals = calloc(count + 1, sizeof *snapshot->globals);
  if (!snapshot->globals) return false;
  if (!host_image_new(&snapshot->image, mem.base, (size_t)mem.size, method)) {
    free(snapshot->globals);
    return false;
  }
  for (size_t i = 0; i < count; i++) snapshot->globals[i] = read_global(instance, i);
  return true;
}

static void delete_snapshot(snapshot_t *snapshot) {
  host_image_delete(&snapshot->image);
  free(snapshot->globals);
}

/* ---- Members ---- */

static void delete_member(member_t *member) {
  wasi_light_pool_t *pool = member->pool;
  if (member->index < pool->count && pool->members[member->index] == member) {
    pool->members[member->index] = pool->members[--pool->count];
    pool->members[member->index]->index = member->index;
  }
  wasi_light_instance_delete(member->instance);
  wasi_light__env_state_free(&member->env);
  if (member->snapshot == &member->own_snapshot) delete_snapshot(&member->own_snapshot);
  free(member);
}

static bool add_member(wasi_light_pool_t *pool, member_t *member) {
  if (pool->count == pool->room) {
    size_t room = pool->room == 0 ? 8 : pool->room * 2;
    member_t **members = realloc((void *)pool->members, room * sizeof *members);
    if (!members) return false;
    pool->members = members;
    pool->room = room;
  }
  member->index = pool->count;
  pool->members[pool->count++] = member;
  return true;
}

/* What a copy of all memory takes less time for than a scan for written pages: docs/performance.md. */
enum { SMALL_MEMORY = 192 * 1024 };

/* The first snapshot is the pool's, and with it the method is settled. */
static bool take_first_snapshot(wasi_light_pool_t *pool, const wasi_light_instance_t *instance) {
  uint64_t size = memory_of(instance).size;
  if (pool->options.reset == WASI_LIGHT_RESET_BEST && size <= SMALL_MEMORY && size <= pool->options.keep_resident) {
    pool->method = HOST_COPY;
  }
  pool->has_snapshot = new_snapshot(&pool->snapshot, instance, pool->method);
  if (pool->has_snapshot) pool->method = pool->snapshot.image.method; /* what could be had */
  if (pool->has_snapshot && pool->method == HOST_SCAN) host_scanner_open(&pool->scanner);
  return pool->has_snapshot;
}

/* Gives the member a snapshot and lays its image under the member's memory. */
static bool take_snapshot(member_t *member, wasi_light_error_t *error) {
  wasi_light_pool_t *pool = member->pool;
  bool good = wasi_light__env_save(member->instance->env, &member->env);
  if (good && !pool->has_snapshot) good = take_first_snapshot(pool, member->instance);
  if (good && is_equal(member->instance, &pool->snapshot)) {
    member->snapshot = &pool->snapshot;
  } else if (good && new_snapshot(&member->own_snapshot, member->instance, pool->method)) {
    member->snapshot = &member->own_snapshot;
  }
  if (!member->snapshot) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_OUT_OF_MEMORY, "no memory for the snapshot of an instance");
    return false;
  }
  member->points = member->instance->points;
  member->base = memory_of(member->instance).base;
  good = host_image_map(&member->snapshot->image, member->base);
  if (!good) wasi_light__fail(error, WASI_LIGHT_ERROR_OUT_OF_MEMORY, "the snapshot could not be mapped");
  if (member->snapshot == &member->own_snapshot) host_image_close(&member->own_snapshot.image);
  return good;
}

/* Calls an export () -> () of the pool's options. */
static bool call_option(wasi_light_instance_t *instance, const wasi_light_func_t *func, const char *name,
                        wasi_light_error_t *error) {
  if (!func) return true;
  wasi_light_outcome_t outcome = wasi_light_call(instance, func, NULL, 0, NULL, 0);
  if (outcome.kind != WASI_LIGHT_RETURNED) wasi_light__fail_outcome(error, name, &outcome);
  return outcome.kind == WASI_LIGHT_RETURNED;
}

static member_t *new_member(wasi_light_pool_t *pool, wasi_light_error_t *error) {
  member_t *member = calloc(1, sizeof *member);
  if (!member || !add_member(pool, member)) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_OUT_OF_MEMORY, "no memory for an instance of a pool");
    free(member);
    return NULL;
  }
  member->pool = pool;
  member->instance = wasi_light_instance_new(pool->module, pool->config, pool->options.host, error);
  if (member->instance && call_option(member->instance, pool->warm_up, pool->options.warm_up, error) &&
      (!pool->module->recyclable || take_snapshot(member, error))) {
    member->instance->member = member;
    pool->stats.made++;
    return member;
  }
  delete_member(member);
  return NULL;
}

static void push_idle(wasi_light_pool_t *pool, member_t *member) {
  member->taken = false;
  member->next_idle = pool->idle;
  pool->idle = member;
  pool->stats.idle++;
}

static member_t *pop_idle(wasi_light_pool_t *pool) {
  member_t *member = pool->idle;
  if (!member) return NULL;
  pool->idle = member->next_idle;
  pool->stats.idle--;
  return member;
}

/* ---- The pool ---- */

static bool find_option(const wasi_light_module_t *module, const char *name, const char *option,
                        const wasi_light_func_t **func, wasi_light_error_t *error) {
  if (!name) return true;
  *func = wasi_light_module_func(module, name);
  if (*func && wasi_light__has_signature((*func)->type, "()")) return true;
  wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT,
                   "options.%s: the module exports no function \"%s\" of type () -> ()", option, name);
  return false;
}

static host_method_t method_for(wasi_light_reset_t reset) {
  switch (reset) {
    case WASI_LIGHT_RESET_COPY: return HOST_COPY;
    case WASI_LIGHT_RESET_COPY_ON_WRITE: return host_method(HOST_COW);
    default: return host_method(HOST_SCAN);
  }
}

static bool check_options(const wasi_light_module_t *module, const wasi_light_config_t *config,
                          const wasi_light_pool_options_t *options, wasi_light_error_t *error) {
  const char *problem = NULL;
  if (!module) problem = "module is NULL";
  else if (!config) problem = "config is NULL";
  else if (options->struct_size != sizeof *options) {
    problem = "options.struct_size is not that of this version: make it with WASI_LIGHT_POOL_OPTIONS_INIT";
  } else if ((unsigned)options->reset > WASI_LIGHT_RESET_SCAN) {
    problem = "options.reset is not one of BEST, COPY, COPY_ON_WRITE, SCAN";
  } else if (options->max_live > 0 && options->warm > options->max_live) {
    problem = "options.warm is more than options.max_live";
  }
  if (problem) wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT, "%s", problem);
  return !problem;
}

static bool warm(wasi_light_pool_t *pool, wasi_light_error_t *error) {
  for (size_t i = 0; i < pool->options.warm; i++) {
    member_t *member = new_member(pool, error);
    if (!member) return false;
    push_idle(pool, member);
  }
  return true;
}

own wasi_light_pool_t *wasi_light_pool_new(wasi_light_module_t *module, wasi_light_config_t *config,
                                           const wasi_light_pool_options_t *options, wasi_light_error_t *error) {
  static const wasi_light_pool_options_t defaults = WASI_LIGHT_POOL_OPTIONS_INIT;
  if (!options) options = &defaults;
  if (!check_options(module, config, options, error)) return NULL;
  wasi_light_pool_t *pool = calloc(1, sizeof *pool);
  if (!pool) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_OUT_OF_MEMORY, "no memory for a pool");
    return NULL;
  }
  pool->options = *options;
  pool->module = wasi_light_module_copy(module);
  pool->config = wasi_light_config_copy(config);
  pool->method = module->recyclable ? method_for(options->reset) : HOST_COPY;
  pool->scanner.fd = -1;
  if (find_option(module, options->warm_up, "warm_up", &pool->warm_up, error) &&
      find_option(module, options->after_reset, "after_reset", &pool->after_reset, error) && warm(pool, error)) {
    return pool;
  }
  wasi_light_pool_delete(pool);
  return NULL;
}

void wasi_light_pool_delete(own wasi_light_pool_t *pool) {
  if (!pool) return;
  while (pool->count > 0) delete_member(pool->members[pool->count - 1]);
  if (pool->has_snapshot) delete_snapshot(&pool->snapshot);
  if (pool->scanner.fd >= 0) host_scanner_close(&pool->scanner);
  free((void *)pool->members);
  wasi_light_config_delete(pool->config);
  wasi_light_module_delete(pool->module);
  free(pool);
}

wasi_light_instance_t *wasi_light_pool_take(wasi_light_pool_t *pool, void *host, wasi_light_error_t *error) {
  member_t *member = pop_idle(pool);
  if (!member && pool->options.max_live > 0 && pool->count >= pool->options.max_live) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_BUSY, "all %zu instances of the pool are taken", pool->count);
    return NULL;
  }
  if (!member) member = new_member(pool, error);
  if (!member) return NULL;
  wasi_light_env_t *env = member->instance->env;
  member->taken = true;
  pool->stats.taken++;
  env->host = host;
  if (pool->options.next_random_stream) wasi_light_env_set_random_stream(env, pool->stats.taken);
  if (!call_option(member->instance, pool->after_reset, pool->options.after_reset, error)) {
    pool->stats.replaced_other++;
    delete_member(member);
    return NULL;
  }
  if (pool->options.on_take) {
    member->instance->depth++; /* as in a call: on_take cannot give it back */
    pool->options.on_take(pool->options.data, member->instance);
    member->instance->depth--;
  }
  return member->instance;
}

/* Puts the member back to its snapshot. False, with the reason counted, if it must be replaced. */
static bool reset(member_t *member) {
  wasi_light_pool_t *pool = member->pool;
  wasi_light_instance_t *instance = member->instance;
  const snapshot_t *snapshot = member->snapshot;
  if (!snapshot) {
    pool->stats.replaced_unrecyclable++;
    return false;
  }
  wasi_light_view_t mem = memory_of(instance);
  if (mem.base != member->base || mem.size < snapshot->image.size) {
    pool->stats.replaced_other++;
    return false;
  }
  if (mem.size > snapshot->image.size) {
    if (!pool->options.allow_grown) {
      pool->stats.replaced_grown++;
      return false;
    }
    host_zero(mem.base + snapshot->image.size, (size_t)mem.size - snapshot->image.size);
  }
  host_image_restore(&snapshot->image, mem.base, &pool->scanner, pool->options.keep_resident);
  restore_globals(instance, snapshot->globals);
  wasi_light__env_restore(instance->env, &member->env);
  instance->points = member->points;
  instance->env->host = pool->options.host;
  pool->stats.reset++;
  return true;
}

bool wasi_light_pool_give(wasi_light_pool_t *pool, wasi_light_instance_t *instance, wasi_light_error_t *error) {
  member_t *member = instance ? instance->member : NULL;
  if (!member || member->pool != pool || !member->taken) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT, "the instance is not one that is taken from this pool");
    return false;
  }
  if (instance->depth > 0 || instance->env->in_callback) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_BUSY,
                     "a call is in the instance: it can be given back when that has ended");
    return false;
  }
  if (reset(member)) push_idle(pool, member);
  else delete_member(member);
  return true;
}

void wasi_light_pool_stats(const wasi_light_pool_t *pool, wasi_light_pool_stats_t *stats) {
  static const wasi_light_reset_t methods[] = {[HOST_COPY] = WASI_LIGHT_RESET_COPY,
                                               [HOST_COW] = WASI_LIGHT_RESET_COPY_ON_WRITE,
                                               [HOST_SCAN] = WASI_LIGHT_RESET_SCAN};
  *stats = pool->stats;
  stats->live = pool->count;
  stats->method = methods[pool->method];
}
