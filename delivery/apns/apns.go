package apns

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/message"
	"github.com/nudgehq/nudge/delivery/outbound"
)

// Apple's servers.
const (
	Production = "https://api.push.apple.com"
	Sandbox    = "https://api.sandbox.push.apple.com"
)

// idle is how long a connection is kept: Apple takes connections that come and go for an attack.
const idle = time.Hour

// maxPayload is the largest payload that APNs takes, in bytes.
const maxPayload = 4096

// Config is what a Channel is made of. Signer, Topic and Template are required.
type Config struct {
	// Signer mints the provider tokens.
	Signer *Signer
	// Topic is the app's bundle id.
	Topic string
	// Endpoint is the server's URL. Empty: Production.
	Endpoint string
	// Template makes the words that a person reads.
	Template *message.Template
	// TLS are the settings of connections. Nil: the system's authorities.
	TLS *tls.Config
	// Now is the clock that tokens and expiries are dated by. Nil: time.Now.
	Now func() time.Time
}

// Channel is a delivery.Provider. Make it with New.
type Channel struct {
	config Config
	client *outbound.Client
}

var _ delivery.Provider = (*Channel)(nil)

// New makes a channel. The error says what the configuration lacks.
func New(config Config) (*Channel, error) {
	if config.Signer == nil || config.Template == nil {
		return nil, errors.New("Config.Signer and Config.Template are required")
	}
	if config.Endpoint == "" {
		config.Endpoint = Production
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if !topic.MatchString(config.Topic) {
		return nil, errors.New("the topic must be the app's bundle id, such as com.example.app")
	}
	return &Channel{
		config: config,
		// The operator's own setting may be anywhere.
		client: outbound.New(outbound.Options{Rules: outbound.Rules{AllowPrivate: true}, TLS: config.TLS, Now: config.Now, Idle: idle, Proxy: true}),
	}, nil
}

var (
	topic       = regexp.MustCompile(`^[A-Za-z0-9.-]{1,155}$`)
	deviceToken = regexp.MustCompile(`^([0-9a-fA-F]{2}){32,100}$`)
)

// CheckAddress gives an error for what is no device token.
func (*Channel) CheckAddress(address string) error {
	if !deviceToken.MatchString(address) {
		return errors.New("must be a device token of 64 to 200 hexadecimal digits")
	}
	return nil
}

// Destination is APNs itself.
func (c *Channel) Destination(string) string { return delivery.DestinationOf(c.config.Endpoint) }

// CloseIdle closes the connections that nothing is sent over.
func (c *Channel) CloseIdle() { c.client.HTTP().CloseIdleConnections() }

// AddressKey is the token with the server and the app that it is for.
func (c *Channel) AddressKey(address string) string {
	return strings.Join([]string{"apns", c.config.Endpoint, c.config.Topic, strings.ToLower(address)}, " ")
}

// Payload is what is sent: the keys by which the app finds the challenge, beside what the system shows.
type Payload struct {
	APS APS `json:"aps"`
	message.Data
}

// APS is what the system shows.
type APS struct {
	Alert Alert  `json:"alert"`
	Sound string `json:"sound"`
}

// Alert are the words that a person reads.
type Alert struct {
	Title string `json:"title"`
	Body  string `json:"body"`
}

// PayloadOf makes the payload of a notification with its words.
func PayloadOf(n delivery.Notification, words message.Words) Payload {
	return Payload{APS: APS{Alert: Alert(words), Sound: "default"}, Data: message.DataOf(n)}
}

// HeaderOf gives the headers that say how an attempt is to be delivered, without the token.
func HeaderOf(a delivery.Attempt, now time.Time) map[string]string {
	return map[string]string{
		"apns-expiration": strconv.FormatInt(message.Expiry(a, now), 10),
		// At once, and with what the user sees or hears.
		"apns-priority":    "10",
		"apns-push-type":   "alert",
		"apns-collapse-id": a.SID,
	}
}

// idOf makes a UUID of a SID's digits, so that every repetition has the same.
func idOf(sid string) string {
	digits := strings.ToLower(strings.TrimPrefix(sid, "NT"))
	if len(digits) != 32 {
		return ""
	}
	return strings.Join([]string{digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]}, "-")
}

