/* SPDX-License-Identifier: MIT */
/* The seam itself: faults.def's functions of the system, and which of them fails when. */
#include "faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "faults_seam.h"

enum { WAYS_MAX = 8 };

typedef struct row_t {
  const char *name;
  int ways[WAYS_MAX]; /* then 0 */
} row_t;

#define SHORT FAULT_SHORT
static const row_t rows[FAULT_ROWS] = {
#define FAULT(name, ...) {#name, {__VA_ARGS__}},
#define ENGINE_FAULT(name) {#name, {ENOMEM}},
#define ALIAS(name)
#define COUNTED(name)
#define ENGINE_COUNTED(name)
#define NEVER(reason, names)
#include "faults.def"
#undef FAULT
#undef ENGINE_FAULT
#undef ALIAS
#undef COUNTED
#undef ENGINE_COUNTED
#undef NEVER
};

bool faults_open;
faults_held_t faults_held;
wasi_light_error_t faults_error;

static struct {
  unsigned long calls, fail_at, kill_at;
  unsigned way;
  const row_t *met;
  const row_t *expected; /* `met` at faults_expect */
  const row_t *storm;
  int storm_way;
  unsigned storm_left;
  bool dies; /* in the write that is being made */
  const char *scenario;
  bool forked;
} faults;

void faults_begin(unsigned long n, unsigned way) {
  faults.calls = 0;
  faults.fail_at = n;
  faults.way = way;
  faults.met = NULL;
}

bool faults_end(void) {
  faults.fail_at = 0;
  return faults.met != NULL;
}

bool faults_met(void) {
  return faults.met != NULL;
}

const char *faults_name(void) {
  return faults.met ? faults.met->name : "nothing";
}

int faults_way_met(void) {
  return faults.met ? faults.met->ways[faults.way] : 0;
}

unsigned faults_ways(void) {
  unsigned ways = 0;
  while (faults.met && faults.met->ways[ways] != 0) ways++;
  return ways;
}

unsigned long faults_calls(void) {
  return faults.calls;
}

void faults_storm(const char *name, int way, unsigned times) {
  faults.storm = NULL;
  for (size_t i = 0; i < FAULT_ROWS; i++) {
    if (strcmp(rows[i].name, name) == 0) faults.storm = &rows[i];
  }
  assert_non_null(faults.storm);
  faults.storm_way = way;
  faults.storm_left = times;
}

unsigned faults_storm_left(void) {
  return faults.storm_left;
}

void faults_kill_at(unsigned long n) {
  faults.calls = 0;
  faults.kill_at = n;
}

static int way_now(const row_t *row) {
  if (faults.storm == row && faults.storm_left > 0) {
    faults.storm_left--;
    return faults.storm_way;
  }
  if (++faults.calls == faults.kill_at) {
    faults.dies = row == &rows[FAULT_write];
    if (!faults.dies) raise(SIGKILL);
  }
  if (faults.calls != faults.fail_at) return 0;
  faults.met = row;
  return row->ways[faults.way];
}

int faults_way(fault_t fault) {
  if (!faults_open) return 0;
  int way = way_now(&rows[fault]);
  if (way > 0) errno = way;
  return way;
}

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's names */

/* ---- Memory ---- */

/* Blocks are counted from all calls: what the library has is freed by it alone, and what the test has by the test. */
REAL(void *, malloc, (size_t size))
REAL(void *, calloc, (size_t count, size_t size))
REAL(void *, realloc, (void *old, size_t size))
void __real_free(void *block);
void __wrap_free(void *block);

void *__wrap_malloc(size_t size) {
  void *block = faults_way(FAULT_malloc) ? NULL : __real_malloc(size);
  if (block && faults_open) faults_held.blocks++;
  return block;
}

void *__wrap_calloc(size_t count, size_t size) {
  void *block = faults_way(FAULT_calloc) ? NULL : __real_calloc(count, size);
  if (block && faults_open) faults_held.blocks++;
  return block;
}

void *__wrap_realloc(void *old, size_t size) {
  void *block = faults_way(FAULT_realloc) ? NULL : __real_realloc(old, size);
  if (block && !old && faults_open) faults_held.blocks++;
  return block;
}

void __wrap_free(void *block) {
  if (block && faults_open) faults_held.blocks--;
  __real_free(block);
}

