package mcp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/nudgehq/nudge/internal/documented"
	"github.com/nudgehq/nudge/portal"
	"github.com/nudgehq/nudge/portal/mcp"
	"github.com/nudgehq/nudge/server/servertest"
)

// Documents of other people have what ours has not.
func TestExecuteEverything(t *testing.T) {
	everything, err := os.ReadFile("../testdata/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var got *http.Request
	target := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		w.WriteHeader(http.StatusNoContent)
	})
	use := func(document []byte) (*mcp.Server, error) {
		p, err := portal.New(portal.Config{PublicURL: publicURL, Document: document, Versions: fstest.MapFS{}})
		if err != nil {
			t.Fatal(err)
		}
		return mcp.New(mcp.Config{Portal: p, Execute: &mcp.Execute{Transport: mcp.InProcess{Handler: target}, BaseURL: publicURL}})
	}
	s, err := use(everything)
	if err != nil {
		t.Fatal(err)
	}
	session := connectHTTP(t, s, withBasicAuth{})
	result := call(t, session, "fetch_thing", map[string]any{"Sid": "a b", "q": []string{"x", "y"}, "X-Level": 2})
	if result.IsError || got.URL.RequestURI() != "/v2/Things/a%20b?q=x&q=y" || got.Header.Get("X-Level") != "2" || text(result) != "204 " {
		t.Errorf("%s %v %s", got.URL, got.Header, text(result))
	}
	if result := call(t, session, "update_thing_now", map[string]any{"Sid": "a", "body": map[string]any{"name": "x"}}); result.IsError || got.Method != "PUT" {
		t.Errorf("%v %s", got, text(result))
	}
	for name, c := range map[string]struct {
		tool      string
		arguments map[string]any
		want      string
	}{
		"a body that is missing": {tool: "update_thing_now", arguments: map[string]any{"Sid": "a"}, want: "body is required"},
		"a path that leads up":   {tool: "http_remove", arguments: map[string]any{"Sid": ".."}, want: "another path"},
		"an empty path":          {tool: "http_remove", arguments: map[string]any{"Sid": ""}, want: "another path"},
		"at the exclusive bound": {tool: "fetch_thing", arguments: map[string]any{"Sid": "a", "q": []string{}, "X-Level": 1}, want: "above 1"},
	} {
		if result := call(t, session, c.tool, c.arguments); !result.IsError || !strings.Contains(text(result), c.want) {
			t.Errorf("%s: %s", name, text(result))
		}
	}
	if _, err := use(bytes.Replace(everything, []byte("operationId: HTTPRemove"), []byte("operationId: Search"), 1)); err == nil {
		t.Error("an operation takes the place of the tool search")
	}
}

func TestExecute(t *testing.T) {
	target := servertest.New(t)
	s := build(t, func(_ *portal.Config, c *mcp.Config) {
		c.Execute = &mcp.Execute{Transport: mcp.InProcess{Handler: target.Handler}, BaseURL: publicURL}
	})
	session := connectHTTP(t, s, withBasicAuth{target.AccountSID, target.AuthToken})
	good := func(change map[string]any) map[string]any {
		arguments := map[string]any{
			"ServiceSid": documented.ServiceSID, "Identity": "user-0001", "ChallengeSid": documented.ChallengeSID, "Ttl": 150,
		}
		for name, value := range change {
			if arguments[name] = value; value == nil {
				delete(arguments, name)
			}
		}
		return arguments
	}

	listed, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var tool *sdk.Tool
	for _, candidate := range listed.Tools {
		if candidate.Name == "create_notification" {
			tool = candidate
		}
	}
	if tool == nil {
		t.Fatal("there is no create_notification")
	}
	schema, _ := json.Marshal(tool.InputSchema)
	for _, want := range []string{fmt.Sprintf(`"maximum":%d`, documented.MaxTTL), `"minimum":0`, `"pattern":"^` + documented.Prefix("ServiceSid") + `[0-9a-fA-F]{32}$"`, `"additionalProperties":false`, `"required":["ServiceSid","Identity","ChallengeSid"]`, fmt.Sprintf(`"default":%d`, documented.DefaultTTL)} {
		if !strings.Contains(string(schema), want) {
			t.Errorf("the schema lacks %s: %s", want, schema)
		}
	}

	t.Run("with credentials", func(t *testing.T) {
		result := call(t, session, "create_notification", good(nil))
		if result.IsError || len(target.Notifications()) != 1 || target.Notifications()[0].TTL.Seconds() != 150 {
			t.Fatalf("%s, %+v", text(result), target.Notifications())
		}
		conforms(t, tool.OutputSchema, result.StructuredContent)
		conforms(t, tool.InputSchema, good(nil))
	})
	t.Run("a whole number is an integer, however it is written", func(t *testing.T) {
		for _, number := range []string{"150.0", "15e1"} {
			if result := call(t, session, "create_notification", good(map[string]any{"Ttl": json.RawMessage(number)})); result.IsError {
				t.Errorf("%s: %s", number, text(result))
			}
		}
	})
	t.Run("without credentials", func(t *testing.T) {
		other := connectHTTP(t, s, withBasicAuth{})
		if result := call(t, other, "create_notification", good(nil)); !result.IsError || !strings.Contains(text(result), "Authorization") {
			t.Error(text(result))
		}
	})
	t.Run("with wrong credentials", func(t *testing.T) {
		other := connectHTTP(t, s, withBasicAuth{target.AccountSID, "wrong"})
		if result := call(t, other, "create_notification", good(nil)); !result.IsError || !strings.Contains(text(result), "20003") {
			t.Error(text(result))
		}
	})
	for name, c := range map[string]struct {
		change map[string]any
		want   string
	}{
		"above the bound":          {change: map[string]any{"Ttl": documented.MaxTTL + 1}, want: "Ttl must be " + documented.TTLRule},
		"a number as text":         {change: map[string]any{"Ttl": "150"}, want: "Ttl must be " + documented.TTLRule},
		"a whole number too large": {change: map[string]any{"Ttl": json.RawMessage(fmt.Sprintf("%d.0", documented.MaxTTL+1))}, want: "Ttl must be " + documented.TTLRule},
		"a huge exponent":          {change: map[string]any{"Ttl": json.RawMessage("1e99")}, want: "Ttl must be " + documented.TTLRule},
		"a fraction":               {change: map[string]any{"Ttl": 1.5}, want: "Ttl must be an integer"},
		"an object":                {change: map[string]any{"Ttl": map[string]any{"a": 1}}, want: "Ttl must be an integer"},
		"a wrong SID":              {change: map[string]any{"ServiceSid": "VB"}, want: "ServiceSid must be"},
		"a path that leads away":   {change: map[string]any{"Identity": "../../x"}, want: "Identity must be"},
		"a missing argument":       {change: map[string]any{"ChallengeSid": nil}, want: "ChallengeSid is required"},
		"an unknown argument":      {change: map[string]any{"ttl": 150}, want: `no argument "ttl"`},
		"a challenge that expired": {change: map[string]any{"ChallengeSid": "YC00000000000000000000000000060323"}, want: "60323"},
	} {
		t.Run(name, func(t *testing.T) {
			result := call(t, session, "create_notification", good(c.change))
			if !result.IsError || !strings.Contains(text(result), c.want) {
				t.Errorf("%t %s", result.IsError, text(result))
			}
		})
	}
	if n := len(target.Notifications()); n != 3 {
		t.Errorf("%d notifications were created, not 3", n)
	}
}
