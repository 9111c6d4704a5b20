package openapi

import (
	"cmp"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxUnresolved bounds the $refs to nothing that are looked past: the loader stops at each.
const maxUnresolved = 20

var (
	// nothingThere is what the loader says of a $ref that leads nowhere, wrongThere of one that leads to something else.
	nothingThere = regexp.MustCompile(`(?:resolving reference|bad data in|in fragment in URI:) "([^"]+)"`)
	noLists      = regexp.MustCompile(`cannot construct !!map into \[\]interface \{\} in (/\S+?)(?:;|$)`)
	wrongThere   = regexp.MustCompile(`bad data in "([^"]+)" \(expecting ref to (\w+) object\)`)
)

// openInstead writes a document without the $refs that the loader cannot go on with: those to nothing within it, values of a
// mapping that name files which are not there, and the one that it stopped at because it leads to something else. What they
// stand for is left open. False tells that there is none.
func (d *Document) openInstead(data []byte, file *url.URL, open func(*url.URL) ([]byte, error), failed error) ([]byte, bool) {
	text := failed.Error()
	if noLists.MatchString(text) {
		return d.asLists(data, text)
	}
	if !nothingThere.MatchString(text) {
		return nil, false
	}
	ref, kind := nothingThere.FindStringSubmatch(text)[1], ""
	if found := wrongThere.FindStringSubmatch(text); found != nil {
		kind = strings.ToLower(found[2])
	}
	var root yaml.Node
	if yaml.Unmarshal(data, &root) != nil || root.Kind == 0 {
		return nil, false
	}
	isThere := map[string]bool{}
	fits := func(p pointing) bool {
		if kind != "" {
			return p.ref == ref && p.kind == kind
		}
		there, known := isThere[p.ref]
		if !known {
			there = leadsSomewhere(root.Content[0], p, file, open)
			isThere[p.ref] = there
		}
		return !there
	}
	var found []pointing
	findRefs(&root, "schema", &found)
	found = slices.DeleteFunc(found, func(p pointing) bool { return !fits(p) })
	slices.SortFunc(found, func(a, b pointing) int { return cmp.Or(b.node.Line-a.node.Line, b.node.Column-a.node.Column) })
	lines := strings.Split(string(data), "\n")
	opened := false
	for i, p := range found {
		var instead any = map[string]any{}
		switch p.kind {
		case "mapping":
			instead = "unknown"
		case "parameter":
			instead = map[string]any{"name": fmt.Sprintf("X-Unknown-%d", i+1), "in": "header", "schema": map[string]any{}}
		case "header":
			instead = map[string]any{"schema": map[string]any{}}
		case "requestbody":
			instead = map[string]any{"content": map[string]any{"*/*": map[string]any{}}}
		case "response":
			instead = map[string]any{"description": ""}
		}
		if put(lines, p.node, instead) {
			opened = true
			d.found(p.node.Line, "%q leads to nothing that may stand there: what it means is left open", p.ref)
		}
	}
	return []byte(strings.Join(lines, "\n")), opened
}

// asLists writes a document with lists where objects stand for them, as the examples of schemas do.
func (d *Document) asLists(data []byte, failed string) ([]byte, bool) {
	var root yaml.Node
	if yaml.Unmarshal(data, &root) != nil || root.Kind == 0 {
		return nil, false
	}
	lines := strings.Split(string(data), "\n")
	changed := false
	for _, found := range noLists.FindAllStringSubmatch(failed, -1) {
		n := at(root.Content[0], strings.TrimPrefix(found[1], "/"))
		if n == nil || n.Kind != yaml.MappingNode || n.Style&yaml.FlowStyle != 0 {
			continue
		}
		list := []any{}
		for i := 1; i < len(n.Content); i += 2 {
			var item any
			if n.Content[i].Decode(&item) == nil {
				list = append(list, item)
			}
		}
		if put(lines, n, list) {
			changed = true
			d.found(n.Line, "an object stands where a list must be, and is read as the list of its values")
		}
	}
	return []byte(strings.Join(lines, "\n")), changed
}

// at is what a JSON pointer without its first slash leads to; nil for nothing.
func at(n *yaml.Node, pointer string) *yaml.Node {
	for part := range strings.SplitSeq(pointer, "/") {
		if n = step(n, strings.NewReplacer("~1", "/", "~0", "~").Replace(part)); n == nil {
			return nil
		}
	}
	return n
}

// leadsSomewhere tells whether there is what a $ref names within the document, or a value of a mapping among the files. Of other
// files the loader says more.
func leadsSomewhere(root *yaml.Node, p pointing, file *url.URL, open func(*url.URL) ([]byte, error)) bool {
	if pointer, within := strings.CutPrefix(p.ref, "#/"); within {
		plain, err := url.PathUnescape(pointer)
		if err != nil {
			plain = pointer
		}
		return at(root, plain) != nil
	}
	if p.kind != "mapping" || !strings.ContainsAny(p.ref, "/#") && path.Ext(p.ref) == "" {
		return true
	}
	target, err := resolve(file, p.ref)
	if err != nil {
		return false
	}
	target.Fragment = ""
	_, err = open(target)
	return err == nil
}

// step is a member of an object, or an item of a list.
func step(n *yaml.Node, name string) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind == yaml.SequenceNode {
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i]
		}
		return nil
	}
	if name == "" {
		return nil
	}
	return member(n, name)
}

// pointing is a $ref, or a value of a discriminator's mapping.
type pointing struct {
	node *yaml.Node
	ref  string
	// kind is what it should point to.
	kind string
}

// kindsBelow are the kinds of what stands below a key, by name or in a list.
var kindsBelow = map[string]string{"responses": "response", "parameters": "parameter", "headers": "header", "requestBodies": "requestbody", "mapping": "mapping", "examples": "example", "links": "link"}

func findRefs(n *yaml.Node, kind string, into *[]pointing) {
	if isRef(n) {
		*into = append(*into, pointing{n, n.Content[1].Value, kind})
		return
	}
	if n.Kind != yaml.MappingNode {
		for _, part := range n.Content {
			findRefs(part, kind, into)
		}
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, n.Content[i+1]
		switch below := kindsBelow[key]; {
		case below == "mapping" && value.Kind == yaml.MappingNode:
			for j := 1; j < len(value.Content); j += 2 {
				*into = append(*into, pointing{value.Content[j], value.Content[j].Value, "mapping"})
			}
		case below != "" && value.Kind == yaml.MappingNode:
			for j := 1; j < len(value.Content); j += 2 {
				findRefs(value.Content[j], below, into)
			}
		case below != "":
			findRefs(value, below, into)
		case key == "requestBody":
			findRefs(value, "requestbody", into)
		default:
			findRefs(value, "schema", into)
		}
	}
}
