// SPDX-License-Identifier: MIT
//
// A WASI preview 1 command that checks what its host does, for all that a plug-in without files can see.
//
//   conformance              the checks `no-arguments`, which hold if there is no argument
//   conformance MODE ...     the checks of that mode: one line for each, then how many there were and how many failed
//   conformance list         prints all checks as MODE: NAME
//
// The exit status is 0 if all held, 1 if one failed. These modes need something of the host:
//
//   arguments                the arguments `first`, `the "second" arg`, `3` and ``, an empty one
//   variables                the variables of `expected_variables` below, in that order; no-variables: none
//   input, no-input          stdin that can be read or is at its end; stdin on which nothing comes
//   stdout                   prints hello, and its report on stderr
//   exit-success             must end with status 0 and print nothing
//   exit-failure             must end with status 33 and print nothing

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <wasi/api.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { USAGE_ERROR = 64 };

// libc declares it as not returning, and the compiler would drop what follows.
__attribute__((import_module("wasi_snapshot_preview1"), import_name("proc_exit"))) void raw_proc_exit(uint32_t code);

static FILE *report;

// Every expectation of a check is one of these, so that a failure says what was there instead.
static bool equal(const char *what, uint64_t got, uint64_t expected) {
  if (got == expected) {
    return true;
  }
  fprintf(report, "  %s: %llu, expected %llu\n", what, (unsigned long long)got, (unsigned long long)expected);
  return false;
}

static bool holds(const char *what, bool condition) {
  if (!condition) {
    fprintf(report, "  not so: %s\n", what);
  }
  return condition;
}

// ---- Arguments and variables ----

static const char *const expected_arguments[] = {NULL, "arguments", "first", "the \"second\" arg", "3", ""};
static const char *const expected_variables[] = {"a=text", "b=escap \" ing", "c=new\nline", "empty="};

static bool argument_count(size_t expected) {
  size_t count = SIZE_MAX, size = SIZE_MAX;
  return equal("errno", __wasi_args_sizes_get(&count, &size), __WASI_ERRNO_SUCCESS) && equal("count", count, expected);
}

static bool variable_count(size_t expected) {
  size_t count = SIZE_MAX, size = SIZE_MAX;
  return equal("errno", __wasi_environ_sizes_get(&count, &size), __WASI_ERRNO_SUCCESS) &&
         equal("count", count, expected);
}

static bool no_arguments(void) {
  return argument_count(1);
}

static bool arguments_are_counted(void) {
  return argument_count(COUNT(expected_arguments));
}

static bool no_variables(void) {
  return variable_count(0);
}

static bool variables_are_counted(void) {
  return variable_count(COUNT(expected_variables));
}

typedef __wasi_errno_t sizes_get_t(__wasi_size_t *count, __wasi_size_t *size);
typedef __wasi_errno_t strings_get_t(uint8_t **strings, uint8_t *buffer);

// The strings end with NUL, lie in the buffer, and fill it: `size` is the sum of theirs.
static bool strings_are(char *const *strings, const char *buffer, size_t size, const char *const *expected,
                        size_t count) {
  size_t sum = 0;
  for (size_t i = 0; i < count; i++) {
    if (!holds("the string lies in the buffer", strings[i] >= buffer && strings[i] < buffer + size)) {
      return false;
    }
    size_t room = size - (size_t)(strings[i] - buffer);
    if (!holds("the string ends in the buffer", memchr(strings[i], '\0', room) != NULL)) {
      return false;
    }
    sum += strlen(strings[i]) + 1;
    if (expected[i] && !equal(expected[i], (uint64_t)strcmp(strings[i], expected[i]), 0)) {
      return false;
    }
  }
  return equal("the sum of the sizes", sum, size);
}

static bool check_strings(sizes_get_t *sizes_get, strings_get_t *strings_get, const char *const *expected,
                          size_t expected_count) {
  __wasi_size_t count = 0, size = 0;
  if (!equal("errno of sizes_get", sizes_get(&count, &size), __WASI_ERRNO_SUCCESS) ||
      !equal("count", count, expected_count)) {
    return false;
  }
  // One more of each, to see that no more is written.
  uint8_t **strings = calloc(count + 1, sizeof *strings);
  uint8_t *buffer = malloc(size + 1);
  bool ok = strings && buffer;
  if (ok) {
    memset(buffer, 0xaa, size + 1);
    ok = equal("errno", strings_get(strings, buffer), __WASI_ERRNO_SUCCESS) &&
         strings_are((char **)strings, (char *)buffer, size, expected, count) &&
         holds("nothing is written behind the pointers", strings[count] == NULL) &&
         equal("the byte behind the strings", buffer[size], 0xaa);
  }
  free(strings);
  free(buffer);
  return ok;
}

