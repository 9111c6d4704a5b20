package device

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/nudgehq/nudge/internal/origin"
	"github.com/nudgehq/nudge/internal/rule"
	"github.com/nudgehq/nudge/internal/ruledoc"
	"github.com/nudgehq/nudge/server/delivery"
	"github.com/nudgehq/nudge/server/delivery/stream"
)

// OpenAPI is the document of the device endpoints.
//
//go:embed openapi.yaml
var OpenAPI []byte

//go:embed page.html
var page []byte

// script is what makes a browser a device; the page uses it, and other pages of this server may.
//
//go:embed device.js
var script []byte

var scriptETag = fmt.Sprintf(`"%x"`, sha256.Sum256(script))

// DefaultHeartbeat is how often an idle stream says that it is alive.
const DefaultHeartbeat = 15 * time.Second

// writeTimeout is how long one event may take to be written; a reader that is slower is cut off.
const writeTimeout = 10 * time.Second

// Queue is what the endpoints need of the delivery queue.
type Queue interface {
	// Wake tries everything again that is pending for a device.
	Wake(ctx context.Context, d delivery.Device) error
	// Acknowledge ends a notification as delivered; the error is delivery.ErrNotFound when the device has none such.
	Acknowledge(ctx context.Context, d delivery.Device, sid string) error
}

// Config is what a Handler is made of. Queue, Hub and Key are required; the rest has defaults.
type Config struct {
	Queue Queue
	Hub   *stream.Hub
	Key   Key
	// MintTokens lets everybody have a token for any device. For development only.
	MintTokens bool
	// Heartbeat is how often an idle stream says that it is alive. 0: DefaultHeartbeat.
	Heartbeat time.Duration
	// Now is the clock that notifications expire by. Nil: time.Now.
	Now func() time.Time
	// TokenTime is the clock that tokens expire by. Nil: time.Now.
	TokenTime func() time.Time
	// Logger gets what goes wrong. Nil: nothing is logged.
	Logger *slog.Logger
}

// Handler answers everything under /devices.
type Handler struct {
	config Config
	echo   *echo.Echo
	// minting signs the tokens that this process gives to everybody; nil for none. It is not the key of the devices in
	// the field, so such a token is worth nothing to another process.
	minting Key
	done    chan struct{}
	once    sync.Once
}

var _ ServerInterface = (*Handler)(nil)

// New makes a Handler.
func New(config Config) (*Handler, error) {
	if config.Queue == nil || config.Hub == nil || len(config.Key) < minKey {
		return nil, errors.New("device: Config.Queue, Config.Hub and Config.Key are required")
	}
	if config.Heartbeat == 0 {
		config.Heartbeat = DefaultHeartbeat
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.TokenTime == nil {
		config.TokenTime = time.Now
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	doc, err := ruledoc.Load(OpenAPI)
	if err != nil {
		return nil, err
	}
	operations, err := ruledoc.Operations(doc)
	if err != nil {
		return nil, err
	}
	h := &Handler{config: config, echo: echo.New(), done: make(chan struct{})}
	if config.MintTokens {
		h.minting = randomKey()
	}
	middlewares := map[string][]echo.MiddlewareFunc{}
	for _, op := range operations {
		middlewares[op.ID] = []echo.MiddlewareFunc{checkPath(op.Parameters), h.authenticate}
		if op.Spec.Security != nil && len(*op.Spec.Security) == 0 {
			middlewares[op.ID] = []echo.MiddlewareFunc{checkPath(op.Parameters)}
		}
	}
	h.echo.HTTPErrorHandler = h.answerError
	h.echo.Use(h.logRequest)
	RegisterHandlersWithOptions(h.echo, h, RegisterHandlersOptions{OperationMiddlewares: middlewares})
	h.echo.GET("/devices", servePage)
	h.echo.GET("/devices/device.js", serveScript)
	return h, nil
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.echo.ServeHTTP(w, r) }

// Beside answers what is under /devices and leaves the rest to the operation's handler.
func (h *Handler) Beside(operation http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path := r.URL.Path; path == "/devices" || strings.HasPrefix(path, "/devices/") {
			h.ServeHTTP(w, r)
			return
		}
		operation.ServeHTTP(w, r)
	})
}

// Close ends all streams; devices connect again elsewhere, or later.
func (h *Handler) Close() error {
	h.once.Do(func() { close(h.done) })
	return nil
}

// logRequest writes one line a request, without its token; a stream's when it ends.
func (h *Handler) logRequest(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		if err := next(c); err != nil {
			h.answerError(err, c)
		}
		h.config.Logger.LogAttrs(c.Request().Context(), slog.LevelInfo, "device request",
			slog.String("method", c.Request().Method), slog.String("route", c.Path()), slog.String("service_sid", bounded(c.Param("ServiceSid"))),
			slog.String("identity", bounded(c.Param("Identity"))), slog.Int("status", c.Response().Status), slog.Float64("seconds", time.Since(start).Seconds()))
		return nil
	}
}

// bounded cuts what a caller may make as long as it likes.
func bounded(text string) string { return text[:min(len(text), 64)] }

// checkPath checks the path by the document's rules.
func checkPath(rules []rule.Rule) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			for _, r := range rules {
				if r.In != "path" {
					continue
				}
				value := c.Param(r.Name)
				if c.Request().URL.RawPath != "" {
					value, _ = url.PathUnescape(value)
				}
				if !r.Allows(value) {
					return &failure{http.StatusBadRequest, 60306, fmt.Sprintf("Invalid path parameter: %s must be %s", r.Name, r)}
				}
			}
			return next(c)
		}
	}
}

