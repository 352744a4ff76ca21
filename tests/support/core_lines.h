/* SPDX-License-Identifier: MIT */
/* Output by lines: a callback that keeps what it is given, writes in a line each, and what came as one text. */
#ifndef CORE_LINES_H
#define CORE_LINES_H

#include "core_guest.h"

enum { CORE_LINES_MAX = 8192, CORE_LINES_BYTES = 1 << 18, CORE_LINES_MEMORY = 1 << 16 };

typedef struct core_line_t {
  void *host;
  uint32_t fd;
  bool continues;
  const char *bytes;
  size_t size;
} core_line_t;

typedef struct core_lines_t {
  core_line_t line[CORE_LINES_MAX];
  size_t count;
  char bytes[CORE_LINES_BYTES];
  size_t used;
} core_lines_t;

/* What came since core_lines_clear. */
extern core_lines_t core_lines;
void core_lines_clear(void);

/* The callback. It also fails unless there is a NUL behind the line. */
void core_take_line(void *host, uint32_t fd, const char *line, size_t size, bool continues);

/* Both outputs by lines of this size, given to core_take_line; CORE_LINES_MEMORY bytes of memory. */
wasi_light_options_t core_line_options(size_t line_size, bool escape);
void core_start_lines(core_guest_t *guest, size_t line_size, bool escape);

/* One fd_write, which must write all of it: of one iovec, and of several that make up the bytes. */
void core_write(core_guest_t *guest, uint32_t fd, const void *bytes, size_t size);
void core_write_text(core_guest_t *guest, uint32_t fd, const char *text);
void core_write_parts(core_guest_t *guest, uint32_t fd, const void *bytes, const size_t *sizes, size_t count);

/* What came, and is then forgotten: "1:a line|1+a piece|2:another". */
#define EXPECT_LINES(text) core_expect_lines(text, __FILE__, __LINE__)
void core_expect_lines(const char *text, const char *file, int line);

#endif
