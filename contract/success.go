package contract

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/conform"
	"github.com/nudgehq/nudge/internal/openapi"
)

// outcome is what became of the valid requests of an operation.
type outcome struct {
	succeeded, lost int
	// status is that of the first answer that the document allows, and that was no success.
	status int
}

// maxLost is how many valid requests may find nothing, while none succeeds, before a run ends.
const maxLost = 20

// lost remembers that a valid request met a declared 404, 409 or the like.
func (r *runner) lost(c Case, status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.outcome(c)
	if o.lost++; o.status == 0 {
		o.status = status
	}
	all := 0
	for _, o := range r.outcomes {
		if o.succeeded > 0 {
			return
		}
		all += o.lost
	}
	if all == maxLost && len(r.fixtures) == 0 {
		r.stopped = fmt.Sprintf("no valid request has succeeded: each was answered %d", status)
	}
}

// succeeded remembers that a valid request did.
func (r *runner) succeeded(c Case) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outcome(c).succeeded++
}

// neverSucceeded tells whether no valid request of the operation has succeeded yet.
func (r *runner) neverSucceeded(c Case) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.outcome(c).succeeded == 0
}

// outcome is that of a case's operation. The lock is held.
func (r *runner) outcome(c Case) *outcome {
	o := r.outcomes[c.operation.ID]
	if o == nil {
		o = &outcome{}
		r.outcomes[c.operation.ID] = o
	}
	return o
}

// judgeOutcomes wants that something succeeded: of the whole run, or else it proves nothing, and of each operation that needs
// nothing to exist. Where something must exist, the operation was not tried.
func (r *runner) judgeOutcomes(results []Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	succeeded := 0
	for _, o := range r.outcomes {
		succeeded += o.succeeded
	}
	told := false
	for i := range results {
		result := &results[i]
		if result.operation == nil {
			// It was not run.
			continue
		}
		o := r.outcomes[result.operation.ID]
		if o == nil || o.succeeded > 0 || o.lost == 0 || !result.plain || result.Failed() {
			continue
		}
		answered := fmt.Sprintf("each was answered %d %s", o.status, http.StatusText(o.status))
		switch {
		case succeeded == 0 && !told:
			told = true
			result.Violations = append(result.Violations, Violation{Kind: conform.Status, Rule: result.Rule, Message: "no valid request succeeded: " + answered + r.hint()})
			result.Curl = result.request.curl(r)
		case succeeded == 0:
			result.Skipped = "no valid request succeeded"
		case strings.Contains(result.operation.Path, "{"):
			result.Skipped = fmt.Sprintf("nothing that it needs was found, so its other cases prove little: %s; give a fixture, as --fixture %s.%s=…", answered, result.operation.ID, lastParameter(result.operation.Path))
		default:
			result.Violations = append(result.Violations, Violation{Kind: conform.Status, Rule: result.Rule, Message: "no valid request of it succeeded: " + answered})
		}
	}
}

// lastParameter is the name of the last parameter of a path.
func lastParameter(path string) string {
	names := parameterName.FindAllString(path, -1)
	if len(names) == 0 {
		return ""
	}
	return strings.Trim(names[len(names)-1], "{}")
}

// hint says that the URL may lack the path of the document's servers; nothing where it has it.
func (r *runner) hint() string {
	base, err := url.Parse(r.base)
	if err != nil {
		return ""
	}
	for _, server := range r.servers {
		path := strings.TrimSuffix(server, "/")
		if path != "" && strings.HasSuffix(base.Path, path) {
			return ""
		}
	}
	at := slices.IndexFunc(r.servers, func(path string) bool { return strings.Trim(path, "/") != "" })
	if at < 0 {
		return ""
	}
	return fmt.Sprintf("; the document's servers have the path %s, and the URL has not", r.servers[at])
}

// serverPaths are the paths of a document's servers, with the defaults of their variables.
func serverPaths(doc *openapi3.T) (paths []string) {
	for _, server := range doc.Servers {
		if u, err := url.Parse(openapi.ServerURL(server)); err == nil {
			paths = append(paths, u.Path)
		}
	}
	return paths
}
