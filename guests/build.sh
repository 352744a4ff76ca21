#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Builds the guests (WASI preview 1 modules used by the tests and examples) into guests/built/.
#
#   guests/build.sh [NAME...]      builds these guests, or all
#   guests/build.sh --list         prints the guests' names
#   guests/build.sh --check-tools  says which tools are missing and how to install them; builds nothing
#
# The same toolchain makes the same bytes, in whatever folder this one lies. Only Go's module is not in git.
# Other tools than the ones below can be given: CLANG, CLANGXX, WASM_LD, GO, RUSTC, NODE, NPM, PYTHON, ZIG.

set -eu
cd "$(dirname "$0")"

ALL='c_command conformance probe c_reactor cpp_reactor go_reactor rust_reactor zig_reactor as_reactor as_start as_start_log'
TOOLCHAINS=.toolchains # ignored by git
ZIG_VERSION=0.17.1
: "${CLANG:=clang-19}" "${CLANGXX:=clang++-19}" "${WASM_LD:=wasm-ld-19}" "${GO:=go}"
: "${RUSTC:=/usr/bin/rustc}" # Debian's: rustup's, which may come first in PATH, has no std for WASI unless it was added
: "${NODE:=node}" "${NPM:=npm}" "${PYTHON:=python3}" "${ZIG:=}"

usage() {
    echo "usage: guests/build.sh [NAME... | --list | --check-tools], NAME one of: $ALL"
}

# --- What is missing: one line "TOOL (how to install it)" for each, nothing if all are there ---

has() { command -v "$1" >/dev/null 2>&1; }

debian() { # debian PACKAGE: what to say of something that this Debian package brings
    echo "$1 (apt-get install $1)"
}

missing() { # missing TOOLCHAIN: all of it on one line
    "missing_$1" | awk '{ printf "%s%s", (NR > 1 ? "; " : ""), $0 }'
}

missing_clang() {
    has "$CLANG" || { debian clang-19; return; }
    has "$WASM_LD" || debian lld-19
    has wasm-opt || debian binaryen # clang runs it: the modules get a sixth smaller
    [ -e /usr/lib/wasm32-wasi/crt1-reactor.o ] || debian wasi-libc
    [ -e "$("$CLANG" -print-resource-dir)/lib/wasi/libclang_rt.builtins-wasm32.a" ] ||
        debian libclang-rt-19-dev-wasm32
}

missing_clangxx() {
    missing_clang
    [ -e /usr/include/wasm32-wasi/c++/v1/iostream ] || debian libc++-19-dev-wasm32
    [ -e /usr/lib/wasm32-wasi/libc++abi.a ] || debian libc++abi-19-dev-wasm32
}

missing_go() {
    has "$GO" || { echo 'go 1.24 or newer (https://go.dev/dl)'; return; }
    version=$("$GO" env GOVERSION)
    case $version in
    go1.[0-9] | go1.[0-9].* | go1.1[0-9]* | go1.2[0-3]*)
        echo "go 1.24 or newer, this is $version (https://go.dev/dl)" ;;
    esac
}

missing_rust() {
    has "$RUSTC" || { debian rustc; debian libstd-rust-dev-wasm32; return; }
    [ -d "$("$RUSTC" --print sysroot)/lib/rustlib/wasm32-wasi/lib" ] || debian libstd-rust-dev-wasm32
    has "$WASM_LD" || debian lld-19
}

missing_zig() {
    [ -z "$ZIG" ] || return 0
    if ! has "$PYTHON" || ! "$PYTHON" -m pip --version >/dev/null 2>&1; then
        debian python3-pip
    fi
}

missing_as() {
    has "$NODE" || echo 'node 20 or newer (https://nodejs.org)'
    has "$NPM" || debian npm
}

# --- Toolchains that are packages of a language's registry; kept until the pinned version changes ---

install_zig() {
    [ -z "$ZIG" ] || return 0
    ZIG=$TOOLCHAINS/zig-$ZIG_VERSION/ziglang/zig
    [ -x "$ZIG" ] && return
    echo "installing Zig $ZIG_VERSION (PyPI's ziglang) into guests/$TOOLCHAINS"
    PIP_ROOT_USER_ACTION=ignore "$PYTHON" -m pip install --quiet --disable-pip-version-check \
        --target "$TOOLCHAINS/zig-$ZIG_VERSION" "ziglang==$ZIG_VERSION"
}

install_as() {
    cmp -s as_reactor/package-lock.json "$TOOLCHAINS/as/installed.json" && return
    echo "installing AssemblyScript (npm) into guests/$TOOLCHAINS"
    mkdir -p "$TOOLCHAINS/as"
    cp as_reactor/package.json as_reactor/package-lock.json "$TOOLCHAINS/as/"
    (cd "$TOOLCHAINS/as" && "$NPM" ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null)
    cp as_reactor/package-lock.json "$TOOLCHAINS/as/installed.json"
}

# --- The compilers: each takes the file to write, the source, and options ---

WARNINGS='-Wall -Wextra -Wpedantic -Werror'

compile_c() {
    output=$1 source=$2
    shift 2
    # shellcheck disable=SC2086
    "$CLANG" --target=wasm32-wasi -std=gnu11 -Oz $WARNINGS "$@" -Wl,--strip-all -o "$output" "$source"
}

