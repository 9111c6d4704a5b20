package fcm

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	"golang.org/x/oauth2/jwt"
	"golang.org/x/sync/singleflight"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/outbound"
	"github.com/nudgehq/nudge/internal/webaddress"
)

// scope is what a token is for.
const scope = "https://www.googleapis.com/auth/firebase.messaging"

// fetchTime bounds how long fetching a token may take, and refreshed is how long before its end one is fetched anew. usual is how long
// one is good where the endpoint does not say.
const (
	fetchTime = 8 * time.Second
	refreshed = time.Minute
	usual     = 10 * time.Minute
	// replaceRest is how long after a token was replaced because it was refused none is again.
	replaceRest = 5 * time.Minute
)

// Account is a service account.
type Account struct {
	// Project is the Firebase project's id.
	Project string
	config  *jwt.Config
}

// ParseAccount reads a service account's key as Google gives it, in JSON. The error holds nothing of it.
func ParseAccount(data []byte) (*Account, error) {
	var content struct {
		Type    string `json:"type"`
		Project string `json:"project_id"`
		Key     string `json:"private_key"`
		Email   string `json:"client_email"`
		Token   string `json:"token_uri"`
	}
	if json.Unmarshal(data, &content) != nil || content.Type != "service_account" || content.Key == "" || content.Email == "" {
		return nil, errors.New("must be a service account's key as Google gives it, in JSON, with type, project_id, private_key and client_email")
	}
	if content.Token != "" {
		u, err := webaddress.Parse(content.Token)
		if err != nil || u.Scheme != "https" && !webaddress.IsLoopback(u) {
			return nil, errors.New("has a token_uri that is not a URL of https")
		}
	}
	if !projectID.MatchString(content.Project) {
		return nil, errors.New("has no project_id of letters, digits and -")
	}
	config, err := google.JWTConfigFromJSON(data, scope)
	if err != nil {
		return nil, errors.New("is not a service account's key that can be used")
	}
	// The library looks at the key when it is first used.
	if err := checkKey(config.PrivateKey); err != nil {
		return nil, err
	}
	return &Account{Project: content.Project, config: config}, nil
}

// checkKey tells whether a key is one that the library signs with.
func checkKey(key []byte) error {
	if block, _ := pem.Decode(key); block != nil {
		key = block.Bytes
	}
	parsed, err := x509.ParsePKCS8PrivateKey(key)
	if err != nil {
		parsed, err = x509.ParsePKCS1PrivateKey(key)
	}
	if _, ok := parsed.(*rsa.PrivateKey); err != nil || !ok {
		return errors.New("has no private_key of RSA")
	}
	return nil
}

var projectID = regexp.MustCompile(`^[a-z0-9:.-]{1,100}$`)

// tokens has the access token that all attempts share.
type tokens struct {
	config *jwt.Config
	client *http.Client
	flight singleflight.Group

	mu      sync.Mutex
	current *oauth2.Token
	// refused is why there was none when it was fetched last, and again when it is fetched again then.
	refused error
	again   time.Time
	// until is when it is fetched anew, end until when it is good, and replaced when one was last replaced because it was refused. All are
	// of the wall clock, as the tokens are.
	until, end, replaced time.Time
}

// newTokens makes the tokens of an account. The library does not pass a context on: the client's own time bounds a request.
func newTokens(account *Account, client *http.Client) *tokens {
	bounded := *client
	bounded.Timeout = fetchTime
	bounded.Transport = saying{client.Transport}
	return &tokens{config: account.config, client: &bounded}
}

// saying puts why there was no answer into words of our own: the library makes one text of them and of the address.
type saying struct{ http.RoundTripper }

// unreachable is such a reason. The text around it is the library's.
type unreachable string

func (u unreachable) Error() string { return "\x00" + string(u) + "\x00" }

func (s saying) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := s.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, unreachable(outbound.Reason(r.Context(), err))
	}
	return response, nil
}

// get gives the token in use. One that is near its end is fetched anew, once for all who wait; where there is none ok is false, and
// the result says why.
func (t *tokens) get(ctx context.Context) (token *oauth2.Token, failed delivery.Result, ok bool) {
	t.mu.Lock()
	token, now := t.current, time.Now()
	if token == nil && t.refused != nil && now.Before(t.again) {
		// It was asked for a moment ago.
		err := t.refused
		t.mu.Unlock()
		return nil, refused(err), false
	}
	isFresh, isGood := token != nil && now.Before(t.until), token != nil && now.Before(t.end)
	t.mu.Unlock()
	if isFresh {
		return token, failed, true
	}
	fetched := t.flight.DoChan("", func() (any, error) { return t.fetch() })
	if isGood {
		// It is fetched meanwhile.
		return token, failed, true
	}
	select {
	case <-ctx.Done():
		return nil, delivery.Again(0, "no access token in time"), false
	case got := <-fetched:
		if got.Err != nil {
			return nil, refused(got.Err), false
		}
		token, _ = got.Val.(*oauth2.Token)
		return token, failed, true
	}
}

// fetch asks for a token. It is bounded by itself: who asked first may have gone.
func (t *tokens) fetch() (*oauth2.Token, error) {
	t.mu.Lock()
	if token := t.current; token != nil && time.Now().Before(t.until) {
		// Another one has come between the look and the request.
		t.mu.Unlock()
		return token, nil
	}
	t.mu.Unlock()
	// A source that remembers nothing: what is remembered is here.
	token, err := t.config.TokenSource(context.WithValue(context.Background(), oauth2.HTTPClient, t.client)).Token()
	if err == nil {
		err = checkToken(token)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refused = err; err != nil {
		t.again = time.Now().Round(0).Add(time.Second)
		return nil, err
	}
	// What the endpoint says of the time may be anything.
	good := min(max(time.Until(token.Expiry), time.Minute), time.Hour)
	if token.Expiry.IsZero() {
		good = usual
	}
	now := time.Now().Round(0)
	t.current, t.until, t.end = token, now.Add(good-min(refreshed, good/4)), now.Add(good)
	return token, nil
}

// checkToken refuses what cannot be sent.
func checkToken(token *oauth2.Token) error {
	if token.AccessToken == "" || strings.ContainsFunc(token.AccessToken, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return errors.New("there is no token in the answer")
	}
	return nil
}

// refused says what it means that there is no token.
func refused(err error) delivery.Result {
	if answered, ok := errors.AsType[*oauth2.RetrieveError](err); ok && answered.Response != nil {
		reason := fmt.Sprintf("the token endpoint answered %d", answered.Response.StatusCode)
		if answered.Response.StatusCode >= 400 && answered.Response.StatusCode < 500 && answered.Response.StatusCode != http.StatusTooManyRequests {
			return delivery.Denied(0, reason)
		}
		return delivery.Again(0, reason)
	}
	if parts := strings.Split(err.Error(), "\x00"); len(parts) == 3 {
		return delivery.Again(0, "the token endpoint: "+parts[1])
	}
	return delivery.Again(0, "the token endpoint gives no token")
}

// refuse is told that a token was refused; it tells whether the next attempt has another one.
func (t *tokens) refuse(used *oauth2.Token) (another bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if used != t.current {
		return true
	}
	if !t.replaced.IsZero() && time.Since(t.replaced) < replaceRest {
		return false
	}
	t.replaced, t.current = time.Now(), nil
	return true
}
