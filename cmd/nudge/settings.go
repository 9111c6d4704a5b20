package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/nudgehq/nudge/delivery/channels"
	"github.com/nudgehq/nudge/delivery/webhook"
	"github.com/nudgehq/nudge/internal/reload"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/challenges"
	"github.com/nudgehq/nudge/server/device"
)

// settingsFile is a file that is read again when it changes.
type settingsFile interface {
	// Refresh reads it again, changed or not, and Sum tells one content from another.
	Refresh()
	Sum() [32]byte
}

// refreshers read their files again, changed or not.
type refreshers []func()

func (r refreshers) refresh() {
	for _, f := range r {
		f()
	}
}

// accounts collects who may call. Without any account it is the development account, if nobody else can reach it. Those that are in
// NATS are read when the store is open.
func (cmd *serveCommand) accounts(log *slog.Logger, watched *watchedDirectories) (who server.Accounts, development bool, f settingsFile, err error) {
	if len(cmd.Account) == 0 && cmd.Accounts == "" {
		if !isLoopback(cmd.Addr) {
			return nil, false, nil, usagef("--addr %s can be reached from other machines: give --account or --accounts, or listen on 127.0.0.1", cmd.Addr)
		}
		return accounts.Development(), true, nil, nil
	}
	set, err := accounts.Parse(cmd.Account...)
	if err != nil {
		return nil, false, nil, usagef("--account: %w", err)
	}
	if len(cmd.Account) > 0 && accounts.HasShortToken(cmd.Account...) && cmd.reachable() {
		log.Warn(fmt.Sprintf("a token of --account is shorter than %d characters: it can be guessed", accounts.ShortToken))
	}
	if cmd.Accounts == "" {
		return set, false, nil, nil
	}
	if cmd.Accounts == inNATS {
		watched.accounts = &accounts.Watched{}
		return accounts.Any{set, watched.accounts}, false, nil, nil
	}
	if strings.HasPrefix(cmd.Accounts, "AC") && strings.Contains(cmd.Accounts, ":") {
		return nil, false, nil, usagef("--accounts is a file; an account with its token is for --account")
	}
	file, err := accounts.OpenFile(cmd.Accounts, log)
	if err != nil {
		return nil, false, nil, usagef("--accounts: %w", err)
	}
	return accounts.Any{set, file}, false, file, nil
}

// channels opens the file of --channels; nil without one.
func (cmd *serveCommand) channels(log *slog.Logger) (*channels.File, error) {
	if cmd.Channels == "" {
		return nil, nil
	}
	file, err := channels.Open(cmd.Channels, channels.Options{Rules: cmd.outboundRules(), Logger: log})
	if err != nil {
		return nil, usagef("--channels: %w", err)
	}
	return file, nil
}

// foundChallenges is where challenges come from, with one for an example, and the file where it is one.
type foundChallenges struct {
	directory server.Challenges
	example   server.ChallengeKey
	file      settingsFile
	// remote is the directory where it is a team's own service, and token the file of what it asks for; nil otherwise.
	remote *challenges.Remote
	token  settingsFile
	// subscriptions are where every challenge exists, and devices say where they are; nil elsewhere.
	subscriptions *challenges.Subscriptions
}

func (cmd *serveCommand) challenges(log *slog.Logger, push *channels.File, watched *watchedDirectories) (found foundChallenges, err error) {
	var more []challenges.Channels
	if push != nil {
		more = append(more, push)
	}
	switch cmd.Challenges {
	case "any":
		everyone, err := challenges.ParseDevice(cmd.Device, more...)
		if err != nil {
			return found, usagef("--device: %w", err)
		}
		everyone.Subscriptions = &challenges.Subscriptions{}
		return foundChallenges{directory: everyone, example: exampleChallenge(), subscriptions: everyone.Subscriptions}, nil
	case inNATS:
		watched.challenges = &challenges.Watched{Channels: more}
		return foundChallenges{directory: watched.challenges, example: exampleChallenge()}, nil
	}
	if isURL(cmd.Challenges) {
		return cmd.remoteChallenges(log, more)
	}
	file, err := challenges.OpenFile(cmd.Challenges, log, more...)
	if err != nil {
		return found, usagef("--challenges: %w", err)
	}
	return foundChallenges{directory: file, example: file.First(), file: file}, nil
}

// isURL tells whether --challenges names a service.
func isURL(text string) bool {
	scheme, _, ok := strings.Cut(text, "://")
	return ok && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

func (cmd *serveCommand) remoteChallenges(log *slog.Logger, more []challenges.Channels) (found foundChallenges, err error) {
	config := challenges.RemoteConfig{URL: cmd.Challenges, Channels: more, Logger: log}
	if cmd.ChallengesTokenFile != "" {
		token, err := reload.Open(cmd.ChallengesTokenFile, log, parseToken)
		if err != nil {
			return found, usagef("--challenges-token-file: %w", err)
		}
		config.Token, found.token = token.Value, token
	}
	remote, err := challenges.NewRemote(config)
	if err != nil {
		return found, usagef("--challenges: it %w", err)
	}
	found.directory, found.remote, found.example = remote, remote, exampleChallenge()
	return found, nil
}

// parseToken reads a file with a bearer token.
func parseToken(data []byte) (string, error) {
	token := strings.TrimSpace(string(data))
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "", errors.New("must hold one token of visible ASCII characters")
	}
	return token, nil
}

// secrets gives the secrets that were given, or the data directory's.
func (cmd *serveCommand) secrets(log *slog.Logger) (func() webhook.Secrets, error) {
	if len(cmd.WebhookSecret) == 0 {
		return webhook.OpenSecrets(cmd.Data, log)
	}
	secrets, err := webhook.ParseSecrets(cmd.WebhookSecret...)
	if err != nil {
		return nil, usagef("--webhook-secret: %w", err)
	}
	return webhook.FixedSecrets(secrets), nil
}

// deviceKeys gives the keys that were given, or the data directory's.
func (cmd *serveCommand) deviceKeys(log *slog.Logger) (func() []device.Key, error) {
	if len(cmd.DeviceKey) == 0 {
		return device.OpenKeys(cmd.Data, log)
	}
	var keys []device.Key
	for _, text := range cmd.DeviceKey {
		key, err := device.NewKey(text)
		if err != nil {
			return nil, usagef("--device-key: %w", err)
		}
		keys = append(keys, key)
	}
	return device.FixedKeys(keys...), nil
}
