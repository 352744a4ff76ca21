/* SPDX-License-Identifier: MIT */
/* Seeds of fuzz_modules.c: small modules with each kind of section and of instruction. Included by that file alone. */
#ifndef WASI_LIGHT_MODULES_SEEDS_H
#define WASI_LIGHT_MODULES_SEEDS_H

#include <string.h>

#include "fuzz.h"
#include "wasi_light_wasm.h"

typedef struct module_seed_t {
  const char *name, *wat;
} module_seed_t;

static const module_seed_t module_seeds[] = {
    {"empty", "(module)"},
    {"types",
     "(module (type (func)) (type (func (param i32 i64 f32 f64) (result i32))) (type (func (param v128 funcref))))"},
    {"imports",
     "(module (import \"wasi_snapshot_preview1\" \"fd_write\" (func (param i32 i32 i32 i32) (result i32)))"
     "(import \"wasi_unstable\" \"proc_exit\" (func (param i32))) (import \"env\" \"log\" (func (param i32 f64)))"
     "(import \"env\" \"memory\" (memory 1 9)) (import \"env\" \"t\" (table 1 20 funcref))"
     "(import \"env\" \"g\" (global (mut i64))))"},
    {"tables", "(module (table 1 funcref) (table 2 99 externref) (elem (i32.const 0) $f) (func $f))"},
    {"table_values", "(module (table 3 funcref (ref.func $f)) (elem declare func $f) (func $f))"},
    {"elements",
     "(module (table 9 funcref) (func $f) (elem (i32.const 1) $f) (elem func $f) (elem declare func $f)"
     "(elem (table 0) (i32.const 2) func $f) (elem funcref (ref.func $f) (ref.null func))"
     "(elem (i32.const 3) funcref (ref.func $f)) (func (table.init 1 (i32.const 0) (i32.const 0) (i32.const 1)) "
     "(elem.drop 1)"
     "(table.copy (i32.const 0) (i32.const 1) (i32.const 1)) (drop (table.grow (ref.null func) (i32.const 1)))"
     "(drop (table.size)) (table.fill (i32.const 0) (ref.null func) (i32.const 1))"
     "(table.set (i32.const 0) (table.get (i32.const 1)))))"},
    {"memories", "(module (memory (export \"memory\") 1) (memory 2 70000))"},
    {"memory_shared",
     "(module (memory (export \"memory\") 1 9 shared) (func (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))"
     "(atomic.fence) (drop (memory.atomic.notify (i32.const 0) (i32.const 1)))))"},
    {"globals",
     "(module (global (mut i32) (i32.const -7)) (global i64 (i64.const 1)) (global (mut i64) (i64.const -1))"
     "(global (mut f32) (f32.const 1)) (global (mut f64) (f64.const 2)) (global (export \"g\") (mut i32) (i32.const 3))"
     "(global (mut v128) (v128.const i64x2 1 2)) (global (mut funcref) (ref.null func))"
     "(global (mut i32) (i32.add (i32.const 1) (i32.const 3))))"},
    {"globals_sum",
     "(module (import \"a\" \"b\" (global i32)) (global (mut i32) (i32.mul (global.get 0) (i32.const 3)))"
     "(global (mut i64) (i64.sub (i64.const 3) (i64.const 4))) (func (global.set 1 (global.get 0))))"},
    {"exports", "(module (func (export \"_initialize\")) (memory (export \"memory\") 1) (global (export "
                "\"wasi-light:\") (mut i32) (i32.const 1))"
                "(global (export \"wasi-light::x\") (mut i32) (i32.const 1)) (global (mut i32) (i32.const 1)) (table "
                "(export \"t\") 1 funcref))"},
    {"exports_all_prefixes",
     "(module (global (mut i32) (i32.const 1)) (func (export \"wasi-light::::::::::::::::::::::::::::::::::::x\")))"},
    {"command", "(module (func (export \"_start\")) (memory (export \"memory\") 1))"},
    {"both", "(module (func (export \"_start\")) (func (export \"_initialize\")))"},
    {"start",
     "(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32))) (memory (export \"memory\") 1)"
     "(data \"abc\") (func $s (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 3)) (data.drop 0)) (start $s))"},
    {"start_in_table", "(module (table 4 funcref) (func $s) (func $t) (elem (i32.const 0) $t $s) (start $s))"},
    {"start_in_passive",
     "(module (table 4 funcref) (func $s) (elem (i32.const 0) $s) (elem func $s) (elem (table 0) (i32.const 1) func $s)"
     "(func $t (data.drop 0)) (data \"a\") (start $t))"},
    {"start_beside_table_values",
     "(module (table 3 funcref (ref.func $f)) (elem declare func $f) (func $f) (func $s) (start $s))"},
    {"export_of_vectors", "(module (global (export \"g\") v128 (v128.const i64x2 1 2)))"},
    {"import_of_vectors", "(module (import \"a\" \"b\" (func (param v128) (result i32))))"},
    {"export_of_exceptions", "(module (func (export \"f\") (param exnref)))"},
    {"start_with_values", "(module (func $s (param i32 i64 f32 f64 i32) (result i32) (i32.const 1)) (start $s))"},
    {"start_reached",
     "(module (func $s) (start $s) (func (export \"f\") (call $s)) (data (i32.const 0) \"\") (memory 1))"},
    {"data", "(module (memory (export \"memory\") 2) (data (i32.const 16) \"one\") (data (i32.const 19) \"two\")"
             "(data (i32.const 40) \"three\") (data (i32.const 5000) \"four\") (data (i32.const 17) \"over\") (data "
             "(i32.const 30) \"in\"))"},
    {"data_names", "(module (memory 2) (data $a (i32.const 16) \"one\") (data $b (i32.const 19) \"two\") (data $c "
                   "(i32.const 70000) \"\"))"},
    {"data_computed",
     "(module (import \"a\" \"b\" (global i32)) (memory 3) (data (i32.const 0) \"zero\") (data (global.get 0) \"some\")"
     "(data (i32.const 4) \"more\") (data (i32.const 10) \"gap\") (data (i32.add (global.get 0) (i32.const 9)) \"sum\")"
     "(data (i32.const 0x2fffe) \"end\"))"},
    {"data_two_memories", "(module (memory 1) (memory 1) (data (memory 1) (i32.const 0) \"other\") (data (i32.const 0) "
                          "\"a\") (data (i32.const 1) \"b\"))"},
    {"data_count", "(module (memory 1) (data (i32.const 0) \"a\") (data (i32.const 1) \"b\") (data \"passive\")"
                   "(func (memory.copy (i32.const 0) (i32.const 1) (i32.const 2)) (memory.fill (i32.const 0) "
                   "(i32.const 1) (i32.const 2))))"},
    {"data_dropped", "(module (memory 1) (data (i32.const 0) \"a\") (data (i32.const 1) \"b\") (func (data.drop 1)))"},
    {"control",
     "(module (func $f (param i32) (result i32) (local i64 f32) (block (loop (if (local.get 0) (then (br 1)) (else "
     "(br_if 0"
     "(local.get 0))))) (br_table 0 0 0 (local.get 0))) (return (select (i32.const 1) (i32.const 2) (local.get 0))))"
     "(table 1 funcref) (func (drop (call_indirect (param i32) (result i32) (i32.const 1) (i32.const 0))) (drop (call "
     "$f (i32.const 0)))"
     "(drop (select (result i64) (i64.const 1) (i64.const 2) (i32.const 0))) (drop (ref.is_null (ref.null extern))) "
     "unreachable)"
     "(func (result i32) (return_call $f (i32.const 1))) (func (result i32) (return_call_indirect (param i32) (result "
     "i32)"
     "(i32.const 1) (i32.const 0))) (elem declare func $f) (func (drop (ref.func $f)) nop))"},
    {"numbers",
     "(module (memory 1 2) (func (local f32 f64) (i32.store offset=4000000 (i32.const 4) (i32.load8_s (i32.const 1)))"
     "(f64.store (i32.const 8) (f64.sqrt (f64.const 2.5))) (drop (i32.trunc_sat_f64_u (f64.const 1e9)))"
     "(drop (memory.grow (memory.size))) (local.set 0 (local.tee 0 (f32.const 1))) (drop (i64.extend32_s (i64.const "
     "-1)))))"},
    {"vectors",
     "(module (memory 1) (func (drop (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (v128.load (i32.const 0))"
     "(v128.const i32x4 1 2 3 4))) (v128.store16_lane 3 (i32.const 0) (i16x8.splat (i32.const 1)))"
     "(drop (i8x16.extract_lane_s 5 (v128.load8x8_s (i32.const 0)))) (drop (f32x4.relaxed_madd (v128.load32_zero "
     "(i32.const 0))"
     "(v128.const i64x2 1 2) (v128.const i64x2 1 2))) (drop (f64x2.relaxed_nmadd (v128.const i64x2 1 2)"
     "(v128.const i64x2 1 2) (v128.const i64x2 1 2)))))"},
    {"exceptions",
     "(module (tag $e (param i32)) (func (drop (block $l (result i32) (try_table (catch $e $l) (throw $e (i32.const "
     "1)))"
     "(i32.const 2)))) (func (block $l (result exnref) (try_table (catch_all_ref $l)) return) throw_ref))"},
    {"memory_two_access",
     "(module (memory 1) (memory 1) (func (i32.store 1 (i32.const 0) (i32.load 1 (i32.const 4)))))"},
    {"custom",
     "(module (@custom \"note\" \"some text\") (func $named (local $x i32)) (@custom \"producers\" \"\\00\"))"},
};

