/* SPDX-License-Identifier: MIT */
/*
 * What ESBMC proves: prove_NAME for each function of the two tables, and for what they rest on. Each begins from any memory,
 * any environment and any arguments, calls the function once, and asserts that the environment is in order again.
 * Compiled once for each source, which comes marked by mark-loops.py: -DPROVE_stdio -DPROVE_SOURCE='"core/stdio.c"'.
 */
#include "model.h"

#include "environment.h"

#include "contracts.h"
#include "loops.h"

#ifdef PROVE_poll
static bool entry_ok(const poll_entry_t *entry);
static bool entries_ok(const wait_t *w);
static bool polls_ok(const wait_t *w);
static void any_polls(wait_t *w);
struct poll_entry_t nondet_entry(void);
static poll_entry_t *entry_at(const poll_entry_t *entries, uint32_t index);
static void change_entries(void);
static host_poll_t *poll_at(const host_poll_t *polls, uint32_t index);
#endif

#ifdef PROVE_SOURCE
#include PROVE_SOURCE
#endif

#include "stubs.h"

/* ---- The functions of the tables ---- */

#define P(index, kind, name) , (p1_##kind##_t)nondet_u64()
#define P1_STREAM_ERRNO(name, fd, errno_name, doc, ...)
#define P1_FUNCTION(name, result, doc, ...)            \
  void prove_p1_##name(void) {                         \
    any_env();                                         \
    uint32_t status = p1_##name(&the_env __VA_ARGS__); \
    check_env(status);                                 \
    REACHED("the end");                                \
  }
#include "core/p1_functions.def"

void prove_p0_fd_filestat_get(void) {
  any_env();
  check_env(p0_fd_filestat_get(&the_env, nondet_u32(), nondet_u32()));
  REACHED("the end");
}

void prove_p0_poll_oneoff(void) {
  any_env();
  check_env(p0_poll_oneoff(&the_env, nondet_u32(), nondet_u32(), nondet_u32(), nondet_u32()));
  REACHED("the end");
}

#ifdef PROVE_nofs
void prove_nofs(void) {
  any_env();
#define P(index, kind, name) , (p1_##kind##_t)nondet_u64()
#define P1_FUNCTION(name, result, doc, ...)
#define P1_STREAM_ERRNO(name, fd, errno_name, doc, ...) check_env(p1_##name(&the_env __VA_ARGS__));
#include "core/p1_functions.def"
  REACHED("the end");
}
#endif

/* ---- What they rest on ---- */

#ifdef PROVE_env
/* The view is the memory as it is now; one with no address is one of no bytes. */
void prove_memory(void) {
  p1_mem_t mem;
  any_env();
  if (nondet_bool()) guest = (p1_mem_t){NULL, 0};
  uint32_t status = wasi_light__memory(&the_env, &mem);
  CHECK((status == WASI_LIGHT_ESUCCESS) == (the_env.view_of != NULL), "a memory, if one is bound");
  CHECK(status != WASI_LIGHT_ESUCCESS || mem.base != NULL, "an address even of no bytes");
  CHECK(status != WASI_LIGHT_ESUCCESS || mem.size == guest.size, "its size");
  CHECK(status != WASI_LIGHT_ESUCCESS || guest.base == NULL || mem.base == guest.base, "its address");
  check_env(status);
  REACHED("the end");
}
#endif

/* The real loads, stores and copies touch only the bytes that the model asserts, whatever is in them. */
void prove_helpers(void) {
  any_env();
  uint32_t ptr = nondet_u32();
  uint64_t len = nondet_u64();
  uint8_t bytes[8];
  if (!p1_mem_has(guest, ptr, len)) return;
  CHECK(len == 0 || in_guest(ptr, len), "p1_mem_has: the range lies in the memory");
  if (len > 0) real_zero(guest, ptr, len);
  if (len <= 8) real_copy_out(guest, ptr, bytes, len);
  if (len >= 1) real_store_u8(guest, ptr, real_load_u8(guest, ptr));
  if (len >= 2) real_store_u16(guest, ptr, real_load_u16(guest, ptr));
  if (len >= 4) real_store_u32(guest, ptr, real_load_u32(guest, ptr));
  if (len >= 8) real_store_u64(guest, ptr, real_load_u64(guest, ptr));
  if (len >= 1) CHECK(real_at(guest, ptr) == guest.base + ptr, "p1_at: the address of the byte");
  REACHED("the end");
}

