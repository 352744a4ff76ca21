#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# valgrind.sh PROGRAM...: runs each under valgrind's memcheck; an invalid access or a leak is a failure.
set -euo pipefail

passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for program; do
  if valgrind --quiet --leak-check=full --show-leak-kinds=all --errors-for-leak-kinds=all --track-origins=yes \
    --error-exitcode=99 "$program" >"$log" 2>&1; then
    passed=$((passed + 1))
    echo "passed under valgrind: $program"
  else
    failed=$((failed + 1))
    cat "$log"
    echo "FAILED under valgrind: $program"
  fi
done
echo "valgrind: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
