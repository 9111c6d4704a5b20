// Package strictyaml reads the YAML files that operators write: one document, nothing unknown in it, not empty.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

var lineNumber = regexp.MustCompile(`line \d+`)

// Decode reads data into v. The error tells the lines and nothing of what stands there: it may be a secret, and the
// library repeats values, names and anchors.
func Decode(data []byte, v any) error {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	err := decoder.Decode(v)
	if errors.Is(err, io.EOF) {
		return errors.New("it is empty")
	}
	if err != nil {
		if lines := lineNumber.FindAllString(err.Error(), -1); len(lines) > 0 {
			return fmt.Errorf("%s: not YAML, or an unknown field, or a value of the wrong type", strings.Join(lines, ", "))
		}
		return errors.New("it is not YAML, or refers to an anchor that it does not have")
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return errors.New("it has more than one YAML document")
	}
	return nil
}
