package pebblestore

import (
	"log/slog"
	"testing"
	"time"
)

// Writes that do not come back end the store; a gap between two looks, or a write that has just begun, does not.
func TestWritesThatDoNotComeBack(t *testing.T) {
	f := newFailure("data", Options{Logger: slog.New(slog.DiscardHandler)})
	now := time.Now()
	look := func(after time.Duration) { now = now.Add(after); f.lookAtWrites(now) }
	f.begun.Add(1)
	look(0)
	look(time.Hour)
	f.ended.Add(1)
	f.begun.Add(1)
	look(time.Second)
	for range 29 {
		look(time.Second)
	}
	if f.error() != nil {
		t.Fatal(f.error())
	}
	for range 3 {
		look(time.Second)
	}
	if f.error() == nil {
		t.Error("the store goes on")
	}
}
