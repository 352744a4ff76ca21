/* SPDX-License-Identifier: MIT */
/* files.h on POSIX systems. */
#define _GNU_SOURCE /* O_NOFOLLOW, mkstemp */

#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif defined(__linux__)
#include <sys/auxv.h>
#endif

enum { PATH_SIZE = 4096, WRITABLE_BY_OTHERS = S_IWGRP | S_IWOTH };

static bool is_private(const struct stat *status) {
  return status->st_uid == geteuid() && !(status->st_mode & WRITABLE_BY_OTHERS);
}

const char *host_private_folder(const char *path) {
  struct stat status;
  int error = mkdir(path, 0700) == 0 ? EEXIST : errno;
  if (stat(path, &status) != 0) { /* mkdir may fail in other ways, too, where the folder is there */
    if (error == EEXIST) return "it cannot be read";
    return error == ENOENT ? "it is not there and cannot be made, since the folder around it is not there either"
                           : "it is not there and cannot be made";
  }
  if (!S_ISDIR(status.st_mode)) return "it is not a folder";
  if (status.st_uid != geteuid()) return "it belongs to another user";
  if (status.st_mode & WRITABLE_BY_OTHERS) return "others can write it (chmod go-w)";
  return NULL;
}

static bool join(char path[PATH_SIZE], const char *folder, const char *name, const char *ending) {
  int size = snprintf(path, PATH_SIZE, "%s/%s%s", folder, name, ending);
  return size > 0 && size < PATH_SIZE;
}

static bool read_all(int fd, uint8_t *bytes, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t n = read(fd, bytes + done, size - done);
    if (n == 0 || (n < 0 && errno != EINTR)) return false;
    if (n > 0) done += (size_t)n;
  }
  return true;
}

static uint8_t *read_open(int fd, size_t *size) {
  struct stat status;
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || !is_private(&status) || status.st_size <= 0) return NULL;
  *size = (size_t)status.st_size;
  uint8_t *bytes = malloc(*size);
  if (bytes && read_all(fd, bytes, *size)) return bytes;
  free(bytes);
  return NULL;
}

uint8_t *host_read_private(const char *folder, const char *name, size_t *size) {
  char path[PATH_SIZE];
  int fd = join(path, folder, name, "") ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
  if (fd < 0) return NULL;
  uint8_t *bytes = read_open(fd, size);
  close(fd);
  return bytes;
}

static bool write_all(int fd, const uint8_t *bytes, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t n = write(fd, bytes + done, size - done);
    if (n == 0 || (n < 0 && errno != EINTR)) return false;
    if (n > 0) done += (size_t)n;
  }
  return true;
}

bool host_write_private(const char *folder, const char *name, const uint8_t *bytes, size_t size) {
  char path[PATH_SIZE];
  char part[PATH_SIZE];
  if (!join(path, folder, name, "") || !join(part, folder, name, ".XXXXXX")) return false;
  int fd = mkstemp(part); /* 0600 */
  if (fd < 0) return false;
  bool good = write_all(fd, bytes, size);
  good = close(fd) == 0 && good;
  good = good && rename(part, path) == 0;
  if (!good) unlink(part);
  return good;
}

#if defined(__x86_64__) || defined(__i386__)
void host_cpu_features(uint32_t features[8]) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  for (int i = 0; i < 8; i++) features[i] = 0;
  if (__get_cpuid(1, &a, &b, &c, &d)) features[0] = c, features[1] = d;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) features[2] = b, features[3] = c, features[4] = d;
  if (__get_cpuid(0x80000001u, &a, &b, &c, &d)) features[5] = c, features[6] = d;
}
#elif defined(__linux__)
void host_cpu_features(uint32_t features[8]) {
  for (int i = 0; i < 8; i++) features[i] = 0;
  features[0] = (uint32_t)getauxval(AT_HWCAP);
  features[1] = (uint32_t)getauxval(AT_HWCAP2);
}
#else
void host_cpu_features(uint32_t features[8]) {
  for (int i = 0; i < 8; i++) features[i] = 0;
}
#endif
