/* SPDX-License-Identifier: MIT */
/*
 * The three streams: every mode but the inherited ones (test_core_inherit.c), what is said about them, close and
 * renumber. How iovecs are served is in test_core_iovecs.c.
 */
#include "core_guest.h"

enum { SIZE = 256, RESULT = 16, DATA = 64 };

/* Writes `text` to the fd: the status, and the number that was stored if it went well. */
static uint32_t write_text(core_guest_t *g, uint32_t fd, const char *text, uint32_t *written) {
  core_put_text(g, DATA, text);
  core_put_iovec(g, 0, DATA, (uint32_t)strlen(text));
  uint32_t status = CALL(g, fd_write, fd, 0, 1, RESULT);
  *written = (uint32_t)core_get(g, RESULT, 4);
  return status;
}

static void check_write(core_guest_t *g, uint32_t fd, const char *text) {
  const core_range_t result = {RESULT, 4};
  uint32_t written;
  core_put_text(g, DATA, text);
  core_put_iovec(g, 0, DATA, (uint32_t)strlen(text));
  core_save(g);
  assert_int_equal(write_text(g, fd, text, &written), WASI_LIGHT_ESUCCESS);
  assert_int_equal(written, strlen(text));
  core_assert_unchanged_but(g, &result, 1);
}

/* Reads at most `len` bytes from fd 0: exactly `text` must come. */
static void check_read(core_guest_t *g, uint32_t len, const char *text) {
  const core_range_t written[] = {{RESULT, 4}, {DATA, strlen(text)}};
  core_put_iovec(g, 0, DATA, len);
  core_save(g);
  EXPECT(SUCCESS, g, fd_read, 0, 0, 1, RESULT);
  assert_int_equal(core_get(g, RESULT, 4), strlen(text));
  core_assert_text(g, DATA, text);
  core_assert_unchanged_but(g, written, 2);
}

/* ---- Output: discard, capture ------------------------------------------------------------------------------------ */

static void test_discard(void **state) {
  core_guest_t g;
  size_t size = 99;
  uint64_t dropped = 99;
  core_start(&g, NULL, SIZE);
  for (uint32_t fd = 1; fd <= 2; fd++) {
    check_write(&g, fd, "to nowhere");
    assert_null(wasi_light_env_captured(g.env, fd, &size, &dropped));
    assert_int_equal(size, 0);
    assert_int_equal(dropped, 0);
    wasi_light_env_clear_captured(g.env, fd); /* nothing to clear is no error */
  }
  core_end(&g);
}

static void start_capture(core_guest_t *g, size_t out, size_t err) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  if (out > 0) options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = out};
  if (err > 0) options.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = err};
  core_start(g, &options, SIZE);
}

static void test_capture_both(void **state) {
  core_guest_t g;
  start_capture(&g, 100, 100);
  core_assert_captured(&g, 1, "");
  core_assert_captured(&g, 2, "");
  check_write(&g, 1, "out ");
  check_write(&g, 2, "error ");
  check_write(&g, 1, "put");
  core_assert_captured(&g, 1, "out put");
  core_assert_captured(&g, 2, "error ");
  core_end(&g);
}

static void test_capture_one(void **state) {
  core_guest_t g;
  for (uint32_t fd = 1; fd <= 2; fd++) {
    start_capture(&g, fd == 1 ? 8 : 0, fd == 2 ? 8 : 0);
    check_write(&g, 1, "one");
    check_write(&g, 2, "two");
    core_assert_captured(&g, fd, fd == 1 ? "one" : "two");
    assert_null(wasi_light_env_captured(g.env, 3 - fd, NULL, NULL));
    core_end(&g);
  }
}

static uint64_t dropped_of(const core_guest_t *g, uint32_t fd) {
  uint64_t dropped = 99;
  wasi_light_env_captured(g->env, fd, NULL, &dropped);
  return dropped;
}

