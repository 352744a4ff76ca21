/* SPDX-License-Identifier: MIT */
/*
 * soak_check [LEASES [FILE.csv]] [--leak descriptor|bytes]: takes so many leases of the plug-in in six languages, from two
 * threads, and fails if anything grows. A lease counts, reports, traps, exits or grows its memory; now and then a fresh
 * instance is made instead, or a pool is deleted and made anew.
 *
 * At 200 points both threads stop, with no lease taken, and the process is looked at: open descriptors, threads,
 * mappings, resident memory, and what malloc has given out. The first fifth is warm-up. What is judged is the second
 * half of the rest against the first; if something grows, so does a kind of mapping, which says whose it is.
 * With --leak the program leaks by itself, a descriptor in 1,000 leases or 64 bytes in each, and must notice.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "light.h"

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
#include <malloc.h>
#define HAS_MALLINFO 1
#else
#define HAS_MALLINFO 0
#endif

enum { THREADS = 2, POINTS = 200, WARM_UP = POINTS / 5, HELD = 4, CAPTURE = 4096, KINDS_OF_MAPPINGS = 32 };

/* Sanitizers keep and map memory of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/* ---- Guests ---- */

/* One lease in so many is a fresh instance, and in one in so many memory grows: Go takes milliseconds for either. */
static const struct {
  const char *name;
  uint32_t fresh, grows;
} guests[] = {{"c_reactor", 50, 100},   {"cpp_reactor", 50, 100}, {"rust_reactor", 50, 100},
              {"zig_reactor", 50, 100}, {"as_reactor", 50, 100},  {"go_reactor", 2000, 2000}};
enum { ALL_GUESTS = sizeof guests / sizeof guests[0], POOL_LIVES = 5000 };
static size_t guest_count = ALL_GUESTS; /* Go's, the last, is not in git: without it the others do */

typedef enum end_t { RETURNS, REPORTS, TRAPS, EXITS, GROWS, FRESH, ENDS } end_t;
static const char *const end_names[ENDS] = {"returned", "reported", "trapped",
                                            "exited",   "grew",     "were fresh instances"};

static wasi_light_module_t *modules[ALL_GUESTS];
static wasi_light_config_t *config;

typedef struct worker_t {
  pthread_t thread;
  uint64_t random, leases;
  wasi_light_pool_t *pools[ALL_GUESTS];
  uint64_t ends[ENDS], grown[ALL_GUESTS];
} worker_t;

/* xorshift64*; less than `limit`. */
static uint32_t below(worker_t *worker, uint32_t limit) {
  worker->random ^= worker->random >> 12;
  worker->random ^= worker->random << 25;
  worker->random ^= worker->random >> 27;
  return (uint32_t)((worker->random * 0x2545f4914f6cdd1du) >> 33) % limit;
}

/* ---- Leases ---- */

static void expect(size_t guest, const char *what, bool good) {
  if (!good) fail(guests[guest].name, what);
}

static wasi_light_outcome_t try_call(wasi_light_instance_t *instance, const char *name, int32_t argument,
                                     bool takes_one, wasm_val_t *result, size_t results) {
  const wasm_val_t arg = WASM_I32_VAL(argument);
  return wasi_light_call_name(instance, name, &arg, takes_one ? 1 : 0, result, results);
}

/* Whatever was done with it before, this must be its first count. */
static void count_one(size_t guest, wasi_light_instance_t *instance) {
  wasm_val_t result = WASM_I32_VAL(0);
  wasi_light_outcome_t outcome = try_call(instance, "count", 0, false, &result, 1);
  expect(guest, outcome.message, outcome.kind == WASI_LIGHT_RETURNED);
  expect(guest, "an instance is not as new", result.of.i32 == 1);
}

