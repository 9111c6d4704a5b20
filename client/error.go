package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/internal/rule"
)

// Error is a call that the service refused. Get it with errors.As.
type Error struct {
	// Code is the error's number, such as 60200; 0 when the answer was not one of the service's, such as a proxy's page.
	Code int
	// Status is the HTTP status.
	Status int
	// Message says what is wrong.
	Message string
	// MoreInfo is the page that describes the error; empty when there is none.
	MoreInfo string
	// RequestID is the answer's Twilio-Request-Id, for the service's log; empty when there was none.
	RequestID string
	// Details says where the error is; nil when the service does not say.
	Details *api.ErrorDetails
}

// Error gives all that is known in one line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", e.Status)
	if e.Code != 0 {
		fmt.Fprintf(&b, " error %d", e.Code)
	}
	fmt.Fprintf(&b, ": %s", e.Message)
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", e.RequestID)
	}
	return b.String()
}

// shownBody bounds how much of a foreign answer a message repeats, in bytes.
const shownBody = 200

// newError reads an answer; one that is not in the service's error shape gives an Error all the same.
func newError(response *http.Response, body []byte) *Error {
	e := &Error{Status: response.StatusCode, RequestID: response.Header.Get("Twilio-Request-Id")}
	var shape struct {
		Code     int             `json:"code"`
		Message  string          `json:"message"`
		MoreInfo string          `json:"more_info"`
		Details  json.RawMessage `json:"details"`
	}
	if err := json.Unmarshal(body, &shape); err == nil && (shape.Code != 0 || shape.Message != "") {
		e.Code, e.Message, e.MoreInfo = shape.Code, shape.Message, shape.MoreInfo
		// Details of another shape are not worth losing the rest for.
		var details *api.ErrorDetails
		if json.Unmarshal(shape.Details, &details) == nil {
			e.Details = details
		}
	}
	if e.Message == "" {
		e.Message = foreign(response, body)
	}
	return e
}

// foreign describes an answer that is not the service's.
func foreign(response *http.Response, body []byte) string {
	text := strings.Join(strings.Fields(string(body[:min(len(body), shownBody)])), " ")
	switch {
	case text == "":
		return http.StatusText(response.StatusCode) + ", with an empty body"
	case len(body) > shownBody:
		text += "…"
	}
	return fmt.Sprintf("%s, with a body of type %q: %s", http.StatusText(response.StatusCode), response.Header.Get("Content-Type"), strings.ToValidUTF8(text, "�"))
}

// The code of an answer to a request that was not processed because there were too many at once.
const codeTooManyRequests = 20429

// defaultWait is the wait before another attempt where the answer names none.
const defaultWait = time.Second

// retryAfter is how long to wait before trying again; negative when that makes no sense.
func (e *Error) retryAfter(header http.Header) time.Duration {
	if e.Code != codeTooManyRequests && e.Status != http.StatusServiceUnavailable {
		return -1
	}
	value := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Until(at), 0)
	}
	return defaultWait
}

// InvalidError is a call that was not sent, because a parameter breaks a rule of the document.
type InvalidError struct {
	// In is where the parameter stands: path or body; Field is its name, as in the document.
	In, Field string
	// Rule says what is allowed: "an integer from 0 to 300".
	Rule string
}

// Error says what must be, and not what was given.
func (e *InvalidError) Error() string {
	return fmt.Sprintf("client: %s must be %s", e.Field, e.Rule)
}

// check judges the values, in their wire form, by the document's rules of the operation.
func check(operation string, values map[string]string) error {
	for _, r := range rules[operation] {
		if value, given := values[r.Name]; given && !r.Allows(value) {
			return invalidError(r)
		}
	}
	return nil
}

func invalidError(r rule.Rule) *InvalidError {
	return &InvalidError{In: r.In, Field: r.Name, Rule: r.String()}
}
