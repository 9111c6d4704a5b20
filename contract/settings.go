package contract

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/internal/conform"
	"github.com/nudgehq/nudge/internal/openapi"
)

type settings struct {
	// first is where the numbers of unique values begin: another in each run.
	first        uint64
	document     []byte
	documentName string
	files        fs.FS
	fetch        func(location *url.URL) ([]byte, error)
	warning      func(text string)
	// strict judges by the strict rules; strictly tells that it was asked for.
	strict, strictly bool
	// switched are the rules that were turned on or off by their names.
	switched    map[string]bool
	known       []*Known
	maxCases    int
	account     *account
	header      http.Header
	query       url.Values
	fixtures    map[string]string
	only, skip  *regexp.Regexp
	seed        uint64
	maxCreates  int
	maxFailures int
	rate        float64
	anyRefusal  bool
	tolerated   map[int]bool
	client      *http.Client
	progress    func(done, all, failed int)
	// ignored are the beginnings of paths that a proxy does not judge.
	ignored []string
	memory  *conform.Memory
}

func newSettings(options []Option) (*settings, error) {
	s := &settings{
		first:    rand.Uint64(), //nolint:gosec // It need not be secret.
		document: nudge.OpenAPI, documentName: "openapi.yaml", strict: true, header: http.Header{}, query: url.Values{}, fixtures: map[string]string{}, seed: 1,
		tolerated: map[int]bool{}, memory: conform.NewMemory(), warning: func(string) {},
		client: &http.Client{Timeout: DefaultTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	for _, o := range options {
		if err := o(s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// read reads the document.
func (s *settings) read() (*conform.Document, error) {
	doc, err := openapi.Source{Name: s.documentName, Data: s.document, Files: s.files, Fetch: s.fetch}.Read()
	if err != nil {
		return nil, err
	}
	for _, f := range doc.Findings {
		at := s.documentName
		if f.Line > 0 {
			at = fmt.Sprintf("%s:%d", at, f.Line)
		}
		s.warning(at + ": " + f.Message)
	}
	j, err := conform.Of(doc)
	if err == nil {
		j.Strict = s.isOn("answers")
	}
	return j, err
}

// expression compiles a regular expression; none for an empty one.
func expression(pattern, of string) (*regexp.Regexp, error) {
	if pattern == "" {
		return nil, nil
	}
	compiled, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("the expression for %s: %w", of, err)
	}
	return compiled, nil
}