REAL(void *, mmap, (void *at, size_t size, int protection, int flags, int fd, off_t offset))
int __real_munmap(void *at, size_t size);
int __wrap_munmap(void *at, size_t size);

/* What is mapped over memory that is there is the engine's to unmap. */
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
  if (faults_way(FAULT_mmap)) return MAP_FAILED;
  void *mapping = __real_mmap(at, size, protection, flags, fd, offset);
  if (faults_open && mapping != MAP_FAILED && !(flags & MAP_FIXED)) faults_held.mappings++;
  return mapping;
}

int __wrap_munmap(void *at, size_t size) {
  if (faults_open) faults_held.mappings--;
  return __real_munmap(at, size);
}

/* The page that tells a fork is the process's own, once it is one. */
REAL(int, madvise, (void *at, size_t size, int advice))
int __wrap_madvise(void *at, size_t size, int advice) {
  if (faults_way(FAULT_madvise)) return -1;
  int result = __real_madvise(at, size, advice);
  if (faults_open && result == 0 && advice == MADV_WIPEONFORK) faults_held.mappings--;
  return result;
}

WRAP(long, -1, sysconf, (int name), (name))

/* ---- Files ---- */

static int opened(int fd) {
  if (fd >= 0 && faults_open) faults_held.descriptors++;
  return fd;
}

REAL(int, open, (const char *path, int flags, ...))
REAL(int, fcntl, (int fd, int command, ...))
REAL(int, ioctl, (int fd, unsigned long request, ...))
REAL(int, close, (int fd))
REAL(int, mkstemp, (char *path))
REAL(int, memfd_create, (const char *name, unsigned flags))

int __wrap_open(const char *path, int flags, ...) {
  mode_t mode = 0;
  va_list list;
  va_start(list, flags);
  if (flags & O_CREAT) mode = va_arg(list, mode_t);
  va_end(list);
  return faults_way(FAULT_open) ? -1 : opened(__real_open(path, flags, mode));
}

/* The library's commands take a number, or nothing. */
int __wrap_fcntl(int fd, int command, ...) {
  va_list list;
  va_start(list, command);
  int number = va_arg(list, int);
  va_end(list);
  return faults_way(FAULT_fcntl) ? -1 : __real_fcntl(fd, command, number);
}

int __wrap_ioctl(int fd, unsigned long request, ...) {
  va_list list;
  va_start(list, request);
  void *data = va_arg(list, void *);
  va_end(list);
  return faults_way(FAULT_ioctl) ? -1 : __real_ioctl(fd, request, data);
}

/* What fails to be closed is closed, on Linux. */
int __wrap_close(int fd) {
  if (faults_open) faults_held.descriptors--;
  int result = __real_close(fd);
  return faults_way(FAULT_close) ? -1 : result;
}

int __wrap_mkstemp(char *path) {
  return faults_way(FAULT_mkstemp) ? -1 : opened(__real_mkstemp(path));
}

int __wrap_memfd_create(const char *name, unsigned flags) {
  return faults_way(FAULT_memfd_create) ? -1 : opened(__real_memfd_create(name, flags));
}

WRAP(int, -1, fstat, (int fd, struct stat *status), (fd, status))
WRAP(int, -1, stat, (const char *path, struct stat *status), (path, status))
WRAP(int, -1, ftruncate, (int fd, off_t size), (fd, size))
WRAP(int, -1, mkdir, (const char *path, mode_t mode), (path, mode))
WRAP(int, -1, rename, (const char *from, const char *to), (from, to))
WRAP(int, -1, unlink, (const char *path), (path))
WRAP(int, 0, isatty, (int fd), (fd))

/* ---- Bytes ---- */

static size_t half(size_t size) {
  return size > 1 ? size / 2 : size;
}

#define WRAP_MOVE(name, params, size, whole, part)                        \
  REAL(ssize_t, name, params)                                             \
  ssize_t __wrap_##name params {                                          \
    int way = faults_way(FAULT_##name);                                   \
    if (way > 0) return -1;                                               \
    return way == FAULT_SHORT ? __real_##name part : __real_##name whole; \
  }

WRAP_MOVE(read, (int fd, void *bytes, size_t size), size, (fd, bytes, size), (fd, bytes, half(size)))
WRAP_MOVE(pwrite, (int fd, const void *bytes, size_t size, off_t at), size, (fd, bytes, size, at),
          (fd, bytes, half(size), at))
