package pebblestore

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// The first byte of a key says what it is.
const (
	pendingPrefix = 'p'
	devicePrefix  = 'd'
	outcomePrefix = 'o'
	sidPrefix     = 's'
	countPrefix   = 'c'
	revokedPrefix = 'r'
	addressPrefix = 'a'
	versionPrefix = 'v'
	asidePrefix   = 'x'
)

// sidLength is the length of a SID's digits in binary; timeLength that of a time.
const (
	sidLength  = 16
	timeLength = 8
)

// digits gives the binary form of a SID's 32 hexadecimal digits.
func digits(sid string) ([]byte, error) {
	if len(sid) != 2+2*sidLength {
		return nil, fmt.Errorf("the SID %.40q is not two letters and 32 hexadecimal digits", sid)
	}
	b, err := hex.DecodeString(sid[2:])
	if err != nil {
		return nil, fmt.Errorf("the SID %.40q is not two letters and 32 hexadecimal digits", sid)
	}
	return b, nil
}

// timedKey is a prefix, a time and a SID.
func timedKey(prefix byte, t time.Time, sid []byte) []byte {
	key := make([]byte, 0, 1+timeLength+sidLength)
	key = append(key, prefix)
	key = binary.BigEndian.AppendUint64(key, uint64(t.UnixNano()))
	return append(key, sid...)
}

func pendingKey(n delivery.Notification, sid []byte) []byte {
	return timedKey(pendingPrefix, n.Expires(), sid)
}

func sidKey(sid []byte) []byte { return append([]byte{sidPrefix}, sid...) }

// deviceKeys is what all keys of a device begin with.
func deviceKeys(d delivery.Device) []byte { return deviceHash(devicePrefix, d) }

// revokedKey is where it is noted that a device's tokens were revoked.
func revokedKey(d delivery.Device) []byte { return deviceHash(revokedPrefix, d) }

// deviceHash is a prefix and a hash of service and identity.
func deviceHash(prefix byte, d delivery.Device) []byte {
	hash := d.Hash()
	return append([]byte{prefix}, hash[:]...)
}

// deviceKey ends like the pending key of the same notification.
func deviceKey(d delivery.Device, pending []byte) []byte {
	return append(deviceKeys(d), pending[1:]...)
}

func countKey(n delivery.Notification) ([]byte, error) {
	account, err := digits(n.AccountSID)
	if err != nil {
		return nil, err
	}
	challenge, err := digits(n.ChallengeSID)
	if err != nil {
		return nil, err
	}
	return append(append([]byte{countPrefix}, account...), challenge...), nil
}

// keyAfter is the first key behind all that begin with prefix.
func keyAfter(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		end[i]++
		if end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}
