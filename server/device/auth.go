package device

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/nudgehq/nudge/server/delivery"
)

// tokenExpires is where authenticate leaves the time that the token expires at, tokenGood a function that tells whether it
// is still good.
const (
	tokenExpires = "tokenExpires"
	tokenGood    = "tokenGood"
)

// authenticate checks the token by the path.
func (h *Handler) authenticate(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		token, ok := bearer(c.Request().Header)
		if !ok {
			return errUnauthorized
		}
		d := delivery.Device{ServiceSID: c.Param("ServiceSid"), Identity: c.Param("Identity")}
		v, err := h.verify(token, h.config.TokenTime())
		if err != nil || v.device != d || h.revoked(v) {
			return errUnauthorized
		}
		c.Set(tokenExpires, v.expires)
		c.Set(tokenGood, func() bool {
			v, err := h.verify(token, h.config.TokenTime())
			return err == nil && !h.revoked(v)
		})
		return next(c)
	}
}

// revoked tells whether a token is good for nothing any more. It tells the second in which it was issued.
func (h *Handler) revoked(v verified) bool {
	if h.config.Revoked == nil {
		return false
	}
	at, revoked := h.config.Revoked(v.device)
	return revoked && !v.issued.After(at)
}

// bearer gives the token of the one Authorization header. The scheme has no case, and blanks before the token do not count.
func bearer(header http.Header) (token string, ok bool) {
	values := header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimLeft(token, " ")
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// verify tries the keys in force, the one that signs first.
func (h *Handler) verify(token string, now time.Time) (verified, error) {
	keys := h.config.Keys()
	if h.minting != nil {
		keys = append(keys[:len(keys):len(keys)], h.minting)
	}
	err := errors.New("there is no key")
	for _, key := range keys {
		var v verified
		if v, err = key.verify(token, now); err == nil {
			return v, nil
		}
	}
	return verified{}, err
}
