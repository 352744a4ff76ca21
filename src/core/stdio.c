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
static bool has_right(const wasi_light_env_t *env, uint32_t stream, uint32_t right) {
  return (env->state.rights[stream] & right) != 0;
}

/* Whether the stream is the host's own descriptor of the same number. */
static bool is_inherited(const wasi_light_env_t *env, uint32_t stream) {
  if (stream == P1_STDIN) return env->config->in.mode == WASI_LIGHT_INPUT_INHERIT;
  return env->config->out[stream - P1_STDOUT].mode == WASI_LIGHT_OUTPUT_INHERIT;
}

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
static uint32_t take_iovecs(p1_mem_t mem, uint32_t iovs, uint32_t iovs_len, host_slice_t slices[P1_IOVECS_MAX],
                            uint32_t *count) {
  uint32_t room = UINT32_MAX;
  uint32_t served = iovs_len < P1_IOVECS_MAX ? iovs_len : (uint32_t)P1_IOVECS_MAX;
  *count = 0;
  if (!p1_mem_has(mem, iovs, (uint64_t)iovs_len * P1_IOVEC_SIZE)) return WASI_LIGHT_EFAULT;
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

static uint32_t read_bytes(wasi_light_env_t *env, p1_mem_t mem, const host_slice_t *slices, uint32_t count,
                           uint32_t *done) {
  const wasi_light_input_t *in = &env->config->in;
  const uint8_t *bytes = in->bytes;
  for (uint32_t i = 0; i < count; i++) {
    size_t left = in->size - env->state.in_position;
    size_t len = slices[i].len < left ? slices[i].len : left;
    p1_copy_out(mem, slices[i].ptr, bytes + env->state.in_position, len);
    env->state.in_position += len;
    *done += (uint32_t)len;
  }
  return WASI_LIGHT_ESUCCESS;
}

/* Asks once, for the first buffer: whether there is more, and waiting for it, is for the next call. */
static uint32_t read_callback(wasi_light_env_t *env, p1_mem_t mem, const host_slice_t *slices, uint32_t count,
                              uint32_t *done) {
  size_t got = 0;
  if (count == 0) return WASI_LIGHT_ESUCCESS;
  env->in_callback = true;
  uint32_t error = env->config->in.read(env->host, p1_at(mem, slices[0].ptr), slices[0].len, &got);
  env->in_callback = false;
  if (error != WASI_LIGHT_ESUCCESS) return p1_errno_of(error);
  if (got > slices[0].len) return WASI_LIGHT_EIO;
  *done = (uint32_t)got;
  return WASI_LIGHT_ESUCCESS;
}

static uint32_t read_stream(wasi_light_env_t *env, p1_mem_t mem, const host_slice_t *slices, uint32_t count,
                            uint32_t *done) {
  bool nonblock = env->state.fdflags[P1_STDIN] & P1_FDFLAGS_NONBLOCK;
  switch (env->config->in.mode) {
    case WASI_LIGHT_INPUT_INHERIT: return host_read(P1_STDIN, mem.base, slices, count, nonblock, done);
    case WASI_LIGHT_INPUT_BYTES: return read_bytes(env, mem, slices, count, done);
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

static void capture_bytes(p1_capture_t *capture, size_t limit, const uint8_t *bytes, uint32_t len) {
  size_t room = limit - capture->size;
  size_t kept = len < room ? len : room;
  memcpy(capture->bytes + capture->size, bytes, kept);
  capture->size += kept;
  capture->dropped += len - kept;
}

static uint32_t write_callback(wasi_light_env_t *env, const wasi_light_output_t *out, uint32_t stream,
                               const uint8_t *bytes, uint32_t len) {
  env->in_callback = true;
  uint32_t error = out->write(env->host, stream, bytes, len);
  env->in_callback = false;
  return p1_errno_of(error);
}

/* An error after some buffers went through is for the next call to find. */
static uint32_t write_stream(wasi_light_env_t *env, p1_mem_t mem, uint32_t stream, const host_slice_t *slices,
                             uint32_t count, uint32_t *done) {
  const wasi_light_output_t *out = &env->config->out[stream - P1_STDOUT];
  if (out->mode == WASI_LIGHT_OUTPUT_INHERIT) {
    return host_write((int)stream, mem.base, slices, count, env->state.fdflags[stream] & P1_FDFLAGS_NONBLOCK, done);
  }
  for (uint32_t i = 0; i < count; i++) {
    uint32_t error = WASI_LIGHT_ESUCCESS;
    const uint8_t *bytes = p1_at(mem, slices[i].ptr);
    if (out->mode == WASI_LIGHT_OUTPUT_CAPTURE) {
      capture_bytes(&env->capture[stream - P1_STDOUT], out->capture_size, bytes, slices[i].len);
    } else if (out->mode == WASI_LIGHT_OUTPUT_CALLBACK) {
      error = write_callback(env, out, stream, bytes, slices[i].len);
    } else if (out->mode == WASI_LIGHT_OUTPUT_LINES) {
      error = wasi_light__write_lines(env, stream, bytes, slices[i].len);
    }
    if (error != WASI_LIGHT_ESUCCESS) return i == 0 ? error : (uint32_t)WASI_LIGHT_ESUCCESS;
    *done += slices[i].len;
  }
  return WASI_LIGHT_ESUCCESS;
}

/* Whether all of it may still be written. */
static uint32_t check_quota(const wasi_light_env_t *env, const host_slice_t *slices, uint32_t count) {
  uint64_t quota = env->config->quota.out_bytes;
  uint64_t sum = env->state.usage.out_bytes;
  if (quota == 0) return WASI_LIGHT_ESUCCESS;
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
