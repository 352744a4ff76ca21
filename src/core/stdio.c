/* SPDX-License-Identifier: MIT */
/*
 * fd_* on the three streams. An fd is a small number that names a stream or nothing; it is never a
 * descriptor of the host. At most P1_IOVECS_MAX iovecs are served in a call: the result says how many bytes.
 */
#include <string.h>

#include "../platform/host.h"
#include "env.h"

uint32_t p1_fd_close(wasi_light_env_t *env, uint32_t fd) {
  if (p1_stream_of(env, fd) == P1_CLOSED) return WASI_LIGHT_EBADF;
  env->state.stream[fd] = P1_CLOSED;
  return WASI_LIGHT_ESUCCESS;
}

uint32_t p1_fd_renumber(wasi_light_env_t *env, uint32_t fd, uint32_t to) {
  if (p1_stream_of(env, fd) == P1_CLOSED || p1_stream_of(env, to) == P1_CLOSED) return WASI_LIGHT_EBADF;
  if (fd == to) return WASI_LIGHT_ESUCCESS;
  env->state.stream[to] = env->state.stream[fd];
  env->state.stream[fd] = P1_CLOSED;
  return WASI_LIGHT_ESUCCESS;
}

/* Whether the guest has not given up this right. */
/*@ requires valid_env(env) && stream < P1_STREAMS; assigns \nothing; */
static bool has_right(const wasi_light_env_t *env, uint32_t stream, uint32_t right) {
  return (env->state.rights[stream] & right) != 0;
}

/* Whether the stream is the host's own descriptor of the same number. */
/*@ requires valid_env(env) && stream < P1_STREAMS; assigns \nothing; */
static bool is_inherited(const wasi_light_env_t *env, uint32_t stream) {
  if (stream == P1_STDIN) return env->config->in.mode == WASI_LIGHT_INPUT_INHERIT;
  return env->config->out[stream - P1_STDOUT].mode == WASI_LIGHT_OUTPUT_INHERIT;
}

/*@ requires valid_env(env) && stream < P1_STREAMS; assigns \nothing; */
static uint8_t filetype(const wasi_light_env_t *env, uint32_t stream) {
  bool terminal = is_inherited(env, stream) && host_is_terminal((int)stream);
  return terminal ? P1_FILETYPE_CHARACTER_DEVICE : P1_FILETYPE_UNKNOWN;
}

uint32_t p1_fd_fdstat_get(wasi_light_env_t *env, uint32_t fd, uint32_t stat) {
  p1_mem_t mem;
  uint32_t stream = p1_stream_of(env, fd);
  if (stream == P1_CLOSED) return WASI_LIGHT_EBADF;
  if (wasi_light__memory(env, &mem)) return P1_STOP_NO_MEMORY;
  if (!p1_mem_has(mem, stat, P1_FDSTAT_SIZE)) return WASI_LIGHT_EFAULT;
  p1_zero(mem, stat, P1_FDSTAT_SIZE);
  p1_store_u8(mem, stat, filetype(env, stream));
  p1_store_u16(mem, (uint64_t)stat + P1_FDSTAT_FLAGS, env->state.fdflags[stream]);
  p1_store_u64(mem, (uint64_t)stat + P1_FDSTAT_RIGHTS_BASE, env->state.rights[stream]);
  return WASI_LIGHT_ESUCCESS;
}

uint32_t p1_fd_fdstat_set_flags(wasi_light_env_t *env, uint32_t fd, uint32_t flags) {
  uint32_t stream = p1_stream_of(env, fd);
  if (stream == P1_CLOSED) return WASI_LIGHT_EBADF;
  if (flags > P1_FDFLAGS_ALL) return WASI_LIGHT_EINVAL;
  if (!has_right(env, stream, P1_RIGHTS_FD_FDSTAT_SET_FLAGS)) return WASI_LIGHT_ENOTCAPABLE;
  env->state.fdflags[stream] = (uint8_t)flags;
  return WASI_LIGHT_ESUCCESS;
}

uint32_t p1_fd_fdstat_set_rights(wasi_light_env_t *env, uint32_t fd, uint64_t fs_rights_base,
                                 uint64_t fs_rights_inheriting) {
  uint32_t stream = p1_stream_of(env, fd);
  if (stream == P1_CLOSED) return WASI_LIGHT_EBADF;
  if ((fs_rights_base & ~(uint64_t)env->state.rights[stream]) != 0 || fs_rights_inheriting != 0)
    return WASI_LIGHT_ENOTCAPABLE;
  env->state.rights[stream] = (uint32_t)fs_rights_base;
  return WASI_LIGHT_ESUCCESS;
}