static bool arguments_are_given(void) {
  return check_strings(__wasi_args_sizes_get, __wasi_args_get, expected_arguments, COUNT(expected_arguments));
}

static bool variables_are_given(void) {
  return check_strings(__wasi_environ_sizes_get, __wasi_environ_get, expected_variables, COUNT(expected_variables)) &&
         equal("getenv", (uint64_t)strcmp(getenv("b"), "escap \" ing"), 0);
}

// ---- Descriptors ----

static bool hello(void) {
  __wasi_ciovec_t parts[] = {{(const uint8_t *)"hel", 3}, {(const uint8_t *)"lo", 2}};
  __wasi_size_t written = 0;
  return equal("errno", __wasi_fd_write(STDOUT_FILENO, parts, COUNT(parts), &written), __WASI_ERRNO_SUCCESS) &&
         equal("written", written, 5);
}

static bool write_to_no_descriptor(void) {
  __wasi_size_t written = 77;
  return equal("errno", __wasi_fd_write(-31337, NULL, 0, &written), __WASI_ERRNO_BADF) &&
         equal("errno of fd 3", __wasi_fd_write(3, NULL, 0, &written), __WASI_ERRNO_BADF) &&
         equal("written", written, 77);
}

static bool shutdown_of_no_descriptor(void) {
  errno = 0;
  return equal("shutdown", (uint64_t)shutdown(3, SHUT_RD), (uint64_t)-1) && equal("errno", (uint64_t)errno, EBADF) &&
         equal("sock_shutdown", __wasi_sock_shutdown(3, __WASI_SDFLAGS_RD), __WASI_ERRNO_BADF);
}

static bool shutdown_of_a_stream(void) {
  errno = 0;
  return equal("shutdown", (uint64_t)shutdown(STDOUT_FILENO, SHUT_RD), (uint64_t)-1) &&
         equal("errno", (uint64_t)errno, ENOTSOCK) &&
         equal("sock_shutdown", __wasi_sock_shutdown(STDOUT_FILENO, __WASI_SDFLAGS_RD), __WASI_ERRNO_NOTSOCK);
}

static bool no_file(void) {
  errno = 0;
  FILE *file = fopen("folder/file", "r");
  if (!holds("fopen fails", file == NULL)) {
    fclose(file);
    return false;
  }
  return holds("errno is ENOTCAPABLE or ENOENT", errno == ENOTCAPABLE || errno == ENOENT);
}

// A guest that looks for its folder asks one descriptor after the other.
static bool no_folder(void) {
  static const __wasi_fd_t large[] = {65535, 65536, 1U << 30, INT32_MAX - 1, INT32_MAX, UINT32_MAX};
  __wasi_prestat_t prestat;
  for (__wasi_fd_t fd = 0; fd < 4096; fd++) {
    if (!equal("errno", __wasi_fd_prestat_get(fd, &prestat), __WASI_ERRNO_BADF)) {
      return false;
    }
  }
  for (size_t i = 0; i < COUNT(large); i++) {
    if (!equal("errno", __wasi_fd_prestat_get(large[i], &prestat), __WASI_ERRNO_BADF)) {
      return false;
    }
  }
  return true;
}

// ---- Clocks, randomness, yielding ----

