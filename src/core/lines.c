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

/*@ // The stream's buffer, as if there was but this one: that spares the provers to choose between two.
  predicate is_buffer(wasi_light_env_t *env, integer stream, integer i) =
    stream == P1_STDOUT + i &&
    buffer(env, stream - P1_STDOUT) == buffer(env, i) && buffer_size(env, stream - P1_STDOUT) == buffer_size(env, i);

  // The stream is given by lines.
  predicate has_lines(wasi_light_env_t *env, integer stream) =
    (is_buffer(env, stream, 0) && config_of(env)->out[0].mode == WASI_LIGHT_OUTPUT_LINES) ||
    (is_buffer(env, stream, 1) && config_of(env)->out[1].mode == WASI_LIGHT_OUTPUT_LINES);

  // Its buffer has room for the prefix, a line and what ends it.
  predicate has_room(wasi_light_env_t *env, integer i) =
    env->capture[i].bytes == buffer(env, i) && \valid(buffer(env, i) + (0 .. buffer_size(env, i) - 1)) &&
    config_of(env)->out[i].mode == WASI_LIGHT_OUTPUT_LINES && 16 <= config_of(env)->out[i].line_size <= SIZE_MAX / 4 &&
    WASI_LIGHT_PREFIX_MAX + config_of(env)->out[i].line_size + 1 <= buffer_size(env, i) &&
    valid_capture(&config_of(env)->out[i], &env->capture[i]);
*/

/* clang-format off */
#define LINE(env, stream) env->capture[stream - P1_STDOUT]
#define LINE_SIZES(env, stream) LINE(env, stream).size, LINE(env, stream).utf8_had, LINE(env, stream).utf8_due
#define LINE_MAX(env, stream) config_of(env)->out[stream - P1_STDOUT].line_size
#define LINE_BYTES(env, stream) buffer(env, stream - P1_STDOUT) + (0 .. buffer_size(env, stream - P1_STDOUT) - 1)

/* Each stream is a case of its own, for the provers. */
#define LINE_ROOM(env, stream)                 \
  behavior out:                                \
    assumes stream == P1_STDOUT;               \
    ensures has_lines(env, stream);            \
    ensures has_room(env, stream - P1_STDOUT); \
  behavior err:                                \
    assumes stream == P1_STDERR;               \
    ensures has_lines(env, stream);            \
    ensures has_room(env, stream - P1_STDOUT);

/* All that gives lines to the host: the environment is valid again afterwards, whatever a callback did. */
#define LINE_WRITABLE(env, stream) P1_WRITABLE(env), *(LINE_BYTES(env, stream))
#define LINE_WRITES(env, stream)      \
  assigns LINE_WRITABLE(env, stream); \
  P1_VALID(ensures, env)              \
  ensures is_errno(\result);          \
  LINE_ROOM(env, stream)
/* clang-format on */

/*@ requires valid_env(env) && has_lines(env, stream);
  assigns \nothing;
  ensures \result == &env->capture[stream - P1_STDOUT];
  LINE_ROOM(env, stream) */
static p1_capture_t *buffer_of(wasi_light_env_t *env, uint32_t stream) {
  return stream == P1_STDOUT ? &env->capture[0] : &env->capture[1];
}

/*@ requires \valid_read(buffer); assigns \nothing; ensures \result == buffer->bytes + WASI_LIGHT_PREFIX_MAX; */
static uint8_t *line_of(const p1_capture_t *buffer) {
  return buffer->bytes + WASI_LIGHT_PREFIX_MAX;
}

/*@ requires valid_env(env) && has_lines(env, stream);
  requires size <= LINE_MAX(env, stream);
  requires had <= size && had + due <= 4 && (had == 0 <==> due == 0);
  assigns LINE_SIZES(env, stream);
  ensures LINE(env, stream).size == size && LINE(env, stream).utf8_had == had && LINE(env, stream).utf8_due == due;
  behavior out:
    assumes stream == P1_STDOUT;
    P1_VALID(ensures, env)
    ensures has_room(env, stream - P1_STDOUT) && has_lines(env, stream);
  behavior err:
    assumes stream == P1_STDERR;
    P1_VALID(ensures, env)
    ensures has_room(env, stream - P1_STDOUT) && has_lines(env, stream); */
