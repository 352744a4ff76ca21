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

/* What snapshot 0 has elsewhere in a subscription. */
typedef struct layout_t {
  uint32_t size;
  uint32_t clock_shift;
} layout_t;

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

/* `at` is where the clock's fields count from. `now` is the host's monotonic clock: one reading for all, so that equal timeouts end together. */
static void take_clock(wasi_light_env_t *env, p1_mem_t mem, uint64_t at, uint64_t now, poll_entry_t *entry) {
  uint32_t id = p1_load_u32(mem, at + P1_SUBSCRIPTION_CLOCK_ID);
  uint64_t timeout = p1_load_u64(mem, at + P1_SUBSCRIPTION_CLOCK_TIMEOUT);
  uint16_t flags = p1_load_u16(mem, at + P1_SUBSCRIPTION_CLOCK_FLAGS);
  entry->decided = READY;
  if (id > P1_CLOCK_THREAD_CPU || flags > P1_SUBCLOCKFLAGS_ABSTIME) {
    entry->error = WASI_LIGHT_EINVAL;
  } else if (id > P1_CLOCK_MONOTONIC) {
    entry->error = WASI_LIGHT_ENOTSUP;
  } else if (flags == P1_SUBCLOCKFLAGS_ABSTIME && env->config->clock.mode == WASI_LIGHT_CLOCK_REAL) {
    entry->decided = BY_CLOCK;
    entry->clock = (uint8_t)id;
    entry->deadline = host_deadline(timeout, env->config->clock_offset_ns);
  } else {
    uint64_t guest = flags == P1_SUBCLOCKFLAGS_ABSTIME ? wasi_light__guest_time(env, id) : 0;
    entry->decided = BY_CLOCK;
    entry->clock = P1_CLOCK_MONOTONIC;
    entry->deadline = p1_sum(now, timeout > guest ? timeout - guest : 0);
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
  if (fits && !(env->state.rights[stream] & P1_RIGHTS_POLL_FD_READWRITE)) entry->error = WASI_LIGHT_ENOTCAPABLE;
  entry->decided = inherited && entry->error == WASI_LIGHT_ESUCCESS ? BY_STREAM : READY;
}

/* Reads every subscription; false for one of a type that preview 1 does not have. */
static bool take_subscriptions(wasi_light_env_t *env, p1_mem_t mem, layout_t layout, uint32_t in, uint32_t count,
                               uint64_t now, poll_entry_t *entries) {
  for (uint32_t i = 0; i < count; i++) {
    uint64_t at = in + (uint64_t)i * layout.size;
    poll_entry_t *entry = &entries[i];
    *entry = (poll_entry_t){.userdata = p1_load_u64(mem, at), .type = p1_load_u8(mem, at + P1_SUBSCRIPTION_TAG)};
    if (entry->type == P1_EVENTTYPE_CLOCK) take_clock(env, mem, at + layout.clock_shift, now, entry);
    else if (entry->type <= P1_EVENTTYPE_FD_WRITE) take_stream(env, mem, at, entry);
    else return false;
  }
  return true;
}

/* A call's waiting. */
typedef struct wait_t {
  wasi_light_env_t *env;
  poll_entry_t *entries;
  uint32_t count;
  host_poll_t polls[P1_STREAMS];
  uint64_t start[2]; /* of the host's clocks 0 and 1 */
  uint64_t slept;    /* in this call */
  uint64_t skipped;  /* of it, what was not waited for but has passed for the guest */
} wait_t;

/*
 * Reads the clocks; false if they cannot be read. Where neither time nor sleep is real any beginning does, but always the
 * same one, since it shows where a sum is cut at the end of time. It is 1, so that even then that is less than for ever.
 */
static bool begin(wait_t *w) {
  const wasi_light_config_t *config = w->env->config;
  bool real = config->clock.mode == WASI_LIGHT_CLOCK_REAL || config->sleep.mode == WASI_LIGHT_SLEEP_REAL;
  for (uint32_t i = 0; i < 2; i++) {
    w->start[i] = real ? host_clock_time(i) : 1;
    if (w->start[i] == HOST_NO_TIME) return false;
  }
  return true;
}

/*
 * Where sleep is not real, no time passes in a call but what is skipped: how long the call takes must not show. A clock
 * that cannot be read any more is past every deadline but that of the end of time, so that nobody waits for ever.
 */
static void read_clocks(const wait_t *w, uint64_t now[2]) {
  bool real = w->env->config->sleep.mode == WASI_LIGHT_SLEEP_REAL;
  for (uint32_t i = 0; i < 2; i++) now[i] = real ? host_clock_time(i) : p1_sum(w->start[i], w->skipped);
}

/* How long nothing can happen but on a stream: 0 if an entry is ready, UINT64_MAX if there is no clock. */
static uint64_t time_left(const wait_t *w) {
  uint64_t now[2];
  uint64_t least = UINT64_MAX;
  read_clocks(w, now);
  for (uint32_t i = 0; i < w->count; i++) {
    const poll_entry_t *entry = &w->entries[i];
    uint64_t left = UINT64_MAX;
    if (entry->decided == READY) left = 0;
    if (entry->decided == BY_CLOCK)
      left = entry->deadline > now[entry->clock] ? entry->deadline - now[entry->clock] : 0;
    if (left < least) least = left;
  }
  return least;
}

/* Marks what has happened; whether anything has. */
static bool decide(const wait_t *w) {
  uint64_t now[2];
  bool any = false;
  read_clocks(w, now);
  for (uint32_t i = 0; i < w->count; i++) {
    poll_entry_t *entry = &w->entries[i];
    bool reached = entry->decided == BY_CLOCK && now[entry->clock] >= entry->deadline;
    bool ready = entry->decided == BY_STREAM && w->polls[entry->stream].ready;
    if (reached || ready) entry->decided = READY;
    any = any || entry->decided == READY;
  }
  return any;
}

/* What the host allows this call to wait from now on. */
static uint64_t allowance(const wait_t *w) {
  const wasi_light_sleep_options_t *sleep = &w->env->config->sleep;
  uint64_t call = sleep->max_call_ns == 0 ? UINT64_MAX : sleep->max_call_ns;
  uint64_t total = sleep->max_total_ns == 0 ? UINT64_MAX : sleep->max_total_ns;
  uint64_t call_left = call > w->slept ? call - w->slept : 0;
  uint64_t total_left = total > w->env->state.usage.slept_ns ? total - w->env->state.usage.slept_ns : 0;
  if (call == UINT64_MAX && total == UINT64_MAX) return UINT64_MAX;
  return call_left < total_left ? call_left : total_left;
}

static void count_sleep(wait_t *w, uint64_t ns) {
  w->slept = p1_sum(w->slept, ns);
  w->env->state.usage.slept_ns = p1_sum(w->env->state.usage.slept_ns, ns);
}

static uint32_t sleep_for_real(wait_t *w, uint64_t ns) {
  uint64_t allowed = allowance(w);
  uint64_t before = host_clock_time(P1_CLOCK_MONOTONIC);
  host_poll(w->polls, P1_STREAMS, ns < allowed ? ns : allowed);
  uint64_t after = host_clock_time(P1_CLOCK_MONOTONIC);
  if (ns > 0 && before != HOST_NO_TIME && after != HOST_NO_TIME) count_sleep(w, after - before);
  return allowance(w) == 0 ? (uint32_t)P1_STOP_SLEEP : (uint32_t)WASI_LIGHT_ESUCCESS;
}

/* Gives the event of each clock that is not yet due this error. */
static void fail_clocks(const wait_t *w, uint32_t error) {
  for (uint32_t i = 0; i < w->count; i++) {
    if (w->entries[i].decided != BY_CLOCK) continue;
    w->entries[i].decided = READY;
    w->entries[i].error = (uint16_t)error;
  }
}

/* The time until the earliest clock passes without being waited for, but only if no stream is ready. */
static uint32_t sleep_otherwise(wait_t *w, uint64_t ns) {
  const wasi_light_sleep_options_t *sleep = &w->env->config->sleep;
  uint32_t error = sleep->mode == WASI_LIGHT_SLEEP_REFUSED ? WASI_LIGHT_ENOTSUP : WASI_LIGHT_ESUCCESS;
  host_poll(w->polls, P1_STREAMS, 0);
  if (decide(w)) return WASI_LIGHT_ESUCCESS;
  if (error == WASI_LIGHT_ESUCCESS && ns > allowance(w)) return P1_STOP_SLEEP;
  if (sleep->mode == WASI_LIGHT_SLEEP_CALLBACK) {
    w->env->in_callback = true;
    error = p1_errno_of(sleep->sleep(w->env->host, ns));
    w->env->in_callback = false;
  }
  if (error != WASI_LIGHT_ESUCCESS) {
    fail_clocks(w, error);
    return WASI_LIGHT_ESUCCESS;
  }
  count_sleep(w, ns);
  w->skipped = p1_sum(w->skipped, ns);
  wasi_light__advance(w->env, ns);
  return WASI_LIGHT_ESUCCESS;
}

/* Lets time pass until something has happened, or more of it would pass than the host allows. */
static uint32_t wait(wait_t *w) {
  bool real = w->env->config->sleep.mode == WASI_LIGHT_SLEEP_REAL;
  for (uint32_t i = 0; i < P1_STREAMS; i++) w->polls[i] = (host_poll_t){.fd = -1, .write = i != P1_STDIN};
  for (uint32_t i = 0; i < w->count; i++) {
    if (w->entries[i].decided == BY_STREAM) w->polls[w->entries[i].stream].fd = w->entries[i].stream;
  }
  for (;;) {
    uint64_t left = time_left(w);
    bool otherwise = !real && left > 0 && left < UINT64_MAX;
    uint32_t stop = otherwise ? sleep_otherwise(w, left) : sleep_for_real(w, left);
    if (decide(w)) return WASI_LIGHT_ESUCCESS;
    if (stop != WASI_LIGHT_ESUCCESS) return stop;
  }
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
      nbytes = in->size - env->state.in_position;
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

static uint32_t poll_oneoff(wasi_light_env_t *env, layout_t layout, uint32_t in, uint32_t out, uint32_t nsubscriptions,
                            uint32_t nevents) {
  poll_entry_t entries[P1_SUBSCRIPTIONS_MAX];
  wait_t waiting = {.env = env, .entries = entries, .count = nsubscriptions};
  p1_mem_t mem;
  uint32_t events = 0;
  if (nsubscriptions == 0 || nsubscriptions > P1_SUBSCRIPTIONS_MAX) return WASI_LIGHT_EINVAL;
  if (wasi_light__memory(env, &mem)) return P1_STOP_NO_MEMORY;
  if (!p1_mem_has(mem, in, (uint64_t)nsubscriptions * layout.size) ||
      !p1_mem_has(mem, out, (uint64_t)nsubscriptions * P1_EVENT_SIZE) || !p1_mem_has(mem, nevents, 4)) {
    return WASI_LIGHT_EFAULT;
  }
  if (!begin(&waiting)) return WASI_LIGHT_EIO;
  if (!take_subscriptions(env, mem, layout, in, nsubscriptions, waiting.start[P1_CLOCK_MONOTONIC], entries))
    return WASI_LIGHT_EINVAL;
  uint32_t stop = wait(&waiting);
  if (stop != WASI_LIGHT_ESUCCESS) return stop;
  for (uint32_t i = 0; i < nsubscriptions; i++) {
    if (entries[i].decided != READY) continue;
    store_event(env, mem, out + (uint64_t)events * P1_EVENT_SIZE, &entries[i], waiting.polls);
    events++;
  }
  p1_store_u32(mem, nevents, events);
  return WASI_LIGHT_ESUCCESS;
}

uint32_t p1_poll_oneoff(wasi_light_env_t *env, uint32_t in, uint32_t out, uint32_t nsubscriptions, uint32_t nevents) {
  static const layout_t layout = {P1_SUBSCRIPTION_SIZE, 0};
  return poll_oneoff(env, layout, in, out, nsubscriptions, nevents);
}

uint32_t p0_poll_oneoff(wasi_light_env_t *env, uint32_t in, uint32_t out, uint32_t nsubscriptions, uint32_t nevents) {
  static const layout_t layout = {P0_SUBSCRIPTION_SIZE, P0_SUBSCRIPTION_CLOCK_SHIFT};
  return poll_oneoff(env, layout, in, out, nsubscriptions, nevents);
}
