package openapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// texts are the fields whose values are texts, which people write without quotes: version: 1.0.
var texts = map[string]bool{
	"openapi": true, "version": true, "title": true, "description": true, "summary": true, "name": true, "operationId": true, "format": true,
	"pattern": true, "termsOfService": true, "url": true, "email": true, "tags": true, "bearerFormat": true,
}

// ownNames are the fields whose values have names of the document's own: a property may be called description.
var ownNames = map[string]bool{
	"properties": true, "patternProperties": true, "dependentSchemas": true, "$defs": true, "definitions": true, "schemas": true, "responses": true,
	"parameters": true, "requestBodies": true, "headers": true, "securitySchemes": true, "links": true, "callbacks": true, "pathItems": true, "paths": true,
}

// free are the fields whose values are anybody's.
var free = map[string]bool{"example": true, "examples": true, "default": true, "enum": true, "const": true, "value": true}

// otherThanText is what the loader says of a number, or an object, where a text must be.
var otherThanText = regexp.MustCompile(`cannot (unmarshal|construct) !!`)

// refsElsewhere tells whether an operation or a media type is a $ref, which the specification does not know. The loader takes
// it for an extension.
func (d *Document) refsElsewhere() bool {
	if d.T == nil || d.Paths == nil {
		return false
	}
	for _, item := range d.Paths.Map() {
		if item == nil {
			continue
		}
		for _, operation := range item.Operations() {
			if operation.Extensions["$ref"] != nil {
				return true
			}
		}
	}
	return false
}

// mender puts into a file what must be there: quotes around numbers, dates and the like where a text must be, and what a $ref
// names in the place of a $ref where the specification has none.
type mender struct {
	document *Document
	// file is where the file is, seen from the document's folder.
	file *url.URL
	open func(*url.URL) ([]byte, error)
}

// mend writes a file anew. The lines of what is right stay.
func (m mender) mend(data []byte) []byte {
	var root yaml.Node
	if yaml.Unmarshal(data, &root) != nil {
		return data
	}
	var others []misplaced
	findMisplaced(&root, anything, &others)
	lines := strings.Split(string(data), "\n")
	slices.SortFunc(others, func(a, b misplaced) int { return cmp.Or(b.node.Line-a.node.Line, b.node.Column-a.node.Column) })
	for _, other := range others {
		n := other.node
		if n.Kind != yaml.MappingNode {
			if put(lines, n, n.Value) {
				m.document.found(n.Line, "%s stands without quotes, and is read as a text", n.Value)
			}
			continue
		}
		ref := n.Content[1].Value
		value, err := m.named(ref, m.file, 0)
		if err != nil && other.text {
			// A text that cannot be read changes no request.
			value, err = ref, nil
		}
		if err == nil && put(lines, n, value) {
			m.document.misplacedRefs = append(m.document.misplacedRefs, fmt.Sprintf("%s:%d", path.Base(m.file.Path), n.Line))
		}
	}
	return []byte(strings.Join(lines, "\n"))
}

// maxNested bounds how deep one $ref stands in what another names: they may go in a circle.
const maxNested = 20

// named is what a $ref in some file names, to be put into the mender's.
func (m mender) named(ref string, in *url.URL, depth int) (any, error) {
	at, err := resolve(in, ref)
	if err != nil {
		return nil, err
	}
	pointer := at.Fragment
	file := *at
	file.Fragment = ""
	data, err := m.open(&file)
	if err != nil {
		return nil, err
	}
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil || root.Kind == 0 || root.Content[0].Kind == yaml.ScalarNode && pointer == "" {
		// A text, Markdown for the most part.
		return string(data), nil
	}
	n := root.Content[0]
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if n = member(n, strings.NewReplacer("~1", "/", "~0", "~").Replace(part)); n == nil || depth > maxNested {
			return nil, fmt.Errorf("%s is not there", ref)
		}
	}
	return m.plain(n, anything, &file, depth), nil
}

// member is the value of a name in an object; the object itself of an empty name.
func member(n *yaml.Node, name string) *yaml.Node {
	if name == "" {
		return n
	}
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// plain is the value of a node of some file, its $refs as they are seen from the mender's.
func (m mender) plain(n *yaml.Node, at place, file *url.URL, depth int) any {
	switch n.Kind {
	case yaml.MappingNode:
		if at != anything && isRef(n) {
			if value, err := m.named(n.Content[1].Value, file, depth+1); err == nil {
				return value
			}
		}
		object := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i].Value, n.Content[i+1]
			target, err := resolve(file, value.Value)
			if (key == "$ref" || at == mapping) && value.Kind == yaml.ScalarNode && err == nil {
				object[key] = seenFrom(m.file, target)
				continue
			}
			object[key] = m.plain(value, placeOf(key, at), file, depth)
		}
		return object
	case yaml.SequenceNode:
		if at == names {
			at = anything
		}
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			list[i] = m.plain(item, at, file, depth)
		}
		return list
	case yaml.AliasNode:
		return m.plain(n.Alias, at, file, depth+1)
	}
	var scalar any
	if at == aText || n.Tag == "!!timestamp" || n.Decode(&scalar) != nil {
		return n.Value
	}
	return scalar
}