// authenticate checks the token by the path.
func (h *Handler) authenticate(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		token, ok := strings.CutPrefix(c.Request().Header.Get("Authorization"), "Bearer ")
		if !ok {
			return errUnauthorized
		}
		device, expires, err := h.config.Key.verify(token, h.config.TokenTime())
		if err != nil && h.minting != nil {
			device, expires, err = h.minting.verify(token, h.config.TokenTime())
		}
		if err != nil || device.ServiceSID != c.Param("ServiceSid") || device.Identity != c.Param("Identity") {
			return errUnauthorized
		}
		c.Set(tokenExpires, expires)
		return next(c)
	}
}

// tokenExpires is where authenticate leaves the time that the token expires at.
const tokenExpires = "tokenExpires"

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
	s := events{w: c.Response().Writer, control: http.NewResponseController(c.Response().Writer)}
	s.w.Header().Set("Content-Type", "text/event-stream")
	s.w.Header().Set("Cache-Control", "no-store")
	c.Response().Status = http.StatusOK
	if err := s.write(": connected\n\n"); err != nil {
		return nil
	}
	go func() {
		// What is pending goes through the connection, which is read below meanwhile.
		if err := h.config.Queue.Wake(ctx, d); err != nil && ctx.Err() == nil {
			h.config.Logger.Error("a device could not be woken", slog.Any("error", err))
			cancel()
		}
	}()
	heartbeat := time.NewTicker(h.config.Heartbeat)
	defer heartbeat.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-h.done:
			return nil
		case <-heartbeat.C:
			err = s.write(": alive\n\n")
		case <-connection.Done():
			return nil
		case attempt := <-connection.Notifications():
			err = s.event(attempt, h.config.Now())
		}
		if err != nil {
			return nil
		}
	}
}

// events writes server-sent events.
type events struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (s events) write(text string) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	if err := s.control.Flush(); err != nil {
		return err
	}
	// HTTP/2 ends a stream at its deadline even when nothing is being written.
	if err := s.control.SetWriteDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// event writes a notification, unless it expired while it waited.
func (s events) event(a *delivery.Attempt, now time.Time) error {
	remaining := a.Expires().Sub(now)
	switch {
	case a.TTL == 0 && -remaining <= delivery.DefaultAttemptTimeout+time.Second:
		remaining = 0
	case remaining <= 0:
		// It waited in the buffer for too long.
		return nil
	}
	data, err := json.Marshal(Notification{
		Type:         "verify_push_challenge",
		Sid:          a.SID,
		ChallengeSid: a.ChallengeSID,
		ServiceSid:   a.ServiceSID,
		Identity:     a.Identity,
		// Rounded up: 0 means something else.
		Ttl:         int((remaining + time.Second - 1) / time.Second),
		DateCreated: a.Created,
	})
	if err != nil {
		return err
	}
	return s.write(fmt.Sprintf("id: %s\nevent: notification\ndata: %s\n\n", a.SID, data))
}

// AcknowledgeNotification ends a notification as delivered.
func (h *Handler) AcknowledgeNotification(c echo.Context, serviceSID ServiceSid, identity Identity, notificationSID string) error {
	err := h.config.Queue.Acknowledge(c.Request().Context(), delivery.Device{ServiceSID: serviceSID, Identity: identity}, notificationSID)
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// mintedFor is how long a token of MintDeviceToken is valid.
const mintedFor = time.Hour

// MintDeviceToken mints a token, on a server for development.
func (h *Handler) MintDeviceToken(c echo.Context, serviceSID ServiceSid, identity Identity) error {
	if h.minting == nil || !origin.OwnHost(c.Request(), "") || !origin.OwnPage(c.Request(), "") {
		return echo.ErrNotFound
	}
	token, err := h.minting.Token(delivery.Device{ServiceSID: serviceSID, Identity: identity}, h.config.TokenTime(), mintedFor)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusCreated, Token{Token: token})
}

// failure is an error with its answer.
type failure struct {
	status, code int
	message      string
}

func (f *failure) Error() string { return f.message }

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
	if known.status == http.StatusUnauthorized {
		c.Response().Header().Set("WWW-Authenticate", `Bearer realm="nudge devices"`)
	}
	_ = c.JSON(known.status, ErrorBody{
		Code: known.code, Message: known.message, Status: known.status, MoreInfo: fmt.Sprintf("https://www.twilio.com/docs/errors/%d", known.code),
	})
}

// pagePolicy lets the page run its own script and style, by their hashes, and talk to nobody but this server.
var pagePolicy = fmt.Sprintf("default-src 'none'; connect-src 'self'; style-src '%s'; script-src 'self' '%s'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	hashOf("<style>", "</style>"), hashOf(`<script type="module">`, "</script>"))

// hashOf gives the hash of what stands in the page between two tags, as a policy names it.
func hashOf(open, end string) string {
	_, rest, _ := bytes.Cut(page, []byte(open))
	text, _, _ := bytes.Cut(rest, []byte(end))
	sum := sha256.Sum256(text)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// servePage answers the page that is a device in the browser.
func servePage(c echo.Context) error {
	c.Response().Header().Set("Content-Security-Policy", pagePolicy)
	return c.HTMLBlob(http.StatusOK, page)
}

// serveScript answers the module that pages of this server are devices with.
func serveScript(c echo.Context) error {
	header := c.Response().Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Type", "text/javascript; charset=utf-8")
	header.Set("Cache-Control", "no-cache")
	header.Set("ETag", scriptETag)
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(script))
	return nil
}
