package message

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"text/template"
	"text/template/parse"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nudgehq/nudge/delivery"
)

// The longest title and body, in bytes: longer ones are cut. So what is sent stays below the 4,096 bytes that providers take.
const (
	MaxTitle = 200
	MaxBody  = 1000
)

// The words that are used where a configuration has none.
const (
	DefaultTitle = "Confirm that it is you"
	DefaultBody  = "Open the app to approve or deny."
)

// Data are the keys by which an app finds the challenge.
type Data struct {
	// Type is always verify_push_challenge.
	Type         string `json:"type"`
	SID          string `json:"sid"`
	ChallengeSID string `json:"challenge_sid"`
	FactorSID    string `json:"factor_sid,omitempty"`
}

// DataOf gives the keys of a notification.
func DataOf(n delivery.Notification) Data {
	return Data{Type: "verify_push_challenge", SID: n.SID, ChallengeSID: n.ChallengeSID, FactorSID: n.FactorSID}
}

// Fields are what a template can use.
type Fields struct {
	SID, AccountSID, ServiceSID, EntitySID, Identity, ChallengeSID, FactorSID string
	// TTL is how long the notification is valid from its creation, in seconds.
	TTL int
	// Details are the challenge's own texts by name.
	Details map[string]string
}

// Words are the title and body that a person reads.
type Words struct{ Title, Body string }

// Template makes the words of a notification.
type Template struct{ title, body *template.Template }

// ParseTemplate reads the texts of Go templates over Fields; an empty one stands for the default. The error names the text and what is
// wrong in it.
func ParseTemplate(title, body string) (*Template, error) {
	t := &Template{}
	for _, part := range []struct {
		name, text, standard string
		into                 **template.Template
	}{{"title", title, DefaultTitle, &t.title}, {"body", body, DefaultBody, &t.body}} {
		if part.text == "" {
			part.text = part.standard
		}
		parsed, err := template.New(part.name).Option("missingkey=zero").Parse(part.text)
		if err == nil {
			err = checkTemplate(parsed)
		}
		if err == nil {
			err = parsed.Execute(&cut{limit: MaxBody}, Fields{Details: map[string]string{}})
		}
		if err != nil && !errors.Is(err, errFull) {
			if noField.MatchString(err.Error()) {
				err = fmt.Errorf("there is no .%s; there are .SID, .AccountSID, .ServiceSID, .EntitySID, .Identity, .ChallengeSID, .FactorSID, .TTL and .Details.NAME", noField.FindStringSubmatch(err.Error())[1])
			}
			return nil, fmt.Errorf("%s: %s", part.name, strings.TrimPrefix(err.Error(), "template: "))
		}
		*part.into = parsed
	}
	return t, nil
}

// noField is how the library says that a field is not there.
var noField = regexp.MustCompile(`can't evaluate field (\w+) in type message.Fields`)

// Words gives a notification's words, without control characters and of bounded length.
func (t *Template) Words(n delivery.Notification) Words {
	f := Fields{
		SID: n.SID, AccountSID: n.AccountSID, ServiceSID: n.ServiceSID, EntitySID: n.EntitySID, Identity: n.Identity,
		ChallengeSID: n.ChallengeSID, FactorSID: n.FactorSID, TTL: int(n.TTL / time.Second), Details: map[string]string{},
	}
	// What is not valid was refused where it came in.
	_ = json.Unmarshal([]byte(n.Details), &f.Details)
	return Words{execute(t.title, f, MaxTitle), execute(t.body, f, MaxBody)}
}

// execute gives a template's text as far as it fits. A template that fails with these fields gives what it made up to there.
func execute(t *template.Template, f Fields, limit int) string {
	out := &cut{limit: limit}
	_ = t.Execute(out, f)
	text := strings.Map(shown, strings.ToValidUTF8(out.text.String(), ""))
	return strings.TrimSpace(text)
}

// checkTemplate refuses what could take any time: then a template takes as long as its text is.
func checkTemplate(t *template.Template) error {
	if len(t.Templates()) > 1 {
		return errors.New("must define no other templates")
	}
	return checkNodes(t.Root)
}

func checkNodes(list *parse.ListNode) error {
	if list == nil {
		return nil
	}
	for _, node := range list.Nodes {
		var branch *parse.BranchNode
		switch n := node.(type) {
		case *parse.RangeNode, *parse.TemplateNode:
			return errors.New("must have no range and no other template")
		case *parse.IfNode:
			branch = &n.BranchNode
		case *parse.WithNode:
			branch = &n.BranchNode
		default:
			continue
		}
		if err := errors.Join(checkNodes(branch.List), checkNodes(branch.ElseList)); err != nil {
			return err
		}
	}
	return nil
}

// shown is a character as a person sees it: control characters are spaces, and what turns or hides the text around it is left out.
func shown(r rune) rune {
	switch {
	case unicode.IsControl(r):
		return ' '
	case unicode.Is(unicode.Bidi_Control, r), r >= 0xE0000 && r <= 0xE007F:
		return -1
	}
	return r
}

// errFull ends a template whose text is long enough.
var errFull = errors.New("message: the text is as long as it may be")

// cut takes a text up to a limit of bytes, and ends it between two characters.
type cut struct {
	text  bytes.Buffer
	limit int
}

func (c *cut) Write(p []byte) (int, error) {
	room := c.limit - c.text.Len()
	if len(p) <= room {
		return c.text.Write(p)
	}
	for room > 0 && !utf8.RuneStart(p[room]) {
		room--
	}
	_, _ = c.text.Write(p[:room])
	return room, errFull
}

// JSON writes a value as it is sent: without the escapes that HTML needs, and without a line's end.
func JSON(v any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// Seconds is how long an attempt's notification is still valid now, in whole seconds, rounded down: a provider must not keep it for
// longer. It is 0 for a TTL of 0, and for less than a second: tried at once, and not kept.
func Seconds(a delivery.Attempt) int {
	if a.TTL == 0 {
		return 0
	}
	return int(max(a.Left(), 0) / time.Second)
}

// Expiry is when an attempt's notification is no longer valid, in seconds since 1970, by a clock that shows now; 0 where a provider
// must not keep it.
func Expiry(a delivery.Attempt, now time.Time) int64 {
	if a.TTL == 0 {
		return 0
	}
	at := now.Add(a.Left()).Unix()
	if at <= now.Unix() {
		return 0
	}
	return at
}
