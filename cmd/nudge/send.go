package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/nudgehq/nudge/api"
	"github.com/nudgehq/nudge/client"
)

type sendCommand struct {
	URL       string        `default:"http://127.0.0.1:8080" placeholder:"URL" help:"Base URL of the service. (${default})"`
	Account   string        `required:"" env:"NUDGE_CREDENTIALS" placeholder:"SID:TOKEN" help:"An account (AC…) and its auth token, or an API key (SK…) and its secret."`
	Service   string        `required:"" placeholder:"VA…" help:"The service's SID."`
	Identity  string        `required:"" placeholder:"ID" help:"The identity of the entity that has to answer."`
	Challenge string        `required:"" placeholder:"YC…" help:"The challenge's SID."`
	TTL       *int          `name:"ttl" placeholder:"N" help:"How long the notification is valid, in seconds; 0: one attempt, at once. Absent: the service's default."`
	Timeout   time.Duration `default:"${timeout}" placeholder:"D" help:"How long an attempt may take. (${default})"`
	Retries   int           `default:"0" placeholder:"N" help:"How often to try again when the service is too busy or unavailable. (${default})"`
}

// sendFlags are the flags that the parameters come from.
var sendFlags = map[string]string{"ServiceSid": "--service", "Identity": "--identity", "ChallengeSid": "--challenge", "Ttl": "--ttl"}

// Run creates the notification and prints it as JSON.
func (cmd *sendCommand) Run(ctx context.Context, out output) error {
	sid, token, ok := strings.Cut(cmd.Account, ":")
	if !ok {
		return usagef("--account must be SID:TOKEN")
	}
	c, err := client.New(
		client.WithBaseURL(cmd.URL),
		client.WithBasicAuth(sid, token),
		client.WithTimeout(cmd.Timeout),
		client.WithRetries(cmd.Retries),
	)
	if err != nil {
		return usageError{err}
	}
	notification, err := c.CreateNotification(ctx,
		client.Challenge{ServiceSID: cmd.Service, Identity: cmd.Identity, SID: cmd.Challenge},
		api.CreateNotificationRequest{Ttl: cmd.TTL})
	var invalid *client.InvalidError
	if errors.As(err, &invalid) {
		return usagef("%s must be %s", cmp.Or(sendFlags[invalid.Field], invalid.Field), invalid.Rule)
	}
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(out.stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(notification)
}
