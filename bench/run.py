#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py [--rounds N] [--docs] [BUILD_FOLDER]: runs the pool's benchmark and reports it.

The programs (BUILD_FOLDER/bench/pool and, if it was built, wasmtime_pool) stay alive for the whole run and take turns,
group by group, round by round: bench.h has the protocol. Here are the statistics, the goals, the tables, the CSV of all
figures and the plots, all in BUILD_FOLDER/bench. --docs also puts tables and plots into docs/.
"""

import argparse
import csv
import datetime
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys

GUESTS = ["c_reactor", "cpp_reactor", "rust_reactor", "zig_reactor", "go_reactor"]
GROUPS = GUESTS + ["reset"]

# Issue 4's goals: (guest, calls, numerator, denominator, at most or at least, bound).
GOALS = [
    ("c_reactor", ["count", "report"], "pool", "bare", "<=", 0.3),
    ("go_reactor", ["count", "report", "sum"], "pool", "fresh", "<=", 0.02),
    ("c_reactor", ["count", "report"], "wasmtime", "pool", ">=", 1.5),
    ("cpp_reactor", ["count", "report"], "wasmtime", "pool", ">=", 4),
    ("rust_reactor", ["count", "report"], "wasmtime", "pool", ">=", 4),
    ("go_reactor", ["count", "report", "sum"], "wasmtime", "pool", ">=", 10),
]
RESET_WAYS = ["copy", "cow", "scan", "scan keep all", "scan after 256", "scan all read"]


# ---- Running --------------------------------------------------------------------------------------------------------


class Program:
    """A benchmark program that waits for the names of groups."""

    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.head = [line[2:] for line in self.lines() if line.startswith("# ")]

    def lines(self):
        for line in self.process.stdout:
            if line == "end\n":
                return
            yield line.rstrip("\n")
        sys.exit(f"run.py: {self.process.args[0]} ended early with status {self.process.wait()}")

    def measure(self, group):
        self.process.stdin.write(group + "\n")
        self.process.stdin.flush()
        for row in csv.reader(self.lines()):
            yield tuple(row[:3]), float(row[3])

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def run(programs, rounds):
    """{(group, call, way): [nanoseconds in each round]}. Every other round goes in reverse order."""
    figures = {}
    for number in range(rounds):
        order = -1 if number % 2 else 1
        for group in GROUPS[::order]:
            for program in programs[::order]:
                for key, ns in program.measure(group):
                    figures.setdefault(key, []).append(ns)
        print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return figures


# ---- Statistics -----------------------------------------------------------------------------------------------------


def median(values):
    return statistics.median(values)


def spread(values):
    """How far apart the middle half of the rounds is, in parts of the median."""
    low, _, high = statistics.quantiles(values, n=4)
    return (high - low) / median(values)


def ratio(above, below):
    """The median of the rounds' own ratios: what slows a whole round is not seen."""
    return median([a / b for a, b in zip(above, below)])


class Figures:
    def __init__(self, figures):
        self.all = figures

    def ways(self, group, call):
        return {way: values for (g, c, way), values in self.all.items() if (g, c) == (group, call)}

    def calls(self, group):
        return list(dict.fromkeys(c for (g, c, _) in self.all if g == group and c != "none"))

    def get(self, guest, call, way):
        """`bare` is not called; `wasmtime` is the best of its pooling variants. None if it was not measured."""
        if way == "bare":
            return self.all.get((guest, "none", "bare"))
        if way == "wasmtime":
            best = self.best_wasmtime(guest, call)
            return best and self.all[(guest, call, best)]
        return self.all.get((guest, call, way))

    def best_wasmtime(self, guest, call):
        ways = {w: v for w, v in self.ways(guest, call).items() if w.startswith("wasmtime pool")}
        return min(ways, key=lambda way: median(ways[way])) if ways else None

    def ratio(self, guest, call, above, below):
        above, below = self.get(guest, call, above), self.get(guest, call, below)
        return ratio(above, below) if above and below else None

    def reset(self, group, call, way):
        """(what putting back takes in all, what give takes of it) in microseconds, or None."""
        cycle, alone, give = (self.all.get((group, call, f"{way} {what}")) for what in ("cycle", "call", "give"))
        return cycle and (median([a - b for a, b in zip(cycle, alone)]) / 1000, median(give) / 1000)


# ---- Tables ---------------------------------------------------------------------------------------------------------


