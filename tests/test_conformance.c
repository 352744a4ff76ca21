/* SPDX-License-Identifier: MIT */
/*
 * guests/conformance.c, which checks what wasi-testsuite's programs without a filesystem check (docs/conformance.md),
 * run by the wasi-light command. See cli_shell.h for $W and $G; $C is that guest.
 */
#include "cli_shell.h"

#define VARIABLES "--env a=text --env 'b=escap \" ing' --env 'c=new\nline' --env empty="
#define ARGUMENTS "first 'the \"second\" arg' 3 ''"

/* Whole outputs, so that no check can get lost. */

static void test_arguments_and_variables(void **state) {
  static const shell_case_t cases[] = {
      {"$W run $C", 0, "ok: args_sizes_get counts the name only\nchecks: 1, failed: 0\n", NULL},
      {"$W run $C arguments " ARGUMENTS, 0,
       "ok: args_sizes_get counts all\nok: args_get gives them in order\nchecks: 2, failed: 0\n", NULL},
      {"$W run $C no-variables", 0, "ok: environ_sizes_get counts none\nchecks: 1, failed: 0\n", NULL},
      {"$W run " VARIABLES " $C variables", 0,
       "ok: environ_sizes_get counts all\nok: environ_get gives them in order\nchecks: 2, failed: 0\n", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

static void test_calls(void **state) {
  static const shell_case_t cases[] = {
      {"$W run $C descriptors", 0,
       "ok: fd_write to no descriptor is BADF\n"
       "ok: sock_shutdown of no descriptor is BADF\n"
       "ok: sock_shutdown of a stream is NOTSOCK\n"
       "ok: fopen finds no file\n"
       "ok: fd_prestat_get finds no folder\n"
       "checks: 5, failed: 0\n",
       NULL},
      {"$W run $C clocks", 0,
       "ok: clock_res_get of the monotonic clock\n"
       "ok: clock_res_get of the realtime clock\n"
       "ok: clock_time_get of the realtime clock\n"
       "ok: the monotonic clock never goes back\n"
       "ok: clock_time_get with any precision\n"
       "checks: 5, failed: 0\n",
       NULL},
      {"$W run $C random", 0,
       "ok: random_get of 0 bytes\nok: random_get of 32 bytes\nok: random_get of 1024 bytes\nchecks: 3, failed: 0\n",
       NULL},
      {"$W run $C yield", 0, "ok: sched_yield succeeds\nchecks: 1, failed: 0\n", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

/* Files, pipes and a character device as streams. */
static void test_streams(void **state) {
  static const char ready[] = "ok: poll_oneoff finds stdin ready\nchecks: 1, failed: 0\n";
  static const char writable[] = "ok: poll_oneoff finds stdout and stderr ready\nchecks: 1, failed: 0\n";
  static const shell_case_t cases[] = {
      {"$W run $C stdout 2>report", 0, "hello", NULL},
      {"cat report", 0, "ok: fd_write writes all and says how much\nchecks: 1, failed: 0\n", NULL},
      {"$W run $C stdout 2>report | cat", 0, "hello", NULL},
      {"$W run $C input </dev/null", 0, ready, NULL},
      {"$W run $C input <report", 0, ready, NULL},
      {"echo | $W run $C input", 0, ready, NULL},
      {"true | $W run $C input", 0, ready, NULL},
      /* Opened for both, a FIFO has neither data nor an end. */
      {"mkfifo fifo && $W run $C no-input <>fifo", 0,
       "ok: poll_oneoff ends when the time is up\nchecks: 1, failed: 0\n", NULL},
      {"$W run $C output", 0, writable, NULL},
      {"{ $W run $C output 2>&1; } | cat", 0, writable, NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

static void test_exits(void **state) {
  static const shell_case_t cases[] = {
      {"$W run $C exit-success", 0, "", NULL},
      {"$W run $C exit-failure", 33, "", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

/* The guest does see what is not as it should be. */
static void test_that_checks_can_fail(void **state) {
  static const struct {
    const char *command, *failed;
  } cases[] = {
      {"$W run $C arguments first", "FAILED: args_sizes_get counts all\n"},
      {"$W run $C arguments first 'the second arg' 3 ''", "FAILED: args_get gives them in order\n"},
      {"$W run --env a=b $C no-variables", "FAILED: environ_sizes_get counts none\n"},
      {"$W run " VARIABLES "x $C variables", "FAILED: environ_get gives them in order\n"},
      {"$W run $C no-input </dev/null", "FAILED: poll_oneoff ends when the time is up\n"},
      {"mkfifo never && $W run $C input <>never", "FAILED: poll_oneoff finds stdin ready\n"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    if (shell_run(cases[i].command) != 1 || !strstr(shell_out, cases[i].failed) || !strstr(shell_out, "  ")) {
      fail_msg("%s\nprinted \"%s\"; on stderr: \"%s\"", cases[i].command, shell_out, shell_err);
    }
  }
  assert_int_equal(shell_run("$W run $C no-such-mode"), 64);
}

/* The document names checks that there are. */
static void test_document(void **state) {
  static const shell_case_t cases[] = {
      {"grep -o '`[a-z-]*: [^`]*`' $G/../../docs/conformance.md | tr -d '`' | LC_ALL=C sort -u >named;"
       "$W run $C list | LC_ALL=C sort >there; LC_ALL=C comm -23 named there",
       0, "", NULL},
      {"test $(wc -l <named) -ge 23", 0, "", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

/* Every mode of the guest is one that is run above. */
static void test_modes(void **state) {
  shell_expect("$W run $C list | sed 's/: .*//' | LC_ALL=C sort -u | tr '\\n' ' '", 0,
               "arguments clocks descriptors exit-failure exit-success input no-arguments no-input no-variables output "
               "random stdout variables yield ",
               NULL);
}

static int set_up(void **state) {
  return setenv("C", "guests/conformance.wasm", 1) == 0 ? shell_set_up(NULL, 0) : -1;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_arguments_and_variables),
      cmocka_unit_test(test_calls),
      cmocka_unit_test(test_streams),
      cmocka_unit_test(test_exits),
      cmocka_unit_test(test_that_checks_can_fail),
      cmocka_unit_test(test_modes),
      cmocka_unit_test(test_document),
  };
  return cmocka_run_group_tests(tests, set_up, shell_tear_down);
}
