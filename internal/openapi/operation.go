// Package openapi reads OpenAPI documents: their operations, and the rules of parameters and form fields.
package openapi

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/rule"
)

// FormType is the media type of the bodies whose fields have rules.
const FormType = "application/x-www-form-urlencoded"

// Operation is one operation of a document with its rules.
type Operation struct {
	// ID is the operationId, or "GET /things" where there is none or another operation has it too; Method and Path are where it
	// stands in the document.
	ID, Method, Path string
	// Item and Spec are the document's own nodes.
	Item *openapi3.PathItem
	Spec *openapi3.Operation
	// Security lists the alternatives of credentials: its own, or the document's.
	Security openapi3.SecurityRequirements
	// Parameters are the rules of the scalar parameters, in the document's order.
	Parameters []rule.Rule
	// Form are the rules of the scalar fields of a form body, by name; nil when the operation takes no form.
	Form []rule.Rule
	// FormSchema is the schema of the form body; nil when the operation takes no form.
	FormSchema *openapi3.Schema
}

// Operations lists a document's operations, ordered by path and method. A path with a fragment, which no request has, is left out.
func Operations(doc *openapi3.T) ([]Operation, error) {
	var list []Operation
	named := map[string]bool{}
	for _, path := range doc.Paths.InMatchingOrder() {
		item := doc.Paths.Value(path)
		if strings.Contains(path, "#") {
			continue
		}
		operations := item.Operations()
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			spec := operations[method]
			op := Operation{ID: freeID(named, spec.OperationID, method+" "+path), Method: method, Path: path, Item: item, Spec: spec, Security: doc.Security}
			if spec.Security != nil {
				op.Security = *spec.Security
			}
			if err := op.readRules(); err != nil {
				return nil, fmt.Errorf("%s: %w", op.ID, err)
			}
			list = append(list, op)
		}
	}
	sort.Slice(list, func(i, j int) bool {
		return list[i].Path < list[j].Path || list[i].Path == list[j].Path && list[i].Method < list[j].Method
	})
	return list, nil
}

// freeID gives an id that no other has: the one that is wanted, or else the other, with a number where that is taken too.
func freeID(taken map[string]bool, wanted, other string) string {
	id := wanted
	for n := 1; id == "" || taken[id]; n++ {
		if id = other; n > 1 {
			id = fmt.Sprintf("%s %d", other, n)
		}
	}
	taken[id] = true
	return id
}

// ownHeaders are no parameters, whatever a document says.
var ownHeaders = map[string]bool{
	"accept": true, "content-type": true, "authorization": true,
	"host": true, "content-length": true, "connection": true, "transfer-encoding": true, "te": true, "trailer": true, "upgrade": true, "expect": true,
}

// EffectiveParameters lists the parameters of the path that the operation does not replace, and then its own. The headers Accept,
// Content-Type and Authorization are none: the specification has them ignored. Others belong to the connection.
func (op Operation) EffectiveParameters() []*openapi3.Parameter {
	var list []*openapi3.Parameter
	add := func(p *openapi3.Parameter) {
		if p.In != "header" || !ownHeaders[strings.ToLower(p.Name)] {
			list = append(list, p)
		}
	}
	for _, ref := range op.Item.Parameters {
		if op.Spec.Parameters.GetByInAndName(ref.Value.In, ref.Value.Name) == nil {
			add(ref.Value)
		}
	}
	for _, ref := range op.Spec.Parameters {
		add(ref.Value)
	}
	return list
}

// Parameter finds an effective parameter; nil when there is none.
func (op Operation) Parameter(in, name string) *openapi3.Parameter {
	for _, p := range op.EffectiveParameters() {
		if p.In == in && p.Name == name {
			return p
		}
	}
	return nil
}

func (op *Operation) readRules() error {
	for _, p := range op.EffectiveParameters() {
		if p.Schema == nil {
			continue
		}
		r, ok, err := Of(p.In, p.Name, p.Schema.Value)
		if err != nil {
			return err
		}
		if ok {
			op.Parameters = append(op.Parameters, r)
		}
	}
	if op.Spec.RequestBody == nil {
		return nil
	}
	media := op.Spec.RequestBody.Value.Content[FormType]
	if media == nil || media.Schema == nil {
		return nil
	}
	op.FormSchema = media.Schema.Value
	names := make([]string, 0, len(op.FormSchema.Properties))
	for name := range op.FormSchema.Properties {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		r, ok, err := Of("body", name, op.FormSchema.Properties[name].Value)
		if err != nil {
			return err
		}
		if ok {
			op.Form = append(op.Form, r)
		}
	}
	return nil
}

