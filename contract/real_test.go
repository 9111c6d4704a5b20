package contract_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/nudgehq/nudge/contract"
	"github.com/nudgehq/nudge/internal/strictserver"
)

// Each of these servers does what real ones do, and keeps its document.
func TestWhatRealServersDo(t *testing.T) {
	const head = "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths:\n  /things:\n"
	const ok = "'200': {description: ok, x-answer: {}, content: {application/json: {schema: {type: object}}}}"
	const failure = "{description: no, content: {application/json: {schema: {type: object, required: [error]}}}}"
	for _, test := range []struct {
		name, document string
		change         func(http.Handler) http.Handler
	}{
		{
			name:     "blanks, digits of other scripts and hexadecimal are read as numbers",
			document: head + "    get:\n      parameters: [{name: n, in: query, schema: {type: integer, minimum: 1, maximum: 20}}]\n      responses: {" + ok + ", '400': " + failure + "}\n",
			change: func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					query := r.URL.Query()
					text := strings.NewReplacer("٣", "3", "１", "1").Replace(strings.TrimSpace(query.Get("n")))
					if n, err := strconv.ParseInt(strings.TrimSuffix(text, "."), 0, 64); err == nil {
						query.Set("n", strconv.FormatInt(n, 10))
						r.URL.RawQuery = query.Encode()
					}
					h.ServeHTTP(w, r)
				})
			},
		},
		{
			name:     "other methods are answered otherwise than the operation's default",
			document: head + "    get:\n      responses: {" + ok + ", default: " + failure + "}\n",
			change: func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method == http.MethodGet && r.URL.Path == "/things" {
						h.ServeHTTP(w, r)
						return
					}
					w.Header().Set("Allow", "GET")
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(map[bool]int{true: http.StatusMethodNotAllowed, false: http.StatusNotFound}[r.URL.Path == "/things"])
					_, _ = io.WriteString(w, `{"detail":"no"}`)
				})
			},
		},
		{
			name:     "a body of a GET is not looked at",
			document: head + "    get:\n      requestBody: {content: {application/json: {schema: {type: object, additionalProperties: false}}}}\n      responses: {" + ok + ", '400': " + failure + "}\n",
			change: func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					r.Body = http.NoBody
					r.Header.Del("Content-Type")
					h.ServeHTTP(w, r)
				})
			},
		},
		{
			name: "the discriminator's values are not the schemas' names",
			document: head + "    post:\n      requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/Message'}}}}\n" +
				"      responses: {'200': {description: ok, x-answer: {role: user}, content: {application/json: {schema: {$ref: '#/components/schemas/Message'}}}}, '400': " + failure + ", '415': " + failure + "}\n" +
				"components:\n  schemas:\n    Message: {oneOf: [{$ref: '#/components/schemas/UserMessage'}, {$ref: '#/components/schemas/ToolMessage'}], discriminator: {propertyName: role}}\n" +
				"    UserMessage: {type: object, required: [role], properties: {role: {type: string, enum: [user]}}}\n    ToolMessage: {type: object, required: [role], properties: {role: {type: string, enum: [tool]}}}\n",
		},
		{
			name:     "letters beyond ASCII in patterns",
			document: head + "    post:\n      requestBody: {required: true, content: {application/x-www-form-urlencoded: {schema: {type: object, required: [v], properties: {v: {type: string, pattern: '^[^,]*$', minLength: 2, maxLength: 4}}}}}}\n      responses: {" + ok + ", '400': " + failure + ", '415': " + failure + "}\n",
		},
		{
			name:     "a required field with a default",
			document: head + "    post:\n      requestBody: {required: true, content: {application/x-www-form-urlencoded: {schema: {type: object, required: [v], properties: {v: {type: integer, default: 5}}}}}}\n      responses: {" + ok + ", '400': " + failure + ", '415': " + failure + "}\n",
		},
		{
			name:     "a required deepObject that may be empty",
			document: head + "    get:\n      parameters: [{name: q, in: query, required: true, style: deepObject, explode: true, schema: {type: object, properties: {n: {type: integer}}}}]\n      responses: {" + ok + ", '400': " + failure + "}\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			handler, err := strictserver.New([]byte(test.document))
			if err != nil {
				t.Fatal(err)
			}
			if test.change != nil {
				handler = test.change(handler)
			}
			report, text := runInProcess(t, handler, contract.WithDocument("d.yaml", []byte(test.document)))
			passed, _, skipped := report.Count()
			if report.Failed() || passed == 0 || skipped > 0 {
				t.Error(text)
			}
		})
	}
}

