/* SPDX-License-Identifier: MIT */
/* Rules for single functions: denied by errno, denied by trap, so many calls and no more. */
#include "core_rows.h"
#include "env.h"

static wasi_light_options_t with_rules(const wasi_light_rule_t *rules, size_t count) {
  wasi_light_options_t options = core_row_options();
  options.rules = rules;
  options.rule_count = count;
  return options;
}

static void start(core_guest_t *g, const wasi_light_rule_t *rules, size_t count) {
  const wasi_light_options_t options = with_rules(rules, count);
  core_start(g, &options, CORE_MEMORY);
}

static bool is(const core_row_t *row, const char *name) {
  return strcmp(row->name, name) == 0;
}

/* What the good call gives where nothing is denied. */
static uint32_t plain_status(const core_row_t *row) {
  core_guest_t g;
  start(&g, NULL, 0);
  uint32_t status = core_good_call(&g, row);
  core_end(&g);
  return status;
}

/* Nothing but the count of calls, and `stop` with who it was, is other than before. */
static void assert_state(const core_guest_t *g, const p1_state_t *before, uint64_t calls) {
  p1_state_t now;
  memcpy(&now, &g->env->state, sizeof now); /* with its padding */
  assert_int_equal(now.usage.calls, before->usage.calls + calls);
  now.usage.calls = before->usage.calls;
  now.stop = before->stop;
  now.stopped_by = before->stopped_by;
  assert_memory_equal(&now, before, sizeof now);
  core_assert_unchanged(g);
  core_assert_captured(g, 1, "");
  core_assert_captured(g, 2, "");
}

static void assert_outcome(const core_guest_t *g, wasi_light_outcome_kind_t kind, const char *message) {
  wasi_light_outcome_t outcome;
  bool stopped = wasi_light_env_stopped(g->env, &outcome);
  assert_int_equal(stopped, kind != WASI_LIGHT_RETURNED);
  assert_int_equal(outcome.kind, kind);
  assert_string_equal(outcome.message, message);
  assert_int_equal(outcome.exit_code, 0);
  assert_int_equal(outcome.signal, 0);
}

/* ---- Denied ------------------------------------------------------------------------------------------------------ */

static void test_denied_by_errno(void **state) {
  static const uint32_t errors[] = {1, WASI_LIGHT_ENOSYS, WASI_LIGHT_ENOTCAPABLE};
  for (size_t i = 0; i < CORE_ROWS; i++) {
    for (size_t k = 0; k < sizeof errors / sizeof *errors; k++) {
      const wasi_light_rule_t rule = {core_rows[i].name, WASI_LIGHT_DENY_ERRNO, errors[k], NULL, 0};
      p1_state_t before;
      core_guest_t g;
      if (is(&core_rows[i], "proc_exit")) continue;
      start(&g, &rule, 1);
      memcpy(&before, &g.env->state, sizeof before);
      for (uint64_t calls = 1; calls < 4; calls++) {
        assert_int_equal(core_good_call(&g, &core_rows[i]), errors[k]);
        assert_outcome(&g, WASI_LIGHT_RETURNED, "");
        assert_state(&g, &before, calls);
      }
      assert_int_equal(g.views, 0);
      wasi_light_env_set_memory(g.env, NULL, NULL, NULL); /* it is not asked for */
      assert_int_equal(core_good_call(&g, &core_rows[i]), errors[k]);
      core_end(&g);
    }
  }
}

