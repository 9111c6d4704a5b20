package openapi

import (
	"io/fs"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
)

// Tools that bundle documents follow a $ref anywhere, so people write them where the specification has none. What they name
// is read in their place, with its own $refs, and what is after them keeps its line.
func TestMisplacedRefs(t *testing.T) {
	files := fstest.MapFS{
		"texts/intro.md":           {Data: []byte("# Words\n\n\"quoted\": 'and' more\n")},
		"texts/more.yaml":          {Data: []byte("tag: A tag.\n")},
		"things/get.yaml":          {Data: []byte("operationId: getThing\ndescription: {$ref: '../texts/intro.md'}\nparameters: [{$ref: 'parts/n.yaml'}]\nresponses:\n  200: {$ref: '../answers.yaml#/Ok'}\n")},
		"things/parts/n.yaml":      {Data: []byte("{name: n, in: query, schema: {$ref: 'limits.yaml#/Limit'}}\n")},
		"things/parts/limits.yaml": {Data: []byte("Limit: {type: integer, maximum: 7}\n")},
		"answers.yaml":             {Data: []byte("Ok:\n  description: ok\n  content:\n    application/json: {$ref: 'media.yaml'}\n")},
		"media.yaml":               {Data: []byte("schema:\n  type: object\n  properties: {$ref: 'properties.yaml'}\n")},
		"properties.yaml":          {Data: []byte("description: {type: integer}\n")},
	}
	const document = `openapi: 3.0.3
info:
  title: t
  version: 1.0
  description:
    $ref: "texts/intro.md"
tags:
  - name: a
    description:
      $ref: texts/more.yaml#/tag
paths:
  /things:
    get:
      $ref: 'things/get.yaml'
    post:
      operationId: makeThing
      responses: {'204': {description: {$ref: texts/none.md}}}
`
	d, err := Source{Name: "specs/openapi.yaml", Data: []byte(document), Files: files}.Read()
	if err != nil {
		t.Fatal(err)
	}
	operations, err := Operations(d.T)
	if err != nil || len(operations) != 2 {
		t.Fatalf("%+v, %v", operations, err)
	}
	get, post := operations[0], operations[1]
	if get.Method == "POST" {
		get, post = post, get
	}
	parameter := get.Parameter("query", "n")
	if get.ID != "getThing" || parameter == nil || parameter.Schema.Value.Max == nil || *parameter.Schema.Value.Max != 7 {
		t.Errorf("the operation of another file: %+v", get)
	}
	answer := get.Spec.Responses.Value("200").Value.Content.Get("application/json").Schema.Value
	if answer.Properties["description"] == nil || !answer.Properties["description"].Value.Type.Is("integer") {
		t.Errorf("the properties of another file: %+v", answer.Properties)
	}
	if Line(post.Spec.Origin) != 15 {
		t.Errorf("what is after it is in line %d", Line(post.Spec.Origin))
	}
	words := "# Words\n\n\"quoted\": 'and' more\n"
	if d.Info.Description != words || get.Spec.Description != words || d.Tags[0].Description != "A tag." || d.Info.Version != "1.0" {
		t.Errorf("the texts: %q %q %q %q", d.Info.Description, get.Spec.Description, d.Tags[0].Description, d.Info.Version)
	}
	if text := d.Findings[len(d.Findings)-1].String(); !strings.Contains(text, "$ref stands where the specification has none, at ") {
		t.Errorf("the findings: %+v", d.Findings)
	}
}

// What names itself ends, and soon: by a $ref, by two of them, and by an alias of YAML.
func TestMisplacedRefsInACircle(t *testing.T) {
	opened := 0
	files := counting{fstest.MapFS{
		"a.yaml":     {Data: []byte("description: {$ref: 'a.yaml#/description'}\nresponses: {'204': {description: d}}\n")},
		"twice.yaml": {Data: []byte("responses: {'200': {description: d, content: {a/a: {$ref: 'twice.yaml'}, b/b: {$ref: 'twice.yaml'}}}}\n")},
		"alias.yaml": {Data: []byte("x: &x [*x]\nresponses: {'204': {description: d}}\n")},
	}, &opened}
	for _, text := range []string{"{$ref: 'a.yaml'}", "{$ref: 'd.yaml#/paths/~1a/get'}", "{$ref: '#/paths/~1a/get'}", "{$ref: 'twice.yaml'}", "{$ref: 'alias.yaml'}"} {
		_, _ = Source{Name: "d.yaml", Data: []byte(strings.Replace(empty, "{}", "{/a: {get: "+text+"}}", 1)), Files: files}.Read()
	}
	if opened > 20 {
		t.Errorf("files were opened %d times", opened)
	}
}

