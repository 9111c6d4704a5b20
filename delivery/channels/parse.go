package channels

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/nudgehq/nudge/delivery/apns"
	"github.com/nudgehq/nudge/delivery/fcm"
	"github.com/nudgehq/nudge/delivery/message"
	"github.com/nudgehq/nudge/delivery/webpush"
	"github.com/nudgehq/nudge/internal/strictyaml"
	"github.com/nudgehq/nudge/internal/webaddress"
)

// The kinds of channels.
const (
	KindAPNs    = "apns"
	KindFCM     = "fcm"
	KindWebPush = "webpush"
)

// ErrUnknown means that there is no channel of the name.
var ErrUnknown = errors.New("there is no channel")

// entry is one channel as the file has it. Which fields a kind has, settings say.
type entry struct {
	Kind string `yaml:"kind"`
	// Title and Body are the words that a person reads: Go templates over message.Fields.
	Title string `yaml:"title"`
	Body  string `yaml:"body"`
	// CAFile has the authorities that the provider's certificate is checked by, in PEM.
	CAFile string `yaml:"ca_file"`

	// Endpoint is the provider's URL, of APNs and FCM.
	Endpoint string `yaml:"endpoint"`

	// Of APNs.
	Environment string `yaml:"environment"`
	KeyFile     string `yaml:"key_file"`
	KeyEnv      string `yaml:"key_env"`
	KeyID       string `yaml:"key_id"`
	TeamID      string `yaml:"team_id"`
	Topic       string `yaml:"topic"`

	// Of FCM.
	AccountFile string `yaml:"service_account_file"`
	AccountEnv  string `yaml:"service_account_env"`

	// Of Web Push; its key is one of VAPID.
	Subject      string `yaml:"subject"`
	AllowPrivate bool   `yaml:"allow_private"`
}

// name is what a channel may be called.
var name = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)

// taken are names that the server's own channels have.
var taken = []string{"any", "none", "stream", "webhook"}

// maxChannels bounds how many channels a file has.
const maxChannels = 200

