package contract

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Rule is a kind of things that are judged, under a name by which it can be switched.
type Rule struct {
	// Name is that of the group of its cases, the second part of their names.
	Name string
	// Strict tells that it is on for nudge's own document and with [WithStrict] only, unless it is asked for by its name.
	Strict bool
	// Says is what it wants, Source where that is from.
	Says, Source string
}

// Rules lists all rules, those first that are always on.
func Rules() []Rule { return slices.Clone(rules) }

var rules = []Rule{
	{Name: "examples", Says: "the plain valid request, one with all that is optional, and the document's examples are accepted", Source: "the operation"},
	{Name: "values", Says: "what just keeps a keyword is accepted, and what just breaks it is refused", Source: "the keyword's line"},
	{Name: "types", Says: "values of another type are refused", Source: "type"},
	{Name: "required", Says: "what is required may not be left out", Source: "required"},
	{Name: "properties", Says: "random valid values are accepted, and random invalid ones refused", Source: "the schema of the parameter or field"},
	{Name: "life", Says: "what is made is found, and what is deleted is not", Source: "links, or the paths"},
	{Name: "credentials", Says: "missing and wrong credentials are refused", Source: "security"},
	{Name: "methods", Says: "other methods are not allowed, and Allow lists those that are", Source: "RFC 9110 section 15.5.6"},
	{Name: "paths", Says: "an unknown path is not found; strictly, other spellings of the path neither", Source: "paths, RFC 3986"},
	{Name: "wire", Says: "bodies that are no JSON or no form are refused, and odd requests are no failure of the server", Source: "RFC 8259, RFC 9110 section 15"},
	{Name: "answers", Strict: true, Says: "an answer has no field that no schema names, no body where none is declared, and integers without fraction and exponent that fit in 64 bits", Source: "the document read as a closed one"},
	{Name: "fields", Strict: true, Says: "form fields that are unknown, repeated or misspelt are not read", Source: "the document read as a closed one"},
	{Name: "smuggling", Strict: true, Says: "what stands in the query, a header or a cookie is not read as a field", Source: "in"},
	{Name: "media types", Strict: true, Says: "other media types get 415 before anything else is looked at, and spellings of the right one are read", Source: "RFC 9110 sections 8.3 and 15.5.16"},
	{Name: "sizes", Strict: true, Says: "large bodies are refused", Source: "good practice"},
	{Name: "echo", Strict: true, Says: "no answer repeats what is long", Source: "good practice"},
	{Name: "repetition", Strict: true, Says: "the same request again, at once, and others beside it get their own answers", Source: "the document's relations"},
}

// isOn tells whether the rule of a name is on.
func (s *settings) isOn(name string) bool {
	if on, ok := s.switched[name]; ok {
		return on
	}
	for _, r := range rules {
		if r.Name == name {
			return s.strict || !r.Strict
		}
	}
	return true
}

// switchRules turns rules on or off by their names.
func (s *settings) switchRules(on bool, names []string) error {
	for _, name := range names {
		if !slices.ContainsFunc(rules, func(r Rule) bool { return r.Name == name }) {
			known := make([]string, len(rules))
			for i, r := range rules {
				known[i] = r.Name
			}
			return fmt.Errorf("there is no rule %q; there are %s", short(name, 100), strings.Join(known, ", "))
		}
		s.switched = maps.Clone(s.switched)
		if s.switched == nil {
			s.switched = map[string]bool{}
		}
		s.switched[name] = on
	}
	return nil
}

// inOrder puts the cases of a run into the order of a thing's life: what makes it first, what ends it last.
func inOrder(cases []Case) {
	rank := map[string]int{http.MethodPost: 0, http.MethodPut: 2, http.MethodDelete: 4}
	slices.SortStableFunc(cases, func(a, b Case) int {
		of := func(c Case) int {
			if c.life != nil {
				// While nothing is there that it could be in the way of.
				return -1
			}
			if c.operation.Method == http.MethodDelete && c.request.reason == badCredentials {
				// While it is there.
				return 3
			}
			if n, ok := rank[c.operation.Method]; ok {
				return n
			}
			return 1
		}
		return of(a) - of(b)
	})
}
