package strictserver

import (
	"slices"

	"github.com/dlclark/regexp2"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaOf compiles a schema of the document, without the keywords that are ignored.
func (s *server) schemaOf(schema any) (*jsonschema.Schema, error) {
	resource := object{"allOf": []any{schema}, "components": s.document["components"]}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	compiler.UseRegexpEngine(func(pattern string) (jsonschema.Regexp, error) {
		compiled, err := regexp2.Compile(pattern, regexp2.ECMAScript)
		return ecma{compiled}, err
	})
	if err := compiler.AddResource("schema.json", s.judged(resource)); err != nil {
		return nil, err
	}
	return compiler.Compile("schema.json")
}

// ecma is a pattern of the language that OpenAPI names.
type ecma struct{ *regexp2.Regexp }

func (e ecma) MatchString(text string) bool {
	matched, err := e.Regexp.MatchString(text)
	return err == nil && matched
}

// judged translates schemas to JSON Schema: OpenAPI 3.0's nullable and bounds that are excluded.
func (s *server) judged(value any) any {
	switch v := value.(type) {
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = s.judged(item)
		}
		return list
	case object:
		translated := object{}
		for key, part := range v {
			switch {
			case slices.Contains(s.ignored, key) || key == "example" || key == "discriminator":
			case key == "properties" || key == "schemas" || key == "patternProperties":
				named := object{}
				for name, of := range part.(object) {
					named[name] = s.judged(of)
				}
				translated[key] = named
			default:
				translated[key] = s.judged(part)
			}
		}
		if !s.modern {
			translate30(translated)
		}
		return translated
	}
	return value
}

func translate30(schema object) {
	if nullable, _ := schema["nullable"].(bool); nullable && schema["type"] != nil {
		schema["type"] = []any{schema["type"], "null"}
	}
	for exclusive, bound := range map[string]string{"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"} {
		excluded, is := schema[exclusive].(bool)
		if !is {
			continue
		}
		delete(schema, exclusive)
		if excluded && schema[bound] != nil {
			schema[exclusive] = schema[bound]
			delete(schema, bound)
		}
	}
}

// types are those that a schema names, in its parts too.
func (s *server) types(schema any) (types []string) {
	o := s.deref(schema)
	switch t := o["type"].(type) {
	case string:
		types = append(types, t)
	case []any:
		for _, one := range t {
			types = append(types, one.(string))
		}
	}
	for _, keyword := range []string{"allOf", "oneOf", "anyOf"} {
		parts, _ := o[keyword].([]any)
		for _, part := range parts {
			types = append(types, s.types(part)...)
		}
	}
	return types
}
