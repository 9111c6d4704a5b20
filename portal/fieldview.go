package portal

import (
	"strings"

	"github.com/nudgehq/nudge/internal/openapi"
)

// Auth is how the console authenticates: basic, bearer, or empty for not at all.
func (o *Operation) Auth() string { return o.auth }

// ForDevice tells whether the operation is for a device: it names a service and an identity.
func (o *Operation) ForDevice() bool {
	service, identity := false, false
	for _, p := range o.Parameters {
		service = service || p.In == "path" && p.Name == "ServiceSid"
		identity = identity || p.In == "path" && p.Name == "Identity"
	}
	return service && identity
}

// Sample is the value that a parameter's input starts with.
func (f *Field) Sample() string {
	if !f.Required {
		return ""
	}
	return f.example()
}

// Hint says in an empty input what may be written into it, and what it means to leave it empty.
func (f *Field) Hint() string {
	text := "left out"
	for _, fact := range f.Facts {
		if fact.Label == "Default" {
			text += ": " + fact.Value
		}
	}
	if f.schema == nil {
		return text
	}
	if rule, ok, err := openapi.Of(f.In, f.Name, f.schema); err == nil && ok {
		return rule.String() + "; " + text
	}
	return text
}

// Language is how examples of the body are marked in Markdown.
func (m *Media) Language() string {
	for _, name := range []string{"json", "xml", "yaml", "html"} {
		if strings.Contains(m.Type, name) {
			return name
		}
	}
	if m.Type == openapi.FormType {
		// The fields, not their encoding.
		return "json"
	}
	return "text"
}

// item is a field as an item of a Markdown list, some levels deep.
type item struct {
	Field *Field
	depth int
	label string
}

// Nested makes the field the item of a list.
func (f *Field) Nested() item { return item{Field: f} }

// AsParameter makes the field an item that says where the parameter stands.
func (f *Field) AsParameter() item { return item{Field: f, label: f.In + " "} }

// Bullet starts the item.
func (i item) Bullet() string { return spaces(i.depth) + "- " + i.label }

// Below starts the lines under the item.
func (i item) Below() string { return spaces(i.depth + 1) }

// Deeper is how deep the lines under the item stand.
func (i item) Deeper() int { return i.depth + 1 }

// Children are the items of the field's own fields.
func (i item) Children() []item {
	list := make([]item, len(i.Field.Fields))
	for k, f := range i.Field.Fields {
		list[k] = item{Field: f, depth: i.depth + 1}
	}
	return list
}

// spaces is the indentation of a Markdown list.
func spaces(depth int) string { return strings.Repeat("  ", depth) }