/* One link is a 1 in the lowest byte, whichever width the field has. */
/*@ requires valid_env(env) && 24 < size <= P1_FILESTAT_SIZE && nlink < size;
  assigns P1_GUEST(env);
  ensures valid_env(env) && (is_errno(\result) || is_stop(\result)); */
static uint32_t filestat_get(wasi_light_env_t *env, uint32_t fd, uint32_t stat, uint32_t size, uint32_t nlink) {
  p1_mem_t mem;
  uint32_t stream = p1_stream_of(env, fd);
  if (stream == P1_CLOSED) return WASI_LIGHT_EBADF;
  if (!has_right(env, stream, P1_RIGHTS_FD_FILESTAT_GET)) return WASI_LIGHT_ENOTCAPABLE;
  if (wasi_light__memory(env, &mem)) return P1_STOP_NO_MEMORY;
  if (!p1_mem_has(mem, stat, size)) return WASI_LIGHT_EFAULT;
  p1_zero(mem, stat, size);
  p1_store_u64(mem, (uint64_t)stat + P1_FILESTAT_INO, stream + 1);
  p1_store_u8(mem, (uint64_t)stat + P1_FILESTAT_FILETYPE, filetype(env, stream));
  p1_store_u8(mem, (uint64_t)stat + nlink, 1);
  return WASI_LIGHT_ESUCCESS;
}

uint32_t p1_fd_filestat_get(wasi_light_env_t *env, uint32_t fd, uint32_t stat) {
  return filestat_get(env, fd, stat, P1_FILESTAT_SIZE, P1_FILESTAT_NLINK);
}

uint32_t p0_fd_filestat_get(wasi_light_env_t *env, uint32_t fd, uint32_t stat) {
  return filestat_get(env, fd, stat, P0_FILESTAT_SIZE, P0_FILESTAT_NLINK);
}

/*
 * Reads the iovec array once and checks every buffer before any byte moves. Empty buffers are left out;
 * where the sum would not fit the 32-bit result, the last one is cut.
 */
/*@ requires \valid(mem.base + (0 .. mem.size - 1)) && \valid(slices + (0 .. P1_IOVECS_MAX - 1)) && \valid(count);
  requires \separated(slices + (0 .. P1_IOVECS_MAX - 1), count);
  assigns slices[0 .. P1_IOVECS_MAX - 1], *count;
  ensures is_errno(\result);
  ensures \result == 0 ==> *count <= P1_IOVECS_MAX && slices_inside(slices, *count, mem.size); */
static uint32_t take_iovecs(p1_mem_t mem, uint32_t iovs, uint32_t iovs_len, host_slice_t slices[P1_IOVECS_MAX],
                            uint32_t *count) {
  uint32_t room = UINT32_MAX;
  uint32_t served = iovs_len < P1_IOVECS_MAX ? iovs_len : (uint32_t)P1_IOVECS_MAX;
  *count = 0;
  if (!p1_mem_has(mem, iovs, (uint64_t)iovs_len * P1_IOVEC_SIZE)) return WASI_LIGHT_EFAULT;
  /*@ loop invariant i <= served && *count <= i && slices_inside(slices, *count, mem.size);
    loop assigns i, room, *count, slices[0 .. P1_IOVECS_MAX - 1];
    loop variant served - i; */
  for (uint32_t i = 0; i < served; i++) {
    uint64_t at = iovs + (uint64_t)i * P1_IOVEC_SIZE;
    uint32_t ptr = p1_load_u32(mem, at);
    uint32_t len = p1_load_u32(mem, at + P1_IOVEC_LEN);
    if (!p1_mem_has(mem, ptr, len)) return WASI_LIGHT_EFAULT;
    if (len > room) len = room;
    if (len == 0) continue;
    slices[(*count)++] = (host_slice_t){ptr, len};
    room -= len;
  }
  return WASI_LIGHT_ESUCCESS;
}

/* ---- stdin ---- */

/*@ requires valid_env(env) && is_view(env, mem) && \valid_read(slices + (0 .. count - 1));
  requires slices_inside(slices, count, mem.size) && \separated(slices + (0 .. count - 1), env);
  assigns P1_GUEST(env), env->state.in_position;
  ensures valid_env(env); */