static void report(size_t guest, wasi_light_instance_t *instance) {
  wasm_val_t result = WASM_I32_VAL(0);
  size_t size = 0;
  wasi_light_outcome_t outcome = try_call(instance, "report", 0, false, &result, 1);
  expect(guest, outcome.message, outcome.kind == WASI_LIGHT_RETURNED && result.of.i32 == 6);
  const uint8_t *bytes = wasi_light_env_captured(wasi_light_instance_env(instance), 1, &size, NULL);
  expect(guest, "its report was not captured", size > 10 && memcmp(bytes, "language: ", 10) == 0);
}

static void use(size_t guest, wasi_light_instance_t *instance, end_t end) {
  wasm_val_t result = WASM_I32_VAL(0);
  wasi_light_outcome_t outcome;
  count_one(guest, instance);
  switch (end) {
    case REPORTS: report(guest, instance); break;
    case TRAPS:
      outcome = try_call(instance, "crash", 0, false, NULL, 0);
      expect(guest, "crash did not trap", outcome.kind == WASI_LIGHT_TRAPPED || outcome.kind == WASI_LIGHT_EXITED);
      break;
    case EXITS:
      outcome = try_call(instance, "quit", 7, true, NULL, 0);
      expect(guest, "quit did not exit", outcome.kind == WASI_LIGHT_EXITED && outcome.exit_code == 7);
      break;
    case GROWS:
      outcome = try_call(instance, "alloc", 16 << 20, true, &result, 1);
      expect(guest, outcome.message, outcome.kind == WASI_LIGHT_RETURNED && result.of.i32 != 0);
      break;
    default: break;
  }
}

static end_t choose_end(worker_t *worker, size_t guest) {
  if (below(worker, guests[guest].grows) == 0) return GROWS;
  uint32_t percent = below(worker, 100);
  return percent < 4 ? TRAPS : percent < 8 ? EXITS : percent < 20 ? REPORTS : RETURNS;
}

static wasi_light_pool_t *pool_of(worker_t *worker, size_t guest) {
  wasi_light_error_t error;
  if (!worker->pools[guest]) worker->pools[guest] = wasi_light_pool_new(modules[guest], config, NULL, &error);
  if (!worker->pools[guest]) fail(guests[guest].name, error.message);
  return worker->pools[guest];
}

static void drop_pool(worker_t *worker, size_t guest) {
  wasi_light_pool_stats_t stats;
  if (!worker->pools[guest]) return;
  wasi_light_pool_stats(worker->pools[guest], &stats);
  expect(guest, "instances were replaced without a reason", stats.replaced_other + stats.replaced_unrecyclable == 0);
  worker->grown[guest] += stats.replaced_grown;
  wasi_light_pool_delete(worker->pools[guest]);
  worker->pools[guest] = NULL;
}

static void run_fresh_instance(size_t guest, end_t end) {
  wasi_light_error_t error;
  wasi_light_instance_t *instance = wasi_light_instance_new(modules[guest], config, NULL, &error);
  if (!instance) fail(guests[guest].name, error.message);
  use(guest, instance, end);
  wasi_light_instance_delete(instance);
}

/* Some leases of one guest, which are taken together. */
static size_t run_some(worker_t *worker, size_t guest, size_t count) {
  wasi_light_instance_t *taken[HELD];
  wasi_light_error_t error;
  wasi_light_pool_t *pool = pool_of(worker, guest);
  for (size_t i = 0; i < count; i++) {
    taken[i] = wasi_light_pool_take(pool, NULL, &error);
    if (!taken[i]) fail(guests[guest].name, error.message);
  }
  for (size_t i = 0; i < count; i++) {
    end_t end = choose_end(worker, guest);
    use(guest, taken[i], end);
    worker->ends[end]++;
    if (!wasi_light_pool_give(pool, taken[i], &error)) fail(guests[guest].name, error.message);
  }
  return count;
}

static void leak_as_told(uint64_t lease);

