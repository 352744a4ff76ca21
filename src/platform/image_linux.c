/* SPDX-License-Identifier: MIT */
/* image.h on Linux: all three methods. */
#define _GNU_SOURCE /* memfd_create, MADV_DONTNEED */

#include "image.h"

#include "host.h"

#if defined(__linux__)

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- PAGEMAP_SCAN: linux/fs.h of Linux 6.7, which may be newer than the headers here ---- */

typedef struct pagemap_scan_t {
  uint64_t size, flags;
  uint64_t start, end, walk_end;
  uint64_t vec, vec_len, max_pages;
  uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
} pagemap_scan_t;

typedef struct page_region_t {
  uint64_t start, end, categories;
} page_region_t;

enum { PAGE_FILE = 1 << 2, PAGE_PRESENT = 1 << 3, PAGE_SWAPPED = 1 << 4 };
#define PAGEMAP_SCAN_IOCTL _IOWR('f', 16, pagemap_scan_t)

enum { REGIONS_AT_ONCE = 64 };

void host_scanner_open(host_scanner_t *scanner) {
  scanner->fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  scanner->generation = host_generation();
}

void host_scanner_close(host_scanner_t *scanner) {
  if (scanner->fd >= 0) close(scanner->fd);
  scanner->fd = -1;
}

/* Regions of [*start, end) whose pages are the process's own; moves *start on. Negative on failure. */
static int scan_some(const host_scanner_t *scanner, uint64_t *start, uint64_t end, page_region_t *regions) {
  pagemap_scan_t scan = {
      .size = sizeof scan,
      .start = *start,
      .end = end,
      .vec = (uint64_t)(uintptr_t)regions,
      .vec_len = REGIONS_AT_ONCE,
      .category_inverted = PAGE_FILE,
      .category_mask = PAGE_FILE,
      .category_anyof_mask = PAGE_PRESENT | PAGE_SWAPPED,
      .return_mask = PAGE_PRESENT | PAGE_SWAPPED,
  };
  int count = ioctl(scanner->fd, PAGEMAP_SCAN_IOCTL, &scan);
  if (count < 0) return count;
  if (scan.walk_end <= *start) return -1; /* it would go on for ever */
  *start = scan.walk_end;
  return count;
}

/* ---- Images ---- */

static bool new_copy(host_image_t *image, const uint8_t *bytes, size_t size) {
  *image = (host_image_t){HOST_COPY, malloc(size + 1), size, -1};
  if (image->bytes && size > 0) memcpy(image->bytes, bytes, size);
  return image->bytes != NULL;
}

enum { CHUNK = 4096 };

static bool is_zero(const uint8_t *bytes, size_t size) {
  return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* Leaves holes where there are zeros: much of a guest's memory was never touched. */
static bool write_all(int fd, const uint8_t *bytes, size_t size) {
  if (ftruncate(fd, (off_t)size) != 0) return false;
  for (size_t at = 0; at < size; at += CHUNK) {
    size_t some = size - at < CHUNK ? size - at : (size_t)CHUNK;
    ssize_t n = 0;
    if (is_zero(bytes + at, some)) continue;
    do n = pwrite(fd, bytes + at, some, (off_t)at);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)some) return false;
  }
  return true;
}

