package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/challenges"
	"github.com/nudgehq/nudge/server/ops"
	"github.com/nudgehq/nudge/server/portal"
)

// Time limits of the listeners. A request is small and answered at once; the write limit of the operators' listener
// leaves room for a profile of 30 seconds.
const (
	headerTimeout   = 5 * time.Second
	readTimeout     = 15 * time.Second
	writeTimeout    = 30 * time.Second
	opsWriteTimeout = 2 * time.Minute
	idleTimeout     = 2 * time.Minute
	drainTimeout    = 30 * time.Second
)

type serveCommand struct {
	Addr        string   `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where to serve the operation. Port 0 picks a free one. (${default})"`
	OpsAddr     string   `default:"127.0.0.1:8081" placeholder:"HOST:PORT" help:"Where to serve the operators' endpoints: /healthz, /readyz, /metrics, /notifications/{sid}, /events, /debug/pprof. Empty: nowhere. (${default})"`
	Data        string   `default:"nudge-data" placeholder:"DIR" help:"Directory of the durable store, made where there is none. (${default})"`
	DeviceKey   string   `placeholder:"TEXT" help:"Key that signs device tokens, at least 32 bytes. Without it: the file device.key in the data directory, made where there is none."`
	Account     []string `placeholder:"SID:TOKEN" help:"An account (AC…) and its auth token; can be repeated. None at all: a development account, on the loopback interface only."`
	Accounts    string   `placeholder:"FILE" help:"YAML file of accounts and their API keys (SK…); read again when it changes."`
	Challenges  string   `default:"any" placeholder:"any|FILE" help:"Which challenges exist: any, or those of a YAML file, read again when it changes. (${default})"`
	Device      string   `default:"stream" placeholder:"stream|webhook=URL|none" help:"The channel of every device, with --challenges any. (${default})"`
	CORSOrigin  []string `name:"cors-origin" default:"*" placeholder:"ORIGIN" help:"Origin whose pages may read the answers, such as https://app.example.com; can be repeated. (${default}: any, without credentials)"`
	PublicURL   string   `name:"public-url" placeholder:"URL" help:"Where callers reach this server, such as https://notify.example.com: the documentation shows it, and the MCP server answers to it. Without it: the address that is listened on."`
	MCPExecute  bool     `name:"mcp-execute" help:"Let AI tools call the operation through the MCP server, with their own credentials."`
	MaxInflight int      `default:"${max_inflight}" placeholder:"N" help:"Requests processed at once; one more is answered 20429. (${default})"`
	MaxBody     int64    `default:"${max_body}" placeholder:"BYTES" help:"Largest request body; a larger one is answered 20413. (${default})"`
	TLSCert     string   `name:"tls-cert" placeholder:"FILE" help:"Certificate chain in PEM: serve HTTPS. With --tls-key."`
	TLSKey      string   `name:"tls-key" placeholder:"FILE" help:"Private key of the certificate in PEM."`

	WebhookSecret       string `placeholder:"whsec_…" help:"Secret that signs webhooks (Standard Webhooks). Without it: the file webhook.secret in the data directory, made where there is none."`
	WebhookAllowPrivate bool   `help:"Let webhooks be sent to addresses that are not public: loopback, link-local and private ranges."`
	EventsWebhook       string `placeholder:"URL" help:"Where every event of a notification is posted to, signed like webhooks."`
	TestClock           bool   `help:"For tests only: the clock stands until POST /clock/advance?by=5m on the operators' listener moves it."`

	LogFormat string `default:"text" enum:"text,json" placeholder:"text|json" help:"Form of the log lines on standard error. (${default})"`
}

// Run serves until ctx is done, then drains.
func (cmd *serveCommand) Run(ctx context.Context, out output) (err error) {
	if os.Getenv("GOMAXPROCS") == "" {
		// One more processor for the goroutine that waits in fsync, and one for those that it wakes: at 64 connections
		// on two cores the durable server answers about a sixth more.
		runtime.GOMAXPROCS(runtime.NumCPU() + 2)
	}
	log := newLogger(out, cmd.LogFormat)
	if err := cmd.check(); err != nil {
		return err
	}
	who, development, err := cmd.accounts(log)
	if err != nil {
		return err
	}
	directory, example, err := cmd.challenges(log)
	if err != nil {
		return err
	}
	certificate, err := cmd.certificate()
	if err != nil {
		return err
	}
	operators := ops.New()
	delivering, err := cmd.deliver(ctx, operators, development, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, delivering.Close()) }()
	handler, err := server.New(server.Config{
		Accounts:    who,
		Challenges:  directory,
		Queue:       delivering.queue,
		CORSOrigins: cmd.CORSOrigin,
		MaxInFlight: cmd.MaxInflight,
		MaxBody:     cmd.MaxBody,
		Logger:      log,
		Observe:     operators.Observe,
		Now:         delivering.clock.Now,
	})
	if err != nil {
		return usageError{err}
	}
	operators.WatchInFlight(handler.InFlight)

	public, err := listen(cmd.Addr, certificate, log)
	if err != nil {
		return fmt.Errorf("--addr: %w", err)
	}
	defer public.Close()
	documentation, err := cmd.documentation(public.url(), development, handler)
	if err != nil {
		return err
	}
	public.http.Handler = portal.Beside(documentation, delivering.devices.Beside(handler))
	if certificate == nil {
		public.net = handler.Listener(public.net)
	}
	listeners := []*listener{public}
	var private *listener
	if cmd.OpsAddr != "" {
		if private, err = listen(cmd.OpsAddr, nil, log); err != nil {
			return fmt.Errorf("--ops-addr: %w", err)
		}
		defer private.Close()
		private.http.Handler = operators.Handler()
		private.http.WriteTimeout = opsWriteTimeout
		listeners = append(listeners, private)
		if !isLoopback(cmd.OpsAddr) {
			log.Warn("the operators' endpoints ask for no credentials and can be reached from other machines", slog.String("ops_addr", cmd.OpsAddr))
		}
	}

	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { failed <- l.serve() }()
	}
	operators.SetReady(true)
	announcement{
		public: public.url(), ops: private, data: cmd.Data, testClock: cmd.TestClock, development: development, username: cmd.exampleUsername(), challenge: example,
	}.print(out.stdout)

	select {
	case err := <-failed:
		return err
	case err := <-delivering.failed:
		// Whoever watches this process starts another one, which finds out what can be read.
		operators.SetReady(false)
		return err
	case <-ctx.Done():
	}
	operators.SetReady(false)
	log.Info("shutting down: new requests are refused; a second signal ends at once", slog.Int("in_flight", handler.InFlight()))
	drain, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	err = errors.Join(handler.Drain(drain), delivering.devices.Close(), public.http.Shutdown(drain), operators.Close())
	if err != nil {
		return fmt.Errorf("requests were still in flight after %s: %w", drainTimeout, err)
	}
	return nil
}

