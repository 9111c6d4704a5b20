// Package secretfile makes and reads files of secrets: one a line, the first in use, the others still accepted while they
// are being replaced. Blank lines, and lines that begin with #, are none.
package secretfile

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/nudgehq/nudge/internal/reload"
)

// Make writes a file with one secret, unless there is one: two processes that do it at once get the same. A crash leaves
// the whole file, or none. The directory is made where there is none.
func Make(path, secret string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	// Only its owner may read a file that CreateTemp makes.
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(secret + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	// Unlike a rename, a link fails where there is a file already.
	if err := os.Link(f.Name(), path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	}
	return syncDir(dir)
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Open makes a file with one secret where there is none, and gives what it holds as it is now: it is read again when it changes.
func Open[T any](path, secret string, log *slog.Logger, parse func(data []byte) (T, error)) (value func() T, err error) {
	if err := Make(path, secret); err != nil {
		return nil, err
	}
	file, err := reload.Open(path, log, parse)
	if err != nil {
		return nil, err
	}
	return file.Value, nil
}

// Read gives what a file holds. The error names the file, and wraps fs.ErrNotExist where there is none.
func Read[T any](path string, parse func(data []byte) (T, error)) (value T, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return value, err
	}
	if value, err = parse(data); err != nil {
		return value, fmt.Errorf("%s: %w", path, err)
	}
	return value, nil
}

// Parse gives the secrets of a file's content. Each must pass check, whose error must not hold the secret.
func Parse(data []byte, check func(secret string) error) ([]string, error) {
	var secrets []string
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		secret := strings.TrimSpace(line)
		if secret == "" || strings.HasPrefix(secret, "#") {
			continue
		}
		if err := check(secret); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		secrets = append(secrets, secret)
	}
	if len(secrets) == 0 {
		return nil, errors.New("it holds no secret")
	}
	return secrets, nil
}

// Exposed tells whether others than its owner may read a file.
func Exposed(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Perm()&0o077 != 0
}
