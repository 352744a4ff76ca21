/* SPDX-License-Identifier: MIT */
/*
 * functions_md: prints docs/functions.md. `make docs` writes the file; the test docs_functions holds it to the table.
 *
 * Names, signatures and texts come from wasi_light_functions(); parameters, and the errno of functions that have
 * nothing to act on, from the same table by its rows. Only the errnos of `more` are written down here.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasi_light.h"

/* Parameters are "name:KIND " one after another. `on_stream` is NULL for a function with a body of its own. */
typedef struct row_t {
  const char *name, *parameters, *on_stream;
} row_t;

static const row_t rows[] = {
#define P(index, kind, name) #name ":" #kind " "
#define P1_FUNCTION(name, result, doc, ...) {#name, "" __VA_ARGS__, NULL},
#define P1_STREAM_ERRNO(name, fd, errno_name, doc, ...) {#name, "" __VA_ARGS__, #errno_name},
#include "../src/core/p1_functions.def"
};
enum { ROW_COUNT = sizeof rows / sizeof *rows };

/*
 * What a function answers besides the BADF and FAULT that its parameters bring with them, and the options that decide
 * what it does.
 */
static const struct {
  const char *name, *errnos, *options;
} more[] = {
    {"args_get", NULL, "args"},
    {"args_sizes_get", NULL, "args"},
    {"environ_get", NULL, "env"},
    {"environ_sizes_get", NULL, "env"},
    {"clock_res_get", "INVAL, NOTSUP", "clock"},
    {"clock_time_get", "INVAL, NOTSUP", "clock, clock_offset_ns"},
    {"fd_fdstat_set_flags", "INVAL, NOTCAPABLE", NULL},
    {"fd_fdstat_set_rights", "NOTCAPABLE", NULL},
    {"fd_filestat_get", "NOTCAPABLE", NULL},
    {"fd_read", "NOTCAPABLE, AGAIN, ISDIR, IO, or the callback's", "in"},
    {"fd_write", "NOTCAPABLE, AGAIN, FBIG, NOSPC, PIPE, IO, or the callback's", "out, err, quota.out_bytes"},
    {"poll_oneoff", "INVAL; in an event BADF, INVAL, NOTCAPABLE, NOTSUP, or the callback's", "sleep, clock"},
    {"proc_exit", "does not return", NULL},
    {"proc_raise", "NOTSUP, or INVAL", "raise"},
    {"random_get", "IO", "random_seed, next_random_stream, quota.random_bytes"},
    {"sched_yield", "none", "yield"},
};

static const char introduction[] =
    "# The functions of wasi_snapshot_preview1\n"
    "\n"
    "<!-- Made by `make docs` from src/core/p1_functions.def. Change the table, not this file. -->\n"
    "\n"
    "All %d link. %d do something; the other %d need a filesystem, offsets or sockets, and always give one errno.\n"
    "\n"
    "How to read the tables:\n"
    "\n"
    "- In a signature `i` is i32 and `I` is i64: the parameters, then the result, which is the errno.\n"
    "- A parameter is given as name and kind. An `out` kind is an address that the function writes to; `path`,\n"
    "  `iovecs`, `ciovecs` and `subscriptions` are addresses that it reads from. A `length` counts bytes, a `count`\n"
    "  elements.\n"
    "- The guest's fds are 0, 1 and 2, the three streams, until it closes them. There are no others.\n"
    "\n"
    "What holds for all of them:\n"
    "\n"
    "- BADF: the fd is not open.\n"
    "- FAULT: something that the function would read or write lies outside the guest's memory. Then no guest memory\n"
    "  was written, and nothing was consumed or printed.\n"
    "- A function that needs the guest's memory where none is bound stops the guest. The outcome of the call is\n"
    "  `WASI_LIGHT_NO_MEMORY`, with a message that names the function. A function that needs no memory, or fails\n"
    "  before it needs it, does not mind.\n"
    "- After `proc_exit` every function stops the guest, until the environment is reset or deleted.\n"
    "- The linker replaces any of them by the host's own function. `options.rules` deny any of them, by an errno or\n"
    "  by a trap, or limit the number of its calls; `options.quota` limits the calls of all. `options.count_calls`,\n"
    "  `trace`, `record` and `replay` see all of them. What else decides about a function stands in its row.\n"
    "- Modules that import from `wasi_unstable` (snapshot 0) get the same functions, but for `sock_accept`, which\n"
    "  that does not have. There `fd_filestat_get` and `poll_oneoff` have other layouts, and `fd_seek` another "
    "whence.\n";

