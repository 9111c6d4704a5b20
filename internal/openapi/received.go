package openapi

import (
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// Received is a request that the callers of an API receive: a webhook, or a callback of an operation. Its path is the webhook's name,
// or the expression of the URL that is called.
type Received struct {
	Operation
	// CallbackOf is the operation's id; empty for a webhook.
	CallbackOf string
}

// ReceivedRequests lists the webhooks of a document and the callbacks of its operations. None has the id of an operation, or of another.
func ReceivedRequests(doc *openapi3.T, operations []Operation) (list []Received) {
	taken := map[string]bool{}
	for _, op := range operations {
		taken[op.ID] = true
	}
	add := func(name, callbackOf string, item *openapi3.PathItem) {
		byMethod := item.Operations()
		for _, method := range slices.Sorted(maps.Keys(byMethod)) {
			spec := byMethod[method]
			r := Received{CallbackOf: callbackOf, Operation: Operation{ID: freeID(taken, spec.OperationID, method+" "+name), Method: method, Path: name, Item: item, Spec: spec}}
			if spec.Security != nil {
				r.Security = *spec.Security
			}
			list = append(list, r)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Webhooks)) {
		if item := doc.Webhooks[name]; item != nil {
			add(name, "", item)
		}
	}
	for _, op := range operations {
		for _, name := range slices.Sorted(maps.Keys(op.Spec.Callbacks)) {
			callback := op.Spec.Callbacks[name]
			if callback == nil || callback.Value == nil {
				continue
			}
			items := callback.Value.Map()
			for _, expression := range slices.Sorted(maps.Keys(items)) {
				if items[expression] != nil {
					add(expression, op.ID, items[expression])
				}
			}
		}
	}
	return list
}
