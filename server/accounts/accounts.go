package accounts

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// The account that a server without any accounts answers to, on the loopback interface only. The token is alphanumeric:
// the official Go SDK refuses others before it sends them.
const (
	DevelopmentSID   = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	DevelopmentToken = "dev0token"
)

var (
	accountSID = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)
	keySID     = regexp.MustCompile(`^SK[0-9a-fA-F]{32}$`)
)

// hashed marks a token that is stored as its SHA-256.
const hashed = "sha256:"

type digest [sha256.Size]byte

// credential is what a username may authenticate with, and as which account.
type credential struct {
	accountSID string
	digests    []digest
}

// Set is an unchanging set of credentials. The zero Set lets nobody in.
type Set struct {
	credentials map[string]credential
}

// Development is the Set of the development account.
func Development() Set {
	set, err := Parse(DevelopmentSID + ":" + DevelopmentToken)
	if err != nil {
		panic(err)
	}
	return set
}

// Parse makes a Set of texts in the form SID:TOKEN. The error never holds a token.
func Parse(texts ...string) (Set, error) {
	var set Set
	for _, text := range texts {
		sid, token, ok := strings.Cut(text, ":")
		switch {
		case !ok:
			return Set{}, errors.New("must be SID:TOKEN")
		case keySID.MatchString(sid):
			return Set{}, errors.New("an API key (SK…) needs to know its account: put it in an accounts file")
		case !accountSID.MatchString(sid):
			return Set{}, errors.New("the SID must be AC and 32 hexadecimal digits")
		}
		if err := set.add(sid, sid, token); err != nil {
			return Set{}, err
		}
	}
	return set, nil
}

// add lets username in with the token, plain or hashed, as the account.
func (s *Set) add(username, account, token string) error {
	d, err := digestOf(token)
	if err != nil {
		return fmt.Errorf("%s: %w", username, err)
	}
	if s.credentials == nil {
		s.credentials = map[string]credential{}
	}
	c := s.credentials[username]
	if c.accountSID != "" && c.accountSID != account {
		return fmt.Errorf("%s: it belongs to two accounts", username)
	}
	s.credentials[username] = credential{accountSID: account, digests: append(c.digests, d)}
	return nil
}

// digestOf reads a token, plain or hashed. A plain one must be such that a caller can send it.
func digestOf(token string) (digest, error) {
	text, isHash := strings.CutPrefix(token, hashed)
	switch {
	case token == "":
		return digest{}, errors.New("the token is empty")
	case !isHash && strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return digest{}, errors.New("the token has white space or other characters than visible ASCII in it")
	case !isHash && looksHashed.MatchString(token):
		return digest{}, fmt.Errorf("a hash must be %q and %d hexadecimal digits", hashed, 2*sha256.Size)
	case !isHash:
		return sha256.Sum256([]byte(token)), nil
	}
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != sha256.Size {
		return digest{}, fmt.Errorf("after %q there must be %d hexadecimal digits", hashed, 2*sha256.Size)
	}
	if digest(raw) == sha256.Sum256(nil) {
		return digest{}, errors.New("it is the hash of an empty token")
	}
	return digest(raw), nil
}

// looksHashed is what somebody writes who means a hash.
var looksHashed = regexp.MustCompile(`(?i)^(sha-?256[:=$].*|[0-9a-f]{64})$`)

// ShortToken is the length below which a plain token can be guessed by who tries many.
const ShortToken = 16

// HasShortToken tells whether one of the texts, in the form SID:TOKEN, has a plain token that can be guessed.
func HasShortToken(texts ...string) bool {
	for _, text := range texts {
		if _, token, _ := strings.Cut(text, ":"); len(token) < ShortToken {
			return true
		}
	}
	return false
}

// Authenticate tells whose the credentials are. An unknown username costs the same comparison as a wrong token.
func (s Set) Authenticate(username, password string) (accountSID string, ok bool) {
	given := sha256.Sum256([]byte(password))
	c, known := s.credentials[username]
	if !known {
		c.digests = []digest{{}}
	}
	match := 0
	for _, d := range c.digests {
		match |= subtle.ConstantTimeCompare(given[:], d[:])
	}
	if match == 0 || !known {
		return "", false
	}
	return c.accountSID, true
}

// An Authenticator maps credentials to an account. Set and File are ones.
type Authenticator interface {
	Authenticate(username, password string) (accountSID string, ok bool)
}

// Any tries several. It asks all of them, so that the time does not tell which one knew the credentials.
type Any []Authenticator

// Authenticate tells whose the credentials are.
func (a Any) Authenticate(username, password string) (accountSID string, ok bool) {
	for _, part := range a {
		if sid, found := part.Authenticate(username, password); found && !ok {
			accountSID, ok = sid, true
		}
	}
	return accountSID, ok
}
