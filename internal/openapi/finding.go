package openapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Finding is something wrong in a document.
type Finding struct {
	// Line is where it stands, or 0.
	Line int
	// Message says what it is.
	Message string
}

func (d *Document) found(line int, format string, args ...any) {
	f := Finding{line, fmt.Sprintf(format, args...)}
	if !slices.Contains(d.Findings, f) {
		d.Findings = append(d.Findings, f)
	}
}

// validate finds what is against the specification.
func (d *Document) validate() {
	options := []openapi3.ValidationOption{openapi3.EnableMultiError(), openapi3.DisableSchemaPatternValidation()}
	if d.IsOpenAPI31OrLater() {
		options = append(options, openapi3.IsOpenAPI31OrLater())
	}
	restore := d.leaveOutComponents(options...)
	err := d.Validate(context.Background(), options...)
	restore()
	for _, one := range flat(err, "", 0) {
		// The loader's errors go on with the schema and the value.
		text, _, _ := strings.Cut(one.Message, "\n")
		if allowed.MatchString(text) {
			continue
		}
		if len(text) > 300 {
			text = strings.ToValidUTF8(text[:300], "") + "…"
		}
		d.found(one.Line, "%s", text)
	}
	for _, path := range d.Paths.InMatchingOrder() {
		if strings.Contains(path, "#") {
			d.found(Line(d.Paths.Value(path).Origin), "the path %s has a fragment, which no request has: it is left out", path)
		}
	}
}

// leaveOutComponents takes out what need not be validated where it stands, until restore is called: the schemas of bodies that
// are components, and the components themselves where all are right. The validator goes through each with all that it contains,
// wherever it is used, which is more than half of the time that it takes to read a large document. A body with an example keeps
// its schema, by which the example is judged.
func (d *Document) leaveOutComponents(options ...openapi3.ValidationOption) (restore func()) {
	components := d.Components.Schemas
	bodies := map[*openapi3.MediaType]*openapi3.SchemaRef{}
	eachMediaType(d.T, func(media *openapi3.MediaType) {
		if media.Schema == nil || media.Example != nil || len(media.Examples) > 0 {
			return
		}
		name, is := strings.CutPrefix(media.Schema.Ref, "#/components/schemas/")
		// The validator passes over a component whose name is none.
		if component := components[name]; is && openapi3.ValidateIdentifier(name) == nil && component != nil && component.Value == media.Schema.Value {
			bodies[media] = media.Schema
		}
	})
	for media, ref := range bodies {
		media.Schema = withoutValue(ref)
	}
	// All at once are gone through but once, and judged up to the first that is wrong.
	all := openapi3.NewSchema()
	for _, ref := range components {
		all.AnyOf = append(all.AnyOf, ref)
	}
	if !slices.Contains(all.AnyOf, nil) && all.Validate(context.Background(), options...) == nil {
		d.Components.Schemas = openapi3.Schemas{}
		for name, ref := range components {
			d.Components.Schemas[name] = withoutValue(ref)
		}
	}
	return func() {
		d.Components.Schemas = components
		for media, ref := range bodies {
			media.Schema = ref
		}
	}
}

// withoutValue is what a reference says beside its schema.
func withoutValue(ref *openapi3.SchemaRef) *openapi3.SchemaRef {
	beside := *ref
	beside.Value = openapi3.NewSchema()
	return &beside
}

// lineOfError is where an error of the loader says that it is. Many of its types have the field, and nothing in common.
func lineOfError(err error) int {
	v := reflect.Indirect(reflect.ValueOf(err))
	if v.Kind() != reflect.Struct {
		return 0
	}
	if field := v.FieldByName("Origin"); field.IsValid() && field.CanInterface() {
		origin, _ := field.Interface().(*openapi3.Origin)
		return Line(origin)
	}
	return 0
}

// allowed is what the loader says of what the specification allows: an example without a value, and one with what is only read;
// and of patterns of ECMA 262 that its own library has not.
var allowed = regexp.MustCompile("no value or externalValue field|readOnly property .* in request|error parsing regexp: invalid or unsupported Perl syntax: `\\(\\?")

// flat lists the errors within an error, each with what is around it.
func flat(err error, around string, line int) []Finding {
	if err == nil {
		return nil
	}
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		line = cmp.Or(lineOfError(cause), line)
	}
	var many openapi3.MultiError
	if !errors.As(err, &many) {
		return []Finding{{line, around + err.Error()}}
	}
	if before, is := strings.CutSuffix(err.Error(), many.Error()); is {
		around += before
	}
	var list []Finding
	for _, one := range many {
		list = append(list, flat(one, around, line)...)
	}
	return list
}

// String is the message with its line.
func (f Finding) String() string {
	if f.Line == 0 {
		return f.Message
	}
	return fmt.Sprintf("line %d: %s", f.Line, f.Message)
}
