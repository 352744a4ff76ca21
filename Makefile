# SPDX-License-Identifier: MIT
# Says what each goal needs and in which order; compiling is CMake's work. `make help` lists the goals.

.NOTPARALLEL: # cargo, ninja and ctest use all cores by themselves

# WASMER_DIR=/path takes the Wasmer installed there. Otherwise the engine is built once, into .wasmer.
ifneq ($(WASMER_DIR),)
WASMER := $(abspath $(WASMER_DIR))
else
WASMER := $(CURDIR)/.wasmer
ENGINE := .wasmer/stamp
endif

GO_GUEST := guests/built/go_reactor.wasm
GRAPHVIZ := .downloads/graphviz.wasm
WASMTIME := .bench/wasmtime/stamp
WASIX := .conformance/wasix/stamp
BENCH_WASIX := .bench/wasix/stamp
SOURCES = $(shell find . \( -name '.?*' -o -path './build*' \) -prune -o \( -name '*.[ch]' -o -name '*.cpp' \) -print)

export CMAKE_GENERATOR ?= $(if $(shell command -v ninja),Ninja,Unix Makefiles)
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(shell nproc)
export CTEST_PARALLEL_LEVEL ?= $(shell nproc)

# Configures folder $(1) with the CMake options $(2) and builds it, or only $(3). Cheap when nothing changed.
define cmake_build
@cmake -S . -B $(1) -DWASMER_DIR='$(WASMER)' -DWASI_LIGHT_WERROR=ON $(2) >/dev/null
@cmake --build $(1) $(3)
endef
CLANG = -DCMAKE_C_COMPILER=clang-19 -DCMAKE_CXX_COMPILER=clang++-19
CTEST = ctest --output-on-failure --no-tests=error $(if $(TESTS),-R '$(TESTS)')

all: need-all build ## build the library, the command line, examples and tests into build/ (the default)

build: $(ENGINE)
	$(call cmake_build,build)

run: need-run build $(GO_GUEST) ## load a C and a Go plug-in and call them (examples/plugin_host.c)
	build/examples/plugin_host guests/built/c_reactor.wasm
	build/examples/plugin_host $(GO_GUEST)

test: need-test build $(GO_GUEST) ## run all tests; TESTS=regex picks some by name
	cd build && $(CTEST)

demo: need-demo build $(GRAPHVIZ) ## draw a graph with a plug-in from PyPI (examples/graphviz.c)
	build/examples/graphviz $(GRAPHVIZ) examples/hello.dot >build/hello.svg
	@echo "The drawing is in build/hello.svg"

third-party: need-third-party build ## run guests from npm and PyPI (tests/third-party.toml); write docs/third-party.md
	@tools/third-party.py

format: need-format ## format all C and C++ sources
	@clang-format-19 -i $(SOURCES)

format-check: need-format ## fail if `make format` would change something
	@clang-format-19 --dry-run --Werror $(SOURCES)

lint: need-lint build ## clang-tidy and cppcheck
	@tools/lint.sh build

test-sanitizers: need-test-sanitizers $(ENGINE) $(GO_GUEST) ## run all tests under AddressSanitizer and UBSan
	$(call cmake_build,build-asan,-DCMAKE_BUILD_TYPE=Debug -DWASI_LIGHT_SANITIZE=address$(,)undefined $(CLANG))
	cd build-asan && $(CTEST)

test-threads: need-test-threads $(ENGINE) $(GO_GUEST) ## run all tests that use threads under ThreadSanitizer
	$(call cmake_build,build-tsan,-DCMAKE_BUILD_TYPE=Debug -DWASI_LIGHT_SANITIZE=thread $(CLANG))
	cd build-tsan && WASI_LIGHT_TEST_CYCLES=2000 WASI_LIGHT_TEST_ROUNDS=10 $(CTEST) -L threads

test-stock: need-test $(ENGINE) $(GO_GUEST) ## run all tests as with Wasmer as published, without what engine/ adds to it
	$(call cmake_build,build-stock,-DWASI_LIGHT_STOCK_ENGINE=ON)
	cd build-stock && $(CTEST)

prove: need-prove ## prove the core with Frama-C WP; see proof/README.md
	@proof/wp.sh

prove-esbmc: need-prove ## prove it once more, with ESBMC
	@proof/esbmc.sh

prove-mutants: need-prove ## whether the proof fails for each deliberate bug of proof/mutants
	@proof/mutants.sh

test-valgrind: need-test-valgrind build ## run the core's tests under valgrind
	@tools/valgrind.sh build/tests/test_core_*

TIME = 60
fuzz: need-fuzz $(ENGINE) ## fuzz for TIME seconds each (60), or only TARGETS="calls logs"; corpora are kept in .fuzz
	$(call cmake_build,build-fuzz,$(CLANG) -DWASI_LIGHT_FUZZ=ON,--target fuzzers)
	@fuzz/run.sh build-fuzz '$(TIME)' $(TARGETS)

