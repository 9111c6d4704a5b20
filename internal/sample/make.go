package sample

import (
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/nudgehq/nudge/internal/schema"
)

// ErrNone is returned where no value was found that keeps a schema.
var ErrNone = errors.New("no valid value could be made from its schema")

const (
	// attempts is how many choices of alternatives are tried for one value.
	attempts = 64
	// maxDepth ends what contains itself. Optional fields end at maxOptional, or earlier, below maxWide, where they contain
	// themselves or the value has maxParts parts already.
	maxDepth, maxOptional, maxWide, maxParts = 16, 10, 4, 60
	// maxAll ends a value whose required parts multiply.
	maxAll = 1000
)

// Make makes a value that keeps a schema: with what is required, or with all that is optional too. An example or a default comes
// first, where only what is required is wanted.
func Make(s *schema.Schema, all bool) (any, error) {
	for seed := range attempts {
		m := &maker{seed: seed, all: all, examples: !all && seed == 0}
		value, ok := m.value([]*jsonschema.Schema{s.Schema}, 0)
		if ok && s.Valid(value) {
			return value, nil
		}
	}
	return nil, ErrNone
}

// maker makes one value.
type maker struct {
	// seed chooses among alternatives: each digit of it for one of them.
	seed     int
	all      bool
	examples bool
	// chose tells that there was something to choose.
	chose bool
	// within are the schemas whose values are being made, parts counts the values that were begun.
	within []*jsonschema.Schema
	parts  int
}

// mayAdd tells whether an optional part is made too.
func (m *maker) mayAdd(schemas []*jsonschema.Schema, depth int) bool {
	if depth < maxWide {
		return true
	}
	return depth < maxOptional && m.parts < maxParts && !slices.ContainsFunc(schemas, func(s *jsonschema.Schema) bool { return slices.Contains(m.within, target(s)) })
}

// target is the schema that a reference leads to.
func target(s *jsonschema.Schema) *jsonschema.Schema {
	for n := 0; s.Ref != nil && n < maxDepth; n++ {
		s = s.Ref
	}
	return s
}

func (m *maker) choose(n int) int {
	chosen := m.seed % n
	if n > 1 {
		m.seed /= n
		m.chose = true
	}
	return chosen
}

func (m *maker) value(schemas []*jsonschema.Schema, depth int) (any, bool) {
	if depth > maxDepth {
		return nil, false
	}
	if m.parts++; m.parts > maxAll {
		return nil, false
	}
	for _, s := range schemas {
		m.within = append(m.within, target(s))
	}
	defer func() { m.within = m.within[:len(m.within)-len(schemas)] }()
	v := look(schemas, m.choose)
	if m.examples {
		for _, example := range v.examples {
			if allow(schemas, example) {
				return example, true
			}
		}
	}
	for _, choice := range v.choices {
		if allow(schemas, choice) {
			return choice, true
		}
	}
	if v.choices != nil {
		return nil, false
	}
	switch v.kind() {
	case "object":
		return m.object(v, depth)
	case "array":
		return m.array(v, depth)
	case "string":
		return stringOf(v, schemas)
	case "integer":
		return v.number(true)
	case "number":
		return v.number(false)
	case "boolean":
		return true, true
	}
	return nil, true
}

// allow tells whether all schemas allow a value.
func allow(schemas []*jsonschema.Schema, value any) bool {
	return !slices.ContainsFunc(schemas, func(s *jsonschema.Schema) bool { return s.Validate(value) != nil })
}

func (m *maker) object(v *view, depth int) (any, bool) {
	object := map[string]any{}
	fill := func(name string) bool {
		value, ok := m.value(v.field(name), depth+1)
		if ok {
			object[name] = value
		}
		return ok
	}
	full := func() bool { return v.mostFields >= 0 && len(object) >= v.mostFields }
	for _, name := range m.names(v, depth) {
		required := slices.Contains(v.required, name)
		if !required && (full() || m.isReadOnly(v, name)) {
			continue
		}
		if !fill(name) && required {
			return nil, false
		}
		for _, needed := range v.dependent[name] {
			if _, there := object[needed]; !there && !fill(needed) {
				return nil, false
			}
		}
	}
	if m.all && len(v.others) > 0 && !full() && m.mayAdd(v.others, depth) {
		// One of those that only additionalProperties speaks of.
		if name := v.newName(0, object); name != "" && v.properties[name] == nil {
			fill(name)
		}
	}
	return object, v.addFields(object, fill)
}

