/* SPDX-License-Identifier: MIT */
#include "core_lines.h"

core_lines_t core_lines;

void core_lines_clear(void) {
  core_lines.count = core_lines.used = 0;
}

void core_take_line(void *host, uint32_t fd, const char *line, size_t size, bool continues) {
  if (core_lines.count == CORE_LINES_MAX || size > CORE_LINES_BYTES - core_lines.used) fail_msg("too many lines");
  if (line[size] != '\0') fail_msg("there is no NUL behind the line");
  char *copy = core_lines.bytes + core_lines.used;
  memcpy(copy, line, size);
  core_lines.used += size;
  core_lines.line[core_lines.count++] = (core_line_t){host, fd, continues, copy, size};
}

wasi_light_options_t core_line_options(size_t line_size, bool escape) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_LINES, .line_size = line_size, .escape = escape};
  options.out.line = core_take_line;
  options.err = options.out;
  return options;
}

void core_start_lines(core_guest_t *guest, size_t line_size, bool escape) {
  const wasi_light_options_t options = core_line_options(line_size, escape);
  core_lines_clear();
  core_start(guest, &options, CORE_LINES_MEMORY);
}

void core_write(core_guest_t *guest, uint32_t fd, const void *bytes, size_t size) {
  core_write_parts(guest, fd, bytes, &size, 1);
}

void core_write_text(core_guest_t *guest, uint32_t fd, const char *text) {
  core_write(guest, fd, text, strlen(text));
}

/* nwritten is at 0, the iovecs are at 8, the bytes lie apart from one another behind them. */
void core_write_parts(core_guest_t *guest, uint32_t fd, const void *bytes, const size_t *sizes, size_t count) {
  size_t at = 8 + 8 * count;
  size_t done = 0;
  for (size_t i = 0; i < count; i++) {
    if (sizes[i] > guest->size || at > guest->size - sizes[i]) fail_msg("the test leaves its memory");
    core_put_iovec(guest, 8 + 8 * i, (uint32_t)at, (uint32_t)sizes[i]);
    memcpy(guest->memory + at, (const uint8_t *)bytes + done, sizes[i]);
    done += sizes[i];
    at += sizes[i] + 3;
  }
  EXPECT(SUCCESS, guest, fd_write, fd, 8, count, 0);
  assert_int_equal(core_get(guest, 0, 4), done);
}

void core_expect_lines(const char *text, const char *file, int line) {
  static char all[CORE_LINES_BYTES + 4 * CORE_LINES_MAX];
  size_t used = 0;
  for (size_t i = 0; i < core_lines.count; i++) {
    const core_line_t *one = &core_lines.line[i];
    used += (size_t)snprintf(all + used, sizeof all - used, "%s%u%c%.*s", i > 0 ? "|" : "", one->fd,
                             one->continues ? '+' : ':', (int)one->size, one->bytes);
  }
  all[used] = '\0';
  core_lines_clear();
  if (strcmp(all, text) == 0) return;
  print_error("lines \"%s\", expected \"%s\"\n", all, text);
  _fail(file, line);
}
