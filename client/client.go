package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/nudgehq/nudge/api"
)

// DefaultTimeout is how long one attempt of a call may take.
const DefaultTimeout = 10 * time.Second

// maxAnswer bounds how much of an answer is read, in bytes.
const maxAnswer = 1 << 20

// Client calls the operations of the document. It is safe for use by several goroutines.
type Client struct {
	operations *Operations
	timeout    time.Duration
	retries    int
}

// Option configures a Client. The generated ClientOptions are Options too: WithBaseURL, WithHTTPClient and
// WithRequestEditorFn.
type Option interface{ apply(c *Client) error }

func (o ClientOption) apply(c *Client) error { return o(c.operations) }

type option func(c *Client) error

func (o option) apply(c *Client) error { return o(c) }

// WithBasicAuth authenticates with an account's SID (AC…) and auth token, or an API key's SID (SK…) and secret.
func WithBasicAuth(sid, token string) Option {
	return option(func(c *Client) error {
		if sid == "" || token == "" {
			return errors.New("client: WithBasicAuth: the SID and the token must not be empty")
		}
		c.operations.RequestEditors = append(c.operations.RequestEditors, func(_ context.Context, r *http.Request) error {
			r.SetBasicAuth(sid, token)
			return nil
		})
		return nil
	})
}

// WithTimeout limits each attempt of a call; DefaultTimeout without it, 0 for no limit but the context's.
func WithTimeout(limit time.Duration) Option {
	return option(func(c *Client) error {
		if limit < 0 {
			return errors.New("client: WithTimeout: the limit must not be negative")
		}
		c.timeout = limit
		return nil
	})
}

// maxRetryAfter is the longest wait that a client accepts before another attempt.
const maxRetryAfter = time.Minute

// WithRetries tries a call again, up to n times, when the service was too busy (20429) or unavailable (any 503): nudge
// has not taken the notification then. It waits as long as Retry-After says, one second without it; when that is more
// than a minute the call fails at once. The limit of notifications of a challenge (60309) is never tried again. Without
// this option nothing is.
func WithRetries(n int) Option {
	return option(func(c *Client) error {
		if n < 0 {
			return errors.New("client: WithRetries: the number must not be negative")
		}
		c.retries = n
		return nil
	})
}

// New makes a Client for the document's server.
func New(options ...Option) (*Client, error) {
	operations, err := NewOperations()
	if err != nil {
		return nil, err
	}
	c := &Client{operations: operations, timeout: DefaultTimeout}
	for i, o := range options {
		if o == nil {
			return nil, fmt.Errorf("client: option %d is nil", i)
		}
		if err := o.apply(c); err != nil {
			return nil, err
		}
	}
	if c.operations.Client == nil {
		return nil, errors.New("client: WithHTTPClient: the client must not be nil")
	}
	base, err := url.Parse(c.operations.Server)
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("client: the base URL %q must be http:// or https://, a host and at most a path", c.operations.Server)
	}
	if c.operations.Server[len(c.operations.Server)-1] != '/' {
		c.operations.Server += "/"
	}
	return c, nil
}

// NewOperations makes the generated client for the document's server.
func NewOperations(options ...ClientOption) (*Operations, error) {
	return NewClient(ServerUrlHosted, options...)
}

// Challenge names the challenge that a notification is for.
type Challenge struct {
	// ServiceSID is the service's SID: VA and 32 hexadecimal digits.
	ServiceSID string
	// Identity is the identity of the entity that has to answer.
	Identity string
	// SID is the challenge's own SID: YC and 32 hexadecimal digits.
	SID string
}

// CreateNotification creates a notification for the challenge. A request without a Ttl leaves it to the service's
// default; new(0) asks for one attempt, at once, and nothing stored. The error is an *Error when the answer was not a
// 201, an *InvalidError when nothing was sent because a parameter breaks the document's rules; otherwise there was no
// answer, or a 201 that cannot be read.
func (c *Client) CreateNotification(ctx context.Context, challenge Challenge, request api.CreateNotificationRequest) (*api.Notification, error) {
	values := map[string]string{
		"ServiceSid": challenge.ServiceSID, "Identity": challenge.Identity, "ChallengeSid": challenge.SID,
	}
	if request.Ttl != nil {
		values["Ttl"] = strconv.Itoa(*request.Ttl)
	}
	if err := check("CreateNotification", values); err != nil {
		return nil, err
	}
	n, err := call[api.Notification](ctx, c, http.StatusCreated, func(ctx context.Context) (*http.Response, error) {
		return c.operations.CreateNotificationWithFormdataBody(ctx, challenge.ServiceSID, challenge.Identity, challenge.SID, request)
	})
	if err == nil && n.Sid == nil {
		return nil, errors.New("client: the service answered 201 without a notification's sid")
	}
	return n, err
}

// call sends a request until it is answered with the wanted status, fails for good, or the retries are used up.
func call[T any](ctx context.Context, c *Client, want int, send func(context.Context) (*http.Response, error)) (*T, error) {
	for attempt := 0; ; attempt++ {
		result, wait, err := try[T](ctx, c.timeout, want, send)
		if err == nil || wait < 0 || wait > maxRetryAfter || attempt >= c.retries {
			return result, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("client: %w while waiting to try again after: %w", ctx.Err(), err)
		case <-timer.C:
		}
	}
}

// try sends a request once. A wait of 0 or more says after what time trying again makes sense.
func try[T any](ctx context.Context, limit time.Duration, want int, send func(context.Context) (*http.Response, error)) (result *T, wait time.Duration, err error) {
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	response, err := send(ctx)
	if err != nil {
		return nil, -1, fmt.Errorf("client: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	body, readErr := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if response.StatusCode != want {
		e := newError(response, body)
		return nil, e.retryAfter(response.Header), e
	}
	if readErr != nil {
		return nil, -1, fmt.Errorf("client: reading the answer: %w", readErr)
	}
	// The headers are left alone: a strange one must not lose a good result.
	result = new(T)
	if err := json.Unmarshal(body, result); err != nil {
		return nil, -1, fmt.Errorf("client: the answer %d is not the JSON that the document declares (request id %q): %w",
			response.StatusCode, response.Header.Get("Twilio-Request-Id"), err)
	}
	return result, -1, nil
}
