package mcp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// maxLine bounds a message on standard input, in bytes. It is above what a tool takes, so that arguments that are too
// large are answered as the tool's.
const maxLine = 4 << 20

// ServeStdio answers one client on a pair of streams, a message a line, until the input ends or ctx is done.
func (s *Server) ServeStdio(ctx context.Context, in io.Reader, out io.Writer) error {
	answers := &lineWriter{out: out, waiting: map[string]int{}, answered: make(chan struct{}, 1)}
	err := s.server.Run(ctx, &sdk.IOTransport{Reader: &lineReader{ctx: ctx, in: bufio.NewReader(in), answers: answers}, Writer: answers})
	if errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// lineReader passes on the lines that are JSON. The library would end the session at another one; here it is answered.
type lineReader struct {
	ctx     context.Context
	in      *bufio.Reader
	answers *lineWriter
	// rest is what is not yet read of the line before.
	rest []byte
}

// Read passes on what fits of one line.
func (l *lineReader) Read(p []byte) (int, error) {
	for len(l.rest) == 0 {
		line, tooLong, err := l.line()
		switch {
		case tooLong:
			_, _ = l.answers.Write(append(rpcError(codeInvalid, nil, fmt.Sprintf("A message is at most %d bytes long.", maxLine)), '\n'))
		case len(bytes.TrimSpace(line)) == 0:
		case !json.Valid(line):
			_, _ = l.answers.Write(append(rpcError(codeNotJSON, nil, "The line is not JSON."), '\n'))
		default:
			l.answers.expect(line)
			l.rest = slices.Concat(line, []byte{'\n'})
		}
		if err != nil && len(l.rest) == 0 {
			// The library ends with its input: what was asked is answered before.
			l.answers.wait(l.ctx)
			return 0, err
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// line reads one line without its end; of one that is too long nothing is kept.
func (l *lineReader) line() (line []byte, tooLong bool, err error) {
	for {
		part, err := l.in.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			line, tooLong = nil, true
		}
		if !tooLong {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimRight(line, "\r\n"), tooLong, err
		}
	}
}

// Close does nothing: the input is its owner's.
func (l *lineReader) Close() error { return nil }

// lineWriter lets the library and the reader write whole lines beside each other. It knows which requests wait for an answer.
type lineWriter struct {
	mu  sync.Mutex
	out io.Writer
	// waiting counts requests by their id; answered is sent to, without waiting, when one is answered.
	waiting  map[string]int
	answered chan struct{}
}

func (l *lineWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.out.Write(p)
	for _, m := range messages(p) {
		if m.Method == "" && l.waiting[string(m.ID)] > 0 {
			if l.waiting[string(m.ID)]--; l.waiting[string(m.ID)] == 0 {
				delete(l.waiting, string(m.ID))
			}
			select {
			case l.answered <- struct{}{}:
			default:
			}
		}
	}
	return n, err
}

// message is what tells a request, an answer and a notification apart.
type message struct {
	ID     json.RawMessage
	Method string
}

// messages reads a line: a message, or several. What is neither is none.
func messages(line []byte) (list []message) {
	if json.Unmarshal(line, &list) == nil {
		return list
	}
	var one message
	if json.Unmarshal(line, &one) != nil {
		return nil
	}
	return []message{one}
}

// expect notes the requests of a line.
func (l *lineWriter) expect(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range messages(line) {
		if m.Method != "" && len(m.ID) > 0 && string(m.ID) != "null" {
			l.waiting[string(m.ID)]++
		}
	}
}

// lastAnswers bounds how long the last answers are waited for.
const lastAnswers = 30 * time.Second

// wait waits until all requests are answered.
func (l *lineWriter) wait(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastAnswers)
	defer cancel()
	for {
		l.mu.Lock()
		n := len(l.waiting)
		l.mu.Unlock()
		if n == 0 {
			return
		}
		select {
		case <-l.answered:
		case <-ctx.Done():
			return
		}
	}
}

// Close does nothing: the output is its owner's.
func (l *lineWriter) Close() error { return nil }
