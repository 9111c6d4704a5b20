package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/nudgehq/nudge/internal/conform"
	"github.com/nudgehq/nudge/internal/openapi"
	"github.com/nudgehq/nudge/internal/schema"
	"github.com/nudgehq/nudge/internal/serialize"
)

// maker tells what an operation makes: POST /things makes what GET /things/{id} reads.
type maker struct {
	// path is that of the thing, and parameter its last one.
	path, parameter string
	// value is the schema of the parameter.
	value *schema.Schema
	// fields are those of the answer that may have its value.
	fields []string
	// read and end are the operations that read and delete it; nil when there is none.
	read, end *conform.Operation
}

// makerOf finds what an operation makes, by its links or by its path; nil when it makes nothing that is known.
func makerOf(j *conform.Document, op *conform.Operation) *maker {
	if op.Method != http.MethodPost {
		return nil
	}
	for _, other := range j.Operations {
		rest, below := strings.CutPrefix(other.Path, strings.TrimSuffix(op.Path, "/")+"/{")
		name, whole := strings.CutSuffix(rest, "}")
		if !below || !whole || strings.ContainsAny(name, "{}/") || other.Method != http.MethodGet {
			continue
		}
		m := &maker{path: other.Path, parameter: name, fields: fieldsOf(name), read: other}
		if p := other.Parameter("path", name); p != nil && p.Schema != nil {
			// It stays nil where nothing can be said.
			m.value, _ = j.Schemas.Of(p.Schema.Value, schema.Request)
		}
		if linked := linkedField(op, other, name); linked != "" {
			m.fields = []string{linked}
		}
		for _, ending := range j.Operations {
			if ending.Path == other.Path && ending.Method == http.MethodDelete {
				m.end = ending
			}
		}
		return m
	}
	return nil
}

// fieldsOf are the fields of an answer that may have the value of a parameter: those of its name, and what an ID is called.
func fieldsOf(parameter string) []string {
	fields := []string{parameter}
	for _, end := range []string{"Id", "ID", "_id", "-id", "id", "Uuid", "_uuid", "uuid", "Sid", "_sid", "sid"} {
		if strings.HasSuffix(parameter, end) || parameter == strings.ToLower(end) {
			return append(fields, "id", "_id", "uuid", "sid", "key")
		}
	}
	return fields
}

// linkedField is the field of an answer that a link gives to a parameter of another operation; empty when no link does.
func linkedField(op, other *conform.Operation, parameter string) string {
	for _, ref := range op.Spec.Responses.Map() {
		for _, link := range ref.Value.Links {
			if link == nil || link.Value == nil || link.Value.OperationID != other.Spec.OperationID || other.Spec.OperationID == "" {
				continue
			}
			if text, ok := link.Value.Parameters[parameter].(string); ok {
				if field, ok := strings.CutPrefix(text, "$response.body#/"); ok {
					return field
				}
			}
		}
	}
	return ""
}

// made reads the value of what was made; empty when the answer does not have it.
func (m *maker) made(a answer) string {
	var fields map[string]any
	decoder := json.NewDecoder(bytes.NewReader(a.body))
	decoder.UseNumber()
	if a.status/100 != 2 || a.status == http.StatusAccepted {
		return ""
	}
	if decoder.Decode(&fields) != nil {
		return m.located(a)
	}
	// Many wrap what was made.
	data, _ := fields["data"].(map[string]any)
	for _, object := range []map[string]any{fields, data} {
		for _, name := range m.fields {
			var text string
			switch value := object[name].(type) {
			case string:
				text = value
			case json.Number:
				text = value.String()
			}
			if m.mayBe(text) {
				return text
			}
		}
	}
	return m.located(a)
}

// mayBe tells whether a text can be the value of the parameter.
func (m *maker) mayBe(text string) bool {
	return text != "" && (m.value == nil || slices.ContainsFunc(serialize.Readings(text), m.value.Valid))
}

// located reads the value from the Location of what was made.
func (m *maker) located(a answer) string {
	at, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.header.Get("Location") == "" {
		return ""
	}
	text := path.Base(at.Path)
	before, _, _ := strings.Cut(m.path, "{")
	if !strings.HasSuffix(path.Dir(at.Path), strings.TrimSuffix(before, "/")) || !m.mayBe(text) {
		return ""
	}
	return text
}

