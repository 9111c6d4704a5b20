package openapi

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"
)

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
			if operation.Extensions["$ref"] != nil || slices.ContainsFunc(contents(operation), func(content openapi3.Content) bool {
				return slices.ContainsFunc(slices.Collect(maps.Values(content)), func(media *openapi3.MediaType) bool { return media != nil && media.Extensions["$ref"] != nil })
			}) {
				return true
			}
		}
	}
	return false
}

// contents are those of an operation's bodies.
func contents(operation *openapi3.Operation) (list []openapi3.Content) {
	if body := operation.RequestBody; body != nil && body.Value != nil {
		list = append(list, body.Value.Content)
	}
	for _, response := range operation.Responses.Map() {
		if response != nil && response.Value != nil {
			list = append(list, response.Value.Content)
		}
	}
	return list
}

// mender puts into a file what must be there: quotes around numbers, dates and the like where a text must be, and what a $ref
// names in the place of a $ref where the specification has none.
type mender struct {
	document *Document
	// file is where the file is, seen from the document's folder.
	file *url.URL
	open func(*url.URL) ([]byte, error)
	// within are the $refs whose content is being read: one that stands there again is left.
	within map[string]bool
	// left is how many more may be followed.
	left *int
}

// maxFollowed bounds the $refs that are followed in one document.
const maxFollowed = 20_000

// mend writes a file anew. The lines of what is right stay.
func (m mender) mend(data []byte) []byte {
	var root yaml.Node
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
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
	mended := []byte(strings.Join(lines, "\n"))
	if yaml.Unmarshal(mended, &root) != nil {
		// The author wrote it in a way that is not understood here.
		return data
	}
	return mended
}

// maxNested bounds how deep a value is: aliases of YAML may go in a circle.
const maxNested = 200

// named is what a $ref in some file names, to be put into the mender's.
func (m mender) named(ref string, in *url.URL, depth int) (any, error) {
	target, err := resolve(in, ref)
	if err != nil {
		return nil, err
	}
	name := target.String()
	if *m.left--; *m.left < 0 || m.within[name] {
		return nil, fmt.Errorf("%s goes in a circle", ref)
	}
	pointer := target.Fragment
	file := *target
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
	if pointer = strings.TrimPrefix(pointer, "/"); pointer != "" {
		if n = at(n, pointer); n == nil {
			return nil, fmt.Errorf("%s is not there", ref)
		}
	}
	m.within[name] = true
	defer delete(m.within, name)
	return m.plain(n, anything, &file, depth+1), nil
}

// member is the value of a name in an object; nil for none.
func member(n *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// plain is the value of a node of some file, its $refs as they are seen from the mender's.
func (m mender) plain(n *yaml.Node, at place, file *url.URL, depth int) any {
	if depth > maxNested {
		return nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		if at != anything && isRef(n) {
			if value, err := m.named(n.Content[1].Value, file, depth); err == nil {
				return value
			}
		}
		object := map[string]any{}
		m.fill(object, n, at, file, depth)
		return object
	case yaml.SequenceNode:
		if at == names {
			at = anything
		}
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			list[i] = m.plain(item, at, file, depth+1)
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

// fill puts the fields of a node into an object that has none of them yet, or has others that count more.
func (m mender) fill(object map[string]any, n *yaml.Node, at place, file *url.URL, depth int) {
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if _, there := object[key.Value]; there {
			continue
		}
		target, err := resolve(file, value.Value)
		switch isRef := key.Value == "$ref" || at == mapping && !plainName.MatchString(value.Value); {
		case key.Tag == "!!merge":
			merged = append(merged, value)
		case at != names && (free[key.Value] || strings.HasPrefix(key.Value, "x-")):
			var free any
			if value.Decode(&free) == nil {
				object[key.Value] = free
			}
		case isRef && value.Kind == yaml.ScalarNode && err == nil:
			object[key.Value] = seenFrom(m.file, target)
		default:
			object[key.Value] = m.plain(value, placeOf(key.Value, at), file, depth+1)
		}
	}
	for _, other := range merged {
		if other.Kind == yaml.AliasNode {
			other = other.Alias
		}
		if other.Kind == yaml.MappingNode && depth < maxNested {
			m.fill(object, other, at, file, depth+1)
		}
	}
}

// plainName is the name of a schema, and no file.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
