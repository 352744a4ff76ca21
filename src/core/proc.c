/* SPDX-License-Identifier: MIT */
/* proc_* and sched_yield. An exit ends the guest by way of the adapter's trap, never the host process. */
#include "../platform/host.h"
#include "env.h"

uint32_t p1_proc_exit(wasi_light_env_t *env, uint32_t rval) {
  env->exited = true;
  env->exit_code = rval;
  return P1_STOP_EXIT;
}

uint32_t p1_proc_raise(wasi_light_env_t *env, uint32_t sig) {
  (void)env;
  (void)sig;
  return WASI_LIGHT_ENOTSUP;
}

uint32_t p1_sched_yield(wasi_light_env_t *env) {
  (void)env;
  host_yield();
  return WASI_LIGHT_ESUCCESS;
}
