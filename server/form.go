package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"sort"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/internal/rule"
	"github.com/nudgehq/nudge/internal/ruledoc"
)

// strictForm reads the body and lets through only what the document lets a form be. The generated code binds
// FormParams, which merges the query string, and the validator passes unknown and repeated fields, `007` and JSON under
// the form's media type: so the form is judged here, as it stands on the wire, and r.Form holds the body's fields alone.
func (s *Server) strictForm(op ruledoc.Operation) echo.MiddlewareFunc {
	f := newForm(op)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			body, err := readBody(c.Response(), r, s.config.MaxBody)
			if err != nil {
				return err
			}
			r.Body = http.NoBody
			if len(body) > 0 {
				r.Body = io.NopCloser(bytes.NewReader(body))
			}
			if op.FormSchema == nil {
				return next(c)
			}
			if err := checkMediaType(r.Header, len(body) > 0); err != nil {
				return err
			}
			fields, err := f.parse(body)
			if err != nil {
				return err
			}
			r.PostForm, r.Form = fields, fields
			return next(c)
		}
	}
}

// readBody reads the body, up to limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	if r.ContentLength >= 0 {
		body := make([]byte, r.ContentLength)
		_, err := io.ReadFull(r.Body, body)
		return body, incomplete(err)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return nil, tooLarge(limit)
	}
	return body, incomplete(err)
}

func tooLarge(limit int64) error {
	return &Error{Code: CodePayloadTooLarge, Note: fmt.Sprintf("at most %d bytes are allowed", limit)}
}

// incomplete turns an error of reading a body into one of the table's.
func incomplete(err error) error {
	if err == nil {
		return nil
	}
	return unreadable("the body is not complete")
}

// checkMediaType refuses what is not a form. A request without a body need not name a media type.
func checkMediaType(header http.Header, hasBody bool) error {
	values := header.Values("Content-Type")
	switch {
	case len(values) == 0 && !hasBody:
	case len(values) == 1 && isForm(values[0]):
	default:
		return &Error{Code: CodeUnsupportedMediaType, Note: "it must be " + ruledoc.FormType}
	}
	if encoding := header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return &Error{Code: CodeUnsupportedMediaType, Note: "the body must have no Content-Encoding"}
	}
	return nil
}

func isForm(contentType string) bool {
	if contentType == ruledoc.FormType {
		return true
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	return err == nil && mediaType == ruledoc.FormType
}

// form judges the forms of one operation.
type form struct {
	// rules are the scalar fields' rules, by name.
	rules map[string]rule.Rule
	// known are the names of all fields.
	known map[string]bool
	// names lists them for the caller: "Ttl".
	names string
	// closed forms have no other fields.
	closed bool
	// defaults are the values of fields that were not sent.
	defaults map[string]string
}

func newForm(op ruledoc.Operation) form {
	f := form{rules: map[string]rule.Rule{}, known: map[string]bool{}, defaults: map[string]string{}}
	if op.FormSchema == nil {
		return f
	}
	for _, r := range op.Form {
		f.rules[r.Name] = r
	}
	var names []string
	for name, property := range op.FormSchema.Properties {
		f.known[name] = true
		names = append(names, name)
		if value := property.Value.Default; value != nil {
			f.defaults[name] = ruledoc.WireForm(value)
		}
	}
	sort.Strings(names)
	f.names = strings.Join(names, ", ")
	f.closed = op.FormSchema.AdditionalProperties.Has != nil && !*op.FormSchema.AdditionalProperties.Has
	return f
}

// parse reads the fields of a body. The error is one of the table's.
func (f form) parse(body []byte) (url.Values, error) {
	fields, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, unreadable("the body is not in the form name=value&name=value, or has a malformed percent escape")
	}
	for name, values := range fields {
		if !f.known[name] && f.closed {
			return nil, &Error{
				Code:    CodeUnreadableRequest,
				Note:    fmt.Sprintf("unknown field%s; allowed: %s", shown(name), f.names),
				Details: &api.ErrorDetails{In: api.ErrorDetailsInBody, Field: strings.TrimSpace(shown(name)), Rule: "one of: " + f.names},
			}
		}
		r, scalar := f.rules[name]
		if !scalar {
			continue
		}
		if len(values) > 1 {
			return nil, &Error{
				Code:    CodeUnreadableRequest,
				Note:    name + " is given more than once",
				Details: &api.ErrorDetails{In: api.ErrorDetailsInBody, Field: name, Rule: "at most once"},
			}
		}
		if !r.Canonical(values[0]) {
			return nil, invalid(r)
		}
	}
	for name, value := range f.defaults {
		if _, sent := fields[name]; !sent {
			fields.Set(name, value)
		}
	}
	return fields, nil
}

func unreadable(note string) *Error { return &Error{Code: CodeUnreadableRequest, Note: note} }

// shown gives a field's name for a message, after a space, when it is short and plain; otherwise nothing. An answer
// repeats nothing unbounded.
func shown(name string) string {
	if name == "" || len(name) > 32 {
		return ""
	}
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_-.[]", r) {
			return ""
		}
	}
	return " " + name
}
