package contract_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nudgehq/nudge/contract"
	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/internal/mutant"
)

// counting counts the requests, and those that were answered with success.
type counting struct {
	next              http.Handler
	requests, created atomic.Int64
}

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.requests.Add(1)
	c.next.ServeHTTP(&status{w, c}, r)
}

type status struct {
	http.ResponseWriter
	*counting
}

func (s *status) WriteHeader(code int) {
	if code == http.StatusCreated {
		s.created.Add(1)
	}
	s.ResponseWriter.WriteHeader(code)
}

func (s *status) Write(p []byte) (int, error) { return s.ResponseWriter.Write(p) }
func (s *status) Header() http.Header         { return s.ResponseWriter.Header() }

// A run of a server that is wrong everywhere need not go on to its end.
func TestMaxFailures(t *testing.T) {
	report, text := run(t, http.NotFoundHandler(), contract.WithMaxFailures(2))
	if _, failed, skipped := report.Count(); failed != 2 || skipped == 0 || !strings.Contains(text, "2 cases have failed") {
		t.Errorf("%d failed, %d were skipped:\n%s", failed, skipped, text)
	}
}

func TestMaxCreates(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{1, 5} {
		server := &counting{next: mutant.New("")}
		report, text := run(t, server, contract.WithMaxCreates(int(n)))
		if report.Failed() || server.created.Load() != n {
			t.Errorf("at most %d: %d were created\n%s", n, server.created.Load(), text)
		}
		if _, _, skipped := report.Count(); skipped == 0 {
			t.Error("nothing was skipped")
		}
	}
	// A server that accepts what it must refuse is not filled with it.
	server := &counting{next: mutant.New("accepts unknown fields")}
	if report, _ := run(t, server, contract.WithMaxCreates(5)); !report.Failed() || server.created.Load() > 6 {
		t.Errorf("%d were created", server.created.Load())
	}
}

func TestTolerance(t *testing.T) {
	t.Parallel()
	if report, _ := run(t, mutant.New("answers 400 to a wrong media type"), contract.WithTolerated(400)); report.Failed() {
		t.Error("400 is tolerated, and fails")
	}
	if report, text := run(t, mutant.New("answers 422 to a bad Ttl"), contract.WithTolerated(422)); report.Failed() {
		t.Error("422 is tolerated, and fails", text)
	}
	if report, _ := run(t, mutant.New("answers 404 to other methods"), contract.WithAnyRefusal()); report.Failed() {
		t.Error("404 is a declared refusal, and fails")
	}
	if report, _ := run(t, mutant.New("accepts a Ttl above its maximum"), contract.WithAnyRefusal(), contract.WithTolerated(400, 404, 422)); !report.Failed() {
		t.Error("success is no refusal")
	}
}

// Valid requests name what exists; what else is valid may not exist.
func TestFixtures(t *testing.T) {
	t.Parallel()
	service := documented.Prefix("ServiceSid") + "0123456789abcdef0123456789abcdef"
	correct := mutant.New("")
	only := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		if parts := strings.Split(path, "/"); len(parts) == 9 && strings.HasPrefix(parts[3], documented.Prefix("ServiceSid")) && len(parts[3]) == 34 && parts[3] != service {
			r.URL.Path, r.URL.RawPath = "/v2/none", ""
		}
		correct.ServeHTTP(w, r)
	})
	if report, _ := run(t, only); !report.Failed() {
		t.Error("it passes without the fixture")
	}
	if report, text := run(t, only, contract.WithFixture("ServiceSid", service)); report.Failed() {
		t.Error(text)
	}
}

// A server that takes three notifications for a challenge keeps the contract: no case needs more, but the one that sends many.
func TestLimitOfOneChallenge(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]contract.Option{"nothing": nil, "a fixture": {contract.WithFixture("ChallengeSid", "YC0123456789abcdef0123456789abcdef")}} {
		var mu sync.Mutex
		had := map[string]int{}
		correct := mutant.New("")
		limited := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			recorded := httptest.NewRecorder()
			correct.ServeHTTP(recorded, r)
			mu.Lock()
			defer mu.Unlock()
			if recorded.Code == http.StatusCreated {
				had[r.URL.Path]++
			}
			for name, values := range recorded.Header() {
				w.Header()[name] = values
			}
			if had[r.URL.Path] > 3 && recorded.Code == http.StatusCreated {
				w.WriteHeader(http.StatusTooManyRequests)
				_, _ = io.WriteString(w, `{"code":60309,"message":"The Challenge has had its notifications","more_info":"https://www.twilio.com/docs/errors/60309","status":429}`)
				return
			}
			w.WriteHeader(recorded.Code)
			_, _ = w.Write(recorded.Body.Bytes())
		})
		if report, text := run(t, limited, options...); report.Failed() {
			t.Errorf("with %s: %s", name, text)
		}
	}
}

