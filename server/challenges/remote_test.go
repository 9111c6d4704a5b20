package challenges_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/challenges"
)

// teamService is a team's own service, as a test has it answer.
type teamService struct {
	*challenges.Remote
	asked  atomic.Int64
	answer atomic.Pointer[func(w http.ResponseWriter, r *http.Request)]
	now    atomic.Int64
	log    bytes.Buffer
}

func newService(t *testing.T) *teamService {
	t.Helper()
	s := &teamService{}
	s.now.Store(now.UnixNano())
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		(*s.answer.Load())(w, r)
	}))
	t.Cleanup(web.Close)
	var err error
	s.Remote, err = challenges.NewRemote(challenges.RemoteConfig{
		URL: web.URL + "/base", Token: func() string { return "s3cr3t" },
		Now: func() time.Time { return time.Unix(0, s.now.Load()) }, Logger: slog.New(slog.NewTextHandler(&s.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *teamService) answers(status int, body string, header ...string) {
	f := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
	s.answer.Store(&f)
}

func (s *teamService) find(t *testing.T, challenge int) (server.Challenge, *server.Error) {
	t.Helper()
	found, err := s.Find(t.Context(), server.ChallengeKey{AccountSID: mine, ServiceSID: service, Identity: identity, ChallengeSID: sid(challenge)})
	var refused *server.Error
	if err != nil && !errors.As(err, &refused) {
		t.Fatal(err)
	}
	return found, refused
}

const pending = `{"status":"pending","channel":"stream"}`

func TestRemoteAsks(t *testing.T) {
	s := newService(t)
	var got *http.Request
	f := func(w http.ResponseWriter, r *http.Request) {
		got = r
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, `{"status":"approved","channel":"webhook","address":"https://device.example/hook","expires":"2026-11-23T12:00:10Z",`+
			`"entity_sid":"YE00000000000000000000000000000009","factor_sid":"YF00000000000000000000000000000009","notification_limit":7,`+
			`"address_since":"2026-11-23T11:00:00Z","details":{"place":"Oslo"},"more":"of a later version"}`)
	}
	s.answer.Store(&f)
	found, refused := s.find(t, 1)
	want := server.Challenge{
		ChallengeKey: server.ChallengeKey{AccountSID: mine, ServiceSID: service, Identity: identity, ChallengeSID: sid(1)},
		EntitySID:    "YE00000000000000000000000000000009", FactorSID: "YF00000000000000000000000000000009", Status: server.StatusApproved,
		Expires: now.Add(10 * time.Second), NotificationLimit: 7, Channel: "webhook", Address: "https://device.example/hook",
		AddressSince: now.Add(-time.Hour), Details: map[string]string{"place": "Oslo"},
	}
	if refused != nil || fmt.Sprintf("%+v", found) != fmt.Sprintf("%+v", want) {
		t.Errorf("%+v, %v; want %+v", found, refused, want)
	}
	path := "/base/challenges/v1/Accounts/" + mine + "/Services/" + service + "/Entities/" + identity + "/Challenges/" + sid(1)
	if got.Method != http.MethodGet || got.URL.Path != path || got.Header.Get("Authorization") != "Bearer s3cr3t" {
		t.Errorf("%s %s %v", got.Method, got.URL, got.Header)
	}
}

// An answer is used for a second; that there is none is never kept: a challenge may be made in the next moment.
func TestRemoteKeepsAnswersShortly(t *testing.T) {
	s := newService(t)
	s.answers(200, pending)
	for range 3 {
		if _, refused := s.find(t, 1); refused != nil {
			t.Fatal(refused)
		}
	}
	if s.asked.Load() != 1 {
		t.Errorf("asked %d times", s.asked.Load())
	}
	s.now.Add(int64(time.Second))
	s.answers(200, strings.Replace(pending, "pending", "approved", 1))
	if found, _ := s.find(t, 1); found.Status != server.StatusApproved || s.asked.Load() != 2 {
		t.Errorf("%s after a second, asked %d times", found.Status, s.asked.Load())
	}
	s.answers(404, `{"code":"challenge_not_found","message":"none"}`)
	for range 2 {
		if _, refused := s.find(t, 2); refused == nil || refused.Code != server.CodeNotFound {
			t.Errorf("%v", refused)
		}
	}
	if s.asked.Load() != 4 {
		t.Errorf("asked %d times", s.asked.Load())
	}
}

func TestRemoteIsAskedOnceByMany(t *testing.T) {
	s := newService(t)
	begun, letGo := make(chan bool, 100), make(chan bool)
	f := func(w http.ResponseWriter, _ *http.Request) {
		begun <- true
		<-letGo
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, pending)
	}
	s.answer.Store(&f)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, refused := s.find(t, 1); refused != nil {
				t.Error(refused)
			}
		})
	}
	<-begun
	close(letGo)
	group.Wait()
	if s.asked.Load() > 2 {
		t.Errorf("asked %d times", s.asked.Load())
	}
}

