/* SPDX-License-Identifier: MIT */
/* wasi-light audit and compile, and `run` with compiled code. See cli_shell.h for $W and $G. */
#include "cli_shell.h"

/* ---- Modules ----------------------------------------------------------------------------------------- */

static const shell_module_t modules[] = {
    {"seven.wat", "(module (func (export 'f') (result i32) i32.const 7))\n"},
    {"eight.wat", "(module (func (export 'f') (result i32) i32.const 8))\n"},
    {"grow.wat", "(module\n"
                 "  (memory (export 'memory') 1 8)\n"
                 "  (table 10 funcref)\n"
                 "  (func (export 'grow') (param i32) (result i32) local.get 0 memory.grow))\n"},
    {"odd.wat", "(module\n"
                "  (import 'wasi_snapshot_preview1' 'fd_paint' (func (param i32)))\n"
                "  (import 'wasi_snapshot_preview1' 'random_get' (func (param i64)))\n"
                "  (import 'wasi_snapshot_preview1' 'proc_exit' (func (param i32)))\n"
                "  (import 'ga\\0ame' 'draw\\1b[2J' (func (result f64)))\n"
                "  (import 'game' 'lives' (global (mut i32)))\n"
                "  (memory 1 4)\n"
                "  (table 2 funcref)\n"
                "  (func $start)\n"
                "  (start $start)\n"
                "  (elem declare func $start)\n"
                "  (func (export '_start') (table.set (i32.const 0) (ref.func $start)))\n"
                "  (func (export 'grow') (drop (table.grow (ref.null func) (i32.const 1)))))\n"},
    {"both.wat", "(module (func (export '_start')) (func (export '_initialize')))\n"},
    {"wrong.wat", "(module (func i32.konst 1))\n"},
    {"no-result.wat", "(module (func (result i32)))\n"},
};

/* ---- audit ------------------------------------------------------------------------------------------- */

