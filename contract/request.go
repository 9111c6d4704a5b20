package contract

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/nudgehq/nudge/internal/shell"
)

// request is what is sent.
type request struct {
	method string
	// path is escaped; query is raw, without its question mark.
	path, query string
	header      http.Header
	// body is nil for none; write makes it, where it is made only when the request is sent.
	body  []byte
	write func() []byte
	// reason is why it must be refused, if it must.
	reason reason
	// anonymous leaves the credentials out; account overrides them.
	anonymous bool
	account   *account
	// instead are other values of the run's own headers, and of its parameters of the query, whose names begin with "?".
	instead map[string]string
	// offender is where the one wrong parameter stands, if there is just one: "path", "body".
	offender string
	// values are those of the path's parameters; nil when the path is written otherwise. subject is the parameter or
	// field that is tried.
	values  map[string]string
	subject string
	// chunked sends the body without saying its length.
	chunked bool
	// description describes what is special about it, for messages.
	description string
}

// account are credentials of HTTP basic.
type account struct{ username, password string }

// encoded is a query, in which a space is %20: what a plus is there, the standards disagree.
func encoded(query url.Values) string { return strings.ReplaceAll(query.Encode(), "+", "%20") }

// with copies a request and changes the copy.
func (r request) with(change func(*request)) request {
	r.header = r.header.Clone()
	r.body = slices.Clone(r.body)
	r.values = maps.Clone(r.values)
	change(&r)
	return r
}

// written is the request with its body.
func (r request) written() request {
	if r.write != nil {
		r.body, r.write = r.write(), nil
	}
	return r
}

// addQuery adds to the query as it stands on the wire.
func (r *request) addQuery(raw string) {
	if r.query != "" {
		r.query += "&"
	}
	r.query += raw
}

// url is where it is sent.
func (r request) url(base string) string {
	text := strings.TrimSuffix(base, "/") + r.path
	if r.query != "" {
		text += "?" + r.query
	}
	return text
}

// maxShown bounds a part of a command, in bytes: what is cut cannot be run.
const maxShown = 4096

// curl is a command that sends the same, without the password and the values of the run's own headers; what is long is cut.
func (q request) curl(r *runner) string {
	words := []string{"curl", "-i"}
	if q.method == http.MethodHead {
		words = append(words, "-I")
	} else {
		words = append(words, "-X", q.method)
	}
	if strings.Contains(q.path, "/.") || strings.Contains(q.path, "//") {
		words = append(words, "--path-as-is")
	}
	own := r.account
	if q.account != nil {
		own = q.account
	}
	if !q.anonymous && own != nil {
		words = append(words, "-u", shell.Quote(short(own.username, 80)+":…"))
	}
	if !q.anonymous {
		for _, name := range sortedKeys(r.header) {
			words = append(words, "-H", shell.Quote(name+": …"))
		}
		for _, name := range sortedKeys(r.query) {
			q.addQuery(url.QueryEscape(name) + "=…")
		}
	}
	for _, name := range sortedKeys(q.header) {
		value := q.header.Get(name)
		if strings.EqualFold(name, "Authorization") {
			value = "…"
		}
		words = append(words, "-H", shell.Quote(name+": "+short(value, maxShown)))
	}
	before := ""
	if q.body != nil {
		if q.header.Get("Content-Type") == "" {
			// curl would add one.
			words = append(words, "-H", "'Content-Type:'")
		}
		if q.chunked {
			words = append(words, "-H", "'Transfer-Encoding: chunked'")
		}
		body := short(string(q.body), maxShown)
		if strings.Contains(body, "\x00") {
			// No shell passes a null byte as an argument.
			before = "printf '%b' " + strings.TrimPrefix(shell.Quote(body), "$") + " | "
			words = append(words, "--data-binary", "@-")
		} else {
			words = append(words, "--data-raw", shell.Quote(body))
		}
	}
	return before + strings.Join(append(words, shell.Quote(short(q.url(r.base), maxShown))), " ")
}

// short bounds a text to n bytes, and an ellipsis.
func short(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "…"
}

// field is a form field in its place.
type field struct{ name, value string }

// encode writes a form in its order.
func encode(fields []field) []byte {
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = url.QueryEscape(f.name) + "=" + url.QueryEscape(f.value)
	}
	return []byte(strings.Join(parts, "&"))
}

// escapeAll escapes every byte.
func escapeAll(text string) string {
	var b strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&b, "%%%02X", text[i])
	}
	return b.String()
}

// show writes a value for a name: short, and readable.
func show(value string) string {
	if value == "" {
		return "empty"
	}
	printable := strings.IndexFunc(value, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' }) < 0
	if len(value) > 60 {
		return fmt.Sprintf("of %d characters", len([]rune(value)))
	}
	if printable {
		return value
	}
	return fmt.Sprintf("%q", value)
}
