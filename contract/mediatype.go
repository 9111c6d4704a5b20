package contract

import (
	"errors"
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/sample"
	"github.com/nudgehq/nudge/internal/schema"
)

// body is how a body of a media type is made.
type body struct {
	// name is the document's name of the media type, mediaType what is sent.
	name, mediaType string
	media           *openapi3.MediaType
	model           *schema.Schema
	// write writes a value; ok is false for what it cannot write. Texts have no types where asText is true.
	write  func(value any) (data []byte, ok bool)
	asText bool
}

// kinds are the kinds of bodies that can be made, those first with which more can be tried.
var kinds = []struct {
	is     func(name string, model *schema.Schema) bool
	write  func(*openapi3.MediaType) func(any) ([]byte, bool)
	asText bool
}{
	{isJSONBody, func(*openapi3.MediaType) func(any) ([]byte, bool) { return writeJSON }, false},
	{func(name string, _ *schema.Schema) bool { return name == openapi.FormType }, writeForm, true},
	{func(name string, _ *schema.Schema) bool { return name == "multipart/form-data" }, writeMultipart, true},
	{isTextBody, func(*openapi3.MediaType) func(any) ([]byte, bool) { return writeText }, false},
}

// isJSONBody tells whether a body is sent as JSON: also where any media type may come, and it is no text.
func isJSONBody(name string, model *schema.Schema) bool {
	anything := name == "*/*" || name == "application/*"
	return openapi.IsJSON(name) || anything && !isText(model)
}

// isTextBody tells whether a body is sent as it stands: texts, and bytes of all kinds.
func isTextBody(name string, model *schema.Schema) bool {
	isXML := name == "text/xml" || name == "application/xml" || strings.HasSuffix(name, "+xml")
	return !isXML && !isStream(name) && !strings.HasPrefix(name, "multipart/") && isText(model)
}

// isText tells whether values of a schema are texts; those of none are.
func isText(model *schema.Schema) bool {
	if model == nil {
		return true
	}
	value, err := sample.Make(model, false)
	_, text := value.(string)
	return err == nil && text
}

// chooseBodies finds the media types that bodies can be tried with, the first of which is that of most cases. An error says why
// there is none.
func (d *deriver) chooseBodies() error {
	if d.op.Spec.RequestBody == nil {
		return nil
	}
	content := d.op.Spec.RequestBody.Value.Content
	made := map[string]bool{}
	for _, kind := range kinds {
		for _, name := range sortedKeys(content) {
			media := content[name]
			if media == nil || made[name] {
				continue
			}
			model := d.model(media.Schema)
			if media.Schema != nil && model == nil || !kind.is(openapi.MediaType(name), model) {
				continue
			}
			made[name] = true
			one := &body{name: name, mediaType: concrete(name), media: media, model: model, write: kind.write(media), asText: kind.asText}
			switch {
			case openapi.MediaType(name) == "multipart/form-data":
				one.mediaType = "multipart/form-data; boundary=" + boundary
			case strings.HasSuffix(name, "/*") && kind.is("application/json", model):
				one.mediaType = "application/json"
			}
			d.bodies = append(d.bodies, one)
		}
	}
	if len(d.bodies) == 0 {
		return fmt.Errorf("no body of %s can be made", strings.Join(sortedKeys(content), " or "))
	}
	d.body = d.bodies[0]
	for _, name := range sortedKeys(content) {
		if !made[name] {
			d.unmade = append(d.unmade, name)
		}
	}
	return nil
}

var errNoBody = errors.New("no body of this media type can be made")

// concrete is a media type of a range.
func concrete(name string) string {
	switch {
	case name == "*/*", name == "application/*":
		return "application/octet-stream"
	case name == "text/*":
		return "text/plain"
	case strings.HasSuffix(name, "/*"):
		return strings.TrimSuffix(name, "*") + "png"
	}
	return name
}
