package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/challenges"
	"github.com/nudgehq/nudge/server/servertest"
)

// What one caller does must not keep others from being served.

// A body that does not come holds no place, and is given up after a while.
func TestSlowBodiesHoldNoPlace(t *testing.T) {
	handler, err := server.New(server.Config{
		Accounts: accounts.Development(), Challenges: challenges.Any{}, MaxInFlight: 2,
		Queue: queueFunc(func(context.Context, delivery.Notification) error { return nil }),
	})
	if err != nil {
		t.Fatal(err)
	}
	// Not servertest's own: it reads bodies before the server does.
	running := httptest.NewServer(handler)
	t.Cleanup(running.Close)
	s := &servertest.Server{URL: running.URL, AccountSID: accounts.DevelopmentSID, AuthToken: accounts.DevelopmentToken}
	var slow []net.Conn
	for range 8 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+operationPath, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(s.AccountSID, s.AuthToken)
		_, _ = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Type: %s\r\nContent-Length: 5\r\n\r\nT",
			operationPath, r.Header.Get("Authorization"), formType)
		slow = append(slow, conn)
	}
	if a := send(t, s, request{}); a.status != 201 {
		t.Errorf("beside slow bodies: %d %s", a.status, a.body)
	}
	for _, conn := range slow {
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		if response.StatusCode != 400 || !response.Close || !strings.Contains(string(body), "did not come within 2s") {
			t.Errorf("%d, close %v, %s", response.StatusCode, response.Close, body)
		}
	}
}

// An account alone may have half of the places; two have a third each, so that one more finds some.
func TestAccountsSharePlaces(t *testing.T) {
	sids := []string{"AC" + strings.Repeat("a", 32), "AC" + strings.Repeat("b", 32), "AC" + strings.Repeat("c", 32)}
	set, err := accounts.Parse(sids[0]+":a0token", sids[1]+":b0token", sids[2]+":c0token")
	if err != nil {
		t.Fatal(err)
	}
	entered, leave := make(chan bool, 20), make(chan bool)
	s := servertest.New(t, func(c *server.Config) {
		c.MaxInFlight, c.Accounts = 12, set
		c.Queue = queueFunc(func(context.Context, delivery.Notification) error { entered <- true; <-leave; return nil })
	})
	answers := make(chan int, 20)
	call := func(account int) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+operationPath, nil)
		if err != nil {
			t.Error(err)
			return 0
		}
		r.SetBasicAuth(sids[account], string(rune('a'+account))+"0token")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Error(err)
			return 0
		}
		defer func() { _ = response.Body.Close() }()
		return response.StatusCode
	}
	for account, share := range []int{6, 4} {
		for range share {
			go func() { answers <- call(account) }()
			<-entered
		}
		if status := call(account); status != 429 {
			t.Errorf("account %d has %d places and one more: %d", account, share, status)
		}
	}
	// Of the last two, one more account gets what is free.
	for range 2 {
		go func() { answers <- call(2) }()
		<-entered
	}
	if status := call(2); status != 429 {
		t.Errorf("all places are taken, and one more: %d", status)
	}
	close(leave)
	for range 12 {
		if status := <-answers; status != 201 {
			t.Errorf("got %d", status)
		}
	}
}

