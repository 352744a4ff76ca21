#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mutants.sh [NAME...]: applies each deliberate bug of proof/mutants to a copy and demands that WP leaves a goal.
#
# A file without a proof (see README.md) has no mutants that WP could catch: those are passed over, and counted.
set -euo pipefail
cd "$(dirname "$0")/.."

names=("$@")
[ ${#names[@]} -gt 0 ] || mapfile -t names < <(cd proof/mutants && printf '%s\n' *.patch | sed 's/\.patch$//')
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
survived=0
passed_over=0
for name in "${names[@]}"; do
  file=$(sed -n 's|^+++ b/||p' "proof/mutants/$name.patch")
  prove=$file
  [ "${file##*.}" = c ] || prove=src/core/args.c # the helpers in headers are proved with it
  if ! grep -q "^$prove " proof/wp.goals; then
    passed_over=$((passed_over + 1)) && echo "$name: $prove is not proved by WP" && continue
  fi
  rm -rf "$out/copy" && mkdir "$out/copy" && cp -r include src proof "$out/copy"
  patch -s -d "$out/copy" -p1 <"proof/mutants/$name.patch"
  # The function around the change, as diff names it, need not be the one with a goal left: its caller may be.
  WP_TIMEOUT=${WP_TIMEOUT:-5} "$out/copy/proof/wp.sh" -m "$prove" >"$out/log" 2>&1 || true
  if grep -q "Frama-C warned\|frama-c failed" "$out/log"; then
    survived=$((survived + 1)) && echo "$name: DID NOT RUN" && tail -n 5 "$out/log"
  elif grep -q " LEFT$" "$out/log"; then
    echo "$name: caught in$(sed -n 's/^src[^ ]* *\([^ ]*\) .* LEFT$/ \1/p' "$out/log" | tr -d '\n')"
  else
    survived=$((survived + 1)) && echo "$name: SURVIVED"
  fi
done
echo "${#names[@]} mutants, $survived survived, $passed_over passed over"
[ "$survived" = 0 ]
