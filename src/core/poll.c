/* SPDX-License-Identifier: MIT */
/*
 * poll_oneoff: the subscriptions are read once, then time passes until at least one of them has an event.
 *
 * Deadlines are kept in the host's time: a relative one on the monotonic clock, whichever clock it names,
 * so that setting the wall clock does not stretch a sleep; an absolute one with the guest's offset taken off.
 * Left out on purpose: waiting on CPU-time clocks (ENOTSUP), and more than P1_SUBSCRIPTIONS_MAX at once.
 */
#include "../platform/host.h"
#include "env.h"

enum { P1_SUBSCRIPTIONS_MAX = 1024 };
enum { READY, BY_CLOCK, BY_STREAM }; /* what decides about a subscription */

typedef struct poll_entry_t {
  uint64_t userdata;
  uint64_t deadline; /* BY_CLOCK: host time */
  uint16_t error;
  uint8_t type;
  uint8_t decided;
  uint8_t clock;  /* BY_CLOCK: 0 or 1 */
  uint8_t stream; /* of fd_read and fd_write */
} poll_entry_t;

/* The host's time when the guest's clock, which is shifted by `offset` and shows at least 1, shows `time`. */
static uint64_t host_deadline(uint64_t time, int64_t offset) {
  if (time <= 1) return 0;
  uint64_t distance = offset < 0 ? 0 - (uint64_t)offset : (uint64_t)offset;
  if (offset >= 0) return time > distance ? time - distance : 0;
  return time > UINT64_MAX - distance ? UINT64_MAX : time + distance;
}

/* `now` is the host's monotonic clock: one reading for all, so that equal timeouts end together. */
static void take_clock(const wasi_light_env_t *env, p1_mem_t mem, uint64_t at, uint64_t now, poll_entry_t *entry) {
  uint32_t id = p1_load_u32(mem, at + P1_SUBSCRIPTION_CLOCK_ID);
  uint64_t timeout = p1_load_u64(mem, at + P1_SUBSCRIPTION_CLOCK_TIMEOUT);
  uint16_t flags = p1_load_u16(mem, at + P1_SUBSCRIPTION_CLOCK_FLAGS);
  entry->decided = READY;
  if (id > P1_CLOCK_THREAD_CPU || flags > P1_SUBCLOCKFLAGS_ABSTIME) {
    entry->error = WASI_LIGHT_EINVAL;
  } else if (id > P1_CLOCK_MONOTONIC) {
    entry->error = WASI_LIGHT_ENOTSUP;
  } else if (flags == P1_SUBCLOCKFLAGS_ABSTIME) {
    entry->decided = BY_CLOCK;
    entry->clock = (uint8_t)id;
    entry->deadline = host_deadline(timeout, env->config->clock_offset_ns);
  } else {
    entry->decided = BY_CLOCK;
    entry->clock = P1_CLOCK_MONOTONIC;
    entry->deadline = timeout > UINT64_MAX - now ? UINT64_MAX : now + timeout;
  }
}

static void take_stream(const wasi_light_env_t *env, p1_mem_t mem, uint64_t at, poll_entry_t *entry) {
  uint32_t stream = p1_stream_of(env, p1_load_u32(mem, at + P1_SUBSCRIPTION_FD));
  bool fits = entry->type == P1_EVENTTYPE_FD_READ ? stream == P1_STDIN : stream == P1_STDOUT || stream == P1_STDERR;
  bool inherited = stream == P1_STDIN ? env->config->in.mode == WASI_LIGHT_INPUT_INHERIT
                   : fits             ? env->config->out[stream - P1_STDOUT].mode == WASI_LIGHT_OUTPUT_INHERIT
                                      : false;
  entry->stream = (uint8_t)stream;
  entry->error = fits ? WASI_LIGHT_ESUCCESS : WASI_LIGHT_EBADF;
  entry->decided = fits && inherited ? BY_STREAM : READY;
}

/* Reads every subscription; false for one of a type that preview 1 does not have. */
static bool take_subscriptions(const wasi_light_env_t *env, p1_mem_t mem, uint32_t in, uint32_t count,
                               poll_entry_t *entries) {
  uint64_t now = host_clock_time(P1_CLOCK_MONOTONIC);
  for (uint32_t i = 0; i < count; i++) {
    uint64_t at = in + (uint64_t)i * P1_SUBSCRIPTION_SIZE;
    poll_entry_t *entry = &entries[i];
    *entry = (poll_entry_t){.userdata = p1_load_u64(mem, at), .type = p1_load_u8(mem, at + P1_SUBSCRIPTION_TAG)};
    if (entry->type == P1_EVENTTYPE_CLOCK) take_clock(env, mem, at, now, entry);
    else if (entry->type <= P1_EVENTTYPE_FD_WRITE) take_stream(env, mem, at, entry);
    else return false;
  }
  return true;
}

