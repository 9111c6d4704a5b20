package nudge_test

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/nudgehq/nudge"

// importRules say what the packages of the module may import, each with its reason. A rule holds for a package and what
// is below it, unless a longer one is there. "std" is the standard library, "./x" a package of this module with what is
// below it, "." the root package alone.
var importRules = []struct {
	pkg     string
	allowed []string
	reason  string
}{
	{pkg: ".", allowed: []string{"std"}, reason: "everything imports the document; it must pull in nothing"},
	{pkg: "./api", allowed: []string{"std", "github.com/oapi-codegen/runtime"}, reason: "the wire types are shared by client and server"},
	{pkg: "./client", allowed: []string{"std", "./api", "./internal/rule", "github.com/oapi-codegen/runtime"},
		reason: "an importer of the client must not pull in Echo, the validator or a store"},
	{pkg: "./internal/bearer", allowed: []string{"std"}, reason: "it reads a header"},
	{pkg: "./internal/rule", allowed: []string{"std"}, reason: "the client imports it"},
	{pkg: "./internal/openapi", allowed: []string{"std", "./internal/rule", "github.com/getkin/kin-openapi", "go.yaml.in/yaml/v3"}, reason: "it reads documents and knows no server"},
	{pkg: "./internal/rulegen", allowed: []string{"std", "./internal/rule", "./internal/openapi"}, reason: "it runs while the generated code may not compile"},
	{pkg: "./internal/casenames", allowed: []string{"std", "./contract"}, reason: "it runs while the server may not compile"},
	{pkg: "./cmd/nextsteps", allowed: []string{"std", "./contract", "./internal/docdiff", "golang.org/x/mod/semver"}, reason: "it runs while the server may not compile"},
	{pkg: "./internal/mutant", allowed: []string{"std", "./internal/documented", "./internal/rule"}, reason: "it is a server that knows the document and nothing else of nudge"},
	{pkg: "./internal/documented", allowed: []string{"std", ".", "./internal/rule", "./internal/owndocument", "./internal/openapi"}, reason: "it knows the document only"},
	{pkg: "./internal/origin", allowed: []string{"std"}, reason: "it knows requests only"},
	{pkg: "./internal/shell", allowed: []string{"std"}, reason: "it knows words only"},
	{pkg: "./internal/strictserver", allowed: []string{"std", "github.com/santhosh-tekuri/jsonschema/v6", "github.com/dlclark/regexp2", "go.yaml.in/yaml/v3"}, reason: "it judges the kit, so it uses nothing of it"},
	{pkg: "./internal/owndocument", allowed: []string{"std", ".", "./internal/openapi", "github.com/getkin/kin-openapi"}, reason: "it knows the document only"},
	{pkg: "./internal/thin", allowed: nil, reason: "it is two numbers"},
	{pkg: "./internal/sse", allowed: []string{"std"}, reason: "it knows answers only"},
	{pkg: "./internal/secretfile", allowed: []string{"std", "./internal/reload"}, reason: "it knows files, not what is in them"},
	{pkg: "./internal/webaddress", allowed: []string{"std"}, reason: "it knows URLs only"},
	{pkg: "./internal/docdiff", allowed: []string{"std", "./internal/rule", "./internal/sample", "./internal/schema", "./internal/serialize", "./internal/openapi", "./internal/strictyaml", "github.com/getkin/kin-openapi", "github.com/oasdiff/oasdiff",
		"pgregory.net/rapid"}, reason: "it compares documents and knows no server; the portal imports it and must not carry a code generator"},
	{pkg: "./internal/docdiff/gocode", allowed: []string{"std", "./internal/docdiff", "./internal/openapi", "github.com/getkin/kin-openapi", "github.com/oapi-codegen/oapi-codegen/v2/pkg/codegen",
		"golang.org/x/exp/apidiff"}, reason: "it compares generated code"},
	{pkg: "./contract", allowed: []string{"std", ".", "./internal/conform", "./internal/strictyaml", "./internal/sample", "./internal/schema", "./internal/serialize", "./internal/shell", "./internal/rule", "./internal/openapi", "github.com/getkin/kin-openapi", "golang.org/x/time/rate", "pgregory.net/rapid"},
		reason: "a contract test knows the document, and never the server that it tries"},
	{pkg: "./internal/reload", allowed: []string{"std"}, reason: "it knows files, not what is in them"},
	{pkg: "./internal/strictyaml", allowed: []string{"std", "go.yaml.in/yaml/v3"}, reason: "it knows YAML, not what is in it"},
	{pkg: "./internal/schema", allowed: []string{"std", "./internal/openapi", "github.com/getkin/kin-openapi", "github.com/santhosh-tekuri/jsonschema/v6", "github.com/dlclark/regexp2"}, reason: "it knows schemas and values, and no request"},
	{pkg: "./internal/sample", allowed: []string{"std", "./internal/schema", "github.com/santhosh-tekuri/jsonschema/v6", "pgregory.net/rapid"}, reason: "it knows schemas and values, and no request"},
	{pkg: "./internal/serialize", allowed: []string{"std", "./internal/openapi", "github.com/getkin/kin-openapi"}, reason: "it knows how values are written, and not what they may be"},
	{pkg: "./internal/conform", allowed: []string{"std", "./internal/rule", "./internal/openapi", "./internal/schema", "./internal/serialize", "github.com/getkin/kin-openapi"}, reason: "it does not know the server whose answers it checks"},
	{pkg: "./server", allowed: []string{"std", ".", "./api", "./internal/rule", "./internal/owndocument", "./internal/openapi", "./delivery", "github.com/labstack/echo/v4",
		"github.com/oapi-codegen/runtime", "github.com/getkin/kin-openapi"}, reason: "HTTP only: stores, channels and directories come in through interfaces"},
	{pkg: "./delivery", allowed: []string{"std"}, reason: "the domain: generated types and Echo stop at the handler"},
	{pkg: "./delivery/deliverytest", allowed: []string{"std", "./delivery"}, reason: "a suite knows the contract only"},
	{pkg: "./delivery/memstore", allowed: []string{"std", "./delivery"}, reason: "a store knows the domain and its driver"},
	{pkg: "./internal/recordcodec", allowed: []string{"std", "./delivery"}, reason: "it knows records, not where they are"},
	{pkg: "./delivery/cluster", allowed: []string{"std", "./delivery"}, reason: "it knows what nodes ask each other, and not over what"},
	{pkg: "./delivery/jetstream", allowed: []string{"std", "./delivery", "./internal/recordcodec", "github.com/nats-io/nats.go", "golang.org/x/sync/errgroup"}, reason: "a store knows the domain and its driver"},
	{pkg: "./delivery/pebblestore", allowed: []string{"std", "./delivery", "./internal/recordcodec", "github.com/cockroachdb/pebble/v2"}, reason: "a store knows the domain and its driver"},
	{pkg: "./delivery/stream", allowed: []string{"std", "./delivery"}, reason: "a channel knows the domain and its driver"},
	{pkg: "./delivery/outbound", allowed: []string{"std", "./delivery"}, reason: "it knows requests and results, and no provider"},
	{pkg: "./delivery/message", allowed: []string{"std", "./delivery"}, reason: "it knows notifications, and no provider"},
	{pkg: "./delivery/webhook", allowed: []string{"std", "./internal/secretfile", "./delivery", "github.com/standard-webhooks/standard-webhooks/libraries"},
		reason: "a channel knows the domain and its driver"},
	{pkg: "./delivery/apns", allowed: []string{"std", "./delivery", "github.com/golang-jwt/jwt/v5"}, reason: "a channel knows the domain and its driver"},
	{pkg: "./delivery/fcm", allowed: []string{"std", "./delivery", "./internal/webaddress", "golang.org/x/oauth2", "golang.org/x/sync/singleflight"}, reason: "a channel knows the domain and its driver"},
	{pkg: "./delivery/webpush", allowed: []string{"std", "./delivery", "github.com/golang-jwt/jwt/v5"}, reason: "a channel knows the domain and its driver"},
	{pkg: "./delivery/channels", allowed: []string{"std", "./delivery", "./internal/reload", "./internal/strictyaml", "./internal/webaddress"}, reason: "it knows channels and their file, and no server"},
	{pkg: "./internal/pushpeers", allowed: []string{"std", "./delivery/webpush", "github.com/golang-jwt/jwt/v5"}, reason: "it plays the providers, so it uses nothing of the channels to them but a key"},
	{pkg: "./internal/pushpeers/pushtest", allowed: []string{"std", "./delivery", "./internal/pushpeers"}, reason: "it knows the suite and the providers"},
	{pkg: "./server/device", allowed: []string{"std", ".", "./internal/bearer", "./internal/origin", "./internal/rule", "./internal/owndocument", "./internal/openapi", "./internal/secretfile", "./internal/sse", "./delivery", "./delivery/stream", "github.com/golang-jwt/jwt/v5",
		"github.com/labstack/echo/v4", "github.com/oapi-codegen/runtime"}, reason: "HTTP only, like the operation's server, which it does not know"},
	{pkg: "./portal", allowed: []string{"std", ".", "github.com/alecthomas/chroma/v2", "./internal/docdiff", "./internal/owndocument", "./internal/openapi", "./internal/sample", "./internal/schema", "./internal/serialize", "./internal/shell", "./internal/strictyaml", "./internal/webaddress", "github.com/getkin/kin-openapi", "go.yaml.in/yaml/v3", "github.com/yuin/goldmark", "golang.org/x/net/html",
		"github.com/klauspost/compress/gzhttp", "golang.org/x/mod/semver"}, reason: "it shows a document and knows no server"},
	{pkg: "./portal/mcp", allowed: []string{"std", "./internal/origin", "./internal/rule", "./internal/owndocument", "./internal/openapi", "./portal", "github.com/getkin/kin-openapi",
		"github.com/modelcontextprotocol/go-sdk/mcp"}, reason: "it gives the portal's pages to tools and calls operations over HTTP"},
	{pkg: "./server/accounts", allowed: []string{"std", "./internal/reload", "./internal/strictyaml"}, reason: "a directory knows nothing of HTTP"},
	{pkg: "./server/challenges/service", allowed: []string{"std", "github.com/oapi-codegen/runtime"}, reason: "a generated client"},
	{pkg: "./examples", allowed: []string{"std", "./contract", "./server", "github.com/labstack/echo/v4", "github.com/oapi-codegen/runtime", "github.com/standard-webhooks/standard-webhooks/libraries/go"}, reason: "what a user would import"},
	{pkg: "./server/challenges", allowed: []string{"std", ".", "github.com/getkin/kin-openapi", "./delivery", "golang.org/x/sync/singleflight", "./internal/reload", "./internal/rule", "./internal/owndocument", "./internal/openapi", "./internal/strictyaml", "./internal/webaddress", "./server", "go.yaml.in/yaml/v3"},
		reason: "a directory knows the server's interface only"},
	{pkg: "./server/ops", allowed: []string{"std", "./internal/bearer", "./internal/origin", "./internal/sse", "./server", "./delivery", "github.com/prometheus/client_golang", "github.com/prometheus/client_model/go"}, reason: "operators' endpoints know what the server observes, no more"},
	{pkg: "./server/servertest", allowed: []string{"std", ".", "./delivery", "./internal/conform", "./server", "github.com/tmaxmax/go-sse"}, reason: "other people's tests must not pull in a metrics library or a CLI"},
	{pkg: "./cmd", allowed: []string{"std", ".", "./api", "./client", "./contract", "./delivery", "./internal", "./portal", "./server", "github.com/alecthomas/kong", "github.com/alecthomas/mango-kong", "github.com/coreos/go-systemd/v22/daemon", "github.com/muesli/roff", "github.com/tmaxmax/go-sse",
		"github.com/standard-webhooks/standard-webhooks/libraries", "golang.org/x/sys/unix"}, reason: "the only place that knows all parts"},
}

