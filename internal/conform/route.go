package conform

import (
	"net/url"
	"regexp"
	"strings"
)

// segment is one part of a path between slashes: the texts around its parameters, and their names. A segment without parameters
// is one text.
type segment struct {
	texts, names []string
}

func segmentsOf(path string) []segment {
	var list []segment
	for _, text := range strings.Split(path, "/") {
		var s segment
		for {
			before, rest, ok := strings.Cut(text, "{")
			s.texts = append(s.texts, before)
			name, after, closed := strings.Cut(rest, "}")
			if !ok || !closed {
				break
			}
			s.names, text = append(s.names, name), after
		}
		list = append(list, s)
	}
	return list
}

// read takes the parameters of a segment from a part of an escaped path; ok is false when it is another one.
func (s segment) read(part string, into map[string]string) (ok bool) {
	if len(s.names) == 0 {
		literal, err := url.PathUnescape(part)
		return part == s.texts[0] || err == nil && literal == s.texts[0]
	}
	rest, ok := strings.CutPrefix(part, s.texts[0])
	for i, name := range s.names {
		after, end := s.texts[i+1], len(rest)
		if i == len(s.names)-1 {
			end -= len(after)
			ok = ok && strings.HasSuffix(rest, after)
		} else {
			end = strings.Index(rest, after)
		}
		if !ok || end <= 0 {
			return false
		}
		value, err := url.PathUnescape(rest[:end])
		if err != nil {
			return false
		}
		into[name], rest = value, rest[end+len(after):]
	}
	return ok
}

// match reads the parameters of an escaped path; ok is false when it is another path.
func match(segments []segment, path string) (parameters map[string]string, ok bool) {
	parts := strings.Split(path, "/")
	if len(parts) != len(segments) {
		return nil, false
	}
	parameters = map[string]string{}
	for i, s := range segments {
		if !s.read(parts[i], parameters) {
			return nil, false
		}
	}
	return parameters, true
}

// Find finds the operation of a request. onPath tells that the path is an operation's, with another method.
func (j *Document) Find(method, escapedPath string) (found *Operation, onPath bool) {
	for _, op := range j.Operations {
		if _, ok := match(op.segments, escapedPath); ok {
			if op.Method == method {
				return op, true
			}
			onPath = true
		}
	}
	return nil, onPath
}

// Methods are the methods of all paths that are the same but for the names of their parameters.
func (j *Document) Methods(path string) map[string]bool {
	methods := map[string]bool{}
	shape := parameterName.ReplaceAllString(path, "{}")
	for _, op := range j.Operations {
		if parameterName.ReplaceAllString(op.Path, "{}") == shape {
			methods[op.Method] = true
		}
	}
	return methods
}

var parameterName = regexp.MustCompile(`\{[^}]+\}`)
