package mutant

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// The credentials that the servers take.
const (
	Username = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	Password = "dev0tokenOfMutants"
)

// New makes the server with a defect of All; an empty one is the correct server.
func New(defect string) http.Handler { return &server{defect: defect} }

type server struct {
	defect string
	// counter makes SIDs that are new each time.
	counter atomic.Int64
}

// is tells whether the server has a defect.
func (s *server) is(defect string) bool { return s.defect == defect }

// failure is an answer other than 201.
type failure struct {
	status, code int
	message      string
}

func (f *failure) Error() string { return f.message }

// challenge is what the path names.
type challenge struct{ service, identity, sid string }

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.headers(w)
	c, onPath := s.route(r)
	problem := s.handle(w, r, c, onPath)
	if problem != nil {
		s.fail(w, r, problem)
	}
}

func (s *server) headers(w http.ResponseWriter) {
	h := w.Header()
	if !s.is("leaves the CORS headers out") {
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type")
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Access-Control-Expose-Headers", "ETag")
	}
	if s.is("leaves Access-Control-Expose-Headers out") {
		h.Del("Access-Control-Expose-Headers")
	}
	if s.is("answers Access-Control-Allow-Credentials: yes") {
		h.Set("Access-Control-Allow-Credentials", "yes")
	}
	switch {
	case s.is("leaves Twilio-Request-Id out"):
	case s.is("answers the same Twilio-Request-Id always"):
		h.Set("Twilio-Request-Id", "RQ"+strings.Repeat("a", 32))
	case s.is("answers a Twilio-Request-Id of the wrong form"):
		h.Set("Twilio-Request-Id", s.sid("RQ")[:20])
	default:
		h.Set("Twilio-Request-Id", s.sid("RQ"))
	}
}

// sid makes a SID that is new.
func (s *server) sid(kind string) string { return kind + fmt.Sprintf("%032x", s.counter.Add(1)) }

// route reads the path.
func (s *server) route(r *http.Request) (c challenge, onPath bool) {
	path := r.URL.EscapedPath()
	if s.is("accepts a slash after the path") {
		path = strings.TrimSuffix(path, "/")
	}
	parts := strings.Split(path, "/")
	want := []string{"", "v2", "Services", "", "Entities", "", "Challenges", "", "Notifications"}
	if len(parts) != len(want) {
		return c, false
	}
	for i, literal := range want {
		same := parts[i] == literal
		if s.is("accepts a path in other letters") {
			same = strings.EqualFold(parts[i], literal)
		}
		if literal == "" && i > 0 {
			same = parts[i] != ""
		}
		if !same {
			return c, false
		}
	}
	unescape := func(text string) string {
		if s.is("does not unescape the path") {
			return text
		}
		plain, err := url.PathUnescape(text)
		if err != nil {
			return text
		}
		if s.is("unescapes the path twice") {
			if again, err := url.PathUnescape(plain); err == nil {
				return again
			}
		}
		return plain
	}
	c = challenge{service: unescape(parts[3]), identity: unescape(parts[5]), sid: unescape(parts[7])}
	if s.is("reads ServiceSid from the query") && r.URL.Query().Has("ServiceSid") {
		c.service = r.URL.Query().Get("ServiceSid")
	}
	return c, true
}

func (s *server) handle(w http.ResponseWriter, r *http.Request, c challenge, onPath bool) *failure {
	if !onPath {
		return &failure{404, 20404, "The requested resource was not found"}
	}
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if problem := s.method(w, r); problem != nil {
		return problem
	}
	if r.Method == http.MethodGet {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
		return nil
	}
	if problem := s.authenticate(r); problem != nil {
		return problem
	}
	if problem := s.checkPath(c); problem != nil {
		return problem
	}
	form, problem := s.form(r)
	if problem != nil {
		return problem
	}
	ttl, problem := s.ttl(form, r.URL.Query())
	if problem != nil {
		return problem
	}
	s.created(w, r, c, ttl)
	return nil
}

