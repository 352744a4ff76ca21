// SPDX-License-Identifier: MIT

// The benchmark's peer wazero, by its Go interface: ../../README.md has the protocol, ../README.md what is compared.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

const wasiName = wasi_snapshot_preview1.ModuleName

var (
	ctx    = context.Background()
	guests = map[string]string{
		"tiny":         "bench/guests/tiny.wasm",
		"c_reactor":    "guests/built/c_reactor.wasm",
		"cpp_reactor":  "guests/built/cpp_reactor.wasm",
		"rust_reactor": "guests/built/rust_reactor.wasm",
		"zig_reactor":  "guests/built/zig_reactor.wasm",
		"go_reactor":   "guests/built/go_reactor.wasm",
	}
	loops = []string{"loop", "clock_time_get", "random_get_8", "random_get_4096", "args_sizes_get", "args_get",
		"environ_get", "fd_write", "sched_yield"}
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "wazero:", err)
		os.Exit(1)
	}
}

func compile(r wazero.Runtime, path string) wazero.CompiledModule {
	bytes, err := os.ReadFile(path)
	check(err)
	compiled, err := r.CompileModule(ctx, bytes)
	check(err)
	return compiled
}

func newRuntime() wazero.Runtime {
	return wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
}

// By default wazero's clocks stand still, its random numbers are always the same, and sched_yield does nothing.
func newConfig() wazero.ModuleConfig {
	return wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize").WithStdout(io.Discard).
		WithSysWalltime().WithSysNanotime().WithRandSource(rand.Reader).WithOsyield(runtime.Gosched)
}

// ---- Instances ----

type call struct {
	name     string
	args     []uint64
	expected uint64
}

func callsOf(guest string) []call {
	calls := []call{{"count", nil, 1}}
	if guest != "tiny" {
		calls = append(calls, call{"report", nil, 6})
	}
	if guest == "go_reactor" {
		calls = append(calls, call{"sum", []uint64{100}, 5050})
	}
	return calls
}

func runInstance(r wazero.Runtime, compiled wazero.CompiledModule, config wazero.ModuleConfig, c call) {
	var stack [1]uint64
	copy(stack[:], c.args)
	instance, err := r.InstantiateModule(ctx, compiled, config)
	check(err)
	check(instance.ExportedFunction(c.name).CallWithStack(ctx, stack[:]))
	if stack[0] != c.expected {
		check(fmt.Errorf("%s is %d, expected %d", c.name, stack[0], c.expected))
	}
	check(instance.Close(ctx))
}

// ---- Loops ----

// withEmptyImports makes all that the module imports a host function that does nothing and returns 0.
func withEmptyImports(r wazero.Runtime, compiled wazero.CompiledModule) {
	builder := r.NewHostModuleBuilder(wasiName)
	empty := api.GoFunc(func(_ context.Context, stack []uint64) { stack[0] = 0 })
	for _, imported := range compiled.ImportedFunctions() {
		_, name, _ := imported.Import()
		builder.NewFunctionBuilder().WithGoFunction(empty, imported.ParamTypes(), imported.ResultTypes()).Export(name)
	}
	_, err := builder.Instantiate(ctx)
	check(err)
}

func newLoops(empty bool) api.Module {
	r := newRuntime()
	compiled := compile(r, "bench/guests/loop.wasm")
	if empty {
		withEmptyImports(r, compiled)
	} else {
		wasi_snapshot_preview1.MustInstantiate(ctx, r)
	}
	instance, err := r.InstantiateModule(ctx, compiled,
		newConfig().WithArgs("plugin", "--verbose").WithEnv("LANG", "C").WithEnv("HOME", "/"))
	check(err)
	return instance
}

func measureLoops(way string, instance api.Module) {
	for _, name := range loops {
		var stack [1]uint64
		function := instance.ExportedFunction(name)
		ns := measure(callSlice, func(n int) {
			stack[0] = uint64(n)
			check(function.CallWithStack(ctx, stack[:]))
			if stack[0] != 0 {
				check(fmt.Errorf("%s gave errno %d", name, stack[0]))
			}
		})
		fmt.Printf("calls,%s,%s,%.1f\n", name, way, ns)
	}
}

// ---- Talking to run.py ----

func printHead() {
	info, ok := debug.ReadBuildInfo()
	version := "of unknown version"
	for _, module := range info.Deps {
		if ok && module.Path == "github.com/tetratelabs/wazero" {
			version = module.Version
		}
	}
	fmt.Printf("# wazero %s, compiler, InstantiateModule and CallWithStack; host functions by api.GoFunc; %s, GOMAXPROCS %d\n",
		version, runtime.Version(), runtime.GOMAXPROCS(0))
}

func main() {
	r := newRuntime()
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	compiled := map[string]wazero.CompiledModule{}
	for guest, path := range guests {
		compiled[guest] = compile(r, path)
	}
	config, wasi, empty := newConfig(), newLoops(false), newLoops(true)
	printHead()
	fmt.Println("end")

	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		group := input.Text()
		if group == "calls" {
			measureLoops("wazero", wasi)
			measureLoops("wazero empty", empty)
		} else if module := compiled[group]; module != nil {
			for _, c := range callsOf(group) {
				ns := measure(instanceSlice, func(n int) {
					for range n {
						runInstance(r, module, config, c)
					}
				})
				fmt.Printf("%s,%s,wazero,%.1f\n", group, c.name, ns)
			}
		}
		fmt.Println("end")
	}
}
