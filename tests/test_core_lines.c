/* SPDX-License-Identifier: MIT */
/* Output by lines: what makes a line, where long ones are cut, prefix, flush, and what a reset leaves. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "core_host_fd.h"
#include "core_lines.h"
#include "env.h"

/* ---- Lines ------------------------------------------------------------------------------------------------------- */

static void test_whole_lines(void **state) {
  core_guest_t g;
  core_start_lines(&g, 64, false);
  core_write_text(&g, 1, "one\n");
  EXPECT_LINES("1:one");
  core_write_text(&g, 1, "two\nthree\n");
  EXPECT_LINES("1:two|1:three");
  core_write_text(&g, 2, "four\n");
  EXPECT_LINES("2:four");
  core_write_text(&g, 1, "\n\n\n");
  EXPECT_LINES("1:|1:|1:");
  core_write_text(&g, 1, "");
  core_write_text(&g, 1, "five\n\nsix\nbegun");
  EXPECT_LINES("1:five|1:|1:six");
  core_write_text(&g, 1, "\r\n");
  EXPECT_LINES("1:begun\r");
  core_end(&g);
  EXPECT_LINES("");
}

/* Each stream has a line of its own, whichever descriptor names it. */
static void test_two_streams(void **state) {
  core_guest_t g;
  core_start_lines(&g, 64, false);
  core_write_text(&g, 1, "o");
  core_write_text(&g, 2, "e");
  core_write_text(&g, 1, "u");
  core_write_text(&g, 2, "rr\n");
  EXPECT_LINES("2:err");
  core_write_text(&g, 1, "t\n");
  EXPECT_LINES("1:out");
  core_write_text(&g, 1, "begun ");
  EXPECT(SUCCESS, &g, fd_renumber, 1, 2); /* 2 is stdout now */
  core_write_text(&g, 2, "before\n");
  EXPECT_LINES("1:begun before");
  core_end(&g);
}

/* Wherever it is cut into writes, and into buffers of one write. */
static void test_in_parts(void **state) {
  static const char text[] = "first\n\nsecond l\xc3\xadne\n\xe2\x82\xac\n";
  static const char expected[] = "1:first|1:|1:second l\xc3\xadne|1:\xe2\x82\xac";
  const size_t size = sizeof text - 1;
  for (int escape = 0; escape < 2; escape++) {
    core_guest_t g;
    core_start_lines(&g, 64, escape);
    for (size_t i = 0; i <= size; i++) {
      for (size_t k = i; k <= size; k++) {
        const size_t parts[] = {i, k - i, size - k};
        core_write(&g, 1, text, i);
        core_write(&g, 1, text + i, k - i);
        core_write(&g, 1, text + k, size - k);
        EXPECT_LINES(expected);
        core_write_parts(&g, 1, text, parts, 3);
        EXPECT_LINES(expected);
      }
    }
    for (size_t i = 0; i < size; i++) core_write(&g, 1, text + i, 1);
    EXPECT_LINES(expected);
    core_end(&g);
  }
}

/* ---- Long lines -------------------------------------------------------------------------------------------------- */

/* A line of `length` comes in pieces of `line_size`, and the last. */
static void check_length(core_guest_t *g, size_t line_size, size_t length, bool newline) {
  static char text[1000];
  size_t pieces = length == 0 ? 1 : (length + line_size - 1) / line_size;
  for (size_t i = 0; i < length; i++) text[i] = (char)('a' + i % 26);
  text[length] = '\n';
  core_write(g, 1, text, length + newline);
  if (!newline) wasi_light_env_flush(g->env);
  assert_int_equal(core_lines.count, pieces);
  for (size_t i = 0; i < pieces; i++) {
    const core_line_t *line = &core_lines.line[i];
    bool last = i == pieces - 1;
    assert_int_equal(line->size, last ? length - i * line_size : line_size);
    assert_memory_equal(line->bytes, text + i * line_size, line->size);
    assert_int_equal(line->continues, !last);
  }
  core_lines_clear();
}

static void test_length_of_lines(void **state) {
  static const size_t sizes[] = {16, 17, 31, 64, 100};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    for (int escape = 0; escape < 2; escape++) {
      core_guest_t g;
      core_start_lines(&g, sizes[i], escape);
      for (size_t length = 0; length <= 5 * sizes[i] + 2; length++) {
        check_length(&g, sizes[i], length, true);
        if (length > 0) check_length(&g, sizes[i], length, false);
      }
      core_end(&g);
    }
  }
}

