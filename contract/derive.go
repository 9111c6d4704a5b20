package contract

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/conform"
	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/rule"
	"github.com/nudgehq/nudge/internal/sample"
)

// deriver makes the cases of one operation.
type deriver struct {
	settings *settings
	judge    *conform.Document
	op       *conform.Operation
	cases    []Case
	added    *Case
	// makes is what the operation makes; nil when it makes nothing that is known.
	makes *maker
	// delimited are the parameters of the path whose separators stand there as they are.
	delimited map[string]bool
	// rules are those of the parameters that a rule describes wholly, fieldRules those of the form's fields.
	rules, fieldRules []rule.Rule
	// body is how bodies are made; nil where the operation takes none, or none can be made.
	body *body
	// bodies are all that can be made, unmade the media types of which none can.
	bodies []*body
	unmade []string
	// as tells of another media type than the first, in names.
	as string
	// valid is what must become of a valid request.
	valid expectation
	// base is a valid request, with nothing optional.
	base request
	// path are the values of the path's parameters in it, fields those of its form, document that of its JSON body.
	path     map[string]string
	fields   []field
	document any
	// sampled are the cases of the bodies that were made, by their schema and value.
	sampled map[string][]sample.Case
	// drawn counts the values that were drawn for fresh paths.
	drawn int
}

// derive makes the cases of all operations of a document.
func derive(s *settings, j *conform.Document) ([]Case, error) {
	if err := checkFixtures(s, j); err != nil {
		return nil, err
	}
	wanted := prefixes(s.only)
	// Each operation by itself, as many at once as there are cores.
	byOperation := make([][]Case, len(j.Operations))
	var running sync.WaitGroup
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, op := range j.Operations {
		if name := op.ID + "/"; !slices.ContainsFunc(wanted, func(prefix string) bool { return strings.HasPrefix(name, prefix) || strings.HasPrefix(prefix, name) }) {
			continue
		}
		free <- struct{}{}
		running.Go(func() {
			defer func() { <-free }()
			defer func() {
				if problem := recover(); problem != nil {
					// One operation of a document that nobody has foreseen.
					byOperation[i] = []Case{{Name: op.ID + plainName, operation: op, Skip: "no case could be made: " + wordsOf(problem)}}
				}
			}()
			byOperation[i] = deriveOne(s, j, op)
		})
	}
	running.Wait()
	all := slices.Concat(byOperation...)
	seen := map[string]bool{}
	inOrder(all)
	return s.some(slices.DeleteFunc(all, func(c Case) bool {
		twice := seen[c.Name]
		seen[c.Name] = true
		return twice || s.only != nil && !s.only.MatchString(c.Name) || s.skip != nil && s.skip.MatchString(c.Name)
	})), nil
}

// wordsOf says what kept cases from being made.
func wordsOf(problem any) string {
	text := fmt.Sprint(problem)
	if strings.Contains(text, "failed to generate an example") {
		return "no value of a pattern was found"
	}
	return text
}

// some leaves out cases at random until there are no more than were asked for. Those that others build on stay.
func (s *settings) some(cases []Case) []Case {
	over := len(cases) - s.maxCases
	if s.maxCases == 0 || over <= 0 {
		return cases
	}
	out := map[int]bool{}
	for _, i := range rand.New(rand.NewPCG(s.seed, 0)).Perm(len(cases)) { //nolint:gosec // The same seed leaves out the same.
		if c := cases[i]; len(out) < over && !c.plain && c.life == nil {
			out[i] = true
		}
	}
	i := -1
	return slices.DeleteFunc(cases, func(Case) bool {
		i++
		return out[i]
	})
}

// plainName ends the name of an operation's first case.
const plainName = "/examples/a request without anything optional is accepted"

