/* SPDX-License-Identifier: MIT */
/* wasi-light run: a command's _start, or exports of any module. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

extern char **environ;

/* ---- Options ----------------------------------------------------------------------------------------- */

typedef struct run_options_t {
  const char **invokes; /* both with room for every word of the command line */
  size_t invoke_count;
  const char **env;
  size_t env_count;
  bool inherit_env;
  const char *results;
  const char *argv0;
  bool seeded;
  uint64_t seed;
  int64_t clock_offset_ns;
  bool quiet;
  const char *cache;
  const char *compiled;
} run_options_t;

static const char *set_invoke(void *into, const char *value) {
  run_options_t *options = into;
  options->invokes[options->invoke_count++] = value;
  return NULL;
}

static const char *set_results(void *into, const char *value) {
  ((run_options_t *)into)->results = value;
  return NULL;
}

static const char *set_argv0(void *into, const char *value) {
  ((run_options_t *)into)->argv0 = value;
  return NULL;
}

static const char *set_env(void *into, const char *value) {
  run_options_t *options = into;
  if (value[0] == '=' || !strchr(value, '=')) return "K=V";
  options->env[options->env_count++] = value;
  return NULL;
}

static const char *set_inherit_env(void *into, const char *value) {
  (void)value;
  ((run_options_t *)into)->inherit_env = true;
  return NULL;
}

static const char *set_seed(void *into, const char *value) {
  run_options_t *options = into;
  options->seeded = cli_parse_u64(value, &options->seed);
  return options->seeded ? NULL : "a number from 0 to 2^64-1";
}

static const char *set_clock_offset(void *into, const char *value) {
  run_options_t *options = into;
  if (cli_parse_duration(value, &options->clock_offset_ns)) return NULL;
  return "a whole number of ns, us, ms, s, m or h, such as 3600s, -250ms or 1h, of less than 293 years";
}

static const char *set_quiet(void *into, const char *value) {
  (void)value;
  ((run_options_t *)into)->quiet = true;
  return NULL;
}

static const char *set_cache(void *into, const char *value) {
  ((run_options_t *)into)->cache = value;
  return NULL;
}

static const char *set_compiled(void *into, const char *value) {
  ((run_options_t *)into)->compiled = value;
  return NULL;
}

static const cli_option_t run_options[] = {
    {"--invoke", "CALL", "call an export, NAME or 'NAME(1,-2,2.5)'; may be repeated", set_invoke},
    {"--results", "FILE", "write the results of calls to FILE, not to stdout", set_results},
    {"--argv0", "NAME", "the program name that the guest sees", set_argv0},
    {"--env", "K=V", "give the guest an environment variable; may be repeated", set_env},
    {"--inherit-env", NULL, "give the guest all of this environment", set_inherit_env},
    {"--seed", "N", "make the guest's randomness a function of N", set_seed},
    {"--clock-offset", "DURATION", "move the guest's clocks: 3600s, -250ms, 1h", set_clock_offset},
    {"--quiet", NULL, "discard what the guest prints", set_quiet},
    {"--cache", "DIR", "keep compiled code in DIR, and take it from there", set_cache},
    {"--compiled", "FILE", "take MODULE's compiled code from FILE, made by wasi-light compile", set_compiled},
};

/* ---- Preparations ------------------------------------------------------------------------------------ */

typedef struct run_t {
  const run_options_t *options;
  const wasi_light_limits_t *limits;
  const char *path; /* of the module */
  wasi_light_config_t *config;
  wasm_engine_t *engine;
  wasi_light_module_t *module;
  cli_call_t *calls; /* those of --invoke */
  size_t call_count;
  FILE *results_file; /* that of --results, or NULL */
  FILE *results;      /* that, or stdout */
  const char *results_name;
  wasi_light_instance_t *instance;
} run_t;

static bool same_key(const char *a, const char *b) {
  size_t length = strcspn(a, "=");
  return strncmp(a, b, length) == 0 && b[length] == '=';
}

static bool is_overridden(const char *variable, const char *const *later, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (same_key(variable, later[i])) return true;
  }
  return false;
}

/*
 * What the guest gets: the inherited variables, then those of --env. A key stands there once, with its last value,
 * since programs differ in which of two they take.
 */
static const char **make_env(const run_options_t *options) {
  size_t inherited = 0, count = 0;
  while (options->inherit_env && environ[inherited]) inherited++;
  const char **env = calloc(inherited + options->env_count + 1, sizeof *env);
  if (!env) return NULL;
  for (size_t i = 0; i < inherited; i++) {
    const char *variable = environ[i]; /* may be anything that the parent process liked */
    bool valid = strchr(variable, '=') && variable[0] != '=';
    if (valid && !is_overridden(variable, options->env, options->env_count)) env[count++] = variable;
  }
  for (size_t i = 0; i < options->env_count; i++) {
    const char *const *later = options->env + i + 1;
    if (!is_overridden(options->env[i], later, options->env_count - i - 1)) env[count++] = options->env[i];
  }
  return env;
}

