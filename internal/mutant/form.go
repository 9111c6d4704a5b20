package mutant

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/internal/rule"
)

// form reads the body.
func (s *server) form(r *http.Request) (url.Values, *failure) {
	if s.is("reads only bodies of a known length") && r.ContentLength < 0 {
		return url.Values{}, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 16<<10+1))
	if err != nil {
		return nil, &failure{status: 400, code: 20001, message: "The request cannot be read"}
	}
	if len(body) > 16<<10 {
		if s.is("answers 500 to a large body") {
			return nil, &failure{status: 500, code: 20500, message: "An internal error has occurred"}
		}
		return nil, &failure{status: 413, code: 20413, message: "The body is too large"}
	}
	if len(body) == 0 && s.is("needs a body") {
		return nil, &failure{status: 400, code: 20001, message: "The body is missing"}
	}
	if mediaType := r.Header.Get("Content-Type"); len(body) > 0 || mediaType != "" {
		name, parameters, err := mime.ParseMediaType(mediaType)
		switch {
		case s.is("accepts any media type"):
		case s.is("accepts JSON") && name == "application/json":
			return url.Values{}, nil
		case s.is("refuses a charset") && len(parameters) > 0, err != nil || name != "application/x-www-form-urlencoded":
			if s.is("answers 400 to a wrong media type") {
				return nil, &failure{status: 400, code: 20001, message: "The media type is wrong"}
			}
			return nil, &failure{status: 415, code: 20415, message: "The body's media type is not supported"}
		}
	}
	if s.is("answers 500 to bytes that are not UTF-8") && !utf8.Valid(body) {
		return nil, &failure{status: 500, code: 20500, message: "An internal error has occurred"}
	}
	if s.is("takes a semicolon for an ampersand") {
		body = []byte(strings.ReplaceAll(string(body), ";", "&"))
		body = []byte(strings.TrimSuffix(string(body), "&"))
	}
	form, err := url.ParseQuery(string(body))
	if err != nil && !s.is("ignores what it cannot parse") && !s.is("accepts any media type") {
		return nil, &failure{status: 400, code: 20001, message: "The request cannot be read"}
	}
	for name := range form {
		known := slices.ContainsFunc(documented.Form, func(r rule.Rule) bool { return r.Name == name }) || s.is("accepts unknown fields beside a known one") && slices.ContainsFunc(documented.Form, func(r rule.Rule) bool { return form.Has(r.Name) }) || s.is("accepts unknown fields") || s.is("accepts any media type") || s.is("accepts a Ttl in lower case") && name == "ttl"
		if !known {
			message := "Unknown field"
			if s.is("repeats the name of an unknown field") {
				message += " " + name
			}
			return nil, &failure{status: 400, code: 20001, message: message}
		}
	}
	for _, r := range documented.Form {
		if values := form[r.Name]; r.Name != "Ttl" && len(values) > 0 && (len(values) > 1 || !r.Allows(values[0])) {
			return nil, &failure{status: 400, code: 60200, message: "Invalid parameter: " + r.Name + " must be " + r.String(), in: "body", field: r.Name}
		}
	}
	if len(form["Ttl"]) > 1 {
		switch {
		case s.is("takes the last of two Ttls"):
			form["Ttl"] = form["Ttl"][len(form["Ttl"])-1:]
		case s.is("takes the first of two Ttls"):
			form["Ttl"] = form["Ttl"][:1]
		default:
			return nil, &failure{status: 400, code: 20001, message: "Ttl is there twice"}
		}
	}
	return form, nil
}

var canonical = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)

