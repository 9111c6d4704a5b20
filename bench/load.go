package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nudgehq/nudge/server/accounts"
)

// loadTime is how long each level lasts.
const loadTime = 5 * time.Second

// runLoad sets the durable server beside the same one with a store in memory.
func runLoad([]string) error {
	dir, err := os.MkdirTemp("", "nudge-bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	fmt.Println("connections  store   requests/s      p50      p99   durable/memory")
	for _, connections := range []int{1, 16, 64, 256} {
		var memory float64
		for _, store := range []string{"memory", "pebble"} {
			var args []string
			if store == "pebble" {
				args = []string{"-data", fmt.Sprintf("%s/%d", dir, connections)}
			}
			p, err := start(args...)
			if err != nil {
				return err
			}
			rate, samples, err := load(connections, func(client *http.Client, identity string) error { return create(client, p.url, identity) })
			p.kill()
			if err != nil {
				return err
			}
			p50, p99 := quantiles(samples)
			ratio := ""
			if store == "memory" {
				memory = rate
			} else {
				ratio = fmt.Sprintf("%.2f", rate/memory)
			}
			fmt.Printf("%11d  %-6s  %10.0f  %7s  %7s   %s\n", connections, store, rate, p50.Round(10*time.Microsecond), p99.Round(10*time.Microsecond), ratio)
		}
	}
	return nil
}

// load makes requests over a number of connections for loadTime.
func load(connections int, request func(client *http.Client, identity string) error) (rate float64, samples []time.Duration, err error) {
	return loadFor(loadTime, connections, request)
}

// loadFor makes requests over a number of connections for some time; each request gets an identity of its own.
func loadFor(lasts time.Duration, connections int, request func(client *http.Client, identity string) error) (rate float64, samples []time.Duration, err error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var group sync.WaitGroup
	start := time.Now()
	for worker := range connections {
		group.Go(func() {
			var own []time.Duration
			for i := 0; time.Since(start) < lasts; i++ {
				began := time.Now()
				if e := request(client, fmt.Sprintf("device-%04d-%d", worker, i)); e != nil {
					mu.Lock()
					defer mu.Unlock()
					err = e
					return
				}
				own = append(own, time.Since(began))
			}
			mu.Lock()
			defer mu.Unlock()
			samples = append(samples, own...)
		})
	}
	group.Wait()
	return float64(len(samples)) / time.Since(start).Seconds(), samples, err
}

// create creates one notification.
func create(client *http.Client, url, identity string) error {
	r, err := http.NewRequest(http.MethodPost, url+"/v2/Services/"+service+"/Entities/"+identity+"/Challenges/YC03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Notifications", strings.NewReader("Ttl=300"))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(accounts.DevelopmentSID, accounts.DevelopmentToken)
	return do(client, r, http.StatusCreated)
}

// do sends a request and reads its answer, which must have the status.
func do(client *http.Client, r *http.Request, status int) error {
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != status {
		err = fmt.Errorf("%d %s", response.StatusCode, body)
	}
	return err
}
