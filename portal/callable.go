package portal

import (
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/sample"
	"github.com/nudgehq/nudge/internal/schema"
	"github.com/nudgehq/nudge/internal/serialize"
)

// unknownHost stands where a document does not say on which host its API is.
const unknownHost = "https://api.example.com"

// serverOf is where an operation is: by its own servers, its path's or the document's.
func (r reader) serverOf(op openapi.Operation) string {
	servers := r.doc.Servers
	if len(op.Item.Servers) > 0 {
		servers = op.Item.Servers
	}
	if op.Spec.Servers != nil && len(*op.Spec.Servers) > 0 {
		servers = *op.Spec.Servers
	}
	if len(servers) == 0 {
		return unknownHost
	}
	text := strings.TrimSuffix(openapi.ServerURL(servers[0]), "/")
	if u, err := url.Parse(text); err == nil && u.Host == "" {
		return unknownHost + "/" + strings.TrimPrefix(text, "/")
	}
	return text
}

// apiKey is a key that a request carries in a header, the query or a cookie.
type apiKey struct{ In, Name string }

// credentials says what a sample authenticates with: the first alternative whose schemes the samples know all of.
func (r reader) credentials(alternatives [][]string) (auth string, keys []apiKey) {
	for _, names := range alternatives {
		if auth, keys, ok := r.known(names); ok && len(names) > 0 {
			return auth, keys
		}
	}
	return "", nil
}

func (r reader) known(names []string) (auth string, keys []apiKey, ok bool) {
	for _, name := range names {
		if r.doc.Components == nil || r.doc.Components.SecuritySchemes[name] == nil {
			return "", nil, false
		}
		s := r.doc.Components.SecuritySchemes[name].Value
		scheme := strings.ToLower(s.Scheme)
		switch {
		case s.Type == "http" && (scheme == "basic" || scheme == "bearer") && auth == "":
			auth = scheme
		case (s.Type == "oauth2" || s.Type == "openIdConnect") && auth == "":
			auth = "bearer"
		case s.Type == "apiKey":
			keys = append(keys, apiKey{s.In, s.Name})
		default:
			return "", nil, false
		}
	}
	return auth, keys, true
}

// pairs writes a value of a parameter by its style: its example, or one that is made of its schema. It is nil where the example
// stands as it is.
func (r reader) pairs(p *openapi3.Parameter) []serialize.Pair {
	ref := schemaOf(p.Schema, p.Content)
	if r.schemas == nil || ref == nil {
		return nil
	}
	value := p.Example
	for _, name := range inOrder(p.Examples, func(e *openapi3.ExampleRef) *openapi3.Origin { return e.Origin }) {
		if value == nil {
			value = p.Examples[name].Value.Value
		}
	}
	if value == nil {
		model, err := r.schemas.Of(ref.Value, schema.Request)
		if err != nil {
			return nil
		}
		if value, err = sample.Make(model, false); err != nil {
			return nil
		}
	}
	pairs, ok := serialize.Parameter(p, value)
	if !ok {
		return nil
	}
	return pairs
}

// formPairs writes a field of a form by its encoding.
func (m *Media) formPairs(name string, value any) []serialize.Pair {
	style, explode := "form", true
	if e := m.encoding[name]; e != nil {
		if e.Style != "" {
			style, explode = e.Style, e.Style == "form"
		}
		if e.Explode != nil {
			explode = *e.Explode
		}
	}
	if pairs, ok := serialize.Pairs(name, style, explode, value); ok {
		return pairs
	}
	return []serialize.Pair{{Name: name, Value: scalar(value)}}
}
