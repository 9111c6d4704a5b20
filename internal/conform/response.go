package conform

import (
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/schema"
)

// CheckHead judges an answer without its body.
func (o *Operation) CheckHead(method string, status int, header http.Header) []Violation {
	return o.check(method, status, header, nil, false)
}

// CheckResponse judges an answer of the operation. The method is the request's: the answer to a HEAD has no body.
func (o *Operation) CheckResponse(method string, status int, header http.Header, body []byte) []Violation {
	return o.check(method, status, header, body, true)
}

func (o *Operation) check(method string, status int, header http.Header, body []byte, hasBody bool) []Violation {
	name, response := o.Response(status)
	if o.Spec.Responses.Len() == 0 {
		// OpenAPI 3.1 lets an operation say nothing of its answers.
		return nil
	}
	if response == nil {
		at := o.document.at(openapi.AtField(o.Spec.Origin, "responses"))
		return []Violation{{
			Kind: Status, Rule: o.ID + " responses", Message: fmt.Sprintf("the status %d is not declared", status),
			Got: strconv.Itoa(status), Want: strings.Join(sortedKeys(o.Spec.Responses.Map()), " or "), Line: at.Line, File: at.File,
		}}
	}
	c := newCollector(o.ID + " " + name)
	c.document, c.where = o.document, o.document.at(openapi.At(response.Origin))
	c.headers(o, response, header)
	c.standard(o, status, header)
	if method == http.MethodHead || status/100 == 1 || status == http.StatusNoContent || status == http.StatusNotModified {
		// HTTP gives them no body.
		return c.found
	}
	if len(response.Content) == 0 {
		// The specification does not say that nothing may come then.
		if len(body) > 0 && o.document.Strict {
			c.add(Body, "content", "the answer has a body of %d bytes, and none is declared", len(body))
		}
		return c.found
	}
	media := c.media(response, header)
	if media == nil || !hasBody {
		return c.found
	}
	c.body(media, body, header.Get("Content-Type"))
	return c.found
}

// CheckHTTP lists what HTTP itself says against an answer, whatever the document says.
func (o *Operation) CheckHTTP(status int, header http.Header) []Violation {
	c := newCollector(o.ID)
	c.document = o.document
	c.standard(o, status, header)
	return c.found
}

// Names tells whether an answer of a status is declared otherwise than as default.
func (o *Operation) Names(status int) bool {
	name, _ := o.Response(status)
	return name != "" && name != "default"
}

// Response is what the document declares for a status: by number, by range such as 4XX, or as default.
func (o *Operation) Response(status int) (name string, response *openapi3.Response) {
	for _, name := range []string{strconv.Itoa(status), strconv.Itoa(status/100) + "XX", "default"} {
		if ref := o.Spec.Responses.Value(name); ref != nil {
			return name, ref.Value
		}
	}
	return "", nil
}

// Declares tells whether a status is declared.
func (o *Operation) Declares(status int) bool {
	_, response := o.Response(status)
	return response != nil
}

// media finds what is declared for the answer's media type.
func (c *collector) media(response *openapi3.Response, header http.Header) *openapi3.MediaType {
	declared := sortedKeys(response.Content)
	given := header.Get("Content-Type")
	if n := len(header.Values("Content-Type")); n > 1 {
		c.add(MediaType, "content", "the header Content-Type is there %d times", n)
	}
	if given == "" {
		c.add(MediaType, "content", "the answer has no Content-Type; it must be %s", strings.Join(declared, " or ")).differs("", strings.Join(declared, " or "))
		return nil
	}
	name, parameters, err := mime.ParseMediaType(given)
	if err != nil {
		c.add(MediaType, "content", "the Content-Type %q is malformed", schema.Cut(given))
		return nil
	}
	if charset := parameters["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") && strings.HasSuffix(name, "json") {
		c.add(MediaType, "content", "the Content-Type is %q, and JSON is UTF-8", schema.Cut(given))
	}
	if media := openapi.Media(response.Content, given); media != nil {
		return media
	}
	c.add(MediaType, "content", "the media type is %s; it must be %s", schema.Cut(name), strings.Join(declared, " or ")).differs(name, strings.Join(declared, " or "))
	return nil
}