// Deliver makes one request.
func (c *Channel) Deliver(ctx context.Context, a delivery.Attempt) delivery.Result {
	if err := c.CheckAddress(a.Address); err != nil {
		return delivery.Impossible("the address " + err.Error())
	}
	body, err := message.JSON(PayloadOf(a.Notification, c.config.Template.Words(a.Notification)))
	if err != nil {
		return delivery.Impossible(err.Error())
	}
	if len(body) > maxPayload {
		return delivery.Impossible(fmt.Sprintf("the payload has %d bytes, and APNs takes %d", len(body), maxPayload))
	}
	now := c.config.Now()
	token, err := c.config.Signer.get(now)
	if err != nil {
		return delivery.Denied(0, "the provider token cannot be signed")
	}
	header := http.Header{"Content-Type": {"application/json"}, "Authorization": {"bearer " + token.text}}
	for name, value := range HeaderOf(a, now) {
		header.Set(name, value)
	}
	header.Set("apns-id", idOf(a.SID))
	header.Set("apns-topic", c.config.Topic)
	answer, failed, ok := c.client.Post(ctx, c.config.Endpoint+"/3/device/"+strings.ToLower(a.Address), header, body)
	if !ok {
		return failed
	}
	return c.judge(answer, token)
}

// judge says what an answer means.
func (c *Channel) judge(answer outbound.Answer, used *token) delivery.Result {
	if answer.Status == http.StatusOK {
		if len(answer.Body) > 0 || answer.IsCut {
			return delivery.Again(answer.RetryAfter, "the answer 200 is not one of APNs")
		}
		return delivery.Done()
	}
	var told struct {
		Reason string `json:"reason"`
		// Timestamp is when APNs found out that a token is not good, in milliseconds since 1970.
		Timestamp int64 `json:"timestamp"`
	}
	_ = json.Unmarshal(answer.Body, &told)
	reason := fmt.Sprintf("APNs answered %d", answer.Status)
	if !known.MatchString(told.Reason) {
		told.Reason = ""
	}
	reason = strings.TrimSpace(reason + " " + told.Reason)
	switch {
	case answer.Status == http.StatusGone && told.Timestamp > 0:
		return delivery.Dead(reason).Since(time.UnixMilli(told.Timestamp))
	case answer.Status == http.StatusGone && (told.Reason != "" || len(answer.Body) == 0):
		return delivery.Dead(reason)
	case answer.Status == http.StatusForbidden:
		if c.config.Signer.refuse(used, c.config.Now()) {
			return delivery.Again(answer.RetryAfter, reason+"; the next attempt has a new token")
		}
		return delivery.Denied(answer.RetryAfter, reason)
	case answer.Status == http.StatusTooManyRequests && told.Reason == "TooManyRequests":
		// Too many to this device; others are taken.
		return delivery.Refused(answer.RetryAfter, reason)
	case answer.Status == http.StatusTooManyRequests || answer.Status >= 500:
		return delivery.Again(answer.RetryAfter, reason)
	case answer.Status == http.StatusRequestEntityTooLarge:
		return delivery.Gone(reason)
	case answer.Status == http.StatusNotFound || answer.Status == http.StatusMethodNotAllowed:
		return delivery.Denied(answer.RetryAfter, reason)
	case answer.Status != http.StatusBadRequest:
		return delivery.Again(answer.RetryAfter, reason)
	}
	return badRequest(told.Reason, reason)
}

// known is what a reason of APNs looks like. Anything else is not repeated.
var known = regexp.MustCompile(`^[A-Za-z]{1,60}$`)

// badRequest tells apart who is to blame for a 400.
func badRequest(told, reason string) delivery.Result {
	switch told {
	case "BadDeviceToken", "DeviceTokenNotForTopic":
		return delivery.Dead(reason)
	case "BadTopic", "MissingTopic", "TopicDisallowed", "BadPath":
		return delivery.Denied(0, reason)
	case "IdleTimeout":
		return delivery.Again(0, reason)
	case "":
		// Not an answer of APNs.
		return delivery.Again(0, reason)
	}
	return delivery.Gone(reason)
}
