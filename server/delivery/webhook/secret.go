package webhook

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// secretFile is the secret's file in the data directory.
const secretFile = "webhook.secret"

// LoadSecret reads the secret of a server's data directory. The error wraps fs.ErrNotExist where there is none.
func LoadSecret(dir string) (string, error) {
	data, err := os.ReadFile(filepath.Join(dir, secretFile))
	if err != nil {
		return "", fmt.Errorf("webhook secret: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// LoadOrMakeSecret reads the secret of a data directory, and makes one where there is none.
func LoadOrMakeSecret(dir string) (string, error) {
	secret, err := LoadSecret(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	var random [32]byte
	// It never fails: crypto/rand ends the process instead.
	_, _ = rand.Read(random[:])
	secret = "whsec_" + base64.StdEncoding.EncodeToString(random[:])
	if err := os.WriteFile(filepath.Join(dir, secretFile), []byte(secret+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("webhook secret: %w", err)
	}
	return secret, nil
}
