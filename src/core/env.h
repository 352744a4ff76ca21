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

enum {
  P1_STOP_EXIT = WASI_LIGHT_STOP,
  P1_STOP_NO_MEMORY,
  P1_STOP_SLEEP,  /* options.sleep */
  P1_STOP_CALLS,  /* options.rules or options.quota */
  P1_STOP_OUTPUT, /* options.quota */
  P1_STOP_RANDOM, /* options.quota */
  P1_STOP_DENIED,
  P1_STOP_RAISED,
  P1_STOP_DIVERGED /* options.replay */
};

/* The rows of the table. */
enum {
#define P(index, kind, name)
#define P1_FUNCTION(name, result, doc, ...) P1_ROW_##name,
#include "p1_functions.def"
  P1_ROWS, /* those of preview 1; the others belong to snapshot 0 */
  P0_ROW_FIRST = P1_ROWS - 1,
#define P(index, kind, name)
#define P0_FUNCTION(name, body, result, ...) P0_ROW_##name,
#include "p0_functions.def"
  P1_ALL_ROWS
};

/* The streams, and the descriptors that name them at first. */
enum { P1_STDIN, P1_STDOUT, P1_STDERR, P1_STREAMS, P1_CLOSED = P1_STREAMS };

/* args or environ in the ABI's own layout: `bytes` is the strings with their NULs, one after another. */
typedef struct p1_strings_t {
  uint32_t count;
  uint32_t size;
  const uint32_t *offsets; /* of each string in `bytes` */
  const uint8_t *bytes;
} p1_strings_t;

/* What a rule of the host's says about a row. */
typedef struct p1_rule_t {
  wasi_light_action_t action;
  uint32_t error;
  const char *message; /* DENY_TRAP */
  uint64_t max_calls;  /* 0: no limit */
} p1_rule_t;

struct wasi_light_config_t {
  atomic_size_t references;
  atomic_uint_least64_t environments; /* made so far, if that is asked for */
  bool watched;                       /* calls are more than their bodies: see call.c */
  bool count_calls;                   /* environments count the calls of each function */
  p1_strings_t args, env;
  int64_t clock_offset_ns;
  wasi_light_clock_t clock;
  wasi_light_sleep_options_t sleep;
  bool seeded;
  bool next_random_stream;
  uint64_t seed;
  const p1_rule_t *rules; /* one for each row; NULL: there is no rule */
  wasi_light_quota_t quota;
  wasi_light_raise_mode_t raise;
  wasi_light_yield_t yield;
  wasi_light_trace_t trace;
  wasi_light_record_t record;
  const uint8_t *replay; /* our copy; NULL: nothing is replayed */
  size_t replay_size;
  wasi_light_input_t in;
  const uint8_t *in_bytes;    /* BYTES: our copy */
  wasi_light_output_t out[2]; /* stdout, stderr */
};

/* The buffer of a stream that is captured or given by lines. With lines, what was not given yet stands behind the prefix. */
typedef struct p1_capture_t {
  uint8_t *bytes; /* NULL: there is none */
  size_t size;
  uint64_t dropped;
  uint16_t prefix;             /* bytes of it */
  uint16_t utf8_had, utf8_due; /* bytes of the last character, if that is not complete */
} p1_capture_t;

/* What a guest's calls change and a reset puts back, but for what is in buffers. */
typedef struct p1_state_t {
  uint64_t random_stream;   /* which of the seed's streams it draws from */
  uint64_t random_position; /* bytes taken from that */
  size_t in_position;       /* bytes taken from an input of BYTES */
  uint64_t elapsed_ns;      /* of a clock that is not real */
  wasi_light_usage_t usage;
  uint32_t stop;       /* why the guest was stopped, if not by an exit; until it is reported. 0: it was not */
  uint32_t stopped_by; /* the row that did it */
  uint32_t exit_code;
  uint32_t signal; /* that was raised */
  bool exited;
  size_t replay_position;      /* in the log of options.replay */
  uint16_t stream[P1_STREAMS]; /* of each fd: a stream or P1_CLOSED */
  uint8_t fdflags[P1_STREAMS]; /* of each stream */
  uint32_t rights[P1_STREAMS]; /* of each stream */
} p1_state_t;

