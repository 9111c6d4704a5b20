package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/challenges"
	"github.com/nudgehq/nudge/server/servertest"
)

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
			if c.status == 500 && (!strings.Contains(log.String(), a.header.Get("Twilio-Request-Id")) || name == "panic" && !strings.Contains(log.String(), "errors_test.go")) {
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
