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
		{"as usual", []string{"Bearer abc"}, "abc", true},
		{"another case", []string{"bEARER abc"}, "abc", true},
		{"two blanks", []string{"Bearer  abc"}, "abc", true},
		{"two headers", []string{"Bearer abc", "Bearer abc"}, "", false},
		{"another scheme", []string{"Basic abc"}, "", false},
		{"no token", []string{"Bearer "}, "", false},
		{"nothing", nil, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			token, ok := Token(http.Header{"Authorization": test.values})
			if ok != test.ok || token != test.token {
				t.Errorf("%q, %v", token, ok)
			}
		})
	}
}
