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
struct poll_entry_t nondet_entry(void);
static struct poll_entry_t *entry_at(const struct poll_entry_t *entries, uint32_t index);
static void change_entries(void);
static host_poll_t *poll_at(const host_poll_t *polls, uint32_t index);
static bool polls_ok(void);
static void any_polls(void);
static bool wait_ok(void);
static void any_wait(void);
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

void prove_capture_bytes(void) {
  uint32_t ptr = nondet_u32();
  uint32_t len = nondet_u32();
  any_env();
  ASSUME(in_guest(ptr, len) && the_config.out[0].mode == WASI_LIGHT_OUTPUT_CAPTURE);
  p1_capture_t capture = the_env.capture[0];
  capture_bytes(&capture, the_config.out[0].capture_size, guest.base + ptr, len);
  CHECK(capture.size <= the_config.out[0].capture_size, "capture_bytes: no more than there is room for");
  CHECK(capture.bytes == the_env.capture[0].bytes, "capture_bytes: the buffer is the same");
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

/* An array of entries, of which the one that was last asked for is kept; any other is anything each time. */
static poll_entry_t the_entry;
static uint32_t the_entry_at;

static poll_entry_t *entry_at(const poll_entry_t *entries, uint32_t index) {
  CHECK(entries == the_wait.entries && index < P1_SUBSCRIPTIONS_MAX, "an index of all entries");
  if (index != the_entry_at) the_entry = nondet_entry();
  the_entry_at = index;
  return &the_entry;
}

static host_poll_t *poll_at(const host_poll_t *polls, uint32_t index) {
  CHECK(index < P1_STREAMS, "an index of polls");
  return (host_poll_t *)(index == 0 ? &polls[0] : index == 1 ? &polls[1] : &polls[2]);
}

static void change_entries(void) {
  the_entry = nondet_entry();
  the_entry_at = nondet_u32();
}

static bool polls_ok(void) {
  bool good = true;
  for (uint32_t i = 0; i < P1_STREAMS; i++)
    good = good && -1 <= the_wait.polls[i].fd && the_wait.polls[i].fd < P1_STREAMS;
  return good;
}

static void any_polls(void) {
  for (uint32_t i = 0; i < P1_STREAMS; i++) the_wait.polls[i] = nondet_poll();
}

static bool wait_ok(void) {
  return the_wait.count <= P1_SUBSCRIPTIONS_MAX &&
         (the_wait.stop == WASI_LIGHT_ESUCCESS || the_wait.stop == P1_STOP_SLEEP);
}

/* Any content of it, but for its count. */
static void any_wait(void) {
  any_polls();
  change_entries();
  for (uint32_t i = 0; i < 2; i++) the_wait.start[i] = nondet_u64();
  for (uint32_t i = 0; i < 2; i++) the_wait.now[i] = nondet_u64();
  the_wait.slept = nondet_u64();
  the_wait.skipped = nondet_u64();
  the_wait.stop = nondet_bool() ? (uint32_t)P1_STOP_SLEEP : (uint32_t)WASI_LIGHT_ESUCCESS;
}

static bool is_layout(layout_t layout) {
  return (layout.size == P1_SUBSCRIPTION_SIZE && layout.clock_shift == 0) ||
         (layout.size == P0_SUBSCRIPTION_SIZE && layout.clock_shift == P0_SUBSCRIPTION_CLOCK_SHIFT);
}

static layout_t any_layout(void) {
  if (nondet_bool()) return (layout_t){P0_SUBSCRIPTION_SIZE, P0_SUBSCRIPTION_CLOCK_SHIFT};
  return (layout_t){P1_SUBSCRIPTION_SIZE, 0};
}

#define CHECK_WAIT(name)                                                                      \
  CHECK(e == &the_env && env_ok() && !the_env.in_callback, name ": an environment in order"); \
  CHECK(w == &the_wait && the_wait.count <= P1_SUBSCRIPTIONS_MAX, name ": at most 1,024 subscriptions")

static bool contract_take_subscriptions(wasi_light_env_t *e, p1_mem_t mem, layout_t layout, uint32_t in, wait_t *w) {
  CHECK_WAIT("take_subscriptions");
  CHECK(is_layout(layout), "take_subscriptions: one of the two layouts");
  check_view(mem, in, (uint64_t)the_wait.count * layout.size);
  change_entries();
  any_state();
  return nondet_bool();
}

static uint64_t contract_time_left(const wasi_light_env_t *e, wait_t *w) {
  CHECK_WAIT("time_left");
  for (uint32_t i = 0; i < 2; i++) the_wait.now[i] = nondet_u64();
  return nondet_u64();
}

static bool contract_decide(const wasi_light_env_t *e, wait_t *w) {
  CHECK_WAIT("decide");
  for (uint32_t i = 0; i < 2; i++) the_wait.now[i] = nondet_u64();
  change_entries();
  return nondet_bool();
}

static bool contract_wait_once(wasi_light_env_t *e, wait_t *w) {
  CHECK_WAIT("wait_once");
  CHECK(polls_ok(), "wait_once: streams or none");
  any_wait();
  any_state();
  ASSUME(polls_ok());
  return nondet_bool();
}

static uint32_t contract_wait(wasi_light_env_t *e, wait_t *w) {
  CHECK_WAIT("wait");
  any_wait();
  any_state();
  return nondet_bool() ? (uint32_t)P1_STOP_SLEEP : (uint32_t)WASI_LIGHT_ESUCCESS;
}

static uint32_t contract_wait_for_events(wasi_light_env_t *e, p1_mem_t mem, layout_t layout, uint32_t in, uint32_t out,
                                         uint32_t nevents, wait_t *w) {
  CHECK(e == &the_env && env_ok() && !the_env.in_callback, "wait_for_events: an environment in order");
  CHECK(w->count <= P1_SUBSCRIPTIONS_MAX, "wait_for_events: at most 1,024 subscriptions");
  CHECK(is_layout(layout), "wait_for_events: one of the two layouts");
  check_view(mem, in, (uint64_t)w->count * layout.size);
  check_view(mem, out, (uint64_t)w->count * P1_EVENT_SIZE);
  check_view(mem, nevents, 4);
  any_state();
  return nondet_bool() ? any_errno() : (uint32_t)P1_STOP_SLEEP;
}

static void begin_wait(void) {
  any_env();
  any_wait();
  the_wait.count = nondet_u32();
  ASSUME(wait_ok() && polls_ok());
}

static void check_wait(uint32_t status) {
  CHECK(wait_ok() && polls_ok(), "the wait is in order");
  check_env(status);
}

void prove_take_subscriptions(void) {
  layout_t layout = any_layout();
  uint32_t in = nondet_u32();
  begin_wait();
  ASSUME(in_guest(in, (uint64_t)the_wait.count * layout.size));
  (void)take_subscriptions(&the_env, guest, layout, in, &the_wait);
  check_wait(WASI_LIGHT_ESUCCESS);
  REACHED("the end");
}

void prove_time_left(void) {
  begin_wait();
  (void)time_left(&the_env, &the_wait);
  check_wait(WASI_LIGHT_ESUCCESS);
  REACHED("the end");
}

void prove_decide(void) {
  begin_wait();
  (void)decide(&the_env, &the_wait);
  check_wait(WASI_LIGHT_ESUCCESS);
  REACHED("the end");
}

void prove_wait_once(void) {
  begin_wait();
  (void)wait_once(&the_env, &the_wait);
  check_wait(WASI_LIGHT_ESUCCESS);
  REACHED("the end");
}

void prove_wait(void) {
  begin_wait();
  uint32_t status = wait(&the_env, &the_wait);
  CHECK(status == WASI_LIGHT_ESUCCESS || status == P1_STOP_SLEEP, "wait: 0 or a stop");
  check_wait(status);
  REACHED("the end");
}

void prove_wait_for_events(void) {
  layout_t layout = any_layout();
  uint32_t in = nondet_u32();
  uint32_t out = nondet_u32();
  uint32_t nevents = nondet_u32();
  begin_wait();
  ASSUME(in_guest(in, (uint64_t)the_wait.count * layout.size));
  ASSUME(in_guest(out, (uint64_t)the_wait.count * P1_EVENT_SIZE) && in_guest(nevents, 4));
  check_env(wait_for_events(&the_env, guest, layout, in, out, nevents, &the_wait));
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
