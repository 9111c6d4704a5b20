package contract

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/nudgehq/nudge/internal/conform"
)

// ErrUnusable wraps what makes a run impossible before its first case: a document that is not valid, an option that does not
// fit it, or a base URL that is not valid.
var ErrUnusable = errors.New("contract")

// Run tries every case against the server at baseURL (scheme, host and, where the server has one, a prefix of its paths) and
// reports what became of them. The error is [ErrUnusable], or ctx's when it ends first; then the report has what is done.
func Run(ctx context.Context, baseURL string, options ...Option) (*Report, error) {
	r, cases, err := ready(baseURL, options)
	if err != nil {
		return nil, err
	}
	report := &Report{URL: r.base, Document: r.documentName, Seed: r.seed, Results: make([]Result, 0, len(cases))}
	started := time.Now()
	for i, c := range cases {
		if ctx.Err() != nil {
			break
		}
		report.Results = append(report.Results, r.try(ctx, c))
		if r.progress != nil {
			r.progress(i+1, len(cases), r.failed)
		}
	}
	r.judgeOutcomes(report.Results)
	for i := range report.Results {
		r.setKnownApart(&report.Results[i])
	}
	report.Gone = r.gone()
	report.Duration, report.Requests = time.Since(started), r.requests
	return report, ctx.Err()
}

// Cases lists the cases that a run would try, without sending anything. Those of wrong credentials need right ones.
func Cases(options ...Option) ([]Case, error) {
	_, cases, err := prepare("http://localhost", options)
	return cases, err
}

// runner tries cases.
type runner struct {
	*settings
	base    string
	limiter *rate.Limiter
	// requests counts what was sent; created, what was answered with success and may have made something.
	mu                sync.Mutex
	requests, created int
	// hasFailed tells that the last answer was a failure of the server.
	hasFailed atomic.Bool
	// failed counts the cases that failed.
	failed int
	// plains are the plain valid requests, by the ID of their operation.
	plains map[string]request
	// made are the values of what was made, by the path of the thing.
	made map[string]string
	// outcomes are those of the operations' valid requests, by their ID.
	outcomes map[string]*outcome
	// servers are the paths of the document's servers.
	servers []string
	// refused are the operations whose plain valid request is refused: what builds on it says nothing.
	refused map[string]bool
	// takesBody are the operations that took a valid request with a body, which may be left out by the document.
	takesBody map[string]bool
	// stopped says why nothing is sent any more.
	stopped string
}

