// SPDX-License-Identifier: MIT
//
// A WASI preview 1 command in C with wasi-libc: a module with `_start`, run once, that ends with an
// exit code.
//
//   c_command                 prints a greeting
//   c_command echo WORD...    prints the words
//   c_command cat             copies stdin to stdout
//   c_command stderr TEXT     prints the text on stderr
//   c_command env NAME        prints an environment variable
//   c_command errno           opens a file that no host of ours has, and prints why that failed
//   c_command isatty          prints isatty() of 0, 1 and 2
//   c_command exit N          calls exit(N)
//   c_command return N        returns N from main()
//   c_command abort           calls abort()

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { USAGE_ERROR = 64 };

static int echo(int count, char **words) {
  for (int i = 0; i < count; i++) {
    printf("%s%s", i ? " " : "", words[i]);
  }
  putchar('\n');
  return EXIT_SUCCESS;
}

static int cat(void) {
  char buffer[4096];
  size_t got;
  while ((got = fread(buffer, 1, sizeof buffer, stdin)) > 0) {
    if (fwrite(buffer, 1, got, stdout) != got) {
      perror("stdout");
      return EXIT_FAILURE;
    }
  }
  if (ferror(stdin)) {
    perror("stdin");
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}

static int show_errno(void) {
  FILE *file = fopen("/etc/passwd", "r");
  if (file) {
    puts("fopen: ok");
    fclose(file);
    return EXIT_SUCCESS;
  }
  int error = errno;
  printf("fopen: %s\nerrno: %d\n", strerror(error), error);
  return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    puts("hello from a WASI command");
    return EXIT_SUCCESS;
  }
  const char *verb = argv[1];
  if (strcmp(verb, "echo") == 0) {
    return echo(argc - 2, argv + 2);
  }
  if (strcmp(verb, "cat") == 0) {
    return cat();
  }
  if (strcmp(verb, "errno") == 0) {
    return show_errno();
  }
  if (strcmp(verb, "isatty") == 0) {
    printf("isatty: %d %d %d\n", isatty(0), isatty(1), isatty(2));
    return EXIT_SUCCESS;
  }
  if (strcmp(verb, "abort") == 0) {
    abort();
  }
  if (argc == 3 && strcmp(verb, "stderr") == 0) {
    fprintf(stderr, "%s\n", argv[2]);
    return EXIT_SUCCESS;
  }
  if (argc == 3 && strcmp(verb, "env") == 0) {
    const char *value = getenv(argv[2]);
    puts(value ? value : "(unset)");
    return EXIT_SUCCESS;
  }
  if (argc == 3 && strcmp(verb, "exit") == 0) {
    exit(atoi(argv[2]));
  }
  if (argc == 3 && strcmp(verb, "return") == 0) {
    return atoi(argv[2]);
  }
  fprintf(stderr, "%s: I do not know how to %s (see the comment in c_command.c)\n", argv[0], verb);
  return USAGE_ERROR;
}
