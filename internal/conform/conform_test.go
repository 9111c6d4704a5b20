package conform_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/internal/conform"
	"github.com/nudgehq/nudge/internal/documented"
)

// Every "judged" test rests on this one: a judge that lets everything pass judges nothing.
func TestWrongAnswersAreNotLetPass(t *testing.T) {
	j, err := conform.New(nudge.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{
		"Content-Type": {"application/json"}, "Twilio-Request-Id": {"RQ" + strings.Repeat("a", 32)}, "Access-Control-Allow-Origin": {"*"},
		"Access-Control-Allow-Methods": {"POST"}, "Access-Control-Allow-Headers": {"Accept"}, "Access-Control-Allow-Credentials": {"true"},
		"Access-Control-Expose-Headers": {"ETag"},
	}
	hex := strings.Repeat("a", 32)
	created := `{"sid":"NT` + hex + `","account_sid":"AC` + hex + `","service_sid":"` + documented.ServiceSID + `","entity_sid":"YE` + hex +
		`","identity":"ff483d1ff591898a","challenge_sid":"` + documented.ChallengeSID + `","priority":"high","ttl":150,"date_created":"2015-07-30T20:00:00Z"}`
	refused := `{"code":60323,"message":"m","more_info":"https://x/60323","status":403}`
	with := func(name, value string) http.Header {
		changed := header.Clone()
		changed.Del(name)
		if value != "" {
			changed.Set(name, value)
		}
		return changed
	}
	post := httptest.NewRequest(http.MethodPost, "/", nil)
	for _, status := range []int{201, 403} {
		if err := j.Check(post, status, header, []byte(map[int]string{201: created, 403: refused}[status])); err != nil {
			t.Errorf("a good %d: %v", status, err)
		}
	}
	for name, c := range map[string]struct {
		status int
		header http.Header
		body   string
	}{
		"a status that is not declared": {status: 200, header: header, body: created},
		"no request id":                 {status: 201, header: with("Twilio-Request-Id", ""), body: created},
		"a request id of another form":  {status: 201, header: with("Twilio-Request-Id", "RQ1"), body: created},
		"a header that is no boolean":   {status: 201, header: with("Access-Control-Allow-Credentials", "yes"), body: created},
		"no CORS header on an error":    {status: 403, header: with("Access-Control-Allow-Origin", ""), body: refused},
		"another media type":            {status: 201, header: with("Content-Type", "text/html"), body: created},
		"a field missing":               {status: 201, header: header, body: strings.Replace(created, `"ttl":150,`, "", 1)},
		"a field too many":              {status: 201, header: header, body: strings.Replace(created, "{", `{"extra":1,`, 1)},
		"a ttl that is text":            {status: 201, header: header, body: strings.Replace(created, ":150", `:"150"`, 1)},
		"a SID of another prefix":       {status: 201, header: header, body: strings.Replace(created, `"NT`, `"XX`, 1)},
		"two values":                    {status: 201, header: header, body: created + created},
		"an empty body":                 {status: 403, header: header},
		"an error without a code":       {status: 403, header: header, body: `{"message":"m","more_info":"https://x","status":403}`},
		"no Allow on a 405":             {status: 405, header: header, body: refused},
	} {
		if err := j.Check(post, c.status, c.header, []byte(c.body)); err == nil {
			t.Errorf("%s: it passed", name)
		}
	}
	if err := j.Check(httptest.NewRequest(http.MethodOptions, "/", nil), 204, header, []byte("x")); err == nil {
		t.Error("a preflight's answer with a body passed")
	}
}
