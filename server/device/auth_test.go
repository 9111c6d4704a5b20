package device_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/server/device"
)

func TestAuthorizationHeader(t *testing.T) {
	r := start(t)
	d := deliverytest.Notification(0).Device
	good := token(t, key, d, time.Hour)
	for name, c := range map[string]struct {
		values []string
		status int
	}{
		"as usual":      {values: []string{"Bearer " + good}, status: 200},
		"in lower case": {values: []string{"bearer " + good}, status: 200},
		"two blanks":    {values: []string{"Bearer  " + good}, status: 200},
		"two headers":   {values: []string{"Bearer " + good, "Bearer " + good}, status: 401},
		"another first": {values: []string{"Basic x", "Bearer " + good}, status: 401},
		"no scheme":     {values: []string{good}, status: 401},
		"no token":      {values: []string{"Bearer "}, status: 401},
	} {
		if status := ask(t, http.MethodGet, r.url+path(d), "", http.Header{"Authorization": c.values}).StatusCode; status != c.status {
			t.Errorf("%s: %d, want %d", name, status, c.status)
		}
	}
}

// A token with critical extensions is refused: nobody here understands them.
func TestCriticalExtensionsAreRefused(t *testing.T) {
	r := start(t)
	d := deliverytest.Notification(0).Device
	parsed, _, err := jwt.NewParser().ParseUnverified(token(t, key, d, time.Hour), jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	parsed.Header["crit"] = []string{"exp2"}
	text, err := parsed.SignedString([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	if status := ask(t, http.MethodGet, r.url+path(d), text, nil).StatusCode; status != http.StatusUnauthorized {
		t.Errorf("got %d", status)
	}
}

// Two keys are in force while one replaces the other.
func TestKeysAreReplacedWithoutABreak(t *testing.T) {
	old, later := strings.Repeat("o", 32), strings.Repeat("n", 32)
	r := start(t, func(c *device.Config) { c.Keys = device.FixedKeys(device.Key(later), device.Key(old)) })
	d := deliverytest.Notification(0).Device
	for _, k := range []string{old, later} {
		if status := ask(t, http.MethodGet, r.url+path(d), token(t, k, d, time.Hour), nil).StatusCode; status != http.StatusOK {
			t.Errorf("a token of the key %s is answered %d", k[:1], status)
		}
	}
}

// A key that is taken away ends the streams whose tokens it signed, at their next heartbeat.
func TestKeyThatIsTakenAwayEndsStreams(t *testing.T) {
	var keys atomic.Pointer[[]device.Key]
	keys.Store(&[]device.Key{device.Key(key)})
	r := start(t, func(c *device.Config) {
		c.Heartbeat = 10 * time.Millisecond
		c.Keys = func() []device.Key { return *keys.Load() }
	})
	d := deliverytest.Notification(0).Device
	response := ask(t, http.MethodGet, r.url+path(d), token(t, key, d, time.Hour), nil)
	if response.StatusCode != http.StatusOK {
		t.Fatal(response.StatusCode)
	}
	keys.Store(&[]device.Key{device.Key(strings.Repeat("n", 32))})
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Errorf("the stream did not end cleanly: %v", err)
	}
}

// A token of the future would outlive being revoked.
func TestTokenOfTheFutureIsRefused(t *testing.T) {
	r := start(t)
	d := deliverytest.Notification(0).Device
	text, err := device.Key(key).Token(d, deliverytest.Start.Add(10*time.Minute), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if status := ask(t, http.MethodGet, r.url+path(d), text, nil).StatusCode; status != http.StatusUnauthorized {
		t.Errorf("got %d", status)
	}
}

// As many streams are held open as may be, and not one more; a device's own do not use up the places of others.
func TestStreamsAreBounded(t *testing.T) {
	r := start(t, func(c *device.Config) { c.MaxStreams = 2 })
	var devices []delivery.Device
	for i := range 3 {
		devices = append(devices, deliverytest.Notification(i).Device)
	}
	for i, want := range []int{200, 200, 429} {
		response := ask(t, http.MethodGet, r.url+path(devices[i]), token(t, key, devices[i], time.Hour), nil)
		if response.StatusCode != want || want == 429 && response.Header.Get("Retry-After") == "" {
			t.Errorf("stream %d is answered %d, want %d", i+1, response.StatusCode, want)
		}
	}
}

// FuzzToken gives arbitrary texts as tokens: none is taken that was not signed, and nothing fails.
func FuzzToken(f *testing.F) {
	d := deliverytest.Notification(0).Device
	signed, err := device.Key(key).Token(d, deliverytest.Start, time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	parts := strings.Split(signed, ".")
	for _, seed := range []string{
		signed, "", "..", parts[0] + "." + parts[1] + ".", "eyJhbGciOiJub25lIn0." + parts[1] + ".", parts[0] + ".e30." + parts[2],
		parts[0] + "." + parts[1] + "." + parts[2] + "=", strings.Repeat("a.", 1000), "eyJhbGciOiJIUzI1NiIsImNyaXQiOlsieCJdfQ." + parts[1] + "." + parts[2],
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		of, err := device.VerifyForTest(device.Key(key), text, deliverytest.Start)
		if err == nil && (text != signed || of != d) {
			t.Errorf("%q is taken for %v", text, of)
		}
	})
}

// FuzzLastEventID gives arbitrary texts as the last event's id: the stream is opened or refused, and a heartbeat comes.
func FuzzLastEventID(f *testing.F) {
	for _, seed := range []string{"", deliverytest.Notification(0).SID, "x", strings.Repeat("x", 64), strings.Repeat("x", 65), "\x00", "ä", "a,b", " "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		r := start(t)
		d := deliverytest.Notification(0).Device
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+path(d), nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token(t, key, d, time.Hour))
		request.Header.Set("Last-Event-ID", id)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			// Not a header that can be sent.
			return
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusBadRequest {
			t.Errorf("%q is answered %d", id, response.StatusCode)
		}
	})
}
