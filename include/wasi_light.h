/* SPDX-License-Identifier: MIT */
/*
 * wasi_light.h - WASI preview 1 for plug-in hosts: the part that knows no engine.
 *
 * Here are the configuration (what a plug-in is given), the environment (one instance's WASI state), the
 * 46 functions of wasi_snapshot_preview1 as a list that any engine can bind, errors and outcomes. Hosts
 * that use Wasmer's C API include wasi_light_wasm.h instead, which includes this file.
 *
 * Ownership: what a `_new` or `_copy` function returns belongs to the caller, who gives it to the
 * `_delete` function of the same type; every `_delete` accepts NULL. Everything else is borrowed.
 * Threads: a configuration may be used by any number of threads at once. An environment belongs to one
 * instance and, like it, may be used by one thread at a time. There is no global state but a page that tells a fork.
 * Units: times are nanoseconds, sizes are bytes.
 */
#ifndef WASI_LIGHT_H
#define WASI_LIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define WASI_LIGHT_API __attribute__((visibility("default")))
#else
#define WASI_LIGHT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define WASI_LIGHT_VERSION "0.1.0"

/* The version of the library that was linked, as opposed to the header that was compiled. */
WASI_LIGHT_API const char *wasi_light_version(void);

/* ---- Errors -------------------------------------------------------------------------------------- */

#define WASI_LIGHT_ERROR_MAP(X)                                                                            \
  X(OK, 0, "success")                                                                                      \
  X(ARGUMENT, 1, "an argument of this call cannot be used")                                                \
  X(OUT_OF_MEMORY, 2, "the host ran out of memory")                                                        \
  X(MODULE, 3, "the module is malformed, or more than this host accepts")                                  \
  X(COMPILE, 4, "the engine did not accept the module")                                                    \
  X(LINK, 5, "imports of the module are unresolved or have another type")                                  \
  X(INSTANTIATE, 6, "the engine did not make the instance")                                                \
  X(TRAP, 7, "the guest trapped while it was being initialised")                                           \
  X(EXIT, 8, "the guest exited while it was being initialised")                                            \
  X(NO_MEMORY, 9, "the guest needed its memory while it was being initialised, and none is bound")         \
  X(BUSY, 10, "the pool has no free instance, or the instance is in use")                                  \
  X(LIMIT, 11, "the guest crossed a limit of the host's while it was being initialised")                   \
  X(DIVERGED, 12, "the guest did not do what it did when it was recorded, while it was being initialised") \
  X(RAISED, 13, "the guest raised a signal while it was being initialised")

typedef enum wasi_light_error_code_t {
#define WASI_LIGHT_ERROR_ENUM(name, value, text) WASI_LIGHT_ERROR_##name = value,
  WASI_LIGHT_ERROR_MAP(WASI_LIGHT_ERROR_ENUM)
#undef WASI_LIGHT_ERROR_ENUM
} wasi_light_error_code_t;

/*
 * An error by value, in the caller's memory. Functions that take a `wasi_light_error_t *` accept NULL.
 * They write it only when they fail. The message is one NUL-terminated text that names the thing at
 * fault; the LINK error has a line for each import. A text that does not fit ends with "...".
 */
typedef struct wasi_light_error_t {
  wasi_light_error_code_t code;
  uint32_t exit_code; /* EXIT: the guest's */
  uint32_t signal;    /* RAISED: its number */
  char message[4084];
} wasi_light_error_t;

/* "ARGUMENT", "LINK" ...; "unknown" for a number that is none of them. */
WASI_LIGHT_API const char *wasi_light_error_name(int code);

/* ---- WASI errno ---------------------------------------------------------------------------------- */