/* How long nothing can happen but on a stream: 0 if an entry is ready, UINT64_MAX if there is no clock. */
static uint64_t time_left(const poll_entry_t *entries, uint32_t count) {
  uint64_t now[2] = {host_clock_time(P1_CLOCK_REALTIME), host_clock_time(P1_CLOCK_MONOTONIC)};
  uint64_t least = UINT64_MAX;
  for (uint32_t i = 0; i < count; i++) {
    const poll_entry_t *entry = &entries[i];
    uint64_t left = UINT64_MAX;
    if (entry->decided == READY) left = 0;
    if (entry->decided == BY_CLOCK)
      left = entry->deadline > now[entry->clock] ? entry->deadline - now[entry->clock] : 0;
    if (left < least) least = left;
  }
  return least;
}

/* Marks what has happened; whether anything has. */
static bool decide(poll_entry_t *entries, uint32_t count, const host_poll_t polls[P1_STREAMS]) {
  uint64_t now[2] = {host_clock_time(P1_CLOCK_REALTIME), host_clock_time(P1_CLOCK_MONOTONIC)};
  bool any = false;
  for (uint32_t i = 0; i < count; i++) {
    poll_entry_t *entry = &entries[i];
    bool reached = entry->decided == BY_CLOCK && now[entry->clock] >= entry->deadline;
    bool ready = entry->decided == BY_STREAM && polls[entry->stream].ready;
    if (reached || ready) entry->decided = READY;
    any = any || entry->decided == READY;
  }
  return any;
}

static void wait(poll_entry_t *entries, uint32_t count, host_poll_t polls[P1_STREAMS]) {
  for (uint32_t i = 0; i < P1_STREAMS; i++) polls[i] = (host_poll_t){.fd = -1, .write = i != P1_STDIN};
  for (uint32_t i = 0; i < count; i++) {
    if (entries[i].decided == BY_STREAM) polls[entries[i].stream].fd = entries[i].stream;
  }
  do host_poll(polls, P1_STREAMS, time_left(entries, count));
  while (!decide(entries, count, polls));
}

static void store_event(const wasi_light_env_t *env, p1_mem_t mem, uint64_t at, const poll_entry_t *entry,
                        const host_poll_t polls[P1_STREAMS]) {
  const wasi_light_input_t *in = &env->config->in;
  uint64_t nbytes = entry->type == P1_EVENTTYPE_CLOCK || entry->error ? 0 : 1; /* at least */
  bool hangup = false;
  if (nbytes > 0) {
    hangup = polls[entry->stream].hangup;
    bool ended = hangup && entry->type == P1_EVENTTYPE_FD_READ;
    if (ended || polls[entry->stream].available > 0) nbytes = polls[entry->stream].available;
    if (entry->stream == P1_STDIN && in->mode <= WASI_LIGHT_INPUT_BYTES && in->mode != WASI_LIGHT_INPUT_INHERIT) {
      nbytes = in->size - env->in_position;
      hangup = nbytes == 0;
    }
  }
  p1_zero(mem, at, P1_EVENT_SIZE);
  p1_store_u64(mem, at, entry->userdata);
  p1_store_u16(mem, at + P1_EVENT_ERROR, entry->error);
  p1_store_u8(mem, at + P1_EVENT_TYPE, entry->type);
  p1_store_u64(mem, at + P1_EVENT_NBYTES, nbytes);
  p1_store_u16(mem, at + P1_EVENT_FLAGS, hangup ? P1_EVENTRWFLAGS_HANGUP : 0);
}

uint32_t p1_poll_oneoff(wasi_light_env_t *env, uint32_t in, uint32_t out, uint32_t nsubscriptions, uint32_t nevents) {
  poll_entry_t entries[P1_SUBSCRIPTIONS_MAX];
  host_poll_t polls[P1_STREAMS];
  p1_mem_t mem;
  uint32_t events = 0;
  if (nsubscriptions == 0 || nsubscriptions > P1_SUBSCRIPTIONS_MAX) return WASI_LIGHT_EINVAL;
  if (wasi_light__memory(env, &mem)) return P1_STOP_NO_MEMORY;
  if (!p1_mem_has(mem, in, (uint64_t)nsubscriptions * P1_SUBSCRIPTION_SIZE) ||
      !p1_mem_has(mem, out, (uint64_t)nsubscriptions * P1_EVENT_SIZE) || !p1_mem_has(mem, nevents, 4)) {
    return WASI_LIGHT_EFAULT;
  }
  if (!take_subscriptions(env, mem, in, nsubscriptions, entries)) return WASI_LIGHT_EINVAL;
  wait(entries, nsubscriptions, polls);
  for (uint32_t i = 0; i < nsubscriptions; i++) {
    if (entries[i].decided != READY) continue;
    store_event(env, mem, out + (uint64_t)events * P1_EVENT_SIZE, &entries[i], polls);
    events++;
  }
  p1_store_u32(mem, nevents, events);
  return WASI_LIGHT_ESUCCESS;
}
