package contract

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/serialize"
)

// makeBase makes the valid request that the others are changes of.
func (d *deriver) makeBase() error {
	d.path = map[string]string{}
	d.base = request{method: d.op.Method, header: http.Header{}}
	query := url.Values{}
	d.base.values = d.path
	var others []*openapi3.Parameter
	for _, p := range d.op.EffectiveParameters() {
		if p.In != "path" && !p.Required {
			continue
		}
		_, fixed := d.fixture(p.Name)
		if _, simple := ruleOf(p); !simple && !fixed {
			others = append(others, p)
			continue
		}
		value, err := d.exampleOf(p.Name, p.Schema, p.Example, p.Examples)
		if err != nil {
			return err
		}
		if fixed && p.In == "path" {
			d.valid = acceptedOrUnknown
		}
		if !d.setBase(p, value, query) {
			return fmt.Errorf("%s: no value of it can be written", p.Name)
		}
	}
	if d.op.Method == http.MethodDelete {
		// The second one finds nothing.
		d.valid = acceptedOrUnknown
	}
	d.base.query = encoded(query)
	for _, p := range others {
		value, err := d.parameterValue(p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		if !d.setParameter(&d.base, p, value) {
			return fmt.Errorf("%s: no value of it can be written", p.Name)
		}
		d.base.reason, d.base.subject = badBody, ""
	}
	d.base.path = d.expand(d.path)
	err := d.chooseBodies()
	if err == nil {
		err = d.makeBody()
	}
	if err != nil && d.op.Spec.RequestBody.Value.Required {
		return err
	}
	if err != nil {
		d.body, d.bodies = nil, nil
		d.untried(strings.Join(sortedKeys(d.op.Spec.RequestBody.Value.Content), " or "), err)
	}
	return nil
}

// setBase puts the value of a required parameter into the base, or its query; false tells that it cannot stand there.
func (d *deriver) setBase(p *openapi3.Parameter, value string, query url.Values) bool {
	switch p.In {
	case "path":
		d.path[p.Name] = value
	case "query":
		query.Set(p.Name, value)
	case "header":
		d.base.header.Set(p.Name, value)
		return sendable("header", value)
	case "cookie":
		return setCookie(&d.base, []serialize.Pair{{Name: p.Name, Value: value}})
	}
	return true
}

// makeBody puts a valid body into the base, where one is required.
func (d *deriver) makeBody() error {
	if d.body == nil {
		return nil
	}
	required := d.op.Spec.RequestBody.Value.Required
	if d.body.mediaType == openapi.FormType && d.rulesSayAll() {
		return d.makeForm()
	}
	var failed error
	for _, candidate := range d.bodies {
		value, err := candidate.written()
		if err == nil {
			d.body, d.document = candidate, d.withFixtures(value)
			if r, ok := d.withBodyOf(d.document); ok {
				if required {
					d.base = r
				}
				return d.setFields()
			}
			err = errNoValue
		}
		if failed == nil {
			failed = err
		}
	}
	return fmt.Errorf("the body: %w", failed)
}

// setFields reads the fields of the form that was made.
func (d *deriver) setFields() error {
	if d.body.mediaType == openapi.FormType {
		pairs, _ := pairsOf(d.body.media, d.document)
		for _, p := range pairs {
			d.fields = append(d.fields, field{p.Name, p.Value})
		}
	}
	return nil
}

// rulesSayAll tells whether the rules of its fields say all that the schema of a form says.
func (d *deriver) rulesSayAll() bool {
	s := d.op.FormSchema
	if s == nil {
		return false
	}
	more := len(s.AllOf)+len(s.AnyOf)+len(s.OneOf)+len(s.DependentRequired)+len(s.DependentSchemas)+len(s.PatternProperties) > 0 ||
		s.Not != nil || s.If != nil || s.MinProps > 0 || s.MaxProps != nil || s.PropertyNames != nil || s.Discriminator != nil
	undeclared := slices.ContainsFunc(s.Required, func(name string) bool { return s.Properties[name] == nil })
	return len(d.fieldRules) == len(s.Properties) && !more && !undeclared
}

// exampleOf finds a valid value: a fixture, an example, a default, or one made from the schema.
func (d *deriver) exampleOf(name string, schema *openapi3.SchemaRef, example any, examples openapi3.Examples) (string, error) {
	if value, ok := d.fixture(name); ok {
		return value, nil
	}
	model := d.model(schema)
	for _, value := range given(example, examples) {
		// An example that its schema does not allow is not sent.
		if model == nil || model.Valid(value) {
			return openapi.WireForm(value), nil
		}
	}
	if schema == nil {
		return "x", nil
	}
	value, err := validValue(schema.Value)
	if err != nil {
		return "", fmt.Errorf("%s: %w; give an example or a fixture", name, err)
	}
	return value, nil
}

// expand fills in the path.
func (d *deriver) expand(values map[string]string) string {
	return parameterName.ReplaceAllStringFunc(literal(d.op.Path), func(text string) string {
		name := strings.Trim(text, "{}")
		escaped := url.PathEscape(values[name])
		if d.delimited[name] {
			// The separators of lists and of the styles label and matrix.
			escaped = strings.NewReplacer("%2C", ",", "%3B", ";", "%3D", "=").Replace(escaped)
		}
		return escaped
	})
}

// literal escapes what stands between the parameters of a path and may not stand in a request, such as spaces.
func literal(path string) string {
	var escaped strings.Builder
	for _, text := range strings.SplitAfter(path, "}") {
		before, parameter := text, ""
		if at := strings.IndexByte(text, '{'); at >= 0 {
			before, parameter = text[:at], text[at:]
		}
		if plain, err := url.PathUnescape(before); err == nil {
			before = (&url.URL{Path: plain, RawPath: before}).EscapedPath()
		}
		escaped.WriteString(before + parameter)
	}
	return escaped.String()
}

// withPath is the base with another value of a path's parameter.
func (d *deriver) withPath(name, value string) request {
	return d.base.with(func(r *request) {
		r.values[name] = value
		r.path, r.reason, r.subject = d.expand(r.values), badPath, name
	})
}

// fresh gives a request that may make something another value of the last parameter of its path, unless it is about that
// parameter or fixtures say what exists: a limit of one resource, such as 3 notifications for a challenge, is then not met. The texts of its body that must often be there once are others, too.
func (d *deriver) fresh(q request) request {
	q = d.unique(q)
	names := parameterName.FindAllString(d.op.Path, -1)
	if q.method != http.MethodPost || q.values == nil || len(names) == 0 || d.valid == acceptedOrUnknown {
		return q
	}
	last := strings.Trim(names[len(names)-1], "{}")
	for _, p := range d.rules {
		if p.In != "path" || p.Name != last || q.subject == last {
			continue
		}
		if p.Pattern == nil {
			// Whatever text there is may be a name that must exist.
			return q
		}
		draw := validDraws(p)
		for range attempts {
			d.drawn++
			// Far from the seeds of the properties, which draw from the same values.
			value := draw(1<<40 + int(d.settings.seed%(1<<30))*attempts + d.drawn)
			was := "/" + url.PathEscape(q.values[last])
			if at := strings.LastIndex(q.path, was); at >= 0 && p.Allows(value) && sendable("path", value) {
				return q.with(func(r *request) {
					r.values[last] = value
					r.path = q.path[:at] + "/" + url.PathEscape(value) + q.path[at+len(was):]
				})
			}
		}
	}
	return q
}
