package contract

import (
	"slices"
	"testing"
)

// Test tries every case against the server at baseURL as a subtest of t. Of the cases that one defect breaks, the first fails and
// the others are skipped; a wrong option fails t at once.
func Test(t *testing.T, baseURL string, options ...Option) {
	t.Helper()
	r, cases, err := ready(baseURL, options)
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	results := make([]Result, len(cases))
	for i, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			results[i] = r.try(t.Context(), c)
			if why := results[i].Skipped; why != "" {
				t.Skip(why)
			}
			defects := (&Report{Results: results[i : i+1]}).defects()
			news := slices.DeleteFunc(defects, func(d *defect) bool { return told[d.cause] })
			for _, d := range news {
				told[d.cause] = true
				t.Error(d)
			}
			if len(defects) > 0 && len(news) == 0 {
				t.Skip("it fails as a case before it does")
			}
		})
	}
	r.judgeOutcomes(results)
	for _, k := range r.gone() {
		t.Logf("%s %s is known, and was not met", k.Rule, k.Message)
	}
	if t.Failed() {
		return
	}
	for _, d := range (&Report{Results: results}).defects() {
		t.Error(d)
	}
}
