/* SPDX-License-Identifier: MIT */
/*
 * random_get without a seed: no byte is given twice, by whatever forks, resets and threads, and small requests cost no
 * system call. getrandom is defined here, counts, and passes on to the system: the core is a static library, so its calls
 * end here.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/seccomp.h>

#include "core_guest.h"
#include "env.h"
#include "host.h"

static atomic_uint system_calls;  /* of getrandom; several threads make them */
static size_t at_once = SIZE_MAX; /* most bytes of a call */
static atomic_size_t asked_for;   /* by the last call */
static bool no_wiped_pages;       /* as on a system that does not have them */
static atomic_int error_of_next;  /* errno that the next call fails with */

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): they are the system's */
ssize_t getrandom(void *bytes, size_t size, unsigned flags) {
  system_calls++;
  asked_for = size;
  if (error_of_next != 0) {
    errno = error_of_next;
    error_of_next = 0;
    return -1;
  }
  return syscall(SYS_getrandom, bytes, size < at_once ? size : at_once, flags);
}

int madvise(void *pages, size_t size, int advice) {
  if (advice == MADV_WIPEONFORK && no_wiped_pages) {
    errno = EINVAL;
    return -1;
  }
  return (int)syscall(SYS_madvise, pages, size, advice);
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

enum { MEMORY = 1024 };

static void draw_into(core_guest_t *g, void *bytes, uint32_t size) {
  EXPECT(SUCCESS, g, random_get, 0, size);
  memcpy(bytes, g->memory, size);
}

/* ---- What was drawn, also by other processes --------------------------------------------------------------------- */

enum { DRAWN_MAX = 1 << 19 };

/* In memory that processes share. */
typedef struct drawn_t {
  atomic_size_t size;
  atomic_int wrong; /* what children found; 0: nothing */
  uint8_t bytes[DRAWN_MAX];
} drawn_t;

static drawn_t *drawn;
static const char *program; /* this one: /proc/self/exe would be valgrind */

static int set_up(void **state) {
  if (!drawn) drawn = mmap(NULL, sizeof *drawn, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (drawn == MAP_FAILED) return -1;
  atomic_store(&drawn->size, 0);
  atomic_store(&drawn->wrong, 0);
  at_once = SIZE_MAX;
  error_of_next = 0;
  return 0;
}

/* Draws and notes the bytes; for children, which must not fail through cmocka. */
static bool try_draw(core_guest_t *g, uint32_t size) {
  const uint64_t args[] = {0, size};
  const wasi_light_function_t *function = wasi_light_function("wasi_snapshot_preview1", "random_get");
  if (function->call(g->env, args) != WASI_LIGHT_ESUCCESS) return false;
  size_t at = atomic_fetch_add(&drawn->size, size);
  if (at + size > DRAWN_MAX) return false;
  memcpy(drawn->bytes + at, g->memory, size);
  return true;
}

static void draw(core_guest_t *g, uint32_t size) {
  assert_true(try_draw(g, size));
}

static int compare(const void *a, const void *b) {
  uint64_t x;
  uint64_t y;
  memcpy(&x, a, sizeof x);
  memcpy(&y, b, sizeof y);
  return x < y ? -1 : x > y;
}

/*
 * No 8 bytes stand twice in what was noted, at whatever offset. By chance that happens once in 10^8 runs of the whole
 * program.
 */
static void assert_no_repeats(void) {
  size_t size = atomic_load(&drawn->size);
  assert_in_range(size, 8, DRAWN_MAX);
  uint64_t *windows = malloc((size - 7) * sizeof *windows);
  assert_non_null(windows);
  for (size_t i = 0; i + 8 <= size; i++) memcpy(&windows[i], drawn->bytes + i, 8);
  qsort(windows, size - 7, sizeof *windows, compare);
  for (size_t i = 1; i < size - 7; i++) assert_int_not_equal(windows[i - 1], windows[i]);
  free(windows);
}

/* Ends a child. Valgrind would make an error of memory that is in use then, but not if another program takes over. */
static _Noreturn void leave(int code) {
  if (code != 0) atomic_store(&drawn->wrong, code);
  if (core_under_valgrind()) execl(program, program, "--leave", (char *)NULL);
  _exit(code);
}

static bool ended_well(pid_t child) {
  int status = -1;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0 && atomic_load(&drawn->wrong) == 0;
}

static void await(pid_t child) {
  if (!ended_well(child)) fail_msg("a child has found number %d wrong, or did not end", atomic_load(&drawn->wrong));
}

/* ---- Within and between environments ----------------------------------------------------------------------------- */

static void test_no_repeats(void **state) {
  static const uint32_t sizes[] = {8, 1, 3, 16, 24, 31, 32, 33, 63, 64, 65, 100, 255, 256, 257, 300};
  enum { GUESTS = 6, SIZES = sizeof sizes / sizeof *sizes };
  unsigned rounds = core_under_valgrind() ? 2 : 30;
  unsigned counts[256] = {0};
  double chi_square = 0;
  core_guest_t g[GUESTS];
  for (size_t i = 0; i < GUESTS; i++) core_start(&g[i], NULL, MEMORY);
  for (unsigned round = 0; round < rounds; round++) {
    for (size_t i = 0; i < GUESTS * SIZES; i++) draw(&g[i % GUESTS], sizes[(i * 7 + round) % SIZES]);
  }
  assert_no_repeats();
  size_t size = atomic_load(&drawn->size);
  for (size_t i = 0; i < size; i++) counts[drawn->bytes[i]]++;
  for (int i = 0; i < 256; i++) {
    double off = counts[i] - (double)size / 256;
    chi_square += off * off / ((double)size / 256);
  }
  assert_true(chi_square > 110 && chi_square < 420); /* 255 degrees of freedom: beyond once in 10^9 */
  for (size_t i = 0; i < GUESTS; i++) core_end(&g[i]);
}

static void test_reset_and_restore(void **state) {
  static const uint32_t sizes[] = {8, 32, 5, 64, 300};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    wasi_light__env_state_t saved;
    core_guest_t g;
    core_start(&g, NULL, MEMORY);
    draw(&g, sizes[i]);
    wasi_light_env_reset(g.env);
    draw(&g, sizes[i]);
    assert_true(wasi_light__env_save(g.env, &saved));
    for (int k = 0; k < 4; k++) {
      draw(&g, sizes[i]);
      wasi_light__env_restore(g.env, &saved);
      draw(&g, 8);
      wasi_light_env_set_random_stream(g.env, 0); /* there is none */
    }
    wasi_light__env_state_free(&saved);
    core_end(&g);
  }
  assert_no_repeats();
}

/* What was given to the guest, and the key that it came from, are not in the environment any more. */
static void test_what_was_given_is_gone(void **state) {
  core_guest_t g;
  core_start(&g, NULL, MEMORY);
  for (int i = 0; i < 200; i++) {
    uint8_t key[32];
    uint8_t bytes[40];
    uint32_t size = 8 + (uint32_t)i % 32;
    memcpy(key, g.env->entropy.bytes, sizeof key);
    bool used = i > 0 && g.env->entropy.left < size;
    draw_into(&g, bytes, size);
    for (uint32_t k = 0; k + 8 <= size; k++) assert_null(memmem(g.env, sizeof *g.env, bytes + k, 8));
    if (used) assert_null(memmem(g.env, sizeof *g.env, key, 8));
  }
  core_end(&g);
}

/* ---- System calls ------------------------------------------------------------------------------------------------ */

static void test_number_of_system_calls(void **state) {
  static const uint64_t seed = 1;
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  core_guest_t g;
  core_guest_t other;
  unsigned before = system_calls;
  core_start(&g, NULL, MEMORY);
  assert_int_equal(system_calls - before, 0);
  for (int i = 0; i < 1000; i++) draw(&g, 8);
  assert_int_equal(system_calls - before, 1);
  assert_int_equal(asked_for, 32); /* a key of 256 bits */
  wasi_light_env_reset(g.env);
  for (int i = 0; i < 100; i++) draw(&g, 256);
  assert_int_equal(system_calls - before, 1);
  core_start(&other, NULL, MEMORY); /* has bytes of its own */
  for (int i = 0; i < 1000; i++) draw(&other, 8);
  assert_int_equal(system_calls - before, 2);
  for (int i = 0; i < 10; i++) draw(&other, 257); /* of no use to draw ahead */
  assert_int_equal(system_calls - before, 12);
  core_end(&other);
  options.random_seed = &seed;
  core_start(&other, &options, MEMORY);
  EXPECT(SUCCESS, &other, random_get, 0, 8);
  EXPECT(SUCCESS, &other, random_get, 0, 300);
  assert_int_equal(system_calls - before, 12);
  core_end(&other);
  core_end(&g);
  assert_no_repeats();
}

/* Whether the system has memory that a fork wipes. */
static bool has_wiped_pages(void) {
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  bool has = page != MAP_FAILED && madvise(page, 4096, MADV_WIPEONFORK) == 0;
  munmap(page, 4096);
  return has;
}

/* No other system call either: in a process that is killed at the first that is not read, write or exit. */
static void test_no_system_call_at_all(void **state) {
  enum { NO_SECCOMP = 7 };
  core_guest_t g;
  int status = -1;
  if (core_under_valgrind() || !has_wiped_pages()) return; /* valgrind makes system calls of its own */
  core_start(&g, NULL, MEMORY);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    if (!try_draw(&g, 8)) _exit(1);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) != 0) _exit(NO_SECCOMP);
    for (int i = 0; i < 1000; i++) {
      if (!try_draw(&g, 8)) break;
    }
    syscall(SYS_exit, 0); /* _exit would be exit_group */
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  core_end(&g);
  if (status == NO_SECCOMP << 8) skip();
  assert_int_equal(status, 0);
  assert_int_equal(atomic_load(&drawn->size), 1001 * 8);
  assert_no_repeats();
}

