// Package serialize writes and reads values of parameters and form fields as they stand on the wire: style and explode of OpenAPI, and
// JSON where a parameter has content.
package serialize

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Pair is a name with a value, neither of them escaped.
type Pair struct{ Name, Value string }

// Parameter writes a value of a parameter: in the query and in cookies as pairs, in the path and in headers as one pair with the
// parameter's name. ok is false for what the style cannot write: an empty list, null, or a list within a list.
func Parameter(p *openapi3.Parameter, value any) (pairs []Pair, ok bool) {
	if len(p.Content) > 0 {
		text, err := json.Marshal(value)
		return []Pair{{p.Name, string(text)}}, err == nil
	}
	style, explode := p.Style, Written{Parameter: p}.IsExploded()
	if style == "deepObject" && !isFlat(value) {
		// The specification says nothing of what is deeper.
		return nil, false
	}
	if p.In == "query" || p.In == "cookie" {
		return Pairs(p.Name, style, explode, value)
	}
	text, ok := one(p.Name, style, explode, value)
	return []Pair{{p.Name, text}}, ok
}

// isFlat tells whether a value is an object of scalars.
func isFlat(value any) bool {
	object, ok := value.(map[string]any)
	for _, field := range object {
		switch field.(type) {
		case []any, map[string]any:
			return false
		}
	}
	return ok
}

// Pairs writes a value of the query or of a form.
func Pairs(name, style string, explode bool, value any) (pairs []Pair, ok bool) {
	switch value := value.(type) {
	case []any:
		items, ok := scalars(value)
		if !ok || len(items) == 0 || style == "deepObject" {
			// How a list is written in that style, nothing says.
			return nil, false
		}
		if explode && style != "spaceDelimited" && style != "pipeDelimited" {
			for _, item := range items {
				pairs = append(pairs, Pair{name, item})
			}
			return pairs, true
		}
		separator := map[string]string{"spaceDelimited": " ", "pipeDelimited": "|"}[style]
		if separator == "" {
			separator = ","
		}
		return []Pair{{name, strings.Join(items, separator)}}, !slices.ContainsFunc(items, func(item string) bool { return strings.Contains(item, separator) })
	case map[string]any:
		if style == "deepObject" {
			return deep(name, value)
		}
		if len(value) == 0 {
			return nil, false
		}
		var flat []string
		for _, key := range slices.Sorted(maps.Keys(value)) {
			text, ok := scalar(value[key])
			if !ok {
				return nil, false
			}
			pairs = append(pairs, Pair{key, text})
			flat = append(flat, key, text)
		}
		if explode {
			return pairs, true
		}
		return []Pair{{name, strings.Join(flat, ",")}}, !slices.ContainsFunc(flat, func(item string) bool { return strings.Contains(item, ",") })
	}
	text, ok := scalar(value)
	return []Pair{{name, text}}, ok
}

// deep writes an object with its fields in brackets.
func deep(name string, value any) (pairs []Pair, ok bool) {
	add := func(key string, field any) bool {
		below, ok := deep(fmt.Sprintf("%s[%s]", name, key), field)
		pairs = append(pairs, below...)
		return ok
	}
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if !add(key, value[key]) {
				return nil, false
			}
		}
		return pairs, len(value) > 0
	case []any:
		// How a list stands below a deepObject, no specification says.
		return nil, false
	}
	text, ok := scalar(value)
	return []Pair{{name, text}}, ok
}

// one writes a value of the path or of a header.
func one(name, style string, explode bool, value any) (string, bool) {
	before, separator := "", ","
	switch style {
	case "label":
		before = "."
		if explode {
			separator = "."
		}
	case "matrix":
		before = ";" + name + "="
	}
	switch value := value.(type) {
	case []any:
		items, ok := scalars(value)
		if style == "matrix" && explode {
			return ";" + name + "=" + strings.Join(items, ";"+name+"="), ok && len(items) > 0
		}
		return before + strings.Join(items, separator), ok && len(items) > 0
	case map[string]any:
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(value)) {
			text, ok := scalar(value[key])
			if !ok {
				return "", false
			}
			if explode {
				parts = append(parts, key+"="+text)
			} else {
				parts = append(parts, key, text)
			}
		}
		if style == "matrix" && explode {
			return ";" + strings.Join(parts, ";"), len(parts) > 0
		}
		return before + strings.Join(parts, separator), len(parts) > 0
	}
	text, ok := scalar(value)
	return before + text, ok
}

func scalars(list []any) ([]string, bool) {
	texts := make([]string, len(list))
	for i, item := range list {
		var ok bool
		if texts[i], ok = scalar(item); !ok {
			return nil, false
		}
	}
	return texts, true
}

func scalar(value any) (string, bool) {
	switch value := value.(type) {
	case nil, []any, map[string]any:
		return "", false
	case string:
		return value, true
	case json.RawMessage:
		return string(value), true
	}
	text, err := json.Marshal(value)
	return string(text), err == nil
}

// Encode writes pairs as a query or a form does.
func Encode(pairs []Pair) string {
	texts := make([]string, len(pairs))
	for i, p := range pairs {
		texts[i] = url.QueryEscape(p.Name) + "=" + url.QueryEscape(p.Value)
	}
	return strings.Join(texts, "&")
}

// maxReadings is how many items of a list are read in all ways.
const maxReadings = 4

// Readings lists what a value may be read as where all scalars are texts: with each text that looks like a number or a boolean as
// one, each of these as a text, and each of them as a list of one item.
func Readings(value any) []any {
	list := []any{value}
	switch value := value.(type) {
	case []any:
		list = append(list, readingsOfItems(value)...)
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			for _, other := range Readings(value[key])[1:] {
				changed := maps.Clone(value)
				changed[key] = other
				list = append(list, changed)
			}
		}
	case string:
		switch {
		case value == "true" || value == "false":
			list = append(list, value == "true")
		case value != "" && (value[0] == '-' || value[0] >= '0' && value[0] <= '9') && json.Valid([]byte(value)):
			list = append(list, json.Number(value))
		}
	default:
		if text, ok := scalar(value); ok {
			list = append(list, text)
		}
	}
	switch value.(type) {
	case []any, map[string]any:
	default:
		// A list of one item stands on the wire as the item does.
		for _, one := range list {
			list = append(list, []any{one})
		}
	}
	return list
}

// readingsOfItems lists a list with another reading of one of its first items.
func readingsOfItems(value []any) (list []any) {
	for i, item := range value[:min(len(value), maxReadings)] {
		for _, other := range Readings(item)[1:] {
			changed := slices.Clone(value)
			changed[i] = other
			list = append(list, changed)
		}
	}
	return list
}

// Typed is a value with each text in it that looks like a number or a boolean as one.
func Typed(value any) any {
	switch value := value.(type) {
	case []any:
		list := make([]any, len(value))
		for i, item := range value {
			list[i] = Typed(item)
		}
		return list
	case map[string]any:
		object := map[string]any{}
		for name, field := range value {
			object[name] = Typed(field)
		}
		return object
	case string:
		if readings := Readings(value); len(readings) > 2 {
			return readings[1]
		}
	}
	return value
}