/* `operands` are the module and its arguments, NULL-terminated. */
static bool make_config(run_t *run, char **operands) {
  const run_options_t *options = run->options;
  wasi_light_options_t o = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_error_t error;
  size_t count = 0;
  while (operands[count]) count++;
  const char **args = calloc(count + 1, sizeof *args);
  const char **env = make_env(options);
  if (args && env) {
    for (size_t i = 1; i < count; i++) args[i] = operands[i];
    args[0] = options->argv0 ? options->argv0 : cli_file_name(run->path);
    o.args = args;
    o.env = env;
    o.clock_offset_ns = options->clock_offset_ns;
    o.random_seed = options->seeded ? &options->seed : NULL;
    o.in.mode = WASI_LIGHT_INPUT_INHERIT;
    o.out.mode = o.err.mode = options->quiet ? WASI_LIGHT_OUTPUT_DISCARD : WASI_LIGHT_OUTPUT_INHERIT;
    run->config = wasi_light_config_new(&o, &error);
    if (!run->config) cli_error("%s", error.message);
  } else {
    cli_error("out of memory");
  }
  free(args);
  free(env);
  return run->config;
}

static void say_no_module(const run_t *run, const wasi_light_error_t *error) {
  static const char hint[] = "\nwasi-light run gives modules WASI preview 1 and nothing else";
  const char *at_fault = run->path;
  if (error->code == WASI_LIGHT_ERROR_COMPILE && run->options->compiled) at_fault = run->options->compiled;
  if (error->code == WASI_LIGHT_ERROR_ARGUMENT) cli_error("%s", error->message); /* names the cache's folder */
  else cli_error("%s: %s%s", at_fault, error->message, error->code == WASI_LIGHT_ERROR_LINK ? hint : "");
}

static bool make_module(run_t *run, const wasm_byte_vec_t *bytes) {
  wasi_light_cache_t cache = WASI_LIGHT_CACHE_INIT;
  wasi_light_error_t error;
  char *artifact = NULL;
  size_t size;
  run->engine = cli_new_engine();
  if (!run->engine) return false;
  if (run->options->compiled) {
    artifact = cli_read_file(run->options->compiled, &size);
    if (!artifact) return false;
    run->module = wasi_light_module_new_compiled(run->engine, bytes->data, bytes->size, NULL, run->limits, NULL,
                                                 artifact, size, &error);
  } else if (run->options->cache) {
    cache.folder = run->options->cache;
    run->module =
        wasi_light_module_new_cached(run->engine, bytes->data, bytes->size, NULL, run->limits, &cache, &error);
  } else {
    run->module = wasi_light_module_new(run->engine, bytes->data, bytes->size, NULL, run->limits, &error);
  }
  if (!run->module) say_no_module(run, &error);
  free(artifact);
  return run->module;
}

static bool load_module(run_t *run) {
  wasm_byte_vec_t bytes;
  if (!cli_read_module(run->path, &bytes)) return false;
  bool ok = make_module(run, &bytes);
  wasm_byte_vec_delete(&bytes);
  return ok;
}

/* All calls are checked before the first is made. */
static bool parse_calls(run_t *run) {
  const run_options_t *options = run->options;
  run->calls = calloc(options->invoke_count + 1, sizeof *run->calls);
  if (!run->calls) cli_error("out of memory");
  for (size_t i = 0; run->calls && i < options->invoke_count; i++) {
    if (!cli_call_parse(&run->calls[i], run->module, run->path, options->invokes[i])) return false;
    run->call_count++;
  }
  return run->calls;
}

static bool check_entry(const run_t *run) {
  char list[1024];
  if (run->options->invoke_count > 0 || wasi_light_module_kind(run->module) == WASI_LIGHT_COMMAND) return true;
  cli_list_exports(run->module, list, sizeof list);
  cli_error("%s is not a command, since it exports no _start: say with --invoke what to call; it exports %s", run->path,
            list);
  return false;
}

static bool open_results(run_t *run) {
  const char *name = run->options->results;
  run->results = stdout;
  run->results_name = "stdout";
  if (!name) return true;
  run->results = run->results_file = fopen(name, "w");
  run->results_name = name;
  if (!run->results) cli_error("%s could not be opened for the results: %s", name, strerror(errno));
  return run->results;
}

/* ---- The run ----------------------------------------------------------------------------------------- */

/* As exit() does it, but an error must not look like success. */
static int exit_status(uint32_t code) {
  int status = (int)(code & 0xff);
  return code != 0 && status == 0 ? CLI_FAILED : status;
}