WRAP_MOVE(getrandom, (void *bytes, size_t size, unsigned flags), size, (bytes, size, flags), (bytes, half(size), flags))

ssize_t __wrap___read_chk(int fd, void *bytes, size_t size, size_t room);
ssize_t __wrap___read_chk(int fd, void *bytes, size_t size, size_t room) {
  (void)room;
  return __wrap_read(fd, bytes, size);
}

REAL(ssize_t, write, (int fd, const void *bytes, size_t size))
ssize_t __wrap_write(int fd, const void *bytes, size_t size) {
  int way = faults_way(FAULT_write);
  if (way > 0) return -1;
  ssize_t done = __real_write(fd, bytes, way == FAULT_SHORT || faults.dies ? half(size) : size);
  if (faults.dies) raise(SIGKILL);
  return done;
}

/* The first buffer, and of that one half. */
#define WRAP_VECTORS(name)                                                \
  REAL(ssize_t, name, (int fd, const struct iovec *vectors, int count))   \
  ssize_t __wrap_##name(int fd, const struct iovec *vectors, int count) { \
    int way = faults_way(FAULT_##name);                                   \
    if (way > 0) return -1;                                               \
    if (way == FAULT_NOTHING) return 0;                                   \
    if (way == 0 || count < 1) return __real_##name(fd, vectors, count);  \
    struct iovec first = {vectors[0].iov_base, half(vectors[0].iov_len)}; \
    return __real_##name(fd, &first, 1);                                  \
  }
WRAP_VECTORS(readv)
WRAP_VECTORS(writev)

/* ---- Time ---- */

WRAP(int, -1, clock_gettime, (clockid_t clock, struct timespec *time), (clock, time))
WRAP(int, -1, clock_getres, (clockid_t clock, struct timespec *time), (clock, time))
WRAP(int, -1, sched_yield, (void), ())
WRAP(int, -1, poll, (struct pollfd * fds, nfds_t count, int timeout), (fds, count, timeout))
WRAP(int, -1, ppoll, (struct pollfd * fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask),
     (fds, count, timeout, mask))

/* NOLINTEND(bugprone-reserved-identifier) */

/* ---- Scenarios ---- */

long faults_real_descriptors(void) {
  DIR *folder = opendir("/proc/self/fd");
  long count = 0;
  while (folder && readdir(folder)) count++;
  if (folder) closedir(folder);
  return count;
}

void faults_fail(const char *file, int line, const char *what, const char *detail) {
  faults_open = false;
  fprintf(stderr, "%s:%d: %s: %s\n  in \"%s\", call %lu (%s, way %u)\n", file, line, what, detail, faults.scenario,
          faults.fail_at, faults_name(), faults.way);
  faults.fail_at = 0;
  fflush(NULL);
  if (faults.forked) _exit(1);
  _fail(file, line);
  abort(); /* it does not return */
}

void faults_expect(void) {
  faults.expected = faults.met;
  faults_error = (wasi_light_error_t){.code = WASI_LIGHT_ERROR_OK};
}

bool faults_was_met(void) {
  return faults.met != faults.expected;
}

/* The code of the error that there is no way round where this fails; OK: there is one. Nothing is said of the guest. */
static wasi_light_error_code_t error_of(const char *name) {
  static const struct {
    const char *name;
    wasi_light_error_code_t code;
  } causes[] = {{"calloc", WASI_LIGHT_ERROR_OUT_OF_MEMORY},
                {"malloc", WASI_LIGHT_ERROR_OUT_OF_MEMORY},
                {"realloc", WASI_LIGHT_ERROR_OUT_OF_MEMORY},
                {"mmap", WASI_LIGHT_ERROR_OUT_OF_MEMORY},
                {"mkdir", WASI_LIGHT_ERROR_ARGUMENT},
                {"stat", WASI_LIGHT_ERROR_ARGUMENT},
                {"wasm_engine_new_with_config", WASI_LIGHT_ERROR_OUT_OF_MEMORY},
                {"wasm_func_new_with_env", WASI_LIGHT_ERROR_OUT_OF_MEMORY},
                {"wasm_instance_new", WASI_LIGHT_ERROR_INSTANTIATE},
                {"wasm_memory_new", WASI_LIGHT_ERROR_OUT_OF_MEMORY},
                {"wasm_module_deserialize", WASI_LIGHT_ERROR_COMPILE},
                {"wasm_module_new", WASI_LIGHT_ERROR_COMPILE},
                {"wasm_module_serialize", WASI_LIGHT_ERROR_OUT_OF_MEMORY},
                {"wasm_store_new", WASI_LIGHT_ERROR_OUT_OF_MEMORY}};
  for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
    if (strcmp(causes[i].name, name) == 0) return causes[i].code;
  }
  return WASI_LIGHT_ERROR_OK;
}

