package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/nudgehq/nudge/delivery"
)

// setUpTime is how long making and verifying the streams may take.
const setUpTime = 30 * time.Second

// duplicates is how long the servers know the id of a message: longer than one create is tried.
const duplicates = 10 * time.Second

// minAPILevel is JetStream's API as of NATS 2.12, which the layout needs: TTLs of messages, direct gets of many subjects, and
// conditions that are refused while another is in flight.
const minAPILevel = 2

// notClustered is the number of the refusal of a server that is alone.
const notClustered = 10074

// ErrOtherwise means that streams or buckets are there, and are not as they are asked for.
var ErrOtherwise = errors.New("jetstream: it was made otherwise than is asked for")

// ErrWeak means that the servers may lose what they have acknowledged.
var ErrWeak = errors.New("jetstream: the servers may lose what they have acknowledged")

// checkServers asks the servers what they are. It is before anything is made: what weak servers were given stays.
func (s *Store) checkServers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, setUpTime)
	defer cancel()
	guarded, errorOf, stop := s.denied.until(ctx)
	info, err := s.js.AccountInfo(guarded)
	stop()
	if err != nil {
		return fmt.Errorf("jetstream: the NATS server does not answer for JetStream: %w", errorOf(err))
	}
	if info.API.Level < minAPILevel {
		return fmt.Errorf("jetstream: the NATS server is too old: its API has level %d, and %d is needed", info.API.Level, minAPILevel)
	}
	// Who may not ask is not told: that is weak, and no denial.
	return s.checkDurability(ctx)
}

// setUp makes the streams that are not there, and verifies all.
func (s *Store) setUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, setUpTime)
	defer cancel()
	wanted := []jetstream.StreamConfig{s.membersConfig()}
	for number := range s.options.Streams {
		wanted = append(wanted, s.config(number))
	}
	for _, want := range wanted {
		is, err := s.stream(ctx, want)
		if err != nil {
			return err
		}
		if wrong := differences(is, want); len(wrong) > 0 {
			return fmt.Errorf("%w: the stream %s: %s", ErrOtherwise, want.Name, strings.Join(wrong, "; "))
		}
	}
	return nil
}

// config is what a stream of notifications has to be.
func (s *Store) config(number int) jetstream.StreamConfig {
	maxBytes := s.options.MaxBytes
	if maxBytes == 0 {
		maxBytes = -1
	}
	return jetstream.StreamConfig{
		Name: s.streamName(number), Subjects: []string{s.ofStream(number)}, Description: "notifications of nudge",
		Storage: jetstream.FileStorage, Replicas: s.options.Replicas, Retention: jetstream.LimitsPolicy,
		// A full stream refuses: what is pending is never dropped for what comes.
		Discard: jetstream.DiscardNew, MaxBytes: maxBytes, MaxMsgsPerSubject: 1,
		AllowMsgTTL: true, AllowDirect: true, Duplicates: duplicates,
		// Whoever does not own a record any more cannot delete it.
		DenyDelete: true, DenyPurge: true,
		Metadata: map[string]string{"nudge-layout": Layout, "nudge-streams": fmt.Sprint(s.options.Streams), "nudge-partitions": fmt.Sprint(delivery.Partitions)},
	}
}

// membersConfig is what the stream of nodes and of their claims has to be. Every read of it goes to the leader.
func (s *Store) membersConfig() jetstream.StreamConfig {
	config := s.config(0)
	config.Name, config.Subjects, config.Description = s.membersStream(), []string{s.members(">")}, "nodes of nudge, and what they own"
	config.MaxBytes, config.AllowDirect, config.Duplicates = 64<<20, false, 100*time.Millisecond
	return config
}

// stream gives a stream's configuration, and makes it where there is none. Several processes may do so at once, and then most get
// no answer: it is looked at again.
func (s *Store) stream(ctx context.Context, wanted jetstream.StreamConfig) (jetstream.StreamConfig, error) {
	for {
		brief, cancel := context.WithTimeout(ctx, 1500*time.Millisecond)
		found, err := s.js.Stream(brief, wanted.Name)
		if errors.Is(err, jetstream.ErrStreamNotFound) && s.options.MustExist {
			cancel()
			return wanted, fmt.Errorf("jetstream: there is no store here: the stream %s is missing", wanted.Name)
		}
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			found, err = s.js.CreateStream(brief, wanted)
		}
		cancel()
		if err == nil {
			return found.CachedInfo().Config, nil
		}
		var refused *jetstream.APIError
		if errors.As(err, &refused) && (refused.Code < 500 || refused.ErrorCode == notClustered) && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return wanted, fmt.Errorf("jetstream: the stream %s cannot be made: %w", wanted.Name, err)
		}
		if sleep(ctx, 100*time.Millisecond) != nil {
			return wanted, fmt.Errorf("jetstream: the stream %s cannot be had: %w", wanted.Name, err)
		}
	}
}

