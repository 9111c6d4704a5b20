package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// tryTime is how long one request may take, and addTime how long all tries of one create may.
	tryTime = 2 * time.Second
	addTime = 4 * time.Second
	// maxInFlight bounds the creates that wait for their acknowledgement: one more is refused. As many outcomes wait, for longer:
	// one that is not written means that a notification is sent again. Heartbeats wait for neither.
	maxInFlight = 1024
)

// ErrBusy means that as many writes are under way as may be.
var ErrBusy = errors.New("jetstream: too many writes are under way")

// refusal is an error that JetStream answers with.
type refusal struct {
	Code        int    `json:"code"`
	Number      int    `json:"err_code"`
	Description string `json:"description"`
}

func (r *refusal) Error() string {
	return fmt.Sprintf("JetStream refuses: %s (%d)", r.Description, r.Number)
}

// Numbers of refusals (nats-server's server/errors.json).
const (
	wrongSequence     = 10071
	sequenceInFlight  = 10164
	messageIDInFlight = 10158
)

// what becomes of a publish.
type verdict int

const (
	// again: the same may be sent again at once. unknown: it may have been taken; later: there is no leader now.
	again verdict = iota
	unknown
	later
	// stale: the subject has another message than was expected.
	stale
	// never: it was not taken, and will not be.
	never
)

func verdictOf(err error) verdict {
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		switch refused.Number {
		case wrongSequence:
			return stale
		case sequenceInFlight, messageIDInFlight:
			return again
		}
		return never
	case errors.Is(err, nats.ErrNoResponders):
		return later
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return unknown
	}
	return never
}

// pause is how long to wait before the same is sent again.
func (v verdict) pause() time.Duration {
	switch v {
	case again:
		return time.Millisecond
	case later:
		return 100 * time.Millisecond
	}
	return 0
}

// publish writes a message on a subject whose last one has the sequence, 0 for none, and gives the new sequence. It is kept for
// the time given, 0 for ever, and the same id, if any, is taken once.
func (s *Store) publish(ctx context.Context, subject, id string, sequence uint64, data []byte, keep time.Duration) (uint64, error) {
	m := nats.NewMsg(subject)
	m.Data = data
	m.Header.Set("Nats-Expected-Last-Subject-Sequence", strconv.FormatUint(sequence, 10))
	if id != "" {
		m.Header.Set("Nats-Msg-Id", id)
	}
	if keep > 0 {
		m.Header.Set("Nats-TTL", strconv.FormatInt(int64((keep+time.Second-1)/time.Second), 10)+"s")
	}
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	answer, err := s.conn.RequestMsgWithContext(ctx, m)
	if err != nil {
		return 0, err
	}
	var ack struct {
		Sequence  uint64   `json:"seq"`
		Duplicate bool     `json:"duplicate"`
		Error     *refusal `json:"error"`
	}
	if err := json.Unmarshal(answer.Data, &ack); err != nil {
		return 0, fmt.Errorf("jetstream: an acknowledgement cannot be read: %w", err)
	}
	if ack.Error != nil {
		return 0, ack.Error
	}
	return ack.Sequence, nil
}

// sleep waits, or until ctx is done.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
