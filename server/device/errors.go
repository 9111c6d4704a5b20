package device

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/nudgehq/nudge/delivery"
)

// failure is an error with its answer.
type failure struct {
	status, code int
	message      string
}

func (f *failure) Error() string { return f.message }

// errBusy means that as many requests of the kind are being answered as may be.
var errBusy = errors.New("too many requests")

var errUnauthorized = &failure{http.StatusUnauthorized, 20003, "Authenticate"}

// answerError writes the one error shape.
func (h *Handler) answerError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	var known *failure
	var routing *echo.HTTPError
	switch {
	case errors.As(err, &known):
	case errors.Is(err, errBusy):
		known = &failure{http.StatusTooManyRequests, 20429, "Too many requests"}
	case errors.Is(err, delivery.ErrNotFound):
		known = &failure{http.StatusNotFound, 20404, "The device has no such notification, or not any more"}
	case errors.As(err, &routing) && routing.Code == http.StatusNotFound:
		known = &failure{http.StatusNotFound, 20404, "The requested resource was not found"}
	case errors.As(err, &routing) && routing.Code == http.StatusMethodNotAllowed:
		known = &failure{http.StatusMethodNotAllowed, 20004, "Method not allowed"}
	case errors.As(err, &routing) && routing.Code == http.StatusBadRequest:
		known = &failure{http.StatusBadRequest, 20001, "A header cannot be read"}
	default:
		known = &failure{http.StatusServiceUnavailable, 20503, "The service is unavailable"}
		h.config.Logger.Error("a device's request failed", slog.Any("error", err))
	}
	switch known.status {
	case http.StatusUnauthorized:
		c.Response().Header().Set("WWW-Authenticate", `Bearer realm="nudge devices"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		c.Response().Header().Set("Retry-After", "1")
	}
	_ = c.JSON(known.status, ErrorBody{
		Code: known.code, Message: known.message, Status: known.status, MoreInfo: fmt.Sprintf("https://www.twilio.com/docs/errors/%d", known.code),
	})
}
