package contract

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nudgehq/nudge/internal/conform"
	"github.com/nudgehq/nudge/internal/openapi"
)

const (
	// maxAnswer bounds an answer's body that is read, in bytes.
	maxAnswer = 1 << 20
	// maxEcho is how much of a long text an answer may repeat, in bytes: a bounded part helps its reader.
	maxEcho = 1024
	// minSecret is the length from which a password is looked for in answers: shorter ones may be there by chance.
	minSecret = 8
)

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
	at     time.Time
	err    error
	// stream tells that the body is a stream, which was not read.
	stream bool
	sent   http.Header
	url    *url.URL
}

// judgeAnswer lists what is wrong with an answer.
func (r *runner) judgeAnswer(c Case, q request, a answer, marker string) []Violation {
	if a.err != nil {
		if q.reason == badSize && c.expect == refused {
			// A server may close the connection while it is sent too much.
			return nil
		}
		return []Violation{{Kind: conform.Connection, Rule: "every request is answered (RFC 9110 section 15)", Message: fmt.Sprintf("there is no answer to %s: %s", q.description, short(reasonOf(a.err), 300))}}
	}
	// What is long is judged by its head.
	a.stream = a.stream || len(a.body) > maxAnswer
	violations := r.judgeStatus(c, q, a)
	violations = append(violations, r.judgeEcho(q, a, marker)...)
	if encoding := a.header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return append(violations, Violation{Kind: conform.Header, Rule: "RFC 9110 section 12.5.3", Message: fmt.Sprintf("the answer has the Content-Encoding %q, which was not asked for", short(encoding, 100))})
	}
	if c.expect == unjudged || !r.declares(c, q, a.status) {
		if q.reason == badMethod && a.status == http.StatusMethodNotAllowed && !r.strict {
			violations = append(violations, violationsOf(c.operation.CheckHTTP(a.status, a.header))...)
		}
		return violations
	}
	if len(violations) > 0 && a.status >= 500 && !c.operation.Declares(a.status) {
		// The one thing is said.
		return violations
	}
	if !r.strict && q.reason.isOfNoOperation() && (q.reason != badMethod || !c.operation.Names(a.status)) {
		// What the operation declares is not about another path, and its default not about another method.
		return append(violations, violationsOf(c.operation.CheckHTTP(a.status, a.header))...)
	}
	violations = append(violations, violationsOf(r.check(c, q, a))...)
	if a.url == nil || a.stream {
		return violations
	}
	read := c.operation.Read(q.method, r.withoutBase(a.url), a.sent, q.body)
	return append(violations, violationsOf(c.operation.CheckRelations(conform.Exchange{
		Request: read, Status: a.status, Header: a.header, Body: a.body, Time: a.at, Culprit: q.offender, CulpritName: q.subject,
	}, r.memory))...)
}

// check judges an answer by the document; a stream, which may never end, by its head.
func (r *runner) check(c Case, q request, a answer) []conform.Violation {
	if a.stream {
		return c.operation.CheckHead(q.method, a.status, a.header)
	}
	return c.operation.CheckResponse(q.method, a.status, a.header, a.body)
}

// isStream tells whether a media type is one of events or records that come one after the other.
func isStream(mediaType string) bool {
	return slices.Contains([]string{
		"text/event-stream", "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines", "application/json-seq", "application/stream+json",
		"application/x-json-stream", "multipart/x-mixed-replace",
	}, openapi.MediaType(mediaType))
}

// reasonOf is an error without the request that it is about, which was named already.
func reasonOf(err error) string {
	if about, ok := errors.AsType[*url.Error](err); ok {
		err = about.Err
	}
	if errors.Is(err, io.EOF) {
		return "the connection was closed"
	}
	return err.Error()
}

// withoutBase is a URL without the base's path, as the document's paths are.
func (r *runner) withoutBase(u *url.URL) *url.URL {
	base, err := url.Parse(r.base)
	if err != nil || base.Path == "" {
		return u
	}
	bare := *u
	bare.Path = strings.TrimPrefix(u.Path, base.Path)
	bare.RawPath = strings.TrimPrefix(u.RawPath, base.EscapedPath())
	return &bare
}

// declares tells whether the document speaks of an answer. To what it does not know of, such as another path, a server may
// answer as HTTP says.
func (r *runner) declares(c Case, q request, status int) bool {
	switch {
	case q.reason == unknownMethod && status != http.StatusMethodNotAllowed:
		return false
	case r.tolerated[status], q.reason.beyondDocuments(), status == http.StatusNotAcceptable && c.expect == either:
		return c.operation.Declares(status)
	}
	return c.expect != refused || status < 400 || c.operation.Declares(status) || slices.ContainsFunc(fitting[q.reason], c.operation.Declares)
}

// judgeStatus wants the expectation to be kept.
func (r *runner) judgeStatus(c Case, q request, a answer) []Violation {
	if r.mayLimit(c) && a.status == http.StatusTooManyRequests && c.operation.Declares(a.status) {
		return nil
	}
	var problem string
	if !r.strict && c.expect != refused && c.expect != unjudged && r.mayBeSo(c, a.status) {
		r.lost(c, a.status)
		return nil
	}
	if c.expect == refused && q.reason == badCredentials && a.status == http.StatusNotFound && !r.strict && r.neverSucceeded(c) {
		// It may be that nothing is there for anybody.
		r.lost(c, a.status)
		return nil
	}
	failed := a.status >= 500 && !slices.Contains(fitting[q.reason], a.status)
	switch {
	case failed && c.expect == refused:
		problem = ", which is the caller's mistake and must be answered " + wanted(c, q)
	case failed:
		return []Violation{wrongStatus(c, q, a, "")}
	default:
		problem = r.unexpected(c, q, a)
	}
	if problem == "" {
		return nil
	}
	return []Violation{wrongStatus(c, q, a, problem)}
}

