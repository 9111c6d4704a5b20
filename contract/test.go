package contract

import (
	"strings"
	"testing"
)

// Test tries every case against the server at baseURL as a subtest of t. A wrong option fails t at once.
func Test(t *testing.T, baseURL string, options ...Option) {
	t.Helper()
	r, cases, err := ready(baseURL, options)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			result := r.try(t.Context(), c)
			if result.Skipped != "" {
				t.Skip(result.Skipped)
			}
			for _, v := range result.Violations {
				t.Errorf("%s\n\trule: %s", v.Message, v.Rule)
			}
			if result.Failed() {
				t.Log("try: " + strings.TrimSpace(result.Curl))
			}
		})
	}
}
