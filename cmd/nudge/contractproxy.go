package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nudgehq/nudge/contract"
)

type contractProxyCommand struct {
	contractSource
	To     string `required:"" placeholder:"URL" help:"Base URL of the server that requests are passed on to."`
	Addr   string `env:"NUDGE_PROXY_ADDR" default:"127.0.0.1:8082" help:"Where to take requests; port 0 picks a free one. (${default})"`
	Format string `default:"text" enum:"text,json" placeholder:"text|json" help:"Form of the violations: a line each. (${default})"`
}

// proxyTimeout is how long the proxy waits for requests in flight when it ends.
const proxyTimeout = 10 * time.Second

// Run passes requests on until it is ended; the exit code tells whether anything was wrong.
func (cmd *contractProxyCommand) Run(ctx context.Context, out output) error {
	options, err := cmd.settings(ctx, out.stderr)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	found := 0
	handler, err := contract.Proxy(cmd.To, func(f contract.Finding) {
		mu.Lock()
		defer mu.Unlock()
		found++
		if cmd.Format == "json" {
			_ = json.NewEncoder(out.stdout).Encode(f)
			return
		}
		_, _ = fmt.Fprintf(out.stdout, "%s  %s  %s %s %d: %s (%s)\n", f.Time.Format(time.TimeOnly), f.By, f.Method, f.Path, f.Status, f.Message, f.Rule)
	}, options...)
	if err != nil {
		return usageError{err}
	}
	if err := checkAddr(cmd.Addr); err != nil {
		return usagef("--addr: %w", err)
	}
	listener, err := net.Listen("tcp", cmd.Addr)
	if err != nil {
		return usagef("--addr: %w", err)
	}
	_, _ = fmt.Fprintf(out.stderr, "nudge takes requests on http://%s and passes them on to %s\n", listener.Addr(), cmd.To)
	var requests atomic.Int64
	counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		handler.ServeHTTP(w, r)
	})
	server := &http.Server{Handler: counted, ReadHeaderTimeout: proxyTimeout}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), proxyTimeout)
	defer cancel()
	if err := server.Shutdown(closing); err != nil {
		return err
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	if found > 0 {
		return fmt.Errorf("violations: %d, in %d requests", found, requests.Load())
	}
	_, _ = fmt.Fprintf(out.stderr, "no violation in %d requests\n", requests.Load())
	return nil
}
