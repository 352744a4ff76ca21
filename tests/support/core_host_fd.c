/* SPDX-License-Identifier: MIT */
#include "core_host_fd.h"

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

enum { STREAMS = 3 };

static int saved[STREAMS]; /* a copy of what was there, plus one; 0: not replaced */
static void (*volatile pending)(void);

static void must(int result, const char *what) {
  if (result >= 0) return;
  perror(what);
  abort();
}

void core_fd_replace(int fd, int by) {
  fflush(NULL);
  if (saved[fd] == 0) {
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, STREAMS);
    must(copy, "fcntl");
    saved[fd] = copy + 1;
  }
  if (by >= 0) must(dup2(by, fd), "dup2");
  else must(close(fd), "close");
}

void core_fd_restore(void) {
  for (int fd = 0; fd < STREAMS; fd++) {
    if (saved[fd] == 0) continue;
    must(dup2(saved[fd] - 1, fd), "dup2");
    close(saved[fd] - 1);
    saved[fd] = 0;
  }
}

int core_fd_teardown(void **state) {
  (void)state;
  core_cancel();
  core_fd_restore();
  return 0;
}

static void on_alarm(int signal_number) {
  (void)signal_number;
  if (pending) pending();
}

void core_after(int ms, void (*action)(void)) {
  const struct itimerval once = {.it_value = {ms / 1000, ms % 1000 * 1000L}};
  struct sigaction handler = {.sa_handler = on_alarm};
  pending = action;
  must(sigaction(SIGALRM, &handler, NULL), "sigaction");
  must(setitimer(ITIMER_REAL, &once, NULL), "setitimer");
}

void core_cancel(void) {
  const struct itimerval never = {.it_value = {0, 0}};
  must(setitimer(ITIMER_REAL, &never, NULL), "setitimer");
  pending = NULL;
}
