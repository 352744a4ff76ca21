/* SPDX-License-Identifier: MIT */
/*
 * Output by lines: what the guest writes is kept until there is a whole line, or until the buffer is full.
 *
 * With `escape` what comes out is UTF-8 without control characters, so that a log cannot be forged nor a terminal
 * driven by it: all else is shown as \xHH, a character that does not become complete byte by byte.
 */
#include <string.h>

#include "../platform/host.h"
#include "env.h"

static p1_capture_t *buffer_of(wasi_light_env_t *env, uint32_t stream) {
  return &env->capture[stream - P1_STDOUT];
}

static uint8_t *line_of(const p1_capture_t *buffer) {
  return buffer->bytes + WASI_LIGHT_PREFIX_MAX;
}

/* All of it to the host's own stream. */
static uint32_t write_out(int fd, uint8_t *bytes, uint32_t size) {
  for (uint32_t at = 0; at < size;) {
    uint32_t done;
    host_slice_t rest = {at, size - at};
    uint32_t error = host_write(fd, bytes, &rest, 1, false, &done);
    if (error != WASI_LIGHT_ESUCCESS) return error;
    if (done == 0) return WASI_LIGHT_EIO; /* or it would be tried for ever */
    at += done;
  }
  return WASI_LIGHT_ESUCCESS;
}

/*
 * Gives the first `size` bytes of the line, with the prefix. The byte behind them is put back. To the callback, which may
 * flush, the line is empty.
 */
static uint32_t give(wasi_light_env_t *env, uint32_t stream, size_t size, bool continues) {
  const wasi_light_output_t *out = &env->config->out[stream - P1_STDOUT];
  p1_capture_t *buffer = buffer_of(env, stream);
  uint8_t *start = line_of(buffer) - buffer->prefix;
  uint8_t *end = line_of(buffer) + size;
  uint32_t error = WASI_LIGHT_ESUCCESS;
  bool in_callback = env->in_callback; /* a callback may flush */
  uint8_t behind = *end;
  *end = out->line ? '\0' : '\n';
  buffer->size = 0;
  if (out->line) {
    env->in_callback = true;
    out->line(env->host, stream, (const char *)start, buffer->prefix + size, continues);
    env->in_callback = in_callback;
  } else {
    error = write_out((int)stream, start, (uint32_t)(buffer->prefix + size + 1));
  }
  *end = behind;
  return error;
}

/* Appends to the line. If it would be too long, what is there is given first, without the begun character. */
static uint32_t put(wasi_light_env_t *env, uint32_t stream, const void *bytes, size_t size) {
  p1_capture_t *buffer = buffer_of(env, stream);
  uint32_t error = WASI_LIGHT_ESUCCESS;
  if (buffer->size + size > env->config->out[stream - P1_STDOUT].line_size) {
    size_t given = buffer->size - buffer->utf8_had;
    error = give(env, stream, given, true);
    memmove(line_of(buffer), line_of(buffer) + given, buffer->utf8_had);
    memset(line_of(buffer) + buffer->utf8_had, 0, given);
    buffer->size = buffer->utf8_had;
  }
  memcpy(line_of(buffer) + buffer->size, bytes, size);
  buffer->size += size;
  return error;
}

