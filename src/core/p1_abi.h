/* SPDX-License-Identifier: MIT */
/*
 * The ABI of wasi_snapshot_preview1 as this library uses it: parameter kinds, numbers and layouts.
 * Source of every number: WebAssembly/WASI, branch wasi-0.1, preview1/witx/typenames.witx; for snapshot 0
 * preview0/witx/typenames.witx.
 */
#ifndef WASI_LIGHT_P1_ABI_H
#define WASI_LIGHT_P1_ABI_H

#include <stdint.h>

#include "wasi_light.h"

/*
 * Parameter kinds: X(KIND, C type, wasm type letter). Input kinds are values or pointers that a function
 * reads through; OUT_* kinds are pointers that it writes through.
 */
#define P1_KIND_MAP(X)                                               \
  X(FD, uint32_t, 'i')                                               \
  X(CLOCK, uint32_t, 'i')                                            \
  X(EXITCODE, uint32_t, 'i')                                         \
  X(SIGNAL, uint32_t, 'i')                                           \
  X(ADVICE, uint32_t, 'i')                                           \
  X(WHENCE, uint32_t, 'i')                                           \
  X(WHENCE0, uint32_t, 'i') /* of snapshot 0 */                      \
  X(FDFLAGS, uint32_t, 'i')                                          \
  X(FSTFLAGS, uint32_t, 'i')                                         \
  X(LOOKUPFLAGS, uint32_t, 'i')                                      \
  X(OFLAGS, uint32_t, 'i')                                           \
  X(RIFLAGS, uint32_t, 'i')                                          \
  X(SIFLAGS, uint32_t, 'i')                                          \
  X(SDFLAGS, uint32_t, 'i')                                          \
  X(LENGTH, uint32_t, 'i') /* bytes behind the pointer before it */  \
  X(COUNT, uint32_t, 'i')  /* elements behind a pointer before it */ \
  X(TIME, uint64_t, 'I')                                             \
  X(SIZE64, uint64_t, 'I')                                           \
  X(DELTA, uint64_t, 'I') /* a signed offset, as its bits */         \
  X(COOKIE, uint64_t, 'I')                                           \
  X(RIGHTS, uint64_t, 'I')                                           \
  X(PATH, uint32_t, 'i')                                             \
  X(IOVECS, uint32_t, 'i')  /* iovec array: buffers to fill */       \
  X(CIOVECS, uint32_t, 'i') /* ciovec array: buffers to read */      \
  X(SUBSCRIPTIONS, uint32_t, 'i')                                    \
  X(SUBSCRIPTIONS0, uint32_t, 'i') /* of snapshot 0 */               \
  X(OUT_STRINGS, uint32_t, 'i')    /* array of string pointers */    \
  X(OUT_BYTES, uint32_t, 'i')                                        \
  X(OUT_U16, uint32_t, 'i')                                          \
  X(OUT_U32, uint32_t, 'i')                                          \
  X(OUT_U64, uint32_t, 'i')                                          \
  X(OUT_FDSTAT, uint32_t, 'i')                                       \
  X(OUT_FILESTAT, uint32_t, 'i')                                     \
  X(OUT_FILESTAT0, uint32_t, 'i') /* of snapshot 0 */                \
  X(OUT_PRESTAT, uint32_t, 'i')                                      \
  X(OUT_EVENTS, uint32_t, 'i')

#define P1_KIND_TYPE(kind, ctype, letter) typedef ctype p1_##kind##_t;
P1_KIND_MAP(P1_KIND_TYPE)
#undef P1_KIND_TYPE

/* P1_WASM_FD == 'i' ... */
enum {
#define P1_KIND_WASM(kind, ctype, letter) P1_WASM_##kind = letter,
  P1_KIND_MAP(P1_KIND_WASM)
#undef P1_KIND_WASM
};

enum { P1_CLOCK_REALTIME = 0, P1_CLOCK_MONOTONIC = 1, P1_CLOCK_PROCESS_CPU = 2, P1_CLOCK_THREAD_CPU = 3 };

enum { P1_FILETYPE_UNKNOWN = 0, P1_FILETYPE_CHARACTER_DEVICE = 2 };

