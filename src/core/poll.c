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
  uint8_t stream; /* of fd_read and fd_write */
  bool realtime;  /* BY_CLOCK: else it is monotonic */
} poll_entry_t;

/* A call's waiting. */
typedef struct wait_t {
  host_poll_t polls[P1_STREAMS];
  uint64_t start[2]; /* of the host's clocks 0 and 1 */
  uint64_t now[2];   /* as they were read last */
  uint64_t slept;    /* in this call */
  uint64_t skipped;  /* of it, what was not waited for but has passed for the guest */
  uint32_t stop;     /* why the host allows no more of it; 0: it does */
  uint32_t count;
  poll_entry_t entries[P1_SUBSCRIPTIONS_MAX];
} wait_t;

/*@ predicate is_layout(layout_t layout) =
    (layout.size == P1_SUBSCRIPTION_SIZE && layout.clock_shift == 0) ||
    (layout.size == P0_SUBSCRIPTION_SIZE && layout.clock_shift == P0_SUBSCRIPTION_CLOCK_SHIFT);

  predicate subscriptions_in(p1_mem_t mem, integer in, integer count, layout_t layout) =
    (layout.size == P1_SUBSCRIPTION_SIZE ==> p1_in(mem, in, count * P1_SUBSCRIPTION_SIZE)) &&
    (layout.size == P0_SUBSCRIPTION_SIZE ==> p1_in(mem, in, count * P0_SUBSCRIPTION_SIZE));

  // It is apart from all that a call may write.
  predicate valid_wait(wasi_light_env_t *env, wait_t *w) =
    \valid(w) && w->count <= P1_SUBSCRIPTIONS_MAX &&
    \separated(w, env, config_of(env), guest(env) + (0 .. guest_size(env) - 1),
               constants(env) + (0 .. constants_size(env) - 1), buffer(env, 0) + (0 .. buffer_size(env, 0) - 1),
               buffer(env, 1) + (0 .. buffer_size(env, 1) - 1));
*/
/* clang-format off */
#define P1_ENTRIES(w) w->entries[0 .. P1_SUBSCRIPTIONS_MAX - 1]
#define P1_POLLS(w) w->polls[0 .. P1_STREAMS - 1]
/* clang-format on */

/* The host's time when the guest's clock, which is shifted by `offset` and shows at least 1, shows `time`. */
/*@ assigns \nothing; */
static uint64_t host_deadline(uint64_t time, int64_t offset) {
  if (time <= 1) return 0;
  uint64_t distance = offset < 0 ? 0 - (uint64_t)offset : (uint64_t)offset;
  if (offset >= 0) return time > distance ? time - distance : 0;
  return time > UINT64_MAX - distance ? UINT64_MAX : time + distance;
}

/* `at` is where the clock's fields count from. `now` is the host's monotonic clock: one reading for all, so that equal timeouts end together. */
/*@ requires valid_env(env) && is_view(env, mem) && p1_in(mem, at, P1_SUBSCRIPTION_SIZE);
  assigns P1_WRITABLE(env);
  P1_VALID(ensures, env) */
static poll_entry_t take_clock(wasi_light_env_t *env, p1_mem_t mem, uint64_t at, uint64_t now) {
  poll_entry_t entry = {.type = P1_EVENTTYPE_CLOCK, .decided = BY_CLOCK};
  uint32_t id = p1_load_u32(mem, at + P1_SUBSCRIPTION_CLOCK_ID);
  uint64_t timeout = p1_load_u64(mem, at + P1_SUBSCRIPTION_CLOCK_TIMEOUT);
  uint16_t flags = p1_load_u16(mem, at + P1_SUBSCRIPTION_CLOCK_FLAGS);
  if (id > P1_CLOCK_MONOTONIC || flags > P1_SUBCLOCKFLAGS_ABSTIME) {
    bool exists = id <= P1_CLOCK_THREAD_CPU && flags <= P1_SUBCLOCKFLAGS_ABSTIME;
    entry.decided = READY;
    entry.error = exists ? WASI_LIGHT_ENOTSUP : WASI_LIGHT_EINVAL;
  } else if (flags == P1_SUBCLOCKFLAGS_ABSTIME && env->config->clock.mode == WASI_LIGHT_CLOCK_REAL) {
    entry.realtime = id == P1_CLOCK_REALTIME;
    entry.deadline = host_deadline(timeout, env->config->clock_offset_ns);
  } else {
    uint64_t guest = flags == P1_SUBCLOCKFLAGS_ABSTIME ? wasi_light__guest_time(env, id) : 0;
    entry.deadline = p1_sum(now, timeout > guest ? timeout - guest : 0);
  }
  return entry;
}

