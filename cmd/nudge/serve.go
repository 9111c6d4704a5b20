package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/nudgehq/nudge/portal"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/device"
	"github.com/nudgehq/nudge/server/ops"
)

// drainTimeout is how long the requests in flight may take at the end.
const drainTimeout = 30 * time.Second

// Run serves until ctx is done, then drains.
func (cmd *serveCommand) Run(ctx context.Context, out output) (err error) {
	// From the first moment to the last: by default the signal would end the process.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	// Whoever read the log may be gone; the server is not.
	signal.Ignore(syscall.SIGPIPE)
	if os.Getenv("GOMAXPROCS") == "" {
		// One more processor for the goroutine that waits in fsync, and one for those that it wakes: at 64 connections
		// on two cores the durable server answers about a sixth more.
		runtime.GOMAXPROCS(runtime.NumCPU() + 2)
	}
	log, lines := newLogger(out.stderr, cmd.LogFormat, cmd.LogLevel)
	defer lines.close()
	defer func() {
		if err != nil && cmd.LogFormat == "json" {
			// Nothing else is written where machines read.
			log.Error("the server ends", slog.Any("error", err))
			err = loggedError{err}
		}
	}()
	if err := cmd.check(); err != nil {
		return err
	}
	s := serving{cmd: cmd, log: log, out: out, ops: ops.New(), hangup: hangup}
	s.ops.Counter("nudge_log_lines_dropped_total", "Lines of the log that were dropped because they were not read fast enough.", lines.droppedLines)
	// What was given first: what is wrong in it is said whatever else runs. Then the addresses: a server that cannot have them leaves a
	// store as it is.
	given, err := s.read()
	if err != nil {
		return err
	}
	if err := s.listen(); err != nil {
		return err
	}
	defer s.close()
	if err := s.prepare(ctx, given); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.delivering.Close()) }()
	if err := s.serve(); err != nil {
		return err
	}
	s.announce()
	s.tell(daemon.SdNotifyReady)
	if ended, err := s.until(ctx); ended {
		return err
	}
	return s.drain()
}

// serving is a server that runs.
type serving struct {
	cmd        *serveCommand
	log        *slog.Logger
	ops        *ops.Ops
	handler    *server.Server
	delivering *delivering
	refreshers refreshers
	files      map[string]settingsFile
	watched    watchedDirectories
	tls        *tls.Config

	development bool
	example     server.ChallengeKey

	// connections is how many each listener accepts; 0 for any number.
	connections struct{ public, ops int }

	out             output
	hangup          chan os.Signal
	public, private *listener
	failed          chan error
}

// boundConnections shares the files that the process may open.
func (s *serving) boundConnections() {
	all := maxConnections(openFiles())
	if s.cmd.OpsAddr != "" {
		s.connections.ops = min(opsConnections, all/2)
	}
	s.connections.public = all - s.connections.ops
	if most := forStreams(s.connections.public); all > 0 && s.cmd.MaxStreams > most {
		// The default is for machines that may have many files open; less than it surprises nobody.
		level := slog.LevelDebug
		if s.cmd.MaxStreams != device.DefaultMaxStreams {
			level = slog.LevelWarn
		}
		s.cmd.MaxStreams = most
		s.log.Log(context.Background(), level, "streams are bounded by the limit of open files", slog.Int("max_streams", most))
	}
}

func (s *serving) certificate() error {
	cmd := s.cmd
	if cmd.TLSCert == "" && cmd.TLSKey == "" {
		return nil
	}
	if cmd.TLSCert == "" || cmd.TLSKey == "" {
		return usagef("--tls-cert and --tls-key go together")
	}
	files, err := openCertificate(cmd.TLSCert, cmd.TLSKey, s.log)
	if err != nil {
		return usagef("--tls-cert, --tls-key: %w", err)
	}
	s.refreshers = append(s.refreshers, files.refresh)
	s.tls = &tls.Config{GetCertificate: files.get, MinVersion: tls.VersionTLS12}
	return nil
}

