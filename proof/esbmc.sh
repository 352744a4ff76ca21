#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# esbmc.sh [NAME...]: proves each function of src/core's tables, and what they rest on, with ESBMC; prints a table.
# esbmc.sh --mutants [PATCH...]: each patch of proof/mutants is a bug, for which ESBMC has to find a counterexample.
#
# Fails unless every proof is SUCCESSFUL, and its end and an arbitrary iteration of each of its loops can be reached. Output by
# lines (lines.c) is taken by its contract. JOBS (2) run at a time, each for at most LIMIT (300) seconds of processor time.
#
# Loops are cut by hand (proof/esbmc/loops.h). ESBMC's own --k-induction is not used, as it proves what is wrong where a loop
# writes through a pointer: see proof/esbmc/unsound.c.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
jobs=${JOBS:-2}
limit=${LIMIT:-300}

# What there is to prove beside the tables: SOURCE NAME.
beside="
nofs nofs
env memory
env helpers
clock guest_time
clock advance
chacha20 chacha20_block
chacha20 seeded_bytes
stdio take_iovecs
stdio read_stream
stdio capture_bytes
stdio write_stdout
stdio write_stderr
stdio write_again
poll take_subscriptions
poll time_left
poll decide
poll wait_once
poll wait
poll wait_for_events
reader reader_fail
reader read_u8
reader read_u32
reader read_u64
reader read_s32
reader skip_leb_32
reader skip_leb_33
reader skip_leb_64
reader skip
reader more
reader read_slice
reader read_count
"
objects=" helpers " # need real objects: see model.h

