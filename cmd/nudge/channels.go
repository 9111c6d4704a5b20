package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/channels"
	"github.com/nudgehq/nudge/delivery/outbound"
	"github.com/nudgehq/nudge/delivery/webpush"
	"github.com/nudgehq/nudge/internal/secretfile"
	"github.com/nudgehq/nudge/server/challenges"
)

type channelsCommands struct {
	Check channelsCheckCommand `cmd:"" help:"Say what the file has, and what is wrong with it. Nothing is sent."`
	Send  channelsSendCommand  `cmd:"" help:"Send one test notification, and print what was sent and answered, without secrets."`
}

type channelsCheckCommand struct {
	File       string `arg:"" help:"The file, as --channels of serve reads it."`
	Challenges string `placeholder:"FILE" help:"A file of challenges, as --challenges of serve reads it: their channels and addresses are checked too."`
}

// Run prints a line for each channel.
func (cmd *channelsCheckCommand) Run(out output) error {
	file, err := channels.Open(cmd.File, channels.Options{})
	if err != nil {
		return usageError{err}
	}
	for _, name := range file.Names() {
		if _, err := fmt.Fprintf(out.stdout, "%s: %s\n", name, file.About(name)); err != nil {
			return err
		}
	}
	if cmd.Challenges == "" {
		return nil
	}
	if _, err := challenges.OpenFile(cmd.Challenges, plainLogger(out.stderr), file); err != nil {
		return usageError{err}
	}
	_, err = fmt.Fprintf(out.stdout, "%s: every challenge has one of these channels, or one of the server's own, and an address of it\n", cmd.Challenges)
	return err
}

type channelsSendCommand struct {
	File     string        `arg:"" help:"The file, as --channels of serve reads it."`
	Channel  string        `arg:"" help:"The channel's name."`
	Address  string        `arg:"" help:"The device's token, or the browser's subscription; - reads it from standard input."`
	Identity string        `default:"test-identity" placeholder:"ID" help:"The identity that the words may show. (${default})"`
	TTL      time.Duration `name:"ttl" default:"1m" placeholder:"D" help:"How long the provider may keep it; 0s: it is tried once, at once. (${default})"`

	WebhookAllowPrivate bool   `help:"As of serve: let endpoints of browsers be at addresses that are not public."`
	WebhookDeny         ranges `placeholder:"CIDR" help:"As of serve: range of addresses that nothing is sent to; can be repeated."`
}

// Run makes one attempt. It fails when the provider does not take it.
func (cmd *channelsSendCommand) Run(ctx context.Context, out output) error {
	if cmd.TTL < 0 || cmd.TTL%time.Second != 0 {
		return usagef("--ttl must be whole seconds, 0s or more")
	}
	file, err := channels.Open(cmd.File, channels.Options{Rules: outbound.Rules{AllowPrivate: cmd.WebhookAllowPrivate, Deny: []netip.Prefix(cmd.WebhookDeny)}})
	if err != nil {
		return usageError{err}
	}
	address := cmd.Address
	if address == "-" {
		text, err := io.ReadAll(io.LimitReader(os.Stdin, 1<<16))
		if err != nil {
			return err
		}
		address = strings.TrimSpace(string(text))
	}
	if err := file.Check(cmd.Channel, address); errors.Is(err, channels.ErrUnknown) {
		return usagef("%w; there are %s", err, strings.Join(file.Names(), ", "))
	} else if err != nil {
		return usageError{err}
	}
	n := testNotification(cmd.Identity, cmd.TTL)
	n.Channel, n.Address = cmd.Channel, address
	ctx, cancel := context.WithTimeout(ctx, delivery.DefaultAttemptTimeout)
	defer cancel()
	secrets := []string{address, strings.ToLower(address)}
	if file.Kind(cmd.Channel) == channels.KindWebPush {
		// A browser's endpoint is a secret of its own.
		secrets = append(secrets, webpush.Endpoint(address))
	}
	ctx = outbound.Observe(ctx, func(e outbound.Exchange) { printExchange(out.stdout, e, secrets) })
	result := file.Find(cmd.Channel).Deliver(ctx, delivery.Attempt{Notification: n, Number: 1, Remaining: n.TTL})
	if result.Delivered() {
		_, err := fmt.Fprintln(out.stdout, "taken by the provider")
		return err
	}
	switch {
	case result.AddressDead():
		return fmt.Errorf("nothing arrives at the address any more: %s", result.Reason())
	case result.CredentialsRefused():
		return fmt.Errorf("the provider does not take the channel's credentials or settings: %s", result.Reason())
	}
	return fmt.Errorf("not taken: %s", result.Reason())
}

