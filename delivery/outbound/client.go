package outbound

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// maxAnswer bounds how much of an answer is read, in bytes: what it says, and that its connection can be used again.
const maxAnswer = 64 << 10

// Options are a Client's settings; the zero value allows public addresses.
type Options struct {
	Rules
	// TLS are the settings of connections. Nil: the system's authorities.
	TLS *tls.Config
	// Idle is how long a connection is kept that nothing is sent over. 0: a minute.
	Idle time.Duration
	// Proxy has requests go through the proxy of the environment (HTTPS_PROXY), where there is one. The rules are for the proxy then.
	Proxy bool
	// Now is the clock that dates in answers are compared with. Nil: time.Now.
	Now func() time.Time
}

// Client makes requests. Make it with New.
type Client struct {
	http *http.Client
	now  func() time.Time
}

// New makes a client with connections of its own.
func New(options Options) *Client {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Idle == 0 {
		options.Idle = time.Minute
	}
	var proxy func(*http.Request) (*url.URL, error)
	if options.Proxy {
		proxy = http.ProxyFromEnvironment
	}
	return &Client{
		now: options.Now,
		http: &http.Client{
			Transport: &http.Transport{
				Proxy:               proxy,
				DialContext:         newGuard(options.Rules).dialer().DialContext,
				TLSClientConfig:     options.TLS,
				TLSHandshakeTimeout: 5 * time.Second,
				// Receivers are strangers: the default is ten megabytes for each that is answering.
				MaxResponseHeaderBytes: maxAnswer,
				MaxIdleConns:           512,
				MaxIdleConnsPerHost:    16,
				IdleConnTimeout:        options.Idle,
				ForceAttemptHTTP2:      true,
				// A connection whose other end is gone is noticed though requests wait on it.
				HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// HTTP gives the client for what is no attempt, such as fetching a token.
func (c *Client) HTTP() *http.Client { return c.http }

// Answer is what a server answered.
type Answer struct {
	Status int
	Header http.Header
	// Body is at most the first 64 KiB; IsCut tells that it ended before its end.
	Body  []byte
	IsCut bool
	// RetryAfter is what the server asks to wait for; 0 for no wish.
	RetryAfter time.Duration
}

// Delivered tells whether the status is one of success.
func (a Answer) Delivered() bool { return a.Status >= 200 && a.Status < 300 }

// Post makes one request. Where there was no answer, ok is false and the result says why: the same text for the same cause, without
// the URL, which may hold a secret, and without this side's port.
func (c *Client) Post(ctx context.Context, address string, header http.Header, body []byte) (answer Answer, failed delivery.Result, ok bool) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil || request.URL.Scheme != "https" && request.URL.Scheme != "http" || request.URL.Host == "" {
		return Answer{}, delivery.Gone("the address is not a URL of http or https"), false
	}
	// With it, the transport would repeat a request that a server of HTTP/2 has refused, or has not answered before it went away.
	request.GetBody = nil
	request.Header = header.Clone()
	request.Header.Set("User-Agent", "nudge")
	defer func() { tell(ctx, Exchange{address, request.Header, body, answer}) }()
	response, err := c.http.Do(request)
	if err != nil {
		return Answer{}, unanswered(ctx, err), false
	}
	defer func() { _ = response.Body.Close() }()
	// What a status says counts, whatever becomes of the rest.
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	answer = Answer{
		Status: response.StatusCode, Header: response.Header, Body: text, IsCut: err != nil, RetryAfter: RetryAfter(response.Header, c.now()),
	}
	return answer, delivery.Result{}, true
}

// unanswered tells why there was no answer.
func unanswered(ctx context.Context, err error) delivery.Result {
	for _, never := range []error{errNotPublic, errDenied} {
		if errors.Is(err, never) {
			return delivery.Gone(never.Error())
		}
	}
	return delivery.Again(0, Reason(ctx, err))
}

// Reason says why a request had no answer: the same text for the same cause, without the URL.
func Reason(ctx context.Context, err error) string {
	// A transport may tell of a stream that was cancelled by the context in its own words.
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return "no answer in time"
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err
	}
	if failed, ok := errors.AsType[*net.OpError](err); ok {
		if resolving, ok := errors.AsType[*net.DNSError](err); ok {
			return "resolving the host: " + resolving.Err
		}
		return failed.Op + ": " + failed.Err.Error()
	}
	for _, kind := range connectionErrors {
		if kind.pattern.MatchString(err.Error()) {
			return kind.reason
		}
	}
	return certificateReason(err)
}

// RetryAfter reads the header of an answer: seconds, or a date; 0 for none.
func RetryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		// More than a day is as good as never, and does not overflow.
		return time.Duration(min(seconds, 24*60*60)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
