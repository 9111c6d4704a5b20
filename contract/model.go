package contract

import (
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/rule"
	"github.com/nudgehq/nudge/internal/sample"
	"github.com/nudgehq/nudge/internal/schema"
	"github.com/nudgehq/nudge/internal/serialize"
)

// given lists the values that the document gives for something: its example, or its examples.
func given(example any, examples openapi3.Examples) (values []any) {
	if example != nil {
		values = append(values, openapi.Plain(example))
	}
	for _, key := range sortedKeys(examples) {
		if ref := examples[key]; ref != nil && ref.Value != nil && ref.Value.Value != nil {
			values = append(values, openapi.Plain(ref.Value.Value))
		}
	}
	return values
}

// readRules keeps the rules that say all that a schema says; what has another one is tried by its schema.
func (d *deriver) readRules() {
	for _, p := range d.op.EffectiveParameters() {
		r, ok := ruleOf(p)
		if ok && p.In != "cookie" {
			d.rules = append(d.rules, r)
		}
		d.delimited[p.Name] = d.delimited[p.Name] || p.In == "path" && !ok
	}
	if d.op.FormSchema == nil {
		return
	}
	for _, name := range sortedKeys(d.op.FormSchema.Properties) {
		ref := d.op.FormSchema.Properties[name]
		if r, ok := openapi.WholeRule("body", name, ref); ok && !ref.Value.ReadOnly {
			d.fieldRules = append(d.fieldRules, r)
		}
	}
}

// ruleOf is the rule of a parameter; ok is false where its schema, or its style, says more.
func ruleOf(p *openapi3.Parameter) (rule.Rule, bool) {
	if (serialize.Written{Parameter: p}).IsDelimited() {
		return rule.Rule{}, false
	}
	return openapi.WholeRule(p.In, p.Name, p.Schema)
}

// model is the schema as values of requests are judged by; nil when it cannot be used.
func (d *deriver) model(ref *openapi3.SchemaRef) *schema.Schema {
	if ref == nil || ref.Value == nil {
		return nil
	}
	model, err := d.judge.Schemas.Of(ref.Value, schema.Request)
	if err != nil {
		return nil
	}
	return model
}

// asTexts tells whether one of the readings of a value that is written as text is valid, and whether all validators agree.
func asTexts(model *schema.Schema, value any, readings func(value any) []any) (valid, clear bool) {
	if hasEmpty(value) {
		return false, false
	}
	problems := model.Check(value)
	if len(problems) == 0 {
		return true, true
	}
	near := readings(value)
	if object, ok := value.(map[string]any); ok {
		if wrong := within(object, problems); wrong != nil && !sample.IsEntangled(model) {
			// However the other fields are read, these stay wrong.
			near = readings(wrong)
			for i, reading := range near {
				whole := maps.Clone(object)
				fields, _ := reading.(map[string]any)
				maps.Copy(whole, fields)
				near[i] = whole
			}
		}
	}
	if slices.ContainsFunc(near, model.Valid) {
		return true, true
	}
	// The first is the value itself, the others are near to it.
	return false, !slices.ContainsFunc(near[:min(len(near), 3)], func(reading any) bool {
		return !slices.ContainsFunc(model.Check(reading), sample.IsAsserted)
	})
}

// within are the fields of an object that have problems; nil where the object itself has one.
func within(object map[string]any, problems []schema.Problem) map[string]any {
	fields := map[string]any{}
	for _, p := range problems {
		name, _, _ := strings.Cut(strings.TrimPrefix(p.Place, "/"), "/")
		field, there := object[name]
		if !there || p.Place == "" {
			return nil
		}
		fields[name] = field
	}
	return fields
}

// looksBoolean tells whether a text is one that many programs read as a boolean, where a boolean is allowed.
func looksBoolean(model *schema.Schema, value any) bool {
	return looseBooleans[strings.ToLower(openapi.WireForm(value))] && (model.Valid(true) || model.Valid(false))
}

// hasEmpty tells whether a value has what no text says clearly: null, an empty text, list or object.
func hasEmpty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case string:
		return value == ""
	case []any:
		return len(value) == 0 || slices.ContainsFunc(value, hasEmpty)
	case map[string]any:
		for _, field := range value {
			if hasEmpty(field) {
				return true
			}
		}
		return len(value) == 0
	}
	return false
}

// schemaAt is the schema of a place, such as "tags[0].name", within another one; the nearest that is known.
func schemaAt(s *openapi3.Schema, place string) *openapi3.Schema {
	for _, name := range strings.FieldsFunc(place, func(c rune) bool { return c == '.' || c == '[' }) {
		ref := openapi.Property(s, name)
		if strings.HasSuffix(name, "]") {
			ref = openapi.Items(s)
		}
		if ref == nil || ref.Value == nil || ref.Value.Origin == nil {
			return s
		}
		s = ref.Value
	}
	return s
}

// ruleKeyword is the keyword that is told of a value which was made for another one: a text, as parameters are, has no other type,
// and a schema may not have the keyword.
func ruleKeyword(s *openapi3.Schema, keyword, in string) string {
	isText := in != "" && s.Type.Is("string")
	switch {
	case keyword == "propertyNames" && s.PropertyNames == nil:
		return "additionalProperties"
	case keyword == "prefixItems" && len(s.PrefixItems) == 0:
		return "items"
	case keyword == "oneOf" && len(s.OneOf) == 0:
		return "anyOf"
	case s.Format != "" && (keyword == "minLength" && s.MinLength == 0 || keyword == "maxLength" && s.MaxLength == nil || keyword == "type" && isText):
		return "format"
	case s.Pattern != "" && (keyword == "minLength" && s.MinLength == 0 || keyword == "type" && isText):
		return "pattern"
	}
	return keyword
}

// addSample adds the case of a value that was made.
func (d *deriver) addSample(name string, s *openapi3.Schema, c sample.Case, r request) {
	called := strings.TrimSuffix(strings.TrimPrefix(name+"."+c.Place, "."), ".")
	called = strings.ReplaceAll(called, ".[", "[")
	if called == "" {
		called = "the body"
	}
	description := called + " " + c.What + d.as
	r.description = description
	at := schemaAt(s, c.Place)
	keyword := ruleKeyword(at, c.Keyword, r.offender)
	line := d.at(openapi.AtField(at.Origin, keyword), strings.TrimSpace(called+" "+keyword))
	group := "values"
	if c.Keyword == "required" || c.Keyword == "type" {
		group = map[string]string{"required": "required", "type": "types"}[c.Keyword]
	}
	switch {
	case c.Odd:
		d.add(group, description, ", is accepted or refused", line, either, r)
	case c.Valid:
		d.add(group, description, ", is accepted", line, d.valid, r)
	default:
		d.add(group, description, ", is refused", line, refused, r)
	}
}
