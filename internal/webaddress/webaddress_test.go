package webaddress_test

import (
	"strings"
	"testing"

	"github.com/nudgehq/nudge/internal/webaddress"
)

func TestCheck(t *testing.T) {
	for _, good := range []string{
		"http://h", "https://notify.example.com:8443/a/b?c=d", "http://127.0.0.1:1/", "http://[::1]:80", "HTTPS://A_b.Example./", "https://user:pw@h/", "https://bücher.example/",
	} {
		if err := webaddress.Check(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "h", "ftp://h", "http://", "http://:80", "http://h:", "http://h:0", "http://h:65536", "http://h:x", "http://h/ x", " http://h", "http://h/#x",
		"http://h/#", "http://*", "http://a..b", "http://...", "http://[::1%25lo]", "http://h/\n", "http://" + strings.Repeat("a", 64), "http://h/" + strings.Repeat("a", 2048),
	} {
		if webaddress.Check(bad) == nil {
			t.Errorf("%.60q is taken", bad)
		}
	}
	if err := webaddress.Check("http://h:99999/secret"); strings.Contains(err.Error(), "secret") {
		t.Errorf("the error repeats the URL: %v", err)
	}
}
