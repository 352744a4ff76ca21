#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# fetch-esbmc.sh: puts ESBMC into .downloads/esbmc, once. Prints where it is and its version.
#
# ESBMC 7.7.0 is a static binary inside the wheel of ethcheck 0.1.4 on PyPI.
set -euo pipefail
cd "$(dirname "$0")/.."

wheel=ethcheck-0.1.4-py3-none-any.whl
digest=b3714a6c9134c5efc616c40d656a7a822531d6a454584f365a9e284b93bd2990
esbmc=.downloads/esbmc

if [ ! -x "$esbmc" ]; then
  mkdir -p .downloads
  work=$(mktemp -d .downloads/esbmc-XXXXXX)
  trap 'rm -rf "$work"' EXIT
  python3 -m pip download -q --no-deps --only-binary :all: -d "$work" ethcheck==0.1.4 >&2
  echo "$digest  $work/$wheel" | sha256sum -c --quiet - >&2
  python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extract(sys.argv[2], sys.argv[3])' \
    "$work/$wheel" ethcheck-0.1.4.data/data/bin/esbmc "$work"
  chmod +x "$work/ethcheck-0.1.4.data/data/bin/esbmc"
  mv "$work/ethcheck-0.1.4.data/data/bin/esbmc" "$esbmc"
fi
echo "$PWD/$esbmc: $("$esbmc" --version 2>&1 | head -n 1)"
