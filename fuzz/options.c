/* SPDX-License-Identifier: MIT */
/* A configuration from bytes. */
#include <string.h>

#include "guest.h"

static const char *const some_args[] = {
    "1", "2", "3", "4", "5", "6", "plugin", "", "--name=\xc3\xa4", "a longer argument, of more than 32 bytes", NULL};
enum { SOME_ARGS = sizeof some_args / sizeof some_args[0] - 1 };
static const char *const some_env[] = {"LANG=de_DE.UTF-8", "EMPTY=", "A=B=C", NULL};
static char long_text[5000]; /* more than a message has room for */
static const char *const wrong_env[2][2] = {{"LANG", NULL}, {long_text, NULL}};
static const uint8_t input_bytes[64] = {'l', 'i', 'n', 'e', '\n', 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x10};

static const uint32_t sizes[16] = {0,   1,   8,   24,   64,   256,  256,   256,
                                   256, 512, 512, 1024, 2048, 4096, 12288, FUZZ_MEMORY_MAX};

static uint64_t some_number(fuzz_input_t *in) {
  static const uint64_t numbers[] = {0, 1, 1000, 1000000000, UINT32_MAX, (uint64_t)INT64_MAX, 1ull << 63, UINT64_MAX};
  uint8_t byte = fuzz_u8(in);
  if (byte < 8) return numbers[byte];
  return byte < 0xf0 ? byte : fuzz_u64(in);
}

/* With a mode that exists, but for that of the process's own streams. */
static void take_output(fuzz_input_t *in, uint8_t mode, wasi_light_output_t *out) {
  static const wasi_light_output_mode_t modes[4] = {WASI_LIGHT_OUTPUT_DISCARD, WASI_LIGHT_OUTPUT_CAPTURE,
                                                    WASI_LIGHT_OUTPUT_CALLBACK, WASI_LIGHT_OUTPUT_LINES};
  out->mode = modes[mode & 3];
  out->write = fuzz_callbacks.out.write;
  out->line = fuzz_callbacks.out.line;
  if (out->mode == WASI_LIGHT_OUTPUT_CAPTURE) out->capture_size = 1 + fuzz_u8(in) % FUZZ_CAPTURE_MAX;
  if (out->mode == WASI_LIGHT_OUTPUT_LINES) {
    uint8_t byte = fuzz_u8(in);
    out->line_size = 16 + byte % 32;
    out->escape = byte & 0x80;
  }
}

static void take_input(fuzz_input_t *in, uint8_t mode, wasi_light_input_t *out) {
  static const wasi_light_input_mode_t modes[4] = {WASI_LIGHT_INPUT_EMPTY, WASI_LIGHT_INPUT_BYTES,
                                                   WASI_LIGHT_INPUT_BYTES, WASI_LIGHT_INPUT_CALLBACK};
  out->mode = modes[mode & 3];
  out->bytes = input_bytes;
  out->size = out->mode == WASI_LIGHT_INPUT_BYTES ? fuzz_u8(in) % (sizeof input_bytes + 1) : 0;
  out->read = fuzz_callbacks.in.read;
}

static void take_time(fuzz_input_t *in, uint8_t modes, wasi_light_options_t *options) {
  options->clock.mode = (wasi_light_clock_mode_t)(modes % 5);
  options->clock.now = fuzz_callbacks.clock.now;
  options->sleep.mode = (wasi_light_sleep_mode_t)(1 + modes / 5 % 3); /* never real */
  options->sleep.sleep = fuzz_callbacks.sleep.sleep;
  if (modes < 0x80) return;
  options->clock_offset_ns = (int64_t)some_number(in);
  options->clock.start_ns = some_number(in);
  options->clock.step_ns = some_number(in);
  options->clock.resolution_ns = some_number(in);
  options->sleep.max_call_ns = some_number(in);
  options->sleep.max_total_ns = some_number(in);
}

static void take_rules(fuzz_input_t *in, fuzz_setup_t *setup) {
  size_t count;
  const wasi_light_function_t *functions = wasi_light_functions(&count);
  setup->options.rules = setup->rules;
  setup->options.rule_count = 1 + fuzz_u8(in) % 3;
  for (size_t i = 0; i < setup->options.rule_count; i++) {
    uint8_t byte = fuzz_u8(in);
    wasi_light_rule_t *rule = &setup->rules[i];
    *rule = (wasi_light_rule_t){.function = byte < count ? functions[byte].name : "fd_write"};
    rule->action = (wasi_light_action_t)(fuzz_u8(in) % 3);
    rule->error = WASI_LIGHT_EACCES;
    rule->message = byte & 1 ? "not here" : NULL;
    rule->max_calls = fuzz_u8(in) % 4;
  }
}

static void take_quota(fuzz_input_t *in, wasi_light_quota_t *quota) {
  quota->calls = fuzz_u8(in);
  quota->out_bytes = fuzz_u8(in);
  quota->random_bytes = some_number(in);
}

