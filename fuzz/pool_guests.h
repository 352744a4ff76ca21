/* SPDX-License-Identifier: MIT */
/*
 * Guests of fuzz_pool.c. Each generated one is told by a number below POOL_GENERATED: pages of memory, how many
 * globals, a start section, _initialize, what cannot be undone. Its functions have no loops, so that any argument will
 * do. The others are plug-ins of guests/built. Modules are compiled once in a process. Included by that file alone.
 */
#ifndef WASI_LIGHT_POOL_GUESTS_H
#define WASI_LIGHT_POOL_GUESTS_H

#include <stdarg.h>
#include <string.h>

#include "fuzz.h"
#include "wasi_light_wasm.h"

enum { POOL_GENERATED = 64, POOL_GUESTS = POOL_GENERATED + 2 };

static const char *const built_guests[] = {"c_reactor", "as_reactor"};

typedef struct guest_text_t {
  char bytes[32768];
  size_t size;
} guest_text_t;

static void add_text(guest_text_t *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add_text(guest_text_t *text, const char *format, ...) {
  va_list list;
  va_start(list, format);
  int size = vsnprintf(text->bytes + text->size, sizeof text->bytes - text->size, format, list);
  va_end(list);
  FUZZ_CHECK(size >= 0 && text->size + (size_t)size < sizeof text->bytes, "%s", "the text is too long");
  text->size += (size_t)size;
}

static const char guest_imports[] =
    "(import \"wasi_snapshot_preview1\" \"fd_write\" (func $fd_write (param i32 i32 i32 i32) (result i32)))"
    "(import \"wasi_snapshot_preview1\" \"fd_read\" (func $fd_read (param i32 i32 i32 i32) (result i32)))"
    "(import \"wasi_snapshot_preview1\" \"fd_close\" (func $fd_close (param i32) (result i32)))"
    "(import \"wasi_snapshot_preview1\" \"fd_fdstat_set_flags\" (func $flags (param i32 i32) (result i32)))"
    "(import \"wasi_snapshot_preview1\" \"random_get\" (func $random_get (param i32 i32) (result i32)))"
    "(import \"wasi_snapshot_preview1\" \"clock_time_get\" (func $clock (param i32 i64 i32) (result i32)))"
    "(import \"wasi_snapshot_preview1\" \"proc_exit\" (func $proc_exit (param i32)))";

/* What changes memory, output and the environment, and the ways not to return. */
static const char guest_funcs[] =
    "(func (export \"store\") (param i32 i64) (i64.store (local.get 0) (local.get 1)))"
    "(func (export \"load\") (param i32) (result i64) (i64.load (local.get 0)))"
    "(func (export \"fill\") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2)))"
    "(func (export \"copy\") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))"
    "(func (export \"init\") (param i32 i32 i32) (memory.init $passive (local.get 0) (local.get 1) (local.get 2)))"
    "(func (export \"grow\") (param i32) (result i32) (memory.grow (i32.and (local.get 0) (i32.const 3))))"
    "(func (export \"size\") (result i32) (memory.size))"
    "(func $print (export \"print\") (param i32 i32 i32) (result i32) (i32.store (i32.const 0) (local.get 1))"
    "(i32.store (i32.const 4) (local.get 2)) (call $fd_write (local.get 0) (i32.const 0) (i32.const 1) (i32.const 8)))"
    "(func (export \"read\") (param i32) (result i32) (i32.store (i32.const 0) (local.get 0))"
    "(i32.store (i32.const 4) (i32.const 3)) (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))"
    "(func (export \"close\") (param i32) (result i32) (call $fd_close (local.get 0)))"
    "(func (export \"flags\") (param i32 i32) (result i32) (call $flags (local.get 0) (local.get 1)))"
    "(func $random (export \"random\") (param i32 i32) (result i32) (call $random_get (local.get 0) (local.get 1)))"
    "(func (export \"now\") (param i32) (result i64) (drop (call $clock (local.get 0) (i64.const 0) (i32.const 16)))"
    "(i64.load (i32.const 16)))"
    "(func (export \"exit\") (param i32) (call $proc_exit (local.get 0)))"
    "(func (export \"divide\") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))"
    "(func (export \"crash\") unreachable)"
    "(func $deep (export \"deep\") (param i32) (result i32) (i32.add (call $deep (local.get 0)) (i32.const 1)))"
    "(func (export \"call\") (param i32) (result i64) (call_indirect (result i64) (local.get 0)))"
    "(func (export \"warm\") (call $mix (i64.const 5)) (i32.store (i32.const 4096) (i32.const 77)))"
    "(func (export \"after\") (call $mix (i64.const 9)) (drop (call $random_get (i32.const 64) (i32.const 4))))";

static void add_globals(guest_text_t *text, unsigned count) {
  static const char *const types[] = {"i32", "i64", "f32", "f64"};
  static const char *const changes[] = {
      "(i32.add (i32.mul (global.get %u) (i32.const 31)) (i32.wrap_i64 (local.get 0)))",
      "(i64.add (i64.mul (global.get %u) (i64.const 31)) (local.get 0))",
      "(f32.add (global.get %u) (f32.convert_i64_s (local.get 0)))",
      "(f64.add (global.get %u) (f64.convert_i64_s (local.get 0)))",
  };
  static const char *const sums[] = {"(i64.extend_i32_s (global.get %u))", "(global.get %u)",
                                     "(i64.extend_i32_s (i32.reinterpret_f32 (global.get %u)))",
                                     "(i64.reinterpret_f64 (global.get %u))"};
  for (unsigned i = 0; i < count; i++) {
    const char *type = types[i % 4];
    if (i % 5 == 4) add_text(text, "(global (export \"g%u\") (mut %s) (%s.const %u))", i, type, type, i * 7);
    else add_text(text, "(global (mut %s) (%s.const %u))", type, type, i * 7);
  }
  add_text(text, "(func $mix (export \"mix\") (param i64)");
  for (unsigned i = 0; i < count; i++) {
    add_text(text, "(global.set %u ", i);
    add_text(text, changes[i % 4], i);
    add_text(text, ")");
  }
  add_text(text, ") (func $sum (export \"sum\") (result i64) (i64.const 0)");
  for (unsigned i = 0; i < count; i++) {
    add_text(text, "(i64.const 7) i64.rotl ");
    add_text(text, sums[i % 4], i);
    add_text(text, " i64.xor ");
  }
  add_text(text, ") (func (export \"set\") (param i32 i64 f32 f64)");
  for (unsigned i = 0; i < 4; i++) add_text(text, "(global.set %u (local.get %u))", i, i);
  add_text(text, ")");
}

/* What a reset does not undo: each alone, so that it alone keeps the guest from being recycled. */
static const char *const lasting[6] = {
    "(table.set (local.get 0) (table.get (i32.const 0)))",
    "(drop (table.grow (table.get (i32.const 0)) (local.get 0)))",
    "(table.fill (local.get 0) (table.get (i32.const 0)) (i32.const 1))",
    "(table.copy (local.get 0) (i32.const 0) (i32.const 1))",
    "(table.init $funcs (local.get 0) (i32.const 0) (i32.const 1))",
    "(data.drop $passive)",
};

static void write_guest(guest_text_t *text, unsigned number) {
  static const unsigned pages[] = {1, 2, 3, 5}; /* the best method copies three pages, and scans five */
  text->size = 0;
  add_text(text, "(module %s", guest_imports);
  add_text(text,
           "(memory (export \"memory\") %u 12) (table 3 funcref) (elem (i32.const 0) $sum) (elem $funcs func $sum)",
           pages[number & 3]);
  add_text(
      text,
      "(data (i32.const 32) \"some text\") (data (i32.const 60000) \"farther\\00off\") (data $passive \"passive\")");
  add_globals(text, number & 4 ? 40 : 4);
  add_text(text, "%s", guest_funcs);
  if (number & 8) { /* it runs before the rest, and draws bytes that every lease will have */
    add_text(
        text,
        "(func $start (drop (call $random (i32.const 100) (i32.const 20)))"
        "(drop (call $print (i32.const 1) (i32.const 32) (i32.const 4))) (call $mix (i64.const 2))) (start $start)");
  }
  if (number & 16) {
    add_text(text, "(func (export \"_initialize\") (memory.fill (i32.const 8000) (i32.const 1) (i32.const 9000))"
                   "(call $mix (i64.const 3)) (drop (call $print (i32.const 2) (i32.const 36) (i32.const 3))))");
  }
  if (number & 32) add_text(text, "(func (export \"lasting\") (param i32) %s)", lasting[number % 6]);
  add_text(text, ")");
}

static void read_guest(const char *name, wasm_byte_vec_t *bytes) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s.wasm", FUZZ_GUESTS, name);
  FILE *file = fopen(path, "rb");
  FUZZ_CHECK(file && fseek(file, 0, SEEK_END) == 0, "cannot read %s", path);
  long size = ftell(file);
  FUZZ_CHECK(size >= 0 && fseek(file, 0, SEEK_SET) == 0, "cannot read %s", path);
  wasm_byte_vec_new_uninitialized(bytes, (size_t)size);
  FUZZ_CHECK(fread(bytes->data, 1, bytes->size, file) == bytes->size, "cannot read %s", path);
  fclose(file);
}

static wasi_light_module_t *guest_module(unsigned number) {
  static wasi_light_module_t *modules[POOL_GUESTS];
  static wasm_engine_t *engine;
  static guest_text_t text;
  wasi_light_error_t error;
  wasm_byte_vec_t bytes;
  if (modules[number]) return modules[number];
  if (!engine) engine = wasm_engine_new();
  if (number >= POOL_GENERATED) {
    read_guest(built_guests[number - POOL_GENERATED], &bytes);
  } else {
    write_guest(&text, number);
    FUZZ_CHECK(wasi_light_wat2wasm(text.bytes, text.size, &bytes, &error), "%s", error.message);
  }
  modules[number] = wasi_light_module_new(engine, bytes.data, bytes.size, NULL, NULL, &error);
  FUZZ_CHECK(modules[number], "guest %u: %s", number, error.message);
  wasm_byte_vec_delete(&bytes);
  return modules[number];
}

#endif