static void set_line(wasi_light_env_t *env, uint32_t stream, size_t size, uint32_t had, uint32_t due) {
  p1_capture_t *buffer = buffer_of(env, stream);
  buffer->size = size;
  buffer->utf8_had = (uint16_t)had;
  buffer->utf8_due = (uint16_t)due;
}

/* All of it to the host's own stream. */
/*@ requires \valid_read(bytes + (0 .. size - 1));
  assigns \nothing;
  ensures is_errno(\result); */
static uint32_t write_out(int fd, uint8_t *bytes, size_t size) {
  /*@ loop invariant at <= size; loop assigns at; loop variant size - at; */
  for (size_t at = 0; at < size;) {
    uint32_t done;
    host_slice_t rest = {0, (uint32_t)(size - at < UINT32_MAX ? size - at : UINT32_MAX)};
    uint32_t error = host_write(fd, bytes + at, &rest, 1, false, &done) /*@ ghost (size - at) */;
    if (error != WASI_LIGHT_ESUCCESS) return error;
    if (done == 0) return WASI_LIGHT_EIO; /* or it would be tried for ever */
    at += done;
  }
  return WASI_LIGHT_ESUCCESS;
}

/*@ requires valid_env(env) && has_lines(env, stream) && \valid_read(line + (0 .. size));
  assigns P1_WRITABLE(env);
  ensures valid_env(env); */
static void ask_line(wasi_light_env_t *env, uint32_t stream, const uint8_t *line, size_t size, bool continues) {
  bool in_callback = env->in_callback; /* a callback may flush */
  env->in_callback = true;
  env->config->out[stream - P1_STDOUT].line(env->host, stream, (const char *)line, size, continues);
  env->in_callback = in_callback;
}

/*
 * Gives the first `size` bytes of the line, with the prefix. The byte behind them is put back. To the callback, which may
 * flush, the line is empty.
 */
/*@ requires valid_env(env) && has_lines(env, stream);
  requires size <= LINE_MAX(env, stream);
  LINE_WRITES(env, stream) */
static uint32_t give(wasi_light_env_t *env, uint32_t stream, size_t size, bool continues) {
  p1_capture_t *buffer = buffer_of(env, stream);
  bool callback = env->config->out[stream - P1_STDOUT].line != NULL;
  size_t prefix = buffer->prefix;
  uint8_t *start = line_of(buffer) - prefix;
  uint8_t *end = line_of(buffer) + size;
  uint32_t error = WASI_LIGHT_ESUCCESS;
  uint8_t behind = *end;
  *end = callback ? '\0' : '\n';
  set_line(env, stream, 0, 0, 0);
  if (callback) ask_line(env, stream, start, prefix + size, continues);
  else error = write_out((int)stream, start, prefix + size + 1);
  *end = behind;
  return error;
}

/* The first bytes leave the line, zeros come after the others. */
/*@ requires \valid(line + (0 .. given + kept - 1)); assigns line[0 .. given + kept - 1]; */
static void shift_out(uint8_t *line, size_t given, size_t kept) {
  memmove(line, line + given, kept);
  memset(line + kept, 0, given);
}

/* Gives what is there, but not the begun character: that begins the next piece. */
/*@ requires valid_env(env) && has_lines(env, stream);
  ensures LINE(env, stream).utf8_had == \old(LINE(env, stream).utf8_had);
  ensures LINE(env, stream).utf8_due == \old(LINE(env, stream).utf8_due);
  ensures LINE(env, stream).size == LINE(env, stream).utf8_had <= 4;
  LINE_WRITES(env, stream) */
static uint32_t give_piece(wasi_light_env_t *env, uint32_t stream) {
  p1_capture_t *buffer = buffer_of(env, stream);
  uint32_t had = buffer->utf8_had;
  uint32_t due = buffer->utf8_due;
  size_t given = buffer->size - had;
  uint32_t error = give(env, stream, given, true);
  shift_out(line_of(buffer), given, had);
  set_line(env, stream, had, had, due);
  return error;
}