def table(columns, rows):
    """As Markdown that also reads well as text. The first column is to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [columns] + rows) for i in range(len(columns))]
    line = lambda cells: "| " + " | ".join(
        cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(cells, widths))) + " |"
    rule = "|" + "|".join("-" * (width + 2) if i == 0 else "-" * (width + 1) + ":" for i, width in enumerate(widths)) + "|"
    return [line(columns), rule] + [line(row) for row in rows]


def us(ns):
    return f"{ns / 1000:,.0f}" if ns >= 1e5 else f"{ns / 1000:,.1f}" if ns >= 1e4 else f"{ns / 1000:.2f}"


def times(value):
    return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def all_rows(figures):
    rows = []
    for guest in GUESTS:
        for call in ["none"] + figures.calls(guest):
            for way, values in figures.ways(guest, call).items():
                of_bare = figures.all.get((guest, "none", "bare"))
                rows.append([f"{guest}: {call if call != 'none' else 'no call'}, {way}", us(median(values)), us(min(values)),
                             f"{100 * spread(values):.0f} %", times(ratio(values, of_bare))])
    return table(["instance made or taken, called, gone", "median us", "least us", "spread", "of bare"], rows)


def ratio_rows(figures):
    rows = []
    for guest in GUESTS:
        for call in figures.calls(guest):
            best = figures.best_wasmtime(guest, call)
            rows.append([f"{guest}: {call}"] + [us(median(v)) if (v := figures.get(guest, call, way)) else ""
                                                for way in ("bare", "fresh", "pool", "wasmtime")]
                        + [(best or "").replace("wasmtime ", "")]
                        + [times(figures.ratio(guest, call, *pair))
                           for pair in (("pool", "bare"), ("fresh", "pool"), ("wasmtime", "pool"))])
    return table(["guest: call, in us", "bare", "fresh", "pool", "Wasmtime", "its best", "pool/bare", "fresh/pool",
                  "Wasmtime/pool"], rows)


def goal_rows(figures):
    names = {"wasmtime": "Wasmtime's best"}
    rows = []
    for guest, calls, above, below, relation, bound in GOALS:
        for call in calls:
            value = figures.ratio(guest, call, above, below)
            met = value is not None and (value <= bound if relation == "<=" else value >= bound)
            rows.append([f"{guest}: {call}, {names.get(above, above)} / {below}", f"{relation} {bound}", times(value),
                         "not measured" if value is None else "met" if met else "MISSED"])
    return table(["goal", "wanted", "is", ""], rows)


def reset_points(figures):
    points = dict.fromkeys((g, c) for (g, c, _) in figures.all if g.endswith(" KiB"))
    return [(int(g.split()[0]), int(c.split()[0]), g, c) for g, c in points]


def reset_rows(figures):
    rows = []
    for kib, pages, group, call in sorted(reset_points(figures)):
        cells = (figures.reset(group, call, way) for way in RESET_WAYS)
        rows.append([f"{group}, {pages} pages written"]
                    + [f"{us(c[0] * 1000)} ({us(c[1] * 1000)})" if c else "" for c in cells])
    return table(["putting back, us in all (of it in give)"] + RESET_WAYS, rows)


# ---- Plots ----------------------------------------------------------------------------------------------------------


def plot(path, script):
    path.with_suffix(".gp").write_text(script)
    subprocess.run(["gnuplot", str(path.with_suffix(".gp"))], check=True)


def plot_reset(figures, path):
    points = sorted(reset_points(figures))

    def data(way, wanted, x):
        lines = [f"{x(kib, pages)} {cost[0]}" for kib, pages, group, call in points
                 if wanted(kib, pages) and (cost := figures.reset(group, call, way)) and cost[0] > 0]
        return "\n".join(lines)

    def panel(ways, wanted, x):
        blocks = [f"$d{i} << EOD\n{data(way, wanted, x)}\nEOD" for i, way in enumerate(ways)]
        lines = ", ".join(f'$d{i} with linespoints lw 2 pt 7 ps 0.4 lc {i + 1} title "{way}"' for i, way in enumerate(ways))
        return "\n".join(blocks) + f"\nplot {lines}\n"

    plot(path, f"""set terminal svg size 1000,460 background "white" font "sans,13" noenhanced