/* `errno` of preview 1's typenames.witx, in its order. */
#define WASI_LIGHT_ERRNO_MAP(X) \
  X(SUCCESS, 0)                 \
  X(2BIG, 1)                    \
  X(ACCES, 2)                   \
  X(ADDRINUSE, 3)               \
  X(ADDRNOTAVAIL, 4)            \
  X(AFNOSUPPORT, 5)             \
  X(AGAIN, 6)                   \
  X(ALREADY, 7)                 \
  X(BADF, 8)                    \
  X(BADMSG, 9)                  \
  X(BUSY, 10)                   \
  X(CANCELED, 11)               \
  X(CHILD, 12)                  \
  X(CONNABORTED, 13)            \
  X(CONNREFUSED, 14)            \
  X(CONNRESET, 15)              \
  X(DEADLK, 16)                 \
  X(DESTADDRREQ, 17)            \
  X(DOM, 18)                    \
  X(DQUOT, 19)                  \
  X(EXIST, 20)                  \
  X(FAULT, 21)                  \
  X(FBIG, 22)                   \
  X(HOSTUNREACH, 23)            \
  X(IDRM, 24)                   \
  X(ILSEQ, 25)                  \
  X(INPROGRESS, 26)             \
  X(INTR, 27)                   \
  X(INVAL, 28)                  \
  X(IO, 29)                     \
  X(ISCONN, 30)                 \
  X(ISDIR, 31)                  \
  X(LOOP, 32)                   \
  X(MFILE, 33)                  \
  X(MLINK, 34)                  \
  X(MSGSIZE, 35)                \
  X(MULTIHOP, 36)               \
  X(NAMETOOLONG, 37)            \
  X(NETDOWN, 38)                \
  X(NETRESET, 39)               \
  X(NETUNREACH, 40)             \
  X(NFILE, 41)                  \
  X(NOBUFS, 42)                 \
  X(NODEV, 43)                  \
  X(NOENT, 44)                  \
  X(NOEXEC, 45)                 \
  X(NOLCK, 46)                  \
  X(NOLINK, 47)                 \
  X(NOMEM, 48)                  \
  X(NOMSG, 49)                  \
  X(NOPROTOOPT, 50)             \
  X(NOSPC, 51)                  \
  X(NOSYS, 52)                  \
  X(NOTCONN, 53)                \
  X(NOTDIR, 54)                 \
  X(NOTEMPTY, 55)               \
  X(NOTRECOVERABLE, 56)         \
  X(NOTSOCK, 57)                \
  X(NOTSUP, 58)                 \
  X(NOTTY, 59)                  \
  X(NXIO, 60)                   \
  X(OVERFLOW, 61)               \
  X(OWNERDEAD, 62)              \
  X(PERM, 63)                   \
  X(PIPE, 64)                   \
  X(PROTO, 65)                  \
  X(PROTONOSUPPORT, 66)         \
  X(PROTOTYPE, 67)              \
  X(RANGE, 68)                  \
  X(ROFS, 69)                   \
  X(SPIPE, 70)                  \
  X(SRCH, 71)                   \
  X(STALE, 72)                  \
  X(TIMEDOUT, 73)               \
  X(TXTBSY, 74)                 \
  X(XDEV, 75)                   \
  X(NOTCAPABLE, 76)

enum {
#define WASI_LIGHT_ERRNO_ENUM(name, value) WASI_LIGHT_E##name = value,
  WASI_LIGHT_ERRNO_MAP(WASI_LIGHT_ERRNO_ENUM)
#undef WASI_LIGHT_ERRNO_ENUM
};
typedef uint32_t wasi_light_errno_t;

/* "SUCCESS", "BADF", "FAULT" ...; "unknown" for a number that preview 1 does not have. */
WASI_LIGHT_API const char *wasi_light_errno_name(wasi_light_errno_t value);

/* ---- Configuration ------------------------------------------------------------------------------- */

/*
 * The host's side of a stream. `host` is the pointer that the environment was made with. The bytes lie
 * in guest memory: they are good until the callback returns, and the callback must not call into that
 * instance (the call is refused). A callback returns 0 or the errno that the guest shall see;
 * a number that is none becomes IO.
 */

