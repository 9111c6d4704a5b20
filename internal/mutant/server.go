package mutant

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nudgehq/nudge/internal/documented"
)

// The credentials that the servers take.
const (
	Username = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	Password = "dev0tokenOfMutants"
)

// New makes the server with a defect of All; an empty one is the correct server.
func New(defect string) http.Handler {
	s := correct()
	if at := slices.IndexFunc(All, func(m Mutant) bool { return m.Defect == defect }); at >= 0 {
		All[at].change(s)
	} else if defect != "" {
		panic("mutant: there is no server that " + defect)
	}
	s.service, s.challenge, s.identity = regexp.MustCompile(s.servicePattern), regexp.MustCompile(s.challengePattern), regexp.MustCompile(s.identityPattern)
	return s
}

// server answers the operation as the document says. A defect changes its rules, or one of the functions laid over it.
type server struct {
	// The rules of the path's parameters and of the Ttl.
	servicePattern, challengePattern, identityPattern string
	identityLeast, identityMost, ttlLeast, ttlMost    int
	service, challenge, identity                      *regexp.Regexp

	// asks changes a request before anything looks at it.
	asks func(*request)
	// refusesToo finds a fault in a request whose credentials and path are right.
	refusesToo func(*request) *failure
	// refuses changes a refusal.
	refuses func(*request, *failure)
	// says changes the JSON object of an answer.
	says func(*request, *answer)
	// answers changes an answer as it goes onto the wire.
	answers func(*request, *answer)

	// last is the Ttl of the request before, which some defects mix up.
	last atomic.Int64
	// counter makes SIDs that are new each time.
	counter atomic.Int64
}

// correct makes the server that has no defect.
func correct() *server {
	identity := documented.Parameters["Identity"]
	return &server{
		servicePattern:   documented.Parameters["ServiceSid"].Pattern.String(),
		challengePattern: documented.Parameters["ChallengeSid"].Pattern.String(),
		identityPattern:  identity.Pattern.String(),
		identityLeast:    identity.MinLength,
		identityMost:     identity.MaxLength,
		ttlLeast:         documented.MinTTL,
		ttlMost:          documented.MaxTTL,
		asks:             func(*request) {},
		refusesToo:       func(*request) *failure { return nil },
		refuses:          func(*request, *failure) {},
		says:             func(*request, *answer) {},
		answers:          func(*request, *answer) {},
	}
}

// request is what the server reads.
type request struct {
	*http.Request
	// body is up to 1 MiB of the request's.
	body []byte
	// fields, challenge and ttl are what was read, when the request is right.
	fields    url.Values
	challenge challenge
	ttl       int
}

// challenge is what the path names.
type challenge struct{ service, identity, sid string }

// failure is an answer other than 201.
type failure struct {
	status, code int
	message      string
	// in and field say which parameter is wrong; empty when it is none.
	in, field string
	// value is what was wrong: it is not for the caller.
	value string
}

// answer is what the server answers: text is made of fields, when there are any.
type answer struct {
	status int
	header http.Header
	fields map[string]any
	text   []byte
	// failure is nil if it is a 201.
	failure *failure
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	req := &request{Request: r.Clone(r.Context()), body: body}
	a := &answer{header: http.Header{}}
	if err != nil {
		a.failure = unreadable()
	} else {
		s.asks(req)
		a.failure = s.read(req)
	}
	switch {
	case a.failure != nil:
		s.refuses(req, a.failure)
		a.refuse()
	case req.Method == http.MethodOptions:
		a.status = http.StatusNoContent
	default:
		s.create(req, a)
	}
	for name, value := range map[string]string{
		"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET, POST, DELETE, OPTIONS",
		"Access-Control-Allow-Headers": "Accept, Authorization, Content-Type", "Access-Control-Allow-Credentials": "true",
		"Access-Control-Expose-Headers": "ETag", "Twilio-Request-Id": s.sid("RQ"),
	} {
		a.header.Set(name, value)
	}
	s.says(req, a)
	a.render()
	s.answers(req, a)
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.text)
	}
}

