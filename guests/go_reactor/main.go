// SPDX-License-Identifier: MIT

// A plug-in in Go, built as a WASI preview 1 reactor (GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared): the host
// calls `_initialize`, which starts Go's runtime, and then the functions exported below as often as it likes. All
// reactors of this folder export the same functions (README.md).
package main

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

var (
	calls    int32
	buffers  = map[uintptr][]byte{} // keeps what alloc gave away from the garbage collector
	greeting []byte                 // keeps the last greeting
)

// A reactor's main() is not called, but package main must have one.
func main() {}

// report prints what this plug-in was given, and returns the number of lines.
//
//go:wasmexport report
func report() int32 {
	fmt.Println("language: Go")
	fmt.Println("args:", strings.Join(os.Args, " "))

	key1, found := os.LookupEnv("KEY1")
	if !found {
		key1 = "(unset)"
	}
	fmt.Println("env:", key1)
	fmt.Println("realtime:", time.Now().Unix())

	monotonic := "ok"
	first := time.Now() // carries a reading of the monotonic clock
	if time.Since(first) < 0 {
		monotonic = "broken"
	}
	fmt.Println("monotonic:", monotonic)

	var bytes [8]byte
	rand.Read(bytes[:]) // never fails: it ends the program instead
	fmt.Println("random:", hex.EncodeToString(bytes[:]))
	return 6
}

//go:wasmexport add
func add(a, b int32) int32 {
	return a + b
}

//go:wasmexport count
func count() int32 {
	calls++
	return calls
}

// sum is 1 + 2 + ... + n, by way of a map that goroutines fill through a channel.
//
//go:wasmexport sum
func sum(n int32) int64 {
	const workers = 4
	type part struct {
		worker int32
		total  int64
	}
	parts := make(chan part)
	var group sync.WaitGroup
	for worker := range int32(workers) {
		group.Add(1)
		go func() {
			defer group.Done()
			var total int64
			for i := int64(worker) + 1; i <= int64(n); i += workers {
				total += i
			}
			parts <- part{worker, total}
		}()
	}
	go func() {
		group.Wait()
		close(parts)
	}()

	totals := make(map[int32]int64)
	for part := range parts {
		totals[part.worker] = part.total
	}
	var total int64
	for _, part := range totals {
		total += part
	}
	return total
}

//go:wasmexport now
func now() int64 {
	return time.Now().UnixNano()
}

//go:wasmexport random
func random() int64 {
	var bytes [8]byte
	rand.Read(bytes[:])
	return int64(binary.LittleEndian.Uint64(bytes[:]))
}

// alloc gives memory into which the host can write. It stays allocated until the instance goes.
//
//go:wasmexport alloc
func alloc(size int32) unsafe.Pointer {
	if size <= 0 {
		return nil
	}
	buffer := make([]byte, size)
	pointer := unsafe.Pointer(&buffer[0])
	buffers[uintptr(pointer)] = buffer
	return pointer
}

// greet's greeting is valid until its next call.
//
//go:wasmexport greet
func greet(name unsafe.Pointer, length int32) unsafe.Pointer {
	if name == nil || length < 0 {
		return nil
	}
	greeting = fmt.Appendf(nil, "Hello, %s!\x00", unsafe.Slice((*byte)(name), length))
	return unsafe.Pointer(&greeting[0])
}

// open_file returns 0 if the file can be opened, else the errno inside the error, which has WASI's numbers.
//
//go:wasmexport open_file
func openFile() int32 {
	file, err := os.Open("/etc/passwd")
	if err != nil {
		var errno syscall.Errno
		if errors.As(err, &errno) {
			return int32(errno)
		}
		return -1
	}
	file.Close()
	return 0
}

// sleep_ms returns the milliseconds that went by on the monotonic clock.
//
//go:wasmexport sleep_ms
func sleepMs(ms int32) int32 {
	start := time.Now()
	time.Sleep(time.Duration(ms) * time.Millisecond)
	return int32(time.Since(start).Milliseconds())
}

//go:wasmexport quit
func quit(code int32) {
	os.Exit(int(code))
}

//go:wasmexport crash
func crash() {
	panic("crash")
}
