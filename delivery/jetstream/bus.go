package jetstream

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"

	"github.com/nudgehq/nudge/delivery/cluster"
)

// bus is a cluster.Bus of core NATS.
type bus struct{ store *Store }

// Bus is what nodes ask each other over.
func (s *Store) Bus() cluster.Bus { return bus{s} }

func (b bus) subject(of string) string { return b.store.options.Prefix + ".bus." + of }

// Request asks, and gives the first answer.
func (b bus) Request(ctx context.Context, subject string, question []byte) ([]byte, error) {
	m, err := b.store.conn.RequestWithContext(ctx, b.subject(subject), question)
	if errors.Is(err, nats.ErrNoResponders) {
		return nil, cluster.ErrNobody
	}
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

// Publish tells all who listen.
func (b bus) Publish(subject string, data []byte) error {
	return b.store.conn.Publish(b.subject(subject), data)
}

// Listen gives what is published to each, in its order.
func (b bus) Listen(subject string, each func(data []byte)) (stop func(), err error) {
	subscription, err := b.store.conn.Subscribe(b.subject(subject), func(m *nats.Msg) { each(m.Data) })
	if err != nil {
		return nil, err
	}
	return func() { _ = subscription.Unsubscribe() }, nil
}

// Handle answers each question in a goroutine of its own: one may wait for others.
func (b bus) Handle(subject string, answer func(question []byte) []byte) (stop func(), err error) {
	subscription, err := b.store.conn.Subscribe(b.subject(subject), func(m *nats.Msg) {
		go func() {
			if said := answer(m.Data); said != nil {
				_ = m.Respond(said)
			}
		}()
	})
	if err != nil {
		return nil, err
	}
	return func() { _ = subscription.Unsubscribe() }, nil
}
