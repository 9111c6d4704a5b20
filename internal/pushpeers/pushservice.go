package pushpeers

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// PushService is one that browsers and UnifiedPush use: RFC 8030, with VAPID (RFC 8292). It knows the keys of the browsers that have
// subscribed, and shows what they would.
type PushService struct {
	*Peer

	mu       sync.Mutex
	browsers map[string]browser
}

// browser is one that has subscribed.
type browser struct {
	key  *ecdh.PrivateKey
	auth []byte
	// server is the VAPID key that it has subscribed for; empty for any.
	server string
}

// NewPushService starts it.
func NewPushService() (*PushService, error) {
	s := &PushService{browsers: map[string]browser{}}
	var err error
	s.Peer, err = start(s.judge, nil)
	return s, err
}

// Subscribe gives the subscription of a new browser for a server's VAPID key, as PushSubscription.toJSON does.
func (s *PushService) Subscribe(server string) (string, error) {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	b := browser{key: key, auth: make([]byte, 16), server: server}
	_, _ = rand.Read(b.auth)
	id := rand.Text()
	s.mu.Lock()
	s.browsers[id] = b
	s.mu.Unlock()
	text, err := json.Marshal(map[string]any{
		"endpoint": s.URL + "/push/" + id, "expirationTime": nil,
		"keys": map[string]string{"p256dh": base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes()), "auth": base64.RawURLEncoding.EncodeToString(b.auth)},
	})
	return string(text), err
}

// Unsubscribe ends a subscription.
func (s *PushService) Unsubscribe(subscription string) {
	var given struct{ Endpoint string }
	_ = json.Unmarshal([]byte(subscription), &given)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.browsers, last(given.Endpoint))
}

// topic is RFC 8030's.
var topicForm = regexp.MustCompile(`^[A-Za-z0-9_-]{0,32}$`)

func (s *PushService) judge(p *Peer, r Request) (Answer, string) {
	s.mu.Lock()
	b, ok := s.browsers[last(r.Path)]
	s.mu.Unlock()
	ttl := r.Header.Get("TTL")
	switch {
	case !ok:
		return Answer{Status: http.StatusGone}, ""
	case r.Method != http.MethodPost:
		return Answer{Status: http.StatusMethodNotAllowed}, ""
	case !regexp.MustCompile(`^\d+$`).MatchString(ttl) || !topicForm.MatchString(r.Header.Get("Topic")) || r.Header.Get("Content-Encoding") != "aes128gcm":
		return Answer{Status: http.StatusBadRequest}, ""
	case len(r.Body) > 4096:
		return Answer{Status: http.StatusRequestEntityTooLarge}, ""
	}
	if status := vapid(r.Header.Get("Authorization"), p.URL, b.server, p.Now()); status != 0 {
		return Answer{Status: status}, ""
	}
	text, err := Decrypt(b.key, b.auth, r.Body)
	if err != nil {
		return Answer{Status: http.StatusBadRequest}, ""
	}
	var payload struct{ Title, Body, SID string }
	_ = json.Unmarshal(text, &payload)
	return Answer{Status: http.StatusCreated, Header: map[string]string{"TTL": ttl, "Location": p.URL + "/message/" + rand.Text()}},
		fmt.Sprintf("%s — %s (%s), TTL %s", payload.Title, payload.Body, payload.SID, ttl)
}

var vapidForm = regexp.MustCompile(`^vapid t=([^,]+), ?k=([A-Za-z0-9_-]+)$`)

// vapid gives the status that refuses a header; 0 for one that is good.
func vapid(header, audience, server string, now time.Time) int {
	parts := vapidForm.FindStringSubmatch(header)
	if parts == nil {
		return http.StatusUnauthorized
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return http.StatusUnauthorized
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
	if err != nil {
		return http.StatusUnauthorized
	}
	claims := jwt.MapClaims{}
	_, err = jwt.ParseWithClaims(parts[1], claims, func(*jwt.Token) (any, error) { return key, nil }, jwt.WithValidMethods([]string{"ES256"}), jwt.WithAudience(audience), jwt.WithExpirationRequired(), jwt.WithTimeFunc(func() time.Time { return now }))
	if err != nil {
		return http.StatusUnauthorized
	}
	if until, err := claims.GetExpirationTime(); err != nil || until.Sub(now) > 24*time.Hour {
		return http.StatusUnauthorized
	}
	if server != "" && server != parts[2] {
		return http.StatusForbidden
	}
	return 0
}

// Decrypt reads a message as a browser does (RFC 8291).
func Decrypt(key *ecdh.PrivateKey, auth, body []byte) ([]byte, error) {
	if len(body) < 86 || body[20] != 65 {
		return nil, errors.New("the header is not one of aes128gcm")
	}
	salt, size, sender, sealed := body[:16], binary.BigEndian.Uint32(body[16:20]), body[21:86], body[86:]
	if len(sealed) > int(size) {
		return nil, errors.New("there is more than one record")
	}
	public, err := ecdh.P256().NewPublicKey(sender)
	if err != nil {
		return nil, err
	}
	shared, err := key.ECDH(public)
	if err != nil {
		return nil, err
	}
	secret, err := hkdf.Key(sha256.New, shared, auth, "WebPush: info\x00"+string(key.PublicKey().Bytes())+string(sender), 32)
	if err != nil {
		return nil, err
	}
	contentKey, err := hkdf.Key(sha256.New, secret, salt, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, err
	}
	nonce, err := hkdf.Key(sha256.New, secret, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(contentKey)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	text, err := gcm.Open(nil, nonce, sealed, nil)
	if err != nil {
		return nil, err
	}
	whole := strings.TrimRight(string(text), "\x00")
	if !strings.HasSuffix(whole, "\x02") {
		return nil, errors.New("the record is not the last")
	}
	return []byte(strings.TrimSuffix(whole, "\x02")), nil
}
