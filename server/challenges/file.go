package challenges

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/owndocument"
	"github.com/nudgehq/nudge/internal/reload"
	"github.com/nudgehq/nudge/internal/rule"
	"github.com/nudgehq/nudge/internal/strictyaml"
	"github.com/nudgehq/nudge/server"
)

// NotificationLimit is how many notifications a challenge of a file may have in all.
const NotificationLimit = 3

// File is a directory of challenges in a YAML file, read again when it changes:
//
//	challenges:
//	  - account_sid: AC0123456789abcdef0123456789abcdef
//	    service_sid: VA0123456789abcdef0123456789abcdef
//	    identity: ff483d1ff591898a9942916050d2ca3f
//	    challenge_sid: YC0123456789abcdef0123456789abcdef
//	    entity_sid: YE0123456789abcdef0123456789abcdef  # optional: derived from service and identity
//	    status: pending                                 # optional: pending, approved, denied or expired
//	    expires: 2030-01-01T00:00:00Z                   # optional: never
//	    channel: webhook                                # optional: stream, webhook, one of --channels, or none for a device without a platform
//	    address: https://device.example/hook            # of a webhook its URL, of a phone its token, of a browser its subscription
//	    address_since: 2026-11-30T08:00:00Z             # optional: when the device was last there; an address that was dead before is good again
//	    factor_sid: YF0123456789abcdef0123456789abcdef  # optional
//	    details: {place: Oslo}                          # optional: texts for the words that a person reads
type File struct {
	file *reload.File[directory]
	more []Channels
}

type directory struct {
	challenges map[server.ChallengeKey]server.Challenge
	first      server.ChallengeKey
}

// OpenFile reads a file of challenges, of a server that may have more channels than its own. The error names the file, the entry and
// the rule.
func OpenFile(path string, log *slog.Logger, more ...Channels) (*File, error) {
	opened := false
	file, err := reload.Open(path, log, func(data []byte) (directory, error) {
		// Later, a channel that is taken away, or comes, does not keep the other challenges from changing.
		return parseDirectory(data, !opened, more)
	})
	if err != nil {
		return nil, fmt.Errorf("challenges file: %w", err)
	}
	opened = true
	return &File{file, more}, nil
}

// Find gives the challenge of the file as it is now.
func (f *File) Find(_ context.Context, key server.ChallengeKey) (server.Challenge, error) {
	challenge, ok := f.file.Value().challenges[key]
	if !ok {
		return server.Challenge{}, &server.Error{Code: server.CodeNotFound}
	}
	return challenge, checkKnown(challenge, f.more)
}

// Sum tells one content of the file that is in force from another.
func (f *File) Sum() [32]byte { return f.file.Sum() }

// Refresh reads the file again, whether it looks changed or not.
func (f *File) Refresh() { f.file.Refresh() }

// First gives the key of the file's first challenge, for an example.
func (f *File) First() server.ChallengeKey { return f.file.Value().first }

var statuses = []server.Status{server.StatusPending, server.StatusApproved, server.StatusDenied, server.StatusExpired}

// rules are the document's rules of the fields that a file shares with it, by the field's name in the file. An entry
// that breaks them could never be asked for.
var rules = sync.OnceValues(func() (map[string]rule.Rule, error) {
	doc, err := owndocument.Document()
	if err != nil {
		return nil, err
	}
	rules, err := openapi.Properties(doc, "Notification")
	if err != nil {
		return nil, err
	}
	operations, err := openapi.Operations(doc)
	if err != nil {
		return nil, err
	}
	for _, op := range operations {
		for _, r := range op.Parameters {
			if r.Name == "Identity" {
				rules["identity"] = r
			}
		}
	}
	return rules, nil
})

// entry is one challenge as the file has it.
type entry struct {
	AccountSID   string        `yaml:"account_sid" json:"account_sid"`
	ServiceSID   string        `yaml:"service_sid" json:"service_sid"`
	Identity     string        `yaml:"identity" json:"identity"`
	ChallengeSID string        `yaml:"challenge_sid" json:"challenge_sid"`
	EntitySID    string        `yaml:"entity_sid" json:"entity_sid,omitempty"`
	Status       server.Status `yaml:"status" json:"status,omitempty"`
	Expires      string        `yaml:"expires" json:"expires,omitempty"`
	Channel      string        `yaml:"channel" json:"channel,omitempty"`
	Address      address       `yaml:"address" json:"address,omitempty"`
	AddressSince string        `yaml:"address_since" json:"address_since,omitempty"`
	FactorSID    string        `yaml:"factor_sid" json:"factor_sid,omitempty"`

	Details map[string]string `yaml:"details" json:"details,omitempty"`
}

func parseFile(data []byte) (directory, error) { return parseDirectory(data, true, nil) }

