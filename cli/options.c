/* SPDX-License-Identifier: MIT */
/*
 * Options and their values. Read by hand and not by getopt_long: options end at the first operand everywhere, a name
 * is never abbreviated (so that a new option cannot make an old script ambiguous), and messages say what to type.
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

/* ---- Options ----------------------------------------------------------------------------------------- */

/* `word` is "--name", or "--name=value": then `*value` is set. */
static const cli_option_t *find_option(const cli_command_t *command, const char *word, const char **value) {
  size_t length = strcspn(word, "=");
  *value = word[length] ? word + length + 1 : NULL;
  for (size_t i = 0; i < command->option_count; i++) {
    const cli_option_t *option = &command->options[i];
    if (strlen(option->name) == length && memcmp(option->name, word, length) == 0) return option;
  }
  return NULL;
}

/* The option at argv[*at], whose value may be the next word; moves on to its last word. */
static bool parse_option(const cli_command_t *command, void *options, int argc, char **argv, int *at) {
  const char *value;
  const cli_option_t *option = find_option(command, argv[*at], &value);
  if (!option) {
    cli_usage_error(command->name, "there is no option %s", argv[*at]);
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
  const char *expected = option->set(options, value);
  if (expected) cli_usage_error(command->name, "%s \"%s\": expected %s", option->name, value, expected);
  return !expected;
}

cli_parsed_t cli_parse(const cli_command_t *command, void *options, int argc, char **argv, int *operand) {
  int i = 0;
  for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
    if (strcmp(argv[i], "--") == 0) {
      i++;
      break;
    }
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return CLI_PARSED_HELP;
    if (!parse_option(command, options, argc, argv, &i)) return CLI_PARSED_WRONG;
  }
  *operand = i;
  return CLI_PARSED;
}

int cli_print_help(const cli_command_t *command) {
  printf("usage: wasi-light %s [OPTION...] %s\n\n%s.\n", command->name, command->operands, command->summary);
  if (command->details) printf("\n%s\n", command->details);
  printf("\noptions:\n");
  for (size_t i = 0; i < command->option_count; i++) {
    const cli_option_t *option = &command->options[i];
    char name[32];
    snprintf(name, sizeof name, "%s %s", option->name, option->value_name ? option->value_name : "");
    printf("  %-24s %s\n", name, option->help);
  }
  printf("  %-24s this text\n", "--help");
  return cli_flush(stdout, "stdout") ? CLI_OK : CLI_FAILED;
}
