package jetstream

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/nats-io/nats.go"
)

// Defaults of Options.
const (
	DefaultPrefix   = "nudge"
	DefaultReplicas = 3
	// DefaultStreams is how many streams share the partitions: few, because what arrives together is synced together, and more
	// than one, so that their leaders can be on several machines.
	DefaultStreams = 4
)

// Options say where a store is. Servers is required.
type Options struct {
	// Servers are the URLs of NATS servers, with commas between: nats://a:4222,nats://b:4222. tls:// asks for TLS.
	Servers string
	// Credentials is a file with a user's JWT and seed, as nsc writes it; empty for none, or a user and a password in Servers.
	Credentials string
	// TLS is how servers are trusted, and this client is; nil for the machine's defaults.
	TLS *tls.Config
	// Name is this process's, as the servers' operators see it.
	Name string
	// Prefix begins the names of subjects and, in upper case, of streams. Empty: DefaultPrefix.
	Prefix string
	// Replicas is on how many servers a stream is. 0: DefaultReplicas.
	Replicas int
	// Streams is how many streams there are; it cannot be changed once they are made. 0: DefaultStreams.
	Streams int
	// MaxBytes bounds each stream; a full one takes no new notification. 0 for no bound but the servers'.
	MaxBytes int64
	// Longest is the longest TTL of a notification: what is older is not read at a start. 0 reads everything.
	Longest time.Duration
	// AcceptWeakDurability takes servers that may lose what they have acknowledged: of which nobody tells that they sync each
	// write, or with fewer than three replicas.
	AcceptWeakDurability bool
	// MustExist refuses servers that have no store under the prefix, instead of making one.
	MustExist bool
	// Logger gets what goes wrong. Nil: nothing is logged.
	Logger *slog.Logger
}

var prefix = regexp.MustCompile(`^[a-z][a-z0-9]{0,30}$`)

func (o *Options) complete() error {
	if o.Servers == "" {
		return errors.New("jetstream: Options.Servers is required")
	}
	if o.Prefix == "" {
		o.Prefix = DefaultPrefix
	}
	if !prefix.MatchString(o.Prefix) {
		return fmt.Errorf("jetstream: the prefix %.40q is not a small letter with up to 30 small letters and digits behind it", o.Prefix)
	}
	if o.Replicas == 0 {
		o.Replicas = DefaultReplicas
	}
	if o.Streams == 0 {
		o.Streams = DefaultStreams
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// connect connects. Nothing is buffered while there is no connection: what was answered with an error is never sent later.
func (o *Options) connect(denied *denials) (*nats.Conn, error) {
	options := []nats.Option{
		nats.Name(o.Name), nats.MaxReconnects(-1), nats.ReconnectWait(100 * time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		nats.ReconnectBufSize(-1), nats.PingInterval(time.Second), nats.MaxPingsOutstanding(2), nats.Timeout(2 * time.Second),
		nats.CustomInboxPrefix("_INBOX_" + o.Prefix),
		// The servers are those that were named: what they tell of each other may be addresses that reach nobody from here.
		nats.IgnoreDiscoveredServers(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			// A right that is missing is told here alone; the request itself just takes too long.
			o.Logger.Error("the NATS server refuses", slog.Any("error", err))
			if errors.Is(err, nats.ErrPermissionViolation) {
				denied.note(err)
			}
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				o.Logger.Warn("the connection to the NATS server is lost", slog.Any("error", err))
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) {
			denied.forget()
			o.Logger.Info("connected to a NATS server again", slog.String("server", c.ConnectedServerName()))
		}),
	}
	if o.Credentials != "" {
		options = append(options, nats.UserCredentials(o.Credentials))
	}
	if o.TLS != nil {
		options = append(options, nats.Secure(o.TLS))
	}
	conn, err := nats.Connect(o.Servers, options...)
	if err != nil {
		return nil, reachable(err)
	}
	return conn, nil
}
