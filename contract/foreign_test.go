package contract_test

import (
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nudgehq/nudge/contract"
	"github.com/nudgehq/nudge/internal/thin"
)

// documents are small ones of other teams' kinds: each has something that was refused, or led to false alarms.
//
//go:embed testdata/documents/*.yaml
var documents embed.FS

// Each document is taken, and valid and invalid requests are made of it.
func TestForeignDocuments(t *testing.T) {
	files, err := documents.ReadDir("testdata/documents")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(files); i += thin.Step {
		file := files[i]
		t.Run(file.Name(), func(t *testing.T) {
			t.Parallel()
			data, err := documents.ReadFile("testdata/documents/" + file.Name())
			if err != nil {
				t.Fatal(err)
			}
			cases, err := contract.Cases(contract.WithDocument(file.Name(), data))
			if err != nil {
				t.Fatal(err)
			}
			var names strings.Builder
			for _, c := range cases {
				names.WriteString(c.Name + "\n")
			}
			if !strings.Contains(names.String(), "is accepted") || !strings.Contains(names.String(), "is refused") {
				t.Errorf("the cases are\n%s", names.String())
			}
		})
	}
}

// store is a correct server of crud.yaml, a store of things whose names are there once each; a defect changes one thing.
func store(defect string) http.Handler {
	var mu sync.Mutex
	things, last := map[int]string{}, 0
	say := func(w http.ResponseWriter, status int, value any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if value != nil {
			_ = json.NewEncoder(w).Encode(value)
		}
	}
	no := func(w http.ResponseWriter, status int) {
		say(w, status, map[string]string{"error": http.StatusText(status)})
	}
	create := func(w http.ResponseWriter, r *http.Request) {
		mediaType, _, _ := strings.Cut(strings.ToLower(r.Header.Get("Content-Type")), ";")
		if mediaType != "application/json" {
			no(w, http.StatusUnsupportedMediaType)
			return
		}
		var thing struct{ Name *string }
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields()
		if decoder.Decode(&thing) != nil || thing.Name == nil || *thing.Name == "" || len([]rune(*thing.Name)) > 20 {
			no(w, http.StatusBadRequest)
			return
		}
		if _, err := decoder.Token(); err != io.EOF {
			no(w, http.StatusBadRequest)
			return
		}
		for _, name := range things {
			if name == *thing.Name {
				no(w, http.StatusConflict)
				return
			}
		}
		last++
		if defect != "what is made is not kept" {
			things[last] = *thing.Name
		}
		say(w, http.StatusCreated, map[string]any{"id": last, "name": *thing.Name})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		id, item := strings.CutPrefix(r.URL.Path, "/things/")
		var n int
		switch {
		case r.URL.Path == "/things" && r.Method == http.MethodPost:
			create(w, r)
		case r.URL.Path == "/things":
			w.Header().Set("Allow", "POST")
			no(w, http.StatusMethodNotAllowed)
		case !item || strings.Contains(id, "/"):
			no(w, http.StatusNotFound)
		case r.Method != http.MethodGet && r.Method != http.MethodDelete:
			w.Header().Set("Allow", "GET, DELETE")
			no(w, http.StatusMethodNotAllowed)
		default:
			if _, err := fmt.Sscanf(id, "%d", &n); err != nil || fmt.Sprint(n) != id || n < 1 {
				no(w, http.StatusBadRequest)
				return
			}
			name, there := things[n]
			switch {
			case !there:
				no(w, http.StatusNotFound)
			case r.Method == http.MethodGet:
				say(w, http.StatusOK, map[string]any{"id": n, "name": name})
			default:
				if defect != "what is deleted stays" {
					delete(things, n)
				}
				w.WriteHeader(http.StatusNoContent)
			}
		}
	})
}

// A declared 404 of what was never made, and a 409 of a name that is taken, are no failures; that what was made is lost is one.
func TestWhatIsMade(t *testing.T) {
	data, err := documents.ReadFile("testdata/documents/crud.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for defect, says := range map[string]string{"": "", "what is made is not kept": "makeThing has made it with 201", "what is deleted stays": "deleteThing has deleted it with 204"} {
		t.Run(defect, func(t *testing.T) {
			server := httptest.NewServer(store(defect))
			defer server.Close()
			report, err := contract.Run(t.Context(), server.URL, contract.WithDocument("crud.yaml", data))
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			if err := report.WriteText(&text); err != nil {
				t.Fatal(err)
			}
			if report.Failed() != (defect != "") || !strings.Contains(text.String(), says) {
				t.Error(text.String())
			}
		})
	}
}

