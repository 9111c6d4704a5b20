package fcm

import (
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/nudgehq/nudge/delivery/outbound"
)

// FuzzAnswer reads arbitrary answers as FCM's: each has a result, whose reason is short and holds nothing of the answer but a known form.
func FuzzAnswer(f *testing.F) {
	f.Add(200, `{"name":"projects/p/messages/1"}`)
	f.Add(404, `{"error":{"status":"NOT_FOUND","details":[{"errorCode":"UNREGISTERED"}]}}`)
	f.Add(400, `{"error":{"status":"INVALID_ARGUMENT","details":[{"fieldViolations":[{"field":"message.token"}]}]}}`)
	f.Add(500, `<html>s3cr3t</html>`)
	f.Add(401, `{"error":{"status":"s3cr3t"}}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		c := &Channel{tokens: &tokens{}}
		result := c.judge(outbound.Answer{Status: status, Body: []byte(body)}, &oauth2.Token{})
		if reason := result.Reason(); !result.Delivered() && reason == "" || len(reason) > 200 || strings.Contains(reason, "s3cr3t") {
			t.Errorf("%s because %q", result, reason)
		}
		if result.Delivered() && status != 200 {
			t.Errorf("%d is a delivery", status)
		}
	})
}
