/* SPDX-License-Identifier: MIT */
/*
 * The configuration: checked once, copied into the layouts that the syscalls need, immutable from then on.
 *
 * It is one allocation: the struct, the rules, the offsets of args and environ, and bytes: of args and environ, of the
 * rules' messages, of stdin, of the log.
 */
#include <stdlib.h>
#include <string.h>

#include "effects.h"

/* Counts the strings and their bytes with NULs; false if they do not fit the ABI's 32 bits. */
static bool measure(const char *const *strings, p1_strings_t *out) {
  uint64_t count = 0;
  uint64_t size = 0;
  for (; strings && strings[count]; count++) size += strlen(strings[count]) + 1;
  if (count > UINT32_MAX || size > UINT32_MAX) return false;
  out->count = (uint32_t)count;
  out->size = (uint32_t)size;
  return true;
}

static void lay_out(const char *const *strings, p1_strings_t *out, uint32_t *offsets, uint8_t *bytes) {
  uint32_t at = 0;
  for (uint32_t i = 0; i < out->count; i++) {
    size_t size = strlen(strings[i]) + 1;
    memcpy(bytes + at, strings[i], size);
    offsets[i] = at;
    at += (uint32_t)size;
  }
  out->offsets = offsets;
  out->bytes = bytes;
}

static bool check_env(const char *const *env, wasi_light_error_t *error) {
  for (size_t i = 0; env && env[i]; i++) {
    const char *equals = strchr(env[i], '=');
    if (!equals || equals == env[i]) {
      wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT, "options.env[%zu] is \"%s\": expected KEY=VALUE", i, env[i]);
      return false;
    }
  }
  return true;
}

static bool check_output(const wasi_light_output_t *out, const char *name, wasi_light_error_t *error) {
  const char *problem = NULL;
  switch (out->mode) {
    case WASI_LIGHT_OUTPUT_DISCARD:
    case WASI_LIGHT_OUTPUT_INHERIT: break;
    case WASI_LIGHT_OUTPUT_CAPTURE:
      if (out->capture_size == 0) problem = "capture_size is 0: expected the number of bytes to keep";
      else if (out->capture_size > SIZE_MAX / 4) problem = "capture_size is larger than the address space";
      break;
    case WASI_LIGHT_OUTPUT_CALLBACK:
      if (!out->write) problem = "write is NULL: the mode CALLBACK needs it";
      break;
    case WASI_LIGHT_OUTPUT_LINES:
      if (out->line_size < 16) problem = "line_size is less than 16";
      else if (out->line_size > SIZE_MAX / 4) problem = "line_size is larger than the address space";
      break;
    default: problem = "mode is not one of DISCARD, INHERIT, CAPTURE, CALLBACK, LINES";
  }
  if (problem) wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT, "options.%s.%s", name, problem);
  return !problem;
}

static bool check_input(const wasi_light_input_t *in, wasi_light_error_t *error) {
  const char *problem = NULL;
  switch (in->mode) {
    case WASI_LIGHT_INPUT_EMPTY:
    case WASI_LIGHT_INPUT_INHERIT: break;
    case WASI_LIGHT_INPUT_BYTES:
      if (!in->bytes && in->size > 0) problem = "bytes is NULL, but size is not 0";
      break;
    case WASI_LIGHT_INPUT_CALLBACK:
      if (!in->read) problem = "read is NULL: the mode CALLBACK needs it";
      break;
    default: problem = "mode is not one of EMPTY, INHERIT, BYTES, CALLBACK";
  }
  if (problem) wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT, "options.in.%s", problem);
  return !problem;
}