/* Takes all of `bytes`, or none and returns an errno. `fd` is 1 for stdout, 2 for stderr. */
typedef wasi_light_errno_t (*wasi_light_write_t)(void *host, uint32_t fd, const uint8_t *bytes, size_t size);

/* Puts up to `size` bytes into `buffer` and their number into `*got`; 0 is the end of the input. */
typedef wasi_light_errno_t (*wasi_light_read_t)(void *host, uint8_t *buffer, size_t size, size_t *got);

typedef enum wasi_light_output_mode_t {
  WASI_LIGHT_OUTPUT_DISCARD = 0, /* writes succeed and go nowhere */
  WASI_LIGHT_OUTPUT_INHERIT,     /* the host process's own stdout or stderr */
  WASI_LIGHT_OUTPUT_CAPTURE,     /* kept in the environment: see wasi_light_env_captured */
  WASI_LIGHT_OUTPUT_CALLBACK,    /* given to `write` */
  WASI_LIGHT_OUTPUT_LINES        /* line by line: see below */
} wasi_light_output_mode_t;

/*
 * Receives a line without its newline, and with the environment's prefix before it; `line[size]` is a NUL. A line that is
 * longer than `line_size` comes in pieces, all but the last of which are said to continue. No character of UTF-8 is cut.
 */
typedef void (*wasi_light_log_t)(void *host, uint32_t fd, const char *line, size_t size, bool continues);

typedef struct wasi_light_output_t {
  wasi_light_output_mode_t mode;
  size_t capture_size;      /* CAPTURE: how many bytes each environment keeps, at least 1 */
  wasi_light_write_t write; /* CALLBACK */
  size_t line_size;         /* LINES: the most bytes of a line, at least 16; each environment has room for one */
  bool escape;              /* LINES: show control characters but tab, and bytes that are not UTF-8, as \xHH */
  wasi_light_log_t line;    /* LINES; NULL: to the host process's own stdout or stderr */
} wasi_light_output_t;

typedef enum wasi_light_input_mode_t {
  WASI_LIGHT_INPUT_EMPTY = 0, /* at end of file */
  WASI_LIGHT_INPUT_INHERIT,   /* the host process's own stdin */
  WASI_LIGHT_INPUT_BYTES,     /* a copy of `bytes`; each environment reads it from the start */
  WASI_LIGHT_INPUT_CALLBACK   /* asked from `read` */
} wasi_light_input_mode_t;

typedef struct wasi_light_input_t {
  wasi_light_input_mode_t mode;
  const void *bytes; /* BYTES */
  size_t size;
  wasi_light_read_t read; /* CALLBACK */
} wasi_light_input_t;

typedef enum wasi_light_clock_mode_t {
  WASI_LIGHT_CLOCK_REAL = 0, /* the system's */
  WASI_LIGHT_CLOCK_FROZEN, /* stands still at `start_ns`. Not with real sleep, or a guest that waits would spin for ever */
  WASI_LIGHT_CLOCK_STEPPING, /* begins there; each read adds `step_ns`, and sleep that is not real adds its length */
  WASI_LIGHT_CLOCK_VIRTUAL,  /* begins there; only sleep advances it. Not with real sleep */
  WASI_LIGHT_CLOCK_CALLBACK  /* asked from `now` */
} wasi_light_clock_mode_t;

/* Nanoseconds of clock 0 (realtime) or 1 (monotonic). `host` as with streams; it must not call into the instance. */
typedef uint64_t (*wasi_light_now_t)(void *host, uint32_t clock);

/*
 * The realtime and the monotonic clock. In the modes from FROZEN to VIRTUAL the monotonic clock begins at 1, since Go dies
 * on a 0. In every mode but REAL the two clocks of CPU time are NOTSUP, so that nothing of the real time shows. The offset is added in every mode.
 */
