/* SPDX-License-Identifier: MIT */
/* The host process's own descriptors 0, 1 and 2, put in another's place for the length of a call. POSIX. */
#ifndef CORE_HOST_FD_H
#define CORE_HOST_FD_H

/* `by` becomes descriptor `fd` (0, 1 or 2); by < 0: `fd` is closed. */
void core_fd_replace(int fd, int by);

/* Gives all of them back. A test that replaces one also has core_fd_teardown. */
void core_fd_restore(void);
int core_fd_teardown(void **state);

/* Calls `action` from a signal handler after `ms` milliseconds, once; core_cancel: or not at all. */
void core_after(int ms, void (*action)(void));
void core_cancel(void);

#endif
