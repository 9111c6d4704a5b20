package webpush

import (
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
)

// Subscription is where a browser gets messages, and the keys to encrypt them with.
type Subscription struct {
	Endpoint string
	isSecure bool
	key      *ecdh.PublicKey
	auth     [16]byte
}

// maxEndpoint bounds an endpoint's length, in bytes.
const maxEndpoint = 2048

// ParseSubscription reads a subscription as the browser's PushSubscription.toJSON gives it:
//
//	{"endpoint": "https://…", "keys": {"p256dh": "…", "auth": "…"}}
//
// The error says what is wrong and holds nothing of it.
func ParseSubscription(text string) (Subscription, error) {
	var given struct {
		Endpoint string `json:"endpoint"`
		Keys     struct {
			P256DH string `json:"p256dh"`
			Auth   string `json:"auth"`
		} `json:"keys"`
	}
	if err := json.Unmarshal([]byte(text), &given); err != nil {
		return Subscription{}, errors.New("must be a subscription as PushSubscription.toJSON() of the browser gives it")
	}
	u, err := url.Parse(given.Endpoint)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || len(given.Endpoint) > maxEndpoint {
		return Subscription{}, errNoEndpoint
	}
	s := Subscription{Endpoint: given.Endpoint, isSecure: u.Scheme == "https"}
	point, err := decode(given.Keys.P256DH)
	if err == nil {
		s.key, err = ecdh.P256().NewPublicKey(point)
	}
	if err != nil {
		return Subscription{}, errors.New("must have keys.p256dh: a point of the curve P-256 in base64url")
	}
	auth, err := decode(given.Keys.Auth)
	if err != nil || len(auth) != len(s.auth) {
		return Subscription{}, errors.New("must have keys.auth: 16 bytes in base64url")
	}
	copy(s.auth[:], auth)
	return s, nil
}

var errNoEndpoint = errors.New("must have an endpoint that is a URL of https")

// Endpoint gives an address's endpoint, without looking at its keys; empty for what is no subscription.
func Endpoint(address string) string {
	var given struct {
		Endpoint string `json:"endpoint"`
	}
	_ = json.Unmarshal([]byte(address), &given)
	return given.Endpoint
}

// decode reads base64url, with or without padding; some write the standard alphabet.
func decode(text string) ([]byte, error) {
	text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	return base64.RawURLEncoding.DecodeString(text)
}
