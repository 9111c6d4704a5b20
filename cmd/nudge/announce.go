package main

import (
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/internal/ruledoc"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/portal"
)

// announcement is what a person who starts the server wants to know.
type announcement struct {
	public      string
	ops         *listener
	data        string
	testClock   bool
	development bool
	username    string
	challenge   server.ChallengeKey
}

func (a announcement) print(w io.Writer) {
	var b strings.Builder
	fmt.Fprintf(&b, "nudge listens on %s\n", a.public)
	fmt.Fprintf(&b, "documentation: %s%s\n", a.public, portal.Base)
	if a.ops != nil {
		fmt.Fprintf(&b, "operators: %s/healthz /readyz /metrics /notifications/{sid} /events /debug/pprof\n", a.ops.url())
	}
	if a.development {
		fmt.Fprintf(&b, "No account was given, so this is for development: loopback only, account %s, token %s\n",
			accounts.DevelopmentSID, accounts.DevelopmentToken)
	}
	if a.testClock {
		fmt.Fprintf(&b, "NOT FOR PRODUCTION: the clock stands still; POST %s/clock/advance?by=5m moves it\n", a.ops.url())
	}
	fmt.Fprintf(&b, "notifications are stored in %s\n\nTry it:\n  %s\n\nA device in the terminal that gets them:\n  nudge device --url %s --service %s --identity %s --data %s\n\n",
		a.data, a.curl(), a.public, a.challenge.ServiceSID, a.challenge.Identity, a.data)
	_, _ = io.WriteString(w, b.String())
}

// curl is a command that works when pasted. It never holds a token of the operator's: curl asks for that.
func (a announcement) curl() string {
	user := a.username
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
func createOperation() (ruledoc.Operation, bool) {
	doc, err := ruledoc.Load(nudge.OpenAPI)
	if err != nil {
		return ruledoc.Operation{}, false
	}
	operations, err := ruledoc.Operations(doc)
	if err != nil {
		return ruledoc.Operation{}, false
	}
	for _, op := range operations {
		if op.ID == "CreateNotification" {
			return op, true
		}
	}
	return ruledoc.Operation{}, false
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
