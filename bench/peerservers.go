package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/labstack/echo/v4"
	echomiddleware "github.com/oapi-codegen/echo-middleware"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/challenges"
)

// peerHandlers are what runPeerServer can serve: the same answer with more and more in front of it, and nothing stored.
var peerHandlers = map[string]func() (http.Handler, error){
	"net/http":                    bareHTTP,
	"Echo":                        bareEcho,
	"generated":                   func() (http.Handler, error) { return generated() },
	"generated + echo-middleware": generatedValidated,
	"nudge":                       func() (http.Handler, error) { return nudgeWithout(io.Discard, false) },
	"nudge, access log":           func() (http.Handler, error) { return nudgeWithout(io.Discard, true) },
}

// runPeerServer serves one of them until it is killed, and prints its URL.
func runPeerServer(args []string) error {
	flags := flag.NewFlagSet("peerserver", flag.ExitOnError)
	name := flags.String("name", "", "which server")
	_ = flags.Parse(args)
	build, ok := peerHandlers[*name]
	if !ok {
		return fmt.Errorf("there is no server %q", *name)
	}
	handler, err := build()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("url http://%s\n", l.Addr())
	return (&http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}).Serve(l)
}

const peerSID = "NTaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// answerOf is the answer that all of them give.
func answerOf(serviceSID, identity, challengeSID string, ttl int) api.Notification {
	sid, account, entity, priority, created := peerSID, accounts.DevelopmentSID, "YE"+service[2:], "high", time.Now().UTC().Truncate(time.Second)
	return api.Notification{
		Sid: &sid, AccountSid: &account, ServiceSid: &serviceSID, EntitySid: &entity, Identity: &identity, ChallengeSid: &challengeSID,
		Priority: &priority, Ttl: ttl, DateCreated: &created,
	}
}

func bareHTTP() (http.Handler, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v2/Services/{s}/Entities/{i}/Challenges/{c}/Notifications", func(w http.ResponseWriter, r *http.Request) {
		ttl := 0
		_, _ = fmt.Sscan(r.FormValue("Ttl"), &ttl)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(answerOf(r.PathValue("s"), r.PathValue("i"), r.PathValue("c"), ttl))
	})
	return mux, nil
}

func bareEcho() (http.Handler, error) {
	e := echo.New()
	e.POST("/v2/Services/:s/Entities/:i/Challenges/:c/Notifications", func(c echo.Context) error {
		ttl := 0
		_, _ = fmt.Sscan(c.FormValue("Ttl"), &ttl)
		return c.JSON(http.StatusCreated, answerOf(c.Param("s"), c.Param("i"), c.Param("c"), ttl))
	})
	return e, nil
}

// unvalidated is the generated strict server with nothing in front of it.
type unvalidated struct{}

func (unvalidated) CreateNotification(_ context.Context, r server.CreateNotificationRequestObject) (server.CreateNotificationResponseObject, error) {
	answer := server.CreateNotification201JSONResponse{Body: answerOf(r.ServiceSid, r.Identity, r.ChallengeSid, *r.Body.Ttl)}
	answer.Headers = server.CreateNotification201ResponseHeaders{AccessControlAllowOrigin: "*", TwilioRequestId: "RQ" + service[2:]}
	return answer, nil
}

func generated(before ...echo.MiddlewareFunc) (http.Handler, error) {
	e := echo.New()
	e.Use(before...)
	server.RegisterHandlers(e, server.NewStrictHandler(unvalidated{}, nil))
	return e, nil
}

func generatedValidated() (http.Handler, error) {
	doc, err := openapi3.NewLoader().LoadFromData(nudge.OpenAPI)
	if err != nil {
		return nil, err
	}
	// Their host is not ours.
	doc.Servers = nil
	return generated(echomiddleware.OapiRequestValidatorWithOptions(doc, &echomiddleware.Options{Options: openapi3filter.Options{
		AuthenticationFunc: func(_ context.Context, input *openapi3filter.AuthenticationInput) error {
			if _, _, ok := input.RequestValidationInput.Request.BasicAuth(); !ok {
				return input.NewError(nil)
			}
			return nil
		},
	}}))
}

// taken is a queue that stores and delivers nothing.
type taken struct{}

func (taken) Add(context.Context, delivery.Notification) error { return nil }

// nudgeWithout is the whole chain of nudge without a store behind.
func nudgeWithout(log io.Writer, accessLog bool) (http.Handler, error) {
	return server.New(server.Config{
		Accounts: accounts.Development(), Challenges: challenges.Any{}, Queue: taken{}, NoAccessLog: !accessLog,
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
}
