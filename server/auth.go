package server

import (
	"encoding/base64"
	"log/slog"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/nudgehq/nudge/internal/openapi"
)

// Accounts says who may call.
type Accounts interface {
	// Authenticate gives the SID of the account (AC…) that the credentials belong to: an account's SID and auth token,
	// or an API key's SID and secret. It takes the same time whichever part is wrong, and is called at once by many.
	Authenticate(username, password string) (accountSID string, ok bool)
}

// authenticate lets nobody through without credentials, unless the document says that the operation needs none.
func (s *Server) authenticate(op openapi.Operation) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if len(op.Security) == 0 {
			return next
		}
		return func(c echo.Context) error {
			address := s.failures.address(c.Request())
			if s.failures.tooMany(address) {
				return &Error{Code: CodeTooManyRequests, Note: "too many with wrong credentials came from this address", RetryAfter: int(failureWindow.Seconds())}
			}
			username, password, ok := basicAuth(c.Request().Header)
			var accountSID string
			if ok {
				accountSID, ok = s.config.Accounts.Authenticate(username, password)
			}
			if !ok {
				if s.failures.add(address) {
					s.config.Logger.Warn("too many requests with wrong credentials came from an address; it is refused for a minute",
						slog.String("address", address))
				}
				return &Error{Code: CodeAuthenticate}
			}
			callOf(c).accountSID = accountSID
			return next(c)
		}
	}
}

// basicAuth gives the credentials of the one Authorization header. The scheme has no case, and blanks before the
// credentials do not count; with two headers nobody can say which is meant.
func basicAuth(header http.Header) (username, password string, ok bool) {
	values := header.Values("Authorization")
	if len(values) != 1 {
		return "", "", false
	}
	scheme, encoded, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.Trim(encoded, " "))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(decoded), ":")
}
