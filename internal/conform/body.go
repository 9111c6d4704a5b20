package conform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
)

// body wants a JSON body to be one value that keeps its schema. Other media types are not looked into.
func (c *collector) body(media *openapi3.MediaType, body []byte) {
	if media.Schema == nil {
		return
	}
	if s := media.Schema.Value; s.Type.Is("string") && !json.Valid(body) {
		// Text, or bytes.
		return
	}
	value, err := parseJSON(body)
	if err != nil {
		c.add("body", "the body is not one JSON value: %v", err)
		return
	}
	c.value("", media.Schema.Value, value)
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
				return nil, fmt.Errorf("the field %q is there twice", cut(name))
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

const (
	// maxSchemaDepth bounds how deep a value is judged.
	maxSchemaDepth = 50
	// maxSteps bounds how many values and schemas are set against each other: alternatives within alternatives multiply.
	maxSteps = 100_000
)

// value wants a JSON value to keep a schema. It is stricter than a validator: fields that the schema does not name are
// undeclared unless it allows others, an integer is written as one, and a date exists.
func (c *collector) value(path string, s *openapi3.Schema, v any) {
	if *c.steps++; *c.steps > maxSteps || strings.Count(path, "/") > maxSchemaDepth {
		return
	}
	name := strings.TrimPrefix(strings.ReplaceAll(path, "/", "."), ".")
	if name == "" {
		name = "the body"
	}
	add := func(rule, format string, args ...any) {
		c.add("body#"+path+" "+rule, "%s %s", name, fmt.Sprintf(format, args...))
	}
	if v == nil {
		if !s.Nullable && !s.Type.Includes("null") && len(s.AllOf)+len(s.OneOf)+len(s.AnyOf) == 0 && !s.Type.IsEmpty() {
			add("type", "is null, and must be %s", strings.Join(s.Type.Slice(), " or "))
		}
		return
	}
	for _, part := range s.AllOf {
		c.part(path, part.Value, v)
	}
	c.choices(path, name, s, v)
	if kinds := s.Type.Slice(); len(kinds) > 0 && !slices.ContainsFunc(kinds, func(kind string) bool { return isType(kind, v) }) {
		add("type", "is %s, and must be %s", describe(v), strings.Join(kinds, " or "))
		return
	}
	if len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, func(allowed any) bool { return wire(allowed) == wire(v) }) {
		add("enum", "is %s, which is not listed", describe(v))
	}
	switch value := v.(type) {
	case string:
		c.text(s, value, add)
	case json.Number:
		c.number(s, value, add)
	case []any:
		if uint64(len(value)) < s.MinItems || s.MaxItems != nil && uint64(len(value)) > *s.MaxItems {
			add("items", "has %d items", len(value))
		}
		if s.Items != nil {
			for i, item := range value {
				c.value(fmt.Sprintf("%s/%d", path, i), s.Items.Value, item)
			}
		}
	case *object:
		c.fields(path, name, s, value)
	}
}

// part judges one part of an allOf: what the other parts name is not undeclared.
func (c *collector) part(path string, part *openapi3.Schema, v any) {
	open := *part
	if open.AdditionalProperties.Has == nil && open.AdditionalProperties.Schema == nil {
		open.AdditionalProperties.Has = new(true)
	}
	c.value(path, &open, v)
}

func (c *collector) choices(path, name string, s *openapi3.Schema, v any) {
	for rule, refs := range map[string]openapi3.SchemaRefs{"oneOf": s.OneOf, "anyOf": s.AnyOf} {
		if len(refs) == 0 {
			continue
		}
		fits := 0
		for _, ref := range refs {
			trial := &collector{place: c.place, steps: c.steps}
			trial.value(path, ref.Value, v)
			if len(trial.found) == 0 {
				fits++
			}
		}
		if *c.steps <= maxSteps && (fits == 0 || rule == "oneOf" && fits > 1) {
			c.add("body#"+path+" "+rule, "%s fits %d of %d alternatives", name, fits, len(refs))
		}
	}
}

// fields wants the required fields, and no undeclared ones.
func (c *collector) fields(path, name string, s *openapi3.Schema, o *object) {
	for _, required := range s.Required {
		if _, ok := o.values[required]; !ok {
			c.add("body#"+path+" required", "the field %s is missing", required)
		}
	}
	declared := map[string]*openapi3.Schema{}
	gather(s, declared, 0)
	allowsOthers := s.AdditionalProperties.Has != nil && *s.AdditionalProperties.Has || s.AdditionalProperties.Schema != nil || len(s.OneOf)+len(s.AnyOf) > 0 || s.Type.IsEmpty() && len(declared) == 0
	for _, key := range o.keys {
		property, ok := declared[key]
		switch {
		case ok && s.Properties[key] != nil:
			c.value(path+"/"+key, property, o.values[key])
		case ok:
			// Judged with the part that names it.
		case s.AdditionalProperties.Schema != nil:
			c.value(path+"/"+key, s.AdditionalProperties.Schema.Value, o.values[key])
		case !allowsOthers:
			c.add("body#"+path+" properties", "%s has the field %q, which is not declared", name, cut(key))
		}
	}
}

