package pushpeers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// APNs is Apple's service: its answers are those of "Handling notification responses from APNs".
type APNs struct {
	*Peer
	// KeyFile is a signing key as Apple gives it, with its id and its team's.
	KeyFile       []byte
	KeyID, TeamID string
	// Topic is the app's.
	Topic string
}

// NewAPNs starts it. What is taken is judged by the key, so that it is the only one that is good.
func NewAPNs() (*APNs, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	a := &APNs{KeyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), KeyID: "ABC123DEFG", TeamID: "DEF123GHIJ", Topic: "com.example.app"}
	a.Peer, err = start(func(_ *Peer, r Request) (Answer, string) { return a.judge(r, &key.PublicKey) }, nil)
	return a, err
}

var (
	devicePath = regexp.MustCompile(`^/3/device/[0-9a-f]{64,200}$`)
	uuid       = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

func reason(status int, text string) Answer {
	return Answer{Status: status, Body: `{"reason":"` + text + `"}`}
}

func (a *APNs) judge(r Request, key *ecdsa.PublicKey) (Answer, string) {
	priority, expiration := r.Header.Get("apns-priority"), r.Header.Get("apns-expiration")
	switch {
	case r.Proto != "HTTP/2.0":
		return Answer{Status: http.StatusHTTPVersionNotSupported}, ""
	case r.Method != http.MethodPost:
		return reason(405, "MethodNotAllowed"), ""
	case !strings.HasPrefix(r.Path, "/3/device/"):
		return reason(404, "BadPath"), ""
	case !devicePath.MatchString(r.Path):
		return reason(400, "BadDeviceToken"), ""
	case r.Header.Get("apns-topic") != a.Topic:
		return reason(400, "DeviceTokenNotForTopic"), ""
	case !uuid.MatchString(r.Header.Get("apns-id")):
		return reason(400, "BadMessageId"), ""
	case r.Header.Get("apns-push-type") != "alert":
		return reason(400, "InvalidPushType"), ""
	case priority != "10" && priority != "5":
		return reason(400, "BadPriority"), ""
	case len(r.Header.Get("apns-collapse-id")) > 64:
		return reason(400, "BadCollapseId"), ""
	case len(r.Body) == 0:
		return reason(400, "PayloadEmpty"), ""
	case len(r.Body) > 4096:
		return reason(413, "PayloadTooLarge"), ""
	}
	if _, err := strconv.ParseInt(expiration, 10, 64); err != nil {
		// Where it is missing, APNs keeps it for up to 30 days: here that is a fault.
		return reason(400, "BadExpirationDate"), ""
	}
	if refused := a.token(r, key); refused != "" {
		return reason(403, refused), ""
	}
	var payload struct {
		APS struct {
			Alert struct{ Title, Body string } `json:"alert"`
		} `json:"aps"`
		SID string `json:"sid"`
	}
	if err := json.Unmarshal(r.Body, &payload); err != nil {
		return reason(400, "PayloadEmpty"), ""
	}
	kept := "tried once, and not kept"
	if at, err := strconv.ParseInt(expiration, 10, 64); err == nil && at > 0 {
		kept = fmt.Sprintf("kept for %d s", at-a.Now().Unix())
	}
	text := fmt.Sprintf("%s — %s (%s), %s", payload.APS.Alert.Title, payload.APS.Alert.Body, payload.SID, kept)
	return Answer{Status: 200, Header: map[string]string{"apns-id": r.Header.Get("apns-id")}}, text
}

// token says why a provider token is refused; empty when it is not.
func (a *APNs) token(r Request, key *ecdsa.PublicKey) string {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "bearer ")
	if !ok {
		return "MissingProviderToken"
	}
	claims := jwt.MapClaims{}
	token, err := jwt.ParseWithClaims(text, claims, func(*jwt.Token) (any, error) { return key, nil }, jwt.WithValidMethods([]string{"ES256"}), jwt.WithoutClaimsValidation())
	if err != nil || token.Header["kid"] != a.KeyID || claims["iss"] != a.TeamID {
		return "InvalidProviderToken"
	}
	issued, err := claims.GetIssuedAt()
	if err != nil || issued == nil || a.Now().Sub(issued.Time) > time.Hour {
		return "ExpiredProviderToken"
	}
	return ""
}