typedef struct wasi_light_clock_t {
  wasi_light_clock_mode_t mode;
  uint64_t start_ns;      /* FROZEN, STEPPING, VIRTUAL: the realtime clock at first, since 1970 */
  uint64_t step_ns;       /* STEPPING */
  uint64_t resolution_ns; /* what all clocks are rounded down to, and clock_res_get says; 0: as exact as they come */
  wasi_light_now_t now;   /* CALLBACK */
} wasi_light_clock_t;

typedef enum wasi_light_sleep_mode_t {
  WASI_LIGHT_SLEEP_REAL = 0, /* poll_oneoff waits */
  WASI_LIGHT_SLEEP_VIRTUAL,  /* it does not wait; clocks that go by sleep are advanced. With a real clock a guest
                                that looks at the time will ask again and again */
  WASI_LIGHT_SLEEP_REFUSED,  /* a clock that is not yet due gives the event error NOTSUP, at once */
  WASI_LIGHT_SLEEP_CALLBACK  /* the host waits, or does something else, in `sleep` */
} wasi_light_sleep_mode_t;

/* Lets `ns` nanoseconds pass and returns 0, or the errno that the event of each clock not yet due shall have. */
typedef wasi_light_errno_t (*wasi_light_sleep_t)(void *host, uint64_t ns);

/*
 * Waiting in poll_oneoff. A guest that would wait longer than it may is stopped: the outcome is LIMIT. Waiting for an
 * inherited stream alone is real in every mode, and counts.
 */
typedef struct wasi_light_sleep_options_t {
  wasi_light_sleep_mode_t mode;
  uint64_t max_call_ns;     /* longest wait of one call; 0: no limit */
  uint64_t max_total_ns;    /* longest wait of all calls of an environment; 0: no limit */
  wasi_light_sleep_t sleep; /* CALLBACK */
} wasi_light_sleep_options_t;

/* Called for sched_yield. `host` as with streams; it must not call into the instance. */
typedef void (*wasi_light_yield_t)(void *host);

typedef enum wasi_light_raise_mode_t {
  WASI_LIGHT_RAISE_REFUSED = 0, /* proc_raise is NOTSUP */
  WASI_LIGHT_RAISE_OUTCOME      /* it stops the guest: the outcome is RAISED */
} wasi_light_raise_mode_t;

typedef enum wasi_light_action_t {
  WASI_LIGHT_ALLOW = 0,
  WASI_LIGHT_DENY_ERRNO, /* the function does nothing but return `error` */
  WASI_LIGHT_DENY_TRAP   /* it stops the guest: the outcome is TRAPPED, with `message` */
} wasi_light_action_t;

/*
 * Receives a line for each WASI call when it has ended, such as `clock_time_get(monotonic, 1) = success -> 123456789`.
 * Out-parameters are left out, what was written there stands after the arrow. Strings are cut after 32 bytes. A pointer
 * that does not point into memory is shown as `<bad 0xfffffff0>`. `host` as with streams.
 */
typedef void (*wasi_light_trace_t)(void *host, const char *line);

/*
 * Receives the next bytes of a log of all WASI calls: what the guest asked, and what it was answered. Kept one behind the
 * other, they are what `replay` takes. The calls of an instance of a pool while it was made go to the pool's host pointer,
 * those of a lease to the lease's: the log of a lease is both, one behind the other. Several instances that
 * a pool makes give several beginnings, each with its own header. wasi_light_env_reset begins a new log.
 */
typedef void (*wasi_light_record_t)(void *host, const uint8_t *bytes, size_t size);

/* What one of the 46 functions may do. To replace one by a function of the host's own, give that to the linker. */
typedef struct wasi_light_rule_t {
  const char *function; /* "fd_write"; if several rules are for one function, the last counts */
  wasi_light_action_t action;
  wasi_light_errno_t error; /* DENY_ERRNO; not for proc_exit, which does not return */
  const char *message;      /* DENY_TRAP; NULL: the outcome names the function and nothing else */
  uint64_t max_calls; /* ALLOW: a guest that calls it more often is stopped, with the outcome LIMIT; 0: no limit */
} wasi_light_rule_t;

