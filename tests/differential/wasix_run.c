/* SPDX-License-Identifier: MIT */
/*
 * wasix_run MODULE REPORT FIRST LAST: the probe's cases on wasix through Wasmer's C API, each in a fresh store. Before
 * each case the line `RS NUMBER` goes to stdout and stderr; after it, `NUMBER OUTCOME` is appended to REPORT.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wasmer.h"

static void die(const char *what) {
  char text[1024] = "";
  if (wasmer_last_error_length() > 0) wasmer_last_error_message(text, sizeof text);
  fprintf(stderr, "wasix_run: %s: %s\n", what, text);
  exit(3);
}

static wasm_byte_vec_t read_file(const char *path) {
  static char bytes[1 << 20];
  wasm_byte_vec_t vec;
  FILE *file = fopen(path, "rb");
  if (!file) die(path);
  size_t size = fread(bytes, 1, sizeof bytes, file);
  if (size == sizeof bytes || ferror(file)) die(path);
  fclose(file);
  wasm_byte_vec_new(&vec, size, bytes);
  return vec;
}

/* wasix has no other sign of an exit than its trap's text. */
static void report_trap(FILE *report, int number, const wasm_trap_t *trap) {
  wasm_message_t message;
  unsigned code;
  wasm_trap_message(trap, &message);
  for (size_t i = 0; i + 1 < message.size; i++) {
    if ((unsigned char)message.data[i] < ' ') message.data[i] = ' ';
  }
  const char *exited = strstr(message.data, "ExitCode::");
  if (exited && sscanf(exited, "ExitCode::%u", &code) == 1) fprintf(report, "%d exit %u\n", number, code & 255);
  else fprintf(report, "%d trap %s\n", number, message.data);
  wasm_byte_vec_delete(&message);
}

static void run(wasm_engine_t *engine, const wasm_byte_vec_t *bytes, int number, FILE *report) {
  char text[16];
  wasm_store_t *store = wasm_store_new(engine);
  wasm_module_t *module = wasm_module_new(store, bytes);
  if (!module) die("module");
  snprintf(text, sizeof text, "%04d", number);
  wasi_config_t *config = wasi_config_new("probe");
  wasi_config_arg(config, text);
  wasi_config_inherit_stdin(config);
  wasi_config_inherit_stdout(config);
  wasi_config_inherit_stderr(config);
  wasi_env_t *env = wasi_env_new(store, config);
  if (!env) die("environment");
  wasm_extern_vec_t imports;
  if (!wasi_get_imports(store, env, module, &imports)) die("imports");
  wasm_trap_t *trap = NULL;
  wasm_instance_t *instance = wasm_instance_new(store, module, &imports, &trap);
  if (!instance) die("instance");
  if (!wasi_env_initialize_instance(env, store, instance)) die("memory");
  wasm_func_t *start = wasi_get_start_function(instance);
  wasm_val_vec_t none = WASM_EMPTY_VEC;
  trap = wasm_func_call(start, &none, &none);
  if (trap) report_trap(report, number, trap);
  else fprintf(report, "%d returned\n", number);
  if (trap) wasm_trap_delete(trap);
  wasm_func_delete(start);
  wasm_instance_delete(instance);
  wasm_extern_vec_delete(&imports);
  wasi_env_delete(env);
  wasm_module_delete(module);
  wasm_store_delete(store);
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fputs("usage: wasix_run MODULE REPORT FIRST LAST\n", stderr);
    return 2;
  }
  wasm_engine_t *engine = wasm_engine_new();
  wasm_byte_vec_t bytes = read_file(argv[1]);
  FILE *report = fopen(argv[2], "a");
  if (!report) die(argv[2]);
  setvbuf(report, NULL, _IOLBF, 0);
  for (int number = atoi(argv[3]); number <= atoi(argv[4]); number++) {
    for (int fd = 1; fd <= 2; fd++) dprintf(fd, "\x1e%d\n", number);
    run(engine, &bytes, number, report);
  }
  fclose(report);
  wasm_byte_vec_delete(&bytes);
  wasm_engine_delete(engine);
  return 0;
}
