package device

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/stream"
	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/origin"
	"github.com/nudgehq/nudge/internal/rule"
	"github.com/nudgehq/nudge/internal/sse"
)

// OpenAPI is the document of the device endpoints.
//
//go:embed openapi.yaml
var OpenAPI []byte

// Defaults of Config.
const (
	// DefaultMaxStreams is how many streams are held open at once, of all devices.
	DefaultMaxStreams = 100_000
	// DefaultMaxInFlight is how many other requests are processed at once.
	DefaultMaxInFlight = 1024
)

// Queue is what the endpoints need of the delivery queue.
type Queue interface {
	// WakeSome tries again what is pending for a device, at most limit of it and behind a position. It gives the position to
	// go on from, and whether there may be more.
	WakeSome(ctx context.Context, d delivery.Device, after delivery.Position, limit int) (last delivery.Position, more bool, err error)
	// Acknowledge ends a notification as delivered; the error is delivery.ErrNotFound when the device has none such.
	Acknowledge(ctx context.Context, d delivery.Device, sid string) error
}

// Push takes subscriptions of browsers.
type Push interface {
	// Key is what they are made with; empty while none are taken.
	Key() string
	// Subscribe has a device's notifications sent to a subscription, in JSON; the error says what is wrong with it, and holds nothing
	// of it. Unsubscribe ends that.
	Subscribe(d delivery.Device, subscription string) error
	Unsubscribe(d delivery.Device)
}

// Config is what a Handler is made of. Queue, Hub and Keys are required; the rest has defaults.
type Config struct {
	Queue Queue
	Hub   *stream.Hub
	// Keys gives the keys in force: tokens that are signed by any of them are good.
	Keys func() []Key
	// Revoked, if any, gives the time up to which the tokens of a device are refused.
	Revoked func(d delivery.Device) (at time.Time, revoked bool)
	// MintTokens lets everybody have a token for any device. For development only.
	MintTokens bool
	// MaxStreams is how many streams are held open at once, and MaxInFlight how many other requests are processed; one more
	// is answered 20429. 0: DefaultMaxStreams and DefaultMaxInFlight.
	MaxStreams, MaxInFlight int
	// Documentation is the path of this server's documentation, whose look the page has and which it leads back to. Empty: neither.
	Documentation string
	// PublicHost is the host that callers reach this server by, where that is not this machine or an address.
	PublicHost string
	// Heartbeat is how often an idle stream says that it is alive. 0: every 15 s.
	Heartbeat time.Duration
	// Push, if any, takes subscriptions of browsers to their push services.
	Push Push
	// TokenTime is the clock that tokens expire by. Nil: time.Now.
	TokenTime func() time.Time
	// Logger gets one line a request, and what goes wrong. Nil: nothing is logged.
	Logger *slog.Logger
	// NoAccessLog leaves out the lines of requests.
	NoAccessLog bool
}

// Handler answers everything under /devices.
type Handler struct {
	config Config
	echo   *echo.Echo
	// errors is the error table, by code.
	errors map[int]openapi.Error
	// minting signs the tokens that this process gives to everybody; nil for none. It is not the key of the devices in
	// the field, so such a token is worth nothing to another process.
	minting Key
	// page is the one that is a device in the browser.
	page []byte
	done chan struct{}
	once sync.Once
}

var _ ServerInterface = (*Handler)(nil)

