package openapi

import (
	"fmt"
	"maps"
	"mime"
	"slices"
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
func Line(origin *openapi3.Origin) int { return At(origin).Line }

// LineOf is where a keyword stands in what has an origin, or where that itself stands.
func LineOf(origin *openapi3.Origin, keyword string) int { return AtField(origin, keyword).Line }

// Position is where something stands in a document that may have several files.
type Position struct {
	// File is as the $refs have it, seen from the document's folder; empty where it is not known.
	File string
	// Line is 0 where it is not known.
	Line int
}

// At is where something stands in a document that was loaded with lines.
func At(origin *openapi3.Origin) Position {
	if origin == nil || origin.Key == nil {
		return Position{}
	}
	return Position{origin.Key.File, origin.Key.Line}
}

// AtField is where a keyword stands in what has an origin, or where that itself stands.
func AtField(origin *openapi3.Origin, keyword string) Position {
	if origin != nil {
		if at, ok := origin.Fields.Lookup(keyword); ok {
			return Position{at.File, at.Line}
		}
	}
	return At(origin)
}

// In writes the position, for a document of a name: "specs/parts/sizes.yaml:4".
func (p Position) In(document string) string {
	folder := document[:strings.LastIndexAny(document, "/:\\")+1]
	name := document
	if p.File != "" && p.File != document[len(folder):] {
		name = folder + p.File
		if strings.Contains(p.File, "://") {
			name = p.File
		}
	}
	if p.Line == 0 {
		return name
	}
	return fmt.Sprintf("%s:%d", name, p.Line)
}

// Has tells whether what has an origin has a field: one of null, the loader takes for none.
func Has(origin *openapi3.Origin, field string) bool {
	if origin == nil {
		return false
	}
	_, there := origin.Fields.Lookup(field)
	return there
}

// ServerURL is the URL of a server, with the defaults of its variables.
func ServerURL(s *openapi3.Server) string {
	text := s.URL
	for name, variable := range s.Variables {
		if variable != nil {
			text = strings.ReplaceAll(text, "{"+name+"}", variable.Default)
		}
	}
	return text
}

// MediaType is a media type in lower case and without its parameters.
func MediaType(text string) string {
	if name, _, err := mime.ParseMediaType(text); err == nil {
		return name
	}
	name, _, _ := strings.Cut(text, ";")
	return strings.ToLower(strings.TrimSpace(name))
}

// IsJSON tells whether a media type is JSON's, whatever its parameters are.
func IsJSON(mediaType string) bool {
	name := MediaType(mediaType)
	return strings.HasSuffix(name, "/json") || strings.HasSuffix(name, "+json") && !strings.HasSuffix(name, "stream+json")
}

// Media is what is declared for a media type: by its name, with or without parameters, or by a range; nil for none.
func Media(content openapi3.Content, mediaType string) *openapi3.MediaType {
	name := MediaType(mediaType)
	kind, _, _ := strings.Cut(name, "/")
	if media := content[mediaType]; media != nil {
		return media
	}
	for _, wanted := range []string{name, kind + "/*", "*/*"} {
		for _, declared := range slices.Sorted(maps.Keys(content)) {
			if content[declared] != nil && MediaType(declared) == wanted {
				return content[declared]
			}
		}
	}
	return nil
}
