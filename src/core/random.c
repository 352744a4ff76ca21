/* SPDX-License-Identifier: MIT */
/* random_get: entropy of the operating system, or the configured seed's stream. Nothing in between. */
#include "../platform/host.h"
#include "chacha20.h"
#include "env.h"

uint32_t p1_random_get(wasi_light_env_t *env, uint32_t buf, uint32_t buf_len) {
  p1_mem_t mem;
  if (wasi_light__memory(env, &mem)) return P1_STOP_NO_MEMORY;
  if (!p1_mem_has(mem, buf, buf_len)) return WASI_LIGHT_EFAULT;
  if (!env->config->seeded) return host_entropy(p1_at(mem, buf), buf_len);
  wasi_light__seeded_bytes(env->config->seed, env->random_stream, env->random_position, p1_at(mem, buf), buf_len);
  env->random_position += buf_len;
  return WASI_LIGHT_ESUCCESS;
}
