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
		"above the maximum":         {request: request{body: fmt.Sprint("Ttl=", documented.MaxTTL+1)}, status: 400, code: 60200, message: invalidTTL, field: "Ttl"},
		"-1":                        {request: request{body: "Ttl=-1"}, status: 400, code: 60200, message: invalidTTL, field: "Ttl"},
		"-0":                        {request: request{body: "Ttl=-0"}, status: 400, code: 60200, message: invalidTTL, field: "Ttl"},
		"abc":                       {request: request{body: "Ttl=abc"}, status: 400, code: 60200, message: invalidTTL, field: "Ttl"},
		"1.5":                       {request: request{body: "Ttl=1.5"}, status: 400, code: 60200, message: invalidTTL, field: "Ttl"},
		"1.0":                       {request: request{body: "Ttl=1.0"}, status: 400, code: 60200, message: invalidTTL, field: "Ttl"},
		"1e2":                       {request: request{body: "Ttl=1e2"}, status: 400, code: 60200, message: invalidTTL, field: "Ttl"},
		"%2B5":                      {request: request{body: "Ttl=%2B5"}, status: 400, code: 60200, message: invalidTTL, field: "Ttl"},
		"+5, a space":               {request: request{body: "Ttl=+5"}, status: 400, code: 60200, message: invalidTTL, field: "Ttl"},
		"trailing space":            {request: request{body: "Ttl=5+"}, status: 400, code: 60200, message: invalidTTL, field: "Ttl"},
		"trailing newline":          {request: request{body: "Ttl=5%0A"}, status: 400, code: 60200, message: invalidTTL, field: "Ttl"},
		"raw newline":               {request: request{body: "Ttl=5\n"}, status: 400, code: 60200, message: invalidTTL, field: "Ttl"},
		"007":                       {request: request{body: "Ttl=007"}, status: 400, code: 60200, message: invalidTTL, field: "Ttl"},
		"0x10":                      {request: request{body: "Ttl=0x10"}, status: 400, code: 60200, message: invalidTTL, field: "Ttl"},
		"underscore":                {request: request{body: "Ttl=1_0"}, status: 400, code: 60200, message: invalidTTL, field: "Ttl"},
		"fullwidth digits":          {request: request{body: "Ttl=１５０"}, status: 400, code: 60200, message: invalidTTL, field: "Ttl"},
		"empty value":               {request: request{body: "Ttl="}, status: 400, code: 60200, message: invalidTTL, field: "Ttl"},
		"no value":                  {request: request{body: "Ttl"}, status: 400, code: 60200, message: invalidTTL, field: "Ttl"},
		"null":                      {request: request{body: "Ttl=null"}, status: 400, code: 60200, message: invalidTTL, field: "Ttl"},
		"int64 and one":             {request: request{body: "Ttl=9223372036854775808"}, status: 400, code: 60200, message: invalidTTL, field: "Ttl"},
		"a thousand digits":         {request: request{body: "Ttl=" + strings.Repeat("1", 1000)}, status: 400, code: 60200, message: invalidTTL, field: "Ttl"},
		"repeated":                  {request: request{body: "Ttl=1&Ttl=1"}, status: 400, code: 20001, message: "The request cannot be read: Ttl is given more than once", field: "Ttl"},
		"unknown field":             {request: request{body: "Ttl=1&Priority=low"}, status: 400, code: 20001, message: "The request cannot be read: unknown field Priority; allowed: " + documented.Fields, field: "Priority"},
		"wrong case":                {request: request{body: "ttl=1"}, status: 400, code: 20001, message: "The request cannot be read: unknown field ttl; allowed: " + documented.Fields, field: "ttl"},
		"brackets":                  {request: request{body: "Ttl[]=1"}, status: 400, code: 20001, message: "The request cannot be read: unknown field Ttl[]; allowed: " + documented.Fields, field: "Ttl[]"},
		"field without a name":      {request: request{body: "=1"}, status: 400, code: 20001, message: "The request cannot be read: unknown field; allowed: " + documented.Fields},
		"field with a long name":    {request: request{body: strings.Repeat("x", 5000) + "=1"}, status: 400, code: 20001, message: "The request cannot be read: unknown field; allowed: " + documented.Fields},
		"malformed escape":          {request: request{body: "Ttl=%zz"}, status: 400, code: 20001, message: malformed},
		"semicolon":                 {request: request{body: "Ttl=1;Ttl=2"}, status: 400, code: 20001, message: malformed},
		"JSON under the form type":  {request: request{body: `{"Ttl":150}`}, status: 400, code: 20001, message: "The request cannot be read: unknown field; allowed: " + documented.Fields},
		"JSON":                      {request: request{body: `{"Ttl":150}`, contentType: "application/json"}, status: 415, code: 20415, message: notForm},
		"multipart":                 {request: request{body: "--b\r\n\r\n--b--", contentType: "multipart/form-data; boundary=b"}, status: 415, code: 20415, message: notForm},
		"text":                      {request: request{body: "Ttl=1", contentType: "text/plain"}, status: 415, code: 20415, message: notForm},
		"a body without a type":     {request: request{body: "Ttl=1", noContentType: true}, status: 415, code: 20415, message: notForm},
		"two media types":           {request: request{body: "Ttl=1", header: http.Header{"Content-Type": {formType, formType}}}, status: 415, code: 20415, message: notForm},
		"a compressed body":         {request: request{body: "Ttl=1", header: http.Header{"Content-Encoding": {"gzip"}}}, status: 415, code: 20415, message: "The body's media type is not supported: the body must have no Content-Encoding"},
		"several faults":            {request: request{body: "Ttl=1&Ttl=2&b=1&a=2"}, status: 400, code: 20001, message: "The request cannot be read: Ttl is given more than once", field: "Ttl"},
		"two encodings":             {request: request{body: "Ttl=1", header: http.Header{"Content-Encoding": {"identity", "gzip"}}}, status: 415, code: 20415, message: "The body's media type is not supported: the body must have no Content-Encoding"},
		"a charset":                 {request: request{body: "Ttl=1", contentType: formType + "; charset=utf-16"}, status: 415, code: 20415, message: "The body's media type is not supported: the charset must be utf-8, us-ascii or iso-8859-1"},
		"bad form, no credentials":  {request: request{body: "Ttl=%zz", noCredentials: true}, status: 401, code: 20003, message: "Authenticate"},
		"oversize, no credentials":  {request: request{body: strings.Repeat("x", server.DefaultMaxBody+1), noCredentials: true}, status: 401, code: 20003, message: "Authenticate"},
		"bad form for a bad path":   {request: request{body: "Ttl=%zz", path: path("x", identity, challengeSID)}, status: 400, code: 20001, message: malformed},
		"unknown escaped path":      {request: request{path: "/v2/%41%20b"}, status: 404, code: 20404, message: "The requested resource /v2/%41%20b was not found"},
		"a long escaped path":       {request: request{path: "/" + strings.Repeat("%41", 200)}, status: 404, code: 20404, message: "The requested resource /" + strings.Repeat("%41", 85) + "… was not found"},
		"oversize":                  {request: request{body: "Ttl=1&" + strings.Repeat("x", server.DefaultMaxBody)}, status: 413, code: 20413, message: "The body is too large: at most 16384 bytes are allowed"},
		"oversize of another type":  {request: request{body: strings.Repeat("x", server.DefaultMaxBody+1), contentType: "text/plain"}, status: 413, code: 20413, message: "The body is too large: at most 16384 bytes are allowed"},
		"service of another prefix": {request: request{path: path("VB"+serviceSID[2:], identity, challengeSID)}, status: 400, code: 60306, message: badSID, field: "ServiceSid"},
		"service too short":         {request: request{path: path(serviceSID[:33], identity, challengeSID)}, status: 400, code: 60306, message: badSID, field: "ServiceSid"},
		"service too long":          {request: request{path: path(serviceSID+"a", identity, challengeSID)}, status: 400, code: 60306, message: badSID, field: "ServiceSid"},
		"service not hexadecimal":   {request: request{path: path(serviceSID[:33]+"g", identity, challengeSID)}, status: 400, code: 60306, message: badSID, field: "ServiceSid"},
		"service in lower case":     {request: request{path: path("va"+serviceSID[2:], identity, challengeSID)}, status: 400, code: 60306, message: badSID, field: "ServiceSid"},
		"empty service":             {request: request{path: path("", identity, challengeSID)}, status: 400, code: 60306, message: badSID, field: "ServiceSid"},
		"service and a newline":     {request: request{path: path(serviceSID+"%0A", identity, challengeSID)}, status: 400, code: 60306, message: badSID, field: "ServiceSid"},
		"identity of 7":             {request: request{path: path(serviceSID, "abcdef7", challengeSID)}, status: 400, code: 60306, message: badIdentity, field: "Identity"},
		"identity of 65":            {request: request{path: path(serviceSID, strings.Repeat("a", 65), challengeSID)}, status: 400, code: 60306, message: badIdentity, field: "Identity"},
		"identity underscore":       {request: request{path: path(serviceSID, "abc_defgh", challengeSID)}, status: 400, code: 60306, message: badIdentity, field: "Identity"},
		"identity leading dash":     {request: request{path: path(serviceSID, "-abcdefgh", challengeSID)}, status: 400, code: 60306, message: badIdentity, field: "Identity"},
		"identity double dash":      {request: request{path: path(serviceSID, "abcd--efgh", challengeSID)}, status: 400, code: 60306, message: badIdentity, field: "Identity"},
		"identity with a slash":     {request: request{path: path(serviceSID, "abcd%2Fefgh", challengeSID)}, status: 400, code: 60306, message: badIdentity, field: "Identity"},
		"identity accented":         {request: request{path: path(serviceSID, "abcdéfgh", challengeSID)}, status: 400, code: 60306, message: badIdentity, field: "Identity"},
		"challenge not hexadecimal": {request: request{path: path(serviceSID, identity, "YC03zaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")}, status: 400, code: 60306, message: badChallenge, field: "ChallengeSid"},
		"no credentials":            {request: request{noCredentials: true}, status: 401, code: 20003, message: "Authenticate", header: `WWW-Authenticate: Basic realm="Twilio API"`},
		"wrong token":               {request: request{user: accounts.DevelopmentSID, password: "wrong"}, status: 401, code: 20003, message: "Authenticate", header: `WWW-Authenticate: Basic realm="Twilio API"`},
		"unknown account":           {request: request{user: "AC" + strings.Repeat("b", 32), password: accounts.DevelopmentToken}, status: 401, code: 20003, message: "Authenticate"},
		"bearer":                    {request: request{noCredentials: true, header: http.Header{"Authorization": {"Bearer x"}}}, status: 401, code: 20003, message: "Authenticate"},
		"bad base64":                {request: request{noCredentials: true, header: http.Header{"Authorization": {"Basic !"}}}, status: 401, code: 20003, message: "Authenticate"},
		"unknown path":              {request: request{path: "/v2/Services"}, status: 404, code: 20404, message: "The requested resource /v2/Services was not found"},
		"trailing slash":            {request: request{path: operationPath + "/"}, status: 404, code: 20404, message: "The requested resource " + operationPath + "/ was not found"},
		"version 1":                 {request: request{path: "/v1" + operationPath[3:]}, status: 404, code: 20404, message: "The requested resource /v1" + operationPath[3:] + " was not found"},
		"GET":                       {request: request{method: "GET"}, status: 405, code: 20004, message: "Method not allowed", header: "Allow: OPTIONS, POST"},
		"DELETE":                    {request: request{method: "DELETE"}, status: 405, code: 20004, message: "Method not allowed", header: "Allow: OPTIONS, POST"},
		"a method of no standard":   {request: request{method: "NUDGE"}, status: 405, code: 20004, message: "Method not allowed", header: "Allow: OPTIONS, POST"},
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
		"unavailable": {add: func(context.Context, delivery.Notification) error { return delivery.ErrUnavailable }, status: 503, code: 20503},
		"full":        {add: func(context.Context, delivery.Notification) error { return delivery.ErrFull }, status: 429, code: 20429},
		"device full": {add: func(context.Context, delivery.Notification) error { return delivery.ErrDeviceFull }, status: 429, code: 20429},
		"limit":       {add: func(context.Context, delivery.Notification) error { return delivery.ErrLimit }, status: 429, code: 60309},
		"unknown":     {add: func(context.Context, delivery.Notification) error { return errors.New("disk secret") }, status: 500, code: 20500},
		"its own error": {add: func(context.Context, delivery.Notification) error {
			return &server.Error{Code: server.CodeChallengeExpired}
		}, status: 403, code: 60323},
		"an error of no table": {add: func(context.Context, delivery.Notification) error { return &server.Error{Code: 1} }, status: 500, code: 20500},
		"panic":                {add: func(context.Context, delivery.Notification) error { panic("disk secret") }, status: 500, code: 20500},
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
