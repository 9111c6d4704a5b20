package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/device"
)

// What a soak does at once.
const (
	soakHanging    = 20
	soakDevices    = 50
	soakGeneration = 10 * time.Second
	soakPerSecond  = 100
	soakLook       = 200 * time.Millisecond
)

// soak is a running server, with who uses it.
type soak struct {
	url, ops string
	key      device.Key
	healthy  string
	hanging  []string
	file     string

	generation                          atomic.Int64
	created, refused, arrived, received atomic.Int64
}

// runSoak loads a server for a time, with devices that come and go and receivers that hang, and has it sleep for three hours
// half way. It fails when memory, descriptors, goroutines or the work for a request grow.
func runSoak(args []string) error {
	flags := flag.NewFlagSet("soak", flag.ExitOnError)
	length := flags.Duration("for", 15*time.Minute, "how long")
	_ = flags.Parse(args)
	dir, err := os.MkdirTemp("", "soak")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s := &soak{key: device.Key("soak-a-key-that-everybody-who-reads-this-knows"), file: filepath.Join(dir, "challenges.yaml")}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		s.received.Add(1)
	}))
	defer receiver.Close()
	s.healthy = receiver.URL + "/hook"
	for range soakHanging {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer l.Close()
		s.hanging = append(s.hanging, "http://"+l.Addr().String()+"/hook")
	}
	if err := s.writeChallenges(0); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := exec.Command(self, "soakserver", "-data", filepath.Join(dir, "data"), "-challenges", s.file, "-key", string(s.key))
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	defer func() { _ = command.Process.Kill(); _ = command.Wait() }()
	for lines := bufio.NewScanner(out); (s.ops == "" || s.url == "") && lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "url "); ok {
			s.url = value
		}
		if value, ok := strings.CutPrefix(lines.Text(), "ops "); ok {
			s.ops = value
		}
	}
	if s.ops == "" || s.url == "" {
		return errors.New("the server did not start")
	}
	ctx, cancel := context.WithTimeout(context.Background(), *length)
	defer cancel()
	go s.writeGenerations(ctx)
	for worker := range 4 {
		go s.create(ctx, worker)
	}
	for i := range soakDevices {
		go s.connect(ctx, i)
	}
	return s.watch(ctx, *length)
}

// challenge is the i-th challenge of a generation; a third are behind the receivers that hang, a third behind the healthy one.
func (s *soak) challenge(generation int64, i int) (identity, sid, channel, address string) {
	sid = fmt.Sprintf("YC%016x%016x", generation, i)
	switch i % 3 {
	case 0:
		return fmt.Sprintf("hanging-%04d", i%soakHanging), sid, "webhook", s.hanging[i%soakHanging]
	case 1:
		return "healthy-0001", sid, "webhook", s.healthy
	}
	return fmt.Sprintf("device-%04d", i%soakDevices), sid, "stream", ""
}

// perGeneration is how many challenges a generation has; each takes three notifications.
const perGeneration = soakPerSecond * int(soakGeneration/time.Second) / 2

