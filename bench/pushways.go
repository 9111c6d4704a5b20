package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/SherClockHolmes/webpush-go"
	"github.com/sideshow/apns2"
	"github.com/sideshow/apns2/token"
)

// client trusts a provider.
func (b *pushBench) client(ca string) (*http.Client, error) {
	data, err := os.ReadFile(filepath.Join(b.dir, ca))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(data)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: pushAtOnce}}, nil
}

// ways are those beside nudge's own: a bare POST first.
func (b *pushBench) ways(channel string) ([]way, error) {
	switch channel {
	case "ios":
		return b.apnsWays()
	case "android":
		client, err := b.client("fcm-ca.pem")
		if err != nil {
			return nil, err
		}
		return []way{{name: "bare POST", send: func(int) error { return post(client, b.FCM+"/v1/projects/example-app/messages:send", 800) }}}, nil
	}
	return b.webpushWays()
}

func (b *pushBench) apnsWays() ([]way, error) {
	client, err := b.client("apns-ca.pem")
	if err != nil {
		return nil, err
	}
	key, err := token.AuthKeyFromFile(filepath.Join(b.dir, "apns.p8"))
	if err != nil {
		return nil, err
	}
	library := apns2.NewTokenClient(&token.Token{AuthKey: key, KeyID: b.KeyID, TeamID: b.TeamID})
	library.Host, library.HTTPClient = b.APNs, client
	return []way{
		{name: "bare POST", send: func(int) error { return post(client, b.APNs+"/3/device/"+b.Addresses["ios"], 300) }},
		{name: "apns2 0.25.0", send: func(int) error {
			answer, err := library.Push(&apns2.Notification{
				DeviceToken: b.Addresses["ios"], Topic: b.Topic, Priority: 10, PushType: apns2.PushTypeAlert, Expiration: time.Now().Add(5 * time.Minute),
				Payload: json.RawMessage(`{"aps":{"alert":{"title":"Sign in","body":"Is it you?"},"sound":"default"},"type":"verify_push_challenge"}`),
			})
			if err == nil && !answer.Sent() {
				err = errors.New(answer.Reason)
			}
			return err
		}},
	}, nil
}

func (b *pushBench) webpushWays() ([]way, error) {
	client, err := b.client("push-ca.pem")
	if err != nil {
		return nil, err
	}
	var subscription webpush.Subscription
	if err := json.Unmarshal([]byte(b.Addresses["browser"]), &subscription); err != nil {
		return nil, err
	}
	private, err := os.ReadFile(filepath.Join(b.dir, "vapid.key"))
	if err != nil {
		return nil, err
	}
	options := &webpush.Options{HTTPClient: client, Subscriber: "ops@example.com", TTL: 300, Urgency: webpush.UrgencyHigh, VAPIDPublicKey: b.VAPID, VAPIDPrivateKey: strings.TrimSpace(string(private))}
	text := []byte(`{"type":"verify_push_challenge","title":"Confirm that it is you","body":"Open the app to approve or deny."}`)
	return []way{
		{name: "bare POST", send: func(int) error { return post(client, subscription.Endpoint, 400) }},
		{name: "webpush-go 1.4.0", send: func(int) error {
			answer, err := webpush.SendNotification(text, &subscription, options)
			if err != nil {
				return err
			}
			return answer.Body.Close()
		}},
	}, nil
}

// post makes a POST of a size.
func post(client *http.Client, url string, size int) error {
	answer, err := client.Post(url, "application/json", strings.NewReader(strings.Repeat("x", size)))
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.Body.Close()
}
