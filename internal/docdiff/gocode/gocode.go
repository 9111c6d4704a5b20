// Package gocode says what changes for users of the Go code that is generated from an OpenAPI document. It is apart from
// docdiff, so that who compares documents does not carry the code generator.
package gocode

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oapi-codegen/oapi-codegen/v2/pkg/codegen"
	"golang.org/x/exp/apidiff"

	"github.com/nudgehq/nudge/internal/docdiff"
)

// generated is what the three configurations beside the generated packages ask for, as one package.
var generated = codegen.Configuration{
	PackageName: "generated",
	Generate: codegen.GenerateOptions{
		Models: true, Client: true, ServerURLs: true, EchoServer: true, Strict: true,
	},
	Compatibility: codegen.CompatibilityOptions{AlwaysPrefixEnumValues: true},
	OutputOptions: codegen.OutputOptions{ClientTypeName: "Operations"},
}

// generator is one at a time: the libraries keep their options, and os.Stdout, in variables.
var generator sync.Mutex

// Code is the Go code that is generated from a document.
type Code struct {
	pkg *types.Package
	// err is why none can be generated from it.
	err   error
	lines lines
}

// Generate generates the code of a document. The error is of a document that is not valid.
func Generate(d docdiff.Document) (*Code, error) {
	spec, err := d.Load()
	if err != nil {
		return nil, err
	}
	c := &Code{lines: newLines(spec)}
	generator.Lock()
	defer generator.Unlock()
	c.pkg, c.err = generate(d.Data)
	return c, nil
}

// CompareDocuments is Compare of the code of two documents.
func CompareDocuments(older, newer docdiff.Document) ([]docdiff.Change, error) {
	before, err := Generate(older)
	if err != nil {
		return nil, err
	}
	after, err := Generate(newer)
	if err != nil {
		return nil, err
	}
	return Compare(before, after), nil
}

// Compare lists what changed for Go users of the generated code, by the rules of apidiff.
func Compare(older, newer *Code) []docdiff.Change {
	if older.err != nil {
		// There was no code to use.
		return []docdiff.Change{{
			Audience: docdiff.GoAPI, Rule: "go-code-unknown", Severity: docdiff.Info, Gone: true, Line: 1,
			Text: fmt.Sprintf("no Go code can be generated from the older document: %v", older.err),
		}}
	}
	if newer.err != nil {
		return []docdiff.Change{{
			Audience: docdiff.GoAPI, Rule: "go-code-unknown", Severity: docdiff.Breaking, Line: 1,
			Text: fmt.Sprintf("no Go code can be generated from the newer document: %v", newer.err),
		}}
	}
	var list []docdiff.Change
	for _, found := range compareQuietly(older.pkg, newer.pkg) {
		// One line, however long a signature.
		text := strings.Join(strings.Fields(readable(found.Message)), " ")
		if followsFromInterface.MatchString(text) || saysNothing(text) {
			// The interface's methods are reported, and so is the type that both name.
			continue
		}
		change := docdiff.Change{Audience: docdiff.GoAPI, Rule: "go-api-changed", Severity: docdiff.Breaking, Text: text}
		if found.Compatible {
			change.Rule, change.Severity = "go-api-added", docdiff.Info
		}
		if methodAdded.MatchString(text) {
			// Callers go on; a server has one to write in any case.
			change.Severity, change.Comment = docdiff.Warning, "whoever implements the interface has a method to add"
		}
		name, _, _ := strings.Cut(found.Message, ":")
		first, second := newer.lines, older.lines
		gone := strings.HasSuffix(found.Message, ": removed")
		if gone {
			first, second = second, first
		}
		change.Line, change.Gone = first.of(name), gone
		if change.Line == 0 {
			change.Line, change.Gone = second.of(name), !gone
		}
		// The library says of an interface in two words what is one thing.
		if !slices.ContainsFunc(list, func(c docdiff.Change) bool { return c.Text == change.Text && c.Line == change.Line }) {
			list = append(list, change)
		}
	}
	return list
}

