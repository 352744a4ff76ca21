/* SPDX-License-Identifier: MIT */
/* wasi-light run: a command's _start, or exports of any module. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

extern char **environ;

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
  FILE *trace;                   /* that of --trace-file, or stderr, or NULL */
  FILE *record;                  /* that of --record, or NULL */
  int trace_error, record_error; /* the errno of the first write that failed, or 0 */
  char *replay;                  /* the bytes of --replay, or NULL */
  size_t replay_size;
  wasi_light_linker_t *linker;
  wasi_light_instance_t *instance;
} run_t;

/* ---- Trace and log ----------------------------------------------------------------------------------- */

static void on_trace(void *host, const char *line) {
  run_t *run = host;
  if (fprintf(run->trace, "%s\n", line) < 0 && run->trace_error == 0) run->trace_error = errno;
}

static void on_record(void *host, const uint8_t *bytes, size_t size) {
  run_t *run = host;
  if (fwrite(bytes, 1, size, run->record) < size && run->record_error == 0) run->record_error = errno;
}

static bool open_file(FILE **file, const char *name, const char *what) {
  if (!name) return true;
  *file = fopen(name, "wb");
  if (!*file) cli_error("%s could not be opened for the %s: %s", name, what, strerror(errno));
  return *file;
}

/* Late, so that a mistake in the command line leaves old files alone. */
static bool open_logs(run_t *run) {
  const run_options_t *options = run->options;
  if (options->trace) run->trace = stderr;
  if (!open_file(&run->trace, options->trace_file, "trace") || !open_file(&run->record, options->record, "log"))
    return false;
  /* Whoever kills a guest that hangs wants to see its last call. */
  if (options->trace_file) setvbuf(run->trace, NULL, _IOLBF, BUFSIZ);
  return true;
}

static bool read_log(run_t *run) {
  const char *name = run->options->replay;
  if (name) run->replay = cli_read_file(name, &run->replay_size);
  return run->replay || !name;
}

/* False after saying that not everything could be written. */
static bool close_log(FILE *file, const char *name, int error) {
  if (!file || file == stderr) return true;
  if (fclose(file) != 0 && error == 0) error = errno;
  if (error != 0) cli_error("%s could not be written: %s", name, strerror(error));
  return error == 0;
}

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

static wasi_light_output_t output_for(const run_options_t *options) {
  enum { LINE_SIZE = 16384 };
  if (options->quiet) return (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_DISCARD};
  if (!options->escape) return (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_INHERIT};
  return (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_LINES, .line_size = LINE_SIZE, .escape = true};
}

/* With a clock that stands, sleep is not real unless that is asked for, which the library then refuses. */
static wasi_light_sleep_mode_t sleep_mode(const run_options_t *options) {
  if (options->sleep_given) return options->sleep.mode;
  if (options->clock.mode == WASI_LIGHT_CLOCK_FROZEN) return WASI_LIGHT_SLEEP_REFUSED;
  if (options->clock.mode == WASI_LIGHT_CLOCK_VIRTUAL) return WASI_LIGHT_SLEEP_VIRTUAL;
  return WASI_LIGHT_SLEEP_REAL;
}

static void add_control(const run_t *run, wasi_light_options_t *o) {
  const run_options_t *options = run->options;
  o->clock = options->clock;
  o->sleep = options->sleep;
  o->sleep.mode = sleep_mode(options);
  o->quota = options->quota;
  o->rules = options->rules;
  o->rule_count = options->rule_count;
  o->raise = options->raise ? WASI_LIGHT_RAISE_OUTCOME : WASI_LIGHT_RAISE_REFUSED;
  o->count_calls = options->count;
  o->trace = options->trace || options->trace_file ? on_trace : NULL;
  o->record = options->record ? on_record : NULL;
  o->replay = run->replay;
  o->replay_size = run->replay_size;
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
    o.out = o.err = output_for(options);
    add_control(run, &o);
    run->config = wasi_light_config_new(&o, &error);
    if (!run->config && error.code == WASI_LIGHT_ERROR_ARGUMENT && options->replay)
      cli_error("%s is not a log that --record wrote, or one of another version", options->replay);
    else if (!run->config) cli_error("%s", error.message);
  } else {
    cli_error("out of memory");
  }
  free(args);
  free(env);
  return run->config;
}

