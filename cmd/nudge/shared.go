package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/cluster"
	"github.com/nudgehq/nudge/delivery/jetstream"
	"github.com/nudgehq/nudge/delivery/stream"
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
	if err := checkServers(cmd.Store); err != nil {
		return err
	}
	switch {
	case cmd.TestClock:
		return usagef("--test-clock is for a store of this process's own")
	case len(cmd.DeviceKey) == 0 || len(cmd.WebhookSecret) == 0:
		return usagef("--store needs --device-key and --webhook-secret: the processes that share it have to use the same")
	case cmd.NodeName != "" && !nodeName.MatchString(cmd.NodeName):
		return usagef("--node-name must be up to 60 letters, digits, - and _")
	}
	return cmd.natsFlags.check()
}

// sharing is what makes this process one of several over a store.
type sharing struct {
	store   *jetstream.Store
	members *jetstream.Membership
	node    *cluster.Node
	log     *slog.Logger
	cancel  context.CancelFunc
	left    chan struct{}
	// watchCtx ends what watches the directories.
	watchCtx  context.Context
	stopWatch context.CancelFunc
	watching  sync.WaitGroup
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
	options, err := cmd.options(cmd.Store, name, log)
	if err != nil {
		return nil, err
	}
	store, err := jetstream.Open(ctx, options)
	if err != nil {
		return nil, unreachable("--store", cmd.Store, err)
	}
	s := &sharing{store: store, members: store.Members(name, jetstream.DefaultTiming), log: log}
	s.watchCtx, s.stopWatch = context.WithCancel(context.Background())
	return s, nil
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
	return heldWhileMoved{s.node, s.members}, nil
}

// heldWhileMoved takes no notification while what is pending is moved to another store.
type heldWhileMoved struct {
	*cluster.Node
	members *jetstream.Membership
}

// Add stores a notification.
func (h heldWhileMoved) Add(ctx context.Context, n delivery.Notification) error {
	if h.members.Moving() {
		return fmt.Errorf("%w: %w", delivery.ErrUnavailable, errMoving)
	}
	return h.Node.Add(ctx, n)
}

// leave hands over what this process owns.
func (s *sharing) leave() {
	s.stopWatch()
	s.watching.Wait()
	if s.cancel == nil {
		return
	}
	s.cancel()
	<-s.left
	s.node.Close()
	s.cancel = nil
}

var (
	errJoining = errors.New("joining: this node has no lease yet")
	errLost    = errors.New("store away: this node has lost its lease, because its heartbeats are not acknowledged")
	errMoving  = errors.New("moving: nudge migrate moves what is pending")
)

// ready says what keeps the node from its work.
func (s *sharing) ready() error {
	if err := s.store.Ready(); err != nil {
		return fmt.Errorf("store away: %w", err)
	}
	switch view := s.members.View(); {
	case view.Moving:
		return errMoving
	case view.Lost:
		return errLost
	case !view.Leased:
		return errJoining
	}
	return nil
}

// sums gives checksums of what has to be the same on all nodes; where the device keys differ, all do.
func (cmd *serveCommand) sums(files map[string]settingsFile) func() map[string]string {
	return func() map[string]string {
		sums := map[string]string{}
		for name, of := range map[string]struct {
			flags []string
			place string
		}{
			"--accounts":   {flags: cmd.Account, place: cmd.Accounts},
			"--channels":   {place: cmd.Channels},
			"--challenges": {flags: []string{cmd.Device}, place: cmd.Challenges},

			"--challenges-token-file": {},
			"--device-key":            {flags: cmd.DeviceKey},
			"--webhook-secret":        {flags: cmd.WebhookSecret},
		} {
			text := strings.Join(of.flags, ",") + " " + of.place
			if file := files[name]; file != nil {
				// Where a file is is each machine's own matter.
				content := file.Sum()
				text = strings.Join(of.flags, ",") + " " + string(content[:])
			}
			// Who reads it must not try what a weak token may be.
			sum := hmac.New(sha256.New, []byte(cmd.DeviceKey[0]))
			_, _ = sum.Write([]byte(name + " " + text))
			sums[name] = hex.EncodeToString(sum.Sum(nil)[:4])
		}
		return sums
	}
}

// operate gives operators what they see of the nodes.
func (s *sharing) operate(operators *ops.Ops) {
	operators.CheckReady(s.ready)
	operators.Backup(func(string, string) error {
		return errors.New("the store of this node is NATS: back up its streams, as with nats account backup")
	})
	operators.RelayEvents(s.node.Watch)
	operators.Gauge("nudge_partitions_owned", "Partitions whose notifications this node delivers, of "+strconv.Itoa(delivery.Partitions)+"; 0 without a lease.", func() int {
		if !s.members.View().Leased {
			return 0
		}
		return s.node.Owned()
	})
	operators.Gauge("nudge_nodes_alive", "Nodes that share the store, this one included, as it sees them.", func() int { return len(s.members.View().Nodes) })
	operators.Gauge("nudge_settings_differing", "Settings that have to be the same on all nodes, and are not: accounts, challenges, keys.", func() int { return len(s.members.Differing()) })
	operators.Gauge("nudge_node_leased", "1 while this node may act, 0 while it has no lease.", func() int {
		if s.members.View().Leased {
			return 1
		}
		return 0
	})
	operators.Gauge("nudge_feed_behind", "Messages that the owned partition that is furthest behind has still to read.", s.store.Behind)
	for name, counter := range map[string]struct {
		help string
		of   func(jetstream.Counts) int
	}{
		"nudge_partitions_taken_total":      {"Partitions that this node took.", func(c jetstream.Counts) int { return c.Taken }},
		"nudge_partitions_taken_over_total": {"Partitions that this node took from a dead one.", func(c jetstream.Counts) int { return c.TakenOver }},
		"nudge_nodes_declared_dead_total":   {"Nodes that this one declared dead.", func(c jetstream.Counts) int { return c.Dead }},
		"nudge_leases_lost_total":           {"How often this node's lease ran out.", func(c jetstream.Counts) int { return c.LeasesLost }},
		"nudge_writes_refused_total":        {"Claims, heartbeats and outcomes that were refused because another node was first.", func(c jetstream.Counts) int { return c.Refused }},
	} {
		operators.Counter(name, counter.help, func() int { return counter.of(s.members.Counts()) })
	}
	operators.Gauge("nudge_partitions_unowned", "Partitions that no node owns, as this one sees them.", func() int { return s.members.View().Unowned })
}
