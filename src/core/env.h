/* SPDX-License-Identifier: MIT */
/*
 * What the core's files share: the configuration and the environment from inside, and the prototypes
 * of the 46 syscalls.
 *
 * A syscall is `uint32_t p1_NAME(env, parameters)`. It returns a WASI errno, or one of the P1_STOP
 * values: then the guest must not run on. It allocates nothing and keeps no guest address.
 */
#ifndef WASI_LIGHT_ENV_H
#define WASI_LIGHT_ENV_H

#include <stdarg.h>
#include <stdatomic.h>

#include "p1_abi.h"
#include "p1_mem.h"

enum { P1_STOP_EXIT = WASI_LIGHT_STOP, P1_STOP_NO_MEMORY, P1_STOP_SLEEP };

/* The streams, and the descriptors that name them at first. */
enum { P1_STDIN, P1_STDOUT, P1_STDERR, P1_STREAMS, P1_CLOSED = P1_STREAMS };

/* args or environ in the ABI's own layout: `bytes` is the strings with their NULs, one after another. */
typedef struct p1_strings_t {
  uint32_t count;
  uint32_t size;
  const uint32_t *offsets; /* of each string in `bytes` */
  const uint8_t *bytes;
} p1_strings_t;

struct wasi_light_config_t {
  atomic_size_t references;
  p1_strings_t args, env;
  int64_t clock_offset_ns;
  wasi_light_clock_t clock;
  wasi_light_sleep_options_t sleep;
  bool seeded;
  uint64_t seed;
  wasi_light_input_t in;      /* BYTES: `bytes` is our copy */
  wasi_light_output_t out[2]; /* stdout, stderr */
};

typedef struct p1_capture_t {
  uint8_t *bytes; /* NULL: not captured */
  size_t size;
  uint64_t dropped;
} p1_capture_t;

struct wasi_light_env_t {
  wasi_light_config_t *config;
  void *host;

  void *memory;
  wasi_light_view_of_t view_of; /* NULL: no memory is bound */
  void (*release)(void *memory);

  void *store; /* the adapter's: where traps are made */

  uint64_t random_position; /* bytes taken from the seeded stream */
  uint64_t random_stream;   /* which of the seed's streams */
  size_t in_position;       /* bytes taken from an input of BYTES */
  p1_capture_t capture[2];  /* stdout, stderr */

  uint64_t elapsed_ns; /* of a clock that is not real */
  uint64_t slept_ns;

  const char *stopped_by; /* the function that stopped the guest other than by an exit; until it is reported */
  uint32_t stop;          /* why */
  uint32_t exit_code;
  bool exited;
  bool in_callback;            /* a stream callback is running: the guest must not be entered */
  uint8_t stream[P1_STREAMS];  /* of each fd: a stream or P1_CLOSED */
  uint8_t fdflags[P1_STREAMS]; /* of each stream */
};

/* Takes the view of the guest's memory: 0 or P1_STOP_NO_MEMORY. */
uint32_t wasi_light__memory(wasi_light_env_t *env, p1_mem_t *mem);

/* What a guest's calls change in an environment, as it is at some moment. */
typedef struct wasi_light__env_state_t {
  uint64_t random_position;
  uint64_t elapsed_ns, slept_ns;
  size_t in_position;
  uint8_t stream[P1_STREAMS];
  uint8_t fdflags[P1_STREAMS];
  p1_capture_t capture[2]; /* `bytes` is a copy, or NULL */
} wasi_light__env_state_t;

/* False if memory runs out. A saved state is to be freed. */
bool wasi_light__env_save(const wasi_light_env_t *env, wasi_light__env_state_t *state);
/* Goes back to it: an exit is forgotten. The random stream's number stays. */
void wasi_light__env_restore(wasi_light_env_t *env, const wasi_light__env_state_t *state);
void wasi_light__env_state_free(wasi_light__env_state_t *state);

/* The stream that an fd names, or P1_CLOSED for a closed or unknown one. */
static inline uint32_t p1_stream_of(const wasi_light_env_t *env, uint32_t fd) {
  return fd < P1_STREAMS ? env->stream[fd] : (uint32_t)P1_CLOSED;
}

/* The realtime or monotonic clock as the guest sees it. */
uint64_t wasi_light__guest_time(wasi_light_env_t *env, uint32_t clock);
/* Time has passed that was not waited for: clocks that go by it are advanced. */
void wasi_light__advance(wasi_light_env_t *env, uint64_t ns);
static inline uint64_t p1_sum(uint64_t a, uint64_t b) {
  return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Around every syscall, whoever calls it: an exited guest gets nowhere, and a stop is remembered. */
static inline bool wasi_light__may_call(const wasi_light_env_t *env) {
  return !env->exited;
}
static inline uint32_t wasi_light__called(wasi_light_env_t *env, const char *name, uint32_t status) {
  if (status > P1_STOP_EXIT) {
    env->stopped_by = name;
    env->stop = status;
  }
  return status;
}

/* snprintf and vsnprintf that end a text that was cut with "...". */
void wasi_light__format(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

void wasi_light__format_list(char *text, size_t size, const char *format, va_list list)
    __attribute__((format(printf, 3, 0)));

/* Fills `*error` if there is one; the caller then returns NULL or false. */
void wasi_light__fail(wasi_light_error_t *error, wasi_light_error_code_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define P(index, kind, name) , p1_##kind##_t name
#define P1_FUNCTION(name, result, doc, ...) uint32_t p1_##name(wasi_light_env_t *env __VA_ARGS__);
#include "p1_functions.def"

#endif
