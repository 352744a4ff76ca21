// SPDX-License-Identifier: MIT
//
// The benchmark's peer Node, whose node:wasi is uvwasi: ../../README.md has the protocol, ../README.md what is compared.
// Left out on purpose: instances. Node 20 crashes now and then while it makes thousands of them with node:wasi.

import fs from "node:fs";
import process from "node:process";
import readline from "node:readline";
import { WASI } from "node:wasi";

const SLICES = 7;
const CALL_SLICE_NS = 1e6;
const LOOPS = ["loop", "clock_time_get", "random_get_8", "random_get_4096", "args_sizes_get", "args_get", "environ_get",
               "fd_write", "sched_yield"];

// node:wasi crashes if its object is collected while the guest still calls it: the instance does not keep it.
const kept = [];

const devNull = fs.openSync("/dev/null", "r+"); // node:wasi has no other way to discard

function write(text) {
  fs.writeSync(1, text + "\n");
}

function compile(path) {
  return new WebAssembly.Module(fs.readFileSync(path));
}

function newWasi(args, env) {
  return new WASI({ version: "preview1", args, env, stdin: devNull, stdout: devNull, stderr: devNull, returnOnExit: true });
}

function timed(body, n) {
  const start = process.hrtime.bigint();
  body(n);
  return Number(process.hrtime.bigint() - start);
}

// Nanoseconds of one of the n that body(n) does: the median of some slices, each about as long as `slice`.
function measure(slice, body) {
  let n = 1;
  while (timed(body, n) < slice / 2) n *= 2;
  const took = Array.from({ length: SLICES }, () => timed(body, n)).sort((a, b) => a - b);
  return took[SLICES >> 1] / n;
}

// ---- Loops ----

function newLoops(empty) {
  const module = compile("bench/guests/loop.wasm");
  const wasi = newWasi(["plugin", "--verbose"], { LANG: "C", HOME: "/" });
  const names = WebAssembly.Module.imports(module).map((imported) => imported.name);
  const imports = empty ? Object.fromEntries(names.map((name) => [name, () => 0])) : wasi.wasiImport;
  const instance = new WebAssembly.Instance(module, { wasi_snapshot_preview1: imports });
  wasi.initialize(instance);
  kept.push(wasi);
  return instance.exports;
}

function measureLoops(way, exports) {
  for (const name of LOOPS) {
    const ns = measure(CALL_SLICE_NS, (n) => {
      const errno = exports[name](n);
      if (errno !== 0) throw new Error(`${name} gave errno ${errno}`);
    });
    write(`calls,${name},${way},${ns.toFixed(1)}`);
  }
}

// ---- Talking to run.py ----

const wasiLoops = newLoops(false);
const emptyLoops = newLoops(true);
const { node, v8, uv } = process.versions;
write(`# Node ${node} (uvwasi on libuv ${uv}, V8 ${v8}), compiler, node:wasi with stdio on /dev/null; JavaScript host functions`);
write("end");

for await (const group of readline.createInterface({ input: process.stdin })) {
  if (group === "calls") {
    measureLoops("Node", wasiLoops);
    measureLoops("Node empty", emptyLoops);
  }
  write("end");
}
