package pushpeers

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/golang-jwt/jwt/v5"
)

// FCM is Firebase Cloud Messaging with the endpoint that gives access tokens: its answers are those of "projects.messages.send" and
// "ErrorCode" of its reference.
type FCM struct {
	*Peer
	// Account is a service account's key as Google gives it.
	Account []byte
	Project string

	tokens atomic.Int64
	// TokenStatus is what the endpoint for tokens answers; 0: 200 and a token.
	TokenStatus atomic.Int64
}

// NewFCM starts it.
func NewFCM() (*FCM, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	f := &FCM{Project: "example-app"}
	f.Peer, err = start(func(_ *Peer, r Request) (Answer, string) { return f.judge(r) }, map[string]http.HandlerFunc{
		"POST /token": func(w http.ResponseWriter, r *http.Request) { f.giveToken(w, r, &key.PublicKey) },
	})
	if err != nil {
		return nil, err
	}
	f.Account, err = json.MarshalIndent(map[string]string{
		"type": "service_account", "project_id": f.Project, "private_key_id": "1", "client_email": "sender@example-app.iam.gserviceaccount.com",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": f.URL + "/token",
	}, "", "  ")
	return f, err
}

// Tokens is how many access tokens were given.
func (f *FCM) Tokens() int { return int(f.tokens.Load()) }

func (f *FCM) giveToken(w http.ResponseWriter, r *http.Request, key *rsa.PublicKey) {
	if status := int(f.TokenStatus.Load()); status != 0 {
		Answer{Status: status, Body: `{"error":"invalid_grant"}`}.write(w)
		return
	}
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(r.FormValue("assertion"), claims, func(*jwt.Token) (any, error) { return key, nil }, jwt.WithValidMethods([]string{"RS256"}), jwt.WithAudience(f.URL+"/token"))
	// Firebase's own library asks for more than sending needs.
	scope, _ := claims["scope"].(string)
	if err != nil || !strings.Contains(scope, "/auth/firebase.messaging") && !strings.Contains(scope, "/auth/cloud-platform") {
		Answer{Status: 400, Body: `{"error":"invalid_grant"}`}.write(w)
		return
	}
	text := fmt.Sprintf(`{"access_token":"ya29.%d","expires_in":3599,"token_type":"Bearer"}`, f.tokens.Add(1))
	Answer{Status: 200, Header: map[string]string{"Content-Type": "application/json"}, Body: text}.write(w)
}

// Refusal is an error as FCM writes it.
func Refusal(status int, google, code string) string {
	text, _ := json.Marshal(map[string]any{"error": map[string]any{
		"code": status, "status": google, "message": "told by the peer",
		"details": []any{map[string]any{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}},
	}})
	return string(text)
}

var seconds = regexp.MustCompile(`^\d+(\.\d{1,9})?s$`)

func (f *FCM) judge(r Request) (Answer, string) {
	refuse := func(status int, google, code string) (Answer, string) {
		return Answer{Status: status, Header: map[string]string{"Content-Type": "application/json"}, Body: Refusal(status, google, code)}, ""
	}
	switch {
	case r.Method != http.MethodPost || r.Path != "/v1/projects/"+f.Project+"/messages:send":
		return refuse(404, "NOT_FOUND", "")
	case r.Header.Get("Authorization") != fmt.Sprintf("Bearer ya29.%d", f.tokens.Load()):
		return refuse(401, "UNAUTHENTICATED", "")
	}
	var request struct {
		Message struct {
			Token        string            `json:"token"`
			Data         map[string]string `json:"data"`
			Notification any               `json:"notification"`
			Android      struct {
				Priority string `json:"priority"`
				TTL      string `json:"ttl"`
			} `json:"android"`
		} `json:"message"`
	}
	decoder := json.NewDecoder(strings.NewReader(string(r.Body)))
	if err := decoder.Decode(&request); err != nil {
		return refuse(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT")
	}
	m := request.Message
	if m.Token == "" || m.Android.Priority != "HIGH" && m.Android.Priority != "NORMAL" || !seconds.MatchString(m.Android.TTL) {
		return refuse(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT")
	}
	if strings.HasPrefix(m.Token, "unregistered") {
		return refuse(404, "NOT_FOUND", "UNREGISTERED")
	}
	text := fmt.Sprintf("%s — %s (%s), ttl %s", m.Data["title"], m.Data["body"], m.Data["sid"], m.Android.TTL)
	return Answer{Status: 200, Header: map[string]string{"Content-Type": "application/json"}, Body: fmt.Sprintf(`{"name":"projects/%s/messages/0:%d"}`, f.Project, len(f.Got()))}, text
}
