// SPDX-License-Identifier: MIT
//
// The 46 functions of wasi_snapshot_preview1 as the probe calls them: raw imports, behind one type.
//
// X(NAME, NUMBER OF PARAMETERS, "PARAMETERS", TYPES...), and X_EXIT for the one that returns nothing. A type is w, an
// i32, or d, an i64. A parameter is `name:kind`:
//   f fd            k clock         x exit code     g signal        a advice        w whence
//   F fdflags       T fstflags      L lookupflags   O oflags        R riflags       S siflags     D sdflags
//   t time          z size          o offset        q cookie        r rights
//   p path          l its length    v iovecs        c their count   s subscriptions n their count
//   b out bytes     m their length  A out strings   B their bytes
//   2 4 8 out u16, u32, u64         C out time      y out fdstat    Y out filestat  P out prestat e out events
#ifndef PROBE_FUNCTIONS_H
#define PROBE_FUNCTIONS_H

#include <stdint.h>

#define FUNCTIONS(X, X_EXIT)                                                                                          \
  X(args_get, 2, "argv:A argv_buf:B", w, w)                                                                           \
  X(args_sizes_get, 2, "argc:4 argv_buf_size:4", w, w)                                                                \
  X(environ_get, 2, "environ:A environ_buf:B", w, w)                                                                  \
  X(environ_sizes_get, 2, "environ_count:4 environ_buf_size:4", w, w)                                                 \
  X(clock_res_get, 2, "id:k resolution:C", w, w)                                                                      \
  X(clock_time_get, 3, "id:k precision:t time:C", w, d, w)                                                            \
  X(fd_advise, 4, "fd:f offset:z len:z advice:a", w, d, d, w)                                                         \
  X(fd_allocate, 3, "fd:f offset:z len:z", w, d, d)                                                                   \
  X(fd_close, 1, "fd:f", w)                                                                                           \
  X(fd_datasync, 1, "fd:f", w)                                                                                        \
  X(fd_fdstat_get, 2, "fd:f stat:y", w, w)                                                                            \
  X(fd_fdstat_set_flags, 2, "fd:f flags:F", w, w)                                                                     \
  X(fd_fdstat_set_rights, 3, "fd:f base:r inheriting:r", w, d, d)                                                     \
  X(fd_filestat_get, 2, "fd:f stat:Y", w, w)                                                                          \
  X(fd_filestat_set_size, 2, "fd:f size:z", w, d)                                                                     \
  X(fd_filestat_set_times, 4, "fd:f atim:t mtim:t fst_flags:T", w, d, d, w)                                           \
  X(fd_pread, 5, "fd:f iovs:v iovs_len:c offset:z nread:4", w, w, w, d, w)                                            \
  X(fd_prestat_get, 2, "fd:f prestat:P", w, w)                                                                        \
  X(fd_prestat_dir_name, 3, "fd:f path:b path_len:m", w, w, w)                                                        \
  X(fd_pwrite, 5, "fd:f iovs:v iovs_len:c offset:z nwritten:4", w, w, w, d, w)                                        \
  X(fd_read, 4, "fd:f iovs:v iovs_len:c nread:4", w, w, w, w)                                                         \
  X(fd_readdir, 5, "fd:f buf:b buf_len:m cookie:q bufused:4", w, w, w, d, w)                                          \
  X(fd_renumber, 2, "fd:f to:f", w, w)                                                                                \
  X(fd_seek, 4, "fd:f offset:o whence:w newoffset:8", w, d, w, w)                                                     \
  X(fd_sync, 1, "fd:f", w)                                                                                            \
  X(fd_tell, 2, "fd:f offset:8", w, w)                                                                                \
  X(fd_write, 4, "fd:f iovs:v iovs_len:c nwritten:4", w, w, w, w)                                                     \
  X(path_create_directory, 3, "fd:f path:p path_len:l", w, w, w)                                                      \
  X(path_filestat_get, 5, "fd:f flags:L path:p path_len:l stat:Y", w, w, w, w, w)                                     \
  X(path_filestat_set_times, 7, "fd:f flags:L path:p path_len:l atim:t mtim:t fst_flags:T", w, w, w, w, d, d, w)      \
  X(path_link, 7, "old_fd:f old_flags:L old_path:p old_path_len:l new_fd:f new_path:p new_path_len:l", w, w, w, w, w, \
    w, w)                                                                                                             \
  X(path_open, 9, "fd:f dirflags:L path:p path_len:l oflags:O base:r inheriting:r fdflags:F opened_fd:4", w, w, w, w, \
    w, d, d, w, w)                                                                                                    \
  X(path_readlink, 6, "fd:f path:p path_len:l buf:b buf_len:m bufused:4", w, w, w, w, w, w)                           \
  X(path_remove_directory, 3, "fd:f path:p path_len:l", w, w, w)                                                      \
  X(path_rename, 6, "fd:f old_path:p old_path_len:l new_fd:f new_path:p new_path_len:l", w, w, w, w, w, w)            \
  X(path_symlink, 5, "old_path:p old_path_len:l fd:f new_path:p new_path_len:l", w, w, w, w, w)                       \
  X(path_unlink_file, 3, "fd:f path:p path_len:l", w, w, w)                                                           \
  X(poll_oneoff, 4, "in:s out:e nsubscriptions:n nevents:4", w, w, w, w)                                              \
  X_EXIT(proc_exit, 1, "rval:x", w)                                                                                   \
  X(proc_raise, 1, "sig:g", w)                                                                                        \
  X(sched_yield, 0, "", void)                                                                                         \
  X(random_get, 2, "buf:b buf_len:m", w, w)                                                                           \
  X(sock_accept, 3, "fd:f flags:F new_fd:4", w, w, w)                                                                 \
  X(sock_recv, 6, "fd:f ri_data:v ri_data_len:c ri_flags:R ro_datalen:4 ro_flags:2", w, w, w, w, w, w)                \
  X(sock_send, 5, "fd:f si_data:v si_data_len:c si_flags:S so_datalen:4", w, w, w, w, w)                              \
  X(sock_shutdown, 2, "fd:f how:D", w, w)

