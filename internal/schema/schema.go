// Package schema judges JSON values by the schemas of a document. Each schema, of OpenAPI 3.0 or 3.1, becomes one of JSON Schema
// 2020-12, whose keywords a library judges.
package schema

import (
	"fmt"
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
	compiled  [2]map[*openapi3.Schema]*Schema
}

// NewSet makes an empty set.
func NewSet() *Set {
	s := &Set{ids: map[*openapi3.Schema]int{}}
	for direction := range s.compilers {
		c := jsonschema.NewCompiler()
		c.DefaultDraft(jsonschema.Draft2020)
		c.AssertFormat()
		for _, f := range formats {
			c.RegisterFormat(f)
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

// Of compiles a schema of the document. The error says why it cannot judge anything.
func (s *Set) Of(schema *openapi3.Schema, direction Direction) (*Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.compiled[direction][schema]; ok {
		return known, nil
	}
	compiled, err := s.compilers[direction].Compile(s.url(schema))
	if err != nil {
		return nil, fmt.Errorf("its schema cannot be used: %w", err)
	}
	known := &Schema{compiled, s}
	s.compiled[direction][schema] = known
	return known, nil
}

const prefix = "schema:///"

func (s *Set) url(schema *openapi3.Schema) string {
	id, ok := s.ids[schema]
	if !ok {
		id = len(s.schemas)
		s.ids[schema] = id
		s.schemas = append(s.schemas, schema)
	}
	return prefix + strconv.Itoa(id)
}

type loader func(url string) (any, error)

func (l loader) Load(url string) (any, error) { return l(url) }

func (s *Set) load(url string, direction Direction) (any, error) {
	id, err := strconv.Atoi(strings.TrimPrefix(url, prefix))
	if err != nil || id >= len(s.schemas) {
		return nil, fmt.Errorf("there is no schema %s", url)
	}
	return s.translate(s.schemas[id], direction), nil
}

// node finds the document's schema at a place that the library names.
func (s *Set) node(url string) *openapi3.Schema {
	id, err := strconv.Atoi(strings.TrimPrefix(strings.SplitN(url, "#", 2)[0], prefix))
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || id >= len(s.schemas) {
		return nil
	}
	return s.schemas[id]
}
