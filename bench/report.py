# SPDX-License-Identifier: MIT
"""What bench/run.py makes of the figures: statistics, goals, tables, plots."""

import datetime
import os
import pathlib
import platform
import re
import statistics
import subprocess
import tempfile
import time

GUESTS = ["tiny", "c_reactor", "cpp_reactor", "rust_reactor", "zig_reactor", "go_reactor"]
GROUPS = GUESTS + ["calls", "live", "scaling", "reset"]
LOOPS = ["clock_time_get", "random_get_8", "random_get_4096", "args_sizes_get", "args_get", "environ_get", "fd_write",
         "sched_yield"]
RESET_WAYS = ["copy", "cow", "scan", "scan keep all", "scan after 256", "scan all read"]

# By guest, how many times as fast as Wasmtime's best pool the pool shall be.
AHEAD_OF_WASMTIME = {"tiny": 1, "c_reactor": 1.5, "cpp_reactor": 4, "rust_reactor": 4, "zig_reactor": 1, "go_reactor": 10}
SYSTEMS_OWN = ["clock_time_get", "random_get_8", "random_get_4096"]  # what the system takes for it is set apart
ABOVE_EMPTY_NS = 15
LIVE_BYTES = 512
KIB = 1024


# ---- Statistics -----------------------------------------------------------------------------------------------------


median = statistics.median


def spread(values):
    """How far apart the middle half of the rounds is, in parts of the median."""
    low, _, high = statistics.quantiles(values, n=4)
    return (high - low) / median(values) if median(values) else 0


def ratio(above, below):
    """The median of the rounds' own ratios: what slows a whole round is not seen."""
    return median([a / b for a, b in zip(above, below)]) if above and below else None


def difference(one, other):
    return median([a - b for a, b in zip(one, other)]) if one and other else None


class Figures:
    def __init__(self, figures):
        loops = {way: values for (g, c, way), values in figures.items() if (g, c) == ("calls", "loop")}
        self.all = {}
        for (group, call, way), values in figures.items():
            if group == "calls" and call == "loop":
                continue
            if group == "calls" and way in loops:  # less the loop itself
                values = [max(value - loop, 0) for value, loop in zip(values, loops[way])]
            self.all[group, call, way] = values

    def ways(self, group, call):
        return {way: values for (g, c, way), values in self.all.items() if (g, c) == (group, call)}

    def calls(self, group):
        return list(dict.fromkeys(c for (g, c, _) in self.all if g == group and c != "none"))

    def get(self, group, call, way):
        """None if it was not measured. `limit` is the bare engine through the interface that the library takes;
        `wasmtime` the best of its pooling variants."""
        if way == "limit":
            return self.all.get((group, "none", "bare raw")) or self.all.get((group, "none", "bare"))
        if way == "bare":
            return self.all.get((group, "none", "bare"))
        if way == "wasmtime" and group != "calls":
            best = self.best_wasmtime(group, call)
            return best and self.all[(group, call, best)]
        return self.all.get((group, call, way))

    def best_wasmtime(self, guest, call):
        ways = {w: v for w, v in self.ways(guest, call).items() if w.startswith("wasmtime pool")}
        return min(ways, key=lambda way: median(ways[way])) if ways else None

    def ratio(self, group, call, above, below):
        return ratio(self.get(group, call, above), self.get(group, call, below))

    def above_empty(self, call, way, empty):
        """Nanoseconds above a host function that does nothing; of what asks the system, also less the system's."""
        above = difference(self.get("calls", call, way), self.get("calls", call, empty))
        system = self.get("calls", call, "system") if call in SYSTEMS_OWN else None
        if above is None or (call in SYSTEMS_OWN and not system):
            return None
        return above - median(system) if system else above

    def reset(self, group, call, way):
        """(what putting back takes in all, what give takes of it) in microseconds, or None."""
        cycle, alone, give = (self.all.get((group, call, f"{way} {what}")) for what in ("cycle", "call", "give"))
        return cycle and alone and give and (difference(cycle, alone) / 1000, median(give) / 1000)


# ---- The library ----------------------------------------------------------------------------------------------------


