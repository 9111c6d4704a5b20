package contract

import (
	"maps"
	"net/url"
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

// parameterSchema is a parameter's schema, or that of its content.
func parameterSchema(p *openapi3.Parameter) *openapi3.SchemaRef {
	return serialize.Written{Parameter: p}.Schema()
}

// parameterValue makes a value of a parameter that no rule describes.
func (d *deriver) parameterValue(p *openapi3.Parameter) (any, error) {
	model := d.model(parameterSchema(p))
	if model == nil {
		return "x", nil
	}
	for _, value := range given(p.Example, p.Examples) {
		if !model.Valid(value) {
			continue
		}
		if _, ok := serialize.Parameter(p, value); ok {
			return value, nil
		}
	}
	for _, all := range []bool{false, true} {
		value, err := sample.Make(model, all)
		if err != nil {
			return nil, err
		}
		for _, value := range []any{value, flat(value)} {
			if _, ok := serialize.Parameter(p, value); ok && model.Valid(value) {
				return value, nil
			}
		}
	}
	return nil, sample.ErrNone
}

// flat is an object without the fields that no style writes.
func flat(value any) any {
	object, ok := value.(map[string]any)
	if !ok {
		return value
	}
	scalars := map[string]any{}
	for name, field := range object {
		switch field.(type) {
		case []any, map[string]any, nil:
		default:
			scalars[name] = field
		}
	}
	return scalars
}

// setParameter puts a value of a parameter into a request. ok is false for what cannot be written, or would not arrive as it is.
func (d *deriver) setParameter(r *request, p *openapi3.Parameter, value any) (ok bool) {
	pairs, ok := serialize.Parameter(p, value)
	if !ok || len(pairs) == 0 {
		return false
	}
	switch text := pairs[0].Value; p.In {
	case "path":
		if !sendable("path", text) {
			return false
		}
		r.values[p.Name] = text
		r.path, r.reason, r.subject = d.expand(r.values), badPath, p.Name
	case "header":
		if text == "" || !sendable("header", text) {
			return false
		}
		r.header.Set(p.Name, text)
	case "cookie":
		return setCookie(r, pairs)
	case "query":
		r.query = joined(withoutParameter(r.query, p), serialize.Encode(pairs))
	}
	return true
}

// setCookie adds cookies to those of the request.
func setCookie(r *request, pairs []serialize.Pair) bool {
	var cookies []string
	for _, cookie := range strings.Split(r.header.Get("Cookie"), "; ") {
		name, _, _ := strings.Cut(cookie, "=")
		if cookie != "" && !slices.ContainsFunc(pairs, func(p serialize.Pair) bool { return p.Name == name }) {
			cookies = append(cookies, cookie)
		}
	}
	for _, p := range pairs {
		if strings.ContainsAny(p.Value, " ,;\"\\%") || !sendable("header", p.Value) {
			return false
		}
		cookies = append(cookies, p.Name+"="+p.Value)
	}
	r.header.Set("Cookie", strings.Join(cookies, "; "))
	return true
}

func joined(query, more string) string {
	if query == "" || more == "" {
		return query + more
	}
	return query + "&" + more
}

// withoutParameter leaves a parameter out of a query: the fields of an exploded object stand there under their own names.
func withoutParameter(query string, p *openapi3.Parameter) string {
	values, _ := url.ParseQuery(query)
	values.Del(p.Name)
	for name := range values {
		if p.Style == openapi3.SerializationDeepObject && strings.HasPrefix(name, p.Name+"[") {
			values.Del(name)
		}
	}
	if s := parameterSchema(p); s != nil && standsApart(p) {
		for name := range s.Value.Properties {
			values.Del(name)
		}
	}
	return encoded(values)
}

// withoutIt is the base without a parameter.
func (d *deriver) withoutIt(p *openapi3.Parameter) request {
	return d.base.with(func(r *request) {
		switch p.In {
		case "query":
			r.query = withoutParameter(r.query, p)
		case "header":
			r.header.Del(p.Name)
			if strings.EqualFold(p.Name, "User-Agent") {
				// Go would send its own.
				r.header.Set(p.Name, "")
			}
		case "cookie":
			r.header.Del("Cookie")
			for _, other := range d.op.EffectiveParameters() {
				if value, err := d.parameterValue(other); other.In == "cookie" && other.Name != p.Name && other.Required && err == nil {
					d.setParameter(r, other, value)
				}
			}
		}
	})
}

// byModel tries the values of a parameter that no rule describes.
func (d *deriver) byModel(p *openapi3.Parameter) {
	model := d.model(parameterSchema(p))
	if model == nil {
		return
	}
	base, err := d.parameterValue(p)
	if err != nil {
		d.add("values", p.Name+" is tried", d.at(openapi.At(p.Origin), p.Name), either, d.base).Skip = err.Error()
		return
	}
	asText := len(p.Content) == 0
	sent := map[string]bool{}
	for _, c := range append([]sample.Case{{What: "a valid value", Keyword: "schema", Value: base, Valid: true}}, sample.Cases(model, base, sample.Many)...) {
		if asText {
			var clear bool
			if c.Valid, clear = asTexts(model, c.Value, serialize.Readings); !clear || isSplit(p, base, c.Value) {
				continue
			}
			if !c.Valid && !d.settings.strict && looksBoolean(model, c.Value) {
				// A matter of taste.
				continue
			}
		}
		r := d.base.with(func(*request) {})
		if !d.setParameter(&r, p, c.Value) {
			continue
		}
		wire := r.path + "?" + r.query + "\n" + r.header.Get(p.Name) + r.header.Get("Cookie")
		if sent[wire] {
			continue
		}
		sent[wire] = true
		r.subject = p.Name
		if !c.Valid {
			r.offender = p.In
		}
		d.addSample(p.Name, parameterSchema(p).Value, c, r)
	}
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

// mayBeNothing tells whether a parameter that is left out is an empty object, which its schema allows.
func (d *deriver) mayBeNothing(p *openapi3.Parameter) bool {
	model := d.model(parameterSchema(p))
	return (standsApart(p) || p.Style == "deepObject") && model != nil && model.Valid(map[string]any{})
}

func standsApart(p *openapi3.Parameter) bool { return serialize.Written{Parameter: p}.StandsApart() }

// isSplit tells whether the value of a parameter is an object of which not all arrives by its name: a server cannot tell a field
// that the schema does not name from another parameter, nor something else than an object from nothing.
func isSplit(p *openapi3.Parameter, base, value any) bool {
	if _, ok := base.(map[string]any); !ok || !standsApart(p) {
		return false
	}
	object, ok := value.(map[string]any)
	if !ok {
		return true
	}
	for name := range object {
		if p.Schema.Value.Properties[name] == nil {
			return true
		}
	}
	return false
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
		d.add(group, description+", is accepted or refused", line, either, r)
	case c.Valid:
		d.add(group, description+", is accepted", line, d.valid, r)
	default:
		d.add(group, description+", is refused", line, refused, r)
	}
}