/* The system may give less than was asked for, be interrupted, and fail. */
static void test_system_calls_that_fail(void **state) {
  static const uint32_t sizes[] = {8, 300};
  for (int i = 0; i < 2; i++) {
    core_guest_t g;
    core_start(&g, NULL, MEMORY);
    core_save(&g);
    error_of_next = ENOSYS;
    EXPECT(IO, &g, random_get, 0, sizes[i]);
    core_assert_unchanged(&g);
    error_of_next = EINTR;
    draw(&g, sizes[i]);
    at_once = 3;
    draw(&g, 300);
    at_once = SIZE_MAX;
    core_end(&g);
    core_start(&g, NULL, MEMORY);
    at_once = 5;
    draw(&g, sizes[i]);
    at_once = SIZE_MAX;
    draw(&g, sizes[i]);
    core_end(&g);
  }
  assert_no_repeats();
}

/* ---- Forks ------------------------------------------------------------------------------------------------------- */

/* In a child: draws, forks another, draws. The number of generations that are to follow. */
/* NOLINTNEXTLINE(misc-no-recursion): in another process */
static int run_child(core_guest_t *g, int generations) {
  for (int i = 0; i < 4; i++) {
    if (!try_draw(g, 8)) return 1;
  }
  pid_t child = generations > 0 ? fork() : 0;
  if (child < 0) return 2;
  if (generations > 0 && child == 0) leave(run_child(g, generations - 1));
  if (!try_draw(g, 40) || !try_draw(g, 300)) return 3;
  if (generations > 0 && !ended_well(child)) return 4;
  return try_draw(g, 8) ? 0 : 5;
}

