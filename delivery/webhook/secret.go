package webhook

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/nudgehq/nudge/internal/secretfile"
)

// SecretFile is the secrets' file in the data directory.
const SecretFile = "webhook.secret"

// secretPrefix begins every secret.
const secretPrefix = "whsec_"

// Secrets sign and verify webhooks. Each of several signs: while one replaces another, receivers know either.
type Secrets []*standardwebhooks.Webhook

// ParseSecrets reads secrets: whsec_ and 24 to 64 bytes in base64. The error does not hold them.
func ParseSecrets(texts ...string) (Secrets, error) {
	var secrets Secrets
	for _, text := range texts {
		if err := checkSecret(text); err != nil {
			return nil, fmt.Errorf("webhook secret: %w", err)
		}
		signer, err := standardwebhooks.NewWebhook(text)
		if err != nil {
			return nil, errNoSecret
		}
		secrets = append(secrets, signer)
	}
	if len(secrets) == 0 {
		return nil, fmt.Errorf("webhook secret: %w", errNoSecret)
	}
	return secrets, nil
}

var errNoSecret = errors.New("must be whsec_ and 24 to 64 bytes in base64")

// checkSecret is stricter than the library, which takes a secret of no bytes.
func checkSecret(text string) error {
	encoded, ok := strings.CutPrefix(text, secretPrefix)
	if !ok {
		return errNoSecret
	}
	if raw, err := base64.StdEncoding.DecodeString(encoded); err != nil || len(raw) < 24 || len(raw) > 64 {
		return errNoSecret
	}
	return nil
}

// LoadSecrets reads the secrets of a server's data directory. The error wraps fs.ErrNotExist where there are none.
func LoadSecrets(dir string) (Secrets, error) {
	secrets, err := secretfile.Read(filepath.Join(dir, SecretFile), parseSecretFile)
	if err != nil {
		return nil, fmt.Errorf("webhook secret: %w", err)
	}
	return secrets, nil
}

// OpenSecrets gives the secrets of a data directory as they are now. Where there is no file it is made.
func OpenSecrets(dir string, log *slog.Logger) (secrets func() Secrets, err error) {
	var random [32]byte
	// It never fails: crypto/rand ends the process instead.
	_, _ = rand.Read(random[:])
	secret := secretPrefix + base64.StdEncoding.EncodeToString(random[:])
	if secrets, err = secretfile.Open(filepath.Join(dir, SecretFile), secret, log, parseSecretFile); err != nil {
		return nil, fmt.Errorf("webhook secret: %w", err)
	}
	return secrets, nil
}

// FixedSecrets are secrets that do not change.
func FixedSecrets(secrets Secrets) func() Secrets { return func() Secrets { return secrets } }

func parseSecretFile(data []byte) (Secrets, error) {
	texts, err := secretfile.Parse(data, checkSecret)
	if err != nil {
		return nil, err
	}
	return ParseSecrets(texts...)
}

// sign gives the signatures of a body, as Standard Webhooks lists several.
func (s Secrets) sign(id string, at time.Time, body []byte) (string, error) {
	var list []string
	for _, signer := range s {
		signature, err := signer.Sign(id, at, body)
		if err != nil {
			return "", err
		}
		list = append(list, signature)
	}
	return strings.Join(list, " "), nil
}
