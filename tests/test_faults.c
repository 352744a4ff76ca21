/* SPDX-License-Identifier: MIT */
/*
 * All that the library asks of the system and of the engine fails once, in each way that it can, in scripts that use all
 * of wasi_light_wasm.h.
 */
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults_guest.h"

/* ---- What the scripts share ------------------------------------------------------------------------ */

static struct {
  wasm_engine_t *engine;
  rig_bytes_t bytes; /* FAULTS_GUEST */
  wasi_light_linker_t *linker;
  wasi_light_module_t *module;
  wasi_light_config_t *config;
} shared;

static own wasm_trap_t *on_add(wasi_light_instance_t *instance, void *data, const wasm_val_t *args,
                               wasm_val_t *results) {
  results[0].of.i32 = args[0].of.i32 + (int32_t)args[1].of.i64;
  return NULL;
}

static own wasm_trap_t *on_many(wasi_light_instance_t *instance, void *data, const wasm_val_t *args,
                                wasm_val_t *results) {
  results[0].of.i64 = 0;
  for (int i = 0; i < 10; i++) results[0].of.i64 += args[i].of.i32;
  return NULL;
}

static own wasm_trap_t *on_refuse(wasi_light_instance_t *instance, void *data, const wasm_val_t *args,
                                  wasm_val_t *results) {
  return wasi_light_trap(instance, "refused %d", 7);
}

static const rig_func_t funcs[] = {
    {"add", "(iI)i", on_add, NULL}, {"many", "(iiiiiiiiii)I", on_many, NULL}, {"refuse", "()", on_refuse, NULL}};

static int set_up(void **state) {
  wasi_light_error_t error;
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.out = options.err = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = 64};
  options.count_calls = true;
  shared.engine = rig_engine();
  shared.bytes = rig_assemble(FAULTS_GUEST);
  shared.linker = rig_linker(funcs, COUNT(funcs));
  shared.config = rig_config(&options);
  shared.module =
      wasi_light_module_new(shared.engine, shared.bytes.data, shared.bytes.size, shared.linker, NULL, &error);
  if (!shared.module) fail_msg("%s", error.message);
  return 0;
}

static int tear_down(void **state) {
  wasi_light_module_delete(shared.module);
  wasi_light_config_delete(shared.config);
  wasi_light_linker_delete(shared.linker);
  rig_bytes_end(&shared.bytes);
  return 0;
}

static wasi_light_outcome_t call(wasi_light_instance_t *instance, const char *name, const wasm_val_t *args,
                                 size_t count, wasm_val_t *result) {
  wasi_light_outcome_t outcome;
  const wasi_light_func_t *func = NULL;
  LIB(func = wasi_light_module_func(wasi_light_instance_module(instance), name));
  FAULTS_REQUIRE(func, name);
  size_t results = wasm_functype_results(wasi_light_func_type(func))->size;
  LIB(outcome = wasi_light_call(instance, func, args, count, result, results));
  return outcome;
}

/* The call returns this. */
static void returns(wasi_light_instance_t *instance, const char *name, const wasm_val_t *args, size_t count,
                    int64_t expected) {
  wasm_val_t result = {.kind = WASM_I64, .of = {.i64 = 0}};
  wasi_light_outcome_t outcome = call(instance, name, args, count, &result);
  FAULTS_REQUIRE(outcome.kind == WASI_LIGHT_RETURNED, outcome.message);
  FAULTS_REQUIRE((result.kind == WASM_I32 ? result.of.i32 : result.of.i64) == expected, name);
}

/* It ends so, and the message says what it is. */
static void ends(wasi_light_instance_t *instance, const char *name, wasi_light_outcome_kind_t kind, const char *text) {
  wasm_val_t result;
  faults_expect();
  wasi_light_outcome_t outcome = call(instance, name, NO_ARGS, &result);
  FAULTS_REQUIRE(outcome.kind == kind && outcome.message[0], outcome.message);
  FAULTS_REQUIRE(faults_was_met() || strstr(outcome.message, text), outcome.message);
}

