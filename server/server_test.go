package server_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/challenges"
	"github.com/nudgehq/nudge/server/servertest"
)

func TestAcceptedTTLs(t *testing.T) {
	s := servertest.New(t)
	for name, c := range map[string]struct {
		request request
		ttl     int
	}{
		"no body and no media type takes the default": {request: request{noContentType: true}, ttl: documented.DefaultTTL},
		"an empty body takes the default":             {request: request{}, ttl: documented.DefaultTTL},
		"0":                                           {request: request{body: "Ttl=0"}, ttl: 0},
		"1":                                           {request: request{body: "Ttl=1"}, ttl: 1},
		"150":                                         {request: request{body: "Ttl=150"}, ttl: 150},
		"the maximum":                                 {request: request{body: fmt.Sprint("Ttl=", documented.MaxTTL)}, ttl: documented.MaxTTL},
		"percent-escaped digits":                      {request: request{body: "T%74l=%31%35%30"}, ttl: 150},
		"a charset that is the same":                  {request: request{body: "Ttl=7", contentType: formType + "; charset=ISO-8859-1"}, ttl: 7},
		"another":                                     {request: request{body: "Ttl=7", contentType: formType + "; charset=us-ascii"}, ttl: 7},
		"one that is misspelt":                        {request: request{body: "Ttl=7", contentType: formType + `; charset="UTF8"`}, ttl: 7},
		"a media type with a parameter":               {request: request{body: "Ttl=7", contentType: formType + "; charset=UTF-8"}, ttl: 7},
		"a media type in other case":                  {request: request{body: "Ttl=7", contentType: "Application/X-WWW-Form-URLEncoded"}, ttl: 7},
		"empty pairs":                                 {request: request{body: "&Ttl=7&"}, ttl: 7},
		"the largest body":                            {request: request{body: "Ttl=7" + strings.Repeat("&", server.DefaultMaxBody/2)}, ttl: 7},
		"no encoding, by name":                        {request: request{body: "Ttl=7", header: http.Header{"Content-Encoding": {"identity"}}}, ttl: 7},
	} {
		t.Run(name, func(t *testing.T) {
			a := send(t, s, c.request)
			if a.status != http.StatusCreated || a.result.Ttl != c.ttl {
				t.Fatalf("got %d %s, want 201 with ttl %d", a.status, a.body, c.ttl)
			}
			last := s.Notifications()[len(s.Notifications())-1]
			if last.TTL != time.Duration(c.ttl)*time.Second || last.SID != *a.result.Sid {
				t.Errorf("the queue got %+v, the caller %s", last, a.body)
			}
		})
	}
}

func TestCreatedNotification(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 30, 15, 987654321, time.FixedZone("", 3600))
	s := servertest.New(t, func(c *server.Config) { c.Now = func() time.Time { return now } })
	a, b := send(t, s, request{body: "Ttl=150"}), send(t, s, request{body: "Ttl=150"})
	for field, c := range map[string]struct {
		got  *string
		want string
	}{
		"account_sid":   {got: a.result.AccountSid, want: s.AccountSID},
		"service_sid":   {got: a.result.ServiceSid, want: serviceSID},
		"identity":      {got: a.result.Identity, want: identity},
		"challenge_sid": {got: a.result.ChallengeSid, want: challengeSID},
		"priority":      {got: a.result.Priority, want: "high"},
		"entity_sid":    {got: a.result.EntitySid, want: *b.result.EntitySid},
	} {
		if c.got == nil || *c.got != c.want {
			t.Errorf("%s: %s, want %s", field, a.body, c.want)
		}
	}
	if !strings.Contains(a.body, `"date_created":"2026-11-23T11:30:15Z"`) || !strings.Contains(a.body, `"ttl":150`) {
		t.Errorf("date_created or ttl: %s", a.body)
	}
	if *a.result.Sid == *b.result.Sid || !regexp.MustCompile(`^NT[0-9a-f]{32}$`).MatchString(*a.result.Sid) {
		t.Errorf("sids %s and %s", *a.result.Sid, *b.result.Sid)
	}
	if a.header.Get("Twilio-Request-Id") == b.header.Get("Twilio-Request-Id") {
		t.Error("two requests have one id")
	}
	other := send(t, s, request{path: path(serviceSID, "another-identity", challengeSID)})
	if *other.result.EntitySid == *a.result.EntitySid {
		t.Error("two identities have one entity SID")
	}
}

