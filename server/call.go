package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"
)

// call is what is known of the request that is being answered. It is the request's context, because the strict handler is given
// nothing else.
type call struct {
	context.Context
	requestID  string
	operation  string
	accountSID string
	code       int
	cors       corsHeaders
	// hasBody tells that the request has a body.
	hasBody bool
}

// Value gives the call itself, and else what the connection's context has.
func (c *call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// setHeaders sets what every answer carries.
func (c *call) setHeaders(header http.Header) {
	header["Twilio-Request-Id"] = []string{c.requestID}
	c.cors.set(header)
}

type callKey struct{}

func callFrom(ctx context.Context) *call {
	call, _ := ctx.Value(callKey{}).(*call)
	return call
}

func callOf(c echo.Context) *call { return callFrom(c.Request().Context()) }

// newSID makes a SID: the prefix and 32 hexadecimal digits from the system's random source.
func newSID(prefix string) string {
	var random [16]byte
	// It never fails: crypto/rand ends the process instead.
	_, _ = rand.Read(random[:])
	var sid [34]byte
	copy(sid[:], prefix)
	hex.Encode(sid[2:], random[:])
	return string(sid[:])
}

// begin gives the request its id, and tells the log and the observer how it ended. It runs for the router's own answers
// too: unknown paths, wrong methods and preflights.
func (s *Server) begin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		r := c.Request()
		call := &call{Context: r.Context(), requestID: newSID("RQ"), cors: s.cors.headers(r.Header.Get("Origin"))}
		c.SetRequest(r.WithContext(call))
		s.cors.vary(c.Response().Header())
		if r.Method == http.MethodOptions {
			call.setHeaders(c.Response().Header())
			if r.Header.Get("Access-Control-Request-Method") != "" {
				c.Response().Header()["Access-Control-Max-Age"] = preflightValid
			}
		}
		if err := next(c); err != nil {
			s.answerError(err, c)
		}
		s.observe(r.Context(), Observation{
			Operation:  call.operation,
			Method:     method(r.Method),
			Status:     c.Response().Status,
			Code:       call.code,
			AccountSID: call.accountSID,
			Path:       shownPath(r),
			RequestID:  call.requestID,
			Duration:   time.Since(start),
		})
		return nil
	}
}

func (s *Server) observe(ctx context.Context, o Observation) {
	if !s.config.NoAccessLog && s.config.Logger.Enabled(ctx, slog.LevelInfo) {
		s.config.Logger.LogAttrs(ctx, slog.LevelInfo, "request",
			slog.String("request_id", o.RequestID), slog.String("operation", o.Operation), slog.String("method", o.Method),
			slog.Int("status", o.Status), slog.Int("code", o.Code), slog.String("account_sid", o.AccountSID),
			slog.String("path", o.Path), slog.Float64("seconds", o.Duration.Seconds()))
	}
	if s.config.Observe != nil {
		s.config.Observe(o)
	}
}

// method bounds what a log line or a metric's label can hold: a caller may send any token as the method.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return m
	}
	return "other"
}

// guardPanics answers 20500 where a handler panics, and logs where it did.
func (s *Server) guardPanics(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			// net/http's own way to drop a connection.
			if e, ok := v.(error); ok && errors.Is(e, http.ErrAbortHandler) {
				panic(v)
			}
			err = &Error{Code: CodeInternal, Cause: fmt.Errorf("panic: %v\n%s", v, debug.Stack())}
		}()
		return next(c)
	}
}
