package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/conform"
	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/rule"
	"github.com/nudgehq/nudge/internal/serialize"
)

// deriver makes the cases of one operation.
type deriver struct {
	settings *settings
	judge    *conform.Document
	op       *conform.Operation
	cases    []Case
	added    *Case
	// makes is what the operation makes; nil when it makes nothing that is known.
	makes *maker
	// oneLine tells that the lines of the document say nothing.
	oneLine bool
	// delimited are the parameters of the path whose separators stand there as they are.
	delimited map[string]bool
	// rules are those of the parameters that a rule describes wholly, fieldRules those of the form's fields.
	rules, fieldRules []rule.Rule
	// body is how bodies are made; nil where the operation takes none, or none can be made.
	body *body
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
	oneLine := bytes.Count(s.document, []byte("\n")) < 2
	wanted := literalPrefix(s.only)
	for _, op := range j.Operations {
		if name := op.ID + "/"; !strings.HasPrefix(name, wanted) && !strings.HasPrefix(wanted, name) {
			continue
		}
		d := &deriver{settings: s, judge: j, op: op, oneLine: oneLine, delimited: map[string]bool{}, makes: makerOf(j, op)}
		d.readRules()
		if err := d.makeBase(); err != nil {
			all = append(all, Case{Name: op.ID + "/examples/a request without anything optional is accepted", operation: op, skip: err.Error() + "; give an example or a fixture"})
			continue
		}
		d.life()
		d.examples()
		d.parameters()
		d.form()
		d.bodyValues()
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
	inOrder(all)
	return slices.DeleteFunc(all, func(c Case) bool {
		twice := seen[c.Name]
		seen[c.Name] = true
		return twice || s.only != nil && !s.only.MatchString(c.Name)
	}), nil
}

// literalPrefix is what each name of the cases that are wanted begins with: others need not be derived.
func literalPrefix(only *regexp.Regexp) string {
	if only == nil || !strings.HasPrefix(only.String(), "^") {
		return ""
	}
	rest, err := regexp.Compile(strings.TrimPrefix(only.String(), "^"))
	if err != nil {
		return ""
	}
	prefix, _ := rest.LiteralPrefix()
	return prefix
}

// checkFixtures wants every fixture to be a valid value of something that the document has.
func checkFixtures(s *settings, j *conform.Document) error {
	for _, name := range sortedKeys(s.fixtures) {
		known := false
		for _, op := range j.Operations {
			for _, r := range slices.Concat(op.Parameters, op.Form) {
				if r.Name != name && op.ID+"."+r.Name != name {
					continue
				}
				if known = true; !strings.Contains(name, ".") && !allowedSomewhere(j, name, s.fixtures[name]) {
					return fmt.Errorf("the fixture %s must be %s", name, r)
				}
			}
			bare := strings.TrimPrefix(name, op.ID+".")
			known = known || hasProperty(op.Operation, bare) || slices.ContainsFunc(op.EffectiveParameters(), func(p *openapi3.Parameter) bool { return p.Name == bare })
		}
		if !known {
			return fmt.Errorf("the fixture %q is no parameter and no field of the document", name)
		}
	}
	return nil
}

// allowedSomewhere tells whether a value is right for one of the parameters or fields of a name.
func allowedSomewhere(j *conform.Document, name, value string) bool {
	for _, op := range j.Operations {
		for _, r := range slices.Concat(op.Parameters, op.Form) {
			if r.Name == name && r.Allows(value) {
				return true
			}
		}
	}
	return false
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
		if media != nil && media.Schema != nil && within(media.Schema.Value) {
			return true
		}
	}
	return false
}

// add adds a case, unless it is one of the strict rules where these are off.
func (d *deriver) add(group, name, rule string, expect expectation, r request) *Case {
	if !d.settings.strict && strictGroups[group] {
		d.added = &Case{}
		return d.added
	}
	if r.description == "" {
		r.description = verdict.ReplaceAllString(name, "")
	}
	d.cases = append(d.cases, Case{Name: d.op.ID + "/" + group + "/" + name, Rule: rule, operation: d.op, request: r, expect: expect, fresh: d.fresh, makes: d.makes})
	d.added = &d.cases[len(d.cases)-1]
	return d.added
}

// last is the case that was added last, if it was.
func (d *deriver) last() *Case { return d.added }

// verdict is the end of a case's name, which says what must become of the request.
var verdict = regexp.MustCompile(`,? (is|are|gets|and not|does not) .*$`)

