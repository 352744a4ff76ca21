/* SPDX-License-Identifier: MIT */
/* clock_*: the system's clocks, realtime and monotonic moved by the configured offset. */
#include "../platform/host.h"
#include "env.h"

/* The sum in [1, 2^64 - 1]. */
static uint64_t shifted(uint64_t time, int64_t offset) {
  uint64_t distance = offset < 0 ? 0 - (uint64_t)offset : (uint64_t)offset;
  if (offset < 0) return time > distance ? time - distance : 1;
  if (time > UINT64_MAX - distance) return UINT64_MAX;
  return time + distance > 0 ? time + distance : 1;
}

uint64_t wasi_light__guest_time(const wasi_light_env_t *env, uint32_t clock) {
  uint64_t time = host_clock_time(clock);
  return clock <= P1_CLOCK_MONOTONIC ? shifted(time, env->config->clock_offset_ns) : time;
}

uint32_t p1_clock_res_get(wasi_light_env_t *env, uint32_t id, uint32_t resolution) {
  p1_mem_t mem;
  if (id > P1_CLOCK_THREAD_CPU) return WASI_LIGHT_EINVAL;
  if (wasi_light__memory(env, &mem)) return P1_STOP_NO_MEMORY;
  if (!p1_mem_has(mem, resolution, 8)) return WASI_LIGHT_EFAULT;
  p1_store_u64(mem, resolution, host_clock_resolution(id));
  return WASI_LIGHT_ESUCCESS;
}

uint32_t p1_clock_time_get(wasi_light_env_t *env, uint32_t id, uint64_t precision, uint32_t time) {
  p1_mem_t mem;
  (void)precision; /* how late the answer may be: it never is */
  if (id > P1_CLOCK_THREAD_CPU) return WASI_LIGHT_EINVAL;
  if (wasi_light__memory(env, &mem)) return P1_STOP_NO_MEMORY;
  if (!p1_mem_has(mem, time, 8)) return WASI_LIGHT_EFAULT;
  p1_store_u64(mem, time, wasi_light__guest_time(env, id));
  return WASI_LIGHT_ESUCCESS;
}
