#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""differential.py [OPTION...] [BUILD_FOLDER]: the probe on wasi-light and on three other hosts.

Each case of guests/probe.c runs in an instance of its own on each host, with the same arguments, no environment,
nothing preopened, an empty pipe as stdin and pipes as stdout and stderr. Every difference between a host and wasi-light
needs a verdict of docs/differential-verdicts.toml. One without a verdict is a failure, and so is a verdict that nothing
needs.

--docs writes docs/differential.md, --show prints the differences that have no verdict, --again judges the results of
the last run, and --cases REGEX runs only these.
"""

import argparse
import collections
import concurrent.futures
import fnmatch
import os
import pathlib
import pickle
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
OTHERS = ROOT / ".conformance"
PROBE = ROOT / "guests/built/probe.wasm"
VERDICTS = ROOT / "docs/differential-verdicts.toml"
REPORT = ROOT / "docs/differential.md"
WASMTIME = "50.0.1"
PATIENCE = 5  # seconds without an end of a case

Case = collections.namedtuple("Case", "number alone function name")
Run = collections.namedtuple("Run", "outcome out err")


# ---- Running --------------------------------------------------------------------------------------------------------


def spawn(command, **options):
    """A process whose stdin is a pipe that has ended. It leads a group, so that all of it can be ended."""
    end, other_end = os.pipe()
    os.close(other_end)  # before the process starts, which might look
    try:
        return subprocess.Popen(command, stdin=end, start_new_session=True, **options)
    finally:
        os.close(end)


class WasiLight:
    name, title = "wasi-light", "wasi-light"

    def __init__(self, build):
        self.program = build / "wasi-light"
        self.version = re.search(r'VERSION "(.*)"', (ROOT / "include/wasi_light.h").read_text()).group(1)
        self.cache = tempfile.mkdtemp()

    def cases(self):
        text = subprocess.run([self.program, "run", PROBE, "list"], check=True, capture_output=True, text=True).stdout
        for line in text.splitlines():
            number, alone, name = line.split(" ", 2)
            yield Case(int(number), alone == "alone", *name.split("|"))

    def run_one(self, case):
        command = [self.program, "run", "--cache", self.cache, "--argv0", "probe", PROBE, f"{case.number:04}"]
        process = spawn(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return Run("timeout", b"", b"")
        status = process.returncode
        said = re.search(rb"wasi-light: .*\n", err)
        if said:
            return Run("trap " + said.group().decode().strip(), out, err.replace(said.group(), b""))
        if status < 0:
            return Run("crash " + signal.Signals(-status).name, out, err)
        return Run(f"exit {status}", out, err)

    def run(self, cases):
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            yield from zip(cases, pool.map(self.run_one, cases))
        shutil.rmtree(self.cache)


class Other:
    """A host with a program that runs a range of cases: `COMMAND MODULE REPORT FIRST LAST`."""

    def __init__(self, name, title, version, command, **env):
        self.name, self.title, self.version, self.command = name, title, version, command
        self.env = {**os.environ, **env}

    def batch(self, first, last):
        """Runs the cases from first on, to last or to the one that ended the process: {number: Run}."""
        with tempfile.TemporaryDirectory() as folder:
            report = pathlib.Path(folder, "report")
            report.touch()
            with open(f"{folder}/out", "wb") as out, open(f"{folder}/err", "wb") as err:
                ended = self.watch([*self.command, PROBE, report, str(first), str(last)], report, out, err)
            outcomes = dict(line.split(" ", 1) for line in report.read_text().splitlines())
            text = [split(pathlib.Path(folder, stream).read_bytes()) for stream in ("out", "err")]
        runs = {}
        for number in range(first, last + 1):
            stopped = str(number) not in outcomes
            outcome = ended if stopped else outcomes[str(number)]
            runs[number] = Run(outcome, *(part.get(number, b"") for part in text))
            if stopped:
                break
        return runs

    def watch(self, command, report, out, err):
        """Waits for the process and copies what it prints; how it ended, if it did so before its time."""
        process = spawn(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            pool.submit(shutil.copyfileobj, process.stdout, out)
            pool.submit(shutil.copyfileobj, process.stderr, err)
            seen, since = 0, time.monotonic()
            while process.poll() is None:
                time.sleep(0.02)
                size = report.stat().st_size
                if size != seen:
                    seen, since = size, time.monotonic()
                elif time.monotonic() - since > PATIENCE:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                    return "timeout"
        status = process.returncode
        return f"crash {signal.Signals(-status).name}" if status < 0 else f"process ended with {status}"

    def run(self, cases):
        left = list(cases)
        while left:
            count = 1
            while not left[0].alone and count < len(left) and left[count] == left[0]._replace(
                number=left[0].number + count, function=left[count].function, name=left[count].name
            ):
                count += 1
            runs = self.batch(left[0].number, left[count - 1].number)
            for case in left[: len(runs)]:
                yield case, runs[case.number]
            left = left[len(runs) :]


def split(text):
    """What was printed after each mark `RS NUMBER`."""
    parts = text.split(b"\x1e")
    pairs = (part.split(b"\n", 1) for part in parts[1:])
    return {int(pair[0]): pair[1] for pair in pairs if len(pair) == 2}


def version_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def other_hosts():
    python = OTHERS / f"wasmtime-{WASMTIME}"
    if not python.exists():
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", python]
            + [f"wasmtime=={WASMTIME}"],
            check=True,
            env={**os.environ, "PIP_ROOT_USER_ACTION": "ignore"},
        )
    tests = ROOT / "tests/differential"
    command = [sys.executable, tests / "wasmtime_run.py"]
    yield Other("wasmtime", "Wasmtime", WASMTIME, command, PYTHONPATH=str(python))
    if shutil.which("node"):
        uvwasi = version_of("node", "-p", "process.versions.uvwasi || ''")
        version = version_of("node", "--version").lstrip("v") + (f", uvwasi {uvwasi}" if uvwasi else "")
        yield Other("node", "Node", version, ["node", tests / "node_run.mjs"], NODE_NO_WARNINGS="1")
    wasix = OTHERS / "wasix/wasix_run"
    if (OTHERS / "wasix/stamp").exists():
        yield Other("wasix", "wasix", (OTHERS / "wasix/version").read_text().strip(), [wasix])


def missing(hosts):
    names = [host.name for host in hosts]
    if "node" not in names:
        yield "Node is not in the table: there is no `node`."
    if "wasix" not in names:
        why = OTHERS / "wasix/absent"
        reason = why.read_text().strip() if why.exists() else "tools/build-wasix.sh has not been run"
        yield f"wasix is not in the table: {reason}."


# ---- Results --------------------------------------------------------------------------------------------------------


def result_of(case, run):
    """What came of a case, as one text: `ERRNO; effect`, or how the host ended it, and what else was printed."""
    line = re.compile(re.escape(f"{case.function}|{case.name}|".encode()) + rb"(.*?)\|(.*)\n")
    found = line.search(run.out) or line.search(run.err)
    parts = []
    if found:
        parts = [part.decode() for part in found.groups() if part]
    printed = [(name, line.sub(b"", text)) for name, text in (("stdout", run.out), ("stderr", run.err))]
    outcome = "exit 0" if run.outcome == "returned" else run.outcome  # one status of a process
    if not found or outcome != "exit 0":
        parts.append(ending(outcome))
        # A process that dies says why on stderr.
        printed = [pair for pair in printed if outcome.startswith(("exit", "trap"))]
    parts += [f"{name} {shortened(text)}" for name, text in printed if text]
    return "; ".join(parts)


def shortened(text):
    text = text.decode(errors="backslashreplace")
    return f'"{text}"' if len(text) < 24 else f"{len(text)} bytes"


# What the hosts say of a trap, less addresses: the first of these that is in the text.
CAUSES = [
    ("Pointer not aligned", "pointer not aligned"),
    ("Pointer out of bounds", "pointer out of bounds"),
    ("Pointer overflow", "pointer overflow"),
    ("Int conversion error", "argument too large for its type"),
    ("Invalid flag value", "invalid flag"),
    ("Invalid enum value", "invalid enum"),
]


def ending(outcome):
    if not outcome.startswith("trap"):
        return outcome
    for text, cause in CAUSES:
        if text in outcome:
            return "trap: " + cause
    return "trap: " + outcome.split("Caused by: ")[-1].removeprefix("trap ").strip()


class Verdict:
    def __init__(self, fields):
        unknown = set(fields) - {"id", "functions", "cases", "ours", "theirs", "hosts", "why"}
        if unknown or not {"id", "why", "theirs"} <= set(fields):
            sys.exit(f"differential: {VERDICTS.name}: {fields.get('id')}: unknown or missing fields {unknown}")
        self.id, self.why, self.used = fields["id"], " ".join(fields["why"].split()), 0
        self.hosts = fields.get("hosts")
        self.patterns = [listed(fields.get(key, "*")) for key in ("functions", "cases", "ours", "theirs")]

    def covers(self, case, host, ours, theirs):
        if self.hosts and host not in self.hosts:
            return False
        values = (case.function, case.name, ours, theirs)
        return all(any(fnmatch.fnmatchcase(v, p) for p in ps) for v, ps in zip(values, self.patterns))


def listed(value):
    return value if isinstance(value, list) else [value]


def judge(cases, results, hosts, verdicts):
    """Rows (function, results of all hosts, verdicts): [names of cases]."""
    rows = collections.defaultdict(list)
    for case in cases:
        ours = results["wasi-light"][case]
        all_results = [results[host.name][case] for host in hosts]
        found = []
        for host, theirs in zip(hosts, all_results):
            if theirs == ours:
                continue
            verdict = next((v for v in verdicts if v.covers(case, host.name, ours, theirs)), None)
            if verdict:
                verdict.used += 1
            found.append(verdict.id if verdict else "")
        if found:
            rows[case.function, tuple(all_results), tuple(dict.fromkeys(found))].append(case.name)
    return rows


# ---- The report -----------------------------------------------------------------------------------------------------


def cell(text):
    return text.replace("|", "\\|").replace("<", "&lt;")


def report(cases, results, hosts, verdicts, rows, absent):
    ours = results["wasi-light"]
    yield "# wasi-light and other hosts\n"
    yield (
        "Made by `make differential`. `guests/probe.c` makes every call of preview 1 with good and hostile arguments, "
        "each case in an instance of its own, with the same arguments, no environment, nothing preopened, an empty "
        "pipe as stdin and pipes as stdout and stderr. A result is the errno and what was written to memory, or "
        "`trap`, `exit`, `crash` or `timeout`. Here is every difference. Verdicts are kept in "
        "`differential-verdicts.toml`.\n"
    )
    yield f"{len(cases)} cases, on {platform.system()} {platform.machine()}:\n"
    yield "| host | version | as wasi-light | otherwise | traps | crashes and timeouts |\n|---|---|---|---|---|---|"
    for host in hosts:
        theirs = results[host.name]
        equal = sum(theirs[case] == ours[case] for case in cases)
        traps = sum(theirs[case].startswith("trap") for case in cases)
        dead = sum(bool(re.search("(^|; )(crash|timeout|process ended)", theirs[case])) for case in cases)
        yield f"| {host.title} | {host.version} | {equal} | {len(cases) - equal} | {traps} | {dead} |"
    yield from (f"\n{line}" for line in absent)
    yield "\n## Verdicts\n\n| verdict | differences | why |\n|---|---|---|"
    for verdict in verdicts:
        yield f"| {verdict.id} | {verdict.used} | {cell(verdict.why)} |"
    yield "\n## Differences\n"
    titles = [host.title for host in hosts]
    yield f"| function | case | {' | '.join(titles)} | verdict |\n|{'---|' * (len(titles) + 3)}"
    for (function, texts, found), names in rows.items():
        shown = [texts[0]] + ["same" if text == texts[0] else text for text in texts[1:]]
        verdict = "; ".join(name or "**none**" for name in found)
        yield f"| `{function}` | {cell('; '.join(names))} | {' | '.join(map(cell, shown))} | {verdict} |"


def run_all(host, cases):
    start = time.monotonic()
    runs = dict(host.run(cases))
    took = f"{time.monotonic() - start:.0f} s"
    print(f"differential: {host.title} {host.version}: {len(cases)} cases in {took}", flush=True)
    return runs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", nargs="?", default="build", type=pathlib.Path)
    parser.add_argument("--docs", action="store_true")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--cases", default="")
    options = parser.parse_args()

    light = WasiLight(options.build.resolve())
    hosts = [light, *other_hosts()]
    absent = list(missing(hosts))
    cases = [case for case in light.cases() if re.search(options.cases, f"{case.function}|{case.name}")]
    kept = options.build / "differential.pickle"
    if options.again:
        runs = pickle.loads(kept.read_bytes())
        hosts = [host for host in hosts if host.name in runs]
    else:
        runs = {host.name: run_all(host, cases) for host in hosts}
        kept.write_bytes(pickle.dumps(runs))
    results = {name: {case: result_of(case, run) for case, run in found.items()} for name, found in runs.items()}

    verdicts = [Verdict(fields) for fields in tomllib.loads(VERDICTS.read_text()).get("verdict", [])]
    rows = judge(cases, results, hosts, verdicts)
    text = "\n".join(report(cases, results, hosts, verdicts, rows, absent)) + "\n"
    (options.build / "differential.md").write_text(text)
    if options.docs and not options.cases:
        REPORT.write_text(text)
    open_rows = {row: names for row, names in rows.items() if "" in row[2]}
    stale = [verdict.id for verdict in verdicts if not verdict.used]
    if options.cases or absent:  # others may need them
        stale = []
    for (function, found, _), names in open_rows.items() if options.show else ():
        print(f"{function}: {'; '.join(names)}")
        for host, result in zip(hosts, found):
            print(f"    {host.title:11}{result if result != found[0] or host is light else '='}")
    if stale:
        print("differential: verdicts that nothing needs:", ", ".join(stale))
    print(f"differential: {len(rows)} rows of differences, {len(open_rows)} without a verdict")
    sys.exit(1 if open_rows or stale else 0)


if __name__ == "__main__":
    main()
