package device

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"

	"github.com/labstack/echo/v4"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/owndocument"
)

// failure is an error of the table, with words of its own where there are any.
type failure struct {
	code    int
	message string
}

func (f *failure) Error() string { return fmt.Sprintf("error %d: %s", f.code, f.message) }

// The codes of the error table that devices are answered.
const (
	codeUnreadable  = 20001
	codeCredentials = 20003
	codeMethod      = 20004
	codeNotFound    = 20404
	codeTooMany     = 20429
	codeUnavailable = 20503
	codePath        = 60306
)

var (
	// errBusy means that as many requests of the kind are being answered as may be.
	errBusy         = &failure{code: codeTooMany}
	errUnauthorized = &failure{code: codeCredentials}
)

// errorTable is the operation's: devices are answered the same errors.
var errorTable = sync.OnceValues(func() (map[int]openapi.Error, error) {
	doc, err := owndocument.Document()
	if err != nil {
		return nil, err
	}
	table, err := openapi.Errors(doc)
	for _, code := range []int{codeUnreadable, codeCredentials, codeMethod, codeNotFound, codeTooMany, codeUnavailable, codePath} {
		if _, ok := table[code]; !ok && err == nil {
			err = fmt.Errorf("openapi.yaml: no example of an error response has the code %d", code)
		}
	}
	return table, err
})

// answerError writes the one error shape.
func (h *Handler) answerError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	var known *failure
	var routing *echo.HTTPError
	switch {
	case errors.As(err, &known):
	case errors.Is(err, delivery.ErrNotFound):
		known = &failure{codeNotFound, "The device has no such notification, or not any more"}
	case errors.As(err, &routing) && routing.Code == http.StatusNotFound:
		known = &failure{code: codeNotFound}
	case errors.As(err, &routing) && routing.Code == http.StatusMethodNotAllowed:
		known = &failure{code: codeMethod}
	case errors.As(err, &routing) && routing.Code == http.StatusBadRequest:
		known = &failure{codeUnreadable, "A header cannot be read"}
	default:
		known = &failure{code: codeUnavailable}
		h.config.Logger.Error("a device's request failed", slog.Any("error", err))
	}
	row := h.errors[known.code]
	switch row.Status {
	case http.StatusUnauthorized:
		c.Response().Header().Set("WWW-Authenticate", `Bearer realm="nudge devices"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		c.Response().Header().Set("Retry-After", "1")
	}
	_ = c.JSON(row.Status, ErrorBody{Code: known.code, Message: cmp.Or(known.message, row.Message), Status: row.Status, MoreInfo: row.MoreInfo})
}
