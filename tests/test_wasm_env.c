/* SPDX-License-Identifier: MIT */
/* The environment in the hands of a host that does its own linking: binding memory, outcomes of traps, reset. */
#include "wasm_rig.h"

#define WASI "\"wasi_snapshot_preview1\""
/* Two memories of its own; `sizes` puts the number of arguments at 16 of the one that is bound. */
#define GUEST                                                                               \
  "(module (import " WASI " \"args_sizes_get\" (func $sizes (param i32 i32) (result i32)))" \
  "(import " WASI " \"proc_exit\" (func $exit (param i32)))"                                \
  "(import " WASI " \"sched_yield\" (func $yield (result i32)))"                            \
  "(memory (export \"a\") 1 2) (memory (export \"b\") 1 2)"                                 \
  "(func (export \"sizes\") (result i32) (call $sizes (i32.const 16) (i32.const 20)))"      \
  "(func (export \"far\") (result i32) (call $sizes (i32.const 65536) (i32.const 20)))"     \
  "(func (export \"grow\") (result i32) (memory.grow 0 (i32.const 1)))"                     \
  "(func (export \"quit\") (param i32) (call $exit (local.get 0)) (unreachable))"           \
  "(func (export \"yield\") (result i32) (call $yield))"                                    \
  "(func (export \"crash\") (unreachable))"                                                 \
  "(func (export \"a\\00b\")))"

static void start(raw_t *raw) {
  static const char *const args[] = {"x", "y", NULL};
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.args = args;
  raw_start_with(raw, GUEST, &options);
  ASSERT_OUTCOME(raw_link(raw, NULL, 0), RETURNED, "");
}

static wasm_memory_t *memory_of(const raw_t *raw, const char *name) {
  return wasm_extern_as_memory(raw_export(raw, name));
}

/* The number that the guest left there, which is cleared. */
static uint8_t take(wasm_memory_t *memory) {
  uint8_t number = (uint8_t)wasm_memory_data(memory)[16];
  wasm_memory_data(memory)[16] = 0;
  return number;
}

/* ---- Memory ---- */

static void test_binding_and_binding_again(void **state) {
  raw_t raw;
  start(&raw);
  wasm_memory_t *a = memory_of(&raw, "a"), *b = memory_of(&raw, "b");
  ASSERT_OUTCOME(raw_try(&raw, "sizes", NO_ARGS), NO_MEMORY, "args_sizes_get"); /* two, none named "memory" */
  wasi_light_env_bind_memory(raw.env, b);
  assert_int_equal(raw_call(&raw, "sizes", NO_ARGS).of.i32, 0);
  assert_int_equal(take(a), 0);
  assert_int_equal(take(b), 2);
  for (int i = 0; i < 100; i++) wasi_light_env_bind_memory(raw.env, i % 2 ? b : a); /* the last is b */
  wasi_light_env_bind_memory(raw.env, a);
  wasi_light_env_bind_memory(raw.env, a);
  assert_int_equal(raw_call(&raw, "sizes", NO_ARGS).of.i32, 0);
  assert_int_equal(take(a), 2);
  assert_int_equal(take(b), 0);
  wasi_light_env_bind_memory(raw.env, NULL);
  wasi_light_env_bind_memory(raw.env, NULL);
  ASSERT_OUTCOME(raw_try(&raw, "sizes", NO_ARGS), NO_MEMORY, "args_sizes_get");
  raw_end(&raw);
}

/* The binding has a handle of its own: the host's may go. */
static void test_the_host_s_handle_may_go(void **state) {
  raw_t raw;
  start(&raw);
  wasm_memory_t *memory = raw_memory(&raw, 1, 1);
  wasm_memory_t *copy = wasm_memory_copy(memory);
  wasi_light_env_bind_memory(raw.env, memory);
  wasm_memory_delete(memory);
  assert_int_equal(raw_call(&raw, "sizes", NO_ARGS).of.i32, 0);
  assert_int_equal(take(copy), 2);
  wasm_memory_delete(copy);
  raw_end(&raw);
}

/* The memory is asked for its size and place in each call. */
static void test_memory_that_grows(void **state) {
  raw_t raw;
  start(&raw);
  wasi_light_env_bind_memory(raw.env, memory_of(&raw, "a"));
  assert_int_equal(raw_call(&raw, "far", NO_ARGS).of.i32, WASI_LIGHT_EFAULT);
  assert_int_equal(raw_call(&raw, "grow", NO_ARGS).of.i32, 1);
  assert_int_equal(raw_call(&raw, "far", NO_ARGS).of.i32, WASI_LIGHT_ESUCCESS);
  assert_int_equal(wasm_memory_data(memory_of(&raw, "a"))[65536], 2);
  raw_end(&raw);
}

