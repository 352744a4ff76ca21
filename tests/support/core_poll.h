/* SPDX-License-Identifier: MIT */
/* poll_oneoff's subscriptions and events, put together and taken apart by the offsets of the specification. */
#ifndef CORE_POLL_H
#define CORE_POLL_H

#include "core_guest.h"

enum { CLOCK, FD_READ, FD_WRITE }; /* $eventtype */
enum { REALTIME, MONOTONIC, PROCESS_CPU, THREAD_CPU };
enum { RELATIVE, ABSTIME };

enum { SUBSCRIPTION = 48, EVENT = 32 };

/* In a memory of POLL_MEMORY bytes: room for 64 of each. */
enum { IN = 64, OUT = IN + 64 * SUBSCRIPTION, NEVENTS = 8, POLL_MEMORY = OUT + 64 * EVENT };

/* Subscription `i`. Its userdata is USERDATA(i); bytes that its type does not use are not zero. */
#define USERDATA(i) (0xa0b0c0d000000000 + (i))
void core_put_clock(core_guest_t *guest, uint32_t i, uint32_t clock, uint64_t timeout, uint16_t flags);
void core_put_stream(core_guest_t *guest, uint32_t i, uint8_t type, uint32_t fd);

/* poll_oneoff of the first `count` subscriptions must succeed; the number of events. */
uint32_t core_poll(core_guest_t *guest, uint32_t count);

/* Event `e` must be of subscription `i` and say this. Of a clock or with an error, nbytes and flags must be 0. */
void core_assert_event(const core_guest_t *guest, uint32_t e, uint32_t i, uint8_t type, uint16_t error);
void core_assert_stream_event(const core_guest_t *guest, uint32_t e, uint32_t i, uint8_t type, uint64_t nbytes,
                              bool hangup);

#endif
