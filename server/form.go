package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/rule"
)

// readForm reads the body and lets through only what the document lets a form be. The generated code binds
// FormParams, which merges the query string, and the validator passes unknown and repeated fields, `007` and JSON under
// the form's media type: so the form is judged here, as it stands on the wire, and r.Form holds the body's fields alone.
func (s *Server) readForm(op openapi.Operation, plain *plainRequests) echo.MiddlewareFunc {
	f := newForm(op)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			body, err := readBody(c.Response().Writer, r, s.config.MaxBody)
			if err != nil {
				return err
			}
			r.Body = http.NoBody
			callOf(c).hasBody = len(body) > 0
			// Who judges plain requests needs the form alone.
			if len(body) > 0 && (plain == nil || !plain.takes(r)) {
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

// believedLength is the Content-Length for which memory is taken at once, in bytes.
const believedLength = 4 << 10

// bodyTimeout is how long a caller may take to send a body.
const bodyTimeout = 2 * time.Second

var (
	errIncomplete = unreadable("the body could not be read to its end")
	errSlow       = unreadable(fmt.Sprintf("the body did not come within %v", bodyTimeout))
)

// readBody reads the body, up to limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	// A recorder has no deadlines.
	control := http.NewResponseController(w)
	if control.SetReadDeadline(time.Now().Add(bodyTimeout)) == nil {
		defer func() { _ = control.SetReadDeadline(time.Time{}) }()
	}
	// The length is what the caller says: only a small one is believed before the bytes are there.
	if r.ContentLength >= 0 && r.ContentLength <= believedLength {
		body := make([]byte, r.ContentLength)
		_, err := io.ReadFull(r.Body, body)
		return body, incomplete(w, err)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, tooLarge(limit)
	}
	return body, incomplete(w, err)
}

// incomplete is the error for a body that could not be read. What comes late is not waited for: the connection ends.
func incomplete(w http.ResponseWriter, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		return errSlow
	}
	return errIncomplete
}

func tooLarge(limit int64) error {
	return &Error{Code: CodePayloadTooLarge, Note: fmt.Sprintf("at most %d bytes are allowed", limit)}
}

// checkMediaType refuses what is not a form. A request without a body need not name a media type.
func checkMediaType(header http.Header, hasBody bool) error {
	values := header.Values("Content-Type")
	form := len(values) == 0 && !hasBody
	if len(values) == 1 {
		var err error
		if form, err = isForm(values[0]); err != nil {
			return err
		}
	}
	if !form {
		return &Error{Code: CodeUnsupportedMediaType, Note: "it must be " + openapi.FormType}
	}
	for _, encoding := range header.Values("Content-Encoding") {
		if encoding != "" && !strings.EqualFold(encoding, "identity") {
			return &Error{Code: CodeUnsupportedMediaType, Note: "the body must have no Content-Encoding"}
		}
	}
	return nil
}

// sameAsUTF8 are the charsets in which a form is what it is in UTF-8: its bytes are ASCII, the others percent-encoded.
var sameAsUTF8 = map[string]bool{"": true, "utf-8": true, "utf8": true, "us-ascii": true, "ascii": true, "iso-8859-1": true}

func isForm(contentType string) (form bool, err error) {
	if contentType == openapi.FormType {
		return true, nil
	}
	mediaType, parameters, malformed := mime.ParseMediaType(contentType)
	if malformed != nil || mediaType != openapi.FormType {
		return false, nil //nolint:nilerr // what cannot be parsed is no form
	}
	if !sameAsUTF8[strings.ToLower(parameters["charset"])] {
		return true, &Error{Code: CodeUnsupportedMediaType, Note: "the charset must be utf-8, us-ascii or iso-8859-1"}
	}
	return true, nil
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

func newForm(op openapi.Operation) form {
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
			f.defaults[name] = openapi.WireForm(value)
		}
	}
	slices.Sort(names)
	f.names = strings.Join(names, ", ")
	f.closed = op.FormSchema.AdditionalProperties.Has != nil && !*op.FormSchema.AdditionalProperties.Has
	return f
}

// usualFields is how many fields a form has at most, when nobody plays with it.
const usualFields = 4

// parse reads the fields of a body. The error is one of the table's.
func (f form) parse(body []byte) (url.Values, error) {
	fields, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, unreadable("the body is not in the form name=value&name=value, has a malformed percent escape or too many fields")
	}
	// In order, so that a form with several faults gets the same answer every time.
	names := make([]string, 0, usualFields)
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		values := fields[name]
		if !f.known[name] && f.closed {
			e := &Error{Code: CodeUnreadableRequest, Note: "unknown field; allowed: " + f.names}
			if plain(name) {
				e.Note = fmt.Sprintf("unknown field %s; allowed: %s", name, f.names)
				e.Details = &api.ErrorDetails{In: api.ErrorDetailsInBody, Field: name, Rule: "one of: " + f.names}
			}
			return nil, e
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

// plain tells whether a field's name is short and simple enough to be repeated: an answer repeats nothing unbounded.
func plain(name string) bool {
	if name == "" || len(name) > 32 {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_-.[]", r)
	})
}