/* The first bytes are kept, the rest is counted, and the guest sees a success. Neither buffer runs into the other. */
static void test_capture_is_bounded(void **state) {
  core_guest_t g;
  start_capture(&g, 8, 4);
  check_write(&g, 1, "12345678"); /* exactly full */
  core_assert_captured(&g, 1, "12345678");
  assert_int_equal(dropped_of(&g, 1), 0);
  check_write(&g, 2, "abc");
  check_write(&g, 2, "def");
  check_write(&g, 1, "9");
  check_write(&g, 1, "more and more");
  core_assert_captured(&g, 1, "12345678");
  core_assert_captured(&g, 2, "abcd");
  assert_int_equal(dropped_of(&g, 1), 14);
  assert_int_equal(dropped_of(&g, 2), 2);
  core_end(&g);
}

static void test_capture_of_one_byte(void **state) {
  core_guest_t g;
  start_capture(&g, 1, 1);
  check_write(&g, 1, "xyz");
  core_assert_captured(&g, 1, "x");
  core_assert_captured(&g, 2, "");
  assert_int_equal(dropped_of(&g, 1), 2);
  core_end(&g);
}

static void test_clear_captured(void **state) {
  core_guest_t g;
  start_capture(&g, 4, 4);
  check_write(&g, 1, "123456");
  check_write(&g, 2, "abcdef");
  wasi_light_env_clear_captured(g.env, 1);
  core_assert_captured(&g, 1, "");
  assert_int_equal(dropped_of(&g, 1), 0);
  core_assert_captured(&g, 2, "abcd");
  assert_int_equal(dropped_of(&g, 2), 2);
  check_write(&g, 1, "again");
  core_assert_captured(&g, 1, "agai");
  assert_int_equal(dropped_of(&g, 1), 1);
  core_end(&g);
}

static void test_captured_of_other_fds(void **state) {
  static const uint32_t others[] = {0, 3, 4, 0x80000000, 0xffffffff};
  core_guest_t g;
  start_capture(&g, 4, 4);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    size_t size = 99;
    uint64_t dropped = 99;
    assert_null(wasi_light_env_captured(g.env, others[i], &size, &dropped));
    assert_int_equal(size, 0);
    assert_int_equal(dropped, 0);
    wasi_light_env_clear_captured(g.env, others[i]);
  }
  core_end(&g);
}

/* ---- Output: callback -------------------------------------------------------------------------------------------- */

typedef struct sink_t {
  unsigned calls;
  uint32_t fd;
  wasi_light_errno_t error; /* what the callback returns */
  size_t size;
  char text[64];
} sink_t;

static wasi_light_errno_t to_sink(void *host, uint32_t fd, const uint8_t *bytes, size_t size) {
  sink_t *sink = host;
  sink->calls++;
  sink->fd = fd;
  if (sink->error) return sink->error;
  assert_true(sink->size + size <= sizeof sink->text);
  memcpy(sink->text + sink->size, bytes, size);
  sink->size += size;
  return WASI_LIGHT_ESUCCESS;
}

static void start_sink(core_guest_t *g, sink_t *sink) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.out = options.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CALLBACK, .write = to_sink};
  core_start(g, &options, SIZE);
  wasi_light_env_set_host(g->env, sink);
}

static void test_write_callback(void **state) {
  sink_t sink = {0};
  sink_t other = {0};
  core_guest_t g;
  start_sink(&g, &sink);
  check_write(&g, 1, "hello ");
  assert_int_equal(sink.fd, 1);
  check_write(&g, 2, "world");
  assert_int_equal(sink.fd, 2);
  assert_int_equal(sink.calls, 2);
  assert_memory_equal(sink.text, "hello world", 11);
  wasi_light_env_set_host(g.env, &other); /* the host pointer is the environment's, as it is now */
  check_write(&g, 1, "x");
  assert_int_equal(sink.calls, 2);
  assert_int_equal(other.calls, 1);
  assert_null(wasi_light_env_captured(g.env, 1, NULL, NULL));
  core_end(&g);
}

