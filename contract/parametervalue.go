package contract

import (
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/sample"
	"github.com/nudgehq/nudge/internal/serialize"
)

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
		d.add("values", p.Name, " is tried", d.at(openapi.At(p.Origin), p.Name), either, d.base).Skip = err.Error()
		return
	}
	asText := len(p.Content) == 0
	sent := map[string]bool{}
	for _, c := range append([]sample.Case{{What: "a valid value", Keyword: "schema", Value: func() any { return base }, Valid: true}}, sample.Cases(model, base, sample.Many)...) {
		value := c.Value()
		if asText {
			var clear bool
			if c.Valid, clear = asTexts(model, value, serialize.Readings); !clear || isSplit(p, base, value) {
				continue
			}
			if !c.Valid && !d.settings.strict && looksBoolean(model, value) {
				// A matter of taste.
				continue
			}
		}
		r := d.base.with(func(*request) {})
		if !d.setParameter(&r, p, value) {
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
