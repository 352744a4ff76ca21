// SPDX-License-Identifier: MIT
//
// The probe's cases that are made by hand: overlaps, sequences of calls, paths, and what poll_oneoff can wait for.

#include "probe.h"

#define MAX32 0xffffffffu
#define CASE(name) if (begin_case(name))
#define CALL(...) make_call((const uint64_t[ARGUMENTS]){__VA_ARGS__})
#define FIRST(function, ...) (find_function(#function), call((const uint64_t[ARGUMENTS]){__VA_ARGS__}))
#define THEN(function, ...) (find_function(#function), CALL(__VA_ARGS__))

static void set(uint32_t address, uint64_t value, uint32_t size) {
  for (uint32_t i = 0; i < size; i++) at(address)[i] = (uint8_t)(value >> 8 * i);
}

static bool is(const char *name, const char *prefix) {
  while (*prefix && *name == *prefix) name++, prefix++;
  return *prefix == '\0';
}

static uint32_t data(const char *text) {
  uint32_t size = 0;
  for (; text[size]; size++) at(slot(DATA))[size] = (uint8_t)text[size];
  return slot(DATA);
}

// An iovec at the n-th place of slot 0.
static uint32_t iovec(uint32_t n, uint32_t address, uint32_t size) {
  set(slot(0) + 8 * n, address, 4);
  set(slot(0) + 8 * n + 4, size, 4);
  return slot(0);
}

static void arguments(void) {
  find_function("args_get");
  CASE("strings over the pointers") CALL(slot(0), slot(0));
  find_function("args_sizes_get");
  CASE("both results in one place") CALL(slot(0), slot(0));
  CASE("results overlap by two bytes") CALL(slot(0), slot(0) + 2);
  find_function("environ_sizes_get");
  CASE("both results in one place") CALL(slot(0), slot(0));
}

static void clocks(void) {
  find_function("clock_time_get");
  CASE("monotonic does not go back") {
    uint64_t first[1], second[1];
    call((const uint64_t[]){1, 0, (uint32_t)(uintptr_t)first});
    call((const uint64_t[]){1, 0, (uint32_t)(uintptr_t)second});
    say(second[0] >= first[0] && first[0] > 0 ? "later or equal" : "earlier");
  }
  CASE("realtime is after 2020") {
    uint64_t now[1] = {0};
    call((const uint64_t[]){0, 0, (uint32_t)(uintptr_t)now});
    say(now[0] > 1577836800000000000u ? "yes" : "no");
  }
}

static void randomness(void) {
  find_function("random_get");
  CASE("64 KiB and 16 bytes, up to the end")
  say(call((const uint64_t[]){probe_end - 65552, 65552}) ? "error" : "written");
  CASE("all of memory and a byte") CALL(0, probe_end + 1);
  CASE("two calls") {
    uint64_t bytes[4];
    uint32_t address = (uint32_t)(uintptr_t)bytes;
    uint32_t error = call((const uint64_t[]){address, 16}) | call((const uint64_t[]){address + 16, 16});
    say(error ? "error" : bytes[0] == bytes[2] && bytes[1] == bytes[3] ? "alike" : "differ");
  }
}

