package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/owndocument"
	"github.com/nudgehq/nudge/internal/shell"
	"github.com/nudgehq/nudge/portal"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/accounts"
)

// announce says what a person who starts the server wants to know: as text on standard output, or as a line of the log where
// that is read by machines.
func (s *serving) announce() {
	a := announcement{cmd: s.cmd, public: s.public.url(), challenge: s.example, development: s.development}
	if s.private != nil {
		a.ops = s.private.url()
	}
	if s.cmd.LogFormat == "json" {
		// Whatever the level is: the address stands nowhere else.
		slog.New(handler(s.out.stderr, s.cmd.LogFormat, "info")).Info("nudge listens", slog.String("url", a.public), slog.String("documentation", a.public+portal.Base), slog.String("ops_url", a.ops),
			slog.String("data", s.cmd.Data), slog.Bool("development", s.development), slog.Bool("test_clock", s.cmd.TestClock))
		return
	}
	_, _ = io.WriteString(s.out.stdout, a.text())
}

// announcement is made of what was given and what was found.
type announcement struct {
	cmd         *serveCommand
	public, ops string
	challenge   server.ChallengeKey
	development bool
}

func (a announcement) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "nudge listens on %s\n", a.public)
	fmt.Fprintf(&b, "documentation: %s%s\n", a.public, portal.Base)
	if a.cmd.PublicURL != "" {
		fmt.Fprintf(&b, "callers reach it at %s\n", a.cmd.PublicURL)
	}
	if a.ops != "" {
		fmt.Fprintf(&b, "operators: %s/healthz /readyz /metrics /notifications/{sid} /events /debug/pprof\n", a.ops)
	}
	if a.development {
		fmt.Fprintf(&b, "No account was given, so this is for development: loopback only, account %s, token %s\n",
			accounts.DevelopmentSID, accounts.DevelopmentToken)
	}
	if a.cmd.TestClock {
		fmt.Fprintf(&b, "NOT FOR PRODUCTION: the clock stands still; POST %s/clock/advance?by=5m moves it\n", a.ops)
	}
	if a.cmd.Store == "" {
		fmt.Fprintf(&b, "notifications are stored in %s\n", a.cmd.Data)
	} else {
		fmt.Fprintf(&b, "notifications are stored in NATS JetStream, and shared with the other nodes on %s\n", withoutPasswords(a.cmd.Store))
	}
	if a.challenge.ServiceSID == "" {
		// A file without challenges has nothing to try.
		return b.String() + "\n"
	}
	fmt.Fprintf(&b, "\nTry it:\n  %s\n\n", a.curl())
	if a.cmd.Device == "stream" && len(a.cmd.DeviceKey) == 0 && a.cmd.Channels == "" {
		fmt.Fprintf(&b, "A device in the terminal that gets them:\n  nudge device --url %s --service %s --identity %s --data %s\n\n",
			a.public, a.challenge.ServiceSID, a.challenge.Identity, shell.Word(a.cmd.Data))
	}
	return b.String()
}

// curl is a command that works when pasted. It never holds a token of the operator's: curl asks for that.
func (a announcement) curl() string {
	user := a.cmd.exampleUsername()
	if a.development {
		user = accounts.DevelopmentSID + ":" + accounts.DevelopmentToken
	}
	if a.challenge.AccountSID != "" && !a.development {
		user = a.challenge.AccountSID
	}
	if user == "" {
		user = "$ACCOUNT_SID"
	}
	insecure := ""
	if strings.HasPrefix(a.public, "https:") {
		// The certificate may be for another name than this address.
		insecure = "--insecure "
	}
	path := strings.NewReplacer(
		"{ServiceSid}", url.PathEscape(a.challenge.ServiceSID),
		"{Identity}", url.PathEscape(a.challenge.Identity),
		"{ChallengeSid}", url.PathEscape(a.challenge.ChallengeSID),
	).Replace(createPath())
	return fmt.Sprintf("curl %s-u %s -d Ttl=150 %s%s", insecure, user, a.public, path)
}

// exampleUsername is the first account of the command line.
func (cmd *serveCommand) exampleUsername() string {
	if len(cmd.Account) == 0 {
		return ""
	}
	sid, _, _ := strings.Cut(cmd.Account[0], ":")
	return sid
}

// createOperation finds the operation in the document.
func createOperation() (openapi.Operation, bool) {
	doc, err := owndocument.Document()
	if err != nil {
		return openapi.Operation{}, false
	}
	operations, err := openapi.Operations(doc)
	if err != nil {
		return openapi.Operation{}, false
	}
	for _, op := range operations {
		if op.ID == "CreateNotification" {
			return op, true
		}
	}
	return openapi.Operation{}, false
}

func createPath() string {
	op, _ := createOperation()
	return op.Path
}

// exampleChallenge is the challenge of the document's examples.
func exampleChallenge() server.ChallengeKey {
	op, ok := createOperation()
	if !ok {
		return server.ChallengeKey{}
	}
	value := func(name string) string {
		if p := op.Item.Parameters.GetByInAndName("path", name); p != nil {
			text, _ := p.Example.(string)
			return text
		}
		return ""
	}
	return server.ChallengeKey{ServiceSID: value("ServiceSid"), Identity: value("Identity"), ChallengeSID: value("ChallengeSid")}
}