#ifdef PROVE_clock
void prove_guest_time(void) {
  uint32_t clock = nondet_u32();
  any_env();
  ASSUME(clock <= P1_CLOCK_MONOTONIC);
  CHECK(wasi_light__guest_time(&the_env, clock) > 0, "the guest's time is never 0");
  check_env(WASI_LIGHT_ESUCCESS);
  REACHED("the end");
}

void prove_advance(void) {
  any_env();
  wasi_light__advance(&the_env, nondet_u64());
  check_env(WASI_LIGHT_ESUCCESS);
  REACHED("the end");
}
#endif

#ifdef PROVE_chacha20
void prove_chacha20_block(void) {
  uint32_t key[8];
  uint32_t counter_and_nonce[4];
  uint8_t block[64];
  wasi_light__chacha20_block(key, counter_and_nonce, block);
  REACHED("the end");
}

void prove_seeded_bytes(void) {
  uint64_t len = nondet_u64();
  uint8_t *bytes = any_object(len);
  wasi_light__seeded_bytes(nondet_u64(), nondet_u64(), nondet_u64(), bytes, len);
  REACHED("the end");
}
#endif

#ifdef PROVE_stdio
/* Any number of slices in memory, of which there may be anything. */
static uint32_t any_slices(const host_slice_t *slices) {
  uint32_t count = nondet_u32();
  ASSUME(slices_ok(slices, count));
  return count;
}

void prove_take_iovecs(void) {
  host_slice_t slices[P1_IOVECS_MAX];
  uint32_t count;
  any_env();
  uint32_t status = take_iovecs(guest, nondet_u32(), nondet_u32(), slices, &count);
  CHECK(status == WASI_LIGHT_EFAULT || (status == WASI_LIGHT_ESUCCESS && slices_ok(slices, count)),
        "take_iovecs: FAULT, or slices that lie in memory");
  REACHED("the end");
}

void prove_read_stream(void) {
  host_slice_t slices[P1_IOVECS_MAX];
  uint32_t done = 0;
  any_env();
  check_env(read_stream(&the_env, guest, slices, any_slices(slices), &done));
  REACHED("the end");
}

static void prove_write_to(uint32_t stream) {
  host_slice_t slices[P1_IOVECS_MAX];
  uint32_t done = 0;
  any_env();
  uint32_t count = any_slices(slices);
  check_env(write_stream(&the_env, guest, stream, slices, count, &done));
  CHECK(count != 1 || done <= slice_at(slices, 0)->len, "write_stream: no more than there was");
  REACHED("the end");
}

/* write_stream, once for each of the two: a stream that is a constant is much cheaper. */
void prove_write_stdout(void) {
  prove_write_to(P1_STDOUT);
}

void prove_write_stderr(void) {
  prove_write_to(P1_STDERR);
}

void prove_write_again(void) {
  const uint64_t args[4] = {nondet_u64(), nondet_u64(), nondet_u64(), nondet_u64()};
  any_env();
  wasi_light__write_again(&the_env, args, nondet_u32());
  check_env(WASI_LIGHT_ESUCCESS);
  REACHED("the end");
}
#endif

#ifdef PROVE_poll

host_poll_t nondet_poll(void);

/* An entry as take_subscriptions makes it. */
static bool entry_ok(const poll_entry_t *entry) {
  bool is_clock = entry->type == P1_EVENTTYPE_CLOCK;
  if (entry->type > P1_EVENTTYPE_FD_WRITE || entry->decided > BY_STREAM) return false;
  if (entry->decided == BY_CLOCK) return is_clock && entry->clock <= P1_CLOCK_MONOTONIC;
  if (entry->decided == BY_STREAM) return !is_clock && entry->error == 0 && entry->stream < P1_STREAMS;
  return is_clock || entry->error != 0 || entry->stream < P1_STREAMS;
}

/* As slice_at. */
static poll_entry_t watched_entry, other_entry;
static uint32_t other_entry_at;