// deriveOne makes the cases of one operation.
func deriveOne(s *settings, j *conform.Document, op *conform.Operation) []Case {
	if body := op.Spec.RequestBody; body != nil && !body.Value.Required && !mayHaveBody(j, op) {
		op = op.WithoutBody()
	}
	d := &deriver{settings: s, judge: j, op: op, delimited: map[string]bool{}, sampled: map[string][]sample.Case{}, makes: makerOf(j, op)}
	d.readRules()
	if err := d.makeBase(); err != nil {
		return []Case{{Name: op.ID + plainName, operation: op, Rule: d.at(openapi.At(op.Spec.Origin), op.ID), Skip: err.Error() + "; give an example or a fixture"}}
	}
	d.life()
	d.examples()
	d.parameters()
	d.form()
	d.bodyValues()
	d.otherBodies()
	d.multipart()
	d.json()
	d.mediaTypes()
	d.sizes()
	d.credentials()
	d.methods()
	d.paths()
	d.wire()
	d.repetitions()
	// The cases keep the deriver, for fresh paths.
	d.sampled = nil
	return d.cases
}

// mayHaveBody tells whether a request body is looked at: OpenAPI 3.0 has those ignored to which HTTP gives no meaning.
func mayHaveBody(j *conform.Document, op *conform.Operation) bool {
	meant := op.Method != http.MethodGet && op.Method != http.MethodHead && op.Method != http.MethodDelete
	return meant || !strings.HasPrefix(j.Doc.OpenAPI, "3.0")
}

// add adds a case, unless its rule is off: what is tried, and then what must become of it, in words: " is refused".
func (d *deriver) add(kind, what, then, rule string, expect expectation, r request) *Case {
	if !d.settings.isOn(kind) {
		d.added = &Case{}
		return d.added
	}
	if r.description == "" {
		r.description = what
	}
	d.cases = append(d.cases, Case{Name: d.op.ID + "/" + kind + "/" + what + then, Kind: kind, What: what, Rule: rule, operation: d.op, request: r, expect: expect, fresh: d.fresh, makes: d.makes})
	d.added = &d.cases[len(d.cases)-1]
	d.added.builds = kind != "examples" && r.reason != badMethod && r.reason != noSuchPath
	return d.added
}

// last is the case that was added last, if it was.
func (d *deriver) last() *Case { return d.added }

// at names a place of the document.
func (d *deriver) at(where openapi.Position, what string) string {
	if d.judge.OneLine {
		// All stands in one line.
		return fmt.Sprintf("%s#/paths/%s/%s %s", d.settings.documentName, strings.NewReplacer("~", "~0", "/", "~1").Replace(d.op.Path), strings.ToLower(d.op.Method), what)
	}
	return where.In(d.settings.documentName) + " " + what
}

var parameterName = regexp.MustCompile(`\{[^}]+\}`)

// examples are the document's own.
func (d *deriver) examples() {
	d.add("examples", "a request without anything optional", " is accepted", d.at(openapi.At(d.op.Spec.Origin), d.op.ID), accepted, d.base).plain = true
	if d.op.Spec.RequestBody == nil {
		return
	}
	if r, ok := d.withDocument(); ok && d.base.body == nil && !d.settings.strict {
		d.add("examples", "a request with a body", " is accepted", d.at(openapi.At(d.op.Spec.RequestBody.Value.Origin), "requestBody"), accepted, r)
	}
	content := d.op.Spec.RequestBody.Value.Content
	for _, mediaType := range sortedKeys(content) {
		media := content[mediaType]
		if media == nil {
			continue
		}
		d.examplesOf(mediaType, media)
	}
}

// examplesOf are those of a body's media type.
func (d *deriver) examplesOf(mediaType string, media *openapi3.MediaType) {
	model := d.model(media.Schema)
	for _, key := range sortedKeys(media.Examples) {
		var example *openapi3.Example
		if ref := media.Examples[key]; ref != nil {
			example = ref.Value
		}
		var r request
		if example == nil || example.Value == nil || model != nil && !model.Valid(openapi.Plain(example.Value)) {
			continue
		}
		switch {
		case mediaType == openapi.FormType:
			values, ok := example.Value.(map[string]any)
			if !ok {
				continue
			}
			var fields []field
			for _, name := range sortedKeys(values) {
				fields = append(fields, field{name, openapi.WireForm(values[name])})
			}
			r = d.withForm(fields)
		case openapi.IsJSON(mediaType):
			r = d.withJSON(mediaType, openapi.Plain(example.Value))
		default:
			continue
		}
		d.add("examples", "the example "+key, " is accepted", d.at(openapi.At(example.Origin), "example "+key), accepted, r)
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
