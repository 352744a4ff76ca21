#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# check-docs.sh DOCUMENT BUILD_FOLDER: fails if a document is no longer true of the tree. Prints what differs.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$2

# block LANGUAGE: the text of the first code block of that language in README.md.
block() { sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/{/^\`\`\`\$/q;/^\`\`\`/!p;}" README.md; }

case $1 in
  functions) # is made from the table
    diff -u docs/functions.md <("$build/tools/functions_md") || {
      echo "check-docs: docs/functions.md is old: type make docs" >&2
      exit 1
    }
    ;;
  readme) # shows examples/readme.c, but for its first two lines, and what it prints
    diff -u examples/readme.c <(head -n 2 examples/readme.c && block c)
    diff -u <(block text) <("$build/examples/readme")
    ;;
  architecture) # has a line for each file
    missing=0
    for file in include/* src/*/* cli/* cmake/* tools/*; do
      grep -q "^| \`${file##*/}\` |" ARCHITECTURE.md && continue
      echo "check-docs: ARCHITECTURE.md has no line for $file" >&2
      missing=1
    done
    exit $missing
    ;;
  *) echo "check-docs: no such document: $1" >&2 && exit 2 ;;
esac