// at names a place of the document.
func (d *deriver) at(line int, what string) string {
	if d.oneLine {
		// All stands in one line.
		return fmt.Sprintf("%s#/paths/%s/%s %s", d.settings.documentName, strings.NewReplacer("~", "~0", "/", "~1").Replace(d.op.Path), strings.ToLower(d.op.Method), what)
	}
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
	d.base.values = d.path
	var others []*openapi3.Parameter
	for _, p := range parametersOf(d.op.Operation) {
		if p.In != "path" && !p.Required {
			continue
		}
		_, fixed := d.fixture(p.Name)
		if _, simple := wholeRule(p.In, p.Name, p.Schema); !simple && !fixed {
			others = append(others, p)
			continue
		}
		value, err := d.exampleOf(p.Name, p.Schema, p.Example, p.Examples)
		if err != nil {
			return err
		}
		switch p.In {
		case "path":
			d.path[p.Name] = value
			if fixed {
				d.valid = acceptedOrUnknown
			}
		case "query":
			query.Set(p.Name, value)
		case "header":
			d.base.header.Set(p.Name, value)
		case "cookie":
			setCookie(&d.base, []serialize.Pair{{Name: p.Name, Value: value}})
		}
	}
	if d.op.Method == http.MethodDelete {
		// The second one finds nothing.
		d.valid = acceptedOrUnknown
	}
	d.base.query = query.Encode()
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
	var err error
	if d.body, err = d.chooseBody(); err != nil {
		if d.op.Spec.RequestBody.Value.Required {
			return err
		}
		return nil
	}
	return d.makeBody()
}

// makeBody puts a valid body into the base, where one is required.
func (d *deriver) makeBody() error {
	if d.body == nil {
		return nil
	}
	required := d.op.Spec.RequestBody.Value.Required
	if d.body.mediaType == openapi.FormType && len(d.fieldRules) == len(d.op.FormSchema.Properties) && len(d.op.FormSchema.AllOf) == 0 {
		return d.makeForm()
	}
	value, err := d.body.sample(false)
	if err != nil {
		if required {
			return fmt.Errorf("the body: %w", err)
		}
		d.body = nil
		return nil
	}
	d.document = d.withFixtures(value)
	r, ok := d.withBodyOf(d.document)
	switch {
	case !ok && required:
		return fmt.Errorf("the body: %w", errNoValue)
	case !ok:
		d.body = nil
		return nil
	case required:
		d.base = r
	}
	if d.body.mediaType == openapi.FormType {
		pairs, _ := pairsOf(d.body.media, d.document)
		for _, p := range pairs {
			d.fields = append(d.fields, field{p.Name, p.Value})
		}
	}
	return nil
}

// fixture is the value that a parameter or a field must have: of this operation, or of all.
func (d *deriver) fixture(name string) (string, bool) {
	if value, ok := d.settings.fixtures[d.op.ID+"."+name]; ok {
		return value, true
	}
	value, ok := d.settings.fixtures[name]
	return value, ok && d.mayBe(name, value)
}

// mayBe tells whether a value is right for what has this name here: another operation may have another parameter of the name.
func (d *deriver) mayBe(name, value string) bool {
	for _, p := range d.op.EffectiveParameters() {
		if p.Name != name {
			continue
		}
		if model := d.model(p.Schema); model != nil {
			return slices.ContainsFunc(serialize.Readings(value), model.Valid)
		}
	}
	return true
}

// withFixtures puts fixtures into the fields of a body that have their names.
func (d *deriver) withFixtures(value any) any {
	switch value := value.(type) {
	case map[string]any:
		changed := map[string]any{}
		for name, field := range value {
			changed[name] = d.withFixtures(field)
			if text, ok := d.fixture(name); ok {
				changed[name] = text
				if _, isText := field.(string); !isText && json.Valid([]byte(text)) {
					changed[name] = json.RawMessage(text)
				}
			}
		}
		return changed
	case []any:
		list := make([]any, len(value))
		for i, item := range value {
			list[i] = d.withFixtures(item)
		}
		return list
	}
	return value
}

// exampleOf finds a valid value: a fixture, an example, a default, or one made from the schema.
func (d *deriver) exampleOf(name string, schema *openapi3.SchemaRef, example any, examples openapi3.Examples) (string, error) {
	if value, ok := d.fixture(name); ok {
		return value, nil
	}
	model := d.model(schema)
	given := []any{example}
	for _, key := range sortedKeys(examples) {
		given = append(given, examples[key].Value.Value)
	}
	for _, value := range given {
		// An example that its schema does not allow is not sent.
		if value != nil && (model == nil || model.Valid(value)) {
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

var parameterName = regexp.MustCompile(`\{[^}]+\}`)

// expand fills in the path.
func (d *deriver) expand(values map[string]string) string {
	return parameterName.ReplaceAllStringFunc(d.op.Path, func(text string) string {
		name := strings.Trim(text, "{}")
		escaped := url.PathEscape(values[name])
		if d.delimited[name] {
			// The separators of lists and of the styles label and matrix.
			escaped = strings.NewReplacer("%2C", ",", "%3B", ";", "%3D", "=").Replace(escaped)
		}
		return escaped
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

// examples are the document's own.
func (d *deriver) examples() {
	d.add("examples", "a request without anything optional is accepted", d.at(openapi.Line(d.op.Spec.Origin), d.op.ID), accepted, d.base)
	if d.op.Spec.RequestBody == nil {
		return
	}
	content := d.op.Spec.RequestBody.Value.Content
	for _, mediaType := range sortedKeys(content) {
		media := content[mediaType]
		if media == nil {
			continue
		}
		model := d.model(media.Schema)
		for _, key := range sortedKeys(media.Examples) {
			example := media.Examples[key].Value
			var r request
			if model != nil && !model.Valid(written(example.Value)) {
				continue
			}
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
				r = d.withJSON(mediaType, written(example.Value))
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
