#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# lint.sh BUILD_FOLDER: clang-tidy (.clang-tidy) on all that the folder compiles of ours, then cppcheck.
# Prints findings only; any finding is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
jobs=$(nproc)
findings=

mapfile -t files < <(sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$build/compile_commands.json" |
  grep -E "^$PWD/(src|cli|examples|tests|bench|tools|fuzz)/" | sort -u)

# The compile commands are the compiler's, which may know warnings that clang does not.
# "N warnings generated" counts what is suppressed in system headers.
printf '%s\n' "${files[@]}" |
  xargs -P "$jobs" -n 1 clang-tidy-19 -p "$build" --quiet --warnings-as-errors='*' \
    --extra-arg=-Wno-unknown-warning-option 2> >(grep -vE '^[0-9]+ warnings? .*generated' >&2) ||
  findings="clang-tidy"

cppcheck -j "$jobs" --quiet --std=c11 --language=c --enable=warning,performance,portability --inline-suppr \
  --error-exitcode=1 --suppress=missingIncludeSystem -D__linux__ -Iinclude -Isrc/core -Isrc/platform -Isrc/wasm -Ifuzz \
  "${files[@]}" || findings+=" cppcheck"

[ -z "$findings" ] || { echo "lint: findings of: $findings" >&2 && exit 1; }
echo "lint: ${#files[@]} files, no findings"
