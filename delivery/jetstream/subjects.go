package jetstream

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/nudgehq/nudge/delivery"
)

// Layout is the version of subjects and records.
const Layout = "1"

// streamOf is the number of a partition's stream.
func (s *Store) streamOf(partition int) int { return partition % s.options.Streams }

// streamName is the name of a stream, by its number.
func (s *Store) streamName(number int) string {
	return strings.ToUpper(s.options.Prefix) + "_" + strconv.Itoa(number)
}

// ofStream are the subjects of a stream, ofPartition those of a partition, and ofDevice those of a device.
func (s *Store) ofStream(number int) string { return fmt.Sprintf("%s.%d.>", s.options.Prefix, number) }

func (s *Store) ofPartition(partition int) string {
	return fmt.Sprintf("%s.%d.n.%d.>", s.options.Prefix, s.streamOf(partition), partition)
}

func (s *Store) ofDevice(d delivery.Device) string {
	return s.device(d) + ".>"
}

// device begins the subjects of a device. Names do not belong in subjects: hashes stand for them, and the record has them.
func (s *Store) device(d delivery.Device) string {
	partition := delivery.PartitionOf(d)
	return fmt.Sprintf("%s.%d.n.%d.%s", s.options.Prefix, s.streamOf(partition), partition, hash(d.ServiceSID, d.Identity))
}

// subject is the subject of a notification in a slot, from 1. Of a challenge without a limit each has its own.
func (s *Store) subject(n delivery.Notification, slot int) string {
	last := n.SID
	if n.ChallengeLimit > 0 {
		last = strconv.Itoa(slot)
	}
	return s.device(n.Device) + "." + hash(n.AccountSID, n.ChallengeSID) + "." + last
}

// hashLength is how much of a hash is in a subject, in bytes: 96 bits, so that no two meet. Who reads compares the names.
const hashLength = 12

// hash is one token for two names; of a device's, it begins its DeviceHash.
func hash(first, second string) string {
	sum := sha256.Sum256([]byte(first + "/" + second))
	return hex.EncodeToString(sum[:hashLength])
}
