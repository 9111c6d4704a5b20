package conform

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/schema"
	"github.com/nudgehq/nudge/internal/serialize"
)

// requestBody wants the body of a request to be of a declared media type, and to keep its schema.
func (c *collector) requestBody(o *Operation, r *Request) {
	if o.Spec.RequestBody == nil {
		return
	}
	declared := o.Spec.RequestBody.Value
	given := r.Header.Get("Content-Type")
	if len(r.Body) == 0 && (given == "" || !declared.Required) {
		// Many clients name the media type of no body.
		if declared.Required {
			c.add(Body, "body", "the body is missing")
		}
		return
	}
	name, media := openapi.MediaType(given), openapi.Media(declared.Content, given)
	switch {
	case len(declared.Content) == 0:
	case media == nil:
		c.add(MediaType, "content", "the media type must be %s", strings.Join(sortedKeys(declared.Content), " or ")).differs("", strings.Join(sortedKeys(declared.Content), " or "))
	case media.Schema == nil || media.Schema.Value == nil:
	case name == openapi.FormType:
		fields, err := url.ParseQuery(string(r.Body))
		if err != nil {
			c.add(Body, "body", "the form cannot be read")
			return
		}
		c.form(o, media, fields)
	case name == "multipart/form-data":
		fields, err := readMultipart(given, r.Body)
		if err != nil {
			c.add(Body, "body", "the multipart body cannot be read")
			return
		}
		c.form(o, media, fields)
	default:
		c.body(media, r.Body, given)
	}
}

// form wants the fields of a form to keep its schema. A field that has a rule is judged by it.
func (c *collector) form(o *Operation, media *openapi3.MediaType, fields url.Values) {
	s := media.Schema.Value
	closed := s.AdditionalProperties.Has != nil && !*s.AdditionalProperties.Has
	object := serialize.ReadForm(media, fields)
	for _, field := range sortedKeys(object) {
		ref := openapi.Property(s, field)
		if ref == nil || ref.Value == nil {
			if closed {
				c.add(Body, "body "+printed(field), "the form has the field %q, which is not declared", schema.Cut(field))
			}
			continue
		}
		if n := len(fields[field]); n > 1 && !openapi.Types(ref.Value)["array"] {
			c.add(Body, "body "+printed(field), "the field %s is there %d times", printed(field), n)
		}
	}
	ruled := map[string]bool{}
	for _, rule := range o.Form {
		ref := s.Properties[rule.Name]
		if values, ok := fields[rule.Name]; ok && ref != nil {
			if ruled[rule.Name] = true; !o.allows(rule, ref, values[0]) {
				c.add(Body, "body "+rule.Name, "the field %s must be %s", rule.Name, o.ruleText(rule, ref)).of(schema.Problem{Place: "/" + rule.Name, Want: o.ruleText(rule, ref), Schema: ref.Value})
			}
		}
	}
	for _, p := range c.problems(s, c.typed(s, object)) {
		top, _, _ := strings.Cut(strings.TrimPrefix(p.Place, "/"), "/")
		if !ruled[top] && p.Keyword != "properties" {
			c.add(Body, strings.TrimSpace("body "+printed(strings.TrimPrefix(p.Place, "/"))), "%s", p.Text).of(p)
		}
	}
}

// readMultipart reads the parts of a multipart body, files as their bytes.
func readMultipart(mediaType string, body []byte) (url.Values, error) {
	_, parameters, err := mime.ParseMediaType(mediaType)
	if err != nil {
		return nil, err
	}
	fields := url.Values{}
	for reader := multipart.NewReader(bytes.NewReader(body), parameters["boundary"]); ; {
		part, err := reader.NextPart()
		if err == io.EOF { //nolint:errorlint // It is documented as this one.
			return fields, nil
		}
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		fields.Add(part.FormName(), string(data))
	}
}
