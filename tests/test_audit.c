/* SPDX-License-Identifier: MIT */
/*
 * The audit: every reason why instances of a module cannot be recycled, with its function; when a start function is
 * exempt; and the lines that tell what a module is.
 */
#include "pool_bytes.h"

typedef struct lines_t {
  char text[8192]; /* each line ends with '|' */
} lines_t;

static void add_line(void *context, const char *line) {
  lines_t *lines = context;
  size_t used = strlen(lines->text);
  assert_true(used + strlen(line) + 2 < sizeof lines->text);
  assert_null(strchr(line, '\n'));
  sprintf(lines->text + used, "%s|", line);
}

static void audit(lines_t *lines, const rig_bytes_t *bytes, const wasi_light_linker_t *linker) {
  wasi_light_error_t error;
  lines->text[0] = '\0';
  if (!wasi_light_audit(bytes->data, bytes->size, linker, NULL, add_line, lines, &error)) fail_msg("%s", error.message);
}

/* The reasons, each with its '|'; "" for a module that can be recycled. The module that is made must say the same. */
static void expect_bytes(const rig_bytes_t *bytes, const char *reasons, const char *what) {
  lines_t lines;
  char expected[4096];
  audit(&lines, bytes, NULL);
  const char *verdict = strstr(lines.text, "recyclable: ");
  assert_non_null(verdict);
  snprintf(expected, sizeof expected, "recyclable: %s|%s", reasons[0] ? "no" : "yes", reasons);
  if (strcmp(verdict, expected) != 0) fail_msg("%s\n%s\nexpected %s", what, verdict, expected);
  wasi_light_module_t *module = wasi_light_module_new(rig_engine(), bytes->data, bytes->size, NULL, NULL, NULL);
  if (module) assert_int_equal(wasi_light_module_recyclable(module), reasons[0] == '\0');
  wasi_light_module_delete(module);
}

static void expect(const char *wat, const char *reasons) {
  rig_bytes_t bytes = rig_assemble(wat);
  expect_bytes(&bytes, reasons, wat);
  rig_bytes_end(&bytes);
}

#define TABLE "(table $t 4 8 funcref) (table $x 4 8 externref) "
#define NULL_F "(ref.null func)"
#define I(n) "(i32.const " #n ")"

/* ---- What a call can leave behind ---- */

static void test_nothing_to_be_said(void **state) {
  expect("(module)", "");
  expect("(module (memory (export \"memory\") 1) (global (mut i32) (i32.const 1)) (func (export \"f\")"
         "(i32.store (i32.const 0) (memory.grow (i32.const 1))) (global.set 0 (i32.const 4))))",
         "");
  expect("(module (import \"env\" \"memory\" (memory 1)) (import \"env\" \"f\" (func)))", "");
  expect("(module " TABLE "(func (drop (table.get $t " I(1) ")) (drop (table.size $t))))", "");
  expect("(module (memory (export \"m\") 1) (data $d \"x\") (func (memory.init $d " I(0) I(0) I(1) ")))", "");
  expect("(module (global v128 (v128.const i64x2 1 2)) (global funcref " NULL_F "))", "");
  expect("(module (tag))", "");
}

static void test_tables(void **state) {
  expect("(module " TABLE "(func) (func (table.set $t " I(0) NULL_F ")))", "  function 1: writes a table|");
  expect("(module " TABLE "(func (table.fill $t " I(0) NULL_F I(1) ")))", "  function 0: writes a table|");
  expect("(module " TABLE "(func (table.copy $t $t " I(0) I(1) I(1) ")))", "  function 0: writes a table|");
  expect("(module " TABLE "(elem $e funcref " NULL_F ") (func (table.init $t $e " I(0) I(0) I(1) ")))",
         "  function 0: writes a table|");
  expect("(module " TABLE "(func (drop (table.grow $t " NULL_F I(1) "))))", "  function 0: grows a table|");
  expect("(module " TABLE "(func (table.set $x " I(0) "(ref.null extern))))", "  function 0: writes a table|");
  expect("(module (import \"e\" \"t\" (table 1 funcref)))", "  imports the table e.t|");
  expect("(module (import \"e\" \"t\" (table 1 funcref)) (import \"\" \"u\" (table 1 externref)))",
         "  imports the table e.t|  imports the table u|");
}

