package openapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"
)

// Source is a document that is not read yet.
type Source struct {
	// Name is how messages call it.
	Name string
	// Data is its text, YAML or JSON.
	Data []byte
	// Files has the files that its $refs name, seen from the document's folder; nil for none.
	Files fs.FS
	// Fetch reads what a $ref names on a host; nil refuses each.
	Fetch func(location *url.URL) ([]byte, error)
}

// Document is a document that was read.
type Document struct {
	*openapi3.T
	Name string
	// Findings are what is wrong in it, and does not keep it from being used.
	Findings []Finding
	// OneLine tells that all stands in one line: lines say nothing.
	OneLine bool
	// misplacedRefs are the places of $refs where the specification has none.
	misplacedRefs []string
}

// Read parses a document of OpenAPI 3.0 or 3.1, or of Swagger 2.0, with the lines of its parts. What is wrong elsewhere than
// in its structure (an example, an unknown keyword, two names of one path) is a finding.
func (s Source) Read() (*Document, error) { return s.read(true) }

func (s Source) read(lines bool) (*Document, error) {
	// The parser knows YAML 1.1, and reads what documents have of 1.2.
	s.Data = directive.ReplaceAll(s.Data, []byte("$1#"))
	d := &Document{Name: s.Name, OneLine: bytes.Count(s.Data, []byte("\n")) < 2}
	err := d.load(s, lines)
	if err != nil {
		return nil, fmt.Errorf("loading the OpenAPI document: %w", err)
	}
	if d.Paths == nil {
		d.Paths = openapi3.NewPaths()
	}
	if d.Info == nil {
		d.Info = &openapi3.Info{}
	}
	if d.Components == nil {
		d.Components = &openapi3.Components{}
	}
	if slices.Contains(d.Servers, nil) {
		return nil, errors.New("loading the OpenAPI document: one of its servers is null")
	}
	if all := len(d.misplacedRefs); all > 0 {
		slices.Sort(d.misplacedRefs)
		places := "at " + d.misplacedRefs[0]
		if all > 1 {
			places += fmt.Sprintf(" and %d other places", all-1)
		}
		d.found(0, "a $ref stands where the specification has none, %s: what it names is read there", places)
	}
	d.fill()
	d.validate()
	return d, nil
}

// directive is the line that says that a file is of YAML 1.2.
var directive = regexp.MustCompile(`\A((?:\x{FEFF})?(?:#[^\n]*\n)*)%YAML 1\.2[^\n]*`)

// load parses a document, with what can be mended in it mended.
func (d *Document) load(s Source, lines bool) error {
	location, read := &url.URL{Path: s.base()}, once(s.open)
	files := read
	parse := func() (err error) {
		loader := openapi3.NewLoader()
		loader.IncludeOrigin = lines
		loader.ReadFromURIFunc = func(_ *openapi3.Loader, location *url.URL) ([]byte, error) { return read(location) }
		d.T, err = loader.LoadFromDataWithPath(s.Data, location)
		if err != nil || !strings.HasPrefix(d.OpenAPI, "3.0") && !strings.HasPrefix(d.OpenAPI, "3.1") {
			err = d.readOther(s.Data, loader, err)
		}
		return err
	}
	err, mended := parse(), false
	for range maxUnresolved {
		data, changed := s.Data, false
		switch {
		case !mended && (err != nil && otherThanText.MatchString(err.Error()) || err == nil && d.refsElsewhere()):
			mended, changed = true, true
			left := maxFollowed
			mend := func(data []byte, file *url.URL) []byte {
				return mender{d, file, files, map[string]bool{}, &left}.mend(data)
			}
			data = mend(s.Data, location)
			read = once(func(file *url.URL) ([]byte, error) {
				data, err := files(file)
				return mend(data, file), err
			})
		case err != nil:
			data, changed = d.openInstead(s.Data, location, files, err)
		}
		if !changed {
			return err
		}
		s.Data = data
		err = parse()
	}
	return err
}

// once reads each file but once: the loader reads one again for each header that it finds in it.
func once(open func(*url.URL) ([]byte, error)) func(*url.URL) ([]byte, error) {
	type file struct {
		data []byte
		err  error
	}
	files := map[string]file{}
	return func(location *url.URL) ([]byte, error) {
		name := location.String()
		known, there := files[name]
		if !there {
			known.data, known.err = open(location)
			files[name] = known
		}
		return known.data, known.err
	}
}

