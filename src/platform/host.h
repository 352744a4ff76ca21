/* SPDX-License-Identifier: MIT */
/*
 * The operating system, as far as the core needs it. These are plain functions, so that a contract can
 * stand for each of them. Those that can fail return 0 or a WASI errno.
 */
#ifndef WASI_LIGHT_HOST_H
#define WASI_LIGHT_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of guest memory: `len` bytes at offset `ptr`, known to lie inside. */
typedef struct host_slice_t {
  uint32_t ptr;
  uint32_t len;
} host_slice_t;

/* What host_clock_time gives if the system cannot say: a time past every other, of the year 2554. */
#define HOST_NO_TIME (UINT64_MAX - 1)

/* Nanoseconds of clock 0 realtime, 1 monotonic, 2 the process's CPU time, 3 the calling thread's. */
/*@ requires clock <= 3; assigns \nothing; */
uint64_t host_clock_time(uint32_t clock);
/*@ requires clock <= 3; assigns \nothing; */
uint64_t host_clock_resolution(uint32_t clock);

/*@ requires \valid(bytes + (0 .. len - 1)); assigns bytes[0 .. len - 1]; ensures 0 <= \result <= 76; */
uint32_t host_entropy(uint8_t *bytes, uint64_t len);
/*@ assigns \nothing; */
void host_yield(void);

/*
 * A number, never 0, that is another one in a process and in what is forked off it: what was drawn or opened under
 * another number is not to be used. Costs no system call where the system has memory that a fork wipes.
 */
/*@ assigns \nothing; */
uint32_t host_generation(void);

/*@ assigns \nothing; */
bool host_is_terminal(int fd);

/*
 * Moves bytes between a descriptor of the host process and slices of the memory at `base`, in one
 * system call where the system allows it. A descriptor that is not ready is waited for, unless `nonblock`:
 * then AGAIN. The number may be short.
 */
/*@ predicate slices_inside(host_slice_t *slices, integer count, integer size) =
      \forall integer i; 0 <= i < count ==> slices[i].len > 0 && slices[i].ptr + slices[i].len <= size; */

/* `size` is that of the memory; it is there for the proof only. */
/*@ requires \valid(base + (0 .. size - 1)) && \valid(done) && \valid_read(slices + (0 .. count - 1));
  requires slices_inside(slices, count, size);
  assigns base[0 .. size - 1], *done;
  ensures 0 <= \result <= 76;
  ensures count == 1 ==> *done <= slices[0].len; */
uint32_t host_read(int fd, uint8_t *base, const host_slice_t *slices, uint32_t count, bool nonblock, uint32_t *done)
    /*@ ghost (uint64_t size) */;
/*@ requires \valid_read(base + (0 .. size - 1)) && \valid(done) && \valid_read(slices + (0 .. count - 1));
  requires slices_inside(slices, count, size);
  assigns *done;
  ensures 0 <= \result <= 76;
  ensures count == 1 ==> *done <= slices[0].len; */
uint32_t host_write(int fd, uint8_t *base, const host_slice_t *slices, uint32_t count, bool nonblock, uint32_t *done)
    /*@ ghost (uint64_t size) */;

/* One descriptor to wait for; `fd` < 0 is passed over. */
typedef struct host_poll_t {
  int fd;
  bool write;         /* wait until it can be written, else read */
  bool ready;         /* out */
  bool hangup;        /* out */
  uint64_t available; /* out: bytes that can be read, if known and any */
} host_poll_t;

enum { HOST_POLL_MAX = 8 };

/* Waits until a descriptor is ready or `timeout_ns` have passed; UINT64_MAX: no time-out. May return early. */
/*@ requires count <= HOST_POLL_MAX && \valid(polls + (0 .. count - 1));
  assigns polls[0 .. count - 1]; */
void host_poll(host_poll_t *polls, uint32_t count, uint64_t timeout_ns);

#endif
