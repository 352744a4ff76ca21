#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# check-docs.sh DOCUMENT BUILD_FOLDER: fails if a document is no longer true of the tree. Prints what differs.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$(realpath "$2")

# block LANGUAGE [TEXT]: the first code block of that language in README.md, or the first that has this text.
block() {
  awk -v begin="\`\`\`$1" -v text="${2-}" '
    $0 == "```" && inside { if (text == "" || index(block, text)) { printf "%s", block; exit } inside = 0; next }
    inside { block = block $0 "\n" }
    $0 == begin { inside = 1; block = "" }' README.md
}

# examples: those of the manual page as one would see them, with the times that time(1) gives left out.
examples() {
  awk '/^\.Bd -literal/ { shown = 1; next } /^\.Ed/ { shown = 0 } shown' man/wasi-light.1 |
    sed -e 's/\\e/\\/g' | without_times
}
without_times() { sed -E 's/^(real|user|sys) [0-9.]+$/\1/'; }

# transcript FOLDER: runs the commands of the examples on stdin there, and prints them with what they print. `cat` of a
# file that is not there makes it of the lines shown. What needs a guest that is not built is said and passed over.
transcript() {
  local folder=$1 command='' file='' passed_over='' line count=0
  while IFS= read -r line; do
    if [ -z "$command" ] && [[ $line != '$ '* ]]; then
      [ -z "$file" ] || echo "$line" | tee -a "$folder/$file"
      [ -z "$passed_over" ] || echo "$line"
      continue
    fi
    echo "$line"
    command+=${command:+$'\n'}${line#'$ '}
    [[ $line != *\\ ]] || continue
    file='' passed_over=''
    count=$((count + 1))
    if [[ $command == 'cat '* && ! -e $folder/${command#cat } ]]; then
      file=${command#cat }
    elif [[ $command == *go_reactor* && ! -e guests/built/go_reactor.wasm ]]; then
      echo "check-docs: not run, since guests/built/go_reactor.wasm is not built: $command" >&2
      passed_over=1
    else
      (cd "$folder" && bash -c "$command" </dev/null 2>&1) | without_times || true
    fi
    command=''
  done
  [ "$count" -gt 0 ]
}

case $1 in
  functions) # is made from the table
    diff -u docs/functions.md <("$build/tools/functions_md") || {
      echo "check-docs: docs/functions.md is old: type make docs" >&2
      exit 1
    }
    ;;
  readme) # shows examples/readme.c, but for its first two lines, and what it prints; what else begins with #include compiles
    diff -u examples/readme.c <(head -n 2 examples/readme.c && block c)
    diff -u <(block text) <("$build/examples/readme")
    block c careful | grep -q careful
    block c careful | "${CC:-cc}" -std=c11 -Wall -Wextra -Werror -Iinclude -fsyntax-only -x c -
    command=$(block console '--trace' | sed -n '1s/^\$ build//p')
    diff -u <(block console '--trace' | tail -n +2) <(bash -c "\"$build\"$command" 2>&1)
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
  links) # to files of the tree lead to files that are there
    missing=0
    for document in *.md docs/*.md proof/*.md guests/*.md bench/*.md; do
      for target in $(grep -o ']([^)#:]*[)#]' "$document" | sed 's/^](//; s/[)#]$//'); do
        [ -e "$(dirname "$document")/$target" ] && continue
        echo "check-docs: $document: no such file: $target" >&2
        missing=1
      done
    done
    exit $missing
    ;;
  man) # shows what the command prints: each example is run, in a folder that has nothing but the guests
    if command -v mandoc >/dev/null; then # which knows the pages of this machine only
      complaints=$(mandoc -T lint man/wasi-light.1 2>&1 | grep -v -e mandoc.db -e 'referenced manual not found' || true)
      [ -z "$complaints" ] || { echo "$complaints" && exit 1; }
    fi
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    ln -s "$PWD/guests" "$work/guests"
    examples >"$work/page"
    PATH=$build:$PATH transcript "$work" <"$work/page" >"$work/run"
    diff -u "$work/page" "$work/run"
    ;;
  *) echo "check-docs: no such document: $1" >&2 && exit 2 ;;
esac
