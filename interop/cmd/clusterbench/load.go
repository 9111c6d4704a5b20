package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nudgehq/nudge/interop/local"
)

// giveUp is how long a caller tries one notification again.
const giveUp = 30 * time.Second

// ttl is that of every notification.
const ttl = 5 * time.Minute

// load are callers that try again, and a receiver of webhooks.
type load struct {
	base     string
	client   *http.Client
	receiver *httptest.Server

	received                 sync.Map
	created, again, arrivals atomic.Int64
	mu                       sync.Mutex
	took                     []time.Duration
	failed                   []string
	sids                     []string
}

func newLoad() *load {
	l := &load{client: &http.Client{Timeout: 8 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	l.receiver = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if _, twice := l.received.LoadOrStore(r.Header.Get("webhook-id"), true); !twice {
			l.arrivals.Add(1)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	return l
}

// run has callers create until ctx is done, each so many a second; 0 for as many as it can.
func (l *load) run(ctx context.Context, callers int, perSecond float64) {
	var calling sync.WaitGroup
	for caller := range callers {
		calling.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				l.create(ctx, fmt.Sprintf("user-%04d", (caller*37+i)%1000), caller, i)
				if perSecond > 0 {
					select {
					case <-time.After(time.Duration(float64(time.Second) / perSecond)):
					case <-ctx.Done():
					}
				}
			}
		})
	}
	calling.Wait()
}

// create tries until it is answered 201, as a caller does that tries 503 and lost connections again.
func (l *load) create(ctx context.Context, identity string, caller, i int) {
	target := local.Target{
		URL: l.base, Credentials: local.Account, Service: "VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", Identity: identity, Challenge: fmt.Sprintf("YC%016x%016x", caller+1, i),
	}
	begin := time.Now()
	said := ""
	for time.Since(begin) < giveUp {
		sid, status, err := target.Create(context.WithoutCancel(ctx), l.client, ttl)
		switch {
		case err != nil:
			said = err.Error()
		case status == http.StatusCreated:
			l.created.Add(1)
			l.mu.Lock()
			l.took, l.sids = append(l.took, time.Since(begin)), append(l.sids, sid)
			l.mu.Unlock()
			return
		case status == http.StatusServiceUnavailable:
			said = http.StatusText(status)
		default:
			l.mu.Lock()
			l.failed = append(l.failed, http.StatusText(status))
			l.mu.Unlock()
			return
		}
		l.again.Add(1)
		<-time.After(200 * time.Millisecond)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = append(l.failed, "given up: "+said)
}

// taken gives how long each create took since it was asked last, and what failed.
func (l *load) taken() (took []time.Duration, failed []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	took, failed = l.took, l.failed
	l.took, l.failed = nil, nil
	return took, failed
}

// missing is how many of those that were created have not arrived, some time after the last.
func (l *load) missing(ctx context.Context) (n int) {
	for range 600 {
		n = 0
		l.mu.Lock()
		for _, sid := range l.sids {
			if _, ok := l.received.Load(sid); !ok {
				n++
			}
		}
		l.mu.Unlock()
		if n == 0 || ctx.Err() != nil {
			break
		}
		<-time.After(100 * time.Millisecond)
	}
	return n
}