static void closing(void) {
  find_function("fd_close");
  CASE("0 twice") FIRST(fd_close, 0), THEN(fd_close, 0);
  CASE("0, then read it") FIRST(fd_close, 0), THEN(fd_read, 0, iovec(0, slot(1), 3), 1, slot(2));
  CASE("2, then write to it") FIRST(fd_close, 2), THEN(fd_write, 2, iovec(0, data("abc"), 3), 1, slot(2));
  CASE("2, then its fdstat") FIRST(fd_close, 2), THEN(fd_fdstat_get, 2, slot(0));
  CASE("1 and 2, then yield") {
    FIRST(fd_close, 1), FIRST(fd_close, 2);
    THEN(sched_yield, 0);
  }
  find_function("fd_renumber");
  CASE("0 to 0") CALL(0, 0);
  CASE("2 to 1") CALL(2, 1);
  CASE("3 to 3") CALL(3, 3);
  CASE("2 to 0, then write to 0") FIRST(fd_renumber, 2, 0), THEN(fd_write, 0, iovec(0, data("abc"), 3), 1, slot(2));
  CASE("2 to 0, then write to 2") FIRST(fd_renumber, 2, 0), THEN(fd_write, 2, iovec(0, data("abc"), 3), 1, slot(2));
  CASE("2 to 0, then read 0") FIRST(fd_renumber, 2, 0), THEN(fd_read, 0, iovec(0, slot(1), 3), 1, slot(2));
  CASE("2 to 3, then write to 3") FIRST(fd_renumber, 2, 3), THEN(fd_write, 3, iovec(0, data("abc"), 3), 1, slot(2));
}

static void stat_changes(void) {
  find_function("fd_fdstat_set_flags");
  CASE("append on 2, then its fdstat") FIRST(fd_fdstat_set_flags, 2, 1), THEN(fd_fdstat_get, 2, slot(0));
  CASE("nonblock on 0, then its fdstat") FIRST(fd_fdstat_set_flags, 0, 4), THEN(fd_fdstat_get, 0, slot(0));
  CASE("nonblock on 0, then read it")
  FIRST(fd_fdstat_set_flags, 0, 4), THEN(fd_read, 0, iovec(0, slot(1), 3), 1, slot(2));
  find_function("fd_fdstat_set_rights");
  CASE("none on 2, then its fdstat") FIRST(fd_fdstat_set_rights, 2, 0, 0), THEN(fd_fdstat_get, 2, slot(0));
  CASE("none on 2, then write to it")
  FIRST(fd_fdstat_set_rights, 2, 0, 0), THEN(fd_write, 2, iovec(0, data("abc"), 3), 1, slot(2));
}

static void reading(void) {
  find_function("fd_read");
  CASE("two buffers") iovec(0, slot(1), 3), CALL(0, iovec(1, slot(2), 3), 2, slot(3));
  CASE("second buffer at the end") iovec(0, slot(1), 3), CALL(0, iovec(1, probe_end, 1), 2, slot(3));
  CASE("result in the buffer") CALL(0, iovec(0, slot(1), 8), 1, slot(1));
  CASE("result in the iovec") CALL(0, iovec(0, slot(1), 8), 1, slot(0));
  CASE("1,025 empty buffers") {
    static uint32_t many[1025][2];
    CALL(0, (uint32_t)(uintptr_t)many, 1025, slot(0));
  }
}

static void writing(void) {
  static uint32_t many[1025][2];
  find_function("fd_write");
  CASE("two buffers") {
    iovec(0, data("abc"), 3);
    CALL(2, iovec(1, slot(DATA) + 1, 2), 2, slot(3));
  }
  CASE("one buffer twice") {
    iovec(0, data("abc"), 3);
    CALL(2, iovec(1, slot(DATA), 3), 2, slot(3));
  }
  CASE("second buffer at the end") {
    iovec(0, data("abc"), 3);
    CALL(2, iovec(1, probe_end, 1), 2, slot(3));
  }
  CASE("an empty buffer between two") {
    iovec(0, data("abc"), 1);
    iovec(1, 0, 0);
    CALL(2, iovec(2, slot(DATA) + 1, 2), 3, slot(3));
  }
  CASE("result in the buffer") CALL(2, iovec(0, data("abcd"), 4), 1, slot(DATA));
  CASE("result in the iovec") CALL(2, iovec(0, data("abc"), 3), 1, slot(0));
  CASE("1,024 buffers") {
    for (uint32_t i = 0; i < 1024; i++) many[i][0] = data("abc"), many[i][1] = 1;
    CALL(2, (uint32_t)(uintptr_t)many, 1024, slot(0));
  }
  CASE("1,025 buffers") {
    for (uint32_t i = 0; i < 1025; i++) many[i][0] = data("abc"), many[i][1] = 1;
    CALL(2, (uint32_t)(uintptr_t)many, 1025, slot(0));
  }
}

