/* SPDX-License-Identifier: MIT */
/*
 * Instances made, called and gone: by the bare engine through both of its interfaces, afresh, and from the pool with each of
 * its methods. For bench/run.py.
 */
#include "bare.h"
#include "light.h"

static wasm_engine_t *engine;
static wasi_light_config_t *quiet, *capturing; /* nothing given; the same, with stdout captured */

typedef struct subject_t {
  guest_t guest;
  bare_t bare, bare_raw;
} subject_t;

static const way_t pooled[] = {
    {"pool", WASI_LIGHT_RESET_BEST, 0, 0, false},
    {"pool copy", WASI_LIGHT_RESET_COPY, 0, 0, false},
    {"pool cow", WASI_LIGHT_RESET_COPY_ON_WRITE, 0, 0, false},
    {"pool scan", WASI_LIGHT_RESET_SCAN, 0, 0, false},
};
enum { POOLED = sizeof pooled / sizeof pooled[0] };

static subject_t *subject_of(const char *name) {
  static subject_t subjects[8];
  size_t i = 0;
  for (; subjects[i].guest.module; i++) {
    if (strcmp(subjects[i].guest.name, name) == 0) return &subjects[i];
  }
  if (i + 1 == sizeof subjects / sizeof subjects[0]) fail(name, "too many guests");
  subjects[i].bare = bare_new(engine, name, false);
  if (bare_has_raw()) subjects[i].bare_raw = bare_new(engine, name, true);
  subjects[i].guest = new_guest(engine, name);
  return &subjects[i];
}

static void measure_guest(const char *name) {
  subject_t *subject = subject_of(name);
  const guest_t *guest = &subject->guest;
  bench_print(name, "none", "bare", bench_measure(bare_run, &subject->bare));
  if (subject->bare_raw.module) bench_print(name, "none", "bare raw", bench_measure(bare_run, &subject->bare_raw));
  for (size_t i = 0; i < BENCH_CALLS; i++) {
    job_t job = {.guest = guest, .call = &bench_calls[i]};
    if (!bench_has_call(name, job.call)) continue;
    job.func = wasi_light_module_func(guest->module, job.call->export_name);
    if (!job.func) fail(name, "has no such export");
    job.config = job.call->captured ? capturing : quiet;
    bench_print(name, job.call->name, "fresh", bench_measure(run_fresh, &job));
    for (size_t w = 0; w < POOLED; w++) {
      job.pool = new_pool(guest->module, job.config, &pooled[w]);
      if (!job.pool) continue;
      bench_print(name, job.call->name, pooled[w].name, bench_measure(run_pooled, &job));
      delete_pool(job.pool, name);
    }
  }
}

static void measure_group(const char *group) {
  if (bench_is_guest(group)) measure_guest(group);
}

int main(void) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  quiet = new_quiet_config();
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CAPTURE, .capture_size = BENCH_CAPTURE};
  capturing = new_config(&options);
  engine = wasm_engine_new();
  if (!engine) fail("engine", "cannot be started");
  printf("# wasi-light %s on Wasmer %s\n", wasi_light_version(), wasmer_version());
  printf("# environment of one instance: %zu bytes; with %d bytes for captured output: %zu\n",
         wasi_light_env_bytes(quiet), BENCH_CAPTURE, wasi_light_env_bytes(capturing));
  bench_serve(measure_group);
  return EXIT_SUCCESS;
}
