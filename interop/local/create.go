package local

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Target is what a notification is created for, and by whom.
type Target struct {
	// URL is the base URL of a node or of a balancer, Credentials are SID:TOKEN.
	URL, Credentials string
	// Service, Identity and Challenge are those of the operation's path.
	Service, Identity, Challenge string
}

// Create asks for a notification as any caller does. The SID is that of the answer, if it has one.
func (t Target) Create(ctx context.Context, client *http.Client, ttl time.Duration) (sid string, status int, err error) {
	path := fmt.Sprintf("%s/v2/Services/%s/Entities/%s/Challenges/%s/Notifications", t.URL, t.Service, t.Identity, t.Challenge)
	form := url.Values{"Ttl": {fmt.Sprint(int(ttl / time.Second))}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	name, token, _ := strings.Cut(t.Credentials, ":")
	request.SetBasicAuth(name, token)
	answer, err := client.Do(request)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	var body struct {
		SID string `json:"sid"`
	}
	// An answer of another form has none.
	_ = json.NewDecoder(answer.Body).Decode(&body)
	return body.SID, answer.StatusCode, nil
}
