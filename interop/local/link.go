package local

import (
	"net"
	"sync"
	"time"
)

// State is how a link is.
type State int

// The states of a link.
const (
	// Whole passes everything on.
	Whole State = iota
	// Slow passes each piece on after slowness, in both directions.
	Slow
	// Stuck passes nothing on and keeps connections, as when packets are lost.
	Stuck
	// Cut has no connection, and takes none.
	Cut
)

// slowness is how long a slow link keeps each piece.
const slowness = 120 * time.Millisecond

// Link is a connection of a node to a NATS server, which can be broken.
type Link struct {
	listener net.Listener
	target   string

	mu      sync.Mutex
	state   State
	changed chan struct{}
	open    map[net.Conn]bool
}

func newLink(target string) (*Link, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &Link{listener: listener, target: target, changed: make(chan struct{}), open: map[net.Conn]bool{}}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go l.pass(conn)
		}
	}()
	return l, nil
}

// address is where it listens.
func (l *Link) address() string { return l.listener.Addr().String() }

// Set changes how the link is.
func (l *Link) Set(state State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = state
	close(l.changed)
	l.changed = make(chan struct{})
	if state == Cut {
		for conn := range l.open {
			_ = conn.Close()
		}
	}
}

// IsUsed tells whether there is a connection over it.
func (l *Link) IsUsed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open) > 0
}

func (l *Link) close() {
	_ = l.listener.Close()
	l.Set(Cut)
}

// keep keeps a connection among those that a cut closes; it tells whether there may be one.
func (l *Link) keep(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == Cut {
		return false
	}
	l.open[conn] = true
	return true
}

func (l *Link) pass(caller net.Conn) {
	defer func() { _ = caller.Close() }()
	server, err := net.DialTimeout("tcp", l.target, time.Second)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.open, caller)
		delete(l.open, server)
	}()
	if !l.keep(caller) || !l.keep(server) {
		return
	}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		l.copy(caller, server)
	}()
	l.copy(server, caller)
	<-answered
}

// copy passes on what comes, as the link is then; it ends both when one ends.
func (l *Link) copy(to, from net.Conn) {
	defer func() {
		_ = to.Close()
		_ = from.Close()
	}()
	piece := make([]byte, 32<<10)
	for {
		n, err := from.Read(piece)
		if err != nil {
			return
		}
		l.hold()
		if _, err := to.Write(piece[:n]); err != nil {
			return
		}
	}
}

// hold waits as long as the link keeps a piece.
func (l *Link) hold() {
	for {
		l.mu.Lock()
		state, changed := l.state, l.changed
		l.mu.Unlock()
		if state == Slow {
			<-time.After(slowness)
		}
		if state != Stuck {
			return
		}
		<-changed
	}
}
