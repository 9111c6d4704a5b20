package bearer

import (
	"net/http"
	"testing"
)

func TestToken(t *testing.T) {
	for _, test := range []struct {
		name   string
		values []string
		token  string
		ok     bool
	}{
		{name: "as usual", values: []string{"Bearer abc"}, token: "abc", ok: true},
		{name: "another case", values: []string{"bEARER abc"}, token: "abc", ok: true},
		{name: "two blanks", values: []string{"Bearer  abc"}, token: "abc", ok: true},
		{name: "two headers", values: []string{"Bearer abc", "Bearer abc"}, ok: false},
		{name: "another scheme", values: []string{"Basic abc"}, ok: false},
		{name: "no token", values: []string{"Bearer "}, ok: false},
		{name: "nothing", values: nil, ok: false},
	} {
		t.Run(test.name, func(t *testing.T) {
			token, ok := Token(http.Header{"Authorization": test.values})
			if ok != test.ok || token != test.token {
				t.Errorf("%q, %v", token, ok)
			}
		})
	}
}
