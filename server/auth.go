package server

import (
	"github.com/labstack/echo/v4"

	"github.com/nudgehq/nudge/internal/ruledoc"
)

// Accounts says who may call.
type Accounts interface {
	// Authenticate gives the SID of the account (AC…) that the credentials belong to: an account's SID and auth token,
	// or an API key's SID and secret. It takes the same time whichever part is wrong, and is called at once by many.
	Authenticate(username, password string) (accountSID string, ok bool)
}

// authenticate lets nobody through without credentials, unless the document says that the operation needs none.
func (s *Server) authenticate(op ruledoc.Operation) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if len(op.Security) == 0 {
			return next
		}
		return func(c echo.Context) error {
			username, password, ok := c.Request().BasicAuth()
			if !ok {
				return &Error{Code: CodeAuthenticate}
			}
			accountSID, ok := s.config.Accounts.Authenticate(username, password)
			if !ok {
				return &Error{Code: CodeAuthenticate}
			}
			callOf(c).accountSID = accountSID
			return next(c)
		}
	}
}
