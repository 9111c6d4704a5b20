package docdiff

import (
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
)

// additionalPropertiesLevel is what a schema says of fields that it does not list: none, some, any.
func additionalPropertiesLevel(s *openapi3.Schema) int {
	switch {
	case s.Type != nil && !slices.Contains(s.Type.Slice(), "object"):
		// It is no object's.
	case isClosed(s):
		return 0
	case s.AdditionalProperties.Schema != nil && !s.AdditionalProperties.Schema.Value.IsEmpty():
		return 1
	}
	return 2
}

// listedIn lists the fields that are promised to be listed in an answer.
func listedIn(promised map[string]string, status string) map[string]bool {
	fields := map[string]bool{}
	for promise := range promised {
		for _, of := range []string{status, status[:min(1, len(status))] + "XX"} {
			field, ok := strings.CutSuffix(promise, "` is listed in the response `"+of+"`")
			if field, isBody := strings.CutPrefix(field, "`$response.body#/"); ok && isBody {
				fields[field] = true
			}
		}
	}
	return fields
}

// exampleValues are the values that a field has in the examples of an answer.
func exampleValues(response *openapi3.Response, pointer string) []string {
	var list []string
	for _, value := range openapi.Examples(response) {
		for _, name := range strings.Split(pointer, "/") {
			fields, _ := value.(map[string]any)
			value = fields[name]
		}
		if value != nil {
			list = append(list, written(value))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// walk visits the schemas that two versions of a body have in common, each pair once: schemas may contain themselves.
func walk(before, after *openapi3.Schema, path []string, seen map[[2]*openapi3.Schema]bool, visit func(path []string, before, after *openapi3.Schema)) {
	pair := [2]*openapi3.Schema{before, after}
	if seen[pair] {
		return
	}
	seen[pair] = true
	visit(path, before, after)
	for _, name := range slices.Sorted(maps.Keys(after.Properties)) {
		if old := before.Properties[name]; old != nil {
			walk(old.Value, after.Properties[name].Value, append(slices.Clone(path), name), seen, visit)
		}
	}
	for _, parts := range [][2]openapi3.SchemaRefs{{before.AllOf, after.AllOf}, {before.OneOf, after.OneOf}, {before.AnyOf, after.AnyOf}} {
		for _, pair := range paired(parts[0], parts[1]) {
			walk(pair[0], pair[1], path, seen, visit)
		}
	}
	if was, is := before.AdditionalProperties.Schema, after.AdditionalProperties.Schema; was != nil && is != nil {
		walk(was.Value, is.Value, append(slices.Clone(path), "*"), seen, visit)
	}
	if before.Items != nil && after.Items != nil {
		walk(before.Items.Value, after.Items.Value, append(slices.Clone(path), "items"), seen, visit)
	}
}

// paired are the alternatives of two versions that belong together: by their name, and the others by what they say, in their order.
func paired(before, after openapi3.SchemaRefs) (pairs [][2]*openapi3.Schema) {
	used := map[int]bool{}
	match := func(same func(a, b *openapi3.SchemaRef) bool) {
		for _, now := range after {
			if now == nil || now.Value == nil || slices.ContainsFunc(pairs, func(p [2]*openapi3.Schema) bool { return p[1] == now.Value }) {
				continue
			}
			for i, was := range before {
				if was != nil && was.Value != nil && !used[i] && same(was, now) {
					used[i] = true
					pairs = append(pairs, [2]*openapi3.Schema{was.Value, now.Value})
					break
				}
			}
		}
	}
	match(func(a, b *openapi3.SchemaRef) bool { return a.Ref != "" && a.Ref == b.Ref })
	match(func(a, b *openapi3.SchemaRef) bool { return written(a.Value) == written(b.Value) })
	match(func(a, b *openapi3.SchemaRef) bool {
		return slices.Equal(slices.Sorted(maps.Keys(a.Value.Properties)), slices.Sorted(maps.Keys(b.Value.Properties))) && slices.Equal(a.Value.Type.Slice(), b.Value.Type.Slice())
	})
	match(func(_, _ *openapi3.SchemaRef) bool { return true })
	return pairs
}