/* A piece is given when the first byte comes that has no room any more, not before. */
static void test_when_a_piece_is_given(void **state) {
  core_guest_t g;
  core_start_lines(&g, 16, false);
  core_write_text(&g, 1, "0123456789abcdef");
  EXPECT_LINES("");
  core_write_text(&g, 1, "g");
  EXPECT_LINES("1+0123456789abcdef");
  core_write_text(&g, 1, "\n0123456789abcdef");
  EXPECT_LINES("1:g");
  core_write_text(&g, 1, "\n");
  EXPECT_LINES("1:0123456789abcdef");
  core_end(&g);
}

/* ---- Prefix ------------------------------------------------------------------------------------------------------ */

static void test_prefix(void **state) {
  core_guest_t g;
  core_start_lines(&g, 16, false);
  wasi_light_env_set_prefix(g.env, "[7] ");
  core_write_text(&g, 1, "a\n\n0123456789abcdefgh\n");
  core_write_text(&g, 2, "b\n");
  EXPECT_LINES("1:[7] a|1:[7] |1+[7] 0123456789abcdef|1:[7] gh|2:[7] b");
  core_write_text(&g, 1, "beg");
  core_write_text(&g, 2, "beg");
  wasi_light_env_set_prefix(g.env, "another: "); /* longer */
  core_write_text(&g, 1, "un\n");
  core_write_text(&g, 2, "un\n");
  EXPECT_LINES("1:another: begun|2:another: begun");
  core_write_text(&g, 1, "beg");
  wasi_light_env_set_prefix(g.env, "x "); /* shorter */
  core_write_text(&g, 1, "un\n");
  EXPECT_LINES("1:x begun");
  wasi_light_env_set_prefix(g.env, "");
  core_write_text(&g, 1, "none\n");
  EXPECT_LINES("1:none");
  core_end(&g);
}

static void test_length_of_the_prefix(void **state) {
  char prefix[3 * WASI_LIGHT_PREFIX_MAX];
  for (size_t length = 0; length < sizeof prefix; length++) {
    size_t kept = length < WASI_LIGHT_PREFIX_MAX ? length : WASI_LIGHT_PREFIX_MAX;
    core_guest_t g;
    core_start_lines(&g, 16, true);
    for (size_t i = 0; i < length; i++) prefix[i] = (char)('A' + i % 26);
    prefix[length] = '\0';
    wasi_light_env_set_prefix(g.env, prefix);
    memset(prefix, '?', length); /* it is copied */
    core_write_text(&g, 1, "line\n");
    core_write_text(&g, 2, "line\n");
    assert_int_equal(core_lines.count, 2);
    for (int i = 0; i < 2; i++) {
      assert_int_equal(core_lines.line[i].size, kept + 4);
      for (size_t k = 0; k < kept; k++) assert_int_equal(core_lines.line[i].bytes[k], 'A' + k % 26);
      assert_memory_equal(core_lines.line[i].bytes + kept, "line", 4);
    }
    core_end(&g);
  }
}

/* No character is cut, in a prefix that is too long either. */
static void test_prefix_of_characters(void **state) {
  static const char *const characters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
  for (size_t c = 0; c < 3; c++) {
    for (size_t before = 0; before < 4; before++) {
      size_t length = strlen(characters[c]);
      size_t fit = (WASI_LIGHT_PREFIX_MAX - before) / length;
      char prefix[200] = "aaa";
      core_guest_t g;
      prefix[before] = '\0';
      for (size_t i = 0; i < 40; i++) memcpy(prefix + before + i * length, characters[c], length + 1);
      core_start_lines(&g, 16, true);
      wasi_light_env_set_prefix(g.env, prefix);
      core_write_text(&g, 1, "\n");
      assert_int_equal(core_lines.line[0].size, before + fit * length);
      assert_memory_equal(core_lines.line[0].bytes, prefix, core_lines.line[0].size);
      core_end(&g);
    }
  }
}

/* ---- Flush, reset, delete ---------------------------------------------------------------------------------------- */

