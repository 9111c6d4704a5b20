package channels

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/nudgehq/nudge/internal/reload"
)

// maxSecret bounds a file of secrets or authorities, in bytes: a system's bundle has some 250,000.
const maxSecret = 1 << 20

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

// variable is what a variable of the environment may be called.
var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// read gives a secret of a field: from the file that field_file names, beside the channels' file unless its path is absolute, or
// from the variable that field_env names. The error begins with the field's name. It holds neither the secret nor the name that was
// given: that may be the secret, in the wrong place.
func (f *File) read(field, file, env string, s *set) ([]byte, error) {
	switch {
	case file != "" && env != "":
		return nil, fmt.Errorf("%s_file: it and %s_env exclude each other", field, field)
	case env != "" && !variable.MatchString(env):
		return nil, fmt.Errorf("%s_env: must be the name of a variable", field)
	case env != "":
		value, set := f.options.Getenv(env)
		if !set || strings.TrimSpace(value) == "" {
			return nil, fmt.Errorf("%s_env: the variable is not set, or empty", field)
		}
		return []byte(value), nil
	case file == "":
		return nil, fmt.Errorf("%s_file: is missing; %s_env names a variable instead", field, field)
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(f.dir, file)
	}
	info, err := os.Stat(file)
	switch {
	case err != nil:
		f.missing = file
		return nil, fmt.Errorf("%s_file: it is not there, or not to be looked at, beside the channels' file", field)
	case info.IsDir() || info.Size() > maxSecret:
		return nil, fmt.Errorf("%s_file: it is a directory, or has more than %d bytes", field, maxSecret)
	}
	opened, err := reload.Open(file, slog.New(slog.DiscardHandler), func(data []byte) ([]byte, error) { return data, nil })
	if err != nil {
		f.missing = file
		return nil, fmt.Errorf("%s_file: it cannot be read", field)
	}
	if len(opened.Value()) == 0 {
		f.missing = file
		return nil, fmt.Errorf("%s_file: it is empty", field)
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
