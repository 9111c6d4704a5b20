package contract

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/conform"
	"github.com/nudgehq/nudge/internal/openapi"
)

// deriver makes the cases of one operation.
type deriver struct {
	settings *settings
	judge    *conform.Document
	op       *conform.Operation
	cases    []Case
	// valid is what must become of a valid request.
	valid expectation
	// base is a valid request, with nothing optional.
	base request
	// path are the values of the path's parameters in it, fields those of its form, document that of its JSON body.
	path     map[string]string
	fields   []field
	document any
	// drawn counts the values that were drawn for fresh paths.
	drawn int
}

// derive makes the cases of all operations of a document.
func derive(s *settings, j *conform.Document) ([]Case, error) {
	if err := checkFixtures(s, j); err != nil {
		return nil, err
	}
	var all []Case
	for _, op := range j.Operations {
		d := &deriver{settings: s, judge: j, op: op}
		if err := d.makeBase(); err != nil {
			return nil, fmt.Errorf("%s: %w", op.ID, err)
		}
		d.examples()
		d.parameters()
		d.form()
		d.json()
		d.mediaTypes()
		d.sizes()
		d.credentials()
		d.methods()
		d.paths()
		d.wire()
		d.repetitions()
		all = append(all, d.cases...)
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(c Case) bool {
		twice := seen[c.Name]
		seen[c.Name] = true
		return twice || s.only != nil && !s.only.MatchString(c.Name)
	}), nil
}

// checkFixtures wants every fixture to be a valid value of something that the document has.
func checkFixtures(s *settings, j *conform.Document) error {
	for _, name := range sortedKeys(s.fixtures) {
		known := false
		for _, op := range j.Operations {
			for _, r := range slices.Concat(op.Parameters, op.Form) {
				if r.Name != name {
					continue
				}
				if known = true; !r.Allows(s.fixtures[name]) {
					return fmt.Errorf("the fixture %s must be %s", name, r)
				}
			}
			known = known || hasProperty(op.Operation, name)
		}
		if !known {
			return fmt.Errorf("the fixture %q is no parameter and no field of the document", name)
		}
	}
	return nil
}

// hasProperty tells whether a body of the operation has a field, however deep.
func hasProperty(op openapi.Operation, name string) bool {
	if op.Spec.RequestBody == nil {
		return false
	}
	seen := map[*openapi3.Schema]bool{}
	var within func(s *openapi3.Schema) bool
	within = func(s *openapi3.Schema) bool {
		if seen[s] {
			return false
		}
		seen[s] = true
		for key, property := range s.Properties {
			if key == name || within(property.Value) {
				return true
			}
		}
		parts := slices.Concat(s.AllOf, s.OneOf, s.AnyOf)
		if s.Items != nil {
			parts = append(parts, s.Items)
		}
		return slices.ContainsFunc(parts, func(ref *openapi3.SchemaRef) bool { return within(ref.Value) })
	}
	for _, media := range op.Spec.RequestBody.Value.Content {
		if media.Schema != nil && within(media.Schema.Value) {
			return true
		}
	}
	return false
}

// add adds a case.
func (d *deriver) add(group, name, rule string, expect expectation, r request) *Case {
	if r.description == "" {
		r.description = verdict.ReplaceAllString(name, "")
	}
	d.cases = append(d.cases, Case{Name: d.op.ID + "/" + group + "/" + name, Rule: rule, operation: d.op, request: r, expect: expect, fresh: d.fresh})
	return d.last()
}

// last is the case that was added last.
func (d *deriver) last() *Case { return &d.cases[len(d.cases)-1] }

// verdict is the end of a case's name, which says what must become of the request.
var verdict = regexp.MustCompile(`,? (is|are|gets|and not|does not) .*$`)

// at names a place of the document.
func (d *deriver) at(line int, what string) string {
	if line == 0 {
		return d.settings.documentName + " " + what
	}
	return fmt.Sprintf("%s:%d %s", d.settings.documentName, line, what)
}

