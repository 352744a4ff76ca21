#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# fetch.sh FOLDER [jit]: builds the peer WAMR as FOLDER/bench, from the C sources in the crate wamrx-sys: its fast
# interpreter, or its JIT, which needs LLVM 14.
set -euo pipefail
mkdir -p "$1"
folder=$(cd "$1" && pwd)
mode=${2:-interpreter}
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../crate.sh"
need clang-19 "clang 19"
need cmake "CMake"
need ninja "Ninja"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unpack_crate wamrx-sys 0.3.0 ab9efc67ebd6c574684794e3a25933c58d2ad3f1b1078830f8c779974132e0d1 "$work"
wamr=$work/wasm-micro-runtime

options=(-DCMAKE_BUILD_TYPE=Release -DWAMR_BUILD_AOT=0 -DWAMR_BUILD_LIBC_BUILTIN=0 -DWAMR_BUILD_SIMD=0)
if [ "$mode" = jit ]; then
  need llvm-config-14 "LLVM 14, Debian's llvm-14-dev"
  # LLVM's package names curl for a library that is not linked here.
  echo 'add_library(CURL::libcurl INTERFACE IMPORTED)' >"$work/curl.cmake"
  options+=(-DWAMR_BUILD_FAST_INTERP=0 -DWAMR_BUILD_JIT=1 -DWAMR_BUILD_LAZY_JIT=0
    -DLLVM_DIR="$(llvm-config-14 --cmakedir)" -DCMAKE_PROJECT_INCLUDE="$work/curl.cmake")
  way='"WAMR JIT"' description='"JIT (LLVM 14)"'
  extra=(-DJIT "-L$(llvm-config-14 --libdir)" -lLLVM-14 -lstdc++)
else
  options+=(-DWAMR_BUILD_FAST_INTERP=1)
  way='"WAMR interpreter"' description='"fast interpreter"'
  extra=()
fi

cmake -S "$wamr" -B "$work/build" -G Ninja "${options[@]}" >"$work/log" 2>&1 &&
  ninja -C "$work/build" >>"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2 && exit 1; }
clang-19 -std=c11 -D_GNU_SOURCE -O3 -Wall -Wextra -DWAY="$way" -DDESCRIPTION="$description" \
  -isystem "$wamr/core/iwasm/include" -I "$here/../.." "$here/bench.c" "$work/build/libiwasm.a" \
  "${extra[@]}" -lm -lpthread -ldl -o "$folder/bench"