func prepare(baseURL string, options []Option) (*runner, []Case, error) {
	unusable := func(err error) (*runner, []Case, error) { return nil, nil, fmt.Errorf("%w: %w", ErrUnusable, err) }
	u, err := url.Parse(baseURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.User != nil {
		return unusable(errors.New("the URL must be http:// or https:// and a host, without credentials and query"))
	}
	s, err := newSettings(options)
	if err != nil {
		return unusable(err)
	}
	j, err := s.read()
	if err != nil {
		return unusable(fmt.Errorf("%s: %w", s.documentName, err))
	}
	cases, err := derive(s, j)
	if err != nil {
		return unusable(fmt.Errorf("%s: %w", s.documentName, err))
	}
	if len(cases) == 0 {
		return unusable(errors.New("no case is left to try"))
	}
	r := &runner{settings: s, plains: map[string]request{}, made: map[string]string{}, refused: map[string]bool{}, takesBody: map[string]bool{}, outcomes: map[string]*outcome{}, servers: serverPaths(j.Doc), base: strings.TrimSuffix(baseURL, "/")}
	for _, c := range cases {
		if c.plain {
			r.plains[c.operation.ID] = c.request
		}
	}
	if s.rate > 0 {
		r.limiter = rate.NewLimiter(rate.Limit(s.rate), 1)
	}
	return r, cases, nil
}

// ready prepares what is going to be sent.
func ready(baseURL string, options []Option) (*runner, []Case, error) {
	r, cases, err := prepare(baseURL, options)
	if err == nil && r.account == nil && len(r.header)+len(r.query) == 0 && slices.ContainsFunc(cases, func(c Case) bool { return c.request.reason == badCredentials }) {
		return nil, nil, fmt.Errorf("%w: the document's operations need credentials: give an account, a header or a parameter of the query (--account, --header, --query)", ErrUnusable)
	}
	return r, cases, err
}

// try tries a case.
func (r *runner) try(ctx context.Context, c Case) (result Result) {
	result = Result{Case: c}
	c.request = c.request.written()
	started := time.Now()
	defer func() {
		result.Duration = time.Since(started)
		if result.Failed() {
			r.failed++
		}
		if broken := result.Failed() || len(result.Known) > 0; broken && c.plain && !r.strict && result.Status >= 400 {
			r.refused[c.operation.ID] = true
		} else if !broken && !c.builds && c.request.body != nil && result.Status/100 == 2 {
			r.takesBody[c.operation.ID] = true
		}
		if r.failed > 0 && r.failed == r.maxFailures {
			r.stopped = fmt.Sprintf("%d cases have failed", r.failed)
		}
	}()
	if why := r.mayTry(c); why != "" {
		result.Skipped = why
		return result
	}
	if c.fresh == nil {
		c.fresh = func(q request) request { return q }
	}
	c.request = r.ofMade(c, c.fresh(c.request))
	for i, q := range c.alongside {
		switch {
		case !c.inTurn:
			c.alongside[i] = c.fresh(q)
		case q.subject == "":
			c.alongside[i].path = c.request.path
		}
	}
	switch {
	case c.life != nil:
		r.tryLife(ctx, c, &result)
	case c.property != nil:
		r.tryProperty(ctx, c, &result)
	default:
		result.Violations = r.tryRequest(ctx, c, c.request, c.marker, &result)
	}
	if c.plain && !r.strict && result.Status == http.StatusNotFound && len(result.Violations) > 0 {
		result.Violations[0].Message += r.hint()
	}
	if len(result.Violations) > 0 && result.Curl == "" {
		result.Curl = c.request.curl(r)
	}
	r.setKnownApart(&result)
	return result
}

// mayTry says why a case is not tried, if it is not.
func (r *runner) mayTry(c Case) string {
	if r.stopped != "" {
		return r.stopped
	}
	if c.Skip != "" {
		return c.Skip
	}
	if r.refused[c.operation.ID] && c.builds && (c.request.body == nil || !r.takesBody[c.operation.ID]) {
		return "the plain valid request is refused"
	}
	mayCreate := (c.expect == accepted || c.expect == either || c.expect == acceptedOrUnknown) && !isSafe(c.request.method)
	if r.maxCreates > 0 && mayCreate && r.created+max(1, c.times)+len(c.alongside) > r.maxCreates {
		return fmt.Sprintf("the limit of %d creations is reached", r.maxCreates)
	}
	return ""
}

func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// tryRequest sends a request, as often and beside what the case says, and judges each answer.
func (r *runner) tryRequest(ctx context.Context, c Case, q request, marker string, result *Result) []Violation {
	requests := append(slices.Repeat([]request{q}, max(1, c.times)), c.alongside...)
	answers := make([]answer, len(requests))
	var all sync.WaitGroup
	for i := range requests {
		if c.inTurn {
			answers[i] = r.send(ctx, requests[i])
			continue
		}
		all.Go(func() { answers[i] = r.send(ctx, requests[i]) })
	}
	all.Wait()
	if ctx.Err() != nil {
		// What was in flight says nothing.
		result.Skipped = "the run was ended"
		return nil
	}
	var violations []Violation
	succeeded := false
	isValid := c.expect == accepted || c.expect == acceptedOrUnknown
	for i, a := range answers {
		result.Status = a.status
		r.stopAt(c, requests[i], a)
		violations = append(violations, r.judgeAnswer(c, requests[i], a, marker)...)
		if isValid && a.status >= 200 && a.status < 400 {
			r.succeeded(c)
		}
		succeeded = succeeded || a.status/100 == 2
		r.keepMade(c, requests[i], a)
		if a.status/100 == 2 && !isSafe(requests[i].method) {
			r.created++
			if r.maxCreates > 0 && c.expect == refused {
				r.stopped = "a request that must be refused was accepted before"
			}
		}
	}
	if isValid && !c.plain && !r.strict && len(requests) == 1 && len(violations) == 0 && result.Status == http.StatusConflict {
		result.Skipped = "it is in conflict with what is there: it was answered 409"
	}
	if len(requests) > 1 && !succeeded && len(violations) == 0 && c.expect == accepted {
		violations = append(violations, Violation{Kind: conform.Status, Rule: c.Rule, Message: "none of " + q.description + " succeeded"})
	}
	return violations
}

// stopAt ends the run at an answer after which none says anything.
func (r *runner) stopAt(c Case, q request, a answer) {
	if about, ok := errors.AsType[*net.OpError](a.err); ok && about.Op == "dial" {
		r.stopped = "the server cannot be reached"
	}
	if a.status == http.StatusUnauthorized && r.created == 0 && c.expect == accepted && q.account == nil && !q.anonymous {
		r.stopped = "the credentials are refused"
	}
}

// tryProperty tries random values, and shrinks the first that fails.
func (r *runner) tryProperty(ctx context.Context, c Case, result *Result) {
	p := c.property
	attempt := func(value string) ([]Violation, request) {
		q := c.fresh(p.set(value))
		q.description, q.offender, q.subject = sampleOf(p.name, value), p.rule.In, p.name
		return r.tryRequest(ctx, c, q, "", result), q
	}
	for _, value := range p.values(r.seed) {
		if r.mayTry(c) != "" {
			return
		}
		violations, sent := attempt(value)
		if len(violations) == 0 {
			continue
		}
		rule := violations[0].Rule
		smallest := p.shrink(value, func(candidate string) bool {
			if ctx.Err() != nil || r.mayTry(c) != "" {
				return false
			}
			again, _ := attempt(candidate)
			return slices.ContainsFunc(again, func(v Violation) bool { return v.Rule == rule })
		})
		result.Violations = violations
		if r.mayTry(c) == "" && smallest != value {
			if again, q := attempt(smallest); len(again) > 0 {
				result.Violations, result.Curl = again, q.curl(r)
			}
		}
		if result.Curl == "" {
			result.Curl = sent.curl(r)
		}
		return
	}
}
