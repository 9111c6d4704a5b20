package pebblestore

import (
	"bytes"
	"errors"
	"log/slog"
	"os"

	"github.com/cockroachdb/pebble/v2"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/internal/recordcodec"
)

// Report is what a store holds.
type Report struct {
	// Version is the store's; 0 for one that was written before there were versions, or when it cannot be read.
	Version int `json:"version"`
	// Pending and the three after it count notifications by state, Limited the challenges whose notifications are counted,
	// Revoked the devices whose tokens were revoked, Dead the addresses at which nothing arrives any more.
	Pending   int `json:"pending"`
	Delivered int `json:"delivered"`
	Expired   int `json:"expired"`
	Failed    int `json:"failed"`
	Limited   int `json:"limited_challenges"`
	Revoked   int `json:"revoked_devices"`
	Dead      int `json:"dead_addresses"`
	// PutAside counts records that an earlier run could not read, and kept.
	PutAside int `json:"put_aside"`
	// Later counts records of a later version.
	Later int `json:"later_version"`
	// Damaged counts what cannot be read, or what does not fit together.
	Damaged int `json:"damaged"`
	// LogFile and LogEnd tell the log file that was read last, and up to which byte.
	LogFile string `json:"log_file,omitempty"`
	LogEnd  int64  `json:"log_end,omitempty"`
}

// Check reads all of a store that no process has open. It writes nothing but the file that keeps others out meanwhile. What is damaged is logged.
func Check(dir string, log *slog.Logger) (Report, error) {
	if info, err := os.Stat(dir); err != nil {
		return Report{}, err
	} else if !info.IsDir() {
		return Report{}, errors.New(dir + " is not a directory")
	}
	s, err := open(dir, Options{Logger: log}, true)
	if err != nil {
		return Report{}, err
	}
	report := Report{Version: s.version}
	report.LogFile, report.LogEnd = s.LogEnd()
	for _, prefix := range []byte{pendingPrefix, devicePrefix, outcomePrefix, sidPrefix, countPrefix, revokedPrefix, addressPrefix, asidePrefix} {
		s.checkAll(prefix, &report)
	}
	report.Damaged = s.Damaged()
	return report, s.Close()
}

// checkAll reads all keys with a prefix.
func (s *Store) checkAll(prefix byte, report *Report) {
	read := func(key, value []byte) (delivery.Record, error) { return s.checkOne(key, value, report) }
	for _, err := range s.scan([]byte{prefix}, []byte{prefix + 1}, read) {
		if err != nil {
			s.damage.block(err)
		}
	}
}

// checkOne counts one key, and looks whether what belongs to it is there.
func (s *Store) checkOne(key, value []byte, report *Report) (record delivery.Record, err error) {
	switch key[0] {
	case pendingPrefix, outcomePrefix:
		if record, err = recordcodec.Decode(value); err != nil {
			if errors.Is(err, recordcodec.ErrLater) {
				report.Later++
			}
			return record, err
		}
		report.count(record.State)
		place, err := s.get(sidKey(key[1+timeLength:]))
		if err != nil || !bytes.Equal(place, key) {
			s.damage.add("a notification cannot be found by its SID", slog.String("sid", record.SID))
		}
	case devicePrefix:
		s.checkPlace("a device's notification is not there", append([]byte{pendingPrefix}, key[1+sidLength:]...))
	case sidPrefix:
		s.checkPlace("a SID leads to no notification", value)
	case countPrefix:
		report.Limited++
	case revokedPrefix:
		report.Revoked++
	case addressPrefix:
		report.Dead++
	case asidePrefix:
		report.PutAside++
	}
	return record, nil
}

// checkPlace looks whether there is a record at a key, or one that was put aside from there.
func (s *Store) checkPlace(missing string, key []byte) {
	if _, err := s.get(key); err == nil || len(key) == 0 {
		return
	}
	if _, err := s.get(append([]byte{asidePrefix}, key...)); errors.Is(err, pebble.ErrNotFound) {
		s.damage.add(missing, slog.Any("key", key))
	}
}

func (r *Report) count(state delivery.State) {
	switch state {
	case delivery.Pending:
		r.Pending++
	case delivery.Delivered:
		r.Delivered++
	case delivery.Expired:
		r.Expired++
	case delivery.Failed:
		r.Failed++
	}
}
