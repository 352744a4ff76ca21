#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# fetch.sh FOLDER: makes FOLDER/bench, which starts the peer Node with the machine's Node.js. Nothing is downloaded.
set -euo pipefail
mkdir -p "$1"
here=$(cd "$(dirname "$0")" && pwd)
node=$(command -v node || true)
if [ -z "$node" ] || [ "$("$node" -p 'process.versions.node.split(".")[0] >= 20')" != true ]; then
  echo "fetch: needs Node.js 20 or later (node)" >&2
  exit 1
fi
cat >"$1/bench" <<END
#!/bin/sh
exec '$node' --no-warnings '$here/bench.mjs'
END
chmod +x "$1/bench"
