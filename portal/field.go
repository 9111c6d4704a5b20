package portal

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
)

// field describes a value by its schema. parents are the schemas that it stands in, so that one that contains itself ends.
func (r reader) field(id, name string, ref *openapi3.SchemaRef, parents []*openapi3.Schema) *Field {
	f := &Field{ID: r.id(id), Name: name, Type: "any"}
	id = f.ID
	if ref == nil {
		return f
	}
	s := ref.Value
	f.schema, f.Type, f.Description, f.Deprecated = s, typeOf(s), s.Description, s.Deprecated
	f.Facts = factsOf(s)
	if slices.Contains(parents, s) || len(parents) > r.depth {
		if len(s.Properties)+len(s.AllOf)+len(s.OneOf)+len(s.AnyOf) > 0 || s.Items != nil {
			f.Facts = append(f.Facts, Fact{"Contains", r.whereElse(ref, parents)})
		}
		return f
	}
	parents = append(slices.Clone(parents), s)
	f.Fields = r.properties(id, s, parents)
	if s.Items != nil {
		items := r.field(id+"-items", "items", s.Items, parents)
		f.Fields = append(f.Fields, items)
	}
	for _, part := range s.AllOf {
		// All parts are the one value: what they have and need is its own.
		whole := r.field(id+"-all", "", part, parents)
		for _, property := range whole.Fields {
			property.Required = property.Required || slices.Contains(s.Required, property.Name)
		}
		f.Fields = append(f.Fields, whole.Fields...)
		f.Facts = append(f.Facts, whole.Facts...)
		f.Description = strings.TrimSpace(f.Description + "\n\n" + whole.Description)
	}
	for i, choice := range s.OneOf {
		f.Fields = append(f.Fields, r.field(fmt.Sprintf("%s-one-%d", id, i+1), fmt.Sprintf("one of, %d", i+1), choice, parents))
	}
	for i, choice := range s.AnyOf {
		f.Fields = append(f.Fields, r.field(fmt.Sprintf("%s-any-%d", id, i+1), fmt.Sprintf("any of, %d", i+1), choice, parents))
	}
	return f
}

func (r reader) properties(id string, s *openapi3.Schema, parents []*openapi3.Schema) []*Field {
	var fields []*Field
	for _, name := range inOrder(s.Properties, func(p *openapi3.SchemaRef) *openapi3.Origin { return p.Origin }) {
		property := r.field(id+"-"+name, name, s.Properties[name], parents)
		property.Required = slices.Contains(s.Required, name)
		fields = append(fields, property)
	}
	return fields
}

// typeOf names a schema's type as readers know it: "string | null", "string(date-time)", "array of integer".
func typeOf(s *openapi3.Schema) string {
	var names []string
	for _, t := range s.Type.Slice() {
		switch {
		case t == "array" && s.Items != nil && s.Items.Value.Items == nil:
			t = "array of " + typeOf(s.Items.Value)
		case s.Format != "":
			t += "(" + s.Format + ")"
		}
		names = append(names, t)
	}
	switch {
	case len(names) > 0:
	case len(s.Properties) > 0 || len(s.AllOf) > 0:
		names = append(names, "object")
	default:
		names = append(names, "any")
	}
	if s.Nullable {
		names = append(names, "null")
	}
	return strings.Join(names, " | ")
}

// factsOf lists what a schema says of its value.
func factsOf(s *openapi3.Schema) []Fact {
	var facts []Fact
	add := func(label, value string) { facts = append(facts, Fact{label, value}) }
	if s.MinLength > 0 {
		add("Minimum length", strconv.FormatUint(s.MinLength, 10))
	}
	if s.MaxLength != nil {
		add("Maximum length", strconv.FormatUint(*s.MaxLength, 10))
	}
	if s.Pattern != "" {
		add("Pattern", s.Pattern)
	}
	if s.Min != nil {
		add(either(s.ExclusiveMin.IsTrue(), "Above", "Minimum"), scalar(*s.Min))
	}
	if s.Max != nil {
		add(either(s.ExclusiveMax.IsTrue(), "Below", "Maximum"), scalar(*s.Max))
	}
	if s.ExclusiveMin.Value != nil {
		add("Above", scalar(*s.ExclusiveMin.Value))
	}
	if s.ExclusiveMax.Value != nil {
		add("Below", scalar(*s.ExclusiveMax.Value))
	}
	if s.MultipleOf != nil {
		add("Multiple of", scalar(*s.MultipleOf))
	}
	if len(s.Enum) > 0 {
		values := make([]string, len(s.Enum))
		for i, value := range s.Enum {
			values[i] = scalar(value)
		}
		add("Allowed values", strings.Join(values, ", "))
	}
	if s.Const != nil {
		add("Allowed values", scalar(s.Const))
	}
	if s.MinItems > 0 {
		add("Minimum items", strconv.FormatUint(s.MinItems, 10))
	}
	if s.MaxItems != nil {
		add("Maximum items", strconv.FormatUint(*s.MaxItems, 10))
	}
	if s.UniqueItems {
		add("Items", "each only once")
	}
	if s.MinProps > 0 {
		add("Minimum properties", strconv.FormatUint(s.MinProps, 10))
	}
	if s.MaxProps != nil {
		add("Maximum properties", strconv.FormatUint(*s.MaxProps, 10))
	}
	if has := s.AdditionalProperties.Has; has != nil && !*has {
		add("Other fields", "refused")
	}
	if other := s.AdditionalProperties.Schema; other != nil {
		add("Other fields", typeOf(other.Value))
	}
	if s.ReadOnly {
		add("Access", "read only")
	}
	if s.WriteOnly {
		add("Access", "write only")
	}
	if s.Default != nil {
		add("Default", scalar(s.Default))
	}
	if s.Example != nil {
		add("Example", scalar(s.Example))
	}
	return facts
}

func either(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}

// scalar writes a value of the document as it would stand on the wire; what is no scalar, as JSON.
func scalar(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case map[string]any, []any:
		text, err := indented(value)
		if err != nil {
			return fmt.Sprint(value)
		}
		return text
	}
	return openapi.WireForm(value)
}

// example is a value that the field takes.
func (f *Field) example() string {
	found := ""
	for _, fact := range slices.Backward(f.Facts) {
		if strings.HasPrefix(fact.Label, "Example") || fact.Label == "Default" && found == "" {
			found = fact.Value
		}
	}
	if found == "" && f.schema != nil {
		switch {
		case len(f.schema.Enum) > 0:
			found = scalar(f.schema.Enum[0])
		case f.schema.Min != nil:
			found = scalar(*f.schema.Min)
		case f.schema.Type.Is("integer") || f.schema.Type.Is("number"):
			found = "1"
		case f.schema.Type.Is("boolean"):
			found = "true"
		}
	}
	return cmp.Or(found, f.Name)
}
