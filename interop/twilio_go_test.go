// Package interop runs other people's clients and tools against nudge.
package interop

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	twilio "github.com/twilio/twilio-go"
	"github.com/twilio/twilio-go/client"
	verify "github.com/twilio/twilio-go/rest/verify/v2"

	"github.com/nudgehq/nudge/server/challenges"
	"github.com/nudgehq/nudge/server/servertest"
)

const (
	service   = "VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	identity  = "ff483d1ff591898a9942916050d2ca3f"
	challenge = "YC03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
)

// rehost sends the SDK's requests to another host; the SDK itself is unchanged.
type rehost struct{ to *url.URL }

func (h rehost) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = h.to.Scheme, h.to.Host, ""
	return http.DefaultTransport.RoundTrip(r)
}

func newSDK(t *testing.T, s *servertest.Server, username, password string) *verify.ApiService {
	t.Helper()
	t.Setenv("TWILIO_EDGE", "")
	t.Setenv("TWILIO_REGION", "")
	to, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	base := &client.Client{Credentials: client.NewCredentials(username, password), HTTPClient: &http.Client{Transport: rehost{to}}}
	base.SetAccountSid(s.AccountSID)
	return twilio.NewRestClientWithParams(twilio.ClientParams{Client: base}).VerifyV2
}

func TestOfficialGoSDKCreates(t *testing.T) {
	s := servertest.New(t)
	sdk := newSDK(t, s, s.AccountSID, s.AuthToken)
	for name, c := range map[string]struct {
		params *verify.CreateNotificationParams
		ttl    int
	}{
		"with a TTL":    {new(verify.CreateNotificationParams).SetTtl(150), 150},
		"without a TTL": {&verify.CreateNotificationParams{}, 300},
		"with a TTL 0":  {new(verify.CreateNotificationParams).SetTtl(0), 0},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := sdk.CreateNotification(service, identity, challenge, c.params)
			if err != nil {
				t.Fatal(err)
			}
			if n.Ttl != c.ttl || *n.Identity != identity || *n.ServiceSid != service || *n.ChallengeSid != challenge || *n.AccountSid != s.AccountSID ||
				*n.Priority != "high" || n.DateCreated == nil || !regexp.MustCompile(`^NT[0-9a-f]{32}$`).MatchString(*n.Sid) {
				t.Errorf("got %+v", n)
			}
		})
	}
}

func TestOfficialGoSDKGetsTypedErrors(t *testing.T) {
	s := servertest.New(t)
	sdk := newSDK(t, s, s.AccountSID, s.AuthToken)
	for name, c := range map[string]struct {
		sdk          *verify.ApiService
		challenge    string
		ttl          int
		status, code int
	}{
		"400":       {sdk, challenge, 301, 400, 60200},
		"400 path":  {sdk, "YC1", 150, 400, 60306},
		"401":       {newSDK(t, s, s.AccountSID, "wrong0token"), challenge, 150, 401, 20003},
		"404":       {sdk, challenges.Code(20404), 150, 404, 20404},
		"403/60323": {sdk, challenges.Code(60323), 150, 403, 60323},
		"429/60309": {sdk, challenges.Code(60309), 150, 429, 60309},
		"503":       {sdk, challenges.Code(20503), 150, 503, 20503},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.sdk.CreateNotification(service, identity, c.challenge, new(verify.CreateNotificationParams).SetTtl(c.ttl))
			var refused *client.TwilioRestError
			if !errors.As(err, &refused) {
				t.Fatalf("got %v", err)
			}
			if refused.Status != c.status || refused.Code != c.code || refused.Message == "" || refused.MoreInfo == "" {
				t.Errorf("got %+v", refused)
			}
		})
	}
}