/* Entropy drawn ahead: see random.c. */
typedef struct p1_entropy_t {
  uint32_t generation; /* of the process, as host_generation() says; 0: nothing is drawn yet */
  uint32_t left;       /* unused bytes, at the end of `bytes` */
  uint8_t bytes[64];   /* the first 32 are the next key */
} p1_entropy_t;

struct wasi_light_env_t {
  wasi_light_config_t *config;
  void *host;

  void *memory;
  wasi_light_view_of_t view_of; /* NULL: no memory is bound */
  void (*release)(void *memory);

  void *store; /* the adapter's: where traps are made */

  p1_state_t state;
  p1_capture_t capture[2]; /* stdout, stderr */
  uint64_t *calls;         /* of each row; NULL: not counted */
  char *difference;        /* between what is replayed and the log, as a text; NULL: nothing is replayed */
  uint64_t first_stream;   /* which of the seed's streams it began with */
  p1_entropy_t entropy;
  bool in_callback; /* a callback of the configuration is running: the guest must not be entered */
};

/*
 * The contracts. Comments that begin with an @ are checked by Frama-C (proof/README.md) and are nothing to a compiler.
 *
 * Every syscall takes a valid environment, whatever its other arguments are and whatever is in guest memory, and leaves
 * it valid. It writes what P1_WRITABLE names and nothing else.
 */
/*@ axiomatic layout {
      // Where things are that stay where they are while a call lasts: an environment's configuration, its buffers, the
      // guest's memory, and the bytes that the configuration has of args, environ and stdin.
      logic wasi_light_config_t *config_of(wasi_light_env_t *env) reads \nothing;
      logic uint8_t *buffer(wasi_light_env_t *env, integer i) reads \nothing;
      logic integer buffer_size(wasi_light_env_t *env, integer i) reads \nothing;
      logic uint8_t *guest(wasi_light_env_t *env) reads \nothing;
      logic integer guest_size(wasi_light_env_t *env) reads \nothing;
      logic uint8_t *constants(wasi_light_env_t *env) reads \nothing;
      logic integer constants_size(wasi_light_env_t *env) reads \nothing;
    }

  // All that is there, and one is not in another.
  predicate valid_layout(wasi_light_env_t *env) =
    \valid(env) && \valid_read(config_of(env)) &&
    \valid(guest(env) + (0 .. guest_size(env) - 1)) && \valid_read(constants(env) + (0 .. constants_size(env) - 1)) &&
    \valid(buffer(env, 0) + (0 .. buffer_size(env, 0) - 1)) && \valid(buffer(env, 1) + (0 .. buffer_size(env, 1) - 1)) &&
    \separated(env, config_of(env), guest(env) + (0 .. guest_size(env) - 1),
               constants(env) + (0 .. constants_size(env) - 1), buffer(env, 0) + (0 .. buffer_size(env, 0) - 1),
               buffer(env, 1) + (0 .. buffer_size(env, 1) - 1));

  predicate constant_bytes(wasi_light_env_t *env, uint8_t *bytes, integer size) =
    \exists integer at; bytes == constants(env) + at && 0 <= at && at + size <= constants_size(env);

  predicate valid_strings(wasi_light_env_t *env, p1_strings_t *strings) =
    \valid_read(strings->offsets + (0 .. strings->count - 1)) && constant_bytes(env, strings->bytes, strings->size);

  predicate valid_input(wasi_light_env_t *env, wasi_light_input_t *in, uint8_t *bytes) =
    in->mode <= WASI_LIGHT_INPUT_CALLBACK && constant_bytes(env, bytes, in->size) &&
    (in->mode != WASI_LIGHT_INPUT_BYTES ==> in->size == 0);

  // See capture_size in env.c.
  predicate valid_output(wasi_light_output_t *out, integer size) =
    out->mode <= WASI_LIGHT_OUTPUT_LINES && (out->mode == WASI_LIGHT_OUTPUT_CAPTURE ==> out->capture_size <= size) &&
    (out->mode == WASI_LIGHT_OUTPUT_LINES ==>
       16 <= out->line_size <= SIZE_MAX / 4 && WASI_LIGHT_PREFIX_MAX + out->line_size + 1 <= size);

  predicate valid_config(wasi_light_env_t *env, wasi_light_config_t *config) =
    valid_strings(env, &config->args) && valid_strings(env, &config->env) &&
    valid_input(env, &config->in, config->in_bytes) &&
    valid_output(&config->out[0], buffer_size(env, 0)) && valid_output(&config->out[1], buffer_size(env, 1));

  predicate valid_capture(wasi_light_output_t *out, p1_capture_t *capture) =
    (out->mode == WASI_LIGHT_OUTPUT_CAPTURE ==> capture->size <= out->capture_size) &&
    (out->mode == WASI_LIGHT_OUTPUT_LINES ==>
       capture->size <= out->line_size && capture->prefix <= WASI_LIGHT_PREFIX_MAX &&
       capture->utf8_had <= capture->size && capture->utf8_had + capture->utf8_due <= 4 &&
       (capture->utf8_had == 0 <==> capture->utf8_due == 0));

  predicate valid_streams(p1_state_t *state) =
    state->stream[0] <= P1_CLOSED && state->stream[1] <= P1_CLOSED && state->stream[2] <= P1_CLOSED;

  predicate valid_entropy(p1_entropy_t *entropy) = entropy->left <= 32;

  predicate valid_pointers(wasi_light_env_t *env) =
    env->config == config_of(env) && env->capture[0].bytes == buffer(env, 0) && env->capture[1].bytes == buffer(env, 1);

  predicate valid_env(wasi_light_env_t *env) =
    valid_layout(env) && valid_pointers(env) && valid_config(env, config_of(env)) && valid_streams(&env->state) &&
    env->state.in_position <= config_of(env)->in.size && valid_entropy(&env->entropy) &&
    valid_capture(&config_of(env)->out[0], &env->capture[0]) && valid_capture(&config_of(env)->out[1], &env->capture[1]);

  // `mem` is the view of the guest's memory.
  predicate is_view(wasi_light_env_t *env, p1_mem_t mem) = mem.base == guest(env) && mem.size == guest_size(env);

  predicate is_errno(integer status) = 0 <= status <= WASI_LIGHT_ENOTCAPABLE;
  predicate is_stop(integer status) = P1_STOP_EXIT <= status <= P1_STOP_DIVERGED;
*/

