package strictyaml

import (
	"strings"
	"testing"
)

func TestDecode(t *testing.T) {
	for _, test := range []struct {
		name, text string
		// wrong is part of the error; empty for none.
		wrong string
	}{
		{name: "as it should be", text: "name: a\n"},
		{name: "empty", text: "", wrong: "it is empty"},
		{name: "comments alone", text: "# none\n", wrong: "it is empty"},
		{name: "two documents", text: "name: a\n---\nname: b\n", wrong: "more than one"},
		{name: "an unknown field", text: "name: a\nsecret0: s3cr3t\n", wrong: "line 2"},
		{name: "a field twice", text: "name: a\nname: s3cr3t\n", wrong: "line 2"},
		{name: "another type", text: "name: [s3cr3t]\n", wrong: "line 1"},
		{name: "no YAML", text: "name: {s3cr3t\n", wrong: "line 1"},
		{name: "an anchor that is not there", text: "name: *s3cr3t\n", wrong: "anchor"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var v struct{ Name string }
			err := Decode([]byte(test.text), &v)
			if test.wrong == "" {
				if err != nil || v.Name != "a" {
					t.Errorf("%q, %v", v.Name, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.wrong) || strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("got %v, want %q and nothing of the text", err, test.wrong)
			}
		})
	}
}
