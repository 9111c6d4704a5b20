package apns

import (
	"strings"
	"testing"
	"time"

	"github.com/nudgehq/nudge/delivery/outbound"
)

// FuzzAnswer reads arbitrary answers as APNs': each has a result, whose reason is short and holds nothing of the answer but a known form.
func FuzzAnswer(f *testing.F) {
	f.Add(200, "")
	f.Add(410, `{"reason":"Unregistered","timestamp":1700000000000}`)
	f.Add(410, `{"reason":"Unregistered","timestamp":-9223372036854775808}`)
	f.Add(400, `{"reason":"BadDeviceToken"}`)
	f.Add(403, `{"reason":"the s3cr3t"}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		c := &Channel{config: Config{Signer: &Signer{replaced: time.Unix(1e9, 0)}, Now: func() time.Time { return time.Unix(1e9, 0) }}}
		result := c.judge(outbound.Answer{Status: status, Body: []byte(body)}, nil)
		if reason := result.Reason(); !result.Delivered() && reason == "" || len(reason) > 200 || strings.Contains(reason, "s3cr3t") {
			t.Errorf("%s because %q", result, reason)
		}
		if result.Delivered() && (status != 200 || body != "") {
			t.Errorf("%d is a delivery", status)
		}
	})
}
