/* SPDX-License-Identifier: MIT */
/*
 * The symbol tables of what is installed: the shared library exports what the public headers declare and nothing else;
 * the static one shares only names of ours between its files.
 */
#include <ctype.h>

#include "core_guest.h"

enum { NAME_SIZE = 80, NAMES_MAX = 1024 };

typedef struct names_t {
  char of[NAMES_MAX][NAME_SIZE];
  size_t count;
} names_t;

static void add_name(names_t *names, const char *name, size_t size) {
  if (names->count == NAMES_MAX || size >= NAME_SIZE) fail_msg("too many names, or too long: %.*s", (int)size, name);
  memcpy(names->of[names->count], name, size);
  names->of[names->count++][size] = '\0';
}

static bool has_name(const names_t *names, const char *name) {
  for (size_t i = 0; i < names->count; i++) {
    if (strcmp(names->of[i], name) == 0) return true;
  }
  return false;
}

static bool begins_with(const char *text, const char *prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* What a sanitizer adds to every library that it instruments. */
static bool is_sanitizer_s(const char *name) {
  return begins_with(name, "__") && (strstr(name, "_asan_") || strstr(name, "_ubsan_") || strstr(name, "_sanitizer_"));
}

/* The defined global symbols of a library; `options` are nm's. */
static void read_symbols(names_t *names, const char *options, const char *path) {
  char line[1024];
  snprintf(line, sizeof line, "nm %s --defined-only --extern-only --format=posix '%s'", options, path);
  FILE *nm = popen(line, "r"); /* NOLINT(cert-env33-c): a fixed command, on a path of the build */
  if (!nm) {
    fail_msg("cannot run %s", line);
    return;
  }
  names->count = 0;
  while (fgets(line, sizeof line, nm)) {
    char *space = strchr(line, ' ');
    if (!space || line[strcspn(line, "\n") - 1] == ':') continue; /* the heading of an archive's member */
    if (space - line < NAME_SIZE) {
      *space = '\0';
      if (is_sanitizer_s(line)) continue;
    }
    add_name(names, line, strlen(line));
  }
  if (pclose(nm) != 0) fail_msg("nm cannot read %s", path);
}

static const char *shared_library(void) {
  const char *path = getenv("WASI_LIGHT_SO");
  return path ? path : WASI_LIGHT_SO;
}

/* ---- The headers ---- */

static char *read_header(const char *name) {
  char path[1024];
  snprintf(path, sizeof path, "%s/../../include/%s", GUESTS_DIR, name);
  FILE *file = fopen(path, "r");
  long size = file && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
  if (size <= 0 || fseek(file, 0, SEEK_SET) != 0) {
    if (file) fclose(file);
    fail_msg("cannot read %s", path);
    return NULL;
  }
  char *text = calloc((size_t)size + 1, 1);
  assert_non_null(text);
  assert_int_equal(fread(text, 1, (size_t)size, file), size);
  fclose(file);
  return text;
}

/* Comments become spaces. */
static void remove_comments(char *text) {
  char *start;
  while ((start = strstr(text, "/*")) != NULL) {
    char *end = strstr(start, "*/");
    assert_non_null(end);
    memset(start, ' ', (size_t)(end + 2 - start));
  }
}

static bool is_in_name(char c) {
  return isalnum((unsigned char)c) || c == '_';
}

/* A declaration is a name of ours with a parenthesis behind it, whether it is marked as public or not. */
static void add_declared(names_t *names, const char *header) {
  static const char prefix[] = "wasi_light_";
  size_t before = names->count;
  char *text = read_header(header);
  remove_comments(text);
  for (const char *at = strstr(text, prefix); at; at = strstr(at, prefix)) {
    const char *end = at;
    while (is_in_name(*end)) end++;
    if (*end == '(' && !is_in_name(at[-1])) add_name(names, at, (size_t)(end - at));
    at = end;
  }
  free(text);
  assert_true(names->count > before);
}

static void read_declared(names_t *names) {
  names->count = 0;
  add_declared(names, "wasi_light.h");
  add_declared(names, "wasi_light_wasm.h");
  assert_true(has_name(names, "wasi_light_version"));
  assert_true(has_name(names, "wasi_light_functions"));
  assert_true(has_name(names, "wasi_light_generate_import_object"));
  assert_true(has_name(names, "wasi_light_trap"));
  assert_true(has_name(names, "wasi_light_instance_wasm"));
}

/* ---- Tests ---- */

static names_t exported, declared, shared_between_files;

static void test_what_is_declared_is_exported(void **state) {
  read_symbols(&exported, "-D", shared_library());
  read_declared(&declared);
  for (size_t i = 0; i < declared.count; i++) {
    if (!has_name(&exported, declared.of[i])) fail_msg("%s is declared but not exported", declared.of[i]);
  }
}

static void test_what_is_exported_is_declared(void **state) {
  read_symbols(&exported, "-D", shared_library());
  read_declared(&declared);
  for (size_t i = 0; i < exported.count; i++) {
    if (!begins_with(exported.of[i], "wasi_light_") || begins_with(exported.of[i], "wasi_light__")) {
      fail_msg("%s is exported, and is no public name", exported.of[i]);
    }
    if (!has_name(&declared, exported.of[i])) fail_msg("%s is exported but not declared", exported.of[i]);
  }
  assert_int_equal(exported.count, declared.count);
}

static void check_archive(const char *file, bool has_adapter) {
  char path[1024];
  unsigned syscalls = 0;
  snprintf(path, sizeof path, "%s/%s", WASI_LIGHT_BUILD_DIR, file);
  read_symbols(&shared_between_files, "", path);
  for (size_t i = 0; i < shared_between_files.count; i++) {
    const char *name = shared_between_files.of[i];
    syscalls += begins_with(name, "p1_");
    if (!begins_with(name, "wasi_light_") && !begins_with(name, "p1_") && !begins_with(name, "p0_") &&
        !begins_with(name, "host_")) {
      fail_msg("%s: %s begins with no prefix of ours", file, name);
    }
  }
  assert_true(syscalls >= 46);
  assert_true(has_name(&shared_between_files, "p1_fd_write"));
  assert_true(has_name(&shared_between_files, "wasi_light_config_new"));
  assert_int_equal(has_name(&shared_between_files, "wasi_light_module_new"), has_adapter);
}

static void test_names_in_the_static_libraries(void **state) {
  check_archive("libwasi_light.a", true);
  check_archive("libwasi_light_core.a", false);
}

/* A public name without a declaration would be a prototype that nobody sees. */
static void test_public_names_in_the_static_library(void **state) {
  char path[1024];
  snprintf(path, sizeof path, "%s/libwasi_light.a", WASI_LIGHT_BUILD_DIR);
  read_symbols(&shared_between_files, "", path);
  read_declared(&declared);
  for (size_t i = 0; i < shared_between_files.count; i++) {
    const char *name = shared_between_files.of[i];
    if (!begins_with(name, "wasi_light_") || begins_with(name, "wasi_light__")) continue;
    if (!has_name(&declared, name)) fail_msg("%s is not declared", name);
  }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_what_is_declared_is_exported),
    cmocka_unit_test(test_what_is_exported_is_declared),
    cmocka_unit_test(test_names_in_the_static_libraries),
    cmocka_unit_test(test_public_names_in_the_static_library),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