static void test_segments_that_are_dropped(void **state) {
  expect("(module (memory (export \"m\") 1) (data $d \"x\") (func (data.drop $d)))",
         "  function 0: drops a data segment|");
  expect("(module (elem $e func 0) (func (elem.drop $e)))", "  function 0: drops an element segment|");
}

static void test_exceptions(void **state) {
  static const char reason[] = "  function 0: throws or catches exceptions|";
  expect("(module (tag $e) (func (throw $e)))", reason);
  expect("(module (tag $e) (func (block $b (try_table (catch $e $b) nop))))", reason);
  expect("(module (tag $e) (func (block $b (try_table (catch_all $b) nop))))", reason);
  expect("(module (func (block $b (result exnref) (try_table (catch_all_ref $b) nop) unreachable) throw_ref))", reason);
  expect(
      "(module (tag $e (param i32)) (func (block $b (result i32 exnref) (try_table (catch_ref $e $b) nop) unreachable)"
      " drop drop))",
      reason);
}

/* Older exceptions, which neither the assembler nor the engine knows: try, catch, rethrow, delegate, catch_all. */
static void test_older_exceptions(void **state) {
  static const char *const bodies[] = {
      "\6\x40\1\xb\xb", "\6\x40\7\0\1\xb\xb", "\6\x40\x19\1\xb\xb", "\6\x40\x19\x9\0\xb\xb", "\6\x40\x18\0\xb",
  };
  static const size_t sizes[] = {5, 7, 6, 7, 5};
  for (size_t i = 0; i < COUNT(bodies); i++) {
    pool_writer_t w = {NULL, 0, 0};
    pool_writer_t code = {NULL, 0, 0};
    pool_write_header(&w);
    pool_write(&w, "\1\4\1\x60\0\0\3\2\1\0\xd\3\1\0\0", 15);
    pool_write_u8(&code, 1);
    pool_write_u32(&code, (uint32_t)sizes[i] + 1);
    pool_write_u8(&code, 0);
    pool_write(&code, bodies[i], sizes[i]);
    pool_write_section(&w, 10, &code);
    rig_bytes_t bytes = pool_written(&w);
    expect_bytes(&bytes, "  function 0: throws or catches exceptions|", "older exceptions");
    rig_bytes_end(&bytes);
  }
}

static void test_globals(void **state) {
  expect("(module (global (mut v128) (v128.const i64x2 1 2)))", "  global 0 is mutable and of v128|");
  expect("(module (global i32 " I(1) ") (global (mut funcref) " NULL_F "))",
         "  global 1 is mutable and of a reference type|");
  expect("(module (global (mut externref) (ref.null extern)))", "  global 0 is mutable and of a reference type|");
  expect("(module (import \"e\" \"g\" (global (mut i32))))", "  imports the mutable global e.g|");
  expect("(module (import \"e\" \"g\" (global i32)) (import \"e\" \"h\" (global (mut f64))))",
         "  imports the mutable global e.h|");
  expect("(module (import \"e\" \"g\" (global (mut funcref))))", "  imports the mutable global e.g|");
}

static void test_memories(void **state) {
  expect("(module (memory 1))", "  memory 0 is not exported|");
  expect("(module (memory 1) (export \"memory\" (func 0)) (func))", "  memory 0 is not exported|");
  expect("(module (memory (export \"memory\") 1 2 shared))", "  memory 0 is shared|");
  expect("(module (memory (export \"memory\") 1) (memory (export \"other\") 1))", "  has 2 memories|");
  expect("(module (memory (export \"memory\") 1) (memory 1))", "  has 2 memories|  memory 1 is not exported|");
  expect("(module (import \"e\" \"m\" (memory 1)) (memory (export \"memory\") 1))", "  has 2 memories|");
  expect("(module (import \"e\" \"m\" (memory 1 2 shared)))", "  memory 0 is shared|");
}

