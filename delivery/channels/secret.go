package channels

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/nudgehq/nudge/internal/reload"
)

// maxSecret bounds a file of secrets, in bytes.
const maxSecret = 64 << 10

// secret is a file that a channel's secret was read from.
type secret struct {
	file *reload.File[[]byte]
	// known is what it held when it was last looked at.
	known atomic.Pointer[reload.Sum]
}

// hasChanged tells whether it holds something else than at the last look: once for each change.
func (s *secret) hasChanged() bool {
	sum := s.file.Sum()
	return *s.known.Swap(&sum) != sum
}

// read gives a secret of a field: from the file that field_file names, beside the channels' file unless its path is absolute, or
// from the variable that field_env names. The error begins with the field's name, and holds nothing of the secret.
func (f *File) read(field, file, env string, s *set) ([]byte, error) {
	switch {
	case file != "" && env != "":
		return nil, fmt.Errorf("%s_file: it goes without %s_env", field, field)
	case env != "":
		value, set := f.options.Getenv(env)
		if !set || strings.TrimSpace(value) == "" {
			return nil, fmt.Errorf("%s_env: the variable %.60q is not set, or empty", field, env)
		}
		return []byte(value), nil
	case file == "":
		return nil, fmt.Errorf("%s_file: is missing; %s_env names a variable instead", field, field)
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(f.dir, file)
	}
	if info, err := os.Stat(file); err == nil && info.Size() > maxSecret {
		return nil, fmt.Errorf("%s_file: %s has more than %d bytes", field, file, maxSecret)
	}
	opened, err := reload.Open(file, f.options.Logger, func(data []byte) ([]byte, error) {
		if len(data) == 0 {
			return nil, errors.New("it is empty")
		}
		return data, nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s_file: %w", field, err)
	}
	one, sum := &secret{file: opened}, opened.Sum()
	one.known.Store(&sum)
	s.secrets = append(s.secrets, one)
	return opened.Value(), nil
}

// fingerprint tells apart what channels and signers are made of.
type fingerprint [sha256.Size]byte

func fingerprintOf(parts ...[]byte) fingerprint {
	sum := sha256.New()
	for _, part := range parts {
		one := sha256.Sum256(part)
		_, _ = sum.Write(one[:])
	}
	return fingerprint(sum.Sum(nil))
}