static void give_guest(fuzz_seed_t give, const char *name) {
  enum { LARGEST = 20480 };
  static uint8_t bytes[LARGEST];
  char path[1024];
  snprintf(path, sizeof path, "%s/%s.wasm", FUZZ_GUESTS, name);
  FILE *file = fopen(path, "rb");
  FUZZ_CHECK(file, "cannot read %s", path);
  size_t size = fread(bytes, 1, sizeof bytes, file);
  FUZZ_CHECK(size < sizeof bytes, "%s is too large to be a seed", path);
  fclose(file);
  give(name, bytes, size);
}

void fuzz_seeds(fuzz_seed_t give) {
  for (size_t i = 0; i < sizeof module_seeds / sizeof *module_seeds; i++) {
    wasm_byte_vec_t binary;
    wasi_light_error_t error;
    const char *wat = module_seeds[i].wat;
    FUZZ_CHECK(wasi_light_wat2wasm(wat, strlen(wat), &binary, &error), "%s: %s", module_seeds[i].name, error.message);
    give(module_seeds[i].name, binary.data, binary.size);
    wasm_byte_vec_delete(&binary);
  }
  give("component", "\0asm\x0d\0\1\0", 8);
  give_guest(give, "as_start_log");
  give_guest(give, "as_reactor");
}

#endif