static void test_unknown_instructions(void **state) {
  expect("(module (type $v (func)) (func) (func (call_ref $v (ref.null $v))))",
         "  function 1: unknown instruction 0x14|");
  expect("(module (type $v (func)) (func (return_call_ref $v (ref.null $v))))",
         "  function 0: unknown instruction 0x15|");
}

/* Those that do not come from the assembler: each in the second function, after one that is fine. */
static void expect_unknown(const char *body, size_t size, const char *reason) {
  pool_writer_t w = {NULL, 0, 0};
  pool_writer_t code = {NULL, 0, 0};
  pool_write_header(&w);
  pool_write(&w, "\1\4\1\x60\0\0\3\4\3\0\0\0", 12);
  pool_write(&code, "\3\2\0\xb", 4);
  pool_write_u32(&code, (uint32_t)size + 2);
  pool_write_u8(&code, 0);
  pool_write(&code, body, size);
  pool_write(&code, "\xb\5\0\x40\0\x1a\xb", 7); /* the walk goes on with the function that follows */
  pool_write_section(&w, 10, &code);
  rig_bytes_t bytes = pool_written(&w);
  expect_bytes(&bytes, reason, "unknown instruction");
  rig_bytes_end(&bytes);
}

static void test_instructions_of_no_known_proposal(void **state) {
  expect_unknown("\x14\0", 2, "  function 1: unknown instruction 0x14|");
  expect_unknown("\x16", 1, "  function 1: unknown instruction 0x16|");
  expect_unknown("\x27", 1, "  function 1: unknown instruction 0x27|");
  expect_unknown("\xc5", 1, "  function 1: unknown instruction 0xc5|");
  expect_unknown("\xd3", 1, "  function 1: unknown instruction 0xd3|");
  expect_unknown("\xd4", 1, "  function 1: unknown instruction 0xd4|");
  expect_unknown("\xe0\0", 2, "  function 1: unknown instruction 0xe0|");
  expect_unknown("\xfb\0\0", 3, "  function 1: unknown instruction 0xfb|");
  expect_unknown("\xfc\x12\0", 3, "  function 1: unknown instruction 0xfc0012|");
  expect_unknown("\xfc\x13", 2, "  function 1: unknown instruction 0xfc0013|"); /* wide arithmetic */
  expect_unknown("\xfd\x94\2", 3, "  function 1: unknown instruction 0xfd0114|");
  expect_unknown("\xfe\x4f\0\0", 4, "  function 1: unknown instruction 0xfe004f|");
  expect_unknown("\xfe\4", 2, "  function 1: unknown instruction 0xfe0004|");
  expect_unknown("\xff", 1, "  function 1: unknown instruction 0xff|");
  expect_unknown("\2\x63\x70\xb", 4, "  function 1: unknown instruction 0x2|"); /* a block that gives (ref null func) */
}

/* ---- All of them ---- */

static void test_every_reason_is_given(void **state) {
  expect("(module (import \"e\" \"t\" (table 1 funcref)) (import \"e\" \"g\" (global (mut i32))) (import \"e\" \"f\" "
         "(func))"
         "(global (mut v128) (v128.const i64x2 1 2)) (memory 1) (elem $e func 0) (tag $tag)"
         "(func (table.set 0 " I(0) NULL_F ") (elem.drop $e) (throw $tag)) (func (elem.drop $e)))",
         "  imports the table e.t|  imports the mutable global e.g|  global 1 is mutable and of v128|"
         "  memory 0 is not exported|  function 1: writes a table|  function 1: drops an element segment|"
         "  function 1: throws or catches exceptions|  function 2: drops an element segment|");
}

/* Each kind is said once for a function, in whatever order the instructions come. */
static void test_reasons_are_not_repeated(void **state) {
  expect("(module " TABLE "(elem $e func 0) (func (elem.drop $e) (table.set $t " I(0) NULL_F
         ") (elem.drop $e)"
         "(table.fill $t " I(0) NULL_F I(1) ") (drop (table.grow $t " NULL_F I(1) "))) (func)"
                                                                                  "(func (table.set $t " I(0) NULL_F
         ")))",
         "  function 0: drops an element segment|  function 0: writes a table|  function 0: grows a table|"
         "  function 2: writes a table|");
}

