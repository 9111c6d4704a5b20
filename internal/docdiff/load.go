package docdiff

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/flatten/commonparams"
	"github.com/oasdiff/oasdiff/load"

	"github.com/nudgehq/nudge/internal/openapi"
)

// Document is a document that is not read yet.
type Document openapi.Source

// loaded is a document that is ready to be compared.
type loaded struct {
	Document
	spec *openapi3.T
}

func loadBoth(older, newer Document) (before, after *loaded, err error) {
	if before, err = read(older); err != nil {
		return nil, nil, err
	}
	after, err = read(newer)
	return before, after, err
}

// Load reads a document with the lines of its parts. The error names the document.
func (d Document) Load() (*openapi3.T, error) {
	read, err := openapi.Source(d).Read()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.Name, err)
	}
	return read.T, nil
}

func read(document Document) (*loaded, error) {
	spec, err := document.Load()
	if err != nil {
		return nil, err
	}
	// Parameters of a path are compared as those of its operations.
	commonparams.Move(spec)
	return &loaded{document, spec}, nil
}

func (l *loaded) info() *load.SpecInfo {
	return &load.SpecInfo{Url: l.Name, Spec: l.spec, Version: l.spec.Info.Version}
}

var parameterName = regexp.MustCompile(`\{[^}]+\}`)

// alignPaths gives the parameters of the older document's paths the names that the newer one has for them: on the wire a path
// has no names.
func alignPaths(older, newer *openapi3.T) []Change {
	oneOfShape(older)
	oneOfShape(newer)
	byShape := map[string]string{}
	for path := range older.Paths.Map() {
		byShape[parameterName.ReplaceAllString(path, "{}")] = path
	}
	var list []Change
	for _, path := range slices.Sorted(maps.Keys(newer.Paths.Map())) {
		before, ok := byShape[parameterName.ReplaceAllString(path, "{}")]
		if !ok || before == path || newer.Paths.Value(before) != nil || older.Paths.Value(path) != nil {
			continue
		}
		names := namesOf(before, path)
		item := older.Paths.Value(before)
		if item == nil {
			continue
		}
		older.Paths.Delete(before)
		older.Paths.Set(path, item)
		for method, op := range item.Operations() {
			op.Parameters = renamed(op.Parameters, names)
			op.Extensions, _ = inExpressions(op.Extensions, names).(map[string]any)
			for _, was := range slices.Sorted(maps.Keys(names)) {
				if names[was] != was {
					list = append(list, Change{
						Audience: Wire, Rule: "path-parameter-renamed", Severity: Info, Operation: method + " " + path, Line: openapi.Line(newer.Paths.Value(path).Origin),
						Text: fmt.Sprintf("the path parameter `%s` is called `%s`; on the wire the path is the same", was, names[was]),
					})
				}
			}
		}
	}
	return list
}

// oneOfShape makes one path of those that differ in the names of their parameters alone: on the wire they are one.
func oneOfShape(doc *openapi3.T) {
	first := map[string]string{}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		shape := parameterName.ReplaceAllString(path, "{}")
		into, known := first[shape]
		if !known {
			first[shape] = path
			continue
		}
		item, other := doc.Paths.Value(into), doc.Paths.Value(path)
		names := namesOf(path, into)
		for method, op := range other.Operations() {
			if item.GetOperation(method) == nil {
				op.Parameters = renamed(op.Parameters, names)
				item.SetOperation(method, op)
			}
		}
		doc.Paths.Delete(path)
	}
}

// namesOf are the names that the parameters of a path have in another one of its shape.
func namesOf(path, other string) map[string]string {
	names := map[string]string{}
	now := parameterName.FindAllString(other, -1)
	for i, was := range parameterName.FindAllString(path, -1) {
		names[was[1:len(was)-1]] = now[i][1 : len(now[i])-1]
	}
	return names
}

// inExpressions gives the runtime expressions of a value the names of now.
func inExpressions(value any, names map[string]string) any {
	switch value := value.(type) {
	case string:
		if name := names[strings.TrimPrefix(value, pathExpression)]; name != "" && strings.HasPrefix(value, pathExpression) {
			return pathExpression + name
		}
	case []any:
		list := make([]any, len(value))
		for i, item := range value {
			list[i] = inExpressions(item, names)
		}
		return list
	case map[string]any:
		fields := map[string]any{}
		for key, field := range value {
			name, _ := inExpressions(key, names).(string)
			fields[name] = inExpressions(field, names)
		}
		return fields
	}
	return value
}

const pathExpression = "$request.path."

// renamed copies the parameters that have another name now.
func renamed(parameters openapi3.Parameters, names map[string]string) openapi3.Parameters {
	list := slices.Clone(parameters)
	for i, ref := range list {
		if name := names[ref.Value.Name]; name != "" && ref.Value.In == "path" {
			parameter := *ref.Value
			parameter.Name = name
			list[i] = &openapi3.ParameterRef{Value: &parameter, Origin: ref.Origin}
		}
	}
	return list
}