/* The guest is told of an error, or not; the next time it is not. */
static void draws(wasi_light_instance_t *instance) {
  wasm_val_t result;
  faults_expect();
  wasi_light_outcome_t outcome = call(instance, "random", NO_ARGS, &result);
  FAULTS_REQUIRE(outcome.kind == WASI_LIGHT_RETURNED, outcome.message);
  if (result.of.i32 == 0) return;
  FAULTS_REQUIRE(faults_was_met() && result.of.i32 == WASI_LIGHT_EIO, "random_get");
  returns(instance, "random", NO_ARGS, 0);
}

/* Whatever the guest has is as it should be. */
static void works(wasi_light_instance_t *instance) {
  wasm_val_t five = I32(5);
  uint8_t *memory = NULL;
  LIB(memory = wasi_light_memory(instance, 128, 8));
  FAULTS_REQUIRE(memory && memory[0] == 1 && memory[4] == 2, "what the start section and _initialize did");
  FAULTS_REQUIRE(memcmp(memory - 64, "hello world\n", 12) == 0, "data");
  returns(instance, "count", NO_ARGS, 6);
  returns(instance, "add", &five, 1, 7);
  returns(instance, "many", NO_ARGS, 10);
  returns(instance, "print", NO_ARGS, 0);
  draws(instance);
}

/* ---- Bytes ----------------------------------------------------------------------------------------- */

static void on_audit_line(void *data, const char *line) {
  *(unsigned *)data += strcmp(line, "recyclable: yes") == 0;
}

static void bytes(void) {
  unsigned lines = 0;
  wasm_byte_vec_t wasm;
  MUST(wasi_light_wat2wasm(FAULTS_GUEST, strlen(FAULTS_GUEST), &wasm, &faults_error));
  MUST(wasi_light_check_module(wasm.data, wasm.size, NULL, &faults_error));
  MUST(wasi_light_audit(wasm.data, wasm.size, shared.linker, NULL, on_audit_line, &lines, &faults_error));
  FAULTS_REQUIRE(lines == 1, "what the audit says");
  wasm_byte_vec_delete(&wasm);
}

/* More functions than there is room for at first. */
static void linker(void) {
  enum { FUNCS = 20 };
  wasi_light_linker_t *made = NULL;
  MUST_QUIETLY(made = wasi_light_linker_new(), "calloc");
  for (int i = 0; i < FUNCS; i++) {
    char name[8];
    snprintf(name, sizeof name, "f%d", i);
    MUST(wasi_light_linker_func(made, "env", name, "(i)i", on_add, NULL, &faults_error));
  }
  MUST(wasi_light_linker_memory(made, "env", "memory", &faults_error));
  FAULTS_REQUIRE(!wasi_light_linker_memory(made, "env", "memory", NULL), "each is there once");
  LIB(wasi_light_linker_delete(made));
}

/* ---- Modules --------------------------------------------------------------------------------------- */

static void module(void) {
  wasi_light_limits_t limits = WASI_LIGHT_LIMITS_INIT;
  wasi_light_module_t *made = NULL;
  limits.memory_pages = 7;
  limits.table_elements = 4;
  MUST(made = wasi_light_module_new(shared.engine, shared.bytes.data, shared.bytes.size, shared.linker, &limits,
                                    &faults_error));
  wasi_light_module_t *copy = wasi_light_module_copy(made);
  LIB(wasi_light_module_delete(made));
  FAULTS_REQUIRE(wasi_light_module_kind(copy) == WASI_LIGHT_REACTOR, "the kind");
  FAULTS_REQUIRE(wasi_light_module_recyclable(copy), "whether it can be recycled");
  FAULTS_REQUIRE(wasi_light_module_wasm(copy), "the engine's module");
  const wasi_light_func_t *func = wasi_light_module_func_at(copy, 1);
  FAULTS_REQUIRE(func && wasi_light_func_name(func)->size == 8, "its functions");
  LIB(wasi_light_module_delete(copy));
}