// A stream that never ends is judged by its head, and passed on by the proxy while it comes.
func TestStreams(t *testing.T) {
	document := []byte("openapi: 3.0.3\ninfo: {title: t, version: v}\npaths:\n  /events:\n    get:\n      operationId: events\n" +
		"      responses: {'200': {description: d, content: {application/x-ndjson: {schema: {type: object}}}}, 4XX: {description: no}}\n")
	end := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/events":
			w.WriteHeader(http.StatusNotFound)
		case r.Method != http.MethodGet:
			w.Header().Set("Allow", "GET")
			w.WriteHeader(http.StatusMethodNotAllowed)
		default:
			w.Header().Set("Content-Type", "application/x-ndjson")
			_, _ = io.WriteString(w, "{}\n")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-end:
			case <-r.Context().Done():
			}
		}
	}))
	defer server.Close()
	defer close(end)
	report, err := contract.Run(t.Context(), server.URL, contract.WithDocument("events.yaml", document))
	if err != nil {
		t.Fatal(err)
	}
	if report.Failed() {
		var text strings.Builder
		_ = report.WriteText(&text)
		t.Error(text.String())
	}
	handler, err := contract.Proxy(server.URL, func(f contract.Finding) { t.Errorf("%+v", f) }, contract.WithDocument("events.yaml", document))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(handler)
	defer proxy.Close()
	response, err := http.Get(proxy.URL + "/events") //nolint:noctx // It ends with the server.
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	first := make([]byte, 3)
	if _, err := io.ReadFull(response.Body, first); err != nil || string(first) != "{}\n" {
		t.Errorf("got %q, %v", first, err)
	}
}

// What the loader adds to a document is never sent, a fixture stands in every body, and Accept is no parameter.
func TestValidRequests(t *testing.T) {
	document := []byte(`openapi: 3.0.3
info: {title: t, version: v}
paths:
  /things:
    post:
      operationId: make
      parameters:
        - {name: Accept, in: header, required: true, schema: {type: string, enum: [a/b]}}
        - name: near
          in: query
          required: true
          style: deepObject
          schema: {type: object, properties: {city: {type: string}}}
          example: {city: Rome}
      requestBody:
        required: true
        content:
          application/json: {schema: {type: object, required: [owner, size], properties: {owner: {type: integer}, size: {type: integer, maximum: 5}}}}
      responses: {'200': {description: d}, '400': {description: d}, '404': {description: d}, '405': {description: d}}
`)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/things":
			w.WriteHeader(http.StatusNotFound)
		case r.Method != http.MethodPost:
			w.Header().Set("Allow", "POST")
			w.WriteHeader(http.StatusMethodNotAllowed)
		default:
			var body struct{ Owner any }
			if json.NewDecoder(r.Body).Decode(&body) != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			if owner, ok := body.Owner.(float64); ok && owner > 1 && owner != 42 {
				t.Errorf("the owner is %v", owner)
			}
			for name := range r.URL.Query() {
				if strings.Contains(name, "__") {
					t.Errorf("the query has %s", name)
				}
			}
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer server.Close()
	options := []contract.Option{contract.WithDocument("things.yaml", document), contract.WithFixture("owner", "42")}
	if _, err := contract.Run(t.Context(), server.URL, options...); err != nil {
		t.Fatal(err)
	}
	cases, err := contract.Cases(options...)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		if strings.Contains(c.Name, "Accept") {
			t.Errorf("there is %s", c.Name)
		}
	}
}

// What was made is used for what is below it, too: a server that asks nobody there for credentials is found out.
func TestBelowWhatIsMade(t *testing.T) {
	document := []byte(`openapi: 3.0.3
info: {title: t, version: '1'}
security: [{key: []}]
paths:
  /things:
    post:
      operationId: make
      responses: {'201': {description: made, content: {application/json: {schema: {type: object, required: [id], properties: {id: {type: integer}}}}}}, '401': {description: who}}
  /things/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
    get: {operationId: get, responses: {'200': {description: it}, '401': {description: who}, '404': {description: none}}}
  /things/{thingId}/parts:
    parameters: [{name: thingId, in: path, required: true, schema: {type: integer}}]
    get: {operationId: parts, responses: {'200': {description: its parts}, '401': {description: who}, '404': {description: none}}}
components: {securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}}
`)
	for _, careless := range []bool{false, true} {
		var made sync.Map
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
			isParts := len(path) == 3 && path[2] == "parts"
			_, there := made.Load(path[min(1, len(path)-1)])
			allowed := map[string]string{"GET": "GET"}
			if len(path) == 1 {
				allowed = map[string]string{"POST": "POST"}
			}
			switch {
			case path[0] != "things" || len(path) == 3 && !isParts || len(path) > 3:
				w.WriteHeader(http.StatusNotFound)
			case allowed[r.Method] == "":
				w.Header().Set("Allow", slices.Collect(maps.Values(allowed))[0])
				w.WriteHeader(http.StatusMethodNotAllowed)
			case r.Header.Get("X-Key") != "open" && (!careless || !isParts):
				w.Header().Set("WWW-Authenticate", "X-Key")
				w.WriteHeader(http.StatusUnauthorized)
			case r.Method == http.MethodPost:
				made.Store("7", true)
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusCreated)
				_, _ = io.WriteString(w, `{"id":7}`)
			case !there:
				w.WriteHeader(http.StatusNotFound)
			}
		}))
		report, err := contract.Run(t.Context(), server.URL, contract.WithDocument("d.yaml", document), contract.WithHeader("X-Key", "open"))
		server.Close()
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		if err := report.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		if report.Failed() != careless || strings.Contains(text.String(), "parts/credentials/a request without credentials is refused") != careless {
			t.Error(text.String())
		}
	}
}
