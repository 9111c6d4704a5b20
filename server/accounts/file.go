package accounts

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/nudgehq/nudge/internal/reload"
	"github.com/nudgehq/nudge/internal/strictyaml"
)

// File is a file of accounts.
type File struct {
	file *reload.File[Set]
}

// OpenFile reads a file of accounts. The error names the file and never holds a token.
func OpenFile(path string, log *slog.Logger) (*File, error) {
	file, err := reload.Open(path, log, parseFile)
	if err != nil {
		return nil, fmt.Errorf("accounts file: %w", err)
	}
	return &File{file}, nil
}

// Authenticate tells whose the credentials are, by the file as it is now.
func (f *File) Authenticate(username, password string) (accountSID string, ok bool) {
	return f.file.Value().Authenticate(username, password)
}

// Sum tells one content of the file that is in force from another.
func (f *File) Sum() [32]byte { return f.file.Sum() }

// Refresh reads the file again, whether it looks changed or not.
func (f *File) Refresh() { f.file.Refresh() }

// entry is one account as the file has it.
type entry struct {
	SID    string   `yaml:"sid" json:"sid"`
	Tokens []string `yaml:"tokens" json:"tokens,omitempty"`
	Keys   []key    `yaml:"keys" json:"keys,omitempty"`
}

// key is an API key.
type key struct {
	SID    string `yaml:"sid" json:"sid"`
	Secret string `yaml:"secret" json:"secret"`
}

func parseFile(data []byte) (Set, error) {
	_, set, err := parse(data)
	return set, err
}

// parse gives the entries of a file, and what they let in.
func parse(data []byte) ([]entry, Set, error) {
	var content struct {
		Accounts []entry `yaml:"accounts"`
	}
	if err := strictyaml.Decode(data, &content); err != nil {
		return nil, Set{}, err
	}
	if len(content.Accounts) == 0 {
		return nil, Set{}, errors.New("accounts: must list at least one account")
	}
	set, err := setOf(content.Accounts)
	return content.Accounts, set, err
}

func setOf(entries []entry) (Set, error) {
	var set Set
	listed := map[string]bool{}
	for i, account := range entries {
		if !accountSID.MatchString(account.SID) {
			return Set{}, fmt.Errorf("accounts[%d].sid: must be AC and 32 hexadecimal digits", i)
		}
		if listed[account.SID] {
			return Set{}, fmt.Errorf("accounts[%d].sid: %s is listed twice", i, account.SID)
		}
		listed[account.SID] = true
		if len(account.Tokens)+len(account.Keys) == 0 {
			return Set{}, fmt.Errorf("accounts[%d]: has neither tokens nor keys", i)
		}
		for j, token := range account.Tokens {
			if err := set.add(account.SID, account.SID, token); err != nil {
				return Set{}, fmt.Errorf("accounts[%d].tokens[%d]: %w", i, j, err)
			}
		}
		for j, key := range account.Keys {
			if !keySID.MatchString(key.SID) {
				return Set{}, fmt.Errorf("accounts[%d].keys[%d].sid: must be SK and 32 hexadecimal digits", i, j)
			}
			if err := set.add(key.SID, account.SID, key.Secret); err != nil {
				return Set{}, fmt.Errorf("accounts[%d].keys[%d].secret: %w", i, j, err)
			}
		}
	}
	return set, nil
}