/*@ requires valid_env(env) && is_view(env, mem) && p1_in(mem, at, P1_SUBSCRIPTION_SIZE);
  assigns \nothing; */
static poll_entry_t take_stream(const wasi_light_env_t *env, p1_mem_t mem, uint64_t at, uint8_t type) {
  poll_entry_t entry = {.type = type, .decided = READY, .error = WASI_LIGHT_EBADF};
  uint32_t stream = p1_stream_of(env, p1_load_u32(mem, at + P1_SUBSCRIPTION_FD));
  bool fits = type == P1_EVENTTYPE_FD_READ ? stream == P1_STDIN : stream == P1_STDOUT || stream == P1_STDERR;
  if (!fits) return entry;
  bool inherited = stream == P1_STDIN ? env->config->in.mode == WASI_LIGHT_INPUT_INHERIT
                                      : env->config->out[stream - P1_STDOUT].mode == WASI_LIGHT_OUTPUT_INHERIT;
  bool may = env->state.rights[stream] & P1_RIGHTS_POLL_FD_READWRITE;
  entry.stream = (uint8_t)stream;
  entry.error = may ? WASI_LIGHT_ESUCCESS : WASI_LIGHT_ENOTCAPABLE;
  if (may && inherited) entry.decided = BY_STREAM;
  return entry;
}

/* Apart from its caller for the provers, to which it is one change and not one of each field. */
/*@ requires \valid(w) && i < P1_SUBSCRIPTIONS_MAX; assigns w->entries[i]; */
static void set_entry(wait_t *w, uint32_t i, poll_entry_t entry) {
  w->entries[i] = entry;
}

/* Reads a subscription; false for one of a type that preview 1 does not have. */
/*@ requires valid_env(env) && is_view(env, mem) && is_layout(layout) && p1_in(mem, at, layout.size);
  requires valid_wait(env, w) && i < w->count;
  assigns P1_WRITABLE(env), w->entries[i];
  P1_VALID(ensures, env) */
static bool take_subscription(wasi_light_env_t *env, p1_mem_t mem, layout_t layout, uint64_t at, wait_t *w,
                              uint32_t i) {
  uint64_t now = w->start[P1_CLOCK_MONOTONIC];
  uint64_t userdata = p1_load_u64(mem, at);
  uint8_t type = p1_load_u8(mem, at + P1_SUBSCRIPTION_TAG);
  if (type > P1_EVENTTYPE_FD_WRITE) return false;
  poll_entry_t entry =
      type == P1_EVENTTYPE_CLOCK ? take_clock(env, mem, at + layout.clock_shift, now) : take_stream(env, mem, at, type);
  entry.userdata = userdata;
  set_entry(w, i, entry);
  return true;
}

/* Reads every subscription; false for one of a type that preview 1 does not have. */
/*@ requires valid_env(env) && is_view(env, mem) && is_layout(layout) && valid_wait(env, w);
  requires subscriptions_in(mem, in, w->count, layout);
  assigns P1_WRITABLE(env), P1_ENTRIES(w);
  P1_VALID(ensures, env) */
static bool take_subscriptions(wasi_light_env_t *env, p1_mem_t mem, layout_t layout, uint32_t in, wait_t *w) {
  /*@ loop invariant i <= w->count;
    P1_VALID(loop invariant, env)
    loop assigns i, P1_WRITABLE(env), P1_ENTRIES(w);
    loop variant w->count - i; */
  for (uint32_t i = 0; i < w->count; i++) {
    uint64_t at = in + (uint64_t)i * layout.size;
    /*@ assert layout.size == P1_SUBSCRIPTION_SIZE ==> p1_in(mem, at, P1_SUBSCRIPTION_SIZE); */
    /*@ assert layout.size == P0_SUBSCRIPTION_SIZE ==> p1_in(mem, at, P0_SUBSCRIPTION_SIZE); */
    if (!take_subscription(env, mem, layout, at, w, i)) return false;
  }
  return true;
}

/*
 * Reads the clocks; false if they cannot be read. Where neither time nor sleep is real any beginning does, but always the
 * same one, since it shows where a sum is cut at the end of time. It is 1, so that even then that is less than for ever.
 */
/*@ requires valid_env(env) && valid_wait(env, w);
  assigns w->start[0 .. 1], w->slept, w->skipped; */