static void compiled(void) {
  wasm_byte_vec_t artifact;
  wasi_light_module_t *made = NULL;
  wasi_light_instance_t *instance = NULL;
  MUST(wasi_light_compile(shared.engine, shared.bytes.data, shared.bytes.size, NULL, "tag", &artifact, &faults_error));
  MUST(made = wasi_light_module_new_compiled(shared.engine, shared.bytes.data, shared.bytes.size, shared.linker, NULL,
                                             "tag", artifact.data, artifact.size, &faults_error));
  wasm_byte_vec_delete(&artifact);
  MUST(instance = wasi_light_instance_new(made, shared.config, NULL, &faults_error));
  works(instance);
  LIB(wasi_light_instance_delete(instance));
  LIB(wasi_light_module_delete(made));
}

/* A module with an engine of its own. */
static void metered(void) {
  wasi_light_limits_t limits = WASI_LIGHT_LIMITS_INIT;
  wasi_light_module_t *made = NULL;
  wasi_light_instance_t *instance = NULL;
  limits.points_per_call = 1000;
  MUST(made = wasi_light_module_new(shared.engine, shared.bytes.data, shared.bytes.size, shared.linker, &limits,
                                    &faults_error));
  MUST(instance = wasi_light_instance_new(made, shared.config, NULL, &faults_error));
  works(instance);
  ends(instance, "spin", WASI_LIGHT_LIMIT, "points");
  FAULTS_REQUIRE(wasi_light_instance_set_points(instance, 50), "points");
  ends(instance, "spin", WASI_LIGHT_LIMIT, "50 points");
  FAULTS_REQUIRE(wasi_light_instance_points_used(instance) > 1050, "points that were used");
  LIB(wasi_light_instance_delete(instance));
  LIB(wasi_light_module_delete(made));
}

/* What is not there traps when it is called; and memory comes from the linker, under two names. */
static void unknown_and_memory(void) {
  static const char wat[] =
      "(module (import \"env\" \"memory\" (memory 1)) (import \"env\" \"what\" (func $what (param i32)))"
      " (import \"wasi_snapshot_preview1\" \"random_get\" (func $random (param i32 i32) (result i32)))"
      " (func (export \"what\") (call $what (i32.const 1)))"
      " (func (export \"random\") (result i32) (call $random (i32.const 0) (i32.const 300))))";
  rig_bytes_t text = rig_assemble(wat);
  wasi_light_linker_t *made = NULL;
  wasi_light_module_t *guest = NULL;
  wasi_light_instance_t *instance = NULL;
  MUST_QUIETLY(made = wasi_light_linker_new(), "calloc");
  LIB(wasi_light_linker_unknown(made, WASI_LIGHT_UNKNOWN_TRAPS));
  MUST(wasi_light_linker_memory(made, "env", "memory", &faults_error));
  MUST(guest = wasi_light_module_new(shared.engine, text.data, text.size, made, NULL, &faults_error));
  LIB(wasi_light_linker_delete(made));
  MUST(instance = wasi_light_instance_new(guest, shared.config, NULL, &faults_error));
  ends(instance, "what", WASI_LIGHT_TRAPPED, "env.what was called");
  draws(instance);
  LIB(wasi_light_instance_delete(instance));
  LIB(wasi_light_module_delete(guest));
  rig_bytes_end(&text);
}

/* ---- Guests and arguments that are refused ---- */

static bool makes(const rig_bytes_t *guest, const wasi_light_limits_t *limits) {
  wasi_light_module_t *made =
      wasi_light_module_new(shared.engine, guest->data, guest->size, shared.linker, limits, &faults_error);
  wasi_light_module_delete(made);
  return made;
}

