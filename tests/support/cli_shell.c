/* SPDX-License-Identifier: MIT */
/* See cli_shell.h. */
#include "cli_shell.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Running ----------------------------------------------------------------------------------------- */

char shell_out[1 << 16], shell_err[1 << 16];

static void read_file(const char *name, char *text, size_t size) {
  FILE *file = fopen(name, "rb");
  size_t length = file ? fread(text, 1, size - 1, file) : 0;
  text[length] = '\0';
  if (file) fclose(file);
  assert_non_null(file);
}

/* `to_files`: what it prints is kept. */
static int shell(const char *command, bool to_files) {
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    signal(SIGPIPE, SIG_DFL); /* some test runners ignore it */
    if (!to_files || (freopen("stdout.txt", "w", stdout) && freopen("stderr.txt", "w", stderr))) {
      execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    }
    _exit(127);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int shell_run(const char *command) {
  int status = shell(command, true);
  read_file("stdout.txt", shell_out, sizeof shell_out);
  read_file("stderr.txt", shell_err, sizeof shell_err);
  return status;
}

/* Our own messages are one line that says who speaks. */
static void check_message(const char *command, const char *expected) {
  const char *begin = "wasi-light: ";
  const char *end = strchr(shell_err, '\n');
  if (strncmp(shell_err, begin, strlen(begin)) == 0 && end && end[1] == '\0' && strstr(shell_err, expected)) return;
  fail_msg("%s\nsaid on stderr: \"%s\"\nexpected one line of wasi-light with: %s", command, shell_err, expected);
}

void shell_expect(const char *command, int status, const char *output, const char *message) {
  int got = shell_run(command);
  if (got != status) fail_msg("%s\nexited with %d, expected %d; on stderr: \"%s\"", command, got, status, shell_err);
  if (strcmp(shell_out, output) != 0) fail_msg("%s\nprinted \"%s\", expected \"%s\"", command, shell_out, output);
  if (message) check_message(command, message);
  else if (shell_err[0]) fail_msg("%s\nsaid on stderr: \"%s\", expected nothing", command, shell_err);
}

void shell_expect_all(const shell_case_t *cases, size_t count) {
  for (size_t i = 0; i < count; i++) shell_expect(cases[i].command, cases[i].status, cases[i].out, cases[i].message);
}

/* ---- Files ------------------------------------------------------------------------------------------- */

void shell_write_file(const char *name, const char *bytes, size_t size) {
  FILE *file = fopen(name, "wb");
  bool ok = file && fwrite(bytes, 1, size, file) == size;
  if (file) ok = fclose(file) == 0 && ok;
  assert_true(ok);
}

static void write_module(const shell_module_t *module) {
  char text[2048];
  snprintf(text, sizeof text, "%s", module->text);
  for (char *quote = text; (quote = strchr(quote, '\'')); quote++) *quote = '"';
  shell_write_file(module->file, text, strlen(text));
}

/* ---- Set-up ------------------------------------------------------------------------------------------ */

static char folder[] = "/tmp/wasi-light-cli-XXXXXX";

/* Links, so that a space in a path of this machine does no harm. */
int shell_set_up(const shell_module_t *modules, size_t count) {
  const char *program = getenv("WASI_LIGHT_CLI");
  char *path = realpath(program ? program : WASI_LIGHT_CLI, NULL);
  bool ok = path && mkdtemp(folder) && chdir(folder) == 0 && symlink(path, "program") == 0 &&
            symlink(GUESTS_DIR, "guests") == 0 && setenv("W", "./program", 1) == 0 && setenv("G", "guests", 1) == 0;
  free(path);
  for (size_t i = 0; ok && i < count; i++) write_module(&modules[i]);
  return ok ? 0 : -1;
}

int shell_tear_down(void **state) {
  if (setenv("F", folder, 1) != 0 || chdir("/") != 0) return -1;
  return shell("rm -rf \"$F\"", false);
}
