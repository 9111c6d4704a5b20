package openapi

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxUnresolved bounds the $refs to nothing that are looked past: the loader stops at each.
const maxUnresolved = 20

var (
	// nothingThere is what the loader says of a $ref that leads nowhere, wrongThere of one that leads to something else.
	nothingThere = regexp.MustCompile(`(?:resolving reference|bad data in|in fragment in URI:) "([^"]+)"`)
	wrongThere   = regexp.MustCompile(`bad data in "([^"]+)" \(expecting ref to (\w+) object\)`)
	missingKey   = regexp.MustCompile(`map key "([^"]+)" not found`)
)

// openInstead writes a document without the $refs that the loader stopped at: what they stand for is left open. False tells
// that there is none.
func (d *Document) openInstead(data []byte, failed error) ([]byte, bool) {
	ref, kind := "", ""
	fits := func(given string) bool { return given == ref }
	switch text := failed.Error(); {
	case wrongThere.MatchString(text):
		found := wrongThere.FindStringSubmatch(text)
		ref, kind = found[1], strings.ToLower(strings.ReplaceAll(found[2], " ", ""))
	case nothingThere.MatchString(text):
		ref = nothingThere.FindStringSubmatch(text)[1]
	case missingKey.MatchString(text):
		ref = missingKey.FindStringSubmatch(text)[1]
		fits = func(given string) bool { return strings.HasSuffix(given, "/"+ref) }
	default:
		return nil, false
	}
	var root yaml.Node
	if yaml.Unmarshal(data, &root) != nil {
		return nil, false
	}
	var found []pointing
	findRefs(&root, "schema", &found)
	found = slices.DeleteFunc(found, func(p pointing) bool { return !fits(p.ref) || kind != "" && p.kind != kind })
	slices.SortFunc(found, func(a, b pointing) int { return cmp.Or(b.node.Line-a.node.Line, b.node.Column-a.node.Column) })
	lines := strings.Split(string(data), "\n")
	opened := false
	for _, p := range found {
		var instead any = map[string]any{}
		switch p.kind {
		case "mapping":
			instead = "unknown"
		case "parameter":
			instead = map[string]any{"name": "X-Unknown", "in": "header", "schema": map[string]any{}}
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
