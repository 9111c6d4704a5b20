package conform

import (
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/schema"
	"github.com/nudgehq/nudge/internal/serialize"
)

// value wants a value to keep its schema.
func (c *collector) value(s *openapi3.Schema, v any) {
	judge, err := c.document.Schemas.Of(s, c.direction)
	if err != nil {
		// Nothing can be said by it.
		return
	}
	for _, p := range judge.Check(v) {
		c.add(Body, "body#"+folded(p.Place)+" "+p.Keyword, "%s", p.Text).of(p)
	}
}

// folded is a place without the numbers of items: what is wrong with one is mostly wrong with all.
func folded(place string) string { return index.ReplaceAllString(place, "/[]") }

var index = regexp.MustCompile(`/[0-9]+\b`)

// text wants a text to keep its schema, as one of what it can be read as.
func (c *collector) text(s *openapi3.Schema, text string) {
	for _, p := range c.problems(s, c.typed(s, text)) {
		c.add(Body, "body "+p.Keyword, "%s", p.Text).of(p)
	}
}

// header wants a header's value to keep its schema, or that of its content.
func (c *collector) header(name string, declared *openapi3.Header, text string) {
	var problems []schema.Problem
	switch {
	case declared.Schema != nil && declared.Schema.Value != nil:
		p := serialize.Written{Parameter: &openapi3.Parameter{Name: name, In: "header", Schema: declared.Schema, Explode: declared.Explode}}
		value, _ := p.Read(nil, []string{text})
		problems = c.problems(declared.Schema.Value, c.typed(declared.Schema.Value, value))
	case len(declared.Content) > 0:
		media := openapi.Media(declared.Content, "application/json")
		if media == nil || media.Schema == nil {
			return
		}
		value, err := parseJSON([]byte(text))
		if err != nil {
			c.add(Header, "header "+name, "the header %s is not one JSON value: %v", name, err)
			return
		}
		judge, err := c.document.Schemas.Of(media.Schema.Value, c.direction)
		if err != nil {
			return
		}
		problems = judge.Check(plain(value))
	}
	for _, p := range problems {
		c.add(Header, "header "+name, "the header %s %s", name, strings.TrimPrefix(p.Text, "the body ")).of(p)
	}
}

// placeName is how messages call a place.
func placeName(pointer string) string {
	name := strings.TrimPrefix(strings.ReplaceAll(pointer, "/", "."), ".")
	if name == "" {
		return "the body"
	}
	return name
}

// plain is a value as encoding/json has it.
func plain(v any) any {
	switch value := v.(type) {
	case *object:
		fields := make(map[string]any, len(value.keys))
		for key, field := range value.values {
			fields[key] = plain(field)
		}
		return fields
	case []any:
		list := make([]any, len(value))
		for i, item := range value {
			list[i] = plain(item)
		}
		return list
	}
	return v
}

// maxSchemaDepth bounds how deep a value is judged.
const maxSchemaDepth = 50

// strictly wants more than the schema says: no field that it does not name, unless it allows others, and an integer that is
// written as one.
func (c *collector) strictly(path string, s *openapi3.Schema, v any) {
	if strings.Count(path, "/") > maxSchemaDepth {
		return
	}
	for _, part := range s.AllOf {
		c.part(path, part.Value, v)
	}
	switch value := v.(type) {
	case json.Number:
		if s.Type.Is("integer") {
			c.integer(path, value)
		}
	case []any:
		for i, item := range value {
			if s.Items != nil {
				c.strictly(fmt.Sprintf("%s/%d", path, i), s.Items.Value, item)
			}
		}
	case *object:
		c.fields(path, s, value)
	}
}

// part judges one part of an allOf: what the other parts name is not undeclared.
func (c *collector) part(path string, part *openapi3.Schema, v any) {
	open := *part
	if open.AdditionalProperties.Has == nil && open.AdditionalProperties.Schema == nil {
		open.AdditionalProperties.Has = new(true)
	}
	c.strictly(path, &open, v)
}

var writtenAsInteger = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

func (c *collector) integer(path string, n json.Number) {
	text := n.String()
	if _, err := strconv.ParseInt(text, 10, 64); err == nil {
		return
	}
	if r, ok := schema.Number(n); ok && r.IsInt() && !writtenAsInteger.MatchString(text) {
		c.add(Body, "body#"+folded(path)+" type", "%s is %s, and must be written as an integer", placeName(path), schema.Cut(text)).differs(text, "an integer")
		return
	}
	c.add(Body, "body#"+folded(path)+" type", "%s is %s, which no integer of 64 bits holds", placeName(path), schema.Cut(text)).differs(text, "an integer of 64 bits")
}

func (c *collector) fields(path string, s *openapi3.Schema, o *object) {
	declared := map[string]*openapi3.Schema{}
	gather(s, declared, 0)
	allowsOthers := s.AdditionalProperties.Has != nil || s.AdditionalProperties.Schema != nil || len(s.OneOf)+len(s.AnyOf)+len(s.PatternProperties) > 0 || len(declared) == 0
	for _, key := range o.keys {
		property, ok := declared[key]
		switch {
		case ok && s.Properties[key] != nil:
			c.strictly(path+"/"+key, property, o.values[key])
		case ok, allowsOthers:
			// Judged with the part that names it, or allowed, or refused by the schema itself.
		default:
			c.add(Body, "body#"+folded(path)+" properties", "%s has the field %q, which is not declared", placeName(path), schema.Cut(key))
		}
	}
}

// gather collects the properties of a schema and of its parts.
func gather(s *openapi3.Schema, into map[string]*openapi3.Schema, depth int) {
	if depth > maxSchemaDepth {
		return
	}
	for name, property := range s.Properties {
		into[name] = property.Value
	}
	for _, part := range s.AllOf {
		gather(part.Value, into, depth+1)
	}
}

// rational reads a number that stands in a text.
func rational(text string) (*big.Rat, bool) { return schema.Number(json.Number(text)) }
