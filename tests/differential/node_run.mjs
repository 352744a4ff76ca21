// SPDX-License-Identifier: MIT
//
// node_run.mjs MODULE REPORT FIRST LAST: the probe's cases on Node's WASI, each in a fresh instance. Before each case
// the line `RS NUMBER` goes to stdout and stderr; after it, `NUMBER OUTCOME` is appended to REPORT.

import { appendFileSync, readFileSync, writeSync } from 'node:fs';
import { WASI } from 'node:wasi';

const [path, report, first, last] = process.argv.slice(2);
const module = new WebAssembly.Module(readFileSync(path));

function run(number) {
  const args = ['probe', String(number).padStart(4, '0')];
  const wasi = new WASI({ version: 'preview1', args, env: {}, preopens: {}, returnOnExit: true });
  const instance = new WebAssembly.Instance(module, wasi.getImportObject());
  let exited = true;
  const start = instance.exports._start;
  const exports = { memory: instance.exports.memory, _start() { start(); exited = false; } };
  try {
    const code = wasi.start({ exports });
    return exited ? `exit ${code & 255}` : 'returned';
  } catch (error) {
    return `trap ${String(error).split(/\s+/).join(' ')}`;
  }
}

for (let number = Number(first); number <= Number(last); number++) {
  for (const fd of [1, 2]) writeSync(fd, `\x1e${number}\n`);
  appendFileSync(report, `${number} ${run(number)}\n`);
}