/* What a host may do wrong. */
static void take_mistake(fuzz_input_t *in, wasi_light_options_t *options) {
  uint8_t value = fuzz_u8(in);
  for (size_t i = 0; i + 2 < sizeof long_text; i++) long_text[i] = (i + (value >> 1)) % 2 == 0 ? '\xc3' : '\xa4';
  if (value & 2) long_text[0] = 'a';
  switch (fuzz_u8(in) % 20) {
    case 0: options->struct_size = value; break;
    case 1: options->env = wrong_env[value & 1]; break;
    case 2:
      options->in.mode = value < 3 ? WASI_LIGHT_INPUT_BYTES : (wasi_light_input_mode_t)value, options->in.bytes = NULL;
      break;
    case 3: options->out.mode = (wasi_light_output_mode_t)(value | 8); break;
    case 4: options->err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CALLBACK}; break;
    case 5: options->out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_LINES, .line_size = value % 16}; break;
    case 6: options->out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE}; break;
    case 7:
      options->out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = SIZE_MAX - value};
      break;
    case 8: options->out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_LINES, .line_size = SIZE_MAX - value}; break;
    case 9: options->clock.mode = (wasi_light_clock_mode_t)(value | 8); break;
    case 10: options->clock = (wasi_light_clock_t){.mode = WASI_LIGHT_CLOCK_CALLBACK}; break;
    case 11: options->sleep.mode = (wasi_light_sleep_mode_t)(value | 8); break;
    case 12: options->sleep = (wasi_light_sleep_options_t){.mode = WASI_LIGHT_SLEEP_CALLBACK}; break;
    case 13: options->clock.mode = WASI_LIGHT_CLOCK_FROZEN, options->sleep.mode = WASI_LIGHT_SLEEP_REAL; break;
    case 14: options->raise = (wasi_light_raise_mode_t)(value | 2); break;
    case 15: options->rules = NULL, options->rule_count = 1; break;
    case 16: options->next_random_stream = true, options->random_seed = NULL; break;
    case 17: options->replay = "WLOG\x02\0\0\0", options->replay_size = value % 9; break;
    case 18: options->in = (wasi_light_input_t){.mode = WASI_LIGHT_INPUT_CALLBACK}; break;
    default: break;
  }
}

static void take_mistaken_rule(fuzz_input_t *in, fuzz_setup_t *setup) {
  static const char *const names[] = {NULL, "", "fd_writ", "proc_exit"};
  wasi_light_rule_t *rule = &setup->rules[0];
  uint8_t value = fuzz_u8(in);
  rule->function = names[value & 3];
  rule->action = (wasi_light_action_t)(value >> 2 & 3);
  rule->error = value >> 4 ? WASI_LIGHT_EIO : 1000;
  setup->options.rules = setup->rules;
  setup->options.rule_count = 1;
}

void fuzz_take_setup(fuzz_input_t *in, fuzz_setup_t *setup) {
  uint8_t memory = fuzz_u8(in);
  uint8_t time = fuzz_u8(in);
  uint8_t streams = fuzz_u8(in);
  uint8_t extras = fuzz_u8(in);
  uint8_t strings = fuzz_u8(in);
  *setup = (fuzz_setup_t){.options = WASI_LIGHT_OPTIONS_INIT};
  wasi_light_options_t *options = &setup->options;
  setup->memory_size = sizes[memory & 15];
  if (setup->memory_size > 1 && memory & 16) setup->memory_size -= 1 + (memory >> 5 & 1);
  setup->fill = memory >> 6;
  setup->without_address = memory & 32;
  take_time(in, time, options);
  take_input(in, streams, &options->in);
  take_output(in, streams >> 2, &options->out);
  take_output(in, streams >> 4, &options->err);
  if (streams & 0x40) setup->answers = fuzz_u8(in);
  options->args = strings & 4 ? some_args : some_args + SOME_ARGS - (strings & 3);
  options->env = strings & 8 ? some_env + (strings >> 4 & 3) : NULL;
  options->raise = strings & 0x40 ? WASI_LIGHT_RAISE_OUTCOME : WASI_LIGHT_RAISE_REFUSED;
  options->yield = (strings & 0x87) == 0x87 ? NULL : fuzz_callbacks.yield;
  setup->seed = 42;
  if (extras & 3) options->random_seed = &setup->seed;
  options->next_random_stream = (extras & 3) == 3;
  if ((extras & 0x0c) == 0x0c && time & 1) options->trace = fuzz_callbacks.trace; /* which takes long */
  if ((extras & 0x0c) == 0x08) options->record = fuzz_callbacks.record;
  options->count_calls = extras & 0x10;
  if (extras & 0x20) take_rules(in, setup);
  if (extras & 0x40) take_quota(in, &options->quota);
  setup->twice = streams & 0x80 && options->random_seed && options->clock.mode != WASI_LIGHT_CLOCK_REAL;
  if (extras & 0x80 && strings & 0x80) take_mistake(in, options);
  else if (extras & 0x80 && strings & 0x40) take_mistaken_rule(in, setup);
}
