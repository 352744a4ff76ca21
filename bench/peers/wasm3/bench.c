/* SPDX-License-Identifier: MIT */
/*
 * The benchmark's peer wasm3 with its m3_api_wasi.c: ../../README.md has the protocol, ../README.md what is compared, and
 * which rows and guests this release of wasm3 does not have.
 */
#include <fcntl.h>
#include <m3_api_wasi.h>
#include <m3_compile.h>
#include <m3_env.h>
#include <unistd.h>
#include <wasm3.h>

#include "bench.h"

enum { STACK = 256 * 1024 };

/* It cannot compile the others. */
static const char *const guest_names[] = {"tiny", "rust_reactor"};
enum { GUESTS = sizeof guest_names / sizeof guest_names[0] };

typedef struct guest_t {
  uint8_t *bytes;
  size_t size;
} guest_t;

static IM3Environment environment;
static guest_t guests[GUESTS];

static void check(const char *what, M3Result result) {
  if (result) fail(what, result);
}

/* ---- Instances ---- */

/* m3_FindFunction takes an import of that name for the export, so it cannot be used. NULL if there is none. */
static IM3Function find(IM3Runtime runtime, const char *name) {
  IM3Module module = runtime->modules;
  for (uint32_t i = 0; i < module->numFunctions; i++) {
    IM3Function function = &module->functions[i];
    if (function->import.fieldUtf8 || !function->name || strcmp(function->name, name) != 0) continue;
    if (!function->compiled) check(name, Compile_Function(function));
    return function;
  }
  return NULL;
}

static int64_t call(IM3Runtime runtime, const char *name, uint32_t count, const char *const *args) {
  IM3Function function = find(runtime, name);
  int64_t result;
  if (!function) fail(name, "is not exported");
  check(name, m3_CallWithArgs(function, count, args));
  memcpy(&result, runtime->stack, sizeof result); /* there is no function that gives it */
  return result;
}

typedef M3Result link_t(IM3Module module);

/* A module belongs to one instance, so parsing is part of making one. Functions are compiled at their first call. */
static IM3Runtime instantiate(const char *name, const guest_t *guest, link_t *link) {
  IM3Module module;
  IM3Runtime runtime = m3_NewRuntime(environment, STACK, NULL);
  if (!runtime) fail("memory", "exhausted");
  check(name, m3_ParseModule(environment, &module, guest->bytes, (uint32_t)guest->size));
  check(name, m3_LoadModule(runtime, module));
  check(name, link(module));
  if (find(runtime, "_initialize")) call(runtime, "_initialize", 0, NULL);
  return runtime;
}

typedef struct job_t {
  const guest_t *guest;
  const char *name;
  const bench_call_t *call;
} job_t;

static void run_instance(void *data) {
  const job_t *job = data;
  IM3Runtime runtime = instantiate(job->name, job->guest, m3_LinkWASI);
  bench_expect(job->name, job->call, (int32_t)call(runtime, job->call->export_name, 0, NULL));
  m3_FreeRuntime(runtime);
}

/* ---- Loops ---- */

typedef struct loop_t {
  const char *name;
  IM3Runtime runtime;
} loop_t;

static IM3Runtime wasi_loops, empty_loops;

/* Takes any arguments, in slots, and leaves the result there. */
static const void *do_nothing(IM3Runtime runtime, uint64_t *slots, void *memory) {
  (void)runtime, (void)memory;
  slots[0] = 0;
  return NULL;
}

static M3Result link_empty(IM3Module module) {
  static const char *const functions[][2] = {
      {"args_get", "i(ii)"},        {"args_sizes_get", "i(ii)"}, {"environ_get", "i(ii)"}, {"random_get", "i(ii)"},
      {"clock_time_get", "i(iIi)"}, {"fd_write", "i(iiii)"},     {"sched_yield", "i()"},
  };
  M3Result result = NULL;
  for (size_t i = 0; !result && i < sizeof functions / sizeof functions[0]; i++) {
    result = m3_LinkRawFunction(module, "wasi_snapshot_preview1", functions[i][0], functions[i][1], do_nothing);
  }
  return result;
}

/* Arguments are decimal strings. */
static int32_t run_loop(void *data, int32_t count) {
  const loop_t *loop = data;
  char text[16];
  const char *args[] = {text};
  snprintf(text, sizeof text, "%d", count);
  return (int32_t)call(loop->runtime, loop->name, 1, args);
}

/* Not here: sched_yield, which it lacks; environ_get, which does nothing; args_*, which give the call's own arguments. */
static bool wasm3_has(const char *name) {
  return strcmp(name, "sched_yield") != 0 && strcmp(name, "environ_get") != 0 && strncmp(name, "args_", 5) != 0;
}

/* ---- Talking to run.py ---- */

static void measure_group(const char *group) {
  for (size_t i = 0; i < GUESTS; i++) {
    if (strcmp(group, guest_names[i]) != 0) continue;
    for (size_t c = 0; c < BENCH_CALLS; c++) {
      job_t job = {&guests[i], group, &bench_calls[c]};
      if (!bench_has_call(group, job.call) || job.call->captured) continue;
      bench_print(group, job.call->name, "wasm3", bench_measure(run_instance, &job));
    }
  }
  if (strcmp(group, "calls") != 0) return;
  for (size_t i = 0; i < BENCH_LOOPS; i++) {
    loop_t wasi = {bench_loops[i], wasi_loops}, empty = {bench_loops[i], empty_loops};
    if (wasm3_has(wasi.name)) bench_print(group, wasi.name, "wasm3", bench_measure_loop(run_loop, &wasi, wasi.name));
    bench_print(group, empty.name, "wasm3 empty", bench_measure_loop(run_loop, &empty, empty.name));
  }
}

/* The guests write to descriptor 1, so that becomes /dev/null and stdout writes to a copy of what it was. */
static void move_stdout(void) {
  int dev_null = open("/dev/null", O_WRONLY | O_CLOEXEC), copy = dup(STDOUT_FILENO);
  FILE *out = copy < 0 ? NULL : fdopen(copy, "w");
  if (dev_null < 0 || !out || dup2(dev_null, STDOUT_FILENO) < 0) fail("/dev/null", "cannot be standard output");
  stdout = out;
}

int main(void) {
  guest_t loop;
  move_stdout();
  environment = m3_NewEnvironment();
  if (!environment) fail("memory", "exhausted");
  for (size_t i = 0; i < GUESTS; i++) guests[i].bytes = bench_guest(guest_names[i], &guests[i].size);
  loop.bytes = bench_guest("loop", &loop.size);
  wasi_loops = instantiate("loop", &loop, m3_LinkWASI);
  empty_loops = instantiate("loop", &loop, link_empty);
  puts("# wasm3 " M3_VERSION
       ", interpreter, wasm3.h with m3_api_wasi.c and stdout on /dev/null; modules parsed for each "
       "instance; host functions raw");
  bench_serve(measure_group);
  return EXIT_SUCCESS;
}
