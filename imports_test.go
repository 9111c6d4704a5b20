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
	{".", []string{"std"}, "everything imports the document; it must pull in nothing"},
	{"./api", []string{"std", "github.com/oapi-codegen/runtime"}, "the wire types are shared by client and server"},
	{"./client", []string{"std", "./api", "./internal/rule", "github.com/oapi-codegen/runtime"},
		"an importer of the client must not pull in Echo, the validator or a store"},
	{"./internal/bearer", []string{"std"}, "it reads a header"},
	{"./internal/rule", []string{"std"}, "the client imports it"},
	{"./internal/openapi", []string{"std", "./internal/rule", "github.com/getkin/kin-openapi", "go.yaml.in/yaml/v3"}, "it reads documents and knows no server"},
	{"./internal/rulegen", []string{"std", "./internal/rule", "./internal/openapi"}, "it runs while the generated code may not compile"},
	{"./cmd/nextsteps", []string{"std", "./contract", "./internal/docdiff", "golang.org/x/mod/semver"}, "it runs while the server may not compile"},
	{"./internal/mutant", []string{"std", "./internal/documented", "./internal/rule"}, "it is a server that knows the document and nothing else of nudge"},
	{"./internal/documented", []string{"std", ".", "./internal/rule", "./internal/openapi"}, "it knows the document only"},
	{"./internal/origin", []string{"std"}, "it knows requests only"},
	{"./internal/shell", []string{"std"}, "it knows words only"},
	{"./internal/sse", []string{"std"}, "it knows answers only"},
	{"./internal/secretfile", []string{"std", "./internal/reload"}, "it knows files, not what is in them"},
	{"./internal/webaddress", []string{"std"}, "it knows URLs only"},
	{"./internal/docdiff", []string{"std", "./internal/rule", "./internal/openapi", "./internal/strictyaml", "github.com/getkin/kin-openapi", "github.com/oasdiff/oasdiff",
		"pgregory.net/rapid"}, "it compares documents and knows no server; the portal imports it and must not carry a code generator"},
	{"./internal/docdiff/gocode", []string{"std", "./internal/docdiff", "./internal/openapi", "github.com/getkin/kin-openapi", "github.com/oapi-codegen/oapi-codegen/v2/pkg/codegen",
		"golang.org/x/exp/apidiff"}, "it compares generated code"},
	{"./contract", []string{"std", ".", "./internal/conform", "./internal/sample", "./internal/schema", "./internal/serialize", "./internal/shell", "./internal/rule", "./internal/openapi", "github.com/getkin/kin-openapi", "golang.org/x/time/rate", "pgregory.net/rapid"},
		"a contract test knows the document, and never the server that it tries"},
	{"./internal/reload", []string{"std"}, "it knows files, not what is in them"},
	{"./internal/strictyaml", []string{"std", "go.yaml.in/yaml/v3"}, "it knows YAML, not what is in it"},
	{"./internal/schema", []string{"std", "./internal/openapi", "github.com/getkin/kin-openapi", "github.com/santhosh-tekuri/jsonschema/v6", "github.com/dlclark/regexp2"}, "it knows schemas and values, and no request"},
	{"./internal/sample", []string{"std", "./internal/schema", "github.com/santhosh-tekuri/jsonschema/v6", "pgregory.net/rapid"}, "it knows schemas and values, and no request"},
	{"./internal/serialize", []string{"std", "github.com/getkin/kin-openapi"}, "it knows how values are written, and not what they may be"},
	{"./internal/conform", []string{"std", "./internal/rule", "./internal/openapi", "./internal/schema", "./internal/serialize", "github.com/getkin/kin-openapi"}, "it does not know the server whose answers it checks"},
	{"./server", []string{"std", ".", "./api", "./internal/rule", "./internal/openapi", "./delivery", "github.com/labstack/echo/v4",
		"github.com/oapi-codegen/runtime", "github.com/getkin/kin-openapi"}, "HTTP only: stores, channels and directories come in through interfaces"},
	{"./delivery", []string{"std"}, "the domain: generated types and Echo stop at the handler"},
	{"./delivery/deliverytest", []string{"std", "./delivery"}, "a suite knows the contract only"},
	{"./delivery/memstore", []string{"std", "./delivery"}, "a store knows the domain and its driver"},
	{"./delivery/pebblestore", []string{"std", "./delivery", "github.com/cockroachdb/pebble/v2"}, "a store knows the domain and its driver"},
	{"./delivery/stream", []string{"std", "./delivery"}, "a channel knows the domain and its driver"},
	{"./delivery/webhook", []string{"std", "./internal/secretfile", "./delivery", "github.com/standard-webhooks/standard-webhooks/libraries"},
		"a channel knows the domain and its driver"},
	{"./server/device", []string{"std", ".", "./internal/bearer", "./internal/origin", "./internal/rule", "./internal/openapi", "./internal/secretfile", "./internal/sse", "./delivery", "./delivery/stream", "github.com/golang-jwt/jwt/v5",
		"github.com/labstack/echo/v4", "github.com/oapi-codegen/runtime"}, "HTTP only, like the operation's server, which it does not know"},
	{"./portal", []string{"std", ".", "./internal/docdiff", "./internal/openapi", "./internal/shell", "./internal/webaddress", "github.com/getkin/kin-openapi", "go.yaml.in/yaml/v3", "github.com/yuin/goldmark",
		"github.com/klauspost/compress/gzhttp", "golang.org/x/mod/semver"}, "it shows a document and knows no server"},
	{"./portal/mcp", []string{"std", "./internal/origin", "./internal/rule", "./internal/openapi", "./portal", "github.com/getkin/kin-openapi",
		"github.com/modelcontextprotocol/go-sdk/mcp"}, "it gives the portal's pages to tools and calls operations over HTTP"},
	{"./server/accounts", []string{"std", "./internal/reload", "./internal/strictyaml"}, "a directory knows nothing of HTTP"},
	{"./server/challenges", []string{"std", ".", "./internal/reload", "./internal/rule", "./internal/openapi", "./internal/strictyaml", "./internal/webaddress", "./server"},
		"a directory knows the server's interface only"},
	{"./server/ops", []string{"std", "./internal/bearer", "./internal/origin", "./internal/sse", "./server", "./delivery", "github.com/prometheus/client_golang"}, "operators' endpoints know what the server observes, no more"},
	{"./server/servertest", []string{"std", ".", "./delivery", "./internal/conform", "./server", "github.com/tmaxmax/go-sse"}, "other people's tests must not pull in a metrics library or a CLI"},
	{"./cmd", []string{"std", ".", "./api", "./client", "./contract", "./delivery", "./internal", "./portal", "./server", "github.com/alecthomas/kong", "github.com/tmaxmax/go-sse",
		"github.com/standard-webhooks/standard-webhooks/libraries", "golang.org/x/sys/unix"}, "the only place that knows all parts"},
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