// put writes a value in the place of a node; false tells that the node is not found where it should be.
func put(lines []string, n *yaml.Node, value any) bool {
	last, end := n, n.Value
	for len(last.Content) > 0 {
		last = last.Content[len(last.Content)-1]
		end = last.Value
	}
	// YAML has other ends of lines, too.
	if last.Line > len(lines) || n.Column > len([]rune(lines[n.Line-1])) {
		return false
	}
	before := string([]rune(lines[n.Line-1])[:n.Column-1])
	from := 0
	if last.Line == n.Line {
		from = len(before)
	}
	_, after, found := strings.Cut(lines[last.Line-1][from:], end)
	through := last.Line
	if n.Style&yaml.FlowStyle != 0 && n.Kind == yaml.MappingNode {
		// Its brace may stand in a later line.
		for ; found && !strings.Contains(after, "}") && through < len(lines); through++ {
			after = lines[through]
		}
		_, after, found = strings.Cut(after, "}")
	} else if last.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		after = after[min(1, len(after)):]
	}
	quoted, err := json.Marshal(value)
	if !found || err != nil {
		return false
	}
	for i := n.Line; i < through; i++ {
		lines[i] = ""
	}
	lines[n.Line-1] = before + string(quoted) + after
	return true
}

// place is what may stand somewhere in a document.
type place int

const (
	anything place = iota
	// aText is a text.
	aText
	// Each of these cannot be a $ref: anObject is an operation or a media type.
	anObject
	// names are values by names of the document's own, and mediaTypes objects by theirs.
	names
	mediaTypes
	// mapping is a discriminator's, whose values are what a $ref says.
	mapping
)

// misplaced is a value that must be another: a scalar that is no text, or a $ref.
type misplaced struct {
	node *yaml.Node
	text bool
}

// findMisplaced collects the values that may not stand where they are.
func findMisplaced(n *yaml.Node, at place, into *[]misplaced) {
	switch n.Kind {
	case yaml.ScalarNode:
		if at == aText && n.Style == 0 && n.Tag != "!!str" && n.Tag != "!!null" {
			*into = append(*into, misplaced{n, true})
		}
	case yaml.MappingNode:
		if at != anything && isRef(n) {
			*into = append(*into, misplaced{n, at == aText})
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i].Value
			if at == names || !free[key] && !strings.HasPrefix(key, "x-") {
				findMisplaced(n.Content[i+1], placeOf(key, at), into)
			}
		}
	default:
		if at == names {
			// The items of parameters may be a $ref.
			at = anything
		}
		for _, part := range n.Content {
			findMisplaced(part, at, into)
		}
	}
}

// isRef tells whether an object is a $ref and nothing else.
func isRef(n *yaml.Node) bool {
	return n.Kind == yaml.MappingNode && len(n.Content) == 2 && n.Content[0].Value == "$ref" && n.Content[1].Kind == yaml.ScalarNode
}

// placeOf is what may stand under a key in a place.
func placeOf(key string, at place) place {
	switch {
	case at == names:
		return anything
	case at == mediaTypes || slices.Contains(methods, key):
		return anObject
	case key == "mapping":
		return mapping
	case key == "content":
		return mediaTypes
	case ownNames[key]:
		return names
	case texts[key]:
		return aText
	}
	return anything
}

var methods = []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}

// resolve is where a $ref in a file points to. Paths without a host are seen from the document's folder.
func resolve(file *url.URL, ref string) (*url.URL, error) {
	at, err := url.Parse(ref)
	switch {
	case err != nil || at.Host != "":
		return at, err
	case file.Host != "":
		return file.Parse(ref)
	case at.Path == "":
		at.Path = file.Path
	default:
		at.Path = path.Join(path.Dir(file.Path), at.Path)
	}
	return at, nil
}

// seenFrom writes where something is as a $ref in a file.
func seenFrom(file, at *url.URL) string {
	if file.Host != "" || at.Host != "" {
		return at.String()
	}
	relative, err := filepath.Rel(path.Dir(file.Path), at.Path)
	if err != nil {
		return at.String()
	}
	return (&url.URL{Path: filepath.ToSlash(relative), Fragment: at.Fragment}).String()
}