compile_cpp() {
    output=$1 source=$2
    shift 2
    # shellcheck disable=SC2086
    "$CLANGXX" --target=wasm32-wasi -std=c++17 -Oz $WARNINGS -fno-exceptions -fno-rtti "$@" -Wl,--strip-all \
        -o "$output" "$source"
}

compile_go() {
    output=$PWD/$1
    (cd "$2" && env GOOS=wasip1 GOARCH=wasm CGO_ENABLED=0 GOFLAGS='' GOWORK=off GOWASM='' GOEXPERIMENT='' \
        GOTOOLCHAIN=local "$GO" build -buildmode=c-shared -trimpath -buildvcs=false -ldflags='-s -w -buildid=' \
        -o "$output" .)
}

compile_rust() {
    # rustc asks for --fatal-warnings, and a newer lld than its own warns of the metadata in Rust's archives.
    "$RUSTC" --edition 2021 --target wasm32-wasi --crate-type cdylib -D warnings -C opt-level=z -C lto=fat \
        -C codegen-units=1 -C panic=abort -C strip=symbols \
        -C linker="$WASM_LD" -C linker-flavor=wasm-ld -C link-arg=--no-fatal-warnings -o "$1" "$2"
}

compile_zig() {
    "$ZIG" build-exe "$2" -target wasm32-wasi -mexec-model=reactor -O ReleaseSmall -fstrip -fsingle-threaded \
        -rdynamic --stack 1048576 --cache-dir "$TOOLCHAINS/zig-cache" --global-cache-dir "$TOOLCHAINS/zig-cache" \
        -femit-bin="$1"
}

compile_as() {
    modules=$TOOLCHAINS/as/node_modules
    shim=$modules/@assemblyscript/wasi-shim/assembly
    output=$1 source=$2
    shift 2
    # What the shim's own asconfig.json says, less its `exportStart`.
    "$NODE" "$modules/assemblyscript/bin/asc.js" "$source" --path "$modules" --lib "$shim" --use ASC_WASI=1 \
        --use abort=wasi_abort --use trace=wasi_trace --use seed=wasi_seed --use console=wasi_console \
        --use crypto=wasi_crypto --use performance=wasi_performance --use process=wasi_process --use Date=wasi_Date \
        -Oz --outFile "$output" "$@"
}

# --- The guests ---

toolchain_of() {
    case $1 in
    c_* | conformance | probe) echo clang ;;
    cpp_*) echo clangxx ;;
    go_*) echo go ;;
    rust_*) echo rust ;;
    zig_*) echo zig ;;
    as_*) echo as ;;
    esac
}

compile() { # compile NAME FILE
    case $1 in
    c_command) compile_c "$2" c_command.c ;;
    conformance) compile_c "$2" conformance.c ;;
    probe) compile_c "$2" probe.c -nostartfiles probe_matrix.c probe_special.c ;;
    c_reactor) compile_c "$2" c_reactor.c -mexec-model=reactor ;;
    cpp_reactor) compile_cpp "$2" cpp_reactor.cpp -mexec-model=reactor ;;
    go_reactor) compile_go "$2" go_reactor ;;
    rust_reactor) compile_rust "$2" rust_reactor.rs ;;
    zig_reactor) compile_zig "$2" zig_reactor.zig ;;
    as_reactor) compile_as "$2" as_reactor/reactor.ts --exportStart _initialize ;;
    as_start) compile_as "$2" as_reactor/start.ts ;;
    as_start_log) compile_as "$2" as_reactor/start_log.ts ;;
    esac
}

build() { # build NAME: into a scratch file first, so that built/ only ever holds whole modules
    mkdir -p built "$TOOLCHAINS/out"
    scratch=$TOOLCHAINS/out/$1.wasm
    case $1 in
    zig_*) install_zig ;;
    as_*) install_as ;;
    esac
    compile "$1" "$scratch"
    if has wasm-validate; then
        wasm-validate "$scratch"
    fi
    chmod 644 "$scratch"
    mv "$scratch" "built/$1.wasm"
    echo "built guests/built/$1.wasm ($(wc -c <"built/$1.wasm") bytes)"
}

check_tools() {
    status=0
    for toolchain in clang clangxx go rust zig as; do
        missing=$(missing "$toolchain")
        if [ -n "$missing" ]; then
            echo "$toolchain: missing: $missing"
            status=1
        else
            echo "$toolchain: ok"
        fi
    done
    return $status
}

case ${1-} in
--list)
    printf '%s\n' $ALL
    exit ;;
--check-tools)
    check_tools
    exit ;;
--help | -h)
    usage
    exit ;;
esac

[ $# -gt 0 ] || set -- $ALL
for name; do
    case " $ALL " in
    *" $name "*) ;;
    *)
        echo "guests/build.sh: no guest named $name" >&2
        usage >&2
        exit 2 ;;
    esac
done

status=0
for name; do
    missing=$(missing "$(toolchain_of "$name")")
    if [ -n "$missing" ]; then
        echo "guests/build.sh: $name not built, missing: $missing" >&2
        status=1
    else
        build "$name"
    fi
done
exit $status
