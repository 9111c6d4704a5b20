package portal

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/owndocument"
	"github.com/nudgehq/nudge/internal/schema"
	"github.com/nudgehq/nudge/internal/webaddress"
)

// reader turns a document into a Reference.
type reader struct {
	doc    *openapi3.T
	source *source
	// ids are the anchors that are taken.
	ids map[string]bool
	// depth is how deep the current value is described; see value.
	depth int
	// schemas makes bodies for samples; nil: where there is no example there is none.
	schemas *schema.Set
}

// layoutIDs are the anchors that pages have whatever the document says.
var layoutIDs = map[string]bool{
	"main": true, "q": true, "hits": true, "hits-status": true, "theme": true, "mcp": true, "mcp-title": true, "copy-markdown": true,
	"servers": true, "authentication": true, "operations": true, "errors": true,
}

// id makes an anchor that no other place has.
func (r reader) id(text string) string {
	text = notInID.ReplaceAllString(text, "-")
	id := text
	for n := 2; r.ids[id]; n++ {
		id = fmt.Sprintf("%s-%d", text, n)
	}
	r.ids[id] = true
	return id
}

// read reads the document of a configuration.
func read(config Config) (*openapi.Document, error) {
	if config.Files == nil && config.Fetch == nil {
		return owndocument.Read(config.Document)
	}
	return openapi.Source{Name: "the OpenAPI document", Data: config.Document, Files: config.Files, Fetch: config.Fetch}.Read()
}

// readReference reads a document.
func readReference(config Config) (*Reference, *source, error) {
	read, err := read(config)
	if err != nil {
		return nil, nil, err
	}
	doc := read.T
	source, err := readSource(config.Document)
	if err != nil {
		return nil, nil, err
	}
	r := reader{doc: doc, source: source, ids: maps.Clone(layoutIDs)}
	if config.AnyAPI {
		r.schemas = schema.NewSet(doc)
	}
	reference := &Reference{Title: doc.Info.Title, Version: doc.Info.Version, Description: doc.Info.Description}
	for _, extensions := range []map[string]any{doc.Extensions, doc.Info.Extensions} {
		if given, ok := openapi.Extension(extensions, "x-portal").(map[string]any); ok {
			reference.extension = given
		}
	}
	if doc.Info.License != nil {
		reference.License = doc.Info.License.Name
		if webaddress.Check(doc.Info.License.URL) == nil {
			reference.LicenseURL = doc.Info.License.URL
		}
	}
	for _, s := range doc.Servers {
		reference.Servers = append(reference.Servers, Server{URL: s.URL, Description: s.Description})
	}
	if doc.Components != nil {
		for _, name := range inOrder(doc.Components.SecuritySchemes, func(s *openapi3.SecuritySchemeRef) *openapi3.Origin { return s.Origin }) {
			s := doc.Components.SecuritySchemes[name].Value
			reference.Schemes = append(reference.Schemes, Scheme{Name: name, Kind: strings.TrimSpace(cmp.Or(schemeKinds[s.Type], s.Type) + " " + cmp.Or(s.Scheme, s.In+" "+s.Name)), Description: s.Description})
		}
	}
	operations, err := openapi.Operations(doc)
	if err != nil {
		return nil, nil, err
	}
	received := openapi.ReceivedRequests(doc, operations)
	if len(operations)+len(received) == 0 {
		return nil, nil, errors.New("the document has no operation")
	}
	slices.SortStableFunc(operations, func(a, b openapi.Operation) int { return openapi.Line(a.Spec.Origin) - openapi.Line(b.Spec.Origin) })
	for _, op := range operations {
		described, err := r.operation(op)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", op.ID, err)
		}
		reference.Operations = append(reference.Operations, described)
		reference.addErrors(op)
	}
	for _, request := range received {
		described, err := r.operation(request.Operation)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", request.ID, err)
		}
		described.Received = webhook
		if request.CallbackOf != "" {
			described.Received = "callback of " + request.CallbackOf
		}
		if len(described.Tags) == 0 {
			described.Tags = []Tag{{Name: "Webhooks", Description: "What the service sends to you."}}
		}
		reference.Operations = append(reference.Operations, described)
	}
	return reference, source, nil
}

// schemeKinds are the types of security schemes as people write them.
var schemeKinds = map[string]string{"http": "HTTP", "apiKey": "API key in", "oauth2": "OAuth 2", "openIdConnect": "OpenID Connect", "mutualTLS": "mutual TLS"}

var notInID = regexp.MustCompile(`[^A-Za-z0-9_.~-]+`)