static void test_denied_by_trap(void **state) {
  for (size_t i = 0; i < 2 * CORE_ROWS; i++) {
    const core_row_t *row = &core_rows[i / 2];
    char text[] = "not for plug-ins";
    const wasi_light_rule_t rule = {row->name, WASI_LIGHT_DENY_TRAP, 0, i % 2 ? text : NULL, 0};
    char expected[200];
    p1_state_t before;
    core_guest_t g;
    snprintf(expected, sizeof expected, "%s is denied by the host%s%s", row->name, i % 2 ? ": " : "",
             i % 2 ? text : "");
    start(&g, &rule, 1);
    memset(text, 'x', 5); /* the message is copied */
    memcpy(&before, &g.env->state, sizeof before);
    for (uint64_t calls = 1; calls < 4; calls++) {
      if (core_good_call(&g, row) < WASI_LIGHT_STOP) fail_msg("%s went through", row->name);
      assert_state(&g, &before, calls);
      assert_outcome(&g, WASI_LIGHT_TRAPPED, expected);
      assert_outcome(&g, WASI_LIGHT_RETURNED, ""); /* it is reported once */
    }
    assert_int_equal(g.views, 0);
    core_end(&g);
  }
}

/* A rule is for its function: every other goes on as if there were none. */
static void test_the_others_are_not_denied(void **state) {
  uint32_t expected[CORE_ROWS];
  for (size_t i = 0; i < CORE_ROWS; i++) expected[i] = plain_status(&core_rows[i]);
  for (size_t i = 0; i < CORE_ROWS; i++) {
    const wasi_light_rule_t rule = {core_rows[i].name, WASI_LIGHT_DENY_TRAP, 0, "no", 0};
    core_guest_t g;
    start(&g, &rule, 1);
    for (size_t k = 0; k < CORE_ROWS; k++) {
      if (k == i || is(&core_rows[k], "proc_exit")) continue;
      wasi_light_env_reset(g.env);
      if (core_good_call(&g, &core_rows[k]) != expected[k])
        fail_msg("%s has changed %s", core_rows[i].name, core_rows[k].name);
    }
    core_end(&g);
  }
}

static void test_messages_of_denials(void **state) {
  char long_text[1000];
  wasi_light_outcome_t outcome;
  memset(long_text, 'm', sizeof long_text - 1);
  long_text[sizeof long_text - 1] = '\0';
  const wasi_light_rule_t rules[] = {
      {"fd_write", WASI_LIGHT_DENY_TRAP, 0, "first", 0},  {"fd_read", WASI_LIGHT_DENY_TRAP, 0, "", 0},
      {"fd_seek", WASI_LIGHT_DENY_TRAP, 0, long_text, 0}, {"fd_tell", WASI_LIGHT_DENY_TRAP, 0, "100%s %n", 0},
      {"fd_sync", WASI_LIGHT_DENY_TRAP, 0, "last", 0},
  };
  core_guest_t g;
  start(&g, rules, sizeof rules / sizeof *rules);
  EXPECT_STOP(&g, fd_write, 1, 0, 0, 0);
  assert_outcome(&g, WASI_LIGHT_TRAPPED, "fd_write is denied by the host: first");
  EXPECT_STOP(&g, fd_read, 0, 0, 0, 0);
  assert_outcome(&g, WASI_LIGHT_TRAPPED, "fd_read is denied by the host: ");
  EXPECT_STOP(&g, fd_tell, 0, 0);
  assert_outcome(&g, WASI_LIGHT_TRAPPED, "fd_tell is denied by the host: 100%s %n");
  EXPECT_STOP(&g, fd_sync, 0);
  assert_outcome(&g, WASI_LIGHT_TRAPPED, "fd_sync is denied by the host: last");
  EXPECT_STOP(&g, fd_seek, 0, 0, 0, 0);
  assert_true(wasi_light_env_stopped(g.env, &outcome));
  assert_int_equal(strlen(outcome.message), sizeof outcome.message - 1);
  assert_string_equal(outcome.message + sizeof outcome.message - 5, "m...");
  core_end(&g);
}

/* ---- So many calls ----------------------------------------------------------------------------------------------- */

