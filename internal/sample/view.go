// Package sample makes JSON values of a schema: ones that keep it, and ones at and just beyond the edge of each keyword. The
// schema has the last word: a value is called valid only if it says so, and invalid likewise.
package sample

import (
	"maps"
	"math/big"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/nudgehq/nudge/internal/schema"
)

// view is what a set of schemas says together of one value: the schema itself, those that it refers to, and of alternatives one.
type view struct {
	types            []string
	choices          []any
	examples         []any
	minimum, maximum *big.Rat
	above, below     bool
	multiples        []*big.Rat
	least, most      int
	patterns         []jsonschema.Regexp
	formats          []string
	leastItems       int
	mostItems        int
	unique           bool
	items            []*jsonschema.Schema
	first            [][]*jsonschema.Schema
	contains         []*jsonschema.Schema
	leastContained   int
	mostContained    int
	required         []string
	properties       map[string][]*jsonschema.Schema
	others           []*jsonschema.Schema
	closed           bool
	patterned        map[jsonschema.Regexp]*jsonschema.Schema
	names            []*jsonschema.Schema
	leastFields      int
	mostFields       int
	dependent        map[string][]string
	not              []*jsonschema.Schema
	readOnly         bool
	// entangled tells that a schema judges parts by what stands beside them.
	entangled bool
	// impliedNull tells that nobody knows whether it may be null.
	impliedNull bool
	// alternatives are the oneOf and anyOf within.
	alternatives [][]*jsonschema.Schema
	// conditions are the schemas with an if.
	conditions []*jsonschema.Schema
}

// chooser chooses one of n alternatives.
type chooser func(n int) int

// look makes the view of schemas; choose says which alternatives of them count.
func look(schemas []*jsonschema.Schema, choose chooser) *view {
	v := &view{most: -1, mostItems: -1, mostFields: -1, mostContained: -1, properties: map[string][]*jsonschema.Schema{}, patterned: map[jsonschema.Regexp]*jsonschema.Schema{}, dependent: map[string][]string{}}
	seen := map[*jsonschema.Schema]bool{}
	for _, s := range schemas {
		v.add(s, choose, seen)
	}
	return v
}

// IsEntangled tells whether a field of an object is judged by more than its own schema.
func IsEntangled(s *schema.Schema) bool {
	v := look([]*jsonschema.Schema{s.Schema}, func(int) int { return 0 })
	return v.isEntangled()
}

// isEntangled tells whether a part is judged by more than its own schemas.
func (v *view) isEntangled() bool {
	return len(v.alternatives)+len(v.conditions)+len(v.not)+len(v.contains)+len(v.choices) > 0 || v.unique || v.entangled ||
		len(v.others) > 0 && len(v.properties) > 0 || len(v.items) > 0 && len(v.first) > 0
}

func (v *view) add(s *jsonschema.Schema, choose chooser, seen map[*jsonschema.Schema]bool) {
	if s == nil || seen[s] {
		return
	}
	seen[s] = true
	v.entangled = v.entangled || len(s.DependentSchemas)+len(s.PatternProperties) > 0 || s.UnevaluatedProperties != nil || s.UnevaluatedItems != nil
	v.scalars(s)
	v.arrays(s)
	v.objects(s)
	v.add(s.Ref, choose, seen)
	for _, part := range s.AllOf {
		v.add(part, choose, seen)
	}
	alternatives := [][]*jsonschema.Schema{s.OneOf, s.AnyOf}
	if slices.ContainsFunc(s.AllOf, schema.IsDiscriminator) {
		// It has them, each with its value.
		alternatives = nil
	}
	for _, choices := range alternatives {
		if len(choices) > 0 {
			v.alternatives = append(v.alternatives, choices)
			v.add(choices[choose(len(choices))], choose, seen)
		}
	}
	for name, dependent := range s.DependentSchemas {
		if choose(2) == 1 {
			v.required = append(v.required, name)
			v.add(dependent, choose, seen)
		}
	}
	if s.Not != nil {
		v.not = append(v.not, s.Not)
	}
	if s.If == nil {
		return
	}
	v.conditions = append(v.conditions, s)
	// Either it holds, with then, or else is kept.
	if choose(2) == 0 {
		v.add(s.If, choose, seen)
		v.add(s.Then, choose, seen)
	} else {
		v.add(s.Else, choose, seen)
	}
}