enum {
  P1_FDFLAGS_APPEND = 1,
  P1_FDFLAGS_DSYNC = 2,
  P1_FDFLAGS_NONBLOCK = 4,
  P1_FDFLAGS_RSYNC = 8,
  P1_FDFLAGS_SYNC = 16,
  P1_FDFLAGS_ALL = 31
};

enum {
  P1_RIGHTS_FD_READ = 1 << 1,
  P1_RIGHTS_FD_FDSTAT_SET_FLAGS = 1 << 3,
  P1_RIGHTS_FD_WRITE = 1 << 6,
  P1_RIGHTS_FD_FILESTAT_GET = 1 << 21,
  P1_RIGHTS_POLL_FD_READWRITE = 1 << 27,
  P1_RIGHTS_STDIN =
      P1_RIGHTS_FD_READ | P1_RIGHTS_FD_FDSTAT_SET_FLAGS | P1_RIGHTS_FD_FILESTAT_GET | P1_RIGHTS_POLL_FD_READWRITE,
  P1_RIGHTS_OUTPUT =
      P1_RIGHTS_FD_WRITE | P1_RIGHTS_FD_FDSTAT_SET_FLAGS | P1_RIGHTS_FD_FILESTAT_GET | P1_RIGHTS_POLL_FD_READWRITE
};

/* iovec and ciovec: { buf u32 @0, buf_len u32 @4 } */
enum { P1_IOVEC_SIZE = 8, P1_IOVEC_LEN = 4 };

/* How many of an array are served in one call. */
enum { P1_IOVECS_MAX = 1024 };

/* prestat: { tag u8 @0, pr_name_len u32 @4 } */
enum { P1_PRESTAT_SIZE = 8 };

/* fdstat: { fs_filetype u8 @0, fs_flags u16 @2, fs_rights_base u64 @8, fs_rights_inheriting u64 @16 } */
enum { P1_FDSTAT_SIZE = 24, P1_FDSTAT_FLAGS = 2, P1_FDSTAT_RIGHTS_BASE = 8, P1_FDSTAT_RIGHTS_INHERITING = 16 };

/* filestat: { dev u64 @0, ino u64 @8, filetype u8 @16, nlink u64 @24, size u64 @32, atim, mtim, ctim u64 @40.. } */
enum { P1_FILESTAT_SIZE = 64, P1_FILESTAT_INO = 8, P1_FILESTAT_FILETYPE = 16, P1_FILESTAT_NLINK = 24 };
/* That of snapshot 0: { ... nlink u32 @20, size u64 @24, atim, mtim, ctim u64 @32.. } */
enum { P0_FILESTAT_SIZE = 56, P0_FILESTAT_NLINK = 20 };

/*
 * subscription: { userdata u64 @0, tag u8 @8, then by tag
 *   clock { id u32 @16, timeout u64 @24, precision u64 @32, flags u16 @40 }
 *   fd_read, fd_write { fd u32 @16 } }
 */
enum {
  P1_SUBSCRIPTION_SIZE = 48,
  P1_SUBSCRIPTION_TAG = 8,
  P1_SUBSCRIPTION_CLOCK_ID = 16,
  P1_SUBSCRIPTION_CLOCK_TIMEOUT = 24,
  P1_SUBSCRIPTION_CLOCK_FLAGS = 40,
  P1_SUBSCRIPTION_FD = 16
};
/* That of snapshot 0: clock { identifier u64 @16, then the same 8 bytes on } */
enum { P0_SUBSCRIPTION_SIZE = 56, P0_SUBSCRIPTION_CLOCK_SHIFT = 8 };
enum { P1_EVENTTYPE_CLOCK = 0, P1_EVENTTYPE_FD_READ = 1, P1_EVENTTYPE_FD_WRITE = 2 };
enum { P1_SUBCLOCKFLAGS_ABSTIME = 1 };

/* event: { userdata u64 @0, error u16 @8, type u8 @10, fd_readwrite { nbytes u64 @16, flags u16 @24 } } */
enum { P1_EVENT_SIZE = 32, P1_EVENT_ERROR = 8, P1_EVENT_TYPE = 10, P1_EVENT_NBYTES = 16, P1_EVENT_FLAGS = 24 };
enum { P1_EVENTRWFLAGS_HANGUP = 1 };

#endif