/* Function numbers count what is imported. */
static void test_numbers_of_functions(void **state) {
  expect("(module (import \"e\" \"a\" (func)) (import \"e\" \"b\" (func)) (import \"e\" \"m\" (memory 1)) " TABLE
         "(func) (func (table.set $t " I(0) NULL_F ")))",
         "  function 3: writes a table|");
}

/* Unreachable code counts: the walker does not reason. */
static void test_unreachable_code_counts(void **state) {
  expect("(module " TABLE "(func unreachable (table.set $t)))", "  function 0: writes a table|");
  expect("(module " TABLE "(func (if " I(0) "(then (table.set $t " I(0) NULL_F ")))))",
         "  function 0: writes a table|");
}

/* ---- The start function ---- */

#define START(more) "(module " TABLE "(func) (func $s (table.set $t " I(0) NULL_F ")) (start $s) " more ")"
#define REACHED "  function 1: writes a table|"

static void test_a_start_function_is_exempt(void **state) {
  expect(START(""), "");
  expect(START("(func) (func (call 0)) (export \"f\" (func 0)) (elem (i32.const 0) 0 2)"), "");
  expect(START("(elem declare func 0) (func (drop (ref.func 0)))"), "");
  expect("(module " TABLE
         "(elem $e func 1) (memory (export \"m\") 1) (data $d \"x\") (func $s (elem.drop $e) (data.drop $d)"
         "(drop (table.grow $t " NULL_F I(1) "))) (start $s) (func))",
         "");
}

static void test_a_start_function_that_is_reached(void **state) {
  expect(START("(func (call $s))"), REACHED);
  expect("(module " TABLE "(func (call $s)) (func $s (table.set $t " I(0) NULL_F ")) (start $s))", REACHED);
  expect(START("(func (return_call $s))"), REACHED);
  expect(START("(export \"f\" (func $s))"), REACHED);
  expect(START("(elem (i32.const 0) $s)"), REACHED);
  expect(START("(elem (i32.const 0) 0 0 $s)"), REACHED);
  expect(START("(elem func $s)"), REACHED); /* passive */
  expect(START("(elem (table $t) (i32.const 0) func 0 $s)"), REACHED);
  expect(START("(elem declare func $s) (func (drop (ref.func $s)))"), REACHED);
  expect(START("(elem declare func $s)"), REACHED); /* nothing takes it, but it could */
  expect(START("(global funcref (ref.func $s))"), REACHED);
  expect(START("(elem (i32.const 0) funcref (ref.func $s))"), REACHED);
  expect("(module " TABLE "(func) (func $s (call $s) (table.set $t " I(0) NULL_F ")) (start $s))",
         REACHED); /* by itself */
}

/* A table's initial value, of the typed-references proposal, which the scanner reads and this engine does not yet take. */
static void test_a_start_function_that_a_table_holds(void **state) {
  expect("(module " TABLE "(func) (func $s (table.set $t " I(0) NULL_F ")) (start $s) (table 2 funcref (ref.func $s)))",
         REACHED);
}

/* What could name it in a way that is not looked into is taken to do so. */
static void test_a_start_function_that_may_be_reached(void **state) {
  expect(START("(elem (i32.const 0) funcref (ref.func 0))"), REACHED);
  expect(START("(global funcref (ref.func 0))"), REACHED);
  expect(START("(global funcref " NULL_F ")"), REACHED);
}

/* What it calls is not exempt, since others may call that. */
static void test_functions_that_start_calls(void **state) {
  expect("(module " TABLE "(func $f (table.set $t " I(0) NULL_F ")) (func $s (call $f)) (start $s))",
         "  function 0: writes a table|");
}

/* Nor is code in it that nobody can read. */
static void test_a_start_function_with_unknown_code(void **state) {
  static const char code[] = "\0asm\1\0\0\0\1\4\1\x60\0\0\3\3\2\0\0\x8\1\0\xa\x8\2\2\0\xb\3\0\xd3\xb";
  rig_bytes_t bytes = {(uint8_t *)code, sizeof code - 1};
  expect_bytes(&bytes, "  function 1: unknown instruction 0xd3|", "unknown after the start function");
}

