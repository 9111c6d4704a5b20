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
	"github.com/nudgehq/nudge/internal/thin"
	"github.com/nudgehq/nudge/server/servertest"
)

// run tries a handler over a socket and returns the report, and its text.
func run(t *testing.T, h http.Handler, options ...contract.Option) (*contract.Report, string) {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	return runAt(t, server.URL, options...)
}

// runInProcess is run without a socket.
func runInProcess(t *testing.T, h http.Handler, options ...contract.Option) (*contract.Report, string) {
	t.Helper()
	return runAt(t, "http://localhost", append(options, contract.WithHTTPClient(&http.Client{Transport: inProcess{h}}))...)
}

func runAt(t *testing.T, url string, options ...contract.Option) (*contract.Report, string) {
	t.Helper()
	report, err := contract.Run(t.Context(), url, append([]contract.Option{contract.WithAccount(mutant.Username, mutant.Password)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	return report, text.String()
}

// every is which of the servers and seeds are tried: all, one in some with the race detector or when there is little time.
func every() int {
	if testing.Short() {
		return 10
	}
	return thin.Step
}

// Servers without a defect pass, whatever values are drawn.
func TestCorrectServersPass(t *testing.T) {
	for seed := uint64(0); seed < 20; seed += uint64(every()) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			try := runInProcess
			if seed == 0 {
				try = run
			}
			if report, text := try(t, mutant.New(""), contract.WithSeed(seed)); report.Failed() {
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

// Each wrong server is caught, with words that name its defect: one in twenty over a socket, the others without.
func TestMutantsAreCaught(t *testing.T) {
	for i := 0; i < len(mutant.All); i += every() {
		m := mutant.All[i]
		t.Run(m.Defect, func(t *testing.T) {
			t.Parallel()
			try := runInProcess
			if i%20 == 0 {
				try = run
			}
			// Most are named by their first failures.
			for _, failures := range []int{3, 0} {
				report, text := try(t, mutant.New(m.Defect), contract.WithMaxFailures(failures))
				if !report.Failed() {
					t.Fatal("it passes")
				}
				if regexp.MustCompile(m.Says).MatchString(text) {
					return
				}
				if failures == 0 {
					t.Errorf("nothing says %s:\n%s", m.Says, text)
				}
			}
		})
	}
	t.Logf("1 in %d of %d mutants", every(), len(mutant.All))
}
