#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py [--rounds N] [--minutes M] [--docs] [BUILD_FOLDER]: runs the benchmark and reports it.

All programs that README.md names stay alive for the whole run and take turns, group by group, round by round. After 10 rounds
and M minutes no other round begins. The tables, the CSV of all figures and the plots go to BUILD_FOLDER/bench/results;
--docs also puts them into docs/. Here is the running; report.py has the statistics, tables and plots.
"""

import argparse
import csv
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time

import report

LEAST_ROUNDS = 10
PATIENCE = 60  # seconds for one group of one program


class Program:
    """A benchmark program that waits for the names of groups. `problem` is why it is out, or None."""

    def __init__(self, path, stock=False):
        self.name, self.stock, self.problem = str(path), stock, None
        self.head = []
        try:
            self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.head = [line[2:] for line in self.lines() if line.startswith("# ")]
        except (OSError, RuntimeError) as error:
            self.problem = str(error)

    def lines(self):
        """What it says until `end`, all at once. A program that hangs is ended."""
        watch = threading.Timer(PATIENCE, self.process.kill)
        watch.start()
        said = []
        try:
            for line in self.process.stdout:
                if line == "end\n":
                    return said
                said.append(line.rstrip("\n"))
        finally:
            watch.cancel()
        raise RuntimeError(f"it ended with status {self.process.wait()}")

    def way(self, way):
        """Of the same programs with Wasmer as published only what differs counts."""
        if not self.stock:
            return way
        return f"{way} stock" if way in ("wasi-light", "fresh", "pool") else None

    def measure(self, group):
        if self.problem:
            return
        try:
            self.process.stdin.write(group + "\n")
            self.process.stdin.flush()
            for row in csv.reader(self.lines()):
                if way := self.way(row[2]):
                    yield (row[0], row[1], way), float(row[3])
        except (OSError, RuntimeError, ValueError, IndexError) as error:
            self.problem = f"group {group}: {error}"
            self.process.kill()

    def stop(self):
        if not self.problem or hasattr(self, "process"):
            self.process.stdin.close()
            self.process.wait()


def find_programs(build):
    """Only what has a source here: a build folder may have older programs."""
    sources = [path.stem for path in pathlib.Path("bench").glob("*.c") if not path.stem.endswith("_check")]
    sources += [f"{path.parent.name}_{path.stem}" for path in pathlib.Path("bench").glob("*/*.c")]
    runnable = lambda path: path.is_file() and os.access(path, os.X_OK)
    own = [path for name in sorted(sources) if runnable(path := build / "bench" / name)]
    stock = [path for name in ("calls", "instances") if runnable(path := pathlib.Path(f"{build}-stock/bench") / name)]
    peers = [path for path in sorted(pathlib.Path(".bench").glob("*/bench")) if runnable(path)]
    return [Program(path.resolve(), path in stock) for path in own + stock + peers]


def run(programs, rounds, minutes):
    """({(group, call, way): [figure of each round]}, rounds made). Every other round goes in reverse order."""
    figures, begin, took = {}, time.monotonic(), {}
    for number in range(rounds):
        if number >= LEAST_ROUNDS and time.monotonic() - begin > minutes * 60:
            rounds = number
            break
        order = -1 if number % 2 else 1
        for group in report.GROUPS[::order]:
            for program in programs[::order]:
                start = time.monotonic()
                for key, figure in program.measure(group):
                    figures.setdefault(key, []).append(figure)
                key = (os.path.relpath(program.name), group)
                took[key] = took.get(key, 0) + time.monotonic() - start
        print(f"\rround {number + 1} of {rounds}, {time.monotonic() - begin:.0f} s", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    slowest = sorted(took.items(), key=lambda item: -item[1])[:5]
    print("longest: " + "; ".join(f"{p} {g} {s:.0f} s" for (p, g), s in slowest), file=sys.stderr)
    return {key: values for key, values in figures.items() if len(values) == rounds}, rounds


def write_csv(figures, path):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["group", "call", "way", "round", "figure"])
        for (group, call, way), values in figures.items():
            writer.writerows([group, call, way, i + 1, value] for i, value in enumerate(values))


def write_docs(sections, plots):
    page = pathlib.Path("docs/performance.md")
    before, _, rest = page.read_text().partition("<!-- begin: bench/run.py --docs -->\n")
    _, _, after = rest.partition("<!-- end -->\n")
    body = "\n\n".join(f"## {title}\n\n" + "\n".join(lines) for title, lines in sections)
    page.write_text(f"{before}<!-- begin: bench/run.py --docs -->\n\n{body}\n\n<!-- end -->\n{after}")
    for path in plots:
        shutil.copy(path, page.parent)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", default="build")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--docs", action="store_true")
    options = parser.parse_args()
    if options.rounds < LEAST_ROUNDS:
        parser.error(f"fewer than {LEAST_ROUNDS} rounds say nothing")
    os.chdir(pathlib.Path(__file__).resolve().parent.parent)

    build = pathlib.Path(options.build)
    load = os.getloadavg()[0]
    library = report.measure_library(build)
    programs = find_programs(build)
    figures, rounds = run(programs, options.rounds, options.minutes)
    for program in programs:
        program.stop()

    results = build / "bench" / "results"
    results.mkdir(exist_ok=True)
    write_csv(figures, results / "performance.csv")
    figures = report.Figures(figures)
    plots = report.plots(figures, results)
    sections = report.sections(figures, library, report.head(programs, rounds, load))
    text = "\n\n".join(title + "\n" + "\n".join(lines) for title, lines in sections) + "\n"
    (results / "performance.txt").write_text(text)
    print(text)
    print(f"All of it is in {results}: performance.txt, performance.csv, " + ", ".join(path.name for path in plots))
    if options.docs:
        write_docs(sections, plots)
    for program in programs:
        if program.problem:
            print(f"run.py: left out: {os.path.relpath(program.name)}: {program.problem}", file=sys.stderr)


if __name__ == "__main__":
    main()
