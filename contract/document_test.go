package contract_test

import (
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/nudgehq/nudge/contract"
)

//go:embed testdata/shop.yaml
var shop []byte

// shopServer serves testdata/shop.yaml with kin-openapi's own validation; a defect changes one thing.
func shopServer(t *testing.T, defect string) http.Handler {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(shop)
	if err != nil {
		t.Fatal(err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route, parameters, err := router.FindRoute(r)
		switch {
		case err != nil && err.Error() == routers.ErrMethodNotAllowed.Error():
			w.Header().Set("Allow", "DELETE, GET, POST, PUT")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		case err != nil:
			w.WriteHeader(http.StatusNotFound)
			return
		case r.Header.Get("X-Key") != "open" && defect != "no key is needed":
			w.Header().Set("WWW-Authenticate", "X-Key")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		for name, value := range parameters {
			// The router leaves the escapes in.
			if parameters[name], err = url.PathUnescape(value); err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
		}
		if defect == "the limit is not checked" && route.Operation.OperationID == "listOrders" {
			r.URL.RawQuery = regexp.MustCompile(`limit=[0-9]+`).ReplaceAllString(r.URL.RawQuery, "limit=5")
		}
		if defect == "the tenant is not needed" && r.Header.Get("X-Tenant") == "" {
			r.Header.Set("X-Tenant", "acme")
		}
		err = openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
			Request: r, PathParams: parameters, Route: route,
			Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
		})
		if err == nil && r.Method == http.MethodPut {
			err = strictForm(r)
		}
		if err != nil && (defect != "counts are not checked" || !strings.Contains(err.Error(), "/count")) {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		shopAnswer(w, r, route.Operation.OperationID, defect)
	})
}

// strictForm refuses what the validator takes.
func strictForm(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	for name, values := range r.PostForm {
		if (name == "note" || name == "loud") && len(values) > 1 {
			return fmt.Errorf("%s is there twice", name)
		}
		if name == "loud" && values[0] != "true" && values[0] != "false" {
			return fmt.Errorf("loud is %q", values[0])
		}
	}
	if n := len([]rune(r.PostForm.Get("note"))); n < 1 || n > 10 {
		return fmt.Errorf("note has %d characters", n)
	}
	return nil
}

func shopAnswer(w http.ResponseWriter, r *http.Request, operation, defect string) {
	switch operation {
	case "listOrders":
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, `[]`)
	case "createOrder":
		order := map[string]any{}
		body, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(body, &order) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		var b [16]byte
		_, _ = rand.Read(b[:])
		order["id"] = fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
		if defect == "another name is answered" {
			order["name"] = "x"
		}
		if defect == "another city is answered" && order["address"] != nil {
			order["address"] = map[string]any{"city": "Rome"}
		}
		if defect == "something else is answered too" {
			order["internal"] = true
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(order)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// Any document will do: other methods, parameters, bodies and credentials.
func TestAnyDocument(t *testing.T) {
	t.Parallel()
	for defect, says := range map[string]string{
		"":                               ``,
		"no key is needed":               `without credentials`,
		"the limit is not checked":       `limit 101, one above its maximum`,
		"the tenant is not needed":       `X-Tenant left out`,
		"counts are not checked":         `items\[0\]\.count (0|10), just`,
		"another name is answered":       `name is "x"`,
		"another city is answered":       `address\.city is "Rome"`,
		"something else is answered too": `"internal", which is not declared`,
	} {
		t.Run(defect, func(t *testing.T) {
			server := httptest.NewServer(shopServer(t, defect))
			defer server.Close()
			report, err := contract.Run(t.Context(), server.URL, contract.WithDocument("shop.yaml", shop), contract.WithStrict(), contract.WithHeader("X-Key", "open"))
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			if err := report.WriteText(&text); err != nil {
				t.Fatal(err)
			}
			if report.Failed() != (defect != "") || !regexp.MustCompile(says).MatchString(text.String()) {
				t.Error(text.String())
			}
			t.Log(report.Summary())
		})
	}
}

// nested is a document whose schemas contain themselves.
//
//go:embed testdata/nested.yaml
var nested []byte

// A schema that contains itself is tried once, not once for each way into it.
func TestSchemasThatContainThemselves(t *testing.T) {
	cases, err := contract.Cases(contract.WithDocument("nested.yaml", nested))
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) < 50 || len(cases) > 600 {
		t.Errorf("%d cases", len(cases))
	}
}