// ttl reads the Ttl.
func (s *server) ttl(form, query url.Values) (int, *failure) {
	if values := query["Ttl"]; s.is("reads the last of two Ttls in the query") && len(values) > 1 {
		if n, err := strconv.Atoi(values[len(values)-1]); err == nil {
			return n, nil
		}
	}
	if n, err := strconv.Atoi(query.Get("Ttl")); s.is("reads a Ttl above its maximum from the query") && err == nil && n > documented.MaxTTL {
		return n, nil
	}
	if n, err := strconv.Atoi(query.Get("ttl")); s.is("reads ttl from the query") && err == nil {
		return n, nil
	}
	if s.is("fails at a Ttl in the query") && query.Has("Ttl") {
		if _, err := strconv.Atoi(query.Get("Ttl")); err != nil {
			return 0, &failure{status: 500, code: 20500, message: "An internal error has occurred"}
		}
	}
	if query.Has("Ttl") && (s.is("prefers the query's Ttl to the form's") || s.is("reads Ttl from the query") && !form.Has("Ttl")) {
		if n, err := strconv.Atoi(query.Get("Ttl")); err == nil {
			return n, nil
		}
	}
	if !form.Has("Ttl") {
		switch {
		case s.is("answers the schema's default for a missing Ttl"):
			return 0, nil
		case s.is("remembers the Ttl of the request before"):
			return int(s.last.Load()), nil
		}
		return documented.DefaultTTL, nil
	}
	text := form.Get("Ttl")
	invalid := &failure{status: 400, code: 60200, message: "Invalid parameter: Ttl must be " + documented.TTLRule, in: "body", field: "Ttl"}
	if s.is("answers 422 to a bad Ttl") {
		invalid.status = 422
	}
	if s.is("repeats the value in errors") {
		invalid.message += ", and is " + text
	}
	n, err := s.number(text)
	if err != nil {
		switch {
		case s.is("takes a Ttl that is no number for none"):
			return documented.DefaultTTL, nil
		case s.is("answers 500 to a Ttl that is no number"):
			return 0, &failure{status: 500, code: 20500, message: "An internal error has occurred"}
		}
		return 0, invalid
	}
	least, most := documented.MinTTL, documented.MaxTTL
	switch s.defect {
	case "accepts a Ttl above its maximum":
		most = documented.MaxTTL + 1
	case "refuses the greatest Ttl":
		most = documented.MaxTTL - 1
	case "accepts a Ttl below its minimum":
		least = documented.MinTTL - 1
	case "refuses the least Ttl":
		least = documented.MinTTL + 1
	case "has no bounds for Ttl":
		least, most = -1<<31, 1<<31
	case "clamps Ttl to its maximum":
		n = min(n, documented.MaxTTL)
	case "takes a Ttl of 0 for none":
		if n == 0 {
			n = documented.DefaultTTL
		}
	}
	if n < least || n > most {
		return 0, invalid
	}
	return n, nil
}

// number reads an integer, as strictly as the defect lets it.
func (s *server) number(text string) (int, error) {
	switch s.defect {
	case "accepts a Ttl with leading zeros":
		if trimmed := strings.TrimLeft(text, "0"); text != "" && canonical.MatchString("1"+trimmed) {
			text = "0" + trimmed
			return strconv.Atoi(text)
		}
	case "accepts a Ttl with a plus sign":
		text = strings.TrimPrefix(text, "+")
	case "accepts a Ttl with a fraction", "accepts a Ttl with an exponent":
		if f, err := strconv.ParseFloat(text, 64); err == nil && strings.ContainsAny(text, "eE") == s.is("accepts a Ttl with an exponent") {
			return int(f), nil
		}
	case "accepts a hexadecimal Ttl":
		if n, err := strconv.ParseInt(text, 0, 64); err == nil && strings.HasPrefix(text, "0x") {
			return int(n), nil
		}
	case "accepts a Ttl with white space around it":
		text = strings.TrimSpace(text)
	case "accepts a Ttl with letters after it":
		text = strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz")
	case "takes an empty Ttl for none":
		if text == "" {
			return documented.DefaultTTL, nil
		}
	case "reads Ttl with 32 bits":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && canonical.MatchString(text) {
			return int(int32(n)), nil //nolint:gosec // The defect.
		}
	case "reads Ttl with 64 bits":
		if canonical.MatchString(text) {
			return int(wrapped(text)), nil
		}
	}
	if !canonical.MatchString(text) {
		return 0, fmt.Errorf("%q is no integer", text)
	}
	return strconv.Atoi(text)
}

// wrapped reads digits and loses those that do not fit.
func wrapped(text string) int64 {
	var n int64
	for _, digit := range strings.TrimPrefix(text, "-") {
		n = n*10 + int64(digit-'0')
	}
	if strings.HasPrefix(text, "-") {
		return -n
	}
	return n
}
