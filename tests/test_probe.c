/* SPDX-License-Identifier: MIT */
/*
 * guests/probe.c on wasi-light: each of its cases in an instance of its own, held against tests/data/probe.txt. A line
 * that differs is a change of what guests see. Where that is meant, WASI_LIGHT_PROBE_WRITE=1 in the environment makes
 * this test write the file, and `make differential` judges the change.
 */
#include <inttypes.h>

#include "wasm_rig.h"

#define EXPECTED GUESTS_DIR "/../../tests/data/probe.txt"
enum { OUTPUT = 4096, LIST = 1 << 17, REPORTED = 20 };

static char listed[LIST + 1], answers[LIST + 1], expected[LIST + 1];
static size_t answers_size;

/* What the probe printed on `fd`, as a string that the next call for that stream overwrites. */
static const char *captured(const rig_t *rig, uint32_t fd, size_t size) {
  static char texts[2][LIST + 1];
  size_t got = 0;
  uint64_t dropped = 1;
  char *text = texts[fd - 1];
  const uint8_t *bytes = wasi_light_env_captured(wasi_light_instance_env(rig->instance), fd, &got, &dropped);
  assert_true(got <= size);
  assert_int_equal(dropped, 0);
  memcpy(text, bytes, got);
  text[got] = '\0';
  return text;
}

static wasi_light_outcome_t start(rig_t *rig, wasi_light_module_t *module, const char *argument, size_t size) {
  const char *const args[] = {"probe", argument, NULL};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.args = args;
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = size};
  options.err = options.out;
  rig_start_module(rig, wasi_light_module_copy(module), &options, NULL);
  return rig_try(rig, "_start", NO_ARGS);
}

__attribute__((format(printf, 1, 2))) static void append(const char *format, ...) {
  va_list args;
  va_start(args, format);
  int size = vsnprintf(answers + answers_size, sizeof answers - answers_size, format, args);
  va_end(args);
  assert_true(size >= 0 && (size_t)size < sizeof answers - answers_size);
  answers_size += (size_t)size;
}

static void append_stderr(const char *text) {
  size_t size = strlen(text);
  if (size == 0) return;
  append(" stderr: ");
  if (size > 24) append("%zu bytes", size);
  for (size_t i = 0; i < size && size <= 24; i++) {
    if (text[i] >= ' ' && text[i] <= '~') append("%c", text[i]);
    else append("\\%02x", (unsigned char)text[i]);
  }
}

/* The case's line, or its name where it could print none; how it ended, if not by returning; what came on stderr. */
static void append_case(wasi_light_module_t *module, unsigned number, const char *name) {
  char argument[16];
  rig_t rig;
  snprintf(argument, sizeof argument, "%04u", number);
  wasi_light_outcome_t outcome = start(&rig, module, argument, OUTPUT);
  const char *line = captured(&rig, 1, OUTPUT), *other = captured(&rig, 2, OUTPUT);
  if (!*line) line = other, other = ""; /* stdout is closed */
  size_t size = strcspn(line, "\n");
  if (size > 0) append("%.*s", (int)size, line);
  else append("%s|", name);
  assert_true(strlen(line + size) <= 1);
  if (outcome.kind == WASI_LIGHT_EXITED) append(" exit %" PRIu32, outcome.exit_code);
  else if (outcome.kind != WASI_LIGHT_RETURNED) append(" outcome %d: %s", outcome.kind, outcome.message);
  append_stderr(other);
  append("\n");
  rig_end(&rig);
}

/* The text up to the next end of line, which becomes its end; NULL where there is no more. */
static char *next_line(char **text) {
  char *line = *text;
  size_t size = strcspn(line, "\n");
  if (!*line) return NULL;
  *text = line + size + (line[size] == '\n');
  line[size] = '\0';
  return line;
}

static void run_all(void) {
  wasi_light_error_t error;
  rig_t rig;
  rig_bytes_t bytes = rig_guest("probe");
  assert_non_null(bytes.data);
  wasi_light_module_t *module = wasi_light_module_new(rig_engine(), bytes.data, bytes.size, NULL, NULL, &error);
  if (!module) fail_msg("%s", error.message);
  rig_bytes_end(&bytes);
  ASSERT_OUTCOME(start(&rig, module, "list", LIST), RETURNED, "");
  memcpy(listed, captured(&rig, 1, LIST), sizeof listed);
  rig_end(&rig);
  unsigned count = 0;
  char *rest = listed;
  for (char *line; (line = next_line(&rest)); count++) {
    const char *name = strchr(strchr(line, ' ') + 1, ' ') + 1; /* NUMBER shared|alone NAME */
    append_case(module, count, name);
  }
  assert_true(count > 1000); /* of 46 functions */
  wasi_light_module_delete(module);
}

static FILE *open_expected(const char *mode) {
  FILE *file = fopen(EXPECTED, mode);
  if (!file) fail_msg("%s cannot be opened", EXPECTED);
  return file;
}

static void write_expected(void) {
  FILE *file = open_expected("w");
  if (!file) return;
  assert_int_equal(fwrite(answers, 1, answers_size, file), answers_size);
  assert_int_equal(fclose(file), 0);
}

static void read_expected(void) {
  FILE *file = open_expected("r");
  if (!file) return;
  assert_true(fread(expected, 1, sizeof expected, file) < sizeof expected);
  assert_int_equal(fclose(file), 0);
}

static void test_answers(void **state) {
  char *is_rest = answers, *was_rest = expected;
  unsigned differ = 0;
  run_all();
  if (getenv("WASI_LIGHT_PROBE_WRITE")) write_expected();
  read_expected();
  for (;;) {
    const char *is = next_line(&is_rest), *was = next_line(&was_rest);
    if (!is && !was) break;
    if (is && was && strcmp(is, was) == 0) continue;
    if (++differ <= REPORTED) print_error("was %s\nis  %s\n", was ? was : "nothing", is ? is : "nothing");
  }
  if (differ > 0) fail_msg("%u answers differ from tests/data/probe.txt", differ);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
