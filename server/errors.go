package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/delivery"
)

// The codes of the document's error table. Status, message and page of each stand in openapi.yaml, as an example of the
// response with its status.
const (
	CodeUnreadableRequest    = 20001
	CodeAuthenticate         = 20003
	CodeMethodNotAllowed     = 20004
	CodeNotFound             = 20404
	CodePayloadTooLarge      = 20413
	CodeUnsupportedMediaType = 20415
	CodeTooManyRequests      = 20429
	CodeInternal             = 20500
	CodeUnavailable          = 20503
	CodeInvalidBodyParameter = 60200
	CodeInvalidPathParameter = 60306
	CodePlatformNone         = 60307
	CodeTooManyNotifications = 60309
	CodeChallengeAnswered    = 60322
	CodeChallengeExpired     = 60323
)

// errorCodes are the codes that the server itself answers; the document must have them all.
var errorCodes = []int{
	CodeUnreadableRequest, CodeAuthenticate, CodeMethodNotAllowed, CodeNotFound, CodePayloadTooLarge, CodeUnsupportedMediaType,
	CodeTooManyRequests, CodeInternal, CodeUnavailable, CodeInvalidBodyParameter, CodeInvalidPathParameter, CodePlatformNone,
	CodeTooManyNotifications, CodeChallengeAnswered, CodeChallengeExpired,
}

// retryAfter is what Retry-After says on the errors that pass by themselves, in seconds.
const retryAfter = 1

// Error is an error of the document's table. A [Challenges] or [Queue] returns one to have it answered.
type Error struct {
	// Code is the error's number in the table; it decides status and message.
	Code int
	// Message replaces the table's message; empty: the table's.
	Message string
	// Note completes the message; empty: nothing.
	Note string
	// Details says where the error is; nil when it is nowhere in particular.
	Details *api.ErrorDetails
	// RetryAfter is after how many seconds to try again, of an error that passes by itself. 0: 1.
	RetryAfter int
	// Cause is logged and never sent.
	Cause error
}

// Error gives the code, the note and the cause.
func (e *Error) Error() string {
	text := "error " + strconv.Itoa(e.Code)
	if e.Note != "" {
		text += ": " + e.Note
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// KnownError tells whether the document's error table has the code.
func KnownError(code int) bool {
	contract, err := loadContract()
	if err != nil {
		return false
	}
	_, ok := contract.errors[code]
	return ok
}

// asError is the one place where an error of any kind becomes one of the table's.
func (s *Server) asError(c echo.Context, err error) *Error {
	var known *Error
	var routing *echo.HTTPError
	switch {
	case errors.As(err, &known):
		if _, ok := s.contract.errors[known.Code]; !ok {
			known = &Error{Code: CodeInternal, Cause: err}
		}
	case errors.Is(err, delivery.ErrLimit):
		known = &Error{Code: CodeTooManyNotifications}
	case errors.Is(err, delivery.ErrFull):
		known = &Error{Code: CodeTooManyRequests, Note: "too many notifications are pending"}
	case errors.Is(err, delivery.ErrDeviceFull):
		known = &Error{Code: CodeTooManyRequests, Note: "too many notifications are pending for the device"}
	case errors.Is(err, delivery.ErrAddressDead):
		known = &Error{Code: CodePlatformNone, Note: "nothing arrives at its address any more"}
	case errors.Is(err, delivery.ErrUnavailable):
		known = &Error{Code: CodeUnavailable, Cause: err}
	case errors.As(err, &routing) && routing.Code == http.StatusNotFound:
		known = &Error{Code: CodeNotFound}
	case errors.As(err, &routing) && routing.Code == http.StatusMethodNotAllowed:
		known = &Error{Code: CodeMethodNotAllowed}
	default:
		known = &Error{Code: CodeInternal, Cause: err}
	}
	if known.Code == CodeNotFound && known.Message == "" {
		named := *known
		named.Message = notFoundMessage(c.Request())
		return &named
	}
	return known
}

// errorBody gives the body of an answer, and its text.
func (c *contract) errorBody(e *Error) (body api.ErrorBody, text []byte) {
	body = c.errors[e.Code]
	if e.Message != "" {
		body.Message = e.Message
	}
	if e.Note != "" {
		body.Message += ": " + e.Note
	}
	body.Details = e.Details
	text, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("server: an error body of strings and numbers does not marshal: %v", err))
	}
	return body, append(text, '\n')
}

// answerError writes the one error shape. Echo calls it for its own errors too.
func (s *Server) answerError(err error, c echo.Context) {
	call := callOf(c)
	e := s.asError(c, err)
	call.code = e.Code
	if e.Cause != nil {
		s.config.Logger.LogAttrs(c.Request().Context(), slog.LevelError, "request failed",
			slog.String("request_id", call.requestID), slog.Int("code", e.Code), slog.Any("error", e.Cause))
	}
	if c.Response().Committed {
		return
	}
	header := c.Response().Header()
	call.setHeaders(header)
	header.Set("Content-Type", "application/json")
	switch e.Code {
	case CodeAuthenticate:
		header.Set("WWW-Authenticate", `Basic realm="Twilio API"`)
	case CodeMethodNotAllowed:
		// The router has set it, unless the error was asked for by its code.
		if header.Get("Allow") == "" {
			header.Set("Allow", "OPTIONS, "+c.Request().Method)
		}
	case CodeTooManyRequests, CodeUnavailable:
		header.Set("Retry-After", strconv.Itoa(max(e.RetryAfter, retryAfter)))
	}
	body, text := s.contract.errorBody(e)
	c.Response().WriteHeader(body.Status)
	// The caller may be gone; there is nobody else to tell.
	_, _ = c.Response().Write(text)
}

// maxEchoedPath bounds how much of a path an answer repeats, in bytes. The longest path of the operation is shorter.
const maxEchoedPath = 256

// notFoundMessage names the resource as the hosted service does. The escaped path is ASCII; a longer one is cut.
func notFoundMessage(r *http.Request) string {
	return "The requested resource " + shownPath(r) + " was not found"
}

// shownPath is a request's path, cut to a bounded length.
func shownPath(r *http.Request) string {
	path := r.URL.EscapedPath()
	if len(path) > maxEchoedPath {
		cut := path[:maxEchoedPath]
		// Not in the middle of a percent escape.
		if i := strings.LastIndexByte(cut, '%'); i >= maxEchoedPath-2 {
			cut = cut[:i]
		}
		path = cut + "…"
	}
	return path
}
