package main

import (
	"os"
	"strings"
	"time"

	"github.com/nudgehq/nudge/internal/webaddress"
	"github.com/nudgehq/nudge/portal"
	"github.com/nudgehq/nudge/server"
)

type serveCommand struct {
	Addr     string `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where to serve the operation. Port 0 picks a free one. (${default})"`
	OpsAddr  string `default:"127.0.0.1:8081" placeholder:"HOST:PORT" help:"Where to serve the operators' endpoints: /healthz, /readyz, /metrics, /notifications/{sid}, /events, /debug/pprof. Empty: nowhere. (${default})"`
	OpsHost  list   `placeholder:"HOST[:PORT]" help:"A further name by which the operators' endpoints are asked; can be repeated. Addresses and localhost always do."`
	OpsToken string `placeholder:"TOKEN" help:"Bearer token that the operators' endpoints ask for, /healthz and /readyz excepted."`
	Data     string `default:"nudge-data" placeholder:"DIR" help:"Directory of the durable store, made where there is none. (${default})"`
	Store    string `placeholder:"nats://A,B,C" help:"NATS servers whose JetStream is the store, which several of these processes share; with --device-key and --webhook-secret, the same for all. Without it the store is in --data, and this process's own."`
	natsFlags
	NodeName   string `placeholder:"NAME" help:"This process's name among those that share a store. Without it: the machine's."`
	MinFree    int64  `default:"${min_free}" placeholder:"BYTES" help:"Free space on the disk below which notifications are answered 20503 and /readyz 503. (${default})"`
	DeviceKey  list   `placeholder:"TEXT" help:"Key that signs device tokens, at least 32 bytes; of several, the first signs and each is good. Without it: the file device.key in the data directory, made where there is none."`
	Account    list   `placeholder:"SID:TOKEN" help:"An account (AC…) and its auth token; can be repeated. None at all: a development account, on the loopback interface only."`
	Accounts   string `placeholder:"FILE|nats" help:"YAML file of accounts and their API keys (SK…); read again when it changes. nats: those that nudge accounts has put into --store."`
	Challenges string `default:"any" placeholder:"any|FILE|URL|nats" help:"Which challenges exist: any, those of a YAML file, read again when it changes, those that a team's own service at a URL knows, or, with nats, those that nudge challenges has put into --store. (${default})"`

	ChallengesTokenFile string `placeholder:"FILE" help:"File with the bearer token that the service of --challenges asks for; read again when it changes."`

	Channels    string `placeholder:"FILE" help:"YAML file of the channels to phones and browsers, by name: APNs, FCM, Web Push; read again when it changes. See docs/push.md."`
	Device      string `default:"stream" placeholder:"stream|webhook=URL|NAME=ADDRESS|none" help:"The channel of every device, with --challenges any; NAME is one of --channels. (${default})"`
	CORSOrigin  list   `name:"cors-origin" default:"*" placeholder:"ORIGIN" help:"Origin whose pages may read the answers, such as https://app.example.com; can be repeated. (${default}: any, without credentials)"`
	PublicURL   string `name:"public-url" placeholder:"URL" help:"Where callers reach this server, such as https://notify.example.com or https://example.com/notify: the documentation shows it, and the MCP server answers to it. Without it: the address that is listened on."`
	MCPExecute  bool   `name:"mcp-execute" help:"Let AI tools call the operation through the MCP server, with their own credentials."`
	MaxInflight int    `default:"${max_inflight}" placeholder:"N" help:"Requests processed at once; one more is answered 20429. An account alone may have half of them. (${default})"`
	MaxBody     int64  `default:"${max_body}" placeholder:"BYTES" help:"Largest request body; a larger one is answered 20413, one that takes longer than 2 s 20001. (${default})"`
	TLSCert     string `name:"tls-cert" placeholder:"FILE" help:"Certificate chain in PEM: serve HTTPS. With --tls-key; both are read again when they change."`
	TLSKey      string `name:"tls-key" placeholder:"FILE" help:"Private key of the certificate in PEM."`

	MaxPending           int    `default:"${max_pending}" placeholder:"N" help:"Notifications that are pending at once; one more is answered 20429. (${default})"`
	MaxPendingDevice     int    `default:"${max_pending_device}" placeholder:"N" help:"Notifications that are pending at once for one device; one more is answered 20429. (${default})"`
	MaxDeviceConnections int    `default:"${max_device_connections}" placeholder:"N" help:"Streams of one device; one more closes the oldest. (${default})"`
	MaxStreams           int    `default:"${max_streams}" placeholder:"N" help:"Streams of all devices; one more is answered 20429. (${default})"`
	MaxInflightDevices   int    `default:"${max_inflight_devices}" placeholder:"N" help:"Acknowledgements and other requests of devices processed at once; one more is answered 20429. (${default})"`
	MaxInflightDocs      int    `default:"256" placeholder:"N" help:"Requests of the documentation processed at once; one more is answered 20429. (${default})"`
	MaxAuthFailures      int    `default:"${max_auth_failures}" placeholder:"N" help:"Requests with wrong credentials from an address in a minute; then its requests are answered 20429 for a minute. Not on loopback. 0: any number. (${default})"`
	TrustedProxy         ranges `placeholder:"CIDR" help:"Range of addresses of proxies whose X-Forwarded-For is believed; can be repeated."`

	WebhookSecret       list   `placeholder:"whsec_…" help:"Secret that signs webhooks (Standard Webhooks); each of several signs. Without it: the file webhook.secret in the data directory, made where there is none."`
	WebhookAllowPrivate bool   `help:"Let webhooks be sent to addresses that are not public: loopback, link-local and private ranges."`
	WebhookDeny         ranges `placeholder:"CIDR" help:"Range of addresses that webhooks of devices are never sent to; can be repeated."`
	EventsWebhook       string `placeholder:"URL" help:"Where every event of a notification is posted to, signed like webhooks."`
	TestClock           bool   `help:"For tests only: the clock stands until POST /clock/advance?by=5m on the operators' listener moves it."`

	DrainDelay *time.Duration `placeholder:"D" help:"How long requests are still answered after SIGTERM, while /readyz is 503: a balancer needs it to notice. (0s on the loopback interface, 5s elsewhere)"`
	LogFormat  string         `default:"text" enum:"text,json" placeholder:"text|json" help:"Form of the log lines on standard error. (${default})"`
	LogLevel   string         `default:"info" enum:"debug,info,warn,error" placeholder:"debug|info|warn|error" help:"The least severe lines that are logged. (${default})"`
	AccessLog  bool           `default:"true" negatable:"" help:"Log a line for each request. (on; --no-access-log: none)"`
}

