package main

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/nudgehq/nudge/delivery"
)

// machineClock is the system clock in which the time that the machine sleeps elapses too: a notification does not live
// longer because of it.
type machineClock struct{ delivery.SystemClock }

// Elapsed is the time since the machine was started.
func (machineClock) Elapsed() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return delivery.SystemClock{}.Elapsed()
	}
	return time.Duration(t.Nano())
}
