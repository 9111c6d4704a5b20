package schema

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// Problem is one thing that keeps a value from its schema.
type Problem struct {
	// Place is the JSON pointer of what is wrong, within the value.
	Place string
	// Keyword is the keyword that it breaks.
	Keyword string
	// Text says what is wrong: "ttl is 301, and its maximum is 300".
	Text string
	// Format is the format that a text has not; empty for other problems.
	Format string
	// Schema is the document's; nil when it is not known.
	Schema *openapi3.Schema
}

// Valid tells whether a value keeps the schema.
func (s *Schema) Valid(v any) bool { return s.Validate(v) == nil }

// Check lists what keeps a value from the schema, by place.
func (s *Schema) Check(v any) []Problem {
	var list []Problem
	if failed, ok := errors.AsType[*jsonschema.ValidationError](s.Validate(v)); ok {
		s.collect(failed, v, &list)
	}
	slices.SortStableFunc(list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Keyword, b.Keyword))
	})
	return slices.CompactFunc(list, func(a, b Problem) bool { return a.Place == b.Place && a.Keyword == b.Keyword && a.Text == b.Text })
}

func (s *Schema) collect(e *jsonschema.ValidationError, root any, into *[]Problem) {
	if _, ok := e.ErrorKind.(*kind.AnyOf); ok && strings.Contains(e.SchemaURL, "?"+Discriminator+"=") {
		s.add(e, Discriminator, s.set.wrongAlternative(e, at(root, e.InstanceLocation)), into)
		return
	}
	switch k := e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		if only := plausible(e); only != nil {
			s.collect(only, root, into)
			return
		}
		keyword, fits := "anyOf", 0
		if one, ok := k.(*kind.OneOf); ok {
			keyword, fits = "oneOf", len(one.Subschemas)
		}
		of := max(len(e.Causes), fits)
		s.add(e, keyword, fmt.Sprintf("fits %d of %d alternatives", fits, of), into)
		return
	case *kind.Schema, *kind.Group, *kind.AllOf, *kind.Reference:
		for _, cause := range e.Causes {
			s.collect(cause, root, into)
		}
		return
	}
	if len(e.Causes) > 0 {
		for _, cause := range e.Causes {
			s.collect(cause, root, into)
		}
		return
	}
	if k, ok := e.ErrorKind.(*kind.Required); ok {
		for _, field := range k.Missing {
			*into = append(*into, Problem{Place: pointer(e), Keyword: "required", Text: fmt.Sprintf("the field %s is missing", field), Schema: s.set.node(e.SchemaURL)})
		}
		return
	}
	keyword, text := words(e.ErrorKind, at(root, e.InstanceLocation))
	s.add(e, keyword, text, into)
}

// plausible is the one alternative that a value of this type can be meant for; nil when it is not known.
func plausible(e *jsonschema.ValidationError) *jsonschema.ValidationError {
	meant := slices.DeleteFunc(slices.Clone(e.Causes), func(cause *jsonschema.ValidationError) bool { return isOtherType(cause, len(e.InstanceLocation)) })
	if len(meant) != 1 {
		return nil
	}
	return meant[0]
}

// isOtherType tells whether a value is of another type than an alternative wants.
func isOtherType(e *jsonschema.ValidationError, depth int) bool {
	if _, ok := e.ErrorKind.(*kind.Type); ok && len(e.InstanceLocation) == depth {
		return true
	}
	return slices.ContainsFunc(e.Causes, func(cause *jsonschema.ValidationError) bool { return isOtherType(cause, depth) })
}

func (s *Schema) add(e *jsonschema.ValidationError, keyword, text string, into *[]Problem) {
	name := strings.Join(e.InstanceLocation, ".")
	if name == "" {
		name = "the body"
	}
	p := Problem{Place: pointer(e), Keyword: keyword, Text: name + " " + text, Schema: s.set.node(e.SchemaURL)}
	if k, ok := e.ErrorKind.(*kind.Format); ok {
		p.Format = k.Want
	}
	*into = append(*into, p)
}

// pointer is the JSON pointer of an error.
func pointer(e *jsonschema.ValidationError) string {
	var place strings.Builder
	for _, part := range e.InstanceLocation {
		place.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(part))
	}
	return place.String()
}

