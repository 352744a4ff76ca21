/* SPDX-License-Identifier: MIT */
/*
 * The wasi-light command, as a shell runs it: the real program, on the real guests and on small modules in text.
 *
 * In commands, $W is the program, $G the folder of the guests, and the current folder a temporary one in which the
 * modules of shell_set_up lie.
 */
#ifndef CLI_SHELL_H
#define CLI_SHELL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wasi_light.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What the last command printed on stdout and stderr. */
extern char shell_out[1 << 16], shell_err[1 << 16];

/* Runs a command; its exit status. */
int shell_run(const char *command);

/* `message` is a part of our one line on stderr, or NULL if there must be nothing at all. */
void shell_expect(const char *command, int status, const char *output, const char *message);

typedef struct shell_case_t {
  const char *command;
  int status;
  const char *out, *message;
} shell_case_t;

void shell_expect_all(const shell_case_t *cases, size_t count);

void shell_write_file(const char *name, const char *bytes, size_t size);

/* The text of a module, with ' for ". */
typedef struct shell_module_t {
  const char *file, *text;
} shell_module_t;

/* For the group of tests. */
int shell_set_up(const shell_module_t *modules, size_t count);
int shell_tear_down(void **state);

#endif
