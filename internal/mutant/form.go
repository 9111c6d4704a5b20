package mutant

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"

	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/internal/rule"
)

// readForm reads the body's form.
func readForm(r *request) (url.Values, *failure) {
	if len(r.body) > 16<<10 {
		return nil, &failure{status: 413, code: 20413, message: "The body is too large"}
	}
	if (len(r.body) > 0 || r.Header.Get("Content-Type") != "") && mediaType(r) != formType {
		return nil, &failure{status: 415, code: 20415, message: "The body's media type is not supported"}
	}
	form, err := url.ParseQuery(string(r.body))
	if err != nil {
		return nil, unreadable()
	}
	for name := range form {
		if !known(name) {
			return nil, &failure{status: 400, code: 20001, message: unknownField, value: name}
		}
	}
	for _, r := range documented.Form {
		if values := form[r.Name]; r.Name != "Ttl" && len(values) > 0 && (len(values) > 1 || !r.Allows(values[0])) {
			return nil, &failure{status: 400, code: 60200, message: "Invalid parameter: " + r.Name + " must be " + r.String(), in: "body", field: r.Name, value: values[0]}
		}
	}
	if len(form["Ttl"]) > 1 {
		return nil, &failure{status: 400, code: 20001, message: "Ttl is there twice"}
	}
	return form, nil
}

const unknownField = "Unknown field"

func known(name string) bool {
	return slices.ContainsFunc(documented.Form, func(r rule.Rule) bool { return r.Name == name })
}

// canonical is how an integer is written in a form.
var canonical = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)

func (s *server) readTTL(form url.Values) (int, *failure) {
	if !form.Has("Ttl") {
		return documented.DefaultTTL, nil
	}
	text := form.Get("Ttl")
	n, err := strconv.Atoi(text)
	if err != nil || !canonical.MatchString(text) || n < s.ttlLeast || n > s.ttlMost {
		return 0, &failure{status: 400, code: 60200, message: "Invalid parameter: Ttl must be " + documented.TTLRule, in: "body", field: "Ttl", value: text}
	}
	return n, nil
}
