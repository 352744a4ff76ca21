# SPDX-License-Identifier: MIT
"""wasmtime_run.py MODULE REPORT FIRST LAST: the probe's cases on Wasmtime, each in a fresh instance.

Before each case the line `RS NUMBER` goes to stdout and stderr; after it, `NUMBER OUTCOME` is appended to REPORT.
"""

import os
import sys

import wasmtime


def run(engine, module, number):
    store = wasmtime.Store(engine)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    config = wasmtime.WasiConfig()
    config.argv = ["probe", f"{number:04}"]
    config.inherit_stdin()
    config.inherit_stdout()
    config.inherit_stderr()
    store.set_wasi(config)
    try:
        linker.instantiate(store, module).exports(store)["_start"](store)
    except wasmtime.ExitTrap as trap:
        return f"exit {trap.code & 255}"
    except (wasmtime.Trap, wasmtime.WasmtimeError) as trap:
        return "trap " + " ".join(str(trap).split())
    return "returned"


def main():
    path, report, first, last = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    engine = wasmtime.Engine()
    module = wasmtime.Module.from_file(engine, path)
    with open(report, "a", encoding="utf-8", buffering=1) as out:
        for number in range(first, last + 1):
            for fd in 1, 2:
                os.write(fd, f"\x1e{number}\n".encode())
            out.write(f"{number} {run(engine, module, number)}\n")


main()
