/* SPDX-License-Identifier: MIT */
/*
 * What `wasi-light run` lets a host control: clocks, sleep, limits, policy, the trace, logs. See cli_shell.h for $W
 * and $G.
 */
#include "cli_shell.h"

#include <unistd.h>

/* ---- Modules ----------------------------------------------------------------------------------------- */

#define WASI(name, type) "  (import 'wasi_snapshot_preview1' '" name "' (func $" name " " type "))\n"
#define MEMORY "  (memory (export 'memory') 1)\n"

static const shell_module_t modules[] = {
    /* errno and time; the event's error; a sleep until a time; the resolution. */
    {"time.wat", "(module\n" WASI("clock_time_get", "(param i32 i64 i32) (result i32)")
                     WASI("clock_res_get", "(param i32 i32) (result i32)")
                         WASI("poll_oneoff", "(param i32 i32 i32 i32) (result i32)") MEMORY
     "  (func (export 'now') (param i32) (result i32 i64)\n"
     "    local.get 0  i64.const 0  i32.const 0  call $clock_time_get  i32.const 0  i64.load)\n"
     "  (func (export 'res') (param i32) (result i32 i64)\n"
     "    local.get 0  i32.const 0  call $clock_res_get  i32.const 0  i64.load)\n"
     "  (func $sleep (export 'sleep') (param i64) (result i32 i32)\n"
     "    i32.const 80  i32.const 1  i32.store  i32.const 88  local.get 0  i64.store\n"
     "    i32.const 64  i32.const 128  i32.const 1  i32.const 8  call $poll_oneoff  i32.const 136  i32.load16_u)\n"
     "  (func (export '_initialize')))\n"},
    /* Waits for ever in what is called before all else. */
    {"start-sleep.wat", "(module\n" WASI("poll_oneoff", "(param i32 i32 i32 i32) (result i32)") MEMORY
     "  (data (i32.const 95) '\\01')\n"
     "  (func (export '_initialize')\n"
     "    i32.const 64  i32.const 128  i32.const 1  i32.const 8  call $poll_oneoff  drop)\n"
     "  (func (export 'f')))\n"},
    {"use.wat", "(module\n" WASI("random_get", "(param i32 i32) (result i32)") WASI("sched_yield", "(result i32)")
                    WASI("fd_write", "(param i32 i32 i32 i32) (result i32)") WASI("proc_exit", "(param i32)")
                        WASI("proc_raise", "(param i32) (result i32)") MEMORY
     "  (func (export 'random') (param i32) (result i32) i32.const 1024  local.get 0  call $random_get)\n"
     "  (func (export 'first') (result i32)\n"
     "    i32.const 1024  i32.const 4  call $random_get  drop  i32.const 1024  i32.load)\n"
     "  (func (export 'yield') (result i32) call $sched_yield)\n"
     "  (func (export 'write') (param i32 i32) (result i32)\n"
     "    i32.const 0  i32.const 1024  i32.store  i32.const 4  local.get 1  i32.store\n"
     "    i32.const 1024  i32.const 45  local.get 1  memory.fill\n"
     "    local.get 0  i32.const 0  i32.const 1  i32.const 8  call $fd_write)\n"
     "  (func (export 'exit') (param i32) local.get 0  call $proc_exit)\n"
     "  (func (export 'raise') (param i32) (result i32) local.get 0  call $proc_raise)\n"
     "  (func (export 'bad') (result i32) i32.const 65535  i32.const 9  call $random_get)\n"
     "  (func (export 'trap') unreachable))\n"},
    {"text.wat", "(module\n" WASI("fd_write", "(param i32 i32 i32 i32) (result i32)") MEMORY
     "  (data (i32.const 0) '\\10\\00\\00\\00\\10\\00\\00\\00')\n"
     "  (data (i32.const 16) 'a\\1b[1mb\\ff\\09\\c3\\a9\\0acd\\0d!!')\n"
     "  (func (export 'f') (result i32) i32.const 1  i32.const 0  i32.const 1  i32.const 8  call $fd_write))\n"},
    {"raise-first.wat",
     "(module\n" WASI("proc_raise",
                      "(param i32) (result i32)") "  (func (export '_start') i32.const 15  call $proc_raise  drop))\n"},
    {"missing.wat", "(module\n"
                    "  (import 'env' 'draw' (func $draw (param i32)))\n"
                    "  (import 'wasi_snapshot_preview1' 'fd_paint' (func $paint))\n"
                    "  (func (export 'f') (result i32) i32.const 4)\n"
                    "  (func (export 'draw') i32.const 1  call $draw)\n"
                    "  (func (export 'paint') call $paint))\n"},
    {"missing-global.wat", "(module (import 'env' 'lives' (global i32)) (func (export 'f')))\n"},
    {"unstable.wat",
     "(module\n"
     "  (import 'wasi_unstable' 'fd_seek' (func $seek (param i32 i64 i32 i32) (result i32)))\n" MEMORY
     "  (func (export '_start') i32.const 1  i64.const -5  i32.const 0  i32.const 8  call $seek drop))"},
};

