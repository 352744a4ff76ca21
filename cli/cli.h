/* SPDX-License-Identifier: MIT */
/*
 * cli.h - what the files of the wasi-light command share.
 *
 * main.c     finds the subcommand
 * options.c  options and their values, help
 * report.c   messages, output that is checked
 * module.c   a module from a file, binary or text
 * invoke.c   --invoke: a call read from text, results printed
 * run.c      wasi-light run; run_options.c its options
 * audit.c    wasi-light audit
 * compile.c  wasi-light compile
 */
#ifndef WASI_LIGHT_CLI_H
#define WASI_LIGHT_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "wasi_light_wasm.h"

/* Exit statuses. A guest that exits or returns gives its own. */
enum {
  CLI_OK = 0,
  CLI_FAILED = 1,      /* anything that has no status of its own */
  CLI_USAGE = 2,       /* the command line cannot be read */
  CLI_SIGNALLED = 128, /* and the signal's number is added */
  CLI_TRAPPED = 134    /* 128 + SIGABRT: what a shell reports of a native program that aborts */
};

/* ---- report.c ---------------------------------------------------------------------------------------- */

#if defined(__GNUC__)
#define CLI_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define CLI_PRINTF(text, first)
#endif

/* One line on stderr: "wasi-light: " and the message, whatever bytes a module put into it. */
void cli_error(const char *format, ...) CLI_PRINTF(1, 2);

/* The same for a mistake in the command line, with where to read more: the help of `command`, or with "" the help. */
void cli_usage_error(const char *command, const char *format, ...) CLI_PRINTF(2, 3);

/* Hands on what was written to `file`; false after saying that this failed. `name` is for that message. */
bool cli_flush(FILE *file, const char *name);

/* ---- options.c --------------------------------------------------------------------------------------- */

/* One option. `set` stores it in the subcommand's own struct, and returns NULL or what `value` should have been. */
typedef struct cli_option_t {
  const char *name;       /* "--env" */
  const char *value_name; /* "K=V" in the help; NULL for an option without a value */
  const char *help;
  const char *(*set)(void *options, const char *value);
} cli_option_t;

/* A subcommand. `run` is given what follows the subcommand's name and returns the exit status. */
typedef struct cli_command_t {
  const char *name;
  const char *operands; /* "MODULE [ARG...]" */
  const char *summary;  /* one line */
  const char *details;  /* a paragraph or two, or NULL */
  bool has_args;        /* what follows MODULE is the guest's. Else options may follow it, and nothing else */
  const cli_option_t *options;
  size_t option_count;
  int (*run)(const struct cli_command_t *command, int argc, char **argv);
} cli_command_t;

extern const cli_command_t cli_run_command;
extern const cli_command_t cli_audit_command;
extern const cli_command_t cli_compile_command;

/* What all subcommands take. */
typedef struct cli_words_t {
  wasi_light_limits_t limits;
  char **operands; /* MODULE; if the command has them, the guest's arguments and a NULL follow */
} cli_words_t;

/*
 * Reads what follows the subcommand's name: its own options, in order, into `options`, the rest into `words`. Where it
 * returns false, nothing is left to be done but to end with `*status`: help was asked for and printed, or the command
 * line is wrong and that was said.
 */
bool cli_parse(const cli_command_t *command, void *options, int argc, char **argv, cli_words_t *words, int *status);

/* Decimal, or hexadecimal after 0x; no sign, nothing before or after it. False if it is not that, or too large. */
bool cli_parse_u64(const char *text, uint64_t *value);

/* A whole number with an optional sign and a unit of ns, us, ms, s, m, h, as in "-250ms". */
bool cli_parse_duration(const char *text, int64_t *nanoseconds);

/* ---- module.c ---------------------------------------------------------------------------------------- */

/* All of a file, which need not know its size. own: free(). NULL after saying why not. */
char *cli_read_file(const char *path, size_t *size);

/* Reads a module; text is assembled. `bytes` is then the caller's. False after saying why not. */
bool cli_read_module(const char *path, wasm_byte_vec_t *bytes);

/* NULL after saying so. */
wasm_engine_t *cli_new_engine(void);

/* The last component of a path, which is never empty unless the path is or ends with a slash. */
const char *cli_file_name(const char *path);

/* ---- invoke.c ---------------------------------------------------------------------------------------- */

/* One --invoke, checked against the export's type. */
typedef struct cli_call_t {
  const wasi_light_func_t *func;
  wasm_val_t *args, *results;
  size_t arg_count, result_count;
} cli_call_t;

/* Reads "NAME" or "NAME(1,-2,2.5)". False after saying why not; then there is nothing to free. */
bool cli_call_parse(cli_call_t *call, const wasi_light_module_t *module, const char *path, const char *text);
void cli_call_free(cli_call_t *call);

/* The results on one line; nothing if there are none. */
void cli_print_results(FILE *file, const cli_call_t *call);

/* "add, count, greet" into `text`, cut with "..." where it is full; "no function" if there is none to call. */
void cli_list_exports(const wasi_light_module_t *module, char *text, size_t size);

#endif