static bool begin(const wasi_light_env_t *env, wait_t *w) {
  const wasi_light_config_t *config = env->config;
  bool real = config->clock.mode == WASI_LIGHT_CLOCK_REAL || config->sleep.mode == WASI_LIGHT_SLEEP_REAL;
  w->start[0] = real ? host_clock_time(P1_CLOCK_REALTIME) : 1;
  w->start[1] = real ? host_clock_time(P1_CLOCK_MONOTONIC) : 1;
  w->slept = 0;
  w->skipped = 0;
  return w->start[0] != HOST_NO_TIME && w->start[1] != HOST_NO_TIME;
}

/*
 * Where sleep is not real, no time passes in a call but what is skipped: how long the call takes must not show. A clock
 * that cannot be read any more is past every deadline but that of the end of time, so that nobody waits for ever.
 */
/*@ requires valid_env(env) && valid_wait(env, w);
  assigns w->now[0 .. 1]; */
static void read_clocks(const wasi_light_env_t *env, wait_t *w) {
  bool real = env->config->sleep.mode == WASI_LIGHT_SLEEP_REAL;
  w->now[0] = real ? host_clock_time(P1_CLOCK_REALTIME) : p1_sum(w->start[0], w->skipped);
  w->now[1] = real ? host_clock_time(P1_CLOCK_MONOTONIC) : p1_sum(w->start[1], w->skipped);
}

/* How long an entry can wait for its clock, which was read last: 0 if the deadline is reached. */
/*@ requires \valid_read(w) && \valid_read(entry); assigns \nothing; */
static uint64_t until_deadline(const wait_t *w, const poll_entry_t *entry) {
  uint64_t now = entry->realtime ? w->now[0] : w->now[1];
  return entry->deadline > now ? entry->deadline - now : 0;
}

/* What is known of an entry's stream. */
/*@ requires \valid_read(w) && \valid_read(entry); assigns \nothing;
  ensures \result == &w->polls[0] || \result == &w->polls[1] || \result == &w->polls[2]; */
static const host_poll_t *poll_of(const wait_t *w, const poll_entry_t *entry) {
  if (entry->stream == P1_STDIN) return &w->polls[P1_STDIN];
  return entry->stream == P1_STDOUT ? &w->polls[P1_STDOUT] : &w->polls[P1_STDERR];
}

/* How long nothing can happen but on a stream: 0 if an entry is ready, UINT64_MAX if there is no clock. */
/*@ requires valid_env(env) && valid_wait(env, w);
  assigns w->now[0 .. 1]; */
static uint64_t time_left(const wasi_light_env_t *env, wait_t *w) {
  uint64_t least = UINT64_MAX;
  read_clocks(env, w);
  /*@ loop invariant i <= w->count; loop assigns i, least; loop variant w->count - i; */
  for (uint32_t i = 0; i < w->count; i++) {
    const poll_entry_t *entry = &w->entries[i];
    uint64_t left = UINT64_MAX;
    if (entry->decided == READY) left = 0;
    if (entry->decided == BY_CLOCK) left = until_deadline(w, entry);
    if (left < least) least = left;
  }
  return least;
}

/* Marks what has happened; whether anything has. */
/*@ requires valid_env(env) && valid_wait(env, w);
  assigns w->now[0 .. 1], P1_ENTRIES(w);
  P1_VALID(ensures, env) */
static bool decide(const wasi_light_env_t *env, wait_t *w) {
  bool any = false;
  read_clocks(env, w);
  /*@ loop invariant i <= w->count; loop assigns i, any, P1_ENTRIES(w); loop variant w->count - i; */
  for (uint32_t i = 0; i < w->count; i++) {
    poll_entry_t *entry = &w->entries[i];
    bool reached = entry->decided == BY_CLOCK && until_deadline(w, entry) == 0;
    bool ready = entry->decided == BY_STREAM && poll_of(w, entry)->ready;
    if (reached || ready) entry->decided = READY;
    any = any || entry->decided == READY;
  }
  return any;
}

/* What the host allows this call to wait from now on. */
/*@ requires valid_env(env) && valid_wait(env, w); assigns \nothing; */
static uint64_t allowance(const wasi_light_env_t *env, const wait_t *w) {
  const wasi_light_sleep_options_t *sleep = &env->config->sleep;
  uint64_t call = sleep->max_call_ns == 0 ? UINT64_MAX : sleep->max_call_ns;
  uint64_t total = sleep->max_total_ns == 0 ? UINT64_MAX : sleep->max_total_ns;
  uint64_t call_left = call > w->slept ? call - w->slept : 0;
  uint64_t total_left = total > env->state.usage.slept_ns ? total - env->state.usage.slept_ns : 0;
  if (call == UINT64_MAX && total == UINT64_MAX) return UINT64_MAX;
  return call_left < total_left ? call_left : total_left;
}

