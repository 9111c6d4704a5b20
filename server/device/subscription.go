package device

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/nudgehq/nudge/delivery"
)

// maxSubscription bounds a subscription, in bytes.
const maxSubscription = 8 << 10

// pushKey is the key that subscriptions are made with; empty where none are taken.
func (h *Handler) pushKey() string {
	if h.config.Push == nil {
		return ""
	}
	return h.config.Push.Key()
}

// GetPushKey answers the key that browsers subscribe with.
func (h *Handler) GetPushKey(c echo.Context) error {
	var answer PushKey
	if key := h.pushKey(); key != "" {
		answer.PublicKey = &key
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, answer)
}

// SubscribeDevice has notifications sent to a browser's push service.
func (h *Handler) SubscribeDevice(c echo.Context, serviceSID ServiceSid, identity Identity) error {
	if h.pushKey() == "" {
		return echo.ErrNotFound
	}
	body, err := io.ReadAll(io.LimitReader(c.Request().Body, maxSubscription+1))
	if err != nil || len(body) > maxSubscription || !json.Valid(body) {
		return &failure{codeUnreadable, "The request cannot be read: the body must be a subscription in JSON"}
	}
	if err := h.config.Push.Subscribe(delivery.Device{ServiceSID: serviceSID, Identity: identity}, string(body)); err != nil {
		return &failure{codeUnreadable, "The request cannot be read: " + err.Error()}
	}
	return c.NoContent(http.StatusNoContent)
}

// UnsubscribeDevice has notifications sent to the stream again.
func (h *Handler) UnsubscribeDevice(c echo.Context, serviceSID ServiceSid, identity Identity) error {
	if h.pushKey() == "" {
		return echo.ErrNotFound
	}
	h.config.Push.Unsubscribe(delivery.Device{ServiceSID: serviceSID, Identity: identity})
	return c.NoContent(http.StatusNoContent)
}