# Not while a target is being fuzzed: it would look for inputs that are gone.
fuzz-keep: ## add to fuzz/found the few inputs of the corpora of TARGETS that reach what no input there does
	@for target in $(TARGETS); do \
	  build-fuzz/fuzz/fuzz_$$target -set_cover_merge=1 -use_counters=0 fuzz/found/$$target .fuzz/$$target/corpus 2>&1 | tail -n 1; \
	done

fuzz-coverage: need-fuzz $(ENGINE) ## what the corpora in .fuzz reach, and whether there is a reason for each line that they do not
	$(call cmake_build,build-coverage,$(CLANG) -DWASI_LIGHT_COVERAGE=ON,--target fuzzers)
	@fuzz/coverage.py build-coverage $(TARGETS)

bugs: need-bugs $(ENGINE) $(GO_GUEST) ## put each deliberate bug of tests/bugs into a copy of the tree: is it caught?
	@tools/bugs.sh '$(WASMER)'

assurance: need-assurance build $(GO_GUEST) ## write docs/assurance.md; runs what .evidence has no output of, up to an hour
	@tools/assurance.py build

bench: need-bench $(WASMTIME) build bench-peers $(GO_GUEST) ## the whole benchmark (bench/run.py), 10 minutes; OPTIONS=--docs writes docs/performance.md
	$(call cmake_build,build-stock,-DWASI_LIGHT_STOCK_ENGINE=ON)
	@bench/run.py $(OPTIONS) build

bench-wasix: need-bench $(BENCH_WASIX) ## the same with wasix, which takes 20 more minutes to build, once
	@$(MAKE) --no-print-directory bench

N ?= 1000000
soak: need-soak build $(GO_GUEST) ## N leases (a million) of six guests from two threads; fails if anything grows; docs/soak.csv and .svg
	build/bench/soak_check $(N) docs/soak.csv
	@gnuplot -c bench/soak.gp docs/soak.csv docs/soak.svg

# Peers that cannot be had here are left out.
bench-peers:
	@for fetch in bench/peers/*/fetch.sh; do \
	  peer=$$(basename "$$(dirname "$$fetch")"); \
	  [ ! -e "$$fetch" ] || [ -e ".bench/$$peer/bench" ] || "$$fetch" ".bench/$$peer" || echo "bench: goes on without $$peer"; \
	done

conformance: need-conformance build ## run the suite in WASI_TESTSUITE=DIR and write docs/conformance.md
	@tools/conformance.py --write docs/conformance.md build '$(WASI_TESTSUITE)'

differential: need-differential $(WASIX) build ## the probe here, on Wasmtime, Node and wasix; writes docs/differential.md
	@tools/differential.py --docs --show build

docs: need-all build ## write docs/functions.md from the table of functions
	@build/tools/functions_md >build/functions.md && cp build/functions.md docs/functions.md

guests: ## build all guests from source (needs their toolchains; see guests/build.sh)
	guests/build.sh

clean: ## remove what was built, but not the engine
	rm -rf build build-asan build-stock build-fuzz build-coverage build-tsan build-bugs

distclean: clean ## remove the engine (10 minutes to build again), downloads, corpora and the Go guest too
	rm -rf .wasmer .fuzz .evidence .downloads .bench .conformance $(GO_GUEST)

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

# The tools for goal %, before anything that takes long.
need-%: FORCE
	@tools/setup.sh $*

.wasmer/stamp: engine/Cargo.toml engine/Cargo.lock engine/build.rs engine/src/lib.rs engine/raw-functions.patch tools/build-engine.sh
	@tools/build-engine.sh

$(GO_GUEST): $(wildcard guests/go_reactor/*)
	guests/build.sh go_reactor

$(GRAPHVIZ): tools/fetch-graphviz.sh
	@tools/fetch-graphviz.sh $@

$(WASMTIME): bench/wasmtime/fetch.sh
	@bench/wasmtime/fetch.sh $(@D)

$(WASIX): tools/build-wasix.sh $(wildcard tests/differential/wasix*) $(wildcard tests/differential/wasix/*)
	@tools/build-wasix.sh $(@D)

$(BENCH_WASIX): bench/wasix/build.sh $(WASIX)
	@bench/wasix/build.sh $(@D)

, := ,
FORCE:
.PHONY: all build run test demo third-party format format-check lint test-sanitizers test-threads test-stock test-valgrind \
  prove prove-esbmc prove-mutants fuzz fuzz-keep fuzz-coverage bugs assurance bench bench-wasix soak bench-peers conformance differential \
  docs guests clean distclean help