static uint32_t read_bytes(wasi_light_env_t *env, p1_mem_t mem, const host_slice_t *slices, uint32_t count) {
  uint32_t done = 0;
  /*@ loop invariant i <= count && valid_env(env);
    loop assigns i, done, P1_GUEST(env), env->state.in_position;
    loop variant count - i; */
  for (uint32_t i = 0; i < count; i++) {
    size_t left = env->config->in.size - env->state.in_position;
    size_t len = slices[i].len < left ? slices[i].len : left;
    p1_copy_out(mem, slices[i].ptr, env->config->in_bytes + env->state.in_position, len);
    env->state.in_position += len;
    done += (uint32_t)len;
  }
  return done;
}

/*@ requires valid_env(env) && \valid(buffer + (0 .. size - 1)) && \valid(got);
  assigns P1_WRITABLE(env), *got;
  ensures valid_env(env); */
static uint32_t ask_read(wasi_light_env_t *env, uint8_t *buffer, size_t size, size_t *got) {
  env->in_callback = true;
  uint32_t error = env->config->in.read(env->host, buffer, size, got);
  env->in_callback = false;
  return error;
}

/* Asks once, for the first buffer: whether there is more, and waiting for it, is for the next call. */
/*@ requires valid_env(env) && is_view(env, mem) && count <= P1_IOVECS_MAX && \valid(done);
  requires \valid_read(slices + (0 .. count - 1)) && slices_inside(slices, count, mem.size);
  requires \separated(slices + (0 .. count - 1), env, done) && \separated(done, env, env->config);
  assigns P1_WRITABLE(env), *done;
  P1_VALID(ensures, env)
  ensures is_errno(\result); */
static uint32_t read_callback(wasi_light_env_t *env, p1_mem_t mem, const host_slice_t *slices, uint32_t count,
                              uint32_t *done) {
  size_t got = 0;
  if (count == 0) return WASI_LIGHT_ESUCCESS;
  uint32_t error = ask_read(env, p1_at(mem, slices[0].ptr), slices[0].len, &got);
  if (error != WASI_LIGHT_ESUCCESS) return p1_errno_of(error);
  if (got > slices[0].len) return WASI_LIGHT_EIO;
  *done = (uint32_t)got;
  return WASI_LIGHT_ESUCCESS;
}

/*@ requires valid_env(env) && is_view(env, mem) && count <= P1_IOVECS_MAX && \valid(done);
  requires \valid_read(slices + (0 .. count - 1)) && slices_inside(slices, count, mem.size);
  requires \separated(slices + (0 .. count - 1), env, done) && \separated(done, env, env->config);
  assigns P1_WRITABLE(env), *done;
  P1_VALID(ensures, env)
  ensures is_errno(\result); */
static uint32_t read_stream(wasi_light_env_t *env, p1_mem_t mem, const host_slice_t *slices, uint32_t count,
                            uint32_t *done) {
  bool nonblock = env->state.fdflags[P1_STDIN] & P1_FDFLAGS_NONBLOCK;
  switch (env->config->in.mode) {
    case WASI_LIGHT_INPUT_INHERIT:
      return host_read(P1_STDIN, mem.base, slices, count, nonblock, done) /*@ ghost (mem.size) */;
    case WASI_LIGHT_INPUT_BYTES: *done = read_bytes(env, mem, slices, count); break;
    case WASI_LIGHT_INPUT_CALLBACK: return read_callback(env, mem, slices, count, done);
    case WASI_LIGHT_INPUT_EMPTY: break;
  }
  return WASI_LIGHT_ESUCCESS;
}

uint32_t p1_fd_read(wasi_light_env_t *env, uint32_t fd, uint32_t iovs, uint32_t iovs_len, uint32_t nread) {
  host_slice_t slices[P1_IOVECS_MAX];
  p1_mem_t mem;
  uint32_t count;
  uint32_t done = 0;
  if (p1_stream_of(env, fd) != P1_STDIN) return WASI_LIGHT_EBADF;
  if (!has_right(env, P1_STDIN, P1_RIGHTS_FD_READ)) return WASI_LIGHT_ENOTCAPABLE;
  if (wasi_light__memory(env, &mem)) return P1_STOP_NO_MEMORY;
  if (!p1_mem_has(mem, nread, 4)) return WASI_LIGHT_EFAULT;
  uint32_t error = take_iovecs(mem, iovs, iovs_len, slices, &count);
  if (error == WASI_LIGHT_ESUCCESS) error = read_stream(env, mem, slices, count, &done);
  if (error != WASI_LIGHT_ESUCCESS) return error;
  p1_store_u32(mem, nread, done);
  return WASI_LIGHT_ESUCCESS;
}

