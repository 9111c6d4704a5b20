package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/internal/recordcodec"
)

// message is what a subject holds.
type message struct {
	subject  string
	sequence uint64
	data     []byte
}

// record reads a message's record; ok is false for a slot that is only counted.
func (m message) record() (r delivery.Record, ok bool, err error) {
	if len(m.data) == 0 {
		return r, false, nil
	}
	r, err = recordcodec.Decode(m.data)
	return r, err == nil, err
}

var errNone = errors.New("jetstream: there is no such message")

// ask sends a request of JetStream's API, and reads the answer.
func (s *Store) ask(ctx context.Context, subject string, question, answer any) error {
	data, err := json.Marshal(question)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	m, err := s.conn.RequestWithContext(ctx, subject, data)
	if err != nil {
		return fmt.Errorf("jetstream: %s: %w", subject, err)
	}
	return json.Unmarshal(m.Data, answer)
}

// fromLeader reads a message from the stream's leader, which has what was acknowledged last: by its sequence, or else the last of
// a subject. The error is errNone when there is none.
func (s *Store) fromLeader(ctx context.Context, stream string, sequence uint64, subject string) (message, error) {
	question := map[string]any{"last_by_subj": subject}
	if subject == "" {
		question = map[string]any{"seq": sequence}
	}
	var answer struct {
		Error   *refusal `json:"error"`
		Message struct {
			Subject  string `json:"subject"`
			Sequence uint64 `json:"seq"`
			Data     []byte `json:"data"`
		} `json:"message"`
	}
	if err := s.ask(ctx, "$JS.API.STREAM.MSG.GET."+stream, question, &answer); err != nil {
		return message{}, err
	}
	if answer.Error != nil {
		if answer.Error.Code == 404 {
			return message{}, errNone
		}
		return message{}, answer.Error
	}
	return message{answer.Message.Subject, answer.Message.Sequence, answer.Message.Data}, nil
}

// ofDeviceNow reads the last message of each subject of a device: pending and ended ones. One request, for up to 1024 subjects;
// tooMany says that there are more.
func (s *Store) ofDeviceNow(ctx context.Context, d delivery.Device) (messages []message, tooMany bool, err error) {
	stream := s.streamOf(delivery.PartitionOf(d))
	question, err := json.Marshal(map[string]any{"multi_last": []string{s.ofDevice(d)}, "batch": 1024})
	if err != nil {
		return nil, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	inbox := s.conn.NewInbox()
	answers, err := s.conn.SubscribeSync(inbox)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = answers.Unsubscribe() }()
	if err := s.conn.PublishRequest("$JS.API.DIRECT.GET."+s.streamName(stream), inbox, question); err != nil {
		return nil, false, err
	}
	for {
		m, err := answers.NextMsgWithContext(ctx)
		if err != nil {
			return nil, false, fmt.Errorf("jetstream: reading what a device has: %w", err)
		}
		switch m.Header.Get("Status") {
		case "":
			one, err := direct(m)
			if err != nil {
				return nil, false, err
			}
			messages = append(messages, one)
		case "204", "404":
			return messages, false, nil
		case "413":
			return nil, true, nil
		default:
			return nil, false, fmt.Errorf("jetstream: reading what a device has: %s %s", m.Header.Get("Status"), m.Header.Get("Description"))
		}
	}
}

// direct reads an answer of a direct get.
func direct(m *nats.Msg) (one message, err error) {
	one = message{subject: m.Header.Get("Nats-Subject"), data: m.Data}
	_, err = fmt.Sscan(m.Header.Get("Nats-Sequence"), &one.sequence)
	return one, err
}

// oldest is from when on messages are read at a start: what is pending cannot be older. It is zero for all.
func (s *Store) oldest() time.Time {
	if s.options.Longest == 0 {
		return time.Time{}
	}
	return time.Now().Add(-s.options.Longest - time.Minute)
}
