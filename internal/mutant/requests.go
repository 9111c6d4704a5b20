package mutant

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/nudgehq/nudge/internal/documented"
)

// inRequests read parameters and bodies wrongly.
var inRequests = []Mutant{
	// Bounds and wire forms.
	{"accepts a Ttl above its maximum", `one above its maximum`, rules(func(s *server) { s.ttlMost++ })},
	{"refuses the greatest Ttl", `its maximum, is`, rules(func(s *server) { s.ttlMost-- })},
	{"accepts a Ttl below its minimum", `one below its minimum`, rules(func(s *server) { s.ttlLeast-- })},
	{"refuses the least Ttl", `its minimum, is`, rules(func(s *server) { s.ttlLeast++ })},
	{"has no bounds for Ttl", `above its maximum`, rules(func(s *server) { s.ttlLeast, s.ttlMost = -1<<31, 1<<31 })},
	{"reads Ttl with 32 bits", `wraps in 32 bits`, ttl(in32Bits)},
	{"reads Ttl with 64 bits", `wraps in 64 bits`, ttl(in64Bits)},
	{"clamps Ttl to its maximum", `one above its maximum`, ttl(clamped)},
	{"accepts a Ttl with leading zeros", `leading zero`, ttl(withoutLeadingZeros)},
	{"accepts a Ttl with a plus sign", `plus sign`, ttl(func(text string) string { return strings.TrimPrefix(text, "+") })},
	{"accepts a Ttl with a fraction", `fraction`, ttl(func(text string) string { return float(text, false) })},
	{"accepts a Ttl with an exponent", `exponent`, ttl(func(text string) string { return float(text, true) })},
	{"accepts a hexadecimal Ttl", `hexadecimal`, ttl(hexadecimal)},
	{"accepts a Ttl with white space around it", `space`, ttl(strings.TrimSpace)},
	{"accepts a Ttl with letters after it", `letters after`, ttl(func(text string) string { return strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz") })},
	{"takes an empty Ttl for none", `Ttl empty`, ttl(func(text string) string { return cmp.Or(text, defaultTTL) })},
	{"takes a Ttl that is no number for none", `no number`, ttl(orDefault)},
	{"answers 500 to a Ttl that is no number", `answered 500.*Ttl`, refuses(func(_ *request, f *failure) { f.failIf(f.field == "Ttl" && !canonical.MatchString(f.value)) })},
	{"takes a Ttl of 0 for none", `ttl is "[0-9]+".*"0"`, ttl(func(text string) string {
		if text == "0" {
			return defaultTTL
		}
		return text
	})},
	// Patterns and lengths.
	{"does not check ServiceSid", `ServiceSid`, rules(func(s *server) { s.servicePattern = `` })},
	{"does not anchor the start of ServiceSid's pattern", `ServiceSid.*before it`, rules(func(s *server) { s.servicePattern = strings.TrimPrefix(s.servicePattern, "^") })},
	{"does not anchor the end of ServiceSid's pattern", `ServiceSid.*after it`, rules(func(s *server) { s.servicePattern = strings.TrimSuffix(s.servicePattern, "$") })},
	{"takes any letters for hexadecimal digits", `"?g"? inside|with "g"`, sids(`[0-9a-zA-Z]{32}`)},
	{"refuses hexadecimal digits in upper case", `in upper case|valid`, sids(`[0-9a-f]{32}`)},
	{"takes ChallengeSid with another prefix", `ChallengeSid.*another character`, rules(func(s *server) { s.challengePattern = `^[A-Z]{2}[0-9a-fA-F]{32}$` })},
	{"allows a line feed after ChallengeSid", `ChallengeSid.*\\n`, rules(func(s *server) { s.challengePattern = strings.TrimSuffix(s.challengePattern, "$") + `\n?$` })},
	{"accepts an Identity that is too short", `Identity.*too short`, rules(func(s *server) { s.identityLeast-- })},
	{"refuses the shortest Identity", `Identity.*as short as it may be`, rules(func(s *server) { s.identityLeast++ })},
	{"accepts an Identity that is too long", `Identity.*too long`, rules(func(s *server) { s.identityMost++ })},
	{"refuses the longest Identity", `Identity.*as long as it may be`, rules(func(s *server) { s.identityMost-- })},
	{"accepts an underscore in Identity", `Identity.*"?_"?`, rules(func(s *server) { s.identityPattern = `^[0-9a-zA-Z_]+(-[0-9a-zA-Z_]+)*$` })},
	{"accepts a dash after Identity", `Identity.*-`, rules(func(s *server) { s.identityPattern = `^[0-9a-zA-Z]+(-[0-9a-zA-Z]+)*-?$` })},
	{"accepts two dashes in Identity", `two dashes`, rules(func(s *server) { s.identityPattern = `^[0-9a-zA-Z]+(-+[0-9a-zA-Z]+)*$` })},
	{"accepts letters of other alphabets in Identity", `Identity.*é`, rules(func(s *server) { s.identityPattern = `^[0-9\pL]+(-[0-9\pL]+)*$` })},
	{"does not unescape the path", `escaped character`, path(func(escaped string) string { return strings.ReplaceAll(escaped, "%", "%25") })},
	{"unescapes the path twice", `escaped twice`, path(unescapedTwice)},
	// Fields.
	{"reads Ttl from the query", `in the query|query`, field("ttl", func(_ *server, r *request) any {
		if n, ok := r.number("Ttl"); ok && !r.fields.Has("Ttl") {
			return n
		}
		return r.ttl
	})},
	{"prefers the query's Ttl to the form's", `query`, queried("Ttl", func(int) bool { return true })},
	{"fails at a Ttl in the query", `query`, refusesToo(func(r *request) *failure {
		if _, ok := r.number("Ttl"); !ok && r.URL.Query().Has("Ttl") {
			return internal()
		}
		return nil
	})},
	{"reads ServiceSid from the query", `ServiceSid in the query`, asks(serviceFromQuery)},
	{"accepts unknown fields", `unknown field`, form(onlyKnown)},
	{"accepts a Ttl in lower case", `misspelt field "ttl"`, form(func(fields url.Values) { fields.Del("ttl") })},
	{"takes the last of two Ttls", `twice`, form(func(fields url.Values) { fields["Ttl"] = fields["Ttl"][max(0, len(fields["Ttl"])-1):] })},
	{"takes the first of two Ttls", `twice`, form(func(fields url.Values) { fields["Ttl"] = fields["Ttl"][:min(1, len(fields["Ttl"]))] })},
	{"ignores what it cannot parse", `malformed escape`, asks(func(r *request) {
		fields, _ := url.ParseQuery(string(r.body))
		r.body = []byte(fields.Encode())
	})},
	// Bodies.
	{"accepts JSON", `application/json`, asks(func(r *request) {
		if mediaType(r) == "application/json" {
			r.readLeniently()
		}
	})},
	{"accepts any media type", `text/plain|media type`, asks((*request).readLeniently)},
	{"refuses a charset", `charset`, refusesToo(func(r *request) *failure {
		if strings.Contains(r.Header.Get("Content-Type"), ";") {
			return &failure{status: 415, code: 20415, message: "The body's media type is not supported"}
		}
		return nil
	})},
	{"answers 400 to a wrong media type", `answered 400.*415`, refuses(func(_ *request, f *failure) {
		if f.status == http.StatusUnsupportedMediaType {
			f.become(unreadable())
		}
	})},
	{"needs a body", `without anything optional|no body`, refusesToo(func(r *request) *failure {
		if len(r.body) == 0 {
			return unreadable()
		}
		return nil
	})},
	{"reads only bodies of a known length", `unsaid length|ttl is`, asks(func(r *request) {
		if r.ContentLength < 0 {
			r.body = nil
			r.Header.Del("Content-Type")
		}
	})},
	{"answers 500 to a large body", `answered 500.*128 KiB|128 KiB`, refuses(func(_ *request, f *failure) { f.failIf(f.status == http.StatusRequestEntityTooLarge) })},
}

// in32Bits loses what does not fit in 32 bits.
func in32Bits(text string) string {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && canonical.MatchString(text) {
		return strconv.Itoa(int(int32(n))) //nolint:gosec // The defect.
	}
	return text
}

// in64Bits loses what does not fit in 64 bits.
func in64Bits(text string) string {
	if !canonical.MatchString(text) {
		return text
	}
	var n int64
	for _, digit := range strings.TrimPrefix(text, "-") {
		n = n*10 + int64(digit-'0')
	}
	if strings.HasPrefix(text, "-") {
		n = -n
	}
	return strconv.FormatInt(n, 10)
}

func clamped(text string) string {
	if n, err := strconv.Atoi(text); err == nil && canonical.MatchString(text) {
		return strconv.Itoa(min(n, documented.MaxTTL))
	}
	return text
}

func withoutLeadingZeros(text string) string {
	if trimmed := strings.TrimLeft(text, "0"); text != "" && canonical.MatchString("1"+trimmed) {
		return cmp.Or(trimmed, "0")
	}
	return text
}

// float cuts the fraction off, of numbers with an exponent or of those without.
func float(text string, exponent bool) string {
	if f, err := strconv.ParseFloat(text, 64); err == nil && strings.ContainsAny(text, "eE") == exponent {
		return strconv.Itoa(int(f))
	}
	return text
}

func hexadecimal(text string) string {
	if n, err := strconv.ParseInt(text, 0, 64); err == nil && strings.HasPrefix(text, "0x") {
		return strconv.FormatInt(n, 10)
	}
	return text
}

func orDefault(text string) string {
	if !canonical.MatchString(text) {
		return defaultTTL
	}
	return text
}

var defaultTTL = strconv.Itoa(documented.DefaultTTL)

// sids reads the rest of SIDs by another pattern.
func sids(rest string) change {
	return rules(func(s *server) {
		s.servicePattern, s.challengePattern = `^`+documented.Prefix("ServiceSid")+rest+`$`, `^`+documented.Prefix("ChallengeSid")+rest+`$`
	})
}

func unescapedTwice(escaped string) string {
	parts := strings.Split(escaped, "/")
	for i, part := range parts {
		plain, err := url.PathUnescape(part)
		if again, wrong := url.PathUnescape(plain); err == nil && wrong == nil {
			parts[i] = url.PathEscape(again)
		}
	}
	return strings.Join(parts, "/")
}

func serviceFromQuery(r *request) {
	parts := strings.Split(r.URL.EscapedPath(), "/")
	if query := r.URL.Query(); query.Has("ServiceSid") && len(parts) == len(literals) {
		parts[3] = url.PathEscape(query.Get("ServiceSid"))
		r.setPath(strings.Join(parts, "/"))
	}
}

func onlyKnown(fields url.Values) {
	for name := range fields {
		if !known(name) {
			fields.Del(name)
		}
	}
}

// queried answers the TTL of a field of the query, if it is wanted.
func queried(name string, wanted func(int) bool) change {
	return field("ttl", func(_ *server, r *request) any {
		if n, ok := r.number(name); ok && wanted(n) {
			return n
		}
		return r.ttl
	})
}
