// Package chaos loads a local cluster while it kills, stops and starts its processes, and judges what clients, devices and
// receivers saw of it: from their history alone.
package chaos

import (
	"encoding/json"
	"io"
	"sync"
	"time"
)

// Kind is what happened.
type Kind string

// The kinds of events.
const (
	// Created: a request was answered. Sent is when it was sent, Status 0 for no answer.
	Created Kind = "created"
	// Received: a device or a receiver got a notification. At is when.
	Received Kind = "received"
	// Fault: a process was killed, stopped or started.
	Fault Kind = "fault"
	// Ended: nothing is created or broken any more, and all devices are connected.
	Ended Kind = "ended"
)

// What is said of faults that a Verdict asks about.
const (
	Stopped = "stopped"
	GoesOn  = "goes on"
	// WrongClock begins what is said of a clock, which is wrong by up to maxStep.
	WrongClock = "its clock is wrong by "
)

const maxStep = time.Minute

// Event is a line of a history. Times count from its beginning.
type Event struct {
	Kind      Kind          `json:"kind"`
	At        time.Duration `json:"at"`
	Sent      time.Duration `json:"sent,omitempty"`
	Status    int           `json:"status,omitempty"`
	SID       string        `json:"sid,omitempty"`
	Challenge string        `json:"challenge,omitempty"`
	TTL       time.Duration `json:"ttl,omitempty"`
	Who       string        `json:"who,omitempty"`
	What      string        `json:"what,omitempty"`
	// Brief tells that its device may be away until the TTL has elapsed.
	Brief bool `json:"brief,omitempty"`
}

// History collects events.
type History struct {
	mu     sync.Mutex
	start  time.Time
	events []Event
	out    *json.Encoder
}

// NewHistory begins a history, which is written to out line by line.
func NewHistory(out io.Writer) *History {
	return &History{start: time.Now(), out: json.NewEncoder(out)}
}

// Now is the time of the history.
func (h *History) Now() time.Duration { return time.Since(h.start) }

// Add adds an event that happens now.
func (h *History) Add(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e.At = h.Now()
	h.events = append(h.events, e)
	_ = h.out.Encode(e)
}

// Events are those so far.
func (h *History) Events() []Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.events[:len(h.events):len(h.events)]
}
