package docdiff

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/checker"
	"pgregory.net/rapid"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/rule"
)

// samples is how many values of the older pattern are tried against the newer one.
const samples = 1000

// raised are the rules that oasdiff takes too lightly: nothing that was sent is refused, and yet callers may have to act.
var raised = map[string]Severity{
	checker.RequestPropertyDefaultValueChangedId:  Warning,
	checker.RequestPropertyDefaultValueRemovedId:  Warning,
	checker.RequestPropertyDefaultValueAddedId:    Warning,
	checker.RequestParameterDefaultValueChangedId: Warning,
	checker.RequestParameterDefaultValueRemovedId: Warning,
	checker.RequestParameterDefaultValueAddedId:   Warning,
	checker.ResponseOptionalPropertyRemovedId:     Warning,
	checker.OptionalResponseHeaderRemovedId:       Warning,
	checker.APISecurityRemovedCheckId:             Warning,
	checker.APIGlobalSecurityRemovedCheckId:       Warning,
	"api-security-anonymous-access-added":         Warning,
	// Callers that look for the media type they know do not find it.
	"response-media-type-name-specialized": Breaking,
	"response-media-type-name-changed":     Breaking,
}

// adjust corrects what oasdiff says of a change by what it does not look at.
func (c *Change) adjust(found checker.Change, older, newer *openapi3.T) {
	if strings.Contains(c.Comment, "--") {
		// It speaks of flags that nudge does not have.
		c.Comment = ""
	}
	if s, ok := raised[c.Rule]; ok {
		c.Severity = max(c.Severity, s)
	}
	switch c.Rule {
	case checker.RequestParameterPatternChangedId, checker.RequestPropertyPatternChangedId:
		// A webhook has no path.
		if item := older.Paths.Value(found.GetPath()); item != nil {
			c.refinePattern(found.GetArgs(), item.GetOperation(found.GetOperation()))
		}
	case checker.ResponsePropertyPatternChangedId:
		// An answer may keep a narrower pattern, and must not have a wider one.
		if args := found.GetArgs(); len(args) >= 3 {
			if wider, err := onlyIn(fmt.Sprint(args[len(args)-2]), fmt.Sprint(args[len(args)-3]), nil); err == nil && wider == "" {
				c.Severity, c.Comment = Info, fmt.Sprintf("all of %d values that it allows were allowed", samples)
			}
		}
	case checker.RequestPropertyRemovedId:
		if refusesOthers(newer, found.GetPath(), found.GetOperation()) {
			c.Severity = Breaking
			c.Comment = "other fields are refused, so requests that send it fail"
		}
	}
}

// refinePattern asks whether the newer pattern refuses what the older one allowed.
func (c *Change) refinePattern(args []any, before *openapi3.Operation) {
	if len(args) < 2 {
		return
	}
	older, newer := fmt.Sprint(args[len(args)-2]), fmt.Sprint(args[len(args)-1])
	refused, err := onlyIn(older, newer, rulesOf(before, older))
	switch {
	case err != nil:
		// Patterns of another language are left to a person.
	case refused != "":
		c.Severity, c.Comment = Breaking, fmt.Sprintf("such as %q, which was allowed", refused)
	default:
		c.Severity, c.Comment = Info, fmt.Sprintf("none of %d values that were allowed is refused", samples)
	}
}

// rulesOf lists the rules of an operation that have a pattern, with their other bounds.
func rulesOf(op *openapi3.Operation, pattern string) []rule.Rule {
	if op == nil {
		return nil
	}
	var list []rule.Rule
	add := func(s *openapi3.Schema) {
		if s.Pattern != pattern {
			return
		}
		if r, ok, err := openapi.Of("", "", s); err == nil && ok {
			list = append(list, r)
		}
	}
	for _, p := range op.Parameters {
		if p.Value.Schema != nil {
			add(p.Value.Schema.Value)
		}
	}
	if op.RequestBody == nil {
		return list
	}
	for _, media := range op.RequestBody.Value.Content {
		if media.Schema != nil {
			walk(media.Schema.Value, media.Schema.Value, nil, map[[2]*openapi3.Schema]bool{}, func(_ []string, s, _ *openapi3.Schema) { add(s) })
		}
	}
	return list
}

// onlyIn finds a value that one pattern matches, within the bounds of one of its rules, and the other does not; empty when none
// was found.
func onlyIn(pattern, other string, rules []rule.Rule) (found string, err error) {
	p, err := regexp.Compile(pattern)
	if err != nil {
		return "", err
	}
	o, err := regexp.Compile(other)
	if err != nil {
		return "", err
	}
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("no value of the pattern can be made: %v", problem)
		}
	}()
	values := rapid.StringMatching(pattern)
	allowed := func(value string) bool {
		return p.MatchString(value) && (len(rules) == 0 || slices.ContainsFunc(rules, func(r rule.Rule) bool { return r.Allows(value) }))
	}
	for seed := range samples {
		value := values.Example(seed)
		// What a pattern without anchors allows around it.
		for _, candidate := range []string{value, "x" + value, value + "x", value + "\n", " " + value + " "} {
			if allowed(candidate) && !o.MatchString(candidate) {
				return candidate, nil
			}
		}
	}
	return "", nil
}

// refusesOthers tells whether a body of the operation must not have fields that are not listed.
func refusesOthers(doc *openapi3.T, path, method string) bool {
	item := doc.Paths.Value(path)
	if item == nil || item.GetOperation(method) == nil || item.GetOperation(method).RequestBody == nil {
		return false
	}
	for _, media := range item.GetOperation(method).RequestBody.Value.Content {
		if media.Schema != nil && isClosed(media.Schema.Value) {
			return true
		}
	}
	return false
}

func isClosed(s *openapi3.Schema) bool {
	return s.AdditionalProperties.Has != nil && !*s.AdditionalProperties.Has
}
