package sample

import (
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// alternatives are valid values that choose otherwise than the base.
func (c *cases) alternatives(p place) {
	nothingNew := 0
	for seed := range attempts {
		had, chose := len(c.list), false
		for _, all := range []bool{false, true} {
			m := &maker{seed: seed, all: all}
			if value, ok := m.value([]*jsonschema.Schema{c.schema.Schema}, 0); ok && key(value) != p.text && c.schema.Valid(value) {
				c.add(p, "", fmt.Sprintf("%s, another choice", describe(value)), "oneOf", value)
			}
			chose = chose || m.chose
		}
		if !chose {
			return
		}
		if nothingNew++; len(c.list) > had {
			nothingNew = 0
		}
		if len(c.list) > maxBranches || nothingNew == maxBranches {
			return
		}
	}
}

// branches tries the other alternatives of a place, and two of them at once.
func (c *cases) branches(p place, v *view) {
	kept := map[string]bool{chosen(v, p.value): true}
	ways := 1
	for _, choices := range v.alternatives {
		ways = min(ways*len(choices), attempts)
	}
	for seed := range ways {
		for _, all := range []bool{true, false} {
			if len(kept) > maxBranches {
				break
			}
			m := &maker{seed: seed, all: all}
			value, ok := m.value(p.schemas, p.depth)
			if !ok {
				continue
			}
			these := chosen(v, value)
			if kept[these] || len(c.check(p, value)) > 0 {
				continue
			}
			kept[these] = true
			c.add(p, p.name, describe(value)+", another choice", "oneOf", value)
			c.later = append(c.later, place{name: p.name, schemas: p.schemas, value: value, with: p.with, depth: p.depth, branch: true, alone: p.alone})
		}
	}
	for _, choices := range v.alternatives {
		for i := range min(len(choices), maxBranches) {
			for j := range i {
				m := &maker{seed: i}
				if value, ok := m.value(append(slices.Clone(p.schemas), choices[i], choices[j]), p.depth); ok {
					c.add(p, p.name, describe(value)+", two choices at once", "oneOf", value)
				}
			}
		}
	}
}

// chosen says which alternatives a value keeps.
func chosen(v *view, value any) string {
	var kept strings.Builder
	for _, choices := range v.alternatives {
		for i, choice := range choices {
			if choice.Validate(value) == nil {
				fmt.Fprintf(&kept, "%d ", i)
			}
		}
		kept.WriteString("; ")
	}
	return kept.String()
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