# Of src/platform/, what only the pool and the cache need.
NOT_CORE = ["image.c.o", "image_linux.c.o", "files.c.o"]


def text_size(path, without=()):
    """Of the members of an archive, or of one file: bytes of machine code."""
    said = subprocess.run(["size", "-A", "-d", str(path)], capture_output=True, text=True, check=True).stdout
    members = [member for member in re.split(r"\n\n+", said) if not member.strip().startswith(tuple(without) or "-")]
    return sum(int(size) for member in members for size in re.findall(r"^\.text\S*\s+(\d+)", member, re.M))


def measure_library(build):
    """Sizes of the libraries that were built, and how long it takes to build them from nothing, and nothing else."""
    library = {"core": text_size(build / "libwasi_light_core.a", NOT_CORE), "all": text_size(build / "libwasi_light.a")}
    cache = (build / "CMakeCache.txt").read_text()
    wasmer = re.search(r"^WASMER_DIR:\w+=(.*)$", cache, re.M).group(1)
    with tempfile.TemporaryDirectory() as folder:
        options = [f"-DWASMER_DIR={wasmer}", "-DWASI_LIGHT_PROGRAMS=OFF"]
        subprocess.run(["cmake", "-S", ".", "-B", folder, *options], check=True, capture_output=True)
        start = time.monotonic()
        subprocess.run(["cmake", "--build", folder, "-j", "2"], check=True, capture_output=True)
        library["seconds"] = time.monotonic() - start
        optimised = ["cmake", "-S", ".", "-B", folder, "-DCMAKE_BUILD_TYPE=MinSizeRel"]
        subprocess.run(optimised, check=True, capture_output=True)
        subprocess.run(["cmake", "--build", folder, "-j", "2"], check=True, capture_output=True)
        library["core small"] = text_size(pathlib.Path(folder) / "libwasi_light_core.a", NOT_CORE)
        library["all small"] = text_size(pathlib.Path(folder) / "libwasi_light.a")
    engines = {"engine": pathlib.Path(wasmer) / "lib/libwasmer.so", "wasix": pathlib.Path(".bench/wasix/lib/libwasmer.so")}
    library.update({name: path.stat().st_size for name, path in engines.items() if path.exists()})
    return library


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


def nanoseconds(ns):
    return f"{ns:,.0f}" if ns >= 100 else f"{ns:.1f}"


def times(value):
    return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def kib(size):
    return f"{size / KIB:.1f} KiB"


def percent(values):
    return f"{100 * spread(values):.0f} %"


class Goals:
    """Rows of the first table."""

    def __init__(self):
        self.rows = []

    def add(self, name, value, relation, bound, form=times):
        met = value is not None and {"<=": value <= bound, ">=": value >= bound, "<": value < bound,
                                     ">": value > bound}[relation]
        self.rows.append([name, f"{relation} {form(bound)}", "" if value is None else form(value),
                          "not measured" if value is None else "met" if met else "MISSED"])


