// SPDX-License-Identifier: MIT

package main

import (
	"slices"
	"time"
)

const (
	sliceCount = 7
	callSlice  = time.Millisecond
	// Long enough that the garbage of dropped instances is collected in each slice, so that the median has its share.
	instanceSlice = 25 * time.Millisecond
)

// measure gives the nanoseconds of one of the n that body(n) does: the median of some slices, each about as long as slice.
func measure(slice time.Duration, body func(n int)) float64 {
	timed := func(n int) time.Duration {
		start := time.Now()
		body(n)
		return time.Since(start)
	}
	n := 1
	for timed(n) < slice/2 {
		n *= 2
	}
	took := make([]time.Duration, sliceCount)
	for i := range took {
		took[i] = timed(n)
	}
	slices.Sort(took)
	return float64(took[sliceCount/2].Nanoseconds()) / float64(n)
}