static void check_max_calls(const core_row_t *row, uint64_t max) {
  const wasi_light_rule_t rule = {row->name, WASI_LIGHT_ALLOW, 0, NULL, max};
  char message[200];
  p1_state_t before;
  core_guest_t g;
  core_guest_t free_guest; /* does the same */
  snprintf(message, sizeof message, "%s: the guest made more calls than options.rules or options.quota allow",
           row->name);
  start(&g, &rule, 1);
  start(&free_guest, NULL, 0);
  for (int round = 0; round < 2; round++) {
    for (uint64_t i = 0; i < max; i++) {
      if (core_good_call(&g, row) != core_good_call(&free_guest, row)) fail_msg("%s: call %u", row->name, (unsigned)i);
    }
    assert_outcome(&g, WASI_LIGHT_RETURNED, "");
    wasi_light_env_clear_captured(g.env, 1);
    memcpy(&before, &g.env->state, sizeof before);
    for (uint64_t calls = 1; calls < 4; calls++) {
      if (core_good_call(&g, row) < WASI_LIGHT_STOP) fail_msg("%s was called too often", row->name);
      assert_outcome(&g, WASI_LIGHT_LIMIT, message);
      assert_outcome(&g, WASI_LIGHT_RETURNED, "");
      assert_state(&g, &before, calls);
    }
    EXPECT(SUCCESS, &g, clock_res_get, 1, 0); /* others may be called */
    wasi_light_env_reset(g.env);
    wasi_light_env_reset(free_guest.env);
  }
  core_end(&g);
  core_end(&free_guest);
}

static void test_max_calls(void **state) {
  for (size_t i = 0; i < CORE_ROWS; i++) {
    if (is(&core_rows[i], "proc_exit") || is(&core_rows[i], "clock_res_get")) continue;
    for (uint64_t max = 1; max < 4; max++) check_max_calls(&core_rows[i], max);
  }
}

/* An exit happens once anyway, and stays an exit. */
static void test_max_calls_of_exit(void **state) {
  const wasi_light_rule_t rule = {"proc_exit", WASI_LIGHT_ALLOW, 0, NULL, 1};
  core_guest_t g;
  start(&g, &rule, 1);
  for (int i = 0; i < 3; i++) {
    EXPECT_STOP(&g, proc_exit, 7);
    core_assert_stopped(&g, WASI_LIGHT_EXITED, 7);
  }
  core_end(&g);
}

/* wasi_unstable has the same functions: rule and count are for both. */
static void test_rules_are_for_snapshot_0_too(void **state) {
  static const char *const names[] = {"fd_seek", "fd_filestat_get", "poll_oneoff", "fd_write"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const uint64_t args[CORE_ARGS_MAX] = {99, UINT32_MAX, 1, 0};
    const wasi_light_function_t *old = wasi_light_function("wasi_unstable", names[i]);
    const wasi_light_rule_t deny = {names[i], WASI_LIGHT_DENY_ERRNO, WASI_LIGHT_EDOM, NULL, 0};
    const wasi_light_rule_t limit = {names[i], WASI_LIGHT_ALLOW, 0, NULL, 2};
    core_guest_t g;
    start(&g, &deny, 1);
    assert_int_equal(old->call(g.env, args), WASI_LIGHT_EDOM);
    core_end(&g);
    start(&g, &limit, 1);
    assert_true(old->call(g.env, args) < WASI_LIGHT_STOP);
    assert_true(core_call(&g, names[i], args) < WASI_LIGHT_STOP);
    assert_true(old->call(g.env, args) >= WASI_LIGHT_STOP);
    core_assert_stopped(&g, WASI_LIGHT_LIMIT, 0);
    assert_int_equal(wasi_light_env_calls(g.env, names[i]), 3);
    core_end(&g);
  }
}

/* ---- Several rules ----------------------------------------------------------------------------------------------- */

