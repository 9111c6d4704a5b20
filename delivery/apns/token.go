package apns

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"regexp"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Apple takes a provider token for an hour, and refuses those that change more than once in 20 minutes.
const (
	tokenUsed = 40 * time.Minute
	tokenRest = 20 * time.Minute
)

// token is a provider token.
type token struct {
	text string
	at   time.Time
}

// Signer mints provider tokens, as rarely as Apple asks for. All attempts share one token, and so do all channels with the same key.
// Make it with NewSigner.
type Signer struct {
	key           *ecdsa.PrivateKey
	keyID, teamID string

	mu      sync.Mutex
	current *token
	// replaced is when a token was last replaced because it was refused.
	replaced time.Time
}

// NewSigner makes a signer with a key, the key's id and the id of its team. The error says what is wrong.
func NewSigner(key *ecdsa.PrivateKey, keyID, teamID string) (*Signer, error) {
	switch {
	case key == nil || key.Curve.Params().BitSize != 256:
		return nil, errNoKey
	case !tenCharacters.MatchString(keyID):
		return nil, errors.New("key_id: must be 10 capital letters and digits")
	case !tenCharacters.MatchString(teamID):
		return nil, errors.New("team_id: must be 10 capital letters and digits")
	}
	return &Signer{key: key, keyID: keyID, teamID: teamID}, nil
}

var tenCharacters = regexp.MustCompile(`^[A-Z0-9]{10}$`)

// get gives the token in use, or a new one when it is old.
func (t *Signer) get(now time.Time) (*token, error) {
	// A token is dated by the wall clock, which may be set.
	now = now.Round(0)
	t.mu.Lock()
	defer t.mu.Unlock()
	if age := t.age(now); t.current != nil && age < tokenUsed && age > -tokenRest {
		return t.current, nil
	}
	return t.mint(now)
}

// age is how old the current token is; of none it is 0. A clock that was set back makes it negative.
func (t *Signer) age(now time.Time) time.Duration {
	if t.current == nil {
		return 0
	}
	return now.Sub(t.current.at)
}

func (t *Signer) mint(now time.Time) (*token, error) {
	unsigned := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{"iss": t.teamID, "iat": now.Unix()})
	unsigned.Header["kid"] = t.keyID
	delete(unsigned.Header, "typ")
	text, err := unsigned.SignedString(t.key)
	if err != nil {
		return nil, err
	}
	t.current = &token{text, now}
	return t.current, nil
}

// refuse is told that a token was refused; it tells whether the next attempt has another one. One that is refused is replaced once;
// if that does not help, none is in the next 20 minutes.
func (t *Signer) refuse(used *token, now time.Time) (another bool) {
	now = now.Round(0)
	t.mu.Lock()
	defer t.mu.Unlock()
	if used != t.current {
		// It was replaced already.
		return true
	}
	if !t.replaced.IsZero() && now.Sub(t.replaced) < tokenRest {
		return false
	}
	t.replaced = now
	_, err := t.mint(now)
	return err == nil
}

// ParseKey reads a signing key as Apple gives it: a .p8 file. The error holds nothing of it.
func ParseKey(data []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errNoKey
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errNoKey
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve.Params().BitSize != 256 {
		return nil, errNoKey
	}
	return key, nil
}

var errNoKey = errors.New("must be a signing key as Apple gives it: a .p8 file, PKCS #8 in PEM with a key of the curve P-256")
