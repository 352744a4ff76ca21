/* SPDX-License-Identifier: MIT */
/*
 * Images of memory, method by method: whatever was written is put back, and whatever the kernel did to a written page
 * in the meantime (swapped out, moved, locked, shared with a child) changes nothing of that. /proc/self/pagemap, read
 * here page by page, says which pages are the process's own.
 */
#include "host.h"
#include "image.h"
#include "pool_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
enum { METHODS = 3 };
static const host_method_t methods[METHODS] = {HOST_COPY, HOST_COW, HOST_SCAN};
static const char *const method_names[METHODS] = {"COPY", "COW", "SCAN"};

/* ---- A guest's memory and its image ---- */

typedef struct fixture_t {
  host_image_t image;
  host_scanner_t scanner;
  uint8_t *base;
  uint8_t *expected; /* what the image must be */
  size_t size;
} fixture_t;

static uint8_t *map_pages(size_t size) {
  uint8_t *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert_ptr_not_equal(base, MAP_FAILED);
  return base;
}

/* Every third page is zeros, as much of a guest's memory is. */
static void start(fixture_t *f, host_method_t method, size_t pages) {
  pool_random_t random = {pages};
  f->size = pages * PAGE;
  f->base = map_pages(f->size);
  f->expected = malloc(f->size);
  assert_non_null(f->expected);
  for (size_t i = 0; i < f->size; i++) f->expected[i] = i / PAGE % 3 == 2 ? 0 : (uint8_t)pool_random(&random);
  memcpy(f->base, f->expected, f->size);
  assert_true(host_image_new(&f->image, f->base, f->size, method));
  assert_int_equal(f->image.method, method);
  assert_true(host_image_map(&f->image, f->base));
  host_scanner_open(&f->scanner);
}

static void end(fixture_t *f) {
  host_scanner_close(&f->scanner);
  host_image_delete(&f->image);
  munmap(f->base, f->size);
  free(f->expected);
}

static void expect_restored(const fixture_t *f, const char *what) {
  for (size_t i = 0; i < f->size; i++) {
    if (f->base[i] != f->expected[i])
      fail_msg("%s, %s: byte %zu of page %zu is left", method_names[f->image.method], what, i % PAGE, i / PAGE);
  }
  assert_memory_equal(f->image.bytes, f->expected, f->size);
}

static void restore(fixture_t *f, size_t keep_resident, const char *what) {
  host_image_restore(&f->image, f->base, &f->scanner, keep_resident);
  expect_restored(f, what);
}

static bool can(host_method_t method) {
  if (host_method(method) == method) return true;
  print_message("%s does not work here: left out\n", method_names[method]);
  return false;
}

/* Pages of the range that are the process's own, and those of them that are swapped out; SIZE_MAX if nobody can tell. */
static size_t own_pages(const uint8_t *base, size_t size, size_t *swapped) {
  int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  size_t mine = 0;
  if (fd < 0) return SIZE_MAX;
  *swapped = 0;
  for (size_t at = 0; at < size; at += PAGE) {
    uint64_t entry = 0;
    assert_int_equal(pread(fd, &entry, 8, (off_t)((uintptr_t)(base + at) / PAGE * 8)), 8);
    bool is_swapped = entry >> 62 & 1;
    *swapped += is_swapped;
    mine += (entry >> 63 || is_swapped) && !(entry >> 61 & 1);
  }
  close(fd);
  return mine;
}

static size_t private_pages(const fixture_t *f) {
  size_t swapped;
  size_t mine = own_pages(f->base, f->size, &swapped);
  assert_true(mine != SIZE_MAX);
  return mine;
}

/* ---- Methods ---- */

/* Whether this kernel has PAGEMAP_SCAN: asked by itself, since a library that never scans would pass all that follows. */
static bool kernel_scans(void) {
  uint64_t region[3];
  uint8_t *page = map_pages(PAGE);
  uint64_t scan[12] = {96, 0, (uintptr_t)page, (uintptr_t)page + PAGE, 0, (uintptr_t)region, 1, 0, 0, 8, 0, 8};
  int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  page[0] = 1;
  int count = fd < 0 ? -1 : ioctl(fd, _IOWR('f', 16, scan), scan);
  if (fd >= 0) close(fd);
  munmap(page, PAGE);
  return count == 1;
}

