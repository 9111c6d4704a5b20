package portal_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/portal"
)

// What AI tools get is short, and lacks nothing: every name, type, description, fact and example of the reference stands in it, or where
// it says that it stands.
func TestBriefLacksNothing(t *testing.T) {
	everything, err := os.ReadFile("testdata/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, document := range map[string][]byte{"nudge's own": nudge.OpenAPI, "everything": everything} {
		p, err := portal.New(portal.Config{Document: document, PublicURL: "https://example.com"})
		if err != nil {
			t.Fatal(err)
		}
		page := p.Page(portal.Base)
		text, err := p.Brief(page, "")
		if err != nil {
			t.Fatal(err)
		}
		w := &briefWalk{t: t, text: squeeze(text), of: func(fragment string) string {
			section, err := p.Brief(page, fragment)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			return squeeze(section)
		}}
		reference := p.Reference()
		w.want("", reference.Title, reference.Version, reference.Description)
		for _, s := range reference.Schemes {
			w.want("authentication", s.Name, s.Kind, s.Description)
		}
		for _, op := range reference.Operations {
			w.operation(op)
		}
		for _, e := range reference.Errors {
			w.want("error-"+e.Code, e.Code, e.Status, e.Message, e.Summary, e.MoreInfo)
		}
	}
}

type briefWalk struct {
	t    *testing.T
	text string
	of   func(fragment string) string
}

// want wants texts in the page, or in the section of a fragment.
func (w *briefWalk) want(fragment string, texts ...string) {
	w.t.Helper()
	in := w.text
	if fragment != "" {
		in = w.of(fragment)
	}
	for _, text := range texts {
		if !strings.Contains(in, squeeze(text)) {
			w.t.Errorf("#%s lacks %q in %.300s", fragment, text, in)
		}
	}
}

func (w *briefWalk) operation(op *portal.Operation) {
	w.want(op.Anchor, op.ID, op.Method+" "+op.Path, op.Description)
	for _, all := range op.Security {
		w.want(op.Anchor, all...)
	}
	for _, tag := range op.Tags {
		w.want(op.Anchor, tag.Name, tag.Description)
	}
	for _, f := range op.Parameters {
		w.want(op.Anchor+"-parameters", f.In+" "+f.Name)
		w.field(f)
	}
	if op.Body != nil {
		w.want(op.Anchor+"-body", op.Body.Description)
		w.content(op.Body.Content)
	}
	for _, r := range op.Responses {
		w.want(r.ID, r.Status, r.Description)
		for _, f := range r.Headers {
			w.field(f)
		}
		w.content(r.Content)
	}
	for _, s := range op.Samples {
		w.want(s.ID, s.Label, s.Code)
		w.want(op.Anchor+"-samples", s.Code, s.Setup)
	}
}

func (w *briefWalk) content(content []*portal.Media) {
	for _, m := range content {
		w.want("", m.Type, m.Schema.Type)
		if m.Schema.Same == nil {
			for _, f := range m.Schema.Fields {
				w.field(f)
			}
		}
		for _, e := range m.Examples {
			w.want("", "`"+e.Name+"`")
			var fields map[string]any
			if json.Unmarshal([]byte(e.Value), &fields) != nil {
				w.want("", e.Value)
			}
			for _, value := range fields {
				var written strings.Builder
				encoder := json.NewEncoder(&written)
				encoder.SetEscapeHTML(false)
				if err := encoder.Encode(value); err != nil {
					w.t.Error(err)
				}
				text := strings.Trim(strings.TrimSpace(written.String()), `"`)
				// An address that is another field's value and a prefix is told as that.
				if at := strings.LastIndex(text, "/"); strings.HasPrefix(text, "https://www.twilio.com/docs/errors/") {
					w.want("", text[:at+1])
					continue
				}
				w.want("", text)
			}
		}
	}
}

func (w *briefWalk) field(f *portal.Field) {
	said := f
	if f.Same != nil {
		said = f.Same
	}
	w.want(f.ID, f.Name, f.Type, said.Description)
	if f.Required {
		w.want(f.ID, "required")
	}
	if f.Deprecated {
		w.want(f.ID, "deprecated")
	}
	for _, fact := range said.Facts {
		w.want(f.ID, fact.Value)
	}
	if f.Same == nil {
		for _, inner := range f.Fields {
			w.field(inner)
		}
	}
}

// The operation fits into 10,000 bytes, which are some 2,500 tokens; with all that it said before it had twice that.
func TestBriefIsShort(t *testing.T) {
	p, err := portal.New(portal.Config{PublicURL: "https://example.com"})
	if err != nil {
		t.Fatal(err)
	}
	page := p.Page(portal.Base + "/operations/CreateNotification")
	text, err := p.Brief(page, "")
	if err != nil || len(text) > 10_000 || 2*len(text) > len(page.Markdown()) {
		t.Errorf("%d bytes, in Markdown %d, %v", len(text), len(page.Markdown()), err)
	}
}
