package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Time limits of the listeners. A request is small and answered at once; the write limit of the operators' listener
// leaves room for a profile of 30 seconds.
const (
	headerTimeout   = 5 * time.Second
	readTimeout     = 15 * time.Second
	writeTimeout    = 30 * time.Second
	opsWriteTimeout = 2 * time.Minute
	idleTimeout     = 2 * time.Minute
)

// isLoopback tells whether only this machine can reach the address.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// listener is an HTTP server on its address.
type listener struct {
	http *http.Server
	net  net.Listener
	tls  bool
}

// listen takes the address; a certificate makes it HTTPS, and at most limit connections are accepted, 0 for any number. What
// answers is set before serve.
func listen(addr string, limit int, certificate *tls.Config, log *slog.Logger) (*listener, error) {
	if err := checkAddr(addr); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	l = bound(l, limit, log)
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

// checkAddr checks the form of an address to listen on.
func checkAddr(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return usagef("%w; it must be HOST:PORT", err)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return usagef("invalid port %.20q; it must be HOST:PORT, with a port from 0 to 65535", port)
	}
	return nil
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

// shutdownTime is how long requests in flight are waited for: streams may never end.
const shutdownTime = 3 * time.Second

// serveUntil serves until the context ends, and gives what is under way shutdownTime to end.
func serveUntil(ctx context.Context, server *http.Server, listener net.Listener) error {
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if err := server.Shutdown(closing); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	// What is still open is a stream.
	_ = server.Close()
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close ends the listener and its connections at once.
func (l *listener) Close() { _ = l.http.Close(); _ = l.net.Close() }

// url is where it can be opened on this machine: where all addresses are listened on, that is localhost.
func (l *listener) url() string {
	scheme := "http://"
	if l.tls {
		scheme = "https://"
	}
	host, port, err := net.SplitHostPort(l.net.Addr().String())
	if err != nil {
		return scheme + l.net.Addr().String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return scheme + net.JoinHostPort(host, port)
}