static void run_leases(worker_t *worker, uint64_t leases) {
  for (uint64_t done = 0; done < leases;) {
    size_t guest = below(worker, (uint32_t)guest_count);
    size_t count = 1 + below(worker, HELD);
    if (count > leases - done) count = (size_t)(leases - done);
    if (below(worker, guests[guest].fresh) == 0) {
      run_fresh_instance(guest, choose_end(worker, guest));
      worker->ends[FRESH]++;
      count = 1;
    } else {
      run_some(worker, guest, count);
    }
    if (below(worker, POOL_LIVES) == 0) drop_pool(worker, guest);
    for (size_t i = 0; i < count; i++) leak_as_told(worker->leases++);
    done += count;
  }
}

/* So that there are as many instances whenever the process is looked at. */
static void fill_pools(worker_t *worker) {
  for (size_t guest = 0; guest < guest_count; guest++) {
    wasi_light_pool_t *pool = pool_of(worker, guest);
    wasi_light_instance_t *taken[HELD];
    for (size_t i = 0; i < HELD; i++) {
      taken[i] = wasi_light_pool_take(pool, NULL, NULL);
      expect(guest, "no instance", taken[i] != NULL);
      count_one(guest, taken[i]);
    }
    for (size_t i = 0; i < HELD; i++) expect(guest, "not taken back", wasi_light_pool_give(pool, taken[i], NULL));
  }
}

/* ---- The process ---- */

typedef enum measure_t { DESCRIPTORS, THREADS_ALIVE, MAPPINGS, RESIDENT, HEAP, MEASURES } measure_t;

/* How much more the second half may have: what is not counted in pieces comes and goes by a little. */
static const struct {
  const char *name;
  uint64_t allowed;
} measures[MEASURES] = {
    {"descriptors", 0}, {"threads", 0}, {"mappings", 12}, {"resident", 1536 << 10}, {"heap", 16 << 10}};

static uint64_t samples[POINTS][MEASURES];

typedef struct kind_t {
  char name[64];
  uint64_t resident;
} kind_t;
typedef struct kinds_t {
  kind_t kinds[KINDS_OF_MAPPINGS];
  size_t count;
} kinds_t;
static kinds_t at_first, at_last;

static kind_t *kind_of(kinds_t *kinds, const char *name) {
  for (size_t i = 0; i < kinds->count; i++) {
    if (strcmp(kinds->kinds[i].name, name) == 0) return &kinds->kinds[i];
  }
  if (kinds->count == KINDS_OF_MAPPINGS) return &kinds->kinds[KINDS_OF_MAPPINGS - 1];
  kind_t *kind = &kinds->kinds[kinds->count++];
  snprintf(kind->name, sizeof kind->name, "%s", name);
  kind->resident = 0;
  return kind;
}

static bool is_mapping(const char *line) {
  return line[0] && strchr("0123456789abcdef", line[0]) && strchr(line, '-');
}

/* What a line of /proc/self/smaps names, without its folder; mappings of nothing are "anonymous". */
static const char *name_of(char *line) {
  char *at = line;
  line[strcspn(line, "\n")] = 0;
  for (int i = 0; i < 5; i++) {
    at += strcspn(at, " ");
    at += strspn(at, " ");
  }
  const char *slash = strrchr(at, '/');
  return !*at ? "anonymous" : slash ? slash + 1 : at;
}

/* Mappings, and what is resident of each kind of them. */
static uint64_t look_at_mappings(kinds_t *kinds, uint64_t *resident) {
  char line[4200];
  uint64_t mappings = 0;
  kind_t *kind = NULL;
  FILE *file = fopen("/proc/self/smaps", "r");
  if (!file) fail("/proc/self/smaps", "cannot be read");
  kinds->count = 0;
  *resident = 0;
  while (fgets(line, sizeof line, file)) {
    if (is_mapping(line)) {
      mappings++;
      kind = kind_of(kinds, name_of(line));
    } else if (kind && strncmp(line, "Rss:", 4) == 0) {
      uint64_t bytes = strtoull(line + 4, NULL, 10) * 1024;
      kind->resident += bytes;
      *resident += bytes;
    }
  }
  fclose(file);
  return mappings;
}