/* valid_env part by part, each a goal of its own. */
#define P1_VALID(clause, env)                                                                                    \
  clause valid_layout(env) && valid_pointers(env) && valid_streams(&env->state) && valid_entropy(&env->entropy); \
  clause valid_strings(env, &config_of(env)->args);                                                              \
  clause valid_strings(env, &config_of(env)->env);                                                               \
  clause valid_input(env, &config_of(env)->in, config_of(env)->in_bytes);                                        \
  clause valid_output(&config_of(env)->out[0], buffer_size(env, 0));                                             \
  clause valid_output(&config_of(env)->out[1], buffer_size(env, 1));                                             \
  clause env->state.in_position <= config_of(env)->in.size;                                                      \
  clause valid_capture(&config_of(env)->out[0], &env->capture[0]);                                               \
  clause valid_capture(&config_of(env)->out[1], &env->capture[1]);

/* Guest memory, and what of the environment calls and callbacks may write. */
/* clang-format off */
#define P1_GUEST(env) guest(env)[0 .. guest_size(env) - 1]
#define P1_BUFFERS(env) buffer(env, 0)[0 .. buffer_size(env, 0) - 1], buffer(env, 1)[0 .. buffer_size(env, 1) - 1]
#define P1_WRITABLE(env) \
  P1_GUEST(env), P1_BUFFERS(env), env->state, env->capture[0 .. 1], env->entropy, env->in_callback
/* clang-format on */

/* Takes the view of the guest's memory: 0 or P1_STOP_NO_MEMORY. */
/*@ requires valid_env(env) && \valid(mem) && \separated(mem, env, env->config);
  assigns *mem;
  ensures \result == 0 || \result == P1_STOP_NO_MEMORY;
  ensures \result == 0 ==> is_view(env, *mem); */
uint32_t wasi_light__memory(wasi_light_env_t *env, p1_mem_t *mem);

/* What a guest's calls change in an environment, as it is at some moment. The buffers are copies. */
typedef struct wasi_light__env_state_t {
  p1_state_t state;
  p1_capture_t capture[2];
  uint64_t *calls;
} wasi_light__env_state_t;

/* False if memory runs out. A saved state is to be freed. */
bool wasi_light__env_save(const wasi_light_env_t *env, wasi_light__env_state_t *saved);
/* Goes back to it: an exit is forgotten. Entropy is never had twice. */
void wasi_light__env_restore(wasi_light_env_t *env, const wasi_light__env_state_t *saved);
void wasi_light__env_state_free(wasi_light__env_state_t *saved);

