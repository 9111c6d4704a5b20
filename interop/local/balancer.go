package local

import (
	"io"
	"net"
	"sync/atomic"
	"time"
)

// Balancer passes connections on to nodes in turn; one that does not take it is passed over.
type Balancer struct {
	listener net.Listener
	nodes    []string
	next     atomic.Uint64
}

func balance(nodes []string) (*Balancer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &Balancer{listener: listener, nodes: nodes}
	go b.serve()
	return b, nil
}

// URL is where it listens.
func (b *Balancer) URL() string { return "http://" + b.listener.Addr().String() }

// Close takes no more connections.
func (b *Balancer) Close() { _ = b.listener.Close() }

func (b *Balancer) serve() {
	for {
		caller, err := b.listener.Accept()
		if err != nil {
			return
		}
		go b.pass(caller)
	}
}

func (b *Balancer) pass(caller net.Conn) {
	defer func() { _ = caller.Close() }()
	for range b.nodes {
		node, err := net.DialTimeout("tcp", b.nodes[b.next.Add(1)%uint64(len(b.nodes))], time.Second)
		if err != nil {
			continue
		}
		go func() {
			_, _ = io.Copy(node, caller)
			_ = node.(*net.TCPConn).CloseWrite()
		}()
		_, _ = io.Copy(caller, node)
		_ = node.Close()
		return
	}
}
