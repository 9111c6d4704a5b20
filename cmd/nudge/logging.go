package main

import (
	"io"
	"log/slog"
	"sync/atomic"
	"time"
)

// bufferedLines is how many lines of the log wait for whoever reads them; flushTimeout is how long the end of the process
// waits for it.
const (
	bufferedLines = 10_000
	flushTimeout  = time.Second
)

// logWriter writes the log aside: a pipe that nobody reads must not hold up a request. What finds no room is dropped, counted,
// and said when there is room again.
type logWriter struct {
	lines   chan []byte
	end     chan struct{}
	ended   chan struct{}
	dropped atomic.Int64
}

// newLogger makes a logger that writes aside, until close.
func newLogger(w io.Writer, format, level string) (*slog.Logger, *logWriter) {
	l := &logWriter{lines: make(chan []byte, bufferedLines), end: make(chan struct{}), ended: make(chan struct{})}
	go l.run(w, slog.New(handler(w, format, level)))
	return slog.New(handler(l, format, level)), l
}

// plainLogger is for commands that log little.
func plainLogger(w io.Writer) *slog.Logger { return slog.New(handler(w, "text", "info")) }

func handler(w io.Writer, format, level string) slog.Handler {
	var l slog.Level
	// The flag lets nothing else through.
	_ = l.UnmarshalText([]byte(level))
	options := &slog.HandlerOptions{Level: l}
	if format == "json" {
		return slog.NewJSONHandler(w, options)
	}
	return slog.NewTextHandler(w, options)
}

// Write takes a line, if there is room; it never waits.
func (l *logWriter) Write(line []byte) (int, error) {
	select {
	case l.lines <- append([]byte(nil), line...):
	default:
		l.dropped.Add(1)
	}
	return len(line), nil
}

func (l *logWriter) run(w io.Writer, direct *slog.Logger) {
	defer close(l.ended)
	said := int64(0)
	for {
		select {
		case line := <-l.lines:
			_, _ = w.Write(line)
		case <-l.end:
			for len(l.lines) > 0 {
				_, _ = w.Write(<-l.lines)
			}
			return
		}
		if dropped := l.dropped.Load(); dropped > said && len(l.lines) < bufferedLines/2 {
			direct.Warn("log lines were dropped: they were not read fast enough", slog.Int64("count", dropped-said))
			said = dropped
		}
	}
}

// droppedLines counts the lines that were dropped.
func (l *logWriter) droppedLines() int { return int(l.dropped.Load()) }

// close writes what waits, if somebody reads it.
func (l *logWriter) close() {
	close(l.end)
	select {
	case <-l.ended:
	case <-time.After(flushTimeout):
	}
}
