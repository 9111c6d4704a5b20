package challenges

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/server"
)

// Any is the directory in which every challenge exists, for the account that asks: pending, without an expiry, without
// a limit of notifications. Only a ChallengeSid that is YC, zeros and the code of an error answers that error, so that
// callers can test what they do about it: YC00000000000000000000000000060323.
type Any struct {
	// Channel and Address are every device's; empty: the stream channel.
	Channel, Address string
	// Subscriptions, if any, are devices with another channel.
	Subscriptions *Subscriptions
}

// ParseDevice makes an Any of a text: stream, webhook=URL, none, or one of the server's other channels with an address.
func ParseDevice(text string, more ...Channels) (Any, error) {
	channel, address, given := strings.Cut(text, "=")
	if given && address == "" {
		return Any{}, fmt.Errorf("the address after %s= is missing", channel)
	}
	if err := checkChannel(channel, address, more); err != nil {
		return Any{}, err
	}
	return Any{Channel: channel, Address: address}, nil
}

// Find gives the challenge, or the error that it names.
func (a Any) Find(_ context.Context, key server.ChallengeKey) (server.Challenge, error) {
	if code, ok := namedError(key.ChallengeSID); ok {
		return server.Challenge{}, &server.Error{Code: code}
	}
	channel := a.Channel
	if channel == "" {
		channel = ChannelStream
	}
	address := a.Address
	if s, ok := a.Subscriptions.of(delivery.Device{ServiceSID: key.ServiceSID, Identity: key.Identity}); ok {
		channel, address = s.channel, s.address
	}
	return server.Challenge{
		ChallengeKey: key,
		EntitySID:    EntitySID(key.ServiceSID, key.Identity),
		Status:       server.StatusPending,
		Channel:      channel,
		Address:      address,
	}, nil
}

// Code is the ChallengeSid that makes Any answer the error of this code. It panics when the document has no such error: a
// test that wants one answered would be told 201.
func Code(code int) string {
	if !server.KnownError(code) {
		panic(fmt.Sprintf("challenges.Code: the document has no error %d", code))
	}
	return fmt.Sprintf("%s%032d", challengePrefix(), code)
}

func namedError(challengeSID string) (code int, ok bool) {
	code, err := strconv.Atoi(strings.TrimPrefix(challengeSID, challengePrefix()))
	return code, err == nil && server.KnownError(code)
}

// EntitySID is the SID of the entity with this identity in the service: deterministic, and collision-free per identity.
func EntitySID(serviceSID, identity string) string {
	sum := sha256.Sum256([]byte(serviceSID + "/" + identity))
	var sid [34]byte
	copy(sid[:], "YE")
	hex.Encode(sid[2:], sum[:16])
	return string(sid[:])
}

// challengePrefix is what the document has every ChallengeSid begin with.
var challengePrefix = sync.OnceValue(func() string {
	rules, err := rules()
	if err != nil {
		return ""
	}
	return rules["challenge_sid"].Prefix()
})
