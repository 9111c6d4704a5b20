package portal

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxQuery bounds a search's query, in bytes.
const MaxQuery = 200

// maxHits bounds how many places a search finds.
const maxHits = 20

// Kinds are the kinds of places that a search finds.
var Kinds = []string{"page", "operation", "parameter", "attribute", "header", "error", "change"}

// Hit is a place that a search has found.
type Hit struct {
	Kind    string `json:"type"`
	Title   string `json:"title"`
	Path    string `json:"path"`
	Excerpt string `json:"excerpt"`
}

// entry is a place that can be found.
type entry struct {
	kind, title, path, text string
	lowerTitle, lowerText   string
}

// Search finds the places that hold all the words of a query, or else some of them: at most 20, the best first. kind
// narrows it down; empty is any.
func (p *Portal) Search(query, kind string) []Hit {
	words := strings.Fields(strings.ToLower(query))
	if len(words) == 0 {
		return nil
	}
	type scored struct {
		entry
		matched, score int
	}
	var found []scored
	most := 0
	for _, e := range p.index {
		if kind != "" && e.kind != kind {
			continue
		}
		s := scored{entry: e}
		for _, w := range words {
			if points := e.points(w); points > 0 {
				s.matched++
				s.score += points
			}
		}
		if s.matched > 0 {
			found = append(found, s)
			most = max(most, s.matched)
		}
	}
	found = slices.DeleteFunc(found, func(s scored) bool { return s.matched < most })
	slices.SortStableFunc(found, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	var hits []Hit
	for _, s := range found[:min(len(found), maxHits)] {
		hits = append(hits, Hit{Kind: s.kind, Title: s.title, Path: s.path, Excerpt: excerpt(s.text, s.lowerText, words)})
	}
	return hits
}

// points says how well a word fits.
func (e entry) points(word string) int {
	switch {
	case e.lowerTitle == word:
		return 10
	case strings.HasPrefix(e.lowerTitle, word):
		return 6
	case strings.Contains(e.lowerTitle, word):
		return 4
	case strings.Contains(e.lowerText, word):
		return 1
	}
	return 0
}

// excerpt cuts the text around the first word that is found in it.
func excerpt(text, lower string, words []string) string {
	const before, length = 60, 200
	start := 0
	for _, w := range words {
		if i := strings.Index(lower, w); i >= 0 && i < len(text) {
			start = max(0, i-before)
			break
		}
	}
	for start > 0 && !utf8.RuneStart(text[start]) {
		start--
	}
	if space := strings.IndexByte(text[start:], ' '); start > 0 && space >= 0 && space < before {
		// Words are not cut.
		start += space + 1
	}
	end := min(len(text), start+length)
	for end < len(text) && !utf8.RuneStart(text[end]) {
		end++
	}
	cut := text[start:end]
	if start > 0 {
		cut = "…" + cut
	}
	if end < len(text) {
		cut += "…"
	}
	return cut
}

// makeIndex lists all that can be found.
func (p *Portal) makeIndex() []entry {
	var index []entry
	add := func(kind, title, path, text string) {
		// Marks of CommonMark are not read out.
		text = strings.ReplaceAll(oneLine(text), "`", "")
		index = append(index, entry{kind: kind, title: title, path: path, text: text, lowerTitle: strings.ToLower(title), lowerText: strings.ToLower(text)})
	}
	seen := map[string]bool{}
	var fields func(kind, within string, list []*Field)
	fields = func(kind, within string, list []*Field) {
		for _, f := range list {
			text := []string{within, f.Type, either(f.Required, "Required", ""), f.Description}
			for _, fact := range f.Facts {
				text = append(text, fact.Label+": "+fact.Value)
			}
			// A header of eleven answers is found once.
			if key := kind + f.Name + f.Description; kind != "header" || !seen[key] {
				seen[key] = true
				add(kind, f.Name, Base+"#"+f.ID, strings.Join(text, " "))
			}
			fields("attribute", within, f.Fields)
		}
	}
	content := func(within string, list []*Media) {
		for _, m := range list {
			fields("attribute", within+" "+m.Type, m.Schema.Fields)
		}
	}
	for _, page := range p.pages {
		add("page", page.Title, page.Path, page.Description)
	}
	add("page", "Authentication", Base+"#authentication", p.authenticationText())
	add("page", "Errors", Base+"#errors", "The error table: every code with its status and message.")
	for _, op := range p.reference.Operations {
		add("operation", op.Title, Base+"#"+op.Anchor, op.ID+" "+op.Method+" "+op.Path+" "+op.Description)
		fields("parameter", op.ID, op.Parameters)
		if op.Body != nil {
			content(op.ID+" request body", op.Body.Content)
		}
		for _, response := range op.Responses {
			fields("header", op.ID+" "+response.Status, response.Headers)
			if !response.IsError() {
				content(op.ID+" "+response.Status, response.Content)
			}
		}
	}
	for _, e := range p.reference.Errors {
		add("error", e.Code+" "+e.Summary, Base+"#error-"+e.Code, e.Status+" "+e.Message)
	}
	for _, v := range p.versions {
		for _, c := range v.Changes {
			add("change", c.Version+": "+c.Rule, Base+"/changelog#"+c.ID, c.Text)
		}
	}
	return index
}

func (p *Portal) authenticationText() string {
	var b strings.Builder
	for _, s := range p.reference.Schemes {
		b.WriteString(s.Kind + ": " + s.Description + " ")
	}
	return b.String()
}