/* What is made of it fails to be instantiated. */
static void refused_instance(const char *wat, wasi_light_error_code_t code) {
  wasi_light_module_t *guest = rig_module(wat, NULL);
  wasi_light_pool_t *pool = NULL;
  MUST(pool = wasi_light_pool_new(guest, shared.config, NULL, &faults_error));
  for (int i = 0; i < 2; i++) {
    wasi_light_instance_t *made = NULL;
    faults_expect();
    if (i == 0) LIB(made = wasi_light_instance_new(guest, shared.config, NULL, &faults_error));
    else LIB(made = wasi_light_pool_take(pool, NULL, &faults_error));
    FAULTS_REQUIRE(!made, "it was made");
    if (faults_error.code != code) faults_check_error(__FILE__, __LINE__, wat);
  }
  LIB(wasi_light_pool_delete(pool));
  wasi_light_module_delete(guest);
}

/* An error that is the guest's stays that, whatever the host has too little of. */
static void refusals(void) {
  static const char not_text[] = "(module (func $f) (export \"f\" (func $g)))";
  wasi_light_limits_t limits = WASI_LIGHT_LIMITS_INIT;
  wasm_byte_vec_t none;
  MUST_FAIL(wasi_light_wat2wasm(not_text, strlen(not_text), &none, &faults_error), MODULE);
  rig_bytes_t unlinked = rig_assemble("(module (import \"env\" \"none\" (func)))");
  MUST_FAIL(makes(&unlinked, NULL), LINK);
  unlinked.size -= 1;
  MUST_FAIL(makes(&unlinked, NULL), MODULE);
  rig_bytes_end(&unlinked);
  rig_bytes_t invalid = rig_assemble("(module (func (export \"f\") (result i32) (i32.const 1)))");
  uint8_t *code = memchr(invalid.data + 8, 0x41, invalid.size - 8); /* i32.const 1 becomes i64.const 1 */
  assert_non_null(code);
  *code = 0x42;
  MUST_FAIL(makes(&invalid, NULL), COMPILE);
  limits.points_per_call = 100;
  MUST_FAIL(makes(&invalid, &limits), COMPILE);
  rig_bytes_end(&invalid);
  refused_instance("(module (memory (export \"memory\") 1) (data (i32.const 65535) \"ab\"))", WASI_LIGHT_ERROR_TRAP);
  refused_instance("(module (memory (export \"memory\") 1) (func (export \"_initialize\") unreachable))",
                   WASI_LIGHT_ERROR_TRAP);
  refused_instance("(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))"
                   " (memory (export \"memory\") 1) (func $start (call $exit (i32.const 1))) (start $start))",
                   WASI_LIGHT_ERROR_EXIT);
}

/* ---- Instances ------------------------------------------------------------------------------------- */

static void instance(void) {
  int host;
  char text[16];
  size_t size = 0;
  uint32_t offset = 0;
  wasm_val_t result;
  wasi_light_outcome_t outcome;
  wasi_light_instance_t *made = NULL;
  MUST(made = wasi_light_instance_new(shared.module, shared.config, &host, &faults_error));
  works(made);
  const wasi_light_func_t *allocate = wasi_light_module_func(shared.module, "allocate");
  MUST(offset = wasi_light_string_in(made, allocate, "a string", 8, &faults_error));
  LIB(size = wasi_light_string_out(made, offset, text, sizeof text));
  FAULTS_REQUIRE(size == 8 && strcmp(text, "a string") == 0, text);
  ends(made, "refuse", WASI_LIGHT_TRAPPED, "refused 7");
  LIB(outcome = wasi_light_call_name(made, "missing", NO_ARGS, &result, 1));
  FAULTS_REQUIRE(outcome.kind == WASI_LIGHT_REFUSED && strstr(outcome.message, "missing"), outcome.message);
  FAULTS_REQUIRE(wasi_light_instance_host(made) == &host && wasi_light_instance_module(made) == shared.module, "parts");
  FAULTS_REQUIRE(wasi_light_instance_store(made) && wasi_light_instance_wasm(made), "parts");
  FAULTS_REQUIRE(wasi_light_env_calls(wasi_light_instance_env(made), "fd_write") == 1, "counters");
  ends(made, "leave", WASI_LIGHT_EXITED, "code 3");
  ends(made, "nothing", WASI_LIGHT_EXITED, "code 3");
  LIB(wasi_light_instance_delete(made));
}

