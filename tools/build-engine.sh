#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds Wasmer's C API from engine/ into .wasmer, laid out like an installed Wasmer: include/ and lib/.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v cargo >/dev/null || {
  echo "build-engine: cargo is missing: install Rust 1.95 or newer from https://rustup.rs, or give WASMER_DIR" >&2
  exit 1
}
mkdir -p .wasmer
log=.wasmer/build.log messages=.wasmer/build.json

if [ -e .wasmer/target/release/libwasmer.so ]; then
  echo "Checking the engine in .wasmer (at once if it is up to date, else about 10 minutes; log: $log)"
else
  echo "Building the engine, Wasmer's C API, into .wasmer: 7 to 10 minutes on 2 cores, once (log: $log)"
fi

# The build script of wasmer-c-api insists on a target folder called `target`. --target-dir also wins over
# CARGO_TARGET_DIR. cargo runs inside engine/ because that is where it looks for configuration.
if ! (cd engine && cargo build --release --locked --target-dir ../.wasmer/target --message-format=json) \
  >"$messages" 2>"$log"; then
  tail -n 30 "$log" >&2
  echo "build-engine: cargo failed; all it said is in $log" >&2
  exit 1
fi

# field KEY REASON PACKAGE: the value of KEY, a string or a list of strings one a line, in the JSON message
# (one a line) of cargo about PACKAGE.
field() {
  grep "\"reason\":\"$2\"" "$messages" | grep "$3@" | tail -n 1 |
    grep -oE "\"$1\":(\"[^\"]*\"|\[[^]]*\])" | sed 's/^"[^"]*"://' | grep -o '"[^"]*"' | tr -d '"'
}
crate=$(dirname "$(field manifest_path compiler-artifact '#wasmer-c-api')")
generated=$(field out_dir build-script-executed '#wasmer-c-api')

# Renames each file into place, so that a running program keeps the library that it has.
put() {
  install -D -m 644 "$1" "$2/.new"
  mv -f "$2/.new" "$2/$(basename "$1")"
}
put "$crate/wasm.h" .wasmer/include
put "$generated/wasmer.h" .wasmer/include
field filenames compiler-artifact '#wasi-light-engine' | grep 'libwasmer\.' | while read -r library; do
  put "$library" .wasmer/lib
done
touch .wasmer/stamp
