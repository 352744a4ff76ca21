/* SPDX-License-Identifier: MIT */
/* A guest that uses what a module can have: both starts, an allocator, host functions, WASI, more than 16 exports. */
#ifndef FAULTS_GUEST_H
#define FAULTS_GUEST_H

#include "cache_rig.h"
#include "faults.h"

#define FAULTS_GUEST                                                                                               \
  "(module"                                                                                                        \
  " (import \"wasi_snapshot_preview1\" \"random_get\" (func $random (param i32 i32) (result i32)))"                \
  " (import \"wasi_snapshot_preview1\" \"fd_write\" (func $write (param i32 i32 i32 i32) (result i32)))"           \
  " (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))"                                    \
  " (import \"env\" \"add\" (func $add (param i32 i64) (result i32)))"                                             \
  " (import \"env\" \"many\" (func $many (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i64)))"           \
  " (import \"env\" \"refuse\" (func $refuse))"                                                                    \
  " (memory (export \"memory\") 4 9)"                                                                              \
  " (table 4 funcref)"                                                                                             \
  " (global $count (mut i32) (i32.const 5))"                                                                       \
  " (global (export \"g0\") i32 (i32.const 0)) (global (export \"g1\") i32 (i32.const 1))"                         \
  " (global (export \"g2\") i32 (i32.const 2)) (global (export \"g3\") i32 (i32.const 3))"                         \
  " (global (export \"g4\") i32 (i32.const 4)) (global (export \"g5\") i32 (i32.const 5))"                         \
  " (data (i32.const 64) \"hello \") (data (i32.const 70) \"world\\n\") (data (i32.const 200000) \"far\")"         \
  " (data (i32.const 16) \"\\40\\00\\00\\00\\0c\\00\\00\\00\")"                                                    \
  " (func $start (i32.store (i32.const 128) (i32.const 1)))"                                                       \
  " (start $start)"                                                                                                \
  " (func (export \"_initialize\") (i32.store (i32.const 132) (i32.const 2)))"                                     \
  " (func (export \"allocate\") (param i32) (result i32) (i32.const 2048))"                                        \
  " (func (export \"random\") (result i32) (call $random (i32.const 4096) (i32.const 300)))"                       \
  " (func (export \"print\") (result i32) (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8)))" \
  " (func (export \"count\") (result i32)"                                                                         \
  "  (global.set $count (i32.add (global.get $count) (i32.const 1)))"                                              \
  "  (i32.store (i32.const 100000) (global.get $count)) (global.get $count))"                                      \
  " (func (export \"leave\") (call $exit (i32.const 3)) unreachable)"                                              \
  " (func (export \"add\") (param i32) (result i32) (call $add (local.get 0) (i64.const 2)))"                      \
  " (func (export \"many\") (result i64) (call $many (i32.const 1) (i32.const 1) (i32.const 1) (i32.const 1)"      \
  "  (i32.const 1) (i32.const 1) (i32.const 1) (i32.const 1) (i32.const 1) (i32.const 1)))"                        \
  " (func (export \"refuse\") (call $refuse))"                                                                     \
  " (func (export \"grow\") (result i32) (memory.grow (i32.const 1)))"                                             \
  " (func (export \"nothing\"))"                                                                                   \
  " (func (export \"spin\") (loop $again (br $again))))"

#endif
