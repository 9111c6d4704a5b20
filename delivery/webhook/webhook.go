package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// maxAnswer bounds how much of an answer is read so that its connection can be used again, in bytes.
const maxAnswer = 64 << 10

// Options are a Channel's settings; the zero value is good.
type Options struct {
	// AllowPrivate lets addresses be dialled that are not public: loopback, link-local and private ranges, and this machine's own.
	AllowPrivate bool
	// Deny lists ranges of addresses that are never dialled.
	Deny []netip.Prefix
	// Now is the clock that signatures are dated by. Nil: time.Now.
	Now func() time.Time
}

// Channel is a delivery.Channel. Make it with New.
type Channel struct {
	secrets func() Secrets
	client  *http.Client
	now     func() time.Time
}

// New makes a channel that signs with the secrets that are in force at the time.
func New(secrets func() Secrets, options Options) *Channel {
	if options.Now == nil {
		options.Now = time.Now
	}
	allowed := newGuard(options)
	return &Channel{
		secrets: secrets,
		now:     options.Now,
		client: &http.Client{
			Transport: &http.Transport{
				DialContext:         allowed.dialer().DialContext,
				TLSHandshakeTimeout: 5 * time.Second,
				MaxIdleConns:        512,
				MaxIdleConnsPerHost: 16,
				IdleConnTimeout:     time.Minute,
				ForceAttemptHTTP2:   true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// payload is what the receiver is told.
type payload struct {
	Type         string    `json:"type"`
	SID          string    `json:"sid"`
	ChallengeSID string    `json:"challenge_sid"`
	ServiceSID   string    `json:"service_sid"`
	Identity     string    `json:"identity"`
	TTL          int       `json:"ttl"`
	DateCreated  time.Time `json:"date_created"`
}

// Deliver makes one POST to the notification's address.
func (c *Channel) Deliver(ctx context.Context, a delivery.Attempt) delivery.Result {
	body, err := json.Marshal(payload{
		Type: "verify_push_challenge", SID: a.SID, ChallengeSID: a.ChallengeSID, ServiceSID: a.ServiceSID, Identity: a.Identity,
		// Rounded up: 0 means that it is sent only once.
		TTL: int((a.Remaining + time.Second - 1) / time.Second), DateCreated: a.Created.Truncate(time.Second),
	})
	if err != nil {
		return delivery.Gone(err.Error())
	}
	return c.Post(ctx, a.Address, a.SID, body)
}

// Post makes one signed POST of a JSON body with an id.
func (c *Channel) Post(ctx context.Context, address, id string, body []byte) delivery.Result {
	if u, err := url.Parse(address); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return delivery.Gone("the address is not a URL of http or https")
	}
	now := c.now()
	signature, err := c.secrets().sign(id, now, body)
	if err != nil {
		return delivery.Gone("the body cannot be signed")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return delivery.Gone("the address is not a URL of http or https")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "nudge")
	request.Header.Set("webhook-id", id)
	request.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	request.Header.Set("webhook-signature", signature)
	response, err := c.client.Do(request)
	if err != nil {
		return unanswered(err)
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer))
	reason, after := fmt.Sprintf("the receiver answered %d", response.StatusCode), retryAfter(response.Header.Get("Retry-After"), now)
	switch status := response.StatusCode; {
	case status >= 200 && status < 300:
		return delivery.Done()
	case status == http.StatusGone:
		return delivery.Gone(reason)
	case status == http.StatusTooManyRequests || status >= 500:
		return delivery.Again(after, reason)
	default:
		// Others behind the same host may be taken.
		return delivery.Refused(after, reason)
	}
}

// unanswered tells why there was no answer: the same text for the same cause, without the URL, which may hold a secret of
// the receiver's, and without this side's port.
func unanswered(err error) delivery.Result {
	for _, never := range []error{errNotPublic, errDenied} {
		if errors.Is(err, never) {
			return delivery.Gone(never.Error())
		}
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return delivery.Again(0, "no answer in time")
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err
	}
	if failed, ok := errors.AsType[*net.OpError](err); ok {
		text := failed.Op + ": " + failed.Err.Error()
		if resolving, ok := errors.AsType[*net.DNSError](err); ok {
			text = "resolving the host: " + resolving.Err
		}
		return delivery.Again(0, text)
	}
	return delivery.Again(0, err.Error())
}

// retryAfter reads the header: seconds, or a date; 0 for none.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		// More than a day is as good as never, and does not overflow.
		return time.Duration(min(seconds, 24*60*60)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
