;; SPDX-License-Identifier: MIT
;; Tight loops, for what one WASI call costs. Each export takes how often to call, at least 1, and gives all errnos or-ed
;; together, which is 0 if every call succeeded. `loop` is the loop without a call.
(module
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "\00\01\00\00\20\00\00\00") ;; one buffer: 32 bytes at 256
  (data (i32.const 256) "a line of 32 bytes, newline too\0a")
  (func (export "_initialize"))
  (func (export "loop") (param $n i32) (result i32) (local $errors i32)
    (loop $next
      (local.set $errors (i32.or (local.get $errors) (i32.shr_u (local.get $n) (i32.const 31))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $errors))
  (func (export "clock_time_get") (param $n i32) (result i32) (local $errors i32)
    (loop $next
      (local.set $errors (i32.or (local.get $errors)
        (call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 0))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $errors))
  (func (export "random_get_8") (param $n i32) (result i32) (local $errors i32)
    (loop $next
      (local.set $errors (i32.or (local.get $errors)
        (call $random_get (i32.const 8) (i32.const 8))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $errors))
  (func (export "random_get_4096") (param $n i32) (result i32) (local $errors i32)
    (loop $next
      (local.set $errors (i32.or (local.get $errors)
        (call $random_get (i32.const 8192) (i32.const 4096))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $errors))
  (func (export "args_sizes_get") (param $n i32) (result i32) (local $errors i32)
    (loop $next
      (local.set $errors (i32.or (local.get $errors)
        (call $args_sizes_get (i32.const 16) (i32.const 20))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $errors))
  (func (export "args_get") (param $n i32) (result i32) (local $errors i32)
    (loop $next
      (local.set $errors (i32.or (local.get $errors)
        (call $args_get (i32.const 1024) (i32.const 2048))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $errors))
  (func (export "environ_get") (param $n i32) (result i32) (local $errors i32)
    (loop $next
      (local.set $errors (i32.or (local.get $errors)
        (call $environ_get (i32.const 3072) (i32.const 4096))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $errors))
  (func (export "fd_write") (param $n i32) (result i32) (local $errors i32)
    (loop $next
      (local.set $errors (i32.or (local.get $errors)
        (call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 24))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $errors))
  (func (export "sched_yield") (param $n i32) (result i32) (local $errors i32)
    (loop $next
      (local.set $errors (i32.or (local.get $errors)
        (call $sched_yield)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $errors)))