static uint32_t put_hex(wasi_light_env_t *env, uint32_t stream, uint8_t byte) {
  static const char digits[] = "0123456789abcdef";
  const char text[] = {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
  return put(env, stream, text, sizeof text);
}

/* The begun character will not be completed. */
static uint32_t drop_character(wasi_light_env_t *env, uint32_t stream) {
  p1_capture_t *buffer = buffer_of(env, stream);
  uint8_t had[4];
  uint32_t count = buffer->utf8_had;
  uint32_t error = WASI_LIGHT_ESUCCESS;
  buffer->utf8_had = buffer->utf8_due = 0;
  if (!env->config->out[stream - P1_STDOUT].escape) return error;
  buffer->size -= count;
  memcpy(had, line_of(buffer) + buffer->size, count);
  memset(line_of(buffer) + buffer->size, 0, count); /* what follows may begin a new piece, and not overwrite it */
  for (uint32_t i = 0; i < count; i++) {
    uint32_t failed = put_hex(env, stream, had[i]);
    if (error == WASI_LIGHT_ESUCCESS) error = failed;
  }
  return error;
}

/* How many bytes of a character follow this one, if it is the first. */
static uint8_t followers(uint8_t byte) {
  if (byte < 0xc2 || byte > 0xf4) return 0;
  return byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
}

/* Whether the second byte of a character may be this one: some would make an overlong form, a surrogate or a control. */
static bool may_follow(uint8_t first, uint8_t byte) {
  switch (first) {
    case 0xc2:
    case 0xe0: return byte >= 0xa0;
    case 0xed: return byte < 0xa0;
    case 0xf0: return byte >= 0x90;
    case 0xf4: return byte < 0x90;
    default: return true;
  }
}

static uint32_t put_byte(wasi_light_env_t *env, uint32_t stream, uint8_t byte) {
  p1_capture_t *buffer = buffer_of(env, stream);
  bool escape = env->config->out[stream - P1_STDOUT].escape;
  bool continues = buffer->utf8_due > 0 && (byte & 0xc0) == 0x80;
  uint32_t error = WASI_LIGHT_ESUCCESS;
  if (escape && continues) continues = may_follow(line_of(buffer)[buffer->size - 1], byte);
  if (buffer->utf8_due > 0 && !continues) error = drop_character(env, stream);
  bool is_control = (byte < ' ' && byte != '\t') || byte == 0x7f;
  bool is_stray = byte >= 0x80 && !continues && followers(byte) == 0;
  uint32_t failed = escape && (is_control || is_stray) ? put_hex(env, stream, byte) : put(env, stream, &byte, 1);
  if (continues) {
    buffer->utf8_due--;
    buffer->utf8_had = buffer->utf8_due > 0 ? (uint8_t)(buffer->utf8_had + 1) : 0;
  } else {
    buffer->utf8_due = followers(byte);
    buffer->utf8_had = buffer->utf8_due > 0;
  }
  return error != WASI_LIGHT_ESUCCESS ? error : failed;
}

static uint32_t end_line(wasi_light_env_t *env, uint32_t stream) {
  p1_capture_t *buffer = buffer_of(env, stream);
  uint32_t error = drop_character(env, stream);
  size_t size = buffer->size;
  uint32_t failed = give(env, stream, size, false);
  memset(line_of(buffer), 0, size);
  return error != WASI_LIGHT_ESUCCESS ? error : failed;
}

uint32_t wasi_light__write_lines(wasi_light_env_t *env, uint32_t stream, const uint8_t *bytes, uint32_t len) {
  for (uint32_t i = 0; i < len; i++) {
    uint32_t error = bytes[i] == '\n' ? end_line(env, stream) : put_byte(env, stream, bytes[i]);
    if (error != WASI_LIGHT_ESUCCESS) return error;
  }
  return WASI_LIGHT_ESUCCESS;
}

static bool has_lines(const wasi_light_env_t *env, uint32_t stream) {
  return env->config->out[stream - P1_STDOUT].mode == WASI_LIGHT_OUTPUT_LINES;
}

void wasi_light_env_flush(wasi_light_env_t *env) {
  for (uint32_t stream = P1_STDOUT; stream <= P1_STDERR; stream++) {
    if (has_lines(env, stream) && buffer_of(env, stream)->size > 0) end_line(env, stream);
  }
}

void wasi_light_env_set_prefix(wasi_light_env_t *env, const char *prefix) {
  size_t size = strlen(prefix);
  if (size > WASI_LIGHT_PREFIX_MAX) {
    size = WASI_LIGHT_PREFIX_MAX;
    while (size > 0 && (prefix[size] & 0xc0) == 0x80) size--; /* not in the middle of a character of UTF-8 */
  }
  for (uint32_t stream = P1_STDOUT; stream <= P1_STDERR; stream++) {
    if (!has_lines(env, stream)) continue;
    memcpy(line_of(buffer_of(env, stream)) - size, prefix, size);
    buffer_of(env, stream)->prefix = (uint8_t)size;
  }
}
