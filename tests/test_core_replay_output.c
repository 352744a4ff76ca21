/* SPDX-License-Identifier: MIT */
/* What a replay writes to the host's own streams: all of it, though the guest set NONBLOCK and the reader is slow. */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "core_host_fd.h"
#include "core_trail.h"

enum { MEMORY = 16384, AT = 512, ARRAY = 1024, TEXT = 4096, SIZE = 10000, CAPACITY = 4096, NONBLOCK = 4 };

static void run(core_guest_t *g) {
  core_put_iovec(g, ARRAY, TEXT, SIZE);
  EXPECT(SUCCESS, g, fd_fdstat_set_flags, 1, NONBLOCK);
  uint32_t status = CALL(g, fd_write, 1, ARRAY, 1, AT);
  if (status != WASI_LIGHT_ESUCCESS || core_get(g, AT, 4) != SIZE) {
    core_fd_restore();
    fail_msg("fd_write gave %u, %u bytes", status, (unsigned)core_get(g, AT, 4));
  }
}

typedef struct reader_t {
  int fd;
  size_t total;
} reader_t;

/* Reads to the end, after a while; a thread, so that a write may wait for it. */
static void *read_slowly(void *data) {
  reader_t *reader = data;
  char bytes[512];
  usleep(50000);
  for (ssize_t n = 1; n > 0; reader->total += n > 0 ? (size_t)n : 0) n = read(reader->fd, bytes, sizeof bytes);
  return NULL;
}

static void test_all_of_it_is_written(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  core_trail_t record, replay;
  pthread_t thread;
  int ends[2];
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = MEMORY};
  options.record = core_on_record;
  core_trail_start(&record, &options, MEMORY);
  run(&record.guest);
  options = (wasi_light_options_t)WASI_LIGHT_OPTIONS_INIT;
  options.out.mode = WASI_LIGHT_OUTPUT_INHERIT;
  options.replay = record.log.bytes;
  options.replay_size = record.log.size;
  core_trail_start(&replay, &options, MEMORY);
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(fcntl(ends[1], F_SETPIPE_SZ, CAPACITY), CAPACITY);
  reader_t reader = {ends[0], 0};
  assert_int_equal(pthread_create(&thread, NULL, read_slowly, &reader), 0);
  core_fd_replace(1, ends[1]);
  run(&replay.guest);
  core_fd_restore();
  close(ends[1]);
  assert_int_equal(pthread_join(thread, NULL), 0);
  close(ends[0]);
  assert_int_equal(reader.total, SIZE);
  core_trail_end(&record);
  core_trail_end(&replay);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(test_all_of_it_is_written, core_fd_teardown)};
  return CORE_RUN(tests, argc, argv);
}
