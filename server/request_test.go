package server_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/internal/documented"
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