func (s *server) method(w http.ResponseWriter, r *http.Request) *failure {
	if r.Method == http.MethodPost || s.is("accepts PUT") && r.Method == http.MethodPut || s.is("answers GET with 200") && r.Method == http.MethodGet {
		return nil
	}
	if s.is("answers 404 to other methods") {
		return &failure{404, 20404, "The requested resource was not found"}
	}
	switch {
	case s.is("leaves Allow out"):
	case s.is("answers an Allow that lacks POST"):
		w.Header().Set("Allow", "OPTIONS")
	default:
		w.Header().Set("Allow", "OPTIONS, POST")
	}
	return &failure{405, 20004, "Method not allowed"}
}

func (s *server) authenticate(r *http.Request) *failure {
	if s.is("needs no credentials") {
		return nil
	}
	username, password, ok := r.BasicAuth()
	if !ok && r.Header.Get("Authorization") != "" && s.is("answers 500 to malformed credentials") {
		return &failure{500, 20500, "An internal error has occurred"}
	}
	same := password == Password
	switch {
	case s.is("does not check the password"):
		same = true
	case s.is("compares a prefix of the password"):
		same = password != "" && (strings.HasPrefix(password, Password) || strings.HasPrefix(Password, password))
	case s.is("compares passwords in any case"):
		same = strings.EqualFold(password, Password)
	}
	if ok && same && (username == Username || s.is("does not check the user name")) {
		return nil
	}
	if s.is("answers 403 to wrong credentials") {
		return &failure{403, 60322, "Forbidden"}
	}
	if s.is("repeats the password") && ok {
		return &failure{401, 20003, "Authenticate: " + password + " is not " + Password}
	}
	return &failure{401, 20003, "Authenticate"}
}

// patterns are those of the path's parameters, changed by some defects.
func (s *server) patterns() (service, identity, sid string) {
	service, sid = `^VA[0-9a-fA-F]{32}$`, `^YC[0-9a-fA-F]{32}$`
	identity = `^[0-9a-zA-Z]+(-[0-9a-zA-Z]+)*$`
	switch s.defect {
	case "does not check ServiceSid":
		service = ``
	case "does not anchor the start of ServiceSid's pattern":
		service = `VA[0-9a-fA-F]{32}$`
	case "does not anchor the end of ServiceSid's pattern":
		service = `^VA[0-9a-fA-F]{32}`
	case "takes any letters for hexadecimal digits":
		service, sid = `^VA[0-9a-zA-Z]{32}$`, `^YC[0-9a-zA-Z]{32}$`
	case "refuses hexadecimal digits in upper case":
		service, sid = `^VA[0-9a-f]{32}$`, `^YC[0-9a-f]{32}$`
	case "takes ChallengeSid with another prefix":
		sid = `^[A-Z]{2}[0-9a-fA-F]{32}$`
	case "allows a line feed after ChallengeSid":
		sid = `^YC[0-9a-fA-F]{32}\n?$`
	case "accepts an underscore in Identity":
		identity = `^[0-9a-zA-Z_]+(-[0-9a-zA-Z_]+)*$`
	case "accepts a dash after Identity":
		identity = `^[0-9a-zA-Z]+(-[0-9a-zA-Z]+)*-?$`
	case "accepts two dashes in Identity":
		identity = `^[0-9a-zA-Z]+(-+[0-9a-zA-Z]+)*$`
	case "accepts letters of other alphabets in Identity":
		identity = `^[0-9\pL]+(-[0-9\pL]+)*$`
	}
	return service, identity, sid
}

func (s *server) checkPath(c challenge) *failure {
	least, most := 8, 64
	switch s.defect {
	case "accepts an Identity of 7 characters":
		least = 7
	case "refuses an Identity of 8 characters":
		least = 9
	case "accepts an Identity of 65 characters":
		most = 65
	case "refuses an Identity of 64 characters":
		most = 63
	}
	service, identity, sid := s.patterns()
	length := len([]rune(c.identity))
	for _, p := range []struct {
		name, value string
		ok          bool
	}{
		{"ServiceSid", c.service, regexp.MustCompile(service).MatchString(c.service)},
		{"Identity", c.identity, length >= least && length <= most && regexp.MustCompile(identity).MatchString(c.identity)},
		{"ChallengeSid", c.sid, regexp.MustCompile(sid).MatchString(c.sid)},
	} {
		if p.ok {
			continue
		}
		if s.is("answers 500 to an invalid path parameter") {
			return &failure{500, 20500, "An internal error has occurred"}
		}
		message := "Invalid path parameter: " + p.name
		if s.is("repeats the path") {
			message += " " + p.value
		}
		return &failure{400, 60306, message}
	}
	return nil
}