def goal_rows(figures, library):
    goals = Goals()
    for guest in GUESTS:
        goals.add(f"{guest}: count, fresh / bare", figures.ratio(guest, "count", "fresh", "limit"), "<=", 1.1)
        for call in ["count", "report"] if guest != "tiny" else ["count"]:
            goals.add(f"{guest}: {call}, wasix / fresh", figures.ratio(guest, call, "wasix", "fresh"), ">=", 10)
    for guest in GUESTS:
        for call in [call for call in figures.calls(guest) if not call.endswith("captured")]:
            goals.add(f"{guest}: {call}, pool / bare", figures.ratio(guest, call, "pool", "limit"), "<", 1)
            if guest == "go_reactor":
                goals.add(f"{guest}: {call}, fresh / pool", figures.ratio(guest, call, "fresh", "pool"), ">=", 50)
            goals.add(f"{guest}: {call}, Wasmtime's best pool / pool", figures.ratio(guest, call, "wasmtime", "pool"), ">=",
                      AHEAD_OF_WASMTIME[guest])
    limit = figures.all.get(("live", "resident", "bare raw")) or figures.all.get(("live", "resident", "bare"))
    for way in ("fresh", "pool"):
        for what in ("descriptors", "threads"):
            values = figures.get("live", what, way)
            goals.add(f"10,000 live, {way}: {what}", values and median(values), "<=", 0, nanoseconds)
        above = difference(figures.get("live", "resident", way), limit)
        goals.add(f"10,000 live, {way}: resident bytes of each above bare", above, "<=", LIVE_BYTES, nanoseconds)
    for way, empty in (("wasi-light", "empty raw"), ("wasi-light stock", "empty")):
        for call in LOOPS:
            apart = ", system apart" if call in SYSTEMS_OWN else ""
            goals.add(f"{call}: {way} above empty{apart}, ns", figures.above_empty(call, way, empty), "<=", ABOVE_EMPTY_NS,
                      lambda value: f"{value:.1f}")
            goals.add(f"{call}: wasix / {way}", figures.ratio("calls", call, "wasix", way), ">", 1)
    scaling = ratio(figures.get("scaling", "pool", "1 thread"), figures.get("scaling", "pool", "2 threads"))
    goals.add("scaling: pool, 2 threads against 1", scaling, ">=", 1.8)
    goals.add("library: text of the core", library["core"], "<", 32 * KIB, kib)
    goals.add("library: text of all", library["all"], "<", 96 * KIB, kib)
    goals.add("library: build, seconds", library["seconds"], "<", 10)
    return table(["goal", "wanted", "is", ""], goals.rows)


def instance_rows(figures):
    """Beside each other what most will look for. Peers' ways are whatever they brought."""
    known = ["bare", "bare raw", "fresh", "fresh stock", "pool", "pool stock", "wasix"]
    present = {way for guest in GUESTS for call in figures.calls(guest) for way in figures.ways(guest, call)}
    peers = sorted(way for way in present if way not in known and not way.startswith(("pool ", "wasmtime")))
    ways = [way for way in known[2:] if way in present] + ["wasmtime on demand", "wasmtime"] + peers
    rows = []
    for guest in GUESTS:
        for call in figures.calls(guest):
            cells = [figures.all.get((guest, "none", way)) for way in known[:2]]
            cells += [figures.get(guest, call, way) for way in ways]
            rows.append([f"{guest}: {call}"] + [us(median(v)) if v else "" for v in cells])
    titles = [{"wasmtime": "wasmtime pool, best"}.get(way, way) for way in ways]
    return table(["us, median", *known[:2], *titles], rows)


def pool_rows(figures):
    rows = []
    for guest in GUESTS:
        for call in figures.calls(guest):
            best = figures.best_wasmtime(guest, call)
            pairs = (("fresh", "limit"), ("wasix", "fresh"), ("pool", "limit"), ("fresh", "pool"), ("wasmtime", "pool"))
            rows.append([f"{guest}: {call}", (best or "").replace("wasmtime ", "")]
                        + [times(figures.ratio(guest, call, *pair)) for pair in pairs])
    return table(["guest: call", "Wasmtime's best", "fresh/bare", "wasix/fresh", "pool/bare", "fresh/pool", "Wasmtime/pool"],
                 rows)


def call_ways(figures):
    known = ["empty raw", "wasi-light", "empty", "wasi-light stock", "wasix", "wasmtime empty", "wasmtime"]
    present = [way for call in LOOPS for way in figures.ways("calls", call)]
    return [way for way in known if way in present] \
        + sorted({way for way in present if way not in known + ["system"]}, key=str.lower) + ["system"]


def call_rows(figures):
    ways = call_ways(figures)
    rows = [[call] + [nanoseconds(median(v)) if (v := figures.get("calls", call, way)) else "" for way in ways]
            for call in LOOPS]
    return table(["ns, median", *ways], rows)


def live_rows(figures):
    present = figures.ways("live", "resident")
    ways = [way for way in ("bare", "bare raw", "fresh", "pool") if way in present]
    peers = sorted(way for way in present if way not in ways)
    rows = [[what] + [f"{median(v):,.4g}" if (v := figures.all.get(("live", what, way))) else "" for way in ways + peers]
            for what in ("resident", "descriptors", "threads")]
    return table(["each of them takes", *ways, *peers], rows)


