/* SPDX-License-Identifier: MIT */
/* Errors by value: names and bounded messages. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "env.h"

const char *wasi_light_version(void) {
  return WASI_LIGHT_VERSION;
}

const char *wasi_light_error_name(int code) {
  switch (code) {
#define ERROR_NAME(name, value, text) \
  case value: return #name;
    WASI_LIGHT_ERROR_MAP(ERROR_NAME)
#undef ERROR_NAME
    default: return "unknown";
  }
}

const char *wasi_light_errno_name(wasi_light_errno_t value) {
  switch (value) {
#define ERRNO_NAME(name, number) \
  case number: return #name;
    WASI_LIGHT_ERRNO_MAP(ERRNO_NAME)
#undef ERRNO_NAME
    default: return "unknown";
  }
}

void wasi_light__format_list(char *text, size_t size, const char *format, va_list list) {
  int length = vsnprintf(text, size, format, list);
  if (length < 0) text[0] = '\0';
  else if ((size_t)length >= size && size >= 4) {
    size_t end = size - 4;
    while (end > 0 && (text[end] & 0xc0) == 0x80) end--; /* not in the middle of a character of UTF-8 */
    memcpy(text + end, "...", 4);
  }
}

void wasi_light__format(char *text, size_t size, const char *format, ...) {
  va_list list;
  va_start(list, format);
  wasi_light__format_list(text, size, format, list);
  va_end(list);
}

void wasi_light__fail(wasi_light_error_t *error, wasi_light_error_code_t code, const char *format, ...) {
  if (!error) return;
  va_list list;
  va_start(list, format);
  error->code = code;
  error->exit_code = 0;
  error->signal = 0;
  wasi_light__format_list(error->message, sizeof error->message, format, list);
  va_end(list);
}
