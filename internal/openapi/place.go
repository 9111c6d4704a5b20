package openapi

import (
	"mime"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// The extensions of OpenAPI that nudge reads.
const (
	// CanonicalForm is the extension of a schema that says: a number has one spelling, decimal digits without a plus sign and
	// leading zeros. Without it a server may read other spellings of the same number too.
	CanonicalForm = "x-canonical"
	// Relations is the extension of an operation that says what must hold between a request and its answer.
	Relations = "x-relations"
)

// Extension is the value of an extension as the document has it, without what the loader adds to say where it stands; nil when
// there is none.
func Extension(extensions map[string]any, name string) any { return Plain(extensions[name]) }

// Plain is a value of the document as it stands there, without what the loader adds to say where.
func Plain(value any) any {
	switch value := value.(type) {
	case []any:
		list := make([]any, len(value))
		for i, item := range value {
			list[i] = Plain(item)
		}
		return list
	case map[string]any:
		fields := map[string]any{}
		for key, field := range value {
			if !strings.HasPrefix(key, "__") {
				fields[key] = Plain(field)
			}
		}
		return fields
	}
	return value
}

// Line is where something stands in a document that was loaded with lines; 0 when that is not known.
func Line(origin *openapi3.Origin) int {
	if origin == nil || origin.Key == nil {
		return 0
	}
	return origin.Key.Line
}

// LineOf is where a keyword stands in what has an origin, or where that itself stands.
func LineOf(origin *openapi3.Origin, keyword string) int {
	if origin != nil {
		if at, ok := origin.Fields.Lookup(keyword); ok {
			return at.Line
		}
	}
	return Line(origin)
}

// IsJSON tells whether a media type is JSON's, whatever its parameters are.
func IsJSON(mediaType string) bool {
	name, _, err := mime.ParseMediaType(mediaType)
	return err == nil && (strings.HasSuffix(name, "/json") || strings.HasSuffix(name, "+json"))
}