// testNotification is one of the document's example challenge.
func testNotification(identity string, ttl time.Duration) delivery.Notification {
	var sid [16]byte
	_, _ = rand.Read(sid[:])
	challenge := exampleChallenge()
	return delivery.Notification{
		SID: "NT" + hex.EncodeToString(sid[:]), ChallengeSID: challenge.ChallengeSID, EntitySID: challenges.EntitySID(challenge.ServiceSID, identity),
		Device: delivery.Device{ServiceSID: challenge.ServiceSID, Identity: identity}, Created: time.Now(), TTL: ttl,
	}
}

// printExchange prints a request and its answer, but for the secrets: what lets others send, or send to the device.
func printExchange(w io.Writer, e outbound.Exchange, secrets []string) {
	if _, token, ok := strings.Cut(e.Header.Get("Authorization"), " "); ok {
		secrets = append(slices.Clone(secrets), token)
	}
	hide := func(text string) string {
		for _, secret := range secrets {
			text = strings.ReplaceAll(text, secret, "(the address)")
		}
		return text
	}
	at := ""
	if hide(e.URL) == "(the address)" {
		at = " at " + delivery.DestinationOf(e.URL)
	}
	_, _ = fmt.Fprintf(w, "> POST %s%s\n", hide(e.URL), at)
	for _, name := range slices.Sorted(maps.Keys(e.Header)) {
		value := strings.Join(e.Header[name], ", ")
		if name == "Authorization" {
			scheme, _, _ := strings.Cut(value, " ")
			value = scheme + " (hidden)"
		}
		_, _ = fmt.Fprintf(w, "> %s: %s\n", strings.ToLower(name), value)
	}
	body := fmt.Sprintf("(%d bytes, encrypted)", len(e.Body))
	if utf8.Valid(e.Body) {
		body = hide(string(e.Body))
	}
	_, _ = fmt.Fprintf(w, ">\n> %s\n\n", body)
	if e.Answer.Status == 0 {
		_, _ = fmt.Fprintf(w, "< no answer\n\n")
		return
	}
	_, _ = fmt.Fprintf(w, "< %d\n", e.Answer.Status)
	for _, name := range slices.Sorted(maps.Keys(e.Answer.Header)) {
		if name == "Set-Cookie" {
			continue
		}
		_, _ = fmt.Fprintf(w, "< %s: %.200s\n", strings.ToLower(name), hide(strings.Join(e.Answer.Header[name], ", ")))
	}
	if text := strings.TrimSpace(string(e.Answer.Body)); text != "" {
		// What is no text is shown as one all the same.
		text = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) && r != '\n' {
				return '\uFFFD'
			}
			return r
		}, strings.ToValidUTF8(hide(text), "\uFFFD"))
		_, _ = fmt.Fprintf(w, "<\n%.1000s\n", text)
	}
	_, _ = fmt.Fprintln(w)
}

type vapidCommand struct {
	File string `arg:"" optional:"" default:"vapid.key" help:"Where the private key is kept, made where there is none. (${default})"`
}

// Run prints the public key.
func (cmd *vapidCommand) Run(out output) error {
	key, err := webpush.NewKey()
	if err != nil {
		return err
	}
	text, err := key.Text()
	if err != nil {
		return err
	}
	if err := secretfile.Make(cmd.File, text); err != nil {
		return err
	}
	if key, err = secretfile.Read(cmd.File, webpush.ParseKey); err != nil {
		return usageError{err}
	}
	_, err = fmt.Fprintln(out.stdout, key.Public)
	return err
}