def scaling_rows(figures):
    rows = []
    for what in figures.calls("scaling"):
        one, two = (figures.get("scaling", what, way) for way in ("1 thread", "2 threads"))
        if one and two:
            rows.append([what, us(median(one)), us(median(two)), times(ratio(one, two))])
    return table(["us, median", "1 thread", "2 threads", "times as many"], rows)


def library_rows(library):
    rows = [["core, with the platform file it needs", kib(library["core"]), kib(library["core small"])],
            ["all of it", kib(library["all"]), kib(library["all small"])]]
    lines = table(["machine code (.text)", "-O2", "-Os"], rows)
    lines += ["", f"Built from nothing by two jobs in {library['seconds']:.1f} s. It depends on the engine and the C library."]
    if "wasix" in library:
        more = (library["wasix"] - library["engine"]) / 1e6
        lines += [f"libwasmer is {library['engine'] / 1e6:.1f} MB; with wasix {library['wasix'] / 1e6:.1f} MB, {more:.1f} MB more."]
    return lines


def reset_points(figures):
    points = dict.fromkeys((g, c) for (g, c, _) in figures.all if g.endswith(" KiB"))
    return [(int(g.split()[0]), int(c.split()[0]), g, c) for g, c in points]


def reset_rows(figures):
    rows = []
    for _, pages, group, call in sorted(reset_points(figures)):
        cells = (figures.reset(group, call, way) for way in RESET_WAYS)
        rows.append([f"{group}, {pages} pages written"]
                    + [f"{us(c[0] * 1000)} ({us(c[1] * 1000)})" if c else "" for c in cells])
    return table(["putting back, us in all (of it in give)"] + RESET_WAYS, rows)


def all_rows(figures):
    rows = []
    for (group, call, way), values in figures.all.items():
        if group in GUESTS:
            rows.append([f"{group}: {call if call != 'none' else 'no call'}, {way}", us(median(values)), us(min(values)),
                         percent(values)])
    return table(["instances, in us", "median", "least", "spread"], rows)


def all_call_rows(figures):
    rows = [[f"{call}, {way}", nanoseconds(median(v)), nanoseconds(min(v)), percent(v)]
            for call in LOOPS for way in call_ways(figures) if (v := figures.get("calls", call, way))]
    rows += [[f"{group}: {call}, {way}", nanoseconds(median(v)), nanoseconds(min(v)), percent(v)]
             for (group, call, way), v in figures.all.items() if group in ("live", "scaling")]
    return table(["calls and threads, in ns; live, in bytes or pieces", "median", "least", "spread"], rows)


# ---- Plots ----------------------------------------------------------------------------------------------------------


def plot(path, script):
    path.with_suffix(".gp").write_text(script)
    subprocess.run(["gnuplot", str(path.with_suffix(".gp"))], check=True)


def plot_reset(figures, path):
    points = sorted(reset_points(figures))

    def data(way, wanted, x):
        lines = [f"{x(size, pages)} {cost[0]}" for size, pages, group, call in points
                 if wanted(size, pages) and (cost := figures.reset(group, call, way)) and cost[0] > 0]
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
set yrange [0.1:20000]
set xlabel "pages written, in 16 MiB of memory (0 is drawn at 0.5)"
set xrange [0.4:5000]
{panel(RESET_WAYS, lambda size, pages: size == 16384, lambda size, pages: pages or 0.5)}
set xlabel "KiB of memory, 16 pages written"
set xrange [50:80000]
{panel(RESET_WAYS[:3], lambda size, pages: pages == 16, lambda size, pages: size)}
unset multiplot
""")


def plot_bars(path, title, unit, groups, bars):
    """`groups` are the names below the bars; each bar is (title, [its values, or None])."""
    rows = [f'"{name}" ' + " ".join(str(values[i]) if values[i] else "NaN" for _, values in bars)
            for i, name in enumerate(groups)]
    lines = ", ".join(f'$d using {i + 2}{":xtic(1)" if i == 0 else ""} title "{name}"' for i, (name, _) in enumerate(bars))
    newline = "\n"
    plot(path, f"""set terminal svg size 1000,520 background "white" font "sans,13" noenhanced
