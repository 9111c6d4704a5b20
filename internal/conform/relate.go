package conform

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/schema"
)

// Memory keeps what relations between answers need. It is safe for use by several goroutines.
type Memory struct {
	mu sync.Mutex
	// seen are the values that must be unique, by expression.
	seen map[string]map[string]bool
	// known are the values by what they identify, and what they identify by the values.
	known, owner map[string]map[string]string
}

// NewMemory makes an empty Memory.
func NewMemory() *Memory {
	return &Memory{seen: map[string]map[string]bool{}, known: map[string]map[string]string{}, owner: map[string]map[string]string{}}
}

// Exchange is a request with its answer.
type Exchange struct {
	Request *Request
	Status  int
	Header  http.Header
	Body    []byte
	// Time is when the answer came.
	Time time.Time
	// Culprit is where the one wrong parameter of the request stands, and CulpritName its name; empty when that is not known.
	Culprit, CulpritName string
}

// CheckRelations judges the relations of an answer.
func (o *Operation) CheckRelations(x Exchange, memory *Memory) []Violation {
	name, response := o.Response(x.Status)
	if response == nil || x.Request.Method == http.MethodHead {
		return nil
	}
	c := newCollector(o.ID + " " + name + " " + extension)
	c.where = o.document.at(openapi.At(o.Spec.Origin))
	body, err := parseJSON(x.Body)
	if err != nil {
		// That is told already.
		body = nil
	}
	for _, r := range o.relations {
		if r.status != name && (!strings.HasSuffix(strings.ToUpper(r.status), "XX") || r.status[:1] != fmt.Sprint(x.Status/100)) {
			continue
		}
		for _, p := range r.equal {
			c.equal(p, x, body)
		}
		for _, e := range r.unique {
			c.unique(e, x, body, memory)
		}
		for _, id := range r.identify {
			c.identify(id, x, body, memory)
		}
		for _, e := range r.now {
			c.now(e, x, body)
		}
		for _, e := range r.listed {
			c.listed(e, x, body, response)
		}
		for _, e := range r.absent {
			c.absent(e, x, body, response)
		}
		c.culprit(r.culprit[x.Culprit], x, body)
	}
	return c.found
}

func (c *collector) equal(p pair, x Exchange, body any) {
	want, given := p.request.request(x)
	if !given || p.request.in == "body" && x.Request.Unclear {
		return
	}
	if strings.EqualFold(p.request.name, "Authorization") && p.request.in == "header" {
		if p.answer.schema == nil || !allows(p.answer.schema, want) {
			return
		}
	}
	got, ok := p.answer.response(x, body)
	if ok && !sameValue(got, want) {
		c.add(Relation, "equal "+p.answer.text, "%s is %q, and %s is %q", p.answer.short(), schema.Cut(got), p.request.describe(x), schema.Cut(want)).differs(got, want)
	}
	if !ok {
		c.add(Relation, "equal "+p.answer.text, "%s is missing or null, and must be %q", p.answer.short(), schema.Cut(want)).differs("", want)
	}
}

func (c *collector) unique(e expression, x Exchange, body any, memory *Memory) {
	got, ok := e.response(x, body)
	if !ok {
		if e.in == "body" {
			c.add(Relation, "unique "+e.text, "%s is missing or null, and must be new each time", e.short())
		}
		return
	}
	memory.mu.Lock()
	defer memory.mu.Unlock()
	if memory.seen[e.text] == nil {
		memory.seen[e.text] = map[string]bool{}
	}
	if memory.seen[e.text][got] {
		c.add(Relation, "unique "+e.text, "%s is %q, which another answer had already", e.short(), schema.Cut(got))
	}
	memory.seen[e.text][got] = true
}

func (c *collector) identify(id identity, x Exchange, body any, memory *Memory) {
	got, ok := id.answer.response(x, body)
	if !ok {
		c.add(Relation, "identify "+id.answer.text, "%s is missing or null", id.answer.short())
		return
	}
	var values, names []string
	for _, e := range id.by {
		value, given := e.request(x)
		if !given {
			return
		}
		values, names = append(values, value), append(names, e.name)
	}
	key := strings.Join(values, "\x00")
	memory.mu.Lock()
	defer memory.mu.Unlock()
	text := id.answer.text
	if memory.known[text] == nil {
		memory.known[text], memory.owner[text] = map[string]string{}, map[string]string{}
	}
	if before, ok := memory.known[text][key]; ok && before != got {
		c.add(Relation, "identify "+text, "%s is %q, and was %q for the same %s", id.answer.short(), schema.Cut(got), schema.Cut(before), strings.Join(names, " and ")).differs(got, before)
	}
	if before, ok := memory.owner[text][got]; ok && before != key {
		c.add(Relation, "identify "+text, "%s is %q, as for another %s: %q", id.answer.short(), schema.Cut(got), strings.Join(names, " and "), schema.Cut(strings.ReplaceAll(before, "\x00", " ")))
	}
	memory.known[text][key], memory.owner[text][got] = got, key
}

