#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""assurance.py BUILD_FOLDER: writes docs/assurance.md.

docs/assurance.toml says what is claimed and by what it is shown. Tests are run here, in the build folder. Of a goal of
the Makefile that takes longer the output is kept in .evidence, and the goal is run if there is none: remove its file, or the
folder, to run it again. How much was fuzzed is what fuzz/run.sh has counted in .fuzz/executions.
"""
import datetime
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
EVIDENCE = ROOT / ".evidence"


def run_tests(build, names):
    """How many tests of these programs passed, and in how many seconds."""
    pattern = "^(" + "|".join(re.escape(name) for name in names) + ")$"
    done = subprocess.run(["ctest", "-V", "--no-tests=error", "-R", pattern], cwd=build, capture_output=True, text=True)
    missing = set(names) - set(re.findall(r"Test +#\d+: (\S+)", done.stdout))
    if done.returncode != 0 or missing:
        print(done.stdout[-4000:])
        sys.exit(f"assurance: tests failed, or are not there: {' '.join(sorted(missing or names))}")
    passed = sum(int(count) for count in re.findall(r"\[  PASSED  \] (\d+) test", done.stdout))
    seconds = float(re.search(r"Total Test time \(real\) = +([\d.]+)", done.stdout)[1])
    return f"{passed} tests in {seconds:.0f} s"


def output_of(command):
    """What a goal has printed, when it was run last."""
    path = EVIDENCE / re.sub(r"\W+", "-", command)
    if not path.exists():
        print(f"assurance: {command}", flush=True)
        EVIDENCE.mkdir(exist_ok=True)
        commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
        done = subprocess.run(command, shell=True, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            sys.exit(f"{done.stdout[-4000:]}\nassurance: failed: {command}")
        path.write_text(f"{datetime.date.today().isoformat()} at {commit}\n{done.stdout}")
    when, _, text = path.read_text().partition("\n")
    return when, text


def figure_of(command, pattern):
    """The last line that has the pattern; all that it matches, or its group."""
    when, text = output_of(command)
    found = re.findall(pattern, text, re.MULTILINE)
    if not found:
        sys.exit(f"assurance: {command} has not printed {pattern}")
    return f"{found[-1]} ({when})"


def claim_row(claim, build):
    evidence = claim.get("evidence", "")
    if "tests" in claim:
        figure = run_tests(build, claim["tests"])
        links = ", ".join(f"[{name}](../tests/{name}.c)" for name in claim["tests"])
        evidence = f"{evidence}: {links}" if evidence else links
    else:
        figure = figure_of(claim["run"], claim["figure"])
    return f"| {claim['claim']} | {evidence} | `{claim['run']}` | {figure} | {claim['not_covered']} |"


def fuzz_rows(told):
    """A row for each target, and how many executions there were in all."""
    counts = {}
    for line in (ROOT / ".fuzz" / "executions").read_text().splitlines():
        _, target, executions, seconds, _ = line.split(",")
        so_far = counts.get(target, (0, 0))
        counts[target] = (so_far[0] + int(executions), so_far[1] + int(seconds))
    for target, what in told.items():
        executions, seconds = counts[target]
        yield f"| [{target}](../fuzz/fuzz_{target}.c) | {what} | {executions:,} | {seconds / 3600:.1f} |"
    yield f"| all | | {sum(count[0] for count in counts.values()):,} | {sum(count[1] for count in counts.values()) / 3600:.1f} |"


def bug_rows():
    """A row for each deliberate bug: what it is, and what catches it."""
    _, text = output_of("make bugs")
    for patch in sorted((ROOT / "tests" / "bugs").glob("*.patch")):
        what = patch.read_text().splitlines()[0]
        caught = re.findall(f"^{re.escape(patch.stem)}: caught by (.*)$", text, re.MULTILINE)
        if not caught:
            sys.exit(f"assurance: nothing is known of {patch.name}: remove .evidence/make-bugs")
        yield f"| [{patch.stem}](../tests/bugs/{patch.name}) | {what} | {', '.join(f'`{how}`' for how in caught)} |"


def main():
    build = sys.argv[1]
    told = tomllib.loads((ROOT / "docs" / "assurance.toml").read_text())
    text = [
        "# Assurance",
        "",
        "Made by `make assurance` of [assurance.toml](assurance.toml) and of what the commands named here have printed last.",
        "What it means for a host is in [SECURITY.md](../SECURITY.md).",
        "",
        "| claim | evidence | run it | last figure | not covered |",
        "|---|---|---|---|---|",
        *(claim_row(claim, build) for claim in told["claim"]),
        "",
        "## What the proofs assume",
        "",
        *(f"- {line}" for line in told["assumed"]),
        "",
        "## Fuzzing",
        "",
        "`make fuzz TIME=600` runs all targets for so many seconds each, from the corpora that earlier runs have left; with"
        " AddressSanitizer and UBSan.",
        "",
        "| target | what must hold | executions | hours |",
        "|---|---|---|---|",
        *fuzz_rows(told["fuzzed"]),
        "",
        "What the corpora do not reach stands in [unreached.txt](../fuzz/unreached.txt), each with its reason, and"
        " `make fuzz-coverage` fails if there is more.",
        "",
        "## Found",
        "",
        "What the above has found in the library. All of it is mended, and where a test is named it fails without that.",
        "",
        "| what | found by | test |",
        "|---|---|---|",
        *(f"| {found['what']} | {found['by']} | {found['test']} |" for found in told["found"]),
        "",
        "## Deliberate bugs",
        "",
        "`make bugs` puts each of them into a copy of the tree. What is named passes without it and fails with it.",
        "",
        "| bug | what it is | caught by |",
        "|---|---|---|",
        *bug_rows(),
        "",
    ]
    (ROOT / "docs" / "assurance.md").write_text("\n".join(text))


main()
