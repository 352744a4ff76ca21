/* SPDX-License-Identifier: MIT */
/* proc_* and sched_yield. A guest is ended by way of the adapter's trap, never the host process. */
#include "../platform/host.h"
#include "env.h"

enum { SIGNALS = 31 }; /* 0 is none, 30 is SIGSYS */

uint32_t p1_proc_exit(wasi_light_env_t *env, uint32_t rval) {
  env->state.exited = true;
  env->state.exit_code = rval;
  return P1_STOP_EXIT;
}

uint32_t p1_proc_raise(wasi_light_env_t *env, uint32_t sig) {
  if (env->config->raise == WASI_LIGHT_RAISE_REFUSED) return WASI_LIGHT_ENOTSUP;
  if (sig == 0 || sig >= SIGNALS) return WASI_LIGHT_EINVAL;
  env->state.signal = sig;
  return P1_STOP_RAISED;
}

/*@ requires valid_env(env); assigns P1_WRITABLE(env); ensures valid_env(env); */
static void ask_yield(wasi_light_env_t *env) {
  env->in_callback = true;
  env->config->yield(env->host);
  env->in_callback = false;
}

uint32_t p1_sched_yield(wasi_light_env_t *env) {
  if (env->config->yield) ask_yield(env);
  else host_yield();
  return WASI_LIGHT_ESUCCESS;
}
