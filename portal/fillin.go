package portal

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/serialize"
)

// fillIn takes values from the examples of the document.
func (c *call) fillIn() {
	values := map[string]*Field{}
	query := url.Values{}
	for _, p := range c.Operation.Parameters {
		if p.In == "path" {
			values[p.Name] = p
		}
		c.hasParams = c.hasParams || p.In == "query" || p.In == "header"
	}
	c.addParameters(query)
	c.Query = query.Encode()
	c.Path = pathParameter.ReplaceAllStringFunc(c.Operation.Path, func(text string) string {
		name := strings.Trim(text, "{}")
		field := values[name]
		if field == nil {
			return text
		}
		value := field.written()[0].Value
		c.PathArguments = append(c.PathArguments, argument{Name: name, Value: value, Literal: literal(field.Type, value)})
		return url.PathEscape(value)
	})
	if c.Operation.Body == nil || len(c.Operation.Body.Content) == 0 {
		return
	}
	media := c.media()
	c.ContentType = media.Type
	if c.Body = media.made; len(media.Examples) > 0 {
		c.Body = media.Examples[0].Value
	}
	if media.Type == openapi.FormType {
		c.addForm(media)
	}
}

// addParameters adds the parameters that an operation cannot do without, and its keys.
func (c *call) addParameters(query url.Values) {
	var cookies []string
	for _, p := range c.Operation.Parameters {
		for _, pair := range p.written() {
			switch {
			case !p.Required:
			case p.In == "query":
				query.Add(pair.Name, pair.Value)
			case p.In == "header":
				c.Headers = append(c.Headers, argument{Name: p.Name, Value: pair.Value})
			case p.In == "cookie":
				cookies = append(cookies, pair.Name+"="+pair.Value)
			}
		}
	}
	for _, key := range c.Operation.keys {
		switch key.In {
		case "query":
			query.Set(key.Name, "API_KEY")
		case "cookie":
			cookies = append(cookies, key.Name+"=API_KEY")
		}
	}
	if len(cookies) > 0 {
		c.Headers = append(c.Headers, argument{Name: "Cookie", Value: strings.Join(cookies, "; ")})
	}
}

// addForm adds the fields of a form, of its example or as they have to be.
func (c *call) addForm(media *Media) {
	var fields map[string]any
	if err := json.Unmarshal([]byte(c.Body), &fields); err != nil {
		fields = nil
	}
	var encoded []string
	for _, f := range media.Schema.Fields {
		value, given := fields[f.Name]
		if !given && !f.Required {
			continue
		}
		if !given {
			value = f.example()
		}
		for _, pair := range media.formPairs(f.Name, value) {
			c.Form = append(c.Form, argument{Name: pair.Name, Value: pair.Value, Literal: literal(f.Type, pair.Value)})
			encoded = append(encoded, url.QueryEscape(pair.Name)+"="+url.QueryEscape(pair.Value))
		}
	}
	c.Body = strings.Join(encoded, "&")
}

// media is the body that the sample sends: the first one that there is something to send of.
func (c *call) media() *Media {
	content := c.Operation.Body.Content
	for _, media := range content {
		if len(media.Examples) > 0 || media.made != "" {
			return media
		}
	}
	return content[0]
}

// written is the parameter's value on the wire.
func (f *Field) written() []serialize.Pair {
	if len(f.pairs) > 0 {
		return f.pairs
	}
	return []serialize.Pair{{Name: f.Name, Value: f.example()}}
}

// repeated is a name of a form with its values.
type repeated struct {
	Name   string
	Values []string
}

// Fields are the fields of the form, each name once.
func (c call) Fields() (fields []repeated) {
	for _, a := range c.Form {
		at := slices.IndexFunc(fields, func(f repeated) bool { return f.Name == a.Name })
		if at < 0 {
			at = len(fields)
			fields = append(fields, repeated{Name: a.Name})
		}
		fields[at].Values = append(fields[at].Values, a.Value)
	}
	return fields
}
