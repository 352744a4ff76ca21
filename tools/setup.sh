#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# setup.sh GOAL: makes sure that the tools for this goal of the Makefile are there.
#
# On Debian and Ubuntu, as root or with a sudo that asks for no password, it installs what is missing. Elsewhere
# it names all that is missing in one line, with what to type, and fails.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()  # what is missing, for people
packages=() # what apt-get can install of it
by_hand=()  # what to do about the rest

# need NAME PACKAGE... -- CHECK...: runs CHECK to see whether NAME is there.
need() {
  local name=$1 wanted=()
  shift
  while [ "$1" != -- ]; do wanted+=("$1") && shift; done
  shift
  "$@" >/dev/null 2>&1 || { missing+=("$name") && packages+=("${wanted[@]}"); }
}
tool() { need "$1" "$2" -- command -v "$1"; } # tool COMMAND PACKAGE
by_hand() {                                   # by_hand COMMAND WHAT_TO_DO
  command -v "$1" >/dev/null || { missing+=("$1") && by_hand+=("$2"); }
}
# shellcheck disable=SC2317 # these two are called by need
has_header() { echo "#include <$1>" | "${CC:-cc}" -E -; }
# shellcheck disable=SC2317
has_sanitizers() { echo 'int main(void) { return 0; }' | clang-19 -fsanitize=address,undefined -x c - -o /dev/null; }

compiler() {
  tool "${CC:-cc}" gcc
  need "C headers" libc6-dev -- has_header stdlib.h
  tool cmake cmake
}
engine() {
  [ -n "${WASMER_DIR:-}" ] || [ -e .wasmer/stamp ] ||
    by_hand cargo "get Rust 1.95 or newer from https://rustup.rs (or give WASMER_DIR=/path, an installed Wasmer)"
  [ -n "${WASMER_DIR:-}" ] || [ -e .wasmer/stamp ] || tool patch patch
}
go_guest() {
  [ -e guests/built/go_reactor.wasm ] || by_hand go "get Go 1.24 or newer from https://go.dev/dl"
}
suite() {
  [ -d "${WASI_TESTSUITE:-}/tests" ] || {
    missing+=("a checkout of wasi-testsuite in WASI_TESTSUITE=DIR")
    by_hand+=("type: git clone --branch prod/testsuite-base https://github.com/WebAssembly/wasi-testsuite DIR")
  }
}
tests() {
  tool "${CXX:-c++}" g++ # for the check that the headers are C++ too
  need cmocka libcmocka-dev -- has_header cmocka.h
}

case ${1:?usage: setup.sh GOAL} in
  all) compiler && engine ;;
  run) compiler && engine && go_guest ;;
  test) compiler && engine && go_guest && tests ;;
  bench)
    compiler && engine && go_guest && tool gnuplot gnuplot-nox
    tool python3 python3 && need pip python3-pip -- python3 -m pip --version
    [ -e .bench/wasmtime/stamp ] || by_hand cargo "get Rust 1.82 or newer from https://rustup.rs"
    ;;
  assurance) compiler && engine && go_guest && tests && need "Python 3.11" python3 -- python3 -c "import tomllib" ;;
  soak) compiler && engine && go_guest && tool gnuplot gnuplot-nox ;;
  conformance) suite && compiler && engine && tool python3 python3 ;;
  differential)
    compiler && engine
    tool python3 python3 && need pip python3-pip -- python3 -m pip --version # node and cargo only if they are there
    ;;
  demo) compiler && engine && tool python3 python3 && need pip python3-pip -- python3 -m pip --version ;;
  third-party)
    compiler && engine && tool npm npm
    need "Python 3.11" python3 -- python3 -c "import tomllib"
    need pip python3-pip -- python3 -m pip --version
    ;;
  format) tool clang-format-19 clang-format-19 ;;
  lint) compiler && engine && tests && tool clang-tidy-19 clang-tidy-19 && tool cppcheck cppcheck ;;
  test-sanitizers | test-threads | bugs)
    compiler && engine && go_guest && tests && tool patch patch
    tool clang-19 clang-19
    tool llvm-symbolizer-19 llvm-19
    need "clang's sanitizers" libclang-rt-19-dev -- has_sanitizers
    ;;
  fuzz)
    compiler && engine
    tool clang-19 clang-19
    tool llvm-symbolizer-19 llvm-19
    need "clang's sanitizers and libFuzzer" libclang-rt-19-dev -- has_sanitizers
    tool python3 python3 && tool llvm-cov-19 llvm-19
    ;;
  prove | prove-mutants)
    tool gcc gcc && tool frama-c frama-c-base && tool z3 z3 && tool cvc4 cvc4 && tool why3 why3 && tool python3 python3
    need pip python3-pip -- python3 -m pip --version
    tool patch patch && tool bc bc
    ;;
  test-valgrind) compiler && engine && tests && tool valgrind valgrind ;;
  *) echo "setup: no such goal: $1" >&2 && exit 2 ;;
esac
[ ${#missing[@]} -gt 0 ] || exit 0

join() { local text && printf -v text "%s$1" "${@:2}" && echo "${text%"$1"}"; } # join SEPARATOR WORD...
apt=(apt-get install -y --no-install-recommends "${packages[@]}")
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)

# Asking for what only a person can do comes first: installing the rest would not get further.
if [ ${#by_hand[@]} = 0 ] && command -v apt-get >/dev/null && "${as_root[@]}" true 2>/dev/null; then
  echo "setup: installing $(join ", " "${missing[@]}") (${packages[*]})"
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  # An update that fails for one of many sources is no reason to stop: the install tells.
  "${as_root[@]}" apt-get update >"$log" 2>&1 || true
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "${apt[@]}" >>"$log" 2>&1 && exit 0
  tail -n 20 "$log" >&2
  echo "setup: apt-get could not install $(join ", " "${missing[@]}"); type: sudo ${apt[*]}" >&2
  exit 1
fi
[ ${#packages[@]} = 0 ] || by_hand=("type: sudo ${apt[*]}" "${by_hand[@]}")
echo "setup: missing: $(join ", " "${missing[@]}"). To go on, $(join "; " "${by_hand[@]}")" >&2
exit 1
