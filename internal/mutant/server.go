package mutant

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
)

// The credentials that the servers take.
const (
	Username = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	Password = "dev0tokenOfMutants"
)

// New makes the server with a defect of All; an empty one is the correct server.
func New(defect string) http.Handler {
	s := &server{defect: defect}
	service, identity, sid := s.patterns()
	s.service, s.identity, s.challenge = regexp.MustCompile(service), regexp.MustCompile(identity), regexp.MustCompile(sid)
	return s
}

type server struct {
	defect string
	// service, identity and challenge are the patterns of the path's parameters.
	service, identity, challenge *regexp.Regexp
	// last is the Ttl of the request before, which some defects mix up.
	last atomic.Int64
	// counter makes SIDs that are new each time.
	counter atomic.Int64
}

// is tells whether the server has a defect.
func (s *server) is(defect string) bool { return s.defect == defect }

// failure is an answer other than 201.
type failure struct {
	status, code int
	message      string
	// in and field say which parameter is wrong; empty when it is none.
	in, field string
}

func (f *failure) Error() string { return f.message }

// challenge is what the path names.
type challenge struct{ service, identity, sid string }

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.headers(w, r)
	c, onPath := s.route(r)
	problem := s.handle(w, r, c, onPath)
	if problem != nil {
		s.fail(w, r, problem)
	}
}

func (s *server) headers(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	without := s.is("leaves the CORS headers out") || s.is("leaves the CORS headers out for an Origin") && r.Header.Get("Origin") != ""
	if !without {
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type")
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Access-Control-Expose-Headers", "ETag")
	}
	if s.is("leaves Access-Control-Expose-Headers out") {
		h.Del("Access-Control-Expose-Headers")
	}
	if s.is("answers an empty Access-Control-Allow-Origin") {
		h.Set("Access-Control-Allow-Origin", "")
	}
	if s.is("answers Access-Control-Allow-Credentials: yes") {
		h.Set("Access-Control-Allow-Credentials", "yes")
	}
	switch {
	case s.is("leaves Twilio-Request-Id out"):
	case s.is("takes the caller's Twilio-Request-Id") && r.Header.Get("Twilio-Request-Id") != "":
		h.Set("Twilio-Request-Id", r.Header.Get("Twilio-Request-Id"))
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
	if s.is("accepts an extension after the path") {
		path = strings.TrimSuffix(path, ".json")
	}
	parts := strings.Split(path, "/")
	if s.is("accepts double slashes") {
		parts = append([]string{""}, slices.DeleteFunc(parts, func(part string) bool { return part == "" })...)
	}
	want := []string{"", "v2", "Services", "", "Entities", "", "Challenges", "", "Notifications"}
	if len(parts) != len(want) {
		return c, false
	}
	for i, literal := range want {
		same := parts[i] == literal || s.is("accepts version 1 of the path") && parts[i] == "v1"
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
		return &failure{status: 404, code: 20404, message: "The requested resource was not found"}
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

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

func (s *server) method(w http.ResponseWriter, r *http.Request) *failure {
	if s.is("obeys X-HTTP-Method") && r.Header.Get("X-HTTP-Method") == http.MethodPost || s.is("takes an unknown method for POST") && !slices.Contains(methods, r.Method) {
		r.Method = http.MethodPost
	}
	if r.Method == http.MethodPost || s.is("accepts PUT") && r.Method == http.MethodPut || s.is("answers GET with 200") && r.Method == http.MethodGet {
		return nil
	}
	if s.is("answers 404 to other methods") {
		return &failure{status: 404, code: 20404, message: "The requested resource was not found"}
	}
	switch {
	case s.is("leaves Allow out"):
	case s.is("answers an Allow with methods that it refuses"):
		w.Header().Set("Allow", "DELETE, GET, POST")
	case s.is("answers an Allow that lacks POST"):
		w.Header().Set("Allow", "OPTIONS")
	default:
		w.Header().Set("Allow", "OPTIONS, POST")
	}
	return &failure{status: 405, code: 20004, message: "Method not allowed"}
}
