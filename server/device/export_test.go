package device

import (
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// VerifyForTest verifies a token by a key.
func VerifyForTest(k Key, token string, now time.Time) (delivery.Device, error) {
	v, err := k.verify(token, now)
	return v.device, err
}