/* Appends to the line what it has room for. */
/*@ requires valid_env(env) && has_lines(env, stream) && 1 <= size <= 4 && \valid_read(bytes + (0 .. size - 1));
  requires \separated(bytes + (0 .. size - 1), env, LINE_BYTES(env, stream));
  requires LINE(env, stream).size + size <= LINE_MAX(env, stream);
  assigns *(LINE_BYTES(env, stream)), LINE_SIZES(env, stream);
  P1_VALID(ensures, env)
  ensures LINE(env, stream).utf8_had == \old(LINE(env, stream).utf8_had);
  ensures LINE(env, stream).utf8_due == \old(LINE(env, stream).utf8_due);
  ensures LINE(env, stream).utf8_had < LINE(env, stream).size;
  LINE_ROOM(env, stream) */
static void append(wasi_light_env_t *env, uint32_t stream, const uint8_t *bytes, size_t size) {
  p1_capture_t *buffer = buffer_of(env, stream);
  memcpy(line_of(buffer) + buffer->size, bytes, size);
  set_line(env, stream, buffer->size + size, buffer->utf8_had, buffer->utf8_due);
}

/* Appends to the line. If it would be too long, what is there is given first. */
/*@ requires valid_env(env) && has_lines(env, stream) && 1 <= size <= 4 && \valid_read(bytes + (0 .. size - 1));
  requires \separated(bytes + (0 .. size - 1), env, LINE_BYTES(env, stream));
  ensures LINE(env, stream).utf8_had == \old(LINE(env, stream).utf8_had);
  ensures LINE(env, stream).utf8_due == \old(LINE(env, stream).utf8_due);
  ensures LINE(env, stream).utf8_had < LINE(env, stream).size;
  LINE_WRITES(env, stream) */
static uint32_t put(wasi_light_env_t *env, uint32_t stream, const uint8_t *bytes, size_t size) {
  uint32_t error = WASI_LIGHT_ESUCCESS;
  if (buffer_of(env, stream)->size + size > env->config->out[stream - P1_STDOUT].line_size) {
    error = give_piece(env, stream);
  }
  append(env, stream, bytes, size);
  return error;
}

/*@ requires valid_env(env) && has_lines(env, stream);
  requires LINE(env, stream).utf8_due == 0;
  ensures LINE(env, stream).utf8_due == 0;
  LINE_WRITES(env, stream) */
static uint32_t put_hex(wasi_light_env_t *env, uint32_t stream, uint8_t byte) {
  static const char digits[] = "0123456789abcdef";
  const uint8_t text[] = {'\\', 'x', (uint8_t)digits[byte / 16], (uint8_t)digits[byte % 16]};
  return put(env, stream, text, sizeof text);
}

/* Takes the begun character out of the line, and tells how many bytes it has. */
/*@ requires valid_env(env) && has_lines(env, stream) && \valid(had + (0 .. 3));
  requires \separated(had + (0 .. 3), env, config_of(env), LINE_BYTES(env, stream));
  assigns had[0 .. 3], *(LINE_BYTES(env, stream)), LINE_SIZES(env, stream);
  P1_VALID(ensures, env)
  ensures \result <= 4;
  ensures LINE(env, stream).utf8_due == 0;
  LINE_ROOM(env, stream) */
static uint32_t take_character(wasi_light_env_t *env, uint32_t stream, uint8_t had[4]) {
  p1_capture_t *buffer = buffer_of(env, stream);
  uint32_t count = buffer->utf8_had;
  uint8_t *first = line_of(buffer) + buffer->size - count;
  memcpy(had, first, count);
  memset(first, 0, count); /* what follows may begin a new piece, and not overwrite it */
  set_line(env, stream, buffer->size - count, 0, 0);
  return count;
}

/* The begun character will not be completed. */
/*@ requires valid_env(env) && has_lines(env, stream);
  ensures LINE(env, stream).utf8_due == 0;
  LINE_WRITES(env, stream) */
