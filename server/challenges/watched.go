package challenges

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/nudgehq/nudge/internal/strictyaml"
	"github.com/nudgehq/nudge/server"
)

// Watched is a directory of challenges that is told of each that changes. The zero Watched is empty.
type Watched struct {
	// Channels are those that the server has beside its own.
	Channels []Channels

	mu         sync.RWMutex
	challenges map[string]server.Challenge
}

// keyOf is where a challenge is kept: by its SID, so that people find it, and a hash of the rest.
func keyOf(key server.ChallengeKey) string {
	sum := sha256.Sum256([]byte(key.AccountSID + "/" + key.ServiceSID + "/" + key.Identity))
	return key.ChallengeSID + "." + hex.EncodeToString(sum[:8])
}

// Split gives the entries of a file of challenges, each by its key: a file with this entry alone, in one line of JSON.
func Split(data []byte) (map[string][]byte, error) {
	entries := map[string][]byte{}
	err := eachOf(data, func(i int, e entry, challenge server.Challenge) error {
		key := keyOf(challenge.ChallengeKey)
		if entries[key] != nil {
			return fmt.Errorf("challenges[%d]: %s is listed twice", i, challenge.ChallengeSID)
		}
		text, err := json.Marshal(map[string][]entry{"challenges": {e}})
		entries[key] = text
		return err
	})
	return entries, err
}

// Join makes a file of entries. Each is written on a line of its own.
func Join(entries [][]byte) ([]byte, error) { return strictyaml.Join("challenges", entries) }

// IsKeyOf tells whether a key is of a challenge with this SID.
func IsKeyOf(key, challengeSID string) bool { return strings.HasPrefix(key, challengeSID+".") }

// Set keeps an entry as Split made it, or removes what has the key where it is nil. One that is not valid changes nothing.
func (w *Watched) Set(key string, data []byte) error {
	var given server.Challenge
	if data != nil {
		err := eachOf(data, func(i int, _ entry, challenge server.Challenge) error {
			if i > 0 || keyOf(challenge.ChallengeKey) != key {
				return errors.New("challenges: it is not the one challenge of its key")
			}
			given = challenge
			return nil
		})
		if err == nil && given.ChallengeSID == "" {
			err = errors.New("challenges: it is empty")
		}
		if err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.challenges == nil {
		w.challenges = map[string]server.Challenge{}
	}
	if data == nil {
		delete(w.challenges, key)
	} else {
		w.challenges[key] = given
	}
	return nil
}

// Find gives the challenge as it is now.
func (w *Watched) Find(_ context.Context, key server.ChallengeKey) (server.Challenge, error) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	challenge, ok := w.challenges[keyOf(key)]
	if !ok || challenge.ChallengeKey != key {
		return server.Challenge{}, &server.Error{Code: server.CodeNotFound}
	}
	return challenge, checkKnown(challenge, w.Channels)
}

// Len is how many challenges there are.
func (w *Watched) Len() int {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return len(w.challenges)
}
