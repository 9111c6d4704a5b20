package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/nudgehq/nudge/delivery"
)

// Defaults of Config.
const (
	// DefaultMaxInFlight is how many requests are processed at once.
	DefaultMaxInFlight = 1024
	// DefaultMaxAuthFailures is what `nudge serve` takes for MaxAuthFailures.
	DefaultMaxAuthFailures = 100
	// DefaultMaxBody is the size of the largest request body, in bytes.
	DefaultMaxBody = 16 << 10
)

// Config is what a server is made of. Accounts, Challenges and Queue are required; the rest has defaults.
type Config struct {
	// Accounts says who may call.
	Accounts Accounts
	// Challenges finds the challenge that a notification is for.
	Challenges Challenges
	// Queue takes the notifications.
	Queue Queue
	// CORSOrigins lists the origins whose pages may read the answers, such as https://app.example.com. Empty or "*"
	// means any origin, and then without credentials: browsers refuse "*" together with them.
	CORSOrigins []string
	// MaxInFlight is how many requests are processed at once; one more is answered 20429. An account alone may have half of
	// them, and less beside others. 0: DefaultMaxInFlight.
	MaxInFlight int
	// MaxAuthFailures is how many requests with wrong credentials may come from an address in a minute; then all of its
	// requests are answered 20429 for a minute. Loopback addresses are not counted. 0: any number.
	MaxAuthFailures int
	// TrustedProxies are the ranges of proxies whose X-Forwarded-For header is believed. Empty: nobody's.
	TrustedProxies []netip.Prefix
	// MaxBody is the size of the largest request body in bytes; a larger one is answered 20413. 0: DefaultMaxBody.
	MaxBody int64
	// Logger gets one line a request, without credentials and bodies. Nil: nothing is logged.
	Logger *slog.Logger
	// NoAccessLog leaves out the lines of requests; what goes wrong is logged all the same.
	NoAccessLog bool
	// Observe, if any, is called once a request, after the answer; it must not block.
	Observe func(Observation)
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

// Queue takes over an accepted notification.
type Queue interface {
	// Add returns nil when the notification is taken; the caller is answered 201 only then. The notification was not
	// taken when the error wraps delivery.ErrLimit, delivery.ErrUnavailable or anything else.
	Add(ctx context.Context, n delivery.Notification) error
}

// Observation is what is known of a request once it is answered.
type Observation struct {
	// Operation is the operationId; empty when the request is for no operation of the document.
	Operation string
	// Method is the HTTP method, or "other" for one that HTTP does not define.
	Method string
	// Status is the HTTP status of the answer, Code the error's number in its body; 0 when it is not an error.
	Status, Code int
	// AccountSID is the caller's; empty when it did not authenticate.
	AccountSID string
	// Path is the path as it was sent, escaped and cut to a bounded length.
	Path string
	// RequestID is the answer's Twilio-Request-Id.
	RequestID string
	// Duration is the time from the request's headers to the end of the answer.
	Duration time.Duration
}

// Server is the HTTP handler of the document's operations.
type Server struct {
	config   Config
	contract *contract
	cors     cors
	echo     *echo.Echo
	places   *places
	failures *failures
}

// New makes the handler. The error says which setting is wrong.
func New(config Config) (*Server, error) {
	for _, required := range []struct {
		name  string
		given bool
	}{{"Accounts", config.Accounts != nil}, {"Challenges", config.Challenges != nil}, {"Queue", config.Queue != nil}} {
		if !required.given {
			return nil, fmt.Errorf("server: Config.%s is required", required.name)
		}
	}
	if config.MaxInFlight < 0 || config.MaxBody < 0 || config.MaxAuthFailures < 0 {
		return nil, errors.New("server: Config.MaxInFlight, Config.MaxBody and Config.MaxAuthFailures must not be negative")
	}
	if config.MaxInFlight == 0 {
		config.MaxInFlight = DefaultMaxInFlight
	}
	if config.MaxBody == 0 {
		config.MaxBody = DefaultMaxBody
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	contract, err := loadContract()
	if err != nil {
		return nil, err
	}
	cors, err := newCORS(config.CORSOrigins)
	if err != nil {
		return nil, err
	}
	s := &Server{config: config, contract: contract, cors: cors, echo: echo.New(),
		places: newPlaces(config.MaxInFlight), failures: newFailures(config.MaxAuthFailures, config.TrustedProxies)}
	s.echo.HTTPErrorHandler = s.answerError
	s.echo.Use(s.begin, s.guardPanics)
	middlewares := map[string][]echo.MiddlewareFunc{}
	for _, op := range contract.operations {
		plain := plainOf(contract.doc, op)
		middlewares[op.ID] = []echo.MiddlewareFunc{inTurn(s.letIn(op), s.authenticate(op), s.readForm(op, plain), s.limitInFlight, s.validate(op, plain))}
	}
	RegisterHandlersWithOptions(s.echo, NewStrictHandler(s, nil), RegisterHandlersOptions{OperationMiddlewares: middlewares})
	return s, nil
}

// inTurn is several middlewares of one route as one. Echo puts a route's middlewares around its handler for each request; these are put
// around it once.
func inTurn(list ...echo.MiddlewareFunc) echo.MiddlewareFunc {
	var once sync.Once
	var chain echo.HandlerFunc
	return func(handler echo.HandlerFunc) echo.HandlerFunc {
		once.Do(func() {
			chain = handler
			for _, middleware := range slices.Backward(list) {
				chain = middleware(chain)
			}
		})
		return chain
	}
}

// AuthRefusals is how many requests were refused because too many with wrong credentials came from their address.
func (s *Server) AuthRefusals() int { return int(s.failures.refused.Load()) }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.echo.ServeHTTP(w, r) }