/* ---- Clocks ------------------------------------------------------------------------------------------ */

static void test_clocks(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --clock frozen --clock-start 7s --invoke 'now(0)' --invoke 'now(0)' time.wat", 0,
       "0 7000000000\n0 7000000000\n", NULL},
      {"$W run --clock=frozen --clock-start=2h --invoke 'now(0)' --invoke 'now(2)' time.wat", 0,
       "0 7200000000000\n58 7200000000000\n", NULL},
      {"$W run --clock virtual --clock-start 7s --invoke 'sleep(500)' --invoke 'now(0)' time.wat", 0,
       "0 0\n0 7000000500\n", NULL},
      {"$W run --clock step=5ns --clock-start 7s --invoke 'now(0)' --invoke 'now(0)' time.wat", 0,
       "0 7000000005\n0 7000000010\n", NULL},
      {"$W run --clock step=1ms --clock-offset 1s --invoke 'now(1)' --invoke 'now(1)' time.wat", 0,
       "0 1001000001\n0 1002000001\n", NULL},
      {"$W run --clock step=0ns --clock-start 9ns --invoke 'now(0)' --invoke 'now(0)' time.wat", 0, "0 9\n0 9\n", NULL},
      {"$W run --clock frozen --clock-start 7654321us --clock-resolution 1s --invoke 'now(0)' --invoke 'res(0)' "
       "time.wat",
       0, "0 7000000000\n0 1000000000\n", NULL},
      {"$W run --clock frozen --clock-start 7s --clock-offset -2s --invoke 'now(0)' time.wat", 0, "0 5000000000\n",
       NULL},
      /* The last one counts. */
      {"$W run --clock virtual --clock frozen --clock-start 1s --clock-start 3s --invoke 'sleep(9)' --invoke 'now(0)' "
       "time.wat",
       0, "0 58\n0 3000000000\n", NULL},
      {"$W run --clock real --clock-resolution 292h --invoke 'res(0)' --invoke 'res(1)' time.wat", 0,
       "0 1051200000000000\n0 1051200000000000\n", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
  shell_expect("[ $($W run --clock real --invoke 'now(0)' time.wat | cut -c 3-12) -ge $(($(date +%s) - 60)) ]", 0, "",
               NULL);
}

static void test_sleep(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --sleep virtual --invoke 'sleep(3600000000000)' time.wat", 0, "0 0\n", NULL},
      {"$W run --sleep refused --invoke 'sleep(3600000000000)' --invoke 'sleep(0)' time.wat", 0, "0 58\n0 0\n", NULL},
      {"$W run --clock frozen --invoke 'sleep(3600000000000)' time.wat", 0, "0 58\n", NULL},
      {"$W run --clock virtual --invoke 'sleep(3600000000000)' time.wat", 0, "0 0\n", NULL},
      {"$W run --clock virtual --sleep refused --invoke 'sleep(9)' time.wat", 0, "0 58\n", NULL},
      {"$W run --clock frozen --sleep virtual --invoke 'sleep(9)' --invoke 'now(1)' time.wat", 0, "0 0\n0 1\n", NULL},
      {"$W run --clock step=1ns --sleep virtual --invoke 'sleep(9)' --invoke 'now(1)' time.wat", 0, "0 0\n0 11\n",
       NULL},
      {"$W run --clock step=1ns --sleep real --invoke 'sleep(9)' time.wat", 0, "0 0\n", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
  /* A sleep that is real takes its time. */
  shell_expect(
      "a=$(date +%s%N); $W run --sleep real --invoke 'sleep(300000000)' time.wat; [ $(($(date +%s%N) - a)) -gt "
      "300000000 ]",
      0, "0 0\n", NULL);
}

/* ---- Limits ------------------------------------------------------------------------------------------ */

static void test_max_sleep(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --max-sleep 1ms --invoke 'sleep(3600000000000)' time.wat", 1, "",
       "time.wat: sleep: poll_oneoff: the guest would wait longer than options.sleep allows (--max-sleep)"},
      {"$W run --clock virtual --max-sleep 100ns --invoke 'sleep(60)' --invoke 'sleep(40)' time.wat", 0, "0 0\n0 0\n",
       NULL},
      {"$W run --clock virtual --max-sleep 100ns --invoke 'sleep(60)' --invoke 'sleep(41)' --invoke 'sleep(1)' "
       "time.wat",
       1, "0 0\n", "sleep: poll_oneoff: the guest would wait longer"},
      {"$W run --max-sleep 1ms --invoke f start-sleep.wat", 1, "",
       "start-sleep.wat: _initialize: poll_oneoff: the guest would wait longer than options.sleep allows "
       "(--max-sleep)"},
  };
  shell_expect_all(cases, COUNT(cases));
}