static void test_flush(void **state) {
  core_guest_t g;
  core_start_lines(&g, 64, false);
  wasi_light_env_flush(g.env);
  EXPECT_LINES("");
  core_write_text(&g, 2, "err");
  core_write_text(&g, 1, "out");
  wasi_light_env_flush(g.env);
  EXPECT_LINES("1:out|2:err");
  wasi_light_env_flush(g.env);
  EXPECT_LINES("");
  core_write_text(&g, 1, "more\n");
  EXPECT_LINES("1:more");
  wasi_light_env_flush(g.env);
  EXPECT_LINES("");
  core_end(&g);
}

/* The unfinished line goes to whom the host pointer is then. */
static void test_unfinished_lines(void **state) {
  int first;
  int second;
  core_guest_t g;
  core_start_lines(&g, 64, true);
  wasi_light_env_set_host(g.env, &first);
  wasi_light_env_set_prefix(g.env, "p ");
  core_write_text(&g, 1, "out\xe2\x82");
  core_write_text(&g, 2, "err");
  wasi_light_env_reset(g.env);
  for (int i = 0; i < 2; i++) assert_ptr_equal(core_lines.line[i].host, &first);
  EXPECT_LINES("1:p out\\xe2\\x82|2:p err");
  core_write_text(&g, 1, "\xac");
  wasi_light_env_set_host(g.env, &second);
  core_write_text(&g, 1, " after a reset");
  wasi_light_env_flush(g.env);
  assert_ptr_equal(core_lines.line[0].host, &second);
  EXPECT_LINES("1:\\xac after a reset"); /* and without the prefix */
  core_write_text(&g, 2, "last");
  core_end(&g);
  assert_ptr_equal(core_lines.line[0].host, &second);
  EXPECT_LINES("2:last");
}

/* What an exited or closed guest has begun is given too. */
static void test_unfinished_line_of_an_ended_guest(void **state) {
  core_guest_t g;
  core_start_lines(&g, 64, false);
  core_write_text(&g, 1, "bye");
  EXPECT(SUCCESS, &g, fd_close, 1);
  core_write_text(&g, 2, "bye");
  EXPECT_STOP(&g, proc_exit, 1);
  EXPECT_LINES("");
  wasi_light_env_reset(g.env);
  EXPECT_LINES("1:bye|2:bye");
  core_end(&g);
  EXPECT_LINES("");
}

static bool in_callback[2];

static void look(void *host, uint32_t fd, const char *line, size_t size, bool continues) {
  const core_guest_t *g = host;
  in_callback[fd - 1] = g->env->in_callback;
  core_take_line(host, fd, line, size, continues);
}

/* In a callback the guest cannot be entered, and after it it can; flushing in another callback changes nothing. */
static void test_in_callback(void **state) {
  wasi_light_options_t options = core_line_options(16, false);
  core_guest_t g;
  options.out.line = options.err.line = look;
  core_lines_clear();
  core_start(&g, &options, CORE_LINES_MEMORY);
  core_write_text(&g, 1, "line\nbegun");
  assert_true(in_callback[0]);
  assert_false(g.env->in_callback);
  g.env->in_callback = true; /* as in the hook for sched_yield, or a callback of the other stream */
  wasi_light_env_flush(g.env);
  assert_true(g.env->in_callback);
  g.env->in_callback = false;
  EXPECT_LINES("1:line|1:begun");
  core_end(&g);
}

static void flush_too(void *host, uint32_t fd, const char *line, size_t size, bool continues) {
  const core_guest_t *g = host;
  core_take_line(host, fd, line, size, continues);
  wasi_light_env_flush(g->env);
}

/* A callback that flushes gets the other stream's line, and its own not again. */
static void test_flush_in_the_callback(void **state) {
  wasi_light_options_t options = core_line_options(16, true);
  core_guest_t g;
  options.out.line = options.err.line = flush_too;
  core_lines_clear();
  core_start(&g, &options, CORE_LINES_MEMORY);
  core_write_text(&g, 2, "err");
  core_write_text(&g, 1, "line\n0123456789abcd\xe2\x82");
  EXPECT_LINES("1:line|2:err");
  core_write_text(&g, 2, "more");
  core_write_text(&g, 1, "\xac\n");
  EXPECT_LINES("1+0123456789abcd|2:more|1:\xe2\x82\xac");
  core_end(&g);
}