/* The same where the engine has no functions but those of wasm.h: then one that is not made is an error. */
static void without_raw_functions(void (*script)(void)) {
  faults_storm("wasmer_func_new_raw_with_env", 1, UINT32_MAX);
  script();
  faults_storm("wasmer_func_new_raw_with_env", 1, 0);
}

static void instance_of_wasm_h(void) {
  without_raw_functions(instance);
}

/* A host that links by itself. What is the host's own is not tried. */
static void import_object(void) {
  static const char wat[] =
      "(module (import \"wasi_snapshot_preview1\" \"random_get\" (func $random (param i32 i32) (result i32)))"
      " (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))"
      " (import \"env\" \"memory\" (memory 1))"
      " (memory (export \"memory\") 1)"
      " (func (export \"leave\") (call $exit (i32.const 3)))"
      " (func (export \"random\") (result i32) (call $random (i32.const 0) (i32.const 300))))";
  static const wasm_val_vec_t no_args = WASM_EMPTY_VEC;
  raw_t raw;
  wasm_val_t value = I32(0);
  wasm_val_vec_t values = {1, &value};
  wasm_trap_t *trap = NULL;
  wasi_light_env_t *env = NULL;
  wasi_light_outcome_t outcome;
  wasm_extern_vec_t imports = WASM_EMPTY_VEC;
  raw_start(&raw, wat);
  wasm_memory_t *memory = raw_memory(&raw, 1, 1);
  const wasi_light_extern_t given = {"env", "memory", wasm_memory_as_extern(memory)};
  MUST(env = wasi_light_env_new(raw.config, NULL, &faults_error));
  MUST(wasi_light_generate_import_object(env, raw.store, raw.module, &given, 1, &imports, &faults_error));
  raw.instance = wasm_instance_new(raw.store, raw.module, &imports, &trap);
  FAULTS_REQUIRE(raw.instance, "the instance");
  wasm_extern_vec_delete(&imports);
  LIB(wasi_light_env_bind_instance(env, raw.module, raw.instance));
  wasm_instance_exports(raw.instance, &raw.exports);
  faults_expect();
  LIB(trap = wasm_func_call(wasm_extern_as_func(raw_export(&raw, "random")), &no_args, &values));
  LIB(outcome = wasi_light_env_outcome(env, trap));
  FAULTS_REQUIRE(outcome.kind == WASI_LIGHT_RETURNED && (value.of.i32 == 0 || faults_was_met()), outcome.message);
  LIB(wasi_light_env_bind_memory(env, memory));
  values.size = 0;
  LIB(trap = wasm_func_call(wasm_extern_as_func(raw_export(&raw, "leave")), &no_args, &values));
  LIB(outcome = wasi_light_env_outcome(env, trap));
  FAULTS_REQUIRE(outcome.kind == WASI_LIGHT_EXITED && outcome.exit_code == 3, outcome.message);
  wasm_memory_delete(memory);
  LIB(wasi_light_env_delete(env));
  raw_end(&raw);
}

static void import_object_of_wasm_h(void) {
  without_raw_functions(import_object);
}

/* ---- Pools ----------------------------------------------------------------------------------------- */

static void on_take(void *data, wasi_light_instance_t *taken) {
  *(unsigned *)data += taken != NULL;
}

/* Every second lease grows, traps or exits. */
static void use(wasi_light_instance_t *taken, size_t i) {
  works(taken);
  if (i % 4 == 1) ends(taken, "refuse", WASI_LIGHT_TRAPPED, "refused 7");
  if (i % 4 == 3) ends(taken, "leave", WASI_LIGHT_EXITED, "code 3");
}

