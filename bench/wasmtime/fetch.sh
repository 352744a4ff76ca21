#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# fetch.sh FOLDER: Wasmtime's C API into FOLDER/include and FOLDER/lib: the library of PyPI's package `wasmtime` and the
# headers of the crate `wasmtime-c-api-impl`, both of one release.
set -euo pipefail
version=50.0.1
folder=$1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" "wasmtime==$version"
python3 -m zipfile -e "$work"/wasmtime-*.whl "$work/wheel"
library=$(find "$work/wheel" -name '_libwasmtime.*' | head -n 1)

# cargo downloads the crate in order to print about it: there is no cargo command that only downloads one.
(cd "$work" && cargo info --quiet "wasmtime-c-api-impl@$version" >/dev/null)
crate=$(find "${CARGO_HOME:-$HOME/.cargo}/registry/src" -maxdepth 2 -name "wasmtime-c-api-impl-$version" | head -n 1)
if [ -z "$library" ] || [ -z "$crate" ]; then
  echo "fetch: Wasmtime $version has not come as expected: library '$library', headers '$crate'" >&2
  exit 1
fi

rm -rf "$folder"
mkdir -p "$folder/lib"
cp -r "$crate/include" "$folder/include"
cp "$library" "$folder/lib/libwasmtime.${library##*.}"
# CMake would make conf.h of this: what the library was built with, of which the benchmark needs these.
sed -E -e 's/^#cmakedefine (WASMTIME_FEATURE_(WASI|CRANELIFT|POOLING_ALLOCATOR|PARALLEL_COMPILATION|COMPONENT_MODEL))$/#define \1/' \
  -e '/^#cmakedefine/d' "$folder/include/wasmtime/conf.h.in" >"$folder/include/wasmtime/conf.h"
touch "$folder/stamp"
