/* SPDX-License-Identifier: MIT */
/* The host's callbacks: each checks what it is given, and answers as the setup says, sometimes wrongly. */
#include <string.h>

#include "guest.h"

enum { AT_TIMES = 3, WRITES_MEMORY = 4, FLUSHES = 8, NO_ERRNO = 16 };

/* Whether this one is to be unusual. */
static bool is_unusual(fuzz_guest_t *guest) {
  FUZZ_CHECK(guest->env->in_callback, "a callback runs, and the guest could be entered");
  uint32_t at_times = guest->setup->answers & AT_TIMES;
  return ++guest->asked % 4 < at_times;
}

static uint32_t error_of(const fuzz_guest_t *guest) {
  return guest->setup->answers & NO_ERRNO ? 0x10000 : WASI_LIGHT_EAGAIN;
}

/* The host writes to the guest's memory, which is its right: what was checked there before may be wrong now. */
static void write_memory(fuzz_guest_t *guest) {
  if (!(guest->setup->answers & WRITES_MEMORY)) return;
  memset(guest->base, 0xf0, guest->size < 128 ? guest->size : 128);
  guest->written = true;
}

static void check_inside(const fuzz_guest_t *guest, const uint8_t *bytes, size_t size) {
  FUZZ_CHECK(size == 0 ||
                 (bytes >= guest->base && size <= guest->size && (size_t)(bytes - guest->base) <= guest->size - size),
             "%zu bytes outside the guest's memory", size);
}

static wasi_light_errno_t on_write(void *host, uint32_t fd, const uint8_t *bytes, size_t size) {
  fuzz_guest_t *guest = host;
  bool unusual = is_unusual(guest);
  FUZZ_CHECK(fd == P1_STDOUT || fd == P1_STDERR, "%u", fd);
  check_inside(guest, bytes, size);
  fuzz_digest(guest, bytes, size < 256 ? size : 256);
  write_memory(guest);
  return unusual ? error_of(guest) : WASI_LIGHT_ESUCCESS;
}

static wasi_light_errno_t on_read(void *host, uint8_t *buffer, size_t size, size_t *got) {
  fuzz_guest_t *guest = host;
  size_t some = size < 24 ? size : 24;
  check_inside(guest, buffer, size);
  if (is_unusual(guest)) {
    *got = size + 1;
    return guest->asked & 1 ? error_of(guest) : WASI_LIGHT_ESUCCESS;
  }
  for (size_t i = 0; i < some; i++) buffer[i] = (uint8_t)(guest->asked + i);
  *got = some;
  write_memory(guest);
  return WASI_LIGHT_ESUCCESS;
}

/* With `escape`: whole characters of UTF-8, and none that controls. */
static void check_text(const uint8_t *text, size_t size) {
  for (size_t i = 0; i < size;) {
    uint32_t first = text[i++];
    uint32_t more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    uint32_t least = more == 0 ? ' ' : more == 1 ? 0xa0 : more == 2 ? 0x800 : 0x10000;
    uint32_t character = more == 0 ? first : first & (0x3fu >> more);
    FUZZ_CHECK(first < 0x80 || (first >= 0xc2 && first <= 0xf4), "0x%x begins a character", first);
    FUZZ_CHECK(more <= size - i, "a character is cut");
    for (; more > 0; more--, i++) {
      FUZZ_CHECK((text[i] & 0xc0) == 0x80, "0x%x continues a character", text[i]);
      character = character << 6 | (text[i] & 0x3fu);
    }
    bool good = character >= least && character != 0x7f && character <= 0x10ffff;
    FUZZ_CHECK((good && character >> 11 != 0x1b) || character == '\t', "0x%x is shown", character);
  }
}

static void on_line(void *host, uint32_t fd, const char *line, size_t size, bool continues) {
  fuzz_guest_t *guest = host;
  FUZZ_CHECK(fd == P1_STDOUT || fd == P1_STDERR, "%u", fd);
  const wasi_light_output_t *out = &guest->config->out[fd - P1_STDOUT];
  is_unusual(guest);
  FUZZ_CHECK(size <= WASI_LIGHT_PREFIX_MAX + out->line_size && line[size] == '\0', "%zu", size);
  if (out->escape) check_text((const uint8_t *)line, size);
  else FUZZ_CHECK(!memchr(line, '\n', size), "a newline in a line");
  fuzz_digest(guest, line, size);
  fuzz_digest(guest, &continues, sizeof continues);
  if (guest->setup->answers & FLUSHES) wasi_light_env_flush(guest->env);
}

static uint64_t on_now(void *host, uint32_t clock) {
  fuzz_guest_t *guest = host;
  if (is_unusual(guest)) return guest->asked & 1 ? 0 : UINT64_MAX - clock;
  write_memory(guest);
  return 1000000u * (uint64_t)guest->asked;
}

static wasi_light_errno_t on_sleep(void *host, uint64_t ns) {
  fuzz_guest_t *guest = host;
  bool unusual = is_unusual(guest);
  FUZZ_CHECK(ns > 0, "a sleep of no time");
  write_memory(guest);
  return unusual ? error_of(guest) : WASI_LIGHT_ESUCCESS;
}

static void on_yield(void *host) {
  fuzz_guest_t *guest = host;
  is_unusual(guest);
  write_memory(guest);
}

static void on_trace(void *host, const char *line) {
  fuzz_guest_t *guest = host;
  size_t size = strlen(line);
  FUZZ_CHECK(guest->env->in_callback, "a callback runs, and the guest could be entered");
  FUZZ_CHECK(size < sizeof((p1_trace_t *)0)->text && strchr(line, '('), "%zu", size);
  for (size_t i = 0; i < size; i++) FUZZ_CHECK(line[i] >= ' ' && line[i] < 0x7f, "0x%x in the trace", line[i]);
  fuzz_digest(guest, line, size);
}

/* The first record of all is given before the environment is known. */
static void on_record(void *host, const uint8_t *bytes, size_t size) {
  fuzz_guest_t *guest = host;
  if (guest->env) FUZZ_CHECK(guest->env->in_callback, "a callback runs, and the guest could be entered");
  if (guest->records++ == 0) FUZZ_CHECK(wasi_light__is_log(bytes, size), "a log begins otherwise");
  size_t room = FUZZ_LOG_MAX - guest->log_size;
  size_t some = size < room ? size : room;
  memcpy(guest->log + guest->log_size, bytes, some);
  guest->log_size += some;
  fuzz_digest(guest, bytes, some);
}

const wasi_light_options_t fuzz_callbacks = {
    .in.read = on_read,
    .out = {.write = on_write, .line = on_line},
    .clock.now = on_now,
    .sleep.sleep = on_sleep,
    .yield = on_yield,
    .trace = on_trace,
    .record = on_record,
};