// read looks at all of a request, in the order in which an operation looks: path, method, credentials, parameters, body.
func (s *server) read(r *request) *failure {
	parts, onPath := split(r.URL.EscapedPath())
	switch {
	case !onPath:
		return notFound()
	case r.Method == http.MethodOptions:
		return nil
	case r.Method != http.MethodPost:
		return &failure{status: 405, code: 20004, message: "Method not allowed"}
	}
	if username, password, ok := r.BasicAuth(); !ok || username != Username || password != Password {
		return &failure{status: 401, code: 20003, message: "Authenticate"}
	}
	r.challenge = challenge{service: parts[3], identity: parts[5], sid: parts[7]}
	if problem := s.checkPath(r.challenge); problem != nil {
		return problem
	}
	if problem := s.refusesToo(r); problem != nil {
		return problem
	}
	fields, problem := readForm(r)
	if problem != nil {
		return problem
	}
	r.fields = fields
	r.ttl, problem = s.readTTL(fields)
	return problem
}

// literals are the parts of the operation's path; what is empty is a parameter.
var literals = strings.Split("/v2/Services//Entities//Challenges//Notifications", "/")

// split reads a path: its parts without escapes, and whether it is the operation's.
func split(escaped string) (parts []string, ok bool) {
	parts = strings.Split(escaped, "/")
	if len(parts) != len(literals) {
		return nil, false
	}
	for i, literal := range literals {
		switch {
		case i > 0 && literal == "" && parts[i] == "", literal != "" && parts[i] != literal:
			return nil, false
		case literal == "":
			if plain, err := url.PathUnescape(parts[i]); err == nil {
				parts[i] = plain
			}
		}
	}
	return parts, true
}

func (s *server) checkPath(c challenge) *failure {
	length := len([]rune(c.identity))
	for _, p := range []struct {
		name, value string
		ok          bool
	}{
		{"ServiceSid", c.service, s.service.MatchString(c.service)},
		{"Identity", c.identity, length >= s.identityLeast && length <= s.identityMost && s.identity.MatchString(c.identity)},
		{"ChallengeSid", c.sid, s.challenge.MatchString(c.sid)},
	} {
		if !p.ok {
			return &failure{status: 400, code: 60306, message: "Invalid path parameter: " + p.name, in: "path", field: p.name, value: p.value}
		}
	}
	return nil
}

// create answers 201.
func (s *server) create(r *request, a *answer) {
	a.status, a.fields = http.StatusCreated, map[string]any{
		"sid": s.sid("NT"), "account_sid": Username, "service_sid": r.challenge.service,
		"entity_sid": hashed("YE", r.challenge.service+" "+r.challenge.identity), "identity": r.challenge.identity,
		"challenge_sid": r.challenge.sid, "priority": "high", "ttl": r.ttl, "date_created": time.Now().UTC().Format("2006-01-02T15:04:05Z"),
	}
}

// refuse answers the failure.
func (a *answer) refuse() {
	f := a.failure
	a.status = f.status
	switch f.status {
	case http.StatusUnauthorized:
		a.header.Set("WWW-Authenticate", `Basic realm="Twilio API"`)
	case http.StatusMethodNotAllowed:
		a.header.Set("Allow", "OPTIONS, POST")
	}
	a.fields = map[string]any{"code": f.code, "message": f.message, "more_info": fmt.Sprintf("https://www.twilio.com/docs/errors/%d", f.code), "status": f.status}
	if f.in != "" {
		a.fields["details"] = map[string]string{"in": f.in, "field": f.field, "rule": "as the document says"}
	}
}

// sid makes a SID that is new.
func (s *server) sid(kind string) string { return kind + fmt.Sprintf("%032x", s.counter.Add(1)) }

// hashed makes a SID that is the same for the same text.
func hashed(kind, text string) string {
	sum := sha256.Sum256([]byte(text))
	return kind + hex.EncodeToString(sum[:16])
}

func notFound() *failure {
	return &failure{status: 404, code: 20404, message: "The requested resource was not found"}
}

func unreadable() *failure {
	return &failure{status: 400, code: 20001, message: "The request cannot be read"}
}

func internal() *failure {
	return &failure{status: 500, code: 20500, message: "An internal error has occurred"}
}
