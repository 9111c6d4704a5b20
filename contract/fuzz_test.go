package contract_test

import (
	"testing"

	"github.com/nudgehq/nudge"
	"github.com/nudgehq/nudge/contract"
)

// FuzzDocument derives cases from arbitrary documents: it refuses them, or makes cases, and nothing fails.
func FuzzDocument(f *testing.F) {
	for _, seed := range []string{
		"", "openapi: 3.0.3", "openapi: 3.0.3\ninfo: {title: a, version: '1'}\npaths: {}", "a: &a [*a]",
		"openapi: 3.0.3\ninfo: {title: a, version: '1'}\npaths:\n  /a/{b}:\n    get:\n      operationId: x\n      parameters: [{name: b, in: path, required: true, schema: {type: string, pattern: '^a{3}$'}}]\n      responses: {'200': {description: ok}}\n",
		"openapi: 3.0.3\ninfo: {title: a, version: '1'}\npaths:\n  /:\n    get: {operationId: x, responses: {'200': {description: ok}}}\n",
		"openapi: 3.0.3\ninfo: {title: a, version: '1'}\npaths:\n  /a/:\n    get: {operationId: x, responses: {default: {description: ok}}}\n",
		string(shop), string(nudge.OpenAPI),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if cases, err := contract.Cases(contract.WithDocument("fuzz", []byte(text))); err == nil && len(cases) == 0 {
			t.Error("a document that is taken gives no case")
		}
	})
}