/*@ requires valid_env(env) && valid_wait(env, w);
  assigns w->slept, env->state.usage.slept_ns;
  P1_VALID(ensures, env) */
static void count_sleep(wasi_light_env_t *env, wait_t *w, uint64_t ns) {
  w->slept = p1_sum(w->slept, ns);
  env->state.usage.slept_ns = p1_sum(env->state.usage.slept_ns, ns);
}

/*@ requires valid_env(env) && valid_wait(env, w);
  assigns w->slept, env->state.usage.slept_ns, P1_POLLS(w);
  P1_VALID(ensures, env)
  ensures \result == 0 || is_stop(\result); */
static uint32_t sleep_for_real(wasi_light_env_t *env, wait_t *w, uint64_t ns) {
  uint64_t allowed = allowance(env, w);
  uint64_t before = host_clock_time(P1_CLOCK_MONOTONIC);
  host_poll(w->polls, P1_STREAMS, ns < allowed ? ns : allowed);
  uint64_t after = host_clock_time(P1_CLOCK_MONOTONIC);
  if (ns > 0 && before != HOST_NO_TIME && after != HOST_NO_TIME) count_sleep(env, w, after - before);
  return allowance(env, w) == 0 ? (uint32_t)P1_STOP_SLEEP : (uint32_t)WASI_LIGHT_ESUCCESS;
}

/* Gives the event of each clock that is not yet due this error. */
/*@ requires \valid(w) && w->count <= P1_SUBSCRIPTIONS_MAX;
  assigns P1_ENTRIES(w); */
static void fail_clocks(wait_t *w, uint32_t error) {
  /*@ loop invariant i <= w->count; loop assigns i, P1_ENTRIES(w); loop variant w->count - i; */
  for (uint32_t i = 0; i < w->count; i++) {
    if (w->entries[i].decided != BY_CLOCK) continue;
    w->entries[i].decided = READY;
    w->entries[i].error = (uint16_t)error;
  }
}

/*@ requires valid_env(env);
  assigns P1_WRITABLE(env);
  P1_VALID(ensures, env) */
static uint32_t ask_sleep(wasi_light_env_t *env, uint64_t ns) {
  env->in_callback = true;
  uint32_t error = env->config->sleep.sleep(env->host, ns);
  env->in_callback = false;
  return error;
}

/* This time has passed for the guest. */
/*@ requires valid_env(env) && valid_wait(env, w);
  assigns w->slept, w->skipped, env->state.usage.slept_ns, env->state.elapsed_ns;
  P1_VALID(ensures, env) */
static void skip_time(wasi_light_env_t *env, wait_t *w, uint64_t ns) {
  count_sleep(env, w, ns);
  w->skipped = p1_sum(w->skipped, ns);
  wasi_light__advance(env, ns);
}

/* Time passes without being waited for, or the clocks get the errno that it may not. */
/*@ requires valid_env(env) && valid_wait(env, w);
  assigns P1_WRITABLE(env), w->slept, w->skipped, P1_ENTRIES(w);
  P1_VALID(ensures, env) */
static void pass_time(wasi_light_env_t *env, wait_t *w, uint64_t ns) {
  wasi_light_sleep_mode_t mode = env->config->sleep.mode;
  uint32_t error = mode == WASI_LIGHT_SLEEP_REFUSED ? WASI_LIGHT_ENOTSUP : WASI_LIGHT_ESUCCESS;
  if (mode == WASI_LIGHT_SLEEP_CALLBACK) error = p1_errno_of(ask_sleep(env, ns));
  if (error != WASI_LIGHT_ESUCCESS) fail_clocks(w, error);
  else skip_time(env, w, ns);
}

/* Looks at the streams, and at what has happened until now. */
/*@ requires valid_env(env) && valid_wait(env, w);
  assigns w->now[0 .. 1], P1_POLLS(w), P1_ENTRIES(w);
  P1_VALID(ensures, env) */
static bool look(const wasi_light_env_t *env, wait_t *w) {
  host_poll(w->polls, P1_STREAMS, 0);
  return decide(env, w);
}