func TestOnlyAndSeed(t *testing.T) {
	names := func(options ...contract.Option) []string {
		cases, err := contract.Cases(options...)
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, c := range cases {
			if c.Name == "" || c.Rule == "" {
				t.Errorf("a case has no name or no rule: %+v", c)
			}
			list = append(list, c.Name)
		}
		return list
	}
	account := contract.WithAccount(mutant.Username, mutant.Password)
	all, some := names(account), names(account, contract.WithOnly("/echo/"))
	if len(all) < 300 || len(some) == 0 || len(some) == len(all) {
		t.Errorf("%d cases, of which %d echo", len(all), len(some))
	}
	if again := names(account); !slices.Equal(all, again) {
		t.Error("the cases differ from one derivation to the next")
	}
}

func TestUnusable(t *testing.T) {
	for name, c := range map[string]struct {
		url     string
		options []contract.Option
		says    string
	}{
		"no URL":           {url: "nowhere", options: nil, says: "http://"},
		"no credentials":   {url: "http://127.0.0.1:1", options: nil, says: "credentials"},
		"no document":      {url: "http://127.0.0.1:1", options: []contract.Option{contract.WithDocument("x.yaml", []byte("a: b"))}, says: "x.yaml"},
		"no case":          {url: "http://127.0.0.1:1", options: []contract.Option{contract.WithOnly("nothing of the kind")}, says: "no case"},
		"no expression":    {url: "http://127.0.0.1:1", options: []contract.Option{contract.WithOnly("(")}, says: "cases to try"},
		"no such fixture":  {url: "http://127.0.0.1:1", options: []contract.Option{contract.WithAccount("a", "b"), contract.WithFixture("Nope", "1")}, says: "Nope"},
		"a wrong fixture":  {url: "http://127.0.0.1:1", options: []contract.Option{contract.WithAccount("a", "b"), contract.WithFixture("ServiceSid", "bad")}, says: "ServiceSid must be a string of 34 characters"},
		"a wrong relation": {url: "http://127.0.0.1:1", options: []contract.Option{contract.WithDocument("shop.yaml", bytes.Replace(shop, []byte("$request.body#/name"), []byte("$request.body#/nome"), 1))}, says: "nome"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := contract.Run(t.Context(), c.url, c.options...)
			if !errors.Is(err, contract.ErrUnusable) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestReports(t *testing.T) {
	t.Parallel()
	report, _ := run(t, mutant.New("accepts a Ttl above its maximum"))
	passed, failed, _ := report.Count()
	var junit, text bytes.Buffer
	if err := report.WriteJUnit(&junit); err != nil {
		t.Fatal(err)
	}
	var suite struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Cases    []struct {
			Name    string `xml:"name,attr"`
			Failure *struct {
				Message string `xml:"message,attr"`
			} `xml:"failure"`
		} `xml:"testcase"`
	}
	if err := xml.Unmarshal(junit.Bytes(), &suite); err != nil {
		t.Fatal(err)
	}
	if suite.Tests != passed+failed || suite.Failures != failed || len(suite.Cases) != suite.Tests {
		t.Errorf("JUnit has %d tests and %d failures, not %d and %d", suite.Tests, suite.Failures, passed+failed, failed)
	}
	if err := report.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	var parsed struct {
		Failed  int `json:"failed"`
		Results []struct {
			Name       string               `json:"name"`
			Outcome    string               `json:"outcome"`
			Violations []contract.Violation `json:"violations"`
			Curl       string               `json:"curl"`
		} `json:"results"`
	}
	if err := json.Unmarshal(text.Bytes(), &parsed); err != nil {
		t.Fatal(err)
	}
	for _, r := range parsed.Results {
		if r.Outcome == "failed" && (len(r.Violations) == 0 || !strings.Contains(r.Curl, fmt.Sprint("Ttl=", documented.MaxTTL+1))) {
			t.Errorf("%+v", r)
		}
	}
	if strings.Contains(text.String()+junit.String(), mutant.Password) {
		t.Error("a report has the password")
	}
}