static void test_quotas(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --max-calls 2 --invoke yield --invoke yield use.wat", 0, "0\n0\n", NULL},
      {"$W run --max-calls 2 --invoke yield --invoke yield --invoke yield --invoke yield use.wat", 1, "0\n0\n",
       "use.wat: yield: sched_yield: the guest made more calls than options.rules or options.quota allow "
       "(--max-calls)"},
      {"$W run --max-output 5 --invoke 'write(1,3)' --invoke 'write(2,2)' use.wat 2>&1", 0, "---0\n--0\n", NULL},
      {"$W run --max-output 5 --invoke 'write(1,3)' --invoke 'write(2,3)' use.wat", 1, "---0\n",
       "write: fd_write: the guest would write more than options.quota allows (--max-output)"},
      {"$W run --quiet --max-output 5 --invoke 'write(1,6)' use.wat", 1, "", "(--max-output)"},
      {"$W run --max-random 0x10 --invoke 'random(16)' use.wat", 0, "0\n", NULL},
      {"$W run --max-random 16 --invoke 'random(16)' --invoke 'random(1)' use.wat", 1, "0\n",
       "random: random_get: the guest would take more random bytes than options.quota allows (--max-random)"},
      {"$W run --max-calls 9 --max-output 9 --max-random 3 --max-sleep 9s --points 999 --invoke 'random(4)' use.wat", 1,
       "", "(--max-calls, --max-output, --max-random, --max-sleep, --points)"},
      {"$W run --points 1 --invoke 'random(4)' use.wat", 1, "", "(--points)"},
      /* What the guest does within its limits is its own, its exit too. */
      {"$W run --max-calls 1 --invoke 'exit(9)' use.wat", 9, "", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

/* ---- Policy ------------------------------------------------------------------------------------------ */

static void test_deny(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --deny sched_yield --invoke yield use.wat", 0, "76\n", NULL}, /* NOTCAPABLE */
      {"$W run --deny sched_yield=nosys --invoke yield use.wat", 0, "52\n", NULL},
      {"$W run --deny sched_yield=2BIG --invoke yield use.wat", 0, "1\n", NULL},
      {"$W run --deny=sched_yield=NoTcApAbLe --invoke yield use.wat", 0, "76\n", NULL},
      {"$W run --deny sched_yield=io --deny sched_yield=inval --deny random_get --invoke yield --invoke 'random(4)' "
       "use.wat",
       0, "28\n76\n", NULL},
      {"$W run --deny sched_yield=trap --invoke 'random(4)' --invoke yield --invoke yield use.wat", 134, "0\n",
       "use.wat: yield trapped: sched_yield is denied by the host"},
      {"$W run --deny proc_exit=trap --invoke 'exit(3)' use.wat", 134, "", "proc_exit is denied by the host"},
      {"$W run --deny fd_write=io $G/c_command.wasm echo hi", 0, "", NULL},
      {"$W run --deny fd_seek=trap unstable.wat", 134, "", "_start trapped: fd_seek is denied by the host"},
  };
  shell_expect_all(cases, COUNT(cases));
}

static void test_raise(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --invoke 'raise(6)' use.wat", 0, "58\n", NULL}, /* NOTSUP */
      {"$W run --raise --invoke 'raise(6)' --invoke yield use.wat", 134, "", "use.wat: raise: "},
      {"$W run --raise --invoke 'raise(1)' use.wat", 129, "", "signal 1"},
      {"$W run --raise --invoke 'raise(15)' use.wat", 143, "", "signal 15"},
      {"$W run --raise --invoke 'raise(30)' use.wat", 158, "", "signal 30"},
      {"$W run --raise --invoke 'raise(0)' --invoke 'raise(31)' --invoke 'raise(-1)' use.wat", 0, "28\n28\n28\n", NULL},
      {"$W run --raise raise-first.wat", 143, "", "raise-first.wat: _start: "},
      {"$W run raise-first.wat", 0, "", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

static void test_unknown_imports(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --invoke f missing.wat", 1, "", "with --unknown-imports trap, functions may be missing"},
      {"$W run --unknown-imports refuse --invoke f missing.wat", 1, "", "env.draw: wanted function (i32) -> ()"},
      {"$W run --unknown-imports trap --invoke f missing.wat", 0, "4\n", NULL},
      {"$W run --unknown-imports trap --invoke f --invoke draw --invoke f missing.wat", 134, "4\n", "env.draw"},
      {"$W run --unknown-imports trap --invoke paint missing.wat", 134, "", "wasi_snapshot_preview1.fd_paint"},
      {"$W run --unknown-imports trap --unknown-imports refuse --invoke f missing.wat", 1, "", "env.draw"},
      {"$W run --unknown-imports trap --invoke f missing-global.wat", 1, "", "env.lives: wanted global i32"},
  };
  shell_expect_all(cases, COUNT(cases));
  assert_int_equal(shell_run("$W run --unknown-imports trap --invoke f missing-global.wat"), 1);
  assert_null(strstr(shell_err, "--unknown-imports")); /* that is no advice any more */
}

/* ---- Output ------------------------------------------------------------------------------------------ */

/* The line that the guest has begun comes before the result. */
static void test_escape(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --escape --invoke f text.wat", 0, "a\\x1b[1mb\\xff\t\303\251\ncd\\x0d!!\n0\n", NULL},
      {"$W run --invoke f text.wat", 0, "a\033[1mb\377\t\303\251\ncd\r!!0\n", NULL},
      {"$W run --escape $G/c_command.wasm stderr \"$(printf 'x\\033y')\" 2>&1 >/dev/null", 0, "x\\x1by\n", NULL},
      {"$W run --escape $G/c_command.wasm echo '' a", 0, " a\n", NULL},
      {"$W run --escape --quiet --invoke f text.wat", 0, "0\n", NULL},
      {"$W run --escape --max-output 3 --invoke 'write(1,3)' --invoke 'write(1,1)' use.wat 2>/dev/null", 1, "---\n0\n",
       NULL},
      {"$W run --escape $G/c_command.wasm isatty", 0, "isatty: 0 0 0\n", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

/* ---- Looking inside ---------------------------------------------------------------------------------- */

static void test_count(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --count --invoke yield --invoke 'random(5)' --invoke yield --invoke 'write(1,3)' use.wat 2>&1 "
       ">/dev/null",
       0,
       "           1 fd_write\n           2 sched_yield\n           1 random_get\n"
       "           4 calls in all, 3 bytes of output, 5 random bytes, 0 ns slept\n",
       NULL},
      {"$W run --count --clock virtual --invoke 'sleep(7)' --invoke 'sleep(5)' time.wat 2>&1 >/dev/null", 0,
       "           2 poll_oneoff\n           2 calls in all, 0 bytes of output, 0 random bytes, 12 ns slept\n", NULL},
      /* Also of a guest that is stopped; a call that was refused is one. */
      {"$W run --count --max-calls 1 --invoke yield --invoke yield use.wat 2>&1 | tail -n 2", 0,
       "           2 sched_yield\n           2 calls in all, 0 bytes of output, 0 random bytes, 0 ns slept\n", NULL},
      {"$W run --count --invoke trap use.wat 2>&1 | tail -n 1", 0,
       "           0 calls in all, 0 bytes of output, 0 random bytes, 0 ns slept\n", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

static void test_trace(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --trace --seed 42 --invoke 'random(4)' --invoke yield --invoke 'write(1,3)' use.wat 2>&1 >/dev/null", 0,
       "random_get(4) = success -> \"\\x1fv\\xe5&\"\nsched_yield() = success\n"
       "fd_write(1, [\"---\"], 1) = success -> 3\n",
       NULL},
      {"$W run --trace --invoke bad use.wat 2>&1 >/dev/null", 0, "random_get(<bad 0xffff>, 9) = fault\n", NULL},
      {"$W run --trace --deny sched_yield=io --invoke yield use.wat 2>&1 >/dev/null", 0, "sched_yield() = io\n", NULL},
      {"$W run --trace --deny sched_yield=trap --invoke yield use.wat 2>&1 | head -n 1", 0,
       "sched_yield() = stopped: denied\n", NULL},
      {"$W run --trace --raise --invoke 'raise(6)' use.wat 2>&1 | head -n 1", 0, "proc_raise(6) = stopped: raised\n",
       NULL},
      {"$W run --trace --max-calls 1 --invoke 'yield' --invoke yield use.wat 2>&1 >/dev/null | sed -n 2p", 0,
       "sched_yield() = stopped: limit\n", NULL},
      {"$W run --trace --invoke 'exit(3)' use.wat 2>&1", 3, "proc_exit(3) = stopped: exit\n", NULL},
      {"$W run --trace unstable.wat 2>&1", 0, "fd_seek(1, -5, cur) = spipe\n", NULL},
      /* To a file: nothing of it on stderr, whether or not --trace is there, and the old file is gone. */
      {"echo old >t; $W run --trace-file t --invoke yield use.wat && cat t", 0, "0\nsched_yield() = success\n", NULL},
      {"$W run --trace --trace-file t --invoke yield use.wat && cat t", 0, "0\nsched_yield() = success\n", NULL},
      {"$W run --trace-file t --invoke trap use.wat 2>/dev/null; cat t", 0, "", NULL},
      {"$W run --trace-file t --invoke report $G/c_reactor.wasm >/dev/null && head -n 2 t", 0,
       "fd_prestat_get(3) = badf\nfd_fdstat_get(1) = success -> {unknown, 0x0, 0x8200048}\n", NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

/* A guest that hangs is killed: the trace shows what it has done. */
static void test_trace_of_a_guest_that_is_killed(void **state) {
  shell_run("$W run --trace-file killed --invoke 'now(5)' --invoke 'sleep(3600000000000)' time.wat & p=$!; "
            "for i in $(seq 300); do test -s killed && break; sleep 0.1; done; kill -9 $p; wait $p; cat killed");
  assert_string_equal(shell_out, "28 0\nclock_time_get(5, 0) = inval\n");
}

static void test_files_of_traces_and_logs(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --trace-file no/t --invoke yield use.wat", 1, "",
       "no/t could not be opened for the trace: No such file"},
      {"$W run --record no/l --invoke yield use.wat", 1, "", "no/l could not be opened for the log: No such file"},
      {"$W run --trace-file . --invoke yield use.wat", 1, "", "could not be opened for the trace: Is a directory"},
      {"$W run --trace-file /dev/full --invoke yield use.wat", 1, "0\n", "/dev/full could not be written: No space"},
      {"$W run --record /dev/full --invoke yield use.wat", 1, "0\n", "/dev/full could not be written: No space"},
      {"$W run --record /dev/full --invoke 'exit(9)' use.wat", 1, "", "/dev/full could not be written: No space"},
      {"head -c 100000 /dev/zero | $W run --quiet --record /dev/full $G/c_command.wasm cat", 1, "",
       "/dev/full could not be written: No space"},
      {"$W run --replay no/l --invoke yield use.wat", 1, "", "no/l could not be read: No such file"},
      {"$W run --replay . --invoke yield use.wat", 1, "", "could not be read: Is a directory"},
      {"$W run --replay /dev/null --invoke yield use.wat", 1, "", "/dev/null is not a log that --record wrote"},
      {"$W run --replay use.wat --invoke yield use.wat", 1, "", "use.wat is not a log that --record wrote"},
      {"printf 'WLOG\\002\\0\\0\\0' >l; $W run --replay l --invoke yield use.wat", 1, "", "or one of another version"},
      /* A mistake leaves old files alone. */
      {"echo old >t; $W run --trace-file t --invoke nope use.wat; cat t", 0, "old\n", "nope"},
      {"echo old >l; $W run --record l --invoke 'yield(1)' use.wat; cat l", 0, "old\n", "yield(1)"},
      {"$W run --record l --invoke yield no.wat; cat l", 0, "old\n", "no.wat"},
      {"$W run --record l --results no/r --invoke yield use.wat; cat l", 0, "old\n", "no/r"},
      /* With stdout closed, the file must not become the guest's stdout. */
      {"$W run --trace-file t --results r --invoke 'write(1,3)' use.wat >&-; cat t r", 0,
       "fd_write(1, [\"---\"], 1) = badf\n8\n", NULL},
      {"$W run --record l --results r --invoke 'write(1,3)' use.wat >&-; head -c 4 l; grep -c -e --- l", 0, "WLOG0\n",
       NULL},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    bool count = strstr(cases[i].command, "grep -c");
    shell_expect(cases[i].command, count ? 1 : cases[i].status, cases[i].out, cases[i].message);
  }
}

/* ---- Record and replay ------------------------------------------------------------------------------- */

/* The output of a run is that of its replay, with other arguments, variables, input, seed and clocks. */
static void test_replay(void **state) {
  static const struct {
    const char *record, *replay;
  } runs[] = {
      {"$W run --record l $G/c_command.wasm echo one two", "$W run --replay l $G/c_command.wasm"},
      {"$W run --record l --env K=V $G/c_command.wasm env K", "$W run --replay l --env K=W $G/c_command.wasm env L"},
      {"printf 'a\\nb' | $W run --record l $G/c_command.wasm cat", "echo other | $W run --replay l $G/c_command.wasm"},
      {"printf 'a\\nb' | $W run --record l $G/c_command.wasm cat",
       "$W run --replay l $G/c_command.wasm cat </dev/null"},
      {"$W run --record l --argv0 me --env KEY1=1 --seed 4 --invoke report --invoke random --invoke now "
       "$G/c_reactor.wasm a b",
       "$W run --replay l --clock frozen --clock-start 1s --invoke report --invoke random --invoke now "
       "$G/c_reactor.wasm"},
      {"$W run --record l --invoke first --invoke 'write(1,9)' use.wat",
       "$W run --replay l --seed 1 --invoke first --invoke 'write(1,9)' use.wat"},
      /* What was denied stays denied, and the clock shows what it showed, at once. */
      {"$W run --record l --deny sched_yield=io --invoke yield --invoke first use.wat",
       "$W run --replay l --deny random_get --invoke yield --invoke first use.wat"},
      {"$W run --record l --clock virtual --invoke 'sleep(3600000000000)' --invoke 'now(0)' time.wat",
       "$W run --replay l --invoke 'sleep(3600000000000)' --invoke 'now(0)' time.wat"},
      {"$W run --record l --escape --invoke f text.wat", "$W run --replay l --escape --invoke f text.wat"},
  };
  for (size_t i = 0; i < COUNT(runs); i++) {
    char first[sizeof shell_out];
    assert_int_equal(shell_run(runs[i].record), 0);
    memcpy(first, shell_out, sizeof first);
    shell_expect(runs[i].replay, 0, first, NULL);
  }
}

/* So is its end. */
static void test_replay_of_the_end(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --record l $G/c_command.wasm exit 42", 42, "", NULL},
      {"$W run --replay l $G/c_command.wasm exit 7", 42, "", NULL},
      {"$W run --record l --raise --invoke yield --invoke 'raise(15)' use.wat", 143, "0\n", "signal 15"},
      {"$W run --replay l --invoke yield --invoke 'raise(15)' use.wat", 143, "0\n", "signal 15"},
      {"$W run --record l --max-calls 1 --invoke yield --invoke yield use.wat", 1, "0\n", "more calls"},
      {"$W run --replay l --invoke yield --invoke yield use.wat", 1, "0\n", "sched_yield"},
      {"$W run --record l --deny sched_yield=trap --invoke yield use.wat", 134, "", "sched_yield is denied"},
      {"$W run --replay l --invoke yield use.wat", 134, "", "sched_yield is denied"},
      {"$W run --record l --invoke yield --invoke trap use.wat", 134, "0\n", "unreachable"},
      {"$W run --replay l --invoke yield --invoke trap use.wat", 134, "0\n", "unreachable"},
      /* A log of no calls. */
      {"$W run --record l --invoke trap use.wat; wc -c <l", 0, "8\n", "unreachable"},
      {"$W run --replay l --invoke trap use.wat", 134, "", "unreachable"},
  };
  shell_expect_all(cases, COUNT(cases));
}

static void test_replay_that_diverges(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --record l --seed 1 --invoke 'random(4)' --invoke yield use.wat", 0, "0\n0\n", NULL},
      {"$W run --replay l --invoke 'random(5)' --invoke yield use.wat", 1, "",
       "use.wat: random: call 1 is random_get(1024, 5), the log has random_get(1024, 4)"},
      {"$W run --replay l --invoke 'random(4)' --invoke 'write(1,2)' use.wat", 1, "0\n",
       "write: call 2 is fd_write(1, 0, 1, 8), the log has sched_yield()"},
      {"$W run --replay l --invoke 'random(4)' --invoke yield --invoke yield use.wat", 1, "0\n0\n",
       "yield: the log ends before call 3, sched_yield()"},
      {"$W run --replay l --invoke 'random(4)' use.wat", 1, "0\n",
       "l goes on where the run ended: 2 of 20 bytes are left"},
      {"$W run --replay l --invoke 'random(4)' --invoke trap use.wat", 134, "0\n", "trap trapped: unreachable"},
      {"$W run --replay l $G/c_command.wasm", 1, "", "_start: call 1 is fd_prestat_get(3, "},
      {"$W run --replay l --invoke report $G/c_reactor.wasm", 1, "", "_initialize: call 1 is fd_prestat_get(3, "},
      {"$W run --record l --invoke 'write(1,3)' use.wat", 0, "---0\n", NULL},
      {"$W run --replay l --invoke 'write(2,3)' use.wat", 1, "",
       "call 1 is fd_write(2, 0, 1, 8), the log has fd_write(1, 0, 1, 8)"},
      {"$W run --replay l --invoke 'write(1,4)' use.wat", 1, "",
       "call 1, fd_write(1, 0, 1, 8), has other bytes in memory than the log"},
      {"head -c 12 l >cut; $W run --replay cut --invoke 'write(1,3)' use.wat", 1, "", "the log is damaged at call 1"},
      {"{ cat l; echo; } >more; $W run --replay more --invoke 'write(1,3)' use.wat", 1, "---0\n",
       "more goes on where the run ended: 1 of "},
      {"$W run --trace --replay l --invoke yield use.wat 2>&1 | head -n 1", 0, "sched_yield() = stopped: diverged\n",
       NULL},
  };
  shell_expect_all(cases, COUNT(cases));
}

/* Seed, virtual clock and the same calls: a trace that is the same to the byte, and a log. */
static void test_two_runs_are_alike(void **state) {
  static const char run[] =
      "for i in 1 2; do $W run --seed 7 --clock virtual --clock-start 1700000000s --trace-file t$i --record l$i "
      "--cache cache --invoke report --invoke 'sum(1000)' --invoke 'sleep_ms(250)' --invoke random --invoke now "
      "$G/%s.wasm a b </dev/null >o$i || exit 9; done; cmp t1 t2 && cmp l1 l2 && cmp o1 o2 && grep -c poll_oneoff t1 "
      ">/dev/null && $W run --replay l1 --cache cache --trace-file t3 --invoke report --invoke 'sum(1000)' --invoke "
      "'sleep_ms(250)' --invoke random --invoke now $G/%s.wasm c >o3 && cmp t1 t3 && cmp o1 o3";
  static const char *const guests[] = {"go_reactor", "c_reactor", "zig_reactor"};
  char command[1024];
  size_t runs = 0;
  for (size_t i = 0; i < COUNT(guests); i++) {
    snprintf(command, sizeof command, "guests/%s.wasm", guests[i]);
    if (access(command, R_OK) != 0) continue; /* Go's is not in git */
    snprintf(command, sizeof command, run, guests[i], guests[i]);
    shell_expect(command, 0, "", NULL);
    runs++;
  }
  assert_true(runs >= 2);
}

/* ---- The command line -------------------------------------------------------------------------------- */

static void test_usage_errors(void **state) {
  static const char *const needs_value[] = {
      "clock",      "clock-start", "clock-resolution", "sleep",      "max-sleep", "max-calls", "max-output",
      "max-random", "deny",        "unknown-imports",  "trace-file", "record",    "replay"};
  static const char *const needs_none[] = {"raise", "escape", "trace", "count"};
  static const char *const numbers[] = {"max-calls", "max-output", "max-random"};
  static const char *const bad_numbers[] = {"0", "-1", "''", "many", "1k", "18446744073709551616"};
  static const char *const durations[] = {"clock-start", "clock-resolution", "max-sleep"};
  static const char *const bad_durations[] = {"1", "h", "''", "-1s", "1d", "1.5s", "'1 s'", "9223372037s"};
  char command[128], message[128];
  for (size_t i = 0; i < COUNT(needs_value); i++) {
    snprintf(command, sizeof command, "$W run --%s", needs_value[i]);
    snprintf(message, sizeof message, "--%s needs a value: ", needs_value[i]);
    shell_expect(command, 2, "", message);
  }
  for (size_t i = 0; i < COUNT(needs_none); i++) {
    snprintf(command, sizeof command, "$W run --%s=yes time.wat", needs_none[i]);
    snprintf(message, sizeof message, "--%s takes no value", needs_none[i]);
    shell_expect(command, 2, "", message);
  }
  for (size_t i = 0; i < COUNT(numbers); i++) {
    for (size_t k = 0; k < COUNT(bad_numbers); k++) {
      snprintf(command, sizeof command, "$W run --%s %s time.wat", numbers[i], bad_numbers[k]);
      shell_expect(command, 2, "", "expected a number from 1 to 2^64-1");
    }
  }
  for (size_t i = 0; i < COUNT(durations); i++) {
    for (size_t k = 0; k < COUNT(bad_durations); k++) {
      snprintf(command, sizeof command, "$W run --%s %s time.wat", durations[i], bad_durations[k]);
      shell_expect(command, 2, "", "expected a whole number of ns, us, ms, s, m or h, such as 250ms or 1h");
    }
  }
}

static void test_bad_values(void **state) {
  static const shell_case_t cases[] = {
      {"$W run --clock now time.wat", 2, "", "--clock \"now\": expected real, frozen, virtual or step=DURATION"},
      {"$W run --clock step time.wat", 2, "", "--clock \"step\": expected real,"},
      {"$W run --clock step= time.wat", 2, "", "--clock \"step=\": expected real,"},
      {"$W run --clock step=5 time.wat", 2, "", "--clock \"step=5\": expected real,"},
      {"$W run --clock step=-5ns time.wat", 2, "", "--clock \"step=-5ns\": expected real,"},
      {"$W run --clock '' time.wat", 2, "", "--clock \"\": expected real,"},
      {"$W run --sleep callback time.wat", 2, "", "--sleep \"callback\": expected real, virtual or refused"},
      {"$W run --sleep '' time.wat", 2, "", "--sleep \"\": expected"},
      {"$W run --max-sleep 0s time.wat", 2, "", "--max-sleep \"0s\": expected more than 0"},
      {"$W run --deny '' use.wat", 2, "", "--deny \"\": expected a function of WASI, FUNCTION=trap, or"},
      {"$W run --deny fd_paint use.wat", 2, "", "--deny \"fd_paint\": expected a function of WASI"},
      {"$W run --deny sched use.wat", 2, "", "--deny \"sched\": expected a function"},
      {"$W run --deny =io use.wat", 2, "", "--deny \"=io\": expected a function"},
      {"$W run --deny sched_yield= use.wat", 2, "", "FUNCTION=ERRNO as in random_get=nosys"},
      {"$W run --deny sched_yield=52 use.wat", 2, "", "FUNCTION=ERRNO as in random_get=nosys"},
      {"$W run --deny sched_yield=success use.wat", 2, "", "FUNCTION=ERRNO as in random_get=nosys"},
      {"$W run --deny sched_yield=nosy use.wat", 2, "", "FUNCTION=ERRNO as in random_get=nosys"},
      {"$W run --deny sched_yield=nosyss use.wat", 2, "", "FUNCTION=ERRNO as in random_get=nosys"},
      {"$W run --deny proc_exit use.wat", 2, "", "--deny \"proc_exit\": expected proc_exit=trap, since it cannot"},
      {"$W run --deny proc_exit=io use.wat", 2, "", "--deny \"proc_exit=io\": expected proc_exit=trap"},
      {"$W run --unknown-imports ignore use.wat", 2, "", "--unknown-imports \"ignore\": expected refuse or trap"},
      /* What does not go together. */
      {"$W run --record a --replay b use.wat; test -e a", 1, "", "--record and --replay exclude each other"},
      {"$W run --clock frozen --sleep real use.wat", 2, "", "--sleep real needs a clock that goes by itself"},
      {"$W run --sleep real --clock virtual use.wat", 2, "", "--sleep real needs a clock that goes by itself"},
      {"$W run --clock-start 1h use.wat", 2, "", "--clock-start is for a --clock that is not real"},
      {"$W run --clock real --clock-start 1h use.wat", 2, "", "--clock-start is for a --clock that is not real"},
  };
  shell_expect_all(cases, COUNT(cases));
}

/* Each option has a line; what it does begins in one column, and nothing is wider than a terminal of 100. */
static void test_help(void **state) {
  static const char *const words[] = {"--clock MODE",
                                      "--clock-start DURATION",
                                      "--clock-resolution DURATION",
                                      "--sleep MODE",
                                      "--max-sleep DURATION",
                                      "--max-calls N",
                                      "--max-output N",
                                      "--max-random N",
                                      "--deny RULE",
                                      "--raise",
                                      "--escape",
                                      "--unknown-imports POLICY",
                                      "--trace",
                                      "--trace-file FILE",
                                      "--count",
                                      "--record FILE",
                                      "--replay FILE"};
  assert_int_equal(shell_run("$W run --help"), 0);
  for (size_t i = 0; i < COUNT(words); i++) {
    char begin[64];
    snprintf(begin, sizeof begin, "\n  %-28s ", words[i]);
    const char *line = strstr(shell_out, begin);
    if (!line || line[strlen(begin)] <= ' ') fail_msg("no line of %s", words[i]);
  }
  for (const char *line = shell_out; *line; line += strcspn(line, "\n") + 1)
    assert_in_range(strcspn(line, "\n"), 0, 100);
}

static int set_up(void **state) {
  return shell_set_up(modules, COUNT(modules));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_clocks),
      cmocka_unit_test(test_sleep),
      cmocka_unit_test(test_max_sleep),
      cmocka_unit_test(test_quotas),
      cmocka_unit_test(test_deny),
      cmocka_unit_test(test_raise),
      cmocka_unit_test(test_unknown_imports),
      cmocka_unit_test(test_escape),
      cmocka_unit_test(test_count),
      cmocka_unit_test(test_trace),
      cmocka_unit_test(test_trace_of_a_guest_that_is_killed),
      cmocka_unit_test(test_files_of_traces_and_logs),
      cmocka_unit_test(test_replay),
      cmocka_unit_test(test_replay_of_the_end),
      cmocka_unit_test(test_replay_that_diverges),
      cmocka_unit_test(test_two_runs_are_alike),
      cmocka_unit_test(test_usage_errors),
      cmocka_unit_test(test_bad_values),
      cmocka_unit_test(test_help),
  };
  return cmocka_run_group_tests(tests, set_up, shell_tear_down);
}
