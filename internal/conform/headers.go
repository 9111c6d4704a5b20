package conform

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/schema"
)

// isList are the headers that may stand on several lines, which are one list (RFC 9110, section 5.3).
var isList = map[string]bool{
	"Allow": true, "Set-Cookie": true, "Accept": true, "Www-Authenticate": true, "Vary": true, "Cache-Control": true, "Link": true,
	"Access-Control-Allow-Methods": true, "Access-Control-Allow-Headers": true, "Access-Control-Expose-Headers": true,
}

// headers wants every declared header to be as its schema says, and every required one to be there.
func (c *collector) headers(o *Operation, response *openapi3.Response, header http.Header) {
	for _, name := range sortedKeys(response.Headers) {
		declared := response.Headers[name].Value
		if strings.EqualFold(name, "Content-Type") {
			// The specification has it ignored.
			continue
		}
		values := header.Values(name)
		if isList[http.CanonicalHeaderKey(name)] && len(values) > 1 {
			values = []string{strings.Join(values, ", ")}
		}
		switch {
		case len(values) == 0:
			if declared.Required {
				c.add(Header, "header "+name, "the header %s is missing", name)
			}
			continue
		case len(values) > 1 && declared.Schema != nil && !declared.Schema.Value.Type.Is("array"):
			c.add(Header, "header "+name, "the header %s is there %d times", name, len(values))
		}
		switch r, ok := o.headers[declared]; {
		case ok && !r.Allows(values[0]):
			c.add(Header, "header "+name, "the header %s must be %s, and is %q", name, r, schema.Cut(values[0])).differs(values[0], r.String())
		case !ok:
			c.header(name, declared, values[0])
		}
	}
}

// standard wants what HTTP itself says of an answer (RFC 9110), whatever the document says.
func (c *collector) standard(o *Operation, status int, header http.Header) {
	c.standardHeaders(header)
	switch status {
	case http.StatusMethodNotAllowed:
		allow := splitList(header.Values("Allow"))
		if header.Get("Allow") == "" {
			c.addHTTP("RFC 9110 section 15.5.6", "the header Allow is missing")
			return
		}
		declared := o.document.Methods(o.Path)
		for _, method := range sortedKeys(declared) {
			if !slices.Contains(allow, method) {
				c.addHTTP("RFC 9110 section 15.5.6 "+o.Path, fmt.Sprintf("the header Allow is %q and lacks %s", schema.Cut(header.Get("Allow")), method))
			}
		}
		for _, method := range allow {
			if !declared[method] && method != http.MethodOptions && (method != http.MethodHead || !declared[http.MethodGet]) {
				c.addHTTP("RFC 9110 section 15.5.6 "+o.Path, fmt.Sprintf("the header Allow is %q, and the document has no %s here", schema.Cut(header.Get("Allow")), schema.Cut(method)))
			}
		}
	case http.StatusUnauthorized:
		given := strings.Join(header.Values("WWW-Authenticate"), ", ")
		if given == "" {
			c.addHTTP("RFC 9110 section 15.5.2", "the header WWW-Authenticate is missing")
			return
		}
		if len(o.schemes) > 0 && !slices.ContainsFunc(splitList([]string{given}), func(part string) bool {
			scheme, _, _ := strings.Cut(part, " ")
			return slices.ContainsFunc(o.schemes, func(known string) bool { return strings.EqualFold(known, scheme) })
		}) {
			c.add(Header, "header WWW-Authenticate", "the header WWW-Authenticate is %q, and must ask for %s", schema.Cut(given), strings.Join(o.schemes, " or ")).differs(given, strings.Join(o.schemes, " or "))
		} else if basic.MatchString(given) && !strings.Contains(strings.ToLower(given), "realm=") {
			c.add(Header, "header WWW-Authenticate", "the header WWW-Authenticate is %q and lacks the realm (RFC 7617)", schema.Cut(given))
		}
	}
}

// standardHeaders wants the headers that HTTP defines to have such values.
func (c *collector) standardHeaders(header http.Header) {
	for _, h := range standardHeaders {
		if value := header.Get(h.name); value != "" && !h.is(value) {
			c.addHTTP(h.source, fmt.Sprintf("the header %s is %q, and must be %s", h.name, schema.Cut(value), h.what))
		}
	}
}

// standardHeaders are headers whose values HTTP defines.
var standardHeaders = []struct {
	name, what, source string
	is                 func(value string) bool
}{
	{"Date", "a date of HTTP", "RFC 9110 section 6.6.1", isDate},
	{"Last-Modified", "a date of HTTP", "RFC 9110 section 8.8.2", isDate},
	{"ETag", "a text in quotes", "RFC 9110 section 8.8.3", regexp.MustCompile(`^(W/)?"[^"]*"$`).MatchString},
	{"Location", "a URL", "RFC 9110 section 10.2.2", func(value string) bool { _, err := url.Parse(value); return err == nil }},
	{"Retry-After", "a number of seconds or a date of HTTP", "RFC 9110 section 10.2.3", func(value string) bool {
		_, err := strconv.ParseUint(value, 10, 64)
		return err == nil || isDate(value)
	}},
}

func isDate(value string) bool { _, err := http.ParseTime(value); return err == nil }

// basic is a challenge of HTTP basic.
var basic = regexp.MustCompile(`(?i)(^|,\s*)basic(\s|,|$)`)

// addHTTP adds what breaks a rule of HTTP's own, unless it was found by the document's.
func (c *collector) addHTTP(rule, message string) {
	for _, v := range c.found {
		if v.Message == message {
			return
		}
	}
	c.found = append(c.found, Violation{Kind: Header, Rule: rule, Message: message})
}

func splitList(values []string) []string {
	var list []string
	for _, item := range strings.Split(strings.Join(values, ","), ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// readHeaders reads the rules of the headers of all answers.
func (o *Operation) readHeaders() {
	for _, response := range o.Spec.Responses.Map() {
		for name, ref := range response.Value.Headers {
			if r, ok := openapi.WholeRule("header", name, ref.Value.Schema); ok {
				o.headers[ref.Value] = r
			}
		}
	}
}
