package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/nudgehq/nudge/internal/ruledoc"
	"github.com/nudgehq/nudge/server/delivery"
)

// Defaults of Config.
const (
	// DefaultMaxInFlight is how many requests are processed at once.
	DefaultMaxInFlight = 1024
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
	// MaxInFlight is how many requests are processed at once; one more is answered 20429. 0: DefaultMaxInFlight.
	MaxInFlight int
	// MaxBody is the size of the largest request body in bytes; a larger one is answered 20413. 0: DefaultMaxBody.
	MaxBody int64
	// Logger gets one line a request, without credentials and bodies. Nil: nothing is logged.
	Logger *slog.Logger
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
	inFlight atomic.Int64
	draining atomic.Bool
	drained  chan struct{}
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
	if config.MaxInFlight < 0 || config.MaxBody < 0 {
		return nil, errors.New("server: Config.MaxInFlight and Config.MaxBody must not be negative")
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
	s := &Server{config: config, contract: contract, cors: cors, echo: echo.New(), drained: make(chan struct{}, 1)}
	s.echo.HTTPErrorHandler = s.answerError
	s.echo.Use(s.begin, s.guardPanics)
	middlewares := map[string][]echo.MiddlewareFunc{}
	for _, op := range contract.operations {
		middlewares[op.ID] = []echo.MiddlewareFunc{s.limitInFlight(op), s.authenticate(op), s.strictForm(op), s.validate(op)}
	}
	RegisterHandlersWithOptions(s.echo, NewStrictHandler(s, nil), RegisterHandlersOptions{OperationMiddlewares: middlewares})
	return s, nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.echo.ServeHTTP(w, r) }

// InFlight is how many requests of the document's operations are being processed now.
func (s *Server) InFlight() int { return int(s.inFlight.Load()) }

// limitInFlight answers 20429 at once instead of queueing: the caller can try again, and memory stays bounded.
func (s *Server) limitInFlight(op ruledoc.Operation) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			callOf(c).operation = op.ID
			n := s.inFlight.Add(1)
			defer s.leave()
			switch {
			case s.draining.Load():
				return &Error{Code: CodeUnavailable, Note: "the server is shutting down"}
			case n > int64(s.config.MaxInFlight):
				return &Error{Code: CodeTooManyRequests}
			}
			return next(c)
		}
	}
}

func (s *Server) leave() {
	if s.inFlight.Add(-1) == 0 && s.draining.Load() {
		select {
		case s.drained <- struct{}{}:
		default:
		}
	}
}

// Drain answers every new request 20503 and waits for those in flight, or for ctx.
func (s *Server) Drain(ctx context.Context) error {
	s.draining.Store(true)
	for s.inFlight.Load() > 0 {
		select {
		case <-s.drained:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
