package server

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"github.com/nudgehq/nudge/internal/openapi"
)

// plainRequests judges the requests of an operation whose parameters stand in the path and whose body is a form, all of plain values: by
// the document's own schemas, given what the router and the strict form have read already. openapi3filter, which judges all
// others, would read the request once more. A test holds that both say the same.
type plainRequests struct {
	op openapi.Operation
	// path are the parameters, in the order that they are judged in.
	path []plainValue
	// fields are those of the form, by name; form is its schema, nil where there is no body.
	fields       []plainValue
	form         *openapi3.Schema
	bodyRequired bool
}

// plainValue is a string, an integer, a number or a boolean.
type plainValue struct {
	name   string
	schema *openapi3.Schema
}

// plainOf gives nil for an operation that has more than plain values.
func plainOf(doc *openapi3.T, op openapi.Operation) *plainRequests {
	if doc.IsOpenAPI31OrLater() {
		return nil
	}
	p := &plainRequests{op: op}
	for _, ref := range slices.Concat(op.Item.Parameters, op.Spec.Parameters) {
		if op.Parameter(ref.Value.In, ref.Value.Name) != ref.Value {
			if ref.Value.In == openapi3.ParameterInPath && op.Spec.Parameters.GetByInAndName(ref.Value.In, ref.Value.Name) != nil {
				// The operation has it otherwise.
				continue
			}
			return nil
		}
		v := ref.Value
		simple := v.Style == "" || v.Style == openapi3.SerializationSimple
		if v.In != openapi3.ParameterInPath || !v.Required || !simple || v.AllowEmptyValue || v.Content != nil || !isPlain(v.Schema) {
			return nil
		}
		p.path = append(p.path, plainValue{v.Name, v.Schema.Value})
	}
	if op.Spec.RequestBody == nil {
		return p
	}
	if !p.addForm(op.Spec.RequestBody.Value) {
		return nil
	}
	return p
}

// addForm takes over a body; it is false for one that is more than a form of plain values.
func (p *plainRequests) addForm(body *openapi3.RequestBody) bool {
	media := body.Content[openapi.FormType]
	if len(body.Content) != 1 || media == nil || media.Schema == nil || len(media.Encoding) > 0 {
		return false
	}
	s := media.Schema.Value
	if s == nil || !s.Type.Is(openapi3.TypeObject) || !standsAlone(s) || s.AdditionalProperties.Schema != nil || s.MinProps > 0 || s.MaxProps != nil || s.Discriminator != nil {
		return false
	}
	for name, property := range s.Properties {
		if !isPlain(property) {
			return false
		}
		// A default is in the form although it was not sent: it must change nothing.
		if value := property.Value.Default; value != nil && (slices.Contains(s.Required, name) || property.Value.VisitJSON(value) != nil) {
			return false
		}
		p.fields = append(p.fields, plainValue{name, property.Value})
	}
	slices.SortFunc(p.fields, func(a, b plainValue) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	p.form, p.bodyRequired = s, body.Required
	return true
}

func isPlain(ref *openapi3.SchemaRef) bool {
	if ref == nil || ref.Value == nil || !standsAlone(ref.Value) {
		return false
	}
	types := ref.Value.Type.Slice()
	return len(types) == 1 && (types[0] == openapi3.TypeString || types[0] == openapi3.TypeInteger || types[0] == openapi3.TypeNumber || types[0] == openapi3.TypeBoolean)
}

// standsAlone tells whether a schema says all by itself.
func standsAlone(s *openapi3.Schema) bool {
	return len(s.AllOf) == 0 && len(s.AnyOf) == 0 && len(s.OneOf) == 0 && s.Not == nil && s.Type != nil
}

// takes tells whether a request can be judged here: one whose path has escapes cannot.
func (p *plainRequests) takes(r *http.Request) bool { return r.URL.RawPath == "" }

// asRequest has fields judged that only answers may have.
var asRequest = []openapi3.SchemaValidationOption{openapi3.VisitAsRequest()}

// judge gives nil for a valid request. sent tells whether it has a body.
func (p *plainRequests) judge(c echo.Context, sent bool) error {
	for _, v := range p.path {
		// A nil value is one that is not there.
		value, err := v.read(c.Param(v.name))
		if err != nil || value == nil || v.schema.VisitJSON(value) != nil {
			return invalid(find(p.op.Parameters, openapi3.ParameterInPath, v.name))
		}
	}
	switch {
	case p.form == nil || !sent && !p.bodyRequired:
		return nil
	case !sent:
		return errNoMatch
	}
	return p.judgeForm(c.Request().Form)
}

func (p *plainRequests) judgeForm(fields url.Values) error {
	object := make(map[string]any, len(p.fields))
	for _, v := range p.fields {
		texts := fields[v.name]
		if len(texts) == 0 {
			continue
		}
		value, err := v.readField(texts[0])
		if err != nil {
			return invalid(find(p.op.Form, "body", v.name))
		}
		object[v.name] = value
	}
	err := p.form.VisitJSON(object, asRequest...)
	if err == nil {
		return nil
	}
	return refusedForm(p.op, err)
}

var errNoMatch = unreadable("the body does not match its schema")

// refusedForm names the field that a schema refused.
func refusedForm(op openapi.Operation, err error) error {
	var schema *openapi3.SchemaError
	if errors.As(err, &schema) {
		if at := schema.JSONPointer(); len(at) > 0 {
			return invalid(find(op.Form, "body", at[0]))
		}
	}
	return errNoMatch
}

// read reads a value of the path; nil for one that is not there.
func (v plainValue) read(text string) (any, error) {
	if text == "" {
		return nil, nil
	}
	return v.readField(text)
}

var errNotOfType = errors.New("the text is no value of the type")

// readField reads a value as openapi3filter does; the strict form has refused other spellings.
func (v plainValue) readField(text string) (any, error) {
	switch {
	case v.schema.Type.Is(openapi3.TypeString):
		return text, nil
	case text == "":
		return nil, nil
	case v.schema.Type.Is(openapi3.TypeBoolean):
		return strconv.ParseBool(text)
	case v.schema.Type.Is(openapi3.TypeNumber):
		return parseNumber(text)
	case v.schema.Format == "int32":
		n, err := strconv.ParseInt(text, 10, 32)
		return int32(n), err
	}
	return strconv.ParseInt(text, 10, 64)
}

// parseNumber reads decimal numbers only: no hexadecimal ones, infinities or digits in groups.
func parseNumber(text string) (any, error) {
	for _, r := range text {
		if (r < '0' || r > '9') && r != '+' && r != '-' && r != '.' && r != 'e' && r != 'E' {
			return nil, errNotOfType
		}
	}
	return strconv.ParseFloat(text, 64)
}
