/* SPDX-License-Identifier: MIT */
/* wasi-light audit: what a module is, what it imports, and whether a pool can recycle its instances. */
#include "cli.h"

/* The library has taken control characters out of a module's names. */
static void print_line(void *context, const char *line) {
  (void)context;
  puts(line);
}

static int audit_command(const cli_command_t *command, int argc, char **argv) {
  cli_words_t words;
  wasm_byte_vec_t bytes;
  wasi_light_error_t error;
  int status;
  if (!cli_parse(command, NULL, argc, argv, &words, &status)) return status;
  const char *path = words.operands[0];
  if (!cli_read_module(path, &bytes)) return CLI_FAILED;
  bool good = wasi_light_audit(bytes.data, bytes.size, NULL, &words.limits, print_line, NULL, &error);
  if (!good) cli_error("%s: %s", path, error.message);
  wasm_byte_vec_delete(&bytes);
  return good && cli_flush(stdout, "stdout") ? CLI_OK : CLI_FAILED;
}

const cli_command_t cli_audit_command = {
    .name = "audit",
    .operands = "MODULE",
    .summary = "say what a module is, what it imports, and if it is recyclable",
    .details = "MODULE is WebAssembly, binary or text; it is not compiled or run. Printed are its kind (command,\n"
               "reactor or library), start section, memories, tables, and each import with its type: WASI,\n"
               "for the host to give, or refused. At the end stands whether a pool can recycle its instances,\n"
               "and if not, all the reasons.\n\n"
               "The exit status is 0 if the module could be read, whatever it is.",
    .run = audit_command,
};
