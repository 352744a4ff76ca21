#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# fetch.sh FOLDER: builds the peer wazero as FOLDER/bench. go.mod has its version, go.sum its digests.
set -euo pipefail
mkdir -p "$1"
folder=$(cd "$1" && pwd)
command -v go >/dev/null || { echo "fetch: needs Go 1.25 or later (go)" >&2 && exit 1; }
cd "$(dirname "$0")"
go build -mod=readonly -trimpath -o "$folder/bench" .