// What cannot be looked up is answered 20503, whatever the service does; it is never guessed that there is no challenge.
func TestRemoteNeverGuesses(t *testing.T) {
	for name, answer := range map[string]struct {
		status int
		body   string
	}{
		"a failure":               {500, `{"message":"s3cr3t"}`},
		"a wrong token":           {401, `{"message":"s3cr3t"}`},
		"a 404 of a proxy":        {404, "not found"},
		"a 404 of a gateway":      {404, `{"message":"no Route matched with those values"}`},
		"a 404 with another code": {404, `{"code":"s3cr3t","message":"none"}`},
		"an empty 404":            {404, `null`},
		"a redirect":              {302, ""},
		"no JSON":                 {200, "<html>"},
		"no status":               {200, `{"channel":"stream"}`},
		"another status":          {200, strings.Replace(pending, "pending", "open", 1)},
		"a channel without form":  {200, strings.Replace(pending, "stream", "../x", 1)},
		"no address":              {200, strings.Replace(pending, "stream", "webhook", 1)},
		"a great limit":           {200, `{"status":"pending","channel":"stream","notification_limit":9000000000}`},
		"no time":                 {200, `{"status":"pending","channel":"stream","expires":"s3cr3t"}`},
		"the zero time":           {200, `{"status":"pending","channel":"stream","expires":"0001-01-01T00:00:00Z"}`},
		"a bad request":           {400, `{"message":"s3cr3t"}`},
		"a negative limit":        {200, `{"status":"pending","channel":"stream","notification_limit":-1}`},
		"another channel":         {200, strings.Replace(pending, "stream", "pigeon", 1)},
		"an endless answer":       {200, `{"status":"pending","channel":"stream","address":"` + strings.Repeat("x", 1<<20)},
		"too many details":        {200, `{"status":"pending","channel":"stream","details":{"a":"` + strings.Repeat("x", 3000) + `"}}`},
	} {
		s := newService(t)
		s.answers(answer.status, answer.body)
		if _, refused := s.find(t, 1); refused == nil || refused.Code != server.CodeUnavailable || strings.Contains(refused.Error(), "s3cr3t") {
			t.Errorf("%s: %v", name, refused)
		}
	}
}

func TestRemoteThatFailsIsLeftAlone(t *testing.T) {
	s := newService(t)
	s.answers(503, `{"message":"later"}`, "Retry-After", "2")
	for i := range 50 {
		if _, refused := s.find(t, i); refused == nil || refused.Code != server.CodeUnavailable || i > 5 && refused.RetryAfter != 2 {
			t.Fatalf("%d: %v", i, refused)
		}
	}
	if s.asked.Load() != 5 || !s.Failing() || s.Failed() != 5 || strings.Count(s.log.String(), "fails") != 1 {
		t.Errorf("asked %d times, failing %v; the log is %s", s.asked.Load(), s.Failing(), s.log.String())
	}
	s.now.Add(int64(2 * time.Second))
	for i := range 5 {
		if _, refused := s.find(t, i); refused == nil {
			t.Error("it is found")
		}
	}
	if s.asked.Load() != 6 {
		t.Errorf("asked %d times: more than one probe", s.asked.Load())
	}
	s.answers(200, pending)
	s.now.Add(int64(time.Minute))
	for i := range 5 {
		if _, refused := s.find(t, i); refused != nil {
			t.Errorf("%d: %v", i, refused)
		}
	}
	if s.Failing() || !strings.Contains(s.log.String(), "works again") {
		t.Errorf("failing %v; the log is %s", s.Failing(), s.log.String())
	}
}

// What the service has against one challenge is none of the others'.
func TestRemoteThatRefusesOne(t *testing.T) {
	s := newService(t)
	s.answers(400, `{"message":"not this one"}`)
	for i := range 20 {
		if _, refused := s.find(t, i); refused == nil || refused.Code != server.CodeUnavailable {
			t.Fatalf("%v", refused)
		}
	}
	if s.Failing() || s.asked.Load() != 20 {
		t.Errorf("failing %v after %d", s.Failing(), s.asked.Load())
	}
}

// Those that were on their way when the service was left alone do not make that longer.
func TestRemoteThatBlinksIsAskedAgainSoon(t *testing.T) {
	s := newService(t)
	letGo := make(chan bool)
	f := func(w http.ResponseWriter, _ *http.Request) {
		<-letGo
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	s.answer.Store(&f)
	var group sync.WaitGroup
	for i := range 60 {
		group.Go(func() { _, _ = s.find(t, i) })
	}
	for s.asked.Load() < 60 {
		<-time.After(time.Millisecond)
	}
	close(letGo)
	group.Wait()
	s.answers(200, pending)
	s.now.Add(int64(2 * time.Second))
	if _, refused := s.find(t, 100); refused != nil {
		t.Errorf("after two seconds: %v", refused)
	}
}

// A service that does not answer holds nobody up for longer than its time.
func TestRemoteThatHangs(t *testing.T) {
	s := newService(t)
	done := make(chan bool)
	defer close(done)
	f := func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-done:
		case <-r.Context().Done():
		}
	}
	s.answer.Store(&f)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Find(ctx, server.ChallengeKey{AccountSID: mine, ServiceSID: service, Identity: identity, ChallengeSID: sid(1)}); err == nil {
		t.Error("a caller that is gone has an answer")
	}
	if _, refused := s.find(t, 2); refused == nil || refused.Code != server.CodeUnavailable || !strings.Contains(refused.Error(), "no answer in time") {
		t.Errorf("%v", refused)
	}
}

func TestURLsOfServices(t *testing.T) {
	for text, good := range map[string]bool{
		"https://team.example/nudge": true, "http://127.0.0.1:9090": true, "http://localhost:9090": true, "http://team.example": false,
		"https://user:pass@team.example": false, "https://team.example?x=y": false, "https://": false, "ftp://x": false, "https://[::1]:9090": true,
	} {
		if err := challenges.CheckURL(text); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// The document says what a file's entries without a limit have.
func TestLimitOfTheDocument(t *testing.T) {
	doc, err := openapi.Load(challenges.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	if limit := doc.Components.Schemas["Challenge"].Value.Properties["notification_limit"].Value.Default; limit != float64(challenges.NotificationLimit) {
		t.Errorf("%v, and a file's is %d", limit, challenges.NotificationLimit)
	}
}
