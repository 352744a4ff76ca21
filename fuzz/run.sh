#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# run.sh BUILD_FOLDER SECONDS [TARGET...]: fuzzes each target, or all there are, for so long, at most two at a time.
#
# The corpus of a target is in .fuzz/TARGET/corpus and grows from run to run. What a target needs of libFuzzer's options and
# of the environment stands in fuzz/TARGET.options, one a line. A line of figures is printed for each, and appended to
# .fuzz/executions. Fails if one has found something: the message names the input, and how to keep and run it.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1 seconds=$2
shift 2

# figure NAME LOG: libFuzzer's number of that name, which it prints even when it has found something.
figure() { sed -n "s/^stat::$1: *//p" "$2" | tail -n 1; }

fuzz() { # fuzz TARGET
  local target=$1 home=.fuzz/$1 began=$SECONDS status=0 line options=() variables=()
  mkdir -p "$home/corpus" "$home/seeds" "fuzz/found/$target"
  while read -r line; do
    case $line in
      -*) options+=("$line") ;;
      [A-Z]*) variables+=("$line") ;;
    esac
  done < <(cat "fuzz/$target.options" 2>/dev/null || true)
  [ ! -e "fuzz/$target.dict" ] || options+=("-dict=fuzz/$target.dict")
  touch "$home/begun"
  "$build/fuzz/replay_$target" --seeds "$home/seeds" || return 1
  env ASAN_OPTIONS=use_sigaltstack=0 UBSAN_OPTIONS=print_stacktrace=1 "${variables[@]}" \
    "$build/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="$home/found-" "${options[@]}" \
    "$home/corpus" "$home/seeds" "fuzz/found/$target" >"$home/log" 2>&1 || status=$?
  local units rate new commit took=$((SECONDS - began))
  units=$(figure number_of_executed_units "$home/log")
  rate=$(figure average_exec_per_sec "$home/log")
  new=$(figure new_units_added "$home/log")
  commit=$(git describe --always --dirty 2>/dev/null || echo unknown)
  # date, target, executions, seconds, commit
  echo "$(date -u +%Y-%m-%d),$target,${units:-0},$took,$commit" >>.fuzz/executions
  echo "fuzz: $target: ${units:-0} executions, ${rate:-0} a second, ${new:-0} new inputs"
  [ $status != 0 ] || return 0
  tail -n 60 "$home/log"
  local found
  found=$(find "$home" -name 'found-*' -newer "$home/begun" | head -n 1)
  echo "fuzz: FAILED: $target found ${found:-nothing that it could name, see $home/log}"
  [ -z "$found" ] || echo "fuzz: move it to fuzz/found/$target/NAME, and run: $build/fuzz/replay_$target $found"
  return 1
}

if [ "${1-}" = --one ]; then
  fuzz "$2"
  exit
fi
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(cd fuzz && printf '%s\n' fuzz_*.c | sed 's/fuzz_\(.*\)[.]c/\1/')
mkdir -p .fuzz
jobs=$(nproc)
printf '%s\n' "${targets[@]}" | xargs -P $((jobs < 2 ? jobs : 2)) -n 1 "$0" "$build" "$seconds" --one