/* The time until the earliest clock passes without being waited for, but only if no stream is ready. */
/*@ requires valid_env(env) && valid_wait(env, w);
  assigns P1_WRITABLE(env), *w;
  ensures w->count == \old(w->count);
  P1_VALID(ensures, env)
  ensures \result == 0 || is_stop(\result); */
static uint32_t sleep_otherwise(wasi_light_env_t *env, wait_t *w, uint64_t ns) {
  bool refused = env->config->sleep.mode == WASI_LIGHT_SLEEP_REFUSED;
  if (look(env, w)) return WASI_LIGHT_ESUCCESS;
  if (!refused && ns > allowance(env, w)) return P1_STOP_SLEEP;
  pass_time(env, w, ns);
  return WASI_LIGHT_ESUCCESS;
}

/* Sleeps until the next deadline, or until a stream is ready. May end early. */
/*@ requires valid_env(env) && valid_wait(env, w);
  assigns P1_WRITABLE(env), *w;
  ensures w->count == \old(w->count);
  P1_VALID(ensures, env)
  ensures \result == 0 || is_stop(\result); */
static uint32_t sleep_once(wasi_light_env_t *env, wait_t *w) {
  bool real = env->config->sleep.mode == WASI_LIGHT_SLEEP_REAL;
  uint64_t left = time_left(env, w);
  if (real || left == 0 || left == UINT64_MAX) return sleep_for_real(env, w, left);
  return sleep_otherwise(env, w, left);
}

/* Sleeps once; whether anything has happened. */
/*@ requires valid_env(env) && valid_wait(env, w);
  assigns P1_WRITABLE(env), *w;
  ensures w->count == \old(w->count);
  P1_VALID(ensures, env)
  ensures w->stop == 0 || is_stop(w->stop); */
static bool wait_once(wasi_light_env_t *env, wait_t *w) {
  w->stop = sleep_once(env, w);
  return decide(env, w);
}

/* Asks for the streams that entries wait for, and no others. */
/*@ requires \valid(w) && w->count <= P1_SUBSCRIPTIONS_MAX;
  assigns P1_POLLS(w); */
static void ask_streams(wait_t *w) {
  w->polls[P1_STDIN] = (host_poll_t){.fd = -1};
  w->polls[P1_STDOUT] = (host_poll_t){.fd = -1, .write = true};
  w->polls[P1_STDERR] = (host_poll_t){.fd = -1, .write = true};
  /*@ loop invariant i <= w->count; loop assigns i, P1_POLLS(w); loop variant w->count - i; */
  for (uint32_t i = 0; i < w->count; i++) {
    const poll_entry_t *entry = &w->entries[i];
    if (entry->decided != BY_STREAM) continue;
    if (entry->stream == P1_STDIN) w->polls[P1_STDIN].fd = P1_STDIN;
    if (entry->stream == P1_STDOUT) w->polls[P1_STDOUT].fd = P1_STDOUT;
    if (entry->stream == P1_STDERR) w->polls[P1_STDERR].fd = P1_STDERR;
  }
}

/* Lets time pass until something has happened, or more of it would pass than the host allows. */
/*@ requires valid_env(env) && valid_wait(env, w);
  assigns P1_WRITABLE(env), *w;
  ensures w->count == \old(w->count);
  P1_VALID(ensures, env)
  ensures \result == 0 || is_stop(\result); */
static uint32_t wait(wasi_light_env_t *env, wait_t *w) {
  ask_streams(w);
  /*@ P1_VALID(loop invariant, env)
    loop invariant w->count == \at(w->count, Pre);
    loop assigns P1_WRITABLE(env), *w; */
  while (!wait_once(env, w)) {
    if (w->stop != WASI_LIGHT_ESUCCESS) return w->stop;
  }
  return WASI_LIGHT_ESUCCESS;
}

/*@ requires valid_env(env) && is_view(env, mem) && p1_in(mem, at, P1_EVENT_SIZE);
  requires \valid_read(entry) && \valid_read(poll);
  assigns mem.base[at .. at + P1_EVENT_SIZE - 1]; */