/* ---- What is kept ------------------------------------------------------------------------------------------------ */

static void test_save_and_restore(void **state) {
  wasi_light__env_state_t saved;
  int lease;
  core_guest_t g;
  core_start_lines(&g, 64, true);
  core_write_text(&g, 1, "begun \xe2\x82");
  wasi_light_env_set_prefix(g.env, "p ");
  assert_true(wasi_light__env_save(g.env, &saved));
  for (int i = 0; i < 3; i++) {
    wasi_light_env_set_host(g.env, &lease);
    wasi_light_env_set_prefix(g.env, "q ");
    core_write_text(&g, 1, "\xac\n\nof the lease");
    core_write_text(&g, 2, "err");
    EXPECT_LINES("1:q begun \xe2\x82\xac|1:q ");
    wasi_light__env_restore(g.env, &saved);
    for (int k = 0; k < 2; k++) assert_ptr_equal(core_lines.line[k].host, &lease);
    EXPECT_LINES("1:q of the lease|2:q err");
    core_write_text(&g, 1, i == 2 ? "x" : "\xac");
    core_write_text(&g, 1, "\n");
    EXPECT_LINES(i == 2 ? "1:begun \\xe2\\x82x" : "1:begun \xe2\x82\xac");
    wasi_light__env_restore(g.env, &saved);
    EXPECT_LINES("");
  }
  wasi_light__env_state_free(&saved);
  wasi_light_env_flush(g.env);
  EXPECT_LINES("1:begun \\xe2\\x82");
  core_end(&g);
}

/* Nothing that was written is in the buffers any more, not even behind the line that was there last. */
static void test_nothing_is_left(void **state) {
  static const char *const texts[] = {
      "a secret\n",
      "a secret",
      "0123456789abcdef secret\nx\n",
      "0123456789abcdef",
      "0123456789abcde\xe2\x82\xac\n",
      "0123456789abcd\xe2\x82z\n", /* a character that breaks at the end of a full buffer */
      "0123456789abcde\xc3z\n",
      "0123456789abc\xf0\x9f\x98\n",
      "0123456789ab\xf0\x9f\x98\xf0\x9f\x98\x80\n",
      "0123456789abcdef\x1b\x1b\x1b\n",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    for (int way = 0; way < 8; way++) {
      core_guest_t g;
      wasi_light__env_state_t saved;
      core_start_lines(&g, 16, way & 1);
      for (int k = 0; k < 2; k++) memset(g.env->capture[k].bytes, 0, WASI_LIGHT_PREFIX_MAX + 16 + 1);
      assert_true(wasi_light__env_save(g.env, &saved));
      for (uint32_t fd = 1; fd < 3; fd++) core_write_text(&g, fd, texts[i]);
      if (way & 2) wasi_light_env_flush(g.env);
      if (way & 4) wasi_light__env_restore(g.env, &saved);
      else wasi_light_env_reset(g.env);
      for (size_t k = 0; k < 2 * (WASI_LIGHT_PREFIX_MAX + 16 + 1); k++) {
        uint8_t byte = g.env->capture[k & 1].bytes[k / 2];
        if (byte != 0) fail_msg("text %zu, way %d: byte %zu of the buffer is 0x%02x", i, way, k / 2, byte);
      }
      wasi_light__env_state_free(&saved);
      core_end(&g);
    }
  }
}

static void test_bytes_of_an_environment(void **state) {
  const wasi_light_options_t plain = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_options_t options = core_line_options(1000, false);
  options.err.line_size = 16;
  wasi_light_config_t *without = wasi_light_config_new(&plain, NULL);
  wasi_light_config_t *with = wasi_light_config_new(&options, NULL);
  size_t buffers = wasi_light_env_bytes(with) - wasi_light_env_bytes(without);
  assert_in_range(buffers, 1000 + 16 + 2 * WASI_LIGHT_PREFIX_MAX, 1000 + 16 + 2 * WASI_LIGHT_PREFIX_MAX + 2);
  wasi_light_config_delete(without);
  wasi_light_config_delete(with);
}

