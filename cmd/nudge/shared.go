package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/cluster"
	"github.com/nudgehq/nudge/delivery/jetstream"
	"github.com/nudgehq/nudge/delivery/stream"
	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/owndocument"
	"github.com/nudgehq/nudge/server/ops"
)

// nodeName is what a node may be called: a token of a subject.
var nodeName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,60}$`)

// checkStore checks where the store is, and what goes with it.
func (cmd *serveCommand) checkStore() error {
	if cmd.Store == "" {
		if cmd.NATSCreds != "" || cmd.NATSCA != "" || cmd.NodeName != "" || cmd.AcceptWeakDurability {
			return usagef("--nats-creds, --nats-ca, --node-name and --accept-weak-durability are for a store that --store names")
		}
		return nil
	}
	for _, one := range strings.Split(cmd.Store, ",") {
		u, err := url.Parse(one)
		if err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" {
			return usagef("--store must be URLs such as nats://HOST:PORT or tls://HOST:PORT, with commas between")
		}
	}
	switch {
	case cmd.TestClock:
		return usagef("--test-clock is for a store of this process's own")
	case len(cmd.DeviceKey) == 0 || len(cmd.WebhookSecret) == 0:
		return usagef("--store needs --device-key and --webhook-secret: the processes that share it have to use the same")
	case cmd.NodeName != "" && !nodeName.MatchString(cmd.NodeName):
		return usagef("--node-name must be up to 60 letters, digits, - and _")
	case cmd.NATSReplicas < 1 || cmd.NATSReplicas > 5:
		return usagef("--nats-replicas must be from 1 to 5")
	case cmd.NATSStreams < 1 || cmd.NATSStreams > delivery.Partitions:
		return usagef("--nats-streams must be from 1 to %d", delivery.Partitions)
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

// sharing is what makes this process one of several over a store.
type sharing struct {
	store   *jetstream.Store
	members *jetstream.Membership
	node    *cluster.Node
	log     *slog.Logger
	cancel  context.CancelFunc
	left    chan struct{}
}

// share connects to the store that is shared.
func share(ctx context.Context, cmd *serveCommand, log *slog.Logger) (*sharing, error) {
	name := cmd.NodeName
	if name == "" {
		host, _ := os.Hostname()
		if name = regexp.MustCompile(`[^A-Za-z0-9_-]+`).ReplaceAllString(host, "-"); name == "" {
			name = "node"
		}
	}
	trust, err := cmd.natsTrust()
	if err != nil {
		return nil, err
	}
	longest, err := longestTTL()
	if err != nil {
		return nil, err
	}
	store, err := jetstream.Open(ctx, jetstream.Options{
		Servers: cmd.Store, Credentials: cmd.NATSCreds, TLS: trust, Name: name, Prefix: cmd.NATSPrefix, Replicas: cmd.NATSReplicas, Streams: cmd.NATSStreams,
		Longest: longest, AcceptWeakDurability: cmd.AcceptWeakDurability, Logger: log,
	})
	if err != nil {
		return nil, fmt.Errorf("--store: %w", err)
	}
	return &sharing{store: store, members: store.Members(name, jetstream.DefaultTiming), log: log}, nil
}

// natsTrust is by what NATS servers are trusted; nil for the machine's own certificates.
func (cmd *serveCommand) natsTrust() (*tls.Config, error) {
	if cmd.NATSCA == "" {
		return nil, nil
	}
	text, err := os.ReadFile(cmd.NATSCA)
	if err != nil {
		return nil, usagef("--nats-ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, usagef("--nats-ca: %s has no certificate in PEM", cmd.NATSCA)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
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

// join makes the node, and gives the channel to devices, wherever they are connected.
func (s *sharing) join(hub *stream.Hub) delivery.Channel {
	s.store.OnRevoked(hub.Disconnect)
	s.node = cluster.New(cluster.Config{ID: strings.ToLower(rand.Text()), Store: s.store, Bus: s.store.Bus(), Hub: hub, Logger: s.log})
	return s.node.Channel()
}

// start has the node take its share.
func (s *sharing) start(queue *delivery.Queue) (deliveries, error) {
	if err := s.node.Serve(queue); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel, s.left = cancel, make(chan struct{})
	go func() {
		defer close(s.left)
		for ctx.Err() == nil {
			if err := s.members.Run(ctx, s.node); err != nil && ctx.Err() == nil {
				s.log.Warn("the other nodes cannot be seen; it is tried again", slog.Any("error", err))
				select {
				case <-time.After(time.Second):
				case <-ctx.Done():
				}
			}
		}
	}()
	return s.node, nil
}

// leave hands over what this process owns.
func (s *sharing) leave() {
	if s.cancel == nil {
		return
	}
	s.cancel()
	<-s.left
	s.node.Close()
	s.cancel = nil
}

var errJoining = errors.New("joining: this node has no lease yet")

// ready says what keeps the node from its work.
func (s *sharing) ready() error {
	if err := s.store.Ready(); err != nil {
		return fmt.Errorf("store away: %w", err)
	}
	if !s.members.View().Leased {
		return errJoining
	}
	return nil
}

// operate gives operators what they see of the nodes.
func (s *sharing) operate(operators *ops.Ops) {
	operators.CheckReady(s.ready)
	operators.RelayEvents(s.node.Watch)
	operators.Gauge("nudge_partitions_owned", "Partitions whose notifications this node delivers, of "+strconv.Itoa(delivery.Partitions)+".", s.node.Owned)
	operators.Gauge("nudge_nodes_alive", "Nodes that share the store, this one included, as it sees them.", func() int { return len(s.members.View().Nodes) })
	operators.Gauge("nudge_partitions_unowned", "Partitions that no node owns, as this one sees them.", func() int { return s.members.View().Unowned })
}