// addFields adds fields until there are as many as there must be.
func (v *view) addFields(object map[string]any, fill func(name string) bool) bool {
	for n := 0; len(object) < v.leastFields; n++ {
		if n > 2*v.leastFields+len(v.properties) || v.leastFields > maxItems {
			return false
		}
		if name := v.newName(n, object); name != "" {
			fill(name)
		}
	}
	return true
}

// names are the fields that an object gets, in one order.
func (m *maker) names(v *view, depth int) []string {
	names := slices.Clone(v.required)
	for name := range v.properties {
		if m.all && m.mayAdd(v.properties[name], depth) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (m *maker) isReadOnly(v *view, name string) bool {
	return look(v.properties[name], func(int) int { return 0 }).readOnly
}

// field lists the schemas of a field.
func (v *view) field(name string) []*jsonschema.Schema {
	schemas := slices.Clone(v.properties[name])
	matched := len(schemas) > 0
	for pattern, s := range v.patterned {
		if pattern.MatchString(name) {
			schemas, matched = append(schemas, s), true
		}
	}
	if !matched {
		schemas = append(schemas, v.others...)
	}
	return schemas
}

// newName is a name of a field that an object may get, the n-th; empty when there is none.
func (v *view) newName(n int, object map[string]any) string {
	var names []string
	for name := range v.properties {
		names = append(names, name)
	}
	slices.Sort(names)
	if !v.closed {
		for i := range 4 {
			names = append(names, "extra"+strings.Repeat("a", i))
		}
	}
	for pattern := range v.patterned {
		names = append(names, matching(pattern.String(), n)...)
	}
	if len(v.names) > 0 {
		called := look(v.names, func(int) int { return 0 })
		names = append(names, called.texts(n)...)
		for _, choice := range called.choices {
			if text, ok := choice.(string); ok {
				names = append(names, text)
			}
		}
	}
	for _, s := range v.names {
		if name, ok := (&maker{seed: n}).value([]*jsonschema.Schema{s}, 0); ok {
			if text, ok := name.(string); ok {
				names = append(names, text)
			}
		}
	}
	for _, name := range names {
		if _, there := object[name]; !there && allow(v.names, name) {
			return name
		}
	}
	return ""
}

// Number is a JSON number.
func Number(n *big.Rat) json.Number {
	if n.IsInt() {
		return json.Number(n.Num().String())
	}
	return json.Number(strings.TrimRight(n.FloatString(12), "0"))
}

func (v *view) number(integer bool) (any, bool) {
	step := big.NewRat(1, 1)
	if len(v.multiples) > 0 {
		step = v.multiples[0]
	}
	candidates := []*big.Rat{big.NewRat(10, 1), big.NewRat(1, 1), new(big.Rat), step}
	for _, bound := range []*big.Rat{v.minimum, v.maximum} {
		if bound == nil {
			continue
		}
		// The bound, and the next multiples on both sides of it.
		whole := new(big.Rat).SetInt(new(big.Int).Quo(new(big.Rat).Quo(bound, step).Num(), new(big.Rat).Quo(bound, step).Denom()))
		near := new(big.Rat).Mul(whole, step)
		half := big.NewRat(1, 2)
		candidates = append(candidates, bound, near, new(big.Rat).Add(near, step), new(big.Rat).Sub(near, step), new(big.Rat).Add(bound, half), new(big.Rat).Sub(bound, half))
	}
	if v.minimum != nil && v.maximum != nil {
		candidates = append(candidates, new(big.Rat).Quo(new(big.Rat).Add(v.minimum, v.maximum), big.NewRat(2, 1)))
	}
	for _, n := range candidates {
		if v.holds(n, integer) {
			return Number(n), true
		}
	}
	return nil, false
}

func (v *view) holds(n *big.Rat, integer bool) bool {
	if integer && !n.IsInt() {
		return false
	}
	if v.minimum != nil && (n.Cmp(v.minimum) < 0 || v.above && n.Cmp(v.minimum) == 0) || v.maximum != nil && (n.Cmp(v.maximum) > 0 || v.below && n.Cmp(v.maximum) == 0) {
		return false
	}
	return !slices.ContainsFunc(v.multiples, func(of *big.Rat) bool { return !new(big.Rat).Quo(n, of).IsInt() })
}
