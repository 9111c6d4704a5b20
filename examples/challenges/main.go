// Command challenges is a service that knows a team's challenges, as `nudge serve --challenges URL` asks for them: a sample to begin with.
// It keeps them in memory; a team's own would ask its database.
//
//	go run ./examples/challenges                      # on 127.0.0.1:9090, with the token "sample-token"
//	echo sample-token >token
//	nudge serve --challenges http://127.0.0.1:9090 --challenges-token-file token
//	nudge contract --spec challenges --url http://127.0.0.1:9090 --header 'Authorization:Bearer sample-token'
package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:9090", "where to serve")
	token := flag.String("token", "sample-token", "the token that is asked for")
	flag.Parse()
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_, _ = fmt.Fprintf(os.Stdout, "challenges: http://%s\n", listener.Addr())
	s := &http.Server{Handler: newHandler(newStore(), *token), ReadHeaderTimeout: 5 * time.Second}
	if err := s.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// key is what a challenge is found by.
type key struct{ account, service, identity, challenge string }

// store keeps challenges.
type store struct {
	mu         sync.Mutex
	challenges map[key]Challenge
}

// newStore has the challenge of the document's examples, pending, on the stream channel.
func newStore() *store {
	s := &store{challenges: map[key]Challenge{}}
	repeat := func(prefix string) string { return prefix + strings.Repeat("a", 32) }
	s.put(key{repeat("AC"), repeat("VA"), "ff483d1ff591898a9942916050d2ca3f", repeat("YC")},
		Challenge{Status: Pending, Channel: "stream", NotificationLimit: new(0), Details: &map[string]string{"place": "Oslo"}})
	return s
}

// put is what a team's login does: it makes a challenge, or changes its status.
func (s *store) put(k key, c Challenge) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.challenges[k] = c
}

// FindChallenge answers one lookup.
func (s *store) FindChallenge(_ context.Context, r FindChallengeRequestObject) (FindChallengeResponseObject, error) {
	for _, sid := range []string{r.AccountSid, r.ServiceSid, r.ChallengeSid} {
		if !sidForm.MatchString(sid) {
			return FindChallenge400JSONResponse{Message: "a SID must be two capital letters and 32 hexadecimal digits"}, nil
		}
	}
	if len(r.Identity) < 8 || len(r.Identity) > 64 || !identityForm.MatchString(r.Identity) {
		return FindChallenge400JSONResponse{Message: "the identity must be of 8 to 64 letters and digits, with - between them"}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.challenges[key{r.AccountSid, r.ServiceSid, r.Identity, r.ChallengeSid}]
	if !ok {
		return FindChallenge404JSONResponse{Code: ChallengeNotFound, Message: "there is no such challenge"}, nil
	}
	return FindChallenge200JSONResponse(c), nil
}

var (
	sidForm      = regexp.MustCompile(`^[A-Z]{2}[0-9a-fA-F]{32}$`)
	identityForm = regexp.MustCompile(`^[0-9a-zA-Z]+(-[0-9a-zA-Z]+)*$`)
)

// newHandler serves a store to those who have the token.
func newHandler(s *store, token string) http.Handler {
	e := echo.New()
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		status := http.StatusInternalServerError
		if known, ok := errors.AsType[*echo.HTTPError](err); ok {
			status = known.Code
		}
		if status == http.StatusNotFound {
			_ = c.JSON(status, NotFound{Code: ChallengeNotFound, Message: "there is no such path"})
			return
		}
		_ = c.JSON(status, Problem{Message: http.StatusText(status)})
	}
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			given := strings.TrimPrefix(c.Request().Header.Get("Authorization"), "Bearer ")
			if subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
				c.Response().Header().Set("WWW-Authenticate", "Bearer")
				return c.JSON(http.StatusUnauthorized, Problem{Message: "the token is missing, or not known"})
			}
			return next(c)
		}
	})
	RegisterHandlers(e, NewStrictHandler(s, nil))
	return e
}