func (v *view) scalars(s *jsonschema.Schema) {
	if s.Types != nil {
		types := s.Types.ToStrings()
		if v.types == nil {
			v.types = types
		} else {
			v.types = slices.DeleteFunc(slices.Clone(v.types), func(t string) bool {
				return !slices.Contains(types, t) && (t != "integer" || !slices.Contains(types, "number"))
			})
		}
	}
	if s.Const != nil {
		v.choices = append([]any{*s.Const}, v.choices...)
	}
	if s.Enum != nil {
		v.choices = append(v.choices, s.Enum.Values...)
	}
	v.examples = append(v.examples, s.Examples...)
	if s.Default != nil {
		v.examples = append(v.examples, *s.Default)
	}
	v.readOnly = v.readOnly || s.ReadOnly
	v.impliedNull = v.impliedNull || s.Comment == schema.ImpliedNull
	v.bounds(s)
	if s.MultipleOf != nil {
		v.multiples = append(v.multiples, s.MultipleOf)
	}
	v.least = max(v.least, number(s.MinLength))
	v.most = least(v.most, s.MaxLength)
	if s.Pattern != nil {
		v.patterns = append(v.patterns, s.Pattern)
	}
	if s.Format != nil {
		v.formats = append(v.formats, s.Format.Name)
	}
}

func (v *view) bounds(s *jsonschema.Schema) {
	raise := func(n *big.Rat, exclusive bool) {
		if n != nil && (v.minimum == nil || n.Cmp(v.minimum) > 0 || n.Cmp(v.minimum) == 0 && exclusive) {
			v.minimum, v.above = n, exclusive
		}
	}
	lower := func(n *big.Rat, exclusive bool) {
		if n != nil && (v.maximum == nil || n.Cmp(v.maximum) < 0 || n.Cmp(v.maximum) == 0 && exclusive) {
			v.maximum, v.below = n, exclusive
		}
	}
	raise(s.Minimum, false)
	raise(s.ExclusiveMinimum, true)
	lower(s.Maximum, false)
	lower(s.ExclusiveMaximum, true)
}

func (v *view) arrays(s *jsonschema.Schema) {
	v.leastItems = max(v.leastItems, number(s.MinItems))
	v.mostItems = least(v.mostItems, s.MaxItems)
	v.unique = v.unique || s.UniqueItems
	if s.Items2020 != nil {
		v.items = append(v.items, s.Items2020)
	}
	for i, item := range s.PrefixItems {
		if i == len(v.first) {
			v.first = append(v.first, nil)
		}
		v.first[i] = append(v.first[i], item)
	}
	if s.Contains != nil {
		v.contains = append(v.contains, s.Contains)
		v.leastContained = max(v.leastContained, 1)
		if s.MinContains != nil {
			v.leastContained = max(v.leastContained, *s.MinContains)
		}
		v.mostContained = least(v.mostContained, s.MaxContains)
	}
}

func (v *view) objects(s *jsonschema.Schema) {
	v.required = append(v.required, s.Required...)
	for name, property := range s.Properties {
		v.properties[name] = append(v.properties[name], property)
	}
	switch others := s.AdditionalProperties.(type) {
	case bool:
		v.closed = v.closed || !others
	case *jsonschema.Schema:
		v.others = append(v.others, others)
	}
	if s.UnevaluatedProperties != nil && s.UnevaluatedProperties.Bool != nil && !*s.UnevaluatedProperties.Bool {
		v.closed = true
	}
	maps.Copy(v.patterned, s.PatternProperties)
	if s.PropertyNames != nil {
		v.names = append(v.names, s.PropertyNames)
	}
	v.leastFields = max(v.leastFields, number(s.MinProperties))
	v.mostFields = least(v.mostFields, s.MaxProperties)
	for name, fields := range s.DependentRequired {
		v.dependent[name] = append(v.dependent[name], fields...)
	}
}

// kind is the type that a value is made of.
func (v *view) kind() string {
	for _, kind := range []string{"object", "array", "string", "integer", "number", "boolean", "null"} {
		if v.types != nil && slices.Contains(v.types, kind) {
			return kind
		}
	}
	switch {
	case len(v.properties)+len(v.required)+len(v.others)+len(v.patterned) > 0 || v.leastFields > 0:
		return "object"
	case len(v.items)+len(v.first)+len(v.contains) > 0 || v.leastItems > 0:
		return "array"
	case v.minimum != nil || v.maximum != nil || len(v.multiples) > 0:
		return "number"
	}
	return "string"
}

func number(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

// least is the smaller bound; -1 is none.
func least(bound int, n *int) int {
	if n == nil || bound >= 0 && bound < *n {
		return bound
	}
	return *n
}