// A server may close a connection after it has failed: the next request is sent again, and is no failure. One that closes it at
// another time has lost a request.
func TestClosedConnection(t *testing.T) {
	const document = "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths:\n  /things:\n    post:\n      requestBody: {content: {application/json: {schema: {type: object}}}}\n" +
		"      responses: {'200': {description: ok}, '400': {description: no}, '415': {description: no}, '500': {description: failed}}\n"
	strict, err := strictserver.New([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		status int
		fails  bool
	}{"after a failure": {status: http.StatusInternalServerError}, "after a success": {status: http.StatusOK, fails: true}} {
		var mu sync.Mutex
		closed, requests, dead := 0, 0, map[string]bool{}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if dead[r.RemoteAddr] {
				closed++
				panic(http.ErrAbortHandler)
			}
			requests++
			body, _ := io.ReadAll(r.Body)
			if test.fails && requests%5 == 0 || !test.fails && strings.HasPrefix(string(body), "{'a'") {
				dead[r.RemoteAddr] = true
				w.WriteHeader(test.status)
				return
			}
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			strict.ServeHTTP(w, r)
		}))
		report, err := contract.Run(t.Context(), server.URL, contract.WithDocument("d.yaml", []byte(document)))
		server.Close()
		if err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		t.Logf("%s: %d connections were closed", name, closed)
		mu.Unlock()
		lost := false
		for _, result := range report.Results {
			for _, v := range result.Violations {
				lost = lost || strings.Contains(v.Message, "there is no answer")
			}
		}
		if lost != test.fails || closed == 0 {
			t.Errorf("%s: a request was lost: %t; %d connections were closed", name, lost, closed)
		}
	}
}

