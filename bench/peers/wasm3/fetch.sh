#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# fetch.sh FOLDER: builds the peer wasm3 as FOLDER/bench, from the C sources in the crate wasm3-sys.
set -euo pipefail
mkdir -p "$1"
folder=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../crate.sh"
need clang-19 "clang 19"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unpack_crate wasm3-sys 0.3.0 5a4e5d10bf1ffe7753275d4bbae3dc135dd2d2decd90e615accf9fef8bc52bab "$work"
source=$work/wasm3/source

flags=(-O3 -Dd_m3HasWASI -Dd_m3LogOutput=0 -isystem "$source")
mkdir "$work/objects"
(cd "$work/objects" && clang-19 -std=gnu99 -w -c "${flags[@]}" "$source"/*.c)
clang-19 -std=gnu11 -Wall -Wextra "${flags[@]}" -I "$here/../.." "$here/bench.c" "$work"/objects/*.o -lm -o "$folder/bench"