static uint32_t drop_character(wasi_light_env_t *env, uint32_t stream) {
  uint32_t error = WASI_LIGHT_ESUCCESS;
  if (!env->config->out[stream - P1_STDOUT].escape) {
    set_line(env, stream, buffer_of(env, stream)->size, 0, 0);
    return error;
  }
  uint8_t had[4];
  uint32_t count = take_character(env, stream, had);
  /*@ loop invariant i <= count && is_errno(error) && LINE(env, stream).utf8_due == 0;
    P1_VALID(loop invariant, env)
    loop invariant has_lines(env, stream);
    loop assigns i, error, LINE_WRITABLE(env, stream);
    loop variant count - i; */
  for (uint32_t i = 0; i < count; i++) {
    uint32_t failed = put_hex(env, stream, had[i]);
    if (error == WASI_LIGHT_ESUCCESS) error = failed;
  }
  return error;
}

/* How many bytes of a character follow this one, if it is the first. */
/*@ assigns \nothing; ensures \result <= 3; */
static uint8_t followers(uint8_t byte) {
  if (byte < 0xc2 || byte > 0xf4) return 0;
  return byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
}

/* Whether the second byte of a character may be this one: some would make an overlong form, a surrogate or a control. */
/*@ assigns \nothing; */
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

/* Whether the byte goes on with the begun character. */
/*@ requires valid_env(env) && has_lines(env, stream);
  assigns \nothing;
  ensures \result != 0 ==> LINE(env, stream).utf8_due > 0; */
static bool continues_character(wasi_light_env_t *env, uint32_t stream, uint8_t byte) {
  p1_capture_t *buffer = buffer_of(env, stream);
  if (buffer->utf8_due == 0 || (byte & 0xc0) != 0x80) return false;
  return !env->config->out[stream - P1_STDOUT].escape || may_follow(line_of(buffer)[buffer->size - 1], byte);
}

/* Whether a byte that goes on with no character begins one, or is one and no control. */
/*@ assigns \nothing; */
static bool is_plain(uint8_t byte) {
  return byte < 0x80 ? (byte >= ' ' && byte != 0x7f) || byte == '\t' : followers(byte) > 0;
}

/* A byte that goes on with the begun character. */
/*@ requires valid_env(env) && has_lines(env, stream);
  requires LINE(env, stream).utf8_due > 0;
  LINE_WRITES(env, stream) */
static uint32_t put_next(wasi_light_env_t *env, uint32_t stream, uint8_t byte) {
  p1_capture_t *buffer = buffer_of(env, stream);
  uint32_t error = put(env, stream, &byte, 1);
  uint32_t due = buffer->utf8_due - 1u;
  set_line(env, stream, buffer->size, due == 0 ? 0 : buffer->utf8_had + 1u, due);
  return error;
}

/* A byte that begins a character, or is one, or is none. */
/*@ requires valid_env(env) && has_lines(env, stream);
  requires LINE(env, stream).utf8_due == 0;
  LINE_WRITES(env, stream) */
static uint32_t put_first(wasi_light_env_t *env, uint32_t stream, uint8_t byte) {
  bool escape = env->config->out[stream - P1_STDOUT].escape;
  if (escape && !is_plain(byte)) return put_hex(env, stream, byte);
  uint32_t error = put(env, stream, &byte, 1);
  uint32_t due = followers(byte);
  set_line(env, stream, buffer_of(env, stream)->size, due > 0, due);
  return error;
}

/*@ requires valid_env(env) && has_lines(env, stream);
  LINE_WRITES(env, stream) */
static uint32_t put_byte(wasi_light_env_t *env, uint32_t stream, uint8_t byte) {
  if (continues_character(env, stream, byte)) return put_next(env, stream, byte);
  bool begun = buffer_of(env, stream)->utf8_due > 0;
  uint32_t error = begun ? drop_character(env, stream) : (uint32_t)WASI_LIGHT_ESUCCESS;
  uint32_t failed = put_first(env, stream, byte);
  return error != WASI_LIGHT_ESUCCESS ? error : failed;
}

/*@ requires valid_env(env) && has_lines(env, stream);
  LINE_WRITES(env, stream) */
