package openapi

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// texts are the fields whose values are texts, which people write without quotes: version: 1.0.
var texts = map[string]bool{
	"openapi": true, "version": true, "title": true, "description": true, "summary": true, "name": true, "operationId": true, "format": true,
	"pattern": true, "termsOfService": true, "url": true, "email": true, "tags": true, "bearerFormat": true,
}

// free are the fields whose values are anybody's.
var free = map[string]bool{"example": true, "examples": true, "default": true, "enum": true, "const": true, "value": true}

// quote puts quotes around numbers, dates and the like where a text must be; ok is false when there are none.
func (d *Document) quote(data []byte) (quoted []byte, ok bool) {
	var root yaml.Node
	if yaml.Unmarshal(data, &root) != nil {
		return nil, false
	}
	var bare []*yaml.Node
	bareTexts(&root, false, &bare)
	lines := strings.Split(string(data), "\n")
	slices.SortFunc(bare, func(a, b *yaml.Node) int { return (b.Line-a.Line)*1_000_000 + b.Column - a.Column })
	for _, n := range bare {
		if n.Line > len(lines) {
			// YAML has other ends of lines, too.
			continue
		}
		line := []rune(lines[n.Line-1])
		at := n.Column - 1
		if at > len(line) || !strings.HasPrefix(string(line[at:]), n.Value) {
			continue
		}
		lines[n.Line-1] = string(line[:at]) + `"` + n.Value + `"` + string(line[at:])[len(n.Value):]
		d.found(n.Line, "%s stands without quotes, and is read as a text", n.Value)
		ok = true
	}
	return []byte(strings.Join(lines, "\n")), ok
}

// bareTexts collects the scalars that are no texts and must be.
func bareTexts(n *yaml.Node, isText bool, into *[]*yaml.Node) {
	switch n.Kind {
	case yaml.ScalarNode:
		if isText && n.Style == 0 && n.Tag != "!!str" && n.Tag != "!!null" {
			*into = append(*into, n)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i].Value
			if !free[key] && !strings.HasPrefix(key, "x-") {
				bareTexts(n.Content[i+1], texts[key], into)
			}
		}
	default:
		for _, part := range n.Content {
			bareTexts(part, isText, into)
		}
	}
}
