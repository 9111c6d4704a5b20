package channels

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nudgehq/nudge/delivery/apns"
	"github.com/nudgehq/nudge/delivery/fcm"
	"github.com/nudgehq/nudge/delivery/message"
	"github.com/nudgehq/nudge/delivery/outbound"
	"github.com/nudgehq/nudge/delivery/webpush"
)

// parts are what a channel is made of.
type parts struct {
	entry
	// key is the secret, and keyField the field that it comes by.
	key      []byte
	keyField string
	template *message.Template
	tls      *tls.Config
	now      func() time.Time
	rules    outbound.Rules
}

// signer is the fingerprint of what a provider token is made of.
func (p parts) signer() fingerprint {
	return fingerprintOf(p.key, []byte(p.KeyID), []byte(p.TeamID))
}

func makeAPNs(p parts, signer func() (*apns.Signer, error)) (channel, error) {
	endpoint := strings.TrimSuffix(p.Endpoint, "/")
	switch {
	case p.Environment != "" && endpoint != "":
		return nil, errors.New("endpoint: it and environment exclude each other")
	case p.Environment == "sandbox":
		endpoint = apns.Sandbox
	case p.Environment == "production":
		endpoint = apns.Production
	case endpoint == "":
		return nil, errors.New("environment: must be sandbox, for apps that Xcode has installed, or production")
	}
	s, err := signer()
	if err != nil {
		return nil, err
	}
	c, err := apns.New(apns.Config{Signer: s, Topic: p.Topic, Endpoint: endpoint, Template: p.template, TLS: p.tls, Now: p.now})
	if err != nil {
		return nil, fmt.Errorf("topic: %w", err)
	}
	return c, nil
}

func makeFCM(p parts, _ func() (*apns.Signer, error)) (channel, error) {
	account, err := fcm.ParseAccount(p.key)
	if err != nil {
		return nil, fmt.Errorf("%s: it %w", p.keyField, err)
	}
	return fcm.New(fcm.Config{Account: account, Endpoint: strings.TrimSuffix(p.Endpoint, "/"), Template: p.template, TLS: p.tls, Now: p.now})
}

func makeWebPush(p parts, _ func() (*apns.Signer, error)) (channel, error) {
	key, err := webpush.ParseKey(p.key)
	if err != nil {
		return nil, fmt.Errorf("%s: it %w", p.keyField, err)
	}
	if err := webpush.CheckSubject(p.Subject); err != nil {
		return nil, fmt.Errorf("subject: it %w", err)
	}
	rules := p.rules
	rules.AllowPrivate = rules.AllowPrivate || p.AllowPrivate
	return webpush.New(webpush.Config{Key: key, Subject: p.Subject, Template: p.template, Rules: rules, TLS: p.tls, Now: p.now})
}

// about says what a channel is made of, without secrets.
func about(e entry, c channel) string {
	switch made := c.(type) {
	case *apns.Channel:
		return fmt.Sprintf("APNs at %s, topic %s, key %s of team %s", made.Destination(""), e.Topic, e.KeyID, e.TeamID)
	case *fcm.Channel:
		return fmt.Sprintf("FCM at %s, project %s", made.Destination(""), made.Project())
	case *webpush.Channel:
		return fmt.Sprintf("Web Push for %s; pages subscribe with the key %s", e.Subject, made.PublicKey())
	}
	return e.Kind
}

// signerKept is how long a signer is kept that no channel uses: a channel that is taken out and put back has the same provider token.
const signerKept = time.Hour

// signers are those of APNs by what they are made of: channels with the same key share one, and it outlives a change of the file.
type signers map[fingerprint]*keptSigner

// keptSigner is a signer with when a file named it last.
type keptSigner struct {
	*apns.Signer
	named time.Time
}

// get gives the signer of an entry, or makes it.
func (s signers) get(p parts) (*apns.Signer, error) {
	of := p.signer()
	if kept := s[of]; kept != nil {
		return kept.Signer, nil
	}
	key, err := apns.ParseKey(p.key)
	if err != nil {
		return nil, fmt.Errorf("%s: it %w", p.keyField, err)
	}
	signer, err := apns.NewSigner(key, p.KeyID, p.TeamID)
	if err != nil {
		return nil, err
	}
	s[of] = &keptSigner{Signer: signer}
	return signer, nil
}

// renew notes which are named by a file, and lets go of those that were not for long.
func (s signers) renew(named *set, now time.Time) {
	for _, c := range named.channels {
		if kept := s[c.signer]; kept != nil {
			kept.named = now
		}
	}
	for of, kept := range s {
		if now.Sub(kept.named) > signerKept {
			delete(s, of)
		}
	}
}
