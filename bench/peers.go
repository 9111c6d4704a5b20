package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/server/accounts"
)

// peer is a server that others are set beside.
type peer struct {
	name string
	// command starts it; it prints its URL, or listens on the port that it was given.
	command func() (*exec.Cmd, error)
	// port is where it listens; empty where it prints its URL.
	port string
}

// runPeers sets servers of the same operation side by side, in rounds that alternate, and writes what it found.
func runPeers(args []string) error {
	flags := flag.NewFlagSet("peers", flag.ExitOnError)
	out := flags.String("out", ".", "folder that RESULTS.md and its charts are written into")
	rounds := flags.Int("rounds", 5, "how often each server is measured")
	lasts := flags.Duration("for", 2*time.Second, "how long each time")
	ogen := flags.String("ogen", "", "the server that ogen makes of the document, built; empty: not run")
	prism := flags.String("prism", "", "Prism's command; empty: not run")
	postgres := flags.String("postgres", "", "folder of PostgreSQL's programs; empty: not run")
	_ = flags.Parse(args)
	work, err := os.MkdirTemp("", "nudge-peers")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	r := &results{out: *out, rounds: *rounds, lasts: *lasts}
	if err := r.requests(work, *ogen, *prism); err != nil {
		return err
	}
	if err := r.durable(work, *postgres); err != nil {
		return err
	}
	return r.write()
}

// self starts this program as a server.
func self(args ...string) func() (*exec.Cmd, error) {
	return func() (*exec.Cmd, error) {
		program, err := os.Executable()
		if err != nil {
			return nil, err
		}
		return exec.Command(program, args...), nil
	}
}

// requests measures a request through a socket, with nothing stored.
func (r *results) requests(work, ogen, prism string) error {
	var peers []peer
	for _, name := range []string{"Echo", "net/http", "generated", "generated + echo-middleware", "nudge", "nudge, access log"} {
		peers = append(peers, peer{name: name, command: self("peerserver", "-name", name)})
	}
	if ogen == "" {
		r.notRun = append(r.notRun, "ogen's server: -ogen names none")
	} else {
		for name, args := range map[string][]string{"ogen": nil, "ogen + strict form": {"-strict"}} {
			args = append(args, "-account", accounts.DevelopmentSID, "-token", accounts.DevelopmentToken)
			peers = append(peers, peer{name: name, command: func() (*exec.Cmd, error) { return exec.Command(ogen, args...), nil }})
		}
		slices.SortStableFunc(peers[6:], func(a, b peer) int { return strings.Compare(a.name, b.name) })
	}
	if prism == "" {
		r.notRun = append(r.notRun, "Prism: -prism names none")
	} else {
		document := filepath.Join(work, "openapi.yaml")
		if err := os.WriteFile(document, nudge.OpenAPI, 0o600); err != nil {
			return err
		}
		port, err := freePort()
		if err != nil {
			return err
		}
		peers = append(peers, peer{name: "Prism mock", port: port, command: func() (*exec.Cmd, error) {
			return exec.Command(prism, "mock", document, "--port", port, "--host", "127.0.0.1"), nil
		}})
	}
	return r.measure(table{
		name: "requests", title: "One request, nothing stored", connections: 16, base: "Echo",
		about: "The same answer through a socket. nudge has authentication, the strict form, validation, ids and headers in front of it; the log line of the second one is written and thrown away.",
	}, peers)
}

// measure runs all peers at once and measures one after the other, again and again: what else the machine does meets all alike.
func (r *results) measure(t table, peers []peer) error {
	running := make([]*process, len(peers))
	defer func() {
		for _, p := range running {
			if p != nil {
				p.kill()
			}
		}
	}()
	for i, p := range peers {
		began := time.Now()
		server, err := launch(p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		running[i] = server
		row := row{name: p.name, start: time.Since(began)}
		if row.idle, err = server.resident(); err != nil {
			return err
		}
		t.rows = append(t.rows, row)
	}
	for round := range r.rounds {
		for i := range peers {
			before, err := running[i].cpu()
			if err != nil {
				return err
			}
			rate, samples, err := loadFor(r.lasts, t.connections, func(client *http.Client, identity string) error {
				return create(client, running[i].url, identity)
			})
			if err != nil {
				return fmt.Errorf("%s: %w", peers[i].name, err)
			}
			after, err := running[i].cpu()
			if err != nil {
				return err
			}
			p50, p99 := quantiles(samples)
			if round == 0 {
				// The first warms up.
				continue
			}
			t.rows[i].add(rate, p50, p99, (after-before)/time.Duration(len(samples)))
		}
	}
	r.tables = append(r.tables, t)
	fmt.Print(t.markdown())
	return nil
}

// launch starts a peer and waits until it serves.
func launch(p peer) (*process, error) {
	command, err := p.command()
	if err != nil {
		return nil, err
	}
	if p.port == "" {
		return startCommand(command)
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	server := &process{command: command, url: "http://127.0.0.1:" + p.port}
	for range 300 {
		if c, err := net.Dial("tcp", "127.0.0.1:"+p.port); err == nil {
			return server, c.Close()
		}
		time.Sleep(100 * time.Millisecond)
	}
	server.kill()
	return nil, errors.New("it does not listen")
}

// cpu is the time that the server has had of the processors.
func (p *process) cpu() (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	// After the name in parentheses, which may have blanks: utime and stime are fields 14 and 15.
	_, rest, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	const perSecond = 100
	return time.Duration(ticks) * time.Second / perSecond, nil
}
