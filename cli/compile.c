/* SPDX-License-Identifier: MIT */
/* wasi-light compile: a module's compiled code, in a file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

/* ---- Options ----------------------------------------------------------------------------------------- */

typedef struct compile_options_t {
  const char *output;
} compile_options_t;

static const char *set_output(void *into, const char *value) {
  ((compile_options_t *)into)->output = value;
  return NULL;
}

static const cli_option_t compile_options[] = {
    {"-o", "FILE", "where to write the compiled code", set_output},
};

/* ---- The file ---------------------------------------------------------------------------------------- */

/* A file is replaced, unless it is the module; a device, a folder or a link is not. */
static bool may_replace(const char *path, const char *module_path) {
  struct stat status, module;
  if (lstat(path, &status) != 0) return true; /* it is not there, or writing it will fail */
  bool is_module = stat(module_path, &module) == 0 && module.st_dev == status.st_dev && module.st_ino == status.st_ino;
  if (is_module) cli_error("%s could not be written: it is the module", path);
  else if (!S_ISREG(status.st_mode)) cli_error("%s could not be written: it is not a regular file", path);
  return !is_module && S_ISREG(status.st_mode);
}

/* Into a file that mkstemp made, with mode 0600; takes over its descriptor. False with errno set. */
static bool write_to(int fd, const wasm_byte_vec_t *bytes) {
  FILE *file = fdopen(fd, "wb");
  if (!file) {
    close(fd);
    return false;
  }
  bool ok = fwrite(bytes->data, 1, bytes->size, file) == bytes->size;
  return fclose(file) == 0 && ok;
}

/* The file is there as a whole, or as it was. */
static bool replace_file(const char *path, const wasm_byte_vec_t *bytes) {
  static const char ending[] = ".XXXXXX";
  size_t size = strlen(path) + sizeof ending;
  char *part = malloc(size);
  if (!part) {
    cli_error("out of memory");
    return false;
  }
  snprintf(part, size, "%s%s", path, ending);
  int fd = mkstemp(part);
  bool ok = fd >= 0 && write_to(fd, bytes) && rename(part, path) == 0;
  if (!ok) cli_error("%s could not be written: %s", path, strerror(errno));
  if (!ok && fd >= 0) unlink(part);
  free(part);
  return ok;
}

/* ---- The command ------------------------------------------------------------------------------------- */

/* `artifact` is then the caller's. */
static bool compile(const char *path, const wasi_light_limits_t *limits, wasm_byte_vec_t *artifact) {
  wasm_byte_vec_t bytes;
  wasi_light_error_t error;
  if (!cli_read_module(path, &bytes)) return false;
  wasm_engine_t *engine = cli_new_engine();
  bool ok = false;
  if (engine) {
    ok = wasi_light_compile(engine, bytes.data, bytes.size, limits, NULL, artifact, &error);
    if (!ok) cli_error("%s: %s", path, error.message);
    wasm_engine_delete(engine);
  }
  wasm_byte_vec_delete(&bytes);
  return ok;
}

static int compile_command(const cli_command_t *command, int argc, char **argv) {
  compile_options_t options = {0};
  cli_words_t words;
  wasm_byte_vec_t artifact;
  int status;
  if (!cli_parse(command, &options, argc, argv, &words, &status)) return status;
  if (!options.output) {
    cli_usage_error(command->name, "where to? Expected: wasi-light compile [OPTION...] %s", command->operands);
    return CLI_USAGE;
  }
  const char *path = words.operands[0];
  if (!may_replace(options.output, path) || !compile(path, &words.limits, &artifact)) return CLI_FAILED;
  bool ok = replace_file(options.output, &artifact);
  wasm_byte_vec_delete(&artifact);
  return ok ? CLI_OK : CLI_FAILED;
}

const cli_command_t cli_compile_command = {
    .name = "compile",
    .operands = "MODULE -o FILE",
    .summary = "compile a module, for wasi-light run --compiled",
    .details = "FILE is for this MODULE, the limits given here, this version of wasi-light and its engine, and\n"
               "this kind of processor; for others it is refused. It is machine code: whoever runs it trusts\n"
               "who could write it. It is written in one step, readable by its owner only.",
    .options = compile_options,
    .option_count = sizeof compile_options / sizeof compile_options[0],
    .run = compile_command,
};