typedef uint32_t w;
typedef uint64_t d;

#define IMPORT(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))
#define DECLARE(name, count, parameters, ...) IMPORT(name) uint32_t raw_##name(__VA_ARGS__);
#define DECLARE_EXIT(name, count, parameters, ...) IMPORT(name) _Noreturn void raw_##name(__VA_ARGS__);
FUNCTIONS(DECLARE, DECLARE_EXIT)

// Calls f with the arguments in `a`.
#define CALL_0(f, A) f()
#define CALL_1(f, A) f((A)a[0])
#define CALL_2(f, A, B) f((A)a[0], (B)a[1])
#define CALL_3(f, A, B, C) f((A)a[0], (B)a[1], (C)a[2])
#define CALL_4(f, A, B, C, D) f((A)a[0], (B)a[1], (C)a[2], (D)a[3])
#define CALL_5(f, A, B, C, D, E) f((A)a[0], (B)a[1], (C)a[2], (D)a[3], (E)a[4])
#define CALL_6(f, A, B, C, D, E, F) f((A)a[0], (B)a[1], (C)a[2], (D)a[3], (E)a[4], (F)a[5])
#define CALL_7(f, A, B, C, D, E, F, G) f((A)a[0], (B)a[1], (C)a[2], (D)a[3], (E)a[4], (F)a[5], (G)a[6])
#define CALL_9(f, A, B, C, D, E, F, G, H, I) \
  f((A)a[0], (B)a[1], (C)a[2], (D)a[3], (E)a[4], (F)a[5], (G)a[6], (H)a[7], (I)a[8])

#endif