// form reads the body.
func (s *server) form(r *http.Request) (url.Values, *failure) {
	if s.is("reads only bodies of a known length") && r.ContentLength < 0 {
		return url.Values{}, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 16<<10+1))
	if err != nil {
		return nil, &failure{400, 20001, "The request cannot be read"}
	}
	if len(body) > 16<<10 {
		if s.is("answers 500 to a large body") {
			return nil, &failure{500, 20500, "An internal error has occurred"}
		}
		return nil, &failure{413, 20413, "The body is too large"}
	}
	if len(body) == 0 && s.is("needs a body") {
		return nil, &failure{400, 20001, "The body is missing"}
	}
	if mediaType := r.Header.Get("Content-Type"); len(body) > 0 || mediaType != "" {
		name, parameters, err := mime.ParseMediaType(mediaType)
		switch {
		case s.is("accepts any media type"):
		case s.is("accepts JSON") && name == "application/json":
			return url.Values{}, nil
		case s.is("refuses a charset") && len(parameters) > 0, err != nil || name != "application/x-www-form-urlencoded":
			if s.is("answers 400 to a wrong media type") {
				return nil, &failure{400, 20001, "The media type is wrong"}
			}
			return nil, &failure{415, 20415, "The body's media type is not supported"}
		}
	}
	form, err := url.ParseQuery(string(body))
	if err != nil && !s.is("ignores what it cannot parse") && !s.is("accepts any media type") {
		return nil, &failure{400, 20001, "The request cannot be read"}
	}
	for name := range form {
		known := name == "Ttl" || s.is("accepts unknown fields") || s.is("accepts any media type") || s.is("accepts a Ttl in lower case") && name == "ttl"
		if !known {
			message := "Unknown field"
			if s.is("repeats the name of an unknown field") {
				message += " " + name
			}
			return nil, &failure{400, 20001, message}
		}
	}
	if len(form["Ttl"]) > 1 {
		switch {
		case s.is("takes the last of two Ttls"):
			form["Ttl"] = form["Ttl"][len(form["Ttl"])-1:]
		case s.is("takes the first of two Ttls"):
			form["Ttl"] = form["Ttl"][:1]
		default:
			return nil, &failure{400, 20001, "Ttl is there twice"}
		}
	}
	return form, nil
}

var canonical = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)

// ttl reads the Ttl.
func (s *server) ttl(form, query url.Values) (int, *failure) {
	if s.is("fails at a Ttl in the query") && query.Has("Ttl") {
		if _, err := strconv.Atoi(query.Get("Ttl")); err != nil {
			return 0, &failure{500, 20500, "An internal error has occurred"}
		}
	}
	if query.Has("Ttl") && (s.is("prefers the query's Ttl to the form's") || s.is("reads Ttl from the query") && !form.Has("Ttl")) {
		if n, err := strconv.Atoi(query.Get("Ttl")); err == nil {
			return n, nil
		}
	}
	if !form.Has("Ttl") {
		if s.is("answers the schema's default for a missing Ttl") {
			return 0, nil
		}
		return 300, nil
	}
	text := form.Get("Ttl")
	invalid := &failure{400, 60200, "Invalid parameter: Ttl must be an integer from 0 to 300"}
	if s.is("answers 422 to a bad Ttl") {
		invalid.status = 422
	}
	if s.is("repeats the value in errors") {
		invalid.message += ", and is " + text
	}
	n, err := s.number(text)
	if err != nil {
		switch {
		case s.is("takes a Ttl that is no number for none"):
			return 300, nil
		case s.is("answers 500 to a Ttl that is no number"):
			return 0, &failure{500, 20500, "An internal error has occurred"}
		}
		return 0, invalid
	}
	least, most := 0, 300
	switch s.defect {
	case "accepts a Ttl of 301":
		most = 301
	case "refuses a Ttl of 300":
		most = 299
	case "accepts a Ttl of -1":
		least = -1
	case "refuses a Ttl of 0":
		least = 1
	case "has no bounds for Ttl":
		least, most = -1<<31, 1<<31
	case "clamps Ttl to 300":
		n = min(n, 300)
	case "takes a Ttl of 0 for none":
		if n == 0 {
			n = 300
		}
	}
	if n < least || n > most {
		return 0, invalid
	}
	return n, nil
}

