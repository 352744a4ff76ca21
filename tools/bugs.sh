#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bugs.sh WASMER [NAME...]: puts each deliberate bug of tests/bugs into a copy of the tree and sees whether it is caught.
#
# The top of NAME.patch says what the bug is, and has lines "Caught by: COMMAND". Each command must pass without the bug
# and fail with it. `build/...` is a program, which is built first, with AddressSanitizer and UBSan.
set -euo pipefail
cd "$(dirname "$0")/.."
wasmer=$(realpath "$1")
shift
names=("$@")
[ ${#names[@]} -gt 0 ] || for patch in tests/bugs/*.patch; do names+=("$(basename "$patch" .patch)"); done

# Touched, so that what an interrupted run has left is built again.
mkdir -p build-bugs/tree
git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- --create | tar --extract --touch --directory build-bugs/tree
cp guests/built/go_reactor.wasm build-bugs/tree/guests/built/
if [ -e .downloads/esbmc ]; then # or it is fetched
  mkdir -p build-bugs/tree/.downloads
  cp .downloads/esbmc build-bugs/tree/.downloads/
fi
export ASAN_OPTIONS=detect_leaks=1:use_sigaltstack=0
cd build-bugs/tree

# passes COMMAND: 0 if it does, 1 if not. A program that cannot be built ends this script.
passes() {
  local program=${1%% *}
  case $program in
    build/*) build build -DWASI_LIGHT_SANITIZE=address,undefined ;;
  esac
  bash -c "$1 || exit 1" >log 2>&1
}
build() {
  cmake -S . -B "$1" "$2" -DCMAKE_BUILD_TYPE=Debug -DWASMER_DIR="$wasmer" -DCMAKE_C_COMPILER=clang-19 -DCMAKE_CXX_COMPILER=clang++-19 >log &&
    cmake --build "$1" --target "$(basename "$program")" >log || { cat log >&2 && exit 2; }
}

failed=0 caught=0
for name in "${names[@]}"; do
  patch=tests/bugs/$name.patch
  mapfile -t commands < <(sed -n 's/^Caught by: //p' "$patch")
  [ ${#commands[@]} -gt 0 ] || { echo "bugs: $name says nothing of what catches it" >&2 && exit 2; }
  for command in "${commands[@]}"; do
    passes "$command" || { echo "bugs: fails without any bug: $command" >&2 && tail -n 20 log >&2 && exit 2; }
  done
  patch --quiet --strip=1 <"$patch"
  for command in "${commands[@]}"; do
    if passes "$command"; then
      echo "$name: NOT CAUGHT by $command"
      failed=$((failed + 1))
    else
      echo "$name: caught by $command"
      caught=$((caught + 1))
    fi
  done
  patch --quiet --strip=1 --reverse <"$patch"
done
echo "bugs: ${#names[@]} bugs, $caught ways in which they are caught, $failed failed"
[ "$failed" = 0 ]
