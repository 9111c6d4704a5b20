package challenges

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/nudgehq/nudge/server"
)

// ChannelStream is the channel of a device that is connected to this server; the default.
const ChannelStream = "stream"

// Any is the directory in which every challenge exists, for the account that asks: pending, without an expiry, without
// a limit of notifications. Only a ChallengeSid that is YC, zeros and the code of an error answers that error, so that
// callers can test what they do about it: YC00000000000000000000000000060323.
type Any struct {
	// Channel and Address are every device's; empty: the stream channel.
	Channel, Address string
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
	return server.Challenge{
		ChallengeKey: key,
		EntitySID:    EntitySID(key.ServiceSID, key.Identity),
		Status:       server.StatusPending,
		Channel:      channel,
		Address:      a.Address,
	}, nil
}

// Code is the ChallengeSid that makes Any answer the error of this code.
func Code(code int) string { return fmt.Sprintf("YC%032d", code) }

func namedError(challengeSID string) (code int, ok bool) {
	code, err := strconv.Atoi(strings.TrimPrefix(challengeSID, "YC"))
	return code, err == nil && server.KnownError(code)
}

// EntitySID is the SID of the entity with this identity in the service: the same every time, another for another.
func EntitySID(serviceSID, identity string) string {
	sum := sha256.Sum256([]byte(serviceSID + "/" + identity))
	var sid [34]byte
	copy(sid[:], "YE")
	hex.Encode(sid[2:], sum[:16])
	return string(sid[:])
}
