package portal_test

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nudgehq/nudge/internal/thin"
	"github.com/nudgehq/nudge/portal"
)

// The walk of the document is only worth something if it notices what is missing: whatever value, branch or word a template no longer
// writes, it must say so.
func TestWalkNoticesEveryRemovedRendering(t *testing.T) {
	t.Cleanup(func() { portal.SetAssets(portal.Embedded) })
	removed := map[string]int{}
	every := thin.Step
	if testing.Short() {
		every = 10
	}
	for _, name := range []string{"assets/reference.html", "assets/reference.md"} {
		data, err := fs.ReadFile(portal.Embedded, name)
		if err != nil {
			t.Fatal(err)
		}
		source := string(data)
		for kind, places := range map[string][][]int{"value": values(source), "branch": branch.FindAllStringIndex(source, -1), "word": words(source)} {
			for _, at := range places {
				if isBeside(source, at) {
					continue
				}
				removed[kind]++
				if (at[0]+removed[kind])%every != 0 {
					continue
				}
				if !noticed(t, name, source[:at[0]]+source[at[1]:]) {
					t.Errorf("%s:%d: nobody notices that the %s %s is gone", name, 1+strings.Count(source[:at[0]], "\n"), kind, source[at[0]:at[1]])
				}
			}
		}
	}
	t.Logf("removed, one at a time: %v", removed)
	if removed["value"] < 40 || removed["branch"] < 10 || removed["word"] < 40 {
		t.Errorf("too little was removed: %v", removed)
	}
}

var (
	action  = regexp.MustCompile(`\{\{[^{}]+\}\}`)
	keyword = regexp.MustCompile(`^\{\{-?\s*(if|else|end|range|with|define|template|\$\w+ :?=|/\*)`)
	// branch is a condition with what it guards, when that has no condition in it.
	branch = regexp.MustCompile(`\{\{-?\s*(?:if|with) [^{}]+\}\}(?:[^{}]|\{\{\.\w*\}\})*(?:\{\{else\}\}[^{}]*)?\{\{-?\s*end\s*-?\}\}`)
	word   = regexp.MustCompile(`[A-Za-z][A-Za-z ]*[a-z]`)
	// beside is what the document does not say, or what only links, names or lays out.
	beside = regexp.MustCompile(`Asset|"\{\{if|After <code>|data-example|aria-label|\$\.URL|\.URL |Page\.|Console|\$\.For|Samples|\.Label}}</label>|\.Label}}{{with|\.Setup|\.Language|\.Code|-tabs|-console|-samples|-content"|href=| refused\{\{`)
)

// values lists the actions of a template that write something.
func values(source string) [][]int {
	return slices.DeleteFunc(action.FindAllStringIndex(source, -1), func(at []int) bool { return keyword.MatchString(source[at[0]:at[1]]) })
}

// words lists the texts of a template that are neither markup nor action.
func words(source string) [][]int {
	bare := regexp.MustCompile(`\{\{[^{}]*\}\}|<[^>]*>`).ReplaceAllStringFunc(action.ReplaceAllStringFunc(source, blank), blank)
	return word.FindAllStringIndex(bare, -1)
}

func blank(text string) string { return strings.Repeat("\x00", len(text)) }

// isBeside tells whether a place says nothing of the document.
func isBeside(source string, at []int) bool {
	line := strings.LastIndexByte(source[:at[0]], '\n') + 1
	return beside.MatchString(source[max(line, at[0]-30):min(len(source), at[1]+10)])
}

// noticed tells whether somebody notices that a template has another text.
func noticed(t *testing.T, name, text string) bool {
	t.Helper()
	files := fstest.MapFS{}
	err := fs.WalkDir(portal.Embedded, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(portal.Embedded, path)
		files[path] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	files[name] = &fstest.MapFile{Data: []byte(text)}
	portal.SetAssets(files)
	everything, err := os.ReadFile("testdata/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	none := []byte(`{openapi: 3.0.3, info: {title: None, version: 1.0.0, license: {name: Mine}}, paths: {/x: {get: {operationId: x, responses: {'200': {description: y}}}}}}`)
	if len(listed(t, manyPages(t))) > 0 {
		return true
	}
	for _, c := range []struct {
		document []byte
		missing  func(page, markdown string) []string
	}{
		{document: document, missing: func(page, markdown string) []string { return missing(t, document, page, markdown) }},
		{document: everything, missing: func(page, markdown string) []string { return missingOfEverything(t, page, markdown) }},
		{document: none, missing: func(page, markdown string) []string {
			if !strings.Contains(page, "· Mine ·") || !strings.Contains(page, "<p>The document names no credentials.</p>") || !strings.Contains(markdown, "\nThe document names no credentials.\n") {
				return []string{"no credentials"}
			}
			return nil
		}},
	} {
		p, err := portal.New(portal.Config{Guides: fstest.MapFS{}, PublicURL: publicURL, Document: c.document, Versions: fstest.MapFS{}})
		if err != nil {
			return true
		}
		h, err := p.Handler()
		if err != nil {
			t.Fatal(err)
		}
		page, markdown := httptest.NewRecorder(), httptest.NewRecorder()
		h.ServeHTTP(page, httptest.NewRequest(http.MethodGet, portal.Base, nil))
		h.ServeHTTP(markdown, httptest.NewRequest(http.MethodGet, portal.Base+".md", nil))
		if len(c.missing(page.Body.String(), markdown.Body.String())) > 0 {
			return true
		}
	}
	return false
}