static const char real_head[] =
    "\n"
    "## Those that do something\n"
    "\n"
    "AGAIN, FBIG, ISDIR, NOSPC, PIPE and some cases of BADF and IO are what the system says of an inherited stream.\n"
    "IO is also a stdin callback that claims more than it was asked for, and a system that gives no entropy.\n"
    "\n"
    "| function | parameters | signature | what it does here | errnos | options |\n"
    "|---|---|---|---|---|---|\n";

static const char fixed_head[] =
    "\n"
    "## Those that always give one errno\n"
    "\n"
    "It is what a preview 1 host answers that has no preopened folder and no socket. It depends on one fd alone, the\n"
    "first parameter that is one: nothing else is looked at, not even the memory. If that fd is not open it is BADF.\n"
    "\n"
    "| function | parameters | signature | if the fd is open | why |\n"
    "|---|---|---|---|---|\n";

static void fail(const char *what, const char *why) {
  fprintf(stderr, "functions_md: %s %s\n", what, why);
  exit(EXIT_FAILURE);
}

enum { MORE_COUNT = sizeof more / sizeof *more };

/* The function's line of `more`, or MORE_COUNT. */
static size_t find_more(const char *name) {
  size_t i = 0;
  while (i < MORE_COUNT && strcmp(more[i].name, name) != 0) i++;
  return i;
}

/* "fd:FD nread:OUT_U32 " becomes "`fd`: fd, `nread`: out u32". */
static void print_parameters(const char *parameters) {
  if (!*parameters) printf("none");
  for (const char *c = parameters; *c;) {
    size_t name = strcspn(c, ":");
    printf("`%.*s`: ", (int)name, c);
    for (c += name + 1; *c != ' '; c++) putchar(*c == '_' ? ' ' : tolower((unsigned char)*c));
    if (*++c) printf(", ");
  }
}

static bool has_any(const char *parameters, const char *const *kinds) {
  for (; *kinds; kinds++) {
    if (strstr(parameters, *kinds)) return true;
  }
  return false;
}

static void print_errnos(const row_t *row) {
  static const char *const fds[] = {":FD ", NULL};
  static const char *const addresses[] = {":OUT_", ":PATH ", ":IOVECS ", ":CIOVECS ", ":SUBSCRIPTIONS ", NULL};
  const char *errnos[] = {has_any(row->parameters, fds) ? "BADF" : NULL,
                          has_any(row->parameters, addresses) ? "FAULT" : NULL,
                          find_more(row->name) < MORE_COUNT ? more[find_more(row->name)].errnos : NULL};
  const char *separator = "";
  for (size_t i = 0; i < sizeof errnos / sizeof *errnos; i++) {
    if (!errnos[i]) continue;
    printf("%s%s", separator, errnos[i]);
    separator = ", ";
  }
  if (!*separator) fail(row->name, "has no errnos: give it a line in `more`");
}

static void print_row(const row_t *row, const wasi_light_function_t *function) {
  printf("| `%s` | ", function->name);
  print_parameters(row->parameters);
  printf(" | `%s` | ", function->signature);
  if (row->on_stream) {
    printf("%s | %s", row->on_stream, function->doc);
  } else {
    printf("%s | ", function->doc);
    print_errnos(row);
    const char *options = find_more(row->name) < MORE_COUNT ? more[find_more(row->name)].options : NULL;
    printf(" | %s", options ? options : "");
  }
  printf(" |\n");
}

static void print_rows(const wasi_light_function_t *functions, bool fixed) {
  for (size_t i = 0; i < ROW_COUNT; i++) {
    if ((rows[i].on_stream != NULL) == fixed) print_row(&rows[i], &functions[i]);
  }
}

/* The rows must be the library's, and each line of `more` must be about one of them. */
static void check(const wasi_light_function_t *functions, size_t count) {
  size_t used = 0;
  if (count != ROW_COUNT) fail("the library's list", "is not as long as p1_functions.def");
  for (size_t i = 0; i < ROW_COUNT; i++) {
    if (strcmp(rows[i].name, functions[i].name) != 0) fail(rows[i].name, "stands elsewhere in the library's list");
    if (!rows[i].on_stream && find_more(rows[i].name) < MORE_COUNT) used++;
  }
  if (used != MORE_COUNT) fail("`more`", "has a line about no function with a body of its own");
}

int main(void) {
  size_t count;
  const wasi_light_function_t *functions = wasi_light_functions(&count);
  int fixed = 0;
  check(functions, count);
  for (size_t i = 0; i < ROW_COUNT; i++) fixed += rows[i].on_stream != NULL;

  printf(introduction, ROW_COUNT, ROW_COUNT - fixed, fixed);
  fputs(real_head, stdout);
  print_rows(functions, false);
  fputs(fixed_head, stdout);
  print_rows(functions, true);
  if (fflush(stdout) != 0) fail("stdout", "could not be written");
  return EXIT_SUCCESS;
}
