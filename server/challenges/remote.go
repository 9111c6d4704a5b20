package challenges

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/nudgehq/nudge/delivery/outbound"
	"github.com/nudgehq/nudge/internal/webaddress"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/challenges/service"
)

// OpenAPI is the document of a team's own service, the bytes of openapi.yaml.
//
//go:embed openapi.yaml
var OpenAPI []byte

const (
	// LookupTime is how long the service has for an answer.
	LookupTime = 2 * time.Second
	// cachedFor is how long an answer is used, and maxCached how many are kept.
	cachedFor = time.Second
	maxCached = 10_000
	// maxAnswer bounds an answer, in bytes.
	maxAnswer = 64 << 10
)

// RemoteConfig is what a Remote is made of. URL is required.
type RemoteConfig struct {
	// URL is where the service is: of https, or of http on this machine.
	URL string
	// Token, if any, gives the bearer token that the service asks for, as it is now.
	Token func() string
	// Channels are those that the server has beside its own.
	Channels []Channels
	// Now is the clock that answers grow old by, and that the service is left alone by. Nil: time.Now.
	Now func() time.Time
	// Logger is told when the service begins to fail, and to work again. Nil: nothing is logged.
	Logger *slog.Logger
}

// Remote is the directory of challenges that a team's own service knows: it is asked once for each notification. What cannot be looked up
// is answered 20503, and never guessed.
type Remote struct {
	config  RemoteConfig
	client  *service.ClientWithResponses
	flight  singleflight.Group
	breaker breaker
	asked   atomic.Int64
	failed  atomic.Int64

	mu    sync.Mutex
	cache map[server.ChallengeKey]cached
}

type cached struct {
	challenge server.Challenge
	until     time.Time
}

// CheckURL gives an error for what is no URL of a service.
func CheckURL(text string) error {
	u, err := webaddress.Parse(text)
	if err != nil {
		return err
	}
	switch {
	case u.User != nil:
		return errors.New("must have no user: the token stands in a file")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("must have no query and no fragment")
	case u.Scheme == "http" && !webaddress.IsLoopback(u):
		return errors.New("must be of https, unless it is on this machine: tokens and challenges go over it")
	}
	return nil
}