// writeChallenges writes a generation of challenges, and the one before it.
func (s *soak) writeChallenges(generation int64) error {
	var b strings.Builder
	b.WriteString("challenges:\n")
	for g := max(generation-1, 0); g <= generation; g++ {
		for i := range perGeneration {
			identity, sid, channel, address := s.challenge(g, i)
			fmt.Fprintf(&b, "- {account_sid: %s, service_sid: %s, identity: %s, challenge_sid: %s, channel: %s", accounts.DevelopmentSID, service, identity, sid, channel)
			if address != "" {
				fmt.Fprintf(&b, ", address: %q", address)
			}
			b.WriteString("}\n")
		}
	}
	if err := os.WriteFile(s.file+".new", []byte(b.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(s.file+".new", s.file)
}

// writeGenerations goes from one generation to the next. What is created is for the one before, which has surely been read.
func (s *soak) writeGenerations(ctx context.Context) {
	for next := int64(1); ctx.Err() == nil; next++ {
		if err := s.writeChallenges(next); err != nil {
			fmt.Fprintln(os.Stderr, "soak:", err)
			return
		}
		s.generation.Store(next - 1)
		pause(ctx, soakGeneration)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// create creates notifications, a quarter of all.
func (s *soak) create(ctx context.Context, worker int) {
	for i := worker; ctx.Err() == nil; i += 4 {
		identity, sid, _, _ := s.challenge(s.generation.Load(), i%perGeneration)
		address := fmt.Sprintf("%s/v2/Services/%s/Entities/%s/Challenges/%s/Notifications", s.url, service, identity, sid)
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(url.Values{"Ttl": {strconv.Itoa([]int{0, 1, 30, 300}[i/12%4])}}.Encode()))
		if err != nil {
			return
		}
		r.SetBasicAuth(accounts.DevelopmentSID, accounts.DevelopmentToken)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if response, err := http.DefaultClient.Do(r); err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			if response.StatusCode == http.StatusCreated {
				s.created.Add(1)
			} else {
				s.refused.Add(1)
			}
		}
		pause(ctx, 4*time.Second/soakPerSecond)
	}
}

// connect is a device that comes, acknowledges half of what arrives, and goes.
func (s *soak) connect(ctx context.Context, i int) {
	d := delivery.Device{ServiceSID: service, Identity: fmt.Sprintf("device-%04d", i)}
	base := fmt.Sprintf("%s/devices/v1/Services/%s/Entities/%s/notifications", s.url, service, d.Identity)
	for ctx.Err() == nil {
		// Tokens go by the time of the machine.
		token, err := s.key.Token(d, time.Now(), time.Hour)
		if err != nil {
			return
		}
		stay, cancel := context.WithTimeout(ctx, time.Duration(2+i%10)*time.Second)
		ask := func(method, address string) *http.Response {
			r, err := http.NewRequestWithContext(stay, method, address, nil)
			if err != nil {
				return nil
			}
			r.Header.Set("Authorization", "Bearer "+token)
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				return nil
			}
			return response
		}
		if response := ask(http.MethodGet, base); response != nil {
			for lines := bufio.NewScanner(response.Body); lines.Scan(); {
				if sid, ok := strings.CutPrefix(lines.Text(), "id: "); ok && s.arrived.Add(1)%2 == 0 {
					if acknowledged := ask(http.MethodPost, base+"/"+sid+"/ack"); acknowledged != nil {
						_ = acknowledged.Body.Close()
					}
				}
			}
			_ = response.Body.Close()
		}
		cancel()
		pause(ctx, time.Duration(1+i%5)*time.Second)
	}
}

// watch moves the clock once and looks at the server until ctx is done, and then judges.
func (s *soak) watch(ctx context.Context, length time.Duration) error {
	started, jumped := time.Now(), false
	var samples []sample
	var allocated, requests float64
	for looked := started; ctx.Err() == nil; pause(ctx, soakLook) {
		if !jumped && time.Since(started) > length/2 {
			jumped = true
			response, err := http.Post(s.ops+"/sleep?for=3h", "", nil)
			if err != nil {
				return err
			}
			_ = response.Body.Close()
		}
		if time.Since(looked) < length/60 {
			continue
		}
		looked = time.Now()
		m, err := s.metrics()
		if err != nil {
			return err
		}
		done := float64(s.created.Load() + s.refused.Load())
		samples = append(samples, sample{m["process_resident_memory_bytes"], m["process_open_fds"], m["go_goroutines"], (m["go_memstats_alloc_bytes_total"] - allocated) / max(done-requests, 1)})
		allocated, requests = m["go_memstats_alloc_bytes_total"], done
	}
	if len(samples) < 20 {
		return fmt.Errorf("only %d samples", len(samples))
	}
	fmt.Printf("created %d, refused %d, arrived at devices %d, at the healthy receiver %d\n", s.created.Load(), s.refused.Load(), s.arrived.Load(), s.received.Load())
	if s.created.Load() < s.refused.Load() || s.arrived.Load() == 0 || s.received.Load() == 0 {
		return errors.New("the load did not get through")
	}
	return judge(samples)
}
