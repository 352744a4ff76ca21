/* SPDX-License-Identifier: MIT */
/* The wasi-light command: what is common to all subcommands, and `run`. See cli_shell.h for $W and $G. */
#include "cli_shell.h"

/* ---- Modules ----------------------------------------------------------------------------------------- */

static const shell_module_t modules[] = {
    {"values.wat", "(module\n"
                   "  (func (export 'none'))\n"
                   "  (func (export 'int') (result i32) i32.const -2147483648)\n"
                   "  (func (export 'long') (result i64) i64.const 9223372036854775807)\n"
                   "  (func (export 'float') (result f32) f32.const 0.1)\n"
                   "  (func (export 'double') (result f64) f64.const 0.1)\n"
                   "  (func (export 'pair') (result i32 f64) i32.const -1 f64.const 2.5)\n"
                   "  (func (export 'null') (result externref i32) ref.null extern i32.const 4)\n"
                   "  (func (export 'i32') (param i32) (result i32) local.get 0)\n"
                   "  (func (export 'i64') (param i64) (result i64) local.get 0)\n"
                   "  (func (export 'f32') (param f32) (result f32) local.get 0)\n"
                   "  (func (export 'f64') (param f64) (result f64) local.get 0)\n"
                   "  (func (export 'ref') (param externref))\n"
                   "  (func (export 'mixed') (param i32 i64 f32 f64) (result f64 f32 i64 i32)\n"
                   "    local.get 3  local.get 2  local.get 1  local.get 0)\n"
                   "  (func (export 'trap') unreachable))\n"},
    /* One name is another one's beginning, up to a parenthesis. */
    {"names.wat", "(module\n"
                  "  (func (export 'f') (param i32) (result i32) local.get 0)\n"
                  "  (func (export 'f(1)') (result i32) i32.const 100)\n"
                  "  (func (export 'f(') (result i32) i32.const 200)\n"
                  "  (func (export 'odd(name)') (param i32) (result i32) local.get 0)\n"
                  "  (func (export 'a b') (result i32) i32.const 300)\n"
                  "  (func (export '') (result i32) i32.const 400)\n"
                  "  (func (export 'new\\0aline\\1b')))\n"},
    {"exit.wat", "(module\n"
                 "  (import 'wasi_snapshot_preview1' 'proc_exit' (func $proc_exit (param i32)))\n"
                 "  (func (export 'exit') (param i32) local.get 0 call $proc_exit)\n"
                 "  (func (export 'one') (result i32) i32.const 1))\n"},
    {"imports.wat", "(module\n"
                    "  (import 'game' 'draw' (func))\n"
                    "  (import 'game' 'lives' (global i32))\n"
                    "  (import 'wasi_snapshot_preview1' 'fd_paint' (func (param i32)))\n"
                    "  (func (export '_start')))\n"},
    {"no-memory.wat", "(module\n"
                      "  (import 'wasi_snapshot_preview1' 'args_sizes_get'\n"
                      "    (func $args_sizes_get (param i32 i32) (result i32)))\n"
                      "  (func (export '_start') i32.const 0  i32.const 4  call $args_sizes_get  drop))\n"},
    {"start-trap.wat", "(module (func $f unreachable) (start $f) (func (export 'f')))\n"},
    /* Ends with this code, or needs a memory that is not there, before anything is called. */
    {"init-exit.wat", "(module\n"
                      "  (import 'wasi_snapshot_preview1' 'proc_exit' (func $proc_exit (param i32)))\n"
                      "  (func (export '_initialize') i32.const 7 call $proc_exit)\n"
                      "  (func (export 'f') (result i32) i32.const 1))\n"},
    {"init-exit-0.wat", "(module\n"
                        "  (import 'wasi_snapshot_preview1' 'proc_exit' (func $proc_exit (param i32)))\n"
                        "  (func (export '_initialize') i32.const 0 call $proc_exit)\n"
                        "  (func (export 'f') (result i32) i32.const 1))\n"},
    {"start-exit.wat", "(module\n"
                       "  (import 'wasi_snapshot_preview1' 'proc_exit' (func $proc_exit (param i32)))\n"
                       "  (func $start i32.const 256 call $proc_exit)\n"
                       "  (start $start)\n"
                       "  (func (export '_start')))\n"},
    {"init-no-memory.wat", "(module\n"
                           "  (import 'wasi_snapshot_preview1' 'args_sizes_get'\n"
                           "    (func $args_sizes_get (param i32 i32) (result i32)))\n"
                           "  (func (export '_initialize') i32.const 0  i32.const 4  call $args_sizes_get  drop)\n"
                           "  (func (export 'f')))\n"},
    {"start-no-memory.wat", "(module\n"
                            "  (import 'wasi_snapshot_preview1' 'args_sizes_get'\n"
                            "    (func $args_sizes_get (param i32 i32) (result i32)))\n"
                            "  (func $start i32.const 0  i32.const 4  call $args_sizes_get  drop)\n"
                            "  (start $start)\n"
                            "  (func (export '_start')))\n"},
    {"grow.wat", "(module\n"
                 "  (memory (export 'memory') 1)\n"
                 "  (table $t 10 funcref)\n"
                 "  (func (export 'grow') (param i32) (result i32) local.get 0 memory.grow)\n"
                 "  (func (export 'more') (param i32) (result i32) ref.null func local.get 0 table.grow $t))\n"},
    {"loop.wat", "(module\n"
                 "  (func (export 'loop') (loop br 0))\n"
                 "  (func (export 'add') (result i32) i32.const 1 i32.const 2 i32.add))\n"},
    {"init-loop.wat", "(module (func (export '_initialize') (loop br 0)) (func (export 'f')))\n"},
    {"catch.wat", "(module (func (export 'f') (block (try_table (catch_all 0)))))\n"},
    {"init-trap.wat", "(module (func (export '_initialize') unreachable) (func (export 'f')))\n"},
    {"both.wat", "(module (func (export '_start')) (func (export '_initialize')))\n"},
    {"start-type.wat", "(module (func (export '_start') (param i32)))\n"},
    {"wrong.wat", "(module\n"
                  "  (func (export 'f')\n"
                  "    i32.konst 1))\n"},
    {"no-types.wat", "(module (func (result i32)))\n"},
    {"text.wasm", "(module (func (export 'f')))\n"},
    {"empty.wat", "(module)\n"},
};