static uint32_t path(const char *text, uint64_t *size) {
  uint32_t address = data(text);
  for (*size = 0; text[*size];) ++*size;
  return address;
}

// On 3, which is where a host without preopened folders has nothing.
static void paths(void) {
  static const char *const texts[] = {"/etc/passwd", "../file", "file/", ".", "\xff\xfe"};
  static const char *const names[] = {"absolute", "to the parent", "with a slash", "a dot", "not UTF-8"};
  uint64_t size;
  for (uint32_t i = 0; i < 5; i++) {
    find_function("path_open");
    CASE(names[i]) {
      uint64_t address = path(texts[i], &size);
      CALL(3, 0, address, size, 0, 2, 0, 0, slot(0));
    }
  }
  CASE("with a NUL") {
    uint64_t address = path("a_b", &size);
    at(slot(DATA))[1] = 0;
    CALL(3, 0, address, size, 0, 2, 0, 0, slot(0));
  }
  CASE("to create") {
    uint64_t address = path("probe.tmp", &size);
    CALL(3, 0, address, size, 1, 64, 0, 0, slot(0));
  }
}

// ---- poll_oneoff ----------------------------------------------------------------------------------------------------

enum { CLOCK, READ, WRITE, RELATIVE = 0, ABSOLUTE = 1 };

// The n-th subscription of slot 0, with 100 + n as user data.
static void subscribe(uint32_t n, uint32_t tag, uint32_t id, uint64_t timeout, uint32_t flags) {
  uint32_t address = slot(0) + 48 * n;
  for (uint32_t i = 0; i < 48; i++) at(address)[i] = 0;
  set(address, 100 + n, 8);
  set(address + 8, tag, 1);
  set(address + 16, id, 4);
  if (tag != READ && tag != WRITE) set(address + 24, timeout, 8), set(address + 40, flags, 2);
}

static void poll(uint32_t count) {
  CALL(slot(0), slot(2), count, slot(4));
}

static void one(const char *name, uint32_t tag, uint32_t id, uint64_t timeout, uint32_t flags) {
  CASE(name) {
    subscribe(0, tag, id, timeout, flags);
    poll(1);
  }
}

static void poll_one(void) {
  one("realtime, relative, 0", CLOCK, 0, 0, RELATIVE);
  one("realtime, relative, 1 ms", CLOCK, 0, 1000000, RELATIVE);
  one("monotonic, relative, 1 ms", CLOCK, 1, 1000000, RELATIVE);
  one("realtime, absolute, long past", CLOCK, 0, 1, ABSOLUTE);
  one("monotonic, absolute, long past", CLOCK, 1, 1, ABSOLUTE);
  one("monotonic, absolute, 0", CLOCK, 1, 0, ABSOLUTE);
  one("process CPU time, relative, 0", CLOCK, 2, 0, RELATIVE);
  one("thread CPU time, relative, 0", CLOCK, 3, 0, RELATIVE);
  one("clock 4", CLOCK, 4, 0, RELATIVE);
  one("clock 2^32-1", CLOCK, MAX32, 0, RELATIVE);
  one("clock flags 2", CLOCK, 1, 0, 2);
  one("clock flags 65535", CLOCK, 1, 0, 65535);
  one("type 3", 3, 0, 0, 0);
  one("type 255", 255, 0, 0, 0);
  one("read 0, at its end", READ, 0, 0, 0);
  one("read 1", READ, 1, 0, 0);
  one("read 3", READ, 3, 0, 0);
  one("read -1", READ, MAX32, 0, 0);
  one("write 0", WRITE, 0, 0, 0);
  one("write 1", WRITE, 1, 0, 0);
  one("write 2", WRITE, 2, 0, 0);
  one("write 3", WRITE, 3, 0, 0);
}

