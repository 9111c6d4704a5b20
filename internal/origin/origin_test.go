package origin

import (
	"net/http/httptest"
	"testing"
)

func TestOwnHost(t *testing.T) {
	for _, test := range []struct {
		name, host, public string
		own                bool
	}{
		{name: "an address", host: "127.0.0.1:8080", own: true},
		{name: "an address of IPv6", host: "[::1]:8080", own: true},
		{name: "an address without a port", host: "192.0.2.1", own: true},
		{name: "localhost in any case", host: "LocalHost:1", own: true},
		{name: "the public name", host: "Notify.example.com", public: "notify.example.com", own: true},
		{name: "the public name with another port", host: "notify.example.com:444", public: "notify.example.com"},
		{name: "a name that was pointed here", host: "attacker.example:8080"},
		{name: "a name that begins like an address", host: "127.0.0.1.attacker.example"},
		{name: "a name that ends in localhost", host: "attacker.localhost"},
		{name: "none", host: ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Host = test.host
			if got := OwnHost(r, test.public); got != test.own {
				t.Errorf("%v, want %v", got, test.own)
			}
		})
	}
}

func TestOwnPage(t *testing.T) {
	for _, test := range []struct {
		name, origin, public string
		own                  bool
	}{
		{name: "no page", own: true},
		{name: "a page of this server", origin: "http://127.0.0.1:8080", own: true},
		{name: "a page of the public name", origin: "https://notify.example.com", public: "notify.example.com", own: true},
		{name: "another port", origin: "http://127.0.0.1:9000"},
		{name: "another site", origin: "https://attacker.example"},
		{name: "a sandbox", origin: "null"},
		{name: "no URL", origin: "http://%zz"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "http://127.0.0.1:8080/", nil)
			if test.origin != "" {
				r.Header.Set("Origin", test.origin)
			}
			if got := OwnPage(r, test.public); got != test.own {
				t.Errorf("%v, want %v", got, test.own)
			}
		})
	}
}
