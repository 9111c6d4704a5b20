package challenges

import (
	"strings"
	"testing"

	"github.com/nudgehq/nudge/internal/webaddress"
	"github.com/nudgehq/nudge/server"
)

// FuzzChallenges reads arbitrary texts as a file: what is taken can be asked for, and delivered to somewhere.
func FuzzChallenges(f *testing.F) {
	entry := "challenges:\n- {account_sid: AC" + strings.Repeat("1", 32) + ", service_sid: VA" + strings.Repeat("1", 32) +
		", identity: user-0001, challenge_sid: YC" + strings.Repeat("1", 32)
	for _, seed := range []string{
		"", "challenges:", "challenges: []", "challenges: [null]", entry + "}", entry + ", expires: 2030-01-01T00:00:00Z}", entry + ", expires: 0001-01-01T00:00:00Z}",
		entry + ", channel: webhook, address: \"http://h:99999/\"}", entry + ", channel: webhook, address: \"http://h/\"}", entry + ", status: x}", entry + ", nothing: 1}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseFile([]byte(text))
		if err != nil {
			return
		}
		for key, c := range d.challenges {
			if key.ServiceSID == "" || c.Status == "" || c.EntitySID == "" {
				t.Errorf("%+v", c)
			}
			if c.Channel == ChannelWebhook && webaddress.Check(c.Address) != nil {
				t.Errorf("the address %q is taken", c.Address)
			}
			if c.Channel != ChannelWebhook && c.Channel != ChannelStream && c.Channel != server.ChannelNone {
				t.Errorf("the channel %q is taken", c.Channel)
			}
		}
	})
}