static void poll_more(void) {
  CASE("two clocks, both due") {
    subscribe(0, CLOCK, 1, 0, RELATIVE), subscribe(1, CLOCK, 0, 0, RELATIVE);
    poll(2);
  }
  CASE("two clocks, one due") {
    subscribe(0, CLOCK, 1, 3600000000000, RELATIVE), subscribe(1, CLOCK, 1, 0, RELATIVE);
    poll(2);
  }
  CASE("two clocks, the first later by 50 ms") {
    subscribe(0, CLOCK, 1, 51000000, RELATIVE), subscribe(1, CLOCK, 1, 1000000, RELATIVE);
    poll(2);
  }
  CASE("write 2 and a clock in an hour") {
    subscribe(0, WRITE, 2, 0, 0), subscribe(1, CLOCK, 1, 3600000000000, RELATIVE);
    poll(2);
  }
  CASE("write 2 and a clock in 2^64-1 ns") {
    subscribe(0, WRITE, 2, 0, 0), subscribe(1, CLOCK, 1, UINT64_MAX, RELATIVE);
    poll(2);
  }
  CASE("write 3 and a clock in an hour") {
    subscribe(0, WRITE, 3, 0, 0), subscribe(1, CLOCK, 1, 3600000000000, RELATIVE);
    poll(2);
  }
  CASE("clock 4 and a clock in an hour") {
    subscribe(0, CLOCK, 4, 0, RELATIVE), subscribe(1, CLOCK, 1, 3600000000000, RELATIVE);
    poll(2);
  }
  CASE("type 3 and a clock that is due") {
    subscribe(0, CLOCK, 1, 0, RELATIVE), subscribe(1, 3, 0, 0, 0);
    poll(2);
  }
  CASE("read 0 and write 2") {
    subscribe(0, READ, 0, 0, 0), subscribe(1, WRITE, 2, 0, 0);
    poll(2);
  }
  CASE("write 1 and write 2") {
    subscribe(0, WRITE, 1, 0, 0), subscribe(1, WRITE, 2, 0, 0);
    poll(2);
  }
}

static void poll_memory(void) {
  CASE("events over the subscriptions") {
    subscribe(0, CLOCK, 1, 0, RELATIVE), subscribe(1, CLOCK, 0, 0, RELATIVE);
    CALL(slot(0), slot(0), 2, slot(4));
  }
  CASE("result in the events") {
    subscribe(0, CLOCK, 1, 0, RELATIVE);
    CALL(slot(0), slot(2), 1, slot(2));
  }
  CASE("second event over the end") {
    subscribe(0, CLOCK, 1, 0, RELATIVE), subscribe(1, CLOCK, 1, 0, RELATIVE);
    CALL(slot(0), probe_end - 32, 2, slot(4));
  }
  CASE("second event over the end, one due") {
    subscribe(0, CLOCK, 1, 0, RELATIVE), subscribe(1, CLOCK, 1, 3600000000000, RELATIVE);
    CALL(slot(0), probe_end - 32, 2, slot(4));
  }
  CASE("1,025 clocks") {
    static uint64_t in[1025][6], out[1025][4];
    for (uint32_t i = 0; i < 1025; i++) in[i][2] = 1;
    CALL((uint32_t)(uintptr_t)in, (uint32_t)(uintptr_t)out, 1025, slot(4));
  }
}

void special(const char *name) {
  if (is(name, "environ_sizes_get")) arguments();
  if (is(name, "clock_time_get")) clocks();
  if (is(name, "random_get")) randomness();
  if (is(name, "fd_renumber")) closing();
  if (is(name, "fd_filestat_get")) stat_changes();
  if (is(name, "fd_read") && name[7] == '\0') reading();
  if (is(name, "fd_write")) writing();
  if (is(name, "path_open")) paths();
  if (is(name, "poll_oneoff")) find_function(name), poll_one(), poll_more(), poll_memory();
}