func (c *collector) now(e expression, x Exchange, body any) {
	got, ok := e.response(x, body)
	if !ok {
		c.add(Relation, "now "+e.text, "%s is missing or null, and must be the time of the request", e.short())
		return
	}
	at, err := time.Parse(time.RFC3339, got)
	if err != nil {
		// The format is judged by the schema.
		return
	}
	if away := x.Time.Sub(at); away > near || away < -near {
		c.add(Relation, "now "+e.text, "%s is %s, which is away from the time of the request, %s", e.short(), schema.Cut(got), x.Time.UTC().Format(time.RFC3339)).differs(got, x.Time.UTC().Format(time.RFC3339))
	}
}

func (c *collector) listed(e expression, x Exchange, body any, response *openapi3.Response) {
	var values []string
	for _, value := range openapi.Examples(response) {
		if text, ok := lookup(value, strings.Split(e.name, "/")); ok {
			values = append(values, text)
		}
	}
	slices.Sort(values)
	values = slices.Compact(values)
	got, ok := e.response(x, body)
	switch {
	case len(values) == 0, body == nil:
	case !ok:
		c.add(Relation, "listed "+e.text, "%s is missing or null; the examples of this answer have %s", e.short(), strings.Join(values, ", ")).differs("", strings.Join(values, ", "))
	case !slices.Contains(values, got):
		c.add(Relation, "listed "+e.text, "%s is %q; the examples of this answer have %s", e.short(), schema.Cut(got), strings.Join(values, ", ")).differs(got, strings.Join(values, ", "))
	}
}

// culprit judges an answer that says all of it; one that leaves something out is judged by its schema.
func (c *collector) culprit(sayings []saying, x Exchange, body any) {
	var wrong []string
	for _, says := range sayings {
		want := says.value
		if want == culpritName {
			want = x.CulpritName
		}
		got, ok := says.answer.response(x, body)
		if !ok {
			return
		}
		if !sameValue(got, want) {
			wrong = append(wrong, fmt.Sprintf("%s is %q, and must be %q", says.answer.short(), schema.Cut(got), want))
		}
	}
	if len(wrong) > 0 {
		c.add(Relation, "culprit", "%s when %s in the %s is wrong", strings.Join(wrong, "; "), x.CulpritName, x.Culprit)
	}
}

const (
	// minAbsent is the length from which a value is looked for in an answer: a shorter one may be there by chance.
	minAbsent = 6
	// maxAbsent is how much of a longer value is looked for.
	maxAbsent = 16
)

func (c *collector) absent(e expression, x Exchange, body any, response *openapi3.Response) {
	value, given := e.sent(x)
	runes := []rune(value)
	if !given || len(runes) < minAbsent {
		return
	}
	beginning := string(runes[:min(len(runes), maxAbsent)])
	if said := textOf(body); !strings.Contains(said, beginning) {
		return
	}
	// What every such answer says is no repetition, nor is what is allowed.
	if e.schema != nil && slices.ContainsFunc(e.schema.Enum, func(allowed any) bool { return strings.Contains(wire(allowed), beginning) }) {
		return
	}
	for _, example := range openapi.Examples(response) {
		if strings.Contains(fmt.Sprint(example), beginning) {
			return
		}
	}
	c.add(Relation, "absent "+e.text, "the answer repeats %s", e.describe(x))
}

// textOf is all text of a body.
func textOf(v any) string {
	var b strings.Builder
	switch value := v.(type) {
	case *object:
		for _, key := range value.keys {
			b.WriteString(textOf(value.values[key]))
		}
	case []any:
		for _, item := range value {
			b.WriteString(textOf(item))
		}
	default:
		b.WriteString(fmt.Sprint(value) + "\n")
	}
	return b.String()
}

// lookup follows a JSON pointer through a parsed example to a scalar.
func lookup(v any, path []string) (string, bool) {
	for _, name := range path {
		fields, ok := v.(map[string]any)
		if !ok {
			return "", false
		}
		v = fields[unescapePointer(name)]
	}
	if v == nil {
		return "", false
	}
	return wire(v), true
}

// sameValue compares as text, and numbers as numbers.
func sameValue(a, b string) bool {
	if a == b {
		return true
	}
	x, okX := rational(a)
	y, okY := rational(b)
	return okX && okY && x.Cmp(y) == 0
}

func allows(s *openapi3.Schema, value string) bool {
	rule, ok, err := openapi.Of("header", "", s)
	return err == nil && ok && rule.Allows(value)
}