set output "{path}"
set multiplot layout 1,2 title "What putting an instance back takes, faults in the next call included"
set logscale xy
set grid
set key outside bottom center horizontal
set ylabel "microseconds"
set yrange [0.5:20000]
set xlabel "pages written, in 16 MiB of memory (0 is drawn at 0.5)"
set xrange [0.4:5000]
{panel(RESET_WAYS, lambda kib, pages: kib == 16384, lambda kib, pages: pages or 0.5)}
set xlabel "KiB of memory, 16 pages written"
set xrange [50:80000]
{panel(RESET_WAYS[:3], lambda kib, pages: pages == 16, lambda kib, pages: kib)}
unset multiplot
""")


def plot_instances(figures, path):
    bars = [("bare", "bare wasm_instance_new"), ("fresh", "fresh"), ("wasmtime", "Wasmtime, best pool"), ("pool", "pool")]
    bars = [(way, title) for way, title in bars if figures.get(GUESTS[0], "count", way)]
    rows = []
    for guest in GUESTS:
        values = [figures.get(guest, "count", way) for way, _ in bars]
        rows.append(f'"{guest.replace("_reactor", "")}" ' + " ".join(str(median(v) / 1000) if v else "NaN" for v in values))
    lines = ", ".join(f'$d using {i + 2}{":xtic(1)" if i == 0 else ""} title "{title}"' for i, (_, title) in enumerate(bars))
    newline = "\n"
    plot(path, f"""set terminal svg size 1000,420 background "white" font "sans,13" noenhanced
set output "{path}"
set title "A clean instance and one call of count()"
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.8
set logscale y
set yrange [0.5:20000]
set grid ytics
set ylabel "microseconds"
set key top left
$d << EOD
{newline.join(rows)}
EOD
plot {lines}
""")


# ---- The report -----------------------------------------------------------------------------------------------------


def machine():
    model = "unknown processor"
    if os.path.exists("/proc/cpuinfo"):
        found = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
        model = found.group(1) if found else platform.machine()
    pages = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled")
    huge = re.search(r"\[(.*)\]", pages.read_text()).group(1) if pages.exists() else "?"
    virtual = ", virtual" if "hypervisor" in (pathlib.Path("/proc/cpuinfo").read_text() if os.path.exists("/proc/cpuinfo") else "") else ""
    return f"{model}, {os.cpu_count()} cores{virtual}; {platform.system()} {platform.release()}; huge pages: {huge}"


def head(programs, rounds, load):
    compiler = subprocess.run([os.environ.get("CC", "cc"), "--version"], capture_output=True, text=True).stdout
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    return [
        f"{datetime.date.today()}, commit {commit or 'unknown'}",
        machine(),
        f"{compiler.splitlines()[0] if compiler else 'unknown compiler'}; {' '.join(platform.libc_ver())}",
        *(line for program in programs for line in program.head),
        f"{rounds} rounds, programs taking turns; others' load at the start: {load:.2f} of {os.cpu_count()} cores",
    ]


def sections(figures, head_lines):
    """[(title, lines)]"""
    return [
        ("The run", [f"- {line}" for line in head_lines]),
        ("Goals", goal_rows(figures)),
        ("Ratios", ratio_rows(figures)),
        ("Putting back", reset_rows(figures)),
        ("All figures", all_rows(figures)),
    ]


def write_docs(report, plots):
    page = pathlib.Path("docs/pool-benchmark.md")
    before, _, rest = page.read_text().partition("<!-- begin: bench/run.py --docs -->\n")
    _, _, after = rest.partition("<!-- end -->\n")
    body = "\n\n".join(f"## {title}\n\n" + "\n".join(lines) for title, lines in report)
    page.write_text(f"{before}<!-- begin: bench/run.py --docs -->\n\n{body}\n\n<!-- end -->\n{after}")
    for path in plots:
        shutil.copy(path, page.parent)


def write_csv(figures, path):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["group", "call", "way", "round", "nanoseconds"])
        for (group, call, way), values in figures.all.items():
            writer.writerows([group, call, way, i + 1, value] for i, value in enumerate(values))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", default="build")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--docs", action="store_true")
    options = parser.parse_args()
    if options.rounds < 10:
        parser.error("fewer than 10 rounds say nothing")
    os.chdir(pathlib.Path(__file__).resolve().parent.parent)

    folder = pathlib.Path(options.build) / "bench"
    load = os.getloadavg()[0]
    programs = [Program(str(path)) for path in (folder / "pool", folder / "wasmtime_pool") if path.exists()]
    figures = Figures(run(programs, options.rounds))
    for program in programs:
        program.stop()

    write_csv(figures, folder / "pool.csv")
    plots = [folder / "pool-instances.svg", folder / "pool-reset.svg"]
    plot_instances(figures, plots[0])
    plot_reset(figures, plots[1])
    report = sections(figures, head(programs, options.rounds, load))
    text = "\n\n".join(title + "\n" + "\n".join(lines) for title, lines in report) + "\n"
    (folder / "pool.txt").write_text(text)
    print(text)
    print(f"All of it is in {folder}: pool.txt, pool.csv, pool-instances.svg, pool-reset.svg")
    if options.docs:
        write_docs(report, plots)


if __name__ == "__main__":
    main()