/* With no, some and all bytes unused that were drawn ahead; children, their children, and brothers. */
static void test_forks(void **state) {
  static const uint32_t before[] = {0, 8, 31, 32, 64, 257};
  for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
    core_guest_t g;
    pid_t children[3];
    atomic_store(&drawn->size, 0);
    core_start(&g, NULL, MEMORY);
    if (before[i] > 0) draw(&g, before[i]);
    for (int k = 0; k < 3; k++) {
      children[k] = fork();
      assert_true(children[k] >= 0);
      if (children[k] == 0) leave(run_child(&g, 2));
      if (k < 2) draw(&g, 8); /* the third child finds the same as the second */
    }
    for (int k = 0; k < 3; k++) await(children[k]);
    draw(&g, 64);
    assert_int_equal(atomic_load(&drawn->size), before[i] + 2 * 8 + 64 + 9 * (4 * 8 + 40 + 300 + 8));
    assert_no_repeats();
    core_end(&g);
  }
}

/* A child that draws nothing itself: its child must not have what the parent has either. */
static void test_fork_of_a_silent_child(void **state) {
  core_guest_t g;
  core_start(&g, NULL, MEMORY);
  draw(&g, 8);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    pid_t grandchild = fork();
    if (grandchild == 0) leave(run_child(&g, 0));
    leave(ended_well(grandchild) ? 0 : 1);
  }
  await(child);
  draw(&g, 24);
  assert_no_repeats();
  core_end(&g);
}

/* The child takes a new key with one system call, and no more. */
static void test_system_calls_of_a_child(void **state) {
  core_guest_t g;
  core_start(&g, NULL, MEMORY);
  draw(&g, 8);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    unsigned before = system_calls;
    for (int i = 0; i < 1000; i++) {
      if (!try_draw(&g, 8)) leave(1);
    }
    leave(system_calls - before == 1 ? 0 : 2);
  }
  await(child);
  unsigned before = system_calls;
  draw(&g, 8);
  assert_int_equal(system_calls - before, 0); /* a fork costs the parent nothing */
  assert_no_repeats();
  core_end(&g);
}

/* ---- Threads ----------------------------------------------------------------------------------------------------- */

typedef struct drawer_t {
  pthread_t thread;
  core_guest_t g;
  bool good;
} drawer_t;

static void *fork_in_thread(void *data) {
  drawer_t *drawer = data;
  drawer->good = try_draw(&drawer->g, 8);
  pid_t child = fork();
  if (child == 0) leave(run_child(&drawer->g, 1));
  drawer->good = drawer->good && try_draw(&drawer->g, 24) && ended_well(child) && try_draw(&drawer->g, 8);
  return NULL;
}

static atomic_bool stop;

