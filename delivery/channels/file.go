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
}

// File is a file of channels. Make it with Open.
type File struct {
	options Options
	dir     string
	file    *reload.File[*set]
	onSet   func()

	mu     sync.Mutex
	signed signers
	// last is what was made of the file before, so that what has not changed is kept.
	last *set
}

// set is what a version of the file says.
type set struct {
	channels map[string]made
	secrets  []*secret
}

// made is a channel with what it was made of.
type made struct {
	channel
	kind string
	of   fingerprint
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
	f := &File{options: options, dir: filepath.Dir(path), signed: signers{}}
	var err error
	if f.file, err = reload.Open(path, options.Logger, f.parse); err != nil {
		return nil, fmt.Errorf("channels file: %w", err)
	}
	return f, nil
}

// OnChange has a function called when other channels are in force.
func (f *File) OnChange(changed func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onSet = changed
}

// current gives what is in force, after a look at the files.
func (f *File) current() *set {
	s := f.file.Value()
	if slices.ContainsFunc(s.secrets, (*secret).hasChanged) {
		f.file.Refresh()
		s = f.file.Value()
	}
	return s
}

// Refresh reads the file again, and the secrets that it names.
func (f *File) Refresh() { f.file.Refresh() }

// Sum tells one content of the file from another.
func (f *File) Sum() [32]byte { return f.file.Sum() }

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
		return delivery.Gone("this server has no channel of this name any more")
	}
	return c.Deliver(ctx, a)
}

// Destination names the service of an address.
func (n *named) Destination(address string) string {
	if c, ok := n.file.file.Value().channels[n.name]; ok {
		return c.Destination(address)
	}
	return ""
}

// AddressKey is what an address is remembered by.
func (n *named) AddressKey(address string) string {
	if c, ok := n.file.file.Value().channels[n.name]; ok {
		return c.AddressKey(address)
	}
	return n.name + " " + address
}
