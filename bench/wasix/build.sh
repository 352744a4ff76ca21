#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# build.sh FOLDER: Wasmer's C API with wasix into FOLDER/include and FOLDER/lib, of the release that engine/ pins. What
# `make differential` builds is the same library: it is taken from .conformance/wasix.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$1 built=.conformance/wasix

if [ ! -e "$built/stamp" ]; then
  echo "build: wasix cannot be built here: $(cat "$built/absent")" >&2
  exit 1
fi
field() { # field NAME REASON: of wasmer-c-api, from what cargo said
  grep "\"reason\":\"$2\"" "$built/build.json" | grep '#wasmer-c-api@' | tail -n 1 | grep -oE "\"$1\":\"[^\"]*\"" | cut -d'"' -f4
}
crate=$(dirname "$(field manifest_path compiler-artifact)")
generated=$(field out_dir build-script-executed)

rm -rf "$folder"
mkdir -p "$folder/include" "$folder/lib"
cp "$crate/wasm.h" "$generated/wasmer.h" "$folder/include"
cp "$built"/target/release/libwasmer.* "$folder/lib"
rm -f "$folder"/lib/*.d
touch "$folder/stamp"
