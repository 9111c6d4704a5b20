package docdiff

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
)

// check is what oasdiff does not check: servers, additional properties, and the extensions x-canonical and x-relations.
func check(older, newer *openapi3.T) []Change {
	list := servers(older.Servers, newer.Servers)
	for _, path := range slices.Sorted(maps.Keys(newer.Paths.Map())) {
		before := older.Paths.Value(path)
		if before == nil {
			continue
		}
		operations := newer.Paths.Value(path).Operations()
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			if old := before.GetOperation(method); old != nil {
				o := &checks{operation: method + " " + path}
				o.bodies(old, operations[method])
				o.parameters(old, operations[method])
				o.relations(old, operations[method])
				list = append(list, o.found...)
			}
		}
	}
	return list
}

func servers(older, newer openapi3.Servers) []Change {
	var list []Change
	compare := func(these, those openapi3.Servers, c Change, text string) {
		for _, server := range these {
			isDefault := len(those) == 0 && serverName(server) == ""
			if !isDefault && !slices.ContainsFunc(those, func(s *openapi3.Server) bool { return serverName(s) == serverName(server) }) {
				c.Line, c.Text = openapi.Line(server.Origin), fmt.Sprintf(text, server.URL)
				list = append(list, c)
			}
		}
	}
	compare(older, newer, Change{Audience: Wire, Rule: "server-removed", Severity: Warning, Gone: true}, "the server `%s` is not listed any more")
	compare(newer, older, Change{Audience: Wire, Rule: "server-added", Severity: Info}, "the server `%s` is listed")
	return list
}

// checks are the ones of one operation.
type checks struct {
	operation string
	found     []Change
}

func (o *checks) add(rule string, severity Severity, line int, format string, args ...any) {
	o.found = append(o.found, Change{Audience: Wire, Operation: o.operation, Rule: rule, Severity: severity, Line: line, Text: fmt.Sprintf(format, args...)})
}

// bodies compares what is said of other fields, and of the spelling of numbers, in the bodies of an operation.
func (o *checks) bodies(older, newer *openapi3.Operation) {
	compare := func(where string, request bool, before, after openapi3.Content) {
		for _, name := range slices.Sorted(maps.Keys(after)) {
			old := before[name]
			if old == nil || old.Schema == nil || after[name].Schema == nil {
				continue
			}
			walk(old.Schema.Value, after[name].Schema.Value, nil, map[[2]*openapi3.Schema]bool{}, func(path []string, before, after *openapi3.Schema) {
				place := where
				if len(path) > 0 {
					place = strings.Join(path, ".") + " of " + where
				}
				o.otherFields(place, request, before, after)
				o.unlooked(path, place, request, before, after)
				if request {
					o.canonical("`"+strings.Join(path, ".")+"`", before, after)
				}
			})
		}
	}
	if older.RequestBody != nil && newer.RequestBody != nil {
		compare("the request body", true, older.RequestBody.Value.Content, newer.RequestBody.Value.Content)
	}
	for _, status := range slices.Sorted(maps.Keys(newer.Responses.Map())) {
		if before := older.Responses.Value(status); before != nil {
			compare("the response `"+status+"`", false, before.Value.Content, newer.Responses.Value(status).Value.Content)
		}
	}
}

func (o *checks) otherFields(place string, request bool, before, after *openapi3.Schema) {
	was, is := additionalPropertiesLevel(before), additionalPropertiesLevel(after)
	line := openapi.LineOf(after.Origin, "additionalProperties")
	severity := map[bool]Severity{true: Breaking, false: Info}[request]
	switch {
	case is < was && is == 0:
		o.add("additional-properties-refused", severity, line, "other fields than the listed ones are not allowed any more in %s", place)
	case is < was:
		o.add("additional-properties-narrowed", severity, line, "other fields than the listed ones must keep a schema in %s", place)
	case is > was:
		severity = map[bool]Severity{true: Info, false: Warning}[request]
		o.add("additional-properties-allowed", severity, line, "other fields than the listed ones are allowed in %s", place)
	}
}

// unlooked compares the keywords that oasdiff does not look at, or only in some places.
func (o *checks) unlooked(path []string, place string, request bool, before, after *openapi3.Schema) {
	// narrower tells of a change by which less is allowed than before, or more.
	narrower := func(rule, keyword string, is bool, what string) {
		severity := Info
		if is == request {
			severity = Breaking
		}
		o.add(rule, severity, openapi.LineOf(after.Origin, keyword), "%s in %s", what, place)
	}
	says := func(ref *openapi3.SchemaRef) bool { return ref != nil && ref.Value != nil && !ref.Value.IsEmpty() }
	switch {
	case says(after.Items) && !says(before.Items):
		narrower("items-added", "items", true, "items must keep a schema")
	case says(before.Items) && !says(after.Items):
		narrower("items-removed", "items", false, "items need not keep a schema any more")
	}
	switch {
	case written(before.Not) == written(after.Not):
	case before.Not == nil:
		narrower("not-added", "not", true, "values are excluded by `not`")
	case after.Not == nil:
		narrower("not-removed", "not", false, "values are not excluded by `not` any more")
	}
	if before.Pattern != after.Pattern && len(path) == 0 {
		switch {
		case before.Pattern == "":
			narrower("body-pattern-added", "pattern", true, fmt.Sprintf("the pattern `%s` is added", after.Pattern))
		case after.Pattern == "":
			narrower("body-pattern-removed", "pattern", false, fmt.Sprintf("the pattern `%s` is removed", before.Pattern))
		default:
			narrower("body-pattern-changed", "pattern", request, fmt.Sprintf("the pattern is `%s` instead of `%s`", after.Pattern, before.Pattern))
		}
	}
	for _, name := range after.Required {
		if !slices.Contains(before.Required, name) && after.Properties[name] == nil && before.Properties[name] == nil {
			narrower("undeclared-property-required", "required", true, fmt.Sprintf("the field `%s`, which no property describes, became required", name))
		}
	}
	for _, name := range before.Required {
		if !slices.Contains(after.Required, name) && after.Properties[name] == nil && before.Properties[name] == nil {
			narrower("undeclared-property-optional", "required", false, fmt.Sprintf("the field `%s`, which no property describes, became optional", name))
		}
	}
}

