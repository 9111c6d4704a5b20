package main

import (
	"fmt"
	"time"

	"github.com/nudgehq/nudge/server/device"
)

// screen shows what arrives at a device: a JSON line each, or for somebody who looks at it text, with the seconds that are left.
type screen struct {
	output
	isText bool
	// stop ends the counting of the newest notification; nil while nothing counts.
	stop chan struct{}
	done chan struct{}
}

// arrived shows a notification; data is its JSON.
func (s *screen) arrived(n device.Notification, data string) error {
	s.still()
	if !s.isText {
		_, err := fmt.Fprintln(s.stdout, data)
		return err
	}
	_, err := fmt.Fprintf(coloured(s.stdout), "ARRIVED %s %s for %s, valid %d s\n", time.Now().Format(time.TimeOnly), n.Sid, n.ChallengeSid, n.Ttl)
	return err
}

// acknowledged says that the server knows of it.
func (s *screen) acknowledged(n device.Notification) {
	if s.isText {
		_, _ = fmt.Fprintf(coloured(s.stdout), "ACKNOWLEDGED %s %s\n", time.Now().Format(time.TimeOnly), n.Sid)
	}
}

// count counts down what is left of a notification, on a line that is written again and again.
func (s *screen) count(n device.Notification) {
	if !s.isText || n.Ttl <= 0 {
		return
	}
	s.stop, s.done = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(s.done)
		second := time.NewTicker(time.Second)
		defer second.Stop()
		ends := time.Now().Add(time.Duration(n.Ttl) * time.Second)
		for left := n.Ttl; left > 0; left = int(time.Until(ends).Round(time.Second) / time.Second) {
			_, _ = fmt.Fprintf(s.stdout, "\r\x1b[K%d s left", left)
			select {
			case <-s.stop:
				_, _ = fmt.Fprint(s.stdout, "\r\x1b[K")
				return
			case <-second.C:
			}
		}
		_, _ = fmt.Fprintf(s.stdout, "\r\x1b[K")
		_, _ = fmt.Fprintf(coloured(s.stdout), "EXPIRED %s %s\n", time.Now().Format(time.TimeOnly), n.Sid)
	}()
}

// still ends the counting.
func (s *screen) still() {
	if s.stop == nil {
		return
	}
	close(s.stop)
	<-s.done
	s.stop = nil
}