static void test_an_imported_start_function(void **state) {
  expect("(module (import \"e\" \"s\" (func $s)) (start $s) " TABLE "(func (table.set $t " I(0) NULL_F ")))",
         "  function 1: writes a table|");
  expect("(module (import \"e\" \"s\" (func $s)) (start $s) (func))", "");
}

/* ---- The lines ---- */

static void expect_lines(const char *wat, const wasi_light_linker_t *linker, const char *expected) {
  lines_t lines;
  rig_bytes_t bytes = rig_assemble(wat);
  audit(&lines, &bytes, linker);
  if (strcmp(lines.text, expected) != 0) fail_msg("%s\nexpected %s", lines.text, expected);
  rig_bytes_end(&bytes);
}

static void test_kinds_of_modules(void **state) {
  expect_lines("(module (func (export \"f\")))", NULL, "kind: library|start: none|recyclable: yes|");
  expect_lines("(module (func (export \"_initialize\")))", NULL, "kind: reactor|start: none|recyclable: yes|");
  expect_lines("(module (func (export \"_start\")))", NULL, "kind: command|start: none|recyclable: yes|");
  expect_lines("(module (global (export \"_start\") i32 (i32.const 1)))", NULL,
               "kind: library|start: none|recyclable: yes|");
  expect_lines("(module (func) (func $s) (start $s))", NULL,
               "kind: library|start: function 1, called as soon as memory is bound|recyclable: yes|");
}

static void test_lines_of_memories_and_tables(void **state) {
  expect_lines(
      "(module (import \"e\" \"m\" (memory 1 7)) (table 3 funcref) (table 4 4 externref))", NULL,
      "kind: library|start: none|memory 0: imported, begins with 1, at most 7|table 0: begins with 3, no maximum|"
      "table 1: begins with 4, at most 4|import e.m: memory, for the host to give|recyclable: yes|");
}

static wasm_trap_t *on_host(wasi_light_instance_t *instance, void *data, const wasm_val_t *args, wasm_val_t *results) {
  return NULL;
}

#define P1 "(import \"wasi_snapshot_preview1\" "

static void test_lines_of_imports(void **state) {
  static const rig_func_t funcs[] = {{"known", "(iI)f", on_host, NULL}};
  wasi_light_linker_t *linker = rig_linker(funcs, 1);
  wasi_light_error_t error;
  assert_true(wasi_light_linker_memory(linker, "env", "memory", &error));
  assert_true(wasi_light_linker_func(linker, "wasi_snapshot_preview1", "sched_yield", "()i", on_host, NULL, &error));
  expect_lines(
      "(module " P1 "\"fd_close\" (func (param i32) (result i32))) " P1 "\"sched_yield\" (func (result i32)))" P1
      "\"fd_close\" (func (param i64) (result i32)))" P1 "\"fd_nothing\" (func))"
      "(import \"wasi_unstable\" \"fd_close\" (func (param i32) (result i32)))"
      "(import \"env\" \"known\" (func (param i32 i64) (result f32))) (import \"env\" \"known\" (func))"
      "(import \"env\" \"other\" (func (param f64) (result f32 i32))) (import \"env\" \"memory\" (memory 1))"
      "(import \"env\" \"g\" (global i32)))",
      linker,
      "kind: library|start: none|memory 0: imported, begins with 1, no maximum|"
      "import wasi_snapshot_preview1.fd_close: function (i32) -> (i32), WASI|"
      "import wasi_snapshot_preview1.sched_yield: function () -> (i32), given by the host|"
      "import wasi_snapshot_preview1.fd_close: function (i64) -> (i32), refused: given function (i32) -> (i32)|"
      "import wasi_snapshot_preview1.fd_nothing: function () -> (), refused: WASI has no such function|"
      "import wasi_unstable.fd_close: function (i32) -> (i32), WASI|"
      "import env.known: function (i32, i64) -> (f32), given by the host|"
      "import env.known: function () -> (), refused: given function (i32, i64) -> (f32)|"
      "import env.other: function (f64) -> (f32, i32), for the host to give|"
      "import env.memory: memory, given by the host|import env.g: global, for the host to give|recyclable: yes|");
  wasi_light_linker_delete(linker);
}

