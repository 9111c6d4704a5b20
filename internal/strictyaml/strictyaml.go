// Package strictyaml reads the YAML files that operators write: one document, nothing unknown in it, not empty.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

var (
	lineNumber   = regexp.MustCompile(`line \d+`)
	unknownField = regexp.MustCompile(`^(line \d+): field .* not found in type (\S+)$`)
	fieldTwice   = regexp.MustCompile(`^(line \d+): mapping key .* already defined at (line \d+)$`)
	wrongType    = regexp.MustCompile(`^(line \d+): cannot unmarshal `)
)

// explain says what the library's error means, without what it repeats of the file.
func explain(err error, of reflect.Type) error {
	var all []string
	if several, ok := errors.AsType[*yaml.TypeError](err); ok {
		for _, text := range several.Errors {
			switch {
			case unknownField.MatchString(text):
				parts := unknownField.FindStringSubmatch(text)
				all = append(all, fmt.Sprintf("%s: a field that is not known here%s", parts[1], among(fieldsOf(of, parts[2]))))
			case fieldTwice.MatchString(text):
				parts := fieldTwice.FindStringSubmatch(text)
				all = append(all, fmt.Sprintf("%s: a field that stands at %s too", parts[1], parts[2]))
			case wrongType.MatchString(text):
				all = append(all, wrongType.FindStringSubmatch(text)[1]+": a value of another type than is wanted")
			}
		}
	}
	if len(all) > 0 {
		return errors.New(strings.Join(all, "; "))
	}
	if lines := lineNumber.FindAllString(err.Error(), -1); len(lines) > 0 {
		return fmt.Errorf("%s: it is not YAML", strings.Join(lines, ", "))
	}
	return errors.New("it is not YAML, or refers to an anchor that it does not have")
}

func among(fields []string) string {
	if len(fields) == 0 {
		return ""
	}
	return "; there are " + strings.Join(fields, ", ")
}

// fieldsOf names the fields of a type that stands in another.
func fieldsOf(t reflect.Type, name string) (fields []string) {
	seen := map[reflect.Type]bool{}
	var find func(t reflect.Type)
	find = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || seen[t] || fields != nil {
			return
		}
		seen[t] = true
		for f := range t.Fields() {
			if t.String() == name {
				if tag, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); tag != "" {
					fields = append(fields, tag)
				}
				continue
			}
			find(f.Type)
		}
	}
	find(t)
	return fields
}

// ErrEmpty is that of a file that says nothing, or comments alone.
var ErrEmpty = errors.New("it is empty")

// Decode reads data into v. The error tells the lines and nothing of what stands there: it may be a secret, and the
// library repeats values, names and anchors.
func Decode(data []byte, v any) error {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	err := decoder.Decode(v)
	if errors.Is(err, io.EOF) {
		return ErrEmpty
	}
	if err != nil {
		return explain(err, reflect.TypeOf(v))
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return errors.New("it has more than one YAML document")
	}
	return nil
}
