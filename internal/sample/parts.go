package sample

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func (c *cases) object(p place, v *view, object map[string]any) {
	changed := func(change func(map[string]any)) any {
		other := maps.Clone(object)
		change(other)
		return other
	}
	names := slices.Sorted(maps.Keys(object))
	for _, name := range names {
		without := changed(func(o map[string]any) { delete(o, name) })
		switch {
		case slices.Contains(v.required, name):
			c.add(p, below(p.name, name), "left out", "required", without)
		case !p.alone || !v.fieldsAreFree():
			c.add(p, below(p.name, name), "left out", "properties", without)
		case c.isNew(p, without):
			c.list = append(c.list, Case{Place: below(p.name, name), What: "left out", Keyword: "properties", Value: func() any { return p.with(without) }, Valid: true})
		}
	}
	c.add(p, p.name, "with an unknown field", "additionalProperties", changed(func(o map[string]any) { o["unknownField"] = json.Number("1") }))
	c.add(p, p.name, "with an unknown field that is a list", "additionalProperties", changed(func(o map[string]any) { o["unknownField"] = []any{} }))
	c.add(p, p.name, "with a text in an unknown field", "additionalProperties", changed(func(o map[string]any) { o["unknownField"] = "abc" }))
	c.add(p, p.name, "with an unknown field of another name", "propertyNames", changed(func(o map[string]any) { o["Unknown Field!"] = "abc" }))
	c.add(p, p.name, "with an unknown field of a long name", "propertyNames", changed(func(o map[string]any) { o[strings.Repeat("x", 300)] = "abc" }))
	if v.mostFields >= 0 || v.leastFields > 0 {
		c.counts(p, v, object)
	}
	for pattern, s := range v.patterned {
		for i, name := range matching(pattern.String(), 1) {
			if value, ok := (&maker{}).value([]*jsonschema.Schema{s}, 0); ok && i == 0 {
				matched := p.below(v, below(p.name, name), []*jsonschema.Schema{s}, value, func(value any) any { return p.with(changed(func(o map[string]any) { o[name] = value })) })
				matched.alone = matched.alone && len(c.check(p, changed(func(o map[string]any) { o[name] = value }))) == 0
				c.later = append(c.later, matched)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.properties)) {
		c.field(p, v, object, name)
	}
	// Fields that only additionalProperties speaks of.
	for _, name := range names {
		if v.properties[name] == nil && len(v.others) > 0 {
			c.later = append(c.later, p.below(v, below(p.name, name), v.others, object[name], func(value any) any { return p.with(changed(func(o map[string]any) { o[name] = value })) }))
		}
	}
}

// field tries a declared field of an object; an optional one that is not there is added.
func (c *cases) field(p place, v *view, object map[string]any, name string) {
	schemas := v.field(name)
	if look(schemas, func(int) int { return 0 }).readOnly {
		return
	}
	with := func(value any) any {
		other := maps.Clone(object)
		other[name] = value
		return other
	}
	value, there := object[name]
	fits := true
	if !there {
		var ok bool
		if value, ok = (&maker{examples: true}).value(schemas, p.depth); !ok {
			return
		}
	}
	field := p.below(v, below(p.name, name), schemas, value, func(value any) any { return p.with(with(value)) })
	if !there {
		whole, part := p, with(value)
		if field.alone && v.fieldsAreFree() {
			whole, part = field, value
		}
		c.add(whole, field.name, describe(value)+", which is optional", "properties", part)
		// Another field may be needed with it.
		fits = len(c.check(whole, part)) == 0
	}
	field.alone = field.alone && fits
	c.later = append(c.later, field)
}

// fieldsAreFree tells that an optional field may be there or not, whatever the others are.
func (v *view) fieldsAreFree() bool {
	return !v.isEntangled() && v.mostFields < 0 && v.leastFields <= 0 && len(v.dependent)+len(v.names) == 0
}

// counts tries as many fields as there may be, and one more or less.
func (c *cases) counts(p place, v *view, object map[string]any) {
	other := maps.Clone(object)
	for n := 0; len(other) <= max(v.mostFields, v.leastFields) && n < 100; n++ {
		name := v.newName(n, other)
		if name == "" {
			break
		}
		if value, ok := (&maker{seed: n}).value(v.field(name), 0); ok {
			other[name] = value
			c.add(p, p.name, fmt.Sprintf("with %d fields", len(other)), "maxProperties", maps.Clone(other))
		}
	}
	other = maps.Clone(object)
	for _, name := range slices.Sorted(maps.Keys(other)) {
		if !slices.Contains(v.required, name) {
			delete(other, name)
			c.add(p, p.name, fmt.Sprintf("with %d fields", len(other)), "minProperties", maps.Clone(other))
		}
	}
}

func (c *cases) array(p place, v *view, array []any) {
	for _, contained := range v.contains {
		without := slices.DeleteFunc(slices.Clone(array), func(item any) bool { return contained.Validate(item) == nil })
		c.add(p, p.name, "without what it must contain", "contains", without)
		if item, ok := (&maker{}).value(append(slices.Clone(v.items), contained), 0); ok && v.mostContained >= 0 && v.mostContained <= 1000 {
			more := slices.Clone(array)
			for range v.mostContained + 1 {
				more = append(more, item)
			}
			c.add(p, p.name, "with more than it may contain", "contains", more)
		}
	}
	sizes := []int{0, 1, 2}
	largest := maxItems
	if v.unique {
		// Each is compared with each.
		largest = maxUnique
	}
	for _, bound := range []int{v.leastItems, v.mostItems} {
		if bound > 0 && bound <= largest {
			sizes = append(sizes, bound-1, bound, bound+1)
		}
	}
	for _, n := range sizes {
		if list, ok := v.sizedList(array, n); ok {
			c.add(p, p.name, fmt.Sprintf("of %d items", n), "items", list)
		}
	}
	if len(array) > 0 {
		c.add(p, p.name, "with the same item twice", "uniqueItems", append(slices.Clone(array), array[0]))
		c.add(p, p.name, "in another order", "prefixItems", backwards(array))
	}
	c.add(p, p.name, "with one item more, of another type", "items", append(slices.Clone(array), map[string]any{"a": json.Number("1")}))
	for i, item := range array {
		if i > 2 && i >= len(v.first) {
			break
		}
		c.later = append(c.later, p.below(v, fmt.Sprintf("%s[%d]", p.name, i), v.itemAt(i), item, func(value any) any {
			other := slices.Clone(array)
			other[i] = value
			return p.with(other)
		}))
	}
}

// maxItems and maxUnique bound the lists that are made.
const maxItems, maxUnique = 1000, 200

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
