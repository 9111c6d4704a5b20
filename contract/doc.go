// Package contract tests a server, in whatever language it is written, against an OpenAPI document.
//
//	func TestContract(t *testing.T) {
//		server := httptest.NewServer(myHandler)
//		defer server.Close()
//		contract.Test(t, server.URL, contract.WithAccount(accountSID, authToken))
//	}
//
// Every case is a subtest, named by what it proves, and comes from a rule of the document: its examples, bounds, lengths,
// patterns and media types, the wire forms of numbers, fields that are unknown, repeated or smuggled through the query,
// credentials, methods and paths. Every answer is judged: status, headers, media type, strict JSON, fields that are not
// declared, and the document's relations ("the answer's ttl is the request's Ttl").
//
// [Run] does the same outside of go test, which is what `nudge contract` is. [Proxy] judges real traffic. The document is
// that of nudge unless [WithDocument] gives another one; any operations will do.
package contract
