package docdiff

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"regexp"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oapi-codegen/oapi-codegen/v2/pkg/codegen"
	"golang.org/x/exp/apidiff"
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

// generator is one at a time: the library keeps its options in variables.
var generator sync.Mutex

// Go lists what changed for Go users of the generated code, by the rules of apidiff.
func Go(older, newer []byte) ([]Change, error) {
	before, err := generate("older", older)
	if err != nil {
		return nil, err
	}
	after, err := generate("newer", newer)
	if err != nil {
		return nil, err
	}
	linesBefore, linesAfter := newLines(older), newLines(newer)
	var list []Change
	for _, found := range apidiff.Changes(before, after).Changes {
		if strings.Contains(found.Message, "RegisterHandlers") {
			// It follows from the interface, which is reported.
			continue
		}
		change := Change{Audience: Gophers, Rule: "go-api-changed", Severity: Breaking, Text: readable(found.Message)}
		if found.Compatible {
			change.Rule, change.Severity = "go-api-added", Info
		}
		names := symbol.FindAllString(strings.SplitN(found.Message, ":", 2)[0], -1)
		if change.Line = linesAfter.of(names); change.Line == 0 {
			change.Line, change.Gone = linesBefore.of(names), true
		}
		list = append(list, change)
	}
	return list, nil
}

// generate makes the Go code of a document and reads its declarations.
func generate(name string, document []byte) (*types.Package, error) {
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return nil, fmt.Errorf("loading the %s document: %w", name, err)
	}
	generator.Lock()
	code, err := codegen.Generate(doc, generated)
	generator.Unlock()
	if err != nil {
		return nil, fmt.Errorf("generating Go code from the %s document: %w", name, err)
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name+".go", code, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("reading the Go code of the %s document: %w", name, err)
	}
	// Only the declarations matter, and of other packages only their types' names: nothing has to be installed.
	config := types.Config{Importer: newOutside(file), IgnoreFuncBodies: true, Error: func(error) {}}
	pkg, err := config.Check("generated", files, []*ast.File{file}, nil)
	if pkg == nil {
		return nil, errors.Join(fmt.Errorf("reading the Go code of the %s document", name), err)
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

// readable takes the paths of packages out of a message.
func readable(message string) string {
	return packagePath.ReplaceAllString(message, "")
}

var (
	packagePath = regexp.MustCompile(`(?:[\w.-]+/)+(?:v[0-9]+/)?`)
	symbol      = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)
)
