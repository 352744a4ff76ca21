#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# build-wasix.sh FOLDER: Wasmer's C API with wasix, and tests/differential/wasix_run.c linked with it, in FOLDER. Where
# it cannot be built the file `absent` says why: the differential test then goes on without.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "$1"
folder=$(cd "$1" && pwd)
log=$folder/build.log messages=$folder/build.json
rm -f "$folder/stamp" "$folder/absent"

absent() {
  echo "build-wasix: $1" >&2
  echo "$1" >"$folder/absent"
  exit 0
}
command -v cargo >/dev/null || absent "there is no cargo to build it with"

echo "Building Wasmer with wasix for the differential test, into $1: 20 minutes on 2 cores, once (log: $1/build.log)"
# As tools/build-engine.sh: the target folder must be called `target`.
if ! (cd tests/differential/wasix &&
  nice -n 19 cargo build --release --locked --target-dir "$folder/target" --message-format=json) \
  >"$messages" 2>"$log"; then
  tail -n 30 "$log" >&2
  absent "cargo failed: $(grep -m 1 '^error' "$log" || echo "see $1/build.log")"
fi

field() {
  grep "\"reason\":\"$2\"" "$messages" | grep "$3@" | tail -n 1 |
    grep -oE "\"$1\":(\"[^\"]*\"|\[[^]]*\])" | sed 's/^"[^"]*"://' | grep -o '"[^"]*"' | tr -d '"'
}
crate=$(dirname "$(field manifest_path compiler-artifact '#wasmer-c-api')")
generated=$(field out_dir build-script-executed '#wasmer-c-api')
library=$(field filenames compiler-artifact '#wasi-light-wasix' | grep 'libwasmer\.' | head -n 1)
"${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -Werror -isystem "$generated" -isystem "$crate" -o "$folder/wasix_run" \
  tests/differential/wasix_run.c "$library" "-Wl,-rpath,$(dirname "$library")"
lock=tests/differential/wasix/Cargo.lock
crate_version() { grep -A 1 "^name = \"$1\"" "$lock" | sed -n 's/^version = "\(.*\)"/\1/p'; }
echo "$(crate_version wasmer-wasix), wasmer-c-api $(crate_version wasmer-c-api)" >"$folder/version"
touch "$folder/stamp"