/* ---- stdout and stderr ---- */

/*@ requires \valid(capture) && capture->size <= limit && \valid(capture->bytes + (0 .. limit - 1));
  requires \valid_read(bytes + (0 .. len - 1));
  requires \separated(capture->bytes + (0 .. limit - 1), bytes + (0 .. len - 1)) &&
           \separated(capture, capture->bytes + (0 .. limit - 1));
  assigns capture->size, capture->dropped, capture->bytes[0 .. limit - 1];
  ensures capture->size <= limit; */
static void capture_bytes(p1_capture_t *capture, size_t limit, const uint8_t *bytes, uint32_t len) {
  size_t room = limit - capture->size;
  size_t kept = len < room ? len : room;
  memcpy(capture->bytes + capture->size, bytes, kept);
  capture->size += kept;
  capture->dropped += len - kept;
}

/*@ requires valid_env(env) && P1_STDOUT <= stream <= P1_STDERR && \valid_read(bytes + (0 .. len - 1));
  assigns P1_WRITABLE(env);
  ensures valid_env(env); */
static uint32_t ask_write(wasi_light_env_t *env, uint32_t stream, const uint8_t *bytes, uint32_t len) {
  env->in_callback = true;
  uint32_t error = env->config->out[stream - P1_STDOUT].write(env->host, stream, bytes, len);
  env->in_callback = false;
  return error;
}

/*@ requires valid_env(env) && is_view(env, mem) && P1_STDOUT <= stream <= P1_STDERR;
  requires slice.len > 0 && slice.ptr + slice.len <= mem.size;
  assigns P1_WRITABLE(env);
  P1_VALID(ensures, env)
  ensures is_errno(\result); */
static uint32_t write_slice(wasi_light_env_t *env, p1_mem_t mem, uint32_t stream, host_slice_t slice) {
  const wasi_light_output_t *out = &env->config->out[stream - P1_STDOUT];
  const uint8_t *bytes = p1_at(mem, slice.ptr);
  switch (out->mode) {
    case WASI_LIGHT_OUTPUT_CAPTURE:
      capture_bytes(&env->capture[stream - P1_STDOUT], out->capture_size, bytes, slice.len);
      break;
    case WASI_LIGHT_OUTPUT_CALLBACK: return p1_errno_of(ask_write(env, stream, bytes, slice.len));
    case WASI_LIGHT_OUTPUT_LINES: return wasi_light__write_lines(env, stream, bytes, slice.len);
    default: break;
  }
  return WASI_LIGHT_ESUCCESS;
}

/* An error after some buffers went through is for the next call to find. */
/*@ requires valid_env(env) && is_view(env, mem) && count <= P1_IOVECS_MAX && \valid(done);
  requires \valid_read(slices + (0 .. count - 1)) && slices_inside(slices, count, mem.size);
  requires P1_STDOUT <= stream <= P1_STDERR;
  requires \separated(slices + (0 .. count - 1), env, done) && \separated(done, env, env->config);
  assigns P1_WRITABLE(env), *done;
  P1_VALID(ensures, env)
  ensures is_errno(\result); */
static uint32_t write_slices(wasi_light_env_t *env, p1_mem_t mem, uint32_t stream, const host_slice_t *slices,
                             uint32_t count, uint32_t *done) {
  uint32_t error = WASI_LIGHT_ESUCCESS;
  uint32_t moved = 0;
  /*@ loop invariant i <= count && is_errno(error);
    P1_VALID(loop invariant, env)
    loop assigns i, error, moved, P1_WRITABLE(env);
    loop variant count - i; */
  for (uint32_t i = 0; i < count && error == WASI_LIGHT_ESUCCESS; i++) {
    host_slice_t slice = slices[i];
    error = write_slice(env, mem, stream, slice);
    if (error == WASI_LIGHT_ESUCCESS) moved += slice.len;
  }
  *done = moved;
  return moved > 0 ? (uint32_t)WASI_LIGHT_ESUCCESS : error;
}