// life makes the case of a thing's life: it is made, read, deleted, and gone.
func (d *deriver) life() {
	if d.makes != nil {
		d.add("life", "what it makes", " is found", d.at(openapi.At(d.op.Spec.Origin), d.makes.read.ID), d.valid, d.base).life = d.makes
	}
}

// at is the request of an operation for what was made by another request: its plain one, with what its headers and query must have.
func (r *runner) at(m *maker, made request, op *conform.Operation, value string) request {
	q, ok := r.plains[op.ID]
	if !ok {
		q = request{method: op.Method, header: http.Header{}}
	}
	return q.with(func(q *request) {
		q.path, q.values = strings.TrimSuffix(made.path, "/")+"/"+url.PathEscape(value), nil
		q.description = op.Method + " " + m.path
	})
}

// tryLife makes a thing, reads it, deletes it and reads it again.
func (r *runner) tryLife(ctx context.Context, c Case, result *Result) {
	first := r.send(ctx, c.request)
	result.Status = first.status
	value := c.life.made(first)
	if first.err != nil {
		result.Skipped = "there is no answer to " + c.operation.ID
		return
	}
	if value == "" {
		result.Skipped = fmt.Sprintf("%s answered %d, and not what it made", c.operation.ID, first.status)
		return
	}
	r.remember(c.life, value)
	read := r.at(c.life, c.request, c.life.read, value)
	say := func(q request, a answer, format string, args ...any) {
		result.Status, result.Curl = a.status, q.curl(r)
		result.Violations = append(result.Violations, Violation{Kind: conform.Relation, Rule: c.Rule, Message: fmt.Sprintf("%s answered %s: ", q.description, statusOf(a)) + fmt.Sprintf(format, args...)})
	}
	found := r.send(ctx, read)
	if found.err == nil && (found.status == http.StatusNotFound || found.status == http.StatusGone) {
		say(read, found, "it is not found, and %s has made it with %d", c.operation.ID, first.status)
		return
	}
	if c.life.end == nil || len(c.life.end.EffectiveParameters()) > len(c.life.read.EffectiveParameters()) {
		return
	}
	end := r.at(c.life, c.request, c.life.end, value)
	ended := r.send(ctx, end)
	if ended.err != nil || ended.status/100 != 2 || ended.status == http.StatusAccepted {
		return
	}
	r.remember(c.life, "")
	if again := r.send(ctx, read); again.err == nil && again.status/100 == 2 {
		say(read, again, "it is still there, and %s has deleted it with %d", c.life.end.ID, ended.status)
	}
}

// keepMade remembers what a request made, if it did.
func (r *runner) keepMade(c Case, q request, a answer) {
	if c.makes == nil || q.method != http.MethodPost {
		return
	}
	if value := c.makes.made(a); value != "" {
		r.remember(c.makes, value)
	}
}

// remember keeps what was made, for requests that need it.
func (r *runner) remember(m *maker, value string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.made[m.path] = value
}

// ofMade gives a request for a thing, or for what is below it, the value of one that was made.
func (r *runner) ofMade(c Case, q request) request {
	if q.values == nil {
		return q
	}
	r.mu.Lock()
	made := maps.Clone(r.made)
	r.mu.Unlock()
	template, sent := strings.Split(c.operation.Path, "/"), strings.Split(q.path, "/")
	for _, path := range sortedKeys(made) {
		thing := strings.Split(path, "/")
		at := len(thing) - 1
		if made[path] == "" || len(template) <= at || len(template) != len(sent) || !sameShape(template[:at+1], thing) {
			continue
		}
		name := strings.Trim(template[at], "{}")
		_, own := r.fixtures[c.operation.ID+"."+name]
		if _, given := r.fixtures[name]; own || given || q.subject == name || sent[at] != url.PathEscape(q.values[name]) {
			continue
		}
		sent[at] = url.PathEscape(made[path])
		q = q.with(func(q *request) {
			q.values[name] = made[path]
			q.path = strings.Join(sent, "/")
		})
	}
	return q
}

// sameShape tells whether two paths are the same but for the names of their parameters, the last of which is one.
func sameShape(a, b []string) bool {
	return slices.EqualFunc(a, b, func(a, b string) bool {
		return a == b || strings.HasPrefix(a, "{") && strings.HasSuffix(a, "}") && strings.HasPrefix(b, "{") && strings.HasSuffix(b, "}")
	})
}