static void test_wrong_sizes(void **state) {
  static const size_t sizes[] = {0, 1, 15, SIZE_MAX, SIZE_MAX / 4 + 1};
  for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
    wasi_light_options_t options = core_line_options(16, false);
    wasi_light_error_t error = {.code = WASI_LIGHT_ERROR_OK};
    *(i % 2 ? &options.err.line_size : &options.out.line_size) = sizes[i / 2];
    assert_null(wasi_light_config_new(&options, &error));
    assert_int_equal(error.code, WASI_LIGHT_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, i % 2 ? "options.err.line_size" : "options.out.line_size"));
  }
}

/* ---- The host's own streams -------------------------------------------------------------------------------------- */

static void start_inherited(core_guest_t *g, size_t line_size) {
  wasi_light_options_t options = core_line_options(line_size, true);
  options.out.line = options.err.line = NULL;
  core_start(g, &options, CORE_LINES_MEMORY);
}

static void expect_pipe(int fd, const char *text) {
  char bytes[256] = "";
  core_fd_restore();
  assert_true(read(fd, bytes, sizeof bytes - 1) >= 0);
  assert_string_equal(bytes, text);
}

static void test_inherited(void **state) {
  for (int fd = 1; fd < 3; fd++) {
    core_guest_t g;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    start_inherited(&g, 16);
    core_fd_replace(fd, ends[1]);
    core_write_text(&g, (uint32_t)fd, "one\n\ntwo\x1b");
    expect_pipe(ends[0], "one\n\n");
    wasi_light_env_set_prefix(g.env, "p ");
    core_fd_replace(fd, ends[1]);
    core_write_text(&g, (uint32_t)fd, "\n0123456789abcdefgh");
    expect_pipe(ends[0], "p two\\x1b\np 0123456789abcdef\n"); /* pieces are lines too */
    core_fd_replace(fd, ends[1]);
    wasi_light_env_flush(g.env);
    expect_pipe(ends[0], "p gh\n");
    core_write_text(&g, (uint32_t)fd, "x");
    core_fd_replace(fd, ends[1]);
    core_end(&g);
    expect_pipe(ends[0], "p x\n");
    close(ends[0]);
    close(ends[1]);
  }
}

/* The guest sees the error of the line that could not be written. That line is gone, the next is whole. */
static void expect_error(core_guest_t *g, int by, uint32_t expected) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  core_write_text(g, 1, "lost");
  core_put_iovec(g, 8, 64, 1);
  core_put_text(g, 64, "\n");
  core_save(g);
  core_fd_replace(1, by);
  uint32_t status = CALL(g, fd_write, 1, 8, 1, 0);
  core_fd_restore();
  assert_int_equal(status, expected);
  core_assert_unchanged(g);
  core_fd_replace(1, ends[1]);
  core_write_text(g, 1, "next\n");
  expect_pipe(ends[0], "next\n");
  close(ends[0]);
  close(ends[1]);
}

static void test_inherited_errors(void **state) {
  core_guest_t g;
  int ends[2];
  int full = open("/dev/full", O_WRONLY);
  signal(SIGPIPE, SIG_IGN);
  assert_int_equal(pipe(ends), 0);
  close(ends[0]);
  start_inherited(&g, 16);
  expect_error(&g, -1, WASI_LIGHT_EBADF);
  expect_error(&g, ends[1], WASI_LIGHT_EPIPE);
  if (full >= 0) expect_error(&g, full, WASI_LIGHT_ENOSPC);
  if (full >= 0) close(full);
  assert_int_equal(wasi_light_env_usage(g.env).out_bytes, (full >= 0 ? 3 : 2) * (strlen("lost") + strlen("next\n")));
  core_fd_replace(1, -1); /* a piece that cannot be given is an error too, and flush has nobody to tell */
  for (uint32_t i = 0; i < 16; i++) core_put(&g, 64 + i, 1, 'a');
  core_put_iovec(&g, 8, 64, 16);
  assert_int_equal(CALL(&g, fd_write, 1, 8, 1, 0), WASI_LIGHT_ESUCCESS);
  assert_int_equal(CALL(&g, fd_write, 1, 8, 1, 0), WASI_LIGHT_EBADF);
  wasi_light_env_flush(g.env);
  core_end(&g);
  core_fd_restore();
  close(ends[1]);
  signal(SIGPIPE, SIG_DFL);
}

