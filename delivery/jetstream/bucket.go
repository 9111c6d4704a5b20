package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Bucket is a KV bucket of NATS, which all processes watch and nats kv reads too. Keys are tokens with dots between.
type Bucket struct {
	store  *Store
	name   string
	reader *reader
}

// Bucket gives the bucket with a name of one word, which it makes where there is none, unless Options.MustExist is set: the error is then
// jetstream.ErrBucketNotFound.
func (s *Store) Bucket(ctx context.Context, name string) (*Bucket, error) {
	return s.bucket(ctx, name, 0)
}

// bucket is Bucket of one whose entries are forgotten after a time; 0 for never.
func (s *Store) bucket(ctx context.Context, name string, ttl time.Duration) (*Bucket, error) {
	ctx, cancel := context.WithTimeout(ctx, setUpTime)
	defer cancel()
	ctx, errorOf, stop := s.denied.until(ctx)
	defer stop()
	b := &Bucket{store: s, name: strings.ToUpper(s.options.Prefix + "_" + name)}
	want := jetstream.KeyValueConfig{Bucket: b.name, Description: name + " of nudge", History: 1, TTL: ttl, Storage: jetstream.FileStorage, Replicas: s.options.Replicas}
	for {
		brief, cancel := context.WithTimeout(ctx, 1500*time.Millisecond)
		kv, err := s.js.KeyValue(brief, b.name)
		if errors.Is(err, jetstream.ErrBucketNotFound) && s.options.MustExist {
			cancel()
			return nil, err
		}
		if errors.Is(err, jetstream.ErrBucketNotFound) {
			kv, err = s.js.CreateKeyValue(brief, want)
		}
		var is jetstream.KeyValueStatus
		if err == nil {
			is, err = kv.Status(brief)
		}
		cancel()
		if err == nil {
			if wrong := b.differences(is, want); len(wrong) > 0 {
				return nil, fmt.Errorf("%w: the bucket %s: %s", ErrOtherwise, b.name, strings.Join(wrong, "; "))
			}
			break
		}
		// Several processes may make it at once, and the servers may be choosing a leader.
		if sleep(ctx, 100*time.Millisecond) != nil {
			return nil, fmt.Errorf("jetstream: the bucket %s cannot be had: %w", b.name, errorOf(err))
		}
	}
	b.reader = &reader{js: s.js, stream: b.stream(), filter: b.subject(">")}
	return b, nil
}

// differences says what of a bucket is not as it should be: nothing in it may go by itself.
func (b *Bucket) differences(is jetstream.KeyValueStatus, want jetstream.KeyValueConfig) (wrong []string) {
	status, ok := is.(*jetstream.KeyValueBucketStatus)
	if !ok {
		return nil
	}
	config := status.StreamInfo().Config
	for _, one := range []struct {
		what     string
		is, want any
	}{
		{"replicas", config.Replicas, want.Replicas}, {"storage", config.Storage, want.Storage}, {"history", config.MaxMsgsPerSubject, int64(want.History)},
		{"max_age", config.MaxAge, want.TTL}, {"max_bytes", config.MaxBytes, int64(-1)}, {"discard", config.Discard, jetstream.DiscardNew},
	} {
		if one.is != one.want {
			wrong = append(wrong, fmt.Sprintf("%s is %v, and not %v", one.what, one.is, one.want))
		}
	}
	return wrong
}

func (b *Bucket) stream() string { return "KV_" + b.name }

func (b *Bucket) subject(key string) string { return "$KV." + b.name + "." + key }

// Put sets a value, which must not be empty.
func (b *Bucket) Put(ctx context.Context, key string, value []byte) error {
	return b.write(ctx, key, "", value)
}

// Remove removes a key. That it was not there is no error.
func (b *Bucket) Remove(ctx context.Context, key string) error { return b.write(ctx, key, "DEL", nil) }

func (b *Bucket) write(ctx context.Context, key, operation string, value []byte) error {
	m := nats.NewMsg(b.subject(key))
	if m.Data = value; operation != "" {
		m.Header.Set("KV-Operation", operation)
	}
	ctx, cancel := context.WithTimeout(ctx, addTime)
	defer cancel()
	ctx, errorOf, stop := b.store.denied.until(ctx)
	defer stop()
	for {
		_, err := b.store.js.PublishMsg(ctx, m)
		if err == nil {
			return nil
		}
		err = errorOf(err)
		if !errors.Is(err, jetstream.ErrNoStreamResponse) && !errors.Is(err, nats.ErrNoResponders) || sleep(ctx, 100*time.Millisecond) != nil {
			return fmt.Errorf("jetstream: %s cannot be written: %w", key, err)
		}
	}
}

// Read gives all that is there to each, in the order in which it was written; a nil value is of a key that was removed.
func (b *Bucket) Read(ctx context.Context, each func(key string, value []byte)) error {
	ctx, errorOf, stop := b.store.denied.until(ctx)
	defer stop()
	if err := b.reader.all(ctx, b.given(each)); err != nil {
		return fmt.Errorf("jetstream: the bucket %s cannot be read: %w", b.name, errorOf(err))
	}
	return nil
}

// Follow gives what changes behind what was read, until ctx is done.
func (b *Bucket) Follow(ctx context.Context, each func(key string, value []byte)) {
	b.reader.follow(ctx, b.given(each), func(err error) {
		b.store.seldom.warn(b.store.options.Logger, "buckets cannot be read now; it is tried again", slog.String("bucket", b.name), slog.Any("error", err))
	})
}

func (b *Bucket) given(each func(key string, value []byte)) func(message) bool {
	return func(m message) bool {
		value := m.data
		if len(value) == 0 {
			value = nil
		}
		each(strings.TrimPrefix(m.subject, b.subject("")), value)
		return true
	}
}
