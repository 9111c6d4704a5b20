package sample

import (
	"encoding/json"
	"fmt"
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
	// Value makes the whole value: all the values of a large body at once would fill the memory. Valid is what the schema says of it.
	Value func() any
	Valid bool
	// Odd tells that the schema allows it and a server may have reasons not to: a number beyond 64 bits, a null character.
	Odd bool
}

const (
	// Many is how many cases of one schema are made where nothing else is said: alternatives within alternatives multiply.
	Many = 400
	// maxPlaces bounds how deep places are.
	maxPlaces = 12
	// maxForbidden bounds how many values of a list that must not be are tried.
	maxForbidden = 10
	// maxBranches bounds how many alternatives of one place are tried.
	maxBranches = 8
)

// Cases lists values at and just beyond the edge of each keyword, at every place of a valid value: what is deep comes last, until
// there are most cases. The fields of the value itself are tried all the same, but for those that are left out.
func Cases(s *schema.Schema, base any, most int, leftOut ...string) []Case {
	c := &cases{schema: s, seen: map[string]bool{}}
	whole := place{schemas: []*jsonschema.Schema{s.Schema}, value: base, with: func(v any) any { return v }, alone: true}
	whole.text = key(base)
	c.alternatives(whole)
	c.later = []place{whole}
	for len(c.later) > 0 {
		p := c.later[0]
		c.later = c.later[1:]
		if p.depth <= maxPlaces && !slices.Contains(leftOut, p.name) && (len(c.list) < most || p.depth <= 1 && !p.branch) {
			c.at(p)
		}
	}
	return c.list
}

type cases struct {
	schema *schema.Schema
	list   []Case
	seen   map[string]bool
	// later are the places that are still to be tried.
	later []place
}

// place is a value within the whole one.
type place struct {
	name    string
	schemas []*jsonschema.Schema
	value   any
	// with gives the whole value with another one in this place.
	with  func(any) any
	depth int
	// branch tells that the value is of another alternative than the base.
	branch bool
	// alone tells that whether the whole value is valid depends on this place alone, as far as it is another.
	alone bool
	// text is the value as JSON, once the place is tried.
	text string
}

// below is the place of a part of the value, whose view is given.
func (p place) below(v *view, name string, schemas []*jsonschema.Schema, value any, with func(any) any) place {
	return place{name: name, schemas: schemas, value: value, with: with, depth: p.depth + 1, branch: p.branch, alone: p.alone && !v.isEntangled()}
}

func key(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// isNew tells whether a part of a place was not tried there yet.
func (c *cases) isNew(p place, part any) bool {
	text := key(part)
	if p.alone {
		if text == p.text {
			return false
		}
		text = p.name + " " + text
	} else {
		text = key(p.with(part))
	}
	known := c.seen[text]
	c.seen[text] = true
	return !known
}

// check lists what is wrong with the whole value that has a part in a place.
func (c *cases) check(p place, part any) (problems []schema.Problem) {
	if !p.alone {
		return c.schema.Check(p.with(part))
	}
	for _, s := range p.schemas {
		problems = append(problems, c.schema.Part(s).Check(part)...)
	}
	return problems
}

// add adds the case of a part of a place, under a name that may be of something within it.
func (c *cases) add(p place, name, what, keyword string, part any) {
	if !c.isNew(p, part) {
		return
	}
	problems := c.check(p, part)
	if len(problems) > 0 && !slices.ContainsFunc(problems, IsAsserted) {
		// Validators disagree about it.
		return
	}
	c.list = append(c.list, Case{Place: name, What: what, Keyword: keyword, Value: func() any { return p.with(part) }, Valid: len(problems) == 0})
}

// addOdd adds a value that a server may have reasons to refuse, and none to fail at.
func (c *cases) addOdd(p place, what, keyword string, part any) {
	if len(c.check(p, part)) == 0 && c.isNew(p, part) {
		c.list = append(c.list, Case{Place: p.name, What: what, Keyword: keyword, Value: func() any { return p.with(part) }, Valid: true, Odd: true})
	}
}

// at tries the keywords of one place.
func (c *cases) at(p place) {
	p.text = key(p.value)
	// Of alternatives the first that the value keeps.
	v := look(p.schemas, func(int) int { return 0 })
	for seed := range attempts {
		other := look(p.schemas, (&maker{seed: seed}).choose)
		if other.fits(p.value) {
			v = other
			break
		}
	}
	note := slices.ContainsFunc(v.formats, schema.IsNote)
	add := func(what, keyword string, value any) {
		if text, isText := value.(string); isText && note && !slices.Contains(v.texts(0), text) && len(c.check(p, value)) == 0 {
			// Whether the text has its format, nothing here tells.
			return
		}
		c.add(p, p.name, what, keyword, value)
	}
	odd := func(what, keyword string, value any) { c.addOdd(p, what, keyword, value) }
	types(p.value, func(what, keyword string, value any) {
		if value != nil || !v.impliedNull {
			add(what, keyword, value)
		}
	})
	c.listed(v, add)
	for _, forbidden := range v.not {
		for i, choice := range look([]*jsonschema.Schema{forbidden}, func(int) int { return 0 }).choices {
			if i < maxForbidden {
				add(describe(choice)+", which it must not be", "not", choice)
			}
		}
		for seed := range 4 {
			m := &maker{seed: seed, all: seed%2 == 1}
			if other, ok := m.value([]*jsonschema.Schema{forbidden}, 0); ok {
				add(describe(other)+", which it must not be", "not", other)
			}
		}
	}
	switch value := p.value.(type) {
	case map[string]any:
		c.object(p, v, value)
	case []any:
		c.array(p, v, value)
	case string:
		texts(v, value, add, odd)
	case json.Number, float64:
		if n, ok := schema.Number(value); ok {
			numbers(v, n, add, odd)
		}
	}
	if len(v.alternatives) > 0 && !p.branch {
		c.branches(p, v)
	}
}

// listed tries what an enum lists, and what it does not.
func (c *cases) listed(v *view, add func(what, keyword string, value any)) {
	for i, choice := range v.choices {
		if i < 50 && (choice != nil || !v.impliedNull) {
			add(describe(choice)+", which is listed", "enum", choice)
		}
		if i > 0 {
			continue
		}
		if text, ok := choice.(string); ok {
			add(fmt.Sprintf("%q, which is not listed", text+"x"), "enum", text+"x")
			add(fmt.Sprintf("%q, in other letters than listed", SwapCase(text)), "enum", SwapCase(text))
		}
		if n, ok := schema.Number(choice); ok {
			add("a number that is not listed", "enum", Number(new(big.Rat).Add(n, big.NewRat(1000, 1))))
		}
		if is, ok := choice.(bool); ok {
			add(fmt.Sprintf("%t, which is not listed", !is), "enum", !is)
		}
	}
}

func below(place, name string) string { return strings.TrimPrefix(place+"."+name, ".") }
