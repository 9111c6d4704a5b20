package conform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/schema"
)

// body wants a JSON body to be one value that keeps its schema, and a text too. Other media types are not looked into.
func (c *collector) body(media *openapi3.MediaType, body []byte, mediaType string) {
	isJSON, isText := openapi.IsJSON(mediaType), strings.HasPrefix(openapi.MediaType(mediaType), "text/plain")
	if !isJSON {
		if media.Schema != nil && isText {
			c.text(media.Schema.Value, string(body))
		}
		return
	}
	value, err := parseJSON(body)
	if err != nil {
		c.add(Body, "body", "the body is not one JSON value: %v", err)
		return
	}
	if media.Schema == nil {
		return
	}
	s := media.Schema.Value
	c.value(s, plain(value))
	if c.document.Strict {
		c.strictly("", s, value)
	}
}

// object is a JSON object, whose keys are kept in order.
type object struct {
	keys   []string
	values map[string]any
}

var errTrailing = errors.New("something follows the value")

// parseJSON reads one value and nothing else. A key that is there twice is an error: readers disagree about its value.
// Numbers stay as they are written.
func parseJSON(data []byte) (any, error) {
	if len(data) == 0 {
		return nil, errors.New("it is empty")
	}
	if !utf8.Valid(data) {
		return nil, errors.New("it is not UTF-8")
	}
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		return nil, errors.New("it begins with a byte order mark (BOM)")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	value, err := readValue(decoder, 0)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return nil, fmt.Errorf("it is not JSON: %w", syntax)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("it is cut off")
	case err != nil:
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errTrailing
	}
	return value, nil
}

func readValue(decoder *json.Decoder, depth int) (any, error) {
	if depth > 100 {
		return nil, errors.New("it is nested too deep")
	}
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		o := &object{values: map[string]any{}}
		for decoder.More() {
			key, err := decoder.Token()
			if err != nil {
				return nil, err
			}
			name, ok := key.(string)
			if !ok {
				return nil, errors.New("a key is no string")
			}
			if _, twice := o.values[name]; twice {
				return nil, fmt.Errorf("the field %q is there twice", schema.Cut(name))
			}
			if o.values[name], err = readValue(decoder, depth+1); err != nil {
				return nil, err
			}
			o.keys = append(o.keys, name)
		}
		_, err := decoder.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for decoder.More() {
			item, err := readValue(decoder, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err := decoder.Token()
		return list, err
	}
	return token, nil
}

// wire writes a scalar as it stands on the wire.
func wire(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}