// check refuses what the flags' types allow and makes no sense. A variable that is set and empty is most likely a secret
// that was not found: taking it for no account would let the development account in.
func (cmd *serveCommand) check() error {
	for _, name := range []string{"NUDGE_ACCOUNT", "NUDGE_CORS_ORIGIN"} {
		if value, set := os.LookupEnv(name); set && value == "" {
			return usagef("%s is set and empty: unset it, or give it a value", name)
		}
	}
	switch {
	case cmd.MaxInflight < 1:
		return usagef("--max-inflight must be at least 1")
	case cmd.MaxBody < 1:
		return usagef("--max-body must be at least 1")
	case cmd.Challenges == "":
		return usagef("--challenges must be any or a file")
	case cmd.Data == "":
		return usagef("--data must be a directory")
	case cmd.TestClock && cmd.OpsAddr == "":
		return usagef("--test-clock needs --ops-addr: the clock is moved there")
	}
	return nil
}

// accounts collects who may call. Without any account it is the development account, if nobody else can reach it.
func (cmd *serveCommand) accounts(log *slog.Logger) (who server.Accounts, development bool, err error) {
	if len(cmd.Account) == 0 && cmd.Accounts == "" {
		if !isLoopback(cmd.Addr) {
			return nil, false, usagef("--addr %s can be reached from other machines: give --account or --accounts, or listen on 127.0.0.1", cmd.Addr)
		}
		return accounts.Development(), true, nil
	}
	set, err := accounts.Parse(cmd.Account...)
	if err != nil {
		return nil, false, usagef("--account: %w", err)
	}
	if cmd.Accounts == "" {
		return set, false, nil
	}
	file, err := accounts.OpenFile(cmd.Accounts, log)
	if err != nil {
		return nil, false, usagef("--accounts: %w", err)
	}
	return accounts.Any{set, file}, false, nil
}

func (cmd *serveCommand) challenges(log *slog.Logger) (directory server.Challenges, example server.ChallengeKey, err error) {
	if cmd.Challenges == "any" {
		everyone, err := challenges.ParseDevice(cmd.Device)
		if err != nil {
			return nil, server.ChallengeKey{}, usagef("--device: %w", err)
		}
		return everyone, exampleChallenge(), nil
	}
	file, err := challenges.OpenFile(cmd.Challenges, log)
	if err != nil {
		return nil, server.ChallengeKey{}, usagef("--challenges: %w", err)
	}
	return file, file.First(), nil
}

func (cmd *serveCommand) certificate() (*tls.Config, error) {
	if cmd.TLSCert == "" && cmd.TLSKey == "" {
		return nil, nil
	}
	if cmd.TLSCert == "" || cmd.TLSKey == "" {
		return nil, usagef("--tls-cert and --tls-key go together")
	}
	pair, err := tls.LoadX509KeyPair(cmd.TLSCert, cmd.TLSKey)
	if err != nil {
		return nil, usagef("--tls-cert, --tls-key: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

func newLogger(out output, format string) *slog.Logger {
	if format == "json" {
		return slog.New(slog.NewJSONHandler(out.stderr, nil))
	}
	return slog.New(slog.NewTextHandler(out.stderr, nil))
}

// isLoopback tells whether only this machine can reach the address.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// listener is an HTTP server on its address.
type listener struct {
	http *http.Server
	net  net.Listener
	tls  bool
}

// listen takes the address; a certificate makes it HTTPS. What answers is set before serve.
func listen(addr string, certificate *tls.Config, log *slog.Logger) (*listener, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, usagef("%w; it must be HOST:PORT", err)
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return nil, usagef("%w; it must be HOST:PORT", err)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &listener{net: l, tls: certificate != nil, http: &http.Server{
		TLSConfig:         certificate,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		// OPTIONS * is answered by the handler, as everything is.
		DisableGeneralOptionsHandler: true,
	}}, nil
}

// serve answers requests until Shutdown or Close; then it returns nil.
func (l *listener) serve() error {
	var err error
	if l.tls {
		err = l.http.ServeTLS(l.net, "", "")
	} else {
		err = l.http.Serve(l.net)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Close ends the listener and its connections at once.
func (l *listener) Close() { _ = l.http.Close(); _ = l.net.Close() }

func (l *listener) url() string {
	scheme := "http://"
	if l.tls {
		scheme = "https://"
	}
	return scheme + l.net.Addr().String()
}
