package portal

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"
)

// inOrder lists the keys of a map in the order in which they stand in the document. The parser's maps have lost it; the
// origins of their values have kept it.
func inOrder[V any](m map[string]V, origin func(V) *openapi3.Origin) []string {
	at := func(key string) openapi3.Location {
		if o := origin(m[key]); o != nil && o.Key != nil {
			return *o.Key
		}
		return openapi3.Location{}
	}
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		x, y := at(a), at(b)
		return cmp.Or(cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column), cmp.Compare(a, b))
	})
}

// position is where a mapping's key stands, from 1.
type position struct{ line, column int }

// source is the document's text as a tree, for what the parser does not keep: the order of the keys of example values.
type source struct {
	root *yaml.Node
	// values are the values of all mappings, by the position of their key.
	values map[position]*yaml.Node
}

func readSource(document []byte) (*source, error) {
	s := &source{root: new(yaml.Node), values: map[position]*yaml.Node{}}
	if err := yaml.Unmarshal(document, s.root); err != nil {
		return nil, fmt.Errorf("reading the OpenAPI document: %w", err)
	}
	s.index(s.root)
	return s, nil
}

func (s *source) index(n *yaml.Node) {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			s.values[position{child.Line, child.Column}] = n.Content[i+1]
		}
		s.index(child)
	}
}

// json writes the value of a field, found by its origin, as indented JSON in the document's order; fallback is the parsed
// value, for a document whose positions are not known.
func (s *source) json(origin *openapi3.Origin, field string, fallback any) (string, error) {
	if origin != nil {
		at := origin.Fields.Get(field)
		if node := s.values[position{at.Line, at.Column}]; node != nil {
			return indented(ordered{node})
		}
	}
	return indented(fallback)
}

func indented(value any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(value); err != nil {
		return "", err
	}
	return string(bytes.TrimSpace(b.Bytes())), nil
}

// ordered is a node that is written as JSON with its keys in the document's order.
type ordered struct{ node *yaml.Node }

// MarshalJSON writes the node.
func (o ordered) MarshalJSON() ([]byte, error) {
	n := meant(o.node)
	var b bytes.Buffer
	var err error
	switch n.Kind {
	case yaml.MappingNode:
		err = appendMapping(&b, n)
	case yaml.SequenceNode:
		err = appendSequence(&b, n)
	default:
		var value any = n.Value
		if n.Tag != "!!timestamp" {
			// JSON has no times: what stands there is meant.
			err = n.Decode(&value)
		}
		if err == nil {
			err = appendJSON(&b, value)
		}
	}
	return b.Bytes(), err
}

// meant is the node that a document or an alias stands for.
func meant(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode || n.Kind == yaml.DocumentNode {
		if n.Kind == yaml.AliasNode {
			n = n.Alias
		} else {
			n = n.Content[0]
		}
	}
	return n
}

func appendMapping(b *bytes.Buffer, n *yaml.Node) error {
	b.WriteByte('{')
	for i, pair := range pairs(n, map[string]bool{}) {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := appendJSON(b, pair.key); err != nil {
			return err
		}
		b.WriteByte(':')
		if err := appendJSON(b, ordered{pair.value}); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

func appendSequence(b *bytes.Buffer, n *yaml.Node) error {
	b.WriteByte('[')
	for i, item := range n.Content {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := appendJSON(b, ordered{item}); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	return nil
}

type pair struct {
	key   string
	value *yaml.Node
}

// pairs lists the keys and values of a mapping with those that YAML's << merges into it, each key once.
func pairs(n *yaml.Node, seen map[string]bool) []pair {
	var list []pair
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		for value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		switch {
		case key.Tag == "!!merge" && value.Kind == yaml.SequenceNode:
			merged = append(merged, value.Content...)
		case key.Tag == "!!merge":
			merged = append(merged, value)
		case !seen[key.Value]:
			seen[key.Value] = true
			list = append(list, pair{key.Value, value})
		}
	}
	for _, m := range merged {
		for m.Kind == yaml.AliasNode {
			m = m.Alias
		}
		list = append(list, pairs(m, seen)...)
	}
	return list
}

// appendJSON writes a value without escaping <, > and &: the result is not HTML.
func appendJSON(b *bytes.Buffer, value any) error {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1)
	return nil
}
