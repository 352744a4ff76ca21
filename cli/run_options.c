/* SPDX-License-Identifier: MIT */
/* The options of wasi-light run. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

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

/* ---- Time ---- */

static const char a_duration[] = "a whole number of ns, us, ms, s, m or h, such as 250ms or 1h, from 0 to 292 years";

static const char *set_clock_offset(void *into, const char *value) {
  run_options_t *options = into;
  if (cli_parse_duration(value, &options->clock_offset_ns)) return NULL;
  return "a whole number of ns, us, ms, s, m or h, such as 3600s, -250ms or 1h, of less than 293 years";
}

static const char *parse_unsigned_duration(const char *value, uint64_t *nanoseconds) {
  int64_t number;
  if (!cli_parse_duration(value, &number) || number < 0) return a_duration;
  *nanoseconds = (uint64_t)number;
  return NULL;
}

static const char *set_clock(void *into, const char *value) {
  wasi_light_clock_t *clock = &((run_options_t *)into)->clock;
  static const char expected[] = "real, frozen, virtual or step=DURATION, such as step=1ms";
  clock->mode = WASI_LIGHT_CLOCK_REAL;
  if (strcmp(value, "real") == 0) return NULL;
  clock->mode = WASI_LIGHT_CLOCK_FROZEN;
  if (strcmp(value, "frozen") == 0) return NULL;
  clock->mode = WASI_LIGHT_CLOCK_VIRTUAL;
  if (strcmp(value, "virtual") == 0) return NULL;
  clock->mode = WASI_LIGHT_CLOCK_STEPPING;
  if (strncmp(value, "step=", 5) != 0) return expected;
  return parse_unsigned_duration(value + 5, &clock->step_ns) ? expected : NULL;
}

static const char *set_clock_start(void *into, const char *value) {
  return parse_unsigned_duration(value, &((run_options_t *)into)->clock.start_ns);
}

static const char *set_clock_resolution(void *into, const char *value) {
  return parse_unsigned_duration(value, &((run_options_t *)into)->clock.resolution_ns);
}

static const char *set_sleep(void *into, const char *value) {
  static const char *const names[] = {"real", "virtual", "refused"};
  run_options_t *options = into;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (strcmp(value, names[i]) != 0) continue;
    options->sleep.mode = (wasi_light_sleep_mode_t)i;
    options->sleep_given = true;
    return NULL;
  }
  return "real, virtual or refused";
}

static const char *set_max_sleep(void *into, const char *value) {
  uint64_t *limit = &((run_options_t *)into)->sleep.max_total_ns;
  const char *expected = parse_unsigned_duration(value, limit);
  return !expected && *limit == 0 ? "more than 0; to let no guest wait there is --sleep refused" : expected;
}

/* ---- Policy ---- */

static const char *set_number(const char *value, uint64_t *number) {
  return cli_parse_u64(value, number) && *number > 0 ? NULL : "a number from 1 to 2^64-1";
}

static const char *set_max_calls(void *into, const char *value) {
  return set_number(value, &((run_options_t *)into)->quota.calls);
}

static const char *set_max_output(void *into, const char *value) {
  return set_number(value, &((run_options_t *)into)->quota.out_bytes);
}

static const char *set_max_random(void *into, const char *value) {
  return set_number(value, &((run_options_t *)into)->quota.random_bytes);
}

/* An errno by its name, in either case; 0 if there is none. */
static wasi_light_errno_t find_errno(const char *name) {
  for (wasi_light_errno_t error = 1; error <= WASI_LIGHT_ENOTCAPABLE; error++) {
    const char *known = wasi_light_errno_name(error);
    size_t i = 0;
    while (name[i] && toupper((unsigned char)name[i]) == known[i]) i++;
    if (!name[i] && !known[i]) return error;
  }
  return 0;
}

static const char *set_deny(void *into, const char *value) {
  static const char expected[] = "a function of WASI, FUNCTION=trap, or FUNCTION=ERRNO as in random_get=nosys";
  run_options_t *options = into;
  size_t length = strcspn(value, "=");
  wasi_light_rule_t rule = {NULL, WASI_LIGHT_DENY_ERRNO, WASI_LIGHT_ENOTCAPABLE, NULL, 0};
  size_t count;
  const wasi_light_function_t *functions = wasi_light_functions(&count);
  for (size_t i = 0; i < count; i++) {
    if (strlen(functions[i].name) == length && memcmp(functions[i].name, value, length) == 0)
      rule.function = functions[i].name;
  }
  if (!rule.function) return expected;
  if (value[length] && strcmp(value + length, "=trap") == 0) rule.action = WASI_LIGHT_DENY_TRAP;
  else if (value[length]) rule.error = find_errno(value + length + 1);
  if (rule.error == 0) return expected;
  if (strcmp(rule.function, "proc_exit") == 0 && rule.action != WASI_LIGHT_DENY_TRAP)
    return "proc_exit=trap, since it cannot return with an error";
  options->rules[options->rule_count++] = rule;
  return NULL;
}

static const char *set_raise(void *into, const char *value) {
  (void)value;
  ((run_options_t *)into)->raise = true;
  return NULL;
}

static const char *set_unknown_imports(void *into, const char *value) {
  run_options_t *options = into;
  options->unknown_traps = strcmp(value, "trap") == 0;
  return options->unknown_traps || strcmp(value, "refuse") == 0 ? NULL : "refuse or trap";
}

/* ---- Output, and looking inside ---- */

static const char *set_quiet(void *into, const char *value) {
  (void)value;
  ((run_options_t *)into)->quiet = true;
  return NULL;
}

static const char *set_escape(void *into, const char *value) {
  (void)value;
  ((run_options_t *)into)->escape = true;
  return NULL;
}

