package device

import (
	"errors"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/internal/bearer"
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
		if err := h.checkToken(c); err != nil {
			return err
		}
		return next(c)
	}
}

func (h *Handler) checkToken(c echo.Context) error {
	token, ok := bearer.Token(c.Request().Header)
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
	return nil
}

// revoked tells whether a token is good for nothing any more. It tells the second in which it was issued.
func (h *Handler) revoked(v verified) bool {
	if h.config.Revoked == nil {
		return false
	}
	at, revoked := h.config.Revoked(v.device)
	return revoked && !v.issued.After(at)
}

// verify tries the keys in force, the one that signs first.
func (h *Handler) verify(token string, now time.Time) (v verified, err error) {
	onOwnStack(func() { v, err = h.tryKeys(token, now) })
	return v, err
}

func (h *Handler) tryKeys(token string, now time.Time) (verified, error) {
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