/*@ requires valid_env(env) && is_view(env, mem) && count <= P1_IOVECS_MAX && \valid(done);
  requires \valid_read(slices + (0 .. count - 1)) && slices_inside(slices, count, mem.size);
  requires P1_STDOUT <= stream <= P1_STDERR;
  requires \separated(slices + (0 .. count - 1), env, done) && \separated(done, env, env->config);
  assigns P1_WRITABLE(env), *done;
  P1_VALID(ensures, env)
  ensures is_errno(\result); */
static uint32_t write_stream(wasi_light_env_t *env, p1_mem_t mem, uint32_t stream, const host_slice_t *slices,
                             uint32_t count, uint32_t *done) {
  bool nonblock = env->state.fdflags[stream] & P1_FDFLAGS_NONBLOCK;
  if (env->config->out[stream - P1_STDOUT].mode == WASI_LIGHT_OUTPUT_INHERIT)
    return host_write((int)stream, mem.base, slices, count, nonblock, done) /*@ ghost (mem.size) */;
  return write_slices(env, mem, stream, slices, count, done);
}

/* Whether all of it may still be written. */
/*@ requires valid_env(env) && \valid_read(slices + (0 .. count - 1));
  assigns \nothing;
  ensures is_errno(\result) || is_stop(\result); */
static uint32_t check_quota(const wasi_light_env_t *env, const host_slice_t *slices, uint32_t count) {
  uint64_t quota = env->config->quota.out_bytes;
  uint64_t sum = env->state.usage.out_bytes;
  if (quota == 0) return WASI_LIGHT_ESUCCESS;
  /*@ loop invariant i <= count; loop assigns i, sum; loop variant count - i; */
  for (uint32_t i = 0; i < count; i++) sum = p1_sum(sum, slices[i].len);
  return sum > quota ? (uint32_t)P1_STOP_OUTPUT : (uint32_t)WASI_LIGHT_ESUCCESS;
}

void wasi_light__write_again(wasi_light_env_t *env, const uint64_t *args, uint32_t size) {
  host_slice_t slices[P1_IOVECS_MAX];
  p1_mem_t mem;
  uint32_t count;
  uint32_t done = 0;
  uint32_t left = size;
  uint32_t stream = p1_stream_of(env, (uint32_t)args[0]);
  if ((stream != P1_STDOUT && stream != P1_STDERR) || wasi_light__memory(env, &mem)) return;
  if (take_iovecs(mem, (uint32_t)args[1], (uint32_t)args[2], slices, &count) != WASI_LIGHT_ESUCCESS) return;
  uint8_t fdflags = env->state.fdflags[stream];
  for (uint32_t i = 0; i < count; i++) {
    if (slices[i].len > left) slices[i].len = left;
    left -= slices[i].len;
  }
  env->state.fdflags[stream] = 0; /* nothing may be left out because a reader is slow */
  for (uint32_t i = 0; i < count; i++) {
    uint32_t moved = 0;
    while (slices[i].len > 0 && write_stream(env, mem, stream, &slices[i], 1, &moved) == WASI_LIGHT_ESUCCESS &&
           moved > 0) {
      slices[i].ptr += moved;
      slices[i].len -= moved;
      done += moved;
      moved = 0;
    }
  }
  env->state.fdflags[stream] = fdflags;
  env->state.usage.out_bytes += done;
}

uint32_t p1_fd_write(wasi_light_env_t *env, uint32_t fd, uint32_t iovs, uint32_t iovs_len, uint32_t nwritten) {
  host_slice_t slices[P1_IOVECS_MAX];
  p1_mem_t mem;
  uint32_t count;
  uint32_t done = 0;
  uint32_t stream = p1_stream_of(env, fd);
  if (stream != P1_STDOUT && stream != P1_STDERR) return WASI_LIGHT_EBADF;
  if (!has_right(env, stream, P1_RIGHTS_FD_WRITE)) return WASI_LIGHT_ENOTCAPABLE;
  if (wasi_light__memory(env, &mem)) return P1_STOP_NO_MEMORY;
  if (!p1_mem_has(mem, nwritten, 4)) return WASI_LIGHT_EFAULT;
  uint32_t error = take_iovecs(mem, iovs, iovs_len, slices, &count);
  if (error == WASI_LIGHT_ESUCCESS) error = check_quota(env, slices, count);
  if (error == WASI_LIGHT_ESUCCESS) error = write_stream(env, mem, stream, slices, count, &done);
  if (error != WASI_LIGHT_ESUCCESS) return error;
  env->state.usage.out_bytes += done;
  p1_store_u32(mem, nwritten, done);
  return WASI_LIGHT_ESUCCESS;
}
