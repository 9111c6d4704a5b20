package contract_test

import (
	_ "embed"
	"strings"
	"testing"

	"github.com/nudgehq/nudge/contract"
)

// names are those of nudge's own document, as make generate wrote them: a commit that changes them shows which.
//
//go:embed testdata/cases.txt
var names string

func TestNamesOfTheOwnDocument(t *testing.T) {
	cases, err := contract.Cases(contract.WithAccount("account", "password"))
	if err != nil {
		t.Fatal(err)
	}
	var derived strings.Builder
	for _, c := range cases {
		derived.WriteString(c.Name + "\n")
	}
	if derived.String() == names {
		return
	}
	was := map[string]bool{}
	for _, name := range strings.Split(names, "\n") {
		was[name] = true
	}
	for _, c := range cases {
		if !was[c.Name] {
			t.Errorf("new: %s", c.Name)
		}
		delete(was, c.Name)
	}
	delete(was, "")
	for name := range was {
		t.Errorf("gone: %s", name)
	}
	t.Error("if that is meant, run make generate and review testdata/cases.txt in the commit")
}