static bool resolution(clockid_t clock, __wasi_clockid_t id) {
  struct timespec t = {-1, -1};
  __wasi_timestamp_t resolution = 0;
  return equal("clock_getres", (uint64_t)clock_getres(clock, &t), 0) &&
         equal("errno", __wasi_clock_res_get(id, &resolution), __WASI_ERRNO_SUCCESS) &&
         holds("it is from 1 ns to 1 s", resolution >= 1 && resolution <= 1000000000) &&
         equal("what libc says", (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec, resolution);
}

static bool resolution_monotonic(void) {
  return resolution(CLOCK_MONOTONIC, __WASI_CLOCKID_MONOTONIC);
}

static bool resolution_realtime(void) {
  return resolution(CLOCK_REALTIME, __WASI_CLOCKID_REALTIME);
}

static bool time_realtime(void) {
  struct timespec t = {-1, -1};
  return equal("clock_gettime", (uint64_t)clock_gettime(CLOCK_REALTIME, &t), 0) &&
         holds("it is after 1970", t.tv_sec > 0 && t.tv_nsec >= 0 && t.tv_nsec < 1000000000);
}

static bool time_monotonic(void) {
  struct timespec before, after;
  if (!equal("clock_gettime", (uint64_t)clock_gettime(CLOCK_MONOTONIC, &before), 0)) {
    return false;
  }
  for (int i = 0; i < 1000; i++) {
    if (!equal("clock_gettime", (uint64_t)clock_gettime(CLOCK_MONOTONIC, &after), 0) ||
        !holds("it never goes back",
               after.tv_sec > before.tv_sec || (after.tv_sec == before.tv_sec && after.tv_nsec >= before.tv_nsec))) {
      return false;
    }
    before = after;
  }
  return true;
}

static bool time_with_precision(void) {
  static const __wasi_timestamp_t precisions[] = {1, 0, 0, 1000000000, UINT64_MAX};
  __wasi_timestamp_t before = 1; // a monotonic clock that is 0 is no clock
  for (size_t i = 0; i < COUNT(precisions); i++) {
    __wasi_timestamp_t now = 0;
    if (!equal("errno", __wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, precisions[i], &now), __WASI_ERRNO_SUCCESS) ||
        !holds("it never goes back", now >= before)) {
      return false;
    }
    before = now;
  }
  return true;
}

// `size` bytes between two others: at least one of the former is not 0, and the latter stay.
static bool random_bytes(size_t size) {
  static uint8_t bytes[1 + 1024 + 1];
  memset(bytes, 0, sizeof bytes);
  if (!equal("errno", __wasi_random_get(bytes + 1, size), __WASI_ERRNO_SUCCESS)) {
    return false;
  }
  bool any = size == 0;
  for (size_t i = 1; i <= size; i++) {
    any = any || bytes[i] != 0;
  }
  return holds("not all are 0", any) && equal("the byte before", bytes[0], 0) &&
         equal("the byte behind", bytes[size + 1], 0);
}

static bool random_0(void) {
  return random_bytes(0);
}

static bool random_32(void) {
  return random_bytes(32);
}

static bool random_1024(void) {
  return random_bytes(1024);
}

static bool yield(void) {
  return equal("errno", __wasi_sched_yield(), __WASI_ERRNO_SUCCESS);
}

// ---- Waiting ----

static const uint64_t timeout = 200000000; // ns
static const __wasi_userdata_t clock_id = 0x123456789abcdef0;

static __wasi_subscription_t in_time(void) {
  __wasi_subscription_t subscription = {.userdata = clock_id, .u.tag = __WASI_EVENTTYPE_CLOCK};
  subscription.u.u.clock = (__wasi_subscription_clock_t){.id = __WASI_CLOCKID_MONOTONIC, .timeout = timeout};
  return subscription;
}

static __wasi_subscription_t on_stream(__wasi_eventtype_t type, __wasi_fd_t fd, __wasi_userdata_t userdata) {
  __wasi_subscription_t subscription = {.userdata = userdata, .u.tag = type};
  subscription.u.u.fd_read.file_descriptor = fd; // fd_write lies at the same place
  return subscription;
}

static bool event_is(const __wasi_event_t *event, __wasi_eventtype_t type, __wasi_userdata_t userdata) {
  return equal("type", event->type, type) && equal("userdata", event->userdata, userdata) &&
         equal("error", event->error, __WASI_ERRNO_SUCCESS);
}

// Waits for stdin or the time, whichever comes first.
static bool poll_stdin(__wasi_event_t *event) {
  __wasi_subscription_t in[] = {in_time(), on_stream(__WASI_EVENTTYPE_FD_READ, STDIN_FILENO, 0x876543210)};
  __wasi_event_t out[COUNT(in)];
  __wasi_size_t count = 0;
  memset(out, 0xaa, sizeof out);
  bool ok =
      equal("errno", __wasi_poll_oneoff(in, out, COUNT(in), &count), __WASI_ERRNO_SUCCESS) && equal("events", count, 1);
  *event = out[0];
  return ok;
}

static bool stdin_is_ready(void) {
  __wasi_event_t event;
  return poll_stdin(&event) && event_is(&event, __WASI_EVENTTYPE_FD_READ, 0x876543210);
}

static bool time_is_up(void) {
  __wasi_timestamp_t before = 0, after = 0;
  __wasi_event_t event;
  (void)__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 0, &before);
  bool ok = poll_stdin(&event) && event_is(&event, __WASI_EVENTTYPE_CLOCK, clock_id);
  (void)__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 0, &after);
  return ok && holds("the time has gone by", after - before >= timeout);
}

