package serialize_test

import (
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
		{"matrix, a text", "path", "matrix", &no, "blue", ";color=blue"},
		{"matrix, a list", "path", "matrix", &no, list, ";color=blue,black,brown"},
		{"matrix, a list, exploded", "path", "matrix", &yes, list, ";color=blue;color=black;color=brown"},
		{"matrix, an object", "path", "matrix", &no, object, ";color=B,150,G,200,R,100"},
		{"matrix, an object, exploded", "path", "matrix", &yes, object, ";B=150;G=200;R=100"},
		{"label, a list", "path", "label", &no, list, ".blue,black,brown"},
		{"label, a list, exploded", "path", "label", &yes, list, ".blue.black.brown"},
		{"label, an object, exploded", "path", "label", &yes, object, ".B=150.G=200.R=100"},
		{"simple, a list", "path", "", nil, list, "blue,black,brown"},
		{"simple, an object", "header", "", nil, object, "B,150,G,200,R,100"},
		{"simple, an object, exploded", "header", "simple", &yes, object, "B=150,G=200,R=100"},
		{"form, a list", "query", "form", &no, list, "color=blue%2Cblack%2Cbrown"},
		{"form, a list, exploded", "query", "", nil, list, "color=blue&color=black&color=brown"},
		{"form, an object", "query", "form", &no, object, "color=B%2C150%2CG%2C200%2CR%2C100"},
		{"form, an object, exploded", "query", "", nil, object, "B=150&G=200&R=100"},
		{"spaceDelimited", "query", "spaceDelimited", &no, list, "color=blue+black+brown"},
		{"pipeDelimited", "query", "pipeDelimited", &no, list, "color=blue%7Cblack%7Cbrown"},
		{"deepObject", "query", "deepObject", &yes, object, "color%5BB%5D=150&color%5BG%5D=200&color%5BR%5D=100"},
		{"an empty list", "query", "", nil, []any{}, ""},
		{"null", "query", "", nil, nil, ""},
		{"a list within a list", "query", "", nil, []any{list}, ""},
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
