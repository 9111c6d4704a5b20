package portal

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// child gives the value of a mapping's key; nil where there is none.
func child(n *yaml.Node, keys ...string) *yaml.Node {
	if n != nil && n.Kind == yaml.DocumentNode && len(n.Content) > 0 {
		n = n.Content[0]
	}
	for _, key := range keys {
		if n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		var found *yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				found = n.Content[i+1]
			}
		}
		n = found
	}
	return n
}

// withoutAliases is a tree with what its aliases stand for, which may be outside of it.
func withoutAliases(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return withoutAliases(n.Alias)
	}
	of := *n
	of.Anchor, of.Content = "", nil
	if of.Tag == "!!merge" {
		// The library would write the tag out.
		of.Tag = ""
	}
	for _, c := range n.Content {
		of.Content = append(of.Content, withoutAliases(c))
	}
	return &of
}

// part writes a part of the document, as it stands there.
func part(n *yaml.Node) (string, error) {
	var b strings.Builder
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(withoutAliases(n)); err != nil {
		return "", fmt.Errorf("writing a part of the document: %w", err)
	}
	return b.String(), nil
}

// Schemas names the schemas of the document, in its order, and those of the documents beside it after the path of their reference:
// devices/Error.
func (p *Portal) Schemas() []string {
	names := p.schemas()
	for _, beside := range p.beside {
		for _, name := range beside.schemas() {
			names = append(names, p.nameBeside(beside)+"/"+name)
		}
	}
	return names
}

// nameBeside names a document beside this one by its path.
func (p *Portal) nameBeside(beside *Portal) string {
	return strings.TrimPrefix(strings.TrimPrefix(beside.Path(""), p.Path("")), "/")
}

func (p *Portal) schemas() (names []string) {
	schemas := child(p.source.root, "components", "schemas")
	if schemas == nil {
		schemas = child(p.source.root, "definitions")
	}
	if schemas == nil || schemas.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i < len(schemas.Content); i += 2 {
		names = append(names, schemas.Content[i].Value)
	}
	return names
}

// SchemaSource gives a schema of the document as YAML, by its name of Schemas; ok is false where there is none.
func (p *Portal) SchemaSource(name string) (text string, ok bool) {
	n := child(p.source.root, "components", "schemas", name)
	if n == nil {
		n = child(p.source.root, "definitions", name)
	}
	if n != nil {
		text, ok = named(name, n)
	}
	for _, beside := range p.beside {
		if name, ok := strings.CutPrefix(name, p.nameBeside(beside)+"/"); ok {
			return beside.SchemaSource(name)
		}
		switch other, has := beside.SchemaSource(name); {
		case has && ok:
			text += "# Another document has another one: " + p.nameBeside(beside) + "/" + name + "\n"
		case has:
			text, ok = other, true
		}
	}
	return text, ok
}

// OperationSource gives an operation of the document as YAML, with its path and method; ok is false where there is none of the id.
func (p *Portal) OperationSource(id string) (text string, ok bool) {
	for _, op := range p.reference.Operations {
		if op.ID != id {
			continue
		}
		method := strings.ToLower(op.Method)
		var n *yaml.Node
		switch op.Received {
		case "":
			n = child(p.source.root, "paths", op.Path, method)
		case webhook:
			n = child(p.source.root, "webhooks", op.Path, method)
		}
		if n == nil {
			// It stands elsewhere: as it was read.
			n = asNode(op.spec)
		}
		text, ok = named(method, n)
		return op.Path + ":\n" + indentedBy("  ", text), ok
	}
	for _, of := range p.beside {
		if text, ok := of.OperationSource(id); ok {
			return text, true
		}
	}
	return "", false
}

// asNode writes a value as a tree; nil where it cannot be.
func asNode(value any) *yaml.Node {
	data, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	var n yaml.Node
	if err := yaml.Unmarshal(data, &n); err != nil || len(n.Content) == 0 {
		return nil
	}
	block(&n)
	return n.Content[0]
}

// block has a tree written over several lines instead of in JSON.
func block(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		block(c)
	}
}

func named(name string, n *yaml.Node) (string, bool) {
	if n == nil {
		return "", false
	}
	text, err := part(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: name}, n}})
	return text, err == nil
}

func indentedBy(by, text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = by + line
		}
	}
	return strings.Join(lines, "\n") + "\n"
}
