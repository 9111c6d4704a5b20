package docdiff

import (
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// lines finds what generated names come from.
type lines struct {
	// keys are the lines of the document's keys, by their path, with the names as Go has them.
	keys []key
}

type key struct {
	names []string
	line  int
}

// newLines reads a document that is known to be one.
func newLines(document []byte) lines {
	var root yaml.Node
	if err := yaml.Unmarshal(document, &root); err != nil {
		return lines{}
	}
	var l lines
	l.read(&root, nil)
	return l
}

func (l *lines) read(n *yaml.Node, path []string) {
	if n.Kind != yaml.MappingNode {
		for _, child := range n.Content {
			l.read(child, path)
		}
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		own := append(append([]string(nil), path...), simple(name.Value))
		l.keys = append(l.keys, key{own, name.Line})
		if value.Kind == yaml.ScalarNode && (name.Value == "operationId" || name.Value == "x-go-name") {
			l.keys = append(l.keys, key{append(append([]string(nil), path...), simple(value.Value)), name.Line})
		}
		l.read(value, own)
	}
}

// of finds the line of a symbol such as CreateNotificationRequest.Ttl: a schema and its property, an operation, a status.
// 0: there is none.
func (l lines) of(symbols []string) int {
	best, line := 0, 0
	for _, k := range l.keys {
		last := k.names[len(k.names)-1]
		score := 0
		for i, s := range symbols {
			s = simple(s)
			switch {
			case s == last:
				score += 8 + 4*i
			case i == 0 && len(symbols) > 1 && contains(k.names, s):
				score += 6
			case len(last) > 2 && strings.HasPrefix(s, last), last == "servers" && strings.HasPrefix(s, "serverurl"):
				score += 2
			case len(last) > 5 && strings.Contains(s, last):
				score++
			}
		}
		if score > best {
			best, line = score, k.line
		}
	}
	return line
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// simple makes names of the document and of Go comparable: date_created is DateCreated.
func simple(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}