// words says what is wrong.
func words(k jsonschema.ErrorKind, v any) (keyword, text string) {
	switch k := k.(type) {
	case *kind.Type:
		if v == nil {
			return "type", "is null, and must be " + strings.Join(k.Want, " or ")
		}
		return "type", fmt.Sprintf("is %s, and must be %s", Describe(v), strings.Join(k.Want, " or "))
	case *kind.Enum:
		return "enum", fmt.Sprintf("is %s, which is not listed", Describe(v))
	case *kind.Const:
		return "const", fmt.Sprintf("is %s, and must be %s", Describe(v), Describe(k.Want))
	case *kind.Format:
		return "format", fmt.Sprintf("is %s, which is no %s", strings.TrimPrefix(Describe(v), "the string "), k.Want)
	case *kind.Pattern:
		return "pattern", fmt.Sprintf("is %s, which does not match %s", strings.TrimPrefix(Describe(v), "the string "), k.Want)
	case *kind.MinLength:
		return "length", fmt.Sprintf("is %d characters long: %s", k.Got, strings.TrimPrefix(Describe(v), "the string "))
	case *kind.MaxLength:
		return "length", fmt.Sprintf("is %d characters long: %s", k.Got, strings.TrimPrefix(Describe(v), "the string "))
	case *kind.Minimum:
		return "minimum", fmt.Sprintf("is %s, and its minimum is %s", Describe(v), decimal(k.Want))
	case *kind.Maximum:
		return "maximum", fmt.Sprintf("is %s, and its maximum is %s", Describe(v), decimal(k.Want))
	case *kind.ExclusiveMinimum:
		return "exclusiveMinimum", fmt.Sprintf("is %s, and must be above %s", Describe(v), decimal(k.Want))
	case *kind.ExclusiveMaximum:
		return "exclusiveMaximum", fmt.Sprintf("is %s, and must be below %s", Describe(v), decimal(k.Want))
	case *kind.MultipleOf:
		return "multipleOf", fmt.Sprintf("is %s, which is no multiple of %s", Describe(v), decimal(k.Want))
	case *kind.MinItems:
		return "items", fmt.Sprintf("has %d items", k.Got)
	case *kind.MaxItems:
		return "items", fmt.Sprintf("has %d items", k.Got)
	case *kind.UniqueItems:
		return "uniqueItems", fmt.Sprintf("has the same item at %d and %d", k.Duplicates[0], k.Duplicates[1])
	case *kind.AdditionalProperties:
		return "properties", fmt.Sprintf("has the field %q, which is not declared", Cut(strings.Join(k.Properties, ", ")))
	case *kind.MinProperties:
		return "minProperties", fmt.Sprintf("has %d fields, and must have at least %d", k.Got, k.Want)
	case *kind.MaxProperties:
		return "maxProperties", fmt.Sprintf("has %d fields, and must have at most %d", k.Got, k.Want)
	case *kind.FalseSchema:
		return "false", "must not be there"
	case *kind.Not:
		return "not", "is what it must not be"
	}
	path := k.KeywordPath()
	if len(path) == 0 {
		return "schema", "is against its schema"
	}
	return path[0], "is against its " + path[0]
}

// at is the value at a place.
func at(v any, place []string) any {
	for _, part := range place {
		switch value := v.(type) {
		case map[string]any:
			v = value[part]
		case []any:
			var i int
			if _, err := fmt.Sscanf(part, "%d", &i); err != nil || i >= len(value) {
				return nil
			}
			v = value[i]
		default:
			return nil
		}
	}
	return v
}

// Describe names a value, at most 200 bytes of it.
func Describe(v any) string {
	switch value := v.(type) {
	case nil:
		return "null"
	case string:
		return fmt.Sprintf("the string %q", Cut(value))
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	case json.Number:
		return Cut(value.String())
	case float64:
		return decimal(new(big.Rat).SetFloat64(value))
	default:
		return Cut(fmt.Sprint(value))
	}
}

func decimal(n *big.Rat) string {
	if n == nil {
		return "no number"
	}
	if n.IsInt() {
		return n.Num().String()
	}
	return strings.TrimRight(n.FloatString(6), "0")
}

// Cut bounds what a message repeats to 200 bytes.
func Cut(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
