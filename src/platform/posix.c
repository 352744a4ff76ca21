/* SPDX-License-Identifier: MIT */
/*
 * host.h on POSIX systems. It opens nothing: the only descriptors it touches are the host's own 0, 1 and 2.
 * Left out on purpose: systems without ppoll (POSIX 2024), and SIGPIPE, which stays the host's decision as
 * for its own writes.
 */
#define _GNU_SOURCE /* ppoll */

#include "host.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "wasi_light.h"

enum { NS_PER_S = 1000000000, IOVECS_AT_ONCE = 64 };

static clockid_t system_clock(uint32_t clock) {
  static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID,
                                     CLOCK_THREAD_CPUTIME_ID};
  return clocks[clock & 3u];
}

static uint64_t nanoseconds(struct timespec t) {
  return t.tv_sec < 0 ? 0 : (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t host_clock_time(uint32_t clock) {
  struct timespec t;
  return clock_gettime(system_clock(clock), &t) == 0 ? nanoseconds(t) : HOST_NO_TIME;
}

uint64_t host_clock_resolution(uint32_t clock) {
  struct timespec t = {0, 1};
  clock_getres(system_clock(clock), &t);
  return nanoseconds(t);
}

#if defined(__linux__) || defined(__FreeBSD__)
static ssize_t entropy_some(uint8_t *bytes, size_t len) {
  return getrandom(bytes, len, 0);
}
#else
static ssize_t entropy_some(uint8_t *bytes, size_t len) {
  size_t some = len < 256 ? len : 256; /* more is an error */
  return getentropy(bytes, some) == 0 ? (ssize_t)some : -1;
}
#endif

uint32_t host_entropy(uint8_t *bytes, uint64_t len) {
  uint64_t done = 0;
  while (done < len) {
    ssize_t n = entropy_some(bytes + done, (size_t)(len - done));
    if (n < 0 && errno != EINTR) return WASI_LIGHT_EIO;
    if (n > 0) done += (uint64_t)n;
  }
  return WASI_LIGHT_ESUCCESS;
}

/*
 * The generation stands in a page that a fork fills with zeros (MADV_WIPEONFORK, Linux 4.14). The page is the process's,
 * like its number: there is one for all environments, made when it is first needed. Two threads may both replace a zero;
 * then the first number is out of use again at once, which costs its user a new key and nothing more.
 */
static _Atomic(atomic_uint *) fork_page;
static atomic_uint no_page; /* its address says that the system has no such pages */
static atomic_uint generations;

enum { FORK_PAGE_SIZE = 4096 };

#if defined(MADV_WIPEONFORK)
static atomic_uint *map_fork_page(void) {
  void *page = mmap(NULL, FORK_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return &no_page;
  if (madvise(page, FORK_PAGE_SIZE, MADV_WIPEONFORK) == 0) return page;
  munmap(page, FORK_PAGE_SIZE);
  return &no_page;
}
#else
static atomic_uint *map_fork_page(void) {
  return &no_page;
}
#endif

static atomic_uint *new_fork_page(void) {
  atomic_uint *page = map_fork_page();
  atomic_uint *there = NULL;
  if (atomic_compare_exchange_strong(&fork_page, &there, page)) return page;
  if (page != &no_page) munmap(page, FORK_PAGE_SIZE);
  return there;
}

uint32_t host_generation(void) {
  atomic_uint *page = atomic_load_explicit(&fork_page, memory_order_acquire);
  if (!page) page = new_fork_page();
  if (page == &no_page) return (uint32_t)getpid();
  unsigned generation = atomic_load_explicit(page, memory_order_relaxed);
  if (generation == 0) {
    generation = atomic_fetch_add_explicit(&generations, 1, memory_order_relaxed) + 1;
    atomic_store_explicit(page, generation, memory_order_relaxed);
  }
  return generation;
}

void host_yield(void) {
  sched_yield();
}

bool host_is_terminal(int fd) {
  return isatty(fd) == 1;
}

static uint32_t wasi_errno(int error) {
  switch (error) {
    case EAGAIN: return WASI_LIGHT_EAGAIN;
    case EBADF: return WASI_LIGHT_EBADF;
    case EFBIG: return WASI_LIGHT_EFBIG;
    case EISDIR: return WASI_LIGHT_EISDIR;
    case ENOSPC: return WASI_LIGHT_ENOSPC;
    case EPIPE: return WASI_LIGHT_EPIPE;
    default: return WASI_LIGHT_EIO;
  }
}

/* Waits for one descriptor; false if it is not ready within `timeout_ms`, or nobody can say. */
static bool wait_for(int fd, short events, int timeout_ms) {
  struct pollfd p = {fd, events, 0};
  int n;
  do n = poll(&p, 1, timeout_ms);
  while (n < 0 && errno == EINTR);
  return n > 0;
}

/* readv or writev of at most IOVECS_AT_ONCE slices, until it moves something or fails for good. */
static uint32_t move_some(int fd, uint8_t *base, const host_slice_t *slices, uint32_t count, bool write, bool nonblock,
                          size_t *moved) {
  struct iovec iovecs[IOVECS_AT_ONCE];
  short events = write ? POLLOUT : POLLIN;
  for (uint32_t i = 0; i < count; i++) {
    iovecs[i].iov_base = base + slices[i].ptr;
    iovecs[i].iov_len = slices[i].len;
  }
  if (nonblock) { /* the descriptor may be a blocking one: move only what it surely takes */
    if (!wait_for(fd, events, 0)) return WASI_LIGHT_EAGAIN;
    count = 1;
    if (write && iovecs[0].iov_len > _POSIX_PIPE_BUF) iovecs[0].iov_len = _POSIX_PIPE_BUF;
  }
  for (;;) {
    ssize_t n = write ? writev(fd, iovecs, (int)count) : readv(fd, iovecs, (int)count);
    if (n >= 0) {
      *moved = (size_t)n;
      return WASI_LIGHT_ESUCCESS;
    }
    if (errno == EAGAIN && !nonblock) wait_for(fd, events, -1);
    else if (errno != EINTR) return wasi_errno(errno);
  }
}

static uint32_t move(int fd, uint8_t *base, const host_slice_t *slices, uint32_t count, bool write, bool nonblock,
                     uint32_t *done) {
  *done = 0;
  for (uint32_t i = 0; i < count; i += IOVECS_AT_ONCE) {
    uint32_t some = count - i < IOVECS_AT_ONCE ? count - i : (uint32_t)IOVECS_AT_ONCE;
    uint64_t wanted = 0;
    size_t moved = 0;
    for (uint32_t k = 0; k < some; k++) wanted += slices[i + k].len;
    uint32_t error = move_some(fd, base, slices + i, some, write, nonblock, &moved);
    if (error != WASI_LIGHT_ESUCCESS) return *done > 0 ? (uint32_t)WASI_LIGHT_ESUCCESS : error;
    *done += (uint32_t)moved;
    if (moved < wanted || !write) break; /* to read on could mean to wait, with bytes in hand */
  }
  return WASI_LIGHT_ESUCCESS;
}

uint32_t host_read(int fd, uint8_t *base, const host_slice_t *slices, uint32_t count, bool nonblock, uint32_t *done) {
  return move(fd, base, slices, count, false, nonblock, done);
}

uint32_t host_write(int fd, uint8_t *base, const host_slice_t *slices, uint32_t count, bool nonblock, uint32_t *done) {
  return move(fd, base, slices, count, true, nonblock, done);
}

void host_poll(host_poll_t *polls, uint32_t count, uint64_t timeout_ns) {
  struct pollfd fds[HOST_POLL_MAX];
  struct timespec timeout = {(time_t)(timeout_ns / NS_PER_S), (long)(timeout_ns % NS_PER_S)};
  for (uint32_t i = 0; i < count; i++) fds[i] = (struct pollfd){polls[i].fd, polls[i].write ? POLLOUT : POLLIN, 0};
  int n = ppoll(fds, count, timeout_ns == UINT64_MAX ? NULL : &timeout, NULL);
  bool failed = n < 0 && errno != EINTR; /* then all are ready, or they would be waited for without an end */
  for (uint32_t i = 0; i < count; i++) {
    int available = 0;
    polls[i].ready = failed ? polls[i].fd >= 0 : n > 0 && fds[i].revents != 0;
    polls[i].hangup = n > 0 && (fds[i].revents & (POLLHUP | POLLERR)) != 0;
    if (polls[i].ready && !polls[i].write) ioctl(polls[i].fd, FIONREAD, &available);
    polls[i].available = available > 0 ? (uint64_t)available : 0;
  }
}