// secretVariables are those that, set and empty, are most likely a secret that was not found. Taking one for not given would
// let the development account in, or make keys that nobody else has.
var secretVariables = []string{
	"NUDGE_ACCOUNT", "NUDGE_ACCOUNTS", "NUDGE_CHANNELS", "NUDGE_CHALLENGES_TOKEN_FILE", "NUDGE_CORS_ORIGIN", "NUDGE_DEVICE_KEY", "NUDGE_WEBHOOK_SECRET", "NUDGE_TLS_CERT", "NUDGE_TLS_KEY",
	"NUDGE_PUBLIC_URL", "NUDGE_EVENTS_WEBHOOK", "NUDGE_STORE", "NUDGE_NATS_CREDS", "NUDGE_NATS_CA", "NUDGE_OPS_TOKEN", "NUDGE_TRUSTED_PROXY", "NUDGE_WEBHOOK_DENY",
}

// check refuses what the flags' types allow and makes no sense.
func (cmd *serveCommand) check() error {
	for _, name := range secretVariables {
		if value, set := os.LookupEnv(name); set && value == "" {
			return usagef("%s is set and empty: unset it, or give it a value", name)
		}
	}
	for _, check := range []func() error{cmd.checkNumbers, cmd.checkAddresses, cmd.checkChoices, cmd.checkURLs, cmd.checkStore} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// checkAddresses checks where the listeners are.
func (cmd *serveCommand) checkAddresses() error {
	if err := checkAddr(cmd.Addr); err != nil {
		return usagef("--addr: %w", err)
	}
	if cmd.OpsAddr == "" {
		return nil
	}
	if err := checkAddr(cmd.OpsAddr); err != nil {
		return usagef("--ops-addr: %w", err)
	}
	if cmd.OpsAddr == cmd.Addr && !strings.HasSuffix(cmd.Addr, ":0") {
		return usagef("--ops-addr %s is --addr too: the operators' endpoints need a listener of their own", cmd.OpsAddr)
	}
	return nil
}

// checkChoices refuses flags that do not go together.
func (cmd *serveCommand) checkChoices() error {
	switch info, err := os.Stat(cmd.Data); {
	case strings.TrimSpace(cmd.Data) == "":
		return usagef("--data must be a directory")
	case err == nil && !info.IsDir():
		return usagef("--data %s is not a directory", cmd.Data)
	case cmd.Challenges == "":
		return usagef("--challenges must be any, a file, a URL or nats")
	case cmd.ChallengesTokenFile != "" && !isURL(cmd.Challenges):
		return usagef("--challenges-token-file is for a service that --challenges names by its URL")
	case (cmd.Challenges == inNATS || cmd.Accounts == inNATS) && cmd.Store == "":
		return usagef("--challenges nats and --accounts nats are for a store that --store names; a file of that name is ./nats")
	case cmd.Challenges != "any" && cmd.Device != "stream":
		return usagef("--device is for --challenges any: elsewhere each challenge has a channel of its own")
	case cmd.TestClock && cmd.OpsAddr == "":
		return usagef("--test-clock needs --ops-addr: the clock is moved there")
	case cmd.OpsAddr == "" && (cmd.OpsToken != "" || len(cmd.OpsHost) > 0):
		return usagef("--ops-token and --ops-host are for the operators' endpoints, and --ops-addr is empty")
	case strings.ContainsFunc(cmd.OpsToken, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return usagef("--ops-token must be of visible ASCII characters, without white space")
	}
	return nil
}

// checkURLs checks the names and URLs of others.
func (cmd *serveCommand) checkURLs() error {
	for _, host := range cmd.OpsHost {
		if u, err := webaddress.Parse("http://" + host); err != nil || u.Host != host {
			return usagef("--ops-host must be HOST or HOST:PORT, as it is asked by")
		}
	}
	if cmd.PublicURL != "" {
		if err := portal.CheckPublicURL(cmd.PublicURL); err != nil {
			return usagef("--public-url: %w", err)
		}
	}
	if err := server.CheckCORSOrigins(cmd.CORSOrigin); err != nil {
		return usagef("--cors-origin: %w", err)
	}
	if cmd.EventsWebhook != "" {
		if err := webaddress.Check(cmd.EventsWebhook); err != nil {
			return usagef("--events-webhook %w", err)
		}
	}
	return nil
}

// checkNumbers refuses bounds that let nothing through.
func (cmd *serveCommand) checkNumbers() error {
	for _, n := range []struct {
		flag  string
		value int64
		least int64
	}{
		{"--max-inflight", int64(cmd.MaxInflight), 1}, {"--max-body", cmd.MaxBody, 1}, {"--max-pending", int64(cmd.MaxPending), 1},
		{"--max-pending-device", int64(cmd.MaxPendingDevice), 1}, {"--max-device-connections", int64(cmd.MaxDeviceConnections), 1},
		{"--max-streams", int64(cmd.MaxStreams), 1}, {"--max-inflight-devices", int64(cmd.MaxInflightDevices), 1},
		{"--max-inflight-docs", int64(cmd.MaxInflightDocs), 1}, {"--max-auth-failures", int64(cmd.MaxAuthFailures), 0}, {"--min-free", cmd.MinFree, 1},
	} {
		if n.value < n.least {
			return usagef("%s must be at least %d", n.flag, n.least)
		}
	}
	if cmd.DrainDelay != nil && *cmd.DrainDelay < 0 {
		return usagef("--drain-delay must not be negative")
	}
	return nil
}

// reachable tells whether callers on other machines reach the server, itself or through a proxy.
func (cmd *serveCommand) reachable() bool {
	return !isLoopback(cmd.Addr) || cmd.PublicURL != "" || len(cmd.TrustedProxy) > 0
}

// drainDelay is what was given; by default nobody but a balancer elsewhere needs any.
func (cmd *serveCommand) drainDelay() time.Duration {
	switch {
	case cmd.DrainDelay != nil:
		return *cmd.DrainDelay
	case isLoopback(cmd.Addr):
		return 0
	}
	return 5 * time.Second
}

// publicHost is the host of --public-url, as a Host header has it; empty without one.
func (cmd *serveCommand) publicHost() string {
	u, err := webaddress.Parse(cmd.PublicURL)
	if cmd.PublicURL == "" || err != nil {
		return ""
	}
	if port := u.Port(); u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return u.Hostname()
	}
	return u.Host
}
