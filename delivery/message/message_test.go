package message_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
	"github.com/nudgehq/nudge/delivery/message"
)

func TestWords(t *testing.T) {
	n := deliverytest.Notification(0)
	n.Details = `{"place":"Oslo","long":"` + strings.Repeat("ø", 1500) + `","quoted":"a \"b\" \u0007 c","hidden":"a\u202eb\u2066c\nd"}`
	for text, want := range map[string]string{
		"":                                    message.DefaultTitle,
		"Sign in":                             "Sign in",
		"{{.Identity}} in {{.Details.place}}": "device-0000 in Oslo",
		"for {{.TTL}} s: {{.SID}}":            "for 300 s: " + n.SID,
		"{{.Details.nothing}}none":            "none",
		"{{.Details.quoted}}":                 `a "b"   c`,
		"{{.Details.hidden}}":                 "abc d",
		"{{.Details.long}}":                   strings.Repeat("ø", message.MaxTitle/2),
		"a{{.Details.long}}":                  "a" + strings.Repeat("ø", (message.MaxTitle-1)/2),
		`{{if .Details.place}}from {{.Details.place}}{{end}}`: "from Oslo",
	} {
		template, err := message.ParseTemplate(text, text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		words := template.Words(n)
		if words.Title != want || len(words.Title) > message.MaxTitle || len(words.Body) > message.MaxBody || !utf8.ValidString(words.Body) {
			t.Errorf("%q gives %q, want %q; the body has %d bytes", text, words.Title, want, len(words.Body))
		}
	}
	for _, text := range []string{"{{", "{{.Nothing}}", "{{.TTL.x}}", "{{template `other`}}", "{{call .SID}}", "{{range 3000000000}}{{end}}", "{{if .SID}}{{range .Details}}x{{end}}{{end}}", `{{define "x"}}{{end}}`} {
		if _, err := message.ParseTemplate("", text); err == nil || !strings.HasPrefix(err.Error(), "body: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// What providers are told never lets them keep it for longer than it is valid.
func TestTimes(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 500e6, time.UTC)
	for _, c := range []struct {
		ttl, remaining time.Duration
		seconds        int
		expiry         int64
	}{
		{ttl: 150 * time.Second, remaining: 150 * time.Second, seconds: 150, expiry: now.Unix() + 150},
		{ttl: 150 * time.Second, remaining: 149*time.Second + 900*time.Millisecond, seconds: 149, expiry: now.Unix() + 150},
		{ttl: 150 * time.Second, remaining: 149*time.Second + 400*time.Millisecond, seconds: 149, expiry: now.Unix() + 149},
		{ttl: 150 * time.Second, remaining: 400 * time.Millisecond, seconds: 0, expiry: 0},
		{ttl: 0, remaining: 0, seconds: 0, expiry: 0},
	} {
		n := deliverytest.Notification(0)
		n.TTL = c.ttl
		a := delivery.Attempt{Notification: n, Number: 1, Remaining: c.remaining}
		if seconds, expiry := message.Seconds(a), message.Expiry(a, now); seconds != c.seconds || expiry != c.expiry {
			t.Errorf("%s of %s: %d s, at %d; want %d, %d", c.remaining, c.ttl, seconds, expiry, c.seconds, c.expiry)
		}
	}
}