/* ---- Results and arguments --------------------------------------------------------------------------- */

static void test_results(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --invoke none values.wat", 0, "", NULL},
      {"$W run --invoke int values.wat", 0, "-2147483648\n", NULL},
      {"$W run --invoke long values.wat", 0, "9223372036854775807\n", NULL},
      {"$W run --invoke float values.wat", 0, "0.100000001\n", NULL},
      {"$W run --invoke double values.wat", 0, "0.10000000000000001\n", NULL},
      {"$W run --invoke pair values.wat", 0, "-1 2.5\n", NULL},
      {"$W run --invoke null values.wat", 0, "externref 4\n", NULL},
      {"$W run --invoke 'mixed(1,2,3.5,4.5)' values.wat", 0, "4.5 3.5 2 1\n", NULL},
      {"$W run --invoke int --invoke none --invoke pair --invoke int values.wat", 0,
       "-2147483648\n-1 2.5\n-2147483648\n", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

static void test_arguments(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --invoke 'none()' values.wat", 0, "", NULL},
      {"$W run --invoke 'none( )' values.wat", 0, "", NULL},
      {"$W run --invoke 'mixed( 1 , -2,3 ,4)' values.wat", 0, "4 3 -2 1\n", NULL},
      {"$W run --invoke 'i32(2147483647)' values.wat", 0, "2147483647\n", NULL},
      {"$W run --invoke 'i32(-2147483648)' values.wat", 0, "-2147483648\n", NULL},
      {"$W run --invoke 'i32(4294967295)' values.wat", 0, "-1\n", NULL},
      {"$W run --invoke 'i32(+7)' values.wat", 0, "7\n", NULL},
      {"$W run --invoke 'i32(0xFf)' values.wat", 0, "255\n", NULL},
      {"$W run --invoke 'i32(-0x10)' values.wat", 0, "-16\n", NULL},
      {"$W run --invoke 'i64(9223372036854775807)' values.wat", 0, "9223372036854775807\n", NULL},
      {"$W run --invoke 'i64(-9223372036854775808)' values.wat", 0, "-9223372036854775808\n", NULL},
      {"$W run --invoke 'i64(18446744073709551615)' values.wat", 0, "-1\n", NULL},
      {"$W run --invoke 'i64(0xffffffffffffffff)' values.wat", 0, "-1\n", NULL},
      {"$W run --invoke 'f32(1)' --invoke 'f32(-0)' --invoke 'f32(16777217)' values.wat", 0, "1\n-0\n16777216\n", NULL},
      {"$W run --invoke 'f32(3.4028235e38)' --invoke 'f32(1e-45)' values.wat", 0, "3.40282347e+38\n1.40129846e-45\n",
       NULL},
      {"$W run --invoke 'f64(inf)' --invoke 'f64(-inf)' --invoke 'f64(nan)' values.wat", 0, "inf\n-inf\nnan\n", NULL},
      {"$W run --invoke 'f64(0x1.8p1)' --invoke 'f64(1e308)' values.wat", 0, "3\n1e+308\n", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

static void test_wrong_arguments(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --invoke i32 values.wat", 1, "", "'i32' gives 0 arguments, but the export takes (i32)"},
      {"$W run --invoke 'i32()' values.wat", 1, "", "gives 0 arguments"},
      {"$W run --invoke 'i32(1,2)' values.wat", 1, "", "gives 2 arguments"},
      {"$W run --invoke 'none(1)' values.wat", 1, "", "gives 1 argument, but the export takes ()"},
      {"$W run --invoke 'mixed(1,2,3)' values.wat", 1, "", "the export takes (i32, i64, f32, f64)"},
      {"$W run --invoke 'mixed(1,2,x,4)' values.wat", 1, "", "argument 3 is \"x\": expected f32"},
      {"$W run --invoke 'mixed(1,,3,4)' values.wat", 1, "", "argument 2 is \"\": expected i64"},
      {"$W run --invoke 'i32(4294967296)' values.wat", 1, "", "expected i32"},
      {"$W run --invoke 'i32(-2147483649)' values.wat", 1, "", "expected i32"},
      {"$W run --invoke 'i32(1.5)' values.wat", 1, "", "expected i32"},
      {"$W run --invoke 'i32(--1)' values.wat", 1, "", "expected i32"},
      {"$W run --invoke 'i32(0x)' values.wat", 1, "", "expected i32"},
      {"$W run --invoke 'i32(0x0x1)' values.wat", 1, "", "expected i32"},
      {"$W run --invoke 'i32(1 2)' values.wat", 1, "", "expected i32"},
      {"$W run --invoke 'i64(18446744073709551616)' values.wat", 1, "", "expected i64"},
      {"$W run --invoke 'i64(-9223372036854775809)' values.wat", 1, "", "expected i64"},
      {"$W run --invoke 'f32(1e39)' values.wat", 1, "", "expected f32"},
      {"$W run --invoke 'f64(1e999)' values.wat", 1, "", "expected f64"},
      {"$W run --invoke 'f64(1.5x)' values.wat", 1, "", "expected f64"},
      {"$W run --invoke 'ref(0)' values.wat", 1, "", "expected externref, which cannot be given"},
      {"$W run --invoke 'i32(1' values.wat", 1, "", "does not end with a parenthesis"},
      {"$W run --invoke 'i32(1)2' values.wat", 1, "", "does not end with a parenthesis"},
      /* All calls are checked before the first is made. */
      {"$W run --invoke int --invoke i32 values.wat", 1, "", "'i32' gives 0 arguments"},
  };
  shell_expect_all(cases, COUNT(cases));
}

static void test_export_names(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --invoke 'f(1)' names.wat", 0, "100\n", NULL},
      {"$W run --invoke 'f(2)' names.wat", 0, "2\n", NULL},
      {"$W run --invoke 'f(' names.wat", 0, "200\n", NULL},
      {"$W run --invoke 'odd(name)(7)' names.wat", 0, "7\n", NULL},
      {"$W run --invoke 'a b' names.wat", 0, "300\n", NULL},
      {"$W run --invoke '' names.wat", 0, "400\n", NULL},
      {"$W run --invoke nope values.wat", 1, "", "it exports none, int, long"},
      {"$W run --invoke 'nope(1)' values.wat", 1, "", "no exported function for --invoke 'nope(1)'"},
      {"$W run --invoke memory $G/c_reactor.wasm", 1, "", "no exported function"},
      {"$W run --invoke f empty.wat", 1, "", "it exports no function"},
      /* A name chosen by a module cannot break the line or reach the terminal. */
      {"$W run --invoke nope names.wat", 1, "", "new; line?"},
  };
  shell_expect_all(cases, COUNT(cases));
}

/* ---- What the guest is given ------------------------------------------------------------------------- */

static void test_args(void **state) {
  static const shell_case_t cases[] = {
      {"$W run $G/c_command.wasm", 0, "hello from a WASI command\n", NULL},
      {"$W run $G/c_command.wasm echo a 'b c' '' --quiet -- d", 0, "a b c  --quiet -- d\n", NULL},
      {"$W run -- $G/c_command.wasm echo a", 0, "a\n", NULL},
      {"$W run $G/c_command.wasm frob 2>&1 >&-", 64,
       "c_command.wasm: I do not know how to frob (see the comment in c_command.c)\n", NULL},
      {"$W run --argv0 me $G/c_command.wasm frob 2>&1 >&-", 64,
       "me: I do not know how to frob (see the comment in c_command.c)\n", NULL},
      {"$W run --argv0= $G/c_command.wasm frob 2>&1 >&-", 64,
       ": I do not know how to frob (see the comment in c_command.c)\n", NULL},
      {"cp $G/c_command.wasm . && $W run c_command.wasm echo here", 0, "here\n", NULL},
      {"$W run --invoke report $G/c_reactor.wasm a b | grep args", 0, "args: c_reactor.wasm a b\n", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

static void test_env(void **state) {
  static const shell_case_t cases[] = {
      {"HOME=/ $W run $G/c_command.wasm env HOME", 0, "(unset)\n", NULL},
      {"$W run --env K=V $G/c_command.wasm env K", 0, "V\n", NULL},
      {"$W run --env=K=V=W --env L= $G/c_command.wasm env K", 0, "V=W\n", NULL},
      {"$W run --env K=V --env L= $G/c_command.wasm env L", 0, "\n", NULL},
      {"$W run --env K=1 --env K=2 $G/c_command.wasm env K", 0, "2\n", NULL},
      {"K=out $W run --inherit-env $G/c_command.wasm env K", 0, "out\n", NULL},
      {"K=out $W run --env K=in --inherit-env $G/c_command.wasm env K", 0, "in\n", NULL},
      {"K=out KK=longer $W run --inherit-env --env K=in $G/c_command.wasm env KK", 0, "longer\n", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

static void test_seed(void **state) {
  char first[sizeof shell_out];
  assert_int_equal(shell_run("$W run --seed 42 --invoke random $G/c_reactor.wasm"), 0);
  memcpy(first, shell_out, sizeof shell_out);
  shell_expect("$W run --seed=0x2a --invoke random $G/c_reactor.wasm", 0, first, NULL);
  assert_int_equal(shell_run("$W run --seed 18446744073709551615 --invoke random $G/c_reactor.wasm"), 0);
  assert_string_not_equal(first, shell_out);
  assert_int_equal(shell_run("$W run --invoke random $G/c_reactor.wasm"), 0);
  assert_string_not_equal(first, shell_out);
}

static void test_clock_offset(void **state) {
  static const struct {
    const char *offset;
    long long milliseconds;
  } cases[] = {
      {"0s", 0},         {"3600s", 3600000},     {"1h", 3600000},       {"+2m", 120000},
      {"-1h", -3600000}, {"-250000ms", -250000}, {"90000000us", 90000}, {"60000000000ns", 60000},
      {"-250ms", -250},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    char command[256];
    snprintf(command, sizeof command,
             "a=$(date +%%s%%3N); $W run --clock-offset %s --invoke now $G/c_reactor.wasm; "
             "echo $a; date +%%s%%3N",
             cases[i].offset);
    assert_int_equal(shell_run(command), 0);
    char *end;
    long long now = strtoll(shell_out, &end, 10);
    long long before = strtoll(end, &end, 10);
    long long after = strtoll(end, &end, 10);
    assert_in_range(now / 1000000 - cases[i].milliseconds, before, after);
  }
}

static void test_streams(void **state) {
  static const shell_case_t cases[] = {
      {"printf 'one\\ntwo' | $W run $G/c_command.wasm cat", 0, "one\ntwo", NULL},
      {"$W run $G/c_command.wasm cat </dev/null", 0, "", NULL},
      {"$W run $G/c_command.wasm stderr hello 2>&1 >/dev/null", 0, "hello\n", NULL},
      {"$W run --quiet $G/c_command.wasm echo hello", 0, "", NULL},
      {"$W run --quiet $G/c_command.wasm stderr hello 2>&1", 0, "", NULL},
      {"head -c 1000000 /dev/zero | $W run $G/c_command.wasm cat | wc -c", 0, "1000000\n", NULL},
      /* The guest's lines and the results come in the order in which they were made. */
      {"$W run --invoke count --invoke report --invoke count $G/c_reactor.wasm | sed -n '1p;2p;$p'", 0,
       "1\nlanguage: C\n2\n", NULL},
      {"$W run --quiet --invoke report $G/c_reactor.wasm", 0, "6\n", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

/* The reader of a pipe goes away: that must be the end, and soon. 141 is 128 + SIGPIPE. */
static void test_broken_pipe(void **state) {
  static const shell_case_t cases[] = {
      {"{ sleep 0.5; timeout 60 $W run --invoke pair values.wat; echo $? >s; } | :; cat s", 0, "141\n", NULL},
      {"{ sleep 0.5; timeout 60 $W run $G/c_command.wasm echo hi; echo $? >s; } | head -n 0; cat s", 0, "141\n", NULL},
      {"yes | timeout 60 $W run $G/c_command.wasm cat | head -n 1", 0, "y\n", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
  /* Where the signal is ignored, writing fails: of us, and of the guest. */
  shell_expect("trap '' PIPE; { sleep 0.5; timeout 60 $W run --invoke pair values.wat; echo $? >s; } | :; cat s", 0,
               "1\n", "stdout could not be written: Broken pipe");
}

/* ---- Exit statuses ----------------------------------------------------------------------------------- */

static void test_exit_codes(void **state) {
  static const shell_case_t cases[] = {
      {"$W run $G/c_command.wasm exit 0", 0, "", NULL},
      {"$W run $G/c_command.wasm exit 1", 1, "", NULL},
      {"$W run $G/c_command.wasm exit 42", 42, "", NULL},
      {"$W run $G/c_command.wasm exit 255", 255, "", NULL},
      {"$W run $G/c_command.wasm exit 256", 1, "", NULL},
      {"$W run $G/c_command.wasm exit 512", 1, "", NULL},
      {"$W run $G/c_command.wasm exit 257", 1, "", NULL},
      {"$W run $G/c_command.wasm exit 258", 2, "", NULL},
      {"$W run $G/c_command.wasm exit -1", 255, "", NULL},
      {"$W run $G/c_command.wasm return 7", 7, "", NULL},
      {"$W run $G/c_command.wasm return 0", 0, "", NULL},
      {"$W run --invoke 'quit(3)' $G/c_reactor.wasm", 3, "", NULL},
      {"$W run --invoke 'exit(0x80000000)' exit.wat", 1, "", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

static void test_exit_in_the_middle(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --invoke one --invoke 'exit(0)' --invoke one exit.wat", 0, "1\n", NULL},
      {"$W run --invoke one --invoke 'exit(9)' --invoke one exit.wat", 9, "1\n", NULL},
      {"$W run --invoke int --invoke trap --invoke int values.wat", 134, "-2147483648\n", "trap trapped"},
  };
  shell_expect_all(cases, COUNT(cases));
}

/* What happens before the first call has the same statuses as what happens in it. */
static void test_start_up(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --invoke f init-exit.wat", 7, "", NULL},
      {"$W run --invoke f init-exit-0.wat", 0, "", NULL},
      {"$W run start-exit.wat", 1, "", NULL},
      {"$W run --invoke f init-no-memory.wat", 1, "", "_initialize: args_sizes_get needs the guest's memory"},
      {"$W run start-no-memory.wat", 1, "", "the start section: args_sizes_get needs the guest's memory"},
      {"$W run --invoke f init-trap.wat", 134, "", "_initialize"},
      {"$W run --invoke f start-trap.wat", 134, "", "the start section"},
      /* It ran already, and runs once. */
      {"$W run --invoke count --invoke _initialize --invoke count $G/c_reactor.wasm", 1, "1\n",
       "guests/c_reactor.wasm: _initialize: "},
      {"$W run --invoke '_initialize()' $G/c_reactor.wasm", 1, "", "_initialize"},
  };
  shell_expect_all(cases, COUNT(cases));
}

static void test_traps(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --invoke trap values.wat", 134, "", "values.wat: trap trapped: unreachable"},
      {"$W run $G/c_command.wasm abort", 134, "", "_start trapped: unreachable"},
      {"$W run --invoke crash $G/c_reactor.wasm", 134, "", "crash trapped: unreachable"},
  };
  shell_expect_all(cases, COUNT(cases));
}

static void test_modules_that_cannot_run(void **state) {
  static const shell_case_t cases[] = {
      {"$W run missing.wasm", 1, "", "missing.wasm could not be read: No such file"},
      {"$W run .", 1, "", "could not be read: Is a directory"},
      {"$W run zero.wasm", 1, "", "zero.wasm is empty"},
      {"$W run garbage.wasm", 1, "", "garbage.wasm: malformed module at byte 9"},
      {"$W run wrong.wat", 1, "", "wrong.wat:3:5: "},
      {"{ echo '(module'; head -c 9000 /dev/zero | tr '\\0' ' '; echo 'x)'; } >wide.wat && $W run wide.wat", 1, "",
       "wide.wat:2:9001: the WebAssembly text does not parse: expected `(` (a binary"},
      {"$W run no-types.wat", 1, "", "no-types.wat: "},
      {"echo hello >hello && $W run hello", 1, "", "begin with \\0asm"},
      {"$W run $G/c_reactor.wasm", 1, "", "exports no _start: say with --invoke what to call; it exports report, add"},
      {"$W run empty.wat", 1, "", "it exports no function"},
      {"$W run both.wat", 1, "", "_initialize"},
      {"$W run start-type.wat", 1, "", "_start"},
      {"$W run no-memory.wat", 1, "", "args_sizes_get needs the guest's memory"},
      {"$W run imports.wat", 1, "", "game.draw: wanted function () -> ()"},
      {"$W run imports.wat", 1, "", "game.lives"},
      {"$W run imports.wat", 1, "", "wasi_snapshot_preview1.fd_paint"},
      {"$W run imports.wat", 1, "", "wasi-light run gives modules WASI preview 1 and nothing else"},
  };
  shell_expect_all(cases, COUNT(cases));
}

static void test_limits(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --invoke 'grow(2)' --invoke 'more(5)' grow.wat", 0, "1\n10\n", NULL},
      {"$W run --memory-pages 3 --invoke 'grow(2)' --invoke 'grow(1)' grow.wat", 0, "1\n-1\n", NULL},
      {"$W run --memory-pages=0x1 --invoke 'grow(0)' --invoke 'grow(1)' grow.wat", 0, "1\n-1\n", NULL},
      {"$W run --table-elements 12 --invoke 'more(2)' --invoke 'more(1)' grow.wat", 0, "10\n-1\n", NULL},
      {"$W run --memory-pages 0 --invoke 'grow(0)' grow.wat", 1, "", "grow.wat: the module has a memory"},
      {"$W run --table-elements 9 --invoke 'more(0)' grow.wat", 1, "", "table_elements"},
      {"$W run --memory-pages 65536 --table-elements 4294967295 --invoke 'grow(0)' grow.wat", 0, "1\n", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

/* Each call has all points; which of them are used up is a failure of its own. */
static void test_points(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --points 1000000 --invoke loop loop.wat", 1, "",
       "loop.wat: loop: the guest used up its 1000000 points of a call"},
      {"$W run --points 4 --invoke add --invoke add loop.wat", 0, "3\n3\n", NULL},
      {"$W run --points=3 --invoke add loop.wat", 1, "", "loop.wat: add: the guest used up its 3 points of a call"},
      {"$W run --points 0x10 --invoke add --invoke loop --invoke add loop.wat", 1, "3\n", "its 16 points"},
      {"$W run --points 18446744073709551615 --invoke add loop.wat", 0, "3\n", NULL},
      {"$W run --points 500 --invoke f init-loop.wat", 1, "",
       "init-loop.wat: _initialize: the guest used up its 500 points of a call"},
      {"$W run --points 100 start-trap.wat", 1, "", "start-trap.wat is not a command"},
      {"$W run --points 100 --invoke f start-trap.wat", 134, "", "unreachable"},
      {"$W run --points 100 --invoke 'exit(3)' exit.wat", 3, "", NULL},
      {"$W run --points 0 --invoke add loop.wat", 2, "", "--points \"0\": expected a number of instructions from 1"},
      {"$W run --points -1 --invoke add loop.wat", 2, "", "--points \"-1\": expected a number of instructions from 1"},
      {"$W run --points 18446744073709551616 --invoke add loop.wat", 2, "", "expected a number of instructions"},
      {"$W run --points 100 --invoke f catch.wat", 1, "", "catch.wat: function 0 has instruction 0x1f, which"},
      {"$W run --invoke f catch.wat", 0, "", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

/* What a file is called does not matter. */
static void test_text_or_binary(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --invoke f text.wasm", 0, "", NULL},
      {"cp $G/c_command.wasm command.wat && $W run command.wat echo hi", 0, "hi\n", NULL},
      {"cat $G/c_command.wasm | $W run --argv0 piped /dev/stdin echo hi", 0, "hi\n", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

/* ---- Files of results -------------------------------------------------------------------------------- */

static void test_results_file(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --results r --invoke report --invoke 'add(1,-2)' $G/c_reactor.wasm | tail -n +2 | head -n 1; cat r", 0,
       "args: c_reactor.wasm\n6\n-1\n", NULL},
      {"$W run --results r --invoke pair values.wat && cat r", 0, "-1 2.5\n", NULL},
      {"$W run --results r $G/c_command.wasm && cat r", 0, "hello from a WASI command\n", NULL},
      {"$W run --results r --invoke int --invoke none --invoke 'i32(3)' values.wat && cat r", 0, "-2147483648\n3\n",
       NULL},
      /* What is there when the guest goes, stays. */
      {"$W run --results r --invoke one --invoke 'exit(9)' exit.wat; echo $?; cat r", 0, "9\n1\n", NULL},
      /* A mistake leaves the old results alone. */
      {"echo old >r; $W run --results r --invoke nope values.wat; cat r", 0, "old\n", "nope"},
      {"$W run --results missing/r --invoke pair values.wat", 1, "",
       "missing/r could not be opened for the results: No"},
      {"$W run --results . --invoke pair values.wat", 1, "", "could not be opened for the results: Is a directory"},
      {"$W run --results /dev/full --invoke pair values.wat", 1, "", "/dev/full could not be written: No space"},
      {"$W run --invoke pair values.wat >/dev/full", 1, "", "stdout could not be written: No space"},
      {"$W run --invoke pair values.wat >&-", 1, "", "stdout could not be written: Bad file descriptor"},
      /* With stdout closed, a file that is opened must not become the guest's stdout. */
      {"$W run --results r --invoke report $G/c_reactor.wasm >&- ; cat r", 0, "6\n", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

/* ---- The command line -------------------------------------------------------------------------------- */

static void test_usage_errors(void **state) {
  static const shell_case_t cases[] = {
      {"$W", 2, "", "which command?"},
      {"$W frob", 2, "", "there is no command \"frob\" (see wasi-light --help)"},
      {"$W --frob", 2, "", "there is no option \"--frob\""},
      {"$W run", 2, "", "which module?"},
      {"$W run --quiet", 2, "", "which module?"},
      {"$W run --", 2, "", "which module?"},
      {"$W run --frob x.wasm", 2, "", "there is no option --frob (see wasi-light run --help)"},
      {"$W run -x x.wasm", 2, "", "there is no option -x"},
      {"$W run --inv f values.wat", 2, "", "there is no option --inv"},
      {"$W run --quiet=yes values.wat", 2, "", "--quiet takes no value"},
      {"$W run --invoke", 2, "", "--invoke needs a value: CALL"},
      {"$W run --results", 2, "", "--results needs a value"},
      {"$W run --argv0", 2, "", "--argv0 needs a value"},
      {"$W run --env", 2, "", "--env needs a value"},
      {"$W run --env K values.wat", 2, "", "--env \"K\": expected K=V"},
      {"$W run --env =V values.wat", 2, "", "--env \"=V\": expected K=V"},
      {"$W run --seed -1 values.wat", 2, "", "--seed \"-1\": expected a number"},
      {"$W run --seed '' values.wat", 2, "", "--seed \"\": expected"},
      {"$W run --seed 12x values.wat", 2, "", "--seed \"12x\": expected"},
      {"$W run --seed 18446744073709551616 values.wat", 2, "", "expected a number from 0 to 2^64-1"},
      {"$W run --memory-pages", 2, "", "--memory-pages needs a value: N"},
      {"$W run --memory-pages 65537 values.wat", 2, "", "--memory-pages \"65537\": expected a number of pages"},
      {"$W run --memory-pages -1 values.wat", 2, "", "--memory-pages \"-1\": expected"},
      {"$W run --table-elements 4294967296 values.wat", 2, "", "expected a number of elements, at most 2^32-1"},
      {"$W run --table-elements=many values.wat", 2, "", "--table-elements \"many\": expected"},
      {"$W run --cache", 2, "", "--cache needs a value: DIR"},
      {"$W run --compiled", 2, "", "--compiled needs a value: FILE"},
      {"$W run --cache d --compiled f values.wat", 2, "", "--cache and --compiled exclude each other"},
      {"$W run --compiled f --cache d values.wat; test -e d", 1, "", "--cache and --compiled exclude each other"},
      {"$W run -o f values.wat", 2, "", "there is no option -o (see wasi-light run --help)"},
      {"$W run --clock-offset 1 values.wat", 2, "", "--clock-offset \"1\": expected a whole number of ns"},
      {"$W run --clock-offset h values.wat", 2, "", "--clock-offset"},
      {"$W run --clock-offset 1d values.wat", 2, "", "--clock-offset"},
      {"$W run --clock-offset 1.5h values.wat", 2, "", "--clock-offset"},
      {"$W run --clock-offset '1 h' values.wat", 2, "", "--clock-offset"},
      {"$W run --clock-offset 9223372037s values.wat", 2, "", "--clock-offset"},
      {"$W run --clock-offset 99999999999999999999ns values.wat", 2, "", "--clock-offset"},
  };
  shell_expect_all(cases, COUNT(cases));
}

static void test_help(void **state) {
  static const char *const words[] = {
      "--invoke", "--results",      "--argv0",    "--env",  "--inherit-env",  "--seed",          "--quiet",
      "--cache",  "--clock-offset", "--compiled", "--help", "--memory-pages", "--table-elements"};
  assert_int_equal(shell_run("$W --help"), 0);
  assert_non_null(strstr(shell_out, "usage: wasi-light "));
  assert_non_null(strstr(shell_out, "run a module's _start"));
  assert_string_equal(shell_err, "");
  assert_int_equal(shell_run("$W run --quiet --help missing.wasm"), 0);
  for (size_t i = 0; i < COUNT(words); i++) assert_non_null(strstr(shell_out, words[i]));
  assert_string_equal(shell_err, "");
  shell_expect("$W --help >/dev/full", 1, "", "stdout could not be written");
  shell_expect("$W run -h >/dev/full", 1, "", "stdout could not be written");
}

static void test_version(void **state) {
  static const char begin[] = "wasi-light " WASI_LIGHT_VERSION " (Wasmer ";
  assert_int_equal(shell_run("$W --version"), 0);
  assert_memory_equal(shell_out, begin, sizeof begin - 1);
  assert_string_equal(shell_err, "");
  assert_int_equal(shell_run("$W -V"), 0);
  assert_memory_equal(shell_out, begin, sizeof begin - 1);
}

/* ---- Set-up ------------------------------------------------------------------------------------------ */

static int set_up(void **state) {
  if (shell_set_up(modules, COUNT(modules)) != 0) return -1;
  shell_write_file("garbage.wasm", "\0asm\1\0\0\0\7", 9);
  shell_write_file("zero.wasm", "", 0);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_results),
      cmocka_unit_test(test_arguments),
      cmocka_unit_test(test_wrong_arguments),
      cmocka_unit_test(test_export_names),
      cmocka_unit_test(test_args),
      cmocka_unit_test(test_env),
      cmocka_unit_test(test_seed),
      cmocka_unit_test(test_clock_offset),
      cmocka_unit_test(test_streams),
      cmocka_unit_test(test_broken_pipe),
      cmocka_unit_test(test_exit_codes),
      cmocka_unit_test(test_exit_in_the_middle),
      cmocka_unit_test(test_start_up),
      cmocka_unit_test(test_traps),
      cmocka_unit_test(test_modules_that_cannot_run),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_points),
      cmocka_unit_test(test_text_or_binary),
      cmocka_unit_test(test_results_file),
      cmocka_unit_test(test_usage_errors),
      cmocka_unit_test(test_help),
      cmocka_unit_test(test_version),
  };
  return cmocka_run_group_tests(tests, set_up, shell_tear_down);
}