// parseDirectory reads a file. With all, every channel must be there; otherwise what is not there is left to Find.
func parseDirectory(data []byte, all bool, more []Channels) (directory, error) {
	d := directory{challenges: map[server.ChallengeKey]server.Challenge{}}
	err := eachOf(data, func(i int, _ entry, challenge server.Challenge) error {
		if all || isKnown(challenge.Channel, more) {
			if err := checkChannel(challenge.Channel, challenge.Address, more); err != nil {
				return fmt.Errorf("challenges[%d].%w", i, err)
			}
		}
		if _, twice := d.challenges[challenge.ChallengeKey]; twice {
			return fmt.Errorf("challenges[%d]: %s is listed twice", i, challenge.ChallengeSID)
		}
		d.challenges[challenge.ChallengeKey] = challenge
		if i == 0 {
			d.first = challenge.ChallengeKey
		}
		return nil
	})
	if err != nil {
		return directory{}, err
	}
	return d, nil
}

// eachOf gives each entry of a file, with what it means.
func eachOf(data []byte, each func(i int, e entry, challenge server.Challenge) error) error {
	// An empty list is a directory without challenges; a file without the list is one that is being written.
	var content struct {
		Challenges *[]entry `yaml:"challenges"`
	}
	if err := strictyaml.Decode(data, &content); err != nil {
		return err
	}
	if content.Challenges == nil {
		return errors.New("challenges: is missing; an empty directory is challenges: []")
	}
	for i, e := range *content.Challenges {
		challenge, err := e.challenge()
		if err != nil {
			return fmt.Errorf("challenges[%d].%w", i, err)
		}
		if err := each(i, e, challenge); err != nil {
			return err
		}
	}
	return nil
}

// challenge applies the defaults and checks the entry. The error starts with the field's name.
func (e entry) challenge() (server.Challenge, error) {
	if e.EntitySID == "" {
		e.EntitySID = EntitySID(e.ServiceSID, e.Identity)
	}
	if e.Status == "" {
		e.Status = server.StatusPending
	}
	if e.Channel == "" {
		e.Channel = ChannelStream
	}
	rules, err := rules()
	if err != nil {
		return server.Challenge{}, err
	}
	for _, field := range []struct{ name, value string }{
		{"account_sid", e.AccountSID}, {"service_sid", e.ServiceSID}, {"identity", e.Identity},
		{"challenge_sid", e.ChallengeSID}, {"entity_sid", e.EntitySID},
	} {
		if r := rules[field.name]; !r.Allows(field.value) {
			return server.Challenge{}, fmt.Errorf("%s: must be %s", field.name, r)
		}
	}
	if e.FactorSID != "" && !factorSID.MatchString(e.FactorSID) {
		return server.Challenge{}, errors.New("factor_sid: must be YF and 32 hexadecimal digits")
	}
	expires, err := parseTime("expires", e.Expires)
	if err != nil {
		return server.Challenge{}, err
	}
	since, err := parseTime("address_since", e.AddressSince)
	if err != nil {
		return server.Challenge{}, err
	}
	if err := checkDetails(e.Details); err != nil {
		return server.Challenge{}, err
	}
	if !slices.Contains(statuses, e.Status) {
		return server.Challenge{}, fmt.Errorf("status: must be one of %v", statuses)
	}
	// Whether one that is not this server's own is there, each server knows for itself.
	if err := checkChannel(e.Channel, string(e.Address), nil); err != nil && (isOwn(e.Channel) || !channelName.MatchString(e.Channel)) {
		return server.Challenge{}, err
	}
	return server.Challenge{
		ChallengeKey: server.ChallengeKey{
			AccountSID: e.AccountSID, ServiceSID: e.ServiceSID, Identity: e.Identity, ChallengeSID: e.ChallengeSID,
		},
		EntitySID:         e.EntitySID,
		FactorSID:         e.FactorSID,
		Status:            e.Status,
		Expires:           expires,
		NotificationLimit: NotificationLimit,
		Channel:           e.Channel,
		Address:           string(e.Address),
		AddressSince:      since,
		Details:           e.Details,
	}, nil
}

var (
	factorSID   = regexp.MustCompile(`^YF[0-9a-fA-F]{32}$`)
	channelName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)
)

// parseTime reads a time that need not be there. The error begins with the field's name.
func parseTime(field, text string) (at time.Time, err error) {
	if text == "" {
		return at, nil
	}
	if at, err = time.Parse(time.RFC3339, text); err != nil {
		return at, fmt.Errorf("%s: must be a time such as 2030-01-01T00:00:00Z", field)
	}
	if at.IsZero() {
		return at, fmt.Errorf("%s: this time stands for none; leave it out", field)
	}
	return at, nil
}