static poll_entry_t *entry_at(const poll_entry_t *entries, uint32_t index) {
  static volatile uint8_t last;
  CHECK(__ESBMC_POINTER_OFFSET(entries) == 0 && index < P1_SUBSCRIPTIONS_MAX, "an index of all entries");
  last = entries[P1_SUBSCRIPTIONS_MAX - 1].type; /* the array is there */
  if (index == watch) return &watched_entry;
  if (index != other_entry_at) other_entry = nondet_entry();
  other_entry_at = index;
  return &other_entry;
}

static host_poll_t *poll_at(const host_poll_t *polls, uint32_t index) {
  CHECK(index < P1_STREAMS, "an index of polls");
  return (host_poll_t *)(index == 0 ? &polls[0] : index == 1 ? &polls[1] : &polls[2]);
}

static void change_entries(void) {
  watched_entry = nondet_entry();
  other_entry = nondet_entry();
  other_entry_at = nondet_u32();
}

static bool entries_ok(const wait_t *w) {
  return w->count <= P1_SUBSCRIPTIONS_MAX && (watch >= w->count || entry_ok(entry_at(w->entries, watch)));
}

static bool polls_ok(const wait_t *w) {
  bool good = true;
  for (uint32_t i = 0; i < P1_STREAMS; i++) good = good && -1 <= w->polls[i].fd && w->polls[i].fd < P1_STREAMS;
  return good;
}

static void any_polls(wait_t *w) {
  for (uint32_t i = 0; i < P1_STREAMS; i++) w->polls[i] = nondet_poll();
}

static bool contract_take_subscriptions(wasi_light_env_t *e, p1_mem_t mem, layout_t layout, uint32_t in, uint32_t count,
                                        uint64_t now, poll_entry_t *entries) {
  (void)now;
  CHECK(e == &the_env && env_ok() && !the_env.in_callback, "take_subscriptions: an environment in order");
  CHECK(count <= P1_SUBSCRIPTIONS_MAX, "take_subscriptions: at most 1,024");
  CHECK((layout.size == P1_SUBSCRIPTION_SIZE && layout.clock_shift == 0) ||
            (layout.size == P0_SUBSCRIPTION_SIZE && layout.clock_shift == P0_SUBSCRIPTION_CLOCK_SHIFT),
        "take_subscriptions: one of the two layouts");
  check_view(mem, in, (uint64_t)count * layout.size);
  change_entries();
  any_state();
  if (nondet_bool()) return false;
  ASSUME(watch >= count || entry_ok(entry_at(entries, watch)));
  return true;
}

static uint64_t contract_time_left(const wait_t *w) {
  CHECK(w->env == &the_env && entries_ok(w), "time_left: entries in order");
  return nondet_u64();
}

static bool contract_decide(const wait_t *w) {
  CHECK(w->env == &the_env && entries_ok(w), "decide: entries in order");
  change_entries();
  ASSUME(entries_ok(w));
  return nondet_bool();
}

static uint32_t contract_wait(wait_t *w) {
  CHECK(w->env == &the_env && env_ok() && !the_env.in_callback && entries_ok(w), "wait: all is in order");
  change_entries();
  any_polls(w);
  w->slept = nondet_u64();
  w->skipped = nondet_u64();
  any_state();
  ASSUME(entries_ok(w));
  return nondet_bool() ? (uint32_t)P1_STOP_SLEEP : (uint32_t)WASI_LIGHT_ESUCCESS;
}

void prove_take_subscriptions(void) {
  poll_entry_t all_entries[P1_SUBSCRIPTIONS_MAX];
  layout_t layout = {P1_SUBSCRIPTION_SIZE, 0};
  uint32_t in = nondet_u32();
  uint32_t count = nondet_u32();
  if (nondet_bool()) layout = (layout_t){P0_SUBSCRIPTION_SIZE, P0_SUBSCRIPTION_CLOCK_SHIFT};
  any_env();
  ASSUME(count <= P1_SUBSCRIPTIONS_MAX && in_guest(in, (uint64_t)count * layout.size));
  change_entries();
  bool good = take_subscriptions(&the_env, guest, layout, in, count, nondet_u64(), all_entries);
  CHECK(!good || watch >= count || entry_ok(entry_at(all_entries, watch)), "take_subscriptions: entries in order");
  check_env(WASI_LIGHT_ESUCCESS);
  REACHED("the end");
}