static void say_no_module(const run_t *run, const wasi_light_error_t *error) {
  static const char nothing_else[] = "\nwasi-light run gives modules WASI preview 1 and nothing else";
  static const char trap_instead[] = "\nwasi-light run gives modules WASI preview 1 and nothing else; with "
                                     "--unknown-imports trap, functions may be missing";
  const char *hint = run->options->unknown_traps ? nothing_else : trap_instead;
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
  run->linker = wasi_light_linker_new();
  if (!run->linker) {
    cli_error("out of memory");
    return false;
  }
  wasi_light_linker_unknown(run->linker,
                            run->options->unknown_traps ? WASI_LIGHT_UNKNOWN_TRAPS : WASI_LIGHT_UNKNOWN_REFUSED);
  if (run->options->compiled) {
    artifact = cli_read_file(run->options->compiled, &size);
    if (!artifact) return false;
    run->module = wasi_light_module_new_compiled(run->engine, bytes->data, bytes->size, run->linker, run->limits, NULL,
                                                 artifact, size, &error);
  } else if (run->options->cache) {
    cache.folder = run->options->cache;
    run->module =
        wasi_light_module_new_cached(run->engine, bytes->data, bytes->size, run->linker, run->limits, &cache, &error);
  } else {
    run->module = wasi_light_module_new(run->engine, bytes->data, bytes->size, run->linker, run->limits, &error);
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

enum { LIMITS_TEXT = 80 };

/* As exit() does it, but an error must not look like success. */
static int exit_status(uint32_t code) {
  int status = (int)(code & 0xff);
  return code != 0 && status == 0 ? CLI_FAILED : status;
}

/* " (--max-calls)": the options that limit this guest, since the library's message knows nothing of options. */
static void say_limits(const run_t *run, char *text, size_t size) {
  const wasi_light_quota_t *quota = &run->options->quota;
  const struct {
    bool given;
    const char *name;
  } limits[] = {{quota->calls > 0, "--max-calls"},
                {quota->out_bytes > 0, "--max-output"},
                {quota->random_bytes > 0, "--max-random"},
                {run->options->sleep.max_total_ns > 0, "--max-sleep"},
                {run->limits->points_per_call > 0, "--points"}};
  size_t used = 0;
  text[0] = '\0';
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
    if (!limits[i].given) continue;
    used += (size_t)snprintf(text + used, size - used, "%s%s", used == 0 ? " (" : ", ", limits[i].name);
  }
  if (used > 0) snprintf(text + used, size - used, ")");
}

/* Whether the guest returned; else `*status` is what to end with. `name` is what was called. */
static bool returned(const run_t *run, const wasm_name_t *name, const wasi_light_outcome_t *outcome, int *status) {
  char limits[LIMITS_TEXT] = "";
  switch (outcome->kind) {
    case WASI_LIGHT_RETURNED: return true;
    case WASI_LIGHT_EXITED: *status = exit_status(outcome->exit_code); break;
    case WASI_LIGHT_TRAPPED:
      cli_error("%s: %.*s trapped: %s", run->path, (int)name->size, name->data, outcome->message);
      *status = CLI_TRAPPED;
      break;
    case WASI_LIGHT_RAISED:
      cli_error("%s: %.*s: %s", run->path, (int)name->size, name->data, outcome->message);
      *status = CLI_SIGNALLED + (int)outcome->signal;
      break;
    case WASI_LIGHT_NO_MEMORY:
    case WASI_LIGHT_REFUSED:
    case WASI_LIGHT_LIMIT:
    case WASI_LIGHT_DIVERGED:
    default:
      if (outcome->kind == WASI_LIGHT_LIMIT) say_limits(run, limits, sizeof limits);
      cli_error("%s: %.*s: %s%s", run->path, (int)name->size, name->data, outcome->message, limits);
      *status = CLI_FAILED;
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
    /* A line that the guest has begun comes before the results. */
    if (call->result_count > 0) wasi_light_env_flush(wasi_light_instance_env(run->instance));
    cli_print_results(run->results, call);
    /* At once, so that it comes before what the guest prints next. */
    if (!cli_flush(run->results, run->results_name)) return CLI_FAILED;
  }
  return CLI_OK;
}

/* Whether all of the log was replayed. A guest that did not end well has said what is wrong. */
static bool check_replay(const run_t *run, int status) {
  if (!run->replay || status == CLI_FAILED || status >= CLI_SIGNALLED) return true;
  size_t left = wasi_light_env_replay_left(wasi_light_instance_env(run->instance));
  if (left > 0)
    cli_error("%s goes on where the run ended: %zu of %zu bytes are left", run->options->replay, left,
              run->replay_size);
  return left == 0;
}

static int instantiate_and_call(run_t *run) {
  wasi_light_error_t error;
  run->instance = wasi_light_instance_new(run->module, run->config, run, &error);
  if (!run->instance) {
    if (error.code == WASI_LIGHT_ERROR_EXIT) return exit_status(error.exit_code);
    char limits[LIMITS_TEXT] = "";
    if (error.code == WASI_LIGHT_ERROR_LIMIT) say_limits(run, limits, sizeof limits);
    cli_error("%s: %s%s", run->path, error.message, limits);
    if (error.code == WASI_LIGHT_ERROR_RAISED) return CLI_SIGNALLED + (int)error.signal;
    return error.code == WASI_LIGHT_ERROR_TRAP ? CLI_TRAPPED : CLI_FAILED;
  }
  int status = run->options->invoke_count > 0 ? call_exports(run) : call_start(run);
  return check_replay(run, status) ? status : CLI_FAILED;
}

/* What --count prints. */
static void print_counts(const run_t *run) {
  size_t count;
  const wasi_light_function_t *functions = wasi_light_functions(&count);
  const wasi_light_env_t *env = wasi_light_instance_env(run->instance);
  wasi_light_usage_t usage = wasi_light_env_usage(env);
  for (size_t i = 0; i < count; i++) {
    uint64_t calls = wasi_light_env_calls(env, functions[i].name);
    if (calls > 0) fprintf(stderr, "%12llu %s\n", (unsigned long long)calls, functions[i].name);
  }
  fprintf(stderr, "%12llu calls in all, %llu bytes of output, %llu random bytes, %llu ns slept\n",
          (unsigned long long)usage.calls, (unsigned long long)usage.out_bytes, (unsigned long long)usage.random_bytes,
          (unsigned long long)usage.slept_ns);
}

/* Whether nothing went wrong in it. */
static bool release(run_t *run) {
  bool ok = true;
  if (run->instance && run->options->count) print_counts(run);
  for (size_t i = 0; i < run->call_count; i++) cli_call_free(&run->calls[i]); /* before their store */
  free(run->calls);
  wasi_light_instance_delete(run->instance);
  wasi_light_module_delete(run->module);
  if (run->engine) wasm_engine_delete(run->engine);
  wasi_light_config_delete(run->config);
  wasi_light_linker_delete(run->linker);
  free(run->replay);
  if (run->results_file && fclose(run->results_file) != 0) {
    cli_error("%s could not be written: %s", run->results_name, strerror(errno));
    ok = false;
  }
  ok = close_log(run->trace, run->options->trace_file, run->trace_error) && ok;
  ok = close_log(run->record, run->options->record, run->record_error) && ok;
  return ok;
}

static int run_module(const run_options_t *options, const cli_words_t *words) {
  run_t run = {.options = options, .limits = &words->limits, .path = words->operands[0]};
  int status = CLI_FAILED;
  if (read_log(&run) && make_config(&run, words->operands) && load_module(&run) && check_entry(&run) &&
      parse_calls(&run) && open_results(&run) && open_logs(&run)) {
    status = instantiate_and_call(&run);
  }
  return release(&run) ? status : CLI_FAILED;
}

int run_command(const cli_command_t *command, int argc, char **argv) {
  run_options_t options;
  cli_words_t words;
  int status = CLI_FAILED;
  if (!run_options_new(&options, argc)) {
    cli_error("out of memory");
  } else if (cli_parse(command, &options, argc, argv, &words, &status)) {
    status = run_options_check(command, &options) ? run_module(&options, &words) : CLI_USAGE;
  }
  run_options_free(&options);
  return status;
}
