package pushpeers

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nudgehq/nudge/delivery/webpush"
)

// Peers are all providers, with a directory that has what `nudge serve --channels` needs for them.
type Peers struct {
	APNs        *APNs
	FCM         *FCM
	PushService *PushService
	// Channels is the file of channels, whose names are ios, android and browser.
	Channels string
	// Addresses has an address of each channel.
	Addresses map[string]string
	// VAPID is the public key of the channel browser.
	VAPID string
}

// Names are the channels of Peers.
var Names = []string{"ios", "android", "browser"}

// Start starts all providers and writes the file of channels, and the secrets that it names, to a directory.
func Start(dir string) (p *Peers, err error) {
	p = &Peers{Channels: filepath.Join(dir, "channels.yaml")}
	defer func() {
		if err != nil {
			p.Close()
		}
	}()
	if p.APNs, err = NewAPNs(); err != nil {
		return p, err
	}
	if p.FCM, err = NewFCM(); err != nil {
		return p, err
	}
	if p.PushService, err = NewPushService(); err != nil {
		return p, err
	}
	key, err := webpush.NewKey()
	if err != nil {
		return p, err
	}
	text, err := key.Text()
	if err != nil {
		return p, err
	}
	p.VAPID = key.Public
	subscription, err := p.PushService.Subscribe(key.Public)
	if err != nil {
		return p, err
	}
	p.Addresses = map[string]string{"ios": strings.Repeat("0123456789abcdef", 4), "android": "cRegistration:token-of-a-phone", "browser": subscription}
	files := map[string]string{
		"apns.p8": string(p.APNs.KeyFile), "apns-ca.pem": string(p.APNs.CA), "service-account.json": string(p.FCM.Account), "fcm-ca.pem": string(p.FCM.CA),
		"vapid.key": text + "\n", "push-ca.pem": string(p.PushService.CA),
		"channels.yaml": fmt.Sprintf(`channels:
  ios:
    kind: apns
    endpoint: %s
    ca_file: apns-ca.pem
    key_file: apns.p8
    key_id: %s
    team_id: %s
    topic: %s
    title: Sign in to Example
    body: "{{if .Details.place}}From {{.Details.place}}. {{end}}Is it you?"
  android:
    kind: fcm
    endpoint: %s
    ca_file: fcm-ca.pem
    service_account_file: service-account.json
  browser:
    kind: webpush
    ca_file: push-ca.pem
    key_file: vapid.key
    subject: mailto:ops@example.com
    # The push service is on this machine.
    allow_private: true
`, p.APNs.URL, p.APNs.KeyID, p.APNs.TeamID, p.APNs.Topic, p.FCM.URL),
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return p, err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return p, err
		}
	}
	return p, nil
}

// Of gives the provider of a channel.
func (p *Peers) Of(channel string) *Peer {
	return map[string]*Peer{"ios": p.APNs.Peer, "android": p.FCM.Peer, "browser": p.PushService.Peer}[channel]
}

// Close ends them.
func (p *Peers) Close() {
	if p.APNs != nil {
		p.APNs.Close()
	}
	if p.FCM != nil && p.FCM.Peer != nil {
		p.FCM.Close()
	}
	if p.PushService != nil && p.PushService.Peer != nil {
		p.PushService.Close()
	}
}