func (r reader) operation(op openapi.Operation) (*Operation, error) {
	spec := op.Spec
	o := &Operation{
		spec: spec,
		ID:   op.ID, Anchor: r.id(op.ID), Title: cmp.Or(spec.Summary, op.ID), Method: op.Method, Path: op.Path, Deprecated: spec.Deprecated,
		Description: cmp.Or(spec.Description, op.Item.Description),
	}
	for _, need := range op.Security {
		names := make([]string, 0, len(need))
		for name := range need {
			names = append(names, name)
		}
		slices.Sort(names)
		o.Security = append(o.Security, names)
	}
	o.auth, o.keys = r.credentials(o.Security)
	o.server = r.serverOf(op)
	for _, name := range spec.Tags {
		tag := Tag{Name: name}
		if declared := r.doc.Tags.Get(name); declared != nil {
			tag.Description = declared.Description
		}
		o.Tags = append(o.Tags, tag)
	}
	for _, p := range op.EffectiveParameters() {
		field := r.value(o.Anchor+"-"+p.In+"-"+p.Name, p.Name, schemaOf(p.Schema, p.Content))
		field.In, field.Required, field.Deprecated = p.In, p.Required, p.Deprecated
		field.Description = cmp.Or(p.Description, field.Description)
		field.addExamples(p.Example, p.Examples)
		field.pairs = r.pairs(p)
		o.Parameters = append(o.Parameters, field)
	}
	if spec.RequestBody != nil {
		b := spec.RequestBody.Value
		content, err := r.content(o.Anchor+"-body", b.Content)
		if err != nil {
			return nil, err
		}
		r.makeBody(content, b.Content)
		o.Body = &Body{Description: b.Description, Required: b.Required, Content: content}
	}
	return o, r.addResponses(o, spec)
}

// addResponses adds the answers. Most have the same headers and the same error: the first one says all of them.
func (r reader) addResponses(o *Operation, spec *openapi3.Operation) error {
	headers, bodies := map[*openapi3.Header]*Field{}, map[*openapi3.Schema]*Field{}
	responses := spec.Responses.Map()
	for _, status := range inOrder(responses, func(r *openapi3.ResponseRef) *openapi3.Origin { return r.Origin }) {
		answer := responses[status].Value
		response := &Response{ID: o.Anchor + "-" + status, Status: status}
		if answer.Description != nil {
			response.Description = *answer.Description
		}
		for _, name := range inOrder(answer.Headers, func(h *openapi3.HeaderRef) *openapi3.Origin { return h.Origin }) {
			response.Headers = append(response.Headers, r.header(response.ID, name, answer.Headers[name].Value, headers))
		}
		var err error
		if response.Content, err = r.content(response.ID, answer.Content); err != nil {
			return err
		}
		for _, media := range response.Content {
			media.Schema.Name, media.Schema.Parent = status, media.ID
			if media.Schema.schema == nil || len(media.Schema.Fields) == 0 {
				continue
			}
			if media.Schema.Same = bodies[media.Schema.schema]; media.Schema.Same == nil {
				bodies[media.Schema.schema] = media.Schema
			}
		}
		o.Responses = append(o.Responses, response)
	}
	return nil
}

// header is a header of an answer, or the one that said the same before.
func (r reader) header(response, name string, h *openapi3.Header, said map[*openapi3.Header]*Field) *Field {
	id := response + "-header-" + name
	if first := said[h]; first != nil {
		again := *first
		again.ID, again.Name, again.Fields, again.Same = r.id(id), name, nil, first
		return &again
	}
	field := r.value(id, name, schemaOf(h.Schema, h.Content))
	field.Required, field.Deprecated = h.Required, h.Deprecated
	field.Description = cmp.Or(h.Description, field.Description)
	field.addExamples(h.Example, h.Examples)
	said[h] = field
	return field
}

// schemaOf is a parameter's or a header's schema, which may stand under a media type.
func schemaOf(schema *openapi3.SchemaRef, content openapi3.Content) *openapi3.SchemaRef {
	if schema != nil {
		return schema
	}
	for _, media := range content {
		return media.Schema
	}
	return nil
}

// addExamples adds the examples of a parameter or a header, which stand beside its schema.
func (f *Field) addExamples(example any, examples openapi3.Examples) {
	if example != nil {
		f.Facts = append(f.Facts, Fact{"Example", scalar(example)})
	}
	for _, name := range inOrder(examples, func(e *openapi3.ExampleRef) *openapi3.Origin { return e.Origin }) {
		f.Facts = append(f.Facts, Fact{"Example " + name, scalar(examples[name].Value.Value)})
	}
}

// addErrors adds the examples of an operation's error answers that have a code and a message.
func (reference *Reference) addErrors(op openapi.Operation) {
	responses := op.Spec.Responses.Map()
	for _, status := range inOrder(responses, func(r *openapi3.ResponseRef) *openapi3.Origin { return r.Origin }) {
		if status < "4" {
			continue
		}
		for _, media := range responses[status].Value.Content {
			for _, name := range inOrder(media.Examples, func(e *openapi3.ExampleRef) *openapi3.Origin { return e.Origin }) {
				example := media.Examples[name].Value
				value, ok := example.Value.(map[string]any)
				if !ok || value["code"] == nil || value["message"] == nil {
					continue
				}
				row := Error{Code: scalar(value["code"]), Status: status, Message: scalar(value["message"]), Summary: cmp.Or(example.Summary, name)}
				if info, ok := value["more_info"].(string); ok {
					row.MoreInfo = info
				}
				if !slices.Contains(reference.Errors, row) {
					reference.Errors = append(reference.Errors, row)
				}
			}
		}
	}
}
