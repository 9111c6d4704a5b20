package main

import (
	"log/slog"
	"net"
	"sync"
	"time"
)

// maxConnections is how many callers may be connected, of as many open files as the process may have: the others are for
// the store's files and for what is sent to receivers. 0 stands for any number.
func maxConnections(openFiles uint64) int {
	const others = 3000
	// More than a machine can have anyway; it fits every int.
	const most = 1 << 30
	return int(min(max(openFiles/2, openFiles-min(others, openFiles)), most))
}

// opsConnections is how many of them operators may have.
const opsConnections = 64

// forStreams is how many of the public connections devices' streams may take: acknowledgements and callers need others.
func forStreams(public int) int { return max(public-public/4, 1) }

// boundedListener accepts a number of connections at once. One more waits until one ends: were it accepted, the store
// might not get a file that it needs.
type boundedListener struct {
	*net.TCPListener
	places chan struct{}
	closed chan struct{}
	once   sync.Once
	log    *slog.Logger
	// said is when it was logged that all places are taken; it belongs to the goroutine that accepts.
	said time.Time
}

// bound bounds a listener; 0 leaves it as it is.
func bound(l net.Listener, limit int, log *slog.Logger) net.Listener {
	tcp, ok := l.(*net.TCPListener)
	if !ok || limit == 0 {
		return l
	}
	return &boundedListener{TCPListener: tcp, places: make(chan struct{}, limit), closed: make(chan struct{}), log: log}
}

// Accept waits for a place, then for a connection.
func (l *boundedListener) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	default:
		if now := time.Now(); now.Sub(l.said) > time.Minute {
			l.said = now
			l.log.Warn("no more connections are accepted until one ends: raise the limit of open files", slog.Int("connections", cap(l.places)))
		}
		select {
		case l.places <- struct{}{}:
		case <-l.closed:
			return nil, net.ErrClosed
		}
	}
	conn, err := l.AcceptTCP()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &boundedConn{TCPConn: conn, leave: sync.OnceFunc(func() { <-l.places })}, nil
}

// Close ends the waiting for a place too.
func (l *boundedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.TCPListener.Close()
}

// boundedConn gives its place back when it ends.
type boundedConn struct {
	*net.TCPConn
	leave func()
}

func (c *boundedConn) Close() error {
	defer c.leave()
	return c.TCPConn.Close()
}