/* Binding an instance that exports no memory leaves the binding as it is; another instance's replaces it. */
static void test_binding_an_instance(void **state) {
  raw_t raw, with, without;
  start(&raw);
  raw_start(&without, "(module (memory 1) (func (export \"memory\")))");
  ASSERT_OUTCOME(raw_link(&without, NULL, 0), RETURNED, "");
  raw_start(&with, "(module (func (export \"f\")) (memory (export \"m\") 1))");
  ASSERT_OUTCOME(raw_link(&with, NULL, 0), RETURNED, "");
  wasm_memory_t *a = memory_of(&raw, "a");
  wasi_light_env_bind_memory(raw.env, a);
  wasi_light_env_bind_instance(raw.env, without.module, without.instance);
  wasi_light_env_bind_instance(raw.env, raw.module, raw.instance); /* it has two, none named "memory" */
  assert_int_equal(raw_call(&raw, "sizes", NO_ARGS).of.i32, 0);
  assert_int_equal(take(a), 2);
  wasi_light_env_bind_instance(raw.env, with.module, with.instance);
  assert_int_equal(raw_call(&raw, "sizes", NO_ARGS).of.i32, 0);
  assert_int_equal(take(a), 0);
  assert_int_equal(take(memory_of(&with, "m")), 2);
  raw_end(&raw);
  raw_end(&with);
  raw_end(&without);
}

/* ---- Outcomes ---- */

static wasm_trap_t *new_trap(raw_t *raw, const char *text) {
  wasm_message_t message;
  wasm_name_new_from_string_nt(&message, text);
  wasm_trap_t *trap = wasm_trap_new(raw->store, &message);
  wasm_byte_vec_delete(&message);
  assert_non_null(trap);
  return trap;
}

static void test_outcomes(void **state) {
  raw_t raw;
  start(&raw);
  ASSERT_OUTCOME(wasi_light_env_outcome(raw.env, NULL), RETURNED, "");
  ASSERT_OUTCOME(wasi_light_env_outcome(raw.env, new_trap(&raw, "of the host's own")), TRAPPED, "of the host's own");
  ASSERT_OUTCOME(wasi_light_env_outcome(raw.env, NULL), RETURNED, ""); /* a trap is reported once */
  ASSERT_OUTCOME(raw_try(&raw, "crash", NO_ARGS), TRAPPED, "unreachable");
  ASSERT_OUTCOME(raw_try(&raw, "sizes", NO_ARGS), NO_MEMORY, "args_sizes_get");
  ASSERT_OUTCOME(wasi_light_env_outcome(raw.env, NULL), RETURNED, ""); /* as is a missing memory */
  ASSERT_EXITED(raw_try(&raw, "quit", ARGS(I32(6))), 6);
  ASSERT_EXITED(wasi_light_env_outcome(raw.env, NULL), 6); /* an exit lasts */
  ASSERT_EXITED(wasi_light_env_outcome(raw.env, new_trap(&raw, "another reason")), 6);
  raw_end(&raw);
}

static void test_a_long_message_is_cut(void **state) {
  static char text[2000];
  raw_t raw;
  memset(text, 'm', sizeof text - 1);
  start(&raw);
  wasi_light_outcome_t outcome = wasi_light_env_outcome(raw.env, new_trap(&raw, text));
  ASSERT_OUTCOME(outcome, TRAPPED, "mmm");
  assert_int_equal(strlen(outcome.message), sizeof outcome.message - 1);
  assert_string_equal(outcome.message + sizeof outcome.message - 4, "...");
  text[sizeof outcome.message - 1] = '\0'; /* the longest that fits */
  outcome = wasi_light_env_outcome(raw.env, new_trap(&raw, text));
  assert_string_equal(outcome.message, text);
  raw_end(&raw);
}

