package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tmaxmax/go-sse"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/internal/webaddress"
	"github.com/nudgehq/nudge/server/device"
)

// whichDevice are the flags that name a device and the key of its token.
type whichDevice struct {
	Service   string `required:"" placeholder:"VA…" help:"The service's SID."`
	Identity  string `required:"" placeholder:"ID" help:"The identity of the entity that the device belongs to."`
	Data      string `default:"nudge-data" placeholder:"DIR" help:"The server's data directory, whose device.key signs tokens. (${default})"`
	DeviceKey list   `placeholder:"TEXT" help:"The server's key that signs device tokens, instead of the data directory's; of several, between commas, the first."`
}

func (w whichDevice) device() delivery.Device {
	return delivery.Device{ServiceSID: w.Service, Identity: w.Identity}
}

func (w whichDevice) token(valid time.Duration) (string, error) {
	if err := device.Check(w.device()); err != nil {
		return "", usageError{err}
	}
	if valid <= time.Second {
		return "", usagef("--valid must be more than a second")
	}
	load := func() (device.Key, error) { return device.LoadKey(w.Data) }
	if len(w.DeviceKey) > 0 {
		load = func() (device.Key, error) { return device.NewKey(w.DeviceKey[0]) }
	}
	key, err := load()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%w; --data must be the data directory of a server that was started without --device-key", err)
	case err != nil && len(w.DeviceKey) > 0:
		return "", usagef("--device-key: %w", err)
	case err != nil:
		return "", err
	}
	return key.Token(w.device(), time.Now(), valid)
}

type deviceTokenCommand struct {
	whichDevice
	Valid time.Duration `default:"720h" placeholder:"D" help:"How long the token is valid. (${default})"`
}

// Run prints a token.
func (cmd *deviceTokenCommand) Run(out output) error {
	token, err := cmd.token(cmd.Valid)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out.stdout, token)
	return err
}

type deviceCommand struct {
	whichDevice
	URL   string `default:"http://127.0.0.1:8080" placeholder:"URL" help:"Base URL of the server. (${default})"`
	Token string `placeholder:"TOKEN" help:"The device's token. Without it: one is minted with the key."`
	Ack   bool   `default:"true" negatable:"" help:"Acknowledge what arrives. (${default})"`
	JSON  bool   `name:"json" env:"-" help:"Print JSON on a terminal too."`
}

// reconnect is how long to wait before connecting again.
const reconnect = time.Second

// Run is a device: it prints and acknowledges what arrives, until ctx is done.
func (cmd *deviceCommand) Run(ctx context.Context, out output) error {
	base, err := webaddress.Parse(cmd.URL)
	if err != nil {
		return usagef("--url %w", err)
	}
	token := strings.TrimSpace(cmd.Token)
	if token == "" {
		if token, err = cmd.token(24 * time.Hour); err != nil {
			return err
		}
	}
	path := base.JoinPath("devices/v1/Services", url.PathEscape(cmd.Service), "Entities", url.PathEscape(cmd.Identity), "notifications")
	away := absence{out: out}
	// Until the person who started it ends it.
	for ctx.Err() == nil {
		err := cmd.listen(ctx, out, path, token, &away)
		var refused refusal
		if errors.As(err, &refused) && refused.status < http.StatusInternalServerError {
			return err
		}
		if ctx.Err() == nil {
			away.missed(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(reconnect):
		}
	}
	return nil
}

// refusal is an answer that is not what was asked for.
type refusal struct {
	status  int
	message string
}

func (r refusal) Error() string { return fmt.Sprintf("%d: %s", r.status, r.message) }

func ask(ctx context.Context, method, url, token string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		defer func() { _ = response.Body.Close() }()
		var problem device.ErrorBody
		if err := json.NewDecoder(io.LimitReader(response.Body, 1<<16)).Decode(&problem); err != nil {
			problem.Message = http.StatusText(response.StatusCode)
		}
		return nil, refusal{response.StatusCode, problem.Message}
	}
	return response, nil
}

// listen reads one connection to its end.
func (cmd *deviceCommand) listen(ctx context.Context, out output, path *url.URL, token string, away *absence) error {
	response, err := ask(ctx, http.MethodGet, path.String(), token)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	away.over()
	_, _ = fmt.Fprintln(out.stderr, "connected; waiting for notifications")
	s := screen{output: out, isText: !cmd.JSON && out.isRead()}
	defer s.still()
	for event, err := range sse.Read(response.Body, nil) {
		if err != nil {
			return err
		}
		var n device.Notification
		if err := json.Unmarshal([]byte(event.Data), &n); err != nil {
			return fmt.Errorf("an event is not a notification: %w", err)
		}
		if err := s.arrived(n, event.Data); err != nil {
			return err
		}
		if !cmd.Ack {
			s.count(n)
			continue
		}
		acknowledged, err := ask(ctx, http.MethodPost, path.JoinPath(n.Sid, "ack").String(), token)
		if err != nil {
			return fmt.Errorf("acknowledging %s: %w", n.Sid, err)
		}
		_ = acknowledged.Body.Close()
		s.acknowledged(n)
	}
	return errors.New("the connection ended")
}