// NewRemote makes a directory. The service is not asked yet.
func NewRemote(config RemoteConfig) (*Remote, error) {
	if err := CheckURL(config.URL); err != nil {
		return nil, err
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Remote{config: config, cache: map[server.ChallengeKey]cached{}}
	doer := &http.Client{
		Transport: bounded{&http.Transport{
			Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: LookupTime, MaxResponseHeaderBytes: maxAnswer,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var err error
	r.client, err = service.NewClientWithResponses(config.URL, service.WithHTTPClient(doer), service.WithRequestEditorFn(r.authenticate))
	return r, err
}

// bounded bounds the answers that a transport gives.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(response.Body, maxAnswer), response.Body}
	}
	return response, err
}

func (r *Remote) authenticate(_ context.Context, request *http.Request) error {
	request.Header.Set("User-Agent", "nudge")
	if r.config.Token != nil {
		request.Header.Set("Authorization", "Bearer "+r.config.Token())
	}
	return nil
}

// Asked is how often the service was asked.
func (r *Remote) Asked() int { return int(r.asked.Load()) }

// Failed is how often it gave no answer that could be used.
func (r *Remote) Failed() int { return int(r.failed.Load()) }

// Failing tells whether the service is left alone, because it gave no answer several times in a row.
func (r *Remote) Failing() bool { return r.breaker.isOpen() }

// Find asks the service. Those that want the same at the same time share an answer.
func (r *Remote) Find(ctx context.Context, key server.ChallengeKey) (server.Challenge, error) {
	if challenge, ok := r.fromCache(key); ok {
		return challenge, checkKnown(challenge, r.config.Channels)
	}
	name := key.AccountSID + "/" + key.ServiceSID + "/" + key.Identity + "/" + key.ChallengeSID
	// Whoever asked first may go before the others have their answer.
	found := r.flight.DoChan(name, func() (any, error) { return r.ask(context.WithoutCancel(ctx), key) })
	select {
	case <-ctx.Done():
		return server.Challenge{}, unavailable(0, ctx.Err())
	case got := <-found:
		if got.Err != nil {
			return server.Challenge{}, got.Err
		}
		challenge, _ := got.Val.(server.Challenge)
		return challenge, checkKnown(challenge, r.config.Channels)
	}
}

// unavailable says that nothing is known of a challenge.
func unavailable(after time.Duration, cause error) *server.Error {
	return &server.Error{
		Code: server.CodeUnavailable, Note: "the challenge cannot be looked up", RetryAfter: int((after + time.Second - 1) / time.Second), Cause: cause,
	}
}

// ask asks the service for a challenge, unless it is left alone.
func (r *Remote) ask(ctx context.Context, key server.ChallengeKey) (server.Challenge, error) {
	wait, isProbe := r.breaker.wait(r.config.Now())
	if wait > 0 {
		return server.Challenge{}, unavailable(wait, errors.New("the service of challenges fails, and is asked again later"))
	}
	r.asked.Add(1)
	ctx, cancel := context.WithTimeout(ctx, LookupTime)
	defer cancel()
	answer, err := r.client.FindChallengeWithResponse(ctx, key.AccountSID, key.ServiceSID, key.Identity, key.ChallengeSID)
	if err == nil && answer.StatusCode() == http.StatusNotFound && answer.JSON404 != nil && answer.JSON404.Code.Valid() {
		r.works()
		return server.Challenge{}, &server.Error{Code: server.CodeNotFound}
	}
	var challenge server.Challenge
	var after time.Duration
	switch {
	case err != nil:
		err = errors.New("the service of challenges: " + reason(ctx, err))
	case isOfOne(answer.StatusCode()):
		// It answers, and has something against this challenge.
		r.works()
		r.failed.Add(1)
		return server.Challenge{}, unavailable(0, fmt.Errorf("the service of challenges answered %d", answer.StatusCode()))
	case answer.StatusCode() != http.StatusOK:
		after = min(outbound.RetryAfter(answer.HTTPResponse.Header, r.config.Now()), longestAsked)
		err = fmt.Errorf("the service of challenges answered %d", answer.StatusCode())
	case answer.JSON200 == nil:
		err = errors.New("the service of challenges answered 200 without a challenge")
	default:
		r.works()
		if err = checkAnswer(answer.Body); err == nil {
			challenge, err = challengeOf(key, *answer.JSON200)
		}
		if err != nil {
			// A fault in one challenge is none of the service.
			r.failed.Add(1)
			return server.Challenge{}, unavailable(0, err)
		}
	}
	if err != nil {
		r.failed.Add(1)
		if r.breaker.failed(r.config.Now(), after, isProbe) {
			r.config.Logger.Error("the service of challenges fails: one lookup at a time probes it, and callers are answered 20503", slog.Any("error", err))
		}
		return server.Challenge{}, unavailable(after, err)
	}
	r.keep(key, challenge)
	return challenge, nil
}

func (r *Remote) works() {
	if r.breaker.worked() {
		r.config.Logger.Warn("the service of challenges works again")
	}
}

func (r *Remote) fromCache(key server.ChallengeKey) (server.Challenge, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known, ok := r.cache[key]
	now := r.config.Now()
	return known.challenge, ok && now.Before(known.until) && !now.Before(known.until.Add(-cachedFor))
}

func (r *Remote) keep(key server.ChallengeKey, challenge server.Challenge) {
	now := r.config.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.cache) >= maxCached {
		for other, known := range r.cache {
			if !now.Before(known.until) {
				delete(r.cache, other)
			}
		}
	}
	if len(r.cache) < maxCached {
		r.cache[key] = cached{challenge, now.Add(cachedFor)}
	}
}