/*
 * What a guest may use in all, 0 for no limit. The call that would cross one is not made: the guest is stopped, with
 * the outcome LIMIT. For the time that it may wait see wasi_light_sleep_options_t.
 */
typedef struct wasi_light_quota_t {
  uint64_t calls;        /* of WASI functions */
  uint64_t out_bytes;    /* written to stdout and stderr, whatever becomes of them */
  uint64_t random_bytes; /* from random_get */
} wasi_light_quota_t;

/*
 * What plug-ins are given. Start from WASI_LIGHT_OPTIONS_INIT, which gives nothing but real clocks and
 * the operating system's randomness, and set what shall differ. All of it is copied.
 */
typedef struct wasi_light_options_t {
  size_t struct_size;          /* sizeof(wasi_light_options_t); lets the struct grow compatibly */
  const char *const *args;     /* argv, NULL-terminated, program name first; NULL: no arguments */
  const char *const *env;      /* "KEY=VALUE" strings, NULL-terminated, kept in this order; NULL: none */
  int64_t clock_offset_ns;     /* added to the realtime and the monotonic clock; the sum is clamped to
                                  [1, 2^64-1], since Go dies on a monotonic 0 */
  const uint64_t *random_seed; /* NULL: random_get gives the operating system's entropy. Else every
                                  environment gets the same documented stream: the ChaCha20 key stream
                                  (RFC 8439) of key LE64(seed) and 24 zero bytes, nonce 0, counter 0. Other
                                  streams of the seed: number n has LE64(n) in the last 8 bytes of the nonce */
  bool next_random_stream;     /* with a seed: the n-th environment (from 1) gets stream n, so that no two are alike */
  wasi_light_input_t in;
  wasi_light_output_t out, err;
  wasi_light_clock_t clock;
  wasi_light_sleep_options_t sleep;
  wasi_light_yield_t yield; /* NULL: the system's */
  wasi_light_raise_mode_t raise;
  const wasi_light_rule_t *rules;
  size_t rule_count;
  wasi_light_quota_t quota;
  bool count_calls;           /* count the calls of each function: see wasi_light_env_calls */
  wasi_light_trace_t trace;   /* NULL: none */
  wasi_light_record_t record; /* NULL: nothing is recorded */
  const void *replay;         /* a log: WASI calls are answered from it, and nothing is asked of the system or the
                                 callbacks, but what the guest writes to stdout and stderr is written. The first call that
                                 is not the one in the log stops the guest: the outcome is DIVERGED. Host functions and
                                 what the host calls are the host's to repeat */
  size_t replay_size;
} wasi_light_options_t;

/* clang-format off */
#define WASI_LIGHT_OPTIONS_INIT                                                                                      \
  {sizeof(wasi_light_options_t), NULL, NULL, 0, NULL, false, {WASI_LIGHT_INPUT_EMPTY, NULL, 0, NULL},                \
   {WASI_LIGHT_OUTPUT_DISCARD, 0, NULL, 0, false, NULL}, {WASI_LIGHT_OUTPUT_DISCARD, 0, NULL, 0, false, NULL},       \
   {WASI_LIGHT_CLOCK_REAL, 0, 0, 0, NULL}, {WASI_LIGHT_SLEEP_REAL, 0, 0, NULL}, NULL, WASI_LIGHT_RAISE_REFUSED,      \
   NULL, 0, {0, 0, 0}, false, NULL, NULL, NULL, 0}
/* clang-format on */

/* Immutable once made, reference-counted, shared by any number of environments on any threads. */
typedef struct wasi_light_config_t wasi_light_config_t;

