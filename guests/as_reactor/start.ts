// SPDX-License-Identifier: MIT
//
// The same plug-in built the way `asc` builds by default: what stands at top level runs in the module's start section,
// that is while it is instantiated, and no `_initialize` is exported. The shim reads the arguments there: a host that
// binds memory only after instantiation cannot serve that.

export * from "./reactor";

const squares = new Array<i32>();
for (let i = 1; i <= 10; i++) {
  squares.push(i * i);
}

/** The sum of the list that the start section made: 385. */
export function started(): i32 {
  return squares.reduce((total, square) => total + square, 0);
}