func (o *checks) canonical(name string, before, after *openapi3.Schema) {
	was, is := before.Extensions[openapi.CanonicalForm] == true, after.Extensions[openapi.CanonicalForm] == true
	switch {
	case is && !was:
		o.add("canonical-form-required", Breaking, openapi.LineOf(after.Origin, openapi.CanonicalForm), "other spellings of the number %s, such as `010`, are refused", name)
	case was && !is:
		o.add("canonical-form-not-required", Info, openapi.LineOf(after.Origin, "type"), "other spellings of the number %s, such as `010`, may be read", name)
	}
}

func (o *checks) parameters(older, newer *openapi3.Operation) {
	for _, ref := range newer.Parameters {
		before := older.Parameters.GetByInAndName(ref.Value.In, ref.Value.Name)
		if before == nil || before.Schema == nil || ref.Value.Schema == nil {
			continue
		}
		o.canonical("`"+ref.Value.Name+"`", before.Schema.Value, ref.Value.Schema.Value)
		walk(before.Schema.Value, ref.Value.Schema.Value, nil, map[[2]*openapi3.Schema]bool{}, func(_ []string, before, after *openapi3.Schema) {
			o.otherFields("the "+ref.Value.In+" parameter `"+ref.Value.Name+"`", true, before, after)
		})
	}
}

// relations compares what the document promises of answers beyond their schemas. A promise that is new takes nothing away.
func (o *checks) relations(older, newer *openapi3.Operation) {
	was, is := relations(older), relations(newer)
	line := openapi.LineOf(newer.Origin, openapi.Relations)
	for _, promise := range slices.Sorted(maps.Keys(was)) {
		switch now, there := is[promise]; {
		case !there:
			o.add("relation-removed", Warning, line, "it is not promised any more that %s", promise)
		case now != was[promise]:
			o.add("relation-changed", Warning, line, "it is promised that %s, by %s instead of %s", promise, now, was[promise])
		}
	}
	for _, promise := range slices.Sorted(maps.Keys(is)) {
		if _, there := was[promise]; !there {
			o.add("relation-added", Info, line, "it is promised that %s", promise)
		}
	}
	o.listed(older, newer, is, line)
}

// relations flattens the relations: what is promised, and by what.
func relations(op *openapi3.Operation) map[string]string {
	all := map[string]string{}
	statuses, _ := openapi.Extension(op.Extensions, openapi.Relations).(map[string]any)
	for status, kinds := range statuses {
		byKind, _ := kinds.(map[string]any)
		for kind, promised := range byKind {
			text := func(what string) string {
				if kind == "culprit" {
					return fmt.Sprintf("the response `%s` says which parameter of the %s is wrong", status, what)
				}
				return fmt.Sprintf("`%s` is %s in the response `%s`", what, kind, status)
			}
			switch promised := promised.(type) {
			case []any:
				for _, what := range promised {
					all[text(fmt.Sprint(what))] = ""
				}
			case map[string]any:
				for what, by := range promised {
					all[text(what)] = written(by)
				}
			}
		}
	}
	return all
}

func written(value any) string {
	if text, ok := value.(string); ok {
		return "`" + text + "`"
	}
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return "`" + string(data) + "`"
}

// listed compares the examples' values of what the document promises to be one of them, such as the codes of errors.
func (o *checks) listed(older, newer *openapi3.Operation, promised map[string]string, line int) {
	for _, status := range slices.Sorted(maps.Keys(newer.Responses.Map())) {
		before := older.Responses.Value(status)
		if before == nil {
			continue
		}
		for _, pointer := range slices.Sorted(maps.Keys(listedIn(promised, status))) {
			was, is := exampleValues(before.Value, pointer), exampleValues(newer.Responses.Value(status).Value, pointer)
			for _, value := range was {
				if !slices.Contains(is, value) {
					o.add("listed-value-removed", Warning, line, "`%s` of the response `%s` is never %s any more", pointer, status, value)
				}
			}
			for _, value := range is {
				if !slices.Contains(was, value) {
					o.add("listed-value-added", Info, line, "`%s` of the response `%s` may be %s", pointer, status, value)
				}
			}
		}
	}
}