# source_of FOLDER BODY: the source of src/core that defines this function.
source_of() {
  local found
  found=$(cd "$1/src/core" && grep -lE "^uint32_t $2\(" ./*.c) || { echo "esbmc: no source has $2" >&2 && return 1; }
  basename "$found" .c
}

# proofs FOLDER: SOURCE NAME of each proof. The rows of P1_STREAM_ERRNO are proved together, as nofs.
proofs() {
  local body
  grep -oE '^P1_FUNCTION\(\w+' "$1/src/core/p1_functions.def" | cut -d'(' -f2 | while read -r body; do
    echo "$(source_of "$1" "p1_$body") p1_$body"
  done
  grep -oE '^P0_FUNCTION\(\w+, p0_\w+' "$1/src/core/p0_functions.def" | sed 's/.*, //' | while read -r body; do
    echo "$(source_of "$1" "$body") $body"
  done
  echo "$beside" | sed '/^$/d'
}

# mark FOLDER: copies the sources, marked, to FOLDER/marked.
mark() {
  mkdir -p "$1/marked/platform" "$1/marked/wasm"
  cp -r "$1/src/core" "$1/marked/"
  cp "$1/src/platform/host.h" "$1/marked/platform/"
  cp "$1/src/wasm/reader.h" "$1/marked/wasm/"
  local source
  for source in core/{args,clock,random,chacha20,proc,stdio,poll,nofs,env}.c core/env.h wasm/reader.c; do
    python3 "$root/proof/esbmc/mark-loops.py" "$1/src/$source" >"$1/marked/$source"
  done
}

# check LOG OPTION...: runs ESBMC on the harness within the limits.
check() {
  local log=$1
  shift
  (ulimit -t "$limit" && exec timeout $((limit * 10)) "$esbmc" proof/esbmc/harness.c "$@") >"$log" 2>&1 || true
}

# prove FOLDER SOURCE NAME RESULT: one proof; the words of its verdict, seconds, source and name into the file RESULT.
prove() {
  local begin=$EPOCHREALTIME log=$4.log folder=core verdict
  [ "$2" != reader ] || folder=wasm
  local options=(--quiet --force-malloc-success --tuple-sym-flattener --function "prove_$3" -I "$1/marked" -I include -I proof/esbmc
    -D "PROVE_$2" -D "PROVE_SOURCE=\"$folder/$2.c\"")
  [[ $objects != *" $3 "* ]] || options+=(-D OBJECTS)
  check "$log" "${options[@]}" --overflow-check --ub-shift-check --result-only
  verdict=$(grep -oE '^VERIFICATION (SUCCESSFUL|FAILED)' "$log" | cut -d' ' -f2 || true)
  grep -q "^ERROR" "$log" && verdict=ERROR
  grep -q "no body for function [^n]" "$log" && verdict=CALLS-WHAT-HAS-NO-CONTRACT
  if [ "$verdict" = SUCCESSFUL ] && [ -z "${no_vacuity:-}" ]; then
    check "$log.vacuity" "${options[@]}" -D VACUITY --multi-property --no-pointer-check --no-bounds-check --no-div-by-zero-check
    unreached "$log.vacuity" >"$4.unreached" || verdict=VACUOUS
  fi
  printf '%s %.1f %s %s\n' "${verdict:-NOT-DECIDED}" "$(echo "$EPOCHREALTIME - $begin" | bc)" "$2" "$3" >"$4"
}

# unreached LOG: what a run with -DVACUITY has not reached of what there is to reach; fails if there is such.
unreached() {
  local there reached # claims, all of which are to fail
  there=$(grep -c "^Solving claim '0'" "$1")
  reached=$(grep -oE '^ +reached .*' "$1" | sed 's/^ *//' | sort -u)
  [[ $reached == *"reached the end"* ]] || { echo "the end" && return 1; }
  [ "$there" = "$(grep -c '^ *reached ' "$1")" ] || { echo "one of $there" && return 1; }
}

esbmc=$(tools/fetch-esbmc.sh | cut -d: -f1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export -f prove check unreached
export esbmc limit objects

# run FOLDER RESULTS SOURCE NAME...: these proofs, JOBS at a time.
run() {
  local folder=$1 results=$2
  shift 2
  mkdir -p "$results"
  mark "$folder"
  printf '%s\n' "$@" | xargs -n 2 -P "$jobs" bash -c 'prove "$0" "$2" "$3" "$1/$3"' "$folder" "$results"
}

if [ "${1-}" = --mutants ]; then
  shift
  [ $# -gt 0 ] || set -- proof/mutants/*.patch
  export no_vacuity=1
  found=0 unknown=0 failed=0
  for patch in "$@"; do
    name=$(basename "$patch" .patch)
    folder=$work/$name
    mkdir -p "$folder/results"
    cp -r src "$folder/src"
    patch -s -p1 -d "$folder" <"$patch" || { echo "does not apply: $name" && failed=1 && continue; }
    # The proofs of the sources that it changes, or of the first that rest on the header.
    changed=$(grep -oE '^\+\+\+ b/src/\S+' "$patch" | sed 's|.*/||; s|\.[ch]$||' | sort -u)
    mapfile -t list < <(proofs "$folder" | while read -r source proof; do
      [[ $source != "$changed" && ! ($changed == p1_mem && $proof == helpers) ]] || echo "$source $proof"
    done | tr ' ' '\n')
    # First those that the patch names.
    likely=() others=()
    for ((i = 0; i < ${#list[@]}; i += 2)); do
      if grep -q "${list[i + 1]#p[01]_}" "$patch"; then likely+=("${list[@]:i:2}"); else others+=("${list[@]:i:2}"); fi
    done
    [ ${#likely[@]} -eq 0 ] || run "$folder" "$folder/results" "${likely[@]}"
    if [ ${#others[@]} -gt 0 ] && ! grep -qs '^FAILED' "$folder"/results/*; then
      run "$folder" "$folder/results" "${others[@]}"
    fi
    results=$(find "$folder/results" -type f ! -name '*.*' -exec cat {} +)
    if grep -q '^FAILED' <<<"$results"; then
      echo "found        $name: $(awk '$1 == "FAILED" { print $4 }' <<<"$results" | xargs)"
      found=$((found + 1))
    elif [ ${#list[@]} -eq 0 ] || grep -qv '^SUCCESSFUL' <<<"$results"; then
      echo "not decided  $name: $(awk '$1 != "SUCCESSFUL" { print $4 }' <<<"$results" | xargs)"
      unknown=$((unknown + 1))
    else
      echo "NOT FOUND    $name"
      failed=1
    fi
  done
  echo "esbmc: $found of $# deliberate bugs found, $unknown not decided"
  exit $failed
fi

began=$EPOCHREALTIME
list=()
while read -r source name; do
  [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
  list+=("$source" "$name")
done < <(proofs .)
[ ${#list[@]} -gt 0 ] || { echo "esbmc: there is no proof of the name $*" >&2 && exit 2; }
mkdir -p "$work/results"
ln -s "$root/src" "$work/src"
run "$work" "$work/results" "${list[@]}"

failed=0
while read -r verdict seconds source name; do
  printf '%-12s %6.1f s  %-9s %s\n' "$verdict" "$seconds" "$source" "$name"
  [ "$verdict" = SUCCESSFUL ] || failed=1
done < <(find "$work/results" -type f ! -name '*.*' -exec cat {} + | sort -k3,4) >"$work/table"
cat "$work/table"
[ -z "${KEEP:-}" ] || cp -r "$work/results" "$KEEP"
echo "esbmc: $(grep -c '^SUCCESSFUL' "$work/table") of $(wc -l <"$work/table") proved, in $(echo "($EPOCHREALTIME - $began) / 1" | bc) s;" \
  "nofs stands for $(grep -c '^P1_STREAM_ERRNO(' src/core/p1_functions.def) functions"
exit $failed
