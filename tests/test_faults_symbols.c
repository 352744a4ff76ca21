/* SPDX-License-Identifier: MIT */
/*
 * Whether the tests of faults are complete: all that the library asks of others is in faults.def, as a thing that fails or
 * with the reason why not; and all that is public is called by their scripts.
 */
#include "core_guest.h"

enum { NAME_SIZE = 80, NAMES_MAX = 1024 };

typedef struct names_t {
  char of[NAMES_MAX][NAME_SIZE];
  size_t count;
} names_t;

/* What the compiler, and not the library, asks for: for position-independent code, sanitizers, coverage. */
static bool is_compiler_s(const char *name) {
  static const char *const parts[] = {
      "_GLOBAL_OFFSET_TABLE_", "__stack_chk_", "asan_", "tsan_", "ubsan_", "sanitizer_", "__llvm_", "gcov"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    if (name[0] == '_' && strstr(name, parts[i])) return true;
  }
  return false;
}

/* What `command` prints, a name a line, without the compiler's. */
static void read_names(names_t *names, const char *command) {
  char line[1024];
  FILE *pipe = popen(command, "r"); /* NOLINT(cert-env33-c): a fixed command, on paths of the build */
  names->count = 0;
  if (!pipe) {
    fail_msg("cannot run %s", command);
    return;
  }
  while (fgets(line, sizeof line, pipe)) {
    line[strcspn(line, "\n")] = '\0';
    if (is_compiler_s(line)) continue;
    if (names->count == NAMES_MAX || strlen(line) >= NAME_SIZE) fail_msg("too many names, or too long: %s", line);
    strcpy(names->of[names->count++], line); /* NOLINT(clang-analyzer-security.insecureAPI.strcpy): it fits */
  }
  if (pclose(pipe) != 0) fail_msg("failed: %s", command);
}

static bool has_name(const names_t *names, const char *name) {
  for (size_t i = 0; i < names->count; i++) {
    if (strcmp(names->of[i], name) == 0) return true;
  }
  return false;
}

/* A name in a list of names with spaces between them. */
static bool lists(const char *list, const char *name) {
  size_t size = strlen(name);
  for (const char *at = strstr(list, name); at; at = strstr(at + 1, name)) {
    if ((at == list || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0')) return true;
  }
  return false;
}

static const struct {
  const char *reason; /* NULL: it fails in the tests, or is counted */
  const char *names;
} rows[] = {
#define FAULT(name, ...) {NULL, #name},
#define ENGINE_FAULT(name) {NULL, #name},
#define ALIAS(name) {NULL, #name},
#define COUNTED(name) {NULL, #name},
#define ENGINE_COUNTED(name) {NULL, #name},
#define NEVER(reason, names) {reason, names},
#include "faults.def"
};
enum { ROWS = sizeof rows / sizeof *rows };

static bool is_listed(const char *name) {
  for (size_t i = 0; i < ROWS; i++) {
    if (lists(rows[i].names, name)) return true;
  }
  return false;
}

static names_t wanted, defined;

static void test_all_that_can_fail_is_listed(void **state) {
  char command[1024];
  snprintf(command, sizeof command,
           "nm --undefined-only --format=posix '%s/libwasi_light.a' | sed -n 's/ [Uw].*//p' | sort -u",
           WASI_LIGHT_BUILD_DIR);
  read_names(&wanted, command);
  snprintf(command, sizeof command,
           "nm --defined-only --extern-only --format=posix '%s/libwasi_light.a' | sed -n 's/ [A-Za-z] .*//p'",
           WASI_LIGHT_BUILD_DIR);
  read_names(&defined, command);
  assert_true(wanted.count > 100 && has_name(&wanted, "malloc") && has_name(&wanted, "wasm_instance_new"));
  for (size_t i = 0; i < wanted.count; i++) {
    const char *name = wanted.of[i];
    if (!has_name(&defined, name) && !is_listed(name)) {
      fail_msg("%s is called by the library, and not in tests/support/faults.def", name);
    }
  }
}

/*
 * A row for what is not called any more is a test of nothing. Not every engine has the same, and compilers call what they
 * like for moving bytes.
 */
static void test_all_that_is_listed_is_called(void **state) {
  static const char elsewhere[] =
      "getauxval wasmer_func_new_raw_with_env wasmer_memory_data_with_size bcmp memchr memcmp "
      "memcpy memmove memset read snprintf vsnprintf __memcpy_chk __read_chk __snprintf_chk __vsnprintf_chk";
  test_all_that_can_fail_is_listed(state);
  for (size_t i = 0; i < ROWS; i++) {
    char names[2048];
    assert_true(strlen(rows[i].names) < sizeof names && (!rows[i].reason || strlen(rows[i].reason) > 5));
    memcpy(names, rows[i].names, strlen(rows[i].names) + 1);
    for (char *rest = names, *name = strtok_r(names, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
      if (!has_name(&wanted, name) && !lists(elsewhere, name)) fail_msg("%s is listed, and nobody calls it", name);
    }
  }
}

/* By what the scripts' object files ask for: they are straight lines, so that what they name they call. */
static void test_all_that_is_public_is_called(void **state) {
  static names_t called;
  char command[1024];
  snprintf(command, sizeof command,
           "find '%s/CMakeFiles' -path '*/test_faults*.dir/*.o' -o -path '*/test_core_faults*.dir/*.o' |"
           " xargs nm --undefined-only --format=posix | sed -n 's/^\\(wasi_light_[a-z0-9_]*\\) U.*/\\1/p' | sort -u",
           WASI_LIGHT_BUILD_DIR);
  read_names(&called, command);
  snprintf(command, sizeof command,
           "nm -D --defined-only --format=posix '%s' | sed -n 's/^\\(wasi_light_[a-z0-9_]*\\) .*/\\1/p'",
           WASI_LIGHT_SO);
  read_names(&defined, command);
  assert_true(defined.count > 60);
  for (size_t i = 0; i < defined.count; i++) {
    if (!has_name(&called, defined.of[i])) fail_msg("no script calls %s", defined.of[i]);
  }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_all_that_can_fail_is_listed),
    cmocka_unit_test(test_all_that_is_listed_is_called),
    cmocka_unit_test(test_all_that_is_public_is_called),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
