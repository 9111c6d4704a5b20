package contract_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/nudgehq/nudge/contract"
)

// A server that answers everything with 200 does not keep the document.
func ExampleRun() {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	report, err := contract.Run(context.Background(), server.URL,
		contract.WithAccount("ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "dev0token"), contract.WithMaxFailures(1))
	if err != nil {
		log.Fatal(err)
	}
	for _, result := range report.Results {
		if result.Failed() {
			fmt.Println(result.Violations[0].Message)
		}
	}
	// Output: the status 200 is not declared
}

// Cases lists what a run would try.
func ExampleCases() {
	document := []byte(`{"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": {"/things": {"get": {
		"operationId": "ListThings", "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 50}}],
		"responses": {"200": {"description": "the things"}, "400": {"description": "a wrong request"}}}}}}`)
	cases, err := contract.Cases(contract.WithDocument("things.json", document), contract.WithOnly("one above its maximum"))
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range cases {
		fmt.Println(c.Name)
	}
	// Output: ListThings/values/limit 51, one above its maximum, is refused
}
