package mutant

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/nudgehq/nudge/internal/documented"
)

func hashed(kind, text string) string {
	sum := sha256.Sum256([]byte(text))
	return kind + hex.EncodeToString(sum[:16])
}

// body is the 201's.
func (s *server) body(r *http.Request, c challenge, ttl int) map[string]any {
	username, _, _ := r.BasicAuth()
	s.last.Store(int64(ttl))
	body := map[string]any{
		"sid": s.sid("NT"), "account_sid": username, "service_sid": c.service, "entity_sid": hashed("YE", c.service+" "+c.identity),
		"identity": c.identity, "challenge_sid": c.sid, "priority": "high", "ttl": ttl, "date_created": time.Now().UTC().Format("2006-01-02T15:04:05Z"),
	}
	if s.is("needs no credentials") {
		body["account_sid"] = Username
	}
	changed := map[string]map[string]any{
		"answers ttl as a string":                     {"ttl": strconv.Itoa(ttl)},
		"always answers ttl 150":                      {"ttl": 150},
		"answers a sid that is null":                  {"sid": nil},
		"answers a sid of the wrong prefix":           {"sid": s.sid("NO")},
		"answers a sid that is too short":             {"sid": s.sid("NT")[:33]},
		"answers the same sid always":                 {"sid": "NT" + strings.Repeat("a", 32)},
		"answers the same sid for the same challenge": {"sid": hashed("NT", fmt.Sprint(c))},
		"answers the same sid to what comes at once":  {"sid": hashed("NT", strconv.FormatInt(time.Now().UnixMilli()/20, 10)+fmt.Sprint(c))},
		"answers another service_sid":                 {"service_sid": documented.ServiceSID},
		"answers identity in lower case":              {"identity": strings.ToLower(c.identity)},
		"answers the service's SID as challenge_sid":  {"challenge_sid": "YC" + c.service[min(2, len(c.service)):]},
		"answers another account_sid":                 {"account_sid": "AC" + strings.Repeat("b", 32)},
		"answers a new entity_sid each time":          {"entity_sid": s.sid("YE")},
		"answers one entity_sid for all identities":   {"entity_sid": "YE" + strings.Repeat("a", 32)},
		"answers a priority that is null":             {"priority": nil},
		"cuts the identity for entity_sid":            {"entity_sid": hashed("YE", c.service+" "+c.identity[:min(len(c.identity), 63)])},
		"answers a low priority":                      {"priority": "low"},
		"answers a date with fractions":               {"date_created": time.Now().UTC().Format("2006-01-02T15:04:05.000Z")},
		"answers a date with an offset":               {"date_created": time.Now().UTC().Format("2006-01-02T15:04:05+00:00")},
		"answers a date in RFC 1123":                  {"date_created": time.Now().UTC().Format(time.RFC1123)},
		"answers a date of 2015":                      {"date_created": "2015-07-30T20:00:00Z"},
		"answers a field that is not declared":        {"url": "/v2/x"},
		"answers another ttl":                         {"ttl": max(0, ttl-1)},
	}
	for name, value := range changed[s.defect] {
		body[name] = value
	}
	switch {
	case s.is("answers another ttl for 128") && ttl == 128:
		body["ttl"] = 127
	case s.is("answers the same sid for the same challenge with a Ttl of 0") && ttl == 0:
		body["sid"] = hashed("NT", fmt.Sprint(c))
	case s.is("mixes up what comes at once"):
		time.Sleep(time.Millisecond) //nolint:forbidigo // The defect: others come in between.
		body["ttl"] = s.last.Load()
	case s.is("compares user names in any case"), s.is("takes any scheme for basic"), s.is("takes credentials from the query"):
		body["account_sid"] = Username
	}
	if s.is("leaves sid out") {
		delete(body, "sid")
	}
	return body
}

func (s *server) created(w http.ResponseWriter, r *http.Request, c challenge, ttl int) {
	text, _ := json.Marshal(s.body(r, c, ttl))
	status, mediaType := http.StatusCreated, "application/json"
	switch s.defect {
	case "answers 200 instead of 201":
		status = http.StatusOK
	case "answers 202 instead of 201":
		status = http.StatusAccepted
	case "answers text/plain":
		mediaType = "text/plain"
	case "writes a byte order mark before the JSON":
		text = append([]byte("\ufeff"), text...)
	case "sets the credentials as a cookie":
		w.Header().Set("Set-Cookie", "session="+strings.TrimPrefix(r.Header.Get("Authorization"), "Basic "))
	case "answers a Content-Encoding that was not asked for":
		w.Header().Set("Content-Encoding", "br")
	case "writes something after the JSON":
		text = append(text, "}"...)
	case "writes a field twice":
		text = []byte(strings.Replace(string(text), "{", `{"priority":"high",`, 1))
	case "answers a list":
		text = []byte("[" + string(text) + "]")
	}
	w.Header().Set("Content-Type", mediaType)
	if s.is("answers Content-Type twice") {
		w.Header().Add("Content-Type", "text/html")
	}
	if s.is("answers without a media type") {
		w.Header()["Content-Type"] = nil
	}
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

func (s *server) fail(w http.ResponseWriter, r *http.Request, f *failure) {
	if f.status == http.StatusUnauthorized && !s.is("leaves WWW-Authenticate out") {
		w.Header().Set("WWW-Authenticate", `Basic realm="Twilio API"`)
		if s.is("asks for a bearer token") {
			w.Header().Set("WWW-Authenticate", `Bearer realm="Twilio API"`)
		}
	}
	body := map[string]any{"code": f.code, "message": f.message, "more_info": fmt.Sprintf("https://www.twilio.com/docs/errors/%d", f.code), "status": f.status}
	if f.in != "" {
		body["details"] = map[string]string{"in": f.in, "field": f.field, "rule": "as the document says"}
	}
	mediaType := "application/json"
	switch s.defect {
	case "blames another parameter":
		if f.in != "" {
			body["details"] = map[string]string{"in": f.in, "field": "Other", "rule": "as the document says"}
		}
	case "answers one code for all wrong parameters":
		if f.in != "" {
			body["code"] = 60307
		}
	case "answers a more_info without a host":
		body["more_info"] = "https:///docs/errors"
	case "leaves Twilio-Request-Id out of errors":
		w.Header().Del("Twilio-Request-Id")
	case "answers errors without a code":
		delete(body, "code")
	case "answers errors with a code that is a string":
		body["code"] = strconv.Itoa(f.code)
	case "answers errors with a code of another kind":
		body["code"] = 12345
	case "answers errors with another status in the body":
		body["status"] = 499
	case "answers errors with a list of details":
		body["details"] = []string{"Ttl"}
	}
	text, _ := json.Marshal(body)
	switch {
	case s.is("answers errors in HTML"):
		mediaType, text = "text/html", []byte("<h1>"+f.message+"</h1>")
	case s.is("answers empty errors"):
		mediaType, text = "", nil
	case s.is("answers unknown paths in plain text") && f.status == http.StatusNotFound:
		mediaType, text = "text/plain", []byte(f.message)
	}
	if mediaType != "" {
		w.Header().Set("Content-Type", mediaType)
	} else {
		w.Header()["Content-Type"] = nil
	}
	w.WriteHeader(f.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(text)
	}
}
