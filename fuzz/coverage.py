#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""coverage.py BUILD_FOLDER [TARGET...]: what the corpora in .fuzz, the seeds and what was found reach of the sources that
are fuzzed, by llvm-cov. Each region that is not reached needs a reason in fuzz/unreached.txt, or this fails.

A line there is `FILE | FUNCTION or a piece of the line | reason`.
"""

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MEASURED = ["src/core/"] + [
    f"src/wasm/{name}." for name in "reader scan code rewrite audit check writer cache sha256".split()
]
CODE = 0  # the kind of a region


def run_targets(build, targets):
    """Runs each target over its inputs: the programs, and the file with what they counted."""
    programs, raw = [], []
    for target in targets:
        program = f"{build}/fuzz/replay_{target}"
        profile = f".fuzz/{target}.profraw"
        folders = [f for f in (f".fuzz/{target}/corpus", f"fuzz/found/{target}") if os.path.isdir(f)]
        environment = dict(os.environ, LLVM_PROFILE_FILE=profile)
        result = subprocess.run([program, *folders], env=environment, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            sys.exit(f"coverage: {program} failed: {result.stderr[-2000:]}")
        print(f"{target}: {result.stdout.strip()}")
        programs.append(program)
        raw.append(profile)
    merged = ".fuzz/coverage.profdata"
    subprocess.run(["llvm-profdata-19", "merge", "-o", merged, *raw], check=True)
    return programs, merged


def export(programs, merged):
    objects = [part for program in programs[1:] for part in ("-object", program)]
    command = ["llvm-cov-19", "export", "-instr-profile", merged, programs[0], *objects]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["data"][0]


def measured(path):
    """The file's name in the tree, if it is one of those that are fuzzed."""
    name = os.path.relpath(path, ROOT)
    return name if name.startswith(tuple(MEASURED)) else None


def count_regions(data):
    """How often each region ran, and its function: a macro and an inline function have theirs once."""
    counts = {}
    for function in data["functions"]:
        for line, column, end, end_column, count, file, _, kind, *_ in function["regions"]:
            name = measured(function["filenames"][file])
            if name and kind == CODE:
                key = (name, line, column, end, end_column)
                before = counts.get(key, (0, ""))[0]
                counts[key] = (before + count, function["name"].split(":")[-1])
    return counts


def unreached(counts):
    """(file, first line, function) of each region that no run came to, without those inside another."""
    outer = None
    for key in sorted(counts, key=lambda k: (k[0], k[1], k[2], -k[3], -k[4])):
        name, line, _, end, end_column = key
        count, function = counts[key]
        if count > 0 or (outer and outer[0] == name and (end, end_column) <= outer[1:]):
            continue
        outer = (name, end, end_column)
        yield name, line, function


def read_reasons():
    reasons = []
    for text in (ROOT / "fuzz/unreached.txt").read_text().splitlines():
        if text and not text.startswith("#"):
            reasons.append([part.strip() for part in text.split(" | ")])
            if len(reasons[-1]) != 3:
                sys.exit(f"coverage: fuzz/unreached.txt: expected FILE | WHAT | reason: {text}")
    return reasons


def main():
    os.chdir(ROOT)
    build, *targets = sys.argv[1:]
    targets = targets or sorted(path.stem[5:] for path in ROOT.glob("fuzz/fuzz_*.c"))
    data = export(*run_targets(build, targets))
    counts = count_regions(data)
    print(f"\n{'':28} lines              regions")
    rows = []
    for file in data["files"]:
        name = measured(file["filename"])
        regions = [count > 0 for key, (count, _) in counts.items() if key[0] == name]
        if name and regions and file["summary"]["lines"]["count"] > 0:
            lines = file["summary"]["lines"]
            rows.append((name, lines["covered"], lines["count"], sum(regions), len(regions)))
    rows.append(("all", *(sum(row[i] for row in rows) for i in range(1, 5))))
    for name, lines, all_lines, regions, all_regions in rows:
        print(f"{name:28} {lines:4} of {all_lines:4} {100 * lines / all_lines:5.1f}%", end="  ")
        print(f"{regions:4} of {all_regions:4} {100 * regions / all_regions:5.1f}%")
    reasons = read_reasons()
    used, missing = set(), 0
    print("\nNot reached:")
    for name, line, function in unreached(counts):
        text = (ROOT / name).read_text().splitlines()[line - 1].strip()
        fits = [i for i, (file, what, _) in enumerate(reasons) if file == name and (what == function or what in text)]
        used.update(fits)
        missing += not fits
        print(f"{name}:{line}: {function}: {text}\n    {reasons[fits[0]][2] if fits else 'NO REASON'}")
    for i, (file, what, _) in enumerate(reasons):
        if i not in used and any(measured(f["filename"]) == file for f in data["files"]):
            print(f"reached, and needs no reason: {file} | {what}")
    if missing:
        sys.exit(f"coverage: {missing} regions are not reached without a reason in fuzz/unreached.txt")
    _, lines, all_lines, regions, all_regions = rows[-1]
    print(f"coverage: {lines} of {all_lines} lines and {regions} of {all_regions} regions; a reason for each of the others")


if __name__ == "__main__":
    main()