static bool check_time(const wasi_light_options_t *options, wasi_light_error_t *error) {
  const wasi_light_clock_t *clock = &options->clock;
  const wasi_light_sleep_options_t *sleep = &options->sleep;
  const char *problem = NULL;
  bool stands = clock->mode == WASI_LIGHT_CLOCK_FROZEN || clock->mode == WASI_LIGHT_CLOCK_VIRTUAL;
  if ((unsigned)clock->mode > WASI_LIGHT_CLOCK_CALLBACK) problem = "clock.mode is none of the modes there are";
  else if (clock->mode == WASI_LIGHT_CLOCK_CALLBACK && !clock->now)
    problem = "clock.now is NULL: the mode CALLBACK needs it";
  else if ((unsigned)sleep->mode > WASI_LIGHT_SLEEP_CALLBACK) problem = "sleep.mode is none of the modes there are";
  else if (sleep->mode == WASI_LIGHT_SLEEP_CALLBACK && !sleep->sleep)
    problem = "sleep.sleep is NULL: the mode CALLBACK needs it";
  else if (stands && sleep->mode == WASI_LIGHT_SLEEP_REAL) {
    problem = "sleep.mode is REAL with a clock that stands still: a guest that waits would spin for ever";
  }
  if (problem) wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT, "options.%s", problem);
  return !problem;
}

static bool check_others(const wasi_light_options_t *options, wasi_light_error_t *error) {
  const char *problem = NULL;
  if ((unsigned)options->raise > WASI_LIGHT_RAISE_OUTCOME) problem = "raise is not one of REFUSED, OUTCOME";
  else if (options->record && options->replay) problem = "record and options.replay exclude each other";
  else if (options->replay && !wasi_light__is_log(options->replay, options->replay_size))
    problem = "replay is no log, or one of another version";
  else if (options->next_random_stream && !options->random_seed)
    problem = "next_random_stream is set without a random_seed, whose streams they would be";
  if (problem) wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT, "options.%s", problem);
  return !problem;
}

static const char *rule_problem(const wasi_light_rule_t *rule) {
  if (!rule->function || wasi_light__row_named(rule->function) == P1_ALL_ROWS) return "is for no function of preview 1";
  if ((unsigned)rule->action > WASI_LIGHT_DENY_TRAP)
    return "has an action that is not one of ALLOW, DENY_ERRNO, DENY_TRAP";
  if (rule->action != WASI_LIGHT_DENY_ERRNO) return NULL;
  if (rule->error == WASI_LIGHT_ESUCCESS || rule->error > WASI_LIGHT_ENOTCAPABLE)
    return "has an error that is no errno";
  return strcmp(rule->function, "proc_exit") == 0 ? "would let the guest run on after its exit" : NULL;
}

static bool check_rules(const wasi_light_options_t *options, wasi_light_error_t *error) {
  if (options->rule_count > 0 && !options->rules) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT, "options.rules is NULL, but rule_count is not 0");
    return false;
  }
  for (size_t i = 0; i < options->rule_count; i++) {
    const wasi_light_rule_t *rule = &options->rules[i];
    const char *problem = rule_problem(rule);
    if (!problem) continue;
    wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT, "options.rules[%zu] (%s) %s", i,
                     rule->function ? rule->function : "NULL", problem);
    return false;
  }
  return true;
}

static bool check(const wasi_light_options_t *options, wasi_light_error_t *error) {
  if (!options || options->struct_size != sizeof *options) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT, "%s",
                     !options
                         ? "options is NULL: expected a struct made with WASI_LIGHT_OPTIONS_INIT"
                         : "options.struct_size is not that of this version: make it with WASI_LIGHT_OPTIONS_INIT");
    return false;
  }
  return check_env(options->env, error) && check_input(&options->in, error) &&
         check_output(&options->out, "out", error) && check_output(&options->err, "err", error) &&
         check_time(options, error) && check_rules(options, error) && check_others(options, error);
}

/* How the config's one block is divided. */
typedef struct block_t {
  size_t rules;    /* number of them */
  size_t messages; /* bytes of theirs */
  size_t size;     /* of all but stdin and the log */
} block_t;

static block_t divide(const wasi_light_options_t *options, const p1_strings_t *args, const p1_strings_t *env) {
  block_t block = {options->rule_count > 0 ? P1_ROWS : 0, 0, sizeof(wasi_light_config_t)};
  for (size_t i = 0; i < options->rule_count; i++) {
    if (options->rules[i].message) block.messages += strlen(options->rules[i].message) + 1;
  }
  block.size += block.rules * sizeof(p1_rule_t) + ((size_t)args->count + env->count) * sizeof(uint32_t);
  block.size += (size_t)args->size + env->size + block.messages;
  return block;
}