static void give(wasi_light_pool_t *pool, wasi_light_instance_t *taken) {
  wasi_light_pool_stats_t before, after;
  wasi_light_pool_stats(pool, &before);
  MUST(wasi_light_pool_give(pool, taken, &faults_error));
  wasi_light_pool_stats(pool, &after);
  FAULTS_REQUIRE(after.reset == before.reset + 1, "it was not kept");
  FAULTS_REQUIRE(wasi_light__pool_is_pristine(taken), "it is not as it was");
}

/* More members than there is room for at first, two rounds, and one that grows. */
static void pool_by(wasi_light_reset_t method) {
  enum { LIVE = 9 };
  unsigned takes = 0;
  wasm_val_t result;
  wasi_light_pool_stats_t stats;
  wasi_light_instance_t *taken[LIVE];
  wasi_light_pool_t *pool = NULL;
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  options.warm = 2;
  options.max_live = LIVE;
  options.warm_up = options.after_reset = "nothing";
  options.on_take = on_take;
  options.data = &takes;
  options.reset = method;
  MUST(pool = wasi_light_pool_new(shared.module, shared.config, &options, &faults_error));
  for (size_t round = 0; round < 2; round++) {
    size_t count = round == 0 ? LIVE : 2;
    for (size_t i = 0; i < count; i++) {
      taken[i] = NULL;
      MUST(taken[i] = wasi_light_pool_take(pool, NULL, &faults_error));
      use(taken[i], i + round);
    }
    for (size_t i = 0; i < count; i++) give(pool, taken[i]);
  }
  MUST(taken[0] = wasi_light_pool_take(pool, NULL, &faults_error));
  call(taken[0], "grow", NO_ARGS, &result);
  FAULTS_REQUIRE(result.of.i32 == 4, "memory.grow");
  MUST(wasi_light_pool_give(pool, taken[0], &faults_error));
  wasi_light_pool_stats(pool, &stats);
  FAULTS_REQUIRE(stats.replaced_grown == 1 && stats.live == LIVE - 1 && takes == LIVE + 3, "statistics");
  LIB(wasi_light_pool_delete(pool));
}

static void pool_by_best(void) {
  pool_by(WASI_LIGHT_RESET_BEST);
}

static void pool_by_copy(void) {
  pool_by(WASI_LIGHT_RESET_COPY);
}

static void pool_by_copy_on_write(void) {
  pool_by(WASI_LIGHT_RESET_COPY_ON_WRITE);
}

static void pool_by_scan(void) {
  pool_by(WASI_LIGHT_RESET_SCAN);
}

/* Each member comes out otherwise, so that it has a snapshot of its own; and what has grown is kept. */
static void pool_of_different(void) {
  static const char wat[] =
      "(module (import \"wasi_snapshot_preview1\" \"random_get\" (func $random (param i32 i32) (result i32)))"
      " (memory (export \"memory\") 4)"
      " (func (export \"_initialize\")"
      "  (drop (call $random (i32.const 0) (i32.const 16))) (i32.store (i32.const 300) (i32.const 1)))"
      " (func (export \"dirty\") (i64.store (i32.const 0) (i64.const 0)) (i32.store (i32.const 200000) (i32.const 7)))"
      " (func (export \"grow\") (result i32) (memory.grow (i32.const 1))))";
  static wasi_light_module_t *guest;
  wasm_val_t result;
  wasi_light_pool_t *pool = NULL;
  wasi_light_instance_t *taken[2] = {NULL, NULL};
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  options.allow_grown = true;
  guest = rig_module(wat, NULL);
  MUST(pool = wasi_light_pool_new(guest, shared.config, &options, &faults_error));
  for (int i = 0; i < 2; i++) MUST(taken[i] = wasi_light_pool_take(pool, NULL, &faults_error));
  for (int i = 0; i < 2; i++) {
    call(taken[i], "dirty", NO_ARGS, &result);
    give(pool, taken[i]);
  }
  MUST(taken[0] = wasi_light_pool_take(pool, NULL, &faults_error));
  call(taken[0], "grow", NO_ARGS, &result);
  MUST(wasi_light_pool_give(pool, taken[0], &faults_error));
  LIB(wasi_light_pool_delete(pool));
  wasi_light_module_delete(guest);
}

