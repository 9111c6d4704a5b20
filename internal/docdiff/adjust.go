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
	checker.RequestPropertyDefaultValueChangedId:   Warning,
	checker.RequestPropertyDefaultValueRemovedId:   Warning,
	checker.RequestPropertyDefaultValueAddedId:     Warning,
	checker.RequestParameterDefaultValueChangedId:  Warning,
	checker.RequestParameterDefaultValueRemovedId:  Warning,
	checker.RequestParameterDefaultValueAddedId:    Warning,
	checker.ResponseOptionalPropertyRemovedId:      Warning,
	checker.OptionalResponseHeaderRemovedId:        Warning,
	checker.APISecurityRemovedCheckId:              Warning,
	checker.APIGlobalSecurityRemovedCheckId:        Warning,
	"api-security-anonymous-access-added":          Warning,
	checker.ResponseSuccessStatusAddedId:           Warning,
	"response-optional-property-became-write-only": Warning,
	"response-required-property-became-write-only": Warning,
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
	c.refine(found, older, newer)
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
		if refusesOthers(newer, found.GetPath(), found.GetOperation(), c.Text) {
			c.Severity = Breaking
			c.Comment = "other fields are refused, so requests that send it fail"
		}
	}
}

// refine corrects kinds of changes that several rules of oasdiff belong to.
func (c *Change) refine(found checker.Change, older, newer *openapi3.T) {
	switch {
	case strings.HasPrefix(c.Operation, "webhook:") || strings.Contains(c.Operation, " webhook:"):
		c.turn()
	case strings.Contains(c.Rule, "discriminator-property-name-changed"), strings.Contains(c.Rule, "discriminator-mapping-changed"), strings.Contains(c.Rule, "discriminator-mapping-deleted"):
		// Callers choose by it what they read and write.
		c.Severity = Breaking
	case strings.HasSuffix(c.Rule, "-with-deprecation"):
		c.Severity = max(c.Severity, Warning)
	case strings.HasPrefix(c.Rule, "api-security-") && c.Severity > Info && !strings.Contains(c.Rule, "component") && !strings.Contains(c.Rule, "anonymous"):
		item, before := newer.Paths.Value(found.GetPath()), older.Paths.Value(found.GetPath())
		if item != nil && before != nil && stillAllowed(securityOf(older, before.GetOperation(found.GetOperation())), securityOf(newer, item.GetOperation(found.GetOperation()))) {
			c.Severity, c.Comment = Info, "the credentials that were enough still are"
		}
	case strings.HasPrefix(c.Rule, "api-global-security-") && c.Operation == "":
		c.Severity = Info
	case strings.Contains(c.Rule, "format-changed") || strings.Contains(c.Rule, "type-changed") && strings.Contains(c.Text, "format"):
		if known := formatsIn.FindAllStringSubmatch(c.Text, -1); len(known) > 0 && !slices.ContainsFunc(known, func(m []string) bool { return judged[m[1]] || m[1] == "" }) {
			c.Severity = min(c.Severity, Warning)
		}
	}
}

// formatsIn are the words between backquotes.
var formatsIn = regexp.MustCompile("`([^`]*)`")

// judged are the formats by which servers refuse values, and the types that a change may name beside them.
var judged = map[string]bool{
	"date": true, "date-time": true, "time": true, "uuid": true, "email": true, "ipv4": true, "ipv6": true, "uri": true, "int32": true, "int64": true, "byte": true, "binary": true,
	"float": true, "double": true,
}

// turn judges a change of a webhook for whoever receives it: what is its request is an answer to them.
func (c *Change) turn() {
	switch {
	case strings.HasPrefix(c.Rule, "new-"), strings.Contains(c.Rule, "-optional-"):
		c.Severity = Info
	case strings.HasPrefix(c.Rule, "request-property-removed"):
		c.Severity = Breaking
	case !strings.HasPrefix(c.Rule, "request-"):
	case c.Severity == Breaking:
		c.Severity = Info
	case c.Severity == Info:
		c.Severity = Breaking
	}
	c.Comment = "for whoever receives the webhook"
}

// securityOf are the requirements of an operation; none where there is no operation.
func securityOf(doc *openapi3.T, op *openapi3.Operation) openapi3.SecurityRequirements {
	if op == nil {
		return nil
	}
	if op.Security != nil {
		return *op.Security
	}
	return doc.Security
}

// stillAllowed tells whether each way to authenticate is one still, with no more schemes and scopes than before.
func stillAllowed(before, after openapi3.SecurityRequirements) bool {
	if len(after) == 0 {
		return true
	}
	if len(before) == 0 {
		before = openapi3.SecurityRequirements{{}}
	}
	return !slices.ContainsFunc(before, func(was openapi3.SecurityRequirement) bool {
		return !slices.ContainsFunc(after, func(now openapi3.SecurityRequirement) bool {
			for name, scopes := range now {
				had, ok := was[name]
				if !ok || slices.ContainsFunc(scopes, func(scope string) bool { return !slices.Contains(had, scope) }) {
					return false
				}
			}
			return true
		})
	})
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
		candidates := []string{value, "x" + value, value + "x", value + "\n", " " + value + " "}
		if seed < stretched {
			candidates = append(candidates, longer(value)...)
		}
		for _, candidate := range candidates {
			if allowed(candidate) && !o.MatchString(candidate) {
				return candidate, nil
			}
		}
	}
	return "", nil
}

// stretched is how many of the values are made longer, too: most patterns bound how often something may be repeated.
const stretched = 100

// longer are texts that repeat the first, a middle or the last character of a value.
func longer(value string) (list []string) {
	runes := []rune(value)
	if len(runes) == 0 {
		return nil
	}
	for _, at := range []int{0, len(runes) / 2, len(runes) - 1} {
		for _, n := range []int{2, 3, 5, 9, 11, 16, 17, 21, 32, 33, 36, 40, 41, 50, 51, 63, 64, 65, 100, 101, 128, 129, 200, 255, 256, 257, 500, 1000} {
			if n > len(runes) {
				list = append(list, string(runes[:at])+strings.Repeat(string(runes[at]), n-len(runes)+1)+string(runes[at+1:]))
			}
		}
	}
	return list
}

// refusesOthers tells whether the object that a property was removed from must not have fields that are not listed. The text of the
// change names the property with its place.
func refusesOthers(doc *openapi3.T, path, method, text string) bool {
	item := doc.Paths.Value(path)
	if item == nil || item.GetOperation(method) == nil || item.GetOperation(method).RequestBody == nil {
		return false
	}
	for _, media := range item.GetOperation(method).RequestBody.Value.Content {
		if media.Schema == nil || media.Schema.Value == nil {
			continue
		}
		s := media.Schema.Value
		for _, name := range placeIn(text) {
			ref := openapi.Property(s, name)
			if name == "items" && ref == nil {
				ref = openapi.Items(s)
			}
			if ref == nil || ref.Value == nil {
				break
			}
			s = ref.Value
		}
		if isClosed(s) {
			return true
		}
	}
	return false
}

// placeIn are the names of the objects around the property that a text of oasdiff names: `a/b/c`.
func placeIn(text string) []string {
	for _, quoted := range formatsIn.FindAllStringSubmatch(text, -1) {
		names := strings.Split(strings.Trim(quoted[1], "/"), "/")
		return slices.DeleteFunc(names[:len(names)-1], func(name string) bool { return name == "" })
	}
	return nil
}

func isClosed(s *openapi3.Schema) bool {
	is := func(b openapi3.BoolSchema) bool { return b.Has != nil && !*b.Has }
	return is(s.AdditionalProperties) || is(s.UnevaluatedProperties)
}
