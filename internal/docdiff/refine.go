package docdiff

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/checker"
	"pgregory.net/rapid"
)

// samples is how many values of the older pattern are tried against the newer one.
const samples = 1000

// severer are the rules that oasdiff takes too lightly: nothing that was sent is refused, and yet callers may have to act.
var severer = map[string]Severity{
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
}

// refine corrects what oasdiff says of a change by what it does not look at.
func (c *Change) refine(found checker.Change, newer *openapi3.T) {
	if s, ok := severer[c.Rule]; ok {
		c.Severity = max(c.Severity, s)
	}
	switch c.Rule {
	case checker.RequestParameterPatternChangedId, checker.RequestPropertyPatternChangedId:
		c.refinePattern(found.GetArgs())
	case checker.RequestPropertyRemovedId:
		if refusesOthers(newer, found.GetPath(), found.GetOperation()) {
			c.Severity = Breaking
			c.Comment = "other fields are refused, so requests that send it fail"
		}
	}
}

// refinePattern asks whether the newer pattern refuses what the older one allowed.
func (c *Change) refinePattern(args []any) {
	if len(args) < 2 {
		return
	}
	older, newer := fmt.Sprint(args[len(args)-2]), fmt.Sprint(args[len(args)-1])
	refused, err := onlyIn(older, newer)
	switch {
	case err != nil:
		// Patterns of another language are left to a person.
	case refused != "":
		c.Severity, c.Comment = Breaking, fmt.Sprintf("such as %q, which was allowed", refused)
	default:
		c.Severity, c.Comment = Info, fmt.Sprintf("none of %d values that were allowed is refused", samples)
	}
}

// onlyIn finds a value that one pattern matches and the other does not; empty when none was found.
func onlyIn(pattern, other string) (string, error) {
	if _, err := regexp.Compile(pattern); err != nil {
		return "", err
	}
	o, err := regexp.Compile(other)
	if err != nil {
		return "", err
	}
	values := rapid.StringMatching(pattern)
	for seed := range samples {
		if value := values.Example(seed); !o.MatchString(value) {
			return value, nil
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

// own finds what oasdiff is silent about: whether other fields are allowed, and where the service is.
func own(older, newer *openapi3.T) []Change {
	var list []Change
	for _, server := range older.Servers {
		if !slices.ContainsFunc(newer.Servers, func(s *openapi3.Server) bool { return s.URL == server.URL }) {
			list = append(list, Change{
				Audience: Callers, Rule: "server-removed", Severity: Warning, Line: lineOf(server.Origin), Gone: true,
				Text: fmt.Sprintf("the server `%s` is not listed any more", server.URL),
			})
		}
	}
	for path, item := range newer.Paths.Map() {
		before := older.Paths.Value(path)
		if before == nil {
			continue
		}
		for method, op := range item.Operations() {
			if old := before.GetOperation(method); old != nil {
				list = append(list, closings(method+" "+path, old, op)...)
			}
		}
	}
	return list
}

// closings compares what is said of other fields in the bodies of an operation.
func closings(operation string, older, newer *openapi3.Operation) []Change {
	var list []Change
	compare := func(where string, request bool, before, after *openapi3.Schema) {
		walk(before, after, nil, map[[2]*openapi3.Schema]bool{}, func(path []string, before, after *openapi3.Schema) {
			if isClosed(before) == isClosed(after) {
				return
			}
			c := Change{Audience: Callers, Operation: operation, Line: lineOf(after.Origin), Severity: Info}
			place := strings.Join(append([]string{where}, path...), "/")
			if isClosed(after) {
				c.Rule, c.Text = "additional-properties-refused", fmt.Sprintf("other fields than the listed ones are refused in the %s", place)
				if request {
					c.Severity = Breaking
				}
			} else {
				c.Rule, c.Text = "additional-properties-allowed", fmt.Sprintf("other fields than the listed ones are allowed in the %s", place)
				if !request {
					c.Severity = Warning
				}
			}
			list = append(list, c)
		})
	}
	if older.RequestBody != nil && newer.RequestBody != nil {
		for name, media := range newer.RequestBody.Value.Content {
			if before := older.RequestBody.Value.Content[name]; before != nil && before.Schema != nil && media.Schema != nil {
				compare("request body", true, before.Schema.Value, media.Schema.Value)
			}
		}
	}
	for status, response := range newer.Responses.Map() {
		before := older.Responses.Value(status)
		if before == nil {
			continue
		}
		for name, media := range response.Value.Content {
			if old := before.Value.Content[name]; old != nil && old.Schema != nil && media.Schema != nil {
				compare("answer "+status, false, old.Schema.Value, media.Schema.Value)
			}
		}
	}
	return list
}

// walk visits the schemas that two versions of a body have in common, each pair once: schemas may contain themselves.
func walk(before, after *openapi3.Schema, path []string, seen map[[2]*openapi3.Schema]bool, visit func(path []string, before, after *openapi3.Schema)) {
	pair := [2]*openapi3.Schema{before, after}
	if seen[pair] {
		return
	}
	seen[pair] = true
	visit(path, before, after)
	for _, name := range slices.Sorted(maps.Keys(after.Properties)) {
		if old := before.Properties[name]; old != nil {
			walk(old.Value, after.Properties[name].Value, append(slices.Clone(path), name), seen, visit)
		}
	}
	if before.Items != nil && after.Items != nil {
		walk(before.Items.Value, after.Items.Value, append(slices.Clone(path), "items"), seen, visit)
	}
}

func lineOf(o *openapi3.Origin) int {
	if o == nil || o.Key == nil {
		return 0
	}
	return o.Key.Line
}

var statusInText = regexp.MustCompile("`[1-5][0-9][0-9]`")

// together makes one change of those that differ only in the status of an answer, or that one line made of the Go code.
func together(list []Change) []Change {
	type kind struct {
		audience          Audience
		rule, text, where string
		line              int
		gone              bool
		severity          Severity
	}
	at := map[kind]int{}
	var merged []Change
	for _, c := range list {
		k := kind{audience: c.Audience, rule: c.Rule, where: c.Operation, line: c.Line, gone: c.Gone, severity: c.Severity}
		if c.Audience == Callers {
			k.text = statusInText.ReplaceAllString(c.Text, "")
		}
		i, seen := at[k]
		if !seen {
			at[k] = len(merged)
			merged = append(merged, c)
			continue
		}
		merged[i].More = append(merged[i].More, c.Text)
	}
	return merged
}