/* ---- A pool after a fork ---- */

static struct {
  wasi_light_pool_t *pool;
  wasi_light_instance_t *taken;
  faults_held_t without; /* held before there was a pool */
} forked;

/* In the child: what the parent took is given back, where the page map is another one; and all of it is deleted. */
static void pool_in_a_child(void) {
  faults_held_t before = faults_held;
  use(forked.taken, 1);
  give(forked.pool, forked.taken);
  MUST(forked.taken = wasi_light_pool_take(forked.pool, NULL, &faults_error));
  works(forked.taken);
  give(forked.pool, forked.taken);
  LIB(wasi_light_pool_delete(forked.pool));
  FAULTS_REQUIRE(memcmp(&faults_held, &forked.without, sizeof faults_held) == 0, "something of the pool is left");
  faults_held = before;
}

/* ---- Tests ----------------------------------------------------------------------------------------- */

#define TRY(name, script, least)                             \
  do {                                                       \
    rig_engine();                                            \
    unsigned long tried = faults_try(name, script);          \
    if (tried < (least)) fail_msg("only %lu faults", tried); \
  } while (0)

static void test_bytes(void **state) {
  TRY("bytes", bytes, 20);
  TRY("linker", linker, 20);
}

static void test_modules(void **state) {
  TRY("module", module, 35);
  TRY("compiled", compiled, 60);
  TRY("metered", metered, 40);
  TRY("unknown and memory", unknown_and_memory, 30);
}

static void test_refusals(void **state) {
  TRY("refusals", refusals, 80);
}

static void test_instances(void **state) {
  TRY("instance", instance, 10);
  TRY("instance of wasm.h", instance_of_wasm_h, 10);
  TRY("import object", import_object, 6);
  TRY("import object of wasm.h", import_object_of_wasm_h, 6);
}

static void test_pools(void **state) {
  TRY("pool by best", pool_by_best, 50);
  TRY("pool by copy", pool_by_copy, 50);
  TRY("pool by copy on write", pool_by_copy_on_write, 50);
  TRY("pool by scan", pool_by_scan, 50);
  TRY("pool of different", pool_of_different, 40);
}

static void test_pool_after_a_fork(void **state) {
  wasi_light_pool_options_t options = WASI_LIGHT_POOL_OPTIONS_INIT;
  rig_engine();
  options.reset = WASI_LIGHT_RESET_SCAN;
  faults_begin(0, 0);
  forked.without = faults_held;
  MUST(forked.pool = wasi_light_pool_new(shared.module, shared.config, &options, &faults_error));
  MUST(forked.taken = wasi_light_pool_take(forked.pool, NULL, &faults_error));
  assert_true(faults_try_forked("pool in a child", pool_in_a_child, false) > 2);
  LIB(wasi_light_pool_delete(forked.pool));
  assert_memory_equal(&faults_held, &forked.without, sizeof faults_held);
}

/* Not even the engine's second refusal lets a guest go on that has exited. */
static void test_exit_without_a_trap(void **state) {
  wasi_light_instance_t *made = NULL;
  rig_engine();
  faults_begin(0, 0);
  MUST(made = wasi_light_instance_new(shared.module, shared.config, NULL, &faults_error));
  faults_storm("wasm_trap_new", 1, 1000);
  ends(made, "leave", WASI_LIGHT_EXITED, "code 3");
  ends(made, "print", WASI_LIGHT_EXITED, "code 3");
  faults_storm("wasm_trap_new", 1, 0);
  LIB(wasi_light_instance_delete(made));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_bytes, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_modules, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_instances, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_pools, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_pool_after_a_fork, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_exit_without_a_trap, set_up, tear_down),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
