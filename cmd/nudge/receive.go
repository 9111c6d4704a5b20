package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"

	"github.com/nudgehq/nudge/delivery/webhook"
)

// maxReceived bounds a webhook's body, in bytes.
const maxReceived = 64 << 10

type receiveCommand struct {
	Addr          string `env:"NUDGE_RECEIVE_ADDR" default:"127.0.0.1:9000" placeholder:"HOST:PORT" help:"Where to receive. (${default})"`
	Status        int    `default:"204" placeholder:"N" help:"What to answer to a webhook whose signature is right. (${default})"`
	Data          string `default:"nudge-data" placeholder:"DIR" help:"The server's data directory, whose webhook.secret verifies. (${default})"`
	WebhookSecret list   `placeholder:"whsec_…" help:"The secret that verifies, instead of the data directory's."`
}

// Run is a receiver of webhooks: it verifies and prints what arrives, until ctx is done.
func (cmd *receiveCommand) Run(ctx context.Context, out output) error {
	secrets, err := cmd.secrets()
	if err != nil {
		return err
	}
	if cmd.Status < 200 || cmd.Status > 599 {
		return usagef("--status must be from 200 to 599")
	}
	l, err := listen(cmd.Addr, 0, nil, plainLogger(out.stderr))
	if err != nil {
		return fmt.Errorf("--addr: %w", err)
	}
	defer l.Close()
	l.http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReceived))
		if err == nil {
			err = verify(secrets, body, r.Header)
		}
		if err != nil {
			_, _ = fmt.Fprintf(out.stderr, "refused: %v\n", err)
			http.Error(w, "the signature is wrong", http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprintf(out.stdout, "%s\n", body)
		w.WriteHeader(cmd.Status)
	})
	_, _ = fmt.Fprintf(out.stderr, "receiving webhooks on %s\n", l.url())
	failed := make(chan error, 1)
	go func() { failed <- l.serve() }()
	select {
	case err := <-failed:
		return errors.Join(errors.New("the receiver ended"), err)
	case <-ctx.Done():
		return nil
	}
}

// secrets are the ones that were given, or the data directory's.
func (cmd *receiveCommand) secrets() (webhook.Secrets, error) {
	if len(cmd.WebhookSecret) > 0 {
		secrets, err := webhook.ParseSecrets(cmd.WebhookSecret...)
		if err != nil {
			return nil, usagef("--webhook-secret: %w", err)
		}
		return secrets, nil
	}
	secrets, err := webhook.LoadSecrets(cmd.Data)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; --data must be the data directory of a server that was started without --webhook-secret", err)
	}
	return secrets, err
}

// verify tells whether a webhook was signed with any of the secrets.
func verify(secrets webhook.Secrets, body []byte, header http.Header) (err error) {
	for _, secret := range secrets {
		if err = secret.Verify(body, header); err == nil {
			return nil
		}
	}
	return err
}
