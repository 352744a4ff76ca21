/* SPDX-License-Identifier: MIT */
/*
 * What needs a filesystem, a directory, offsets or sockets: 27 functions that have nothing to act on here.
 * The errno of each, and why, stands in its row of p1_functions.def.
 */
#include "env.h"

/*@ requires valid_env(env) && is_errno(errno_on_stream); assigns \nothing; ensures is_errno(\result); */
static uint32_t stream_errno(const wasi_light_env_t *env, uint32_t fd, uint32_t errno_on_stream) {
  return p1_stream_of(env, fd) == P1_CLOSED ? (uint32_t)WASI_LIGHT_EBADF : errno_on_stream;
}

#define P(index, kind, name) , __attribute__((unused)) p1_##kind##_t name
#define P1_FUNCTION(name, result, doc, ...)
#define P1_STREAM_ERRNO(name, fd, errno_name, doc, ...)     \
  uint32_t p1_##name(wasi_light_env_t *env __VA_ARGS__) {   \
    return stream_errno(env, fd, WASI_LIGHT_E##errno_name); \
  }
#include "p1_functions.def"
