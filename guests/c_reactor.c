// SPDX-License-Identifier: MIT
//
// A plug-in in C with wasi-libc, built as a WASI preview 1 reactor: the host calls `_initialize`
// once and then the functions exported below as often as it likes. All reactors of this folder
// export the same functions (README.md).

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <wasi/api.h>

#define EXPORT(name) __attribute__((export_name(#name)))

enum { NANOS_PER_SECOND = 1000000000, NANOS_PER_MILLI = 1000000 };

static int64_t clock_ns(clockid_t clock) {
  struct timespec t;
  if (clock_gettime(clock, &t) != 0) {
    return 0;
  }
  return (int64_t)t.tv_sec * NANOS_PER_SECOND + t.tv_nsec;
}

// A reactor has no main(), so nobody hands it argc and argv: ask WASI.
static int print_args(void) {
  size_t argc = 0, size = 0;
  if (__wasi_args_sizes_get(&argc, &size) != 0) {
    return -1;
  }
  char **argv = calloc(argc + 1, sizeof *argv);
  char *buffer = malloc(size + 1);
  int status = -1;
  if (argv && buffer && __wasi_args_get((uint8_t **)argv, (uint8_t *)buffer) == 0) {
    fputs("args: ", stdout);
    for (size_t i = 0; i < argc; i++) {
      printf("%s%s", i ? " " : "", argv[i]);
    }
    putchar('\n');
    status = 0;
  }
  free(buffer);
  free(argv);
  return status;
}

// Prints what this plug-in was given, and returns the number of lines.
EXPORT(report) int32_t report(void) {
  puts("language: C");

  if (print_args() != 0) {
    puts("args: (error)");
  }

  const char *key1 = getenv("KEY1");
  printf("env: %s\n", key1 ? key1 : "(unset)");

  printf("realtime: %" PRId64 "\n", clock_ns(CLOCK_REALTIME) / NANOS_PER_SECOND);

  int64_t first = clock_ns(CLOCK_MONOTONIC), second = clock_ns(CLOCK_MONOTONIC);
  bool ok = first != 0 && second >= first;
  printf("monotonic: %s\n", ok ? "ok" : "broken");

  unsigned char bytes[8] = {0};
  bool random_ok = getentropy(bytes, sizeof bytes) == 0;
  fputs("random: ", stdout);
  for (size_t i = 0; random_ok && i < sizeof bytes; i++) {
    printf("%02x", bytes[i]);
  }
  puts(random_ok ? "" : "(error)");

  fflush(stdout);
  return 6;
}

EXPORT(add) int32_t add(int32_t a, int32_t b) {
  return (int32_t)((uint32_t)a + (uint32_t)b);
}

EXPORT(count) int32_t count(void) {
  static int32_t calls;
  return ++calls;
}

// 1 + 2 + ... + n, by way of a list on the heap. -1 if there is no memory for it.
EXPORT(sum) int64_t sum(int32_t n) {
  size_t length = n > 0 ? (size_t)n : 0;
  int64_t *numbers = malloc((length + 1) * sizeof *numbers);
  if (!numbers) {
    return -1;
  }
  for (size_t i = 0; i < length; i++) {
    numbers[i] = (int64_t)i + 1;
  }
  int64_t total = 0;
  for (size_t i = 0; i < length; i++) {
    total += numbers[i];
  }
  free(numbers);
  return total;
}

EXPORT(now) int64_t now(void) {
  return clock_ns(CLOCK_REALTIME);
}

EXPORT(random) int64_t random_bytes(void) {
  uint64_t bytes = 0;
  if (getentropy(&bytes, sizeof bytes) != 0) {
    abort();
  }
  return (int64_t)bytes;
}

// Memory into which the host can write. It stays allocated until the instance goes.
EXPORT(alloc) void *alloc(int32_t size) {
  return size > 0 ? malloc((size_t)size) : NULL;
}

// The greeting is valid until the next call of greet().
EXPORT(greet) const char *greet(const char *name, int32_t length) {
  static char *greeting;
  static const char format[] = "Hello, %.*s!";
  if (!name || length < 0) {
    return NULL;
  }
  size_t size = sizeof format + (size_t)length;
  char *longer = realloc(greeting, size);
  if (!longer) {
    return NULL;
  }
  greeting = longer;
  snprintf(greeting, size, format, (int)length, name);
  return greeting;
}

// 0 if the file can be opened, else errno, which has WASI's numbers in wasi-libc.
EXPORT(open_file) int32_t open_file(void) {
  FILE *file = fopen("/etc/passwd", "r");
  if (!file) {
    return errno;
  }
  fclose(file);
  return 0;
}

// Returns the milliseconds that went by on the monotonic clock.
EXPORT(sleep_ms) int32_t sleep_ms(int32_t ms) {
  int64_t start = clock_ns(CLOCK_MONOTONIC);
  struct timespec duration = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * NANOS_PER_MILLI};
  nanosleep(&duration, NULL);
  return (int32_t)((clock_ns(CLOCK_MONOTONIC) - start) / NANOS_PER_MILLI);
}

EXPORT(quit) void quit(int32_t code) {
  exit(code);
}

EXPORT(crash) void crash(void) {
  abort();
}