// followsFromInterface are messages that only say again what a change of the server's interface is.
var followsFromInterface = regexp.MustCompile(`^(RegisterHandlers|RegisterHandlersWithBaseURL|RegisterHandlersWithOptions|RegisterHandlersOptions)\b|: no longer implements `)

var methodAdded = regexp.MustCompile(`^\w+Interface\.\w+: added$`)

var fromTo = regexp.MustCompile(`: changed from (.+) to (.+)$`)

// saysNothing tells whether a message names the same twice: a type that has changed itself.
func saysNothing(message string) bool {
	parts := fromTo.FindStringSubmatch(message)
	return parts != nil && parts[1] == parts[2]
}

// compareQuietly compares two packages. The library prints on the standard output where it finds two things to say of one name:
// whoever compares Go code must be the only one to write there meanwhile.
func compareQuietly(before, after *types.Package) []apidiff.Change {
	generator.Lock()
	defer generator.Unlock()
	stdout := os.Stdout
	defer func() { os.Stdout = stdout }()
	os.Stdout = nil
	return apidiff.Changes(before, after).Changes
}

// generate makes the Go code of a document and reads its declarations.
func generate(document []byte) (*types.Package, error) {
	// The generator changes what it reads.
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return nil, err
	}
	code, err := codegen.Generate(doc, generated)
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "generated.go", code, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	// Only the declarations matter, and of other packages only their types' names: nothing has to be installed.
	config := types.Config{Importer: newOutside(file), IgnoreFuncBodies: true, Error: func(error) {}}
	pkg, err := config.Check("generated", files, []*ast.File{file}, nil)
	if pkg == nil {
		return nil, err
	}
	return pkg, nil
}

// outside stands in for the packages that generated code imports: every name that is used of one is a type there.
type outside struct{ packages map[string]*types.Package }

func newOutside(file *ast.File) *outside {
	o := &outside{packages: map[string]*types.Package{}}
	local := map[string]*types.Package{}
	for _, spec := range file.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		name := path[strings.LastIndex(path, "/")+1:]
		if majorVersion.MatchString(name) {
			name = strings.Split(path, "/")[len(strings.Split(path, "/"))-2]
		}
		pkg := types.NewPackage(path, name)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		pkg.MarkComplete()
		o.packages[path], local[name] = pkg, pkg
	}
	ast.Inspect(file, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		qualifier, ok := selector.X.(*ast.Ident)
		if !ok || local[qualifier.Name] == nil {
			return true
		}
		pkg, name := local[qualifier.Name], selector.Sel.Name
		if pkg.Scope().Lookup(name) == nil {
			declared := types.NewTypeName(token.NoPos, pkg, name, nil)
			types.NewNamed(declared, types.NewStruct(nil, nil), nil)
			pkg.Scope().Insert(declared)
		}
		return true
	})
	return o
}

var majorVersion = regexp.MustCompile(`^v[0-9]+$`)

// Import gives the stand-in.
func (o *outside) Import(path string) (*types.Package, error) {
	if pkg := o.packages[path]; pkg != nil {
		return pkg, nil
	}
	return nil, fmt.Errorf("%s is not imported", path)
}

// readable takes the paths of packages out of a message, and names one with a version as its importers do.
func readable(message string) string {
	return packagePath.ReplaceAllStringFunc(message, func(path string) string {
		if path[0] == '"' {
			// The value of a constant, such as a URL.
			return path
		}
		parts := strings.Split(strings.TrimSuffix(path, "."), "/")
		name := parts[len(parts)-1]
		if majorVersion.MatchString(name) {
			name = parts[len(parts)-2]
		}
		if name == generated.PackageName {
			return ""
		}
		return name + "."
	})
}

// packagePath is the path of a package before a name, or a quoted text.
var packagePath = regexp.MustCompile(`"[^"]*"|\b[a-z][\w.-]*(?:/[\w.-]+)+\.|\bgenerated\.`)