// Properties reads the rules of a component schema's scalar properties, by name.
func Properties(doc *openapi3.T, schema string) (map[string]rule.Rule, error) {
	ref := doc.Components.Schemas[schema]
	if ref == nil {
		return nil, fmt.Errorf("the OpenAPI document has no schema %s", schema)
	}
	rules := map[string]rule.Rule{}
	for name, property := range ref.Value.Properties {
		r, ok, err := Of("body", name, property.Value)
		if err != nil {
			return nil, err
		}
		if ok {
			rules[name] = r
		}
	}
	return rules, nil
}

// Examples lists the values of the examples of an answer.
func Examples(response *openapi3.Response) []any {
	var list []any
	for _, media := range response.Content {
		for _, example := range media.Examples {
			list = append(list, example.Value.Value)
		}
		if media.Example != nil {
			list = append(list, media.Example)
		}
	}
	return list
}

// Of reads the rule of a scalar schema; ok is false for arrays and objects, which have no single wire form.
func Of(in, name string, schema *openapi3.Schema) (r rule.Rule, ok bool, err error) {
	r = rule.Rule{In: in, Name: name, MinLength: int(schema.MinLength)}
	for _, t := range []string{"string", "integer", "number", "boolean"} {
		if schema.Type.Is(t) {
			r.Type = t
		}
	}
	if r.Type == "" {
		return r, false, nil
	}
	if schema.Min != nil {
		r.Minimum = Bound(*schema.Min)
	}
	if schema.Max != nil {
		r.Maximum = Bound(*schema.Max)
	}
	r.ExclusiveMinimum = schema.ExclusiveMin.IsTrue()
	r.ExclusiveMaximum = schema.ExclusiveMax.IsTrue()
	if schema.MaxLength != nil {
		r.MaxLength = int(*schema.MaxLength)
	}
	if schema.Pattern != "" {
		// One of another dialect is no part of the rule; [Document.Findings] has it.
		r.Pattern, _ = regexp.Compile(schema.Pattern)
	}
	for _, value := range schema.Enum {
		r.Enum = append(r.Enum, WireForm(value))
	}
	return r, true, nil
}

// plainFormats are those that say nothing more of a text on the wire than the type does.
var plainFormats = map[string]bool{"": true, "int64": true, "float": true, "double": true, "password": true}

// WholeRule is the rule of a schema; ok is false where the schema says more than a rule can.
func WholeRule(in, name string, ref *openapi3.SchemaRef) (r rule.Rule, ok bool) {
	if ref == nil || ref.Value == nil {
		return r, false
	}
	s := ref.Value
	more := len(s.AllOf)+len(s.AnyOf)+len(s.OneOf) > 0 || s.Not != nil || s.If != nil || s.MultipleOf != nil || s.Const != nil || s.Nullable ||
		s.ExclusiveMin.Value != nil || s.ExclusiveMax.Value != nil || len(s.Type.Slice()) > 1 ||
		!plainFormats[s.Format] || s.Type.Is("string") && s.Format != "" && s.Format != "password" || s.MaxLength != nil && *s.MaxLength == 0
	if more {
		return r, false
	}
	r, ok, err := Of(in, name, s)
	return r, ok && err == nil && (s.Pattern == "") == (r.Pattern == nil)
}

// WireForm writes a scalar of the document as a form field or a parameter has it.
func WireForm(value any) string {
	if f, ok := value.(float64); ok {
		return decimal(f)
	}
	return fmt.Sprint(value)
}

// Bound writes a bound. One of 64 bits is the largest such integer, which no float64 is.
func Bound(f float64) string {
	switch f {
	case math.MaxInt64:
		return strconv.FormatInt(math.MaxInt64, 10)
	case math.MinInt64:
		return strconv.FormatInt(math.MinInt64, 10)
	}
	return decimal(f)
}

// decimal writes a number without an exponent.
func decimal(f float64) string {
	return strconv.FormatFloat(f, 'f', -1, 64)
}