static bool kernel_has_memory_files(void) {
  int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

static void test_methods_are_tried(void **state) {
  if (kernel_has_memory_files()) assert_true(host_method(HOST_COW) == HOST_COW);
  if (kernel_has_memory_files() && kernel_scans()) assert_true(host_method(HOST_SCAN) == HOST_SCAN);
  assert_int_equal(host_method(HOST_COPY), HOST_COPY);
  for (int i = 0; i < METHODS; i++) assert_true(host_method(methods[i]) <= methods[i]);
  assert_true(host_method(HOST_COW) <= host_method(HOST_SCAN)); /* what rests on it needs it */
  for (int i = 0; i < METHODS; i++) can(methods[i]);
}

/* Probing leaves nothing: neither descriptors nor memory. */
static void test_probing_leaves_nothing(void **state) {
  int before = dup(0);
  close(before);
  for (int i = 0; i < 200; i++) assert_true(host_method(HOST_SCAN) <= HOST_SCAN);
  int after = dup(0);
  close(after);
  assert_int_equal(before, after);
}

/* With no descriptor to be had there is still copying. */
static void test_without_descriptors(void **state) {
  struct rlimit limit;
  uint8_t *base = map_pages(4 * PAGE);
  host_image_t image;
  host_scanner_t scanner;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  struct rlimit none = {0, limit.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  host_method_t method = host_method(HOST_SCAN);
  bool made = host_image_new(&image, base, 4 * PAGE, HOST_SCAN);
  host_scanner_open(&scanner);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
  assert_int_equal(method, HOST_COPY);
  assert_true(made);
  assert_int_equal(image.method, HOST_COPY);
  assert_true(host_image_map(&image, base));
  memset(base, 7, 4 * PAGE);
  host_image_restore(&image, base, &scanner, SIZE_MAX);
  for (size_t i = 0; i < 4 * PAGE; i++) assert_int_equal(base[i], 0);
  host_scanner_close(&scanner);
  host_image_delete(&image);
  munmap(base, 4 * PAGE);
}

/* ---- Putting back ---- */

static void test_every_page(void **state) {
  static const size_t sizes[] = {1, 2, 16, 63, 64, 65, 500};
  for (int m = 0; m < METHODS; m++) {
    if (!can(methods[m])) continue;
    for (size_t i = 0; i < COUNT(sizes); i++) {
      fixture_t f;
      start(&f, methods[m], sizes[i]);
      restore(&f, SIZE_MAX, "nothing was written");
      for (int round = 0; round < 3; round++) {
        memset(f.base, 0xa5, f.size);
        restore(&f, SIZE_MAX, "all was written");
      }
      memset(f.base, 0xa5, f.size);
      restore(&f, 0, "all was written, and nothing shall stay");
      for (size_t page = 0; page < sizes[i]; page++) {
        f.base[page * PAGE + (page % 2 ? PAGE - 1 : 0)] ^= 0xff;
        restore(&f, PAGE, "one page was written");
      }
      end(&f);
    }
  }
}

/* More than 64 regions, which is what one scan gives: every other page, from the first and from the second on. */
static void test_separate_pages(void **state) {
  enum { PAGES = 600 };
  for (int m = 0; m < METHODS; m++) {
    if (!can(methods[m])) continue;
    for (size_t first = 0; first < 2; first++) {
      fixture_t f;
      start(&f, methods[m], PAGES);
      for (size_t page = first; page < PAGES; page += 2) f.base[page * PAGE + page] ^= 1;
      restore(&f, SIZE_MAX, "every other page");
      for (size_t page = first; page < PAGES; page += 2) f.base[page * PAGE + page] ^= 1;
      restore(&f, (PAGES / 2 - 1) * PAGE, "one page too many");
      end(&f);
    }
  }
}

static void test_random_writes(void **state) {
  enum { PAGES = 256, ROUNDS = 400 };
  for (int m = 0; m < METHODS; m++) {
    pool_random_t random = {99};
    fixture_t f;
    if (!can(methods[m])) continue;
    start(&f, methods[m], PAGES);
    for (int round = 0; round < ROUNDS; round++) {
      uint32_t writes = pool_below(&random, 3) == 0 ? pool_below(&random, 2000) : pool_below(&random, 20);
      volatile uint8_t sum = 0;
      for (uint32_t i = 0; i < writes; i++) {
        f.base[pool_below(&random, PAGES * PAGE)] = (uint8_t)pool_random(&random);
        sum ^= f.base[pool_below(&random, PAGES * PAGE)]; /* reads too: they make no page the process's own */
      }
      restore(&f, pool_below(&random, 2) ? SIZE_MAX : pool_below(&random, PAGES * PAGE), "random writes");
    }
    end(&f);
  }
}

/* ---- What stays resident ---- */

static void test_keep_resident(void **state) {
  enum { PAGES = 100, WRITTEN = 10 };
  fixture_t f;
  if (!can(HOST_SCAN)) skip();
  start(&f, HOST_SCAN, PAGES);
  assert_int_equal(private_pages(&f), 0);
  volatile uint8_t sum = 0;
  for (size_t page = 0; page < PAGES; page++) sum ^= f.base[page * PAGE];
  restore(&f, SIZE_MAX, "all was read");
  assert_int_equal(private_pages(&f), 0); /* what was only read is not copied */
  for (size_t page = 0; page < WRITTEN; page++) f.base[page * 7 * PAGE] ^= 1;
  assert_int_equal(private_pages(&f), WRITTEN);
  restore(&f, WRITTEN * PAGE, "as many as may stay");
  assert_int_equal(private_pages(&f), WRITTEN); /* so that the next call faults on none of them */
  f.base[PAGE] ^= 1;
  restore(&f, WRITTEN * PAGE, "one more, with those of before");
  assert_int_equal(private_pages(&f), 0); /* all were given back */
  f.base[0] ^= 1;
  restore(&f, PAGE - 1, "less than a page may stay");
  assert_int_equal(private_pages(&f), 0);
  end(&f);
}

static void test_copy_on_write_gives_all_back(void **state) {
  fixture_t f;
  if (!can(HOST_COW)) skip();
  start(&f, HOST_COW, 50);
  memset(f.base, 1, f.size);
  assert_int_equal(private_pages(&f), 50);
  restore(&f, SIZE_MAX, "all was written");
  assert_int_equal(private_pages(&f), 0);
  end(&f);
}

/* ---- The file ---- */

static void test_the_file_is_sealed(void **state) {
  fixture_t f;
  if (!can(HOST_COW)) skip();
  start(&f, HOST_COW, 4);
  assert_true(f.image.fd >= 0);
  assert_true(fcntl(f.image.fd, F_GETFD) & FD_CLOEXEC);
  assert_int_equal(pwrite(f.image.fd, "x", 1, 0), -1);
  assert_int_equal(ftruncate(f.image.fd, 1), -1);
  assert_int_equal(ftruncate(f.image.fd, (off_t)f.size * 2), -1);
  assert_ptr_equal(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, f.image.fd, 0), MAP_FAILED);
  expect_restored(&f, "after attempts to write the file");
  end(&f);
}

static void test_the_file_may_be_closed(void **state) {
  for (int m = 1; m < METHODS; m++) {
    fixture_t f;
    if (!can(methods[m])) continue;
    start(&f, methods[m], 40);
    int fd = f.image.fd;
    host_image_close(&f.image);
    assert_int_equal(f.image.fd, -1);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    host_image_close(&f.image); /* once more does no harm */
    for (int keep = 0; keep < 2; keep++) {
      memset(f.base, 3, f.size);
      restore(&f, keep ? SIZE_MAX : 0, "the file is closed");
    }
    end(&f);
  }
}

/* Two memories on one image: what is written to the one is not in the other. */
static void test_an_image_of_two_memories(void **state) {
  for (int m = 0; m < METHODS; m++) {
    fixture_t f;
    if (!can(methods[m])) continue;
    start(&f, methods[m], 20);
    uint8_t *other = map_pages(f.size);
    memcpy(other, f.expected, f.size);
    assert_true(host_image_map(&f.image, other));
    memset(f.base, 5, f.size);
    assert_memory_equal(other, f.expected, f.size);
    memset(other, 6, f.size);
    restore(&f, SIZE_MAX, "the first of two");
    for (size_t i = 0; i < f.size; i++) assert_int_equal(other[i], 6);
    host_image_restore(&f.image, other, &f.scanner, SIZE_MAX);
    assert_memory_equal(other, f.expected, f.size);
    munmap(other, f.size);
    end(&f);
  }
}

static void test_mapping_can_fail(void **state) {
  fixture_t f;
  if (!can(HOST_COW)) skip();
  start(&f, HOST_COW, 4);
  assert_false(host_image_map(&f.image, f.base + 1)); /* nothing can be mapped there */
  host_image_close(&f.image);
  assert_false(host_image_map(&f.image, f.base));
  end(&f);
}

static void test_no_memory_at_all(void **state) {
  for (int m = 0; m < METHODS; m++) {
    host_image_t image;
    host_scanner_t scanner;
    uint8_t byte = 9;
    assert_true(host_image_new(&image, &byte, 0, methods[m]));
    assert_true(host_image_map(&image, &byte));
    host_scanner_open(&scanner);
    host_image_restore(&image, &byte, &scanner, 0);
    assert_int_equal(byte, 9);
    host_scanner_close(&scanner);
    host_image_delete(&image);
  }
}

/* ---- A scanner that does not work ---- */

static void test_broken_scanners(void **state) {
  fixture_t f;
  if (!can(HOST_SCAN)) skip();
  start(&f, HOST_SCAN, 30);
  host_scanner_close(&f.scanner);
  memset(f.base, 1, f.size);
  restore(&f, SIZE_MAX, "the page map is closed");
  assert_int_equal(private_pages(&f), 0);
  f.scanner.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  memset(f.base, 1, f.size);
  restore(&f, SIZE_MAX, "the page map is another file");
  f.scanner.generation++; /* of another process: it is opened anew */
  memset(f.base, 1, f.size);
  restore(&f, SIZE_MAX, "the page map is of another process");
  assert_int_equal(private_pages(&f), 30);
  assert_int_equal(f.scanner.generation, host_generation());
  end(&f);
}

/* ---- Fork ---- */

/* In the child: what the parent wrote and what it writes itself is put back. Exit status 0 if all is well. */
static int check_child(fixture_t *f) {
  for (int keep = 0; keep < 2; keep++) {
    f->base[5 * PAGE] ^= 0xff;
    memset(f->base + 10 * PAGE, 0xcc, 3 * PAGE);
    host_image_restore(&f->image, f->base, &f->scanner, keep ? SIZE_MAX : 0);
    if (memcmp(f->base, f->expected, f->size) != 0) return 1 + keep;
  }
  return f->scanner.fd >= 0 && f->scanner.generation != host_generation() && f->image.method == HOST_SCAN ? 3 : 0;
}

static void test_fork(void **state) {
  for (int m = 0; m < METHODS; m++) {
    fixture_t f;
    int status = -1;
    if (!can(methods[m])) continue;
    start(&f, methods[m], 60);
    memset(f.base, 0x77, 20 * PAGE); /* written before: shared by both, copied when either writes */
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(check_child(&f));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    for (size_t i = 0; i < 20 * PAGE; i++) assert_int_equal(f.base[i], 0x77); /* the child's doings are its own */
    f.base[40 * PAGE] ^= 1;
    restore(&f, SIZE_MAX, "after a fork");
    end(&f);
  }
}

/* The child lives on while the parent puts back, so that the pages are shared all the time. */
static void test_fork_while_the_child_lives(void **state) {
  for (int m = 0; m < METHODS; m++) {
    fixture_t f;
    int pipes[2];
    int status = -1;
    char byte = 0;
    if (!can(methods[m])) continue;
    start(&f, methods[m], 60);
    memset(f.base, 0x77, 20 * PAGE);
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
      close(pipes[1]);
      if (read(pipes[0], &byte, 1) != 0) _exit(9); /* until the parent is through */
      for (size_t i = 0; i < 20 * PAGE; i++) {
        if (f.base[i] != 0x77) _exit(8);
      }
      _exit(check_child(&f));
    }
    close(pipes[0]);
    f.base[3 * PAGE] ^= 1;
    restore(&f, SIZE_MAX, "while a child shares the pages");
    close(pipes[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    end(&f);
  }
}

/* ---- What the kernel may do to pages ---- */

static void test_locked_pages(void **state) {
  for (int m = 0; m < METHODS; m++) {
    fixture_t f;
    if (!can(methods[m])) continue;
    start(&f, methods[m], 64);
    if (mlock(f.base + 8 * PAGE, 16 * PAGE) != 0) {
      print_message("mlock is not permitted (%s): left out\n", strerror(errno));
      end(&f);
      continue;
    }
    for (int round = 0; round < 4; round++) {
      memset(f.base, 0x11 * round, f.size);
      restore(&f, round % 2 ? SIZE_MAX : 0, "some pages are locked"); /* they cannot be thrown away */
    }
    munlock(f.base, f.size);
    memset(f.base, 1, f.size);
    restore(&f, 0, "they were locked");
    if (methods[m] != HOST_COPY) assert_int_equal(private_pages(&f), 0);
    end(&f);
  }
}

/* Without swap space the kernel leaves the pages; then this shows no more than that nothing breaks. */
static void test_pages_that_are_swapped_out(void **state) {
  size_t swapped = 0;
  for (int m = 0; m < METHODS; m++) {
    fixture_t f;
    if (!can(methods[m])) continue;
    start(&f, methods[m], 200);
    for (int keep = 0; keep < 2; keep++) {
      memset(f.base + 10 * PAGE, 0x5a, 100 * PAGE);
      if (madvise(f.base, f.size, MADV_PAGEOUT) != 0) print_message("MADV_PAGEOUT: %s\n", strerror(errno));
      own_pages(f.base, f.size, &swapped);
      restore(&f, keep ? SIZE_MAX : 0, "pages were swapped out");
    }
    end(&f);
  }
  if (swapped == 0) print_message("no page was swapped out: there is no swap space\n");
}

static void test_huge_pages(void **state) {
  enum { HUGE = 2 << 20 };
  for (int m = 0; m < METHODS; m++) {
    uint8_t *room = map_pages(3 * HUGE);
    uint8_t *base = room + (HUGE - (uintptr_t)room % HUGE);
    host_image_t image;
    host_scanner_t scanner;
    if (!can(methods[m])) continue;
    if (madvise(base, HUGE, MADV_HUGEPAGE) != 0) print_message("MADV_HUGEPAGE: %s\n", strerror(errno));
    memset(base, 1, HUGE);
    assert_true(host_image_new(&image, base, HUGE, methods[m]));
    assert_true(host_image_map(&image, base));
    madvise(base, HUGE, MADV_HUGEPAGE);
    host_scanner_open(&scanner);
    for (size_t round = 0; round < 4; round++) {
      memset(base + (round * 100 + 5) * PAGE + 7, 2, 3 * PAGE);
      if (round == 2) memset(base, 3, HUGE);
      host_image_restore(&image, base, &scanner, round % 2 ? 0 : SIZE_MAX);
      for (size_t i = 0; i < HUGE; i++) assert_int_equal(base[i], 1);
    }
    host_scanner_close(&scanner);
    host_image_delete(&image);
    munmap(room, 3 * HUGE);
  }
}

/* Pages of equal contents are made one by KSM, where it runs; a write then makes them two again. */
static void test_pages_that_are_merged(void **state) {
  char text[32] = "";
  fixture_t f;
  FILE *run = fopen("/sys/kernel/mm/ksm/run", "r");
  bool runs = run && fgets(text, sizeof text, run) && text[0] == '1';
  if (run) fclose(run);
  if (!runs) {
    print_message("KSM does not run here: left out\n");
    skip();
  }
  if (!can(HOST_SCAN)) skip();
  start(&f, HOST_SCAN, 500);
  memset(f.base, 0x3c, f.size);
  if (madvise(f.base, f.size, MADV_MERGEABLE) != 0) print_message("MADV_MERGEABLE: %s\n", strerror(errno));
  sleep(3); /* there is no waiting for it */
  restore(&f, SIZE_MAX, "pages were merged");
  end(&f);
}

/* Moves pages about while they are put back, as the kernel does when it wants large pieces of memory. */
static atomic_bool compacting;

static void *compact(void *data) {
  const int *fd = data;
  while (atomic_load(&compacting) && write(*fd, "1", 1) == 1) {
  }
  return NULL;
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_pages_that_move(void **state) {
  enum { PAGES = 2048 };
  fixture_t f;
  pthread_t thread;
  int fd = open("/proc/sys/vm/compact_memory", O_WRONLY | O_CLOEXEC);
  if (fd < 0) {
    print_message("memory cannot be compacted here (%s): left out\n", strerror(errno));
    skip();
  }
  if (!can(HOST_SCAN)) skip();
  start(&f, HOST_SCAN, PAGES);
  atomic_store(&compacting, true);
  assert_int_equal(pthread_create(&thread, NULL, compact, &fd), 0);
  size_t rounds = 0;
  size_t left = 0; /* pages, after some restore */
  double until = seconds() + 0.1 * (double)pool_times("WASI_LIGHT_TEST_COMPACT_TENTHS", 30);
  for (; seconds() < until; rounds++) {
    for (size_t page = 0; page < PAGES; page++) f.base[page * PAGE] ^= 0xff;
    host_image_restore(&f.image, f.base, &f.scanner, SIZE_MAX);
    for (size_t page = 0; page < PAGES; page++) {
      left += f.base[page * PAGE] != f.expected[page * PAGE];
      f.base[page * PAGE] = f.expected[page * PAGE];
    }
  }
  atomic_store(&compacting, false);
  pthread_join(thread, NULL);
  close(fd);
  print_message("%zu rounds\n", rounds);
  assert_int_equal(left, 0);
  restore(&f, SIZE_MAX, "pages have moved");
  end(&f);
}

/* ---- Zeros ---- */

static void test_zeros(void **state) {
  uint8_t *base = map_pages(64 * PAGE);
  size_t swapped;
  memset(base, 1, 64 * PAGE);
  host_zero(base + 8 * PAGE, 0);
  assert_int_equal(base[8 * PAGE], 1);
  host_zero(base + 8 * PAGE, 16 * PAGE);
  for (size_t i = 0; i < 64 * PAGE; i++) assert_int_equal(base[i], i < 8 * PAGE || i >= 24 * PAGE);
  memset(base, 1, 64 * PAGE);
  host_zero(base, 64 * PAGE);
  assert_int_equal(own_pages(base, 64 * PAGE, &swapped), 0); /* given back */
  if (mlock(base, 8 * PAGE) == 0) {
    memset(base, 1, 64 * PAGE);
    host_zero(base, 64 * PAGE);
    for (size_t i = 0; i < 64 * PAGE; i++) assert_int_equal(base[i], 0);
  }
  munmap(base, 64 * PAGE);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_methods_are_tried),
    cmocka_unit_test(test_probing_leaves_nothing),
    cmocka_unit_test(test_without_descriptors),
    cmocka_unit_test(test_every_page),
    cmocka_unit_test(test_separate_pages),
    cmocka_unit_test(test_random_writes),
    cmocka_unit_test(test_keep_resident),
    cmocka_unit_test(test_copy_on_write_gives_all_back),
    cmocka_unit_test(test_the_file_is_sealed),
    cmocka_unit_test(test_the_file_may_be_closed),
    cmocka_unit_test(test_an_image_of_two_memories),
    cmocka_unit_test(test_mapping_can_fail),
    cmocka_unit_test(test_no_memory_at_all),
    cmocka_unit_test(test_broken_scanners),
    cmocka_unit_test(test_fork),
    cmocka_unit_test(test_fork_while_the_child_lives),
    cmocka_unit_test(test_locked_pages),
    cmocka_unit_test(test_pages_that_are_swapped_out),
    cmocka_unit_test(test_huge_pages),
    cmocka_unit_test(test_pages_that_are_merged),
    cmocka_unit_test(test_pages_that_move),
    cmocka_unit_test(test_zeros),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
