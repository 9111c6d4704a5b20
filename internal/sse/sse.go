// Package sse writes streams of server-sent events:
//
//	stream, err := sse.Start(w)
//	err = stream.Write("event: x\ndata: y\n\n")
package sse

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// Heartbeat is how often an idle stream says that it is alive, and Alive is what it says.
const (
	Heartbeat = 15 * time.Second
	Alive     = ": alive\n\n"
)

// writeTimeout is how long one event may take to be written; a reader that is slower is cut off.
const writeTimeout = 10 * time.Second

// Stream is one answer. It is for one goroutine.
type Stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// Start begins the answer. Its headers tell caches and proxies to hold nothing back: X-Accel-Buffering is nginx's word for
// it, without which nginx keeps events until some kilobytes are there.
func Start(w http.ResponseWriter) (*Stream, error) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store, no-transform")
	w.Header().Set("X-Accel-Buffering", "no")
	s := &Stream{w: w, control: http.NewResponseController(w)}
	return s, s.Write(": connected\n\n")
}

// Write writes an event, or a comment, and sends it.
func (s *Stream) Write(text string) error {
	if err := s.deadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := io.WriteString(s.w, text); err != nil {
		return err
	}
	if err := s.control.Flush(); err != nil {
		return err
	}
	// HTTP/2 ends a stream at its deadline even when nothing is being written.
	return s.deadline(time.Time{})
}

func (s *Stream) deadline(t time.Time) error {
	if err := s.control.SetWriteDeadline(t); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}