static void test_audit(void **state) {
  static const shell_case_t cases[] = {
      {"$W audit seven.wat", 0, "kind: library\nstart: none\nrecyclable: yes\n", NULL},
      {"$W audit grow.wat", 0,
       "kind: library\nstart: none\nmemory 0: begins with 1, at most 8\ntable 0: begins with 10, no maximum\n"
       "recyclable: yes\n",
       NULL},
      /* Names cannot break the line or reach the terminal. */
      {"$W audit odd.wat", 0,
       "kind: command\n"
       "start: function 4, called as soon as memory is bound\n"
       "memory 0: begins with 1, at most 4\n"
       "table 0: begins with 2, no maximum\n"
       "import wasi_snapshot_preview1.fd_paint: function (i32) -> (), refused: WASI has no such function\n"
       "import wasi_snapshot_preview1.random_get: function (i64) -> (), refused: given function (i32, i32) -> (i32)\n"
       "import wasi_snapshot_preview1.proc_exit: function (i32) -> (), WASI\n"
       "import ga?me.draw?[2J: function () -> (f64), for the host to give\n"
       "import game.lives: global, for the host to give\n"
       "recyclable: no\n"
       "  imports the mutable global game.lives\n"
       "  memory 0 is not exported\n"
       "  function 5: writes a table\n"
       "  function 6: grows a table\n",
       NULL},
      {"$W audit $G/c_reactor.wasm | grep -v import", 0,
       "kind: reactor\nstart: none\nmemory 0: begins with 2, no maximum\ntable 0: begins with 7, at most 7\n"
       "recyclable: yes\n",
       NULL},
      {"$W audit $G/c_reactor.wasm | grep -c ', WASI$'", 0, "17\n", NULL},
      {"$W audit $G/c_command.wasm | sed -n '1p;$p'", 0, "kind: command\nrecyclable: yes\n", NULL},
      {"cat $G/as_start.wasm | $W audit /dev/stdin | grep -E '^(kind|start|recyclable)'", 0,
       "kind: library\nstart: function 67, called as soon as memory is bound\nrecyclable: yes\n", NULL},
      {"cp seven.wat ./-seven && $W audit -- -seven | tail -n 1", 0, "recyclable: yes\n", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

static void test_audit_of_what_is_no_module(void **state) {
  static const shell_case_t cases[] = {
      {"$W audit missing.wasm", 1, "", "missing.wasm could not be read: No such file"},
      {"$W audit wrong.wat", 1, "", "wrong.wat:1:15: "},
      {"head -c 1000 $G/c_reactor.wasm >cut.wasm; $W audit cut.wasm", 1, "", "cut.wasm: malformed module at byte "},
      {"$W audit both.wat", 1, "", "both.wat: "},
      {"$W audit --memory-pages 2 $G/c_reactor.wasm | tail -n 1", 0, "recyclable: yes\n", NULL},
      {"$W audit --memory-pages 1 $G/c_reactor.wasm", 1, "", "guests/c_reactor.wasm: the module has a memory"},
      {"$W audit $G/c_reactor.wasm --table-elements=6", 1, "", "table_elements"},
      {"$W audit seven.wat >/dev/full", 1, "", "stdout could not be written: No space"},
      {"$W audit seven.wat >&-", 1, "", "stdout could not be written: Bad file descriptor"},
  };
  shell_expect_all(cases, COUNT(cases));
}

/* ---- compile, run --compiled ------------------------------------------------------------------------- */

static void test_compile(void **state) {
  static const shell_case_t cases[] = {
      {"$W compile seven.wat -o seven && $W run --compiled seven --invoke f seven.wat", 0, "7\n", NULL},
      {"$W compile -o c $G/c_reactor.wasm && $W run --compiled=c --invoke 'add(2,40)' $G/c_reactor.wasm", 0, "42\n",
       NULL},
      {"$W compile -o c $G/c_command.wasm && $W run --compiled c $G/c_command.wasm echo a -o b", 0, "a -o b\n", NULL},
      /* The module itself may come from elsewhere: its bytes count. */
      {"cp $G/c_command.wasm same.wasm && $W run --compiled c same.wasm echo a", 0, "a\n", NULL},
      /* Whatever the umask is. */
      {"rm -f new; umask 0; $W compile seven.wat -o new; stat -c %a new", 0, "600\n", NULL},
      {"echo old >old; chmod 644 old; $W compile seven.wat -o old; stat -c %a old", 0, "600\n", NULL},
      {"mkdir in && $W compile seven.wat -o in/file && ls -A in", 0, "file\n", NULL},
      /* Modules that `run` could not link are compiled all the same, for other hosts. */
      {"$W compile odd.wat -o odd", 0, "", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

static void test_artifacts_that_are_refused(void **state) {
  static const char refused[] = "seven: the artifact is damaged, or was made for another module";
  static const shell_case_t cases[] = {
      {"$W compile seven.wat -o seven", 0, "", NULL},
      {"$W run --compiled seven --invoke f eight.wat", 1, "", refused},
      {"$W run --compiled seven --memory-pages 100 --invoke f seven.wat", 1, "", refused},
      {"$W run --compiled seven --table-elements 100 --invoke f seven.wat", 1, "", refused},
      {"$W run --compiled missing --invoke f seven.wat", 1, "", "missing could not be read: No such file"},
      {"$W run --compiled . --invoke f seven.wat", 1, "", ". could not be read: Is a directory"},
      {"$W run --compiled seven.wat --invoke f seven.wat", 1, "", "seven.wat: the artifact is damaged"},
      {"$W run --compiled /dev/null --invoke f seven.wat", 1, "", "/dev/null: the artifact is damaged"},
      {"$W run --compiled seven --invoke f missing.wat", 1, "", "missing.wat could not be read"},
      {"$W run --compiled seven both.wat", 1, "", "both.wat: "},
      {"$W compile seven.wat --memory-pages 100 -o seven", 0, "", NULL},
      {"$W run --compiled seven --invoke f seven.wat", 1, "", refused},
      {"$W run --compiled seven --memory-pages 100 --invoke f seven.wat", 0, "7\n", NULL},
      /* One byte of the code, one byte less, one more. */
      {"printf '\\377' | dd of=seven bs=1 seek=300 conv=notrunc 2>/dev/null; "
       "$W run --compiled seven --memory-pages 100 --invoke f seven.wat",
       1, "", refused},
      {"$W compile seven.wat -o seven && truncate -s -1 seven && $W run --compiled seven --invoke f seven.wat", 1, "",
       refused},
      {"$W compile seven.wat -o seven && echo >>seven && $W run --compiled seven --invoke f seven.wat", 1, "", refused},
      {"$W compile odd.wat -o odd && $W run --compiled odd odd.wat", 1, "", "odd.wat: 4 of the module's imports"},
  };
  shell_expect_all(cases, COUNT(cases));
}

/* One artifact for any number of points, which is not one for none. */
static void test_points(void **state) {
  static const char refused[] = "the artifact is damaged, or was made for another module";
  static const shell_case_t cases[] = {
      {"$W audit --points 1 seven.wat | tail -n 1", 0, "recyclable: yes\n", NULL},
      {"$W compile --points 1 seven.wat -o seven.metered", 0, "", NULL},
      {"$W run --compiled seven.metered --points 2 --invoke f seven.wat", 0, "7\n", NULL},
      {"$W run --compiled seven.metered --points 1 --invoke f seven.wat", 1, "",
       "seven.wat: f: the guest used up its 1"},
      {"$W run --compiled seven.metered --invoke f seven.wat", 1, "", refused},
      {"$W compile seven.wat -o seven.plain", 0, "", NULL},
      {"$W run --compiled seven.plain --points 2 --invoke f seven.wat", 1, "", refused},
      {"$W run --cache points --points 2 --invoke f seven.wat", 0, "7\n", NULL},
      {"$W run --cache points --points 3 --invoke f seven.wat", 0, "7\n", NULL},
      {"$W run --cache points --points 1 --invoke f seven.wat", 1, "", "its 1 points"},
      {"ls points | wc -l", 0, "1\n", NULL},
      {"$W run --cache points --invoke f seven.wat && ls points | wc -l", 0, "7\n2\n", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

/* What is there stays as it was, and no part of a new file is left. */
static void test_places_that_cannot_be_written(void **state) {
  static const shell_case_t cases[] = {
      {"$W compile seven.wat -o nowhere/file", 1, "", "nowhere/file could not be written: No such file"},
      {"$W compile seven.wat -o seven.wat/file", 1, "", "seven.wat/file could not be written: Not a directory"},
      {"$W compile seven.wat -o /proc/self/file", 1, "", "/proc/self/file could not be written: "},
      {"$W compile seven.wat -o .", 1, "", ". could not be written: it is not a regular file"},
      {"$W compile seven.wat -o /dev/null", 1, "", "/dev/null could not be written: it is not a regular file"},
      {"ln -s nowhere link; $W compile seven.wat -o link", 1, "",
       "link could not be written: it is not a regular file"},
      {"$W compile seven.wat -o ./seven.wat", 1, "", "./seven.wat could not be written: it is the module"},
      {"$W run --invoke f seven.wat", 0, "7\n", NULL},
      {"mkdir full && echo old >full/file && trap '' XFSZ && ulimit -f 8 && $W compile $G/c_reactor.wasm -o full/file",
       1, "", "full/file could not be written: File too large"},
      {"ls -A full; cat full/file", 0, "file\nold\n", NULL},
      /* Nothing is written for what is not a module. */
      {"$W compile missing.wat -o none", 1, "", "missing.wat could not be read"},
      {"$W compile wrong.wat -o none", 1, "", "wrong.wat:1:15: "},
      {"$W compile no-result.wat -o none", 1, "", "no-result.wat: "},
      {"$W compile both.wat -o none", 1, "", "both.wat: "},
      {"$W compile --memory-pages 0 grow.wat -o none", 1, "", "grow.wat: the module has a memory"},
      {"ls none* 2>/dev/null", 2, "", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

/* ---- run --cache ------------------------------------------------------------------------------------- */

/* A file that is written anew has another inode. */
#define CACHED(command) "ls -i cache >before; " command "; ls -i cache >after; cmp before after && ls cache | wc -l"

static void test_cache(void **state) {
  static const shell_case_t cases[] = {
      {"umask 0; $W run --cache cache --invoke f seven.wat; stat -c %a cache cache/*", 0, "7\n700\n600\n", NULL},
      {CACHED("$W run --cache cache --invoke f seven.wat"), 0, "7\n1\n", NULL},
      {"$W run --cache=cache --invoke f eight.wat && ls cache | wc -l", 0, "8\n2\n", NULL},
      {CACHED("$W run --cache cache --invoke f seven.wat; $W run --cache ./cache/ --invoke f eight.wat"), 0,
       "7\n8\n2\n", NULL},
      {"$W run --cache cache --invoke 'grow(7)' --invoke 'grow(1)' grow.wat && ls cache | wc -l", 0, "1\n-1\n3\n",
       NULL},
      {"$W run --cache cache --memory-pages 4 --invoke 'grow(7)' grow.wat && ls cache | wc -l", 0, "-1\n4\n", NULL},
      {CACHED("$W run --cache cache --invoke 'grow(7)' grow.wat; "
              "$W run --cache cache --memory-pages 4 --invoke 'grow(7)' grow.wat"),
       0, "1\n-1\n4\n", NULL},
      /* The same code in a file of one's own. */
      {"$W compile seven.wat -o file && for entry in cache/*; do cmp -s $entry file && echo same; done; :", 0, "same\n",
       NULL},
      {"chmod 500 cache; " CACHED("$W run --cache cache --invoke f seven.wat") "; chmod 700 cache", 0, "7\n4\n", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

static void test_cache_entries_that_are_damaged(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --cache hurt --invoke f seven.wat; cp hurt/* whole", 0, "7\n", NULL},
      {"truncate -s -1 hurt/*; $W run --cache hurt --invoke f seven.wat; cmp hurt/* whole", 0, "7\n", NULL},
      {"truncate -s 0 hurt/*; $W run --cache hurt --invoke f seven.wat; cmp hurt/* whole", 0, "7\n", NULL},
      {"for entry in hurt/*; do printf '\\377' | dd of=$entry bs=1 seek=300 conv=notrunc 2>/dev/null; done; "
       "$W run --cache hurt --invoke f seven.wat; cmp hurt/* whole",
       0, "7\n", NULL},
      {"chmod 666 hurt/*; $W run --cache hurt --invoke f seven.wat; stat -c %a hurt/*", 0, "7\n600\n", NULL},
      {"ls hurt | wc -l", 0, "1\n", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

static void test_folders_that_are_no_cache(void **state) {
  static const shell_case_t cases[] = {
      {"mkdir -m 777 open; $W run --cache open --invoke f seven.wat", 1, "",
       "wasi-light: the cache open cannot be used: others can write it (chmod go-w)"},
      {"mkdir -m 770 half; $W run --cache half --invoke f seven.wat", 1, "", "others can write it (chmod go-w)"},
      {"ls -A open half", 0, "half:\n\nopen:\n", NULL},
      {"$W run --cache seven.wat --invoke f seven.wat", 1, "",
       "the cache seven.wat cannot be used: it is not a folder"},
      {"$W run --cache no/where --invoke f seven.wat", 1, "", "it is not there and cannot be made"},
      {"test -e no", 1, "", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

/* ---- The command line -------------------------------------------------------------------------------- */

static void test_usage_errors(void **state) {
  static const shell_case_t cases[] = {
      {"$W audit", 2, "", "which module? Expected: wasi-light audit [OPTION...] MODULE (see wasi-light audit --help)"},
      {"$W audit --memory-pages 1", 2, "", "which module?"},
      {"$W audit seven.wat eight.wat", 2, "", "there is a word too many: eight.wat"},
      {"$W audit seven.wat -- --help", 2, "", "there is a word too many: --help"},
      {"$W audit --quiet seven.wat", 2, "", "there is no option --quiet (see wasi-light audit --help)"},
      {"$W audit seven.wat --memory-pages", 2, "", "--memory-pages needs a value: N"},
      {"$W audit seven.wat --memory-pages x", 2, "", "--memory-pages \"x\": expected a number of pages"},
      {"$W compile", 2, "", "which module? Expected: wasi-light compile [OPTION...] MODULE -o FILE"},
      {"$W compile -o never", 2, "", "which module?"},
      {"$W compile seven.wat", 2, "", "where to? Expected: wasi-light compile [OPTION...] MODULE -o FILE"},
      {"$W compile seven.wat -o", 2, "", "-o needs a value: FILE"},
      {"$W compile seven.wat never", 2, "", "there is a word too many: never"},
      {"$W compile seven.wat -o never --cache never", 2, "",
       "there is no option --cache (see wasi-light compile --help)"},
      {"test -e never", 1, "", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

static void test_help(void **state) {
  static const struct {
    const char *command, *parts[4];
  } cases[] = {
      {"$W --help", {"\n  run ", "\n  audit ", "\n  compile "}},
      {"$W audit missing.wat --help", {"usage: wasi-light audit [OPTION...] MODULE\n", "--memory-pages N", "--help"}},
      {"$W compile -h",
       {"usage: wasi-light compile [OPTION...] MODULE -o FILE\n", "\n  -o FILE ", "--table-elements N"}},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    assert_int_equal(shell_run(cases[i].command), 0);
    assert_string_equal(shell_err, "");
    for (size_t k = 0; cases[i].parts[k]; k++) assert_non_null(strstr(shell_out, cases[i].parts[k]));
  }
}

/* ---- Set-up ------------------------------------------------------------------------------------------ */

static int set_up(void **state) {
  return shell_set_up(modules, COUNT(modules));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_audit),
      cmocka_unit_test(test_audit_of_what_is_no_module),
      cmocka_unit_test(test_compile),
      cmocka_unit_test(test_artifacts_that_are_refused),
      cmocka_unit_test(test_points),
      cmocka_unit_test(test_places_that_cannot_be_written),
      cmocka_unit_test(test_cache),
      cmocka_unit_test(test_cache_entries_that_are_damaged),
      cmocka_unit_test(test_folders_that_are_no_cache),
      cmocka_unit_test(test_usage_errors),
      cmocka_unit_test(test_help),
  };
  return cmocka_run_group_tests(tests, set_up, shell_tear_down);
}
