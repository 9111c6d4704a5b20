package schema

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// formats are those of OpenAPI's format registry that the library has not, or reads otherwise.
var formats = []*jsonschema.Format{
	{Name: "int32", Validate: number(isInteger(32))},
	{Name: "int64", Validate: number(isInteger(64))},
	{Name: "byte", Validate: text(func(s string) bool { _, err := base64.StdEncoding.DecodeString(s); return err == nil })},
	{Name: "date-time", Validate: text(isDateTime)},
	{Name: "date", Validate: text(func(s string) bool { _, err := time.Parse(time.DateOnly, s); return err == nil })},
	{Name: "uuid", Validate: text(regexp.MustCompile(`^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$`).MatchString)},
	{Name: "uri", Validate: text(isURI)},
	{Name: "email", Validate: text(isEmail)},
}

// noted are formats by which values are made, and by which none is judged.
var noted = []string{"decimal", "http-date", "char", "base64url", "phone", "ulid", "semver", "uint64", "uint32", "float", "double", "password", "binary", "period"}

// IsNote tells whether texts of a format are not judged by it: it is one of numbers, or one that nobody has defined.
func IsNote(format string) bool {
	return format == "int32" || format == "int64" || slices.Contains(noted, format)
}

func text(has func(string) bool) func(any) error {
	return func(v any) error {
		if s, ok := v.(string); ok && !has(s) {
			return errors.New("another form")
		}
		return nil
	}
}

func number(has func(*big.Rat) bool) func(any) error {
	return func(v any) error {
		if n, ok := Number(v); ok && !has(n) {
			return errors.New("another form")
		}
		return nil
	}
}

// Number reads a number of a JSON value. One of many digits, or with an exponent that makes it one, would take long, and nobody
// means it.
func Number(v any) (*big.Rat, bool) {
	switch v := v.(type) {
	case json.Number:
		if _, exponent, _ := strings.Cut(strings.ToLower(v.String()), "e"); len(v) > 400 || len(strings.TrimLeft(exponent, "+-0")) > 3 {
			return nil, false
		}
		return new(big.Rat).SetString(v.String())
	case float64:
		n := new(big.Rat).SetFloat64(v)
		return n, n != nil
	}
	return nil, false
}

func isInteger(bits uint) func(*big.Rat) bool {
	limit := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return func(n *big.Rat) bool {
		return n.IsInt() && n.Num().Cmp(limit) < 0 && n.Num().Cmp(new(big.Int).Neg(limit)) >= 0
	}
}

// isDateTime is stricter than Go's parser, which takes a comma for the fraction.
func isDateTime(s string) bool {
	_, err := time.Parse(time.RFC3339, strings.ToUpper(s))
	return err == nil && !strings.Contains(s, ",")
}

func isURI(s string) bool {
	u, err := url.Parse(s)
	inside := strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r) }) < 0
	return err == nil && inside && u.IsAbs() && (u.Host != "" || u.Scheme != "http" && u.Scheme != "https")
}

func isEmail(s string) bool {
	address, err := mail.ParseAddress(s)
	return err == nil && address.Address == s
}
