package webpush

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/mail"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A signed header is valid for half of the day that RFC 8292 allows, and used until an hour before its end.
const (
	headerValid = 12 * time.Hour
	headerUsed  = 11 * time.Hour
	// headerRest is how long one is used that is refused.
	headerRest = 20 * time.Minute
	// maxHeaders bounds how many push services have one: there are a handful, and whoever makes up more makes them anew.
	maxHeaders = 256
)

// Key is a VAPID key: it tells push services who sends.
type Key struct {
	private *ecdsa.PrivateKey
	// Public is what a page subscribes with (applicationServerKey): 65 bytes in base64url.
	Public string
}

var errNoKey = errors.New("must be a VAPID key as nudge vapid makes it: the 32 bytes of a private key of P-256 in base64url, or one in PEM")

// NewKey makes a key.
func NewKey() (*Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return keyOf(private)
}

// ParseKey reads a key: 32 bytes in base64url, as other tools write it too, or PEM. The error holds nothing of it.
func ParseKey(data []byte) (*Key, error) {
	if block, _ := pem.Decode(data); block != nil {
		return parsePEM(block.Bytes)
	}
	raw, err := decode(strings.TrimSpace(string(data)))
	if err != nil {
		return nil, errNoKey
	}
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw)
	if err != nil {
		return nil, errNoKey
	}
	return keyOf(private)
}

func parsePEM(der []byte) (*Key, error) {
	if private, err := x509.ParseECPrivateKey(der); err == nil {
		return keyOf(private)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	private, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok {
		return nil, errNoKey
	}
	return keyOf(private)
}

func keyOf(private *ecdsa.PrivateKey) (*Key, error) {
	public, err := private.PublicKey.ECDH()
	if err != nil || public.Curve() != ecdh.P256() {
		return nil, errNoKey
	}
	return &Key{private: private, Public: base64.RawURLEncoding.EncodeToString(public.Bytes())}, nil
}

// Text is the private key in base64url, to be kept in a file.
func (k *Key) Text() (string, error) {
	raw, err := k.private.Bytes()
	return base64.RawURLEncoding.EncodeToString(raw), err
}

// CheckSubject gives an error for what push services cannot reach the operator by.
func CheckSubject(subject string) error {
	if address, ok := strings.CutPrefix(subject, "mailto:"); ok {
		if parsed, err := mail.ParseAddress(address); err == nil && parsed.Address == address {
			return nil
		}
	}
	if u, err := url.Parse(subject); err == nil && u.Scheme == "https" && u.Host != "" {
		return nil
	}
	return errors.New("must be a way to reach the operator: mailto: and an address, or a URL of https")
}

// headers are the signed headers, by push service.
type headers struct {
	key     *Key
	subject string

	mu     sync.Mutex
	signed map[string]signedHeader
}

type signedHeader struct {
	text string
	at   time.Time
}

// get gives the Authorization header for a push service, which is named by scheme, host and port.
func (h *headers) get(service string, now time.Time) (string, error) {
	// A header is dated by the wall clock, which may be set.
	now = now.Round(0)
	h.mu.Lock()
	defer h.mu.Unlock()
	if s, ok := h.signed[service]; ok && now.Sub(s.at) < headerUsed && !now.Before(s.at.Add(-time.Minute)) {
		return s.text, nil
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"aud": service, "exp": now.Add(headerValid).Unix(), "sub": h.subject,
	}).SignedString(h.key.private)
	if err != nil {
		return "", err
	}
	if h.signed == nil || len(h.signed) >= maxHeaders {
		h.signed = map[string]signedHeader{}
	}
	text := "vapid t=" + token + ", k=" + h.key.Public
	h.signed[service] = signedHeader{text, now}
	return text, nil
}

// refuse is told that a header was refused; it tells whether the next attempt has another one. One that has been used for a while is
// signed anew: the clock may have been set.
func (h *headers) refuse(service, text string, now time.Time) (another bool) {
	now = now.Round(0)
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok := h.signed[service]
	if !ok || s.text != text {
		return true
	}
	if age := now.Sub(s.at); age >= 0 && age < headerRest {
		return false
	}
	delete(h.signed, service)
	return true
}