// readOther reads a document that is not of OpenAPI 3.0 or 3.1; failed is what the loader says of it.
func (d *Document) readOther(data []byte, loader *openapi3.Loader, failed error) (err error) {
	var version struct{ Swagger, OpenAPI any }
	// What cannot be parsed, the loader tells better.
	if yaml.Unmarshal(data, &version) != nil && failed != nil {
		return failed
	}
	switch v := fmt.Sprint(version.OpenAPI); {
	case strings.HasPrefix(fmt.Sprint(version.Swagger), "2"):
		d.T, err = fromSwagger(data, loader)
		d.found(0, "the document is of Swagger 2.0, and read as OpenAPI 3.0")
		return err
	case version.OpenAPI == nil:
		return errors.New(`it is no OpenAPI document: it has no "openapi: 3.0.3" or the like`)
	case !strings.HasPrefix(v, "3."):
		return fmt.Errorf("OpenAPI %s is not supported; 3.0 and 3.1 are", v)
	case failed != nil:
		return failed
	default:
		d.found(0, "the document is of OpenAPI %s, and read as 3.1: what is new in %s is left out", v, v)
		return nil
	}
}

// base is the document's name in its folder.
func (s Source) base() string {
	name := s.Name[strings.LastIndexByte(s.Name, ':')+1:]
	return cmp.Or(path.Base(strings.ReplaceAll(name, "\\", "/")), "openapi.yaml")
}

// open reads a file that a $ref names.
func (s Source) open(location *url.URL) ([]byte, error) {
	if location.Scheme != "" || location.Host != "" {
		if s.Fetch == nil {
			return nil, fmt.Errorf("%s is on another host than the document, and is not read", location.Redacted())
		}
		return s.Fetch(location)
	}
	name := path.Clean(location.Path)
	if name == s.base() {
		return s.Data, nil
	}
	if s.Files == nil || !fs.ValidPath(name) {
		return nil, fmt.Errorf("%s is outside of the document's folder", location.Path)
	}
	return fs.ReadFile(s.Files, name)
}

func fromSwagger(data []byte, loader *openapi3.Loader) (*openapi3.T, error) {
	var tree any
	if err := yaml.Unmarshal(data, &tree); err != nil {
		return nil, err
	}
	tree = named(tree)
	dropExtensions(tree)
	text, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	var swagger openapi2.T
	if err := json.Unmarshal(text, &swagger); err != nil {
		return nil, err
	}
	return openapi2conv.ToV3WithLoader(&swagger, loader, nil)
}

// dropExtensions takes the extensions out of where Swagger names paths and answers: the library takes them for such. A path of null, which
// it does not bear either, says nothing.
func dropExtensions(tree any) {
	child := func(value any, name string) map[string]any {
		parent, _ := value.(map[string]any)
		of, _ := parent[name].(map[string]any)
		return of
	}
	isExtension := func(name string, _ any) bool { return strings.HasPrefix(name, "x-") }
	paths := child(tree, "paths")
	maps.DeleteFunc(paths, func(name string, item any) bool { return isExtension(name, item) || item == nil })
	for _, item := range paths {
		methods, _ := item.(map[string]any)
		for _, operation := range methods {
			maps.DeleteFunc(child(operation, "responses"), isExtension)
		}
	}
}

// named is a value of YAML whose names are texts: statuses are mostly written as numbers.
func named(value any) any {
	switch value := value.(type) {
	case map[any]any:
		object := map[string]any{}
		for name, field := range value {
			object[fmt.Sprint(name)] = named(field)
		}
		return object
	case map[string]any:
		for name, field := range value {
			value[name] = named(field)
		}
	case []any:
		for i, item := range value {
			value[i] = named(item)
		}
	}
	return value
}

// Load reads a document that must be right: a finding is an error. Its lines are not kept.
func Load(data []byte) (*openapi3.T, error) {
	d, err := Source{Name: "the OpenAPI document", Data: data}.read(false)
	if err != nil {
		return nil, err
	}
	if len(d.Findings) > 0 {
		return nil, fmt.Errorf("validating the OpenAPI document: %s", d.Findings[0])
	}
	return d.T, nil
}