// makeBase makes the valid request that the others are changes of.
func (d *deriver) makeBase() error {
	d.path = map[string]string{}
	d.base = request{method: d.op.Method, header: http.Header{}}
	query := url.Values{}
	for _, p := range d.op.EffectiveParameters() {
		if p.In != "path" && !p.Required {
			continue
		}
		value, err := d.exampleOf(p.Name, p.Schema, p.Example, p.Examples)
		if err != nil {
			return err
		}
		switch p.In {
		case "path":
			d.path[p.Name] = value
			if _, given := d.settings.fixtures[p.Name]; given {
				d.valid = acceptedOrUnknown
			}
		case "query":
			query.Set(p.Name, value)
		case "header":
			d.base.header.Set(p.Name, value)
		case "cookie":
			d.base.header.Add("Cookie", p.Name+"="+value)
		}
	}
	if d.op.Method == http.MethodDelete {
		// The second one finds nothing.
		d.valid = acceptedOrUnknown
	}
	d.base.path, d.base.values = d.expand(d.path), d.path
	d.base.query = query.Encode()
	if err := d.makeForm(); err != nil {
		return err
	}
	return d.makeJSON()
}

// exampleOf finds a valid value: a fixture, an example, a default, or one made from the schema.
func (d *deriver) exampleOf(name string, schema *openapi3.SchemaRef, example any, examples openapi3.Examples) (string, error) {
	if value, ok := d.settings.fixtures[name]; ok {
		return value, nil
	}
	if example != nil {
		return openapi.WireForm(example), nil
	}
	for _, key := range sortedKeys(examples) {
		return openapi.WireForm(examples[key].Value.Value), nil
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

var parameterName = regexp.MustCompile(`\{[^}]+\}`)

// expand fills in the path.
func (d *deriver) expand(values map[string]string) string {
	return parameterName.ReplaceAllStringFunc(d.op.Path, func(text string) string {
		return url.PathEscape(values[strings.Trim(text, "{}")])
	})
}

// withPath is the base with another value of a path's parameter.
func (d *deriver) withPath(name, value string) request {
	return d.base.with(func(r *request) {
		r.values[name] = value
		r.path, r.reason, r.subject = d.expand(r.values), badPath, name
	})
}

// fresh gives a request that may make something another value of the last parameter of its path, unless it is about that
// parameter or fixtures say what exists: a limit of one resource, such as 3 notifications for a challenge, is then not met.
func (d *deriver) fresh(q request) request {
	names := parameterName.FindAllString(d.op.Path, -1)
	if q.method != http.MethodPost || q.values == nil || len(names) == 0 || d.valid == acceptedOrUnknown {
		return q
	}
	last := strings.Trim(names[len(names)-1], "{}")
	for _, p := range d.op.Parameters {
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

// examples are the document's own.
func (d *deriver) examples() {
	d.add("examples", "a request without anything optional is accepted", d.at(openapi.Line(d.op.Spec.Origin), d.op.ID), accepted, d.base)
	if d.op.Spec.RequestBody == nil {
		return
	}
	content := d.op.Spec.RequestBody.Value.Content
	for _, mediaType := range sortedKeys(content) {
		media := content[mediaType]
		for _, key := range sortedKeys(media.Examples) {
			example := media.Examples[key].Value
			var r request
			switch {
			case mediaType == openapi.FormType:
				values, ok := example.Value.(map[string]any)
				if !ok {
					continue
				}
				var fields []field
				for _, name := range sortedKeys(values) {
					fields = append(fields, field{name, openapi.WireForm(values[name])})
				}
				r = d.withForm(fields)
			case isJSON(mediaType):
				r = d.withJSON(example.Value)
			default:
				continue
			}
			d.add("examples", fmt.Sprintf("the example %s is accepted", key), d.at(openapi.Line(example.Origin), "example "+key), accepted, r)
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