/*
 * NULL and `*error` for: ARGUMENT (an env string without '=' or with an empty key, a mode that does not
 * exist, a callback missing, arguments of 4 GiB or more, a rule for no function of preview 1, the struct of another
 * version), OUT_OF_MEMORY.
 */
WASI_LIGHT_API wasi_light_config_t *wasi_light_config_new(const wasi_light_options_t *options,
                                                          wasi_light_error_t *error);

/* Another reference to the same configuration; never fails. */
WASI_LIGHT_API wasi_light_config_t *wasi_light_config_copy(wasi_light_config_t *config);
WASI_LIGHT_API void wasi_light_config_delete(wasi_light_config_t *config);

/* ---- Outcomes ------------------------------------------------------------------------------------ */

typedef enum wasi_light_outcome_kind_t {
  WASI_LIGHT_RETURNED = 0, /* the guest returned; its results are there */
  WASI_LIGHT_EXITED,       /* it called proc_exit: see exit_code */
  WASI_LIGHT_TRAPPED,      /* it trapped, or a host function did: see message */
  WASI_LIGHT_NO_MEMORY,    /* a WASI function needed the guest's memory and none is bound: see message */
  WASI_LIGHT_REFUSED,      /* the guest was not entered, because the call was wrong: see message */
  WASI_LIGHT_LIMIT,        /* it crossed a limit of the host's: see message */
  WASI_LIGHT_RAISED,       /* it called proc_raise: see signal */
  WASI_LIGHT_DIVERGED      /* it does not do what it did when it was recorded: see message */
} wasi_light_outcome_kind_t;

/* How a call ended, by value. */
typedef struct wasi_light_outcome_t {
  wasi_light_outcome_kind_t kind;
  uint32_t exit_code; /* EXITED */
  uint32_t signal;    /* RAISED: preview 1's number, which is 6 for abort */
  char message[500];  /* "" for RETURNED; a text that does not fit ends with "..." */
} wasi_light_outcome_t;

/* ---- Environment --------------------------------------------------------------------------------- */

/* One instance's WASI state. It owns no descriptor and no thread, and no WASI call allocates. */
typedef struct wasi_light_env_t wasi_light_env_t;

/*
 * Takes a reference to `config`. `host` is handed to the configuration's callbacks; it may be NULL.
 * NULL and `*error` for: ARGUMENT (config is NULL), OUT_OF_MEMORY.
 */
WASI_LIGHT_API wasi_light_env_t *wasi_light_env_new(wasi_light_config_t *config, void *host, wasi_light_error_t *error);

/* After the guest's last call. With wasm.h: before its store is deleted. */
WASI_LIGHT_API void wasi_light_env_delete(wasi_light_env_t *env);

/*
 * Back to the state in which it was made: not exited, all three streams open and without flags, input
 * and seeded randomness at their start, nothing captured. Memory and host pointer stay.
 */
WASI_LIGHT_API void wasi_light_env_reset(wasi_light_env_t *env);

/* With a seed: which of its streams random_get continues with, from its start. */
WASI_LIGHT_API void wasi_light_env_set_random_stream(wasi_light_env_t *env, uint64_t number);

/* What the guest has used since the environment was made or reset. In a pool: since the instance was made, without what other leases used. */
typedef struct wasi_light_usage_t {
  uint64_t calls; /* of WASI functions; not those that the host replaced */
  uint64_t out_bytes, random_bytes;
  uint64_t slept_ns;
} wasi_light_usage_t;

WASI_LIGHT_API wasi_light_usage_t wasi_light_env_usage(const wasi_light_env_t *env);

/* The calls of one function, such as "fd_write", refused ones included. 0 unless options.count_calls is set or there are rules. */
WASI_LIGHT_API uint64_t wasi_light_env_calls(const wasi_light_env_t *env, const char *function);

/* Bytes of options.replay that the guest's calls have not come to yet. */
WASI_LIGHT_API size_t wasi_light_env_replay_left(const wasi_light_env_t *env);

