// Package schema judges JSON values by the schemas of a document. Each schema, of OpenAPI 3.0 or 3.1, becomes one of JSON Schema
// 2020-12, whose keywords a library judges.
package schema

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Direction is where a value goes: fields that are read-only or write-only depend on it.
type Direction int

// The directions.
const (
	Request Direction = iota
	Answer
)

// Set has the schemas of a document, each compiled once, when it is first asked for. It is safe for use by several goroutines.
type Set struct {
	mu        sync.Mutex
	compilers [2]*jsonschema.Compiler
	ids       map[*openapi3.Schema]int
	schemas   []*openapi3.Schema
	// is30 tells that the document is of OpenAPI 3.0, where nullable is a keyword.
	is30 bool
	// families are the schemas with a discriminator.
	families map[*openapi3.Schema]*family
	compiled [2]map[*openapi3.Schema]*Schema
}

// NewSet makes the set of a document, without any schema yet.
func NewSet(doc *openapi3.T) *Set {
	s := &Set{ids: map[*openapi3.Schema]int{}, is30: strings.HasPrefix(doc.OpenAPI, "3.0"), families: familiesOf(doc)}
	for direction := range s.compilers {
		c := jsonschema.NewCompiler()
		c.DefaultDraft(jsonschema.Draft2020)
		c.AssertFormat()
		for _, f := range formats {
			c.RegisterFormat(f)
		}
		for _, name := range noted {
			c.RegisterFormat(&jsonschema.Format{Name: name, Validate: func(any) error { return nil }})
		}
		c.UseRegexpEngine(compilePattern)
		c.UseLoader(loader(func(url string) (any, error) { return s.load(url, Direction(direction)) }))
		s.compilers[direction] = c
		s.compiled[direction] = map[*openapi3.Schema]*Schema{}
	}
	return s
}

// Schema is a schema that judges values: those of encoding/json, where a number is a [json.Number] or a float64.
type Schema struct {
	*jsonschema.Schema
	set *Set
}

// Part is a schema within the schema.
func (s *Schema) Part(of *jsonschema.Schema) *Schema { return &Schema{Schema: of, set: s.set} }

// Of compiles a schema of the document. The error says why it cannot judge anything.
func (s *Set) Of(schema *openapi3.Schema, direction Direction) (*Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.compiled[direction][schema]; ok {
		return known, nil
	}
	compiled, err := s.compilers[direction].Compile(s.url(schema, part{}))
	if err != nil {
		return nil, fmt.Errorf("its schema cannot be used: %w", err)
	}
	known := &Schema{compiled, s}
	s.compiled[direction][schema] = known
	return known, nil
}

const prefix = "schema:///"

// part is how a schema counts as a part of another one.
type part struct {
	// own tells that it is a part of a schema that has its discriminator: only its own keywords count.
	own bool
	// discriminator stands for what its discriminator says alone.
	discriminator bool
	// optional are the fields that are not required, as another part makes them read-only or write-only.
	optional []string
}

func (s *Set) url(schema *openapi3.Schema, as part) string {
	id, ok := s.ids[schema]
	if !ok {
		id = len(s.schemas)
		s.ids[schema] = id
		s.schemas = append(s.schemas, schema)
	}
	query := url.Values{}
	if as.own {
		query.Set("own", "")
	}
	if as.discriminator {
		query.Set(Discriminator, "")
	}
	if len(as.optional) > 0 {
		query["optional"] = as.optional
	}
	if len(query) == 0 {
		return prefix + strconv.Itoa(id)
	}
	return prefix + strconv.Itoa(id) + "?" + query.Encode()
}

// find is the schema of a URL, and as what it counts.
func (s *Set) find(text string) (*openapi3.Schema, part, bool) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, part{}, false
	}
	id, err := strconv.Atoi(strings.TrimPrefix(u.Path, "/"))
	if err != nil || id < 0 || id >= len(s.schemas) {
		return nil, part{}, false
	}
	return s.schemas[id], part{own: u.Query().Has("own"), discriminator: u.Query().Has(Discriminator), optional: u.Query()["optional"]}, true
}

type loader func(url string) (any, error)

func (l loader) Load(url string) (any, error) { return l(url) }

func (s *Set) load(url string, direction Direction) (any, error) {
	schema, as, ok := s.find(url)
	if !ok {
		return nil, fmt.Errorf("there is no schema %s", url)
	}
	t := &translation{s, direction, as}
	if as.discriminator {
		return map[string]any{"anyOf": t.alternatives(schema)}, nil
	}
	return t.translate(schema), nil
}

// node finds the document's schema at a place that the library names.
func (s *Set) node(url string) *openapi3.Schema {
	s.mu.Lock()
	defer s.mu.Unlock()
	schema, _, _ := s.find(url)
	return schema
}