/* An exited guest gets nowhere: even if the host enters it again, the first WASI call stops it. */
static void test_an_exited_guest_is_stopped(void **state) {
  raw_t raw;
  start(&raw);
  ASSERT_EXITED(raw_try(&raw, "quit", ARGS(I32(7))), 7);
  wasm_func_t *yield = wasm_extern_as_func(raw_export(&raw, "yield"));
  wasm_val_vec_t none = WASM_EMPTY_VEC;
  wasm_val_t result = I32(77);
  wasm_val_vec_t results = {1, &result};
  wasm_trap_t *trap = wasm_func_call(yield, &none, &results);
  assert_non_null(trap);
  ASSERT_EXITED(wasi_light_env_outcome(raw.env, trap), 7);
  ASSERT_EXITED(raw_try(&raw, "quit", ARGS(I32(8))), 7); /* the first exit counts */
  raw_end(&raw);
}

/* ---- A host function of wasm.h that enters the guest and swallows what comes ---- */

typedef struct nest_t {
  wasm_func_t *quit;
  bool trapped;
} nest_t;

static wasm_trap_t *swallow(void *env, const wasm_val_vec_t *args, wasm_val_vec_t *results) {
  nest_t *nest = env;
  wasm_val_t code = I32(19);
  wasm_val_vec_t quit_args = {1, &code};
  wasm_val_vec_t none = WASM_EMPTY_VEC;
  wasm_trap_t *trap = wasm_func_call(nest->quit, &quit_args, &none);
  nest->trapped = trap != NULL;
  if (trap) wasm_trap_delete(trap);
  return NULL;
}

static void test_a_swallowed_exit(void **state) {
  raw_t raw;
  nest_t nest = {NULL, false};
  raw_start(&raw, "(module (import " WASI " \"proc_exit\" (func $exit (param i32)))"
                  "(import " WASI " \"sched_yield\" (func $yield (result i32))) (import \"env\" \"host\" (func $host))"
                  "(global $after (mut i32) (i32.const 0)) (export \"after\" (global $after))"
                  "(func (export \"quit\") (param i32) (call $exit (local.get 0)))"
                  "(func (export \"bare\") (call $host))"
                  "(func (export \"outer\") (call $host) (drop (call $yield)) (global.set $after (i32.const 1))))");
  wasm_functype_t *type = wasm_functype_new_0_0();
  wasm_func_t *host = wasm_func_new_with_env(raw.store, type, swallow, &nest, NULL);
  wasm_functype_delete(type);
  const wasi_light_extern_t externs[] = {{"env", "host", wasm_func_as_extern(host)}};
  ASSERT_OUTCOME(raw_link(&raw, externs, 1), RETURNED, "");
  nest.quit = wasm_extern_as_func(raw_export(&raw, "quit"));
  for (int i = 0; i < 2; i++) {
    wasm_val_t after;
    ASSERT_EXITED(raw_try(&raw, i == 0 ? "outer" : "bare", NO_ARGS), 19);
    assert_true(nest.trapped);
    wasm_global_get(wasm_extern_as_global(raw_export(&raw, "after")), &after);
    assert_int_equal(after.of.i32, 0); /* it was stopped at its next WASI call */
    wasi_light_env_reset(raw.env);
  }
  wasm_func_delete(host);
  raw_end(&raw);
}

/* ---- Reset ---- */

static void test_reset(void **state) {
  raw_t raw;
  start(&raw);
  wasm_memory_t *a = memory_of(&raw, "a");
  wasi_light_env_bind_memory(raw.env, a);
  ASSERT_EXITED(raw_try(&raw, "quit", ARGS(I32(5))), 5);
  wasi_light_env_reset(raw.env);
  ASSERT_OUTCOME(wasi_light_env_outcome(raw.env, NULL), RETURNED, "");
  assert_int_equal(raw_call(&raw, "yield", NO_ARGS).of.i32, 0);
  assert_int_equal(raw_call(&raw, "sizes", NO_ARGS).of.i32, 0); /* the memory stays */
  assert_int_equal(take(a), 2);
  ASSERT_EXITED(raw_try(&raw, "quit", ARGS(I32(4))), 4);
  raw_end(&raw);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_binding_and_binding_again),
    cmocka_unit_test(test_the_host_s_handle_may_go),
    cmocka_unit_test(test_memory_that_grows),
    cmocka_unit_test(test_binding_an_instance),
    cmocka_unit_test(test_outcomes),
    cmocka_unit_test(test_a_long_message_is_cut),
    cmocka_unit_test(test_an_exited_guest_is_stopped),
    cmocka_unit_test(test_a_swallowed_exit),
    cmocka_unit_test(test_reset),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
