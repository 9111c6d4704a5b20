// Package recordcodec writes the records of notifications as stores keep them.
package recordcodec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// version is the first byte of a record. A later form gets another one, and this one stays readable.
const version = 1

// states are the states' numbers in a record.
var states = []delivery.State{delivery.Pending, delivery.Delivered, delivery.Expired, delivery.Failed}

// Encode writes a record: version, state, numbers as varints, texts with their lengths.
func Encode(r delivery.Record) []byte {
	b := make([]byte, 0, 384)
	b = append(b, version)
	for i, state := range states {
		if state == r.State {
			b = append(b, byte(i))
		}
	}
	for _, n := range []int64{int64(r.Attempts), nanos(r.Created), int64(r.TTL), int64(r.ChallengeLimit), nanos(r.LastAttempt), nanos(r.Ended)} {
		b = binary.AppendVarint(b, n)
	}
	for _, text := range texts(&r) {
		b = binary.AppendUvarint(b, uint64(len(*text)))
		b = append(b, *text...)
	}
	return b
}

// texts are a record's strings, in the order in which they are written. Later ones are added at the end: records that were written
// before do not have them, and a program that does not know them looks past them.
func texts(r *delivery.Record) []*string {
	return []*string{
		&r.SID, &r.AccountSID, &r.EntitySID, &r.ChallengeSID, &r.ServiceSID, &r.Identity, &r.Channel, &r.Address, &r.Reason,
		&r.FactorSID, &r.Details,
	}
}

// firstTexts is how many texts every record has.
const firstTexts = 9

// What is wrong with bytes that are no record.
var (
	ErrDamaged = errors.New("a record is damaged")
	ErrLater   = errors.New("a record is of a later version")
)

// Decode reads a record. What comes after it is looked past. The error wraps ErrDamaged or ErrLater.
func Decode(b []byte) (delivery.Record, error) {
	var r delivery.Record
	if len(b) > 0 && b[0] > version && b[0] < 0x20 {
		return r, fmt.Errorf("%w: %d, and this nudge reads %d", ErrLater, b[0], version)
	}
	if len(b) < 2 || b[0] != version || int(b[1]) >= len(states) {
		return r, ErrDamaged
	}
	r.State = states[b[1]]
	b = b[2:]
	var numbers [6]int64
	for i := range numbers {
		n, size := binary.Varint(b)
		if size <= 0 {
			return r, ErrDamaged
		}
		numbers[i], b = n, b[size:]
	}
	r.Attempts, r.Created, r.TTL = int(numbers[0]), fromNanos(numbers[1]), time.Duration(numbers[2])
	r.ChallengeLimit, r.LastAttempt, r.Ended = int(numbers[3]), fromNanos(numbers[4]), fromNanos(numbers[5])
	for i, text := range texts(&r) {
		if i >= firstTexts && len(b) == 0 {
			break
		}
		length, size := binary.Uvarint(b)
		if size <= 0 || length > uint64(len(b)-size) {
			return r, ErrDamaged
		}
		*text, b = string(b[size:size+int(length)]), b[size+int(length):]
	}
	return r, nil
}

// nanos is 0 for the zero time, which UnixNano is not defined for.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
