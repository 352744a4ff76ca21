#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""conformance.py [--write FILE] [--patient] BUILD_FOLDER SUITE_FOLDER: runs the preview 1 programs of a checkout of
WebAssembly/wasi-testsuite, branch prod/testsuite-base, with BUILD_FOLDER/wasi-light.

Programs whose specification gives them a folder cannot pass here; they must end all the same, by themselves and with a
message of their own. The others must do what their specification says. One line for each and a summary; fails if one
does not behave. --write also puts the result into FILE, for docs/conformance.md.
"""

import argparse
import dataclasses
import json
import pathlib
import subprocess
import sys

HOME = pathlib.Path(__file__).resolve().parent.parent
GUEST = HOME / "guests/built/conformance.wasm"
LANGUAGES = {"assemblyscript": "AssemblyScript", "c": "C", "rust": "Rust"}
TIMEOUT = 60  # seconds; each takes well under one
TRAP = 134

# The one that works for minutes before it says that there is no folder, which is its loop and no hang: it is stopped
# after a few seconds, unless --patient is given.
SLOW = "path_open_preopen"
SLOW_REASON = "asks all 2^31 descriptors whether they are one; stopped"
IMPATIENT, PATIENT = 5, 3600

# Which checks of guests/conformance.c cover what a program checks.
OWN_CHECKS = {
    "args_get-multiple-arguments": ["arguments: args_get gives them in order"],
    "args_sizes_get-multiple-arguments": ["arguments: args_sizes_get counts all"],
    "args_sizes_get-no-arguments": ["no-arguments: args_sizes_get counts the name only"],
    "big_random_buf": ["random: random_get of 1024 bytes"],
    "clock_getres-monotonic": ["clocks: clock_res_get of the monotonic clock"],
    "clock_getres-realtime": ["clocks: clock_res_get of the realtime clock"],
    "clock_gettime-monotonic": ["clocks: the monotonic clock never goes back"],
    "clock_gettime-realtime": ["clocks: clock_time_get of the realtime clock"],
    "clock_time_get": ["clocks: clock_time_get with any precision"],
    "environ_get-multiple-variables": ["variables: environ_get gives them in order"],
    "environ_sizes_get-multiple-variables": ["variables: environ_sizes_get counts all"],
    "environ_sizes_get-no-variables": ["no-variables: environ_sizes_get counts none"],
    "fd_write-to-invalid-fd": ["descriptors: fd_write to no descriptor is BADF"],
    "fd_write-to-stdout": ["stdout: fd_write writes all and says how much"],
    "fopen-with-no-access": ["descriptors: fopen finds no file"],
    "poll_oneoff_stdio": [
        "input: poll_oneoff finds stdin ready",
        "no-input: poll_oneoff ends when the time is up",
        "output: poll_oneoff finds stdout and stderr ready",
    ],
    "proc_exit-failure": ["exit-failure: proc_exit 33"],
    "proc_exit-success": ["exit-success: proc_exit 0"],
    "random_get-non-zero-length": ["random: random_get of 32 bytes"],
    "random_get-zero-length": ["random: random_get of 0 bytes"],
    "sched_yield": ["yield: sched_yield succeeds"],
    "sock_shutdown-invalid_fd": ["descriptors: sock_shutdown of no descriptor is BADF"],
    "sock_shutdown-not_sock": ["descriptors: sock_shutdown of a stream is NOTSOCK"],
}


# ---- Specifications -------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Spec:
    """What a program is given and what it must do. Output of None is not looked at."""

    args: list = dataclasses.field(default_factory=list)
    env: dict = dataclasses.field(default_factory=dict)
    root: str = None
    exit_code: int = 0
    stdout: str = None
    stderr: str = None


RUN_KEYS = {"args", "env", "root"}
FLAT_KEYS = {field.name for field in dataclasses.fields(Spec)}


def only(keys, known, where):
    """What is not understood must not be passed over."""
    if not set(keys) <= known:
        sys.exit(f"conformance: {where}: unknown: {', '.join(sorted(set(keys) - known))}")


def read_spec(path):
    """The suite has two formats: all in one object, and a list of operations."""
    if not path.exists():
        return Spec()
    content = json.loads(path.read_text(encoding="utf-8"))
    if "operations" not in content:
        only(content, FLAT_KEYS, path)
        return Spec(**content)
    only(content, {"operations"}, path)
    spec = Spec()
    for operation in content["operations"]:
        kind = operation.pop("type", None)
        if kind == "run":
            only(operation, RUN_KEYS, path)
            spec = dataclasses.replace(spec, **operation)
        elif kind == "wait":
            only(operation, {"exit_code"}, path)
            spec.exit_code = operation.get("exit_code", 0)
        elif kind == "read":
            only(operation, {"id", "payload"}, path)
            stream = operation.get("id", "stdout")
            only([stream], {"stdout", "stderr"}, path)
            setattr(spec, stream, operation.get("payload", ""))
        else:
            sys.exit(f"conformance: {path}: unknown operation: {kind}")
    return spec


# ---- Running --------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class End:
    """How a program ended. A status of None: it was stopped. A negative one is a signal that it got otherwise."""

    status: int
    stdout: str = ""
    stderr: str = ""


def run(program, path, spec, seconds):
    command = [program, "run"]
    for name, value in spec.env.items():
        command += ["--env", f"{name}={value}"]
    command += [path] + spec.args
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, encoding="utf-8", errors="replace") as process:
        try:
            stdout, stderr = process.communicate(timeout=seconds)
            return End(process.returncode, stdout, stderr)
        except subprocess.TimeoutExpired:
            process.kill()
            return End(None, *process.communicate())


def say_status(status):
    return "did not end" if status is None else f"signal {-status}" if status < 0 else f"status {status}"


def check_end(spec, end):
    """What is wrong with the end of a program that can pass."""
    wrong = []
    if end.status != spec.exit_code:
        wrong.append(f"{say_status(end.status)}, expected {spec.exit_code}")
    for stream in "stdout", "stderr":
        got, expected = getattr(end, stream), getattr(spec, stream)
        if expected is not None and got != expected:
            wrong.append(f"{stream} is {got!r}, expected {expected!r}")
    if wrong and end.stderr:
        wrong.append(f"on stderr: {end.stderr.strip()!r}")
    return wrong


def check_refusal(name, end):
    """How a program that cannot pass ended, and what is wrong with that."""
    lines = end.stderr.splitlines()
    ours = [line for line in lines if line.startswith("wasi-light: ")]
    theirs = [line for line in lines if line not in ours]
    if end.status is None and name == SLOW:
        return SLOW_REASON, []
    if end.status == TRAP and theirs and ours and ours[0].endswith("_start trapped: unreachable"):
        return "says so and traps", []
    if end.status is not None and end.status > 0 and theirs and not ours:
        return f"says so and exits with {end.status}", []
    return "", [f"{say_status(end.status)}, and no message of its own; on stderr: {end.stderr.strip()!r}"]


@dataclasses.dataclass
class Result:
    name: str
    language: str
    can: bool
    how: str = ""
    said: str = ""
    wrong: list = dataclasses.field(default_factory=list)


def run_one(program, path, language, patient):
    spec = read_spec(path.with_suffix(".json"))
    result = Result(path.stem, language, spec.root is None)
    if result.can:
        result.wrong = check_end(spec, run(program, path, spec, TIMEOUT))
        if result.name not in OWN_CHECKS:
            result.wrong.append("no check of ours is named for it (OWN_CHECKS)")
        return result
    slow = PATIENT if patient else IMPATIENT
    end = run(program, path, spec, slow if result.name == SLOW else TIMEOUT)
    result.how, result.wrong = check_refusal(result.name, end)
    result.said = (end.stderr.strip().splitlines() or [""])[0]
    return result


# ---- Reporting ------------------------------------------------------------------------------------------------------


def output_of(*command):
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8", timeout=TIMEOUT)
    return done.stdout.strip()


def suite_version(suite):
    try:
        changed = " with changes" if output_of("git", "-C", suite, "status", "--porcelain") else ""
        return output_of("git", "-C", suite, "rev-parse", "HEAD") + changed
    except (OSError, subprocess.CalledProcessError):
        return "unknown (not a git checkout)"


def table(head, rows):
    lines = [head, ["---"] * len(head)] + rows
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def document(results, version, commit):
    able = [r for r in results if r.can]
    unable = [r for r in results if not r.can]
    passed = sum(not r.wrong for r in able)
    return f"""<!-- SPDX-License-Identifier: MIT -->