/* The guest sees the host's errno, and no number of bytes. */
static void test_write_callback_error(void **state) {
  static const wasi_light_errno_t errors[] = {WASI_LIGHT_EIO, WASI_LIGHT_EAGAIN, WASI_LIGHT_ENOSPC, WASI_LIGHT_EPIPE,
                                              WASI_LIGHT_ENOTCAPABLE};
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
    sink_t sink = {.error = errors[i]};
    core_guest_t g;
    start_sink(&g, &sink);
    core_put_iovec(&g, 0, DATA, 4);
    core_save(&g);
    assert_int_equal(CALL(&g, fd_write, 1, 0, 1, RESULT), errors[i]);
    core_assert_unchanged(&g);
    assert_int_equal(sink.calls, 1);
    sink.error = WASI_LIGHT_ESUCCESS; /* and the stream goes on */
    check_write(&g, 1, "ok");
    core_end(&g);
  }
}

/* What was taken before the error is the result; the error is for the next call. */
static unsigned limit;
static wasi_light_errno_t until_limit(void *host, uint32_t fd, const uint8_t *bytes, size_t size) {
  (void)host, (void)fd, (void)bytes, (void)size;
  return limit-- > 0 ? WASI_LIGHT_ESUCCESS : WASI_LIGHT_ENOSPC;
}

static void test_write_callback_error_after_some(void **state) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  core_guest_t g;
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CALLBACK, .write = until_limit};
  for (unsigned i = 0; i <= 3; i++) {
    core_start(&g, &options, SIZE);
    core_put_iovec(&g, 0, DATA, 5);
    core_put_iovec(&g, 8, DATA, 7);
    core_put_iovec(&g, 16, DATA, 9);
    limit = i;
    if (i == 0) {
      EXPECT(NOSPC, &g, fd_write, 1, 0, 3, 32);
    } else {
      EXPECT(SUCCESS, &g, fd_write, 1, 0, 3, 32);
      assert_int_equal(core_get(&g, 32, 4), i == 1 ? 5 : i == 2 ? 12 : 21);
    }
    core_end(&g);
  }
}

/* A callback is given no empty buffers, and none at all for an empty write. */
static void test_write_callback_gets_no_empty_buffers(void **state) {
  sink_t sink = {0};
  core_guest_t g;
  start_sink(&g, &sink);
  check_write(&g, 1, "");
  assert_int_equal(sink.calls, 0);
  core_put_iovec(&g, 0, DATA, 0);
  core_put_iovec(&g, 8, DATA, 2);
  core_put_iovec(&g, 16, DATA, 0);
  EXPECT(SUCCESS, &g, fd_write, 1, 0, 3, 32);
  assert_int_equal(core_get(&g, 32, 4), 2);
  assert_int_equal(sink.calls, 1);
  core_end(&g);
}

/* ---- Input: empty, bytes ----------------------------------------------------------------------------------------- */

static void test_empty_input(void **state) {
  core_guest_t g;
  core_start(&g, NULL, SIZE);
  for (int i = 0; i < 3; i++) check_read(&g, 100, "");
  check_read(&g, 0, "");
  core_end(&g);
}

static void start_bytes(core_guest_t *g, const void *bytes, size_t size) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.in = (wasi_light_input_t){WASI_LIGHT_INPUT_BYTES, bytes, size, NULL};
  core_start(g, &options, SIZE);
}

static void test_bytes(void **state) {
  core_guest_t g;
  start_bytes(&g, "line 1\nline 2\n", 14);
  check_read(&g, 6, "line 1");
  check_read(&g, 0, ""); /* takes nothing */
  check_read(&g, 1, "\n");
  check_read(&g, 100, "line 2\n"); /* short at the end */
  check_read(&g, 100, "");
  check_read(&g, 100, "");
  core_end(&g);
}

