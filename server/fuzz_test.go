package server_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/internal/conform"
	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/challenges"
	"github.com/nudgehq/nudge/server/servertest"
)

// FuzzServer throws arbitrary requests at the whole server: never a 5xx or a panic, always the shape of the document,
// and a 201 only for what the document allows. There is no servertest here: it would keep every request.
func FuzzServer(f *testing.F) {
	handler, err := server.New(server.Config{
		Accounts: accounts.Development(), Challenges: challenges.Any{},
		Queue: queueFunc(func(context.Context, delivery.Notification) error { return nil }),
	})
	if err != nil {
		f.Fatal(err)
	}
	judge, err := conform.New(nudge.OpenAPI)
	if err != nil {
		f.Fatal(err)
	}
	credentials := basic(&servertest.Server{AccountSID: accounts.DevelopmentSID, AuthToken: accounts.DevelopmentToken})
	for _, seed := range []struct{ method, target, headers, body string }{
		{method: "POST", target: operationPath, headers: "Content-Type: " + formType, body: "Ttl=150"},
		{method: "POST", target: operationPath, headers: ""},
		{method: "POST", target: operationPath + "?Ttl=999", headers: "Content-Type: " + formType, body: "Ttl=0"},
		{method: "POST", target: operationPath, headers: "Content-Type: application/json", body: `{"Ttl":1}`},
		{method: "POST", target: operationPath, headers: "Content-Type: multipart/form-data; boundary=b", body: "--b--"},
		{method: "POST", target: operationPath, headers: "Content-Type: " + formType + "; charset", body: "Ttl=%zz&Ttl=;"},
		{method: "POST", target: operationPath, headers: "Authorization: Basic !\nContent-Type: " + formType, body: "Ttl=1"},
		{method: "POST", target: path("%56A%00", "abc%2541defg", "YC"), headers: "Content-Type: " + formType, body: "Ttl=1"},
		{method: "POST", target: path(serviceSID, "..", challengeSID), headers: ""},
		{method: "POST", target: path(serviceSID, "%2e%2e%2f%00aaaa", challengeSID), headers: ""},
		{method: "POST", target: operationPath + "/", headers: "Origin: https://evil.example"},
		{method: "OPTIONS", target: "*", headers: "Access-Control-Request-Method: POST"},
		{method: "OPTIONS", target: operationPath, headers: "Access-Control-Request-Method: POST"},
		{method: "CONNECT", target: "example.com:80", headers: ""},
		{method: "HEAD", target: operationPath, headers: ""},
		{method: "PRI", target: "/", headers: "", body: "SM\r\n\r\n"},
		{method: "GET", target: "//\\..//%25", headers: "Content-Encoding: gzip", body: "\x1f\x8b"},
	} {
		f.Add(seed.method, seed.target, seed.headers, seed.body)
	}
	f.Fuzz(func(t *testing.T, method, target, headers, body string) {
		r, ok := parse(method, target, headers, body)
		if !ok {
			t.Skip("net/http does not pass such a request on")
		}
		if r.Header.Get("Authorization") == "" {
			r.Header.Set("Authorization", credentials)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if err := judge.Check(r, w.Code, w.Header(), w.Body.Bytes()); err != nil {
			t.Fatalf("the answer %d %s is not as the document declares: %v", w.Code, w.Body, err)
		}
		switch {
		case w.Code >= 500:
			t.Fatalf("%d %s", w.Code, w.Body)
		case method == http.MethodHead && w.Code >= 400 && w.Code < 500:
		case w.Code >= 400:
			var e api.ErrorBody
			if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Status != w.Code || e.Code == 0 || e.Message == "" {
				t.Fatalf("%d %s is not in the error shape (%v)", w.Code, w.Body, err)
			}
		case w.Code == http.StatusCreated:
			var n api.Notification
			if err := json.Unmarshal(w.Body.Bytes(), &n); err != nil || n.Ttl < documented.MinTTL || n.Ttl > documented.MaxTTL {
				t.Fatalf("created %s (%v)", w.Body, err)
			}
		case w.Code != http.StatusNoContent:
			t.Fatalf("status %d", w.Code)
		}
		if len(w.Body.Bytes()) > 1500 {
			t.Fatalf("an answer of %d bytes", w.Body.Len())
		}
	})
}

// parse makes the request that net/http's server would make of these parts; ok is false where it would not pass it on.
func parse(method, target, headers, body string) (*http.Request, bool) {
	u, err := url.ParseRequestURI(target)
	if method == http.MethodConnect && err != nil {
		u, err = &url.URL{Host: target}, nil
	}
	if err != nil {
		return nil, false
	}
	r, err := http.NewRequest(method, "http://x/", strings.NewReader(body))
	if err != nil {
		return nil, false
	}
	r.URL, r.RequestURI = u, target
	for line := range strings.SplitSeq(headers, "\n") {
		name, value, ok := strings.Cut(line, ": ")
		if !ok || name == "" || strings.ContainsAny(name+value, "\r\x00") {
			continue
		}
		r.Header.Add(name, value)
	}
	return r, true
}
