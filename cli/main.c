/* SPDX-License-Identifier: MIT */
/* wasi-light: finds the subcommand; --help and --version. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <wasmer.h>

#include "cli.h"

static const cli_command_t *const commands[] = {&cli_run_command, &cli_audit_command, &cli_compile_command};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

/*
 * If 0, 1 or 2 was closed, the next file that is opened would take its place, and the guest would print into it. So
 * each is opened, the wrong way round: reading from stdin or writing to stdout still fails as for a closed one.
 */
static bool occupy_standard_streams(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) return false;
  }
  return true;
}

static int print_version(void) {
  printf("wasi-light %s (Wasmer %s)\n", wasi_light_version(), wasmer_version());
  return cli_flush(stdout, "stdout") ? CLI_OK : CLI_FAILED;
}

static int print_help(void) {
  printf("usage: wasi-light COMMAND [OPTION...] ...\n\n"
         "Runs WebAssembly modules that need no more of WASI preview 1 than arguments, environment,\n"
         "clocks, randomness and the three standard streams.\n\n"
         "commands:\n");
  for (size_t i = 0; i < COMMAND_COUNT; i++) printf("  %-9s %s\n", commands[i]->name, commands[i]->summary);
  printf("\noptions:\n"
         "  --help     this text; \"wasi-light COMMAND --help\" says more\n"
         "  --version  the version of wasi-light and of the engine\n");
  return cli_flush(stdout, "stdout") ? CLI_OK : CLI_FAILED;
}

int main(int argc, char **argv) {
  if (!occupy_standard_streams()) return CLI_FAILED;
  if (argc < 2) {
    cli_usage_error("", "which command? Try: wasi-light run MODULE");
    return CLI_USAGE;
  }
  const char *word = argv[1];
  if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) return print_help();
  if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) return print_version();
  for (size_t i = 0; i < COMMAND_COUNT; i++) {
    if (strcmp(word, commands[i]->name) == 0) return commands[i]->run(commands[i], argc - 2, argv + 2);
  }
  cli_usage_error("", "there is no %s \"%s\"", word[0] == '-' ? "option" : "command", word);
  return CLI_USAGE;
}