enum { P1_DIFFERENCE_SIZE = 400 };

/* The stream that an fd names, or P1_CLOSED for a closed or unknown one. */
/*@ requires valid_env(env); assigns \nothing;
  ensures \result <= P1_CLOSED;
  ensures fd >= P1_STREAMS ==> \result == P1_CLOSED; */
static inline uint32_t p1_stream_of(const wasi_light_env_t *env, uint32_t fd) {
  return fd < P1_STREAMS ? env->state.stream[fd] : (uint32_t)P1_CLOSED;
}

/* The realtime or monotonic clock as the guest sees it. */
/*@ requires valid_env(env) && clock <= P1_CLOCK_MONOTONIC;
  assigns P1_WRITABLE(env);
  ensures valid_env(env) && \result > 0; */
uint64_t wasi_light__guest_time(wasi_light_env_t *env, uint32_t clock);
/* Time has passed that was not waited for: clocks that go by it are advanced. */
/*@ requires valid_env(env); assigns env->state.elapsed_ns; ensures valid_env(env); */
void wasi_light__advance(wasi_light_env_t *env, uint64_t ns);
/*@ assigns \nothing; ensures \result == (a + b > UINT64_MAX ? UINT64_MAX : a + b); */
static inline uint64_t p1_sum(uint64_t a, uint64_t b) {
  return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/*
 * The one way to a syscall, whoever calls it: an exited guest gets nowhere, rules and limits hold, and a stop is
 * remembered. `args` are as many as the row has parameters.
 */
uint32_t wasi_light__call(wasi_light_env_t *env, uint32_t row, const uint64_t *args);

/* What a callback says; IO for what is no errno. */
/*@ assigns \nothing; ensures is_errno(\result); */
static inline uint32_t p1_errno_of(uint32_t value) {
  return value <= WASI_LIGHT_ENOTCAPABLE ? value : (uint32_t)WASI_LIGHT_EIO;
}

/* fd_write to the host once more, of `size` bytes that it is known to have taken, whatever the host says now. */
void wasi_light__write_again(wasi_light_env_t *env, const uint64_t *args, uint32_t size);

/* lines.c: output by lines. */
/*@ requires valid_env(env) && P1_STDOUT <= stream <= P1_STDERR && \valid_read(bytes + (0 .. len - 1));
  requires env->config->out[stream - 1].mode == WASI_LIGHT_OUTPUT_LINES;
  assigns P1_WRITABLE(env);
  P1_VALID(ensures, env)
  ensures is_errno(\result); */
uint32_t wasi_light__write_lines(wasi_light_env_t *env, uint32_t stream, const uint8_t *bytes, uint32_t len);

/* snprintf and vsnprintf that end a text that was cut with "...". */
void wasi_light__format(char *text, size_t size, const char *format, ...) __attribute__((cold, format(printf, 3, 4)));

void wasi_light__format_list(char *text, size_t size, const char *format, va_list list)
    __attribute__((cold, format(printf, 3, 0)));

/* Fills `*error` if there is one; the caller then returns NULL or false. */
void wasi_light__fail(wasi_light_error_t *error, wasi_light_error_code_t code, const char *format, ...)
    __attribute__((cold, format(printf, 3, 4)));

#define P1_CONTRACT \
  /*@ requires valid_env(env);                                                           \
    assigns P1_WRITABLE(env);                                                            \
    P1_VALID(ensures, env)                                                               \
    ensures is_errno(\result) || is_stop(\result); */

#define P(index, kind, name) , p1_##kind##_t name
#define P1_FUNCTION(name, result, doc, ...) P1_CONTRACT uint32_t p1_##name(wasi_light_env_t *env __VA_ARGS__);
#include "p1_functions.def"
P1_CONTRACT
uint32_t p0_fd_filestat_get(wasi_light_env_t *env, p1_FD_t fd, p1_OUT_FILESTAT0_t stat);
P1_CONTRACT
uint32_t p0_poll_oneoff(wasi_light_env_t *env, p1_SUBSCRIPTIONS0_t in, p1_OUT_EVENTS_t out, p1_COUNT_t nsubscriptions,
                        p1_OUT_U32_t nevents);

#endif