static char arrived[400000];
static int source;

static void *read_all(void *size) {
  size_t used = 0;
  for (ssize_t n = 1; n > 0 && used < sizeof arrived; used += n > 0 ? (size_t)n : 0) {
    n = read(source, arrived + used, sizeof arrived - used);
  }
  *(size_t *)size = used;
  return NULL;
}

/* A pipe that takes a part of a line only: the rest follows when there is room. */
static void test_inherited_in_parts(void **state) {
  enum { LINE = 300000 };
  static char text[LINE + 1];
  pthread_t reader;
  size_t size = 0;
  core_guest_t g;
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  source = ends[0];
  for (size_t i = 0; i < LINE; i++) text[i] = (char)('a' + i * i % 23);
  text[LINE] = '\n';
  start_inherited(&g, LINE);
  for (size_t at = 0; at < LINE; at += LINE / 10) core_write(&g, 1, text + at, LINE / 10);
  assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
  core_fd_replace(1, ends[1]);
  assert_int_equal(pthread_create(&reader, NULL, read_all, &size), 0);
  core_write_text(&g, 1, "\n");
  core_fd_restore();
  close(ends[1]);
  pthread_join(reader, NULL);
  close(ends[0]);
  assert_int_equal(size, LINE + 1);
  assert_memory_equal(arrived, text, LINE + 1);
  core_end(&g);
}

/* ---- The other modes --------------------------------------------------------------------------------------------- */

static char written[64];

static wasi_light_errno_t on_write(void *host, uint32_t fd, const uint8_t *bytes, size_t size) {
  snprintf(written, sizeof written, "%u:%.*s", fd, (int)size, (const char *)bytes);
  return WASI_LIGHT_ESUCCESS;
}

/* They have no lines, prefix or escapes, also beside a stream that has. */
static void test_other_modes(void **state) {
  static const char text[] =
      "a\nlong \x1b \xff line\xe2\x82 that goes on, and is longer than any prefix could be at all";
  for (int lines = 0; lines < 2; lines++) {
    wasi_light_options_t options = core_line_options(16, true);
    core_guest_t g;
    *(lines ? &options.err : &options.out) =
        (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 200, .line = core_take_line};
    if (!lines) options.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CALLBACK, .write = on_write};
    core_lines_clear();
    core_start(&g, &options, CORE_LINES_MEMORY);
    wasi_light_env_set_prefix(g.env, "p ");
    core_write_text(&g, lines ? 2 : 1, text);
    wasi_light_env_set_prefix(g.env, "p ");
    wasi_light_env_flush(g.env);
    core_assert_captured(&g, lines ? 2 : 1, text);
    EXPECT_LINES("");
    core_write_text(&g, lines ? 1 : 2, "x\ny\x1b");
    if (lines) {
      size_t size = 1;
      EXPECT_LINES("1:p x");
      assert_null(wasi_light_env_captured(g.env, 1, &size, NULL)); /* the line is nobody's business */
      assert_int_equal(size, 0);
      wasi_light_env_clear_captured(g.env, 1);
      wasi_light_env_flush(g.env);
      EXPECT_LINES("1:p y\\x1b");
    } else {
      assert_string_equal(written, "2:x\ny\x1b");
    }
    core_end(&g);
  }
}

#define TEST(name) cmocka_unit_test_teardown(name, core_fd_teardown)

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      TEST(test_whole_lines),
      TEST(test_two_streams),
      TEST(test_in_parts),
      TEST(test_length_of_lines),
      TEST(test_when_a_piece_is_given),
      TEST(test_prefix),
      TEST(test_length_of_the_prefix),
      TEST(test_prefix_of_characters),
      TEST(test_flush),
      TEST(test_unfinished_lines),
      TEST(test_unfinished_line_of_an_ended_guest),
      TEST(test_in_callback),
      TEST(test_flush_in_the_callback),
      TEST(test_save_and_restore),
      TEST(test_nothing_is_left),
      TEST(test_bytes_of_an_environment),
      TEST(test_wrong_sizes),
      TEST(test_inherited),
      TEST(test_inherited_errors),
      TEST(test_inherited_in_parts),
      TEST(test_other_modes),
  };
  return CORE_RUN(tests, argc, argv);
}
