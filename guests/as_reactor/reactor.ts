// SPDX-License-Identifier: MIT
//
// A plug-in in AssemblyScript with @assemblyscript/wasi-shim, built as a WASI preview 1 reactor: the host calls
// `_initialize` once and then the functions exported below as often as it likes. All reactors of this folder export the
// same functions (README.md).

import {
  clockid,
  errno,
  event,
  eventtype,
  fd,
  path_open,
  poll_oneoff,
  rights,
  subscription,
  subscription_clock,
} from "@assemblyscript/wasi-shim/assembly/bindings/wasi_snapshot_preview1";

const FIRST_PREOPENED: fd = 3;

let calls = 0;
let greeting = new ArrayBuffer(0);

function randomBytes(): Uint8Array {
  const bytes = new Uint8Array(8);
  crypto.getRandomValues(bytes);
  return bytes;
}

/** Prints what this plug-in was given, and returns the number of lines. */
export function report(): i32 {
  console.log("language: AssemblyScript");
  console.log("args: " + process.argv.join(" "));
  console.log("env: " + (process.env.has("KEY1") ? process.env.get("KEY1") : "(unset)"));
  console.log("realtime: " + (Date.now() / 1000).toString());

  const first = process.hrtime();
  const second = process.hrtime();
  console.log("monotonic: " + (first != 0 && second >= first ? "ok" : "broken"));

  const bytes = randomBytes();
  let hex = "";
  for (let i = 0; i < bytes.length; i++) {
    hex += bytes[i].toString(16).padStart(2, "0");
  }
  console.log("random: " + hex);
  return 6;
}

export function add(a: i32, b: i32): i32 {
  return a + b;
}

export function count(): i32 {
  return ++calls;
}

/** 1 + 2 + ... + n, by way of a map on the heap. */
export function sum(n: i32): i64 {
  const byLastDigit = new Map<i32, Array<i64>>();
  for (let i = 1; i <= n; i++) {
    const digit = i % 10;
    if (!byLastDigit.has(digit)) byLastDigit.set(digit, []);
    byLastDigit.get(digit).push(i);
  }
  const lists = byLastDigit.values();
  let total: i64 = 0;
  for (let i = 0; i < lists.length; i++) {
    total = lists[i].reduce((so_far: i64, number) => so_far + number, total);
  }
  return total;
}

/** A Date counts milliseconds, so this is a multiple of 1,000,000. */
export function now(): i64 {
  return Date.now() * 1_000_000;
}

export function random(): i64 {
  return load<i64>(randomBytes().dataStart);
}

/** Memory into which the host can write. It stays allocated until the instance goes. */
export function alloc(size: i32): usize {
  return size > 0 ? heap.alloc(size) : 0;
}

/** The greeting is valid until the next call of greet(). */
export function greet(name: usize, length: i32): usize {
  if (name == 0 || length < 0) return 0;
  greeting = String.UTF8.encode("Hello, " + String.UTF8.decodeUnsafe(name, length) + "!", true);
  return changetype<usize>(greeting);
}

/** 0 if the file can be opened, else WASI's errno: the shim has no files, so this asks WASI itself. */
export function open_file(): i32 {
  const path = String.UTF8.encode("etc/passwd");
  const opened = new StaticArray<fd>(1);
  return path_open(
    FIRST_PREOPENED,
    0,
    changetype<usize>(path),
    path.byteLength,
    0,
    rights.FD_READ,
    0,
    0,
    changetype<usize>(opened),
  );
}

/** Returns the milliseconds that went by on the monotonic clock. The shim cannot sleep, so this asks WASI itself. */
export function sleep_ms(ms: i32): i32 {
  const start = process.hrtime();
  const wanted = new StaticArray<u8>(offsetof<subscription_clock>());
  const happened = new StaticArray<u8>(offsetof<event>());
  const number = new StaticArray<usize>(1);
  const alarm = changetype<subscription_clock>(changetype<usize>(wanted));
  alarm.type = eventtype.CLOCK;
  alarm.clock_id = clockid.MONOTONIC;
  alarm.timeout = <u64>max(ms, 0) * 1_000_000;
  poll_oneoff(
    changetype<usize>(wanted),
    changetype<usize>(happened),
    1,
    changetype<usize>(number),
  );
  return <i32>((process.hrtime() - start) / 1_000_000);
}

export function quit(code: i32): void {
  process.exit(code);
}

/** The shim prints the message on stderr and exits with 255. */
export function crash(): void {
  throw new Error("crash");
}