/* Whether the guest returned; else `*status` is what to end with. `name` is what was called. */
static bool returned(const run_t *run, const wasm_name_t *name, const wasi_light_outcome_t *outcome, int *status) {
  switch (outcome->kind) {
    case WASI_LIGHT_RETURNED: return true;
    case WASI_LIGHT_EXITED: *status = exit_status(outcome->exit_code); break;
    case WASI_LIGHT_TRAPPED:
      cli_error("%s: %.*s trapped: %s", run->path, (int)name->size, name->data, outcome->message);
      *status = CLI_TRAPPED;
      break;
    case WASI_LIGHT_NO_MEMORY:
    case WASI_LIGHT_REFUSED:
    default: cli_error("%s: %.*s: %s", run->path, (int)name->size, name->data, outcome->message); *status = CLI_FAILED;
  }
  return false;
}

static int call_start(const run_t *run) {
  int status = CLI_OK;
  const wasi_light_func_t *start = wasi_light_module_func(run->module, "_start");
  wasi_light_outcome_t outcome = wasi_light_call(run->instance, start, NULL, 0, NULL, 0);
  returned(run, wasi_light_func_name(start), &outcome, &status);
  return status;
}

static int call_exports(const run_t *run) {
  int status = CLI_OK;
  for (size_t i = 0; i < run->call_count; i++) {
    const cli_call_t *call = &run->calls[i];
    wasi_light_outcome_t outcome =
        wasi_light_call(run->instance, call->func, call->args, call->arg_count, call->results, call->result_count);
    if (!returned(run, wasi_light_func_name(call->func), &outcome, &status)) return status;
    cli_print_results(run->results, call);
    /* At once, so that it comes before what the guest prints next. */
    if (!cli_flush(run->results, run->results_name)) return CLI_FAILED;
  }
  return CLI_OK;
}

static int instantiate_and_call(run_t *run) {
  wasi_light_error_t error;
  run->instance = wasi_light_instance_new(run->module, run->config, NULL, &error);
  if (!run->instance) {
    if (error.code == WASI_LIGHT_ERROR_EXIT) return exit_status(error.exit_code);
    cli_error("%s: %s", run->path, error.message);
    return error.code == WASI_LIGHT_ERROR_TRAP ? CLI_TRAPPED : CLI_FAILED;
  }
  return run->options->invoke_count > 0 ? call_exports(run) : call_start(run);
}

/* Whether nothing went wrong in it. */
static bool release(run_t *run) {
  bool ok = true;
  for (size_t i = 0; i < run->call_count; i++) cli_call_free(&run->calls[i]); /* before their store */
  free(run->calls);
  wasi_light_instance_delete(run->instance);
  wasi_light_module_delete(run->module);
  if (run->engine) wasm_engine_delete(run->engine);
  wasi_light_config_delete(run->config);
  if (run->results_file && fclose(run->results_file) != 0) {
    cli_error("%s could not be written: %s", run->results_name, strerror(errno));
    ok = false;
  }
  return ok;
}

static int run_module(const run_options_t *options, const cli_words_t *words) {
  run_t run = {.options = options, .limits = &words->limits, .path = words->operands[0]};
  int status = CLI_FAILED;
  if (make_config(&run, words->operands) && load_module(&run) && check_entry(&run) && parse_calls(&run) &&
      open_results(&run)) {
    status = instantiate_and_call(&run);
  }
  return release(&run) ? status : CLI_FAILED;
}

static bool check_options(const cli_command_t *command, const run_options_t *options) {
  if (!options->cache || !options->compiled) return true;
  cli_usage_error(command->name, "--cache and --compiled exclude each other: compiled code comes from one place");
  return false;
}

static int run_command(const cli_command_t *command, int argc, char **argv) {
  run_options_t options = {0};
  cli_words_t words;
  int status = CLI_FAILED;
  options.invokes = calloc((size_t)argc + 1, sizeof *options.invokes);
  options.env = calloc((size_t)argc + 1, sizeof *options.env);
  if (!options.invokes || !options.env) {
    cli_error("out of memory");
  } else if (cli_parse(command, &options, argc, argv, &words, &status)) {
    status = check_options(command, &options) ? run_module(&options, &words) : CLI_USAGE;
  }
  free(options.invokes);
  free(options.env);
  return status;
}

const cli_command_t cli_run_command = {
    .name = "run",
    .operands = "MODULE [ARG...]",
    .summary = "run a module's _start, or call its exports",
    .details = "MODULE is WebAssembly, binary or text. Without --invoke its _start is run, with ARGs as arguments.\n"
               "With --invoke its _initialize is run if there is one, then each CALL in the order given, and\n"
               "the results of each are printed on a line. Options end at MODULE.\n\n"
               "The exit status is the guest's; 134 if it trapped, 2 if the command line is wrong, 1 for any\n"
               "other failure.",
    .has_args = true,
    .options = run_options,
    .option_count = sizeof run_options / sizeof run_options[0],
    .run = run_command,
};
