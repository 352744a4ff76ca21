/* SPDX-License-Identifier: MIT */
/*
 * Options and their values. Read by hand and not by getopt_long: where MODULE is followed by the guest's arguments,
 * options end at it everywhere, a name is never abbreviated (so that a new option cannot make an old script
 * ambiguous), and messages say what to type.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* ---- Values ------------------------------------------------------------------------------------------ */

bool cli_parse_u64(const char *text, uint64_t *value) {
  bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  const char *digits = hex ? text + 2 : text;
  /* strtoull alone would take spaces, signs and a second 0x. */
  if (!digits[0] || digits[strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789")]) return false;
  errno = 0;
  *value = strtoull(digits, NULL, hex ? 16 : 10);
  return errno == 0;
}

bool cli_parse_duration(const char *text, int64_t *nanoseconds) {
  static const struct {
    const char *name;
    int64_t nanoseconds;
  } units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000}};
  bool negative = text[0] == '-';
  const char *digits = negative || text[0] == '+' ? text + 1 : text;
  const char *unit = digits + strspn(digits, "0123456789");
  if (unit == digits) return false;
  errno = 0;
  unsigned long long number = strtoull(digits, NULL, 10);
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
    if (strcmp(unit, units[i].name) != 0) continue;
    if (errno != 0 || number > (unsigned long long)(INT64_MAX / units[i].nanoseconds)) return false;
    int64_t magnitude = (int64_t)number * units[i].nanoseconds;
    *nanoseconds = negative ? -magnitude : magnitude;
    return true;
  }
  return false;
}

/* ---- Options that all subcommands have --------------------------------------------------------------- */

static const char *set_memory_pages(void *into, const char *value) {
  enum { ALL = 65536 };
  uint64_t number;
  if (!cli_parse_u64(value, &number) || number > ALL) return "a number of pages of 64 KiB, at most 65536";
  ((wasi_light_limits_t *)into)->memory_pages = (uint32_t)number;
  return NULL;
}

static const char *set_table_elements(void *into, const char *value) {
  uint64_t number;
  if (!cli_parse_u64(value, &number) || number > UINT32_MAX) return "a number of elements, at most 2^32-1";
  ((wasi_light_limits_t *)into)->table_elements = (uint32_t)number;
  return NULL;
}

static const char *set_points(void *into, const char *value) {
  uint64_t number;
  if (!cli_parse_u64(value, &number) || number == 0) return "a number of instructions from 1 to 2^64-1";
  ((wasi_light_limits_t *)into)->points_per_call = number;
  return NULL;
}

static const cli_option_t limit_options[] = {
    {"--memory-pages", "N", "accept memories of up to N pages of 64 KiB; default 65536", set_memory_pages},
    {"--table-elements", "N", "accept tables of up to N elements; default 1048576", set_table_elements},
    {"--points", "N", "stop a call that has run N instructions; default: no limit", set_points},
};
enum { LIMIT_OPTION_COUNT = sizeof limit_options / sizeof limit_options[0] };

/* ---- Help -------------------------------------------------------------------------------------------- */

static void print_option(const char *name, const char *value_name, const char *help) {
  char both[32];
  snprintf(both, sizeof both, "%s%s%s", name, value_name ? " " : "", value_name ? value_name : "");
  printf("  %-28s %s\n", both, help);
}

static void print_options(const cli_option_t *options, size_t count) {
  for (size_t i = 0; i < count; i++) print_option(options[i].name, options[i].value_name, options[i].help);
}

static int print_help(const cli_command_t *command) {
  printf("usage: wasi-light %s [OPTION...] %s\n\n%s.\n", command->name, command->operands, command->summary);
  if (command->details) printf("\n%s\n", command->details);
  printf("\noptions:\n");
  print_options(command->options, command->option_count);
  print_options(limit_options, LIMIT_OPTION_COUNT);
  print_option("--help", NULL, "this text");
  return cli_flush(stdout, "stdout") ? CLI_OK : CLI_FAILED;
}

/* ---- The command line -------------------------------------------------------------------------------- */

static const cli_option_t *find_in(const cli_option_t *options, size_t count, const char *name, size_t length) {
  for (size_t i = 0; i < count; i++) {
    if (strlen(options[i].name) == length && memcmp(options[i].name, name, length) == 0) return &options[i];
  }
  return NULL;
}

/*
 * The option at argv[*at], which is "--name" or "--name=value", and whose value may be the next word; moves on to its
 * last word.
 */
static bool parse_option(const cli_command_t *command, void *options, wasi_light_limits_t *limits, int argc,
                         char **argv, int *at) {
  const char *name = argv[*at];
  size_t length = strcspn(name, "=");
  const char *value = name[length] ? name + length + 1 : NULL;
  const cli_option_t *limit = find_in(limit_options, LIMIT_OPTION_COUNT, name, length);
  const cli_option_t *option = limit ? limit : find_in(command->options, command->option_count, name, length);
  if (!option) {
    cli_usage_error(command->name, "there is no option %s", name);
    return false;
  }
  if (value && !option->value_name) {
    cli_usage_error(command->name, "%s takes no value", option->name);
    return false;
  }
  if (!value && option->value_name) value = ++*at < argc ? argv[*at] : NULL;
  if (!value && option->value_name) {
    cli_usage_error(command->name, "%s needs a value: %s", option->name, option->value_name);
    return false;
  }
  const char *expected = option->set(limit ? (void *)limits : options, value);
  if (expected) cli_usage_error(command->name, "%s \"%s\": expected %s", option->name, value, expected);
  return !expected;
}

static bool is_help(const char *word) {
  return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

bool cli_parse(const cli_command_t *command, void *options, int argc, char **argv, cli_words_t *words, int *status) {
  bool only_operands = false; /* after "--" */
  *words = (cli_words_t){.limits = WASI_LIGHT_LIMITS_INIT};
  *status = CLI_USAGE;
  for (int i = 0; i < argc && !(words->operands && command->has_args); i++) {
    if (only_operands || argv[i][0] != '-' || !argv[i][1]) {
      if (words->operands) {
        cli_usage_error(command->name, "there is a word too many: %s", argv[i]);
        return false;
      }
      words->operands = argv + i;
    } else if (strcmp(argv[i], "--") == 0) {
      only_operands = true;
    } else if (is_help(argv[i])) {
      *status = print_help(command);
      return false;
    } else if (!parse_option(command, options, &words->limits, argc, argv, &i)) {
      return false;
    }
  }
  if (words->operands) return true;
  cli_usage_error(command->name, "which module? Expected: wasi-light %s [OPTION...] %s", command->name,
                  command->operands);
  return false;
}