#if HAS_MALLINFO
static uint64_t heap_in_use(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}
#else
static uint64_t heap_in_use(void) {
  return 0;
}
#endif

static void look(size_t point) {
  uint64_t *sample = samples[point];
  kinds_t *kinds = point <= WARM_UP ? &at_first : &at_last;
  sample[DESCRIPTORS] = count_entries("/proc/self/fd") - 3; /* ".", ".." and the folder's own */
  sample[THREADS_ALIVE] = count_entries("/proc/self/task") - 2;
  sample[MAPPINGS] = look_at_mappings(kinds, &sample[RESIDENT]);
  sample[HEAP] = heap_in_use();
}

/*
 * Each thread's cache of freed blocks counts as given out, and fills ever more slowly: it is switched off, before malloc
 * is first called.
 */
static void start_without_caches(char **argv) {
  if (getenv("GLIBC_TUNABLES") || SANITIZED) return;
  setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1);
  execv("/proc/self/exe", argv);
  fail("/proc/self/exe", "cannot be run");
}

/* ---- The leak, so that one sees what would be noticed ---- */

static enum { NO_LEAK, LEAK_DESCRIPTOR, LEAK_BYTES } leak;

static void leak_as_told(uint64_t lease) {
  static void *volatile _Atomic leaked; /* volatile: or a compiler leaves out what nobody reads */
  if (leak == LEAK_BYTES) atomic_store(&leaked, malloc(64));
  if (leak == LEAK_DESCRIPTOR && lease % 1000 == 0 && dup(STDERR_FILENO) < 0) fail("dup", "failed");
}

/* ---- Verdict ---- */

static int by_value(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

/* Of pieces the most, of bytes the median. */
static uint64_t typical(measure_t measure, size_t from, size_t to) {
  uint64_t values[POINTS] = {0};
  for (size_t i = from; i < to; i++) values[i - from] = samples[i][measure];
  qsort(values, to - from, sizeof values[0], by_value);
  return values[measure <= THREADS_ALIVE ? to - from - 1 : (to - from) / 2];
}

static bool judge(measure_t measure, uint64_t leases) {
  size_t middle = WARM_UP + (POINTS - WARM_UP) / 2;
  uint64_t first = typical(measure, WARM_UP, middle);
  uint64_t second = typical(measure, middle, POINTS);
  bool judged = !SANITIZED || measure <= THREADS_ALIVE;
  bool grows = second > first + measures[measure].allowed;
  uint64_t between = leases * (POINTS - WARM_UP) / 2 / POINTS; /* from the middle of one half to that of the other */
  double each = ((double)second - (double)first) / (double)between;
  printf("%-12s %12llu %12llu %+14.6f  %s\n", measures[measure].name, (unsigned long long)first,
         (unsigned long long)second, each,
         !judged ? "not judged with a sanitizer"
         : grows ? "GROWS"
                 : "flat");
  return !judged || !grows;
}

static void say_whose(void) {
  printf("resident bytes by kind of mapping, after warm-up and at the end (malloc's are [heap] and anonymous):\n");
  for (size_t i = 0; i < at_last.count; i++) {
    const kind_t *last = &at_last.kinds[i];
    uint64_t first = kind_of(&at_first, last->name)->resident;
    if (last->resident > first + (64 << 10)) {
      printf("  %-40s %12llu %12llu\n", last->name, (unsigned long long)first, (unsigned long long)last->resident);
    }
  }
}

static void write_csv(const char *path, uint64_t leases) {
  FILE *file = fopen(path, "w");
  if (!file) fail(path, "cannot be written");
  fprintf(file, "leases,descriptors,threads,mappings,resident,heap\n");
  for (size_t i = 0; i < POINTS; i++) {
    const uint64_t *s = samples[i];
    fprintf(file, "%llu,%llu,%llu,%llu,%llu,%llu\n", (unsigned long long)(leases * (i + 1) / POINTS),
            (unsigned long long)s[DESCRIPTORS], (unsigned long long)s[THREADS_ALIVE], (unsigned long long)s[MAPPINGS],
            (unsigned long long)s[RESIDENT], (unsigned long long)s[HEAP]);
  }
  if (fclose(file) != 0) fail(path, "cannot be written");
}

/* ---- Threads ---- */

static worker_t workers[THREADS];
static pthread_barrier_t stop, go_on;
static uint64_t all_leases;

static void *work(void *data) {
  worker_t *worker = data;
  uint64_t leases = all_leases / THREADS;
  for (size_t point = 0; point < POINTS; point++) {
    run_leases(worker, leases * (point + 1) / POINTS - leases * point / POINTS);
    fill_pools(worker);
    pthread_barrier_wait(&stop);
    if (worker == workers) look(point);
    pthread_barrier_wait(&go_on);
  }
  for (size_t guest = 0; guest < guest_count; guest++) drop_pool(worker, guest);
  return NULL;
}

static void soak(void) {
  pthread_barrier_init(&stop, NULL, THREADS);
  pthread_barrier_init(&go_on, NULL, THREADS);
  for (size_t i = 0; i < THREADS; i++) {
    workers[i].random = 0x9e3779b97f4a7c15u * (i + 1);
    if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) fail("a thread", "cannot be started");
  }
  for (size_t i = 0; i < THREADS; i++) pthread_join(workers[i].thread, NULL);
  pthread_barrier_destroy(&stop);
  pthread_barrier_destroy(&go_on);
}

