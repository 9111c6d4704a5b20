package sample

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/nudgehq/nudge/internal/schema"
)

// Case is a value to try.
type Case struct {
	// Place is where it differs from the value that it was made of, as people write it: "name", "tags[0]"; empty is the whole.
	Place string
	// What says what is there: "301, one above its maximum".
	What string
	// Keyword is the one that it is about.
	Keyword string
	// Value is the whole value, Valid what the schema says of it.
	Value any
	Valid bool
}

// maxCases bounds the cases of one schema: alternatives within alternatives multiply.
const maxCases = 400

// Cases lists values at and just beyond the edge of each keyword, at every place of a valid value.
func Cases(s *schema.Schema, base any) []Case {
	c := &cases{schema: s, seen: map[string]bool{}}
	c.seen[key(base)] = true
	c.alternatives(base)
	c.at("", []*jsonschema.Schema{s.Schema}, base, func(v any) any { return v }, 0)
	return c.list
}

type cases struct {
	schema *schema.Schema
	list   []Case
	seen   map[string]bool
}

func key(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

func (c *cases) add(place, what, keyword string, value any) {
	if len(c.list) >= maxCases || c.seen[key(value)] {
		return
	}
	c.seen[key(value)] = true
	problems := c.schema.Check(value)
	if len(problems) > 0 && !slices.ContainsFunc(problems, isAsserted) {
		// Validators disagree about it.
		return
	}
	c.list = append(c.list, Case{place, what, keyword, value, len(problems) == 0})
}

// alternatives are valid values that choose otherwise than the base.
func (c *cases) alternatives(base any) {
	for seed := range attempts {
		for _, all := range []bool{false, true} {
			m := &maker{seed: seed, all: all}
			if value, ok := m.value([]*jsonschema.Schema{c.schema.Schema}, 0); ok && key(value) != key(base) && c.schema.Valid(value) {
				c.add("", fmt.Sprintf("%s, another alternative", describe(value)), "oneOf", value)
			}
		}
		if len(c.list) > 8 {
			return
		}
	}
}

// at tries the keywords of one place; with gives the whole value with another one there.
func (c *cases) at(place string, schemas []*jsonschema.Schema, value any, with func(any) any, depth int) {
	if depth > maxOptional || len(c.list) >= maxCases {
		return
	}
	// Of alternatives the first that the value keeps.
	v := look(schemas, func(int) int { return 0 })
	for seed := range attempts {
		other := look(schemas, (&maker{seed: seed}).choose)
		if other.fits(value) {
			v = other
			break
		}
	}
	add := func(what, keyword string, value any) { c.add(place, what, keyword, with(value)) }
	types(value, add)
	for i, choice := range v.choices {
		if i < 50 {
			add(describe(choice)+", which is listed", "enum", choice)
		}
		if text, ok := choice.(string); ok && i == 0 {
			add(fmt.Sprintf("%q, which is not listed", text+"x"), "enum", text+"x")
			add(fmt.Sprintf("%q, in other letters than listed", SwapCase(text)), "enum", SwapCase(text))
		}
		if n, ok := schema.Number(choice); ok && i == 0 {
			add("a number that is not listed", "enum", Number(new(big.Rat).Add(n, big.NewRat(1000, 1))))
		}
	}
	for _, forbidden := range v.not {
		for seed := range 4 {
			m := &maker{seed: seed, all: seed%2 == 1}
			if other, ok := m.value([]*jsonschema.Schema{forbidden}, 0); ok {
				add(describe(other)+", which it must not be", "not", other)
			}
		}
	}
	switch value := value.(type) {
	case map[string]any:
		c.object(place, v, value, with, depth)
	case []any:
		c.array(place, v, value, with, depth)
	case string:
		texts(v, value, add)
	case json.Number, float64:
		if n, ok := schema.Number(value); ok {
			numbers(v, n, add)
		}
	}
}

// fits tells whether the view is of the alternatives that the value keeps.
func (v *view) fits(value any) bool {
	kinds := map[string]bool{}
	switch value := value.(type) {
	case map[string]any:
		for _, name := range v.required {
			if _, there := value[name]; !there {
				return false
			}
		}
		for name, field := range value {
			if v.properties[name] != nil && !allow(v.properties[name], field) {
				return false
			}
		}
		kinds["object"] = true
	case []any:
		kinds["array"] = true
	case string:
		kinds["string"] = true
	case bool:
		kinds["boolean"] = true
	case nil:
		kinds["null"] = true
	default:
		kinds["number"], kinds["integer"] = true, true
	}
	return v.types == nil || slices.ContainsFunc(v.types, func(t string) bool { return kinds[t] })
}

func (c *cases) object(place string, v *view, object map[string]any, with func(any) any, depth int) {
	changed := func(change func(map[string]any)) any {
		other := maps.Clone(object)
		change(other)
		return with(other)
	}
	names := slices.Sorted(maps.Keys(object))
	for _, name := range names {
		keyword := "properties"
		if slices.Contains(v.required, name) {
			keyword = "required"
		}
		c.add(below(place, name), "left out", keyword, changed(func(o map[string]any) { delete(o, name) }))
	}
	c.add(place, "with an unknown field", "additionalProperties", changed(func(o map[string]any) { o["unknownField"] = json.Number("1") }))
	c.add(place, "with an unknown field that is a list", "additionalProperties", changed(func(o map[string]any) { o["unknownField"] = []any{} }))
	c.add(place, "with a text in an unknown field", "additionalProperties", changed(func(o map[string]any) { o["unknownField"] = "abc" }))
	c.add(place, "with an unknown field of another name", "propertyNames", changed(func(o map[string]any) { o["Unknown Field!"] = "abc" }))
	if v.mostFields >= 0 || v.leastFields > 0 {
		c.counts(place, v, object, with)
	}
	for pattern, s := range v.patterned {
		for i, name := range matching(pattern.String(), 1) {
			if value, ok := (&maker{}).value([]*jsonschema.Schema{s}, 0); ok && i == 0 {
				c.at(below(place, name), []*jsonschema.Schema{s}, value, func(value any) any { return changed(func(o map[string]any) { o[name] = value }) }, depth+1)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.properties)) {
		schemas := v.field(name)
		if look(schemas, func(int) int { return 0 }).readOnly {
			continue
		}
		value, there := object[name]
		if !there {
			var ok bool
			if value, ok = (&maker{examples: true}).value(schemas, depth); !ok {
				continue
			}
			c.add(below(place, name), describe(value)+", which is optional", "properties", changed(func(o map[string]any) { o[name] = value }))
		}
		c.at(below(place, name), schemas, value, func(value any) any { return changed(func(o map[string]any) { o[name] = value }) }, depth+1)
	}
	// Fields that only additionalProperties speaks of.
	for _, name := range names {
		if v.properties[name] == nil && len(v.others) > 0 {
			c.at(below(place, name), v.others, object[name], func(value any) any { return changed(func(o map[string]any) { o[name] = value }) }, depth+1)
		}
	}
}

// counts tries as many fields as there may be, and one more or less.
func (c *cases) counts(place string, v *view, object map[string]any, with func(any) any) {
	other := maps.Clone(object)
	for n := 0; len(other) <= max(v.mostFields, v.leastFields) && n < 100; n++ {
		name := v.newName(n, other)
		if name == "" {
			break
		}
		if value, ok := (&maker{seed: n}).value(v.field(name), 0); ok {
			other[name] = value
			c.add(place, fmt.Sprintf("with %d fields", len(other)), "maxProperties", with(maps.Clone(other)))
		}
	}
	other = maps.Clone(object)
	for _, name := range slices.Sorted(maps.Keys(other)) {
		if !slices.Contains(v.required, name) {
			delete(other, name)
			c.add(place, fmt.Sprintf("with %d fields", len(other)), "minProperties", with(maps.Clone(other)))
		}
	}
}

func (c *cases) array(place string, v *view, array []any, with func(any) any, depth int) {
	for _, contained := range v.contains {
		without := slices.DeleteFunc(slices.Clone(array), func(item any) bool { return contained.Validate(item) == nil })
		c.add(place, "without what it must contain", "contains", with(without))
	}
	sizes := []int{0, 1, 2}
	for _, bound := range []int{v.leastItems, v.mostItems} {
		if bound > 0 && bound <= 1000 {
			sizes = append(sizes, bound-1, bound, bound+1)
		}
	}
	for _, n := range sizes {
		if list, ok := v.sizedList(array, n); ok {
			c.add(place, fmt.Sprintf("of %d items", n), "items", with(list))
		}
	}
	if len(array) > 0 {
		c.add(place, "with the same item twice", "uniqueItems", with(append(slices.Clone(array), array[0])))
		c.add(place, "in another order", "prefixItems", with(backwards(array)))
	}
	c.add(place, "with one item more, of another type", "items", with(append(slices.Clone(array), map[string]any{"a": json.Number("1")})))
	for i, item := range array {
		if i > 2 && i >= len(v.first) {
			break
		}
		c.at(fmt.Sprintf("%s[%d]", place, i), v.itemAt(i), item, func(value any) any {
			other := slices.Clone(array)
			other[i] = value
			return with(other)
		}, depth+1)
	}
}

// sizedList is a list of n items that begins as another one.
func (v *view) sizedList(array []any, n int) ([]any, bool) {
	list := slices.Clone(array[:min(n, len(array))])
	for len(list) < n {
		schemas := v.itemAt(len(list))
		item, ok := (&maker{}).value(schemas, 0)
		if v.unique && ok {
			item, ok = distinct(schemas, list, item)
		}
		if !ok {
			return nil, false
		}
		list = append(list, item)
	}
	return list, true
}

// itemAt lists the schemas of the i-th item.
func (v *view) itemAt(i int) []*jsonschema.Schema {
	if i < len(v.first) {
		return v.first[i]
	}
	return v.items
}

func backwards(array []any) []any {
	other := slices.Clone(array)
	slices.Reverse(other)
	return other
}

func below(place, name string) string { return strings.TrimPrefix(place+"."+name, ".") }
