/* SPDX-License-Identifier: MIT */
/* The example of README.md, which a test holds to this file. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <wasi_light_wasm.h>

static void *need(void *made, const wasi_light_error_t *error) {
  if (made) return made;
  fprintf(stderr, "%s: %s\n", wasi_light_error_name((int)error->code), error->message);
  exit(EXIT_FAILURE);
}

int main(void) {
  /* What plug-ins are given. What is not set here they do not get. */
  const char *const args[] = {"plug-in", "first", "second", NULL};
  const char *const env[] = {"KEY1=VALUE1", NULL};
  const uint64_t seed = 42;
  wasi_light_error_t error;
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.args = args;
  options.env = env;
  options.clock_offset_ns = INT64_C(3600) * 1000000000;
  options.random_seed = &seed; /* leave it NULL for the system's randomness */
  options.out.mode = WASI_LIGHT_OUTPUT_INHERIT;
  wasi_light_config_t *config = need(wasi_light_config_new(&options, &error), &error);

  /* A plug-in is compiled and linked once, and its exports are looked up once. */
  static uint8_t bytes[1 << 20];
  FILE *file = fopen("guests/built/c_reactor.wasm", "rb");
  size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
  if (file) fclose(file);
  wasm_engine_t *engine = wasm_engine_new();
  wasi_light_module_t *module = need(wasi_light_module_new(engine, bytes, size, NULL, NULL, &error), &error);
  const wasi_light_func_t *add = wasi_light_module_func(module, "add");
  const wasi_light_func_t *quit = wasi_light_module_func(module, "quit");
  if (!add || !quit) return EXIT_FAILURE;

  /* An instance has a memory, a store and WASI state of its own. _initialize has run when it is there. */
  for (int i = 1; i <= 2; i++) {
    const wasm_val_t numbers[] = {WASM_I32_VAL(i), WASM_I32_VAL(40)};
    const wasm_val_t code = WASM_I32_VAL(3);
    wasm_val_t sum, random;
    wasi_light_instance_t *plugin = need(wasi_light_instance_new(module, config, NULL, &error), &error);

    wasi_light_outcome_t outcome = wasi_light_call(plugin, add, numbers, 2, &sum, 1);
    if (outcome.kind == WASI_LIGHT_RETURNED) printf("%d + 40 = %" PRId32 "\n", i, sum.of.i32);
    outcome = wasi_light_call_name(plugin, "random", NULL, 0, &random, 1);
    if (outcome.kind == WASI_LIGHT_RETURNED) printf("random: %016" PRIx64 "\n", (uint64_t)random.of.i64);
    outcome = wasi_light_call(plugin, quit, &code, 1, NULL, 0); /* ends the plug-in, not this process */
    if (outcome.kind == WASI_LIGHT_EXITED) printf("exited with code %" PRIu32 "\n", outcome.exit_code);

    wasi_light_instance_delete(plugin);
  }
  wasi_light_module_delete(module);
  wasm_engine_delete(engine);
  wasi_light_config_delete(config);
  return EXIT_SUCCESS;
}
