package docdiff

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
)

// alignNames gives what has another name in the older document and is the same the name of the newer one: security schemes, and
// headers in other letters.
func alignNames(older, newer *openapi3.T) {
	alignSchemes(older, newer)
	alignComponents(older, newer)
	for path, item := range newer.Paths.Map() {
		before := older.Paths.Value(path)
		if before == nil {
			continue
		}
		for method, op := range item.Operations() {
			if was := before.GetOperation(method); was != nil {
				alignHeaders(was, op)
			}
		}
	}
}

func alignHeaders(older, newer *openapi3.Operation) {
	for _, ref := range newer.Parameters {
		if ref.Value == nil || ref.Value.In != "header" {
			continue
		}
		for i, was := range older.Parameters {
			if was.Value != nil && was.Value.In == "header" && was.Value.Name != ref.Value.Name && strings.EqualFold(was.Value.Name, ref.Value.Name) {
				same := *was.Value
				same.Name = ref.Value.Name
				older.Parameters[i] = &openapi3.ParameterRef{Value: &same, Origin: was.Origin}
			}
		}
	}
	for status, ref := range newer.Responses.Map() {
		was := older.Responses.Value(status)
		if was == nil || was.Value == nil || ref.Value == nil {
			continue
		}
		canonical := map[string]string{}
		for name := range ref.Value.Headers {
			canonical[http.CanonicalHeaderKey(name)] = name
		}
		for name, header := range maps.Clone(was.Value.Headers) {
			if now, ok := canonical[http.CanonicalHeaderKey(name)]; ok && now != name {
				delete(was.Value.Headers, name)
				was.Value.Headers[now] = header
			}
		}
	}
}

func alignSchemes(older, newer *openapi3.T) {
	if older.Components == nil || newer.Components == nil {
		return
	}
	// Of those that are the same in one document, the first stands for all.
	for _, doc := range []*openapi3.T{older, newer} {
		first, same := map[string]string{}, map[string]string{}
		for _, name := range slices.Sorted(maps.Keys(doc.Components.SecuritySchemes)) {
			if text := definition(doc.Components.SecuritySchemes[name]); first[text] == "" {
				first[text] = name
			} else if text != "" {
				same[name] = first[text]
			}
		}
		renameSchemes(doc, same)
	}
	names := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(newer.Components.SecuritySchemes)) {
		now := newer.Components.SecuritySchemes[name]
		for _, was := range slices.Sorted(maps.Keys(older.Components.SecuritySchemes)) {
			ref := older.Components.SecuritySchemes[was]
			same := definition(ref) != "" && definition(ref) == definition(now)
			switch {
			case same && was == name:
				// It may be spelt otherwise.
				older.Components.SecuritySchemes[name] = now
			case same && names[was] == "" && newer.Components.SecuritySchemes[was] == nil && older.Components.SecuritySchemes[name] == nil:
				names[was] = name
			}
		}
	}
	for was, name := range names {
		older.Components.SecuritySchemes[name] = newer.Components.SecuritySchemes[name]
		delete(older.Components.SecuritySchemes, was)
	}
	renameSchemes(older, names)
}

// definition is what a security scheme says, as a text; empty where it says nothing.
func definition(ref *openapi3.SecuritySchemeRef) string {
	if ref == nil || ref.Value == nil {
		return ""
	}
	bare := *ref.Value
	bare.Description, bare.Origin = "", nil
	if bare.In == "header" {
		bare.Name = http.CanonicalHeaderKey(bare.Name)
	}
	bare.Scheme = strings.ToLower(bare.Scheme)
	text, err := json.Marshal(&bare)
	if err != nil {
		return ""
	}
	return string(text)
}

// renameSchemes gives the security schemes that operations ask for their other names.
func renameSchemes(doc *openapi3.T, names map[string]string) {
	rename := func(all openapi3.SecurityRequirements) {
		for _, requirement := range all {
			for was, scopes := range maps.Clone(requirement) {
				if name := names[was]; name != "" {
					delete(requirement, was)
					requirement[name] = scopes
				}
			}
		}
	}
	rename(doc.Security)
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			if op.Security != nil {
				rename(*op.Security)
			}
		}
	}
}

// serverName is a server's URL as it is compared: with its variables' defaults, and without what says nothing.
func serverName(s *openapi3.Server) string {
	text := openapi.ServerURL(s)
	scheme, rest, ok := strings.Cut(text, "://")
	if ok {
		host, path, _ := strings.Cut(rest, "/")
		host = strings.ToLower(host)
		host = strings.TrimSuffix(strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[strings.ToLower(scheme)]), ".")
		text = strings.ToLower(scheme) + "://" + host + "/" + path
	}
	return strings.TrimRight(text, "/")
}

// alignComponents gives the schemas of the older document that have another name now, and say the same, the name of now.
func alignComponents(older, newer *openapi3.T) {
	if older.Components == nil || newer.Components == nil {
		return
	}
	was, now := &meanings{doc: older}, &meanings{doc: newer}
	const prefix = "#/components/schemas/"
	// What they say is looked into only where names came and went.
	fresh := map[string][]string{}
	for name := range newer.Components.Schemas {
		if older.Components.Schemas[name] == nil {
			digest := fmt.Sprint(now.component(prefix + name))
			fresh[digest] = append(fresh[digest], name)
		}
	}
	names := map[string]string{}
	for name := range older.Components.Schemas {
		if len(fresh) == 0 || newer.Components.Schemas[name] != nil {
			continue
		}
		if same := fresh[fmt.Sprint(was.component(prefix+name))]; len(same) == 1 {
			names[prefix+name] = prefix + same[0]
		}
	}
	if len(names) == 0 {
		return
	}
	eachRef(older, func(ref *openapi3.SchemaRef) {
		if name := names[ref.Ref]; name != "" {
			ref.Ref = name
		}
	})
	for from, to := range names {
		from, to = strings.TrimPrefix(from, prefix), strings.TrimPrefix(to, prefix)
		older.Components.Schemas[to] = older.Components.Schemas[from]
		delete(older.Components.Schemas, from)
	}
}

// eachRef calls visit for all references to schemas.
func eachRef(doc *openapi3.T, visit func(*openapi3.SchemaRef)) {
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			refsOf(op, visit)
		}
	}
	openapi.Schemas(doc, func(s *openapi3.Schema) {
		all := slices.Concat(s.OneOf, s.AnyOf, s.AllOf, openapi3.SchemaRefs{s.Items, s.Not, s.AdditionalProperties.Schema})
		all = slices.AppendSeq(all, maps.Values(s.Properties))
		for _, ref := range all {
			if ref != nil {
				visit(ref)
			}
		}
	})
}

// refsOf calls visit for the references of an operation itself.
func refsOf(op *openapi3.Operation, visit func(*openapi3.SchemaRef)) {
	var contents []openapi3.Content
	for _, p := range op.Parameters {
		if p.Value != nil && p.Value.Schema != nil {
			visit(p.Value.Schema)
		}
	}
	if op.RequestBody != nil && op.RequestBody.Value != nil {
		contents = append(contents, op.RequestBody.Value.Content)
	}
	for _, ref := range op.Responses.Map() {
		if ref != nil && ref.Value != nil {
			contents = append(contents, ref.Value.Content)
		}
	}
	for _, content := range contents {
		for _, media := range content {
			if media != nil && media.Schema != nil {
				visit(media.Schema)
			}
		}
	}
}