static uint32_t end_line(wasi_light_env_t *env, uint32_t stream) {
  p1_capture_t *buffer = buffer_of(env, stream);
  uint32_t error = drop_character(env, stream);
  size_t size = buffer->size;
  uint32_t failed = give(env, stream, size, false);
  memset(line_of(buffer), 0, size);
  return error != WASI_LIGHT_ESUCCESS ? error : failed;
}

/* The body of the loop below; apart from it for the provers, which see a contract there. */
/*@ requires valid_env(env) && has_lines(env, stream);
  LINE_WRITES(env, stream) */
static uint32_t write_byte(wasi_light_env_t *env, uint32_t stream, uint8_t byte) {
  return byte == '\n' ? end_line(env, stream) : put_byte(env, stream, byte);
}

uint32_t wasi_light__write_lines(wasi_light_env_t *env, uint32_t stream, const uint8_t *bytes, uint32_t len) {
  uint32_t error = WASI_LIGHT_ESUCCESS;
  /*@ loop invariant i <= len && is_errno(error);
    P1_VALID(loop invariant, env)
    loop invariant has_lines(env, stream);
    loop assigns i, error, P1_WRITABLE(env);
    loop variant len - i; */
  for (uint32_t i = 0; i < len && error == WASI_LIGHT_ESUCCESS; i++) error = write_byte(env, stream, bytes[i]);
  return error;
}

/*@ requires valid_env(env) && P1_STDOUT <= stream <= P1_STDERR;
  assigns \nothing;
  ensures \result != 0 <==> has_lines(env, stream); */
static bool is_by_lines(const wasi_light_env_t *env, uint32_t stream) {
  return env->config->out[stream - P1_STDOUT].mode == WASI_LIGHT_OUTPUT_LINES;
}

/*@ requires valid_env(env);
  assigns P1_WRITABLE(env);
  P1_VALID(ensures, env) */
void wasi_light_env_flush(wasi_light_env_t *env) {
  /*@ loop invariant P1_STDOUT <= stream <= P1_STDERR + 1;
    P1_VALID(loop invariant, env)
    loop assigns stream, P1_WRITABLE(env);
    loop variant P1_STDERR - stream; */
  for (uint32_t stream = P1_STDOUT; stream <= P1_STDERR; stream++) {
    if (is_by_lines(env, stream) && buffer_of(env, stream)->size > 0) end_line(env, stream);
  }
}

/*@ requires valid_env(env) && has_lines(env, stream) && size <= WASI_LIGHT_PREFIX_MAX;
  requires \valid_read(prefix + (0 .. size - 1));
  assigns P1_BUFFERS(env), env->capture[0 .. 1];
  P1_VALID(ensures, env) */
static void set_prefix(wasi_light_env_t *env, uint32_t stream, const char *prefix, size_t size) {
  p1_capture_t *buffer = buffer_of(env, stream);
  uint8_t *start = line_of(buffer) - size;
  /*@ loop invariant i <= size; loop assigns i, start[0 .. size - 1]; loop variant size - i; */
  for (size_t i = 0; i < size; i++) start[i] = (uint8_t)prefix[i];
  buffer->prefix = (uint16_t)size;
}

/*@ requires valid_env(env) && is_text(prefix);
  assigns P1_BUFFERS(env), env->capture[0 .. 1];
  P1_VALID(ensures, env) */
void wasi_light_env_set_prefix(wasi_light_env_t *env, const char *prefix) {
  size_t size = strlen(prefix);
  if (size > WASI_LIGHT_PREFIX_MAX) {
    size = WASI_LIGHT_PREFIX_MAX;
    /* not in the middle of a character of UTF-8 */
    /*@ loop invariant size <= WASI_LIGHT_PREFIX_MAX; loop assigns size; loop variant size; */
    while (size > 0 && (prefix[size] & 0xc0) == 0x80) size--;
  }
  /*@ loop invariant P1_STDOUT <= stream <= P1_STDERR + 1;
    P1_VALID(loop invariant, env)
    loop assigns stream, P1_BUFFERS(env), env->capture[0 .. 1];
    loop variant P1_STDERR - stream; */
  for (uint32_t stream = P1_STDOUT; stream <= P1_STDERR; stream++) {
    if (is_by_lines(env, stream)) set_prefix(env, stream, prefix, size);
  }
}
