package fcm

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/apns"
	"github.com/nudgehq/nudge/delivery/message"
	"github.com/nudgehq/nudge/delivery/outbound"
)

// Production is Firebase's server.
const Production = "https://fcm.googleapis.com"

// maxPayload is the most that FCM takes of what is passed on to an app, in bytes.
const maxPayload = 4096

// idle is how long a connection is kept.
const idle = time.Hour

// quotaRest is how long to wait where FCM says that a quota is used up, and not for how long.
const quotaRest = time.Minute

// Config is what a Channel is made of. Account and Template are required.
type Config struct {
	// Account is the service account that sends.
	Account *Account
	// Endpoint is the server's URL. Empty: Production.
	Endpoint string
	// Template makes the words that a person reads.
	Template *message.Template
	// TLS are the settings of connections. Nil: the system's authorities.
	TLS *tls.Config
	// Now is the clock that expiries are dated by. Nil: time.Now.
	Now func() time.Time
}

// Channel is a delivery.Provider. Make it with New.
type Channel struct {
	config Config
	client *outbound.Client
	tokens *tokens
}

var _ delivery.Provider = (*Channel)(nil)

// New makes a channel. The error says what the configuration lacks.
func New(config Config) (*Channel, error) {
	if config.Account == nil || config.Template == nil {
		return nil, errors.New("Config.Account and Config.Template are required")
	}
	if config.Endpoint == "" {
		config.Endpoint = Production
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	// The operator's own settings may be anywhere.
	client := outbound.New(outbound.Options{Rules: outbound.Rules{AllowPrivate: true}, TLS: config.TLS, Now: config.Now, Idle: idle, Proxy: true})
	return &Channel{config: config, client: client, tokens: newTokens(config.Account, client.HTTP())}, nil
}

var registrationToken = regexp.MustCompile(`^[A-Za-z0-9_:.-]+$`)

// CheckAddress gives an error for what is no registration token.
func (*Channel) CheckAddress(address string) error {
	if len(address) < 8 || len(address) > 4096 || !registrationToken.MatchString(address) {
		return errors.New("must be a registration token of 8 to 4096 letters, digits, and _ : . -")
	}
	return nil
}

// Project is the Firebase project's id.
func (c *Channel) Project() string { return c.config.Account.Project }

// Destination is FCM itself.
func (c *Channel) Destination(string) string { return delivery.DestinationOf(c.config.Endpoint) }

// CloseIdle closes the connections that nothing is sent over.
func (c *Channel) CloseIdle() { c.client.HTTP().CloseIdleConnections() }

// AddressKey is the token with the server and the project that it is for.
func (c *Channel) AddressKey(address string) string {
	return strings.Join([]string{"fcm", c.config.Endpoint, c.config.Account.Project, address}, " ")
}

// Request is the body of messages:send.
type Request struct {
	Message Message `json:"message"`
}

// Message is what is sent to one device. It has no notification of FCM's own: the app gets the data at once, and shows it.
type Message struct {
	Token   string            `json:"token"`
	Data    map[string]string `json:"data"`
	Android Android           `json:"android"`
	APNS    APNS              `json:"apns"`
	WebPush WebPush           `json:"webpush"`
}

// Android says how the message gets to a device of Android's.
type Android struct {
	Priority string `json:"priority"`
	// TTL is in seconds, with an s.
	TTL string `json:"ttl"`
}

// APNS says how the message gets to a device of Apple's.
type APNS struct {
	Headers map[string]string `json:"headers"`
	Payload apns.Payload      `json:"payload"`
}

// WebPush says how the message gets to a browser that has registered with FCM.
type WebPush struct {
	Headers map[string]string `json:"headers"`
}

func (c *Channel) message(a delivery.Attempt) Message {
	words, keys := c.config.Template.Words(a.Notification), message.DataOf(a.Notification)
	data := map[string]string{
		"type": keys.Type, "sid": keys.SID, "challenge_sid": keys.ChallengeSID, "title": words.Title, "body": words.Body,
	}
	if keys.FactorSID != "" {
		data["factor_sid"] = keys.FactorSID
	}
	ttl := strconv.Itoa(message.Seconds(a))
	return Message{
		Token: a.Address, Data: data,
		Android: Android{Priority: "HIGH", TTL: ttl + "s"},
		WebPush: WebPush{map[string]string{"TTL": ttl, "Urgency": "high"}},
		APNS:    APNS{Headers: apns.HeaderOf(a, c.config.Now()), Payload: apns.PayloadOf(a.Notification, words)},
	}
}

// checkSize refuses what FCM would: the data, and what goes to Apple, are bounded each.
func checkSize(m Message) error {
	for name, part := range map[string]any{"data": m.Data, "payload for Apple": m.APNS.Payload} {
		text, err := message.JSON(part)
		if err != nil {
			return err
		}
		if len(text) > maxPayload {
			return fmt.Errorf("the %s has %d bytes, and FCM takes %d", name, len(text), maxPayload)
		}
	}
	return nil
}

// Deliver makes one request, and none where there is no token to make it with.
func (c *Channel) Deliver(ctx context.Context, a delivery.Attempt) delivery.Result {
	if err := c.CheckAddress(a.Address); err != nil {
		return delivery.Impossible("the address " + err.Error())
	}
	token, failed, ok := c.tokens.get(ctx)
	if !ok {
		return failed
	}
	// What it says of the time counts from here: a token may have been waited for.
	m := c.message(a)
	if err := checkSize(m); err != nil {
		return delivery.Impossible(err.Error())
	}
	body, err := message.JSON(Request{m})
	if err != nil {
		return delivery.Impossible(err.Error())
	}
	header := http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + token.AccessToken}}
	answer, failed, ok := c.client.Post(ctx, c.config.Endpoint+"/v1/projects/"+c.config.Account.Project+"/messages:send", header, body)
	if !ok {
		return failed
	}
	return c.judge(answer, token)
}
