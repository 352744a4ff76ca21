#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mark-loops.py SOURCE: prints it with a mark at each loop, so that loops.h can say what holds there.

Before that it makes plain what ESBMC can only follow slowly, as it writes by offsets wherever an index is reached through a
pointer: `env->x` is `the_env.x` and `w->x` is `the_wait.x` (that this is so is asserted at each function with an `env` or `w`),
`env->config->x` is `the_config.x`, and an element of slices, entries or polls is what slice_at, entry_at or poll_at gives.

`for (...) body` in a function f becomes `LOOP_BEGIN for (...) LOOP_f_1 body`, `for` and `while` counted from 1 in each
function. All else stays, line by line. A loop of which loops.h knows nothing does not compile.
"""
import os
import re
import sys

MARKED = re.compile(r"\b(for|while|do)\b|\b(\w+)\(")
FUNCTION = re.compile(r"^[A-Za-z].*?(\w+)\(")


def closing(text, at):
    """The index behind the parenthesis that closes the one at `at`."""
    depth = 0
    for i in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return i + 1
    raise SystemExit("mark-loops: a parenthesis is not closed")


def blank(match):
    """Comments and texts as blanks of the same length: what they say is no code."""
    return re.sub(r"[^\n]", " ", match.group())


def plain(text):
    """See above."""
    text = re.sub(r"\benv->config->", "the_config.", text)
    text = re.sub(r"\benv->", "the_env.", text)
    text = re.sub(r"\bw->", "the_wait.", text)
    text = re.sub(r"(\bwasi_light_env_t \*env\b[^;{)]*\)\s*\{)", r"\1 THE_ENV(env);", text)
    text = re.sub(r"(\bwait_t \*w\b[^;{)]*\)\s*\{)", r"\1 THE_WAIT(w);", text)
    text = text.replace("} wait_t;\n", "} wait_t;\nstatic wait_t the_wait;\n")
    stream_of = "static inline uint32_t p1_stream_of"  # in env.h, before the harness has the_env
    text = text.replace(stream_of, "static wasi_light_env_t the_env;\n" + stream_of)
    element = re.compile(r"(?<!host_slice_t )(?<!poll_entry_t )(?<!host_poll_t )\b((?:the_wait\.)?(slices|entries|polls))\[")
    while match := element.search(text):
        depth, end = 1, match.end()
        while depth:
            depth += {"[": 1, "]": -1}.get(text[end], 0)
            end += 1
        at = {"slices": "slice_at", "entries": "entry_at", "polls": "poll_at"}[match.group(2)]
        text = text[: match.start()] + f"(*{at}({match.group(1)}, {text[match.end() : end - 1]}))" + text[end:]
    return text


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r"/\*@.*?\*/", blank, text, flags=re.S)  # contracts of Frama-C
    text = plain(text)
    code = re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)
    starts = [(m.start(), m.group(1)) for m in re.finditer(FUNCTION.pattern, code, re.M)]
    with open(os.path.join(os.path.dirname(__file__), "contracts.h"), encoding="utf-8") as file:
        contracts = set(re.findall(r"\bcontract_(\w+)\(", file.read()))
    marks, function, count = [], None, 0
    for match in MARKED.finditer(code):
        begin = match.start()
        if match.group(2):
            defined = code[code.rfind("\n", 0, begin) + 1 : begin].startswith("static")
            if match.group(2) in contracts and not defined:
                marks.append((begin, "contract_"))
            continue
        if match.group(1) == "do":
            raise SystemExit(f"mark-loops: {sys.argv[1]}: do ... while is not supported")
        inside = [name for start, name in starts if start < begin][-1]
        count = count + 1 if inside == function else 1
        function = inside
        marks.append((begin, "LOOP_BEGIN "))
        marks.append((closing(code, code.index("(", begin)), f" LOOP_{function}_{count}"))
    for at, mark in sorted(marks, reverse=True):
        text = text[:at] + mark + text[at:]
    print(text, end="")


main()
