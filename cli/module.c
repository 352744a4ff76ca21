/* SPDX-License-Identifier: MIT */
/* A module from a file, binary or text. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

const char *cli_file_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* All of a file that need not know its size, such as a pipe. NULL with errno set. */
static char *read_all(FILE *file, size_t *size) {
  size_t capacity = 0, length = 0;
  char *bytes = NULL;
  do {
    if (length == capacity) {
      capacity = capacity ? 2 * capacity : (size_t)1 << 16;
      char *more = realloc(bytes, capacity);
      if (!more) {
        free(bytes);
        return NULL;
      }
      bytes = more;
    }
    length += fread(bytes + length, 1, capacity - length, file);
  } while (!feof(file) && !ferror(file));
  if (ferror(file)) {
    free(bytes);
    return NULL;
  }
  *size = length;
  return bytes;
}

char *cli_read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  char *bytes = file ? read_all(file, size) : NULL;
  if (!bytes) cli_error("%s could not be read: %s", path, strerror(errno));
  if (file) fclose(file);
  return bytes;
}

/*
 * The assembler's message ends with " at <anon>:LINE:COLUMN", or with that and a picture of the line, which is no use
 * in a message of one line. `*at` is what precedes the position, and `*position` the position; false if there is none.
 */
static bool find_position(const char *message, const char **at, const char **position) {
  static const char mark[] = "<anon>:";
  const char *found = strstr(message, mark);
  if (!found) return false;
  *position = found + sizeof mark - 1;
  *at = strstr(message, " at <anon>");
  if (!*at) *at = strchr(message, '\n');
  return *at && *at < *position;
}

static bool assemble(const char *path, const char *text, size_t size, wasm_byte_vec_t *bytes) {
  static const char hint[] = "(a binary module would begin with \\0asm)";
  const char *at;
  const char *position;
  wasi_light_error_t error;
  if (size == 0) {
    cli_error("%s is empty: expected a WebAssembly module", path);
    return false;
  }
  if (wasi_light_wat2wasm(text, size, bytes, &error)) return true;
  if (find_position(error.message, &at, &position)) {
    cli_error("%s:%.*s: %.*s %s", path, (int)strspn(position, "0123456789:"), position, (int)(at - error.message),
              error.message, hint);
  } else {
    cli_error("%s: %s %s", path, error.message, hint);
  }
  return false;
}

bool cli_read_module(const char *path, wasm_byte_vec_t *bytes) {
  size_t size;
  char *content = cli_read_file(path, &size);
  if (!content) return false;
  bool binary = size >= 4 && memcmp(content, "\0asm", 4) == 0;
  bool ok = binary || assemble(path, content, size, bytes);
  if (binary) wasm_byte_vec_new(bytes, size, content);
  free(content);
  return ok;
}

wasm_engine_t *cli_new_engine(void) {
  wasm_engine_t *engine = wasm_engine_new();
  if (!engine) cli_error("the engine could not be started");
  return engine;
}