static void test_bytes_with_nul(void **state) {
  core_guest_t g;
  start_bytes(&g, "a\0b\xff", 4);
  core_put_iovec(&g, 0, DATA, 10);
  EXPECT(SUCCESS, &g, fd_read, 0, 0, 1, RESULT);
  assert_int_equal(core_get(&g, RESULT, 4), 4);
  assert_memory_equal(g.memory + DATA, "a\0b\xff", 4);
  core_end(&g);
}

/* ---- Input: callback --------------------------------------------------------------------------------------------- */

typedef struct source_t {
  unsigned calls;
  size_t asked; /* the size of the last buffer */
  wasi_light_errno_t error;
  const char *text;
  size_t claim; /* what it says to have given; 0: what it gave */
} source_t;

static wasi_light_errno_t from_source(void *host, uint8_t *buffer, size_t size, size_t *got) {
  source_t *source = host;
  size_t len = strlen(source->text);
  source->calls++;
  source->asked = size;
  if (source->error) return source->error;
  if (len > size) len = size;
  memcpy(buffer, source->text, len);
  source->text += len;
  *got = source->claim ? source->claim : len;
  return WASI_LIGHT_ESUCCESS;
}

static void start_source(core_guest_t *g, source_t *source) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.in = (wasi_light_input_t){WASI_LIGHT_INPUT_CALLBACK, NULL, 0, from_source};
  core_start(g, &options, SIZE);
  wasi_light_env_set_host(g->env, source);
}

static void test_read_callback(void **state) {
  source_t source = {.text = "interactive"};
  core_guest_t g;
  start_source(&g, &source);
  check_read(&g, 5, "inter");
  assert_int_equal(source.asked, 5);
  check_read(&g, 100, "active"); /* short: what there is */
  assert_int_equal(source.asked, 100);
  check_read(&g, 100, ""); /* the end */
  source.text = "more";    /* which need not be final: a terminal goes on after ^D */
  check_read(&g, 100, "more");
  assert_int_equal(source.calls, 4);
  core_end(&g);
}

static void test_read_callback_error(void **state) {
  static const wasi_light_errno_t errors[] = {WASI_LIGHT_EAGAIN, WASI_LIGHT_EIO, WASI_LIGHT_EINTR};
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
    source_t source = {.text = "text", .error = errors[i]};
    core_guest_t g;
    start_source(&g, &source);
    core_put_iovec(&g, 0, DATA, 4);
    core_save(&g);
    assert_int_equal(CALL(&g, fd_read, 0, 0, 1, RESULT), errors[i]);
    core_assert_unchanged(&g);
    source.error = WASI_LIGHT_ESUCCESS;
    check_read(&g, 100, "text");
    core_end(&g);
  }
}

/* A callback that claims more than the buffer holds is a host's error: the guest must not believe the number. */
static void test_read_callback_claims_too_much(void **state) {
  static const size_t claims[] = {5, 100, UINT32_MAX, SIZE_MAX};
  for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
    source_t source = {.text = "ok", .claim = claims[i]};
    core_guest_t g;
    start_source(&g, &source);
    core_put(&g, RESULT, 4, 0x11111111);
    core_put_iovec(&g, 0, DATA, 4);
    EXPECT(IO, &g, fd_read, 0, 0, 1, RESULT);
    assert_int_equal(core_get(&g, RESULT, 4), 0x11111111);
    core_end(&g);
  }
}

/* It is asked once and for the first buffer that is not empty: to ask again could wait with bytes in hand. */
static void test_read_callback_is_asked_once(void **state) {
  source_t source = {.text = "abcdef"};
  core_guest_t g;
  start_source(&g, &source);
  core_put_iovec(&g, 0, DATA, 0);
  core_put_iovec(&g, 8, DATA, 3);
  core_put_iovec(&g, 16, DATA + 3, 3);
  EXPECT(SUCCESS, &g, fd_read, 0, 0, 3, 32);
  assert_int_equal(core_get(&g, 32, 4), 3);
  core_assert_text(&g, DATA, "abc");
  assert_int_equal(source.calls, 1);
  assert_int_equal(source.asked, 3);
  check_read(&g, 0, ""); /* nor for nothing */
  assert_int_equal(source.calls, 1);
  core_end(&g);
}

