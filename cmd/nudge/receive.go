package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/nudgehq/nudge/server/delivery/webhook"
)

// maxReceived bounds a webhook's body, in bytes.
const maxReceived = 64 << 10

type receiveCommand struct {
	Addr          string `default:"127.0.0.1:9000" placeholder:"HOST:PORT" help:"Where to receive. (${default})"`
	Status        int    `default:"204" placeholder:"N" help:"What to answer to a webhook whose signature is right. (${default})"`
	Data          string `default:"nudge-data" placeholder:"DIR" help:"The server's data directory, whose webhook.secret verifies. (${default})"`
	WebhookSecret string `placeholder:"whsec_…" help:"The secret that verifies, instead of the data directory's."`
}

// Run is a receiver of webhooks: it verifies and prints what arrives, until ctx is done.
func (cmd *receiveCommand) Run(ctx context.Context, out output) error {
	secret := cmd.WebhookSecret
	if secret == "" {
		var err error
		if secret, err = webhook.LoadSecret(cmd.Data); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w; --data must be the data directory of a server that was started", err)
		} else if err != nil {
			return err
		}
	}
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return usagef("--webhook-secret: must be whsec_ and 24 to 64 bytes in base64")
	}
	if cmd.Status < 200 || cmd.Status > 599 {
		return usagef("--status must be from 200 to 599")
	}
	l, err := listen(cmd.Addr, nil, newLogger(out, "text"))
	if err != nil {
		return fmt.Errorf("--addr: %w", err)
	}
	defer l.Close()
	l.http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReceived))
		if err == nil {
			err = verifier.Verify(body, r.Header)
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