// gather collects the properties of a schema and of its parts.
func gather(s *openapi3.Schema, into map[string]*openapi3.Schema, depth int) {
	if depth > maxSchemaDepth {
		return
	}
	for name, property := range s.Properties {
		into[name] = property.Value
	}
	for _, part := range s.AllOf {
		gather(part.Value, into, depth+1)
	}
}

func (c *collector) text(s *openapi3.Schema, value string, add func(rule, format string, args ...any)) {
	n := uint64(utf8.RuneCountInString(value))
	if n < s.MinLength || s.MaxLength != nil && n > *s.MaxLength {
		add("length", "is %d characters long: %q", n, cut(value))
	}
	if s.Pattern != "" {
		if pattern := compiled(s.Pattern); pattern != nil && !pattern.MatchString(value) {
			add("pattern", "is %q, which does not match %s", cut(value), s.Pattern)
		}
	}
	if !hasFormat(s.Format, value) {
		add("format", "is %q, which is no %s", cut(value), s.Format)
	}
}

// patterns are those that were compiled, by their text.
var patterns sync.Map

// compiled is a pattern of a document; nil if RE2 cannot compile it.
func compiled(text string) *regexp.Regexp {
	if known, ok := patterns.Load(text); ok {
		pattern, _ := known.(*regexp.Regexp)
		return pattern
	}
	pattern, err := regexp.Compile(text)
	if err != nil {
		pattern = nil
	}
	patterns.Store(text, pattern)
	return pattern
}

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$`)

// hasFormat tells whether a text has a format; those that are not known are not judged.
func hasFormat(format, value string) bool {
	switch format {
	case "date-time":
		// Go's parser takes a comma for the fraction, which RFC 3339 does not.
		_, err := time.Parse(time.RFC3339, value)
		return err == nil && !strings.Contains(value, ",")
	case "date":
		_, err := time.Parse(time.DateOnly, value)
		return err == nil
	case "uri":
		u, err := url.Parse(value)
		inside := strings.IndexFunc(value, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r) }) < 0
		return err == nil && inside && u.IsAbs() && (u.Host != "" || u.Scheme != "http" && u.Scheme != "https")
	case "uuid":
		return uuid.MatchString(value)
	}
	return true
}

func (c *collector) number(s *openapi3.Schema, value json.Number, add func(rule, format string, args ...any)) {
	n, ok := rational(value.String())
	if !ok {
		add("type", "is the number %s, which nothing can read", cut(value.String()))
		return
	}
	if s.Type.Is("integer") {
		bits := 64
		if s.Format == "int32" {
			bits = 32
		}
		if _, err := strconv.ParseInt(value.String(), 10, bits); err != nil {
			add("type", "is %s, which no integer of %d bits holds", cut(value.String()), bits)
		}
	}
	against := func(bound *float64, exclusive bool, side int, word string) {
		if bound == nil {
			return
		}
		if limit := new(big.Rat).SetFloat64(*bound); limit != nil && (n.Cmp(limit) == side || exclusive && n.Cmp(limit) == 0) {
			add(word, "is %s, and its %s is %s", cut(value.String()), word, wire(*bound))
		}
	}
	against(s.Min, s.ExclusiveMin.IsTrue(), -1, "minimum")
	against(s.Max, s.ExclusiveMax.IsTrue(), 1, "maximum")
}

// rational reads a number. One of many digits, or with an exponent that makes it one, would take long, and nobody means it.
func rational(text string) (*big.Rat, bool) {
	if _, exponent, _ := strings.Cut(strings.ToLower(text), "e"); len(text) > 400 || len(strings.TrimLeft(exponent, "+-0")) > 3 {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

var writtenAsInteger = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

func isType(kind string, v any) bool {
	switch value := v.(type) {
	case string:
		return kind == "string"
	case bool:
		return kind == "boolean"
	case json.Number:
		return kind == "number" || kind == "integer" && writtenAsInteger.MatchString(value.String())
	case []any:
		return kind == "array"
	case *object:
		return kind == "object"
	}
	return false
}

func describe(v any) string {
	switch value := v.(type) {
	case string:
		return fmt.Sprintf("the string %q", cut(value))
	case []any:
		return "a list"
	case *object:
		return "an object"
	default:
		return cut(fmt.Sprint(value))
	}
}

// wire writes a scalar as it stands on the wire.
func wire(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}