static const char *set_count(void *into, const char *value) {
  (void)value;
  ((run_options_t *)into)->count = true;
  return NULL;
}

static const char *set_trace(void *into, const char *value) {
  (void)value;
  ((run_options_t *)into)->trace = true;
  return NULL;
}

static const char *set_trace_file(void *into, const char *value) {
  ((run_options_t *)into)->trace_file = value;
  return NULL;
}

static const char *set_record(void *into, const char *value) {
  ((run_options_t *)into)->record = value;
  return NULL;
}

static const char *set_replay(void *into, const char *value) {
  ((run_options_t *)into)->replay = value;
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

static const cli_option_t run_option_list[] = {
    {"--invoke", "CALL", "call an export, NAME or 'NAME(1,-2,2.5)'; may be repeated", set_invoke},
    {"--results", "FILE", "write the results of calls to FILE, not to stdout", set_results},
    {"--argv0", "NAME", "the program name that the guest sees", set_argv0},
    {"--env", "K=V", "give the guest an environment variable; may be repeated", set_env},
    {"--inherit-env", NULL, "give the guest all of this environment", set_inherit_env},
    {"--seed", "N", "make the guest's randomness a function of N", set_seed},
    {"--clock", "MODE", "real, frozen, virtual (only sleep advances it) or step=DURATION", set_clock},
    {"--clock-start", "DURATION", "where a clock that is not real begins, since 1970", set_clock_start},
    {"--clock-offset", "DURATION", "move the guest's clocks: 3600s, -250ms, 1h", set_clock_offset},
    {"--clock-resolution", "DURATION", "round the guest's clocks down to multiples of it", set_clock_resolution},
    {"--sleep", "MODE", "real, virtual (the guest's time passes at once) or refused", set_sleep},
    {"--max-sleep", "DURATION", "stop a guest that would wait longer in all", set_max_sleep},
    {"--max-calls", "N", "stop a guest that makes more WASI calls", set_max_calls},
    {"--max-output", "N", "stop a guest that writes more bytes", set_max_output},
    {"--max-random", "N", "stop a guest that takes more random bytes", set_max_random},
    {"--deny", "RULE", "refuse a WASI function: FUNCTION, FUNCTION=ERRNO or FUNCTION=trap", set_deny},
    {"--raise", NULL, "let a guest raise a signal, which ends it with status 128 + signal", set_raise},
    {"--unknown-imports", "POLICY", "of functions nobody gives: refuse (default), or trap if called",
     set_unknown_imports},
    {"--quiet", NULL, "discard what the guest prints", set_quiet},
    {"--escape", NULL, "show control characters that the guest prints as \\xHH", set_escape},
    {"--trace", NULL, "print a line for each WASI call on stderr", set_trace},
    {"--trace-file", "FILE", "write these lines to FILE, not to stderr", set_trace_file},
    {"--count", NULL, "print on stderr how often the guest called which WASI function", set_count},
    {"--record", "FILE", "write a log of all WASI calls to FILE", set_record},
    {"--replay", "FILE", "answer WASI calls from the log in FILE, and stop where they differ", set_replay},
    {"--cache", "DIR", "keep compiled code in DIR, and take it from there", set_cache},
    {"--compiled", "FILE", "take MODULE's compiled code from FILE, made by wasi-light compile", set_compiled},
};

bool run_options_new(run_options_t *options, int argc) {
  *options = (run_options_t){0};
  options->invokes = calloc((size_t)argc + 1, sizeof *options->invokes);
  options->env = calloc((size_t)argc + 1, sizeof *options->env);
  options->rules = calloc((size_t)argc + 1, sizeof *options->rules);
  return options->invokes && options->env && options->rules;
}

void run_options_free(run_options_t *options) {
  free(options->invokes);
  free(options->env);
  free(options->rules);
}

/* A guest that waits reads the clock and waits again until it has gone by far enough. */
static bool would_spin(const run_options_t *options) {
  bool stands = options->clock.mode == WASI_LIGHT_CLOCK_FROZEN || options->clock.mode == WASI_LIGHT_CLOCK_VIRTUAL;
  return stands && options->sleep_given && options->sleep.mode == WASI_LIGHT_SLEEP_REAL;
}

bool run_options_check(const cli_command_t *command, const run_options_t *options) {
  const char *problem = NULL;
  if (options->cache && options->compiled)
    problem = "--cache and --compiled exclude each other: compiled code comes from one place";
  else if (options->record && options->replay)
    problem = "--record and --replay exclude each other: what is replayed has been recorded";
  else if (would_spin(options))
    problem = "--sleep real needs a clock that goes by itself: with --clock frozen or virtual a guest that waits would "
              "wait for ever";
  else if (options->clock.start_ns > 0 && options->clock.mode == WASI_LIGHT_CLOCK_REAL)
    problem = "--clock-start is for a --clock that is not real; what moves that is --clock-offset";
  if (problem) cli_usage_error(command->name, "%s", problem);
  return !problem;
}

const cli_command_t cli_run_command = {
    .name = "run",
    .operands = "MODULE [ARG...]",
    .summary = "run a module's _start, or call its exports",
    .details = "MODULE is WebAssembly, binary or text. Without --invoke its _start is run, with ARGs as arguments.\n"
               "With --invoke its _initialize is run if there is one, then each CALL in the order given, and\n"
               "the results of each are printed on a line. Options end at MODULE.\n\n"
               "The exit status is the guest's; 134 if it trapped, 128 + N if it raised signal N, 2 if the command\n"
               "line is wrong, 1 for any other failure, such as a limit that was crossed.",
    .has_args = true,
    .options = run_option_list,
    .option_count = sizeof run_option_list / sizeof run_option_list[0],
    .run = run_command,
};
