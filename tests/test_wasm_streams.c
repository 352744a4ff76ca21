/* SPDX-License-Identifier: MIT */
/* Stream callbacks on the engine: the host pointer and the bytes that they get, and that they stay out of their guest. */
#include "wasm_rig.h"

/* `write`: the LENGTH bytes at 64 to a descriptor; `read`: at most LENGTH bytes to 64. The number moved is at 16. */
#define GUEST                                                                                                   \
  "(module (import \"wasi_snapshot_preview1\" \"fd_write\" (func $write (param i32 i32 i32 i32) (result i32)))" \
  "(import \"wasi_snapshot_preview1\" \"fd_read\" (func $read (param i32 i32 i32 i32) (result i32)))"           \
  "(memory (export \"memory\") 1) (data (i32.const 0) \"\\40\\00\\00\\00\") (data (i32.const 64) \"plug-in\")"  \
  "(func (export \"write\") (param i32 i32) (result i32) (i32.store (i32.const 4) (local.get 1))"               \
  "  (call $write (local.get 0) (i32.const 0) (i32.const 1) (i32.const 16)))"                                   \
  "(func (export \"read\") (param i32) (result i32) (i32.store (i32.const 4) (local.get 0))"                    \
  "  (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))"                                    \
  "(func (export \"moved\") (result i32) (i32.load (i32.const 16)))"                                            \
  "(func (export \"alloc\") (param i32) (result i32) (i32.const 128))"                                          \
  "(func (export \"three\") (result i32) (i32.const 3)))"

typedef struct host_t {
  rig_t *rig;
  rig_t *other;
  char text[32]; /* what was written, with its descriptor before it */
  const uint8_t *seen;
  wasi_light_errno_t answer;
  int calls;
  wasi_light_outcome_t outcomes[2];
  wasi_light_error_t error;
  int32_t others;
} host_t;

static wasi_light_errno_t on_write(void *context, uint32_t fd, const uint8_t *bytes, size_t size) {
  host_t *host = context;
  host->calls++;
  host->seen = bytes;
  if (!host->answer) {
    size_t used = strlen(host->text);
    snprintf(host->text + used, sizeof host->text - used, "%u%.*s", fd, (int)size, (const char *)bytes);
  }
  return host->answer;
}

static wasi_light_errno_t on_read(void *context, uint8_t *buffer, size_t size, size_t *got) {
  host_t *host = context;
  host->calls++;
  host->seen = buffer;
  *got = size < 4 ? size : 4;
  memcpy(buffer, "host", *got);
  return host->answer;
}

/* Tries to enter its own guest, in each way, and another one's. */
static wasi_light_errno_t on_write_call(void *context, uint32_t fd, const uint8_t *bytes, size_t size) {
  host_t *host = context;
  wasm_val_t result = I32(0);
  host->calls++;
  host->outcomes[0] = wasi_light_call_name(host->rig->instance, "three", NO_ARGS, &result, 1);
  host->outcomes[1] =
      wasi_light_call(host->rig->instance, wasi_light_module_func(host->rig->module, "three"), NO_ARGS, &result, 1);
  wasi_light_string_in(host->rig->instance, wasi_light_module_func(host->rig->module, "alloc"), "x", 1, &host->error);
  if (host->other) wasi_light_call_name(host->other->instance, "three", NO_ARGS, &result, 1);
  host->others = result.of.i32;
  return WASI_LIGHT_ESUCCESS;
}

static wasi_light_errno_t on_read_call(void *context, uint8_t *buffer, size_t size, size_t *got) {
  *got = 0;
  return on_write_call(context, 0, buffer, size);
}

static void start(rig_t *rig, host_t *host, wasi_light_read_t read, wasi_light_write_t write) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  *host = (host_t){.rig = rig};
  options.in = (wasi_light_input_t){.mode = WASI_LIGHT_INPUT_CALLBACK, .read = read};
  options.out = (wasi_light_output_t){.mode = WASI_LIGHT_OUTPUT_CALLBACK, .write = write};
  options.err = options.out;
  rig_start_module(rig, rig_module(GUEST, NULL), &options, host);
}

static int32_t write_to(rig_t *rig, int32_t fd, int32_t length) {
  return rig_call(rig, "write", ARGS(I32(fd), I32(length))).of.i32;
}