static void store_event(const wasi_light_env_t *env, p1_mem_t mem, uint64_t at, const poll_entry_t *entry,
                        const host_poll_t *poll) {
  const wasi_light_input_t *in = &env->config->in;
  uint64_t nbytes = entry->type == P1_EVENTTYPE_CLOCK || entry->error ? 0 : 1; /* at least */
  bool hangup = false;
  if (nbytes > 0) {
    hangup = poll->hangup;
    bool ended = hangup && entry->type == P1_EVENTTYPE_FD_READ;
    if (ended || poll->available > 0) nbytes = poll->available;
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

/* Stores the events of what has happened, and gives their number. */
/*@ requires valid_env(env) && is_view(env, mem) && valid_wait(env, w) && p1_in(mem, out, w->count * P1_EVENT_SIZE);
  assigns P1_GUEST(env);
  P1_VALID(ensures, env) */
static uint32_t store_events(const wasi_light_env_t *env, p1_mem_t mem, uint32_t out, const wait_t *w) {
  uint32_t events = 0;
  /*@ loop invariant events <= i <= w->count;
    P1_VALID(loop invariant, env)
    loop assigns i, events, P1_GUEST(env);
    loop variant w->count - i; */
  for (uint32_t i = 0; i < w->count; i++) {
    const poll_entry_t *entry = &w->entries[i];
    if (entry->decided != READY) continue;
    store_event(env, mem, out + (uint64_t)events * P1_EVENT_SIZE, entry, poll_of(w, entry));
    events++;
  }
  return events;
}

/* What is left once the addresses are known to be good. */
/*@ requires valid_env(env) && is_view(env, mem) && is_layout(layout) && valid_wait(env, w);
  requires subscriptions_in(mem, in, w->count, layout);
  requires p1_in(mem, out, w->count * P1_EVENT_SIZE);
  requires p1_in(mem, nevents, 4);
  assigns P1_WRITABLE(env), *w;
  P1_VALID(ensures, env)
  ensures is_errno(\result) || is_stop(\result); */
static uint32_t wait_for_events(wasi_light_env_t *env, p1_mem_t mem, layout_t layout, uint32_t in, uint32_t out,
                                uint32_t nevents, wait_t *w) {
  if (!begin(env, w)) return WASI_LIGHT_EIO;
  if (!take_subscriptions(env, mem, layout, in, w)) return WASI_LIGHT_EINVAL;
  uint32_t stop = wait(env, w);
  if (stop != WASI_LIGHT_ESUCCESS) return stop;
  /*@ assert w->count == \at(w->count, Pre); */
  p1_store_u32(mem, nevents, store_events(env, mem, out, w));
  return WASI_LIGHT_ESUCCESS;
}

/*@ requires valid_env(env) && is_layout(layout);
  assigns P1_WRITABLE(env);
  P1_VALID(ensures, env)
  ensures is_errno(\result) || is_stop(\result); */
static uint32_t poll_oneoff(wasi_light_env_t *env, layout_t layout, uint32_t in, uint32_t out, uint32_t nsubscriptions,
                            uint32_t nevents) {
  wait_t w;
  p1_mem_t mem;
  if (nsubscriptions == 0 || nsubscriptions > P1_SUBSCRIPTIONS_MAX) return WASI_LIGHT_EINVAL;
  if (wasi_light__memory(env, &mem)) return P1_STOP_NO_MEMORY;
  if (!p1_mem_has(mem, in, (uint64_t)nsubscriptions * layout.size) ||
      !p1_mem_has(mem, out, (uint64_t)nsubscriptions * P1_EVENT_SIZE) || !p1_mem_has(mem, nevents, 4)) {
    return WASI_LIGHT_EFAULT;
  }
  /*@ assert layout.size == P1_SUBSCRIPTION_SIZE ==> p1_in(mem, in, nsubscriptions * P1_SUBSCRIPTION_SIZE); */
  /*@ assert layout.size == P0_SUBSCRIPTION_SIZE ==> p1_in(mem, in, nsubscriptions * P0_SUBSCRIPTION_SIZE); */
  w.count = nsubscriptions;
  return wait_for_events(env, mem, layout, in, out, nevents, &w);
}

uint32_t p1_poll_oneoff(wasi_light_env_t *env, uint32_t in, uint32_t out, uint32_t nsubscriptions, uint32_t nevents) {
  static const layout_t layout = {P1_SUBSCRIPTION_SIZE, 0};
  return poll_oneoff(env, layout, in, out, nsubscriptions, nevents);
}

uint32_t p0_poll_oneoff(wasi_light_env_t *env, uint32_t in, uint32_t out, uint32_t nsubscriptions, uint32_t nevents) {
  static const layout_t layout = {P0_SUBSCRIPTION_SIZE, P0_SUBSCRIPTION_CLOCK_SHIFT};
  return poll_oneoff(env, layout, in, out, nsubscriptions, nevents);
}