// wrongStatus is an answer whose status does not fit the request; problem says why.
func wrongStatus(c Case, q request, a answer, problem string) Violation {
	v := Violation{Kind: conform.Status, Rule: c.Rule, Message: fmt.Sprintf("answered %s to %s%s", statusOf(a), q.description, problem), Got: strconv.Itoa(a.status)}
	switch c.expect {
	case refused:
		v.Want = wanted(c, q)
	case either:
		v.Want = "2XX or " + wanted(c, q)
	case accepted, acceptedOrUnknown:
		v.Want = "2XX"
	case unjudged:
	}
	return v
}

// mayBeSo tells whether a valid request may be refused because of what the server has, or has not, made: the document says so.
func (r *runner) mayBeSo(c Case, status int) bool {
	switch status {
	case http.StatusNotFound, http.StatusGone:
		return strings.Contains(c.operation.Path, "{") && c.operation.Declares(status)
	case http.StatusConflict, http.StatusPreconditionFailed, http.StatusPreconditionRequired, http.StatusLocked, http.StatusTooManyRequests:
		return c.operation.Declares(status)
	}
	return false
}

func statusOf(a answer) string { return fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)) }

// mayLimit tells whether a declared 429 is no failure: while creations are capped, fixtures are used, or requests run
// concurrently.
func (r *runner) mayLimit(c Case) bool {
	limited := r.maxCreates > 0 || len(r.fixtures) > 0 || c.times > 1 || len(c.alongside) > 0
	return limited && c.expect != refused && c.expect != unjudged
}

// unexpected says what is wrong with an answer of less than 500; nothing when it is as expected.
func (r *runner) unexpected(c Case, q request, a answer) (problem string) {
	succeeded := a.status >= 200 && a.status < 400 && (q.reason != uncleanPath || a.status < 300)
	notFound := a.status == http.StatusNotFound
	switch c.expect {
	case refused:
		if succeeded || !r.fits(c, q, a.status) {
			return "; it must be refused with " + wanted(c, q)
		}
	case accepted, acceptedOrUnknown:
		unknown := notFound && c.expect == acceptedOrUnknown
		if !succeeded && !unknown || a.status >= 300 && succeeded && !c.operation.Declares(a.status) {
			return fmt.Sprintf(", which is valid; the answer begins with %q", short(string(a.body), 200))
		}
	case either:
		unknown := notFound && len(r.fixtures) > 0
		if !succeeded && !unknown && !r.fits(c, q, a.status) && !r.fits(c, request{reason: badBody}, a.status) && a.status != http.StatusNotAcceptable {
			return ", which must be accepted, or refused with " + wanted(c, q)
		}
	case unjudged:
		if q.method == http.MethodOptions && succeeded && a.status != http.StatusOK && a.status != http.StatusNoContent {
			return "; it must make nothing"
		}
	}
	return ""
}

// fits tells whether a status fits a refusal.
func (r *runner) fits(c Case, q request, status int) bool {
	if r.tolerated[status] || (r.anyRefusal || !r.strict) && status/100 == 4 && c.operation.Declares(status) {
		return true
	}
	if !r.strict && (status/100 == 4 && !slices.ContainsFunc(fitting[q.reason], c.operation.Declares) || status == http.StatusNotImplemented && q.reason == badMethod || status == http.StatusNotFound && q.reason == badMethod) {
		// The document does not say what a refusal is answered.
		return true
	}
	fitting := statuses(c, q)
	// A document that declares none of the fitting ones may mean another refusal that it does declare.
	if !slices.ContainsFunc(fitting, c.operation.Declares) && status/100 == 4 && c.operation.Declares(status) {
		return true
	}
	return slices.Contains(fitting, status)
}

// statuses are those that a refusal may have: of the fitting ones those that are declared, and all where none is.
func statuses(c Case, q request) []int {
	if q.reason.beyondDocuments() {
		return fitting[q.reason]
	}
	var declared []int
	for _, status := range fitting[q.reason] {
		if c.operation.Declares(status) {
			declared = append(declared, status)
		}
	}
	if len(declared) == 0 {
		return fitting[q.reason]
	}
	return declared
}

func wanted(c Case, q request) string {
	var texts []string
	for _, status := range statuses(c, q) {
		texts = append(texts, strconv.Itoa(status))
	}
	return strings.Join(texts, " or ")
}

// judgeEcho wants long texts not to be repeated, and the password never.
func (r *runner) judgeEcho(q request, a answer, marker string) []Violation {
	var everything strings.Builder
	everything.Write(a.body)
	for _, values := range a.header {
		everything.WriteString("\n" + strings.Join(values, "\n"))
	}
	text := everything.String()
	var violations []Violation
	if len(marker) > maxEcho && strings.Contains(text, marker[:maxEcho]) {
		violations = append(violations, Violation{Kind: conform.Relation, Rule: "an answer repeats no unbounded input", Message: fmt.Sprintf("the answer repeats more than %d bytes of what it was sent", maxEcho)})
	}
	if own := r.account; own != nil && len(own.password) >= minSecret && !strings.Contains(q.path+"?"+string(q.body), own.password) {
		encoded := base64.StdEncoding.EncodeToString([]byte(own.username + ":" + own.password))
		if strings.Contains(text, own.password) || strings.Contains(text, strings.TrimRight(encoded, "=")) {
			violations = append(violations, Violation{Kind: conform.Relation, Rule: "an answer repeats no secret", Message: "the answer repeats the password"})
		}
	}
	return violations
}