static void test_writing(void **state) {
  rig_t rig;
  host_t host;
  start(&rig, &host, on_read, on_write);
  assert_int_equal(write_to(&rig, 1, 4), WASI_LIGHT_ESUCCESS);
  assert_ptr_equal(host.seen, wasi_light_memory(rig.instance, 64, 4)); /* guest memory itself */
  assert_int_equal(write_to(&rig, 2, 7), WASI_LIGHT_ESUCCESS);
  assert_int_equal(rig_call(&rig, "moved", NO_ARGS).of.i32, 7);
  assert_string_equal(host.text, "1plug2plug-in");
  host.answer = WASI_LIGHT_EPIPE;
  assert_int_equal(write_to(&rig, 1, 4), WASI_LIGHT_EPIPE);
  assert_int_equal(rig_call(&rig, "moved", NO_ARGS).of.i32, 7); /* nothing is written when it fails */
  assert_int_equal(host.calls, 3);
  rig_end(&rig);
}

static void test_reading(void **state) {
  rig_t rig;
  host_t host;
  start(&rig, &host, on_read, on_write);
  assert_int_equal(rig_call(&rig, "read", ARGS(I32(6))).of.i32, WASI_LIGHT_ESUCCESS);
  assert_ptr_equal(host.seen, wasi_light_memory(rig.instance, 64, 4));
  assert_int_equal(rig_call(&rig, "moved", NO_ARGS).of.i32, 4);
  assert_memory_equal(wasi_light_memory(rig.instance, 64, 7), "host-in", 7);
  host.answer = WASI_LIGHT_EIO;
  assert_int_equal(rig_call(&rig, "read", ARGS(I32(6))).of.i32, WASI_LIGHT_EIO);
  assert_int_equal(host.calls, 2);
  rig_end(&rig);
}

/* Each instance's callbacks get its own host pointer, though they share the configuration. */
static void test_the_host_pointer(void **state) {
  rig_t rigs[2];
  host_t hosts[2];
  start(&rigs[0], &hosts[0], on_read, on_write);
  hosts[1] = (host_t){.rig = &rigs[1]};
  rigs[1] = (rig_t){wasi_light_config_copy(rigs[0].config), wasi_light_module_copy(rigs[0].module), NULL};
  rigs[1].instance = wasi_light_instance_new(rigs[1].module, rigs[1].config, &hosts[1], NULL);
  assert_non_null(rigs[1].instance);
  assert_int_equal(write_to(&rigs[0], 1, 1), 0);
  assert_int_equal(write_to(&rigs[1], 2, 2), 0);
  assert_int_equal(write_to(&rigs[0], 1, 3), 0);
  assert_string_equal(hosts[0].text, "1p1plu");
  assert_string_equal(hosts[1].text, "2pl");
  wasi_light_env_set_host(wasi_light_instance_env(rigs[0].instance), &hosts[1]);
  assert_int_equal(write_to(&rigs[0], 1, 2), 0);
  assert_string_equal(hosts[1].text, "2pl1pl");
  for (int i = 0; i < 2; i++) rig_end(&rigs[i]);
}

static void assert_stayed_out(const host_t *host) {
  assert_int_equal(host->calls, 1);
  for (int i = 0; i < 2; i++) ASSERT_OUTCOME(host->outcomes[i], REFUSED, "callback");
  ASSERT_ERROR(host->error, ARGUMENT, "callback");
}

static void test_a_callback_must_not_call_its_guest(void **state) {
  rig_t rig, other;
  host_t host;
  rig_start(&other, GUEST, NULL, 0);
  start(&rig, &host, on_read_call, on_write_call);
  host.other = &other;
  assert_int_equal(write_to(&rig, 1, 4), WASI_LIGHT_ESUCCESS);
  assert_stayed_out(&host);
  assert_int_equal(host.others, 3);                             /* another guest can be called */
  assert_int_equal(rig_call(&rig, "three", NO_ARGS).of.i32, 3); /* and this one, once the callback is over */
  host.calls = 0;
  assert_int_equal(rig_call(&rig, "read", ARGS(I32(6))).of.i32, WASI_LIGHT_ESUCCESS);
  assert_stayed_out(&host);
  assert_int_equal(rig_call(&rig, "three", NO_ARGS).of.i32, 3);
  rig_end(&rig);
  rig_end(&other);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_writing),
    cmocka_unit_test(test_reading),
    cmocka_unit_test(test_the_host_pointer),
    cmocka_unit_test(test_a_callback_must_not_call_its_guest),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