/* A memory file that nobody can change any more, or -1. */
static int new_file(const uint8_t *bytes, size_t size) {
  int fd = memfd_create("wasi-light image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return -1;
  if (write_all(fd, bytes, size) &&
      fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0) {
    return fd;
  }
  close(fd);
  return -1;
}

bool host_image_new(host_image_t *image, const uint8_t *bytes, size_t size, host_method_t method) {
  if (method == HOST_COPY || size == 0) return new_copy(image, bytes, size);
  int fd = new_file(bytes, size);
  if (fd < 0) return new_copy(image, bytes, size);
  void *mapping = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (mapping == MAP_FAILED) {
    close(fd);
    return new_copy(image, bytes, size);
  }
  *image = (host_image_t){method, mapping, size, fd};
  return true;
}

void host_image_close(host_image_t *image) {
  if (image->fd >= 0) close(image->fd);
  image->fd = -1;
}

void host_image_delete(host_image_t *image) {
  if (image->method == HOST_COPY) free(image->bytes);
  else munmap(image->bytes, image->size);
  host_image_close(image);
  image->bytes = NULL;
}

bool host_image_map(const host_image_t *image, uint8_t *base) {
  if (image->method == HOST_COPY) return true;
  return mmap(base, image->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, image->fd, 0) == base;
}

/* ---- Putting back ---- */

static void copy_all(const host_image_t *image, uint8_t *base) {
  if (image->size > 0) memcpy(base, image->bytes, image->size);
}

static void discard(const host_image_t *image, uint8_t *base) {
  if (madvise(base, image->size, MADV_DONTNEED) != 0) copy_all(image, base);
}

/*
 * Copies written pages back, up to `keep_resident` bytes of them. False if there are more, or the scan failed: what was
 * copied by then is no matter.
 */
static bool copy_written(const host_image_t *image, uint8_t *base, const host_scanner_t *scanner,
                         size_t keep_resident) {
  page_region_t regions[REGIONS_AT_ONCE];
  uint64_t first = (uint64_t)(uintptr_t)base;
  uint64_t at = first;
  size_t copied = 0;
  while (at < first + image->size) {
    int count = scan_some(scanner, &at, first + image->size, regions);
    if (count < 0) return false;
    for (int i = 0; i < count; i++) {
      size_t offset = (size_t)(regions[i].start - first);
      size_t size = (size_t)(regions[i].end - regions[i].start);
      copied += size;
      if (copied > keep_resident) return false;
      memcpy(base + offset, image->bytes + offset, size);
    }
  }
  return true;
}

void host_image_restore(const host_image_t *image, uint8_t *base, host_scanner_t *scanner, size_t keep_resident) {
  if (image->method == HOST_COPY) {
    copy_all(image, base);
    return;
  }
  if (image->method == HOST_SCAN) {
    if (scanner->generation != host_generation()) { /* forked: the page map is the parent's */
      host_scanner_close(scanner);
      host_scanner_open(scanner);
    }
    if (scanner->fd >= 0 && copy_written(image, base, scanner, keep_resident)) return;
  }
  discard(image, base);
}

void host_zero(uint8_t *base, size_t size) {
  if (size == 0) return;
  if (madvise(base, size, MADV_DONTNEED) != 0) memset(base, 0, size);
}

/* ---- Which method works here ---- */

/* Writes one of four pages of a mapped image, and asks for the written ones. */
static bool scan_works(void) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  uint8_t *memory = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  host_image_t image;
  bool works = false;
  if (host_image_new(&image, memory, 4 * page, HOST_SCAN)) {
    host_scanner_t scanner;
    page_region_t regions[REGIONS_AT_ONCE];
    uint64_t at = (uint64_t)(uintptr_t)memory;
    host_scanner_open(&scanner);
    if (image.method == HOST_SCAN && scanner.fd >= 0 && host_image_map(&image, memory)) {
      volatile uint8_t *pages = memory;
      (void)pages[0]; /* read: still the image's */
      pages[2 * page] = 1;
      int count = scan_some(&scanner, &at, at + 4 * page, regions);
      works = count == 1 && regions[0].start == (uint64_t)(uintptr_t)(memory + 2 * page) &&
              regions[0].end == regions[0].start + page;
    }
    host_scanner_close(&scanner);
    host_image_delete(&image);
  }
  munmap(memory, 4 * page);
  return works;
}

static bool files_work(void) {
  static const uint8_t byte = 1;
  int fd = new_file(&byte, 1);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

host_method_t host_method(host_method_t wanted) {
  if (wanted == HOST_SCAN && scan_works()) return HOST_SCAN;
  if (wanted != HOST_COPY && files_work()) return HOST_COW;
  return HOST_COPY;
}

#endif