/* Of all rules for a function the last counts, and nothing of those before it. */
static void test_the_last_rule_counts(void **state) {
  static const wasi_light_rule_t kinds[] = {
      {"fd_tell", WASI_LIGHT_ALLOW, 0, NULL, 0},
      {"fd_tell", WASI_LIGHT_ALLOW, 0, NULL, 1},
      {"fd_tell", WASI_LIGHT_DENY_ERRNO, WASI_LIGHT_EDOM, NULL, 1},
      {"fd_tell", WASI_LIGHT_DENY_TRAP, 0, "text", 1},
      {"fd_tell", WASI_LIGHT_DENY_TRAP, 0, NULL, 1},
  };
  enum { KINDS = sizeof kinds / sizeof *kinds };
  for (size_t i = 0; i < KINDS * KINDS * 2; i++) {
    const wasi_light_rule_t other = {"fd_sync", WASI_LIGHT_DENY_ERRNO, WASI_LIGHT_EDOM, NULL, 0};
    const wasi_light_rule_t rules[] = {kinds[i % KINDS], i < KINDS * KINDS ? other : kinds[i % KINDS],
                                       kinds[i / KINDS % KINDS]};
    size_t last = i / KINDS % KINDS;
    core_guest_t g;
    start(&g, rules, 3);
    for (int call = 0; call < 3; call++) {
      uint32_t status = CALL(&g, fd_tell, 1, 0);
      bool stops = last > 2 || (last == 1 && call > 0);
      if (stops) assert_true(status >= WASI_LIGHT_STOP);
      else assert_int_equal(status, last == 2 ? WASI_LIGHT_EDOM : WASI_LIGHT_ESPIPE);
      if (last > 2)
        assert_outcome(&g, WASI_LIGHT_TRAPPED,
                       last == 3 ? "fd_tell is denied by the host: text" : "fd_tell is denied by the host");
      else core_assert_stopped(&g, stops ? WASI_LIGHT_LIMIT : WASI_LIGHT_RETURNED, 0);
    }
    core_end(&g);
  }
}

/* ---- Rules that are none ----------------------------------------------------------------------------------------- */

static const struct {
  wasi_light_rule_t rule;
  const char *name, *problem;
} bad[] = {
    {{NULL, WASI_LIGHT_ALLOW, 0, NULL, 0}, "NULL", "no function"},
    {{"", WASI_LIGHT_ALLOW, 0, NULL, 0}, "()", "no function"},
    {{"fd_writ", WASI_LIGHT_ALLOW, 0, NULL, 0}, "fd_writ", "no function"},
    {{"fd_writes", WASI_LIGHT_DENY_TRAP, 0, NULL, 0}, "fd_writes", "no function"},
    {{"FD_WRITE", WASI_LIGHT_DENY_TRAP, 0, NULL, 0}, "FD_WRITE", "no function"},
    {{"wasi_snapshot_preview1.fd_write", WASI_LIGHT_ALLOW, 0, NULL, 0}, "fd_write", "no function"},
    {{"fd_write", (wasi_light_action_t)3, 0, NULL, 0}, "fd_write", "action"},
    {{"fd_write", (wasi_light_action_t)-1, 0, NULL, 0}, "fd_write", "action"},
    {{"fd_write", WASI_LIGHT_DENY_ERRNO, WASI_LIGHT_ESUCCESS, NULL, 0}, "fd_write", "errno"},
    {{"fd_write", WASI_LIGHT_DENY_ERRNO, WASI_LIGHT_ENOTCAPABLE + 1, NULL, 0}, "fd_write", "errno"},
    {{"fd_write", WASI_LIGHT_DENY_ERRNO, WASI_LIGHT_STOP, NULL, 0}, "fd_write", "errno"},
    {{"fd_write", WASI_LIGHT_DENY_ERRNO, UINT32_MAX, NULL, 0}, "fd_write", "errno"},
    {{"proc_exit", WASI_LIGHT_DENY_ERRNO, WASI_LIGHT_ENOSYS, NULL, 0}, "proc_exit", "exit"},
};

