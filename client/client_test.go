package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/client"
	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/server/challenges"
	"github.com/nudgehq/nudge/server/servertest"
)

var challenge = client.Challenge{
	ServiceSID: documented.ServiceSID, Identity: "ff483d1ff591898a9942916050d2ca3f", SID: documented.ChallengeSID,
}

func newClient(t *testing.T, s *servertest.Server, options ...client.Option) *client.Client {
	t.Helper()
	c, err := client.New(append([]client.Option{client.WithBaseURL(s.URL), client.WithBasicAuth(s.AccountSID, s.AuthToken)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTTLIsOptionalAndZeroIsNotAbsent(t *testing.T) {
	s := servertest.New(t)
	c := newClient(t, s)
	for _, want := range []struct {
		ttl    *int
		body   string
		answer int
	}{{ttl: nil, answer: documented.DefaultTTL}, {ttl: new(0), body: "Ttl=0", answer: 0}, {ttl: new(150), body: "Ttl=150", answer: 150}} {
		n, err := c.CreateNotification(t.Context(), challenge, api.CreateNotificationRequest{Ttl: want.ttl})
		if err != nil {
			t.Fatal(err)
		}
		requests := s.Requests()
		if body := string(requests[len(requests)-1].Body); body != want.body || n.Ttl != want.answer || *n.Identity != challenge.Identity {
			t.Errorf("sent %q, got %+v; want %q and %d", body, n, want.body, want.answer)
		}
	}
}

func TestNothingInvalidIsSent(t *testing.T) {
	s := servertest.New(t)
	c := newClient(t, s)
	for field, bad := range map[string]struct {
		challenge client.Challenge
		ttl       int
		rule      string
	}{
		"Ttl":          {challenge: challenge, ttl: documented.MaxTTL + 1, rule: documented.TTLRule},
		"Identity":     {challenge: client.Challenge{ServiceSID: challenge.ServiceSID, Identity: "..", SID: challenge.SID}, ttl: 0, rule: "a string of 8 to 64 characters"},
		"ServiceSid":   {challenge: client.Challenge{Identity: challenge.Identity, SID: challenge.SID}, ttl: 0, rule: "a string of 34 characters"},
		"ChallengeSid": {challenge: client.Challenge{ServiceSID: challenge.ServiceSID, Identity: challenge.Identity, SID: challenge.SID + "/"}, ttl: 0, rule: "a string of 34 characters"},
	} {
		_, err := c.CreateNotification(t.Context(), bad.challenge, api.CreateNotificationRequest{Ttl: &bad.ttl})
		var invalid *client.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != field || !strings.HasPrefix(invalid.Rule, bad.rule) || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := c.CreateNotification(t.Context(), challenge, api.CreateNotificationRequest{Ttl: new(-1)}); err == nil {
		t.Error("a TTL of -1 was sent")
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestRefusalsAreTyped(t *testing.T) {
	s := servertest.New(t)
	c := newClient(t, s)
	for code, status := range map[int]int{60200: 400, 20003: 401, 60323: 403, 20404: 404, 20429: 429, 60309: 429, 20500: 500, 20503: 503} {
		named := challenge
		named.SID = challenges.Code(code)
		_, err := c.CreateNotification(t.Context(), named, api.CreateNotificationRequest{})
		var refused *client.Error
		if !errors.As(err, &refused) {
			t.Fatalf("%d: %v", code, err)
		}
		if refused.Code != code || refused.Status != status || refused.Message == "" || refused.RequestID == "" ||
			!strings.HasSuffix(refused.MoreInfo, "/"+strings.TrimLeft(named.SID[2:], "0")) {
			t.Errorf("%d: %+v", code, refused)
		}
	}
	if n := len(s.Requests()); n != 8 {
		t.Errorf("%d requests for 8 calls: something was tried again", n)
	}
	wrong, err := client.New(client.WithBaseURL(s.URL), client.WithBasicAuth(s.AccountSID, "wrong"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wrong.CreateNotification(t.Context(), challenge, api.CreateNotificationRequest{}); err == nil || strings.Contains(err.Error(), "wrong") {
		t.Errorf("a wrong token: %v", err)
	}
}

// answering is a service that answers as written, whatever it is asked.
func answering(t *testing.T, status int, header http.Header, body string) *client.Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	c, err := client.New(client.WithBaseURL(s.URL + "/base/"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestForeignAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		body, want string
		code       int
	}{
		"HTML":             {status: 502, body: "<html>Bad\n gateway</html>", want: "<html>Bad gateway</html>", code: 0},
		"empty":            {status: 500, want: "empty body", code: 0},
		"long":             {status: 502, body: strings.Repeat("x", 1_000_000), want: "xxx…", code: 0},
		"another JSON":     {status: 400, body: `{"error":"no"}`, want: `{"error":"no"}`, code: 0},
		"JSON list":        {status: 400, body: `[]`, want: "[]", code: 0},
		"details as list":  {status: 400, body: `{"code":60200,"message":"m","details":[1]}`, want: "m", code: 60200},
		"code as text":     {status: 400, body: `{"code":"60200","message":"m"}`, want: "60200", code: 0},
		"a 200":            {status: 200, body: `{}`, want: "OK", code: 0},
		"bytes not UTF-8":  {status: 500, body: "\xff\xfe", want: "�", code: 0},
		"a redirect":       {status: 304, want: "Not Modified", code: 0},
		"message no code":  {status: 403, body: `{"message":"only text"}`, want: "only text", code: 0},
		"truncated object": {status: 503, body: `{"code":20503,"mess`, want: `{"code":20503,"mess`, code: 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := answering(t, c.status, http.Header{"Twilio-Request-Id": {"RQ1"}}, c.body).
				CreateNotification(t.Context(), challenge, api.CreateNotificationRequest{})
			var refused *client.Error
			if !errors.As(err, &refused) {
				t.Fatalf("got %v", err)
			}
			if refused.Status != c.status || refused.Code != c.code || !strings.Contains(refused.Message, c.want) ||
				len(refused.Message) > 400 || refused.RequestID != "RQ1" {
				t.Errorf("got %+v", refused)
			}
		})
	}
}

// The generated response parser loses the whole typed result when a header does not parse.
func TestStrangeHeadersLoseNothing(t *testing.T) {
	sid := "NT" + strings.Repeat("a", 32)
	c := answering(t, 201, http.Header{"Access-Control-Allow-Credentials": {"maybe"}, "Content-Type": {"text/plain"}}, `{"sid":"`+sid+`","ttl":7}`)
	n, err := c.CreateNotification(t.Context(), challenge, api.CreateNotificationRequest{})
	if err != nil || *n.Sid != sid || n.Ttl != 7 {
		t.Errorf("got %+v, %v", n, err)
	}
	for _, body := range []string{"created", "{}", "null", "[]", `{"ttl":1}`, ""} {
		if _, err := answering(t, 201, nil, body).CreateNotification(t.Context(), challenge, api.CreateNotificationRequest{}); err == nil {
			t.Errorf("the 201 %q was taken for a notification", body)
		}
	}
}

// script is a service of written answers, without a network, so that synctest's clock runs.
type script struct {
	answers []*http.Response
	delay   time.Duration
	asked   []time.Time
	bodies  []string
}

func (s *script) Do(r *http.Request) (*http.Response, error) {
	s.asked = append(s.asked, time.Now())
	body, _ := io.ReadAll(r.Body)
	s.bodies = append(s.bodies, string(body))
	select {
	case <-time.After(s.delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	answer := s.answers[min(len(s.asked), len(s.answers))-1]
	return answer, nil
}

func answer(status, code int, retryAfter string) *http.Response {
	text, _ := json.Marshal(map[string]any{"code": code, "message": "m", "status": status, "ttl": 150, "sid": "NT1"})
	header := http.Header{}
	if retryAfter != "" {
		header.Set("Retry-After", retryAfter)
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(string(text)))}
}

func TestRetries(t *testing.T) {
	created := func() *http.Response { return answer(201, 0, "") }
	for name, c := range map[string]struct {
		retries int
		answers []*http.Response
		asked   int
		took    time.Duration
		ok      bool
	}{
		"off by default":              {retries: 0, answers: []*http.Response{answer(503, 20503, "2"), created()}, asked: 1, took: 0, ok: false},
		"busy, Retry-After":           {retries: 2, answers: []*http.Response{answer(429, 20429, "7"), created()}, asked: 2, took: 7 * time.Second, ok: true},
		"unavailable twice":           {retries: 2, answers: []*http.Response{answer(503, 20503, "2"), answer(503, 0, ""), created()}, asked: 3, took: 3 * time.Second, ok: true},
		"used up":                     {retries: 1, answers: []*http.Response{answer(503, 20503, "2"), answer(503, 20503, "2"), created()}, asked: 2, took: 2 * time.Second, ok: false},
		"the limit of notifications":  {retries: 5, answers: []*http.Response{answer(429, 60309, "1"), created()}, asked: 1, took: 0, ok: false},
		"an internal error":           {retries: 5, answers: []*http.Response{answer(500, 20500, ""), created()}, asked: 1, took: 0, ok: false},
		"Retry-After as a past date":  {retries: 1, answers: []*http.Response{answer(503, 0, "Fri, 31 Dec 1999 23:59:59 GMT"), created()}, asked: 2, took: 0, ok: true},
		"Retry-After of a day":        {retries: 1, answers: []*http.Response{answer(503, 20503, "86400"), created()}, asked: 1, took: 0, ok: false},
		"Retry-After that is nothing": {retries: 1, answers: []*http.Response{answer(503, 0, "soon"), created()}, asked: 2, took: time.Second, ok: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				service := &script{answers: c.answers}
				cl, err := client.New(client.WithRetries(c.retries), client.WithHTTPClient(service))
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				_, err = cl.CreateNotification(t.Context(), challenge, api.CreateNotificationRequest{Ttl: new(150)})
				if (err == nil) != c.ok || len(service.asked) != c.asked || time.Since(start) != c.took {
					t.Errorf("asked %d times in %v: %v; want %d times in %v", len(service.asked), time.Since(start), err, c.asked, c.took)
				}
				for _, body := range service.bodies {
					if body != "Ttl=150" {
						t.Errorf("an attempt sent %q", body)
					}
				}
			})
		})
	}
}

func TestTimeLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := &script{delay: time.Hour}
		for want, options := range map[time.Duration][]client.Option{
			client.DefaultTimeout: nil,
			3 * time.Second:       {client.WithTimeout(3 * time.Second)},
		} {
			c, err := client.New(append(options, client.WithHTTPClient(service))...)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			_, err = c.CreateNotification(t.Context(), challenge, api.CreateNotificationRequest{})
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != want {
				t.Errorf("%v after %v, want the limit of %v", err, time.Since(start), want)
			}
		}
		// Waiting for another attempt ends with the context.
		busy := &script{answers: []*http.Response{answer(503, 20503, "60")}}
		c, err := client.New(client.WithRetries(1), client.WithHTTPClient(busy))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		_, err = c.CreateNotification(ctx, challenge, api.CreateNotificationRequest{})
		var refused *client.Error
		if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &refused) {
			t.Errorf("got %v, want both the context's error and the refusal", err)
		}
	})
}

func TestOptions(t *testing.T) {
	for name, o := range map[string]client.Option{
		"no scheme":         client.WithBaseURL("localhost:8080"),
		"another scheme":    client.WithBaseURL("ftp://x"),
		"no URL":            client.WithBaseURL("http://[::1"),
		"no SID":            client.WithBasicAuth("", "x"),
		"no token":          client.WithBasicAuth("x", ""),
		"negative time":     client.WithTimeout(-1),
		"negative attempts": client.WithRetries(-1),
		"a query":           client.WithBaseURL("http://x/?a=b"),
		"no HTTP client":    client.WithHTTPClient(nil),
		"a nil option":      nil,
	} {
		if _, err := client.New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestDefaultBaseURLIsTheDocuments(t *testing.T) {
	var host string
	c, err := client.New(client.WithHTTPClient(doer(func(r *http.Request) (*http.Response, error) {
		host = r.URL.String()
		return answer(201, 0, ""), nil
	})))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateNotification(t.Context(), challenge, api.CreateNotificationRequest{}); err != nil {
		t.Fatal(err)
	}
	want := "https://verify.twilio.com/v2/Services/" + challenge.ServiceSID + "/Entities/" + challenge.Identity + "/Challenges/" + challenge.SID + "/Notifications"
	if host != want {
		t.Errorf("asked %s, want %s", host, want)
	}
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }
