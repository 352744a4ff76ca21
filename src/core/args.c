/* SPDX-License-Identifier: MIT */
/* args_* and environ_*: two of each, the same but for what they hand out. */
#include "env.h"

/*@ requires valid_env(env) && (strings == &env->config->args || strings == &env->config->env);
  assigns P1_GUEST(env);
  ensures valid_env(env);
  ensures is_errno(\result) || is_stop(\result); */
static uint32_t sizes_get(wasi_light_env_t *env, const p1_strings_t *strings, uint32_t count, uint32_t size) {
  p1_mem_t mem;
  if (wasi_light__memory(env, &mem)) return P1_STOP_NO_MEMORY;
  if (!p1_mem_has(mem, count, 4) || !p1_mem_has(mem, size, 4)) return WASI_LIGHT_EFAULT;
  p1_store_u32(mem, count, strings->count);
  p1_store_u32(mem, size, strings->size);
  return WASI_LIGHT_ESUCCESS;
}

/*@ requires valid_env(env) && (strings == &env->config->args || strings == &env->config->env);
  assigns P1_GUEST(env);
  ensures valid_env(env);
  ensures is_errno(\result) || is_stop(\result); */
static uint32_t strings_get(wasi_light_env_t *env, const p1_strings_t *strings, uint32_t pointers, uint32_t bytes) {
  p1_mem_t mem;
  if (wasi_light__memory(env, &mem)) return P1_STOP_NO_MEMORY;
  if (!p1_mem_has(mem, pointers, (uint64_t)strings->count * 4) || !p1_mem_has(mem, bytes, strings->size)) {
    return WASI_LIGHT_EFAULT;
  }
  p1_copy_out(mem, bytes, strings->bytes, strings->size);
  /*@ loop invariant i <= strings->count && valid_env(env);
    loop assigns i, mem.base[pointers .. pointers + strings->count * 4 - 1];
    loop variant strings->count - i; */
  for (uint32_t i = 0; i < strings->count; i++) {
    p1_store_u32(mem, pointers + (uint64_t)i * 4, bytes + strings->offsets[i]);
  }
  return WASI_LIGHT_ESUCCESS;
}

uint32_t p1_args_get(wasi_light_env_t *env, uint32_t argv, uint32_t argv_buf) {
  return strings_get(env, &env->config->args, argv, argv_buf);
}

uint32_t p1_args_sizes_get(wasi_light_env_t *env, uint32_t argc, uint32_t argv_buf_size) {
  return sizes_get(env, &env->config->args, argc, argv_buf_size);
}

uint32_t p1_environ_get(wasi_light_env_t *env, uint32_t environ_, uint32_t environ_buf) {
  return strings_get(env, &env->config->env, environ_, environ_buf);
}

uint32_t p1_environ_sizes_get(wasi_light_env_t *env, uint32_t environ_count, uint32_t environ_buf_size) {
  return sizes_get(env, &env->config->env, environ_count, environ_buf_size);
}