// differences says what of a stream is not as it should be.
func differences(is, want jetstream.StreamConfig) (wrong []string) {
	for _, one := range []struct {
		what     string
		is, want any
	}{
		{"subjects", fmt.Sprint(is.Subjects), fmt.Sprint(want.Subjects)}, {"storage", is.Storage, want.Storage}, {"replicas", is.Replicas, want.Replicas},
		{"retention", is.Retention, want.Retention}, {"discard", is.Discard, want.Discard}, {"max_msgs_per_subject", is.MaxMsgsPerSubject, want.MaxMsgsPerSubject},
		{"max_bytes", is.MaxBytes, want.MaxBytes}, {"max_age", is.MaxAge, want.MaxAge}, {"allow_msg_ttl", is.AllowMsgTTL, want.AllowMsgTTL}, {"allow_direct", is.AllowDirect, want.AllowDirect},
		{"deny_delete", is.DenyDelete, want.DenyDelete}, {"deny_purge", is.DenyPurge, want.DenyPurge}, {"duplicate_window", is.Duplicates, want.Duplicates},
		{"layout", is.Metadata["nudge-layout"], want.Metadata["nudge-layout"]}, {"streams", is.Metadata["nudge-streams"], want.Metadata["nudge-streams"]},
		{"partitions", is.Metadata["nudge-partitions"], want.Metadata["nudge-partitions"]},
	} {
		if one.is != one.want {
			wrong = append(wrong, fmt.Sprintf("%s is %v, and not %v", one.what, one.is, one.want))
		}
	}
	return wrong
}

// checkDurability asks the servers whether they sync each write, and how many have it.
func (s *Store) checkDurability(ctx context.Context) error {
	var weak []string
	if s.options.Replicas < 3 {
		weak = append(weak, fmt.Sprintf("%d replicas survive no server's loss", s.options.Replicas))
	}
	servers, err := s.servers(ctx)
	if err != nil {
		return err
	}
	if len(servers) == 0 {
		weak = append(weak, "no server tells whether it syncs each write: the account needs the import of $SYS.REQ.SERVER.PING.VARZ as "+s.varz())
	}
	for _, server := range servers {
		if !server.SyncsAlways {
			weak = append(weak, server.Name+" has not sync_interval: always")
		}
	}
	if len(weak) == 0 {
		return nil
	}
	slices.Sort(weak)
	text := strings.Join(weak, "; ")
	if s.options.AcceptWeakDurability {
		s.options.Logger.Warn("the servers may lose what they have acknowledged: " + text)
		return nil
	}
	return fmt.Errorf("%w: %s (--accept-weak-durability takes it)", ErrWeak, text)
}

// natsServer is what a server says of itself.
type natsServer struct {
	Name        string
	SyncsAlways bool
}

func (s *Store) varz() string { return s.options.Prefix + ".sys.varz" }

// servers asks all servers what they are; none answers where the account may not ask.
func (s *Store) servers(ctx context.Context) ([]natsServer, error) {
	inbox := s.conn.NewInbox()
	answers, err := s.conn.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answers.Unsubscribe() }()
	if err := s.conn.PublishRequest(s.varz(), inbox, nil); err != nil {
		return nil, err
	}
	var list []natsServer
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for len(list) < len(s.conn.Servers()) || len(list) == 0 {
		m, err := answers.NextMsgWithContext(ctx)
		if errors.Is(err, nats.ErrNoResponders) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) {
			break
		}
		if err != nil {
			return nil, err
		}
		var answer struct {
			Server struct {
				Name string `json:"name"`
			} `json:"server"`
			Data struct {
				JetStream struct {
					Config *struct {
						SyncAlways bool `json:"sync_always"`
					} `json:"config"`
				} `json:"jetstream"`
			} `json:"data"`
		}
		if m.Header.Get("Status") == "503" || json.Unmarshal(m.Data, &answer) != nil {
			break
		}
		if config := answer.Data.JetStream.Config; config != nil {
			list = append(list, natsServer{answer.Server.Name, config.SyncAlways})
		}
	}
	return list, nil
}
