package accounts

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/nudgehq/nudge/internal/strictyaml"
)

// ErrShared means that a username belongs to two accounts.
var ErrShared = errors.New("accounts: two accounts have it, and it is taken as the first one's, by their SIDs")

// Watched is a directory of accounts that is told of each that changes. The zero Watched lets nobody in.
type Watched struct {
	mu sync.RWMutex
	// all is who is let in; of are the accounts' own sets.
	all Set
	of  map[string]Set
	// have are the accounts that have a username, by their SIDs.
	have map[string][]string
}

// Split gives the entries of a file of accounts, each by its account's SID: a file with this account alone, in JSON. Tokens and
// secrets are in it as their hashes.
func Split(data []byte) (map[string][]byte, error) {
	list, _, err := parse(data)
	if err != nil {
		return nil, err
	}
	entries := map[string][]byte{}
	for _, account := range list {
		for i, token := range account.Tokens {
			if account.Tokens[i], err = hashOf(token); err != nil {
				return nil, err
			}
		}
		for i, key := range account.Keys {
			if account.Keys[i].Secret, err = hashOf(key.Secret); err != nil {
				return nil, err
			}
		}
		if entries[account.SID], err = json.Marshal(map[string][]entry{"accounts": {account}}); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// hashOf is a token as its hash.
func hashOf(token string) (string, error) {
	d, err := digestOf(token)
	return hashed + hex.EncodeToString(d[:]), err
}

// Join makes a file of entries. Each is written on a line of its own.
func Join(entries [][]byte) ([]byte, error) { return strictyaml.Join("accounts", entries) }

// Set keeps an entry as Split made it, or removes the account where it is nil. One that is not valid changes nothing. A key of two
// accounts is an error too, and the rest of the account is kept.
func (w *Watched) Set(accountSID string, data []byte) error {
	var given Set
	if data != nil {
		list, set, err := parse(data)
		if err != nil {
			return err
		}
		if len(list) != 1 || list[0].SID != accountSID {
			return errors.New("accounts: it is not the one account of its key")
		}
		given = set
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of == nil {
		w.all.credentials, w.of, w.have = map[string]credential{}, map[string]Set{}, map[string][]string{}
	}
	before := w.of[accountSID]
	if w.of[accountSID] = given; data == nil {
		delete(w.of, accountSID)
	}
	var shared []string
	for username := range before.credentials {
		w.have[username] = slices.DeleteFunc(w.have[username], func(sid string) bool { return sid == accountSID })
		w.settle(username)
	}
	for username := range given.credentials {
		w.have[username] = append(w.have[username], accountSID)
		w.settle(username)
		if len(w.have[username]) > 1 {
			shared = append(shared, username)
		}
	}
	if len(shared) > 0 {
		slices.Sort(shared)
		return fmt.Errorf("%w: %s", ErrShared, strings.Join(shared, ", "))
	}
	return nil
}

// settle decides whose a username is: of several accounts that have it the first one's by their SIDs, so that all nodes decide alike,
// in whatever order they are told.
func (w *Watched) settle(username string) {
	if len(w.have[username]) == 0 {
		delete(w.have, username)
		delete(w.all.credentials, username)
		return
	}
	w.all.credentials[username] = w.of[slices.Min(w.have[username])].credentials[username]
}

// Authenticate tells whose the credentials are, as the accounts are now.
func (w *Watched) Authenticate(username, password string) (accountSID string, ok bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.all.Authenticate(username, password)
}

// Len is how many accounts there are.
func (w *Watched) Len() int {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return len(w.of)
}
