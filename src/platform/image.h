/* SPDX-License-Identifier: MIT */
/*
 * Images of a guest's memory, and putting memory back to one.
 *
 * Three methods, each resting on the one before it:
 *   COPY  the image is a copy on the heap; all of it is copied back. Any system.
 *   COW   the image is a sealed memory file, mapped privately over the guest's memory: the guest's writes go to
 *         pages of its own, which MADV_DONTNEED throws away, so that the next touch reads the image again.
 *   SCAN  the same mapping; PAGEMAP_SCAN (Linux 6.7) names the pages that were written, and only they are copied
 *         back. They stay resident, so that the next call faults on none of them.
 *
 * What the kernel may do to a written page, and why none of it is missed: swapped out (SWAPPED is asked for),
 * migrated (it shows as swapped while it moves; a migrated page of the image itself shows as FILE), merged by KSM
 * (still not FILE), part of a huge page (the scan gives ranges), locked (MADV_DONTNEED then fails, and all is
 * copied), shared with a child by fork (still not FILE; the page map is opened anew, since it is of one process).
 */
#ifndef WASI_LIGHT_IMAGE_H
#define WASI_LIGHT_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum host_method_t { HOST_COPY, HOST_COW, HOST_SCAN } host_method_t;

/* The best method that works here, no better than `wanted`. It is tried, not looked up. */
host_method_t host_method(host_method_t wanted);

typedef struct host_image_t {
  host_method_t method;
  uint8_t *bytes; /* to be read: heap or mapping */
  size_t size;
  int fd; /* -1: none, or closed */
} host_image_t;

/* Makes an image of `size` bytes. Where no memory file can be had it is a COPY. False if memory runs out. */
bool host_image_new(host_image_t *image, const uint8_t *bytes, size_t size, host_method_t method);
void host_image_delete(host_image_t *image);

/*
 * Maps the image over [base, base + size), which must have equal contents. False if that failed: then nothing is known of
 * that memory but that it is readable and writable.
 */
bool host_image_map(const host_image_t *image, uint8_t *base);

/* Gives up the descriptor; memory that is mapped stays so. */
void host_image_close(host_image_t *image);

/* A page map of this process, for SCAN. */
typedef struct host_scanner_t {
  int fd;
  uint32_t generation; /* of the process that opened it */
} host_scanner_t;

void host_scanner_open(host_scanner_t *scanner);
void host_scanner_close(host_scanner_t *scanner);

/*
 * Makes [base, base + size) equal to the image again. With SCAN, more than `keep_resident` bytes of written pages are not
 * copied but thrown away. It cannot fail: what the kernel refuses is copied.
 */
void host_image_restore(const host_image_t *image, uint8_t *base, host_scanner_t *scanner, size_t keep_resident);

/* Makes [base, base + size) zeros, giving the pages back where that is possible. Page-aligned. */
void host_zero(uint8_t *base, size_t size);

#endif