void faults_check_error(const char *file, int line, const char *call) {
  const char *message = faults_error.message;
  if (!faults_was_met()) faults_fail(file, line, call, message);
  wasi_light_error_code_t code = error_of(faults_name());
  if (code == WASI_LIGHT_ERROR_OK) faults_fail(file, line, call, "it should have done without");
  if (faults_error.code != code) faults_fail(file, line, call, wasi_light_error_name((int)faults_error.code));
  if (!memchr(message, 0, sizeof faults_error.message) || strlen(message) < 9) {
    faults_fail(file, line, "no message", message);
  }
  if (strcmp(message, "the engine gave no reason") == 0) faults_fail(file, line, "it names nothing", message);
  if (strcmp(faults_name(), "mmap") == 0 && !strstr(message, "mapped")) {
    faults_fail(file, line, "only what must be mapped can fail so", message);
  }
}

static void check_nothing_is_held(const faults_held_t *before) {
  char text[160];
  snprintf(text, sizeof text, "left: %ld blocks, %ld descriptors, %ld mappings, %ld objects of the engine",
           faults_held.blocks - before->blocks, faults_held.descriptors - before->descriptors,
           faults_held.mappings - before->mappings, faults_held.objects - before->objects);
  FAULTS_REQUIRE(memcmp(before, &faults_held, sizeof faults_held) == 0, text);
}

static void run(void (*scenario)(void), unsigned long n, unsigned way) {
  faults_held_t before = faults_held;
  faults_begin(n, way);
  scenario();
  check_nothing_is_held(&before);
  faults.fail_at = 0;
}

unsigned long faults_try(const char *name, void (*scenario)(void)) {
  unsigned long tried = 0;
  faults.scenario = name;
  faults.forked = false;
  run(scenario, 0, 0); /* what it opens once for the process is there now */
  long descriptors = faults_real_descriptors();
  for (unsigned long n = 1;; n++) {
    for (unsigned way = 0; way == 0 || way < faults_ways(); way++, tried++) {
      run(scenario, n, way);
      if (!faults_met()) {
        FAULTS_REQUIRE(faults_real_descriptors() == descriptors, "descriptors are left");
        print_message("%s: %lu faults\n", name, tried);
        return tried;
      }
    }
  }
}

/* What a run says to its parent. */
enum { BAD = 1, MET = 10 /* and the number of ways */ };

/* Ends a child. Valgrind would make an error of memory that is in use then, but not if another program takes over. */
static _Noreturn void leave(int status, bool may_look) {
  char command[32];
  snprintf(command, sizeof command, "exit %d", status);
  if (core_under_valgrind()) execl("/bin/sh", "sh", "-c", command, (char *)NULL);
  if (may_look) exit(status);
  _exit(status);
}

static int run_forked(void (*scenario)(void), bool may_look, unsigned long n, unsigned way) {
  int status = 0;
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    alarm(60);
    faults.forked = true;
    run(scenario, n, way);
    status = faults_met() ? MET + (int)faults_ways() : 0;
    leave(status, may_look);
  }
  assert_true(child > 0);
  while (waitpid(child, &status, 0) != child) {
  }
  if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) < MET) ||
      WEXITSTATUS(status) > MET + WAYS_MAX) {
    fail_msg("\"%s\", call %lu, way %u: the process ended with %x", faults.scenario, n, way, (unsigned)status);
  }
  return WEXITSTATUS(status);
}

unsigned long faults_try_forked(const char *name, void (*scenario)(void), bool may_look) {
  unsigned long tried = 0;
  faults.scenario = name;
  for (unsigned long n = 1;; n++) {
    int status = MET + 1;
    for (unsigned way = 0; (int)way < status - MET; way++, tried++) {
      status = run_forked(scenario, may_look, n, way);
      if (status == 0) {
        print_message("%s: %lu faults\n", name, tried);
        return tried;
      }
    }
  }
}