func TestAuthorizationHeader(t *testing.T) {
	s := servertest.New(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(s.AccountSID, s.AuthToken)
	_, credentials, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	for name, c := range map[string]struct {
		values []string
		status int
	}{
		"as usual":        {values: []string{"Basic " + credentials}, status: 201},
		"in lower case":   {values: []string{"basic " + credentials}, status: 201},
		"in upper case":   {values: []string{"BASIC " + credentials}, status: 201},
		"two blanks":      {values: []string{"Basic  " + credentials}, status: 201},
		"none":            {values: nil, status: 401},
		"two headers":     {values: []string{"Basic " + credentials, "Basic " + credentials}, status: 401},
		"another and it":  {values: []string{"Bearer x", "Basic " + credentials}, status: 401},
		"another scheme":  {values: []string{"Bearer " + credentials}, status: 401},
		"no scheme":       {values: []string{credentials}, status: 401},
		"no blank":        {values: []string{"Basic" + credentials}, status: 401},
		"half of it":      {values: []string{"Basic " + credentials[:len(credentials)/2]}, status: 401},
		"not in base64":   {values: []string{"Basic ?"}, status: 401},
		"without a colon": {values: []string{"Basic YWJj"}, status: 401},
	} {
		t.Run(name, func(t *testing.T) {
			if a := send(t, s, request{noCredentials: true, header: http.Header{"Authorization": c.values}}); a.status != c.status {
				t.Errorf("got %d %s, want %d", a.status, a.body, c.status)
			}
		})
	}
}

// Who tries many credentials is refused, by its address; others, and this machine, are not.
func TestAuthenticationFailuresOfAnAddress(t *testing.T) {
	handler, err := server.New(server.Config{
		Accounts: accounts.Development(), Challenges: challenges.Any{}, MaxAuthFailures: 3,
		Queue:          queueFunc(func(context.Context, delivery.Notification) error { return nil }),
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")},
	})
	if err != nil {
		t.Fatal(err)
	}
	call := func(from, token string, forwarded ...string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, operationPath, nil)
		r.RemoteAddr = net.JoinHostPort(from, "1234")
		r.SetBasicAuth(accounts.DevelopmentSID, token)
		for _, value := range forwarded {
			r.Header.Add("X-Forwarded-For", value)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code
	}
	good := accounts.DevelopmentToken
	for name, c := range map[string]struct {
		bad, same, other []string
		refused          int
	}{
		"IPv4":                      {bad: []string{"192.0.2.1"}, same: []string{"192.0.2.1"}, other: []string{"192.0.2.2"}, refused: 429},
		"an IPv6 network":           {bad: []string{"2001:db8::1"}, same: []string{"2001:db8::ffff"}, other: []string{"2001:db8:0:1::1"}, refused: 429},
		"loopback":                  {bad: []string{"127.0.0.1"}, same: []string{"127.0.0.1"}, other: []string{"127.0.0.1"}, refused: 201},
		"behind a trusted proxy":    {bad: []string{"10.1.2.3", "203.0.113.1"}, same: []string{"10.1.9.9", "203.0.113.1"}, other: []string{"10.1.2.3", "203.0.113.2"}, refused: 429},
		"behind any other proxy":    {bad: []string{"10.2.2.3", "198.51.100.1"}, same: []string{"10.2.2.3", "198.51.100.2"}, other: []string{"10.2.2.4", "198.51.100.1"}, refused: 429},
		"with a port":               {bad: []string{"10.1.2.3", "203.0.113.20:4444"}, same: []string{"10.1.2.3", "203.0.113.20"}, other: []string{"10.1.2.3", "203.0.113.21:1"}, refused: 429},
		"what nobody can read":      {bad: []string{"10.1.2.3", "unknown"}, same: []string{"10.1.2.3", "_hidden"}, other: []string{"10.1.2.3", "203.0.113.22"}, refused: 429},
		"who writes the header too": {bad: []string{"10.1.2.3", "9.9.9.9, 203.0.113.7"}, same: []string{"10.1.2.3", "8.8.8.8, 203.0.113.7"}, other: []string{"10.1.2.3", "203.0.113.7, 203.0.113.8"}, refused: 429},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range 3 {
				if status := call(c.bad[0], "wrong", c.bad[1:]...); status != 401 {
					t.Errorf("failure %d: %d", i+1, status)
				}
			}
			if status := call(c.same[0], good, c.same[1:]...); status != c.refused {
				t.Errorf("after 3 failures: %d, want %d", status, c.refused)
			}
			if status := call(c.other[0], good, c.other[1:]...); status != 201 {
				t.Errorf("from another address: %d", status)
			}
		})
	}
	if handler.AuthRefusals() != 7 {
		t.Errorf("%d refusals are counted", handler.AuthRefusals())
	}
}

// A TTL counts from the exact creation; callers are told whole seconds.
func TestCreationIsExact(t *testing.T) {
	s := servertest.New(t)
	s.Advance(1234567890)
	a := send(t, s, request{body: "Ttl=1"})
	n := s.Notifications()[0]
	if n.Created.Nanosecond() == 0 || !strings.Contains(a.body, `"date_created":"`+n.Created.Format("2006-01-02T15:04:05Z")+`"`) {
		t.Errorf("created at %v, answered %s", n.Created, a.body)
	}
}
