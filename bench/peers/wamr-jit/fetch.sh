#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# fetch.sh FOLDER: builds the peer WAMR with its JIT as FOLDER/bench; see ../wamr/fetch.sh.
exec "$(dirname "$0")/../wamr/fetch.sh" "$1" jit
