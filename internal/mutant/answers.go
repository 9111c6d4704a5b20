package mutant

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/nudgehq/nudge/internal/documented"
)

// inAnswers write wrong answers.
var inAnswers = []Mutant{
	// Answers.
	{"answers 200 instead of 201", `200 is not declared`, success(func(_ *request, a *answer) { a.status = http.StatusOK })},
	{"answers 202 instead of 201", `202 is not declared`, success(func(_ *request, a *answer) { a.status = http.StatusAccepted })},
	{"answers ttl as a string", `ttl is the string`, field("ttl", func(_ *server, r *request) any { return strconv.Itoa(r.ttl) })},
	{"answers another ttl", `ttl is`, field("ttl", func(_ *server, r *request) any { return max(0, r.ttl-1) })},
	{"answers the schema's default for a missing Ttl", `ttl is "0"`, created(func(_ *server, r *request, fields map[string]any) {
		if !r.fields.Has("Ttl") {
			fields["ttl"] = 0
		}
	})},
	{"always answers ttl 150", `ttl is "150"`, constant("ttl", 150)},
	{"leaves sid out", `field sid is missing`, created(func(_ *server, _ *request, fields map[string]any) { delete(fields, "sid") })},
	{"answers a sid that is null", `sid is missing or null`, constant("sid", nil)},
	{"answers a sid of the wrong prefix", `sid .*does not match|pattern`, field("sid", func(s *server, _ *request) any { return s.sid("NO") })},
	{"answers a sid that is too short", `sid`, field("sid", func(s *server, _ *request) any { return s.sid("NT")[:33] })},
	{"answers the same sid always", `sid is .*another answer`, constant("sid", "NT"+strings.Repeat("a", 32))},
	{"answers the same sid for the same challenge", `sid is .*another answer`, field("sid", func(_ *server, r *request) any { return hashed("NT", fmt.Sprint(r.challenge)) })},
	{"answers the same sid to what comes at once", `sid is .*another answer`, field("sid", func(_ *server, r *request) any {
		return hashed("NT", fmt.Sprint(time.Now().UnixMilli()/20, r.challenge))
	})},
	{"answers another service_sid", `service_sid is`, constant("service_sid", documented.ServiceSID)},
	{"answers identity in lower case", `identity is`, field("identity", func(_ *server, r *request) any { return strings.ToLower(r.challenge.identity) })},
	{"answers the service's SID as challenge_sid", `challenge_sid is`, field("challenge_sid", func(_ *server, r *request) any { return documented.Prefix("ChallengeSid") + r.challenge.service[2:] })},
	{"answers another account_sid", `account_sid is`, constant("account_sid", "AC"+strings.Repeat("b", 32))},
	{"answers a new entity_sid each time", `entity_sid is .*same ServiceSid and Identity`, field("entity_sid", func(s *server, _ *request) any { return s.sid("YE") })},
	{"answers one entity_sid for all identities", `entity_sid is .*another ServiceSid and Identity`, constant("entity_sid", "YE"+strings.Repeat("a", 32))},
	{"answers a low priority", `priority is "low"`, constant("priority", "low")},
	{"answers a date with fractions", `date_created is`, dated("2006-01-02T15:04:05.000Z")},
	{"answers a date with an offset", `date_created is`, dated("2006-01-02T15:04:05+00:00")},
	{"answers a date in RFC 1123", `date_created is`, dated(time.RFC1123)},
	{"answers a date of 2015", `away from the time of the request`, constant("date_created", "2015-07-30T20:00:00Z")},
	{"answers a field that is not declared", `not declared`, constant("url", "/v2/x")},
	{"writes something after the JSON", `follows the value`, success(func(_ *request, a *answer) { a.text = append(a.text, "}"...) })},
	{"writes a field twice", `twice`, success(func(_ *request, a *answer) {
		a.text = []byte(strings.Replace(string(a.text), "{", `{"priority":"high",`, 1))
	})},
	{"answers a list", `a list|must be object`, success(func(_ *request, a *answer) { a.text = []byte("[" + string(a.text) + "]") })},
	{"answers text/plain", `media type is text/plain`, success(func(_ *request, a *answer) { a.header.Set("Content-Type", "text/plain") })},
	{"answers without a media type", `Content-Type|media type`, success(func(_ *request, a *answer) { a.header["Content-Type"] = nil })},
	// Headers.
	{"leaves the CORS headers out", `Access-Control-Allow-Origin is missing`, headers(withoutCORS)},
	{"leaves Access-Control-Expose-Headers out", `Access-Control-Expose-Headers is missing`, headers(func(h http.Header) { h.Del("Access-Control-Expose-Headers") })},
	{"answers Access-Control-Allow-Credentials: yes", `Access-Control-Allow-Credentials must be true or false`, headers(func(h http.Header) { h.Set("Access-Control-Allow-Credentials", "yes") })},
	{"leaves Twilio-Request-Id out", `Twilio-Request-Id is missing`, headers(func(h http.Header) { h.Del("Twilio-Request-Id") })},
	{"answers the same Twilio-Request-Id always", `Twilio-Request-Id is .*another answer`, headers(func(h http.Header) { h.Set("Twilio-Request-Id", "RQ"+strings.Repeat("a", 32)) })},
	{"answers a Twilio-Request-Id of the wrong form", `Twilio-Request-Id must be`, headers(func(h http.Header) { h.Set("Twilio-Request-Id", h.Get("Twilio-Request-Id")[:20]) })},
	{"leaves Twilio-Request-Id out of errors", `Twilio-Request-Id is missing`, answers(func(_ *request, a *answer) {
		if a.failure != nil {
			a.header.Del("Twilio-Request-Id")
		}
	})},
	// Errors.
	{"answers errors in HTML", `text/html`, failed(func(a *answer) {
		a.text = []byte("<h1>" + a.failure.message + "</h1>")
		a.header.Set("Content-Type", "text/html")
	})},
	{"answers errors without a code", `field code is missing`, refusal(func(a *answer) { delete(a.fields, "code") })},
	{"answers errors with a code that is a string", `code is the string`, refusal(func(a *answer) { a.fields["code"] = strconv.Itoa(a.failure.code) })},
	{"answers errors with a code of another kind", `code is .*examples`, refusal(func(a *answer) { a.fields["code"] = 12345 })},
	{"answers errors with another status in the body", `status is`, refusal(func(a *answer) { a.fields["status"] = 499 })},
	{"answers errors with a list of details", `details is`, refusal(func(a *answer) { a.fields["details"] = []string{"Ttl"} })},
	{"answers 422 to a bad Ttl", `answered 422|422 is not declared`, refuses(func(_ *request, f *failure) {
		if f.field == "Ttl" {
			f.status = http.StatusUnprocessableEntity
		}
	})},
	{"answers empty errors", `empty|no Content-Type`, failed(func(a *answer) { a.text, a.header["Content-Type"] = nil, nil })},
	{"repeats the value in errors", `repeats more than`, repeats(func(_ *request, f *failure) string { return f.valueOf(f.field == "Ttl") })},
	{"repeats the name of an unknown field", `repeats more than`, repeats(func(_ *request, f *failure) string { return f.valueOf(f.message == unknownField) })},
	{"repeats the path", `repeats more than`, repeats(func(_ *request, f *failure) string { return f.valueOf(f.in == "path") })},
	{"repeats the password", `repeats the password`, repeats(func(r *request, f *failure) string {
		if _, password, ok := r.BasicAuth(); ok && f.status == http.StatusUnauthorized {
			return ": " + password + " is not " + Password
		}
		return ""
	})},
	{"answers 500 to an invalid path parameter", `answered 500`, refuses(func(_ *request, f *failure) { f.failIf(f.in == "path") })},
}

// dated writes date_created in another layout.
func dated(layout string) change {
	return field("date_created", func(*server, *request) any { return time.Now().UTC().Format(layout) })
}

// failed changes an error on the wire.
func failed(do func(*answer)) change {
	return answers(func(_ *request, a *answer) {
		if a.failure != nil {
			do(a)
		}
	})
}

func withoutCORS(h http.Header) {
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") {
			h.Del(name)
		}
	}
}

// failIf makes the failure the server's own.
func (f *failure) failIf(wrong bool) {
	if wrong {
		*f = *internal()
	}
}

// valueOf is what was wrong, to be repeated if that is wanted.
func (f *failure) valueOf(wanted bool) string {
	if !wanted {
		return ""
	}
	return " " + f.value
}
