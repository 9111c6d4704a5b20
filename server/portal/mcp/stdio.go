package mcp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// maxLine bounds a message on standard input, in bytes. It is above what a tool takes, so that arguments that are too
// large are answered; what is larger still ends the session.
const maxLine = 4 << 20

// ServeStdio answers one client on a pair of streams, a message a line, until the input ends or ctx is done.
func (s *Server) ServeStdio(ctx context.Context, in io.Reader, out io.Writer) error {
	err := s.server.Run(ctx, &sdk.IOTransport{Reader: newLineLimit(in), Writer: nopCloser{out}})
	if errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// lineLimit passes lines on and fails at one that is too long.
type lineLimit struct {
	reader *bufio.Reader
	length int
}

func newLineLimit(r io.Reader) *lineLimit { return &lineLimit{reader: bufio.NewReader(r)} }

// Read passes on what is there.
func (l *lineLimit) Read(p []byte) (int, error) {
	n, err := l.reader.Read(p)
	for _, b := range p[:n] {
		l.length++
		if b == '\n' {
			l.length = 0
		}
		if l.length > maxLine {
			return 0, fmt.Errorf("a message is longer than %d bytes", maxLine)
		}
	}
	return n, err
}

// Close does nothing: the input is its owner's.
func (l *lineLimit) Close() error { return nil }

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
