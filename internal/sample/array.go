package sample

import (
	"encoding/json"
	"maps"
	"math/big"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/nudgehq/nudge/internal/schema"
)

func (m *maker) array(v *view, depth int) (any, bool) {
	array := []any{}
	n := max(v.leastItems, min(len(v.first), 1000))
	if n == 0 && (len(v.items) > 0 && v.mostItems != 0) && m.mayAdd(v.items, depth) {
		n = 1
	}
	add := func(schemas []*jsonschema.Schema) bool {
		item, ok := m.value(schemas, depth+1)
		if v.unique && ok {
			item, ok = distinct(schemas, array, item)
		}
		if ok {
			array = append(array, item)
		}
		return ok
	}
	for i := range min(len(v.first), n) {
		if !add(v.first[i]) {
			if i < v.leastItems || len(v.contains) > 0 {
				return nil, false
			}
			return array, true
		}
	}
	for _, contained := range v.contains {
		for range min(v.leastContained, maxItems) {
			if !add(append(slices.Clone(v.items), contained)) {
				break
			}
		}
	}
	for len(array) < min(n, maxItems+1) {
		if !add(v.items) {
			return array, len(array) >= v.leastItems
		}
	}
	return array, true
}

// distinct is an item that the array has not.
func distinct(schemas []*jsonschema.Schema, array []any, item any) (any, bool) {
	same := func(a, b any) bool {
		x, _ := json.Marshal(a)
		y, _ := json.Marshal(b)
		return string(x) == string(y)
	}
	for n := range attempts {
		if !slices.ContainsFunc(array, func(other any) bool { return same(other, item) }) && allow(schemas, item) {
			return item, true
		}
		switch value := item.(type) {
		case string:
			item = value + string(rune('a'+n%26))
		case json.Number:
			if r, ok := schema.Number(value); ok {
				step := big.NewRat(1, 1)
				if v := look(schemas, func(int) int { return 0 }); len(v.multiples) > 0 {
					step = v.multiples[0]
				}
				item = Number(new(big.Rat).Add(r, step))
			}
		case bool:
			item = !value
		case map[string]any:
			item = varied(schemas, value, n)
			continue
		}
		if v := look(schemas, func(int) int { return 0 }); n < len(v.choices) {
			item = v.choices[n]
		} else if texts := v.texts(n); len(texts) > 0 {
			item = texts[n%len(texts)]
		}
	}
	return nil, false
}

// varied is an object with another value in one of its fields.
func varied(schemas []*jsonschema.Schema, object map[string]any, n int) any {
	other := maps.Clone(object)
	names := slices.Sorted(maps.Keys(object))
	if len(names) == 0 {
		return other
	}
	name := names[n%len(names)]
	if value, ok := distinct(look(schemas, func(int) int { return 0 }).field(name), []any{object[name]}, object[name]); ok {
		other[name] = value
	}
	return other
}