WASI_LIGHT_API void *wasi_light_env_host(const wasi_light_env_t *env);
WASI_LIGHT_API void wasi_light_env_set_host(wasi_light_env_t *env, void *host);

/*
 * What the guest wrote to fd 1 or 2 since the environment was made, reset or cleared, if that stream is
 * captured: its first `capture_size` bytes, not NUL-terminated, good until the next call. What came
 * after the buffer was full is dropped, the guest's write succeeds all the same, and `*dropped` counts
 * it. Both out-parameters may be NULL. NULL for a stream that is not captured.
 */
WASI_LIGHT_API const uint8_t *wasi_light_env_captured(const wasi_light_env_t *env, uint32_t fd, size_t *size,
                                                      uint64_t *dropped);
WASI_LIGHT_API void wasi_light_env_clear_captured(wasi_light_env_t *env, uint32_t fd);

/*
 * Output by lines. The prefix, "" at first and after a reset, stands before each line; what is longer than
 * WASI_LIGHT_PREFIX_MAX bytes is cut. A line that has no newline yet is given by wasi_light_env_flush, and when the
 * environment is reset, given back to its pool or deleted: so long the host pointer must be good.
 */
enum { WASI_LIGHT_PREFIX_MAX = 64 };
WASI_LIGHT_API void wasi_light_env_set_prefix(wasi_light_env_t *env, const char *prefix);
WASI_LIGHT_API void wasi_light_env_flush(wasi_light_env_t *env);

/* What wasi_light_env_new allocates for this configuration, capture buffers included. */
WASI_LIGHT_API size_t wasi_light_env_bytes(const wasi_light_config_t *config);

/* ---- For engines: memory and functions ----------------------------------------------------------- */

/* The guest's linear memory as it is now. It is asked for anew in each WASI call, since it can grow. */
typedef struct wasi_light_view_t {
  uint8_t *base;
  uint64_t size;
} wasi_light_view_t;
typedef wasi_light_view_t (*wasi_light_view_of_t)(void *memory);

/*
 * Binds the memory that WASI calls of this environment read and write; the one before is released.
 * `release` (may be NULL) is called with `memory` when it is replaced or the environment deleted.
 * view_of NULL binds none. Calls that need no memory work without one.
 */
WASI_LIGHT_API void wasi_light_env_set_memory(wasi_light_env_t *env, void *memory, wasi_light_view_of_t view_of,
                                              void (*release)(void *memory));

/*
 * One function of wasi_snapshot_preview1. `signature` is parameters then result, as in "(iiII)i", with i
 * for i32 and I for i64. `call` takes one uint64_t per parameter (upper bits of an i32 are ignored). It
 * returns the errno for the guest, or a value of at least WASI_LIGHT_STOP: then the guest must not run
 * on, and wasi_light_env_stopped says why.
 */
typedef struct wasi_light_function_t {
  const char *name;
  const char *signature;
  uint32_t (*call)(wasi_light_env_t *env, const uint64_t *args);
  const char *doc; /* what it does here, in one or two sentences */
} wasi_light_function_t;

#define WASI_LIGHT_STOP 0x10000u

/* All 46, in the order of the specification. */
WASI_LIGHT_API const wasi_light_function_t *wasi_light_functions(size_t *count);

/*
 * The function that a guest imports from "wasi_snapshot_preview1", or from "wasi_unstable" (snapshot 0), whose fd_seek,
 * fd_filestat_get and poll_oneoff differ; NULL if that has none of this name.
 */
WASI_LIGHT_API const wasi_light_function_t *wasi_light_function(const char *module, const char *name);

/*
 * Whether the guest was stopped by a WASI call, and how. An exit is reported until the environment is
 * reset, since no later call of it goes through; everything else is reported once.
 */
WASI_LIGHT_API bool wasi_light_env_stopped(wasi_light_env_t *env, wasi_light_outcome_t *outcome);

#ifdef __cplusplus
}
#endif
#endif