// New makes a Handler.
func New(config Config) (*Handler, error) {
	if config.Queue == nil || config.Hub == nil || config.Keys == nil || len(config.Keys()) == 0 {
		return nil, errors.New("device: Config.Queue, Config.Hub and Config.Keys are required")
	}
	if config.Heartbeat == 0 {
		config.Heartbeat = sse.Heartbeat
	}
	if config.MaxStreams == 0 {
		config.MaxStreams = DefaultMaxStreams
	}
	if config.MaxInFlight == 0 {
		config.MaxInFlight = DefaultMaxInFlight
	}
	if config.TokenTime == nil {
		config.TokenTime = time.Now
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	operations, err := operations()
	if err != nil {
		return nil, err
	}
	table, err := errorTable()
	if err != nil {
		return nil, err
	}
	h := &Handler{config: config, echo: echo.New(), errors: table, done: make(chan struct{})}
	if config.MintTokens {
		h.minting = randomKey()
	}
	middlewares := map[string][]echo.MiddlewareFunc{}
	others := atMost(config.MaxInFlight)
	for _, op := range operations {
		limit := others
		if op.ID == "StreamNotifications" {
			limit = atMost(config.MaxStreams)
		}
		middlewares[op.ID] = []echo.MiddlewareFunc{checkPath(op.Parameters), h.authenticate, limit}
		if op.Spec.Security != nil && len(*op.Spec.Security) == 0 {
			middlewares[op.ID] = []echo.MiddlewareFunc{checkPath(op.Parameters), limit}
		}
	}
	h.echo.HTTPErrorHandler = h.answerError
	h.echo.Use(h.logRequest)
	RegisterHandlersWithOptions(h.echo, h, RegisterHandlersOptions{OperationMiddlewares: middlewares})
	if h.page, err = makePage(config.Documentation, config.MintTokens); err != nil {
		return nil, err
	}
	h.echo.GET("/devices", h.servePage)
	for name := range webFiles {
		h.echo.GET("/devices/"+name, serveWeb)
	}
	return h, nil
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.echo.ServeHTTP(w, r) }

// Mount answers what is under /devices and leaves the rest to the operation's handler.
func (h *Handler) Mount(operation http.Handler) http.Handler {
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
		if !h.config.NoAccessLog {
			h.writeLine(c, time.Since(start))
		}
		return nil
	}
}

// writeLine has a frame of its own: what it needs does not lie on the stack of a stream.
func (h *Handler) writeLine(c echo.Context, took time.Duration) {
	h.config.Logger.LogAttrs(c.Request().Context(), slog.LevelInfo, "device request",
		slog.String("method", c.Request().Method), slog.String("route", c.Path()), slog.String("service_sid", bounded(c.Param("ServiceSid"))),
		slog.String("identity", bounded(c.Param("Identity"))), slog.Int("status", c.Response().Status), slog.Float64("seconds", took.Seconds()))
}

// atMost lets a number of requests be processed at once.
func atMost(limit int) echo.MiddlewareFunc {
	var active atomic.Int64
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			defer active.Add(-1)
			if active.Add(1) > int64(limit) {
				return errBusy
			}
			return next(c)
		}
	}
}

// bounded cuts what a caller may make as long as it likes.
func bounded(text string) string { return text[:min(len(text), 64)] }

// operations are those of the devices' document, which never changes.
var operations = sync.OnceValues(func() ([]openapi.Operation, error) {
	doc, err := openapi.Load(OpenAPI)
	if err != nil {
		return nil, err
	}
	return openapi.Operations(doc)
})

// Check tells whether a device can be one, by the document's rules.
func Check(d delivery.Device) error {
	return keepRules(map[string]string{"ServiceSid": d.ServiceSID, "Identity": d.Identity})
}

// CheckNotification tells whether a notification can have a SID, by the document's rules.
func CheckNotification(sid string) error {
	return keepRules(map[string]string{"NotificationSid": sid})
}

// keepRules judges parameters of the path, by their names.
func keepRules(values map[string]string) error {
	operations, err := operations()
	if err != nil {
		return err
	}
	for _, op := range operations {
		for _, r := range op.Parameters {
			if value, ok := values[r.Name]; ok && !r.Allows(value) {
				return fmt.Errorf("%s must be %s", r.Name, r)
			}
		}
	}
	return nil
}

// checkPath checks the path by the document's rules.
func checkPath(rules []rule.Rule) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := keepsAll(rules, c); err != nil {
				return err
			}
			return next(c)
		}
	}
}

func keepsAll(rules []rule.Rule, c echo.Context) error {
	for _, r := range rules {
		if r.In != "path" {
			continue
		}
		value := c.Param(r.Name)
		if c.Request().URL.RawPath != "" {
			value, _ = url.PathUnescape(value)
		}
		if !r.Allows(value) {
			return &failure{codePath, fmt.Sprintf("Invalid path parameter: %s must be %s", r.Name, r)}
		}
	}
	return nil
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
	if h.minting == nil || !origin.OwnHost(c.Request(), h.config.PublicHost) || !origin.OwnPage(c.Request(), h.config.PublicHost) {
		return echo.ErrNotFound
	}
	token, err := h.minting.Token(delivery.Device{ServiceSID: serviceSID, Identity: identity}, h.config.TokenTime(), mintedFor)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusCreated, Token{Token: token})
}
