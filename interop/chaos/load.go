package chaos

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/interop/local"
	"github.com/nudgehq/nudge/server/device"
)

const (
	account = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	service = "VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	// devices have streams, receivers get webhooks.
	devices   = 20
	receivers = 10
	// flappers are devices that come and go, whose notifications have a TTL of some seconds.
	flappers = 5
	// ttl is that of most notifications; longer than a run's faults and its end.
	ttl = 5 * time.Minute
)

// load are the callers, the devices and the receivers.
type load struct {
	history *History
	url     string
	client  *http.Client
	hooks   *httptest.Server

	mu       sync.Mutex
	received map[string]bool
	created  map[string]bool
}

func newLoad(history *History) *load {
	l := &load{history: history, received: map[string]bool{}, created: map[string]bool{}, client: &http.Client{Timeout: 8 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	l.hooks = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			ChallengeSID string `json:"challenge_sid"`
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		l.receive(r.Header.Get("webhook-id"), body.ChallengeSID, strings.TrimPrefix(r.URL.Path, "/"))
		w.WriteHeader(http.StatusNoContent)
	}))
	return l
}

func (l *load) receive(sid, challenge, who string) {
	l.history.Add(Event{Kind: Received, SID: sid, Challenge: challenge, Who: who})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.received[sid] = true
}

// missing is how many have not arrived that have to.
func (l *load) missing() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for sid := range l.created {
		if !l.received[sid] {
			n++
		}
	}
	return n
}

func challengeSID(i int) string { return fmt.Sprintf("YC%032x", i+1) }

// isBrief tells whether a challenge is of a device that comes and goes.
func isBrief(i int) bool { return i%3 == 1 && i%4 == 0 }

// identity is the device of a challenge: of every three challenges one has a webhook.
func identity(i int) string {
	if i%3 == 0 {
		return fmt.Sprintf("receiver-%04d", i%receivers)
	}
	if isBrief(i) {
		return fmt.Sprintf("flapper-%04d", i%flappers)
	}
	return fmt.Sprintf("device-%04d", i%devices)
}

// writeChallenges writes the file of all challenges.
func (l *load) writeChallenges(path string, count int) error {
	var b bytes.Buffer
	b.WriteString("challenges:\n")
	for i := range count {
		channel := "channel: stream"
		if i%3 == 0 {
			channel = fmt.Sprintf("channel: webhook, address: '%s/%s'", l.hooks.URL, identity(i))
		}
		fmt.Fprintf(&b, "  - {account_sid: %s, service_sid: %s, identity: %s, challenge_sid: %s, %s}\n", account, service, identity(i), challengeSID(i), channel)
	}
	return os.WriteFile(path, b.Bytes(), 0o600)
}

// call creates notifications, five for each challenge at once, until ctx is done or there are no more challenges.
func (l *load) call(ctx context.Context, next func() (challenge int, ok bool), random *rand.Rand) {
	for ctx.Err() == nil {
		challenge, ok := next()
		if !ok {
			return
		}
		var group sync.WaitGroup
		for range Limit + 2 {
			valid := ttl
			if isBrief(challenge) {
				valid = time.Duration(2+random.IntN(6)) * time.Second
			}
			if random.IntN(10) == 0 {
				valid = 0
			}
			group.Go(func() { l.create(ctx, challenge, valid) })
		}
		group.Wait()
		select {
		case <-time.After(time.Duration(random.IntN(200)) * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

func (l *load) create(ctx context.Context, challenge int, valid time.Duration) {
	target := local.Target{URL: l.url, Credentials: local.Account, Service: service, Identity: identity(challenge), Challenge: challengeSID(challenge)}
	e := Event{Kind: Created, Challenge: target.Challenge, TTL: valid, Sent: l.history.Now(), Brief: isBrief(challenge)}
	// What is on its way when the load ends is waited for.
	sid, status, err := target.Create(context.WithoutCancel(ctx), l.client, valid)
	if e.Status = status; err == nil && status == http.StatusCreated {
		e.SID = sid
	}
	l.history.Add(e)
	if e.Status == http.StatusCreated && valid > 0 && !e.Brief {
		l.mu.Lock()
		l.created[e.SID] = true
		l.mu.Unlock()
	}
}

// beDevice holds a device's stream open, acknowledges what arrives, and connects again, until ctx is done. One that comes and goes is
// there for a while, and then away for about as long as TTLs are.
func (l *load) beDevice(ctx context.Context, identity string, random *rand.Rand) error {
	key, err := device.NewKey(local.DeviceKey)
	if err != nil {
		return err
	}
	token, err := key.Token(delivery.Device{ServiceSID: service, Identity: identity}, time.Now(), time.Hour)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		there, cancel, away := ctx, context.CancelFunc(func() {}), 200*time.Millisecond
		if random != nil {
			there, cancel = context.WithTimeout(ctx, 2*time.Second)
			away = time.Duration(2000+random.IntN(6000)) * time.Millisecond
		}
		l.stream(there, identity, token)
		cancel()
		select {
		case <-time.After(away):
		case <-ctx.Done():
		}
	}
	return nil
}

// stream reads one stream to its end. One that is silent for longer than its heartbeat is dead: its node may be stopped.
func (l *load) stream(ctx context.Context, identity, token string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silent := time.AfterFunc(20*time.Second, cancel)
	defer silent.Stop()
	path := fmt.Sprintf("%s/devices/v1/Services/%s/Entities/%s/notifications", l.url, service, identity)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	if err != nil {
		return
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return
	}
	defer func() { _ = answer.Body.Close() }()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		silent.Reset(20 * time.Second)
		data, ok := strings.CutPrefix(lines.Text(), "data:")
		if !ok {
			continue
		}
		var n struct {
			SID          string `json:"sid"`
			ChallengeSID string `json:"challenge_sid"`
		}
		if json.Unmarshal([]byte(data), &n) != nil || n.SID == "" {
			continue
		}
		l.receive(n.SID, n.ChallengeSID, identity)
		go l.acknowledge(ctx, path+"/"+n.SID+"/ack", token)
	}
}

// acknowledge says that a notification arrived, until somebody hears it.
func (l *load) acknowledge(ctx context.Context, path, token string) {
	for ctx.Err() == nil {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, path, nil)
		if err != nil {
			return
		}
		request.Header.Set("Authorization", "Bearer "+token)
		answer, err := l.client.Do(request)
		if err == nil {
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			if answer.StatusCode < http.StatusInternalServerError {
				return
			}
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}
