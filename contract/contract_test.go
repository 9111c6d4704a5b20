package contract_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/nudgehq/nudge/contract"
	"github.com/nudgehq/nudge/internal/mutant"
	"github.com/nudgehq/nudge/server/servertest"
)

// run tries a handler and returns the report, and its text.
func run(t *testing.T, h http.Handler, options ...contract.Option) (*contract.Report, string) {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	report, err := contract.Run(t.Context(), server.URL, append([]contract.Option{contract.WithAccount(mutant.Username, mutant.Password)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	return report, text.String()
}

// Servers without a defect pass, whatever values are drawn.
func TestCorrectServersPass(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			if report, text := run(t, mutant.New(""), contract.WithSeed(seed)); report.Failed() {
				t.Errorf("the server of the mutants fails:\n%s", text)
			}
			s := servertest.New(t)
			report, err := contract.Run(t.Context(), s.URL, contract.WithAccount(s.AccountSID, s.AuthToken), contract.WithSeed(seed))
			if err != nil {
				t.Fatal(err)
			}
			if report.Failed() {
				var text strings.Builder
				_ = report.WriteText(&text)
				t.Errorf("nudge fails:\n%s", text.String())
			}
			t.Log(report.Summary())
		})
	}
}

// Each wrong server is caught, with words that name its defect.
func TestMutantsAreCaught(t *testing.T) {
	for _, m := range mutant.All {
		t.Run(m.Defect, func(t *testing.T) {
			t.Parallel()
			report, text := run(t, mutant.New(m.Defect))
			if !report.Failed() {
				t.Fatal("it passes")
			}
			if !regexp.MustCompile(m.Says).MatchString(text) {
				t.Errorf("nothing says %s:\n%s", m.Says, text)
			}
		})
	}
	t.Logf("%d mutants", len(mutant.All))
}
