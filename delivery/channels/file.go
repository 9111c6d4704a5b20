package channels

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/outbound"
	"github.com/nudgehq/nudge/delivery/webpush"
	"github.com/nudgehq/nudge/internal/reload"
)

// Options are a File's settings; the zero value is good.
type Options struct {
	// Rules say which addresses endpoints of browsers may have.
	Rules outbound.Rules
	// Now is the clock that tokens and expiries are dated by. Nil: time.Now.
	Now func() time.Time
	// Getenv gives the environment's variables. Nil: os.LookupEnv.
	Getenv func(name string) (value string, set bool)
	// Logger is told when the file is read again. Nil: nothing is logged.
	Logger *slog.Logger
}

// channel is what every kind is.
type channel interface {
	delivery.Provider
	// CheckAddress gives an error for what is no address; it begins with a verb, and holds nothing of the address.
	CheckAddress(address string) error
	// CloseIdle closes the connections that nothing is sent over.
	CloseIdle()
}

// lookEvery is how often the files are looked at.
const lookEvery = 100 * time.Millisecond

// File is a file of channels. Make it with Open.
type File struct {
	options Options
	dir     string
	file    *reload.File[*set]
	// inForce is what the last look found, and looked when that was, in nanoseconds since the start; looking lets one look at a time.
	inForce atomic.Pointer[set]
	start   time.Time
	looked  atomic.Int64
	looking sync.Mutex

	mu     sync.Mutex
	signed signers
	// last is what was made of the file before, so that what has not changed is kept; missing is a file of a secret for which a version
	// was refused because it is not there.
	last    *set
	missing string
}

// set is what a version of the file says.
type set struct {
	channels map[string]made
	secrets  []*secret
}

// restless is how long attempts may still use the connections of a channel that was replaced.
const restless = 30 * time.Second

// replaces lets go of the connections of channels that are used no more.
func (s *set) replaces(old *set, log *slog.Logger) {
	if old == nil {
		return
	}
	for name, before := range old.channels {
		now, ok := s.channels[name]
		if !ok {
			log.Warn("a channel was taken away: what is for it waits until it is there again, or its TTL ends", slog.String("channel", name))
		}
		if now.channel != before.channel {
			time.AfterFunc(restless, before.CloseIdle)
		}
	}
}

// made is a channel with what it was made of.
type made struct {
	channel
	kind string
	// of is the fingerprint of what it was made of, and signer that of its provider token's, where it is one of APNs.
	of, signer fingerprint
	// about says what it is, without secrets.
	about string
}

// Open reads a file. The error names it, the channel and the field, and holds no secret.
func Open(path string, options Options) (*File, error) {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Getenv == nil {
		options.Getenv = os.LookupEnv
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	f := &File{options: options, dir: filepath.Dir(path), signed: signers{}, start: time.Now()}
	var err error
	if f.file, err = reload.Open(path, options.Logger, f.parse); err != nil {
		return nil, fmt.Errorf("channels file: %w", err)
	}
	f.inForce.Store(f.file.Value())
	return f, nil
}

// current gives what is in force. It looks at the files now and then; others do not wait for that.
func (f *File) current() *set {
	now := time.Since(f.start)
	if looked := time.Duration(f.looked.Load()); looked > 0 && now-looked < lookEvery || !f.looking.TryLock() {
		return f.inForce.Load()
	}
	defer f.looking.Unlock()
	f.look()
	f.looked.Store(int64(time.Since(f.start)))
	return f.inForce.Load()
}

// look looks whether the file, or one of its secrets, has changed. It is locked by looking.
func (f *File) look() {
	s := f.file.Value()
	f.mu.Lock()
	missing := f.missing
	f.mu.Unlock()
	if missing != "" {
		// The file was refused for want of this one.
		if _, err := os.Stat(missing); err == nil {
			f.file.Refresh()
		}
	}
	if slices.ContainsFunc(s.secrets, (*secret).hasChanged) {
		f.file.Refresh()
	}
	f.inForce.Store(f.file.Value())
}

// Refresh reads the file again, and the secrets that it names.
func (f *File) Refresh() {
	f.looking.Lock()
	defer f.looking.Unlock()
	f.file.Refresh()
	f.inForce.Store(f.file.Value())
}

// Sum tells one content from another: that of the file, and of the secrets that it names.
func (f *File) Sum() [32]byte {
	s := f.current()
	var parts [][]byte
	for _, name := range slices.Sorted(maps.Keys(s.channels)) {
		of := s.channels[name].of
		parts = append(parts, []byte(name), of[:])
	}
	return fingerprintOf(parts...)
}

// Has tells whether there is a channel of the name.
func (f *File) Has(name string) bool {
	_, ok := f.current().channels[name]
	return ok
}

// Names gives the channels' names, in order.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.current().channels)) }

// Kind gives the kind of a channel; empty where there is none of the name.
func (f *File) Kind(name string) string { return f.current().channels[name].kind }

// About says what a channel is, without secrets; empty where there is none of the name.
func (f *File) About(name string) string { return f.current().channels[name].about }

// VAPIDKey is the public key that browsers subscribe to a channel of Web Push with; empty for others.
func (f *File) VAPIDKey(name string) string {
	if c, ok := f.current().channels[name].channel.(*webpush.Channel); ok {
		return c.PublicKey()
	}
	return ""
}

// Check gives an error for a channel that is not there, or an address that is not one of it.
func (f *File) Check(name, address string) error {
	c, ok := f.current().channels[name]
	if !ok {
		return fmt.Errorf("%w: %.40q", ErrUnknown, name)
	}
	if err := c.CheckAddress(address); err != nil {
		return fmt.Errorf("the channel %s takes another kind of address: it %w", name, err)
	}
	return nil
}

// Find gives a channel, which follows what the file says of it; nil where there is none of the name.
func (f *File) Find(name string) delivery.Channel {
	if _, ok := f.current().channels[name]; !ok {
		return nil
	}
	return &named{file: f, name: name}
}

// named is a channel by its name.
type named struct {
	file *File
	name string
}

var _ delivery.Provider = (*named)(nil)

// Deliver makes an attempt by the settings that are in force.
func (n *named) Deliver(ctx context.Context, a delivery.Attempt) delivery.Result {
	c, ok := n.file.current().channels[n.name]
	if !ok {
		return delivery.Missing(fmt.Sprintf("this server has no channel %q", n.name))
	}
	return c.Deliver(ctx, a)
}

// Destination names the service of an address.
func (n *named) Destination(address string) string {
	if c, ok := n.file.inForce.Load().channels[n.name]; ok {
		return c.Destination(address)
	}
	return ""
}

// AddressKey is what an address is remembered by.
func (n *named) AddressKey(address string) string {
	if c, ok := n.file.inForce.Load().channels[n.name]; ok {
		return c.AddressKey(address)
	}
	return n.name + " " + address
}