/* Names are the module's: what would spoil a terminal is masked, and what is long is cut. */
static void test_names_in_lines(void **state) {
  lines_t lines;
  rig_bytes_t bytes = rig_assemble("(module (import \"e\\1b[2J\" \"a\\0ab\" (func)))");
  audit(&lines, &bytes, NULL);
  for (const char *at = lines.text; *at; at++) assert_in_range(*at, 0x20, 0x7e);
  assert_non_null(strstr(lines.text, "import e"));
  rig_bytes_end(&bytes);
}

/* ---- Real ones ---- */

static void test_guests(void **state) {
  static const struct {
    const char *name, *kind;
  } rows[] = {{"as_reactor", "reactor"}, {"as_start", "library"},     {"as_start_log", "library"},
              {"c_command", "command"},  {"c_reactor", "reactor"},    {"cpp_reactor", "reactor"},
              {"go_reactor", "reactor"}, {"rust_reactor", "library"}, {"zig_reactor", "reactor"}};
  for (size_t i = 0; i < COUNT(rows); i++) {
    lines_t lines;
    char kind[64];
    rig_bytes_t bytes = rig_guest(rows[i].name);
    if (!bytes.data) continue;
    audit(&lines, &bytes, NULL);
    snprintf(kind, sizeof kind, "kind: %s|", rows[i].kind);
    assert_memory_equal(lines.text, kind, strlen(kind));
    if (!strstr(lines.text, "|recyclable: yes|")) fail_msg("%s: %s", rows[i].name, lines.text);
    assert_null(strstr(lines.text, "refused"));
    assert_null(strstr(lines.text, "for the host"));
    rig_bytes_end(&bytes);
  }
}

static void test_wrong_arguments(void **state) {
  wasi_light_error_t error;
  lines_t lines = {""};
  wasi_light_limits_t limits = WASI_LIGHT_LIMITS_INIT;
  assert_false(wasi_light_audit("\0asm", 4, NULL, NULL, add_line, &lines, &error));
  ASSERT_ERROR(error, MODULE, "not a WebAssembly module");
  limits.struct_size--;
  assert_false(wasi_light_audit("\0asm\1\0\0\0", 8, NULL, &limits, add_line, &lines, &error));
  ASSERT_ERROR(error, ARGUMENT, "struct_size");
  assert_string_equal(lines.text, "");
  assert_false(wasi_light_audit("\0asm", 4, NULL, NULL, add_line, &lines, NULL));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_nothing_to_be_said),
    cmocka_unit_test(test_tables),
    cmocka_unit_test(test_segments_that_are_dropped),
    cmocka_unit_test(test_exceptions),
    cmocka_unit_test(test_older_exceptions),
    cmocka_unit_test(test_globals),
    cmocka_unit_test(test_memories),
    cmocka_unit_test(test_unknown_instructions),
    cmocka_unit_test(test_instructions_of_no_known_proposal),
    cmocka_unit_test(test_every_reason_is_given),
    cmocka_unit_test(test_reasons_are_not_repeated),
    cmocka_unit_test(test_numbers_of_functions),
    cmocka_unit_test(test_unreachable_code_counts),
    cmocka_unit_test(test_a_start_function_is_exempt),
    cmocka_unit_test(test_a_start_function_that_is_reached),
    cmocka_unit_test(test_a_start_function_that_a_table_holds),
    cmocka_unit_test(test_a_start_function_that_may_be_reached),
    cmocka_unit_test(test_functions_that_start_calls),
    cmocka_unit_test(test_a_start_function_with_unknown_code),
    cmocka_unit_test(test_an_imported_start_function),
    cmocka_unit_test(test_kinds_of_modules),
    cmocka_unit_test(test_lines_of_memories_and_tables),
    cmocka_unit_test(test_lines_of_imports),
    cmocka_unit_test(test_names_in_lines),
    cmocka_unit_test(test_guests),
    cmocka_unit_test(test_wrong_arguments),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
