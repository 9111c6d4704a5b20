package conform

import (
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// readSecurity reads which credentials the operation asks for.
func (o *Operation) readSecurity(doc *openapi3.T) {
	o.schemeOf = map[string]*openapi3.SecurityScheme{}
	for _, requirement := range o.Security {
		for _, name := range sortedKeys(requirement) {
			ref := doc.Components.SecuritySchemes[name]
			if ref == nil || ref.Value == nil {
				continue
			}
			o.schemeOf[name] = ref.Value
			if ref.Value.Type == "http" {
				o.schemes = append(o.schemes, ref.Value.Scheme)
			}
		}
	}
}

// isAuthenticated tells whether a request has the credentials of one of the requirements, whatever they are worth.
func (o *Operation) isAuthenticated(r *Request) bool {
	return len(o.Security) == 0 || slices.ContainsFunc(o.Security, func(requirement openapi3.SecurityRequirement) bool {
		return !slices.ContainsFunc(sortedKeys(requirement), func(name string) bool { return !hasCredentials(o.schemeOf[name], r) })
	})
}

// hasCredentials tells whether a request has those of a scheme. What no scheme is known of, and a certificate, it has.
func hasCredentials(scheme *openapi3.SecurityScheme, r *Request) bool {
	if scheme == nil {
		return true
	}
	kind, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch scheme.Type {
	case "http":
		return strings.EqualFold(kind, scheme.Scheme)
	case "oauth2", "openIdConnect":
		return strings.EqualFold(kind, "Bearer")
	case "apiKey":
		return len(r.texts(scheme.In, scheme.Name)) > 0
	}
	return true
}

// isCredential tells whether a name is that of an API key.
func (o *Operation) isCredential(in, name string) bool {
	for _, scheme := range o.schemeOf {
		if scheme.Type == "apiKey" && scheme.In == in && scheme.Name == name {
			return true
		}
	}
	return false
}
