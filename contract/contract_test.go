package contract_test

import (
	"bytes"
	"testing"

	"github.com/nudgehq/nudge/contract"
	"github.com/nudgehq/nudge/server/servertest"
)

func TestNudge(t *testing.T) {
	s := servertest.New(t)
	report, err := contract.Run(t.Context(), s.URL, contract.WithAccount(s.AccountSID, s.AuthToken))
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	report.WriteText(&text)
	t.Log(text.String())
}
