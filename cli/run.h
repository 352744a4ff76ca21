/* SPDX-License-Identifier: MIT */
/* run.h - the options of wasi-light run, as they were read. */
#ifndef WASI_LIGHT_CLI_RUN_H
#define WASI_LIGHT_CLI_RUN_H

#include "cli.h"

typedef struct run_options_t {
  const char **invokes; /* these three with room for every word of the command line */
  size_t invoke_count;
  const char **env;
  size_t env_count;
  wasi_light_rule_t *rules;
  size_t rule_count;
  bool inherit_env;
  const char *results;
  const char *argv0;
  bool seeded;
  uint64_t seed;
  int64_t clock_offset_ns;
  wasi_light_clock_t clock;
  bool sleep_given;
  wasi_light_sleep_options_t sleep;
  wasi_light_quota_t quota;
  bool raise;
  bool quiet;
  bool escape;
  bool count;
  bool trace;
  const char *trace_file;
  const char *record;
  const char *replay;
  bool unknown_traps;
  const char *cache;
  const char *compiled;
} run_options_t;

/* run.c */
int run_command(const cli_command_t *command, int argc, char **argv);

/* Memory for `argc` words; false if there is none. To be freed in either case. */
bool run_options_new(run_options_t *options, int argc);
void run_options_free(run_options_t *options);

/* Says what does not go together. */
bool run_options_check(const cli_command_t *command, const run_options_t *options);

#endif
