package delivery

import (
	"context"
	"log/slog"
	"sync"
)

// memoryNotifications is how many of the last notifications a Memory keeps.
const memoryNotifications = 10_000

// Memory takes notifications, logs them and keeps the last ones. It delivers nothing, and what it holds is lost when the
// process ends: it stands where the delivery engine will, and in tests.
type Memory struct {
	log *slog.Logger

	mu     sync.Mutex
	closed bool
	kept   []Notification
	counts map[challenge]int
}

// challenge names a challenge: its SID is unique within its account.
type challenge struct{ account, sid string }

// NewMemory returns an empty Memory that logs to log.
func NewMemory(log *slog.Logger) *Memory {
	return &Memory{log: log, counts: map[challenge]int{}}
}

// Add takes a notification. The error is ErrLimit or ErrUnavailable, and then nothing was taken.
func (m *Memory) Add(ctx context.Context, n Notification) error {
	if err := m.add(n); err != nil {
		return err
	}
	m.log.LogAttrs(ctx, slog.LevelInfo, "notification accepted", slog.String("sid", n.SID), slog.String("account_sid", n.AccountSID),
		slog.String("challenge_sid", n.ChallengeSID), slog.Duration("ttl", n.TTL))
	return nil
}

func (m *Memory) add(n Notification) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrUnavailable
	}
	// Only challenges that have a limit are counted: the others, of which there may be millions, need no memory.
	if n.ChallengeLimit > 0 {
		key := challenge{n.AccountSID, n.ChallengeSID}
		if m.counts[key] >= n.ChallengeLimit {
			return ErrLimit
		}
		m.counts[key]++
	}
	if len(m.kept) == memoryNotifications {
		m.kept = append(m.kept[:0], m.kept[memoryNotifications/2:]...)
	}
	m.kept = append(m.kept, n)
	return nil
}

// Notifications returns the last notifications, the oldest first.
func (m *Memory) Notifications() []Notification {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Notification(nil), m.kept...)
}

// Close makes every later Add answer ErrUnavailable.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}
