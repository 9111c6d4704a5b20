package mutant

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nudgehq/nudge/internal/documented"
)

// rare show in few requests only.
var rare = []Mutant{
	{"asks for a bearer token", `WWW-Authenticate is .*must ask for basic`, headers(func(h http.Header) {
		if h.Get("WWW-Authenticate") != "" {
			h.Set("WWW-Authenticate", `Bearer realm="Twilio API"`)
		}
	})},
	{"answers an Allow with methods that it refuses", `Allow is .*no DELETE here`, allow("DELETE, GET, POST")},
	{"accepts unknown fields beside a known one", `unknown field beside a valid one`, form(func(fields url.Values) {
		for name := range fields {
			if known(name) {
				onlyKnown(fields)
			}
		}
	})},
	{"takes a semicolon for an ampersand", `semicolon`, asks(func(r *request) {
		r.body = bytes.TrimSuffix(bytes.ReplaceAll(r.body, []byte(";"), []byte("&")), []byte("&"))
	})},
	{"reads a Ttl above its maximum from the query", `above its maximum, in the query|ttl is "[0-9]+"`, queried("Ttl", func(n int) bool { return n > documented.MaxTTL })},
	{"reads ttl from the query", `in the query in lower case|query`, queried("ttl", func(int) bool { return true })},
	{"reads the last of two Ttls in the query", `in the query twice`, asks(func(r *request) {
		if values := r.URL.Query()["Ttl"]; len(values) > 1 {
			r.body = []byte("Ttl=" + url.QueryEscape(values[len(values)-1]))
			r.Header.Set("Content-Type", formType)
		}
	})},
	{"answers 500 to bytes that are not UTF-8", `answered 500.*outside of UTF-8`, refusesToo(func(r *request) *failure {
		if !utf8.Valid(r.body) {
			return internal()
		}
		return nil
	})},
	{"compares user names in any case", `user name in other letters`, login(func(_ *request, username, password string) (string, string) {
		if strings.EqualFold(username, Username) {
			username = Username
		}
		return username, password
	})},
	{"takes any scheme for basic", `under another scheme`, asks(func(r *request) {
		if _, encoded, found := strings.Cut(r.Header.Get("Authorization"), " "); found {
			r.Header.Set("Authorization", "Basic "+encoded)
		}
	})},
	{"takes credentials from the query", `credentials in the query`, asks(func(r *request) {
		if query := r.URL.Query(); query.Has("AuthToken") {
			r.SetBasicAuth(query.Get("AccountSid"), query.Get("AuthToken"))
		}
	})},
	{"refuses the scheme in lower case", `scheme in lower case`, asks(func(r *request) {
		if strings.HasPrefix(r.Header.Get("Authorization"), "basic") {
			r.Header.Del("Authorization")
		}
	})},
	{"does not check the password when there is a body", `with a body`, password(func(r *request, _ string) bool { return r.ContentLength > 0 })},
	{"takes an unknown method for POST", `FOO|TRACE|QUERY`, method(func(r *request) bool { return !slices.Contains(methods, r.Method) })},
	{"obeys X-HTTP-Method", `X-HTTP-Method: POST`, method(func(r *request) bool { return r.Header.Get("X-HTTP-Method") == http.MethodPost })},
	{"accepts double slashes", `double slash`, path(func(escaped string) string { return regexp.MustCompile(`/+`).ReplaceAllString(escaped, "/") })},
	{"accepts an extension after the path", `extension after the path`, path(func(escaped string) string { return strings.TrimSuffix(escaped, ".json") })},
	{"accepts version 1 of the path", `another digit`, path(func(escaped string) string { return strings.Replace(escaped, "/v1/", "/v2/", 1) })},
	{"takes a challenge's SID for a service's", `ChallengeSid in the place of ServiceSid`, rules(func(s *server) {
		s.servicePattern = `^(` + documented.Prefix("ServiceSid") + `|` + documented.Prefix("ChallengeSid") + `)[0-9a-fA-F]{32}$`
	})},
	{"mixes up what comes at once", `ttl is .*requests|ttl is`, field("ttl", func(s *server, r *request) any {
		s.last.Store(int64(r.ttl))
		time.Sleep(time.Millisecond) //nolint:forbidigo // The defect: others come in between.
		return s.last.Load()
	})},
	{"remembers the Ttl of the request before", `the default of Ttl`, field("ttl", func(s *server, r *request) any {
		if !r.fields.Has("Ttl") {
			return s.last.Load()
		}
		return r.ttl
	})},
	{"answers the same sid for the same challenge with a Ttl of 0", `sid is .*another answer`, field("sid", func(s *server, r *request) any {
		if r.ttl == 0 {
			return hashed("NT", fmt.Sprint(r.challenge))
		}
		return s.sid("NT")
	})},
	{"answers another ttl for 128", `"128"`, field("ttl", func(_ *server, r *request) any {
		if r.ttl == 128 {
			return 127
		}
		return r.ttl
	})},
	{"cuts the identity for entity_sid", `entity_sid is .*as for another`, field("entity_sid", func(_ *server, r *request) any {
		return hashed("YE", r.challenge.service+" "+r.challenge.identity[:min(len(r.challenge.identity), 63)])
	})},
	{"answers a priority that is null", `priority is missing or null`, constant("priority", nil)},
	{"repeats the beginning of a wrong parameter", `the answer repeats the request's`, repeats(func(_ *request, f *failure) string {
		value := []rune(f.valueOf(f.in == "path"))
		return string(value[:min(20, len(value))])
	})},
	{"takes the caller's Twilio-Request-Id", `Twilio-Request-Id is .*another answer`, answers(func(r *request, a *answer) {
		if id := r.Header.Get("Twilio-Request-Id"); id != "" {
			a.header.Set("Twilio-Request-Id", id)
		}
	})},
	{"leaves the CORS headers out for an Origin", `Access-Control-Allow-Origin is missing`, answers(func(r *request, a *answer) {
		if r.Header.Get("Origin") != "" {
			withoutCORS(a.header)
		}
	})},
	{"answers an empty Access-Control-Allow-Origin", `Access-Control-Allow-Origin must be`, headers(func(h http.Header) { h.Set("Access-Control-Allow-Origin", "") })},
	{"answers Content-Type twice", `Content-Type is there 2 times`, success(func(_ *request, a *answer) { a.header.Add("Content-Type", "text/html") })},
	{"answers a Content-Encoding that was not asked for", `Content-Encoding "br"`, success(func(_ *request, a *answer) { a.header.Set("Content-Encoding", "br") })},
	{"writes a byte order mark before the JSON", `byte order mark`, success(func(_ *request, a *answer) { a.text = append([]byte("\ufeff"), a.text...) })},
	{"sets the credentials as a cookie", `repeats the password`, success(func(r *request, a *answer) {
		a.header.Set("Set-Cookie", "session="+strings.TrimPrefix(r.Header.Get("Authorization"), "Basic "))
	})},
	{"blames another parameter", `field is "Other", and must be`, refusal(func(a *answer) {
		if a.failure.in != "" {
			a.fields["details"] = map[string]string{"in": a.failure.in, "field": "Other", "rule": "as the document says"}
		}
	})},
	{"answers one code for all wrong parameters", `code is "60307", and must be "60(200|306)"`, refusal(func(a *answer) {
		if a.failure.in != "" {
			a.fields["code"] = 60307
		}
	})},
	{"answers a more_info without a host", `more_info is .*no uri`, refusal(func(a *answer) { a.fields["more_info"] = "https:///docs/errors" })},
}
