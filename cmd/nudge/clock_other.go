//go:build !linux

package main

import "github.com/nudgehq/nudge/delivery"

// machineClock is the system clock. Where the system does not tell for how long it slept, that time has not elapsed.
type machineClock struct{ delivery.SystemClock }
