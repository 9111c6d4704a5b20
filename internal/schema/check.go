package schema

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
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
	// Got is what is there, and Want what must be: "301", "300" for a maximum. Empty where that is no one thing.
	Got, Want string
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
		s.add(e, Problem{Keyword: Discriminator, Text: s.set.wrongAlternative(e, at(root, e.InstanceLocation))}, into)
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
		s.add(e, Problem{Keyword: keyword, Text: fmt.Sprintf("fits %d of %d alternatives", fits, of)}, into)
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
			*into = append(*into, Problem{Place: pointer(e), Keyword: "required", Want: field, Text: fmt.Sprintf("the field %s is missing", field), Schema: s.set.node(e.SchemaURL)})
		}
		return
	}
	s.add(e, words(e.ErrorKind, at(root, e.InstanceLocation)), into)
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

// add completes a problem whose text lacks the name of its place.
func (s *Schema) add(e *jsonschema.ValidationError, p Problem, into *[]Problem) {
	name := strings.Join(e.InstanceLocation, ".")
	if name == "" {
		name = "the body"
	}
	p.Place, p.Text, p.Schema = pointer(e), name+" "+p.Text, s.set.node(e.SchemaURL)
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

// words says what is wrong with a value.
func words(k jsonschema.ErrorKind, v any) Problem {
	got := Describe(v)
	text := strings.TrimPrefix(got, "the string ")
	switch k := k.(type) {
	case *kind.Type:
		return differs("type", got, strings.Join(k.Want, " or "), "is %s, and must be %s")
	case *kind.Enum:
		return Problem{Keyword: "enum", Got: text, Want: choices(k.Want), Text: "is " + got + ", which is not listed"}
	case *kind.Const:
		return differs("const", got, Describe(k.Want), "is %s, and must be %s")
	case *kind.Format:
		return differs("format", text, k.Want, "is %s, which is no %s")
	case *kind.Pattern:
		return differs("pattern", text, k.Want, "is %s, which does not match %s")
	case *kind.MinLength:
		return differs("length", strconv.Itoa(k.Got), atLeast(k.Want), "is %[1]s characters long: "+escaped(text))
	case *kind.MaxLength:
		return differs("length", strconv.Itoa(k.Got), atMost(k.Want), "is %[1]s characters long: "+escaped(text))
	case *kind.Minimum:
		return differs("minimum", got, decimal(k.Want), "is %s, and its minimum is %s")
	case *kind.Maximum:
		return differs("maximum", got, decimal(k.Want), "is %s, and its maximum is %s")
	case *kind.ExclusiveMinimum:
		return differs("exclusiveMinimum", got, decimal(k.Want), "is %s, and must be above %s")
	case *kind.ExclusiveMaximum:
		return differs("exclusiveMaximum", got, decimal(k.Want), "is %s, and must be below %s")
	case *kind.MultipleOf:
		return differs("multipleOf", got, decimal(k.Want), "is %s, which is no multiple of %s")
	case *kind.MinItems:
		return differs("items", strconv.Itoa(k.Got), atLeast(k.Want), "has %[1]s items")
	case *kind.MaxItems:
		return differs("items", strconv.Itoa(k.Got), atMost(k.Want), "has %[1]s items")
	case *kind.UniqueItems:
		return Problem{Keyword: "uniqueItems", Text: fmt.Sprintf("has the same item at %d and %d", k.Duplicates[0], k.Duplicates[1])}
	case *kind.AdditionalProperties:
		return differs("properties", strconv.Quote(Cut(strings.Join(k.Properties, ", "))), "", "has the field %[1]s, which is not declared")
	case *kind.MinProperties:
		return differs("minProperties", strconv.Itoa(k.Got), atLeast(k.Want), "has %s fields, and must have %s")
	case *kind.MaxProperties:
		return differs("maxProperties", strconv.Itoa(k.Got), atMost(k.Want), "has %s fields, and must have %s")
	case *kind.FalseSchema:
		return Problem{Keyword: "false", Got: got, Text: "must not be there"}
	case *kind.Not:
		return Problem{Keyword: "not", Got: got, Text: "is what it must not be"}
	}
	keyword := "schema"
	if path := k.KeywordPath(); len(path) > 0 {
		keyword = path[0]
	}
	return Problem{Keyword: keyword, Got: got, Text: "is against its " + keyword}
}

// differs is a problem whose text is made of what is there and what must be.
func differs(keyword, got, want, format string) Problem {
	return Problem{Keyword: keyword, Got: got, Want: want, Text: fmt.Sprintf(format, got, want)}
}

func atLeast(n int) string { return fmt.Sprintf("at least %d", n) }

func atMost(n int) string { return fmt.Sprintf("at most %d", n) }

// escaped is a text within a format.
func escaped(text string) string { return strings.ReplaceAll(text, "%", "%%") }

func choices(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = strings.TrimPrefix(Describe(v), "the string ")
	}
	return Cut(strings.Join(texts, ", "))
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