func TestImportDirections(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for decoder.More() {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&pkg); err != nil {
			t.Fatal(err)
		}
		name := local(pkg.ImportPath)
		rule := -1
		for i, r := range importRules {
			if within(name, r.pkg) && (rule < 0 || len(r.pkg) > len(importRules[rule].pkg)) {
				rule = i
			}
		}
		if rule < 0 {
			t.Errorf("%s has no import rule: add one to importRules, with its reason", name)
			continue
		}
		for _, imported := range pkg.Imports {
			if !slices.ContainsFunc(importRules[rule].allowed, func(allowed string) bool { return within(local(imported), allowed) }) {
				t.Errorf("%s must not import %s: %s", name, imported, importRules[rule].reason)
			}
		}
	}
}

// local names a package of this module from its root: "." and "./server".
func local(path string) string {
	if path == module {
		return "."
	}
	if rest, ok := strings.CutPrefix(path, module+"/"); ok {
		return "./" + rest
	}
	return path
}

// within tells whether a package is what a rule names or is below it.
func within(name, rule string) bool {
	switch rule {
	case "std":
		first, _, _ := strings.Cut(name, "/")
		return !strings.Contains(first, ".")
	case ".":
		return name == "."
	}
	return name == rule || strings.HasPrefix(name, rule+"/")
}

// Who shows or compares documents, or calls the operation, carries no code generator.
func TestNoGeneratorInLibraries(t *testing.T) {
	for _, pkg := range []string{"./portal", "./portal/mcp", "./contract", "./client", "./server/servertest"} {
		out, err := exec.Command("go", "list", "-deps", pkg).Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, generator := range []string{"github.com/oapi-codegen/oapi-codegen", "golang.org/x/tools", "golang.org/x/exp/apidiff"} {
			if strings.Contains(string(out), "\n"+generator) {
				t.Errorf("%s carries %s", pkg, generator)
			}
		}
	}
}