static void fill_rules(const wasi_light_options_t *options, p1_rule_t *rules, char *messages) {
  for (size_t i = 0; i < P1_ROWS; i++) rules[i] = (p1_rule_t){WASI_LIGHT_ALLOW, 0, NULL, 0};
  for (size_t i = 0; i < options->rule_count; i++) {
    const wasi_light_rule_t *rule = &options->rules[i];
    rules[wasi_light__row_named(rule->function)] =
        (p1_rule_t){rule->action, rule->error, rule->message ? messages : NULL, rule->max_calls};
    if (!rule->message) continue;
    size_t size = strlen(rule->message) + 1;
    memcpy(messages, rule->message, size);
    messages += size;
  }
}

wasi_light_config_t *wasi_light_config_new(const wasi_light_options_t *options, wasi_light_error_t *error) {
  p1_strings_t args = {0};
  p1_strings_t env = {0};
  if (!check(options, error)) return NULL;
  if (!measure(options->args, &args) || !measure(options->env, &env)) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT, "options.args or options.env take 4 GiB or more");
    return NULL;
  }
  size_t in_size = options->in.mode == WASI_LIGHT_INPUT_BYTES ? options->in.size : 0;
  size_t log_size = options->replay ? options->replay_size : 0;
  block_t block = divide(options, &args, &env);
  bool fits = in_size <= SIZE_MAX - block.size && log_size <= SIZE_MAX - block.size - in_size;
  wasi_light_config_t *config = fits ? malloc(block.size + in_size + log_size) : NULL;
  if (!config) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_OUT_OF_MEMORY, "no memory for a configuration of %zu bytes", block.size);
    return NULL;
  }
  p1_rule_t *rules = (p1_rule_t *)(config + 1);
  uint32_t *offsets = (uint32_t *)(rules + block.rules);
  uint8_t *bytes = (uint8_t *)(offsets + args.count + env.count);
  uint8_t *messages = bytes + args.size + env.size;
  uint8_t *in_bytes = messages + block.messages;
  lay_out(options->args, &args, offsets, bytes);
  lay_out(options->env, &env, offsets + args.count, bytes + args.size);
  *config = (wasi_light_config_t){
      .args = args,
      .env = env,
      .clock_offset_ns = options->clock_offset_ns,
      .clock = options->clock,
      .sleep = options->sleep,
      .seeded = options->random_seed != NULL,
      .seed = options->random_seed ? *options->random_seed : 0,
      .next_random_stream = options->next_random_stream,
      .quota = options->quota,
      .trace = options->trace,
      .record = options->record,
      .replay = options->replay ? in_bytes + in_size : NULL,
      .replay_size = log_size,
      .raise = options->raise,
      .yield = options->yield,
      .rules = block.rules > 0 ? rules : NULL,
      .count_calls = options->count_calls || block.rules > 0,
      .in = options->in,
      .out = {options->out, options->err},
  };
  atomic_init(&config->references, 1);
  atomic_init(&config->environments, 0);
  if (config->rules) fill_rules(options, rules, (char *)messages);
  config->watched = config->count_calls || config->quota.calls > 0 || config->trace || config->record || config->replay;
  config->in.bytes = config->in_bytes = in_bytes;
  config->in.size = in_size;
  if (in_size > 0) memcpy(in_bytes, options->in.bytes, in_size);
  if (log_size > 0) memcpy(in_bytes + in_size, options->replay, log_size);
  return config;
}

wasi_light_config_t *wasi_light_config_copy(wasi_light_config_t *config) {
  atomic_fetch_add_explicit(&config->references, 1, memory_order_relaxed);
  return config;
}

void wasi_light_config_delete(wasi_light_config_t *config) {
  if (config && atomic_fetch_sub_explicit(&config->references, 1, memory_order_acq_rel) == 1) free(config);
}
