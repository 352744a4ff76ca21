#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# wp.sh [-m] [FILE...]: proves the contracts of the core with Frama-C WP and prints what was proved for each function.
#
# Fails if a goal is left, if a function of the tables has none, if a file has fewer goals than proof/wp.goals says, or
# if Frama-C warns of anything. frama-c exits 0 with goals left: its report is read. With -m it does not look at the
# tables and minima, and WP_FCT may name the one function to be proved, for mutants.sh. Without FILE it takes all that wp.goals
# names. JOBS (3) files are proved at a time, by CVC4 with WP_TIMEOUT (10) seconds for a goal; what is left gets a second try
# of three times that with Z3 too, but not with -m. See README.md beside this.
set -euo pipefail
cd "$(dirname "$0")/.."

whole=true again=true
[ "${1:-}" != -m ] || { whole=false && again=false && shift; }
files=("$@")
[ ${#files[@]} -gt 0 ] || mapfile -t files < <(sed -n 's/^\(src[^ ]*\) /\1 /p' proof/wp.goals | sort -k2 -nr | cut -d' ' -f1)
[ $# = 0 ] || whole=false

# Left out, each for a reason that stands in wp.goals.
left_out=$(sed -n 's/^- \([^:]*\):.*/\1/p' proof/wp.goals)
# Helpers that stand in headers are proved once, with args.c.
helpers=$(sed -n 's/^static inline .*[ *]\(p1_[a-z0-9_]*\)(.*/\1/p' src/core/p1_mem.h src/core/env.h)

[ -e "${WHY3CONFIG:-$HOME/.why3.conf}" ] || why3 config detect >/dev/null 2>&1

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
export out left_out helpers again

# run FILE REPORT PROVERS SECONDS FUNCTIONS: Frama-C on the functions of the file, or on all but those left out.
run() {
  local skip=() function
  for function in $left_out; do grep -q "^[a-z].*\b$function(.*{" "$1" && skip+=("$function"); done
  [[ $1 == */args.c ]] || ! grep -q '"env.h"' "$1" || for function in $helpers; do skip+=("$function"); done
  frama-c -no-autoload-plugins -load-module wp,rtegen -cpp-extra-args="-include proof/libc.h -Iinclude -CC" "$1" \
    -wp -wp-rte ${5:+-wp-fct "$5"} ${skip:+-wp-skip-fct "$(IFS=, && echo "${skip[*]}")"} -wp-prover "$3" \
    -wp-no-ground -wp-no-reduce -wp-timeout "$4" -wp-par 2 -wp-cache none -wp-session "$out/$2.session" -wp-warn-key pedantic-assigns=inactive \
    -wp-no-warn-memory-model -wp-report-json "$out/$2.json" >"$out/$2.log" 2>&1 || echo "wp: frama-c failed on $1"
  # What it warns of; the progress of its provers is none of that.
  if grep -v "^\[wp\] \[\|^  Z3 \|^  CVC4 " "$out/$2.log" | grep -iE -A1 "warning|error|assumed"; then
    echo "wp: Frama-C warned of something in $1"
  fi
}

# The functions of a report with goals left.
left() {
  python3 -c 'import json, sys
functions = json.load(open(sys.argv[1]))["wp:functions"]
mains = {name: parts["wp:section"]["wp:main"] for name, parts in functions.items()}
print(",".join(name for name, main in mains.items() if main["total"] != main.get("valid", 0)))' "$1" 2>/dev/null || true
}

prove() {
  local name functions
  name=$(basename "$1" .c)
  run "$1" "$name" "${WP_PROVERS:-cvc4}" "${WP_TIMEOUT:-10}" "${WP_FCT:-}"
  functions=$(left "$out/$name.json")
  if [ -n "$functions" ] && "$again"; then
    run "$1" "$name.again" cvc4,z3 $((${WP_TIMEOUT:-10} * 3)) "$functions"
    grep -A2 "^\[wp\] \[Failed\]\|^\[wp\] \[Timeout\]" "$out/$name.again.log" || true
  fi
}
export -f run left prove

printf '%s\n' "${files[@]}" | xargs -P "${JOBS:-3}" -I{} bash -c 'prove {}' >"$out/said"
cat "$out/said"
failed=0
! grep -q "^wp: " "$out/said" || failed=1
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
    reported = {}
    for report in (path, path.replace(".json", ".again.json")):
        if os.path.exists(report):
            reported.update(json.load(open(report)).get("wp:functions", {}))
    goals = 0
    for name, parts in sorted(reported.items()):
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
