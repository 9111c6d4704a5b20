package device

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/golang-jwt/jwt/v5"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/internal/secretfile"
)

// KeyFile is the keys' file in the data directory.
const KeyFile = "device.key"

// minKey is the length of the shortest key, in bytes: as long as the hash that the signature uses.
const minKey = 32

// audience is who the tokens are for.
const audience = "nudge-device"

// Key signs device tokens. Whoever has it can mint a token for any device.
type Key []byte

// NewKey checks a key that an operator chose.
func NewKey(text string) (Key, error) {
	if err := checkKey(text); err != nil {
		return nil, fmt.Errorf("device key: %w", err)
	}
	return Key(text), nil
}

func checkKey(text string) error {
	if len(text) < minKey {
		return fmt.Errorf("must be at least %d bytes long", minKey)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return errors.New("must have no white space")
	}
	return nil
}

// LoadKey reads the key that signs, of a server's data directory. The error wraps fs.ErrNotExist where there is none.
func LoadKey(dir string) (Key, error) {
	keys, err := secretfile.Read(filepath.Join(dir, KeyFile), parseKeys)
	if err != nil {
		return nil, fmt.Errorf("device key: %w", err)
	}
	return keys[0], nil
}

// OpenKeys gives the keys of a data directory as they are now; the first signs, each verifies. Where there is no file it is
// made.
func OpenKeys(dir string, log *slog.Logger) (keys func() []Key, err error) {
	if keys, err = secretfile.Open(filepath.Join(dir, KeyFile), string(randomKey()), log, parseKeys); err != nil {
		return nil, fmt.Errorf("device key: %w", err)
	}
	return keys, nil
}

// FixedKeys are keys that do not change; the first signs, each verifies.
func FixedKeys(keys ...Key) func() []Key { return func() []Key { return keys } }

func parseKeys(data []byte) ([]Key, error) {
	texts, err := secretfile.Parse(data, checkKey)
	if err != nil {
		return nil, err
	}
	var keys []Key
	for _, text := range texts {
		keys = append(keys, Key(text))
	}
	return keys, nil
}

// randomKey makes a key.
func randomKey() Key {
	var random [minKey]byte
	// It never fails: crypto/rand ends the process instead.
	_, _ = rand.Read(random[:])
	return Key(hex.EncodeToString(random[:]))
}

type claims struct {
	ServiceSID string `json:"service_sid"`
	jwt.RegisteredClaims
}

// Token mints a token for a device, valid from now for a time.
func (k Key) Token(d delivery.Device, now time.Time, valid time.Duration) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		ServiceSID: d.ServiceSID,
		RegisteredClaims: jwt.RegisteredClaims{
			Subject:   d.Identity,
			Audience:  jwt.ClaimStrings{audience},
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(valid)),
		},
	}).SignedString([]byte(k))
}

// verified is what a valid token says.
type verified struct {
	device          delivery.Device
	issued, expires time.Time
}

// maxAhead is how far the clock of a machine that mints tokens may be ahead.
const maxAhead = time.Minute

var errAhead = errors.New("the token was issued in the future")

var errCritical = errors.New("the token has critical extensions, and none is known")

// verify tells which device a token is for, and from when until when.
func (k Key) verify(token string, now time.Time) (verified, error) {
	var c claims
	key := func(t *jwt.Token) (any, error) {
		// RFC 7515 has tokens refused whose critical extensions are not understood; the library does not look.
		if _, critical := t.Header["crit"]; critical {
			return nil, errCritical
		}
		return []byte(k), nil
	}
	_, err := jwt.ParseWithClaims(token, &c, key,
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithAudience(audience), jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(func() time.Time { return now }))
	if err != nil {
		return verified{}, err
	}
	v := verified{device: delivery.Device{ServiceSID: c.ServiceSID, Identity: c.Subject}, expires: c.ExpiresAt.Time}
	if c.IssuedAt != nil {
		v.issued = c.IssuedAt.Time
	}
	if v.issued.After(now.Add(maxAhead)) {
		// It would outlive being revoked.
		return verified{}, errAhead
	}
	return v, nil
}
