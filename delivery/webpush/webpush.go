package webpush

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/message"
	"github.com/nudgehq/nudge/delivery/outbound"
)

// Config is what a Channel is made of. Key, Subject and Template are required.
type Config struct {
	Key *Key
	// Subject is how push services reach the operator: mailto: and an address, or a URL.
	Subject string
	// Template makes the words that a person reads.
	Template *message.Template
	// Rules say which addresses may be dialled: endpoints come from browsers. Those of private addresses may be URLs of http.
	Rules outbound.Rules
	// TLS are the settings of connections. Nil: the system's authorities.
	TLS *tls.Config
	// Now is the clock that headers are dated by. Nil: time.Now.
	Now func() time.Time
}

// Channel is a delivery.Provider. Make it with New.
type Channel struct {
	config  Config
	client  *outbound.Client
	headers *headers
}

var _ delivery.Provider = (*Channel)(nil)

// New makes a channel. The error says what the configuration lacks.
func New(config Config) (*Channel, error) {
	if config.Key == nil || config.Template == nil {
		return nil, errors.New("Config.Key and Config.Template are required")
	}
	if err := CheckSubject(config.Subject); err != nil {
		return nil, fmt.Errorf("the subject %w", err)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Channel{
		config:  config,
		client:  outbound.New(outbound.Options{Rules: config.Rules, TLS: config.TLS, Now: config.Now}),
		headers: &headers{key: config.Key, subject: config.Subject},
	}, nil
}

// subscription reads an address.
func (c *Channel) subscription(address string) (Subscription, error) {
	s, err := ParseSubscription(address)
	if err == nil && !c.config.Rules.AllowPrivate && !s.isSecure {
		err = errNoEndpoint
	}
	return s, err
}

// CheckAddress gives an error for what is no subscription, or one that nothing is ever sent to.
func (c *Channel) CheckAddress(address string) error {
	s, err := c.subscription(address)
	if err != nil {
		return err
	}
	if err := outbound.CheckURL(s.Endpoint, c.config.Rules); err != nil {
		return fmt.Errorf("has an endpoint that is never sent to: %w", err)
	}
	return nil
}

// PublicKey is what pages subscribe with (applicationServerKey).
func (c *Channel) PublicKey() string { return c.config.Key.Public }

// Destination is the subscription's push service.
func (c *Channel) Destination(address string) string {
	return delivery.DestinationOf(Endpoint(address))
}

// CloseIdle closes the connections that nothing is sent over.
func (c *Channel) CloseIdle() { c.client.HTTP().CloseIdleConnections() }

// AddressKey is the endpoint: a browser that subscribes again gets another one.
func (c *Channel) AddressKey(address string) string { return "webpush " + Endpoint(address) }

// payload is what the service worker gets.
type payload struct {
	message.Data
	Title string `json:"title"`
	Body  string `json:"body"`
}

// topicOf makes a topic of a SID's digits: a message that was not delivered yet is replaced by its repetition. RFC 8030 allows 32
// characters of base64url.
func topicOf(sid string) string {
	digits, err := hex.DecodeString(strings.TrimPrefix(sid, "NT"))
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(digits)
}

// Deliver makes one request.
func (c *Channel) Deliver(ctx context.Context, a delivery.Attempt) delivery.Result {
	s, err := c.subscription(a.Address)
	if err != nil {
		return delivery.Impossible("the address " + err.Error())
	}
	words := c.config.Template.Words(a.Notification)
	text, err := message.JSON(payload{Data: message.DataOf(a.Notification), Title: words.Title, Body: words.Body})
	if err != nil {
		return delivery.Impossible(err.Error())
	}
	if len(text) > maxText {
		return delivery.Impossible(fmt.Sprintf("the message has %d bytes, and web push takes %d", len(text), maxText))
	}
	body, err := encrypt(s, text)
	if err != nil {
		return delivery.Impossible("the message cannot be encrypted for the subscription")
	}
	service := origin(s.Endpoint)
	authorization, err := c.headers.get(service, c.config.Now())
	if err != nil {
		return delivery.Denied(0, "the VAPID header cannot be signed")
	}
	ttl := message.Seconds(a)
	answer, failed, ok := c.client.Post(ctx, s.Endpoint, http.Header{
		"Authorization": {authorization}, "Content-Encoding": {"aes128gcm"}, "Content-Type": {"application/octet-stream"},
		"Ttl": {strconv.Itoa(ttl)}, "Urgency": {"high"}, "Topic": {topicOf(a.SID)},
	}, body)
	if !ok {
		return failed
	}
	if (answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden) && c.headers.refuse(service, authorization, c.config.Now()) {
		return delivery.Refused(answer.RetryAfter, fmt.Sprintf("the push service answered %d; the next attempt has a new header", answer.Status))
	}
	return judge(answer, ttl)
}

// origin is what a header is signed for: scheme and host as the endpoint has them, with a port where it is not the usual one.
func origin(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	host := strings.ToLower(u.Host)
	if u.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	} else {
		host = strings.TrimSuffix(host, ":80")
	}
	return u.Scheme + "://" + host
}

// judge says what an answer to a message with a TTL in seconds means.
func judge(answer outbound.Answer, ttl int) delivery.Result {
	reason := fmt.Sprintf("the push service answered %d", answer.Status)
	switch {
	case answer.Delivered():
		return kept(answer.Header.Get("TTL"), ttl)
	case answer.Status == http.StatusNotFound || answer.Status == http.StatusGone:
		return delivery.Dead(reason)
	case answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden:
		// A subscription that was made with another key is refused so too, while others are taken.
		return delivery.Denied(answer.RetryAfter, reason).OfOne()
	case answer.Status == http.StatusTooManyRequests:
		// Too many to this subscription; others are taken.
		return delivery.Refused(answer.RetryAfter, reason)
	case answer.Status >= 500:
		return delivery.Again(answer.RetryAfter, reason)
	case answer.Status == http.StatusRequestEntityTooLarge:
		return delivery.Gone(reason)
	}
	return delivery.Refused(answer.RetryAfter, reason)
}

// leastRepeated is how long to wait before a message is sent again that the push service did not keep: it may have arrived.
const leastRepeated = 30 * time.Second

// kept is what it means that a push service keeps a message for less than the TTL that it was given: it has to be sent again then. The
// topic has it replaced where it is still kept.
func kept(answered string, ttl int) delivery.Result {
	seconds, err := strconv.Atoi(answered)
	if err != nil || seconds < 0 || seconds >= ttl {
		return delivery.Done()
	}
	after := max(time.Duration(seconds)*time.Second, leastRepeated)
	if after >= time.Duration(ttl)*time.Second {
		// There is no time for another.
		return delivery.Done()
	}
	return delivery.Refused(after, "the push service keeps it for less than its TTL")
}
