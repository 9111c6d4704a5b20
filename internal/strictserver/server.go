package strictserver

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

type object = map[string]any

// server is the server of a document.
type server struct {
	document object
	// modern tells that the document is of OpenAPI 3.1.
	modern  bool
	ignored []string
	routes  []route
}

// route is a path of the document.
type route struct {
	pattern    *regexp.Regexp
	names      []string
	operations map[string]*operation
}

type operation struct {
	parameters []parameter
	// required tells that there must be a body.
	required bool
	media    map[string]medium
	success  int
	answer   any
	kind     string
	headers  object
}

// New makes a server of a document, in YAML or JSON, that does not look at some keywords of its schemas.
func New(document []byte, ignored ...string) (http.Handler, error) {
	s := &server{ignored: ignored}
	if err := yaml.Unmarshal(document, &s.document); err != nil {
		return nil, err
	}
	version, _ := s.document["openapi"].(string)
	s.modern = strings.HasPrefix(version, "3.1")
	paths := s.deref(s.document["paths"])
	// Of two paths that fit, the one with fewer variables is meant.
	templates := slices.SortedFunc(maps.Keys(paths), func(a, b string) int {
		return strings.Count(a, "{") - strings.Count(b, "{")
	})
	for _, template := range templates {
		r := route{operations: map[string]*operation{}}
		pattern := variable.ReplaceAllStringFunc(regexp.QuoteMeta(template), func(name string) string {
			r.names = append(r.names, strings.Trim(name, `\{}`))
			return "([^/]+)"
		})
		r.pattern = regexp.MustCompile("^" + pattern + "$")
		item := s.deref(paths[template])
		for _, method := range []string{"get", "put", "post", "delete", "patch", "head", "options"} {
			if item[method] == nil {
				continue
			}
			o, err := s.operation(item, s.deref(item[method]))
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, template, err)
			}
			r.operations[strings.ToUpper(method)] = o
		}
		s.routes = append(s.routes, r)
	}
	return s, nil
}

var variable = regexp.MustCompile(`\\\{[^}]+\\\}`)

// operation reads one operation of a path's item.
func (s *server) operation(item, o object) (*operation, error) {
	read := &operation{media: map[string]medium{}}
	own, _ := o["parameters"].([]any)
	shared, _ := item["parameters"].([]any)
	for _, given := range slices.Concat(own, shared) {
		p, err := s.parameter(s.deref(given))
		if err != nil {
			return nil, err
		}
		read.parameters = append(read.parameters, p)
	}
	body := s.deref(o["requestBody"])
	read.required, _ = body["required"].(bool)
	for mediaType, given := range s.deref(body["content"]) {
		m, err := s.medium(s.deref(given)["schema"])
		if err != nil {
			return nil, err
		}
		read.media[mediaType] = m
	}
	responses := s.deref(o["responses"])
	for _, status := range slices.Sorted(maps.Keys(responses)) {
		code, err := strconv.Atoi(strings.ReplaceAll(status, "XX", "00"))
		if err != nil || code/100 != 2 {
			continue
		}
		r := s.deref(responses[status])
		read.success, read.answer = code, r["x-answer"]
		for mediaType := range s.deref(r["content"]) {
			read.kind = mediaType
		}
		read.headers = s.deref(r["x-headers"])
		break
	}
	return read, nil
}

// deref follows a $ref within the document.
func (s *server) deref(value any) object {
	o, _ := value.(object)
	for {
		ref, is := o["$ref"].(string)
		if !is {
			return o
		}
		at := s.document
		for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			at, _ = at[strings.NewReplacer("~1", "/", "~0", "~").Replace(part)].(object)
		}
		o = at
	}
}

// refusal is the answer to a request that the document does not allow.
type refusal struct {
	status int
	why    string
}

// ServeHTTP answers a request as the document says.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	o, no := s.judge(w.Header(), r, raw)
	if no != nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(no.status)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": no.why})
		return
	}
	for name, value := range o.headers {
		w.Header().Set(name, fmt.Sprint(value))
	}
	if o.kind == "" {
		w.WriteHeader(o.success)
		return
	}
	w.Header().Set("Content-Type", strings.Replace(o.kind, "*/*", "application/json", 1))
	w.WriteHeader(o.success)
	if strings.HasSuffix(o.kind, "json") || o.kind == "*/*" {
		_ = json.NewEncoder(w).Encode(o.answer)
		return
	}
	_, _ = fmt.Fprint(w, o.answer)
}

// judge finds the operation of a request, or tells why it is refused.
func (s *server) judge(header http.Header, r *http.Request, raw []byte) (*operation, *refusal) {
	var allowed []string
	for _, route := range s.routes {
		values := route.pattern.FindStringSubmatch(r.URL.EscapedPath())
		if values == nil {
			continue
		}
		o := route.operations[r.Method]
		if o == nil {
			// Another path may have the same segments.
			allowed = append(allowed, slices.Sorted(maps.Keys(route.operations))...)
			continue
		}
		path := url.Values{}
		for i, name := range route.names {
			value, err := url.PathUnescape(values[i+1])
			if err != nil {
				return nil, &refusal{http.StatusBadRequest, "an escape is wrong"}
			}
			path.Set(name, value)
		}
		for _, p := range o.parameters {
			if no := p.check(r, path); no != nil {
				return nil, no
			}
		}
		return o, o.checkBody(r, raw)
	}
	if allowed != nil {
		header.Set("Allow", strings.Join(allowed, ", "))
		return nil, &refusal{http.StatusMethodNotAllowed, "not this method"}
	}
	return nil, &refusal{http.StatusNotFound, "no such path"}
}

// valid tells whether a schema takes a value.
func valid(schema *jsonschema.Schema, value any) bool { return schema.Validate(value) == nil }
