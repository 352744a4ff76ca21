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
declare -A sound # what is proved without a bug

# changed_line PATCH: the first, as the file has it afterwards.
changed_line() {
  awk '/^@@/ { split($3, at, /[+,]/); line = at[2]; next } line && /^ / { line++ } line && /^[-+]/ { print line; exit }' "$1"
}
# function_at FILE LINE: the function that the line is in.
function_at() {
  awk -v last="$2" 'NR > last { exit } /^[a-z].*\(/ && !/;$/ { sub(/\(.*/, ""); name = $NF; sub(/^\*+/, "", name) } END { print name }' "$1"
}
prove() { WP_TIMEOUT=${WP_TIMEOUT:-5} "$out/copy/proof/wp.sh" -m "$prove" >"$out/log" 2>&1; }

for name in "${names[@]}"; do
  file=$(sed -n 's|^+++ b/||p' "proof/mutants/$name.patch")
  prove=$file
  [ "${file##*.}" = c ] || prove=src/core/args.c # the helpers in headers are proved with it
  if ! grep -q "^$prove " proof/wp.goals; then
    passed_over=$((passed_over + 1)) && echo "$name: $prove is not proved by WP" && continue
  fi
  rm -rf "$out/copy" && mkdir "$out/copy" && cp -r include src proof "$out/copy"
  patch -s -d "$out/copy" -p1 <"proof/mutants/$name.patch"
  # Each function is proved by the contracts of those that it calls: a bug leaves a goal in the function that has it. Only
  # where that is none, or proves it all the same, the whole file is asked.
  guilty=$(function_at "$out/copy/$file" "$(changed_line "proof/mutants/$name.patch")")
  if sed -n 's/^- \([^:]*\):.*/ \1 /p' proof/wp.goals | grep -q " $guilty "; then
    passed_over=$((passed_over + 1)) && echo "$name: $guilty is not proved by WP" && continue
  fi
  WP_FCT=$guilty prove || true
  grep -q " LEFT$" "$out/log" || { guilty= && prove || true; }
  if grep -q "Frama-C warned\|frama-c failed" "$out/log"; then
    survived=$((survived + 1)) && echo "$name: DID NOT RUN" && tail -n 5 "$out/log"
  elif grep -q " LEFT$" "$out/log"; then
    echo "$name: caught in$(sed -n 's/^src[^ ]* *\([^ ]*\) .* LEFT$/ \1/p' "$out/log" | tr -d '\n')"
  else
    survived=$((survived + 1)) && echo "$name: SURVIVED"
  fi
  # A goal may also be left because the machine is slow: without the bug there must be none.
  [ -z "${sound[$prove $guilty]-}" ] || continue
  cp "$file" "$out/copy/$file"
  if WP_FCT=$guilty prove; then sound[$prove $guilty]=1
  else survived=$((survived + 1)) && echo "$name: NOT PROVED WITHOUT IT: ${guilty:-$prove}"
  fi
done
echo "${#names[@]} mutants, $survived survived, $passed_over passed over"
[ "$survived" = 0 ]