static wait_t any_wait(poll_entry_t *entries) {
  any_env();
  wait_t w = {.env = &the_env,
              .entries = entries,
              .count = nondet_u32(),
              .polls = {nondet_poll(), nondet_poll(), nondet_poll()},
              .start = {nondet_u64(), nondet_u64()},
              .slept = nondet_u64(),
              .skipped = nondet_u64()};
  change_entries();
  ASSUME(entries_ok(&w));
  return w;
}

void prove_time_left(void) {
  poll_entry_t entries[P1_SUBSCRIPTIONS_MAX];
  wait_t w = any_wait(entries);
  (void)time_left(&w);
  CHECK(entries_ok(&w), "time_left: entries in order");
  check_env(WASI_LIGHT_ESUCCESS);
  REACHED("the end");
}

void prove_decide(void) {
  poll_entry_t entries[P1_SUBSCRIPTIONS_MAX];
  wait_t w = any_wait(entries);
  (void)decide(&w);
  CHECK(entries_ok(&w), "decide: entries in order");
  check_env(WASI_LIGHT_ESUCCESS);
  REACHED("the end");
}

void prove_wait(void) {
  poll_entry_t entries[P1_SUBSCRIPTIONS_MAX];
  wait_t w = any_wait(entries);
  uint32_t status = wait(&w);
  CHECK(status == WASI_LIGHT_ESUCCESS || status == P1_STOP_SLEEP, "wait: 0 or a stop");
  CHECK(entries_ok(&w), "wait: entries in order");
  check_env(status);
  REACHED("the end");
}
#endif

/* ---- The byte cursor ---- */

#ifdef PROVE_reader
static wasi_light__reader_t reader;

static bool reader_ok(void) {
  return reader.at <= reader.end;
}

static void any_reader(void) {
  size_t size = nondet_size();
  reader.bytes = any_object(size);
  reader.end = nondet_size();
  reader.at = nondet_size();
  reader.problem = nondet_bool() ? "a problem" : NULL;
  reader.problem_at = nondet_size();
  ASSUME(reader.end <= size && reader_ok());
}

#define PROVE_READER(name, call)                                                               \
  void prove_##name(void) {                                                                    \
    any_reader();                                                                              \
    wasi_light__reader_t before = reader;                                                      \
    call;                                                                                      \
    CHECK(reader_ok(), "the cursor is not past the end");                                      \
    CHECK(reader.at >= before.at, "the cursor never goes back");                               \
    CHECK(reader.bytes == before.bytes && reader.end == before.end, "the bytes are the same"); \
    CHECK(!before.problem || reader.problem == before.problem, "the first problem stays");     \
    REACHED("the end");                                                                        \
  }

PROVE_READER(reader_fail, wasi_light__reader_fail(&reader, nondet_size(), "a problem"))
PROVE_READER(read_u8, (void)wasi_light__read_u8(&reader))
PROVE_READER(read_u32, (void)wasi_light__read_u32(&reader))
PROVE_READER(read_u64, (void)wasi_light__read_u64(&reader))
PROVE_READER(read_s32, (void)wasi_light__read_s32(&reader))
PROVE_READER(skip_leb_32, wasi_light__skip_leb(&reader, 32))
PROVE_READER(skip_leb_33, wasi_light__skip_leb(&reader, 33))
PROVE_READER(skip_leb_64, wasi_light__skip_leb(&reader, 64))
PROVE_READER(skip, wasi_light__skip(&reader, nondet_size()))
PROVE_READER(more, CHECK(wasi_light__more(&reader) == (reader.at < reader.end), "whether there is more"))
PROVE_READER(read_slice, {
  wasi_light__slice_t slice = wasi_light__read_slice(&reader);
  if (slice.size > 0) touch_read(slice.bytes, slice.size);
  CHECK(slice.size <= reader.end - before.at, "a slice of what was left");
})
PROVE_READER(read_count, {
  uint32_t count = wasi_light__read_count(&reader);
  CHECK(count <= reader.end - reader.at, "a count of no more than what is left");
})
#endif
