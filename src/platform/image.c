/* SPDX-License-Identifier: MIT */
/* image.h for systems where COPY is all there is. */
#include "image.h"

#if !defined(__linux__)

#include <stdlib.h>
#include <string.h>

host_method_t host_method(host_method_t wanted) {
  (void)wanted;
  return HOST_COPY;
}

bool host_image_new(host_image_t *image, const uint8_t *bytes, size_t size, host_method_t method) {
  (void)method;
  *image = (host_image_t){HOST_COPY, malloc(size + 1), size, -1};
  if (image->bytes && size > 0) memcpy(image->bytes, bytes, size);
  return image->bytes != NULL;
}

void host_image_delete(host_image_t *image) {
  free(image->bytes);
}

bool host_image_map(const host_image_t *image, uint8_t *base) {
  (void)image;
  (void)base;
  return true;
}

void host_image_close(host_image_t *image) {
  (void)image;
}

void host_scanner_open(host_scanner_t *scanner) {
  *scanner = (host_scanner_t){-1, 0};
}

void host_scanner_close(host_scanner_t *scanner) {
  (void)scanner;
}

void host_image_restore(const host_image_t *image, uint8_t *base, host_scanner_t *scanner, size_t keep_resident) {
  (void)scanner;
  (void)keep_resident;
  if (image->size > 0) memcpy(base, image->bytes, image->size);
}

void host_zero(uint8_t *base, size_t size) {
  memset(base, 0, size);
}

#endif
