package challenges

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/nudgehq/nudge/internal/webaddress"
	"github.com/nudgehq/nudge/server"
)

const (
	// ChannelStream is the channel of a device that is connected to this server; the default.
	ChannelStream = "stream"
	// ChannelWebhook is the channel of a device behind a URL, which is its address.
	ChannelWebhook = "webhook"
)

// Channels are the channels that a server has beside its own, such as those of channels.File.
type Channels interface {
	// Names gives their names, and Has tells whether there is one of a name.
	Names() []string
	Has(channel string) bool
	// Check gives an error for an address that is not one of a channel; it holds nothing of the address.
	Check(channel, address string) error
}

// checkChannel tells whether a channel is one that this server has, and an address one of it. The error begins with the field's name.
func checkChannel(channel, address string, more []Channels) error {
	switch channel {
	case ChannelStream, server.ChannelNone:
		if address != "" {
			return fmt.Errorf("address: the channel %s has none", channel)
		}
		return nil
	case ChannelWebhook:
		if err := webaddress.Check(address); err != nil {
			return fmt.Errorf("address: the channel webhook needs a URL; it %w", err)
		}
		return nil
	}
	for _, m := range more {
		if !m.Has(channel) {
			continue
		}
		if err := m.Check(channel, address); err != nil {
			return fmt.Errorf("address: %w", err)
		}
		return nil
	}
	names := []string{ChannelStream, ChannelWebhook, server.ChannelNone}
	for _, m := range more {
		names = append(names, m.Names()...)
	}
	if len(more) == 0 {
		return fmt.Errorf("channel: must be one of %s, or, with --channels, the name of one of its channels", strings.Join(names, ", "))
	}
	return fmt.Errorf("channel: must be one of %s", strings.Join(names, ", "))
}

// isOwn tells whether every server has a channel.
func isOwn(channel string) bool {
	return channel == ChannelStream || channel == ChannelWebhook || channel == server.ChannelNone
}

// isKnown tells whether a server has a channel.
func isKnown(channel string, more []Channels) bool {
	return isOwn(channel) || slices.ContainsFunc(more, func(m Channels) bool { return m.Has(channel) })
}

// checkKnown gives an error where a challenge's channel was there when it was read, and is not any more.
func checkKnown(c server.Challenge, more []Channels) error {
	if !isKnown(c.Channel, more) {
		err := fmt.Errorf("there is no channel %.40q", c.Channel)
		return &server.Error{Code: server.CodeUnavailable, Note: "the channel of the challenge is not set up", Cause: err}
	}
	return nil
}

// address is where a device is, as a file has it: a text, or, of a browser's subscription, what is in its JSON.
type address string

// UnmarshalYAML reads either.
func (a *address) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		return node.Decode((*string)(a))
	}
	var parts map[string]any
	if err := node.Decode(&parts); err != nil {
		return err
	}
	text, err := json.Marshal(parts)
	*a = address(text)
	return err
}

// Bounds of a challenge's details: how many there are, and the length of all names and texts, in bytes.
const (
	maxDetails     = 20
	maxDetailsText = 2048
)

// checkDetails refuses more than a notification carries.
func checkDetails(details map[string]string) error {
	length := 0
	for name, text := range details {
		if name == "" {
			return errors.New("details: a name is empty")
		}
		length += len(name) + len(text)
	}
	if len(details) > maxDetails || length > maxDetailsText {
		return fmt.Errorf("details: must be up to %d texts with their names, of up to %d bytes in all", maxDetails, maxDetailsText)
	}
	return nil
}
