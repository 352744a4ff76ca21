/* SPDX-License-Identifier: MIT */
/* Messages, and output that is checked. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { MESSAGE_SIZE = 8192 }; /* the longest of the library's, and what is said around it */

/*
 * Messages contain what modules are free to choose, such as export names. Each is one line, and a terminal gets no
 * control characters from it. The lines of a list are set apart by semicolons instead. `to` has room for twice `from`.
 */
static void one_line(const char *from, char *to) {
  for (char last = ':'; *from; from++) {
    unsigned char byte = (unsigned char)*from;
    if (byte == '\n') {
      while (from[1] == ' ' || from[1] == '\n') from++;
      if (!from[1]) break;
      if (last != ':') *to++ = ';';
      last = *to++ = ' ';
    } else {
      last = *to++ = byte < ' ' || byte == 0x7f ? '?' : *from;
    }
  }
  *to = '\0';
}

CLI_PRINTF(1, 0)
static void print_error(const char *format, va_list list) {
  char text[MESSAGE_SIZE];
  char line[2 * MESSAGE_SIZE];
  if (vsnprintf(text, sizeof text, format, list) < 0) text[0] = '\0';
  one_line(text, line);
  fprintf(stderr, "wasi-light: %s", line);
}

void cli_error(const char *format, ...) {
  va_list list;
  va_start(list, format);
  print_error(format, list);
  fprintf(stderr, "\n");
  va_end(list);
}

void cli_usage_error(const char *command, const char *format, ...) {
  va_list list;
  va_start(list, format);
  print_error(format, list);
  fprintf(stderr, " (see wasi-light %s%s--help)\n", command, command[0] ? " " : "");
  va_end(list);
}

bool cli_flush(FILE *file, const char *name) {
  errno = 0;
  if (fflush(file) == 0 && !ferror(file)) return true;
  cli_error("%s could not be written: %s", name, strerror(errno ? errno : EIO));
  return false;
}
