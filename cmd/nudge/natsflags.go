package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/jetstream"
	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/owndocument"
)

// natsFlags say what NATS servers are asked for, and how they are trusted.
type natsFlags struct {
	NATSCreds            string `name:"nats-creds" placeholder:"FILE" help:"Credentials of a NATS user, as nsc writes them."`
	NATSCA               string `name:"nats-ca" placeholder:"FILE" help:"Certificates, in PEM, by which NATS servers are trusted that are asked by tls://."`
	NATSReplicas         int    `name:"nats-replicas" default:"3" placeholder:"N" help:"On how many NATS servers each stream is. (${default})"`
	NATSStreams          int    `name:"nats-streams" default:"4" placeholder:"N" help:"How many streams share the work; fixed once they are made. (${default})"`
	NATSPrefix           string `name:"nats-prefix" default:"nudge" placeholder:"NAME" help:"What subjects and streams begin with: another one for each cluster on the same servers. (${default})"`
	AcceptWeakDurability bool   `help:"Take NATS servers that may lose what they have acknowledged: with fewer than three replicas, or that do not say that they sync each write."`
}

func (f natsFlags) check() error {
	switch {
	case f.NATSReplicas < 1 || f.NATSReplicas > 5:
		return usagef("--nats-replicas must be from 1 to 5")
	case f.NATSStreams < 1 || f.NATSStreams > delivery.Partitions:
		return usagef("--nats-streams must be from 1 to %d", delivery.Partitions)
	}
	return nil
}

// areNATSServers tells whether a text is URLs of NATS servers, with commas between.
func areNATSServers(text string) bool {
	for _, one := range strings.Split(text, ",") {
		u, err := url.Parse(one)
		if err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" {
			return false
		}
	}
	return true
}

// checkServers checks --store.
func checkServers(store string) error {
	if !areNATSServers(store) {
		return usagef("--store must be URLs such as nats://HOST:PORT or tls://HOST:PORT, with commas between")
	}
	return nil
}

// withoutPasswords are the servers of --store, without what proves who asks.
func withoutPasswords(servers string) string {
	var hosts []string
	for _, one := range strings.Split(servers, ",") {
		if u, err := url.Parse(one); err == nil {
			hosts = append(hosts, u.Scheme+"://"+u.Host)
		}
	}
	return strings.Join(hosts, ",")
}

// trust is by what NATS servers are trusted; nil for the machine's own certificates.
func (f natsFlags) trust() (*tls.Config, error) {
	if f.NATSCA == "" {
		return nil, nil
	}
	text, err := os.ReadFile(f.NATSCA)
	if err != nil {
		return nil, usagef("--nats-ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, usagef("--nats-ca: %s has no certificate in PEM", f.NATSCA)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

// options are those of a store on NATS servers; name is this process's, as their operators see it.
func (f natsFlags) options(servers, name string, log *slog.Logger) (o jetstream.Options, err error) {
	trust, err := f.trust()
	if err != nil {
		return o, err
	}
	longest, err := longestTTL()
	if err != nil {
		return o, err
	}
	if f.NATSCreds != "" {
		if _, err := os.ReadFile(f.NATSCreds); err != nil {
			return o, usagef("--nats-creds: %w", err)
		}
	}
	return jetstream.Options{
		Servers: servers, Credentials: f.NATSCreds, TLS: trust, Name: name, Prefix: f.NATSPrefix, Replicas: f.NATSReplicas, Streams: f.NATSStreams,
		Longest: longest, AcceptWeakDurability: f.AcceptWeakDurability, Logger: log,
	}, nil
}

// unreachable names the servers that a store could not be opened on, and the flags that it may be for.
func unreachable(flag, servers string, err error) error {
	err = fmt.Errorf("%s %s: %w", flag, withoutPasswords(servers), err)
	if errors.Is(err, jetstream.ErrOtherwise) {
		err = fmt.Errorf("%w (--nats-streams, --nats-replicas; --nats-prefix for another store)", err)
	}
	return err
}

// longestTTL is the longest that the document allows.
func longestTTL() (time.Duration, error) {
	doc, err := owndocument.Document()
	if err != nil {
		return 0, err
	}
	operations, err := openapi.Operations(doc)
	if err != nil {
		return 0, err
	}
	for _, op := range operations {
		if op.FormSchema == nil {
			continue
		}
		if ref := openapi.Property(op.FormSchema, "Ttl"); ref != nil && ref.Value.Max != nil {
			return time.Duration(*ref.Value.Max) * time.Second, nil
		}
	}
	return 0, nil
}