set output "{path}"
set title "{title}"
set linetype 9 lc rgb "#8c564b"
set linetype 10 lc rgb "#7f7f7f"
set linetype 11 lc rgb "#e377c2"
set linetype 12 lc rgb "#17becf"
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.8
set logscale y
set grid ytics
set ylabel "{unit}"
set key outside top center horizontal
$d << EOD
{newline.join(rows)}
EOD
plot {lines}
""")


def plots(figures, folder):
    present = {way for guest in GUESTS for way in figures.ways(guest, "count")}
    peers = sorted(way for way in present if not way.startswith(("pool", "fresh", "wasmtime", "wasix")))
    ways = [("limit", "bare wasm_instance_new"), ("fresh", "fresh"), ("pool", "pool"), ("wasmtime", "wasmtime, best pool"),
            ("wasix", "wasix")] + [(way, way) for way in peers]
    bars = [(name, [median(v) / 1000 if (v := figures.get(guest, "count", way)) else None for guest in GUESTS])
            for way, name in ways]
    plot_bars(folder / "performance-instances.svg", "A clean instance and one call of count()", "microseconds",
              [guest.replace("_reactor", "") for guest in GUESTS], [bar for bar in bars if any(bar[1])])
    bars = [(way, [median(v) if (v := figures.get("calls", call, way)) else None for call in LOOPS])
            for way in call_ways(figures) if way in ("empty raw", "wasi-light stock") or not way.startswith(("empty", "system"))
            and " empty" not in way]
    plot_bars(folder / "performance-calls.svg", "One WASI call", "nanoseconds",
              [call.replace("_", "\\n", 1) for call in LOOPS], [bar for bar in bars if any(bar[1])])
    plot_reset(figures, folder / "performance-reset.svg")
    return [folder / f"performance-{name}.svg" for name in ("instances", "calls", "reset")]


# ---- The report -----------------------------------------------------------------------------------------------------


def machine():
    cpu = pathlib.Path("/proc/cpuinfo").read_text() if os.path.exists("/proc/cpuinfo") else ""
    model = found.group(1) if (found := re.search(r"model name\s*: (.*)", cpu)) else platform.machine()
    pages = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled")
    huge = re.search(r"\[(.*)\]", pages.read_text()).group(1) if pages.exists() else "?"
    virtual = ", virtual" if "hypervisor" in cpu else ""
    return f"{model}, {os.cpu_count()} cores{virtual}; {platform.system()} {platform.release()}; huge pages: {huge}"


def head(programs, rounds, load):
    compiler = subprocess.run([os.environ.get("CC", "cc"), "--version"], capture_output=True, text=True).stdout
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    out = [f"left out: {'/'.join(pathlib.Path(p.name).parts[-2:])}: {p.problem}" for p in programs if p.problem]
    return [
        f"{datetime.date.today()}, commit {commit or 'unknown'}",
        machine(),
        f"{compiler.splitlines()[0] if compiler else 'unknown compiler'}; {' '.join(platform.libc_ver())}",
        *dict.fromkeys(line for program in programs if not program.problem for line in program.head),
        *out,
        f"{rounds} rounds, programs taking turns; others' load at the start: {load:.2f} of {os.cpu_count()} cores",
    ]


def sections(figures, library, head_lines):
    """[(title, lines)]"""
    return [
        ("The run", [f"- {line}" for line in head_lines]),
        ("Goals", goal_rows(figures, library)),
        ("Instances", instance_rows(figures)),
        ("Ratios", pool_rows(figures)),
        ("Calls", call_rows(figures)),
        ("Live instances", live_rows(figures)),
        ("Threads", scaling_rows(figures)),
        ("Library", library_rows(library)),
        ("Putting back", reset_rows(figures)),
        ("All figures", all_rows(figures) + [""] + all_call_rows(figures)),
    ]
