/* SPDX-License-Identifier: MIT */
/* What calls read from guest memory and write to it. See effects.h. */
#include "effects.h"

static const p1_strings_t *strings_of(const wasi_light_env_t *env, uint32_t row) {
  return row == P1_ROW_environ_get ? &env->config->env : &env->config->args;
}

/* How many bytes an out-parameter points at; `next` is the argument after it. */
static uint64_t out_size(const wasi_light_env_t *env, uint32_t row, const uint8_t *kind, uint64_t next) {
  switch (kind[0]) {
    case P1_KIND_OUT_U16: return 2;
    case P1_KIND_OUT_U32: return 4;
    case P1_KIND_OUT_U64: return 8;
    case P1_KIND_OUT_FDSTAT: return P1_FDSTAT_SIZE;
    case P1_KIND_OUT_FILESTAT: return P1_FILESTAT_SIZE;
    case P1_KIND_OUT_FILESTAT0: return P0_FILESTAT_SIZE;
    case P1_KIND_OUT_PRESTAT: return P1_PRESTAT_SIZE;
    case P1_KIND_OUT_EVENTS: return (next & UINT32_MAX) * P1_EVENT_SIZE;
    case P1_KIND_OUT_STRINGS: return (uint64_t)strings_of(env, row)->count * 4;
    case P1_KIND_OUT_BYTES: return kind[1] == P1_KIND_LENGTH ? next & UINT32_MAX : strings_of(env, row)->size;
    default: return 0;
  }
}

static void add_range(p1_effects_t *effects, uint32_t ptr, uint64_t len) {
  effects->ranges[effects->count++] = (host_slice_t){ptr, len < UINT32_MAX ? (uint32_t)len : UINT32_MAX};
}

static void add_iovecs(p1_mem_t mem, uint32_t iovs, uint32_t count, p1_effects_t *effects) {
  if (!p1_mem_has(mem, iovs, (uint64_t)count * P1_IOVEC_SIZE)) return;
  for (uint32_t i = 0; i < count && i < P1_IOVECS_MAX; i++) {
    uint64_t at = iovs + (uint64_t)i * P1_IOVEC_SIZE;
    add_range(effects, p1_load_u32(mem, at), p1_load_u32(mem, at + P1_IOVEC_LEN));
  }
}

void wasi_light__expect_effects(wasi_light_env_t *env, uint32_t row, const uint64_t *args, p1_effects_t *effects) {
  const uint8_t *kinds = wasi_light__rows[row].kinds;
  p1_mem_t mem = {NULL, 0};
  uint32_t i = 0;
  effects->count = 0;
  wasi_light__memory(env, &mem);
  for (; kinds[i] != P1_KIND_NONE; i++) {
    uint32_t value = (uint32_t)args[i];
    effects->first[i] = effects->count;
    if (kinds[i] == P1_KIND_IOVECS) add_iovecs(mem, value, (uint32_t)args[i + 1], effects);
    if (kinds[i] >= P1_KIND_OUT_STRINGS) add_range(effects, value, out_size(env, row, &kinds[i], args[i + 1]));
  }
  effects->first[i] = effects->count;
}

void wasi_light__settle_effects(wasi_light_env_t *env, uint32_t row, p1_effects_t *effects) {
  const uint8_t *kinds = wasi_light__rows[row].kinds;
  p1_mem_t mem = {NULL, 0};
  uint32_t done = 0;
  wasi_light__memory(env, &mem);
  for (uint32_t i = 0; kinds[i] != P1_KIND_NONE; i++) { /* the last number says how much there is of the rest */
    uint32_t at = effects->first[i];
    if (kinds[i] == P1_KIND_OUT_U32 && p1_mem_has(mem, effects->ranges[at].ptr, 4))
      done = p1_load_u32(mem, effects->ranges[at].ptr);
  }
  for (uint32_t i = 0; kinds[i] != P1_KIND_NONE; i++) {
    uint32_t left = done;
    if (kinds[i] == P1_KIND_OUT_EVENTS) effects->ranges[effects->first[i]].len = done * P1_EVENT_SIZE;
    if (kinds[i] != P1_KIND_IOVECS) continue;
    for (uint32_t k = effects->first[i]; k < effects->first[i + 1]; k++) {
      if (effects->ranges[k].len > left) effects->ranges[k].len = left;
      left -= effects->ranges[k].len;
    }
  }
}

/* ---- Input ---- */

/* FNV-1a, 64 bits (draft-eastlake-fnv). What is outside memory counts as its length. */
static uint64_t hashed(uint64_t hash, p1_mem_t mem, uint32_t ptr, uint64_t len) {
  bool inside = p1_mem_has(mem, ptr, len);
  for (uint64_t i = 0; inside && i < len; i++) hash = (hash ^ p1_load_u8(mem, ptr + i)) * 0x100000001b3;
  return (hash ^ len) * 0x100000001b3;
}

static uint64_t hashed_iovecs(uint64_t hash, p1_mem_t mem, uint32_t iovs, uint32_t count, bool contents) {
  hash = hashed(hash, mem, iovs, (uint64_t)count * P1_IOVEC_SIZE);
  if (!contents || !p1_mem_has(mem, iovs, (uint64_t)count * P1_IOVEC_SIZE)) return hash;
  uint32_t room = UINT32_MAX; /* as in the call itself */
  for (uint32_t i = 0; i < count && i < P1_IOVECS_MAX; i++) {
    uint64_t at = iovs + (uint64_t)i * P1_IOVEC_SIZE;
    uint32_t len = p1_load_u32(mem, at + P1_IOVEC_LEN);
    if (len > room) len = room;
    hash = hashed(hash, mem, p1_load_u32(mem, at), len);
    room -= len;
  }
  return hash;
}

bool wasi_light__hash_input(wasi_light_env_t *env, uint32_t row, const uint64_t *args, uint64_t *hash) {
  const uint8_t *kinds = wasi_light__rows[row].kinds;
  p1_mem_t mem = {NULL, 0};
  bool any = false;
  wasi_light__memory(env, &mem);
  *hash = 0xcbf29ce484222325;
  for (uint32_t i = 0; kinds[i] != P1_KIND_NONE; i++) {
    uint32_t ptr = (uint32_t)args[i];
    bool is_input = true;
    switch (kinds[i]) {
      case P1_KIND_PATH: *hash = hashed(*hash, mem, ptr, (uint32_t)args[i + 1]); break;
      case P1_KIND_IOVECS: *hash = hashed_iovecs(*hash, mem, ptr, (uint32_t)args[i + 1], false); break;
      case P1_KIND_CIOVECS: *hash = hashed_iovecs(*hash, mem, ptr, (uint32_t)args[i + 1], true); break;
      case P1_KIND_SUBSCRIPTIONS:
        *hash = hashed(*hash, mem, ptr, (args[i + 2] & UINT32_MAX) * P1_SUBSCRIPTION_SIZE);
        break;
      case P1_KIND_SUBSCRIPTIONS0:
        *hash = hashed(*hash, mem, ptr, (args[i + 2] & UINT32_MAX) * P0_SUBSCRIPTION_SIZE);
        break;
      default: is_input = false;
    }
    any = any || is_input;
  }
  return any;
}
