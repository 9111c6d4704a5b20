package openapi

// Documents are mended as texts, and not as trees, so that the lines of all that is right stay: findings and rules name them.

import (
	"encoding/json"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// put writes a value in the place of a node; false tells that the node is not found where it should be.
func put(lines []string, n *yaml.Node, value any) bool {
	if n.Anchor != "" {
		// Others refer to it.
		return false
	}
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
	if key := strings.Index(lines[last.Line-1][from:], "$ref"); isRef(n) && key >= 0 {
		from += key + len("$ref")
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
