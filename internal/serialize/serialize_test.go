package serialize_test

import (
	"net/url"
	"reflect"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/serialize"
)

// The examples are those of the OpenAPI specification's table of styles.
func TestStyles(t *testing.T) {
	yes, no := true, false
	list, object := []any{"blue", "black", "brown"}, map[string]any{"R": 100, "G": 200, "B": 150}
	for _, test := range []struct {
		name, in, style string
		explode         *bool
		value           any
		want            string
	}{
		{name: "matrix, a text", in: "path", style: "matrix", explode: &no, value: "blue", want: ";color=blue"},
		{name: "matrix, a list", in: "path", style: "matrix", explode: &no, value: list, want: ";color=blue,black,brown"},
		{name: "matrix, a list, exploded", in: "path", style: "matrix", explode: &yes, value: list, want: ";color=blue;color=black;color=brown"},
		{name: "matrix, an object", in: "path", style: "matrix", explode: &no, value: object, want: ";color=B,150,G,200,R,100"},
		{name: "matrix, an object, exploded", in: "path", style: "matrix", explode: &yes, value: object, want: ";B=150;G=200;R=100"},
		{name: "label, a list", in: "path", style: "label", explode: &no, value: list, want: ".blue,black,brown"},
		{name: "label, a list, exploded", in: "path", style: "label", explode: &yes, value: list, want: ".blue.black.brown"},
		{name: "label, an object, exploded", in: "path", style: "label", explode: &yes, value: object, want: ".B=150.G=200.R=100"},
		{name: "simple, a list", in: "path", style: "", explode: nil, value: list, want: "blue,black,brown"},
		{name: "simple, an object", in: "header", style: "", explode: nil, value: object, want: "B,150,G,200,R,100"},
		{name: "simple, an object, exploded", in: "header", style: "simple", explode: &yes, value: object, want: "B=150,G=200,R=100"},
		{name: "form, a list", in: "query", style: "form", explode: &no, value: list, want: "color=blue%2Cblack%2Cbrown"},
		{name: "form, a list, exploded", in: "query", style: "", explode: nil, value: list, want: "color=blue&color=black&color=brown"},
		{name: "form, an object", in: "query", style: "form", explode: &no, value: object, want: "color=B%2C150%2CG%2C200%2CR%2C100"},
		{name: "form, an object, exploded", in: "query", style: "", explode: nil, value: object, want: "B=150&G=200&R=100"},
		{name: "spaceDelimited", in: "query", style: "spaceDelimited", explode: &no, value: list, want: "color=blue+black+brown"},
		{name: "pipeDelimited", in: "query", style: "pipeDelimited", explode: &no, value: list, want: "color=blue%7Cblack%7Cbrown"},
		{name: "deepObject", in: "query", style: "deepObject", explode: &yes, value: object, want: "color%5BB%5D=150&color%5BG%5D=200&color%5BR%5D=100"},
		{name: "an empty list", in: "query", style: "", explode: nil, value: []any{}},
		{name: "null", in: "query", style: "", explode: nil, value: nil},
		{name: "a list within a list", in: "query", style: "", explode: nil, value: []any{list}},
	} {
		t.Run(test.name, func(t *testing.T) {
			pairs, ok := serialize.Parameter(&openapi3.Parameter{Name: "color", In: test.in, Style: test.style, Explode: test.explode}, test.value)
			got := ""
			if ok {
				if got = pairs[0].Value; test.in == "query" {
					got = serialize.Encode(pairs)
				}
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// What is written is read as it was, in every style; scalars are texts on the wire.
func TestReadsWhatItWrites(t *testing.T) {
	scalar, list := &openapi3.Schema{Type: &openapi3.Types{"string"}}, &openapi3.Schema{Type: &openapi3.Types{"array"}, Items: openapi3.NewSchemaRef("", openapi3.NewStringSchema())}
	object := &openapi3.Schema{Type: &openapi3.Types{"object"}, Properties: openapi3.Schemas{"a": openapi3.NewSchemaRef("", openapi3.NewStringSchema()), "b": openapi3.NewSchemaRef("", openapi3.NewStringSchema())}}
	for _, place := range []struct {
		in     string
		styles []string
	}{
		{in: "query", styles: []string{"", "form", "spaceDelimited", "pipeDelimited", "deepObject"}}, {in: "path", styles: []string{"", "simple", "label", "matrix"}},
		{in: "header", styles: []string{"", "simple"}},
	} {
		for _, style := range place.styles {
			for _, explode := range []bool{false, true} {
				for value, s := range map[any]*openapi3.Schema{"x": scalar, "list": list, "object": object} {
					written := serialize.Written{Parameter: &openapi3.Parameter{Name: "p", In: place.in, Style: style, Explode: &explode, Schema: openapi3.NewSchemaRef("", s)}}
					switch value {
					case "list":
						checkRoundTrip(t, written, []any{"x", "y"})
					case "object":
						checkRoundTrip(t, written, map[string]any{"a": "x", "b": "y"})
					default:
						checkRoundTrip(t, written, value)
					}
				}
			}
		}
	}
}

func checkRoundTrip(t *testing.T, w serialize.Written, value any) {
	t.Helper()
	pairs, ok := serialize.Parameter(w.Parameter, value)
	_, isList := value.([]any)
	_, isObject := value.(map[string]any)
	if delimited := w.Style == "spaceDelimited" || w.Style == "pipeDelimited"; !ok || delimited && (!isList || w.IsExploded()) || w.Style == "deepObject" && !isObject {
		// The style is not for such values.
		return
	}
	query := url.Values{}
	for _, p := range pairs {
		query.Add(p.Name, p.Value)
	}
	if read, given := w.Read(query, query["p"]); !given || !reflect.DeepEqual(read, value) {
		t.Errorf("in %s, style %q, explode %t: %v is written %q and read as %v", w.In, w.Style, w.IsExploded(), value, pairs, read)
	}
}