/* ---- Which fd is for what ---------------------------------------------------------------------------------------- */

static void test_wrong_direction(void **state) {
  core_guest_t g;
  start_bytes(&g, "abc", 3);
  core_put_iovec(&g, 0, DATA, 3);
  core_save(&g);
  EXPECT(BADF, &g, fd_read, 1, 0, 1, RESULT);
  EXPECT(BADF, &g, fd_read, 2, 0, 1, RESULT);
  EXPECT(BADF, &g, fd_write, 0, 0, 1, RESULT);
  core_assert_unchanged(&g);
  core_end(&g);
}

static void test_unknown_fd(void **state) {
  static const uint32_t unknown[] = {3, 4, 255, 256, 0x10000, 0x80000000, 0xffffffff};
  core_guest_t g;
  core_start(&g, NULL, SIZE);
  core_put_iovec(&g, 0, DATA, 3);
  core_save(&g);
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
    EXPECT(BADF, &g, fd_read, unknown[i], 0, 1, RESULT);
    EXPECT(BADF, &g, fd_write, unknown[i], 0, 1, RESULT);
    EXPECT(BADF, &g, fd_close, unknown[i]);
    EXPECT(BADF, &g, fd_fdstat_get, unknown[i], DATA);
    EXPECT(BADF, &g, fd_fdstat_set_flags, unknown[i], 0);
    EXPECT(BADF, &g, fd_filestat_get, unknown[i], DATA);
    EXPECT(BADF, &g, fd_renumber, unknown[i], 1);
    EXPECT(BADF, &g, fd_renumber, 1, unknown[i]);
    EXPECT(BADF, &g, fd_renumber, unknown[i], unknown[i]);
  }
  core_assert_unchanged(&g);
  assert_int_equal(g.views, 0);
  core_end(&g);
}

static void test_fault(void **state) {
  core_guest_t g;
  core_start(&g, NULL, SIZE);
  core_put_iovec(&g, 0, DATA, 3);
  core_save(&g);
  EXPECT(FAULT, &g, fd_read, 0, 0, 1, SIZE - 3);
  EXPECT(FAULT, &g, fd_read, 0, SIZE - 7, 1, RESULT);
  EXPECT(FAULT, &g, fd_write, 1, 0, 1, SIZE - 3);
  EXPECT(FAULT, &g, fd_write, 2, SIZE - 7, 1, RESULT);
  EXPECT(FAULT, &g, fd_fdstat_get, 0, SIZE - 23);
  EXPECT(FAULT, &g, fd_filestat_get, 0, SIZE - 63);
  core_assert_unchanged(&g);
  core_end(&g);
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_discard),
      cmocka_unit_test(test_capture_both),
      cmocka_unit_test(test_capture_one),
      cmocka_unit_test(test_capture_is_bounded),
      cmocka_unit_test(test_capture_of_one_byte),
      cmocka_unit_test(test_clear_captured),
      cmocka_unit_test(test_captured_of_other_fds),
      cmocka_unit_test(test_write_callback),
      cmocka_unit_test(test_write_callback_error),
      cmocka_unit_test(test_write_callback_error_after_some),
      cmocka_unit_test(test_write_callback_gets_no_empty_buffers),
      cmocka_unit_test(test_empty_input),
      cmocka_unit_test(test_bytes),
      cmocka_unit_test(test_bytes_with_nul),
      cmocka_unit_test(test_read_callback),
      cmocka_unit_test(test_read_callback_error),
      cmocka_unit_test(test_read_callback_claims_too_much),
      cmocka_unit_test(test_read_callback_is_asked_once),
      cmocka_unit_test(test_wrong_direction),
      cmocka_unit_test(test_unknown_fd),
      cmocka_unit_test(test_fault),
  };
  return CORE_RUN(tests, argc, argv);
}