func TestInFlightLimit(t *testing.T) {
	entered, leave := make(chan bool), make(chan bool)
	s := servertest.New(t, func(c *server.Config) {
		c.MaxInFlight = 1
		c.Queue = queueFunc(func(context.Context, delivery.Notification) error { entered <- true; <-leave; return nil })
	})
	first := make(chan int)
	go func() { first <- send(t, s, request{}).status }()
	<-entered
	if a := send(t, s, request{}); a.status != 429 || a.error.Code != 20429 || a.header.Get("Retry-After") == "" {
		t.Errorf("the second request got %d %s %v", a.status, a.body, a.header)
	}
	close(leave)
	if status := <-first; status != 201 {
		t.Errorf("the first request got %d", status)
	}
	go func() { <-entered }()
	if a := send(t, s, request{}); a.status != 201 {
		t.Errorf("after the first request the next got %d %s", a.status, a.body)
	}
}

func TestLogAndObservation(t *testing.T) {
	var log lockedBuffer
	seen := make(chan server.Observation, 9)
	s := servertest.New(t, func(c *server.Config) {
		c.Logger = slog.New(slog.NewJSONHandler(&log, nil))
		c.Observe = func(o server.Observation) { seen <- o }
	})
	created := send(t, s, request{body: "Ttl=150"})
	refused := send(t, s, request{body: "Ttl=4242424242"})
	send(t, s, request{path: "/nothing", method: "NUDGE"})
	for _, want := range []server.Observation{
		{Operation: "CreateNotification", Path: operationPath, Method: "POST", Status: 201, AccountSID: s.AccountSID, RequestID: created.header.Get("Twilio-Request-Id")},
		{Operation: "CreateNotification", Path: operationPath, Method: "POST", Status: 400, Code: 60200, AccountSID: s.AccountSID, RequestID: refused.header.Get("Twilio-Request-Id")},
		{Path: "/nothing", Method: "other", Status: 404, Code: 20404},
	} {
		got := <-seen
		if got.Duration <= 0 {
			t.Errorf("duration %v", got.Duration)
		}
		got.Duration = 0
		if want.RequestID == "" {
			got.RequestID = ""
		}
		if got != want {
			t.Errorf("observed %+v, want %+v", got, want)
		}
	}
	for _, secret := range []string{s.AuthToken, base64.StdEncoding.EncodeToString([]byte(s.AccountSID + ":" + s.AuthToken)), "4242424242"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q: %s", secret, log.String())
		}
	}
	if !strings.Contains(log.String(), `"status":400,"code":60200,"account_sid":"`+s.AccountSID+`"`) {
		t.Errorf("the log does not tell the code: %s", log.String())
	}
	if lines := strings.Count(log.String(), `"msg":"request"`); lines != 3 {
		t.Errorf("%d log lines for 3 requests: %s", lines, log.String())
	}
}