// counting counts the files that are opened.
type counting struct {
	fstest.MapFS
	opened *int
}

func (c counting) Open(name string) (fs.File, error) {
	*c.opened++
	return c.MapFS.Open(name)
}

// ReadFile opens a file and reads it.
func (c counting) ReadFile(name string) ([]byte, error) {
	*c.opened++
	return c.MapFS.ReadFile(name)
}

// What stands beside such a $ref stays as it was written.
func TestMending(t *testing.T) {
	files := fstest.MapFS{
		"m.yaml":  {Data: []byte("schema: {type: object, required: [v]}\n")},
		"op.yaml": {Data: []byte("operationId: found\nrequestBody: {content: {application/json: {schema: {$ref: '#/User'}, example: {version: 1, name: 2.5, $ref: x}}}}\nresponses: &all\n  '200': {description: d}\nx-more: {title: 1}\nUser: {type: object, discriminator: {propertyName: u, mapping: {u: User}}, properties: {version: {type: integer}, u: {type: string}}}\n")},
	}
	document := func(get string, more ...string) string {
		return "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths:\n  /a:\n    get:\n      " + get + "\n" + strings.Join(more, "")
	}
	for _, test := range []struct {
		name, document string
		holds          func(op Operation, d *Document) bool
	}{
		{
			name: "a media type alone", document: document("responses: {'200': {description: d, content: {application/json: {$ref: m.yaml}}}}"),
			holds: func(op Operation, _ *Document) bool {
				return op.Spec.Responses.Value("200").Value.Content["application/json"].Schema.Value.Required[0] == "v"
			},
		},
		{
			name: "beside what is missing", document: document("$ref: op.yaml", "    post: {requestBody: {$ref: '#/components/requestBodies/None'}, responses: {'200': {description: d}}}\n"),
			holds: func(op Operation, _ *Document) bool { return op.ID == "found" },
		},
		{
			name: "examples and names of a mapping", document: document("$ref: op.yaml"),
			holds: func(op Operation, _ *Document) bool {
				media := op.Spec.RequestBody.Value.Content["application/json"]
				example, _ := Plain(media.Example).(map[string]any)
				_, isText := example["version"].(string)
				return example["$ref"] == "x" && !isText && media.Schema.Value.Discriminator.Mapping["u"].Ref == "User"
			},
		},
		{
			name: "an anchor", document: strings.Replace(document("responses: {'200': {description: *v}}"), "version: '1'", "version: &v '1', description: 1.0", 1),
			holds: func(op Operation, d *Document) bool {
				return d.Info.Description == "1.0" && *op.Spec.Responses.Value("200").Value.Description == "1"
			},
		},
		{
			name: "a byte order mark", document: "\ufeff" + strings.Replace(document("responses: {'200': {description: d}}"), "title: t", "title: 1.0", 1),
			holds: func(_ Operation, d *Document) bool { return d.Info.Title == "1.0" },
		},
		{
			name: "a name that is within $ref", document: document("responses: {'200': {description: {$ref: re}}}"),
			holds: func(op Operation, _ *Document) bool { return *op.Spec.Responses.Value("200").Value.Description == "re" },
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := Source{Name: "d.yaml", Data: []byte(test.document), Files: files}.Read()
			if err != nil {
				t.Fatal(err)
			}
			operations, err := Operations(d.T)
			if err != nil {
				t.Fatal(err)
			}
			for _, op := range operations {
				if op.Method == "GET" && !test.holds(op, d) {
					t.Errorf("%+v %v", op.Spec, d.Findings)
				}
			}
		})
	}
}

// A host's files are read with Fetch, and those that they name beside them.
func TestRefsToHosts(t *testing.T) {
	var asked []string
	fetch := func(location *url.URL) ([]byte, error) {
		asked = append(asked, location.String())
		if strings.HasSuffix(location.Path, "limit.yaml") {
			return []byte("{$ref: 'sizes.yaml#/Limit'}"), nil
		}
		return []byte("Limit: {type: integer, maximum: 7}\n"), nil
	}
	text := strings.Replace(document, "{type: integer, maximum: 50}", "{$ref: 'https://schemas.example/parts/limit.yaml'}", 1)
	d, err := Source{Name: "d.yaml", Data: []byte(text), Fetch: fetch}.Read()
	if err != nil {
		t.Fatal(err)
	}
	operations, err := Operations(d.T)
	if err != nil || operations[0].Parameter("query", "limit").Schema.Value.Max == nil || asked[0] != "https://schemas.example/parts/limit.yaml" || asked[1] != "https://schemas.example/parts/sizes.yaml" {
		t.Errorf("%v, %v, asked for %v", operations, err, asked)
	}
}
