// SPDX-License-Identifier: MIT
//
// A module whose start section calls WASI: it prints while it is being instantiated, when no host can have bound the
// memory that the module exports. A host without a way round that must say so.

console.log("hello from the start section");

export function add(a: i32, b: i32): i32 {
  return a + b;
}