func TestCORS(t *testing.T) {
	preflight := request{method: "OPTIONS", noCredentials: true, noContentType: true,
		header: http.Header{"Origin": {"https://b.example"}, "Access-Control-Request-Method": {"POST"}}}
	t.Run("any origin, without credentials", func(t *testing.T) {
		s := servertest.New(t)
		for name, r := range map[string]request{"preflight": preflight, "created": {}, "unknown path": {path: "/x"}, "wrong method": {method: "PUT"}} {
			a := send(t, s, r)
			for header, want := range map[string]string{
				"Access-Control-Allow-Origin":      "*",
				"Access-Control-Allow-Methods":     "GET, POST, DELETE, OPTIONS",
				"Access-Control-Allow-Headers":     "Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Unmodified-Since, Idempotency-Key",
				"Access-Control-Allow-Credentials": "false",
				"Access-Control-Expose-Headers":    "ETag",
				"Vary":                             "",
				"Access-Control-Max-Age":           map[bool]string{true: "7200"}[name == "preflight"],
			} {
				if got := a.header.Get(header); got != want {
					t.Errorf("%s: %s is %q, want %q", name, header, got, want)
				}
			}
			if name == "preflight" && (a.status != 204 || a.header.Get("Allow") != "OPTIONS, POST") {
				t.Errorf("the preflight got %d, Allow %q", a.status, a.header.Get("Allow"))
			}
		}
	})
	t.Run("listed origins, with credentials", func(t *testing.T) {
		s := servertest.New(t, func(c *server.Config) { c.CORSOrigins = []string{"https://a.example", "https://b.example"} })
		for origin, want := range map[string]string{"https://b.example": "https://b.example", "https://evil.example": "https://a.example", "": "https://a.example"} {
			a := send(t, s, request{header: http.Header{"Origin": {origin}}})
			if a.header.Get("Access-Control-Allow-Origin") != want || a.header.Get("Access-Control-Allow-Credentials") != "true" || a.header.Get("Vary") != "Origin" {
				t.Errorf("origin %q: %v", origin, a.header)
			}
		}
	})
	for _, origin := range []string{"a.example", "https://a.example/", "https://", "https://a.example/path"} {
		if _, err := server.New(server.Config{Accounts: accounts.Set{}, Challenges: challenges.Any{}, Queue: queueFunc(nil), CORSOrigins: []string{origin}}); err == nil {
			t.Errorf("the origin %q was accepted", origin)
		}
	}
}

// What the directory says of the device reaches the queue.
func TestChannelAndAddressReachTheQueue(t *testing.T) {
	got := make(chan delivery.Notification, 1)
	s := servertest.New(t, func(c *server.Config) {
		c.Challenges = challenges.Any{Channel: "webhook", Address: "https://device.example"}
		c.Queue = queueFunc(func(_ context.Context, n delivery.Notification) error { got <- n; return nil })
	})
	send(t, s, request{})
	if n := <-got; n.Channel != "webhook" || n.Address != "https://device.example" || n.Device != (delivery.Device{ServiceSID: serviceSID, Identity: identity}) {
		t.Errorf("the queue got %+v", n)
	}
}

// A refused request is recorded with its body, though the server never reads it.
func TestRefusedRequestsAreRecordedWhole(t *testing.T) {
	s := servertest.New(t)
	send(t, s, request{body: "Ttl=150", noCredentials: true})
	if r := s.Requests()[0]; r.Status != 401 || r.Form.Get("Ttl") != "150" {
		t.Errorf("recorded %+v", r)
	}
}

func TestRequiredSettings(t *testing.T) {
	_, err := server.New(server.Config{Accounts: accounts.Set{}, Challenges: challenges.Any{}})
	if err == nil || !strings.Contains(err.Error(), "Queue") {
		t.Errorf("got %v, want an error that names Queue", err)
	}
}

func TestRecordedRequests(t *testing.T) {
	s := servertest.New(t)
	send(t, s, request{body: "Ttl=150", path: operationPath + "?a=b"})
	requests := s.Requests()
	if len(requests) != 1 {
		t.Fatalf("%d requests", len(requests))
	}
	r := requests[0]
	if r.Method != "POST" || r.Path != operationPath || r.Query.Get("a") != "b" || r.Form.Get("Ttl") != "150" || string(r.Body) != "Ttl=150" ||
		r.Status != 201 || r.Header.Get("Content-Type") != formType {
		t.Errorf("recorded %+v", r)
	}
	if _, err := url.Parse(s.URL); err != nil {
		t.Error(err)
	}
}
