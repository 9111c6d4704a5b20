package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nudgehq/nudge/contract"
)

type contractProxyCommand struct {
	contractSource
	To     string   `required:"" placeholder:"URL" help:"Base URL of the server that requests are passed on to."`
	Addr   string   `env:"NUDGE_PROXY_ADDR" default:"127.0.0.1:8082" help:"Where to take requests; port 0 picks a free one. (${default})"`
	Format string   `default:"text" enum:"text,json" placeholder:"text|json" help:"Form of the violations: a line each. (${default})"`
	Strict bool     `help:"Judge by the strict rules too: undeclared fields and parameters of the query. (on for nudge's own document)"`
	Ignore []string `sep:"none" placeholder:"PATH" help:"Pass requests unjudged whose path begins with it; can be repeated."`
	JUnit  string   `name:"junit" placeholder:"FILE" help:"Write the violations in JUnit's form when it ends, a failure for each rule."`
	JSON   string   `name:"json" placeholder:"FILE" help:"Write the violations as JSON when it ends; - for standard output, instead of the lines."`
}

// proxyTimeout is how long a request's head may take.
const proxyTimeout = 10 * time.Second

// maxFindings bounds the violations that are kept for a report.
const maxFindings = 10_000

// Run passes requests on until it is ended; the exit code tells whether anything was wrong.
func (cmd *contractProxyCommand) Run(ctx context.Context, out output) error {
	options, err := cmd.settings(ctx, out.stderr)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	found := 0
	var findings []contract.Finding
	files, err := reportFilesOf(cmd.JUnit, cmd.JSON)
	if err != nil {
		return err
	}
	options = append(options, contract.WithIgnored(cmd.Ignore...))
	if cmd.Strict {
		options = append(options, contract.WithStrict())
	}
	handler, err := contract.Proxy(cmd.To, func(f contract.Finding) {
		mu.Lock()
		defer mu.Unlock()
		if found++; len(findings) < maxFindings {
			findings = append(findings, f)
		}
		if cmd.JSON == "-" {
			return
		}
		if cmd.Format == "json" {
			_ = json.NewEncoder(out.stdout).Encode(f)
			return
		}
		_, _ = fmt.Fprintf(out.stdout, "%s  %s  %s %s %d: %s (%s)\n", f.Time.Format(time.TimeOnly), f.By, f.Method, f.Path, f.Status, f.Message, f.In(cmp.Or(redacted(cmd.Spec), "openapi.yaml")))
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
	server := &http.Server{Handler: counted, ReadHeaderTimeout: proxyTimeout, ErrorLog: log.New(io.Discard, "", 0)}
	if err := serveUntil(ctx, server, listener); err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	if err := files.writeFindings(findings, out.stdout, cmd.JSON == "-"); err != nil {
		return err
	}
	if found > 0 {
		return fmt.Errorf("violations: %d, in %d requests", found, requests.Load())
	}
	_, _ = fmt.Fprintf(out.stderr, "no violation in %d requests\n", requests.Load())
	return nil
}

// writeFindings writes what a proxy has found.
func (f reportFiles) writeFindings(findings []contract.Finding, stdout io.Writer, toStdout bool) error {
	var problems []error
	asJSON := func(w io.Writer) error {
		return writeJSON(w, map[string]any{"violations": append([]contract.Finding{}, findings...)})
	}
	if toStdout {
		problems = append(problems, asJSON(stdout))
	}
	if f.json != nil {
		problems = append(problems, asJSON(f.json), f.json.Close())
	}
	if f.junit != nil {
		problems = append(problems, contract.WriteFindings(f.junit, findings), f.junit.Close())
	}
	return errors.Join(problems...)
}
