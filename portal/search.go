package portal

import (
	"cmp"
	"html/template"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxQuery bounds a search's query, in bytes.
const MaxQuery = 200

// maxHits bounds how many places a search finds.
const maxHits = 20

// Kinds are the kinds of places that a search finds.
var Kinds = []string{"page", "operation", "parameter", "attribute", "header", "error", "change", "guide"}

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
	// id is an operation's, in lower case; empty elsewhere.
	id                    string
	lowerTitle, lowerText string
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
	var index []entry
	for _, of := range p.all() {
		index = append(index, of.index...)
	}
	for _, e := range index {
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

// points says how well a word fits. What is about the word comes before what has it for a name.
func (e entry) points(word string) int {
	points := e.fits(word)
	if points >= inTitle && (e.id != "" || e.kind == "page") {
		points += 6
	}
	return points
}

// inTitle is what a word that is found in a title gets at least.
const inTitle = 3

func (e entry) fits(word string) int {
	switch {
	case e.lowerTitle == word || e.id == word && word != "":
		return 10
	case strings.HasPrefix(e.lowerTitle, word):
		return 7
	case beginsWord(e.lowerTitle, word):
		return 5
	case strings.Contains(e.lowerTitle, word):
		return inTitle
	case beginsWord(e.lowerText, word):
		return 2
	case strings.Contains(e.lowerText, word):
		return 1
	}
	return 0
}

// beginsWord tells whether a word of a text begins with another: "rate" is found in "rate limit" before "separated".
func beginsWord(text, word string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], word)
		if i < 0 {
			return false
		}
		at += i
		if before, _ := utf8.DecodeLastRuneInString(text[:at]); at == 0 || !unicode.IsLetter(before) && !unicode.IsDigit(before) {
			return true
		}
		at += len(word)
	}
}

// Marked gives a text with the words of a query marked.
func (p *Portal) Marked(query, text string) template.HTML {
	words := strings.Fields(query)
	if len(words) == 0 {
		return template.HTML(template.HTMLEscapeString(text))
	}
	for i, w := range words {
		words[i] = regexp.QuoteMeta(w)
	}
	pattern, err := regexp.Compile(`(?i)` + strings.Join(words, "|"))
	if err != nil {
		return template.HTML(template.HTMLEscapeString(text))
	}
	var b strings.Builder
	at := 0
	for _, m := range pattern.FindAllStringIndex(text, -1) {
		b.WriteString(template.HTMLEscapeString(text[at:m[0]]) + "<mark>" + template.HTMLEscapeString(text[m[0]:m[1]]) + "</mark>")
		at = m[1]
	}
	b.WriteString(template.HTMLEscapeString(text[at:]))
	return template.HTML(b.String())
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

// indexer lists what can be found.
type indexer struct {
	*Portal
	entries []entry
	// seen are headers: one of eleven answers is found once.
	seen map[string]bool
}

func (x *indexer) add(kind, title, path, text string) {
	text = oneLine(text)
	x.entries = append(x.entries, entry{kind: kind, title: title, path: path, text: text, lowerTitle: strings.ToLower(title), lowerText: strings.ToLower(text)})
}

func (x *indexer) fields(kind, page, within string, list []*Field) {
	for _, f := range list {
		text := []string{within, f.Type, either(f.Required, "Required", ""), plain(f.Description)}
		for _, fact := range f.Facts {
			text = append(text, fact.Label+": "+fact.Value)
		}
		if key := kind + f.Name + f.Description; kind != "header" || !x.seen[key] {
			x.seen[key] = true
			x.add(kind, f.Name, page+"#"+f.ID, strings.Join(text, " "))
		}
		x.fields("attribute", page, within, f.Fields)
	}
}

// content lists the fields of bodies. What was said of another answer is found there.
func (x *indexer) content(page, within string, list []*Media) {
	for _, m := range list {
		if m.Schema.Same == nil {
			x.fields("attribute", page, within+" "+m.Type, m.Schema.Fields)
		}
	}
}

func (x *indexer) operation(op *Operation) {
	page := x.pathOf(op)
	x.add("operation", op.Title, page+"#"+op.Anchor, op.ID+" "+op.Method+" "+op.Path+" "+plain(op.Description))
	x.entries[len(x.entries)-1].id = strings.ToLower(op.ID)
	x.fields("parameter", page, op.ID, op.Parameters)
	if op.Body != nil {
		var types []string
		for _, m := range op.Body.Content {
			types = append(types, m.Type)
		}
		x.add("operation", "Request body of "+op.ID, page+"#"+op.Anchor+"-body", either(op.Body.Required, "Required", "Optional")+" "+strings.Join(types, ", ")+" "+plain(op.Body.Description))
		x.content(page, op.ID+" request body", op.Body.Content)
	}
	for _, s := range op.Samples {
		x.add("operation", s.Label+" sample of "+op.ID, page+"#"+s.ID, "How it is called with "+s.Label+" "+s.Setup)
	}
	for _, response := range op.Responses {
		x.fields("header", page, op.ID+" "+response.Status, response.Headers)
		x.content(page, op.ID+" "+response.Status, response.Content)
	}
}

// makeIndex lists all that can be found.
func (p *Portal) makeIndex() []entry {
	x := &indexer{Portal: p, seen: map[string]bool{}}
	for _, page := range p.pages {
		if p.isOnDemand(page) {
			// The operation itself is found there.
			continue
		}
		x.add("page", page.Title, page.Path, page.Description)
	}
	x.add("page", "Authentication", p.Path("#authentication"), p.authenticationText())
	if len(p.reference.Errors) > 0 {
		x.add("page", "Errors", p.Path("#errors"), "The error table: every code with its status and message.")
	}
	for _, op := range p.reference.Operations {
		x.operation(op)
	}
	for _, e := range p.reference.Errors {
		x.add("error", e.Code+" "+e.Summary, p.Path("#error-"+e.Code), e.Status+" "+e.Message)
	}
	for _, v := range p.versions {
		for _, c := range v.Changes {
			x.add("change", c.Version+": "+c.Rule, p.Path("/changelog#"+c.ID), plain(c.InFull()))
		}
	}
	// What is read on comes after what is looked up.
	for _, page := range p.pages {
		if page.guide != nil {
			for _, h := range page.guide.headings {
				_, below, _ := strings.Cut(h.text, "\n")
				x.add("guide", h.title+either(h.title != page.Title, " · "+page.Title, ""), page.Path+"#"+h.anchor, plain(below))
			}
		}
	}
	return x.entries
}

func (p *Portal) authenticationText() string {
	var b strings.Builder
	for _, s := range p.reference.Schemes {
		b.WriteString(s.Kind + ": " + plain(s.Description) + " ")
	}
	return b.String()
}
