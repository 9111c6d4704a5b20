package device

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/nudgehq/nudge/server/delivery"
)

// keyFile is the key's file in the data directory.
const keyFile = "device.key"

// minKey is the length of the shortest key, in bytes: as long as the hash that the signature uses.
const minKey = 32

// audience is who the tokens are for.
const audience = "nudge-device"

// Key signs device tokens. Whoever has it can mint a token for any device.
type Key []byte

// NewKey checks a key that an operator chose.
func NewKey(text string) (Key, error) {
	if len(text) < minKey {
		return nil, fmt.Errorf("device key: must be at least %d bytes long", minKey)
	}
	return Key(text), nil
}

// LoadKey reads the key of a server's data directory. The error wraps fs.ErrNotExist where there is none.
func LoadKey(dir string) (Key, error) {
	path := filepath.Join(dir, keyFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("device key: %w", err)
	}
	key, err := NewKey(strings.TrimSpace(string(data)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// LoadOrMakeKey reads the key of a data directory, and makes one where there is none.
func LoadOrMakeKey(dir string) (Key, error) {
	key, err := LoadKey(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	text := string(randomKey())
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("device key: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, keyFile), []byte(text+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("device key: %w", err)
	}
	return Key(text), nil
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

// verify tells which device a token is for, and until when.
func (k Key) verify(token string, now time.Time) (d delivery.Device, expires time.Time, err error) {
	var c claims
	_, err = jwt.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return []byte(k), nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithAudience(audience), jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(func() time.Time { return now }))
	if err != nil {
		return delivery.Device{}, time.Time{}, err
	}
	return delivery.Device{ServiceSID: c.ServiceSID, Identity: c.Subject}, c.ExpiresAt.Time, nil
}