/* What was done must be what was meant: each kind of end, and growth of each guest if there was time for it. */
static void say_what_was_done(void) {
  for (size_t end = 0; end < ENDS; end++) {
    uint64_t count = 0;
    for (size_t i = 0; i < THREADS; i++) count += workers[i].ends[end];
    if (count == 0) fail(end_names[end], "none");
    printf("%s%s: %llu", end == 0 ? "" : ", ", end_names[end], (unsigned long long)count);
  }
  puts("");
  for (size_t guest = 0; guest < guest_count; guest++) {
    uint64_t grown = 0;
    for (size_t i = 0; i < THREADS; i++) grown += workers[i].grown[guest];
    if (grown == 0 && all_leases / guest_count > (uint64_t)20 * guests[guest].grows)
      fail(guests[guest].name, "none grew");
  }
}

static void load(void) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  wasm_engine_t *engine = wasm_engine_new();
  options.out = options.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = CAPTURE};
  config = new_config(&options);
  if (access("guests/built/go_reactor.wasm", R_OK) != 0) {
    puts("go_reactor is not built: left out");
    guest_count--;
  }
  for (size_t guest = 0; guest < guest_count; guest++) modules[guest] = new_guest(engine, guests[guest].name).module;
}

int main(int argc, char **argv) {
  const char *csv = NULL;
  bool good = true;
  start_without_caches(argv);
  all_leases = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000;
  if (argc > 2 && argv[2][0] != '-') csv = argv[2];
  if (argc > 3 && strcmp(argv[argc - 2], "--leak") == 0) {
    leak = strcmp(argv[argc - 1], "bytes") == 0 ? LEAK_BYTES : LEAK_DESCRIPTOR;
  }
  if (all_leases < (uint64_t)THREADS * POINTS) fail("LEASES", "must be at least 400");
  load();
  soak();
  if (csv) write_csv(csv, all_leases);
  printf("%llu leases of %zu guests from %d threads; ", (unsigned long long)all_leases, guest_count, THREADS);
  say_what_was_done();
  printf("%-12s %12s %12s %14s\n", "", "first half", "second half", "more a lease");
  for (int measure = 0; measure < MEASURES; measure++) good = judge((measure_t)measure, all_leases) && good;
  if (!good) say_whose();
  puts(good ? "nothing grows" : "something grows");
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
