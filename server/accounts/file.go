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

// Refresh reads the file again, whether it looks changed or not.
func (f *File) Refresh() { f.file.Refresh() }

func parseFile(data []byte) (Set, error) {
	var content struct {
		Accounts []struct {
			SID    string   `yaml:"sid"`
			Tokens []string `yaml:"tokens"`
			Keys   []struct {
				SID    string `yaml:"sid"`
				Secret string `yaml:"secret"`
			} `yaml:"keys"`
		} `yaml:"accounts"`
	}
	if err := strictyaml.Decode(data, &content); err != nil {
		return Set{}, err
	}
	if len(content.Accounts) == 0 {
		return Set{}, errors.New("accounts: must list at least one account")
	}
	var set Set
	listed := map[string]bool{}
	for i, account := range content.Accounts {
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
