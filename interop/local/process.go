// Package local runs a cluster on loopback: NATS servers, nudge nodes that share them, and a balancer before these. Each is a
// process of its own, which can be killed, stopped and started again.
package local

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
)

// Process is a program that runs, or did.
type Process struct {
	// Name is what it is called.
	Name string

	path string
	args []string
	env  []string
	log  string

	mu      sync.Mutex
	command *exec.Cmd
	ended   chan struct{}
}

// Start starts it, again or for the first time. What it prints is appended to its log.
func (p *Process) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	command := exec.Command(p.path, p.args...)
	command.Env = append(os.Environ(), p.env...)
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	ended := make(chan struct{})
	p.command, p.ended = command, ended
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	return nil
}

// Signal sends it a signal, if it runs.
func (p *Process) Signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.command != nil {
		_ = p.command.Process.Signal(s)
	}
}

// PID is its number with the system.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.command.Process.Pid
}

// Stop sends it a signal that ends it, and waits for that.
func (p *Process) Stop(s syscall.Signal) {
	p.Signal(s)
	p.mu.Lock()
	ended := p.ended
	p.mu.Unlock()
	if ended != nil {
		<-ended
	}
}

// exitCode is how it ended.
func (p *Process) exitCode() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.command.ProcessState.ExitCode()
}

// end is the end of its log.
func (p *Process) end() string {
	text, _ := os.ReadFile(p.log)
	return string(text[max(0, len(text)-2000):])
}

// Ended is closed when it has ended.
func (p *Process) Ended() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

// ports finds free ports of loopback, below those that systems give to connections and to listeners that ask for any: between now and
// the start of who is to have them nobody is given one.
func ports(n int) (list []int, err error) {
	const lowest, highest = 20_000, 30_000
	for port := lowest + rand.IntN(highest-lowest-1000); port < highest && len(list) < n; port++ { //nolint:gosec // Any will do.
		if l, failed := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); failed == nil {
			_ = l.Close()
			list = append(list, port)
		}
	}
	if len(list) < n {
		return nil, errors.New("there are too few free ports")
	}
	return list, nil
}
