//go:build guard

package server_test

import (
	"runtime"
	"testing"
)

// allocated is what a request of each layer may allocate beyond the harness, in allocations and bytes: what it does today. A change of
// it needs a reason in its commit.
var allocated = map[string]struct{ allocations, bytes uint64 }{
	"bare-echo":        {24, 2804},
	"generated-strict": {47, 4322},
	"full-chain":       {56, 4735},
}

// What a request costs is guarded in allocations: time is not the same on two machines, or on one twice. It is of the document as it
// is, so it has a tag, which make guard sets.
func TestAllocations(t *testing.T) {
	layers := createLayers(t)
	harness, harnessBytes := measure(t, layers[0])
	for _, l := range layers[1:] {
		want := allocated[l.name]
		allocations, bytes := measure(t, l)
		allocations, bytes = allocations-harness, bytes-harnessBytes
		t.Logf("%s: %d allocations, %d bytes", l.name, allocations, bytes)
		if allocations > want.allocations || bytes > want.bytes*105/100 {
			t.Errorf("%s takes %d allocations and %d bytes a request, and took %d and %d", l.name, allocations, bytes, want.allocations, want.bytes)
		}
		if allocations+2 < want.allocations {
			t.Errorf("%s takes %d allocations a request, fewer than %d: keep it so", l.name, allocations, want.allocations)
		}
	}
}

// measure gives what a request allocates.
func measure(t *testing.T, l layer) (allocations, bytes uint64) {
	t.Helper()
	const requests = 2000
	for range requests / 10 {
		l.create(t)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range requests {
		l.create(t)
	}
	runtime.ReadMemStats(&after)
	return (after.Mallocs - before.Mallocs) / requests, (after.TotalAlloc - before.TotalAlloc) / requests
}
