package server_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/challenges"
	"github.com/nudgehq/nudge/server/servertest"
)

const formType = "application/x-www-form-urlencoded"

var serviceSID, identity, challengeSID = documented.ServiceSID, documented.Identity, documented.ChallengeSID

// path is the operation's path with the three parameters.
func path(service, identity, challenge string) string {
	return "/v2/Services/" + service + "/Entities/" + identity + "/Challenges/" + challenge + "/Notifications"
}

var operationPath = path(serviceSID, identity, challengeSID)

// request is a request to send; its zero parts are the good ones.
type request struct {
	method, path, body string
	// contentType is sent even when it is empty, unless noContentType.
	contentType   string
	noContentType bool
	header        http.Header
	// user and password replace the right ones; noCredentials sends none.
	user, password string
	noCredentials  bool
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
	error  api.ErrorBody
	result api.Notification
}

func send(t testing.TB, s *servertest.Server, r request) answer {
	t.Helper()
	if r.method == "" {
		r.method = http.MethodPost
	}
	if r.path == "" {
		r.path = operationPath
	}
	if r.contentType == "" {
		r.contentType = formType
	}
	if r.user == "" {
		r.user, r.password = s.AccountSID, s.AuthToken
	}
	req, err := http.NewRequest(r.method, s.URL+r.path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	if !r.noContentType {
		req.Header.Set("Content-Type", r.contentType)
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	if !r.noCredentials {
		req.SetBasicAuth(r.user, r.password)
	}
	response, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: response.StatusCode, header: response.Header, body: string(body)}
	if len(body) == 0 {
		return a
	}
	target := any(&a.result)
	if a.status >= 400 {
		target = &a.error
	}
	if err := json.Unmarshal(body, target); err != nil {
		t.Fatalf("%d %q: %v", a.status, body, err)
	}
	return a
}

func TestAcceptedTTLs(t *testing.T) {
	s := servertest.New(t)
	for name, c := range map[string]struct {
		request request
		ttl     int
	}{
		"no body and no media type takes the default": {request{noContentType: true}, documented.DefaultTTL},
		"an empty body takes the default":             {request{}, documented.DefaultTTL},
		"0":                                           {request{body: "Ttl=0"}, 0},
		"1":                                           {request{body: "Ttl=1"}, 1},
		"150":                                         {request{body: "Ttl=150"}, 150},
		"the maximum":                                 {request{body: fmt.Sprint("Ttl=", documented.MaxTTL)}, documented.MaxTTL},
		"percent-escaped digits":                      {request{body: "T%74l=%31%35%30"}, 150},
		"a charset that is the same":                  {request{body: "Ttl=7", contentType: formType + "; charset=ISO-8859-1"}, 7},
		"another":                                     {request{body: "Ttl=7", contentType: formType + "; charset=us-ascii"}, 7},
		"one that is misspelt":                        {request{body: "Ttl=7", contentType: formType + `; charset="UTF8"`}, 7},
		"a media type with a parameter":               {request{body: "Ttl=7", contentType: formType + "; charset=UTF-8"}, 7},
		"a media type in other case":                  {request{body: "Ttl=7", contentType: "Application/X-WWW-Form-URLEncoded"}, 7},
		"empty pairs":                                 {request{body: "&Ttl=7&"}, 7},
		"the largest body":                            {request{body: "Ttl=7" + strings.Repeat("&", server.DefaultMaxBody/2)}, 7},
		"no encoding, by name":                        {request{body: "Ttl=7", header: http.Header{"Content-Encoding": {"identity"}}}, 7},
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

func TestRefusedRequests(t *testing.T) {
	invalidTTL := "Invalid parameter: Ttl must be " + documented.TTLRule
	badSID := "Invalid path parameter: ServiceSid must be " + documented.Parameters["ServiceSid"].String()
	const badChallenge = "Invalid path parameter: ChallengeSid must be a string of 34 characters that matches ^YC[0-9a-fA-F]{32}$"
	const badIdentity = "Invalid path parameter: Identity must be a string of 8 to 64 characters that matches ^[0-9a-zA-Z]+(-[0-9a-zA-Z]+)*$"
	const notForm = "The body's media type is not supported: it must be application/x-www-form-urlencoded"
	const malformed = "The request cannot be read: the body is not in the form name=value&name=value, has a malformed percent escape or too many fields"
	s := servertest.New(t)
	for name, c := range map[string]struct {
		request       request
		status, code  int
		message       string
		field, header string
	}{
		"above the maximum":         {request{body: fmt.Sprint("Ttl=", documented.MaxTTL+1)}, 400, 60200, invalidTTL, "Ttl", ""},
		"-1":                        {request{body: "Ttl=-1"}, 400, 60200, invalidTTL, "Ttl", ""},
		"-0":                        {request{body: "Ttl=-0"}, 400, 60200, invalidTTL, "Ttl", ""},
		"abc":                       {request{body: "Ttl=abc"}, 400, 60200, invalidTTL, "Ttl", ""},
		"1.5":                       {request{body: "Ttl=1.5"}, 400, 60200, invalidTTL, "Ttl", ""},
		"1.0":                       {request{body: "Ttl=1.0"}, 400, 60200, invalidTTL, "Ttl", ""},
		"1e2":                       {request{body: "Ttl=1e2"}, 400, 60200, invalidTTL, "Ttl", ""},
		"%2B5":                      {request{body: "Ttl=%2B5"}, 400, 60200, invalidTTL, "Ttl", ""},
		"+5, a space":               {request{body: "Ttl=+5"}, 400, 60200, invalidTTL, "Ttl", ""},
		"trailing space":            {request{body: "Ttl=5+"}, 400, 60200, invalidTTL, "Ttl", ""},
		"trailing newline":          {request{body: "Ttl=5%0A"}, 400, 60200, invalidTTL, "Ttl", ""},
		"raw newline":               {request{body: "Ttl=5\n"}, 400, 60200, invalidTTL, "Ttl", ""},
		"007":                       {request{body: "Ttl=007"}, 400, 60200, invalidTTL, "Ttl", ""},
		"0x10":                      {request{body: "Ttl=0x10"}, 400, 60200, invalidTTL, "Ttl", ""},
		"underscore":                {request{body: "Ttl=1_0"}, 400, 60200, invalidTTL, "Ttl", ""},
		"fullwidth digits":          {request{body: "Ttl=１５０"}, 400, 60200, invalidTTL, "Ttl", ""},
		"empty value":               {request{body: "Ttl="}, 400, 60200, invalidTTL, "Ttl", ""},
		"no value":                  {request{body: "Ttl"}, 400, 60200, invalidTTL, "Ttl", ""},
		"null":                      {request{body: "Ttl=null"}, 400, 60200, invalidTTL, "Ttl", ""},
		"int64 and one":             {request{body: "Ttl=9223372036854775808"}, 400, 60200, invalidTTL, "Ttl", ""},
		"a thousand digits":         {request{body: "Ttl=" + strings.Repeat("1", 1000)}, 400, 60200, invalidTTL, "Ttl", ""},
		"repeated":                  {request{body: "Ttl=1&Ttl=1"}, 400, 20001, "The request cannot be read: Ttl is given more than once", "Ttl", ""},
		"unknown field":             {request{body: "Ttl=1&Priority=low"}, 400, 20001, "The request cannot be read: unknown field Priority; allowed: " + documented.Fields, "Priority", ""},
		"wrong case":                {request{body: "ttl=1"}, 400, 20001, "The request cannot be read: unknown field ttl; allowed: " + documented.Fields, "ttl", ""},
		"brackets":                  {request{body: "Ttl[]=1"}, 400, 20001, "The request cannot be read: unknown field Ttl[]; allowed: " + documented.Fields, "Ttl[]", ""},
		"field without a name":      {request{body: "=1"}, 400, 20001, "The request cannot be read: unknown field; allowed: " + documented.Fields, "", ""},
		"field with a long name":    {request{body: strings.Repeat("x", 5000) + "=1"}, 400, 20001, "The request cannot be read: unknown field; allowed: " + documented.Fields, "", ""},
		"malformed escape":          {request{body: "Ttl=%zz"}, 400, 20001, malformed, "", ""},
		"semicolon":                 {request{body: "Ttl=1;Ttl=2"}, 400, 20001, malformed, "", ""},
		"JSON under the form type":  {request{body: `{"Ttl":150}`}, 400, 20001, "The request cannot be read: unknown field; allowed: " + documented.Fields, "", ""},
		"JSON":                      {request{body: `{"Ttl":150}`, contentType: "application/json"}, 415, 20415, notForm, "", ""},
		"multipart":                 {request{body: "--b\r\n\r\n--b--", contentType: "multipart/form-data; boundary=b"}, 415, 20415, notForm, "", ""},
		"text":                      {request{body: "Ttl=1", contentType: "text/plain"}, 415, 20415, notForm, "", ""},
		"a body without a type":     {request{body: "Ttl=1", noContentType: true}, 415, 20415, notForm, "", ""},
		"two media types":           {request{body: "Ttl=1", header: http.Header{"Content-Type": {formType, formType}}}, 415, 20415, notForm, "", ""},
		"a compressed body":         {request{body: "Ttl=1", header: http.Header{"Content-Encoding": {"gzip"}}}, 415, 20415, "The body's media type is not supported: the body must have no Content-Encoding", "", ""},
		"several faults":            {request{body: "Ttl=1&Ttl=2&b=1&a=2"}, 400, 20001, "The request cannot be read: Ttl is given more than once", "Ttl", ""},
		"two encodings":             {request{body: "Ttl=1", header: http.Header{"Content-Encoding": {"identity", "gzip"}}}, 415, 20415, "The body's media type is not supported: the body must have no Content-Encoding", "", ""},
		"a charset":                 {request{body: "Ttl=1", contentType: formType + "; charset=utf-16"}, 415, 20415, "The body's media type is not supported: the charset must be utf-8, us-ascii or iso-8859-1", "", ""},
		"bad form, no credentials":  {request{body: "Ttl=%zz", noCredentials: true}, 401, 20003, "Authenticate", "", ""},
		"oversize, no credentials":  {request{body: strings.Repeat("x", server.DefaultMaxBody+1), noCredentials: true}, 401, 20003, "Authenticate", "", ""},
		"bad form for a bad path":   {request{body: "Ttl=%zz", path: path("x", identity, challengeSID)}, 400, 20001, malformed, "", ""},
		"unknown escaped path":      {request{path: "/v2/%41%20b"}, 404, 20404, "The requested resource /v2/%41%20b was not found", "", ""},
		"a long escaped path":       {request{path: "/" + strings.Repeat("%41", 200)}, 404, 20404, "The requested resource /" + strings.Repeat("%41", 85) + "… was not found", "", ""},
		"oversize":                  {request{body: "Ttl=1&" + strings.Repeat("x", server.DefaultMaxBody)}, 413, 20413, "The body is too large: at most 16384 bytes are allowed", "", ""},
		"oversize of another type":  {request{body: strings.Repeat("x", server.DefaultMaxBody+1), contentType: "text/plain"}, 413, 20413, "The body is too large: at most 16384 bytes are allowed", "", ""},
		"service of another prefix": {request{path: path("VB"+serviceSID[2:], identity, challengeSID)}, 400, 60306, badSID, "ServiceSid", ""},
		"service too short":         {request{path: path(serviceSID[:33], identity, challengeSID)}, 400, 60306, badSID, "ServiceSid", ""},
		"service too long":          {request{path: path(serviceSID+"a", identity, challengeSID)}, 400, 60306, badSID, "ServiceSid", ""},
		"service not hexadecimal":   {request{path: path(serviceSID[:33]+"g", identity, challengeSID)}, 400, 60306, badSID, "ServiceSid", ""},
		"service in lower case":     {request{path: path("va"+serviceSID[2:], identity, challengeSID)}, 400, 60306, badSID, "ServiceSid", ""},
		"empty service":             {request{path: path("", identity, challengeSID)}, 400, 60306, badSID, "ServiceSid", ""},
		"service and a newline":     {request{path: path(serviceSID+"%0A", identity, challengeSID)}, 400, 60306, badSID, "ServiceSid", ""},
		"identity of 7":             {request{path: path(serviceSID, "abcdef7", challengeSID)}, 400, 60306, badIdentity, "Identity", ""},
		"identity of 65":            {request{path: path(serviceSID, strings.Repeat("a", 65), challengeSID)}, 400, 60306, badIdentity, "Identity", ""},
		"identity underscore":       {request{path: path(serviceSID, "abc_defgh", challengeSID)}, 400, 60306, badIdentity, "Identity", ""},
		"identity leading dash":     {request{path: path(serviceSID, "-abcdefgh", challengeSID)}, 400, 60306, badIdentity, "Identity", ""},
		"identity double dash":      {request{path: path(serviceSID, "abcd--efgh", challengeSID)}, 400, 60306, badIdentity, "Identity", ""},
		"identity with a slash":     {request{path: path(serviceSID, "abcd%2Fefgh", challengeSID)}, 400, 60306, badIdentity, "Identity", ""},
		"identity accented":         {request{path: path(serviceSID, "abcdéfgh", challengeSID)}, 400, 60306, badIdentity, "Identity", ""},
		"challenge not hexadecimal": {request{path: path(serviceSID, identity, "YC03zaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")}, 400, 60306, badChallenge, "ChallengeSid", ""},
		"no credentials":            {request{noCredentials: true}, 401, 20003, "Authenticate", "", `WWW-Authenticate: Basic realm="Twilio API"`},
		"wrong token":               {request{user: accounts.DevelopmentSID, password: "wrong"}, 401, 20003, "Authenticate", "", `WWW-Authenticate: Basic realm="Twilio API"`},
		"unknown account":           {request{user: "AC" + strings.Repeat("b", 32), password: accounts.DevelopmentToken}, 401, 20003, "Authenticate", "", ""},
		"bearer":                    {request{noCredentials: true, header: http.Header{"Authorization": {"Bearer x"}}}, 401, 20003, "Authenticate", "", ""},
		"bad base64":                {request{noCredentials: true, header: http.Header{"Authorization": {"Basic !"}}}, 401, 20003, "Authenticate", "", ""},
		"unknown path":              {request{path: "/v2/Services"}, 404, 20404, "The requested resource /v2/Services was not found", "", ""},
		"trailing slash":            {request{path: operationPath + "/"}, 404, 20404, "The requested resource " + operationPath + "/ was not found", "", ""},
		"version 1":                 {request{path: "/v1" + operationPath[3:]}, 404, 20404, "The requested resource /v1" + operationPath[3:] + " was not found", "", ""},
		"GET":                       {request{method: "GET"}, 405, 20004, "Method not allowed", "", "Allow: OPTIONS, POST"},
		"DELETE":                    {request{method: "DELETE"}, 405, 20004, "Method not allowed", "", "Allow: OPTIONS, POST"},
		"a method of no standard":   {request{method: "NUDGE"}, 405, 20004, "Method not allowed", "", "Allow: OPTIONS, POST"},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(s.Notifications())
			a := send(t, s, c.request)
			if a.status != c.status || a.error.Code != c.code || a.error.Message != c.message {
				t.Fatalf("got %d %s, want %d %d %q", a.status, a.body, c.status, c.code, c.message)
			}
			switch {
			case c.field == "" && c.code != 20001 && a.error.Details != nil:
				t.Errorf("details %+v, want none", a.error.Details)
			case c.field != "" && (a.error.Details == nil || a.error.Details.Field != c.field || a.error.Details.Rule == ""):
				t.Errorf("details %+v, want the field %s and its rule", a.error.Details, c.field)
			case c.code == 60200 && *a.error.Details != api.ErrorDetails{In: api.ErrorDetailsInBody, Field: "Ttl", Rule: documented.TTLRule}:
				t.Errorf("details %+v", a.error.Details)
			case c.code == 60306 && (a.error.Details.In != api.ErrorDetailsInPath || !strings.HasSuffix(c.message, " must be "+a.error.Details.Rule)):
				t.Errorf("details %+v do not say what the message does", a.error.Details)
			}
			if name, value, ok := strings.Cut(c.header, ": "); ok && a.header.Get(name) != value {
				t.Errorf("%s is %q, want %q", name, a.header.Get(name), value)
			}
			if len(s.Notifications()) != before {
				t.Error("the queue got a notification")
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
		"account_sid":   {a.result.AccountSid, s.AccountSID},
		"service_sid":   {a.result.ServiceSid, serviceSID},
		"identity":      {a.result.Identity, identity},
		"challenge_sid": {a.result.ChallengeSid, challengeSID},
		"priority":      {a.result.Priority, "high"},
		"entity_sid":    {a.result.EntitySid, *b.result.EntitySid},
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

// Every error of the document's table is answered when a challenge names it, exactly as the table has it.
func TestEveryErrorOfTheTable(t *testing.T) {
	s := servertest.New(t)
	doc := document(t)
	seen := 0
	for name, response := range doc.Components.Responses {
		for example, ref := range response.Value.Content["application/json"].Examples {
			t.Run(name+"/"+example, func(t *testing.T) {
				text, err := json.Marshal(ref.Value.Value)
				if err != nil {
					t.Fatal(err)
				}
				var want api.ErrorBody
				if err := json.Unmarshal(text, &want); err != nil {
					t.Fatal(err)
				}
				a := send(t, s, request{path: path(serviceSID, identity, challenges.Code(want.Code))})
				if want.Code == server.CodeNotFound {
					want.Message = a.error.Message
				}
				if a.status != want.Status || a.error != want {
					t.Errorf("got %d %s, want %+v", a.status, a.body, want)
				}
				if retry := a.header.Get("Retry-After"); (retry != "") != (want.Code == 20429 || want.Code == 20503) {
					t.Errorf("Retry-After is %q", retry)
				}
			})
			seen++
		}
	}
	if seen != 15 {
		t.Errorf("the table has %d errors; the README lists 15", seen)
	}
	t.Run("a code that is not in the table is a challenge", func(t *testing.T) {
		if a := send(t, s, request{path: path(serviceSID, identity, "YC"+strings.Repeat("0", 27)+"60999")}); a.status != http.StatusCreated {
			t.Errorf("got %d %s", a.status, a.body)
		}
	})
}

// queueFunc is a queue for one test.
type queueFunc func(ctx context.Context, n delivery.Notification) error

func (f queueFunc) Add(ctx context.Context, n delivery.Notification) error { return f(ctx, n) }

func TestQueueErrors(t *testing.T) {
	for name, c := range map[string]struct {
		add          queueFunc
		status, code int
	}{
		"unavailable": {func(context.Context, delivery.Notification) error { return delivery.ErrUnavailable }, 503, 20503},
		"full":        {func(context.Context, delivery.Notification) error { return delivery.ErrFull }, 429, 20429},
		"device full": {func(context.Context, delivery.Notification) error { return delivery.ErrDeviceFull }, 429, 20429},
		"limit":       {func(context.Context, delivery.Notification) error { return delivery.ErrLimit }, 429, 60309},
		"unknown":     {func(context.Context, delivery.Notification) error { return errors.New("disk secret") }, 500, 20500},
		"its own error": {func(context.Context, delivery.Notification) error {
			return &server.Error{Code: server.CodeChallengeExpired}
		}, 403, 60323},
		"an error of no table": {func(context.Context, delivery.Notification) error { return &server.Error{Code: 1} }, 500, 20500},
		"panic":                {func(context.Context, delivery.Notification) error { panic("disk secret") }, 500, 20500},
	} {
		t.Run(name, func(t *testing.T) {
			var log lockedBuffer
			s := servertest.New(t, func(config *server.Config) {
				config.Queue = c.add
				config.Logger = slog.New(slog.NewTextHandler(&log, nil))
			})
			a := send(t, s, request{})
			if a.status != c.status || a.error.Code != c.code || strings.Contains(a.body, "secret") {
				t.Errorf("got %d %s, want %d %d", a.status, a.body, c.status, c.code)
			}
			if c.status == 500 && (!strings.Contains(log.String(), a.header.Get("Twilio-Request-Id")) || name == "panic" && !strings.Contains(log.String(), "server_test.go")) {
				t.Errorf("the log does not tell what happened: %s", log.String())
			}
		})
	}
}

// A test that asks for an error which the document does not have would be answered 201.
func TestCodeOfNoErrorPanics(t *testing.T) {
	for _, code := range []int{0, -1, 404, 60999, 603230} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d is taken", code)
				}
			}()
			challenges.Code(code)
		}()
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