// parse makes the channels of a file. It is called by one goroutine at a time.
func (f *File) parse(data []byte) (*set, error) {
	var content struct {
		Channels map[string]entry `yaml:"channels"`
	}
	if err := strictyaml.Decode(data, &content); err != nil {
		return nil, err
	}
	if len(content.Channels) == 0 || len(content.Channels) > maxChannels {
		return nil, fmt.Errorf("channels: must have 1 to %d channels, each by its name", maxChannels)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &set{channels: map[string]made{}}
	f.missing = ""
	for _, of := range slices.Sorted(maps.Keys(content.Channels)) {
		if !name.MatchString(of) || slices.Contains(taken, of) {
			return nil, fmt.Errorf("channels: %.40q is no name: it must be of up to 32 small letters, digits, _ and -, and none of %s", of, strings.Join(taken, ", "))
		}
		c, err := f.make(of, content.Channels[of], s)
		if err != nil {
			return nil, fmt.Errorf("channels.%s.%w", of, err)
		}
		s.channels[of] = c
	}
	f.signed.renew(s, f.options.Now())
	s.replaces(f.last, f.options.Logger)
	f.last = s
	return s, nil
}

// make makes a channel, or gives the one that was made of the same. The error begins with the field's name.
func (f *File) make(of string, e entry, s *set) (made, error) {
	kind, ok := kinds[e.Kind]
	if !ok {
		return made{}, fmt.Errorf("kind: must be one of %s, %s, %s", KindAPNs, KindFCM, KindWebPush)
	}
	if err := e.checkFields(kind); err != nil {
		return made{}, err
	}
	key, err := f.read(kind.secret, e.file(kind), e.env(kind), s)
	if err != nil {
		return made{}, err
	}
	var authorities []byte
	if e.CAFile != "" {
		if authorities, err = f.read("ca", e.CAFile, "", s); err != nil {
			return made{}, err
		}
	}
	settings, err := json.Marshal(e)
	if err != nil {
		return made{}, err
	}
	print := fingerprintOf(settings, key, authorities)
	if f.last != nil {
		if before, ok := f.last.channels[of]; ok && before.of == print {
			return before, nil
		}
	}
	p := parts{entry: e, key: key, keyField: kind.secret + "_file", now: f.options.Now, rules: f.options.Rules}
	if e.env(kind) != "" {
		p.keyField = kind.secret + "_env"
	}
	if p.template, err = message.ParseTemplate(e.Title, e.Body); err != nil {
		return made{}, err
	}
	if authorities != nil {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(authorities) {
			return made{}, errors.New("ca_file: has no certificate in PEM")
		}
		p.tls = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	c, err := kind.make(p, func() (*apns.Signer, error) { return f.signed.get(p) })
	if err != nil {
		return made{}, err
	}
	return made{c, e.Kind, print, p.signer(), about(e, c)}, nil
}

func (e entry) file(k kind) string {
	if k.secret == accountField {
		return e.AccountFile
	}
	return e.KeyFile
}

func (e entry) env(k kind) string {
	if k.secret == accountField {
		return e.AccountEnv
	}
	return e.KeyEnv
}

// checkFields refuses what a kind does not have.
func (e entry) checkFields(k kind) error {
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"endpoint", e.Endpoint != ""}, {"environment", e.Environment != ""}, {"key_file", e.KeyFile != ""}, {"key_env", e.KeyEnv != ""},
		{"key_id", e.KeyID != ""}, {"team_id", e.TeamID != ""}, {"topic", e.Topic != ""}, {"service_account_file", e.AccountFile != ""},
		{"service_account_env", e.AccountEnv != ""}, {"subject", e.Subject != ""}, {"allow_private", e.AllowPrivate},
	} {
		if field.set && !slices.Contains(k.fields, field.name) {
			return fmt.Errorf("%s: the kind %s has no such field; it has %s, title, body, ca_file", field.name, e.Kind, strings.Join(k.fields, ", "))
		}
	}
	for _, field := range []struct{ name, value string }{{"key_id", e.KeyID}, {"team_id", e.TeamID}, {"topic", e.Topic}, {"subject", e.Subject}} {
		if field.value == "" && slices.Contains(k.fields, field.name) {
			return fmt.Errorf("%s: is missing", field.name)
		}
	}
	if e.Endpoint != "" {
		if err := checkEndpoint(e.Endpoint); err != nil {
			return fmt.Errorf("endpoint: it %w", err)
		}
	}
	return nil
}

// checkEndpoint refuses what is no server's address, or what credentials would go to in the clear.
func checkEndpoint(text string) error {
	u, err := webaddress.Parse(text)
	switch {
	case err != nil:
		return err
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return errors.New("must be scheme, host and port alone")
	case u.Scheme != "https" && !webaddress.IsLoopback(u):
		return errors.New("must be of https, unless it is on this machine: credentials go there")
	}
	return nil
}

const (
	keyField     = "key"
	accountField = "service_account"
)

// kind is how a kind of channel is made, and which fields it has beside title, body and ca_file.
type kind struct {
	fields []string
	secret string
	make   func(p parts, signer func() (*apns.Signer, error)) (channel, error)
}

var kinds = map[string]kind{
	KindAPNs:    {[]string{"environment", "endpoint", "key_file", "key_env", "key_id", "team_id", "topic"}, keyField, makeAPNs},
	KindFCM:     {[]string{"endpoint", "service_account_file", "service_account_env"}, accountField, makeFCM},
	KindWebPush: {[]string{"key_file", "key_env", "subject", "allow_private"}, keyField, makeWebPush},
}

var (
	_ channel = (*apns.Channel)(nil)
	_ channel = (*fcm.Channel)(nil)
	_ channel = (*webpush.Channel)(nil)
)