// Until both have been ready, which must be before the time is up.
static bool output_is_ready(void) {
  static const __wasi_fd_t streams[] = {STDOUT_FILENO, STDERR_FILENO};
  bool ready[COUNT(streams)] = {false};
  while (!ready[0] || !ready[1]) {
    __wasi_subscription_t in[COUNT(streams) + 1];
    __wasi_event_t out[COUNT(in)];
    __wasi_size_t wanted = 0, count = 0;
    for (size_t i = 0; i < COUNT(streams); i++) {
      if (!ready[i]) {
        in[wanted++] = on_stream(__WASI_EVENTTYPE_FD_WRITE, streams[i], i);
      }
    }
    in[wanted++] = in_time();
    if (!equal("errno", __wasi_poll_oneoff(in, out, wanted, &count), __WASI_ERRNO_SUCCESS) ||
        !holds("there are events, and no more than asked for", count >= 1 && count <= wanted)) {
      return false;
    }
    for (__wasi_size_t i = 0; i < count; i++) {
      __wasi_userdata_t stream = out[i].userdata;
      if (!holds("the event is one that was asked for", stream < COUNT(streams) && !ready[stream]) ||
          !event_is(&out[i], __WASI_EVENTTYPE_FD_WRITE, stream)) {
        return false;
      }
      ready[stream] = true;
    }
  }
  return true;
}

// ---- Ending ----

static bool exit_with_0(void) {
  raw_proc_exit(0);
  return holds("proc_exit does not return", false);
}

static bool exit_with_33(void) {
  raw_proc_exit(33);
  return holds("proc_exit does not return", false);
}

// ---- The checks ----

typedef struct check_t {
  const char *mode, *name;
  bool (*run)(void);
} check_t;

static const check_t checks[] = {
    {"no-arguments", "args_sizes_get counts the name only", no_arguments},
    {"arguments", "args_sizes_get counts all", arguments_are_counted},
    {"arguments", "args_get gives them in order", arguments_are_given},
    {"no-variables", "environ_sizes_get counts none", no_variables},
    {"variables", "environ_sizes_get counts all", variables_are_counted},
    {"variables", "environ_get gives them in order", variables_are_given},
    {"stdout", "fd_write writes all and says how much", hello},
    {"descriptors", "fd_write to no descriptor is BADF", write_to_no_descriptor},
    {"descriptors", "sock_shutdown of no descriptor is BADF", shutdown_of_no_descriptor},
    {"descriptors", "sock_shutdown of a stream is NOTSOCK", shutdown_of_a_stream},
    {"descriptors", "fopen finds no file", no_file},
    {"descriptors", "fd_prestat_get finds no folder", no_folder},
    {"clocks", "clock_res_get of the monotonic clock", resolution_monotonic},
    {"clocks", "clock_res_get of the realtime clock", resolution_realtime},
    {"clocks", "clock_time_get of the realtime clock", time_realtime},
    {"clocks", "the monotonic clock never goes back", time_monotonic},
    {"clocks", "clock_time_get with any precision", time_with_precision},
    {"random", "random_get of 0 bytes", random_0},
    {"random", "random_get of 32 bytes", random_32},
    {"random", "random_get of 1024 bytes", random_1024},
    {"yield", "sched_yield succeeds", yield},
    {"input", "poll_oneoff finds stdin ready", stdin_is_ready},
    {"no-input", "poll_oneoff ends when the time is up", time_is_up},
    {"output", "poll_oneoff finds stdout and stderr ready", output_is_ready},
    {"exit-success", "proc_exit 0", exit_with_0},
    {"exit-failure", "proc_exit 33", exit_with_33},
};

static int list(void) {
  for (size_t i = 0; i < COUNT(checks); i++) {
    printf("%s: %s\n", checks[i].mode, checks[i].name);
  }
  return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "no-arguments";
  int count = 0, failed = 0;
  if (strcmp(mode, "list") == 0) {
    return list();
  }
  report = strcmp(mode, "stdout") == 0 ? stderr : stdout;
  for (size_t i = 0; i < COUNT(checks); i++) {
    if (strcmp(checks[i].mode, mode) == 0) {
      bool ok = checks[i].run();
      fprintf(report, "%s: %s\n", ok ? "ok" : "FAILED", checks[i].name);
      count++;
      failed += !ok;
    }
  }
  if (count == 0) {
    fprintf(stderr, "conformance: there is no mode %s (see conformance list)\n", mode);
    return USAGE_ERROR;
  }
  fprintf(report, "checks: %d, failed: %d\n", count, failed);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