// number reads an integer, as strictly as the defect lets it.
func (s *server) number(text string) (int, error) {
	switch s.defect {
	case "accepts a Ttl with leading zeros":
		if trimmed := strings.TrimLeft(text, "0"); text != "" && canonical.MatchString("1"+trimmed) {
			text = "0" + trimmed
			return strconv.Atoi(text)
		}
	case "accepts a Ttl with a plus sign":
		text = strings.TrimPrefix(text, "+")
	case "accepts a Ttl with a fraction", "accepts a Ttl with an exponent":
		if f, err := strconv.ParseFloat(text, 64); err == nil && strings.ContainsAny(text, "eE") == s.is("accepts a Ttl with an exponent") {
			return int(f), nil
		}
	case "accepts a hexadecimal Ttl":
		if n, err := strconv.ParseInt(text, 0, 64); err == nil && strings.HasPrefix(text, "0x") {
			return int(n), nil
		}
	case "accepts a Ttl with white space around it":
		text = strings.TrimSpace(text)
	case "accepts a Ttl with letters after it":
		text = strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz")
	case "takes an empty Ttl for none":
		if text == "" {
			return 300, nil
		}
	case "reads Ttl with 32 bits":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && canonical.MatchString(text) {
			return int(int32(n)), nil //nolint:gosec // The defect.
		}
	case "reads Ttl with 64 bits":
		if canonical.MatchString(text) {
			return int(wrapped(text)), nil
		}
	}
	if !canonical.MatchString(text) {
		return 0, fmt.Errorf("%q is no integer", text)
	}
	return strconv.Atoi(text)
}

// wrapped reads digits and loses those that do not fit.
func wrapped(text string) int64 {
	var n int64
	for _, digit := range strings.TrimPrefix(text, "-") {
		n = n*10 + int64(digit-'0')
	}
	if strings.HasPrefix(text, "-") {
		return -n
	}
	return n
}

func hashed(kind, text string) string {
	sum := sha256.Sum256([]byte(text))
	return kind + hex.EncodeToString(sum[:16])
}

// body is the 201's.
func (s *server) body(r *http.Request, c challenge, ttl int) map[string]any {
	username, _, _ := r.BasicAuth()
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
		"answers another service_sid":                 {"service_sid": "VA" + strings.Repeat("a", 32)},
		"answers identity in lower case":              {"identity": strings.ToLower(c.identity)},
		"answers the service's SID as challenge_sid":  {"challenge_sid": "YC" + c.service[min(2, len(c.service)):]},
		"answers another account_sid":                 {"account_sid": "AC" + strings.Repeat("b", 32)},
		"answers a new entity_sid each time":          {"entity_sid": s.sid("YE")},
		"answers one entity_sid for all identities":   {"entity_sid": "YE" + strings.Repeat("a", 32)},
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
	case "writes something after the JSON":
		text = append(text, "}"...)
	case "writes a field twice":
		text = []byte(strings.Replace(string(text), "{", `{"priority":"high",`, 1))
	case "answers a list":
		text = []byte("[" + string(text) + "]")
	}
	w.Header().Set("Content-Type", mediaType)
	if s.is("answers without a media type") {
		w.Header()["Content-Type"] = nil
	}
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

func (s *server) fail(w http.ResponseWriter, r *http.Request, f *failure) {
	if f.status == http.StatusUnauthorized && !s.is("leaves WWW-Authenticate out") {
		w.Header().Set("WWW-Authenticate", `Basic realm="Twilio API"`)
	}
	body := map[string]any{"code": f.code, "message": f.message, "more_info": fmt.Sprintf("https://www.twilio.com/docs/errors/%d", f.code), "status": f.status}
	mediaType := "application/json"
	switch s.defect {
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