// What must be there once is made anew each time, in a second run too.
func TestUniqueValues(t *testing.T) {
	const document = "openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths:\n  /members:\n    post:\n      requestBody: {required: true, content: {application/json: {schema: {type: object, required: [email, id, slug, kind], additionalProperties: false, properties: {email: {type: string, format: email, maxLength: 13}, id: {type: string, format: uuid}, slug: {type: string, pattern: '^[a-z]{3,20}$'}, kind: {type: string, enum: [a@example.com]}, card: {type: string}, code: {type: string}}, dependentRequired: {card: [code]}}}}}\n" +
		"      responses: {'200': {description: ok, x-answer: {}}, '400': {description: no}, '409': {description: there}, '415': {description: no}}\n"
	strict, err := strictserver.New([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	there := map[string]bool{}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		answer := httptest.NewRecorder()
		strict.ServeHTTP(answer, r)
		var member struct{ Email, ID, Slug string }
		mu.Lock()
		defer mu.Unlock()
		if answer.Code == http.StatusOK && json.Unmarshal(body, &member) == nil {
			if there[member.Email] || there[member.ID] || there[member.Slug] {
				w.WriteHeader(http.StatusConflict)
				return
			}
			there[member.Email], there[member.ID], there[member.Slug] = true, true, true
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
	for range 2 {
		report, text := runInProcess(t, handler, contract.WithDocument("d.yaml", []byte(document)))
		if report.Failed() {
			t.Error(text)
		}
		for _, result := range report.Results {
			if strings.HasSuffix(result.Name, "a request without anything optional is accepted") && result.Status != http.StatusOK {
				t.Errorf("the plain request was answered %d", result.Status)
			}
			own := strings.Contains(result.Name, `"`) || strings.Contains(result.Name, "with spaces around it")
			if result.Status == http.StatusConflict && (result.Skipped == "" || !own) {
				t.Errorf("%s proves nothing: %q", result.Name, result.Skipped)
			}
		}
	}
}

// Where 405 is not declared, its Allow must still list what the document has.
func TestAllowOfUndeclared405(t *testing.T) {
	const document = "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths:\n  /things:\n    get: {responses: {'200': {description: ok}}}\n    post: {responses: {'200': {description: ok}}}\n"
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/things" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodPost {
			w.Header().Set("Allow", "GET")
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
	})
	report, text := runInProcess(t, handler, contract.WithDocument("d.yaml", []byte(document)))
	if !report.Failed() || !strings.Contains(text, `the header Allow is "GET" and lacks POST`) {
		t.Error(text)
	}
}

// One operation of many is derived alone, also where it is one of several that are named.
func TestOnlyDerivesWhatItNames(t *testing.T) {
	var document strings.Builder
	document.WriteString("openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths:\n")
	for i := range 40 {
		fmt.Fprintf(&document, "  /things%d:\n    get: {operationId: GetThing%d, parameters: [{name: n, in: query, schema: {type: integer, maximum: 9}}], responses: {'200': {description: ok}}}\n", i, i)
	}
	count := func(only string) float64 {
		return testing.AllocsPerRun(1, func() {
			cases, err := contract.Cases(contract.WithDocument("d.yaml", []byte(document.String())), contract.WithOnly(only))
			if err != nil || len(cases) == 0 {
				t.Fatal(only, err)
			}
		})
	}
	all := count("Thing")
	for _, only := range []string{"^GetThing1/", "^(GetThing1|GetThing33)/", "^GetThing(7|8)/values/"} {
		if some := count(only); some > all*0.7 {
			t.Errorf("%s takes %.0f allocations, and all take %.0f", only, some, all)
		}
	}
}

// Where nothing optional fits, something optional is sent: a multipart body has a part, and short texts have their cases.
func TestValuesThatAreFound(t *testing.T) {
	for _, test := range []struct{ name, operation, want string }{
		{name: "multipart with nothing required", operation: "requestBody: {content: {multipart/form-data: {schema: {type: object, properties: {file: {type: string, format: binary}}}}}}", want: "wire/a multipart body that is cut off is answered"},
		{name: "a map in a form", operation: "requestBody: {required: true, content: {application/x-www-form-urlencoded: {encoding: {payload: {style: deepObject, explode: true}}, schema: {type: object, required: [payload], properties: {payload: {type: object, additionalProperties: {type: string}}}}}}}", want: "a request without anything optional is accepted"},
		{name: "a text of two letters", operation: "parameters: [{name: c, in: query, schema: {type: string, maxLength: 2}}]", want: "one character too long, is refused"},
		{name: "a pattern of which nothing is drawn, beside others", operation: "parameters: [{name: n, in: query, schema: {type: integer}}, {name: q, in: query, schema: {type: string, pattern: '/^[a-z]+$/'}}]", want: "n abc, no number, is refused"},
		{name: "a date-time of 25 characters", operation: "parameters: [{name: c, in: query, required: true, schema: {type: string, format: date-time, minLength: 25, maxLength: 25}}]", want: "a request without anything optional is accepted"},
	} {
		document := "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths:\n  /things:\n    post:\n      " + test.operation + "\n      responses: {'200': {description: ok}}\n"
		cases, err := contract.Cases(contract.WithDocument("d.yaml", []byte(document)))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, c := range cases {
			if c.Skip != "" {
				t.Errorf("%s: %s: %s", test.name, c.Name, c.Skip)
			}
			found = found || strings.HasSuffix(c.Name, test.want)
		}
		if !found {
			t.Errorf("%s: no case is %q", test.name, test.want)
		}
	}
}