static void *draw_in_thread(void *data) {
  drawer_t *drawer = data;
  drawer->good = true;
  for (int i = 0; i < 500 && !atomic_load(&stop); i++) drawer->good = drawer->good && try_draw(&drawer->g, 8);
  return NULL;
}

static void run_threads(void *(*run)(void *), int forks) {
  enum { THREADS = 4 };
  static drawer_t drawers[THREADS];
  core_guest_t g;
  core_start(&g, NULL, MEMORY);
  draw(&g, 8);
  for (int i = 0; i < THREADS; i++) core_start(&drawers[i].g, NULL, MEMORY);
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&drawers[i].thread, NULL, run, &drawers[i]), 0);
  for (int i = 0; i < forks; i++) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) leave(run_child(&g, 0));
    draw(&g, 8);
    await(child);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(drawers[i].thread, NULL);
    assert_true(drawers[i].good);
    core_end(&drawers[i].g);
  }
  core_end(&g);
  assert_no_repeats();
}

static void test_threads_that_fork(void **state) {
  run_threads(fork_in_thread, 0);
}

static void test_forks_beside_threads(void **state) {
  run_threads(draw_in_thread, 20);
}

/* ---- The generation of the process ------------------------------------------------------------------------------- */

enum { ASKING = 8, ASKED = 1000 };

typedef struct asker_t {
  pthread_t thread;
  pthread_barrier_t *start;
  uint32_t last;
  bool zero;
} asker_t;

static void *ask(void *data) {
  asker_t *asker = data;
  pthread_barrier_wait(asker->start);
  for (int i = 0; i < ASKED; i++) {
    asker->last = host_generation();
    asker->zero = asker->zero || asker->last == 0;
  }
  return NULL;
}

/* Several threads that all are the first to ask: none gets 0, and none of `before`; in the end all agree. */
static int ask_in_threads(uint32_t before) {
  asker_t askers[ASKING] = {{.last = 0}};
  pthread_barrier_t start;
  pthread_barrier_init(&start, NULL, ASKING);
  for (int i = 0; i < ASKING; i++) {
    askers[i].start = &start;
    if (pthread_create(&askers[i].thread, NULL, ask, &askers[i]) != 0) return 1;
  }
  for (int i = 0; i < ASKING; i++) pthread_join(askers[i].thread, NULL);
  pthread_barrier_destroy(&start);
  uint32_t now = host_generation();
  for (int i = 0; i < ASKING; i++) {
    if (askers[i].zero) return 2;
    if (askers[i].last == before) return 3;
  }
  for (int i = 0; i < 100; i++) {
    if (host_generation() != now) return 4;
  }
  pid_t child = fork();
  if (child == 0) {
    uint32_t childs = host_generation();
    for (int i = 0; i < ASKING; i++) {
      if (askers[i].last == childs) leave(5);
    }
    leave(childs == 0 || childs == now || childs != host_generation() ? 6 : 0);
  }
  return ended_well(child) ? 0 : 7;
}

static void test_generation(void **state) {
  uint32_t generation = host_generation();
  assert_int_not_equal(generation, 0);
  for (int i = 0; i < 1000; i++) assert_int_equal(host_generation(), generation);
  for (int i = 0; i < (core_under_valgrind() ? 3 : 50); i++) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) leave(ask_in_threads(generation));
    await(child);
    assert_int_equal(host_generation(), generation);
  }
}

/* The same in programs that have not asked yet, and in those whose system cannot wipe memory in a fork. */
static void run_programs(const char *option) {
  for (int i = 0; i < (core_under_valgrind() ? 1 : 20); i++) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
      execl(program, program, option, (char *)NULL);
      _exit(100);
    }
    await(child);
  }
}

static void test_first_of_a_program(void **state) {
  run_programs("--first");
}

static void test_without_wiped_pages(void **state) {
  run_programs("--no-pages");
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      TEST(test_no_repeats),
      TEST(test_reset_and_restore),
      TEST(test_what_was_given_is_gone),
      TEST(test_number_of_system_calls),
      TEST(test_no_system_call_at_all),
      TEST(test_system_calls_that_fail),
      TEST(test_forks),
      TEST(test_fork_of_a_silent_child),
      TEST(test_system_calls_of_a_child),
      TEST(test_threads_that_fork),
      TEST(test_forks_beside_threads),
      TEST(test_generation),
      TEST(test_first_of_a_program),
      TEST(test_without_wiped_pages),
  };
  program = argv[0];
  if (argc == 2 && strcmp(argv[1], "--leave") == 0) return 0;
  no_wiped_pages = argc == 2 && strcmp(argv[1], "--no-pages") == 0;
  if (no_wiped_pages || (argc == 2 && strcmp(argv[1], "--first") == 0))
    return set_up(NULL) == 0 ? ask_in_threads(0) : 8;
  return CORE_RUN(tests, argc, argv);
}