static void test_bad_rules(void **state) {
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    for (size_t at = 0; at < 3; at++) {
      wasi_light_rule_t rules[3] = {{"fd_read", WASI_LIGHT_DENY_ERRNO, WASI_LIGHT_ENOTCAPABLE, "a", 7},
                                    {"proc_exit", WASI_LIGHT_DENY_TRAP, UINT32_MAX, NULL, 0},
                                    {"fd_write", WASI_LIGHT_ALLOW, UINT32_MAX, "b", UINT64_MAX}};
      const wasi_light_options_t options = with_rules(rules, 3);
      wasi_light_error_t error = {.code = WASI_LIGHT_ERROR_OK};
      wasi_light_config_t *config = wasi_light_config_new(&options, &error);
      char index[32];
      assert_non_null(config); /* good ones */
      wasi_light_config_delete(config);
      rules[at] = bad[i].rule;
      snprintf(index, sizeof index, "options.rules[%zu]", at);
      assert_null(wasi_light_config_new(&options, &error));
      assert_int_equal(error.code, WASI_LIGHT_ERROR_ARGUMENT);
      const char *const parts[] = {index, bad[i].name, bad[i].problem};
      for (int k = 0; k < 3; k++) {
        if (!strstr(error.message, parts[k])) fail_msg("\"%s\" does not say \"%s\"", error.message, parts[k]);
      }
      assert_null(wasi_light_config_new(&options, NULL));
    }
  }
}

static void test_list_of_rules(void **state) {
  static const wasi_light_rule_t wrong = {"nothing", WASI_LIGHT_ALLOW, 0, NULL, 0};
  wasi_light_options_t options = with_rules(NULL, 1);
  wasi_light_error_t error = {.code = WASI_LIGHT_ERROR_OK};
  assert_null(wasi_light_config_new(&options, &error));
  assert_int_equal(error.code, WASI_LIGHT_ERROR_ARGUMENT);
  assert_non_null(strstr(error.message, "options.rules is NULL"));
  options = with_rules(&wrong, 0); /* none of them is looked at */
  wasi_light_config_t *config = wasi_light_config_new(&options, &error);
  assert_non_null(config);
  wasi_light_config_delete(config);
}

/* As many as one likes: a thousand, each with a message. */
static void test_many_rules(void **state) {
  enum { COUNT = 1000 };
  static wasi_light_rule_t rules[COUNT];
  static char texts[COUNT][32];
  core_guest_t g;
  for (size_t i = 0; i < COUNT; i++) {
    snprintf(texts[i], sizeof texts[i], "message %zu", i);
    rules[i] = (wasi_light_rule_t){core_rows[i % CORE_ROWS].name, WASI_LIGHT_DENY_TRAP, 0, texts[i], 0};
  }
  start(&g, rules, COUNT);
  for (size_t i = COUNT - CORE_ROWS; i < COUNT; i++) {
    char expected[100];
    const core_row_t *row = &core_rows[i % CORE_ROWS];
    snprintf(expected, sizeof expected, "%s is denied by the host: message %zu", row->name, i);
    assert_true(core_good_call(&g, row) >= WASI_LIGHT_STOP);
    assert_outcome(&g, WASI_LIGHT_TRAPPED, expected);
  }
  core_end(&g);
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_denied_by_errno),
      cmocka_unit_test(test_denied_by_trap),
      cmocka_unit_test(test_the_others_are_not_denied),
      cmocka_unit_test(test_messages_of_denials),
      cmocka_unit_test(test_max_calls),
      cmocka_unit_test(test_max_calls_of_exit),
      cmocka_unit_test(test_rules_are_for_snapshot_0_too),
      cmocka_unit_test(test_the_last_rule_counts),
      cmocka_unit_test(test_bad_rules),
      cmocka_unit_test(test_list_of_rules),
      cmocka_unit_test(test_many_rules),
  };
  return CORE_RUN(tests, argc, argv);
}
