package device

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/stream"
	"github.com/nudgehq/nudge/internal/sse"
)

// StreamNotifications holds the stream open, until the token expires at the latest.
func (h *Handler) StreamNotifications(c echo.Context, serviceSID ServiceSid, identity Identity, params StreamNotificationsParams) error {
	skip := ""
	if params.LastEventID != nil {
		skip = *params.LastEventID
	}
	d := delivery.Device{ServiceSID: serviceSID, Identity: identity}
	connection := h.config.Hub.Connect(d, skip)
	defer connection.Close()

	ctx, cancel := context.WithCancel(c.Request().Context())
	defer cancel()
	if expires, ok := c.Get(tokenExpires).(time.Time); ok {
		defer time.AfterFunc(expires.Sub(h.config.TokenTime()), cancel).Stop()
	}
	c.Response().Status = http.StatusOK
	var out *sse.Stream
	var err error
	onOwnStack(func() { out, err = sse.Start(c.Response().Writer) })
	if err != nil {
		return nil
	}
	good, ok := c.Get(tokenGood).(func() bool)
	if !ok {
		good = func() bool { return true }
	}
	// What the request brought is not needed any more; a stream lasts for hours.
	clear(c.Request().Header)
	h.stream(ctx, out, connection, d, good)
	return nil
}

// onOwnStack runs what takes a deep stack apart: the goroutine of a stream would keep that as long as its device is connected, and most of the
// memory of a connection would be its stack.
func onOwnStack(run func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		run()
	}()
	<-done
}

// stream writes what the connection is given, until either side ends it, or its token is not good any more: the key was taken
// away, or the token was revoked.
func (h *Handler) stream(ctx context.Context, out *sse.Stream, connection *stream.Connection, d delivery.Device, good func() bool) {
	// It may have been revoked before the connection could be closed for it.
	if !good() {
		return
	}
	heartbeat := time.NewTicker(h.config.Heartbeat)
	defer heartbeat.Stop()
	wake := func(ctx context.Context, after delivery.Position, limit int) (delivery.Position, bool, error) {
		return h.config.Queue.WakeSome(ctx, d, after, limit)
	}
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-h.done:
			return
		case <-connection.Done():
			return
		case <-heartbeat.C:
			if !good() {
				return
			}
			err = out.Write(sse.Alive)
		case <-connection.Room():
			onOwnStack(func() { err = connection.Feed(ctx, wake) })
			if err != nil && ctx.Err() == nil {
				h.config.Logger.Error("a device could not be woken", slog.Any("error", err))
			}
		case <-connection.Ready():
			onOwnStack(func() {
				for a := connection.Take(); a != nil && err == nil && ctx.Err() == nil; a = connection.Take() {
					err = writeNotification(out, a)
				}
			})
		}
		if err != nil {
			return
		}
	}
}

// writeNotification writes a notification, unless it expired while it waited.
func writeNotification(out *sse.Stream, a *delivery.Attempt) error {
	left := a.Left()
	if left <= 0 {
		return nil
	}
	if a.TTL == 0 {
		left = 0
	}
	data, err := json.Marshal(Notification{
		Type:         "verify_push_challenge",
		Sid:          a.SID,
		ChallengeSid: a.ChallengeSID,
		ServiceSid:   a.ServiceSID,
		Identity:     a.Identity,
		// Rounded up: 0 means something else.
		Ttl:         int((left + time.Second - 1) / time.Second),
		DateCreated: a.Created.Truncate(time.Second),
	})
	if err != nil {
		return err
	}
	return out.Write(fmt.Sprintf("id: %s\nevent: notification\ndata: %s\n\n", a.SID, data))
}