// listen takes the addresses; who connects waits until the server serves.
func (s *serving) listen() (err error) {
	cmd := s.cmd
	if err := s.certificate(); err != nil {
		return err
	}
	s.boundConnections()
	if s.public, err = listen(cmd.Addr, s.connections.public, s.tls, s.log); err != nil {
		return fmt.Errorf("--addr: %w", err)
	}
	if cmd.OpsAddr != "" {
		if s.private, err = listen(cmd.OpsAddr, s.connections.ops, nil, s.log); err != nil {
			s.close()
			return fmt.Errorf("--ops-addr: %w", err)
		}
	}
	return nil
}

// serve starts to serve.
func (s *serving) serve() error {
	cmd := s.cmd
	documentation, err := cmd.documentation(s.public.url(), s.development, s.handler)
	if err != nil {
		return err
	}
	pages := server.Limit(cmd.MaxInflightDocs, documentation.handler)
	s.public.http.Handler = documentation.portal.Below(portal.Mount(pages, s.delivering.devices.Mount(s.handler)))
	if s.tls == nil {
		s.public.net = s.handler.Listener(s.public.net)
	}
	s.failed = make(chan error, 2)
	if s.private != nil {
		s.ops.Protect(ops.Guard{Hosts: cmd.OpsHost, Token: cmd.OpsToken})
		s.private.http.Handler = s.ops.Handler()
		s.private.http.WriteTimeout = opsWriteTimeout
		if !isLoopback(cmd.OpsAddr) && cmd.OpsToken == "" {
			s.log.Warn("the operators' endpoints ask for no credentials and can be reached from other machines", slog.String("ops_addr", s.private.net.Addr().String()))
		}
		go func() { s.failed <- s.private.serve() }()
	}
	go func() { s.failed <- s.public.serve() }()
	s.ops.SetReady(true)
	return nil
}

func (s *serving) close() {
	for _, l := range []*listener{s.public, s.private} {
		if l != nil {
			l.Close()
		}
	}
}

// until waits for the end: of ctx, or of what it cannot go on without.
func (s *serving) until(ctx context.Context) (ended bool, err error) {
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			// A directory that is gone is noticed though nobody asks for anything.
			_ = s.delivering.store.Ready()
			s.look()
		case err := <-s.failed:
			return true, err
		case err := <-s.delivering.failed:
			// Whoever watches this process starts another one, which finds out what can be read.
			s.ops.SetReady(false)
			return true, err
		case <-s.hangup:
			s.log.Info("SIGHUP: certificate, accounts, channels and challenges are read again")
			// A large file takes a while, and the end does not wait for it.
			go s.refreshers.refresh()
		case <-ctx.Done():
			return false, nil
		}
	}
}

// look has changed files read though nobody asks for anything, so that the log says at once what is wrong in them.
func (s *serving) look() {
	for _, file := range s.files {
		if file != nil {
			_ = file.Sum()
		}
	}
}

// drain ends: first a balancer is told, then callers, then those in flight are waited for.
func (s *serving) drain() error {
	s.tell(daemon.SdNotifyStopping)
	s.ops.SetReady(false)
	if delay := s.cmd.drainDelay(); delay > 0 {
		s.log.Info("shutting down: /readyz is 503, requests are still answered", slog.Duration("for", delay))
		select {
		case <-time.After(delay):
		case err := <-s.failed:
			return err
		case err := <-s.delivering.failed:
			return err
		}
	}
	s.log.Info("shutting down: new requests are refused; a second signal ends at once", slog.Int("in_flight", s.handler.InFlight()))
	drain, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	err := errors.Join(s.handler.Drain(drain), s.delivering.devices.Close(), s.public.http.Shutdown(drain), s.ops.Close())
	if s.private != nil {
		err = errors.Join(err, s.private.http.Shutdown(drain))
	}
	if err != nil {
		return fmt.Errorf("requests were still in flight after %s: %w", drainTimeout, err)
	}
	return nil
}