# Conformance

The preview 1 programs of [WebAssembly/wasi-testsuite](https://github.com/WebAssembly/wasi-testsuite), run by the
command line. `make conformance WASI_TESTSUITE=DIR` runs a checkout of its branch `prod/testsuite-base` and writes this
file.

- suite: commit `{commit}`
- host: {version}
- {passed} of {len(able)} programs that need no filesystem pass

The suite is not needed for the tests of this project: what these programs check, `guests/conformance.c` checks too,
often more strictly, and `tests/test_conformance.c` runs it.

{table(["program", "language", "verdict", "our own check"],
       [[f"`{r.name}`", r.language, "FAILED" if r.wrong else "passes",
         ", ".join(f"`{check}`" for check in OWN_CHECKS.get(r.name, []))] for r in able])}

## Programs that cannot pass

{len(unable)} programs have a `root` in their specification: a folder, which the host must open for them. Here there
are no files. Each must notice and end with a message of its own; none may hang or crash the host.

Only `{SLOW}` is not waited for: it calls `fd_prestat_get` two billion times before it gives up.
`tools/conformance.py --patient` waits for it.

{table(["program", "language", "verdict", "reason, and what it does"],
       [[f"`{r.name}`", r.language, "FAILED" if r.wrong else "cannot", f"needs a folder: {r.how}"] for r in unable])}
"""


def own_checks_missing(program):
    there = output_of(program, "run", GUEST, "list").splitlines()
    return sorted({check for checks in OWN_CHECKS.values() for check in checks} - set(there))


def find_programs(suite):
    found = [(path, name) for folder, name in LANGUAGES.items()
             for path in sorted((suite / "tests" / folder / "testsuite/wasm32-wasip1").glob("*.wasm"))]
    if not found:
        sys.exit(f"conformance: {suite} has no programs for wasm32-wasip1: is it a checkout of the branch "
                 "prod/testsuite-base of WebAssembly/wasi-testsuite?")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, metavar="BUILD_FOLDER")
    parser.add_argument("suite", type=pathlib.Path, metavar="SUITE_FOLDER")
    parser.add_argument("--write", type=pathlib.Path, metavar="FILE", help="write the result as Markdown")
    parser.add_argument("--patient", action="store_true", help="wait for what takes many minutes, too")
    options = parser.parse_args()
    program = options.build / "wasi-light"

    results = []
    for path, language in find_programs(options.suite):
        result = run_one(program, path, language, options.patient)
        results.append(result)
        verdict = "FAILED" if result.wrong else "passes" if result.can else "cannot"
        how = "; ".join(result.wrong) or " ".join(filter(None, [result.how, result.said and f"({result.said})"]))
        print(f"{verdict}  {result.language}: {result.name}{': ' if how else ''}{how}", flush=True)

    able = [r for r in results if r.can]
    gone = sorted(set(OWN_CHECKS) - {r.name for r in able})
    errors = [f"the suite has no {name} any more that needs no filesystem (OWN_CHECKS)" for name in gone]
    errors += [f"{GUEST.name} has no check named {name} (OWN_CHECKS)" for name in own_checks_missing(program)]
    failed = [r for r in results if r.wrong]
    print(f"{sum(not r.wrong for r in able)} of {len(able)} programs that need no filesystem pass; "
          f"{len(results) - len(able)} need one; {len(failed)} misbehaved")
    for error in errors:
        print(f"conformance: {error}", file=sys.stderr)
    if options.write:
        version = output_of(program, "--version")
        options.write.write_text(document(results, version, suite_version(options.suite)), encoding="utf-8")
    sys.exit(1 if failed or errors else 0)


if __name__ == "__main__":
    main()
