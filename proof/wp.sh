#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# wp.sh [-m] [FILE...]: proves the contracts of the core with Frama-C WP and prints what was proved for each function.
#
# Fails if a goal is left, if a function of the tables has none, if a file has fewer goals than proof/wp.goals says, or
# if Frama-C warns of anything. frama-c exits 0 with goals left: its report is read. With -m it does not look at the
# tables and minima, and WP_FCT may name the one function to be proved, for mutants.sh. Without FILE it takes all that wp.goals names. See README.md beside this.
set -euo pipefail
cd "$(dirname "$0")/.."

whole=true
[ "${1:-}" != -m ] || { whole=false && shift; }
files=("$@")
[ ${#files[@]} -gt 0 ] || mapfile -t files < <(sed -n 's/^\(src[^ ]*\) .*/\1/p' proof/wp.goals)
[ $# = 0 ] || whole=false

# Left out, each for a reason that stands in wp.goals.
left_out=$(sed -n 's/^- \([^:]*\):.*/\1/p' proof/wp.goals)
# Helpers that stand in headers are proved once, with args.c.
helpers=$(sed -n 's/^static inline .*[ *]\(p1_[a-z0-9_]*\)(.*/\1/p' src/core/p1_mem.h src/core/env.h)

[ -e "${WHY3CONFIG:-$HOME/.why3.conf}" ] || why3 config detect >/dev/null 2>&1

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
failed=0
for file in "${files[@]}"; do
  name=$(basename "$file" .c)
  skip=()
  for function in $left_out; do grep -q "^[a-z].*\b$function(.*{" "$file" && skip+=("$function"); done
  [ "$name" = args ] || ! grep -q '"env.h"' "$file" || for function in $helpers; do skip+=("$function"); done
  frama-c -no-autoload-plugins -load-module wp,rtegen -cpp-extra-args="-include proof/libc.h -Iinclude -CC" "$file" \
    -wp -wp-rte ${WP_FCT:+-wp-fct "$WP_FCT"} ${skip:+-wp-skip-fct "$(IFS=, && echo "${skip[*]}")"} -wp-prover "${WP_PROVERS:-cvc4,z3}" \
    -wp-timeout "${WP_TIMEOUT:-30}" -wp-par ${WP_PAR:-1} -wp-cache none -wp-session "$out/session" -wp-warn-key pedantic-assigns=inactive -wp-no-warn-memory-model \
    -wp-report-json "$out/$name.json" >"$out/$name.log" 2>&1 || { failed=1 && echo "wp: frama-c failed on $file"; }
  if grep -v "^\[wp\] \[\|^  Z3 \|^  CVC4 " "$out/$name.log" | grep -iE -A1 "warning|error|assumed"; then
    failed=1 && echo "wp: Frama-C warned of something in $file"
  fi
  grep -A2 "^\[wp\] \[Failed\]\|^\[wp\] \[Timeout\]" "$out/$name.log" || true
done
python3 - "$whole" "$out" "${files[@]}" <<'PYTHON' || failed=1
import json, os, re, sys

whole, out, files = sys.argv[1] == "true", sys.argv[2], sys.argv[3:]
functions, failed = {}, False

def fail(text):
    global failed
    failed = True
    print("wp:", text)

minima = dict(line.split() for line in open("proof/wp.goals") if line.startswith("src/"))
for file in files:
    path = f"{out}/{os.path.basename(file)[:-2]}.json"
    report = json.load(open(path)) if os.path.exists(path) else {}
    goals = 0
    for name, parts in sorted(report.get("wp:functions", {}).items()):
        main = parts["wp:section"]["wp:main"]
        total, valid = main["total"], main.get("valid", 0)
        functions[name] = total
        goals += total
        print(f"{file:24} {name:36} {valid:4} of {total:4}" + ("" if valid == total else "  LEFT"))
        if valid != total:
            fail(f"{name}: {total - valid} goals are not proved")
    if goals == 0 or whole and goals < int(minima[file]):
        fail(f"{file}: {goals} goals, and proof/wp.goals says at least {minima.get(file, 1)}")
if whole:
    rows = re.findall(r"^P1_(?:FUNCTION|STREAM_ERRNO)\((\w+),", open("src/core/p1_functions.def").read(), re.M)
    rows = ["p1_" + row for row in rows]
    rows += re.findall(r"^P0_FUNCTION\(\w+, (\w+),", open("src/core/p0_functions.def").read(), re.M)
    left_out = re.findall(r"\w+", " ".join(re.findall(r"^- ([^:]*):", open("proof/wp.goals").read(), re.M)))
    for row in sorted(set(rows)):
        if row in left_out:
            print(f"{row} is left out: see proof/wp.goals")
        elif not functions.get(row):
            fail(f"{row} has no goals")
    print(f"{len(set(rows) - set(left_out))} of {len(set(rows))} bodies of the tables, {len(functions)} functions, {sum(functions.values())} goals")
sys.exit(failed)
PYTHON
exit $failed
